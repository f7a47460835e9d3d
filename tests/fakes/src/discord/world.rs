//! What there is: one guild with its people, roles, channels and messages, the application in it, and what the app has begun and not ended.

use std::collections::BTreeMap;
use std::time::{Duration, SystemTime, UNIX_EPOCH};

use jiff::Timestamp;
use serde_json::{Value, json};

use super::gateway::Sessions;
use super::options::{Delivery, Options};
use super::permissions::{EVERYONE, INVITED};
use super::rates::Rates;
use super::records::{Call, Channel, Edit, Id, Interaction, Message, Modal, Person, Role};
use crate::fault::Faults;

/// Where Discord's ids begin to count: the first second of 2015.
const EPOCH_MS: u64 = 1_420_070_400_000;

/// A message for one pair of eyes.
pub(crate) const EPHEMERAL: u64 = 64;
/// An answer that is still awaited.
pub(crate) const LOADING: u64 = 128;
/// A message with a thread.
pub(crate) const HAS_THREAD: u64 = 32;

/// Everything there is.
pub(crate) struct World {
    pub(crate) options: Options,
    pub(crate) delivery: Delivery,
    pub(crate) faults: Faults,
    pub(crate) rates: Rates,
    pub(crate) sessions: Sessions,
    pub(crate) guild: Id,
    pub(crate) owner: Id,
    pub(crate) application: Id,
    pub(crate) bot: Id,
    pub(crate) bot_role: Id,
    pub(crate) people: BTreeMap<Id, Person>,
    pub(crate) roles: BTreeMap<Id, Role>,
    pub(crate) channels: BTreeMap<Id, Channel>,
    pub(crate) messages: Vec<Message>,
    pub(crate) commands: Vec<Value>,
    pub(crate) creates: Vec<u64>,
    pub(crate) interactions: BTreeMap<Id, Interaction>,
    pub(crate) modals: Vec<Modal>,
    pub(crate) last_interaction: Option<Value>,
    pub(crate) calls: Vec<Call>,
    /// What an answer of the fake itself had that Discord's does not have, or the other way round.
    pub(crate) deviations: Vec<String>,
    pub(crate) url: String,
    skipped: Duration,
    last_id: u64,
}

impl World {
    /// A guild with its owner and the bot, and nothing else.
    pub(crate) fn new(options: Options, url: String) -> Self {
        let mut world = Self {
            options,
            delivery: Delivery::default(),
            faults: Faults::default(),
            rates: Rates::default(),
            sessions: Sessions::default(),
            guild: Id(0),
            owner: Id(0),
            application: Id(0),
            bot: Id(0),
            bot_role: Id(0),
            people: BTreeMap::new(),
            roles: BTreeMap::new(),
            channels: BTreeMap::new(),
            messages: Vec::new(),
            commands: Vec::new(),
            creates: Vec::new(),
            interactions: BTreeMap::new(),
            modals: Vec::new(),
            last_interaction: None,
            calls: Vec::new(),
            deviations: Vec::new(),
            url,
            skipped: Duration::ZERO,
            last_id: 0,
        };
        world.guild = world.next_id();
        world.roles.insert(world.guild, role(world.guild, "@everyone", EVERYONE, 0, false));
        world.bot_role = world.next_id();
        world.roles.insert(world.bot_role, role(world.bot_role, "kaas", INVITED, 1, true));
        world.owner = world.put_person("owner", false);
        // A bot has the id of its application.
        world.bot = world.put_person("kaas", true);
        world.application = world.bot;
        if let Some(bot) = world.people.get_mut(&world.bot) {
            bot.roles.push(world.bot_role);
        }
        world
    }

    /// The clock, in milliseconds since 1970.
    pub(crate) fn now_ms(&self) -> u64 {
        u64::try_from(wall().saturating_add(self.skipped).as_millis()).unwrap_or(u64::MAX)
    }

    /// Lets this much time pass at once.
    pub(crate) fn skip(&mut self, time: Duration) {
        self.skipped = self.skipped.saturating_add(time);
    }

    /// An id that nothing else has, and that is greater than every one before.
    pub(crate) fn next_id(&mut self) -> Id {
        let by_time = self.now_ms().saturating_sub(EPOCH_MS) << 22;
        self.last_id = by_time.max(self.last_id + 1);
        Id(self.last_id)
    }

    /// Adds a member.
    pub(crate) fn put_person(&mut self, name: &str, is_bot: bool) -> Id {
        let id = self.next_id();
        let person = Person {
            id,
            name: name.to_string(),
            is_bot,
            roles: Vec::new(),
            left: false,
            timed_out_until_ms: None,
            dms_closed: false,
        };
        self.people.insert(id, person);
        id
    }

    /// Adds a channel of this kind.
    pub(crate) fn put_channel(&mut self, id: Id, kind: u8, name: &str) -> &mut Channel {
        let now_ms = self.now_ms();
        self.channels.insert(
            id,
            Channel {
                id,
                kind,
                name: name.to_string(),
                parent: None,
                recipient: None,
                owner: None,
                overwrites: Vec::new(),
                archived: false,
                locked: false,
                auto_archive_minutes: 4320,
                archive_ms: now_ms,
                active_ms: now_ms,
                members: Vec::new(),
                deleted: false,
            },
        );
        self.channels.get_mut(&id).expect("it was just put there")
    }

    /// A channel that is there; a thread that has been quiet for too long is archived by now.
    pub(crate) fn channel(&mut self, id: Id) -> Option<Channel> {
        let now_ms = self.now_ms();
        let channel = self.channels.get_mut(&id).filter(|channel| !channel.deleted)?;
        let quiet_ms = channel.auto_archive_minutes.saturating_mul(60_000);
        if channel.is_thread() && !channel.archived && now_ms.saturating_sub(channel.active_ms) > quiet_ms {
            channel.archived = true;
            channel.archive_ms = channel.active_ms + quiet_ms;
        }
        Some(channel.clone())
    }

    /// The direct message of this person and the bot, made if there is none.
    pub(crate) fn dm_of(&mut self, user: Id) -> Id {
        if let Some(known) = self.channels.values().find(|channel| channel.recipient == Some(user)) {
            return known.id;
        }
        let id = self.next_id();
        self.put_channel(id, 1, "").recipient = Some(user);
        id
    }

    /// A message that is there, also one for one pair of eyes.
    pub(crate) fn message(&self, channel: Id, id: Id) -> Option<&Message> {
        self.messages.iter().find(|message| message.channel == channel && message.id == id && !message.deleted)
    }

    /// The same, to change it.
    pub(crate) fn message_mut(&mut self, channel: Id, id: Id) -> Option<&mut Message> {
        self.messages.iter_mut().find(|message| message.channel == channel && message.id == id && !message.deleted)
    }

    /// An empty message of this author.
    pub(crate) fn draft(&mut self, channel: Id, author: Id) -> Message {
        let (id, at_ms) = (self.next_id(), self.now_ms());
        Message {
            id,
            channel,
            kind: 0,
            author,
            webhook: None,
            content: String::new(),
            embeds: Vec::new(),
            components: Vec::new(),
            files: Vec::new(),
            flags: 0,
            reactions: Vec::new(),
            pings: Vec::new(),
            pings_roles: Vec::new(),
            pings_everyone: false,
            allowed_mentions: None,
            nonce: None,
            at_ms,
            edited_ms: None,
            edits: Vec::new(),
            only_for: None,
            interaction: None,
            reply_to: None,
            deleted: false,
        }
    }

    /// Puts a message in its place; one that all see opens an archived thread again.
    pub(crate) fn put(&mut self, message: Message) -> Id {
        let id = message.id;
        let now_ms = self.now_ms();
        if let Some(channel) = self.channels.get_mut(&message.channel) {
            channel.active_ms = now_ms;
            if channel.archived && !channel.locked && message.only_for.is_none() {
                channel.archived = false;
                channel.archive_ms = now_ms;
            }
        }
        self.messages.push(message);
        id
    }

    /// Keeps what a message said, and notes that it is edited now.
    pub(crate) fn note_edit(&mut self, channel: Id, id: Id) {
        let now_ms = self.now_ms();
        if let Some(message) = self.message_mut(channel, id) {
            let before = Edit {
                content: message.content.clone(),
                embeds: message.embeds.clone(),
                components: message.components.clone(),
            };
            message.edits.push(before);
            message.edited_ms = Some(now_ms);
        }
    }

    /// Adds a reaction; `false` if this person had reacted so before.
    pub(crate) fn react(&mut self, channel: Id, message: Id, user: Id, emoji: &str) -> bool {
        let Some(message) = self.message_mut(channel, message) else { return false };
        let at = message.reactions.iter().position(|(known, _)| known == emoji).unwrap_or_else(|| {
            message.reactions.push((emoji.to_string(), Vec::new()));
            message.reactions.len() - 1
        });
        let users = &mut message.reactions[at].1;
        let is_new = !users.contains(&user);
        if is_new {
            users.push(user);
        }
        is_new
    }

    /// Takes a reaction away; `false` if there was none.
    pub(crate) fn unreact(&mut self, channel: Id, message: Id, user: Id, emoji: &str) -> bool {
        let Some(message) = self.message_mut(channel, message) else { return false };
        let Some((_, users)) = message.reactions.iter_mut().find(|(known, _)| known == emoji) else { return false };
        let before = users.len();
        users.retain(|known| *known != user);
        let is_gone = users.len() < before;
        message.reactions.retain(|(_, users)| !users.is_empty());
        is_gone
    }

    /// The interaction of this token.
    pub(crate) fn by_token(&self, token: &str) -> Option<&Interaction> {
        self.interactions.values().find(|interaction| interaction.token == token)
    }

    /// Whether the privileged or open intent bits reach any session: what REST shows of others' messages hangs on it.
    pub(crate) fn may_read_content(&self) -> bool {
        self.options.privileged & super::options::intents::MESSAGE_CONTENT != 0
    }
}

fn role(id: Id, name: &str, permissions: u64, position: u64, managed: bool) -> Role {
    Role { id, name: name.to_string(), permissions, position, managed }
}

/// A time as Discord writes it: `2026-08-01T12:00:00.123000+00:00`.
pub(crate) fn stamp(ms: u64) -> Value {
    let at = i64::try_from(ms).ok().and_then(|ms| Timestamp::from_millisecond(ms).ok()).unwrap_or_default();
    json!(at.strftime("%Y-%m-%dT%H:%M:%S%.6f+00:00").to_string())
}

/// The wall clock, since 1970.
#[expect(
    clippy::disallowed_methods,
    reason = "a stand-in for Discord has Discord's own clock, which is not kaas' clock"
)]
fn wall() -> Duration {
    SystemTime::now().duration_since(UNIX_EPOCH).unwrap_or_default()
}
