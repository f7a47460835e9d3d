//! `/ext/apis/ext.cattle.io/v1/tokens`: the new way to make a token, which is then sent as `Bearer ext/<token>`.

use serde_json::{Value, json};

use super::call::{Ask, Call};
use super::norman::text;
use super::reply::{Reply, kubernetes};
use super::tokens::{LONGEST_MINUTES, expires, fresh, longest, secret};
use super::world::{Token, stamp, uuid};

const RESOURCE: &str = "tokens.ext.cattle.io";

/// Answers `rest` below `/ext/apis/ext.cattle.io/v1`.
pub(super) fn answer(call: &mut Call<'_>, rest: &[&str]) -> Reply {
    let method = call.ask.method.clone();
    match (method.as_str(), rest) {
        ("GET", ["tokens"]) => {
            let mine = call.world.tokens.iter().filter(|t| t.ext && t.user == call.caller.id);
            let items: Vec<Value> = mine.map(|t| show(call, t)).collect();
            let metadata = json!({"resourceVersion": call.world.revision.to_string()});
            Reply::ok(
                json!({"kind": "TokenList", "apiVersion": "ext.cattle.io/v1", "metadata": metadata, "items": items}),
            )
        }
        ("POST", ["tokens"]) => create(call),
        ("GET" | "DELETE", ["tokens", name]) => {
            // Another's token is as good as none.
            let found = call.world.tokens.iter().find(|t| t.ext && t.name == *name && t.user == call.caller.id);
            let Some(token) = found else {
                return kubernetes(404, "NotFound", format!("{RESOURCE} \"{name}\" not found"));
            };
            let (shown, name) = (show(call, token), token.name.clone());
            if method == "DELETE" {
                call.world.tokens.retain(|t| t.name != name);
                call.world.touch();
            }
            Reply::ok(shown)
        }
        _ => kubernetes(404, "NotFound", "the server could not find the requested resource (simulated Rancher)"),
    }
}

fn create(call: &mut Call<'_>) -> Reply {
    let body = match call.ask.json() {
        Ok(body) => body,
        Err(why) => return kubernetes(400, "BadRequest", why),
    };
    let spec = body.get("spec").cloned().unwrap_or_default();
    let user = text(spec.get("userID"));
    if !user.is_empty() && user != call.caller.id {
        return kubernetes(400, "BadRequest", "unable to create token for other user");
    }
    let most = Some(longest(call)).filter(|ttl| *ttl > 0).unwrap_or(LONGEST_MINUTES * 60_000);
    let asked = spec.get("ttl").and_then(Value::as_i64).unwrap_or(0);
    let token = Token {
        name: format!("token-{}", fresh(call.clock, call.world, "token-")),
        secret: secret(call.clock),
        user: call.caller.id.clone(),
        description: text(spec.get("description")),
        cluster: None,
        created: call.now,
        ttl: if asked <= 0 || asked > most { most } else { asked },
        ext: true,
        session: false,
    };
    let mut shown = show(call, &token);
    shown["status"]["value"] = json!(token.secret);
    shown["status"]["bearerToken"] = json!(format!("ext/{}:{}", token.name, token.secret));
    call.world.tokens.push(token);
    call.world.touch();
    Reply::created(shown)
}

fn show(call: &Call<'_>, token: &Token) -> Value {
    let ends = expires(token);
    let user = call.world.user(&token.user);
    let principal = json!({
        "name": format!("local://{}", token.user), "displayName": user.map(|u| &u.name), "principalType": "user",
        "loginName": user.and_then(|u| u.username.as_ref()), "me": true, "provider": "local",
    });
    json!({
        "kind": "Token", "apiVersion": "ext.cattle.io/v1",
        "metadata": {
            "name": token.name, "generateName": "token-", "uid": uuid("ext-token", &token.name, token.created),
            "creationTimestamp": stamp(token.created), "resourceVersion": call.world.revision.to_string(),
            "labels": {"authn.management.cattle.io/kind": "", "cattle.io/user-id": token.user},
        },
        "spec": {"userID": token.user, "userPrincipal": principal, "kind": "", "description": token.description,
                 "ttl": token.ttl, "enabled": true},
        "status": {"current": call.caller.token == token.name, "expired": ends.is_some_and(|at| at < call.now),
                   "expiresAt": ends.map(stamp), "lastUpdateTime": stamp(token.created)},
    })
}

/// What a caller hears whose token is missing or dead: 403, and who they are taken for.
pub(super) fn unauthorized(ask: &Ask) -> Reply {
    let verb = match ask.method.as_str() {
        "POST" => "create",
        "DELETE" => "delete",
        _ if ask.path.len() > 5 => "get",
        _ => "list",
    };
    let kind = ask.path.get(4).map_or("tokens", String::as_str);
    let resource = format!("{kind}.ext.cattle.io");
    let why = super::reply::cannot("system:cattle:error", verb, &resource, kind, "ext.cattle.io");
    kubernetes(403, "Forbidden", why).with_details(json!({"group": "ext.cattle.io", "kind": kind}))
}
