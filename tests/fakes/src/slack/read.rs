//! What is read back: messages, threads, what only one person sees, modals, homes, files, calls, acknowledgements; and waiting for any of it.

use std::time::Duration;

use anyhow::{Result, bail};
use serde_json::Value;
use tokio::time::Instant;

use super::FakeSlack;
use super::doings::ids_of;
use super::ids::{ChannelId, Ts};
use super::records::{Ack, Call, File, Message, View};
use super::world::World;

/// The workspace at one moment.
pub struct Snapshot<'a> {
    world: &'a World,
}

impl<'a> Snapshot<'a> {
    pub(crate) fn of(world: &'a World) -> Self {
        Self { world }
    }

    /// What everyone in a channel sees, threads too, the oldest first.
    pub fn messages(&self, channel: &str) -> Vec<&'a Message> {
        self.visible().filter(|message| message.channel == *channel).collect()
    }

    /// A message and its replies, the oldest first.
    pub fn thread(&self, channel: &str, ts: &str) -> Vec<&'a Message> {
        let in_thread = |m: &&Message| m.ts == *ts || m.thread_ts.as_deref() == Some(ts);
        self.visible().filter(|m| m.channel == *channel).filter(in_thread).collect()
    }

    /// One message.
    pub fn message(&self, channel: &str, ts: &str) -> Option<&'a Message> {
        self.world.message(channel, ts)
    }

    /// What only this person sees: private answers in any channel, and direct messages, the oldest first.
    pub fn private_to(&self, user: &str) -> Vec<&'a Message> {
        let is_own = |m: &&Message| match &m.only_for {
            Some(only) => *only == *user,
            None => self.is_im_of(&m.channel, user),
        };
        self.world.messages.iter().filter(|message| !message.deleted).filter(is_own).collect()
    }

    /// The direct messages of this person and the app.
    pub fn dms(&self, user: &str) -> Vec<&'a Message> {
        self.visible().filter(|message| self.is_im_of(&message.channel, user)).collect()
    }

    /// The first message whose text or blocks hold this text, among what everyone sees.
    pub fn find(&self, text: &str) -> Option<&'a Message> {
        self.visible().find(|message| message.holds(text))
    }

    /// The modals that this person has open, the one in front last.
    pub fn views(&self, user: &str) -> Vec<&'a View> {
        let is_own = |view: &&View| view.open && view.user == *user && view.view["type"] == "modal";
        self.world.views.iter().filter(is_own).collect()
    }

    /// What this person's home shows.
    pub fn home(&self, user: &str) -> Option<&'a View> {
        let id = self.world.homes.get(user)?;
        self.world.views.iter().find(|view| view.id == *id)
    }

    /// Every file whose upload was completed.
    pub fn files(&self) -> Vec<&'a File> {
        self.world.files.values().filter(|file| file.complete).collect()
    }

    /// Every call, the oldest first.
    pub fn calls(&self) -> &'a [Call] {
        &self.world.calls
    }

    /// Every acknowledgement, the oldest first.
    pub fn acks(&self) -> &'a [Ack] {
        &self.world.acks
    }

    fn visible(&self) -> impl Iterator<Item = &'a Message> + use<'a> {
        self.world.messages.iter().filter(|message| message.only_for.is_none() && !message.deleted)
    }

    fn is_im_of(&self, channel: &str, user: &str) -> bool {
        self.world.channels.get(channel).is_some_and(|channel| channel.is_im && channel.members.contains(user))
    }
}

impl Message {
    /// Whether its text or any text of its blocks holds this.
    pub fn holds(&self, text: &str) -> bool {
        self.text.contains(text) || self.block_texts().iter().any(|own| own.contains(text))
    }

    /// The texts of its blocks, in the order in which they are read.
    pub fn block_texts(&self) -> Vec<String> {
        texts_of(&self.blocks)
    }

    /// The action ids of its buttons and menus.
    pub fn buttons(&self) -> Vec<&str> {
        ids_of(&self.blocks)
    }

    /// Who reacted with this emoji.
    pub fn reacted(&self, emoji: &str) -> Vec<&str> {
        let all = self.reactions.iter().filter(|(name, _)| name == emoji);
        all.flat_map(|(_, users)| users.iter().map(|user| &**user)).collect()
    }
}

impl View {
    /// The texts of its blocks, in the order in which they are read.
    pub fn texts(&self) -> Vec<String> {
        texts_of(self.view["blocks"].as_array().map(Vec::as_slice).unwrap_or_default())
    }

    /// The action ids of its buttons and fields.
    pub fn buttons(&self) -> Vec<&str> {
        ids_of(self.view["blocks"].as_array().map(Vec::as_slice).unwrap_or_default())
    }
}

/// Every `text` that is a text, depth first.
pub(crate) fn texts_of(blocks: &[Value]) -> Vec<String> {
    fn walk(value: &Value, texts: &mut Vec<String>) {
        match value {
            Value::Array(items) => items.iter().for_each(|item| walk(item, texts)),
            Value::Object(fields) => {
                for key in ["title", "label", "text", "fields", "accessory", "elements", "element", "placeholder"] {
                    match fields.get(key) {
                        Some(Value::String(text)) => texts.push(text.clone()),
                        Some(inner) => walk(inner, texts),
                        None => {}
                    }
                }
            }
            _ => {}
        }
    }
    let mut texts = Vec::new();
    blocks.iter().for_each(|block| walk(block, &mut texts));
    texts
}

impl FakeSlack {
    /// Reads several things of one moment.
    pub fn look<T>(&self, read: impl FnOnce(&Snapshot<'_>) -> T) -> T {
        self.inner.look(|world| read(&Snapshot::of(world)))
    }

    /// Waits until something is there, and gives it: `slack.wait_for(|now| now.find("Ready").cloned(), within).await?`.
    ///
    /// # Errors
    /// If it is not there within the time; the error tells the whole transcript.
    pub async fn wait_for<T>(&self, mut find: impl FnMut(&Snapshot<'_>) -> Option<T>, within: Duration) -> Result<T> {
        let mut changes = self.inner.changes.subscribe();
        let deadline = Instant::now() + within;
        loop {
            changes.borrow_and_update();
            if let Some(found) = self.look(&mut find) {
                return Ok(found);
            }
            // The sender lives in this handle.
            if tokio::time::timeout_at(deadline, changes.changed()).await.is_err() {
                bail!("not within {within:?}; this is what was said:\n{}", self.transcript());
            }
        }
    }

    /// What everyone in a channel sees, threads too, the oldest first.
    pub fn messages(&self, channel: &str) -> Vec<Message> {
        self.look(|now| now.messages(channel).into_iter().cloned().collect())
    }

    /// A message and its replies, the oldest first.
    pub fn thread(&self, channel: &str, ts: &str) -> Vec<Message> {
        self.look(|now| now.thread(channel, ts).into_iter().cloned().collect())
    }

    /// One message.
    pub fn message(&self, channel: &str, ts: &str) -> Option<Message> {
        self.look(|now| now.message(channel, ts).cloned())
    }

    /// What only this person sees: private answers in any channel, and direct messages, the oldest first.
    pub fn private_to(&self, user: &str) -> Vec<Message> {
        self.look(|now| now.private_to(user).into_iter().cloned().collect())
    }

    /// The direct messages of this person and the app.
    pub fn dms(&self, user: &str) -> Vec<Message> {
        self.look(|now| now.dms(user).into_iter().cloned().collect())
    }

    /// The modals that this person has open, the one in front last.
    pub fn views(&self, user: &str) -> Vec<View> {
        self.look(|now| now.views(user).into_iter().cloned().collect())
    }

    /// What this person's home shows.
    pub fn home(&self, user: &str) -> Option<View> {
        self.look(|now| now.home(user).cloned())
    }

    /// Every file whose upload was completed.
    pub fn files(&self) -> Vec<File> {
        self.look(|now| now.files().into_iter().cloned().collect())
    }

    /// Every call, the oldest first.
    pub fn calls(&self) -> Vec<Call> {
        self.look(|now| now.calls().to_vec())
    }

    /// Every acknowledgement, the oldest first.
    pub fn acks(&self) -> Vec<Ack> {
        self.look(|now| now.acks().to_vec())
    }

    /// The events that the app never heard of.
    pub fn lost_events(&self) -> Vec<Value> {
        self.inner.look(|world| world.lost_events.clone())
    }

    /// The direct message channel of this person and the app, made if there is none.
    pub fn im_of(&self, user: &str) -> ChannelId {
        self.inner.change(|world| world.im_of(user))
    }

    /// The newest message of a channel that starts a thread or stands alone.
    pub fn last(&self, channel: &str) -> Option<Ts> {
        let roots = |now: &Snapshot<'_>| {
            let all = now.messages(channel);
            all.iter().rev().find(|m| m.thread_ts.is_none()).map(|m| m.ts.clone())
        };
        self.look(roots)
    }
}
