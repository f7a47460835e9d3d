//! A tenant, a class and a cluster for the tests of this folder.

use std::collections::BTreeMap;

use jiff::Timestamp;

use super::module::{Backend, Settings, StateAt};
use crate::lifecycle::catalogue::{Class, Size, Value};
use crate::lifecycle::cloud::Footprint;
use crate::lifecycle::form::Form;
use crate::lifecycle::{Change, ChangeNumber, Cluster, ClusterKey, Kind, Person, Place, State, Took};

pub(crate) fn settings() -> Settings {
    let backend = Backend::S3 {
        bucket: "acme-kaas-state".into(),
        region: "eu-west-1".into(),
        prefix: "clusters/".into(),
        lockfile: true,
        extra: BTreeMap::new(),
    };
    let foundation = StateAt::S3 {
        bucket: "acme-kaas-state".into(),
        region: "eu-west-1".into(),
        key: "foundation.tfstate".into(),
        extra: BTreeMap::new(),
    };
    Settings::new(backend, Some(foundation))
}

pub(crate) fn class() -> Class {
    let same = |name: &str| (name.to_owned(), name.to_owned());
    Class {
        name: "aws".parse().unwrap(),
        description: "RKE2 on EC2, private nodes".into(),
        module: "aws-rancher-cluster".into(),
        template: "cluster".into(),
        sizes: vec![Size {
            name: "small".parse().unwrap(),
            instance_type: "m6i.large".into(),
            control_planes: 1,
            workers_min: 1,
            workers_max: 10,
            workers_default: 3,
            cents_a_node_month: Some(10_300),
        }],
        kubernetes: vec!["v1.33.5+rke2r1".parse().unwrap()],
        regions: vec!["eu-west-1".parse().unwrap()],
        ttl_default: None,
        ttl_max: None,
        reason_required: true,
        ticket_required: false,
        foundation: ["vpc_id", "public_subnet_ids", "private_subnet_ids", "node_security_group_name"].map(same).into(),
        values: BTreeMap::from([
            ("ami".to_owned(), Value::Text("ami-0c1ad2b7e6a01f3d9".into())),
            ("cloud_credential_name".to_owned(), Value::Text("acme-aws".into())),
            ("zones".to_owned(), Value::List(vec!["a".into(), "b".into(), "c".into()])),
        ]),
    }
}

pub(crate) fn form() -> Form {
    Form {
        name: "crucial-sandbox".parse().unwrap(),
        class: "aws".parse().unwrap(),
        size: "small".parse().unwrap(),
        workers: 3,
        control_planes: 1,
        instance_type: "m6i.large".into(),
        kubernetes: "v1.33.5+rke2r1".parse().unwrap(),
        region: "eu-west-1".parse().unwrap(),
        ttl: Some("7d".parse().unwrap()),
        reason: Some("load test of billing".parse().unwrap()),
        ticket: Some("OPS-77".parse().unwrap()),
        dollars_a_month: Some(412),
    }
}

pub(crate) fn person(name: &str) -> Person {
    Person { id: name.parse().unwrap(), name: name.into() }
}

pub(crate) fn cluster(kind: Kind, undo: bool) -> Cluster {
    let form = form();
    let change = Change {
        number: ChangeNumber(42),
        kind,
        undo,
        by: person("alice"),
        place: Place { chat: "terminal".into(), channel: "#clusters".into() },
        reason: form.reason.clone(),
        ticket: form.ticket.clone(),
        asked: Timestamp::UNIX_EPOCH,
        entered: Timestamp::UNIX_EPOCH,
        state: State::Preparing { pull: None, plan: None },
        card: None,
        copies: Vec::new(),
        took: Took::default(),
        lease_ended: false,
        reviews: 0,
        foretold: None,
        told: None,
        findings: Vec::new(),
        matched: None,
    };
    let key = ClusterKey { tenant: "acme".parse().unwrap(), name: form.name.clone() };
    Cluster {
        key,
        owner: person("alice"),
        form,
        written: change.number,
        live: None,
        footprint: Footprint::default(),
        change,
    }
}
