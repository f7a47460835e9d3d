//! How dangerous a change of a resource is, and the line that says why.
//!
//! terraform's own words are not enough: Rancher replaces every node of a pool when its machine template changes, while the plan says "update in-place".
//! What is not known to be harmless there counts as dangerous.

use std::collections::BTreeMap;

use super::Action;
use super::json::Json;
use crate::lifecycle::Risk;

/// The resource that is a cluster.
pub(super) const CLUSTER: &str = "rancher2_cluster_v2";

/// The resource that describes the machines of a pool.
pub(super) const MACHINE_CONFIG: &str = "rancher2_machine_config_v2";

/// Attributes of a cluster that a change in place leaves its nodes alone with.
const CLUSTER_HARMLESS: [&str; 12] = [
    "agent_env_vars",
    "annotations",
    "cluster_agent_deployment_customization",
    "default_cluster_role_for_project_members",
    "default_pod_security_admission_configuration_template_name",
    "enable_network_policy",
    "fleet_agent_deployment_customization",
    "kubernetes_version",
    "labels",
    "local_auth_endpoint",
    "rke_config",
    "timeouts",
];

/// What the provider computes for a cluster and nobody configures.
const CLUSTER_COMPUTED: [&str; 5] =
    ["cluster_registration_token", "cluster_v1_id", "id", "kube_config", "resource_version"];

/// Parts of `rke_config` that change without replacing a node.
const RKE_HARMLESS: [&str; 12] = [
    "additional_manifest",
    "chart_values",
    "etcd",
    "etcd_snapshot_create",
    "machine_global_config",
    "machine_pools",
    "machine_selector_config",
    "machine_selector_files",
    "registries",
    "rotate_certificates",
    "rotate_encryption_keys",
    "upgrade_strategy",
];

/// Attributes of a machine pool that are not part of its machine template.
const POOL_HARMLESS: [&str; 11] = [
    "annotations",
    "drain_before_delete",
    "labels",
    "max_unhealthy",
    "node_drain_timeout",
    "node_startup_timeout_seconds",
    "paused",
    "quantity",
    "rolling_update",
    "unhealthy_node_timeout_seconds",
    "unhealthy_range",
];

/// Attributes of a machine config that no machine is made of.
const MACHINE_HARMLESS: [&str; 4] = ["annotations", "labels", "resource_version", "timeouts"];

/// The most names that one line lists.
const NAMES_MAX: usize = 5;

/// Something to know about a change.
#[derive(Debug, Clone, PartialEq, Eq, PartialOrd, Ord)]
pub(super) struct Finding {
    /// The most dangerous first, from 0.
    pub(super) rank: u8,
    /// How dangerous it is.
    pub(super) risk: Risk,
    /// One line, about `address`.
    pub(super) text: String,
}

fn red(rank: u8, text: String) -> Finding {
    Finding { rank, risk: Risk::Red, text }
}

fn yellow(rank: u8, text: String) -> Finding {
    Finding { rank, risk: Risk::Yellow, text }
}

/// What there is to know about a change of a managed resource. Empty for what touches nothing that exists.
pub(super) fn findings(kind: &str, address: &str, action: &Action, before: &Json, after: &Json) -> Vec<Finding> {
    let rank = u8::from(kind != CLUSTER);
    match action {
        Action::NoOp | Action::Read | Action::Create => vec![],
        Action::Delete => vec![red(rank, format!("destroys {address}"))],
        Action::Replace => vec![red(rank, format!("destroys {address} and makes it anew"))],
        Action::Forget => vec![red(2, format!("forgets {address}, which then nobody takes down"))],
        Action::Other(words) => vec![red(2, format!("does something unknown to {address}: {words}"))],
        Action::Import => vec![yellow(6, format!("takes over {address}, which exists already"))],
        Action::Move => vec![yellow(6, format!("moves what was there to {address}"))],
        Action::Update => match kind {
            CLUSTER => cluster(address, before, after),
            MACHINE_CONFIG => vec![machine_config(address, before, after)],
            _ => vec![yellow(7, format!("changes {address}: {}", names(&Json::changed(Some(before), Some(after)))))],
        },
    }
}

fn machine_config(address: &str, before: &Json, after: &Json) -> Finding {
    let mut changed = Json::changed(Some(before), Some(after));
    if changed.iter().all(|name| MACHINE_HARMLESS.contains(name)) {
        return yellow(7, format!("changes {address}: {}", names(&changed)));
    }
    let config = changed.iter().find(|name| name.ends_with("_config")).copied();
    if let Some(config) = config {
        changed = Json::changed(before.block(config), after.block(config));
    }
    red(3, format!("replaces every node made from {address}: {}", names(&changed)))
}

fn cluster(address: &str, before: &Json, after: &Json) -> Vec<Finding> {
    let mut findings = Vec::new();
    let changed = Json::changed(Some(before), Some(after));
    let strange: Vec<&str> = changed
        .iter()
        .copied()
        .filter(|name| !CLUSTER_HARMLESS.contains(name) && !CLUSTER_COMPUTED.contains(name))
        .collect();
    if !strange.is_empty() {
        findings.push(red(4, format!("changes {} of {address}, which may replace nodes", names(&strange))));
    }
    if changed.contains(&"kubernetes_version") {
        findings.push(version(address, before, after));
    }
    if changed.contains(&"rke_config") {
        match (before.block("rke_config"), after.block("rke_config")) {
            (Some(before), Some(after)) if !matches!(after, Json::Unknown) => {
                rke(address, before, after, &mut findings)
            }
            _ => findings.push(red(3, format!("gives {address} another rke_config, which may replace every node"))),
        }
    }
    let quiet = ["kubernetes_version", "rke_config"];
    let rest: Vec<&str> = changed.into_iter().filter(|n| CLUSTER_HARMLESS.contains(n) && !quiet.contains(n)).collect();
    if !rest.is_empty() || findings.is_empty() {
        findings.push(yellow(7, format!("changes {address}: {}", names(&rest))));
    }
    findings
}

fn version(address: &str, before: &Json, after: &Json) -> Finding {
    let text = |json: &Json| json.get("kubernetes_version").and_then(Json::text).unwrap_or("unknown").to_owned();
    let (then, now) = (text(before), text(after));
    match (numbers(&then), numbers(&now)) {
        (Some(a), Some(b)) if a.1 == b.1 && b.0 >= a.0 => {
            yellow(5, format!("upgrades Kubernetes of {address} from {then} to {now}, node by node"))
        }
        _ => red(4, format!("takes Kubernetes of {address} from {then} to {now}, which is no upgrade")),
    }
}

/// `v1.33.5+rke2r1` as numbers and the name of the distribution.
fn numbers(version: &str) -> Option<(Vec<u64>, &str)> {
    let (version, distribution) = version.strip_prefix('v')?.split_once('+')?;
    let revision_at = distribution.rfind(|c: char| !c.is_ascii_digit())? + 1;
    let mut all: Vec<u64> = version.split('.').map(|n| n.parse().ok()).collect::<Option<_>>()?;
    all.push(distribution[revision_at..].parse().ok()?);
    Some((all, &distribution[..revision_at]))
}

fn rke(address: &str, before: &Json, after: &Json, findings: &mut Vec<Finding>) {
    let changed = Json::changed(Some(before), Some(after));
    if changed.contains(&"machine_pools") {
        pools(address, before, after, findings);
    }
    let harmless = |name: &&str| RKE_HARMLESS.contains(name);
    let strange: Vec<&str> = changed.iter().copied().filter(|n| !harmless(n)).collect();
    if !strange.is_empty() {
        findings.push(red(3, format!("changes {} of {address}, which may replace nodes", names(&strange))));
    }
    let rest: Vec<&str> = changed.into_iter().filter(|n| harmless(n) && *n != "machine_pools").collect();
    if !rest.is_empty() {
        findings
            .push(yellow(6, format!("changes {} of {address}, which its nodes take over one by one", names(&rest))));
    }
}

fn pools(address: &str, before: &Json, after: &Json, findings: &mut Vec<Finding>) {
    let (Some(then), Some(now)) = (by_name(before), by_name(after)) else {
        findings.push(red(3, format!("changes the machine pools of {address} in a way that cannot be told apart")));
        return;
    };
    for (name, pool) in &then {
        let Some(next) = now.get(name) else {
            findings.push(red(3, format!("drops the pool {name} of {address} with all its nodes")));
            continue;
        };
        let changed = Json::changed(Some(pool), Some(next));
        let remade: Vec<&str> = changed.iter().copied().filter(|n| !POOL_HARMLESS.contains(n)).collect();
        if !remade.is_empty() {
            findings.push(red(3, format!("replaces every node of the pool {name} of {address}: {}", names(&remade))));
        }
        if changed.contains(&"quantity") {
            findings.push(match (quantity(pool), quantity(next)) {
                (Some(few), Some(more)) if more > few => {
                    yellow(6, format!("adds {} to the pool {name} of {address}", nodes(more - few)))
                }
                (Some(many), Some(fewer)) => {
                    red(3, format!("takes {} from the pool {name} of {address}", nodes(many.saturating_sub(fewer))))
                }
                _ => red(3, format!("gives the pool {name} of {address} another number of nodes")),
            });
        }
        let rest: Vec<&str> = changed.into_iter().filter(|n| POOL_HARMLESS.contains(n) && *n != "quantity").collect();
        if !rest.is_empty() {
            findings.push(yellow(7, format!("changes the pool {name} of {address}: {}", names(&rest))));
        }
    }
    for name in now.keys().filter(|name| !then.contains_key(*name)) {
        findings.push(yellow(6, format!("adds the pool {name} to {address}")));
    }
}

/// The pools by name; `None` where a name is unknown or given twice.
fn by_name(rke: &Json) -> Option<BTreeMap<&str, &Json>> {
    let list: &[Json] = match rke.get("machine_pools") {
        Some(Json::List(list)) => list,
        None | Some(Json::Null) => &[],
        Some(_) => return None,
    };
    let pools: BTreeMap<&str, &Json> =
        list.iter().map(|pool| Some((pool.get("name")?.text()?, pool))).collect::<Option<_>>()?;
    (pools.len() == list.len()).then_some(pools)
}

fn quantity(pool: &Json) -> Option<u64> {
    match pool.get("quantity")? {
        Json::Number(number) => number.parse().ok(),
        _ => None,
    }
}

fn nodes(number: u64) -> String {
    if number == 1 { "1 node".to_owned() } else { format!("{number} nodes") }
}

fn names(names: &[&str]) -> String {
    match names.len() {
        0 => "nothing that is shown".to_owned(),
        1..=NAMES_MAX => names.join(", "),
        more => format!("{} and {} more", names[..NAMES_MAX].join(", "), more - NAMES_MAX),
    }
}
