//! Threads: begun at a message, archived and opened again, those that are open.

use serde_json::json;

use super::super::records::{Channel, Id};
use super::super::refusal::{Answer, Done, Refusal, Wrong, refuse};
use super::super::world::World;
use super::super::{permissions, shape};
use super::messages::{found, seen};
use super::{Ask, Event};

/// Minutes after which a quiet thread is archived: no others.
const QUIET: [u64; 4] = [60, 1440, 4320, 10080];

fn quiet(ask: &Ask) -> Result<Option<u64>, Refusal> {
    let Some(minutes) = ask.body["auto_archive_duration"].as_u64() else { return Ok(None) };
    if !QUIET.contains(&minutes) {
        let message = "Value must be one of {60, 1440, 4320, 10080}.";
        return Err(Wrong::one(&["auto_archive_duration"], "BASE_TYPE_CHOICES", message));
    }
    Ok(Some(minutes))
}

/// `POST /channels/{}/messages/{}/threads`
pub(super) fn begin(world: &mut World, ask: &Ask, events: &mut Vec<Event>) -> Answer {
    let channel = seen(world, ask.id(0))?;
    let message = found(world, channel.id, ask.id(1))?.id;
    if channel.kind != 0 {
        return Err(refuse(400, 50024, "Cannot execute action on this channel type"));
    }
    if permissions::in_channel(world, world.bot, &channel) & permissions::CREATE_PUBLIC_THREADS == 0 {
        return Err(Refusal::no_permission());
    }
    if world.channels.contains_key(&message) {
        return Err(refuse(400, 160_004, "A thread has already been created for this message"));
    }
    let minutes = quiet(ask)?;
    let (bot, name) = (world.bot, ask.body["name"].as_str().unwrap_or_default().to_string());
    let now_ms = world.now_ms();
    // A thread has the id of the message that it began at.
    let thread = world.put_channel(message, 11, &name);
    thread.parent = Some(channel.id);
    thread.owner = Some(bot);
    thread.members = vec![bot];
    thread.archive_ms = now_ms;
    thread.auto_archive_minutes = minutes.unwrap_or(4320);
    let mut first = world.draft(message, bot);
    first.kind = 21;
    first.reply_to = Some(message);
    world.put(first);
    let thread = world.channel(message).ok_or_else(|| Refusal::unknown("Channel"))?;
    let mut shown = shape::channel(world, &thread);
    let answer = shown.clone();
    shown["newly_created"] = json!(true);
    events.push(("THREAD_CREATE", shown, Some(message)));
    Ok(Done::made(answer))
}

/// `PATCH /channels/{}`: of a thread; the bot does not manage channels.
pub(super) fn change(world: &mut World, ask: &Ask, events: &mut Vec<Event>) -> Answer {
    let thread = seen(world, ask.id(0))?;
    if !thread.is_thread() {
        return Err(Refusal::no_permission());
    }
    let may = permissions::in_channel(world, world.bot, &thread);
    let manages = may & permissions::MANAGE_THREADS != 0;
    let is_own = thread.owner == Some(world.bot);
    let body = &ask.body;
    let locks = body["locked"].as_bool().is_some_and(|locked| locked != thread.locked);
    let opens = body["archived"] == false;
    let writes = may & permissions::SEND_MESSAGES_IN_THREADS != 0;
    // Opening needs no more than writing, unless it is locked; locking is for who manages threads.
    let only_opens = opens && body.as_object().is_some_and(|fields| fields.len() == 1);
    let may_change = manages || !locks && !thread.locked && (is_own || only_opens && writes);
    if !may_change {
        return Err(Refusal::no_permission());
    }
    if thread.archived && !opens {
        return Err(refuse(400, 50083, "Thread is archived"));
    }
    let minutes = quiet(ask)?;
    let now_ms = world.now_ms();
    if let Some(place) = world.channels.get_mut(&thread.id) {
        if let Some(name) = body["name"].as_str() {
            place.name = name.to_string();
        }
        if let Some(archived) = body["archived"].as_bool().filter(|archived| *archived != place.archived) {
            place.archived = archived;
            place.archive_ms = now_ms;
            place.active_ms = now_ms;
        }
        place.locked = body["locked"].as_bool().unwrap_or(place.locked);
        place.auto_archive_minutes = minutes.unwrap_or(place.auto_archive_minutes);
    }
    let thread = world.channel(thread.id).ok_or_else(|| Refusal::unknown("Channel"))?;
    let shown = shape::channel(world, &thread);
    events.push(("THREAD_UPDATE", shown.clone(), Some(thread.id)));
    Ok(Done::with(shown))
}

/// `PUT /channels/{}/thread-members/{}`: somebody, or the bot itself with `@me`.
pub(super) fn join(world: &mut World, ask: &Ask, _: &mut Vec<Event>) -> Answer {
    let thread = seen(world, ask.id(0))?;
    if !thread.is_thread() {
        return Err(refuse(400, 50024, "Cannot execute action on this channel type"));
    }
    if thread.archived {
        return Err(refuse(400, 50083, "Thread is archived"));
    }
    let is_me = ask.parts.get(1).is_some_and(|part| part == "@me");
    let user = if is_me { world.bot } else { ask.id(1) };
    let writes = permissions::in_channel(world, world.bot, &thread) & permissions::SEND_MESSAGES_IN_THREADS != 0;
    if !is_me && !writes {
        return Err(Refusal::no_permission());
    }
    if world.people.get(&user).is_none_or(|person| person.left) {
        return Err(Refusal::unknown("Member"));
    }
    if let Some(place) = world.channels.get_mut(&thread.id)
        && !place.members.contains(&user)
    {
        place.members.push(user);
    }
    Ok(Done::nothing())
}

/// `GET /guilds/{}/threads/active`
pub(super) fn active(world: &mut World, ask: &Ask, _: &mut Vec<Event>) -> Answer {
    super::guild::own(world, ask)?;
    let ids: Vec<Id> = world.channels.keys().copied().collect();
    let all: Vec<Channel> = ids.into_iter().filter_map(|id| world.channel(id)).collect();
    let sees = |place: &&Channel| {
        place.is_thread()
            && !place.archived
            && permissions::in_channel(world, world.bot, place) & permissions::VIEW_CHANNEL != 0
    };
    let open: Vec<&Channel> = all.iter().filter(sees).collect();
    let members = open.iter().filter(|place| place.members.contains(&world.bot));
    let members: Vec<_> = members.map(|place| shape::thread_member(world, place.id, world.bot)).collect();
    let threads: Vec<_> = open.iter().rev().map(|place| shape::channel(world, place)).collect();
    Ok(Done::with(json!({ "threads": threads, "members": members })))
}
