//! The end of clusters: by their owner, by an admin, by their lease; and several clusters side by side.

use crate::world::story;

#[test]
fn an_admin_destroys_what_belongs_to_others() {
    let told = story(async |w| {
        w.has_cluster("crucial-sandbox").await;
        w.bob("/kaas destroy crucial-sandbox").await;
        w.mallory("/kaas destroy crucial-sandbox").await;
        w.dave("/kaas destroy crucial-sandbox because it costs too much").await;
        w.dave("press Approve").await;
        w.alice("press Approve").await;
        w.bob("press Approve").await;
        w.carol("press Approve").await;
        w.stands("crucial-sandbox", "gone");
    });
    insta::assert_snapshot!(told, @"");
}

#[test]
fn a_rejected_destroy_leaves_the_cluster_as_it_is() {
    let told = story(async |w| {
        w.has_cluster("crucial-sandbox").await;
        w.dave("/kaas destroy crucial-sandbox").await;
        w.bob("press Reject because alice is in the middle of something").await;
        w.alice("/kaas show crucial-sandbox").await;
        assert_eq!(w.rancher.ways_in("crucial-sandbox"), ["alice"]);
    });
    insta::assert_snapshot!(told, @"");
}

#[test]
fn a_lease_ends() {
    let told = story(async |w| {
        w.has_cluster("crucial-sandbox").await;
        w.passes("7d").await;
        w.rest().await;
        w.stands("crucial-sandbox", "waiting for 2 approvals");
        w.bob("press Approve").await;
        w.dave("press Approve").await;
        w.stands("crucial-sandbox", "gone");
    });
    insta::assert_snapshot!(told, @"");
}

#[test]
fn a_lease_ends_and_nobody_decides() {
    let told = story(async |w| {
        w.has_cluster("crucial-sandbox").await;
        w.passes("7d").await;
        w.rest().await;
        w.passes("25h").await;
        w.alice("/kaas list").await;
    });
    insta::assert_snapshot!(told, @"");
}

#[test]
fn a_lease_ends_while_a_destroy_is_open() {
    let told = story(async |w| {
        w.has_cluster("crucial-sandbox").await;
        w.passes("6d").await;
        w.passes("20h").await;
        w.alice("/kaas destroy crucial-sandbox").await;
        w.bob("press Approve").await;
        w.passes("6h").await;
        w.carol("press Approve").await;
        w.stands("crucial-sandbox", "gone");
    });
    insta::assert_snapshot!(told, @"");
}

#[test]
fn a_name_lives_again() {
    let told = story(async |w| {
        w.has_cluster("teal-otter").await;
        w.has_cluster("crucial-sandbox").await;
        w.alice("/kaas destroy crucial-sandbox").await;
        w.bob("press Approve").await;
        w.carol("press Approve").await;
        w.erin("/kaas request crucial-sandbox size=small ttl=2d").await;
        w.bob("press Approve").await;
        w.carol("press Approve").await;
        // What such a thing usually takes is known from what exists.
        w.stands("crucial-sandbox", "ready until Tue 24 Nov");
        assert_eq!(w.rancher.ways_in("crucial-sandbox"), ["erin"]);
    });
    insta::assert_snapshot!(told, @"");
}

#[test]
fn two_clusters_side_by_side() {
    let told = story(async |w| {
        w.at_once(
            ("alice", "/kaas request crucial-sandbox size=small"),
            ("erin", "/kaas request teal-otter class=aws-k3s"),
        )
        .await;
        w.bob("press Approve on crucial-sandbox").await;
        w.bob("press Approve on teal-otter").await;
        w.at_once(("carol", "press Approve on teal-otter"), ("dave", "press Approve on crucial-sandbox")).await;
        w.stands("crucial-sandbox", "ready");
        w.stands("teal-otter", "ready");
        assert_eq!(w.rancher.ways_in("crucial-sandbox"), ["alice"]);
        assert_eq!(w.rancher.ways_in("teal-otter"), ["erin"]);
        w.bob("/kaas list").await;
    });
    insta::assert_snapshot!(told, @"");
}
