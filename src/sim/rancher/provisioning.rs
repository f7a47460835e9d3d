//! Steve's provisioning clusters: where a cluster is asked for, changed and removed.

use serde_json::{Value, json};

use super::call::Call;
use super::conditions::{self, steve_state};
use super::credentials::{map, readable};
use super::life::{FIRST_JOINS, LAST_JOINS, rolled_out};
use super::norman::text;
use super::reply::{Reply, denied, steve, steve_forbidden, steve_not_found};
use super::steve::{links, list, stale};
use super::world::{Binding, Cluster, Machine, Role, WORKSPACE, draw, stamp, uuid};

const TYPE: &str = "provisioning.cattle.io.cluster";
const RESOURCE: &str = "clusters.provisioning.cattle.io";
const WEBHOOK: &str = "clusters.provisioning.cattle.io";
/// With this annotation the creator does not become the cluster's owner.
pub(super) const NO_CREATOR_RBAC: &str = "field.cattle.io/no-creator-rbac";
/// With this annotation one chooses the management id oneself.
const MANAGEMENT_NAME: &str = "provisioning.cattle.io/management-cluster-name";
const CREATOR: &str = "field.cattle.io/creatorId";
const DISPLAY_NAME: &str = "provisioning.cattle.io/management-cluster-display-name";
const FINALIZERS: [&str; 3] = [
    "wrangler.cattle.io/provisioning-cluster-remove",
    "wrangler.cattle.io/rke-cluster-remove",
    "wrangler.cattle.io/cloud-config-secret-remover",
];

/// Answers `/v1/provisioning.cattle.io.clusters…`.
pub(super) fn answer(call: &mut Call<'_>, rest: &[&str]) -> Reply {
    let method = call.ask.method.clone();
    match (method.as_str(), rest) {
        ("GET", [] | [_]) => {
            let inside = rest.first().is_none_or(|n| *n == WORKSPACE);
            let seen = call.world.clusters.iter().filter(|c| inside && call.sees(&c.id));
            let rows = seen.map(|c| show(call, c)).collect();
            list(call, TYPE, rows)
        }
        ("POST", [] | [_]) => create(call),
        ("GET" | "PUT" | "DELETE", [namespace, name]) => {
            let found = call.world.cluster_named(name).filter(|c| *namespace == WORKSPACE && call.sees(&c.id));
            let Some(cluster) = found.cloned() else {
                return if call.told_apart() { steve_not_found(RESOURCE, name) } else { steve_forbidden(&method) };
            };
            match method.as_str() {
                "GET" => Reply::ok(show(call, &cluster)),
                _ if !call.owns(&cluster.id) => steve_forbidden(&method),
                "PUT" => update(call, cluster),
                _ => {
                    remove(call, &cluster.id);
                    match call.world.cluster(&cluster.id) {
                        Some(cluster) => Reply::ok(show(call, cluster)),
                        None => Reply::empty(204),
                    }
                }
            }
        }
        _ => steve_forbidden(&method),
    }
}

/// Marks a cluster as removed. Its machines go first, then it.
pub(super) fn remove(call: &mut Call<'_>, id: &str) {
    let revision = call.world.touch();
    let now = call.now;
    if let Some(cluster) = call.world.clusters.iter_mut().find(|c| c.id == id) {
        if cluster.removed.is_none() {
            cluster.removed = Some(now);
            cluster.generation += 1;
        }
        cluster.revision = revision;
    }
}

fn create(call: &mut Call<'_>) -> Reply {
    let body = match call.ask.json() {
        Ok(body) => body,
        Err(why) => return steve(422, "InvalidBodyContent", why),
    };
    let metadata = body.get("metadata").cloned().unwrap_or_default();
    let name = text(metadata.get("name"));
    let namespace = text(metadata.get("namespace"));
    let spec = body.get("spec").cloned().unwrap_or_else(|| json!({}));
    if let Err(reply) = admit(call, &name, &namespace, &spec) {
        return reply;
    }
    if call.world.cluster_named(&name).is_some() {
        return steve(409, "AlreadyExists", format!("{RESOURCE} \"{name}\" already exists"));
    }
    let annotations = map(&metadata, "annotations");
    let id = match annotations.get(MANAGEMENT_NAME).and_then(Value::as_str) {
        Some(id) if call.world.cluster(id).is_some() => {
            return steve(409, "AlreadyExists", format!("clusters.management.cattle.io \"{id}\" already exists"));
        }
        Some(id) => id.to_owned(),
        None => {
            let taken = |d: &str| call.world.cluster(&format!("c-m-{d}")).is_some();
            format!("c-m-{}", draw(call.clock, 8, taken))
        }
    };
    let revision = call.world.touch();
    let mut cluster = Cluster {
        name: name.clone(),
        id: id.clone(),
        created: call.now,
        creator: call.caller.id.clone(),
        labels: map(&metadata, "labels"),
        annotations,
        spec,
        generation: 1,
        revision,
        machines: Vec::new(),
        rollout: None,
        version_before: None,
        removed: None,
        holds: Vec::new(),
    };
    cluster.annotations.insert(CREATOR.to_owned(), json!(cluster.creator));
    cluster.machines = first_machines(call, &cluster);
    if !cluster.annotations.contains_key(NO_CREATOR_RBAC) {
        own(call, &cluster);
    }
    let shown = show(call, &cluster);
    call.world.clusters.push(cluster);
    Reply::created(shown)
}

/// Makes the creator the owner.
fn own(call: &mut Call<'_>, cluster: &Cluster) {
    call.world.bindings.push(Binding {
        cluster: cluster.id.clone(),
        name: "creator-cluster-owner".to_owned(),
        generate_name: false,
        role: "cluster-owner".to_owned(),
        user: Some(cluster.creator.clone()),
        user_principal: None,
        group: None,
        group_principal: None,
        annotations: serde_json::Map::new(),
        labels: serde_json::Map::new(),
        creator: None,
        created: call.now,
        revision: cluster.revision,
        removed: None,
    });
}

/// What Kubernetes and the webhook check before there is a cluster.
fn admit(call: &Call<'_>, name: &str, namespace: &str, spec: &Value) -> Result<(), Reply> {
    let invalid = |why: String| {
        Err(steve(422, "Invalid", format!("Cluster.provisioning.cattle.io \"{name}\" is invalid: {why}")))
    };
    if namespace != WORKSPACE {
        return Err(steve(404, "NotFound", format!("namespaces \"{namespace}\" not found")));
    }
    if !is_subdomain(name) {
        return invalid(format!(
            "metadata.name: Invalid value: \"{name}\": a lowercase RFC 1123 subdomain must consist of lower case \
             alphanumeric characters, '-' or '.', and must start and end with an alphanumeric character (e.g. \
             'example.com', regex used for validation is '[a-z0-9]([-a-z0-9]*[a-z0-9])?(\\.[a-z0-9]([-a-z0-9]*[a-z0-9])?)*')"
        ));
    }
    let imported_form =
        name.len() == 7 && name.starts_with("c-") && name[2..].bytes().all(|b| b.is_ascii_alphanumeric());
    if name.len() < 2 || name.len() > 63 || name.contains('.') || name == "local" || imported_form {
        let why = "cluster name must be between 2 and 63 characters, must not begin with a hyphen, cannot be \"local\" nor of \
                   the form \"c-xxxxx\", and can only contain lowercase alphanumeric characters or ' - '";
        return Err(steve(422, "Invalid", denied(WEBHOOK, why)));
    }
    let pools = pools(spec);
    for (index, pool) in pools.iter().enumerate() {
        let pool = text(pool.get("name"));
        if pools[..index].iter().any(|other| text(other.get("name")) == pool) {
            return invalid(format!("spec.rkeConfig.machinePools[{index}]: Duplicate value: {{\"name\":\"{pool}\"}}"));
        }
        if pool.len() > 63 {
            return Err(steve(422, "Invalid", denied(WEBHOOK, "pool name must be 63 characters or fewer")));
        }
    }
    let provisions = spec.get("rkeConfig").is_some_and(Value::is_object);
    if provisions && text(spec.get("kubernetesVersion")).is_empty() {
        let why = "Internal error occurred: failed calling webhook \"rancher.cattle.io.clusters.provisioning.cattle.io\": \
                   failed to call webhook: an error on the server (\"[provisioning cluster mutator] failed to parse \
                   cluster version:  is not valid k8s version\") has prevented the request from succeeding";
        return Err(steve(500, "InternalError", why));
    }
    let named = pools.iter().map(|p| p.get("cloudCredentialSecretName")).chain([spec.get("cloudCredentialSecretName")]);
    for credential in named.flatten().filter_map(Value::as_str).filter(|c| !c.is_empty()) {
        let bare = credential.strip_prefix("cattle-global-data:").unwrap_or(credential);
        let found = call.world.credentials.iter().find(|c| c.name == bare);
        if call.caller.role != Role::Admin && !found.is_some_and(|c| readable(call, c)) {
            return Err(steve(401, "Unauthorized", denied(WEBHOOK, "Unauthorized")));
        }
    }
    Ok(())
}

fn is_subdomain(name: &str) -> bool {
    let part = |part: &str| {
        let edge = |b: Option<u8>| b.is_some_and(|b| b.is_ascii_lowercase() || b.is_ascii_digit());
        edge(part.bytes().next())
            && edge(part.bytes().last())
            && part.bytes().all(|b| b.is_ascii_lowercase() || b.is_ascii_digit() || b == b'-')
    };
    name.len() <= 253 && name.split('.').all(part)
}

fn pools(spec: &Value) -> &[Value] {
    spec.pointer("/rkeConfig/machinePools").and_then(Value::as_array).map_or(&[], Vec::as_slice)
}

/// The machines of a new cluster: those of the control plane first, each a little after the one before.
fn first_machines(call: &Call<'_>, cluster: &Cluster) -> Vec<Machine> {
    let mut machines: Vec<Machine> = Vec::new();
    for pool in pools(&cluster.spec) {
        for _ in 0..quantity(pool) {
            let machine = machine(call, cluster, pool, &machines);
            machines.push(machine);
        }
    }
    machines.sort_by_key(|m| !(m.control_plane || m.etcd));
    let last = machines.len().saturating_sub(1).max(1) as f64;
    for (index, machine) in machines.iter_mut().enumerate() {
        machine.joins = FIRST_JOINS + (LAST_JOINS - FIRST_JOINS) * index as f64 / last;
    }
    machines
}

/// More machines than this of one pool are not simulated.
const POOL_MAX_MACHINES: u64 = 1000;

fn quantity(pool: &Value) -> u64 {
    pool.get("quantity").and_then(Value::as_u64).unwrap_or(1).min(POOL_MAX_MACHINES)
}

fn machine(call: &Call<'_>, cluster: &Cluster, pool: &Value, others: &[Machine]) -> Machine {
    let flag = |key: &str| pool.get(key).and_then(Value::as_bool).unwrap_or(false);
    let part = |pointer: &str| text(pool.pointer(pointer));
    let name = part("/name");
    let prefix = format!("{}-{name}", cluster.name);
    let set = uuid("machineset", &prefix, cluster.created);
    let set = draw_like(&set);
    let taken = |d: &str| others.iter().any(|m| m.name.ends_with(d));
    let credential = [pool.get("cloudCredentialSecretName"), cluster.spec.get("cloudCredentialSecretName")];
    Machine {
        name: format!("{prefix}-{set}-{}", draw(call.clock, 5, taken)),
        pool: name,
        control_plane: flag("controlPlaneRole"),
        etcd: flag("etcdRole"),
        worker: flag("workerRole"),
        config_kind: part("/machineConfigRef/kind"),
        config: part("/machineConfigRef/name"),
        credential: credential.into_iter().flatten().find_map(Value::as_str).map(str::to_owned),
        created: call.now,
        joins: 0.4,
        removed: None,
        forced: false,
    }
}

/// Five letters as Kubernetes draws them, out of an UUID.
fn draw_like(uuid: &str) -> String {
    const LETTERS: &[u8; 16] = b"bcdfghjklmnpqrst";
    uuid.chars().filter_map(|c| c.to_digit(16)).take(5).map(|d| char::from(LETTERS[d as usize])).collect()
}

fn update(call: &mut Call<'_>, mut cluster: Cluster) -> Reply {
    let body = match call.ask.json() {
        Ok(body) => body,
        Err(why) => return steve(422, "InvalidBodyContent", why),
    };
    if let Some(reply) = stale(&body, cluster.revision, RESOURCE, &cluster.name) {
        return reply;
    }
    let metadata = body.get("metadata").cloned().unwrap_or_default();
    let spec = body.get("spec").cloned().unwrap_or_else(|| json!({}));
    if let Err(reply) = admit(call, &cluster.name, WORKSPACE, &spec) {
        return reply;
    }
    cluster.labels = map(&metadata, "labels");
    cluster.annotations = map(&metadata, "annotations");
    cluster.annotations.insert(CREATOR.to_owned(), json!(cluster.creator));
    if spec != cluster.spec {
        cluster.version_before = cluster.spec.get("kubernetesVersion").and_then(Value::as_str).map(str::to_owned);
        cluster.spec = spec;
        cluster.generation += 1;
        cluster.rollout = Some(call.now);
        scale(call, &mut cluster);
    }
    cluster.revision = call.world.touch();
    let shown = show(call, &cluster);
    if let Some(place) = call.world.clusters.iter_mut().find(|c| c.id == cluster.id) {
        *place = cluster;
    }
    Reply::ok(shown)
}

/// Gives each pool as many machines as it now wants.
fn scale(call: &Call<'_>, cluster: &mut Cluster) {
    let wanted: Vec<Value> = pools(&cluster.spec).to_vec();
    let now = call.now;
    let pace = call.pace;
    cluster.machines.retain(|m| m.removed.is_none_or(|at| now < rolled_out(at, &pace)));
    for machine in &mut cluster.machines {
        // A pool that is gone, or that has another machine config: then every machine is replaced.
        let same = |p: &Value| {
            text(p.get("name")) == machine.pool && text(p.pointer("/machineConfigRef/name")) == machine.config
        };
        if !wanted.iter().any(same) {
            machine.removed.get_or_insert(now);
        }
    }
    for pool in &wanted {
        let name = text(pool.get("name"));
        let live = cluster.machines.iter().filter(|m| m.pool == name && m.removed.is_none()).count();
        let want = usize::try_from(quantity(pool)).unwrap_or(live);
        for _ in live..want {
            let machine = machine(call, cluster, pool, &cluster.machines);
            cluster.machines.push(machine);
        }
        let extra = cluster.machines.iter_mut().rev().filter(|m| m.pool == name && m.removed.is_none());
        extra.take(live.saturating_sub(want)).for_each(|m| m.removed = Some(now));
    }
}

fn show(call: &Call<'_>, cluster: &Cluster) -> Value {
    let life = call.life(cluster);
    let mut annotations = cluster.annotations.clone();
    let mut status = json!({});
    if life.appeared_at.is_some() {
        annotations.insert(DISPLAY_NAME.to_owned(), json!(cluster.name));
        status["clusterName"] = json!(cluster.id);
        status["fleetWorkspaceName"] = json!(WORKSPACE);
        status["observedGeneration"] = json!(cluster.generation);
    }
    let conditions = conditions::provisioning(call, cluster, &life);
    if !conditions.is_empty() {
        status["conditions"] = json!(conditions);
    }
    if life.ready_at.is_some() {
        status["ready"] = json!(true);
        status["agentDeployed"] = json!(true);
        status["clientSecretName"] = json!(format!("{}-kubeconfig", cluster.name));
    }
    let mut value = json!({
        "id": format!("{WORKSPACE}/{}", cluster.name), "type": TYPE,
        "links": links(call, TYPE, WORKSPACE, &cluster.name),
        "apiVersion": "provisioning.cattle.io/v1", "kind": "Cluster",
        "metadata": {
            "name": cluster.name, "namespace": WORKSPACE, "annotations": annotations,
            "creationTimestamp": stamp(cluster.created), "generation": cluster.generation,
            "resourceVersion": cluster.revision.to_string(), "uid": uuid(TYPE, &cluster.name, cluster.created),
            "state": steve_state(&life.stage), "relationships": [],
        },
        "spec": cluster.spec, "status": status,
    });
    if !cluster.labels.is_empty() {
        value["metadata"]["labels"] = json!(cluster.labels);
    }
    if life.appeared_at.is_some() {
        value["metadata"]["finalizers"] = json!(FINALIZERS);
    }
    if let Some(at) = cluster.removed {
        value["metadata"]["deletionTimestamp"] = json!(stamp(at));
        value["metadata"]["deletionGracePeriodSeconds"] = json!(0);
    }
    value
}

/// Answers `/v1/management.cattle.io.clusters…`, read only.
pub(super) fn answer_management(call: &Call<'_>, rest: &[&str]) -> Reply {
    let shown = |cluster: &Cluster| {
        let life = call.life(cluster);
        life.appeared_at?;
        let status = json!({"conditions": conditions::management(call, cluster, &life), "provider": "rke2"});
        let mut value = json!({
            "id": cluster.id, "type": "management.cattle.io.cluster", "apiVersion": "management.cattle.io/v3",
            "kind": "Cluster", "links": links(call, "management.cattle.io.cluster", "", &cluster.id),
            "metadata": {"name": cluster.id, "creationTimestamp": stamp(cluster.created), "state": steve_state(&life.stage),
                         "labels": cluster.labels, "uid": uuid("cluster", &cluster.id, cluster.created)},
            "spec": {"displayName": cluster.name, "fleetWorkspaceName": WORKSPACE}, "status": status,
        });
        if let Some(at) = cluster.removed {
            value["metadata"]["deletionTimestamp"] = json!(stamp(at));
        }
        Some(value)
    };
    match (call.ask.method.as_str(), rest) {
        ("GET", []) => {
            let rows = call.world.clusters.iter().filter(|c| call.sees(&c.id)).filter_map(shown).collect();
            list(call, "management.cattle.io.cluster", rows)
        }
        ("GET", [id]) => match call.world.cluster(id).filter(|c| call.sees(&c.id)).and_then(shown) {
            Some(value) => Reply::ok(value),
            None if call.told_apart() => steve_not_found("clusters.management.cattle.io", id),
            None => steve_forbidden("GET"),
        },
        (method, _) => steve_forbidden(method),
    }
}
