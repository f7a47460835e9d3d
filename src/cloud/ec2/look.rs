//! Looking round in a region: what is asked of the server is coarse, what is told is judged exactly here.

use std::collections::{BTreeMap, BTreeSet};

use super::judge::{DRIVERS_GROUP, Judge, Verdict, is_storage_of_a_cluster};
use super::prices::Prices;
use super::read::{Protocol, Region, VALUES_MAX};
use super::rows::{Address, Balancer, Group, Instance, Interface, Key, Snapshot, Spot, Volume};
use super::session::Session;
use super::shape::Shaper;
use crate::lifecycle::cloud::Leftover;

/// The states of a machine that exists. One that shuts down is asked for too, and not told: it ends by itself and costs nothing any more.
const LIVE: [&str; 5] = ["pending", "running", "shutting-down", "stopping", "stopped"];
/// The bytes of a fingerprint of a key that was brought: MD5. EC2's own have 20.
const IMPORTED: usize = 16;

/// Where to look.
#[derive(Debug, Clone, Default)]
pub(super) struct Scope {
    /// The networks; none is the whole region.
    pub vpcs: Vec<String>,
    /// The images, whose snapshots tell whose volumes without tags may be.
    pub images: Vec<String>,
}

/// What was found.
#[derive(Debug, Default)]
pub(super) struct Found {
    pub sure: BTreeSet<Leftover>,
    pub suspect: BTreeSet<Leftover>,
    /// The images that were found.
    pub images: BTreeSet<String>,
}

impl Found {
    fn tell(&mut self, verdict: Verdict, shape: impl FnOnce(String) -> Leftover) {
        match verdict {
            Verdict::Sure(why) => _ = self.sure.insert(shape(why)),
            Verdict::Suspect(why) => _ = self.suspect.insert(shape(why)),
            Verdict::No | Verdict::Silent => {}
        }
    }
}

/// Everything of a region that is looked at.
struct Landscape {
    instances: BTreeMap<String, Instance>,
    volumes: Vec<Volume>,
    keys: Vec<Key>,
    groups: Vec<Group>,
    interfaces: Vec<Interface>,
    spots: Vec<Spot>,
    snapshots: Vec<Snapshot>,
    addresses: Vec<Address>,
    balancers: Vec<Balancer>,
    image_snapshots: BTreeSet<String>,
}

/// Looks round in a region, and judges.
pub(super) async fn look(
    session: &Session,
    region: &Region,
    scope: &Scope,
    judge: &(dyn Judge + Sync),
    prices: &Prices,
    protocol: &mut Protocol,
    found: &mut Found,
) {
    let mut here = landscape(session, region, scope, protocol, found).await;
    // What only shows in a second look: who uses a key, who uses a group.
    let keys: Vec<String> =
        here.keys.iter().filter(|key| told(&key_verdict(judge, key))).map(|key| key.name.clone()).collect();
    let live = live();
    for names in keys.chunks(VALUES_MAX) {
        let by = [("key-name", names), ("instance-state-name", &live[..])];
        let users = protocol.take(region.instances(&by).await);
        here.instances.extend(users.into_iter().map(|row| (row.id.clone(), row)));
    }
    let groups: Vec<String> =
        here.groups.iter().filter(|group| told(&group_verdict(judge, group))).map(|group| group.id.clone()).collect();
    let mut users: Vec<Interface> = Vec::new();
    for ids in groups.chunks(VALUES_MAX) {
        users.extend(protocol.take(region.interfaces(&[("group-id", ids)]).await));
    }
    here.judge(judge, Shaper { region: &region.name, prices }, &users, found);
}

async fn landscape(
    session: &Session,
    region: &Region,
    scope: &Scope,
    protocol: &mut Protocol,
    found: &mut Found,
) -> Landscape {
    let live = live();
    let words = |all: &[&str]| all.iter().map(|word| (*word).to_owned()).collect::<Vec<_>>();
    let (loose, free, open) = (words(&["available", "error"]), words(&["available"]), words(&["open", "active"]));
    let tagged = words(&[
        "kaas:cluster",
        "KubernetesCluster",
        "kubernetes.io/cluster/*",
        "ebs.csi.aws.com/cluster",
        "CSIVolumeSnapshotName",
    ]);
    let within = |more: (&'static str, &[String])| -> Vec<(&'static str, Vec<String>)> {
        let vpc = Some(("vpc-id", scope.vpcs.clone())).filter(|(_, vpcs)| !vpcs.is_empty());
        vpc.into_iter().chain((!more.1.is_empty()).then(|| (more.0, more.1.to_vec()))).collect()
    };
    let by_vpc = [within(("instance-state-name", &live)), within(("", &[])), within(("status", &free))];
    let by_vpc = by_vpc.each_ref().map(|by| by.iter().map(|(n, v)| (*n, &v[..])).collect::<Vec<_>>());
    let image_filter = [("image-id", &scope.images[..])];
    let images = async { if scope.images.is_empty() { None } else { Some(region.images(&image_filter).await) } };
    let (loose, open, tagged) = ([("status", &loose[..])], [("state", &open[..])], [("tag-key", &tagged[..])]);
    let (instances, volumes, keys, groups, interfaces, spots, snapshots, addresses, balancers, images) = tokio::join!(
        region.instances(&by_vpc[0]),
        region.volumes(&loose),
        region.keys(),
        region.groups(&by_vpc[1]),
        region.interfaces(&by_vpc[2]),
        region.spots(&open),
        region.snapshots(&tagged),
        region.addresses(&[]),
        session.balancers(&region.name),
        images,
    );
    let images = images.map(|asked| protocol.take(asked)).unwrap_or_default();
    found.images.extend(images.iter().map(|image| image.id.clone()));
    Landscape {
        instances: protocol.take(instances).into_iter().map(|row| (row.id.clone(), row)).collect(),
        volumes: protocol.take(volumes),
        keys: protocol.take(keys),
        groups: protocol.take(groups),
        interfaces: protocol.take(interfaces),
        spots: protocol.take(spots),
        snapshots: protocol.take(snapshots),
        addresses: protocol.take(addresses),
        balancers: protocol.take(balancers),
        image_snapshots: images.into_iter().flat_map(|image| image.snapshots).collect(),
    }
}

fn live() -> Vec<String> {
    LIVE.iter().map(|state| (*state).to_owned()).collect()
}

fn told(verdict: &Verdict) -> bool {
    matches!(verdict, Verdict::Sure(_) | Verdict::Suspect(_))
}

/// A machine: by its tags, else by the key it was made with, else by its name, which outlives tags that a comma has shifted.
pub(super) fn instance_verdict(judge: &(dyn Judge + Sync), row: &Instance) -> Verdict {
    let key = || row.key.as_deref().map_or(Verdict::Silent, |key| judge.key(key));
    let name = || row.tags.get("Name").map_or(Verdict::Silent, |name| judge.machine(name));
    let verdict = judge.tags(&row.tags);
    let marked = verdict != Verdict::Silent;
    let verdict = verdict.or(key).or(name);
    match verdict {
        Verdict::Sure(why) if !marked => Verdict::Sure(format!("no tag of a cluster; {why}")),
        Verdict::Suspect(why) if !marked => Verdict::Suspect(format!("no tag of a cluster; {why}")),
        other => other,
    }
}

fn key_verdict(judge: &(dyn Judge + Sync), row: &Key) -> Verdict {
    let imported = row.fingerprint.split(':').filter(|byte| byte.len() == 2).count() == IMPORTED;
    match judge.tags(&row.tags) {
        Verdict::Silent if imported => judge.key(&row.name),
        other => other,
    }
}

fn group_verdict(judge: &(dyn Judge + Sync), row: &Group) -> Verdict {
    judge.tags(&row.tags).or(|| match row.description == DRIVERS_GROUP {
        true => judge.drivers_group(row),
        false => Verdict::Silent,
    })
}

impl Landscape {
    fn judge(&self, judge: &(dyn Judge + Sync), shape: Shaper<'_>, users: &[Interface], found: &mut Found) {
        for row in self.instances.values().filter(|row| row.state != "shutting-down") {
            found.tell(instance_verdict(judge, row), |why| shape.instance(row, why));
        }
        for row in self.volumes.iter().filter(|row| row.state != "in-use") {
            found.tell(self.volume(judge, row), |why| shape.volume(row, why));
        }
        for row in &self.keys {
            let users = self.instances.values().filter(|user| user.key.as_ref() == Some(&row.name));
            let others = users.into_iter().any(|user| judge.tags(&user.tags) == Verdict::No);
            let verdict = if others { Verdict::No } else { key_verdict(judge, row) };
            found.tell(verdict, |why| shape.key(row, why));
        }
        for row in &self.groups {
            let users: Vec<&str> =
                users.iter().filter(|user| user.groups.contains(&row.id)).map(|user| user.id.as_str()).collect();
            let used = match users.as_slice() {
                [] => String::new(),
                [one] => format!("; {one} uses it"),
                [first, rest @ ..] => format!("; {first} and {} more use it", rest.len()),
            };
            found.tell(group_verdict(judge, row), |why| shape.group(row, format!("{why}{used}")));
        }
        for row in self.interfaces.iter().filter(|row| row.status == "available") {
            found.tell(judge.tags(&row.tags), |why| shape.interface(row, why));
        }
        for row in &self.spots {
            let user = row.instance.as_ref().and_then(|id| self.instances.get(id));
            let other = user.is_some_and(|user| judge.tags(&user.tags) == Verdict::No);
            let key = || row.key.as_deref().map_or(Verdict::Silent, |key| judge.key(key));
            let verdict = if other { Verdict::No } else { judge.tags(&row.tags).or(key) };
            found.tell(verdict, |why| shape.spot(row, why));
        }
        for row in &self.snapshots {
            let verdict = judge.tags(&row.tags).or(|| storage(is_storage_of_a_cluster(&row.tags)));
            found.tell(verdict, |why| shape.snapshot(row, why));
        }
        for row in &self.addresses {
            found.tell(judge.tags(&row.tags), |why| shape.address(row, why));
        }
        for row in &self.balancers {
            found.tell(judge.tags(&row.tags), |why| shape.balancer(row, why));
        }
    }

    fn volume(&self, judge: &(dyn Judge + Sync), row: &Volume) -> Verdict {
        let from_image = row.snapshot.as_ref().is_some_and(|id| self.image_snapshots.contains(id));
        judge.tags(&row.tags).or(|| storage(is_storage_of_a_cluster(&row.tags))).or(|| {
            match row.tags.is_empty() && from_image && row.state == "available" {
                true => Verdict::Suspect("no tags; made from the image of the nodes".to_owned()),
                false => Verdict::Silent,
            }
        })
    }
}

fn storage(is_storage: bool) -> Verdict {
    match is_storage {
        true => Verdict::Suspect("storage of a cluster, with no tag that says of which".to_owned()),
        false => Verdict::Silent,
    }
}
