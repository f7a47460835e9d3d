//! Rates: each route's own bucket, the one for everything, and the count of calls that were refused.

use std::collections::{BTreeMap, VecDeque};

use super::records::Id;

/// Ten minutes, in which invalid requests are counted.
const INVALID_WINDOW_MS: u64 = 600_000;

/// A route's bucket: so many calls within so long.
#[derive(Debug, Clone, Copy)]
pub(crate) struct Rate {
    pub(crate) name: &'static str,
    pub(crate) limit: u32,
    pub(crate) window_ms: u64,
}

/// What the headers of an answer tell of a bucket.
#[derive(Debug, Clone)]
pub(crate) struct Told {
    pub(crate) bucket: String,
    pub(crate) limit: u32,
    pub(crate) remaining: u32,
    pub(crate) reset_ms: u64,
    pub(crate) now_ms: u64,
}

#[derive(Debug, Default)]
struct Bucket {
    began_ms: u64,
    used: u32,
}

/// What was called lately.
#[derive(Debug, Default)]
pub(crate) struct Rates {
    buckets: BTreeMap<(String, Id), Bucket>,
    lately: VecDeque<u64>,
    invalid: VecDeque<u64>,
}

impl Rates {
    /// Takes one call of a bucket: what is told of it, and the milliseconds to wait if it is beyond.
    pub(crate) fn take(&mut self, rate: Rate, major: Id, now_ms: u64) -> (Told, Option<u64>) {
        let bucket = self.buckets.entry((rate.name.to_string(), major)).or_default();
        if now_ms.saturating_sub(bucket.began_ms) >= rate.window_ms {
            *bucket = Bucket { began_ms: now_ms, used: 0 };
        }
        let reset_ms = bucket.began_ms + rate.window_ms;
        let wait = (bucket.used >= rate.limit).then(|| reset_ms.saturating_sub(now_ms).max(1));
        if wait.is_none() {
            bucket.used += 1;
        }
        let remaining = rate.limit.saturating_sub(bucket.used);
        (Told { bucket: format!("{}-{major}", rate.name), limit: rate.limit, remaining, reset_ms, now_ms }, wait)
    }

    /// Takes one call of all that there may be in a second; otherwise the milliseconds to wait.
    pub(crate) fn global(&mut self, a_second: u32, now_ms: u64) -> Option<u64> {
        self.lately.retain(|at| at + 1000 > now_ms);
        if self.lately.len() >= a_second as usize {
            return self.lately.front().map(|first| (first + 1000).saturating_sub(now_ms).max(1));
        }
        self.lately.push_back(now_ms);
        None
    }

    /// Counts a call that was answered 401, 403 or 429.
    pub(crate) fn note_invalid(&mut self, now_ms: u64) {
        self.invalid.push_back(now_ms);
    }

    /// The milliseconds for which the address is shut out, if it is.
    pub(crate) fn shut_out(&mut self, limit: u32, now_ms: u64) -> Option<u64> {
        self.invalid.retain(|at| at + INVALID_WINDOW_MS > now_ms);
        let first = *self.invalid.front()?;
        (self.invalid.len() >= limit as usize).then(|| (first + INVALID_WINDOW_MS).saturating_sub(now_ms).max(1))
    }

    /// How many calls were refused within the last ten minutes.
    pub(crate) fn invalid(&self) -> usize {
        self.invalid.len()
    }
}
