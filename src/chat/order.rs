//! The order of what one person does: a reaction that is given and taken back is taken in that order, while others wait for nobody.
//!
//! A place in the row is taken when a delivery comes in, on whichever socket, and not when somebody gets round to it.

use std::collections::HashMap;
use std::sync::{Mutex, PoisonError};

use tokio::sync::oneshot;

/// How many rows are remembered before those are forgotten in which nobody waits.
const ROWS_MAX: usize = 1_000;

/// The rows, one a person.
#[derive(Default)]
pub(super) struct Rows {
    /// The last one in each row: it is over when its sender is gone.
    last: Mutex<HashMap<String, oneshot::Receiver<()>>>,
}

/// A place in a row. Whoever comes next has their turn when it is dropped.
pub(super) struct Place {
    before: Option<oneshot::Receiver<()>>,
    _is_held: oneshot::Sender<()>,
}

impl Rows {
    /// Takes the next place in somebody's row.
    pub fn enter(&self, who: &str) -> Place {
        let (held, over) = oneshot::channel();
        let mut last = self.last.lock().unwrap_or_else(PoisonError::into_inner);
        if last.len() >= ROWS_MAX && !last.contains_key(who) {
            last.retain(|_, last| matches!(last.try_recv(), Err(oneshot::error::TryRecvError::Empty)));
        }
        Place { before: last.insert(who.to_owned(), over), _is_held: held }
    }
}

impl Place {
    /// Waits until everybody in front is done.
    pub async fn turn(&mut self) {
        if let Some(before) = self.before.take() {
            // Nothing is ever sent: the end of the sender is the word.
            let _ = before.await;
        }
    }
}

#[cfg(test)]
mod tests {
    use std::sync::Arc;
    use std::time::Duration;

    use super::*;

    #[tokio::test(start_paused = true)]
    async fn one_persons_deliveries_wait_for_each_other_and_for_nobody_elses() {
        let (rows, done) = (Rows::default(), Arc::new(Mutex::new(Vec::new())));
        let mut tasks = tokio::task::JoinSet::new();
        for (who, what, takes) in [("ann", "1", 30), ("ann", "2", 10), ("bo", "3", 20), ("ann", "4", 0)] {
            let (mut place, done) = (rows.enter(who), Arc::clone(&done));
            tasks.spawn(async move {
                place.turn().await;
                tokio::time::sleep(Duration::from_secs(takes)).await;
                done.lock().expect("the list").push(what);
            });
        }
        while tasks.join_next().await.is_some() {}
        assert_eq!(*done.lock().expect("the list"), ["3", "1", "2", "4"]);
    }

    #[tokio::test(start_paused = true)]
    async fn who_gives_up_their_place_holds_nobody_up_and_quiet_rows_are_forgotten() {
        let rows = Rows::default();
        drop(rows.enter("ann"));
        let mut second = rows.enter("ann");
        second.turn().await;
        for person in 0..ROWS_MAX * 2 {
            drop(rows.enter(&person.to_string()));
        }
        assert!(rows.last.lock().expect("the rows").len() <= ROWS_MAX);
        let mut third = rows.enter("ann");
        let waits = tokio::time::timeout(Duration::from_secs(1), third.turn()).await;
        assert!(waits.is_err(), "a row in which somebody waits is kept");
    }
}
