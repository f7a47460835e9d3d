//! Opening a pull request, or writing its branch again: look, decide, write; whatever is uncertain or overtaken is looked at once more.

use http::Method;
use serde_json::{Value, json};

use super::GitHub;
use super::failure::{Endpoint, Failure};
use super::look::{Note, PULL, View, sha};
use super::shapes::PullShape;
use crate::forge::content::strange_files;
use crate::forge::names;
use crate::lifecycle::{ContentDigest, Pull};
use crate::ports::{Answer, Call, NewPull, PullStatus, Trouble};
use crate::render::module::{RenderedFile, content_digest};

/// How often all is looked at before it is left to a later attempt.
const ROUNDS: u32 = 5;

const CREATE: Endpoint = Endpoint { name: "pulls/create", does: "open pull requests", needs: "pull_requests=write" };
pub(super) const EDIT: Endpoint =
    Endpoint { name: "pulls/edit", does: "edit pull requests", needs: "pull_requests=write" };
const CREATE_REF: Endpoint = Endpoint { name: "git/ref/create", does: "make branches", needs: "contents=write" };
const MOVE_REF: Endpoint = Endpoint { name: "git/ref/update", does: "write branches", needs: "contents=write" };
const LABEL: Endpoint = Endpoint { name: "issues/labels", does: "label pull requests", needs: "pull_requests=write" };
const REVIEWERS: Endpoint = Endpoint { name: "pulls/reviewers", does: "ask for reviews", needs: "pull_requests=write" };

/// A file of the cluster's folder: its path below it, and its content.
type File<'a> = (&'a str, &'a str);

impl GitHub {
    pub(super) async fn write_open(&self, call: &Call, new: &NewPull) -> Answer<Pull> {
        self.branch(&new.branch)?;
        names::folder(&new.folder)?;
        let mut files: Vec<File<'_>> = Vec::new();
        for file in &new.files {
            let path = names::file(&file.path, &new.folder)?;
            files.extend(file.content.as_deref().map(|content| (path, content)));
        }
        let mut last = None;
        for round in 0..ROUNDS {
            self.pause(call, round).await?;
            match self.open_once(call, new, &files).await {
                Ok(Some(pull)) => return Ok(pull),
                Ok(None) => {}
                Err(failure) if failure.is_uncertain() || failure.is_overtaken() => last = Some(failure),
                Err(failure) => return Err(failure.into()),
            }
        }
        Err(busy(last))
    }

    /// One round; `None` if the world moved meanwhile.
    async fn open_once(&self, call: &Call, new: &NewPull, files: &[File<'_>]) -> Result<Option<Pull>, Failure> {
        let whole = files.iter().map(|(path, content)| {
            let path = format!("{}/{path}", new.folder);
            RenderedFile { path, content: (*content).to_owned() }
        });
        let content = content_digest(&whole.collect::<Vec<_>>());
        let (view, base) = tokio::try_join!(self.view(&new.branch), self.base_tip())?;
        let View { branch, pull: known } = view;
        // The head that may stay, and the pull request that goes on.
        let (mut kept, mut goes_on) = (None, None);
        if let Some(pull) = known {
            let now = self.now(&pull, branch.as_deref(), &new.folder).await?;
            let same = now.pull.content == content;
            match now.status {
                PullStatus::Merged { .. } if same => return Ok(Some(now.pull)),
                PullStatus::Open => {
                    kept = (same && now.strange_files == 0).then(|| now.pull.head.to_string());
                    goes_on = Some(pull);
                }
                PullStatus::Merged { .. } | PullStatus::Closed { .. } => {}
            }
        } else if let Some(head) = &branch {
            // A branch without a pull request: an earlier attempt ended here, or somebody made it.
            let exactly = self.holds_exactly(&base, head, &new.folder, &content).await?;
            kept = exactly.then(|| head.clone());
        }
        let head = match kept {
            Some(head) => head,
            None => self.repository().write(&base, &new.folder, files, &new.commit).await?,
        };
        self.set_branch(&new.branch, branch.as_deref(), &head).await?;
        let body = Note::with(&new.body, &head, &new.folder);
        let (pull, made) = match goes_on {
            Some(pull) => (self.edited(pull, &new.title, &body).await?, false),
            None => {
                let text = json!({ "title": new.title, "head": new.branch, "base": self.base, "body": body });
                let pull: PullShape = self.api.write(&CREATE, Method::POST, "pulls", &text).await?;
                if pull.head.sha != head {
                    return Ok(None);
                }
                (pull, true)
            }
        };
        if made || call.attempt > 1 {
            tokio::join!(self.label(&pull), self.ask_for_reviews(&pull));
        }
        Ok(Some(Pull { number: pull.number, url: pull.html_url, head: sha(&head, &PULL)?, content }))
    }

    /// Whether a head holds what is wanted and nothing else differs.
    async fn holds_exactly(
        &self,
        base: &str,
        head: &str,
        folder: &str,
        content: &ContentDigest,
    ) -> Result<bool, Failure> {
        let mut objects = self.repository();
        let common = objects.merge_base(base, head).await?;
        let Some(common) = common.filter(|common| common != head) else { return Ok(false) };
        let (tree, before) = (objects.commit(head).await?.tree, objects.commit(&common).await?.tree);
        let strange = strange_files(&mut objects, Some(&before), &tree, folder).await?;
        Ok(strange == 0 && objects.digest(&tree, folder).await? == *content)
    }

    /// Makes the branch, or sets it: whatever somebody else pushed there is not what was asked for.
    async fn set_branch(&self, branch: &str, now: Option<&str>, head: &str) -> Result<(), Failure> {
        match now {
            Some(now) if now == head => Ok(()),
            Some(_) => {
                let body = json!({ "sha": head, "force": true });
                self.api.write::<Value>(&MOVE_REF, Method::PATCH, &format!("git/refs/heads/{branch}"), &body).await?;
                Ok(())
            }
            None => {
                let body = json!({ "ref": format!("refs/heads/{branch}"), "sha": head });
                self.api.write::<Value>(&CREATE_REF, Method::POST, "git/refs", &body).await?;
                Ok(())
            }
        }
    }

    /// The pull request with this title and body.
    async fn edited(&self, pull: PullShape, title: &str, body: &str) -> Result<PullShape, Failure> {
        let same_body = pull.body.as_deref().is_some_and(|now| now.replace("\r\n", "\n").trim_end() == body.trim_end());
        if pull.title == title && same_body {
            return Ok(pull);
        }
        let text = json!({ "title": title, "body": body });
        self.api.write(&EDIT, Method::PATCH, &format!("pulls/{}", pull.number), &text).await
    }

    /// Labels the pull request, as well as it goes: a label is no reason to stop.
    async fn label(&self, pull: &PullShape) {
        let missing = |label: &&String| pull.labels.iter().all(|known| !known.name.eq_ignore_ascii_case(label));
        let labels: Vec<_> = self.labels.iter().filter(missing).collect();
        if labels.is_empty() {
            return;
        }
        let path = format!("issues/{}/labels", pull.number);
        if let Err(failure) = self.api.write::<Value>(&LABEL, Method::POST, &path, &json!({ "labels": labels })).await {
            tracing::warn!(pull = pull.number, github.failure = %failure, "a pull request could not be labelled");
        }
    }

    /// Asks for reviews, as well as it goes. GitHub refuses all where one cannot be asked, so each is asked then.
    async fn ask_for_reviews(&self, pull: &PullShape) {
        if self.reviewers.is_empty() {
            return;
        }
        let path = format!("pulls/{}/requested_reviewers", pull.number);
        let all: Vec<&str> = self.reviewers.iter().map(String::as_str).collect();
        match self.api.write::<Value>(&REVIEWERS, Method::POST, &path, &asked(&all)).await {
            Ok(_) => {}
            Err(failure) if all.len() > 1 && matches!(failure.refused(), Some((422, _))) => {
                for one in &all {
                    if let Err(failure) = self.api.write::<Value>(&REVIEWERS, Method::POST, &path, &asked(&[one])).await
                    {
                        tracing::warn!(pull = pull.number, reviewer = one, github.failure = %failure, "a review could not be asked for");
                    }
                }
            }
            Err(failure) => {
                tracing::warn!(pull = pull.number, github.failure = %failure, "reviews could not be asked for");
            }
        }
    }
}

/// Logins, and teams as `org/team`, as GitHub takes them.
fn asked(reviewers: &[&str]) -> Value {
    let (teams, people): (Vec<&str>, Vec<&str>) = reviewers.iter().copied().partition(|name| name.contains('/'));
    let teams: Vec<_> = teams.iter().filter_map(|team| team.rsplit('/').next()).collect();
    json!({ "reviewers": people, "team_reviewers": teams })
}

/// What several rounds could not do.
pub(super) fn busy(last: Option<Failure>) -> Trouble {
    match last {
        Some(failure) if !failure.is_overtaken() => failure.into(),
        last => Trouble::Passing {
            line: "GitHub does not keep up, or somebody else writes the same branch".to_owned(),
            wait: None,
            source: last.map(Into::into),
        },
    }
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn teams_and_people_are_asked_apart() {
        assert_eq!(
            asked(&["bob-b", "acme/platform", "ccziz"]),
            json!({ "reviewers": ["bob-b", "ccziz"], "team_reviewers": ["platform"] })
        );
    }
}
