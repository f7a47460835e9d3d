//! What a store keeps in memory beside the records: who is due, and one row a cluster.
//!
//! Lists read as many rows as they show, however many clusters there are.

use std::collections::{BTreeMap, BTreeSet, HashSet};

use jiff::Timestamp;

use crate::lifecycle::form::{ClusterName, TenantName};
use crate::lifecycle::summary::ClusterSummary;
use crate::lifecycle::{ClusterKey, PersonId, State};
use crate::record::Record;

use super::{Filter, Listing};

/// The index over all records.
#[derive(Debug, Default)]
pub(super) struct Index {
    due: BTreeSet<(Timestamp, ClusterKey)>,
    known: BTreeMap<ClusterKey, Known>,
    busy: usize,
    tenants: BTreeMap<TenantName, Views>,
}

#[derive(Debug)]
struct Known {
    revision: u64,
    due: Option<Timestamp>,
    busy: bool,
    summary: ClusterSummary,
}

/// The names of a tenant's current clusters, by what lists ask for.
#[derive(Debug, Default)]
struct Views {
    current: BTreeSet<ClusterName>,
    waiting: BTreeSet<ClusterName>,
    owned: BTreeMap<PersonId, BTreeSet<ClusterName>>,
}

impl Index {
    /// Takes a record's new revision in.
    pub(super) fn put(&mut self, record: &Record) {
        let key = record.key();
        if let Some(old) = self.known.remove(key) {
            self.forget(key, &old);
        }
        let known = Known {
            revision: record.revision,
            due: record.due(),
            busy: record.is_busy(),
            summary: ClusterSummary::of(&record.cluster),
        };
        if let Some(due) = known.due {
            self.due.insert((due, key.clone()));
        }
        self.busy += usize::from(known.busy);
        if known.summary.is_there() {
            let views = self.tenants.entry(key.tenant.clone()).or_default();
            views.current.insert(key.name.clone());
            if matches!(record.cluster.change.state, State::Reviewing(_)) {
                views.waiting.insert(key.name.clone());
            }
            views.owned.entry(known.summary.owner.id.clone()).or_default().insert(key.name.clone());
        }
        self.known.insert(key.clone(), known);
    }

    /// The revision of a record; 0 where there is none.
    pub(super) fn revision(&self, key: &ClusterKey) -> u64 {
        self.known.get(key).map_or(0, |known| known.revision)
    }

    fn forget(&mut self, key: &ClusterKey, old: &Known) {
        if let Some(due) = old.due {
            self.due.remove(&(due, key.clone()));
        }
        self.busy -= usize::from(old.busy);
        if let Some(views) = self.tenants.get_mut(&key.tenant) {
            views.current.remove(&key.name);
            views.waiting.remove(&key.name);
            let owner = &old.summary.owner.id;
            if let Some(owned) = views.owned.get_mut(owner) {
                owned.remove(&key.name);
                if owned.is_empty() {
                    views.owned.remove(owner);
                }
            }
        }
    }

    pub(super) fn due(&self, now: Timestamp, limit: usize, skip: &HashSet<ClusterKey>) -> Vec<ClusterKey> {
        let due = self.due.iter().take_while(|(at, _)| *at <= now).map(|(_, key)| key);
        due.filter(|key| !skip.contains(*key)).take(limit).cloned().collect()
    }

    pub(super) fn next_due(&self) -> Option<Timestamp> {
        self.due.first().map(|(at, _)| *at)
    }

    pub(super) fn busy(&self) -> usize {
        self.busy
    }

    pub(super) fn keys(&self) -> Vec<ClusterKey> {
        self.known.keys().cloned().collect()
    }

    pub(super) fn owned(&self, tenant: &TenantName, person: &PersonId) -> u32 {
        let owned = self.tenants.get(tenant).and_then(|views| views.owned.get(person)).map_or(0, BTreeSet::len);
        u32::try_from(owned).unwrap_or(u32::MAX)
    }

    pub(super) fn list(&self, filter: &Filter) -> Listing {
        let Some(views) = self.tenants.get(&filter.tenant) else { return Listing::default() };
        let none = BTreeSet::new();
        let owned = filter.owner.as_ref().map(|owner| views.owned.get(owner).unwrap_or(&none));
        match (owned, filter.waiting) {
            (None, false) => self.rows(filter, views.current.iter(), views.current.len()),
            (None, true) => self.rows(filter, views.waiting.iter(), views.waiting.len()),
            (Some(owned), false) => self.rows(filter, owned.iter(), owned.len()),
            (Some(owned), true) => {
                self.rows(filter, owned.intersection(&views.waiting), owned.intersection(&views.waiting).count())
            }
        }
    }

    fn rows<'a>(&self, filter: &Filter, names: impl Iterator<Item = &'a ClusterName>, total: usize) -> Listing {
        let row = |name: &ClusterName| {
            let key = ClusterKey { tenant: filter.tenant.clone(), name: name.clone() };
            self.known.get(&key).map(|known| known.summary.clone())
        };
        Listing { rows: names.take(filter.limit).filter_map(row).collect(), total }
    }
}
