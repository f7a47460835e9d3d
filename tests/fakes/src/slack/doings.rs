//! What people do: commands, mentions, direct messages, reactions, clicks. Each returns when the app has acknowledged it, or has failed to.
//!
//! An error means that a person could not do that at all: no such channel, no such button.

use anyhow::{Context, Result, bail, ensure};
use serde_json::{Value, json};

use super::api;
use super::deliver::Outcome;
use super::ids::{Ts, UserId, ViewId};
use super::records::{Message, User};
use super::shape;
use super::world::{APP, BOT_USER, Draft, TEAM, World};
use super::{FakeSlack, Inner};

/// The token of the old kind of verification, which nobody should look at.
const VERIFICATION: &str = "verification-token-of-old";
/// The workspace's domain.
const DOMAIN: &str = "bank";

impl FakeSlack {
    /// Types a slash command in a channel: `"/kaas request crucial-sandbox size=small"`. What is answered shows to this person alone, unless the
    /// app says otherwise.
    pub async fn slash(&self, user: &str, channel: &str, line: &str) -> Result<Outcome> {
        let (command, text) = line.trim().split_once(char::is_whitespace).unwrap_or((line.trim(), ""));
        ensure!(command.starts_with('/'), "a command starts with a slash: {line}");
        let payload = self.inner.change(|world| {
            let person = person(world, user)?;
            let place = world.channels.get(channel).with_context(|| format!("no channel {channel}"))?.clone();
            ensure!(place.members.contains(user) || !place.is_private, "{} cannot see {}", person.name, place.name);
            let text = escaped(world, text.trim());
            let trigger_id = world.new_trigger(user, None);
            let response_url = world.new_response_url(user, channel, None);
            let channel_name = if place.is_im { "directmessage" } else { &place.name };
            Ok(json!({
                "token": VERIFICATION, "team_id": TEAM, "team_domain": DOMAIN,
                "channel_id": channel, "channel_name": channel_name,
                "user_id": user, "user_name": person.name, "command": command, "text": text,
                "api_app_id": APP, "is_enterprise_install": "false",
                "response_url": response_url, "trigger_id": trigger_id,
            }))
        })?;
        let outcome = self.inner.deliver("slash_commands", payload).await;
        let (user, channel) = (UserId::from(user), channel.to_string());
        self.inner.change(|world| answer_command(world, &user, &channel, command, &outcome));
        Ok(outcome)
    }

    /// Mentions the app in a channel, or in a thread there: `"approve"`, or with `<@U0KAAS>` where it should stand.
    pub async fn mention(&self, user: &str, channel: &str, thread: Option<&str>, text: &str) -> Result<Outcome> {
        let mention = format!("<@{BOT_USER}>");
        let text = if text.contains(&mention) { text.to_string() } else { format!("{mention} {text}") };
        let (ts, is_heard) = self.write(user, channel, thread, &text)?;
        ensure!(is_heard, "kaas is not in {channel}");
        let event = json!({
            "type": "app_mention", "user": user, "text": text, "ts": ts, "thread_ts": thread, "channel": channel,
            "team": TEAM, "event_ts": ts,
        });
        Ok(self.inner.event(without_nulls(event), "app_mention", Some(channel)).await)
    }

    /// Writes to the app directly.
    pub async fn dm(&self, user: &str, text: &str) -> Result<Outcome> {
        let channel = self.inner.change(|world| person(world, user).map(|_| world.im_of(user)))?;
        self.dm_in(user, &channel, None, text).await
    }

    /// Writes to the app directly, in a thread.
    pub async fn dm_in(&self, user: &str, channel: &str, thread: Option<&str>, text: &str) -> Result<Outcome> {
        let (ts, _) = self.write(user, channel, thread, text)?;
        let event = json!({
            "type": "message", "channel_type": "im", "user": user, "text": text, "ts": ts, "thread_ts": thread,
            "channel": channel, "team": TEAM, "event_ts": ts, "client_msg_id": format!("{:032x}", fastrand::u128(..)),
        });
        Ok(self.inner.event(without_nulls(event), "message.im", Some(channel)).await)
    }

    /// Writes in a channel without the app hearing of it.
    pub fn say(&self, user: &str, channel: &str, thread: Option<&str>, text: &str) -> Result<Ts> {
        Ok(self.write(user, channel, thread, text)?.0)
    }

    /// Reacts to a message: `"+1"`, `"white_check_mark"`, `"+1::skin-tone-3"`.
    pub async fn react(&self, user: &str, channel: &str, ts: &str, emoji: &str) -> Result<Outcome> {
        let emoji = emoji.trim_matches(':');
        let event = self.inner.change(|world| {
            let item_user = reactable(world, user, channel, ts)?;
            ensure!(world.react(channel, ts, user, emoji), "{user} has reacted with {emoji} already");
            Ok(reaction(world, "reaction_added", user, emoji, channel, ts, &item_user))
        })?;
        Ok(self.inner.event(event, "reaction_added", Some(channel)).await)
    }

    /// Takes a reaction back.
    pub async fn unreact(&self, user: &str, channel: &str, ts: &str, emoji: &str) -> Result<Outcome> {
        let emoji = emoji.trim_matches(':');
        let event = self.inner.change(|world| {
            let item_user = reactable(world, user, channel, ts)?;
            ensure!(world.unreact(channel, ts, user, emoji), "{user} has not reacted with {emoji}");
            Ok(reaction(world, "reaction_removed", user, emoji, channel, ts, &item_user))
        })?;
        Ok(self.inner.event(event, "reaction_removed", Some(channel)).await)
    }

    /// Clicks a button of a message, also of one that only this person sees.
    pub async fn click(&self, user: &str, channel: &str, ts: &str, action_id: &str) -> Result<Outcome> {
        self.choose(user, channel, ts, action_id, None).await
    }

    /// Clicks a button, or chooses an option of a select or overflow menu by its value.
    pub async fn choose(
        &self,
        user: &str,
        channel: &str,
        ts: &str,
        action_id: &str,
        option: Option<&str>,
    ) -> Result<Outcome> {
        let payload = self.inner.change(|world| {
            let person = person(world, user)?;
            let message = seen(world, user, channel, ts)?.clone();
            let at = world.next_ts();
            let action = action(&message.blocks, action_id, option, &at).with_context(|| {
                format!("no button {action_id} on {ts}: it has {}", ids_of(&message.blocks).join(", "))
            })?;
            let name = world.channels.get(channel).map(|channel| channel.name.clone()).unwrap_or_default();
            let is_ephemeral = message.only_for.is_some();
            let mut payload = interaction("block_actions", &person);
            payload["container"] = json!({
                "type": "message", "message_ts": ts, "channel_id": channel, "is_ephemeral": is_ephemeral,
            });
            payload["channel"] = json!({ "id": channel, "name": name });
            payload["trigger_id"] = json!(world.new_trigger(user, None));
            payload["response_url"] = json!(world.new_response_url(user, channel, Some(&message)));
            payload["actions"] = json!([action]);
            payload["state"] = json!({ "values": {} });
            if !is_ephemeral {
                payload["message"] = shape::message(world, &message, true);
            }
            anyhow::Ok(payload)
        })?;
        Ok(self.inner.deliver("interactive", payload).await)
    }

    /// Clicks a button of this person's home.
    pub async fn click_home(&self, user: &str, action_id: &str) -> Result<Outcome> {
        let view = self.inner.look(|world| world.homes.get(user).cloned());
        self.click_view(user, &view.context("there is nothing on the home")?, action_id).await
    }

    /// Clicks a button of a modal or a home.
    pub async fn click_view(&self, user: &str, view: &ViewId, action_id: &str) -> Result<Outcome> {
        let payload = self.inner.change(|world| {
            let person = person(world, user)?;
            let known = world.views.iter().find(|known| known.id == *view && known.open && known.user == *user);
            let known = known.with_context(|| format!("{user} sees no view {view}"))?.clone();
            let blocks = known.view["blocks"].as_array().cloned().unwrap_or_default();
            let at = world.next_ts();
            let action = action(&blocks, action_id, None, &at)
                .with_context(|| format!("no button {action_id}: there are {}", ids_of(&blocks).join(", ")))?;
            let mut payload = interaction("block_actions", &person);
            payload["container"] = json!({ "type": "view", "view_id": view });
            payload["view"] = shape::view(&known, json!({}));
            payload["trigger_id"] = json!(world.new_trigger(user, Some(view.clone())));
            payload["actions"] = json!([action]);
            anyhow::Ok(payload)
        })?;
        Ok(self.inner.deliver("interactive", payload).await)
    }

    /// Uses a global shortcut.
    pub async fn shortcut(&self, user: &str, callback_id: &str) -> Result<Outcome> {
        let payload = self.inner.change(|world| {
            let person = person(world, user)?;
            let mut payload = interaction("shortcut", &person);
            payload["callback_id"] = json!(callback_id);
            payload["action_ts"] = json!(world.next_ts());
            payload["trigger_id"] = json!(world.new_trigger(user, None));
            anyhow::Ok(payload)
        })?;
        Ok(self.inner.deliver("interactive", payload).await)
    }

    /// Opens the app's home.
    pub async fn open_home(&self, user: &str) -> Result<Outcome> {
        let event = self.inner.change(|world| {
            person(world, user)?;
            let channel = world.im_of(user);
            let mut event = json!({
                "type": "app_home_opened", "user": user, "channel": channel, "tab": "home", "event_ts": world.next_ts(),
            });
            let home = world.homes.get(user).and_then(|id| world.views.iter().find(|view| view.id == *id));
            if let Some(home) = home {
                event["view"] = shape::view(home, json!({}));
            }
            anyhow::Ok(event)
        })?;
        Ok(self.inner.event(event, "app_home_opened", None).await)
    }

    /// Sends any other event: `{"type": "app_uninstalled"}`.
    pub async fn send_event(&self, event: Value) -> Outcome {
        let name = event["type"].as_str().unwrap_or_default().to_string();
        self.inner.event(event, &name, None).await
    }

    /// Puts a message of a person where it belongs; and whether the app sees it.
    fn write(&self, user: &str, channel: &str, thread: Option<&str>, text: &str) -> Result<(Ts, bool)> {
        self.inner.change(|world| {
            person(world, user)?;
            let place = world.channels.get(channel).with_context(|| format!("no channel {channel}"))?;
            ensure!(place.members.contains(user), "{user} is not in {}", place.name);
            ensure!(!place.is_archived, "{} is archived", place.name);
            let is_heard = place.members.contains(BOT_USER);
            if let Some(thread) = thread {
                ensure!(world.message(channel, thread).is_some(), "no message {thread} in {channel}");
            }
            let thread_ts = thread.map(Ts::from);
            Ok((world.put(Draft { thread_ts, ..Draft::text(channel, user, text) }), is_heard))
        })
    }
}

impl Inner {
    /// Delivers an event, if the app is subscribed to it and may know of it.
    async fn event(self: &std::sync::Arc<Self>, event: Value, name: &str, channel: Option<&str>) -> Outcome {
        let payload = self.change(|world| {
            let place = channel.and_then(|channel| world.channels.get(channel));
            let is_told = world.options.events.contains(name)
                && place.is_none_or(|place| place.members.contains(BOT_USER))
                && scope_of(name).is_none_or(|scope| world.options.scopes.contains(scope));
            let is_ext_shared = place.is_some_and(|place| place.is_ext_shared);
            is_told.then(|| {
                json!({
                    "token": VERIFICATION, "team_id": TEAM, "context_team_id": TEAM, "api_app_id": APP,
                    "type": "event_callback", "event": event, "event_id": format!("Ev{:010}", world.next()),
                    "event_time": world.now_ms() / 1000, "is_ext_shared_channel": is_ext_shared,
                    "authorizations": [{
                        "enterprise_id": null, "team_id": TEAM, "user_id": BOT_USER, "is_bot": true,
                        "is_enterprise_install": false,
                    }],
                })
            })
        });
        match payload {
            Some(payload) => self.deliver("events_api", payload).await,
            None => Outcome { ms: 0.0, payload: None, failed: Some("not_subscribed".to_string()) },
        }
    }
}

/// The scope without which an event is not sent.
fn scope_of(event: &str) -> Option<&'static str> {
    match event {
        "app_mention" => Some("app_mentions:read"),
        "reaction_added" | "reaction_removed" => Some("reactions:read"),
        "message.im" => Some("im:history"),
        _ => None,
    }
}

pub(super) fn person(world: &World, user: &str) -> Result<User> {
    let person = world.users.get(user).with_context(|| format!("no user {user}"))?;
    ensure!(!person.deleted, "{} was deactivated and cannot sign in", person.name);
    Ok(person.clone())
}

/// The parts that every interaction has.
pub(super) fn interaction(kind: &str, person: &User) -> Value {
    json!({
        "type": kind, "token": VERIFICATION, "api_app_id": APP,
        "team": { "id": TEAM, "domain": DOMAIN },
        "user": { "id": person.id, "username": person.name, "name": person.name, "team_id": person.team },
        "enterprise": null, "is_enterprise_install": false,
    })
}

fn reactable(world: &World, user: &str, channel: &str, ts: &str) -> Result<UserId> {
    let person = person(world, user)?;
    let place = world.channels.get(channel).with_context(|| format!("no channel {channel}"))?;
    ensure!(place.members.contains(user) || !place.is_private, "{} cannot see {}", person.name, place.name);
    let message = world.message(channel, ts).with_context(|| format!("no message {ts} in {channel}"))?;
    Ok(message.user.clone())
}

fn reaction(world: &mut World, kind: &str, user: &str, emoji: &str, channel: &str, ts: &str, of: &UserId) -> Value {
    json!({
        "type": kind, "user": user, "reaction": emoji, "item_user": of,
        "item": { "type": "message", "channel": channel, "ts": ts }, "event_ts": world.next_ts(),
    })
}

/// The message at this place, if this person sees it.
fn seen<'a>(world: &'a World, user: &str, channel: &str, ts: &str) -> Result<&'a Message> {
    let place = world.channels.get(channel).with_context(|| format!("no channel {channel}"))?;
    ensure!(place.members.contains(user) || !place.is_private, "{user} cannot see {channel}");
    let message = world.messages.iter().find(|m| m.channel == *channel && m.ts == *ts && !m.deleted);
    let message = message.with_context(|| format!("no message {ts} in {channel}"))?;
    match &message.only_for {
        Some(only) if *only != *user => bail!("{user} does not see {ts}"),
        _ => Ok(message),
    }
}

/// What Slack sends of a button or menu that was used.
fn action(blocks: &[Value], action_id: &str, option: Option<&str>, at: &Ts) -> Option<Value> {
    let (block, element) = elements(blocks).find(|(_, element)| element["action_id"].as_str() == Some(action_id))?;
    let mut action = json!({
        "type": element["type"], "action_id": action_id, "block_id": block["block_id"], "action_ts": at,
    });
    for key in ["text", "value", "style"] {
        if !element[key].is_null() {
            action[key] = element[key].clone();
        }
    }
    if let Some(wanted) = option {
        let mut options = element["options"].as_array().into_iter().flatten();
        action["selected_option"] = options.find(|option| option["value"].as_str() == Some(wanted))?.clone();
    }
    Some(action)
}

/// Every element that can be used, with its block.
fn elements(blocks: &[Value]) -> impl Iterator<Item = (&Value, &Value)> {
    blocks.iter().flat_map(|block| {
        let listed = block["elements"].as_array().into_iter().flatten();
        let single = [&block["accessory"], &block["element"]];
        listed.chain(single).filter(|element| element["action_id"].is_string()).map(move |element| (block, element))
    })
}

/// The action ids of what can be used on these blocks.
pub(super) fn ids_of(blocks: &[Value]) -> Vec<&str> {
    elements(blocks).filter_map(|(_, element)| element["action_id"].as_str()).collect()
}

/// Text as Slack hands it over with `should_escape`: entities, and ids for names.
fn escaped(world: &World, text: &str) -> String {
    let text = text.replace('&', "&amp;").replace('<', "&lt;").replace('>', "&gt;");
    let words = text.split(' ').map(|word| {
        let user = word.strip_prefix('@').and_then(|name| world.users.values().find(|user| user.name == name));
        let place =
            word.strip_prefix('#').and_then(|name| world.channels.values().find(|c| !c.is_im && c.name == name));
        match (user, place) {
            (Some(user), _) => format!("<@{}|{}>", user.id, user.name),
            (None, Some(place)) => format!("<#{}|{}>", place.id, place.name),
            (None, None) => word.to_string(),
        }
    });
    words.collect::<Vec<_>>().join(" ")
}

/// What a command's acknowledgement shows.
fn answer_command(world: &mut World, user: &UserId, channel: &str, command: &str, outcome: &Outcome) {
    let private = |text: &str| Draft { only_for: Some(user.clone()), ..Draft::text(channel, "USLACKBOT", text) };
    if let Some(error) = &outcome.failed {
        world.put(private(&format!("{command} failed with the error \"{error}\"")));
        return;
    }
    let Some(payload) = &outcome.payload else { return };
    let args = api::Args(payload.as_object().cloned().unwrap_or_default());
    match api::checked_content(&args) {
        Ok(content) if content.text.is_some() || content.blocks.is_some() => {
            let is_private = payload["response_type"].as_str() != Some("in_channel");
            world.put(Draft {
                blocks: content.blocks.unwrap_or_default(),
                only_for: is_private.then(|| user.clone()),
                ..Draft::text(channel, BOT_USER, &content.text.unwrap_or_default())
            });
        }
        Ok(_) => {}
        Err(refusal) => {
            world.put(private(&format!("{command} failed with the error \"{}\"", refusal.error)));
        }
    }
}

fn without_nulls(mut value: Value) -> Value {
    if let Some(fields) = value.as_object_mut() {
        fields.retain(|_, field| !field.is_null());
    }
    value
}
