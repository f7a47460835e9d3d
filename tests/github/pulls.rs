//! The life of a pull request, with every call made twice.

use kaas::lifecycle::HeadSha;
use kaas::ports::{FileEdit, Forge as _, Merged, PullStatus};
use kaas::render::module::{RenderedFile, content_digest};

use kaas_fakes::github::FaultKind;

use crate::desk::{As, BRANCH, Desk, FOLDER, MOMENT, call, changed, edit, lasting, passing, soon, wanted};

#[tokio::test]
async fn from_open_to_merged_as_an_app() {
    whole_life(As::App).await;
}

#[tokio::test]
async fn from_open_to_merged_with_a_token() {
    whole_life(As::Token).await;
}

async fn whole_life(who: As) {
    let desk = Desk::with(who, |settings| {
        settings.labels = vec!["kaas".to_owned(), "sandbox".to_owned()];
        settings.reviewers = vec!["bob-b".to_owned(), "ccziz".to_owned()];
    })
    .await;
    let (forge, fake) = (&desk.github, &desk.fake);
    assert_eq!(desk.read().await, None);
    let pull = soon(forge.open(&call(1), &wanted())).await.expect("opened");
    soon(forge.announce(&call(1), pull.number)).await.expect("announced");
    let files =
        wanted().files.into_iter().map(|f| RenderedFile { path: f.path, content: f.content.unwrap_or_default() });
    assert_eq!(pull.content, content_digest(&files.collect::<Vec<_>>()));
    assert_eq!(fake.log(BRANCH), ["crucial-sandbox: new cluster", "Begin"], "one commit upon main");
    assert_eq!(fake.file(BRANCH, "clusters/crucial-sandbox/a/b.tf").as_deref(), Some("# ä\n"));
    assert_eq!(fake.file(BRANCH, "clusters/other/main.tf").as_deref(), Some("# other\n"));
    let shown = desk.pull();
    assert_eq!(shown["title"], "crucial-sandbox: new cluster");
    assert!(shown["body"].as_str().expect("a body").starts_with("@alice asked for it\n\n<!-- kaas:form {} -->\n"));
    assert_eq!(shown["label_names"], serde_json::json!(["kaas", "sandbox"]));
    assert_eq!(shown["requested_reviewers"].as_array().expect("reviewers").len(), 2);
    assert_eq!(pull.url, shown["html_url"]);

    // Again: by the same kaas, and by one that remembers nothing.
    for forge in [&desk.github, &desk.another()] {
        assert_eq!(soon(forge.open(&call(2), &wanted())).await.expect("opened"), pull);
    }
    assert_eq!(desk.count("POST", "/git/commits"), 1, "no second commit");
    assert_eq!(desk.count("POST", "/pulls") - desk.count("POST", "/requested_reviewers"), 1);

    let now = desk.there().await;
    assert_eq!((&now.pull, now.status, now.changed_files, now.strange_files), (&pull, PullStatus::Open, 0, 0));
    assert_eq!(now.head_by, if who == As::App { fake.bot() } else { "dora".to_owned() });

    let first = call(1);
    let merge = || forge.merge(&first, pull.number, &pull.head, "crucial-sandbox: new cluster\n\nApproved.\n");
    let Merged::Yes(commit) = soon(merge()).await.expect("merged") else { panic!("not merged") };
    let Merged::Yes(again) = soon(merge()).await.expect("merged") else { panic!("not merged") };
    assert_eq!(commit, again);
    assert_eq!(desk.count("PUT", "/merge"), 1);
    assert_eq!(fake.head("main").as_deref(), Some(commit.as_str()));
    assert_eq!(fake.log("main")[0], format!("crucial-sandbox: new cluster (#{})", pull.number));
    assert_eq!(fake.branches(), ["main"]);
    let now = desk.there().await;
    assert_eq!(now.status, PullStatus::Merged { commit });
    assert_eq!((now.pull.content.clone(), now.strange_files, now.changed_files), (pull.content.clone(), 0, 0));
    // A merged pull request with the same content is it.
    assert_eq!(soon(forge.open(&call(2), &wanted())).await.expect("opened").number, pull.number);
    assert_eq!(fake.pulls().len(), 1);
}

#[tokio::test]
async fn the_folder_holds_exactly_what_is_wanted() {
    let desk = Desk::new().await;
    let (forge, fake) = (&desk.github, &desk.fake);
    for (path, content) in [("main.tf", "old"), ("left/over.tf", "x"), ("a/b.tf", "old")] {
        fake.push("adm1n", "main", &format!("{FOLDER}/{path}"), Some(content)).expect("pushed");
    }
    let pull = soon(forge.open(&call(1), &wanted())).await.expect("opened");
    assert_eq!(fake.file(BRANCH, "clusters/crucial-sandbox/left/over.tf"), None);
    assert_eq!(fake.file(BRANCH, "clusters/crucial-sandbox/main.tf").as_deref(), Some("module {}\n"));
    assert_eq!(desk.there().await.pull, pull, "what is read back is what was meant");
}

#[tokio::test]
async fn a_destroy_removes_the_folder() {
    let desk = Desk::new().await;
    let (forge, fake) = (&desk.github, &desk.fake);
    let pull = soon(forge.open(&call(1), &wanted())).await.expect("opened");
    soon(forge.merge(&call(1), pull.number, &pull.head, "m")).await.expect("merged");
    let mut gone = wanted();
    gone.branch = "kaas/crucial-sandbox/43".to_owned();
    gone.files = wanted().files.into_iter().map(|file| FileEdit { content: None, ..file }).collect();
    for attempt in 1..=2 {
        let pull = soon(forge.open(&call(attempt), &gone)).await.expect("opened");
        assert_eq!(pull.content, content_digest(&[]));
        let now = soon(forge.read(&gone.branch, FOLDER)).await.expect("read").expect("there");
        assert_eq!((now.pull, now.strange_files), (pull, 0));
    }
    assert_eq!(fake.file(&gone.branch, "clusters/crucial-sandbox/main.tf"), None);
    assert!(fake.file(&gone.branch, "clusters/other/main.tf").is_some());
    // Removing what is not there is a pull request all the same: main may already be without it.
    gone.branch = "kaas/nothing/1".to_owned();
    gone.folder = "clusters/nothing".to_owned();
    gone.files.clear();
    assert_eq!(soon(forge.open(&call(1), &gone)).await.expect("opened").content, content_digest(&[]));
}

#[tokio::test]
async fn another_content_goes_on_the_same_pull_request() {
    let desk = Desk::new().await;
    let forge = &desk.github;
    let first = soon(forge.open(&call(1), &wanted())).await.expect("opened");
    desk.fake.push("adm1n", "main", "clusters/other/more.tf", Some("x")).expect("pushed");
    desk.clock.advance(MOMENT);
    let mut new = changed("two\n");
    new.title = "crucial-sandbox: another".to_owned();
    let second = soon(forge.open(&call(1), &new)).await.expect("opened");
    assert_eq!(second.number, first.number);
    assert_ne!((&second.head, &second.content), (&first.head, &first.content));
    assert_eq!(desk.fake.file(BRANCH, "clusters/crucial-sandbox/a/b.tf"), None, "what is not wanted any more is gone");
    assert!(desk.fake.file(BRANCH, "clusters/other/more.tf").is_some(), "upon main as it is now");
    assert_eq!(desk.pull()["title"], "crucial-sandbox: another");
    let now = desk.there().await;
    assert_eq!((now.pull, now.changed_files, now.strange_files), (second, 0, 0));
}

#[tokio::test]
async fn closed_is_closed_and_stays_so() {
    let desk = Desk::new().await;
    let (forge, fake) = (&desk.github, &desk.fake);
    soon(forge.close(&call(1), BRANCH, "over")).await.expect("nothing to close is closed");
    assert!(fake.pulls().is_empty());
    let first = soon(forge.open(&call(1), &wanted())).await.expect("opened");
    for attempt in 1..=3 {
        soon(forge.close(&call(attempt), BRANCH, "Cancelled by alice.")).await.expect("closed");
    }
    let shown = desk.pull();
    assert_eq!(shown["state"], "closed");
    assert_eq!(shown["comment_list"].as_array().expect("comments").len(), 1);
    assert!(shown["comment_list"][0]["body"].as_str().expect("a body").ends_with("Cancelled by alice.\n"));
    assert_eq!(fake.branches(), ["main"]);
    assert_eq!(desk.there().await.status, PullStatus::Closed { by: fake.bot() });
    assert_eq!(desk.there().await.pull.content, first.content, "what it held is still known");
    // Asked for again, it is another one.
    let second = soon(forge.open(&call(1), &wanted())).await.expect("opened");
    assert_ne!(second.number, first.number);
    assert_eq!(desk.there().await.pull, second);
}

#[tokio::test]
async fn a_leftover_branch_is_used_if_it_holds_what_is_wanted() {
    let desk = Desk::new().await;
    let (forge, fake) = (&desk.github, &desk.fake);
    let mut new = wanted();
    new.files = vec![edit("clusters/crucial-sandbox/main.tf", "module {}\n")];
    let head = fake.push("dora", BRANCH, "clusters/crucial-sandbox/main.tf", Some("module {}\n")).expect("pushed");
    assert_eq!(soon(forge.open(&call(2), &new)).await.expect("opened").head.as_str(), head);
    // One that holds something else is written again.
    let other = "kaas/crucial-sandbox/44";
    fake.push("dora", other, "clusters/crucial-sandbox/main.tf", Some("module {}\n")).expect("pushed");
    let strange = fake.push("dora", other, "README.md", Some("hello\n")).expect("pushed");
    new.branch = other.to_owned();
    let pull = soon(forge.open(&call(1), &new)).await.expect("opened");
    assert_ne!(pull.head.as_str(), strange);
    assert_eq!(fake.file(other, "README.md").as_deref(), Some("clusters\n"));
}

#[tokio::test]
async fn only_names_that_are_kaas_own_are_taken() {
    let desk = Desk::new().await;
    for branch in ["main", "../x", "a b", "a?b", "-x", ""] {
        let mut new = wanted();
        new.branch = branch.to_owned();
        lasting(desk.github.open(&call(1), &new).await);
        lasting(desk.github.read(branch, FOLDER).await);
        lasting(desk.github.close(&call(1), branch, "x").await);
    }
    let mut new = wanted();
    new.files.push(edit("clusters/other/main.tf", "x"));
    lasting(desk.github.open(&call(1), &new).await);
    let head: HeadSha = "0".repeat(40).parse().expect("a head");
    assert!(lasting(desk.github.merge(&call(1), 99, &head, "m").await).contains("no pull request #99"));
    assert!(desk.fake.calls().iter().all(|call| call.method == "GET" || call.path.contains("access_tokens")));
}

#[tokio::test]
async fn where_merge_commits_are_not_allowed_it_is_squashed_or_rebased() {
    for (squash, rebase) in [(true, false), (false, true), (false, false)] {
        let desk = Desk::new().await;
        let pull = soon(desk.github.open(&call(1), &wanted())).await.expect("opened");
        desk.fake.ways_to_merge(false, squash, rebase);
        let merged = soon(desk.github.merge(&call(1), pull.number, &pull.head, "m")).await;
        if !squash && !rebase {
            let line = lasting(merged);
            assert!(line.contains("Merge commits are not allowed"), "{line}");
            continue;
        }
        let Merged::Yes(commit) = merged.expect("merged") else { panic!("not merged") };
        assert_eq!(desk.fake.head("main").as_deref(), Some(commit.as_str()));
        let now = desk.there().await;
        assert_eq!((now.status, now.strange_files), (PullStatus::Merged { commit }, 0));
        assert_eq!(desk.fake.branches(), ["main"]);
    }
}

#[tokio::test]
async fn few_calls_are_made() {
    let desk = Desk::new().await;
    let calls = || desk.fake.calls().len();
    desk.read().await;
    let before = calls();
    soon(desk.github.open(&call(1), &wanted())).await.expect("opened");
    let opening = calls() - before;
    let before = calls();
    desk.there().await;
    let first = calls() - before;
    let before = calls();
    desk.there().await;
    let again = calls() - before;
    println!("opening: {opening} calls, reading it first: {first}, reading it again: {again}");
    // An hour has 5,000 calls; every open pull request is read again and again.
    assert!(opening <= 8 && first <= 14 && again <= 3, "{opening}, {first}, {again}");
}

/// What was written over REST since then, in order.
fn writes(desk: &Desk, since: usize) -> Vec<String> {
    let calls = desk.fake.calls().split_off(since).into_iter();
    let written = calls.filter(|call| call.method != "GET");
    written.filter_map(|call| call.path.strip_prefix("/repos/acme/clusters/").map(str::to_owned)).collect()
}

#[tokio::test]
async fn what_can_go_side_by_side_does() {
    let desk = Desk::new().await;
    desk.read().await;
    // Nothing is known of main: it is read while the folder is written.
    let calls = desk.fake.calls().len();
    soon(desk.github.open(&call(1), &wanted())).await.expect("opened");
    assert_eq!(writes(&desk, calls), ["git/trees", "git/trees", "git/commits", "git/refs", "pulls"]);
    assert_eq!(desk.count("GET", "/branches/main"), 1);
    desk.there().await;
    // A moment later it is known, with all that lies there.
    let mut second = wanted();
    second.branch = "kaas/crucial-sandbox/43".to_owned();
    let calls = desk.fake.calls().len();
    let first = call(1);
    let (pull, mirror) = tokio::join!(desk.github.open(&first, &second), desk.github.mirror());
    assert_eq!(writes(&desk, calls), ["git/trees", "git/commits", "git/refs", "pulls"]);
    assert_eq!(desk.count("GET", "/branches/main"), 1, "a plan beside it does not ask either");
    assert_eq!((pull.is_ok(), mirror.is_ok()), (true, true));
    // As soon as kaas merges, main is another one.
    let (number, head) = (pull.as_ref().expect("opened").number, &pull.as_ref().expect("opened").head);
    soon(desk.github.merge(&call(1), number, head, "m")).await.expect("merged");
    let mirror = soon(desk.github.mirror()).await.expect("fetched");
    assert_eq!(Some(mirror.base.to_string()), desk.fake.head("main"));
}

#[tokio::test]
async fn a_stopped_first_attempt_leaves_what_the_next_one_uses() {
    // The branch is there and the pull request is not: kaas ended in between.
    let desk = Desk::new().await;
    desk.fake.fault("POST", "*/pulls", 9, FaultKind::Status(422));
    let first = soon(desk.github.open(&call(1), &wanted())).await;
    assert!(first.is_err(), "{first:?}");
    let head = desk.fake.head(BRANCH).expect("a branch");
    desk.fake.heal();
    let commits = desk.count("POST", "/git/commits");
    let pull = soon(desk.another().open(&call(2), &wanted())).await.expect("opened");
    assert_eq!((pull.head.as_str(), desk.count("POST", "/git/commits")), (head.as_str(), commits));
}

#[tokio::test]
async fn labels_and_reviewers_are_no_reason_to_stop() {
    let desk = Desk::with(As::App, |settings| {
        settings.labels = vec!["kaas".to_owned()];
        settings.reviewers = vec!["bob-b".to_owned(), "nobody-at-all".to_owned(), "ccziz".to_owned()];
    })
    .await;
    let number = soon(desk.github.open(&call(1), &wanted())).await.expect("opened").number;
    assert_eq!(desk.pull()["label_names"], serde_json::json!([]), "nobody looks before there is something to see");
    desk.fake.fault("POST", "*/labels", 1, FaultKind::Status(503));
    passing(soon(desk.github.announce(&call(1), number)).await);
    let asked = || desk.pull()["requested_reviewers"].as_array().expect("reviewers").len();
    assert_eq!(asked(), 2, "those who can be asked are asked");
    for attempt in 2..=3 {
        soon(desk.github.announce(&call(attempt), number)).await.expect("announced");
        assert_eq!(desk.pull()["label_names"], serde_json::json!(["kaas"]), "a further attempt makes up for it");
        assert_eq!(asked(), 2);
    }
    desk.fake.fault("POST", "*/labels", 1, FaultKind::Status(403));
    soon(desk.github.announce(&call(1), number)).await.expect("what is refused is left at that");
}
