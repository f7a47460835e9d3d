//! What kaas reads of GitHub's answers: own small structs, so that a field or a value that GitHub adds breaks nothing.

use jiff::Timestamp;
use serde::Deserialize;

/// Whoever did something. GitHub forgets people whose account is gone, so it may be missing everywhere.
#[derive(Debug, Clone, Deserialize)]
pub(super) struct User {
    pub login: String,
}

/// A pull request.
#[derive(Debug, Clone, Deserialize)]
pub(super) struct PullShape {
    pub number: u64,
    pub state: String,
    #[serde(default)]
    pub title: String,
    pub body: Option<String>,
    pub html_url: String,
    pub head: End,
    pub base: End,
    pub merged_at: Option<Timestamp>,
    pub merge_commit_sha: Option<String>,
    /// Only in the answer about one; `None` while GitHub still works it out.
    pub mergeable: Option<bool>,
    pub mergeable_state: Option<String>,
}

/// One end of a pull request.
#[derive(Debug, Clone, Deserialize)]
pub(super) struct End {
    #[serde(rename = "ref")]
    pub name: String,
    pub sha: String,
    /// Missing where a fork was deleted.
    pub repo: Option<Repo>,
}

/// A repository.
#[derive(Debug, Clone, Deserialize)]
pub(super) struct Repo {
    pub full_name: String,
    #[serde(default)]
    pub archived: bool,
    #[serde(default)]
    pub permissions: Option<RepoPermissions>,
    pub allow_merge_commit: Option<bool>,
    pub allow_squash_merge: Option<bool>,
    pub allow_rebase_merge: Option<bool>,
}

/// What kaas' user may do in a repository.
#[derive(Debug, Clone, Default, Deserialize)]
pub(super) struct RepoPermissions {
    #[serde(default)]
    pub push: bool,
}

/// A branch, with its tip.
#[derive(Debug, Clone, Deserialize)]
pub(super) struct Branch {
    pub commit: BranchTip,
}

/// The tip of a branch.
#[derive(Debug, Clone, Deserialize)]
pub(super) struct BranchTip {
    pub sha: String,
    pub commit: InnerCommit,
    #[serde(default)]
    pub parents: Vec<Object>,
}

/// What a ref, a new tree or a new commit is.
#[derive(Debug, Clone, Deserialize)]
pub(super) struct Ref {
    pub object: Object,
}

/// Something with an id.
#[derive(Debug, Clone, Deserialize)]
pub(super) struct Object {
    pub sha: String,
}

/// A commit, as git has it.
#[derive(Debug, Clone, Deserialize)]
pub(super) struct GitCommit {
    pub tree: Object,
    #[serde(default)]
    pub parents: Vec<Object>,
}

/// A commit, with GitHub's idea of who made it.
#[derive(Debug, Clone, Deserialize)]
pub(super) struct RepoCommit {
    pub commit: InnerCommit,
    #[serde(default)]
    pub parents: Vec<Object>,
    /// Missing for people whom GitHub does not know.
    pub author: Option<MaybeUser>,
    pub committer: Option<MaybeUser>,
}

/// GitHub answers `{}` for a user whom it does not know.
#[derive(Debug, Clone, Deserialize)]
pub(super) struct MaybeUser {
    pub login: Option<String>,
}

/// What git says of a commit.
#[derive(Debug, Clone, Deserialize)]
pub(super) struct InnerCommit {
    pub tree: Object,
    pub committer: Option<Signature>,
}

/// Who made a commit, as they say themselves.
#[derive(Debug, Clone, Deserialize)]
pub(super) struct Signature {
    pub name: Option<String>,
}

/// Two commits side by side.
#[derive(Debug, Clone, Deserialize)]
pub(super) struct Comparison {
    pub merge_base_commit: Object,
}

/// A folder.
#[derive(Debug, Clone, Deserialize)]
pub(super) struct TreeShape {
    pub tree: Vec<TreeEntry>,
    #[serde(default)]
    pub truncated: bool,
}

/// One entry of a folder.
#[derive(Debug, Clone, Deserialize)]
pub(super) struct TreeEntry {
    pub path: String,
    pub mode: String,
    pub sha: String,
    pub size: Option<u64>,
}

/// A file's content.
#[derive(Debug, Clone, Deserialize)]
pub(super) struct Blob {
    pub content: String,
    pub encoding: String,
}

/// A comment of a pull request.
#[derive(Debug, Clone, Deserialize)]
pub(super) struct CommentShape {
    pub id: u64,
    pub user: Option<User>,
    pub body: Option<String>,
}

/// A review.
#[derive(Debug, Clone, Deserialize)]
pub(super) struct ReviewShape {
    pub id: u64,
    pub user: Option<User>,
    pub state: String,
    pub commit_id: Option<String>,
    pub submitted_at: Option<Timestamp>,
    pub body: Option<String>,
}

/// A pull request as GitHub's issues see it.
#[derive(Debug, Clone, Deserialize)]
pub(super) struct Issue {
    pub closed_by: Option<User>,
}

/// How a merge went.
#[derive(Debug, Clone, Deserialize)]
pub(super) struct MergeShape {
    pub sha: String,
    pub merged: bool,
}

/// All statuses of a commit: of each context the last.
#[derive(Debug, Clone, Deserialize)]
pub(super) struct CombinedStatus {
    #[serde(default)]
    pub statuses: Vec<Status>,
}

/// A status.
#[derive(Debug, Clone, Deserialize)]
pub(super) struct Status {
    pub context: String,
    pub state: String,
    pub description: Option<String>,
}

/// A GitHub App.
#[derive(Debug, Clone, Deserialize)]
pub(super) struct App {
    pub slug: String,
}

/// Where an App is installed.
#[derive(Debug, Clone, Deserialize)]
pub(super) struct Installation {
    #[serde(default)]
    pub permissions: std::collections::BTreeMap<String, String>,
    pub suspended_at: Option<Timestamp>,
}

/// A rule of a branch.
#[derive(Debug, Clone, Deserialize)]
pub(super) struct Rule {
    #[serde(rename = "type")]
    pub kind: String,
    #[serde(default)]
    pub parameters: RuleParameters,
}

/// What a rule asks for, as far as it may stand in kaas' way.
#[derive(Debug, Clone, Default, Deserialize)]
pub(super) struct RuleParameters {
    #[serde(default)]
    pub required_approving_review_count: u32,
    #[serde(default)]
    pub require_code_owner_review: bool,
    #[serde(default)]
    pub required_status_checks: Vec<RequiredCheck>,
    #[serde(default)]
    pub strict_required_status_checks_policy: bool,
}

/// A status that has to be good.
#[derive(Debug, Clone, Deserialize)]
pub(super) struct RequiredCheck {
    pub context: String,
}

/// The older kind of branch rules.
#[derive(Debug, Clone, Default, Deserialize)]
pub(super) struct Protection {
    pub required_pull_request_reviews: Option<RuleParameters>,
    pub required_status_checks: Option<ProtectedChecks>,
    pub restrictions: Option<serde_json::Value>,
    pub lock_branch: Option<Switch>,
}

/// The statuses that the older kind of branch rules asks for.
#[derive(Debug, Clone, Default, Deserialize)]
pub(super) struct ProtectedChecks {
    #[serde(default)]
    pub strict: bool,
    #[serde(default)]
    pub contexts: Vec<String>,
}

/// Something that is on or off.
#[derive(Debug, Clone, Default, Deserialize)]
pub(super) struct Switch {
    #[serde(default)]
    pub enabled: bool,
}
