//! Bindings through Steve: the way for principals of an identity provider that the caller does not belong to.

use serde_json::{Value, json};

use super::bindings::{RESOURCE, Refused, Seen, WEBHOOK, Wish, admit, find, namespace_there, remove, visible};
use super::call::Call;
use super::credentials::map;
use super::norman::text;
use super::reply::{Reply, denied, steve, steve_forbidden, steve_not_found};
use super::steve::{self as rows, list};
use super::world::{Binding, Role, User, stamp, user_id_of, uuid};

const TYPE: &str = "management.cattle.io.clusterroletemplatebinding";

/// Answers `/v1/management.cattle.io.clusterroletemplatebindings…`.
pub(super) fn answer(call: &mut Call<'_>, rest: &[&str]) -> Reply {
    let method = call.ask.method.clone();
    match (method.as_str(), rest) {
        ("GET", []) => list_bindings(call, None),
        ("GET", [namespace]) => list_bindings(call, Some(namespace)),
        ("POST", [] | [_]) => create(call),
        ("GET" | "DELETE", [namespace, name]) => {
            let (namespace, name) = ((*namespace).to_owned(), (*name).to_owned());
            let Some(binding) = find(call, &namespace, &name) else {
                return if call.told_apart() { steve_not_found(RESOURCE, &name) } else { steve_forbidden(&method) };
            };
            let shown = show(call, binding);
            if method == "DELETE" {
                remove(call, &namespace, &name);
                return Reply::empty(204);
            }
            Reply::ok(shown)
        }
        _ => steve_forbidden(&method),
    }
}

fn list_bindings(call: &Call<'_>, namespace: Option<&str>) -> Reply {
    let inside = |b: &&Binding| namespace.is_none_or(|n| n == b.cluster) && visible(call, b);
    let rows = call.world.bindings.iter().filter(inside).map(|b| show(call, b)).collect();
    list(call, TYPE, rows)
}

fn create(call: &mut Call<'_>) -> Reply {
    let body = match call.ask.json() {
        Ok(body) => body,
        Err(why) => return steve(422, "InvalidBodyContent", why),
    };
    let names = ["clusterName", "roleTemplateName", "userName", "userPrincipalName", "groupName", "groupPrincipalName"];
    let mut wish = Wish::read(&body, names);
    let metadata = body.get("metadata").cloned().unwrap_or_default();
    wish.name = metadata.get("name").and_then(Value::as_str).filter(|n| !n.is_empty()).map(str::to_owned);
    wish.annotations = map(&metadata, "annotations");
    wish.labels = map(&metadata, "labels");
    let namespace = text(metadata.get("namespace"));
    if call.owns(&namespace) && !namespace_there(call, &namespace) {
        return steve(404, "NotFound", format!("namespaces \"{namespace}\" not found"));
    }
    let refuse = |why: &str| steve(400, "BadRequest", denied(WEBHOOK, why));
    if wish.cluster != namespace {
        return refuse("clusterroletemplatebinding: Forbidden: clusterName and namespace must be the same value");
    }
    if !wish.has_one_target() {
        let why = "clusterroletemplatebinding: Forbidden: binding must target either a user \
                   [userName]/[userPrincipalName] OR a group [groupName]/[groupPrincipalName]";
        return refuse(why);
    }
    match call.world.bindable(&wish.role) {
        None => {
            return refuse(&format!(
                "clusterroletemplatebinding.roleTemplateName: Invalid value: \"{}\": the referenced role template was not found",
                wish.role
            ));
        }
        Some(role) if role.context != "cluster" => {
            return refuse(&format!(
                "clusterroletemplatebinding.roleTemplate.context: Unsupported value: \"{}\": supported values: \"cluster\"",
                role.context
            ));
        }
        Some(_) => {}
    }
    let outside = wish.user_principal.clone().filter(|p| !p.starts_with("local://") && call.world.user_of(p).is_none());
    let name = wish.annotations.get("auth.cattle.io/principal-display-name").and_then(Value::as_str).map(str::to_owned);
    match admit(call, wish) {
        Ok(binding) => {
            if let Some(principal) = outside {
                make_user(call, principal, name);
            }
            Reply::created(show(call, &binding))
        }
        Err(Refused::NoNamespace(namespace)) => steve(404, "NotFound", format!("namespaces \"{namespace}\" not found")),
        Err(Refused::Forbidden(_)) => steve_forbidden("POST"),
        Err(Refused::Exists(name)) => steve(409, "AlreadyExists", format!("{RESOURCE} \"{name}\" already exists")),
        Err(Refused::Duplicate) => steve(409, "Conflict", denied(WEBHOOK, "duplicate crtb not allowed")),
    }
}

/// The controller makes a user for a principal that it has never seen.
fn make_user(call: &mut Call<'_>, principal: String, name: Option<String>) {
    let id = user_id_of(&principal);
    let name = name.unwrap_or_else(|| principal.clone());
    let created = call.now;
    let user = User {
        id,
        username: None,
        name,
        role: Role::Standard,
        enabled: true,
        created,
        principals: vec![principal],
        password: None,
    };
    call.world.users.push(user);
}

fn show(call: &Call<'_>, binding: &Binding) -> Value {
    let seen = Seen::of(call, binding);
    let mut annotations = binding.annotations.clone();
    if let Some(creator) = &binding.creator {
        annotations.insert("field.cattle.io/creatorId".to_owned(), json!(creator));
    }
    let mut value = json!({
        "id": format!("{}/{}", binding.cluster, binding.name), "type": TYPE,
        "links": rows::links(call, TYPE, &binding.cluster, &binding.name),
        "apiVersion": "management.cattle.io/v3", "kind": "ClusterRoleTemplateBinding",
        "clusterName": binding.cluster, "roleTemplateName": binding.role,
        "metadata": {
            "name": binding.name, "namespace": binding.cluster, "annotations": annotations, "labels": binding.labels,
            "creationTimestamp": stamp(binding.created), "generation": if seen.reconciled { 2 } else { 1 },
            "resourceVersion": binding.revision.to_string(),
            "uid": uuid("clusterRoleTemplateBinding", &format!("{}:{}", binding.cluster, binding.name), binding.created),
            "state": {"error": false, "message": "Resource is current", "name": "active", "transitioning": false},
        },
    });
    if binding.generate_name {
        value["metadata"]["generateName"] = json!("crtb-");
    }
    if let Some(at) = binding.removed {
        value["metadata"]["deletionTimestamp"] = json!(stamp(at));
    }
    let parts = [
        ("userName", seen.user),
        ("userPrincipalName", seen.user_principal),
        ("groupName", binding.group.clone()),
        ("groupPrincipalName", binding.group_principal.clone()),
    ];
    for (key, part) in parts {
        if let Some(part) = part {
            value[key] = json!(part);
        }
    }
    if let Some(status) = seen.status {
        value["status"] = status;
    }
    value
}
