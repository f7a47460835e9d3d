//! The journal of a record: a chain of entries that are never rewritten, each with the hash of the one before.
//!
//! Nothing here does I/O, is async, reads a clock or draws a random number.

use jiff::Timestamp;
use serde::{Deserialize, Serialize};
use sha2::{Digest, Sha256};

use super::Outcome;
use crate::lifecycle::notice::Refusal;
use crate::lifecycle::{Cluster, ClusterKey, Input};

/// One entry of the journal. Entries are never rewritten; each holds the hash of the one before.
#[derive(Debug, Clone, PartialEq, Eq, Serialize, Deserialize)]
pub struct Entry {
    /// What is hashed.
    #[serde(flatten)]
    pub body: EntryBody,
    /// sha256 over the body as canonical JSON, in hex.
    pub hash: String,
}

/// What a journal entry says.
#[derive(Debug, Clone, PartialEq, Eq, Serialize, Deserialize)]
pub struct EntryBody {
    /// Whose journal.
    pub cluster: ClusterKey,
    /// Its place, from 1.
    pub number: u64,
    /// The revision of the record that it led to.
    pub revision: u64,
    /// When.
    pub at: Timestamp,
    /// The hash of the entry before; empty for the first.
    pub before: String,
    /// sha256 over the cluster that it led to, so that a record which was altered afterwards does not fit its journal.
    pub led_to: String,
    /// What happened.
    pub event: Event,
}

/// What happened.
#[derive(Debug, Clone, PartialEq, Eq, Serialize, Deserialize)]
#[expect(clippy::large_enum_variant, reason = "one entry is written or read at a time")]
pub enum Event {
    /// An input was taken.
    Took {
        /// The input.
        input: Input,
        /// Why it was refused, if it was.
        refused: Option<Refusal>,
    },
    /// An effect was performed.
    Settled {
        /// The revision that asked for the effect.
        revision: u64,
        /// Its place there.
        index: u32,
        /// The effect's name.
        effect: String,
        /// Which attempt it was.
        attempt: u32,
        /// What it led to.
        outcome: Outcome,
    },
}

impl EntryBody {
    /// sha256 over the body as JSON, in hex. Field order is the order of the type, so the same body has the same hash everywhere.
    pub fn hash(&self) -> String {
        hash_of(self)
    }
}

/// sha256 over a cluster as JSON, in hex: what a journal entry says that it led to.
///
/// The same holds for it as for [`EntryBody::hash`]: a field that a later kaas adds is left out of the JSON where it is empty, so that what was written
/// before keeps its hash.
pub fn cluster_hash(cluster: &Cluster) -> String {
    hash_of(cluster)
}

pub(super) fn hash_of(value: &impl Serialize) -> String {
    hex(&Sha256::digest(serde_json::to_vec(value).unwrap_or_default()))
}

/// Checks a journal: every hash, and that each entry follows the one before.
///
/// # Errors
/// What is wrong, as a sentence that names the entry.
pub fn verify(entries: &[Entry]) -> Result<(), String> {
    let mut before = String::new();
    for (index, entry) in entries.iter().enumerate() {
        let body = &entry.body;
        let place = format!("{}: entry {}", body.cluster, index + 1);
        if body.number != index as u64 + 1 {
            return Err(format!("{place} says that it is entry {}: one is missing or was put in", body.number));
        }
        if body.before != before {
            return Err(format!("{place} does not follow the one before"));
        }
        if body.hash() != entry.hash {
            return Err(format!("{place} was altered: its hash does not fit its content"));
        }
        before.clone_from(&entry.hash);
    }
    Ok(())
}

/// Bytes as lower-case hex.
pub fn hex(bytes: &[u8]) -> String {
    use std::fmt::Write as _;
    bytes.iter().fold(String::with_capacity(bytes.len() * 2), |mut out, byte| {
        let _ = write!(out, "{byte:02x}");
        out
    })
}
