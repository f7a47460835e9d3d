//! git over smart HTTP, with the git that is installed.

use std::path::Path;
use std::process::{Command, Output, Stdio};

use super::*;

#[expect(clippy::disallowed_methods, reason = "a test that runs git as a person would")]
fn git(at: &Path, args: &[&str]) -> Output {
    Command::new("git")
        .args(["-c", "user.name=t", "-c", "user.email=t@example.org", "-c", "credential.helper="])
        .args(args)
        .current_dir(at)
        .env("GIT_TERMINAL_PROMPT", "0")
        .env("GIT_CONFIG_NOSYSTEM", "1")
        .env("HOME", at)
        .env("no_proxy", "127.0.0.1")
        .stdin(Stdio::null())
        .output()
        .expect("git")
}

async fn git_in(at: &Path, args: &[&str]) -> Output {
    let (at, args) = (at.to_owned(), args.iter().map(|arg| (*arg).to_owned()).collect::<Vec<_>>());
    let run = move || git(&at, &args.iter().map(String::as_str).collect::<Vec<_>>());
    tokio::task::spawn_blocking(run).await.expect("a thread")
}

fn with_token(fake: &FakeGitHub, token: &str) -> String {
    fake.git_url().replace("http://", &format!("http://x-access-token:{token}@"))
}

#[tokio::test]
async fn a_clone_needs_a_token_and_a_push_moves_the_pull_request() {
    let (fake, client, number) = with_pull().await;
    let scratch = tempfile::tempdir().expect("a folder");
    let refused = git_in(scratch.path(), &["clone", &fake.git_url(), "without"]).await;
    assert!(!refused.status.success(), "a private repository was cloned without a token");
    let refused = git_in(scratch.path(), &["clone", &with_token(&fake, "ghp_wrong"), "wrong"]).await;
    assert!(!refused.status.success(), "a wrong token was taken");
    let url = with_token(&fake, &client.token);
    let cloned = git_in(scratch.path(), &["clone", "--branch", "kaas/one/1", &url, "work"]).await;
    assert!(cloned.status.success(), "{}", String::from_utf8_lossy(&cloned.stderr));
    let work = scratch.path().join("work");
    assert_eq!(std::fs::read_to_string(work.join("clusters/one/main.tf")).expect("a file"), "module {}\n");

    std::fs::write(work.join("more.tf"), "x\n").expect("a file");
    git_in(&work, &["add", "."]).await;
    git_in(&work, &["commit", "-m", "More"]).await;
    let before = fake.head("kaas/one/1");
    let pushed = git_in(&work, &["push", "origin", "HEAD"]).await;
    assert!(pushed.status.success(), "{}", String::from_utf8_lossy(&pushed.stderr));
    assert_ne!(fake.head("kaas/one/1"), before);
    let shown = client.get(&format!("/pulls/{number}")).await.body;
    assert_eq!(shown["head"]["sha"], json!(fake.head("kaas/one/1")));

    fake.protect("main", Some(Protection { reviews: 1, ..Protection::default() }));
    let refused = git_in(&work, &["push", "origin", "HEAD:main"]).await;
    assert!(String::from_utf8_lossy(&refused.stderr).contains("GH006"), "a protected branch was pushed to");
    fake.grant("contents", "read");
    let refused = git_in(&work, &["push", "origin", "HEAD:other"]).await;
    assert!(!refused.status.success(), "a token that may only read has pushed");
    fake.advance(Duration::from_secs(4_000));
    let refused = git_in(&work, &["fetch", "origin"]).await;
    assert!(!refused.status.success(), "an expired token was taken");
}

#[tokio::test]
async fn a_merge_pushed_by_hand_is_seen_as_one() {
    let (fake, client, number) = with_pull().await;
    let scratch = tempfile::tempdir().expect("a folder");
    let url = with_token(&fake, &fake.token("bob-b"));
    git_in(scratch.path(), &["clone", &url, "work"]).await;
    let work = scratch.path().join("work");
    git_in(&work, &["merge", "--no-ff", "-m", "By hand", "origin/kaas/one/1"]).await;
    let pushed = git_in(&work, &["push", "origin", "HEAD:main"]).await;
    assert!(pushed.status.success(), "{}", String::from_utf8_lossy(&pushed.stderr));
    let shown = client.get(&format!("/pulls/{number}")).await.body;
    assert_eq!((&shown["merged"], &shown["merged_by"]["login"]), (&json!(true), &json!("bob-b")));
    assert_eq!(fake.log("main")[0], "By hand");
}
