//! A cluster in short: what lists show and stores index by.
//!
//! Nothing here does I/O, reads a clock or draws a random number.

use jiff::Timestamp;
use serde::{Deserialize, Serialize};

use super::form::{ClassName, SizeName};
use super::{ChangeNumber, Cluster, ClusterKey, Kind, Person, Risk, State, Took};

/// A cluster in short. Made from the cluster alone, so that it can be made again at any time.
#[derive(Debug, Clone, PartialEq, Eq, Serialize, Deserialize)]
pub struct ClusterSummary {
    /// Which one.
    pub key: ClusterKey,
    /// Whose.
    pub owner: Person,
    /// Its class.
    pub class: ClassName,
    /// Its size.
    pub size: SizeName,
    /// How many control plane nodes.
    pub control_planes: u32,
    /// How many worker nodes.
    pub workers: u32,
    /// About what it costs a month, in whole US dollars.
    pub dollars_a_month: Option<u32>,
    /// Since when it exists; `None` before it is ready and after it is gone.
    pub since: Option<Timestamp>,
    /// When its lease ends, where it exists and has one.
    pub until: Option<Timestamp>,
    /// The open change, or the one that ended last.
    pub change: ChangeNumber,
    /// What that change does.
    pub kind: Kind,
    /// Whether it takes down what an unfinished create left behind.
    pub undo: bool,
    /// Where it stands.
    pub phase: Phase,
    /// Since when it stands there.
    pub entered: Timestamp,
    /// How long its steps took.
    pub took: Took,
}

/// Where a change stands, in short.
#[derive(Debug, Clone, Copy, PartialEq, Eq, PartialOrd, Ord, Hash, Serialize, Deserialize)]
pub enum Phase {
    /// Being rendered and planned.
    Preparing,
    /// People decide.
    Reviewing {
        /// How many approved.
        votes: u32,
        /// How dangerous the plan is: how many have to approve follows from it.
        risk: Risk,
    },
    /// Being applied.
    Applying,
    /// Applied, and not yet usable (or provably gone).
    Joining,
    /// Complete.
    Done,
    /// Ended without being made.
    Closed,
    /// Failed; somebody has to look.
    Stuck,
}

impl ClusterSummary {
    /// The summary of a cluster.
    pub fn of(cluster: &Cluster) -> Self {
        let Cluster { key, owner, form, live, change, written: _, footprint: _ } = cluster;
        Self {
            key: key.clone(),
            owner: owner.clone(),
            class: form.class.clone(),
            size: form.size.clone(),
            control_planes: form.control_planes,
            workers: form.workers,
            dollars_a_month: form.dollars_a_month,
            since: live.as_ref().map(|live| live.since),
            until: live.as_ref().and_then(|live| live.until),
            change: change.number,
            kind: change.kind,
            undo: change.undo,
            phase: Phase::of(&change.state),
            entered: change.entered,
            took: change.took,
        }
    }

    /// Whether its change is open.
    pub fn is_open(&self) -> bool {
        !matches!(self.phase, Phase::Done | Phase::Closed)
    }

    /// Whether there is anything of it: it exists, or a change of it is open.
    pub fn is_there(&self) -> bool {
        self.since.is_some() || self.is_open()
    }
}

impl Phase {
    fn of(state: &State) -> Self {
        match state {
            State::Preparing { .. } => Self::Preparing,
            State::Reviewing(review) => {
                Self::Reviewing { votes: u32::try_from(review.votes.len()).unwrap_or(u32::MAX), risk: review.plan.risk }
            }
            State::Applying(_) => Self::Applying,
            State::Joining(_) => Self::Joining,
            State::Done(_) => Self::Done,
            State::Closed(_) => Self::Closed,
            State::Stuck { .. } => Self::Stuck,
        }
    }
}
