//! What a cluster carries that is not in its object: the registration token and a kubeconfig.
//!
//! A new kubeconfig is a new token in Rancher, so the one in the state is kept as long as its token lives and the cluster
//! answers to it.

use serde_json::{Value as Json, json};

use super::super::client::Answer;
use super::super::value::Value;
use super::{Context, unless_gone};

/// Fills in `cluster_registration_token` and `kube_config`.
///
/// # Errors
/// Rancher cannot be asked.
pub async fn fill(context: &Context<'_>, state: &mut Value, management_id: &str) -> Answer<()> {
    let client = context.client;
    let cluster_url = format!("{}/{management_id}", client.v3("cluster").await?);
    if management_id.is_empty() || unless_gone(client.get(&cluster_url).await)?.is_none() {
        for (name, empty) in [("cluster_registration_token", Value::List(Vec::new())), ("kube_config", Value::text(""))]
        {
            if state.get(name).is_null() {
                state.set(name, empty);
            }
        }
        return Ok(());
    }
    let tokens = client.v3("clusterregistrationtoken").await?;
    let token = unless_gone(client.get(&format!("{tokens}/{management_id}:default-token")).await)?;
    state.set("cluster_registration_token", Value::List(token.iter().map(registration_token).collect()));

    if !is_alive(context, state.get("kube_config").str()).await? {
        let fresh = generate(context, &cluster_url).await?;
        state.set("kube_config", Value::String(fresh));
    }
    Ok(())
}

async fn generate(context: &Context<'_>, cluster_url: &str) -> Answer<String> {
    let client = context.client;
    let cluster = client.get(cluster_url).await?;
    client.get(&format!("{}/server-version", client.v3("setting").await?)).await?;
    // A cluster of which this user may not have a kubeconfig does not offer the action.
    let Some(action) = cluster["actions"]["generateKubeconfig"].as_str() else { return Ok(String::new()) };
    let made = client.post(action, &json!({})).await?;
    Ok(made["config"].as_str().unwrap_or_default().to_owned())
}

/// Whether the kubeconfig's token still lives and the cluster answers.
async fn is_alive(context: &Context<'_>, config: &str) -> Answer<bool> {
    let Ok(config) = serde_yaml_ng::from_str::<Json>(config) else { return Ok(false) };
    let token = config["users"][0]["user"]["token"].as_str().unwrap_or_default();
    let server = config["clusters"][0]["cluster"]["server"].as_str().unwrap_or_default();
    let (Some((id, _)), false) = (token.split_once(':'), server.is_empty()) else { return Ok(false) };
    let client = context.client;
    match unless_gone(client.get(&format!("{}/{id}", client.v3("token").await?)).await)? {
        Some(token) if token["expired"] != true && token["enabled"] != false => {}
        _ => return Ok(false),
    }
    Ok(client.probe(&format!("{server}/version")).await)
}

fn registration_token(token: &Json) -> Value {
    let text = |name: &str| Value::text(token[name].as_str().unwrap_or_default());
    let map = |name: &str| match &token[name] {
        map @ Json::Object(_) => Value::from_json(map),
        _ => Value::Null,
    };
    let fields = [
        ("annotations", map("annotations")),
        ("cluster_id", text("clusterId")),
        ("command", text("command")),
        ("id", text("id")),
        ("insecure_command", text("insecureCommand")),
        ("insecure_node_command", text("insecureNodeCommand")),
        ("insecure_windows_node_command", text("insecureWindowsNodeCommand")),
        ("labels", map("labels")),
        ("manifest_url", text("manifestUrl")),
        ("name", text("name")),
        ("node_command", text("nodeCommand")),
        ("token", text("token")),
        ("windows_node_command", text("windowsNodeCommand")),
    ];
    Value::Map(fields.into_iter().map(|(name, value)| (name.to_owned(), value)).collect())
}
