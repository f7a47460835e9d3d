//! What is done after a delivery was acknowledged: answers on their way. What is lost with the process is an answer, and never an ask.

use std::sync::{Mutex, PoisonError};
use std::time::Duration;

use tokio::task::JoinSet;

/// Answers that are on their way.
#[derive(Default)]
pub(super) struct Later(Mutex<JoinSet<()>>);

impl Later {
    /// Does something, without anybody waiting for it.
    pub fn run(&self, work: impl Future<Output = ()> + Send + 'static) {
        let mut later = self.0.lock().unwrap_or_else(PoisonError::into_inner);
        while later.try_join_next().is_some() {}
        later.spawn(work);
    }

    /// How many are on their way.
    pub fn count(&self) -> usize {
        let mut later = self.0.lock().unwrap_or_else(PoisonError::into_inner);
        while later.try_join_next().is_some() {}
        later.len()
    }

    /// Waits a while for those that are on their way.
    pub async fn finish(&self, most: Duration) {
        let mut later = std::mem::take(&mut *self.0.lock().unwrap_or_else(PoisonError::into_inner));
        let all = async { while later.join_next().await.is_some() {} };
        if tokio::time::timeout(most, all).await.is_err() {
            tracing::warn!("some private answers were not given before kaas stopped");
        }
    }
}
