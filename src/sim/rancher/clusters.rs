//! `/v3/clusters`: read a cluster, make a kubeconfig, delete one. Creating is Steve's business.

use serde_json::{Value, json};

use super::call::{Call, base64};
use super::conditions::{self, state};
use super::nodes::machines;
use super::norman::{Kind, collection, invalid_action, method_not_allowed};
use super::reply::{Reply, cannot, denied, norman as error, norman_forbidden, norman_not_found};
use super::tokens::mint;
use super::v3::{object, setting};
use super::world::{Cluster, WORKSPACE, stamp, stamp_ms};

const RESOURCE: &str = "clusters.management.cattle.io";

/// Kubernetes' version of the cluster that Rancher itself would run on.
pub(super) const LOCAL_VERSION: &str = "v1.34.2+rke2r1";

/// Answers `/v3/clusters…`.
pub(super) fn answer(call: &mut Call<'_>, kind: &Kind, rest: &[&str]) -> Reply {
    let method = call.ask.method.clone();
    match (method.as_str(), rest) {
        ("GET", []) => {
            let mut rows: Vec<Value> = call.world.clusters.iter().filter_map(|c| shown(call, c)).collect();
            rows.extend(local(call));
            collection(call, kind, json!({}), rows)
        }
        ("GET", [id]) => match lookup(call, id) {
            Ok(value) => Reply::ok(value),
            Err(reply) => reply,
        },
        ("POST", [id]) => action(call, id),
        ("GET", [id, _]) => match lookup(call, id) {
            Ok(_) if *id == "local" => error(404, "NotFound", "the simulated local cluster has nothing inside"),
            Ok(_) => match call.world.cluster(id).map(|c| call.life(c).reachable()) {
                Some(true) => error(404, "NotFound", "a simulated cluster has nothing inside"),
                _ => error(503, "ClusterUnavailable", "ClusterUnavailable 503: cluster not found"),
            },
            Err(reply) => reply,
        },
        ("DELETE", ["local"]) => {
            error(400, "BadRequest", denied("clusters.management.cattle.io", "local cluster may not be deleted"))
        }
        ("DELETE", [id]) => match lookup(call, id) {
            Ok(_) if !call.owns(id) => norman_forbidden(cannot(
                &call.caller.id,
                "delete",
                &format!("{RESOURCE} \"{id}\""),
                "clusters",
                "management.cattle.io",
            )),
            Ok(_) => {
                super::provisioning::remove(call, id);
                match lookup(call, id) {
                    Ok(value) => Reply::ok(value),
                    Err(reply) => reply,
                }
            }
            Err(reply) => reply,
        },
        _ => method_not_allowed(&method),
    }
}

/// A cluster as the caller may see it, or why not.
fn lookup(call: &Call<'_>, id: &str) -> Result<Value, Reply> {
    let found = match id {
        "local" => local(call),
        _ => call.world.cluster(id).and_then(|c| shown(call, c)),
    };
    found.ok_or_else(|| missing(call, "get", id))
}

/// 404 for who is told apart what is gone and what is forbidden, 403 for all others.
fn missing(call: &Call<'_>, verb: &str, id: &str) -> Reply {
    if call.told_apart() {
        norman_not_found(RESOURCE, id)
    } else {
        norman_forbidden(cannot(
            &call.caller.id,
            verb,
            &format!("{RESOURCE} \"{id}\""),
            "clusters",
            "management.cattle.io",
        ))
    }
}

/// A cluster, once the management API has it and if the caller may see it.
fn shown(call: &Call<'_>, cluster: &Cluster) -> Option<Value> {
    if !call.sees(&cluster.id) {
        return None;
    }
    let life = call.life(cluster);
    let since = life.appeared_at?;
    let (state, transitioning, message) = state(&life.stage);
    let machines = machines(call.world, cluster, &call.pace, call.now);
    let nodes = machines.iter().filter(|m| m.joined).count();
    let mut annotations = cluster.annotations.clone();
    annotations.insert("provisioning.cattle.io/administrated".to_owned(), json!("true"));
    annotations.insert("objectset.rio.cattle.io/owner-name".to_owned(), json!(cluster.name));
    annotations.insert("objectset.rio.cattle.io/owner-namespace".to_owned(), json!(WORKSPACE));
    let mut value = object(call, "cluster", &cluster.id, since, Some(&cluster.creator));
    decorate(call, &mut value, &cluster.id);
    value["name"] = json!(cluster.name);
    value["description"] = cluster.annotations.get("field.cattle.io/description").cloned().unwrap_or_else(|| json!(""));
    value["annotations"] = json!(annotations);
    value["labels"] = json!(cluster.labels);
    value["state"] = json!(state);
    value["transitioning"] = json!(transitioning);
    value["transitioningMessage"] = json!(message);
    value["conditions"] = json!(conditions::management(call, cluster, &life));
    value["nodeCount"] = json!(nodes);
    value["linuxWorkerCount"] = json!(machines.iter().filter(|m| m.joined && m.machine.worker).count());
    value["internal"] = json!(false);
    value["driver"] = json!("");
    if let Some(version) = life.connected_at.and_then(|_| version(cluster, &life)) {
        value["provider"] = json!(if version.contains("k3s") { "k3s" } else { "rke2" });
        value["driver"] = json!("imported");
        value["version"] = json!({"gitVersion": version, "platform": "linux/amd64", "type": "/v3/schemas/info"});
        value["apiEndpoint"] = json!(call.link(&format!("/k8s/clusters/{}", cluster.id)));
        value["caCert"] = json!(certificate());
    }
    if let Some(at) = cluster.removed {
        value["removed"] = json!(stamp(at));
        value["removedTS"] = json!(stamp_ms(at));
    }
    Some(value)
}

/// What both kinds of cluster have: actions, links and empty counts.
fn decorate(call: &Call<'_>, value: &mut Value, id: &str) {
    let path = format!("/v3/clusters/{id}");
    for action in ["generateKubeconfig", "importYaml"] {
        value["actions"][action] = json!(call.link(&format!("{path}?action={action}")));
    }
    value["links"]["self"] = json!(call.link(&path));
    value["links"]["remove"] = json!(call.link(&path));
    for link in ["namespaces", "nodes", "projects", "clusterRegistrationTokens", "clusterRoleTemplateBindings"] {
        value["links"][link] = json!(call.link(&format!("{path}/{}", link.to_lowercase())));
    }
    value["fleetWorkspaceName"] = json!(WORKSPACE);
    value["provider"] = json!("");
    value["enableNetworkPolicy"] = json!(false);
    value["localClusterAuthEndpoint"] = json!({"enabled": false, "type": "/v3/schemas/localClusterAuthEndpoint"});
    value["windowsWorkerCount"] = json!(0);
    for counts in ["allocatable", "capacity", "limits", "requested"] {
        value[counts] = json!({"cpu": "0", "memory": "0", "pods": "0"});
    }
}

/// The version that the cluster runs: the old one until a change of it is through.
pub(super) fn version(cluster: &Cluster, life: &super::life::Life) -> Option<String> {
    if matches!(life.stage, super::life::Stage::Updating(_)) && cluster.version_before.is_some() {
        return cluster.version_before.clone();
    }
    cluster.spec.get("kubernetesVersion").and_then(Value::as_str).map(str::to_owned)
}

/// The cluster that Rancher itself runs on.
fn local(call: &Call<'_>) -> Option<Value> {
    if !call.told_apart() {
        return None;
    }
    let since = call.world.started;
    let mut value = object(call, "cluster", "local", since, None);
    decorate(call, &mut value, "local");
    for (key, set) in [
        ("name", json!("local")),
        ("description", json!("the simulated Rancher's own cluster")),
        ("annotations", json!({})),
        ("labels", json!({})),
        ("state", json!("active")),
        ("transitioning", json!("no")),
        ("transitioningMessage", json!("")),
        ("nodeCount", json!(1)),
        ("internal", json!(true)),
        ("driver", json!("imported")),
        ("provider", json!("rke2")),
        ("fleetWorkspaceName", json!("fleet-local")),
        ("version", json!({"gitVersion": LOCAL_VERSION, "type": "/v3/schemas/info"})),
    ] {
        value[key] = set;
    }
    let conditions =
        ["Connected", "Ready"].map(|c| json!({"type": c, "status": "True", "lastUpdateTime": stamp(since)}));
    value["conditions"] = json!(conditions);
    Some(value)
}

fn action(call: &mut Call<'_>, id: &str) -> Reply {
    let name = call.ask.query("action").unwrap_or_default().to_owned();
    if name != "generateKubeconfig" {
        return invalid_action(&name);
    }
    let cluster = match lookup(call, id) {
        Ok(value) => value["name"].as_str().unwrap_or(id).to_owned(),
        Err(reply) => return reply,
    };
    let server = call.link(&format!("/k8s/clusters/{id}"));
    let certificate = certificate();
    let user = if setting(call, "kubeconfig-generate-token") == "false" {
        format!(
            "    exec:\n      apiVersion: client.authentication.k8s.io/v1beta1\n      args:\n        - token\n        - \
             --server={}\n        - --user={}\n      command: rancher\n",
            call.ask.base, call.caller.id
        )
    } else {
        let minutes = setting(call, "kubeconfig-default-token-ttl-minutes").parse::<i64>().unwrap_or(0);
        let minutes = minutes.clamp(0, super::tokens::LONGEST_MINUTES);
        let prefix = format!("kubeconfig-{}", call.caller.id);
        let user = call.caller.id.clone();
        let token = mint(call.world, call.clock, &user, &prefix, minutes * 60_000, call.now);
        format!("    token: \"{token}\"\n")
    };
    let config = format!(
        "# made by kaas' simulated Rancher\napiVersion: v1\nkind: Config\nclusters:\n- name: \"{cluster}\"\n  cluster:\n    \
         server: \"{server}\"\n    certificate-authority-data: \"{certificate}\"\n\nusers:\n- name: \"{cluster}\"\n  \
         user:\n{user}\n\ncontexts:\n- name: \"{cluster}\"\n  context:\n    user: \"{cluster}\"\n    cluster: \
         \"{cluster}\"\n\ncurrent-context: \"{cluster}\"\n"
    );
    Reply::ok(json!({"baseType": "generateKubeConfigOutput", "type": "generateKubeConfigOutput", "config": config}))
}

/// What stands where a certificate would: the simulator speaks plain HTTP and has none.
fn certificate() -> String {
    base64(b"-----BEGIN CERTIFICATE-----\nsimulated Rancher: no certificate\n-----END CERTIFICATE-----\n")
}
