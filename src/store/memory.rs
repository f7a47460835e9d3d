//! A store that forgets: for tests, and the measure of the others.

use std::collections::{BTreeMap, HashSet};
use std::sync::{Mutex, MutexGuard, PoisonError};

use async_trait::async_trait;
use jiff::Timestamp;

use crate::lifecycle::form::TenantName;
use crate::lifecycle::{ChangeNumber, ClusterKey, PersonId};
use crate::record::{BookEntry, Entry, Record};

use super::index::Index;
use super::{Filter, Life, Listing, Saved, Store, follows};

/// Keeps records in memory.
#[derive(Debug, Default)]
pub struct MemoryStore {
    held: Mutex<Held>,
}

#[derive(Debug, Default)]
struct Held {
    lives: BTreeMap<ClusterKey, Life>,
    numbers: BTreeMap<TenantName, u64>,
    books: BTreeMap<TenantName, Vec<BookEntry>>,
    index: Index,
}

impl MemoryStore {
    fn held(&self) -> MutexGuard<'_, Held> {
        self.held.lock().unwrap_or_else(PoisonError::into_inner)
    }
}

#[async_trait]
impl Store for MemoryStore {
    fn is_exclusive(&self) -> bool {
        false
    }

    async fn load(&self, key: &ClusterKey) -> anyhow::Result<Option<Record>> {
        Ok(self.held().lives.get(key).map(|life| life.record.clone()))
    }

    async fn save(&self, record: &Record, entry: Option<&Entry>) -> anyhow::Result<Saved> {
        let mut held = self.held();
        let stored = held.lives.get(record.key()).map_or(0, |life| life.record.revision);
        if stored + 1 != record.revision {
            return Ok(Saved::Conflict);
        }
        let life = held
            .lives
            .entry(record.key().clone())
            .or_insert_with(|| Life { record: record.clone(), journal: Vec::new() });
        life.record = record.clone();
        life.journal.extend(entry.cloned());
        held.index.put(record);
        Ok(Saved::Yes)
    }

    async fn save_chain(&self, chain: &[(Record, Entry)]) -> anyhow::Result<Saved> {
        let [(first, _), ..] = chain else { return Ok(Saved::Yes) };
        let mut held = self.held();
        let stored = held.lives.get(first.key()).map_or(0, |life| life.record.revision);
        if !follows(stored, chain) {
            return Ok(Saved::Conflict);
        }
        for (record, entry) in chain {
            let life = held
                .lives
                .entry(record.key().clone())
                .or_insert_with(|| Life { record: record.clone(), journal: Vec::new() });
            life.record = record.clone();
            life.journal.push(entry.clone());
            held.index.put(record);
        }
        Ok(Saved::Yes)
    }

    async fn due(&self, now: Timestamp, limit: usize, skip: &HashSet<ClusterKey>) -> anyhow::Result<Vec<ClusterKey>> {
        Ok(self.held().index.due(now, limit, skip))
    }

    async fn next_due(&self) -> anyhow::Result<Option<Timestamp>> {
        Ok(self.held().index.next_due())
    }

    async fn busy(&self) -> anyhow::Result<usize> {
        Ok(self.held().index.busy())
    }

    async fn list(&self, filter: &Filter) -> anyhow::Result<Listing> {
        Ok(self.held().index.list(filter))
    }

    async fn owned(&self, tenant: &TenantName, person: &PersonId) -> anyhow::Result<u32> {
        Ok(self.held().index.owned(tenant, person))
    }

    async fn keys(&self) -> anyhow::Result<Vec<ClusterKey>> {
        Ok(self.held().index.keys())
    }

    async fn journals(&self) -> anyhow::Result<Vec<ClusterKey>> {
        let held = self.held();
        Ok(held.lives.iter().filter(|(_, life)| !life.journal.is_empty()).map(|(key, _)| key.clone()).collect())
    }

    async fn journal(&self, key: &ClusterKey) -> anyhow::Result<Vec<Entry>> {
        Ok(self.held().lives.get(key).map(|life| life.journal.clone()).unwrap_or_default())
    }

    async fn draw(&self, tenant: &TenantName) -> anyhow::Result<ChangeNumber> {
        let mut held = self.held();
        let last = held.numbers.entry(tenant.clone()).or_default();
        *last += 1;
        Ok(ChangeNumber(*last))
    }

    async fn drawn(&self) -> anyhow::Result<Vec<(TenantName, u64)>> {
        Ok(self.held().numbers.iter().map(|(tenant, last)| (tenant.clone(), *last)).collect())
    }

    async fn book(&self, tenant: &TenantName) -> anyhow::Result<Vec<BookEntry>> {
        Ok(self.held().books.get(tenant).cloned().unwrap_or_default())
    }

    async fn write_book(&self, entry: &BookEntry) -> anyhow::Result<Saved> {
        let mut held = self.held();
        let book = held.books.entry(entry.body.tenant.clone()).or_default();
        if book.len() as u64 + 1 != entry.body.number {
            return Ok(Saved::Conflict);
        }
        book.push(entry.clone());
        Ok(Saved::Yes)
    }

    async fn books(&self) -> anyhow::Result<Vec<TenantName>> {
        Ok(self.held().books.iter().filter(|(_, book)| !book.is_empty()).map(|(tenant, _)| tenant.clone()).collect())
    }

    async fn restore(&self, life: &Life) -> anyhow::Result<Saved> {
        let mut held = self.held();
        if held.lives.contains_key(life.record.key()) {
            return Ok(Saved::Conflict);
        }
        held.lives.insert(life.record.key().clone(), life.clone());
        held.index.put(&life.record);
        Ok(Saved::Yes)
    }

    async fn restore_drawn(&self, tenant: &TenantName, last: u64) -> anyhow::Result<()> {
        let mut held = self.held();
        let known = held.numbers.entry(tenant.clone()).or_default();
        *known = last.max(*known);
        Ok(())
    }
}
