//! What kaas needs in Rancher, as Rancher writes it: a global role without admin, and a role for clusters that only reads.

use serde_json::{Map, Value, json};

/// The namespace in which Rancher keeps cloud credentials.
pub(super) const CREDENTIALS: &str = "cattle-global-data";
/// What kaas owns in every downstream cluster: it can give away only what it has.
const INHERITED: [&str; 1] = ["cluster-owner"];

/// What is to be there.
#[derive(Debug, Clone)]
pub struct Wanted {
    /// The name that kaas' user logs in with.
    pub user: String,
    /// The name of its global role.
    pub role: String,
    /// The cloud credentials that it may use, by name or id; with none, those that it has stay.
    pub credentials: Vec<String>,
    /// The name of the role for clusters that only reads, where one is wanted.
    pub read_only: Option<String>,
    /// Whether kaas may let a machine go that cannot be removed.
    pub force_remove: bool,
}

fn rule(group: &str, resources: &[&str], verbs: &[&str]) -> Value {
    json!({"apiGroups": [group], "resources": resources, "verbs": verbs})
}

const READ: [&str; 3] = ["get", "list", "watch"];

/// The rules of kaas' global role, as they were run against Rancher 2.14.4; with `force_remove`, one verb more.
fn rules(force_remove: bool) -> Vec<Value> {
    let machines = [&READ[..], if force_remove { &["update"] } else { &[] }].concat();
    vec![
        rule("provisioning.cattle.io", &["clusters"], &["get", "list", "watch", "create", "update", "patch", "delete"]),
        rule("cluster.x-k8s.io", &["machines", "machinedeployments", "machinesets"], &READ),
        rule("rke-machine.cattle.io", &["*"], &machines),
        rule("rke-machine-config.cattle.io", &["*"], &["*"]),
        rule("management.cattle.io", &["users", "clusters"], &READ),
        rule("management.cattle.io", &["clusterroletemplatebindings"], &["*"]),
    ]
}

/// kaas' global role; `secrets` are the names of the secrets behind its credentials.
pub(super) fn global_role(wanted: &Wanted, secrets: &[String]) -> Value {
    let mut role = json!({
        "type": "globalRole", "name": wanted.role, "description": "kaas: makes clusters, and gives ways into them",
        "inheritedClusterRoles": INHERITED, "rules": rules(wanted.force_remove),
    });
    if !secrets.is_empty() {
        let rule = json!({"apiGroups": [""], "resources": ["secrets"], "resourceNames": secrets, "verbs": ["get"]});
        role["namespacedRules"] = json!({CREDENTIALS: [rule]});
    }
    role
}

/// The role for clusters that only reads: everything but secrets, which may hold the keys to more.
pub(super) fn read_only_role(name: &str) -> Value {
    json!({
        "type": "roleTemplate", "name": name, "context": "cluster",
        "description": "kaas: reads everything in a cluster but its secrets",
        "roleTemplateIds": ["nodes-view", "projects-view"],
        "rules": [
            rule("", &["events", "namespaces", "nodes", "persistentvolumes"], &READ),
            rule("storage.k8s.io", &["storageclasses"], &READ),
            rule("apiextensions.k8s.io", &["customresourcedefinitions"], &READ),
            rule("metrics.k8s.io", &["nodes", "pods", "nodemetrics"], &READ),
        ],
    })
}

/// What a global role allows, one line a rule.
pub(super) fn rights(role: &Value) -> Vec<String> {
    let words = |list: &Value| {
        let all = list.as_array().into_iter().flatten().filter_map(Value::as_str);
        all.map(|word| if word == "*" { "everything" } else { word }).collect::<Vec<_>>().join(", ")
    };
    let line = |rule: &Value, place: &str| {
        let group = rule["apiGroups"][0].as_str().filter(|group| !group.is_empty()).map(|group| format!(" of {group}"));
        let names = rule.get("resourceNames").map(|names| format!(" ({})", words(names))).unwrap_or_default();
        format!("{}{}{names}{place}: {}", words(&rule["resources"]), group.unwrap_or_default(), words(&rule["verbs"]))
    };
    let inherited = format!("{} of every downstream cluster", words(&role["inheritedClusterRoles"]));
    let rules = role["rules"].as_array().into_iter().flatten().map(|rule| line(rule, ""));
    let named = role["namespacedRules"].as_object().into_iter().flatten();
    let named = named.flat_map(|(space, rules)| {
        rules.as_array().into_iter().flatten().map(move |rule| line(rule, &format!(" in {space}")))
    });
    [inherited].into_iter().chain(rules).chain(named).collect()
}

/// Which of the keys of `wanted` are otherwise in `there`. Order and Rancher's own additions do not count.
pub(super) fn differs(there: &Value, wanted: &Value, keys: &[&'static str]) -> Vec<&'static str> {
    let other = |key: &&&str| wanted.get(**key).is_some() && plain(&there[**key]) != plain(&wanted[**key]);
    keys.iter().filter(other).copied().collect()
}

/// A value without what Rancher adds, and with its lists in order. Nothing and an empty list are the same.
fn plain(value: &Value) -> Value {
    match value {
        Value::Array(all) if all.is_empty() => Value::Null,
        Value::Array(all) => {
            let mut all: Vec<Value> = all.iter().map(plain).collect();
            all.sort_by_key(ToString::to_string);
            Value::Array(all)
        }
        Value::Object(fields) => {
            let kept = fields.iter().filter(|(key, _)| *key != "type").map(|(key, value)| (key.clone(), plain(value)));
            let kept: Map<String, Value> = kept.filter(|(_, value)| !value.is_null()).collect();
            if kept.is_empty() { Value::Null } else { Value::Object(kept) }
        }
        other => other.clone(),
    }
}

#[cfg(test)]
mod tests {
    use super::*;

    fn wanted() -> Wanted {
        Wanted {
            user: "kaas-bot".to_owned(),
            role: "kaas-bot".to_owned(),
            credentials: Vec::new(),
            read_only: None,
            force_remove: false,
        }
    }

    #[test]
    fn what_rancher_adds_and_reorders_is_no_difference() {
        let role = global_role(&wanted(), &["cc-a".to_owned()]);
        let mut there = role.clone();
        for rule in there["rules"].as_array_mut().expect("rules") {
            rule["type"] = json!("/v3/schemas/policyRule");
            rule["resourceNames"] = json!([]);
        }
        there["rules"].as_array_mut().expect("rules").reverse();
        there["id"] = json!("gr-abcde");
        let keys = ["rules", "inheritedClusterRoles", "namespacedRules"];
        assert_eq!(differs(&there, &role, &keys), Vec::<&str>::new());
        there["rules"][0]["verbs"] = json!(["get"]);
        there["namespacedRules"] = json!({});
        assert_eq!(differs(&there, &role, &keys), ["rules", "namespacedRules"]);
        let silent = global_role(&wanted(), &[]);
        assert_eq!(differs(&there, &silent, &["namespacedRules"]), Vec::<&str>::new(), "what is not named stays");
    }

    #[test]
    fn the_role_is_no_admin_and_the_one_that_reads_reads_no_secrets() {
        for force in [false, true] {
            let role = global_role(&Wanted { force_remove: force, ..wanted() }, &[]);
            for rule in role["rules"].as_array().expect("rules") {
                assert_ne!(rule["apiGroups"], json!(["*"]));
                assert!(!rule["resources"].to_string().contains("secret"), "{rule}");
                assert!(!rule["resources"].to_string().contains("role\""), "{rule}");
            }
            assert_eq!(role["rules"].to_string().contains("\"watch\",\"update\"]"), force);
        }
        let reads = read_only_role("kaas-read-only");
        for rule in reads["rules"].as_array().expect("rules") {
            assert_eq!(rule["verbs"], json!(READ));
            let resources = rule["resources"].to_string();
            assert!(!resources.contains("secret") && !resources.contains('*'), "{rule}");
        }
    }
}
