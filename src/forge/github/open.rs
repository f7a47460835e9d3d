//! Opening a pull request, or writing its branch again: look, decide, write; whatever is uncertain or overtaken is looked at once more.

use http::Method;
use serde_json::{Value, json};

use super::GitHub;
use super::failure::{Endpoint, Failure};
use super::look::{Note, PULL, View, sha};
use super::rounds::Round;
use super::shapes::PullShape;
use crate::forge::content::strange_files;
use crate::forge::names;
use crate::lifecycle::{ContentDigest, Pull};
use crate::ports::{Answer, Call, NewPull, PullStatus};
use crate::render::module::{RenderedFile, content_digest};

/// How often all is looked at before it is left to a later attempt.
const ROUNDS: u32 = 5;

const CREATE: Endpoint = Endpoint { name: "pulls/create", does: "open pull requests", needs: "pull_requests=write" };
pub(super) const EDIT: Endpoint =
    Endpoint { name: "pulls/edit", does: "edit pull requests", needs: "pull_requests=write" };
const CREATE_REF: Endpoint = Endpoint { name: "git/ref/create", does: "make branches", needs: "contents=write" };
const MOVE_REF: Endpoint = Endpoint { name: "git/ref/update", does: "write branches", needs: "contents=write" };

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
        let files = files.as_slice();
        self.in_rounds(call, ROUNDS, |round| self.open_once(new, files, call.attempt == 1 && round == 0)).await
    }

    async fn open_once(&self, new: &NewPull, files: &[File<'_>], is_first: bool) -> Answer<Round<Pull>> {
        Ok(match Round::of(self.opened(new, files, is_first).await)? {
            Round::Over(Some(pull)) => Round::Over(pull),
            Round::Over(None) => Round::Again(None),
            Round::Again(failure) => Round::Again(failure),
        })
    }

    /// The pull request, or `None` if the world moved meanwhile. At the very first nothing is there, most likely: the commit is written while kaas looks,
    /// and one that turns out not to be needed is on no branch and in nobody's way.
    async fn opened(&self, new: &NewPull, files: &[File<'_>], is_first: bool) -> Result<Option<Pull>, Failure> {
        let whole = files.iter().map(|(path, content)| {
            let path = format!("{}/{path}", new.folder);
            RenderedFile { path, content: (*content).to_owned() }
        });
        let content = content_digest(&whole.collect::<Vec<_>>());
        let (view, written) = if is_first {
            let (view, written) = tokio::join!(self.view(&new.branch), self.write_commit(new, files));
            (view?, Some(written))
        } else {
            (self.view(&new.branch).await?, None)
        };
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
            let base = self.recent_base_tip().await?;
            let exactly = self.holds_exactly(&base, head, &new.folder, &content).await?;
            kept = exactly.then(|| head.clone());
        }
        let head = match (kept, written) {
            (Some(head), _) => head,
            (None, Some(written)) => written?,
            (None, None) => self.write_commit(new, files).await?,
        };
        self.set_branch(&new.branch, branch.as_deref(), &head).await?;
        let body = Note::with(&new.body, &head, &new.folder);
        let pull = match goes_on {
            Some(pull) => self.edited(pull, &new.title, &body).await?,
            None => {
                let text = json!({ "title": new.title, "head": new.branch, "base": self.base, "body": body });
                let pull: PullShape = self.api.write(&CREATE, Method::POST, "pulls", &text).await?;
                if pull.head.sha != head {
                    return Ok(None);
                }
                pull
            }
        };
        Ok(Some(Pull { number: pull.number, url: pull.html_url, head: sha(&head, &PULL)?, content }))
    }

    /// Writes the commit that is wanted upon the base branch.
    async fn write_commit(&self, new: &NewPull, files: &[File<'_>]) -> Result<String, Failure> {
        let repository = self.repository();
        let Some(base) = self.branch_of_base.recent(self.clock.now()) else {
            // The folder does not depend on what it is put upon.
            let (base, folder) = tokio::try_join!(self.recent_base_tip(), repository.write_folder(files))?;
            return repository.write_upon(&base, &new.folder, files, folder, &new.commit).await;
        };
        let folder = match repository.knows_below(&base, &new.folder) {
            true => None,
            false => repository.write_folder(files).await?,
        };
        repository.write_upon(&base, &new.folder, files, folder, &new.commit).await
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
}
