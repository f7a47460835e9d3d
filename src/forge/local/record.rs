//! A pull request as it lies in the repository: a JSON blob that two refs point at.
//!
//! | ref | points at |
//! |---|---|
//! | `refs/kaas/branches/<branch>` | the record of the branch's newest pull request: what counts, and what is swapped |
//! | `refs/kaas/pulls/<n>` | the record of pull request n: the same blob, as long as it is its branch's newest |
//! | `refs/kaas/last` | the first record of the pull request that was opened last: its number is the highest one |
//! | `refs/pull/<n>/head` | the last head that kaas knows, so that nothing of a closed pull request is lost |

use jiff::Timestamp;
use serde::{Deserialize, Serialize};

use crate::forge::git::GitFault;

/// The branch that pull requests are merged into.
pub(super) const MAIN: &str = "refs/heads/main";
/// See the module's table.
pub(super) const LAST: &str = "refs/kaas/last";
/// Below it lie all pull requests.
pub(super) const PULLS: &str = "refs/kaas/pulls";

pub(super) fn head_ref(branch: &str) -> String {
    format!("refs/heads/{branch}")
}

pub(super) fn branch_ref(branch: &str) -> String {
    format!("refs/kaas/branches/{branch}")
}

pub(super) fn pull_ref(number: u64) -> String {
    format!("{PULLS}/{number}")
}

pub(super) fn kept_ref(number: u64) -> String {
    format!("refs/pull/{number}/head")
}

/// A pull request of the local forge.
#[derive(Debug, Clone, PartialEq, Eq, Serialize, Deserialize)]
#[serde(deny_unknown_fields)]
pub struct PullRecord {
    /// Its number, from 1.
    pub number: u64,
    /// Its branch: `kaas/crucial-sandbox/42`.
    pub branch: String,
    /// The folder that belongs to the cluster.
    pub folder: String,
    /// The title.
    pub title: String,
    /// The body, in Markdown.
    pub body: String,
    /// The last head that kaas wrote or dealt with.
    pub head: String,
    /// The commit of main that this head was made upon.
    pub base: String,
    /// Who opened it.
    pub by: String,
    /// When it was opened.
    pub opened: Timestamp,
    /// How it stands. A push, a merge or a deleted branch that kaas has not dealt with yet is not in here.
    pub state: PullState,
    /// Its comments, oldest first.
    pub comments: Vec<Comment>,
}

/// How a pull request stands.
#[derive(Debug, Clone, PartialEq, Eq, Serialize, Deserialize)]
#[serde(tag = "is", rename_all = "kebab-case", deny_unknown_fields)]
pub enum PullState {
    /// It is open.
    Open,
    /// It was merged.
    Merged {
        /// The commit on main.
        commit: String,
        /// By whom.
        by: String,
        /// When kaas merged it, or learned of it.
        at: Timestamp,
    },
    /// It was closed without a merge.
    Closed {
        /// By whom.
        by: String,
        /// When.
        at: Timestamp,
    },
}

/// A comment: one a marker.
#[derive(Debug, Clone, PartialEq, Eq, Serialize, Deserialize)]
#[serde(deny_unknown_fields)]
pub struct Comment {
    /// What it is about; the next comment with this marker takes its place.
    pub marker: String,
    /// What it says, in Markdown.
    pub body: String,
    /// When it was written last.
    pub at: Timestamp,
}

impl PullRecord {
    pub(super) fn parse(bytes: &[u8]) -> Result<Self, GitFault> {
        serde_json::from_slice(bytes).map_err(|fault| GitFault::Garbled(format!("a pull request's record: {fault}")))
    }

    pub(super) fn bytes(&self) -> Result<Vec<u8>, GitFault> {
        let text = serde_json::to_vec_pretty(self);
        text.map_err(|fault| GitFault::Garbled(format!("a pull request's record: {fault}")))
    }

    /// Writes the one comment of a marker; `false` if it says so already.
    pub(super) fn say(&mut self, marker: &str, body: &str, at: Timestamp) -> bool {
        match self.comments.iter_mut().find(|comment| comment.marker == marker) {
            Some(comment) if comment.body == body => false,
            Some(comment) => {
                body.clone_into(&mut comment.body);
                comment.at = at;
                true
            }
            None => {
                self.comments.push(Comment { marker: marker.to_owned(), body: body.to_owned(), at });
                true
            }
        }
    }
}
