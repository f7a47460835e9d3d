//! What a cluster is made of in a cloud, what would go wrong with it there, and what is left of it afterwards.
//!
//! Nothing here does I/O, reads a clock or draws a random number.

use std::collections::BTreeSet;

use jiff::Timestamp;
use serde::{Deserialize, Serialize};

/// The machines that a plan would have made: what is looked at before anybody is asked to approve. Read from terraform's own plan, so what is looked at is
/// what would be made.
#[derive(Debug, Clone, Default, PartialEq, Eq, Serialize, Deserialize)]
pub struct Order {
    /// Pool by pool.
    pub pools: Vec<PoolOrder>,
}

/// One pool of equal machines. What the plan does not know yet is `None` (or empty).
#[derive(Debug, Clone, Default, PartialEq, Eq, Serialize, Deserialize)]
pub struct PoolOrder {
    /// The pool's name in the cluster: `cp-a`.
    pub name: String,
    /// How many machines.
    pub count: u32,
    /// How many of them there are already and stay as they are.
    #[serde(default, skip_serializing_if = "is_zero")]
    pub stays: u32,
    /// How many of them there are already and would be replaced, one after the other.
    #[serde(default, skip_serializing_if = "is_zero")]
    pub replaced: u32,
    /// The region: `eu-west-1`.
    pub region: Option<String>,
    /// The zone's letter: `a`.
    pub zone: Option<String>,
    /// The network's id.
    pub vpc: Option<String>,
    /// The subnet's id.
    pub subnet: Option<String>,
    /// The image's id.
    pub image: Option<String>,
    /// The machine type: `m6i.large`.
    pub instance_type: Option<String>,
    /// The security groups, by name, as they are asked for.
    pub groups: Vec<String>,
    /// The instance profile's name.
    pub profile: Option<String>,
    /// The key that volumes are encrypted with: an id, an ARN or an alias; `None` is the account's own.
    pub key: Option<String>,
    /// Whether volumes are encrypted.
    pub encrypted: bool,
    /// Whether spot machines are asked for.
    pub spot: bool,
    /// The tag string of Rancher's driver: `key,value,key,value`.
    pub tags: Option<String>,
}

impl PoolOrder {
    /// How many machines would be made besides those that there are.
    pub fn added(&self) -> u32 {
        self.count.saturating_sub(self.stays).saturating_sub(self.replaced)
    }
}

fn is_zero(number: &u32) -> bool {
    *number == 0
}

/// What is known of a cluster's traces in the cloud: what the sweep after its teardown looks for.
#[derive(Debug, Clone, Default, PartialEq, Eq, Serialize, Deserialize)]
pub struct Footprint {
    /// The regions its machines were made in.
    #[serde(default, skip_serializing_if = "BTreeSet::is_empty")]
    pub regions: BTreeSet<String>,
    /// The networks.
    #[serde(default, skip_serializing_if = "BTreeSet::is_empty")]
    pub vpcs: BTreeSet<String>,
    /// The pools' names.
    #[serde(default, skip_serializing_if = "BTreeSet::is_empty")]
    pub pools: BTreeSet<String>,
    /// The security groups' names, as they were asked for.
    #[serde(default, skip_serializing_if = "BTreeSet::is_empty")]
    pub groups: BTreeSet<String>,
    /// The images' ids.
    #[serde(default, skip_serializing_if = "BTreeSet::is_empty")]
    pub images: BTreeSet<String>,
    /// Rancher's management ids that the cluster had: `c-m-7k2x9q4d`.
    #[serde(default, skip_serializing_if = "BTreeSet::is_empty")]
    pub ids: BTreeSet<String>,
    /// Every machine name that was seen.
    #[serde(default, skip_serializing_if = "BTreeSet::is_empty")]
    pub machines: BTreeSet<String>,
}

/// The most machine names that a footprint keeps.
pub const MACHINES_MAX: usize = 400;

impl Footprint {
    /// Whether nothing is known.
    pub fn is_empty(&self) -> bool {
        *self == Self::default()
    }

    /// Knows what an order would make, besides what it knew.
    pub fn learn(&mut self, order: &Order) {
        for pool in &order.pools {
            self.pools.insert(pool.name.clone());
            self.groups.extend(pool.groups.iter().cloned());
            let one = |set: &mut BTreeSet<String>, value: &Option<String>| set.extend(value.iter().cloned());
            one(&mut self.regions, &pool.region);
            one(&mut self.vpcs, &pool.vpc);
            one(&mut self.images, &pool.image);
        }
    }

    /// Remembers machines by name. Whether one of them was new.
    pub fn saw(&mut self, machines: impl IntoIterator<Item = String>) -> bool {
        let before = self.machines.len();
        for machine in machines {
            if self.machines.len() < MACHINES_MAX {
                self.machines.insert(machine);
            }
        }
        self.machines.len() > before
    }
}

/// Something that was found out before anybody is asked to approve.
#[derive(Debug, Clone, PartialEq, Eq, PartialOrd, Ord, Serialize, Deserialize)]
pub struct Finding {
    /// How bad it is.
    pub weight: Weight,
    /// What is wrong, or could not be looked at, in one sentence: "m6i.large is not offered in eu-west-1c".
    pub what: String,
    /// What would work instead, or what to do: "c6i.large, m6a.large".
    pub remedy: Option<String>,
}

/// How bad a finding is.
#[derive(Debug, Clone, Copy, PartialEq, Eq, PartialOrd, Ord, Hash, Serialize, Deserialize)]
pub enum Weight {
    /// The cluster cannot be made so: nobody is asked to approve it.
    Fails,
    /// It may go wrong: people see it where they decide.
    Doubt,
    /// It could not be looked at: said, never assumed.
    Unread,
}

/// What a sweep after a teardown found.
#[derive(Debug, Clone, PartialEq, Eq, Serialize, Deserialize)]
pub struct Certificate {
    /// When.
    pub at: Timestamp,
    /// What was asked, call by call: `DescribeInstances eu-west-1 vpc-id=vpc-0a1: 3 rows`.
    pub asked: Vec<String>,
    /// sha256 over all answers in a canonical form, in hex.
    pub digest: String,
    /// What could not be read, and so is not known: "volumes in eu-west-1: UnauthorizedOperation".
    pub unread: Vec<String>,
    /// What is the cluster's.
    pub sure: Vec<Leftover>,
    /// What may be the cluster's.
    pub suspect: Vec<Leftover>,
    /// How many more were found than are listed here.
    #[serde(default, skip_serializing_if = "is_zero")]
    pub more: u32,
}

/// The longest line about what was asked that a certificate keeps, in characters; the digest covers the answers all the same.
pub const ASKED_MAX: usize = 300;

/// The most leftovers of one kind of certainty that a certificate lists: more are counted.
pub const LISTED_MAX: usize = 100;

impl Certificate {
    /// Whether everything was read and nothing was found.
    pub fn is_clean(&self) -> bool {
        self.unread.is_empty() && self.sure.is_empty() && self.suspect.is_empty()
    }

    /// Lists no more than a record can hold, and counts the rest.
    pub fn shorten(&mut self) {
        for list in [&mut self.sure, &mut self.suspect] {
            let over = list.len().saturating_sub(LISTED_MAX);
            self.more = self.more.saturating_add(u32::try_from(over).unwrap_or(u32::MAX));
            list.truncate(LISTED_MAX);
        }
        for line in self.asked.iter_mut().filter(|line| line.chars().count() > ASKED_MAX) {
            *line = line.chars().take(ASKED_MAX - 1).chain(['…']).collect();
        }
    }
}

/// Something that is left in the cloud.
#[derive(Debug, Clone, PartialEq, Eq, PartialOrd, Ord, Serialize, Deserialize)]
pub struct Leftover {
    /// What it is, in EC2's word: `instance`, `volume`, `key pair`, `security group`, `network interface`, `spot request`, `snapshot`, `address`, `load balancer`.
    pub kind: String,
    /// The region.
    pub region: String,
    /// Its id: `i-0abc`.
    pub id: String,
    /// Its name, where it has one.
    pub name: Option<String>,
    /// Why it counts as the cluster's: `tag kaas:cluster=teal-otter`.
    pub why: String,
    /// About what it costs a month, in US cents; `None` where kaas does not know.
    pub cents_a_month: Option<u64>,
    /// The command that removes it: `aws ec2 terminate-instances --region eu-west-1 --instance-ids i-0abc`.
    pub remove: String,
}

/// A machine of a cluster, as the cloud has it now.
#[derive(Debug, Clone, PartialEq, Eq)]
pub struct Machine {
    /// Its id: `i-0abc`.
    pub id: String,
    /// Its name.
    pub name: Option<String>,
    /// Its type: `m6i.large`.
    pub instance_type: String,
    /// Its zone: `eu-west-1a`.
    pub zone: String,
    /// Its state: `running`.
    pub state: String,
    /// Since when.
    pub since: Option<Timestamp>,
    /// About what it costs a month, in US cents, where that is known.
    pub cents_a_month: Option<u64>,
}
