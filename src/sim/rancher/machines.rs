//! Machines: what Cluster API says of them, and the infrastructure behind, where EC2's refusals stand for a moment.

use serde_json::{Value, json};

use super::call::Call;
use super::nodes::{MachineLife, infra_kind, machines};
use super::reply::{Reply, steve, steve_forbidden, steve_not_found};
use super::steve::{links, list, stale};
use super::world::{Cluster, WORKSPACE, stamp, uuid};

const TYPE: &str = "cluster.x-k8s.io.machine";
const INFRASTRUCTURE: &str = "rke-machine.cattle.io.amazonec2machine";
const RESOURCE: &str = "amazonec2machines.rke-machine.cattle.io";
/// What lets a machine go without asking the cloud.
const FORCE: &str = "provisioning.cattle.io/force-machine-remove";

/// Answers `/v1/cluster.x-k8s.io.machines…`.
pub(super) fn answer(call: &Call<'_>, rest: &[&str]) -> Reply {
    if call.ask.method != "GET" {
        return steve_forbidden(&call.ask.method);
    }
    read(call, rest, TYPE, "machines.cluster.x-k8s.io", show)
}

/// Answers `/v1/rke-machine.cattle.io.amazonec2machines…`.
pub(super) fn answer_infrastructure(call: &mut Call<'_>, rest: &[&str]) -> Reply {
    if let ("PUT", [namespace, name]) = (call.ask.method.clone().as_str(), rest) {
        return change(call, namespace, name);
    }
    read(call, rest, INFRASTRUCTURE, RESOURCE, show_infrastructure)
}

/// Lets a machine go, where that is what a change of its annotations asks for; nothing else of it can be changed.
fn change(call: &mut Call<'_>, namespace: &str, name: &str) -> Reply {
    if !call.may("update", "rke-machine.cattle.io", "amazonec2machines") {
        return steve_forbidden("PUT");
    }
    let there = read(call, &[namespace, name], INFRASTRUCTURE, RESOURCE, show_infrastructure);
    if there.status != 200 {
        return there;
    }
    let body = match call.ask.json() {
        Ok(body) => body,
        Err(why) => return steve(422, "InvalidBodyContent", why),
    };
    // The object that was sent has to be the one that is there now.
    if let Some(refused) = stale(&body, call.world.revision, RESOURCE, name) {
        return refused;
    }
    if body["metadata"]["annotations"][FORCE] == "true" {
        let machines = call.world.clusters.iter_mut().flat_map(|cluster| &mut cluster.machines);
        machines.filter(|machine| machine.name == name).for_each(|machine| machine.forced = true);
    }
    call.world.touch();
    read(call, &[namespace, name], INFRASTRUCTURE, RESOURCE, show_infrastructure)
}

type Show = fn(&Call<'_>, &Cluster, &MachineLife<'_>) -> Option<Value>;

fn read(call: &Call<'_>, rest: &[&str], kind: &str, resource: &str, show: Show) -> Reply {
    let mut rows = Vec::new();
    for cluster in &call.world.clusters {
        let machines = machines(call.world, cluster, &call.pace, call.now);
        rows.extend(machines.iter().filter_map(|m| show(call, cluster, m)));
    }
    match (call.ask.method.as_str(), rest) {
        ("GET", []) => list(call, kind, rows),
        ("GET", [namespace]) => list(call, kind, if *namespace == WORKSPACE { rows } else { Vec::new() }),
        ("GET" | "PUT", [namespace, name]) => {
            let id = format!("{namespace}/{name}");
            match rows.into_iter().find(|row| row["id"] == *id) {
                Some(row) => Reply::ok(row),
                None => steve_not_found(resource, name),
            }
        }
        (method, _) => steve_forbidden(method),
    }
}

fn labels(cluster: &Cluster, life: &MachineLife<'_>) -> Value {
    let machine = life.machine;
    let deployment = format!("{}-{}", cluster.name, machine.pool);
    let set = machine.name.rsplit_once('-').map_or(machine.name.as_str(), |(set, _)| set);
    let mut labels = json!({
        "cattle.io/os": "linux",
        "cluster.x-k8s.io/cluster-name": cluster.name,
        "cluster.x-k8s.io/deployment-name": deployment,
        "cluster.x-k8s.io/set-name": set,
        "rke.cattle.io/cluster-name": cluster.name,
        "rke.cattle.io/rke-machine-pool-name": machine.pool,
    });
    let roles = [
        (machine.control_plane, "cluster.x-k8s.io/control-plane"),
        (machine.control_plane, "rke.cattle.io/control-plane-role"),
        (machine.etcd, "rke.cattle.io/etcd-role"),
        (machine.worker, "rke.cattle.io/worker-role"),
    ];
    for (has, label) in roles {
        if has {
            labels[label] = json!("true");
        }
    }
    labels
}

fn metadata(call: &Call<'_>, cluster: &Cluster, life: &MachineLife<'_>, kind: &str, state: Value) -> Value {
    let mut metadata = json!({
        "name": life.name, "namespace": WORKSPACE, "labels": labels(cluster, life), "generation": 2,
        "creationTimestamp": stamp(life.machine.created), "resourceVersion": call.world.revision.to_string(),
        "uid": uuid(kind, life.name, life.machine.created), "state": state,
    });
    if let Some(at) = life.machine.removed.or(cluster.removed) {
        metadata["deletionTimestamp"] = json!(stamp(at));
    }
    if life.machine.forced {
        metadata["annotations"] = json!({FORCE: "true"});
    }
    metadata
}

fn show(call: &Call<'_>, cluster: &Cluster, life: &MachineLife<'_>) -> Option<Value> {
    let at = stamp(life.machine.created);
    let name = if life.phase == "Deleting" {
        "removing"
    } else if life.joined {
        "running"
    } else {
        "waitingfornoderef"
    };
    let state = json!({"error": false, "message": life.message, "name": name, "transitioning": !life.joined});
    let condition = |kind: &str, yes: bool, reason: &str, message: &str| {
        json!({"type": kind, "status": if yes { "True" } else { "False" }, "reason": reason, "message": message,
               "error": false, "transitioning": !yes, "lastTransitionTime": at, "lastUpdateTime": at, "observedGeneration": 2})
    };
    let made = life.joined || life.phase == "Provisioned";
    let refused = if life.failure.is_some() { "CreateError" } else { "NoReasonReported" };
    let node_message = if life.joined { "" } else { "Waiting for Cluster control plane to be initialized" };
    let mut value = json!({
        "id": format!("{WORKSPACE}/{}", life.name), "type": TYPE, "links": links(call, TYPE, WORKSPACE, life.name),
        "apiVersion": "cluster.x-k8s.io/v1beta2", "kind": "Machine",
        "metadata": metadata(call, cluster, life, TYPE, state),
        "spec": {
            "clusterName": cluster.name,
            "bootstrap": {"configRef": {"apiGroup": "rke.cattle.io", "kind": "RKEBootstrap", "name": life.name}},
            "infrastructureRef": {"apiGroup": "rke-machine.cattle.io", "kind": infra_kind(life.machine), "name": life.name},
        },
        "status": {
            "phase": life.phase, "observedGeneration": 2,
            "initialization": {"bootstrapDataSecretCreated": life.phase != "Pending"},
            "conditions": [
                condition("Available", life.joined, if life.joined { "Available" } else { "NotReady" }, ""),
                condition("Ready", life.joined, if life.joined { "Ready" } else { "NotReady" }, &life.message),
                condition("InfrastructureReady", made, if made { "Ready" } else { refused }, if made { "" } else { &life.message }),
                condition("NodeReady", life.joined, if life.joined { "NodeReady" } else { "InspectionFailed" }, node_message),
            ],
        },
    });
    if life.joined {
        value["status"]["nodeRef"] = json!({"name": life.name});
        value["status"]["nodeInfo"] = json!({"kubeletVersion": cluster.spec["kubernetesVersion"]});
    }
    Some(value)
}

fn show_infrastructure(call: &Call<'_>, cluster: &Cluster, life: &MachineLife<'_>) -> Option<Value> {
    if infra_kind(life.machine) != "Amazonec2Machine" || life.phase == "Pending" {
        return None;
    }
    let made = life.joined || life.phase == "Provisioned";
    let state = json!({"error": false, "message": life.message, "name": if made { "active" } else { "unavailable" },
                       "transitioning": !made});
    let mut job = json!({"type": "CreateJob", "status": if made { "True" } else { "Unknown" }, "error": false,
                         "transitioning": !made, "lastUpdateTime": "", "message": life.message});
    let mut status = json!({
        "cloudCredentialSecretName": life.machine.credential, "initialization": {"provisioned": made},
        "jobName": format!("{}-machine-provision", life.name),
    });
    if let Some(why) = life.failure {
        status["failureReason"] = json!("CreateError");
        status["failureMessage"] = json!(why);
        job["reason"] = json!("CreateError");
        job["status"] = json!("False");
    }
    status["conditions"] = json!([job]);
    let config = call.world.machine_configs.iter().find(|c| c.name == life.machine.config);
    let mut spec = config.map(|c| c.object.clone()).unwrap_or_default();
    for key in ["metadata", "kind", "apiVersion", "secretKey"] {
        spec.remove(key);
    }
    // Rancher marks what it makes as the cluster's own.
    let owned = format!("kubernetes.io/cluster/{},owned", cluster.id);
    let tags = spec.get("tags").and_then(Value::as_str).unwrap_or_default();
    let tags = if tags.is_empty() { owned } else { format!("{tags},{owned}") };
    spec.insert("tags".to_owned(), json!(tags));
    Some(json!({
        "id": format!("{WORKSPACE}/{}", life.name), "type": INFRASTRUCTURE,
        "links": links(call, INFRASTRUCTURE, WORKSPACE, life.name),
        "apiVersion": "rke-machine.cattle.io/v1", "kind": "Amazonec2Machine",
        "metadata": metadata(call, cluster, life, INFRASTRUCTURE, state), "spec": spec, "status": status,
    }))
}
