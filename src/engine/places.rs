//! Places: how many effects of a kind are performed at once, and who waits for a place.

use std::collections::{HashMap, HashSet, VecDeque};
use std::sync::Arc;
use std::time::Duration;

use crate::lifecycle::form::TenantName;
use crate::lifecycle::{ClusterKey, Effect, Lane};

/// How many effects of a kind are performed at once.
const TALK_MAX: u32 = 64;
const FORGE_MAX: u32 = 16;
const WORK_MAX: u32 = 256;

/// How many terraform runs of one tenant are claimed at once; the runner itself decides how many of them run.
const RUNS_A_TENANT: u32 = 64;

/// How long places that become free are gathered before the next pass where many wait for one: each pass passes over all who wait.
pub(super) const CROWDED_WAIT: Duration = Duration::from_millis(2);

/// How many wait for a place before that is so.
const CROWD: usize = 64;

/// Clusters whose due work found no free place, by the place that they wait for, first come first served.
#[derive(Default)]
pub(super) struct Parked {
    /// Shared, because every pass looks at all of them and there may be ten thousand.
    clusters: Arc<HashSet<ClusterKey>>,
    queues: HashMap<Slot, VecDeque<ClusterKey>>,
}

impl Parked {
    /// All of them, for as long as it takes to pass them over; held on to, the next change copies them.
    pub fn clusters(&self) -> Arc<HashSet<ClusterKey>> {
        Arc::clone(&self.clusters)
    }

    /// Whether so many wait that a pass for each free place would cost more than the place is worth.
    pub fn is_crowded(&self) -> bool {
        self.clusters.len() > CROWD
    }

    /// The cluster is looked at for another reason. Answers whether it was parked.
    pub fn leave(&mut self, key: &ClusterKey) -> bool {
        self.clusters.contains(key) && Arc::make_mut(&mut self.clusters).remove(key)
    }

    pub fn park(&mut self, key: &ClusterKey, slot: Slot) {
        if Arc::make_mut(&mut self.clusters).insert(key.clone()) {
            self.queues.entry(slot).or_default().push_back(key.clone());
        }
    }

    /// A place became free: the first who waits for one is looked at again. Those who were looked at since, for another reason, are passed over.
    pub fn freed(&mut self, slot: &Slot) {
        while let Some(key) = self.queues.get_mut(slot).and_then(VecDeque::pop_front) {
            if self.leave(&key) {
                break;
            }
        }
    }
}

/// What an effect occupies while it is performed.
#[derive(Debug, Clone, PartialEq, Eq, Hash)]
pub(super) enum Slot {
    Talk,
    Forge,
    Run(TenantName),
    Work,
    Clock,
}

impl Slot {
    pub fn of(tenant: &TenantName, effect: &Effect) -> Self {
        match (effect.lane(), effect) {
            (_, Effect::MakePlan | Effect::Apply { .. }) => Self::Run(tenant.clone()),
            (Lane::Card | Lane::Talk | Lane::Copy, _) => Self::Talk,
            (Lane::Forge, _) => Self::Forge,
            (Lane::Work | Lane::Access, _) => Self::Work,
            (Lane::Clock, _) => Self::Clock,
        }
    }

    pub fn max(&self) -> u32 {
        match self {
            Self::Talk => TALK_MAX,
            Self::Forge => FORGE_MAX,
            Self::Run(_) => RUNS_A_TENANT,
            Self::Work => WORK_MAX,
            Self::Clock => u32::MAX,
        }
    }
}
