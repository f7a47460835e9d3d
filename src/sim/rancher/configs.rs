//! Machine configs, which the provider writes before the cluster that uses them. They belong to it, and go with it.

use serde_json::{Map, Value, json};

use super::call::Call;
use super::credentials::map;
use super::norman::text;
use super::reply::{Reply, steve, steve_forbidden, steve_not_found};
use super::steve::{links, list, stale};
use super::world::{MachineConfig, Role, WORKSPACE, draw, stamp, uuid};

/// The group of machine configs.
const CONFIGS: &str = "rke-machine-config.cattle.io";

/// Kinds of machine config, as types spell them, and as objects do.
const CONFIG_KINDS: [(&str, &str); 3] = [
    ("amazonec2config", "Amazonec2Config"),
    ("azureconfig", "AzureConfig"),
    ("vmwarevsphereconfig", "VmwarevsphereConfig"),
];

/// Machine configs, which the provider writes before the cluster that uses them.
pub(super) fn answer(call: &mut Call<'_>, kind: &str, rest: &[&str]) -> Reply {
    let method = call.ask.method.clone();
    let resource = format!("{kind}s.{CONFIGS}");
    let visible = |call: &Call<'_>, config: &MachineConfig| call.told_apart() || config.creator == call.caller.id;
    match (method.as_str(), rest) {
        ("GET", [] | [_]) => {
            let inside = rest.first().is_none_or(|n| *n == WORKSPACE);
            let found = call.world.machine_configs.iter().filter(|c| c.kind == kind && inside && visible(call, c));
            let rows = found.map(|c| show_config(call, c)).collect();
            list(call, &format!("{CONFIGS}.{kind}"), rows)
        }
        ("POST", [] | [_]) => create_config(call, kind),
        ("GET" | "PUT" | "DELETE", [namespace, name]) => {
            let here = |c: &&MachineConfig| c.kind == kind && c.name == *name && *namespace == WORKSPACE;
            let Some(found) = call.world.machine_configs.iter().find(here).filter(|c| visible(call, c)).cloned() else {
                return if call.told_apart() { steve_not_found(&resource, name) } else { steve_forbidden(&method) };
            };
            match method.as_str() {
                "GET" => Reply::ok(show_config(call, &found)),
                "DELETE" => {
                    call.world.machine_configs.retain(|c| c.name != found.name);
                    call.world.touch();
                    Reply::empty(204)
                }
                _ => update_config(call, found, &resource),
            }
        }
        _ => steve_forbidden(&method),
    }
}

fn create_config(call: &mut Call<'_>, kind: &str) -> Reply {
    let body = match call.ask.json() {
        Ok(body) => body,
        Err(why) => return steve(422, "InvalidBodyContent", why),
    };
    let metadata = body.get("metadata").cloned().unwrap_or_default();
    let namespace = text(metadata.get("namespace"));
    if namespace != WORKSPACE {
        return steve(404, "NotFound", format!("namespaces \"{namespace}\" not found"));
    }
    let taken = |name: &str| call.world.machine_configs.iter().any(|c| c.name == name);
    let name = match metadata.get("name").and_then(Value::as_str).filter(|n| !n.is_empty()) {
        Some(name) if taken(name) => {
            return steve(409, "AlreadyExists", format!("{kind}s.{CONFIGS} \"{name}\" already exists"));
        }
        Some(name) => name.to_owned(),
        None => {
            let prefix = text(metadata.get("generateName"));
            format!("{prefix}{}", draw(call.clock, 5, |d| taken(&format!("{prefix}{d}"))))
        }
    };
    let revision = call.world.touch();
    let config = MachineConfig {
        name,
        kind: kind.to_owned(),
        object: with_defaults(kind, &body),
        created: call.now,
        creator: call.caller.id.clone(),
        generation: 1,
        revision,
        doomed: None,
    };
    let shown = show_config(call, &config);
    call.world.machine_configs.push(config);
    Reply::created(shown)
}

fn update_config(call: &mut Call<'_>, mut config: MachineConfig, resource: &str) -> Reply {
    let body = match call.ask.json() {
        Ok(body) => body,
        Err(why) => return steve(422, "InvalidBodyContent", why),
    };
    if let Some(reply) = stale(&body, config.revision, resource, &config.name) {
        return reply;
    }
    config.object = with_defaults(&config.kind, &body);
    config.generation += 1;
    config.revision = call.world.touch();
    let shown = show_config(call, &config);
    if let Some(place) = call.world.machine_configs.iter_mut().find(|c| c.name == config.name) {
        *place = config;
    }
    Reply::ok(shown)
}

/// What the custom resource definition of EC2's machine config fills in.
const EC2_TEXT: [(&str, &str); 27] = [
    ("accessKey", ""),
    ("ami", ""),
    ("blockDurationMinutes", "0"),
    ("deviceName", ""),
    ("endpoint", ""),
    ("httpEndpoint", ""),
    ("httpProtocolIpv6", "disabled"),
    ("httpTokens", ""),
    ("iamInstanceProfile", ""),
    ("instanceType", "t2.micro"),
    ("ipv6AddressCount", "0"),
    ("keypairName", ""),
    ("kmsKey", ""),
    ("region", "us-east-1"),
    ("retries", "5"),
    ("rootSize", "16"),
    ("secretKey", ""),
    ("sessionToken", ""),
    ("spotPrice", "0.50"),
    ("sshKeyContents", ""),
    ("sshUser", "ubuntu"),
    ("subnetId", ""),
    ("tags", ""),
    ("userdata", ""),
    ("volumeType", "gp2"),
    ("vpcId", ""),
    ("zone", "a"),
];

/// Its switches, all of them off.
const EC2_FLAGS: [&str; 10] = [
    "enablePrimaryIpv6",
    "encryptEbsVolume",
    "insecureTransport",
    "ipv6AddressOnly",
    "monitoring",
    "privateAddressOnly",
    "requestSpotInstance",
    "securityGroupReadonly",
    "useEbsOptimizedInstance",
    "usePrivateAddress",
];

fn with_defaults(kind: &str, body: &Value) -> Map<String, Value> {
    let mut object = body.as_object().cloned().unwrap_or_default();
    for key in ["links", "actions", "id", "type", "status"] {
        object.remove(key);
    }
    if kind == "amazonec2config" {
        for (key, value) in EC2_TEXT {
            object.entry(key).or_insert_with(|| json!(value));
        }
        for key in EC2_FLAGS {
            object.entry(key).or_insert_with(|| json!(false));
        }
    }
    object
}

fn show_config(call: &Call<'_>, config: &MachineConfig) -> Value {
    let kind = format!("{CONFIGS}.{}", config.kind);
    let sent = config.object.get("metadata").cloned().unwrap_or_default();
    let mut annotations = map(&sent, "annotations");
    annotations.insert("field.cattle.io/creatorId".to_owned(), json!(config.creator));
    let mut value = Value::Object(config.object.clone());
    value["id"] = json!(format!("{WORKSPACE}/{}", config.name));
    value["type"] = json!(kind);
    value["links"] = links(call, &kind, WORKSPACE, &config.name);
    value["apiVersion"] = json!(format!("{CONFIGS}/v1"));
    let spelt = CONFIG_KINDS.iter().find(|k| k.0 == config.kind).map_or("", |k| k.1);
    value["kind"] = json!(spelt);
    let mut metadata = json!({
        "name": config.name, "namespace": WORKSPACE, "annotations": annotations,
        "creationTimestamp": stamp(config.created), "generation": config.generation,
        "resourceVersion": config.revision.to_string(), "uid": uuid(&kind, &config.name, config.created),
        "state": {"error": false, "message": "Resource is current", "name": "active", "transitioning": false},
    });
    for key in ["generateName", "labels"] {
        if let Some(part) = sent.get(key).filter(|p| !p.is_null()) {
            metadata[key] = part.clone();
        }
    }
    value["metadata"] = metadata;
    // Rancher hides what is secret only in credentials; here it is hidden everywhere.
    if call.caller.role != Role::Admin && value.get("secretKey").is_some() {
        value["secretKey"] = json!("");
    }
    value
}
