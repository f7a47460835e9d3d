//! `rancher2_cluster_role_template_binding`: who has which role in a cluster.

use serde_json::{Map, Value as Json};

use super::super::client::{Answer, Error};
use super::super::value::Value;
use super::super::wire;
use super::{Context, Outcome, from_string_map, known, limit, string_map, unless_gone, until_gone};

const TYPE: &str = "clusterRoleTemplateBinding";
const DELETE_MINUTES: u64 = 10;

/// Makes it, after a look at the cluster and the role.
pub async fn create(context: &Context<'_>, planned: &Value) -> Outcome {
    match make(context, planned).await {
        Ok(made) => {
            let mut state = known(planned);
            fill(context, &mut state, &made);
            match read(context, &state).await {
                Ok(Some(state)) => Outcome::done(state),
                // It was made; an interrupt is no reason to take it for broken.
                Err(Error::Stopped) => Outcome::done(state),
                Ok(None) => Outcome::failed(Value::Null, "the binding was gone right after it was made"),
                Err(error) => Outcome::failed(state, error),
            }
        }
        Err(error) => Outcome::failed(Value::Null, error),
    }
}

async fn make(context: &Context<'_>, planned: &Value) -> Answer {
    let client = context.client;
    client.get(&format!("{}/{}", client.v3("cluster").await?, planned.get("cluster_id").str())).await?;
    client.get(&format!("{}/{}", client.v3("roleTemplate").await?, planned.get("role_template_id").str())).await?;
    client.post(&client.v3(TYPE).await?, &body(context, planned)).await
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

/// Changes its labels and annotations; everything else makes a new one.
pub async fn update(context: &Context<'_>, prior: &Value, planned: &Value) -> Outcome {
    let done = async { context.client.put(&url(context, prior).await?, &body(context, planned)).await }.await;
    match done {
        Ok(remote) => {
            let mut state = known(planned);
            fill(context, &mut state, &remote);
            Outcome::done(state)
        }
        Err(error) => Outcome::failed(prior.clone(), error),
    }
}

/// Deletes it and waits until it is gone.
///
/// # Errors
/// It is still there.
pub async fn delete(context: &Context<'_>, state: &Value) -> Result<(), String> {
    let told = |error| format!("[ERROR] removing Cluster Role Template Binding: {error}");
    let url = url(context, state).await.map_err(told)?;
    let Some(remote) = unless_gone(context.client.get(&url).await).map_err(told)? else { return Ok(()) };
    match context.client.delete(remote["links"]["self"].as_str().unwrap_or(&url)).await {
        Err(error) if !error.is_gone() => return Err(told(error)),
        _ => {}
    }
    let limit = limit(state, "delete", DELETE_MINUTES);
    until_gone(context.client, &url, state.get("id").str(), "cluster role template binding", limit).await
}

async fn url(context: &Context<'_>, state: &Value) -> Answer<String> {
    Ok(format!("{}/{}", context.client.v3(TYPE).await?, state.get("id").str()))
}

fn body(context: &Context<'_>, state: &Value) -> Json {
    let mut body = Map::new();
    wire::encode(context.block, state, &mut body);
    for name in ["annotations", "labels"] {
        if let Some(map) = string_map(state.get(name)) {
            body.insert(name.to_owned(), map);
        }
    }
    body.into()
}

fn fill(context: &Context<'_>, state: &mut Value, remote: &Json) {
    *state = wire::decode(context.block, remote, state);
    state.set("id", Value::from_json(&remote["id"]));
    for name in ["annotations", "labels"] {
        state.set(name, from_string_map(&remote[name]));
    }
}
