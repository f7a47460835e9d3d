//! Run logs: what terraform said, line by line and redacted, as files that people read when something went wrong.
//!
//! `<data>/runs/<tenant>/<cluster>/<change>/001-plan.log`, numbered in the order of the runs; only for the owner's eyes (0700, 0600).

use std::fs::{DirBuilder, File, OpenOptions};
use std::io::{self, BufWriter, Write};
use std::os::unix::fs::{DirBuilderExt, OpenOptionsExt};
use std::path::{Path, PathBuf};

use super::scrub::Scrub;
use crate::clock::SharedClock;

/// The most bytes of one log; a run that says more is cut, and the log says so.
pub const LOG_MAX: usize = 64 * 1024 * 1024;

/// How many lines of a run's end are kept at hand for the error chain.
const TAIL: usize = 30;

/// The log of one run.
pub struct RunLog {
    path: PathBuf,
    file: BufWriter<File>,
    clock: SharedClock,
    scrub: Scrub,
    written: usize,
    broken: Option<io::Error>,
    tail: std::collections::VecDeque<String>,
}

impl RunLog {
    /// Opens the next log of the directory: `003-apply.log`.
    ///
    /// # Errors
    /// The directory cannot be written.
    pub fn open(dir: &Path, what: &str, clock: SharedClock, scrub: Scrub) -> io::Result<Self> {
        private_dir(dir)?;
        let mut number = 1 + std::fs::read_dir(dir)?.flatten().filter_map(|entry| number_of(&entry)).max().unwrap_or(0);
        loop {
            let path = dir.join(format!("{number:03}-{what}.log"));
            match OpenOptions::new().write(true).create_new(true).mode(0o600).open(&path) {
                Ok(file) => {
                    let file = BufWriter::new(file);
                    return Ok(Self { path, file, clock, scrub, written: 0, broken: None, tail: Default::default() });
                }
                Err(e) if e.kind() == io::ErrorKind::AlreadyExists => number += 1,
                Err(e) => return Err(e),
            }
        }
    }

    /// Where it lies.
    pub fn path(&self) -> &Path {
        &self.path
    }

    /// What is taken out of every line.
    pub fn scrub(&self) -> &Scrub {
        &self.scrub
    }

    /// Learns more secret values for the lines to come.
    pub fn learn<'a>(&mut self, values: impl IntoIterator<Item = &'a str>) {
        self.scrub.learn(values);
    }

    /// Writes some lines. A log that cannot be written does not stop a run: terraform's work is worth more than its protocol.
    pub fn write(&mut self, text: &str) {
        for line in text.lines() {
            let line = self.scrub.line(line).replace(|c: char| c.is_control() && c != '\t', " ");
            if self.tail.len() == TAIL {
                self.tail.pop_front();
            }
            self.tail.push_back(line.clone());
            if self.written >= LOG_MAX || self.broken.is_some() {
                continue;
            }
            self.written += line.len() + 32;
            let end = if self.written >= LOG_MAX { "\n(the rest is not kept)" } else { "" };
            if let Err(e) = writeln!(self.file, "{:.3} {line}{end}", self.clock.now()) {
                self.broken = Some(e);
            }
        }
    }

    /// Writes what is not written yet.
    pub fn flush(&mut self) {
        if let Err(e) = self.file.flush() {
            self.broken.get_or_insert(e);
        }
    }

    /// The last lines, redacted.
    pub fn tail(&self) -> String {
        self.tail.iter().map(|line| format!("{line}\n")).collect()
    }

    /// Why it is not whole, if it is not.
    pub fn broken(&self) -> Option<&io::Error> {
        self.broken.as_ref()
    }
}

/// Makes a directory that only the owner enters, with its parents.
///
/// # Errors
/// It cannot be made.
pub fn private_dir(dir: &Path) -> io::Result<()> {
    DirBuilder::new().recursive(true).mode(0o700).create(dir)
}

/// Whether a file has to survive a power failure at once.
#[derive(Debug, Clone, Copy, PartialEq, Eq)]
pub enum Durable {
    /// It is on the disk before the call returns.
    Now,
    /// It may be lost with the machine; it can be made again.
    Soon,
}

/// Writes a file that only the owner reads: whole under its name, or not at all.
///
/// # Errors
/// It cannot be written.
pub fn private_file(path: &Path, content: &[u8], durable: Durable) -> io::Result<()> {
    let mut aside = path.as_os_str().to_owned();
    aside.push(".new");
    let aside = PathBuf::from(aside);
    let written = (|| {
        let mut file = OpenOptions::new().write(true).create(true).truncate(true).mode(0o600).open(&aside)?;
        file.write_all(content)?;
        if durable == Durable::Now {
            file.sync_all()?;
        }
        std::fs::rename(&aside, path)?;
        match path.parent() {
            Some(dir) if durable == Durable::Now => File::open(dir)?.sync_all(),
            Some(_) | None => Ok(()),
        }
    })();
    if written.is_err() {
        let _ = std::fs::remove_file(&aside);
    }
    written
}

fn number_of(entry: &std::fs::DirEntry) -> Option<u32> {
    entry.file_name().to_str()?.strip_suffix(".log")?.split_once('-')?.0.parse().ok()
}

#[cfg(test)]
mod tests {
    use super::*;
    use crate::clock::ManualClock;

    #[test]
    fn logs_are_numbered_redacted_and_private() {
        use std::os::unix::fs::PermissionsExt;
        let data = tempfile::tempdir().unwrap();
        let dir = data.path().join("runs/acme/demo/7");
        let mut scrub = Scrub::default();
        scrub.learn(["topsecret"]);
        let clock = ManualClock::at("2026-11-22T10:00:00Z".parse().unwrap());
        for (what, number) in [("plan", "001-plan.log"), ("apply", "002-apply.log")] {
            let mut log = RunLog::open(&dir, what, clock.clone(), scrub.clone()).unwrap();
            log.write("a topsecret\nb\u{1b}[31m");
            log.flush();
            assert_eq!(log.path(), dir.join(number));
            let text = std::fs::read_to_string(log.path()).unwrap();
            assert_eq!(text, "2026-11-22T10:00:00.000Z a (redacted)\n2026-11-22T10:00:00.000Z b [31m\n");
            assert_eq!(log.tail(), "a (redacted)\nb [31m\n");
            assert_eq!(std::fs::metadata(log.path()).unwrap().permissions().mode() & 0o777, 0o600);
        }
        assert_eq!(std::fs::metadata(&dir).unwrap().permissions().mode() & 0o777, 0o700);
    }
}
