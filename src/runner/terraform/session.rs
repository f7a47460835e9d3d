//! One run in one workspace: from taking it to the end of its log.
//!
//! A session holds the cluster's door, the workspace's lock and a working turn; all three are free again when it is dropped.

use std::collections::BTreeMap;
use std::ffi::OsString;
use std::io;
use std::os::unix::process::ExitStatusExt;
use std::sync::Arc;
use std::time::Duration;

use anyhow::anyhow;
use secrecy::{ExposeSecret, SecretString};
use tokio::sync::{OwnedMutexGuard, oneshot};

use super::program::Program;
use super::reading::{self, Reading};
use super::stream::{self, Heard};
use super::tree::{self, Laid};
use super::workspace::{PlanFile, Workspace, print_of};
use super::{FASTER, Terraform, TurnOf, source, trouble};
use crate::ports::{Answer, Call, Job, Progress, ProgressSink, Trouble};
use crate::render::plan::Eyes;
use crate::runner::alive::{Alive, NotMine, Orphans};
use crate::runner::log::RunLog;
use crate::runner::process::{Ended, From, Spec, Why, run, run_keeping};
use crate::runner::queue::Turn;
use crate::runner::scrub::Scrub;

/// One run in one workspace.
pub struct Session<'a> {
    /// The runner.
    pub runner: &'a Terraform,
    /// The call.
    pub call: &'a Call,
    /// What is to be done.
    pub job: &'a Job,
    /// The workspace.
    pub workspace: Workspace,
    progress: ProgressSink,
    program: Program,
    environment: Vec<(String, SecretString)>,
    log: RunLog,
    laid: Laid,
    alive: Arc<Alive>,
    working: Option<Turn>,
    _door: OwnedMutexGuard<()>,
}

/// A command that is run for what it says in passing, or for its whole output.
pub(super) struct Command {
    /// What people call it: `plan`.
    pub name: &'static str,
    pub args: Vec<OsString>,
    pub time: Duration,
    /// It is over soon, so it may be made quicker.
    pub short: bool,
    /// It holds the state's lock, so it must outlive kaas and end in order.
    pub locks: bool,
}

impl<'a> Session<'a> {
    /// Takes the workspace and lays the files out.
    pub async fn begin(
        runner: &'a Terraform,
        call: &'a Call,
        job: &'a Job,
        what: &str,
        progress: ProgressSink,
    ) -> Answer<Self> {
        let settings = &runner.settings;
        let door = tokio::select! {
            biased;
            () = call.stop.cancelled() => return Err(Trouble::Stopped),
            door = runner.door(&job.cluster).lock_owned() => door,
        };
        let io = |e| trouble::of_io("terraform", "make the cluster's working files", e);
        let workspace = Workspace::of(&settings.data, &job.cluster);
        workspace.make().map_err(io)?;
        let passed = settings.passed.iter().filter(|(name, value)| may_be_secret(name, value));
        let scrub = Scrub::of_environment(passed.chain(&job.environment));
        let dir = runner.runs.dir(&job.cluster, job.change);
        let mut log = RunLog::open(&dir, what, runner.clock.clone(), scrub).map_err(io)?;
        // An apply that outlived kaas is doing what was approved: interrupted, it would leave half a resource behind.
        let patience = if workspace.applies() { settings.limits.apply } else { Duration::ZERO };
        let alive = Alive::take(&workspace.root, patience, settings.limits.grace, &call.stop, |orphans| match orphans {
            Orphans::GoOn(groups) => {
                tracing::warn!(cluster = %job.cluster, ?groups, "waits for an apply that an earlier run left behind");
                log.write(&format!("an earlier apply still goes on (process groups {groups:?}); it is waited for"));
                log.flush();
                let detail = Some("going on, after a restart of kaas".to_owned());
                progress(Progress { step: "applying", done: None, detail });
            }
            Orphans::End(groups) => {
                tracing::warn!(cluster = %job.cluster, ?groups, "ends what an earlier run left behind");
                log.write(&format!("an earlier run still lives (process groups {groups:?}); it is asked to end"));
            }
        })
        .await
        .map_err(|e| match e {
            NotMine::Stopped => Trouble::Stopped,
            NotMine::Held(_) => Trouble::passing("another process still works on this cluster", e),
            NotMine::Io(_, e) => io(e),
        })?;
        workspace.set_applies(false).map_err(io)?;
        let working = runner.turn(call, job, TurnOf::Working).await?;
        if let Some(said) = workspace.take_output() {
            log.write("what an earlier run said to the end, when nobody listened any more:");
            said.lines().for_each(|line| log.write(&format!("| {}", Heard::default().json(line, None).text)));
        }
        workspace.write(&job.files).map_err(io)?;
        let tree = workspace.tree();
        let record = workspace.root.join("modules.json");
        let laying =
            tree::lay(&job.mirror, &job.module, &job.files, &tree, &record, &settings.search_path, &runner.pack);
        let (laid, program) = tokio::join!(laying, runner.program());
        let (laid, program) = (laid?, program?);
        log.write(&format!(
            "{what} of {} (change {}, attempt {}) with {} {}, modules of {}",
            job.cluster, job.change, call.attempt, program.name, program.version, job.mirror.base
        ));
        let environment = environment(runner, job, &workspace);
        let working = Some(working);
        let session = Self {
            runner,
            call,
            job,
            workspace,
            progress,
            program,
            environment,
            log,
            laid,
            alive,
            working,
            _door: door,
        };
        session.report(Progress { step: "planning", done: None, detail: None });
        Ok(session)
    }

    /// Gives the working turn back: what follows mostly waits.
    pub fn rest(&mut self) {
        self.working = None;
    }

    /// Reports progress.
    pub fn report(&self, progress: Progress) {
        (self.progress)(progress);
    }

    /// Writes into the log.
    pub fn note(&mut self, text: &str) {
        self.log.write(text);
    }

    /// What people call the program.
    pub fn name(&self) -> &'static str {
        self.program.name
    }

    /// Ends the log with how the run went.
    pub fn end<T>(mut self, answer: Answer<T>) -> Answer<T> {
        match &answer {
            Ok(_) => self.log.write("done"),
            Err(trouble) => self.log.write(&format!("failed: {trouble}")),
        }
        self.log.flush();
        // It is in the log, redacted.
        let _ = self.workspace.take_output();
        if let Some(error) = self.log.broken() {
            tracing::warn!(cluster = %self.job.cluster, log = %self.log.path().display(), %error, "the run's log is not whole");
        }
        answer
    }

    /// Makes `.terraform` fit the configuration: nothing to do where nothing changed. Answers whether it was warm already.
    pub async fn init(&mut self, anew: bool) -> Answer<bool> {
        let (print, providers) = self.prints();
        if !anew && self.workspace.init_print().as_deref() == Some(&print) {
            return Ok(true);
        }
        let name = self.name();
        let io = |e| trouble::of_io(name, "prepare the cluster's working files", e);
        self.workspace.set_init_print(None).map_err(io)?;
        let lock = format!("modules/{}/.terraform.lock.hcl", self.job.module);
        let pinned = self.workspace.take_lock_file(&self.job.module, self.laid.holds(&lock)).map_err(io)?;
        self.workspace.plant(&providers).map_err(io)?;
        self.report(Progress { step: "planning", done: None, detail: Some("preparing the providers".into()) });
        let mut args: Vec<OsString> = ["init", "-input=false", "-no-color", "-reconfigure"].map(Into::into).into();
        if pinned {
            args.push("-lockfile=readonly".into());
        }
        let command = Command { name: "init", args, time: self.runner.settings.limits.init, short: true, locks: false };
        let (ended, heard) = self.run(command, None).await;
        self.judge("init", &ended, &heard)?;
        self.workspace.harvest(&providers, &self.runner.clock.id()).map_err(io)?;
        self.workspace.set_init_print(Some(&print)).map_err(io)?;
        Ok(false)
    }

    /// What the last `init` must have been made for, and which providers that takes.
    fn prints(&self) -> (String, String) {
        let needs: Vec<_> =
            self.job.files.iter().map(|file| source::needs(file.content.as_deref().unwrap_or_default())).collect();
        let config = self.runner.settings.cli_config.as_ref();
        let config =
            config.map(|path| format!("{} {:?}", path.display(), std::fs::read(path).ok())).unwrap_or_default();
        let program = format!("{} {} {}", self.program.path.display(), self.program.name, self.program.version);
        let base = [program.as_str(), config.as_str()];
        let init = print_of(base.into_iter().chain(needs.iter().map(|n| n.init.as_str())).chain(self.laid.print()));
        let providers = needs.iter().map(|n| n.providers.as_str()).chain([self.laid.providers()]);
        (init, print_of(base.into_iter().chain(providers)))
    }

    /// Makes a plan and reads it. A lock is only needed where nothing is applied afterwards: an apply takes its own, and refuses a plan that went stale.
    pub async fn make_plan(&mut self, locked: bool) -> Answer<(Reading, PlanFile)> {
        let warm = self.init(false).await?;
        self.save_state().await?;
        match self.plan_once(locked).await {
            Err(PlanTrouble::NeedsInit(_)) if warm => {
                self.note("what was prepared does not fit any more; preparing again");
                self.init(true).await?;
                self.plan_once(locked).await.map_err(PlanTrouble::into_trouble)
            }
            answer => answer.map_err(PlanTrouble::into_trouble),
        }
    }

    async fn plan_once(&mut self, locked: bool) -> Result<(Reading, PlanFile), PlanTrouble> {
        let limits = self.runner.settings.limits;
        let file = self.workspace.plan_file();
        let mut args: Vec<OsString> = ["plan", "-input=false", "-json"].map(Into::into).into();
        args.push(
            if locked { format!("-lock-timeout={}s", limits.lock.as_secs()) } else { "-lock=false".into() }.into(),
        );
        args.push([OsString::from("-out="), file.0.clone().into()].into_iter().collect());
        if self.job.destroy {
            args.push("-destroy".into());
        }
        let plan = self.spec(Command { name: "plan", args, time: limits.plan, short: true, locks: locked });
        let show = |this: &Self| {
            let args = ["show".into(), "-json".into(), file.0.clone().into()].into();
            this.spec(Command { name: "show", args, time: limits.read, short: true, locks: false })
        };
        let early = show(self);
        let mut heard = Heard::default();
        let (written, is_written) = oneshot::channel();
        let Self { log, progress, call, .. } = &mut *self;
        let planning = async {
            let mut written = Some(written);
            let mut on_line = |from, line: &str| {
                hear(from, line, None, &mut heard, log, progress);
                // The summary comes after the plan file, and before the state is unlocked and the providers are stopped: reading can begin.
                if heard.summary {
                    let _ = written.take().map(|written| written.send(()));
                }
            };
            run(plan?, &call.stop, &mut on_line).await
        };
        let showing = async {
            is_written.await.ok()?;
            Some(run_keeping(early.ok()?, &call.stop, &mut |_, _| ()).await)
        };
        let (ended, shown) = tokio::join!(planning, showing);
        heard.close();
        if let Err(trouble) = self.judge("plan", &ended, &heard) {
            let anew = trouble::needs_init(&heard.errors);
            return Err(if anew { PlanTrouble::NeedsInit(trouble) } else { PlanTrouble::Other(trouble) });
        }
        if !file.0.exists() {
            let line = format!("{} plan reported success, but wrote no plan", self.name());
            let source = Some(anyhow!(self.log.tail()));
            return Err(PlanTrouble::Other(Trouble::Lasting { line, source }));
        }
        let json = match shown {
            Some(Ok(ended)) if ended.ok() => ended.kept,
            // Too early, or for a reason that a second look tells.
            _ => self.keep(show(self), "show").await?,
        };
        let content = self.job.content.clone();
        let eyes = Eyes { allow: self.runner.settings.shown.clone(), redactor: self.log.scrub().redactor().clone() };
        let read = tokio::task::spawn_blocking(move || reading::read(&json, content, &eyes)).await;
        let reading = read.map_err(|e| Trouble::lasting("the plan could not be read", e))??;
        self.log.learn(reading.secrets.iter().map(String::as_str));
        Ok((reading, file))
    }

    /// Applies a plan file. Answers the outputs, where terraform told them.
    pub async fn apply(&mut self, file: &PlanFile, total: u32) -> Answer<Option<Vec<(String, String)>>> {
        let limits = self.runner.settings.limits;
        self.report(Progress { step: "applying", done: Some((0, total)), detail: None });
        let mut args: Vec<OsString> = ["apply", "-input=false", "-json"].map(Into::into).into();
        args.push(format!("-lock-timeout={}s", limits.lock.as_secs()).into());
        args.push(file.0.clone().into());
        let command = Command { name: "apply", args, time: limits.apply, short: false, locks: true };
        let name = self.name();
        self.workspace.set_applies(true).map_err(|e| trouble::of_io(name, "note that an apply begins", e))?;
        let (ended, heard) = self.run(command, Some(total)).await;
        self.workspace.set_applies(false).map_err(|e| trouble::of_io(name, "note that an apply has ended", e))?;
        // Asked to stop when it was as good as done: what is done counts.
        if !ended.as_ref().is_ok_and(|ended| ended.status.success()) {
            self.judge("apply", &ended, &heard).map_err(|trouble| self.unsaved(trouble))?;
        }
        Ok(heard.outputs)
    }

    /// An apply that could not save the state to its backend leaves it in the workspace: that is said, because nothing is lost.
    fn unsaved(&self, trouble: Trouble) -> Trouble {
        if !self.workspace.unsaved_state().exists() || matches!(trouble, Trouble::Stopped) {
            return trouble;
        }
        let line = format!("{} could not save the state; kaas kept it and saves it with the next attempt", self.name());
        Trouble::passing(line, anyhow::Error::new(trouble))
    }

    /// Saves the state that an earlier run could not save.
    pub(super) async fn save_state(&mut self) -> Answer<()> {
        let unsaved = self.workspace.unsaved_state();
        if !unsaved.exists() {
            return Ok(());
        }
        self.note("an earlier run could not save its state; it is saved now");
        let args = ["state", "push", "-no-color", "errored.tfstate"].map(Into::into).into();
        let command =
            Command { name: "state push", args, time: self.runner.settings.limits.read, short: true, locks: true };
        let (ended, heard) = self.run(command, None).await;
        self.judge("state push", &ended, &heard)?;
        let kept = unsaved.with_extension(format!("{}.saved", self.runner.clock.id()));
        std::fs::rename(&unsaved, kept).map_err(|e| trouble::of_io(self.program.name, "put a saved state aside", e))
    }

    /// The outputs of what exists.
    pub async fn outputs(&mut self) -> Answer<Vec<(String, String)>> {
        let args = ["output".into(), "-json".into(), "-no-color".into()].into();
        let command =
            Command { name: "output", args, time: self.runner.settings.limits.read, short: true, locks: false };
        let json = self.keep(self.spec(command), "output").await?;
        let outputs: BTreeMap<String, stream::Output> = serde_json::from_slice(&json)
            .map_err(|e| Trouble::lasting(format!("the outputs that {} told cannot be read", self.name()), e))?;
        Ok(stream::plain_outputs(outputs))
    }

    /// Runs a command for what it says in passing.
    pub(super) async fn run(&mut self, command: Command, total: Option<u32>) -> (io::Result<Ended>, Heard) {
        self.log.write(&format!("$ {} {}", self.program.name, command.name));
        let mut heard = Heard::default();
        let spec = self.spec(command);
        let Self { log, progress, call, .. } = &mut *self;
        let mut on_line = |from, line: &str| hear(from, line, total, &mut heard, log, progress);
        let ended = match spec {
            Ok(spec) => run(spec, &call.stop, &mut on_line).await,
            Err(e) => Err(e),
        };
        heard.close();
        (ended, heard)
    }

    /// Runs a command for its whole output, which is never logged.
    pub(super) async fn keep(&mut self, spec: io::Result<Spec>, what: &'static str) -> Answer<Vec<u8>> {
        let mut heard = Heard::default();
        let log = &mut self.log;
        let mut on_line = |_, line: &str| {
            heard.plain(line);
            log.write(line);
        };
        let ended = match spec {
            Ok(spec) => run_keeping(spec, &self.call.stop, &mut on_line).await,
            Err(e) => Err(e),
        };
        heard.close();
        self.judge(what, &ended, &heard)?;
        Ok(ended.map(|ended| ended.kept).unwrap_or_default())
    }

    pub(super) fn spec(&self, command: Command) -> io::Result<Spec> {
        let limits = self.runner.settings.limits;
        let mut environment = self.environment.clone();
        if command.short {
            environment.extend(FASTER.map(|(name, value)| (name.to_owned(), value.into())));
        }
        Ok(Spec {
            program: self.program.path.clone(),
            args: command.args,
            environment,
            dir: self.workspace.dir.clone(),
            stdin: Some(self.alive.stdin()?),
            time: command.time,
            grace: limits.grace,
            keep_max: limits.plan_bytes,
            output: command.locks.then(|| self.workspace.output()),
            watch: Some(self.alive.clone()),
        })
    }

    /// What the end of a command means.
    pub(super) fn judge(&self, what: &str, ended: &io::Result<Ended>, heard: &Heard) -> Answer<()> {
        let name = self.name();
        let chain = || anyhow!("{name} {what}, as logged in {}:\n{}", self.log.path().display(), self.log.tail());
        let ended = match ended {
            Ok(ended) => ended,
            Err(e) => {
                let line = format!("{name} cannot be started; is it still installed where it was?");
                return Err(Trouble::lasting(line, io::Error::new(e.kind(), e.to_string())));
            }
        };
        match ended.why {
            Why::Stopped => return Err(Trouble::Stopped),
            Why::TimedOut => {
                return Err(Trouble::passing(format!("{name} {what} took too long and was stopped"), chain()));
            }
            Why::TooMuch => return Err(Trouble::lasting(format!("what {name} {what} wrote is too large"), chain())),
            Why::Itself if ended.status.success() => return Ok(()),
            Why::Itself => {}
        }
        if let Some(trouble) = trouble::of_errors(name, &heard.errors, self.log.scrub(), chain().to_string()) {
            return Err(trouble);
        }
        let last = heard.last_words.as_deref().unwrap_or("it said nothing");
        let last = trouble::neutral(self.log.scrub(), last);
        Err(match (ended.status.signal(), ended.status.code()) {
            (Some(signal), _) => Trouble::passing(
                format!("{name} {what} was killed (signal {signal}); perhaps the machine has too little memory"),
                chain(),
            ),
            (None, _) if trouble::is_full(last.as_str()) => Trouble::passing(trouble::disk_full(name), chain()),
            (None, code) => Trouble::lasting(
                format!("{name} {what} failed (exit status {}): \"{last}\"", code.unwrap_or_default()),
                chain(),
            ),
        })
    }
}

/// Why there is no plan.
enum PlanTrouble {
    /// A new `init` may mend it.
    NeedsInit(Trouble),
    /// Anything else.
    Other(Trouble),
}

impl PlanTrouble {
    fn into_trouble(self) -> Trouble {
        match self {
            Self::NeedsInit(trouble) | Self::Other(trouble) => trouble,
        }
    }
}

impl std::convert::From<Trouble> for PlanTrouble {
    fn from(trouble: Trouble) -> Self {
        Self::Other(trouble)
    }
}

/// Hears one line: into what is known, into the log, onto the card.
fn hear(from: From, line: &str, total: Option<u32>, heard: &mut Heard, log: &mut RunLog, progress: &ProgressSink) {
    match from {
        From::Out => {
            let line = heard.json(line, total);
            log.write(&line.text);
            if let Some(report) = line.progress {
                progress(report);
            }
        }
        From::Err => {
            heard.plain(line);
            log.write(line);
        }
    }
}

/// Whether a variable that is handed on from kaas' own environment may hold a secret: a region is none, and would be taken out everywhere.
fn may_be_secret(name: &str, value: &SecretString) -> bool {
    let name = name.to_uppercase();
    let names = ["SECRET", "TOKEN", "PASSWORD", "KEY", "CREDENTIAL", "AUTH"];
    names.iter().any(|word| name.contains(word)) || value.expose_secret().contains('@')
}

/// terraform's whole environment.
fn environment(runner: &Terraform, job: &Job, workspace: &Workspace) -> Vec<(String, SecretString)> {
    let settings = &runner.settings;
    let path = |path: std::path::PathBuf| path.to_string_lossy().into_owned();
    let mut pairs = vec![
        ("PATH", settings.search_path.clone()),
        ("HOME", path(workspace.home())),
        ("TMPDIR", path(workspace.tmp())),
        ("TF_IN_AUTOMATION", "1".to_owned()),
        ("TF_INPUT", "0".to_owned()),
        ("CHECKPOINT_DISABLE", "1".to_owned()),
    ];
    pairs.extend(settings.cli_config.clone().map(|file| ("TF_CLI_CONFIG_FILE", path(file))));
    let mut all: Vec<(String, SecretString)> =
        pairs.into_iter().map(|(name, value)| (name.to_owned(), value.into())).collect();
    all.extend(settings.passed.iter().chain(&job.environment).cloned());
    all
}
