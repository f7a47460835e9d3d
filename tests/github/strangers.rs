//! What other people do to kaas' pull requests: push, merge, close, delete, review.

use kaas::ports::{Forge as _, Merged, PullStatus, Verdict};

use crate::desk::{BRANCH, Desk, FOLDER, call, lasting, soon, wanted};

#[tokio::test]
async fn a_strangers_push_is_seen_counted_and_written_over() {
    let desk = Desk::new().await;
    let (forge, fake) = (&desk.github, &desk.fake);
    let pull = soon(forge.open(&call(1), &wanted())).await.expect("opened");
    fake.push("dora", BRANCH, "clusters/crucial-sandbox/main.tf", Some("evil\n")).expect("pushed");
    fake.push("dora", BRANCH, "clusters/crucial-sandbox/new.tf", Some("evil\n")).expect("pushed");
    let head = fake.push("dora", BRANCH, "clusters/other/main.tf", Some("evil\n")).expect("pushed");
    let now = desk.there().await;
    assert_eq!((now.pull.head.as_str(), now.head_by.as_str()), (head.as_str(), "dora"));
    assert_eq!((now.changed_files, now.strange_files), (2, 1));
    assert_ne!(now.pull.content, pull.content);
    let Merged::Moved(moved) = soon(forge.merge(&call(1), pull.number, &pull.head, "m")).await.expect("answered")
    else {
        panic!("a moved branch was merged")
    };
    assert_eq!(moved.pull, now.pull);
    // Written again, it holds what was asked for, and only that.
    let again = soon(forge.open(&call(1), &wanted())).await.expect("opened");
    assert_eq!((again.number, &again.content), (pull.number, &pull.content));
    let now = desk.there().await;
    assert_eq!((now.pull, now.changed_files, now.strange_files, now.head_by), (again, 0, 0, fake.bot()));
}

#[tokio::test]
async fn a_file_of_another_kind_is_no_content_of_kaas() {
    let desk = Desk::new().await;
    let pull = soon(desk.github.open(&call(1), &wanted())).await.expect("opened");
    // The same bytes, but executable.
    let git = |args: &[&str]| {
        #[expect(clippy::disallowed_methods, reason = "the test is the stranger with plain git")]
        let out = std::process::Command::new("git").arg("-C").arg(desk.fake.bare()).args(args).output().expect("git");
        assert!(out.status.success(), "{args:?}: {}", String::from_utf8_lossy(&out.stderr));
        String::from_utf8(out.stdout).expect("text").trim().to_owned()
    };
    let folder = git(&["ls-tree", &format!("{}:{FOLDER}", pull.head)]).replacen("100644 blob", "100755 blob", 1);
    let tree = |list: String, name: &str| {
        let path = desk.root.path().join(name);
        std::fs::write(&path, list + "\n").expect("written");
        let input = std::fs::File::open(&path).expect("opened");
        #[expect(clippy::disallowed_methods, reason = "the test is the stranger with plain git")]
        let out = std::process::Command::new("git")
            .arg("-C")
            .arg(desk.fake.bare())
            .arg("mktree")
            .stdin(input)
            .output()
            .expect("git");
        String::from_utf8(out.stdout).expect("text").trim().to_owned()
    };
    let folder = tree(folder, "folder");
    let clusters = git(&["ls-tree", &format!("{}:clusters", pull.head)]);
    let clusters = clusters.lines().map(|line| match line.ends_with("\tcrucial-sandbox") {
        true => format!("040000 tree {folder}\tcrucial-sandbox"),
        false => line.to_owned(),
    });
    let clusters = tree(clusters.collect::<Vec<_>>().join("\n"), "clusters");
    let root = git(&["ls-tree", pull.head.as_str()]);
    let root = root.lines().map(|line| match line.ends_with("\tclusters") {
        true => format!("040000 tree {clusters}\tclusters"),
        false => line.to_owned(),
    });
    let root = tree(root.collect::<Vec<_>>().join("\n"), "root");
    let commit = desk
        .fake
        .act(
            "dora",
            "POST",
            "/git/commits",
            serde_json::json!({ "message": "x", "tree": root, "parents": [pull.head.as_str()] }),
        )
        .expect("a commit");
    let body = serde_json::json!({ "sha": commit["sha"], "force": true });
    desk.fake.act("dora", "PATCH", &format!("/git/refs/heads/{BRANCH}"), body).expect("pushed");
    let now = desk.there().await;
    assert_ne!(now.pull.content, pull.content);
    assert_eq!((now.changed_files, now.strange_files), (1, 0));
}

#[tokio::test]
async fn merged_closed_and_deleted_by_hand() {
    let desk = Desk::new().await;
    let (forge, fake) = (&desk.github, &desk.fake);
    let pull = soon(forge.open(&call(1), &wanted())).await.expect("opened");
    let commit = fake.merge_pull("bob-b", pull.number).expect("merged");
    assert_eq!(desk.there().await.status, PullStatus::Merged { commit: commit.parse().expect("a commit") });
    // kaas' own merge finds it done, and only clears up.
    let merged = soon(forge.merge(&call(1), pull.number, &pull.head, "m")).await.expect("merged");
    assert_eq!(merged, Merged::Yes(commit.parse().expect("a commit")));
    assert_eq!(fake.branches(), ["main"]);

    let mut new = wanted();
    new.branch = "kaas/crucial-sandbox/43".to_owned();
    new.files.truncate(1);
    let second = soon(forge.open(&call(1), &new)).await.expect("opened");
    fake.close_pull("bob-b", second.number).expect("closed");
    let now = soon(forge.read(&new.branch, FOLDER)).await.expect("read").expect("there");
    assert_eq!(now.status, PullStatus::Closed { by: "bob-b".to_owned() });
    let moved = soon(forge.merge(&call(1), second.number, &second.head, "m")).await.expect("answered");
    assert!(matches!(moved, Merged::Moved(now) if matches!(now.status, PullStatus::Closed { .. })));

    let third = soon(forge.open(&call(1), &new)).await.expect("opened");
    assert_ne!(third.number, second.number, "what was closed stays closed");
    fake.delete_branch("dora", &new.branch).expect("deleted");
    let now = soon(forge.read(&new.branch, FOLDER)).await.expect("read").expect("there");
    assert!(matches!(now.status, PullStatus::Closed { .. }), "{now:?}");
    assert_eq!(now.pull.head, third.head);
}

#[tokio::test]
async fn a_merge_that_is_undone_by_more_pushes_leaves_them_alone() {
    let desk = Desk::new().await;
    let (forge, fake) = (&desk.github, &desk.fake);
    let pull = soon(forge.open(&call(1), &wanted())).await.expect("opened");
    fake.merge_pull("bob-b", pull.number).expect("merged");
    let later = fake.push("dora", BRANCH, "clusters/crucial-sandbox/more.tf", Some("x")).expect("pushed");
    assert!(matches!(soon(forge.merge(&call(1), pull.number, &pull.head, "m")).await, Ok(Merged::Yes(_))));
    soon(forge.close(&call(1), BRANCH, "over")).await.expect("closed");
    assert_eq!(fake.head(BRANCH), Some(later), "a stranger's work is not thrown away");
}

#[tokio::test]
async fn main_with_other_changes_in_the_folder_is_not_merged_into() {
    let desk = Desk::new().await;
    let (forge, fake) = (&desk.github, &desk.fake);
    let pull = soon(forge.open(&call(1), &wanted())).await.expect("opened");
    fake.push("adm1n", "main", "clusters/other/more.tf", Some("x")).expect("pushed");
    fake.push("adm1n", "main", "clusters/crucial-sandbox/extra.tf", Some("x")).expect("pushed");
    let line = lasting(soon(forge.merge(&call(1), pull.number, &pull.head, "m")).await);
    assert!(line.contains("main has other changes in clusters/crucial-sandbox"), "{line}");
    assert_eq!(desk.count("PUT", "/merge"), 0);
}

#[tokio::test]
async fn a_pull_request_that_is_none_of_kaas_is_left_alone() {
    let desk = Desk::new().await;
    let (forge, fake) = (&desk.github, &desk.fake);
    let head = fake.push("dora", "feature", "README.md", Some("hello\n")).expect("pushed");
    let number = fake.open_pull("dora", "feature", "Mine").expect("opened");
    let line = lasting(soon(forge.merge(&call(1), number, &head.parse().expect("a head"), "m")).await);
    assert!(line.contains("none of kaas'"), "{line}");
    assert_eq!(soon(forge.open_pulls()).await.expect("listed"), []);
}

#[tokio::test]
async fn reviews_are_of_each_person_the_last_that_counts() {
    let desk = Desk::new().await;
    let (forge, fake) = (&desk.github, &desk.fake);
    let pull = soon(forge.open(&call(1), &wanted())).await.expect("opened");
    let n = pull.number;
    assert!(desk.there().await.reviews.is_empty());
    fake.review("bob-b", n, "REQUEST_CHANGES", "too big").expect("reviewed");
    let yes = fake.review("bob-b", n, "APPROVE", "").expect("reviewed");
    fake.review("bob-b", n, "COMMENT", "nice").expect("reviewed");
    let gone = fake.review("ccziz", n, "APPROVE", "ok").expect("reviewed");
    fake.dismiss("adm1n", n, gone, "not yet").expect("dismissed");
    fake.review("dora", n, "REQUEST_CHANGES", "no").expect("reviewed");
    let reviews = desk.there().await.reviews;
    let of = |by: &str| reviews.iter().find(|review| review.by == by).cloned().expect("a review");
    assert_eq!(reviews.len(), 3);
    assert_eq!((of("bob-b").verdict, of("bob-b").id), (Verdict::Approved, yes.to_string()));
    assert_eq!((of("ccziz").verdict, of("dora").verdict), (Verdict::Dismissed, Verdict::Refused));
    assert_eq!((of("dora").words.as_str(), &of("dora").head), ("no", &pull.head));
    // Merged by hand, they are still there for whoever decides.
    // Another message makes another commit, also within one second.
    let (branch, commit) = ("kaas/crucial-sandbox/43".to_owned(), "another one".to_owned());
    let other = kaas::ports::NewPull { branch, commit, ..wanted() };
    let second = soon(forge.open(&call(1), &other)).await.expect("opened");
    fake.review("bob-b", second.number, "APPROVE", "").expect("reviewed");
    fake.merge_pull("adm1n", second.number).expect("merged");
    fake.review("ccziz", second.number, "APPROVE", "late").expect("reviewed");
    let now = soon(forge.read(&other.branch, FOLDER)).await.expect("read").expect("there");
    assert!(matches!(now.status, PullStatus::Merged { .. }), "{now:?}");
    assert_eq!(now.reviews.iter().map(|review| review.by.as_str()).collect::<Vec<_>>(), ["bob-b", "ccziz"]);
    assert!(now.reviews.iter().all(|review| review.head == second.head));
    // A push leaves them at the commit that they were about.
    fake.push("dora", BRANCH, "clusters/crucial-sandbox/main.tf", Some("evil\n")).expect("pushed");
    let now = desk.there().await;
    assert!(now.pull.head != pull.head, "{now:?}");
    assert!(now.reviews.iter().all(|review| review.head == pull.head), "{now:?}");
}
