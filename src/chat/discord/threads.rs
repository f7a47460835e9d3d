//! The thread of a card: begun when there is something to say in it, opened again where it was archived, and the channel where neither is possible.

use serde_json::{Value, json};
use serenity::all::{ChannelId, MessageId};
use serenity::http::Route;

use super::DiscordChat;
use super::api::{Failure, Id};
use super::marks::cut;
use super::trouble::{ARCHIVED, HAS_THREAD, NO_CHANNEL, NO_MESSAGE, NO_PERMISSION};
use crate::ports::{Attachment, CardKey};

/// Minutes after which Discord archives a quiet thread: the longest that it takes.
const ARCHIVED_AFTER: u32 = 10_080;
/// The longest name of a thread.
const NAME_MAX: usize = 100;

impl DiscordChat {
    /// Writes into the thread of a card. Where there can be none, because somebody deleted the card or locked the thread, it is said in the channel.
    pub(super) async fn put_in_thread(
        &self,
        card: &CardKey,
        message: Id,
        body: &Value,
        file: Option<&Attachment>,
    ) -> Result<(), Failure> {
        // A thread has the id of the message that it began at.
        let failure = match self.put(message, body, file).await {
            Ok(_) => return Ok(()),
            Err(failure) => failure,
        };
        let opened = if failure.is(&[NO_CHANNEL]) {
            self.begin_thread(card, message).await
        } else if failure.is(&[ARCHIVED]) {
            self.unarchive(message).await
        } else {
            return Err(failure);
        };
        let again = match opened {
            Ok(()) => self.put(message, body, file).await,
            Err(failure) => Err(failure),
        };
        match again {
            Ok(_) => Ok(()),
            Err(failure) if failure.is(&[NO_CHANNEL, NO_MESSAGE, ARCHIVED]) => {
                self.put(self.channel, body, file).await.map(drop)
            }
            // Only who manages threads opens a locked one.
            Err(locked) if failure.is(&[ARCHIVED]) && locked.is(&[NO_PERMISSION]) => {
                self.put(self.channel, body, file).await.map(drop)
            }
            Err(failure) => Err(failure),
        }
    }

    async fn begin_thread(&self, card: &CardKey, message: Id) -> Result<(), Failure> {
        let name = cut(&format!("{} · change {}", card.cluster.name, card.change), NAME_MAX);
        let body = json!({ "name": name, "auto_archive_duration": ARCHIVED_AFTER });
        let (channel_id, message_id) = (ChannelId::from(self.channel), MessageId::from(message));
        match self.api.post("begin a thread", Route::ChannelMessageThreads { channel_id, message_id }, &body).await {
            // Begun by an earlier call whose answer was lost, or by somebody else.
            Err(there) if there.is(&[HAS_THREAD]) => Ok(()),
            begun => begun.map(drop),
        }
    }

    async fn unarchive(&self, thread: Id) -> Result<(), Failure> {
        let route = Route::Channel { channel_id: ChannelId::from(thread) };
        self.api.patch("open a thread", route, &json!({ "archived": false })).await.map(drop)
    }

    /// Opens the thread of a change that is still open: people use commands in it.
    pub(super) async fn reopen(&self, thread: Id) {
        match self.unarchive(thread).await {
            Ok(()) => tracing::debug!(discord.thread = thread, "the thread of an open change is open again"),
            Err(failure) => {
                tracing::info!(discord.thread = thread, discord.failure = %failure, "the thread of an open change stays archived");
            }
        }
    }
}
