//! The tag string of Rancher's driver: `key,value,key,value`. One comma too many shifts all pairs, and the create succeeds.

use std::collections::BTreeSet;

use super::Findings;
use crate::cloud::ec2::rows::CLUSTER;
use crate::lifecycle::cloud::PoolOrder;

/// EC2 takes 50 tags; `Name` and Rancher's own are two of them.
const TAGS_MAX: usize = 48;

pub(super) fn check(pool: &PoolOrder, findings: &mut Findings) {
    let Some(text) = pool.tags.as_deref() else {
        let what = format!("the machines of pool {} would carry no tag that says whose they are", pool.name);
        return findings.doubt(what, Some(format!("set the tag {CLUSTER}")));
    };
    let parts: Vec<&str> = text.split(',').collect();
    let keys: Vec<&str> = parts.iter().step_by(2).copied().collect();
    let distinct: BTreeSet<&str> = keys.iter().copied().collect();
    let at = parts.iter().position(|part| *part == CLUSTER);
    if !parts.len().is_multiple_of(2)
        || distinct.len() < keys.len()
        || distinct.contains("")
        || at.is_some_and(|at| at % 2 == 1)
    {
        let what = format!(
            "the tags of pool {} do not come in pairs of key and value: a comma stands in one of them",
            pool.name
        );
        findings.wrong(pool, what, Some("take the comma out".to_owned()));
    } else if keys.len() > TAGS_MAX {
        findings.wrong(
            pool,
            format!("pool {} has {} tags, and EC2 takes {TAGS_MAX} besides Rancher's", pool.name, keys.len()),
            None,
        );
    } else if at.is_none() {
        let what = format!(
            "the machines of pool {} would carry no tag {CLUSTER}, so that what is left of them is hard to find",
            pool.name
        );
        findings.doubt(what, Some(format!("set the tag {CLUSTER}")));
    }
}
