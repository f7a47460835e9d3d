//! The people and values that the core's tests speak of.

use jiff::{SignedDuration, Timestamp};
use kaas::lifecycle::form::{Form, Ttl};
use kaas::lifecycle::policy::{Policy, Quorum};
use kaas::lifecycle::{
    ChangeNumber, ClusterFacts, ClusterKey, ContentDigest, HeadSha, Person, Place, Plan, PlanDigest, Pull, Risk,
};

pub fn start() -> Timestamp {
    "2026-11-22T12:00:00Z".parse().unwrap()
}

pub fn person(name: &str) -> Person {
    Person { id: name.parse().unwrap(), name: name.to_owned() }
}

pub fn key() -> ClusterKey {
    ClusterKey { tenant: "acme".parse().unwrap(), name: "crucial-sandbox".parse().unwrap() }
}

pub fn place() -> Place {
    Place { chat: "terminal".to_owned(), channel: "#clusters".to_owned() }
}

pub fn policy() -> Policy {
    Policy {
        requesters: Some(["alice", "erin", "bob"].map(person).to_vec()),
        approvers: ["bob", "carol", "dave"].map(person).to_vec(),
        admins: vec![person("dave")],
        quorum: Quorum { green: 2, yellow: 2, red: 2 },
        reactions_up_to: Risk::Yellow,
        review: SignedDuration::from_hours(24),
        remind_after: SignedDuration::from_hours(4),
        clusters_a_person: Some(3),
        frozen: None,
        roles: kaas::lifecycle::policy::RequesterRoles {
            usual: "cluster-owner".to_owned(),
            ..kaas::lifecycle::policy::RequesterRoles::default()
        },
        access: kaas::lifecycle::policy::AccessPolicy {
            roles: vec!["cluster-member".to_owned(), "read-only".to_owned()],
            longest: None,
        },
        certify: true,
        places: Vec::new(),
    }
}

pub fn form() -> Form {
    Form {
        name: "crucial-sandbox".parse().unwrap(),
        class: "aws".parse().unwrap(),
        size: "small".parse().unwrap(),
        workers: 3,
        control_planes: 1,
        instance_type: "m6i.large".to_owned(),
        kubernetes: "v1.33.5+rke2r1".parse().unwrap(),
        region: "eu-west-1".parse().unwrap(),
        ttl: Some("7d".parse::<Ttl>().unwrap()),
        reason: Some("load test of billing".to_owned().try_into().unwrap()),
        ticket: Some("OPS-77".parse().unwrap()),
        dollars_a_month: Some(412),
    }
}

/// The sha256-shaped text that repeats one digit.
pub fn hex(digit: char, len: usize) -> String {
    digit.to_string().repeat(len)
}

pub fn content(digit: char) -> ContentDigest {
    hex(digit, 64).parse().unwrap()
}

pub fn digest(digit: char) -> PlanDigest {
    hex(digit, 64).parse().unwrap()
}

pub fn head(digit: char) -> HeadSha {
    hex(digit, 40).parse().unwrap()
}

pub fn pull() -> Pull {
    Pull { number: 17, url: "forge#17".to_owned(), head: head('a'), content: content('c') }
}

pub fn plan() -> Plan {
    Plan {
        digest: digest('9'),
        content: content('c'),
        add: 7,
        change: 0,
        destroy: 0,
        risk: Risk::Green,
        highlights: Vec::new(),
    }
}

pub fn red_plan() -> Plan {
    Plan {
        digest: digest('b'),
        add: 0,
        destroy: 7,
        risk: Risk::Red,
        highlights: vec!["destroys rancher2_cluster_v2.this".to_owned()],
        ..plan()
    }
}

pub fn facts() -> ClusterFacts {
    ClusterFacts {
        id: "c-m-7k2x9q4d".to_owned(),
        nodes: 4,
        version: "v1.33.5+rke2r1".to_owned(),
        endpoint: None,
        page: "https://rancher.test/dashboard/c/c-m-7k2x9q4d/explorer".to_owned(),
        rancher: "https://rancher.test".to_owned(),
    }
}

pub const FIRST: ChangeNumber = ChangeNumber(42);
