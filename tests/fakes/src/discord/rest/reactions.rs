//! Reactions of the bot, and who has reacted.

use serde_json::{Value, json};

use super::super::refusal::{Answer, Done, Refusal, refuse};
use super::super::world::World;
use super::super::{permissions, shape};
use super::messages::{found, seen};
use super::{Ask, Event};

/// Different emoji on one message.
const DIFFERENT: usize = 20;

/// An emoji as it is in a path: one of Unicode's own; an application's would be `name:id`.
fn emoji(ask: &Ask) -> Result<String, Refusal> {
    let text = ask.parts.get(2).cloned().unwrap_or_default();
    if text.is_empty() || text.is_ascii() {
        return Err(Refusal::unknown("Emoji"));
    }
    Ok(text)
}

/// What tells of a reaction on the gateway; only one that is added says what the member is.
pub(crate) fn told(world: &World, ask: (super::Id, super::Id), user: super::Id, emoji: &str, added: bool) -> Value {
    let (channel, message) = ask;
    let mut data = json!({
        "user_id": user, "channel_id": channel, "message_id": message, "emoji": shape::emoji(emoji),
        "burst": false, "type": 0,
    });
    let in_guild = world.channels.get(&channel).is_some_and(|place| !place.is_dm());
    if in_guild {
        data["guild_id"] = json!(world.guild);
    }
    if added {
        data["message_author_id"] = json!(world.message(channel, message).map(|message| message.author));
        data["burst_colors"] = json!([]);
        if let Some(person) = world.people.get(&user).filter(|_| in_guild) {
            data["member"] = shape::member(world, person);
        }
    }
    data
}

/// `PUT /channels/{}/messages/{}/reactions/{}/@me`
pub(super) fn add(world: &mut World, ask: &Ask, events: &mut Vec<Event>) -> Answer {
    let channel = seen(world, ask.id(0))?;
    let message = found(world, channel.id, ask.id(1))?;
    let emoji = emoji(ask)?;
    let is_new = !message.reactions.iter().any(|(known, _)| *known == emoji);
    let may = permissions::in_channel(world, world.bot, &channel);
    let adds = if is_new { permissions::ADD_REACTIONS } else { 0 };
    let needed = permissions::READ_MESSAGE_HISTORY | adds;
    if may & needed != needed {
        return Err(Refusal::no_permission());
    }
    if channel.is_thread() && channel.archived {
        return Err(refuse(400, 50083, "Thread is archived"));
    }
    if is_new && message.reactions.len() >= DIFFERENT {
        return Err(refuse(400, 30010, "Maximum number of reactions reached (20)"));
    }
    let (id, bot) = (message.id, world.bot);
    if world.react(channel.id, id, bot, &emoji) {
        let data = told(world, (channel.id, id), bot, &emoji, true);
        events.push(("MESSAGE_REACTION_ADD", data, Some(channel.id)));
    }
    Ok(Done::nothing())
}

/// `DELETE /channels/{}/messages/{}/reactions/{}/@me`
pub(super) fn remove(world: &mut World, ask: &Ask, events: &mut Vec<Event>) -> Answer {
    let channel = seen(world, ask.id(0))?;
    let id = found(world, channel.id, ask.id(1))?.id;
    let emoji = emoji(ask)?;
    let bot = world.bot;
    if !world.unreact(channel.id, id, bot, &emoji) {
        return Err(Refusal::unknown("Emoji"));
    }
    let data = told(world, (channel.id, id), bot, &emoji, false);
    events.push(("MESSAGE_REACTION_REMOVE", data, Some(channel.id)));
    Ok(Done::nothing())
}

/// `GET /channels/{}/messages/{}/reactions/{}`
pub(super) fn users(world: &mut World, ask: &Ask, _: &mut Vec<Event>) -> Answer {
    let channel = seen(world, ask.id(0))?;
    let limit = ask.limit(100, 25)?;
    let after = ask.query_id("after")?;
    if permissions::in_channel(world, world.bot, &channel) & permissions::READ_MESSAGE_HISTORY == 0 {
        return Err(Refusal::no_permission());
    }
    let message = found(world, channel.id, ask.id(1))?;
    let emoji = emoji(ask)?;
    let reacted = message.reactions.iter().find(|(known, _)| *known == emoji);
    let mut users: Vec<_> = reacted.map(|(_, users)| users.clone()).unwrap_or_default();
    users.sort_unstable();
    let chosen = users.into_iter().filter(|user| after.is_none_or(|after| *user > after)).take(limit);
    let shown = chosen.filter_map(|user| world.people.get(&user)).map(shape::user);
    Ok(Done::with(shown.collect()))
}
