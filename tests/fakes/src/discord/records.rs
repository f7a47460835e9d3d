//! What a guild is made of, and what is read back of it: people, roles, channels, messages, modals, interactions, calls.

use std::fmt;

use serde::{Serialize, Serializer};
use serde_json::Value;

/// A snowflake: of a person, a role, a channel, a message, …; no two things have the same, but a thread has that of the message it began at.
#[derive(Clone, Copy, PartialEq, Eq, PartialOrd, Ord, Hash)]
pub struct Id(pub u64);

impl fmt::Display for Id {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        self.0.fmt(f)
    }
}

impl fmt::Debug for Id {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        self.0.fmt(f)
    }
}

impl Serialize for Id {
    fn serialize<S: Serializer>(&self, serializer: S) -> Result<S::Ok, S::Error> {
        serializer.collect_str(self)
    }
}

impl std::str::FromStr for Id {
    type Err = std::num::ParseIntError;
    fn from_str(text: &str) -> Result<Self, Self::Err> {
        text.parse().map(Self)
    }
}

/// A person or a bot, and what they are in the guild.
#[derive(Debug, Clone, Serialize)]
pub struct Person {
    /// The id.
    pub id: Id,
    /// The user name: `alice`.
    pub name: String,
    /// Whether it is a bot.
    pub is_bot: bool,
    /// The roles, without `@everyone`.
    pub roles: Vec<Id>,
    /// Whether they are no member of the guild any more.
    pub left: bool,
    /// Until when they are timed out, in milliseconds since 1970.
    pub timed_out_until_ms: Option<u64>,
    /// Whether they take no direct messages of the bot.
    pub dms_closed: bool,
}

/// A role.
#[derive(Debug, Clone, Serialize)]
pub struct Role {
    /// The id; that of `@everyone` is the guild's.
    pub id: Id,
    /// The name.
    pub name: String,
    /// What it permits.
    pub permissions: u64,
    /// Its place in the list.
    pub position: u64,
    /// Whether it is an integration's own.
    pub managed: bool,
}

/// What a channel allows or denies a role or a member.
#[derive(Debug, Clone, Serialize)]
pub struct Overwrite {
    /// The role or the member.
    pub id: Id,
    /// Whether it is a role.
    pub is_role: bool,
    /// What is allowed.
    pub allow: u64,
    /// What is denied.
    pub deny: u64,
}

/// A text channel, a direct message or a thread.
#[derive(Debug, Clone, Serialize)]
pub struct Channel {
    /// The id.
    pub id: Id,
    /// Its type: 0 text, 1 direct message, 11 public thread, 12 private thread.
    pub kind: u8,
    /// The name, without `#`.
    pub name: String,
    /// The channel that a thread is in.
    pub parent: Option<Id>,
    /// The other side of a direct message.
    pub recipient: Option<Id>,
    /// Who began a thread.
    pub owner: Option<Id>,
    /// Exceptions from what the guild permits.
    pub overwrites: Vec<Overwrite>,
    /// Whether a thread is archived.
    pub archived: bool,
    /// Whether a thread may only be opened again by who manages threads.
    pub locked: bool,
    /// After how many quiet minutes a thread is archived.
    pub auto_archive_minutes: u64,
    /// When a thread was archived or opened last, in milliseconds.
    pub archive_ms: u64,
    /// When something last happened in it, in milliseconds.
    pub active_ms: u64,
    /// Who is in a thread.
    pub members: Vec<Id>,
    /// Whether it is gone.
    pub deleted: bool,
}

impl Channel {
    /// A direct message.
    pub fn is_dm(&self) -> bool {
        self.kind == 1
    }

    /// A thread.
    pub fn is_thread(&self) -> bool {
        matches!(self.kind, 11 | 12)
    }
}

/// A file in a message.
#[derive(Debug, Clone, Serialize)]
pub struct File {
    /// The id.
    pub id: Id,
    /// Its name: `plan.txt`.
    pub name: String,
    /// What it says it holds.
    pub content_type: String,
    /// What was uploaded.
    #[serde(skip)]
    pub content: Vec<u8>,
}

impl File {
    /// The content as text.
    pub fn text(&self) -> String {
        String::from_utf8_lossy(&self.content).into_owned()
    }
}

/// What a message said before an edit.
#[derive(Debug, Clone, Serialize)]
pub struct Edit {
    /// The content until then.
    pub content: String,
    /// The embeds until then.
    pub embeds: Vec<Value>,
    /// The components until then.
    pub components: Vec<Value>,
}

/// A message: in a channel, a thread, a direct message, or for one pair of eyes.
#[derive(Debug, Clone, Serialize)]
pub struct Message {
    /// The id.
    pub id: Id,
    /// Where it is.
    pub channel: Id,
    /// Its type: 0 ordinary, 20 answer to a command, 21 the first one of a thread.
    pub kind: u8,
    /// Who wrote it.
    pub author: Id,
    /// A webhook's message: it has no member behind it.
    pub webhook: Option<Id>,
    /// The text.
    pub content: String,
    /// The embeds, as they were sent.
    pub embeds: Vec<Value>,
    /// The rows of buttons, as they were sent.
    pub components: Vec<Value>,
    /// The files.
    pub files: Vec<File>,
    /// The flags: 64 for one pair of eyes, 128 for an answer that is still awaited.
    pub flags: u64,
    /// Emoji, and who reacted with it.
    pub reactions: Vec<(String, Vec<Id>)>,
    /// Whom it pings.
    pub pings: Vec<Id>,
    /// The roles that it pings.
    pub pings_roles: Vec<Id>,
    /// Whether it pings everyone.
    pub pings_everyone: bool,
    /// What was said of mentions; `None` if nothing was.
    pub allowed_mentions: Option<Value>,
    /// The nonce that it was sent with.
    pub nonce: Option<String>,
    /// When it was sent, in milliseconds.
    pub at_ms: u64,
    /// When it was edited last, in milliseconds.
    pub edited_ms: Option<u64>,
    /// What it said before each edit, the oldest first.
    pub edits: Vec<Edit>,
    /// The only one who sees it; `None` if everyone in the channel does.
    pub only_for: Option<Id>,
    /// The interaction that it answers.
    pub interaction: Option<Id>,
    /// The message that it replies to.
    pub reply_to: Option<Id>,
    /// Whether it was deleted.
    pub deleted: bool,
}

/// What a person did with the app: a command, a button, a modal, a word to complete.
#[derive(Debug, Clone, Serialize)]
pub struct Interaction {
    /// The id.
    pub id: Id,
    /// The secret that answers are sent with.
    pub token: String,
    /// Its type: 2 command, 3 button, 4 autocomplete, 5 modal.
    pub kind: u8,
    /// Who did it.
    pub user: Id,
    /// Where.
    pub channel: Id,
    /// The message whose button it was.
    pub message: Option<Id>,
    /// The interaction that opened the form which was sent.
    pub opened_by: Option<Id>,
    /// The command's whole name: `kaas request`.
    pub command: Option<String>,
    /// When it was made, in milliseconds.
    pub born_ms: u64,
    /// The type of the first answer.
    pub answer: Option<u8>,
    /// How long that took, in milliseconds.
    pub answered_ms: Option<u64>,
    /// The first answer as it was sent.
    pub data: Value,
    /// The message that the first answer made or has to make.
    pub original: Option<Id>,
    /// Whether the person is still shown that it is being thought about.
    pub waiting: bool,
}

/// A form that a person was shown.
#[derive(Debug, Clone, Serialize)]
pub struct Modal {
    /// The interaction that it answered.
    pub interaction: Id,
    /// Who sees it.
    pub user: Id,
    /// Where it was opened.
    pub channel: Id,
    /// The message whose button opened it.
    pub message: Option<Id>,
    /// What the app sent: custom_id, title, components.
    pub data: Value,
    /// Whether it is still on the screen.
    pub open: bool,
}

/// A call that was seen.
#[derive(Debug, Clone, Serialize)]
pub struct Call {
    /// `POST`
    pub method: String,
    /// The path without `/api/v10`, with its query.
    pub path: String,
    /// What was sent; of a form with files, its JSON.
    pub body: Value,
    /// The HTTP status of the answer; 0 where the connection was dropped.
    pub status: u16,
    /// Discord's own error code; 0 for none.
    pub code: u64,
    /// What was answered.
    pub answer: Value,
    /// When it came, in milliseconds.
    pub at_ms: u64,
    /// Whether the work was done and the answer lost on purpose.
    pub lost: bool,
}
