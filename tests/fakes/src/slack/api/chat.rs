//! `chat.*`: messages that are written, edited, shown to one person, deleted and linked to.

use serde_json::{Value, json};

use super::{Answer, Args, Refusal};
use crate::slack::blocks::{BLOCKS_TOTAL, Surface, TEXT, check_blocks, size_of};
use crate::slack::ids::{ChannelId, Ts};
use crate::slack::records::Channel;
use crate::slack::shape;
use crate::slack::world::{BOT_USER, Draft, World};

/// What a message says.
pub(crate) struct Content {
    pub(crate) text: Option<String>,
    pub(crate) blocks: Option<Vec<Value>>,
    pub(crate) metadata: Option<Value>,
}

/// Reads what a message is to say and holds it to every limit.
pub(crate) fn checked_content(args: &Args) -> Result<Content, Refusal> {
    let text = args.text("text");
    if text.as_deref().is_some_and(|text| text.chars().count() > TEXT) {
        return Err("msg_too_long".into());
    }
    let blocks = match args.json("blocks").map_err(|_| "invalid_blocks_format")? {
        None => None,
        Some(Value::Array(blocks)) => Some(blocks),
        Some(_) => return Err("invalid_blocks_format".into()),
    };
    if let Some(blocks) = &blocks {
        let wrong = check_blocks(blocks, Surface::Message);
        if !wrong.is_empty() {
            return Err(Refusal::with_messages("invalid_blocks", wrong));
        }
        if size_of(blocks) > BLOCKS_TOTAL {
            return Err("msg_blocks_too_long".into());
        }
    }
    let metadata = args.json("metadata").map_err(|_| "invalid_metadata_format")?;
    if let Some(metadata) = &metadata {
        let is_whole = metadata["event_type"].as_str().is_some_and(|kind| !kind.is_empty())
            && (metadata["event_payload"].is_object() || metadata["event_payload"].is_null());
        if !is_whole {
            return Err("invalid_metadata_schema".into());
        }
    }
    Ok(Content { text, blocks, metadata })
}

/// Where the bot may write.
pub(crate) fn writable(world: &mut World, named: &str) -> Result<Channel, Refusal> {
    let id = if world.users.contains_key(named) {
        world.im_of(named).0
    } else if let Some(name) = named.strip_prefix('#') {
        let found = world.channels.values().find(|channel| !channel.is_im && channel.name == name);
        found.map(|channel| channel.id.0.clone()).ok_or("channel_not_found")?
    } else {
        named.to_string()
    };
    let channel = world.channels.get(&id).ok_or("channel_not_found")?;
    if !channel.members.contains(BOT_USER) {
        return Err(if channel.is_private { "channel_not_found" } else { "not_in_channel" }.into());
    }
    if channel.is_archived {
        return Err("is_archived".into());
    }
    Ok(channel.clone())
}

/// The thread that is written to, which has to be there.
pub(crate) fn thread(world: &World, channel: &ChannelId, args: &Args) -> Result<Option<Ts>, Refusal> {
    let Some(ts) = args.text("thread_ts") else { return Ok(None) };
    let parent = world.message(channel, &ts).ok_or("thread_not_found")?;
    if parent.thread_ts.is_some() {
        return Err("cannot_reply_to_message".into());
    }
    Ok(Some(Ts(ts)))
}

/// Holds a channel to a message a second.
pub(crate) fn rate(world: &mut World, channel: &ChannelId) -> Result<(), Refusal> {
    let Some(burst) = world.options.burst else { return Ok(()) };
    let now_ms = world.now_ms();
    world.rates.message(channel, burst, now_ms).map_err(Refusal::ratelimited)
}

pub(super) fn post_message(world: &mut World, args: &Args) -> Answer {
    let channel = writable(world, &args.need("channel")?)?;
    let content = checked_content(args)?;
    let has_blocks = content.blocks.as_ref().is_some_and(|blocks| !blocks.is_empty());
    if content.text.is_none() && !has_blocks {
        return Err("no_text".into());
    }
    let thread_ts = thread(world, &channel.id, args)?;
    rate(world, &channel.id)?;
    let ts = world.put(Draft {
        thread_ts,
        blocks: content.blocks.unwrap_or_default(),
        metadata: content.metadata,
        ..Draft::text(&channel.id, BOT_USER, &content.text.unwrap_or_default())
    });
    let message = world.message(&channel.id, &ts).ok_or("fatal_error")?;
    Ok(json!({ "channel": channel.id, "ts": ts, "message": shape::message(world, message, true) }))
}

pub(super) fn update(world: &mut World, args: &Args) -> Answer {
    let channel = writable(world, &args.need("channel")?)?;
    let ts = args.need("ts")?;
    let message = world.message(&channel.id, &ts).ok_or("message_not_found")?;
    if message.user != BOT_USER {
        return Err("cant_update_message".into());
    }
    let content = checked_content(args)?;
    if content.text.is_none() && content.blocks.is_none() && content.metadata.is_none() {
        return Err("no_text".into());
    }
    let text = content.text.clone();
    world.edit(&channel.id, &ts, content.text, content.blocks);
    if let Some(message) = world.any_message_mut(&channel.id, &ts)
        && content.metadata.is_some()
    {
        message.metadata = content.metadata;
    }
    let message = world.message(&channel.id, &ts).ok_or("fatal_error")?;
    let shown = shape::message(world, message, true);
    Ok(json!({ "channel": channel.id, "ts": ts, "text": text.unwrap_or_default(), "message": shown }))
}

pub(super) fn post_ephemeral(world: &mut World, args: &Args) -> Answer {
    let channel = writable(world, &args.need("channel")?)?;
    let user = args.need("user")?;
    if !world.users.contains_key(&user) || !channel.members.contains(&user) {
        return Err("user_not_in_channel".into());
    }
    let content = checked_content(args)?;
    if content.text.is_none() && content.blocks.is_none() {
        return Err("no_text".into());
    }
    let thread_ts = thread(world, &channel.id, args)?;
    let ts = world.put(Draft {
        thread_ts,
        blocks: content.blocks.unwrap_or_default(),
        only_for: Some(user.as_str().into()),
        ..Draft::text(&channel.id, BOT_USER, &content.text.unwrap_or_default())
    });
    Ok(json!({ "message_ts": ts }))
}

pub(super) fn delete(world: &mut World, args: &Args) -> Answer {
    let channel = args.need("channel")?;
    let ts = args.need("ts")?;
    if !world.channels.contains_key(&channel) {
        return Err("channel_not_found".into());
    }
    if world.message(&channel, &ts).ok_or("message_not_found")?.user != BOT_USER {
        return Err("cant_delete_message".into());
    }
    if let Some(message) = world.any_message_mut(&channel, &ts) {
        message.deleted = true;
    }
    Ok(json!({ "channel": channel, "ts": ts }))
}

pub(super) fn permalink(world: &mut World, args: &Args) -> Answer {
    let channel = args.need("channel")?;
    let ts = args.need("message_ts")?;
    if !world.channels.contains_key(&channel) {
        return Err("channel_not_found".into());
    }
    let message = world.message(&channel, &ts).ok_or("message_not_found")?;
    Ok(json!({ "channel": channel, "permalink": shape::permalink(world, message) }))
}
