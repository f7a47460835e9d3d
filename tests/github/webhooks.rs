//! Webhooks: genuine ones are hints, everything else is turned away and counted.

use std::sync::{Arc, Mutex};
use std::time::Duration;

use async_trait::async_trait;
use kaas::forge::github::Webhooks;
use kaas::ports::{Delivered, Delivery, Forge as _, Hints, Intake as _};
use kaas_fakes::github::{DeliveryMode, sign};
use serde_json::{Value, json};

use crate::desk::{As, BRANCH, Desk, SECRET, call, soon, wanted};

/// Hears hints.
#[derive(Default)]
struct Heard(Mutex<Vec<String>>);

#[async_trait]
impl Hints for Heard {
    async fn branch(&self, branch: &str) {
        self.0.lock().expect("no panic").push(branch.to_owned());
    }
}

impl Heard {
    fn all(&self) -> Vec<String> {
        self.0.lock().expect("no panic").clone()
    }

    /// Waits until so many were heard, and a little longer.
    async fn hears(&self, count: usize) -> Vec<String> {
        for _ in 0..400 {
            if self.all().len() >= count {
                break;
            }
            tokio::time::sleep(Duration::from_millis(10)).await;
        }
        tokio::time::sleep(Duration::from_millis(30)).await;
        self.all()
    }
}

struct Post {
    desk: Desk,
    heard: Arc<Heard>,
    webhooks: Webhooks,
}

impl Post {
    async fn new() -> Self {
        let (desk, heard) = (Desk::new().await, Arc::new(Heard::default()));
        let webhooks = desk.github.webhooks(heard.clone()).expect("a secret");
        Self { desk, heard, webhooks }
    }

    async fn takes(&self, delivery: &Delivery) -> (u16, &'static str) {
        let Delivered { status, verdict, .. } = self.webhooks.deliver(delivery).await;
        (status, verdict)
    }
}

fn delivery(event: &str, id: &str, body: &[u8]) -> Delivery {
    let header = |name: &str, value: &str| (name.to_owned(), value.to_owned());
    Delivery {
        path: "/webhook/github".to_owned(),
        headers: vec![
            header("content-type", "application/json"),
            header("x-github-event", event),
            header("x-github-delivery", id),
            header("x-hub-signature-256", &sign(SECRET, body)),
        ],
        body: body.to_vec(),
    }
}

fn signed(event: &str, id: &str, body: &Value) -> Delivery {
    delivery(event, id, body.to_string().as_bytes())
}

fn with(mut delivery: Delivery, name: &str, value: &str) -> Delivery {
    delivery.headers.retain(|(known, _)| known != name);
    delivery.headers.push((name.to_owned(), value.to_owned()));
    delivery
}

fn without(mut delivery: Delivery, name: &str) -> Delivery {
    delivery.headers.retain(|(known, _)| known != name);
    delivery
}

fn push(branch: &str) -> Value {
    json!({ "ref": format!("refs/heads/{branch}"), "after": "0", "repository": { "full_name": "acme/clusters" } })
}

fn pull(action: &str, branch: &str, from: &str) -> Value {
    json!({
        "action": action,
        "number": 1,
        "pull_request": { "head": { "ref": branch, "sha": "0", "repo": { "full_name": from } } },
        "repository": { "full_name": "Acme/Clusters" },
    })
}

#[tokio::test]
async fn genuine_ones_are_hints() {
    let post = Post::new().await;
    assert_eq!(post.takes(&signed("push", "a-1", &push(BRANCH))).await, (202, "taken"));
    assert_eq!(post.heard.hears(1).await, [BRANCH]);
    for (n, action) in ["opened", "synchronize", "closed", "reopened", "an-action-of-next-year"].iter().enumerate() {
        let body = pull(action, BRANCH, "acme/clusters");
        assert_eq!(post.takes(&signed("pull_request", &format!("b-{n}"), &body)).await, (202, "taken"));
        assert_eq!(post.heard.hears(n + 2).await.len(), n + 2, "{action}");
    }
    for (n, action) in ["submitted", "dismissed", "edited"].iter().enumerate() {
        let body = pull(action, BRANCH, "acme/clusters");
        assert_eq!(post.takes(&signed("pull_request_review", &format!("c-{n}"), &body)).await, (202, "taken"));
        assert_eq!(post.heard.hears(n + 7).await.len(), n + 7, "{action}");
    }
    assert_eq!(post.takes(&signed("ping", "d-1", &json!({ "zen": "x" }))).await, (200, "taken"));
}

#[tokio::test]
async fn a_comment_leads_to_the_branch_of_its_pull_request() {
    let post = Post::new().await;
    let number = soon(post.desk.github.open(&call(1), &wanted())).await.expect("opened").number;
    let body =
        |issue: Value| json!({ "action": "created", "issue": issue, "repository": { "full_name": "acme/clusters" } });
    let on_pull = body(json!({ "number": number, "pull_request": {} }));
    assert_eq!(post.takes(&signed("issue_comment", "a-1", &on_pull)).await, (202, "taken"));
    assert_eq!(post.heard.hears(1).await, [BRANCH]);
    assert_eq!(post.takes(&signed("issue_comment", "a-2", &body(json!({ "number": 1 })))).await, (202, "ignored"));
    let unknown = body(json!({ "number": 4711, "pull_request": {} }));
    assert_eq!(post.takes(&signed("issue_comment", "a-3", &unknown)).await, (202, "taken"));
    assert_eq!(post.heard.hears(2).await.len(), 1);
}

#[tokio::test]
async fn what_is_forged_garbled_or_replayed_changes_nothing() {
    let post = Post::new().await;
    let good = || signed("push", "good-1", &push(BRANCH));
    let body = push(BRANCH).to_string();
    let hex = |of: &[u8]| sign(SECRET, of).trim_start_matches("sha256=").to_owned();
    let mut two = good();
    two.headers.push(("x-hub-signature-256".to_owned(), sign(SECRET, body.as_bytes())));
    let mut both = with(good(), "x-hub-signature-256", &sign("not the secret", body.as_bytes()));
    both.headers.push(("x-hub-signature-256".to_owned(), sign(SECRET, body.as_bytes())));
    let mut longer = good();
    longer.body.push(b' ');
    let mut other = good();
    other.body = push("kaas/other/1").to_string().into_bytes();
    let mut empty = good();
    empty.body.clear();
    let forged = [
        ("no signature", without(good(), "x-hub-signature-256")),
        ("another secret", with(good(), "x-hub-signature-256", &sign("not the secret", body.as_bytes()))),
        ("an empty secret", with(good(), "x-hub-signature-256", &sign("", body.as_bytes()))),
        ("two signatures", two),
        ("a wrong and a right one", both),
        ("no scheme", with(good(), "x-hub-signature-256", &hex(body.as_bytes()))),
        ("sha1", with(without(good(), "x-hub-signature-256"), "x-hub-signature", "sha1=00")),
        ("another scheme", with(good(), "x-hub-signature-256", &format!("sha1={}", hex(body.as_bytes())))),
        ("half of it", with(good(), "x-hub-signature-256", &sign(SECRET, body.as_bytes())[..39])),
        ("more than it", with(good(), "x-hub-signature-256", &format!("{}00", sign(SECRET, body.as_bytes())))),
        ("no hex", with(good(), "x-hub-signature-256", &format!("sha256={}", "zz".repeat(32)))),
        ("empty", with(good(), "x-hub-signature-256", "")),
        ("zeroes", with(good(), "x-hub-signature-256", &format!("sha256={}", "00".repeat(32)))),
        ("one byte more in the body", longer),
        ("the body of another", other),
        ("no body", empty),
    ];
    for (what, delivery) in &forged {
        assert_eq!(post.takes(delivery).await, (401, "forged"), "{what}");
    }
    let mut twice = good();
    twice.headers.push(("x-github-delivery".to_owned(), "good-2".to_owned()));
    let garbled = [
        ("no event", without(good(), "x-github-event")),
        ("no id", without(good(), "x-github-delivery")),
        ("two ids", twice),
        ("an empty id", with(good(), "x-github-delivery", "")),
        ("an endless id", with(good(), "x-github-delivery", &"a".repeat(65))),
        ("an odd id", with(good(), "x-github-delivery", "a\nb")),
        ("no JSON", delivery("push", "g-1", b"payload=%7B%7D")),
        ("cut off", delivery("push", "g-2", &body.as_bytes()[..body.len() - 1])),
        ("no UTF-8", delivery("push", "g-3", b"{\"ref\": \"\xff\"}")),
        ("a list", delivery("push", "g-4", b"[]")),
        ("deeper than anybody reads", delivery("push", "g-5", "[".repeat(100_000).as_bytes())),
        ("no repository", signed("push", "g-6", &json!({ "ref": "refs/heads/x" }))),
        ("no ref", signed("push", "g-7", &json!({ "repository": { "full_name": "acme/clusters" } }))),
        ("no pull request", signed("pull_request", "g-8", &push(BRANCH))),
        ("no issue", signed("issue_comment", "g-9", &push(BRANCH))),
        (
            "numbers for names",
            signed("push", "g-10", &json!({ "ref": 7, "repository": { "full_name": "acme/clusters" } })),
        ),
    ];
    for (what, delivery) in &garbled {
        assert_eq!(post.takes(delivery).await, (400, "garbled"), "{what}");
    }
    let ignored = [
        ("an unknown event", signed("sponsorship", "i-1", &json!({}))),
        ("an unknown event without JSON", delivery("check_run", "i-2", b"hello")),
        (
            "another repository",
            signed("push", "i-3", &json!({ "ref": "refs/heads/x", "repository": { "full_name": "acme/other" } })),
        ),
        (
            "a tag",
            signed("push", "i-4", &json!({ "ref": "refs/tags/x", "repository": { "full_name": "acme/clusters" } })),
        ),
        (
            "a fork's branch of the same name",
            signed("pull_request", "i-5", &pull("opened", BRANCH, "mallory/clusters")),
        ),
        ("a label", signed("pull_request", "i-6", &pull("labeled", BRANCH, "acme/clusters"))),
        (
            "a deleted fork",
            signed(
                "pull_request",
                "i-7",
                &json!({ "action": "opened", "pull_request": { "head": { "ref": BRANCH, "repo": null } }, "repository": { "full_name": "acme/clusters" } }),
            ),
        ),
    ];
    for (what, delivery) in &ignored {
        assert_eq!(post.takes(delivery).await, (202, "ignored"), "{what}");
    }
    assert!(post.heard.hears(1).await.is_empty(), "{:?}", post.heard.all());
    // What was forged under its id does not stand in the way of the genuine one.
    assert_eq!(post.takes(&good()).await, (202, "taken"));
    assert_eq!(post.takes(&good()).await, (202, "stale"));
    assert_eq!(post.takes(&good()).await, (202, "stale"));
    assert_eq!(post.heard.hears(2).await, [BRANCH]);
}

#[tokio::test(flavor = "multi_thread", worker_threads = 2)]
async fn a_push_to_main_is_fetched_before_somebody_asks() {
    let post = Post::new().await;
    let desk = &post.desk;
    soon(desk.github.mirror()).await.expect("fetched");
    let new = desk.fake.push("adm1n", "main", "modules/m/main.tf", Some("# newer\n")).expect("pushed");
    assert_ne!(soon(desk.github.mirror()).await.expect("there").base.as_str(), new, "it was read a moment ago");
    let fetches = || desk.count("POST", "git-upload-pack");
    let before = fetches();
    assert_eq!(post.takes(&signed("push", "m-1", &push("main"))).await, (202, "taken"));
    for _ in 0..400 {
        if fetches() > before {
            break;
        }
        tokio::time::sleep(Duration::from_millis(10)).await;
    }
    let mirror = soon(desk.github.mirror()).await.expect("fetched");
    assert_eq!((mirror.base.as_str(), fetches()), (new.as_str(), before * 2), "fetched once, as the first time");
    assert!(post.heard.all().is_empty(), "no cluster is meant");
}

#[tokio::test]
async fn githubs_own_signing_vector_is_genuine() {
    let post = Post::new().await;
    let mut vector = delivery("sponsorship", "v-1", b"Hello, World!");
    let signature = "sha256=757107ea0eb2509fc211221cce984b8a37570b6d7586c22c46f4379c8b043e17";
    vector = with(vector, "x-hub-signature-256", signature);
    assert_eq!(post.takes(&vector).await, (202, "ignored"), "genuine, and not for kaas");
    vector.body = b"Hello, World?".to_vec();
    assert_eq!(post.takes(&vector).await, (401, "forged"));
}

#[tokio::test]
async fn without_a_secret_no_webhook_is_taken() {
    for secret in [None, Some(String::new())] {
        let desk = Desk::with(As::App, |settings| settings.webhook_secret = secret.clone().map(Into::into)).await;
        assert!(desk.github.webhooks(Arc::new(Heard::default())).is_none());
    }
}

#[tokio::test]
async fn a_burst_for_one_branch_is_one_look() {
    let post = Post::new().await;
    // On one thread nothing is looked at before all have been taken.
    for n in 0..50 {
        assert_eq!(post.takes(&signed("push", &format!("p-{n}"), &push(BRANCH))).await, (202, "taken"));
    }
    assert_eq!(post.heard.hears(1).await, [BRANCH]);
}

/// Serves the webhooks over HTTP, as `kaas serve` does.
async fn serve(webhooks: Webhooks) -> String {
    use axum::http::{HeaderMap, HeaderName, HeaderValue, StatusCode};
    let webhooks = Arc::new(webhooks);
    let take = move |headers: HeaderMap, body: axum::body::Bytes| {
        let webhooks = webhooks.clone();
        async move {
            let header = |(name, value): (&HeaderName, &HeaderValue)| {
                (name.as_str().to_owned(), value.to_str().unwrap_or_default().to_owned())
            };
            let delivery = Delivery {
                path: "/webhook/github".to_owned(),
                headers: headers.iter().map(header).collect(),
                body: body.to_vec(),
            };
            let delivered = webhooks.deliver(&delivery).await;
            (StatusCode::from_u16(delivered.status).expect("a status"), delivered.body)
        }
    };
    let router = axum::Router::new().route("/webhook/github", axum::routing::post(take));
    let listener = tokio::net::TcpListener::bind("127.0.0.1:0").await.expect("a port");
    let url = format!("http://{}/webhook/github", listener.local_addr().expect("an address"));
    tokio::spawn(async move { axum::serve(listener, router).await });
    url
}

#[tokio::test(flavor = "multi_thread", worker_threads = 2)]
async fn what_github_really_sends_is_understood() {
    let Post { desk, heard, webhooks } = Post::new().await;
    desk.fake.webhook(&serve(webhooks).await, SECRET);
    desk.fake.deliver(DeliveryMode { doubled: true, shuffled: true, ..DeliveryMode::default() });
    let pull = soon(desk.github.open(&call(1), &wanted())).await.expect("opened");
    desk.fake.push("dora", BRANCH, "clusters/crucial-sandbox/main.tf", Some("x")).expect("pushed");
    desk.fake.review("bob-b", pull.number, "APPROVE", "").expect("reviewed");
    desk.fake.comment("dora", pull.number, "hello").expect("commented");
    desk.fake.close_pull("dora", pull.number).expect("closed");
    // The ping came before deliveries were doubled.
    let copies = |event: &str| if event == "ping" { 1 } else { 2 };
    let settled = || {
        let all = desk.fake.deliveries();
        all.len() >= 8 && all.iter().all(|delivery| delivery.statuses.len() == copies(&delivery.event))
    };
    for _ in 0..500 {
        if settled() {
            break;
        }
        tokio::time::sleep(Duration::from_millis(10)).await;
    }
    let all = desk.fake.deliveries();
    assert!(settled(), "{:?}", all.iter().map(|d| (&d.event, &d.statuses)).collect::<Vec<_>>());
    for delivery in &all {
        let expected: &[u16] = if delivery.event == "ping" { &[200] } else { &[202, 202] };
        assert_eq!(delivery.statuses, expected, "{}", delivery.event);
    }
    let hints = heard.hears(3).await;
    assert!(hints.len() >= 3 && hints.iter().all(|branch| branch == BRANCH), "{hints:?}");
    // Forged ones are refused on the wire as well.
    desk.fake.deliver(DeliveryMode { forged: true, ..DeliveryMode::default() });
    let before = heard.all().len();
    desk.fake.comment("dora", pull.number, "again").expect("commented");
    for _ in 0..200 {
        if desk.fake.deliveries().last().is_some_and(|delivery| !delivery.statuses.is_empty()) {
            break;
        }
        tokio::time::sleep(Duration::from_millis(10)).await;
    }
    assert_eq!(desk.fake.deliveries().last().expect("one").statuses, [401]);
    assert_eq!(heard.hears(before).await.len(), before);
}
