//! Waiting for Rancher: soon again at first, then every second, and never longer than allowed.

use std::time::Duration;

use tokio::sync::watch;
use tokio::time::Instant;

use super::client::Error;

/// The first pause between two looks. The real provider looks every 5 s; a simulator may be asked more often.
const FIRST_PAUSE: Duration = Duration::from_millis(250);
/// The longest pause between two looks.
const LONGEST_PAUSE: Duration = Duration::from_secs(1);

/// A wait with an end.
#[derive(Debug)]
pub struct Poll {
    until: Instant,
    limit: Duration,
    pause: Duration,
    stop: watch::Receiver<bool>,
}

impl Poll {
    /// A wait of at most `limit`, which `stop` ends at once.
    pub fn new(limit: Duration, stop: watch::Receiver<bool>) -> Self {
        let now = Instant::now();
        Self { until: now + limit, limit, pause: FIRST_PAUSE, stop }
    }

    /// The limit, as terraform prints it.
    pub fn limit(&self) -> Duration {
        self.limit
    }

    /// Pauses; false when the time is over.
    ///
    /// # Errors
    /// [`Error::Stopped`] when terraform was interrupted.
    pub async fn again(&mut self) -> Result<bool, Error> {
        let left = self.until.saturating_duration_since(Instant::now());
        if left.is_zero() {
            return Ok(false);
        }
        let pause = self.pause.min(left);
        self.pause = (self.pause * 3 / 2).min(LONGEST_PAUSE);
        tokio::select! {
            () = tokio::time::sleep(pause) => Ok(true),
            // A closed channel means that the provider is going away, which ends waits as well.
            _ = self.stop.wait_for(|stop| *stop) => Err(Error::Stopped),
        }
    }
}

#[cfg(test)]
mod tests {
    use super::*;

    #[tokio::test(start_paused = true)]
    async fn it_looks_often_at_first_and_stops_in_time() {
        let (_keep, stop) = watch::channel(false);
        let start = Instant::now();
        let mut poll = Poll::new(Duration::from_secs(10), stop);
        let mut looks = 0;
        while poll.again().await.unwrap() {
            looks += 1;
        }
        assert!((12..=15).contains(&looks), "{looks}");
        assert!((10_000..10_100).contains(&start.elapsed().as_millis()));
    }

    #[tokio::test(start_paused = true)]
    async fn an_interrupt_ends_it_at_once() {
        let (stopper, stop) = watch::channel(false);
        let mut poll = Poll::new(Duration::from_secs(3600), stop);
        tokio::spawn(async move { stopper.send(true).unwrap() });
        let start = Instant::now();
        assert!(matches!(poll.again().await, Err(Error::Stopped)));
        assert!(start.elapsed() < Duration::from_millis(100));
    }
}
