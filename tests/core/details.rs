//! What the table is too coarse for: who is asked, who counts, and what a policy of another shape changes.

use jiff::SignedDuration;
use kaas::lifecycle::cloud::{Finding, Order, Weight};
use kaas::lifecycle::notice::{Notice, Refusal, VoidWhy};
use kaas::lifecycle::policy::Policy;
use kaas::lifecycle::step::step;
use kaas::lifecycle::{
    Ask, ChangeNumber, Cluster, Effect, Fact, Input, InputId, Person, Place, Plan, Proof, Pull, Risk, State, What,
};

use crate::people::{FIRST, digest, facts, form, head, key, person, place, plan, policy, pull, red_plan, start};

/// A life under a policy.
struct Life {
    policy: Policy,
    cluster: Option<Cluster>,
    effects: Vec<Effect>,
    hours: i64,
}

impl Life {
    fn under(policy: Policy) -> Self {
        Self { policy, cluster: None, effects: Vec::new(), hours: 0 }
    }

    /// In review, asked for by `by`.
    fn reviewing(policy: Policy, by: &str) -> Self {
        let mut life = Self::under(policy);
        life.ask(by, request(0)).unwrap();
        life.fact(Fact::PullOpened { pull: pull() });
        life.fact(Fact::PlanReady { plan: plan() });
        life
    }

    fn ask(&mut self, by: &str, ask: Ask) -> Result<(), Refusal> {
        self.say(by, Proof::Command, ask)
    }

    fn say(&mut self, by: &str, proof: Proof, ask: Ask) -> Result<(), Refusal> {
        self.take(What::Ask { by: person(by), proof, ask }).map(drop)
    }

    fn fact(&mut self, fact: Fact) -> bool {
        self.take(What::Fact(fact)).unwrap()
    }

    /// Whether it changed anything.
    fn take(&mut self, what: What) -> Result<bool, Refusal> {
        let at = start() + SignedDuration::from_hours(self.hours);
        let input = Input { id: InputId(String::new()), at, what };
        let taken = step(&self.policy, &key(), self.cluster.as_ref(), &input)?;
        let changed = taken.is_some();
        if let Some(taken) = taken {
            self.cluster = Some(taken.cluster);
            self.effects = taken.effects;
        }
        Ok(changed)
    }

    fn state(&self) -> &State {
        &self.cluster.as_ref().unwrap().change.state
    }

    /// What the thread was told by the last input.
    fn told(&self) -> Vec<&Notice> {
        self.effects.iter().filter_map(|e| if let Effect::Post(notice) = e { Some(notice) } else { None }).collect()
    }

    fn votes(&self) -> Vec<&str> {
        let State::Reviewing(review) = self.state() else { panic!("not in review: {:?}", self.state()) };
        review.votes.iter().map(|v| v.by.name.as_str()).collect()
    }
}

fn request(owned: u32) -> Ask {
    Ask::Request { form: form(), number: FIRST, place: place(), owned }
}

fn approve() -> Ask {
    Ask::Approve { plan: None }
}

fn named(people: &[Person]) -> Vec<&str> {
    people.iter().map(|p| p.name.as_str()).collect()
}

#[test]
fn nobody_is_asked_to_approve_what_they_asked_for() {
    let mut life = Life::reviewing(policy(), "bob");
    let [Notice::PlanReady { approvers, quorum: 2, .. }] = life.told()[..] else { panic!("{:?}", life.told()) };
    assert_eq!(named(approvers), ["carol", "dave"]);
    life.fact(Fact::ReminderDue);
    let [Notice::StillWaiting { missing: 2, approvers, .. }] = life.told()[..] else { panic!("{:?}", life.told()) };
    assert_eq!(named(approvers), ["carol", "dave"]);
    life.ask("dave", approve()).unwrap();
    life.fact(Fact::ReminderDue);
    let [Notice::StillWaiting { missing: 1, approvers, .. }] = life.told()[..] else { panic!("{:?}", life.told()) };
    assert_eq!(named(approvers), ["carol"], "who has voted is left in peace");
    life.ask("carol", approve()).unwrap();
    life.fact(Fact::Drifted { plan: red_plan() });
    let [Notice::Drifted { approvers, then, now, .. }] = life.told()[..] else { panic!("{:?}", life.told()) };
    assert_eq!(named(approvers), ["carol", "dave"]);
    assert_eq!((then, now), (&plan(), &red_plan()));
    assert_eq!(life.votes(), Vec::<&str>::new(), "what was approved was another plan");
}

/// People read the plan while the forge still works; they are asked again only where that took long.
#[test]
fn a_plan_is_told_of_once_before_or_after_its_pull_request() {
    let told = |hours: i64, opened: &Plan| {
        let mut life = Life::under(policy());
        life.ask("alice", request(0)).unwrap();
        life.fact(Fact::PlanReady { plan: opened.clone() });
        let [Notice::PlanReady { plan: first, quorum: 2, .. }] = life.told()[..] else { panic!("{:?}", life.told()) };
        assert_eq!(first, opened);
        life.hours = hours;
        life.fact(Fact::PullOpened { pull: pull() });
        assert_eq!(life.votes(), Vec::<&str>::new());
        life.told().len()
    };
    assert_eq!((told(0, &plan()), told(1, &plan())), (0, 1));

    // What is asked for once more is told of once more.
    let mut life = Life::under(policy());
    life.ask("alice", request(0)).unwrap();
    life.fact(Fact::PlanReady { plan: plan() });
    life.fact(Fact::PullOpened { pull: pull() });
    life.fact(Fact::PullPushed { pull: 17, head: head('e'), content: pull().content, by: "eve".to_owned(), files: 0 });
    life.fact(Fact::PlanReady { plan: plan() });
    let [Notice::PlanReady { .. }] = life.told()[..] else { panic!("{:?}", life.told()) };
}

/// Whoever votes in between is not told that there is no plan, which they have just read.
#[test]
fn a_vote_before_the_pull_request_is_open_is_told_what_it_waits_for() {
    let mut life = Life::under(policy());
    life.ask("alice", request(0)).unwrap();
    let refused = |life: &mut Life| match life.ask("bob", approve()) {
        Err(Refusal::NotInReview { state, .. }) => state,
        other => panic!("{other:?}"),
    };
    assert_eq!(refused(&mut life), "preparing");
    life.fact(Fact::PlanReady { plan: plan() });
    assert_eq!(refused(&mut life), "planned");
    life.fact(Fact::PullOpened { pull: pull() });
    life.ask("bob", approve()).unwrap();
    assert_eq!(life.votes(), ["bob"]);
}

/// A plan that would fail is nobody's to decide.
#[test]
fn a_plan_that_would_fail_is_not_told_of() {
    let finding = Finding { weight: Weight::Fails, what: "subnet-1 has no room".to_owned(), remedy: None };
    let mut life = Life::under(policy());
    life.ask("alice", request(0)).unwrap();
    life.fact(Fact::Surveyed { findings: vec![finding], order: Order::default() });
    assert!(life.fact(Fact::PlanReady { plan: plan() }));
    assert_eq!(life.told(), Vec::<&Notice>::new());
    life.fact(Fact::PullOpened { pull: pull() });
    assert!(matches!(life.state(), State::Stuck { .. }));
}

#[test]
fn a_refusal_of_an_own_approval_names_those_who_can() {
    let mut life = Life::reviewing(policy(), "bob");
    let Err(Refusal::OwnChange { quorum: 2, approvers }) = life.ask("bob", approve()) else { panic!() };
    assert_eq!(named(&approvers), ["carol", "dave"]);
}

#[test]
fn the_quorum_follows_the_risk_of_the_plan() {
    for (risk, needed) in [(Risk::Green, 1), (Risk::Yellow, 2), (Risk::Red, 3)] {
        let mut policy = policy();
        policy.approvers.push(person("frank"));
        policy.quorum.green = 1;
        policy.quorum.red = 3;
        let mut life = Life::under(policy);
        life.ask("alice", request(0)).unwrap();
        life.fact(Fact::PullOpened { pull: pull() });
        life.fact(Fact::PlanReady { plan: Plan { risk, ..plan() } });
        for (count, by) in ["bob", "carol", "dave"].into_iter().enumerate().take(needed) {
            assert_eq!(life.votes().len(), count, "{risk:?}");
            life.ask(by, approve()).unwrap();
        }
        let State::Applying(approved) = life.state() else { panic!("{risk:?} needs {needed}: {:?}", life.state()) };
        assert_eq!((approved.receipt.votes.len(), approved.receipt.quorum as usize), (needed, needed));
        assert_eq!((&approved.receipt.plan, &approved.receipt.head), (&digest('9'), &head('a')));
    }
}

#[test]
fn who_is_no_approver_any_more_decides_nothing() {
    let mut life = Life::reviewing(policy(), "alice");
    life.ask("bob", approve()).unwrap();
    life.policy.approvers.retain(|p| p.name != "bob");
    life.ask("carol", approve()).unwrap();
    assert_eq!(life.votes(), ["carol"]);
    life.ask("dave", approve()).unwrap();
    let State::Applying(approved) = life.state() else { panic!() };
    assert_eq!(named(&approved.receipt.votes.iter().map(|v| v.by.clone()).collect::<Vec<_>>()), ["carol", "dave"]);
}

#[test]
fn a_reaction_takes_back_only_what_a_reaction_gave() {
    let mut life = Life::reviewing(policy(), "alice");
    life.say("bob", Proof::Button, approve()).unwrap();
    life.say("bob", Proof::Reaction, Ask::Withdraw).unwrap();
    assert_eq!(life.votes(), ["bob"]);
    life.say("bob", Proof::Command, Ask::Withdraw).unwrap();
    assert_eq!(life.votes(), Vec::<&str>::new());
    life.say("bob", Proof::Reaction, approve()).unwrap();
    life.say("bob", Proof::Reaction, Ask::Withdraw).unwrap();
    assert_eq!(life.votes(), Vec::<&str>::new());
    assert!(matches!(life.ask("bob", Ask::Withdraw), Err(Refusal::NoVote)));
}

#[test]
fn a_push_voids_votes_and_says_whose() {
    for (content, files) in [(pull().content, 0), (crate::people::content('e'), 2)] {
        let mut life = Life::reviewing(policy(), "alice");
        life.ask("bob", approve()).unwrap();
        let by = "eve".to_owned();
        life.fact(Fact::PullPushed { pull: 17, head: head('e'), content, by, files });
        let [Notice::VotesVoid { whose, why: VoidWhy::Pushed { by, files: said } }] = life.told()[..] else { panic!() };
        assert_eq!((named(whose), by.as_str(), *said), (vec!["bob"], "eve", files));
        assert!(life.state().approved().is_none());
        // What is planned next starts from nothing.
        if files > 0 {
            life.ask("alice", Ask::Retry).unwrap();
        }
        life.fact(Fact::PullOpened { pull: Pull { head: head('e'), ..pull() } });
        life.fact(Fact::PlanReady { plan: plan() });
        assert_eq!(life.votes(), Vec::<&str>::new());
    }
}

#[test]
fn a_vote_is_for_the_plan_that_was_looked_at() {
    let mut life = Life::reviewing(policy(), "alice");
    let other = Ask::Approve { plan: Some(digest('1')) };
    let Err(Refusal::OtherPlan { seen, now }) = life.ask("bob", other) else { panic!() };
    assert_eq!((seen, now), (digest('1'), plan()));
    let other = Ask::Reject { plan: Some(digest('1')), reason: None };
    assert!(matches!(life.ask("bob", other), Err(Refusal::OtherPlan { .. })), "nor is a no for another plan a no");
    assert_eq!(life.votes(), Vec::<&str>::new());
}

#[test]
fn limits_and_freezes_stop_what_begins_and_nothing_else() {
    let mut life = Life::under(policy());
    assert!(matches!(life.ask("alice", request(3)), Err(Refusal::TooMany { have: 3, limit: 3 })));
    assert!(life.ask("alice", request(2)).is_ok());
    life.policy.frozen = Some("the year is being closed".parse().unwrap());
    life.fact(Fact::PullOpened { pull: pull() });
    life.fact(Fact::PlanReady { plan: plan() });
    life.ask("bob", approve()).unwrap();
    life.ask("alice", Ask::Cancel).unwrap();
    assert!(matches!(life.ask("alice", request(0)), Err(Refusal::Frozen { .. })));

    let mut alone = policy();
    alone.approvers = vec![person("bob"), person("carol")];
    let mut life = Life::under(alone);
    assert!(matches!(life.ask("bob", request(0)), Err(Refusal::NobodyCouldApprove { quorum: 2, .. })));
    assert!(life.ask("alice", request(0)).is_ok());
}

/// The end of a lease asks for a teardown, and people decide about it as about any other.
#[test]
fn a_lease_ends_once_and_waits_for_an_open_change() {
    let mut life = Life::reviewing(policy(), "alice");
    life.ask("bob", approve()).unwrap();
    life.ask("carol", approve()).unwrap();
    life.fact(Fact::Applied { cluster_id: None });
    life.fact(Fact::PullMerged { pull: 17, commit: head('d') });
    life.fact(Fact::Usable { facts: facts() });
    life.fact(Fact::Granted { grants: vec![] });
    let until = life.cluster.as_ref().unwrap().live.as_ref().unwrap().until.unwrap();
    assert_eq!(until, start() + SignedDuration::from_hours(7 * 24));
    assert!(life.effects.contains(&Effect::AwaitLeaseEnd { at: until }));
    assert!(!life.fact(Fact::LeaseEnded { number: ChangeNumber(50) }), "not yet");

    life.ask("alice", Ask::Destroy { number: ChangeNumber(43), place: place(), reason: None }).unwrap();
    life.hours = 7 * 24;
    assert!(life.fact(Fact::LeaseEnded { number: ChangeNumber(50) }));
    let again = until + kaas::lifecycle::step::LEASE_RECHECK;
    assert_eq!(life.effects, [Effect::AwaitLeaseEnd { at: again }], "a change is open: later");
    life.ask("alice", Ask::Cancel).unwrap();
    life.hours += 1;
    assert!(life.fact(Fact::LeaseEnded { number: ChangeNumber(51) }));
    let change = &life.cluster.as_ref().unwrap().change;
    assert_eq!((change.number, change.by.name.as_str()), (ChangeNumber(51), "alice"));
    assert!(matches!(life.state(), State::Preparing { .. }), "a plan and votes, as for every teardown");
}

/// What belongs to an older change of the same cluster changes nothing about the next.
#[test]
fn answers_of_an_older_change_are_stale() {
    let mut life = Life::reviewing(policy(), "alice");
    life.ask("alice", Ask::Cancel).unwrap();
    let second = Ask::Request { form: form(), number: ChangeNumber(43), place: place(), owned: 0 };
    life.ask("alice", second).unwrap();
    let before = life.cluster.clone();
    assert!(!life.fact(Fact::CardPosted { change: FIRST, message: "m7".to_owned() }));
    assert!(!life.fact(Fact::PullWithdrawn { change: FIRST }));
    assert!(!life.fact(Fact::PullClosed { pull: 17, by: "eve".to_owned() }));
    assert_eq!(life.cluster, before);
    assert!(life.fact(Fact::CardPosted { change: ChangeNumber(43), message: "m8".to_owned() }));
}

/// The pull request of an earlier change may be put away late, while this one's undo still waits for its own.
#[test]
fn an_undo_ends_with_its_own_pull_request() {
    let mut life = Life::under(policy());
    let second = Ask::Request { form: form(), number: ChangeNumber(43), place: place(), owned: 0 };
    life.ask("alice", second).unwrap();
    let fault = kaas::lifecycle::Fault { reference: "K-7F3Q".to_owned(), text: "there is no room".to_owned() };
    let effect = kaas::lifecycle::EffectKey { cluster: key(), revision: 1, index: 0 };
    let through = |life: &mut Life| {
        life.fact(Fact::PullOpened { pull: pull() });
        life.fact(Fact::PlanReady { plan: plan() });
        life.ask("bob", approve()).unwrap();
        life.ask("carol", approve()).unwrap();
    };
    through(&mut life);
    life.fact(Fact::Broken { effect, fault });
    life.ask("alice", Ask::Cancel).unwrap();
    through(&mut life);
    life.fact(Fact::Applied { cluster_id: None });
    life.fact(Fact::Gone);
    let waiting = life.cluster.clone();
    assert!(matches!(life.state(), State::Joining(_)));
    assert!(!life.fact(Fact::PullWithdrawn { change: FIRST }));
    assert_eq!(life.cluster, waiting);
    assert!(life.fact(Fact::PullWithdrawn { change: ChangeNumber(43) }));
    assert!(matches!(life.state(), State::Done(_)));
}

/// A tenant with two chats: everything that everybody sees is asked for in both, and each has a card of its own.
#[test]
fn a_change_is_shown_in_every_chat_of_its_tenant() {
    let elsewhere = Place { chat: "elsewhere".to_owned(), channel: "#ops".to_owned() };
    let mut both = policy();
    both.places = vec![place(), elsewhere.clone()];
    let mut life = Life::under(both);
    life.ask("alice", request(0)).unwrap();
    let copies = |life: &Life| {
        let is_copy = |e: &&Effect| matches!(e, Effect::CopyCard { .. } | Effect::CopyPost { .. });
        life.effects.iter().filter(is_copy).cloned().collect::<Vec<_>>()
    };
    let chat = || "elsewhere".to_owned();
    assert_eq!(copies(&life), [Effect::CopyCard { chat: chat() }]);
    let posted = |change, chat: &str| Fact::CopyPosted { change, chat: chat.to_owned(), message: "m9".to_owned() };
    assert!(!life.fact(posted(ChangeNumber(43), "elsewhere")), "another change's");
    assert!(!life.fact(posted(FIRST, "nowhere")));
    assert!(life.fact(posted(FIRST, "elsewhere")) && !life.fact(posted(FIRST, "elsewhere")));
    assert_eq!(life.cluster.as_ref().unwrap().change.shown_in("elsewhere"), Some((&elsewhere, Some("m9"))));
    life.fact(Fact::PullOpened { pull: pull() });
    life.fact(Fact::PlanReady { plan: plan() });
    let [Effect::CopyCard { .. }, Effect::CopyPost { notice: Notice::PlanReady { .. }, .. }] = &copies(&life)[..]
    else {
        panic!("{:?}", life.effects)
    };

    // What is asked for elsewhere is shown here.
    let mut life = Life::under(life.policy.clone());
    life.ask("alice", Ask::Request { form: form(), number: FIRST, place: elsewhere, owned: 0 }).unwrap();
    assert_eq!(copies(&life), [Effect::CopyCard { chat: place().chat }]);
}

/// While terraform waits for a removal that hangs, people hear of it once, and the admins besides.
#[test]
fn a_removal_that_lingers_is_told_of_once() {
    let lingers = || Fact::Lingers { detail: "waiting for its nodes to go".to_owned() };
    let mut life = Life::reviewing(policy(), "alice");
    life.ask("bob", approve()).unwrap();
    life.ask("carol", approve()).unwrap();
    assert!(!life.fact(lingers()), "it is being made");
    life.fact(Fact::Applied { cluster_id: None });
    life.fact(Fact::PullMerged { pull: 17, commit: head('d') });
    life.fact(Fact::Usable { facts: facts() });
    life.fact(Fact::Granted { grants: vec![] });
    life.ask("alice", Ask::Destroy { number: ChangeNumber(43), place: place(), reason: None }).unwrap();
    life.fact(Fact::PullOpened { pull: pull() });
    life.fact(Fact::PlanReady { plan: plan() });
    assert!(!life.fact(lingers()), "nobody has approved it");
    life.ask("bob", approve()).unwrap();
    life.ask("carol", approve()).unwrap();
    assert!(life.fact(lingers()));
    let [Notice::Lingers { .. }] = life.told()[..] else { panic!("{:?}", life.effects) };
    let told = life.effects.iter().filter(|e| matches!(e, Effect::Tell { notice: Notice::Lingers { .. }, .. })).count();
    assert_eq!(told, life.policy.admins.len());
    assert!(told > 0 && !life.fact(lingers()));
}
