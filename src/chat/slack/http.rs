//! Deliveries over signed HTTP: commands, events and interactions at one address.
//!
//! The signature is checked over the raw bytes before anything is read. A delivery that was taken is not taken again under the same signature, so that
//! whoever overhears one gets no answer by repeating it; across restarts the desk knows its id.

use std::collections::{HashSet, VecDeque};
use std::sync::{Arc, Mutex, PoisonError};

use async_trait::async_trait;
use secrecy::{ExposeSecret, SecretString};
use serde_json::{Map, Value};

use super::SlackChat;
use super::hear::{Ear, Taken, count};
use super::sign::{self, Refused};
use super::wire::{self, Garbled, Hearing};
use crate::ports::{Delivered, Delivery, Desk, Intake};

/// The largest delivery, in bytes: Slack's are a few kilobytes, and a view with everything in it 250.
const BODY_MAX: usize = 1 << 20;
/// How many signatures are remembered. They are void after five minutes anyhow.
const REMEMBERED: usize = 20_000;
/// The most fields of a form; a command has about fifteen.
const FIELDS_MAX: usize = 100;

/// Takes Slack's deliveries over HTTP.
pub struct SlackIntake {
    ear: Ear,
    secret: SecretString,
    taken: Mutex<Signatures>,
}

impl SlackIntake {
    /// Takes deliveries for this desk.
    ///
    /// # Errors
    /// The chat has no signing secret.
    pub fn new(chat: Arc<SlackChat>, desk: Arc<dyn Desk>) -> anyhow::Result<Self> {
        let secret = chat.signing_secret.clone().ok_or_else(|| {
            anyhow::anyhow!(
                "Slack: without the app's signing secret no delivery over HTTP can be told from a forged one"
            )
        })?;
        anyhow::ensure!(!secret.expose_secret().trim().is_empty(), "Slack: the signing secret is empty");
        Ok(Self { ear: Ear { chat, desk }, secret, taken: Mutex::default() })
    }

    async fn take(&self, delivery: &Delivery) -> Delivered {
        if delivery.body.len() > BODY_MAX {
            return refuse(413, "oversized");
        }
        let timestamp = delivery.header("x-slack-request-timestamp");
        let signature = delivery.header("x-slack-signature");
        let (Some(timestamp), Some(signature)) = (timestamp, signature) else { return refuse(401, "forged") };
        let (secret, now) = (self.secret.expose_secret().as_bytes(), self.ear.chat.clock.now());
        match sign::check(secret, timestamp, &delivery.body, signature, now) {
            Ok(()) => {}
            Err(Refused::Forged) => return refuse(401, "forged"),
            Err(Refused::Stale) => return refuse(401, "stale"),
        }
        self.ear.chat.api.was_heard();
        if !self.ear.chat.is_in_touch() {
            // Slack brings it again.
            return refuse(503, "early");
        }
        if self.signatures(|taken| taken.holds(signature)) {
            // Slack itself is told that all is well, lest it repeats it once more.
            count("unknown", "replayed");
            return Delivered::text(200, "replayed", "");
        }
        let read = read(delivery);
        let place = self.ear.enter(&read);
        let Taken { verdict, answer } = self.ear.hear(read, place).await;
        if verdict == "garbled" {
            return Delivered::text(400, "garbled", "this cannot be read");
        }
        self.signatures(|taken| taken.keep(signature));
        match answer {
            Some(answer) => Delivered::json(200, verdict, answer.to_string()),
            None => Delivered::text(200, verdict, ""),
        }
    }

    fn signatures<R>(&self, work: impl FnOnce(&mut Signatures) -> R) -> R {
        work(&mut self.taken.lock().unwrap_or_else(PoisonError::into_inner))
    }
}

#[async_trait]
impl Intake for SlackIntake {
    async fn deliver(&self, delivery: &Delivery) -> Delivered {
        self.take(delivery).await
    }
}

fn refuse(status: u16, verdict: &'static str) -> Delivered {
    count("unknown", verdict);
    Delivered::text(status, verdict, verdict)
}

/// What the delivery is: JSON is an event, a form is a command or, with a `payload`, an interaction.
fn read(delivery: &Delivery) -> Result<Hearing, Garbled> {
    let kind = delivery.header("content-type").unwrap_or_default().to_ascii_lowercase();
    if kind.starts_with("application/json") {
        let payload: Value = serde_json::from_slice(&delivery.body).map_err(|_| Garbled("json"))?;
        return wire::event(&payload);
    }
    if !kind.starts_with("application/x-www-form-urlencoded") {
        return Err(Garbled("content-type"));
    }
    let mut fields = Map::new();
    for (name, value) in url::form_urlencoded::parse(&delivery.body).take(FIELDS_MAX) {
        // A field that is there twice has two meanings.
        if fields.insert(name.into_owned(), Value::String(value.into_owned())).is_some() {
            return Err(Garbled("a field is there twice"));
        }
    }
    match fields.get("payload").and_then(Value::as_str) {
        Some(payload) => {
            let payload: Value = serde_json::from_str(payload).map_err(|_| Garbled("payload"))?;
            wire::interaction(&payload)
        }
        None if fields.contains_key("ssl_check") => Ok(Hearing::Nothing("ssl_check")),
        None => wire::command(&Value::Object(fields)),
    }
}

/// Signatures of deliveries that were taken, the oldest forgotten first.
#[derive(Default)]
struct Signatures {
    known: HashSet<String>,
    order: VecDeque<String>,
}

impl Signatures {
    fn holds(&self, signature: &str) -> bool {
        self.known.contains(&signature.to_ascii_lowercase())
    }

    fn keep(&mut self, signature: &str) {
        let signature = signature.to_ascii_lowercase();
        if self.known.insert(signature.clone()) {
            self.order.push_back(signature);
        }
        while self.order.len() > REMEMBERED {
            if let Some(oldest) = self.order.pop_front() {
                self.known.remove(&oldest);
            }
        }
    }
}
