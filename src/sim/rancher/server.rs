//! The HTTP side: takes requests apart, keeps the log, puts answers together, and saves before it answers.

use std::collections::VecDeque;
use std::path::PathBuf;
use std::sync::{Arc, Mutex, MutexGuard, PoisonError};
use std::time::Duration;

use axum::body::{Body as HttpBody, Bytes};
use axum::http::{HeaderMap, HeaderValue, Method, StatusCode, Uri, header};
use axum::response::Response;
use jiff::Timestamp;
use serde::Serialize;
use serde_json::json;

use super::call::{Ask, Call, authenticate, decode};
use super::faults::Fault;
use super::life::Pace;
use super::reply::{Body, Reply, norman};
use super::world::World;
use super::{control, disk, ext, login, pages, proxy, steve, v3};
use crate::clock::SharedClock;

/// How many requests the log remembers.
const LOG_MAX_REQUESTS: usize = 20_000;
/// How large a body may be.
pub(super) const BODY_MAX_BYTES: usize = 8 * 1024 * 1024;
/// What every answer says of itself in its header `Server`.
pub const SERVER: &str = "kaas-simulated-rancher";

/// One request that was answered.
#[derive(Debug, Clone, PartialEq, Eq, Serialize)]
pub struct Seen {
    /// When it came.
    pub at: Timestamp,
    /// `GET`, `POST` …
    pub method: String,
    /// Path and query.
    pub path: String,
    /// The status that it was answered with.
    pub status: u16,
    /// The id of the user who asked, if it was told.
    pub user: Option<String>,
}

/// What all connections share.
pub(super) struct Shared {
    pub clock: SharedClock,
    pub pace: Pace,
    /// How long a slow answer takes.
    pub slowness: Duration,
    pub state_file: Option<PathBuf>,
    world: Mutex<World>,
    log: Mutex<VecDeque<Seen>>,
}

impl Shared {
    pub fn new(clock: SharedClock, pace: Pace, slowness: Duration, state_file: Option<PathBuf>, world: World) -> Self {
        Self { clock, pace, slowness, state_file, world: Mutex::new(world), log: Mutex::default() }
    }

    pub fn world(&self) -> MutexGuard<'_, World> {
        self.world.lock().unwrap_or_else(PoisonError::into_inner)
    }

    pub fn log(&self) -> MutexGuard<'_, VecDeque<Seen>> {
        self.log.lock().unwrap_or_else(PoisonError::into_inner)
    }

    /// Changes the world and saves it; a change that cannot be saved is undone.
    pub fn change<T>(&self, change: impl FnOnce(&mut World, Timestamp) -> T) -> anyhow::Result<T> {
        let mut world = self.world();
        let now = self.clock.now();
        world.settle(now, &self.pace);
        let before = world.clone();
        let result = change(&mut world, now);
        if world.revision != before.revision
            && let Some(path) = &self.state_file
            && let Err(fault) = disk::save(path, &world)
        {
            *world = before;
            return Err(fault);
        }
        Ok(result)
    }

    /// Answers one request, and says who asked.
    fn answer(&self, ask: &Ask) -> (Reply, Option<String>) {
        if ask.method == "GET" {
            let mut world = self.world();
            let now = self.clock.now();
            world.settle(now, &self.pace);
            let before = world.revision;
            let answered = self.route(ask, &mut world, now);
            debug_assert_eq!(before, world.revision, "a GET changes nothing");
            return answered;
        }
        match self.change(|world, now| self.route(ask, world, now)) {
            Ok(answered) => answered,
            Err(fault) => {
                tracing::error!(error = format!("{fault:#}"), "the simulated Rancher cannot save its state");
                (norman(500, "ServerError", format!("the simulator cannot save its state: {fault:#}")), None)
            }
        }
    }

    fn route(&self, ask: &Ask, world: &mut World, now: Timestamp) -> (Reply, Option<String>) {
        let path: Vec<&str> = ask.path.iter().map(String::as_str).filter(|s| !s.is_empty()).collect();
        let first = path.first().copied().unwrap_or_default();
        match (ask.method.as_str(), path.as_slice()) {
            (_, ["sim", rest @ ..]) => return (control::answer(self, ask, world, now, rest), None),
            (_, ["ping" | "healthz"]) => return (Reply::text(200, "pong"), None),
            _ => {}
        }
        if world.is_on(Fault::Unavailable) {
            return (Reply::text(503, "API Aggregation not ready"), None);
        }
        match path.as_slice() {
            ["rancherversion"] => return (pages::version(), None),
            _ if login::is_login(ask, &path) => return (login::answer(ask, world, &*self.clock, now), None),
            [] | ["dashboard", ..] => return (pages::page(&path), None),
            ["k8s", "clusters", id, "version"]
                if ask.method == "GET" && ask.authorization.is_none() && ask.cookie.is_none() =>
            {
                let open = proxy::version_for_anybody(world, &self.pace, now, id);
                return (open.unwrap_or_else(|| proxy::unauthorized(ask, id, &["version"])), None);
            }
            _ if !["v1", "v3", "k8s", "ext"].contains(&first) => {
                return (Reply::text(404, "404 page not found\n"), None);
            }
            _ => {}
        }
        let caller = match authenticate(ask, world, now) {
            Ok(caller) if proxy::in_scope(&caller, &path) => caller,
            other => {
                let refused = other.err().unwrap_or_else(super::reply::must_authenticate);
                let reply = match path.as_slice() {
                    ["k8s", "clusters", id, rest @ ..] => proxy::unauthorized(ask, id, rest),
                    ["ext", ..] => ext::unauthorized(ask),
                    _ => refused,
                };
                return (reply, None);
            }
        };
        let user = Some(caller.id.clone());
        let mut call = Call { ask, world, clock: &*self.clock, pace: self.pace, now, caller };
        let reply = match path.as_slice() {
            ["v3", ..] => v3::answer(&mut call),
            ["v1", rest @ ..] | ["k8s", "clusters", "local", "v1", rest @ ..] => steve::answer(&mut call, rest),
            ["k8s", "clusters", id, rest @ ..] => proxy::answer(&call, id, rest),
            ["ext", "apis", "ext.cattle.io", "v1", rest @ ..] => ext::answer(&mut call, rest),
            _ => Reply::text(404, "404 page not found\n"),
        };
        (reply, user)
    }
}

/// Serves one request of axum.
pub(super) async fn serve(shared: Arc<Shared>, method: Method, uri: Uri, headers: HeaderMap, body: Bytes) -> Response {
    let ask = take_apart(&method, &uri, &headers, &body);
    let slow = ask.path.first().is_some_and(|p| p != "sim") && shared.world().is_on(Fault::Slow);
    if slow {
        tokio::time::sleep(shared.slowness).await;
    }
    let at = shared.clock.now();
    let (reply, user) = shared.answer(&ask);
    let authenticated = user.is_some();
    {
        let mut log = shared.log();
        if log.len() == LOG_MAX_REQUESTS {
            log.pop_front();
        }
        let path = uri.path_and_query().map_or_else(|| uri.path().to_owned(), ToString::to_string);
        log.push_back(Seen { at, method: ask.method.clone(), path, status: reply.status, user });
    }
    put_together(&ask, reply, authenticated)
}

fn take_apart(method: &Method, uri: &Uri, headers: &HeaderMap, body: &Bytes) -> Ask {
    let header = |name: &str| headers.get(name).and_then(|v| v.to_str().ok()).map(str::to_owned);
    let host = header("host").or_else(|| uri.authority().map(ToString::to_string)).unwrap_or_default();
    let scheme = header("x-forwarded-proto").filter(|p| p == "https").unwrap_or_else(|| "http".to_owned());
    let query = uri.query().unwrap_or_default().split('&').filter(|p| !p.is_empty()).map(|pair| {
        let (key, value) = pair.split_once('=').unwrap_or((pair, ""));
        (decode(key, true), decode(value, true))
    });
    Ask {
        method: method.to_string(),
        path: uri.path().split('/').skip(1).map(|s| decode(s, false)).collect(),
        query: query.collect(),
        authorization: header("authorization"),
        cookie: header("cookie"),
        impersonate: header("impersonate-user"),
        base: format!("{scheme}://{host}"),
        body: body.to_vec(),
    }
}

fn put_together(ask: &Ask, reply: Reply, authenticated: bool) -> Response {
    let (kind, body) = match reply.body {
        // Norman says of nothing that it is JSON.
        Body::Empty if reply.status == 204 && ask.path.first().is_some_and(|first| first == "v3") => {
            (Some("application/json"), HttpBody::empty())
        }
        Body::Empty => (None, HttpBody::empty()),
        Body::Json(value) => (Some("application/json"), HttpBody::from(value.to_string())),
        Body::JsonAsText(value) => (Some("text/plain; charset=utf-8"), HttpBody::from(value.to_string())),
        Body::Text(text) => (Some("text/plain; charset=utf-8"), HttpBody::from(text)),
        Body::Html(page) => (Some("text/html; charset=utf-8"), HttpBody::from(page)),
    };
    let mut response = Response::new(body);
    *response.status_mut() = StatusCode::from_u16(reply.status).unwrap_or(StatusCode::INTERNAL_SERVER_ERROR);
    let headers = response.headers_mut();
    headers.insert(header::SERVER, HeaderValue::from_static(SERVER));
    headers.insert("x-content-type-options", HeaderValue::from_static("nosniff"));
    headers.insert("x-api-cattle-auth", HeaderValue::from_static(if authenticated { "true" } else { "false" }));
    if let Some(kind) = kind {
        headers.insert(header::CONTENT_TYPE, HeaderValue::from_static(kind));
    }
    if let Some(path) = reply.schemas.filter(|_| reply.status != 404 || kind.is_some())
        && let Ok(link) = HeaderValue::from_str(&format!("{}{path}", ask.base))
    {
        headers.insert("x-api-schemas", link);
    }
    response
}

/// The log as the control route shows it.
pub(super) fn shown(log: &VecDeque<Seen>) -> serde_json::Value {
    json!({"simulator": SERVER, "requests": log})
}
