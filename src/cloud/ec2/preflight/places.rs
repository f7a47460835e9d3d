//! Where machines would stand: subnets and security groups.

use std::collections::BTreeMap;

use super::{Findings, Ground, either, zone_of};
use crate::cloud::ec2::judge::DRIVERS_GROUP;
use crate::lifecycle::cloud::PoolOrder;

/// How many more machines a pool has for a while when its machines are replaced: what the module asks of Rancher.
const SURGE: u32 = 1;
/// The most names that a remedy tells.
const TOLD_MAX: usize = 5;
/// How alike two names have to be to be told.
const ALIKE: f64 = 0.6;

pub(super) fn check(ground: &Ground<'_>, findings: &mut Findings) {
    if findings.read(&ground.subnets) {
        findings.read(&ground.around);
        subnets(ground, findings);
    }
    if findings.read(&ground.groups) {
        for pool in &ground.pools {
            match &pool.vpc {
                Some(vpc) => pool.groups.iter().for_each(|name| group(ground, pool, vpc, name, findings)),
                None => findings.unread(
                    &format!("the security groups of pool {}", pool.name),
                    "its network is not known before the apply",
                ),
            }
        }
    }
}

fn subnets(ground: &Ground<'_>, findings: &mut Findings) {
    // Pools may share a subnet: what all of them would take, and what they would take for a while besides.
    let mut wanted: BTreeMap<&str, (u32, u32, Vec<&PoolOrder>)> = BTreeMap::new();
    for pool in &ground.pools {
        let Some(id) = pool.subnet.as_deref() else {
            findings.unread(&format!("the subnet of pool {}", pool.name), "it is not known before the apply");
            continue;
        };
        let Some(subnet) = ground.subnets.rows.iter().find(|subnet| subnet.id == id) else {
            let remedy = room(ground, pool, zone_of(ground.region, pool).as_deref(), 1);
            findings.wrong(
                pool,
                format!("the subnet {id} of pool {} is not in {}", pool.name, ground.region.name),
                remedy,
            );
            continue;
        };
        if let Some(zone) = zone_of(ground.region, pool).filter(|zone| *zone != subnet.zone) {
            let remedy = room(ground, pool, Some(&zone), 1);
            let what = format!("the subnet {id} lies in {}, and pool {} asks for {zone}", subnet.zone, pool.name);
            findings.wrong(pool, what, remedy);
        }
        if let Some(vpc) = pool.vpc.as_ref().filter(|vpc| **vpc != subnet.vpc) {
            let remedy = room(ground, pool, zone_of(ground.region, pool).as_deref(), 1);
            let what = format!("the subnet {id} belongs to {}, and pool {} asks for {vpc}", subnet.vpc, pool.name);
            findings.wrong(pool, what, remedy);
        }
        let entry = wanted.entry(id).or_default();
        entry.0 += pool.added();
        entry.1 += SURGE;
        entry.2.push(pool);
    }
    for (id, (added, surge, pools)) in wanted {
        let (Some(subnet), Some(pool)) =
            (ground.subnets.rows.iter().find(|s| s.id == id), pools.iter().max_by_key(|pool| pool.added()))
        else {
            continue;
        };
        let names: Vec<&str> = pools.iter().map(|pool| pool.name.as_str()).collect();
        let told = format!("the subnet {id} has {} free addresses", subnet.free);
        let others = |need| room(ground, pool, Some(&subnet.zone), need);
        if subnet.free < added {
            findings.wrong(pool, format!("{told}, and {} would take {added}", names.join(", ")), others(added));
        } else if subnet.free < added + surge {
            let what = format!(
                "{told}: enough for {added} more machines of {}, and for no replacement beside them",
                names.join(", ")
            );
            findings.doubt(what, others(added + surge));
        }
    }
}

/// Other subnets of the network with room.
fn room(ground: &Ground<'_>, pool: &PoolOrder, zone: Option<&str>, need: u32) -> Option<String> {
    let fits = ground.around.rows.iter().filter(|subnet| {
        Some(&subnet.id) != pool.subnet.as_ref()
            && pool.vpc.as_ref().is_none_or(|vpc| *vpc == subnet.vpc)
            && subnet.free >= need
    });
    let mut fits: Vec<_> = fits.collect();
    // The same zone first, then the roomiest.
    fits.sort_by_key(|subnet| (Some(subnet.zone.as_str()) != zone, std::cmp::Reverse(subnet.free), &subnet.id));
    let told: Vec<String> = fits
        .iter()
        .take(TOLD_MAX)
        .map(|subnet| {
            let name = subnet.name.as_ref().map(|name| format!(" {name}")).unwrap_or_default();
            format!("{}{name} ({}, {} free)", subnet.id, subnet.zone, subnet.free)
        })
        .collect();
    either(&told)
}

/// The dangerous one: Rancher's driver makes a group of a name that is not there, and nobody ever removes it.
fn group(ground: &Ground<'_>, pool: &PoolOrder, vpc: &str, name: &str, findings: &mut Findings) {
    let here = || ground.groups.rows.iter().filter(|group| group.vpc.as_deref() == Some(vpc));
    if name == "rancher-nodes" {
        let what = "the security group rancher-nodes is the one that Rancher's driver opens to the world".to_owned();
        return findings.wrong(pool, what, near(here().map(|group| group.name.as_str()), name));
    }
    if name.starts_with("sg-") {
        let own = here().find(|group| group.id == name).map(|group| group.name.clone());
        let what = format!("{name} is the id of a security group, and Rancher's driver takes names");
        return findings.wrong(pool, what, own.or_else(|| near(here().map(|group| group.name.as_str()), name)));
    }
    let mut hits = here().filter(|group| group.name == name);
    match (hits.next(), hits.next()) {
        (None, _) => {
            let what = format!(
                "there is no security group {name} in {vpc}: Rancher's driver would make one, and nobody would remove it"
            );
            findings.wrong(pool, what, near(here().map(|group| group.name.as_str()), name));
        }
        (Some(_), Some(_)) => {
            findings.wrong(pool, format!("there are several security groups {name} in {vpc}"), None);
        }
        (Some(group), None) if group.description == DRIVERS_GROUP => {
            let what = format!(
                "the security group {name} in {vpc} was made by Rancher's driver, of a name that was mistyped perhaps"
            );
            findings.doubt(what, near(here().map(|group| group.name.as_str()), name));
        }
        (Some(_), None) => {}
    }
}

fn near<'a>(names: impl Iterator<Item = &'a str>, wrong: &str) -> Option<String> {
    let score = |name: &str| strsim::normalized_damerau_levenshtein(&name.to_lowercase(), &wrong.to_lowercase());
    let mut close: Vec<(&str, f64)> = names
        .filter(|name| !matches!(*name, "default" | "rancher-nodes") && *name != wrong)
        .map(|name| (name, score(name)))
        .filter(|(_, score)| *score >= ALIKE)
        .collect();
    close.sort_by(|a, b| b.1.total_cmp(&a.1).then(a.0.cmp(b.0)));
    either(&close.into_iter().take(TOLD_MAX).map(|(name, _)| name.to_owned()).collect::<Vec<_>>())
}
