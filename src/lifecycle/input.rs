//! What reaches the core: asks of people, and facts of the world.
//!
//! Nothing here does I/O, reads a clock or draws a random number.

use jiff::Timestamp;
use serde::{Deserialize, Serialize};

use super::form::{Form, Reason};
use super::{
    ChangeNumber, ClusterFacts, ContentDigest, EffectKey, Fault, Grant, HeadSha, Person, Place, Plan, PlanDigest,
    Proof, Pull,
};

/// What reaches the core: an ask or a fact, with an id (the first delivery wins) and a time.
#[derive(Debug, Clone, PartialEq, Eq, Serialize, Deserialize)]
pub struct Input {
    /// The delivery's id; a second input with the same id changes nothing.
    pub id: InputId,
    /// When it came in.
    pub at: Timestamp,
    /// What it says.
    pub what: What,
}

/// The id of an input.
#[derive(Debug, Clone, PartialEq, Eq, PartialOrd, Ord, Hash, Serialize, Deserialize)]
#[serde(transparent)]
pub struct InputId(pub String);

/// An ask or a fact.
#[derive(Debug, Clone, PartialEq, Eq, Serialize, Deserialize)]
#[expect(clippy::large_enum_variant, reason = "one input is decided at a time: none is kept in bulk")]
pub enum What {
    /// A person wants something; may be refused.
    Ask {
        /// Who.
        by: Person,
        /// How they said it.
        proof: Proof,
        /// What they want.
        ask: Ask,
    },
    /// The world reports something; never refused, may be late, doubled or stale.
    Fact(Fact),
}

/// What a person wants.
#[derive(Debug, Clone, PartialEq, Eq, Serialize, Deserialize)]
pub enum Ask {
    /// A new cluster.
    Request {
        /// The filled-in form.
        form: Form,
        /// The number drawn for the change.
        number: ChangeNumber,
        /// Where it was asked.
        place: Place,
        /// How many clusters and open requests the person has already.
        owned: u32,
    },
    /// Yes to a plan.
    Approve {
        /// The plan that the person looked at; `None` for a typed command, which means the current one.
        plan: Option<PlanDigest>,
    },
    /// Takes an own yes back, as long as it is undecided.
    Withdraw,
    /// No to a change.
    Reject {
        /// The plan that the person looked at; `None` for a typed command.
        plan: Option<PlanDigest>,
        /// Why.
        reason: Option<Reason>,
    },
    /// Takes a change back.
    Cancel,
    /// Does again what failed, or renders and plans again.
    Retry,
    /// Takes the cluster down.
    Destroy {
        /// The number drawn for the change.
        number: ChangeNumber,
        /// Where it was asked.
        place: Place,
        /// Why.
        reason: Option<Reason>,
    },
}

/// What the world reports, in the past tense.
#[derive(Debug, Clone, PartialEq, Eq, Serialize, Deserialize)]
pub enum Fact {
    /// The card is in the chat.
    CardPosted {
        /// The change whose card it is.
        change: ChangeNumber,
        /// The chat's own id of it.
        message: String,
    },
    /// The pull request is open and holds what kaas rendered.
    PullOpened {
        /// The pull request.
        pull: Pull,
    },
    /// The branch's tip is not the one that kaas pushed.
    PullPushed {
        /// The pull request's number.
        pull: u64,
        /// The new tip.
        head: HeadSha,
        /// What the new tip holds.
        content: ContentDigest,
        /// Who, as the forge says.
        by: String,
        /// How many files differ from what kaas wrote.
        files: u32,
    },
    /// The pull request was closed without a merge, and not by kaas.
    PullClosed {
        /// The pull request's number.
        pull: u64,
        /// Who, as the forge says.
        by: String,
    },
    /// The pull request is merged.
    PullMerged {
        /// The pull request's number.
        pull: u64,
        /// The merge commit.
        commit: HeadSha,
    },
    /// The pull request of a change that was not made is closed.
    PullWithdrawn {
        /// The change whose pull request it was.
        change: ChangeNumber,
    },
    /// A plan was made.
    PlanReady {
        /// The plan.
        plan: Plan,
    },
    /// terraform applied the approved plan.
    Applied {
        /// Rancher's management id, where terraform told it.
        cluster_id: Option<String>,
    },
    /// The plan made right before the apply is not the approved one; nothing was applied.
    Drifted {
        /// The plan now.
        plan: Plan,
    },
    /// Nothing was applied, because the pull request is not the approved one any more.
    HeldBack {
        /// The pull request now; `None` where it was closed.
        pull: Option<Pull>,
        /// Who moved or closed it, as the forge says.
        by: String,
        /// How many files differ from what kaas wrote.
        files: u32,
    },
    /// The cluster is usable: twice in a row.
    Usable {
        /// What Rancher says.
        facts: ClusterFacts,
    },
    /// The ways in were given.
    Granted {
        /// Which.
        grants: Vec<Grant>,
    },
    /// The cluster is gone: Rancher knows it no more, on either of its interfaces.
    Gone,
    /// A review's time is over.
    DeadlinePassed {
        /// The deadline that is over.
        deadline: Timestamp,
    },
    /// Approvers were waited for long enough to be asked again.
    ReminderDue,
    /// The lease is over.
    LeaseEnded {
        /// The number drawn for the change that takes the cluster down.
        number: ChangeNumber,
    },
    /// An effect failed for good.
    Broken {
        /// Which.
        effect: EffectKey,
        /// How.
        fault: Fault,
    },
    /// An effect failed and will be tried again; said once.
    Troubled {
        /// How.
        fault: Fault,
        /// When it is tried again.
        again: Timestamp,
    },
}
