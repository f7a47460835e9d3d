//! Whole conversations in Slack.

use std::time::Duration;

use crate::house::{Forge, House};

#[tokio::test(flavor = "multi_thread", worker_threads = 2)]
async fn a_cluster_from_request_to_teardown() {
    let house = House::new(Forge::Local).await;
    house.start().await;
    house.slash("alice", "/kaas request crucial-sandbox size=smal").await;
    house.told("alice", "Did you mean small?").await;
    house.slash("alice", "/kaas request crucial-sandbox size=small reason=\"load <test> & @channel\"").await;
    house.told("alice", "would call everybody").await;
    house.slash("alice", "/kaas request crucial-sandbox size=small reason=\"load <test> & more\"").await;
    house.card_says("crucial-sandbox", "waiting for 2 approvals").await;
    // Nobody approves their own, and strangers decide nothing.
    house.click("alice", "crucial-sandbox", "approve").await;
    house.told("alice", "somebody else has to approve it").await;
    house.react("mallory", "crucial-sandbox", "+1").await;
    house.told("mallory", "not one of its approvers").await;
    house.react("guest", "crucial-sandbox", "+1").await;
    house.told("guest", "you are a guest").await;
    house.react("bob", "crucial-sandbox", "+1::skin-tone-3").await;
    house.card_says("crucial-sandbox", "waiting for 1 more approval").await;
    house.click("carol", "crucial-sandbox", "approve").await;
    house.card_says("crucial-sandbox", "ready").await;
    house.told("alice", "Your kubeconfig").await;
    assert_eq!(house.thread("crucial-sandbox").len(), 4, "three posts and a file hang on the card\n{}", house.report());
    assert!(house.card("crucial-sandbox").unwrap().buttons().is_empty(), "a decided card has no buttons");
    house.slash("dave", "/kaas destroy crucial-sandbox because it costs too much").await;
    house.card_says("crucial-sandbox", "destroy · waiting for 2 approvals").await;
    house.told("alice", "asks for your cluster to be destroyed").await;
    house.react("bob", "crucial-sandbox", "white_check_mark").await;
    house.card_says("crucial-sandbox", "waiting for 1 more approval").await;
    house.react("carol", "crucial-sandbox", "+1").await;
    house.card_says("crucial-sandbox", "gone").await;
    assert!(house.stop().await.success(), "{}", house.log());
    assert_eq!(house.git(&["log", "--merges", "--first-parent", "--format=%s", "main"]).lines().count(), 2);
    assert_eq!((house.made("provisioning.cattle.io.clusters"), house.made("clusterroletemplatebindings")), (1, 1));
}

#[tokio::test(flavor = "multi_thread", worker_threads = 2)]
async fn slack_is_down_while_people_vote() {
    let house = House::new(Forge::Local).await;
    house.start().await;
    house.slash("alice", "/kaas request crucial-sandbox size=small").await;
    house.card_says("crucial-sandbox", "waiting for 2 approvals").await;
    house.slack.go_down();
    // The sockets are gone too, so what people do meanwhile is heard by nobody; what they put on the card stays there.
    house.react("bob", "crucial-sandbox", "+1").await;
    house.react("carol", "crucial-sandbox", "+1").await;
    tokio::time::sleep(Duration::from_secs(3)).await;
    house.slack.heal();
    house.card_says("crucial-sandbox", "ready").await;
    house.told("alice", "Your kubeconfig").await;
    house.until("three posts and a file", || house.thread("crucial-sandbox").len() == 4).await;
}

#[tokio::test(flavor = "multi_thread", worker_threads = 2)]
async fn everything_is_delivered_twice() {
    let house = House::new(Forge::Local).await;
    house.start().await;
    house.slack.deliver(kaas_fakes::slack::Doubling::OtherEnvelope);
    house.slash("alice", "/kaas request crucial-sandbox size=small").await;
    house.card_says("crucial-sandbox", "waiting for 2 approvals").await;
    house.click("bob", "crucial-sandbox", "approve").await;
    house.card_says("crucial-sandbox", "waiting for 1 more approval").await;
    house.click("carol", "crucial-sandbox", "approve").await;
    house.card_says("crucial-sandbox", "ready").await;
    house.told("alice", "Your kubeconfig").await;
    house.until("three posts and a file", || house.thread("crucial-sandbox").len() == 4).await;
    let cards = house.slack.messages(&house.channel).into_iter().filter(|m| m.thread_ts.is_none()).count();
    assert_eq!(cards, 1, "{}", house.report());
    assert_eq!(house.slack.private_to(&house.id("bob")).len(), 0, "nobody is refused for a doubled click");
}
