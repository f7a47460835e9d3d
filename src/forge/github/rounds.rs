//! Rounds: whatever is uncertain or overtaken is looked at once more, and found done or done then.

use super::GitHub;
use super::failure::Failure;
use crate::ports::{Answer, Call, Trouble};

/// What a round came to.
pub(super) enum Round<T> {
    /// It is done.
    Over(T),
    /// It has to be looked at once more; why, where a call failed.
    Again(Option<Failure>),
}

impl<T> Round<T> {
    /// A round that looks before it writes: what a lost answer has done is found by the next one, and so is what somebody else was faster with.
    pub fn of(result: Result<T, Failure>) -> Answer<Self> {
        match result {
            Ok(done) => Ok(Self::Over(done)),
            Err(failure) if failure.is_uncertain() || failure.is_overtaken() => Ok(Self::Again(Some(failure))),
            Err(failure) => Err(failure.into()),
        }
    }
}

impl GitHub {
    /// Goes round until it is over, at most so often; what is left then is left to a later attempt.
    pub(super) async fn in_rounds<T, R: Future<Output = Answer<Round<T>>>>(
        &self,
        call: &Call,
        most: u32,
        once: impl Fn(u32) -> R,
    ) -> Answer<T> {
        let mut last = None;
        for round in 0..most {
            self.pause(call, round).await?;
            match once(round).await? {
                Round::Over(done) => return Ok(done),
                Round::Again(failure) => last = failure.or(last),
            }
        }
        Err(left(last))
    }

    /// Waits a little before a further round, and ends where the work is not wanted any more.
    async fn pause(&self, call: &Call, round: u32) -> Answer<()> {
        if round > 0 {
            tokio::select! {
                () = tokio::time::sleep(self.patience.wait * round) => {}
                () = call.stop.cancelled() => {}
            }
        }
        if call.stop.is_cancelled() { Err(Trouble::Stopped) } else { Ok(()) }
    }
}

/// What several rounds could not do. It passes, whatever it was.
fn left(last: Option<Failure>) -> Trouble {
    match last {
        Some(failure) if failure.refused().is_none() => failure.into(),
        Some(failure) if !failure.is_overtaken() => Trouble::Passing {
            line: format!("GitHub is not ready to let kaas {}", failure.does()),
            wait: None,
            source: Some(failure.into()),
        },
        last => Trouble::Passing {
            line: "GitHub does not keep up, or somebody else writes the same branch".to_owned(),
            wait: None,
            source: last.map(Into::into),
        },
    }
}
