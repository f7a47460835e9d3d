//! What people do: commands, words to complete, buttons, forms, reactions. Those that the app has to answer return when it has, or has failed to.
//!
//! An error means that a person could not do that at all: no such command, no such button. A timed-out member is let through: their doing may have
//! been under way.

use anyhow::{Context, Result, bail, ensure};
use serde_json::{Value, json};
use tokio::time::Instant;

use super::options_of::{self, Typed};
use super::permissions::{self, USE_APPLICATION_COMMANDS, VIEW_CHANNEL};
use super::records::{Channel, Id, Interaction, Message, Person};
use super::rest::pinged;
use super::world::{EPHEMERAL, World};
use super::{FakeDiscord, Inner, reactions_told, schema, shape};

/// What became of what somebody did.
#[derive(Debug, Clone)]
pub struct Outcome {
    /// The interaction.
    pub interaction: Id,
    /// The type of the first answer: 4 message, 5 later, 6 and 7 update, 8 choices, 9 form.
    pub answer: Option<u8>,
    /// How long that took, in milliseconds.
    pub ms: u64,
    /// What was answered, as it was sent.
    pub data: Value,
    /// What the person was shown instead, if it was not answered in time.
    pub failed: Option<String>,
}

impl Outcome {
    /// Whether it was answered in time.
    pub fn is_acked(&self) -> bool {
        self.failed.is_none()
    }

    /// Whether the answer, or what is promised, is for this person alone.
    pub fn is_private(&self) -> bool {
        self.data["flags"].as_u64().unwrap_or(0) & EPHEMERAL != 0
    }

    /// The text of the answer; empty if there was none.
    pub fn text(&self) -> &str {
        self.data["content"].as_str().unwrap_or_default()
    }
}

/// What is done, before it has an id.
pub(crate) struct Doing {
    kind: u8,
    user: Id,
    channel: Id,
    message: Option<Id>,
    opened_by: Option<Id>,
    command: Option<String>,
    data: Value,
    forged: bool,
}

impl FakeDiscord {
    /// Uses a command: `discord.slash(alice, channel, "kaas request", &[("name", json!("demo"))])`. Users, roles and channels are given by their ids.
    pub async fn slash(&self, user: Id, channel: Id, command: &str, options: &[(&str, Value)]) -> Result<Outcome> {
        let doing = self.inner.look(|world| {
            let place = place_of(world, user, channel)?;
            may_command(world, user, &place)?;
            let data = options_of::command(world, user, command, options, None)?;
            anyhow::Ok(Doing {
                kind: 2,
                user,
                channel,
                message: None,
                opened_by: None,
                command: Some(trimmed(command)),
                data,
                forged: false,
            })
        })?;
        Ok(self.inner.interact(doing, |_| ()).await)
    }

    /// Begins to type an option, and gets what may be meant: names and values.
    pub async fn autocomplete(
        &self,
        user: Id,
        channel: Id,
        command: &str,
        options: &[(&str, Value)],
        typed: (&str, &str),
    ) -> Result<Vec<(String, Value)>> {
        let doing = self.inner.look(|world| {
            let place = place_of(world, user, channel)?;
            may_command(world, user, &place)?;
            let typed = Typed { option: typed.0, text: typed.1 };
            let data = options_of::command(world, user, command, options, Some(typed))?;
            anyhow::Ok(Doing {
                kind: 4,
                user,
                channel,
                message: None,
                opened_by: None,
                command: Some(trimmed(command)),
                data,
                forged: false,
            })
        })?;
        let outcome = self.inner.interact(doing, |_| ()).await;
        if let Some(failed) = outcome.failed {
            bail!(failed);
        }
        let choices = outcome.data["choices"].as_array().cloned().unwrap_or_default();
        Ok(choices
            .into_iter()
            .map(|one| (one["name"].as_str().unwrap_or_default().into(), one["value"].clone()))
            .collect())
    }

    /// Presses a button of a message, also of one that only this person sees.
    pub async fn press(&self, user: Id, channel: Id, message: Id, custom_id: &str) -> Result<Outcome> {
        self.choose(user, channel, message, custom_id, &[]).await
    }

    /// Presses a button, or chooses from a menu.
    pub async fn choose(
        &self,
        user: Id,
        channel: Id,
        message: Id,
        custom_id: &str,
        values: &[&str],
    ) -> Result<Outcome> {
        let kind = self.inner.look(|world| {
            let card = seen(world, user, channel, message)?;
            let all = card.components.iter().flat_map(|row| row["components"].as_array().into_iter().flatten());
            let one = all.clone().find(|one| one["custom_id"].as_str() == Some(custom_id)).with_context(|| {
                let there: Vec<&str> = all.filter_map(|one| one["custom_id"].as_str()).collect();
                format!("no button {custom_id} on {message}: it has {}", there.join(", "))
            })?;
            ensure!(one["disabled"] != true, "{custom_id} cannot be pressed any more");
            let kind = one["type"].as_u64().unwrap_or(2);
            let known = |value: &&str| {
                one["options"].as_array().into_iter().flatten().any(|option| option["value"].as_str() == Some(value))
            };
            ensure!(kind != 3 || values.iter().all(known), "{values:?} cannot be chosen");
            Ok(kind)
        })?;
        self.pressed(user, channel, message, custom_id, kind, values).await
    }

    /// Presses a button that the message does not have: what a changed client could send.
    pub async fn press_forged(&self, user: Id, channel: Id, message: Id, custom_id: &str) -> Result<Outcome> {
        self.inner.look(|world| seen(world, user, channel, message).map(|_| ()))?;
        self.pressed(user, channel, message, custom_id, 2, &[]).await
    }

    async fn pressed(
        &self,
        user: Id,
        channel: Id,
        message: Id,
        custom_id: &str,
        kind: u64,
        values: &[&str],
    ) -> Result<Outcome> {
        let mut data = json!({ "custom_id": custom_id, "component_type": kind, "id": 2 });
        if kind == 3 {
            data["values"] = json!(values);
        }
        let doing = Doing {
            kind: 3,
            user,
            channel,
            message: Some(message),
            opened_by: None,
            command: None,
            data,
            forged: false,
        };
        Ok(self.inner.interact(doing, |_| ()).await)
    }

    /// Sends the form that this person has open, its fields filled in by their custom ids; the others keep what they were prefilled with.
    pub async fn submit(&self, user: Id, values: &[(&str, &str)]) -> Result<Outcome> {
        let (doing, shown) = self.inner.look(|world| {
            let modal = world.modals.iter().rev().find(|modal| modal.open && modal.user == user);
            let modal = modal.context("no form is open")?;
            let filled = options_of::form(&modal.data, values)?;
            let doing = Doing {
                kind: 5,
                user,
                channel: modal.channel,
                message: modal.message,
                opened_by: Some(modal.interaction),
                command: None,
                data: json!({ "custom_id": modal.data["custom_id"], "components": filled }),
                forged: false,
            };
            anyhow::Ok((doing, modal.interaction))
        })?;
        let outcome = self.inner.interact(doing, |_| ()).await;
        if outcome.is_acked() {
            self.inner.change(|world| {
                let mut modals = world.modals.iter_mut();
                if let Some(modal) = modals.find(|modal| modal.interaction == shown) {
                    modal.open = false;
                }
            });
        }
        Ok(outcome)
    }

    /// Closes the form that this person has open: the app does not hear of it.
    pub fn dismiss(&self, user: Id) {
        self.inner.change(|world| {
            world.modals.iter_mut().filter(|modal| modal.user == user).for_each(|modal| modal.open = false);
        });
    }

    /// Does anything as it is given, with nothing checked, and changes what is sent before it is: another guild, no member, an unknown type.
    pub async fn forge(
        &self,
        kind: u8,
        user: Id,
        channel: Id,
        message: Option<Id>,
        data: Value,
        change: impl FnOnce(&mut Value),
    ) -> Outcome {
        self.inner
            .interact(
                Doing { kind, user, channel, message, opened_by: None, command: None, data, forged: true },
                change,
            )
            .await
    }

    /// Reacts to a message: `"✅"`.
    pub fn react(&self, user: Id, channel: Id, message: Id, emoji: &str) -> Result<()> {
        self.reacted(user, channel, message, emoji, true)
    }

    /// Takes a reaction back.
    pub fn unreact(&self, user: Id, channel: Id, message: Id, emoji: &str) -> Result<()> {
        self.reacted(user, channel, message, emoji, false)
    }

    fn reacted(&self, user: Id, channel: Id, message: Id, emoji: &str, added: bool) -> Result<()> {
        let data = self.inner.change(|world| {
            let place = place_of(world, user, channel)?;
            ensure!(!(place.is_thread() && place.archived), "{} is archived", place.name);
            let card = seen(world, user, channel, message)?;
            ensure!(card.only_for.is_none(), "nobody reacts to a private answer");
            if added {
                ensure!(world.react(channel, message, user, emoji), "{user} has reacted with {emoji} already");
            } else {
                ensure!(world.unreact(channel, message, user, emoji), "{user} has not reacted with {emoji}");
            }
            Ok(reactions_told(world, (channel, message), user, emoji, added))
        })?;
        let name = if added { "MESSAGE_REACTION_ADD" } else { "MESSAGE_REACTION_REMOVE" };
        self.inner.tell(name, data, Some(channel));
        Ok(())
    }

    /// Writes something; the app hears of it only with the intent for messages.
    pub fn say(&self, user: Id, channel: Id, text: &str) -> Result<Id> {
        self.inner.look(|world| place_of(world, user, channel).map(|_| ()))?;
        Ok(self.write(channel, user, None, text))
    }

    /// A webhook of the channel writes something: nobody is behind it.
    pub fn say_as_webhook(&self, channel: Id, text: &str) -> Id {
        let hook = self.inner.change(World::next_id);
        self.write(channel, hook, Some(hook), text)
    }

    fn write(&self, channel: Id, author: Id, webhook: Option<Id>, text: &str) -> Id {
        let (id, data) = self.inner.change(|world| {
            let mut message = world.draft(channel, author);
            message.content = text.to_string();
            message.webhook = webhook;
            pinged(world, &mut message);
            let data = shape::message(world, &message);
            (world.put(message), data)
        });
        self.inner.tell("MESSAGE_CREATE", data, Some(channel));
        id
    }

    /// Sends the last interaction again, as a session that was resumed may; to how many connections it went.
    pub fn redeliver_last_interaction(&self) -> usize {
        let Some(payload) = self.inner.look(|world| world.last_interaction.clone()) else { return 0 };
        self.inner.tell("INTERACTION_CREATE", payload, None)
    }
}

impl Inner {
    /// Sends what somebody did, and waits until it is answered or too late.
    pub(crate) async fn interact(&self, doing: Doing, change: impl FnOnce(&mut Value)) -> Outcome {
        let late = self.look(|world| world.delivery.late);
        if !late.is_zero() {
            tokio::time::sleep(late).await;
        }
        let mut changes = self.changes.subscribe();
        let (id, within) = self.change(|world| {
            let id = world.next_id();
            let interaction = Interaction {
                id,
                token: format!("aW50ZXJhY3Rpb246{:032x}{:032x}", fastrand::u128(..), fastrand::u128(..)),
                kind: doing.kind,
                user: doing.user,
                channel: doing.channel,
                message: doing.message,
                opened_by: doing.opened_by,
                command: doing.command.clone(),
                born_ms: world.now_ms(),
                answer: None,
                answered_ms: None,
                data: Value::Null,
                original: None,
                waiting: false,
            };
            let mut payload = payload(world, &interaction, doing.data);
            let strange = if doing.forged { Vec::new() } else { schema::event("INTERACTION_CREATE", &payload) };
            world.deviations.extend(strange);
            change(&mut payload);
            world.interactions.insert(id, interaction);
            world.last_interaction = Some(payload.clone());
            world.send_event("INTERACTION_CREATE", &payload, 0);
            (id, world.options.answer_within)
        });
        let deadline = Instant::now() + within;
        loop {
            changes.borrow_and_update();
            let known = self.look(|world| world.interactions.get(&id).cloned());
            if let Some(Interaction { answer: Some(answer), answered_ms, data, .. }) = known {
                let ms = answered_ms.unwrap_or_default();
                return Outcome { interaction: id, answer: Some(answer), ms, data, failed: None };
            }
            // The sender lives in this handle.
            if tokio::time::timeout_at(deadline, changes.changed()).await.is_err() {
                let shown = match doing.kind {
                    2 => "The application did not respond",
                    4 => "Loading options failed",
                    5 => "Something went wrong. Try again.",
                    _ => "This interaction failed",
                };
                let ms = u64::try_from(within.as_millis()).unwrap_or(u64::MAX);
                return Outcome { interaction: id, answer: None, ms, data: Value::Null, failed: Some(shown.into()) };
            }
        }
    }
}

/// What INTERACTION_CREATE says.
fn payload(world: &World, interaction: &Interaction, data: Value) -> Value {
    let mut payload = json!({
        "id": interaction.id, "application_id": world.application, "type": interaction.kind, "data": data,
        "token": interaction.token, "version": 1, "channel_id": interaction.channel, "locale": "en-US",
        "entitlements": [], "entitlement_sku_ids": [], "attachment_size_limit": 10_485_760,
        "authorizing_integration_owners": { "0": world.guild },
    });
    let place = world.channels.get(&interaction.channel);
    let person = world.people.get(&interaction.user);
    if let Some(place) = place {
        payload["channel"] = shape::partial_channel(world, interaction.user, place);
        let may = permissions::in_channel(world, world.bot, place);
        payload["app_permissions"] = json!(may.to_string());
    }
    if place.is_some_and(Channel::is_dm) {
        payload["user"] = json!(person.map(shape::user));
        payload["context"] = json!(1);
    } else {
        payload["guild_id"] = json!(world.guild);
        payload["guild"] = json!({ "id": world.guild, "locale": "en-US", "features": [] });
        payload["guild_locale"] = json!("en-US");
        payload["context"] = json!(0);
        if let Some((person, place)) = person.zip(place) {
            let mut member = shape::member(world, person);
            member["permissions"] = json!(permissions::in_channel(world, person.id, place).to_string());
            payload["member"] = member;
        }
    }
    if let Some(message) = interaction.message.and_then(|id| world.message(interaction.channel, id)) {
        payload["message"] = shape::message(world, message);
    }
    payload
}

fn trimmed(command: &str) -> String {
    command.trim().trim_start_matches('/').to_string()
}

/// A member who is there.
pub(crate) fn person(world: &World, user: Id) -> Result<&Person> {
    let person = world.people.get(&user).with_context(|| format!("no user {user}"))?;
    ensure!(!person.left, "{} has left the guild", person.name);
    Ok(person)
}

/// A channel that this member sees.
fn place_of(world: &World, user: Id, channel: Id) -> Result<Channel> {
    let place = world.channels.get(&channel).filter(|place| !place.deleted);
    let place = place.with_context(|| format!("no channel {channel}"))?;
    if place.is_dm() {
        ensure!(place.recipient == Some(user), "{user} is not in {channel}");
        return Ok(place.clone());
    }
    let person = person(world, user)?;
    let may = permissions::in_channel(world, user, place);
    ensure!(may & VIEW_CHANNEL != 0, "{} does not see {}", person.name, place.name);
    Ok(place.clone())
}

fn may_command(world: &World, user: Id, place: &Channel) -> Result<()> {
    let person = person(world, user)?;
    ensure!(!person.is_bot, "{} is a bot: bots use no commands", person.name);
    ensure!(!(place.is_thread() && place.archived), "{} is archived", place.name);
    let is_out = person.timed_out_until_ms.is_some();
    let may = permissions::in_channel(world, user, place) & USE_APPLICATION_COMMANDS != 0;
    ensure!(may || is_out, "{} may use no commands in {}", person.name, place.name);
    Ok(())
}

/// A message that this person sees.
fn seen(world: &World, user: Id, channel: Id, message: Id) -> Result<&Message> {
    place_of(world, user, channel)?;
    let found = world.message(channel, message).with_context(|| format!("no message {message} in {channel}"))?;
    ensure!(found.only_for.is_none_or(|only| only == user), "{user} does not see {message}");
    Ok(found)
}
