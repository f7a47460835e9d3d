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
//! Reading order: this file (the nouns), [`form`] (values), [`policy`] (who may), [`mod@step`] (the whole behaviour), [`notice`] (what there is to say).
//!
//! **Invariant:** nothing in this folder does I/O, is async, reads a clock or draws a random number, and it uses no other module of kaas.

use std::fmt;

use jiff::Timestamp;
use serde::{Deserialize, Serialize};

pub mod catalogue;
pub mod form;
pub mod notice;
pub mod policy;
pub mod step;
pub mod summary;

use form::{ClusterName, Form, Invalid, Reason, TenantName, Ticket, checked_text};
use notice::Notice;

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

/// One way in: a Rancher role binding.
#[derive(Debug, Clone, PartialEq, Eq, Serialize, Deserialize)]
pub struct Grant {
    /// Who: a person's or a group's name.
    pub to: String,
    /// The Rancher role: `cluster-owner`.
    pub role: String,
    /// The binding's id in Rancher.
    pub binding: String,
}

/// One alteration of one cluster, from request to done.
#[derive(Debug, Clone, PartialEq, Eq, Serialize, Deserialize)]
pub struct Change {
    /// Its number.
    pub number: ChangeNumber,
    /// What it does.
    pub kind: Kind,
    /// Whether it takes down again what an unfinished create left behind (its pull request is closed and not merged).
    pub undo: bool,
    /// Who asked for it.
    pub by: Person,
    /// Where: the channel that holds its card.
    pub place: Place,
    /// Why.
    pub reason: Option<Reason>,
    /// The ticket.
    pub ticket: Option<Ticket>,
    /// Whether nobody asked for it but the end of the lease; `by` is the owner then.
    #[serde(default, skip_serializing_if = "std::ops::Not::not")]
    pub lease_ended: bool,
    /// When it was asked for.
    pub asked: Timestamp,
    /// When its state was entered.
    pub entered: Timestamp,
    /// Where it stands.
    pub state: State,
    /// The chat's own id of the card, once posted.
    pub card: Option<String>,
    /// How long its steps took.
    pub took: Took,
    /// The trouble that the thread was told of since the state was entered.
    #[serde(default, skip_serializing_if = "Option::is_none")]
    pub told: Option<String>,
}

/// Where a conversation takes place.
#[derive(Debug, Clone, PartialEq, Eq, PartialOrd, Ord, Serialize, Deserialize)]
pub struct Place {
    /// The chat adapter's name: `terminal`.
    pub chat: String,
    /// The channel, in the chat's own form: `#clusters`.
    pub channel: String,
}

/// What a change does.
#[derive(Debug, Clone, Copy, PartialEq, Eq, PartialOrd, Ord, Hash, Serialize, Deserialize)]
pub enum Kind {
    /// Makes a cluster.
    Create,
    /// Takes a cluster down.
    Destroy,
}

/// How long the steps of a change took; the source of estimates.
#[derive(Debug, Clone, Copy, Default, PartialEq, Eq, Serialize, Deserialize)]
pub struct Took {
    /// From entering `Applying` to `Applied`, in seconds.
    pub applying: Option<u32>,
    /// From entering `Joining` to its end, in seconds.
    pub joining: Option<u32>,
}

/// Where a change stands.
#[derive(Debug, Clone, PartialEq, Eq, Serialize, Deserialize)]
pub enum State {
    /// The pull request is being opened and the plan is being made, side by side.
    Preparing {
        /// The pull request, once open.
        pull: Option<Pull>,
        /// The plan, once made.
        plan: Option<Plan>,
    },
    /// People decide.
    Reviewing(Review),
    /// terraform applies what was approved.
    Applying(Approved),
    /// Applied; waiting until it is usable and granted (or provably gone), and merged.
    Joining(Joining),
    /// The change is complete: what was approved, applied and merged.
    Done(Approved),
    /// The change ended without being made.
    Closed(Closed),
    /// Something failed, and a person has to look.
    Stuck {
        /// What `Retry` enters again.
        was: Box<State>,
        /// What failed.
        why: StuckWhy,
    },
}

/// A review: what is decided upon, and the votes so far.
#[derive(Debug, Clone, PartialEq, Eq, Serialize, Deserialize)]
pub struct Review {
    /// The pull request.
    pub pull: Pull,
    /// The plan.
    pub plan: Plan,
    /// The votes for it, in the order in which they came.
    pub votes: Vec<Vote>,
    /// When the review ends by itself.
    pub deadline: Timestamp,
}

/// What was approved.
#[derive(Debug, Clone, PartialEq, Eq, Serialize, Deserialize)]
pub struct Approved {
    /// The pull request.
    pub pull: Pull,
    /// The plan that was approved.
    pub plan: Plan,
    /// The decision.
    pub receipt: Receipt,
}

/// What is still missing after the apply.
#[derive(Debug, Clone, PartialEq, Eq, Serialize, Deserialize)]
pub struct Joining {
    /// What was approved and applied.
    pub approved: Approved,
    /// Rancher's management id, where terraform told it.
    pub cluster_id: Option<String>,
    /// The merge commit (or, for an undo, the head that was closed), once there.
    pub merged: Option<HeadSha>,
    /// What Rancher says, once the cluster is usable.
    pub usable: Option<ClusterFacts>,
    /// The ways in, once given; for a destroy: empty, once it is provably gone.
    pub settled: Option<Vec<Grant>>,
}

/// A pull request.
#[derive(Debug, Clone, PartialEq, Eq, Serialize, Deserialize)]
pub struct Pull {
    /// Its number in the forge.
    pub number: u64,
    /// Where a person reads it.
    pub url: String,
    /// The commit at its tip.
    pub head: HeadSha,
    /// What its tip holds.
    pub content: ContentDigest,
}

/// A plan, in short. Its full text is a file of the data directory.
#[derive(Debug, Clone, PartialEq, Eq, Serialize, Deserialize)]
pub struct Plan {
    /// Over the canonical resource changes.
    pub digest: PlanDigest,
    /// Over the files that were planned.
    pub content: ContentDigest,
    /// Resources to add.
    pub add: u32,
    /// Resources to change in place.
    pub change: u32,
    /// Resources to destroy.
    pub destroy: u32,
    /// How dangerous it is.
    pub risk: Risk,
    /// What to look at, most dangerous first: "destroys rancher2_cluster_v2.this". At most [`HIGHLIGHTS_MAX`].
    pub highlights: Vec<String>,
}

/// The most highlights that a plan carries.
pub const HIGHLIGHTS_MAX: usize = 6;

/// How dangerous a plan is.
#[derive(Debug, Clone, Copy, PartialEq, Eq, PartialOrd, Ord, Hash, Serialize, Deserialize)]
#[serde(rename_all = "lowercase")]
pub enum Risk {
    /// Touches nothing that exists.
    Green,
    /// Changes something in place.
    Yellow,
    /// Destroys or replaces something, or replaces nodes behind an in-place change.
    Red,
}

/// One vote for a plan.
#[derive(Debug, Clone, PartialEq, Eq, Serialize, Deserialize)]
pub struct Vote {
    /// Who.
    pub by: Person,
    /// When.
    pub at: Timestamp,
    /// How it was given.
    pub proof: Proof,
}

/// How a person said something.
#[derive(Debug, Clone, Copy, PartialEq, Eq, PartialOrd, Ord, Hash, Serialize, Deserialize)]
pub enum Proof {
    /// A typed command.
    Command,
    /// A button of the card.
    Button,
    /// A reaction on the card.
    Reaction,
    /// A review in the forge.
    Review,
}

/// The signed-off record of one decision.
#[derive(Debug, Clone, PartialEq, Eq, Serialize, Deserialize)]
pub struct Receipt {
    /// Who approved, and how.
    pub votes: Vec<Vote>,
    /// How many votes were needed.
    pub quorum: u32,
    /// Over which plan.
    pub plan: PlanDigest,
    /// Over which head.
    pub head: HeadSha,
    /// When the last vote came in.
    pub at: Timestamp,
}

/// Why a change ended without being made.
#[derive(Debug, Clone, PartialEq, Eq, Serialize, Deserialize)]
pub enum Closed {
    /// Somebody rejected it.
    Rejected {
        /// Who.
        by: Person,
        /// Why.
        reason: Option<Reason>,
    },
    /// Somebody took it back.
    Cancelled {
        /// Who.
        by: Person,
    },
    /// Its pull request was closed in the forge.
    PullClosed {
        /// Who closed it, as the forge says.
        by: String,
    },
    /// Nobody decided in time.
    NobodyDecided {
        /// When the review ended.
        deadline: Timestamp,
    },
}

/// Why a change is stuck.
#[derive(Debug, Clone, PartialEq, Eq, Serialize, Deserialize)]
pub enum StuckWhy {
    /// An effect failed for good.
    Fault(Fault),
    /// Somebody else pushed to the branch.
    Pushed {
        /// Who, as the forge says.
        by: String,
        /// How many files differ from what kaas wrote.
        files: u32,
    },
    /// What was planned and what the pull request holds are not the same.
    Differs,
    /// Taking down what an unfinished create left behind was not decided, so it is still there.
    LeftBehind(Closed),
}

/// A fault, as people see it: one line and a reference that finds the whole chain in the log.
#[derive(Debug, Clone, PartialEq, Eq, Serialize, Deserialize)]
pub struct Fault {
    /// The reference: `K-7F3Q`.
    pub reference: String,
    /// One neutral line, redacted.
    pub text: String,
}

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

/// Names one effect for ever: the record's revision that asked for it, and its place there. The idempotency key.
#[derive(Debug, Clone, PartialEq, Eq, PartialOrd, Ord, Hash, Serialize, Deserialize)]
pub struct EffectKey {
    /// Whose.
    pub cluster: ClusterKey,
    /// The revision of the record that asked for it.
    pub revision: u64,
    /// Its place among the effects of that revision.
    pub index: u32,
}

impl fmt::Display for EffectKey {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        write!(f, "{}/{}/{}", self.cluster, self.revision, self.index)
    }
}

/// What kaas asks of the world.
#[derive(Debug, Clone, PartialEq, Eq, Serialize, Deserialize)]
pub enum Effect {
    /// Posts the status card, or edits it to what is true now.
    Card,
    /// Posts into the card's thread.
    Post(Notice),
    /// Tells one person, privately.
    Tell {
        /// Whom.
        to: Person,
        /// What.
        notice: Notice,
    },
    /// Renders the files and opens the pull request, or writes its branch again.
    OpenPull,
    /// Writes the plan into the pull request.
    ShowPlan {
        /// Which plan.
        plan: Plan,
    },
    /// Merges the pull request, if its tip is still this one.
    MergePull {
        /// The pull request's number.
        pull: u64,
        /// The tip that was approved.
        head: HeadSha,
    },
    /// Closes the pull request of the change that asks for it, where there is one, and deletes its branch.
    ClosePull,
    /// Renders the files and makes a plan.
    MakePlan,
    /// Plans once more, and applies if the plan is the approved one.
    Apply {
        /// The approved plan.
        plan: PlanDigest,
        /// The tip that the pull request must have.
        head: HeadSha,
    },
    /// Waits until Rancher says, twice in a row, that the cluster is usable.
    AwaitUsable {
        /// Rancher's management id, where terraform told it.
        cluster_id: Option<String>,
    },
    /// Gives the requester and the team their ways in.
    GrantAccess {
        /// Rancher's management id.
        cluster_id: String,
    },
    /// Waits until Rancher knows the cluster no more.
    AwaitGone {
        /// Rancher's management id, where it is known.
        cluster_id: Option<String>,
    },
    /// Reports when the review's time is over.
    AwaitDeadline {
        /// When.
        at: Timestamp,
    },
    /// Reports when approvers should be asked again.
    AwaitReminder {
        /// When.
        at: Timestamp,
    },
    /// Reports when the lease is over.
    AwaitLeaseEnd {
        /// When.
        at: Timestamp,
    },
}

/// The order that effects of one record keep among themselves.
#[derive(Debug, Clone, Copy, PartialEq, Eq, PartialOrd, Ord, Hash, Serialize, Deserialize)]
pub enum Lane {
    /// What kaas says: strictly one after the other.
    Talk,
    /// What kaas asks of the forge: strictly one after the other.
    Forge,
    /// What kaas asks of terraform and Rancher: strictly one after the other.
    Work,
    /// What kaas waits for by the clock: side by side.
    Clock,
}

impl Effect {
    /// The lane it belongs to.
    pub fn lane(&self) -> Lane {
        match self {
            Self::Card | Self::Post(_) | Self::Tell { .. } => Lane::Talk,
            Self::OpenPull | Self::ShowPlan { .. } | Self::MergePull { .. } | Self::ClosePull => Lane::Forge,
            Self::MakePlan
            | Self::Apply { .. }
            | Self::AwaitUsable { .. }
            | Self::GrantAccess { .. }
            | Self::AwaitGone { .. } => Lane::Work,
            Self::AwaitDeadline { .. } | Self::AwaitReminder { .. } | Self::AwaitLeaseEnd { .. } => Lane::Clock,
        }
    }

    /// The earliest time at which it makes sense to perform it, where that is not at once.
    pub fn not_before(&self) -> Option<Timestamp> {
        match self {
            Self::AwaitDeadline { at } | Self::AwaitReminder { at } | Self::AwaitLeaseEnd { at } => Some(*at),
            Self::Card
            | Self::Post(_)
            | Self::Tell { .. }
            | Self::OpenPull
            | Self::ShowPlan { .. }
            | Self::MergePull { .. }
            | Self::ClosePull
            | Self::MakePlan
            | Self::Apply { .. }
            | Self::AwaitUsable { .. }
            | Self::GrantAccess { .. }
            | Self::AwaitGone { .. } => None,
        }
    }

    /// Its name, for logs and the journal.
    pub fn name(&self) -> &'static str {
        match self {
            Self::Card => "card",
            Self::Post(_) => "post",
            Self::Tell { .. } => "tell",
            Self::OpenPull => "open-pull",
            Self::ShowPlan { .. } => "show-plan",
            Self::MergePull { .. } => "merge-pull",
            Self::ClosePull => "close-pull",
            Self::MakePlan => "make-plan",
            Self::Apply { .. } => "apply",
            Self::AwaitUsable { .. } => "await-usable",
            Self::GrantAccess { .. } => "grant-access",
            Self::AwaitGone { .. } => "await-gone",
            Self::AwaitDeadline { .. } => "await-deadline",
            Self::AwaitReminder { .. } => "await-reminder",
            Self::AwaitLeaseEnd { .. } => "await-lease-end",
        }
    }
}

impl State {
    /// Whether the change has ended.
    pub fn is_over(&self) -> bool {
        matches!(self, Self::Done(_) | Self::Closed(_))
    }

    /// Its name, for logs, lists and refusals.
    pub fn name(&self) -> &'static str {
        match self {
            Self::Preparing { .. } => "preparing",
            Self::Reviewing(_) => "reviewing",
            Self::Applying(_) => "applying",
            Self::Joining(_) => "joining",
            Self::Done(_) => "done",
            Self::Closed(_) => "closed",
            Self::Stuck { .. } => "stuck",
        }
    }

    /// The pull request, where one is known.
    pub fn pull(&self) -> Option<&Pull> {
        match self {
            Self::Preparing { pull, .. } => pull.as_ref(),
            Self::Reviewing(review) => Some(&review.pull),
            Self::Applying(approved) | Self::Done(approved) => Some(&approved.pull),
            Self::Joining(joining) => Some(&joining.approved.pull),
            Self::Closed(_) => None,
            Self::Stuck { was, .. } => was.pull(),
        }
    }

    /// The plan, where one is known.
    pub fn plan(&self) -> Option<&Plan> {
        match self {
            Self::Preparing { plan, .. } => plan.as_ref(),
            Self::Reviewing(review) => Some(&review.plan),
            Self::Applying(approved) | Self::Done(approved) => Some(&approved.plan),
            Self::Joining(joining) => Some(&joining.approved.plan),
            Self::Closed(_) => None,
            Self::Stuck { was, .. } => was.plan(),
        }
    }

    /// What was approved, where something was.
    pub fn approved(&self) -> Option<&Approved> {
        match self {
            Self::Applying(approved) | Self::Done(approved) => Some(approved),
            Self::Joining(joining) => Some(&joining.approved),
            Self::Stuck { was, .. } => was.approved(),
            Self::Preparing { .. } | Self::Reviewing(_) | Self::Closed(_) => None,
        }
    }
}

impl Cluster {
    /// The open change, if there is one.
    pub fn open(&self) -> Option<&Change> {
        (!self.change.state.is_over()).then_some(&self.change)
    }
}
