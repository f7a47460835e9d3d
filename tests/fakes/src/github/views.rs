//! How things look in JSON. REST and webhooks show the same things, with a few differences that are GitHub's own.

use serde_json::{Value, json};

use super::auth::Rank;
use super::git::{Changed, Commit, Signature};
use super::world::{CheckRun, Comment, Pull, REPOSITORY_ID, Review, Status, World};

/// An opaque id, as the GraphQL side would name the thing.
pub(super) fn node(kind: &str, id: impl std::fmt::Display) -> String {
    format!("{kind}_{id}")
}

fn git_signature(signature: &Signature) -> Value {
    json!({"name": signature.name, "email": signature.email, "date": super::clock::stamp(signature.at)})
}

impl World {
    pub(super) fn user(&self, login: &str) -> Value {
        let (id, is_bot) = self.users.get(login).map_or((1, false), |user| (user.id, user.is_bot));
        let kind = if login == self.owner {
            "Organization"
        } else if is_bot {
            "Bot"
        } else {
            "User"
        };
        let path = super::ask::encode(login);
        let url = format!("{}/users/{path}", self.api_url);
        json!({
            "login": login, "id": id, "node_id": node("U", id), "avatar_url": format!("{}/avatars/u/{id}", self.web_url),
            "gravatar_id": "", "url": url, "html_url": format!("{}/{path}", self.web_url),
            "followers_url": format!("{url}/followers"), "following_url": format!("{url}/following"),
            "gists_url": format!("{url}/gists"), "starred_url": format!("{url}/starred"),
            "subscriptions_url": format!("{url}/subscriptions"), "organizations_url": format!("{url}/orgs"),
            "repos_url": format!("{url}/repos"), "events_url": format!("{url}/events"),
            "received_events_url": format!("{url}/received_events"), "type": kind, "site_admin": false,
        })
    }

    pub(super) fn repo_url(&self) -> String {
        format!("{}/repos/{}", self.api_url, self.full_name())
    }

    pub(super) fn repo_page(&self) -> String {
        format!("{}/{}", self.web_url, self.full_name())
    }

    pub(super) fn repository(&self) -> Value {
        let (url, page) = (self.repo_url(), self.repo_page());
        json!({
            "id": REPOSITORY_ID, "node_id": node("R", REPOSITORY_ID), "name": self.name, "full_name": self.full_name(),
            "private": self.private, "owner": self.user(&self.owner), "html_url": page, "description": "Clusters as code",
            "fork": false, "url": url, "pulls_url": format!("{url}/pulls{{/number}}"), "default_branch": "main",
            "clone_url": format!("{page}.git"), "git_url": format!("git:{}.git", page.trim_start_matches("http:")),
            "ssh_url": format!("git@127.0.0.1:{}.git", self.full_name()), "archived": false, "disabled": false,
            "visibility": if self.private { "private" } else { "public" }, "has_issues": true, "open_issues_count": 0,
            "created_at": "2026-01-01T00:00:00Z", "updated_at": "2026-01-01T00:00:00Z", "pushed_at": "2026-01-01T00:00:00Z",
        })
    }

    /// What somebody may in the repository.
    pub(super) fn permissions_of(rank: Rank) -> Value {
        json!({
            "admin": rank >= Rank::Admin, "maintain": rank >= Rank::Maintain, "push": rank >= Rank::Write,
            "triage": rank >= Rank::Triage, "pull": rank >= Rank::Read,
        })
    }

    fn end(&self, branch: &str, sha: &str) -> Value {
        json!({
            "label": format!("{}:{branch}", self.owner), "ref": branch, "sha": sha,
            "user": self.user(&self.owner), "repo": self.repository(),
        })
    }

    pub(super) fn label(&self, name: &str) -> Value {
        let color = self.labels.get(name).cloned().unwrap_or_else(|| "ededed".to_owned());
        let id = 9_000 + self.labels.keys().position(|label| label == name).unwrap_or_default();
        json!({
            "id": id, "node_id": node("LA", id), "url": format!("{}/labels/{}", self.repo_url(), super::ask::encode(name)),
            "name": name, "color": color, "default": false, "description": null,
        })
    }

    /// A pull request as lists show it: without `merged`, `mergeable` and the counts.
    pub(super) fn pull_brief(&self, pull: &Pull) -> Value {
        let (url, page) = (self.repo_url(), self.repo_page());
        let number = pull.number;
        let (own, issue) = (format!("{url}/pulls/{number}"), format!("{url}/issues/{number}"));
        let html = format!("{page}/pull/{number}");
        let links = json!({
            "self": {"href": own}, "html": {"href": html}, "issue": {"href": issue},
            "comments": {"href": format!("{issue}/comments")}, "commits": {"href": format!("{own}/commits")},
            "review_comments": {"href": format!("{own}/comments")},
            "statuses": {"href": format!("{url}/statuses/{}", pull.head_sha)},
        });
        json!({
            "_links": links, "url": own, "id": pull.id, "node_id": node("PR", pull.id), "html_url": html,
            "diff_url": format!("{html}.diff"), "patch_url": format!("{html}.patch"), "issue_url": issue,
            "number": number, "state": if pull.open { "open" } else { "closed" }, "locked": false, "title": pull.title,
            "user": self.user(&pull.by), "body": pull.body, "created_at": pull.created, "updated_at": pull.updated,
            "closed_at": pull.closed, "merged_at": pull.merged.as_ref().map(|merge| &merge.at),
            "merge_commit_sha": pull.merged.as_ref().map(|merge| &merge.sha), "assignee": null, "assignees": [],
            "requested_reviewers": pull.reviewers.iter().map(|login| self.user(login)).collect::<Vec<_>>(),
            "requested_teams": pull.teams.iter().map(|slug| json!({"slug": slug, "name": slug})).collect::<Vec<_>>(),
            "labels": pull.labels.iter().map(|name| self.label(name)).collect::<Vec<_>>(), "milestone": null,
            "draft": pull.draft, "commits_url": format!("{own}/commits"), "review_comments_url": format!("{own}/comments"),
            "comments_url": format!("{issue}/comments"), "statuses_url": format!("{url}/statuses/{}", pull.head_sha),
            "head": self.end(&pull.head, &pull.head_sha), "base": self.end(&pull.base, &pull.base_sha),
            "author_association": "MEMBER", "auto_merge": null, "active_lock_reason": null,
        })
    }

    /// A pull request as it is shown alone and in webhooks.
    pub(super) fn pull_full(&self, pull: &Pull) -> Value {
        let mut shown = self.pull_brief(pull);
        let mergeable = (pull.open && pull.looked_at).then(|| self.is_mergeable(pull));
        let files = self.pull_files(pull).unwrap_or_default();
        shown["merged"] = json!(pull.merged.is_some());
        shown["mergeable"] = json!(mergeable);
        shown["rebaseable"] = json!(mergeable);
        shown["mergeable_state"] = json!(match mergeable {
            None => "unknown",
            Some(true) => "clean",
            Some(false) => "dirty",
        });
        shown["merged_by"] = pull.merged.as_ref().map_or(Value::Null, |merge| self.user(&merge.by));
        shown["comments"] = json!(pull.comments.len());
        shown["review_comments"] = json!(0);
        shown["maintainer_can_modify"] = json!(false);
        shown["commits"] = json!(self.git.between(&pull.base_sha, &pull.head_sha).map_or(0, |list| list.len()));
        shown["additions"] = json!(files.iter().map(|file| file.additions).sum::<u64>());
        shown["deletions"] = json!(files.iter().map(|file| file.deletions).sum::<u64>());
        shown["changed_files"] = json!(files.len());
        shown
    }

    pub(super) fn is_mergeable(&self, pull: &Pull) -> bool {
        self.branch(&pull.base).is_some_and(|base| self.git.merge(&base, &pull.head_sha).is_some())
    }

    /// The files of a pull request: what its head has done since it left its base.
    pub(super) fn pull_files(&self, pull: &Pull) -> Option<Vec<Changed>> {
        let from = self.git.merge_base(&pull.base_sha, &pull.head_sha)?;
        self.git.diff(&from, &pull.head_sha).ok()
    }

    pub(super) fn file(&self, file: &Changed, at: &str) -> Value {
        let (url, page) = (self.repo_url(), self.repo_page());
        let mut shown = json!({
            "sha": file.sha, "filename": file.path, "status": file.status, "additions": file.additions,
            "deletions": file.deletions, "changes": file.additions + file.deletions,
            "blob_url": format!("{page}/blob/{at}/{}", file.path), "raw_url": format!("{page}/raw/{at}/{}", file.path),
            "contents_url": format!("{url}/contents/{}?ref={at}", file.path),
        });
        if let Some(before) = &file.before {
            shown["previous_filename"] = json!(before);
        }
        shown
    }

    pub(super) fn git_commit(&self, commit: &Commit) -> Value {
        let (url, page) = (self.repo_url(), self.repo_page());
        let parent = |sha: &String| json!({"sha": sha, "url": format!("{url}/git/commits/{sha}"), "html_url": format!("{page}/commit/{sha}")});
        json!({
            "sha": commit.sha, "node_id": node("C", &commit.sha), "url": format!("{url}/git/commits/{}", commit.sha),
            "html_url": format!("{page}/commit/{}", commit.sha), "author": git_signature(&commit.author),
            "committer": git_signature(&commit.committer), "message": commit.message,
            "tree": {"sha": commit.tree, "url": format!("{url}/git/trees/{}", commit.tree)},
            "parents": commit.parents.iter().map(parent).collect::<Vec<_>>(),
            "verification": {"verified": false, "reason": "unsigned", "signature": null, "payload": null, "verified_at": null},
        })
    }

    /// A commit as lists show it: with the people behind it.
    pub(super) fn commit(&self, commit: &Commit) -> Value {
        let (url, page) = (self.repo_url(), self.repo_page());
        let sha = &commit.sha;
        let who = |name: &str| if self.users.contains_key(name) { self.user(name) } else { Value::Null };
        let parent = |sha: &String| json!({"sha": sha, "url": format!("{url}/commits/{sha}"), "html_url": format!("{page}/commit/{sha}")});
        json!({
            "sha": sha, "node_id": node("C", sha), "url": format!("{url}/commits/{sha}"),
            "html_url": format!("{page}/commit/{sha}"), "comments_url": format!("{url}/commits/{sha}/comments"),
            "commit": {
                "author": git_signature(&commit.author), "committer": git_signature(&commit.committer),
                "message": commit.message, "tree": {"sha": commit.tree, "url": format!("{url}/git/trees/{}", commit.tree)},
                "url": format!("{url}/git/commits/{sha}"), "comment_count": 0,
                "verification": {"verified": false, "reason": "unsigned", "signature": null, "payload": null, "verified_at": null},
            },
            "author": who(&commit.author.name), "committer": who(&commit.committer.name),
            "parents": commit.parents.iter().map(parent).collect::<Vec<_>>(),
        })
    }

    pub(super) fn review(&self, number: u64, review: &Review) -> Value {
        let (url, page) = (self.repo_url(), self.repo_page());
        let html = format!("{page}/pull/{number}#pullrequestreview-{}", review.id);
        let mut shown = json!({
            "id": review.id, "node_id": node("PRR", review.id), "user": self.user(&review.by), "body": review.body,
            "state": review.state, "html_url": html, "pull_request_url": format!("{url}/pulls/{number}"),
            "author_association": "MEMBER", "commit_id": review.commit,
            "_links": {"html": {"href": html}, "pull_request": {"href": format!("{url}/pulls/{number}")}},
        });
        // A pending review has not been submitted.
        if let Some(at) = &review.at {
            shown["submitted_at"] = json!(at);
        }
        shown
    }

    pub(super) fn comment(&self, number: u64, comment: &Comment) -> Value {
        let (url, page) = (self.repo_url(), self.repo_page());
        json!({
            "id": comment.id, "node_id": node("IC", comment.id), "url": format!("{url}/issues/comments/{}", comment.id),
            "html_url": format!("{page}/pull/{number}#issuecomment-{}", comment.id),
            "issue_url": format!("{url}/issues/{number}"), "user": self.user(&comment.by), "body": comment.body,
            "created_at": comment.created, "updated_at": comment.updated, "author_association": "MEMBER",
            "performed_via_github_app": null,
        })
    }

    pub(super) fn status(&self, status: &Status) -> Value {
        let url = format!("{}/statuses/{}", self.repo_url(), status.sha);
        json!({
            "url": url, "id": status.id, "node_id": node("SC", status.id), "state": status.state,
            "description": status.description, "target_url": status.target, "context": status.context,
            "created_at": status.at, "updated_at": status.at, "avatar_url": format!("{}/avatars/u/1", self.web_url),
            "creator": self.user(&status.by),
        })
    }

    pub(super) fn check_run(&self, run: &CheckRun) -> Value {
        let (url, page) = (self.repo_url(), self.repo_page());
        let own = format!("{url}/check-runs/{}", run.id);
        let mut output = json!({"title": null, "summary": null, "text": null, "annotations_count": 0, "annotations_url": format!("{own}/annotations")});
        for key in ["title", "summary", "text"] {
            if let Some(value) = run.output.get(key) {
                output[key] = value.clone();
            }
        }
        json!({
            "id": run.id, "node_id": node("CR", run.id), "name": run.name, "head_sha": run.sha, "status": run.status,
            "conclusion": run.conclusion, "started_at": run.started, "completed_at": run.completed, "url": own,
            "html_url": format!("{page}/runs/{}", run.id), "details_url": run.details, "external_id": run.external,
            "output": output, "check_suite": {"id": 5_000}, "app": self.app_shown(), "pull_requests": [],
        })
    }

    pub(super) fn app_shown(&self) -> Value {
        json!({
            "id": self.app.id, "slug": self.app.slug, "node_id": node("A", self.app.id), "client_id": "Iv1.fake",
            "owner": self.user(&self.owner), "name": self.app.slug, "description": "",
            "external_url": "https://kaas.example", "html_url": format!("{}/apps/{}", self.web_url, self.app.slug),
            "created_at": "2026-01-01T00:00:00Z", "updated_at": "2026-01-01T00:00:00Z",
            "permissions": self.app.permissions, "events": ["pull_request", "pull_request_review", "push", "issue_comment"],
            "installations_count": 1,
        })
    }

    pub(super) fn installation(&self) -> Value {
        let url = format!("{}/app/installations/{}", self.api_url, self.app.installation);
        json!({
            "id": self.app.installation, "account": self.user(&self.owner), "repository_selection": "selected",
            "access_tokens_url": format!("{url}/access_tokens"),
            "repositories_url": format!("{}/installation/repositories", self.api_url),
            "html_url": format!("{}/settings/installations/{}", self.web_url, self.app.installation),
            "app_id": self.app.id, "app_slug": self.app.slug, "target_id": 1, "target_type": "Organization",
            "permissions": self.app.permissions, "events": ["pull_request", "pull_request_review", "push", "issue_comment"],
            "created_at": "2026-01-01T00:00:00Z", "updated_at": "2026-01-01T00:00:00Z", "single_file_name": null,
            "suspended_by": null, "suspended_at": if self.app.suspended { json!("2026-01-01T00:00:00Z") } else { Value::Null },
        })
    }
}
