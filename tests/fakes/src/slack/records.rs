//! What a workspace is made of, and what is read back of it: people, channels, groups, messages, views, files, calls, acknowledgements.

use std::collections::{BTreeMap, BTreeSet};

use serde::Serialize;
use serde_json::Value;

use super::ids::{ChannelId, FileId, GroupId, Ts, UserId, ViewId};

/// A person, or a bot.
#[derive(Debug, Clone, Serialize)]
pub struct User {
    /// The id.
    pub id: UserId,
    /// The handle: `alice`.
    pub name: String,
    /// The e-mail address; `None` where the bot cannot see it.
    pub email: Option<String>,
    /// The workspace that the person is of.
    pub team: String,
    /// A multi-channel guest.
    pub is_restricted: bool,
    /// A single-channel guest.
    pub is_ultra_restricted: bool,
    /// Of another workspace, seen through a shared channel.
    pub is_stranger: bool,
    /// Deactivated.
    pub deleted: bool,
    /// A bot.
    pub is_bot: bool,
}

/// A channel or a direct message.
#[derive(Debug, Clone, Serialize)]
pub struct Channel {
    /// The id.
    pub id: ChannelId,
    /// The name, without `#`.
    pub name: String,
    /// Who is in it; the bot's user among them.
    pub members: BTreeSet<String>,
    /// A private channel.
    pub is_private: bool,
    /// A direct message with the bot.
    pub is_im: bool,
    /// Nobody may write there any more.
    pub is_archived: bool,
    /// Shared with another workspace.
    pub is_ext_shared: bool,
    /// When it was made, in seconds.
    pub created: u64,
}

/// A user group.
#[derive(Debug, Clone, Serialize)]
pub struct Group {
    /// The id.
    pub id: GroupId,
    /// The handle, without `@`.
    pub handle: String,
    /// Its members.
    pub users: Vec<UserId>,
}

/// A message: in a channel, a thread, a direct message, or for one pair of eyes.
#[derive(Debug, Clone, Serialize)]
pub struct Message {
    /// Where it is.
    pub channel: ChannelId,
    /// Which one it is.
    pub ts: Ts,
    /// The first message of its thread, if it is a reply.
    pub thread_ts: Option<Ts>,
    /// Who wrote it.
    pub user: UserId,
    /// The plain text.
    pub text: String,
    /// The blocks, as they were sent.
    pub blocks: Vec<Value>,
    /// The metadata.
    pub metadata: Option<Value>,
    /// Emoji (without colons), and who reacted with it.
    pub reactions: Vec<(String, Vec<UserId>)>,
    /// The files in it.
    pub files: Vec<FileId>,
    /// What it said before each edit, the oldest first.
    pub edits: Vec<Edit>,
    /// The only one who sees it; `None` if everyone in the channel does.
    pub only_for: Option<UserId>,
    /// Whether it was deleted.
    pub deleted: bool,
}

/// What a message said before an edit.
#[derive(Debug, Clone, Serialize)]
pub struct Edit {
    /// When it was edited.
    pub at: Ts,
    /// The text until then.
    pub text: String,
    /// The blocks until then.
    pub blocks: Vec<Value>,
}

/// A modal or a home.
#[derive(Debug, Clone, Serialize)]
pub struct View {
    /// The id.
    pub id: ViewId,
    /// Who sees it.
    pub user: UserId,
    /// What the app sent: title, blocks, callback_id, private_metadata, …
    pub view: Value,
    /// Changes with every update.
    pub hash: String,
    /// Whether it is on the screen; a modal below another one is.
    pub open: bool,
    /// The errors that are shown at its fields: block id and sentence.
    pub errors: BTreeMap<String, String>,
    /// The modal that it lies on, if it was pushed.
    pub previous: Option<ViewId>,
    /// The first modal of its pile.
    pub root: ViewId,
}

/// A file.
#[derive(Debug, Clone, Serialize)]
pub struct File {
    /// The id.
    pub id: FileId,
    /// Its name: `plan.txt`.
    pub name: String,
    /// Its title.
    pub title: String,
    /// The length that was announced, in bytes.
    pub length: usize,
    /// What was uploaded.
    #[serde(skip)]
    pub content: Option<Vec<u8>>,
    /// Whether the upload was completed.
    pub complete: bool,
}

impl File {
    /// The content as text.
    pub fn text(&self) -> String {
        String::from_utf8_lossy(self.content.as_deref().unwrap_or_default()).into_owned()
    }
}

/// A call of the Web API, or a post to a `response_url` (method `response_url`) or an upload url (method `upload`).
#[derive(Debug, Clone, Serialize)]
pub struct Call {
    /// The method: `chat.postMessage`.
    pub method: String,
    /// The arguments.
    pub args: Value,
    /// The HTTP status of the answer.
    pub status: u16,
    /// The answer; `null` where there was none.
    pub answer: Value,
    /// When it came, in milliseconds of the workspace's clock.
    pub at_ms: u64,
    /// Whether the work was done and the answer lost on purpose.
    pub lost: bool,
}

/// An acknowledgement.
#[derive(Debug, Clone, Serialize)]
pub struct Ack {
    /// The envelope; for HTTP, an id of the request.
    pub envelope_id: String,
    /// `slash_commands`, `events_api` or `interactive`.
    pub kind: String,
    /// How long it took.
    pub ms: f64,
    /// 0 for the first delivery.
    pub attempt: u32,
    /// What was answered with it.
    pub payload: Option<Value>,
}
