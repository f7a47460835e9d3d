//! What lines are understood as, and what is said about those that are not.

use std::collections::BTreeMap;

use super::*;
use crate::lifecycle::catalogue::{Class, Size};

fn size(name: &str, instance_type: &str, workers: (u32, u32, u32), cents: Option<u64>) -> Size {
    Size {
        name: name.parse().unwrap(),
        instance_type: instance_type.to_owned(),
        control_planes: if name == "small" { 1 } else { 3 },
        workers_min: workers.0,
        workers_default: workers.1,
        workers_max: workers.2,
        cents_a_node_month: cents,
    }
}

fn class(name: &str) -> Class {
    Class {
        name: name.parse().unwrap(),
        description: "RKE2 on EC2, private nodes".to_owned(),
        module: "aws-rancher-cluster".to_owned(),
        template: "aws".to_owned(),
        sizes: vec![
            size("small", "m6i.large", (1, 3, 10), Some(10_300)),
            size("medium", "m6i.xlarge", (1, 3, 20), Some(20_600)),
            size("large", "m6i.2xlarge", (3, 5, 50), None),
        ],
        kubernetes: ["v1.33.5+rke2r1", "v1.33.4+rke2r2", "v1.32.9+rke2r1", "v1.33.5+rke2r2"]
            .map(|v| v.parse().unwrap())
            .into(),
        regions: ["eu-west-1", "eu-central-1"].map(|r| r.parse().unwrap()).into(),
        ttl_default: Some("7d".parse().unwrap()),
        ttl_max: Some("30d".parse().unwrap()),
        reason_required: false,
        ticket_required: false,
        foundation: BTreeMap::new(),
        values: BTreeMap::new(),
    }
}

/// Two classes: `aws`, which is free with everything, and `bank`, which wants a reason and a ticket and has no longest lifetime.
pub(in crate::command) fn catalogue() -> Catalogue {
    let bank = Class {
        sizes: vec![size("tiny", "t3.small", (2, 2, 2), None)],
        kubernetes: ["v1.33.5+rke2r1", "v1.33.5+k3s1", "v1.34.1+k3s1", "v1.32.9+rke2r1"]
            .map(|v| v.parse().unwrap())
            .into(),
        ttl_default: None,
        ttl_max: None,
        reason_required: true,
        ticket_required: true,
        ..class("bank")
    };
    Catalogue { classes: vec![class("aws"), bank] }
}

pub(in crate::command) fn plain(line: &str) -> Result<Command, Mistakes> {
    parse(line, Dialect::Plain, &catalogue())
}

/// What a line is understood as, or everything that is said about it.
fn said(line: &str) -> String {
    match plain(line) {
        Ok(command) => command.echo(),
        Err(wrong) => {
            let mut out = wrong.verb.map_or("?", Verb::name).to_owned();
            for Mistake { what, problem } in wrong.mistakes {
                out.push_str(&format!("\n  {what}  {problem}"));
            }
            out.push_str(&format!("\n> {}", wrong.instead.as_deref().unwrap_or("-")));
            out
        }
    }
}

#[track_caller]
fn check(line: &str, expect: &str) {
    assert_eq!(said(line), format!("/kaas {expect}"), "{line}");
}

const FULL: &str = "class=aws size=small workers=3 k8s=v1.33.5+rke2r2 region=eu-west-1 ttl=7d";
const DEFAULTS: &str = "class=aws size=small workers=3 k8s=v1.33.5+rke2r1 region=eu-west-1 ttl=7d";

#[test]
fn verbs_and_their_names() {
    check("list", "list");
    check("/kaas list", "list");
    check("kaas: list", "list");
    check("@kaas, LIST", "list");
    check("/kaas kaas ls mine", "list mine");
    check("list my", "list mine");
    check("list all", "list all");
    check("list pending", "list waiting");
    check("list owner=@alice", "list owner=alice");
    check("list --owner me", "list mine");
    check("list all of=bob", "list all owner=bob");
    check("show teal-otter", "show teal-otter");
    check("Status Teal-Otter", "show teal-otter");
    check("show name=teal-otter", "show teal-otter");
    check("show --cluster teal-otter", "show teal-otter");
    check("show `teal-otter`", "show teal-otter");
    check("yes teal-otter", "approve teal-otter");
    check("+1 teal-otter :tada:", "approve teal-otter");
    check("unapprove teal-otter", "withdraw teal-otter");
    check("abort teal-otter", "cancel teal-otter");
    check("again teal-otter", "retry teal-otter");
    check("rm teal-otter", "destroy teal-otter");
    check("classes", "classes");
    check("sizes.", "classes");
    check("", "help");
    check("/kaas", "help");
    check("help Request", "help request");
    check("help delete", "help destroy");
    check("help flags", "help writing");
    check("request --help", "help request");
    check("--help", "help");
    check("approve teal-otter -h", "help approve");
    check("request", "request");
    assert_eq!(plain("create"), Ok(Command::RequestForm));
}

#[test]
fn reasons() {
    check("reject teal-otter reason=\"too big\"", "reject teal-otter reason=\"too big\"");
    check("reject teal-otter --reason 'too big'", "reject teal-otter reason=\"too big\"");
    check("reject teal-otter -m no", "reject teal-otter reason=no");
    check("no teal-otter because it’s too big", "reject teal-otter reason=\"it's too big\"");
    check("reject teal-otter because size=large is too much", "reject teal-otter reason=\"size=large is too much\"");
    check("reject teal-otter Because because", "reject teal-otter reason=because");
    check("destroy teal-otter because \"all done\"", "destroy teal-otter reason=\"all done\"");
    check(
        "request teal-otter because load test size=small",
        &format!("request teal-otter {DEFAULTS} reason=\"load test\""),
    );
    check("reject teal-otter reason=“don’t — please”", "reject teal-otter reason=\"don't — please\"");
}

#[test]
fn requests_however_they_are_written() {
    check("request teal-otter", &format!("request teal-otter {DEFAULTS}"));
    check("new size=small teal-otter", &format!("request teal-otter {DEFAULTS}"));
    check("request teal-otter -n", &format!("request teal-otter {DEFAULTS} --dry-run"));
    check("request teal-otter dry_run=true", &format!("request teal-otter {DEFAULTS} --dry-run"));
    check("request teal-otter --dry-run=no", &format!("request teal-otter {DEFAULTS}"));
    check("request --name teal-otter —size SMALL –w 3", &format!("request teal-otter {DEFAULTS}"));
    check("request teal-otter -w3 -s small", &format!("request teal-otter {DEFAULTS}"));
    check("request teal-otter --workers=3 --size=small", &format!("request teal-otter {DEFAULTS}"));
    check("request teal-otter ＳＩＺＥ＝small", &format!("request teal-otter {DEFAULTS}"));
    check("request teal-otter size=\"small\"", &format!("request teal-otter {DEFAULTS}"));
    check("request teal-otter k8s=1.33", &format!("request teal-otter {FULL}"));
    check("request teal-otter k8s=v1.33.5", &format!("request teal-otter {FULL}"));
    check("request teal-otter version=v1.33.5+rke2r1", &format!("request teal-otter {DEFAULTS}"));
    check(
        "request teal-otter k8s=1.33.4 ttl=1w",
        &format!("request teal-otter {}", FULL.replace("5+rke2r2", "4+rke2r2")),
    );
    check("request teal-otter ttl=\"36 hours\"", &format!("request teal-otter {}", DEFAULTS.replace("7d", "36h")));
    check("request -- teal-otter", &format!("request teal-otter {DEFAULTS}"));
    check(
        "request teal-otter class=BANK reason=audit ticket=OPS-77 ttl=never",
        "request teal-otter class=bank size=tiny workers=2 k8s=v1.33.5+rke2r1 region=eu-west-1 ttl=none reason=audit ticket=OPS-77",
    );
}

#[test]
fn versions_may_be_short() {
    let version = |class: &str, typed: &str| {
        let line = format!("request teal-otter class={class} k8s={typed} reason=audit ticket=OPS-1");
        match plain(&line) {
            Ok(Command::Request { form, .. }) => form.kubernetes.to_string(),
            other => panic!("{line}: {other:?}"),
        }
    };
    assert_eq!(version("aws", "1.33"), "v1.33.5+rke2r2", "the newest release");
    assert_eq!(version("aws", "v1.33.5+rke2r1"), "v1.33.5+rke2r1");
    assert_eq!(version("bank", "1.33"), "v1.33.5+rke2r1", "of two equally new ones, the catalogue's first");
    assert_eq!(version("bank", "1.33.5+k3s"), "v1.33.5+k3s1");
    assert_eq!(version("bank", "V1.34"), "v1.34.1+k3s1");
    for bad in ["1.3", "1", "1.33.50", "latest", "+k3s", "1.33.5+k3s2"] {
        assert!(plain(&format!("request teal-otter k8s={bad}")).is_err(), "{bad}");
    }
}

#[test]
fn the_form_is_filled_in_from_the_catalogue() {
    let command = plain("request teal-otter size=small workers=2").unwrap();
    let Command::Request { form, dry_run: false } = command else { panic!("{command:?}") };
    assert_eq!(form.control_planes, 1);
    assert_eq!(form.instance_type, "m6i.large");
    assert_eq!(form.dollars_a_month, Some(309));
    let command = plain("request teal-otter size=large").unwrap();
    let Command::Request { form, .. } = command else { panic!("{command:?}") };
    assert_eq!((form.control_planes, form.workers, form.dollars_a_month), (3, 5, None));
}

#[test]
fn slack_lines() {
    let slack = |line: &str| parse(line, Dialect::Slack, &catalogue()).map(|c| c.echo());
    assert_eq!(slack("<@U0BOT> list owner=<@U1|bob>"), Ok("/kaas list owner=U1".to_owned()));
    let reason = slack("reject teal-otter reason=\"a &amp; b\" ").unwrap();
    assert_eq!(reason, "/kaas reject teal-otter reason=\"a & b\"");
    let wrong = slack("approve <!channel> teal-otter").unwrap_err();
    assert_eq!(wrong.mistakes[0].problem, "would call everybody here. Leave it out");
    assert_eq!(wrong.instead.as_deref(), Some("/kaas approve teal-otter"));
    assert!(slack("reject teal-otter because <!here> look").is_err());
    assert!(slack("reject teal-otter because bob@heredity.com said so").is_ok());
}

#[test]
fn all_mistakes_of_a_request_come_together() {
    insta::assert_snapshot!(said("request teal-otter size=smal workers=two"), @"
    request
      size=smal  there is no such size. Did you mean small? (small, medium, large)
      workers=two  takes a number, 1 to 10 for small
    > /kaas request teal-otter size=small workers=2
    ");
    insta::assert_snapshot!(said("request Teal_Otter. size=huge workers=12 k8s=1.30 region=eu-west ttl=90d tickt=OPS-1"), @"
    request
      Teal_Otter.  has capital letters. Did you mean teal-otter?
      size=huge  there is no such size (small, medium, large)
      workers=12  is out of range: small takes 1 to 10 workers
      k8s=1.30  aws has no such version (v1.33.5+rke2r1, v1.33.4+rke2r2, v1.32.9+rke2r1, v1.33.5+rke2r2)
      region=eu-west  there is no such region. Did you mean eu-west-1? (eu-west-1, eu-central-1)
      ttl=90d  is too long: aws allows at most 30 days
      tickt=OPS-1  there is no such flag. Did you mean ticket?
    > /kaas request teal-otter workers=10 k8s=v1.33.5+rke2r1 region=eu-west-1 ttl=30d ticket=OPS-1
    ");
    insta::assert_snapshot!(said("request teal-otter small 3 7d 1.32 eu-central-1 OPS-77 dry-run"), @"
    request
      small  is not understood on its own. Did you mean size=small?
      3  is not understood on its own. Did you mean workers=3?
      7d  is not understood on its own. Did you mean ttl=7d?
      1.32  is not understood on its own. Did you mean k8s=1.32?
      eu-central-1  is not understood on its own. Did you mean region=eu-central-1?
      OPS-77  is not understood on its own. Did you mean ticket=OPS-77?
      dry-run  is not understood on its own. Did you mean --dry-run?
    > /kaas request teal-otter size=small workers=3 k8s=v1.32.9+rke2r1 region=eu-central-1 ttl=7d ticket=OPS-77 --dry-run
    ");
    insta::assert_snapshot!(said("request teal-otter size=small size=large"), @"
    request
      size=small, size=large  size is given twice: which one is meant?
    > -
    ");
    insta::assert_snapshot!(said("request teal-otter load test of billing"), @r#"
    request
      load test of billing  a reason starts with because, or goes in quotes: reason="load test of billing"
    > /kaas request teal-otter reason="load test of billing"
    "#);
    insta::assert_snapshot!(said("request size=small"), @"
    request
      name  is missing: which cluster? Such as /kaas request teal-otter size=small
    > -
    ");
    insta::assert_snapshot!(said("request teal-otter class=bank workers=3"), @r#"
    request
      workers=3  is out of range: tiny takes 2 workers
      reason  is missing: bank wants to know what for, such as reason="load test of billing"
      ticket  is missing: bank wants one, such as ticket=OPS-77
    > -
    "#);
    insta::assert_snapshot!(said("request teal-otter class=azure --colour red --sise small"), @"
    request
      class=azure  there is no such class (aws, bank)
      --colour  request has no such flag (class, size, workers, k8s, region, ttl, reason, ticket, dry-run)
      --sise  there is no such flag. Did you mean size?
    > /kaas request teal-otter size=small
    ");
    insta::assert_snapshot!(said("request teal-otter --size"), @"
    request
      --size  needs a value, such as --size small
    > /kaas request teal-otter
    ");
    insta::assert_snapshot!(said("request teal-otter ttl=forever"), @"
    request
      ttl=forever  a cluster has to end some day: aws allows at most 30 days
    > /kaas request teal-otter ttl=30d
    ");
    insta::assert_snapshot!(said("request teal-otter ttl=14 ticket=\"a b\""), @r#"
    request
      ttl=14  is not a lifetime (a number with h, d or w, such as 8h, 7d or 2w)
      ticket="a b"  is not a ticket (letters, digits and - _ . # /, such as OPS-77)
    > /kaas request teal-otter ttl=14d
    "#);
    insta::assert_snapshot!(said("request аlpha workers=-3"), @"
    request
      аlpha  has characters that a name cannot have (2 to 40 characters: a-z, 0-9 and hyphens, starting with a letter, such as teal-otter)
      workers=-3  takes a number, 1 to 10 for small
    > -
    ");
    insta::assert_snapshot!(said("request teal-otter reason=\"load test"), @r#"
    request
      reason="load test  has a quote that is never closed
    > /kaas request teal-otter reason="load test"
    "#);
    insta::assert_snapshot!(said("request teal-otter size=smal reason=\"load test"), @r#"
    request
      reason="load test  has a quote that is never closed
      size=smal  there is no such size. Did you mean small? (small, medium, large)
    > /kaas request teal-otter size=small reason="load test"
    "#);
}

#[test]
fn mistakes_of_the_other_commands() {
    insta::assert_snapshot!(said("aprove teal-otter"), @"
    ?
      aprove  there is no such command. Did you mean approve?
    > /kaas approve teal-otter
    ");
    insta::assert_snapshot!(said("teal-otter approve"), @"
    ?
      teal-otter  the command comes first, then the name
    > /kaas approve teal-otter
    ");
    insta::assert_snapshot!(said("frobnicate"), @"
    ?
      frobnicate  there is no such command (request, destroy, access, revoke, cancel, retry, approve, reject, withdraw, list, show, classes, whoami, link, orphans, force-remove, help)
    > /kaas help
    ");
    insta::assert_snapshot!(said("approve"), @"
    approve
      name  is missing: which cluster? Such as /kaas approve teal-otter
    > -
    ");
    insta::assert_snapshot!(said("approve teal-otter grey-heron"), @"
    approve
      grey-heron  one word too many: approve takes one name
    > /kaas approve teal-otter
    ");
    insta::assert_snapshot!(said("reject teal-otter too expensive"), @r#"
    reject
      too expensive  a reason starts with because, or goes in quotes: reason="too expensive"
    > /kaas reject teal-otter reason="too expensive"
    "#);
    insta::assert_snapshot!(said("list alice"), @"
    list
      alice  there is no such list (mine, all, waiting). For one person's clusters: owner=alice
    > /kaas list owner=alice
    ");
    insta::assert_snapshot!(said("list wating"), @"
    list
      wating  there is no such list. Did you mean waiting? (mine, all, waiting)
    > /kaas list waiting
    ");
    insta::assert_snapshot!(said("list --mine"), @"
    list
      --mine  list has no such flag (owner)
    > /kaas list
    ");
    insta::assert_snapshot!(said("help aprove"), @"
    help
      aprove  there is no help on that. Did you mean approve? (any command, writing, states)
    > /kaas help approve
    ");
    insta::assert_snapshot!(said("show --workers 3"), @"
    show
      --workers  show has no such flag
      3  is too short (2 to 40 characters: a-z, 0-9 and hyphens, starting with a letter, such as teal-otter)
    > -
    ");
    insta::assert_snapshot!(said("classes please"), @"
    classes
      please  one word too many: /kaas classes
    > /kaas classes
    ");
    insta::assert_snapshot!(said("show ${x}"), @"
    show
      ${x}  has characters that a name cannot have (2 to 40 characters: a-z, 0-9 and hyphens, starting with a letter, such as teal-otter)
    > -
    ");
}

#[test]
fn a_line_that_is_too_long_is_refused() {
    let wrong = plain(&"ä".repeat(LINE_MAX + 1)).unwrap_err();
    assert_eq!(wrong.mistakes[0].problem, "is too long: 4001 characters, of at most 4000");
    assert!(wrong.mistakes[0].what.chars().count() <= 60);
    assert!(plain(&format!("show teal-otter{}", " ".repeat(3_000))).is_ok());
}

#[test]
fn every_example_of_the_table_works() {
    for entry in COMMANDS {
        for example in entry.examples {
            let command = plain(example).unwrap_or_else(|wrong| panic!("{example}: {wrong:?}"));
            if entry.verb != Verb::Help {
                assert!(command.echo().starts_with(&format!("/kaas {}", entry.name)), "{example}");
            }
        }
    }
}

#[test]
fn an_empty_catalogue_is_told() {
    let wrong = parse("request teal-otter", Dialect::Plain, &Catalogue { classes: Vec::new() }).unwrap_err();
    assert_eq!(wrong.mistakes[0].what, "class");
    assert_eq!(wrong.instead, None);
}
