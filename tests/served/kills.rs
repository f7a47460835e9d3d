//! `kill -9` of `kaas serve` at moments that nobody chose: what was acknowledged is done, and nothing is said or done twice.
//!
//! `RUNS=200 cargo test --test served kills` lives that many lives; each prints its seed, and `SEED=…` lives that one again.

use std::time::Duration;

use crate::house::{Forge, House, PATIENCE, now};

/// How many lives are lived in an everyday run.
const RUNS: u32 = 2;

/// How often kaas dies in a life.
const KILLS: u32 = 6;

#[tokio::test(flavor = "multi_thread", worker_threads = 2)]
async fn kaas_dies_at_random_moments() {
    let number = |name: &str| std::env::var(name).ok().and_then(|text| text.parse::<u64>().ok());
    let runs = number("RUNS").map_or(RUNS, |runs| u32::try_from(runs).unwrap_or(RUNS));
    for run in 0..runs {
        let seed = number("SEED").unwrap_or_else(|| fastrand::u64(..));
        println!("life {run}: SEED={seed}");
        live(seed).await;
    }
}

async fn live(seed: u64) {
    let house = House::new(Forge::GitHub).await;
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
        until_heard(&house, "/kaas request crucial-sandbox size=small").await;
        house.card_says("crucial-sandbox", "waiting for 2 approvals").await;
        // One vote on the card, whether kaas hears of it or not, and one on the pull request.
        house.react("bob", "crucial-sandbox", "+1").await;
        let pull = house.pull().expect("a pull request")["number"].as_u64().unwrap();
        house.github.review("carol", pull, "APPROVE", "").unwrap();
        house.card_says("crucial-sandbox", "ready").await;
        house.told("alice", "Your kubeconfig").await;
        until_heard(&house, "/kaas destroy crucial-sandbox").await;
        house.card_says("crucial-sandbox", "destroy · waiting for 2 approvals").await;
        for who in ["bob", "dave"] {
            press(&house, who, "approve").await;
        }
        house.card_says("crucial-sandbox", "gone").await;
    };
    tokio::join!(killing, story);
    let told = |words: &str| house.thread("crucial-sandbox").iter().filter(|post| post.holds(words)).count();
    house.until("the last word", || told("Rancher knows it no more") > 0).await;
    assert!(house.stop().await.success(), "{}", house.log());
    let report = || format!("SEED={seed}\n{}", house.report());
    let cards: Vec<_> = house.slack.messages(&house.channel).into_iter().filter(|m| m.thread_ts.is_none()).collect();
    let ours = cards.iter().filter(|card| card.text.starts_with("crucial-sandbox")).count();
    assert_eq!(ours, 2, "one card a change\n{}", report());
    let mut posts: Vec<String> = Vec::new();
    for card in &cards {
        posts.extend(
            // A file comes as a message of its own, without words: it is told apart by its name.
            house.slack.thread(&house.channel, &card.ts).into_iter().filter(|m| m.ts != card.ts).map(|m| {
                let names =
                    house.slack.files().into_iter().filter(|file| m.files.contains(&file.id)).map(|file| file.name);
                m.text + &names.collect::<String>()
            }),
        );
    }
    let mut once = posts.clone();
    once.sort();
    once.dedup();
    assert_eq!(once.len(), posts.len(), "nothing is posted twice: {posts:#?}\n{}", report());
    let ways_in = house.slack.dms(&id(&house, "alice")).iter().filter(|m| m.holds("Your kubeconfig")).count();
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

fn id(house: &House, name: &str) -> String {
    house.id(name)
}

/// alice types a command until Slack shows her no error: what was acknowledged is never said again.
async fn until_heard(house: &House, line: &str) {
    let deadline = now() + PATIENCE;
    while house.slack.slash(&id(house, "alice"), &house.channel, line).await.unwrap().failed.is_some() {
        assert!(now() < deadline, "kaas never hears\n{}", house.report());
        tokio::time::sleep(Duration::from_millis(200)).await;
    }
}

/// Presses a button of the newest card until Slack shows no error, or the button is gone because the first press was taken.
async fn press(house: &House, who: &str, button: &str) {
    let deadline = now() + PATIENCE;
    loop {
        let card = house.card("crucial-sandbox").expect("a card");
        let Some(action) = card.buttons().iter().find(|id| id.contains(button)).map(ToString::to_string) else {
            return;
        };
        match house.slack.click(&house.id(who), &house.channel, &card.ts, &action).await {
            Ok(outcome) if outcome.failed.is_none() => return,
            Ok(_) => {}
            // The card was drawn anew in between.
            Err(_) => return,
        }
        assert!(now() < deadline, "kaas never hears\n{}", house.report());
        tokio::time::sleep(Duration::from_millis(200)).await;
    }
}
