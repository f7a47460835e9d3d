//! The engine, as the simulation plays it, badly treated: it dies, oversleeps, and is told things twice.

use super::*;

impl World {
    pub(super) fn deliver(&mut self, what: What) -> Taken {
        self.inputs += 1;
        let input = Input { id: InputId(format!("in-{}", self.inputs)), at: self.now, what };
        if self.rng.u32(0..4) == 0 {
            self.delivered.push(input.clone());
        }
        let taken = self.take(&input);
        if self.rng.u32(0..10) == 0 {
            assert_eq!(
                self.take(&input),
                if taken == Taken::Stale { Taken::Stale } else { self.doubled(&taken) },
                "a doubled delivery changed something"
            );
        }
        taken
    }

    /// What the second delivery of an input must answer: nothing is done twice. A refusal that no record remembers is only words, and said again.
    pub(super) fn doubled(&self, taken: &Taken) -> Taken {
        match taken {
            Taken::Refused { told: false, .. } => taken.clone(),
            _ => Taken::Doubled,
        }
    }

    pub(super) fn deliver_again(&mut self) {
        if self.delivered.is_empty() {
            return;
        }
        let input = self.delivered[self.rng.usize(0..self.delivered.len())].clone();
        let known = self.record.as_ref().is_some_and(|r| r.seen.len() < kaas::record::SEEN_MAX);
        let before = self.record.clone();
        let taken = self.take(&input);
        if known && matches!(taken, Taken::Doubled) {
            assert_eq!(before, self.record, "a doubled input changed the record");
        }
    }

    /// Takes an input, and keeps the simulation's own book of who voted for what.
    pub(super) fn take(&mut self, input: &Input) -> Taken {
        let review = self.record.as_ref().and_then(|r| match &r.cluster.change.state {
            State::Reviewing(review) => {
                Some((r.cluster.change.number, review.plan.digest.clone(), review.pull.head.clone()))
            }
            _ => None,
        });
        let (next, taken) = Record::take(&self.policy, &key(), self.record.as_ref(), input);
        if let (Taken::Changed, Some((change, plan, head)), What::Ask { by, ask, .. }) = (&taken, review, &input.what) {
            match ask {
                Ask::Approve { .. } => {
                    let decided =
                        next.as_ref().is_some_and(|(next, _)| matches!(next.cluster.change.state, State::Applying(_)));
                    *self.approvals_made.entry((change, plan.clone())).or_default() += u32::from(decided);
                    self.votes.push(TrueVote { by: by.name.clone(), change, plan, head });
                }
                Ask::Withdraw => self.votes.retain(|v| v.by != by.name),
                _ => {}
            }
        }
        if let Some((next, entry)) = next {
            self.save(next, Some(entry));
        }
        taken
    }

    pub(super) fn save(&mut self, next: Record, entry: Option<Entry>) {
        assert_eq!(self.record.as_ref().map_or(0, |r| r.revision) + 1, next.revision, "a save skipped a revision");
        self.journal.extend(entry);
        self.record = Some(next);
    }

    pub(super) fn draw(&mut self) -> ChangeNumber {
        self.drawn += 1;
        ChangeNumber(self.drawn)
    }

    /// Claims and performs what is due. `trouble` is how many of 100 performances go wrong.
    pub(super) fn work(&mut self, trouble: u32) {
        let Some(record) = &self.record else { return };
        let Some((next, claimed)) = record.claim("worker", self.now, LEASE, |_| true) else { return };
        for one in &claimed {
            let lane = one.effect.lane();
            let row = |c: &Claimed| (c.key.revision, c.key.index);
            let ahead = next
                .outbox
                .iter()
                .take_while(|r| (r.revision, r.index) != row(one))
                .find(|r| r.effect.lane() == lane && lane != Lane::Clock);
            assert!(ahead.is_none(), "{:?} overtook {ahead:?}", one.effect);
        }
        self.save(next, None);
        for one in claimed {
            if trouble > 0 && self.misfortune(&one) {
                let fault = Fault { reference: "K-TEST".to_owned(), text: "there is no room".to_owned() };
                self.settle(&one, &Outcome::Broken(fault));
                continue;
            }
            match self.rng.u32(0..100) {
                // Died before doing it, or between doing and recording.
                n if n < trouble / 4 => {}
                n if n < trouble / 2 => drop(self.perform(&one)),
                n if n < trouble * 3 / 4 => {
                    let outcome = self.perform(&one);
                    self.late.push((one, outcome));
                }
                n if n < trouble => {
                    let outcome = self.fail(&one);
                    self.settle(&one, &outcome);
                }
                _ => {
                    let outcome = self.perform(&one);
                    self.settle(&one, &outcome);
                }
            }
        }
    }

    /// Whether a performance goes wrong for good, which an unlucky life sees after every other apply.
    pub(super) fn misfortune(&mut self, one: &Claimed) -> bool {
        self.unlucky
            && self.record.as_ref().is_some_and(|r| r.cluster.change.kind == Kind::Create)
            && matches!(one.effect, Effect::Apply { .. } | Effect::AwaitUsable { .. } | Effect::GrantAccess { .. })
            && self.rng.bool()
    }

    pub(super) fn fail(&mut self, one: &Claimed) -> Outcome {
        let fault = Fault { reference: "K-TEST".to_owned(), text: "it does not answer".to_owned() };
        if self.rng.bool()
            && one.effect != Effect::ClosePull
            && !matches!(one.effect.lane(), Lane::Card | Lane::Talk | Lane::Copy)
            && one.effect.lane() != Lane::Clock
            && one.effect.lane() != Lane::Access
            && !matches!(one.effect, Effect::ShowPlan { .. } | Effect::ShowCertificate { .. })
        {
            return Outcome::Broken(fault);
        }
        Outcome::Failed { at: self.now + SignedDuration::from_secs(10), fault: self.rng.bool().then_some(fault) }
    }

    pub(super) fn settle(&mut self, one: &Claimed, outcome: &Outcome) {
        let Some(record) = &self.record else { return };
        let current = record
            .outbox
            .iter()
            .any(|r| r.revision == one.key.revision && r.index == one.key.index && r.attempt == one.attempt);
        let settled = record.settle(&self.policy, &one.key, one.attempt, outcome, self.now);
        assert_eq!(settled.is_some(), current, "fencing: only the current attempt settles");
        if let Some((next, entry)) = settled {
            self.save(next, entry);
        }
    }

    pub(super) fn wake_a_late_one(&mut self) {
        if !self.late.is_empty() {
            let (one, outcome) = self.late.swap_remove(self.rng.usize(0..self.late.len()));
            self.settle(&one, &outcome);
        }
    }

    /// The process dies: results on their way are lost, leases are freed at the next start.
    pub(super) fn crash(&mut self) {
        self.late.clear();
        if let Some(next) = self.record.as_ref().and_then(|r| r.free_leases("another process")) {
            self.save(next, None);
        }
    }
}
