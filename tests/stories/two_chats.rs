//! A tenant whose people talk in two chats: what is asked for in one is seen and decided in both.

use kaas::lifecycle::Place;
use kaas::lifecycle::policy::Policy;

use crate::fakes::Part;
use crate::process::{CHAT, SECOND};
use crate::world::{person, story_with};

fn both(policy: &mut Policy) {
    policy.places = [CHAT, SECOND].map(|chat| Place { chat: chat.to_owned(), channel: "#clusters".to_owned() }).into();
}

#[test]
fn a_change_is_seen_and_decided_in_both() {
    let told = story_with(both, async |w| {
        w.alice("/kaas request crucial-sandbox size=small ttl=7d").await;
        let key = w.sees("crucial-sandbox").key().clone();
        assert!(w.second.card(&key).unwrap().contains("waiting for 2 approvals"));
        // What bob puts on the second card is heard by nobody; the sweep finds it.
        w.note("bob reacts with +1 in the second chat, and kaas does not hear it");
        w.second.react(&key, &person("bob", "bob"), "+1");
        w.passes("15m").await;
        w.rest().await;
        assert!(w.second.card(&key).unwrap().contains("waiting for 1 more approval"), "{:?}", w.second.card(&key));
        w.carol("press Approve on crucial-sandbox").await;
        w.stands("crucial-sandbox", "ready");
        assert!(w.second.card(&key).unwrap().contains("ready until Sun 29 Nov"));
        let posts = w.second.posts();
        assert_eq!(posts.len() + 1, w.posts(1), "the same is said in both: {posts:#?}");
        assert_eq!(w.second.told(), [], "alice was told where she asked");
    });
    insta::assert_snapshot!(told);
}

#[test]
fn one_chat_is_down_and_the_other_goes_on() {
    story_with(both, async |w| {
        w.has_request("crucial-sandbox").await;
        let key = w.sees("crucial-sandbox").key().clone();
        w.down(Part::SecondChat, "the second chat does not answer");
        w.bob("press Approve on crucial-sandbox").await;
        w.carol("press Approve on crucial-sandbox").await;
        w.passes("10m").await;
        w.stands("crucial-sandbox", "ready");
        assert!(w.second.card(&key).unwrap().contains("waiting for 2 approvals"), "it is the card of an hour ago");
        w.up(Part::SecondChat);
        w.passes("1h").await;
        w.rest().await;
        assert!(w.second.card(&key).unwrap().contains("ready"), "{:?}", w.second.card(&key));
        assert_eq!(w.second.posts().len() + 1, w.posts(1), "nothing is lost: {:#?}", w.second.posts());
    });
}

#[test]
fn people_are_told_where_they_are() {
    story_with(both, async |w| {
        w.bob("/kaas request crucial-sandbox size=small ttl=7d").await;
        w.carol("press Approve on crucial-sandbox").await;
        w.dave("press Approve on crucial-sandbox").await;
        w.stands("crucial-sandbox", "ready");
        assert_eq!(w.told("bob"), 1, "he is in both, and is told where he asked");
        assert_eq!(w.second.told(), []);
    });
}
