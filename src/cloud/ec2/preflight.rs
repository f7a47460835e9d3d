//! What would fail late, in a loop, or never: looked at before anybody is asked to approve.
//!
//! Everything that a region can tell is asked side by side; then each pool is held against it. What could not be read is a finding of its own.

use std::collections::{BTreeMap, BTreeSet};

use super::fault::Fault;
use super::read::{Asked, Region};
use super::rows::{Group, Image, Kind, Offering, Subnet};
use super::session::Session;
use super::signed::KeyState;
use crate::lifecycle::cloud::{Finding, Order, PoolOrder, Weight};

mod places;
mod rights;
mod tags;
mod types;

/// A region as the checks see it.
struct Ground<'a> {
    region: &'a Region,
    pools: Vec<&'a PoolOrder>,
    images: Asked<Image>,
    kinds: Asked<Kind>,
    offerings: Asked<Offering>,
    subnets: Asked<Subnet>,
    /// All subnets of the networks, to tell where there is room.
    around: Asked<Subnet>,
    groups: Asked<Group>,
    profiles: BTreeMap<String, Result<bool, Fault>>,
    /// By how it is asked for; the empty one is the account's own.
    keys: BTreeMap<String, Result<KeyState, Fault>>,
}

/// What was found out so far.
#[derive(Default)]
struct Findings(BTreeSet<Finding>);

impl Findings {
    /// Something that is wrong: for certain where machines would be made, else only should one be made later.
    fn wrong(&mut self, pool: &PoolOrder, what: String, remedy: Option<String>) {
        let weight = if pool.added() + pool.replaced > 0 { Weight::Fails } else { Weight::Doubt };
        self.0.insert(Finding { weight, what, remedy });
    }

    fn doubt(&mut self, what: String, remedy: Option<String>) {
        self.0.insert(Finding { weight: Weight::Doubt, what, remedy });
    }

    fn unread(&mut self, what: &str, why: &str) {
        self.0.insert(Finding {
            weight: Weight::Unread,
            what: format!("{what} could not be read: {why}"),
            remedy: None,
        });
    }

    /// Says what could not be read whole. Whether it could.
    fn read<T>(&mut self, asked: &Asked<T>) -> bool {
        if let Some(fault) = &asked.fault {
            self.unread(&asked.what, &fault.line);
        }
        asked.fault.is_none()
    }
}

/// Holds an order against EC2.
pub(super) async fn preflight(session: &Session, order: &Order) -> Vec<Finding> {
    let mut findings = Findings::default();
    let mut regions: BTreeMap<&str, Vec<&PoolOrder>> = BTreeMap::new();
    for pool in order.pools.iter().filter(|pool| pool.count > 0) {
        tags::check(pool, &mut findings);
        match &pool.region {
            Some(region) => regions.entry(region).or_default().push(pool),
            None => findings.unread(&format!("pool {}", pool.name), "its region is not known before the apply"),
        }
    }
    for (name, pools) in regions {
        let region = session.region(name).await;
        let ground = Ground::of(session, &region, pools).await;
        places::check(&ground, &mut findings);
        types::check(&ground, &mut findings).await;
        rights::check(&ground, &mut findings);
        rights::quotas(session, &ground, &mut findings).await;
    }
    findings.0.into_iter().collect()
}

impl<'a> Ground<'a> {
    async fn of(session: &Session, region: &'a Region, pools: Vec<&'a PoolOrder>) -> Self {
        let all = |of: &dyn Fn(&PoolOrder) -> Option<String>| -> Vec<String> {
            let all: BTreeSet<String> = pools.iter().filter_map(|pool| of(pool)).collect();
            all.into_iter().collect()
        };
        let images = all(&|pool| pool.image.clone());
        let kinds = all(&|pool| pool.instance_type.clone());
        let zones = all(&|pool| zone_of(region, pool));
        let subnets = all(&|pool| pool.subnet.clone());
        let vpcs = all(&|pool| pool.vpc.clone());
        let profiles = all(&|pool| pool.profile.clone());
        let keys = all(&|pool| pool.encrypted.then(|| pool.key.clone().unwrap_or_default()));
        let (by_image, by_kind) = ([("image-id", &images[..])], [("instance-type", &kinds[..])]);
        let (by_zone, by_subnet, by_vpc) =
            ([("location", &zones[..])], [("subnet-id", &subnets[..])], [("vpc-id", &vpcs[..])]);
        let profiles = async {
            let mut told = BTreeMap::new();
            for name in profiles {
                let answer = session.profile_has_role(&region.name, &name).await;
                told.insert(name, answer);
            }
            told
        };
        let keys = async {
            let mut told = BTreeMap::new();
            for name in keys {
                let answer = rights::key(session, region, &name).await;
                told.insert(name, answer);
            }
            told
        };
        let (images, kinds, offerings, subnets, around, groups, profiles, keys) = tokio::join!(
            region.images(&by_image),
            region.kinds(&by_kind),
            region.offerings(&by_zone),
            region.subnets(&by_subnet),
            region.subnets(&by_vpc),
            region.groups(&by_vpc),
            profiles,
            keys,
        );
        Self { region, pools, images, kinds, offerings, subnets, around, groups, profiles, keys }
    }
}

/// The whole name of a pool's zone: `eu-west-1a`.
fn zone_of(region: &Region, pool: &PoolOrder) -> Option<String> {
    pool.zone.as_ref().map(|zone| if zone.len() == 1 { format!("{}{zone}", region.name) } else { zone.clone() })
}

/// "one", "one or two", "one, two or three".
fn either(all: &[String]) -> Option<String> {
    match all {
        [] => None,
        [one] => Some(one.clone()),
        [first @ .., last] => Some(format!("{} or {last}", first.join(", "))),
    }
}
