//! `rancher2_cluster_v2`: an object of `provisioning.cattle.io`, and the management cluster that Rancher makes of it.

use std::time::Duration;

use serde_json::{Map, Value as Json, json};

use super::super::client::Answer;
use super::super::value::Value;
use super::super::wire;
use super::{
    Context, Outcome, from_string_map, known, kubeconfig, limit, metadata, object, replace, unless_gone, until_gone,
};

const TYPE: &str = "provisioning.cattle.io.cluster";
const API_VERSION: &str = "provisioning.cattle.io/v1";
const DEFAULT_MINUTES: u64 = 30;
/// How long a condition may stay false before it counts as a failure.
const FALSE_FOR: Duration = Duration::from_secs(120);

/// Makes it and waits until Rancher has created it and, where it has machine pools, set them up.
pub async fn create(context: &Context<'_>, planned: &Value) -> Outcome {
    let body = body(context, planned);
    let made = async { context.client.post(&context.client.v1(TYPE).await?, &body).await }.await;
    let made = match made {
        Ok(made) => made,
        Err(error) => return Outcome::failed(Value::Null, format!("Creating cluster V2: {error}")),
    };
    // From here on the cluster exists: whatever fails, terraform has to know its id.
    let mut state = known(planned);
    state.set("id", Value::from_json(&made["id"]));
    settle(context, state, "create", &["Created", "Updated"]).await
}

/// Reads it; none when it is gone.
///
/// # Errors
/// Rancher cannot be asked.
pub async fn read(context: &Context<'_>, state: &Value) -> Answer<Option<Value>> {
    let Some(remote) = unless_gone(context.client.get(&url(context, state).await?).await)? else {
        return Ok(None);
    };
    let mut state = wire::decode(context.block, &remote["spec"], state);
    let about = &remote["metadata"];
    let management_id = remote["status"]["clusterName"].as_str().unwrap_or_default().to_owned();
    for (name, value) in [
        ("id", Value::from_json(&remote["id"])),
        ("name", Value::from_json(&about["name"])),
        ("fleet_namespace", Value::from_json(&about["namespace"])),
        ("resource_version", Value::from_json(&about["resourceVersion"])),
        ("annotations", from_string_map(&about["annotations"])),
        ("labels", from_string_map(&about["labels"])),
        ("cluster_v1_id", Value::text(&management_id)),
    ] {
        state.set(name, value);
    }
    kubeconfig::fill(context, &mut state, &management_id).await?;
    Ok(Some(state))
}

/// Changes it and waits until Rancher has taken the change.
pub async fn update(context: &Context<'_>, prior: &Value, planned: &Value) -> Outcome {
    let mut body = body(context, planned);
    body["id"] = prior.get("id").to_json();
    let done = async { replace(context.client, &url(context, prior).await?, &mut body).await }.await;
    match done {
        Ok(_) => settle(context, known(planned), "update", &["Updated"]).await,
        Err(error) => Outcome::failed(prior.clone(), format!("Updating cluster V2: {error}")),
    }
}

/// Deletes it and waits until both it and its management cluster are gone.
///
/// # Errors
/// One of them is still there.
pub async fn delete(context: &Context<'_>, state: &Value) -> Result<(), String> {
    let client = context.client;
    let told = |error| format!("Deleting cluster V2: {error}");
    let url = url(context, state).await.map_err(told)?;
    let Some(remote) = unless_gone(client.get(&url).await).map_err(told)? else { return Ok(()) };
    match client.delete(remote["links"]["self"].as_str().unwrap_or(&url)).await {
        Err(error) if !error.is_gone() => return Err(told(error)),
        _ => {}
    }
    let limit = limit(state, "delete", DEFAULT_MINUTES);
    until_gone(client, &url, state.get("id").str(), "cluster", limit).await?;
    match remote["status"]["clusterName"].as_str().unwrap_or_default() {
        "" => Ok(()),
        management_id => {
            let url = format!("{}/{management_id}", client.v3("cluster").await.map_err(told)?);
            until_gone(client, &url, state.get("id").str(), "cluster", limit).await
        }
    }
}

async fn url(context: &Context<'_>, state: &Value) -> Answer<String> {
    Ok(format!("{}/{}", context.client.v1(TYPE).await?, state.get("id").str()))
}

fn body(context: &Context<'_>, state: &Value) -> Json {
    let name = state.get("name").str().to_owned();
    let mut body = object("Cluster", API_VERSION, metadata(state, ("name", name)));
    let mut spec = Map::new();
    wire::encode(context.block, state, &mut spec);
    if let Some(pools) = spec.get_mut("rkeConfig").and_then(|rke| rke["machinePools"].as_array_mut()) {
        for pool in pools {
            pool["displayName"] = pool["name"].clone();
        }
    }
    body.insert("spec".to_owned(), spec.into());
    body.insert("status".to_owned(), json!({ "observedGeneration": 0 }));
    body.into()
}

/// Waits for the conditions (`Updated` only where there are machine pools) and reads the cluster.
async fn settle(context: &Context<'_>, state: Value, operation: &str, conditions: &[&str]) -> Outcome {
    let pools = state.get("rke_config").items().first().is_some_and(|rke| !rke.get("machine_pools").is_unset());
    for condition in conditions.iter().filter(|condition| **condition != "Updated" || pools) {
        if let Err(error) = wait_for(context, &state, condition, limit(&state, operation, DEFAULT_MINUTES)).await {
            return Outcome::failed(state, error);
        }
    }
    match read(context, &state).await {
        Ok(Some(state)) => Outcome::done(state),
        Ok(None) => Outcome::failed(state, "the cluster was gone right after it was written"),
        Err(error) => Outcome::failed(state, error),
    }
}

async fn wait_for(context: &Context<'_>, state: &Value, condition: &str, limit: Duration) -> Result<(), String> {
    let id = state.get("id").str();
    let url = url(context, state).await.map_err(|error| error.to_string())?;
    let mut poll = context.client.poll(limit);
    loop {
        match context.client.get(&url).await {
            Ok(cluster) => {
                let conditions = cluster["status"]["conditions"].as_array().map(Vec::as_slice).unwrap_or_default();
                match conditions.iter().find(|found| found["type"] == condition) {
                    Some(found) if found["status"] == "True" => return Ok(()),
                    Some(found) if found["status"] == "False" && !is_fresh(context, found) => {
                        let message = found["message"].as_str().unwrap_or_default();
                        return Err(format!("Cluster V2 ID {id}: {message}"));
                    }
                    _ => {}
                }
            }
            // A new object is not always readable at once.
            Err(error) if error.is_gone() => {}
            Err(error) => return Err(format!("Getting cluster V2 ID ({id}): {error}")),
        }
        match poll.again().await {
            Ok(true) => {}
            Ok(false) => return Err(format!("Timeout waiting for cluster V2 ID {id}")),
            Err(error) => return Err(format!("waiting for cluster V2 ID {id}: {error}")),
        }
    }
}

fn is_fresh(context: &Context<'_>, condition: &Json) -> bool {
    let told = condition["lastUpdateTime"].as_str().and_then(|time| time.parse::<jiff::Timestamp>().ok());
    told.is_some_and(|time| context.clock.now().duration_since(time).unsigned_abs() < FALSE_FOR)
}
