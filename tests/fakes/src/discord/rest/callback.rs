//! The first answer to an interaction: once, within three seconds, of a type that fits what was done.

use serde_json::json;

use super::super::records::{Id, Interaction, Modal};
use super::super::refusal::{Answer, Done, Refusal, Wrong, refuse};
use super::super::shape;
use super::super::world::{EPHEMERAL, LOADING, World};
use super::content::{check, check_modal, fill, flags_of};
use super::messages::{change, told};
use super::{Ask, Event, empty};

/// Choices of an autocomplete.
const CHOICES: usize = 25;

/// `POST /interactions/{}/{}/callback`
pub(super) fn answer(world: &mut World, ask: &Ask, events: &mut Vec<Event>) -> Answer {
    let now_ms = world.now_ms();
    let within_ms = u64::try_from(world.options.answer_within.as_millis()).unwrap_or(u64::MAX);
    let token = ask.parts.get(1).map(String::as_str).unwrap_or_default();
    let known = world.interactions.get(&ask.id(0)).filter(|known| known.token == token);
    let known = known.ok_or_else(|| Refusal::unknown("interaction"))?.clone();
    if known.answer.is_some() {
        return Err(refuse(400, 40060, "Interaction has already been acknowledged."));
    }
    if now_ms.saturating_sub(known.born_ms) > within_ms {
        return Err(Refusal::unknown("interaction"));
    }
    let kind = u8::try_from(ask.body["type"].as_u64().unwrap_or(0)).unwrap_or(0);
    fitting(world, &known, kind)?;
    let data = ask.body.get("data").cloned().unwrap_or_else(empty);
    let inner = Ask { body: data.clone(), ..ask.clone() };
    let path = ["data".to_string()];
    let mut original = None;
    let mut waiting = false;
    match kind {
        4 => {
            check(&data, &path)?;
            original = Some(say(world, &known, &inner, events)?);
        }
        5 => {
            let flags = flags_of(&data) & EPHEMERAL;
            original = Some(wait(world, &known, flags, events));
            waiting = true;
        }
        6 => original = known.message,
        7 => {
            check(&data, &path)?;
            let message = known.message.and_then(|id| world.message(known.channel, id)).cloned();
            let message = message.ok_or_else(|| Refusal::unknown("Message"))?;
            change(world, &message, &inner, events)?;
            original = Some(message.id);
        }
        8 => {
            let choices = data["choices"].as_array().map_or(0, Vec::len);
            if choices > CHOICES {
                let message = format!("Must be {CHOICES} or fewer in length.");
                return Err(Wrong::one(&["data", "choices"], "BASE_TYPE_MAX_LENGTH", &message));
            }
        }
        _ => {
            check_modal(&data)?;
            let (interaction, user, channel, message) = (known.id, known.user, known.channel, known.message);
            world.modals.iter_mut().filter(|modal| modal.user == user).for_each(|modal| modal.open = false);
            world.modals.push(Modal { interaction, user, channel, message, data: data.clone(), open: true });
        }
    }
    if let Some(known) = world.interactions.get_mut(&known.id) {
        known.answer = Some(kind);
        known.answered_ms = Some(now_ms.saturating_sub(known.born_ms));
        known.data = data;
        known.original = original;
        known.waiting = waiting;
    }
    if ask.query("with_response") != Some("true") {
        return Ok(Done::nothing());
    }
    let message = original.and_then(|id| world.message(known.channel, id));
    let mut shown = json!({ "interaction": {
        "id": known.id, "type": known.kind, "response_message_id": original,
        "response_message_loading": waiting, "response_message_ephemeral": message.map(|m| m.flags & EPHEMERAL != 0),
        "channel_id": known.channel, "guild_id": world.guild,
    }});
    shown["resource"] = json!({ "type": kind, "message": message.map(|message| shape::message(world, message)) });
    if let Some(resource) = shown["resource"].as_object_mut() {
        resource.retain(|_, value| !value.is_null());
    }
    Ok(Done::with(shown))
}

/// Which answers fit which doings.
fn fitting(world: &World, known: &Interaction, kind: u8) -> Result<(), Refusal> {
    let by_button = known.message.is_some_and(|id| world.message(known.channel, id).is_some());
    let fits = match known.kind {
        2 => matches!(kind, 4 | 5 | 9),
        3 => matches!(kind, 4..=7 | 9),
        4 => kind == 8,
        // What follows a command's form may be deferred as an update, though there is nothing to update.
        _ => matches!(kind, 4..=6) || kind == 7 && by_button,
    };
    if fits {
        return Ok(());
    }
    let message = format!("Interaction callback type {kind} does not fit interaction type {}.", known.kind);
    Err(Wrong::one(&["type"], "INTERACTION_CALLBACK_TYPE_INVALID", &message))
}

/// Puts the answer where the person sees it.
fn say(world: &mut World, known: &Interaction, ask: &Ask, events: &mut Vec<Event>) -> Result<Id, Refusal> {
    let mut message = world.draft(known.channel, world.bot);
    message.kind = if known.kind == 2 { 20 } else { 0 };
    message.flags = flags_of(&ask.body);
    message.interaction = Some(known.id);
    message.only_for = (message.flags & EPHEMERAL != 0).then_some(known.user);
    if message.kind == 0 {
        message.reply_to = known.message;
    }
    fill(world, &mut message, &ask.body, ask)?;
    let is_public = message.only_for.is_none();
    let id = world.put(message);
    if is_public && let Some(message) = world.message(known.channel, id) {
        events.push(("MESSAGE_CREATE", told(world, message), Some(known.channel)));
    }
    Ok(id)
}

/// Shows that an answer is being thought about.
fn wait(world: &mut World, known: &Interaction, flags: u64, events: &mut Vec<Event>) -> Id {
    let mut message = world.draft(known.channel, world.bot);
    message.kind = if known.kind == 2 { 20 } else { 0 };
    message.flags = flags | LOADING;
    message.interaction = Some(known.id);
    message.only_for = (flags & EPHEMERAL != 0).then_some(known.user);
    let is_public = message.only_for.is_none();
    let id = world.put(message);
    if is_public && let Some(message) = world.message(known.channel, id) {
        events.push(("MESSAGE_CREATE", told(world, message), Some(known.channel)));
    }
    id
}
