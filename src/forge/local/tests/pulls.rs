//! What kaas does: open, write again, comment, merge, close.

use super::*;
use crate::forge::local::PullState;
use crate::ports::{Merged, PullStatus, Trouble};

#[tokio::test]
async fn a_pull_request_is_opened_once_however_often_it_is_asked_for() {
    let desk = Desk::new().await;
    let main = desk.main();
    let first = desk.forge.open(&call(1), &wanted()).await.expect("opened");
    desk.clock.advance(Duration::from_secs(60));
    for attempt in [1, 2, 3] {
        assert_eq!(desk.forge.open(&call(attempt), &wanted()).await.expect("opened"), first);
    }
    assert_eq!(first.number, 1);
    assert_eq!(desk.git(&["show", &format!("{}:{FOLDER}/main.tf", first.head)]), "module \"crucial-sandbox\" {}");
    assert_eq!(desk.git(&["rev-parse", &format!("{}^", first.head)]), main, "one commit upon main");
    assert_eq!(desk.git(&["diff", "--name-only", &main, first.head.as_str()]), format!("{FOLDER}/main.tf"));
    assert_eq!(
        desk.git(&["log", "-1", "--format=%an %cn %cI", first.head.as_str()]),
        "kaas kaas 2026-11-22T10:00:00+00:00"
    );
    let now = desk.read().await;
    assert_eq!(
        now,
        PullNow {
            pull: first.clone(),
            status: PullStatus::Open,
            head_by: "kaas".into(),
            changed_files: 0,
            strange_files: 0,
            reviews: Vec::new(),
        }
    );
    assert!(first.url.ends_with("forge.git show pull/1/head"), "{}", first.url);
    assert!(desk.git(&["show", "pull/1/head"]).contains("crucial-sandbox: create"));
    assert_eq!(desk.forge.pulls().await.expect("listed").len(), 1);
}

#[tokio::test]
async fn other_files_write_the_branch_again_and_keep_the_pull_request() {
    let desk = Desk::new().await;
    let first = desk.forge.open(&call(1), &wanted()).await.expect("opened");
    let new = wanted_with(&[("a.tf", "a\n"), ("sub/dir/b.tf", "b\n"), ("sub/c.tf", "c\n")]);
    let second = desk.forge.open(&call(1), &new).await.expect("opened");
    assert_eq!(second.number, first.number);
    assert_ne!((&second.head, &second.content), (&first.head, &first.content));
    let files = desk.git(&["ls-tree", "-r", "--name-only", second.head.as_str(), FOLDER]);
    assert_eq!(
        files.lines().collect::<Vec<_>>(),
        ["a.tf", "sub/c.tf", "sub/dir/b.tf"].map(|f| format!("{FOLDER}/{f}"))
    );
    assert_eq!(desk.read().await.pull, second);
    let renamed = NewPull { title: "Another title".into(), ..new };
    assert_eq!(desk.forge.open(&call(1), &renamed).await.expect("opened"), second, "no new commit for a title");
    assert_eq!(desk.forge.pulls().await.expect("listed")[0].title, "Another title");
}

#[tokio::test]
async fn numbers_count_up_and_a_closed_one_is_not_opened_again() {
    let desk = Desk::new().await;
    for (number, name) in ["aa", "bb", "cc"].iter().enumerate() {
        assert_eq!(desk.forge.open(&call(1), &other(name)).await.expect("opened").number, number as u64 + 1);
    }
    desk.forge.close(&call(1), "kaas/bb/7", "nobody decided").await.expect("closed");
    assert_eq!(desk.forge.open(&call(1), &other("bb")).await.expect("opened").number, 4);
    let pulls = desk.forge.pulls().await.expect("listed");
    assert_eq!(pulls.iter().map(|p| p.number).collect::<Vec<_>>(), [1, 2, 3, 4]);
    assert!(matches!(pulls[1].state, PullState::Closed { .. }));
    assert_eq!(pulls[3].state, PullState::Open);
    // The old one can still be talked about.
    desk.forge.comment(&call(1), 2, "m", "late").await.expect("commented");
    assert_eq!(desk.forge.pulls().await.expect("listed")[1].comments.last().expect("one").body, "late");
    let moved = desk.forge.merge(&call(1), 2, &pulls[1].head.parse().expect("a head"), "no").await.expect("answered");
    assert!(
        matches!(moved, Merged::Moved(now) if matches!(now.status, PullStatus::Closed { .. }) && now.pull.number == 2)
    );
}

#[tokio::test]
async fn merging_makes_one_merge_commit_and_takes_the_branch_away() {
    let desk = Desk::new().await;
    let pull = desk.forge.open(&call(1), &wanted()).await.expect("opened");
    let aside = desk.forge.open(&call(1), &other("aa")).await.expect("opened");
    let before = desk.main();
    let Merged::Yes(commit) = desk.forge.merge(&call(1), 1, &pull.head, "Merge it").await.expect("merged") else {
        panic!("not merged")
    };
    assert_eq!(desk.main(), commit.to_string());
    assert_eq!(desk.git(&["log", "-1", "--format=%P %s", "main"]), format!("{before} {} Merge it", pull.head));
    assert_eq!(desk.tip(&format!("refs/heads/{BRANCH}")), None);
    for attempt in [1, 2] {
        assert_eq!(
            desk.forge.merge(&call(attempt), 1, &pull.head, "x").await.expect("merged"),
            Merged::Yes(commit.clone())
        );
    }
    assert_eq!(desk.main(), commit.to_string());
    let now = desk.read().await;
    assert_eq!((&now.status, &now.pull), (&PullStatus::Merged { commit: commit.clone() }, &pull));
    assert_eq!(
        desk.forge.open(&call(2), &wanted()).await.expect("opened"),
        pull,
        "a late second performance opens nothing"
    );
    // main has moved on, and the next one merges all the same.
    let Merged::Yes(next) = desk.forge.merge(&call(1), aside.number, &aside.head, "Next").await.expect("merged") else {
        panic!("not merged")
    };
    assert_eq!(desk.git(&["rev-parse", "main^1"]), commit.to_string());
    assert_eq!(desk.forge.mirror().await.expect("mirror").base, next);
    assert_eq!(desk.git(&["ls-tree", "--name-only", "main:clusters"]), "aa\ncrucial-sandbox");
    desk.git(&["fsck", "--strict"]);
}

#[tokio::test]
async fn a_destroy_removes_the_folder_and_the_last_one_the_folder_above() {
    let desk = Desk::new().await;
    let pull = desk.forge.open(&call(1), &wanted()).await.expect("opened");
    desk.forge.merge(&call(1), 1, &pull.head, "create").await.expect("merged");
    let gone = NewPull { branch: "kaas/crucial-sandbox/43".into(), ..wanted_with(&[]) };
    let pull = desk.forge.open(&call(1), &gone).await.expect("opened");
    let now = desk.forge.read(&gone.branch, FOLDER).await.expect("read").expect("there");
    assert_eq!((now.strange_files, &now.pull), (0, &pull));
    assert!(matches!(desk.forge.merge(&call(1), 2, &pull.head, "destroy").await.expect("merged"), Merged::Yes(_)));
    assert_eq!(desk.git(&["ls-tree", "--name-only", "main"]), ".gitignore\nREADME.md\nmodules");
}

#[tokio::test]
async fn closing_comments_deletes_the_branch_and_is_done_once() {
    let desk = Desk::new().await;
    desk.forge.close(&call(1), BRANCH, "nothing there").await.expect("closed");
    let pull = desk.forge.open(&call(1), &wanted()).await.expect("opened");
    for attempt in [1, 2] {
        desk.forge.close(&call(attempt), BRANCH, "withdrawn by alice").await.expect("closed");
    }
    assert_eq!(desk.tip(&format!("refs/heads/{BRANCH}")), None);
    let now = desk.read().await;
    assert_eq!((now.status, &now.pull), (PullStatus::Closed { by: "kaas".into() }, &pull));
    let pulls = desk.forge.pulls().await.expect("listed");
    let texts: Vec<_> = pulls[0].comments.iter().map(|c| c.body.as_str()).collect();
    assert_eq!(texts, ["withdrawn by alice"]);
    assert!(matches!(desk.forge.merge(&call(1), 1, &pull.head, "x").await.expect("answered"), Merged::Moved(_)));
}

#[tokio::test]
async fn a_comment_is_edited_in_place() {
    let desk = Desk::new().await;
    desk.forge.open(&call(1), &wanted()).await.expect("opened");
    for (marker, body) in [("plan", "one"), ("other", "x"), ("plan", "two"), ("plan", "two")] {
        desk.forge.comment(&call(1), 1, marker, body).await.expect("commented");
    }
    let pulls = desk.forge.pulls().await.expect("listed");
    let all: Vec<_> = pulls[0].comments.iter().map(|c| (c.marker.as_str(), c.body.as_str())).collect();
    assert_eq!(all, [("plan", "two"), ("other", "x")]);
    assert!(
        matches!(desk.forge.comment(&call(1), 9, "plan", "x").await, Err(Trouble::Lasting { line, .. }) if line.contains("#9"))
    );
}

#[tokio::test]
async fn what_leads_out_of_the_folder_is_refused() {
    let desk = Desk::new().await;
    for path in [
        "clusters/other/main.tf",
        "clusters/crucial-sandbox/../x",
        "/etc/passwd",
        "clusters/crucial-sandbox/.git/config",
    ] {
        let new = NewPull { files: vec![edit(path, "x")], ..wanted() };
        assert!(matches!(desk.forge.open(&call(1), &new).await, Err(Trouble::Lasting { .. })), "{path}");
    }
    for branch in ["main", "../x", "-x", "a b"] {
        let new = NewPull { branch: branch.into(), ..wanted() };
        assert!(matches!(desk.forge.open(&call(1), &new).await, Err(Trouble::Lasting { .. })), "{branch}");
    }
    assert_eq!(desk.forge.read(BRANCH, FOLDER).await.expect("read"), None);
}

#[tokio::test]
async fn seeding_again_changes_nothing_and_paths_stay_inside() {
    let desk = Desk::new().await;
    let main = desk.main();
    let clock: SharedClock = desk.clock.clone();
    seed(&desk.dir(), &[edit("other", "x")], &clock).await.expect("seeded");
    assert_eq!(desk.main(), main);
    assert_eq!(desk.git(&["symbolic-ref", "HEAD"]), "refs/heads/main");
    for path in ["../x", "a/../../x", ".git/config", "a/.git/x", "a\nM 100644 inline b"] {
        assert!(seed(&desk.root.path().join("evil.git"), &[edit(path, "x")], &clock).await.is_err(), "{path:?}");
        assert!(!desk.root.path().join("evil.git").exists());
    }
    let missing = LocalForge::open(&desk.root.path().join("nowhere"), clock).await;
    assert!(matches!(missing, Err(Trouble::Lasting { line, .. }) if line.contains("no git repository")));
}

#[tokio::test]
async fn a_call_that_is_not_wanted_any_more_does_nothing() {
    let desk = Desk::new().await;
    let stopped = call(1);
    stopped.stop.cancel();
    assert!(matches!(desk.forge.open(&stopped, &wanted()).await, Err(Trouble::Stopped)));
    assert_eq!(desk.forge.read(BRANCH, FOLDER).await.expect("read"), None);
}
