//! Tokens: one's own, made, read and deleted. A token's value is told once.

use jiff::Timestamp;
use serde_json::{Value, json};

use super::call::Call;
use super::norman::{self, Kind, collection, invalid_body, method_not_allowed};
use super::reply::{Reply, norman as error, norman_not_found};
use super::v3::{object, setting};
use super::world::{Role, Token, World, draw, stamp};
use crate::clock::Clock;

/// How many letters a token's secret has.
const SECRET_LETTERS: usize = 54;

/// No token lives longer than ten years, whatever the settings say.
pub(super) const LONGEST_MINUTES: i64 = 10 * 366 * 24 * 60;

/// Answers `/v3/tokens…`.
pub(super) fn answer(call: &mut Call<'_>, kind: &Kind, rest: &[&str]) -> Reply {
    let method = call.ask.method.clone();
    match (method.as_str(), rest) {
        ("GET", []) => {
            let mine = call.world.tokens.iter().filter(|t| t.user == call.caller.id && !t.ext);
            let rows = mine.map(|t| show(call, t)).collect();
            collection(call, kind, json!({}), rows)
        }
        ("POST", []) => create(call),
        ("GET" | "DELETE", [name]) => {
            let Some(token) = call.world.tokens.iter().find(|t| t.name == *name && !t.ext) else {
                return norman_not_found("tokens.management.cattle.io", name);
            };
            if token.user != call.caller.id && call.caller.role != Role::Admin {
                return error(404, "NotFound", format!("{name} not found"));
            }
            if method == "GET" {
                return Reply::ok(show(call, token));
            }
            if call.caller.token == *name {
                let why = "Cannot delete token for current session. Use logout instead";
                return error(400, "ServerError", why);
            }
            let name = token.name.clone();
            call.world.tokens.retain(|t| t.name != name);
            call.world.touch();
            Reply::empty(204)
        }
        _ => method_not_allowed(&method),
    }
}

fn create(call: &mut Call<'_>) -> Reply {
    let body = match call.ask.json() {
        Ok(body) => body,
        Err(why) => return invalid_body(&why),
    };
    let most = longest(call);
    let asked = body.get("ttl").and_then(Value::as_i64).unwrap_or(0);
    let ttl = if most > 0 && (asked <= 0 || asked > most) { most } else { asked.clamp(0, LONGEST_MINUTES * 60_000) };
    // `userId` of somebody else is ignored without a word, and `clusterId` is not looked at.
    let token = Token {
        name: format!("token-{}", fresh(call.clock, call.world, "token-")),
        secret: secret(call.clock),
        user: call.caller.id.clone(),
        description: norman::text(body.get("description")),
        cluster: body.get("clusterId").and_then(Value::as_str).filter(|c| !c.is_empty()).map(str::to_owned),
        created: call.now,
        ttl,
        ext: false,
        session: false,
    };
    let mut shown = show(call, &token);
    shown["token"] = json!(format!("{}:{}", token.name, token.secret));
    shown["expiresAt"] = json!("");
    call.world.tokens.push(token);
    call.world.touch();
    Reply::created(shown)
}

/// The longest life of a token that the settings allow, in milliseconds; 0 for any.
pub(super) fn longest(call: &Call<'_>) -> i64 {
    let minutes = setting(call, "auth-token-max-ttl-minutes").parse::<i64>().unwrap_or(0);
    minutes.clamp(0, LONGEST_MINUTES) * 60_000
}

fn show(call: &Call<'_>, token: &Token) -> Value {
    let mut value = object(call, "token", &token.name, token.created, None);
    let expires = expires(token);
    value["name"] = json!(token.name);
    value["description"] = json!(token.description);
    value["authProvider"] = json!("local");
    value["clusterId"] = json!(token.cluster);
    value["userId"] = json!(token.user);
    value["current"] = json!(call.caller.token == token.name);
    value["enabled"] = json!(true);
    value["isDerived"] = json!(!token.session);
    value["expired"] = json!(expires.is_some_and(|at| at < call.now));
    value["expiresAt"] = json!(expires.map(stamp).unwrap_or_default());
    value["ttl"] = json!(token.ttl);
    value["labels"] = json!({"authn.management.cattle.io/token-userId": token.user});
    if token.session {
        value["labels"]["authn.management.cattle.io/kind"] = json!("session");
    }
    value
}

/// When a token ends, if it does.
pub(super) fn expires(token: &Token) -> Option<Timestamp> {
    (token.ttl > 0).then(|| token.created + std::time::Duration::from_millis(token.ttl.unsigned_abs()))
}

/// Makes a token for a user and gives its value.
pub(super) fn mint(world: &mut World, clock: &dyn Clock, user: &str, prefix: &str, ttl: i64, now: Timestamp) -> String {
    let description = if prefix.starts_with("kubeconfig-") { "Kubeconfig token" } else { "simulated" };
    value_of(&mint_as(world, clock, user, prefix, ttl, description, now))
}

/// The description of a session's token; Rancher leaves it empty.
pub(super) const SESSION: &str = "";

/// Makes a token for a user.
pub(super) fn mint_as(
    world: &mut World,
    clock: &dyn Clock,
    user: &str,
    prefix: &str,
    ttl: i64,
    description: &str,
    now: Timestamp,
) -> Token {
    let token = Token {
        name: format!("{prefix}{}", fresh(clock, world, prefix)),
        secret: secret(clock),
        user: user.to_owned(),
        description: description.to_owned(),
        cluster: None,
        created: now,
        ttl,
        ext: false,
        session: description == SESSION,
    };
    world.tokens.push(token.clone());
    world.touch();
    token
}

/// What is shown at the door.
pub(super) fn value_of(token: &Token) -> String {
    format!("{}:{}", token.name, token.secret)
}

/// Draws the end of a name that no token has.
pub(super) fn fresh(clock: &dyn Clock, world: &World, prefix: &str) -> String {
    draw(clock, 5, |drawn| world.tokens.iter().any(|t| t.name == format!("{prefix}{drawn}")))
}

/// Draws a secret.
pub(super) fn secret(clock: &dyn Clock) -> String {
    let mut secret = String::new();
    while secret.len() < SECRET_LETTERS {
        secret.push_str(&draw(clock, 9, |_| false));
    }
    secret.truncate(SECRET_LETTERS);
    secret
}
