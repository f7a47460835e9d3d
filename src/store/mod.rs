//! Where records are kept. A store only swaps: it replaces revision n by n + 1, durably, or says that somebody was faster.
//!
//! Two stores: [`memory`] for tests, [`sled`] for one node. What both keep in memory is [`index`].

use std::collections::HashSet;

use async_trait::async_trait;
use jiff::Timestamp;
use serde::{Deserialize, Serialize};

use crate::lifecycle::form::TenantName;
use crate::lifecycle::summary::ClusterSummary;
use crate::lifecycle::{ChangeNumber, ClusterKey, PersonId};
use crate::record::{BookEntry, Entry, Record};

pub mod archive;
mod index;
mod keys;
pub mod memory;
pub mod sled;

/// Whether a save replaced the record.
#[derive(Debug, Clone, Copy, PartialEq, Eq)]
pub enum Saved {
    /// It did, durably.
    Yes,
    /// The stored record is not the one before: load and decide again.
    Conflict,
}

/// Which clusters to list.
#[derive(Debug, Clone)]
pub struct Filter {
    /// Of which tenant.
    pub tenant: TenantName,
    /// Only those that this person owns.
    pub owner: Option<PersonId>,
    /// Only those that wait for votes.
    pub waiting: bool,
    /// How many rows at the most.
    pub limit: usize,
}

/// Clusters that exist or have an open change, by name.
#[derive(Debug, Clone, Default, PartialEq, Eq)]
pub struct Listing {
    /// The first rows.
    pub rows: Vec<ClusterSummary>,
    /// How many there are in all.
    pub total: usize,
}

/// Everything a store holds of one cluster, for export and import.
#[derive(Debug, Clone, PartialEq, Eq, Serialize, Deserialize)]
pub struct Life {
    /// The record.
    pub record: Record,
    /// Its journal.
    pub journal: Vec<Entry>,
}

/// Keeps records.
#[async_trait]
pub trait Store: Send + Sync {
    /// Whether only one process at a time can have it open, so that all leases found at start belong to the dead.
    fn is_exclusive(&self) -> bool;
    /// The record of a cluster, if there is one.
    async fn load(&self, key: &ClusterKey) -> anyhow::Result<Option<Record>>;
    /// Replaces revision - 1, with its journal entry where there is one: durably, and both or neither.
    async fn save(&self, record: &Record, entry: Option<&Entry>) -> anyhow::Result<Saved>;
    /// Replaces a record by the last of a chain of its next revisions, with the journal entry of each: durably, and all or none.
    async fn save_chain(&self, chain: &[(Record, Entry)]) -> anyhow::Result<Saved>;
    /// The clusters that have something to claim at `now`, longest overdue first, without those to skip.
    async fn due(&self, now: Timestamp, limit: usize, skip: &HashSet<ClusterKey>) -> anyhow::Result<Vec<ClusterKey>>;
    /// When something is next to be claimed.
    async fn next_due(&self) -> anyhow::Result<Option<Timestamp>>;
    /// How many records have anything pending but a clock.
    async fn busy(&self) -> anyhow::Result<usize>;
    /// The clusters of a tenant that exist or have an open change.
    async fn list(&self, filter: &Filter) -> anyhow::Result<Listing>;
    /// How many clusters and open requests a person has.
    async fn owned(&self, tenant: &TenantName, person: &PersonId) -> anyhow::Result<u32>;
    /// Every record's key, whatever became of the cluster.
    async fn keys(&self) -> anyhow::Result<Vec<ClusterKey>>;
    /// The key of every journal, also of one whose record is missing, so that an audit notices.
    async fn journals(&self) -> anyhow::Result<Vec<ClusterKey>>;
    /// The journal of a cluster, oldest first.
    async fn journal(&self, key: &ClusterKey) -> anyhow::Result<Vec<Entry>>;
    /// Draws the next change number of a tenant, never drawn before.
    async fn draw(&self, tenant: &TenantName) -> anyhow::Result<ChangeNumber>;
    /// The last drawn change number of every tenant.
    async fn drawn(&self) -> anyhow::Result<Vec<(TenantName, u64)>>;
    /// The book of a tenant, oldest entry first.
    async fn book(&self, tenant: &TenantName) -> anyhow::Result<Vec<BookEntry>>;
    /// Adds the next entry to its tenant's book, durably; a conflict where another one came first.
    async fn write_book(&self, entry: &BookEntry) -> anyhow::Result<Saved>;
    /// The tenants that have a book.
    async fn books(&self) -> anyhow::Result<Vec<TenantName>>;
    /// Puts one life in as it was exported. Refused where the store has a record of that cluster.
    async fn restore(&self, life: &Life) -> anyhow::Result<Saved>;
    /// Raises the last drawn change number of a tenant.
    async fn restore_drawn(&self, tenant: &TenantName, last: u64) -> anyhow::Result<()>;
}

/// Whether the revisions of a chain follow each other and the stored one.
fn follows(stored: u64, chain: &[(Record, Entry)]) -> bool {
    let mut expected = stored;
    chain.iter().all(|(record, _)| {
        expected += 1;
        record.revision == expected
    })
}
