//! A house: `kaas serve` as a process of its own, between stand-ins for Slack, Discord and GitHub and a simulated Rancher, which all outlive it.

use std::fs::{self, File};
use std::net::{SocketAddr, TcpListener};
use std::path::{Path, PathBuf};
use std::process::{Child, Command, ExitStatus, Stdio};
use std::sync::Mutex;
use std::time::{Duration, Instant};

use kaas::clock::SystemClock;
use kaas::forge::local::seed;
use kaas::record::Record;
use kaas::sim::rancher::{Options as RancherOptions, Running, SimUser, start};
use kaas::store::Store;
use kaas::store::sled::SledStore;
use kaas_fakes::discord::{FakeDiscord, Id, Options as DiscordOptions};
use kaas_fakes::github::{FakeGitHub, Options as GitHubOptions, Rank};
use kaas_fakes::slack::{FakeSlack, Options};

use super::furnish::{MODULE, WEBHOOK_SECRET, module};
pub use super::talk::{Platform, Post, Talk};

/// The longest that anything is waited for: many times what it takes on a busy machine.
pub const PATIENCE: Duration = Duration::from_secs(120);

/// The people who may do something.
pub const PEOPLE: [&str; 6] = ["alice", "bob", "carol", "dave", "erin", "mallory"];

/// Where pull requests are.
#[derive(Debug, Clone, Copy, PartialEq, Eq)]
pub enum Forge {
    Local,
    GitHub,
}

/// A place where kaas serves.
pub struct House {
    dir: tempfile::TempDir,
    pub slack: FakeSlack,
    pub discord: FakeDiscord,
    pub github: FakeGitHub,
    /// Where the tenant talks: a first platform, and maybe a second one.
    pub platforms: Vec<Platform>,
    /// Where pull requests are.
    pub forge: Forge,
    /// Where kaas listens.
    web: SocketAddr,
    /// The id of #clusters.
    pub channel: String,
    /// The same in Discord.
    pub discord_channel: Id,
    pub rancher: Running,
    kaas: Mutex<Option<Child>>,
    /// The Slack of a second tenant, and its channel.
    neighbour: Option<(FakeSlack, String)>,
}

impl Drop for House {
    fn drop(&mut self) {
        if let Some(mut child) = self.kaas.lock().unwrap().take() {
            let _ = child.kill();
            let _ = child.wait();
        }
    }
}

impl House {
    /// A house with people in #clusters of Slack; kaas does not run yet.
    pub async fn new(forge: Forge) -> Self {
        Self::with(&[Platform::Slack], forge, 0).await
    }

    /// The same on those platforms.
    pub async fn on_platforms(platforms: &[Platform], forge: Forge) -> Self {
        Self::with(platforms, forge, 0).await
    }

    /// A house with a second tenant, `neighbour`, whose people have the same names in a Slack of their own.
    pub async fn with_neighbour() -> Self {
        let mut house = Self::new(Forge::Local).await;
        let slack = FakeSlack::start_with(Options::default()).await;
        let channel = slack.populate().to_string();
        seed(&house.data().join("neighbour.git"), &module(), &SystemClock::shared()).await.unwrap();
        let config = fs::read_to_string(house.config()).unwrap();
        let (_, demo) = config.split_once("[tenants.demo]").unwrap();
        let second = format!("[tenants.demo]{demo}")
            .replace("tenants.demo", "tenants.neighbour")
            .replace(&house.channel, &channel)
            .replace(&house.slack.api_url(), &slack.api_url())
            .replace("env = \"BOT\"", "env = \"BOT2\"")
            .replace("env = \"APP\"", "env = \"APP2\"")
            .replace("forge.git", "neighbour.git")
            .replace("dir = \"states\"", "dir = \"neighbour-states\"");
        fs::write(house.config(), format!("{config}\n{second}")).unwrap();
        house.neighbour = Some((slack, channel));
        house
    }

    /// The second tenant's Slack, and its channel.
    pub fn neighbour(&self) -> (&FakeSlack, &str) {
        let (slack, channel) = self.neighbour.as_ref().expect("there is a neighbour");
        (slack, channel)
    }

    /// The same with so many people more, `p0`, `p1`, …, who may ask for clusters.
    pub async fn with(platforms: &[Platform], forge: Forge, crowd: usize) -> Self {
        let _ = rustls::crypto::ring::default_provider().install_default();
        let dir = tempfile::tempdir().unwrap();
        let slack = FakeSlack::start_with(Options::default()).await;
        // kaas is started again and again here, faster than Slack lets an app open its sockets.
        slack.set_options(|options| options.tiers = false);
        let channel = slack.populate();
        let discord = FakeDiscord::start_with(DiscordOptions {
            // kaas is started again and again here, faster than Discord lets an app identify.
            identify_every: Duration::ZERO,
            ..DiscordOptions::default()
        })
        .await;
        let discord_channel = discord.populate();
        for name in PEOPLE.iter().filter(|name| discord.person(name).is_none()) {
            discord.add_user(name);
        }
        let user =
            |name: &&str| SimUser { id: format!("u-{name}"), username: (*name).to_owned(), name: (*name).to_owned() };
        let rancher = start(RancherOptions {
            provisioning: Duration::from_secs(1),
            removing: Duration::from_millis(400),
            users: PEOPLE.iter().map(user).collect(),
            ..RancherOptions::default()
        })
        .await
        .unwrap();
        let files = MODULE.iter().map(|(path, text)| ((*path).to_owned(), (*text).to_owned())).collect();
        let people = PEOPLE.iter().map(|name| ((*name).to_owned(), Rank::Write)).collect();
        let github = FakeGitHub::start_with(GitHubOptions { files, people, ..GitHubOptions::default() }).await.unwrap();
        let web = free_address();
        github.webhook(&format!("http://{web}/webhook/github"), WEBHOOK_SECRET);
        let channel = channel.to_string();
        let platforms = platforms.to_vec();
        let (kaas, neighbour) = (Mutex::default(), None);
        let house = Self {
            dir,
            slack,
            discord,
            github,
            platforms,
            forge,
            web,
            channel,
            discord_channel,
            rancher,
            kaas,
            neighbour,
        };
        for nth in 0..crowd {
            let user = house.slack.add_user(&format!("p{nth}"));
            house.slack.join(&house.channel, &user);
            house.discord.add_user(&format!("p{nth}"));
        }
        house.furnish(crowd).await;
        house
    }

    /// kaas' data directory.
    pub fn data(&self) -> PathBuf {
        self.dir.path().join("data")
    }

    /// The configuration.
    pub fn config(&self) -> PathBuf {
        self.data().join("kaas.toml")
    }

    // ---- running ----

    /// Starts kaas, and waits for nothing.
    pub fn launch(&self) {
        *self.kaas.lock().unwrap() = Some(self.command("serve").spawn().unwrap());
    }

    /// Starts kaas, and waits until people reach it.
    pub async fn start(&self) {
        let before = self.log().matches("kaas serves").count();
        self.launch();
        self.until("kaas to serve", || self.log().matches("kaas serves").count() > before).await;
        self.connected().await;
    }

    /// Waits until people reach kaas.
    pub async fn connected(&self) {
        for platform in &self.platforms {
            self.until(&format!("{platform:?} to be connected"), || self.on(*platform).is_connected()).await;
        }
    }

    /// Starts kaas, and alice's request for a cluster waits for two approvals.
    pub async fn reviewed(&self, cluster: &str) {
        self.start().await;
        self.slash("alice", &format!("/kaas request {cluster} size=small")).await;
        self.card_says(cluster, "waiting for 2 approvals").await;
    }

    /// A command of this house, with its secrets.
    #[expect(clippy::disallowed_methods, reason = "tests start the program that they test")]
    pub fn command(&self, subcommand: &str) -> Command {
        let log = File::options().create(true).append(true).open(self.dir.path().join("log")).unwrap();
        let mut command = Command::new(env!("CARGO_BIN_EXE_kaas"));
        command
            .args([subcommand, "--config"])
            .arg(self.config())
            .env_clear()
            .env("PATH", std::env::var_os("PATH").unwrap_or_default())
            .env("BOT", self.slack.bot_token())
            .env("APP", self.slack.app_token())
            .env("DISCORD", self.discord.token())
            .envs(
                self.neighbour.iter().flat_map(|(slack, _)| [("BOT2", slack.bot_token()), ("APP2", slack.app_token())]),
            )
            .env("HOOK", WEBHOOK_SECRET)
            .env("TF_DISABLE_PLUGIN_TLS", "1")
            .stdin(Stdio::null())
            .stdout(Stdio::null())
            .stderr(log);
        // Whoever looks for what takes long is told of every call.
        command.envs(std::env::var_os("KAAS_LOG").map(|level| ("KAAS_LOG", level)));
        command
    }

    /// What kaas answers over HTTP: status and body.
    pub async fn get(&self, path: &str) -> (u16, String) {
        use tokio::io::{AsyncReadExt as _, AsyncWriteExt as _};
        let mut stream = tokio::net::TcpStream::connect(self.web()).await.unwrap();
        let request = format!("GET {path} HTTP/1.1\r\nHost: x\r\nConnection: close\r\n\r\n");
        stream.write_all(request.as_bytes()).await.unwrap();
        let mut answer = String::new();
        stream.read_to_string(&mut answer).await.unwrap();
        let (head, body) = answer.split_once("\r\n\r\n").unwrap();
        (head.split(' ').nth(1).unwrap().parse().unwrap(), body.to_owned())
    }

    /// The id of kaas' process.
    pub fn process(&self) -> u32 {
        self.kaas.lock().unwrap().as_ref().expect("kaas runs").id()
    }

    /// Where Rancher is, and kaas' own token for it.
    pub fn rancher(&self) -> (&str, &str) {
        (&self.rancher.url, &self.rancher.bot_token)
    }

    /// Where kaas listens.
    pub fn web(&self) -> SocketAddr {
        self.web
    }

    /// Kills kaas with SIGKILL.
    pub fn kill(&self) {
        let mut child = self.kaas.lock().unwrap().take().expect("kaas runs");
        child.kill().unwrap();
        child.wait().unwrap();
    }

    /// Asks kaas to end, and waits until it has.
    pub async fn stop(&self) -> ExitStatus {
        let process = nix::unistd::Pid::from_raw(i32::try_from(self.process()).unwrap());
        let mut child = self.kaas.lock().unwrap().take().expect("kaas runs");
        nix::sys::signal::kill(process, nix::sys::signal::Signal::SIGTERM).unwrap();
        let deadline = now() + PATIENCE;
        loop {
            if let Some(status) = child.try_wait().unwrap() {
                return status;
            }
            assert!(now() < deadline, "kaas does not stop\n{}", self.report());
            tokio::time::sleep(Duration::from_millis(20)).await;
        }
    }

    /// Whether kaas runs.
    pub fn runs(&self) -> bool {
        self.kaas.lock().unwrap().as_mut().is_some_and(|child| child.try_wait().unwrap().is_none())
    }

    pub fn log(&self) -> String {
        fs::read_to_string(self.dir.path().join("log")).unwrap_or_default()
    }

    // ---- people ----

    /// A person's id in Discord.
    pub fn discord_id(&self, name: &str) -> Id {
        self.discord.person(name).unwrap_or_else(|| panic!("nobody is called {name}")).id
    }

    /// A person's id in Slack.
    pub fn id(&self, name: &str) -> String {
        self.slack.user(name).unwrap_or_else(|| panic!("nobody is called {name}")).id.to_string()
    }

    /// What people do and see on one platform.
    pub fn on(&self, platform: Platform) -> Talk<'_> {
        Talk { house: self, platform }
    }

    /// The same, on the first one that the tenant is on.
    pub fn talk(&self) -> Talk<'_> {
        self.on(self.platforms[0])
    }

    pub async fn slash(&self, who: &str, line: &str) {
        self.talk().say(who, line).await;
    }

    pub async fn click(&self, who: &str, cluster: &str, does: &str) {
        self.talk().click(who, cluster, does).await;
    }

    pub async fn react(&self, who: &str, cluster: &str, emoji: &str) {
        self.talk().react(who, cluster, emoji).await;
    }

    pub fn card(&self, cluster: &str) -> Option<Post> {
        self.talk().card(cluster)
    }

    pub fn thread(&self, cluster: &str) -> Vec<Post> {
        self.talk().thread(cluster)
    }

    pub async fn card_says(&self, cluster: &str, words: &str) {
        self.talk().card_says(cluster, words).await;
    }

    pub async fn told(&self, who: &str, words: &str) {
        self.talk().told(who, words).await;
    }

    // ---- looking ----

    /// The newest pull request on GitHub, with all that hangs on it.
    pub fn pull(&self) -> Option<serde_json::Value> {
        self.github.pulls().pop()
    }

    pub async fn until(&self, what: &str, mut holds: impl FnMut() -> bool) {
        let deadline = now() + PATIENCE;
        while !holds() {
            assert!(now() < deadline, "waited {PATIENCE:?} for {what}\n{}", self.report());
            tokio::time::sleep(Duration::from_millis(20)).await;
        }
    }

    /// Everything that was said, and the log.
    pub fn report(&self) -> String {
        let mut lines: Vec<String> = Vec::new();
        for platform in &self.platforms {
            lines.push(format!("--- {platform:?}"));
            let talk = self.on(*platform);
            for card in talk.cards() {
                lines.push(card.words.join(" / "));
                lines.extend(talk.thread_of(&card).iter().map(|post| format!("    {}", post.words.join(" / "))));
            }
            for who in PEOPLE {
                let told = talk.private_to(who);
                lines.extend(told.iter().map(|post| format!("    to {who} alone: {}", post.words.join(" / "))));
            }
        }
        format!("{}\n--- log\n{}", lines.join("\n"), self.log())
    }

    /// The record of a cluster; kaas must not run.
    pub async fn record(&self, cluster: &str) -> Record {
        assert!(!self.runs(), "stop kaas first");
        let store = SledStore::open(&self.data().join("store")).unwrap();
        let key = kaas::lifecycle::ClusterKey { tenant: "demo".parse().unwrap(), name: cluster.parse().unwrap() };
        store.load(&key).await.unwrap().expect("a record")
    }

    /// git in the repository.
    pub fn git(&self, args: &[&str]) -> String {
        match self.forge {
            Forge::Local => git(&self.data().join("forge.git"), args),
            Forge::GitHub => git(&self.github.bare(), args),
        }
    }

    /// git in a repository of the data directory.
    pub fn git_in(&self, repository: &str, args: &[&str]) -> String {
        git(&self.data().join(repository), args)
    }

    /// How many of a kind Rancher was asked to make, and made.
    pub fn made(&self, path_end: &str) -> usize {
        let requests = self.rancher.requests();
        requests
            .iter()
            .filter(|seen| seen.method == "POST" && seen.status == 201 && seen.path.ends_with(path_end))
            .count()
    }
}

/// An address that nobody listens on.
fn free_address() -> SocketAddr {
    TcpListener::bind("127.0.0.1:0").unwrap().local_addr().unwrap()
}

#[expect(clippy::disallowed_methods, reason = "tests look at the repository with git")]
fn git(repository: &Path, args: &[&str]) -> String {
    let output = Command::new("git").arg("-C").arg(repository).args(args).output().unwrap();
    String::from_utf8_lossy(&output.stdout).trim().to_owned()
}

#[expect(clippy::disallowed_methods, reason = "tests wait by the wall clock, with generous bounds")]
pub fn now() -> Instant {
    Instant::now()
}
