//! How far a cluster has come: computed from its times, never stored.
//!
//! ```text
//! 0        fresh: reads active although nothing is there      (0.8 s at most)
//! ..35 %   waiting for viable init node                       Created at 15 %
//! ..60 %   configuring bootstrap node(s) …                    machines join from 35 % to 85 %
//! 60 %     Updated: terraform's apply returns here
//! ..80 %   waiting for cluster agent to connect
//! 80 %     Connected
//! 100 %    Ready: active
//! ```

use std::time::Duration;

use jiff::Timestamp;

use super::faults::Fault;
use super::nodes::machines;
use super::removal::removing_message;
use super::world::{Cluster, World};

/// How long things take.
#[derive(Debug, Clone, Copy)]
pub(super) struct Pace {
    /// From the request to active.
    pub provisioning: Duration,
    /// From the deletion to gone.
    pub removing: Duration,
    /// How long a flapping cluster is away, and then back.
    pub flap: Duration,
}

pub(super) const CREATED: f64 = 0.15;
const VIABLE: f64 = 0.20;
pub(super) const FIRST_JOINS: f64 = 0.35;
pub(super) const PROBED: f64 = 0.45;
pub(super) const UPDATED: f64 = 0.60;
pub(super) const CONNECTED: f64 = 0.80;
pub(super) const LAST_JOINS: f64 = 0.85;
/// How long a change of the specification takes, as a share of the provisioning time.
const ROLLOUT: f64 = 0.5;
/// Where a failing create stands still.
const FAILS_AT: f64 = 0.2;

impl Pace {
    /// The whole way, in seconds.
    pub fn total(&self) -> f64 {
        self.provisioning.as_secs_f64()
    }

    /// A time of the real Rancher, but never more than a share of the whole.
    fn at_most(&self, seconds: f64, share: f64) -> f64 {
        seconds.min(self.total() * share)
    }

    /// When the management cluster shows.
    pub fn appears(&self) -> f64 {
        self.at_most(0.1, 0.0125)
    }

    /// When the cluster's namespace is there and bindings can be made.
    pub fn namespace(&self) -> f64 {
        self.at_most(0.3, 0.0375)
    }

    /// Until when a new cluster reads active.
    pub fn fresh(&self) -> f64 {
        self.at_most(0.8, 0.1)
    }

    /// How long a controller takes to notice a binding.
    pub fn controller(&self) -> Duration {
        Duration::from_secs_f64(self.at_most(0.3, 0.0375))
    }

    /// How long a machine that EC2 refuses waits for the next try. The reason stands for the first half.
    pub fn retry(&self) -> f64 {
        15.0f64.min(self.total() / 4.0).max(0.001)
    }
}

/// Seconds of progress, had no fault that is on now held it.
pub(super) fn raw(cluster: &Cluster, now: Timestamp) -> f64 {
    let since = now.duration_since(cluster.created).as_secs_f64();
    since - cluster.holds.iter().map(|h| h.length).sum::<f64>()
}

/// Seconds of progress.
pub(super) fn eff(world: &World, cluster: &Cluster, pace: &Pace, now: Timestamp) -> f64 {
    let whole = pace.total();
    [Fault::StuckMachine, Fault::CreateFails].into_iter().fold(raw(cluster, now), |progress, fault| {
        let Some(switch) = world.on(fault, cluster) else { return progress };
        let then = raw(cluster, switch.since);
        if then >= whole || cluster.machines.is_empty() && fault == Fault::StuckMachine {
            return progress;
        }
        let stand = match fault {
            Fault::StuckMachine => stuck_at(cluster) * whole,
            _ => FAILS_AT * whole,
        };
        progress.min(then.max(stand))
    })
}

/// Where a cluster whose last machines are refused stands still: before its last machine, and before Updated.
fn stuck_at(cluster: &Cluster) -> f64 {
    let last = cluster.machines.iter().map(|m| m.joins).fold(0.0, f64::max);
    (last - 0.01).min(UPDATED - 0.01)
}

/// When `seconds` of progress were reached.
fn reached(cluster: &Cluster, seconds: f64) -> Timestamp {
    let held: f64 = cluster.holds.iter().filter(|h| h.at < seconds).map(|h| h.length).sum();
    cluster.created + Duration::from_secs_f64((seconds + held).max(0.0))
}

/// Where a cluster is.
#[derive(Debug, Clone, PartialEq)]
pub(super) enum Stage {
    /// Just asked for: reads active.
    Fresh,
    /// On its way; the message says to what.
    Provisioning(String),
    /// The agent is connected, the API is not up yet.
    AwaitingApi,
    /// Usable.
    Active,
    /// Usable, with a change under way.
    Updating(String),
    /// Active once, and without its agent since then.
    Disconnected(Timestamp),
    /// Wrong for good.
    Broken(String),
    /// On its way out; the message says what is waited for.
    Removing(String),
}

/// One cluster at one time.
#[derive(Debug, Clone)]
pub(super) struct Life {
    pub stage: Stage,
    /// Share of the provisioning that is done, 1 and more when it is over.
    pub share: f64,
    /// When the namespace came, Created, Updated, Connected and Ready became True, as far as they have.
    pub namespace_at: Option<Timestamp>,
    pub appeared_at: Option<Timestamp>,
    pub created_at: Option<Timestamp>,
    pub updated_at: Option<Timestamp>,
    pub connected_at: Option<Timestamp>,
    pub ready_at: Option<Timestamp>,
    /// When it came into the stage, about.
    pub since: Timestamp,
}

impl Life {
    /// A cluster's life at `now`.
    pub fn of(world: &World, cluster: &Cluster, pace: &Pace, now: Timestamp) -> Self {
        let whole = pace.total();
        let progress = eff(world, cluster, pace, now);
        let share = if whole > 0.0 { progress / whole } else { 1.0 };
        let provisions = has_pools(cluster);
        let broken = broken(world, cluster);
        let seconds = |at: f64| (progress >= at).then(|| reached(cluster, at));
        let milestone = |at: f64, reachable: bool| if reachable { seconds(at * whole) } else { None };
        let whole_way = provisions && broken.is_none();
        let mut life = Self {
            stage: Stage::Fresh,
            share,
            appeared_at: seconds(pace.appears()),
            namespace_at: seconds(pace.namespace()),
            created_at: milestone(CREATED, true),
            updated_at: milestone(UPDATED, whole_way),
            connected_at: milestone(CONNECTED, whole_way),
            ready_at: milestone(1.0, whole_way),
            since: cluster.created,
        };
        let (stage, since) = life.stage(world, cluster, pace, now, progress, broken);
        life.stage = stage;
        life.since = since;
        if matches!(life.stage, Stage::Disconnected(_)) {
            life.connected_at = None;
        }
        life
    }

    fn stage(
        &self,
        world: &World,
        cluster: &Cluster,
        pace: &Pace,
        now: Timestamp,
        progress: f64,
        broken: Option<String>,
    ) -> (Stage, Timestamp) {
        let fresh_until = reached(cluster, pace.fresh());
        if let Some(removed) = cluster.removed {
            return (Stage::Removing(removing_message(world, cluster, pace, now)), removed);
        }
        if progress < pace.fresh() {
            return (Stage::Fresh, cluster.created);
        }
        if let Some(why) = broken {
            return (Stage::Broken(why), fresh_until);
        }
        if !has_pools(cluster) {
            return (Stage::Provisioning(custom_message(cluster).to_owned()), fresh_until);
        }
        if world.on(Fault::CreateFails, cluster).is_some() && self.ready_at.is_none() && self.share >= FAILS_AT {
            return (Stage::Broken(CREATE_FAILED.to_owned()), reached(cluster, FAILS_AT * pace.total()));
        }
        let Some(ready) = self.ready_at else {
            return match self.connected_at {
                Some(at) => (Stage::AwaitingApi, at),
                None => (
                    Stage::Provisioning(self.message(cluster)),
                    self.updated_at.or(self.created_at).unwrap_or(fresh_until),
                ),
            };
        };
        if let Some(away) = flapped(world, cluster, pace, now, ready) {
            return (Stage::Disconnected(away), away);
        }
        match cluster.rollout {
            Some(at) if now < rolled_out(at, pace) || unjoined(world, cluster, pace, now) => {
                (Stage::Updating(rollout_message(cluster)), at)
            }
            rollout => (Stage::Active, rollout.map_or(ready, |at| rolled_out(at, pace).max(ready))),
        }
    }

    fn message(&self, cluster: &Cluster) -> String {
        let first = cluster.machines.first().map_or("", |m| m.name.as_str());
        if self.share < VIABLE {
            "waiting for viable init node".to_owned()
        } else if self.share < FIRST_JOINS {
            format!("configuring bootstrap node(s) {first}: waiting for agent to check in and apply initial plan")
        } else if self.share < PROBED {
            format!(
                "configuring bootstrap node(s) {first}: waiting for probes: etcd, kube-apiserver, \
                 kube-controller-manager, kube-scheduler, kubelet"
            )
        } else if self.share < UPDATED {
            let waiting = cluster.machines.iter().filter(|m| m.joins > self.share).count();
            match cluster.machines.iter().find(|m| m.joins > self.share) {
                Some(next) if waiting == 1 => {
                    format!(
                        "configuring worker node(s) {}: waiting for agent to check in and apply initial plan",
                        next.name
                    )
                }
                Some(next) => format!(
                    "configuring worker node(s) {} and {} more: waiting for agent to check in and apply initial plan",
                    next.name,
                    waiting - 1
                ),
                None => format!("configuring bootstrap node(s) {first}: waiting for plan to be applied"),
            }
        } else {
            "waiting for cluster agent to connect".to_owned()
        }
    }

    /// Whether the API server behind Rancher can be reached.
    pub fn reachable(&self) -> bool {
        self.connected_at.is_some() && !matches!(self.stage, Stage::Disconnected(_))
    }
}

/// What a failed create says.
pub(super) const CREATE_FAILED: &str =
    "error syncing 'fleet-default': failed to create machine deployment: quota exceeded (simulated)";

/// Whether Rancher makes the cluster's machines.
pub(super) fn has_pools(cluster: &Cluster) -> bool {
    cluster.spec.pointer("/rkeConfig/machinePools").and_then(|p| p.as_array()).is_some_and(|pools| !pools.is_empty())
}

fn custom_message(cluster: &Cluster) -> &'static str {
    if cluster.spec.get("rkeConfig").is_some_and(|c| c.is_object()) {
        "waiting for at least one control plane, etcd, and worker node to be registered"
    } else {
        "waiting for full cluster configuration"
    }
}

/// A pool whose machine config does not exist, or no longer.
fn broken(world: &World, cluster: &Cluster) -> Option<String> {
    if cluster.removed.is_some() {
        return None;
    }
    cluster.machines.iter().filter(|m| m.removed.is_none()).find_map(|machine| {
        let known = world.machine_configs.iter().any(|c| c.name == machine.config);
        (!known).then(|| {
            let (kind, config) = (&machine.config_kind, &machine.config);
            format!("{kind}.rke-machine-config.cattle.io \"fleet-default/{config}\" not found")
        })
    })
}

pub(super) fn rolled_out(at: Timestamp, pace: &Pace) -> Timestamp {
    at + Duration::from_secs_f64(pace.total() * ROLLOUT)
}

/// Whether a change still waits for a machine.
fn unjoined(world: &World, cluster: &Cluster, pace: &Pace, now: Timestamp) -> bool {
    machines(world, cluster, pace, now).iter().any(|m| !m.joined && m.machine.removed.is_none())
}

fn rollout_message(cluster: &Cluster) -> String {
    match cluster.machines.iter().rev().find(|m| m.removed.is_none() && Some(m.created) == cluster.rollout) {
        Some(machine) => {
            format!("configuring worker node(s) {}: waiting for agent to check in and apply initial plan", machine.name)
        }
        None => "waiting for plan to be applied".to_owned(),
    }
}

/// Since when a flapping cluster is away, if it is.
fn flapped(world: &World, cluster: &Cluster, pace: &Pace, now: Timestamp, ready: Timestamp) -> Option<Timestamp> {
    let began = world.on(Fault::Flap, cluster)?.since.max(ready);
    let period = pace.flap.as_secs_f64().max(0.001);
    let turns = (now.duration_since(began).as_secs_f64() / period).floor();
    let away = turns >= 0.0 && turns % 2.0 == 0.0;
    away.then(|| began + Duration::from_secs_f64(turns * period))
}
