//! Bindings of roles to people: the rules, and the way through norman.

use serde_json::{Map, Value, json};

use super::call::Call;
use super::credentials::map;
use super::norman::{Kind, collection, invalid_body, method_not_allowed, text};
use super::reply::{Reply, cannot_in, denied, norman as error, norman_field, norman_forbidden, norman_not_found};
use super::v3::object;
use super::world::{Binding, draw, stamp, stamp_ms};

pub(super) const RESOURCE: &str = "clusterroletemplatebindings.management.cattle.io";
pub(super) const WEBHOOK: &str = "clusterroletemplatebindings.management.cattle.io";
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

pub(super) fn visible(call: &Call<'_>, binding: &Binding) -> bool {
    call.owns(&binding.cluster) && namespace_there(call, &binding.cluster)
}

pub(super) fn find<'a>(call: &'a Call<'_>, cluster: &str, name: &str) -> Option<&'a Binding> {
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

pub(super) fn remove(call: &mut Call<'_>, cluster: &str, name: &str) {
    let now = call.now;
    if let Some(binding) = call.world.bindings.iter_mut().find(|b| b.cluster == cluster && b.name == name) {
        binding.removed.get_or_insert(now);
    }
    call.world.touch();
}

pub(super) fn namespace_there(call: &Call<'_>, cluster: &str) -> bool {
    call.world.cluster(cluster).is_some_and(|c| call.life(c).namespace_at.is_some())
}

/// What is asked to be bound to what.
#[derive(Clone)]
pub(super) struct Wish {
    pub cluster: String,
    pub name: Option<String>,
    pub role: String,
    pub user: Option<String>,
    pub user_principal: Option<String>,
    pub group: Option<String>,
    pub group_principal: Option<String>,
    pub annotations: Map<String, Value>,
    pub labels: Map<String, Value>,
}

impl Wish {
    pub fn read(body: &Value, names: [&str; 6]) -> Self {
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
    pub fn has_one_target(&self) -> bool {
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
    let Some(role) = call.world.bindable(&wish.role) else {
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
    if role.locked {
        return error(422, "InvalidState", "Role is locked and cannot be assigned");
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

/// Why Kubernetes or the webhook refuse a binding.
pub(super) enum Refused {
    NoNamespace(String),
    Forbidden(String),
    Exists(String),
    Duplicate,
}

/// What Kubernetes and the webhook have to say, whichever API it came by; then the binding is made.
pub(super) fn admit(call: &mut Call<'_>, wish: Wish) -> Result<Binding, Refused> {
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
pub(super) struct Seen {
    pub reconciled: bool,
    pub user: Option<String>,
    pub user_principal: Option<String>,
    pub status: Option<Value>,
}

impl Seen {
    pub fn of(call: &Call<'_>, binding: &Binding) -> Self {
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
