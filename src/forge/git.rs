//! The only place that starts git: argument vectors, an environment made from nothing, a time limit, and what its failures mean.
//!
//! Nothing of the machine's or the user's configuration reaches git, no hook of the repository runs, and it never asks for anything. What a failure means
//! for people, each forge says in its own words.

use std::ffi::OsString;
use std::path::{Path, PathBuf};
use std::process::{ExitStatus, Stdio};
use std::time::Duration;

use jiff::Timestamp;
use secrecy::{ExposeSecret, SecretString};
use tokio::io::{AsyncReadExt, AsyncWriteExt};
use tokio::process::{Child, Command};

use crate::priority;

/// The longest that one git process may take that only works on this machine.
pub(super) const TIME_LIMIT: Duration = Duration::from_secs(30);
/// The most that one git process may print, in bytes.
const OUTPUT_MAX: u64 = 64 << 20;
/// The most of git's complaints that is kept, in bytes.
const COMPLAINT_MAX: usize = 4096;
/// Who writes kaas' commits.
pub(super) const AUTHOR: (&str, &str) = ("kaas", "kaas@localhost");

/// git, for one repository.
#[derive(Debug, Clone)]
pub(super) struct Git {
    program: OsString,
    dir: PathBuf,
}

/// What a git process printed, and how it ended.
#[derive(Debug)]
pub(super) struct Output {
    pub status: ExitStatus,
    pub stdout: Vec<u8>,
    pub stderr: String,
}

/// How git failed.
#[derive(Debug, thiserror::Error)]
pub(super) enum GitFault {
    #[error("git cannot be started")]
    Start(#[source] std::io::Error),
    #[error("talking with `git {what}`")]
    Io {
        what: String,
        #[source]
        source: std::io::Error,
    },
    #[error("`git {what}` took longer than {} s", limit.as_secs())]
    Slow { what: String, limit: Duration },
    #[error("`git {what}` ended with {status}: {stderr}")]
    Failed { what: String, status: ExitStatus, stderr: String },
    #[error("git answered something that kaas does not understand: {0}")]
    Garbled(String),
}

/// What a git process is given besides its arguments.
#[derive(Debug, Default)]
pub(super) struct Extra<'a> {
    /// Variables of its environment. Values may be secret; they live as long as the process.
    pub environment: &'a [(&'a str, SecretString)],
    /// How long it may take; [`TIME_LIMIT`] if nothing is said.
    pub limit: Option<Duration>,
    /// The time of the commits that it writes.
    pub at: Option<Timestamp>,
}

impl Git {
    pub fn new(program: impl Into<OsString>, dir: &Path) -> Self {
        Self { program: program.into(), dir: dir.to_owned() }
    }

    /// Which git it is, as it says itself and as two numbers.
    pub async fn version(&self) -> Result<(String, Option<(u32, u32)>), GitFault> {
        let output = self.run(&["version"], b"").await?;
        let text = String::from_utf8_lossy(&output).trim().to_owned();
        let number = |part: &str| part.split(|c: char| !c.is_ascii_digit()).next().map(str::parse::<u32>);
        let mut digits = text.trim_start_matches("git version ").split('.').filter_map(number);
        let numbers = match (digits.next(), digits.next()) {
            (Some(Ok(major)), Some(Ok(minor))) => Some((major, minor)),
            _ => None,
        };
        Ok((text, numbers))
    }

    /// Runs git to its end, and takes only success for an answer.
    pub async fn run(&self, args: &[&str], stdin: &[u8]) -> Result<Vec<u8>, GitFault> {
        succeeded(args, self.try_run(args, stdin, None).await?)
    }

    /// The same for commands that write commits: the commit's time is given.
    pub async fn run_at(&self, args: &[&str], stdin: &[u8], at: Timestamp) -> Result<Vec<u8>, GitFault> {
        succeeded(args, self.try_run(args, stdin, Some(at)).await?)
    }

    /// Runs git to its end, however that is.
    pub async fn try_run(&self, args: &[&str], stdin: &[u8], at: Option<Timestamp>) -> Result<Output, GitFault> {
        self.run_with(args, stdin, &Extra { at, ..Extra::default() }).await
    }

    /// The same, with more than its arguments.
    pub async fn run_with(&self, args: &[&str], stdin: &[u8], extra: &Extra<'_>) -> Result<Output, GitFault> {
        let mut command = self.command(args);
        if let Some(at) = extra.at {
            let date = format!("@{} +0000", at.as_second());
            command.env("GIT_AUTHOR_DATE", &date).env("GIT_COMMITTER_DATE", &date);
        }
        for (name, value) in extra.environment {
            command.env(name, value.expose_secret());
        }
        let limit = extra.limit.unwrap_or(TIME_LIMIT);
        let mut child = command.stderr(Stdio::piped()).spawn().map_err(GitFault::Start)?;
        priority::yields(child.id(), priority::GIT);
        match tokio::time::timeout(limit, talk(&mut child, stdin)).await {
            Ok(Ok(output)) => Ok(output),
            Ok(Err(source)) => Err(GitFault::Io { what: what(args), source }),
            Err(_) => Err(GitFault::Slow { what: what(args), limit }),
        }
    }

    /// Starts a git that is talked with; it is killed when dropped.
    pub fn start(&self, args: &[&str]) -> Result<Child, GitFault> {
        let child = self.command(args).stderr(Stdio::null()).spawn().map_err(GitFault::Start)?;
        priority::yields(child.id(), priority::GIT);
        Ok(child)
    }

    fn command(&self, args: &[&str]) -> Command {
        #[expect(clippy::disallowed_methods, reason = "one of the two places that start children")]
        let mut command = Command::new(&self.program);
        command.env_clear();
        if let Some(path) = std::env::var_os("PATH") {
            command.env("PATH", path);
        }
        command
            .env("GIT_DIR", &self.dir)
            .env("GIT_CONFIG_NOSYSTEM", "1")
            .env("GIT_CONFIG_GLOBAL", "/dev/null")
            .env("GIT_TERMINAL_PROMPT", "0")
            .env("GIT_NO_REPLACE_OBJECTS", "1")
            .env("LC_ALL", "C")
            .env("TZ", "UTC")
            .env("GIT_AUTHOR_NAME", AUTHOR.0)
            .env("GIT_AUTHOR_EMAIL", AUTHOR.1)
            .env("GIT_COMMITTER_NAME", AUTHOR.0)
            .env("GIT_COMMITTER_EMAIL", AUTHOR.1)
            .args(["-c", "core.hooksPath=/dev/null", "-c", "core.filesRefLockTimeout=1000", "-c", "gc.auto=0"])
            .args(args)
            .stdin(Stdio::piped())
            .stdout(Stdio::piped())
            .kill_on_drop(true);
        command
    }
}

/// Writes and reads side by side, so that neither pipe can fill up.
async fn talk(child: &mut Child, stdin: &[u8]) -> std::io::Result<Output> {
    let (mut to, from, complaints) = (child.stdin.take(), child.stdout.take(), child.stderr.take());
    let write = async {
        if let Some(mut pipe) = to.take() {
            // git may end without reading all: its exit status tells more than the broken pipe.
            let _ = pipe.write_all(stdin).await;
        }
    };
    let (mut stdout, mut stderr) = (Vec::new(), Vec::new());
    let read = async {
        match from {
            Some(pipe) => pipe.take(OUTPUT_MAX).read_to_end(&mut stdout).await.map(drop),
            None => Ok(()),
        }
    };
    let listen = async {
        match complaints {
            Some(pipe) => pipe.take(OUTPUT_MAX).read_to_end(&mut stderr).await.map(drop),
            None => Ok(()),
        }
    };
    let ((), read, listen) = tokio::join!(write, read, listen);
    read.and(listen)?;
    if stdout.len() as u64 == OUTPUT_MAX {
        return Err(std::io::Error::new(std::io::ErrorKind::FileTooLarge, "git printed more than kaas reads"));
    }
    let status = child.wait().await?;
    let text = String::from_utf8_lossy(&stderr);
    let end = text.floor_char_boundary(COMPLAINT_MAX);
    Ok(Output { status, stdout, stderr: text[..end].trim().to_owned() })
}

fn succeeded(args: &[&str], output: Output) -> Result<Vec<u8>, GitFault> {
    if output.status.success() {
        Ok(output.stdout)
    } else {
        Err(GitFault::Failed { what: what(args), status: output.status, stderr: output.stderr })
    }
}

/// The command's name, for complaints: the rest may be long.
fn what(args: &[&str]) -> String {
    let mut args = args.iter();
    while let Some(arg) = args.next() {
        match *arg {
            "-c" => drop(args.next()),
            arg if arg.starts_with('-') => {}
            name => return name.to_owned(),
        }
    }
    String::new()
}

/// One object id out of what git printed.
pub(super) fn one_id(output: &[u8]) -> Result<String, GitFault> {
    let text = String::from_utf8_lossy(output).trim().to_owned();
    if is_id(&text) { Ok(text) } else { Err(GitFault::Garbled(text.chars().take(200).collect())) }
}

/// Whether this is the full id of an object.
pub(super) fn is_id(text: &str) -> bool {
    matches!(text.len(), 40 | 64) && text.bytes().all(|b| b.is_ascii_digit() || (b'a'..=b'f').contains(&b))
}

#[cfg(test)]
mod tests {
    use super::*;

    #[tokio::test]
    async fn nothing_of_the_environment_reaches_git() {
        let folder = tempfile::tempdir().expect("a folder");
        let args = ["-c", "alias.show-env=!env", "show-env"];
        let output = Git::new("git", folder.path()).run(&args, b"").await.expect("ran");
        let text = String::from_utf8_lossy(&output).into_owned();
        let names: Vec<_> = text.lines().filter_map(|line| line.split_once('=')).map(|(name, _)| name).collect();
        let shells = ["PWD", "OLDPWD", "SHLVL", "_", "PATH", "LC_ALL", "TZ"];
        assert!(names.iter().all(|name| name.starts_with("GIT_") || shells.contains(name)), "{names:?}");
    }

    #[tokio::test]
    async fn what_is_given_besides_reaches_that_process_alone() {
        let folder = tempfile::tempdir().expect("a folder");
        let git = Git::new("git", folder.path());
        let args = ["-c", "alias.show-env=!env", "show-env"];
        let environment = [("KAAS_TEST", SecretString::from("s3cret"))];
        let extra = Extra { environment: &environment, ..Extra::default() };
        let with = git.run_with(&args, b"", &extra).await.expect("ran");
        assert!(String::from_utf8_lossy(&with.stdout).contains("KAAS_TEST=s3cret"));
        let without = git.run(&args, b"").await.expect("ran");
        assert!(!String::from_utf8_lossy(&without).contains("KAAS_TEST"));
    }

    #[tokio::test]
    async fn a_git_that_hangs_is_ended_and_named() {
        let folder = tempfile::tempdir().expect("a folder");
        let extra = Extra { limit: Some(Duration::from_millis(200)), ..Extra::default() };
        let args = ["-c", "alias.hang=!sleep 30", "hang"];
        let fault = Git::new("git", folder.path()).run_with(&args, b"", &extra).await.expect_err("too slow");
        assert!(matches!(&fault, GitFault::Slow { what, .. } if what == "hang"), "{fault}");
    }
}
