//! What commands are answered at once, as it reads.

use std::collections::BTreeMap;

use super::super::sample::*;
use super::*;
use crate::lifecycle::State;

#[test]
fn all_mistakes_with_a_line_to_send_instead() {
    let wrong = [
        ("size=smal", "there is no such size. Did you mean small? (small, medium, large)"),
        ("workers=two", "takes a number, 1 to 10 for small"),
    ];
    let instead = "/kaas request teal-otter size=small workers=2";
    insta::assert_snapshot!(read(&mistakes(Some("request"), &wrong, Some(instead))), @"
    I can't request that cluster yet:
      size=smal    there is no such size. Did you mean small? (small, medium, large)
      workers=two  takes a number, 1 to 10 for small
    Send this instead: /kaas request teal-otter size=small workers=2
    ");
    let unknown = [("aprove", "there is no such command. Did you mean approve?")];
    insta::assert_snapshot!(read(&mistakes(None, &unknown, Some("/kaas approve teal-otter"))), @"
    I don't understand that yet:
      aprove  there is no such command. Did you mean approve?
    Send this instead: /kaas approve teal-otter
    ");
    let missing = [("name", "is missing: which cluster? Such as /kaas approve teal-otter")];
    insta::assert_snapshot!(read(&mistakes(Some("approve"), &missing, None)), @"
    I can't approve that yet:
      name  is missing: which cluster? Such as /kaas approve teal-otter
    ");
    let nasty = mistakes(None, &[("a\n\u{202e}b", "is odd")], None);
    assert_eq!(nasty.lines.len(), 2);
}

#[test]
fn short_answers() {
    insta::assert_snapshot!(read(&on_it(&"crucial-sandbox".parse().unwrap())), @"crucial-sandbox: on it. The card shows how it goes.");
    let fault = Fault { reference: "K-7F3Q".to_owned(), text: "the store does not answer".to_owned() };
    insta::assert_snapshot!(read(&trouble(&fault)), @"That was not done: the store does not answer (ref K-7F3Q). Please try again in a moment.");
    insta::assert_snapshot!(read(&help(&["kaas makes clusters.".to_owned(), String::new(), "  /kaas list  lists clusters".to_owned()])), @"
    kaas makes clusters.

      /kaas list  lists clusters
    ");
}

#[test]
fn what_a_request_would_write() {
    let form = cluster(State::Done(approved())).form;
    let rendered = "module \"crucial-sandbox\" {\n  source = \"../../modules/aws-rancher-cluster\"\n}\n";
    insta::assert_snapshot!(read(&dry_run(&form, "cluster-member", rendered, "/kaas request crucial-sandbox size=small")), @r#"
    crucial-sandbox would be small: 1 + 3 nodes m6i.large, eu-west-1, RKE2 v1.33.5, about $412 a month. You would get in as cluster-member. Nothing was asked for. kaas would write:
    module "crucial-sandbox" {
      source = "../../modules/aws-rancher-cluster"
    }
    To ask for it: /kaas request crucial-sandbox size=small
    "#);
}

#[test]
fn what_can_be_asked_for() {
    let size = |name: &str, machine: &str, control_planes: u32, max: u32, cents: Option<u64>| Size {
        name: name.parse().unwrap(),
        instance_type: machine.to_owned(),
        control_planes,
        workers_min: 1,
        workers_max: max,
        workers_default: 1.max(max.min(3)),
        cents_a_node_month: cents,
    };
    let class = Class {
        name: "aws".parse().unwrap(),
        description: "RKE2 on EC2, private nodes".to_owned(),
        module: "aws-rancher-cluster".to_owned(),
        template: "aws".to_owned(),
        sizes: vec![size("small", "m6i.large", 1, 10, Some(10_300)), size("large", "m6i.2xlarge", 3, 50, Some(38_500))],
        kubernetes: ["v1.33.5+rke2r1", "v1.32.9+rke2r1"].map(|v| v.parse().unwrap()).into(),
        regions: ["eu-west-1", "eu-central-1"].map(|r| r.parse().unwrap()).into(),
        ttl_default: Some("7d".parse().unwrap()),
        ttl_max: Some("30d".parse().unwrap()),
        reason_required: true,
        ticket_required: false,
        foundation: BTreeMap::new(),
        values: BTreeMap::new(),
    };
    let edge = Class {
        name: "edge".parse().unwrap(),
        description: "K3s, one node".to_owned(),
        sizes: vec![size("tiny", "t3.small", 1, 1, None)],
        kubernetes: vec!["v1.33.5+k3s1".parse().unwrap()],
        regions: vec!["eu-west-1".parse().unwrap()],
        ttl_default: None,
        ttl_max: None,
        reason_required: true,
        ticket_required: true,
        ..class.clone()
    };
    insta::assert_snapshot!(read(&classes(&Catalogue { classes: vec![class, edge] })), @"
    aws: RKE2 on EC2, private nodes (the default)
      small  m6i.large    1 + 3 nodes (1 to 10 workers)  about $412 a month
      large  m6i.2xlarge  3 + 3 nodes (1 to 50 workers)  about $2,310 a month
      k8s     RKE2 v1.33.5, RKE2 v1.32.9
      region  eu-west-1, eu-central-1
      ttl     7 days, at most 30 days
      It wants a reason.

    edge: K3s, one node
      tiny  t3.small  1 + 1 nodes (1 worker)
      k8s     K3s v1.33.5
      region  eu-west-1
      ttl     without an end, unless you ask for one
      It wants a reason and a ticket.

    The first of each is what you get where you name none. To ask: /kaas request <name> size=small
    ");
    insta::assert_snapshot!(read(&classes(&Catalogue { classes: Vec::new() })), @"There is nothing to ask for yet: an operator has to add a class to the catalogue.");
}

#[test]
fn cards_and_plans_that_are_asked_for() {
    let name = "crucial-sandbox".parse().unwrap();
    insta::assert_snapshot!(plan_file(&name, &plan().digest).plain(), @"crucial-sandbox: plan 9f3ac1 in full. Values that may be secret are left out.");
    insta::assert_snapshot!(outdated_card(&name, ChangeNumber(41)).plain(), @"That card is of change 41, which has ended. How things are now: /kaas show crucial-sandbox");
}
