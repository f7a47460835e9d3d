//! How long things usually take: the median of what the same step of the same class took before.

use std::collections::HashMap;
use std::sync::{Mutex, PoisonError};

use jiff::SignedDuration;

use crate::lifecycle::form::ClassName;
use crate::lifecycle::{Kind, Took};
use crate::record::Record;
use crate::store::Filter;

use super::Engine;

/// How many of the last ones count.
const LAST: usize = 20;

/// What changes took, by class and kind.
#[derive(Debug, Default)]
pub(super) struct Usual {
    took: Mutex<HashMap<(ClassName, Kind), Vec<Took>>>,
}

impl Usual {
    fn add(&self, class: &ClassName, kind: Kind, took: Took) {
        let mut all = self.took.lock().unwrap_or_else(PoisonError::into_inner);
        let list = all.entry((class.clone(), kind)).or_default();
        list.push(took);
        if list.len() > LAST {
            list.remove(0);
        }
    }

    /// The median of one step; `None` where it never ran.
    pub(super) fn of(
        &self,
        class: &ClassName,
        kind: Kind,
        step: impl Fn(&Took) -> Option<u32>,
    ) -> Option<SignedDuration> {
        let all = self.took.lock().unwrap_or_else(PoisonError::into_inner);
        let mut seconds: Vec<u32> = all.get(&(class.clone(), kind))?.iter().filter_map(step).collect();
        seconds.sort_unstable();
        seconds.get(seconds.len() / 2).map(|s| SignedDuration::from_secs(i64::from(*s)))
    }
}

impl Engine {
    /// Remembers what a change took, when it has just ended.
    pub(super) fn note_usual(&self, before: &Record, after: &Record) {
        let (cluster, change) = (&after.cluster, &after.cluster.change);
        if !before.cluster.change.state.is_over() && change.state.is_over() && change.took.joining.is_some() {
            self.usual.add(&cluster.form.class, change.kind, change.took);
        }
    }

    /// Learns from the clusters that exist, at start.
    pub(super) async fn learn_usual(&self) -> anyhow::Result<()> {
        for tenant in self.tenants.keys() {
            let filter = Filter { tenant: tenant.clone(), owner: None, waiting: false, limit: LAST * 4 };
            for row in self.store.list(&filter).await?.rows {
                if row.took.joining.is_some() {
                    self.usual.add(&row.class, row.kind, row.took);
                }
            }
        }
        Ok(())
    }
}
