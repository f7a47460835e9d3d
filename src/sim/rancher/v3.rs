//! `/v3`: dispatch, and the types that need little: settings, role templates, node drivers and registration
//! tokens.
//!
//! Clusters, bindings, users, tokens and credentials have files of their own.

use jiff::Timestamp;
use serde_json::{Value, json};

use super::call::Call;
use super::norman::{self, collection, invalid_body, kind, method_not_allowed};
use super::reply::{Reply, cannot, norman as error, norman_forbidden, norman_not_found};
use super::world::{Role, stamp, stamp_ms, uuid};
use super::{bindings, clusters, credentials, roles, tokens, users};

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
        ("user", _) => users::users(call, kind, rest),
        ("principal", _) => users::principals(call, kind, rest),
        ("globalRole", _) => roles::global_roles(call, kind, rest),
        ("globalRoleBinding", _) => roles::global_bindings(call, kind, rest),
        ("roleTemplate", _) => roles::role_templates(call, kind, rest),
        (_, _) if method != "GET" => method_not_allowed(&method),
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
        if let Some(links) = value["links"].as_object_mut().filter(|_| *fixed) {
            links.remove("update");
        }
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

pub(super) fn role_object(call: &Call<'_>, role: &RoleTemplate) -> Value {
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
