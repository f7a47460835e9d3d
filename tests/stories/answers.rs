//! What is answered at once: help, lists, dry runs, and every mistake of a line together.

use crate::world::story;

#[test]
fn help() {
    let told = story(async |w| {
        w.alice("/kaas help").await;
        w.alice("/kaas help request").await;
        w.alice("/kaas help nonsense").await;
        w.alice("/kaas").await;
        w.alice("/kaas request").await;
    });
    insta::assert_snapshot!(told, @"");
}

#[test]
fn mistakes() {
    let told = story(async |w| {
        w.alice("/kaas reqest crucial-sandbox").await;
        w.alice("/kaas request crucial-sandbox size=smal workers=two").await;
        w.alice("/kaas request Crucial_Sandbox size=small workers=99 ttl=400d").await;
        w.alice("/kaas request ../../etc size=${var.x}").await;
        w.alice("/kaas approve").await;
        w.alice("/kaas list owner=alcie").await;
        w.alice("/kaas please make me a cluster").await;
    });
    insta::assert_snapshot!(told, @"");
}

#[test]
fn lists() {
    let told = story(async |w| {
        w.alice("/kaas list").await;
        w.alice("/kaas list mine").await;
        w.alice("/kaas list waiting").await;
        w.has_cluster("crucial-sandbox").await;
        w.erin("/kaas request grey-heron size=large reason=\"month end\"").await;
        w.bob("press Approve on grey-heron").await;
        w.bob("/kaas list").await;
        w.bob("/kaas list waiting").await;
        w.bob("/kaas list mine").await;
        w.bob("/kaas list owner=alice").await;
        w.bob("/kaas show crucial-sandbox").await;
        w.bob("/kaas show grey-heron").await;
        w.carol("press Plan on grey-heron").await;
        w.erin("press Cancel on grey-heron").await;
        w.bob("/kaas show grey-heron").await;
    });
    insta::assert_snapshot!(told, @"");
}

#[test]
fn what_can_be_asked_for() {
    let told = story(async |w| {
        w.alice("/kaas classes").await;
        w.alice("/kaas request crucial-sandbox size=small ttl=2d --dry-run").await;
        assert!(w.forge.pulls().is_empty());
    });
    insta::assert_snapshot!(told, @"");
}
