//! What kaas asks of the world, and the order that it keeps.
//!
//! Nothing here does I/O, reads a clock or draws a random number.

use std::fmt;

use jiff::Timestamp;
use serde::{Deserialize, Serialize};

use super::cloud::{Certificate, Footprint};
use super::notice::Notice;
use super::{ClusterKey, HeadSha, Person, Plan, PlanDigest, Subject};

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
    /// The same as `Card`, in another chat of the tenant.
    CopyCard {
        /// The chat's name.
        chat: String,
    },
    /// The same as `Post`, in another chat of the tenant.
    CopyPost {
        /// The chat's name.
        chat: String,
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
    /// Gives one way in.
    Bind {
        /// Rancher's management id.
        cluster_id: String,
        /// Who, as people call them.
        to: String,
        /// Who, as Rancher knows them.
        subject: Subject,
        /// The role.
        role: String,
        /// When it ends by itself.
        until: Option<Timestamp>,
        /// Who asked for it.
        by: Person,
    },
    /// Takes one way in back.
    Unbind {
        /// The binding's id.
        binding: String,
        /// Whose, as people call them.
        to: String,
        /// Who asked for it; `None` where its time is over.
        by: Option<Person>,
    },
    /// Lets a machine go that Rancher cannot remove.
    ForceRemove {
        /// Its name.
        machine: String,
        /// Who asked for it.
        by: Person,
    },
    /// Writes what was found after the teardown into its pull request.
    ShowCertificate {
        /// The pull request's number.
        pull: u64,
        /// Which look it was.
        round: u32,
        /// What was found.
        certificate: Certificate,
    },
    /// Searches the cloud for what is left of a cluster that is gone.
    Sweep {
        /// When.
        at: Timestamp,
        /// Which look it is, from 1.
        round: u32,
        /// What is looked for.
        footprint: Footprint,
    },
    /// Reports when a way in ends.
    AwaitAccessEnd {
        /// The binding's id.
        binding: String,
        /// When.
        at: Timestamp,
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
    /// The status card: one drawing after the other.
    Card,
    /// What kaas says: strictly one after the other; nothing before there is a card for it to hang on.
    Talk,
    /// The card and what is said in the tenant's other chat: strictly one after the other, and held up by nothing that happens in the first.
    Copy,
    /// What kaas asks of the forge: strictly one after the other.
    Forge,
    /// What kaas asks of terraform and Rancher: strictly one after the other.
    Work,
    /// Ways in that people ask for: strictly one after the other.
    Access,
    /// What kaas waits for by the clock: side by side.
    Clock,
}

impl Effect {
    /// The same in another chat, of what everybody sees.
    pub fn copied(&self, chat: &str) -> Option<Self> {
        match self {
            Self::Card => Some(Self::CopyCard { chat: chat.to_owned() }),
            Self::Post(notice) => Some(Self::CopyPost { chat: chat.to_owned(), notice: notice.clone() }),
            _ => None,
        }
    }

    /// The lane it belongs to.
    pub fn lane(&self) -> Lane {
        match self {
            Self::Card => Lane::Card,
            Self::Post(_) | Self::Tell { .. } => Lane::Talk,
            Self::CopyCard { .. } | Self::CopyPost { .. } => Lane::Copy,
            Self::OpenPull
            | Self::ShowPlan { .. }
            | Self::MergePull { .. }
            | Self::ClosePull
            | Self::ShowCertificate { .. } => Lane::Forge,
            Self::MakePlan
            | Self::Apply { .. }
            | Self::AwaitUsable { .. }
            | Self::GrantAccess { .. }
            | Self::AwaitGone { .. } => Lane::Work,
            Self::Bind { .. } | Self::Unbind { .. } | Self::ForceRemove { .. } => Lane::Access,
            Self::AwaitDeadline { .. }
            | Self::AwaitReminder { .. }
            | Self::AwaitLeaseEnd { .. }
            | Self::AwaitAccessEnd { .. }
            | Self::Sweep { .. } => Lane::Clock,
        }
    }

    /// The earliest time at which it makes sense to perform it, where that is not at once.
    pub fn not_before(&self) -> Option<Timestamp> {
        match self {
            Self::AwaitDeadline { at }
            | Self::AwaitReminder { at }
            | Self::AwaitLeaseEnd { at }
            | Self::AwaitAccessEnd { at, .. }
            | Self::Sweep { at, .. } => Some(*at),
            Self::Card
            | Self::Post(_)
            | Self::Tell { .. }
            | Self::CopyCard { .. }
            | Self::CopyPost { .. }
            | Self::OpenPull
            | Self::ShowPlan { .. }
            | Self::MergePull { .. }
            | Self::ClosePull
            | Self::MakePlan
            | Self::Apply { .. }
            | Self::AwaitUsable { .. }
            | Self::GrantAccess { .. }
            | Self::AwaitGone { .. }
            | Self::Bind { .. }
            | Self::Unbind { .. }
            | Self::ForceRemove { .. }
            | Self::ShowCertificate { .. } => None,
        }
    }

    /// Its name, for logs and the journal.
    pub fn name(&self) -> &'static str {
        match self {
            Self::Card => "card",
            Self::Post(_) => "post",
            Self::Tell { .. } => "tell",
            Self::CopyCard { .. } => "copy-card",
            Self::CopyPost { .. } => "copy-post",
            Self::OpenPull => "open-pull",
            Self::ShowPlan { .. } => "show-plan",
            Self::MergePull { .. } => "merge-pull",
            Self::ClosePull => "close-pull",
            Self::MakePlan => "make-plan",
            Self::Apply { .. } => "apply",
            Self::AwaitUsable { .. } => "await-usable",
            Self::GrantAccess { .. } => "grant-access",
            Self::AwaitGone { .. } => "await-gone",
            Self::Bind { .. } => "bind",
            Self::Unbind { .. } => "unbind",
            Self::ForceRemove { .. } => "force-remove",
            Self::ShowCertificate { .. } => "show-certificate",
            Self::Sweep { .. } => "sweep",
            Self::AwaitAccessEnd { .. } => "await-access-end",
            Self::AwaitDeadline { .. } => "await-deadline",
            Self::AwaitReminder { .. } => "await-reminder",
            Self::AwaitLeaseEnd { .. } => "await-lease-end",
        }
    }
}
