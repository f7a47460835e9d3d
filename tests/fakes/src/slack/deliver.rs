//! How the app hears of what people do: once, doubled or late; again when it does not acknowledge; not at all while nobody is connected.

use std::sync::Arc;
use std::time::Duration;

use serde_json::{Value, json};
use tokio::time::Instant;

use super::options::{Delivery, Doubling};
use super::records::Ack;
use super::world::Doing;
use super::{FakeSlack, Inner, signed};

/// The waits before the redeliveries of an event, before they are scaled.
const RETRY_WAITS: [Duration; 3] = [Duration::ZERO, Duration::from_secs(60), Duration::from_secs(300)];

/// What became of a doing's first delivery.
#[derive(Debug, Clone)]
pub struct Outcome {
    /// How long it took to be acknowledged, or to fail.
    pub ms: f64,
    /// What was answered with the acknowledgement.
    pub payload: Option<Value>,
    /// Why the person saw it fail: `dispatch_failed`, `operation_timeout`; `None` if it was acknowledged.
    pub failed: Option<String>,
}

impl Outcome {
    /// Whether it was acknowledged in time.
    pub fn is_acked(&self) -> bool {
        self.failed.is_none()
    }

    /// The text of what was answered with the acknowledgement; empty if there was none.
    pub fn text(&self) -> &str {
        self.payload.as_ref().and_then(|payload| payload["text"].as_str()).unwrap_or_default()
    }
}

/// Why a delivery failed.
#[derive(Debug, Clone, Copy, PartialEq, Eq)]
pub(crate) enum Failure {
    /// No socket is open.
    Offline,
    /// The socket closed before the acknowledgement.
    Disconnected,
    /// No acknowledgement in time.
    TimedOut,
    /// Nothing listens at the request url, or the connection broke.
    Unreachable,
    /// Another status than success.
    Status { status: u16, no_retry: bool },
}

impl Failure {
    /// What Slack gives as the reason of the redelivery.
    fn reason(self) -> &'static str {
        match self {
            Self::Offline | Self::Unreachable => "connection_failed",
            Self::Disconnected | Self::TimedOut => "http_timeout",
            Self::Status { status: 404, .. } => "http_error_404",
            Self::Status { .. } => "http_error",
        }
    }

    /// What the person sees whose command or click it was.
    fn seen(self) -> String {
        match self {
            Self::Offline | Self::Unreachable => "dispatch_failed".to_string(),
            Self::Disconnected | Self::TimedOut => "operation_timeout".to_string(),
            Self::Status { status, .. } => format!("http_service_error_{status}"),
        }
    }
}

impl Inner {
    /// Delivers a doing as the faults of the moment want it, and says what became of the first delivery.
    pub(crate) async fn deliver(self: &Arc<Self>, kind: &'static str, payload: Value) -> Outcome {
        let (late, doubling) = self.look(|world| (world.faults.late, world.faults.doubling));
        if kind == "events_api" {
            self.change(|world| world.last_event = Some(Doing { kind, payload: payload.clone() }));
        }
        if !late.is_zero() {
            tokio::time::sleep(late).await;
        }
        let first = envelope_id();
        match doubling {
            Doubling::Once => self.once(first, kind, payload, 0).await,
            Doubling::SameEnvelope | Doubling::OtherEnvelope => {
                let second = if doubling == Doubling::SameEnvelope { first.clone() } else { envelope_id() };
                let again = self.once(second, kind, payload.clone(), 0);
                let (outcome, _) = tokio::join!(self.once(first, kind, payload, 0), again);
                outcome
            }
        }
    }

    /// One delivery; events that fail are delivered again in the background.
    async fn once(self: &Arc<Self>, envelope_id: String, kind: &'static str, payload: Value, number: u32) -> Outcome {
        let began = Instant::now();
        let result = self.attempt(&envelope_id, kind, &payload, number, None).await;
        let ms = began.elapsed().as_secs_f64() * 1000.0;
        match result {
            Ok(payload) => Outcome { ms, payload, failed: None },
            Err(failure) => {
                if kind == "events_api" {
                    self.failed_event(payload, failure, number);
                }
                Outcome { ms, payload: None, failed: Some(failure.seen()) }
            }
        }
    }

    fn failed_event(self: &Arc<Self>, payload: Value, failure: Failure, number: u32) {
        let waits_for_socket = failure == Failure::Offline;
        if waits_for_socket && self.look(|world| world.options.lose_events_when_offline) {
            self.change(|world| world.lost_events.push(payload));
            return;
        }
        // Not the handle: a workspace that has ended delivers nothing.
        let inner = Arc::downgrade(self);
        tokio::spawn(async move {
            if waits_for_socket {
                loop {
                    let Some(inner) = inner.upgrade() else { return };
                    let wait = tokio::time::timeout(Duration::from_secs(1), inner.sockets.at_least(1));
                    if wait.await.is_ok() {
                        break;
                    }
                }
            }
            let mut last = failure;
            for (index, wait) in RETRY_WAITS.iter().enumerate() {
                if matches!(last, Failure::Status { no_retry: true, .. }) {
                    return;
                }
                let Some(scale) = inner.upgrade().map(|inner| inner.look(|world| world.options.retry_scale)) else {
                    return;
                };
                tokio::time::sleep(wait.mul_f64(scale.max(0.0))).await;
                let Some(inner) = inner.upgrade() else { return };
                let attempt = number + u32::try_from(index).unwrap_or(0) + 1;
                match inner.attempt(&envelope_id(), "events_api", &payload, attempt, Some(last.reason())).await {
                    Ok(_) => return,
                    Err(failure) => last = failure,
                }
            }
            if let Some(inner) = inner.upgrade() {
                inner.change(|world| world.lost_events.push(payload));
            }
        });
    }

    async fn attempt(
        &self,
        envelope_id: &str,
        kind: &'static str,
        payload: &Value,
        attempt: u32,
        reason: Option<&str>,
    ) -> Result<Option<Value>, Failure> {
        let (delivery, within) = self.look(|world| (world.options.delivery.clone(), world.options.ack_within));
        match delivery {
            Delivery::Socket => {
                let mut envelope = json!({
                    "type": kind,
                    "envelope_id": envelope_id,
                    "accepts_response_payload": kind != "events_api",
                    "payload": payload,
                });
                if kind == "events_api" {
                    envelope["retry_attempt"] = json!(attempt);
                    envelope["retry_reason"] = json!(reason.unwrap_or_default());
                }
                let cut = self.change(|world| world.faults.cuts());
                let told = self.sockets.send(kind, envelope, attempt, cut).ok_or(Failure::Offline)?;
                match tokio::time::timeout(within, told).await {
                    Ok(Ok(payload)) => Ok(payload),
                    Ok(Err(_)) => Err(Failure::Disconnected),
                    Err(_) => Err(Failure::TimedOut),
                }
            }
            Delivery::Http(urls) => {
                let began = Instant::now();
                let retry = reason.map(|reason| (attempt, reason));
                let answer = signed::post(self, &urls, kind, payload, retry, within).await?;
                let ms = began.elapsed().as_secs_f64() * 1000.0;
                let (envelope_id, kind, payload) = (envelope_id.to_string(), kind.to_string(), answer.clone());
                self.change(|world| world.acks.push(Ack { envelope_id, kind, ms, attempt, payload }));
                Ok(answer)
            }
        }
    }
}

impl FakeSlack {
    /// Delivers the last event again, as if its acknowledgement had been lost; `None` if there was none.
    pub async fn redeliver_last_event(&self) -> Option<Outcome> {
        let doing = self.inner.look(|world| world.last_event.clone())?;
        Some(self.inner.once(envelope_id(), doing.kind, doing.payload, 1).await)
    }

    /// Tells every socket to reconnect, as Slack does every few hours.
    pub fn disconnect_all(&self) {
        self.inner.sockets.leave_all("refresh_requested");
    }

    /// Breaks every socket without a word.
    pub fn drop_all_sockets(&self) {
        self.inner.sockets.drop_all();
    }

    /// How many sockets are open.
    pub fn sockets(&self) -> usize {
        self.inner.sockets.count()
    }

    /// Waits until at least so many sockets are open; `false` if they are not within the time.
    pub async fn connected(&self, sockets: usize, within: Duration) -> bool {
        tokio::time::timeout(within, self.inner.sockets.at_least(sockets)).await.is_ok()
    }

    /// Asks the events url to prove that it is the app's, as Slack does when it is entered; `false` if it does not.
    pub async fn verify_events_url(&self) -> bool {
        let (delivery, within) = self.inner.look(|world| (world.options.delivery.clone(), world.options.ack_within));
        let Delivery::Http(urls) = delivery else { return false };
        let challenge = format!("{:032x}", fastrand::u128(..));
        let asked = json!({ "type": "url_verification", "challenge": challenge, "token": "verification" });
        let answer = signed::post(&self.inner, &urls, "events_api", &asked, None, within).await;
        let Ok(Some(answer)) = answer else { return false };
        answer["challenge"] == *challenge || answer["text"] == *challenge
    }
}

/// An envelope id that was never given out.
fn envelope_id() -> String {
    format!(
        "{:08x}-{:04x}-4{:03x}-8{:03x}-{:012x}",
        fastrand::u32(..),
        fastrand::u16(..),
        fastrand::u16(..0xfff),
        fastrand::u16(..0xfff),
        fastrand::u64(..1 << 48)
    )
}
