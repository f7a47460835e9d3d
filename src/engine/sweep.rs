//! What webhooks missed: pull requests are read again now and then, so that what was said while kaas was down still counts.

use crate::lifecycle::form::ClusterName;
use crate::lifecycle::{ChangeNumber, Cluster, Fact, Input, InputId, State, What};
use crate::ports::{PullNow, PullStatus};
use crate::store::Filter;

use super::Engine;

impl Engine {
    /// Reads the pull request of every change that waits for people.
    pub(super) async fn sweep(&self) -> anyhow::Result<()> {
        for tenant in self.tenants.keys() {
            let filter = Filter { tenant: tenant.clone(), owner: None, waiting: false, limit: usize::MAX };
            for row in self.store.list(&filter).await?.rows.iter().filter(|row| row.is_open()) {
                self.look_at_pull(&row.key).await?;
            }
        }
        Ok(())
    }

    async fn look_at_pull(&self, key: &crate::lifecycle::ClusterKey) -> anyhow::Result<()> {
        let Some(record) = self.store.load(key).await? else { return Ok(()) };
        let cluster = &record.cluster;
        if !waits_for_people(&cluster.change.state) {
            return Ok(());
        }
        let (Some(known), Ok(tenant)) = (cluster.change.state.pull(), self.tenant(&key.tenant)) else { return Ok(()) };
        match tenant.forge.read(&branch(cluster), &crate::render::module::folder(&key.name)).await {
            Ok(Some(now)) if now.pull.number == known.number => {
                if let Some(fact) = difference(&now, known) {
                    // The revision makes the id: the same head may come back after kaas wrote its own.
                    let id = InputId(format!("sweep/{}/{}", record.revision, now.pull.head));
                    let input = Input { id, at: self.clock.now(), what: What::Fact(fact) };
                    self.take(key, &input).await?;
                }
            }
            Ok(_) => {}
            Err(trouble) => {
                tracing::warn!(cluster = %key, forge.trouble = %trouble, "a pull request could not be read; the next sweep tries again")
            }
        }
        Ok(())
    }
}

fn waits_for_people(state: &State) -> bool {
    match state {
        State::Preparing { .. } | State::Reviewing(_) => true,
        State::Stuck { was, .. } => was.approved().is_none(),
        State::Applying(_) | State::Joining(_) | State::Done(_) | State::Closed(_) => false,
    }
}

/// What the forge says that is news.
pub(super) fn difference(now: &PullNow, known: &crate::lifecycle::Pull) -> Option<Fact> {
    match &now.status {
        PullStatus::Closed { by } => Some(Fact::PullClosed { pull: now.pull.number, by: by.clone() }),
        PullStatus::Open | PullStatus::Merged { .. } if now.pull.head != known.head => Some(Fact::PullPushed {
            pull: now.pull.number,
            head: now.pull.head.clone(),
            content: now.pull.content.clone(),
            by: now.head_by.clone(),
            // A content that differs in no file differs in how they are kept.
            files: now.strange_files + if now.pull.content == known.content { 0 } else { now.changed_files.max(1) },
        }),
        PullStatus::Merged { commit } => Some(Fact::PullMerged { pull: now.pull.number, commit: commit.clone() }),
        PullStatus::Open => None,
    }
}

/// The branch of a cluster's current change.
pub(super) fn branch(cluster: &Cluster) -> String {
    branch_of(&cluster.key.name, cluster.change.number)
}

/// The branch of a change: `kaas/crucial-sandbox/42`.
pub(super) fn branch_of(name: &ClusterName, change: ChangeNumber) -> String {
    format!("kaas/{name}/{change}")
}
