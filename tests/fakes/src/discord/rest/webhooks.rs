//! What follows the first answer, with the interaction's token: follow-ups, and the first answer read, edited and deleted.

use serde_json::json;

use super::super::records::{Id, Interaction, Message};
use super::super::refusal::{Answer, Done, Refusal, refuse};
use super::super::shape;
use super::super::world::{EPHEMERAL, LOADING, World};
use super::content::{check, fill, flags_of};
use super::messages::{change, told};
use super::{Ask, Event};

/// The interaction whose token this is, while it lives.
fn alive(world: &World, ask: &Ask) -> Result<Interaction, Refusal> {
    let token = ask.parts.get(1).map(String::as_str).unwrap_or_default();
    let unknown = || Refusal::unknown("Webhook");
    if ask.id(0) != world.application {
        return Err(unknown());
    }
    let known = world.by_token(token).ok_or_else(unknown)?;
    let life_ms = u64::try_from(world.options.token_life.as_millis()).unwrap_or(u64::MAX);
    if world.now_ms().saturating_sub(known.born_ms) > life_ms {
        return Err(refuse(401, 50027, "Invalid Webhook Token"));
    }
    // Before the first answer there is nothing to follow up on.
    if known.answer.is_none() {
        return Err(unknown());
    }
    Ok(known.clone())
}

/// The message that is meant: the first answer, or a follow-up of the same interaction.
fn meant(world: &World, known: &Interaction, ask: &Ask) -> Result<Message, Refusal> {
    let unknown = || Refusal::unknown("Message");
    let id = match ask.parts.get(2).map(String::as_str) {
        Some("@original") => known.original.ok_or_else(unknown)?,
        _ => ask.id(2),
    };
    let message = world.message(known.channel, id).ok_or_else(unknown)?;
    let is_its = message.interaction == Some(known.id) || known.original == Some(id);
    if is_its { Ok(message.clone()) } else { Err(unknown()) }
}

/// `POST /webhooks/{}/{}`
pub(super) fn follow_up(world: &mut World, ask: &Ask, events: &mut Vec<Event>) -> Answer {
    let known = alive(world, ask)?;
    check(&ask.body, &[])?;
    // The first one after a deferral edits what is waited for, and is as private as that was.
    if known.waiting
        && let Some(message) = known.original.and_then(|id| world.message(known.channel, id)).cloned()
    {
        return settle(world, &known, &message, ask, events);
    }
    let mut message = world.draft(known.channel, world.bot);
    message.flags = flags_of(&ask.body);
    message.interaction = Some(known.id);
    message.only_for = (message.flags & EPHEMERAL != 0).then_some(known.user);
    message.reply_to = known.original;
    fill(world, &mut message, &ask.body, ask)?;
    let id = world.put(message);
    let message = world.message(known.channel, id).ok_or_else(|| Refusal::unknown("Message"))?;
    if message.only_for.is_none() {
        events.push(("MESSAGE_CREATE", told(world, message), Some(known.channel)));
    }
    Ok(Done::with(shape::message(world, message)))
}

/// Puts an answer where one was waited for.
fn settle(world: &mut World, known: &Interaction, waiting: &Message, ask: &Ask, events: &mut Vec<Event>) -> Answer {
    change(world, waiting, ask, events)?;
    if let Some(message) = world.message_mut(known.channel, waiting.id)
        && message.flags & LOADING != 0
    {
        message.flags &= !LOADING;
        // What was waited for is said now, and not edited.
        message.edits.clear();
        message.edited_ms = None;
    }
    if let Some(known) = world.interactions.get_mut(&known.id) {
        known.waiting = false;
    }
    shown(world, known.channel, waiting.id)
}

fn shown(world: &World, channel: Id, id: Id) -> Answer {
    let message = world.message(channel, id).ok_or_else(|| Refusal::unknown("Message"))?;
    Ok(Done::with(shape::message(world, message)))
}

/// `GET /webhooks/{}/{}/messages/{}`
pub(super) fn read(world: &mut World, ask: &Ask, _: &mut Vec<Event>) -> Answer {
    let known = alive(world, ask)?;
    let message = meant(world, &known, ask)?;
    shown(world, known.channel, message.id)
}

/// `PATCH /webhooks/{}/{}/messages/{}`
pub(super) fn edit(world: &mut World, ask: &Ask, events: &mut Vec<Event>) -> Answer {
    let known = alive(world, ask)?;
    let message = meant(world, &known, ask)?;
    check(&ask.body, &[])?;
    settle(world, &known, &message, ask, events)
}

/// `DELETE /webhooks/{}/{}/messages/{}`
pub(super) fn delete(world: &mut World, ask: &Ask, events: &mut Vec<Event>) -> Answer {
    let known = alive(world, ask)?;
    let message = meant(world, &known, ask)?;
    if let Some(place) = world.message_mut(known.channel, message.id) {
        place.deleted = true;
    }
    if let Some(known) = world.interactions.get_mut(&known.id) {
        known.waiting = known.waiting && known.original != Some(message.id);
    }
    if message.only_for.is_none() {
        let data = json!({ "id": message.id, "channel_id": known.channel, "guild_id": world.guild });
        events.push(("MESSAGE_DELETE", data, Some(known.channel)));
    }
    Ok(Done::nothing())
}
