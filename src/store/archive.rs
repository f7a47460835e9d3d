//! Export and import: a whole store as JSON lines, one life a line, and the check of every journal.

use std::io::{BufRead, Write};

use anyhow::{Context, bail};
use serde::{Deserialize, Serialize};

use crate::lifecycle::ClusterKey;
use crate::lifecycle::form::TenantName;
use crate::record::verify;

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
/// The store is not empty; the file is no export, is of a newer form, is cut off, or a journal in it was altered. Nothing is changed then.
pub async fn import(store: &dyn Store, input: &mut (dyn BufRead + Send)) -> anyhow::Result<u64> {
    if !store.keys().await?.is_empty() {
        bail!("the store is not empty: import into a new --data-dir");
    }
    let mut items = Vec::new();
    for (index, text) in input.lines().enumerate() {
        let number = index + 1;
        let text = text.with_context(|| format!("reading line {number}"))?;
        let item: Item =
            serde_json::from_str(&text).with_context(|| format!("line {number} is not a line of a kaas export"))?;
        match &item {
            Item::KaasExport { form } if *form != FORM => {
                bail!("the export has form {form}; this kaas reads form {FORM}")
            }
            Item::KaasExport { .. } if number != 1 => bail!("line {number}: an export begins a second time"),
            Item::Drawn { .. } | Item::Life(_) | Item::End { .. } if number == 1 => {
                bail!("this is not a kaas export: its first line is missing")
            }
            Item::Life(life) => check(life).map_err(|why| anyhow::anyhow!("line {number}: {why}"))?,
            Item::KaasExport { .. } | Item::Drawn { .. } | Item::End { .. } => {}
        }
        items.push(item);
    }
    let lives = items.iter().filter(|item| matches!(item, Item::Life(_))).count() as u64;
    match items.last() {
        Some(Item::End { lives: said }) if *said == lives => {}
        _ => bail!("the export is cut off: its last line is missing"),
    }
    for item in items {
        match item {
            Item::Drawn { tenant, last } => store.restore_drawn(&tenant, last).await?,
            Item::Life(life) => {
                if store.restore(&life).await? == Saved::Conflict {
                    bail!("{} is there twice", life.record.key());
                }
            }
            Item::KaasExport { .. } | Item::End { .. } => {}
        }
    }
    Ok(lives)
}

/// What is wrong with a life, if anything: its journal's chain, and that the record belongs to the journal's end.
///
/// # Errors
/// What is wrong, as a sentence.
pub fn check(life: &Life) -> Result<(), String> {
    verify(&life.journal)?;
    let key = life.record.key();
    let last = life.journal.last().map_or("", |entry| entry.hash.as_str());
    if life.journal.iter().any(|entry| entry.body.cluster != *key) {
        return Err(format!("{key}: the journal holds entries of another cluster"));
    }
    if life.record.chain != last || life.record.entries != life.journal.len() as u64 {
        return Err(format!("{key}: the journal does not end where the record says: entries were cut off or added"));
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

/// Checks every journal.
///
/// # Errors
/// The store cannot be read.
pub async fn audit(store: &dyn Store) -> anyhow::Result<Audit> {
    let mut audit = Audit::default();
    for key in store.keys().await? {
        let Some(life) = life(store, &key).await? else { continue };
        audit.clusters += 1;
        audit.entries += life.journal.len() as u64;
        if let Err(finding) = check(&life) {
            audit.findings.push(finding);
        }
    }
    Ok(audit)
}
