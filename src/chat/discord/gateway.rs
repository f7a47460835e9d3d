//! The gateway: one connection, kept open; what comes is handed on in the order in which it came, as it is.
//!
//! serenity's own client starts every event as a task of its own, so that a reaction that was given and one that was taken back may change places, and
//! loses an event whose JSON differs from its model; so the connection is kept here. It is taken up again where it broke (RESUME) for as long as Discord
//! allows, also after a connection that only seemed to be alive.

use std::time::Duration;

use anyhow::Context;
use futures_util::stream::{SplitSink, SplitStream};
use futures_util::{SinkExt, StreamExt};
use serde_json::{Value, json};
use tokio::net::TcpStream;
use tokio::time::Instant;
use tokio_tungstenite::tungstenite::Message;
use tokio_tungstenite::tungstenite::protocol::CloseFrame;
use tokio_tungstenite::{MaybeTlsStream, WebSocketStream, connect_async_with_config};
use tokio_util::sync::CancellationToken;
use url::Url;

use serenity::http::Route;

use super::api::Api;
use super::wire::Event;

/// What kaas is told of: the server with its channels and threads (1), and reactions (1024). Nothing that Discord calls privileged.
const INTENTS: u64 = 1 << 0 | 1 << 10;
/// The longest wait for a connection and its first words.
const CONNECT_MAX: Duration = Duration::from_secs(10);
/// The least time between two IDENTIFYs.
const IDENTIFY_EVERY: Duration = Duration::from_secs(5);
/// How often a session is looked for in vain where Discord said that it can be taken up, before it is looked for where every session begins.
const VAIN_MAX: u32 = 3;
/// The longest pause between two connections.
const PAUSE_MAX: Duration = Duration::from_secs(60);
/// The shortest and the longest time between two heartbeats that Discord may ask for.
const BEAT: (Duration, Duration) = (Duration::from_millis(50), Duration::from_secs(120));
/// Closing without ending the session.
const LEAVES: u16 = 4000;
/// Closing for good.
const GOES: u16 = 1000;

type Stream = WebSocketStream<MaybeTlsStream<TcpStream>>;

/// What can be taken up again.
#[derive(Debug, Clone)]
struct Session {
    id: String,
    /// Where, as Discord said; `None` where every session begins.
    url: Option<Url>,
    /// The number of the last event.
    seq: u64,
}

/// How a connection ended.
#[derive(Debug)]
enum End {
    /// kaas stops.
    Stopped,
    /// It is opened again; whether it was in use at all.
    Lost { was_in_use: bool },
    /// It never is: what a person has to change.
    Fatal(String),
}

/// Who hears what comes over the gateway, in its order.
pub(super) trait Hears: Send + Sync {
    /// The connection is in use, or is not.
    fn is_connected(&self, connected: bool);
    /// Something came.
    fn event(&self, event: Event);
}

/// The gateway, as one process uses it.
pub(super) struct Gateway<'a> {
    pub api: &'a Api,
    pub ear: &'a dyn Hears,
    /// The first pause before a connection that could not be opened is tried again.
    pub reconnect: Duration,
    pub stop: CancellationToken,
}

impl Gateway<'_> {
    /// Keeps a connection open until it is stopped.
    ///
    /// # Errors
    /// Discord does not let kaas in until a person has changed something: the words say what.
    pub async fn keep(&self) -> anyhow::Result<()> {
        let (mut session, mut pause, mut vain) = (None::<Session>, Duration::ZERO, 0);
        let mut identified: Option<Instant> = None;
        loop {
            let early = identified
                .filter(|_| session.is_none())
                .map_or(Duration::ZERO, |at| IDENTIFY_EVERY.saturating_sub(at.elapsed()));
            let wait = pause.max(early.min(self.reconnect * 5));
            tokio::select! {
                () = self.stop.cancelled() => return Ok(()),
                () = tokio::time::sleep(wait) => {}
            }
            if session.is_none() {
                identified = Some(Instant::now());
            }
            let begun = Instant::now();
            let end = self.once(&mut session).await;
            self.ear.is_connected(false);
            vain = if matches!(end, Ok(End::Lost { was_in_use: true })) { 0 } else { vain + 1 };
            if let Some(session) = session.as_mut().filter(|_| vain >= VAIN_MAX) {
                session.url = None;
            }
            pause = match end {
                Ok(End::Stopped) => return Ok(()),
                Ok(End::Fatal(remedy)) => anyhow::bail!(remedy),
                Ok(End::Lost { was_in_use: true }) if begun.elapsed() > self.reconnect => Duration::ZERO,
                Ok(End::Lost { .. }) => self.longer(pause),
                Err(fault) => {
                    let pause = self.longer(pause);
                    tracing::warn!(
                        "the gateway of Discord cannot be opened; the next try is in {} s: {fault:#}",
                        pause.as_secs()
                    );
                    pause
                }
            };
        }
    }

    fn longer(&self, pause: Duration) -> Duration {
        (pause * 2).clamp(self.reconnect.min(PAUSE_MAX), PAUSE_MAX)
    }

    /// One connection, from its beginning to its end.
    async fn once(&self, session: &mut Option<Session>) -> anyhow::Result<End> {
        let opened = async {
            let url = match session.as_ref().and_then(|session| session.url.clone()) {
                Some(url) => url,
                None => self.find().await?,
            };
            // Without waiting for more to send.
            let (stream, _) = connect_async_with_config(url.as_str(), None, true).await?;
            anyhow::Ok(stream)
        };
        let stream = tokio::select! {
            () = self.stop.cancelled() => return Ok(End::Stopped),
            opened = tokio::time::timeout(CONNECT_MAX, opened) => opened.context("no connection in time")??,
        };
        let (sink, stream) = stream.split();
        let is_late = session.is_some();
        let mut line =
            Line { gateway: self, sink, seq: session.as_ref().map(|session| session.seq), is_late, was_in_use: false };
        let end = line.serve(stream, session).await;
        if let Some(session) = session {
            session.seq = line.seq.unwrap_or(session.seq);
        }
        if let Ok(End::Stopped) = end {
            line.close(GOES).await;
        }
        end
    }

    /// Asks where the gateway is.
    async fn find(&self) -> anyhow::Result<Url> {
        let answer = self.api.get("ask for the gateway", Route::Gateway).await?;
        self.api.gateway(answer["url"].as_str().unwrap_or_default())
    }
}

/// One connection.
struct Line<'a, 'b> {
    gateway: &'a Gateway<'b>,
    sink: SplitSink<Stream, Message>,
    seq: Option<u64>,
    /// Whether what comes happened before this connection.
    is_late: bool,
    was_in_use: bool,
}

/// What follows a frame.
enum Next {
    Goes,
    /// The connection is left, and another one opened.
    Leave,
    End(End),
}

impl Line<'_, '_> {
    async fn serve(&mut self, mut stream: SplitStream<Stream>, session: &mut Option<Session>) -> anyhow::Result<End> {
        let hello = tokio::time::timeout(CONNECT_MAX, text(&mut stream)).await.context("no first word in time")??;
        let Frame::Text(hello) = hello else { anyhow::bail!("the connection ended before its first word") };
        let hello: Value = serde_json::from_str(&hello).context("a first word that is no JSON")?;
        anyhow::ensure!(hello["op"] == 10, "a first word that is not HELLO");
        let every = Duration::from_millis(hello["d"]["heartbeat_interval"].as_u64().unwrap_or(0)).clamp(BEAT.0, BEAT.1);
        self.greet(session.as_ref()).await?;
        // The first heartbeat comes sooner than the others, so that not everybody's come at once.
        let mut beats = tokio::time::interval_at(Instant::now() + every / 2, every);
        beats.set_missed_tick_behavior(tokio::time::MissedTickBehavior::Delay);
        let mut answered = true;
        loop {
            let frame = tokio::select! {
                () = self.gateway.stop.cancelled() => return Ok(End::Stopped),
                _ = beats.tick() => {
                    if !answered {
                        tracing::warn!("Discord answers no heartbeat; the gateway is opened again");
                        self.close(LEAVES).await;
                        return Ok(self.lost());
                    }
                    answered = false;
                    self.beat().await?;
                    continue;
                }
                frame = text(&mut stream) => frame,
            };
            let body = match frame {
                Ok(Frame::Text(body)) => body,
                Ok(Frame::Close(code)) => return Ok(self.closed(code, session)),
                Err(fault) => {
                    tracing::warn!("the connection to Discord's gateway failed; it is opened again: {fault:#}");
                    return Ok(self.lost());
                }
            };
            self.gateway.api.was_heard();
            let Ok(frame) = serde_json::from_str::<Value>(&body) else {
                tracing::warn!("something came over Discord's gateway that is no JSON");
                continue;
            };
            if frame["op"] == 11 {
                answered = true;
                continue;
            }
            match self.take(frame, session).await? {
                Next::Goes => {}
                Next::Leave => {
                    self.close(LEAVES).await;
                    return Ok(self.lost());
                }
                Next::End(end) => return Ok(end),
            }
        }
    }

    async fn take(&mut self, mut frame: Value, session: &mut Option<Session>) -> anyhow::Result<Next> {
        match frame["op"].as_u64() {
            Some(0) => {
                let (Some(seq), Some(name)) = (frame["s"].as_u64(), frame["t"].as_str().map(str::to_owned)) else {
                    return Ok(Next::Goes);
                };
                self.seq = Some(seq);
                let data = frame["d"].take();
                if name == "READY" {
                    *session = self.begun(&data, seq);
                }
                if matches!(name.as_str(), "READY" | "RESUMED") {
                    self.is_late = false;
                    self.was_in_use = true;
                    self.gateway.ear.is_connected(true);
                }
                let session = session.as_ref().map(|session| session.id.clone()).unwrap_or_default();
                self.gateway.ear.event(Event { name, data, seq, session, is_late: self.is_late });
            }
            Some(1) => self.beat().await?,
            Some(7) => {
                tracing::debug!("Discord asks for another connection");
                return Ok(Next::Leave);
            }
            Some(9) if frame["d"] == true => return Ok(Next::Leave),
            Some(9) => {
                tracing::warn!("Discord has forgotten the session; what happened meanwhile is read again");
                *session = None;
                return Ok(Next::End(self.lost()));
            }
            _ => {}
        }
        Ok(Next::Goes)
    }

    /// A session that can be taken up again, where Discord says where.
    fn begun(&self, ready: &Value, seq: u64) -> Option<Session> {
        let id = ready["session_id"].as_str()?.to_owned();
        let url = ready["resume_gateway_url"].as_str().and_then(|url| self.gateway.api.gateway(url).ok());
        Some(Session { id, url, seq })
    }

    async fn greet(&mut self, session: Option<&Session>) -> anyhow::Result<()> {
        let token = self.gateway.api.token();
        let frame = match session {
            Some(session) => json!({ "op": 6, "d": { "token": token, "session_id": session.id, "seq": session.seq } }),
            None => json!({ "op": 2, "d": {
                "token": token, "intents": INTENTS, "compress": false, "large_threshold": 50, "shard": [0, 1],
                "properties": { "os": std::env::consts::OS, "browser": "kaas", "device": "kaas" },
            } }),
        };
        self.send(&frame).await
    }

    async fn beat(&mut self) -> anyhow::Result<()> {
        let frame = json!({ "op": 1, "d": self.seq });
        self.send(&frame).await
    }

    async fn send(&mut self, frame: &Value) -> anyhow::Result<()> {
        let sent = tokio::time::timeout(CONNECT_MAX, self.sink.send(Message::text(frame.to_string())));
        sent.await.context("the gateway takes nothing")?.context("the gateway is gone")
    }

    /// Says goodbye; it is not waited for long.
    async fn close(&mut self, code: u16) {
        let frame = CloseFrame { code: code.into(), reason: "".into() };
        let _ = tokio::time::timeout(Duration::from_secs(1), self.sink.send(Message::Close(Some(frame)))).await;
    }

    fn lost(&self) -> End {
        End::Lost { was_in_use: self.was_in_use }
    }

    /// What a close code means. See <https://docs.discord.com/developers/topics/opcodes-and-status-codes#gateway-gateway-close-event-codes>.
    fn closed(&self, code: Option<u16>, session: &mut Option<Session>) -> End {
        if let Some(remedy) = code.and_then(remedy) {
            return End::Fatal(remedy.to_owned());
        }
        if let Some(4003 | 4007 | 4009) = code {
            *session = None;
        }
        tracing::debug!(discord.close = code, "the connection to Discord's gateway ended");
        self.lost()
    }
}

/// What a person has to change after a close code that trying again does not help.
fn remedy(code: u16) -> Option<&'static str> {
    Some(match code {
        4004 => {
            "Discord: the gateway does not take the token (4004); reset it in the developer portal and give kaas the new one"
        }
        4010 | 4011 => {
            "Discord: the application is in more servers than one connection serves (4010/4011); give kaas an application of its own"
        }
        4012 => "Discord: the gateway speaks another version (4012); update kaas",
        4013 => "Discord: the gateway does not know what kaas asks to be told of (4013); update kaas",
        4014 => {
            "Discord: the application may not be told of what kaas needs (4014); kaas needs no privileged intent, so look at the application in the developer portal"
        }
        _ => return None,
    })
}

enum Frame {
    Text(String),
    Close(Option<u16>),
}

/// The next text of a connection, or its end.
async fn text(stream: &mut SplitStream<Stream>) -> anyhow::Result<Frame> {
    loop {
        match stream.next().await.transpose()? {
            None => return Ok(Frame::Close(None)),
            Some(Message::Close(frame)) => return Ok(Frame::Close(frame.map(|frame| frame.code.into()))),
            Some(Message::Text(body)) => return Ok(Frame::Text(body.as_str().to_owned())),
            Some(Message::Ping(_) | Message::Pong(_) | Message::Binary(_) | Message::Frame(_)) => {}
        }
    }
}
