//! A strict, stateful Slack on a loopback port: one workspace, its Web API, Socket Mode and signed HTTP delivery, and the people in it.
//!
//! Reading order: `records` and `world` (what there is), `options` (how it behaves, what goes wrong), `api` (what the app calls), `blocks` (what it may not
//! say), `doings` and `modals` (what people do), `deliver` with `socket` and `signed` (how the app hears of it), `read` (what a test reads back),
//! `control` (the same over HTTP, for a person with curl).
//!
//! ```no_run
//! # async fn story() -> anyhow::Result<()> {
//! let slack = kaas_fakes::slack::FakeSlack::start().await;
//! let alice = slack.add_user("alice");
//! let channel = slack.add_channel("clusters", &[&alice]);
//! // … the app connects to slack.api_url() with slack.bot_token() and slack.app_token() …
//! slack.slash(&alice, &channel, "/kaas request crucial-sandbox size=small").await?;
//! # Ok(())
//! # }
//! ```

mod api;
pub mod blocks;
mod control;
mod deliver;
mod doings;
mod ids;
mod modals;
mod options;
mod rates;
mod read;
mod records;
mod response;
mod setup;
mod shape;
mod signed;
mod socket;
#[cfg(test)]
mod tests;
mod transcript;
mod world;

use std::sync::{Arc, Mutex, PoisonError};

use axum::Router;
use axum::extract::{DefaultBodyLimit, Path, State};
use axum::routing::{any, get, post};
use tokio::net::TcpListener;
use tokio::sync::watch;
use tokio::task::JoinHandle;

pub use deliver::Outcome;
pub use ids::{ChannelId, FileId, GroupId, Ts, UserId, ViewId};
pub use options::{Delivery, Doubling, EVENTS, Fault, Faults, Next, Options, RequestUrls, SCOPES};
pub use read::Snapshot;
pub use records::{Ack, Call, Channel, Edit, File, Group, Message, User, View};
pub use setup::PEOPLE;
pub use signed::sign;
pub use world::{APP, BOT, BOT_USER, OTHER_TEAM, TEAM};

use socket::Sockets;
use world::World;

/// The largest body that is taken: an upload.
const BODY_BYTES: usize = 64 * 1024 * 1024;

/// A running workspace. Clones share it; it ends with the last one.
#[derive(Clone)]
pub struct FakeSlack {
    inner: Arc<Inner>,
    /// `None` for what answers the control API: it does not keep the server alive.
    _server: Option<Arc<Server>>,
}

/// What requests, sockets and the handle share.
pub(crate) struct Inner {
    world: Mutex<World>,
    changes: watch::Sender<u64>,
    sockets: Sockets,
    http: reqwest::Client,
    url: String,
    bot_token: String,
    app_token: String,
    signing_secret: String,
}

/// Ends the server with the last handle.
struct Server {
    task: JoinHandle<()>,
    inner: Arc<Inner>,
}

impl Drop for Server {
    fn drop(&mut self) {
        self.task.abort();
        self.inner.sockets.drop_all();
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

impl FakeSlack {
    /// Starts a workspace on a free port, with Slack's own limits, delivering over Socket Mode.
    pub async fn start() -> Self {
        Self::start_with(Options::default()).await
    }

    /// Starts a workspace that behaves so.
    ///
    /// # Panics
    /// If the port cannot be listened on.
    pub async fn start_with(options: Options) -> Self {
        let listener = TcpListener::bind(("127.0.0.1", options.port)).await.expect("a loopback port to listen on");
        let port = listener.local_addr().expect("a listener has an address").port();
        let url = format!("http://127.0.0.1:{port}");
        crate::tls();
        let http = reqwest::Client::builder()
            .redirect(reqwest::redirect::Policy::none())
            .build()
            .expect("a client without TLS is made of nothing that can fail");
        let inner = Arc::new(Inner {
            world: Mutex::new(World::new(options, url.clone())),
            changes: watch::Sender::new(0),
            sockets: Sockets::default(),
            http,
            url,
            // Shaped like Slack's, and long enough to be no example.
            bot_token: format!("xoxb-1000000000001-{:013}-{:024x}", fastrand::u64(..1 << 40), fastrand::u128(..) >> 32),
            app_token: format!("xapp-1-A1KAAS-{:013}-{:032x}", fastrand::u64(..1 << 40), fastrand::u128(..)),
            signing_secret: format!("{:032x}", fastrand::u128(..)),
        });
        let router = Router::new()
            .route("/api/{method}", any(api::call))
            .route("/link", get(socket::connect))
            .route("/response/{number}/{token}", post(response::respond))
            .route("/upload/{file}", post(upload))
            .merge(control::routes())
            .layer(DefaultBodyLimit::max(BODY_BYTES))
            .with_state(inner.clone());
        let task = tokio::spawn(async move {
            // It ends with the task; a listener that fails shows in every call.
            let _ = axum::serve(listener, router).await;
        });
        Self { _server: Some(Arc::new(Server { task, inner: inner.clone() })), inner }
    }

    /// The base: `http://127.0.0.1:PORT`.
    pub fn url(&self) -> &str {
        &self.inner.url
    }

    /// The base of the Web API, without a slash at its end.
    pub fn api_url(&self) -> String {
        format!("{}/api", self.inner.url)
    }

    /// The bot's token: `xoxb-…`.
    pub fn bot_token(&self) -> &str {
        &self.inner.bot_token
    }

    /// The app's token, for Socket Mode: `xapp-…`.
    pub fn app_token(&self) -> &str {
        &self.inner.app_token
    }

    /// What deliveries over HTTP are signed with.
    pub fn signing_secret(&self) -> &str {
        &self.inner.signing_secret
    }
}

/// `/upload/{file}`: the bytes of a file.
async fn upload(
    State(inner): State<Arc<Inner>>,
    Path(file): Path<String>,
    body: axum::body::Bytes,
) -> axum::response::Response {
    let args = serde_json::json!({ "file": file, "bytes": body.len() });
    let content = body.to_vec();
    let answer = |world: &mut World| api::upload(world, &file, content).map_err(|refusal| refusal.with_status(400));
    inner.perform("upload", args, answer).await
}
