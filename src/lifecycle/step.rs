//! The whole behaviour of kaas: `step(cluster, input) -> (cluster, effects)`. It decides everything and does nothing.
//!
//! Asks are refused with a reason; facts never are: one that is late, doubled or stale changes nothing. The effects of a state are those of entering it, and
//! entering a state retires the work that the old one asked for.
//!
//! Nothing here does I/O, reads a clock or draws a random number.

use jiff::Timestamp;

use super::form::{Form, Reason};
use super::notice::{Notice, Refusal, VoidWhy, Wanted};
use super::policy::Policy;
use super::{
    Approved, Ask, Change, ChangeNumber, Closed, Cluster, ClusterFacts, ClusterKey, Effect, Fact, Grant, Input,
    Joining, Kind, Live, Person, Place, Plan, PlanDigest, Proof, Pull, Receipt, Review, State, StuckWhy, Took, Vote,
    What,
};

/// How much later a lease's end is looked at again while another change is open.
pub const LEASE_RECHECK: jiff::SignedDuration = jiff::SignedDuration::from_hours(1);

/// What an input led to.
#[derive(Debug, Clone, PartialEq, Eq)]
pub struct Step {
    /// The cluster afterwards.
    pub cluster: Cluster,
    /// What kaas now asks of the world, in order.
    pub effects: Vec<Effect>,
    /// Whether a state was entered, so that the work which the old one asked for is not wanted any more.
    pub entered: bool,
}

/// Decides what an input changes.
///
/// `Ok(None)` means that it changes nothing: a fact that is late, doubled or stale.
///
/// # Errors
/// An ask that the person may not make, or that makes no sense now, with the reason. Facts never err.
pub fn step(
    policy: &Policy,
    key: &ClusterKey,
    cluster: Option<&Cluster>,
    input: &Input,
) -> Result<Option<Step>, Refusal> {
    match (&input.what, cluster) {
        (What::Ask { by, ask: Ask::Request { form, number, place, owned }, .. }, _) => {
            request(policy, key, cluster, by, form, *number, place, *owned, input.at).map(Some)
        }
        (What::Ask { .. }, None) => Err(Refusal::NoSuchCluster { near: None }),
        (What::Ask { by, proof, ask }, Some(cluster)) => Turn::new(policy, cluster, input.at).ask(by, *proof, ask),
        (What::Fact(_), None) => Ok(None),
        (What::Fact(fact), Some(cluster)) => Ok(Turn::new(policy, cluster, input.at).fact(fact)),
    }
}

/// Whether the effect goes on when a state is entered: what is said is said, a pull request that is to be closed is closed whatever comes next, and the lease
/// belongs to the cluster and not to a change.
pub fn survives(effect: &Effect) -> bool {
    match effect {
        Effect::Card
        | Effect::Post(_)
        | Effect::Tell { .. }
        | Effect::ShowPlan { .. }
        | Effect::ClosePull
        | Effect::AwaitLeaseEnd { .. } => true,
        Effect::OpenPull
        | Effect::MergePull { .. }
        | Effect::MakePlan
        | Effect::Apply { .. }
        | Effect::AwaitUsable { .. }
        | Effect::GrantAccess { .. }
        | Effect::AwaitGone { .. }
        | Effect::AwaitDeadline { .. }
        | Effect::AwaitReminder { .. } => false,
    }
}

#[expect(clippy::too_many_arguments, reason = "they are the parts of one ask, named once")]
fn request(
    policy: &Policy,
    key: &ClusterKey,
    cluster: Option<&Cluster>,
    by: &Person,
    form: &Form,
    number: ChangeNumber,
    place: &Place,
    owned: u32,
    at: Timestamp,
) -> Result<Step, Refusal> {
    if !policy.may_request(&by.id) {
        return Err(Refusal::MayNotRequest { admins: policy.admins.clone() });
    }
    if let Some(cluster) = cluster {
        if let Some(open) = cluster.open() {
            return Err(change_open(open));
        }
        if cluster.live.is_some() {
            return Err(Refusal::Exists { owner: cluster.owner.clone() });
        }
    }
    may_start(policy, by, Kind::Create)?;
    if let Some(limit) = policy.clusters_a_person.filter(|limit| owned >= *limit) {
        return Err(Refusal::TooMany { have: owned, limit });
    }
    let change = Change {
        number,
        kind: Kind::Create,
        undo: false,
        by: by.clone(),
        place: place.clone(),
        reason: form.reason.clone(),
        ticket: form.ticket.clone(),
        lease_ended: false,
        asked: at,
        entered: at,
        state: State::Preparing { pull: None, plan: None },
        card: None,
        took: Took::default(),
        told: None,
    };
    let cluster =
        Cluster { key: key.clone(), owner: by.clone(), form: form.clone(), written: number, live: None, change };
    let mut turn = Turn::new(policy, &cluster, at);
    turn.prepare();
    Ok(turn.done())
}

/// What holds for every new change: nothing is frozen, and enough people could approve it.
fn may_start(policy: &Policy, by: &Person, kind: Kind) -> Result<(), Refusal> {
    if let Some(why) = &policy.frozen {
        return Err(Refusal::Frozen { why: why.clone() });
    }
    let quorum = policy.quorum.of(match kind {
        Kind::Create => super::Risk::Green,
        Kind::Destroy => super::Risk::Red,
    });
    let approvers = policy.approvers_but(&by.id);
    if approvers.len() < quorum as usize { Err(Refusal::NobodyCouldApprove { quorum, approvers }) } else { Ok(()) }
}

fn change_open(open: &Change) -> Refusal {
    Refusal::ChangeOpen {
        change: open.number,
        kind: open.kind,
        by: open.by.clone(),
        since: open.asked,
        pull: open.state.pull().map(|p| p.url.clone()),
    }
}

/// One input being decided: the cluster as it becomes, and the effects so far.
struct Turn<'p> {
    policy: &'p Policy,
    at: Timestamp,
    cluster: Cluster,
    effects: Vec<Effect>,
    entered: bool,
}

impl<'p> Turn<'p> {
    fn new(policy: &'p Policy, cluster: &Cluster, at: Timestamp) -> Self {
        Self { policy, at, cluster: cluster.clone(), effects: Vec::new(), entered: false }
    }

    fn done(self) -> Step {
        Step { cluster: self.cluster, effects: self.effects, entered: self.entered }
    }

    // ---- asks ----

    fn ask(mut self, by: &Person, proof: Proof, ask: &Ask) -> Result<Option<Step>, Refusal> {
        match ask {
            // Handled before a turn begins, because it needs no cluster.
            Ask::Request { .. } => return Ok(None),
            Ask::Approve { plan } => self.approve(by, proof, plan.as_ref())?,
            Ask::Withdraw => {
                if !self.withdraw(by, proof)? {
                    return Ok(None);
                }
            }
            Ask::Reject { plan, reason } => self.reject(by, proof, plan.as_ref(), reason.clone())?,
            Ask::Cancel => self.cancel(by)?,
            Ask::Retry => self.retry(by)?,
            Ask::Destroy { number, place, reason } => self.destroy(by, *number, place, reason.clone())?,
        }
        Ok(Some(self.done()))
    }

    fn approve(&mut self, by: &Person, proof: Proof, seen: Option<&PlanDigest>) -> Result<(), Refusal> {
        let review = self.review_for(by, seen, Wanted::Approve)?;
        if !self.policy.accepts(proof, review.plan.risk) {
            return Err(Refusal::ReactionTooWeak { risk: review.plan.risk });
        }
        let quorum = self.policy.quorum.of(review.plan.risk);
        let mut review = review.clone();
        // Somebody who is no approver any more decides nothing.
        review.votes = self.policy.counting(&review);
        if review.votes.iter().any(|v| v.by.id == by.id) {
            return Err(Refusal::AlreadyVoted { missing: quorum.saturating_sub(count(&review.votes)) });
        }
        review.votes.push(Vote { by: by.clone(), at: self.at, proof });
        if count(&review.votes) < quorum {
            self.cluster.change.state = State::Reviewing(review);
            self.effects.push(Effect::Card);
            return Ok(());
        }
        let receipt = Receipt {
            quorum,
            plan: review.plan.digest.clone(),
            head: review.pull.head.clone(),
            at: self.at,
            votes: review.votes,
        };
        self.effects.push(Effect::Card);
        self.effects.push(Effect::Post(Notice::Approved {
            by: receipt.votes.iter().map(|v| v.by.clone()).collect(),
            plan: receipt.plan.clone(),
        }));
        self.apply(Approved { pull: review.pull, plan: review.plan, receipt });
        Ok(())
    }

    /// Whether there was a vote to take back. A reaction takes back only what a reaction gave.
    fn withdraw(&mut self, by: &Person, proof: Proof) -> Result<bool, Refusal> {
        let given = |v: &Vote| v.by.id == by.id && (proof != Proof::Reaction || v.proof == Proof::Reaction);
        match &mut self.cluster.change.state {
            State::Reviewing(review) if review.votes.iter().any(given) => {
                review.votes.retain(|v| !given(v));
                self.effects.push(Effect::Card);
                Ok(true)
            }
            // Decided is decided, and whoever believes to have stopped it has to know. An old reaction may be tidied away.
            state
                if state.approved().is_some_and(|approved| approved.receipt.votes.iter().any(given))
                    && (proof != Proof::Reaction || !state.is_over()) =>
            {
                Err(Refusal::NotInReview { wanted: Wanted::Withdraw, state: state.name().to_owned() })
            }
            _ if proof == Proof::Reaction => Ok(false),
            _ => Err(Refusal::NoVote),
        }
    }

    fn reject(
        &mut self,
        by: &Person,
        proof: Proof,
        seen: Option<&PlanDigest>,
        reason: Option<Reason>,
    ) -> Result<(), Refusal> {
        if proof == Proof::Reaction {
            return Err(Refusal::NotThisWay { wanted: Wanted::Reject, proof });
        }
        self.review_for(by, seen, Wanted::Reject)?;
        self.close(Closed::Rejected { by: by.clone(), reason });
        Ok(())
    }

    /// The review that the person may vote in, over the plan that they looked at.
    fn review_for(&self, by: &Person, seen: Option<&PlanDigest>, wanted: Wanted) -> Result<&Review, Refusal> {
        let change = self.open(wanted)?;
        if change.by.id == by.id {
            let risk = change.state.plan().map_or(super::Risk::Green, |p| p.risk);
            return Err(Refusal::OwnChange {
                quorum: self.policy.quorum.of(risk),
                approvers: self.policy.approvers_but(&by.id),
            });
        }
        if !self.policy.is_approver(&by.id) {
            return Err(Refusal::NotAnApprover { approvers: self.policy.approvers_but(&change.by.id) });
        }
        let State::Reviewing(review) = &change.state else {
            return Err(Refusal::NotInReview { wanted, state: change.state.name().to_owned() });
        };
        match seen {
            Some(seen) if *seen != review.plan.digest => {
                Err(Refusal::OtherPlan { seen: seen.clone(), now: review.plan.clone() })
            }
            _ => Ok(review),
        }
    }

    fn cancel(&mut self, by: &Person) -> Result<(), Refusal> {
        self.steerable(by, Wanted::Cancel)?;
        let change = self.open(Wanted::Cancel)?;
        match &change.state {
            State::Applying(_) | State::Joining(_) => {
                Err(Refusal::AtWork { wanted: Wanted::Cancel, state: change.state.name().to_owned() })
            }
            State::Stuck { was, .. } if change.kind == Kind::Create && was.approved().is_some() => {
                self.undo(by);
                Ok(())
            }
            // Some of it may be gone, so the cluster does not stay as it was: only forward.
            State::Stuck { was, .. } if !change.undo && was.approved().is_some() => {
                Err(Refusal::AtWork { wanted: Wanted::Cancel, state: change.state.name().to_owned() })
            }
            State::Preparing { .. } | State::Reviewing(_) | State::Stuck { .. } => {
                self.close(Closed::Cancelled { by: by.clone() });
                Ok(())
            }
            State::Done(_) | State::Closed(_) => {
                Err(Refusal::NothingOpen { wanted: Wanted::Cancel, live: self.cluster.live.is_some() })
            }
        }
    }

    fn retry(&mut self, by: &Person) -> Result<(), Refusal> {
        self.steerable(by, Wanted::Retry)?;
        let change = self.open(Wanted::Retry)?;
        match change.state.clone() {
            State::Reviewing(review) => {
                self.void(&review.votes, VoidWhy::Replanned { by: by.clone() });
                self.prepare();
            }
            State::Stuck { was, .. } => match *was {
                State::Applying(approved) => {
                    self.effects.push(Effect::Card);
                    self.apply(approved);
                }
                State::Joining(joining) => {
                    self.effects.push(Effect::Card);
                    self.join(joining);
                }
                State::Preparing { .. }
                | State::Reviewing(_)
                | State::Done(_)
                | State::Closed(_)
                | State::Stuck { .. } => self.prepare(),
            },
            state @ (State::Preparing { .. }
            | State::Applying(_)
            | State::Joining(_)
            | State::Done(_)
            | State::Closed(_)) => {
                return Err(Refusal::NothingToRetry { state: state.name().to_owned() });
            }
        }
        Ok(())
    }

    fn destroy(
        &mut self,
        by: &Person,
        number: ChangeNumber,
        place: &Place,
        reason: Option<Reason>,
    ) -> Result<(), Refusal> {
        self.steerable(by, Wanted::Destroy)?;
        if let Some(open) = self.cluster.open() {
            return Err(change_open(open));
        }
        if self.cluster.live.is_none() {
            return Err(Refusal::NothingOpen { wanted: Wanted::Destroy, live: false });
        }
        may_start(self.policy, by, Kind::Destroy)?;
        self.start_destroy(by, number, place, reason);
        Ok(())
    }

    fn open(&self, wanted: Wanted) -> Result<&Change, Refusal> {
        self.cluster.open().ok_or(Refusal::NothingOpen { wanted, live: self.cluster.live.is_some() })
    }

    fn steerable(&self, by: &Person, wanted: Wanted) -> Result<(), Refusal> {
        if self.policy.may_steer(&by.id, &self.cluster) {
            Ok(())
        } else {
            Err(Refusal::NotYours { wanted, owner: self.cluster.owner.clone(), admins: self.policy.admins.clone() })
        }
    }

    // ---- facts ----

    fn fact(mut self, fact: &Fact) -> Option<Step> {
        let taken = match fact {
            Fact::CardPosted { change, message } => self.card_posted(*change, message),
            Fact::PullOpened { pull } => self.pull_opened(pull),
            Fact::PullPushed { pull, head, content, by, files } => {
                let now = Pull { number: *pull, head: head.clone(), content: content.clone(), url: self.pull_url() };
                self.pull_pushed(now, by, *files)
            }
            Fact::PullClosed { pull, by } => self.pull_closed(*pull, by),
            Fact::PullMerged { pull, commit } => {
                self.merged(false, |joining| (joining.approved.pull.number == *pull).then(|| commit.clone()))
            }
            Fact::PullWithdrawn { change } => {
                *change == self.cluster.change.number
                    && self.merged(true, |joining| Some(joining.approved.pull.head.clone()))
            }
            Fact::PlanReady { plan } => self.plan_ready(plan),
            Fact::Applied { cluster_id } => self.applied(cluster_id.clone()),
            Fact::Drifted { plan } => self.drifted(plan),
            Fact::HeldBack { pull, by, files } => self.held_back(pull.as_ref(), by, *files),
            Fact::Usable { facts } => self.usable(facts),
            Fact::Granted { grants } => self.settled(Kind::Create, grants),
            Fact::Gone => self.settled(Kind::Destroy, &[]),
            Fact::DeadlinePassed { deadline } => self.deadline_passed(*deadline),
            Fact::ReminderDue => self.reminder_due(),
            Fact::LeaseEnded { number } => self.lease_ended(*number),
            Fact::Broken { fault, .. } => self.broken(fault),
            Fact::Troubled { fault, again } => self.troubled(fault, *again),
        };
        taken.then(|| self.done())
    }

    fn card_posted(&mut self, number: ChangeNumber, message: &str) -> bool {
        let change = &mut self.cluster.change;
        let news = change.number == number && change.card.as_deref() != Some(message);
        if news {
            change.card = Some(message.to_owned());
        }
        news
    }

    fn pull_opened(&mut self, opened: &Pull) -> bool {
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

    fn plan_ready(&mut self, ready: &Plan) -> bool {
        let State::Preparing { plan, .. } = &mut self.cluster.change.state else { return false };
        *plan = Some(ready.clone());
        self.review_if_ready();
        true
    }

    /// Review begins when both facts are in and the head holds exactly what was planned.
    fn review_if_ready(&mut self) {
        let State::Preparing { pull: Some(pull), plan: Some(plan) } = self.cluster.change.state.clone() else { return };
        if pull.content == plan.content {
            let (quorum, approvers) = self.deciders(&plan);
            self.effects.push(Effect::Card);
            self.effects.push(Effect::Post(Notice::PlanReady { plan: plan.clone(), quorum, approvers }));
            self.review(pull, plan);
        } else {
            self.stuck(StuckWhy::Differs);
        }
    }

    fn pull_pushed(&mut self, now: Pull, by: &str, files: u32) -> bool {
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
    fn held_back(&mut self, pull: Option<&Pull>, by: &str, files: u32) -> bool {
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

    fn pull_closed(&mut self, number: u64, by: &str) -> bool {
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
    fn restore(&mut self, by: &str) -> bool {
        self.effects.push(Effect::Post(Notice::PullRestored { by: by.to_owned() }));
        self.effects.push(Effect::OpenPull);
        true
    }

    fn applied(&mut self, cluster_id: Option<String>) -> bool {
        let State::Applying(approved) = self.cluster.change.state.clone() else { return false };
        let change = &mut self.cluster.change;
        change.took.applying = Some(seconds(change.entered, self.at));
        let cluster_id = cluster_id.or_else(|| self.cluster.live.as_ref().map(|l| l.facts.id.clone()));
        self.effects.push(Effect::Card);
        self.join(Joining { approved, cluster_id, merged: None, usable: None, settled: None });
        true
    }

    fn drifted(&mut self, now: &Plan) -> bool {
        let State::Applying(approved) = self.cluster.change.state.clone() else { return false };
        let (quorum, approvers) = self.deciders(now);
        self.effects.push(Effect::Card);
        self.effects.push(Effect::Post(Notice::Drifted { then: approved.plan, now: now.clone(), quorum, approvers }));
        self.review(approved.pull, now.clone());
        true
    }

    fn usable(&mut self, facts: &ClusterFacts) -> bool {
        let kind = self.cluster.change.kind;
        let State::Joining(joining) = &mut self.cluster.change.state else { return false };
        if kind != Kind::Create || joining.usable.is_some() {
            return false;
        }
        joining.usable = Some(facts.clone());
        self.effects.push(Effect::GrantAccess { cluster_id: facts.id.clone() });
        true
    }

    /// The pull request has come to its end: merged, or for an undo closed.
    fn merged(&mut self, undo: bool, commit: impl Fn(&Joining) -> Option<super::HeadSha>) -> bool {
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

    fn settled(&mut self, kind: Kind, grants: &[Grant]) -> bool {
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

    fn deadline_passed(&mut self, deadline: Timestamp) -> bool {
        match &self.cluster.change.state {
            State::Reviewing(review) if review.deadline == deadline && self.at >= deadline => {
                self.close(Closed::NobodyDecided { deadline });
                true
            }
            _ => false,
        }
    }

    fn reminder_due(&mut self) -> bool {
        let State::Reviewing(review) = &self.cluster.change.state else { return false };
        let quorum = self.policy.quorum.of(review.plan.risk);
        let votes = self.policy.counting(review);
        let missing = quorum.saturating_sub(count(&votes));
        let waiting = |p: &Person| votes.iter().all(|v| v.by.id != p.id);
        let approvers = self.policy.approvers_but(&self.cluster.change.by.id).into_iter().filter(waiting).collect();
        self.effects.push(Effect::Post(Notice::StillWaiting { missing, approvers, deadline: review.deadline }));
        true
    }

    fn lease_ended(&mut self, number: ChangeNumber) -> bool {
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
        true
    }

    fn broken(&mut self, fault: &super::Fault) -> bool {
        if self.cluster.change.state.is_over() {
            self.effects.push(Effect::Post(Notice::NotTidied { fault: fault.clone() }));
            return true;
        }
        self.stuck(StuckWhy::Fault(fault.clone()))
    }

    fn troubled(&mut self, fault: &super::Fault, again: Timestamp) -> bool {
        // Two effects may meet the same trouble; people read of it once.
        let told = self.cluster.change.told.as_ref() == Some(&fault.text);
        let open = self.cluster.open().is_some() && !told;
        if open {
            self.cluster.change.told = Some(fault.text.clone());
            self.effects.push(Effect::Post(Notice::Troubled { fault: fault.clone(), again }));
        }
        open
    }

    // ---- entering states ----

    fn enter(&mut self, state: State) {
        self.cluster.change.state = state;
        self.cluster.change.entered = self.at;
        self.cluster.change.told = None;
        self.entered = true;
    }

    fn prepare(&mut self) {
        self.enter(State::Preparing { pull: None, plan: None });
        self.effects.push(Effect::Card);
        self.effects.push(Effect::OpenPull);
        self.effects.push(Effect::MakePlan);
    }

    fn review(&mut self, pull: Pull, plan: Plan) {
        let deadline = self.at.saturating_add(self.policy.review).unwrap_or(Timestamp::MAX);
        self.effects.push(Effect::ShowPlan { plan: plan.clone() });
        self.effects.push(Effect::AwaitDeadline { at: deadline });
        let remind = self.at.saturating_add(self.policy.remind_after).unwrap_or(Timestamp::MAX);
        if remind < deadline {
            self.effects.push(Effect::AwaitReminder { at: remind });
        }
        self.enter(State::Reviewing(Review { pull, plan, votes: Vec::new(), deadline }));
    }

    fn apply(&mut self, approved: Approved) {
        self.effects.push(Effect::Apply { plan: approved.plan.digest.clone(), head: approved.pull.head.clone() });
        self.enter(State::Applying(approved));
    }

    fn join(&mut self, joining: Joining) {
        if joining.merged.is_none() {
            self.effects.push(if self.cluster.change.undo { Effect::ClosePull } else { merge_of(&joining.approved) });
        }
        if joining.settled.is_none() {
            self.effects.push(match (self.cluster.change.kind, &joining.usable) {
                (Kind::Create, None) => Effect::AwaitUsable { cluster_id: joining.cluster_id.clone() },
                (Kind::Create, Some(facts)) => Effect::GrantAccess { cluster_id: facts.id.clone() },
                (Kind::Destroy, _) => Effect::AwaitGone { cluster_id: joining.cluster_id.clone() },
            });
        }
        self.enter(State::Joining(joining));
    }

    fn finish_if_complete(&mut self) {
        let State::Joining(Joining { approved, merged: Some(_), usable, settled: Some(grants), .. }) =
            self.cluster.change.state.clone()
        else {
            return;
        };
        let change = &mut self.cluster.change;
        change.took.joining = Some(seconds(change.entered, self.at));
        self.effects.push(Effect::Card);
        match (change.kind, usable) {
            (Kind::Create, Some(facts)) => {
                let until = self.cluster.form.ttl.and_then(|ttl| self.at.saturating_add(ttl.duration()).ok());
                self.cluster.live = Some(Live { since: self.at, until, facts, grants: grants.clone() });
                self.enter(State::Done(approved));
                self.effects.push(Effect::Post(Notice::Ready { grants }));
                self.effects.push(Effect::Tell { to: self.cluster.owner.clone(), notice: Notice::WayIn });
                if let Some(at) = until {
                    self.effects.push(Effect::AwaitLeaseEnd { at });
                }
            }
            (Kind::Create | Kind::Destroy, _) => {
                self.cluster.live = None;
                let destroyed = approved.plan.destroy;
                self.enter(State::Done(approved));
                self.effects.push(Effect::Post(Notice::Gone { destroyed }));
            }
        }
    }

    fn close(&mut self, why: Closed) {
        if self.cluster.change.undo {
            // What was made is still there, so the change cannot end: somebody has to ask again.
            self.cluster.change.state =
                State::Preparing { pull: self.cluster.change.state.pull().cloned(), plan: None };
            self.stuck(StuckWhy::LeftBehind(why));
            return;
        }
        let requester = self.cluster.change.by.clone();
        let by = match &why {
            Closed::Rejected { by, .. } | Closed::Cancelled { by } => Some(by.id.clone()),
            Closed::PullClosed { .. } | Closed::NobodyDecided { .. } => None,
        };
        self.enter(State::Closed(why.clone()));
        self.effects.push(Effect::Card);
        self.effects.push(Effect::Post(Notice::Ended(why.clone())));
        if by.as_ref() != Some(&requester.id) {
            self.effects.push(Effect::Tell { to: requester, notice: Notice::YoursEnded(why) });
        }
        self.effects.push(Effect::ClosePull);
    }

    fn stuck(&mut self, why: StuckWhy) -> bool {
        self.stuck_quietly(why, false)
    }

    /// Stuck; `said` where the thread was told why already, in other words.
    fn stuck_quietly(&mut self, why: StuckWhy, said: bool) -> bool {
        let was = self.cluster.change.state.clone();
        match &was {
            State::Preparing { .. } | State::Reviewing(_) | State::Applying(_) | State::Joining(_) => {}
            State::Done(_) | State::Closed(_) | State::Stuck { .. } => return false,
        }
        if !said {
            self.effects.push(Effect::Post(Notice::Stuck(why.clone())));
        }
        self.effects.push(Effect::Card);
        self.enter(State::Stuck { was: Box::new(was), why });
        true
    }

    fn undo(&mut self, by: &Person) {
        let change = &mut self.cluster.change;
        change.kind = Kind::Destroy;
        change.undo = true;
        change.by = by.clone();
        self.effects.push(Effect::Post(Notice::Undoing { by: by.clone() }));
        self.prepare();
    }

    fn start_destroy(&mut self, by: &Person, number: ChangeNumber, place: &Place, reason: Option<Reason>) {
        self.cluster.change = Change {
            number,
            kind: Kind::Destroy,
            undo: false,
            by: by.clone(),
            place: place.clone(),
            reason,
            ticket: None,
            lease_ended: false,
            asked: self.at,
            entered: self.at,
            state: State::Preparing { pull: None, plan: None },
            card: None,
            took: Took::default(),
            told: None,
        };
        self.prepare();
    }

    fn void(&mut self, votes: &[Vote], why: VoidWhy) {
        if !votes.is_empty() {
            let whose = votes.iter().map(|v| v.by.clone()).collect();
            self.effects.push(Effect::Post(Notice::VotesVoid { whose, why }));
        }
    }

    fn deciders(&self, plan: &Plan) -> (u32, Vec<Person>) {
        (self.policy.quorum.of(plan.risk), self.policy.approvers_but(&self.cluster.change.by.id))
    }

    fn pull_url(&self) -> String {
        self.cluster.change.state.pull().map(|p| p.url.clone()).unwrap_or_default()
    }
}

fn merge_of(approved: &Approved) -> Effect {
    Effect::MergePull { pull: approved.pull.number, head: approved.pull.head.clone() }
}

fn count(votes: &[Vote]) -> u32 {
    u32::try_from(votes.len()).unwrap_or(u32::MAX)
}

fn seconds(from: Timestamp, to: Timestamp) -> u32 {
    u32::try_from(to.duration_since(from).as_secs().max(0)).unwrap_or(u32::MAX)
}
