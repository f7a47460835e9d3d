//! The real program as a child: `kaas demo`, spoken with over its standard input and output as anybody could.

use std::io::{BufRead as _, BufReader, Write as _};
use std::path::Path;
use std::process::{Child, ChildStdin, Stdio};
use std::sync::mpsc::{Receiver, RecvTimeoutError, channel};
use std::time::{Duration, Instant};

use crate::measure::{command, now};

/// How long anything may take before the measurement is given up.
const LIMIT: Duration = Duration::from_secs(120);

/// A running `kaas demo`.
pub struct Demo {
    child: Child,
    to: Option<ChildStdin>,
    from: Receiver<(Instant, String)>,
    /// When it was started.
    pub begun: Instant,
}

impl Demo {
    /// Starts it on a directory; `first` is in its input before it looks.
    pub fn start(dir: &Path, first: &str) -> Self {
        let begun = now();
        let mut child = command(env!("CARGO_BIN_EXE_kaas"))
            .args(["demo", "--data-dir"])
            .arg(dir)
            .stdin(Stdio::piped())
            .stdout(Stdio::piped())
            .spawn()
            .expect("kaas starts");
        let (mut to, from) = (child.stdin.take().expect("a pipe"), child.stdout.take().expect("a pipe"));
        writeln!(to, "{first}").expect("written");
        let (heard, hear) = channel();
        std::thread::spawn(move || {
            for line in BufReader::new(from).lines().map_while(Result::ok) {
                if heard.send((now(), line)).is_err() {
                    return;
                }
            }
        });
        Self { child, to: Some(to), from: hear, begun }
    }

    pub fn id(&self) -> u32 {
        self.child.id()
    }

    /// Types a line. Answers when that was.
    pub fn type_line(&mut self, line: &str) -> Instant {
        let at = now();
        writeln!(self.to.as_mut().expect("not closed"), "{line}").expect("kaas reads");
        at
    }

    /// Waits until kaas says this. Answers when that was.
    pub fn hears(&mut self, words: &str) -> Instant {
        let begun = now();
        let mut said = Vec::new();
        loop {
            match self.from.recv_timeout(LIMIT.saturating_sub(begun.elapsed())) {
                Ok((at, line)) if line.contains(words) => return at,
                Ok((_, line)) => said.push(line),
                Err(RecvTimeoutError::Timeout | RecvTimeoutError::Disconnected) => {
                    panic!("kaas never said `{words}`, but:\n{}", said.join("\n"))
                }
            }
        }
    }

    /// The children that it has now.
    pub fn children(&self) -> Vec<String> {
        let parent = format!("PPid:\t{}\n", self.id());
        let entries = std::fs::read_dir("/proc").into_iter().flatten().flatten();
        let status = entries.filter_map(|entry| std::fs::read_to_string(entry.path().join("status")).ok());
        status
            .filter(|status| status.contains(&parent))
            .filter_map(|status| Some(status.lines().next()?.trim_start_matches("Name:").trim().to_owned()))
            .collect()
    }

    /// Ends its input and waits until it is gone.
    pub fn end(mut self) {
        drop(self.to.take());
        let status = self.child.wait().expect("it ends");
        assert!(status.success(), "kaas demo ended with {status}");
    }
}

impl Drop for Demo {
    fn drop(&mut self) {
        // After a failed measurement; otherwise it is gone already.
        let _ = self.child.kill();
        let _ = self.child.wait();
    }
}
