//! The base branch: its tip as it was read last, so that a plan and the pull request beside it ask for it once, and those a moment later not at all.

use std::sync::{Mutex, MutexGuard, PoisonError};

use jiff::{SignedDuration, Timestamp};

use super::GitHub;
use super::failure::{Endpoint, Failure};
use super::objects::Commit;
use super::shapes::Branch;

/// How long what was read of the base branch counts as what it is now. A plan that takes it from memory is one that began that much earlier: what was merged
/// since it would not hold either way, and apply plans again. What moves the branch (a push that a webhook tells of, kaas' own merge) ends it at once.
const FRESH: SignedDuration = SignedDuration::from_secs(10);

const BRANCH: Endpoint = Endpoint { name: "branches/get", does: "read branches", needs: "contents=read" };

/// What is known of the base branch.
#[derive(Default)]
pub(super) struct Base {
    known: Mutex<Known>,
    /// Whoever asks while somebody asks waits for that answer.
    asking: tokio::sync::Mutex<()>,
}

#[derive(Default)]
struct Known {
    tip: Option<(String, Timestamp)>,
    /// How often it was forgotten: what was asked for before that is not kept.
    forgotten: u64,
}

impl Base {
    /// The branch has moved.
    pub fn forget(&self) {
        let mut known = self.known();
        known.tip = None;
        known.forgotten += 1;
    }

    /// Its tip, if it was read a moment ago.
    pub fn recent(&self, now: Timestamp) -> Option<String> {
        let known = self.known();
        let (tip, at) = known.tip.as_ref()?;
        // A clock that was set back makes nothing younger.
        (SignedDuration::ZERO..FRESH).contains(&now.duration_since(*at)).then(|| tip.clone())
    }

    fn known(&self) -> MutexGuard<'_, Known> {
        self.known.lock().unwrap_or_else(PoisonError::into_inner)
    }
}

impl GitHub {
    /// The tip of the base branch now.
    pub(super) async fn base_tip(&self) -> Result<String, Failure> {
        let (asked_at, forgotten) = (self.clock.now(), self.branch_of_base.known().forgotten);
        let found: Branch = self.api.get(&BRANCH, &format!("branches/{}", self.base)).await?;
        let tip = found.commit.sha;
        let parents = found.commit.parents.into_iter().map(|parent| parent.sha).collect();
        self.memory.keep_commit(&tip, Commit { tree: found.commit.commit.tree.sha, parents });
        let mut known = self.branch_of_base.known();
        if known.forgotten == forgotten {
            known.tip = Some((tip.clone(), asked_at));
        }
        Ok(tip)
    }

    /// The tip of the base branch, now or a moment ago.
    pub(super) async fn recent_base_tip(&self) -> Result<String, Failure> {
        let recent = || self.branch_of_base.recent(self.clock.now());
        if let Some(tip) = recent() {
            return Ok(tip);
        }
        let _turn = self.branch_of_base.asking.lock().await;
        match recent() {
            Some(tip) => Ok(tip),
            None => self.base_tip().await,
        }
    }
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn a_tip_is_known_for_a_moment() {
        let at = |second: i64| Timestamp::from_second(second).expect("a time");
        let base = Base::default();
        assert_eq!(base.recent(at(100)), None);
        base.known().tip = Some(("abc".to_owned(), at(100)));
        assert_eq!(base.recent(at(100)).as_deref(), Some("abc"));
        assert_eq!(base.recent(at(109)).as_deref(), Some("abc"));
        assert_eq!((base.recent(at(110)), base.recent(at(99))), (None, None));
        base.forget();
        assert_eq!(base.recent(at(100)), None);
    }
}
