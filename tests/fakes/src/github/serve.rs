//! The HTTP side: each request is written down, meets its fault if one waits for it, and goes to REST, git or the control API.

use std::sync::{Arc, Mutex};

use axum::body::{Body, to_bytes};
use axum::extract::{Request, State};
use axum::http::{HeaderValue, Response, StatusCode};
use serde_json::{Value, json};
use sha1::{Digest as _, Sha1};

use super::answer::{Answer, refused};
use super::ask::{Ask, parts};
use super::auth::Actor;
use super::git_http::{self, GitAsk};
use super::world::{REPOSITORY_ID, World};
use super::{FakeGitHub, Seen, control, lock, route};
use crate::fault::FaultKind;
use crate::wire::{hang_up, pairs};

/// The longest request, in bytes: a push is one.
const REQUEST_MAX: usize = 200 * 1024 * 1024;

/// Answers everything.
pub(super) async fn entry(State(shared): State<Arc<Mutex<World>>>, request: Request) -> Response<Body> {
    let (head, body) = request.into_parts();
    let method = head.method.as_str().to_owned();
    let whole = head.uri.path().to_owned();
    let query = head.uri.query().unwrap_or_default().to_owned();
    let Ok(body) = to_bytes(body, REQUEST_MAX).await else {
        return shown(refused(413, "Payload too large"));
    };
    if whole.trim_end_matches('/') == "/control" {
        return Response::new(Body::from(control::LIST));
    }
    if let Some(action) = whole.strip_prefix("/control/") {
        let (fake, action) = (FakeGitHub::of(shared), action.to_owned());
        return blocking(move || shown(control::answer(&fake, &method, &action, &body))).await;
    }
    let path = whole.strip_prefix("/api/v3").filter(|rest| rest.starts_with('/')).unwrap_or(&whole).to_owned();
    let (fault, latency, git_path, login) = {
        let mut world = lock(&shared);
        let header = head.headers.get("authorization").and_then(|value| value.to_str().ok());
        let login = world.authenticate(header).map(|actor| actor.login().to_owned()).unwrap_or_default();
        let git_path = git_http::path_in(&world, &whole).map(str::to_owned);
        (world.faults.take(&method, &path), world.faults.latency, git_path, login)
    };
    if !latency.is_zero() {
        tokio::time::sleep(latency).await;
    }
    let log = {
        let (shared, method) = (shared.clone(), method.clone());
        let path = if query.is_empty() { path.clone() } else { format!("{path}?{query}") };
        move |status: u16, lost: bool| {
            lock(&shared).calls.push(Seen { method, path, status, login, lost });
        }
    };
    if let Some(refusal) = match fault {
        Some(FaultKind::Status(status)) => Some(refused(status, words_of(status))),
        Some(FaultKind::Secondary(wait)) => {
            let answer = refused(
                403,
                "You have exceeded a secondary rate limit. Please wait a few minutes before you try again.",
            );
            Some(match wait {
                Some(seconds) => answer.with("retry-after", seconds),
                None => answer,
            })
        }
        Some(FaultKind::TooMany { wait_ms, .. }) => {
            Some(refused(429, "API rate limit exceeded").with("retry-after", wait_ms.div_ceil(1000)))
        }
        _ => None,
    } {
        log(refusal.status, false);
        return shown(refusal);
    }
    if fault == Some(FaultKind::Drop) {
        log(0, false);
        hang_up();
    }
    let response = match git_path {
        Some(path) => {
            let ask = GitAsk { method, path, query, headers: head.headers, body };
            let shared = shared.clone();
            blocking(move || git_http::answer(&shared, &ask)).await
        }
        None => {
            let (shared, headers) = (shared.clone(), head.headers);
            blocking(move || rest(&shared, method, &path, &query, &headers, &body)).await
        }
    };
    match fault {
        Some(FaultKind::LostDrop) => {
            log(response.status().as_u16(), true);
            hang_up()
        }
        Some(FaultKind::LostStatus(status)) => {
            log(response.status().as_u16(), true);
            shown(refused(status, words_of(status)))
        }
        _ => {
            log(response.status().as_u16(), false);
            response
        }
    }
}

fn rest(
    shared: &Mutex<World>,
    method: String,
    path: &str,
    query: &str,
    headers: &axum::http::HeaderMap,
    body: &[u8],
) -> Response<Body> {
    let text = |name: &str| headers.get(name).and_then(|value| value.to_str().ok());
    if text("user-agent").is_none_or(str::is_empty) {
        return shown(refused(
            403,
            "Request forbidden by administrative rules. Please make sure your request has a User-Agent header (https://docs.github.com/en/rest/overview/resources-in-the-rest-api#user-agent-required).",
        ));
    }
    let body: Value = match body {
        b"" => json!({}),
        some => match serde_json::from_slice(some) {
            Ok(body) => body,
            Err(_) => return shown(refused(400, "Problems parsing JSON")),
        },
    };
    let mut world = lock(shared);
    let parts = parts(path);
    let numbered = match parts.as_slice() {
        [first, _, _, rest @ ..] if first == "repos" => {
            format!("/repositories/{REPOSITORY_ID}{}", rest.iter().map(|part| format!("/{part}")).collect::<String>())
        }
        _ => path.to_owned(),
    };
    let ask = Ask {
        method,
        parts,
        numbered_path: numbered,
        query: pairs(query),
        body,
        actor: Actor::Nobody,
        api_url: world.api_url.clone(),
    };
    let reads = ask.method == "GET";
    let answer = route::answer(&mut world, ask, text("authorization"));
    if reads && answer.status == 200 {
        let tag = tag_of(&answer);
        if text("if-none-match").is_some_and(|known| known.split(',').any(|one| one.trim() == tag)) {
            // What has not changed is not counted.
            world.rate.used = world.rate.used.saturating_sub(1);
            return shown(Answer { status: 304, body: None, ..answer }.with("etag", tag));
        }
        return shown(answer.with("etag", tag));
    }
    shown(answer)
}

fn tag_of(answer: &Answer) -> String {
    let digest = Sha1::digest(answer.words().as_bytes());
    format!("W/\"{}\"", digest.iter().map(|byte| format!("{byte:02x}")).collect::<String>())
}

fn words_of(status: u16) -> &'static str {
    match status {
        401 => "Bad credentials",
        403 => "Resource not accessible by integration",
        404 => "Not Found",
        502 => "Server Error",
        503 => "No server is currently available to service your request.",
        _ => "Server Error",
    }
}

fn shown(answer: Answer) -> Response<Body> {
    let body = answer.body.as_ref().map(Value::to_string).unwrap_or_default();
    let mut response = Response::new(Body::from(body));
    *response.status_mut() = StatusCode::from_u16(answer.status).unwrap_or(StatusCode::INTERNAL_SERVER_ERROR);
    if answer.body.is_some() {
        let json = HeaderValue::from_static("application/json; charset=utf-8");
        response.headers_mut().insert("content-type", json);
    }
    for (name, value) in answer.headers {
        if let (Ok(name), Ok(value)) = (axum::http::HeaderName::try_from(name), HeaderValue::from_str(&value)) {
            response.headers_mut().insert(name, value);
        }
    }
    response
}

async fn blocking(work: impl FnOnce() -> Response<Body> + Send + 'static) -> Response<Body> {
    match tokio::task::spawn_blocking(work).await {
        Ok(response) => response,
        Err(error) => shown(refused(500, &format!("Server Error: {error}"))),
    }
}
