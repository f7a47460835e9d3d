//! What people may ask of a cluster, and why not.
//!
//! Nothing here does I/O, reads a clock or draws a random number.

use crate::lifecycle::form::Reason;
use crate::lifecycle::notice::{Notice, Refusal, VoidWhy, Wanted};
use crate::lifecycle::{
    Approved, Ask, Change, ChangeNumber, Closed, Effect, Kind, Person, Place, PlanDigest, Proof, Receipt, Review, Risk,
    State, Vote,
};

use super::enter::count;
use super::{Step, Turn, change_open, may_start};

impl Turn<'_> {
    pub(super) fn ask(mut self, by: &Person, proof: Proof, ask: &Ask) -> Result<Option<Step>, Refusal> {
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
            Ask::Access { to, subject, role, lasts } => self.give_access(by, to, subject, role.as_deref(), *lasts)?,
            Ask::Revoke { to, subject } => self.revoke(by, to, subject.as_ref())?,
            Ask::ForceRemove { machine } => self.force_remove(by, machine)?,
        }
        Ok(Some(self.done()))
    }

    pub(super) fn approve(&mut self, by: &Person, proof: Proof, seen: Option<&PlanDigest>) -> Result<(), Refusal> {
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
    pub(super) fn withdraw(&mut self, by: &Person, proof: Proof) -> Result<bool, Refusal> {
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

    pub(super) fn reject(
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
    pub(super) fn review_for(
        &self,
        by: &Person,
        seen: Option<&PlanDigest>,
        wanted: Wanted,
    ) -> Result<&Review, Refusal> {
        let change = self.open(wanted)?;
        if change.by.id == by.id {
            let risk = change.state.plan().map_or(Risk::Green, |p| p.risk);
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

    pub(super) fn cancel(&mut self, by: &Person) -> Result<(), Refusal> {
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

    pub(super) fn retry(&mut self, by: &Person) -> Result<(), Refusal> {
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

    pub(super) fn destroy(
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
        let owner = self.cluster.owner.clone();
        if owner.id != by.id {
            self.effects.push(Effect::Tell { to: owner, notice: Notice::YoursGoes { by: Some(by.clone()) } });
        }
        Ok(())
    }

    pub(super) fn open(&self, wanted: Wanted) -> Result<&Change, Refusal> {
        self.cluster.open().ok_or(Refusal::NothingOpen { wanted, live: self.cluster.live.is_some() })
    }

    pub(super) fn steerable(&self, by: &Person, wanted: Wanted) -> Result<(), Refusal> {
        if self.policy.may_steer(&by.id, &self.cluster) {
            Ok(())
        } else {
            Err(Refusal::NotYours { wanted, owner: self.cluster.owner.clone(), admins: self.policy.admins.clone() })
        }
    }
}
