//! How many runs go on at once, over all clusters, and whose turn it is: round robin among tenants, first come first served within one.

use std::collections::{BTreeMap, VecDeque};
use std::sync::{Arc, Mutex, PoisonError};

use tokio::sync::oneshot;

use crate::lifecycle::form::TenantName;

/// A bounded number of turns, dealt fairly.
#[derive(Debug, Clone)]
pub struct Queue(Arc<Mutex<Waiting>>);

#[derive(Debug)]
struct Waiting {
    free: usize,
    /// Who waits, by tenant; never holds an empty line.
    lines: BTreeMap<TenantName, VecDeque<oneshot::Sender<Turn>>>,
    /// Whose turn was dealt last: the next one in the order of names, going round, is next.
    last: Option<TenantName>,
}

/// One turn: dropped, it goes to the next who waits.
#[derive(Debug)]
pub struct Turn(Option<Queue>);

impl Queue {
    /// A queue with that many turns (at least one).
    pub fn new(turns: usize) -> Self {
        Self(Arc::new(Mutex::new(Waiting { free: turns.max(1), lines: BTreeMap::new(), last: None })))
    }

    /// Waits for a turn. A wait that is given up costs nobody a turn.
    pub async fn turn(&self, tenant: &TenantName) -> Turn {
        let turn = {
            let mut waiting = self.lock();
            // Nobody waits while a turn is free.
            if waiting.free > 0 {
                waiting.free -= 1;
                waiting.last = Some(tenant.clone());
                return Turn(Some(self.clone()));
            }
            let (deal, turn) = oneshot::channel();
            waiting.lines.entry(tenant.clone()).or_default().push_back(deal);
            turn
        };
        // The other end is only ever dropped with the queue itself, which this call holds.
        turn.await.unwrap_or(Turn(None))
    }

    fn lock(&self) -> std::sync::MutexGuard<'_, Waiting> {
        self.0.lock().unwrap_or_else(PoisonError::into_inner)
    }

    fn pass_on(&self) {
        loop {
            let next = {
                let mut waiting = self.lock();
                let next = waiting.next();
                if next.is_none() {
                    waiting.free += 1;
                }
                next
            };
            let Some(next) = next else { return };
            match next.send(Turn(Some(self.clone()))) {
                Ok(()) => return,
                // Given up while waiting: the turn goes on to somebody else, and must not come back here by being dropped.
                Err(mut turn) => turn.0 = None,
            }
        }
    }
}

impl Waiting {
    fn next(&mut self) -> Option<oneshot::Sender<Turn>> {
        use std::ops::Bound::{Excluded, Unbounded};
        // Who gave up waiting is out, and costs the tenant nothing.
        self.lines.retain(|_, line| {
            line.retain(|deal| !deal.is_closed());
            !line.is_empty()
        });
        let after = self.last.as_ref().and_then(|last| self.lines.range((Excluded(last.clone()), Unbounded)).next());
        let tenant = after.or_else(|| self.lines.iter().next()).map(|(tenant, _)| tenant.clone())?;
        let line = self.lines.get_mut(&tenant)?;
        let next = line.pop_front();
        if line.is_empty() {
            self.lines.remove(&tenant);
        }
        self.last = Some(tenant);
        next
    }
}

impl Drop for Turn {
    fn drop(&mut self) {
        if let Some(queue) = self.0.take() {
            queue.pass_on();
        }
    }
}

#[cfg(test)]
mod tests {
    use super::*;

    fn tenant(name: &str) -> TenantName {
        name.parse().unwrap()
    }

    /// Lets everybody wait, in this order, then deals one turn after the other.
    async fn dealt(order: &[(&str, u32)], given_up: &[u32]) -> Vec<(String, u32)> {
        let queue = Queue::new(1);
        let held = queue.turn(&tenant("zero")).await;
        let seen = Arc::new(Mutex::new(Vec::new()));
        let mut tasks = Vec::new();
        for (name, number) in order {
            let (queue, seen, name, number) = (queue.clone(), seen.clone(), (*name).to_owned(), *number);
            tasks.push((
                number,
                tokio::spawn(async move {
                    let turn = queue.turn(&tenant(&name)).await;
                    seen.lock().unwrap().push((name, number));
                    tokio::task::yield_now().await;
                    drop(turn);
                }),
            ));
            tokio::task::yield_now().await;
        }
        for (number, task) in &tasks {
            if given_up.contains(number) {
                task.abort();
            }
        }
        tokio::task::yield_now().await;
        drop(held);
        for (_, task) in tasks {
            let _ = task.await;
        }
        assert_eq!(queue.lock().free, 1, "every turn came back");
        Arc::try_unwrap(seen).unwrap().into_inner().unwrap()
    }

    #[tokio::test]
    async fn a_tenant_with_a_long_line_does_not_hold_up_the_others() {
        let order = [("acme", 1), ("acme", 2), ("acme", 3), ("acme", 4), ("bolt", 5), ("bolt", 6), ("cato", 7)];
        let seen: Vec<u32> = dealt(&order, &[]).await.into_iter().map(|(_, number)| number).collect();
        assert_eq!(seen, [1, 5, 7, 2, 6, 3, 4]);
    }

    #[tokio::test]
    async fn who_gives_up_waiting_costs_nobody_a_turn() {
        let order = [("acme", 1), ("acme", 2), ("bolt", 3), ("cato", 4)];
        let seen: Vec<u32> = dealt(&order, &[1, 3]).await.into_iter().map(|(_, number)| number).collect();
        assert_eq!(seen, [2, 4]);
    }

    #[tokio::test]
    async fn no_more_run_at_once_than_there_are_turns() {
        let queue = Queue::new(3);
        let now = Arc::new(Mutex::new(0));
        let tasks: Vec<_> = (0..50)
            .map(|n| {
                let (queue, now) = (queue.clone(), now.clone());
                tokio::spawn(async move {
                    let _turn = queue.turn(&tenant(["acme", "bolt"][n % 2])).await;
                    let running = {
                        let mut now = now.lock().unwrap();
                        *now += 1;
                        *now
                    };
                    tokio::task::yield_now().await;
                    *now.lock().unwrap() -= 1;
                    running
                })
            })
            .collect();
        let mut peak = 0;
        for task in tasks {
            peak = peak.max(task.await.unwrap());
        }
        assert_eq!(peak, 3);
    }
}
