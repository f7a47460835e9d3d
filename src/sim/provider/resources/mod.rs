//! What each resource does to Rancher.
//!
//! Every one has `create`, `read`, `update` and `delete`; a create or update that began and failed still gives back what
//! exists by then, so that terraform keeps it in its state.

pub mod binding;
pub mod cloud_credential;
pub mod cluster;
pub mod kubeconfig;
pub mod machine_config;

use std::collections::BTreeMap;
use std::time::Duration;

use serde_json::{Map, Value as Json, json};

use super::client::{Answer, Client, Error};
use super::schema::Block;
use super::value::Value;
use super::wire;
use crate::clock::SharedClock;

/// What a resource needs to do its work.
pub struct Context<'a> {
    /// Rancher.
    pub client: &'a Client,
    /// The time, to see how old a condition is.
    pub clock: &'a SharedClock,
    /// The resource's table.
    pub block: &'a Block,
}

/// How a create or an update ended.
#[derive(Debug)]
pub struct Outcome {
    /// What exists now; null when nothing does.
    pub state: Value,
    /// Why it is not what was wanted.
    pub error: Option<String>,
}

impl Outcome {
    /// It worked.
    fn done(state: Value) -> Self {
        Self { state, error: None }
    }

    /// It did not; this much exists.
    fn failed(state: Value, error: impl ToString) -> Self {
        Self { state, error: Some(error.to_string()) }
    }
}

/// How long the operation may take: the block `timeouts`, else the default.
fn limit(state: &Value, operation: &str, default_minutes: u64) -> Duration {
    let configured = wire::seconds_of_go(state.get("timeouts").get(operation).str()).filter(|seconds| *seconds > 0);
    Duration::from_secs(configured.unwrap_or(default_minutes * 60))
}

/// The state with null where something is still unknown.
fn known(value: &Value) -> Value {
    match value {
        Value::Unknown => Value::Null,
        Value::List(items) => Value::List(items.iter().map(known).collect()),
        Value::Map(map) => Value::Map(map.iter().map(|(key, value)| (key.clone(), known(value))).collect()),
        value => value.clone(),
    }
}

/// Labels or annotations as JSON; none when there are none.
fn string_map(value: &Value) -> Option<Json> {
    (!value.is_unset() && *value != Value::Unknown).then(|| value.to_json())
}

/// Labels or annotations as terraform has them: an empty map when there are none.
fn from_string_map(json: &Json) -> Value {
    match json {
        Json::Object(_) => Value::from_json(json),
        _ => Value::Map(BTreeMap::new()),
    }
}

/// `metadata` of an object of `/v1`.
fn metadata(state: &Value, naming: (&str, String)) -> Map<String, Json> {
    let mut metadata = Map::new();
    metadata.insert(naming.0.to_owned(), naming.1.into());
    metadata.insert("namespace".to_owned(), state.get("fleet_namespace").to_json());
    for (name, value) in ["labels", "annotations"].map(|name| (name, state.get(name))) {
        if let Some(map) = string_map(value) {
            metadata.insert(name.to_owned(), map);
        }
    }
    metadata
}

/// Replaces an object of `/v1`, taking its newest version again when somebody else wrote in between.
async fn replace(client: &Client, url: &str, body: &mut Json) -> Answer {
    let mut poll = client.poll(Duration::from_secs(120));
    loop {
        let now = client.get(url).await?;
        body["metadata"]["resourceVersion"] = now["metadata"]["resourceVersion"].clone();
        match client.put(now["links"]["self"].as_str().unwrap_or(url), body).await {
            Err(error) if error.is_conflict() => {
                if !poll.again().await? {
                    return Err(error);
                }
            }
            answer => return answer,
        }
    }
}

/// Waits until the object is gone.
async fn until_gone(client: &Client, url: &str, id: &str, what: &str, limit: Duration) -> Result<(), String> {
    let mut poll = client.poll(limit);
    loop {
        match client.get(url).await {
            Err(error) if error.is_gone() => return Ok(()),
            Err(error) => return Err(format!("[ERROR] waiting for {what} ({id}) to be removed: {error}")),
            Ok(_) => {}
        }
        match poll.again().await {
            Ok(true) => {}
            Ok(false) => {
                return Err(format!(
                    "[ERROR] waiting for {what} ({id}) to be removed: timeout while waiting for state to become \
                     'removed' (last state: 'active', timeout: {}s)",
                    poll.limit().as_secs()
                ));
            }
            Err(error) => return Err(format!("[ERROR] waiting for {what} ({id}) to be removed: {error}")),
        }
    }
}

/// The object, or none when it is gone.
fn unless_gone(answer: Answer) -> Result<Option<Json>, Error> {
    match answer {
        Ok(object) => Ok(Some(object)),
        Err(error) if error.is_gone() => Ok(None),
        Err(error) => Err(error),
    }
}

/// An object of `/v1` as it is sent.
fn object(kind: &str, api_version: &str, metadata: Map<String, Json>) -> Map<String, Json> {
    let Json::Object(object) =
        json!({ "links": null, "actions": null, "kind": kind, "apiVersion": api_version, "metadata": metadata })
    else {
        return Map::new();
    };
    object
}
