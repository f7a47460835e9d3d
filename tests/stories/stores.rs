//! Two wrappers around a store: one that blocks (so that virtual time stands still while sled writes), one that lets kaas die between doing and recording.

use std::collections::{BTreeSet, HashSet};
use std::future::Future;
use std::pin::pin;
use std::sync::{Arc, Mutex};
use std::task::{Context, Poll, Wake, Waker};

use async_trait::async_trait;
use jiff::Timestamp;
use kaas::lifecycle::form::TenantName;
use kaas::lifecycle::{ChangeNumber, ClusterKey, PersonId};
use kaas::record::{BookEntry, Entry, Event, Record};
use kaas::store::{Filter, Life, Listing, Saved, Store};
use tokio::sync::Notify;

/// A store that is waited for with the whole thread: a paused clock would leap ahead while another thread writes.
pub struct Blocking(pub Arc<dyn Store>);

struct Unpark(std::thread::Thread);

impl Wake for Unpark {
    fn wake(self: Arc<Self>) {
        self.0.unpark();
    }
}

fn block<T>(future: impl Future<Output = T>) -> T {
    let mut future = pin!(future);
    let waker = Waker::from(Arc::new(Unpark(std::thread::current())));
    loop {
        match future.as_mut().poll(&mut Context::from_waker(&waker)) {
            Poll::Ready(done) => return done,
            Poll::Pending => std::thread::park(),
        }
    }
}

/// A store under which kaas dies whenever the first performance of an effect is to be recorded: it was done, and nobody knows.
pub struct Dying {
    pub store: Arc<dyn Store>,
    pub death: Arc<Notify>,
    died: Mutex<BTreeSet<(ClusterKey, u64, u32)>>,
}

impl Dying {
    pub fn over(store: Arc<dyn Store>, death: Arc<Notify>) -> Self {
        Self { store, death, died: Mutex::default() }
    }

    fn dies(&self, record: &Record, entry: Option<&Entry>) -> bool {
        match entry.map(|entry| &entry.body.event) {
            Some(Event::Settled { revision, index, .. }) => {
                self.died.lock().unwrap().insert((record.key().clone(), *revision, *index))
            }
            Some(Event::Took { .. }) | None => false,
        }
    }
}

impl Blocking {
    fn inner(&self) -> &dyn Store {
        &*self.0
    }

    fn exclusive(&self) -> bool {
        self.0.is_exclusive()
    }

    async fn swap(&self, record: &Record, entry: Option<&Entry>) -> anyhow::Result<Saved> {
        block(self.0.save(record, entry))
    }
}

impl Dying {
    fn inner(&self) -> &dyn Store {
        &*self.store
    }

    /// Whoever comes after a death takes its leases over at once.
    fn exclusive(&self) -> bool {
        true
    }

    async fn swap(&self, record: &Record, entry: Option<&Entry>) -> anyhow::Result<Saved> {
        if self.dies(record, entry) {
            self.death.notify_one();
            return std::future::pending().await;
        }
        self.store.save(record, entry).await
    }
}

macro_rules! blocked {
    ($future:expr) => {
        block($future)
    };
}

macro_rules! awaited {
    ($future:expr) => {
        $future.await
    };
}

/// A store that swaps in its own way and hands everything else on.
macro_rules! store_over {
    ($wrapper:ty, $through:ident) => {
        #[async_trait]
        impl Store for $wrapper {
            fn is_exclusive(&self) -> bool {
                self.exclusive()
            }

            async fn save(&self, record: &Record, entry: Option<&Entry>) -> anyhow::Result<Saved> {
                self.swap(record, entry).await
            }

            async fn save_chain(&self, chain: &[(Record, Entry)]) -> anyhow::Result<Saved> {
                for (record, entry) in chain {
                    if self.swap(record, Some(entry)).await? == Saved::Conflict {
                        return Ok(Saved::Conflict);
                    }
                }
                Ok(Saved::Yes)
            }

            async fn load(&self, key: &ClusterKey) -> anyhow::Result<Option<Record>> {
                $through!(self.inner().load(key))
            }

            async fn due(
                &self,
                now: Timestamp,
                limit: usize,
                skip: &HashSet<ClusterKey>,
            ) -> anyhow::Result<Vec<ClusterKey>> {
                $through!(self.inner().due(now, limit, skip))
            }

            async fn next_due(&self) -> anyhow::Result<Option<Timestamp>> {
                $through!(self.inner().next_due())
            }

            async fn busy(&self) -> anyhow::Result<usize> {
                $through!(self.inner().busy())
            }

            async fn list(&self, filter: &Filter) -> anyhow::Result<Listing> {
                $through!(self.inner().list(filter))
            }

            async fn owned(&self, tenant: &TenantName, person: &PersonId) -> anyhow::Result<u32> {
                $through!(self.inner().owned(tenant, person))
            }

            async fn keys(&self) -> anyhow::Result<Vec<ClusterKey>> {
                $through!(self.inner().keys())
            }

            async fn journals(&self) -> anyhow::Result<Vec<ClusterKey>> {
                $through!(self.inner().journals())
            }

            async fn journal(&self, key: &ClusterKey) -> anyhow::Result<Vec<Entry>> {
                $through!(self.inner().journal(key))
            }

            async fn draw(&self, tenant: &TenantName) -> anyhow::Result<ChangeNumber> {
                $through!(self.inner().draw(tenant))
            }

            async fn drawn(&self) -> anyhow::Result<Vec<(TenantName, u64)>> {
                $through!(self.inner().drawn())
            }

            async fn book(&self, tenant: &TenantName) -> anyhow::Result<Vec<BookEntry>> {
                $through!(self.inner().book(tenant))
            }

            async fn write_book(&self, entry: &BookEntry) -> anyhow::Result<Saved> {
                $through!(self.inner().write_book(entry))
            }

            async fn books(&self) -> anyhow::Result<Vec<TenantName>> {
                $through!(self.inner().books())
            }

            async fn restore(&self, life: &Life) -> anyhow::Result<Saved> {
                $through!(self.inner().restore(life))
            }

            async fn restore_drawn(&self, tenant: &TenantName, last: u64) -> anyhow::Result<()> {
                $through!(self.inner().restore_drawn(tenant, last))
            }
        }
    };
}

store_over!(Blocking, blocked);
store_over!(Dying, awaited);
