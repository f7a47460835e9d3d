//! What is Discord's own: roles that decide, buttons that somebody made up, sessions that are lost, and a tenant that is in Slack as well.

use crate::house::{Forge, House};
use crate::talk::Platform;

/// What a changed client sends, and what somebody presses who may not, decides nothing.
#[tokio::test(flavor = "multi_thread", worker_threads = 2)]
async fn buttons_that_somebody_made_up_decide_nothing() {
    let house = House::on_platforms(&[Platform::Discord], Forge::Local).await;
    house.reviewed("crucial-sandbox").await;
    let card = house.card("crucial-sandbox").unwrap();
    let approve = card.button("approve").unwrap().to_owned();
    let (message, channel) = (card.id.parse().unwrap(), house.discord_channel);
    let other = approve.replace("crucial-sandbox", "other-sandbox");
    let later = approve.replace("/1:", "/2:");
    let no_plan = approve.rsplit_once(':').unwrap().0.to_owned();
    for forged in
        [other, later, no_plan, "k1:a:demo/crucial-sandbox/1:~000000".to_owned(), "k9".to_owned(), "x".repeat(100)]
    {
        let outcome = house.discord.press_forged(house.discord_id("bob"), channel, message, &forged).await.unwrap();
        assert!(outcome.is_acked() && outcome.is_private(), "{forged}: {outcome:?}");
        assert!(outcome.text().contains("nothing was done"), "{forged}: {outcome:?}");
    }
    // The button of the card, pressed on another message of the channel.
    let elsewhere = house.discord.say(house.discord_id("mallory"), channel, "look here").unwrap();
    let outcome = house.discord.press_forged(house.discord_id("bob"), channel, elsewhere, &approve).await.unwrap();
    assert!(outcome.text().contains("nothing was done"), "{outcome:?}");
    house.click("mallory", "crucial-sandbox", "approve").await;
    house.told("mallory", "not one of its approvers").await;
    assert!(house.card("crucial-sandbox").unwrap().holds("waiting for 2 approvals"), "{}", house.report());
    house.click("bob", "crucial-sandbox", "approve").await;
    house.card_says("crucial-sandbox", "waiting for 1 more approval").await;
}

/// A session that Discord has forgotten replays nothing: what people did meanwhile is read again, and counts.
#[tokio::test(flavor = "multi_thread", worker_threads = 2)]
async fn a_session_is_lost_while_people_vote() {
    let house = House::on_platforms(&[Platform::Discord], Forge::Local).await;
    house.reviewed("crucial-sandbox").await;
    house.discord.go_down();
    house.discord.forget_sessions();
    house.react("bob", "crucial-sandbox", "+1").await;
    house.react("mallory", "crucial-sandbox", "+1").await;
    tokio::time::sleep(std::time::Duration::from_secs(1)).await;
    house.discord.heal();
    house.card_says("crucial-sandbox", "waiting for 1 more approval").await;
    house.connected().await;
    house.click("carol", "crucial-sandbox", "approve").await;
    house.card_says("crucial-sandbox", "ready").await;
}

/// A change that is asked for in Slack is decided in Discord, by people whom kaas knows in both, and both cards stay true.
#[tokio::test(flavor = "multi_thread", worker_threads = 2)]
async fn a_tenant_in_slack_and_discord() {
    let house = House::on_platforms(&[Platform::Slack, Platform::Discord], Forge::Local).await;
    let (slack, discord) = (house.on(Platform::Slack), house.on(Platform::Discord));
    house.reviewed("crucial-sandbox").await;
    discord.card_says("crucial-sandbox", "waiting for 2 approvals").await;
    discord.click("alice", "crucial-sandbox", "approve").await;
    discord.told("alice", "somebody else has to approve it").await;
    discord.react("bob", "crucial-sandbox", "+1").await;
    slack.card_says("crucial-sandbox", "waiting for 1 more approval").await;
    discord.card_says("crucial-sandbox", "waiting for 1 more approval").await;
    // One person has one vote, wherever they give it.
    slack.click("bob", "crucial-sandbox", "approve").await;
    slack.told("bob", "already").await;
    discord.click("carol", "crucial-sandbox", "approve").await;
    for talk in [slack, discord] {
        talk.card_says("crucial-sandbox", "ready").await;
        assert!(talk.card("crucial-sandbox").unwrap().buttons.is_empty(), "{:?}", talk.platform);
    }
    slack.told("alice", "Your kubeconfig").await;
    assert!(!discord.private_to("alice").iter().any(|post| post.holds("Your kubeconfig")), "it is told once");
    discord.say("alice", "/kaas destroy crucial-sandbox").await;
    slack.card_says("crucial-sandbox", "destroy · waiting for 2 approvals").await;
    slack.click("dave", "crucial-sandbox", "approve").await;
    slack.card_says("crucial-sandbox", "waiting for 1 more approval").await;
    slack.react("carol", "crucial-sandbox", "+1").await;
    for talk in [slack, discord] {
        talk.card_says("crucial-sandbox", "gone").await;
    }
    assert!(house.stop().await.success(), "{}", house.log());
    assert_eq!((house.made("provisioning.cattle.io.clusters"), house.made("clusterroletemplatebindings")), (1, 1));
    for secret in [house.discord.token(), house.slack.bot_token()] {
        assert!(!house.log().contains(secret) && !house.report().contains(secret), "a token was told");
    }
}
