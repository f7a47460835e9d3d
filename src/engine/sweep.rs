//! What webhooks missed: pull requests, their reviews and the reactions on cards are read again now and then, so that what was said while kaas was down still
//! counts. A webhook only says where to look at once; what is true is read from the other side.

use std::sync::Arc;

use async_trait::async_trait;
use jiff::Timestamp;

use crate::lifecycle::form::{REASON_MAX, TenantName};
use crate::lifecycle::{Ask, Cluster, ClusterKey, Fact, Input, InputId, Person, Proof, Review, State, What};
use crate::ports::{Hints, PullNow, PullReview, PullStatus, Reacted, Standing, Verdict};
use crate::record::{Record, Taken};
use crate::render::module;
use crate::store::Filter;

use super::desk::means_yes;
use super::{CLOCKS_APART, Engine, Tenant};

/// Where a tenant's forge says that something may have changed.
pub struct TenantHints {
    /// The engine.
    pub engine: Arc<Engine>,
    /// Whose forge it is.
    pub tenant: TenantName,
}

#[async_trait]
impl Hints for TenantHints {
    async fn branch(&self, branch: &str) {
        let Some((name, _)) = module::whose_branch(branch) else { return };
        let key = ClusterKey { tenant: self.tenant.clone(), name };
        if let Err(fault) = self.engine.look_at_pull(&key).await {
            tracing::warn!(cluster = %key, engine.fault = format!("{fault:#}"), "a hint could not be followed; the sweep will look");
        }
    }
}

impl Engine {
    /// Reads the pull request, and the reactions on the card, of every change that waits for people.
    pub(super) async fn sweep(&self) -> anyhow::Result<()> {
        for tenant in self.tenants.keys() {
            let filter = Filter { tenant: tenant.clone(), owner: None, waiting: false, limit: usize::MAX };
            for row in self.store.list(&filter).await?.rows.iter().filter(|row| row.is_open()) {
                self.look_at_pull(&row.key).await?;
                self.look_at_reactions(&row.key).await?;
            }
        }
        Ok(())
    }

    async fn look_at_pull(&self, key: &ClusterKey) -> anyhow::Result<()> {
        let Some(record) = self.store.load(key).await? else { return Ok(()) };
        let cluster = &record.cluster;
        if !waits_for_people(&cluster.change.state) {
            return Ok(());
        }
        let (Some(known), Ok(tenant)) = (cluster.change.state.pull(), self.tenant(&key.tenant)) else { return Ok(()) };
        match tenant.forge.read(&branch(cluster), &module::folder(&key.name)).await {
            Ok(Some(now)) if now.pull.number == known.number => {
                let news = difference(&now, known);
                // Merged by hand, it is still for people to decide: what they say there counts.
                let counts = matches!(news, None | Some(Fact::PullMerged { .. }));
                if let Some(fact) = news {
                    // The revision makes the id: the same head may come back after kaas wrote its own.
                    let id = InputId(format!("sweep/{}/{}", record.revision, now.pull.head));
                    let input = Input { id, at: self.clock.now(), what: What::Fact(fact) };
                    self.take(key, &input).await?;
                }
                if counts {
                    self.take_reviews(tenant, &record, &now).await?;
                }
            }
            Ok(_) => {}
            Err(trouble) => {
                tracing::warn!(cluster = %key, forge.trouble = %trouble, "a pull request could not be read; the next sweep tries again")
            }
        }
        Ok(())
    }

    /// Reviews in the forge by people who are known there: a yes to this head is a vote, a no rejects.
    async fn take_reviews(&self, tenant: &Tenant, record: &Record, now: &PullNow) -> anyhow::Result<()> {
        let State::Reviewing(review) = &record.cluster.change.state else { return Ok(()) };
        for said in &now.reviews {
            let Some(by) = tenant.reviewers.get(&said.by.to_lowercase()) else { continue };
            let Some((ask, word)) = meant(said, by, review, record.cluster.change.entered) else { continue };
            // A review counts once for one plan, however often it is read.
            let id = InputId(format!("review/{}/{word}/{}", said.id, review.plan.digest));
            let what = What::Ask { by: by.clone(), proof: Proof::Review, ask };
            self.take(record.key(), &Input { id, at: self.clock.now(), what }).await?;
        }
        Ok(())
    }

    /// Reactions that were given or taken back unheard. Nobody is refused here: whatever would not count is left alone.
    ///
    /// Only for the first plan of a change: what stands on the card of a later one may have been meant for an earlier.
    async fn look_at_reactions(&self, key: &ClusterKey) -> anyhow::Result<()> {
        let Some(record) = self.store.load(key).await? else { return Ok(()) };
        let change = &record.cluster.change;
        let (State::Reviewing(review), 1) = (&change.state, change.reviews) else { return Ok(()) };
        let (mut standing, mut all_told): (Vec<Reacted>, bool) = (Vec::new(), true);
        for place in change.places() {
            let Some((_, Some(card))) = change.shown_in(&place.chat) else { continue };
            let Ok(chat) = self.chat(place) else { continue };
            match chat.reactions(place, card).await {
                Ok(None) => all_told = false,
                Ok(Some(all)) => {
                    standing.extend(all.into_iter().filter(|r| r.standing == Standing::Member && means_yes(&r.emoji)))
                }
                Err(trouble) => {
                    tracing::warn!(cluster = %key, chat.trouble = %trouble, "reactions could not be read; the next sweep tries again");
                    all_told = false;
                }
            }
        }
        // A person may react in one chat and not in the other: only who is seen in none has taken it back.
        let approve = || Ask::Approve { plan: Some(review.plan.digest.clone()) };
        let given = standing.iter().map(|reacted| (&reacted.by, approve()));
        let gone = |person: &Person| all_told && standing.iter().all(|reacted| reacted.by.id != person.id);
        let withdrawn = review.votes.iter().filter(|vote| vote.proof == Proof::Reaction && gone(&vote.by));
        for (by, ask) in given.chain(withdrawn.map(|vote| (&vote.by, Ask::Withdraw))) {
            let Some(record) = self.store.load(key).await? else { return Ok(()) };
            let id = InputId(format!("reaction/{}/{}", record.revision, by.id));
            let what = What::Ask { by: by.clone(), proof: Proof::Reaction, ask };
            let input = Input { id, at: self.clock.now(), what };
            let policy = &self.tenant(&key.tenant)?.policy();
            if Record::take(policy, key, Some(&record), &input).1 == Taken::Changed {
                self.take(key, &input).await?;
            }
        }
        Ok(())
    }
}

/// What a review of the current head means for a review in kaas that began at `entered`, and a word for it.
fn meant(said: &PullReview, by: &Person, review: &Review, entered: Timestamp) -> Option<(Ask, &'static str)> {
    let voted = review.votes.iter().find(|vote| vote.by.id == by.id);
    if said.verdict == Verdict::Dismissed {
        return voted.filter(|vote| vote.proof == Proof::Review).map(|_| (Ask::Withdraw, "dismissed"));
    }
    // Whoever reviewed before this plan was there did not see it.
    let in_time = said.at.saturating_add(CLOCKS_APART).is_ok_and(|at| at >= entered);
    if said.head != review.pull.head || !in_time {
        return None;
    }
    let plan = Some(review.plan.digest.clone());
    match said.verdict {
        Verdict::Approved if voted.is_none() => Some((Ask::Approve { plan }, "approved")),
        Verdict::Refused => {
            let words: String = said.words.split_whitespace().collect::<Vec<_>>().join(" ");
            let reason = words.chars().take(REASON_MAX).collect::<String>().parse().ok();
            Some((Ask::Reject { plan, reason }, "refused"))
        }
        Verdict::Approved | Verdict::Dismissed => None,
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
    module::branch(&cluster.key.name, cluster.change.number)
}
