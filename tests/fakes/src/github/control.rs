//! The control API: `POST /control/ACTION` with a JSON object does what a person (or bad luck) does, `GET /control/WHAT` reads back.

use std::time::Duration;

use serde::de::DeserializeOwned;
use serde_json::{Value, json};

use super::answer::{Answer, refused};
use super::{FakeGitHub, Fault, FaultKind, Rank};

/// What `GET /control` says: all that can be done, with the keys of its JSON object (`?` for those that may be missing), and all that can be read.
pub(super) const LIST: &str = "\
POST /control/push login branch path content?
POST /control/open login branch title
POST /control/close login number
POST /control/reopen login number
POST /control/merge login number
POST /control/review login number event body?
POST /control/dismiss login number review message
POST /control/comment login number body
POST /control/delete_branch login branch
POST /control/protect branch rules?
POST /control/person login rank
POST /control/token login
POST /control/revoke_tokens
POST /control/token_life seconds
POST /control/grant permission level
POST /control/suspend suspended
POST /control/advance seconds
POST /control/rate_limit limit
POST /control/webhook url secret
POST /control/deliver doubled? late_ms? shuffled? lost? forged?
POST /control/redeliver guid
POST /control/fault method path times? kind
POST /control/down kind?
POST /control/heal
POST /control/latency ms
GET /control/calls
GET /control/pulls
GET /control/log
GET /control/branches
GET /control/deliveries
GET /control/about
";

/// Answers a call of the control API.
pub(super) fn answer(fake: &FakeGitHub, method: &str, action: &str, body: &[u8]) -> Answer {
    if method == "GET" {
        return match read(fake, action) {
            Some(value) => Answer::new(200, value),
            None => refused(404, "reads: calls, pulls, log, branches, deliveries, about"),
        };
    }
    let body: Value = match body {
        b"" => json!({}),
        some => match serde_json::from_slice(some) {
            Ok(body) => body,
            Err(error) => return refused(400, &format!("no JSON: {error}")),
        },
    };
    match act(fake, action, &body) {
        Ok(value) => Answer::new(200, value),
        Err(error) => refused(422, &format!("{error:#}")),
    }
}

fn read(fake: &FakeGitHub, what: &str) -> Option<Value> {
    Some(match what {
        "calls" => json!(fake.calls()),
        "pulls" => json!(fake.pulls()),
        "log" => json!(fake.log("main")),
        "branches" => json!(fake.branches()),
        "deliveries" => json!(fake.deliveries()),
        "about" => json!({
            "api_url": fake.api_url(), "git_url": fake.git_url(), "control_url": fake.control_url(),
            "app_id": fake.app_id(), "installation_id": fake.installation_id(), "app_key": fake.app_key(),
            "bot": fake.bot(),
        }),
        _ => return None,
    })
}

fn act(fake: &FakeGitHub, action: &str, body: &Value) -> anyhow::Result<Value> {
    let login = || get::<String>(body, "login");
    let number = || get::<u64>(body, "number");
    let text = |key: &str| Ok::<_, anyhow::Error>(maybe::<String>(body, key)?.unwrap_or_default());
    let done = json!({"ok": true});
    Ok(match action {
        "push" => {
            let content = maybe::<String>(body, "content")?;
            let branch = get::<String>(body, "branch")?;
            let sha = fake.push(&login()?, &branch, &get::<String>(body, "path")?, content.as_deref())?;
            json!({"sha": sha})
        }
        "open" => {
            json!({"number": fake.open_pull(&login()?, &get::<String>(body, "branch")?, &get::<String>(body, "title")?)?})
        }
        "close" => fake.close_pull(&login()?, number()?)?,
        "reopen" => fake.reopen_pull(&login()?, number()?)?,
        "merge" => json!({"sha": fake.merge_pull(&login()?, number()?)?}),
        "review" => json!({"id": fake.review(&login()?, number()?, &get::<String>(body, "event")?, &text("body")?)?}),
        "dismiss" => fake.dismiss(&login()?, number()?, get(body, "review")?, &get::<String>(body, "message")?)?,
        "comment" => json!({"id": fake.comment(&login()?, number()?, &get::<String>(body, "body")?)?}),
        "delete_branch" => fake.delete_branch(&login()?, &get::<String>(body, "branch")?)?,
        "protect" => {
            fake.protect(&get::<String>(body, "branch")?, maybe(body, "rules")?);
            done
        }
        "person" => {
            let rank = Rank::parse(&get::<String>(body, "rank")?);
            let rank = rank.ok_or_else(|| anyhow::anyhow!("ranks: none, read, triage, write, maintain, admin"))?;
            fake.person(&login()?, rank);
            done
        }
        "token" => json!({"token": fake.token(&login()?)}),
        "revoke_tokens" => {
            fake.revoke_tokens();
            done
        }
        "token_life" => {
            fake.token_life(Duration::from_secs(get(body, "seconds")?));
            done
        }
        "grant" => {
            fake.grant(&get::<String>(body, "permission")?, &get::<String>(body, "level")?);
            done
        }
        "suspend" => {
            fake.suspend(get(body, "suspended")?);
            done
        }
        "advance" => {
            fake.advance(Duration::from_secs(get(body, "seconds")?));
            done
        }
        "rate_limit" => {
            fake.rate_limit(get(body, "limit")?);
            done
        }
        "webhook" => {
            fake.webhook(&get::<String>(body, "url")?, &get::<String>(body, "secret")?);
            done
        }
        "deliver" => {
            fake.deliver(serde_json::from_value(body.clone())?);
            done
        }
        "redeliver" if fake.redeliver(&get::<String>(body, "guid")?) => done,
        "redeliver" => anyhow::bail!("no such delivery"),
        "fault" => {
            let fault: Fault = serde_json::from_value(body.clone())?;
            fake.world().faults.list.push(fault);
            done
        }
        "down" => {
            fake.down(maybe::<FaultKind>(body, "kind")?);
            done
        }
        "heal" => {
            fake.heal();
            done
        }
        "latency" => {
            fake.latency(Duration::from_millis(get(body, "ms")?));
            done
        }
        _ => anyhow::bail!("no such action: {action}"),
    })
}

fn get<T: DeserializeOwned>(body: &Value, key: &str) -> anyhow::Result<T> {
    maybe(body, key)?.ok_or_else(|| anyhow::anyhow!("{key} is needed"))
}

fn maybe<T: DeserializeOwned>(body: &Value, key: &str) -> anyhow::Result<Option<T>> {
    match body.get(key) {
        None | Some(Value::Null) => Ok(None),
        Some(value) => {
            serde_json::from_value(value.clone()).map(Some).map_err(|error| anyhow::anyhow!("{key}: {error}"))
        }
    }
}
