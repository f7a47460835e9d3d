//! Whole conversations with GitHub as the forge.

use std::time::Duration;

use kaas_fakes::github::FaultKind;

use crate::house::{Forge, House};

#[tokio::test(flavor = "multi_thread", worker_threads = 2)]
async fn a_cluster_with_a_pull_request_on_github() {
    let house = House::new(Forge::GitHub).await;
    house.start().await;
    house.slash("alice", "/kaas request crucial-sandbox size=small reason=\"load test\"").await;
    house.card_says("crucial-sandbox", "waiting for 2 approvals").await;
    let pull = house.pull().expect("a pull request");
    let number = pull["number"].as_u64().unwrap();
    house.until("the plan to be commented", || house.pull().unwrap().to_string().contains("5 to add")).await;
    house.until("the statuses", || house.pull().unwrap().to_string().contains("kaas/approval")).await;
    house.until("the label", || house.pull().unwrap()["labels"][0]["name"] == "kaas").await;
    // A review of a person who is known counts; that of one who is not does not.
    house.github.review("mallory", number, "APPROVE", "").unwrap();
    house.github.review("bob", number, "APPROVE", "looks good").unwrap();
    house.card_says("crucial-sandbox", "waiting for 1 more approval").await;
    house.click("carol", "crucial-sandbox", "approve").await;
    house.card_says("crucial-sandbox", "ready").await;
    house.told("alice", "Your kubeconfig").await;
    assert_eq!(house.pull().unwrap()["state"], "closed");
    assert!(
        house.github.file("main", "clusters/crucial-sandbox/main.tf").unwrap().contains("module \"crucial-sandbox\"")
    );
    assert_eq!(house.github.branches(), ["main"]);
    assert!(house.stop().await.success(), "{}", house.log());
    let secrets = [house.slack.bot_token(), house.slack.app_token(), "a webhook's own secret", "ghs_"];
    for secret in secrets {
        assert!(!house.log().contains(secret) && !house.report().contains(secret), "{secret} was told");
    }
}

#[tokio::test(flavor = "multi_thread", worker_threads = 2)]
async fn a_stranger_pushes_and_a_pull_request_is_closed() {
    let house = House::new(Forge::GitHub).await;
    house.reviewed("crucial-sandbox").await;
    house.click("bob", "crucial-sandbox", "approve").await;
    house.card_says("crucial-sandbox", "waiting for 1 more approval").await;
    house
        .github
        .push("mallory", "kaas/crucial-sandbox/1", "clusters/crucial-sandbox/main.tf", Some("# mine\n"))
        .unwrap();
    house.card_says("crucial-sandbox", "stuck: mallory pushed to the branch").await;
    house.click("alice", "crucial-sandbox", "retry").await;
    house.card_says("crucial-sandbox", "waiting for 2 approvals").await;
    let number = house.pull().unwrap()["number"].as_u64().unwrap();
    house.github.close_pull("mallory", number).unwrap();
    house.card_says("crucial-sandbox", "closed: mallory closed the pull request").await;
    house.told("alice", "mallory closed its pull request").await;
}

#[tokio::test(flavor = "multi_thread", worker_threads = 2)]
async fn github_answers_502_after_it_opened_the_pull_request() {
    let house = House::new(Forge::GitHub).await;
    house.github.fault("POST", "*/pulls", 1, FaultKind::LostStatus(502));
    house.github.fault("POST", "*/git/commits", 1, FaultKind::Status(502));
    house.reviewed("crucial-sandbox").await;
    assert_eq!(house.github.pulls().len(), 1);
    // The webhooks are lost as well: the sweep finds what was said.
    house.github.webhook("http://127.0.0.1:1/nowhere", "nobody");
    let number = house.pull().unwrap()["number"].as_u64().unwrap();
    house.github.review("bob", number, "APPROVE", "").unwrap();
    house.card_says("crucial-sandbox", "waiting for 1 more approval").await;
    house.github.latency(Duration::from_millis(100));
    house.github.review("carol", number, "REQUEST_CHANGES", "too large").unwrap();
    house.card_says("crucial-sandbox", "rejected by carol: too large").await;
    house.until("the pull request to be closed", || house.pull().unwrap()["state"] == "closed").await;
}
