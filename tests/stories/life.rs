//! The happy life, from request to teardown, and what it costs in words.

use crate::world::story;

#[test]
fn a_whole_life() {
    let told = story(async |w| {
        w.alice("/kaas request crucial-sandbox size=small ttl=7d reason=\"load test of billing\" ticket=OPS-77").await;
        w.bob("+1").await;
        w.carol("press Approve").await;
        w.stands("crucial-sandbox", "ready until Sun 29 Nov");
        // Four posts with the card, one private message.
        assert_eq!((w.posts(1), w.told("alice")), (4, 1));
        assert_eq!(w.rancher.ways_in("crucial-sandbox"), ["alice"]);
        w.passes("2d").await;
        w.alice("/kaas destroy crucial-sandbox because the test is over").await;
        w.bob("press Approve").await;
        w.dave("press Approve").await;
        w.stands("crucial-sandbox", "gone");
        assert_eq!((w.posts(2), w.told("alice")), (4, 1));
        assert!(w.forge.main().is_empty());
    });
    insta::assert_snapshot!(told, @"");
}
