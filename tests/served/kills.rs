//! `kill -9` of `kaas serve` at moments that nobody chose: what was acknowledged is done, and nothing is said or done twice.
//!
//! `RUNS=200 cargo test --test served kills` lives that many lives; each prints its seed, and `SEED=…` lives that one again.

use std::time::Duration;

use crate::house::{Forge, House};
use crate::talk::Platform;

/// How many lives are lived in an everyday run.
const RUNS: u32 = 2;

/// How often kaas dies in a life.
const KILLS: u32 = 6;

#[tokio::test(flavor = "multi_thread", worker_threads = 2)]
async fn kaas_dies_at_random_moments() {
    let number = |name: &str| std::env::var(name).ok().and_then(|text| text.parse::<u64>().ok());
    let runs = number("RUNS").map_or(RUNS, |runs| u32::try_from(runs).unwrap_or(RUNS));
    for run in 0..runs {
        let seed = number("SEED").unwrap_or_else(|| fastrand::u64(..) & !1 | u64::from(run % 2));
        // Even ones live in Slack, odd ones in Discord.
        let platform = if seed.is_multiple_of(2) { Platform::Slack } else { Platform::Discord };
        println!("life {run}: SEED={seed}, {platform:?}");
        live(seed, platform).await;
    }
}

async fn live(seed: u64, platform: Platform) {
    let house = House::on_platforms(&[platform], Forge::GitHub).await;
    house.start().await;
    let mut random = fastrand::Rng::with_seed(seed);
    let killing = async {
        for _ in 0..KILLS {
            tokio::time::sleep(Duration::from_millis(random.u64(50..2500))).await;
            house.kill();
            house.start().await;
        }
    };
    let story = async {
        house.talk().say_until_heard("alice", "/kaas request crucial-sandbox size=small").await;
        house.card_says("crucial-sandbox", "waiting for 2 approvals").await;
        // One vote on the card, whether kaas hears of it or not, and one on the pull request.
        house.react("bob", "crucial-sandbox", "+1").await;
        let pull = house.pull().expect("a pull request")["number"].as_u64().unwrap();
        house.github.review("carol", pull, "APPROVE", "").unwrap();
        house.card_says("crucial-sandbox", "ready").await;
        house.told("alice", "Your kubeconfig").await;
        house.talk().say_until_heard("alice", "/kaas destroy crucial-sandbox").await;
        house.card_says("crucial-sandbox", "destroy · waiting for 2 approvals").await;
        for who in ["bob", "dave"] {
            house.talk().click_until_heard(who, "crucial-sandbox", "approve").await;
        }
        house.card_says("crucial-sandbox", "gone").await;
    };
    tokio::join!(killing, story);
    let told = |words: &str| house.thread("crucial-sandbox").iter().filter(|post| post.holds(words)).count();
    house.until("the last word", || told("Rancher knows it no more") > 0).await;
    assert!(house.stop().await.success(), "{}", house.log());
    let report = || format!("SEED={seed}\n{}", house.report());
    let cards = house.talk().cards();
    let ours = cards.iter().filter(|card| card.words[0].starts_with("crucial-sandbox")).count();
    assert_eq!(ours, 2, "one card a change\n{}", report());
    let posts = cards.iter().flat_map(|card| house.talk().thread_of(card));
    // A file may be a message of its own, without words: it is told apart by its name.
    let posts: Vec<String> = posts.map(|post| [post.words, post.files].concat().join("\n")).collect();
    let mut once = posts.clone();
    once.sort();
    once.dedup();
    assert_eq!(once.len(), posts.len(), "nothing is posted twice: {posts:#?}\n{}", report());
    let ways_in = house.talk().private_to("alice").iter().filter(|m| m.holds("Your kubeconfig")).count();
    assert_eq!(ways_in, 1, "{}", report());
    assert_eq!(house.github.pulls().len(), 2, "one pull request a change\n{}", report());
    assert_eq!(
        house.git(&["log", "--merges", "--first-parent", "--format=%s", "main"]).lines().count(),
        2,
        "{}",
        report()
    );
    let made = (house.made("provisioning.cattle.io.clusters"), house.made("clusterroletemplatebindings"));
    assert_eq!(made, (1, 1), "one cluster and one binding\n{}", report());
    // A card may have been due when kaas was asked to stop: then the next kaas draws it.
    let mut left = left_over(&house).await;
    for _ in 0..5 {
        if left.is_empty() {
            return;
        }
        house.start().await;
        tokio::time::sleep(Duration::from_secs(1)).await;
        assert!(house.stop().await.success(), "{}", house.log());
        left = left_over(&house).await;
    }
    panic!("left to be done: {left:?}\n{}", report());
}

/// What is still to be done, but for waiting.
async fn left_over(house: &House) -> Vec<&'static str> {
    let record = house.record("crucial-sandbox").await;
    let names = record.outbox.iter().filter(|row| !row.retired).map(|row| row.effect.name());
    names.filter(|name| !name.starts_with("await")).collect()
}
