//! The local forge against real git: what kaas does, what strangers do with a plain clone, and what a kill leaves behind.

use std::path::{Path, PathBuf};
use std::sync::Arc;
use std::time::Duration;

use jiff::Timestamp;
use tempfile::TempDir;
use tokio_util::sync::CancellationToken;

use super::{LocalForge, seed};
use crate::clock::{ManualClock, SharedClock};
use crate::lifecycle::{ClusterKey, EffectKey};
use crate::ports::{Call, FileEdit, Forge, NewPull, PullNow};

mod crashes;
mod pulls;
mod strangers;

/// The branch and folder that most tests use.
const BRANCH: &str = "kaas/crucial-sandbox/42";
const FOLDER: &str = "clusters/crucial-sandbox";

/// A forge in a folder of its own, with a clock that stands still.
struct Desk {
    root: TempDir,
    clock: Arc<ManualClock>,
    forge: LocalForge,
}

impl Desk {
    async fn new() -> Self {
        let root = tempfile::tempdir().expect("a folder");
        let clock = ManualClock::at("2026-11-22T10:00:00Z".parse::<Timestamp>().expect("a time"));
        let files = [
            edit("README.md", "clusters\n"),
            edit("modules/m/main.tf", "# module\n"),
            edit(".gitignore", ".terraform\n"),
        ];
        seed(&root.path().join("forge.git"), &files, &(clock.clone() as SharedClock)).await.expect("seeded");
        let forge = LocalForge::open(&root.path().join("forge.git"), clock.clone()).await.expect("opened");
        Self { root, clock, forge }
    }

    fn dir(&self) -> PathBuf {
        self.root.path().join("forge.git")
    }

    /// Another writer on the same repository.
    async fn another(&self) -> LocalForge {
        LocalForge::open(&self.dir(), self.clock.clone()).await.expect("opened")
    }

    /// Runs git in the bare repository.
    fn git(&self, args: &[&str]) -> String {
        git(&self.dir(), args)
    }

    /// A stranger's clone of a branch.
    fn clone(&self, branch: &str) -> PathBuf {
        let to = self.root.path().join(format!("clone-{}", crate::clock::Clock::id(&*self.clock)));
        git(self.root.path(), &["clone", "-q", "-b", branch, "forge.git", &to.display().to_string()]);
        to
    }

    /// A stranger changes a clone, commits and pushes.
    fn push(&self, branch: &str, change: impl FnOnce(&Path)) {
        let clone = self.clone(branch);
        change(&clone);
        git(&clone, &["add", "-A"]);
        git(&clone, &["commit", "-q", "--allow-empty", "-m", "by hand"]);
        git(&clone, &["push", "-q", "origin", &format!("HEAD:{branch}")]);
    }

    async fn read(&self) -> PullNow {
        self.forge.read(BRANCH, FOLDER).await.expect("read").expect("a pull request")
    }

    fn tip(&self, name: &str) -> Option<String> {
        let out = self.git(&["for-each-ref", "--format=%(objectname)", name]);
        (!out.is_empty()).then_some(out)
    }

    fn main(&self) -> String {
        self.tip("refs/heads/main").expect("main")
    }
}

/// Runs plain git as a stranger: `mallory`, without anybody's configuration.
fn git(dir: &Path, args: &[&str]) -> String {
    let output = try_git(dir, args);
    assert!(output.status.success(), "git {args:?}: {}", String::from_utf8_lossy(&output.stderr));
    String::from_utf8_lossy(&output.stdout).trim().to_owned()
}

fn try_git(dir: &Path, args: &[&str]) -> std::process::Output {
    #[expect(clippy::disallowed_methods, reason = "strangers use git themselves")]
    let mut command = std::process::Command::new("git");
    command.current_dir(dir).args(["-c", "user.name=mallory", "-c", "user.email=m@example.test"]).args(args);
    command.env("GIT_CONFIG_GLOBAL", "/dev/null").env("GIT_CONFIG_NOSYSTEM", "1").output().expect("git runs")
}

fn edit(path: &str, content: &str) -> FileEdit {
    FileEdit { path: path.into(), content: Some(content.into()) }
}

fn call(attempt: u32) -> Call {
    let cluster = ClusterKey { tenant: "acme".parse().expect("t"), name: "crucial-sandbox".parse().expect("n") };
    Call { key: EffectKey { cluster, revision: 3, index: 0 }, attempt, stop: CancellationToken::new() }
}

/// The pull request of most tests: one file.
fn wanted() -> NewPull {
    wanted_with(&[("main.tf", "module \"crucial-sandbox\" {}\n")])
}

fn wanted_with(files: &[(&str, &str)]) -> NewPull {
    NewPull {
        branch: BRANCH.into(),
        folder: FOLDER.into(),
        files: files.iter().map(|(path, text)| edit(&format!("{FOLDER}/{path}"), text)).collect(),
        title: "Create crucial-sandbox".into(),
        body: "for a test".into(),
        commit: "crucial-sandbox: create".into(),
    }
}

fn other(name: &str) -> NewPull {
    NewPull {
        branch: format!("kaas/{name}/7"),
        folder: format!("clusters/{name}"),
        files: vec![edit(&format!("clusters/{name}/main.tf"), name)],
        ..wanted()
    }
}

/// Comes back from a call that must not hang.
async fn soon<T>(work: impl Future<Output = T>) -> T {
    tokio::time::timeout(Duration::from_secs(60), work).await.expect("within a minute")
}
