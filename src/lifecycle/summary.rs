//! A cluster in one row: what lists show and stores index by.
//!
//! Nothing here does I/O, reads a clock or draws a random number.

use jiff::Timestamp;
use serde::{Deserialize, Serialize};

use super::form::{ClassName, SizeName};
use super::{ChangeNumber, Cluster, ClusterKey, Kind, Person, Risk, State, Took};

/// A cluster in one row.
#[derive(Debug, Clone, PartialEq, Eq, Serialize, Deserialize)]
pub struct ClusterSummary {
    /// Which one.
    pub key: ClusterKey,
    /// Who it belongs to.
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
    /// Since when it is ready; `None` where it does not exist.
    pub since: Option<Timestamp>,
    /// When its lease ends.
    pub until: Option<Timestamp>,
    /// The open change, or the one that ended last.
    pub change: ChangeSummary,
}

/// A change in one row.
#[derive(Debug, Clone, PartialEq, Eq, Serialize, Deserialize)]
pub struct ChangeSummary {
    /// Its number.
    pub number: ChangeNumber,
    /// What it does.
    pub kind: Kind,
    /// Who asked for it.
    pub by: Person,
    /// Its state's name: `reviewing`.
    pub state: String,
    /// Whether it is open.
    pub open: bool,
    /// How many votes it has, while it is in review.
    pub votes: Option<u32>,
    /// How dangerous its plan is, where there is one.
    pub risk: Option<Risk>,
    /// When its state was entered.
    pub entered: Timestamp,
    /// How long its steps took.
    pub took: Took,
}

impl ClusterSummary {
    /// The row of a cluster.
    pub fn of(cluster: &Cluster) -> Self {
        let (form, change) = (&cluster.form, &cluster.change);
        Self {
            key: cluster.key.clone(),
            owner: cluster.owner.clone(),
            class: form.class.clone(),
            size: form.size.clone(),
            control_planes: form.control_planes,
            workers: form.workers,
            dollars_a_month: form.dollars_a_month,
            since: cluster.live.as_ref().map(|l| l.since),
            until: cluster.live.as_ref().and_then(|l| l.until),
            change: ChangeSummary {
                number: change.number,
                kind: change.kind,
                by: change.by.clone(),
                state: change.state.name().to_owned(),
                open: !change.state.is_over(),
                votes: match &change.state {
                    State::Reviewing(review) => Some(u32::try_from(review.votes.len()).unwrap_or(u32::MAX)),
                    State::Preparing { .. }
                    | State::Applying(_)
                    | State::Joining(_)
                    | State::Done(_)
                    | State::Closed(_)
                    | State::Stuck { .. } => None,
                },
                risk: change.state.plan().map(|p| p.risk),
                entered: change.entered,
                took: change.took,
            },
        }
    }

    /// Whether there is something to show: the cluster exists, or a change of it is open.
    pub fn is_current(&self) -> bool {
        self.since.is_some() || self.change.open
    }
}
