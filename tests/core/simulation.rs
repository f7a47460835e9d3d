//! Seeded random lives: doubled, late, reordered and lost inputs, crashes between doing and recording, oversleeping workers, pushes, drifts; then calm.
//!
//! What must hold is checked where it happens (an apply, a merge) and at the end. The seed is printed when something does not hold.

use std::collections::{BTreeMap, BTreeSet};

use jiff::{SignedDuration, Timestamp};
use kaas::lifecycle::cloud::{Certificate, Order, PoolOrder};
use kaas::lifecycle::notice::Notice;
use kaas::lifecycle::policy::Policy;
use kaas::lifecycle::{
    Ask, ChangeNumber, ContentDigest, Effect, EffectKey, Fact, Fault, Grant, HeadSha, Input, InputId, Kind, Lane,
    Place, Plan, PlanDigest, Proof, Pull, Risk, State, Subject, What,
};
use kaas::record::{Claimed, Entry, Outcome, Record, Taken, verify};

use crate::people::{facts, form, key, person, place, policy, start};

mod engine;
mod outside;

/// How many lives a run of the tests simulates.
const LIVES: u64 = 200;

/// Every how many lives one is unlucky: terraform and Rancher fail for good, and people give up.
const UNLUCKY: u64 = 4;

const LEASE: SignedDuration = SignedDuration::from_secs(60);

#[test]
fn lives_hold_what_kaas_promises() {
    let lives: u64 = std::env::var("LIVES").ok().and_then(|n| n.parse().ok()).unwrap_or(LIVES);
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
    if lives < LIVES {
        return;
    }
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
    unlucky: bool,
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
    // the cloud
    drift: u64,
    exists: bool,
    /// How often terraform really applied, by change and whether it was an undo.
    applies: BTreeMap<(ChangeNumber, bool), u32>,
    applied_content: BTreeMap<ChangeNumber, ContentDigest>,
    // people
    votes: Vec<TrueVote>,
    said: BTreeSet<EffectKey>,
    /// The same in the second chat.
    said_there: BTreeSet<EffectKey>,
    approvals_said: BTreeMap<(ChangeNumber, PlanDigest), u32>,
    approvals_made: BTreeMap<(ChangeNumber, PlanDigest), u32>,
    /// The ways in that Rancher has by command, by binding.
    ways: BTreeSet<String>,
    /// How often the cloud was searched, by change and round.
    sweeps: BTreeMap<(ChangeNumber, u32), u32>,
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
        let elsewhere = Place { chat: "elsewhere".to_owned(), channel: "#ops".to_owned() };
        let places = if seed.is_multiple_of(3) { vec![place(), elsewhere] } else { Vec::new() };
        Self {
            rng: fastrand::Rng::with_seed(seed),
            unlucky: seed.is_multiple_of(UNLUCKY),
            now: start(),
            policy: Policy { places, ..policy() },
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
            said_there: BTreeSet::new(),
            approvals_said: BTreeMap::new(),
            approvals_made: BTreeMap::new(),
            ways: BTreeSet::new(),
            sweeps: BTreeMap::new(),
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
        self.rest();
        // What waits for its time after a teardown comes up.
        self.now += kaas::lifecycle::step::SECOND_LOOK;
        (0..4).for_each(|_| self.work(0));
        self.rest();
        self.check_end()
    }

    fn rest(&mut self) {
        for _ in 0..400 {
            if self.record.as_ref().is_none_or(|r| !r.is_busy()) {
                break;
            }
            self.now += SignedDuration::from_secs(30);
            self.work(0);
        }
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
            State::Stuck { .. } if self.rng.u32(0..4) == 0 || self.unlucky => (owner, Ask::Cancel),
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
        let ask = match self.rng.u32(0..15) {
            12 | 13 => {
                let lasts = self.rng.bool().then(|| SignedDuration::from_hours(self.rng.i64(1..20)));
                let subject = Subject::User("u-bob".to_owned());
                Ask::Access { to: "bob".to_owned(), subject, role: None, lasts }
            }
            14 => Ask::Revoke { to: "bob".to_owned(), subject: Some(Subject::User("u-bob".to_owned())) },
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
        let in_two = !change.copies.is_empty();
        assert_eq!(self.said_there.len(), if in_two { self.said.len() } else { 0 }, "both chats are told the same");
        for (decision, said) in &self.approvals_said {
            assert!(
                self.approvals_made.get(decision).is_some_and(|made| said <= made),
                "the approval of {decision:?} was said {said} times"
            );
        }
        verify(&self.journal).unwrap();
        let replayed = Record::replay(&self.policy, &self.journal).expect("the journal replays").expect("to a record");
        assert!(replayed.is_same_life(record), "the journal replays to another life:\n{replayed:#?}\n{record:#?}");
        if let Some(live) = &record.cluster.live {
            let mine = |way: &&String| way.starts_with(&live.facts.id);
            let known: BTreeSet<&String> =
                live.grants.iter().filter(|g| g.subject.is_some()).map(|g| &g.binding).collect();
            let there: BTreeSet<&String> = self.ways.iter().filter(mine).collect();
            assert_eq!(known, there, "who has a way in is not who kaas says: {}", self.told());
        }
        let open: Vec<_> = self.pulls.values().filter(|p| p.open).collect();
        match &change.state {
            State::Done(_) => {
                assert!(open.is_empty(), "a pull request is left open: {}", self.told());
                assert_eq!(record.cluster.live.is_some(), change.kind == Kind::Create);
                assert_eq!(self.exists, change.kind == Kind::Create, "what kaas says exists is not what exists");
                if change.kind == Kind::Destroy && !record.cluster.footprint.is_empty() {
                    let looks = [1, 2].map(|round| self.sweeps.contains_key(&(change.number, round)));
                    assert_eq!(looks, [true, true], "the cloud was not searched twice: {}", self.told());
                }
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
