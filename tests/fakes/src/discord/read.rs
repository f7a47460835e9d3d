//! What is read back: messages, threads, what only one person sees, forms, files, commands, interactions, calls; and waiting for any of it.

use std::time::Duration;

use anyhow::{Result, bail};
use serde_json::Value;
use tokio::time::Instant;

use super::FakeDiscord;
use super::records::{Call, Channel, Id, Interaction, Message, Modal};
use super::world::{LOADING, World};

/// The guild at one moment.
pub struct Snapshot<'a> {
    world: &'a World,
}

impl<'a> Snapshot<'a> {
    pub(crate) fn of(world: &'a World) -> Self {
        Self { world }
    }

    /// What everyone sees in a channel, a thread or a direct message, the oldest first.
    pub fn messages(&self, channel: Id) -> Vec<&'a Message> {
        self.visible().filter(|message| message.channel == channel).collect()
    }

    /// One message.
    pub fn message(&self, channel: Id, id: Id) -> Option<&'a Message> {
        self.world.message(channel, id)
    }

    /// The thread that began at a message.
    pub fn thread(&self, message: Id) -> Option<&'a Channel> {
        self.world.channels.get(&message).filter(|channel| channel.is_thread() && !channel.deleted)
    }

    /// What only this person sees: private answers in any channel, and direct messages, the oldest first; not what is still being thought about.
    pub fn private_to(&self, user: Id) -> Vec<&'a Message> {
        let is_own = |message: &&Message| match message.only_for {
            Some(only) => only == user && message.flags & LOADING == 0,
            None => self.is_dm_of(message.channel, user),
        };
        self.world.messages.iter().filter(|message| !message.deleted).filter(is_own).collect()
    }

    /// The direct messages of this person and the app.
    pub fn dms(&self, user: Id) -> Vec<&'a Message> {
        self.visible().filter(|message| self.is_dm_of(message.channel, user)).collect()
    }

    /// The first message whose text, embeds or buttons hold this text, among what everyone sees.
    pub fn find(&self, text: &str) -> Option<&'a Message> {
        self.visible().find(|message| message.holds(text))
    }

    /// The form that this person has open.
    pub fn modal(&self, user: Id) -> Option<&'a Modal> {
        self.world.modals.iter().rev().find(|modal| modal.open && modal.user == user)
    }

    /// The guild's commands, as Discord keeps them.
    pub fn commands(&self) -> &'a [Value] {
        &self.world.commands
    }

    /// Every interaction, the oldest first.
    pub fn interactions(&self) -> Vec<&'a Interaction> {
        self.world.interactions.values().collect()
    }

    /// Every call, the oldest first.
    pub fn calls(&self) -> &'a [Call] {
        &self.world.calls
    }

    fn visible(&self) -> impl DoubleEndedIterator<Item = &'a Message> + use<'a> {
        self.world
            .messages
            .iter()
            .filter(|m| m.only_for.is_none() && !m.deleted && m.kind != 21 && m.flags & LOADING == 0)
    }

    fn is_dm_of(&self, channel: Id, user: Id) -> bool {
        self.world.channels.get(&channel).is_some_and(|channel| channel.recipient == Some(user))
    }
}

impl Message {
    /// Whether its text, or any text of its embeds or buttons, holds this.
    pub fn holds(&self, text: &str) -> bool {
        self.texts().iter().any(|own| own.contains(text)) || self.labels().iter().any(|own| own.contains(text))
    }

    /// Its text, then those of its embeds, in the order in which they are read.
    pub fn texts(&self) -> Vec<String> {
        let mut texts = Vec::new();
        let mut add =
            |value: &Value| texts.extend(value.as_str().filter(|text| !text.is_empty()).map(ToString::to_string));
        add(&Value::String(self.content.clone()));
        for embed in &self.embeds {
            for value in [&embed["author"]["name"], &embed["title"], &embed["description"]] {
                add(value);
            }
            for field in embed["fields"].as_array().into_iter().flatten() {
                add(&Value::String(format!("{}: {}", text(&field["name"]), text(&field["value"]))));
            }
            add(&embed["footer"]["text"]);
        }
        texts
    }

    /// The custom ids of its buttons and menus that can be used.
    pub fn buttons(&self) -> Vec<&str> {
        self.usable().filter_map(|one| one["custom_id"].as_str()).collect()
    }

    /// What its buttons and menus are called, used or not.
    pub fn labels(&self) -> Vec<&str> {
        self.parts().filter_map(|one| one["label"].as_str().or_else(|| one["placeholder"].as_str())).collect()
    }

    /// The custom id of the button with this label or custom id; `None` if there is none that can be pressed.
    pub fn button(&self, label: &str) -> Option<String> {
        let is_it = |one: &&Value| one["label"].as_str() == Some(label) || one["custom_id"].as_str() == Some(label);
        self.usable().find(is_it).and_then(|one| one["custom_id"].as_str()).map(ToString::to_string)
    }

    /// Who reacted with this emoji.
    pub fn reacted(&self, emoji: &str) -> &[Id] {
        self.reactions.iter().find(|(known, _)| known == emoji).map(|(_, users)| users.as_slice()).unwrap_or_default()
    }

    fn parts(&self) -> impl Iterator<Item = &Value> {
        self.components.iter().flat_map(|row| row["components"].as_array().into_iter().flatten())
    }

    fn usable(&self) -> impl Iterator<Item = &Value> {
        self.parts().filter(|one| one["disabled"] != true)
    }
}

impl Modal {
    /// Its title, and the labels of its fields.
    pub fn texts(&self) -> Vec<String> {
        let labels = self.fields().map(|field| text(&field["label"]));
        std::iter::once(text(&self.data["title"])).chain(labels).collect()
    }

    /// The fields, as they were sent.
    pub fn fields(&self) -> impl Iterator<Item = &Value> {
        let rows = self.data["components"].as_array().into_iter().flatten();
        rows.flat_map(|row| row["components"].as_array().into_iter().flatten())
    }
}

fn text(value: &Value) -> String {
    value.as_str().unwrap_or_default().to_string()
}

impl FakeDiscord {
    /// Reads several things of one moment.
    pub fn look<T>(&self, read: impl FnOnce(&Snapshot<'_>) -> T) -> T {
        self.inner.look(|world| read(&Snapshot::of(world)))
    }

    /// Waits until something is there, and gives it: `discord.wait_for(|now| now.find("Ready").cloned(), within).await?`.
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

    /// What everyone sees in a channel, a thread or a direct message, the oldest first.
    pub fn messages(&self, channel: Id) -> Vec<Message> {
        self.look(|now| now.messages(channel).into_iter().cloned().collect())
    }

    /// One message.
    pub fn message(&self, channel: Id, id: Id) -> Option<Message> {
        self.look(|now| now.message(channel, id).cloned())
    }

    /// The newest message of a channel that everyone sees.
    pub fn last(&self, channel: Id) -> Option<Message> {
        self.look(|now| now.messages(channel).last().copied().cloned())
    }

    /// The thread that began at a message, and whether it is archived by now.
    pub fn thread(&self, message: Id) -> Option<Channel> {
        self.inner.change(|world| world.channel(message).filter(Channel::is_thread))
    }

    /// What only this person sees: private answers in any channel, and direct messages, the oldest first.
    pub fn private_to(&self, user: Id) -> Vec<Message> {
        self.look(|now| now.private_to(user).into_iter().cloned().collect())
    }

    /// The direct messages of this person and the app.
    pub fn dms(&self, user: Id) -> Vec<Message> {
        self.look(|now| now.dms(user).into_iter().cloned().collect())
    }

    /// The form that this person has open.
    pub fn modal(&self, user: Id) -> Option<Modal> {
        self.look(|now| now.modal(user).cloned())
    }

    /// Every form that was shown, the oldest first.
    pub fn modals(&self) -> Vec<Modal> {
        self.inner.look(|world| world.modals.clone())
    }

    /// The guild's commands, as Discord keeps them.
    pub fn commands(&self) -> Vec<Value> {
        self.look(|now| now.commands().to_vec())
    }

    /// Every interaction, the oldest first.
    pub fn interactions(&self) -> Vec<Interaction> {
        self.look(|now| now.interactions().into_iter().cloned().collect())
    }

    /// Every call, the oldest first.
    pub fn calls(&self) -> Vec<Call> {
        self.look(|now| now.calls().to_vec())
    }

    /// How many calls were answered 401, 403 or 429 within the last ten minutes: 10,000 shut the address out.
    pub fn invalid_calls(&self) -> usize {
        self.inner.look(|world| world.rates.invalid())
    }
}
