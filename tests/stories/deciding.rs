//! How people decide: votes, their limits, rejections, silence.

use kaas::lifecycle::Risk;

use crate::world::{person, story, story_with};

#[test]
fn a_rejection_has_its_reason() {
    let told = story(async |w| {
        w.alice("/kaas request crucial-sandbox size=small").await;
        w.bob("+1").await;
        w.carol("press Reject because the budget is gone").await;
        w.stands("crucial-sandbox", "rejected by carol");
        // The name is free again.
        w.alice("/kaas request crucial-sandbox size=small").await;
        w.dave("/kaas reject crucial-sandbox").await;
    });
    insta::assert_snapshot!(told, @"");
}

#[test]
fn nobody_decides() {
    let told = story(async |w| {
        w.has_request("crucial-sandbox").await;
        w.bob("+1").await;
        w.passes("3h").await;
        w.passes("20h").await;
        w.passes("2h").await;
        w.stands("crucial-sandbox", "closed: nobody decided");
    });
    assert_eq!(told.matches("still waits").count(), 1);
    insta::assert_snapshot!(told, @"");
}

#[test]
fn who_may_decide() {
    let told = story(async |w| {
        w.has_request("crucial-sandbox").await;
        w.alice("+1").await;
        w.alice("press Reject because I changed my mind").await;
        w.mallory("press Approve").await;
        w.erin("/kaas approve crucial-sandbox").await;
        w.bob("👀").await;
        w.bob("-1").await;
        w.bob("👍🏽").await;
        w.bob("press Approve").await;
        w.alice("/kaas cancel crucial-sandbox").await;
    });
    insta::assert_snapshot!(told, @"");
}

#[test]
fn two_people_at_once() {
    let told = story(async |w| {
        w.has_request("crucial-sandbox").await;
        w.at_once(("bob", "+1"), ("carol", "+1")).await;
        w.dave("press Approve").await;
    });
    insta::assert_snapshot!(told, @"");
}

#[test]
fn one_person_under_two_names_counts_once() {
    let told = story(async |w| {
        w.has_request("crucial-sandbox").await;
        w.bob("press Approve").await;
        w.says_as(&person("bob", "Bobby"), "press Approve").await;
        w.says_as(&person("alice", "Alice of the other chat"), "press Approve").await;
        w.stands("crucial-sandbox", "waiting for 1 more approval");
        w.dave("/kaas approve crucial-sandbox").await;
        w.stands("crucial-sandbox", "ready");
    });
    insta::assert_snapshot!(told, @"");
}

#[test]
fn an_approver_is_removed_before_the_decision() {
    let told = story(async |w| {
        w.has_request("crucial-sandbox").await;
        w.bob("press Approve").await;
        w.policy("bob is no approver any more", |policy| policy.approvers.retain(|p| p.name != "bob")).await;
        w.alice("/kaas show crucial-sandbox").await;
        w.carol("press Approve").await;
        w.stands("crucial-sandbox", "waiting for 1 more approval");
        w.dave("press Approve").await;
        w.stands("crucial-sandbox", "ready");
    });
    insta::assert_snapshot!(told, @"");
}

#[test]
fn one_approval_is_enough_where_the_policy_says_so() {
    let told = story_with(
        |policy| policy.quorum.green = 1,
        async |w| {
            w.alice("/kaas request crucial-sandbox size=small").await;
            w.bob("+1").await;
            w.stands("crucial-sandbox", "ready");
            w.carol("+1").await;
        },
    );
    insta::assert_snapshot!(told, @"");
}

#[test]
fn a_reaction_is_too_weak_for_a_dangerous_plan() {
    let told = story_with(
        |policy| policy.reactions_up_to = Risk::Green,
        async |w| {
            w.has_cluster("crucial-sandbox").await;
            w.alice("/kaas destroy crucial-sandbox").await;
            w.bob("+1").await;
            w.bob("press Approve").await;
            w.carol("/kaas approve crucial-sandbox").await;
            w.stands("crucial-sandbox", "gone");
        },
    );
    insta::assert_snapshot!(told, @"");
}

#[test]
fn an_approval_is_taken_back() {
    let told = story(async |w| {
        w.has_request("crucial-sandbox").await;
        w.bob("/kaas withdraw crucial-sandbox").await;
        w.bob("+1").await;
        w.bob("remove +1").await;
        w.stands("crucial-sandbox", "waiting for 2 approvals");
        // A reaction takes back only what a reaction gave.
        w.bob("press Approve").await;
        w.bob("remove +1").await;
        w.stands("crucial-sandbox", "waiting for 1 more approval");
        w.bob("/kaas withdraw crucial-sandbox").await;
        w.stands("crucial-sandbox", "waiting for 2 approvals");
        w.bob("+1").await;
        w.says_briefly("carol", "+1").await;
        // Decided is decided.
        w.bob("remove +1").await;
        w.carol("/kaas withdraw crucial-sandbox").await;
        w.stands("crucial-sandbox", "ready");
    });
    insta::assert_snapshot!(told, @"");
}

#[test]
fn a_card_that_is_not_true_any_more() {
    let told = story(async |w| {
        w.has_request("crucial-sandbox").await;
        let before = w.sees("crucial-sandbox");
        w.terraform.world_moves(&w.key("crucial-sandbox"));
        w.alice("/kaas retry crucial-sandbox").await;
        w.acts_on("bob", "press Approve", &before).await;
        w.acts_on("bob", "press Reject because I don't like it", &before).await;
        w.alice("press Cancel").await;
        // A card of a change that has ended decides nothing about the next one.
        w.alice("/kaas request crucial-sandbox size=small").await;
        w.acts_on("bob", "press Approve", &before).await;
        w.acts_on("carol", "+1", &before).await;
        w.acts_on("alice", "press Cancel", &before).await;
        w.stands("crucial-sandbox", "waiting for 2 approvals");
    });
    insta::assert_snapshot!(told, @"");
}
