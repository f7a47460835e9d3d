//! `kaas check` on GitHub, and what `kaas adopt` reads.

use kaas::ports::Forge as _;
use kaas_fakes::github::Protection;

use crate::desk::{As, Desk, call, soon, wanted};

/// What is not good, and its remedy.
async fn wrong(desk: &Desk) -> Vec<(String, String)> {
    let all = soon(desk.github.check()).await;
    assert!(!all.is_empty());
    all.into_iter().filter_map(|(what, good)| good.err().map(|remedy| (what, remedy))).collect()
}

fn only(wrong: &[(String, String)], what: &str, remedy: &str) {
    assert_eq!(wrong.len(), 1, "{wrong:#?}");
    assert!(wrong[0].0.contains(what) && wrong[0].1.contains(remedy), "{wrong:#?}");
}

#[tokio::test]
async fn a_good_installation_is_found_good() {
    for (who, looked_at) in [(As::App, 12), (As::Token, 7)] {
        let desk = Desk::with(who, |_| {}).await;
        assert_eq!(wrong(&desk).await, []);
        assert_eq!(soon(desk.github.check()).await.len(), looked_at);
        let writes = desk.fake.calls().into_iter().filter(|call| {
            call.method != "GET" && !call.path.contains("access_tokens") && !call.path.contains("upload-pack")
        });
        assert_eq!(writes.count(), 0, "looking changes nothing");
        assert!(!desk.root.path().join("data").exists(), "and leaves nothing here");
    }
}

#[tokio::test]
async fn a_git_that_may_not_fetch_is_found_without_a_fetch() {
    let desk = Desk::with(As::App, |settings| {
        settings.git_url = Some(format!("{}/elsewhere.git", settings.api_url.trim_end_matches("/api/v3")));
    })
    .await;
    only(&wrong(&desk).await, "fetching the modules with git", "no access to it");
    assert!(!desk.root.path().join("data").exists());
}

#[tokio::test]
async fn what_is_missing_is_named() {
    let desk = Desk::new().await;
    desk.fake.grant("statuses", "none");
    only(&wrong(&desk).await, "permission statuses", "the App has none and needs write");
    desk.fake.grant("statuses", "write");
    desk.fake.suspend(true);
    only(&wrong(&desk).await, "installation 7", "suspended");

    let desk = Desk::with(As::App, |settings| settings.base = "trunk".to_owned()).await;
    only(&wrong(&desk).await, "branch trunk", "has no branch trunk");

    let desk = Desk::with(As::App, |settings| {
        if let kaas::forge::github::Auth::App { installation_id, .. } = &mut settings.auth {
            *installation_id = 8;
        }
    })
    .await;
    only(&wrong(&desk).await, "installation 8", "Install App");

    let desk = Desk::with(As::App, |settings| {
        if let kaas::forge::github::Auth::App { app_id, .. } = &mut settings.auth {
            *app_id = 13;
        }
    })
    .await;
    assert_eq!(wrong(&desk).await.len(), 1);

    let desk = Desk::with(As::App, |settings| settings.repo = "another".to_owned()).await;
    only(&wrong(&desk).await, "token for acme/another", "has to be installed in acme/another");

    let desk = Desk::with(As::Token, |_| {}).await;
    desk.fake.person("dora", kaas_fakes::github::Rank::Read);
    only(&wrong(&desk).await, "permissions of the token", "Write");
    desk.fake.revoke_tokens();
    only(&wrong(&desk).await, "token", "credentials");
}

#[tokio::test]
async fn rules_that_would_stop_a_merge_are_named_before_and_by_the_merge() {
    for ruleset in [true, false] {
        let desk = Desk::new().await;
        let pull = soon(desk.github.open(&call(1), &wanted())).await.expect("opened");
        let rules = Protection { reviews: 1, checks: vec!["ci/lint".to_owned()], ruleset, ..Protection::default() };
        desk.fake.protect("main", Some(rules));
        let found = wrong(&desk).await;
        only(&found, "rules of the branch main", "1 approving reviews are required");
        assert!(found[0].1.contains("ci/lint"), "{found:?}");
        let line = crate::desk::lasting(soon(desk.github.merge(&call(1), pull.number, &pull.head, "m")).await);
        assert!(line.contains("At least 1 approving review is required"), "{line}");
        desk.fake.protect(
            "main",
            Some(Protection { checks: vec!["kaas/plan".to_owned()], ruleset, ..Protection::default() }),
        );
        assert_eq!(wrong(&desk).await, [], "kaas' own statuses are no obstacle");
        desk.fake.protect("main", None);
    }
    let desk = Desk::new().await;
    desk.fake.grant("administration", "none");
    desk.fake.protect("main", Some(Protection { reviews: 1, ..Protection::default() }));
    assert_eq!(wrong(&desk).await, [], "what kaas may not see it does not guess");
}

#[tokio::test]
async fn open_pull_requests_of_kaas_are_found_again() {
    let desk = Desk::new().await;
    let mut opened = Vec::new();
    for n in 1..=104 {
        let mut new = wanted();
        new.branch = format!("kaas/crucial-sandbox/{n}");
        opened.push(soon(desk.github.open(&call(1), &new)).await.expect("opened"));
    }
    desk.fake.push("dora", "feature", "README.md", Some("hello\n")).expect("pushed");
    desk.fake.open_pull("dora", "feature", "Mine").expect("opened");
    soon(desk.github.close(&call(1), "kaas/crucial-sandbox/3", "over")).await.expect("closed");
    let found = soon(desk.another().open_pulls()).await.expect("listed");
    assert_eq!(found.len(), 103);
    assert!(found.iter().all(|pull| pull.branch != "kaas/crucial-sandbox/3"));
    let last = found.last().expect("one");
    assert_eq!((last.number, &last.head), (opened[103].number, &opened[103].head));
    assert!(last.body.contains("\n<!-- kaas:form {} -->"), "{}", last.body);
}
