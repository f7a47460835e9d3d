//! How the engine waits and repeats.

use jiff::SignedDuration;

/// How the engine waits and repeats.
#[derive(Debug, Clone, Copy)]
pub struct Pace {
    /// How long an effect is held before somebody else may perform it.
    pub lease: SignedDuration,
    /// How often Rancher is asked while a cluster joins or goes.
    pub poll: SignedDuration,
    /// How far apart the two looks are that make a cluster usable.
    pub twice: SignedDuration,
    /// How long the first repetition of a failure waits; it doubles from there.
    pub backoff: SignedDuration,
    /// The longest such wait.
    pub backoff_max: SignedDuration,
    /// How often in a row an effect may fail in passing before a person has to look.
    pub failures_max: u32,
    /// How often pull requests are read again.
    pub sweep: SignedDuration,
    /// How often a card shows progress at the most.
    pub progress: SignedDuration,
    /// How long an apply may go on when kaas is asked to stop: cut off in the middle, a resource is left tainted.
    pub grace: SignedDuration,
}

impl Default for Pace {
    fn default() -> Self {
        Self {
            lease: SignedDuration::from_secs(60),
            poll: SignedDuration::from_secs(10),
            twice: SignedDuration::from_secs(10),
            backoff: SignedDuration::from_secs(2),
            backoff_max: SignedDuration::from_secs(120),
            failures_max: 60,
            sweep: SignedDuration::from_secs(120),
            progress: SignedDuration::from_secs(2),
            grace: SignedDuration::from_secs(60),
        }
    }
}
