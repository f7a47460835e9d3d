//! What a plan would do, in a form that can be hashed, kept in a file and compared with a later plan.
//!
//! An approval is bound to [`PlanChanges::digest`]. What is kept holds no value in clear, only hashes, and hashes to the same digest when it is read again, so
//! a file that somebody altered is noticed.

use std::collections::BTreeMap;

use serde::{Deserialize, Serialize};

use super::tree::{Hash, Tree};
use crate::lifecycle::PlanDigest;

/// How many nodes are kept over all resources before known branches are pruned to their hashes.
const NODES_MAX: usize = 200_000;

/// What a plan would do: every change of a resource or an output, sorted by address.
#[derive(Debug, Clone, Default, PartialEq, Eq, Serialize, Deserialize)]
pub struct PlanChanges {
    resources: Vec<Record>,
    outputs: BTreeMap<String, OutputRecord>,
    /// What else the plan would run that is no change of a resource.
    invocations: Option<Hash>,
    #[serde(skip)]
    nodes: usize,
}

/// One change of one resource.
#[derive(Debug, Clone, PartialEq, Eq, Serialize, Deserialize)]
pub(super) struct Record {
    pub(super) address: String,
    pub(super) deposed: Option<String>,
    pub(super) mode: String,
    #[serde(rename = "type")]
    pub(super) kind: String,
    pub(super) provider: String,
    pub(super) actions: Vec<String>,
    pub(super) before: Tree,
    pub(super) after: Tree,
    /// Why it is replaced, whether it was moved or imported.
    pub(super) circumstances: Tree,
}

/// One change of an output.
#[derive(Debug, Clone, PartialEq, Eq, Serialize, Deserialize)]
pub(super) struct OutputRecord {
    pub(super) actions: Vec<String>,
    pub(super) before: Tree,
    pub(super) after: Tree,
}

impl PlanChanges {
    /// Whether nothing would be done.
    pub fn is_empty(&self) -> bool {
        self.resources.is_empty() && self.outputs.is_empty() && self.invocations.is_none()
    }

    /// sha256 over all of it: what an approval is bound to.
    pub fn digest(&self) -> PlanDigest {
        let resources: Vec<Hash> = self.resources.iter().map(Record::hash).collect();
        let outputs: Vec<(&str, Hash)> = self.outputs.iter().map(|(name, o)| (name.as_str(), o.hash())).collect();
        let all = [
            Hash::of(b'R', resources.iter().map(Hash::bytes)),
            Hash::of(b'O', outputs.iter().flat_map(|(name, hash)| [name.as_bytes(), hash.bytes()])),
            self.invocations.unwrap_or_else(|| Hash::of(b'I', [])),
        ];
        let digest = Hash::of(b'P', all.iter().map(Hash::bytes));
        digest.to_string().parse().expect("a sha256 in hex is a plan digest")
    }

    /// Whether this is what is left to do of an approved plan: every change here was approved, with the same address, actions and values.
    ///
    /// What was unknown when it was approved may have become anything. Of an object that is only destroyed its id has to be the same; what else is true of
    /// it changes while its neighbours go. A replacement of what was to be created is not the rest of that: the create failed, and a person has to look.
    pub fn is_rest_of(&self, approved: &Self) -> bool {
        let then: BTreeMap<_, &Record> = approved.resources.iter().map(|r| (r.key(), r)).collect();
        let resources = self.resources.iter().all(|now| then.get(&now.key()).is_some_and(|t| now.fits(t)));
        let outputs = self.outputs.iter().all(|(name, now)| approved.outputs.get(name).is_some_and(|t| now.fits(t)));
        let invocations = self.invocations.is_none() || self.invocations == approved.invocations;
        resources && outputs && invocations
    }

    /// Takes a change in. They have to come sorted by address.
    pub(super) fn push(&mut self, mut record: Record) {
        self.nodes += record.before.size() + record.after.size();
        // A later plan is only ever compared against what was there before, never looked into, except for an id.
        if self.nodes > NODES_MAX {
            record.after = record.after.prune();
            record.before = record.before.prune();
        }
        self.resources.push(record);
    }

    /// Takes a change of an output in.
    pub(super) fn push_output(&mut self, name: String, record: OutputRecord) {
        self.outputs.insert(name, record);
    }

    /// Takes in what else would be run.
    pub(super) fn set_invocations(&mut self, hash: Hash) {
        self.invocations = Some(hash);
    }
}

impl Record {
    fn key(&self) -> (&str, Option<&str>) {
        (&self.address, self.deposed.as_deref())
    }

    fn hash(&self) -> Hash {
        let actions = Hash::of(b'a', self.actions.iter().map(String::as_bytes));
        let deposed = Hash::of(b'p', self.deposed.iter().map(String::as_bytes));
        let trees = [&self.before, &self.after, &self.circumstances].map(Tree::hash);
        let texts = [&self.address, &self.mode, &self.kind, &self.provider].map(|t| t.as_bytes());
        let hashes = [deposed, actions, trees[0], trees[1], trees[2]];
        Hash::of(b'r', texts.into_iter().chain(hashes.iter().map(Hash::bytes)))
    }

    fn fits(&self, approved: &Self) -> bool {
        let same = (&self.mode, &self.kind, &self.provider, &self.actions)
            == (&approved.mode, &approved.kind, &approved.provider, &approved.actions);
        same && self.circumstances == approved.circumstances
            && self.after.fits(&approved.after)
            && match (self.actions.as_slice(), self.before.get("id"), approved.before.get("id")) {
                ([only], Some(now), Some(then)) if only == "delete" => now.hash() == then.hash(),
                _ => self.before.hash() == approved.before.hash(),
            }
    }
}

impl OutputRecord {
    fn hash(&self) -> Hash {
        let actions = Hash::of(b'a', self.actions.iter().map(String::as_bytes));
        let hashes = [actions, self.before.hash(), self.after.hash()];
        Hash::of(b'o', hashes.iter().map(Hash::bytes))
    }

    /// An apply that was cut off may have written an output already, so that a create reads as an update; what it is to become has to be the same.
    fn fits(&self, approved: &Self) -> bool {
        let deletes = |o: &Self| o.actions.iter().any(|a| a == "delete");
        deletes(self) == deletes(approved) && self.after.fits(&approved.after)
    }
}
