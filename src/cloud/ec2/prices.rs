//! What a leftover costs a month, about: machines as the catalogue says, the rest by AWS' public list.
//!
//! The list is that of us-east-1 (N. Virginia) in 2025, on demand and without tax: <https://aws.amazon.com/ebs/pricing/>,
//! <https://aws.amazon.com/vpc/pricing/>, <https://aws.amazon.com/elasticloadbalancing/pricing/>. Other regions cost up to a fifth more. It says whether a
//! leftover is cents or hundreds, and is no bill. What traffic, requests or extra throughput cost is not in it.

use std::collections::BTreeMap;

use super::rows::{Instance, Snapshot, Volume};

/// A month of hours, as AWS reckons.
const HOURS: u64 = 730;
/// A GiB of a volume in tenths of a cent a month, by type.
const VOLUMES: [(&str, u64); 7] =
    [("gp3", 80), ("gp2", 100), ("io1", 125), ("io2", 125), ("st1", 45), ("sc1", 15), ("standard", 50)];
/// A GiB of a snapshot in tenths of a cent a month; full, which it seldom is.
const SNAPSHOT: u64 = 50;
/// A public address in hundredths of a cent an hour.
const ADDRESS: u64 = 50;
/// A load balancer in hundredths of a cent an hour: application and network, and classic.
const BALANCER: u64 = 225;
const CLASSIC: u64 = 250;

/// Cents a month by machine type, as the catalogue says.
#[derive(Debug, Clone, Default)]
pub(super) struct Prices(pub BTreeMap<String, u64>);

impl Prices {
    /// A machine that runs. What a spot machine costs changes by the hour, and one that is stopped costs its volumes, whose size is not told with it.
    pub fn instance(&self, instance: &Instance) -> Option<u64> {
        let runs = matches!(instance.state.as_str(), "pending" | "running");
        self.0.get(&instance.kind).copied().filter(|_| runs && !instance.spot)
    }
}

/// A volume.
pub(super) fn volume(volume: &Volume) -> Option<u64> {
    let (_, tenths) = VOLUMES.iter().find(|(kind, _)| *kind == volume.kind)?;
    Some((volume.gib * tenths).div_ceil(10))
}

/// A snapshot, at most.
pub(super) fn snapshot(snapshot: &Snapshot) -> Option<u64> {
    Some((snapshot.gib * SNAPSHOT).div_ceil(10))
}

/// An address.
pub(super) fn address() -> Option<u64> {
    Some(ADDRESS * HOURS / 100)
}

/// A load balancer, or what belongs to one.
pub(super) fn balancer(arn: &str) -> Option<u64> {
    match super::shape::balancer_kind(arn) {
        super::shape::BalancerKind::Classic => Some(CLASSIC * HOURS / 100),
        super::shape::BalancerKind::Modern => Some(BALANCER * HOURS / 100),
        super::shape::BalancerKind::TargetGroup => Some(0),
        super::shape::BalancerKind::Other => None,
    }
}
