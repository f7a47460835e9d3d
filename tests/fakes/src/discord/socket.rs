//! One connection to the gateway: HELLO, then what the client says, checked as Discord checks it, and what is sent to it.

use std::collections::{BTreeMap, VecDeque};
use std::sync::Arc;
use std::time::Duration;

use axum::extract::ws::{CloseFrame, Message, WebSocket, WebSocketUpgrade};
use axum::extract::{Query, State};
use axum::http::StatusCode;
use axum::response::{IntoResponse, Response};
use futures_util::{SinkExt, StreamExt};
use serde_json::{Value, json};
use tokio::time::Instant;

use super::gateway::Order;
use super::options::intents;
use super::{Inner, shape};

/// The longest payload that a client may send.
const PAYLOAD_BYTES: usize = 4096;

/// What a client is given beyond two missed heartbeats.
const GRACE: Duration = Duration::from_secs(2);

/// The end of a connection that the gateway wants.
struct Close(u16, &'static str);

/// What is answered at once.
type Said = Result<Option<Value>, Close>;

/// `/gateway?v=10&encoding=json`.
pub(crate) async fn connect(
    State(inner): State<Arc<Inner>>,
    Query(query): Query<BTreeMap<String, String>>,
    upgrade: WebSocketUpgrade,
) -> Response {
    if inner.look(|world| world.delivery.offline) {
        return StatusCode::SERVICE_UNAVAILABLE.into_response();
    }
    let fits = query.get("v").is_some_and(|v| v == "10") && query.get("encoding").is_none_or(|e| e == "json");
    upgrade.on_upgrade(move |socket| serve(inner, socket, fits))
}

async fn serve(inner: Arc<Inner>, socket: WebSocket, fits: bool) {
    let (mut out, mut incoming) = socket.split();
    if !fits {
        let _ = out.send(close(4012, "Invalid API version")).await;
        return;
    }
    let (id, mut orders) = inner.change(|world| world.sessions.enter());
    let beat = inner.look(|world| world.options.heartbeat);
    let hello = json!({
        "op": 10, "s": null, "t": null,
        "d": { "heartbeat_interval": u64::try_from(beat.as_millis()).unwrap_or(u64::MAX), "_trace": [] },
    });
    let mut client = Client { inner: inner.clone(), id, session: None, sent: VecDeque::new() };
    let patience = beat.saturating_mul(2) + GRACE;
    let mut deadline = Instant::now() + patience;
    let mut is_over = false;
    let mut is_well = out.send(text(&hello)).await.is_ok();
    while is_well {
        is_well = tokio::select! {
            order = orders.recv() => match order {
                Some(Order::Send(frame)) => out.send(text(&frame)).await.is_ok(),
                Some(Order::Close(code, reason)) => {
                    let _ = out.send(close(code, reason)).await;
                    false
                }
                Some(Order::Cut) | None => false,
            },
            frame = incoming.next() => match frame {
                Some(Ok(Message::Text(frame))) => match client.take(&frame) {
                    Ok(said) => {
                        if frame.len() <= PAYLOAD_BYTES && said.as_ref().is_some_and(|said| said["op"] == 11) {
                            deadline = Instant::now() + patience;
                        }
                        match said {
                            Some(said) => out.send(text(&said)).await.is_ok(),
                            None => true,
                        }
                    }
                    Err(Close(code, reason)) => {
                        let _ = out.send(close(code, reason)).await;
                        false
                    }
                },
                Some(Ok(Message::Binary(_))) => {
                    let _ = out.send(close(4002, "Error while decoding payload.")).await;
                    false
                }
                Some(Ok(Message::Close(frame))) => {
                    // 1000 and 1001 end the session; every other close may be resumed from.
                    is_over = frame.is_some_and(|frame| matches!(frame.code, 1000 | 1001));
                    false
                }
                Some(Err(_)) | None => false,
                Some(Ok(_)) => true,
            },
            () = tokio::time::sleep_until(deadline) => {
                // A zombie does not notice anything.
                if inner.look(|world| world.delivery.zombie) {
                    deadline = Instant::now() + patience;
                    true
                } else {
                    let _ = out.send(close(4009, "Session timed out.")).await;
                    false
                }
            },
        };
    }
    inner.change(|world| {
        let now_ms = world.now_ms();
        world.sessions.exit(id, is_over, now_ms);
    });
}

/// The client's side of a connection.
struct Client {
    inner: Arc<Inner>,
    id: u64,
    session: Option<String>,
    sent: VecDeque<u64>,
}

impl Client {
    fn take(&mut self, frame: &str) -> Said {
        let (now_ms, a_minute) = self.inner.look(|world| (world.now_ms(), world.options.sends_a_minute));
        self.sent.retain(|at| at + 60_000 > now_ms);
        self.sent.push_back(now_ms);
        if self.sent.len() > a_minute as usize {
            return Err(Close(4008, "You are being rate limited."));
        }
        if frame.len() > PAYLOAD_BYTES {
            return Err(Close(4002, "Payload too large."));
        }
        let frame: Value = serde_json::from_str(frame).map_err(|_| Close(4002, "Error while decoding payload."))?;
        let data = &frame["d"];
        match (frame["op"].as_u64(), &self.session) {
            (Some(1), _) => Ok(self.heartbeat()),
            (Some(2), None) => self.identify(data),
            (Some(6), None) => self.resume(data),
            (Some(2 | 6), Some(_)) => Err(Close(4005, "Already authenticated.")),
            (Some(3 | 4 | 8), Some(_)) => Ok(None),
            (Some(3 | 4 | 8), None) => Err(Close(4003, "Not authenticated.")),
            _ => Err(Close(4001, "Unknown opcode.")),
        }
    }

    /// Whether the token is the bot's; Discord takes it with `Bot ` before it, too.
    fn knows(&self, data: &Value) -> bool {
        let token = data["token"].as_str().unwrap_or_default();
        token.strip_prefix("Bot ").unwrap_or(token) == self.inner.token
    }

    fn heartbeat(&self) -> Option<Value> {
        self.inner.change(|world| {
            world.sessions.heartbeats += 1;
            (!world.delivery.zombie).then(|| json!({ "op": 11, "d": null, "s": null, "t": null }))
        })
    }

    fn identify(&mut self, data: &Value) -> Said {
        if !self.knows(data) {
            return Err(Close(4004, "Authentication failed."));
        }
        let properties = &data["properties"];
        if !["os", "browser", "device"].iter().all(|key| properties[key].is_string()) {
            return Err(Close(4002, "Error while decoding payload."));
        }
        if let Some(shard) = data["shard"].as_array() {
            let number = |at: usize| shard.get(at).and_then(Value::as_u64);
            match (number(0), number(1), shard.len()) {
                (Some(id), Some(count), 2) if id < count => {
                    // One guild is on one shard; the others are told nothing.
                    let own = self.inner.look(|world| (world.guild.0 >> 22) % count);
                    if own != id {
                        return Err(Close(4010, "Invalid shard."));
                    }
                }
                _ => return Err(Close(4010, "Invalid shard.")),
            }
        }
        let wanted = data["intents"].as_u64().ok_or(Close(4013, "Invalid intent(s)."))?;
        if wanted & !intents::KNOWN != 0 {
            return Err(Close(4013, "Invalid intent(s)."));
        }
        let id = self.id;
        let started = self.inner.change(|world| {
            if wanted & intents::PRIVILEGED & !world.options.privileged != 0 {
                return Err(Close(4014, "Disallowed intent(s)."));
            }
            let now_ms = world.now_ms();
            let every_ms = u64::try_from(world.options.identify_every.as_millis()).unwrap_or(u64::MAX);
            let sessions = &mut world.sessions;
            let is_early = sessions.last_identify_ms.is_some_and(|at| now_ms.saturating_sub(at) < every_ms);
            if is_early {
                return Ok(None);
            }
            sessions.last_identify_ms = Some(now_ms);
            let identified = sessions.identifies.iter().filter(|at| **at + 86_400_000 > now_ms).count();
            if identified >= world.options.identifies_a_day as usize {
                return Err(Close(4004, "Authentication failed."));
            }
            sessions.identifies.push_back(now_ms);
            let session = sessions.begin(id, wanted);
            let resume = match world.delivery.resume_away {
                // A port that nobody has.
                true => "ws://127.0.0.1:1/gateway".to_owned(),
                false => world.url.replacen("http", "ws", 1) + "/gateway",
            };
            let shard = data["shard"].as_array().map_or_else(|| json!([0, 1]), |shard| json!(shard));
            let ready = json!({
                "v": 10, "user": world.people.get(&world.bot).map(shape::user), "private_channels": [],
                "guilds": [{ "id": world.guild, "unavailable": true }], "session_id": session,
                "session_type": "normal", "resume_gateway_url": resume,
                "shard": shard, "application": { "id": world.application, "flags": 0 },
                "relationships": [], "presences": [], "user_settings": {}, "guild_join_requests": [], "_trace": [],
            });
            world.send_to(&session, "READY", &ready);
            if wanted & intents::GUILDS != 0 {
                let guild = shape::guild_create(world);
                world.send_to(&session, "GUILD_CREATE", &guild);
            }
            Ok(Some(session))
        })?;
        match started {
            Some(session) => {
                self.session = Some(session);
                Ok(None)
            }
            None => Ok(Some(invalid(false))),
        }
    }

    fn resume(&mut self, data: &Value) -> Said {
        if !self.knows(data) {
            return Err(Close(4004, "Authentication failed."));
        }
        let (Some(session), Some(seq)) = (data["session_id"].as_str(), data["seq"].as_u64()) else {
            return Err(Close(4002, "Error while decoding payload."));
        };
        let id = self.id;
        let refused = self.inner.change(|world| {
            if let Some(resumable) = world.sessions.refuse_resume.take() {
                if !resumable {
                    world.sessions.list.remove(session);
                }
                return Some(resumable);
            }
            let now_ms = world.now_ms();
            let Some(missed) = world.sessions.resume(id, session, seq, now_ms) else { return Some(false) };
            if let Some(wire) = world.sessions.open.get(&id) {
                for frame in missed {
                    let _ = wire.send(Order::Send(frame));
                }
            }
            world.send_to(session, "RESUMED", &json!({ "_trace": [] }));
            None
        });
        match refused {
            Some(resumable) => Ok(Some(invalid(resumable))),
            None => {
                self.session = Some(session.to_string());
                Ok(None)
            }
        }
    }
}

fn invalid(resumable: bool) -> Value {
    json!({ "op": 9, "d": resumable, "s": null, "t": null })
}

fn text(value: &Value) -> Message {
    Message::Text(value.to_string().into())
}

fn close(code: u16, reason: &'static str) -> Message {
    Message::Close(Some(CloseFrame { code, reason: reason.into() }))
}
