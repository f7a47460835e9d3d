//! What a fake workspace is started with, and what goes wrong in it on purpose.

use std::collections::{BTreeMap, BTreeSet};
use std::time::Duration;

/// The bot's scopes by default: kaas' manifest, and reading the history of channels.
pub const SCOPES: &[&str] = &[
    "commands",
    "chat:write",
    "app_mentions:read",
    "reactions:read",
    "reactions:write",
    "users:read",
    "users:read.email",
    "usergroups:read",
    "channels:read",
    "groups:read",
    "im:write",
    "im:history",
    "files:write",
    "channels:history",
    "groups:history",
];

/// The events that the app is subscribed to by default: kaas' manifest.
pub const EVENTS: &[&str] = &[
    "app_mention",
    "reaction_added",
    "reaction_removed",
    "app_home_opened",
    "message.im",
    "app_uninstalled",
    "tokens_revoked",
];

/// How a workspace behaves; everything has Slack's own value as its default.
#[derive(Debug, Clone)]
pub struct Options {
    /// The port to listen on; 0 takes a free one.
    pub port: u16,
    /// What the bot token may do.
    pub scopes: BTreeSet<String>,
    /// The events that are sent: `reaction_added`, `message.im`, …
    pub events: BTreeSet<String>,
    /// Where people's doings go.
    pub delivery: Delivery,
    /// Messages that a channel takes at once before the rate of one a second holds; `None` for no limit.
    pub burst: Option<u32>,
    /// Calls a minute of `chat.update` (tier 3); `None` for no limit.
    pub updates_per_minute: Option<u32>,
    /// Whether the other methods hold the calls a minute of their tiers.
    pub tiers: bool,
    /// How soon an envelope or a request is to be acknowledged.
    pub ack_within: Duration,
    /// How long a trigger id lives.
    pub trigger_life: Duration,
    /// How long a `response_url` lives.
    pub response_life: Duration,
    /// What the waits between redeliveries (1 minute, 5 minutes) are multiplied with.
    pub retry_scale: f64,
    /// Whether an event that nobody is connected for is lost; otherwise it waits for the next socket.
    pub lose_events_when_offline: bool,
    /// The most sockets at once.
    pub sockets: usize,
}

impl Default for Options {
    fn default() -> Self {
        Self {
            port: 0,
            scopes: SCOPES.iter().map(ToString::to_string).collect(),
            events: EVENTS.iter().map(ToString::to_string).collect(),
            delivery: Delivery::Socket,
            burst: Some(5),
            updates_per_minute: Some(50),
            tiers: true,
            ack_within: Duration::from_secs(3),
            trigger_life: Duration::from_secs(3),
            response_life: Duration::from_secs(30 * 60),
            retry_scale: 1.0,
            lose_events_when_offline: true,
            sockets: 10,
        }
    }
}

/// Where people's doings go.
#[derive(Debug, Clone, PartialEq, Eq)]
pub enum Delivery {
    /// Over the sockets that the app opened.
    Socket,
    /// Signed, to the app's request urls.
    Http(RequestUrls),
}

/// The app's request urls.
#[derive(Debug, Clone, PartialEq, Eq)]
pub struct RequestUrls {
    /// Of the Events API.
    pub events: String,
    /// Of slash commands.
    pub commands: String,
    /// Of buttons, modals and shortcuts.
    pub interactivity: String,
}

impl RequestUrls {
    /// One url for everything.
    pub fn all(url: &str) -> Self {
        Self { events: url.to_string(), commands: url.to_string(), interactivity: url.to_string() }
    }
}

/// What goes wrong with a call.
#[derive(Debug, Clone, Copy, PartialEq, Eq)]
pub enum Fault {
    /// 429 with `Retry-After` of so many seconds; nothing is done.
    RateLimited(u64),
    /// This status (500, 502, 503); nothing is done.
    Status(u16),
    /// The work is done, and the connection dropped before the answer.
    LostAnswer,
    /// Nothing is done, and no answer comes until the caller gives up.
    Hang,
}

/// How often a doing is delivered.
#[derive(Debug, Clone, Copy, PartialEq, Eq, Default)]
pub enum Doubling {
    /// Once.
    #[default]
    Once,
    /// Twice with the same envelope id.
    SameEnvelope,
    /// Twice, each with an envelope id of its own.
    OtherEnvelope,
}

/// What goes wrong in the workspace at the moment.
#[derive(Debug, Clone, Default)]
pub struct Faults {
    /// Every call fails so.
    pub down: Option<Fault>,
    /// Every call of a method fails so.
    pub method_down: BTreeMap<String, Fault>,
    /// The next so many calls of a method (`*` for any) fail so.
    pub next: Vec<Next>,
    /// Added to every call before it is done.
    pub latency: Duration,
    /// How often each doing is delivered.
    pub doubling: Doubling,
    /// How much later each doing is delivered.
    pub late: Duration,
    /// So many of the next envelopes are sent, and their socket breaks before they can be acknowledged.
    pub cut_envelopes: u32,
}

/// A fault of the next calls of a method.
#[derive(Debug, Clone)]
pub struct Next {
    /// The method, or `*` for any.
    pub method: String,
    /// How many calls are left to fail.
    pub left: u32,
    /// What goes wrong.
    pub fault: Fault,
}

impl Faults {
    /// Whether the next envelope's socket is cut; it is used up by one.
    pub(crate) fn cuts(&mut self) -> bool {
        let cut = self.cut_envelopes > 0;
        self.cut_envelopes -= u32::from(cut);
        cut
    }

    /// What goes wrong with this call, if anything does; a counted fault is used up by one.
    pub(crate) fn take(&mut self, method: &str) -> Option<Fault> {
        if let Some(fault) = self.down.or_else(|| self.method_down.get(method).copied()) {
            return Some(fault);
        }
        let at = self.next.iter().position(|next| next.left > 0 && (next.method == method || next.method == "*"))?;
        self.next[at].left -= 1;
        let fault = self.next[at].fault;
        self.next.retain(|next| next.left > 0);
        Some(fault)
    }
}
