//! What is true now: the branch and its pull request as GitHub has them, whoever pushed, merged, closed or reviewed.

use std::collections::BTreeMap;

use super::GitHub;
use super::failure::{Endpoint, Failure};
use super::objects::Repository;
use super::shapes::{Issue, PullShape, Ref, ReviewShape};
use crate::forge::content::{changed_files, strange_files};
use crate::forge::names;
use crate::lifecycle::{HeadSha, Pull};
use crate::ports::{PullNow, PullReview, PullStatus, Verdict};
use crate::render::module;

/// What people read where nobody knows who it was.
const SOMEBODY: &str = "somebody with access to the repository";
/// The most words of a review that are taken, in characters.
const WORDS_MAX: usize = 2_000;
/// What stands before and after kaas' note in a pull request's body: the head that kaas wrote last, and its folder.
const NOTE: (&str, &str) = ("\n<!-- kaas:wrote ", " -->");

pub(super) const PULLS: Endpoint =
    Endpoint { name: "pulls/list", does: "read pull requests", needs: "pull_requests=read" };
pub(super) const PULL: Endpoint =
    Endpoint { name: "pulls/get", does: "read pull requests", needs: "pull_requests=read" };
pub(super) const REF: Endpoint = Endpoint { name: "git/ref", does: "read branches", needs: "contents=read" };
const REVIEWS: Endpoint = Endpoint { name: "pulls/reviews", does: "read reviews", needs: "pull_requests=read" };
const CLOSER: Endpoint = Endpoint { name: "issues/get", does: "read who closed", needs: "pull_requests=read" };

/// A branch and its pull requests.
pub(super) struct View {
    /// The branch's tip, if there is such a branch.
    pub branch: Option<String>,
    /// The pull request that counts: the open one, or else the newest.
    pub pull: Option<PullShape>,
}

/// What kaas noted in the body of a pull request. Anybody who may edit it may change it, so it informs and decides nothing.
#[derive(Debug, PartialEq, Eq)]
pub(super) struct Note {
    /// The head that kaas wrote last.
    pub head: String,
    /// The cluster's folder.
    pub folder: String,
}

impl Note {
    /// The body with the note at its end.
    pub fn with(body: &str, head: &str, folder: &str) -> String {
        format!("{}{}{head} {folder}{}\n", body.trim_end(), NOTE.0, NOTE.1)
    }

    /// Reads the note; the last one counts.
    pub fn of(body: Option<&str>) -> Option<Self> {
        let body = body?.replace("\r\n", "\n");
        let (_, rest) = body.rsplit_once(NOTE.0)?;
        let (head, folder) = rest.split_once(NOTE.1)?.0.split_once(' ')?;
        let known = head.parse::<HeadSha>().is_ok() && names::folder(folder).is_ok();
        known.then(|| Self { head: head.to_owned(), folder: folder.to_owned() })
    }
}

impl PullShape {
    /// Whether it was merged.
    pub fn is_merged(&self) -> bool {
        self.merged_at.is_some()
    }

    /// Whether it is open.
    pub fn is_open(&self) -> bool {
        self.state == "open"
    }

    /// The folder that it is about: what kaas noted, or what the branch's name says.
    pub fn folder(&self) -> Option<String> {
        let by_name = || module::whose_branch(&self.head.name).map(|(name, _)| module::folder(&name));
        Note::of(self.body.as_deref()).map(|note| note.folder).or_else(by_name)
    }
}

impl GitHub {
    pub(super) fn repository(&self) -> Repository<'_> {
        Repository { api: &self.api, memory: &self.memory }
    }

    /// Whether a pull request leads from a branch of our repository to the base branch; one from a fork may bear the same branch's name.
    pub(super) fn is_ours(&self, pull: &PullShape) -> bool {
        let from_here =
            pull.head.repo.as_ref().is_some_and(|repo| repo.full_name.eq_ignore_ascii_case(&self.full_name));
        from_here && pull.base.name == self.base
    }

    /// The branch, and its pull request.
    pub(super) async fn view(&self, branch: &str) -> Result<View, Failure> {
        let path = format!(
            "pulls?state=all&head={}:{branch}&base={}&sort=created&direction=desc&per_page=100",
            self.owner, self.base
        );
        let (pulls, branch_now) = tokio::try_join!(self.api.list::<PullShape>(&PULLS, &path), self.tip(branch))?;
        let ours = pulls.into_iter().filter(|pull| self.is_ours(pull) && pull.head.name == branch);
        let pull = ours.max_by_key(|pull| (pull.is_open(), pull.number));
        Ok(View { branch: branch_now, pull })
    }

    /// The tip of a branch, if there is such a branch.
    pub(super) async fn tip(&self, branch: &str) -> Result<Option<String>, Failure> {
        let found: Option<Ref> = self.api.find(&REF, &format!("git/ref/heads/{branch}")).await?;
        Ok(found.map(|found| found.object.sha))
    }

    /// The pull request as it is now. `tip` is its branch's.
    pub(super) async fn now(&self, pull: &PullShape, tip: Option<&str>, folder: &str) -> Result<PullNow, Failure> {
        // The branch is ahead of what GitHub knows of the pull request, for a moment after each push.
        let head = tip.filter(|_| pull.is_open()).unwrap_or(&pull.head.sha).to_owned();
        let decidable = pull.is_merged() || (pull.is_open() && tip.is_some());
        let (commit, reviews, status) = tokio::try_join!(
            self.content(pull, &head, folder),
            async { if decidable { self.reviews(pull.number).await } else { Ok(Vec::new()) } },
            self.status_of(pull, tip),
        )?;
        let Content { head_by, digest, changed_files, strange_files } = commit;
        let pull = Pull { number: pull.number, url: pull.html_url.clone(), head: sha(&head, &PULL)?, content: digest };
        Ok(PullNow { pull, status, head_by, changed_files, strange_files, reviews })
    }

    async fn status_of(&self, pull: &PullShape, tip: Option<&str>) -> Result<PullStatus, Failure> {
        if pull.is_merged() {
            let commit = pull.merge_commit_sha.as_deref().unwrap_or(&pull.head.sha);
            return Ok(PullStatus::Merged { commit: sha(commit, &PULL)? });
        }
        if pull.is_open() && tip.is_some() {
            return Ok(PullStatus::Open);
        }
        if pull.is_open() {
            // Its branch was deleted; GitHub closes it in a moment.
            return Ok(PullStatus::Closed { by: SOMEBODY.to_owned() });
        }
        let issue: Option<Issue> = self.api.find(&CLOSER, &format!("issues/{}", pull.number)).await?;
        let by = issue.and_then(|issue| issue.closed_by).map(|user| names::shown(&user.login));
        Ok(PullStatus::Closed { by: by.unwrap_or_else(|| SOMEBODY.to_owned()) })
    }

    /// What a head holds.
    async fn content(&self, pull: &PullShape, head: &str, folder: &str) -> Result<Content, Failure> {
        let mut objects = self.repository();
        let ((commit, head_by), base) = tokio::try_join!(objects.commit_and_who(head), self.base_of(pull, head))?;
        let base_tree = match &base {
            Some(base) => Some(objects.commit(base).await?.tree),
            None => None,
        };
        let digest = objects.digest(&commit.tree, folder).await?;
        let strange_files = strange_files(&mut objects, base_tree.as_deref(), &commit.tree, folder).await?;
        let wrote = Note::of(pull.body.as_deref()).map(|note| note.head);
        let changed_files = if wrote.as_deref() == Some(head) {
            0
        } else {
            let written = match wrote {
                Some(wrote) => match objects.commit(&wrote).await {
                    Ok(commit) => Some(commit.tree),
                    // Whoever edits the body may write any id there.
                    Err(failure) if failure.refused().is_some() => base_tree,
                    Err(failure) => return Err(failure),
                },
                None => base_tree,
            };
            match written {
                Some(written) => changed_files(&mut objects, &written, &commit.tree, folder).await?,
                None => 0,
            }
        };
        Ok(Content { head_by, digest, changed_files, strange_files })
    }

    /// The commit that a pull request's head was made upon.
    async fn base_of(&self, pull: &PullShape, head: &str) -> Result<Option<String>, Failure> {
        let objects = self.repository();
        match pull.merge_commit_sha.as_deref().filter(|_| pull.is_merged()) {
            // The base branch holds the head by now, so what counts is the base before the merge.
            Some(merge) => match objects.commit(merge).await?.parents.first() {
                Some(before) => objects.merge_base(before, head).await,
                None => Ok(None),
            },
            None => objects.merge_base(&self.base, head).await,
        }
    }

    /// Of each person the latest review that counts, oldest first.
    async fn reviews(&self, number: u64) -> Result<Vec<PullReview>, Failure> {
        let all: Vec<ReviewShape> = self.api.list(&REVIEWS, &format!("pulls/{number}/reviews?per_page=100")).await?;
        Ok(latest(all))
    }
}

/// What a head holds.
struct Content {
    head_by: String,
    digest: crate::lifecycle::ContentDigest,
    changed_files: u32,
    strange_files: u32,
}

/// Of each person the latest review that counts: a comment alone takes nothing back.
fn latest(all: Vec<ReviewShape>) -> Vec<PullReview> {
    let mut last: BTreeMap<String, PullReview> = BTreeMap::new();
    for review in all {
        let verdict = match review.state.to_ascii_uppercase().as_str() {
            "APPROVED" => Verdict::Approved,
            "CHANGES_REQUESTED" => Verdict::Refused,
            "DISMISSED" => Verdict::Dismissed,
            _ => continue,
        };
        let (Some(by), Some(at)) = (review.user, review.submitted_at) else { continue };
        let Some(head) = review.commit_id.and_then(|id| id.parse().ok()) else { continue };
        let words = review.body.unwrap_or_default().chars().take(WORDS_MAX).collect();
        let said = PullReview { id: review.id.to_string(), by: by.login.clone(), verdict, head, at, words };
        let key = by.login.to_lowercase();
        let newer = last.get(&key).is_none_or(|known| (known.at, known.id.parse().unwrap_or(0)) <= (at, review.id));
        if newer {
            last.insert(key, said);
        }
    }
    let mut reviews: Vec<_> = last.into_values().collect();
    reviews.sort_by(|a, b| (a.at, &a.by).cmp(&(b.at, &b.by)));
    reviews
}

/// A commit's id, as GitHub gave it.
pub(super) fn sha(id: &str, endpoint: &'static Endpoint) -> Result<HeadSha, Failure> {
    let strange = |_| Failure::Strange { endpoint, write: false, what: format!("no commit's id: {id:?}") };
    id.parse().map_err(strange)
}

#[cfg(test)]
mod tests {
    use super::*;

    const HEAD: &str = "0123456789012345678901234567890123456789";

    fn review(id: u64, by: &str, state: &str, minute: u64) -> serde_json::Value {
        serde_json::json!({
            "id": id, "user": { "login": by }, "state": state, "commit_id": HEAD, "body": "words",
            "submitted_at": format!("2026-11-22T10:{minute:02}:00Z"), "a_new_field": true,
        })
    }

    #[test]
    fn of_each_person_the_latest_word_counts() {
        let all = serde_json::json!([
            review(1, "bob-b", "APPROVED", 1),
            review(2, "ccziz", "CHANGES_REQUESTED", 2),
            review(3, "bob-b", "COMMENTED", 3),
            review(4, "Ccziz", "APPROVED", 4),
            review(5, "dave", "PENDING", 5),
            review(6, "erin", "DISMISSED", 0),
            { "id": 7, "user": null, "state": "APPROVED", "commit_id": HEAD, "submitted_at": "2026-11-22T10:09:00Z" },
            { "id": 8, "user": { "login": "frank" }, "state": "APPROVED", "commit_id": null, "submitted_at": "2026-11-22T10:09:00Z" },
        ]);
        let reviews = latest(serde_json::from_value(all).expect("reviews"));
        let short: Vec<_> = reviews.iter().map(|r| (r.id.as_str(), r.by.as_str(), r.verdict)).collect();
        assert_eq!(
            short,
            [("6", "erin", Verdict::Dismissed), ("1", "bob-b", Verdict::Approved), ("4", "Ccziz", Verdict::Approved)]
        );
    }

    #[test]
    fn the_note_is_read_back_and_a_forged_one_is_none() {
        let body = Note::with("Hello\n<!-- kaas:form {} -->\n", HEAD, "clusters/a");
        assert_eq!(body, format!("Hello\n<!-- kaas:form {{}} -->\n<!-- kaas:wrote {HEAD} clusters/a -->\n"));
        let note = Note { head: HEAD.to_owned(), folder: "clusters/a".to_owned() };
        assert_eq!(Note::of(Some(&body)), Some(note));
        for forged in [
            "".to_owned(),
            format!("\n<!-- kaas:wrote {HEAD} ../etc -->"),
            "\n<!-- kaas:wrote main clusters/a -->".to_owned(),
            format!("\n<!-- kaas:wrote {HEAD} clusters/a"),
        ] {
            assert_eq!(Note::of(Some(&forged)), None, "{forged}");
        }
    }
}
