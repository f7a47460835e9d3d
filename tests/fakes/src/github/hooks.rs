//! Webhooks: what is told, how it is signed, and how deliveries go wrong on demand. A failed delivery is not sent again by itself.

use std::sync::{Arc, Mutex};
use std::time::Duration;

use hmac::{Hmac, Mac as _};
use serde_json::{Value, json};
use sha2::Sha256;
use tokio::sync::mpsc::UnboundedReceiver;

use super::world::World;

/// How long GitHub waits for the receiver.
const RECEIVER_TIMEOUT: Duration = Duration::from_secs(10);

/// How long an event is held back for another one to overtake it.
const OVERTAKE_WAIT: Duration = Duration::from_millis(300);

/// How deliveries go wrong.
#[derive(Debug, Clone, Default, serde::Serialize, serde::Deserialize)]
#[serde(default)]
pub struct DeliveryMode {
    /// Each is sent twice, with the same id.
    pub doubled: bool,
    /// Each is sent this much later, in milliseconds.
    pub late_ms: u64,
    /// Each second one overtakes the one before.
    pub shuffled: bool,
    /// None is sent.
    pub lost: bool,
    /// The signature is wrong.
    pub forged: bool,
}

/// A delivery and what became of it.
#[derive(Debug, Clone, serde::Serialize)]
pub struct Delivery {
    /// `X-GitHub-Delivery`, which a redelivery keeps.
    pub guid: String,
    /// `pull_request`, `push`, …
    pub event: String,
    /// What is told.
    pub payload: Value,
    /// The receiver's status of each attempt; 0 where it did not answer.
    pub statuses: Vec<u16>,
}

/// The configured webhook.
#[derive(Debug, Default)]
pub(super) struct Hooks {
    pub(super) url: Option<String>,
    pub(super) secret: String,
    pub(super) mode: DeliveryMode,
    pub(super) deliveries: Vec<Delivery>,
}

/// One request that is to be sent.
#[derive(Debug, Clone)]
pub(super) struct Job {
    guid: String,
    event: String,
    url: String,
    body: Vec<u8>,
    signature: String,
    copies: u32,
    delay: Duration,
    shuffled: bool,
}

/// `sha256=…` over the bytes.
pub fn sign(secret: &str, body: &[u8]) -> String {
    let mac = Hmac::<Sha256>::new_from_slice(secret.as_bytes());
    let bytes = mac.map(|mac| mac.chain_update(body).finalize().into_bytes()).unwrap_or_default();
    let hex: String = bytes.iter().map(|byte| format!("{byte:02x}")).collect();
    format!("sha256={hex}")
}

impl World {
    /// Tells an event. Nothing happens where no webhook is configured.
    pub(super) fn tell(&mut self, event: &str, by: &str, mut payload: Value) {
        if self.hooks.url.is_none() {
            return;
        }
        // What is told about the installation itself is not about a repository.
        if event != "installation" {
            let orgs = format!("{}/orgs/{}", self.api_url, self.owner);
            payload["repository"] = self.repository();
            payload["organization"] = json!({"login": self.owner, "id": 1, "node_id": "O_1", "url": orgs});
            let node = super::views::node("I", self.app.installation);
            payload["installation"] = json!({"id": self.app.installation, "node_id": node});
        }
        payload["sender"] = self.user(by);
        let delivery = Delivery { guid: guid(), event: event.to_owned(), payload, statuses: Vec::new() };
        self.hooks.deliveries.push(delivery.clone());
        self.send(&delivery);
    }

    /// Sends a delivery again, with the same id.
    pub(super) fn redeliver(&mut self, guid: &str) -> bool {
        let Some(delivery) = self.hooks.deliveries.iter().find(|delivery| delivery.guid == guid).cloned() else {
            return false;
        };
        self.send(&delivery);
        true
    }

    fn send(&mut self, delivery: &Delivery) {
        let Some(url) = self.hooks.url.clone() else { return };
        let mode = &self.hooks.mode;
        if mode.lost {
            return;
        }
        let body = delivery.payload.to_string().into_bytes();
        let secret = if mode.forged { "not the secret" } else { self.hooks.secret.as_str() };
        let job = Job {
            guid: delivery.guid.clone(),
            event: delivery.event.clone(),
            url,
            signature: sign(secret, &body),
            body,
            copies: if mode.doubled { 2 } else { 1 },
            delay: Duration::from_millis(mode.late_ms),
            shuffled: mode.shuffled,
        };
        // The receiver is gone only when the fake itself is going.
        let _ = self.sender.send(job);
    }

    pub(super) fn tell_ping(&mut self) {
        let by = self.owner.clone();
        let hook = json!({
            "type": "App", "id": 77, "name": "web", "active": true, "app_id": self.app.id,
            "events": ["pull_request", "pull_request_review", "push", "issue_comment"],
            "config": {"content_type": "json", "insecure_ssl": "0", "url": self.hooks.url, "secret": "********"},
        });
        self.tell("ping", &by, json!({"zen": "Speak like a human.", "hook_id": 77, "hook": hook}));
    }

    pub(super) fn tell_push(&mut self, by: &str, reference: &str, old: Option<&str>, new: Option<&str>) {
        if self.hooks.url.is_none() {
            return;
        }
        let zero = "0".repeat(40);
        let (before, after) = (old.unwrap_or(&zero), new.unwrap_or(&zero));
        let page = self.repo_page();
        let forced = old.zip(new).is_some_and(|(old, new)| !self.git.is_ancestor(old, new));
        let shown = |sha: &str| {
            let commit = self.git.commit(sha).ok()?;
            Some(json!({
                "id": sha, "tree_id": commit.tree, "distinct": true, "message": commit.message,
                "timestamp": super::clock::stamp(commit.committer.at), "url": format!("{page}/commit/{sha}"),
                "author": {"name": commit.author.name, "email": commit.author.email},
                "committer": {"name": commit.committer.name, "email": commit.committer.email},
                "added": [], "removed": [], "modified": [],
            }))
        };
        let fresh = old.zip(new).and_then(|(old, new)| self.git.between(old, new).ok()).unwrap_or_default();
        let commits: Vec<Value> = fresh.iter().rev().filter_map(|sha| shown(sha)).collect();
        let payload = json!({
            "ref": reference, "before": before, "after": after, "base_ref": null, "created": old.is_none(),
            "deleted": new.is_none(), "forced": forced, "compare": format!("{page}/compare/{before}...{after}"),
            "commits": commits, "head_commit": new.and_then(shown),
            "pusher": {"name": by, "email": format!("{by}@users.noreply.github.example")},
        });
        self.tell("push", by, payload);
    }

    pub(super) fn tell_pull(&mut self, by: &str, number: u64, action: &str, more: Value) {
        let Some(pull) = self.pulls.get(&number).filter(|_| self.hooks.url.is_some()) else { return };
        let mut payload = json!({"action": action, "number": number, "pull_request": self.pull_full(pull)});
        for (key, value) in more.as_object().into_iter().flatten() {
            payload[key] = value.clone();
        }
        self.tell("pull_request", by, payload);
    }

    pub(super) fn tell_review(&mut self, by: &str, number: u64, id: u64, action: &str) {
        let Some(pull) = self.pulls.get(&number) else { return };
        let Some(review) = pull.reviews.iter().find(|review| review.id == id) else { return };
        let mut shown = self.review(number, review);
        // Webhooks write the state small, REST writes it large.
        shown["state"] = json!(review.state.to_ascii_lowercase());
        let payload = json!({"action": action, "review": shown, "pull_request": self.pull_brief(pull)});
        self.tell("pull_request_review", by, payload);
    }

    pub(super) fn tell_comment(&mut self, by: &str, number: u64, id: u64, action: &str, more: Value) {
        let Some(pull) = self.pulls.get(&number) else { return };
        let Some(comment) = pull.comments.iter().find(|comment| comment.id == id) else { return };
        let mut payload =
            json!({"action": action, "issue": self.issue(pull), "comment": self.comment(number, comment)});
        for (key, value) in more.as_object().into_iter().flatten() {
            payload[key] = value.clone();
        }
        self.tell("issue_comment", by, payload);
    }
}

/// Sends what is to be sent, one after another, until the fake is gone.
pub(super) async fn deliver(world: Arc<Mutex<World>>, mut jobs: UnboundedReceiver<Job>) {
    crate::tls();
    let Ok(client) = reqwest::Client::builder().timeout(RECEIVER_TIMEOUT).no_proxy().build() else { return };
    while let Some(job) = jobs.recv().await {
        let mut round = vec![job];
        if round[0].shuffled
            && let Ok(Some(next)) = tokio::time::timeout(OVERTAKE_WAIT, jobs.recv()).await
        {
            round.insert(0, next);
        }
        for job in round {
            if job.delay.is_zero() {
                send(&client, &world, &job).await;
            } else {
                let (client, world) = (client.clone(), world.clone());
                tokio::spawn(async move {
                    tokio::time::sleep(job.delay).await;
                    send(&client, &world, &job).await;
                });
            }
        }
    }
}

async fn send(client: &reqwest::Client, world: &Mutex<World>, job: &Job) {
    for _ in 0..job.copies {
        let sent = client
            .post(&job.url)
            .header("Content-Type", "application/json")
            .header("User-Agent", "GitHub-Hookshot/kaas-fakes")
            .header("X-GitHub-Event", &job.event)
            .header("X-GitHub-Delivery", &job.guid)
            .header("X-GitHub-Hook-ID", "77")
            .header("X-GitHub-Hook-Installation-Target-Type", "integration")
            .header("X-Hub-Signature-256", &job.signature)
            .body(job.body.clone())
            .send()
            .await;
        let status = sent.map_or(0, |answer| answer.status().as_u16());
        let mut world = super::lock(world);
        if let Some(delivery) = world.hooks.deliveries.iter_mut().find(|delivery| delivery.guid == job.guid) {
            delivery.statuses.push(status);
        }
    }
}

fn guid() -> String {
    let part = |digits: usize| (0..digits).map(|_| format!("{:x}", fastrand::u8(..16))).collect::<String>();
    format!("{}-{}-{}-{}-{}", part(8), part(4), part(4), part(4), part(12))
}
