//! The machines of a cluster at one time: computed like everything else, and where EC2's refusals show.

use std::time::Duration;

use jiff::Timestamp;

use super::faults::Fault;
use super::life::{Pace, eff, rolled_out};
use super::removal::removal_hangs;
use super::world::{Cluster, Machine, World};

/// A machine begins to be made this share of the provisioning time before it joins.
const MADE_BEFORE: f64 = 0.2;
/// The machine exists, and its agent has to check in, this share before it joins.
const BOOTED_BEFORE: f64 = 0.07;
/// What EC2 says when it refuses.
pub(super) const EC2_REFUSAL: &str = "VcpuLimitExceeded: You have requested more vCPU capacity than your current vCPU \
     limit of 32 allows for the instance bucket that the specified instance type belongs to. (simulated)";
/// What EC2 says when it does not let a machine be removed.
pub(super) const EC2_DENIAL: &str =
    "UnauthorizedOperation: You are not authorized to perform this operation. (simulated)";

/// One machine at one time.
#[derive(Debug, Clone)]
pub(super) struct MachineLife<'a> {
    pub name: &'a str,
    pub machine: &'a Machine,
    /// `Pending`, `Provisioning`, `Provisioned`, `Running` or `Deleting`.
    pub phase: &'static str,
    /// What it waits for.
    pub message: String,
    /// Why EC2 refused it, while that can be read.
    pub failure: Option<&'static str>,
    /// Whether its node has registered.
    pub joined: bool,
}

/// The machines of a cluster that exist at `now`.
pub(super) fn machines<'a>(world: &World, cluster: &'a Cluster, pace: &Pace, now: Timestamp) -> Vec<MachineLife<'a>> {
    let whole = pace.total().max(f64::MIN_POSITIVE);
    let progress = eff(world, cluster, pace, now);
    if progress < pace.fresh() {
        return Vec::new();
    }
    let refused = world.on(Fault::StuckMachine, cluster);
    let mut seen: Vec<MachineLife<'a>> = Vec::new();
    for machine in &cluster.machines {
        if machine.removed.is_some_and(|at| now >= rolled_out(at, pace)) {
            continue;
        }
        let first = machine.created == cluster.created;
        let share = if first { progress / whole } else { now.duration_since(machine.created).as_secs_f64() / whole };
        let joins_at = machine.created + Duration::from_secs_f64(machine.joins * pace.total());
        // The progress of the first machines stands still by itself; later ones are held here.
        let held = !first && refused.is_some_and(|switch| joins_at > switch.since);
        let joined = share >= machine.joins && !held;
        let refused = refused.is_some();
        let (phase, message) = if machine.removed.is_some() {
            (
                "Deleting",
                format!(
                    "deleting server [fleet-default/{0}] of kind ({1}) for machine {0} in infrastructure provider",
                    machine.name,
                    infra_kind(machine)
                ),
            )
        } else if joined {
            ("Running", String::new())
        } else if share >= machine.joins - BOOTED_BEFORE && !refused {
            ("Provisioned", "waiting for agent to check in and apply initial plan".to_owned())
        } else if share >= machine.joins - MADE_BEFORE {
            ("Provisioning", creating(machine))
        } else {
            ("Pending", "waiting for bootstrap data to be available".to_owned())
        };
        let first_in_line = seen.iter().all(|m| m.joined);
        seen.push(MachineLife { name: &machine.name, machine, phase, message, failure: None, joined });
        if refused
            && !joined
            && first_in_line
            && let Some(last) = seen.last_mut()
        {
            last.phase = "Provisioning";
            last.message = creating(machine);
            let within = now.duration_since(machine.created).as_secs_f64() / pace.retry();
            if within - within.floor() < 0.5 {
                last.failure = Some(EC2_REFUSAL);
                last.message = format!("failed {}: CreateError: {EC2_REFUSAL}", last.message);
            }
        }
    }
    if let Some(removed) = cluster.removed {
        leave(
            &mut seen,
            now.duration_since(removed).as_secs_f64() / pace.removing.as_secs_f64().max(f64::MIN_POSITIVE),
        );
        if removal_hangs(world, cluster, pace, now) && seen.is_empty() {
            seen.extend(cluster.machines.last().map(deleting));
        }
        if let Some(last) = seen.last_mut().filter(|_| removal_hangs(world, cluster, pace, now)) {
            last.message = hanging(world, cluster, last.machine);
        }
    }
    seen
}

/// Takes machines away one by one, the youngest first.
fn leave(machines: &mut Vec<MachineLife<'_>>, share: f64) {
    let total = machines.len() as f64;
    let gone = (share.clamp(0.0, 1.0) * (total + 1.0)).floor() as usize;
    machines.truncate(machines.len().saturating_sub(gone));
    for life in machines {
        *life = deleting(life.machine);
    }
}

fn deleting(machine: &Machine) -> MachineLife<'_> {
    let message = format!(
        "deleting server [fleet-default/{0}] of kind ({1}) for machine {0} in infrastructure provider",
        machine.name,
        infra_kind(machine)
    );
    MachineLife { name: &machine.name, machine, phase: "Deleting", message, failure: None, joined: false }
}

/// Why a machine cannot be removed.
fn hanging(world: &World, cluster: &Cluster, machine: &Machine) -> String {
    if world.on(Fault::RemovalHangs, cluster).is_none() {
        return format!("cannot delete machine {} because create job has not finished", machine.name);
    }
    format!("failed {}: DeleteError: {EC2_DENIAL}", deleting(machine).message)
}

fn creating(machine: &Machine) -> String {
    format!(
        "creating server [fleet-default/{0}] of kind ({1}) for machine {0} in infrastructure provider",
        machine.name,
        infra_kind(machine)
    )
}

/// `Amazonec2Machine` for `Amazonec2Config`.
pub(super) fn infra_kind(machine: &Machine) -> String {
    format!("{}Machine", machine.config_kind.trim_end_matches("Config"))
}
