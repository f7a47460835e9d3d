//! Effect by effect: which port does it, and what its answer means for the core.
//!
//! What an effect needs is read from the record when it is performed, never remembered from when it was asked for.

use std::sync::Arc;

use anyhow::anyhow;
use jiff::{SignedDuration, Timestamp};
use tokio_util::sync::CancellationToken;

use crate::lifecycle::notice::Notice;
use crate::lifecycle::{Cluster, Effect, Fact, Fault, Kind, Lane, Person, Plan, State};
use crate::ports::{
    Answer, Attachment, Call, CardKey, FileEdit, Granting, Job, Merged, Mirror, NewPull, Progress, PullStatus,
    StatusState, Trouble,
};
use crate::record::{Claimed, Outcome};
use crate::render::module::{RenderedFile, cluster_files, content_digest, folder};
use crate::render::{module, pull, say};

use super::sweep::{branch, difference};
use super::work::JOIN_LIMIT;
use super::{Engine, Tenant};

/// The failure in a row that people are told of: one is a hiccup.
const TOLD_AT: u32 = 2;

/// One performance: an effect, with all that it needs.
pub(super) struct Scene<'a> {
    pub(super) engine: &'a Arc<Engine>,
    pub(super) tenant: &'a Arc<Tenant>,
    pub(super) cluster: Cluster,
    pub(super) call: Call,
    /// The change that asked for the effect; the cluster may have a newer one by now.
    pub(super) change: crate::lifecycle::ChangeNumber,
    pub(super) note: Option<&'a str>,
    pub(super) now: Timestamp,
}

impl Engine {
    /// Performs one effect.
    pub(super) async fn perform(self: &Arc<Self>, claimed: &Claimed, stop: &CancellationToken) -> Outcome {
        let answer = self.try_perform(claimed, stop).await;
        match answer {
            Ok(outcome) => outcome,
            Err(trouble) => self.after_trouble(claimed, trouble),
        }
    }

    async fn try_perform(self: &Arc<Self>, claimed: &Claimed, stop: &CancellationToken) -> Answer<Outcome> {
        let key = &claimed.key.cluster;
        let store = |fault: anyhow::Error| Trouble::passing("kaas cannot read its store", fault);
        let tenant = self.tenant(&key.tenant).map_err(store)?;
        let Some(record) = self.store.load(key).await.map_err(store)? else { return Ok(Outcome::Done) };
        let call = Call { key: claimed.key.clone(), attempt: claimed.attempt, stop: stop.clone() };
        let scene = Scene {
            engine: self,
            tenant,
            cluster: record.cluster,
            call,
            change: claimed.change,
            note: claimed.note.as_deref(),
            now: self.clock.now(),
        };
        let (name, key) = (claimed.effect.name(), &claimed.key);
        tracing::debug!(effect.key = %key, effect.name = name, effect.attempt = claimed.attempt, "begins");
        let answer = scene.perform(&claimed.effect).await;
        tracing::debug!(effect.key = %key, effect.name = name, effect.attempt = claimed.attempt, "ends");
        answer
    }

    /// What a failure leads to: again later, or a person has to look. The whole chain goes to the log, once, under the reference that people see.
    fn after_trouble(&self, claimed: &Claimed, trouble: Trouble) -> Outcome {
        let now = self.clock.now();
        let (line, wait, lasting) = match &trouble {
            Trouble::Stopped => return Outcome::Later { at: now, note: claimed.note.clone() },
            Trouble::Passing { line, wait, .. } => (line.clone(), *wait, false),
            Trouble::Lasting { line, .. } => (line.clone(), None, true),
        };
        let fault = Fault { reference: self.reference(), text: line };
        let chain = format!("{:#}", anyhow::Error::new(trouble));
        let failures = claimed.failures + 1;
        tracing::warn!(
            fault.reference = fault.reference,
            effect.key = %claimed.key,
            effect.name = claimed.effect.name(),
            effect.attempt = claimed.attempt,
            effect.failures = failures,
            "{}: {chain}",
            claimed.effect.name(),
        );
        let may_be_dropped = matches!(claimed.effect.lane(), Lane::Card | Lane::Talk | Lane::Copy)
            || matches!(claimed.effect, Effect::ShowPlan { .. } | Effect::ShowCertificate { .. });
        match (lasting, may_be_dropped) {
            // What cannot be said is in the log; it is no reason to stop a cluster.
            (true, true) => Outcome::Done,
            (true, false) => self.gives_up(claimed, fault, now),
            // Two hours at the longest backoff; what is to be said waits as long as it takes.
            // A way in that does not end, and a search that was not made, are never given up.
            (false, false) if failures >= self.pace.failures_max && !is_owed(&claimed.effect) => {
                self.gives_up(claimed, fault, now)
            }
            (false, _) => {
                let at = now.saturating_add(wait.unwrap_or_else(|| self.backoff(failures))).unwrap_or(Timestamp::MAX);
                Outcome::Failed { at, fault: (failures == TOLD_AT && !may_be_dropped).then_some(fault) }
            }
        }
    }

    /// What it means that an effect cannot be done: what belongs to the cluster and not to its change stops no change.
    fn gives_up(&self, claimed: &Claimed, fault: Fault, now: Timestamp) -> Outcome {
        match &claimed.effect {
            Effect::Bind { cluster_id, to, subject, role, by, .. } => {
                let tenant = self.tenant(&claimed.key.cluster.tenant).ok();
                let binding = tenant.map(|tenant| tenant.fleet.binding(cluster_id, subject, role));
                let by = Some(by.clone());
                Outcome::Fact(Fact::AccessFailed { to: to.clone(), back: false, fault, binding, by })
            }
            Effect::Unbind { to, by, .. } => {
                let (to, by) = (to.clone(), by.clone());
                Outcome::Fact(Fact::AccessFailed { to, back: true, fault, binding: None, by })
            }
            Effect::ForceRemove { .. } => Outcome::Fact(Fact::Troubled { fault, again: now }),
            _ => Outcome::Broken(fault),
        }
    }

    fn backoff(&self, failures: u32) -> SignedDuration {
        let doubled = self.pace.backoff.saturating_mul(1_i32 << failures.saturating_sub(1).min(16));
        doubled.min(self.pace.backoff_max)
    }

    /// `K-7F3Q`.
    pub(super) fn reference(&self) -> String {
        let id = self.clock.id().to_uppercase();
        format!("K-{}", &id[id.len().saturating_sub(4)..])
    }
}

impl Scene<'_> {
    async fn perform(&self, effect: &Effect) -> Answer<Outcome> {
        match effect {
            Effect::Card => self.card(&self.cluster.change.place.chat).await,
            Effect::Post(notice) => self.post(notice, &self.cluster.change.place.chat).await,
            Effect::CopyCard { chat } => self.card(chat).await,
            Effect::CopyPost { chat, notice } => self.post(notice, chat).await,
            Effect::Tell { to, notice } => self.tell(to, notice).await,
            Effect::OpenPull => self.open_pull().await,
            Effect::ShowPlan { plan } => self.show_plan(plan).await,
            // The branch was written again since: the merge of its new head is on its way.
            Effect::MergePull { head, .. } if self.cluster.change.state.pull().is_some_and(|now| now.head != *head) => {
                Ok(Outcome::Done)
            }
            Effect::MergePull { pull, head } => {
                let message = self.merge_message()?;
                self.show_approval(head).await?;
                match self.tenant.forge.merge(&self.call, *pull, head, &message).await? {
                    Merged::Yes(commit) => Ok(Outcome::Fact(Fact::PullMerged { pull: *pull, commit })),
                    Merged::Moved(now) => Ok(self.moved(&now)),
                }
            }
            Effect::ClosePull => {
                let comment = self.closing_comment();
                let branch = module::branch(&self.cluster.key.name, self.change);
                self.tenant.forge.close(&self.call, &branch, &comment).await?;
                Ok(Outcome::Fact(Fact::PullWithdrawn { change: self.change }))
            }
            Effect::MakePlan => self.make_plan().await,
            Effect::Apply { plan, head } => self.apply(plan, head).await,
            Effect::AwaitUsable { cluster_id } => self.await_usable(cluster_id.as_deref()).await,
            Effect::GrantAccess { cluster_id } => {
                let owner = &self.cluster.owner;
                let role = self.tenant.policy.roles.of(&owner.id, &self.cluster.form.class);
                let user = self.owners_user().await?;
                match self.tenant.fleet.grant(&self.call, cluster_id, owner, user.as_deref(), role).await? {
                    Granting::Done(grants) => Ok(Outcome::Fact(Fact::Granted { grants })),
                    Granting::Waiting => self.again_within(JOIN_LIMIT, None, "the way in is not in force yet"),
                }
            }
            Effect::AwaitGone { cluster_id } => self.await_gone(cluster_id.as_deref()).await,
            Effect::Bind { cluster_id, to, subject, role, until, by } => {
                self.bind(cluster_id, (to, subject), role, *until, by).await
            }
            Effect::Unbind { binding, by, .. } => self.unbind(binding, by.as_ref()).await,
            Effect::ForceRemove { machine, by } => self.force_remove(machine, by).await,
            Effect::ShowCertificate { pull, round, certificate } => {
                self.show_certificate(*pull, *round, certificate).await
            }
            Effect::Sweep { round, footprint, .. } => self.sweep_up(*round, footprint).await,
            Effect::AwaitAccessEnd { binding, at } => {
                Ok(Outcome::Fact(Fact::AccessEnded { binding: binding.clone(), at: *at }))
            }
            Effect::AwaitDeadline { at } => Ok(Outcome::Fact(Fact::DeadlinePassed { deadline: *at })),
            Effect::AwaitReminder { .. } => Ok(Outcome::Fact(Fact::ReminderDue)),
            Effect::AwaitLeaseEnd { .. } => {
                let number = self.engine.store.draw(&self.tenant.name).await;
                let number = number.map_err(|fault| Trouble::passing("kaas cannot write its store", fault))?;
                Ok(Outcome::Fact(Fact::LeaseEnded { number }))
            }
        }
    }

    // ---- talk ----

    async fn card(&self, chat: &str) -> Answer<Outcome> {
        if self.change != self.cluster.change.number {
            return Ok(Outcome::Done);
        }
        let posted = self.engine.draw_card(self.tenant, &self.call, chat).await?;
        let is_home = self.cluster.change.place.chat == chat;
        Ok(match posted {
            Some((change, message)) if is_home => Outcome::Fact(Fact::CardPosted { change, message }),
            Some((change, message)) => Outcome::Fact(Fact::CopyPosted { change, chat: chat.to_owned(), message }),
            None => Outcome::Done,
        })
    }

    async fn post(&self, notice: &Notice, chat: &str) -> Answer<Outcome> {
        let change = &self.cluster.change;
        // A newer change may be shown elsewhere; what belongs to an older one is not told there.
        let Some((place, card_id)) = change.shown_in(chat) else { return Ok(Outcome::Done) };
        let message = say::notice(notice, &self.cluster, &self.engine.context(self.tenant, &self.cluster));
        let file = match (&message.file, notice) {
            (Some(name), Notice::PlanReady { plan, .. } | Notice::Drifted { now: plan, .. }) => {
                self.plan_file(name, plan).await
            }
            _ => None,
        };
        let card = CardKey { cluster: self.cluster.key.clone(), change: self.change };
        let known = card_id.filter(|_| self.change == change.number);
        self.engine.chat(place)?.post(&self.call, place, &card, known, &message, file.as_ref()).await?;
        Ok(Outcome::Done)
    }

    async fn tell(&self, to: &Person, notice: &Notice) -> Answer<Outcome> {
        let mut message = say::notice(notice, &self.cluster, &self.engine.context(self.tenant, &self.cluster));
        let home = &self.cluster.change.place;
        let (chat, place) = if let Notice::Refused(refusal) = notice {
            message.lines.extend(super::desk::besides(self.tenant, refusal));
            self.engine.reach_back(home, self.tenant, to)?
        } else {
            self.engine.reach(home, self.tenant, to)?
        };
        chat.tell(&self.call, place, to, &message, None).await?;
        Ok(Outcome::Done)
    }

    async fn plan_file(&self, name: &str, plan: &Plan) -> Option<Attachment> {
        let text = self.tenant.runner.plan_text(&self.cluster.key, self.cluster.change.number, &plan.digest).await;
        match text {
            Ok(content) => Some(Attachment { name: name.to_owned(), content }),
            Err(trouble) => {
                tracing::warn!(cluster = %self.cluster.key, plan = %plan.digest, runner.trouble = %trouble, "the plan's text is not there; the post goes without it");
                None
            }
        }
    }

    // ---- forge ----

    async fn open_pull(&self) -> Answer<Outcome> {
        let cluster = &self.cluster;
        if cluster.change.kind == Kind::Create {
            self.prove_owner().await?;
        }
        if let Some(fact) = self.merged_already().await? {
            return Ok(Outcome::Fact(fact));
        }
        let files = self.pull_files()?;
        let texts = pull::pull_text(&self.tenant.templates, cluster).map_err(|e| rendering(e.into()))?;
        let new = NewPull {
            branch: branch(cluster),
            folder: folder(&cluster.key.name),
            files: edits(&files),
            title: texts.title,
            body: texts.body,
            commit: texts.commit,
        };
        let pull = self.tenant.forge.open(&self.call, &new).await?;
        let meant = content_digest(&files);
        if pull.content != meant {
            let why = anyhow!("the branch holds {} instead of {meant}", pull.content);
            return Err(Trouble::passing("the pull request does not hold what kaas wrote", why));
        }
        Ok(Outcome::Fact(Fact::PullOpened { pull }))
    }

    /// A branch is written again so that it can be merged; where the merge was made and only its answer was lost, there is nothing to write.
    async fn merged_already(&self) -> Answer<Option<Fact>> {
        if !matches!(self.cluster.change.state, State::Joining(_)) {
            return Ok(None);
        }
        let now = self.tenant.forge.read(&branch(&self.cluster), &folder(&self.cluster.key.name)).await?;
        Ok(now.and_then(|now| match now.status {
            PullStatus::Merged { commit } => Some(Fact::PullMerged { pull: now.pull.number, commit }),
            PullStatus::Open | PullStatus::Closed { .. } => None,
        }))
    }

    async fn show_plan(&self, plan: &Plan) -> Answer<Outcome> {
        let Some(number) = self.cluster.change.state.pull().map(|p| p.number) else { return Ok(Outcome::Done) };
        let text = self.tenant.runner.plan_text(&self.cluster.key, self.cluster.change.number, &plan.digest).await?;
        let body = pull::plan_comment(self.change, plan, &text);
        let (forge, call) = (&self.tenant.forge, &self.call);
        let around = async {
            // A post may be late: what stands on the head is of the review that goes on now.
            let State::Reviewing(review) = &self.cluster.change.state else { return Ok(()) };
            if review.plan.digest != plan.digest {
                return Ok(());
            }
            let head = &review.pull.head;
            let quorum = self.tenant.policy.quorum.of(plan.risk);
            let (planned, awaited) = (pull::plan_status(plan), pull::approval_awaited(quorum));
            let (planned, awaited, announced) = tokio::join!(
                forge.status(call, head, pull::PLAN_STATUS, StatusState::Success, &planned),
                forge.status(call, head, pull::APPROVAL_STATUS, StatusState::Pending, &awaited),
                forge.announce(call, number),
            );
            planned.and(awaited).and(announced)
        };
        // Side by side, and each to its end: what one may not do is no reason to leave the others half done.
        let (commented, around) = tokio::join!(forge.comment(call, number, "kaas:plan", &body), around);
        commented.and(around).map(|()| Outcome::Done)
    }

    /// Shows on the head that it is approved, which the branch's rules may ask for. Where kaas may not show it, the merge tells whether it was needed.
    async fn show_approval(&self, head: &crate::lifecycle::HeadSha) -> Answer<()> {
        let Some(approved) = self.cluster.change.state.approved() else { return Ok(()) };
        let given = pull::approval_given(&approved.receipt.votes);
        let shown =
            self.tenant.forge.status(&self.call, head, pull::APPROVAL_STATUS, StatusState::Success, &given).await;
        match shown {
            Err(trouble @ Trouble::Lasting { .. }) => {
                tracing::warn!(cluster = %self.cluster.key, forge.trouble = %trouble, "the approval could not be shown on the pull request");
                Ok(())
            }
            shown => shown,
        }
    }

    fn merge_message(&self) -> Answer<String> {
        let texts = pull::pull_text(&self.tenant.templates, &self.cluster).map_err(|e| rendering(e.into()))?;
        Ok(texts.commit)
    }

    /// The head is another one than kaas knows.
    fn moved(&self, now: &crate::ports::PullNow) -> Outcome {
        let known = self.cluster.change.state.pull();
        let fact = known.and_then(|known| difference(now, known));
        fact.map_or(Outcome::Later { at: self.soon(), note: None }, Outcome::Fact)
    }

    // ---- work ----

    /// The last comment of a pull request that is closed: why.
    fn closing_comment(&self) -> String {
        match &self.cluster.change.state {
            State::Closed(why) if self.change == self.cluster.change.number => say::notice(
                &Notice::Ended(why.clone()),
                &self.cluster,
                &self.engine.context(self.tenant, &self.cluster),
            )
            .plain(),
            _ => format!("{}: change {} has ended without being made.", self.cluster.key.name, self.change),
        }
    }

    // ---- shared ----

    /// The files of the cluster, as its create wrote them.
    fn files(&self) -> Answer<Vec<RenderedFile>> {
        let (tenant, cluster) = (self.tenant, &self.cluster);
        let class = tenant.catalogue.class_of(&cluster.form).ok_or_else(|| Trouble::Lasting {
            line: format!("the catalogue has no class {} any more", cluster.form.class),
            source: None,
        })?;
        let owner = &cluster.owner;
        cluster_files(&tenant.settings, &tenant.templates, class, &cluster.form, cluster.written, owner, owner)
            .map_err(|e| rendering(e.into()))
    }

    /// What the pull request's folder is to hold: nothing for a destroy.
    fn pull_files(&self) -> Answer<Vec<RenderedFile>> {
        let removes = self.cluster.change.kind == Kind::Destroy && !self.cluster.change.undo;
        if removes { Ok(Vec::new()) } else { self.files() }
    }

    /// A plan, bound to what the pull request is to hold.
    pub(super) fn of_pull(&self, plan: Plan) -> Answer<Plan> {
        Ok(Plan { content: content_digest(&self.pull_files()?), ..plan })
    }

    pub(super) fn job(&self, mirror: Mirror) -> Answer<Job> {
        let cluster = &self.cluster;
        let files = self.files()?;
        let class = self.tenant.catalogue.class_of(&cluster.form);
        Ok(Job {
            cluster: cluster.key.clone(),
            change: cluster.change.number,
            destroy: cluster.change.kind == Kind::Destroy,
            module: class.map(|c| c.module.clone()).unwrap_or_default(),
            content: content_digest(&files),
            files: edits(&files),
            mirror,
            environment: self.tenant.fleet.environment(),
        })
    }

    pub(super) fn show(&self, progress: Progress) {
        self.engine.sink(self.tenant, &self.cluster)(progress);
    }

    pub(super) fn soon(&self) -> Timestamp {
        self.now.saturating_add(self.engine.pace.poll).unwrap_or(Timestamp::MAX)
    }

    /// How long the state has lasted.
    pub(super) fn lasted(&self) -> SignedDuration {
        self.now.duration_since(self.cluster.change.entered)
    }

    /// Polls again, until the state has lasted too long.
    pub(super) fn again_within(&self, limit: SignedDuration, note: Option<String>, detail: &str) -> Answer<Outcome> {
        let lasted = self.lasted();
        if lasted > limit {
            let line = format!("Rancher is not done after {} min: {detail}", lasted.as_mins());
            return Err(Trouble::Lasting { line, source: None });
        }
        Ok(Outcome::Later { at: self.soon(), note })
    }
}

/// Whether it is done however long it takes.
fn is_owed(effect: &Effect) -> bool {
    matches!(effect, Effect::Unbind { .. } | Effect::Sweep { .. })
}

fn rendering(fault: anyhow::Error) -> Trouble {
    let line = format!("kaas cannot write the files: {fault}");
    Trouble::lasting(line, fault)
}

fn edits(files: &[RenderedFile]) -> Vec<FileEdit> {
    files.iter().map(|f| FileEdit { path: f.path.clone(), content: Some(f.content.clone()) }).collect()
}
