//! Logging in with a password, which makes a session's token. Local users only, because there is no identity provider.

use jiff::Timestamp;
use serde_json::{Value, json};
use sha2::{Digest, Sha256};

use super::call::Ask;
use super::norman::text;
use super::reply::Reply;
use super::tokens::{SESSION, mint_as, value_of};
use super::world::{World, stamp};
use crate::clock::Clock;

/// How long a session lasts, in minutes, unless the setting says otherwise.
const SESSION_MINUTES: i64 = 960;

/// Whether a path is that of a login: the new way, or the old one.
pub(super) fn is_login(ask: &Ask, path: &[&str]) -> bool {
    let new = path == ["v1-public", "login"];
    let old = path == ["v3-public", "localProviders", "local"] && ask.query("action") == Some("login");
    ask.method == "POST" && (new || old)
}

/// Answers a login.
pub(super) fn answer(ask: &Ask, world: &mut World, clock: &dyn Clock, now: Timestamp) -> Reply {
    let Ok(body) = ask.json() else { return refuse(422, "InvalidBodyContent", None) };
    let new = ask.path.first().is_some_and(|first| first == "v1-public");
    if new && text(body.get("type")) != "localProvider" {
        return refuse(422, "InvalidBodyContent", None);
    }
    let username = text(body.get("username"));
    let password = digest(&username, &text(body.get("password")));
    let found = world.users.iter().find(|user| user.username.as_deref() == Some(&username));
    let Some(user) = found.filter(|user| user.password.as_deref() == Some(&password)) else {
        return refuse(401, "Unauthorized", Some("authentication failed"));
    };
    if !user.enabled {
        return refuse(403, "PermissionDenied", None);
    }
    let id = user.id.clone();
    let minutes = world.settings.get("auth-user-session-ttl-minutes").and_then(|minutes| minutes.parse().ok());
    // A `ttl` that is asked for is ignored.
    let ttl = minutes.unwrap_or(SESSION_MINUTES) * 60_000;
    let token = mint_as(world, clock, &id, "token-", ttl, SESSION, now);
    let ends = now + std::time::Duration::from_millis(ttl.unsigned_abs());
    Reply::created(json!({
        "baseType": "token", "type": "token", "id": token.name, "token": value_of(&token), "expiresAt": stamp(ends),
    }))
}

/// What is kept of a password.
pub(super) fn digest(username: &str, password: &str) -> String {
    let digest = Sha256::digest(format!("{username}\0{password}"));
    digest.iter().map(|byte| format!("{byte:02x}")).collect()
}

fn refuse(status: u16, code: &str, message: Option<&str>) -> Reply {
    let mut body = json!({"code": code, "status": status, "type": "error", "baseType": "error"});
    if let Some(message) = message {
        body["message"] = Value::from(message);
    }
    Reply::json(status, body)
}
