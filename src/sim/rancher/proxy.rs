//! `/k8s/clusters/<id>`: what lies behind Rancher. There is no Kubernetes here, so only its version answers.

use jiff::Timestamp;
use serde_json::json;

use super::call::{Ask, Call, Caller};
use super::clusters::{LOCAL_VERSION, version};
use super::life::{Life, Pace};
use super::reply::{Reply, cannot, kubernetes, router};
use super::world::World;

const RESOURCE: &str = "clusters.management.cattle.io";

/// Answers without a token: the provider asks for the version without one over plain HTTP, and makes a new token for
/// every plan when it is refused.
pub(super) fn version_for_anybody(world: &World, pace: &Pace, now: Timestamp, id: &str) -> Option<Reply> {
    if id == "local" {
        return Some(info(LOCAL_VERSION));
    }
    let cluster = world.cluster(id)?;
    let life = Life::of(world, cluster, pace, now);
    if !life.reachable() {
        return Some(unreachable(&life));
    }
    Some(info(&version(cluster, &life).unwrap_or_default()))
}

/// Answers what comes with a token.
pub(super) fn answer(call: &Call<'_>, id: &str, rest: &[&str]) -> Reply {
    let caller = &call.caller;
    // Everybody may ask for the version of the cluster that Rancher itself runs on.
    let hidden = if id == "local" { !call.told_apart() && rest.first() != Some(&"version") } else { !call.sees(id) };
    if hidden {
        let object = format!("{RESOURCE} \"{id}\"");
        return router(403, "Forbidden", cannot(&caller.id, "get", &object, "clusters", "management.cattle.io"));
    }
    if id != "local" {
        let Some(cluster) = call.world.cluster(id) else {
            return router(404, "NotFound", format!("{RESOURCE} \"{id}\" not found"));
        };
        let life = call.life(cluster);
        if !life.reachable() {
            return unreachable(&life);
        }
    }
    match rest {
        ["version"] => version_for_anybody(call.world, &call.pace, call.now, id).unwrap_or_else(|| Reply::empty(404)),
        ["api", "v1", "namespaces"] if call.owns(id) => {
            let names = ["default", "kube-node-lease", "kube-public", "kube-system"];
            let items = names.map(|name| json!({"metadata": {"name": name}}));
            Reply::ok(json!({"kind": "NamespaceList", "apiVersion": "v1", "metadata": {}, "items": items}))
        }
        ["api", "v1", "namespaces"] => {
            let why = format!(
                "namespaces is forbidden: User \"{}\" cannot list resource \"namespaces\" in API group \"\" at the cluster scope",
                caller.id
            );
            kubernetes(403, "Forbidden", why)
        }
        _ => kubernetes(404, "NotFound", "the server could not find the requested resource (simulated cluster)"),
    }
}

/// What a caller hears whose token is missing or dead: it depends on the path, and for a downstream cluster it is no 401.
pub(super) fn unauthorized(ask: &Ask, id: &str, rest: &[&str]) -> Reply {
    let presented = ask.authorization.is_some() || ask.cookie.is_some();
    match rest.first() {
        _ if id != "local" => {
            let object = format!("{RESOURCE} \"{id}\"");
            router(
                403,
                "Forbidden",
                cannot("system:unauthenticated", "get", &object, "clusters", "management.cattle.io"),
            )
        }
        Some(&"v1") => super::reply::must_authenticate(),
        Some(&"api" | &"apis") if !presented => Reply::text(401, "not authorized\n"),
        _ => kubernetes(401, "Unauthorized", "Unauthorized"),
    }
}

/// Whether a token that is limited to a cluster may be used here.
pub(super) fn in_scope(caller: &Caller, path: &[&str]) -> bool {
    let Some(scope) = caller.scope.as_deref() else { return true };
    matches!(path, ["k8s", "clusters", id, ..] | ["v3", "clusters", id, ..] if *id == scope)
}

/// A cluster whose agent never came, or went away.
fn unreachable(life: &Life) -> Reply {
    if life.ready_at.is_some() {
        Reply::text(500, "error trying to reach service: cluster agent disconnected")
    } else {
        let why =
            "unable to create impersonator account: ClusterUnavailable 503: ClusterUnavailable 503: cluster not found";
        Reply::text(500, why)
    }
}

fn info(version: &str) -> Reply {
    let mut parts = version.trim_start_matches('v').split('.');
    let (major, minor) = (parts.next().unwrap_or_default(), parts.next().unwrap_or_default());
    Reply::ok(json!({
        "major": major, "minor": minor, "gitVersion": version, "gitCommit": "simulated", "gitTreeState": "clean",
        "buildDate": "1970-01-01T00:00:00Z", "goVersion": "simulated", "compiler": "gc", "platform": "linux/amd64",
    }))
}
