//! `response_url`: at most five posts within half an hour, private unless asked otherwise, answered with a plain `ok`.

use std::sync::Arc;

use axum::body::Bytes;
use axum::extract::{Path, State};
use axum::response::Response;
use serde_json::{Map, Value};

use super::Inner;
use super::api::{Answer, Args, checked_content};
use super::world::{BOT_USER, Draft, World};

/// Posts that a `response_url` takes.
const USES: u32 = 5;

/// `/response/{number}/{token}`.
pub(crate) async fn respond(
    State(inner): State<Arc<Inner>>,
    Path((number, token)): Path<(String, String)>,
    body: Bytes,
) -> Response {
    let args: Map<String, Value> = serde_json::from_slice(&body).unwrap_or_default();
    let answer = {
        let args = Args(args.clone());
        move |world: &mut World| {
            take(world, &format!("{number}/{token}"), &args).map_err(|refusal| refusal.with_status(404))
        }
    };
    inner.perform("response_url", Value::Object(args), answer).await
}

fn take(world: &mut World, token: &str, args: &Args) -> Answer {
    let now_ms = world.now_ms();
    let life_ms = u64::try_from(world.options.response_life.as_millis()).unwrap_or(u64::MAX);
    let url = world.response_urls.get_mut(token).ok_or("invalid_url")?;
    if now_ms.saturating_sub(url.born_ms) > life_ms {
        return Err("expired_url".into());
    }
    if url.uses >= USES {
        return Err("used_url".into());
    }
    let url = url.clone();
    let about = url.message.clone();
    if args.flag("delete_original") {
        let about = about.ok_or("message_not_found")?;
        world.any_message_mut(&url.channel, &about).ok_or("message_not_found")?.deleted = true;
    } else {
        let content = checked_content(args)?;
        if content.text.is_none() && content.blocks.is_none() {
            return Err("no_text".into());
        }
        match about.filter(|_| args.flag("replace_original")) {
            Some(about) => {
                world.any_message_mut(&url.channel, &about).ok_or("message_not_found")?;
                world.edit(&url.channel, &about, content.text, content.blocks);
            }
            None => {
                let in_channel = args.text("response_type").as_deref() == Some("in_channel");
                world.put(Draft {
                    thread_ts: url.thread.clone(),
                    blocks: content.blocks.unwrap_or_default(),
                    only_for: (!in_channel).then(|| url.user.clone()),
                    ..Draft::text(&url.channel, BOT_USER, &content.text.unwrap_or_default())
                });
            }
        }
    }
    if let Some(url) = world.response_urls.get_mut(token) {
        url.uses += 1;
    }
    Ok(Value::String("ok".to_string()))
}
