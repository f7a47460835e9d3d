//! `rancher2_machine_config_v2`: an object of `rke-machine-config.cattle.io`.

use serde_json::{Map, Value as Json};

use super::super::client::{Answer, Error};
use super::super::value::Value;
use super::super::wire;
use super::{Context, Outcome, from_string_map, known, limit, metadata, object, replace, unless_gone, until_gone};

const KIND: &str = "Amazonec2Config";
const TYPE: &str = "rke-machine-config.cattle.io.amazonec2config";
const API_VERSION: &str = "rke-machine-config.cattle.io/v1";
const UPDATE_MINUTES: u64 = 10;

/// Makes it.
pub async fn create(context: &Context<'_>, planned: &Value) -> Outcome {
    let generate = format!("nc-{}-", planned.get("generate_name").str());
    let body = body(context, planned, ("generateName", generate));
    let made = async { context.client.post(&context.client.v1(TYPE).await?, &body.into()).await }.await;
    match made {
        Ok(made) => {
            let mut state = known(planned);
            fill(context, &mut state, &made);
            reread(context, state).await
        }
        Err(error) => Outcome::failed(Value::Null, format!("Creating machine V2: {error}")),
    }
}

/// Reads it; none when it is gone.
///
/// # Errors
/// Rancher cannot be asked.
pub async fn read(context: &Context<'_>, state: &Value) -> Answer<Option<Value>> {
    let Some(remote) = unless_gone(context.client.get(&url(context, state).await?).await)? else {
        return Ok(None);
    };
    let mut state = state.clone();
    fill(context, &mut state, &remote);
    Ok(Some(state))
}

/// Changes it.
pub async fn update(context: &Context<'_>, prior: &Value, planned: &Value) -> Outcome {
    let mut body = Json::Object(body(context, planned, ("name", prior.get("name").str().to_owned())));
    body["id"] = prior.get("id").to_json();
    let done = async { replace(context.client, &url(context, prior).await?, &mut body).await }.await;
    match done {
        Ok(_) => reread(context, known(planned)).await,
        Err(error) => Outcome::failed(prior.clone(), format!("Updating machine V2: {error}")),
    }
}

/// Deletes it and waits until it is gone.
///
/// # Errors
/// It is still there.
pub async fn delete(context: &Context<'_>, state: &Value) -> Result<(), String> {
    let told = |error| format!("Deleting machine V2: {error}");
    let url = url(context, state).await.map_err(told)?;
    let Some(remote) = unless_gone(context.client.get(&url).await).map_err(told)? else { return Ok(()) };
    let link = remote["links"]["remove"].as_str().or(remote["links"]["self"].as_str()).unwrap_or(&url);
    match context.client.delete(link).await {
        Err(error) if !error.is_gone() => return Err(told(error)),
        _ => {}
    }
    until_gone(context.client, &url, state.get("id").str(), "machine V2", limit(state, "delete", UPDATE_MINUTES)).await
}

async fn url(context: &Context<'_>, state: &Value) -> Answer<String> {
    Ok(format!("{}/{}", context.client.v1(TYPE).await?, state.get("id").str()))
}

async fn reread(context: &Context<'_>, state: Value) -> Outcome {
    match read(context, &state).await {
        Ok(Some(state)) => Outcome::done(state),
        // It was written; an interrupt is no reason to take it for broken.
        Err(Error::Stopped) => Outcome::done(state),
        Ok(None) => Outcome::failed(Value::Null, "machine V2 was gone right after it was written"),
        Err(error) => Outcome::failed(state, format!("Getting machine V2: {error}")),
    }
}

fn body(context: &Context<'_>, state: &Value, naming: (&str, String)) -> Map<String, Json> {
    let mut body = object(KIND, API_VERSION, metadata(state, naming));
    wire::encode(context.block, state, &mut body);
    body
}

fn fill(context: &Context<'_>, state: &mut Value, remote: &Json) {
    let about = &remote["metadata"];
    *state = wire::decode(context.block, remote, state);
    if state.get("generate_name").is_null() {
        let generate = about["generateName"].as_str().unwrap_or_default();
        state.set("generate_name", Value::text(generate.trim_start_matches("nc-").trim_end_matches('-')));
    }
    for (name, value) in [
        ("id", Value::from_json(&remote["id"])),
        ("kind", Value::from_json(&remote["kind"])),
        ("name", Value::from_json(&about["name"])),
        ("fleet_namespace", Value::from_json(&about["namespace"])),
        ("resource_version", Value::from_json(&about["resourceVersion"])),
        ("annotations", from_string_map(&about["annotations"])),
        ("labels", from_string_map(&about["labels"])),
    ] {
        state.set(name, value);
    }
}
