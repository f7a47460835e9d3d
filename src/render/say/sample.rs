//! The cluster that the snapshots are about, at any point of its life.

use jiff::tz::TimeZone;
use jiff::{SignedDuration, Timestamp};

use super::Context;
use super::card::{CardView, Progress};
use crate::lifecycle::form::Form;
use crate::lifecycle::policy::{Policy, Quorum};
use crate::lifecycle::{
    Approved, Change, ChangeNumber, Closed, Cluster, ClusterFacts, ClusterKey, Fault, Grant, Joining, Kind, Live,
    Person, Place, Plan, Proof, Pull, Receipt, Review, Risk, State, StuckWhy, Took, Vote,
};
use crate::render::message::{Message, Span};

pub(super) fn now() -> Timestamp {
    "2026-11-22T14:02:00Z".parse().unwrap()
}

pub(super) fn after(time: &str) -> Timestamp {
    now() + time.parse::<SignedDuration>().unwrap()
}

pub(super) fn person(name: &str) -> Person {
    Person { id: name.parse().unwrap(), name: name.to_owned() }
}

pub(super) fn people(names: &[&str]) -> Vec<Person> {
    names.iter().map(|name| person(name)).collect()
}

pub(super) fn policy() -> Policy {
    Policy {
        requesters: None,
        approvers: people(&["bob", "carol", "dave"]),
        admins: people(&["dave"]),
        quorum: Quorum { green: 2, yellow: 2, red: 2 },
        reactions_up_to: Risk::Green,
        review: SignedDuration::from_hours(48),
        remind_after: SignedDuration::from_hours(4),
        clusters_a_person: Some(3),
        frozen: None,
        roles: crate::lifecycle::policy::RequesterRoles {
            usual: "cluster-owner".to_owned(),
            ..crate::lifecycle::policy::RequesterRoles::default()
        },
        access: crate::lifecycle::policy::AccessPolicy {
            roles: vec!["cluster-member".to_owned(), "read-only".to_owned()],
            longest: None,
        },
        certify: true,
        places: Vec::new(),
    }
}

pub(super) fn plan() -> Plan {
    Plan {
        digest: format!("9f3ac1{}", "0".repeat(58)).parse().unwrap(),
        content: "c".repeat(64).parse().unwrap(),
        add: 7,
        change: 0,
        destroy: 0,
        risk: Risk::Green,
        highlights: vec!["adds rancher2_cluster_v2.this".to_owned()],
    }
}

pub(super) fn red_plan() -> Plan {
    Plan {
        digest: format!("b7e210{}", "0".repeat(58)).parse().unwrap(),
        destroy: 1,
        risk: Risk::Red,
        highlights: vec!["destroys rancher2_cluster_v2.this".to_owned()],
        ..plan()
    }
}

pub(super) fn pull() -> Pull {
    Pull {
        number: 17,
        url: "https://git.example.com/acme/clusters/pull/17".to_owned(),
        head: "a".repeat(40).parse().unwrap(),
        content: "c".repeat(64).parse().unwrap(),
    }
}

fn votes(by: &[&str]) -> Vec<Vote> {
    by.iter().map(|name| Vote { by: person(name), at: now(), proof: Proof::Button }).collect()
}

pub(super) fn reviewing(by: &[&str]) -> State {
    State::Reviewing(Review { pull: pull(), plan: plan(), votes: votes(by), deadline: after("47h") })
}

pub(super) fn approved() -> Approved {
    let plan = plan();
    let receipt =
        Receipt { votes: votes(&["bob", "carol"]), quorum: 2, plan: plan.digest.clone(), head: pull().head, at: now() };
    Approved { pull: pull(), plan, receipt }
}

pub(super) fn joining() -> State {
    State::Joining(Joining { approved: approved(), cluster_id: None, merged: None, usable: None, settled: None })
}

pub(super) fn fault() -> StuckWhy {
    StuckWhy::Fault(Fault {
        reference: "K-91TD".to_owned(),
        text: "terraform: \"InvalidAMIID.NotFound: ami-0abc\"".to_owned(),
    })
}

pub(super) fn stuck_in(was: State) -> State {
    State::Stuck { was: Box::new(was), why: fault() }
}

pub(super) fn rejected() -> Closed {
    Closed::Rejected { by: person("carol"), reason: Some("the budget is gone".parse().unwrap()) }
}

pub(super) fn live() -> Live {
    Live {
        since: now(),
        until: Some(after("168h")),
        facts: ClusterFacts {
            id: "c-m-abc12345".to_owned(),
            nodes: 4,
            version: "v1.33.5+rke2r1".to_owned(),
            endpoint: Some("10.20.0.15".to_owned()),
            page: "https://rancher.example.com/dashboard/c/c-m-abc12345".to_owned(),
            rancher: "https://rancher.example.com".to_owned(),
        },
        grants: grants(),
    }
}

pub(super) fn grants() -> Vec<Grant> {
    let grant = |to: &str, role: &str| Grant {
        to: to.to_owned(),
        role: role.to_owned(),
        binding: "crtb-x".to_owned(),
        subject: None,
        until: None,
    };
    vec![grant("alice", "cluster-owner"), grant("team billing", "read-only")]
}

/// crucial-sandbox, which alice asked for, in a state.
pub(super) fn cluster(state: State) -> Cluster {
    Cluster {
        key: ClusterKey { tenant: "acme".parse().unwrap(), name: "crucial-sandbox".parse().unwrap() },
        owner: person("alice"),
        written: ChangeNumber(42),
        form: Form {
            name: "crucial-sandbox".parse().unwrap(),
            class: "aws".parse().unwrap(),
            size: "small".parse().unwrap(),
            workers: 3,
            control_planes: 1,
            instance_type: "m6i.large".to_owned(),
            kubernetes: "v1.33.5+rke2r1".parse().unwrap(),
            region: "eu-west-1".parse().unwrap(),
            ttl: Some("7d".parse().unwrap()),
            reason: Some("load test of billing".parse().unwrap()),
            ticket: Some("OPS-77".parse().unwrap()),
            dollars_a_month: Some(412),
        },
        live: None,
        footprint: crate::lifecycle::cloud::Footprint::default(),
        change: Change {
            number: ChangeNumber(42),
            kind: Kind::Create,
            undo: false,
            by: person("alice"),
            place: Place { chat: "terminal".to_owned(), channel: "#clusters".to_owned() },
            reason: Some("load test of billing".parse().unwrap()),
            ticket: Some("OPS-77".parse().unwrap()),
            asked: after("-10m"),
            entered: after("-12s"),
            state,
            card: None,
            copies: Vec::new(),
            took: Took::default(),
            lease_ended: false,
            reviews: 0,
            foretold: None,
            told: None,
            findings: Vec::new(),
            matched: None,
        },
    }
}

/// The same, while it is being taken down.
pub(super) fn destroying(state: State) -> Cluster {
    let mut cluster = cluster(state);
    cluster.live = Some(live());
    cluster.change.kind = Kind::Destroy;
    cluster.change.number = ChangeNumber(57);
    cluster.change.reason = Some("the load test is over".parse().unwrap());
    cluster.change.ticket = None;
    cluster
}

/// The same, while what an unfinished create made is being taken down.
pub(super) fn undoing(state: State) -> Cluster {
    let mut cluster = cluster(state);
    cluster.change.undo = true;
    cluster
}

pub(super) fn with_view<T>(
    cluster: &Cluster,
    progress: Option<&Progress>,
    usually: Option<SignedDuration>,
    use_view: impl FnOnce(&CardView<'_>) -> T,
) -> T {
    let (policy, tz) = (policy(), TimeZone::UTC);
    use_view(&CardView { cluster, policy: &policy, now: now(), tz: &tz, progress, usually })
}

pub(super) fn with_context<T>(use_context: impl FnOnce(&Context<'_>) -> T) -> T {
    let tz = TimeZone::UTC;
    let usually = Some(SignedDuration::from_secs(530));
    use_context(&Context { now: now(), tz: &tz, usually, card: Some("https://chat.example.com/c/42") })
}

/// A message as it reads, with its buttons and its file.
pub(super) fn read(message: &Message) -> String {
    let mut out = message.plain();
    if let Some(file) = &message.file {
        out.push_str(&format!("   [{file}]"));
    }
    if !message.buttons.is_empty() {
        let labels: Vec<String> = message.buttons.iter().map(|button| format!("[ {} ]", button.label)).collect();
        out.push_str(&format!("\n{}", labels.join(" ")));
    }
    for span in message.lines.iter().flat_map(|line| &line.spans) {
        let (Span::Text(text) | Span::Strong(text) | Span::Code(text)) = span else { continue };
        assert!(!text.chars().any(char::is_control), "{text:?}");
    }
    assert!(message.lines.iter().all(|line| line.plain() == line.plain().trim_end()), "{out}");
    out
}

/// The card in every state, by what it shows: for the adapters' own tests.
pub(crate) fn every_card() -> Vec<(&'static str, Message)> {
    let card =
        |cluster: &Cluster, progress: Option<Progress>| with_view(cluster, progress.as_ref(), None, super::card::card);
    let progress = |done, detail: &str, left| Progress {
        done,
        detail: Some(detail.to_owned()).filter(|detail| !detail.is_empty()),
        left: Some(SignedDuration::from_secs(left)),
    };
    let preparing = || State::Preparing { pull: None, plan: None };
    let red =
        || State::Reviewing(Review { pull: pull(), plan: red_plan(), votes: votes(&["bob"]), deadline: after("47h") });
    vec![
        ("planning", card(&cluster(preparing()), None)),
        ("waiting for two", card(&cluster(reviewing(&[])), None)),
        ("waiting for one more", card(&cluster(reviewing(&["bob"])), None)),
        ("waiting, and something is destroyed", card(&cluster(red()), None)),
        ("applying", card(&cluster(State::Applying(approved())), Some(progress(Some((4, 7)), "", 360)))),
        ("joining", card(&cluster(joining()), Some(progress(None, "2 of 4 nodes are up, etcd is starting", 180)))),
        ("ready", card(&Cluster { live: Some(live()), ..cluster(State::Done(approved())) }, None)),
        ("rejected", card(&cluster(State::Closed(rejected())), None)),
        ("nobody decided", card(&cluster(State::Closed(Closed::NobodyDecided { deadline: now() })), None)),
        ("stuck", card(&cluster(stuck_in(State::Applying(approved()))), None)),
        ("a destroy that waits", card(&destroying(reviewing(&[])), None)),
        ("gone", card(&destroying(State::Done(approved())), None)),
        ("a clean-up", card(&undoing(preparing()), None)),
    ]
}
