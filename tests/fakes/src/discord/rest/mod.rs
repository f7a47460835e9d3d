//! REST: who calls, how often, with what trouble; whether what is asked is what Discord's published API knows; then the route. [`ROUTES`] lists them.
//!
//! A route itself is a function of the world and what is asked: it does its work or refuses it, and knows nothing of HTTP.

mod ask;
mod callback;
mod commands;
mod content;
mod guild;
mod messages;
mod reactions;
mod threads;
mod webhooks;

use std::sync::Arc;

use axum::body::Body;
use axum::extract::{Request, State};
use axum::http::{HeaderMap, HeaderValue, Response, StatusCode};
use serde_json::{Value, json};

pub(crate) use ask::Ask;
pub(crate) use content::pinged;
pub(crate) use reactions::told as reactions_told;

use super::Inner;
use super::rates::{Rate, Told};
use super::records::{Call, Id};
use super::refusal::{Answer, Done, Refusal, refuse};
use super::schema;
use super::world::World;
use crate::fault::FaultKind;
use crate::wire::hang_up;

/// Something that happened on the way and is told on the gateway: name, data, channel.
pub(crate) type Event = (&'static str, Value, Option<Id>);

/// Who may call.
#[derive(Debug, Clone, Copy, PartialEq, Eq)]
enum Who {
    /// The bot, with its token.
    Bot,
    /// Whoever knows the path; a token is not looked at.
    Anyone,
}

/// One route.
struct Route {
    method: &'static str,
    /// With `{}` for each part that differs.
    path: &'static str,
    who: Who,
    rate: Rate,
    run: fn(&mut World, &Ask, &mut Vec<Event>) -> Answer,
}

const fn bot(
    method: &'static str,
    path: &'static str,
    rate: Rate,
    run: fn(&mut World, &Ask, &mut Vec<Event>) -> Answer,
) -> Route {
    Route { method, path, who: Who::Bot, rate, run }
}

const fn anyone(
    method: &'static str,
    path: &'static str,
    rate: Rate,
    run: fn(&mut World, &Ask, &mut Vec<Event>) -> Answer,
) -> Route {
    Route { method, path, who: Who::Anyone, rate, run }
}

const fn rate(name: &'static str, limit: u32, window_ms: u64) -> Rate {
    Rate { name, limit, window_ms }
}

const READS: Rate = rate("reads", 50, 1000);
const POSTS: Rate = rate("posts", 5, 5000);
const EDITS: Rate = rate("edits", 5, 5000);
const DELETES: Rate = rate("deletes", 5, 1000);
const REACTS: Rate = rate("reacts", 1, 250);
const HOOKS: Rate = rate("hooks", 5, 2000);
const COMMANDS: Rate = rate("commands", 5, 20_000);
const THREADS: Rate = rate("threads", 10, 10_000);
const CALLBACKS: Rate = rate("callbacks", 50, 1000);

/// Every route there is.
const ROUTES: &[Route] = &[
    anyone("GET", "/gateway", READS, guild::gateway),
    bot("GET", "/gateway/bot", READS, guild::gateway_bot),
    bot("GET", "/users/@me", READS, guild::me),
    bot("POST", "/users/@me/channels", POSTS, guild::open_dm),
    bot("GET", "/users/{}", READS, guild::user),
    bot("GET", "/applications/@me", READS, guild::application),
    bot("GET", "/oauth2/applications/@me", READS, guild::application),
    bot("GET", "/applications/{}/guilds/{}/commands", READS, commands::list),
    bot("PUT", "/applications/{}/guilds/{}/commands", COMMANDS, commands::replace),
    anyone("POST", "/interactions/{}/{}/callback", CALLBACKS, callback::answer),
    anyone("POST", "/webhooks/{}/{}", HOOKS, webhooks::follow_up),
    anyone("GET", "/webhooks/{}/{}/messages/{}", HOOKS, webhooks::read),
    anyone("PATCH", "/webhooks/{}/{}/messages/{}", HOOKS, webhooks::edit),
    anyone("DELETE", "/webhooks/{}/{}/messages/{}", HOOKS, webhooks::delete),
    bot("GET", "/guilds/{}", READS, guild::guild),
    bot("GET", "/guilds/{}/roles", READS, guild::roles),
    bot("GET", "/guilds/{}/channels", READS, guild::channels),
    bot("GET", "/guilds/{}/threads/active", READS, threads::active),
    bot("GET", "/guilds/{}/members", READS, guild::members),
    bot("GET", "/guilds/{}/members/{}", READS, guild::member),
    bot("GET", "/channels/{}", READS, guild::channel),
    bot("PATCH", "/channels/{}", THREADS, threads::change),
    bot("POST", "/channels/{}/typing", POSTS, guild::typing),
    bot("GET", "/channels/{}/messages", READS, messages::list),
    bot("POST", "/channels/{}/messages", POSTS, messages::create),
    bot("GET", "/channels/{}/messages/{}", READS, messages::one),
    bot("PATCH", "/channels/{}/messages/{}", EDITS, messages::edit),
    bot("DELETE", "/channels/{}/messages/{}", DELETES, messages::delete),
    bot("POST", "/channels/{}/messages/{}/threads", THREADS, threads::begin),
    bot("PUT", "/channels/{}/thread-members/{}", THREADS, threads::join),
    bot("PUT", "/channels/{}/messages/{}/reactions/{}/@me", REACTS, reactions::add),
    bot("DELETE", "/channels/{}/messages/{}/reactions/{}/@me", REACTS, reactions::remove),
    bot("GET", "/channels/{}/messages/{}/reactions/{}", READS, reactions::users),
];

/// `/api/v10/…`.
pub(crate) async fn call(State(inner): State<Arc<Inner>>, request: Request) -> Response<Body> {
    let (latency, offline) = inner.look(|world| (world.faults.latency, world.delivery.offline));
    if !latency.is_zero() {
        tokio::time::sleep(latency).await;
    }
    let (ask, headers) = match ask::read(request).await {
        Ok(read) => read,
        Err(refusal) => return shown(&Err(refusal), None),
    };
    let fault = match offline {
        true => Some(FaultKind::Status(503)),
        false => inner.change(|world| world.faults.take(&ask.method, &ask.path)),
    };
    match fault {
        Some(FaultKind::Drop) => {
            note(&inner, &ask, &Ok(Done { status: 0, body: Value::Null }), false);
            hang_up()
        }
        Some(FaultKind::Status(status)) => {
            let answer = Err(match status {
                401 => Refusal::unauthorized(),
                404 => Refusal::not_found(),
                403 => Refusal::no_access(),
                status => refuse(status, 0, &format!("{status}: Server Error")),
            });
            note(&inner, &ask, &answer, false);
            return shown(&answer, None);
        }
        Some(FaultKind::TooMany { .. } | FaultKind::Secondary(_)) => {
            let (wait_ms, global) = match fault {
                Some(FaultKind::TooMany { wait_ms, global }) => (wait_ms, global),
                Some(FaultKind::Secondary(Some(seconds))) => (seconds * 1000, false),
                _ => (1000, false),
            };
            let answer = Err(Refusal::limited(wait_ms, global));
            note(&inner, &ask, &answer, false);
            return shown(&answer, None);
        }
        None | Some(FaultKind::LostDrop | FaultKind::LostStatus(_)) => {}
    }
    let mut events = Vec::new();
    let (answer, told) = inner.change(|world| {
        let (answer, told) = perform(&inner, world, &ask, &headers, &mut events);
        if matches!(&answer, Err(refusal) if matches!(refusal.status, 401 | 403 | 429)) {
            let now_ms = world.now_ms();
            world.rates.note_invalid(now_ms);
        }
        (answer, told)
    });
    for (name, data, channel) in events {
        inner.tell(name, data, channel);
    }
    note(&inner, &ask, &answer, fault.is_some());
    match fault {
        Some(FaultKind::LostDrop) => hang_up(),
        Some(FaultKind::LostStatus(status)) => shown(&Err(refuse(status, 0, "502: Bad Gateway")), None),
        _ => shown(&answer, told),
    }
}

fn perform(
    inner: &Inner,
    world: &mut World,
    ask: &Ask,
    headers: &HeaderMap,
    events: &mut Vec<Event>,
) -> (Answer, Option<Told>) {
    let now_ms = world.now_ms();
    let limit = world.options.invalid_in_ten_minutes;
    if let Some(wait_ms) = world.rates.shut_out(limit, now_ms) {
        return (Err(Refusal::limited(wait_ms, true)), None);
    }
    let Some((route, parts)) = ROUTES.iter().find_map(|route| {
        let parts = fits(route.path, &ask.parts)?;
        (route.method == ask.method).then_some((route, parts))
    }) else {
        let is_known = ROUTES.iter().any(|route| fits(route.path, &ask.parts).is_some());
        let refusal = if is_known { refuse(405, 0, "405: Method Not Allowed") } else { Refusal::not_found() };
        return (Err(refusal), None);
    };
    let header = headers.get("authorization").and_then(|value| value.to_str().ok());
    let is_bot = header.and_then(|header| header.strip_prefix("Bot ")) == Some(&inner.token);
    if route.who == Who::Bot && !is_bot {
        return (Err(Refusal::unauthorized()), None);
    }
    let mut told = None;
    if world.options.rates {
        let a_second = world.options.global_a_second;
        let counts = !route.path.starts_with("/interactions") && !route.path.starts_with("/webhooks");
        if let Some(wait_ms) = counts.then(|| world.rates.global(a_second, now_ms)).flatten() {
            return (Err(Refusal::limited(wait_ms, true)), None);
        }
        let major = parts.first().and_then(|part| part.parse().ok()).unwrap_or(Id(0));
        let (of_bucket, wait) = world.rates.take(route.rate, major, now_ms);
        told = Some(of_bucket);
        if let Some(wait_ms) = wait {
            return (Err(Refusal::limited(wait_ms, false)), told);
        }
    }
    let ask = Ask { parts, ..ask.clone() };
    let operation = format!("{} {}", route.method, route.path);
    let checked = ids(route.path, &ask.parts).and_then(|()| schema::request(&operation, &ask.body));
    let answer = checked.and_then(|()| (route.run)(world, &ask, events));
    if let Ok(done) = &answer {
        let strange = schema::answer(&operation, done.status, &done.body);
        world.deviations.extend(strange.into_iter().map(|line| format!("{operation} {}: {line}", done.status)));
    }
    (answer, told)
}

/// The parts of a path that stand for `{}`, if it is of this route.
fn fits(pattern: &str, parts: &[String]) -> Option<Vec<String>> {
    let pattern: Vec<&str> = pattern.split('/').skip(1).collect();
    if pattern.len() != parts.len() {
        return None;
    }
    let mut found = Vec::new();
    for (wanted, part) in pattern.iter().zip(parts) {
        if *wanted == "{}" {
            found.push(part.clone());
        } else if wanted != part {
            return None;
        }
    }
    Some(found)
}

/// Ids in a path are numbers; tokens, emoji and `@original` are not.
fn ids(path: &str, parts: &[String]) -> Result<(), Refusal> {
    let is_token = |at: usize| at == 1 && (path.starts_with("/interactions") || path.starts_with("/webhooks"));
    for (at, part) in parts.iter().enumerate() {
        let is_emoji = path.contains("/reactions/") && at == 2;
        if is_token(at) || is_emoji || part == "@original" || part == "@me" || part.parse::<u64>().is_ok() {
            continue;
        }
        let name = if at == 0 { "channel_id" } else { "message_id" };
        let message = format!("Value \"{part}\" is not snowflake.");
        return Err(super::refusal::Wrong::one(&[name], "NUMBER_TYPE_COERCE", &message));
    }
    Ok(())
}

fn note(inner: &Inner, ask: &Ask, answer: &Answer, lost: bool) {
    let (status, code, body) = match answer {
        Ok(done) => (done.status, 0, done.body.clone()),
        Err(refusal) => (refusal.status, refusal.code, refusal.body()),
    };
    let strange = inner.change(|world| {
        let (method, path) = (ask.method.clone(), ask.whole.clone());
        let at_ms = world.now_ms();
        world.calls.push(Call { method, path, body: ask.body.clone(), status, code, answer: body, at_ms, lost });
        world.deviations.clone()
    });
    // An answer that Discord would not give is a fault of this stand-in: whoever tests against it must not go on.
    assert!(strange.is_empty(), "the stand-in differs from Discord's published API:\n{}", strange.join("\n"));
}

fn shown(answer: &Answer, told: Option<Told>) -> Response<Body> {
    let (status, body) = match answer {
        Ok(done) => (done.status, done.body.clone()),
        Err(refusal) => (refusal.status, refusal.body()),
    };
    let text = if body.is_null() { String::new() } else { body.to_string() };
    let mut response = Response::new(Body::from(text));
    *response.status_mut() = StatusCode::from_u16(status).unwrap_or(StatusCode::INTERNAL_SERVER_ERROR);
    let headers = response.headers_mut();
    let mut set = |name: &'static str, value: String| {
        if let Ok(value) = HeaderValue::from_str(&value) {
            headers.insert(name, value);
        }
    };
    if !body.is_null() {
        set("content-type", "application/json".to_string());
    }
    set("via", "1.1 google".to_string());
    let seconds = |ms: u64| format!("{}.{:03}", ms / 1000, ms % 1000);
    if let Some(told) = told {
        set("x-ratelimit-bucket", told.bucket);
        set("x-ratelimit-limit", told.limit.to_string());
        set("x-ratelimit-remaining", told.remaining.to_string());
        set("x-ratelimit-reset", seconds(told.reset_ms));
        set("x-ratelimit-reset-after", seconds(told.reset_ms.saturating_sub(told.now_ms)));
    }
    if let Err(Refusal { retry: Some(retry), .. }) = answer {
        // Whole seconds, rounded up; the body has the exact time.
        set("retry-after", retry.after_ms.div_ceil(1000).to_string());
        set("x-ratelimit-scope", if retry.global { "global" } else { "user" }.to_string());
        if retry.global {
            set("x-ratelimit-global", "true".to_string());
        }
    }
    response
}

/// The bytes of a file that was attached.
pub(crate) async fn file(State(inner): State<Arc<Inner>>, request: Request) -> Response<Body> {
    let id = request.uri().path().split('/').rev().nth(1).and_then(|part| part.parse::<Id>().ok());
    let content = inner.look(|world| {
        let mut files = world.messages.iter().filter(|message| !message.deleted).flat_map(|message| &message.files);
        files.find(|file| Some(file.id) == id).map(|file| file.content.clone())
    });
    match content {
        Some(content) => Response::new(Body::from(content)),
        None => shown(&Err(Refusal::not_found()), None),
    }
}

/// A body that holds nothing.
pub(crate) fn empty() -> Value {
    json!({})
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn every_route_is_described_and_nothing_else_is() {
        let mut routes: Vec<String> = ROUTES.iter().map(|route| format!("{} {}", route.method, route.path)).collect();
        routes.sort();
        assert_eq!(routes, schema::operations());
    }
}
