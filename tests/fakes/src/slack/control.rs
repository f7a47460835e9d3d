//! The same over HTTP, for a person with curl: `POST /control/slash {"user":"alice","channel":"#clusters","text":"/kaas list"}`.
//!
//! People and channels go by name or id; a `ts` of `last` is the newest message of the channel. [`VERBS`] lists what there is, and
//! `GET /control` prints it. What is read back: `GET /control/transcript` (text), `/control/state`, `/control/calls`, `/control/acks` (JSON)
//! and `/control/files/{id}`.

use std::sync::Arc;
use std::time::Duration;

use anyhow::{Context, Result, bail};
use axum::Router;
use axum::body::Bytes;
use axum::extract::{Path, State};
use axum::http::StatusCode;
use axum::response::{IntoResponse, Response};
use axum::routing::{get, post};
use serde_json::{Value, json};

use super::ids::ViewId;
use super::options::{Doubling, Fault};
use super::{FakeSlack, Inner, Outcome};

/// Every verb and what it takes; `?` marks what may be left out.
pub const VERBS: &[(&str, &str)] = &[
    ("slash", "user channel text"),
    ("mention", "user channel thread? text"),
    ("dm", "user text"),
    ("say", "user channel thread? text"),
    ("react", "user channel ts emoji"),
    ("unreact", "user channel ts emoji"),
    ("click", "user channel ts action option?"),
    ("click_home", "user action"),
    ("click_view", "user view? action"),
    ("submit", "user view? values"),
    ("close", "user view?"),
    ("shortcut", "user callback_id"),
    ("home", "user"),
    ("event", "event"),
    ("user", "name email? is_restricted? is_ultra_restricted? is_stranger? deleted? is_bot?"),
    ("channel", "name members? private? archived? ext_shared?"),
    ("group", "handle users"),
    ("join", "user channel"),
    ("leave", "user channel"),
    ("scopes", "scopes"),
    ("down", "fault? method?"),
    ("heal", ""),
    ("fail", "method calls fault (429, 500, 502, 503, lost, hang) seconds?"),
    ("latency", "ms"),
    ("late", "ms"),
    ("doubling", "how (once, same, other)"),
    ("disconnect", "silently?"),
    ("redeliver", ""),
    ("pass", "seconds"),
];

pub(crate) fn routes() -> Router<Arc<Inner>> {
    Router::new()
        .route("/control", get(help))
        .route("/control/transcript", get(transcript))
        .route("/control/state", get(state))
        .route("/control/calls", get(calls))
        .route("/control/acks", get(acks))
        .route("/control/files/{id}", get(file))
        .route("/control/{verb}", post(command))
}

fn handle(inner: Arc<Inner>) -> FakeSlack {
    FakeSlack { inner, _server: None }
}

async fn help() -> String {
    VERBS.iter().map(|(verb, takes)| format!("POST /control/{verb} {takes}\n")).collect()
}

async fn transcript(State(inner): State<Arc<Inner>>) -> String {
    handle(inner).transcript()
}

async fn state(State(inner): State<Arc<Inner>>) -> axum::Json<Value> {
    let sockets = inner.sockets.count();
    axum::Json(inner.look(|world| {
        json!({
            "users": world.users, "channels": world.channels, "groups": world.groups, "messages": world.messages,
            "views": world.views, "files": world.files, "lost_events": world.lost_events, "sockets": sockets,
        })
    }))
}

async fn calls(State(inner): State<Arc<Inner>>) -> axum::Json<Value> {
    axum::Json(inner.look(|world| json!(world.calls)))
}

async fn acks(State(inner): State<Arc<Inner>>) -> axum::Json<Value> {
    axum::Json(inner.look(|world| json!(world.acks)))
}

async fn file(State(inner): State<Arc<Inner>>, Path(id): Path<String>) -> Response {
    match inner.look(|world| world.files.get(&id).and_then(|file| file.content.clone())) {
        Some(content) => content.into_response(),
        None => StatusCode::NOT_FOUND.into_response(),
    }
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

    fn maybe(&self, name: &str) -> Option<&str> {
        self.0[name].as_str()
    }

    fn number(&self, name: &str) -> Result<u64> {
        self.0[name].as_u64().with_context(|| format!("{name} is missing, or not a number"))
    }

    fn user(&self, slack: &FakeSlack) -> Result<String> {
        id_of_user(slack, self.text("user")?)
    }

    fn channel(&self, slack: &FakeSlack) -> Result<String> {
        let name = self.text("channel")?;
        Ok(slack.channel(name).with_context(|| format!("no channel {name}"))?.id.0)
    }

    fn ts(&self, slack: &FakeSlack, channel: &str) -> Result<String> {
        match self.text("ts")? {
            "last" => Ok(slack.last(channel).context("nothing was said there")?.0),
            ts => Ok(ts.to_string()),
        }
    }

    /// The modal that is named, or the one in front.
    fn view(&self, slack: &FakeSlack, user: &str) -> Result<ViewId> {
        match self.maybe("view") {
            Some(view) => Ok(view.into()),
            None => Ok(slack.views(user).last().context("no modal is open")?.id.clone()),
        }
    }

    fn users(&self, slack: &FakeSlack, name: &str) -> Result<Vec<String>> {
        let named = self.0[name].as_array().map(Vec::as_slice).unwrap_or_default();
        named.iter().map(|user| id_of_user(slack, user.as_str().unwrap_or_default())).collect()
    }

    fn fault(&self) -> Result<Fault> {
        let named = match &self.0["fault"] {
            Value::Number(number) => number.to_string(),
            other => other.as_str().unwrap_or("503").to_string(),
        };
        match named.as_str() {
            "429" => Ok(Fault::RateLimited(self.0["seconds"].as_u64().unwrap_or(1))),
            "lost" => Ok(Fault::LostAnswer),
            "hang" => Ok(Fault::Hang),
            status => Ok(Fault::Status(status.parse().with_context(|| format!("no fault {status}"))?)),
        }
    }
}

fn id_of_user(slack: &FakeSlack, name: &str) -> Result<String> {
    Ok(slack.user(name).with_context(|| format!("no user {name}"))?.id.0)
}

fn told(outcome: &Outcome) -> Value {
    json!({ "acked": outcome.is_acked(), "ms": outcome.ms, "payload": outcome.payload, "failed": outcome.failed })
}

async fn perform(slack: &FakeSlack, verb: &str, args: &Named) -> Result<Value> {
    let outcome = match verb {
        "slash" => slack.slash(&args.user(slack)?, &args.channel(slack)?, args.text("text")?).await?,
        "mention" => {
            let (user, channel) = (args.user(slack)?, args.channel(slack)?);
            slack.mention(&user, &channel, args.maybe("thread"), args.text("text")?).await?
        }
        "dm" => slack.dm(&args.user(slack)?, args.text("text")?).await?,
        "react" | "unreact" => {
            let (user, channel) = (args.user(slack)?, args.channel(slack)?);
            let (ts, emoji) = (args.ts(slack, &channel)?, args.text("emoji")?);
            match verb {
                "react" => slack.react(&user, &channel, &ts, emoji).await?,
                _ => slack.unreact(&user, &channel, &ts, emoji).await?,
            }
        }
        "click" => {
            let (user, channel) = (args.user(slack)?, args.channel(slack)?);
            let ts = args.ts(slack, &channel)?;
            slack.choose(&user, &channel, &ts, args.text("action")?, args.maybe("option")).await?
        }
        "click_home" => slack.click_home(&args.user(slack)?, args.text("action")?).await?,
        "click_view" => {
            let user = args.user(slack)?;
            slack.click_view(&user, &args.view(slack, &user)?, args.text("action")?).await?
        }
        "submit" => {
            let user = args.user(slack)?;
            let view = args.view(slack, &user)?;
            let mut answer = told(&slack.submit_view(&user, &view, &args.0["values"]).await?);
            let errors = slack.views(&user).into_iter().find(|open| open.id == view).map(|open| open.errors);
            answer["errors"] = json!(errors);
            return Ok(answer);
        }
        "close" => {
            let user = args.user(slack)?;
            let outcome = slack.close_view(&user, &args.view(slack, &user)?).await?;
            return Ok(outcome.as_ref().map_or_else(|| json!({}), told));
        }
        "shortcut" => slack.shortcut(&args.user(slack)?, args.text("callback_id")?).await?,
        "home" => slack.open_home(&args.user(slack)?).await?,
        "event" => slack.send_event(args.0["event"].clone()).await,
        "redeliver" => slack.redeliver_last_event().await.context("there was no event yet")?,
        _ => return arrange(slack, verb, args),
    };
    Ok(told(&outcome))
}

/// What changes the workspace itself, or what goes wrong in it.
fn arrange(slack: &FakeSlack, verb: &str, args: &Named) -> Result<Value> {
    match verb {
        "say" => {
            let (user, channel) = (args.user(slack)?, args.channel(slack)?);
            let ts = slack.say(&user, &channel, args.maybe("thread"), args.text("text")?)?;
            return Ok(json!({ "ts": ts }));
        }
        "user" => return add_user(slack, args),
        "channel" => return add_channel(slack, args),
        "group" => {
            let users = args.users(slack, "users")?;
            let users: Vec<&str> = users.iter().map(String::as_str).collect();
            return Ok(json!({ "id": slack.add_group(args.text("handle")?, &users) }));
        }
        // The bot is `kaas`.
        "join" => slack.join(&args.channel(slack)?, &args.user(slack)?),
        "leave" => slack.leave(&args.channel(slack)?, &args.user(slack)?),
        "scopes" => {
            let named = args.0["scopes"].as_array().context("scopes is missing")?;
            slack.set_scopes(&named.iter().filter_map(Value::as_str).collect::<Vec<_>>());
        }
        "down" => {
            let fault = args.fault()?;
            match args.maybe("method") {
                Some(method) => slack.set_faults(|faults| {
                    faults.method_down.insert(method.to_string(), fault);
                }),
                None => {
                    slack.set_faults(|faults| faults.down = Some(fault));
                    slack.drop_all_sockets();
                }
            }
        }
        "heal" => slack.heal(),
        "fail" => {
            let calls = u32::try_from(args.number("calls")?)?;
            slack.fail_next(args.text("method")?, calls, args.fault()?);
        }
        "latency" => {
            let latency = Duration::from_millis(args.number("ms")?);
            slack.set_faults(|faults| faults.latency = latency);
        }
        "late" => {
            let late = Duration::from_millis(args.number("ms")?);
            slack.set_faults(|faults| faults.late = late);
        }
        "doubling" => slack.deliver(match args.text("how")? {
            "once" => Doubling::Once,
            "same" => Doubling::SameEnvelope,
            "other" => Doubling::OtherEnvelope,
            other => bail!("no doubling {other}: once, same, other"),
        }),
        "disconnect" if args.0["silently"] == true => slack.drop_all_sockets(),
        "disconnect" => slack.disconnect_all(),
        "pass" => slack.pass(Duration::from_secs(args.number("seconds")?)),
        other => bail!("no verb {other}: GET /control lists them"),
    }
    Ok(json!({}))
}

fn add_user(slack: &FakeSlack, args: &Named) -> Result<Value> {
    let name = args.text("name")?;
    let id = slack.user(name).map_or_else(|| slack.add_user(name), |user| user.id);
    slack.set_user(&id, |user| {
        let set = |flag: &mut bool, name: &str| *flag = args.0[name].as_bool().unwrap_or(*flag);
        set(&mut user.is_restricted, "is_restricted");
        set(&mut user.is_ultra_restricted, "is_ultra_restricted");
        set(&mut user.is_stranger, "is_stranger");
        set(&mut user.deleted, "deleted");
        set(&mut user.is_bot, "is_bot");
        if user.is_stranger {
            user.team = super::OTHER_TEAM.to_string();
        }
        if let Some(email) = args.maybe("email") {
            user.email = Some(email.to_string()).filter(|email| !email.is_empty());
        }
    });
    Ok(json!({ "id": id }))
}

fn add_channel(slack: &FakeSlack, args: &Named) -> Result<Value> {
    let name = args.text("name")?.trim_start_matches('#');
    let members = args.users(slack, "members")?;
    let members: Vec<&str> = members.iter().map(String::as_str).collect();
    let id = match slack.channel(name) {
        Some(known) => known.id,
        None if args.0["private"] == true => slack.add_private_channel(name, &members),
        None => slack.add_channel(name, &members),
    };
    slack.set_channel(&id, |channel| {
        channel.is_archived = args.0["archived"].as_bool().unwrap_or(channel.is_archived);
        channel.is_ext_shared = args.0["ext_shared"].as_bool().unwrap_or(channel.is_ext_shared);
    });
    Ok(json!({ "id": id }))
}
