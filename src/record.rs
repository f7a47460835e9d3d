//! The record: a cluster, its pending effects (the outbox) and the input ids that it remembers. It is the unit that a store swaps.
//!
//! Three pure functions move it on: [`Record::take`] an input, [`Record::claim`] effects, [`Record::settle`] one. Each makes the next revision; whoever calls
//! saves it and calls again, on the newer record, when somebody else was faster.
//!
//! Nothing here does I/O, is async, reads a clock or draws a random number.

use jiff::{SignedDuration, Timestamp};
use serde::{Deserialize, Serialize};
use sha2::{Digest, Sha256};

use crate::lifecycle::notice::{Notice, Refusal};
use crate::lifecycle::policy::Policy;
use crate::lifecycle::step::{Step, step, survives};
use crate::lifecycle::{ChangeNumber, Cluster, ClusterKey, Effect, EffectKey, Fact, Fault, Input, InputId, Lane, What};

mod book;
mod journal;

pub use book::*;
pub use journal::*;

/// How many input ids a record remembers: deliveries are repeated within minutes, not after hundreds of other inputs.
pub const SEEN_MAX: usize = 128;

/// The most effects that a record holds before asks are answered without being remembered; a flood of refused asks never fills a store.
pub const OUTBOX_MAX: usize = 200;

/// A cluster with its outbox.
#[derive(Debug, Clone, PartialEq, Eq, Serialize, Deserialize)]
pub struct Record {
    /// Counts the saves, from 1.
    pub revision: u64,
    /// The cluster.
    pub cluster: Cluster,
    /// The effects that are not settled yet, in the order in which they were asked for.
    pub outbox: Vec<Row>,
    /// The ids of the last inputs, oldest first, shortened.
    pub seen: Vec<String>,
    /// How many journal entries there are.
    pub entries: u64,
    /// The hash of the last journal entry, in hex.
    pub chain: String,
}

/// One pending effect.
#[derive(Debug, Clone, PartialEq, Eq, Serialize, Deserialize)]
pub struct Row {
    /// The revision that asked for it.
    pub revision: u64,
    /// Its place there.
    pub index: u32,
    /// The change that asked for it.
    pub change: ChangeNumber,
    /// What is asked for.
    pub effect: Effect,
    /// When it may be performed.
    pub due: Timestamp,
    /// How often it was claimed: the fencing token.
    pub attempt: u32,
    /// How often in a row it failed in passing.
    pub failures: u32,
    /// Who performs it, and until when nobody else may.
    pub lease: Option<Lease>,
    /// What the last performance wants the next one to know.
    pub note: Option<String>,
    /// Nobody wants it any more; it stays until whoever performs it is done, so that what comes after it in its lane does not overtake it.
    pub retired: bool,
}

/// The right to perform an effect, for a while.
#[derive(Debug, Clone, PartialEq, Eq, Serialize, Deserialize)]
pub struct Lease {
    /// Who: an id drawn by each process.
    pub worker: String,
    /// Until when.
    pub until: Timestamp,
}

/// What became of an input.
#[derive(Debug, Clone, PartialEq, Eq)]
pub enum Taken {
    /// It changed something.
    Changed,
    /// The ask was refused. `told` where the words are in the outbox already; otherwise whoever brought the ask tells the person.
    Refused {
        /// Why.
        refusal: Refusal,
        /// Whether the outbox tells it.
        told: bool,
    },
    /// The same input had come before.
    Doubled,
    /// A fact that changes nothing.
    Stale,
}

/// An effect to perform.
#[derive(Debug, Clone, PartialEq, Eq)]
pub struct Claimed {
    /// The effect's key.
    pub key: EffectKey,
    /// The change that asked for it; a newer one may be open by now.
    pub change: ChangeNumber,
    /// The effect.
    pub effect: Effect,
    /// The fencing token.
    pub attempt: u32,
    /// How often in a row it failed in passing before.
    pub failures: u32,
    /// What the last performance wanted this one to know.
    pub note: Option<String>,
}

/// What performing an effect led to.
#[derive(Debug, Clone, PartialEq, Eq, Serialize, Deserialize)]
pub enum Outcome {
    /// It is done, and there is nothing to tell.
    Done,
    /// It is done, and this is what the world says.
    Fact(Fact),
    /// It is not done yet: a poll, or a wait.
    Later {
        /// When to perform it again.
        at: Timestamp,
        /// What the next performance should know.
        note: Option<String>,
    },
    /// It failed in passing.
    Failed {
        /// When to perform it again.
        at: Timestamp,
        /// How; `Some` where people are to be told.
        fault: Option<Fault>,
    },
    /// It failed for good.
    Broken(Fault),
}

impl Record {
    /// Which record it is.
    pub fn key(&self) -> &ClusterKey {
        &self.cluster.key
    }

    /// Takes an input.
    ///
    /// The record and its entry are to be saved where they are `Some`.
    pub fn take(
        policy: &Policy,
        key: &ClusterKey,
        record: Option<&Self>,
        input: &Input,
    ) -> (Option<(Self, Entry)>, Taken) {
        let id = short(&input.id);
        if record.is_some_and(|r| r.seen.contains(&id)) {
            return (None, Taken::Doubled);
        }
        let (mut next, taken, refused) = match step(policy, key, record.map(|r| &r.cluster), input) {
            Ok(None) => return (None, Taken::Stale),
            Ok(Some(decided)) => {
                let mut next = record.cloned().unwrap_or_else(|| Self::new(decided.cluster.clone()));
                next.revision += 1;
                next.follow(decided, input.at);
                (next, Taken::Changed, None)
            }
            Err(refusal) => match (record, &input.what) {
                (Some(record), What::Ask { by, .. }) if record.outbox.len() < OUTBOX_MAX => {
                    let mut next = record.clone();
                    next.revision += 1;
                    next.ask_for(
                        Effect::Tell { to: by.clone(), notice: Notice::Refused(refusal.clone()) },
                        input.at,
                        0,
                    );
                    (next, Taken::Refused { refusal: refusal.clone(), told: true }, Some(refusal))
                }
                _ => return (None, Taken::Refused { refusal, told: false }),
            },
        };
        next.seen.push(id);
        if next.seen.len() > SEEN_MAX {
            next.seen.remove(0);
        }
        let entry = next.write(input.at, Event::Took { input: input.clone(), refused });
        (Some((next, entry)), taken)
    }

    /// Claims what may be performed now and what `allow` lets through; at most the head of each ordered lane, and every clock that is due.
    ///
    /// Leases that are over are given to `worker`; retired work whose lease is over is forgotten, which is a revision of its own where there is nothing to
    /// claim besides. Answers `None` where nothing changes.
    pub fn claim(
        &self,
        worker: &str,
        now: Timestamp,
        lease: SignedDuration,
        mut allow: impl FnMut(&Effect) -> bool,
    ) -> Option<(Self, Vec<Claimed>)> {
        let mut next = self.clone();
        next.outbox.retain(|row| !(row.retired && row.is_free(now)));
        let forgot = next.outbox.len() < self.outbox.len();
        let has_card = self.cluster.change.card.is_some();
        let mut heads: Vec<Lane> = Vec::new();
        let mut claimed = Vec::new();
        for row in &mut next.outbox {
            if !heads_its_lane(&mut heads, row.effect.lane(), has_card) {
                continue;
            }
            if row.due > now || !row.is_free(now) || !allow(&row.effect) {
                continue;
            }
            row.attempt += 1;
            row.lease =
                Some(Lease { worker: worker.to_owned(), until: now.saturating_add(lease).unwrap_or(Timestamp::MAX) });
            claimed.push(Claimed {
                key: EffectKey { cluster: self.cluster.key.clone(), revision: row.revision, index: row.index },
                change: row.change,
                effect: row.effect.clone(),
                attempt: row.attempt,
                failures: row.failures,
                note: row.note.clone(),
            });
        }
        if claimed.is_empty() && !forgot {
            return None;
        }
        next.revision += 1;
        Some((next, claimed))
    }

    /// Ends the leases of everybody but `worker`: for a store that only one process can open. `None` where there is none.
    pub fn free_leases(&self, worker: &str) -> Option<Self> {
        let mut next = self.clone();
        let mut freed = false;
        for row in &mut next.outbox {
            freed |= row.lease.take_if(|lease| lease.worker != worker).is_some();
        }
        next.outbox.retain(|row| !(row.retired && row.lease.is_none()));
        next.revision += 1;
        freed.then_some(next)
    }

    /// Lengthens a lease. `None` where the effect is not the worker's any more: it was retired, settled, or claimed by another.
    pub fn renew(&self, key: &EffectKey, attempt: u32, until: Timestamp) -> Option<Self> {
        let mut next = self.clone();
        let row = next.row(key, attempt).filter(|row| !row.retired)?;
        row.lease.as_mut()?.until = until;
        next.revision += 1;
        Some(next)
    }

    /// Settles an effect with what its performance led to.
    ///
    /// Answers `None` where the attempt is not the current one, so that a worker that overslept changes nothing. There is no journal entry for a poll, a
    /// silent failure, or work that nobody wants any more.
    pub fn settle(
        &self,
        policy: &Policy,
        key: &EffectKey,
        attempt: u32,
        outcome: &Outcome,
        now: Timestamp,
    ) -> Option<(Self, Option<Entry>)> {
        let mut next = self.clone();
        let row = next.row(key, attempt)?.clone();
        next.revision += 1;
        if row.retired {
            next.drop_row(key);
            return Some((next, None));
        }
        match outcome {
            Outcome::Done => next.drop_row(key),
            Outcome::Fact(fact) => {
                next.drop_row(key);
                next.learn(policy, key, fact.clone(), now);
            }
            Outcome::Later { at, note } => {
                next.postpone(key, *at, 0, note.clone());
                return Some((next, None));
            }
            Outcome::Failed { at, fault } => {
                next.postpone(key, *at, row.failures + 1, row.note.clone());
                let Some(fault) = fault else { return Some((next, None)) };
                next.learn(policy, key, Fact::Troubled { fault: fault.clone(), again: *at }, now);
            }
            Outcome::Broken(fault) => {
                next.drop_row(key);
                next.learn(policy, key, Fact::Broken { effect: key.clone(), fault: fault.clone() }, now);
            }
        }
        let event = Event::Settled {
            revision: key.revision,
            index: key.index,
            effect: row.effect.name().to_owned(),
            attempt,
            outcome: outcome.clone(),
        };
        let entry = next.write(now, event);
        Some((next, Some(entry)))
    }

    /// When something may next be claimed; `None` where nothing is pending.
    pub fn due(&self) -> Option<Timestamp> {
        let has_card = self.cluster.change.card.is_some();
        let mut heads: Vec<Lane> = Vec::new();
        let mut due: Option<Timestamp> = None;
        for row in &self.outbox {
            if !heads_its_lane(&mut heads, row.effect.lane(), has_card) {
                continue;
            }
            let at = row.lease.as_ref().map_or(row.due, |lease| lease.until);
            due = Some(due.map_or(at, |earliest| earliest.min(at)));
        }
        due
    }

    /// Whether anything but waiting for a clock is pending.
    pub fn is_busy(&self) -> bool {
        self.outbox.iter().any(|row| row.effect.lane() != Lane::Clock)
    }

    /// Whether the effect is still wanted.
    pub fn wants(&self, key: &EffectKey, attempt: u32) -> bool {
        self.outbox.iter().any(|row| row.is(key) && row.attempt == attempt && !row.retired)
    }

    /// Plays a journal from its beginning and answers the record that it leads to: see [`Record::is_same_life`].
    ///
    /// # Errors
    /// The number of the first entry that does not follow from the ones before.
    pub fn replay(policy: &Policy, entries: &[Entry]) -> Result<Option<Self>, u64> {
        let mut record: Option<Self> = None;
        for Entry { body, .. } in entries {
            let before = body.revision.checked_sub(1).ok_or(body.number)?;
            if let Some(record) = &mut record {
                // Claims, renewals and polls count as revisions without an entry.
                record.revision = before;
            }
            let next = match &body.event {
                Event::Took { input, .. } => Self::take(policy, &body.cluster, record.as_ref(), input).0,
                Event::Settled { revision, index, attempt, outcome, .. } => record.as_mut().and_then(|record| {
                    let key = EffectKey { cluster: body.cluster.clone(), revision: *revision, index: *index };
                    for row in record.outbox.iter_mut().filter(|row| row.is(&key)) {
                        row.attempt = *attempt;
                    }
                    let (next, entry) = record.settle(policy, &key, *attempt, outcome, body.at)?;
                    Some((next, entry?))
                }),
            };
            match next {
                Some((next, written)) if written.body == *body => record = Some(next),
                _ => return Err(body.number),
            }
        }
        Ok(record)
    }

    /// Whether two records tell the same life: the same cluster, waiting for the same effects, with the same journal. Leases, attempts and waits are not
    /// compared, because the journal does not hold them.
    pub fn is_same_life(&self, other: &Self) -> bool {
        let wanted = |record: &Self| -> Vec<(u64, u32, Effect)> {
            record
                .outbox
                .iter()
                .filter(|row| !row.retired)
                .map(|row| (row.revision, row.index, row.effect.clone()))
                .collect()
        };
        self.cluster == other.cluster
            && self.chain == other.chain
            && self.seen == other.seen
            && wanted(self) == wanted(other)
    }

    fn new(cluster: Cluster) -> Self {
        Self { revision: 0, cluster, outbox: Vec::new(), seen: Vec::new(), entries: 0, chain: String::new() }
    }

    fn learn(&mut self, policy: &Policy, key: &EffectKey, fact: Fact, now: Timestamp) {
        let input = Input { id: InputId(format!("effect/{key}")), at: now, what: What::Fact(fact) };
        if let Ok(Some(decided)) = step(policy, &self.cluster.key.clone(), Some(&self.cluster), &input) {
            self.follow(decided, now);
        }
    }

    /// Becomes what was decided: the work of the state that was left is retired, the new effects go to the end.
    fn follow(&mut self, decided: Step, now: Timestamp) {
        self.cluster = decided.cluster;
        if decided.entered {
            for row in &mut self.outbox {
                row.retired |= !survives(&row.effect);
            }
            self.outbox.retain(|row| !(row.retired && row.lease.is_none()));
        }
        for (index, effect) in decided.effects.into_iter().enumerate() {
            self.ask_for(effect, now, u32::try_from(index).unwrap_or(u32::MAX));
        }
    }

    fn ask_for(&mut self, effect: Effect, now: Timestamp, index: u32) {
        let due = effect.not_before().unwrap_or(now);
        let (revision, change) = (self.revision, self.cluster.change.number);
        self.outbox.push(Row {
            change,
            revision,
            index,
            effect,
            due,
            attempt: 0,
            failures: 0,
            lease: None,
            note: None,
            retired: false,
        });
    }

    fn row(&mut self, key: &EffectKey, attempt: u32) -> Option<&mut Row> {
        self.outbox.iter_mut().find(|row| row.is(key) && row.attempt == attempt)
    }

    fn drop_row(&mut self, key: &EffectKey) {
        self.outbox.retain(|row| !row.is(key));
    }

    fn postpone(&mut self, key: &EffectKey, at: Timestamp, failures: u32, note: Option<String>) {
        for row in self.outbox.iter_mut().filter(|row| row.is(key)) {
            row.due = at;
            row.lease = None;
            row.failures = failures;
            row.note.clone_from(&note);
        }
    }

    fn write(&mut self, at: Timestamp, event: Event) -> Entry {
        self.entries += 1;
        let body = EntryBody {
            cluster: self.cluster.key.clone(),
            number: self.entries,
            revision: self.revision,
            at,
            before: std::mem::take(&mut self.chain),
            led_to: cluster_hash(&self.cluster),
            event,
        };
        let entry = Entry { hash: body.hash(), body };
        self.chain.clone_from(&entry.hash);
        entry
    }
}

impl Row {
    /// Whether nobody holds a lease on it.
    pub fn is_free(&self, now: Timestamp) -> bool {
        self.lease.as_ref().is_none_or(|lease| lease.until <= now)
    }

    fn is(&self, key: &EffectKey) -> bool {
        self.revision == key.revision && self.index == key.index
    }
}

/// Whether a row of this lane is the first of its lane. What is said waits for the first card besides, because it hangs on it.
fn heads_its_lane(heads: &mut Vec<Lane>, lane: Lane, has_card: bool) -> bool {
    if lane == Lane::Clock {
        return true;
    }
    let hangs_on_nothing = lane == Lane::Talk && !has_card && heads.contains(&Lane::Card);
    if hangs_on_nothing || heads.contains(&lane) {
        return false;
    }
    heads.push(lane);
    true
}

/// An input id, shortened to 16 hex digits: what a record remembers of it.
fn short(id: &InputId) -> String {
    hex(&Sha256::digest(id.0.as_bytes())[..8])
}
