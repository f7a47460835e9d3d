//! What arrives from Slack, as little as is needed of it: a delivery's JSON becomes one of few kinds of hearing.
//!
//! It is read from the raw JSON, because the client's own types leave out some of what is needed and refuse deliveries that lack what is not. Nothing here
//! does I/O or reads a clock.

use jiff::{SignedDuration, Timestamp};
use serde_json::Value;

use super::draw;
use crate::ports::Field;
use crate::render::message::Press;

/// What somebody did.
#[derive(Debug, Clone, PartialEq)]
pub(super) enum Hearing {
    /// Typed the slash command.
    Command { user: String, text: String, trigger: String, response_url: String },
    /// Spoke to kaas, in a channel or directly.
    Speech {
        id: String,
        user: String,
        text: String,
        channel: String,
        thread: Option<String>,
        direct: bool,
        when: Option<Timestamp>,
    },
    /// Reacted on a message, or took a reaction back.
    Reaction {
        id: String,
        user: String,
        emoji: String,
        given: bool,
        channel: String,
        message: String,
        when: Option<Timestamp>,
        on: Option<String>,
    },
    /// Opened their own page.
    Home { user: String },
    /// Pressed a button of a message.
    Press {
        user: String,
        press: Press,
        value: String,
        message: String,
        at: String,
        trigger: String,
        response_url: Option<String>,
    },
    /// Wants the form for a new cluster.
    Form { id: String, user: String, trigger: String },
    /// Sent the form for a new cluster.
    Filled { id: String, user: String, fields: Vec<(Field, String)> },
    /// Sent the reason for a rejection.
    Rejection { id: String, user: String, value: String, reason: String },
    /// Slack asks whether somebody is here.
    Challenge(String),
    /// The app was taken out of the workspace, or its tokens are void.
    Gone(String),
    /// Nothing that kaas answers: the word says what.
    Nothing(&'static str),
}

impl Hearing {
    /// Who did it.
    pub fn user(&self) -> Option<&str> {
        match self {
            Self::Command { user, .. }
            | Self::Speech { user, .. }
            | Self::Reaction { user, .. }
            | Self::Home { user }
            | Self::Press { user, .. }
            | Self::Form { user, .. }
            | Self::Filled { user, .. }
            | Self::Rejection { user, .. } => Some(user),
            Self::Challenge(_) | Self::Gone(_) | Self::Nothing(_) => None,
        }
    }
}

/// It cannot be read: what is missing.
#[derive(Debug, Clone, PartialEq, Eq)]
pub(super) struct Garbled(pub &'static str);

type Read = Result<Hearing, Garbled>;

/// The callbacks of kaas' own views.
pub(super) const FORM: &str = "kaas_request";
/// The callback of the form for a rejection's reason.
pub(super) const REJECTION: &str = "kaas_reject";
/// The action of the button that opens the form.
pub(super) const ASK_FORM: &str = "kaas/request";
/// The input's action in every field of a form.
pub(super) const INPUT: &str = "value";
/// The field of a rejection's reason.
pub(super) const REASON: &str = "reason";

/// Reads a slash command: its form fields, as an object.
pub(super) fn command(payload: &Value) -> Read {
    Ok(Hearing::Command {
        user: user(payload, "/user_id")?,
        text: payload["text"].as_str().unwrap_or_default().to_owned(),
        trigger: need(payload, "/trigger_id")?,
        response_url: need(payload, "/response_url")?,
    })
}

/// Reads an event, or what else comes to the address of events.
pub(super) fn event(payload: &Value) -> Read {
    match payload["type"].as_str().ok_or(Garbled("type"))? {
        "url_verification" => return Ok(Hearing::Challenge(need(payload, "/challenge")?)),
        "event_callback" => {}
        "app_rate_limited" => return Ok(Hearing::Nothing("app_rate_limited")),
        _ => return Ok(Hearing::Nothing("other")),
    }
    let event = &payload["event"];
    let id = need(payload, "/event_id")?;
    match event["type"].as_str().ok_or(Garbled("event.type"))? {
        "app_mention" => speech(event, id, false),
        "message" if event["channel_type"] == "im" => speech(event, id, true),
        kind @ ("reaction_added" | "reaction_removed") => {
            if event["item"]["type"] != "message" {
                return Ok(Hearing::Nothing("reaction"));
            }
            Ok(Hearing::Reaction {
                id,
                user: user(event, "/user")?,
                emoji: need(event, "/reaction")?,
                given: kind == "reaction_added",
                channel: need(event, "/item/channel")?,
                message: need(event, "/item/ts")?,
                when: moment(event["event_ts"].as_str().unwrap_or_default()),
                on: text(event, "/item_user"),
            })
        }
        "app_home_opened" if event["tab"].as_str().is_none_or(|tab| tab == "home") => {
            Ok(Hearing::Home { user: user(event, "/user")? })
        }
        kind @ ("app_uninstalled" | "tokens_revoked") => Ok(Hearing::Gone(kind.to_owned())),
        _ => Ok(Hearing::Nothing("event")),
    }
}

fn speech(event: &Value, id: String, direct: bool) -> Read {
    // Edits, joins and the like have a subtype; what bots write has their id.
    if !event["subtype"].is_null() || !event["bot_id"].is_null() || event["user"].is_null() {
        return Ok(Hearing::Nothing("message"));
    }
    Ok(Hearing::Speech {
        id,
        user: user(event, "/user")?,
        text: event["text"].as_str().unwrap_or_default().to_owned(),
        channel: need(event, "/channel")?,
        thread: text(event, "/thread_ts"),
        direct,
        when: moment(event["ts"].as_str().unwrap_or_default()),
    })
}

/// Reads a pressed button, a sent form or a shortcut.
pub(super) fn interaction(payload: &Value) -> Read {
    match payload["type"].as_str().ok_or(Garbled("type"))? {
        "block_actions" => pressed(payload),
        "view_submission" => submitted(payload),
        "shortcut" if payload["callback_id"] == FORM => {
            let (trigger, at) = (need(payload, "/trigger_id")?, need(payload, "/action_ts")?);
            Ok(Hearing::Form { id: format!("slack/form/{at}"), user: user(payload, "/user/id")?, trigger })
        }
        _ => Ok(Hearing::Nothing("interaction")),
    }
}

fn pressed(payload: &Value) -> Read {
    let Some(action) = payload.pointer("/actions/0") else { return Err(Garbled("actions")) };
    let user = user(payload, "/user/id")?;
    let id = action["action_id"].as_str().ok_or(Garbled("action_id"))?;
    let at = text(action, "/action_ts").unwrap_or_default();
    if id == ASK_FORM {
        return Ok(Hearing::Form { id: format!("slack/form/{at}"), user, trigger: need(payload, "/trigger_id")? });
    }
    let Some(press) = draw::press(id) else { return Ok(Hearing::Nothing("action")) };
    if at.is_empty() {
        return Err(Garbled("action_ts"));
    }
    Ok(Hearing::Press {
        user,
        press,
        value: need(action, "/value")?,
        message: text(payload, "/container/message_ts")
            .or_else(|| text(payload, "/message/ts"))
            .ok_or(Garbled("message_ts"))?,
        at,
        trigger: need(payload, "/trigger_id")?,
        response_url: text(payload, "/response_url"),
    })
}

fn submitted(payload: &Value) -> Read {
    let view = &payload["view"];
    let callback = view["callback_id"].as_str().unwrap_or_default();
    if ![FORM, REJECTION].contains(&callback) {
        return Ok(Hearing::Nothing("view"));
    }
    let user = user(payload, "/user/id")?;
    // A view that was sent, corrected and sent again is another ask; the same one twice is not.
    let id = format!("{}/{}", need(view, "/id")?, text(view, "/hash").unwrap_or_default());
    let values = view["state"]["values"].as_object().ok_or(Garbled("state"))?;
    let value = |field: &str| {
        let input = &values.get(field)?[INPUT];
        let chosen = input["selected_option"]["value"].as_str();
        Some(chosen.or_else(|| input["value"].as_str()).unwrap_or_default().to_owned())
    };
    if callback == REJECTION {
        let id = format!("slack/reject/{id}");
        return Ok(Hearing::Rejection {
            id,
            user,
            value: need(view, "/private_metadata")?,
            reason: value(REASON).unwrap_or_default(),
        });
    }
    let fields: Vec<(Field, String)> =
        Field::ALL.into_iter().filter_map(|field| Some((field, value(field.name())?))).collect();
    // The same form with other contents is another ask, also where Slack leaves the view as it was.
    let id = format!("slack/form/{id}/{:016x}", fingerprint(&fields));
    Ok(Hearing::Filled { id, user, fields })
}

/// A short fingerprint of what a form holds (FNV-1a): it tells two contents of one view apart, and nothing rests on it being hard to find another one.
fn fingerprint(fields: &[(Field, String)]) -> u64 {
    let bytes =
        fields.iter().flat_map(|(field, value)| field.name().bytes().chain([0]).chain(value.bytes()).chain([0]));
    bytes.fold(0xcbf2_9ce4_8422_2325, |hash, byte| (hash ^ u64::from(byte)).wrapping_mul(0x0100_0000_01b3))
}

/// A text that is not empty.
fn text(value: &Value, pointer: &str) -> Option<String> {
    value.pointer(pointer).and_then(Value::as_str).filter(|text| !text.is_empty()).map(str::to_owned)
}

/// The longest text that is a part of an id.
const NEEDED_MAX: usize = 3_000;

fn need(value: &Value, pointer: &'static str) -> Result<String, Garbled> {
    text(value, pointer).filter(|text| text.len() <= NEEDED_MAX).ok_or(Garbled(pointer))
}

/// A user's id: letters and digits.
fn user(value: &Value, pointer: &'static str) -> Result<String, Garbled> {
    let id = need(value, pointer)?;
    let ok = id.len() <= 32 && id.bytes().all(|byte| byte.is_ascii_alphanumeric());
    if ok { Ok(id) } else { Err(Garbled(pointer)) }
}

/// The moment of a time stamp of Slack's: `1700000000.123456`.
pub(super) fn moment(ts: &str) -> Option<Timestamp> {
    let (seconds, rest) = ts.split_once('.').unwrap_or((ts, "0"));
    let micros: String = rest.chars().chain("000000".chars()).take(6).collect();
    let at = Timestamp::from_second(seconds.parse().ok()?).ok()?;
    at.checked_add(SignedDuration::from_micros(micros.parse().ok()?)).ok()
}
