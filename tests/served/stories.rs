//! Whole conversations: one text, told on each platform.

use std::time::Duration;

use crate::house::{Forge, House};
use crate::talk::Platform;

/// Tells a story on each platform.
macro_rules! told_on_each_platform {
    ($($(#[$doc:meta])* $story:ident),+ $(,)?) => {
        mod in_slack {
            $($(#[$doc])* #[tokio::test(flavor = "multi_thread", worker_threads = 2)]
            async fn $story() { super::$story(super::Platform::Slack).await; })+
        }
        mod in_discord {
            $($(#[$doc])* #[tokio::test(flavor = "multi_thread", worker_threads = 2)]
            async fn $story() { super::$story(super::Platform::Discord).await; })+
        }
    };
}

told_on_each_platform!(
    a_cluster_from_request_to_teardown,
    the_platform_is_down_while_people_vote,
    everything_is_delivered_twice,
    the_platform_has_enough_of_kaas,
    two_approvers_in_the_same_moment_and_a_card_that_is_old,
    the_plan_changes_between_approval_and_apply,
);

async fn a_cluster_from_request_to_teardown(platform: Platform) {
    let house = House::on_platforms(&[platform], Forge::Local).await;
    house.start().await;
    house.slash("alice", "/kaas request crucial-sandbox size=small ttl=7x").await;
    house.told("alice", "7x").await;
    house.slash("alice", "/kaas request crucial-sandbox size=small reason=\"load <test> & @channel\"").await;
    house.told("alice", "would call everybody").await;
    house.slash("alice", "/kaas request crucial-sandbox size=small reason=\"load <test> & more\"").await;
    house.card_says("crucial-sandbox", "waiting for 2 approvals").await;
    // Nobody approves their own, and strangers decide nothing.
    house.click("alice", "crucial-sandbox", "approve").await;
    house.told("alice", "somebody else has to approve it").await;
    house.react("mallory", "crucial-sandbox", "+1").await;
    house.told("mallory", "not one of its approvers").await;
    let (stranger, what) = match platform {
        Platform::Slack => ("guest", "you are a guest"),
        Platform::Discord => ("erin", "you are deactivated or timed out"),
    };
    if platform == Platform::Discord {
        house.discord.time_out(house.discord_id(stranger), Duration::from_secs(600));
    }
    house.react(stranger, "crucial-sandbox", "+1").await;
    house.told(stranger, what).await;
    house.react("bob", "crucial-sandbox", "+1::skin-tone-3").await;
    house.card_says("crucial-sandbox", "waiting for 1 more approval").await;
    house.click("carol", "crucial-sandbox", "approve").await;
    house.card_says("crucial-sandbox", "ready").await;
    house.told("alice", "Your kubeconfig").await;
    house.talk().thread_is_whole("crucial-sandbox").await;
    assert!(house.card("crucial-sandbox").unwrap().buttons.is_empty(), "a decided card has no buttons");
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

async fn the_platform_is_down_while_people_vote(platform: Platform) {
    let house = House::on_platforms(&[platform], Forge::Local).await;
    house.reviewed("crucial-sandbox").await;
    house.talk().goes_down();
    // The connections are gone too, so what people do meanwhile is heard by nobody; what they put on the card stays there.
    house.react("bob", "crucial-sandbox", "+1").await;
    house.react("carol", "crucial-sandbox", "+1").await;
    tokio::time::sleep(Duration::from_secs(3)).await;
    house.talk().heals();
    house.card_says("crucial-sandbox", "ready").await;
    house.told("alice", "Your kubeconfig").await;
    house.talk().thread_is_whole("crucial-sandbox").await;
}

async fn everything_is_delivered_twice(platform: Platform) {
    let house = House::on_platforms(&[platform], Forge::Local).await;
    house.start().await;
    house.talk().tells_twice();
    house.slash("alice", "/kaas request crucial-sandbox size=small").await;
    house.card_says("crucial-sandbox", "waiting for 2 approvals").await;
    house.click("bob", "crucial-sandbox", "approve").await;
    house.card_says("crucial-sandbox", "waiting for 1 more approval").await;
    house.click("carol", "crucial-sandbox", "approve").await;
    house.card_says("crucial-sandbox", "ready").await;
    house.told("alice", "Your kubeconfig").await;
    house.talk().thread_is_whole("crucial-sandbox").await;
    assert_eq!(house.talk().cards().len(), 1, "{}", house.report());
    let told = house.talk().private_to("bob");
    assert!(
        !told.iter().any(|post| post.holds("already") || post.holds("ended")),
        "nobody is refused for a doubled click: {told:?}"
    );
}

/// Too many calls: kaas waits as long as it is told to, and says everything once.
async fn the_platform_has_enough_of_kaas(platform: Platform) {
    let house = House::on_platforms(&[platform], Forge::Local).await;
    house.start().await;
    house.talk().has_enough(2);
    house.slash("alice", "/kaas request crucial-sandbox size=small").await;
    house.card_says("crucial-sandbox", "waiting for 2 approvals").await;
    house.click("bob", "crucial-sandbox", "approve").await;
    house.card_says("crucial-sandbox", "waiting for 1 more approval").await;
    house.talk().has_enough(2);
    house.click("carol", "crucial-sandbox", "approve").await;
    house.card_says("crucial-sandbox", "ready").await;
    house.told("alice", "Your kubeconfig").await;
    house.talk().thread_is_whole("crucial-sandbox").await;
    assert_eq!(house.talk().cards().len(), 1, "{}", house.report());
}

async fn two_approvers_in_the_same_moment_and_a_card_that_is_old(platform: Platform) {
    let house = House::on_platforms(&[platform], Forge::GitHub).await;
    house.reviewed("crucial-sandbox").await;
    tokio::join!(
        house.click("bob", "crucial-sandbox", "approve"),
        house.click("carol", "crucial-sandbox", "approve"),
        house.react("dave", "crucial-sandbox", "+1"),
    );
    house.card_says("crucial-sandbox", "ready").await;
    house.told("alice", "Your kubeconfig").await;
    let approved = house.thread("crucial-sandbox").into_iter().filter(|post| post.holds("approved by")).count();
    assert_eq!(approved, 1, "decided once\n{}", house.report());
    assert_eq!(house.made("provisioning.cattle.io.clusters"), 1);
    // A reaction on the card of a change that has ended decides nothing.
    let old = house.card("crucial-sandbox").unwrap();
    house.slash("alice", "/kaas destroy crucial-sandbox").await;
    house.card_says("crucial-sandbox", "destroy · waiting for 2 approvals").await;
    house.talk().react_on("bob", &old, "white_check_mark").await;
    house.told("bob", "That card is of change 1, which has ended").await;
    house.card_says("crucial-sandbox", "none yet").await;
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
    if house.card("crucial-sandbox").unwrap().button("approve").is_some() {
        house.click("carol", "crucial-sandbox", "approve").await;
    }
    house.card_says("crucial-sandbox", "ready").await;
    house.talk().thread_is_whole("crucial-sandbox").await;
    assert!(house.stop().await.success(), "{}", house.log());
    let record = house.record("crucial-sandbox").await;
    let voters: Vec<&str> =
        record.cluster.change.state.approved().unwrap().receipt.votes.iter().map(|v| v.by.name.as_str()).collect();
    assert_eq!(voters, ["bob", "carol"]);
    assert_eq!(house.made("provisioning.cattle.io.clusters"), 1);
}

/// What terraform would do has changed since people decided: nothing is applied, the thread says what differs, and people decide anew.
async fn the_plan_changes_between_approval_and_apply(platform: Platform) {
    let house = House::on_platforms(&[platform], Forge::Local).await;
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
    let mine = house.card("crucial-sandbox").unwrap().button("approve").unwrap().to_owned();
    let theirs = card().unwrap();
    assert!(other.click(&id("bob"), channel, &theirs.ts, &mine).await.is_err(), "Slack shows no such button there");
    assert!(house.stop().await.success(), "{}", house.log());
    let merges = ["log", "--merges", "--first-parent", "--format=%s", "main"];
    assert_eq!(house.git(&merges).lines().count(), 0);
    assert_eq!(house.git_in("neighbour.git", &merges).lines().count(), 1);
}
