//! The state of a workspace: people, channels, messages, views, files, and the record of what was called and acknowledged.
//!
//! Nothing here does I/O. Time is that of the workspace: the wall clock, and what was skipped over.

use std::collections::{BTreeMap, BTreeSet};
use std::time::{Duration, SystemTime, UNIX_EPOCH};

use serde_json::{Value, json};

use super::ids::{ChannelId, FileId, Ts, UserId, ViewId};
use super::options::{Faults, Options};
use super::rates::Rates;
use super::records::{Ack, Call, Channel, Edit, File, Group, Message, User, View};

/// The workspace.
pub const TEAM: &str = "T1";
/// The app.
pub const APP: &str = "A1KAAS";
/// The app's bot user.
pub const BOT_USER: &str = "U0KAAS";
/// The app's bot.
pub const BOT: &str = "B0KAAS";
/// Another workspace, where strangers are from.
pub const OTHER_TEAM: &str = "T2OTHER";

/// A trigger id that was given out.
#[derive(Debug, Clone)]
pub(crate) struct Trigger {
    pub(crate) user: UserId,
    pub(crate) view: Option<ViewId>,
    pub(crate) born_ms: u64,
    pub(crate) used: bool,
}

/// A `response_url` that was given out.
#[derive(Debug, Clone)]
pub(crate) struct ResponseUrl {
    pub(crate) user: UserId,
    pub(crate) channel: ChannelId,
    pub(crate) message: Option<Ts>,
    pub(crate) thread: Option<Ts>,
    pub(crate) born_ms: u64,
    pub(crate) uses: u32,
}

/// A doing as it was delivered, for delivering it again.
#[derive(Debug, Clone)]
pub(crate) struct Doing {
    pub(crate) kind: &'static str,
    pub(crate) payload: Value,
}

/// Everything that a workspace holds.
#[derive(Debug)]
pub(crate) struct World {
    pub(crate) options: Options,
    pub(crate) faults: Faults,
    pub(crate) rates: Rates,
    pub(crate) users: BTreeMap<String, User>,
    pub(crate) channels: BTreeMap<String, Channel>,
    pub(crate) groups: BTreeMap<String, Group>,
    pub(crate) messages: Vec<Message>,
    pub(crate) views: Vec<View>,
    pub(crate) homes: BTreeMap<String, ViewId>,
    pub(crate) files: BTreeMap<String, File>,
    pub(crate) triggers: BTreeMap<String, Trigger>,
    pub(crate) response_urls: BTreeMap<String, ResponseUrl>,
    pub(crate) calls: Vec<Call>,
    pub(crate) acks: Vec<Ack>,
    pub(crate) lost_events: Vec<Value>,
    pub(crate) last_event: Option<Doing>,
    pub(crate) tickets: BTreeSet<String>,
    pub(crate) url: String,
    skipped: Duration,
    last_ts: u64,
    count: u64,
}

impl World {
    /// An empty workspace: the bot's user, and nothing else.
    pub(crate) fn new(options: Options, url: String) -> Self {
        let mut world = Self {
            options,
            faults: Faults::default(),
            rates: Rates::default(),
            users: BTreeMap::new(),
            channels: BTreeMap::new(),
            groups: BTreeMap::new(),
            messages: Vec::new(),
            views: Vec::new(),
            homes: BTreeMap::new(),
            files: BTreeMap::new(),
            triggers: BTreeMap::new(),
            response_urls: BTreeMap::new(),
            calls: Vec::new(),
            acks: Vec::new(),
            lost_events: Vec::new(),
            last_event: None,
            tickets: BTreeSet::new(),
            url,
            skipped: Duration::ZERO,
            last_ts: 0,
            count: 0,
        };
        world.users.insert(
            BOT_USER.to_string(),
            User {
                id: BOT_USER.into(),
                name: "kaas".to_string(),
                email: None,
                team: TEAM.to_string(),
                is_restricted: false,
                is_ultra_restricted: false,
                is_stranger: false,
                deleted: false,
                is_bot: true,
            },
        );
        world
    }

    /// The workspace's clock, in milliseconds.
    pub(crate) fn now_ms(&self) -> u64 {
        u64::try_from(wall().saturating_add(self.skipped).as_millis()).unwrap_or(u64::MAX)
    }

    /// Lets this much time pass at once.
    pub(crate) fn skip(&mut self, time: Duration) {
        self.skipped = self.skipped.saturating_add(time);
    }

    /// The next number of the workspace.
    pub(crate) fn next(&mut self) -> u64 {
        self.count += 1;
        self.count
    }

    /// A time stamp that no other message has.
    pub(crate) fn next_ts(&mut self) -> Ts {
        let micros = (self.now_ms() * 1000).max(self.last_ts + 1);
        self.last_ts = micros;
        Ts(format!("{}.{:06}", micros / 1_000_000, micros % 1_000_000))
    }

    /// Makes a trigger id of this person.
    pub(crate) fn new_trigger(&mut self, user: &str, view: Option<ViewId>) -> String {
        let id = format!("{}.{}.{:016x}", self.next(), TEAM, fastrand::u64(..));
        let born_ms = self.now_ms();
        self.triggers.insert(id.clone(), Trigger { user: user.into(), view, born_ms, used: false });
        id
    }

    /// Makes a `response_url` of this person in this channel.
    pub(crate) fn new_response_url(&mut self, user: &str, channel: &str, about: Option<&Message>) -> String {
        let token = format!("{}/{:016x}", self.next(), fastrand::u64(..));
        let born_ms = self.now_ms();
        self.response_urls.insert(
            token.clone(),
            ResponseUrl {
                user: user.into(),
                channel: channel.into(),
                message: about.map(|message| message.ts.clone()),
                thread: about.and_then(|message| message.thread_ts.clone()),
                born_ms,
                uses: 0,
            },
        );
        format!("{}/response/{token}", self.url)
    }

    /// Makes a ticket that opens one socket.
    pub(crate) fn new_ticket(&mut self) -> String {
        let ticket = format!("{:016x}", fastrand::u64(..));
        self.tickets.insert(ticket.clone());
        ticket
    }

    /// Adds a reaction; `false` if this person had reacted so before.
    pub(crate) fn react(&mut self, channel: &str, ts: &str, user: &str, name: &str) -> bool {
        let Some(message) = self.any_message_mut(channel, ts) else { return false };
        let at = message.reactions.iter().position(|(known, _)| known == name).unwrap_or_else(|| {
            message.reactions.push((name.to_string(), Vec::new()));
            message.reactions.len() - 1
        });
        let users = &mut message.reactions[at].1;
        let is_new = !users.iter().any(|known| *known == *user);
        if is_new {
            users.push(user.into());
        }
        is_new
    }

    /// Takes a reaction away; `false` if there was none.
    pub(crate) fn unreact(&mut self, channel: &str, ts: &str, user: &str, name: &str) -> bool {
        let Some(message) = self.any_message_mut(channel, ts) else { return false };
        let mut was_there = false;
        for (_, users) in message.reactions.iter_mut().filter(|(known, _)| known == name) {
            let before = users.len();
            users.retain(|known| *known != *user);
            was_there |= users.len() < before;
        }
        message.reactions.retain(|(_, users)| !users.is_empty());
        was_there
    }

    /// Adds a message without asking anybody.
    pub(crate) fn put(&mut self, message: Draft) -> Ts {
        let ts = self.next_ts();
        self.messages.push(Message {
            channel: message.channel,
            ts: ts.clone(),
            thread_ts: message.thread_ts,
            user: message.user,
            text: message.text,
            blocks: with_block_ids(message.blocks),
            metadata: message.metadata,
            reactions: Vec::new(),
            files: message.files,
            edits: Vec::new(),
            only_for: message.only_for,
            deleted: false,
        });
        ts
    }

    /// The message that everyone sees at this place.
    pub(crate) fn message(&self, channel: &str, ts: &str) -> Option<&Message> {
        self.messages.iter().find(|m| m.channel == *channel && m.ts == *ts && !m.deleted && m.only_for.is_none())
    }

    /// The message at this place, also one for one pair of eyes.
    pub(crate) fn any_message_mut(&mut self, channel: &str, ts: &str) -> Option<&mut Message> {
        self.messages.iter_mut().find(|m| m.channel == *channel && m.ts == *ts && !m.deleted)
    }

    /// Edits a message, keeping what it said.
    pub(crate) fn edit(&mut self, channel: &str, ts: &str, text: Option<String>, blocks: Option<Vec<Value>>) {
        let at = self.next_ts();
        if let Some(message) = self.any_message_mut(channel, ts) {
            let before = Edit { at, text: message.text.clone(), blocks: message.blocks.clone() };
            message.edits.push(before);
            match (text, blocks) {
                // Text alone replaces everything: the blocks go.
                (Some(text), None) => {
                    message.text = text;
                    message.blocks = Vec::new();
                }
                (text, Some(blocks)) => {
                    message.text = text.unwrap_or_default();
                    message.blocks = with_block_ids(blocks);
                }
                (None, None) => {}
            }
        }
    }

    /// The direct message of this person and the bot, made if there is none.
    pub(crate) fn im_of(&mut self, user: &str) -> ChannelId {
        let found = self.channels.values().find(|channel| channel.is_im && channel.members.contains(user));
        if let Some(channel) = found {
            return channel.id.clone();
        }
        let id = ChannelId(format!("D{}{}", self.next(), user.trim_start_matches('U')));
        let created = self.now_ms() / 1000;
        self.channels.insert(
            id.0.clone(),
            Channel {
                id: id.clone(),
                name: String::new(),
                members: [user.to_string(), BOT_USER.to_string()].into(),
                is_private: true,
                is_im: true,
                is_archived: false,
                is_ext_shared: false,
                created,
            },
        );
        id
    }
}

/// A message before it has a time stamp.
#[derive(Debug, Clone)]
pub(crate) struct Draft {
    pub(crate) channel: ChannelId,
    pub(crate) user: UserId,
    pub(crate) text: String,
    pub(crate) thread_ts: Option<Ts>,
    pub(crate) blocks: Vec<Value>,
    pub(crate) metadata: Option<Value>,
    pub(crate) files: Vec<FileId>,
    pub(crate) only_for: Option<UserId>,
}

impl Draft {
    /// A message of this text in this channel.
    pub(crate) fn text(channel: &str, user: &str, text: &str) -> Self {
        Self {
            channel: channel.into(),
            user: user.into(),
            text: text.to_string(),
            thread_ts: None,
            blocks: Vec::new(),
            metadata: None,
            files: Vec::new(),
            only_for: None,
        }
    }
}

/// Slack gives a block without an id one of its own.
pub(crate) fn with_block_ids(mut blocks: Vec<Value>) -> Vec<Value> {
    for block in &mut blocks {
        if let Some(block) = block.as_object_mut() {
            block.entry("block_id").or_insert_with(|| json!(format!("{:05x}", fastrand::u32(..0xf_ffff))));
        }
    }
    blocks
}

/// The wall clock, since 1970.
#[expect(clippy::disallowed_methods, reason = "a stand-in for Slack has Slack's own clock, which is not kaas' clock")]
fn wall() -> Duration {
    SystemTime::now().duration_since(UNIX_EPOCH).unwrap_or_default()
}
