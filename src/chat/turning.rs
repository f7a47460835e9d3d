//! Cards that are being edited to show another plan. Until that is done, or has failed, nobody can say which plan people see; whoever reacts is heard after it.

use std::sync::{Mutex, MutexGuard, PoisonError};
use std::time::Duration;

use tokio::sync::Notify;

/// The longest wait for an edit.
const TURN_MAX: Duration = Duration::from_secs(10);

/// The messages that are being edited so.
pub(super) struct Turning<M> {
    messages: Mutex<Vec<M>>,
    over: Notify,
}

/// An edit that goes on; it is over when this is dropped.
pub(super) struct Turn<'a, M: PartialEq> {
    turning: &'a Turning<M>,
    message: M,
}

impl<M> Default for Turning<M> {
    fn default() -> Self {
        Self { messages: Mutex::default(), over: Notify::new() }
    }
}

impl<M: PartialEq + Clone> Turning<M> {
    /// An edit begins.
    #[must_use]
    pub fn begin(&self, message: M) -> Turn<'_, M> {
        self.messages().push(message.clone());
        Turn { turning: self, message }
    }

    /// Waits until none of this message goes on.
    pub async fn settled(&self, message: &M) {
        let settled = async {
            loop {
                let over = self.over.notified();
                tokio::pin!(over);
                over.as_mut().enable();
                if !self.messages().contains(message) {
                    return;
                }
                over.await;
            }
        };
        let _ = tokio::time::timeout(TURN_MAX, settled).await;
    }
}

impl<M> Turning<M> {
    fn messages(&self) -> MutexGuard<'_, Vec<M>> {
        self.messages.lock().unwrap_or_else(PoisonError::into_inner)
    }
}

impl<M: PartialEq> Drop for Turn<'_, M> {
    fn drop(&mut self) {
        let mut messages = self.turning.messages();
        if let Some(at) = messages.iter().position(|one| *one == self.message) {
            messages.swap_remove(at);
        }
        drop(messages);
        self.turning.over.notify_waiters();
    }
}

#[cfg(test)]
mod tests {
    use std::sync::Arc;

    use super::*;

    #[tokio::test(start_paused = true)]
    async fn who_reacts_is_heard_after_the_last_edit_of_that_message() {
        let turning: Arc<Turning<u64>> = Arc::default();
        turning.settled(&1).await;
        let (first, second) = (turning.begin(1), turning.begin(1));
        turning.settled(&2).await;
        let waiting = tokio::spawn({
            let turning = Arc::clone(&turning);
            async move { turning.settled(&1).await }
        });
        tokio::task::yield_now().await;
        drop(first);
        tokio::task::yield_now().await;
        assert!(!waiting.is_finished(), "another one goes on");
        drop(second);
        waiting.await.expect("it is over");
    }

    #[tokio::test(start_paused = true)]
    async fn an_edit_that_never_ends_holds_nobody_up_for_good() {
        let turning: Turning<u64> = Turning::default();
        let _turn = turning.begin(1);
        turning.settled(&1).await;
    }
}
