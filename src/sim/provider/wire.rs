//! Between terraform's values and Rancher's JSON, led by the tables.
//!
//! Writing leaves out what is unset, as the real provider's Go structures do. Reading is led by what terraform knew before:
//! unset stays unset however Rancher spells it, YAML that means the same keeps its text, and everything else is what
//! Rancher says, so that a drift is seen and nothing else is.

use std::collections::BTreeMap;

use serde_json::{Map, Value as Json};

use super::schema::{Attribute, Block, Form, Nested, Shape, Type};
use super::value::{NULL, Value};

/// Writes the block's attributes and blocks into `out`.
pub fn encode(block: &Block, value: &Value, out: &mut Map<String, Json>) {
    for attribute in &block.attributes {
        if let Some(json) = encode_attribute(attribute, value.get(attribute.name)) {
            put(out, &attribute.field, json);
        }
    }
    for nested in &block.blocks {
        encode_nested(nested, value.get(nested.name).items(), out);
    }
}

fn encode_attribute(attribute: &Attribute, value: &Value) -> Option<Json> {
    let unset = value.is_unset() || *value == Value::Unknown;
    match attribute.form {
        Form::Elsewhere => None,
        _ if unset && !attribute.always => None,
        Form::Plain => Some(if unset { attribute.ty.zero() } else { value.clone() }.to_json()),
        Form::Yaml | Form::Json => Some(document(value.str()).unwrap_or(Json::Null)),
        Form::Seconds => match value {
            Value::Number(seconds) => Some(Json::String(go_duration(*seconds as u64))),
            _ => None,
        },
    }
}

fn encode_nested(nested: &Nested, items: &[Value], out: &mut Map<String, Json>) {
    let object = |item: &Value| {
        let mut object = Map::new();
        encode(&nested.block, item, &mut object);
        object
    };
    match nested.shape {
        Shape::Elsewhere => {}
        Shape::Inline => {
            if let Some(item) = items.first() {
                encode(&nested.block, item, out);
            }
        }
        Shape::Object => match items.first() {
            Some(item) => put(out, &nested.field, Json::Object(object(item))),
            None if nested.always => put(out, &nested.field, Json::Object(object(&Value::Null))),
            None => {}
        },
        Shape::Array if items.is_empty() => {}
        Shape::Array => {
            put(out, &nested.field, Json::Array(items.iter().map(|item| Json::Object(object(item))).collect()));
        }
        Shape::KeyedBy(_) if items.is_empty() => {}
        Shape::KeyedBy(key) => {
            let keyed = items.iter().map(|item| (item.get(key).str().to_owned(), Json::Object(object(item))));
            put(out, &nested.field, Json::Object(keyed.collect()));
        }
    }
}

/// Reads the block out of Rancher's JSON, knowing what terraform knew before.
pub fn decode(block: &Block, remote: &Json, prior: &Value) -> Value {
    let mut out = BTreeMap::new();
    for attribute in &block.attributes {
        let was = prior.get(attribute.name);
        out.insert(attribute.name.to_owned(), decode_attribute(attribute, at(remote, &attribute.field), was));
    }
    for nested in &block.blocks {
        out.insert(nested.name.to_owned(), decode_nested(nested, remote, prior.get(nested.name)));
    }
    Value::Map(out)
}

fn decode_attribute(attribute: &Attribute, remote: &Json, prior: &Value) -> Value {
    let told = match attribute.form {
        Form::Elsewhere => return if *prior == Value::Unknown { Value::Null } else { prior.clone() },
        Form::Yaml | Form::Json => {
            if document(prior.str()).as_ref() == Some(remote) {
                return prior.clone();
            }
            if is_zero(remote) { Value::Null } else { Value::String(to_text(attribute.form, remote)) }
        }
        Form::Seconds => {
            remote.as_str().and_then(seconds_of_go).map_or(Value::Null, |seconds| Value::Number(seconds as f64))
        }
        Form::Plain => match (&attribute.ty, remote) {
            // Kubernetes gives "1" back as 1 where it may be a number or a percentage.
            (Type::String, Json::Number(number)) => Value::String(number.to_string()),
            _ => Value::from_json(remote),
        },
    };
    match (told.is_unset(), prior) {
        // What Rancher was to say and left out is zero, else it would stay "known after apply" for ever.
        (true, Value::Unknown | Value::Null) if attribute.is_computed() => attribute.ty.zero(),
        (true, Value::Unknown) => Value::Null,
        (true, prior) if prior.is_unset() => prior.clone(),
        (true, _) => attribute.ty.zero(),
        (false, _) => told,
    }
}

fn decode_nested(nested: &Nested, remote: &Json, prior: &Value) -> Value {
    let was = prior.items();
    let inner = at(remote, &nested.field);
    let one = |json: &Json, index: usize| decode(&nested.block, json, was.get(index).unwrap_or(&NULL));
    match nested.shape {
        Shape::Elsewhere => {
            if *prior == Value::Unknown || (prior.is_null() && !nested.single) {
                Value::List(Vec::new())
            } else {
                prior.clone()
            }
        }
        Shape::Inline => Value::List(vec![one(remote, 0)]),
        Shape::Object if was.is_empty() && is_zero(inner) => Value::List(Vec::new()),
        Shape::Object => Value::List(vec![one(inner, 0)]),
        Shape::Array => {
            let items = inner.as_array().map(Vec::as_slice).unwrap_or_default();
            Value::List(items.iter().enumerate().map(|(index, item)| one(item, index)).collect())
        }
        Shape::KeyedBy(key) => {
            let Some(keyed) = inner.as_object() else { return Value::List(Vec::new()) };
            let position = |name: &str| was.iter().position(|item| item.get(key).str() == name).unwrap_or(usize::MAX);
            let mut names: Vec<&String> = keyed.keys().collect();
            names.sort_by_key(|name| position(name));
            let item = |name: &String| {
                let mut item = one(&keyed[name], position(name));
                item.set(key, Value::text(name));
                item
            };
            Value::List(names.into_iter().map(item).collect())
        }
    }
}

/// Whether two texts are the same YAML (of which JSON is a part).
pub fn same_document(one: &str, other: &str) -> bool {
    one == other || document(one).is_some_and(|document_one| document(other) == Some(document_one))
}

/// The YAML document; none when it is empty or no YAML.
pub fn document(text: &str) -> Option<Json> {
    if text.trim().is_empty() {
        return None;
    }
    serde_yaml_ng::from_str(text).ok()
}

fn to_text(form: Form, json: &Json) -> String {
    match form {
        Form::Yaml => serde_yaml_ng::to_string(json).unwrap_or_default(),
        _ => json.to_string(),
    }
}

/// Whether nothing is said in it.
fn is_zero(json: &Json) -> bool {
    match json {
        Json::Null => true,
        Json::Bool(flag) => !flag,
        Json::Number(number) => number.as_f64() == Some(0.0),
        Json::String(text) => text.is_empty(),
        Json::Array(items) => items.is_empty(),
        Json::Object(fields) => fields.values().all(is_zero),
    }
}

fn at<'a>(json: &'a Json, field: &str) -> &'a Json {
    field.split('.').fold(json, |json, name| json.get(name).unwrap_or(&Json::Null))
}

fn put(out: &mut Map<String, Json>, field: &str, json: Json) {
    match field.split_once('.') {
        None => {
            out.insert(field.to_owned(), json);
        }
        Some((first, rest)) => {
            let inner = out.entry(first).or_insert_with(|| Json::Object(Map::new()));
            if let Json::Object(inner) = inner {
                put(inner, rest, json);
            }
        }
    }
}

/// Seconds as Go prints a duration: `600` is `10m0s`.
fn go_duration(seconds: u64) -> String {
    match (seconds / 3600, seconds / 60 % 60, seconds % 60) {
        (0, 0, seconds) => format!("{seconds}s"),
        (0, minutes, seconds) => format!("{minutes}m{seconds}s"),
        (hours, minutes, seconds) => format!("{hours}h{minutes}m{seconds}s"),
    }
}

/// The whole seconds of a duration as Go reads it: `1h30m`, `90s`, `1500ms`.
pub fn seconds_of_go(text: &str) -> Option<u64> {
    let mut rest = text;
    let mut total = 0.0;
    if rest.is_empty() {
        return None;
    }
    while !rest.is_empty() {
        let digits = rest.find(|c: char| !c.is_ascii_digit() && c != '.').filter(|end| *end > 0)?;
        let number: f64 = rest[..digits].parse().ok()?;
        rest = &rest[digits..];
        let letters = rest.find(|c: char| c.is_ascii_digit()).unwrap_or(rest.len());
        total += number
            * match &rest[..letters] {
                "h" => 3600.0,
                "m" => 60.0,
                "s" => 1.0,
                "ms" => 0.001,
                _ => return None,
            };
        rest = &rest[letters..];
    }
    Some(total as u64)
}

#[cfg(test)]
mod tests {
    use serde_json::json;

    use super::super::tables::{CLUSTER, MACHINE_CONFIG, TABLES};
    use super::*;

    fn of(name: &str, json: Json) -> Value {
        TABLES.resources[name].block.conform(&Value::from_json(&json))
    }

    fn written(name: &str, json: Json) -> Json {
        let mut out = Map::new();
        encode(&TABLES.resources[name].block, &of(name, json), &mut out);
        Json::Object(out)
    }

    #[test]
    fn a_cluster_is_written_as_the_real_provider_writes_it() {
        let spec = written(
            CLUSTER,
            json!({
                "name": "one", "kubernetes_version": "v1.34.2+rke2r1", "cloud_credential_secret_name": "cred",
                "rke_config": [{
                    "machine_global_config": "cni: cilium",
                    "upgrade_strategy": [{ "control_plane_concurrency": "1", "worker_concurrency": "10%" }],
                    "machine_pools": [{
                        "name": "cp-a", "quantity": 1, "etcd_role": true, "control_plane_role": true,
                        "drain_before_delete": true, "machine_os": "linux", "unhealthy_node_timeout_seconds": 600,
                        "machine_config": [{ "kind": "Amazonec2Config", "name": "nc-one" }],
                    }],
                }],
            }),
        );
        let idle = json!({
            "enabled": false, "force": false, "deleteEmptyDirData": false, "disableEviction": false,
            "gracePeriod": 0, "timeout": 0, "skipWaitForDeleteTimeoutSeconds": 0,
        });
        assert_eq!(
            spec,
            json!({
                "cloudCredentialSecretName": "cred", "kubernetesVersion": "v1.34.2+rke2r1",
                "localClusterAuthEndpoint": {}, "enableNetworkPolicy": false,
                "rkeConfig": {
                    "upgradeStrategy": {
                        "controlPlaneConcurrency": "1", "controlPlaneDrainOptions": idle,
                        "workerConcurrency": "10%", "workerDrainOptions": idle,
                    },
                    "chartValues": null, "machineGlobalConfig": { "cni": "cilium" },
                    "dataDirectories": {}, "machinePoolDefaults": {},
                    "machinePools": [{
                        "etcdRole": true, "controlPlaneRole": true, "drainBeforeDelete": true, "name": "cp-a",
                        "quantity": 1, "machineOS": "linux", "unhealthyNodeTimeout": "10m0s",
                        "machineConfigRef": { "kind": "Amazonec2Config", "name": "nc-one" },
                    }],
                },
            })
        );
    }

    #[test]
    fn reading_back_what_was_written_changes_nothing() {
        for (name, state) in [
            (
                CLUSTER,
                json!({
                    "kubernetes_version": "v1", "enable_network_policy": false,
                    "agent_env_vars": [{ "name": "A", "value": "1" }],
                    "cluster_agent_deployment_customization": [{
                        "override_affinity": "{\"a\":1}",
                        "override_resource_requirements": [{ "cpu_limit": "1", "memory_request": "2Gi" }],
                    }],
                    "rke_config": [{
                        "machine_global_config": "\"cni\": \"cilium\"\n",
                        "networking": [{}],
                        "registries": [{
                            "configs": [{ "hostname": "z.example", "insecure": true }, { "hostname": "a.example" }],
                            "mirrors": [{ "hostname": "z.example", "endpoints": ["https://m"], "rewrites": { "a": "b" } }],
                        }],
                        "machine_selector_config": [{
                            "config": "a: 1",
                            "machine_label_selector": [{
                                "match_labels": { "x": "y" },
                                "match_expressions": [{ "key": "k", "operator": "In", "values": ["v"] }],
                            }],
                        }],
                        "etcd": [{ "snapshot_retention": 5, "s3_config": [{ "bucket": "b", "endpoint": "e" }] }],
                        "machine_pools": [{
                            "name": "w-a", "quantity": 3, "machine_config": [{ "kind": "K", "name": "n" }],
                            "rolling_update": [{ "max_surge": "1", "max_unavailable": "0" }],
                            "labels": { "l": "1" }, "machine_labels": { "m": "2" }, "node_drain_timeout": 3900,
                            "taints": [{ "key": "k", "value": "v", "effect": "NoSchedule" }],
                        }],
                    }],
                }),
            ),
            (
                MACHINE_CONFIG,
                json!({ "amazonec2_config": [{
                    "ami": "ami-1", "security_group": ["g"], "root_size": "50", "private_address_only": true,
                }]}),
            ),
        ] {
            let table = &TABLES.resources[name].block;
            let state = of(name, state);
            let mut out = Map::new();
            encode(table, &state, &mut out);
            assert_eq!(decode(table, &Json::Object(out), &state), state, "{name}");
        }
    }

    #[test]
    fn a_drift_is_seen() {
        let table = &TABLES.resources[MACHINE_CONFIG].block;
        let state = of(MACHINE_CONFIG, json!({ "amazonec2_config": [{ "ami": "ami-1", "http_tokens": "required" }] }));
        let read = decode(table, &json!({ "ami": "ami-2", "httpTokens": "" }), &state);
        let ec2 = &read.get("amazonec2_config").items()[0];
        assert_eq!((ec2.get("ami").str(), ec2.get("http_tokens").str()), ("ami-2", ""));
    }

    #[test]
    fn durations_are_those_of_go() {
        for (seconds, text) in [(0, "0s"), (59, "59s"), (600, "10m0s"), (3900, "1h5m0s")] {
            assert_eq!(go_duration(seconds), text);
            assert_eq!(seconds_of_go(text), Some(seconds));
        }
        assert_eq!(seconds_of_go("1500ms"), Some(1));
        assert_eq!(seconds_of_go("60m"), Some(3600));
        for wrong in ["", "m", "10", "1 h", "1d", "x5s"] {
            assert_eq!(seconds_of_go(wrong), None, "{wrong:?}");
        }
    }
}
