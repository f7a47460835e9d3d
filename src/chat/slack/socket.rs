//! Socket Mode: several sockets to Slack, each envelope read from its raw JSON, brought to the desk, and acknowledged after that.
//!
//! slack-morphism keeps the sockets: it opens them, answers pings, and opens them again. What comes in is read here, because its own types leave things out.
//! Envelopes of one socket are taken one after the other; a slow one holds up no other socket.

use std::sync::atomic::Ordering;
use std::sync::{Arc, Weak};
use std::time::Duration;

use async_trait::async_trait;
use serde_json::{Value, json};
use slack_morphism::clients_manager::{SlackSocketModeClientsManager, SlackSocketModeClientsManagerFactory};
use slack_morphism::listener::SlackClientEventsListenerEnvironment;
use slack_morphism::{SlackClientSocketModeConfig, SlackSocketModeClientListener, SlackSocketModeWssClientId};
use tokio_util::sync::CancellationToken;

use super::SlackChat;
use super::api::secret;
use super::hear::{Ear, Taken};
use super::wire::{self, Garbled};
use crate::ports::Desk;

/// How often it is looked whether a socket is open.
const LOOK_EVERY: Duration = Duration::from_secs(5);
/// How long no socket may be open before all of them are opened anew.
const DEAF_MAX: Duration = Duration::from_secs(120);
/// The time between the first connections, in seconds.
const APART_SECONDS: u64 = 1;
/// How long answers that are on their way may take when kaas stops.
const LAST_WORDS: Duration = Duration::from_secs(3);

type Manager = dyn SlackSocketModeClientsManager + Send + Sync;

impl SlackChat {
    /// Listens until it is stopped, and brings what is heard to the desk. Without a token of the app it only waits: then deliveries come over HTTP.
    ///
    /// # Errors
    /// The sockets cannot be set up.
    pub async fn listen(self: &Arc<Self>, desk: Arc<dyn Desk>, stop: CancellationToken) -> anyhow::Result<()> {
        let Some(token) = &self.app_token else {
            stop.cancelled().await;
            self.finish(LAST_WORDS).await;
            return Ok(());
        };
        let token = secret(token);
        self.listens.store(true, Ordering::Relaxed);
        while !stop.is_cancelled() {
            let environment = Arc::new(SlackClientEventsListenerEnvironment::new(Arc::clone(&self.api.client)));
            let manager: Arc<Manager> = self.api.client.http_api.connector.new_clients_manager(environment);
            let ear = Ear { chat: Arc::clone(self), desk: Arc::clone(&desk) };
            let listener = Arc::new(Listener { ear, manager: Arc::downgrade(&manager) });
            let config = SlackClientSocketModeConfig::new()
                .with_max_connections_count(self.connections)
                .with_initial_backoff_in_seconds(APART_SECONDS)
                .with_reconnect_timeout_in_seconds(self.reconnect.as_secs().max(1));
            manager.register_new_token(&config, token.clone(), listener).await?;
            manager.start().await;
            self.watch(&stop).await;
            manager.shutdown().await;
            self.sockets().clear();
        }
        self.listens.store(false, Ordering::Relaxed);
        self.finish(LAST_WORDS).await;
        Ok(())
    }

    /// Waits until it is stopped, or until no socket has been open for too long: a call that never ends would keep a socket closed for ever.
    async fn watch(&self, stop: &CancellationToken) {
        let mut deaf = Duration::ZERO;
        while deaf < DEAF_MAX {
            tokio::select! {
                () = stop.cancelled() => return,
                () = tokio::time::sleep(LOOK_EVERY) => {}
            }
            deaf = if self.sockets().is_empty() { deaf + LOOK_EVERY } else { Duration::ZERO };
        }
        tracing::warn!("no socket to Slack has been open for a while; all are opened anew");
    }
}

/// Listens on the sockets.
struct Listener {
    ear: Ear,
    manager: Weak<Manager>,
}

impl Listener {
    async fn open_again(&self, socket: &SlackSocketModeWssClientId) {
        self.ear.chat.sockets().remove(&socket.to_string());
        if let Some(manager) = self.manager.upgrade() {
            manager.restart_client(socket).await;
        }
    }
}

#[async_trait]
impl SlackSocketModeClientListener for Listener {
    async fn on_message(&self, socket: &SlackSocketModeWssClientId, body: String) -> Option<String> {
        let chat = &self.ear.chat;
        chat.api.was_heard();
        let Ok(envelope) = serde_json::from_str::<Value>(&body) else {
            tracing::warn!("something came over a socket of Slack that is no JSON");
            return None;
        };
        let payload = &envelope["payload"];
        let read = match envelope["type"].as_str().unwrap_or_default() {
            "hello" => {
                chat.sockets().insert(socket.to_string());
                return None;
            }
            "disconnect" => {
                tracing::debug!(slack.reason = envelope["reason"].as_str(), "Slack asks for another socket");
                self.open_again(socket).await;
                return None;
            }
            "slash_commands" => wire::command(payload),
            "events_api" => wire::event(payload),
            "interactive" => wire::interaction(payload),
            _ => Err(Garbled("type")),
        };
        let id = envelope["envelope_id"].as_str()?;
        let Taken { answer, .. } = self.ear.hear(read).await;
        // What cannot be read now cannot be read the next time: it is acknowledged as well.
        let answer = answer.filter(|_| envelope["accepts_response_payload"] == json!(true));
        Some(match answer {
            Some(answer) => json!({ "envelope_id": id, "payload": answer }).to_string(),
            None => json!({ "envelope_id": id }).to_string(),
        })
    }

    async fn on_error(&self, error: Box<dyn std::error::Error + Send + Sync + 'static>) {
        tracing::warn!(slack.fault = %error, "a socket to Slack failed; it is opened again");
    }

    async fn on_disconnect(&self, socket: &SlackSocketModeWssClientId) {
        self.open_again(socket).await;
    }
}
