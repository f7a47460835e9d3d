//! What machines would be allowed: the instance profile, the key of their volumes, the quota of the account.

use std::collections::{BTreeMap, BTreeSet};

use super::{Findings, Ground};
use crate::cloud::ec2::fault::Fault;
use crate::cloud::ec2::read::{Region, VALUES_MAX};
use crate::cloud::ec2::session::Session;
use crate::cloud::ec2::signed::KeyState;
use crate::lifecycle::cloud::PoolOrder;

/// The alias of the key that AWS itself makes for volumes, when the first one is encrypted with it.
const AWS_OWN: &str = "alias/aws/ebs";
/// The quotas that ordinary machines count against: on demand, and spot.
const QUOTAS: [(&str, bool); 2] = [("L-1216C47A", false), ("L-34B43A08", true)];
/// Families that are no ordinary machines, and have quotas of their own: by how they begin.
const APART: [&str; 13] = ["dl", "f", "g", "hpc", "inf", "mac", "p", "trn", "u-", "u7", "vt", "x", "gr"];

pub(super) fn check(ground: &Ground<'_>, findings: &mut Findings) {
    for pool in &ground.pools {
        if let Some((name, told)) = pool.profile.as_ref().and_then(|name| Some((name, ground.profiles.get(name)?))) {
            match told {
                Ok(true) => {}
                Ok(false) => {
                    findings.doubt(format!("the instance profile {name} has no role"), Some("give it one".to_owned()));
                }
                Err(fault) if fault.is(&["NoSuchEntity"]) => {
                    let what = format!("there is no instance profile {name}");
                    findings.wrong(
                        pool,
                        what,
                        Some("make it, or name one that there is: `aws iam list-instance-profiles`".to_owned()),
                    );
                }
                Err(fault) => findings.unread(&format!("the instance profile {name}"), &fault.line),
            }
        }
        if pool.encrypted {
            key_of(ground, pool, findings);
        }
    }
}

/// The state of the key that is asked for; the empty name is the account's own.
pub(super) async fn key(session: &Session, region: &Region, name: &str) -> Result<KeyState, Fault> {
    if !name.is_empty() {
        return session.key_state(&region.name, name).await;
    }
    let own = region.default_key().await?.unwrap_or_else(|| AWS_OWN.to_owned());
    match session.key_state(&region.name, &own).await {
        // AWS makes it when it is first needed.
        Err(fault) if own.ends_with(AWS_OWN) && fault.is(&["NotFoundException"]) => {
            Ok(KeyState { state: "Enabled".to_owned(), spec: "SYMMETRIC_DEFAULT".to_owned() })
        }
        answer => answer,
    }
}

fn key_of(ground: &Ground<'_>, pool: &PoolOrder, findings: &mut Findings) {
    let asked = pool.key.as_deref().unwrap_or_default();
    // Of an ARN, what the account calls the key.
    let name = match asked.rsplit_once(':').map_or(asked, |(_, last)| last) {
        "" => "the account's own key for volumes".to_owned(),
        name => format!("the KMS key {name}"),
    };
    let remedy = || Some("another key, or none: then it is the account's own".to_owned());
    let elsewhere = asked.split(':').nth(3).filter(|there| *there != ground.region.name);
    if let Some(there) = elsewhere {
        return findings.wrong(
            pool,
            format!("{name} is in {there}, and the machines would be in {}", ground.region.name),
            remedy(),
        );
    }
    match ground.keys.get(asked) {
        Some(Ok(key)) if key.state != "Enabled" => {
            findings.wrong(pool, format!("{name} is {}", spoken(&key.state)), remedy());
        }
        Some(Ok(key)) if key.spec != "SYMMETRIC_DEFAULT" => {
            findings.wrong(pool, format!("{name} is asymmetric, and volumes take symmetric ones"), remedy());
        }
        Some(Err(fault)) if fault.is(&["NotFoundException", "InvalidArnException"]) => {
            findings.wrong(pool, format!("{name} is not in {}", ground.region.name), remedy());
        }
        Some(Err(fault)) => findings.unread(&name, &fault.line),
        Some(Ok(_)) | None => {}
    }
}

/// `PendingDeletion` is "pending deletion".
fn spoken(state: &str) -> String {
    let mut words = String::new();
    for c in state.chars() {
        if c.is_ascii_uppercase() && !words.is_empty() {
            words.push(' ');
        }
        words.push(c.to_ascii_lowercase());
    }
    words
}

/// Whether there are virtual processors left: what would be made, against the quota without what runs.
pub(super) async fn quotas(session: &Session, ground: &Ground<'_>, findings: &mut Findings) {
    for (code, spot) in QUOTAS {
        let what =
            format!("the quota of {} processors in {}", if spot { "spot" } else { "on-demand" }, ground.region.name);
        let pools: Vec<&PoolOrder> =
            ground.pools.iter().copied().filter(|pool| pool.spot == spot && pool.added() > 0).collect();
        let (mut need, mut first) = (0, None);
        for pool in pools {
            let Some(name) = pool.instance_type.as_deref() else {
                findings
                    .unread(&what, &format!("the machine type of pool {} is not known before the apply", pool.name));
                continue;
            };
            if !is_ordinary(name) {
                findings.unread(&format!("the quota for {name}"), "kaas knows only that of ordinary machines");
            } else if let Some(kind) = ground.kinds.rows.iter().find(|kind| kind.name == name) {
                need += pool.added().saturating_mul(kind.vcpus);
                first.get_or_insert(pool);
            }
        }
        let Some(pool) = first else { continue };
        let (quota, running) = tokio::join!(session.quota(&ground.region.name, code), running(ground.region, spot));
        match (quota, running) {
            (Ok(quota), Ok(running)) if quota.saturating_sub(running) < need => {
                let what = format!("{what} is {quota}, {running} run, and this takes {need} more");
                findings.wrong(pool, what, Some(format!("ask AWS to raise {code}, or take fewer or smaller machines")));
            }
            (Ok(_), Ok(_)) => {}
            (Err(fault), _) | (_, Err(fault)) => findings.unread(&what, &fault.line),
        }
    }
}

/// The virtual processors of the ordinary machines that run.
async fn running(region: &Region, spot: bool) -> Result<u32, Fault> {
    let states = ["pending".to_owned(), "running".to_owned()];
    let asked = region.instances(&[("instance-state-name", &states)]).await;
    if let Some(fault) = asked.fault {
        return Err(fault);
    }
    let mut counts: BTreeMap<String, u32> = BTreeMap::new();
    for row in asked.rows.into_iter().filter(|row| row.spot == spot && is_ordinary(&row.kind)) {
        *counts.entry(row.kind).or_default() += 1;
    }
    let names: Vec<String> = counts.keys().cloned().collect::<BTreeSet<_>>().into_iter().collect();
    let mut sum = 0_u32;
    for names in names.chunks(VALUES_MAX) {
        let asked = region.kinds(&[("instance-type", names)]).await;
        if let Some(fault) = asked.fault {
            return Err(fault);
        }
        sum +=
            asked.rows.iter().map(|kind| kind.vcpus * counts.get(&kind.name).copied().unwrap_or_default()).sum::<u32>();
    }
    Ok(sum)
}

fn is_ordinary(kind: &str) -> bool {
    let family = kind.split('.').next().unwrap_or_default();
    !APART.iter().any(|begin| family.starts_with(begin))
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn ordinary_machines_are_those_of_the_standard_quota() {
        for kind in [
            "m6i.large",
            "c7g.medium",
            "t3a.small",
            "r6id.xlarge",
            "i4i.large",
            "im4gn.large",
            "is4gen.large",
            "d3.xlarge",
            "h1.2xlarge",
            "z1d.large",
            "a1.medium",
        ] {
            assert!(is_ordinary(kind), "{kind}");
        }
        for kind in [
            "g5.xlarge",
            "p4d.24xlarge",
            "x2idn.16xlarge",
            "inf2.xlarge",
            "trn1.2xlarge",
            "hpc7g.4xlarge",
            "u-6tb1.112xlarge",
            "mac2.metal",
            "f1.2xlarge",
            "vt1.3xlarge",
        ] {
            assert!(!is_ordinary(kind), "{kind}");
        }
    }
}
