//! Rancher's moods: a cluster that flaps, comes late or not at all, a token that loses its rights, and bindings that are refused.

use jiff::SignedDuration;

use crate::fakes::Takes;
use crate::world::{World, story};

#[test]
fn a_cluster_that_comes_and_goes_counts_once_it_is_usable_twice_in_a_row() {
    let told = story(async |w| {
        w.rancher.flaps(SignedDuration::from_mins(8));
        w.has_request("crucial-sandbox").await;
        w.bob("press Approve").await;
        w.says_briefly("carol", "press Approve").await;
        w.passes("8m").await;
        w.stands("crucial-sandbox", "joining");
        assert!(w.rancher.ways_in("crucial-sandbox").is_empty());
        w.rest().await;
        w.stands("crucial-sandbox", "ready");
        assert!(w.rancher.falls("crucial-sandbox") >= 2, "it did not flap");
    });
    insta::assert_snapshot!(told);
}

#[test]
fn a_cluster_that_does_not_come_is_told_truthfully_and_taken_as_it_is_once_it_does() {
    let told = story(async |w| {
        w.rancher.hangs(Some("1 of 4 machines: EC2 refuses it: \"InstanceLimitExceeded\""));
        w.has_request("crucial-sandbox").await;
        w.bob("press Approve").await;
        w.says_briefly("carol", "press Approve").await;
        w.passes("50m").await;
        w.stands("crucial-sandbox", "joining");
        w.passes("15m").await;
        w.stands("crucial-sandbox", "stuck");
        w.restart().await;
        w.note("the quota is raised, and the machine comes");
        w.rancher.hangs(None);
        w.alice("press Retry").await;
        w.stands("crucial-sandbox", "ready");
    });
    insta::assert_snapshot!(told);
}

#[test]
fn a_create_that_terraform_gave_up_is_not_made_anew_when_it_comes_late() {
    let told = story(async |w| {
        w.has_request("crucial-sandbox").await;
        w.terraform.times_out(Some("terraform: \"timeout while waiting for state to become 'active'\""));
        w.rancher.hangs(Some("3 of 4 nodes registered, etcd waiting for crucial-sandbox-cp-a-1"));
        w.bob("press Approve").await;
        w.carol("press Approve").await;
        w.stands("crucial-sandbox", "stuck");
        w.terraform.times_out(None);
        w.alice("press Retry").await;
        w.stands("crucial-sandbox", "stuck");
        w.note("etcd finds itself after all");
        w.rancher.hangs(None);
        w.passes("2m").await;
        w.alice("press Retry").await;
        w.stands("crucial-sandbox", "ready");
        assert_eq!(w.terraform.made(&w.key("crucial-sandbox")), 7);
    });
    insta::assert_snapshot!(told);
}

async fn is_being_destroyed(w: &World) {
    w.has_cluster("crucial-sandbox").await;
    w.alice("/kaas destroy crucial-sandbox").await;
    w.bob("press Approve").await;
    w.says_briefly("carol", "press Approve").await;
}

#[test]
fn a_token_that_loses_its_rights_while_a_cluster_is_removed_calls_nothing_gone() {
    let told = story(async |w| {
        w.rancher.removes_never(true);
        is_being_destroyed(w).await;
        w.passes("10m").await;
        w.stands("crucial-sandbox", "making sure that it is gone");
        w.note("kaas' token loses its rights");
        w.rancher.denies(true);
        w.rest().await;
        w.stands("crucial-sandbox", "stuck");
        w.alice("/kaas show crucial-sandbox").await;
        w.alice("press Retry").await;
        w.stands("crucial-sandbox", "stuck");
        w.restart().await;
        w.note("an operator mends the rights, and the last machine goes");
        w.rancher.denies(false);
        w.rancher.removes_never(false);
        w.alice("press Retry").await;
        w.stands("crucial-sandbox", "gone");
        assert!(!w.rancher.has(&w.key("crucial-sandbox").name));
    });
    insta::assert_snapshot!(told);
}

#[test]
fn what_terraform_takes_for_destroyed_without_rights_is_still_there_and_a_person_has_to_remove_it() {
    let told = story(async |w| {
        w.note("kaas' token will have no rights just when terraform comes to the cluster");
        w.rancher.denies_removals(true);
        is_being_destroyed(w).await;
        w.passes("10m").await;
        w.stands("crucial-sandbox", "stuck");
        w.rancher.denies_removals(false);
        w.alice("press Retry").await;
        w.stands("crucial-sandbox", "stuck");
        assert!(w.rancher.has(&w.key("crucial-sandbox").name));
        w.note("a Rancher admin removes the cluster in Rancher");
        w.rancher.remove_by_hand(&w.key("crucial-sandbox").name);
        w.alice("press Retry").await;
        w.stands("crucial-sandbox", "gone");
        assert!(!w.rancher.has(&w.key("crucial-sandbox").name));
    });
    insta::assert_snapshot!(told);
}

#[test]
fn a_binding_is_refused_in_four_ways() {
    let told = story(async |w| {
        w.note("the cluster's namespace is not there yet (404)");
        w.has_request("crucial-sandbox").await;
        w.rancher.takes_bindings(Takes::TooEarly);
        w.bob("press Approve").await;
        w.says_briefly("carol", "press Approve").await;
        w.passes("4m").await;
        w.stands("crucial-sandbox", "joining");
        w.note("now it is");
        w.rancher.takes_bindings(Takes::Well);
        w.rest().await;
        w.stands("crucial-sandbox", "ready");

        w.note("the answer is lost, and an equal binding is there (409)");
        w.rancher.takes_bindings(Takes::AnswerLost);
        w.alice("/kaas access crucial-sandbox @bob").await;
        w.note("something else has the binding's name (409)");
        w.rancher.takes_bindings(Takes::NameTaken);
        w.alice("/kaas access crucial-sandbox @erin").await;
        w.note("kaas' user may not (403)");
        w.rancher.takes_bindings(Takes::Forbidden);
        w.alice("/kaas access crucial-sandbox @carol for 8h").await;
        assert_eq!(w.rancher.ways_in("crucial-sandbox"), ["alice", "u-bob"]);
        w.note("an operator mends the rights");
        w.rancher.takes_bindings(Takes::Well);
        w.alice("/kaas access crucial-sandbox @carol for 8h").await;
        assert_eq!(w.rancher.ways_in("crucial-sandbox"), ["alice", "u-bob", "u-carol"]);
    });
    insta::assert_snapshot!(told);
}

#[test]
fn whoever_asked_is_let_in_once_kaas_may() {
    let told = story(async |w| {
        w.has_request("crucial-sandbox").await;
        w.rancher.takes_bindings(Takes::Forbidden);
        w.bob("press Approve").await;
        w.carol("press Approve").await;
        w.stands("crucial-sandbox", "stuck");
        w.note("an operator mends the rights");
        w.rancher.takes_bindings(Takes::Well);
        w.alice("press Retry").await;
        w.stands("crucial-sandbox", "ready");
    });
    insta::assert_snapshot!(told);
}

#[test]
fn a_way_in_that_never_comes_into_force_is_given_up_and_taken_back() {
    let told = story(async |w| {
        w.has_cluster("crucial-sandbox").await;
        w.rancher.takes_bindings(Takes::NeverInForce);
        w.says_briefly("alice", "/kaas access crucial-sandbox @bob for 8h").await;
        w.passes("5m").await;
        w.restart().await;
        assert_eq!(w.rancher.ways_in("crucial-sandbox"), ["alice", "u-bob"]);
        w.passes("10m").await;
        w.rest().await;
        assert_eq!(w.rancher.ways_in("crucial-sandbox"), ["alice"]);
        w.alice("/kaas access crucial-sandbox").await;
        w.note("the cluster is connected again");
        w.rancher.takes_bindings(Takes::Well);
        w.alice("/kaas access crucial-sandbox @bob for 8h").await;
        assert_eq!(w.rancher.ways_in("crucial-sandbox"), ["alice", "u-bob"]);
        w.passes("9h").await;
        assert_eq!(w.rancher.ways_in("crucial-sandbox"), ["alice"]);
    });
    insta::assert_snapshot!(told);
}

#[test]
fn a_way_in_that_was_made_by_hand_is_none_that_kaas_could_end() {
    let told = story(async |w| {
        w.has_cluster("crucial-sandbox").await;
        w.rancher.has_by_hand(&[("u-bob", "cluster-member")]);
        w.erin("/kaas access crucial-sandbox @bob for 8h").await;
        w.alice("/kaas access crucial-sandbox @bob for 8h").await;
        w.alice("/kaas access crucial-sandbox").await;
        assert_eq!(w.rancher.ways_in("crucial-sandbox"), ["alice"]);
        w.note("a Rancher admin removes that binding");
        w.rancher.has_by_hand(&[]);
        w.alice("/kaas access crucial-sandbox @bob for 8h").await;
        assert_eq!(w.rancher.ways_in("crucial-sandbox"), ["alice", "u-bob"]);
        w.passes("9h").await;
        assert_eq!(w.rancher.ways_in("crucial-sandbox"), ["alice"]);
    });
    insta::assert_snapshot!(told);
}

#[test]
fn a_removal_that_lingers_is_told_while_terraform_still_waits() {
    let told = story(async |w| {
        w.has_cluster("crucial-sandbox").await;
        w.terraform.waits_for_removals();
        w.rancher.removes_never(true);
        w.alice("/kaas destroy crucial-sandbox").await;
        w.bob("press Approve").await;
        w.says_briefly("carol", "press Approve").await;
        w.passes("50m").await;
        w.stands("crucial-sandbox", "destroying");
        w.rancher.removes_never(false);
        w.rest().await;
        w.stands("crucial-sandbox", "gone");
    });
    assert_eq!(told.matches("for half an hour").count(), 2, "in the thread, and to the admin: {told}");
    insta::assert_snapshot!(told);
}
