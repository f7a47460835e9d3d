//! Switches that make the simulated Rancher misbehave as real ones were seen to.

use std::str::FromStr;
use std::time::Duration;

use jiff::Timestamp;
use serde::{Deserialize, Serialize};

use super::life::{Pace, eff};
use super::world::{Cluster, Hold, World};

/// One way to misbehave.
#[derive(Debug, Clone, Copy, PartialEq, Eq, PartialOrd, Ord, Hash, Serialize, Deserialize)]
#[serde(rename_all = "kebab-case")]
pub enum Fault {
    /// Every call of the API answers 503.
    Unavailable,
    /// Every token is dead: 401.
    TokenDead,
    /// Every token has lost its rights: what exists answers 403, which the provider takes for "gone".
    LostRights,
    /// Every answer takes a while.
    Slow,
    /// A machine is never made: EC2 refuses, again and again.
    StuckMachine,
    /// Active clusters lose their agent and find it again.
    Flap,
    /// Clusters are removed for ever.
    RemovalHangs,
    /// New clusters fail: a condition stays False.
    CreateFails,
}

/// All faults with what they do, for help texts.
pub const FAULTS: [(Fault, &str, &str); 8] = [
    (Fault::Unavailable, "unavailable", "every call answers 503"),
    (Fault::TokenDead, "token-dead", "every token is refused with 401"),
    (Fault::LostRights, "lost-rights", "clusters answer 403, as if the token had lost its rights"),
    (Fault::Slow, "slow", "every answer takes some seconds"),
    (Fault::StuckMachine, "stuck-machine", "EC2 refuses a machine again and again"),
    (Fault::Flap, "flap", "active clusters become unavailable and active again"),
    (Fault::RemovalHangs, "removal-hangs", "removed clusters stay"),
    (Fault::CreateFails, "create-fails", "new clusters fail: a condition stays False"),
];

impl Fault {
    /// Its name on the command line and in the control route.
    pub fn name(self) -> &'static str {
        FAULTS.iter().find(|(fault, ..)| *fault == self).map_or("", |(_, name, _)| name)
    }
}

impl FromStr for Fault {
    type Err = String;

    fn from_str(text: &str) -> Result<Self, String> {
        FAULTS.iter().find(|(_, name, _)| *name == text).map(|(fault, ..)| *fault).ok_or_else(|| {
            let names: Vec<_> = FAULTS.iter().map(|(_, name, _)| *name).collect();
            format!("no fault `{text}`; there are: {}", names.join(", "))
        })
    }
}

/// A fault that is switched on.
#[derive(Debug, Clone, Serialize, Deserialize)]
pub(super) struct Switch {
    pub since: Timestamp,
    /// When it switches itself off.
    pub until: Option<Timestamp>,
    /// The only cluster that it concerns, by name.
    pub cluster: Option<String>,
}

impl World {
    /// Whether a fault is on at all.
    pub fn is_on(&self, fault: Fault) -> bool {
        self.faults.contains_key(&fault)
    }

    /// The switch of a fault that concerns this cluster.
    pub fn on(&self, fault: Fault, cluster: &Cluster) -> Option<&Switch> {
        self.faults.get(&fault).filter(|s| s.cluster.as_deref().is_none_or(|name| name == cluster.name))
    }

    /// Switches a fault on. One that is on already begins anew.
    pub fn switch_on(
        &mut self,
        fault: Fault,
        now: Timestamp,
        until: Option<Duration>,
        cluster: Option<String>,
        pace: &Pace,
    ) {
        self.switch_off(fault, now, pace);
        let until = until.map(|wait| now + wait);
        self.faults.insert(fault, Switch { since: now, until, cluster });
        self.touch();
    }

    /// Switches a fault off; what it held goes on from where it stood.
    pub fn switch_off(&mut self, fault: Fault, at: Timestamp, pace: &Pace) {
        if matches!(fault, Fault::StuckMachine | Fault::CreateFails) {
            let stood: Vec<Option<Hold>> = self
                .clusters
                .iter()
                .map(|c| {
                    self.on(fault, c)?;
                    let progress = eff(self, c, pace, at);
                    let length = super::life::raw(c, at) - progress;
                    (length > 0.0).then_some(Hold { at: progress, length })
                })
                .collect();
            for (cluster, hold) in self.clusters.iter_mut().zip(stood) {
                cluster.holds.extend(hold);
            }
        }
        if self.faults.remove(&fault).is_some() {
            self.touch();
        }
    }

    /// Brings the world to `now`: ends faults whose time is over and forgets what is gone.
    ///
    /// Always comes to the same end for the same time, so it need not be saved by itself.
    pub fn settle(&mut self, now: Timestamp, pace: &Pace) {
        let over: Vec<(Fault, Timestamp)> =
            self.faults.iter().filter_map(|(f, s)| Some((*f, s.until.filter(|until| *until <= now)?))).collect();
        for (fault, until) in over {
            self.switch_off(fault, until, pace);
        }
        super::removal::purge(self, now, pace);
    }
}
