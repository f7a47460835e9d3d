//! The runner that runs terraform (or OpenTofu) itself.
//!
//! Reading order: this file (settings, and the port), [`run`] (what a plan and an apply are, step by step), [`session`] (one run in one workspace),
//! [`taint`] (what a failed create leaves), [`workspace`] and [`tree`] (where terraform works), [`program`] (which terraform), [`stream`] and [`trouble`] (what it says, and what that means).
//!
//! Two things bound how much runs at once. *Working* turns (default: the number of cores) are for `init`, `plan` and `show`, which load the machine;
//! *applying* turns (default: four times as many) are for applies, which mostly wait for Rancher. Both go round robin among tenants.

use std::collections::HashMap;
use std::ffi::OsString;
use std::num::NonZeroUsize;
use std::path::PathBuf;
use std::sync::{Arc, Mutex, PoisonError};
use std::time::Duration;

use async_trait::async_trait;
use secrecy::SecretString;
use tokio_util::sync::CancellationToken;

use crate::clock::SharedClock;
use crate::lifecycle::{ChangeNumber, ClusterKey, PlanDigest};
use crate::ports::{Answer, Applied, Call, Job, Planned, ProgressSink, Runner, Trouble};
use crate::render::plan::AllowList;
use crate::runner::alive::{Alive, Orphans};
use crate::runner::queue::{Queue, Turn};

pub mod program;
pub mod reading;
pub mod run;
pub mod runs;
pub mod sensitive;
pub mod session;
pub mod source;
pub mod stream;
pub mod taint;
#[cfg(test)]
pub(crate) mod testing;
pub mod tree;
pub mod trouble;
pub mod workspace;

use program::Program;
use runs::Runs;
use session::Session;
use workspace::Workspace;

/// What makes a short-lived terraform quicker: it collects garbage less often, up to a bound. (`version` and `show` spend a quarter of their time so.)
pub(crate) const FASTER: [(&str, &str); 2] = [("GOGC", "400"), ("GOMEMLIMIT", "512MiB")];

/// The folder of the data directory into which a program is fetched where there is none.
pub const BIN: &str = "bin";

/// Where the data directory remembers which program was found.
const PROGRAM: &str = "program.json";

/// How the runner works.
#[derive(Debug, Clone)]
pub struct Settings {
    /// kaas' data directory.
    pub data: PathBuf,
    /// The program, as a path or a name; `None` looks for `terraform`, then `tofu`.
    pub program: Option<PathBuf>,
    /// The search path that children get, and that programs are looked for on.
    pub search_path: String,
    /// terraform's CLI configuration file, such as one that names a provider mirror.
    pub cli_config: Option<PathBuf>,
    /// Variables that are handed on from kaas' own environment: see [`passed_on`].
    pub passed: Vec<(String, SecretString)>,
    /// How many `init`, `plan` and `show` go on at once; `None` is the number of cores.
    pub working: Option<NonZeroUsize>,
    /// How many applies go on at once; `None` is four times the number of cores.
    pub applying: Option<NonZeroUsize>,
    /// The attributes whose values people see in a plan's text.
    pub shown: AllowList,
    /// How long things may take.
    pub limits: Limits,
    /// Where OpenTofu is fetched from if neither terraform nor tofu is installed; `None` fetches nothing.
    #[cfg(feature = "fetch")]
    pub fetch: Option<crate::runner::fetch::Source>,
}

impl Settings {
    /// The defaults.
    pub fn new(data: impl Into<PathBuf>, search_path: impl Into<String>) -> Self {
        Self {
            data: data.into(),
            program: None,
            search_path: search_path.into(),
            cli_config: None,
            passed: Vec::new(),
            working: None,
            applying: None,
            shown: AllowList::default(),
            limits: Limits::default(),
            #[cfg(feature = "fetch")]
            fetch: None,
        }
    }
}

/// How long things may take.
#[derive(Debug, Clone, Copy, PartialEq, Eq)]
pub struct Limits {
    /// `init`: it may download providers.
    pub init: Duration,
    /// `plan`: it reads everything that exists.
    pub plan: Duration,
    /// `show`, `output`, `state push`.
    pub read: Duration,
    /// `apply`: longer than the longest timeout of the modules (60 minutes).
    pub apply: Duration,
    /// From SIGINT to SIGKILL: terraform lets what is under way come to a stop, and saves the state.
    pub grace: Duration,
    /// How long terraform waits for a state lock that somebody holds.
    pub lock: Duration,
    /// The most bytes of a plan as JSON.
    pub plan_bytes: usize,
}

impl Default for Limits {
    fn default() -> Self {
        Self {
            init: Duration::from_secs(10 * 60),
            plan: Duration::from_secs(15 * 60),
            read: Duration::from_secs(5 * 60),
            apply: Duration::from_secs(90 * 60),
            grace: Duration::from_secs(60),
            lock: Duration::from_secs(10),
            plan_bytes: 200 * 1024 * 1024,
        }
    }
}

/// Picks from an environment what may be handed on: exact names, and prefixes that end in `*` (`AWS_*`).
pub fn passed_on(
    names: &[String],
    environment: impl Iterator<Item = (OsString, OsString)>,
) -> Vec<(String, SecretString)> {
    let wanted = |name: &str| {
        names.iter().any(|pattern| match pattern.strip_suffix('*') {
            Some(prefix) => name.starts_with(prefix),
            None => name == pattern,
        })
    };
    let text = |(name, value): (OsString, OsString)| Some((name.into_string().ok()?, value.into_string().ok()?));
    environment.filter_map(text).filter(|(name, _)| wanted(name)).map(|(name, value)| (name, value.into())).collect()
}

/// The runner that runs terraform itself.
pub struct Terraform {
    settings: Settings,
    clock: SharedClock,
    runs: Runs,
    working: Queue,
    applying: Queue,
    program: tokio::sync::Mutex<Option<Program>>,
    pack: tree::Pack,
    /// One door a cluster: runs of one cluster never overlap.
    doors: Mutex<HashMap<ClusterKey, Arc<tokio::sync::Mutex<()>>>>,
}

/// Which kind of turn a run waits for.
#[derive(Debug, Clone, Copy)]
enum TurnOf {
    Working,
    Applying,
}

impl Terraform {
    /// A runner; nothing is started yet.
    pub fn new(settings: Settings, clock: SharedClock) -> Self {
        let cores = std::thread::available_parallelism().map_or(1, NonZeroUsize::get);
        Self {
            runs: Runs::new(&settings.data),
            working: Queue::new(settings.working.map_or(cores, NonZeroUsize::get)),
            applying: Queue::new(settings.applying.map_or(4 * cores, NonZeroUsize::get)),
            program: tokio::sync::Mutex::new(None),
            pack: tree::Pack::default(),
            doors: Mutex::default(),
            settings,
            clock,
        }
    }

    /// A runner for another tenant: with its own settings, and the same turns.
    pub fn beside(&self, settings: Settings) -> Self {
        Self {
            working: self.working.clone(),
            applying: self.applying.clone(),
            ..Self::new(settings, Arc::clone(&self.clock))
        }
    }

    /// The program that is used: looked for once, and again when its file changed.
    ///
    /// # Errors
    /// There is none that works; the sentence names the remedy.
    pub async fn program(&self) -> Answer<Program> {
        let mut known = self.program.lock().await;
        if let Some(program) = known.as_ref().filter(|program| program.is_current()) {
            return Ok(program.clone());
        }
        let found = self.find().await?;
        tracing::info!(program = %found.path.display(), version = %found.version, "runs {}", found.name);
        *known = Some(found.clone());
        Ok(found)
    }

    #[cfg(not(feature = "fetch"))]
    async fn find(&self) -> Answer<Program> {
        let settings = &self.settings;
        let (bin, memory) = (settings.data.join(BIN), settings.data.join(PROGRAM));
        Program::find_or_recall(settings.program.as_deref(), &settings.search_path, &bin, &memory).await
    }

    #[cfg(feature = "fetch")]
    async fn find(&self) -> Answer<Program> {
        let settings = &self.settings;
        let bin = settings.data.join(BIN);
        let memory = settings.data.join(PROGRAM);
        let found = Program::find_or_recall(settings.program.as_deref(), &settings.search_path, &bin, &memory).await;
        match (&settings.program, &settings.fetch) {
            (None, Some(source)) if found.is_err() => {
                crate::runner::fetch::fetch(source, &bin, &self.clock.id()).await?;
                Program::find(None, &settings.search_path, &bin).await
            }
            _ => found,
        }
    }

    fn door(&self, cluster: &ClusterKey) -> Arc<tokio::sync::Mutex<()>> {
        let mut doors = self.doors.lock().unwrap_or_else(PoisonError::into_inner);
        doors.retain(|_, door| Arc::strong_count(door) > 1);
        doors.entry(cluster.clone()).or_default().clone()
    }

    async fn turn(&self, call: &Call, job: &Job, of: TurnOf) -> Answer<Turn> {
        let queue = match of {
            TurnOf::Working => &self.working,
            TurnOf::Applying => &self.applying,
        };
        tokio::select! {
            biased;
            () = call.stop.cancelled() => Err(Trouble::Stopped),
            turn = queue.turn(&job.cluster.tenant) => Ok(turn),
        }
    }
}

#[async_trait]
impl Runner for Terraform {
    async fn plan(&self, call: &Call, job: &Job, progress: ProgressSink) -> Answer<Planned> {
        let mut session = Session::begin(self, call, job, "plan", progress).await?;
        let answer = run::plan(&mut session).await;
        session.end(answer)
    }

    async fn apply(&self, call: &Call, job: &Job, approved: &PlanDigest, progress: ProgressSink) -> Answer<Applied> {
        let turn = self.turn(call, job, TurnOf::Applying).await?;
        let mut session = Session::begin(self, call, job, "apply", progress).await?;
        let answer = run::apply(&mut session, approved).await;
        drop(turn);
        session.end(answer)
    }

    async fn tainted(&self, call: &Call, job: &Job) -> Answer<Vec<String>> {
        let mut session = Session::begin(self, call, job, "tainted", Arc::new(|_| ())).await?;
        let answer = taint::tainted(&mut session).await;
        session.end(answer)
    }

    async fn untaint(&self, call: &Call, job: &Job, addresses: &[String]) -> Answer<()> {
        let mut session = Session::begin(self, call, job, "untaint", Arc::new(|_| ())).await?;
        let answer = taint::untaint(&mut session, addresses).await;
        session.end(answer)
    }

    async fn began(&self, cluster: &ClusterKey, change: ChangeNumber, approved: &PlanDigest) -> bool {
        self.runs.apply_began(cluster, change, approved)
    }

    async fn plan_text(&self, cluster: &ClusterKey, change: ChangeNumber, plan: &PlanDigest) -> Answer<Arc<str>> {
        self.runs.plan_text(cluster, change, plan)
    }

    async fn forget(&self, cluster: &ClusterKey) {
        let door = self.door(cluster);
        let _inside = door.lock().await;
        let workspace = Workspace::of(&self.settings.data, cluster);
        if !workspace.root.exists() {
            return;
        }
        let told =
            |orphans: Orphans<'_>| tracing::warn!(cluster = %cluster, ?orphans, "ends what an earlier run left behind");
        let alive =
            Alive::take(&workspace.root, Duration::ZERO, self.settings.limits.grace, &CancellationToken::new(), told)
                .await;
        if let Err(error) = alive {
            tracing::warn!(cluster = %cluster, %error, "keeps working files that are in use");
            return;
        }
        // A state that could not be saved is the only trace of what may still exist.
        if workspace.unsaved_state().exists() {
            tracing::warn!(cluster = %cluster, state = %workspace.unsaved_state().display(), "keeps a state that was never saved");
            return;
        }
        match std::fs::remove_dir_all(&workspace.root) {
            Ok(()) => {}
            Err(e) if e.kind() == std::io::ErrorKind::NotFound => {}
            Err(e) => tracing::warn!(cluster = %cluster, error = %e, "cannot remove the working files"),
        }
    }
}

#[cfg(test)]
mod tests {
    use super::*;
    use secrecy::ExposeSecret;

    #[test]
    fn only_named_variables_are_handed_on() {
        let environment = [("AWS_REGION", "eu-west-1"), ("AWSX", "no"), ("HTTPS_PROXY", "p"), ("HOME", "/root")];
        let environment = environment.map(|(name, value)| (name.into(), value.into()));
        let names = ["AWS_*".to_owned(), "HTTPS_PROXY".to_owned()];
        let passed = passed_on(&names, environment.into_iter());
        let passed: Vec<_> = passed.iter().map(|(name, value)| (name.as_str(), value.expose_secret())).collect();
        assert_eq!(passed, [("AWS_REGION", "eu-west-1"), ("HTTPS_PROXY", "p")]);
    }
}
