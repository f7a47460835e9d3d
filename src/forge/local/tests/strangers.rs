//! What people do to the repository with plain git.

use super::*;
use crate::lifecycle::ContentDigest;
use crate::ports::{Merged, PullStatus, Trouble};

/// Opens, lets a stranger change the folder, and answers what kaas sees before and after.
async fn pushed(change: impl FnOnce(&Path)) -> (Desk, PullNow, PullNow) {
    let desk = Desk::new().await;
    desk.forge.open(&call(1), &wanted()).await.expect("opened");
    let before = desk.read().await;
    desk.push(BRANCH, change);
    let after = desk.read().await;
    assert_ne!(after.pull.head, before.pull.head);
    assert_eq!((after.status.clone(), after.head_by.as_str()), (PullStatus::Open, "mallory"));
    (desk, before, after)
}

fn main_tf(clone: &Path) -> PathBuf {
    clone.join(FOLDER).join("main.tf")
}

#[tokio::test]
async fn every_way_to_change_the_folder_changes_its_digest() {
    type Way = (&'static str, fn(&Path));
    let mut seen: Vec<ContentDigest> = Vec::new();
    let ways: [Way; 9] = [
        ("another content", |c| std::fs::write(main_tf(c), "module \"x\" {}\n").expect("written")),
        ("deleted", |c| std::fs::remove_file(main_tf(c)).expect("removed")),
        ("one more file", |c| std::fs::write(main_tf(c).with_file_name("evil.tf"), "x").expect("written")),
        ("an empty file more", |c| std::fs::write(main_tf(c).with_file_name("a"), "").expect("written")),
        ("renamed", |c| std::fs::rename(main_tf(c), main_tf(c).with_file_name("other.tf")).expect("renamed")),
        ("executable", |c| {
            use std::os::unix::fs::PermissionsExt;
            std::fs::set_permissions(main_tf(c), std::fs::Permissions::from_mode(0o755)).expect("set");
        }),
        ("a link with the same content", |c| {
            std::fs::remove_file(main_tf(c)).expect("removed");
            std::os::unix::fs::symlink("module \"crucial-sandbox\" {}\n", main_tf(c)).expect("linked");
        }),
        ("not text", |c| std::fs::write(main_tf(c), [0xff, 0xfe, 0]).expect("written")),
        ("a huge file", |c| std::fs::write(main_tf(c), vec![b'x'; 3 << 20]).expect("written")),
    ];
    for (name, way) in ways {
        let (_desk, before, after) = pushed(way).await;
        assert_ne!(after.pull.content, before.pull.content, "{name}");
        assert!(!seen.contains(&after.pull.content), "{name}");
        assert_eq!(after.strange_files, 0, "{name}");
        seen.push(after.pull.content);
    }
}

#[tokio::test]
async fn a_submodule_or_a_link_in_the_folders_place_is_not_what_kaas_wrote() {
    for mode in ["160000", "120000"] {
        let desk = Desk::new().await;
        let pull = desk.forge.open(&call(1), &wanted()).await.expect("opened");
        let clone = desk.clone(BRANCH);
        let id = match mode {
            "160000" => desk.main(),
            _ => desk.git(&["rev-parse", "main:README.md"]),
        };
        git(&clone, &["rm", "-rq", "--cached", FOLDER]);
        git(&clone, &["update-index", "--add", "--cacheinfo", &format!("{mode},{id},{FOLDER}")]);
        git(&clone, &["commit", "-q", "-m", "swapped"]);
        git(&clone, &["push", "-q", "origin", BRANCH]);
        let now = desk.read().await;
        assert_ne!(now.pull.content, pull.content);
        let again = desk.forge.open(&call(1), &wanted()).await.expect("opened");
        assert_eq!(again.content, pull.content);
        assert_eq!(desk.read().await.pull, again);
    }
}

#[tokio::test]
async fn files_outside_the_folder_are_counted() {
    let (desk, before, after) = pushed(|clone| {
        std::fs::remove_file(clone.join("README.md")).expect("removed");
        std::fs::rename(clone.join("modules/m/main.tf"), clone.join("modules/m/moved.tf")).expect("renamed");
        std::fs::create_dir_all(clone.join("clusters/crucial-sandbox-2")).expect("made");
        std::fs::write(clone.join("clusters/crucial-sandbox-2/x.tf"), "x").expect("written");
        std::fs::write(clone.join("clusters/y.tf"), "x").expect("written");
    })
    .await;
    assert_eq!(after.pull.content, before.pull.content);
    assert_eq!(after.strange_files, 5);
    let again = desk.forge.open(&call(1), &wanted()).await.expect("opened");
    let now = desk.read().await;
    assert_eq!((now.pull, now.strange_files, now.head_by.as_str()), (again, 0, "kaas"));
}

#[tokio::test]
async fn commits_on_main_are_not_counted_as_strange() {
    let desk = Desk::new().await;
    desk.forge.open(&call(1), &wanted()).await.expect("opened");
    let before = desk.read().await;
    desk.push("main", |clone| std::fs::write(clone.join("README.md"), "more\n").expect("written"));
    assert_eq!(desk.read().await, before);
}

#[tokio::test]
async fn a_moved_head_is_not_merged() {
    let (desk, before, after) = pushed(|c| std::fs::write(main_tf(c), "evil").expect("written")).await;
    let main = desk.main();
    let answer = desk.forge.merge(&call(1), 1, &before.pull.head, "Merge").await.expect("answered");
    assert_eq!(answer, Merged::Moved(after));
    assert_eq!(desk.main(), main);
}

#[tokio::test]
async fn a_merge_by_hand_is_noticed_in_each_form() {
    let forms: [(&str, &[&str]); 2] =
        [("a merge commit", &["merge", "-q", "--no-ff"]), ("forwarded", &["merge", "-q", "--ff-only"])];
    for (name, merge) in forms {
        let desk = Desk::new().await;
        let pull = desk.forge.open(&call(1), &wanted()).await.expect("opened");
        let clone = desk.clone("main");
        git(&clone, &[merge, &[&format!("origin/{BRANCH}")]].concat());
        git(&clone, &["push", "-q", "origin", "main", &format!(":{BRANCH}")]);
        let merged = desk.main();
        desk.push("main", |c| std::fs::write(c.join("README.md"), "later\n").expect("written"));
        let now = desk.read().await;
        let commit = merged.parse().expect("a commit");
        assert_eq!(now.status, PullStatus::Merged { commit }, "{name}");
        assert_eq!(now.pull, pull, "{name}");
        let answer = desk.forge.merge(&call(1), 1, &pull.head, "x").await.expect("merged");
        assert!(matches!(answer, Merged::Yes(commit) if commit.as_str() == merged), "{name}");
        assert_eq!(desk.read().await.status, now.status, "{name}");
    }
}

#[tokio::test]
async fn a_strangers_push_that_is_merged_by_hand_is_not_the_approved_head() {
    let (desk, before, after) = pushed(|c| std::fs::write(main_tf(c), "evil").expect("written")).await;
    let clone = desk.clone("main");
    git(&clone, &["merge", "-q", "--no-ff", &format!("origin/{BRANCH}")]);
    git(&clone, &["push", "-q", "origin", "main"]);
    let now = desk.read().await;
    assert!(matches!(now.status, PullStatus::Merged { .. }));
    assert_eq!((&now.pull.head, &now.pull.content), (&after.pull.head, &after.pull.content));
    let answer = desk.forge.merge(&call(1), 1, &before.pull.head, "x").await.expect("answered");
    assert!(matches!(answer, Merged::Moved(_)));
}

#[tokio::test]
async fn a_branch_set_back_to_main_is_not_merged() {
    let desk = Desk::new().await;
    let pull = desk.forge.open(&call(1), &wanted()).await.expect("opened");
    desk.push("main", |c| std::fs::write(c.join("README.md"), "more\n").expect("written"));
    let clone = desk.clone("main");
    git(&clone, &["push", "-q", "-f", "origin", &format!("main:{BRANCH}")]);
    let now = desk.read().await;
    assert_eq!(now.status, PullStatus::Open);
    assert_ne!(now.pull.content, pull.content);
}

#[tokio::test]
async fn a_deleted_branch_is_a_closed_pull_request_until_it_is_opened_again() {
    let desk = Desk::new().await;
    let pull = desk.forge.open(&call(1), &wanted()).await.expect("opened");
    let clone = desk.clone("main");
    git(&clone, &["push", "-q", "origin", &format!(":{BRANCH}")]);
    assert!(matches!(desk.read().await.status, PullStatus::Closed { .. }));
    let again = desk.forge.open(&call(1), &wanted()).await.expect("opened");
    assert_eq!((again.number, &again.content), (1, &pull.content));
    assert_eq!(desk.read().await.status, PullStatus::Open);
}

#[tokio::test]
async fn a_conflict_is_a_sentence_and_changes_nothing() {
    let desk = Desk::new().await;
    let pull = desk.forge.open(&call(1), &wanted()).await.expect("opened");
    desk.push("main", |c| {
        std::fs::create_dir_all(c.join(FOLDER)).expect("made");
        std::fs::write(main_tf(c), "something else\n").expect("written");
    });
    let main = desk.main();
    let fault = desk.forge.merge(&call(1), 1, &pull.head, "Merge").await.expect_err("a conflict");
    assert!(
        matches!(&fault, Trouble::Lasting { line, .. } if line.contains("main has other changes in clusters/crucial-sandbox")),
        "{fault}"
    );
    assert_eq!(desk.main(), main);
    assert_eq!(desk.read().await.status, PullStatus::Open);
}

#[tokio::test]
async fn what_main_put_beside_the_approved_files_is_not_merged_silently() {
    let desk = Desk::new().await;
    let pull = desk.forge.open(&call(1), &wanted()).await.expect("opened");
    desk.push("main", |c| {
        std::fs::create_dir_all(c.join(FOLDER)).expect("made");
        std::fs::write(main_tf(c).with_file_name("more.tf"), "x\n").expect("written");
    });
    let fault = desk.forge.merge(&call(1), 1, &pull.head, "Merge").await.expect_err("refused");
    assert!(matches!(fault, Trouble::Lasting { line, .. } if line.contains("main has other changes")));
}

#[tokio::test]
async fn a_branch_in_the_way_is_a_sentence() {
    let desk = Desk::new().await;
    desk.git(&["branch", "kaas", "main"]);
    let fault = desk.forge.open(&call(1), &wanted()).await.expect_err("in the way");
    assert!(matches!(&fault, Trouble::Lasting { line, .. } if line.contains("in the way")), "{fault}");
}

#[tokio::test]
async fn a_branch_that_somebody_made_before_is_written_over() {
    let desk = Desk::new().await;
    desk.git(&["branch", BRANCH, "main"]);
    desk.push(BRANCH, |c| std::fs::write(c.join("evil"), "x").expect("written"));
    let pull = desk.forge.open(&call(1), &wanted()).await.expect("opened");
    assert_eq!((desk.read().await.pull, desk.read().await.strange_files), (pull, 0));
}

#[tokio::test]
async fn a_tag_that_is_called_like_a_branch_fools_nobody() {
    let desk = Desk::new().await;
    let pull = desk.forge.open(&call(1), &wanted()).await.expect("opened");
    desk.git(&["update-ref", &format!("refs/tags/refs/heads/{BRANCH}"), pull.head.as_str()]);
    desk.git(&["update-ref", "refs/tags/refs/heads/main", pull.head.as_str()]);
    desk.git(&["update-ref", "-d", &format!("refs/heads/{BRANCH}")]);
    assert!(matches!(desk.read().await.status, PullStatus::Closed { .. }));
    assert_ne!(desk.forge.mirror().await.expect("mirror").base, pull.head);
}

#[tokio::test]
async fn what_kaas_keeps_for_itself_cannot_be_pushed_to() {
    let desk = Desk::new().await;
    desk.forge.open(&call(1), &wanted()).await.expect("opened");
    let clone = desk.clone("main");
    for name in ["refs/kaas/pulls/1", "refs/kaas/last", "refs/pull/1/head", "refs/kaas/new"] {
        let before = desk.tip(name);
        let output = try_git(&clone, &["push", "-q", "-f", "origin", &format!("HEAD:{name}")]);
        assert!(!output.status.success() && desk.tip(name) == before, "{name}");
    }
    git(&clone, &["fetch", "-q", "origin", "refs/kaas/*:refs/copy/*"]);
}

#[tokio::test]
async fn packed_refs_read_the_same() {
    let desk = Desk::new().await;
    let pull = desk.forge.open(&call(1), &wanted()).await.expect("opened");
    desk.forge.open(&call(1), &other("aa")).await.expect("opened");
    let before = (desk.read().await, desk.forge.mirror().await.expect("a mirror"));
    desk.git(&["gc", "-q", "--prune=now"]);
    assert!(desk.dir().join("packed-refs").exists() && desk.tip("refs/heads/main").is_some());
    assert!(!desk.dir().join("refs/heads/main").exists());
    assert_eq!((desk.read().await, desk.forge.mirror().await.expect("a mirror")), before);
    assert_eq!(desk.forge.open(&call(2), &wanted()).await.expect("opened"), pull);
    assert_eq!(desk.forge.open(&call(1), &other("bb")).await.expect("opened").number, 3);
    desk.forge.comment(&call(1), 2, "m", "packed").await.expect("commented");
    assert!(matches!(desk.forge.merge(&call(1), 1, &pull.head, "m").await.expect("merged"), Merged::Yes(_)));
    desk.forge.close(&call(1), "kaas/aa/7", "over").await.expect("closed");
    assert_eq!(
        desk.git(&["for-each-ref", "--format=%(refname)", "refs/heads"]),
        "refs/heads/kaas/bb/7\nrefs/heads/main"
    );
}

#[tokio::test]
async fn hooks_of_the_repository_do_not_run() {
    use std::os::unix::fs::PermissionsExt;
    let desk = Desk::new().await;
    let hook = desk.dir().join("hooks/reference-transaction");
    std::fs::create_dir_all(hook.parent().expect("a parent")).expect("made");
    std::fs::write(&hook, "#!/bin/sh\ntouch \"$GIT_DIR/ran\"\nexit 1\n").expect("written");
    std::fs::set_permissions(&hook, std::fs::Permissions::from_mode(0o755)).expect("set");
    desk.forge.open(&call(1), &wanted()).await.expect("opened");
    assert!(!desk.dir().join("ran").exists());
}
