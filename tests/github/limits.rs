//! Rate limits, tokens that run out, permissions that are missing.

use std::time::Duration;

use kaas::ports::{Forge as _, Vital as _};
use kaas_fakes::github::FaultKind;

use crate::desk::{As, BRANCH, Desk, FOLDER, call, lasting, passing, soon, wanted};

#[tokio::test]
async fn a_secondary_limit_is_kept_without_asking_again() {
    for (said, expected) in [(Some(7), 7), (None, 60)] {
        let desk = Desk::new().await;
        desk.fake.fault("POST", "*/git/trees", 1, FaultKind::Secondary(said));
        let (line, wait) = passing(soon(desk.github.open(&call(1), &wanted())).await);
        assert_eq!((line.as_str(), wait), ("GitHub asks kaas to slow down", Some(expected)));
        assert!(!desk.github.is_ready());
        // Until then nothing at all is asked.
        let before = desk.fake.calls().len();
        let (_, wait) = passing(soon(desk.github.read(BRANCH, FOLDER)).await);
        assert!(wait.is_some_and(|wait| wait <= expected && wait > 0), "{wait:?}");
        passing(soon(desk.github.mirror()).await);
        assert_eq!(desk.fake.calls().len(), before);
        desk.clock.advance(Duration::from_secs(expected.unsigned_abs() + 1));
        soon(desk.github.open(&call(2), &wanted())).await.expect("opened");
        assert!(desk.github.is_ready());
        assert_eq!(desk.pull()["number"], 1);
    }
}

#[tokio::test]
async fn the_primary_limit_says_when_it_is_over() {
    let desk = Desk::new().await;
    soon(desk.github.open(&call(1), &wanted())).await.expect("opened");
    desk.fake.rate_limit(5);
    let (line, wait) = passing(soon(desk.github.read(BRANCH, FOLDER)).await);
    assert_eq!(line, "GitHub asks kaas to slow down");
    assert!(wait.is_some_and(|wait| (3_000..=3_600).contains(&wait)), "{wait:?}");
}

#[tokio::test]
async fn a_token_that_runs_out_is_renewed_in_the_middle() {
    let desk = Desk::new().await;
    desk.fake.token_life(Duration::from_secs(120));
    let pull = soon(desk.github.open(&call(1), &wanted())).await.expect("opened");
    // kaas believes that its token is good, and GitHub does not.
    for _ in 0..3 {
        desk.fake.revoke_tokens();
        assert_eq!(desk.there().await.pull, pull);
    }
    desk.fake.revoke_tokens();
    soon(desk.github.comment(&call(1), pull.number, "kaas:plan", "x")).await.expect("said");
    assert_eq!(desk.pull()["comment_list"].as_array().expect("comments").len(), 1);
    let minted = desk.count("POST", "/access_tokens");
    assert!(minted >= 5, "{minted} tokens were minted");
}

#[tokio::test]
async fn one_token_serves_all_calls() {
    let desk = Desk::new().await;
    soon(desk.github.open(&call(1), &wanted())).await.expect("opened");
    for _ in 0..5 {
        desk.there().await;
    }
    assert_eq!(desk.count("POST", "/access_tokens"), 1, "also where the first calls are made at once");
}

#[tokio::test]
async fn credentials_and_permissions_are_named() {
    let desk = Desk::with(As::Token, |_| {}).await;
    desk.fake.revoke_tokens();
    let line = lasting(soon(desk.github.read(BRANCH, FOLDER)).await);
    assert!(line.contains("credentials"), "{line}");
    let desk = Desk::new().await;
    desk.fake.grant("pull_requests", "read");
    desk.fake.grant("issues", "none");
    let line = lasting(soon(desk.github.open(&call(1), &wanted())).await);
    assert_eq!(
        line,
        "kaas may not open pull requests in GitHub: it needs the permission pull_requests=write (Resource not accessible by integration)"
    );
    desk.fake.grant("contents", "read");
    let mut other = wanted();
    other.branch = "kaas/crucial-sandbox/43".to_owned();
    let line = lasting(soon(desk.github.open(&call(1), &other)).await);
    assert!(line.contains("contents=write"), "{line}");
    desk.fake.suspend(true);
    let line = lasting(soon(desk.another().read(BRANCH, FOLDER)).await);
    assert!(line.contains("suspended"), "{line}");
    let desk = Desk::with(As::App, |settings| settings.repo = "not-there".to_owned()).await;
    lasting(soon(desk.github.read(BRANCH, FOLDER)).await);
}

#[tokio::test]
async fn health_follows_what_is_heard() {
    let desk = Desk::new().await;
    assert_eq!((desk.github.name().as_str(), desk.github.heard_seconds_ago()), ("github", None));
    assert!(desk.github.is_ready(), "nobody was asked yet");
    desk.read().await;
    assert_eq!(desk.github.heard_seconds_ago(), Some(0));
    desk.clock.advance(Duration::from_secs(90));
    desk.fake.down(Some(FaultKind::Status(503)));
    passing(soon(desk.github.read(BRANCH, FOLDER)).await);
    assert_eq!((desk.github.heard_seconds_ago(), desk.github.is_ready()), (Some(90), false));
    desk.fake.heal();
    desk.read().await;
    assert_eq!((desk.github.heard_seconds_ago(), desk.github.is_ready()), (Some(0), true));
}

#[tokio::test]
async fn a_stopped_call_ends_soon() {
    let desk = Desk::new().await;
    let call = call(1);
    call.stop.cancel();
    assert!(matches!(soon(desk.github.open(&call, &wanted())).await, Err(kaas::ports::Trouble::Stopped)));
    assert!(desk.fake.calls().is_empty());
}

#[tokio::test]
async fn a_slow_github_is_given_up_in_time() {
    let desk = Desk::with(As::App, |settings| {
        settings.patience.request = Duration::from_millis(300);
        settings.patience.tries = 1;
    })
    .await;
    desk.fake.latency(Duration::from_secs(30));
    let read = tokio::time::timeout(Duration::from_secs(10), desk.github.read(BRANCH, FOLDER)).await;
    passing(read.expect("it is given up"));
}
