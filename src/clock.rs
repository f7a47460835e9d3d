//! The one place that reads the time or draws an id.
//!
//! Everything else is handed a [`Clock`], so that tests own time and every life can be replayed.

use std::sync::Arc;
use std::sync::atomic::{AtomicI64, AtomicU64, Ordering};
use std::time::Duration;

pub use jiff::Timestamp;

/// Tells the time and draws ids that were never drawn before.
pub trait Clock: Send + Sync {
    /// The time now.
    fn now(&self) -> Timestamp;
    /// A fresh id: 13 lower-case letters and digits, unique over processes and restarts.
    fn id(&self) -> String;
}

/// A shared clock.
pub type SharedClock = Arc<dyn Clock>;

/// The clock of the machine.
#[derive(Debug, Default)]
pub struct SystemClock {
    drawn: AtomicU64,
}

impl SystemClock {
    /// A shared system clock.
    pub fn shared() -> SharedClock {
        Arc::new(Self::default())
    }
}

impl Clock for SystemClock {
    fn now(&self) -> Timestamp {
        #[expect(clippy::disallowed_methods, reason = "this is the one place that reads the time")]
        Timestamp::now()
    }

    fn id(&self) -> String {
        use std::hash::{BuildHasher, Hasher, RandomState};
        // RandomState is seeded by the operating system; the counter keeps two ids of one process apart.
        let mut hasher = RandomState::new().build_hasher();
        hasher.write_u64(self.drawn.fetch_add(1, Ordering::Relaxed));
        hasher.write_i128(self.now().as_nanosecond());
        base32(hasher.finish())
    }
}

/// When something was last heard of, to the second.
#[derive(Debug)]
pub struct LastHeard(AtomicI64);

impl Default for LastHeard {
    /// Never.
    fn default() -> Self {
        Self(AtomicI64::new(i64::MIN))
    }
}

impl LastHeard {
    /// It was heard of now.
    pub fn hear(&self, now: Timestamp) {
        self.0.store(now.as_second(), Ordering::Relaxed);
    }

    /// How long ago, in seconds; `None` if never.
    pub fn seconds_ago(&self, now: Timestamp) -> Option<u64> {
        let heard = self.0.load(Ordering::Relaxed);
        (heard != i64::MIN).then(|| now.as_second().saturating_sub(heard).max(0).unsigned_abs())
    }
}

/// A clock that stands still until it is moved.
#[derive(Debug)]
pub struct ManualClock {
    now: std::sync::Mutex<Timestamp>,
    drawn: AtomicU64,
}

impl ManualClock {
    /// A clock that stands at `now`.
    pub fn at(now: Timestamp) -> Arc<Self> {
        Arc::new(Self { now: std::sync::Mutex::new(now), drawn: AtomicU64::new(0) })
    }

    /// Moves the clock forward.
    pub fn advance(&self, by: Duration) {
        let mut now = self.now.lock().unwrap_or_else(std::sync::PoisonError::into_inner);
        *now += by;
    }
}

impl Clock for ManualClock {
    fn now(&self) -> Timestamp {
        *self.now.lock().unwrap_or_else(std::sync::PoisonError::into_inner)
    }

    fn id(&self) -> String {
        format!("id{:011}", self.drawn.fetch_add(1, Ordering::Relaxed))
    }
}

fn base32(mut value: u64) -> String {
    const ALPHABET: &[u8; 32] = b"0123456789abcdefghjkmnpqrstvwxyz";
    let mut out = [b'0'; 13];
    for slot in out.iter_mut().rev() {
        *slot = ALPHABET[(value & 31) as usize];
        value >>= 5;
    }
    out.iter().map(|b| *b as char).collect()
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn ids_differ_and_are_short() {
        let clock = SystemClock::default();
        let ids: std::collections::BTreeSet<_> = (0..1000).map(|_| clock.id()).collect();
        assert_eq!(ids.len(), 1000);
        assert!(ids.iter().all(|id| id.len() == 13));
    }
}
