//! The gateway's address, the bot itself, its application, the guild, its roles, channels and members, direct messages.

use serde_json::{Value, json};

use super::super::options::intents;
use super::super::records::Channel;
use super::super::refusal::{Answer, Done, Refusal, refuse};
use super::super::world::World;
use super::super::{permissions, shape};
use super::messages::seen;
use super::{Ask, Event};

fn gateway_url(world: &World) -> String {
    world.url.replacen("http", "ws", 1) + "/gateway"
}

/// `GET /gateway`
pub(super) fn gateway(world: &mut World, _: &Ask, _: &mut Vec<Event>) -> Answer {
    Ok(Done::with(json!({ "url": gateway_url(world) })))
}

/// `GET /gateway/bot`
pub(super) fn gateway_bot(world: &mut World, _: &Ask, _: &mut Vec<Event>) -> Answer {
    let now_ms = world.now_ms();
    let used = world.sessions.identifies.iter().filter(|at| **at + 86_400_000 > now_ms).count();
    let total = world.options.identifies_a_day as usize;
    let first = world.sessions.identifies.front().map_or(0, |at| (at + 86_400_000).saturating_sub(now_ms));
    Ok(Done::with(json!({
        "url": gateway_url(world), "shards": 1,
        "session_start_limit": {
            "total": total, "remaining": total.saturating_sub(used), "reset_after": first, "max_concurrency": 1,
        },
    })))
}

/// `GET /users/@me`
pub(super) fn me(world: &mut World, _: &Ask, _: &mut Vec<Event>) -> Answer {
    let bot = world.people.get(&world.bot).ok_or_else(|| Refusal::unknown("User"))?;
    let mut shown = shape::user(bot);
    for (key, value) in [
        ("mfa_enabled", json!(true)),
        ("locale", json!("en-US")),
        ("verified", json!(true)),
        ("email", Value::Null),
        ("flags", json!(0)),
        ("banner", Value::Null),
        ("accent_color", Value::Null),
    ] {
        shown[key] = value;
    }
    Ok(Done::with(shown))
}

/// `GET /users/{}`
pub(super) fn user(world: &mut World, ask: &Ask, _: &mut Vec<Event>) -> Answer {
    let person = world.people.get(&ask.id(0)).ok_or_else(|| Refusal::unknown("User"))?;
    Ok(Done::with(shape::user(person)))
}

/// `POST /users/@me/channels`
pub(super) fn open_dm(world: &mut World, ask: &Ask, _: &mut Vec<Event>) -> Answer {
    let id = ask.body["recipient_id"].as_str().and_then(|id| id.parse().ok());
    let id = id.or_else(|| ask.body["recipient_id"].as_u64().map(super::Id));
    let person = id.and_then(|id| world.people.get(&id)).ok_or_else(|| Refusal::unknown("User"))?;
    if person.is_bot {
        // A bot cannot write to a bot, itself included.
        return Err(refuse(400, 50007, "Cannot send messages to this user"));
    }
    let user = person.id;
    let channel = world.dm_of(user);
    let channel = world.channel(channel).ok_or_else(|| Refusal::unknown("Channel"))?;
    Ok(Done::with(shape::channel(world, &channel)))
}

/// `GET /applications/@me`, and the same of old
pub(super) fn application(world: &mut World, _: &Ask, _: &mut Vec<Event>) -> Answer {
    Ok(Done::with(shape::application(world)))
}

/// Whether it is the guild that the bot is in.
pub(crate) fn own(world: &World, ask: &Ask) -> Result<(), Refusal> {
    if ask.id(0) == world.guild { Ok(()) } else { Err(Refusal::unknown("Guild")) }
}

/// `GET /guilds/{}`
pub(super) fn guild(world: &mut World, ask: &Ask, _: &mut Vec<Event>) -> Answer {
    own(world, ask)?;
    let mut shown = shape::guild(world);
    if ask.query("with_counts") == Some("true") {
        let there = world.people.values().filter(|person| !person.left).count();
        shown["approximate_member_count"] = json!(there);
        shown["approximate_presence_count"] = json!(there);
    }
    Ok(Done::with(shown))
}

/// `GET /guilds/{}/roles`
pub(super) fn roles(world: &mut World, ask: &Ask, _: &mut Vec<Event>) -> Answer {
    own(world, ask)?;
    Ok(Done::with(world.roles.values().map(shape::role).collect()))
}

/// `GET /guilds/{}/channels`: those that the bot sees, without threads.
pub(super) fn channels(world: &mut World, ask: &Ask, _: &mut Vec<Event>) -> Answer {
    own(world, ask)?;
    let sees = |place: &&Channel| {
        place.kind == 0
            && !place.deleted
            && permissions::in_channel(world, world.bot, place) & permissions::VIEW_CHANNEL != 0
    };
    Ok(Done::with(world.channels.values().filter(sees).map(|place| shape::channel(world, place)).collect()))
}

/// `GET /guilds/{}/members/{}`
pub(super) fn member(world: &mut World, ask: &Ask, _: &mut Vec<Event>) -> Answer {
    own(world, ask)?;
    let person = world.people.get(&ask.id(1)).ok_or_else(|| Refusal::unknown("User"))?;
    if person.left {
        return Err(Refusal::unknown("Member"));
    }
    Ok(Done::with(shape::member(world, person)))
}

/// `GET /guilds/{}/members`: only with the privileged intent.
pub(super) fn members(world: &mut World, ask: &Ask, _: &mut Vec<Event>) -> Answer {
    own(world, ask)?;
    if world.options.privileged & intents::GUILD_MEMBERS == 0 {
        return Err(Refusal::no_access());
    }
    let (limit, after) = (ask.limit(1000, 1)?, ask.query_id("after")?);
    let all = world.people.values().filter(|person| !person.left && after.is_none_or(|after| person.id > after));
    Ok(Done::with(all.take(limit).map(|person| shape::member(world, person)).collect()))
}

/// `GET /channels/{}`
pub(super) fn channel(world: &mut World, ask: &Ask, _: &mut Vec<Event>) -> Answer {
    let channel = seen(world, ask.id(0))?;
    Ok(Done::with(shape::channel(world, &channel)))
}

/// `POST /channels/{}/typing`
pub(super) fn typing(world: &mut World, ask: &Ask, _: &mut Vec<Event>) -> Answer {
    let channel = seen(world, ask.id(0))?;
    super::content::may_write(world, &channel, &Value::Null, ask)?;
    Ok(Done::nothing())
}
