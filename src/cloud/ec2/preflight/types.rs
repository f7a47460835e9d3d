//! What machines would be made of: the image, and a machine type that its zone offers and that runs it.

use std::collections::BTreeSet;

use super::{Findings, Ground, either, zone_of};
use crate::lifecycle::cloud::PoolOrder;

/// The most types that a remedy tells.
const TOLD_MAX: usize = 5;

pub(super) async fn check(ground: &Ground<'_>, findings: &mut Findings) {
    let (images, kinds) = (findings.read(&ground.images), findings.read(&ground.kinds));
    let offerings = findings.read(&ground.offerings);
    let mut wrong: BTreeSet<(String, String)> = BTreeSet::new();
    for pool in &ground.pools {
        if images {
            image(ground, pool, findings);
        }
        let Some(name) = pool.instance_type.as_deref() else { continue };
        let known = !kinds || ground.kinds.rows.iter().any(|kind| kind.name == name);
        if !known {
            let what = format!("{} has no machine type {name}", ground.region.name);
            findings.wrong(pool, what, offered_instead(ground, name, None));
        } else if let Some(zone) = zone_of(ground.region, pool).filter(|_| offerings) {
            let offered = |row: &&crate::cloud::ec2::rows::Offering| row.kind == name && row.zone == zone;
            if !ground.offerings.rows.iter().any(|row| offered(&row)) {
                findings.wrong(pool, format!("{name} is not offered in {zone}"), offered_instead(ground, name, None));
            }
        }
        if let Some((image, architecture)) = mismatch(ground, pool) {
            let first = wrong.insert((name.to_owned(), architecture.clone()));
            let remedy = if first { of_architecture(ground, name, &architecture).await } else { continue };
            findings.wrong(pool, format!("the image {image} is for {architecture}, which {name} does not run"), remedy);
        }
    }
}

fn image(ground: &Ground<'_>, pool: &PoolOrder, findings: &mut Findings) {
    let Some(id) = pool.image.as_deref() else { return };
    match ground.images.rows.iter().find(|image| image.id == id) {
        None => {
            let what = format!("the image {id} is not in {}, or not for this account", ground.region.name);
            findings.wrong(pool, what, Some("copy it there, or share it with the account".to_owned()));
        }
        Some(image) if image.state != "available" => {
            findings.wrong(pool, format!("the image {id} is {}", image.state), None);
        }
        Some(_) => {}
    }
}

/// The image and what it is for, where the machine type runs something else.
fn mismatch(ground: &Ground<'_>, pool: &PoolOrder) -> Option<(String, String)> {
    let image = ground.images.rows.iter().find(|image| Some(&image.id) == pool.image.as_ref())?;
    let kind = ground.kinds.rows.iter().find(|kind| Some(&kind.name) == pool.instance_type.as_ref())?;
    let runs = kind.architectures.is_empty() || kind.architectures.contains(&image.architecture);
    (!runs && !image.architecture.is_empty()).then(|| (image.id.clone(), image.architecture.clone()))
}

/// Types that all zones of the order offer, nearest first: of the same size, and of the same letter.
fn offered_instead(ground: &Ground<'_>, name: &str, among: Option<&BTreeSet<String>>) -> Option<String> {
    let zones: BTreeSet<String> = ground.pools.iter().filter_map(|pool| zone_of(ground.region, pool)).collect();
    let rows = &ground.offerings.rows;
    let all: BTreeSet<&str> = rows.iter().map(|row| row.kind.as_str()).collect();
    let everywhere = |kind: &str| zones.iter().all(|zone| rows.iter().any(|row| row.kind == kind && row.zone == *zone));
    let size = |kind: &str| kind.split_once('.').map(|(_, size)| size.to_owned());
    let mut near: Vec<&str> = all
        .into_iter()
        .filter(|kind| *kind != name && size(kind) == size(name))
        .filter(|kind| among.is_none_or(|among| among.contains(*kind)))
        .filter(|kind| everywhere(kind))
        .collect();
    let alike = |kind: &str| kind.bytes().zip(name.bytes()).take_while(|(a, b)| a == b).count();
    near.sort_by_key(|kind| (std::cmp::Reverse(alike(kind)), kind.len(), kind.to_owned()));
    either(&near.into_iter().take(TOLD_MAX).map(str::to_owned).collect::<Vec<_>>())
}

/// Types of the same size that run an architecture.
async fn of_architecture(ground: &Ground<'_>, name: &str, architecture: &str) -> Option<String> {
    let size = name.split_once('.')?.1;
    let (sizes, architectures) = ([format!("*.{size}")], [architecture.to_owned()]);
    let by = [("instance-type", &sizes[..]), ("processor-info.supported-architecture", &architectures[..])];
    let fitting = ground.region.kinds(&by).await;
    let fitting: BTreeSet<String> = fitting.rows.into_iter().map(|kind| kind.name).collect();
    offered_instead(ground, name, Some(&fitting))
}
