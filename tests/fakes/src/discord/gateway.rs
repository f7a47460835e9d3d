//! The gateway's sessions: who is subscribed to what, what was sent to whom, what is sent again on RESUME, and what breaks on command.

use std::collections::{BTreeMap, VecDeque};
use std::time::Duration;

use serde_json::{Value, json};
use tokio::sync::mpsc;

use super::options::intents;
use super::records::{Channel, Id};
use super::world::World;
use super::{FakeDiscord, Inner, permissions, schema};

/// How long a session without a connection is kept.
const RESUME_WITHIN_MS: u64 = 180_000;

/// What is sent to a connection's task.
pub(crate) enum Order {
    Send(Value),
    Close(u16, &'static str),
    /// Ends without a word.
    Cut,
}

/// The way to a connection's task.
pub(crate) type Wire = mpsc::UnboundedSender<Order>;

/// A session: it outlives its connection.
pub(crate) struct Session {
    pub(crate) intents: u64,
    pub(crate) seq: u64,
    pub(crate) log: Vec<Value>,
    pub(crate) connection: Option<(u64, Wire)>,
    lost_ms: u64,
}

/// All sessions and connections.
#[derive(Default)]
pub(crate) struct Sessions {
    pub(crate) list: BTreeMap<String, Session>,
    pub(crate) open: BTreeMap<u64, Wire>,
    pub(crate) last_identify_ms: Option<u64>,
    pub(crate) identifies: VecDeque<u64>,
    pub(crate) resumes: u32,
    /// What the next RESUME is answered with instead: INVALID_SESSION, and whether it may be tried again.
    pub(crate) refuse_resume: Option<bool>,
    pub(crate) heartbeats: u64,
    next: u64,
}

impl Sessions {
    /// A connection opens.
    pub(crate) fn enter(&mut self) -> (u64, mpsc::UnboundedReceiver<Order>) {
        self.next += 1;
        let (wire, orders) = mpsc::unbounded_channel();
        self.open.insert(self.next, wire);
        (self.next, orders)
    }

    /// A connection is gone; its session with it, if the client said goodbye.
    pub(crate) fn exit(&mut self, connection: u64, is_over: bool, now_ms: u64) {
        self.open.remove(&connection);
        let is_its = |session: &Session| session.connection.as_ref().is_some_and(|(id, _)| *id == connection);
        if is_over {
            self.list.retain(|_, session| !is_its(session));
        }
        for session in self.list.values_mut().filter(|session| is_its(session)) {
            session.connection = None;
            session.lost_ms = now_ms;
        }
    }

    /// Begins a session on a connection.
    pub(crate) fn begin(&mut self, connection: u64, intents: u64) -> String {
        let id = format!("{:032x}", fastrand::u128(..));
        let wire = self.open.get(&connection).cloned().map(|wire| (connection, wire));
        self.list.insert(id.clone(), Session { intents, seq: 0, log: Vec::new(), connection: wire, lost_ms: 0 });
        id
    }

    /// Takes a session up again: what was missed, the oldest first. `None` if there is none to take up.
    pub(crate) fn resume(&mut self, connection: u64, id: &str, seq: u64, now_ms: u64) -> Option<Vec<Value>> {
        let wire = self.open.get(&connection).cloned()?;
        let session = self.list.get_mut(id)?;
        let is_stale = session.connection.is_none() && now_ms.saturating_sub(session.lost_ms) > RESUME_WITHIN_MS;
        if is_stale || seq > session.seq {
            self.list.remove(id);
            return None;
        }
        session.connection = Some((connection, wire));
        self.resumes += 1;
        Some(session.log.iter().filter(|frame| frame["s"].as_u64() > Some(seq)).cloned().collect())
    }

    /// How many sessions have a connection.
    pub(crate) fn live(&self) -> usize {
        self.list.values().filter(|session| session.connection.is_some()).count()
    }
}

impl World {
    /// Sends an event to one session, and keeps it for RESUME.
    pub(crate) fn send_to(&mut self, session: &str, name: &str, data: &Value) {
        let is_zombie = self.delivery.zombie;
        let Some(session) = self.sessions.list.get_mut(session) else { return };
        session.seq += 1;
        let frame = json!({ "op": 0, "s": session.seq, "t": name, "d": data });
        session.log.push(frame.clone());
        if let Some((_, wire)) = session.connection.as_ref().filter(|_| !is_zombie) {
            // A connection that has just ended resumes, or does not.
            let _ = wire.send(Order::Send(frame));
        }
    }

    /// Sends an event to every session that is subscribed to it; to how many connections it went.
    pub(crate) fn send_event(&mut self, name: &str, data: &Value, intent: u64) -> usize {
        let fits = |session: &Session| intent == 0 || session.intents & intent != 0;
        let subscribed: Vec<(String, bool)> = self
            .sessions
            .list
            .iter()
            .filter(|(_, session)| fits(session))
            .map(|(id, session)| (id.clone(), session.connection.is_some()))
            .collect();
        let times = if self.delivery.doubled { 2 } else { 1 };
        for (session, _) in &subscribed {
            for _ in 0..times {
                self.send_to(session, name, data);
            }
        }
        subscribed.iter().filter(|(_, is_live)| *is_live && !self.delivery.zombie).count()
    }

    /// Whether the bot is told of what happens in a channel.
    fn sees(&self, channel: &Channel) -> bool {
        permissions::in_channel(self, self.bot, channel) & permissions::VIEW_CHANNEL != 0
    }
}

/// The intent that an event needs; a channel says whether it is one of direct messages.
fn intent_of(name: &str, is_dm: bool) -> u64 {
    match (name, is_dm) {
        ("MESSAGE_REACTION_ADD" | "MESSAGE_REACTION_REMOVE", false) => intents::GUILD_MESSAGE_REACTIONS,
        ("MESSAGE_REACTION_ADD" | "MESSAGE_REACTION_REMOVE", true) => intents::DIRECT_MESSAGE_REACTIONS,
        ("MESSAGE_CREATE" | "MESSAGE_UPDATE" | "MESSAGE_DELETE", false) => intents::GUILD_MESSAGES,
        ("MESSAGE_CREATE" | "MESSAGE_UPDATE" | "MESSAGE_DELETE", true) => intents::DIRECT_MESSAGES,
        ("GUILD_MEMBER_ADD" | "GUILD_MEMBER_UPDATE" | "GUILD_MEMBER_REMOVE", _) => intents::GUILD_MEMBERS,
        (guilds, _) if ["GUILD_", "CHANNEL_", "THREAD_"].iter().any(|start| guilds.starts_with(start)) => {
            intents::GUILDS
        }
        _ => 0,
    }
}

impl Inner {
    /// Tells of something that happened, as the delivery of the moment wants it; to how many connections it went at once.
    pub(crate) fn tell(self: &std::sync::Arc<Self>, name: &'static str, data: Value, channel: Option<Id>) -> usize {
        let (late, intent, is_seen) = self.look(|world| {
            let place = channel.and_then(|id| world.channels.get(&id));
            let is_seen = name == "INTERACTION_CREATE" || place.is_none_or(|place| world.sees(place));
            (world.delivery.late, intent_of(name, place.is_some_and(Channel::is_dm)), is_seen)
        });
        if !is_seen {
            return 0;
        }
        let strange = schema::event(name, &data);
        self.change(|world| world.deviations.extend(strange));
        if late.is_zero() {
            return self.change(|world| world.send_event(name, &data, intent));
        }
        let inner = std::sync::Arc::downgrade(self);
        tokio::spawn(async move {
            tokio::time::sleep(late).await;
            if let Some(inner) = inner.upgrade() {
                inner.change(|world| world.send_event(name, &data, intent));
            }
        });
        0
    }
}

impl FakeDiscord {
    /// How many sessions are connected.
    pub fn sessions(&self) -> usize {
        self.inner.look(|world| world.sessions.live())
    }

    /// Waits until at least so many sessions are connected; `false` if they are not within the time.
    pub async fn connected(&self, sessions: usize, within: Duration) -> bool {
        let mut changes = self.inner.changes.subscribe();
        let wait = async {
            while self.sessions() < sessions {
                if changes.changed().await.is_err() {
                    return;
                }
            }
        };
        tokio::time::timeout(within, wait).await.is_ok()
    }

    /// How many IDENTIFYs were accepted.
    pub fn identifies(&self) -> usize {
        self.inner.look(|world| world.sessions.identifies.len())
    }

    /// How many RESUMEs were accepted.
    pub fn resumes(&self) -> u32 {
        self.inner.look(|world| world.sessions.resumes)
    }

    /// How many heartbeats came.
    pub fn heartbeats(&self) -> u64 {
        self.inner.look(|world| world.sessions.heartbeats)
    }

    /// Asks every client to reconnect and resume: RECONNECT (op 7).
    pub fn reconnect_all(&self) {
        self.order_all(|| Order::Send(json!({ "op": 7, "d": null, "s": null, "t": null })));
    }

    /// Closes every connection with this code: 4000 (resume), 4004 (bad token), 4014 (intents), …
    pub fn close_all(&self, code: u16) {
        self.order_all(|| Order::Close(code, "closed on purpose"));
    }

    /// Breaks every connection without a word.
    pub fn cut_all(&self) {
        self.order_all(|| Order::Cut);
    }

    /// Tells every client that its session is invalid: INVALID_SESSION (op 9); `resumable` says whether it may try to resume.
    pub fn invalidate_all(&self, resumable: bool) {
        self.order_all(|| Order::Send(json!({ "op": 9, "d": resumable, "s": null, "t": null })));
        if !resumable {
            self.forget_sessions();
        }
    }

    /// Forgets every session: a RESUME is answered with INVALID_SESSION, and what happens meanwhile is lost.
    pub fn forget_sessions(&self) {
        self.inner.change(|world| world.sessions.list.clear());
    }

    /// The next RESUME is answered with INVALID_SESSION, resumable or not.
    pub fn refuse_next_resume(&self, resumable: bool) {
        self.inner.change(|world| world.sessions.refuse_resume = Some(resumable));
    }

    /// Sends an event as it is, to every session whose intents allow it; to how many connections it went.
    pub fn send_event(&self, name: &str, data: &Value) -> usize {
        self.inner.change(|world| world.send_event(name, data, intent_of(name, false)))
    }

    fn order_all(&self, order: impl Fn() -> Order) {
        self.inner.change(|world| {
            for wire in world.sessions.open.values() {
                let _ = wire.send(order());
            }
        });
    }
}
