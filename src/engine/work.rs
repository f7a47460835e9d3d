//! What terraform and Rancher are asked for: a plan, an apply, and the waiting until a cluster is usable or gone.

use jiff::{SignedDuration, Timestamp};

use crate::lifecycle::{Fact, Kind, Pull};
use crate::ports::{Answer, Applied, Progress, Sight, Trouble};
use crate::record::Outcome;
use crate::render::module::folder;

use super::perform::Scene;
use super::sweep::{branch, difference};

/// How long a cluster may take from applied to usable before a person has to look: as long as terraform itself waits for one.
pub const JOIN_LIMIT: SignedDuration = SignedDuration::from_mins(60);

/// How long a cluster may take to be gone before a person has to look.
pub const GONE_LIMIT: SignedDuration = SignedDuration::from_mins(30);

/// How long after terraform's destroy Rancher may seem not to have begun: terraform itself waits until the cluster is gone.
const REMOVAL_BEGINS: SignedDuration = SignedDuration::from_mins(2);

impl Scene<'_> {
    pub(super) async fn make_plan(&self) -> Answer<Outcome> {
        let (ready, mirror) =
            tokio::join!(self.tenant.fleet.preflight(&self.cluster.key.name, false), self.tenant.forge.mirror());
        ready?;
        // The machines that are to go are what the search afterwards goes by.
        if self.cluster.change.kind == Kind::Destroy {
            self.note_machines().await?;
        }
        let job = self.job(mirror?)?;
        let planned = self.tenant.runner.plan(&self.call, &job, self.engine.sink(self.tenant, &self.cluster)).await?;
        self.survey(planned.order).await?;
        Ok(Outcome::Fact(Fact::PlanReady { plan: self.of_pull(planned.plan)? }))
    }

    pub(super) async fn apply(
        &self,
        approved: &crate::lifecycle::PlanDigest,
        head: &crate::lifecycle::HeadSha,
    ) -> Answer<Outcome> {
        self.tenant.fleet.preflight(&self.cluster.key.name, false).await?;
        // A later attempt goes on with what an earlier one began, whatever happened to the branch since; the merge puts the branch right. One that found
        // Rancher down began nothing.
        let (key, number) = (&self.cluster.key, self.cluster.change.number);
        let goes_on = self.call.attempt > 1 && self.tenant.runner.began(key, number, approved).await;
        if !goes_on && let Some(fact) = self.head_is_another(head).await? {
            return Ok(Outcome::Fact(fact));
        }
        let job = self.job(self.tenant.forge.mirror().await?)?;
        self.heal(&job).await?;
        let sink = self.engine.sink(self.tenant, &self.cluster);
        let applied = tokio::select! {
            applied = self.tenant.runner.apply(&self.call, &job, approved, sink) => applied?,
            never = self.watch_machines() => match never {},
        };
        match applied {
            Applied::Yes { outputs } => {
                let cluster_id = outputs.into_iter().find(|(name, _)| name == "cluster_id").map(|(_, id)| id);
                Ok(Outcome::Fact(Fact::Applied { cluster_id: cluster_id.filter(|id| !id.is_empty()) }))
            }
            Applied::Drifted(plan) => Ok(Outcome::Fact(Fact::Drifted { plan: self.of_pull(plan)? })),
        }
    }

    async fn head_is_another(&self, head: &crate::lifecycle::HeadSha) -> Answer<Option<Fact>> {
        let Some(known) = self.cluster.change.state.pull() else { return Ok(None) };
        let now = self.tenant.forge.read(&branch(&self.cluster), &folder(&self.cluster.key.name)).await?;
        let Some(now) = now else {
            return Ok(Some(Fact::HeldBack { pull: None, by: "somebody".to_owned(), files: 0 }));
        };
        Ok(match difference(&now, &Pull { head: head.clone(), ..known.clone() }) {
            Some(Fact::PullPushed { by, files, .. }) => Some(Fact::HeldBack { pull: Some(now.pull), by, files }),
            Some(Fact::PullClosed { by, .. }) => Some(Fact::HeldBack { pull: None, by, files: 0 }),
            _ => None,
        })
    }

    pub(super) async fn await_usable(&self, id: Option<&str>) -> Answer<Outcome> {
        self.note_machines().await?;
        match self.tenant.fleet.look(&self.cluster.key.name, id).await? {
            Sight::Usable(facts) => {
                let first = self.note.and_then(|note| note.parse::<Timestamp>().ok());
                match first {
                    Some(first) if self.now.duration_since(first) >= self.engine.pace.twice => {
                        Ok(Outcome::Fact(Fact::Usable { facts }))
                    }
                    first => {
                        let at = self.now.saturating_add(self.engine.pace.twice).unwrap_or(Timestamp::MAX);
                        Ok(Outcome::Later { at, note: Some(first.unwrap_or(self.now).to_string()) })
                    }
                }
            }
            Sight::Joining { detail, .. } => {
                self.show(Progress { step: "joining", done: None, detail: Some(detail.clone()) });
                self.again_within(JOIN_LIMIT, None, &detail)
            }
            Sight::Removing { detail } => {
                Err(Trouble::Lasting { line: format!("Rancher is removing it: {detail}"), source: None })
            }
            Sight::Gone => self.again_within(
                SignedDuration::from_mins(2),
                None,
                "it does not know the cluster that terraform made",
            ),
        }
    }

    pub(super) async fn await_gone(&self, id: Option<&str>) -> Answer<Outcome> {
        match self.tenant.fleet.look(&self.cluster.key.name, id).await? {
            Sight::Gone => {
                self.tenant.runner.forget(&self.cluster.key).await;
                Ok(Outcome::Fact(Fact::Gone))
            }
            Sight::Removing { detail } => {
                self.show(Progress { step: "leaving", done: None, detail: Some(detail.clone()) });
                self.again_within(GONE_LIMIT, None, &detail)
            }
            // Its provider takes a right that was lost in the middle for "gone", and then terraform forgets what is still there.
            Sight::Joining { .. } | Sight::Usable(_) if self.lasted() > REMOVAL_BEGINS => Err(Trouble::Lasting {
                line: "terraform takes it for destroyed, and Rancher still has it and is not removing it: kaas' token was without rights for a while, perhaps. A Rancher admin removes the cluster in Rancher (Cluster Management), then retry".to_owned(),
                source: None,
            }),
            Sight::Joining { detail, .. } => self.again_within(GONE_LIMIT, None, &detail),
            Sight::Usable(_) => self.again_within(GONE_LIMIT, None, "it still has the cluster"),
        }
    }
}
