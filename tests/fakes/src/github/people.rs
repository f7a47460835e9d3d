//! What people do by hand, under the same rules as over REST, and what there is to read back.

use std::path::Path;

use anyhow::{Context as _, bail};
use serde_json::{Value, json};

use super::ask::{Ask, parts};
use super::auth::{Actor, Level, Rank};
use super::world::{Protection, World};
use super::{FakeGitHub, route};
use crate::wire::pairs;

impl World {
    /// The first commit of `main`.
    pub(super) fn seed(&mut self, files: &[(String, Vec<u8>)]) -> anyhow::Result<()> {
        let mut entries = Vec::new();
        for (path, content) in files {
            entries.push(("100644".to_owned(), Some(self.git.write_blob(content)?), path.clone()));
        }
        let tree = self.git.write_tree(None, &entries)?;
        let who = self.signature(&self.owner);
        let sha = self.git.write_commit(&tree, &[], "Begin", &who, &who)?;
        self.git.set_ref("refs/heads/main", &sha, "")?;
        self.refs = self.git.refs()?;
        Ok(())
    }

    fn act(&mut self, login: &str, method: &str, path: &str, body: Value) -> anyhow::Result<Value> {
        let (path, query) = path.split_once('?').unwrap_or((path, ""));
        let path = format!("/repos/{}{path}", self.full_name());
        let ask = Ask {
            method: method.to_owned(),
            parts: parts(&path),
            numbered_path: path,
            query: pairs(query),
            body,
            actor: Actor::Person(login.to_owned()),
            api_url: self.api_url.clone(),
        };
        match route::route(self, &ask, None) {
            Ok(answer) => Ok(answer.body.unwrap_or(Value::Null)),
            Err(refusal) => bail!("GitHub answers {}: {}", refusal.status, refusal.words()),
        }
    }
}

/// Every method answers with GitHub's refusal where the person may not.
impl FakeGitHub {
    /// Does as `login` what REST does: a path within the repository (`/pulls/1`).
    ///
    /// # Errors
    /// GitHub's refusal.
    pub fn act(&self, login: &str, method: &str, path: &str, body: Value) -> anyhow::Result<Value> {
        self.world().act(login, method, path, body)
    }

    /// Pushes one file to a branch (made from `main` where it is not there); without content the file goes. Answers the new head.
    ///
    /// # Errors
    /// Where the person may not push, or the branch is protected.
    pub fn push(&self, login: &str, branch: &str, path: &str, content: Option<&str>) -> anyhow::Result<String> {
        let mut world = self.world();
        let actor = Actor::Person(login.to_owned());
        if let Err(refusal) = world.allow(&actor, &["contents"], Level::Write, Rank::Write) {
            bail!("GitHub answers {}: {}", refusal.status, refusal.words());
        }
        if world.closed_to(login).iter().any(|closed| closed == branch) {
            bail!("GH006: Protected branch update failed for refs/heads/{branch}.");
        }
        let old = world.branch(branch);
        let from = old.clone().or_else(|| world.branch("main")).context("a branch to begin from")?;
        let blob = content.map(|content| world.git.write_blob(content.as_bytes())).transpose()?;
        let base = world.git.commit(&from)?.tree;
        let tree = world.git.write_tree(Some(&base), &[("100644".to_owned(), blob, path.to_owned())])?;
        let who = world.signature(login);
        let message = format!("{} {path}", if content.is_some() { "Write" } else { "Remove" });
        let sha = world.git.write_commit(&tree, &[from], &message, &who, &who)?;
        world.git.set_ref(&format!("refs/heads/{branch}"), &sha, old.as_deref().unwrap_or_default())?;
        world.observe(login);
        Ok(sha)
    }

    /// Opens a pull request from a branch to `main`. Answers its number.
    ///
    /// # Errors
    /// GitHub's refusal.
    pub fn open_pull(&self, login: &str, branch: &str, title: &str) -> anyhow::Result<u64> {
        let pull = self.act(login, "POST", "/pulls", json!({"title": title, "head": branch, "base": "main"}))?;
        pull["number"].as_u64().context("a number")
    }

    /// Closes a pull request.
    ///
    /// # Errors
    /// GitHub's refusal.
    pub fn close_pull(&self, login: &str, number: u64) -> anyhow::Result<Value> {
        self.act(login, "PATCH", &format!("/pulls/{number}"), json!({"state": "closed"}))
    }

    /// Opens a closed pull request again.
    ///
    /// # Errors
    /// GitHub's refusal: merged, or its branch is gone.
    pub fn reopen_pull(&self, login: &str, number: u64) -> anyhow::Result<Value> {
        self.act(login, "PATCH", &format!("/pulls/{number}"), json!({"state": "open"}))
    }

    /// Merges a pull request by hand. Answers the merge commit.
    ///
    /// # Errors
    /// GitHub's refusal: not mergeable, or the branch's rules.
    pub fn merge_pull(&self, login: &str, number: u64) -> anyhow::Result<String> {
        let merged = self.act(login, "PUT", &format!("/pulls/{number}/merge"), json!({}))?;
        Ok(merged["sha"].as_str().context("a commit")?.to_owned())
    }

    /// Reviews: `APPROVE`, `REQUEST_CHANGES`, `COMMENT`. Answers the review's id.
    ///
    /// # Errors
    /// GitHub's refusal: one's own pull request, no words where words are needed.
    pub fn review(&self, login: &str, number: u64, event: &str, body: &str) -> anyhow::Result<u64> {
        let review =
            self.act(login, "POST", &format!("/pulls/{number}/reviews"), json!({"event": event, "body": body}))?;
        review["id"].as_u64().context("an id")
    }

    /// Dismisses a review.
    ///
    /// # Errors
    /// GitHub's refusal.
    pub fn dismiss(&self, login: &str, number: u64, review: u64, message: &str) -> anyhow::Result<Value> {
        let path = format!("/pulls/{number}/reviews/{review}/dismissals");
        self.act(login, "PUT", &path, json!({"message": message}))
    }

    /// Comments. Answers the comment's id.
    ///
    /// # Errors
    /// GitHub's refusal.
    pub fn comment(&self, login: &str, number: u64, body: &str) -> anyhow::Result<u64> {
        let comment = self.act(login, "POST", &format!("/issues/{number}/comments"), json!({"body": body}))?;
        comment["id"].as_u64().context("an id")
    }

    /// Deletes a branch; the pull requests from it close.
    ///
    /// # Errors
    /// GitHub's refusal.
    pub fn delete_branch(&self, login: &str, branch: &str) -> anyhow::Result<Value> {
        self.act(login, "DELETE", &format!("/git/refs/heads/{branch}"), json!({}))
    }

    /// Protects a branch, or with `None` no longer.
    pub fn protect(&self, branch: &str, rules: Option<Protection>) {
        let mut world = self.world();
        match rules {
            Some(rules) => world.protections.insert(branch.to_owned(), rules),
            None => world.protections.remove(branch),
        };
    }

    /// The commit that a branch is at.
    pub fn head(&self, branch: &str) -> Option<String> {
        self.world().branch(branch)
    }

    /// Every branch.
    pub fn branches(&self) -> Vec<String> {
        let world = self.world();
        world.refs.keys().filter_map(|name| name.strip_prefix("refs/heads/")).map(str::to_owned).collect()
    }

    /// A file of a branch.
    pub fn file(&self, branch: &str, path: &str) -> Option<String> {
        let world = self.world();
        let tree = world.git.commit(&world.branch(branch)?).ok()?.tree;
        let entry = world.git.entries(&tree, true).ok()?.into_iter().find(|entry| entry.path == path)?;
        String::from_utf8(world.git.read_blob(&entry.sha).ok()?).ok()
    }

    /// The subjects of a branch's commits, newest first.
    pub fn log(&self, branch: &str) -> Vec<String> {
        let world = self.world();
        let Some(head) = world.branch(branch) else { return Vec::new() };
        let subject = |sha: &String| {
            let commit = world.git.commit(sha).ok()?;
            Some(commit.message.lines().next().unwrap_or_default().to_owned())
        };
        world.git.log(&head, None).unwrap_or_default().iter().filter_map(subject).collect()
    }

    /// Every pull request with everything at it: comments, reviews, statuses and checks of its head.
    pub fn pulls(&self) -> Vec<Value> {
        let world = self.world();
        let with_all = |pull: &super::world::Pull| {
            let mut shown = world.pull_full(pull);
            let number = pull.number;
            shown["comment_list"] = pull.comments.iter().map(|comment| world.comment(number, comment)).collect();
            shown["review_list"] = pull.reviews.iter().map(|review| world.review(number, review)).collect();
            let statuses = world.statuses.iter().filter(|status| status.sha == pull.head_sha);
            shown["status_list"] = statuses.map(|status| world.status(status)).collect();
            let checks = world.checks.iter().filter(|run| run.sha == pull.head_sha);
            shown["check_list"] = checks.map(|run| world.check_run(run)).collect();
            shown["label_names"] = json!(pull.labels);
            shown
        };
        world.pulls.values().map(with_all).collect()
    }

    /// The folder of the bare repository, for those who look for themselves.
    pub fn bare(&self) -> std::path::PathBuf {
        self.world().git.dir().to_owned()
    }
}

/// The files below a folder, without `.git`.
pub(super) fn files_under(folder: &Path) -> anyhow::Result<Vec<(String, Vec<u8>)>> {
    let mut found = Vec::new();
    let mut open = vec![folder.to_owned()];
    while let Some(at) = open.pop() {
        for entry in std::fs::read_dir(&at).with_context(|| format!("the seed {}", at.display()))? {
            let path = entry?.path();
            if path.file_name().is_some_and(|name| name == ".git") {
                continue;
            }
            if path.is_dir() {
                open.push(path);
            } else {
                let name = path.strip_prefix(folder)?.to_string_lossy().into_owned();
                found.push((name, std::fs::read(&path)?));
            }
        }
    }
    found.sort();
    Ok(found)
}
