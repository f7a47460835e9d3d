//! Who is who: `auth.test`, `users.*`, `usergroups.*`; and `reactions.*`.

use serde_json::{Value, json};

use super::{Answer, Args};
use crate::slack::shape;
use crate::slack::world::{BOT, BOT_USER, TEAM, World};

pub(super) fn auth_test(world: &mut World, _args: &Args) -> Answer {
    Ok(json!({
        "url": format!("{}/", world.url), "team": "bank", "user": "kaas", "team_id": TEAM, "user_id": BOT_USER,
        "bot_id": BOT, "is_enterprise_install": false,
    }))
}

pub(super) fn connections_open(world: &mut World, _args: &Args) -> Answer {
    let url = world.url.replacen("http://", "ws://", 1);
    Ok(json!({ "url": format!("{url}/link?ticket={}&app_id={}", world.new_ticket(), crate::slack::world::APP) }))
}

pub(super) fn users_info(world: &mut World, args: &Args) -> Answer {
    let user = world.users.get(&args.need("user")?).ok_or("user_not_found")?;
    Ok(json!({ "user": shape::user(user, world.options.scopes.contains("users:read.email")) }))
}

pub(super) fn users_lookup(world: &mut World, args: &Args) -> Answer {
    let email = args.need("email")?;
    let found = world
        .users
        .values()
        .find(|user| !user.deleted && user.email.as_deref().is_some_and(|known| known.eq_ignore_ascii_case(&email)));
    Ok(json!({ "user": shape::user(found.ok_or("users_not_found")?, true) }))
}

pub(super) fn groups_list(world: &mut World, args: &Args) -> Answer {
    let with_users = args.flag("include_users");
    let groups: Vec<Value> = world.groups.values().map(|group| shape::group(group, with_users)).collect();
    Ok(json!({ "usergroups": groups }))
}

pub(super) fn group_users(world: &mut World, args: &Args) -> Answer {
    let group = world.groups.get(&args.need("usergroup")?).ok_or("no_such_subteam")?;
    Ok(json!({ "users": group.users }))
}

pub(super) fn reactions_get(world: &mut World, args: &Args) -> Answer {
    let (channel, ts) = (args.need("channel")?, args.need("timestamp")?);
    let known = world.channels.get(&channel).ok_or("channel_not_found")?;
    if !known.members.contains(BOT_USER) {
        return Err("channel_not_found".into());
    }
    let message = world.message(&channel, &ts).ok_or("message_not_found")?;
    let shown = shape::message(world, message, false);
    Ok(json!({ "type": "message", "channel": channel, "message": with_permalink(world, shown, &channel, &ts) }))
}

fn with_permalink(world: &World, mut shown: Value, channel: &str, ts: &str) -> Value {
    shown["permalink"] = json!(world.message(channel, ts).map(|message| shape::permalink(world, message)));
    shown
}

pub(super) fn reactions_add(world: &mut World, args: &Args) -> Answer {
    let (channel, ts, name) = (args.need("channel")?, args.need("timestamp")?, args.need("name")?);
    in_channel(world, &channel)?;
    world.message(&channel, &ts).ok_or("message_not_found")?;
    if !world.react(&channel, &ts, BOT_USER, &name) {
        return Err("already_reacted".into());
    }
    Ok(json!({}))
}

pub(super) fn reactions_remove(world: &mut World, args: &Args) -> Answer {
    let (channel, ts, name) = (args.need("channel")?, args.need("timestamp")?, args.need("name")?);
    in_channel(world, &channel)?;
    world.message(&channel, &ts).ok_or("message_not_found")?;
    if !world.unreact(&channel, &ts, BOT_USER, &name) {
        return Err("no_reaction".into());
    }
    Ok(json!({}))
}

fn in_channel(world: &World, channel: &str) -> Result<(), super::Refusal> {
    let known = world.channels.get(channel).ok_or("channel_not_found")?;
    if known.members.contains(BOT_USER) { Ok(()) } else { Err("not_in_channel".into()) }
}
