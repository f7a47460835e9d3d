//! Every state x every input, in one readable snapshot. It is the specification of the life-cycle: a change of behaviour is a changed line there.

use std::fmt::Write as _;

use jiff::SignedDuration;
use kaas::lifecycle::cloud::{Certificate, Finding, Order, PoolOrder, Weight};
use kaas::lifecycle::notice::Notice;
use kaas::lifecycle::step::{Step, step};
use kaas::lifecycle::{
    Ask, Closed, Cluster, Effect, EffectKey, Fact, Fault, Grant, Input, InputId, Kind, Matched, Plan, PlanDigest,
    Proof, Pull, State, StuckWhy, Subject, What,
};

use crate::people::{
    FIRST, content, digest, facts, form, head, key, person, place, plan, policy, pull, red_plan, start,
};

/// Plays inputs one after the other and answers the cluster.
struct Life {
    cluster: Option<Cluster>,
}

impl Life {
    fn new() -> Self {
        Self { cluster: None }
    }

    fn then(mut self, what: What) -> Self {
        let input = Input { id: InputId(String::new()), at: start(), what };
        let taken = step(&policy(), &key(), self.cluster.as_ref(), &input);
        let done = taken.expect("the life goes on").expect("the life goes on");
        self.cluster = Some(done.cluster);
        self
    }

    fn requested() -> Self {
        Self::new().then(request("alice"))
    }

    fn reviewing() -> Self {
        Self::requested().then(opened()).then(planned(plan()))
    }

    fn applying() -> Self {
        Self::reviewing().then(approve("bob", Proof::Button)).then(approve("carol", Proof::Button))
    }

    fn joining() -> Self {
        Self::applying().then(applied())
    }

    fn ready() -> Self {
        Self::joining().then(merged()).then(usable()).then(granted())
    }

    fn destroying() -> Self {
        Self::ready().then(destroy("alice"))
    }

    fn destroy_in_review() -> Self {
        let removed = Pull { content: content('0'), ..pull() };
        Self::destroying()
            .then(What::Fact(Fact::PullOpened { pull: removed }))
            .then(planned(Plan { content: content('0'), ..red_plan() }))
    }

    fn leaving() -> Self {
        Self::destroy_in_review()
            .then(approve("bob", Proof::Button))
            .then(approve("dave", Proof::Command))
            .then(applied())
    }

    fn undoing() -> Self {
        Self::applying().then(broken()).then(ask("alice", Ask::Cancel)).then(opened()).then(planned(red_plan()))
    }
}

fn ask(by: &str, ask: Ask) -> What {
    What::Ask { by: person(by), proof: Proof::Command, ask }
}

fn request(by: &str) -> What {
    ask(by, Ask::Request { form: form(), number: FIRST, place: place(), owned: 0 })
}

fn destroy(by: &str) -> What {
    ask(by, Ask::Destroy { number: kaas::lifecycle::ChangeNumber(43), place: place(), reason: None })
}

fn approve(by: &str, proof: Proof) -> What {
    What::Ask { by: person(by), proof, ask: Ask::Approve { plan: None } }
}

fn approve_plan(by: &str, plan: PlanDigest) -> What {
    What::Ask { by: person(by), proof: Proof::Button, ask: Ask::Approve { plan: Some(plan) } }
}

fn reject(by: &str, proof: Proof) -> What {
    What::Ask {
        by: person(by),
        proof,
        ask: Ask::Reject { plan: None, reason: Some("the budget is gone".parse().unwrap()) },
    }
}

fn opened() -> What {
    What::Fact(Fact::PullOpened { pull: pull() })
}

fn planned(plan: Plan) -> What {
    What::Fact(Fact::PlanReady { plan })
}

fn pushed(files: u32) -> What {
    let content = content(if files == 0 { 'c' } else { 'e' });
    What::Fact(Fact::PullPushed { pull: 17, head: head('e'), content, by: "eve".to_owned(), files })
}

fn applied() -> What {
    What::Fact(Fact::Applied { cluster_id: Some("c-m-7k2x9q4d".to_owned()) })
}

fn merged() -> What {
    What::Fact(Fact::PullMerged { pull: 17, commit: head('d') })
}

fn usable() -> What {
    What::Fact(Fact::Usable { facts: facts() })
}

fn granted() -> What {
    let grant = Grant {
        to: "alice".to_owned(),
        role: "cluster-owner".to_owned(),
        binding: "c-m-7k2x9q4d:kaas-alice".to_owned(),
        subject: None,
        until: None,
    };
    What::Fact(Fact::Granted { grants: vec![grant] })
}

fn bob() -> Subject {
    Subject::User("u-bob".to_owned())
}

fn hours(hours: i64) -> jiff::Timestamp {
    start() + SignedDuration::from_hours(hours)
}

fn access(by: &str, lasts: Option<i64>) -> What {
    let lasts = lasts.map(SignedDuration::from_hours);
    ask(by, Ask::Access { to: "bob".to_owned(), subject: bob(), role: None, lasts })
}

fn access_as(by: &str, role: &str) -> What {
    ask(by, Ask::Access { to: "bob".to_owned(), subject: bob(), role: Some(role.to_owned()), lasts: None })
}

fn bound(until: Option<i64>) -> What {
    let grant = Grant {
        to: "bob".to_owned(),
        role: "cluster-member".to_owned(),
        binding: "c-m-7k2x9q4d:kaas-bob".to_owned(),
        subject: Some(bob()),
        until: until.map(hours),
    };
    What::Fact(Fact::Bound { grant, by: person("alice") })
}

fn ended(after: i64) -> What {
    What::Fact(Fact::AccessEnded { binding: "c-m-7k2x9q4d:kaas-bob".to_owned(), at: hours(after) })
}

fn surveyed(fails: bool) -> What {
    let weight = if fails { Weight::Fails } else { Weight::Doubt };
    let what = "m6i.large is not offered in eu-west-1c".to_owned();
    let findings = vec![Finding { weight, what, remedy: Some("m6a.large".to_owned()) }];
    let pool = PoolOrder { name: "worker-a".to_owned(), region: Some("eu-west-1".to_owned()), ..PoolOrder::default() };
    What::Fact(Fact::Surveyed { findings, order: Order { pools: vec![pool] } })
}

fn access_failed(back: bool) -> What {
    let binding = (!back).then(|| "c-m-7k2x9q4d:kaas-carol".to_owned());
    let by = (!back).then(|| person("alice"));
    What::Fact(Fact::AccessFailed { to: "bob".to_owned(), back, fault: fault(), binding, by })
}

fn matched() -> Matched {
    let (user, name) = ("u-k7x2m".to_owned(), "alice@example.com".to_owned());
    Matched { user, email: name.clone(), name }
}

fn swept(change: kaas::lifecycle::ChangeNumber) -> What {
    let certificate = Certificate {
        at: start(),
        asked: Vec::new(),
        digest: String::new(),
        unread: Vec::new(),
        sure: Vec::new(),
        suspect: Vec::new(),
        more: 0,
    };
    What::Fact(Fact::Swept { change, round: 1, certificate })
}

fn broken() -> What {
    let effect = EffectKey { cluster: key(), revision: 1, index: 0 };
    What::Fact(Fact::Broken { effect, fault: fault() })
}

fn fault() -> Fault {
    Fault { reference: "K-7F3Q".to_owned(), text: "the AMI is not in eu-west-1c".to_owned() }
}

fn states() -> Vec<(&'static str, Life)> {
    vec![
        ("nothing", Life::new()),
        ("preparing", Life::requested()),
        ("preparing, pull open", Life::requested().then(opened())),
        ("preparing, plan made", Life::requested().then(planned(plan()))),
        ("reviewing", Life::reviewing()),
        ("reviewing, bob voted", Life::reviewing().then(approve("bob", Proof::Reaction))),
        (
            "reviewing red",
            Life::requested().then(opened()).then(planned(Plan { risk: kaas::lifecycle::Risk::Red, ..plan() })),
        ),
        ("applying", Life::applying()),
        ("joining", Life::joining()),
        ("joining, merged", Life::joining().then(merged())),
        ("joining, usable", Life::joining().then(usable())),
        ("joining, granted", Life::joining().then(usable()).then(granted())),
        ("ready", Life::ready()),
        ("ready, bob let in until 8h", Life::ready().then(bound(Some(8)))),
        (
            "stuck, the cloud would refuse it",
            Life::requested().then(surveyed(true)).then(opened()).then(planned(plan())),
        ),
        ("closed", Life::reviewing().then(reject("carol", Proof::Button))),
        ("stuck preparing", Life::requested().then(broken())),
        ("stuck pushed", Life::reviewing().then(pushed(2))),
        ("stuck applying", Life::applying().then(broken())),
        ("stuck joining", Life::joining().then(usable()).then(broken())),
        ("destroy preparing", Life::destroying()),
        ("destroy reviewing", Life::destroy_in_review()),
        ("destroy leaving", Life::leaving()),
        ("gone", Life::leaving().then(merged()).then(What::Fact(Fact::Gone))),
        ("undo reviewing", Life::undoing()),
        (
            "undo leaving",
            Life::undoing().then(approve("bob", Proof::Button)).then(approve("carol", Proof::Button)).then(applied()),
        ),
        ("undo not decided", Life::undoing().then(reject("carol", Proof::Button))),
    ]
}

fn inputs() -> Vec<(&'static str, What)> {
    let deadline = start() + SignedDuration::from_hours(24);
    vec![
        ("alice requests", request("alice")),
        ("erin requests", request("erin")),
        ("mallory requests", request("mallory")),
        ("bob approves", approve("bob", Proof::Button)),
        ("bob reacts", approve("bob", Proof::Reaction)),
        ("carol approves this plan", approve_plan("carol", digest('9'))),
        ("carol approves another plan", approve_plan("carol", digest('1'))),
        ("dave approves", approve("dave", Proof::Command)),
        ("alice approves", approve("alice", Proof::Button)),
        ("mallory approves", approve("mallory", Proof::Reaction)),
        ("bob withdraws a reaction", What::Ask { by: person("bob"), proof: Proof::Reaction, ask: Ask::Withdraw }),
        ("bob withdraws", ask("bob", Ask::Withdraw)),
        ("carol rejects", reject("carol", Proof::Button)),
        ("carol rejects by reaction", reject("carol", Proof::Reaction)),
        ("mallory rejects", reject("mallory", Proof::Button)),
        ("alice cancels", ask("alice", Ask::Cancel)),
        ("erin cancels", ask("erin", Ask::Cancel)),
        ("dave cancels", ask("dave", Ask::Cancel)),
        ("alice retries", ask("alice", Ask::Retry)),
        ("mallory retries", ask("mallory", Ask::Retry)),
        ("alice destroys", destroy("alice")),
        ("erin destroys", destroy("erin")),
        ("dave destroys", destroy("dave")),
        ("alice lets bob in", access("alice", None)),
        ("alice lets bob in for 12h", access("alice", Some(12))),
        ("erin lets bob in", access("erin", None)),
        ("alice lets bob read", access_as("alice", "read-only")),
        ("alice makes bob admin", access_as("alice", "cluster-admin")),
        ("alice takes back bob's", ask("alice", Ask::Revoke { to: "bob".to_owned(), subject: Some(bob()) })),
        ("alice takes back her own", ask("alice", Ask::Revoke { to: "alice".to_owned(), subject: None })),
        ("erin takes back bob's", ask("erin", Ask::Revoke { to: "bob".to_owned(), subject: Some(bob()) })),
        ("dave lets a machine go", ask("dave", Ask::ForceRemove { machine: "m-1".to_owned() })),
        ("alice lets a machine go", ask("alice", Ask::ForceRemove { machine: "m-1".to_owned() })),
        ("Bound", bound(None)),
        ("Bound, longer", bound(Some(12))),
        ("Unbound", What::Fact(Fact::Unbound { binding: "c-m-7k2x9q4d:kaas-bob".to_owned(), by: None })),
        ("AccessFailed, taking back", access_failed(true)),
        ("AccessFailed, giving", access_failed(false)),
        ("Lingers", What::Fact(Fact::Lingers { detail: "waiting for its nodes".to_owned() })),
        ("Surveyed", surveyed(false)),
        ("Surveyed, it would fail", surveyed(true)),
        ("OwnerMatched", What::Fact(Fact::OwnerMatched { matched: matched() })),
        ("MachinesSeen", What::Fact(Fact::MachinesSeen { machines: vec!["m-1".to_owned()] })),
        ("ForceRemoved", What::Fact(Fact::ForceRemoved { machine: "m-1".to_owned(), by: person("dave") })),
        ("Swept", swept(kaas::lifecycle::ChangeNumber(43))),
        ("Swept for another change", swept(kaas::lifecycle::ChangeNumber(7))),
        ("CardPosted", What::Fact(Fact::CardPosted { change: FIRST, message: "m7".to_owned() })),
        ("PullOpened", opened()),
        (
            "PullOpened with other content",
            What::Fact(Fact::PullOpened { pull: Pull { content: content('e'), ..pull() } }),
        ),
        ("PullPushed, content differs", pushed(2)),
        ("PullPushed, same content", pushed(0)),
        ("PullPushed, the known head", {
            What::Fact(Fact::PullPushed {
                pull: 17,
                head: head('a'),
                content: content('c'),
                by: "kaas".to_owned(),
                files: 0,
            })
        }),
        ("PullClosed", What::Fact(Fact::PullClosed { pull: 17, by: "eve".to_owned() })),
        ("PullClosed, another one", What::Fact(Fact::PullClosed { pull: 3, by: "eve".to_owned() })),
        ("PullMerged", merged()),
        ("PullWithdrawn", What::Fact(Fact::PullWithdrawn { change: FIRST })),
        ("PlanReady", planned(plan())),
        ("Applied", applied()),
        ("Drifted", What::Fact(Fact::Drifted { plan: red_plan() })),
        (
            "HeldBack, pushed",
            What::Fact(Fact::HeldBack {
                pull: Some(Pull { head: head('e'), ..pull() }),
                by: "eve".to_owned(),
                files: 2,
            }),
        ),
        ("HeldBack, closed", What::Fact(Fact::HeldBack { pull: None, by: "eve".to_owned(), files: 0 })),
        ("Usable", usable()),
        ("Granted", granted()),
        ("Gone", What::Fact(Fact::Gone)),
        ("DeadlinePassed early", What::Fact(Fact::DeadlinePassed { deadline })),
        ("ReminderDue", What::Fact(Fact::ReminderDue)),
        ("LeaseEnded early", What::Fact(Fact::LeaseEnded { number: kaas::lifecycle::ChangeNumber(44) })),
        ("Broken", broken()),
        ("Troubled", What::Fact(Fact::Troubled { fault: fault(), again: start() })),
    ]
}

/// Inputs that come when time has passed.
fn late_inputs() -> Vec<(&'static str, What)> {
    let deadline = start() + SignedDuration::from_hours(24);
    vec![
        ("DeadlinePassed", What::Fact(Fact::DeadlinePassed { deadline })),
        ("DeadlinePassed of an older review", What::Fact(Fact::DeadlinePassed { deadline: start() })),
        ("AccessEnded", ended(8)),
        ("AccessEnded, an older end", ended(1)),
        ("LeaseEnded", What::Fact(Fact::LeaseEnded { number: kaas::lifecycle::ChangeNumber(44) })),
    ]
}

#[test]
fn every_state_and_every_input() {
    let mut out = String::new();
    for (state, life) in states() {
        let _ = writeln!(out, "{state}");
        let early = inputs().into_iter().map(|(name, what)| (name, what, start() + SignedDuration::from_secs(60)));
        let late =
            late_inputs().into_iter().map(|(name, what)| (name, what, start() + SignedDuration::from_hours(24 * 8)));
        for (name, what, at) in early.chain(late) {
            let input = Input { id: InputId(String::new()), at, what };
            let row = match step(&policy(), &key(), life.cluster.as_ref(), &input) {
                Err(refusal) => format!("refused: {}", name_of(&format!("{refusal:?}"))),
                Ok(None) => "-".to_owned(),
                Ok(Some(done)) => told(&done),
            };
            let _ = writeln!(out, "  {name:<32} {row}");
        }
    }
    insta::assert_snapshot!("life_cycle", out);
}

fn told(done: &Step) -> String {
    let change = &done.cluster.change;
    let effects: Vec<String> = done.effects.iter().map(effect).collect();
    let entered = if done.entered { "=> " } else { "" };
    let kind = match (change.kind, change.undo) {
        (Kind::Create, _) => "",
        (Kind::Destroy, false) => "destroy ",
        (Kind::Destroy, true) => "undo ",
    };
    format!("{entered}{kind}{} | {}", state(&change.state), effects.join(", "))
}

fn state(state: &State) -> String {
    match state {
        State::Preparing { pull, plan } => {
            let parts = [pull.as_ref().map(|_| "pull"), plan.as_ref().map(|_| "plan")];
            format!("Preparing({})", parts.into_iter().flatten().collect::<Vec<_>>().join("+"))
        }
        State::Reviewing(review) => {
            let votes: Vec<&str> = review.votes.iter().map(|v| v.by.name.as_str()).collect();
            format!("Reviewing({} {:?}: {})", review.plan.digest.short(), review.plan.risk, votes.join(" "))
        }
        State::Applying(approved) => format!("Applying({})", approved.plan.digest.short()),
        State::Joining(joining) => {
            let parts = [
                joining.merged.as_ref().map(|_| "merged"),
                joining.usable.as_ref().map(|_| "usable"),
                joining.settled.as_ref().map(|_| "settled"),
            ];
            format!("Joining({})", parts.into_iter().flatten().collect::<Vec<_>>().join("+"))
        }
        State::Done(_) => "Done".to_owned(),
        State::Closed(why) => format!("Closed({})", name_of(&format!("{why:?}"))),
        State::Stuck { was, why } => {
            let why = match why {
                StuckWhy::LeftBehind(Closed::Rejected { .. }) => "LeftBehind, rejected".to_owned(),
                other => name_of(&format!("{other:?}")),
            };
            format!("Stuck({why}; was {})", self::state(was))
        }
    }
}

fn effect(effect: &Effect) -> String {
    match effect {
        Effect::Post(notice) => format!("post {}", notice_name(notice)),
        Effect::Tell { to, notice } => format!("tell {} {}", to.name, notice_name(notice)),
        Effect::Apply { plan, head } => format!("apply {} at {}", plan.short(), &head.as_str()[..6]),
        Effect::MergePull { pull, head } => format!("merge #{pull} at {}", &head.as_str()[..6]),
        other => other.name().to_owned(),
    }
}

fn notice_name(notice: &Notice) -> String {
    name_of(&format!("{notice:?}"))
}

/// The first word of a debug form: the variant's name.
fn name_of(debug: &str) -> String {
    debug.split([' ', '(', '{']).next().unwrap_or_default().to_owned()
}
