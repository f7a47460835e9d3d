//! `kaas demo`: the whole of kaas on one machine, with a chat in the terminal and a simulated Rancher.
//!
//! The wiring is in [`world`]; here is only how it is played.

mod kill;
mod world;

use std::io::{IsTerminal, Write as _};
use std::path::{Path, PathBuf};
use std::sync::Arc;
use std::time::Duration;

use anyhow::Context;
use tokio::io::{AsyncBufRead, AsyncBufReadExt, BufReader};
use tokio_util::sync::CancellationToken;

use crate::chat::terminal::{Look, Outcome, TOUR, Tty, converse_lines, run_lines};
use crate::clock::SystemClock;

use super::{Exit, runtime, stop_on_signals};
use world::{Places, World};

/// How long standard input has to bring its first line before the tour is played instead.
const FIRST_LINE: Duration = Duration::from_millis(400);

/// How long the last threads may take when everything is done: standard input may never end.
const LAST_THREADS: Duration = Duration::from_millis(100);

/// Arguments of `kaas demo`.
#[derive(Debug, clap::Args)]
pub struct Args {
    /// Keeps everything in DIR and goes on from there when started again. Without it, a new directory is made.
    #[arg(long, value_name = "DIR")]
    data_dir: Option<PathBuf>,
    /// Plays the lines of FILE instead of the tour.
    #[arg(long, value_name = "FILE")]
    script: Option<PathBuf>,
    /// Appends every message to FILE, one JSON line each.
    #[arg(long, value_name = "FILE")]
    transcript: Option<PathBuf>,
    /// Uses the real rancher/rancher2 provider binary at PATH instead of the stand-in.
    #[arg(long, value_name = "PATH")]
    provider: Option<PathBuf>,
    /// How many seconds a simulated cluster takes; for tests.
    #[arg(long, value_name = "SECONDS", hide = true, default_value_t = 6.0)]
    speed: f64,
    /// How many seconds terraform may take for anything; for tests.
    #[arg(long, value_name = "SECONDS", hide = true)]
    patience: Option<f64>,
    /// Where a simulated Rancher runs already; for tests, in which it outlives kaas as a real one does.
    #[arg(long, value_name = "URL", hide = true, requires = "rancher_token")]
    rancher: Option<String>,
    /// The file that holds that Rancher's token.
    #[arg(long, value_name = "FILE", hide = true, requires = "rancher")]
    rancher_token: Option<PathBuf>,
}

pub(super) fn run(args: Args) -> anyhow::Result<Exit> {
    let runtime = runtime()?;
    let exit = runtime.block_on(demo(args));
    runtime.shutdown_timeout(LAST_THREADS);
    exit
}

async fn demo(args: Args) -> anyhow::Result<Exit> {
    let clock = SystemClock::shared();
    let dir = match &args.data_dir {
        Some(dir) => dir.clone(),
        None => std::env::temp_dir().join(format!("kaas-demo-{}", clock.id())),
    };
    let is_new = !dir.join("store").exists();
    std::fs::create_dir_all(&dir).with_context(|| format!("making {}", dir.display()))?;
    log_to(&dir.join("kaas.log"))?;
    let script = match &args.script {
        Some(path) => {
            Some(tokio::fs::read(path).await.with_context(|| format!("reading the script {}", path.display()))?)
        }
        None => None,
    };
    let seconds = |length: f64| Duration::try_from_secs_f64(length).context("a length of time is out of range");
    let places = Places {
        dir: &dir,
        transcript: args.transcript.clone(),
        provider: args.provider.as_deref(),
        provisioning: seconds(args.speed)?,
        patience: args.patience.map(seconds).transpose()?,
        rancher: args.rancher.clone().zip(args.rancher_token.clone()),
    };
    let world = World::open(places, Arc::clone(&clock)).await?;
    kill::arm(&world.engine)?;
    tracing::info!(rancher.url = world.rancher_url(), program = world.program, "the demo starts");

    let stop = CancellationToken::new();
    let interrupted = stop_on_signals(stop.clone(), || {})?;
    let engine = Arc::clone(&world.engine);
    let running = tokio::spawn({
        let stop = stop.clone();
        async move { engine.run(stop).await }
    });
    let stage = Stage { world: &world, stop: &stop, dir: &dir, is_new };
    let playing = stage.play(script);
    let outcome = tokio::select! {
        outcome = playing => outcome,
        () = wait_for_end(&running) => Ok(Outcome::Stopped),
    };
    stop.cancel();
    let ended = running.await.context("the engine panicked")?;
    interrupted.abort();
    world.close().await;
    ended?;
    match outcome? {
        Outcome::Ended | Outcome::Stopped => Ok(Exit::Done),
        failed @ Outcome::WaitFailed { .. } => {
            eprintln!("kaas: {failed}");
            Ok(Exit::Failed)
        }
        bad @ Outcome::BadLine { .. } => {
            eprintln!("kaas: {bad}");
            Ok(Exit::Misuse)
        }
    }
}

/// Returns when the engine ended by itself, which it only does when it failed.
async fn wait_for_end(running: &tokio::task::JoinHandle<anyhow::Result<()>>) {
    while !running.is_finished() {
        tokio::time::sleep(Duration::from_millis(50)).await;
    }
}

struct Stage<'a> {
    world: &'a World,
    stop: &'a CancellationToken,
    dir: &'a Path,
    is_new: bool,
}

impl Stage<'_> {
    async fn play(&self, script: Option<Vec<u8>>) -> anyhow::Result<Outcome> {
        let World { chat, .. } = self.world;
        if let Some(script) = script {
            chat.show_plain(std::io::stdout());
            return self.lines(&script[..]).await;
        }
        let look = Look::detect();
        if look.rich {
            return self.on_a_tty(look).await;
        }
        chat.show_plain(std::io::stdout());
        let mut input = BufReader::new(tokio::io::stdin());
        if std::io::stdin().is_terminal() {
            self.tour(TOUR).await?;
            self.tell(&self.farewell());
            return Ok(converse_lines(input, chat, &self.world.desk, &self.world.people, self.stop).await);
        }
        let has_lines = match tokio::time::timeout(FIRST_LINE, input.fill_buf()).await {
            Ok(bytes) => !bytes?.is_empty(),
            Err(_) => false,
        };
        if has_lines || !self.is_new {
            return self.lines(input).await;
        }
        let outcome = self.tour(TOUR).await?;
        if matches!(outcome, Outcome::Ended) {
            self.tell(&self.farewell());
        }
        Ok(outcome)
    }

    /// Plays lines to their end, then lets what is under way come to rest.
    async fn lines(&self, input: impl AsyncBufRead + Unpin + Send) -> anyhow::Result<Outcome> {
        let World { chat, desk, people, engine, .. } = self.world;
        let outcome = run_lines(input, chat, desk, people, self.stop).await;
        if matches!(outcome, Outcome::Ended) {
            tokio::select! {
                rested = engine.rest() => rested?,
                () = self.stop.cancelled() => {}
            }
        }
        Ok(outcome)
    }

    async fn tour(&self, tour: &str) -> anyhow::Result<Outcome> {
        self.tell(&self.welcome());
        self.lines(tour.as_bytes()).await
    }

    async fn on_a_tty(&self, look: Look) -> anyhow::Result<Outcome> {
        let World { chat, desk, people, engine, .. } = self.world;
        let mut tty = Tty::open(chat, look)?;
        if self.is_new {
            self.tell(&self.welcome());
            match tty.play(TOUR, desk, people, self.stop).await {
                Outcome::Ended => self.tell(&self.farewell()),
                Outcome::Stopped if self.stop.is_cancelled() => return Ok(Outcome::Stopped),
                Outcome::Stopped => {
                    self.tell(&["The tour ends here; the channel is yours. /kaas help says what there is.".to_owned()])
                }
                failed @ (Outcome::WaitFailed { .. } | Outcome::BadLine { .. }) => return Ok(failed),
            }
        }
        let outcome = tty.converse(desk, people, self.stop).await;
        drop(tty);
        // Whoever leaves does not want to wait for a cluster: what is under way goes on at the next start.
        if engine.is_busy().await? {
            println!(
                "What is under way goes on when you start again: {} demo --data-dir {}",
                own_name(),
                self.dir.display()
            );
        }
        Ok(outcome)
    }

    /// The narrator speaks: the first line, and what belongs to it.
    fn tell(&self, lines: &[String]) {
        if let Some((first, more)) = lines.split_first() {
            self.world.chat.narrate(first);
            for line in more {
                self.world.chat.note(line);
            }
        }
    }

    fn welcome(&self) -> Vec<String> {
        vec![
            "kaas: Kubernetes as a Service by chat. A tour, with real git and real terraform.".to_owned(),
            format!(
                "Simulated are Rancher ({}) and what its provider does there; {} runs the production module unchanged.",
                self.world.rancher_url(),
                self.world.program
            ),
        ]
    }

    fn farewell(&self) -> Vec<String> {
        let (dir, kaas) = (self.dir.display(), own_name());
        vec![
            format!("That was one cluster, from request to teardown. Everything lies in {dir}:"),
            format!("  the merges       git -C {dir}/forge.git log --oneline --graph main"),
            format!("  the ledger       {kaas} audit verify --data-dir {dir}"),
            format!("  plans and logs   {dir}/runs"),
            format!("Go on there        {kaas} demo --data-dir {dir}"),
            "Try next           alice> /kaas request teal-otter class=aws-k3s    then bob> +1    carol> press Reject because …".to_owned(),
        ]
    }
}

/// How this program is called from here: `kaas` where it is on the PATH, else its path.
fn own_name() -> String {
    let Ok(program) = std::env::current_exe() else { return "kaas".to_owned() };
    let path = std::env::var_os("PATH").unwrap_or_default();
    if std::env::split_paths(&path).any(|dir| dir.join("kaas") == program) {
        return "kaas".to_owned();
    }
    let here = std::env::current_dir().unwrap_or_default();
    program.strip_prefix(&here).unwrap_or(&program).display().to_string()
}

/// The log goes to a file: the terminal belongs to the conversation.
fn log_to(path: &Path) -> anyhow::Result<()> {
    let file = std::fs::OpenOptions::new()
        .append(true)
        .create(true)
        .open(path)
        .with_context(|| format!("writing {}", path.display()))?;
    let filter = tracing_subscriber::EnvFilter::try_from_env("KAAS_LOG").unwrap_or_else(|_| "info".into());
    let written = tracing_subscriber::fmt()
        .with_env_filter(filter)
        .with_ansi(false)
        .with_writer(std::sync::Mutex::new(file))
        .try_init();
    if written.is_err() {
        writeln!(std::io::stderr(), "kaas: a log is already being written elsewhere")?;
    }
    Ok(())
}
