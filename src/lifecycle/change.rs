//! A change: one alteration of one cluster, where it stands, and what was decided about it.
//!
//! Nothing here does I/O, reads a clock or draws a random number.

use jiff::Timestamp;
use serde::{Deserialize, Serialize};

use super::cloud::Finding;
use super::form::{Reason, Ticket};
use super::{ChangeNumber, ClusterFacts, ContentDigest, Grant, HeadSha, Person, PlanDigest};

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
    /// Where else it is shown.
    #[serde(default, skip_serializing_if = "Vec::is_empty")]
    pub copies: Vec<CardCopy>,
    /// How long its steps took.
    pub took: Took,
    /// How many reviews it has had: each new plan is a new one.
    #[serde(default, skip_serializing_if = "is_zero")]
    pub reviews: u32,
    /// The plan that the thread was told of before its pull request was open, and when.
    #[serde(default, skip_serializing_if = "Option::is_none")]
    pub foretold: Option<(PlanDigest, Timestamp)>,
    /// The trouble that the thread was told of since the state was entered.
    #[serde(default, skip_serializing_if = "Option::is_none")]
    pub told: Option<String>,
    /// What was found out about the current plan in the cloud.
    #[serde(default, skip_serializing_if = "Vec::is_empty")]
    pub findings: Vec<Finding>,
    /// As whom the owner will be let in, where nothing but their e-mail address says so.
    #[serde(default, skip_serializing_if = "Option::is_none")]
    pub matched: Option<Matched>,
}

/// A user of Rancher's whom somebody was taken for because of their e-mail address.
#[derive(Debug, Clone, PartialEq, Eq, Serialize, Deserialize)]
pub struct Matched {
    /// The user's id: `u-k7x2m`.
    pub user: String,
    /// The name that it logs in with. Untrusted.
    pub name: String,
    /// The address.
    pub email: String,
}

fn is_zero(count: &u32) -> bool {
    *count == 0
}

impl Change {
    /// Where it is shown: first where it was asked for.
    pub fn places(&self) -> impl Iterator<Item = &Place> {
        std::iter::once(&self.place).chain(self.copies.iter().map(|copy| &copy.place))
    }

    /// Where it is shown in that chat, and the chat's own id of its card, once there is one.
    pub fn shown_in(&self, chat: &str) -> Option<(&Place, Option<&str>)> {
        if self.place.chat == chat {
            return Some((&self.place, self.card.as_deref()));
        }
        let copy = self.copies.iter().find(|copy| copy.place.chat == chat)?;
        Some((&copy.place, copy.card.as_deref()))
    }

    /// Whether the cluster is being destroyed: it was decided, and some of it may be gone.
    pub fn leaving(&self) -> bool {
        self.kind == Kind::Destroy
            && match &self.state {
                State::Applying(_) | State::Joining(_) => true,
                State::Stuck { was, .. } => was.approved().is_some(),
                State::Preparing { .. } | State::Reviewing(_) | State::Done(_) | State::Closed(_) => false,
            }
    }
}

/// Where a conversation takes place.
#[derive(Debug, Clone, PartialEq, Eq, PartialOrd, Ord, Serialize, Deserialize)]
pub struct Place {
    /// The chat adapter's name: `terminal`.
    pub chat: String,
    /// The channel, in the chat's own form: `#clusters`.
    pub channel: String,
}

/// Where else a change is shown: another chat of the same tenant, with a card of its own.
#[derive(Debug, Clone, PartialEq, Eq, Serialize, Deserialize)]
pub struct CardCopy {
    /// Where.
    pub place: Place,
    /// The chat's own id of the card, once it is posted.
    #[serde(default, skip_serializing_if = "Option::is_none")]
    pub card: Option<String>,
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
    /// It could not be made so: what is wrong in the cloud, and what would work.
    WontWork(Vec<Finding>),
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

impl State {
    /// Whether the change has ended.
    pub fn is_over(&self) -> bool {
        matches!(self, Self::Done(_) | Self::Closed(_))
    }

    /// Its name, for logs, lists and refusals.
    pub fn name(&self) -> &'static str {
        match self {
            Self::Preparing { pull: None, plan: Some(_) } => "planned",
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
