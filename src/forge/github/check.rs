//! What has to be set up on GitHub, each found good or named with its remedy; and the open pull requests, for rebuilding what was lost.

use std::collections::BTreeMap;

use super::GitHub;
use super::end::REPOSITORY;
use super::failure::{Endpoint, Failure};
use super::look::{PULLS, sha};
use super::shapes::{App, Installation, Protection, PullShape, Repo, Rule, RuleParameters, User};
use crate::lifecycle::HeadSha;
use crate::ports::Answer;
use crate::render::module::BRANCHES;

/// What was looked at, and what to do where it is not good.
pub type Checked = (String, Result<(), String>);

/// An open pull request of kaas'.
#[derive(Debug, Clone, PartialEq, Eq)]
pub struct OpenPull {
    /// Its branch: `kaas/crucial-sandbox/42`.
    pub branch: String,
    /// Its number.
    pub number: u64,
    /// Its body, with the hidden form. Untrusted: whoever may write to the repository may edit it.
    pub body: String,
    /// Its head.
    pub head: HeadSha,
}

/// What kaas needs of an App's installation, and what for.
const PERMISSIONS: [(&str, &str, &str); 4] = [
    ("metadata", "read", "to see the repository and its rules"),
    ("contents", "write", "to write branches, to merge and to fetch modules"),
    ("pull_requests", "write", "to open, label, comment and close pull requests, and to read reviews"),
    ("statuses", "write", "to set kaas/plan and kaas/approval"),
];

const APP: Endpoint = Endpoint { name: "app", does: "act as the App", needs: "the App's private key" };
const INSTALLATION: Endpoint =
    Endpoint { name: "app/installation", does: "see the App's installation", needs: "an installation of the App" };
const USER: Endpoint = Endpoint { name: "user", does: "act as the token's user", needs: "a token of a user" };
const RULES: Endpoint = Endpoint { name: "rules/branch", does: "read the rules of a branch", needs: "metadata=read" };
const PROTECTION: Endpoint =
    Endpoint { name: "branches/protection", does: "read the rules of a branch", needs: "administration=read" };

impl GitHub {
    /// Looks at everything that kaas needs on GitHub. Nothing is written.
    pub async fn check(&self) -> Vec<Checked> {
        let mut all = self.check_credentials().await;
        if all.iter().any(|(_, good)| good.is_err()) {
            return all;
        }
        let repo = self.api.get::<Repo>(&REPOSITORY, "").await;
        let (name, base) = (&self.full_name, &self.base);
        all.push((
            format!("repository {name}"),
            repo.as_ref().map_err(Failure::remedy).and_then(|repo| self.fits(repo)),
        ));
        let Ok(repo) = repo else { return all };
        if self.api.installation().is_none() {
            let may = repo.permissions.as_ref().is_none_or(|may| may.push);
            let remedy = "the token's user may not write to the repository: give it the role Write, and the token Contents and Pull requests (read and write) and Commit statuses (read and write)";
            all.push(("permissions of the token".to_owned(), if may { Ok(()) } else { Err(remedy.to_owned()) }));
        }
        let tip = self.tip(base).await;
        let there = match &tip {
            Ok(Some(_)) => Ok(()),
            Ok(None) => Err(format!(
                "{name} has no branch {base}: make it, or set `base` to the branch that kaas is to merge into"
            )),
            Err(failure) => Err(failure.remedy()),
        };
        all.push((format!("branch {base}"), there));
        if !matches!(tip, Ok(Some(_))) {
            return all;
        }
        all.push((format!("rules of the branch {base}"), self.check_base_rules(&repo).await));
        all.push((format!("rules of the branches {BRANCHES}…"), self.check_own_rules().await));
        let fetched = self.may_fetch().await.map_err(|trouble| trouble.to_string());
        all.push(("fetching the modules with git".to_owned(), fetched));
        all
    }

    /// The open pull requests that lead from kaas' branches to the base branch, in the order of their numbers.
    ///
    /// # Errors
    /// A `Trouble` if GitHub cannot be read.
    pub async fn open_pulls(&self) -> Answer<Vec<OpenPull>> {
        let path = format!("pulls?state=open&base={}&sort=created&direction=asc&per_page=100", self.base);
        let pulls: Vec<PullShape> = self.api.list(&PULLS, &path).await?;
        let mut open = BTreeMap::new();
        for pull in pulls.into_iter().filter(|pull| self.is_ours(pull) && pull.head.name.starts_with(BRANCHES)) {
            let head = sha(&pull.head.sha, &PULLS)?;
            let body = pull.body.unwrap_or_default().replace("\r\n", "\n");
            open.insert(pull.number, OpenPull { branch: pull.head.name, number: pull.number, body, head });
        }
        Ok(open.into_values().collect())
    }

    async fn check_credentials(&self) -> Vec<Checked> {
        let Some(number) = self.api.installation() else {
            let user = self.api.get::<User>(&USER, "/user").await;
            return vec![("token".to_owned(), user.map(drop).map_err(|failure| failure.remedy()))];
        };
        let app = self.api.get_as_app::<App>(&APP, "/app").await;
        let mut all = vec![("App's id and private key".to_owned(), app.map(drop).map_err(|failure| failure.remedy()))];
        if all.iter().any(|(_, good)| good.is_err()) {
            return all;
        }
        let path = format!("/app/installations/{number}");
        let installation = self.api.get_as_app::<Installation>(&INSTALLATION, &path).await;
        let what = format!("installation {number}");
        match installation {
            Err(failure) => {
                all.push((what, Err(format!("{}; the App's page \"Install App\" shows the number", failure.remedy()))))
            }
            Ok(Installation { suspended_at: Some(_), .. }) => {
                all.push((what, Err("it is suspended: an owner of the organisation can unsuspend it".to_owned())));
            }
            Ok(installation) => {
                all.push((what, Ok(())));
                all.extend(PERMISSIONS.map(|(name, needed, why)| {
                    let given = installation.permissions.get(name).map_or("none", String::as_str);
                    let enough = level(given) >= level(needed);
                    let remedy = format!("the App has {given} and needs {needed}, {why}: change it in the App's settings, and accept it in the organisation");
                    (format!("permission {name}"), if enough { Ok(()) } else { Err(remedy) })
                }));
                let token = self.api.git_token().await;
                let remedy = |failure: Failure| {
                    format!("{}; the App has to be installed in {}", failure.remedy(), self.full_name)
                };
                all.push((format!("token for {}", self.full_name), token.map(drop).map_err(remedy)));
            }
        }
        all
    }

    fn fits(&self, repo: &Repo) -> Result<(), String> {
        if !repo.full_name.eq_ignore_ascii_case(&self.full_name) {
            return Err(format!("it is called {} by now: change owner and repo", repo.full_name));
        }
        if repo.archived {
            return Err("it is archived, so nothing can be written to it".to_owned());
        }
        Ok(())
    }

    /// Rules of the base branch that would keep kaas from merging.
    async fn check_base_rules(&self, repo: &Repo) -> Result<(), String> {
        let mut against = Vec::new();
        for rule in self.rules(&self.base).await? {
            match rule.kind.as_str() {
                "pull_request" => against.extend(reviews_against(&rule.parameters)),
                "required_status_checks" => {
                    let contexts: Vec<_> =
                        rule.parameters.required_status_checks.iter().map(|check| check.context.as_str()).collect();
                    against.extend(checks_against(&contexts, rule.parameters.strict_required_status_checks_policy));
                }
                "merge_queue" => against.push("a merge queue is required, and kaas merges by itself".to_owned()),
                "update" => against.push("updates of the branch are restricted".to_owned()),
                "required_deployments" => against.push("deployments are required before merging".to_owned()),
                "required_linear_history"
                    if repo.allow_squash_merge != Some(true) && repo.allow_rebase_merge != Some(true) =>
                {
                    against.push("a linear history is required, and neither squash nor rebase is allowed".to_owned());
                }
                _ => {}
            }
        }
        // The older kind of rules can only be read with a permission that kaas does not need otherwise.
        let path = format!("branches/{}/protection", self.base);
        if let Ok(old) = self.api.get::<Protection>(&PROTECTION, &path).await {
            against.extend(old.required_pull_request_reviews.iter().flat_map(reviews_against));
            if let Some(checks) = &old.required_status_checks {
                let contexts: Vec<_> = checks.contexts.iter().map(String::as_str).collect();
                against.extend(checks_against(&contexts, checks.strict));
            }
            if old.restrictions.is_some_and(|people| !people.is_null()) {
                against.push("only some may write to the branch".to_owned());
            }
            if old.lock_branch.is_some_and(|lock| lock.enabled) {
                against.push("the branch is locked".to_owned());
            }
        }
        remedy(against, "kaas could not merge")
    }

    /// Rules of kaas' own branches that would keep it from writing them.
    async fn check_own_rules(&self) -> Result<(), String> {
        let mut against = Vec::new();
        // A branch like those that kaas writes, to ask which rules would hold for it.
        for rule in self.rules(&format!("{BRANCHES}check/1")).await? {
            let why = match rule.kind.as_str() {
                "creation" => "branches may not be made",
                "update" => "branches may not be written",
                "deletion" => "branches may not be deleted",
                "non_fast_forward" => "branches may not be set back, which kaas does when a stranger pushed",
                "branch_name_pattern" => "names of branches have a pattern",
                "commit_message_pattern" => "commit messages have a pattern",
                "commit_author_email_pattern" | "committer_email_pattern" => "authors of commits have a pattern",
                "required_signatures" if self.api.installation().is_none() => {
                    "commits have to be signed, which GitHub does only for Apps"
                }
                "pull_request" => "changes need a pull request, also on kaas' own branches",
                _ => continue,
            };
            against.push(why.to_owned());
        }
        remedy(against, "kaas could not write its branches")
    }

    async fn rules(&self, branch: &str) -> Result<Vec<Rule>, String> {
        let path = format!("rules/branches/{}?per_page=100", branch.replace('/', "%2F"));
        self.api.list(&RULES, &path).await.map_err(|failure| failure.remedy())
    }
}

fn level(permission: &str) -> u8 {
    match permission {
        "read" => 1,
        "write" => 2,
        "admin" => 3,
        _ => 0,
    }
}

fn reviews_against(asked: &RuleParameters) -> Vec<String> {
    let mut against = Vec::new();
    if asked.required_approving_review_count > 0 {
        let count = asked.required_approving_review_count;
        against.push(format!("{count} approving reviews are required, and people approve in the chat"));
    }
    if asked.require_code_owner_review {
        against.push("a review of the code owners is required".to_owned());
    }
    against
}

fn checks_against(contexts: &[&str], strict: bool) -> Vec<String> {
    let others: Vec<_> =
        contexts.iter().copied().filter(|name| !matches!(*name, "kaas/plan" | "kaas/approval")).collect();
    let mut against = Vec::new();
    if !others.is_empty() {
        against.push(format!("the statuses {} are required, which kaas does not wait for", others.join(", ")));
    }
    if strict {
        against.push("branches have to be up to date before they are merged".to_owned());
    }
    against
}

fn remedy(against: Vec<String>, so: &str) -> Result<(), String> {
    if against.is_empty() {
        return Ok(());
    }
    Err(format!("{so}: {}. Let kaas bypass these rules, or loosen them", against.join("; ")))
}
