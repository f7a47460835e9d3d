//! A house: a data directory, a Rancher beside it, and the demo that is started there, killed and started again.

use std::cell::RefCell;
use std::fs::{self, File};
use std::io::Write as _;
use std::os::unix::process::ExitStatusExt;
use std::path::{Path, PathBuf};
use std::process::{Child, ChildStdin, Command, ExitStatus, Output, Stdio};
use std::time::{Duration, Instant};

use kaas::config::Config;
use kaas::record::Record;
use kaas::sim::rancher::{Options, Running, SimUser, start};
use kaas::store::Store;
use kaas::store::sled::SledStore;

/// The longest that anything is waited for: many times what it takes on a busy machine.
pub const PATIENCE: Duration = Duration::from_secs(150);

/// How often is looked.
const LOOK: Duration = Duration::from_millis(15);

/// The demo's people.
const PEOPLE: [&str; 6] = ["alice", "bob", "carol", "dave", "erin", "mallory"];

/// A message of the transcript.
#[derive(Debug, Clone, serde::Deserialize)]
pub struct Said {
    pub from: String,
    pub to: String,
    pub thread: Option<String>,
    pub text: String,
    pub id: String,
    pub edits: Option<String>,
}

/// How the demo is started.
#[derive(Debug, Clone, Default)]
pub struct Manner {
    /// Variables beside `PATH`; they take its place too.
    pub environment: Vec<(String, String)>,
    /// Further arguments.
    pub arguments: Vec<String>,
    /// The most bytes that a file may have (`ulimit -f`), in KiB.
    pub file_max_kib: Option<u32>,
}

impl Manner {
    pub fn with(name: &str, value: impl Into<String>) -> Self {
        Self { environment: vec![(name.to_owned(), value.into())], ..Self::default() }
    }

    pub fn arguments(words: &[&str]) -> Self {
        Self { arguments: words.iter().map(|word| (*word).to_owned()).collect(), ..Self::default() }
    }
}

/// A place where kaas lives.
pub struct House {
    dir: tempfile::TempDir,
    pub rancher: Running,
    runtime: tokio::runtime::Runtime,
    kaas: RefCell<Option<Kaas>>,
}

/// A demo that runs.
struct Kaas {
    child: Child,
    stdin: Option<ChildStdin>,
}

impl Drop for Kaas {
    fn drop(&mut self) {
        let _ = self.child.kill();
        let _ = self.child.wait();
    }
}

impl House {
    /// A house whose Rancher makes a cluster in that many seconds.
    pub fn new(speed: f64) -> Self {
        let dir = tempfile::tempdir().unwrap();
        let runtime = tokio::runtime::Builder::new_multi_thread().worker_threads(1).enable_all().build().unwrap();
        let user =
            |name: &&str| SimUser { id: format!("u-{name}"), username: (*name).to_owned(), name: (*name).to_owned() };
        let options = Options {
            provisioning: Duration::from_secs_f64(speed),
            removing: Duration::from_secs_f64(speed / 3.0),
            slowness: Duration::from_millis(500),
            users: PEOPLE.iter().map(user).collect(),
            ..Options::default()
        };
        let rancher = runtime.block_on(start(options)).unwrap();
        fs::write(dir.path().join("token"), &rancher.bot_token).unwrap();
        Self { dir, rancher, runtime, kaas: RefCell::default() }
    }

    pub fn root(&self) -> &Path {
        self.dir.path()
    }

    /// kaas' data directory.
    pub fn data(&self) -> PathBuf {
        self.dir.path().join("data")
    }

    pub fn forge(&self) -> PathBuf {
        self.data().join("forge.git")
    }

    // ---- running ----

    /// Starts the demo, with its first line where it is a new one: without a line it would play the tour.
    pub fn start(&self, manner: &Manner) {
        let starts = self.starts();
        self.launch(manner);
        self.until("kaas to start", || self.starts() > starts || !self.runs());
    }

    /// Starts it, and does not wait until it listens.
    pub fn launch(&self, manner: &Manner) {
        assert!(self.kaas.borrow().is_none(), "it runs already");
        let is_new = !self.data().join("store").exists();
        let mut child = self.command(manner).stdin(Stdio::piped()).spawn().unwrap();
        let stdin = child.stdin.take();
        *self.kaas.borrow_mut() = Some(Kaas { child, stdin });
        if is_new {
            self.send("# hello");
        }
    }

    /// Starts the demo where it cannot work; answers how it ended, and what it said.
    pub fn fail(&self, manner: &Manner) -> (ExitStatus, String) {
        let mut child = self.command(manner).stdin(Stdio::null()).spawn().unwrap();
        let deadline = now() + PATIENCE;
        loop {
            if let Some(status) = child.try_wait().unwrap() {
                return (status, self.errors());
            }
            if now() > deadline {
                let _ = child.kill();
                panic!("it does not end: {}", self.errors());
            }
            std::thread::sleep(LOOK);
        }
    }

    fn command(&self, manner: &Manner) -> Command {
        let errors = File::options().append(true).create(true).open(self.dir.path().join("stderr")).unwrap();
        let out = File::options().append(true).create(true).open(self.dir.path().join("stdout")).unwrap();
        let kaas = env!("CARGO_BIN_EXE_kaas");
        let mut command = match manner.file_max_kib {
            None => program(kaas),
            Some(kib) => {
                // SIGXFSZ is ignored, so that a write fails as on a full disk instead of ending the process.
                let mut shell = program("/bin/bash");
                shell.args(["-c", &format!("trap '' XFSZ; ulimit -f {kib}; exec \"$0\" \"$@\""), kaas]);
                shell
            }
        };
        command
            .arg("demo")
            .args(["--data-dir".into(), self.data()])
            .args(["--transcript".into(), self.dir.path().join("transcript")])
            .args(["--rancher", &self.rancher.url])
            .args(["--rancher-token".into(), self.dir.path().join("token")])
            .args(&manner.arguments)
            .env_clear()
            .env("PATH", std::env::var("PATH").unwrap_or_default())
            .env("HOME", self.dir.path())
            .envs(manner.environment.iter().cloned())
            .stdout(out)
            .stderr(errors);
        command
    }

    /// How often kaas began to listen here.
    fn starts(&self) -> usize {
        self.log().matches("the demo starts").count()
    }

    /// Whether the demo runs; how it ended is kept for [`House::ended`].
    pub fn runs(&self) -> bool {
        let mut kaas = self.kaas.borrow_mut();
        kaas.as_mut().is_some_and(|kaas| kaas.child.try_wait().unwrap().is_none())
    }

    /// Sends a line to the terminal.
    pub fn send(&self, line: &str) {
        if let Some(stdin) = self.kaas.borrow_mut().as_mut().and_then(|kaas| kaas.stdin.as_mut()) {
            // Where kaas is dead already, whoever waits for the answer notices.
            let _ = writeln!(stdin, "{line}");
        }
    }

    /// Whether the demo was killed with SIGKILL; it can be started again then.
    pub fn was_killed(&self) -> bool {
        let mut kaas = self.kaas.borrow_mut();
        let Some(status) = kaas.as_mut().and_then(|kaas| kaas.child.try_wait().unwrap()) else { return false };
        let killed = status.signal() == Some(9);
        if killed {
            *kaas = None;
        }
        killed
    }

    /// Kills it, as `kill -9` does.
    pub fn kill(&self) {
        *self.kaas.borrow_mut() = None;
    }

    /// Ends the lines, and waits until the demo has come to rest and ended.
    pub fn end(&self) -> ExitStatus {
        if let Some(kaas) = self.kaas.borrow_mut().as_mut() {
            kaas.stdin = None;
        }
        self.until("kaas to end", || !self.runs());
        let mut kaas = self.kaas.borrow_mut().take().expect("it runs");
        kaas.child.wait().unwrap()
    }

    /// Ends it, and expects that all went well.
    pub fn end_well(&self) {
        let status = self.end();
        assert!(status.success(), "{status}\n{}", self.report());
    }

    /// Runs another subcommand of kaas over the (stopped) data directory.
    pub fn run(&self, words: &[&str]) -> Output {
        program(env!("CARGO_BIN_EXE_kaas")).args(words).arg("--data-dir").arg(self.data()).output().unwrap()
    }

    // ---- seeing ----

    /// Everything that was said.
    pub fn said(&self) -> Vec<Said> {
        let text = fs::read_to_string(self.dir.path().join("transcript")).unwrap_or_default();
        // The last line may be half written yet.
        text.lines().filter_map(|line| serde_json::from_str(line).ok()).collect()
    }

    /// Says a line, and waits until kaas has said that after it; answers the message.
    pub fn say(&self, line: &str, awaited: &str) -> String {
        let before = self.said().len();
        self.send(line);
        self.hear(before, awaited)
    }

    /// Waits until kaas has said something after the first `after` messages; answers it.
    pub fn hear(&self, after: usize, awaited: &str) -> String {
        let mut found = None;
        self.until(awaited, || {
            found = self.said().into_iter().skip(after).find(|s| s.from == "kaas" && s.text.contains(awaited));
            assert!(found.is_some() || self.runs(), "kaas ended before it said `{awaited}`\n{}", self.report());
            found.is_some()
        });
        found.map(|said| said.text).unwrap_or_default()
    }

    pub fn until(&self, what: &str, mut holds: impl FnMut() -> bool) {
        let deadline = now() + PATIENCE;
        while !holds() {
            assert!(now() < deadline, "waited {PATIENCE:?} for: {what}\n{}", self.report());
            std::thread::sleep(LOOK);
        }
    }

    pub fn log(&self) -> String {
        fs::read_to_string(self.data().join("kaas.log")).unwrap_or_default()
    }

    pub fn errors(&self) -> String {
        fs::read_to_string(self.dir.path().join("stderr")).unwrap_or_default()
    }

    /// What there is to look at when something went wrong.
    pub fn report(&self) -> String {
        let said: String = self
            .said()
            .iter()
            .map(|s| format!("{}> {} {}\n", s.from, s.to, s.text.replace('\n', "\n      ")))
            .collect();
        format!("{said}--- stderr\n{}\n--- log\n{}", self.errors(), tail(&self.log(), 40))
    }

    /// How often Rancher did something of that kind: `POST` of a path that ends like this, answered with success.
    pub fn made(&self, path_ends: &str) -> usize {
        let is = |path: &str| path.split('?').next().unwrap_or_default().trim_end_matches('/').ends_with(path_ends);
        let made = |seen: &&kaas::sim::rancher::Seen| seen.method == "POST" && seen.status < 300 && is(&seen.path);
        self.rancher.requests().iter().filter(made).count()
    }

    /// The record of a cluster in the (stopped) store, which its journal has to lead to.
    pub fn record(&self, name: &str) -> Option<Record> {
        let config = Config::demo(&self.data(), &self.rancher.url, &self.dir.path().join("token")).unwrap();
        let store = SledStore::open(&self.data().join("store")).unwrap();
        self.runtime.block_on(async {
            let key = store.keys().await.unwrap().into_iter().find(|key| key.name.as_str() == name)?;
            let record = store.load(&key).await.unwrap()?;
            let replayed = Record::replay(&config.tenants[0].policy, &store.journal(&key).await.unwrap());
            let replayed = replayed.unwrap_or_else(|at| panic!("entry {at} does not follow")).expect("a journal");
            assert!(replayed.is_same_life(&record), "the journal tells another life");
            Some(record)
        })
    }

    /// Fails where kaas said the same twice in one place (edits are no new messages).
    pub fn assert_nothing_twice(&self) {
        let mut seen = std::collections::BTreeSet::new();
        for said in self.said().into_iter().filter(|s| s.from == "kaas" && s.edits.is_none()) {
            let what = (said.to.clone(), said.thread.clone(), said.text.clone());
            assert!(seen.insert(what), "said twice: {said:?}\n{}", self.report());
        }
        let mut ids = std::collections::BTreeSet::new();
        assert!(self.said().into_iter().all(|said| ids.insert(said.id)), "one message is twice in the transcript");
    }

    /// Fails where the ledger does not hold.
    pub fn assert_audit(&self) {
        let audit = self.run(&["audit", "verify"]);
        let text = String::from_utf8_lossy(&audit.stdout).into_owned();
        assert!(audit.status.success() && text.starts_with("the chain holds"), "{text}");
    }

    /// What git says in the forge.
    pub fn git(&self, args: &[&str]) -> String {
        git(&self.forge(), args)
    }
}

/// What git says in a directory, which has to be success.
pub fn git(dir: &Path, args: &[&str]) -> String {
    let mut command = program("git");
    command.arg("-C").arg(dir).args(["-c", "user.name=stranger", "-c", "user.email=stranger@example.com"]).args(args);
    command.env("GIT_CONFIG_GLOBAL", "/dev/null").env("GIT_CONFIG_SYSTEM", "/dev/null");
    let output = command.output().unwrap();
    assert!(output.status.success(), "git {args:?}: {}", String::from_utf8_lossy(&output.stderr));
    String::from_utf8(output.stdout).unwrap().trim().to_owned()
}

/// The last lines.
fn tail(text: &str, lines: usize) -> String {
    let all: Vec<&str> = text.lines().collect();
    all[all.len().saturating_sub(lines)..].join("\n")
}

#[expect(clippy::disallowed_methods, reason = "a test waits for real processes")]
pub fn now() -> Instant {
    Instant::now()
}

#[expect(clippy::disallowed_methods, reason = "a test starts the real kaas, and git as a stranger would")]
pub fn program(path: &str) -> Command {
    Command::new(path)
}
