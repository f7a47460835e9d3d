//! When things turn: cancelled, drifted, pushed to, closed by hand.

use crate::world::story;

#[test]
fn cancelled_while_planning() {
    let told = story(async |w| {
        w.says_briefly("alice", "/kaas request crucial-sandbox size=small").await;
        w.stands("crucial-sandbox", "planning");
        w.bob("/kaas approve crucial-sandbox").await;
        w.says_briefly("alice", "/kaas request teal-otter size=small").await;
        w.alice("press Cancel on teal-otter").await;
        w.stands("teal-otter", "cancelled by alice");
        w.dave("/kaas cancel crucial-sandbox").await;
        w.stands("crucial-sandbox", "cancelled by dave");
    });
    insta::assert_snapshot!(told, @"");
}

#[test]
fn not_cancelled_while_terraform_is_at_work() {
    let told = story(async |w| {
        w.has_applying("crucial-sandbox").await;
        w.says_briefly("alice", "/kaas cancel crucial-sandbox").await;
        w.says_briefly("alice", "/kaas retry crucial-sandbox").await;
        w.says_briefly("bob", "/kaas reject crucial-sandbox").await;
        w.passes("90s").await;
        w.stands("crucial-sandbox", "joining");
        w.says_briefly("alice", "/kaas cancel crucial-sandbox").await;
        w.rest().await;
        w.stands("crucial-sandbox", "ready");
    });
    insta::assert_snapshot!(told, @"");
}

#[test]
fn the_world_moves_between_approval_and_apply() {
    let told = story(async |w| {
        w.has_request("crucial-sandbox").await;
        let before = w.sees("crucial-sandbox");
        w.bob("press Approve").await;
        w.note("somebody changes something by hand, in EC2");
        w.terraform.world_moves(&w.key("crucial-sandbox"));
        w.carol("press Approve").await;
        w.stands("crucial-sandbox", "waiting for 2 approvals");
        assert_eq!(w.terraform.made(&w.key("crucial-sandbox")), 0);
        w.acts_on("dave", "press Approve", &before).await;
        w.carol("press Approve").await;
        w.bob("press Approve").await;
        w.stands("crucial-sandbox", "ready");
    });
    insta::assert_snapshot!(told, @"");
}

#[test]
fn a_stranger_pushes() {
    let told = story(async |w| {
        w.has_request("crucial-sandbox").await;
        w.bob("press Approve").await;
        w.note("eve pushes two files to the branch");
        w.forge.push("crucial-sandbox", "eve", 2);
        w.passes("5m").await;
        w.stands("crucial-sandbox", "stuck");
        w.carol("press Approve").await;
        w.alice("press Retry").await;
        w.stands("crucial-sandbox", "waiting for 2 approvals");
        w.bob("press Approve").await;
        w.carol("press Approve").await;
        w.stands("crucial-sandbox", "ready");
    });
    insta::assert_snapshot!(told, @"");
}

#[test]
fn a_stranger_pushes_before_anybody_voted() {
    let told = story(async |w| {
        w.has_request("crucial-sandbox").await;
        w.note("eve pushes a file to the branch");
        w.forge.push("crucial-sandbox", "eve", 1);
        w.passes("5m").await;
        w.alice("press Cancel").await;
        w.stands("crucial-sandbox", "cancelled by alice");
    });
    insta::assert_snapshot!(told, @"");
}

#[test]
fn a_push_that_changes_nothing_costs_the_votes() {
    let told = story(async |w| {
        w.has_request("crucial-sandbox").await;
        w.bob("press Approve").await;
        w.note("eve rebases the branch");
        w.forge.push("crucial-sandbox", "eve", 0);
        w.passes("5m").await;
        w.stands("crucial-sandbox", "waiting for 2 approvals");
        w.bob("press Approve").await;
        w.carol("press Approve").await;
        w.stands("crucial-sandbox", "ready");
    });
    insta::assert_snapshot!(told, @"");
}

#[test]
fn a_push_right_before_the_last_vote() {
    let told = story(async |w| {
        w.has_request("crucial-sandbox").await;
        w.bob("press Approve").await;
        w.note("eve pushes a file to the branch, and carol is faster than the sweep");
        w.forge.push("crucial-sandbox", "eve", 1);
        w.carol("press Approve").await;
        w.stands("crucial-sandbox", "stuck");
        assert_eq!(w.terraform.made(&w.key("crucial-sandbox")), 0);
        w.alice("/kaas retry crucial-sandbox").await;
        w.carol("press Approve").await;
        w.bob("press Approve").await;
        w.stands("crucial-sandbox", "ready");
    });
    insta::assert_snapshot!(told, @"");
}

#[test]
fn a_push_while_terraform_is_at_work() {
    let told = story(async |w| {
        w.has_applying("crucial-sandbox").await;
        w.note("eve pushes a file to the branch");
        w.forge.push("crucial-sandbox", "eve", 1);
        w.rest().await;
        w.stands("crucial-sandbox", "ready");
    });
    insta::assert_snapshot!(told, @"");
}

#[test]
fn the_pull_request_is_closed_by_hand() {
    let told = story(async |w| {
        w.has_request("crucial-sandbox").await;
        w.bob("press Approve").await;
        w.note("eve closes the pull request");
        w.forge.close_by_hand("crucial-sandbox", "eve");
        w.passes("5m").await;
        w.stands("crucial-sandbox", "closed: eve closed the pull request");
    });
    insta::assert_snapshot!(told, @"");
}

#[test]
fn the_pull_request_is_closed_while_terraform_is_at_work() {
    let told = story(async |w| {
        w.has_applying("crucial-sandbox").await;
        w.note("eve closes the pull request");
        w.forge.close_by_hand("crucial-sandbox", "eve");
        w.rest().await;
        w.stands("crucial-sandbox", "ready");
    });
    insta::assert_snapshot!(told, @"");
}
