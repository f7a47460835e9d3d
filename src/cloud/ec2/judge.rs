//! Whose something is: exactly, by whole tags and whole names.
//!
//! Two judges: [`Gone`] asks whether it is of one cluster that should be gone, [`Fleet`] whether it is of none of the clusters that there are.

use super::names::{any_machine, machine_of_key, pool_of};
use super::rows::{CLUSTER, Group, Tags};
use crate::lifecycle::ClusterKey;
use crate::ports::Traces;

/// What Rancher's driver writes of a group that it makes.
pub(super) const DRIVERS_GROUP: &str = "Rancher Nodes";
/// Tags whose value names a cluster.
const NAMING: [&str; 4] = [CLUSTER, "KubernetesCluster", "elbv2.k8s.aws/cluster", "cluster.k8s.amazonaws.com/name"];
/// Tags whose key names a cluster.
const OWNED: &str = "kubernetes.io/cluster/";
/// Tags of storage that a cluster asked for, and that need not name it.
const STORAGE: [&str; 4] =
    ["ebs.csi.aws.com/cluster", "CSIVolumeName", "CSIVolumeSnapshotName", "kubernetes.io/created-for/pvc/name"];

/// A judgement.
#[derive(Debug, Clone, PartialEq, Eq)]
pub(super) enum Verdict {
    /// It is looked for; why.
    Sure(String),
    /// It may be looked for; why.
    Suspect(String),
    /// It is somebody else's.
    No,
    /// It says nothing about whose it is.
    Silent,
}

impl Verdict {
    /// This one, unless it says nothing.
    pub fn or(self, other: impl FnOnce() -> Self) -> Self {
        if self == Self::Silent { other() } else { self }
    }
}

/// Judges what was found.
pub(super) trait Judge {
    /// By tags that name a cluster.
    fn tags(&self, tags: &Tags) -> Verdict;
    /// By the name of a machine.
    fn machine(&self, machine: &str) -> Verdict;
    /// A group that Rancher's driver made.
    fn drivers_group(&self, group: &Group) -> Verdict;

    /// By the name of a key pair.
    fn key(&self, key: &str) -> Verdict {
        machine_of_key(key).map_or(Verdict::Silent, |machine| self.machine(machine))
    }
}

/// The names and ids of clusters that tags speak of, each with the tag.
fn claims(tags: &Tags) -> Vec<(&str, String)> {
    let of = |(key, value)| {
        let (key, value): (&String, &String) = (key, value);
        match key.strip_prefix(OWNED) {
            Some(cluster) => Some((cluster, format!("tag {key}"))),
            None => NAMING.contains(&key.as_str()).then(|| (value.as_str(), format!("tag {key}={value}"))),
        }
    };
    tags.iter().filter_map(of).collect()
}

/// Whether it is storage that some cluster asked for.
pub(super) fn is_storage_of_a_cluster(tags: &Tags) -> bool {
    STORAGE.iter().any(|key| tags.contains_key(*key))
}

/// Whether Rancher draws ids like this: `c-m-7k2x9q4d`, `c-x7k2m`.
fn is_ranchers(id: &str) -> bool {
    let random =
        |part: &str, len| part.len() == len && part.bytes().all(|b| b.is_ascii_lowercase() || b.is_ascii_digit());
    id.strip_prefix("c-m-").is_some_and(|rest| random(rest, 8))
        || id.strip_prefix("c-").is_some_and(|rest| random(rest, 5))
}

/// Judges for one cluster that should be gone.
pub(super) struct Gone<'a> {
    /// The cluster.
    pub gone: &'a Traces,
    /// Clusters that there are.
    pub neighbours: &'a [Traces],
}

impl Judge for Gone<'_> {
    fn tags(&self, tags: &Tags) -> Verdict {
        let claims = claims(tags);
        let of = |known: &dyn Fn(&str) -> bool| claims.iter().find(|(cluster, _)| known(cluster)).map(|(_, tag)| tag);
        let (gone, others) = (self.gone, self.neighbours);
        let is_named = |cluster: &str| cluster == gone.name.as_str();
        let namesake = others.iter().any(|other| other.name == gone.name);
        if claims.is_empty() {
            return Verdict::Silent;
        }
        if of(&|id| others.iter().any(|other| other.footprint.ids.contains(id))).is_some()
            || of(&|name| !is_named(name) && others.iter().any(|other| other.name.as_str() == name)).is_some()
        {
            return Verdict::No;
        }
        let (by_name, by_id) = (of(&is_named), of(&|id| gone.footprint.ids.contains(id)));
        match (by_name, by_id) {
            (Some(tag), None) if namesake => Verdict::Suspect(format!("{tag}, which another cluster is called too")),
            (Some(tag), _) | (None, Some(tag)) => Verdict::Sure(tag.clone()),
            (None, None) => Verdict::No,
        }
    }

    fn machine(&self, machine: &str) -> Verdict {
        let others = self.neighbours;
        if self.gone.footprint.machines.contains(machine) {
            return Verdict::Sure(format!("its machine {machine} was seen"));
        }
        if others.iter().any(|other| other.footprint.machines.contains(machine) || pool_of(other, machine).is_some()) {
            return Verdict::No;
        }
        match pool_of(self.gone, machine) {
            Some(pool) => Verdict::Suspect(format!("named like a machine of its pool {pool}")),
            None => Verdict::Silent,
        }
    }

    fn drivers_group(&self, group: &Group) -> Verdict {
        let wants = |traces: &Traces| {
            let vpcs = &traces.footprint.vpcs;
            let here = vpcs.is_empty() || group.vpc.as_ref().is_none_or(|vpc| vpcs.contains(vpc));
            here && traces.footprint.groups.contains(&group.name)
        };
        if self.neighbours.iter().any(wants) {
            return Verdict::No;
        }
        match wants(self.gone) {
            true => Verdict::Sure("made by Rancher's driver under the name that the cluster asked for".to_owned()),
            false => Verdict::Suspect("made by Rancher's driver, for whichever cluster".to_owned()),
        }
    }
}

/// Judges for all clusters that there are: what is none of theirs is an orphan.
pub(super) struct Fleet<'a> {
    /// The clusters.
    pub fleet: &'a [(ClusterKey, Traces)],
}

impl Fleet<'_> {
    fn any(&self, of: impl Fn(&Traces) -> bool) -> bool {
        self.fleet.iter().any(|(_, traces)| of(traces))
    }
}

impl Judge for Fleet<'_> {
    fn tags(&self, tags: &Tags) -> Verdict {
        let claims = claims(tags);
        if claims.is_empty() {
            return Verdict::Silent;
        }
        if claims.iter().any(|(id, _)| self.any(|traces| traces.footprint.ids.contains(*id))) {
            return Verdict::No;
        }
        let named = |name: &str| self.any(|traces| traces.name.as_str() == name);
        let id = claims.iter().find(|(id, _)| is_ranchers(id));
        match (tags.get(CLUSTER), id) {
            // Of a cluster of that name, but another id: what an earlier one left, perhaps.
            (Some(name), Some((id, _)))
                if named(name)
                    && self.fleet.iter().all(|(_, t)| t.name.as_str() != name || !t.footprint.ids.is_empty()) =>
            {
                Verdict::Suspect(format!("tag {CLUSTER}={name}, but of {id}, which is not the {name} that there is"))
            }
            (Some(name), _) if named(name) => Verdict::No,
            (Some(name), _) => Verdict::Sure(format!("tag {CLUSTER}={name}, and there is no such cluster")),
            (None, _) if claims.iter().any(|(name, _)| named(name)) => Verdict::No,
            (None, Some((_, tag))) => Verdict::Suspect(format!("{tag}: of Rancher, and of no cluster here")),
            (None, None) => Verdict::No,
        }
    }

    fn machine(&self, machine: &str) -> Verdict {
        if self.any(|traces| traces.footprint.machines.contains(machine) || pool_of(traces, machine).is_some()) {
            return Verdict::No;
        }
        match any_machine(machine) {
            Some(Some(cluster)) => {
                Verdict::Suspect(format!("named like a machine of {cluster}, and there is no such cluster"))
            }
            Some(None) => Verdict::Suspect("named like a machine of Rancher, and of no cluster here".to_owned()),
            None => Verdict::Silent,
        }
    }

    fn drivers_group(&self, group: &Group) -> Verdict {
        match self.any(|traces| traces.footprint.groups.contains(&group.name)) {
            true => Verdict::No,
            false => Verdict::Suspect("made by Rancher's driver, and asked for by no cluster here".to_owned()),
        }
    }
}

#[cfg(test)]
mod tests {
    use super::*;
    use crate::lifecycle::cloud::Footprint;

    fn traces(name: &str, id: &str) -> Traces {
        let ids = [id.to_owned()].into();
        Traces { name: name.parse().unwrap(), footprint: Footprint { ids, ..Footprint::default() } }
    }

    fn tags(all: &[(&str, &str)]) -> Tags {
        all.iter().map(|(key, value)| ((*key).to_owned(), (*value).to_owned())).collect()
    }

    #[test]
    fn tags_are_compared_whole_and_a_neighbours_tag_excludes() {
        let gone = traces("teal-otter", "c-m-aaaaaaaa");
        let neighbours = [traces("teal-otter-2", "c-m-bbbbbbbb"), traces("teal", "c-m-cccccccc")];
        let judge = Gone { gone: &gone, neighbours: &neighbours };
        let sure = |tag: &str| Verdict::Sure(format!("tag {tag}"));
        for (all, expected) in [
            (tags(&[("kaas:cluster", "teal-otter")]), sure("kaas:cluster=teal-otter")),
            (tags(&[("kaas:cluster", "teal-otter-2")]), Verdict::No),
            (tags(&[("kaas:cluster", "teal")]), Verdict::No),
            (tags(&[("kaas:cluster", "Teal-Otter")]), Verdict::No),
            (tags(&[("kubernetes.io/cluster/c-m-aaaaaaaa", "owned")]), sure("kubernetes.io/cluster/c-m-aaaaaaaa")),
            (tags(&[("kubernetes.io/cluster/c-m-aaaaaaaab", "owned")]), Verdict::No),
            (tags(&[("kaas:cluster", "teal-otter"), ("kubernetes.io/cluster/c-m-bbbbbbbb", "owned")]), Verdict::No),
            (tags(&[("kaas:cluster", "teal-otter-2"), ("kubernetes.io/cluster/c-m-aaaaaaaa", "owned")]), Verdict::No),
            (
                tags(&[("kaas:cluster", "teal-otter"), ("kubernetes.io/cluster/c-m-00000000", "owned")]),
                sure("kaas:cluster=teal-otter"),
            ),
            (tags(&[("Name", "teal-otter"), ("owner", "alice")]), Verdict::Silent),
        ] {
            assert_eq!(judge.tags(&all), expected, "{all:?}");
        }
    }

    #[test]
    fn of_two_clusters_of_one_name_only_the_id_is_sure() {
        let gone = traces("teal", "c-m-aaaaaaaa");
        let neighbours = [traces("teal", "c-m-bbbbbbbb")];
        let judge = Gone { gone: &gone, neighbours: &neighbours };
        assert!(matches!(judge.tags(&tags(&[("kaas:cluster", "teal")])), Verdict::Suspect(_)));
        let old = tags(&[("kaas:cluster", "teal"), ("kubernetes.io/cluster/c-m-aaaaaaaa", "owned")]);
        assert!(matches!(judge.tags(&old), Verdict::Sure(_)));
        let new = tags(&[("kaas:cluster", "teal"), ("kubernetes.io/cluster/c-m-bbbbbbbb", "owned")]);
        assert_eq!(judge.tags(&new), Verdict::No);
    }

    #[test]
    fn an_orphan_is_of_no_cluster_that_there_is() {
        let key = ClusterKey { tenant: "acme".parse().unwrap(), name: "teal".parse().unwrap() };
        let fleet = [(key, traces("teal", "c-m-aaaaaaaa"))];
        let judge = Fleet { fleet: &fleet };
        assert_eq!(judge.tags(&tags(&[("kaas:cluster", "teal")])), Verdict::No);
        assert!(
            matches!(judge.tags(&tags(&[("kaas:cluster", "teal-2")])), Verdict::Sure(why) if why.contains("teal-2"))
        );
        let earlier = tags(&[("kaas:cluster", "teal"), ("kubernetes.io/cluster/c-m-bbbbbbbb", "owned")]);
        assert!(matches!(judge.tags(&earlier), Verdict::Suspect(why) if why.contains("c-m-bbbbbbbb")));
        assert!(matches!(judge.tags(&tags(&[("kubernetes.io/cluster/c-m-bbbbbbbb", "owned")])), Verdict::Suspect(_)));
        assert_eq!(judge.tags(&tags(&[("kubernetes.io/cluster/prod-eks", "owned")])), Verdict::No);
        assert_eq!(judge.machine("teal-cp-a-bcdfg-x4k2l"), Verdict::No);
        assert!(matches!(judge.machine("gone-cp-a-bcdfg-x4k2l"), Verdict::Suspect(why) if why.contains("gone")));
        assert_eq!(judge.machine("laptop"), Verdict::Silent);
    }
}
