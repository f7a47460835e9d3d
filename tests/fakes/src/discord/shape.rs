//! The JSON in which Discord tells of people, roles, channels, messages, interactions and the guild itself.

use serde_json::{Map, Value, json};

use super::permissions;
use super::records::{Channel, File, Id, Interaction, Message, Person, Role};
use super::world::{HAS_THREAD, World, stamp};

/// A user, without what they are in the guild.
pub(crate) fn user(person: &Person) -> Value {
    let mut shown = json!({
        "id": person.id, "username": person.name, "discriminator": "0", "global_name": person.name,
        "avatar": null, "public_flags": 0, "primary_guild": null,
    });
    if person.is_bot {
        shown["bot"] = json!(true);
    }
    shown
}

/// Whoever has this id; a webhook looks like a bot.
pub(crate) fn author(world: &World, message: &Message) -> Value {
    match (message.webhook, world.people.get(&message.author)) {
        (None, Some(person)) => user(person),
        (webhook, _) => json!({
            "id": webhook.unwrap_or(message.author), "username": "webhook", "discriminator": "0000", "avatar": null,
            "global_name": null, "public_flags": 0, "primary_guild": null, "bot": true,
        }),
    }
}

/// A member, with the user in it.
pub(crate) fn member(world: &World, person: &Person) -> Value {
    let timed_out = person.timed_out_until_ms.map(stamp);
    json!({
        "user": user(person), "nick": null, "avatar": null, "banner": null, "roles": person.roles,
        "joined_at": stamp(joined(person.id)), "premium_since": null, "deaf": false, "mute": false, "flags": 0,
        "pending": false, "communication_disabled_until": timed_out.filter(|_| is_timed_out(world, person)),
    })
}

/// Discord tells of a time-out also after it has ended, until somebody clears it; here it tells of those that last, and of those that ended
/// within the last day.
fn is_timed_out(world: &World, person: &Person) -> bool {
    person.timed_out_until_ms.is_some_and(|until| until + 86_400_000 > world.now_ms())
}

fn joined(id: Id) -> u64 {
    (id.0 >> 22) + 1_420_070_400_000
}

/// A role.
pub(crate) fn role(role: &Role) -> Value {
    json!({
        "id": role.id, "name": role.name, "description": null, "permissions": role.permissions.to_string(),
        "position": role.position, "color": 0,
        "colors": { "primary_color": 0, "secondary_color": null, "tertiary_color": null },
        "hoist": false, "managed": role.managed, "mentionable": false, "icon": null, "unicode_emoji": null, "flags": 0,
    })
}

/// A channel, a thread or a direct message.
pub(crate) fn channel(world: &World, channel: &Channel) -> Value {
    let last = world.messages.iter().rev().find(|m| m.channel == channel.id && m.only_for.is_none() && !m.deleted);
    let last = last.map(|message| message.id);
    let mut shown = json!({ "id": channel.id, "type": channel.kind, "last_message_id": last, "flags": 0 });
    let mut set = |key: &str, value: Value| shown[key] = value;
    if channel.is_dm() {
        let other = channel.recipient.and_then(|user| world.people.get(&user));
        set("recipients", json!(other.map(user).into_iter().collect::<Vec<_>>()));
        return shown;
    }
    set("guild_id", json!(world.guild));
    set("name", json!(channel.name));
    set("parent_id", json!(channel.parent));
    set("rate_limit_per_user", json!(0));
    if channel.is_thread() {
        let written = world.messages.iter().filter(|m| m.channel == channel.id && m.only_for.is_none() && m.kind != 21);
        let count = written.clone().filter(|message| !message.deleted).count();
        set("message_count", json!(count));
        set("total_message_sent", json!(written.count()));
        set("member_count", json!(channel.members.len().min(50)));
        set("owner_id", json!(channel.owner));
        set("thread_metadata", metadata(channel));
        if channel.members.contains(&world.bot) {
            set("member", thread_member(world, channel.id, world.bot));
        }
    } else {
        set("position", json!(0));
        set("topic", Value::Null);
        set("nsfw", json!(false));
        let overwrites = channel.overwrites.iter().map(|one| {
            let kind = u8::from(!one.is_role);
            json!({ "id": one.id, "type": kind, "allow": one.allow.to_string(), "deny": one.deny.to_string() })
        });
        set("permission_overwrites", Value::Array(overwrites.collect()));
    }
    shown
}

/// Whether and when a thread is archived.
pub(crate) fn metadata(channel: &Channel) -> Value {
    json!({
        "archived": channel.archived, "locked": channel.locked, "auto_archive_duration": channel.auto_archive_minutes,
        "archive_timestamp": stamp(channel.archive_ms), "create_timestamp": stamp(joined(channel.id)),
    })
}

/// Somebody in a thread.
pub(crate) fn thread_member(world: &World, thread: Id, user: Id) -> Value {
    json!({ "id": thread, "user_id": user, "join_timestamp": stamp(world.now_ms()), "flags": 1 })
}

/// An emoji as it is in a reaction.
pub(crate) fn emoji(name: &str) -> Value {
    json!({ "id": null, "name": name })
}

/// A file.
pub(crate) fn file(world: &World, message: &Message, file: &File) -> Value {
    let url = format!("{}/attachments/{}/{}/{}", world.url, message.channel, file.id, file.name);
    let mut shown = json!({
        "id": file.id, "filename": file.name, "size": file.content.len(), "url": url, "proxy_url": url,
        "content_type": file.content_type,
    });
    if message.only_for.is_some() {
        shown["ephemeral"] = json!(true);
    }
    shown
}

/// A message as the app sees it.
pub(crate) fn message(world: &World, message: &Message) -> Value {
    let is_own = message.author == world.bot && message.webhook.is_none();
    let is_dm = world.channels.get(&message.channel).is_some_and(Channel::is_dm);
    // What others say shows only to who may read it; what mentions the app always does.
    let shows = is_own || is_dm || world.may_read_content() || message.pings.contains(&world.bot);
    let mut shown = Map::new();
    let mut set = |key: &str, value: Value| {
        shown.insert(key.to_string(), value);
    };
    let mentioned = message.pings.iter().filter_map(|id| world.people.get(id)).map(user);
    set("id", json!(message.id));
    set("channel_id", json!(message.channel));
    set("type", json!(message.kind));
    set("author", author(world, message));
    set("content", json!(if shows { &message.content } else { "" }));
    set("timestamp", stamp(message.at_ms));
    set("edited_timestamp", message.edited_ms.map_or(Value::Null, stamp));
    set("tts", json!(false));
    set("mention_everyone", json!(message.pings_everyone));
    set("mentions", Value::Array(mentioned.collect()));
    set("mention_roles", json!(message.pings_roles));
    set("pinned", json!(false));
    let mut flags = message.flags;
    if world.channels.contains_key(&message.id) {
        flags |= HAS_THREAD;
    }
    set("flags", json!(flags));
    let files = message.files.iter().map(|one| file(world, message, one)).collect();
    set("attachments", if shows { Value::Array(files) } else { json!([]) });
    set("embeds", if shows { embeds(&message.embeds) } else { json!([]) });
    set("components", if shows { components(&message.components) } else { json!([]) });
    if !message.reactions.is_empty() {
        set("reactions", reactions(world, message));
    }
    if let Some(nonce) = &message.nonce {
        set("nonce", json!(nonce));
    }
    if let Some(webhook) = message.webhook {
        set("webhook_id", json!(webhook));
    }
    if let Some(interaction) = message.interaction.and_then(|id| world.interactions.get(&id)) {
        set("webhook_id", json!(world.application));
        set("application_id", json!(world.application));
        set("interaction_metadata", interaction_metadata(world, interaction));
    }
    if let Some(thread) = world.channels.get(&message.id).filter(|channel| !channel.deleted) {
        set("thread", channel(world, thread));
    }
    if let Some(to) = message.reply_to {
        let place = if message.kind == 21 { parent_of(world, message.channel) } else { message.channel };
        let kind = json!({ "type": 0, "message_id": to, "channel_id": place, "guild_id": world.guild });
        set("message_reference", kind);
    }
    Value::Object(shown)
}

/// What a message tells of the interaction that it answers.
fn interaction_metadata(world: &World, interaction: &Interaction) -> Value {
    let mut told = json!({
        "id": interaction.id, "type": interaction.kind, "user": world.people.get(&interaction.user).map(user),
        "authorizing_integration_owners": { "0": world.guild },
    });
    match interaction.kind {
        2 => {
            told["name"] = json!(interaction.command);
            told["command_type"] = json!(1);
        }
        3 => told["interacted_message_id"] = json!(interaction.message),
        _ => {
            let opened_by = interaction.opened_by.and_then(|id| world.interactions.get(&id));
            told["triggering_interaction_metadata"] = json!(opened_by.map(|known| interaction_metadata(world, known)));
        }
    }
    told
}

fn parent_of(world: &World, thread: Id) -> Id {
    world.channels.get(&thread).and_then(|channel| channel.parent).unwrap_or(thread)
}

/// Embeds as they come back: Discord adds their type.
fn embeds(embeds: &[Value]) -> Value {
    let shown = embeds.iter().map(|embed| {
        let mut embed = embed.clone();
        if embed["type"].is_null() {
            embed["type"] = json!("rich");
        }
        for field in embed["fields"].as_array_mut().into_iter().flatten() {
            if field["inline"].is_null() {
                field["inline"] = json!(false);
            }
        }
        if let Some(fields) = embed.as_object_mut() {
            fields.retain(|_, value| !value.is_null());
        }
        embed
    });
    Value::Array(shown.collect())
}

/// Components as they come back: Discord numbers them.
fn components(rows: &[Value]) -> Value {
    fn number(value: &mut Value, next: &mut u64) {
        *next += 1;
        value["id"] = json!(*next);
        for inner in value.get_mut("components").and_then(Value::as_array_mut).into_iter().flatten() {
            number(inner, next);
        }
    }
    let mut rows = Value::Array(rows.to_vec());
    let mut next = 0;
    rows.as_array_mut().into_iter().flatten().for_each(|row| number(row, &mut next));
    rows
}

/// The reactions of a message.
pub(crate) fn reactions(world: &World, message: &Message) -> Value {
    let all = message.reactions.iter().map(|(name, users)| {
        json!({
            "emoji": emoji(name), "count": users.len(), "count_details": { "burst": 0, "normal": users.len() },
            "burst_colors": [], "me": users.contains(&world.bot), "me_burst": false,
        })
    });
    Value::Array(all.collect())
}

/// What `channel` is to an interaction.
pub(crate) fn partial_channel(world: &World, user: Id, place: &Channel) -> Value {
    let mut shown = channel(world, place);
    shown["permissions"] = json!(permissions::in_channel(world, user, place).to_string());
    for key in ["member", "permission_overwrites", "message_count", "member_count", "total_message_sent"] {
        if let Some(fields) = shown.as_object_mut() {
            fields.remove(key);
        }
    }
    shown
}

/// The guild, as REST tells of it.
pub(crate) fn guild(world: &World) -> Value {
    json!({
        "id": world.guild, "name": "bank", "icon": null, "description": null, "home_header": null, "splash": null,
        "discovery_splash": null, "features": [], "banner": null, "owner_id": world.owner, "application_id": null,
        "region": "deprecated", "afk_channel_id": null, "afk_timeout": 300, "system_channel_id": null,
        "system_channel_flags": 0, "widget_enabled": false, "widget_channel_id": null, "verification_level": 1,
        "roles": world.roles.values().map(role).collect::<Vec<_>>(), "default_message_notifications": 0,
        "mfa_level": 0, "explicit_content_filter": 0, "max_presences": null, "max_members": 500_000,
        "max_stage_video_channel_users": 50, "max_video_channel_users": 25, "vanity_url_code": null,
        "premium_tier": 0, "premium_subscription_count": 0, "preferred_locale": "en-US", "rules_channel_id": null,
        "safety_alerts_channel_id": null, "public_updates_channel_id": null, "premium_progress_bar_enabled": false,
        "nsfw": false, "nsfw_level": 0, "emojis": [], "stickers": [], "incidents_data": null,
    })
}

/// The guild, as GUILD_CREATE tells of it: what the bot sees of it.
pub(crate) fn guild_create(world: &World) -> Value {
    let mut shown = guild(world);
    let there = world.people.values().filter(|person| !person.left).count();
    let sees = |place: &&Channel| {
        !place.deleted
            && !place.is_dm()
            && permissions::in_channel(world, world.bot, place) & permissions::VIEW_CHANNEL != 0
    };
    let places = || world.channels.values().filter(sees);
    let threads = places().filter(|place| place.is_thread() && !place.archived);
    shown["joined_at"] = stamp(joined(world.bot));
    shown["large"] = json!(there > world.options.large_threshold as usize);
    shown["unavailable"] = json!(false);
    shown["member_count"] = json!(there);
    shown["voice_states"] = json!([]);
    // Without the members' intent, the bot itself is all that is told of them.
    shown["members"] =
        json!(world.people.get(&world.bot).map(|bot| member(world, bot)).into_iter().collect::<Vec<_>>());
    let channels = places().filter(|place| !place.is_thread()).map(|place| channel(world, place));
    shown["channels"] = Value::Array(channels.collect());
    shown["threads"] = Value::Array(threads.map(|place| channel(world, place)).collect());
    shown["presences"] = json!([]);
    shown["stage_instances"] = json!([]);
    shown["guild_scheduled_events"] = json!([]);
    shown["soundboard_sounds"] = json!([]);
    shown
}

/// The application.
pub(crate) fn application(world: &World) -> Value {
    let bot = world.people.get(&world.bot).map(user);
    let owner = world.people.get(&world.owner).map(user);
    json!({
        "id": world.application, "name": "kaas", "icon": null, "description": "Kubernetes clusters by chat",
        "bot": bot, "owner": owner, "bot_public": false, "bot_require_code_grant": false, "flags": 0, "tags": [],
        "verify_key": format!("{:064x}", world.application.0), "team": null, "redirect_uris": [],
        "interactions_endpoint_url": null, "role_connections_verification_url": null,
        "approximate_guild_count": 1, "hook": true, "type": null,
    })
}
