//! What the world reports, and what follows from it. A fact that does not fit the state changes nothing.
//!
//! Nothing here does I/O, reads a clock or draws a random number.

use jiff::Timestamp;

use crate::lifecycle::cloud::{Finding, Weight};
use crate::lifecycle::notice::{Notice, VoidWhy};
use crate::lifecycle::{
    ChangeNumber, Closed, ClusterFacts, Effect, Fact, Fault, Grant, HeadSha, Joining, Kind, Person, Plan, Pull, State,
    StuckWhy,
};

use super::enter::{count, merge_of, seconds};
use super::{LEASE_RECHECK, Step, TOLD_LATELY, Turn};

/// What is remembered where people were told that a removal lingers.
const LINGERS: &str = "it lingers";

impl Turn<'_> {
    pub(super) fn fact(mut self, fact: &Fact) -> Option<Step> {
        let taken = match fact {
            Fact::CardPosted { change, message } => self.card_posted(*change, message),
            Fact::CopyPosted { change, chat, message } => self.copy_posted(*change, chat, message),
            Fact::PullOpened { pull } => self.pull_opened(pull),
            Fact::PullPushed { pull, head, content, by, files } => {
                let now = Pull { number: *pull, head: head.clone(), content: content.clone(), url: self.pull_url() };
                self.pull_pushed(now, by, *files)
            }
            Fact::PullClosed { pull, by } => self.pull_closed(*pull, by),
            Fact::PullMerged { pull, commit } => {
                self.merged_early(*pull)
                    || self.merged(false, |joining| (joining.approved.pull.number == *pull).then(|| commit.clone()))
            }
            Fact::PullWithdrawn { change } => {
                *change == self.cluster.change.number
                    && self.merged(true, |joining| Some(joining.approved.pull.head.clone()))
            }
            Fact::Surveyed { findings, order } => self.surveyed(findings, order),
            Fact::OwnerMatched { matched } => self.owner_matched(matched),
            Fact::MachinesSeen { machines } => self.cluster.footprint.saw(machines.iter().cloned()),
            Fact::PlanReady { plan } => self.plan_ready(plan),
            Fact::Applied { cluster_id } => self.applied(cluster_id.clone()),
            Fact::Drifted { plan } => self.drifted(plan),
            Fact::HeldBack { pull, by, files } => self.held_back(pull.as_ref(), by, *files),
            Fact::Usable { facts } => self.usable(facts),
            Fact::Granted { grants } => self.settled(Kind::Create, grants),
            Fact::Gone => self.settled(Kind::Destroy, &[]),
            Fact::Bound { grant, by } => self.bound(grant, by),
            Fact::Unbound { binding, by } => self.unbound(binding, by.as_ref()),
            Fact::AccessEnded { binding, at } => self.access_ended(binding, *at),
            Fact::AccessFailed { to, back, fault, binding, by } => {
                self.access_failed((to, *back), fault, binding.as_deref(), by.as_ref())
            }
            Fact::ForceRemoved { machine, by } => self.force_removed(machine, by),
            Fact::Swept { change, round, certificate } => self.swept(*change, *round, certificate),
            Fact::DeadlinePassed { deadline } => self.deadline_passed(*deadline),
            Fact::ReminderDue => self.reminder_due(),
            Fact::LeaseEnded { number } => self.lease_ended(*number),
            Fact::Broken { fault, .. } => self.broken(fault),
            Fact::Lingers { detail } => self.lingers(detail),
            Fact::Troubled { fault, again } => self.troubled(fault, *again),
        };
        taken.then(|| self.done())
    }

    pub(super) fn card_posted(&mut self, number: ChangeNumber, message: &str) -> bool {
        let change = &mut self.cluster.change;
        let news = change.number == number && change.card.as_deref() != Some(message);
        if news {
            change.card = Some(message.to_owned());
        }
        news
    }

    pub(super) fn copy_posted(&mut self, number: ChangeNumber, chat: &str, message: &str) -> bool {
        let change = &mut self.cluster.change;
        let copy = change.copies.iter_mut().find(|copy| copy.place.chat == chat);
        let Some(copy) = copy.filter(|_| change.number == number) else { return false };
        copy.card.replace(message.to_owned()).as_deref() != Some(message)
    }

    pub(super) fn pull_opened(&mut self, opened: &Pull) -> bool {
        match &mut self.cluster.change.state {
            State::Preparing { pull, .. } => {
                *pull = Some(opened.clone());
                self.review_if_ready();
                true
            }
            // The branch was written again, because somebody had moved it while the approved plan was applied.
            State::Joining(joining)
                if joining.merged.is_none()
                    && !self.cluster.change.undo
                    && joining.approved.pull.content == opened.content =>
            {
                joining.approved.pull = opened.clone();
                let merge = merge_of(&joining.approved);
                self.effects.push(merge);
                true
            }
            State::Joining(_)
            | State::Reviewing(_)
            | State::Applying(_)
            | State::Done(_)
            | State::Closed(_)
            | State::Stuck { .. } => false,
        }
    }

    pub(super) fn plan_ready(&mut self, ready: &Plan) -> bool {
        let State::Preparing { pull, plan } = &mut self.cluster.change.state else { return false };
        *plan = Some(ready.clone());
        if pull.is_some() {
            self.review_if_ready();
        } else if self.failing().is_empty() {
            // People read it while the forge still works, or does not answer at all.
            self.tell_of_plan(ready);
            self.cluster.change.foretold = Some((ready.digest.clone(), self.at));
        }
        true
    }

    fn tell_of_plan(&mut self, plan: &Plan) {
        let (quorum, approvers) = self.deciders(plan);
        self.effects.push(Effect::Post(Notice::PlanReady { plan: plan.clone(), quorum, approvers }));
    }

    /// What makes a new cluster impossible.
    fn failing(&self) -> Vec<Finding> {
        let change = &self.cluster.change;
        let fails = change.findings.iter().filter(|finding| finding.weight == Weight::Fails);
        fails.filter(|_| change.kind == Kind::Create).cloned().collect()
    }

    /// Review begins when both facts are in and the head holds exactly what was planned.
    pub(super) fn review_if_ready(&mut self) {
        let State::Preparing { pull: Some(pull), plan: Some(plan) } = self.cluster.change.state.clone() else { return };
        let failing = self.failing();
        if !failing.is_empty() {
            self.stuck(StuckWhy::WontWork(failing));
        } else if pull.content == plan.content {
            self.effects.push(Effect::Card);
            let foretold = self.cluster.change.foretold.take();
            // Who was told long ago found nothing to press then.
            if foretold.is_none_or(|(told, at)| told != plan.digest || self.at.duration_since(at) > TOLD_LATELY) {
                self.tell_of_plan(&plan);
            }
            self.review(pull, plan);
        } else {
            self.stuck(StuckWhy::Differs);
        }
    }

    pub(super) fn pull_pushed(&mut self, now: Pull, by: &str, files: u32) -> bool {
        let Some(known) = self.cluster.change.state.pull().filter(|p| p.number == now.number && p.head != now.head)
        else {
            return false;
        };
        let undo = self.cluster.change.undo;
        let same = files == 0 && known.content == now.content;
        let by = by.to_owned();
        match self.cluster.change.state.clone() {
            State::Preparing { plan, .. } if same => {
                self.cluster.change.state = State::Preparing { pull: Some(now), plan };
                true
            }
            State::Preparing { .. } => self.stuck(StuckWhy::Pushed { by, files }),
            State::Reviewing(review) => {
                self.void(&review.votes, VoidWhy::Pushed { by: by.clone(), files });
                if same {
                    self.enter(State::Preparing { pull: Some(now), plan: None });
                    self.effects.push(Effect::Card);
                    self.effects.push(Effect::MakePlan);
                    true
                } else {
                    // What a retry enters is the preparation: kaas writes its own content again.
                    self.cluster.change.state = State::Preparing { pull: Some(now), plan: None };
                    self.stuck_quietly(StuckWhy::Pushed { by, files }, !review.votes.is_empty())
                }
            }
            State::Joining(joining) if joining.merged.is_none() && !undo => self.restore(&by),
            // While terraform works, the branch does not matter: what runs is what kaas wrote, and the merge looks again.
            State::Applying(_) | State::Joining(_) | State::Done(_) | State::Closed(_) | State::Stuck { .. } => false,
        }
    }

    /// The apply found, before it began, that the pull request is not the approved one any more.
    pub(super) fn held_back(&mut self, pull: Option<&Pull>, by: &str, files: u32) -> bool {
        let State::Applying(approved) = self.cluster.change.state.clone() else { return false };
        let by = by.to_owned();
        let Some(now) = pull else {
            self.close(Closed::PullClosed { by });
            return true;
        };
        self.void(&approved.receipt.votes, VoidWhy::Pushed { by: by.clone(), files });
        self.cluster.change.state = State::Preparing { pull: Some(now.clone()), plan: None };
        self.stuck_quietly(StuckWhy::Pushed { by, files }, true)
    }

    pub(super) fn pull_closed(&mut self, number: u64, by: &str) -> bool {
        if self.cluster.change.state.pull().is_none_or(|p| p.number != number) {
            return false;
        }
        let undo = self.cluster.change.undo;
        match &self.cluster.change.state {
            State::Preparing { .. } | State::Reviewing(_) => {
                self.close(Closed::PullClosed { by: by.to_owned() });
                true
            }
            State::Joining(joining) if joining.merged.is_none() && !undo => self.restore(by),
            State::Stuck { was, .. } if was.approved().is_none() => {
                self.close(Closed::PullClosed { by: by.to_owned() });
                true
            }
            State::Joining(_) | State::Applying(_) | State::Done(_) | State::Closed(_) | State::Stuck { .. } => false,
        }
    }

    /// What is applied has to reach `main`: the branch is written again, then merged.
    pub(super) fn restore(&mut self, by: &str) -> bool {
        self.effects.push(Effect::Post(Notice::PullRestored { by: by.to_owned() }));
        self.effects.push(Effect::OpenPull);
        true
    }

    pub(super) fn applied(&mut self, cluster_id: Option<String>) -> bool {
        let State::Applying(approved) = self.cluster.change.state.clone() else { return false };
        let change = &mut self.cluster.change;
        change.took.applying = Some(seconds(change.entered, self.at));
        let cluster_id = cluster_id.or_else(|| self.cluster.live.as_ref().map(|l| l.facts.id.clone()));
        self.cluster.footprint.ids.extend(cluster_id.clone());
        self.effects.push(Effect::Card);
        self.join(Joining { approved, cluster_id, merged: None, usable: None, settled: None });
        true
    }

    pub(super) fn drifted(&mut self, now: &Plan) -> bool {
        let State::Applying(approved) = self.cluster.change.state.clone() else { return false };
        let (quorum, approvers) = self.deciders(now);
        self.effects.push(Effect::Card);
        self.effects.push(Effect::Post(Notice::Drifted { then: approved.plan, now: now.clone(), quorum, approvers }));
        self.review(approved.pull, now.clone());
        true
    }

    pub(super) fn usable(&mut self, facts: &ClusterFacts) -> bool {
        let kind = self.cluster.change.kind;
        let State::Joining(joining) = &mut self.cluster.change.state else { return false };
        if kind != Kind::Create || joining.usable.is_some() {
            return false;
        }
        joining.usable = Some(facts.clone());
        self.cluster.footprint.ids.insert(facts.id.clone());
        self.effects.push(Effect::GrantAccess { cluster_id: facts.id.clone() });
        true
    }

    /// The pull request has come to its end: merged, or for an undo closed.
    pub(super) fn merged(&mut self, undo: bool, commit: impl Fn(&Joining) -> Option<HeadSha>) -> bool {
        if self.cluster.change.undo != undo {
            return false;
        }
        let State::Joining(joining) = &mut self.cluster.change.state else { return false };
        match commit(joining).filter(|_| joining.merged.is_none()) {
            Some(commit) => {
                joining.merged = Some(commit);
                self.finish_if_complete();
                true
            }
            None => false,
        }
    }

    /// Somebody merged it by hand before it was decided: people have to know, and nothing runs because of it. Said once a state.
    pub(super) fn merged_early(&mut self, number: u64) -> bool {
        let change = &mut self.cluster.change;
        let undecided = matches!(change.state, State::Preparing { .. } | State::Reviewing(_));
        let told = format!("pull request {number} is merged");
        if !undecided || change.state.pull().is_none_or(|p| p.number != number) || change.told.as_ref() == Some(&told) {
            return false;
        }
        change.told = Some(told);
        self.effects.push(Effect::Post(Notice::MergedEarly));
        true
    }

    pub(super) fn settled(&mut self, kind: Kind, grants: &[Grant]) -> bool {
        if self.cluster.change.kind != kind {
            return false;
        }
        let State::Joining(joining) = &mut self.cluster.change.state else { return false };
        if joining.settled.is_some() || (kind == Kind::Create && joining.usable.is_none()) {
            return false;
        }
        joining.settled = Some(grants.to_vec());
        self.finish_if_complete();
        true
    }

    pub(super) fn deadline_passed(&mut self, deadline: Timestamp) -> bool {
        match &self.cluster.change.state {
            State::Reviewing(review) if review.deadline == deadline && self.at >= deadline => {
                self.close(Closed::NobodyDecided { deadline });
                true
            }
            _ => false,
        }
    }

    pub(super) fn reminder_due(&mut self) -> bool {
        let State::Reviewing(review) = &self.cluster.change.state else { return false };
        let quorum = self.policy.quorum.of(review.plan.risk);
        let votes = self.policy.counting(review);
        let missing = quorum.saturating_sub(count(&votes));
        let waiting = |p: &Person| votes.iter().all(|v| v.by.id != p.id);
        let approvers = self.policy.approvers_but(&self.cluster.change.by.id).into_iter().filter(waiting).collect();
        self.effects.push(Effect::Post(Notice::StillWaiting { missing, approvers, deadline: review.deadline }));
        true
    }

    pub(super) fn lease_ended(&mut self, number: ChangeNumber) -> bool {
        let over = self.cluster.live.as_ref().and_then(|l| l.until).is_some_and(|until| until <= self.at);
        if !over {
            return false;
        }
        if self.cluster.open().is_some() {
            self.effects
                .push(Effect::AwaitLeaseEnd { at: self.at.saturating_add(LEASE_RECHECK).unwrap_or(Timestamp::MAX) });
            return true;
        }
        let place = self.cluster.change.place.clone();
        let owner = self.cluster.owner.clone();
        self.start_destroy(&owner, number, &place, None);
        self.cluster.change.lease_ended = true;
        self.effects.push(Effect::Post(Notice::LeaseEnded));
        self.effects.push(Effect::Tell { to: owner, notice: Notice::YoursGoes { by: None } });
        true
    }

    pub(super) fn broken(&mut self, fault: &Fault) -> bool {
        if self.cluster.change.state.is_over() {
            self.effects.push(Effect::Post(Notice::NotTidied { fault: fault.clone() }));
            return true;
        }
        let change = &self.cluster.change;
        let taking_down = change.kind == Kind::Destroy && change.state.approved().is_some();
        let why = StuckWhy::Fault(fault.clone());
        let stuck = self.stuck(why.clone());
        if stuck && taking_down {
            // It costs money until somebody looks, and whoever had it may be gone.
            for admin in &self.policy.admins {
                self.effects.push(Effect::Tell { to: admin.clone(), notice: Notice::Stuck(why.clone()) });
            }
        }
        stuck
    }

    /// What hangs costs money, and terraform may wait for it for another half an hour.
    pub(super) fn lingers(&mut self, detail: &str) -> bool {
        let change = &mut self.cluster.change;
        let waits = matches!(change.state, State::Applying(_)) && change.kind == Kind::Destroy;
        if !waits || change.told.as_deref() == Some(LINGERS) {
            return false;
        }
        change.told = Some(LINGERS.to_owned());
        let notice = Notice::Lingers { detail: detail.to_owned() };
        self.effects.push(Effect::Post(notice.clone()));
        for admin in &self.policy.admins {
            self.effects.push(Effect::Tell { to: admin.clone(), notice: notice.clone() });
        }
        true
    }

    pub(super) fn troubled(&mut self, fault: &Fault, again: Timestamp) -> bool {
        // Two effects may meet the same trouble; people read of it once.
        let told = self.cluster.change.told.as_ref() == Some(&fault.text);
        // Of a cluster that lives, somebody may wait for a way in.
        let open = (self.cluster.open().is_some() || self.cluster.live.is_some()) && !told;
        if open {
            self.cluster.change.told = Some(fault.text.clone());
            self.effects.push(Effect::Post(Notice::Troubled { fault: fault.clone(), again }));
        }
        open
    }
}
