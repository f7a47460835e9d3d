//! The two ends of a pull request: merged with the approved head, or closed with a last comment. The branch is deleted either way.

use std::sync::{Mutex, PoisonError};

use http::Method;
use serde::de::IgnoredAny;
use serde_json::{Value, json};

use super::GitHub;
use super::failure::{Endpoint, Failure};
use super::look::{PULL, View, sha};
use super::open::EDIT;
use super::rounds::Round;
use super::shapes::{MergeShape, PullShape, Repo};
use crate::forge::content::Objects;
use crate::lifecycle::HeadSha;
use crate::ports::{Answer, Call, Merged, Trouble};

/// How often all is looked at before it is left to a later attempt.
const ROUNDS: u32 = 6;
/// The marker of the comment with which a pull request is closed.
const CLOSING: &str = "kaas:closed";

const MERGE: Endpoint = Endpoint { name: "pulls/merge", does: "merge pull requests", needs: "contents=write" };
const DELETE_REF: Endpoint = Endpoint { name: "git/ref/delete", does: "delete branches", needs: "contents=write" };
pub(super) const REPOSITORY: Endpoint =
    Endpoint { name: "repos/get", does: "see the repository", needs: "metadata=read" };

impl GitHub {
    pub(super) async fn write_merge(&self, call: &Call, number: u64, head: &HeadSha, message: &str) -> Answer<Merged> {
        let method = &Mutex::new("merge");
        self.in_rounds(call, ROUNDS, |_| self.merge_once(number, head.as_str(), message, method)).await
    }

    async fn merge_once(
        &self,
        number: u64,
        head: &str,
        message: &str,
        method: &Mutex<&'static str>,
    ) -> Answer<Round<Merged>> {
        let pull = self.pull(number).await?;
        let tip = self.tip(&pull.head.name).await?;
        let folder = pull.folder().ok_or_else(|| Trouble::Lasting {
            line: format!("Pull request #{number} on GitHub is none of kaas'"),
            source: None,
        })?;
        if pull.is_merged() && pull.head.sha == head {
            if tip.as_deref() == Some(head) {
                self.delete_branch(&pull.head.name).await?;
            }
            let commit = pull.merge_commit_sha.as_deref().unwrap_or(head);
            return Ok(Round::Over(Merged::Yes(sha(commit, &PULL)?)));
        }
        if !pull.is_open() || tip.as_deref() != Some(head) {
            return Ok(Round::Over(Merged::Moved(self.now(&pull, tip.as_deref(), &folder).await?)));
        }
        if pull.head.sha != head {
            // The branch is right, and GitHub's pull request lags behind it.
            return Ok(Round::Again(None));
        }
        self.is_main_as_it_was(head, &folder).await?;
        let (title, text) = message.trim().split_once('\n').unwrap_or((message.trim(), ""));
        let body = json!({
            "sha": head,
            "merge_method": chosen(method),
            "commit_title": format!("{title} (#{number})"),
            "commit_message": text.trim(),
        });
        let answer = self.api.write::<MergeShape>(&MERGE, Method::PUT, &format!("pulls/{number}/merge"), &body).await;
        self.branch_of_base.forget();
        match answer {
            Ok(merged) if merged.merged => {
                self.delete_branch(&pull.head.name).await?;
                Ok(Round::Over(Merged::Yes(sha(&merged.sha, &MERGE)?)))
            }
            Ok(_) => Ok(Round::Again(None)),
            // The next round reads back whether it was done.
            Err(failure) if failure.is_uncertain() => Ok(Round::Again(Some(failure))),
            Err(failure) => self.after_no(number, head, failure, method).await,
        }
    }

    /// GitHub did not merge: it is merged already, it moved, GitHub is not ready yet, or a rule is not met.
    async fn after_no(
        &self,
        number: u64,
        head: &str,
        failure: Failure,
        method: &Mutex<&'static str>,
    ) -> Answer<Round<Merged>> {
        let Some((405 | 409, words)) = failure.refused() else { return Err(failure.into()) };
        let pull = self.pull(number).await?;
        let tip = self.tip(&pull.head.name).await?;
        if !pull.is_open() || tip.as_deref() != Some(head) || pull.head.sha != head {
            return Ok(Round::Again(Some(failure)));
        }
        let said = words.to_lowercase();
        if said.contains("was modified") {
            return Ok(Round::Again(Some(failure)));
        }
        if said.contains("not allowed") && said.contains("merge") {
            if let Some(other) = self.other_method(chosen(method)).await? {
                *method.lock().unwrap_or_else(PoisonError::into_inner) = other;
                return Ok(Round::Again(Some(failure)));
            }
        } else if pull.mergeable.is_none() {
            return Ok(Round::Again(Some(failure)));
        }
        let why = match (pull.mergeable, pull.mergeable_state.as_deref()) {
            (Some(false), _) => format!("{} has other changes in the same files ({words})", self.base),
            (_, Some("behind")) => {
                format!("a rule of {} wants branches to be up to date before they are merged ({words})", self.base)
            }
            _ => format!("a rule of the branch {} is not met: {words}", self.base),
        };
        Err(Trouble::lasting(format!("GitHub does not merge #{number}: {why}"), failure))
    }

    /// A way to merge that the repository allows, if this one is not.
    async fn other_method(&self, method: &str) -> Result<Option<&'static str>, Failure> {
        let repo: Repo = self.api.get(&REPOSITORY, "").await?;
        let ways = [
            ("merge", repo.allow_merge_commit),
            ("squash", repo.allow_squash_merge),
            ("rebase", repo.allow_rebase_merge),
        ];
        // A rule may forbid what the repository allows, so none is tried a second time.
        let after = ways.iter().skip_while(|(way, _)| *way != method).skip(1);
        Ok(after.clone().find(|(_, allowed)| *allowed == Some(true)).map(|(way, _)| *way))
    }

    /// What was approved is what the base branch is to hold, so nobody else may have changed the folder there.
    async fn is_main_as_it_was(&self, head: &str, folder: &str) -> Answer<()> {
        let base = self.base_tip().await?;
        let mut objects = self.repository();
        let common = objects.merge_base(&base, head).await?;
        let unrelated = || Trouble::Lasting {
            line: format!("The pull request does not merge: its branch has nothing in common with {}", self.base),
            source: None,
        };
        let common = common.ok_or_else(unrelated)?;
        if common == base {
            return Ok(());
        }
        let trees = tokio::try_join!(objects.commit(&base), objects.commit(&common), objects.commit(head))?;
        let now = objects.entry(&trees.0.tree, folder).await?;
        let before = objects.entry(&trees.1.tree, folder).await?;
        let wanted = objects.entry(&trees.2.tree, folder).await?;
        if now == before || now == wanted {
            return Ok(());
        }
        Err(Trouble::Lasting {
            line: format!("The pull request does not merge: {} has other changes in {folder}", self.base),
            source: None,
        })
    }

    pub(super) async fn write_close(&self, call: &Call, branch: &str, comment: &str) -> Answer<()> {
        self.branch(branch)?;
        self.in_rounds(call, ROUNDS, |_| async {
            let View { branch: tip, pull } = self.view(branch).await?;
            if let Some(open) = pull.as_ref().filter(|pull| pull.is_open()) {
                self.write_comment(call, open.number, CLOSING, comment).await?;
                let path = format!("pulls/{}", open.number);
                let closed =
                    self.api.write::<IgnoredAny>(&EDIT, Method::PATCH, &path, &json!({ "state": "closed" })).await;
                if let Round::Again(failure) = Round::of(closed)? {
                    return Ok(Round::Again(failure));
                }
            }
            // What was pushed after a merge is not kaas' to throw away.
            let leftover = |tip: &String| pull.as_ref().is_none_or(|pull| !pull.is_merged() || pull.head.sha == *tip);
            if tip.as_ref().is_some_and(leftover) {
                self.delete_branch(branch).await?;
            }
            Ok(Round::Over(()))
        })
        .await
    }

    /// Deletes a branch; one that is gone is deleted. What GitHub refuses is left to people: the work itself is done.
    async fn delete_branch(&self, branch: &str) -> Result<(), Failure> {
        let path = format!("git/refs/heads/{branch}");
        match self.api.write::<IgnoredAny>(&DELETE_REF, Method::DELETE, &path, &Value::Null).await {
            Ok(_) => Ok(()),
            Err(failure) if matches!(failure.refused(), Some((404, _))) || failure.is_overtaken() => Ok(()),
            Err(failure) if failure.is_uncertain() => match self.tip(branch).await? {
                None => Ok(()),
                Some(_) => Err(failure),
            },
            Err(failure) if failure.refused().is_some() => {
                tracing::warn!(branch, github.failure = %failure, "a branch could not be deleted; it may be deleted by hand");
                Ok(())
            }
            Err(failure) => Err(failure),
        }
    }

    /// A pull request, by its number.
    pub(super) async fn pull(&self, number: u64) -> Answer<PullShape> {
        let pull: Option<PullShape> = self.api.find(&PULL, &format!("pulls/{number}")).await?;
        pull.filter(|pull| self.is_ours(pull)).ok_or_else(|| Trouble::Lasting {
            line: format!("{} on GitHub has no pull request #{number} of kaas'", self.full_name),
            source: None,
        })
    }
}

/// The way to merge that is tried next.
fn chosen(method: &Mutex<&'static str>) -> &'static str {
    *method.lock().unwrap_or_else(PoisonError::into_inner)
}
