//! Messages of the bot: sent, read, edited, deleted.

use serde_json::{Value, json};

use super::super::records::{Channel, Id, Message};
use super::super::refusal::{Answer, Done, Refusal, Wrong, refuse};
use super::super::world::World;
use super::super::{permissions, shape};
use super::content::{check, fill, may_write};
use super::{Ask, Event};

/// A channel that the bot sees.
pub(crate) fn seen(world: &mut World, id: Id) -> Result<Channel, Refusal> {
    let channel = world.channel(id).ok_or_else(|| Refusal::unknown("Channel"))?;
    if permissions::in_channel(world, world.bot, &channel) & permissions::VIEW_CHANNEL == 0 {
        return Err(Refusal::no_access());
    }
    Ok(channel)
}

/// A message that the bot sees: none that is for one pair of eyes.
pub(crate) fn found(world: &World, channel: Id, id: Id) -> Result<&Message, Refusal> {
    let message = world.message(channel, id).filter(|message| message.only_for.is_none());
    message.ok_or_else(|| Refusal::unknown("Message"))
}

/// What tells of a message on the gateway.
pub(crate) fn told(world: &World, message: &Message) -> Value {
    let mut data = shape::message(world, message);
    if world.channels.get(&message.channel).is_some_and(|place| !place.is_dm()) {
        data["guild_id"] = json!(world.guild);
        if let Some(person) = world.people.get(&message.author).filter(|_| message.webhook.is_none()) {
            let mut member = shape::member(world, person);
            member.as_object_mut().map(|fields| fields.remove("user"));
            data["member"] = member;
        }
    }
    data
}

/// `POST /channels/{}/messages`
pub(super) fn create(world: &mut World, ask: &Ask, events: &mut Vec<Event>) -> Answer {
    let channel = seen(world, ask.id(0))?;
    let body = &ask.body;
    may_write(world, &channel, body, ask)?;
    if channel.is_thread() && channel.archived && channel.locked {
        return Err(refuse(400, 50083, "Thread is archived"));
    }
    if channel.recipient.and_then(|user| world.people.get(&user)).is_some_and(|other| other.dms_closed || other.left) {
        return Err(refuse(403, 50007, "Cannot send messages to this user"));
    }
    check(body, &[])?;
    let nonce =
        body["nonce"].as_str().map(ToString::to_string).or_else(|| body["nonce"].as_i64().map(|n| n.to_string()));
    if nonce.as_ref().is_some_and(|nonce| nonce.chars().count() > 25) {
        return Err(Wrong::one(&["nonce"], "NONCE_TYPE_TOO_LONG", "Must be 25 or fewer in length."));
    }
    let life_ms = u64::try_from(world.options.nonce_life.as_millis()).unwrap_or(u64::MAX);
    let now_ms = world.now_ms();
    if let Some(nonce) = nonce.as_ref().filter(|_| body["enforce_nonce"] == true) {
        let is_same = |one: &&Message| {
            one.channel == channel.id
                && one.author == world.bot
                && one.nonce.as_ref() == Some(nonce)
                && now_ms.saturating_sub(one.at_ms) < life_ms
        };
        if let Some(known) = world.messages.iter().rev().find(is_same) {
            return Ok(Done::with(shape::message(world, known)));
        }
    }
    let mut message = world.draft(channel.id, world.bot);
    if let Some(to) = body["message_reference"]["message_id"].as_str().and_then(|id| id.parse().ok()) {
        let is_there = found(world, channel.id, to).is_ok();
        if !is_there && body["message_reference"]["fail_if_not_exists"] != false {
            let path = ["message_reference"];
            return Err(Wrong::one(&path, "MESSAGE_REFERENCE_UNKNOWN_MESSAGE", "Unknown message"));
        }
        message.reply_to = is_there.then_some(to);
        message.kind = if is_there { 19 } else { 0 };
    }
    message.flags = body["flags"].as_u64().unwrap_or(0) & (4 | 4096);
    message.nonce = nonce;
    fill(world, &mut message, body, ask)?;
    let id = world.put(message.clone());
    if channel.is_thread() && !channel.members.contains(&world.bot) {
        let bot = world.bot;
        if let Some(channel) = world.channels.get_mut(&channel.id) {
            channel.members.push(bot);
        }
    }
    if channel.archived
        && let Some(thread) = world.channel(channel.id)
    {
        events.push(("THREAD_UPDATE", shape::channel(world, &thread), Some(thread.id)));
    }
    events.push(("MESSAGE_CREATE", told(world, &message), Some(channel.id)));
    Ok(Done::with(shape::message(world, found(world, channel.id, id)?)))
}

/// `GET /channels/{}/messages`
pub(super) fn list(world: &mut World, ask: &Ask, _: &mut Vec<Event>) -> Answer {
    let channel = seen(world, ask.id(0))?;
    let limit = ask.limit(100, 50)?;
    let (before, after, around) = (ask.query_id("before")?, ask.query_id("after")?, ask.query_id("around")?);
    // Without the right to read what was, there is nothing to read: no refusal.
    if permissions::in_channel(world, world.bot, &channel) & permissions::READ_MESSAGE_HISTORY == 0 {
        return Ok(Done::with(json!([])));
    }
    let all = || world.messages.iter().filter(|m| m.channel == channel.id && !m.deleted && m.only_for.is_none());
    let mut chosen: Vec<&Message> = match (before, after, around) {
        (_, _, Some(around)) => {
            let half = limit / 2;
            let older: Vec<&Message> = all().rev().filter(|m| m.id < around).take(half).collect();
            let rest = limit - older.len();
            older.into_iter().chain(all().filter(|m| m.id >= around).take(rest)).collect()
        }
        (_, Some(after), None) => all().filter(|m| m.id > after).take(limit).collect(),
        (Some(before), None, None) => all().rev().filter(|m| m.id < before).take(limit).collect(),
        (None, None, None) => all().rev().take(limit).collect(),
    };
    // The newest first.
    chosen.sort_by_key(|message| std::cmp::Reverse(message.id));
    Ok(Done::with(chosen.into_iter().map(|message| shape::message(world, message)).collect()))
}

/// `GET /channels/{}/messages/{}`
pub(super) fn one(world: &mut World, ask: &Ask, _: &mut Vec<Event>) -> Answer {
    let channel = seen(world, ask.id(0))?;
    if permissions::in_channel(world, world.bot, &channel) & permissions::READ_MESSAGE_HISTORY == 0 {
        return Err(Refusal::no_permission());
    }
    Ok(Done::with(shape::message(world, found(world, channel.id, ask.id(1))?)))
}

/// `PATCH /channels/{}/messages/{}`
pub(super) fn edit(world: &mut World, ask: &Ask, events: &mut Vec<Event>) -> Answer {
    let channel = seen(world, ask.id(0))?;
    let message = found(world, channel.id, ask.id(1))?.clone();
    if message.author != world.bot || message.webhook.is_some() {
        return Err(refuse(403, 50005, "Cannot edit a message authored by another user"));
    }
    if message.kind == 21 {
        return Err(refuse(403, 50021, "Cannot execute action on a system message"));
    }
    if channel.is_thread() && channel.archived {
        return Err(refuse(400, 50083, "Thread is archived"));
    }
    if !ask.files.is_empty() {
        may_write(world, &channel, &json!({}), ask)?;
    }
    check(&ask.body, &[])?;
    change(world, &message, ask, events)?;
    Ok(Done::with(shape::message(world, found(world, channel.id, message.id)?)))
}

/// Changes a message as a body says, and tells of it if everyone sees it.
pub(crate) fn change(world: &mut World, before: &Message, ask: &Ask, events: &mut Vec<Event>) -> Result<(), Refusal> {
    let mut message = before.clone();
    fill(world, &mut message, &ask.body, ask)?;
    world.note_edit(before.channel, before.id);
    if let Some(place) = world.message_mut(before.channel, before.id) {
        let (edits, edited_ms) = (place.edits.clone(), place.edited_ms);
        *place = Message { edits, edited_ms, ..message };
    }
    if before.only_for.is_none()
        && let Some(message) = world.message(before.channel, before.id)
    {
        events.push(("MESSAGE_UPDATE", told(world, message), Some(before.channel)));
    }
    Ok(())
}

/// `DELETE /channels/{}/messages/{}`
pub(super) fn delete(world: &mut World, ask: &Ask, events: &mut Vec<Event>) -> Answer {
    let channel = seen(world, ask.id(0))?;
    let message = found(world, channel.id, ask.id(1))?;
    let is_own = message.author == world.bot && message.webhook.is_none();
    let may = permissions::in_channel(world, world.bot, &channel);
    if !is_own && (channel.is_dm() || may & permissions::MANAGE_MESSAGES == 0) {
        return Err(Refusal::no_permission());
    }
    if channel.is_thread() && channel.archived {
        return Err(refuse(400, 50083, "Thread is archived"));
    }
    let id = message.id;
    if let Some(message) = world.message_mut(channel.id, id) {
        message.deleted = true;
    }
    let data = json!({ "id": id, "channel_id": channel.id, "guild_id": world.guild });
    events.push(("MESSAGE_DELETE", data, Some(channel.id)));
    Ok(Done::nothing())
}
