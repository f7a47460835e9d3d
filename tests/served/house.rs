//! A house: `kaas serve` as a process of its own, between stand-ins for Slack and GitHub and a simulated Rancher, which all outlive it.

use std::fs::{self, File};
use std::net::{SocketAddr, TcpListener};
use std::path::{Path, PathBuf};
use std::process::{Child, Command, ExitStatus, Stdio};
use std::sync::Mutex;
use std::time::{Duration, Instant};

use kaas::clock::SystemClock;
use kaas::forge::local::seed;
use kaas::ports::FileEdit;
use kaas::record::Record;
use kaas::sim::provider::mirror::install_mirror;
use kaas::sim::rancher::{Options as RancherOptions, Running, SimUser, start};
use kaas::store::Store;
use kaas::store::sled::SledStore;
use kaas_fakes::github::{FakeGitHub, Options as GitHubOptions, Rank};
use kaas_fakes::slack::{FakeSlack, Message, Options};

/// The longest that anything is waited for: many times what it takes on a busy machine.
pub const PATIENCE: Duration = Duration::from_secs(120);

/// The people who may do something.
const PEOPLE: [&str; 6] = ["alice", "bob", "carol", "dave", "erin", "mallory"];

/// The configuration of the demo, of which chat and forge are replaced.
const CONFIG: &str = include_str!("../../src/config/demo.toml");

/// What the repository holds to begin with.
const MODULE: [(&str, &str); 4] = [
    ("modules/aws-rancher-cluster/main.tf", include_str!("../../modules/aws-rancher-cluster/main.tf")),
    ("modules/aws-rancher-cluster/outputs.tf", include_str!("../../modules/aws-rancher-cluster/outputs.tf")),
    ("modules/aws-rancher-cluster/variables.tf", include_str!("../../modules/aws-rancher-cluster/variables.tf")),
    ("modules/aws-rancher-cluster/versions.tf", include_str!("../../modules/aws-rancher-cluster/versions.tf")),
];

/// The state of a foundation, as far as the module takes anything from it.
const FOUNDATION: &str = r#"{"version":4,"terraform_version":"1.5.0","serial":1,"lineage":"6f1d1c6e-8f0e-4c62-9d2b-6a1d1f0c3b7a","outputs":{
"vpc_id":{"value":"vpc-0a1b2c3d4e5f60718","type":"string"},
"public_subnet_ids":{"value":["subnet-0a00000000000000a","subnet-0b00000000000000b","subnet-0c00000000000000c"],"type":["list","string"]},
"private_subnet_ids":{"value":["subnet-0d00000000000000d","subnet-0e00000000000000e","subnet-0f00000000000000f"],"type":["list","string"]}
},"resources":[],"check_results":null}"#;

/// What webhooks are signed with.
const WEBHOOK_SECRET: &str = "a webhook's own secret";

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
    pub github: FakeGitHub,
    /// Where pull requests are.
    forge: Forge,
    /// Where kaas listens.
    web: SocketAddr,
    /// The id of #clusters.
    pub channel: String,
    rancher: Running,
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
    /// A house with people in #clusters; kaas does not run yet.
    pub async fn new(forge: Forge) -> Self {
        Self::with_crowd(forge, 0).await
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
    pub async fn with_crowd(forge: Forge, crowd: usize) -> Self {
        let _ = rustls::crypto::ring::default_provider().install_default();
        let dir = tempfile::tempdir().unwrap();
        let slack = FakeSlack::start_with(Options::default()).await;
        // kaas is started again and again here, faster than Slack lets an app open its sockets.
        slack.set_options(|options| options.tiers = false);
        let channel = slack.populate();
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
        let house = Self { dir, slack, github, forge, web, channel, rancher, kaas: Mutex::default(), neighbour: None };
        for nth in 0..crowd {
            let user = house.slack.add_user(&format!("p{nth}"));
            house.slack.join(&house.channel, &user);
        }
        house.furnish(crowd).await;
        house
    }

    async fn furnish(&self, crowd: usize) {
        let data = self.data();
        fs::create_dir_all(&data).unwrap();
        fs::write(data.join("rancher-token"), &self.rancher.bot_token).unwrap();
        fs::write(data.join("foundation.tfstate"), FOUNDATION).unwrap();
        seed(&data.join("forge.git"), &module(), &SystemClock::shared()).await.unwrap();
        let terraform = install_mirror(&data.join("providers"), Path::new(env!("CARGO_BIN_EXE_kaas")), &[]).unwrap();
        let chat = format!(
            "chat = {{ kind = \"slack\", channel = \"{}\", api_url = \"{}\", bot_token = {{ env = \"BOT\" }}, app_token = {{ env = \"APP\" }} }}",
            self.channel,
            self.slack.api_url()
        );
        let runner = format!(
            "[tenants.demo.runner]\ncli_config_file = \"{}\"\npass_environment = [\"TF_DISABLE_PLUGIN_TLS\"]\n\n[tenants.demo.rancher]\n",
            terraform.display()
        );
        fs::write(data.join("app.pem"), self.github.app_key()).unwrap();
        let forge = format!(
            "forge = {{ kind = \"github\", repository = \"acme/clusters\", api_url = \"{}\", git_url = \"{}\", app_id = {}, installation_id = {}, credential = {{ file = \"app.pem\" }}, webhook_secret = {{ env = \"HOOK\" }}, labels = [\"kaas\"] }}",
            self.github.api_url(),
            self.github.git_url(),
            self.github.app_id(),
            self.github.installation_id()
        );
        let mut config = CONFIG
            .replace("chat = { kind = \"terminal\", channel = \"#clusters\" }", &chat)
            .replace("[tenants.demo.rancher]\n", &runner)
            .replace("http://127.0.0.1:8444", &self.rancher.url)
            .replace("[tenants.demo]\n", "[web]\nlisten = \"WEB\"\n\n[log]\nlevel = \"info\"\n\n[tenants.demo]\n");
        config = config.replace("\"WEB\"", &format!("\"{}\"", self.web));
        if self.forge == Forge::GitHub {
            config = config.replace("forge = { kind = \"local\", path = \"forge.git\" }", &forge);
        }
        for name in PEOPLE {
            config = config
                .replace(&format!("rancher = \"u-{name}\""), &format!("github = \"{name}\", rancher = \"u-{name}\""));
            // Their names in Slack are in another company's domain.
            config = config.replace(&format!("{name}@example.com"), &format!("{name}@bank.example"));
        }
        if crowd > 0 {
            config = config.replace("requesters = [\"alice\", \"erin\", \"bob\", \"carol\"]\n", "");
            let more: String = (0..crowd)
                .map(|nth| format!("p{nth} = {{ email = \"p{nth}@bank.example\", rancher = \"u-p{nth}\" }}\n"))
                .collect();
            config = config.replace("[tenants.demo.people]\n", &format!("[tenants.demo.people]\n{more}"));
        }
        fs::write(self.config(), config).unwrap();
    }

    /// kaas' data directory.
    pub fn data(&self) -> PathBuf {
        self.dir.path().join("data")
    }

    fn config(&self) -> PathBuf {
        self.data().join("kaas.toml")
    }

    // ---- running ----

    /// Starts kaas, and waits for nothing.
    pub fn launch(&self) {
        *self.kaas.lock().unwrap() = Some(self.command("serve").spawn().unwrap());
    }

    /// Starts kaas, and waits until Slack reaches it.
    pub async fn start(&self) {
        let before = self.log().matches("kaas serves").count();
        self.launch();
        self.until("kaas to serve", || self.log().matches("kaas serves").count() > before).await;
        self.until("Slack to be connected", || self.slack.sockets() > 0).await;
    }

    /// Starts kaas, and alice's request for a cluster waits for two approvals.
    pub async fn reviewed(&self, cluster: &str) {
        self.start().await;
        self.slash("alice", &format!("/kaas request {cluster} size=small")).await;
        self.card_says(cluster, "waiting for 2 approvals").await;
    }

    /// The network that clusters are put in is another one from now on.
    pub fn move_the_foundation(&self) {
        let moved = FOUNDATION
            .replace("subnet-0d00000000000000d", "subnet-0d0000000000000dd")
            .replace("\"serial\":1", "\"serial\":2");
        fs::write(self.data().join("foundation.tfstate"), moved).unwrap();
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

    /// A person's id in Slack.
    pub fn id(&self, name: &str) -> String {
        self.slack.user(name).unwrap_or_else(|| panic!("nobody is called {name}")).id.to_string()
    }

    /// Types a command in #clusters.
    pub async fn slash(&self, who: &str, line: &str) {
        self.slack.slash(&self.id(who), &self.channel, line).await.unwrap();
    }

    /// Clicks a button of a cluster's newest card, found by what its action id holds.
    pub async fn click(&self, who: &str, cluster: &str, button: &str) {
        let card = self.card(cluster).unwrap_or_else(|| panic!("no card of {cluster}\n{}", self.report()));
        let action = card.buttons().iter().find(|id| id.contains(button)).map(ToString::to_string);
        let action = action.unwrap_or_else(|| panic!("no button {button} on {:?}", card.buttons()));
        self.slack.click(&self.id(who), &self.channel, &card.ts, &action).await.unwrap();
    }

    /// Reacts to a cluster's newest card.
    pub async fn react(&self, who: &str, cluster: &str, emoji: &str) {
        let card = self.card(cluster).unwrap_or_else(|| panic!("no card of {cluster}\n{}", self.report()));
        self.slack.react(&self.id(who), &self.channel, &card.ts, emoji).await.unwrap();
    }

    /// The newest card of a cluster: the newest message in the channel itself that begins with its name.
    pub fn card(&self, cluster: &str) -> Option<Message> {
        let mut cards = self.slack.messages(&self.channel).into_iter();
        cards.rfind(|message| message.thread_ts.is_none() && message.text.starts_with(cluster))
    }

    /// What hangs on a cluster's newest card.
    pub fn thread(&self, cluster: &str) -> Vec<Message> {
        let Some(card) = self.card(cluster) else { return Vec::new() };
        self.slack.thread(&self.channel, &card.ts).into_iter().filter(|message| message.ts != card.ts).collect()
    }

    /// Waits until a cluster's card says so.
    pub async fn card_says(&self, cluster: &str, words: &str) {
        self.until(&format!("the card of {cluster} to say {words}"), || {
            self.card(cluster).is_some_and(|card| card.holds(words))
        })
        .await;
    }

    /// Waits until a person was told so, in private.
    pub async fn told(&self, who: &str, words: &str) {
        let id = self.id(who);
        self.until(&format!("{who} to be told {words}"), || {
            let private = self.slack.private_to(&id).into_iter().chain(self.slack.dms(&id));
            private.into_iter().any(|message| message.holds(words))
        })
        .await;
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
        for message in self.slack.messages(&self.channel) {
            lines.push(format!("{} {:?}: {}", message.ts, message.thread_ts.is_some(), message.text));
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

/// What a repository holds to begin with, as files.
fn module() -> Vec<FileEdit> {
    let file = |(path, text): &(&str, &str)| FileEdit { path: (*path).to_owned(), content: Some((*text).to_owned()) };
    MODULE.iter().map(file).collect()
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
