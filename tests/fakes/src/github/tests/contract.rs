//! The fake's payloads beside the real ones that npm's `@octokit/webhooks-examples` holds: the same keys with the same JSON types.

use std::path::{Path, PathBuf};
use std::process::{Command, Stdio};

use super::*;

/// The version whose payloads are compared.
const EXAMPLES: &str = "@octokit/webhooks-examples@7.6.1";

/// What kaas reads of each event.
const READ: &[(&str, &str, &[&str])] = &[
    ("pull_request", "opened", PULL),
    ("pull_request", "synchronize", PULL),
    ("pull_request", "closed", PULL),
    ("pull_request", "reopened", PULL),
    ("pull_request", "edited", PULL),
    ("pull_request_review", "submitted", REVIEW),
    ("pull_request_review", "dismissed", REVIEW),
    ("issue_comment", "created", COMMENT),
    ("issue_comment", "edited", COMMENT),
    ("check_run", "created", CHECK),
    ("push", "", PUSH),
    ("ping", "", &["zen", "hook_id", "hook.type", "hook.id", "hook.events", "sender.login"]),
    (
        "installation",
        "suspend",
        &["action", "installation.id", "installation.app_id", "installation.account.login", "sender.login"],
    ),
];
const PULL: &[&str] = &[
    "action",
    "number",
    "pull_request.id",
    "pull_request.number",
    "pull_request.state",
    "pull_request.title",
    "pull_request.merged",
    "pull_request.draft",
    "pull_request.head.ref",
    "pull_request.head.sha",
    "pull_request.head.repo.full_name",
    "pull_request.base.ref",
    "pull_request.base.sha",
    "pull_request.user.login",
    "pull_request.html_url",
    "repository.full_name",
    "sender.login",
    "sender.type",
];
const REVIEW: &[&str] = &[
    "action",
    "review.id",
    "review.state",
    "review.commit_id",
    "review.user.login",
    "review.submitted_at",
    "review.html_url",
    "pull_request.number",
    "pull_request.state",
    "pull_request.head.ref",
    "pull_request.head.sha",
    "pull_request.base.ref",
    "pull_request.user.login",
    "repository.full_name",
    "sender.login",
];
const COMMENT: &[&str] = &[
    "action",
    "issue.number",
    "issue.state",
    "issue.user.login",
    "comment.id",
    "comment.body",
    "comment.user.login",
    "comment.created_at",
    "repository.full_name",
    "sender.login",
];
const CHECK: &[&str] = &[
    "action",
    "check_run.id",
    "check_run.name",
    "check_run.head_sha",
    "check_run.status",
    "check_run.output.annotations_count",
    "repository.full_name",
    "sender.login",
];
const PUSH: &[&str] =
    &["ref", "before", "after", "created", "deleted", "forced", "pusher.name", "repository.full_name", "sender.login"];

#[tokio::test]
async fn payloads_have_the_shape_of_real_ones() {
    let Some(examples) = examples().await else {
        eprintln!("skipped: npm is not here, or {EXAMPLES} cannot be fetched");
        return;
    };
    let told = tell_everything().await;
    let mut wrong = Vec::new();
    for (event, action, fields) in READ {
        let is = |payload: &Value| action.is_empty() || payload["action"] == *action;
        let real: Vec<&Value> = examples
            .iter()
            .filter(|entry| entry["name"] == *event)
            .flat_map(|entry| entry["examples"].as_array().into_iter().flatten())
            .collect();
        assert!(!real.is_empty(), "no example of {event}");
        // Not every action has an example; the shape is the event's.
        let same: Vec<&Value> = real.iter().copied().filter(|payload| is(payload)).collect();
        let real = if same.is_empty() { real } else { same };
        let ours = told.iter().find(|(name, payload)| name == event && is(payload));
        let Some((_, ours)) = ours else {
            wrong.push(format!("{event} {action}: the fake does not tell it"));
            continue;
        };
        for field in *fields {
            let pointer = format!("/{}", field.replace('.', "/"));
            let kinds: BTreeSet<&str> = real.iter().filter_map(|one| one.pointer(&pointer)).map(kind).collect();
            let own = ours.pointer(&pointer).map(kind);
            if kinds.is_empty() || !own.is_some_and(|own| kinds.contains(own)) {
                wrong.push(format!("{event} {action}: {field} is {own:?}, really {kinds:?}"));
            }
        }
        let keys: BTreeSet<&String> =
            real.iter().filter_map(|one| one.as_object()).flat_map(|one| one.keys()).collect();
        for key in ours.as_object().into_iter().flat_map(|one| one.keys()) {
            let always = ["installation", "organization", "changes"].contains(&key.as_str());
            if !keys.contains(key) && !always {
                wrong.push(format!("{event} {action}: {key} is not in a real payload"));
            }
        }
    }
    assert!(wrong.is_empty(), "{}", wrong.join("\n"));
    // Examples with an App behind them are few: one is enough to hold the shape of `installation.id`.
    let with_app = examples
        .iter()
        .flat_map(|entry| entry["examples"].as_array().into_iter().flatten())
        .find_map(|payload| payload.pointer("/installation/id").map(kind));
    assert_eq!(with_app, told[0].1.pointer("/installation/id").map(kind));
}

fn kind(value: &Value) -> &'static str {
    match value {
        Value::Null => "null",
        Value::Bool(_) => "bool",
        Value::Number(_) => "number",
        Value::String(_) => "string",
        Value::Array(_) => "array",
        Value::Object(_) => "object",
    }
}

/// One of each event that the fake tells.
async fn tell_everything() -> Vec<(String, Value)> {
    let fake = FakeGitHub::start().await;
    let (url, got) = receiver().await;
    fake.webhook(&url, "secret");
    fake.push("bob-b", "b", "x", Some("1")).expect("a push");
    let number = fake.open_pull("bob-b", "b", "One").expect("a pull request");
    fake.act("bob-b", "PATCH", &format!("/pulls/{number}"), json!({"title": "Two"})).expect("a title");
    fake.push("bob-b", "b", "x", Some("2")).expect("a push");
    let review = fake.review("ccziz", number, "APPROVE", "yes").expect("a review");
    fake.dismiss("dora", number, review, "no").expect("it is dismissed");
    let comment = fake.comment("dora", number, "hm").expect("a comment");
    fake.act("dora", "PATCH", &format!("/issues/comments/{comment}"), json!({"body": "ah"})).expect("an edit");
    fake.close_pull("bob-b", number).expect("it closes");
    fake.reopen_pull("bob-b", number).expect("it opens");
    let head = fake.head("b").expect("a head");
    let run = json!({"name": "kaas", "head_sha": head});
    assert_eq!(installed(&fake).await.post("/check-runs", run).await.status, 201);
    fake.suspend(true);
    wait_for(&got, fake.deliveries().len()).await;
    fake.deliveries().into_iter().map(|delivery| (delivery.event, delivery.payload)).collect()
}

/// The real payloads, fetched once into the target folder.
async fn examples() -> Option<Vec<Value>> {
    let folder = Path::new(env!("CARGO_MANIFEST_DIR")).join("../../target/webhooks-examples");
    let index = folder.join("package/api.github.com/index.json");
    if !index.is_file() {
        let folder = folder.clone();
        tokio::task::spawn_blocking(move || fetch(&folder)).await.ok()??;
    }
    serde_json::from_slice(&std::fs::read(index).ok()?).ok()
}

#[expect(clippy::disallowed_methods, reason = "a test that fetches published payloads with npm")]
fn fetch(folder: &Path) -> Option<PathBuf> {
    std::fs::create_dir_all(folder).ok()?;
    let run = |program: &str, args: &[&str]| {
        let out = Command::new(program).args(args).current_dir(folder).stdin(Stdio::null()).output().ok()?;
        out.status.success().then(|| String::from_utf8_lossy(&out.stdout).trim().to_owned())
    };
    let packed = run("npm", &["pack", "--silent", EXAMPLES])?;
    run("tar", &["xzf", packed.lines().last()?])?;
    Some(folder.join("package"))
}
