//! Socket Mode: the sockets that the app has open. Each envelope goes to one of them, at random, and is to be acknowledged there.

use std::collections::BTreeMap;
use std::sync::atomic::{AtomicU64, Ordering};
use std::sync::{Arc, Mutex, MutexGuard, PoisonError};
use std::time::Duration;

use axum::extract::ws::{Message, WebSocket, WebSocketUpgrade};
use axum::extract::{Query, State};
use axum::http::StatusCode;
use axum::response::{IntoResponse, Response};
use futures_util::{SinkExt, StreamExt};
use serde_json::{Value, json};
use tokio::sync::{mpsc, oneshot, watch};
use tokio::time::Instant;

use super::Inner;
use super::records::Ack;
use super::world::APP;

/// How often a socket is pinged.
const PING_EVERY: Duration = Duration::from_secs(10);

/// What is sent to a socket's task.
enum Order {
    Send(Value),
    /// Says goodbye, then closes.
    Leave(&'static str),
    /// Closes without a word.
    Drop,
}

/// The sockets that are open, and what was sent to them and not yet acknowledged.
pub(crate) struct Sockets {
    open: Mutex<BTreeMap<u64, mpsc::UnboundedSender<Order>>>,
    waiting: Mutex<Vec<Waiting>>,
    count: watch::Sender<usize>,
    next: AtomicU64,
}

struct Waiting {
    envelope_id: String,
    kind: &'static str,
    socket: u64,
    attempt: u32,
    sent: Instant,
    tell: Option<oneshot::Sender<Option<Value>>>,
}

impl Default for Sockets {
    fn default() -> Self {
        Self {
            open: Mutex::default(),
            waiting: Mutex::default(),
            count: watch::Sender::new(0),
            next: AtomicU64::new(1),
        }
    }
}

impl Sockets {
    fn open(&self) -> MutexGuard<'_, BTreeMap<u64, mpsc::UnboundedSender<Order>>> {
        self.open.lock().unwrap_or_else(PoisonError::into_inner)
    }

    fn waiting(&self) -> MutexGuard<'_, Vec<Waiting>> {
        self.waiting.lock().unwrap_or_else(PoisonError::into_inner)
    }

    /// How many are open.
    pub(crate) fn count(&self) -> usize {
        self.open().len()
    }

    /// Waits until at least so many are open.
    pub(crate) async fn at_least(&self, count: usize) {
        let mut counts = self.count.subscribe();
        // The sender lives as long as this.
        let _ = counts.wait_for(|open| *open >= count).await;
    }

    /// Sends an envelope to one socket, and breaks it right afterwards if it is to be cut; `None` if none is open.
    pub(crate) fn send(
        &self,
        kind: &'static str,
        envelope: Value,
        attempt: u32,
        cut: bool,
    ) -> Option<oneshot::Receiver<Option<Value>>> {
        let open = self.open();
        let at = (!open.is_empty()).then(|| fastrand::usize(..open.len()))?;
        let (socket, orders) = open.iter().nth(at)?;
        let (tell, told) = oneshot::channel();
        self.waiting().push(Waiting {
            envelope_id: envelope["envelope_id"].as_str().unwrap_or_default().to_string(),
            kind,
            socket: *socket,
            attempt,
            sent: Instant::now(),
            tell: Some(tell),
        });
        orders.send(Order::Send(envelope)).ok()?;
        if cut {
            let _ = orders.send(Order::Drop);
        }
        Some(told)
    }

    /// Tells every socket to reconnect, as Slack does every few hours.
    pub(crate) fn leave_all(&self, reason: &'static str) {
        for orders in self.open().values() {
            let _ = orders.send(Order::Leave(reason));
        }
    }

    /// Breaks every socket.
    pub(crate) fn drop_all(&self) {
        for orders in self.open().values() {
            let _ = orders.send(Order::Drop);
        }
    }

    fn enter(&self) -> (u64, mpsc::UnboundedReceiver<Order>) {
        let id = self.next.fetch_add(1, Ordering::Relaxed);
        let (sender, orders) = mpsc::unbounded_channel();
        let mut open = self.open();
        open.insert(id, sender);
        self.count.send_replace(open.len());
        (id, orders)
    }

    /// A socket is gone: what it had not acknowledged is told so by dropping its sender.
    fn exit(&self, id: u64) {
        let mut open = self.open();
        open.remove(&id);
        self.count.send_replace(open.len());
        drop(open);
        self.waiting().retain(|waiting| waiting.socket != id);
    }

    /// An envelope was acknowledged on this socket; late ones count as acknowledgements, too.
    fn acknowledged(&self, socket: u64, envelope_id: &str, payload: Option<&Value>) -> Option<Ack> {
        let mut waiting = self.waiting();
        let at = waiting.iter().position(|w| w.socket == socket && w.envelope_id == envelope_id)?;
        let mut found = waiting.remove(at);
        if let Some(tell) = found.tell.take() {
            // Nobody listens any more if it is late.
            let _ = tell.send(payload.cloned());
        }
        Some(Ack {
            envelope_id: envelope_id.to_string(),
            kind: found.kind.to_string(),
            ms: found.sent.elapsed().as_secs_f64() * 1000.0,
            attempt: found.attempt,
            payload: payload.cloned(),
        })
    }
}

/// `/link?ticket=…`: opens a socket, once for each ticket.
pub(crate) async fn connect(
    State(inner): State<Arc<Inner>>,
    Query(query): Query<BTreeMap<String, String>>,
    upgrade: WebSocketUpgrade,
) -> Response {
    let ticket = query.get("ticket").cloned().unwrap_or_default();
    let is_down = inner.look(|world| world.faults.down.is_some());
    if is_down || !inner.change(|world| world.tickets.remove(&ticket)) {
        return (StatusCode::FORBIDDEN, "invalid ticket").into_response();
    }
    if inner.sockets.count() >= inner.look(|world| world.options.sockets) {
        return (StatusCode::TOO_MANY_REQUESTS, "too many sockets").into_response();
    }
    upgrade.on_upgrade(move |socket| serve(inner, socket))
}

async fn serve(inner: Arc<Inner>, socket: WebSocket) {
    let (id, mut orders) = inner.sockets.enter();
    let (mut out, mut incoming) = socket.split();
    let hello = json!({
        "type": "hello",
        "num_connections": inner.sockets.count(),
        "connection_info": { "app_id": APP },
        "debug_info": { "host": "fake", "build_number": 1, "approximate_connection_time": 18_060 },
    });
    let mut pings = tokio::time::interval(PING_EVERY);
    let mut is_well = out.send(text(&hello)).await.is_ok();
    while is_well {
        is_well = tokio::select! {
            order = orders.recv() => match order {
                Some(Order::Send(envelope)) => out.send(text(&envelope)).await.is_ok(),
                Some(Order::Leave(reason)) => {
                    let goodbye = json!({ "type": "disconnect", "reason": reason, "debug_info": { "host": "fake" } });
                    let _ = out.send(text(&goodbye)).await;
                    let _ = out.send(Message::Close(None)).await;
                    false
                }
                Some(Order::Drop) | None => false,
            },
            frame = incoming.next() => match frame {
                Some(Ok(Message::Text(frame))) => {
                    take(&inner, id, &frame);
                    true
                }
                Some(Ok(Message::Close(_)) | Err(_)) | None => false,
                Some(Ok(_)) => true,
            },
            _ = pings.tick() => out.send(Message::Ping(Vec::from(b"ping").into())).await.is_ok(),
        };
    }
    inner.sockets.exit(id);
    inner.change(|_| ());
}

fn take(inner: &Inner, socket: u64, frame: &str) {
    let Ok(frame) = serde_json::from_str::<Value>(frame) else { return };
    let Some(envelope_id) = frame["envelope_id"].as_str() else { return };
    let payload = frame.get("payload").filter(|payload| !payload.is_null());
    if let Some(ack) = inner.sockets.acknowledged(socket, envelope_id, payload) {
        inner.change(|world| world.acks.push(ack));
    }
}

fn text(value: &Value) -> Message {
    Message::Text(value.to_string().into())
}
