//! Entering a state, and what it asks of the world.
//!
//! Nothing here does I/O, reads a clock or draws a random number.

use jiff::Timestamp;

use crate::lifecycle::form::Reason;
use crate::lifecycle::notice::{Notice, VoidWhy};
use crate::lifecycle::{
    Approved, Change, ChangeNumber, Closed, Effect, Joining, Kind, Live, Person, Place, Plan, Pull, Review, State,
    StuckWhy, Took, Vote,
};

use super::{LEASE_ASK_AGAIN, Turn};

impl Turn<'_> {
    pub(super) fn enter(&mut self, state: State) {
        self.cluster.change.state = state;
        self.cluster.change.entered = self.at;
        self.cluster.change.told = None;
        self.entered = true;
    }

    pub(super) fn prepare(&mut self) {
        self.cluster.change.findings.clear();
        self.cluster.change.foretold = None;
        self.cluster.change.matched = None;
        self.enter(State::Preparing { pull: None, plan: None });
        self.effects.push(Effect::Card);
        self.effects.push(Effect::OpenPull);
        self.effects.push(Effect::MakePlan);
    }

    pub(super) fn review(&mut self, pull: Pull, plan: Plan) {
        let deadline = self.at.saturating_add(self.policy.review).unwrap_or(Timestamp::MAX);
        self.effects.push(Effect::ShowPlan { plan: plan.clone() });
        self.effects.push(Effect::AwaitDeadline { at: deadline });
        let remind = self.at.saturating_add(self.policy.remind_after).unwrap_or(Timestamp::MAX);
        if remind < deadline {
            self.effects.push(Effect::AwaitReminder { at: remind });
        }
        self.cluster.change.reviews += 1;
        self.enter(State::Reviewing(Review { pull, plan, votes: Vec::new(), deadline }));
    }

    pub(super) fn apply(&mut self, approved: Approved) {
        self.effects.push(Effect::Apply { plan: approved.plan.digest.clone(), head: approved.pull.head.clone() });
        self.enter(State::Applying(approved));
    }

    pub(super) fn join(&mut self, joining: Joining) {
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

    pub(super) fn finish_if_complete(&mut self) {
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
                self.certify();
                self.enter(State::Done(approved));
                self.effects.push(Effect::Post(Notice::Gone { destroyed }));
            }
        }
    }

    pub(super) fn close(&mut self, why: Closed) {
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
        if self.cluster.change.lease_ended && self.cluster.live.is_some() {
            // The cluster is past its time still: somebody has to decide that some day.
            let at = self.at.saturating_add(LEASE_ASK_AGAIN).unwrap_or(Timestamp::MAX);
            self.effects.push(Effect::AwaitLeaseEnd { at });
        }
        self.effects.push(Effect::Card);
        self.effects.push(Effect::Post(Notice::Ended(why.clone())));
        if by.as_ref() != Some(&requester.id) {
            self.effects.push(Effect::Tell { to: requester, notice: Notice::YoursEnded(why) });
        }
        self.effects.push(Effect::ClosePull);
    }

    pub(super) fn stuck(&mut self, why: StuckWhy) -> bool {
        self.stuck_quietly(why, false)
    }

    /// Stuck; `said` where the thread was told why already, in other words.
    pub(super) fn stuck_quietly(&mut self, why: StuckWhy, said: bool) -> bool {
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

    pub(super) fn undo(&mut self, by: &Person) {
        let change = &mut self.cluster.change;
        change.kind = Kind::Destroy;
        change.undo = true;
        change.by = by.clone();
        self.effects.push(Effect::Post(Notice::Undoing { by: by.clone() }));
        self.prepare();
    }

    pub(super) fn start_destroy(&mut self, by: &Person, number: ChangeNumber, place: &Place, reason: Option<Reason>) {
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
            copies: self.policy.copies(place),
            took: Took::default(),
            reviews: 0,
            foretold: None,
            told: None,
            findings: Vec::new(),
            matched: None,
        };
        self.prepare();
    }

    pub(super) fn void(&mut self, votes: &[Vote], why: VoidWhy) {
        if !votes.is_empty() {
            let whose = votes.iter().map(|v| v.by.clone()).collect();
            self.effects.push(Effect::Post(Notice::VotesVoid { whose, why }));
        }
    }

    pub(super) fn deciders(&self, plan: &Plan) -> (u32, Vec<Person>) {
        (self.policy.quorum.of(plan.risk), self.policy.approvers_but(&self.cluster.change.by.id))
    }

    pub(super) fn pull_url(&self) -> String {
        self.cluster.change.state.pull().map(|p| p.url.clone()).unwrap_or_default()
    }
}

pub(super) fn merge_of(approved: &Approved) -> Effect {
    Effect::MergePull { pull: approved.pull.number, head: approved.pull.head.clone() }
}

pub(super) fn count(votes: &[Vote]) -> u32 {
    u32::try_from(votes.len()).unwrap_or(u32::MAX)
}

pub(super) fn seconds(from: Timestamp, to: Timestamp) -> u32 {
    u32::try_from(to.duration_since(from).as_secs().max(0)).unwrap_or(u32::MAX)
}
