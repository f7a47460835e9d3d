//! Rate limits: a message a second and channel with short bursts, and so many calls a minute of a method.

use std::collections::BTreeMap;

/// A minute, in milliseconds.
const MINUTE_MS: u64 = 60_000;

/// What was used of the limits.
#[derive(Debug, Default)]
pub(crate) struct Rates {
    buckets: BTreeMap<String, Bucket>,
    windows: BTreeMap<String, Vec<u64>>,
}

#[derive(Debug)]
struct Bucket {
    left: f64,
    at_ms: u64,
}

impl Rates {
    /// Takes one message of a channel's bucket, which fills by one a second up to `burst`; otherwise the seconds to wait.
    pub(crate) fn message(&mut self, channel: &str, burst: u32, now_ms: u64) -> Result<(), u64> {
        let full = f64::from(burst.max(1));
        let bucket = self.buckets.entry(channel.to_string()).or_insert(Bucket { left: full, at_ms: now_ms });
        #[expect(clippy::cast_precision_loss, reason = "a span between two messages is small")]
        let passed = now_ms.saturating_sub(bucket.at_ms) as f64 / 1000.0;
        bucket.left = (bucket.left + passed).min(full);
        bucket.at_ms = now_ms;
        if bucket.left >= 1.0 {
            bucket.left -= 1.0;
            return Ok(());
        }
        Err(1)
    }

    /// Takes one call of a method's minute; otherwise the seconds to wait.
    pub(crate) fn call(&mut self, method: &str, per_minute: u32, now_ms: u64) -> Result<(), u64> {
        let window = self.windows.entry(method.to_string()).or_default();
        window.retain(|at| at + MINUTE_MS > now_ms);
        if window.len() < per_minute as usize {
            window.push(now_ms);
            return Ok(());
        }
        let free_ms = window.first().map_or(MINUTE_MS, |first| (first + MINUTE_MS).saturating_sub(now_ms));
        Err(free_ms.div_ceil(1000).max(1))
    }
}
