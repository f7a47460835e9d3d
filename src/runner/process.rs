//! A child process: started, read, stopped and reaped in order.
//!
//! This is the one place (beside the local forge's git) that starts processes. A child gets an argument vector, exactly the environment that is named,
//! a process group of its own, and no way to ask anything. It ends by itself, or by SIGINT to its group, a grace period, and SIGKILL to the group.
//! It is reaped in every case, also when the future that waits for it is dropped.
//!
//! A program that writes to a pipe dies of SIGPIPE when its reader is gone. For terraform that would mean: when kaas is killed, an apply dies with its next
//! line, half done, its state lock held. So what must survive kaas writes to files, and kaas reads along.
//!
//! Not here: what the lines mean, and where they are kept.

use std::ffi::OsString;
use std::fs::{File, OpenOptions};
use std::io::Read;
use std::os::unix::fs::OpenOptionsExt;
use std::path::{Path, PathBuf};
use std::pin::Pin;
use std::process::{ExitStatus, Stdio};
use std::sync::Arc;
use std::time::Duration;

use nix::sys::signal::{Signal, killpg};
use nix::unistd::Pid;
use secrecy::{ExposeSecret, SecretString};
use tokio::io::{AsyncRead, AsyncReadExt};
use tokio::time::{Sleep, sleep};
use tokio_util::sync::CancellationToken;

use crate::priority;

/// The most bytes of one line that are handed on; the rest of a longer line is dropped, and the line says so.
pub const LINE_MAX: usize = 256 * 1024;

/// How long the output of a child that has ended is still waited for, when something that it left behind holds it open.
const DRAIN: Duration = Duration::from_secs(2);

/// How often a file that a child writes to is looked at: at most, and at least.
const TAIL_CLOSE: Duration = Duration::from_millis(2);
const TAIL_FAR: Duration = Duration::from_millis(100);

/// How much is read at once.
const CHUNK: usize = 64 * 1024;

/// What to start, and within which limits.
#[derive(Debug)]
pub struct Spec {
    /// The program.
    pub program: PathBuf,
    /// Its arguments.
    pub args: Vec<OsString>,
    /// Its whole environment.
    pub environment: Vec<(String, SecretString)>,
    /// The directory that it works in.
    pub dir: PathBuf,
    /// What it reads; `None` is nothing. A locked file here stays locked for as long as the child, or a child of it, lives.
    pub stdin: Option<File>,
    /// How long it may take.
    pub time: Duration,
    /// How long it has after SIGINT before SIGKILL.
    pub grace: Duration,
    /// The most bytes that it may write, where its output is kept whole or goes to files.
    pub keep_max: usize,
    /// Where it writes, so that it outlives kaas: this file and one beside it (`.err`). `None` is pipes.
    pub output: Option<PathBuf>,
    /// Who is told of its process group.
    pub watch: Option<Arc<dyn Watch>>,
}

/// Is told what becomes of a child's process group.
pub trait Watch: Send + Sync + std::fmt::Debug {
    /// It has begun.
    fn begun(&self, group: i32);
    /// It is about to be asked to end.
    fn interrupting(&self, group: i32);
    /// It has ended.
    fn ended(&self, group: i32);
}

/// Which of its two outputs a line came from.
#[derive(Debug, Clone, Copy, PartialEq, Eq)]
pub enum From {
    /// Standard output.
    Out,
    /// Standard error.
    Err,
}

/// How a child ended.
#[derive(Debug)]
pub struct Ended {
    /// The exit status.
    pub status: ExitStatus,
    /// Why it ended.
    pub why: Why,
    /// Standard output, where it was to be kept whole.
    pub kept: Vec<u8>,
}

/// Why a child ended.
#[derive(Debug, Clone, Copy, PartialEq, Eq)]
pub enum Why {
    /// By itself (or somebody else ended it: the status says so).
    Itself,
    /// Its time was over.
    TimedOut,
    /// It was not wanted any more.
    Stopped,
    /// It wrote more than was to be kept.
    TooMuch,
}

impl Ended {
    /// Whether it ended by itself, with success.
    pub fn ok(&self) -> bool {
        self.why == Why::Itself && self.status.success()
    }
}

/// Runs a child to its end and hands on its lines, those of standard output too.
///
/// # Errors
/// The program cannot be started.
pub async fn run(
    spec: Spec,
    stop: &CancellationToken,
    on_line: &mut (dyn FnMut(From, &str) + Send),
) -> std::io::Result<Ended> {
    Run::start(spec, false)?.finish(stop, on_line).await
}

/// Runs a child to its end and keeps its standard output whole; hands on the lines of standard error.
///
/// # Errors
/// The program cannot be started.
pub async fn run_keeping(
    spec: Spec,
    stop: &CancellationToken,
    on_line: &mut (dyn FnMut(From, &str) + Send),
) -> std::io::Result<Ended> {
    Run::start(spec, true)?.finish(stop, on_line).await
}

/// A child that runs.
struct Run {
    group: Group,
    child: tokio::process::Child,
    tailed: bool,
    out: Output,
    err: Output,
    time: Duration,
    grace: Duration,
    keep: bool,
    keep_max: usize,
}

/// What the child is being brought to do.
#[derive(Clone, Copy, PartialEq, Eq)]
enum Phase {
    /// Work.
    Running,
    /// End, after SIGINT.
    Interrupted(Why),
    /// End, after SIGKILL.
    Killed(Why),
    /// It has ended; what is left of its output is read.
    Draining(Why),
}

impl Run {
    fn start(spec: Spec, keep: bool) -> std::io::Result<Self> {
        #[expect(clippy::disallowed_methods, reason = "one of the two places that start children")]
        let mut command = tokio::process::Command::new(&spec.program);
        command
            .args(&spec.args)
            .env_clear()
            .envs(spec.environment.iter().map(|(name, value)| (name, value.expose_secret())))
            .current_dir(&spec.dir)
            .process_group(0)
            .stdin(spec.stdin.map_or_else(Stdio::null, Stdio::from))
            .stdout(Stdio::piped())
            .stderr(Stdio::piped());
        let mut tails = None;
        if let Some(path) = &spec.output {
            let (out, out_tail) = tailed(path)?;
            let (err, err_tail) = tailed(&path.with_extension("err"))?;
            command.stdout(out).stderr(err);
            tails = Some((out_tail, err_tail));
        }
        let mut child = command.spawn()?;
        priority::group_yields(child.id(), priority::TERRAFORM);
        let group = Group::new(child.id(), spec.watch);
        let (out, err) = match tails {
            Some((out, err)) => (Source::Tail(out), Source::Tail(err)),
            None => (Source::pipe(child.stdout.take()), Source::pipe(child.stderr.take())),
        };
        let (out, err) = (Output::new(out), Output::new(err));
        let tailed = spec.output.is_some();
        Ok(Self { group, child, tailed, out, err, time: spec.time, grace: spec.grace, keep, keep_max: spec.keep_max })
    }

    async fn finish(
        mut self,
        stop: &CancellationToken,
        on_line: &mut (dyn FnMut(From, &str) + Send),
    ) -> std::io::Result<Ended> {
        let (mut out, mut err) = (self.out, self.err);
        let (mut out_lines, mut err_lines) = (Lines::default(), Lines::default());
        let mut kept = Vec::new();
        let mut status = None;
        let mut phase = Phase::Running;
        let mut alarm: Pin<Box<Sleep>> = Box::pin(sleep(self.time));
        while status.is_none() || out.open() || err.open() {
            tokio::select! {
                biased;
                () = stop.cancelled(), if phase == Phase::Running => {
                    phase = Phase::Interrupted(Why::Stopped);
                    alarm = interrupt(&mut self.group, self.grace);
                }
                () = &mut alarm => match phase {
                    Phase::Running => {
                        phase = Phase::Interrupted(Why::TimedOut);
                        alarm = interrupt(&mut self.group, self.grace);
                    }
                    Phase::Interrupted(why) => {
                        phase = Phase::Killed(why);
                        self.group.signal(Signal::SIGKILL);
                        alarm = Box::pin(sleep(DRAIN));
                    }
                    // Whoever still holds the pipes belongs to a run that is over.
                    Phase::Killed(_) | Phase::Draining(_) => {
                        self.group.signal(Signal::SIGKILL);
                        if status.is_some() {
                            break;
                        }
                        alarm = Box::pin(sleep(DRAIN));
                    }
                },
                n = out.read() => {
                    let bytes = out.bytes(n);
                    if self.tailed && out.total > self.keep_max && phase == Phase::Running {
                        phase = Phase::Interrupted(Why::TooMuch);
                        alarm = interrupt(&mut self.group, self.grace);
                    }
                    if !self.keep {
                        out_lines.push(bytes, &mut |line| on_line(From::Out, line));
                    } else if kept.len() + bytes.len() <= self.keep_max {
                        kept.extend_from_slice(bytes);
                    } else if phase == Phase::Running {
                        phase = Phase::Interrupted(Why::TooMuch);
                        alarm = interrupt(&mut self.group, self.grace);
                    }
                }
                n = err.read() => err_lines.push(err.bytes(n), &mut |line| on_line(From::Err, line)),
                ended = self.child.wait(), if status.is_none() => {
                    status = Some(ended?);
                    out.last();
                    err.last();
                    if phase == Phase::Running {
                        phase = Phase::Draining(Why::Itself);
                    }
                    alarm = Box::pin(sleep(DRAIN));
                }
            }
        }
        out_lines.end(&mut |line| on_line(From::Out, line));
        err_lines.end(&mut |line| on_line(From::Err, line));
        let why = match phase {
            Phase::Running => Why::Itself,
            Phase::Interrupted(why) | Phase::Killed(why) | Phase::Draining(why) => why,
        };
        self.group.ended();
        let status = status.ok_or_else(|| std::io::Error::other("the child was not reaped"))?;
        Ok(Ended { status, why, kept })
    }
}

fn interrupt(group: &mut Group, grace: Duration) -> Pin<Box<Sleep>> {
    group.interrupt();
    Box::pin(sleep(grace))
}

/// The child's process group. Dropped before the child has ended, it asks the group to end, and the runtime reaps it.
struct Group {
    pid: Option<Pid>,
    interrupted: bool,
    watch: Option<Arc<dyn Watch>>,
}

impl Group {
    fn new(id: Option<u32>, watch: Option<Arc<dyn Watch>>) -> Self {
        let pid = id.map(|id| Pid::from_raw(id.cast_signed()));
        if let (Some(pid), Some(watch)) = (pid, &watch) {
            watch.begun(pid.as_raw());
        }
        Self { pid, interrupted: false, watch }
    }

    /// Sends SIGINT, once: terraform takes a second one for "now, whatever is lost".
    fn interrupt(&mut self) {
        if let (Some(pid), false) = (self.pid, std::mem::replace(&mut self.interrupted, true)) {
            if let Some(watch) = &self.watch {
                watch.interrupting(pid.as_raw());
            }
            self.signal(Signal::SIGINT);
        }
    }

    fn signal(&self, signal: Signal) {
        if let Some(pid) = self.pid {
            // ESRCH: nobody is left, which is what was wanted.
            let _ = killpg(pid, signal);
        }
    }

    fn ended(&mut self) {
        if let (Some(pid), Some(watch)) = (self.pid.take(), &self.watch) {
            watch.ended(pid.as_raw());
        }
    }
}

impl Drop for Group {
    fn drop(&mut self) {
        self.interrupt();
    }
}

/// One of the child's outputs.
struct Output {
    from: Option<Source>,
    buffer: Vec<u8>,
    total: usize,
}

/// What an output is read from.
enum Source {
    Pipe(Box<dyn AsyncRead + Send + Unpin>),
    Tail(Tail),
}

impl Source {
    fn pipe(pipe: Option<impl AsyncRead + Send + Unpin + 'static>) -> Self {
        match pipe {
            Some(pipe) => Self::Pipe(Box::new(pipe)),
            None => Self::Pipe(Box::new(tokio::io::empty())),
        }
    }
}

/// A file that is read while it is written.
struct Tail {
    file: File,
    /// Nothing more will be written.
    last: bool,
    /// How long there was nothing new.
    quiet: Duration,
}

/// A file to write to, and the same to read along.
fn tailed(path: &Path) -> std::io::Result<(File, Tail)> {
    let open = || OpenOptions::new().append(true).create_new(true).mode(0o600).open(path);
    let write = match open() {
        Err(e) if e.kind() == std::io::ErrorKind::AlreadyExists => {
            std::fs::remove_file(path)?;
            open()
        }
        opened => opened,
    }?;
    Ok((write, Tail { file: File::open(path)?, last: false, quiet: Duration::ZERO }))
}

impl Tail {
    async fn read(&mut self, buffer: &mut [u8]) -> std::io::Result<usize> {
        loop {
            let last = self.last;
            let n = self.file.read(buffer)?;
            if n > 0 || last {
                self.quiet = Duration::ZERO;
                return Ok(n);
            }
            // Closely at first, because most runs are short; a long apply costs a look every now and then.
            let wait = (self.quiet / 64).clamp(TAIL_CLOSE, TAIL_FAR);
            sleep(wait).await;
            self.quiet += wait;
        }
    }
}

impl Output {
    fn new(from: Source) -> Self {
        Self { from: Some(from), buffer: vec![0; CHUNK], total: 0 }
    }

    fn open(&self) -> bool {
        self.from.is_some()
    }

    /// The child has ended: what it wrote to a file is all there.
    fn last(&mut self) {
        if let Some(Source::Tail(tail)) = &mut self.from {
            tail.last = true;
        }
    }

    /// Waits for bytes: how many there are. Never answers once the output is closed.
    async fn read(&mut self) -> usize {
        let read = match &mut self.from {
            Some(Source::Pipe(pipe)) => pipe.read(&mut self.buffer).await,
            Some(Source::Tail(tail)) => tail.read(&mut self.buffer).await,
            None => std::future::pending().await,
        };
        match read {
            Ok(n) if n > 0 => {
                self.total += n;
                n
            }
            Ok(_) | Err(_) => {
                self.from = None;
                0
            }
        }
    }

    fn bytes(&self, n: usize) -> &[u8] {
        &self.buffer[..n]
    }
}

/// Cuts bytes into lines of at most [`LINE_MAX`] bytes.
#[derive(Default)]
struct Lines {
    line: Vec<u8>,
    dropped: usize,
}

impl Lines {
    fn push(&mut self, bytes: &[u8], on_line: &mut dyn FnMut(&str)) {
        let mut rest = bytes;
        while let Some(end) = rest.iter().position(|b| *b == b'\n') {
            self.take(&rest[..end]);
            self.flush(on_line);
            rest = &rest[end + 1..];
        }
        self.take(rest);
    }

    fn end(&mut self, on_line: &mut dyn FnMut(&str)) {
        if !self.line.is_empty() {
            self.flush(on_line);
        }
    }

    fn take(&mut self, bytes: &[u8]) {
        let room = LINE_MAX - self.line.len();
        self.line.extend_from_slice(&bytes[..bytes.len().min(room)]);
        self.dropped += bytes.len().saturating_sub(room);
    }

    fn flush(&mut self, on_line: &mut dyn FnMut(&str)) {
        let text = String::from_utf8_lossy(&self.line);
        let text = text.trim_end_matches('\r');
        if self.dropped == 0 {
            on_line(text);
        } else {
            on_line(&format!("{text} … ({} bytes cut)", self.dropped));
        }
        self.line.clear();
        self.dropped = 0;
    }
}

#[cfg(test)]
#[path = "process_tests.rs"]
pub(super) mod tests;
