//! Slack is away for a while: nothing hangs, nothing is lost that was acknowledged, and kaas is back when Slack is.

use kaas::ports::{Chat, Trouble, Vital};
use kaas::render::message::Message;
use kaas_fakes::slack::{Fault, Options};

use crate::support::{Office, PATIENCE, call, card_key, until};

#[tokio::test]
async fn kaas_is_not_ready_while_slack_is_down_and_back_when_it_is() {
    let office = Office::open().await;
    until(|| office.chat.is_ready()).await;
    office.slack.go_down();
    until(|| !office.chat.is_ready()).await;
    let place = office.chat.place();
    let answer = office.chat.post(&call(1, 1), &place, &card_key(), None, &Message::text("x"), None).await;
    assert!(matches!(answer, Err(Trouble::Passing { .. })), "{answer:?}");
    office.slack.heal();
    assert!(office.slack.connected(2, PATIENCE).await, "the sockets come back by themselves");
    until(|| office.chat.is_ready()).await;
    office.chat.post(&call(1, 2), &place, &card_key(), None, &Message::text("x"), None).await.expect("it is said");
    assert_eq!(office.slack.messages(&office.channel).len(), 1);
    assert!(office.slack.slash(&office.alice, &office.channel, "/kaas list").await.expect("a command").is_acked());
}

#[tokio::test]
async fn votes_that_were_given_meanwhile_stand_on_the_card() {
    let office = Office::quiet(Options::default()).await;
    let card = office.card().await;
    let missed = office.slack.react(&office.bob, &office.channel, &card, "+1").await.expect("a reaction");
    assert!(!missed.is_acked(), "nobody listened");
    let standing = office.chat.reactions(&office.chat.place(), &card).await.expect("an answer").expect("reactions");
    assert_eq!(standing[0].by.id.as_str(), "bob");
    office.slack.fail_next("reactions.get", 1, Fault::Status(500));
    let failed = office.chat.reactions(&office.chat.place(), &card).await;
    assert!(matches!(failed, Err(Trouble::Passing { .. })), "{failed:?}");
}

#[tokio::test]
async fn who_stops_waits_for_no_turn() {
    let office = Office::quiet(Options::default()).await;
    let mut calls: Vec<_> = (0..4).map(|n| call(n, 1)).collect();
    let last = calls.pop().expect("a call");
    let place = office.chat.place();
    for call in &calls {
        office.chat.post(call, &place, &card_key(), None, &Message::text("x"), None).await.expect("a post");
    }
    last.stop.cancel();
    let stopped = office.chat.post(&last, &place, &card_key(), None, &Message::text("x"), None).await;
    assert!(matches!(stopped, Err(Trouble::Stopped)), "{stopped:?}");
}
