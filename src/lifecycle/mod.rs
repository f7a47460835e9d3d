//! The core: what a cluster is, what may happen to it, and what kaas then asks of the world.
//!
//! ```text
//!               both facts in,           quorum            Applied          usable + granted + merged
//!               same content
//!   Preparing ----------------> Reviewing -----> Applying -----> Joining -----------------> Done
//!       ^                          |  |             |
//!       +--- PullPushed, re-plan --+  |             | plan drifted: approvals void, back to Reviewing
//!   Preparing, Reviewing --- Cancel, Reject, PullClosed, DeadlinePassed ---> Closed{why}
//!   any working state --- Broken{fault} ---> Stuck{was} --- Retry ---> was
//!   Stuck{Applying | Joining} of a create --- Cancel ---> Preparing, to take down what was made
//! ```
//!
//! Reading order: this file (a cluster and its ids), `change` (where an alteration stands), `input` and `effect` (what comes in, what goes out), [`form`] (values), [`policy`] (who may), [`mod@step`] (the whole behaviour), [`notice`] (what there is to say).
//!
//! **Invariant:** nothing in this folder does I/O, is async, reads a clock or draws a random number, and it uses no other module of kaas.

use std::fmt;

use jiff::Timestamp;
use serde::{Deserialize, Serialize};

pub mod catalogue;
mod change;
pub mod cloud;
mod effect;
pub mod form;
mod input;
pub mod notice;
pub mod policy;
pub mod step;
pub mod summary;

pub use change::*;
pub use effect::{Effect, EffectKey, Lane};
pub use input::{Ask, Fact, Input, InputId, What};

use cloud::Footprint;
use form::{ClusterName, Form, Invalid, TenantName, checked_text};

/// Which cluster: its tenant and its name.
#[derive(Debug, Clone, PartialEq, Eq, PartialOrd, Ord, Hash, Serialize, Deserialize)]
pub struct ClusterKey {
    /// The tenant.
    pub tenant: TenantName,
    /// The cluster's name within the tenant.
    pub name: ClusterName,
}

impl fmt::Display for ClusterKey {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        write!(f, "{}/{}", self.tenant, self.name)
    }
}

/// The number of a change, counted within the tenant: "change 42".
#[derive(Debug, Clone, Copy, PartialEq, Eq, PartialOrd, Ord, Hash, Serialize, Deserialize)]
#[serde(transparent)]
pub struct ChangeNumber(pub u64);

impl fmt::Display for ChangeNumber {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        self.0.fmt(f)
    }
}

checked_text! {
    /// One human being, whatever platform they speak from. Two identities of one person have one `PersonId`.
    PersonId, person_id
}

fn person_id(text: &str) -> Result<(), Invalid> {
    let ok = (1..=96).contains(&text.len()) && text.bytes().all(|b| b.is_ascii_alphanumeric() || b"._:@-".contains(&b));
    if ok { Ok(()) } else { Err(Invalid::new("is not a person's id", "letters, digits and . _ : @ -")) }
}

/// A person, with the name that others know.
#[derive(Debug, Clone, PartialEq, Eq, PartialOrd, Ord, Serialize, Deserialize)]
pub struct Person {
    /// Who it is.
    pub id: PersonId,
    /// How people call them. Untrusted: whoever shows it escapes it.
    pub name: String,
}

checked_text! {
    /// sha256 over the canonical resource changes of a plan, in hex: what an approval is bound to.
    PlanDigest, hex64
}

checked_text! {
    /// sha256 over the paths and contents of the files that kaas wrote, in hex.
    ContentDigest, hex64
}

checked_text! {
    /// The commit at the tip of a pull request's branch, in hex.
    HeadSha, hex_sha
}

fn hex64(text: &str) -> Result<(), Invalid> {
    if text.len() == 64 && is_hex(text) { Ok(()) } else { Err(Invalid::new("is not a sha256", "64 hex digits")) }
}

fn hex_sha(text: &str) -> Result<(), Invalid> {
    if matches!(text.len(), 40 | 64) && is_hex(text) {
        Ok(())
    } else {
        Err(Invalid::new("is not a commit", "40 hex digits"))
    }
}

fn is_hex(text: &str) -> bool {
    text.bytes().all(|b| b.is_ascii_digit() || (b'a'..=b'f').contains(&b))
}

impl PlanDigest {
    /// The first six digits: what people see.
    pub fn short(&self) -> &str {
        &self.as_str()[..6]
    }
}

/// A cluster, as kaas knows it: everything that the core decides by.
#[derive(Debug, Clone, PartialEq, Eq, Serialize, Deserialize)]
pub struct Cluster {
    /// Which one.
    pub key: ClusterKey,
    /// Who it belongs to: whoever asked for it.
    pub owner: Person,
    /// What it is, or is to become.
    pub form: Form,
    /// The change that wrote its files.
    pub written: ChangeNumber,
    /// What exists; `None` before it is ready and after it is gone.
    pub live: Option<Live>,
    /// Its traces in the cloud.
    #[serde(default, skip_serializing_if = "Footprint::is_empty")]
    pub footprint: Footprint,
    /// The open change, or the one that ended last.
    pub change: Change,
}

/// A cluster that exists and was handed over.
#[derive(Debug, Clone, PartialEq, Eq, Serialize, Deserialize)]
pub struct Live {
    /// Since when.
    pub since: Timestamp,
    /// When its lease ends; `None` is without an end.
    pub until: Option<Timestamp>,
    /// What Rancher says of it.
    pub facts: ClusterFacts,
    /// Who was given a way in.
    pub grants: Vec<Grant>,
}

/// What Rancher says of a cluster that is usable.
#[derive(Debug, Clone, PartialEq, Eq, Serialize, Deserialize)]
pub struct ClusterFacts {
    /// Rancher's management id: `c-m-7k2x9q4d`.
    pub id: String,
    /// How many nodes it has.
    pub nodes: u32,
    /// The Kubernetes version that runs.
    pub version: String,
    /// The address of its API, where Rancher tells it.
    pub endpoint: Option<String>,
    /// The page where a person downloads their own kubeconfig.
    pub page: String,
    /// Rancher's address.
    pub rancher: String,
}

/// Who gets a way in, as Rancher knows them.
#[derive(Debug, Clone, PartialEq, Eq, PartialOrd, Ord, Serialize, Deserialize)]
pub enum Subject {
    /// A user, by id.
    User(String),
    /// A group of an identity provider: `github_team://1234567`.
    Group(String),
    /// Somebody of an identity provider who may never have logged in: `github_user://1234567`.
    Principal(String),
}

/// One way in: a Rancher role binding.
#[derive(Debug, Clone, PartialEq, Eq, Serialize, Deserialize)]
pub struct Grant {
    /// Who: a person's or a group's name.
    pub to: String,
    /// The Rancher role: `cluster-owner`.
    pub role: String,
    /// The binding's id in Rancher.
    pub binding: String,
    /// Who that is for Rancher, where a person asked for this way in by a command.
    #[serde(default, skip_serializing_if = "Option::is_none")]
    pub subject: Option<Subject>,
    /// When it ends by itself; `None` is with the cluster.
    #[serde(default, skip_serializing_if = "Option::is_none")]
    pub until: Option<Timestamp>,
}

impl Cluster {
    /// The open change, if there is one.
    pub fn open(&self) -> Option<&Change> {
        (!self.change.state.is_over()).then_some(&self.change)
    }
}
