//! The fake's own time: the machine's clock, plus what a test has put on top.

use std::time::Duration;

use jiff::Timestamp;

/// Tells the time, and can be turned forward.
#[derive(Debug, Default)]
pub(super) struct Clock {
    ahead: Duration,
}

impl Clock {
    /// Now.
    #[expect(clippy::disallowed_methods, reason = "the fake stands for the outside, which has a clock of its own")]
    pub(super) fn now(&self) -> Timestamp {
        Timestamp::now() + self.ahead
    }

    /// Now, as GitHub writes it: `2026-08-01T12:00:00Z`.
    pub(super) fn stamp(&self) -> String {
        stamp(self.now())
    }

    /// Turns the clock forward.
    pub(super) fn advance(&mut self, by: Duration) {
        self.ahead += by;
    }
}

/// A time as GitHub writes it, in whole seconds.
pub(super) fn stamp(at: Timestamp) -> String {
    at.strftime("%Y-%m-%dT%H:%M:%SZ").to_string()
}
