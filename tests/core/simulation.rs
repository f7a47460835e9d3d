//! Seeded random lives: doubled, late, reordered and lost inputs, crashes between doing and recording, oversleeping workers, pushes, drifts; then calm.
//!
//! What must hold is checked where it happens (an apply, a merge) and at the end. The seed is printed when something does not hold.

use std::collections::{BTreeMap, BTreeSet};

use jiff::{SignedDuration, Timestamp};
use kaas::lifecycle::notice::Notice;
use kaas::lifecycle::policy::Policy;
use kaas::lifecycle::{
    Ask, ChangeNumber, ContentDigest, Effect, EffectKey, Fact, Fault, Grant, HeadSha, Input, InputId, Kind, Lane, Plan,
    PlanDigest, Proof, Pull, Risk, State, What,
};
use kaas::record::{Claimed, Entry, Outcome, Record, Taken, verify};

use crate::people::{facts, form, key, person, place, policy, start};

const LEASE: SignedDuration = SignedDuration::from_secs(60);

#[test]
fn lives_hold_what_kaas_promises() {
    let lives: u64 = std::env::var("LIVES").ok().and_then(|n| n.parse().ok()).unwrap_or(400);
    let first: u64 =
        std::env::var("SEED").ok().and_then(|n| n.parse().ok()).unwrap_or_else(|| fastrand::u64(..1 << 32));
    println!("SEED={first} LIVES={lives}");
    let mut ends: BTreeMap<String, u64> = BTreeMap::new();
    for seed in first..first + lives {
        let end = std::panic::catch_unwind(|| World::new(seed).live());
        match end {
            Ok(end) => *ends.entry(end).or_default() += 1,
            Err(_) => panic!("a life broke a promise: run it again with SEED={seed} LIVES=1"),
        }
    }
    println!("{ends:?}");
    for must in ["Done Create", "Done Destroy", "Undone", "Closed", "Reviewing", "Stuck"] {
        assert!(
            ends.keys().any(|end| end.starts_with(must)),
            "no life ended as {must}: the simulation does not reach what it should test: {ends:?}"
        );
    }
}

/// What the outside is like.
struct World {
    rng: fastrand::Rng,
    now: Timestamp,
    policy: Policy,
    record: Option<Record>,
    journal: Vec<Entry>,
    /// Inputs that were delivered, to be delivered again.
    delivered: Vec<Input>,
    /// Results of workers that oversleep.
    late: Vec<(Claimed, Outcome)>,
    drawn: u64,
    inputs: u64,
    // the forge
    pulls: BTreeMap<u64, ForgePull>,
    heads: u64,
    /// What kaas' own last write of a branch was.
    // the cloud
    drift: u64,
    exists: bool,
    /// How often terraform really applied, by change and whether it was an undo.
    applies: BTreeMap<(ChangeNumber, bool), u32>,
    applied_content: BTreeMap<ChangeNumber, ContentDigest>,
    // people
    votes: Vec<TrueVote>,
    said: BTreeSet<EffectKey>,
    approvals_said: BTreeMap<(ChangeNumber, PlanDigest), u32>,
    approvals_made: BTreeMap<(ChangeNumber, PlanDigest), u32>,
}

struct ForgePull {
    change: ChangeNumber,
    head: HeadSha,
    content: ContentDigest,
    open: bool,
    merged: bool,
    by: &'static str,
}

struct TrueVote {
    by: String,
    change: ChangeNumber,
    plan: PlanDigest,
    head: HeadSha,
}

impl World {
    fn new(seed: u64) -> Self {
        Self {
            rng: fastrand::Rng::with_seed(seed),
            now: start(),
            policy: policy(),
            record: None,
            journal: Vec::new(),
            delivered: Vec::new(),
            late: Vec::new(),
            drawn: 41,
            inputs: 0,
            pulls: BTreeMap::new(),
            heads: 0,
            drift: 0,
            exists: false,
            applies: BTreeMap::new(),
            applied_content: BTreeMap::new(),
            votes: Vec::new(),
            said: BTreeSet::new(),
            approvals_said: BTreeMap::new(),
            approvals_made: BTreeMap::new(),
        }
    }

    /// Lives, then comes to rest, then is checked; answers how it ended.
    fn live(mut self) -> String {
        let storm = self.rng.u32(20..300);
        for _ in 0..storm {
            self.anything();
        }
        // Calm: nobody interferes, nothing fails.
        for (claimed, outcome) in std::mem::take(&mut self.late) {
            self.settle(&claimed, &outcome);
        }
        for _ in 0..400 {
            if self.record.as_ref().is_none_or(|r| !r.is_busy()) {
                break;
            }
            self.now += SignedDuration::from_secs(30);
            self.work(0);
        }
        self.check_end()
    }

    fn anything(&mut self) {
        match self.rng.u32(0..100) {
            0..20 => self.people(),
            20..70 => self.work(20),
            70..76 => self.now += SignedDuration::from_secs(self.rng.i64(1..90)),
            76 => self.now += SignedDuration::from_hours(self.rng.i64(1..30)),
            77..79 => self.push(),
            79..81 => self.drift += 1,
            81 => self.close_pull(),
            82..86 => self.deliver_again(),
            86..91 => self.sweep(),
            91..96 => self.wake_a_late_one(),
            _ => self.crash(),
        }
    }

    // ---- people ----

    /// People who want to get on: without them, few lives would get anywhere.
    fn helpful(&mut self) {
        let approver = ["bob", "carol", "dave"][self.rng.usize(0..3)];
        let Some(record) = &self.record else {
            let ask = Ask::Request { form: form(), number: self.draw(), place: place(), owned: 0 };
            return drop(self.deliver(What::Ask { by: person("alice"), proof: Proof::Command, ask }));
        };
        let (owner, live) = (record.cluster.owner.clone(), record.cluster.live.is_some());
        let (by, ask) = match &record.cluster.change.state {
            State::Reviewing(review) => (person(approver), Ask::Approve { plan: Some(review.plan.digest.clone()) }),
            State::Stuck { .. } if self.rng.u32(0..4) == 0 => (owner, Ask::Cancel),
            State::Stuck { .. } => (owner, Ask::Retry),
            State::Done(_) if live => (owner, Ask::Destroy { number: self.draw(), place: place(), reason: None }),
            State::Done(_) | State::Closed(_) => {
                (person("erin"), Ask::Request { form: form(), number: self.draw(), place: place(), owned: 0 })
            }
            State::Preparing { .. } | State::Applying(_) | State::Joining(_) => return,
        };
        self.deliver(What::Ask { by, proof: Proof::Button, ask });
    }

    fn people(&mut self) {
        if self.rng.u32(0..10) < 7 {
            return self.helpful();
        }
        let who = ["alice", "erin", "bob", "carol", "dave", "mallory", "bob", "carol", "alice"][self.rng.usize(0..9)];
        let seen = match self.rng.u32(0..4) {
            0 => None,
            1 => Some(digest_of("nonsense", self.rng.u64(0..3))),
            _ => self.record.as_ref().and_then(|r| r.cluster.change.state.plan()).map(|p| p.digest.clone()),
        };
        let proof = [Proof::Command, Proof::Button, Proof::Reaction][self.rng.usize(0..3)];
        let ask = match self.rng.u32(0..12) {
            0 | 1 => Ask::Request { form: form(), number: self.draw(), place: place(), owned: 0 },
            2..=6 => Ask::Approve { plan: seen },
            7 => Ask::Withdraw,
            8 if self.rng.u32(0..3) == 0 => Ask::Reject { plan: seen, reason: None },
            9 if self.rng.u32(0..3) == 0 => Ask::Cancel,
            10 => Ask::Destroy { number: self.draw(), place: place(), reason: None },
            _ => Ask::Retry,
        };
        self.deliver(What::Ask { by: person(who), proof, ask });
    }

    fn deliver(&mut self, what: What) -> Taken {
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
    fn doubled(&self, taken: &Taken) -> Taken {
        match taken {
            Taken::Refused { told: false, .. } => taken.clone(),
            _ => Taken::Doubled,
        }
    }

    fn deliver_again(&mut self) {
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
    fn take(&mut self, input: &Input) -> Taken {
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

    fn save(&mut self, next: Record, entry: Option<Entry>) {
        assert_eq!(self.record.as_ref().map_or(0, |r| r.revision) + 1, next.revision, "a save skipped a revision");
        self.journal.extend(entry);
        self.record = Some(next);
    }

    fn draw(&mut self) -> ChangeNumber {
        self.drawn += 1;
        ChangeNumber(self.drawn)
    }

    // ---- the engine, badly treated ----

    /// Claims and performs what is due. `trouble` is how many of 100 performances go wrong.
    fn work(&mut self, trouble: u32) {
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

    fn fail(&mut self, one: &Claimed) -> Outcome {
        let fault = Fault { reference: "K-TEST".to_owned(), text: "it does not answer".to_owned() };
        if self.rng.bool()
            && one.effect != Effect::ClosePull
            && one.effect.lane() != Lane::Talk
            && one.effect.lane() != Lane::Clock
            && !matches!(one.effect, Effect::ShowPlan { .. })
        {
            return Outcome::Broken(fault);
        }
        Outcome::Failed { at: self.now + SignedDuration::from_secs(10), fault: self.rng.bool().then_some(fault) }
    }

    fn settle(&mut self, one: &Claimed, outcome: &Outcome) {
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

    fn wake_a_late_one(&mut self) {
        if !self.late.is_empty() {
            let (one, outcome) = self.late.swap_remove(self.rng.usize(0..self.late.len()));
            self.settle(&one, &outcome);
        }
    }

    /// The process dies: results on their way are lost, leases are freed at the next start.
    fn crash(&mut self) {
        self.late.clear();
        if let Some(next) = self.record.as_ref().and_then(|r| r.free_leases("another process")) {
            self.save(next, None);
        }
    }

    // ---- the outside ----

    fn push(&mut self) {
        self.heads += 1;
        let (head, content) = (head_of(self.heads), content_of("strange", self.heads));
        let same = self.rng.u32(0..4) == 0;
        if let Some(pull) = self.pulls.values_mut().rfind(|p| p.open) {
            pull.head = head;
            pull.by = "eve";
            if !same {
                pull.content = content;
            }
        }
    }

    fn close_pull(&mut self) {
        if let Some(pull) = self.pulls.values_mut().rfind(|p| p.open) {
            pull.open = false;
            pull.by = "eve";
        }
    }

    fn sweep(&mut self) {
        let Some(known) = self.record.as_ref().and_then(|r| r.cluster.change.state.pull().cloned()) else { return };
        if let Some(fact) = self.difference(&known) {
            self.deliver(What::Fact(fact));
        }
    }

    fn difference(&self, known: &Pull) -> Option<Fact> {
        let pull = self.pulls.get(&known.number)?;
        if !pull.open && !pull.merged {
            return Some(Fact::PullClosed { pull: known.number, by: pull.by.to_owned() });
        }
        (pull.head != known.head).then(|| Fact::PullPushed {
            pull: known.number,
            head: pull.head.clone(),
            content: pull.content.clone(),
            by: pull.by.to_owned(),
            files: u32::from(pull.content != known.content),
        })
    }

    /// Does what the adapters do: a second performance changes nothing.
    fn perform(&mut self, one: &Claimed) -> Outcome {
        let record = self.record.clone().expect("an effect belongs to a record");
        let (cluster, change) = (&record.cluster, &record.cluster.change);
        let content = match (change.kind, change.undo) {
            (Kind::Destroy, false) => content_of("nothing", 0),
            _ => content_of("written", cluster.written.0),
        };
        match &one.effect {
            Effect::Card => {
                Outcome::Fact(Fact::CardPosted { change: change.number, message: format!("m{}", change.number) })
            }
            Effect::Post(notice) => {
                if self.said.insert(one.key.clone())
                    && let Notice::Approved { plan, .. } = notice
                {
                    *self.approvals_said.entry((one.change, plan.clone())).or_default() += 1;
                }
                Outcome::Done
            }
            Effect::Tell { .. } | Effect::ShowPlan { .. } => Outcome::Done,
            Effect::OpenPull => {
                let number = change.number;
                let merged = self.pulls.iter().find(|(_, p)| p.change == number && p.merged);
                if let (State::Joining(_), Some((id, pull))) = (&change.state, merged) {
                    return Outcome::Fact(Fact::PullMerged { pull: *id, commit: pull.head.clone() });
                }
                let open = self.pulls.iter().rfind(|(_, p)| p.change == number && p.open).map(|(n, _)| *n);
                let id = open.unwrap_or_else(|| self.pulls.len() as u64 + 1);
                let fresh = self.pulls.get(&id).is_none_or(|p| p.content != content);
                if fresh {
                    self.heads += 1;
                }
                let head = if fresh { head_of(self.heads) } else { self.pulls[&id].head.clone() };
                self.pulls.insert(
                    id,
                    ForgePull {
                        change: number,
                        head: head.clone(),
                        content: content.clone(),
                        open: true,
                        merged: false,
                        by: "kaas",
                    },
                );
                Outcome::Fact(Fact::PullOpened { pull: Pull { number: id, url: String::new(), head, content } })
            }
            Effect::MergePull { head, .. } if change.state.pull().is_some_and(|now| now.head != *head) => Outcome::Done,
            Effect::MergePull { pull, head } => {
                let Some(now) = self.pulls.get_mut(pull) else { return Outcome::Done };
                if (now.open || now.merged) && now.head == *head {
                    assert_eq!(
                        Some(&now.content),
                        self.applied_content.get(&change.number),
                        "what is merged is not what was applied"
                    );
                    now.merged = true;
                    now.open = false;
                    return Outcome::Fact(Fact::PullMerged { pull: *pull, commit: head.clone() });
                }
                let known = change.state.pull().cloned();
                match known.and_then(|known| self.difference(&known)) {
                    Some(fact) => Outcome::Fact(fact),
                    None => Outcome::Later { at: self.now + SignedDuration::from_secs(5), note: None },
                }
            }
            Effect::ClosePull => {
                for pull in self.pulls.values_mut().filter(|p| p.change == one.change && !p.merged) {
                    pull.open = false;
                }
                Outcome::Fact(Fact::PullWithdrawn { change: one.change })
            }
            Effect::MakePlan => Outcome::Fact(Fact::PlanReady { plan: self.plan(&record, content) }),
            Effect::Apply { plan, head } => self.apply(one, &record, plan, head, content),
            Effect::AwaitUsable { .. } if self.rng.u32(0..3) > 0 => self.later(),
            Effect::AwaitUsable { .. } if self.exists => Outcome::Fact(Fact::Usable { facts: facts() }),
            Effect::AwaitUsable { .. } => panic!("kaas waits for a cluster that was never made"),
            Effect::GrantAccess { .. } => {
                let grant = Grant { to: "alice".to_owned(), role: "cluster-owner".to_owned(), binding: "b".to_owned() };
                Outcome::Fact(Fact::Granted { grants: vec![grant] })
            }
            Effect::AwaitGone { .. } if self.rng.u32(0..3) > 0 => self.later(),
            Effect::AwaitGone { .. } => {
                assert!(!self.exists, "kaas proves that something is gone which is there");
                Outcome::Fact(Fact::Gone)
            }
            Effect::AwaitDeadline { at } => Outcome::Fact(Fact::DeadlinePassed { deadline: *at }),
            Effect::AwaitReminder { .. } => Outcome::Fact(Fact::ReminderDue),
            Effect::AwaitLeaseEnd { .. } => Outcome::Fact(Fact::LeaseEnded { number: self.draw() }),
        }
    }

    fn later(&self) -> Outcome {
        Outcome::Later { at: self.now + SignedDuration::from_secs(10), note: None }
    }

    fn plan(&self, record: &Record, content: ContentDigest) -> Plan {
        let change = &record.cluster.change;
        let destroy = change.kind == Kind::Destroy;
        Plan {
            digest: digest_of(if destroy { "destroy" } else { "create" }, self.drift * 1000 + change.number.0),
            content,
            add: if destroy { 0 } else { 7 },
            change: 0,
            destroy: if destroy { 7 } else { 0 },
            risk: if destroy { Risk::Red } else { Risk::Green },
            highlights: Vec::new(),
        }
    }

    fn apply(
        &mut self,
        one: &Claimed,
        record: &Record,
        approved: &PlanDigest,
        head: &HeadSha,
        content: ContentDigest,
    ) -> Outcome {
        let change = &record.cluster.change;
        let phase = (change.number, change.undo);
        if self.applies.contains_key(&phase) {
            // An earlier attempt applied it: the plan is empty.
            return Outcome::Fact(Fact::Applied { cluster_id: None });
        }
        if one.attempt == 1
            && let Some(known) = change.state.pull()
            && let Some(fact) = self.difference(known)
        {
            return Outcome::Fact(match fact {
                Fact::PullPushed { pull, head, content, by, files } => {
                    Fact::HeldBack { pull: Some(Pull { number: pull, url: String::new(), head, content }), by, files }
                }
                _ => Fact::HeldBack { pull: None, by: "eve".to_owned(), files: 0 },
            });
        }
        let plan = self.plan(record, content.clone());
        if plan.digest != *approved {
            return Outcome::Fact(Fact::Drifted { plan });
        }
        if !record.wants(&one.key, one.attempt) {
            // Not the worker's any more: it was stopped.
            return Outcome::Done;
        }
        let allowed = ["bob", "carol", "dave"];
        let voters: BTreeSet<&str> = self
            .votes
            .iter()
            .filter(|v| {
                v.change == change.number && v.plan == *approved && v.head == *head && allowed.contains(&v.by.as_str())
            })
            .map(|v| v.by.as_str())
            .filter(|by| *by != change.by.name)
            .collect();
        assert!(voters.len() >= 2, "applied {approved} with the votes of {voters:?}; asked by {}", change.by.name);
        *self.applies.entry(phase).or_default() += 1;
        self.exists = change.kind == Kind::Create;
        self.applied_content.insert(change.number, content);
        Outcome::Fact(Fact::Applied { cluster_id: None })
    }

    // ---- the end ----

    /// The life, as it was lived: what helps to understand a broken promise.
    fn told(&self) -> String {
        let event = |entry: &Entry| {
            let text = format!("{:?}", entry.body.event);
            format!("{} r{} {}", entry.body.at, entry.body.revision, text.chars().take(300).collect::<String>())
        };
        let pulls = self
            .pulls
            .iter()
            .map(|(n, p)| format!("pull {n} of change {} open {} merged {} by {}", p.change, p.open, p.merged, p.by));
        self.journal.iter().map(event).chain(pulls).collect::<Vec<_>>().join("\n")
    }

    fn check_end(&self) -> String {
        let Some(record) = &self.record else { return "nothing".to_owned() };
        let change = &record.cluster.change;
        assert!(!record.is_busy(), "it does not come to rest: {:?} {:?}", change.state, record.outbox);
        assert!(self.applies.values().all(|n| *n == 1), "applied twice: {:?}", self.applies);
        for (decision, said) in &self.approvals_said {
            assert!(
                self.approvals_made.get(decision).is_some_and(|made| said <= made),
                "the approval of {decision:?} was said {said} times"
            );
        }
        verify(&self.journal).unwrap();
        let replayed = Record::replay(&self.policy, &self.journal).expect("the journal replays").expect("to a record");
        assert!(replayed.is_same_life(record), "the journal replays to another life:\n{replayed:#?}\n{record:#?}");
        let open: Vec<_> = self.pulls.values().filter(|p| p.open).collect();
        match &change.state {
            State::Done(_) => {
                assert!(open.is_empty(), "a pull request is left open: {}", self.told());
                assert_eq!(record.cluster.live.is_some(), change.kind == Kind::Create);
                assert_eq!(self.exists, change.kind == Kind::Create, "what kaas says exists is not what exists");
                if change.undo { "Undone".to_owned() } else { format!("Done {:?}", change.kind) }
            }
            State::Closed(_) => {
                assert!(open.is_empty(), "a pull request is left open: {}", self.told());
                if record.cluster.live.is_none() {
                    assert!(!self.exists, "a cluster is left behind");
                }
                "Closed".to_owned()
            }
            State::Stuck { .. } => "Stuck".to_owned(),
            State::Reviewing(_) => "Reviewing".to_owned(),
            state @ (State::Preparing { .. } | State::Applying(_) | State::Joining(_)) => {
                panic!("nothing moves it on: {state:?}")
            }
        }
    }
}

fn hexed(kind: &str, number: u64, len: usize) -> String {
    use sha2::{Digest, Sha256};
    let bytes = Sha256::digest(format!("{kind}/{number}"));
    kaas::record::hex(&bytes)[..len].to_owned()
}

fn digest_of(kind: &str, number: u64) -> PlanDigest {
    hexed(kind, number, 64).parse().unwrap()
}

fn content_of(kind: &str, number: u64) -> ContentDigest {
    hexed(kind, number, 64).parse().unwrap()
}

fn head_of(number: u64) -> HeadSha {
    hexed("head", number, 40).parse().unwrap()
}
