//! `/v3`: dispatch, and the types that need little: settings, users, role templates, node drivers, principals and
//! registration tokens.
//!
//! Clusters, bindings, tokens and credentials have files of their own.

use jiff::Timestamp;
use serde_json::{Value, json};

use super::call::Call;
use super::norman::{self, collection, invalid_action, invalid_body, kind, method_not_allowed};
use super::reply::{Reply, cannot, norman as error, norman_field, norman_forbidden, norman_not_found};
use super::world::{Role, User, principal_label, stamp, stamp_ms, uuid};
use super::{bindings, clusters, credentials, tokens};

/// Answers anything under `/v3`.
pub(super) fn answer(call: &mut Call<'_>) -> Reply {
    let path = call.ask.path.clone();
    let path: Vec<&str> = path.iter().skip(1).map(String::as_str).filter(|s| !s.is_empty()).collect();
    let schemas = match path.as_slice() {
        ["cluster" | "clusters", id, ..] => format!("/v3/cluster/{id}/schemas"),
        _ => "/v3/schemas".to_owned(),
    };
    dispatch(call, &path).with_schemas(schemas)
}

fn dispatch(call: &mut Call<'_>, path: &[&str]) -> Reply {
    let method = call.ask.method.clone();
    let (segment, rest) = match path {
        [] => return norman::root(call),
        ["schemas"] => return norman::schemas(call, None),
        ["schemas", id] => return norman::schemas(call, Some(id)),
        [segment, rest @ ..] => (*segment, rest),
    };
    let Some(kind) = kind(segment) else {
        return error(404, "NotFound", format!("failed to find schema {segment}"));
    };
    match (kind.id, rest) {
        ("cluster", _) => clusters::answer(call, kind, rest),
        ("clusterRoleTemplateBinding", _) => bindings::answer(call, kind, rest),
        ("token", _) => tokens::answer(call, kind, rest),
        ("cloudCredential", _) => credentials::answer(call, kind, rest),
        ("setting", _) => settings(call, kind, rest),
        ("user", _) => users(call, kind, rest),
        ("principal", _) => principals(call, kind, rest),
        (_, _) if method != "GET" => method_not_allowed(&method),
        ("roleTemplate", []) => {
            let rows = ROLES.iter().map(|r| role_object(call, r)).collect();
            collection(call, kind, json!({}), rows)
        }
        ("roleTemplate", [id]) => match ROLES.iter().find(|r| r.id == *id) {
            Some(role) => Reply::ok(role_object(call, role)),
            None => norman_not_found("roletemplates.management.cattle.io", id),
        },
        ("nodeDriver", []) => {
            let rows = DRIVERS.iter().map(|d| driver_object(call, d)).collect();
            collection(call, kind, json!({}), rows)
        }
        ("nodeDriver", [id]) => match DRIVERS.iter().find(|d| d.0 == *id) {
            Some(driver) => Reply::ok(driver_object(call, driver)),
            None => norman_not_found("nodedrivers.management.cattle.io", id),
        },
        ("clusterRegistrationToken", []) => {
            let ids: Vec<String> = call.world.clusters.iter().map(|c| c.id.clone()).collect();
            let rows = ids.iter().filter_map(|id| registration(call, id)).collect();
            collection(call, kind, json!({}), rows)
        }
        ("clusterRegistrationToken", [id]) => {
            let (cluster, name) = id.split_once(':').unwrap_or((id, ""));
            match registration(call, cluster).filter(|_| name == "default-token") {
                Some(object) => Reply::ok(object),
                None => norman_not_found("clusterregistrationtokens.management.cattle.io", name),
            }
        }
        _ => error(404, "NotFound", "not found"),
    }
}

/// What every object of norman carries.
pub(super) fn object(call: &Call<'_>, kind: &str, id: &str, created: Timestamp, creator: Option<&str>) -> Value {
    let known = norman::kind(kind);
    let path = format!("/v3/{}/{id}", known.map_or(kind, |k| k.plural));
    let methods = known.map_or(&[][..], |k| k.resource);
    let mut links = json!({"self": call.link(&path)});
    if methods.contains(&"PUT") {
        links["update"] = json!(call.link(&path));
    }
    if methods.contains(&"DELETE") {
        links["remove"] = json!(call.link(&path));
    }
    json!({
        "baseType": kind, "type": kind, "id": id, "links": links,
        "created": stamp(created), "createdTS": stamp_ms(created), "creatorId": creator,
        "uuid": uuid(kind, id, created),
    })
}

/// The versions that the simulator claims to be.
pub(super) const SERVER_VERSION: &str = "v2.14.4";

/// Name, default, and whether the environment sets it.
const SETTINGS: [(&str, &str, bool); 14] = [
    ("agent-image", "rancher/rancher-agent:v2.14.4", true),
    ("auth-token-max-ttl-minutes", "129600", false),
    ("auth-user-session-ttl-minutes", "960", false),
    ("cacerts", "", true),
    ("k3s-default-version", "v1.34.2+k3s1", false),
    ("k8s-version", "", false),
    ("kubeconfig-default-token-ttl-minutes", "43200", false),
    ("kubeconfig-generate-token", "true", false),
    ("rke2-default-version", "v1.34.2+rke2r1", false),
    ("server-url", "", true),
    ("server-version", SERVER_VERSION, true),
    ("system-default-registry", "", false),
    ("ui-brand", "kaas-simulated-rancher", false),
    ("ui-pl", "simulated Rancher", false),
];

/// A setting's value.
pub(super) fn setting(call: &Call<'_>, name: &str) -> String {
    let default = SETTINGS.iter().find(|s| s.0 == name).map_or("", |s| s.1);
    if name == "server-url" {
        return call.ask.base.clone();
    }
    call.world.settings.get(name).cloned().unwrap_or_else(|| default.to_owned())
}

fn settings(call: &mut Call<'_>, kind: &norman::Kind, rest: &[&str]) -> Reply {
    let show = |call: &Call<'_>, (name, default, fixed): &(&str, &str, bool)| {
        let mut value = object(call, "setting", name, call.world.started, None);
        let customized = call.world.settings.contains_key(*name);
        value["name"] = json!(name);
        value["default"] = json!(default);
        value["value"] = json!(setting(call, name));
        value["customized"] = json!(customized);
        value["source"] = json!(if *fixed {
            "env"
        } else if customized {
            "db"
        } else {
            "default"
        });
        value
    };
    let method = call.ask.method.clone();
    match (method.as_str(), rest) {
        ("GET", []) => {
            let rows = SETTINGS.iter().map(|s| show(call, s)).collect();
            collection(call, kind, json!({}), rows)
        }
        ("POST", []) if call.ask.body.is_empty() => invalid_body("EOF"),
        ("GET" | "PUT", [name]) => {
            let Some(known) = SETTINGS.iter().find(|s| s.0 == *name) else {
                return norman_not_found("settings.management.cattle.io", name);
            };
            if method == "PUT" {
                if call.caller.role != Role::Admin {
                    let object = format!("settings.management.cattle.io \"{name}\"");
                    return norman_forbidden(cannot(
                        &call.caller.id,
                        "update",
                        &object,
                        "settings",
                        "management.cattle.io",
                    ));
                }
                if known.2 {
                    let why = format!("{name} is readOnly because its value is from environment variable");
                    return error(405, "MethodNotAllow", why);
                }
                let value = match call.ask.json() {
                    Ok(body) => norman::text(body.get("value")),
                    Err(why) => return invalid_body(&why),
                };
                call.world.settings.insert((*name).to_owned(), value);
                call.world.touch();
            }
            Reply::ok(show(call, known))
        }
        _ => method_not_allowed(&method),
    }
}

/// One user as norman shows it.
pub(super) fn user_object(call: &Call<'_>, user: &User) -> Value {
    let mut value = object(call, "user", &user.id, user.created, None);
    let by = |kind: &str| json!(call.link(&format!("/v3/{kind}?userId={}", user.id)));
    value["links"]["clusterRoleTemplateBindings"] = by("clusterRoleTemplateBindings");
    value["links"]["tokens"] = by("tokens");
    value["username"] = json!(user.username);
    value["name"] = json!(user.name);
    value["description"] = json!("");
    value["enabled"] = json!(user.enabled);
    value["state"] = json!(if user.enabled { "active" } else { "inactive" });
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

fn users(call: &mut Call<'_>, kind: &norman::Kind, rest: &[&str]) -> Reply {
    let method = call.ask.method.clone();
    let visible = |call: &Call<'_>, id: &str| call.told_apart() || call.caller.id == id;
    match (method.as_str(), rest) {
        ("GET", []) => {
            let seen = call.world.users.iter().filter(|u| visible(call, &u.id));
            let rows = seen.map(|u| user_object(call, u)).collect();
            let actions = json!({"changepassword": call.link("/v3/users?action=changepassword")});
            collection(call, kind, actions, rows)
        }
        ("POST", []) => create_user(call),
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
    if username.is_empty() {
        return error(500, "ServerError", "invalid username");
    }
    if call.world.users.iter().any(|u| u.username.as_deref() == Some(&username)) {
        return norman_field(422, "NotUnique", "username", "Username is already in use.");
    }
    if norman::text(body.get("password")).len() < PASSWORD_MIN_LETTERS {
        return error(422, "InvalidBodyContent", "Password must be at least 12 characters");
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
    };
    let shown = user_object(call, &user);
    call.world.users.push(user);
    call.world.touch();
    Reply::created(shown)
}

/// Principals: local users only, because the simulator has no identity provider.
fn principals(call: &Call<'_>, kind: &norman::Kind, rest: &[&str]) -> Reply {
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

/// A role that can be bound.
pub(super) struct RoleTemplate {
    pub id: &'static str,
    pub name: &'static str,
    /// `cluster` or `project`.
    pub context: &'static str,
    administrative: bool,
    hidden: bool,
}

const fn role(id: &'static str, name: &'static str, context: &'static str) -> RoleTemplate {
    RoleTemplate { id, name, context, administrative: false, hidden: false }
}

/// The roles that Rancher brings along.
pub(super) const ROLES: [RoleTemplate; 20] = [
    role("backups-manage", "Manage Cluster Backups", "cluster"),
    RoleTemplate { administrative: true, hidden: true, ..role("cluster-admin", "Kubernetes cluster-admin", "cluster") },
    role("cluster-member", "Cluster Member", "cluster"),
    RoleTemplate { administrative: true, ..role("cluster-owner", "Cluster Owner", "cluster") },
    RoleTemplate { administrative: true, ..role("clustercatalogs-manage", "Manage Cluster Catalogs", "cluster") },
    role("clustercatalogs-view", "View Cluster Catalogs", "cluster"),
    role("clusterroletemplatebindings-manage", "Manage Cluster Members", "cluster"),
    role("clusterroletemplatebindings-view", "View Cluster Members", "cluster"),
    role("navlinks-manage", "Manage Navlinks", "cluster"),
    role("nodes-manage", "Manage Nodes", "cluster"),
    role("nodes-view", "View Nodes", "cluster"),
    role("projects-create", "Create Projects", "cluster"),
    role("projects-view", "View All Projects", "cluster"),
    role("storage-manage", "Manage Storage", "cluster"),
    role("admin", "Kubernetes admin", "project"),
    role("edit", "Kubernetes edit", "project"),
    role("project-member", "Project Member", "project"),
    role("project-owner", "Project Owner", "project"),
    role("read-only", "Read-only", "project"),
    role("view", "Kubernetes view", "project"),
];

fn role_object(call: &Call<'_>, role: &RoleTemplate) -> Value {
    let mut value = object(call, "roleTemplate", role.id, call.world.started, None);
    value["name"] = json!(role.name);
    value["context"] = json!(role.context);
    value["description"] = json!("");
    value["administrative"] = json!(role.administrative);
    value["hidden"] = json!(role.hidden);
    value["external"] = json!(role.hidden);
    for flag in ["locked", "clusterCreatorDefault", "projectCreatorDefault"] {
        value[flag] = json!(false);
    }
    value["builtin"] = json!(true);
    value["labels"] = json!({"authz.management.cattle.io/bootstrapping": "default-roletemplate"});
    value["annotations"] = json!({});
    value
}

/// Id and whether it is active.
const DRIVERS: [(&str, bool); 4] =
    [("amazonec2", true), ("azure", true), ("vmwarevsphere", true), ("digitalocean", false)];

fn driver_object(call: &Call<'_>, (id, active): &(&str, bool)) -> Value {
    let mut value = object(call, "nodeDriver", id, call.world.started, None);
    value["name"] = json!(id);
    value["active"] = json!(active);
    value["state"] = json!(if *active { "active" } else { "inactive" });
    value["builtin"] = json!(true);
    value["transitioning"] = json!("no");
    value
}

/// The token by which a node of a cluster registers: there from the moment that the cluster's namespace is.
fn registration(call: &Call<'_>, cluster: &str) -> Option<Value> {
    let cluster = call.world.cluster(cluster).filter(|c| call.sees(&c.id))?;
    let since = call.life(cluster).namespace_at?;
    let id = format!("{}:default-token", cluster.id);
    let token = uuid("registration", &cluster.id, since).replace('-', "");
    let server = &call.ask.base;
    let manifest = format!("{server}/v3/import/{token}_{}.yaml", cluster.id);
    let install = format!("{server}/system-agent-install.sh | sudo  sh -s - --server {server}");
    let mut value = object(call, "clusterRegistrationToken", &id, since, None);
    value["name"] = json!("default-token");
    value["clusterId"] = json!(cluster.id);
    value["namespaceId"] = Value::Null;
    value["state"] = json!("active");
    value["transitioning"] = json!("no");
    value["transitioningMessage"] = json!("");
    value["token"] = json!(token);
    value["manifestUrl"] = json!(manifest);
    value["command"] = json!(format!("kubectl apply -f {manifest}"));
    value["insecureCommand"] = json!(format!("curl --insecure -sfL {manifest} | kubectl apply -f -"));
    value["nodeCommand"] = json!(format!(" curl -fL {install} --label 'cattle.io/os=linux' --token {token}"));
    value["insecureNodeCommand"] =
        json!(format!(" curl --insecure -fL {install} --label 'cattle.io/os=linux' --token {token}"));
    value["windowsNodeCommand"] = json!("");
    value["insecureWindowsNodeCommand"] = json!("");
    Some(value)
}
