//! The store of one node: sled 0.34, flushed before anything is acknowledged.
//!
//! One thread writes. It takes what is waiting, puts all of it into one atomic batch, flushes once and then answers everybody: so many people at once cost one
//! flush, and each of them is durable when answered.

use std::collections::{HashMap, HashSet};
use std::path::Path;
use std::sync::atomic::{AtomicU64, Ordering};
use std::sync::{Arc, Mutex, MutexGuard, PoisonError, mpsc};

use anyhow::Context;
use async_trait::async_trait;
use jiff::Timestamp;
use tokio::sync::oneshot;

use crate::lifecycle::form::TenantName;
use crate::lifecycle::{ChangeNumber, ClusterKey, PersonId};
use crate::record::{BookEntry, Entry, Record};

use super::index::Index;
use super::keys::{book_key, book_prefix, entry_key, journal_key, journal_prefix, number, number_key, record_key};
use super::{Filter, Life, Listing, Saved, Store, follows};

/// How much of the database sled keeps in memory, in bytes.
const CACHE_BYTES: u64 = 4 * 1024 * 1024;

/// The most writes that share one flush.
const BATCH_MAX: usize = 256;

/// How long another process may take to let go of the database: it may be stopping.
const LOCK_TRIES: u32 = 20;
const LOCK_WAIT: std::time::Duration = std::time::Duration::from_millis(100);

/// Keeps records in a sled database.
pub struct SledStore {
    tree: ::sled::Db,
    index: Arc<Mutex<Index>>,
    flushes: Arc<AtomicU64>,
    /// `None` only while it is dropped.
    writes: Option<mpsc::Sender<Write>>,
    writer: Option<std::thread::JoinHandle<()>>,
}

impl Drop for SledStore {
    /// Waits for the writing thread, so that the database is free for the next one when this returns.
    fn drop(&mut self) {
        self.writes = None;
        if let Some(writer) = self.writer.take() {
            drop(writer.join());
        }
    }
}

/// One write, on its way to the writing thread.
struct Write {
    what: Change,
    answer: oneshot::Sender<anyhow::Result<Answer>>,
}

enum Change {
    Save {
        record: Box<Record>,
        record_bytes: Vec<u8>,
        entry: Option<(Vec<u8>, Vec<u8>)>,
    },
    /// The last record of a chain, what it replaces, and the entries.
    Chain {
        last: Box<Record>,
        stored: u64,
        record_bytes: Vec<u8>,
        entries: Vec<(Vec<u8>, Vec<u8>)>,
    },
    Restore {
        life: Box<Life>,
    },
    Book {
        entry: Box<BookEntry>,
        bytes: Vec<u8>,
    },
    Draw(TenantName),
    RaiseDrawn(TenantName, u64),
}

#[derive(Debug, Clone, Copy)]
enum Answer {
    Saved(Saved),
    Drawn(u64),
}

impl SledStore {
    /// Opens the database of a directory, or makes it.
    ///
    /// # Errors
    /// Another kaas uses it; it cannot be read or written; a record in it was made by a newer kaas.
    pub fn open(dir: &Path) -> anyhow::Result<Self> {
        let tree = open_tree(dir)?;
        let mut index = Index::default();
        for item in tree.scan_prefix(b"r/") {
            let (key, bytes) = item.context("reading the store")?;
            let record: Record = serde_json::from_slice(&bytes).with_context(|| {
                format!("the record {} cannot be read: was it written by a newer kaas?", String::from_utf8_lossy(&key))
            })?;
            index.put(&record);
        }
        let index = Arc::new(Mutex::new(index));
        let (writes, queue) = mpsc::channel();
        let flushes = Arc::default();
        let file = dir.join("db");
        let file = std::fs::File::open(&file).with_context(|| format!("opening {}", file.display()))?;
        let writer = Writer {
            tree: tree.clone(),
            file,
            index: Arc::clone(&index),
            flushes: Arc::clone(&flushes),
            drawn: HashMap::new(),
            books: HashMap::new(),
            failed: None,
        };
        let writer = std::thread::Builder::new().name("kaas-store".to_owned()).spawn(move || writer.run(&queue))?;
        Ok(Self { tree, index, flushes, writes: Some(writes), writer: Some(writer) })
    }

    /// How often it flushed since it was opened. Writes that come together share a flush.
    pub fn flushes(&self) -> u64 {
        self.flushes.load(Ordering::Relaxed)
    }

    fn index(&self) -> MutexGuard<'_, Index> {
        self.index.lock().unwrap_or_else(PoisonError::into_inner)
    }

    async fn write(&self, what: Change) -> anyhow::Result<Answer> {
        let (answer, answered) = oneshot::channel();
        let sent = self.writes.as_ref().is_some_and(|writes| writes.send(Write { what, answer }).is_ok());
        anyhow::ensure!(sent, "the store is closed");
        answered.await.context("the store is closed")?
    }

    async fn swap(&self, what: Change) -> anyhow::Result<Saved> {
        match self.write(what).await? {
            Answer::Saved(saved) => Ok(saved),
            Answer::Drawn(_) => anyhow::bail!("the store answered a draw to a save"),
        }
    }
}

fn open_tree(dir: &Path) -> anyhow::Result<::sled::Db> {
    std::fs::create_dir_all(dir).with_context(|| format!("making {}", dir.display()))?;
    let config = ::sled::Config::new().path(dir).cache_capacity(CACHE_BYTES).flush_every_ms(None);
    let mut tries = 0;
    loop {
        match config.open() {
            Err(::sled::Error::Io(error)) if is_lock(&error) && tries < LOCK_TRIES => {
                tries += 1;
                std::thread::sleep(LOCK_WAIT);
            }
            Err(::sled::Error::Io(error)) if is_lock(&error) => {
                anyhow::bail!("another kaas uses {}: stop it first, or name another --data-dir", dir.display());
            }
            other => return other.with_context(|| format!("opening the store in {}", dir.display())),
        }
    }
}

fn is_lock(error: &std::io::Error) -> bool {
    let text = error.to_string();
    error.kind() == std::io::ErrorKind::WouldBlock
        || text.contains("could not acquire lock")
        || text.contains("WouldBlock")
}

/// The one that writes.
struct Writer {
    tree: ::sled::Db,
    /// The database's file, for the kernel to empty the disk's cache: see [`Writer::flush`].
    file: std::fs::File,
    index: Arc<Mutex<Index>>,
    flushes: Arc<AtomicU64>,
    drawn: HashMap<TenantName, u64>,
    /// The last entry of each book.
    books: HashMap<TenantName, u64>,
    /// Why nothing is written any more: after a failed write, what is in memory is not what is on the disk.
    failed: Option<String>,
}

impl Writer {
    fn run(mut self, queue: &mpsc::Receiver<Write>) {
        while let Ok(first) = queue.recv() {
            let mut waiting = vec![first];
            while waiting.len() < BATCH_MAX
                && let Ok(next) = queue.try_recv()
            {
                waiting.push(next);
            }
            self.write(waiting);
        }
    }

    /// One batch, one flush, then the answers.
    fn write(&mut self, waiting: Vec<Write>) {
        if let Some(why) = &self.failed {
            for write in waiting {
                drop(write.answer.send(Err(anyhow::anyhow!(why.clone()))));
            }
            return;
        }
        let mut batch = ::sled::Batch::default();
        let mut revisions: HashMap<ClusterKey, u64> = HashMap::new();
        let mut taken = Vec::with_capacity(waiting.len());
        for write in waiting {
            match self.add(&mut batch, &mut revisions, &write.what) {
                Ok(answer) => taken.push((write, answer)),
                Err(fault) => drop(write.answer.send(Err(fault))),
            }
        }
        let written = self.tree.apply_batch(batch).and_then(|()| self.flush());
        self.flushes.fetch_add(1, Ordering::Relaxed);
        if let Err(fault) = written {
            let text = format!(
                "the store cannot be written ({fault}); nothing was acknowledged. Make room and start kaas again"
            );
            self.failed = Some(text.clone());
            for (write, _) in taken {
                drop(write.answer.send(Err(anyhow::anyhow!(text.clone()))));
            }
            return;
        }
        let mut index = self.index.lock().unwrap_or_else(PoisonError::into_inner);
        for (write, answer) in &taken {
            match (&write.what, answer) {
                (Change::Save { record, .. }, Answer::Saved(Saved::Yes)) => index.put(record),
                (Change::Chain { last, .. }, Answer::Saved(Saved::Yes)) => index.put(last),
                (Change::Restore { life }, Answer::Saved(Saved::Yes)) => index.put(&life.record),
                (
                    Change::Save { .. }
                    | Change::Chain { .. }
                    | Change::Restore { .. }
                    | Change::Book { .. }
                    | Change::Draw(_)
                    | Change::RaiseDrawn(..),
                    _,
                ) => {}
            }
        }
        drop(index);
        for (write, answer) in taken {
            drop(write.answer.send(Ok(answer)));
        }
    }

    /// Brings what was written onto the disk. sled hands it to the disk and waits, but does not have the disk empty its own cache, nor the file's new length
    /// written: the kernel does both with `sync_data`, so that a power cut loses nothing either.
    fn flush(&self) -> ::sled::Result<()> {
        self.tree.flush()?;
        self.file.sync_data()?;
        Ok(())
    }

    fn add(
        &mut self,
        batch: &mut ::sled::Batch,
        revisions: &mut HashMap<ClusterKey, u64>,
        what: &Change,
    ) -> anyhow::Result<Answer> {
        match what {
            Change::Save { record, record_bytes, entry } => {
                let key = record.key();
                if self.revision(revisions, key) + 1 != record.revision {
                    return Ok(Answer::Saved(Saved::Conflict));
                }
                batch.insert(record_key(key), record_bytes.as_slice());
                if let Some((key, bytes)) = entry {
                    batch.insert(key.as_slice(), bytes.as_slice());
                }
                revisions.insert(key.clone(), record.revision);
                Ok(Answer::Saved(Saved::Yes))
            }
            Change::Chain { last, stored, record_bytes, entries } => {
                let key = last.key();
                if self.revision(revisions, key) != *stored {
                    return Ok(Answer::Saved(Saved::Conflict));
                }
                batch.insert(record_key(key), record_bytes.as_slice());
                for (key, bytes) in entries {
                    batch.insert(key.as_slice(), bytes.as_slice());
                }
                revisions.insert(key.clone(), last.revision);
                Ok(Answer::Saved(Saved::Yes))
            }
            Change::Restore { life } => {
                let key = life.record.key();
                if self.revision(revisions, key) != 0 {
                    return Ok(Answer::Saved(Saved::Conflict));
                }
                batch.insert(record_key(key), serde_json::to_vec(&life.record)?);
                for entry in &life.journal {
                    batch.insert(entry_key(key, entry.body.number), serde_json::to_vec(entry)?);
                }
                revisions.insert(key.clone(), life.record.revision);
                Ok(Answer::Saved(Saved::Yes))
            }
            Change::Book { entry, bytes } => {
                let tenant = &entry.body.tenant;
                if self.last_of_book(tenant)? + 1 != entry.body.number {
                    return Ok(Answer::Saved(Saved::Conflict));
                }
                batch.insert(book_key(tenant, entry.body.number), bytes.as_slice());
                self.books.insert(tenant.clone(), entry.body.number);
                Ok(Answer::Saved(Saved::Yes))
            }
            Change::Draw(tenant) => {
                let next = self.last_drawn(tenant)? + 1;
                Ok(Answer::Drawn(self.set_drawn(batch, tenant, next)))
            }
            Change::RaiseDrawn(tenant, last) => {
                let last = (*last).max(self.last_drawn(tenant)?);
                Ok(Answer::Drawn(self.set_drawn(batch, tenant, last)))
            }
        }
    }

    fn revision(&self, revisions: &HashMap<ClusterKey, u64>, key: &ClusterKey) -> u64 {
        revisions
            .get(key)
            .copied()
            .unwrap_or_else(|| self.index.lock().unwrap_or_else(PoisonError::into_inner).revision(key))
    }

    fn last_of_book(&self, tenant: &TenantName) -> anyhow::Result<u64> {
        if let Some(last) = self.books.get(tenant) {
            return Ok(*last);
        }
        let last = self.tree.scan_prefix(book_prefix(tenant)).next_back().transpose()?;
        let digits = |key: ::sled::IVec| number(&key[key.len().saturating_sub(size_of::<u64>())..]);
        Ok(last.map_or(0, |(key, _)| digits(key)))
    }

    fn last_drawn(&self, tenant: &TenantName) -> anyhow::Result<u64> {
        match self.drawn.get(tenant) {
            Some(last) => Ok(*last),
            None => Ok(self.tree.get(number_key(tenant))?.map_or(0, |bytes| number(&bytes))),
        }
    }

    fn set_drawn(&mut self, batch: &mut ::sled::Batch, tenant: &TenantName, last: u64) -> u64 {
        batch.insert(number_key(tenant), &last.to_be_bytes());
        self.drawn.insert(tenant.clone(), last);
        last
    }
}

#[async_trait]
impl Store for SledStore {
    fn is_exclusive(&self) -> bool {
        true
    }

    async fn load(&self, key: &ClusterKey) -> anyhow::Result<Option<Record>> {
        let bytes = self.tree.get(record_key(key))?;
        bytes
            .map(|bytes| serde_json::from_slice(&bytes).with_context(|| format!("reading the record of {key}")))
            .transpose()
    }

    async fn save(&self, record: &Record, entry: Option<&Entry>) -> anyhow::Result<Saved> {
        let record_bytes = serde_json::to_vec(record)?;
        let entry = match entry {
            Some(entry) => Some((entry_key(record.key(), entry.body.number), serde_json::to_vec(entry)?)),
            None => None,
        };
        self.swap(Change::Save { record: Box::new(record.clone()), record_bytes, entry }).await
    }

    async fn save_chain(&self, chain: &[(Record, Entry)]) -> anyhow::Result<Saved> {
        let ([(first, _), ..], Some((last, _))) = (chain, chain.last()) else { return Ok(Saved::Yes) };
        let stored = first.revision.saturating_sub(1);
        if !follows(stored, chain) {
            return Ok(Saved::Conflict);
        }
        let bytes = |(record, entry): &(Record, Entry)| {
            anyhow::Ok((entry_key(record.key(), entry.body.number), serde_json::to_vec(entry)?))
        };
        let entries = chain.iter().map(bytes).collect::<anyhow::Result<Vec<_>>>()?;
        let record_bytes = serde_json::to_vec(last)?;
        self.swap(Change::Chain { last: Box::new(last.clone()), stored, record_bytes, entries }).await
    }

    async fn due(&self, now: Timestamp, limit: usize, skip: &HashSet<ClusterKey>) -> anyhow::Result<Vec<ClusterKey>> {
        Ok(self.index().due(now, limit, skip))
    }

    async fn next_due(&self) -> anyhow::Result<Option<Timestamp>> {
        Ok(self.index().next_due())
    }

    async fn busy(&self) -> anyhow::Result<usize> {
        Ok(self.index().busy())
    }

    async fn list(&self, filter: &Filter) -> anyhow::Result<Listing> {
        Ok(self.index().list(filter))
    }

    async fn owned(&self, tenant: &TenantName, person: &PersonId) -> anyhow::Result<u32> {
        Ok(self.index().owned(tenant, person))
    }

    async fn keys(&self) -> anyhow::Result<Vec<ClusterKey>> {
        Ok(self.index().keys())
    }

    async fn journals(&self) -> anyhow::Result<Vec<ClusterKey>> {
        let mut keys = Vec::new();
        let mut from = b"j/".to_vec();
        while let Some((found, _)) = self.tree.range(from.as_slice()..b"j0".as_slice()).next().transpose()? {
            let key = journal_key(&found)
                .with_context(|| format!("the store holds something strange: {}", String::from_utf8_lossy(&found)))?;
            // On to the next journal: what comes behind every number of this one.
            from = entry_key(&key, u64::MAX);
            from.push(0);
            keys.push(key);
        }
        Ok(keys)
    }

    async fn journal(&self, key: &ClusterKey) -> anyhow::Result<Vec<Entry>> {
        let mut entries = Vec::new();
        for item in self.tree.scan_prefix(journal_prefix(key)) {
            let (_, bytes) = item?;
            let place = entries.len() + 1;
            let entry: Entry =
                serde_json::from_slice(&bytes).with_context(|| format!("{key}: entry {place} cannot be read"))?;
            // Not a byte is other than kaas wrote it, not even where it would read the same.
            anyhow::ensure!(serde_json::to_vec(&entry)? == *bytes, "{key}: entry {place} was altered");
            entries.push(entry);
        }
        Ok(entries)
    }

    async fn draw(&self, tenant: &TenantName) -> anyhow::Result<ChangeNumber> {
        match self.write(Change::Draw(tenant.clone())).await? {
            Answer::Drawn(number) => Ok(ChangeNumber(number)),
            Answer::Saved(_) => anyhow::bail!("the store answered a save to a draw"),
        }
    }

    async fn drawn(&self) -> anyhow::Result<Vec<(TenantName, u64)>> {
        let mut all = Vec::new();
        for item in self.tree.scan_prefix(b"n/") {
            let (key, bytes) = item?;
            all.push((String::from_utf8_lossy(&key[2..]).parse().map_err(anyhow::Error::new)?, number(&bytes)));
        }
        Ok(all)
    }

    async fn book(&self, tenant: &TenantName) -> anyhow::Result<Vec<BookEntry>> {
        let mut entries = Vec::new();
        for item in self.tree.scan_prefix(book_prefix(tenant)) {
            let (_, bytes) = item?;
            let place = entries.len() + 1;
            let entry: BookEntry = serde_json::from_slice(&bytes)
                .with_context(|| format!("the book of {tenant}: entry {place} cannot be read"))?;
            anyhow::ensure!(serde_json::to_vec(&entry)? == *bytes, "the book of {tenant}: entry {place} was altered");
            entries.push(entry);
        }
        Ok(entries)
    }

    async fn write_book(&self, entry: &BookEntry) -> anyhow::Result<Saved> {
        let bytes = serde_json::to_vec(entry)?;
        self.swap(Change::Book { entry: Box::new(entry.clone()), bytes }).await
    }

    async fn books(&self) -> anyhow::Result<Vec<TenantName>> {
        let mut tenants = Vec::new();
        let mut from = b"b/".to_vec();
        while let Some((found, _)) = self.tree.range(from.as_slice()..b"b0".as_slice()).next().transpose()? {
            let tenant = found
                .strip_prefix(b"b/")
                .and_then(|rest| rest.split(|b| *b == b'/').next())
                .and_then(|name| std::str::from_utf8(name).ok()?.parse::<TenantName>().ok())
                .with_context(|| format!("the store holds something strange: {}", String::from_utf8_lossy(&found)))?;
            from = book_key(&tenant, u64::MAX);
            from.push(0);
            tenants.push(tenant);
        }
        tenants.sort();
        Ok(tenants)
    }

    async fn restore(&self, life: &Life) -> anyhow::Result<Saved> {
        self.swap(Change::Restore { life: Box::new(life.clone()) }).await
    }

    async fn restore_drawn(&self, tenant: &TenantName, last: u64) -> anyhow::Result<()> {
        self.write(Change::RaiseDrawn(tenant.clone(), last)).await.map(drop)
    }
}
