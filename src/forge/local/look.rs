//! What is true now: the branch as it stands, whoever pushed to it, merged it or deleted it.

use super::objects::Reader;
use super::record::{LAST, MAIN, PullRecord, PullState, branch_ref, head_ref};
use super::{LocalForge, head_sha, main_of};
use crate::forge::content::{Objects as _, changed_files, folder_digest, strange_files};
use crate::forge::git::{Git, GitFault, one_id};
use crate::forge::names;
use crate::lifecycle::Pull;
use crate::ports::{Answer, PullNow, PullStatus, Trouble};

/// What people read where nobody knows who it was: git does not tell who deletes or merges.
pub(super) const SOMEBODY: &str = "somebody with access to the repository";

/// The refs of one branch, read at once.
pub(super) struct View {
    pub main: String,
    pub branch: Option<String>,
    /// The record, and the blob that it was read from.
    pub record: Option<(String, PullRecord)>,
    pub last: Option<String>,
    pub reader: Reader,
}

/// A pull request whose head is in main, though its record does not say so.
pub(super) struct HandMerged {
    pub head: String,
    pub commit: String,
}

impl LocalForge {
    /// Reads the refs of one branch.
    pub(super) async fn view(&self, branch: &str) -> Result<View, Trouble> {
        let (head, kept) = (head_ref(branch), branch_ref(branch));
        let mut refs = self.refs.read(&[MAIN, &head, &kept, LAST]).await?;
        let main = main_of(&refs)?;
        let mut reader = Reader::start(&self.git)?;
        let record = match refs.remove(&kept) {
            Some(id) => {
                let record = PullRecord::parse(&reader.blob(&id).await?)?;
                Some((id, record))
            }
            None => None,
        };
        Ok(View { main, branch: refs.remove(&head), record, last: refs.remove(LAST), reader })
    }

    /// The pull request as it is now.
    pub(super) async fn now(&self, view: &mut View, record: &PullRecord, folder: &str) -> Answer<PullNow> {
        let live = view.branch.clone();
        let (head, base, status) = match &record.state {
            PullState::Merged { commit, .. } => {
                (record.head.clone(), Some(record.base.clone()), PullStatus::Merged { commit: head_sha(commit)? })
            }
            PullState::Closed { by, .. } => {
                (record.head.clone(), Some(record.base.clone()), PullStatus::Closed { by: by.clone() })
            }
            PullState::Open => {
                let head = live.clone().unwrap_or_else(|| record.head.clone());
                let base = merge_base(&self.git, &mut view.reader, &view.main, &head).await?;
                match self.hand_merged(view, record, base.as_deref()).await? {
                    Some(merged) => {
                        let status = PullStatus::Merged { commit: head_sha(&merged.commit)? };
                        (merged.head, Some(record.base.clone()), status)
                    }
                    None if live.is_none() => (head, base, PullStatus::Closed { by: SOMEBODY.to_owned() }),
                    None => (head, base, PullStatus::Open),
                }
            }
        };
        let commit = view.reader.commit(&head).await?;
        let base = match base {
            Some(base) => Some(view.reader.commit(&base).await?.tree),
            None => None,
        };
        let content = folder_digest(&mut view.reader, &commit.tree, folder).await?;
        let strange_files = strange_files(&mut view.reader, base.as_deref(), &commit.tree, folder).await?;
        let pull = Pull { number: record.number, url: self.url(record.number), head: head_sha(&head)?, content };
        let changed_files = if head == record.head {
            0
        } else {
            let written = view.reader.commit(&record.head).await?.tree;
            changed_files(&mut view.reader, &written, &commit.tree, folder).await?
        };
        Ok(PullNow {
            pull,
            status,
            head_by: names::shown(&commit.committer),
            changed_files,
            strange_files,
            reviews: Vec::new(),
        })
    }

    /// Whether somebody merged an open pull request with plain git. `base` is the merge base of main and the head.
    ///
    /// The head that kaas wrote counts as soon as it is in main. One that a stranger pushed counts only if a merge commit took it in, for a branch that
    /// was set back to something of main is in main as well.
    pub(super) async fn hand_merged(
        &self,
        view: &View,
        record: &PullRecord,
        base: Option<&str>,
    ) -> Result<Option<HandMerged>, GitFault> {
        let live = view.branch.as_deref().unwrap_or(&record.head);
        let live_in = base == Some(live);
        let own_in = if live == record.head { live_in } else { is_in(&self.git, &record.head, &view.main).await? };
        if !own_in && !live_in {
            return Ok(None);
        }
        let range = format!("^{}", record.base);
        let args = ["rev-list", "--first-parent", "--parents", "--reverse", &view.main, &range];
        let output = self.git.run(&args, b"").await?;
        let text = String::from_utf8_lossy(&output);
        let commits: Vec<Vec<&str>> = text.lines().map(|line| line.split(' ').collect()).collect();
        let taken_in = |head: &str| {
            let merge = commits.iter().find(|ids| ids.iter().skip(2).any(|id| *id == head))?;
            merge.first().map(|commit| (*commit).to_owned())
        };
        if live_in && let Some(commit) = taken_in(live) {
            return Ok(Some(HandMerged { head: live.to_owned(), commit }));
        }
        if !own_in {
            return Ok(None);
        }
        let head = record.head.clone();
        let forwarded = commits.iter().any(|ids| ids.first() == Some(&head.as_str()));
        let commit = taken_in(&head).unwrap_or_else(|| if forwarded { head.clone() } else { view.main.clone() });
        Ok(Some(HandMerged { head, commit }))
    }
}

/// The merge base of main and a head; `None` if they have nothing in common.
pub(super) async fn merge_base(
    git: &Git,
    reader: &mut Reader,
    main: &str,
    head: &str,
) -> Result<Option<String>, GitFault> {
    // By far the most common case needs no process: the head was made upon main as it is.
    if reader.commit(head).await?.parents.iter().any(|parent| parent == main) {
        return Ok(Some(main.to_owned()));
    }
    let args = ["merge-base", main, head];
    let output = git.try_run(&args, b"", None).await?;
    match output.status.code() {
        Some(0) => one_id(&output.stdout).map(Some),
        Some(1) => Ok(None),
        _ => Err(GitFault::Failed { what: "merge-base".to_owned(), status: output.status, stderr: output.stderr }),
    }
}

async fn is_in(git: &Git, commit: &str, main: &str) -> Result<bool, GitFault> {
    let args = ["merge-base", "--is-ancestor", commit, main];
    let output = git.try_run(&args, b"", None).await?;
    match output.status.code() {
        Some(0) => Ok(true),
        Some(1) => Ok(false),
        _ => Err(GitFault::Failed { what: "merge-base".to_owned(), status: output.status, stderr: output.stderr }),
    }
}
