//! Users and their principals. There is no identity provider: principals are those of local users.

use serde_json::{Value, json};

use super::call::Call;
use super::login::digest;
use super::norman::{self, collection, invalid_action, invalid_body, method_not_allowed};
use super::reply::{Reply, cannot, norman as error, norman_field, norman_forbidden, norman_not_found};
use super::v3::object;
use super::world::{Role, User, principal_label, stamp};

/// One user as norman shows it.
pub(super) fn user_object(call: &Call<'_>, user: &User) -> Value {
    let mut value = object(call, "user", &user.id, user.created, None);
    if call.caller.role == Role::Admin {
        value["actions"] = json!({"setpassword": call.link(&format!("/v3/users/{}?action=setpassword", user.id))});
    }
    let by = |kind: &str| json!(call.link(&format!("/v3/{kind}?userId={}", user.id)));
    value["links"]["clusterRoleTemplateBindings"] = by("clusterRoleTemplateBindings");
    value["links"]["tokens"] = by("tokens");
    value["username"] = json!(user.username);
    value["name"] = json!(user.name);
    value["description"] = json!("");
    value["enabled"] = json!(user.enabled);
    value["me"] = json!(user.id == call.caller.id);
    value["mustChangePassword"] = json!(false);
    let own = format!("local://{}", user.id);
    value["principalIds"] = json!(user.principals.iter().cloned().chain([own]).collect::<Vec<_>>());
    let labels = user.principals.first().map(|p| json!({principal_label(p): "hashed-principal-name"}));
    value["labels"] = labels.unwrap_or_else(|| json!({}));
    value["annotations"] = json!({});
    value["conditions"] = json!([
        {"type": "InitialRolesPopulated", "status": "True", "lastUpdateTime": stamp(user.created)}
    ]);
    value
}

pub(super) fn users(call: &mut Call<'_>, kind: &norman::Kind, rest: &[&str]) -> Reply {
    let method = call.ask.method.clone();
    let visible = |call: &Call<'_>, id: &str| call.may("get", "management.cattle.io", "users") || call.caller.id == id;
    match (method.as_str(), rest) {
        ("GET", []) => {
            let seen = call.world.users.iter().filter(|u| visible(call, &u.id));
            let rows = seen.map(|u| user_object(call, u)).collect();
            let actions = json!({"changepassword": call.link("/v3/users?action=changepassword")});
            collection(call, kind, actions, rows)
        }
        ("POST", []) => create_user(call),
        ("POST", [id]) if call.ask.query("action") == Some("setpassword") => set_password(call, id),
        ("POST", [_]) => invalid_action(call.ask.query("action").unwrap_or_default()),
        ("GET" | "PUT", [id]) => {
            let name = format!("users.management.cattle.io \"{id}\"");
            if !visible(call, id) {
                return norman_forbidden(cannot(&call.caller.id, "get", &name, "users", "management.cattle.io"));
            }
            if call.world.user(id).is_none() {
                return norman_not_found("users.management.cattle.io", id);
            }
            if method == "PUT" {
                if call.caller.role != Role::Admin {
                    return norman_forbidden(cannot(&call.caller.id, "update", &name, "users", "management.cattle.io"));
                }
                let body = match call.ask.json() {
                    Ok(body) => body,
                    Err(why) => return invalid_body(&why),
                };
                if let Some(user) = call.world.users.iter_mut().find(|u| u.id == *id) {
                    user.enabled = body.get("enabled").and_then(Value::as_bool).unwrap_or(user.enabled);
                    user.name =
                        body.get("name").and_then(Value::as_str).map_or_else(|| user.name.clone(), str::to_owned);
                }
                call.world.touch();
            }
            match call.world.user(id) {
                Some(user) => Reply::ok(user_object(call, user)),
                None => norman_not_found("users.management.cattle.io", id),
            }
        }
        _ => method_not_allowed(&method),
    }
}

/// The shortest password that Rancher takes.
const PASSWORD_MIN_LETTERS: usize = 12;

fn create_user(call: &mut Call<'_>) -> Reply {
    if call.caller.role != Role::Admin {
        let object = "users.management.cattle.io";
        return norman_forbidden(cannot(&call.caller.id, "create", object, "users", "management.cattle.io"));
    }
    let body = match call.ask.json() {
        Ok(body) => body,
        Err(why) => return invalid_body(&why),
    };
    let username = norman::text(body.get("username"));
    let password = norman::text(body.get("password"));
    if username.is_empty() {
        return error(500, "ServerError", "invalid username");
    }
    if call.world.users.iter().any(|u| u.username.as_deref() == Some(&username)) {
        return norman_field(422, "NotUnique", "username", "Username is already in use.");
    }
    if password.len() < PASSWORD_MIN_LETTERS {
        return too_short();
    }
    let id = super::world::draw(call.clock, 5, |id| call.world.user(&format!("u-{id}")).is_some());
    let user = User {
        id: format!("u-{id}"),
        name: body.get("name").and_then(Value::as_str).unwrap_or(&username).to_owned(),
        username: Some(username),
        role: Role::Standard,
        enabled: body.get("enabled").and_then(Value::as_bool).unwrap_or(true),
        created: call.now,
        principals: Vec::new(),
        password: Some(digest(&norman::text(body.get("username")), &password)),
    };
    let shown = user_object(call, &user);
    call.world.users.push(user);
    call.world.touch();
    Reply::created(shown)
}

fn too_short() -> Reply {
    error(422, "InvalidBodyContent", "Password must be at least 12 characters")
}

/// Gives a user another password; the old one's sessions stay.
fn set_password(call: &mut Call<'_>, id: &str) -> Reply {
    if call.caller.role != Role::Admin {
        let object = format!("users.management.cattle.io \"{id}\"");
        return norman_forbidden(cannot(&call.caller.id, "update", &object, "users", "management.cattle.io"));
    }
    let password = match call.ask.json() {
        Ok(body) => norman::text(body.get("newPassword")),
        Err(why) => return invalid_body(&why),
    };
    if password.len() < PASSWORD_MIN_LETTERS {
        return too_short();
    }
    let Some(user) = call.world.users.iter_mut().find(|user| user.id == id) else {
        return norman_not_found("users.management.cattle.io", id);
    };
    user.password = Some(digest(user.username.as_deref().unwrap_or_default(), &password));
    call.world.touch();
    match call.world.user(id) {
        Some(user) => Reply::ok(user_object(call, user)),
        None => norman_not_found("users.management.cattle.io", id),
    }
}

/// Principals: local users only, because the simulator has no identity provider.
pub(super) fn principals(call: &Call<'_>, kind: &norman::Kind, rest: &[&str]) -> Reply {
    let show = |user: &User| {
        let id = format!("local://{}", user.id);
        json!({
            "baseType": "principal", "type": "principal", "id": id, "creatorId": null, "provider": "local",
            "principalType": "user", "name": user.name, "loginName": user.username, "memberOf": false,
            "me": user.id == call.caller.id,
            "links": {"self": call.link(&format!("/v3/principals/local:%2F%2F{}", user.id))},
        })
    };
    let method = call.ask.method.as_str();
    match (method, rest) {
        ("GET", []) => {
            let rows = call.world.users.iter().filter(|u| u.id == call.caller.id).map(show).collect();
            collection(call, kind, json!({"search": call.link("/v3/principals?action=search")}), rows)
        }
        ("POST", []) if call.ask.query("action") == Some("search") => {
            let Ok(body) = call.ask.json() else { return invalid_body("EOF") };
            let wanted = norman::text(body.get("name")).to_lowercase();
            let groups = body.get("principalType").and_then(Value::as_str) == Some("group");
            let matches = |u: &&User| {
                let login = u.username.as_deref().unwrap_or_default().to_lowercase();
                !groups && (login.starts_with(&wanted) || u.name.to_lowercase().contains(&wanted))
            };
            let rows = call.world.users.iter().filter(matches).map(show).collect();
            collection(call, kind, json!({"search": call.link("/v3/principals?action=search")}), rows)
        }
        ("POST", []) => invalid_action(call.ask.query("action").unwrap_or_default()),
        // An id like `local://u-x` comes encoded as one segment; a client that does not encode it sends three.
        ("GET", parts) => {
            let id = parts.join("//");
            match call.world.user_of(&id) {
                Some(user) if id.starts_with("local://") => Reply::ok(show(user)),
                _ => {
                    norman_not_found("users.management.cattle.io", id.split_once("://").map_or(&*id, |(_, name)| name))
                }
            }
        }
        _ => method_not_allowed(method),
    }
}
