//! What reaches the core: asks of people, and facts of the world.
//!
//! Nothing here does I/O, reads a clock or draws a random number.

use jiff::{SignedDuration, Timestamp};
use serde::{Deserialize, Serialize};

use super::cloud::{Certificate, Finding, Order};
use super::form::{Form, Reason};
use super::{
    ChangeNumber, ClusterFacts, ContentDigest, EffectKey, Fault, Grant, HeadSha, Matched, Person, Place, Plan,
    PlanDigest, Proof, Pull, Subject,
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
    /// A way in for somebody, for a while or for as long as the cluster lives.
    Access {
        /// Who, as people call them.
        to: String,
        /// Who, as Rancher knows them.
        subject: Subject,
        /// The role; `None` is the tenant's usual one.
        role: Option<String>,
        /// For how long.
        lasts: Option<SignedDuration>,
    },
    /// Takes a way in back.
    Revoke {
        /// Whose, as people call them.
        to: String,
        /// Whose, as Rancher knows them.
        subject: Option<Subject>,
    },
    /// Lets a machine go that Rancher cannot remove, without asking the cloud.
    ForceRemove {
        /// The machine's name, typed by a person.
        machine: String,
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
    /// The card is in another chat of the tenant.
    CopyPosted {
        /// The change whose card it is.
        change: ChangeNumber,
        /// The chat's name.
        chat: String,
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
    /// The cloud was looked at for a plan, before the plan itself is told.
    Surveyed {
        /// What was found out.
        findings: Vec<Finding>,
        /// The machines that the plan is about.
        order: Order,
    },
    /// The owner was found in Rancher by their e-mail address, and by nothing else.
    OwnerMatched {
        /// As whom.
        matched: Matched,
    },
    /// Machines of the cluster were seen.
    MachinesSeen {
        /// Their names.
        machines: Vec<String>,
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
    /// A way in was given, by a command.
    Bound {
        /// Which.
        grant: Grant,
        /// Who asked for it.
        by: Person,
    },
    /// A way in was taken back.
    Unbound {
        /// The binding's id.
        binding: String,
        /// Who asked for it; `None` where its time was over.
        by: Option<Person>,
    },
    /// The time of a way in is over.
    AccessEnded {
        /// The binding's id.
        binding: String,
        /// The end that was waited for.
        at: Timestamp,
    },
    /// A way in could not be given, or not be taken back.
    AccessFailed {
        /// Whose.
        to: String,
        /// Whether it was to be taken back.
        back: bool,
        /// How.
        fault: Fault,
        /// The binding that there may be in Rancher all the same, where one was to be given.
        #[serde(default, skip_serializing_if = "Option::is_none")]
        binding: Option<String>,
        /// Who asked for it; `None` where its time was over.
        #[serde(default, skip_serializing_if = "Option::is_none")]
        by: Option<Person>,
    },
    /// Rancher lets a machine go that it could not remove.
    ForceRemoved {
        /// Which.
        machine: String,
        /// Who asked for it.
        by: Person,
    },
    /// The cloud was searched for what is left of the cluster.
    Swept {
        /// The change that took the cluster down.
        change: ChangeNumber,
        /// Which look it was, from 1.
        round: u32,
        /// What was found.
        certificate: Certificate,
    },
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
    /// Rancher has been removing the cluster for long while terraform waits for it; said once.
    Lingers {
        /// Rancher's own words.
        detail: String,
    },
    /// An effect failed and will be tried again; said once.
    Troubled {
        /// How.
        fault: Fault,
        /// When it is tried again.
        again: Timestamp,
    },
}
