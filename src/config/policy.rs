//! The tenant's policy, and whether anybody could ever satisfy it.

use std::collections::BTreeMap;

use jiff::SignedDuration;

use super::finding::{Report, did_you_mean, join};
use super::people::{People, Platform};
use super::{raw, values};
use crate::lifecycle::policy::{AccessPolicy, Policy, Quorum, RequesterRoles};
use crate::lifecycle::{Person, Risk};

/// How many have to approve, where the file says nothing.
pub const QUORUM: u32 = 2;
/// How long a review may take, where the file says nothing.
pub const REVIEW: &str = "24h";
/// The role that ways in are given with by command, where the file says nothing.
pub const ACCESS_ROLE: &str = "cluster-member";
/// How long approvers are waited for before they are asked again, where the file says nothing.
pub const REMIND_AFTER: &str = "4h";

/// Builds the policy of a tenant. `by_email`: people are looked up in Rancher by their address. Where the members of groups approve as well, nobody can say here how many they are.
pub(super) fn policy(
    raw: &raw::Policy,
    people: &People,
    (has_groups, by_email): (bool, bool),
    tenant: &str,
    report: &mut Report,
) -> Option<Policy> {
    let (path, people_path) = (&join(tenant, "policy"), &join(tenant, "people"));
    let list = |ids: &[String], key: &str, report: &mut Report| people.listed(ids, &join(path, key), report);
    let requesters = raw.requesters.as_ref().map(|ids| list(ids, "requesters", report));
    let approvers = list(&raw.approvers, "approvers", report);
    let admins = list(&raw.admins, "admins", report);
    let count = |n: Option<u64>| n.and_then(|n| u32::try_from(n).ok());
    let quorum = Quorum {
        green: count(raw.quorum.green).unwrap_or(QUORUM),
        yellow: count(raw.quorum.yellow).unwrap_or(QUORUM),
        red: count(raw.quorum.red).unwrap_or(QUORUM),
    };
    let policy = Policy {
        requesters,
        approvers,
        admins,
        quorum,
        reactions_up_to: match raw.reactions_up_to.as_deref() {
            Some("green") => Risk::Green,
            Some("red") => Risk::Red,
            _ => Risk::Yellow,
        },
        review: signed(raw.review.as_deref().unwrap_or(REVIEW))?,
        remind_after: signed(raw.remind_after.as_deref().unwrap_or(REMIND_AFTER))?,
        clusters_a_person: count(raw.clusters_a_person),
        roles: RequesterRoles::default(),
        access: AccessPolicy {
            roles: raw.access.roles.clone().unwrap_or_else(|| vec![ACCESS_ROLE.to_owned()]),
            longest: match raw.access.longest.as_deref() {
                Some(longest) => Some(signed(longest)?),
                None => None,
            },
        },
        // Whether there is a cloud to search is known where it is wired.
        certify: false,
        places: Vec::new(),
        frozen: raw.frozen.as_deref().and_then(|text| text.parse().ok()),
    };
    // Where somebody is missing because of a mistake, what follows from the gap is no news.
    if report.clean(path) && report.clean(people_path) {
        satisfiable(&policy, people, (has_groups, by_email), (path, people_path), report);
    }
    Some(policy)
}

fn signed(text: &str) -> Option<SignedDuration> {
    SignedDuration::try_from(values::duration(text).ok()?).ok()
}

/// Reports what nobody could do, and what some people could not.
fn satisfiable(
    policy: &Policy,
    people: &People,
    (has_groups, by_email): (bool, bool),
    (path, people_path): (&str, &str),
    report: &mut Report,
) {
    let approvers = policy.approvers.len();
    if policy.requesters.as_ref().is_some_and(Vec::is_empty) && policy.admins.is_empty() {
        let hint = "Name who may ask, or leave the key out so that all of the tenant's people may.";
        report.error(
            &join(path, "requesters"),
            "names nobody, and there is no admin, so nobody could ask for a cluster",
            hint,
        );
    }
    if policy.remind_after >= policy.review {
        let hint = "Make it shorter than review, so that approvers are asked once more before it is too late.";
        report.warning(&join(path, "remind_after"), "is not shorter than review, so nobody is ever reminded", hint);
    }
    let may_ask: Vec<&Person> = people.iter().filter(|p| policy.may_request(&p.id)).collect();
    let mut counts: BTreeMap<u32, Vec<&str>> = BTreeMap::new();
    for (key, risk) in [("green", Risk::Green), ("yellow", Risk::Yellow), ("red", Risk::Red)] {
        counts.entry(policy.quorum.of(risk)).or_default().push(key);
    }
    if has_groups {
        counts.clear();
    } else if approvers == 0 {
        let ids = people.iter().map(|p| p.id.as_str());
        let hint = format!("Name who decides. {}", did_you_mean("", ids));
        report.error(&join(path, "approvers"), "names nobody, so no request could ever be approved", hint);
        counts.clear();
    }
    for (needed, keys) in counts {
        let at = join(path, "quorum");
        let at = if let [_, _, _] = keys[..] { at } else { join(&at, keys[0]) };
        let approvals = format!("asks for {needed} approval{}", if needed == 1 { "" } else { "s" });
        let enough = |p: &Person| policy.approvers_but(&p.id).len() >= needed as usize;
        let without: Vec<&str> = may_ask.iter().filter(|p| !enough(p)).map(|p| p.id.as_str()).collect();
        if approvers < needed as usize || (without.len() == may_ask.len() && !may_ask.is_empty()) {
            let known = names(&policy.approvers);
            let hint =
                format!("Name more approvers, or ask for fewer; whoever asks does not count. There is: {known}.");
            report.error(&at, format!("{approvals}, which nobody's request could get"), hint);
        } else if !without.is_empty() {
            let hint = "Name one more approver, or ask for fewer; whoever asks does not count.";
            report.warning(
                &at,
                format!("{approvals}, which a request of {} could not get", without.join(" or ")),
                hint,
            );
        }
    }
    let has = |person: &Person, platform| people.identity(&person.id, platform).is_some();
    let unknown = |p: &&&Person| !(has(p, Platform::Rancher) || by_email && has(p, Platform::Email));
    for person in may_ask.iter().filter(unknown) {
        let at = join(&join(people_path, person.id.as_str()), "rancher");
        let hint = "Name their user in Rancher, or leave them out of requesters and admins.";
        report.warning(&at, "is missing, so they could ask for clusters, and get no way in", hint);
    }
}

fn names(people: &[Person]) -> String {
    people.iter().map(|p| p.id.as_str()).collect::<Vec<_>>().join(", ")
}
