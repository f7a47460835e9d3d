//! The local forge: pull requests in a bare git repository on this machine, for the demo, for trying out and for teams without a server.
//!
//! A pull request is a branch `kaas/<name>/<change>` and a record in the repository itself ([`record`] tells which refs), so that `git clone --mirror`
//! is a backup of all of it. People look at it, push to it and merge it with plain git, and kaas reads what they did.
//!
//! Reading order: [`record`] (what is kept), [`mod@write`] (open, merge, close, comment), [`look`] (what is true now), [`commits`], [`refs`], [`objects`],
//! [`faults`].
//!
//! **Invariant:** everything that is written is written by compare-and-swap, and doing any operation twice, or again after a kill, ends where doing it
//! once does.

use std::collections::HashMap;
use std::path::{Path, PathBuf};

use async_trait::async_trait;

use self::objects::Reader;
use self::record::{MAIN, PULLS, kept_ref};
use self::refs::Refs;
use crate::clock::SharedClock;
use crate::forge::content::Objects as _;
use crate::forge::git::{Git, GitFault};
use crate::forge::names;
use crate::lifecycle::HeadSha;
use crate::ports::{Answer, Call, Forge, Merged, Mirror, NewPull, PullNow, Trouble};

mod commits;
mod faults;
mod look;
mod objects;
mod record;
mod refs;
mod seed;
#[cfg(test)]
mod tests;
mod write;

pub use record::{Comment, PullRecord, PullState};
pub use seed::seed;

/// Pull requests in a bare repository on this machine.
pub struct LocalForge {
    dir: PathBuf,
    shown: String,
    git: Git,
    refs: Refs,
    clock: SharedClock,
    /// Writers of this process go one after the other; those of others are met by compare-and-swap.
    turn: tokio::sync::Mutex<()>,
}

impl LocalForge {
    /// Opens a repository that [`seed()`] made.
    ///
    /// # Errors
    /// A `Trouble` with its remedy if it is not there, or git is missing or too old.
    pub async fn open(dir: &Path, clock: SharedClock) -> Answer<Self> {
        let whole = std::fs::canonicalize(dir).ok().filter(|whole| whole.join("HEAD").is_file());
        let Some(whole) = whole else {
            return Err(Trouble::Lasting {
                line: format!("There is no git repository at {}.", dir.display()),
                source: None,
            });
        };
        let git = Git::new("git", &whole);
        faults::check(&git).await?;
        let format = git.try_run(&["config", "--get", "extensions.refStorage"], b"", None).await?;
        if !matches!(format.stdout.trim_ascii(), b"" | b"files") {
            let line = "The local forge's repository keeps its refs in a format that kaas does not read: `git refs migrate --ref-format=files`.";
            return Err(Trouble::Lasting { line: line.to_owned(), source: None });
        }
        let refs = Refs::open(git.clone(), &whole)?;
        Ok(Self { shown: quoted(dir), dir: whole, git, refs, clock, turn: tokio::sync::Mutex::default() })
    }

    /// All pull requests, in the order of their numbers.
    ///
    /// # Errors
    /// A `Trouble` if the repository cannot be read.
    pub async fn pulls(&self) -> Answer<Vec<PullRecord>> {
        let refs = self.refs.below(&[PULLS]).await?;
        let mut reader = Reader::start(&self.git)?;
        let mut pulls = Vec::with_capacity(refs.len());
        for id in refs.values() {
            pulls.push(PullRecord::parse(&reader.blob(id).await?)?);
        }
        pulls.sort_by_key(|pull| pull.number);
        Ok(pulls)
    }

    /// How a person looks at a pull request, also after its branch is gone.
    fn url(&self, number: u64) -> String {
        let kept = kept_ref(number);
        format!("git -C {} show {}", self.shown, kept.strip_prefix("refs/").unwrap_or(&kept))
    }
}

#[async_trait]
impl Forge for LocalForge {
    async fn open(&self, call: &Call, new: &NewPull) -> Answer<crate::lifecycle::Pull> {
        self.write_open(call, new).await
    }

    async fn read(&self, branch: &str, folder: &str) -> Answer<Option<PullNow>> {
        names::branch(branch)?;
        names::folder(folder)?;
        let mut view = self.view(branch).await?;
        match view.record.take() {
            Some((_, record)) => Ok(Some(self.now(&mut view, &record, folder).await?)),
            None => Ok(None),
        }
    }

    async fn comment(&self, call: &Call, number: u64, marker: &str, body: &str) -> Answer<()> {
        self.write_comment(call, number, marker, body).await
    }

    async fn merge(&self, call: &Call, number: u64, head: &HeadSha, message: &str) -> Answer<Merged> {
        self.write_merge(call, number, head, message).await
    }

    async fn close(&self, call: &Call, branch: &str, comment: &str) -> Answer<()> {
        self.write_close(call, branch, comment).await
    }

    async fn mirror(&self) -> Answer<Mirror> {
        let base = main_of(&self.refs.read(&[MAIN]).await?)?;
        Ok(Mirror { path: self.dir.clone(), base: head_sha(&base)? })
    }
}

fn main_of(refs: &HashMap<String, String>) -> Result<String, Trouble> {
    refs.get(MAIN).cloned().ok_or_else(|| Trouble::Lasting {
        line: "The local forge's repository has no branch `main` any more.".to_owned(),
        source: None,
    })
}

fn head_sha(id: &str) -> Result<HeadSha, GitFault> {
    id.parse().map_err(|_| GitFault::Garbled(format!("a commit's id: {id}")))
}

/// A path as a shell takes it.
fn quoted(path: &Path) -> String {
    let text = path.display().to_string();
    let plain = text.bytes().all(|b| b.is_ascii_alphanumeric() || b"/._-+@".contains(&b));
    if plain { text } else { format!("'{}'", text.replace('\'', r"'\''")) }
}
