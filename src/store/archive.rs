//! Export and import: a whole store as JSON lines, one life a line, and the check of every journal.

use std::collections::{BTreeMap, BTreeSet, HashSet};
use std::io::{BufRead, Write};

use anyhow::{Context, bail};
use serde::{Deserialize, Serialize};

use crate::lifecycle::ClusterKey;
use crate::lifecycle::form::TenantName;
use crate::record::{BookEntry, cluster_hash, verify, verify_book};

use super::{Life, Saved, Store};

/// The version of the export's form.
pub const FORM: u32 = 1;

/// One line of an export.
#[derive(Debug, Serialize, Deserialize)]
#[serde(rename_all = "snake_case", deny_unknown_fields)]
enum Item {
    /// The first line.
    KaasExport { form: u32 },
    /// The last change number that a tenant drew.
    Drawn { tenant: TenantName, last: u64 },
    /// A record with its journal.
    Life(Box<Life>),
    /// An entry of a tenant's book.
    Book(Box<BookEntry>),
    /// The last line: how many lives there were, so that a cut-off file is noticed.
    End { lives: u64 },
}

/// Writes everything; answers how many lives.
///
/// # Errors
/// The store cannot be read, or `out` cannot be written.
pub async fn export(store: &dyn Store, out: &mut (dyn Write + Send)) -> anyhow::Result<u64> {
    line(out, &Item::KaasExport { form: FORM })?;
    for (tenant, last) in store.drawn().await? {
        line(out, &Item::Drawn { tenant, last })?;
    }
    for tenant in store.books().await? {
        for entry in store.book(&tenant).await? {
            line(out, &Item::Book(Box::new(entry)))?;
        }
    }
    let mut lives = 0;
    for key in store.keys().await? {
        if let Some(life) = life(store, &key).await? {
            line(out, &Item::Life(Box::new(life)))?;
            lives += 1;
        }
    }
    line(out, &Item::End { lives })?;
    out.flush()?;
    Ok(lives)
}

fn line(out: &mut (dyn Write + Send), item: &Item) -> anyhow::Result<()> {
    serde_json::to_writer(&mut *out, item)?;
    out.write_all(b"\n")?;
    Ok(())
}

async fn life(store: &dyn Store, key: &ClusterKey) -> anyhow::Result<Option<Life>> {
    let Some(record) = store.load(key).await? else { return Ok(None) };
    Ok(Some(Life { record, journal: store.journal(key).await? }))
}

/// Reads an export into an empty store; answers how many lives. The whole file is checked before the first line is taken.
///
/// # Errors
/// The store is not empty; the file is no export, is of another form, is cut off, holds a cluster twice, or something in it was altered. Nothing is
/// changed then.
pub async fn import(store: &dyn Store, input: &mut (dyn BufRead + Send)) -> anyhow::Result<u64> {
    if !store.keys().await?.is_empty() || !store.journals().await?.is_empty() || !store.books().await?.is_empty() {
        bail!("the store is not empty: import into a new --data-dir");
    }
    let Contents { drawn, books, lives } = read(input)?;
    for (tenant, last) in drawn {
        store.restore_drawn(&tenant, last).await?;
    }
    for entry in books.values().flatten() {
        if store.write_book(entry).await? == Saved::Conflict {
            bail!("the book of {} was written while the import was running", entry.body.tenant);
        }
    }
    for life in &lives {
        if store.restore(life).await? == Saved::Conflict {
            bail!("{} came into the store while the import was running", life.record.key());
        }
    }
    Ok(lives.len() as u64)
}

/// What an export holds.
struct Contents {
    drawn: Vec<(TenantName, u64)>,
    books: BTreeMap<TenantName, Vec<BookEntry>>,
    lives: Vec<Life>,
}

/// Reads and checks a whole export.
fn read(input: &mut (dyn BufRead + Send)) -> anyhow::Result<Contents> {
    let (mut drawn, mut lives) = (Vec::new(), Vec::new());
    let mut books: BTreeMap<TenantName, Vec<BookEntry>> = BTreeMap::new();
    let mut keys = HashSet::new();
    let mut ended = false;
    let mut number = 0;
    for text in input.lines() {
        number += 1;
        let text = text.with_context(|| format!("reading line {number}"))?;
        if ended {
            bail!("line {number} comes after the end of the export");
        }
        let item: Item =
            serde_json::from_str(&text).with_context(|| format!("line {number} is not a line of a kaas export"))?;
        match item {
            Item::KaasExport { form } if form != FORM => {
                bail!("the export has form {form}; this kaas reads form {FORM}")
            }
            Item::KaasExport { .. } if number != 1 => bail!("line {number}: an export begins a second time"),
            Item::KaasExport { .. } => {}
            Item::Drawn { .. } | Item::Book(_) | Item::Life(_) | Item::End { .. } if number == 1 => {
                bail!("this is not a kaas export: its first line is missing")
            }
            Item::Drawn { tenant, last } => drawn.push((tenant, last)),
            Item::Book(entry) => books.entry(entry.body.tenant.clone()).or_default().push(*entry),
            Item::Life(life) => {
                check(&life).map_err(|why| anyhow::anyhow!("line {number}: {why}"))?;
                if !keys.insert(life.record.key().clone()) {
                    bail!("line {number}: {} is there twice", life.record.key());
                }
                lives.push(*life);
            }
            Item::End { lives: said } if said == lives.len() as u64 => ended = true,
            Item::End { lives: said } => {
                bail!(
                    "the export holds {} clusters and says that it held {said}: lines were removed or put in",
                    lives.len()
                )
            }
        }
    }
    for (tenant, book) in &books {
        verify_book(tenant, book).map_err(anyhow::Error::msg)?;
    }
    match (number, ended) {
        (0, _) => bail!("this is not a kaas export: it is empty"),
        (_, false) => bail!("the export is cut off: its last line is missing"),
        (_, true) => Ok(Contents { drawn, books, lives }),
    }
}

/// What is wrong with a life, if anything: its journal's chain, and that the record is the one that the journal led to.
///
/// What the outbox waits for is not part of that, because claims and polls are not in the journal.
///
/// # Errors
/// What is wrong, as a sentence.
pub fn check(life: &Life) -> Result<(), String> {
    let key = life.record.key();
    let last = life.journal.last().map_or("", |entry| entry.hash.as_str());
    if let Some(place) = life.journal.iter().position(|entry| entry.body.cluster != *key) {
        return Err(format!("{key}: entry {} says that it is another cluster's", place + 1));
    }
    verify(&life.journal)?;
    if life.record.chain != last || life.record.entries != life.journal.len() as u64 {
        return Err(format!("{key}: the journal does not end where the record says: entries were cut off or added"));
    }
    if life.journal.last().is_some_and(|entry| entry.body.led_to != cluster_hash(&life.record.cluster)) {
        return Err(format!("{key}: the record was altered: it is not the one that the journal led to"));
    }
    Ok(())
}

/// What a check of all journals found.
#[derive(Debug, Default, PartialEq, Eq, Serialize)]
pub struct Audit {
    /// How many clusters were checked.
    pub clusters: u64,
    /// How many entries.
    pub entries: u64,
    /// What is wrong, as sentences; empty where every chain holds.
    pub findings: Vec<String>,
}

/// Checks every journal, and that every record has one and every journal its record.
///
/// # Errors
/// The store cannot be read.
pub async fn audit(store: &dyn Store) -> anyhow::Result<Audit> {
    let mut audit = Audit::default();
    let keys: BTreeSet<ClusterKey> = store.keys().await?.into_iter().chain(store.journals().await?).collect();
    for key in keys {
        audit.clusters += 1;
        match life(store, &key).await {
            Ok(Some(life)) => {
                audit.entries += life.journal.len() as u64;
                audit.findings.extend(check(&life).err());
            }
            Ok(None) => audit.findings.push(format!("{key}: there is a journal and no record: the record was removed")),
            Err(fault) => audit.findings.push(format!("{fault:#}")),
        }
    }
    for tenant in store.books().await? {
        match store.book(&tenant).await {
            Ok(book) => {
                audit.entries += book.len() as u64;
                audit.findings.extend(verify_book(&tenant, &book).err());
            }
            Err(fault) => audit.findings.push(format!("{fault:#}")),
        }
    }
    Ok(audit)
}
