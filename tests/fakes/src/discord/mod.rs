//! A strict, stateful Discord on a loopback port: one guild, its gateway and its REST API, and the people in it.
//!
//! Reading order: `records` and `world` (what there is), `options` (how it behaves), `permissions` (who may what where), `schema` with
//! `published.json` (what Discord's published API knows), `rest` (what the app calls; `rest/content` is what it may not say), `gateway` and `socket`
//! (how the app hears), `doings` and `options_of` (what people do), `read` and `transcript` (what a test reads back), `control` (the same over
//! HTTP, for a person with curl).
//!
//! ```no_run
//! # async fn story() -> anyhow::Result<()> {
//! use serde_json::json;
//! let discord = kaas_fakes::discord::FakeDiscord::start().await;
//! let approvers = discord.add_role("approvers");
//! let (alice, bob) = (discord.add_user("alice"), discord.add_user("bob"));
//! discord.set_person(bob, |bob| bob.roles.push(approvers));
//! let channel = discord.add_channel("clusters");
//! // … the app connects with discord.token(), its REST at discord.url(), and registers its commands in discord.guild() …
//! discord.slash(alice, channel, "kaas request", &[("name", json!("crucial-sandbox"))]).await?;
//! let card = discord.last(channel).expect("a card");
//! discord.press(bob, channel, card.id, &card.button("Approve").expect("a button")).await?;
//! # Ok(())
//! # }
//! ```
//!
//! **What is where.** [`FakeDiscord`] is the handle. Start: [`start`](FakeDiscord::start), [`start_with`](FakeDiscord::start_with) and
//! [`Options`] ([`Options::hurried`] for tests that reconnect or speak a lot). What the app is given: [`url`](FakeDiscord::url) (serenity's `proxy`),
//! [`token`](FakeDiscord::token), [`application`](FakeDiscord::application), [`guild`](FakeDiscord::guild). Every id is an [`Id`].
//!
//! | what | how |
//! |---|---|
//! | people | `add_user`, `add_bot`, `set_person`, `grant`, `revoke`, `time_out`, `leave`, `populate`; roles: `add_role`, `set_role` |
//! | places | `add_channel`, `add_private_channel`, `set_channel` (threads too), `deny` and `allow` with the constants of [`permissions`] |
//! | doings that are answered | `slash`, `autocomplete`, `press`, `choose`, `submit`: each gives an [`Outcome`] |
//! | doings that are not | `react`, `unreact`, `dismiss`, `say`, `say_as_webhook` |
//! | forgery | `press_forged` (a custom id that the message does not have), `forge` (anything, and the payload changed before it is sent), `send_event` |
//! | the connection | `reconnect_all`, `close_all`, `cut_all`, `invalidate_all`, `forget_sessions`, `refuse_next_resume`, `zombie`, `go_down`; `connected`, `sessions`, `identifies`, `resumes`, `heartbeats` |
//! | deliveries | `deliver` with [`Delivery`] (doubled, late), `redeliver_last_interaction` |
//! | calls that go wrong | `fail` with [`FaultKind`] (429, 500, dropped, done and the answer lost), `latency`, `heal` |
//! | time | `pass`, `now_ms` |
//! | reading back | `wait_for` and `look` with a [`Snapshot`]; `messages`, `message`, `last`, `thread`, `private_to`, `dms`, `modal`, `modals`, `commands`, `interactions`, `calls`, `invalid_calls`, `transcript` |
//!
//! **How strict it is.** A request that Discord's published API does not know is refused with 400/50035 and the place; an answer or an event of this
//! stand-in that differs from it is a panic, in the call and again when the last handle goes. Tolerated deviations are named in `published.json`.

mod control;
mod doings;
mod gateway;
mod options;
mod options_of;
pub mod permissions;
mod rates;
mod read;
mod records;
mod refusal;
mod rest;
mod schema;
mod setup;
mod shape;
mod socket;
#[cfg(test)]
mod tests;
mod transcript;
mod world;

use std::sync::{Arc, Mutex, PoisonError};

use axum::Router;
use axum::extract::DefaultBodyLimit;
use axum::routing::{any, get};
use tokio::net::TcpListener;
use tokio::sync::watch;
use tokio::task::JoinHandle;

pub use crate::fault::{Fault, FaultKind};
pub use doings::Outcome;
pub use options::{Delivery, Options, intents};
pub use read::Snapshot;
pub use records::{Call, Channel, Edit, File, Id, Interaction, Message, Modal, Overwrite, Person, Role};
pub use setup::PEOPLE;

pub(crate) use rest::reactions_told;

use world::World;

/// The largest body that is taken: files beside a message.
const BODY_BYTES: usize = 64 * 1024 * 1024;

/// A running guild. Clones share it; it ends with the last one.
#[derive(Clone)]
pub struct FakeDiscord {
    inner: Arc<Inner>,
    /// `None` for what answers the control API: it does not keep the server alive.
    _server: Option<Arc<Server>>,
}

/// What requests, sockets and the handle share.
pub(crate) struct Inner {
    world: Mutex<World>,
    changes: watch::Sender<u64>,
    url: String,
    token: String,
}

/// Ends the server with the last handle.
struct Server {
    task: JoinHandle<()>,
    inner: Arc<Inner>,
}

impl Drop for Server {
    fn drop(&mut self) {
        self.task.abort();
        let strange = self.inner.change(|world| {
            world.sessions.open.clear();
            world.sessions.list.clear();
            std::mem::take(&mut world.deviations)
        });
        if !std::thread::panicking() {
            assert!(strange.is_empty(), "the stand-in differs from Discord's published API:\n{}", strange.join("\n"));
        }
    }
}

impl Inner {
    /// Changes the world, and tells those who wait for something.
    pub(crate) fn change<T>(&self, work: impl FnOnce(&mut World) -> T) -> T {
        let done = work(&mut self.world.lock().unwrap_or_else(PoisonError::into_inner));
        self.changes.send_modify(|count| *count += 1);
        done
    }

    /// Reads the world.
    pub(crate) fn look<T>(&self, read: impl FnOnce(&World) -> T) -> T {
        read(&self.world.lock().unwrap_or_else(PoisonError::into_inner))
    }
}

impl FakeDiscord {
    /// Starts a guild on a free port, with Discord's own limits.
    pub async fn start() -> Self {
        Self::start_with(Options::default()).await
    }

    /// Starts a guild that behaves so.
    ///
    /// # Panics
    /// If the port cannot be listened on.
    pub async fn start_with(options: Options) -> Self {
        let listener = TcpListener::bind(("127.0.0.1", options.port)).await.expect("a loopback port to listen on");
        let port = listener.local_addr().expect("a listener has an address").port();
        let url = format!("http://127.0.0.1:{port}");
        crate::tls();
        let world = World::new(options, url.clone());
        // Shaped like Discord's: the application's id, a time, a secret.
        let id =
            base64::Engine::encode(&base64::engine::general_purpose::STANDARD_NO_PAD, world.application.to_string());
        let secret = format!("{:032x}{:06x}", fastrand::u128(..), fastrand::u32(..1 << 24));
        let token = format!("{id}.{:06x}.{secret}", fastrand::u32(..1 << 24));
        let inner = Arc::new(Inner { world: Mutex::new(world), changes: watch::Sender::new(0), url, token });
        let router = Router::new()
            .route("/api/v10/{*rest}", any(rest::call))
            .route("/attachments/{*rest}", get(rest::file))
            .route("/gateway", get(socket::connect))
            .route("/gateway/", get(socket::connect))
            .merge(control::routes())
            .layer(DefaultBodyLimit::max(BODY_BYTES))
            .with_state(inner.clone());
        let task = tokio::spawn(async move {
            // It ends with the task; a listener that fails shows in every call.
            let _ = axum::serve(listener, router).await;
        });
        Self { _server: Some(Arc::new(Server { task, inner: inner.clone() })), inner }
    }

    /// The base, in place of `https://discord.com`: `http://127.0.0.1:PORT`.
    pub fn url(&self) -> &str {
        &self.inner.url
    }

    /// The bot's token.
    pub fn token(&self) -> &str {
        &self.inner.token
    }

    /// The guild.
    pub fn guild(&self) -> Id {
        self.inner.look(|world| world.guild)
    }

    /// The application.
    pub fn application(&self) -> Id {
        self.inner.look(|world| world.application)
    }

    /// The bot's user: its id is the application's.
    pub fn bot(&self) -> Id {
        self.inner.look(|world| world.bot)
    }

    /// The role that the bot got with its invitation: what it permits is what the bot was granted.
    pub fn bot_role(&self) -> Id {
        self.inner.look(|world| world.bot_role)
    }
}
