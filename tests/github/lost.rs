//! Every write with a lost answer, a failure and a dropped connection: done once in the end, and never twice.

use kaas::ports::{Forge as _, Merged, PullStatus, StatusState};
use kaas_fakes::github::FaultKind;

use crate::desk::{BRANCH, Desk, call, changed, soon, wanted};

/// The work is done and its answer lost, or it is not done at all.
const KINDS: [FaultKind; 5] = [
    FaultKind::LostDrop,
    FaultKind::LostStatus(502),
    FaultKind::LostStatus(500),
    FaultKind::Status(502),
    FaultKind::Drop,
];

#[tokio::test(flavor = "multi_thread", worker_threads = 2)]
async fn opening() {
    for path in ["*/git/trees", "*/git/commits", "*/git/refs", "*/pulls"] {
        for kind in KINDS {
            let desk = Desk::new().await;
            desk.fake.fault("POST", path, 1, kind);
            let what = format!("{kind:?} at {path}");
            let pull =
                soon(desk.github.open(&call(1), &wanted())).await.unwrap_or_else(|fault| panic!("{what}: {fault}"));
            assert_eq!(desk.pull()["number"], pull.number, "{what}");
            assert_eq!(desk.fake.log(BRANCH).len(), 2, "{what}: one commit upon main");
            let now = desk.there().await;
            assert_eq!((&now.pull, now.status, now.changed_files), (&pull, PullStatus::Open, 0), "{what}");
            assert_eq!(soon(desk.another().open(&call(2), &wanted())).await.expect("opened"), pull, "{what}");
        }
    }
}

#[tokio::test(flavor = "multi_thread", worker_threads = 2)]
async fn writing_again() {
    for (path, new) in [("*/git/refs/*", changed("two\n")), ("*/pulls/1", changed("two\n"))] {
        for kind in KINDS {
            let desk = Desk::new().await;
            let first = soon(desk.github.open(&call(1), &wanted())).await.expect("opened");
            desk.fake.fault("PATCH", path, 1, kind);
            let what = format!("{kind:?} at {path}");
            let second = soon(desk.github.open(&call(1), &new)).await.unwrap_or_else(|fault| panic!("{what}: {fault}"));
            assert_eq!(second.number, first.number, "{what}");
            assert_eq!(desk.pull()["head"]["sha"], second.head.as_str(), "{what}");
            let now = desk.there().await;
            assert_eq!((now.pull, now.changed_files), (second, 0), "{what}: the note in the body is the new head's");
        }
    }
}

#[tokio::test(flavor = "multi_thread", worker_threads = 2)]
async fn commenting() {
    let long = "line\n".repeat(30_000);
    for kind in KINDS {
        let desk = Desk::new().await;
        let number = soon(desk.github.open(&call(1), &wanted())).await.expect("opened").number;
        let rounds = [
            ("POST", "*/comments", "one"),
            ("PATCH", "*/comments/*", "two"),
            ("POST", "*/comments", &long),
            ("DELETE", "*/comments/*", "three"),
        ];
        for (method, path, text) in rounds {
            desk.fake.fault(method, path, 1, kind);
            let what = format!("{kind:?} at {method}");
            let said = soon(desk.github.comment(&call(1), number, "kaas:plan", text)).await;
            said.unwrap_or_else(|fault| panic!("{what}: {fault}"));
            let comments = desk.pull()["comment_list"].as_array().expect("comments").clone();
            assert_eq!(comments.len(), if text == long { 3 } else { 1 }, "{what}");
            assert!(
                comments[0]["body"].as_str().expect("a body").contains(text.lines().next().expect("a line")),
                "{what}"
            );
            desk.fake.heal();
        }
    }
}

#[tokio::test(flavor = "multi_thread", worker_threads = 2)]
async fn merging() {
    for (method, path) in [("PUT", "*/merge"), ("DELETE", "*/git/refs/*")] {
        for kind in KINDS {
            let desk = Desk::new().await;
            let pull = soon(desk.github.open(&call(1), &wanted())).await.expect("opened");
            desk.fake.fault(method, path, 1, kind);
            let what = format!("{kind:?} at {method} {path}");
            let mut merged = None;
            // As the engine does it: passing trouble is tried again.
            for attempt in 1..=3 {
                match soon(desk.github.merge(&call(attempt), pull.number, &pull.head, "m")).await {
                    Ok(Merged::Yes(commit)) => merged = Some(commit),
                    Ok(Merged::Moved(now)) => panic!("{what}: {now:?}"),
                    Err(kaas::ports::Trouble::Passing { .. }) => continue,
                    Err(fault) => panic!("{what}: {fault}"),
                }
                break;
            }
            let commit = merged.unwrap_or_else(|| panic!("{what}: not merged"));
            assert_eq!(desk.fake.head("main").as_deref(), Some(commit.as_str()), "{what}");
            assert_eq!(desk.fake.branches(), ["main"], "{what}");
            let merges = desk.fake.log("main").iter().filter(|line| line.starts_with('m')).count();
            assert_eq!(merges, 1, "{what}");
        }
    }
}

#[tokio::test(flavor = "multi_thread", worker_threads = 2)]
async fn closing() {
    for (method, path) in [("POST", "*/comments"), ("PATCH", "*/pulls/1"), ("DELETE", "*/git/refs/*")] {
        for kind in KINDS {
            let desk = Desk::new().await;
            soon(desk.github.open(&call(1), &wanted())).await.expect("opened");
            desk.fake.fault(method, path, 1, kind);
            let what = format!("{kind:?} at {method} {path}");
            if let Err(fault) = soon(desk.github.close(&call(1), BRANCH, "over")).await {
                assert!(matches!(fault, kaas::ports::Trouble::Passing { .. }), "{what}: {fault}");
                soon(desk.github.close(&call(2), BRANCH, "over"))
                    .await
                    .unwrap_or_else(|fault| panic!("{what}: {fault}"));
            }
            let shown = desk.pull();
            assert_eq!(
                (&shown["state"], shown["comment_list"].as_array().expect("comments").len()),
                (&"closed".into(), 1),
                "{what}"
            );
            assert_eq!(desk.fake.branches(), ["main"], "{what}");
        }
    }
}

#[tokio::test(flavor = "multi_thread", worker_threads = 2)]
async fn setting_a_status() {
    for kind in KINDS {
        let desk = Desk::new().await;
        let head = soon(desk.github.open(&call(1), &wanted())).await.expect("opened").head;
        desk.fake.fault("POST", "*/statuses/*", 1, kind);
        let set = soon(desk.github.status(&call(1), &head, "kaas/plan", StatusState::Success, "7 to add")).await;
        set.unwrap_or_else(|fault| panic!("{kind:?}: {fault}"));
        assert_eq!(desk.pull()["status_list"].as_array().expect("statuses").len(), 1, "{kind:?}");
    }
}

#[tokio::test]
async fn a_write_is_sent_once_and_looked_at_then() {
    let desk = Desk::new().await;
    desk.fake.fault("POST", "*/pulls", 1, FaultKind::LostStatus(502));
    soon(desk.github.open(&call(1), &wanted())).await.expect("opened");
    assert_eq!(desk.count("POST", "/pulls"), 1, "it is there, so it is not asked for again");
}

#[tokio::test]
async fn a_github_that_is_down_is_passing_trouble() {
    let desk = Desk::new().await;
    for kind in [FaultKind::Status(502), FaultKind::Status(503), FaultKind::Drop] {
        desk.fake.down(Some(kind));
        let (line, wait) = crate::desk::passing(soon(desk.github.open(&call(1), &wanted())).await);
        assert_eq!((line.as_str(), wait), ("GitHub does not answer", None), "{kind:?}");
        crate::desk::passing(soon(desk.github.read(BRANCH, crate::desk::FOLDER)).await);
    }
    desk.fake.heal();
    soon(desk.github.open(&call(2), &wanted())).await.expect("opened");
    assert_eq!(desk.there().await.status, PullStatus::Open);
}
