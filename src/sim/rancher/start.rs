//! Starting and stopping the simulator inside another program: the demo, and tests.

use std::net::SocketAddr;
use std::path::PathBuf;
use std::sync::Arc;
use std::time::Duration;

use anyhow::Context;
use axum::body::Bytes;
use axum::http::{HeaderMap, Method, Uri};
use jiff::Timestamp;
use serde_json::{Map, json};

use super::faults::Fault;
use super::life::Pace;
use super::server::{BODY_MAX_BYTES, Seen, Shared, serve};
use super::world::{Credential, Role, Token, User, World};
use super::{disk, tokens};
use crate::clock::{Clock, SharedClock, SystemClock};

/// How long requests that are under way may take after a stop.
const STOP_GRACE: Duration = Duration::from_secs(2);
/// The user ids of the administrator and of kaas' bot.
const ADMIN: &str = "user-admin";
const BOT: &str = "u-kaasbot";
/// The administrator's EC2 credential, which the bot may use.
const SHARED_CREDENTIAL: (&str, &str) = ("cc-simul", "simulated-aws");

/// A person that the simulated Rancher knows.
#[derive(Debug, Clone, PartialEq, Eq)]
pub struct SimUser {
    /// `u-alice`.
    pub id: String,
    /// The name to log in with.
    pub username: String,
    /// The name to show.
    pub name: String,
}

/// How to start a simulator.
#[derive(Clone)]
pub struct Options {
    /// Where to listen; port 0 takes the one that the state file remembers, or a free one.
    pub listen: SocketAddr,
    /// Where to keep the state; without it nothing survives.
    pub state_file: Option<PathBuf>,
    /// How long a cluster takes until it is active.
    pub provisioning: Duration,
    /// How long a cluster takes until it is gone.
    pub removing: Duration,
    /// How long a flapping cluster is away, and then back.
    pub flap: Duration,
    /// How long an answer takes while [`Fault::Slow`] is on.
    pub slowness: Duration,
    /// The people, beside the administrator and kaas' bot.
    pub users: Vec<SimUser>,
    /// The administrator's token, `name:secret`; drawn if it is left out.
    pub admin_token: Option<String>,
    /// The token of the user with the role for kaas' bot; drawn if it is left out.
    pub bot_token: Option<String>,
    /// The time.
    pub clock: SharedClock,
}

impl Default for Options {
    fn default() -> Self {
        Self {
            listen: SocketAddr::from(([127, 0, 0, 1], 0)),
            state_file: None,
            provisioning: Duration::from_secs(8),
            removing: Duration::from_secs(3),
            flap: Duration::from_secs(3),
            slowness: Duration::from_secs(3),
            users: Vec::new(),
            admin_token: None,
            bot_token: None,
            clock: SystemClock::shared(),
        }
    }
}

/// A simulator that serves. Dropped, it stops at once.
pub struct Running {
    /// `http://127.0.0.1:40001`.
    pub url: String,
    /// The administrator's token.
    pub admin_token: String,
    /// The token of the user with the role for kaas' bot.
    pub bot_token: String,
    /// The id of the shared EC2 credential, `cattle-global-data:cc-xxxxx`.
    pub credential: String,
    shared: Arc<Shared>,
    stop: Option<tokio::sync::oneshot::Sender<()>>,
    task: tokio::task::JoinHandle<()>,
}

/// Starts a simulator and returns once it listens.
///
/// # Errors
/// The address is taken, or the state file cannot be read or written.
pub async fn start(options: Options) -> anyhow::Result<Running> {
    let now = options.clock.now();
    let stored = options.state_file.as_deref().map(disk::load).transpose()?.flatten();
    let mut world = stored.unwrap_or_else(|| World::new(now));
    furnish(&mut world, &options, now);
    let listener = listen(options.listen, world.port).await?;
    let address = listener.local_addr()?;
    world.port = Some(address.port());
    if let Some(path) = &options.state_file {
        disk::save(path, &world)?;
    }
    let token_of = |user: &str| {
        let token = world.tokens.iter().find(|t| t.user == user && t.description == STANDING);
        token.map(|t| format!("{}:{}", t.name, t.secret)).context("a standing token is missing from the state file")
    };
    let (admin_token, bot_token) = (token_of(ADMIN)?, token_of(BOT)?);
    let url = format!("http://{address}");
    let pace = Pace { provisioning: options.provisioning, removing: options.removing, flap: options.flap };
    let shared = Arc::new(Shared::new(options.clock, pace, options.slowness, options.state_file, world));
    let served = shared.clone();
    let app = axum::Router::new()
        .fallback(move |method: Method, uri: Uri, headers: HeaderMap, body: Bytes| {
            serve(served.clone(), method, uri, headers, body)
        })
        .layer(axum::extract::DefaultBodyLimit::max(BODY_MAX_BYTES));
    let (stop, stopped) = tokio::sync::oneshot::channel::<()>();
    let task = tokio::spawn(async move {
        let until = async move {
            let _ = stopped.await;
        };
        if let Err(fault) = axum::serve(listener, app).with_graceful_shutdown(until).await {
            tracing::error!(error = %fault, "the simulated Rancher stopped serving");
        }
    });
    let credential = format!("{}:{}", super::credentials::NAMESPACE, SHARED_CREDENTIAL.0);
    Ok(Running { url, admin_token, bot_token, credential, shared, stop: Some(stop), task })
}

/// Listens where it is told; where any port will do, on the one of the last time if that is free, so that whoever was
/// talking to a simulator that was killed finds it again.
async fn listen(wanted: SocketAddr, last: Option<u16>) -> anyhow::Result<tokio::net::TcpListener> {
    if let Some(port) = last.filter(|_| wanted.port() == 0)
        && let Ok(listener) = tokio::net::TcpListener::bind((wanted.ip(), port)).await
    {
        return Ok(listener);
    }
    let listener = tokio::net::TcpListener::bind(wanted).await;
    listener.with_context(|| format!("the simulated Rancher cannot listen on {wanted}"))
}

/// What the tokens are called that the simulator itself made.
const STANDING: &str = "standing token of the simulator";

/// Puts in what a Rancher has before anybody used it, and what the options ask for beside.
fn furnish(world: &mut World, options: &Options, now: Timestamp) {
    let clock: &dyn Clock = &*options.clock;
    let people = options.users.iter().map(|u| (u.id.as_str(), u.username.as_str(), u.name.as_str(), Role::Standard));
    let own = [(ADMIN, "admin", "Default Admin", Role::Admin), (BOT, "kaas-bot", "kaas", Role::Bot)];
    for (id, username, name, role) in own.into_iter().chain(people) {
        if world.user(id).is_none() {
            let username = Some(username.to_owned());
            let name = name.to_owned();
            world.users.push(User {
                id: id.to_owned(),
                username,
                name,
                role,
                enabled: true,
                created: now,
                principals: Vec::new(),
                password: None,
            });
        }
    }
    for (user, given) in [(ADMIN, &options.admin_token), (BOT, &options.bot_token)] {
        let kept = world.tokens.iter().any(|t| t.user == user && t.description == STANDING);
        let value = match given {
            Some(given) => given.clone(),
            None if kept => continue,
            None => tokens::mint(world, clock, user, "token-", 0, now),
        };
        let (name, secret) = value.split_once(':').unwrap_or((value.as_str(), ""));
        world.tokens.retain(|t| t.name != name && !(t.user == user && t.description == STANDING));
        world.tokens.push(Token {
            name: name.to_owned(),
            secret: secret.to_owned(),
            user: user.to_owned(),
            description: STANDING.to_owned(),
            cluster: None,
            created: now,
            ttl: 0,
            ext: false,
            session: false,
        });
    }
    let (name, title) = SHARED_CREDENTIAL;
    if !world.credentials.iter().any(|c| c.name == name) {
        world.credentials.push(Credential {
            name: name.to_owned(),
            title: title.to_owned(),
            description: None,
            created: now,
            creator: ADMIN.to_owned(),
            shared: true,
            field: "amazonec2credentialConfig".to_owned(),
            config: json!({"accessKey": "AKIASIMULATED", "defaultRegion": ""}),
            annotations: Map::new(),
            labels: Map::new(),
        });
    }
    world.touch();
}

impl Running {
    /// Switches a fault on for all clusters, until it is switched off.
    ///
    /// # Errors
    /// The state file cannot be written.
    pub fn switch_on(&self, fault: Fault) -> anyhow::Result<()> {
        let pace = self.shared.pace;
        self.shared.change(|world, now| world.switch_on(fault, now, None, None, &pace))
    }

    /// Switches a fault on for one cluster, by its name.
    ///
    /// # Errors
    /// The state file cannot be written.
    pub fn switch_on_for(&self, fault: Fault, cluster: &str) -> anyhow::Result<()> {
        let pace = self.shared.pace;
        self.shared.change(|world, now| world.switch_on(fault, now, None, Some(cluster.to_owned()), &pace))
    }

    /// Switches a fault off; what stood still goes on from there.
    ///
    /// # Errors
    /// The state file cannot be written.
    pub fn switch_off(&self, fault: Fault) -> anyhow::Result<()> {
        let pace = self.shared.pace;
        self.shared.change(|world, now| world.switch_off(fault, now, &pace))
    }

    /// What was asked so far, the oldest first.
    pub fn requests(&self) -> Vec<Seen> {
        self.shared.log().iter().cloned().collect()
    }

    /// Makes a token for a user.
    ///
    /// # Errors
    /// The user is unknown, or the state file cannot be written.
    pub fn token_for(&self, user: &str) -> anyhow::Result<String> {
        let clock = self.shared.clock.clone();
        self.shared.change(|world, now| {
            anyhow::ensure!(world.user(user).is_some(), "the simulated Rancher has no user {user}");
            Ok(tokens::mint(world, &*clock, user, "token-", 0, now))
        })?
    }

    /// Makes a token for a user that ends after a while.
    ///
    /// # Errors
    /// The user is unknown, or the state file cannot be written.
    pub fn token_that_lasts(&self, user: &str, time: Duration) -> anyhow::Result<String> {
        let clock = self.shared.clock.clone();
        let ttl = i64::try_from(time.as_millis())?;
        self.shared.change(|world, now| {
            anyhow::ensure!(world.user(user).is_some(), "the simulated Rancher has no user {user}");
            Ok(tokens::mint(world, &*clock, user, "token-", ttl, now))
        })?
    }

    /// How often somebody asked for a kubeconfig, which Rancher makes with the caller's own rights.
    pub fn kubeconfigs_asked_for(&self) -> usize {
        let log = self.shared.log();
        log.iter().filter(|seen| seen.method == "POST" && seen.path.to_lowercase().contains("kubeconfig")).count()
    }

    /// Stops in order: no new requests, and those under way get a moment.
    pub async fn shutdown(mut self) {
        if let Some(stop) = self.stop.take() {
            let _ = stop.send(());
        }
        let _ = tokio::time::timeout(STOP_GRACE, &mut self.task).await;
    }
}

impl Drop for Running {
    fn drop(&mut self) {
        self.task.abort();
    }
}
