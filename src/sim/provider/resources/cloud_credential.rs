//! The data source `rancher2_cloud_credential`: the id of the credential with a name.

use serde_json::Value as Json;

use super::super::value::Value;
use super::{Context, from_string_map};

/// Finds the one credential with the configured name.
///
/// # Errors
/// There is none, or none that this token may see, or more than one.
pub async fn read(context: &Context<'_>, config: &Value) -> Result<Value, String> {
    let name = config.get("name").str();
    let found = async {
        let mut url = reqwest::Url::parse(&context.client.v3("cloudCredential").await?).map_err(|error| {
            super::Error::Unreachable { url: "the link to cloud credentials".to_owned(), text: error.to_string() }
        })?;
        url.query_pairs_mut().append_pair("name", name);
        context.client.get(url.as_str()).await
    };
    let found = found.await.map_err(|error| error.to_string())?;
    let named: Vec<&Json> = found["data"].as_array().into_iter().flatten().filter(|one| one["name"] == name).collect();
    match named.as_slice() {
        [one] => {
            let mut state = config.clone();
            state.set("id", Value::from_json(&one["id"]));
            for field in ["annotations", "labels"] {
                state.set(field, from_string_map(&one[field]));
            }
            Ok(state)
        }
        // The real provider says "catalog" here; it means the cloud credential.
        [] => Err(format!("[ERROR] catalog with name \"{name}\" not found")),
        several => Err(format!("[ERROR] found {} catalogs with name \"{name}\"", several.len())),
    }
}
