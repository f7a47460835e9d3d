//! How kaas starts, what it refuses to start with, and how it finds its way back when the store is lost.

use std::fs;
use std::process::Stdio;

use crate::house::{Forge, House};
use crate::talk::Platform;

#[tokio::test(flavor = "multi_thread", worker_threads = 2)]
async fn a_lost_store_is_rebuilt_from_open_pull_requests() {
    let house = House::new(Forge::GitHub).await;
    house.reviewed("crucial-sandbox").await;
    house.click("bob", "crucial-sandbox", "approve").await;
    house.card_says("crucial-sandbox", "waiting for 1 more approval").await;
    house.kill();
    fs::remove_dir_all(house.data().join("store")).unwrap();
    let adopt = |more: &[&str]| {
        let output = house.command("adopt").args(more).stdout(Stdio::piped()).output().unwrap();
        assert!(output.status.success(), "{}", house.log());
        String::from_utf8(output.stdout).unwrap()
    };
    let seen = adopt(&[]);
    assert!(
        seen.contains("demo #1: would be adopted as change 1: crucial-sandbox, small of aws, asked by alice"),
        "{seen}"
    );
    assert!(seen.contains("then run this with --yes"), "{seen}");
    let done = adopt(&["--yes"]);
    assert!(done.contains("1 adopted, 0 left alone. Votes are asked for again"), "{done}");
    let again = adopt(&["--yes"]);
    assert!(again.contains("left alone"), "{again}");
    house.start().await;
    house.card_says("crucial-sandbox", "waiting for 2 approvals").await;
    house.click("bob", "crucial-sandbox", "approve").await;
    house.card_says("crucial-sandbox", "waiting for 1 more approval").await;
    house.click("carol", "crucial-sandbox", "approve").await;
    house.card_says("crucial-sandbox", "ready").await;
    assert_eq!(house.github.pulls().len(), 1);
    // The next change gets the next number.
    house.slash("alice", "/kaas destroy crucial-sandbox").await;
    house.card_says("crucial-sandbox", "change 2").await;
}

#[tokio::test(flavor = "multi_thread", worker_threads = 2)]
async fn examples_and_wrong_secrets_are_refused_with_what_to_do() {
    let house = House::new(Forge::GitHub).await;
    let fails = |name: &str, value: &str| {
        let output = house.command("serve").env(name, value).stderr(Stdio::piped()).output().unwrap();
        assert!(!output.status.success());
        let said = String::from_utf8(output.stderr).unwrap();
        assert!(value.len() < 5 || !said.contains(value), "the secret is told: {said}");
        said
    };
    assert!(fails("BOT", "").contains("the environment variable BOT is empty"));
    assert!(
        fails("BOT", "xoxb-your-token")
            .contains("the environment variable BOT: what is there is an example and no secret")
    );
    assert!(fails("APP", "changeme").contains("an example and no secret"));
    assert!(fails("HOOK", "secret...").contains("an example and no secret"));
    let said = fails("BOT", "xoxb-0000-1111-nothing");
    assert!(said.contains("Slack") && said.contains("token"), "{said}");
}

#[tokio::test(flavor = "multi_thread", worker_threads = 2)]
async fn health_and_figures_are_told_and_no_secret_is() {
    let house = House::new(Forge::GitHub).await;
    house.reviewed("crucial-sandbox").await;
    assert_eq!(house.get("/healthz").await, (200, "ok\n".to_owned()));
    let (status, ready) = house.get("/readyz").await;
    assert_eq!(status, 200, "{ready}");
    assert!(ready.contains("\"name\":\"slack:demo\",\"ready\":true") && ready.contains("github"), "{ready}");
    let (status, figures) = house.get("/metrics").await;
    assert_eq!(status, 200);
    for figure in
        ["kaas_asks_total{ask=\"request\",outcome=\"changed\"} 1", "kaas_lag_seconds", "kaas_deliveries_total"]
    {
        assert!(figures.contains(figure), "{figure} is not in\n{figures}");
    }
    assert_eq!(house.get("/webhook/github").await.0, 405);
    assert_eq!(house.get("/").await.0, 404);
    let (_, token) = house.rancher();
    let all = format!("{figures}{ready}{}", house.report());
    for secret in [house.slack.bot_token(), house.slack.app_token(), token, "ghs_", "PRIVATE KEY"] {
        assert!(!all.contains(secret), "{secret} is told");
    }
}

#[tokio::test(flavor = "multi_thread", worker_threads = 2)]
async fn a_slack_that_is_away_keeps_nobody_waiting() {
    a_platform_is_away(Platform::Slack, "slack:demo").await;
}

#[tokio::test(flavor = "multi_thread", worker_threads = 2)]
async fn a_discord_that_is_away_keeps_nobody_waiting() {
    a_platform_is_away(Platform::Discord, "discord:demo").await;
}

async fn a_platform_is_away(platform: Platform, name: &str) {
    let house = House::on_platforms(&[platform], Forge::Local).await;
    house.talk().goes_down();
    house.launch();
    house.until("kaas to serve", || std::net::TcpStream::connect(house.web()).is_ok()).await;
    assert_eq!(house.get("/healthz").await.0, 200);
    let (status, said) = house.get("/readyz").await;
    assert!(status == 503 && said.contains(name), "{status} {said}");
    house.until("kaas to serve everybody else", || house.log().contains("kaas serves")).await;
    assert!(house.runs(), "{}", house.log());
    house.talk().heals();
    house.connected().await;
    house.slash("alice", "/kaas list").await;
    house.told("alice", "clusters").await;
    assert_eq!(house.get("/readyz").await.0, 200);
    // Who is stopped while it is away stops all the same.
    house.kill();
    house.talk().goes_down();
    house.launch();
    house.until("kaas to serve again", || std::net::TcpStream::connect(house.web()).is_ok()).await;
    assert!(house.stop().await.success(), "{}", house.log());
}
