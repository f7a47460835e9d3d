//! What there is to say, as values. The words are in `render/say`; here is only what they are made of.
//!
//! Nothing here does I/O, reads a clock or draws a random number.

use jiff::{SignedDuration, Timestamp};
use serde::{Deserialize, Serialize};

use super::cloud::Certificate;
use super::form::Reason;
use super::{ChangeNumber, Closed, Fault, Kind, Person, Plan, PlanDigest, Proof, Risk, StuckWhy};

/// Something to say about a change that somebody has to look at, or wants to know.
#[derive(Debug, Clone, PartialEq, Eq, Serialize, Deserialize)]
pub enum Notice {
    /// To the thread: the plan is here, with its text as a file; approvers decide. Mentions the approvers.
    PlanReady {
        /// The plan.
        plan: Plan,
        /// How many votes it needs.
        quorum: u32,
        /// Who can decide.
        approvers: Vec<Person>,
    },
    /// To the thread: approvers are asked again, once.
    StillWaiting {
        /// How many votes are missing.
        missing: u32,
        /// Who can still decide.
        approvers: Vec<Person>,
        /// When the review ends by itself.
        deadline: Timestamp,
    },
    /// To the thread: decided; applying now.
    Approved {
        /// Who approved.
        by: Vec<Person>,
        /// Over which plan.
        plan: PlanDigest,
    },
    /// To the thread: the votes so far do not count any more.
    VotesVoid {
        /// Whose.
        whose: Vec<Person>,
        /// Why.
        why: VoidWhy,
    },
    /// To the thread: the world moved between the approval and the apply; nothing was applied.
    Drifted {
        /// What was approved.
        then: Plan,
        /// What the plan says now.
        now: Plan,
        /// How many votes it needs.
        quorum: u32,
        /// Who can decide.
        approvers: Vec<Person>,
    },
    /// To the thread: the change ended without being made.
    Ended(Closed),
    /// To the requester: the change ended without being made.
    YoursEnded(Closed),
    /// To the thread: a person has to look.
    Stuck(StuckWhy),
    /// To the thread: the cluster is ready, and who has a way in.
    Ready {
        /// Who was given a way in, with their roles.
        grants: Vec<super::Grant>,
    },
    /// To the requester: the way in.
    WayIn,
    /// To the thread: the cluster is gone.
    Gone {
        /// How many resources were destroyed.
        destroyed: u32,
    },
    /// To the thread: what an unfinished create had made is taken down again; it needs a plan and votes.
    Undoing {
        /// Who asked for it.
        by: Person,
    },
    /// To the thread: the lease is over, and kaas asks for the cluster to be taken down.
    LeaseEnded,
    /// To the owner: their cluster is to be taken down, and they did not ask for it.
    YoursGoes {
        /// Who asked; `None` where the lease ended.
        by: Option<Person>,
    },
    /// To the thread: the pull request was merged by hand before the change was decided.
    MergedEarly,
    /// To the thread and the admins: Rancher has been removing the cluster for long, while terraform waits for it.
    Lingers {
        /// Rancher's own words. Untrusted.
        detail: String,
    },
    /// To the thread: something outside does not answer; it will be tried again.
    Troubled {
        /// What.
        fault: Fault,
        /// When it is tried again.
        again: Timestamp,
    },
    /// To the thread: the change has ended, but something of it could not be put away, such as its pull request.
    NotTidied {
        /// What.
        fault: Fault,
    },
    /// To the thread: somebody pushed to (or closed) the pull request while it was being applied; kaas writes it again before it merges.
    PullRestored {
        /// Who.
        by: String,
    },
    /// To the thread: somebody was given a way in.
    AccessGiven {
        /// Which.
        grant: super::Grant,
        /// Who asked for it.
        by: Person,
    },
    /// To the thread: somebody's way in was taken back.
    AccessTaken {
        /// Which.
        grant: super::Grant,
        /// Who asked for it; `None` where its time was over.
        by: Option<Person>,
    },
    /// To the thread, whoever asked and the admins: a way in could not be given, or not be taken back.
    AccessFailed {
        /// Whose.
        to: String,
        /// Whether it was to be taken back.
        back: bool,
        /// How.
        fault: Fault,
    },
    /// To the thread: an admin let a machine go that Rancher could not remove.
    ForceRemoved {
        /// Which.
        machine: String,
        /// Who asked for it.
        by: Person,
        /// Whether the cloud is searched after the teardown.
        #[serde(default)]
        searched: bool,
    },
    /// To the thread: what is left of a cluster that is gone.
    Certificate {
        /// Which look it was, from 1.
        round: u32,
        /// What was found.
        certificate: Certificate,
    },
    /// To the person who asked: it was not done.
    Refused(Refusal),
}

/// Why votes do not count any more.
#[derive(Debug, Clone, PartialEq, Eq, Serialize, Deserialize)]
pub enum VoidWhy {
    /// Somebody pushed to the branch.
    Pushed {
        /// Who, as the forge says.
        by: String,
        /// How many files differ from what kaas wrote; 0 where the content is the same.
        files: u32,
    },
    /// Somebody asked kaas to render and plan again.
    Replanned {
        /// Who.
        by: Person,
    },
}

/// Why a person may not do this. The refusal's words and hints are in `render/say`.
#[derive(Debug, Clone, PartialEq, Eq, Serialize, Deserialize)]
pub enum Refusal {
    /// The person has no right to ask for clusters.
    MayNotRequest {
        /// Who gives that right.
        admins: Vec<Person>,
    },
    /// The person is not an approver.
    NotAnApprover {
        /// Who is.
        approvers: Vec<Person>,
    },
    /// The person asked for this change, so others decide.
    OwnChange {
        /// How many votes are needed.
        quorum: u32,
        /// Who can decide.
        approvers: Vec<Person>,
    },
    /// The person has voted for this plan already.
    AlreadyVoted {
        /// How many votes are still missing.
        missing: u32,
    },
    /// The person has no vote that could be taken back.
    NoVote,
    /// The person looked at a plan that is not the current one.
    OtherPlan {
        /// The plan they looked at.
        seen: PlanDigest,
        /// The current plan, with its counts.
        now: Plan,
    },
    /// A reaction is not enough for a plan this dangerous.
    ReactionTooWeak {
        /// How dangerous it is.
        risk: Risk,
    },
    /// There is no review to vote in: the change is somewhere else.
    NotInReview {
        /// What the person wanted.
        wanted: Wanted,
        /// The state's name.
        state: String,
    },
    /// There is no open change.
    NothingOpen {
        /// What the person wanted.
        wanted: Wanted,
        /// Whether the cluster exists.
        live: bool,
    },
    /// Another change of the cluster is open.
    ChangeOpen {
        /// Its number.
        change: ChangeNumber,
        /// What it does.
        kind: Kind,
        /// Who asked for it.
        by: Person,
        /// When.
        since: Timestamp,
        /// Its pull request, where there is one.
        pull: Option<String>,
    },
    /// A cluster of that name exists.
    Exists {
        /// Whose it is.
        owner: Person,
    },
    /// There is no such cluster.
    NoSuchCluster {
        /// A name that is close.
        near: Option<String>,
    },
    /// Only the owner, the requester or an admin can.
    NotYours {
        /// What the person wanted.
        wanted: Wanted,
        /// Whose it is.
        owner: Person,
        /// Who else can.
        admins: Vec<Person>,
    },
    /// terraform is at work, which is not to be cut off.
    AtWork {
        /// What the person wanted.
        wanted: Wanted,
        /// The state's name.
        state: String,
    },
    /// Nothing failed.
    NothingToRetry {
        /// The state's name.
        state: String,
    },
    /// Not enough people could approve it.
    NobodyCouldApprove {
        /// How many votes are needed.
        quorum: u32,
        /// Who could give one.
        approvers: Vec<Person>,
    },
    /// The person has as many clusters as one may have.
    TooMany {
        /// How many they have.
        have: u32,
        /// How many one may have.
        limit: u32,
    },
    /// New changes are stopped for now.
    Frozen {
        /// Why, as the operators put it.
        why: Reason,
    },
    /// The cluster is not there to be let into.
    NotReady {
        /// The state's name, or `leaving` while the cluster is being destroyed.
        state: String,
    },
    /// Nobody gives this role by a command.
    RoleNotGiven {
        /// Which.
        role: String,
        /// Which can be given.
        roles: Vec<String>,
    },
    /// A way in for so long is not given.
    TooLong {
        /// The longest.
        longest: SignedDuration,
    },
    /// They have this way in already.
    HasAccess {
        /// Whose.
        to: String,
        /// The role.
        role: String,
        /// When it ends.
        until: Option<Timestamp>,
    },
    /// They have no way in.
    NoAccess {
        /// Whose.
        to: String,
        /// Who has one.
        have: Vec<String>,
    },
    /// Only an admin can.
    AdminsOnly {
        /// What the person wanted.
        wanted: Wanted,
        /// Who can.
        admins: Vec<Person>,
    },
    /// No machine is stuck: nothing is being taken down.
    NothingStuck,
    /// A word that the platform's way of saying it cannot carry: rejecting by reaction, for example.
    NotThisWay {
        /// What the person wanted.
        wanted: Wanted,
        /// How they said it.
        proof: Proof,
    },
}

/// What a person wanted, for the words of a refusal.
#[derive(Debug, Clone, Copy, PartialEq, Eq, PartialOrd, Ord, Hash, Serialize, Deserialize)]
pub enum Wanted {
    /// To request a cluster.
    Request,
    /// To approve.
    Approve,
    /// To take a vote back.
    Withdraw,
    /// To reject.
    Reject,
    /// To cancel.
    Cancel,
    /// To retry.
    Retry,
    /// To destroy.
    Destroy,
    /// To give a way in.
    Access,
    /// To take a way in back.
    Revoke,
    /// To let a machine go.
    ForceRemove,
    /// To search the account for what was left behind.
    Orphans,
    /// To link a person to a user of Rancher's.
    Link,
}
