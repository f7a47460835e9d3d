//! Socket Mode: several sockets to Slack, each envelope read from its raw JSON, brought to the desk, and acknowledged after that.
//!
//! Envelopes are taken side by side, also those of one socket, because each waits for a save of its own; only what one person does is taken in the order in
//! which it came. slack-morphism's own sockets take one envelope after the other, so these are kept here.

use std::sync::Arc;
use std::sync::atomic::Ordering;
use std::time::Duration;

use anyhow::Context;
use futures_util::stream::{SplitSink, SplitStream};
use futures_util::{SinkExt, StreamExt};
use secrecy::SecretString;
use serde_json::{Value, json};
use tokio::net::TcpStream;
use tokio::sync::{Semaphore, mpsc, oneshot};
use tokio::task::JoinSet;
use tokio::time::Instant;
use tokio_tungstenite::tungstenite::Message;
use tokio_tungstenite::{MaybeTlsStream, WebSocketStream, connect_async_with_config};
use tokio_util::sync::CancellationToken;

use super::SlackChat;
use super::hear::{Ear, Taken};
use super::wire::{self, Garbled};
use crate::ports::Desk;

/// The time between the first connections.
const APART: Duration = Duration::from_secs(1);
/// The least time between two connections of one place.
const AGAIN: Duration = Duration::from_secs(1);
/// The longest wait for a connection.
const CONNECT_MAX: Duration = Duration::from_secs(10);
/// How often kaas asks whether Slack is still there.
const PING_EVERY: Duration = Duration::from_secs(10);
/// How long nothing may come over a socket, not even an answer to a ping, before it counts as broken.
const SILENT_MAX: Duration = Duration::from_secs(30);
/// How long a socket is still read that Slack said goodbye on.
const LEAVING_MAX: Duration = Duration::from_secs(15);
/// How many envelopes are taken at once. As many saves share a flush of the store.
const ENVELOPES_MAX: usize = 256;
/// How long answers that are on their way may take when kaas stops.
const LAST_WORDS: Duration = Duration::from_secs(3);

type Stream = WebSocketStream<MaybeTlsStream<TcpStream>>;

impl SlackChat {
    /// Gets in touch with Slack, listens until it is stopped, and brings what is heard to the desk. Without a token of the app it only waits: then deliveries come over HTTP.
    ///
    /// # Errors
    /// Slack refuses kaas, in words that say what to do; or a part of it panicked.
    pub async fn listen(self: &Arc<Self>, desk: Arc<dyn Desk>, stop: CancellationToken) -> anyhow::Result<()> {
        if !self.is_in_touch() {
            tokio::select! {
                () = stop.cancelled() => return Ok(()),
                touched = self.get_in_touch() => touched?,
            }
        }
        let Some(token) = &self.app_token else {
            self.follow_groups(&stop).await;
            self.later.finish(LAST_WORDS).await;
            return Ok(());
        };
        self.listens.store(true, Ordering::Relaxed);
        let mut places = JoinSet::new();
        let room = Arc::new(Semaphore::new(ENVELOPES_MAX));
        for nth in 0..self.connections {
            let ear = Ear { chat: Arc::clone(self), desk: Arc::clone(&desk) };
            let line = Line { ear, room: Arc::clone(&room), stop: stop.clone() };
            places.spawn(line.keep(nth, token.clone()));
        }
        self.follow_groups(&stop).await;
        while let Some(ended) = places.join_next().await {
            ended.context("a socket to Slack panicked")?;
        }
        self.listens.store(false, Ordering::Relaxed);
        self.later.finish(LAST_WORDS).await;
        Ok(())
    }
}

/// What every socket needs. Clones are the same.
#[derive(Clone)]
struct Line {
    ear: Ear,
    /// Room for envelopes that are being taken.
    room: Arc<Semaphore>,
    stop: CancellationToken,
}

impl Line {
    /// Keeps one socket open. The next one is opened as soon as Slack says goodbye on the last, which is read to its end meanwhile.
    async fn keep(self, nth: u32, token: SecretString) {
        let mut sockets = JoinSet::new();
        let mut wait = APART * nth;
        for turn in 0_u64.. {
            tokio::select! {
                () = self.stop.cancelled() => break,
                () = tokio::time::sleep(wait) => {}
            }
            while sockets.try_join_next().is_some() {}
            let stream = tokio::select! {
                () = self.stop.cancelled() => break,
                stream = connect(&self.ear.chat, &token) => stream,
            };
            wait = match stream {
                Ok(stream) => {
                    let begun = Instant::now();
                    let (leaving, left) = oneshot::channel();
                    sockets.spawn(self.clone().serve(stream, format!("{nth}/{turn}"), leaving));
                    // Gone without a goodbye is gone as well.
                    let hello = left.await.unwrap_or(false);
                    if hello { AGAIN.saturating_sub(begun.elapsed()) } else { self.ear.chat.reconnect }
                }
                Err(fault) => {
                    let seconds = self.ear.chat.reconnect.as_secs();
                    tracing::warn!("a socket to Slack cannot be opened; the next try is in {seconds} s: {fault:#}");
                    self.ear.chat.reconnect
                }
            };
        }
        while sockets.join_next().await.is_some() {}
    }

    /// Reads a socket to its end; `leaving` is told as soon as another one is needed, and whether this one was in use at all.
    async fn serve(self, stream: Stream, name: String, leaving: oneshot::Sender<bool>) {
        let (sink, mut stream) = stream.split();
        let (acks, written) = mpsc::unbounded_channel();
        let writing = tokio::spawn(write(sink, written));
        let mut taking = JoinSet::new();
        let (mut leaving, mut until, mut hello) = (Some(leaving), None, false);
        loop {
            let frame = tokio::select! {
                () = self.stop.cancelled() => break,
                () = sleep_until(until) => break,
                frame = next(&mut stream) => frame,
            };
            let body = match frame {
                Ok(Some(body)) => body,
                Ok(None) => break,
                Err(fault) => {
                    tracing::warn!("a socket to Slack failed; it is opened again: {fault:#}");
                    break;
                }
            };
            self.ear.chat.api.was_heard();
            let Ok(envelope) = serde_json::from_str::<Value>(&body) else {
                tracing::warn!("something came over a socket of Slack that is no JSON");
                continue;
            };
            match envelope["type"].as_str().unwrap_or_default() {
                "hello" => {
                    hello = true;
                    self.ear.chat.sockets().insert(name.clone());
                }
                "disconnect" => {
                    tracing::debug!(slack.reason = envelope["reason"].as_str(), "Slack asks for another socket");
                    self.ear.chat.sockets().remove(&name);
                    if let Some(leaving) = leaving.take() {
                        let _ = leaving.send(hello);
                        until = Some(Instant::now() + LEAVING_MAX);
                    }
                }
                _ => self.take(envelope, &acks, &mut taking).await,
            }
        }
        self.ear.chat.sockets().remove(&name);
        if let Some(leaving) = leaving.take() {
            let _ = leaving.send(hello);
        }
        // What came in is taken to its end, also if its acknowledgement finds no way out: then Slack brings it again, and it is known.
        drop(acks);
        while taking.join_next().await.is_some() {}
        let _ = writing.await;
    }

    /// Takes an envelope beside the others, and acknowledges it when the desk has it.
    async fn take(&self, envelope: Value, acks: &mpsc::UnboundedSender<String>, taking: &mut JoinSet<()>) {
        let Some(id) = envelope["envelope_id"].as_str().map(str::to_owned) else { return };
        let payload = &envelope["payload"];
        let read = match envelope["type"].as_str().unwrap_or_default() {
            "slash_commands" => wire::command(payload),
            "events_api" => wire::event(payload),
            "interactive" => wire::interaction(payload),
            _ => Err(Garbled("type")),
        };
        while taking.try_join_next().is_some() {}
        let Ok(room) = Arc::clone(&self.room).acquire_owned().await else { return };
        let (ear, acks, place) = (self.ear.clone(), acks.clone(), self.ear.enter(&read));
        let takes_answer = envelope["accepts_response_payload"] == json!(true);
        taking.spawn(async move {
            let Taken { answer, .. } = ear.hear(read, place).await;
            // What cannot be read now cannot be read the next time: it is acknowledged as well.
            let ack = match answer.filter(|_| takes_answer) {
                Some(answer) => json!({ "envelope_id": id, "payload": answer }),
                None => json!({ "envelope_id": id }),
            };
            let _ = acks.send(ack.to_string());
            drop(room);
        });
    }
}

/// Opens a socket: Slack says where.
async fn connect(chat: &SlackChat, token: &SecretString) -> anyhow::Result<Stream> {
    let answer = chat.api.post_as_app(token, "apps.connections.open").await?;
    let url = chat.api.socket(answer["url"].as_str().unwrap_or_default())?;
    // Without waiting for more to send: an acknowledgement is a small frame.
    let opened = connect_async_with_config(url.as_str(), None, true);
    let (stream, _) = tokio::time::timeout(CONNECT_MAX, opened).await.context("no connection in time")??;
    Ok(stream)
}

/// The next text of a socket; `None` at its end.
async fn next(stream: &mut SplitStream<Stream>) -> anyhow::Result<Option<String>> {
    loop {
        let frame = tokio::time::timeout(SILENT_MAX, stream.next()).await.context("nothing came for a while")?;
        match frame.transpose()? {
            None | Some(Message::Close(_)) => return Ok(None),
            Some(Message::Text(body)) => return Ok(Some(body.as_str().to_owned())),
            Some(Message::Ping(_) | Message::Pong(_) | Message::Binary(_) | Message::Frame(_)) => {}
        }
    }
}

/// Writes acknowledgements, and asks now and then whether Slack is still there, until there is nobody left who has one to write.
async fn write(mut sink: SplitSink<Stream, Message>, mut acks: mpsc::UnboundedReceiver<String>) {
    let mut pings = tokio::time::interval(PING_EVERY);
    loop {
        let message = tokio::select! {
            ack = acks.recv() => match ack {
                Some(ack) => Message::text(ack),
                None => break,
            },
            _ = pings.tick() => Message::Ping(Vec::new().into()),
        };
        if sink.send(message).await.is_err() {
            return;
        }
    }
    // It is not waited for that Slack says goodbye as well.
    let _ = tokio::time::timeout(AGAIN, sink.close()).await;
}

async fn sleep_until(until: Option<Instant>) {
    match until {
        Some(until) => tokio::time::sleep_until(until).await,
        None => std::future::pending().await,
    }
}
