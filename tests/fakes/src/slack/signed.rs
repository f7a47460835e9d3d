//! Delivery over HTTP: signed over the raw body, to the request url of its kind.

use std::time::Duration;

use hmac::{Hmac, Mac};
use serde_json::{Value, json};
use sha2::Sha256;

use super::Inner;
use super::deliver::Failure;
use super::options::RequestUrls;

/// Slack's signature of a request: `v0=` and the HMAC-SHA256 of `v0:{timestamp}:{body}`, in hex.
pub fn sign(secret: &str, timestamp: &str, body: &[u8]) -> String {
    let mut mac = Hmac::<Sha256>::new_from_slice(secret.as_bytes()).expect("HMAC takes a key of any length");
    mac.update(format!("v0:{timestamp}:").as_bytes());
    mac.update(body);
    let digest = mac.finalize().into_bytes();
    let hex: String = digest.iter().map(|byte| format!("{byte:02x}")).collect();
    format!("v0={hex}")
}

/// One request, and what was answered within the time.
pub(crate) async fn post(
    inner: &Inner,
    urls: &RequestUrls,
    kind: &str,
    payload: &Value,
    retry: Option<(u32, &str)>,
    within: Duration,
) -> Result<Option<Value>, Failure> {
    let (url, content_type, body) = match kind {
        "events_api" => (&urls.events, "application/json", payload.to_string()),
        "slash_commands" => (&urls.commands, "application/x-www-form-urlencoded", form(payload)),
        _ => {
            let body = form(&json!({ "payload": payload.to_string() }));
            (&urls.interactivity, "application/x-www-form-urlencoded", body)
        }
    };
    let timestamp = inner.look(|world| world.now_ms() / 1000).to_string();
    let signature = sign(&inner.signing_secret, &timestamp, body.as_bytes());
    let mut request = inner
        .http
        .post(url)
        .header("content-type", content_type)
        .header("user-agent", "Slackbot 1.0 (+https://api.slack.com/robots)")
        .header("x-slack-request-timestamp", &timestamp)
        .header("x-slack-signature", signature);
    if let Some((number, reason)) = retry {
        request = request.header("x-slack-retry-num", number.to_string()).header("x-slack-retry-reason", reason);
    }
    let answer = tokio::time::timeout(within, async {
        let answer = request.body(body).send().await.map_err(|_| Failure::Unreachable)?;
        let status = answer.status();
        let no_retry = answer.headers().get("x-slack-no-retry").is_some_and(|value| value == "1");
        let text = answer.text().await.map_err(|_| Failure::Unreachable)?;
        if !status.is_success() {
            return Err(Failure::Status { status: status.as_u16(), no_retry });
        }
        Ok(text)
    });
    let text = answer.await.map_err(|_| Failure::TimedOut)??;
    if text.trim().is_empty() {
        return Ok(None);
    }
    // A command may be answered with plain text.
    Ok(Some(serde_json::from_str(&text).unwrap_or_else(|_| json!({ "text": text }))))
}

fn form(fields: &Value) -> String {
    let mut form = form_urlencoded::Serializer::new(String::new());
    for (name, value) in fields.as_object().into_iter().flatten() {
        let text = value.as_str().map_or_else(|| value.to_string(), ToString::to_string);
        form.append_pair(name, &text);
    }
    form.finish()
}
