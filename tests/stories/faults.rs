//! When the world fails: what is said, what is kept, and how it goes on.

use crate::fakes::Part;
use crate::world::story;

const AMI: &str = "terraform: \"InvalidAMIID.NotFound: ami-0abc\"";

#[test]
fn no_plan_can_be_made() {
    let told = story(async |w| {
        w.terraform.fails_planning(Some(AMI));
        w.alice("/kaas request crucial-sandbox size=small").await;
        w.stands("crucial-sandbox", "stuck");
        w.alice("press Retry").await;
        w.note("somebody mends the AMI");
        w.terraform.fails_planning(None);
        w.alice("press Retry").await;
        w.stands("crucial-sandbox", "waiting for 2 approvals");
        w.alice("press Cancel").await;
    });
    insta::assert_snapshot!(told, @"");
}

#[test]
fn an_apply_fails_half_way_and_goes_on() {
    let told = story(async |w| {
        w.has_request("crucial-sandbox").await;
        w.terraform.fails_after(Some((4, AMI)));
        w.bob("press Approve").await;
        w.carol("press Approve").await;
        w.stands("crucial-sandbox", "stuck");
        assert_eq!(w.terraform.made(&w.key("crucial-sandbox")), 4);
        w.terraform.fails_after(None);
        w.note("somebody mends the AMI");
        w.alice("press Retry").await;
        w.stands("crucial-sandbox", "ready");
    });
    insta::assert_snapshot!(told, @"");
}

#[test]
fn an_apply_fails_half_way_and_is_taken_down() {
    let told = story(async |w| {
        w.has_request("crucial-sandbox").await;
        w.terraform.fails_after(Some((4, AMI)));
        w.bob("press Approve").await;
        w.carol("press Approve").await;
        w.terraform.fails_after(None);
        w.alice("press Cancel").await;
        w.stands("crucial-sandbox", "waiting for 2 approvals");
        w.alice("press Approve").await;
        w.bob("press Reject because I want to look at it first").await;
        w.stands("crucial-sandbox", "stuck");
        w.alice("/kaas retry crucial-sandbox").await;
        w.bob("press Approve").await;
        w.carol("press Approve").await;
        w.stands("crucial-sandbox", "taken down again");
        assert_eq!(w.terraform.made(&w.key("crucial-sandbox")), 0);
    });
    insta::assert_snapshot!(told, @"");
}

#[test]
fn a_destroy_fails_half_way() {
    let told = story(async |w| {
        w.has_cluster("crucial-sandbox").await;
        w.alice("/kaas destroy crucial-sandbox").await;
        w.terraform.fails_after(Some((2, "terraform: \"DependencyViolation: the network is in use\"")));
        w.bob("press Approve").await;
        w.carol("press Approve").await;
        w.stands("crucial-sandbox", "stuck");
        w.alice("/kaas cancel crucial-sandbox").await;
        w.terraform.fails_after(None);
        w.dave("press Retry").await;
        w.stands("crucial-sandbox", "gone");
    });
    insta::assert_snapshot!(told, @"");
}

#[test]
fn rancher_is_down_while_joining_and_comes_back() {
    let told = story(async |w| {
        w.has_applying("crucial-sandbox").await;
        w.passes("80s").await;
        w.stands("crucial-sandbox", "joining");
        w.down(Part::Rancher, "Rancher does not answer");
        w.passes("3m").await;
        w.up(Part::Rancher);
        w.rest().await;
        w.stands("crucial-sandbox", "ready");
    });
    assert_eq!(told.matches("Nothing is lost").count(), 1);
    insta::assert_snapshot!(told, @"");
}

#[test]
fn rancher_stays_down() {
    let told = story(async |w| {
        w.has_applying("crucial-sandbox").await;
        w.passes("80s").await;
        w.down(Part::Rancher, "Rancher does not answer");
        w.passes("1h").await;
        w.stands("crucial-sandbox", "stuck");
        w.up(Part::Rancher);
        w.alice("press Retry").await;
        w.stands("crucial-sandbox", "ready");
    });
    insta::assert_snapshot!(told, @"");
}

#[test]
fn a_cluster_never_becomes_usable() {
    let told = story(async |w| {
        w.rancher.hangs(Some("2 of 4 nodes are up, etcd is starting"));
        w.has_applying("crucial-sandbox").await;
        w.passes("65m").await;
        w.stands("crucial-sandbox", "stuck");
        w.rancher.hangs(None);
        w.note("somebody opens a port");
        w.alice("press Retry").await;
        w.stands("crucial-sandbox", "ready");
    });
    insta::assert_snapshot!(told, @"");
}

#[test]
fn the_forge_is_down_for_an_hour() {
    let told = story(async |w| {
        w.down(Part::Forge, "the forge does not answer");
        w.says_briefly("alice", "/kaas request crucial-sandbox size=small").await;
        w.passes("1h").await;
        w.up(Part::Forge);
        w.alice("press Retry").await;
        w.stands("crucial-sandbox", "waiting for 2 approvals");
        w.bob("press Approve").await;
        w.carol("press Approve").await;
        w.stands("crucial-sandbox", "ready");
    });
    insta::assert_snapshot!(told, @"");
}

#[test]
fn the_forge_is_down_for_a_minute() {
    let told = story(async |w| {
        w.down(Part::Forge, "the forge does not answer");
        w.says_briefly("alice", "/kaas request crucial-sandbox size=small").await;
        w.passes("60s").await;
        w.up(Part::Forge);
        w.rest().await;
        w.stands("crucial-sandbox", "waiting for 2 approvals");
        w.alice("press Cancel").await;
    });
    insta::assert_snapshot!(told, @"");
}

#[test]
fn the_chat_is_down_for_an_hour() {
    let told = story(async |w| {
        w.has_request("crucial-sandbox").await;
        w.bob("press Approve").await;
        w.down(Part::Chat, "the chat does not take messages");
        w.says_briefly("carol", "/kaas approve crucial-sandbox").await;
        w.passes("1h").await;
        w.up(Part::Chat);
        w.rest().await;
        w.stands("crucial-sandbox", "ready");
        assert_eq!((w.posts(1), w.told("alice")), (4, 1));
    });
    insta::assert_snapshot!(told, @"");
}

#[test]
fn kaas_is_killed_while_terraform_is_at_work() {
    let told = story(async |w| {
        w.has_applying("crucial-sandbox").await;
        w.restart().await;
        w.rest().await;
        w.stands("crucial-sandbox", "ready");
    });
    insta::assert_snapshot!(told, @"");
}

#[test]
fn rancher_does_not_know_the_person() {
    let told = story(async |w| {
        w.rancher.knows_nobody(Some("Rancher has no user for alice: sign in there once, then retry"));
        w.alice("/kaas request crucial-sandbox size=small").await;
        w.rancher.knows_nobody(None);
        w.alice("press Retry").await;
        w.stands("crucial-sandbox", "waiting for 2 approvals");
        w.alice("press Cancel").await;
    });
    insta::assert_snapshot!(told, @"");
}
