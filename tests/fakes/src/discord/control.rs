//! The same over HTTP, for a person with curl: `POST /control/slash {"user":"alice","channel":"#clusters","command":"kaas list"}`.
//!
//! People, roles and channels go by name or id; a thread is a channel of its message's id; a message of `last` is the newest of the channel.
//! [`VERBS`] lists what there is, and `GET /control` prints it. What is read back: `GET /control/transcript` (text), `/control/state`,
//! `/control/calls`, `/control/interactions`, `/control/commands`, `/control/about` (JSON); files at the urls that the messages give.

use std::sync::Arc;
use std::time::Duration;

use anyhow::{Context, Result, bail};
use axum::Router;
use axum::body::Bytes;
use axum::extract::{Path, State};
use axum::http::StatusCode;
use axum::response::{IntoResponse, Response};
use axum::routing::get;
use serde_json::{Value, json};

use super::records::Id;
use super::{FakeDiscord, Fault, Inner, Outcome, permissions};

/// Every verb and what it takes; `?` marks what may be left out.
pub(super) const VERBS: &[(&str, &str)] = &[
    ("slash", "user channel command options?"),
    ("autocomplete", "user channel command options? option text"),
    ("press", "user channel message button (label or custom_id)"),
    ("choose", "user channel message button values"),
    ("forge", "user channel message custom_id"),
    ("submit", "user values?"),
    ("dismiss", "user"),
    ("react", "user channel message emoji"),
    ("unreact", "user channel message emoji"),
    ("say", "user channel text"),
    ("webhook", "channel text"),
    ("user", "name roles? bot? left? dms_closed? timed_out_seconds?"),
    ("role", "name permissions?"),
    ("channel", "name archived? locked? deleted?"),
    ("deny", "channel permissions"),
    ("allow", "channel permissions"),
    (
        "fault",
        "method path times? kind ({\"status\":500}, {\"too_many\":{\"wait_ms\":1000,\"global\":false}}, \"drop\", \"lost_drop\", {\"lost_status\":502})",
    ),
    ("latency", "ms"),
    ("deliver", "doubled? late_ms? zombie?"),
    ("down", ""),
    ("heal", ""),
    ("reconnect", ""),
    ("close", "code"),
    ("cut", ""),
    ("invalidate", "resumable?"),
    ("forget", ""),
    ("redeliver", ""),
    ("pass", "seconds"),
];

pub(super) fn routes() -> Router<Arc<Inner>> {
    Router::new()
        .route("/control", get(help))
        .route("/control/transcript", get(transcript))
        .route("/control/state", get(state))
        .route("/control/{what}", get(read).post(command))
}

fn handle(inner: Arc<Inner>) -> FakeDiscord {
    FakeDiscord { inner, _server: None }
}

async fn help() -> String {
    VERBS.iter().map(|(verb, takes)| format!("POST /control/{verb} {takes}\n")).collect()
}

async fn transcript(State(inner): State<Arc<Inner>>) -> String {
    handle(inner).transcript()
}

async fn state(State(inner): State<Arc<Inner>>) -> axum::Json<Value> {
    axum::Json(inner.look(|world| {
        let of = |values: Vec<Value>| Value::Array(values);
        json!({
            "people": of(world.people.values().map(|one| json!(one)).collect()),
            "roles": of(world.roles.values().map(|one| json!(one)).collect()),
            "channels": of(world.channels.values().map(|one| json!(one)).collect()),
            "messages": world.messages, "modals": world.modals, "sessions": world.sessions.live(),
            "options": world.options, "delivery": world.delivery,
        })
    }))
}

async fn read(State(inner): State<Arc<Inner>>, Path(what): Path<String>) -> Response {
    let discord = handle(inner);
    let shown = match what.as_str() {
        "calls" => json!(discord.calls()),
        "interactions" => json!(discord.interactions()),
        "commands" => json!(discord.commands()),
        "about" => json!({
            "url": discord.url(), "token": discord.token(), "application": discord.application(),
            "guild": discord.guild(), "bot": discord.bot(), "bot_role": discord.bot_role(),
        }),
        _ => {
            return (StatusCode::NOT_FOUND, "reads: transcript, state, calls, interactions, commands, about")
                .into_response();
        }
    };
    axum::Json(shown).into_response()
}

async fn command(State(inner): State<Arc<Inner>>, Path(verb): Path<String>, body: Bytes) -> Response {
    let args = if body.is_empty() { Ok(json!({})) } else { serde_json::from_slice::<Value>(&body) };
    let done = match args {
        Ok(args) => perform(&handle(inner), &verb, &Named(args)).await,
        Err(error) => Err(error.into()),
    };
    match done {
        Ok(mut answer) => {
            answer["ok"] = json!(true);
            axum::Json(answer).into_response()
        }
        Err(error) => {
            let answer = json!({ "ok": false, "error": format!("{error:#}") });
            (StatusCode::BAD_REQUEST, axum::Json(answer)).into_response()
        }
    }
}

/// The fields of a command, with names turned into ids.
struct Named(Value);

impl Named {
    fn text(&self, name: &str) -> Result<&str> {
        self.0[name].as_str().with_context(|| format!("{name} is missing"))
    }

    fn number(&self, name: &str) -> Result<u64> {
        self.0[name].as_u64().with_context(|| format!("{name} is missing, or not a number"))
    }

    fn flag(&self, name: &str) -> Option<bool> {
        self.0[name].as_bool()
    }

    fn user(&self, discord: &FakeDiscord) -> Result<Id> {
        let name = self.text("user")?;
        Ok(discord.person(name).with_context(|| format!("no user {name}"))?.id)
    }

    fn channel(&self, discord: &FakeDiscord) -> Result<Id> {
        let name = self.text("channel")?;
        Ok(discord.channel(name).with_context(|| format!("no channel {name}"))?.id)
    }

    fn message(&self, discord: &FakeDiscord, channel: Id) -> Result<Id> {
        match self.text("message")? {
            "last" => Ok(discord.last(channel).context("nothing was said there")?.id),
            id => id.parse().with_context(|| format!("no message {id}")),
        }
    }

    /// The person, the channel and the message that are meant.
    fn place(&self, discord: &FakeDiscord) -> Result<(Id, Id, Id)> {
        let channel = self.channel(discord)?;
        Ok((self.user(discord)?, channel, self.message(discord, channel)?))
    }

    /// An object of names and values.
    fn pairs(&self, name: &str) -> Vec<(&str, Value)> {
        let fields = self.0[name].as_object();
        fields.into_iter().flatten().map(|(name, value)| (name.as_str(), value.clone())).collect()
    }

    /// The bits of permissions by their names.
    fn permissions(&self) -> Result<u64> {
        let named = self.0["permissions"].as_array().context("permissions is missing: a list of names")?;
        named.iter().try_fold(0, |all, one| {
            let name = one.as_str().unwrap_or_default();
            Ok(all | permissions::bit(name).with_context(|| format!("no permission {name}"))?)
        })
    }
}

fn told(outcome: &Outcome) -> Value {
    json!({
        "interaction": outcome.interaction, "acked": outcome.is_acked(), "answer": outcome.answer, "ms": outcome.ms,
        "data": outcome.data, "failed": outcome.failed,
    })
}

async fn perform(discord: &FakeDiscord, verb: &str, args: &Named) -> Result<Value> {
    let outcome = match verb {
        "slash" => {
            let (user, channel) = (args.user(discord)?, args.channel(discord)?);
            discord.slash(user, channel, args.text("command")?, &args.pairs("options")).await?
        }
        "autocomplete" => {
            let (user, channel) = (args.user(discord)?, args.channel(discord)?);
            let typed = (args.text("option")?, args.text("text")?);
            let options = args.pairs("options");
            let choices = discord.autocomplete(user, channel, args.text("command")?, &options, typed).await?;
            return Ok(json!({ "choices": choices }));
        }
        "press" | "choose" => {
            let (user, channel, message) = args.place(discord)?;
            let wanted = args.text("button")?;
            let card = discord.message(channel, message).context("no such message")?;
            let button = card.button(wanted).with_context(|| format!("no button {wanted}"))?;
            let values = args.0["values"].as_array().into_iter().flatten();
            let values: Vec<&str> = values.filter_map(Value::as_str).collect();
            discord.choose(user, channel, message, &button, &values).await?
        }
        "forge" => {
            let (user, channel, message) = args.place(discord)?;
            discord.press_forged(user, channel, message, args.text("custom_id")?).await?
        }
        "submit" => {
            let values = args.pairs("values");
            let values: Vec<(&str, &str)> =
                values.iter().map(|(name, value)| (*name, value.as_str().unwrap_or_default())).collect();
            discord.submit(args.user(discord)?, &values).await?
        }
        _ => return arrange(discord, verb, args),
    };
    Ok(told(&outcome))
}

/// What needs no answer of the app, what changes the guild itself, and what goes wrong in it.
fn arrange(discord: &FakeDiscord, verb: &str, args: &Named) -> Result<Value> {
    match verb {
        "dismiss" => discord.dismiss(args.user(discord)?),
        "react" | "unreact" => {
            let (user, channel, message) = args.place(discord)?;
            match verb {
                "react" => discord.react(user, channel, message, args.text("emoji")?)?,
                _ => discord.unreact(user, channel, message, args.text("emoji")?)?,
            }
        }
        "say" => {
            let id = discord.say(args.user(discord)?, args.channel(discord)?, args.text("text")?)?;
            return Ok(json!({ "id": id }));
        }
        "webhook" => return Ok(json!({ "id": discord.say_as_webhook(args.channel(discord)?, args.text("text")?) })),
        "user" => return add_user(discord, args),
        "role" => {
            let name = args.text("name")?;
            let id = discord.role(name).map_or_else(|| discord.add_role(name), |role| role.id);
            if !args.0["permissions"].is_null() {
                let permissions = args.permissions()?;
                discord.set_role(id, |role| role.permissions = permissions);
            }
            return Ok(json!({ "id": id }));
        }
        "channel" => {
            let name = args.text("name")?.trim_start_matches('#');
            let id = discord.channel(name).map_or_else(|| discord.add_channel(name), |channel| channel.id);
            discord.set_channel(id, |channel| {
                channel.archived = args.flag("archived").unwrap_or(channel.archived);
                channel.locked = args.flag("locked").unwrap_or(channel.locked);
                channel.deleted = args.flag("deleted").unwrap_or(channel.deleted);
            });
            return Ok(json!({ "id": id }));
        }
        "deny" => discord.deny(args.channel(discord)?, args.permissions()?),
        "allow" => discord.allow(args.channel(discord)?, args.permissions()?),
        "fault" => {
            let fault: Fault = serde_json::from_value(args.0.clone())?;
            discord.fail(&fault.method, &fault.path, fault.times, fault.kind);
        }
        "latency" => discord.latency(Duration::from_millis(args.number("ms")?)),
        "deliver" => discord.deliver(|delivery| {
            delivery.doubled = args.flag("doubled").unwrap_or(delivery.doubled);
            delivery.zombie = args.flag("zombie").unwrap_or(delivery.zombie);
            delivery.late = args.number("late_ms").map_or(delivery.late, Duration::from_millis);
        }),
        "down" => discord.go_down(),
        "heal" => discord.heal(),
        "reconnect" => discord.reconnect_all(),
        "close" => discord.close_all(u16::try_from(args.number("code")?)?),
        "cut" => discord.cut_all(),
        "invalidate" => discord.invalidate_all(args.flag("resumable").unwrap_or(false)),
        "forget" => discord.forget_sessions(),
        "redeliver" => return Ok(json!({ "connections": discord.redeliver_last_interaction() })),
        "pass" => discord.pass(Duration::from_secs(args.number("seconds")?)),
        other => bail!("no verb {other}: GET /control lists them"),
    }
    Ok(json!({}))
}

fn add_user(discord: &FakeDiscord, args: &Named) -> Result<Value> {
    let name = args.text("name")?;
    let known = discord.person(name).map(|person| person.id);
    let id = match known {
        Some(id) => id,
        None if args.flag("bot") == Some(true) => discord.add_bot(name),
        None => discord.add_user(name),
    };
    if let Some(named) = args.0["roles"].as_array() {
        let roles: Result<Vec<Id>> = named
            .iter()
            .map(|one| {
                let name = one.as_str().unwrap_or_default();
                Ok(discord.role(name).with_context(|| format!("no role {name}"))?.id)
            })
            .collect();
        let roles = roles?;
        discord.set_person(id, |person| person.roles = roles);
    }
    if args.flag("left") == Some(true) {
        discord.leave(id);
    }
    if let Ok(seconds) = args.number("timed_out_seconds") {
        discord.time_out(id, Duration::from_secs(seconds));
    }
    discord.set_person(id, |person| {
        person.left = args.flag("left").unwrap_or(person.left);
        person.dms_closed = args.flag("dms_closed").unwrap_or(person.dms_closed);
    });
    Ok(json!({ "id": id }))
}
