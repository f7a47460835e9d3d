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
    house.reviewed("crucial-sandbox").await;
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

/// A socket breaks after Slack has sent what somebody did, and before kaas has acknowledged it: Slack delivers it again, and it counts once.
#[tokio::test(flavor = "multi_thread", worker_threads = 2)]
async fn a_socket_breaks_in_the_middle_of_a_delivery() {
    let house = House::new(Forge::Local).await;
    house.slack.set_options(|options| options.retry_scale = 0.02);
    house.reviewed("crucial-sandbox").await;
    house.slack.set_faults(|faults| faults.cut_envelopes = 1);
    house.react("bob", "crucial-sandbox", "+1").await;
    house.card_says("crucial-sandbox", "waiting for 1 more approval").await;
    // A click is not delivered again: Slack tells the person that it did not work, and they press once more.
    house.until("a socket", || house.slack.sockets() > 0).await;
    house.slack.set_faults(|faults| faults.cut_envelopes = 1);
    house.click("carol", "crucial-sandbox", "approve").await;
    house.until("the sockets to be there again", || house.slack.sockets() > 1).await;
    if house.card("crucial-sandbox").unwrap().buttons().iter().any(|id| id.contains("approve")) {
        house.click("carol", "crucial-sandbox", "approve").await;
    }
    house.card_says("crucial-sandbox", "ready").await;
    house.until("three posts and a file", || house.thread("crucial-sandbox").len() == 4).await;
    assert!(house.stop().await.success(), "{}", house.log());
    let record = house.record("crucial-sandbox").await;
    let voters: Vec<&str> =
        record.cluster.change.state.approved().unwrap().receipt.votes.iter().map(|v| v.by.name.as_str()).collect();
    assert_eq!(voters, ["bob", "carol"]);
    assert_eq!(house.made("provisioning.cattle.io.clusters"), 1);
}

/// What terraform would do has changed since people decided: nothing is applied, the thread says what differs, and people decide anew.
#[tokio::test(flavor = "multi_thread", worker_threads = 2)]
async fn the_plan_changes_between_approval_and_apply() {
    let house = House::new(Forge::Local).await;
    house.reviewed("crucial-sandbox").await;
    house.click("bob", "crucial-sandbox", "approve").await;
    house.card_says("crucial-sandbox", "waiting for 1 more approval").await;
    house.move_the_foundation();
    house.click("carol", "crucial-sandbox", "approve").await;
    house
        .until("the thread to tell of the drift", || {
            house.thread("crucial-sandbox").iter().any(|post| post.holds("the world moved since the plan was approved"))
        })
        .await;
    house.card_says("crucial-sandbox", "waiting for 2 approvals").await;
    assert_eq!(house.made("provisioning.cattle.io.clusters"), 0, "nothing was applied");
    house.click("bob", "crucial-sandbox", "approve").await;
    house.card_says("crucial-sandbox", "waiting for 1 more approval").await;
    house.click("carol", "crucial-sandbox", "approve").await;
    house.card_says("crucial-sandbox", "ready").await;
    assert_eq!(house.made("provisioning.cattle.io.clusters"), 1);
}

/// One process for two tenants, each with a Slack and a repository of its own: neither sees what is the other's.
#[tokio::test(flavor = "multi_thread", worker_threads = 2)]
async fn two_tenants_in_one_process() {
    let house = House::with_neighbour().await;
    let (other, channel) = house.neighbour();
    house.reviewed("crucial-sandbox").await;
    let id = |name: &str| other.user(name).unwrap().id.to_string();
    house.until("the other Slack to be connected", || other.sockets() > 0).await;
    let card =
        || other.messages(channel).into_iter().find(|m| m.thread_ts.is_none() && m.text.starts_with("crucial-sandbox"));
    let told = |name: &str, words: &str| other.private_to(&id(name)).iter().any(|message| message.holds(words));
    other.slash(&id("alice"), channel, "/kaas list").await.unwrap();
    house.until("an empty list", || told("alice", "no clusters")).await;
    other.slash(&id("bob"), channel, "/kaas approve crucial-sandbox").await.unwrap();
    house.until("nothing to approve", || told("bob", "There is no cluster crucial-sandbox")).await;
    // The same name is another cluster.
    other.slash(&id("alice"), channel, "/kaas request crucial-sandbox size=small").await.unwrap();
    house.until("a card", || card().is_some_and(|card| card.holds("waiting for 2 approvals"))).await;
    for name in ["bob", "carol"] {
        let now = card().unwrap();
        let button = now.buttons().iter().find(|id| id.contains("approve")).unwrap().to_string();
        other.click(&id(name), channel, &now.ts, &button).await.unwrap();
        house.until("the vote to be seen", || card().unwrap().text != now.text).await;
    }
    house.until("the other one to be ready", || card().is_some_and(|card| card.holds("ready"))).await;
    assert!(house.card("crucial-sandbox").unwrap().holds("waiting for 2 approvals"), "{}", house.report());
    // A card of one tenant says nothing to the other, whoever forges it.
    let mine =
        house.card("crucial-sandbox").unwrap().buttons().iter().find(|id| id.contains("approve")).unwrap().to_string();
    let theirs = card().unwrap();
    assert!(other.click(&id("bob"), channel, &theirs.ts, &mine).await.is_err(), "Slack shows no such button there");
    assert!(house.stop().await.success(), "{}", house.log());
    let merges = ["log", "--merges", "--first-parent", "--format=%s", "main"];
    assert_eq!(house.git(&merges).lines().count(), 0);
    assert_eq!(house.git_in("neighbour.git", &merges).lines().count(), 1);
}
