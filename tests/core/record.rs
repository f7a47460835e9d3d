//! The record by itself: lanes, leases and fencing, what is remembered, what is retired while somebody works on it, and that its journal replays.

use jiff::{SignedDuration, Timestamp};
use kaas::lifecycle::notice::{Notice, Refusal};
use kaas::lifecycle::{
    Ask, ChangeNumber, Closed, Effect, EffectKey, Fact, Fault, Input, InputId, Lane, Person, Proof, Risk, State, What,
};
use kaas::record::{Claimed, Entry, Event, Outcome, Record, SEEN_MAX, Taken, cluster_hash, verify};
use proptest::prelude::*;

use crate::people::{FIRST, digest, form, key, person, place, plan, policy, pull, start};

const LEASE: SignedDuration = SignedDuration::from_secs(60);

/// A record with its journal, and what was taken so far.
#[derive(Debug)]
struct Life {
    now: Timestamp,
    record: Option<Record>,
    journal: Vec<Entry>,
    inputs: u32,
}

impl Life {
    fn requested() -> Self {
        let mut life = Self { now: start(), record: None, journal: Vec::new(), inputs: 0 };
        life.ask("alice", Ask::Request { form: form(), number: FIRST, place: place(), owned: 0 });
        life
    }

    fn reviewing() -> Self {
        let mut life = Self::requested();
        life.fact(Fact::PullOpened { pull: pull() });
        life.fact(Fact::PlanReady { plan: plan() });
        life
    }

    fn record(&self) -> &Record {
        self.record.as_ref().unwrap()
    }

    fn ask(&mut self, by: &str, ask: Ask) -> Taken {
        self.take(What::Ask { by: person(by), proof: Proof::Button, ask })
    }

    fn fact(&mut self, fact: Fact) -> Taken {
        self.take(What::Fact(fact))
    }

    fn take(&mut self, what: What) -> Taken {
        self.inputs += 1;
        self.deliver(&format!("in-{}", self.inputs), what)
    }

    fn deliver(&mut self, id: &str, what: What) -> Taken {
        let input = Input { id: InputId(id.to_owned()), at: self.now, what };
        let (next, taken) = Record::take(&policy(), &key(), self.record.as_ref(), &input);
        if let Some((next, entry)) = next {
            self.save(next, Some(entry));
        }
        taken
    }

    fn save(&mut self, next: Record, entry: Option<Entry>) {
        assert_eq!(next.revision, self.record.as_ref().map_or(0, |r| r.revision) + 1);
        self.record = Some(next);
        self.journal.extend(entry);
    }

    fn claim_as(&mut self, worker: &str) -> Vec<Claimed> {
        let Some((next, claimed)) = self.record().claim(worker, self.now, LEASE, |_| true) else { return Vec::new() };
        self.save(next, None);
        claimed
    }

    fn claim(&mut self) -> Vec<Claimed> {
        self.claim_as("worker")
    }

    /// Whether it was the current attempt.
    fn settle(&mut self, one: &Claimed, outcome: &Outcome) -> bool {
        let settled = self.record().settle(&policy(), &one.key, one.attempt, outcome, self.now);
        let current = settled.is_some();
        if let Some((next, entry)) = settled {
            self.save(next, entry);
        }
        current
    }

    /// Performs everything that is due, as done.
    fn all_done(&mut self) {
        for _ in 0..50 {
            for one in self.claim() {
                self.settle(&one, &Outcome::Done);
            }
        }
    }

    fn names(&self) -> Vec<&'static str> {
        self.record().outbox.iter().filter(|row| !row.retired).map(|row| row.effect.name()).collect()
    }
}

fn names(claimed: &[Claimed]) -> Vec<&'static str> {
    claimed.iter().map(|one| one.effect.name()).collect()
}

fn fault() -> Fault {
    Fault { reference: "K-7F3Q".to_owned(), text: "it does not answer".to_owned() }
}

#[test]
fn a_lane_lets_its_head_through_and_no_other() {
    let mut life = Life::reviewing();
    assert_eq!(life.names(), ["card", "card", "post", "show-plan", "await-deadline", "await-reminder"]);
    let claimed = life.claim();
    assert_eq!(names(&claimed), ["card", "show-plan"], "clocks are not due, and the second card waits for the first");
    assert_eq!(life.claim(), vec![], "the head is being performed");
    life.settle(&claimed[1], &Outcome::Done);
    assert_eq!(life.claim(), vec![], "another lane's end opens nothing");
    life.settle(&claimed[0], &Outcome::Done);
    assert_eq!(names(&life.claim()), ["card"]);

    // Clocks go side by side.
    life.now = start() + SignedDuration::from_hours(25);
    let clocks: Vec<_> = life.claim().into_iter().filter(|one| one.effect.lane() == Lane::Clock).collect();
    assert_eq!(names(&clocks), ["await-deadline", "await-reminder"]);
}

#[test]
fn what_is_said_goes_beside_a_card_that_is_there_and_waits_for_one_that_is_not() {
    let mut life = Life::reviewing();
    let claimed = life.claim();
    assert_eq!(names(&claimed), ["card", "show-plan"], "the post has nothing to hang on");
    let change = life.record().cluster.change.number;
    assert!(life.settle(&claimed[0], &Outcome::Fact(Fact::CardPosted { change, message: "1.1".to_owned() })));
    assert_eq!(names(&life.claim()), ["card", "post"], "an edit of the card holds nobody up");
}

#[test]
fn what_is_not_allowed_now_keeps_its_place() {
    let life = Life::requested();
    let (_, claimed) = life.record().claim("w", start(), LEASE, |effect| effect.lane() != Lane::Work).unwrap();
    assert_eq!(names(&claimed), ["card", "open-pull"]);
    assert!(life.record().claim("w", start(), LEASE, |_| false).is_none());
}

#[test]
fn a_postponed_head_holds_its_lane_up() {
    let mut life = Life::reviewing();
    let card = life.claim().remove(0);
    life.settle(&card, &Outcome::Failed { at: start() + SignedDuration::from_secs(9), fault: None });
    assert_eq!(life.claim(), vec![], "what is said is said in its order, also after a failure");
    assert_eq!(life.record().due(), Some(start() + SignedDuration::from_secs(9)));
    life.now += SignedDuration::from_secs(9);
    assert_eq!(life.claim()[0], Claimed { attempt: 2, failures: 1, ..card });
}

#[test]
fn a_worker_that_overslept_changes_nothing() {
    let mut life = Life::requested();
    let first = life.claim();
    assert_eq!(life.claim_as("another"), vec![], "the lease holds");
    life.now += SignedDuration::from_secs(59);
    assert_eq!(life.claim_as("another"), vec![]);
    life.now += SignedDuration::from_secs(1);
    let second = life.claim_as("another");
    assert_eq!(names(&second), names(&first));
    for (old, new) in first.iter().zip(&second) {
        assert_eq!((old.attempt, new.attempt), (1, 2));
        assert_eq!(old.key, new.key, "the idempotency key stays");
        assert!(!life.record().wants(&old.key, old.attempt) && life.record().wants(&new.key, new.attempt));
        let before = life.record().clone();
        assert!(!life.settle(old, &Outcome::Broken(fault())));
        assert!(life.record().renew(&old.key, old.attempt, life.now + LEASE).is_none());
        assert_eq!(*life.record(), before);
        assert!(life.settle(new, &Outcome::Done));
        assert!(!life.settle(new, &Outcome::Done), "settled is settled");
    }
}

#[test]
fn a_renewed_lease_holds_longer() {
    let mut life = Life::requested();
    let one = life.claim().remove(0);
    let until = life.now + LEASE + LEASE;
    let renewed = life.record().renew(&one.key, one.attempt, until).unwrap();
    life.save(renewed, None);
    life.now += LEASE;
    assert!(!names(&life.claim_as("another")).contains(&one.effect.name()));
    life.now = until;
    assert_eq!(names(&life.claim_as("third"))[0], one.effect.name());
    assert_eq!(life.record().renew(&one.key, one.attempt, until), None, "it is somebody else's now");
}

/// Entering a state retires work. What is being performed stays in its lane until it is done, so that what comes next does not overtake it.
#[test]
fn retired_work_is_waited_for_and_then_forgotten() {
    let mut life = Life::requested();
    let claimed = life.claim();
    assert_eq!(names(&claimed), ["card", "open-pull", "make-plan"]);
    let (pull_row, plan_row) = (&claimed[1], &claimed[2]);
    assert_eq!(life.fact(Fact::Broken { effect: plan_row.key.clone(), fault: fault() }), Taken::Changed);
    assert_eq!(life.ask("alice", Ask::Retry), Taken::Changed);
    assert!(!life.record().wants(&plan_row.key, plan_row.attempt), "nobody wants it any more");
    assert_eq!(life.record().renew(&plan_row.key, plan_row.attempt, life.now + LEASE), None, "so it is stopped");
    assert_eq!(life.claim(), vec![], "the new plan and pull request wait until the old ones are done");

    let entries = life.journal.len();
    assert!(life.settle(plan_row, &Outcome::Fact(Fact::PlanReady { plan: plan() })));
    assert_eq!(life.journal.len(), entries, "an answer that nobody waits for is no event");
    assert!(matches!(&life.record().cluster.change.state, State::Preparing { plan: None, .. }), "and changes nothing");
    assert_eq!(names(&life.claim()), ["make-plan"]);

    // Whoever worked on the other one died.
    life.now += LEASE;
    assert!(names(&life.claim()).contains(&"open-pull"));
    assert!(!life.record().outbox.iter().any(|row| row.retired));
    assert!(!life.settle(pull_row, &Outcome::Done));
}

/// Whoever worked on retired work is gone, and nothing else is due: it is forgotten all the same, or the record would be due and busy for ever.
#[test]
fn retired_work_of_the_lost_is_forgotten_even_if_nothing_is_due() {
    let mut life = Life::requested();
    let claimed = life.claim();
    life.ask("alice", Ask::Cancel);
    for one in claimed.iter().filter(|one| one.effect != Effect::MakePlan) {
        life.settle(one, &Outcome::Done);
    }
    for _ in 0..9 {
        life.claim().iter().for_each(|one| assert!(life.settle(one, &Outcome::Done)));
    }
    assert!(life.record().is_busy() && life.record().outbox.iter().all(|row| row.retired));
    life.now = life.record().due().expect("its lease ends some time");
    assert_eq!(life.claim(), vec![]);
    assert!(!life.record().is_busy() && life.record().due().is_none());
    assert!(life.record().claim("worker", life.now, LEASE, |_| true).is_none(), "and then nothing changes any more");
}

#[test]
fn a_start_frees_what_the_dead_held() {
    let mut life = Life::requested();
    assert_eq!(life.record().free_leases("worker"), None, "nobody holds anything");
    let claimed = life.claim();
    assert_eq!(life.record().free_leases("worker"), None, "its own it keeps");
    life.fact(Fact::Broken { effect: claimed[2].key.clone(), fault: fault() });
    assert!(life.record().outbox.iter().any(|row| row.retired));
    let freed = life.record().free_leases("next").unwrap();
    assert!(freed.outbox.iter().all(|row| row.lease.is_none() && !row.retired));
    life.save(freed, None);
    let again = life.claim_as("next");
    assert_eq!(again[0].attempt, 2);
    assert!(!life.settle(&claimed[0], &Outcome::Done), "the dead do not settle");
}

#[test]
fn polls_and_silent_failures_are_no_events() {
    let mut life = Life::requested();
    let claimed = life.claim();
    let entries = life.journal.len();
    let at = life.now + SignedDuration::from_secs(5);
    life.settle(&claimed[2], &Outcome::Failed { at, fault: None });
    life.now = at;
    let again = life.claim().remove(0);
    assert_eq!(again.failures, 1);
    life.settle(&again, &Outcome::Later { at, note: Some("half".to_owned()) });
    let third = life.claim().remove(0);
    assert_eq!((third.failures, third.note.as_deref()), (0, Some("half")), "a poll ends the row of failures");
    life.settle(&third, &Outcome::Failed { at, fault: None });
    assert_eq!(life.claim()[0].note.as_deref(), Some("half"), "a failure keeps the note");
    assert_eq!(life.journal.len(), entries);
    let fourth = life.record().outbox.iter().find(|row| row.effect == Effect::MakePlan).unwrap().attempt;
    let key = claimed[2].key.clone();
    let told = Outcome::Failed { at, fault: Some(fault()) };
    let (next, entry) = life.record().settle(&policy(), &key, fourth, &told, life.now).unwrap();
    assert!(
        entry.is_some() && next.outbox.iter().any(|row| matches!(&row.effect, Effect::Post(Notice::Troubled { .. })))
    );
}

#[test]
fn what_breaks_for_good_makes_it_stuck() {
    let mut life = Life::requested();
    let claimed = life.claim();
    life.settle(&claimed[2], &Outcome::Broken(fault()));
    assert!(matches!(life.record().cluster.change.state, State::Stuck { .. }));
    assert!(!life.names().contains(&"open-pull"), "what the state had asked for is not wanted");
}

#[test]
fn the_last_inputs_are_remembered_and_no_more() {
    let mut life = Life::reviewing();
    let approve = || What::Ask { by: person("bob"), proof: Proof::Button, ask: Ask::Approve { plan: None } };
    assert_eq!(life.deliver("click", approve()), Taken::Changed);
    let before = life.record().clone();
    assert_eq!(life.deliver("click", approve()), Taken::Doubled);
    assert_eq!(*life.record(), before);
    for n in 0..SEEN_MAX - 1 {
        assert_eq!(life.fact(Fact::CardPosted { change: FIRST, message: format!("m{n}") }), Taken::Changed);
    }
    assert_eq!(life.deliver("click", approve()), Taken::Doubled, "{SEEN_MAX} inputs are remembered");
    assert_eq!(life.record().seen.len(), SEEN_MAX);
    life.fact(Fact::CardPosted { change: FIRST, message: "one more".to_owned() });
    assert!(
        matches!(life.deliver("click", approve()), Taken::Refused { .. }),
        "forgotten, and refused for its own reasons"
    );
    assert_eq!(life.record().seen.len(), SEEN_MAX);
}

#[test]
fn a_flood_of_refused_asks_fills_nothing() {
    let mut life = Life::reviewing();
    let mut told = 0;
    for n in 0..kaas::record::OUTBOX_MAX * 2 {
        match life.ask("mallory", Ask::Approve { plan: None }) {
            Taken::Refused { refusal: Refusal::NotAnApprover { .. }, told: by_outbox } => {
                told += usize::from(by_outbox)
            }
            other => panic!("{n}: {other:?}"),
        }
    }
    assert!(told > 100 && life.record().outbox.len() == kaas::record::OUTBOX_MAX, "{told}");
    assert_eq!(life.ask("bob", Ask::Approve { plan: None }), Taken::Changed, "what is allowed goes on");
}

#[test]
fn who_is_due_when() {
    let mut life = Life::requested();
    assert_eq!(life.record().due(), Some(start()));
    assert!(life.record().is_busy());
    life.claim();
    assert_eq!(life.record().due(), Some(start() + LEASE), "claimed: when the lease is over");
    let mut life = Life::reviewing();
    life.all_done();
    assert!(!life.record().is_busy(), "waiting for people is no work");
    assert_eq!(life.record().due(), Some(start() + policy().remind_after), "the next clock");
}

#[test]
fn a_journal_replays_to_the_life_that_wrote_it() {
    let mut life = Life::reviewing();
    life.all_done();
    life.ask("mallory", Ask::Approve { plan: None });
    life.ask("bob", Ask::Approve { plan: Some(digest('9')) });
    life.ask("carol", Ask::Approve { plan: None });
    let apply = life.claim().into_iter().find(|one| matches!(one.effect, Effect::Apply { .. })).unwrap();
    life.settle(&apply, &Outcome::Fact(Fact::Applied { cluster_id: None }));
    let replayed = Record::replay(&policy(), &life.journal).unwrap().unwrap();
    assert!(replayed.is_same_life(life.record()));
    assert_eq!(Record::replay(&policy(), &[]), Ok(None));
    assert_eq!(life.journal.last().unwrap().body.led_to, cluster_hash(&life.record().cluster));

    // Under another policy it would not have happened, and the first such entry is named.
    let mut stricter = policy();
    stricter.quorum.green = 3;
    let by_carol = |entry: &&Entry| matches!(&entry.body.event, Event::Took { input: Input { what: What::Ask { by, .. }, .. }, .. } if by.name == "carol");
    let decided = life.journal.iter().find(by_carol).unwrap();
    assert_eq!(Record::replay(&stricter, &life.journal).unwrap_err(), decided.body.number);
    let mut gap = life.journal.clone();
    gap.remove(3);
    assert!(Record::replay(&policy(), &gap).is_err());
    assert!(verify(&gap).is_err());
}

/// A waiting approval costs next to nothing: no process, and less than 4 KB, also where every name and sentence is long.
#[test]
fn a_waiting_approval_is_small() {
    let someone = |n: usize| Person {
        id: format!("U0{n}ABCDEFGHIJ@example-bank.onmicrosoft.com").parse().unwrap(),
        name: format!("Maximiliane-Henriette van der Oberhausen-{n}"),
    };
    let mut policy = policy();
    policy.approvers = (0..8).map(someone).collect();
    policy.quorum.red = 3;
    let mut form = form();
    form.reason = Some("x".repeat(kaas::lifecycle::form::REASON_MAX).parse().unwrap());
    form.name = "payments-clearing-and-settlement-sandbox".parse().unwrap();
    let key =
        kaas::lifecycle::ClusterKey { tenant: "platform-engineering-emea".parse().unwrap(), name: form.name.clone() };
    let mut place = place();
    place.channel = "C0123456789ABCDEF".to_owned();
    let (pull, mut plan) = crate::stores::long_winded();
    plan.risk = Risk::Red;
    policy.requesters = Some(vec![someone(9)]);
    let mut record: Option<Record> = None;
    let mut take = |what: What| {
        let input = Input { id: InputId(format!("{what:?}")), at: start(), what };
        let next = Record::take(&policy, &key, record.as_ref(), &input).0.expect("it goes on").0;
        record = Some(next);
    };
    let ask = |by: Person, ask: Ask| What::Ask { by, proof: Proof::Button, ask };
    take(ask(someone(9), Ask::Request { form, number: ChangeNumber(123_456), place, owned: 0 }));
    take(What::Fact(Fact::CardPosted { change: ChangeNumber(123_456), message: "1763812800.123456".to_owned() }));
    take(What::Fact(Fact::PullOpened { pull }));
    take(What::Fact(Fact::PlanReady { plan }));
    take(ask(someone(0), Ask::Approve { plan: None }));
    take(ask(someone(1), Ask::Approve { plan: None }));
    // Everything was said, so what is left waits for a clock.
    let mut record = record.unwrap();
    for _ in 0..20 {
        let Some((next, claimed)) = record.claim("w", start(), LEASE, |_| true) else { break };
        record = next;
        for one in claimed {
            record = record.settle(&policy, &one.key, one.attempt, &Outcome::Done, start()).unwrap().0;
        }
    }
    assert!(!record.is_busy() && matches!(&record.cluster.change.state, State::Reviewing(r) if r.votes.len() == 2));
    let bytes = |record: &Record| serde_json::to_vec(record).unwrap().len();
    println!("{} bytes in the store", bytes(&record));
    assert!(bytes(&record) < 4096, "a waiting approval takes {} bytes", bytes(&record));
    // And after as many inputs as it ever remembers: a cluster that has lived.
    record.seen = vec!["0123456789abcdef".to_owned(); SEEN_MAX];
    println!("{} bytes when it remembers {SEEN_MAX} inputs", bytes(&record));
    assert!(bytes(&record) < 4096 + 4096, "{} bytes", bytes(&record));
}

fn texts() -> impl Strategy<Value = String> {
    prop_oneof![any::<String>(), Just("\"\\\u{0}\u{7f}\u{2028}é🦀".to_owned())]
}

fn outcomes() -> impl Strategy<Value = Outcome> {
    let fault = (texts(), texts()).prop_map(|(reference, text)| Fault { reference, text }).boxed();
    let at = (0_i64..4_000_000_000, 0_i32..1_000_000_000)
        .prop_map(|(second, nano)| Timestamp::new(second, nano).expect("within time"));
    prop_oneof![
        Just(Outcome::Done),
        (at.clone(), proptest::option::of(texts())).prop_map(|(at, note)| Outcome::Later { at, note }),
        (at.clone(), proptest::option::of(fault.clone())).prop_map(|(at, fault)| Outcome::Failed { at, fault }),
        fault.clone().prop_map(Outcome::Broken),
        (fault, at).prop_map(|(fault, again)| Outcome::Fact(Fact::Troubled { fault, again })),
        texts().prop_map(|by| Outcome::Fact(Fact::PullClosed { pull: 17, by })),
        texts().prop_map(|message| Outcome::Fact(Fact::CardPosted { change: FIRST, message })),
    ]
}

proptest! {
    #![proptest_config(ProptestConfig::with_cases(64))]

    /// Whatever happens to it, a record and its entries read back as they were written, and written again they are the same bytes.
    #[test]
    fn records_and_entries_read_back(
        moves in prop::collection::vec((0_u8..4, outcomes(), texts()), 1..12),
        name in texts(),
    ) {
        let mut life = Life::requested();
        for (kind, outcome, text) in moves {
            life.now += SignedDuration::from_millis(61_234);
            match kind {
                0 => {
                    let by = Person { id: "U1".parse().unwrap(), name: name.clone() };
                    life.take(What::Ask { by, proof: Proof::Reaction, ask: Ask::Approve { plan: None } });
                }
                1 => drop(life.fact(Fact::PullClosed { pull: 99, by: text })),
                2 => drop(life.fact(Fact::CardPosted { change: FIRST, message: text })),
                _ => {
                    if let Some(one) = life.claim_as(&text).pop() {
                        life.settle(&one, &outcome);
                    }
                }
            }
        }
        let bytes = serde_json::to_vec(life.record()).unwrap();
        let read: Record = serde_json::from_slice(&bytes).unwrap();
        prop_assert_eq!(&read, life.record());
        prop_assert_eq!(serde_json::to_vec(&read).unwrap(), bytes);
        for entry in &life.journal {
            let bytes = serde_json::to_vec(entry).unwrap();
            let read: Entry = serde_json::from_slice(&bytes).unwrap();
            prop_assert_eq!(&read, entry);
            prop_assert_eq!(serde_json::to_vec(&read).unwrap(), bytes);
        }
        prop_assert_eq!(verify(&life.journal), Ok(()));
        let replayed = Record::replay(&policy(), &life.journal).unwrap().unwrap();
        prop_assert!(replayed.is_same_life(life.record()));
    }
}

#[test]
fn keys_of_effects_are_never_used_twice() {
    let mut life = Life::reviewing();
    let mut keys: Vec<EffectKey> = Vec::new();
    let mut note = |claimed: &[Claimed]| keys.extend(claimed.iter().filter(|c| c.attempt == 1).map(|c| c.key.clone()));
    for _ in 0..6 {
        let claimed = life.claim();
        note(&claimed);
        assert!(claimed.iter().all(|one| life.settle(one, &Outcome::Done)));
    }
    life.ask("alice", Ask::Cancel);
    assert!(matches!(life.record().cluster.change.state, State::Closed(Closed::Cancelled { .. })));
    life.ask("mallory", Ask::Cancel);
    life.ask("erin", Ask::Request { form: form(), number: ChangeNumber(43), place: place(), owned: 0 });
    for _ in 0..6 {
        let claimed = life.claim();
        note(&claimed);
        assert!(claimed.iter().all(|one| life.settle(one, &Outcome::Done)));
    }
    let all = keys.len();
    keys.sort();
    keys.dedup();
    assert_eq!(keys.len(), all);
}
