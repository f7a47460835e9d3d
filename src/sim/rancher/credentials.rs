//! Cloud credentials: what is secret in them is thrown away at the door.

use serde_json::{Map, Value, json};

use super::call::Call;
use super::norman::{Kind, collection, invalid_body, method_not_allowed, text};
use super::reply::{Reply, cannot_in, norman as error, norman_forbidden, norman_not_found};
use super::v3::object;
use super::world::{Credential, Role, draw};

/// The namespace of all cloud credentials.
pub(super) const NAMESPACE: &str = "cattle-global-data";

/// Parts of a configuration that Rancher never tells again.
const SECRETS: [&str; 5] = ["secretKey", "clientSecret", "password", "token", "authEncodedJson"];

/// Answers `/v3/cloudcredentials…`.
pub(super) fn answer(call: &mut Call<'_>, kind: &Kind, rest: &[&str]) -> Reply {
    let method = call.ask.method.clone();
    match (method.as_str(), rest) {
        ("GET", []) => {
            let rows = call.world.credentials.iter().filter(|c| readable(call, c)).map(|c| show(call, c)).collect();
            collection(call, kind, json!({}), rows)
        }
        ("POST", []) => create(call),
        ("GET" | "PUT" | "DELETE", [id]) => {
            let name = id.strip_prefix("cattle-global-data:").unwrap_or(id).to_owned();
            let found = call.world.credentials.iter().find(|c| c.name == name);
            match found {
                Some(c) if readable(call, c) => {}
                None if call.caller.role == Role::Admin => return norman_not_found("secrets", &name),
                _ => {
                    let object = format!("secrets \"{name}\"");
                    return norman_forbidden(cannot_in(&call.caller.id, "get", &object, "secrets", "", NAMESPACE));
                }
            }
            match method.as_str() {
                "PUT" => update(call, &name),
                "DELETE" => remove(call, &name),
                _ => match call.world.credentials.iter().find(|c| c.name == name) {
                    Some(credential) => Reply::ok(show(call, credential)),
                    None => norman_not_found("secrets", &name),
                },
            }
        }
        _ => method_not_allowed(&method),
    }
}

/// Whether the caller may read, and so use, a credential.
pub(super) fn readable(call: &Call<'_>, credential: &Credential) -> bool {
    match call.caller.role {
        Role::Admin => true,
        Role::Bot if call.is_built_in() && credential.shared => true,
        Role::Bot | Role::Standard => {
            credential.creator == call.caller.id || call.may_read_secret(NAMESPACE, &credential.name)
        }
    }
}

fn create(call: &mut Call<'_>) -> Reply {
    let body = match call.ask.json() {
        Ok(body) => body,
        Err(why) => return invalid_body(&why),
    };
    let Some((field, config)) = configuration(&body) else {
        return error(422, "MissingRequired", "a Config field must be set");
    };
    let drawn = draw(call.clock, 5, |d| call.world.credentials.iter().any(|c| c.name == format!("cc-{d}")));
    let credential = Credential {
        name: format!("cc-{drawn}"),
        title: text(body.get("name")),
        description: body.get("description").and_then(Value::as_str).map(str::to_owned),
        created: call.now,
        creator: call.caller.id.clone(),
        shared: false,
        field,
        config,
        annotations: map(&body, "annotations"),
        labels: map(&body, "labels"),
    };
    let shown = show(call, &credential);
    call.world.credentials.push(credential);
    call.world.touch();
    Reply::created(shown)
}

fn update(call: &mut Call<'_>, name: &str) -> Reply {
    let body = match call.ask.json() {
        Ok(body) => body,
        Err(why) => return invalid_body(&why),
    };
    call.world.touch();
    let Some(credential) = call.world.credentials.iter_mut().find(|c| c.name == name) else {
        return norman_not_found("secrets", name);
    };
    if let Some((field, config)) = configuration(&body) {
        credential.field = field;
        credential.config = config;
    }
    if let Some(title) = body.get("name").and_then(Value::as_str) {
        credential.title = title.to_owned();
    }
    credential.description = body.get("description").and_then(Value::as_str).map(str::to_owned);
    credential.annotations = map(&body, "annotations");
    credential.labels = map(&body, "labels");
    let shown = credential.clone();
    Reply::ok(show(call, &shown))
}

fn remove(call: &mut Call<'_>, name: &str) -> Reply {
    let id = format!("{NAMESPACE}:{name}");
    let user = call.world.clusters.iter().find(|c| uses(&c.spec, &id));
    if let Some(cluster) = user {
        let why = format!("cloud credential is currently referenced by provisioning cluster {}", cluster.name);
        return error(422, "InvalidState", why);
    }
    call.world.credentials.retain(|c| c.name != name);
    call.world.touch();
    Reply::empty(204)
}

/// Whether a cluster's specification names a credential, for all its pools or for one.
fn uses(spec: &Value, id: &str) -> bool {
    let names = |value: &Value| value.get("cloudCredentialSecretName").and_then(Value::as_str) == Some(id);
    let pools = spec.pointer("/rkeConfig/machinePools").and_then(Value::as_array);
    names(spec) || pools.is_some_and(|pools| pools.iter().any(names))
}

fn show(call: &Call<'_>, credential: &Credential) -> Value {
    let id = format!("{NAMESPACE}:{}", credential.name);
    let mut value = object(call, "cloudCredential", &id, credential.created, Some(&credential.creator));
    let mut labels = credential.labels.clone();
    labels.insert("cattle.io/creator".to_owned(), json!("norman"));
    value["name"] = json!(credential.title);
    if let Some(description) = &credential.description {
        value["description"] = json!(description);
    }
    value["annotations"] = json!(credential.annotations);
    value["labels"] = json!(labels);
    value[&credential.field] = credential.config.clone();
    value
}

/// The one `…credentialConfig` of a body, without what is secret.
fn configuration(body: &Value) -> Option<(String, Value)> {
    let fields = body.as_object()?;
    let (field, config) = fields.iter().find(|(k, v)| k.ends_with("credentialConfig") && v.is_object())?;
    let mut config = config.clone();
    if let Some(parts) = config.as_object_mut() {
        parts.retain(|name, _| !SECRETS.contains(&name.as_str()));
        if field == "amazonec2credentialConfig" {
            parts.entry("defaultRegion").or_insert_with(|| json!(""));
        }
    }
    Some((field.clone(), config))
}

/// A map of a body, or an empty one.
pub(super) fn map(body: &Value, key: &str) -> Map<String, Value> {
    body.get(key).and_then(Value::as_object).cloned().unwrap_or_default()
}
