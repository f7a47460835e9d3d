//! A strict, stateful GitHub: one repository with real git behind it, an App and its tokens, pull requests, reviews, comments, statuses, webhooks.
//!
//! Reading order: `world` is what there is and what follows when a branch moves; `route` is the REST surface, with a file for each family of handlers
//! (`apps`, `refs`, `pulls`, `reviews`, `issues`, `checks`); `auth` says who may what; `views` how things look; `hooks` tells others; `fault` makes trouble;
//! `serve` and `git_http` are the wire; `people` is what users do by hand, and `control` the same over HTTP.

mod answer;
mod apps;
mod ask;
mod auth;
mod checks;
mod clock;
mod control;
mod git;
mod git_http;
mod hooks;
mod issues;
mod people;
mod pulls;
mod refs;
mod reviews;
mod route;
mod serve;
#[cfg(test)]
mod tests;
mod views;
mod world;

use std::collections::{BTreeMap, BTreeSet};
use std::net::SocketAddr;
use std::path::PathBuf;
use std::sync::{Arc, Mutex, MutexGuard, PoisonError};
use std::time::Duration;

use anyhow::Context as _;
use tokio::net::TcpListener;
use tokio::task::AbortHandle;

pub use crate::fault::{Fault, FaultKind};
pub use auth::Rank;
pub use hooks::{Delivery, DeliveryMode, sign};
pub use world::Protection;

use auth::{Actor, Token};
use world::World;

/// How long the primary rate limit counts.
const RATE_WINDOW: Duration = Duration::from_secs(3600);

/// How many calls the primary rate limit allows in that time.
const RATE_LIMIT: u64 = 5_000;

/// How long an installation's token lives.
const TOKEN_LIFE: Duration = Duration::from_secs(3600);

/// The App's private key: made for these tests, secret to nobody.
pub const APP_KEY: &str = include_str!("test-key.pem");

/// How to begin.
#[derive(Debug, Clone)]
pub struct Options {
    /// Where to listen; port 0 takes a free one.
    pub listen: SocketAddr,
    /// The repository's owner, an organisation.
    pub owner: String,
    /// The repository's name.
    pub name: String,
    /// Whether strangers may not read it.
    pub private: bool,
    /// Files that `main` begins with: path and content.
    pub files: Vec<(String, String)>,
    /// A folder that `main` begins with, too.
    pub seed: Option<PathBuf>,
    /// People and what they may.
    pub people: Vec<(String, Rank)>,
}

impl Default for Options {
    fn default() -> Self {
        let people = [("bob-b", Rank::Write), ("ccziz", Rank::Write), ("dora", Rank::Write), ("adm1n", Rank::Admin)];
        Self {
            listen: SocketAddr::from(([127, 0, 0, 1], 0)),
            owner: "acme".to_owned(),
            name: "clusters".to_owned(),
            private: true,
            files: vec![("README.md".to_owned(), "# Clusters\n".to_owned())],
            seed: None,
            people: people.iter().map(|(login, rank)| ((*login).to_owned(), *rank)).collect(),
        }
    }
}

/// A call that was seen.
#[derive(Debug, Clone, PartialEq, Eq, serde::Serialize)]
pub struct Seen {
    /// `POST`
    pub method: String,
    /// Without the base path, with the query.
    pub path: String,
    /// What was answered, or would have been; 0 where nothing was.
    pub status: u16,
    /// Who asked; empty for nobody.
    pub login: String,
    /// Whether the work was done and the answer lost.
    pub lost: bool,
}

/// A running GitHub. Clones are the same one; with the last handle that `start` gave it ends.
#[derive(Debug, Clone)]
pub struct FakeGitHub {
    world: Arc<Mutex<World>>,
    running: Option<Arc<Running>>,
}

#[derive(Debug)]
struct Running {
    tasks: Vec<AbortHandle>,
}

impl Drop for Running {
    fn drop(&mut self) {
        for task in &self.tasks {
            task.abort();
        }
    }
}

impl FakeGitHub {
    /// Begins on a free port with a small repository.
    ///
    /// # Panics
    /// Where git is not installed, or no port is free.
    pub async fn start() -> Self {
        match Self::start_with(Options::default()).await {
            Ok(fake) => fake,
            Err(error) => panic!("the fake GitHub does not start: {error:#}"),
        }
    }

    /// Begins.
    ///
    /// # Errors
    /// Where git is not installed, the port is taken or the seed cannot be read.
    pub async fn start_with(options: Options) -> anyhow::Result<Self> {
        let listener = TcpListener::bind(options.listen).await.context("a port to listen on")?;
        let web_url = format!("http://{}", listener.local_addr()?);
        let git = git::Bare::create(&options.owner, &options.name)?;
        let (sender, jobs) = tokio::sync::mpsc::unbounded_channel();
        let clock = clock::Clock::default();
        let reset = clock.now() + RATE_WINDOW;
        let app = world::App {
            id: 12,
            slug: "kaas-bot".to_owned(),
            installation: 7,
            permissions: apps::usual_permissions(),
            token_life: TOKEN_LIFE,
            suspended: false,
        };
        let mut world = World {
            clock,
            api_url: format!("{web_url}/api/v3"),
            web_url,
            owner: options.owner,
            name: options.name,
            private: options.private,
            git,
            refs: BTreeMap::new(),
            users: BTreeMap::new(),
            tokens: BTreeMap::new(),
            app,
            pulls: BTreeMap::new(),
            labels: BTreeMap::new(),
            statuses: Vec::new(),
            checks: Vec::new(),
            protections: BTreeMap::new(),
            hooks: hooks::Hooks::default(),
            sender,
            faults: crate::fault::Faults::default(),
            calls: Vec::new(),
            ways: [true, true, false],
            rate: world::Rate { limit: RATE_LIMIT, used: 0, reset },
            next_id: 1_000,
        };
        let bot = world.bot();
        world.know(&bot, Rank::Write);
        for (login, rank) in &options.people {
            world.know(login, *rank);
        }
        let mut files: Vec<(String, Vec<u8>)> =
            options.files.into_iter().map(|(path, content)| (path, content.into_bytes())).collect();
        if let Some(seed) = &options.seed {
            files.extend(people::files_under(seed)?);
        }
        world.seed(&files)?;
        let world = Arc::new(Mutex::new(world));
        let deliveries = tokio::spawn(hooks::deliver(world.clone(), jobs));
        let router = axum::Router::new().fallback(serve::entry).with_state(world.clone());
        let server = tokio::spawn(async move {
            if let Err(error) = axum::serve(listener, router).await {
                eprintln!("the fake GitHub ends: {error}");
            }
        });
        let tasks = vec![deliveries.abort_handle(), server.abort_handle()];
        Ok(Self { world, running: Some(Arc::new(Running { tasks })) })
    }

    /// The same world, for a request: it does not keep the fake running.
    fn of(world: Arc<Mutex<World>>) -> Self {
        Self { world, running: None }
    }

    fn world(&self) -> MutexGuard<'_, World> {
        lock(&self.world)
    }

    /// `http://127.0.0.1:PORT/api/v3`
    pub fn api_url(&self) -> String {
        self.world().api_url.clone()
    }

    /// `http://127.0.0.1:PORT/acme/clusters.git`
    pub fn git_url(&self) -> String {
        format!("{}.git", self.world().repo_page())
    }

    /// `http://127.0.0.1:PORT/control`
    pub fn control_url(&self) -> String {
        format!("{}/control", self.world().web_url)
    }

    /// The App's id.
    pub fn app_id(&self) -> u64 {
        self.world().app.id
    }

    /// The installation's id.
    pub fn installation_id(&self) -> u64 {
        self.world().app.installation
    }

    /// The App's private key, as PEM.
    pub fn app_key(&self) -> &'static str {
        APP_KEY
    }

    /// The name that the App's doings carry: `kaas-bot[bot]`.
    pub fn bot(&self) -> String {
        self.world().bot()
    }

    /// Whether the server still listens.
    pub fn is_running(&self) -> bool {
        self.running.as_ref().is_none_or(|running| running.tasks.iter().all(|task| !task.is_finished()))
    }

    /// Makes somebody known, or changes what they may.
    pub fn person(&self, login: &str, rank: Rank) {
        self.world().know(login, rank);
    }

    /// A personal token of somebody.
    pub fn token(&self, login: &str) -> String {
        let secret = format!("ghp_{}", (0..36).map(|_| fastrand::alphanumeric()).collect::<String>());
        let token = Token { actor: Actor::Person(login.to_owned()), expires: None };
        self.world().tokens.insert(secret.clone(), token);
        secret
    }

    /// Takes every token back: the next calls answer 401.
    pub fn revoke_tokens(&self) {
        self.world().tokens.clear();
    }

    /// How long the tokens of the installation live that are made from now on.
    pub fn token_life(&self, life: Duration) {
        self.world().app.token_life = life;
    }

    /// Grants the App a permission (`write`, `read`) or takes it back (`none`), also from tokens that are there.
    pub fn grant(&self, permission: &str, level: &str) {
        let mut world = self.world();
        let set = |granted: &mut BTreeMap<String, String>| {
            if level == "none" {
                granted.remove(permission);
            } else {
                granted.insert(permission.to_owned(), level.to_owned());
            }
        };
        set(&mut world.app.permissions);
        for token in world.tokens.values_mut() {
            if let Actor::Installation { permissions, .. } = &mut token.actor {
                set(permissions);
            }
        }
    }

    /// Suspends the installation, or lets it go on, and tells so.
    pub fn suspend(&self, suspended: bool) {
        let mut world = self.world();
        world.app.suspended = suspended;
        let (by, action) = (world.owner.clone(), if suspended { "suspend" } else { "unsuspend" });
        let shown = world.installation();
        world.tell("installation", &by, serde_json::json!({"action": action, "installation": shown}));
    }

    /// Turns the fake's clock forward.
    pub fn advance(&self, by: Duration) {
        self.world().clock.advance(by);
    }

    /// Sets the primary rate limit; what was used counts on.
    pub fn rate_limit(&self, limit: u64) {
        self.world().rate.limit = limit;
    }

    /// Which ways to merge the repository allows: merge, squash, rebase.
    pub fn ways_to_merge(&self, merge: bool, squash: bool, rebase: bool) {
        self.world().ways = [merge, squash, rebase];
    }

    /// Sends webhooks there from now on, and a ping first.
    pub fn webhook(&self, url: &str, secret: &str) {
        let mut world = self.world();
        world.hooks.url = Some(url.to_owned());
        world.hooks.secret = secret.to_owned();
        world.tell_ping();
    }

    /// How deliveries go from now on.
    pub fn deliver(&self, mode: DeliveryMode) {
        self.world().hooks.mode = mode;
    }

    /// Sends a delivery again with the same id; false where there is none.
    pub fn redeliver(&self, guid: &str) -> bool {
        self.world().redeliver(guid)
    }

    /// Makes the next calls go wrong.
    pub fn fault(&self, method: &str, path: &str, times: u32, kind: FaultKind) {
        let fault = Fault { method: method.to_owned(), path: path.to_owned(), times: Some(times), kind };
        self.world().faults.list.push(fault);
    }

    /// Every call goes wrong like this until `None`.
    pub fn down(&self, kind: Option<FaultKind>) {
        self.world().faults.down = kind;
    }

    /// Takes all trouble back.
    pub fn heal(&self) {
        self.world().faults = crate::fault::Faults::default();
    }

    /// Each call takes this much longer.
    pub fn latency(&self, latency: Duration) {
        self.world().faults.latency = latency;
    }

    /// Every call so far.
    pub fn calls(&self) -> Vec<Seen> {
        self.world().calls.clone()
    }

    /// Every delivery so far.
    pub fn deliveries(&self) -> Vec<Delivery> {
        self.world().hooks.deliveries.clone()
    }

    /// The labels of the repository.
    pub fn labels(&self) -> BTreeSet<String> {
        self.world().labels.keys().cloned().collect()
    }
}

/// The world, also after a test has failed while it held it.
fn lock(world: &Mutex<World>) -> MutexGuard<'_, World> {
    world.lock().unwrap_or_else(PoisonError::into_inner)
}
