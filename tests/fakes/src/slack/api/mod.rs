//! The Web API: who calls, with which token and scope, how often; then the method. [`METHODS`] lists them all.
//!
//! A method itself is a function of the world and the arguments: it does its work or refuses it, and knows nothing of HTTP.

mod channels;
mod chat;
mod files;
mod people;
mod view;

use std::sync::Arc;

use axum::body::{Body, Bytes};
use axum::extract::{Path, RawQuery, State};
use axum::http::{HeaderMap, Method, StatusCode};
use axum::response::{IntoResponse, Response};
use serde_json::{Map, Value, json};

pub(crate) use chat::checked_content;
pub(crate) use files::upload;
pub(crate) use view::{checked_view, close_all, push_on, replace};

use super::Inner;
use super::options::Fault;
use super::records::Call;
use super::world::World;

/// What a refused call answers: `error`, and more where Slack says more.
#[derive(Debug, Clone)]
pub(crate) struct Refusal {
    pub(crate) error: String,
    pub(crate) more: Map<String, Value>,
    pub(crate) status: u16,
}

impl Refusal {
    /// With messages, as Slack words what is wrong with blocks.
    pub(crate) fn with_messages(error: &str, messages: Vec<String>) -> Self {
        let mut more = Map::new();
        more.insert("errors".to_string(), json!(messages));
        more.insert("response_metadata".to_string(), json!({ "messages": messages }));
        Self { error: error.to_string(), more, status: 200 }
    }

    /// The same refusal with another HTTP status, where it is not told in a method's answer.
    pub(crate) fn with_status(self, status: u16) -> Self {
        Self { status: if self.status == 200 { status } else { self.status }, ..self }
    }

    /// Beyond a rate: after so many seconds again.
    pub(crate) fn ratelimited(seconds: u64) -> Self {
        let mut more = Map::new();
        more.insert("retry_after".to_string(), json!(seconds));
        Self { error: "ratelimited".to_string(), more, status: 429 }
    }
}

impl From<&str> for Refusal {
    fn from(error: &str) -> Self {
        Self { error: error.to_string(), more: Map::new(), status: 200 }
    }
}

/// What a method answers; `ok` is added.
pub(crate) type Answer = Result<Value, Refusal>;

/// The arguments of a call, by name.
#[derive(Debug, Clone, Default)]
pub(crate) struct Args(pub(crate) Map<String, Value>);

impl Args {
    /// A text; numbers count as such, an empty one as none.
    pub(crate) fn text(&self, name: &str) -> Option<String> {
        match self.0.get(name)? {
            Value::String(text) if text.is_empty() => None,
            Value::String(text) => Some(text.clone()),
            Value::Number(number) => Some(number.to_string()),
            _ => None,
        }
    }

    /// A text that has to be there.
    pub(crate) fn need(&self, name: &str) -> Result<String, Refusal> {
        self.text(name).ok_or_else(|| {
            Refusal::with_messages("invalid_arguments", vec![format!("[ERROR] missing required field: {name}")])
        })
    }

    /// Yes or no.
    pub(crate) fn flag(&self, name: &str) -> bool {
        match self.0.get(name) {
            Some(Value::Bool(yes)) => *yes,
            Some(Value::String(text)) => text == "true" || text == "1",
            Some(Value::Number(number)) => number.as_u64() == Some(1),
            _ => false,
        }
    }

    /// A number.
    pub(crate) fn number(&self, name: &str) -> Option<u64> {
        self.text(name)?.parse().ok()
    }

    /// Something structured, which a form carries as JSON text.
    pub(crate) fn json(&self, name: &str) -> Result<Option<Value>, Refusal> {
        match self.0.get(name) {
            None | Some(Value::Null) => Ok(None),
            Some(Value::String(text)) => {
                serde_json::from_str(text).map(Some).map_err(|_| Refusal::from("invalid_arguments"))
            }
            Some(other) => Ok(Some(other.clone())),
        }
    }
}

/// How a method is called.
#[derive(Debug, Clone, Copy, PartialEq, Eq)]
enum Verb {
    /// GET with a query, or POST with a form: JSON is not read.
    Read,
    /// POST with JSON or a form.
    Write,
}

/// One method of the Web API.
struct Entry {
    name: &'static str,
    verb: Verb,
    /// Any one of these; empty for none.
    scopes: &'static [&'static str],
    /// Calls a minute of its tier; `None` for a special one.
    per_minute: Option<u32>,
    run: fn(&mut World, &Args) -> Answer,
}

const T2: Option<u32> = Some(20);
const T3: Option<u32> = Some(50);
const T4: Option<u32> = Some(100);
const READ_CHANNELS: &[&str] = &["channels:read", "groups:read", "im:read", "mpim:read"];
const HISTORY: &[&str] = &["channels:history", "groups:history", "im:history", "mpim:history"];

const fn read(
    name: &'static str,
    scopes: &'static [&'static str],
    per_minute: Option<u32>,
    run: fn(&mut World, &Args) -> Answer,
) -> Entry {
    Entry { name, verb: Verb::Read, scopes, per_minute, run }
}

const fn write(
    name: &'static str,
    scopes: &'static [&'static str],
    per_minute: Option<u32>,
    run: fn(&mut World, &Args) -> Answer,
) -> Entry {
    Entry { name, verb: Verb::Write, scopes, per_minute, run }
}

/// Every method there is, with its scopes and its tier.
const METHODS: &[Entry] = &[
    read("auth.test", &[], None, people::auth_test),
    write("apps.connections.open", &[], T2, people::connections_open),
    write("chat.postMessage", &["chat:write"], None, chat::post_message),
    write("chat.update", &["chat:write"], T3, chat::update),
    write("chat.postEphemeral", &["chat:write"], T4, chat::post_ephemeral),
    write("chat.delete", &["chat:write"], T3, chat::delete),
    read("chat.getPermalink", &[], None, chat::permalink),
    write("conversations.open", &["im:write"], T3, channels::open),
    read("conversations.info", READ_CHANNELS, T3, channels::info),
    read("conversations.list", READ_CHANNELS, T2, channels::list),
    read("conversations.members", READ_CHANNELS, T4, channels::members),
    read("conversations.history", HISTORY, T3, channels::history),
    read("conversations.replies", HISTORY, T3, channels::replies),
    read("reactions.get", &["reactions:read"], T3, people::reactions_get),
    write("reactions.add", &["reactions:write"], T3, people::reactions_add),
    write("reactions.remove", &["reactions:write"], T2, people::reactions_remove),
    read("users.info", &["users:read"], T4, people::users_info),
    read("users.lookupByEmail", &["users:read.email"], T3, people::users_lookup),
    read("usergroups.list", &["usergroups:read"], T2, people::groups_list),
    read("usergroups.users.list", &["usergroups:read"], T2, people::group_users),
    write("views.open", &[], T4, view::open),
    write("views.push", &[], T4, view::push),
    write("views.update", &[], T4, view::update),
    write("views.publish", &[], T4, view::publish),
    read("files.getUploadURLExternal", &["files:write"], T4, files::upload_url),
    write("files.completeUploadExternal", &["files:write"], T4, files::complete),
];

/// `/api/{method}`.
pub(crate) async fn call(
    State(inner): State<Arc<Inner>>,
    Path(method): Path<String>,
    verb: Method,
    RawQuery(query): RawQuery,
    headers: HeaderMap,
    body: Bytes,
) -> Response {
    let args = arguments(&verb, query.as_deref(), &headers, &body);
    let token = bearer(&headers).or_else(|| args.text("token"));
    let answer = |world: &mut World| -> Answer {
        let entry = METHODS.iter().find(|entry| entry.name == method).ok_or("unknown_method")?;
        if verb != Method::POST && !(verb == Method::GET && entry.verb == Verb::Read) {
            return Err("unknown_method".into());
        }
        let is_json = content_type(&headers).starts_with("application/json");
        if verb == Method::POST && entry.verb == Verb::Read && is_json && !body.is_empty() {
            return Err("invalid_arguments".into());
        }
        let token = token.as_deref().ok_or("not_authed")?;
        let wants_app = entry.name == "apps.connections.open";
        let known = if token == inner.bot_token {
            false
        } else if token == inner.app_token {
            true
        } else {
            return Err("invalid_auth".into());
        };
        if known != wants_app {
            return Err("not_allowed_token_type".into());
        }
        scope(world, entry)?;
        tier(world, entry)?;
        (entry.run)(world, &args)
    };
    inner.perform(&method, Value::Object(args.0.clone()), answer).await
}

impl Inner {
    /// Does a call as the faults of the moment allow, and keeps a note of it.
    pub(crate) async fn perform(
        &self,
        method: &str,
        args: Value,
        answer: impl FnOnce(&mut World) -> Answer,
    ) -> Response {
        let latency = self.look(|world| world.faults.latency);
        if !latency.is_zero() {
            tokio::time::sleep(latency).await;
        }
        let fault = self.change(|world| world.faults.take(method));
        let (status, body, lost) = match fault {
            Some(Fault::RateLimited(seconds)) => refused(&Refusal::ratelimited(seconds)),
            Some(Fault::Status(status)) => (status, Value::Null, false),
            Some(Fault::Hang) => {
                self.note(method, args, 0, Value::Null, true);
                std::future::pending::<()>().await;
                return StatusCode::SERVICE_UNAVAILABLE.into_response();
            }
            None | Some(Fault::LostAnswer) => match self.change(answer) {
                Ok(value) => (200, with_ok(value), fault.is_some()),
                Err(refusal) => {
                    let (status, body, _) = refused(&refusal);
                    (status, body, fault.is_some())
                }
            },
        };
        self.note(method, args, status, body.clone(), lost);
        if lost {
            return broken();
        }
        respond(status, &body)
    }

    fn note(&self, method: &str, args: Value, status: u16, answer: Value, lost: bool) {
        self.change(|world| {
            let at_ms = world.now_ms();
            world.calls.push(Call { method: method.to_string(), args, status, answer, at_ms, lost });
        });
    }
}

fn refused(refusal: &Refusal) -> (u16, Value, bool) {
    let mut body = Map::new();
    body.insert("ok".to_string(), json!(false));
    body.insert("error".to_string(), json!(refusal.error));
    body.extend(refusal.more.clone());
    (refusal.status, Value::Object(body), false)
}

fn with_ok(value: Value) -> Value {
    let Value::Object(fields) = value else { return value };
    let mut body = Map::new();
    body.insert("ok".to_string(), json!(true));
    body.extend(fields);
    Value::Object(body)
}

/// An answer over HTTP: JSON; `"ok"` alone is plain text, as response urls answer.
fn respond(status: u16, body: &Value) -> Response {
    let status = StatusCode::from_u16(status).unwrap_or(StatusCode::INTERNAL_SERVER_ERROR);
    match body {
        Value::Null => (status, [("content-type", "text/plain")], "upstream error").into_response(),
        Value::String(text) => (status, [("content-type", "text/plain; charset=utf-8")], text.clone()).into_response(),
        _ => {
            let text = body.to_string();
            let mut answer = (status, [("content-type", "application/json; charset=utf-8")], text).into_response();
            if let Some(seconds) = body["retry_after"].as_u64() {
                answer.headers_mut().insert("retry-after", seconds.into());
            }
            answer
        }
    }
}

/// An answer that breaks off before its first byte.
fn broken() -> Response {
    let cut = futures_util::stream::once(async {
        Err::<Bytes, _>(std::io::Error::new(std::io::ErrorKind::ConnectionReset, "the answer is lost on purpose"))
    });
    let mut answer = Response::new(Body::from_stream(cut));
    answer.headers_mut().insert("content-length", 4096.into());
    answer.headers_mut().insert("content-type", axum::http::HeaderValue::from_static("application/json"));
    answer
}

fn scope(world: &World, entry: &Entry) -> Result<(), Refusal> {
    let provided = &world.options.scopes;
    if entry.scopes.is_empty() || entry.scopes.iter().any(|scope| provided.contains(*scope)) {
        return Ok(());
    }
    Err(missing(world, &entry.scopes.join(",")))
}

/// The refusal of a call whose scope the token does not have.
pub(crate) fn missing(world: &World, needed: &str) -> Refusal {
    let mut refusal = Refusal::from("missing_scope");
    let provided: Vec<&str> = world.options.scopes.iter().map(String::as_str).collect();
    refusal.more.insert("needed".to_string(), json!(needed));
    refusal.more.insert("provided".to_string(), json!(provided.join(",")));
    refusal
}

fn tier(world: &mut World, entry: &Entry) -> Result<(), Refusal> {
    let own = entry.per_minute.filter(|_| world.options.tiers);
    let per_minute = if entry.name == "chat.update" { world.options.updates_per_minute } else { own };
    let Some(per_minute) = per_minute else { return Ok(()) };
    let now_ms = world.now_ms();
    world.rates.call(entry.name, per_minute, now_ms).map_err(Refusal::ratelimited)
}

fn bearer(headers: &HeaderMap) -> Option<String> {
    headers.get("authorization")?.to_str().ok()?.strip_prefix("Bearer ").map(ToString::to_string)
}

fn content_type(headers: &HeaderMap) -> &str {
    headers.get("content-type").and_then(|value| value.to_str().ok()).unwrap_or_default()
}

fn arguments(verb: &Method, query: Option<&str>, headers: &HeaderMap, body: &[u8]) -> Args {
    let mut args = form(query.unwrap_or_default().as_bytes());
    if verb == Method::POST {
        if content_type(headers).starts_with("application/json") {
            if let Ok(Value::Object(fields)) = serde_json::from_slice(body) {
                args.extend(fields);
            }
        } else {
            args.extend(form(body));
        }
    }
    Args(args)
}

fn form(text: &[u8]) -> Map<String, Value> {
    form_urlencoded::parse(text).map(|(name, value)| (name.into_owned(), Value::String(value.into_owned()))).collect()
}
