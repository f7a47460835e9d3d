//! A GitHub with one repository, and kaas' forge on it.

use std::sync::Arc;
use std::time::Duration;

use kaas::clock::{Clock as _, ManualClock, SystemClock};
use kaas::forge::github::{Auth, GitHub, Patience, Settings};
use kaas::lifecycle::{ClusterKey, EffectKey};
use kaas::ports::{Answer, Call, FileEdit, Forge as _, NewPull, PullNow, Trouble};
use kaas_fakes::github::{FakeGitHub, Options};
use serde_json::Value;
use tempfile::TempDir;
use tokio_util::sync::CancellationToken;

pub const BRANCH: &str = "kaas/crucial-sandbox/42";
pub const FOLDER: &str = "clusters/crucial-sandbox";
pub const SECRET: &str = "It's a Secret to Everybody";

/// Longer than main counts as what it was when it was read last.
pub const MOMENT: Duration = Duration::from_secs(11);

/// How kaas proves who it is.
#[derive(Clone, Copy, PartialEq, Eq)]
pub enum As {
    App,
    Token,
}

pub struct Desk {
    pub fake: FakeGitHub,
    pub github: Arc<GitHub>,
    pub clock: Arc<ManualClock>,
    pub root: TempDir,
}

impl Desk {
    /// A repository with a module and another cluster, and kaas as an App.
    pub async fn new() -> Self {
        Self::with(As::App, |_| {}).await
    }

    pub async fn with(who: As, change: impl FnOnce(&mut Settings)) -> Self {
        let file = |path: &str, content: &str| (path.to_owned(), content.to_owned());
        let files = vec![
            file("README.md", "clusters\n"),
            file("modules/m/main.tf", "# module\n"),
            file("clusters/other/main.tf", "# other\n"),
        ];
        let fake = FakeGitHub::start_with(Options { files, ..Options::default() }).await.expect("a GitHub");
        let root = tempfile::tempdir().expect("a folder");
        let clock = ManualClock::at(SystemClock::default().now());
        let github = open(&fake, &root, clock.clone(), who, change);
        Self { fake, github, clock, root }
    }

    /// kaas after a restart: it remembers nothing.
    pub fn another(&self) -> Arc<GitHub> {
        open(&self.fake, &self.root, self.clock.clone(), As::App, |_| {})
    }

    pub async fn read(&self) -> Option<PullNow> {
        soon(self.github.read(BRANCH, FOLDER)).await.expect("read")
    }

    pub async fn there(&self) -> PullNow {
        self.read().await.expect("a pull request")
    }

    /// Everything about the only pull request.
    pub fn pull(&self) -> Value {
        let mut pulls = self.fake.pulls();
        assert_eq!(pulls.len(), 1, "one pull request: {pulls:#?}");
        pulls.remove(0)
    }

    /// How many calls of a method there were to paths that contain a text.
    pub fn count(&self, method: &str, path: &str) -> usize {
        self.fake.calls().iter().filter(|call| call.method == method && call.path.contains(path)).count()
    }
}

fn open(
    fake: &FakeGitHub,
    root: &TempDir,
    clock: Arc<ManualClock>,
    who: As,
    change: impl FnOnce(&mut Settings),
) -> Arc<GitHub> {
    let auth = match who {
        As::App => Auth::App {
            app_id: fake.app_id(),
            installation_id: fake.installation_id(),
            key_pem: fake.app_key().to_owned().into(),
        },
        As::Token => Auth::Token(fake.token("dora").into()),
    };
    let mut settings = Settings {
        api_url: fake.api_url(),
        git_url: None,
        owner: "acme".to_owned(),
        repo: "clusters".to_owned(),
        base: "main".to_owned(),
        auth,
        webhook_secret: Some(SECRET.to_owned().into()),
        reviewers: Vec::new(),
        labels: Vec::new(),
        mirror: root.path().join("data/mirror.git"),
        patience: Patience { request: Duration::from_secs(20), wait: Duration::from_millis(2), ..Patience::default() },
    };
    change(&mut settings);
    GitHub::open(settings, clock).expect("opened")
}

pub fn call(attempt: u32) -> Call {
    let cluster =
        ClusterKey { tenant: "acme".parse().expect("a tenant"), name: "crucial-sandbox".parse().expect("a name") };
    Call { key: EffectKey { cluster, revision: 1, index: 0 }, attempt, stop: CancellationToken::new() }
}

pub fn edit(path: &str, content: &str) -> FileEdit {
    FileEdit { path: path.to_owned(), content: Some(content.to_owned()) }
}

/// What is asked for in most tests.
pub fn wanted() -> NewPull {
    NewPull {
        branch: BRANCH.to_owned(),
        folder: FOLDER.to_owned(),
        files: vec![
            edit("clusters/crucial-sandbox/main.tf", "module {}\n"),
            edit("clusters/crucial-sandbox/a/b.tf", "# ä\n"),
        ],
        title: "crucial-sandbox: new cluster".to_owned(),
        body: "@alice asked for it\n\n<!-- kaas:form {} -->\n".to_owned(),
        commit: "crucial-sandbox: new cluster\n\nAsked for by alice.\n".to_owned(),
    }
}

/// The same for another content.
pub fn changed(content: &str) -> NewPull {
    NewPull { files: vec![edit("clusters/crucial-sandbox/main.tf", content)], ..wanted() }
}

/// No test waits for ever.
pub async fn soon<T>(work: impl Future<Output = T>) -> T {
    tokio::time::timeout(Duration::from_secs(60), work).await.expect("it comes to an end")
}

/// The line of a lasting trouble.
pub fn lasting<T: std::fmt::Debug>(answer: Answer<T>) -> String {
    match answer {
        Err(Trouble::Lasting { line, .. }) => line,
        other => panic!("no lasting trouble: {other:?}"),
    }
}

/// The line of a passing trouble, and its wait in seconds.
pub fn passing<T: std::fmt::Debug>(answer: Answer<T>) -> (String, Option<i64>) {
    match answer {
        Err(Trouble::Passing { line, wait, .. }) => (line, wait.map(|wait| wait.as_secs())),
        other => panic!("no passing trouble: {other:?}"),
    }
}
