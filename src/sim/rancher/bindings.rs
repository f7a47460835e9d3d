//! Bindings of roles to people, through norman and through Steve, with the refusals of both.

use serde_json::{Map, Value, json};

use super::call::{Ask, Call};
use super::credentials::map;
use super::norman::{Kind, collection, invalid_body, method_not_allowed, text};
use super::reply::{
    Reply, cannot_in, denied, norman as error, norman_field, norman_forbidden, norman_not_found, steve,
    steve_forbidden, steve_not_found,
};
use super::steve::{self as rows, list};
use super::v3::{ROLES, object};
use super::world::{Binding, Role, User, draw, stamp, stamp_ms, user_id_of, uuid};

const RESOURCE: &str = "clusterroletemplatebindings.management.cattle.io";
const WEBHOOK: &str = "clusterroletemplatebindings.management.cattle.io";
const TYPE: &str = "management.cattle.io.clusterroletemplatebinding";
/// How long the remote half of a binding takes once the cluster is connected.
const REMOTE_AFTER: std::time::Duration = std::time::Duration::from_millis(500);

/// Answers `/v3/clusterroletemplatebindings…`.
pub(super) fn answer(call: &mut Call<'_>, kind: &Kind, rest: &[&str]) -> Reply {
    let method = call.ask.method.clone();
    match (method.as_str(), rest) {
        ("GET", []) => {
            let rows = call.world.bindings.iter().filter(|b| visible(call, b)).map(|b| show(call, b)).collect();
            collection(call, kind, json!({}), rows)
        }
        ("POST", []) => create(call),
        // Every field is immutable: a PUT is answered as if it had worked.
        ("GET" | "PUT" | "DELETE", [id]) => {
            let (cluster, name) = id.split_once(':').unwrap_or(("", id));
            let (cluster, name) = (cluster.to_owned(), name.to_owned());
            let Some(binding) = find(call, &cluster, &name) else { return missing(call, &cluster, &name) };
            if method != "DELETE" {
                return Reply::ok(show(call, binding));
            }
            if !call.owns(&cluster) {
                return missing(call, &cluster, &name);
            }
            remove(call, &cluster, &name);
            match find(call, &cluster, &name) {
                Some(binding) => Reply::ok(show(call, binding)),
                None => Reply::empty(204),
            }
        }
        _ => method_not_allowed(&method),
    }
}

fn visible(call: &Call<'_>, binding: &Binding) -> bool {
    call.owns(&binding.cluster) && namespace_there(call, &binding.cluster)
}

fn find<'a>(call: &'a Call<'_>, cluster: &str, name: &str) -> Option<&'a Binding> {
    call.world.bindings.iter().find(|b| b.cluster == cluster && b.name == name && visible(call, b))
}

fn missing(call: &Call<'_>, cluster: &str, name: &str) -> Reply {
    if call.told_apart() || call.owns(cluster) {
        return norman_not_found(RESOURCE, name);
    }
    let object = format!("{RESOURCE} \"{name}\"");
    norman_forbidden(cannot_in(
        &call.caller.id,
        "get",
        &object,
        "clusterroletemplatebindings",
        "management.cattle.io",
        cluster,
    ))
}

fn remove(call: &mut Call<'_>, cluster: &str, name: &str) {
    let now = call.now;
    if let Some(binding) = call.world.bindings.iter_mut().find(|b| b.cluster == cluster && b.name == name) {
        binding.removed.get_or_insert(now);
    }
    call.world.touch();
}

fn namespace_there(call: &Call<'_>, cluster: &str) -> bool {
    call.world.cluster(cluster).is_some_and(|c| call.life(c).namespace_at.is_some())
}

/// What is asked to be bound to what.
#[derive(Clone)]
struct Wish {
    cluster: String,
    name: Option<String>,
    role: String,
    user: Option<String>,
    user_principal: Option<String>,
    group: Option<String>,
    group_principal: Option<String>,
    annotations: Map<String, Value>,
    labels: Map<String, Value>,
}

impl Wish {
    fn read(body: &Value, names: [&str; 6]) -> Self {
        let part = |key: &str| body.get(key).and_then(Value::as_str).filter(|s| !s.is_empty()).map(str::to_owned);
        let [cluster, role, user, user_principal, group, group_principal] = names;
        Self {
            cluster: part(cluster).unwrap_or_default(),
            name: None,
            role: part(role).unwrap_or_default(),
            user: part(user),
            user_principal: part(user_principal),
            group: part(group),
            group_principal: part(group_principal),
            annotations: Map::new(),
            labels: Map::new(),
        }
    }

    /// Whether it binds a user or a group, and not both.
    fn has_one_target(&self) -> bool {
        let user = self.user.is_some() || self.user_principal.is_some();
        user != (self.group.is_some() || self.group_principal.is_some())
    }

    fn equals(&self, binding: &Binding) -> bool {
        binding.removed.is_none()
            && binding.cluster == self.cluster
            && binding.role == self.role
            && binding.user == self.user
            && binding.user_principal == self.user_principal
            && binding.group == self.group
            && binding.group_principal == self.group_principal
    }
}

fn create(call: &mut Call<'_>) -> Reply {
    let body = match call.ask.json() {
        Ok(body) => body,
        Err(why) => return invalid_body(&why),
    };
    let names = ["clusterId", "roleTemplateId", "userId", "userPrincipalId", "groupId", "groupPrincipalId"];
    let mut wish = Wish::read(&body, names);
    wish.name = Some(text(body.get("name"))).filter(|n| !n.is_empty());
    wish.annotations = map(&body, "annotations");
    wish.labels = map(&body, "labels");
    wish.labels.insert("cattle.io/creator".to_owned(), json!("norman"));
    for (field, value) in [("clusterId", &wish.cluster), ("roleTemplateId", &wish.role)] {
        if value.is_empty() {
            return norman_field(422, "MissingRequired", field, "");
        }
    }
    if !wish.has_one_target() {
        let why = "must target a user [userId]/[userPrincipalId] OR a group [groupId]/[groupPrincipalId]";
        return error(422, "InvalidBodyContent", why);
    }
    let Some(role) = ROLES.iter().find(|r| r.id == wish.role) else {
        let why =
            format!("Error getting role template: roletemplates.management.cattle.io \"{}\" not found", wish.role);
        return error(500, "ServerError", why);
    };
    if role.context != "cluster" {
        return error(
            422,
            "InvalidBodyContent",
            format!("Cannot reference context [{}] from [cluster] context", role.context),
        );
    }
    // The caller's own identity provider is asked for the principal, and a local user has none.
    if let Some((_, name)) =
        wish.user_principal.as_deref().filter(|p| !p.starts_with("local://")).and_then(|p| p.split_once("://"))
    {
        return error(500, "ServerError", format!("users.management.cattle.io \"{name}\" not found"));
    }
    match admit(call, wish) {
        Ok(binding) => Reply::created(show(call, &binding)),
        Err(Refused::NoNamespace(namespace)) => error(404, "NotFound", format!("namespaces \"{namespace}\" not found")),
        Err(Refused::Forbidden(why)) => norman_forbidden(why),
        Err(Refused::Exists(name)) => error(409, "AlreadyExists", format!("{RESOURCE} \"{name}\" already exists")),
        Err(Refused::Duplicate) => error(409, "Conflict", denied(WEBHOOK, "duplicate crtb not allowed")),
    }
}

enum Refused {
    NoNamespace(String),
    Forbidden(String),
    Exists(String),
    Duplicate,
}

/// What Kubernetes and the webhook have to say, whichever API it came by; then the binding is made.
fn admit(call: &mut Call<'_>, wish: Wish) -> Result<Binding, Refused> {
    if !call.owns(&wish.cluster) {
        let what = "clusterroletemplatebindings";
        let why = cannot_in(&call.caller.id, "create", RESOURCE, what, "management.cattle.io", &wish.cluster);
        return Err(Refused::Forbidden(why));
    }
    if !namespace_there(call, &wish.cluster) {
        return Err(Refused::NoNamespace(wish.cluster));
    }
    if let Some(name) = &wish.name
        && call.world.bindings.iter().any(|b| b.cluster == wish.cluster && b.name == *name)
    {
        return Err(Refused::Exists(name.clone()));
    }
    if call.world.bindings.iter().any(|b| wish.equals(b)) {
        return Err(Refused::Duplicate);
    }
    let taken = |d: &str| call.world.bindings.iter().any(|b| b.name == format!("crtb-{d}"));
    let generate_name = wish.name.is_none();
    let name = wish.name.unwrap_or_else(|| format!("crtb-{}", draw(call.clock, 5, taken)));
    let revision = call.world.touch();
    let binding = Binding {
        cluster: wish.cluster,
        name,
        generate_name,
        role: wish.role,
        user: wish.user,
        user_principal: wish.user_principal,
        group: wish.group,
        group_principal: wish.group_principal,
        annotations: wish.annotations,
        labels: wish.labels,
        creator: Some(call.caller.id.clone()),
        created: call.now,
        revision,
        removed: None,
    };
    call.world.bindings.push(binding.clone());
    Ok(binding)
}

fn show(call: &Call<'_>, binding: &Binding) -> Value {
    let id = format!("{}:{}", binding.cluster, binding.name);
    let seen = Seen::of(call, binding);
    let mut value = object(call, "clusterRoleTemplateBinding", &id, binding.created, binding.creator.as_deref());
    let mut annotations = binding.annotations.clone();
    let mut labels = binding.labels.clone();
    if seen.reconciled {
        annotations.insert("lifecycle.cattle.io/create.mgmt-auth-crtb-controller".to_owned(), json!("true"));
        labels.insert("auth.management.cattle.io/crb-rb-labels-updated".to_owned(), json!("true"));
    }
    value["name"] = json!(binding.name);
    value["annotations"] = json!(annotations);
    value["labels"] = json!(labels);
    value["namespaceId"] = Value::Null;
    value["clusterId"] = json!(binding.cluster);
    value["roleTemplateId"] = json!(binding.role);
    value["userId"] = json!(seen.user);
    value["userPrincipalId"] = json!(seen.user_principal);
    value["groupId"] = json!(binding.group);
    value["groupPrincipalId"] = json!(binding.group_principal);
    if let Some(mut status) = seen.status {
        status["type"] = json!("/v3/schemas/clusterRoleTemplateBindingStatus");
        value["status"] = status;
    }
    if let Some(at) = binding.removed {
        value["removed"] = json!(stamp(at));
        value["removedTS"] = json!(stamp_ms(at));
    }
    value
}

/// What the controllers have made of a binding by now.
struct Seen {
    reconciled: bool,
    user: Option<String>,
    user_principal: Option<String>,
    status: Option<Value>,
}

impl Seen {
    fn of(call: &Call<'_>, binding: &Binding) -> Self {
        let noticed = binding.created + call.pace.controller();
        let reconciled = call.now >= noticed;
        let (mut user, mut user_principal) = (binding.user.clone(), binding.user_principal.clone());
        if !reconciled {
            return Self { reconciled, user, user_principal, status: None };
        }
        let known = match (&user, &user_principal) {
            (Some(id), _) => call.world.user(id),
            (None, Some(principal)) => call.world.user_of(principal),
            (None, None) => None,
        };
        if let Some(known) = known {
            user_principal.get_or_insert_with(|| format!("local://{}", known.id));
            user.get_or_insert_with(|| known.id.clone());
        }
        let subject = known.is_some() || binding.group.is_some() || binding.group_principal.is_some();
        let yes = |kind: &str, at| json!({"type": kind, "status": "True", "reason": kind, "message": "", "lastTransitionTime": stamp(at)});
        let mut local = vec![yes("LabelsReconciled", noticed), yes("BindingExists", noticed)];
        let found = if subject {
            yes("SubjectExists", noticed)
        } else {
            let name = user.as_deref().or(user_principal.as_deref()).unwrap_or_default();
            json!({"type": "SubjectExists", "status": "False", "reason": "FailedToGetUser",
                   "message": format!("users.management.cattle.io \"{name}\" not found"), "lastTransitionTime": stamp(noticed)})
        };
        local.insert(0, found);
        let summary = if subject { "Completed" } else { "Error" };
        let mut status = json!({
            "lastUpdateTime": stamp(noticed), "localConditions": local, "observedGenerationLocal": 2,
            "summaryLocal": summary,
        });
        let connected = call.world.cluster(&binding.cluster).and_then(|c| call.life(c).connected_at);
        let remote = connected
            .map(|at| at.max(noticed) + call.pace.controller().max(REMOTE_AFTER.min(call.pace.provisioning / 16)));
        if let Some(at) = remote.filter(|at| subject && *at <= call.now) {
            let kinds = [
                "CRTBLabelsUpdated",
                "ClusterRolesExists",
                "ClusterRoleBindingsExists",
                "ServiceAccountImpersonatorExists",
            ];
            status["remoteConditions"] = json!(kinds.map(|kind| yes(kind, at)));
            status["observedGenerationRemote"] = json!(2);
            status["summaryRemote"] = json!("Completed");
            status["summary"] = json!("Completed");
            status["lastUpdateTime"] = json!(stamp(at));
        }
        Self { reconciled, user, user_principal, status: Some(status) }
    }
}

/// Answers `/v1/management.cattle.io.clusterroletemplatebindings…`.
pub(super) fn answer_steve(call: &mut Call<'_>, rest: &[&str]) -> Reply {
    let method = call.ask.method.clone();
    match (method.as_str(), rest) {
        ("GET", []) => list_steve(call, None),
        ("GET", [namespace]) => list_steve(call, Some(namespace)),
        ("POST", [] | [_]) => create_steve(call),
        ("GET" | "DELETE", [namespace, name]) => {
            let (namespace, name) = ((*namespace).to_owned(), (*name).to_owned());
            let Some(binding) = find(call, &namespace, &name) else {
                return if call.told_apart() { steve_not_found(RESOURCE, &name) } else { steve_forbidden(&method) };
            };
            let shown = show_steve(call, binding);
            if method == "DELETE" {
                remove(call, &namespace, &name);
                return Reply::empty(204);
            }
            Reply::ok(shown)
        }
        _ => steve_forbidden(&method),
    }
}

fn list_steve(call: &Call<'_>, namespace: Option<&str>) -> Reply {
    let inside = |b: &&Binding| namespace.is_none_or(|n| n == b.cluster) && visible(call, b);
    let rows = call.world.bindings.iter().filter(inside).map(|b| show_steve(call, b)).collect();
    list(call, TYPE, rows)
}

fn create_steve(call: &mut Call<'_>) -> Reply {
    let ask: &Ask = call.ask;
    let body = match ask.json() {
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
    match ROLES.iter().find(|r| r.id == wish.role) {
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
            Reply::created(show_steve(call, &binding))
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
    let user =
        User { id, username: None, name, role: Role::Standard, enabled: true, created, principals: vec![principal] };
    call.world.users.push(user);
}

fn show_steve(call: &Call<'_>, binding: &Binding) -> Value {
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
