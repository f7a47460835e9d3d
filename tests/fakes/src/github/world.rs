//! Everything that the fake knows, and what follows of itself when a branch moves: pull requests follow their heads, close and merge.

use std::collections::{BTreeMap, BTreeSet};
use std::time::Duration;

use jiff::Timestamp;
use serde_json::{Value, json};
use tokio::sync::mpsc::UnboundedSender;

use super::auth::{Rank, Token};
use super::clock::Clock;
use super::git::{Bare, Signature};
use super::hooks::{Hooks, Job};
use crate::fault::Faults;

/// The repository's number, by which links name it.
pub(super) const REPOSITORY_ID: u64 = 4711;

/// Somebody.
#[derive(Debug, Clone)]
pub(super) struct User {
    pub(super) id: u64,
    pub(super) rank: Rank,
    pub(super) is_bot: bool,
}

/// The App and its one installation.
#[derive(Debug, Clone)]
pub(super) struct App {
    pub(super) id: u64,
    pub(super) slug: String,
    pub(super) installation: u64,
    pub(super) permissions: BTreeMap<String, String>,
    pub(super) token_life: Duration,
    pub(super) suspended: bool,
}

/// A pull request.
#[derive(Debug, Clone)]
pub(super) struct Pull {
    pub(super) id: u64,
    pub(super) number: u64,
    pub(super) title: String,
    pub(super) body: Option<String>,
    pub(super) open: bool,
    pub(super) draft: bool,
    pub(super) merged: Option<MergeNote>,
    pub(super) head: String,
    pub(super) head_sha: String,
    pub(super) base: String,
    pub(super) base_sha: String,
    pub(super) by: String,
    pub(super) created: String,
    pub(super) updated: String,
    pub(super) closed: Option<String>,
    pub(super) closed_by: Option<String>,
    pub(super) labels: BTreeSet<String>,
    pub(super) reviewers: BTreeSet<String>,
    pub(super) teams: BTreeSet<String>,
    pub(super) reviews: Vec<Review>,
    pub(super) comments: Vec<Comment>,
    /// Whether GitHub has worked out by now if it can be merged.
    pub(super) looked_at: bool,
}

/// How a pull request was merged.
#[derive(Debug, Clone)]
pub(super) struct MergeNote {
    pub(super) sha: String,
    pub(super) by: String,
    pub(super) at: String,
}

/// A review.
#[derive(Debug, Clone)]
pub(super) struct Review {
    pub(super) id: u64,
    pub(super) by: String,
    /// `APPROVED`, `CHANGES_REQUESTED`, `COMMENTED`, `DISMISSED`, `PENDING`.
    pub(super) state: &'static str,
    pub(super) body: String,
    pub(super) commit: String,
    pub(super) at: Option<String>,
}

/// A comment.
#[derive(Debug, Clone)]
pub(super) struct Comment {
    pub(super) id: u64,
    pub(super) by: String,
    pub(super) body: String,
    pub(super) created: String,
    pub(super) updated: String,
}

/// A commit's status.
#[derive(Debug, Clone)]
pub(super) struct Status {
    pub(super) id: u64,
    pub(super) sha: String,
    pub(super) state: String,
    pub(super) context: String,
    pub(super) description: Option<String>,
    pub(super) target: Option<String>,
    pub(super) by: String,
    pub(super) at: String,
}

/// A check run.
#[derive(Debug, Clone)]
pub(super) struct CheckRun {
    pub(super) id: u64,
    pub(super) sha: String,
    pub(super) name: String,
    pub(super) status: String,
    pub(super) conclusion: Option<String>,
    pub(super) started: String,
    pub(super) completed: Option<String>,
    pub(super) details: Option<String>,
    pub(super) external: Option<String>,
    pub(super) output: Value,
}

/// What protects a branch.
#[derive(Debug, Clone, Default, serde::Serialize, serde::Deserialize)]
#[serde(default)]
pub struct Protection {
    /// How many approving reviews a merge needs.
    pub reviews: u32,
    /// Whether a push dismisses the approvals.
    pub dismiss_stale: bool,
    /// The statuses or checks that a merge needs.
    pub checks: Vec<String>,
    /// Whether the rules hold for administrators too.
    pub for_admins: bool,
    /// Whether it is a ruleset, which `/rules/branches` shows, rather than a classic protection, which needs `administration` to be seen.
    pub ruleset: bool,
}

/// Everything.
#[derive(Debug)]
pub(super) struct World {
    pub(super) clock: Clock,
    /// Where the API is: `http://127.0.0.1:4030/api/v3`.
    pub(super) api_url: String,
    /// Where pages are: `http://127.0.0.1:4030`.
    pub(super) web_url: String,
    pub(super) owner: String,
    pub(super) name: String,
    pub(super) private: bool,
    pub(super) git: Bare,
    pub(super) refs: BTreeMap<String, String>,
    pub(super) users: BTreeMap<String, User>,
    pub(super) tokens: BTreeMap<String, Token>,
    pub(super) app: App,
    pub(super) pulls: BTreeMap<u64, Pull>,
    pub(super) labels: BTreeMap<String, String>,
    pub(super) statuses: Vec<Status>,
    pub(super) checks: Vec<CheckRun>,
    pub(super) protections: BTreeMap<String, Protection>,
    pub(super) hooks: Hooks,
    pub(super) sender: UnboundedSender<Job>,
    pub(super) faults: Faults,
    pub(super) calls: Vec<super::Seen>,
    /// Which ways to merge the repository allows: merge, squash, rebase.
    pub(super) ways: [bool; 3],
    pub(super) rate: Rate,
    pub(super) next_id: u64,
}

/// The primary rate limit.
#[derive(Debug, Clone)]
pub(super) struct Rate {
    pub(super) limit: u64,
    pub(super) used: u64,
    pub(super) reset: Timestamp,
}

impl World {
    pub(super) fn id(&mut self) -> u64 {
        self.next_id += 1;
        self.next_id
    }

    pub(super) fn full_name(&self) -> String {
        format!("{}/{}", self.owner, self.name)
    }

    pub(super) fn bot(&self) -> String {
        format!("{}[bot]", self.app.slug)
    }

    pub(super) fn branch(&self, name: &str) -> Option<String> {
        self.refs.get(&format!("refs/heads/{name}")).cloned()
    }

    /// Who somebody is in a commit, now.
    pub(super) fn signature(&self, login: &str) -> Signature {
        Signature {
            name: login.to_owned(),
            email: format!("{login}@users.noreply.github.example"),
            at: self.clock.now(),
        }
    }

    /// Makes somebody known, with a rank.
    pub(super) fn know(&mut self, login: &str, rank: Rank) {
        let known = self.users.get(login).map(|user| user.id);
        let id = known.unwrap_or_else(|| self.id());
        let is_bot = login.ends_with("[bot]");
        self.users.insert(login.to_owned(), User { id, rank, is_bot });
    }

    /// The rules of a branch that hold for somebody.
    pub(super) fn rules_for(&self, branch: &str, login: &str) -> Option<&Protection> {
        let rules = self.protections.get(branch)?;
        let is_admin = self.users.get(login).is_some_and(|user| user.rank == Rank::Admin);
        (rules.for_admins || !is_admin).then_some(rules)
    }

    /// The branches that somebody may not push to: those whose rules ask for a pull request.
    pub(super) fn closed_to(&self, login: &str) -> Vec<String> {
        let asks = |rules: &Protection| rules.reviews > 0 || !rules.checks.is_empty();
        self.protections.keys().filter(|branch| self.rules_for(branch, login).is_some_and(asks)).cloned().collect()
    }

    /// Looks at the branches again after `by` has moved some, and lets everything follow.
    pub(super) fn observe(&mut self, by: &str) {
        let Ok(now) = self.git.refs() else { return };
        let before = std::mem::replace(&mut self.refs, now);
        let names: BTreeSet<String> = before.keys().chain(self.refs.keys()).cloned().collect();
        for name in names {
            let (old, new) = (before.get(&name).cloned(), self.refs.get(&name).cloned());
            if old == new {
                continue;
            }
            self.tell_push(by, &name, old.as_deref(), new.as_deref());
            if let Some(branch) = name.strip_prefix("refs/heads/") {
                let branch = branch.to_owned();
                self.follow_head(by, &branch, new.as_deref());
                if let Some(new) = new {
                    self.follow_base(by, &branch, &new);
                }
            }
        }
    }

    fn follow_head(&mut self, by: &str, branch: &str, new: Option<&str>) {
        let numbers: Vec<u64> = self.pulls.values().filter(|p| p.open && p.head == branch).map(|p| p.number).collect();
        for number in numbers {
            let Some(new) = new else {
                self.close(by, number);
                continue;
            };
            let stamp = self.clock.stamp();
            let base = self.pulls.get(&number).map(|pull| pull.base.clone()).unwrap_or_default();
            let base_sha = self.branch(&base);
            let mut was = String::new();
            if let Some(pull) = self.pulls.get_mut(&number) {
                was = std::mem::replace(&mut pull.head_sha, new.to_owned());
                pull.base_sha = base_sha.clone().unwrap_or_else(|| pull.base_sha.clone());
                pull.updated = stamp;
                pull.looked_at = false;
            }
            self.tell_pull(by, number, "synchronize", json!({"before": was, "after": new}));
            self.dismiss_stale(by, number, &base);
            // A head without anything of its own has nothing to ask for.
            if base_sha.is_some_and(|base| self.git.is_ancestor(new, &base)) {
                self.close(by, number);
            }
        }
    }

    fn follow_base(&mut self, by: &str, branch: &str, new: &str) {
        let pulls: Vec<(u64, String)> = self
            .pulls
            .values()
            .filter(|pull| pull.open && pull.base == branch)
            .map(|pull| (pull.number, pull.head_sha.clone()))
            .collect();
        for (number, head) in pulls {
            if let Some(pull) = self.pulls.get_mut(&number) {
                pull.looked_at = false;
            }
            if self.git.is_ancestor(&head, new) {
                self.note_merge(by, number, new);
            }
        }
    }

    fn dismiss_stale(&mut self, by: &str, number: u64, base: &str) {
        if !self.protections.get(base).is_some_and(|rules| rules.dismiss_stale) {
            return;
        }
        let Some(pull) = self.pulls.get_mut(&number) else { return };
        let mut gone = Vec::new();
        for review in pull.reviews.iter_mut().filter(|review| review.state == "APPROVED") {
            review.state = "DISMISSED";
            gone.push(review.id);
        }
        for id in gone {
            self.tell_review(by, number, id, "dismissed");
        }
    }

    /// Closes a pull request without a merge.
    pub(super) fn close(&mut self, by: &str, number: u64) {
        let stamp = self.clock.stamp();
        let Some(pull) = self.pulls.get_mut(&number).filter(|pull| pull.open) else { return };
        pull.open = false;
        pull.closed = Some(stamp.clone());
        pull.closed_by = Some(by.to_owned());
        pull.updated = stamp;
        self.tell_pull(by, number, "closed", json!({}));
    }

    /// Writes down that a pull request was merged.
    pub(super) fn note_merge(&mut self, by: &str, number: u64, sha: &str) {
        let stamp = self.clock.stamp();
        let Some(pull) = self.pulls.get_mut(&number).filter(|pull| pull.open) else { return };
        pull.open = false;
        pull.closed_by = Some(by.to_owned());
        pull.merged = Some(MergeNote { sha: sha.to_owned(), by: by.to_owned(), at: stamp.clone() });
        pull.closed = Some(stamp.clone());
        pull.updated = stamp;
        self.tell_pull(by, number, "closed", json!({}));
    }
}
