//! Refs: read by their exact names, changed together and only if they are still what they were.
//!
//! git changes the refs of one transaction one after the other, in the order given here. A kill in the middle leaves the first ones changed and
//! lock files behind, so every caller orders its updates such that doing it again mends the rest.

use std::collections::HashMap;
use std::os::unix::fs::MetadataExt;
use std::path::{Path, PathBuf};
use std::time::{Duration, SystemTime};

use nix::fcntl::{Flock, FlockArg};

use crate::forge::git::{Git, GitFault, is_id};
use crate::ports::Trouble;

/// How long a lock file is looked at before it is taken for dead, beyond the second that git itself waits for it.
const LOCK_WATCH: Duration = Duration::from_millis(500);

/// One change of one ref.
#[derive(Debug, Clone)]
pub(super) struct Update {
    pub name: String,
    /// What it is to be; `None` deletes it.
    pub new: Option<String>,
    pub old: Old,
}

/// What a ref must be before it is changed.
#[derive(Debug, Clone)]
pub(super) enum Old {
    /// This.
    Is(String),
    /// Not there.
    Nothing,
    /// Whatever it is.
    Any,
}

impl Update {
    pub fn set(name: impl Into<String>, new: &str, old: Old) -> Self {
        Self { name: name.into(), new: Some(new.to_owned()), old }
    }

    pub fn delete(name: impl Into<String>, old: &str) -> Self {
        Self { name: name.into(), new: None, old: Old::Is(old.to_owned()) }
    }

    fn line(&self) -> String {
        let old = match &self.old {
            Old::Is(id) => format!(" {id}"),
            Old::Nothing => format!(" {}", "0".repeat(40)),
            Old::Any => String::new(),
        };
        match &self.new {
            Some(new) => format!("update {} {new}{old}\n", self.name),
            None => format!("delete {}{old}\n", self.name),
        }
    }
}

impl Old {
    /// What was read is what must still be there.
    pub fn read(id: Option<&String>) -> Self {
        id.map_or(Self::Nothing, |id| Self::Is(id.clone()))
    }
}

/// How a transaction went.
#[derive(Debug, Clone, Copy, PartialEq, Eq)]
pub(super) enum Swap {
    Done,
    /// Somebody else was faster: read again.
    Raced,
}

/// The refs of one repository.
#[derive(Debug)]
pub(super) struct Refs {
    git: Git,
    dir: PathBuf,
    /// Held for as long as this process works on the repository, and when it began to; `None` if another process does.
    owned: Option<(Flock<std::fs::File>, SystemTime)>,
}

impl Refs {
    pub fn open(git: Git, dir: &Path) -> Result<Self, Trouble> {
        let path = dir.join("kaas.lock");
        let open = std::fs::File::options().create(true).append(true).open(&path);
        let file =
            open.map_err(|fault| Trouble::lasting("The local forge may not write into its repository.", fault))?;
        let owned = match Flock::lock(file, FlockArg::LockExclusiveNonblock) {
            // A write makes the file system itself tell the time, in the measure of every other lock file's time.
            Ok(mut lock) => std::io::Write::write_all(&mut *lock, b".")
                .and_then(|()| lock.metadata()?.modified())
                .ok()
                .map(|began| (lock, began)),
            Err(_) => None,
        };
        if let Some((lock, _)) = &owned {
            // It only ever holds the one dot of the run that is going on.
            let _ = lock.set_len(0);
        }
        Ok(Self { git, dir: dir.to_owned(), owned })
    }

    /// What refs of these exact names point at, those that are there.
    ///
    /// git itself would look at all neighbours of a ref, which takes its time where ten thousand clusters lie side by side. So a ref's own file is read,
    /// and git is asked only for what may be packed.
    pub async fn read(&self, names: &[&str]) -> Result<HashMap<String, String>, GitFault> {
        let (mut found, mut missed) = (HashMap::new(), Vec::new());
        for name in names {
            match std::fs::read_to_string(self.dir.join(name)) {
                Ok(text) if is_id(text.trim()) => drop(found.insert((*name).to_owned(), text.trim().to_owned())),
                _ => missed.push(*name),
            }
        }
        // Packing writes the packed refs before it removes the single ones, so in this order nothing is missed.
        if !missed.is_empty() && self.dir.join("packed-refs").exists() {
            let all = self.below(&missed).await?;
            found.extend(all.into_iter().filter(|(name, _)| missed.contains(&name.as_str())));
        }
        Ok(found)
    }

    /// What refs of these names, and all below them, point at.
    pub async fn below(&self, names: &[&str]) -> Result<HashMap<String, String>, GitFault> {
        let mut args = vec!["for-each-ref", "--format=%(objectname) %(refname)"];
        args.extend_from_slice(names);
        let output = self.git.run(&args, b"").await?;
        let text = String::from_utf8_lossy(&output);
        let pairs = text.lines().filter_map(|line| line.split_once(' '));
        Ok(pairs.filter(|(id, _)| is_id(id)).map(|(id, name)| (name.to_owned(), id.to_owned())).collect())
    }

    /// Changes refs in one transaction.
    pub async fn change(&self, updates: &[Update]) -> Result<Swap, Trouble> {
        let lines: String = updates.iter().map(Update::line).collect();
        let mut mended = false;
        loop {
            let args = ["update-ref", "--stdin"];
            let output = self.git.try_run(&args, lines.as_bytes(), None).await?;
            if output.status.success() {
                return Ok(Swap::Done);
            }
            let said = output.stderr.as_str();
            let fault = || GitFault::Failed { what: "update-ref".into(), status: output.status, stderr: said.into() };
            if said.contains(".lock': File exists") {
                if !mended && self.remove_dead_locks(updates).await {
                    mended = true;
                    continue;
                }
                let held = self.locks(updates).into_iter().find(|path| path.exists());
                let held = held.map_or_else(|| "…".to_owned(), |path| path.display().to_string());
                let line = format!(
                    "The local forge is locked by another git process. If none is running, one was killed: delete `{held}`."
                );
                return Err(Trouble::passing(line, fault()));
            }
            if said.contains("; cannot create") {
                let line =
                    "A branch in the local forge is in the way of kaas' own (`kaas` or `kaas/<name>`): delete it.";
                return Err(Trouble::lasting(line, fault()));
            }
            let raced = ["but expected", "already exists", "unable to resolve reference", "reference is missing"];
            if raced.iter().any(|words| said.contains(words)) {
                return Ok(Swap::Raced);
            }
            return Err(fault().into());
        }
    }

    /// The lock files that stand in the way of these updates, if they are there.
    fn locks(&self, updates: &[Update]) -> Vec<PathBuf> {
        let own = updates.iter().map(|update| self.dir.join(format!("{}.lock", update.name)));
        own.chain([self.dir.join("packed-refs.lock"), self.dir.join("HEAD.lock")]).collect()
    }

    /// Removes lock files whose makers are provably gone: this process alone works on the repository, they are older than its beginning, and they did
    /// not change while they were watched. Answers whether any was removed.
    async fn remove_dead_locks(&self, updates: &[Update]) -> bool {
        let Some((_, began)) = &self.owned else { return false };
        let old = |path: PathBuf| {
            let meta = std::fs::metadata(&path).ok()?;
            (meta.modified().ok()? < *began).then_some((path, meta.ino(), meta.mtime(), meta.mtime_nsec(), meta.size()))
        };
        let suspects: Vec<_> = self.locks(updates).into_iter().filter_map(old).collect();
        if suspects.is_empty() {
            return false;
        }
        tokio::time::sleep(LOCK_WATCH).await;
        let mut removed = false;
        for suspect in suspects {
            if old(suspect.0.clone()).as_ref() == Some(&suspect) {
                tracing::warn!(forge.lock = %suspect.0.display(), "removing a lock file that a killed git left behind");
                removed |= std::fs::remove_file(&suspect.0).is_ok();
            }
        }
        removed
    }
}
