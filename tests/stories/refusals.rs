//! What kaas does not start, and what it says instead.

use kaas::lifecycle::form::Reason;

use crate::world::{story, story_with};

fn frozen() -> Option<Reason> {
    Some("the network is being moved until Monday".parse().unwrap())
}

#[test]
fn nothing_new_while_frozen() {
    let told = story_with(
        |policy| policy.frozen = frozen(),
        async |w| {
            w.alice("/kaas request crucial-sandbox size=small").await;
            w.alice("/kaas request crucial-sandbox size=small --dry-run").await;
        },
    );
    insta::assert_snapshot!(told, @"");
}

#[test]
fn what_is_under_way_goes_on_while_frozen() {
    let told = story(async |w| {
        w.has_request("crucial-sandbox").await;
        w.policy("new changes are stopped", |policy| policy.frozen = frozen()).await;
        w.bob("+1").await;
        w.carol("+1").await;
        w.stands("crucial-sandbox", "ready");
        w.alice("/kaas destroy crucial-sandbox").await;
    });
    insta::assert_snapshot!(told, @"");
}

#[test]
fn too_many() {
    let told = story_with(
        |policy| policy.clusters_a_person = Some(1),
        async |w| {
            w.has_cluster("crucial-sandbox").await;
            w.alice("/kaas request teal-otter size=small").await;
            w.erin("/kaas request teal-otter size=small").await;
            w.alice("/kaas list mine").await;
            w.erin("press Cancel on teal-otter").await;
        },
    );
    insta::assert_snapshot!(told, @"");
}

#[test]
fn nobody_could_approve() {
    let told = story_with(
        |policy| policy.approvers.retain(|p| p.name == "bob"),
        async |w| {
            w.alice("/kaas request crucial-sandbox size=small").await;
            w.bob("/kaas request crucial-sandbox size=small").await;
        },
    );
    insta::assert_snapshot!(told, @"");
}

#[test]
fn one_change_at_a_time() {
    let told = story(async |w| {
        w.has_request("crucial-sandbox").await;
        w.passes("10m").await;
        w.erin("/kaas request crucial-sandbox size=large").await;
        w.alice("/kaas destroy crucial-sandbox").await;
        w.bob("press Approve").await;
        w.carol("press Approve").await;
        w.erin("/kaas request crucial-sandbox size=large").await;
        w.stands("crucial-sandbox", "ready");
        w.alice("/kaas cancel crucial-sandbox").await;
        w.alice("/kaas retry crucial-sandbox").await;
        w.bob("/kaas approve crucial-sandbox").await;
    });
    insta::assert_snapshot!(told, @"");
}

#[test]
fn rights() {
    let told = story(async |w| {
        w.mallory("/kaas request crucial-sandbox size=small").await;
        w.mallory("/kaas request crucial-sandbox size=small --dry-run").await;
        w.has_request("crucial-sandbox").await;
        w.bob("/kaas cancel crucial-sandbox").await;
        w.erin("press Cancel").await;
        w.erin("/kaas retry crucial-sandbox").await;
        w.dave("/kaas cancel crucial-sandbox").await;
        w.alice("/kaas cancel crucial-sandbox").await;
        w.alice("/kaas destroy crucial-sandbox").await;
        w.alice("/kaas approve crucial-sandbox").await;
    });
    insta::assert_snapshot!(told, @"");
}

#[test]
fn no_such_cluster() {
    let told = story(async |w| {
        w.bob("/kaas show crucial-sandbox").await;
        w.has_request("crucial-sandbox").await;
        w.bob("/kaas approve crucial-sandbx").await;
        w.bob("/kaas destroy grey-heron").await;
        w.bob("/kaas show crucial-sanbox").await;
        w.alice("press Cancel").await;
    });
    insta::assert_snapshot!(told, @"");
}
