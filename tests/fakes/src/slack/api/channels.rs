//! `conversations.*`: channels, who is in them, what was said there.

use serde_json::{Value, json};

use super::{Answer, Args, Refusal, missing};
use crate::slack::records::{Channel, Message};
use crate::slack::shape;
use crate::slack::world::{BOT_USER, World};

/// Messages or members of one page, unless asked otherwise.
const PAGE: usize = 100;
/// The most of one page.
const PAGE_MAX: usize = 999;

/// The kind of a channel, as scopes name it.
fn kind(channel: &Channel) -> &'static str {
    match (channel.is_im, channel.is_private) {
        (true, _) => "im",
        (false, true) => "groups",
        (false, false) => "channels",
    }
}

/// The channel, if the bot may know of it and holds the scope for its kind.
fn visible(world: &World, args: &Args, right: &str) -> Result<Channel, Refusal> {
    let id = args.need("channel")?;
    let channel = world.channels.get(&id).ok_or("channel_not_found")?;
    let is_member = channel.members.contains(BOT_USER);
    if channel.is_private && !is_member {
        return Err("channel_not_found".into());
    }
    let needed = format!("{}:{right}", kind(channel));
    if !world.options.scopes.contains(&needed) {
        return Err(missing(world, &needed));
    }
    if right == "history" && !is_member {
        return Err("not_in_channel".into());
    }
    Ok(channel.clone())
}

pub(super) fn open(world: &mut World, args: &Args) -> Answer {
    if let Some(id) = args.text("channel") {
        let channel = world.channels.get(&id).filter(|channel| channel.is_im).ok_or("channel_not_found")?;
        return Ok(json!({ "no_op": true, "already_open": true, "channel": { "id": channel.id } }));
    }
    let users: Vec<String> = match args.0.get("users") {
        Some(Value::Array(users)) => users.iter().filter_map(Value::as_str).map(ToString::to_string).collect(),
        Some(Value::String(users)) => users.split(',').map(|user| user.trim().to_string()).collect(),
        _ => Vec::new(),
    };
    let user = match users.as_slice() {
        [] => return Err("users_list_not_supplied".into()),
        [user] => user,
        _ => return Err(missing(world, "mpim:write")),
    };
    let person = world.users.get(user).ok_or("user_not_found")?;
    if person.deleted {
        return Err("user_disabled".into());
    }
    if person.is_bot {
        return Err("cannot_dm_bot".into());
    }
    let known = world.channels.len();
    let id = world.im_of(user);
    let already_open = world.channels.len() == known;
    let channel = world.channels.get(&id.0).ok_or("fatal_error")?;
    let shown = if args.flag("return_im") { shape::channel(channel) } else { json!({ "id": id }) };
    Ok(json!({ "no_op": already_open, "already_open": already_open, "channel": shown }))
}

pub(super) fn info(world: &mut World, args: &Args) -> Answer {
    let channel = visible(world, args, "read")?;
    Ok(json!({ "channel": shape::channel(&channel) }))
}

pub(super) fn list(world: &mut World, args: &Args) -> Answer {
    let types = args.text("types").unwrap_or_else(|| "public_channel".to_string());
    let wanted = |channel: &Channel| match kind(channel) {
        "im" => types.contains("im"),
        "groups" => types.contains("private_channel") && channel.members.contains(BOT_USER),
        _ => types.contains("public_channel"),
    };
    let archived = !args.flag("exclude_archived");
    let all: Vec<Value> = world
        .channels
        .values()
        .filter(|channel| wanted(channel) && (archived || !channel.is_archived))
        .map(shape::channel)
        .collect();
    let (page, next) = page(&all, args);
    Ok(json!({ "channels": page, "response_metadata": { "next_cursor": next } }))
}

pub(super) fn members(world: &mut World, args: &Args) -> Answer {
    let channel = visible(world, args, "read")?;
    let all: Vec<Value> = channel.members.iter().map(|user| json!(user)).collect();
    let (page, next) = page(&all, args);
    Ok(json!({ "members": page, "response_metadata": { "next_cursor": next } }))
}

pub(super) fn history(world: &mut World, args: &Args) -> Answer {
    let channel = visible(world, args, "history")?;
    let metadata = args.flag("include_all_metadata");
    let mut all: Vec<Value> = world
        .messages
        .iter()
        .filter(|m| m.channel == channel.id && m.thread_ts.is_none() && m.only_for.is_none() && !m.deleted)
        .filter(|m| within(m, args, false))
        .map(|m| shape::message(world, m, metadata))
        .collect();
    all.reverse();
    let (page, next) = page(&all, args);
    Ok(json!({
        "messages": page, "has_more": !next.is_empty(), "pin_count": 0, "response_metadata": { "next_cursor": next },
    }))
}

pub(super) fn replies(world: &mut World, args: &Args) -> Answer {
    let channel = visible(world, args, "history")?;
    let metadata = args.flag("include_all_metadata");
    let ts = args.need("ts")?;
    let named = world.message(&channel.id, &ts).ok_or("thread_not_found")?;
    let parent = match &named.thread_ts {
        Some(thread) => world.message(&channel.id, thread).ok_or("thread_not_found")?,
        None => named,
    };
    // The parent comes first on every page's first read, whatever the span.
    let all: Vec<Value> = std::iter::once(parent)
        .chain(shape::replies(world, parent).filter(|m| within(m, args, true)))
        .map(|m| shape::message(world, m, metadata))
        .collect();
    let (page, next) = page(&all, args);
    Ok(json!({ "messages": page, "has_more": !next.is_empty(), "response_metadata": { "next_cursor": next } }))
}

/// Whether a message is within `oldest` and `latest`, which are left out themselves unless `inclusive`.
fn within(message: &Message, args: &Args, inclusive_by_default: bool) -> bool {
    let inclusive = args.flag("inclusive") || (inclusive_by_default && !args.0.contains_key("inclusive"));
    let ts = micros(&message.ts);
    let after = args.text("oldest").is_none_or(|oldest| {
        let oldest = micros(&oldest);
        ts > oldest || (inclusive && ts == oldest)
    });
    let before = args.text("latest").is_none_or(|latest| {
        let latest = micros(&latest);
        ts < latest || (inclusive && ts == latest)
    });
    after && before
}

/// A time stamp in microseconds; what is none counts as 0.
fn micros(ts: &str) -> u64 {
    let (seconds, rest) = ts.split_once('.').unwrap_or((ts, ""));
    let rest: String = rest.chars().chain("000000".chars()).take(6).collect();
    seconds.parse::<u64>().unwrap_or(0) * 1_000_000 + rest.parse::<u64>().unwrap_or(0)
}

/// One page and the cursor of the next, empty after the last.
fn page(all: &[Value], args: &Args) -> (Vec<Value>, String) {
    let limit = args.number("limit").and_then(|limit| usize::try_from(limit).ok()).unwrap_or(PAGE).clamp(1, PAGE_MAX);
    let from = args.text("cursor").and_then(|cursor| cursor.strip_prefix("page:")?.parse().ok()).unwrap_or(0);
    let page: Vec<Value> = all.iter().skip(from).take(limit).cloned().collect();
    let next = from + page.len();
    (page, if next < all.len() { format!("page:{next}") } else { String::new() })
}
