//! The JSON in which Slack tells of messages, channels, people, views and files.

use serde_json::{Map, Value, json};

use super::records::{Channel, File, Group, Message, User, View};
use super::world::{APP, BOT, BOT_USER, TEAM, World};

/// Who does what is told of users, groups and channels themselves.
const ADMIN: &str = "U0ADMIN";

/// A message, as histories and interactions show it.
pub(crate) fn message(world: &World, message: &Message, with_metadata: bool) -> Value {
    let mut shown = Map::new();
    let mut set = |key: &str, value: Value| {
        shown.insert(key.to_string(), value);
    };
    set("type", json!("message"));
    set("user", json!(message.user));
    set("team", json!(TEAM));
    set("ts", json!(message.ts));
    set("text", json!(message.text));
    if message.user == BOT_USER {
        set("bot_id", json!(BOT));
        set("app_id", json!(APP));
    }
    if !message.blocks.is_empty() {
        set("blocks", json!(message.blocks));
    }
    if with_metadata && let Some(metadata) = &message.metadata {
        set("metadata", metadata.clone());
    }
    if let Some(edit) = message.edits.last() {
        set("edited", json!({ "user": message.user, "ts": edit.at }));
    }
    if !message.reactions.is_empty() {
        set("reactions", reactions(message));
    }
    if !message.files.is_empty() {
        let files: Vec<Value> =
            message.files.iter().filter_map(|id| world.files.get(&id.0)).map(|f| file(world, f)).collect();
        set("files", json!(files));
    }
    let replies: Vec<&Message> = replies(world, message).collect();
    if let Some(thread) = &message.thread_ts {
        set("thread_ts", json!(thread));
        set("parent_user_id", json!(world.message(&message.channel, thread).map(|parent| &parent.user)));
    } else if let Some(last) = replies.last() {
        let mut users: Vec<&str> = replies.iter().map(|reply| &*reply.user).collect();
        users.sort_unstable();
        users.dedup();
        set("thread_ts", json!(message.ts));
        set("reply_count", json!(replies.len()));
        set("reply_users_count", json!(users.len()));
        set("reply_users", json!(users));
        set("latest_reply", json!(last.ts));
    }
    Value::Object(shown)
}

/// The replies to a message, that everyone sees.
pub(crate) fn replies<'a>(world: &'a World, parent: &'a Message) -> impl Iterator<Item = &'a Message> {
    world.messages.iter().filter(|m| {
        m.channel == parent.channel && m.thread_ts.as_ref() == Some(&parent.ts) && m.only_for.is_none() && !m.deleted
    })
}

/// The reactions of a message.
pub(crate) fn reactions(message: &Message) -> Value {
    let all =
        message.reactions.iter().map(|(name, users)| json!({ "name": name, "count": users.len(), "users": users }));
    Value::Array(all.collect())
}

/// Where a person opens a message.
pub(crate) fn permalink(world: &World, message: &Message) -> String {
    let at = message.ts.replace('.', "");
    let thread = message.thread_ts.as_ref();
    let tail = thread.map(|ts| format!("?thread_ts={ts}&cid={}", message.channel)).unwrap_or_default();
    format!("{}/archives/{}/p{at}{tail}", world.url, message.channel)
}

/// A channel.
pub(crate) fn channel(channel: &Channel) -> Value {
    let mut shown = json!({
        "id": channel.id,
        "created": channel.created,
        "creator": ADMIN,
        "is_archived": channel.is_archived,
        "is_channel": !channel.is_im && !channel.is_private,
        "is_group": !channel.is_im && channel.is_private,
        "is_im": channel.is_im,
        "is_mpim": false,
        "is_private": channel.is_private,
        "is_member": channel.members.contains(BOT_USER),
        "is_general": false,
        "is_shared": channel.is_ext_shared,
        "is_ext_shared": channel.is_ext_shared,
        "is_org_shared": false,
        "num_members": channel.members.len(),
    });
    if channel.is_im {
        let other = channel.members.iter().find(|user| *user != BOT_USER);
        shown["user"] = json!(other);
    } else {
        shown["name"] = json!(channel.name);
        shown["name_normalized"] = json!(channel.name);
    }
    shown
}

/// A person; the e-mail only for who may read it.
pub(crate) fn user(user: &User, with_email: bool) -> Value {
    let mut profile = json!({
        "display_name": user.name,
        "real_name": user.name,
        "real_name_normalized": user.name,
        "team": user.team,
    });
    if with_email && let Some(email) = &user.email {
        profile["email"] = json!(email);
    }
    json!({
        "id": user.id,
        "team_id": user.team,
        "name": user.name,
        "real_name": user.name,
        "deleted": user.deleted,
        "profile": profile,
        "tz": "Europe/Berlin",
        "tz_offset": 3600,
        "is_admin": false,
        "is_owner": false,
        "is_primary_owner": false,
        "is_bot": user.is_bot,
        "is_app_user": false,
        "is_restricted": user.is_restricted,
        "is_ultra_restricted": user.is_ultra_restricted,
        "is_stranger": user.is_stranger,
        "updated": 1_700_000_000,
    })
}

/// A user group; its members only where they are asked for.
pub(crate) fn group(group: &Group, with_users: bool) -> Value {
    let mut shown = json!({
        "id": group.id,
        "team_id": TEAM,
        "is_usergroup": true,
        "is_subteam": true,
        "name": group.handle,
        "description": "",
        "handle": group.handle,
        "is_external": false,
        "date_create": 1_700_000_000,
        "date_update": 1_700_000_000,
        "date_delete": 0,
        "created_by": ADMIN,
        "updated_by": ADMIN,
        "prefs": { "channels": [], "groups": [] },
        "user_count": group.users.len(),
        "channel_count": 0,
    });
    if with_users {
        shown["users"] = json!(group.users);
    }
    shown
}

/// A modal or a home, with what the person filled in.
pub(crate) fn view(view: &View, values: Value) -> Value {
    let mut shown = view.view.as_object().cloned().unwrap_or_default();
    shown.insert("blocks".to_string(), view.view["blocks"].clone());
    shown.insert("id".to_string(), json!(view.id));
    shown.insert("team_id".to_string(), json!(TEAM));
    shown.insert("app_id".to_string(), json!(APP));
    shown.insert("bot_id".to_string(), json!(BOT));
    shown.insert("app_installed_team_id".to_string(), json!(TEAM));
    shown.insert("hash".to_string(), json!(view.hash));
    shown.insert("state".to_string(), json!({ "values": values }));
    shown.insert("root_view_id".to_string(), json!(view.root));
    shown.insert("previous_view_id".to_string(), json!(view.previous));
    for key in ["callback_id", "private_metadata", "external_id"] {
        shown.entry(key).or_insert_with(|| json!(""));
    }
    Value::Object(shown)
}

/// A file.
pub(crate) fn file(world: &World, file: &File) -> Value {
    json!({
        "id": file.id,
        "created": world.now_ms() / 1000,
        "timestamp": world.now_ms() / 1000,
        "name": file.name,
        "title": file.title,
        "mimetype": "text/plain",
        "filetype": "text",
        "pretty_type": "Plain Text",
        "user": BOT_USER,
        "size": file.length,
        "editable": true,
        "is_external": false,
        "is_public": true,
        "url_private": format!("{}/files/{}", world.url, file.id),
        "url_private_download": format!("{}/files/{}/download", world.url, file.id),
        "permalink": format!("{}/files/{}", world.url, file.id),
    })
}
