//! The outside as traits. Adapters implement them; the engine calls them; neither knows the other.
//!
//! Every call may be made twice for one effect, because the engine may die between doing and recording. `Call` carries what an adapter needs to make the
//! second one harmless.

mod cloud;
mod desk;
mod intake;

pub use cloud::*;
pub use desk::*;
pub use intake::*;

use std::path::PathBuf;
use std::sync::Arc;

use async_trait::async_trait;
use jiff::{SignedDuration, Timestamp};
use tokio_util::sync::CancellationToken;

use crate::lifecycle::cloud::Order;
use crate::lifecycle::form::ClusterName;
use crate::lifecycle::{
    ChangeNumber, ClusterFacts, ClusterKey, ContentDigest, EffectKey, Grant, HeadSha, Person, Place, Plan, PlanDigest,
    Pull,
};

pub use crate::lifecycle::Subject;
use crate::render::message::Message;

/// What every call carries.
#[derive(Debug, Clone)]
pub struct Call {
    /// The effect's key: the same for every attempt.
    pub key: EffectKey,
    /// Which attempt this is, from 1. Above 1 the adapter looks first whether the work is done already.
    pub attempt: u32,
    /// Is cancelled when the work is not wanted any more or the lease is lost: stop in order, and soon.
    pub stop: CancellationToken,
}

/// Why a call did not do what it should.
#[derive(Debug, thiserror::Error)]
pub enum Trouble {
    /// It may work later: the other side is down, slow, busy or limiting.
    #[error("{line}")]
    Passing {
        /// One neutral line for people, without any secret: "Rancher does not answer".
        line: String,
        /// How long to wait before the next attempt, where the other side said so.
        wait: Option<SignedDuration>,
        /// The whole chain, for the log.
        #[source]
        source: Option<anyhow::Error>,
    },
    /// It will not work until a person has changed something.
    #[error("{line}")]
    Lasting {
        /// One neutral line for people, without any secret: `terraform: "InvalidAMIID.NotFound: ami-0abc"`.
        line: String,
        /// The whole chain, for the log.
        #[source]
        source: Option<anyhow::Error>,
    },
    /// It was stopped, as asked for by `Call::stop`.
    #[error("stopped")]
    Stopped,
}

impl Trouble {
    /// It may work later.
    pub fn passing(line: impl Into<String>, source: impl Into<anyhow::Error>) -> Self {
        Self::Passing { line: line.into(), wait: None, source: Some(source.into()) }
    }

    /// It will not work until a person has changed something.
    pub fn lasting(line: impl Into<String>, source: impl Into<anyhow::Error>) -> Self {
        Self::Lasting { line: line.into(), source: Some(source.into()) }
    }
}

/// What a port answers.
pub type Answer<T> = Result<T, Trouble>;

/// A file that goes with a message.
#[derive(Debug, Clone)]
pub struct Attachment {
    /// Its name: `plan-9f3ac1.txt`.
    pub name: String,
    /// Its content.
    pub content: Arc<str>,
}

/// Which card: one a change.
#[derive(Debug, Clone, PartialEq, Eq, PartialOrd, Ord, Hash)]
pub struct CardKey {
    /// The cluster.
    pub cluster: ClusterKey,
    /// The change.
    pub change: ChangeNumber,
}

/// The status card of a change, as it is to be now.
#[derive(Debug, Clone)]
pub struct Card {
    /// Which card.
    pub key: CardKey,
    /// Where it belongs.
    pub place: Place,
    /// The chat's own id of it, where it is known already; otherwise the adapter looks in its own memory before it posts.
    pub known: Option<String>,
    /// The plan that it shows: what a button or a reaction on it is about.
    pub plan: Option<PlanDigest>,
    /// What it says.
    pub message: Message,
}

/// Where people talk.
#[async_trait]
pub trait Chat: Send + Sync {
    /// Posts the card, or edits it. Answers the chat's own id of it.
    async fn card(&self, call: &Call, card: &Card) -> Answer<String>;
    /// Edits a card between two saves: progress. May be lost.
    async fn progress(&self, card: &Card);
    /// Posts into the card's thread; `known` is the chat's own id of the card.
    async fn post(
        &self,
        call: &Call,
        place: &Place,
        card: &CardKey,
        known: Option<&str>,
        message: &Message,
        file: Option<&Attachment>,
    ) -> Answer<()>;
    /// Tells one person, privately.
    async fn tell(
        &self,
        call: &Call,
        place: &Place,
        person: &Person,
        message: &Message,
        file: Option<&Attachment>,
    ) -> Answer<()>;
    /// Whether the person is somebody here, as far as is known without asking.
    fn reaches(&self, _person: &Person) -> bool {
        true
    }
    /// Who reacts on a card now, by the chat's own id of it: what was missed while kaas was down. `None` where the chat cannot tell.
    async fn reactions(&self, _place: &Place, _card: &str) -> Answer<Option<Vec<Reacted>>> {
        Ok(None)
    }
}

/// A reaction that stands on a card.
#[derive(Debug, Clone, PartialEq, Eq)]
pub struct Reacted {
    /// Who.
    pub by: Person,
    /// What the platform says of them.
    pub standing: Standing,
    /// The reaction's name: `+1`.
    pub emoji: String,
}

/// A file of the repository: its path, and its content (`None` removes it).
#[derive(Debug, Clone, PartialEq, Eq)]
pub struct FileEdit {
    /// Relative to the repository's root: `clusters/crucial-sandbox/main.tf`.
    pub path: String,
    /// The new content.
    pub content: Option<String>,
}

/// A pull request to open, or to write again.
#[derive(Debug, Clone)]
pub struct NewPull {
    /// The branch: `kaas/crucial-sandbox/42`.
    pub branch: String,
    /// The folder that belongs to the cluster and that nothing else may differ in: `clusters/crucial-sandbox`.
    pub folder: String,
    /// What the folder is to hold (empty: the folder is removed).
    pub files: Vec<FileEdit>,
    /// The title.
    pub title: String,
    /// The body, in Markdown.
    pub body: String,
    /// The commit message.
    pub commit: String,
}

/// A pull request, as the forge has it now.
#[derive(Debug, Clone, PartialEq, Eq)]
pub struct PullNow {
    /// The pull request; `content` covers the cluster's folder at the head.
    pub pull: Pull,
    /// Whether it is open, merged or closed.
    pub status: PullStatus,
    /// Who pushed the head.
    pub head_by: String,
    /// How many files of the cluster's folder differ from what kaas wrote there last.
    pub changed_files: u32,
    /// How many files outside the cluster's folder differ from the base.
    pub strange_files: u32,
    /// What people said about it in reviews: of each person the latest word that counts, oldest first. Empty where the forge knows no reviews.
    pub reviews: Vec<PullReview>,
}

/// What somebody said about a pull request, in a review.
#[derive(Debug, Clone, PartialEq, Eq)]
pub struct PullReview {
    /// The review's id in the forge.
    pub id: String,
    /// Who, by the forge's own name.
    pub by: String,
    /// What.
    pub verdict: Verdict,
    /// The commit that they looked at.
    pub head: HeadSha,
    /// When, by the forge's clock.
    pub at: Timestamp,
    /// Their words, possibly empty. Untrusted.
    pub words: String,
}

/// What a review says.
#[derive(Debug, Clone, Copy, PartialEq, Eq)]
pub enum Verdict {
    /// Yes.
    Approved,
    /// An earlier yes or no was dismissed.
    Dismissed,
    /// Changes are requested.
    Refused,
}

/// Whether a pull request is open.
#[derive(Debug, Clone, PartialEq, Eq)]
pub enum PullStatus {
    /// It is open.
    Open,
    /// It was merged.
    Merged {
        /// The merge commit.
        commit: HeadSha,
    },
    /// It was closed without a merge.
    Closed {
        /// By whom.
        by: String,
    },
}

/// How a merge went.
#[derive(Debug, Clone, PartialEq, Eq)]
pub enum Merged {
    /// It is merged: the merge commit.
    Yes(HeadSha),
    /// The head is another one, or the pull request was closed by somebody.
    Moved(PullNow),
}

/// Where pull requests live.
#[async_trait]
pub trait Forge: Send + Sync {
    /// Opens the pull request, or writes its branch again so that it holds exactly these files. One pull request a branch, however often it is called.
    async fn open(&self, call: &Call, new: &NewPull) -> Answer<Pull>;
    /// Reads the pull request of a branch, if there is one.
    async fn read(&self, branch: &str, folder: &str) -> Answer<Option<PullNow>>;
    /// Says that the pull request may be looked at now: whatever is configured for that, such as labels, or people who are asked for a review. Nothing where
    /// the forge knows nothing of the kind.
    async fn announce(&self, _call: &Call, _number: u64) -> Answer<()> {
        Ok(())
    }
    /// Writes (or edits) the one comment of that marker.
    async fn comment(&self, call: &Call, number: u64, marker: &str, body: &str) -> Answer<()>;
    /// Merges, if the head is still this one, and deletes the branch. Already merged with this head is success.
    async fn merge(&self, call: &Call, number: u64, head: &HeadSha, message: &str) -> Answer<Merged>;
    /// Closes the branch's pull request, if there is one, with a last comment, and deletes the branch.
    async fn close(&self, call: &Call, branch: &str, comment: &str) -> Answer<()>;
    /// A bare repository on this machine that holds the base branch, brought up to date, and the base's commit.
    async fn mirror(&self) -> Answer<Mirror>;
    /// Sets the status of a head: how far one thing is, for whoever looks at the pull request there. Nothing where the forge knows no statuses.
    async fn status(
        &self,
        _call: &Call,
        _head: &HeadSha,
        _context: &str,
        _state: StatusState,
        _description: &str,
    ) -> Answer<()> {
        Ok(())
    }
}

/// How far something is that a status of a head tells of.
#[derive(Debug, Clone, Copy, PartialEq, Eq)]
pub enum StatusState {
    /// It is under way, or waits for people.
    Pending,
    /// It is good.
    Success,
    /// It is not good.
    Failure,
}

/// A bare repository on this machine.
#[derive(Debug, Clone, PartialEq, Eq)]
pub struct Mirror {
    /// Where it lies.
    pub path: PathBuf,
    /// The base branch's tip.
    pub base: HeadSha,
}

/// A terraform run.
#[derive(Debug, Clone)]
pub struct Job {
    /// The cluster.
    pub cluster: ClusterKey,
    /// The change.
    pub change: ChangeNumber,
    /// Whether the plan is to destroy everything.
    pub destroy: bool,
    /// The module's folder under `modules/`.
    pub module: String,
    /// The rendered files, with paths relative to the repository's root.
    pub files: Vec<FileEdit>,
    /// Over those files.
    pub content: ContentDigest,
    /// Where the modules come from.
    pub mirror: Mirror,
    /// What else terraform is told through its environment, such as Rancher's address: name and value. Values may be secret.
    pub environment: Vec<(String, secrecy::SecretString)>,
}

/// How far a run is.
#[derive(Debug, Clone, PartialEq, Eq)]
pub struct Progress {
    /// What is being done: `planning`, `applying`, `joining`.
    pub step: &'static str,
    /// How many of how many are done, where that is known.
    pub done: Option<(u32, u32)>,
    /// One line of detail: "2 of 4 nodes are up, etcd is starting".
    pub detail: Option<String>,
}

/// Takes progress reports; never blocks.
pub type ProgressSink = Arc<dyn Fn(Progress) + Send + Sync>;

/// A plan, with the machines that it would have made.
#[derive(Debug, Clone, PartialEq, Eq)]
pub struct Planned {
    /// The plan.
    pub plan: Plan,
    /// The machines, as far as the plan knows them; of a destroy: those that there are.
    pub order: Order,
}

/// How an apply went.
#[derive(Debug, Clone, PartialEq, Eq)]
pub enum Applied {
    /// Everything approved is applied (now, or by an earlier attempt).
    Yes {
        /// The root module's string outputs that are not sensitive.
        outputs: Vec<(String, String)>,
    },
    /// The plan is not the approved one; nothing was applied.
    Drifted(Plan),
}

/// What runs terraform.
#[async_trait]
pub trait Runner: Send + Sync {
    /// Makes a plan.
    async fn plan(&self, call: &Call, job: &Job, progress: ProgressSink) -> Answer<Planned>;
    /// Plans once more and applies if that plan is the approved one, or the rest of it after an attempt that was cut off.
    async fn apply(&self, call: &Call, job: &Job, approved: &PlanDigest, progress: ProgressSink) -> Answer<Applied>;
    /// What an apply that failed left tainted in the cluster's state, by address: the next apply would destroy it and make it anew.
    async fn tainted(&self, _call: &Call, _job: &Job) -> Answer<Vec<String>> {
        Ok(Vec::new())
    }
    /// Takes the taint from these addresses: what they are got well after all.
    async fn untaint(&self, _call: &Call, _job: &Job, _addresses: &[String]) -> Answer<()> {
        Ok(())
    }
    /// Whether an apply of this plan has begun, so that some of it may be in force already.
    async fn began(&self, cluster: &ClusterKey, change: ChangeNumber, approved: &PlanDigest) -> bool;
    /// The full, redacted text of a plan that was made here.
    async fn plan_text(&self, cluster: &ClusterKey, change: ChangeNumber, plan: &PlanDigest) -> Answer<Arc<str>>;
    /// Forgets the working files of a cluster that is gone; its run logs stay.
    async fn forget(&self, cluster: &ClusterKey);
}

/// What Rancher says about a cluster.
#[derive(Debug, Clone, PartialEq, Eq)]
pub enum Sight {
    /// Usable by every condition.
    Usable(ClusterFacts),
    /// On its way.
    Joining {
        /// How many nodes are up, of how many.
        nodes: Option<(u32, u32)>,
        /// Rancher's own words.
        detail: String,
    },
    /// Being removed.
    Removing {
        /// Rancher's own words.
        detail: String,
    },
    /// Rancher knows it no more: 404, and not 403, on both interfaces.
    Gone,
}

/// Rancher, and who has a way into its clusters.
#[async_trait]
pub trait Fleet: Send + Sync {
    /// Proves that the token which terraform will use can read: a wrong one must never make a destroy "succeed". With `exists`, the cluster must be there.
    async fn preflight(&self, cluster: &ClusterName, exists: bool) -> Answer<()>;
    /// Looks at a cluster, by name and, where it is known, by management id.
    async fn look(&self, cluster: &ClusterName, id: Option<&str>) -> Answer<Sight>;
    /// The names of the machines that a cluster has now, also of those that are being made or removed. Empty where kaas may not see them.
    async fn machines(&self, cluster: &ClusterName) -> Answer<Vec<String>>;
    /// Gives the person their way in, with that role, and the team its own; done when Rancher says they are in force. `user` is their Rancher user
    /// where they were linked to one; otherwise the configuration says.
    async fn grant(&self, call: &Call, id: &str, person: &Person, user: Option<&str>, role: &str) -> Answer<Granting>;
    /// Gives one way in; done when Rancher says that it is in force.
    async fn bind(&self, call: &Call, id: &str, subject: &Subject, role: &str) -> Answer<Granting>;
    /// The id that the binding of a way in has where kaas made it.
    fn binding(&self, id: &str, subject: &Subject, role: &str) -> String;
    /// The binding by which the subject has this way in already, where somebody else than kaas made it: kaas could never end it.
    async fn by_hand(&self, id: &str, subject: &Subject, role: &str) -> Answer<Option<String>>;
    /// Takes a way in back, by its binding's id: whether it is gone. One that is not there is gone.
    async fn unbind(&self, call: &Call, binding: &str) -> Answer<bool>;
    /// Whether the person can be given a way in at all, with the remedy where not.
    async fn knows(&self, person: &Person, user: Option<&str>) -> Answer<Result<(), String>>;
    /// The users that log in under an e-mail address. What they are called otherwise does not count: anybody may be called anything.
    async fn users_by_email(&self, email: &str) -> Answer<Vec<FleetUser>>;
    /// A user, by id.
    async fn user(&self, id: &str) -> Answer<Option<FleetUser>>;
    /// How kaas stands with Rancher: its version, and until when the token is good.
    async fn standing(&self) -> Answer<FleetStanding>;
    /// Lets a machine go that cannot be removed, without asking the cloud: what it leaves behind there is for people to find.
    async fn force_remove(&self, call: &Call, cluster: &ClusterName, machine: &str) -> Answer<()>;
    /// What terraform has to be told to reach this Rancher: name and value.
    fn environment(&self) -> Vec<(String, secrecy::SecretString)>;
}

/// A user of Rancher's.
#[derive(Debug, Clone, PartialEq, Eq)]
pub struct FleetUser {
    /// The id: `u-k7x2m`.
    pub id: String,
    /// The name that it logs in with, or else its display name.
    pub name: String,
    /// Whether it may log in.
    pub enabled: bool,
}

/// How kaas stands with Rancher.
#[derive(Debug, Clone, PartialEq, Eq)]
pub struct FleetStanding {
    /// Rancher's version: `v2.14.4`.
    pub version: String,
    /// When the token ends; `None` is never.
    pub token_ends: Option<Timestamp>,
}

/// How far granting is.
#[derive(Debug, Clone, PartialEq, Eq)]
pub enum Granting {
    /// In force.
    Done(Vec<Grant>),
    /// Made, but not in force yet.
    Waiting,
}
