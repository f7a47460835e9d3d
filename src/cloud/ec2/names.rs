//! How Rancher's machines and their keys are called: `<cluster>-<pool>-xxxxx-xxxxx`, and `<machine>-AbCdE` for the key.
//!
//! A name is compared as a whole, with the exact names of the pools: a beginning alone would take the machines of `teal-otter-2` for those of `teal-otter`.

use crate::ports::Traces;

/// The letters of the random parts: Kubernetes leaves out what makes words or looks alike.
const RANDOM: &str = "bcdfghjklmnpqrstvwxz2456789";
/// The length of each random part.
const RANDOM_LEN: usize = 5;
/// A name before its random part is cut to so much.
const BASE_MAX: usize = 58;

/// The machine that a key pair is for.
pub(super) fn machine_of_key(key: &str) -> Option<&str> {
    let (machine, end) = key.rsplit_once('-')?;
    (end.len() == RANDOM_LEN && end.bytes().all(|b| b.is_ascii_alphabetic())).then_some(machine)
}

/// The pool of a cluster that a machine is called after, if it is.
pub(super) fn pool_of(traces: &Traces, machine: &str) -> Option<String> {
    let pools = &traces.footprint.pools;
    let fits = |pool: &str| fits(&template(traces.name.as_str(), pool), machine);
    match pools.is_empty() {
        // Nothing is known: what kaas' own module calls its pools.
        true => usual_pools().find(|pool| fits(pool)),
        false => pools.iter().find(|pool| fits(pool)).cloned(),
    }
}

/// Whether this is the name of a machine of any cluster; and of which, where its pool is called as kaas calls pools.
pub(super) fn any_machine(machine: &str) -> Option<Option<&str>> {
    let is_random = |part: &str| part.len() == RANDOM_LEN && part.chars().all(|c| RANDOM.contains(c));
    let (rest, second) = machine.rsplit_once('-')?;
    let (base, first) = rest.rsplit_once('-')?;
    if !is_random(first) || !is_random(second) || !base.contains('-') {
        return None;
    }
    let (left, zone) = base.rsplit_once('-')?;
    let usual = zone.len() == 1 && zone.bytes().all(|b| b.is_ascii_lowercase());
    let cluster = left.strip_suffix("-cp").or_else(|| left.strip_suffix("-worker")).filter(|_| usual);
    Some(cluster.filter(|name| !name.is_empty()))
}

fn usual_pools() -> impl Iterator<Item = String> {
    ["cp", "worker"].into_iter().flat_map(|role| ('a'..='z').map(move |zone| format!("{role}-{zone}")))
}

/// A name with gaps where something random stands: first the set of machines gets a random part, then the machine, and each time the name is cut before it.
fn template(cluster: &str, pool: &str) -> Vec<Option<char>> {
    let gap = || std::iter::repeat_n(None, RANDOM_LEN);
    let base: Vec<Option<char>> = format!("{cluster}-{pool}-").chars().map(Some).take(BASE_MAX).collect();
    let set = base.into_iter().chain(gap()).chain([Some('-')]);
    set.take(BASE_MAX).chain(gap()).collect()
}

fn fits(template: &[Option<char>], name: &str) -> bool {
    let fits = |(slot, c): (&Option<char>, char)| slot.map_or(RANDOM.contains(c), |literal| literal == c);
    name.chars().count() == template.len() && template.iter().zip(name.chars()).all(fits)
}

#[cfg(test)]
mod tests {
    use super::*;
    use crate::lifecycle::cloud::Footprint;

    fn traces(name: &str, pools: &[&str]) -> Traces {
        let footprint = Footprint { pools: pools.iter().map(|p| (*p).to_owned()).collect(), ..Footprint::default() };
        Traces { name: name.parse().unwrap(), footprint }
    }

    #[test]
    fn a_machine_belongs_to_one_cluster_of_three_that_begin_alike() {
        let clusters = ["teal-otter", "teal-otter-2", "teal"].map(|name| traces(name, &["cp-a", "worker-b"]));
        for (machine, owner) in [
            ("teal-otter-cp-a-bcdfg-x4k2l", Some(0)),
            ("teal-otter-2-cp-a-bcdfg-x4k2l", Some(1)),
            ("teal-worker-b-bcdfg-x4k2l", Some(2)),
            ("teal-otter-cp-c-bcdfg-x4k2l", None),
            ("teal-otter-cp-a-bcdfg", None),
            ("teal-otter-cp-a-bcdfa-x4k2l", None),
            ("my-teal-otter-cp-a-bcdfg-x4k2l", None),
            ("teal-otter-cp-a-bcdfg-x4k2lé", None),
        ] {
            let found: Vec<usize> = (0..3).filter(|n| pool_of(&clusters[*n], machine).is_some()).collect();
            assert_eq!(found, owner.into_iter().collect::<Vec<_>>(), "{machine}");
        }
        // Without pools, kaas' own scheme: never "anything in between".
        assert_eq!(pool_of(&traces("teal", &[]), "teal-otter-cp-a-bcdfg-x4k2l"), None);
        assert_eq!(pool_of(&traces("teal", &[]), "teal-cp-a-bcdfg-x4k2l"), Some("cp-a".to_owned()));
    }

    #[test]
    fn long_names_are_cut_as_kubernetes_cuts_them() {
        let length = |cluster: usize, pool: &str| template(&"c".repeat(cluster), pool).len();
        // 51 is whole: 51 + "-xxxxx" + "-xxxxx" is the 63 of a DNS label.
        let lengths = (length(40, "worker-abc"), length(40, "worker-abcd"), length(40, "worker-a-very-long-one"));
        assert_eq!(lengths, (63, 63, 63));
        let cluster = traces(&"c".repeat(40), &["worker-abcd"]);
        let machine = format!("{}-worker-abcd-bcdfgx4k2l", "c".repeat(40));
        assert!(pool_of(&cluster, &machine).is_some(), "{machine}");
    }

    #[test]
    fn keys_name_their_machines() {
        assert_eq!(machine_of_key("teal-cp-a-bcdfg-x4k2l-AbCdE"), Some("teal-cp-a-bcdfg-x4k2l"));
        assert_eq!(machine_of_key("teal-cp-a-bcdfg-x4k2l-AbCd1"), None);
        assert_eq!(any_machine("teal-otter-cp-a-bcdfg-x4k2l"), Some(Some("teal-otter")));
        assert_eq!(any_machine("other-pool1-bcdfg-x4k2l"), Some(None));
        assert_eq!(any_machine("laptop-of-alice"), None);
    }
}
