//! The inbox: inputs of one cluster that come in together are decided one after the other and saved at once, so that a crowd at one cluster waits for one
//! flush, and nothing is decided in vain.
//!
//! Whoever comes first takes what has gathered. Who is cut off in the middle holds nobody up: the others find their place empty, and come again.

use std::collections::HashMap;
use std::sync::{Arc, Mutex, MutexGuard, PoisonError};

use tokio::sync::oneshot::{self, error::TryRecvError};

use super::boundary::Boundary;
use super::{Engine, SAVE_TRIES, count};
use crate::lifecycle::{ClusterKey, Input};
use crate::record::{Entry, Record, Taken};
use crate::store::Saved;

/// How many inputs are saved at once: each has an entry in the journal.
const TOGETHER_MAX: usize = 64;

/// How many rows are kept before those go in which nobody waits.
const ROWS_MAX: usize = 1_000;

/// The rows, one a cluster.
#[derive(Default)]
pub(super) struct Inbox(Mutex<HashMap<ClusterKey, Arc<Row>>>);

/// Who waits at one cluster.
#[derive(Default)]
struct Row {
    turn: tokio::sync::Mutex<()>,
    waiting: Mutex<Vec<Waiting>>,
}

struct Waiting {
    input: Input,
    answer: oneshot::Sender<Taken>,
}

impl Inbox {
    fn row(&self, key: &ClusterKey) -> Arc<Row> {
        let mut rows = self.0.lock().unwrap_or_else(PoisonError::into_inner);
        if rows.len() >= ROWS_MAX {
            rows.retain(|_, row| Arc::strong_count(row) > 1);
        }
        Arc::clone(rows.entry(key.clone()).or_default())
    }
}

impl Row {
    fn waiting(&self) -> MutexGuard<'_, Vec<Waiting>> {
        self.waiting.lock().unwrap_or_else(PoisonError::into_inner)
    }

    fn wait(&self, input: Input) -> oneshot::Receiver<Taken> {
        let (answer, answered) = oneshot::channel();
        self.waiting().push(Waiting { input, answer });
        answered
    }

    /// Those who waited longest. Whoever has gone away meanwhile got no answer, and comes again if it matters.
    fn first(&self) -> Vec<Waiting> {
        let mut waiting = self.waiting();
        waiting.retain(|one| !one.answer.is_closed());
        let many = waiting.len().min(TOGETHER_MAX);
        waiting.drain(..many).collect()
    }
}

impl Engine {
    /// Takes an input: durable when it returns.
    ///
    /// # Errors
    /// The store cannot be read or written; the input is not taken then.
    pub async fn take(&self, key: &ClusterKey, input: &Input) -> anyhow::Result<Taken> {
        self.reached(Boundary::Heard, "ask");
        let row = self.inbox.row(key);
        let mut answered = row.wait(input.clone());
        loop {
            let turn = row.turn.lock().await;
            match answered.try_recv() {
                Ok(taken) => {
                    drop(turn);
                    self.reached(Boundary::Taken, "ask");
                    return Ok(taken);
                }
                // Whoever took it was cut off, or failed: it is brought once more, under the id by which it is known if it was saved.
                Err(TryRecvError::Closed) => answered = row.wait(input.clone()),
                Err(TryRecvError::Empty) => self.take_together(key, row.first()).await?,
            }
        }
    }

    /// Takes inputs of one cluster in their order, and answers them when all of them are durable.
    async fn take_together(&self, key: &ClusterKey, waiting: Vec<Waiting>) -> anyhow::Result<()> {
        let policy = &self.tenant(&key.tenant)?.policy();
        for _ in 0..SAVE_TRIES {
            let stored = self.store.load(key).await?;
            let mut chain: Vec<(Record, Entry)> = Vec::new();
            let mut taken = Vec::with_capacity(waiting.len());
            for one in &waiting {
                let before = chain.last().map(|(record, _)| record).or(stored.as_ref());
                let (next, what) = Record::take(policy, key, before, &one.input);
                chain.extend(next);
                taken.push(what);
            }
            if !chain.is_empty() && self.store.save_chain(&chain).await? == Saved::Conflict {
                continue;
            }
            if let Some((last, _)) = chain.last() {
                self.saved(last);
            }
            for (one, taken) in waiting.into_iter().zip(taken) {
                count::taken(&one.input, &taken);
                // Who has gone away in this moment finds it done, should they come again.
                let _ = one.answer.send(taken);
            }
            return Ok(());
        }
        anyhow::bail!("{key} is changed by too many at once")
    }
}
