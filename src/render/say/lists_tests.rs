//! Lists and the full view of one cluster, as they read.

use super::super::sample::*;
use super::*;
use crate::lifecycle::{Risk, State};

fn row(name: &str, owner: &str, cluster: &Cluster) -> ClusterSummary {
    let mut row = ClusterSummary::of(cluster);
    row.key.name = name.parse().unwrap();
    row.owner.name = owner.to_owned();
    row
}

fn said(rows: &[ClusterSummary], more: usize, of: ListOf) -> String {
    read(&list(&Listing { rows, more, quorum: policy().quorum, now: now(), of }))
}

#[test]
fn clusters_in_rows() {
    let ready = Cluster { live: Some(live()), ..cluster(State::Done(approved())) };
    let mut waiting = cluster(reviewing(&[]));
    (waiting.form.size, waiting.form.control_planes, waiting.form.workers) = ("large".parse().unwrap(), 3, 5);
    waiting.form.dollars_a_month = Some(2_310);
    waiting.form.ttl = None;
    let unpriced = {
        let mut cluster = cluster(State::Applying(approved()));
        cluster.form.dollars_a_month = None;
        cluster
    };
    let rows = [
        row("crucial-sandbox", "alice", &ready),
        row("grey-heron", "erin", &waiting),
        row("teal-otter", "李小龍", &destroying(reviewing(&["bob"]))),
        row("red-kite", "a very long name that somebody chose", &unpriced),
    ];
    insta::assert_snapshot!(said(&rows, 0, ListOf::All), @"
    4 clusters
    NAME              STATE                      OWNER                      SIZE        A MONTH   ENDS
    crucial-sandbox   ready                      alice                      small 1+3      $412   in 7 days
    grey-heron        waiting (0 of 2)           erin                       large 3+5    $2,310   –
    teal-otter        destroy waiting (1 of 2)   李小龍                     small 1+3      $412   in 7 days
    red-kite          applying                   a very long name that s…   small 1+3         –   –
    ");
    insta::assert_snapshot!(said(&rows[..1], 0, ListOf::Mine), @"
    1 cluster
    NAME              STATE   OWNER   SIZE        A MONTH   ENDS
    crucial-sandbox   ready   alice   small 1+3      $412   in 7 days
    ");
    insta::assert_snapshot!(said(&rows[..2], 37, ListOf::All), @"
    39 clusters
    NAME              STATE              OWNER   SIZE        A MONTH   ENDS
    crucial-sandbox   ready              alice   small 1+3      $412   in 7 days
    grey-heron        waiting (0 of 2)   erin    large 3+5    $2,310   –
    and 37 more: /kaas list all
    ");
}

#[test]
fn every_state_has_its_word() {
    let preparing = || State::Preparing { pull: None, plan: None };
    let ready = Cluster { live: Some(live()), ..cluster(State::Done(approved())) };
    let kept = destroying(State::Closed(rejected()));
    let gone = Cluster { live: None, ..destroying(State::Done(approved())) };
    let clusters = [
        cluster(preparing()),
        cluster(reviewing(&["bob"])),
        cluster(State::Applying(approved())),
        cluster(joining()),
        ready,
        cluster(State::Closed(rejected())),
        cluster(stuck_in(preparing())),
        destroying(preparing()),
        destroying(reviewing(&[])),
        destroying(State::Applying(approved())),
        destroying(joining()),
        destroying(stuck_in(joining())),
        kept,
        gone,
        undoing(reviewing(&[])),
        undoing(State::Done(approved())),
    ];
    let words: Vec<String> = clusters.iter().map(|c| state(&ClusterSummary::of(c), policy().quorum)).collect();
    insta::assert_snapshot!(words.join("\n"), @"
    planning
    waiting (1 of 2)
    applying
    joining
    ready
    closed
    stuck
    destroy planning
    destroy waiting (0 of 2)
    destroying
    leaving
    destroy stuck
    ready
    gone
    destroy waiting (0 of 2)
    gone
    ");
}

#[test]
fn the_votes_that_are_needed_follow_the_policy_of_now() {
    let quorum = Quorum { green: 1, yellow: 2, red: 4 };
    let mut summary = ClusterSummary::of(&cluster(reviewing(&["bob"])));
    summary.phase = Phase::Reviewing { votes: 1, risk: Risk::Red };
    assert_eq!(state(&summary, quorum), "waiting (1 of 4)");
}

#[test]
fn columns_stand_under_each_other_in_cells() {
    let wide = Cluster { live: Some(live()), ..cluster(State::Done(approved())) };
    let rows = [row("ab", "李小龍", &wide), row("ac", "bob", &wide)];
    let text = said(&rows, 0, ListOf::All);
    let ends: Vec<usize> =
        text.lines().skip(1).map(|line| width(&line[..line.find("ENDS").or(line.find("in 7")).unwrap()])).collect();
    assert_eq!(ends[0], ends[1]);
    assert_eq!(ends[1], ends[2]);
}

#[test]
fn nothing_to_list() {
    insta::assert_snapshot!(said(&[], 0, ListOf::All), @"There are no clusters yet. The first one: /kaas request teal-otter size=small");
    insta::assert_snapshot!(said(&[], 0, ListOf::Mine), @"You have no clusters. To ask for one: /kaas request teal-otter size=small");
    insta::assert_snapshot!(said(&[], 0, ListOf::Theirs), @"They have no clusters. Everybody's: /kaas list all");
    insta::assert_snapshot!(said(&[], 0, ListOf::Waiting), @"Nothing waits for a decision. All clusters: /kaas list all");
}

#[test]
fn one_cluster_in_full() {
    let ready = Cluster { live: Some(live()), ..cluster(State::Done(approved())) };
    insta::assert_snapshot!(with_view(&ready, None, None, |view| read(&show(view, &[]))), @r#"
    crucial-sandbox · new cluster · ready until Sun 29 Nov   change 42
    small: 1 + 3 nodes m6i.large, eu-west-1, RKE2 v1.33.5 · about $412 a month · until Sun 29 Nov
    @alice: "load test of billing" (OPS-77)
    Plan 9f3ac1  7 to add, 0 to change, 0 to destroy · green: touches nothing that exists
    Votes        bob and carol approved
    Pull request #17 https://git.example.com/acme/clusters/pull/17
    Asked        13:52, 10 min ago
    Ready        since 14:02, until Sun 29 Nov 14:02 (in 7 days)
    Rancher      c-m-abc12345 https://rancher.example.com/dashboard/c/c-m-abc12345
    Ways in      alice (cluster-owner), team billing (read-only)
    To take it down: /kaas destroy crucial-sandbox
    "#);
    insta::assert_snapshot!(with_view(&cluster(reviewing(&["bob"])), None, None, |view| read(&show(view, &[]))), @r#"
    crucial-sandbox · new cluster · waiting for 1 more approval   change 42
    small: 1 + 3 nodes m6i.large, eu-west-1, RKE2 v1.33.5 · about $412 a month · until Sun 29 Nov (7 days)
    @alice: "load test of billing" (OPS-77)
    Plan 9f3ac1  7 to add, 0 to change, 0 to destroy · green: touches nothing that exists
    Votes        bob approved · one more of carol, dave
    Pull request #17 https://git.example.com/acme/clusters/pull/17
    Asked        13:52, 10 min ago
    "#);
}

#[test]
fn a_summary_survives_storage() {
    for cluster in [cluster(reviewing(&["bob"])), destroying(joining()), undoing(State::Done(approved()))] {
        let summary = ClusterSummary::of(&cluster);
        let stored = serde_json::to_string(&summary).unwrap();
        assert_eq!(serde_json::from_str::<ClusterSummary>(&stored).unwrap(), summary);
    }
    assert!(ClusterSummary::of(&cluster(reviewing(&[]))).is_open());
    assert!(!ClusterSummary::of(&cluster(State::Closed(rejected()))).is_there());
    assert!(ClusterSummary::of(&destroying(State::Closed(rejected()))).is_there());
}
