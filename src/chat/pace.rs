//! How often kaas writes: so many messages a channel with short bursts, an edit a second and message.
//!
//! Turns are given out in the order in which they are asked for; whoever would wait too long is told so and asks again later.

use std::collections::HashMap;
use std::sync::{Mutex, MutexGuard, PoisonError};
use std::time::Duration;

use tokio::time::Instant;
use tokio_util::sync::CancellationToken;

use crate::ports::{Answer, Trouble};

/// The time between two edits of a message.
const EDIT_EVERY: Duration = Duration::from_secs(1);
/// The longest that somebody waits for their turn; after that the engine asks again.
const TURN_MAX: Duration = Duration::from_secs(120);
/// How many places are remembered before those are forgotten that have been quiet.
const PLACES_MAX: usize = 10_000;

/// The pace of all channels and messages of a platform.
pub(super) struct Pace {
    /// What people call it.
    platform: &'static str,
    /// The time between two messages of a channel, in the long run.
    every: Duration,
    /// Messages that may follow each other at once.
    burst: u32,
    /// When the turn of a channel's next message would be if it had no burst.
    channels: Mutex<HashMap<String, Instant>>,
    /// When a message may be edited again.
    edits: Mutex<HashMap<String, Instant>>,
}

impl Pace {
    /// The pace of a platform: `Slack`, a message a second, three at once.
    pub fn of(platform: &'static str, every: Duration, burst: u32) -> Self {
        Self { platform, every, burst, channels: Mutex::default(), edits: Mutex::default() }
    }

    /// Waits for a turn to write into the channel.
    pub async fn message(&self, channel: &str, stop: &CancellationToken) -> Answer<()> {
        let wait = {
            let mut channels = held(&self.channels);
            let now = Instant::now();
            forget(&mut channels, now);
            let next = channels.entry(channel.to_owned()).or_insert(now);
            let turn = (*next).max(now);
            let ahead = turn.duration_since(now);
            let wait = ahead.saturating_sub(self.slack());
            if wait <= TURN_MAX {
                *next = turn + self.every;
            }
            wait
        };
        self.turn(wait, stop).await
    }

    /// Waits for a turn to edit the message.
    pub async fn edit(&self, message: &str, stop: &CancellationToken) -> Answer<()> {
        let wait = {
            let mut edits = held(&self.edits);
            let now = Instant::now();
            forget(&mut edits, now);
            let next = edits.entry(message.to_owned()).or_insert(now);
            let turn = (*next).max(now);
            let wait = turn.duration_since(now);
            if wait <= TURN_MAX {
                *next = turn + EDIT_EVERY;
            }
            wait
        };
        self.turn(wait, stop).await
    }

    /// Takes a turn to write into the channel if it has one right now.
    #[cfg(feature = "discord")]
    pub fn may_write(&self, channel: &str) -> bool {
        let mut channels = held(&self.channels);
        let now = Instant::now();
        let next = channels.entry(channel.to_owned()).or_insert(now);
        let turn = (*next).max(now);
        let free = turn.duration_since(now) <= self.slack();
        if free {
            *next = turn + self.every;
        }
        free
    }

    /// Takes a turn to edit the message if it has one right now.
    pub fn may_edit(&self, message: &str) -> bool {
        let mut edits = held(&self.edits);
        let now = Instant::now();
        let next = edits.entry(message.to_owned()).or_insert(now);
        let free = *next <= now;
        if free {
            *next = now + EDIT_EVERY;
        }
        free
    }

    /// The platform asked for silence in this channel (or about this message).
    pub fn hush(&self, place: &str, wait: Duration) {
        let until = Instant::now() + wait;
        let mut edits = held(&self.edits);
        if let Some(next) = edits.get_mut(place) {
            *next = (*next).max(until);
            return;
        }
        drop(edits);
        // The burst is used up as well.
        let until = until + self.slack();
        let mut channels = held(&self.channels);
        let next = channels.entry(place.to_owned()).or_insert(until);
        *next = (*next).max(until);
    }

    /// How far ahead a burst reaches.
    fn slack(&self) -> Duration {
        self.every * (self.burst - 1)
    }

    async fn turn(&self, wait: Duration, stop: &CancellationToken) -> Answer<()> {
        if wait > TURN_MAX {
            let line = format!("{} takes only so many messages a minute; kaas has more to say", self.platform);
            return Err(Trouble::Passing { line, wait: jiff::SignedDuration::try_from(wait).ok(), source: None });
        }
        tokio::select! {
            biased;
            () = stop.cancelled() => Err(Trouble::Stopped),
            () = tokio::time::sleep(wait) => Ok(()),
        }
    }
}

fn forget(places: &mut HashMap<String, Instant>, now: Instant) {
    if places.len() > PLACES_MAX {
        places.retain(|_, next| *next > now);
    }
}

fn held<T>(places: &Mutex<T>) -> MutexGuard<'_, T> {
    places.lock().unwrap_or_else(PoisonError::into_inner)
}

#[cfg(test)]
mod tests {
    use super::*;

    fn a_pace() -> Pace {
        Pace::of("Slack", Duration::from_secs(1), 3)
    }

    #[tokio::test(start_paused = true)]
    async fn a_burst_then_a_message_a_second() {
        let (pace, stop, start) = (a_pace(), CancellationToken::new(), Instant::now());
        let mut at = Vec::new();
        for _ in 0..6 {
            pace.message("C1", &stop).await.expect("there is a turn");
            at.push(start.elapsed().as_secs());
        }
        assert_eq!(at, [0, 0, 0, 1, 2, 3]);
        pace.message("C2", &stop).await.expect("another channel has turns of its own");
        assert_eq!(start.elapsed().as_secs(), 3);
        tokio::time::sleep(Duration::from_secs(60)).await;
        let rested = Instant::now();
        for _ in 0..3 {
            pace.message("C1", &stop).await.expect("there is a turn");
        }
        assert_eq!(rested.elapsed().as_secs(), 0, "a rested channel has its burst again, and no more than that");
    }

    #[tokio::test(start_paused = true)]
    async fn who_would_wait_too_long_is_told_and_takes_no_turn() {
        let (pace, stop) = (a_pace(), CancellationToken::new());
        pace.hush("C1", Duration::from_secs(600));
        let Err(Trouble::Passing { wait, .. }) = pace.message("C1", &stop).await else { panic!("too long") };
        assert_eq!(wait.map(|w| w.as_secs()), Some(600));
        tokio::time::sleep(Duration::from_secs(600)).await;
        let start = Instant::now();
        pace.message("C1", &stop).await.expect("the silence is over");
        assert_eq!(start.elapsed().as_secs(), 0);
    }

    #[tokio::test(start_paused = true)]
    async fn edits_of_a_message_are_a_second_apart_and_progress_gives_way() {
        let (pace, stop, start) = (a_pace(), CancellationToken::new(), Instant::now());
        assert!(pace.may_edit("1.1"));
        assert!(!pace.may_edit("1.1"), "progress is dropped");
        assert!(pace.may_edit("1.2"));
        pace.edit("1.1", &stop).await.expect("a card waits for its turn");
        assert_eq!(start.elapsed().as_secs(), 1);
    }

    #[tokio::test(start_paused = true)]
    async fn who_is_stopped_waits_no_longer() {
        let (pace, stop) = (a_pace(), CancellationToken::new());
        pace.hush("C1", Duration::from_secs(10));
        stop.cancel();
        assert!(matches!(pace.message("C1", &stop).await, Err(Trouble::Stopped)));
    }
}
