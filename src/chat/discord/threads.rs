//! The thread of a card: begun when there is something to say in it, opened again where it was archived, and the channel where neither is possible.

use std::collections::HashSet;
use std::sync::{MutexGuard, PoisonError};

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
/// How many threads are remembered.
const THREADS_MAX: usize = 5_000;
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
        let told = match self.is_begun(card, message).await {
            // A thread has the id of the message that it began at.
            Ok(()) => self.put(message, body, file).await.map(drop),
            Err(failure) => Err(failure),
        };
        let told = match told {
            Err(archived) if archived.is(&[ARCHIVED]) => match self.unarchive(message).await {
                Ok(()) => self.put(message, body, file).await.map(drop),
                // Only who manages threads opens a locked one.
                Err(locked) if locked.is(&[NO_PERMISSION]) => Err(archived),
                Err(failure) => Err(failure),
            },
            told => told,
        };
        match told {
            Err(none) if none.is(&[NO_CHANNEL, NO_MESSAGE, ARCHIVED]) => {
                self.threads().remove(&message);
                self.put(self.channel, body, file).await.map(drop)
            }
            told => told,
        }
    }

    /// Sees to it that there is a thread.
    async fn is_begun(&self, card: &CardKey, message: Id) -> Result<(), Failure> {
        if self.threads().contains(&message) {
            return Ok(());
        }
        self.begin_thread(card, message).await?;
        let mut threads = self.threads();
        if threads.len() >= THREADS_MAX {
            threads.clear();
        }
        threads.insert(message);
        Ok(())
    }

    fn threads(&self) -> MutexGuard<'_, HashSet<Id>> {
        self.threads.lock().unwrap_or_else(PoisonError::into_inner)
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
