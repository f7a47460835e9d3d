//! `/v3/globalroles`, `/v3/globalrolebindings` and `/v3/roletemplates`: read by everybody, made and changed by the administrator.

use serde_json::{Value, json};

use super::call::Call;
use super::norman::{Kind, collection, invalid_body, method_not_allowed, text};
use super::reply::{Reply, cannot, norman_field, norman_forbidden, norman_not_found};
use super::rights::{AddedRole, GLOBAL_ROLES, GlobalBinding, GlobalRole, rules, shown_rules};
use super::v3::{ROLES, object, role_object};
use super::world::{Role, draw};

const GLOBAL: &str = "globalroles.management.cattle.io";
const BINDING: &str = "globalrolebindings.management.cattle.io";
const TEMPLATE: &str = "roletemplates.management.cattle.io";

/// Answers `/v3/globalroles…`.
pub(super) fn global_roles(call: &mut Call<'_>, kind: &Kind, rest: &[&str]) -> Reply {
    let method = call.ask.method.clone();
    match (method.as_str(), rest) {
        ("GET", []) => {
            let brought = GLOBAL_ROLES.iter().map(|(id, name)| brought(call, id, name));
            let mut rows: Vec<Value> = brought.collect();
            rows.extend(call.world.global_roles.iter().map(|role| show_global(call, role)));
            rows.retain(|_| call.told_apart());
            collection(call, kind, json!({}), rows)
        }
        ("GET", [id]) => match GLOBAL_ROLES.iter().find(|(known, _)| known == id) {
            Some((id, name)) => Reply::ok(brought(call, id, name)),
            None => match call.world.global_roles.iter().find(|role| role.id == *id) {
                Some(role) => Reply::ok(show_global(call, role)),
                None => norman_not_found(GLOBAL, id),
            },
        },
        ("POST" | "PUT", _) if call.caller.role != Role::Admin => forbidden(call, &method, "globalroles", GLOBAL),
        ("POST", []) => {
            let body = match call.ask.json() {
                Ok(body) => body,
                Err(why) => return invalid_body(&why),
            };
            if text(body.get("name")).is_empty() {
                return norman_field(422, "MissingRequired", "name", "");
            }
            let taken = |drawn: &str| call.world.global_roles.iter().any(|role| role.id == format!("gr-{drawn}"));
            let mut role = GlobalRole {
                id: format!("gr-{}", draw(call.clock, 5, taken)),
                name: String::new(),
                description: String::new(),
                inherited: Vec::new(),
                rules: Vec::new(),
                namespaced: std::collections::BTreeMap::new(),
                created: call.now,
                creator: Some(call.caller.id.clone()),
            };
            fill(&mut role, &body);
            let shown = show_global(call, &role);
            call.world.global_roles.push(role);
            call.world.touch();
            Reply::created(shown)
        }
        ("PUT", [id]) => {
            let body = match call.ask.json() {
                Ok(body) => body,
                Err(why) => return invalid_body(&why),
            };
            let Some(role) = call.world.global_roles.iter_mut().find(|role| role.id == *id) else {
                return norman_not_found(GLOBAL, id);
            };
            fill(role, &body);
            let role = role.clone();
            call.world.touch();
            Reply::ok(show_global(call, &role))
        }
        _ => method_not_allowed(&method),
    }
}

/// Takes over what a body says; what it leaves out stays.
fn fill(role: &mut GlobalRole, body: &Value) {
    let words = |key: &str| body.get(key).and_then(Value::as_str).map(str::to_owned);
    role.name = words("name").unwrap_or_else(|| role.name.clone());
    role.description = words("description").unwrap_or_else(|| role.description.clone());
    if let Some(sent) = body.get("rules") {
        role.rules = rules(sent);
    }
    if let Some(sent) = body.get("inheritedClusterRoles").and_then(Value::as_array) {
        role.inherited = sent.iter().filter_map(Value::as_str).map(str::to_owned).collect();
    }
    if let Some(sent) = body.get("namespacedRules").and_then(Value::as_object) {
        role.namespaced = sent.iter().map(|(namespace, sent)| (namespace.clone(), rules(sent))).collect();
    }
}

fn brought(call: &Call<'_>, id: &str, name: &str) -> Value {
    let mut value = object(call, "globalRole", id, call.world.started, None);
    value["name"] = json!(name);
    value["builtin"] = json!(true);
    value["newUserDefault"] = json!(false);
    value["rules"] = json!([]);
    value
}

fn show_global(call: &Call<'_>, role: &GlobalRole) -> Value {
    let mut value = object(call, "globalRole", &role.id, role.created, role.creator.as_deref());
    value["name"] = json!(role.name);
    value["description"] = json!(role.description);
    value["builtin"] = json!(false);
    value["newUserDefault"] = json!(false);
    value["inheritedClusterRoles"] = json!(role.inherited);
    value["rules"] = shown_rules(&role.rules);
    if !role.namespaced.is_empty() {
        value["namespacedRules"] = role.namespaced.iter().map(|(space, rules)| (space.clone(), json!(rules))).collect();
    }
    value["annotations"] = json!({});
    value["labels"] = json!({"cattle.io/creator": "norman"});
    value
}

/// Answers `/v3/globalrolebindings…`.
pub(super) fn global_bindings(call: &mut Call<'_>, kind: &Kind, rest: &[&str]) -> Reply {
    let method = call.ask.method.clone();
    match (method.as_str(), rest) {
        ("GET", []) => {
            let all = call.world.global_bindings.iter().filter(|_| call.caller.role == Role::Admin);
            let rows = all.map(|binding| show_binding(call, binding)).collect();
            collection(call, kind, json!({}), rows)
        }
        ("POST", _) if call.caller.role != Role::Admin => forbidden(call, &method, "globalrolebindings", BINDING),
        ("POST", []) => {
            let body = match call.ask.json() {
                Ok(body) => body,
                Err(why) => return invalid_body(&why),
            };
            let (role, user) = (text(body.get("globalRoleId")), text(body.get("userId")));
            let known = GLOBAL_ROLES.iter().any(|(id, _)| *id == role);
            if !known && !call.world.global_roles.iter().any(|known| known.id == role) {
                return norman_not_found(GLOBAL, &role);
            }
            let taken = |drawn: &str| call.world.global_bindings.iter().any(|one| one.id == format!("grb-{drawn}"));
            let id = format!("grb-{}", draw(call.clock, 5, taken));
            let binding = GlobalBinding { id, role, user, created: call.now, creator: call.caller.id.clone() };
            let shown = show_binding(call, &binding);
            call.world.global_bindings.push(binding);
            call.world.touch();
            Reply::created(shown)
        }
        _ => method_not_allowed(&method),
    }
}

fn show_binding(call: &Call<'_>, binding: &GlobalBinding) -> Value {
    let mut value = object(call, "globalRoleBinding", &binding.id, binding.created, Some(&binding.creator));
    value["name"] = json!(binding.id);
    value["globalRoleId"] = json!(binding.role);
    value["userId"] = json!(binding.user);
    value["userPrincipalId"] = Value::Null;
    value["groupPrincipalId"] = Value::Null;
    value["annotations"] = json!({"cleanup.cattle.io/grbUpgradeCluster": "true"});
    value["labels"] = json!({"cattle.io/creator": "norman"});
    value
}

/// Answers `/v3/roletemplates…`.
pub(super) fn role_templates(call: &mut Call<'_>, kind: &Kind, rest: &[&str]) -> Reply {
    let method = call.ask.method.clone();
    match (method.as_str(), rest) {
        ("GET", []) => {
            let mut rows: Vec<Value> = ROLES.iter().map(|role| role_object(call, role)).collect();
            rows.extend(call.world.added_roles.iter().map(|role| show_added(call, role)));
            collection(call, kind, json!({}), rows)
        }
        ("GET", [id]) => match ROLES.iter().find(|role| role.id == *id) {
            Some(role) => Reply::ok(role_object(call, role)),
            None => match call.world.added_roles.iter().find(|role| role.id == *id) {
                Some(role) => Reply::ok(show_added(call, role)),
                None => norman_not_found(TEMPLATE, id),
            },
        },
        ("POST" | "PUT", _) if call.caller.role != Role::Admin => forbidden(call, &method, "roletemplates", TEMPLATE),
        ("POST", []) => {
            let body = match call.ask.json() {
                Ok(body) => body,
                Err(why) => return invalid_body(&why),
            };
            if text(body.get("name")).is_empty() {
                return norman_field(422, "MissingRequired", "name", "");
            }
            let taken = |drawn: &str| call.world.added_roles.iter().any(|role| role.id == format!("rt-{drawn}"));
            let mut role = AddedRole {
                id: format!("rt-{}", draw(call.clock, 5, taken)),
                name: String::new(),
                context: text(body.get("context")),
                description: String::new(),
                locked: false,
                rules: Vec::new(),
                inherits: Vec::new(),
                created: call.now,
                creator: Some(call.caller.id.clone()),
            };
            refill(&mut role, &body);
            let shown = show_added(call, &role);
            call.world.added_roles.push(role);
            call.world.touch();
            Reply::created(shown)
        }
        ("PUT", [id]) => {
            let body = match call.ask.json() {
                Ok(body) => body,
                Err(why) => return invalid_body(&why),
            };
            let Some(role) = call.world.added_roles.iter_mut().find(|role| role.id == *id) else {
                return norman_not_found(TEMPLATE, id);
            };
            refill(role, &body);
            let role = role.clone();
            call.world.touch();
            Reply::ok(show_added(call, &role))
        }
        _ => method_not_allowed(&method),
    }
}

fn refill(role: &mut AddedRole, body: &Value) {
    let words = |key: &str| body.get(key).and_then(Value::as_str).map(str::to_owned);
    role.name = words("name").unwrap_or_else(|| role.name.clone());
    role.description = words("description").unwrap_or_else(|| role.description.clone());
    role.locked = body.get("locked").and_then(Value::as_bool).unwrap_or(role.locked);
    if let Some(sent) = body.get("rules") {
        role.rules = rules(sent);
    }
    if let Some(sent) = body.get("roleTemplateIds").and_then(Value::as_array) {
        role.inherits = sent.iter().filter_map(Value::as_str).map(str::to_owned).collect();
    }
}

fn show_added(call: &Call<'_>, role: &AddedRole) -> Value {
    let mut value = object(call, "roleTemplate", &role.id, role.created, role.creator.as_deref());
    value["name"] = json!(role.name);
    value["context"] = json!(role.context);
    value["description"] = json!(role.description);
    value["locked"] = json!(role.locked);
    value["rules"] = shown_rules(&role.rules);
    value["roleTemplateIds"] = json!(role.inherits);
    for flag in ["administrative", "builtin", "external", "hidden", "clusterCreatorDefault", "projectCreatorDefault"] {
        value[flag] = json!(false);
    }
    value["annotations"] = json!({});
    value["labels"] = json!({"cattle.io/creator": "norman"});
    value
}

fn forbidden(call: &Call<'_>, method: &str, resource: &str, object: &str) -> Reply {
    let verb = if method == "POST" { "create" } else { "update" };
    norman_forbidden(cannot(&call.caller.id, verb, object, resource, "management.cattle.io"))
}
