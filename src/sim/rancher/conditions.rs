//! The conditions of a cluster, as the management API and as Steve show them.

use jiff::Timestamp;
use serde_json::{Value, json};

use super::call::Call;
use super::life::{Life, Stage};
use super::world::{Cluster, stamp};
use std::time::Duration;

/// One condition.
struct Condition {
    kind: &'static str,
    status: &'static str,
    reason: &'static str,
    message: String,
    at: Timestamp,
}

/// How much older than now a failure is said to be: the provider gives up on a condition that is False for 120 s, and a
/// simulation need not take that long.
const FAILED_SINCE: Duration = Duration::from_secs(125);

/// What Rancher says of a cluster whose agent is not there.
pub(super) const NOT_CONNECTED: &str = "Cluster agent is not connected";
/// What it says between the agent's call and the first answer of the API server.
pub(super) const AWAITING_API: &str = "Waiting for API to be available";

/// The state's name, whether it is in transition or wrong, and the message, as `/v3` says them.
pub(super) fn state(stage: &Stage) -> (&'static str, &'static str, String) {
    match stage {
        Stage::Fresh | Stage::Active => ("active", "no", String::new()),
        Stage::Provisioning(message) | Stage::Updating(message) => ("updating", "yes", message.clone()),
        Stage::AwaitingApi => ("waiting", "yes", AWAITING_API.to_owned()),
        Stage::Disconnected(_) => ("unavailable", "yes", NOT_CONNECTED.to_owned()),
        Stage::Broken(why) => ("error", "error", why.clone()),
        Stage::Removing(message) => ("removing", "yes", message.clone()),
    }
}

/// Steve's `metadata.state`, which calls a removal `reconciling`.
pub(super) fn steve_state(stage: &Stage) -> Value {
    let (name, transitioning, message) = match stage {
        Stage::Fresh => ("active", "no", "Resource is current".to_owned()),
        Stage::Active => ("active", "no", "Resource is Ready".to_owned()),
        Stage::Removing(_) => ("reconciling", "yes", String::new()),
        other => state(other),
    };
    json!({"name": name, "error": transitioning == "error", "transitioning": transitioning == "yes", "message": message})
}

/// The conditions for `/v3`.
pub(super) fn management(call: &Call<'_>, cluster: &Cluster, life: &Life) -> Vec<Value> {
    let mut shown = Vec::new();
    for condition in all(call, cluster, life) {
        // On this side of Rancher the provisioning counts as done once the cluster was created.
        let provisioned = condition.kind == "Provisioned" && life.created_at.is_some();
        let unready = condition.kind == "Ready" && condition.status != "True";
        if ["RKECluster", "Reconciling", "Stalled", "Created"].contains(&condition.kind) {
            continue;
        }
        let (status, reason, message) = if provisioned {
            ("True", "", "")
        } else if unready {
            ("False", "Disconnected", NOT_CONNECTED)
        } else if condition.kind == "Updated" && cluster.removed.is_some() && life.updated_at.is_none() {
            ("Unknown", "Waiting", "waiting for viable init node")
        } else {
            (condition.status, condition.reason, condition.message.as_str())
        };
        let mut value = json!({"type": condition.kind, "status": status, "lastUpdateTime": stamp(condition.at)});
        if !reason.is_empty() {
            value["reason"] = json!(reason);
        }
        if !message.is_empty() {
            value["message"] = json!(message);
        }
        shown.push(value);
    }
    shown
}

/// The conditions for Steve.
pub(super) fn provisioning(call: &Call<'_>, cluster: &Cluster, life: &Life) -> Vec<Value> {
    all(call, cluster, life)
        .into_iter()
        .map(|c| {
            let failed = c.status == "False" && c.reason == "Error";
            let waiting = c.status == "Unknown" || c.kind == "Reconciling" && c.status == "True";
            let mut value = json!({
                "type": c.kind, "status": c.status, "lastUpdateTime": stamp(c.at),
                "error": failed || c.kind == "Ready" && c.status != "True",
                "transitioning": waiting && c.kind != "Ready" && !failed,
            });
            if !c.reason.is_empty() {
                value["reason"] = json!(c.reason);
            }
            if !c.message.is_empty() {
                value["message"] = json!(c.message);
            }
            value
        })
        .collect()
}

fn all(call: &Call<'_>, cluster: &Cluster, life: &Life) -> Vec<Condition> {
    let mut out: Vec<Condition> = Vec::new();
    let mut push = |kind, status, reason, message: &str, at| {
        out.push(Condition { kind, status, reason, message: message.to_owned(), at });
    };
    let Some(born) = life.namespace_at.filter(|_| life.stage != Stage::Fresh) else { return out };
    let removed = cluster.removed;
    let done = matches!(life.stage, Stage::Active | Stage::Disconnected(_));
    let (_, _, message) = state(&life.stage);
    let broken = matches!(life.stage, Stage::Broken(_));
    // A wrong reference breaks the cluster object; a failed create breaks its update.
    let create_fails = matches!(&life.stage, Stage::Broken(why) if why == super::life::CREATE_FAILED);
    match (broken, create_fails) {
        (true, false) => push("RKECluster", "False", "Error", &message, life.since),
        _ => push("RKECluster", "True", "", "", life.created_at.unwrap_or(born)),
    }
    let reconciling = if done { ("False", "") } else { ("True", "Reconciling") };
    push("Reconciling", reconciling.0, reconciling.1, "", if done { life.since } else { born });
    push("Stalled", "False", "", "", born);
    if let Some(at) = life.created_at {
        push("Created", "True", "", "", at);
    }
    for kind in ["BackingNamespaceCreated", "DefaultProjectCreated", "SystemProjectCreated", "InitialRolesPopulated"] {
        push(kind, "True", "", "", born);
    }
    if !cluster.annotations.contains_key(super::provisioning::NO_CREATOR_RBAC) {
        push("CreatorMadeOwner", "True", "", "", born);
    }
    for kind in ["NoDiskPressure", "NoMemoryPressure", "ServiceAccountSecretsMigrated"] {
        push(kind, "True", "", "", born);
    }
    let updating = matches!(life.stage, Stage::Updating(_));
    for kind in ["Updated", "Provisioned"] {
        match (removed, life.updated_at) {
            // While a cluster is removed these are True and mean nothing.
            (Some(at), _) => push(kind, "True", "Waiting", "waiting for viable init node", at),
            _ if create_fails && kind == "Updated" => {
                push(kind, "False", "Error", &message, call.now - FAILED_SINCE);
            }
            (None, Some(at)) if !updating => push(kind, "True", "", "", rollout_end(life, at)),
            (None, Some(at)) if kind == "Provisioned" => push(kind, "True", "", "", at),
            _ => push(kind, "Unknown", "Waiting", &message, life.since),
        }
    }
    if let Some(at) = removed {
        push("Waiting", "True", "", "", at);
        push("Pending", "True", "", "", at);
    } else if let Some(at) = life.connected_at {
        push("Pending", "True", "", "", at);
        match life.ready_at {
            Some(at) => push("Waiting", "True", "", "", at),
            None => push("Waiting", "Unknown", "", AWAITING_API, at),
        }
        push("AgentDeployed", "True", "", "", at);
    }
    let away = if let Stage::Disconnected(at) = life.stage { Some(at) } else { None };
    match (away, life.connected_at) {
        (Some(at), _) => push("Connected", "False", "", "", at),
        (None, Some(at)) => push("Connected", "True", "", "", at),
        (None, None) => push("Connected", "False", "", "", born),
    }
    match (away, life.ready_at) {
        (Some(at), _) => push("Ready", "False", "Disconnected", NOT_CONNECTED, at),
        (None, Some(at)) => push("Ready", "True", "", "", at),
        (None, None) => push("Ready", "Unknown", "Waiting", &message, life.since),
    }
    out
}

/// When Updated last became True: at the end of the last rollout, if there was one.
fn rollout_end(life: &Life, first: Timestamp) -> Timestamp {
    if life.stage == Stage::Active { life.since.max(first) } else { first }
}
