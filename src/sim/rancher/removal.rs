//! How a cluster goes: its machines first, then it, then what was only there for it.

use std::time::Duration;

use jiff::Timestamp;

use super::faults::Fault;
use super::life::{Pace, eff, has_pools};
use super::nodes::machines;
use super::world::{Cluster, World};

/// How long the garbage collector leaves machine configs behind their cluster.
const COLLECTED_AFTER: Duration = Duration::from_secs(1);

pub(super) fn removing_message(world: &World, cluster: &Cluster, pace: &Pace, now: Timestamp) -> String {
    let left = machines(world, cluster, pace, now);
    match left.iter().find(|m| m.phase == "Deleting") {
        Some(machine) if world.on(Fault::StuckMachine, cluster).is_some() => {
            format!("cannot delete machine {} because create job has not finished", machine.name)
        }
        Some(machine) => {
            format!("waiting for machine [{WORKSPACE}/{}] to delete", machine.name, WORKSPACE = super::world::WORKSPACE)
        }
        None => "waiting for cluster agent to be removed".to_owned(),
    }
}

/// Whether a cluster's removal is held by a fault.
pub(super) fn removal_hangs(world: &World, cluster: &Cluster, pace: &Pace, now: Timestamp) -> bool {
    let unmade = world.on(Fault::StuckMachine, cluster).is_some()
        && has_pools(cluster)
        && eff(world, cluster, pace, now) < pace.total();
    let held = unmade || world.on(Fault::RemovalHangs, cluster).is_some();
    // Whoever lets the last machine go lets the cluster go.
    held && !cluster.machines.last().is_some_and(|machine| machine.forced)
}

/// Forgets the clusters whose removal is over, and in time their machine configs.
pub(super) fn purge(world: &mut World, now: Timestamp, pace: &Pace) {
    let gone: Vec<(String, Timestamp)> = world
        .clusters
        .iter()
        .filter_map(|c| {
            let over = c.removed? + pace.removing;
            (now >= over && !removal_hangs(world, c, pace, now)).then(|| (c.id.clone(), over))
        })
        .collect();
    for (id, over) in gone {
        let Some(place) = world.clusters.iter().position(|c| c.id == id) else { continue };
        let cluster = world.clusters.remove(place);
        world.bindings.retain(|b| b.cluster != id);
        for config in &mut world.machine_configs {
            if config.doomed.is_none() && cluster.machines.iter().any(|m| m.config == config.name) {
                config.doomed = Some(over + COLLECTED_AFTER);
            }
        }
    }
    world.machine_configs.retain(|c| c.doomed.is_none_or(|at| at > now));
    let moment = pace.controller();
    world.bindings.retain(|b| b.removed.is_none_or(|at| at + moment > now));
}
