//! What GitHub says by itself: webhooks. They only tell kaas where to look at once, so that a forged, doubled, late or lost one changes nothing but when.
//!
//! The signature is over the body alone. Whoever replays a genuine body under a new delivery id makes kaas read a pull request once more, and no more
//! than that.

use std::collections::{BTreeSet, HashSet, VecDeque};
use std::sync::{Arc, Mutex, PoisonError};

use async_trait::async_trait;
use secrecy::{ExposeSecret, SecretString};
use serde::Deserialize;

use super::GitHub;
use super::look::PULL;
use super::shapes::{PullShape, Repo};
use crate::ports::{Delivered, Delivery, Hints, Intake, is_signed};

/// How many delivery ids are remembered.
const DELIVERIES_MAX: usize = 10_000;
/// The longest delivery id: GitHub's are GUIDs.
const ID_MAX: usize = 64;
/// How many branches may wait to be looked at; the sweep finds what is left out.
const WAITING_MAX: usize = 1_000;

/// What changes nothing about a pull request that kaas looks at. kaas causes most of it itself.
const NOISE: [&str; 12] = [
    "assigned",
    "unassigned",
    "labeled",
    "unlabeled",
    "review_requested",
    "review_request_removed",
    "milestoned",
    "demilestoned",
    "locked",
    "unlocked",
    "enqueued",
    "dequeued",
];

/// Takes GitHub's webhooks at `/webhook/github`.
pub struct Webhooks {
    github: Arc<GitHub>,
    secret: SecretString,
    hints: Arc<dyn Hints>,
    seen: Mutex<Seen>,
    /// Branches that somebody is about to look at.
    waiting: Arc<Mutex<BTreeSet<String>>>,
}

/// Delivery ids, oldest first.
#[derive(Default)]
struct Seen {
    known: HashSet<String>,
    order: VecDeque<String>,
}

impl Seen {
    /// `false` if it was there before.
    fn add(&mut self, id: &str) -> bool {
        if !self.known.insert(id.to_owned()) {
            return false;
        }
        self.order.push_back(id.to_owned());
        if self.order.len() > DELIVERIES_MAX
            && let Some(oldest) = self.order.pop_front()
        {
            self.known.remove(&oldest);
        }
        true
    }
}

/// A webhook's body, as far as kaas looks at it.
#[derive(Debug, Deserialize)]
struct Event {
    action: Option<String>,
    repository: Option<Repo>,
    #[serde(rename = "ref")]
    name: Option<String>,
    pull_request: Option<EventPull>,
    issue: Option<EventIssue>,
}

#[derive(Debug, Deserialize)]
struct EventPull {
    head: EventEnd,
}

#[derive(Debug, Deserialize)]
struct EventEnd {
    #[serde(rename = "ref")]
    name: String,
    repo: Option<Repo>,
}

#[derive(Debug, Deserialize)]
struct EventIssue {
    number: u64,
    /// There where the issue is a pull request.
    pull_request: Option<serde_json::Value>,
}

/// Where to look.
#[derive(Debug, PartialEq, Eq)]
enum Where {
    Base,
    Branch(String),
    Pull(u64),
}

impl GitHub {
    /// What takes the webhooks, and says what they hint at; `None` without a secret to prove them with.
    pub fn webhooks(self: &Arc<Self>, hints: Arc<dyn Hints>) -> Option<Webhooks> {
        let secret = self.webhook_secret.clone().filter(|secret| !secret.expose_secret().is_empty())?;
        Some(Webhooks { github: Arc::clone(self), secret, hints, seen: Mutex::default(), waiting: Arc::default() })
    }
}

#[async_trait]
impl Intake for Webhooks {
    async fn deliver(&self, delivery: &Delivery) -> Delivered {
        self.take(delivery)
    }
}

impl Webhooks {
    fn take(&self, delivery: &Delivery) -> Delivered {
        if !self.is_genuine(delivery) {
            return Delivered::text(401, "forged", "The signature does not fit.");
        }
        let (Some(event), Some(id)) = (delivery.header("x-github-event"), delivery.header("x-github-delivery")) else {
            return Delivered::text(400, "garbled", "X-GitHub-Event and X-GitHub-Delivery belong there, once each.");
        };
        if id.is_empty() || id.len() > ID_MAX || !id.bytes().all(|b| b.is_ascii_alphanumeric() || b == b'-') {
            return Delivered::text(400, "garbled", "X-GitHub-Delivery is no id.");
        }
        if !matches!(event, "ping" | "push" | "pull_request" | "pull_request_review" | "issue_comment") {
            return Delivered::text(202, "ignored", "kaas does not need this event.");
        }
        let Ok(body) = serde_json::from_slice::<Event>(&delivery.body) else {
            return Delivered::text(400, "garbled", "The body is not that of the event. kaas takes application/json.");
        };
        if !self.seen.lock().unwrap_or_else(PoisonError::into_inner).add(id) {
            return Delivered::text(202, "stale", "This delivery was here before.");
        }
        if event == "ping" {
            return Delivered::text(200, "taken", "pong");
        }
        match self.place(event, body) {
            Ok(Some(place)) => {
                self.hint(place);
                Delivered::text(202, "taken", "kaas looks.")
            }
            Ok(None) => Delivered::text(202, "ignored", "Nothing for kaas."),
            Err(missing) => Delivered::text(400, "garbled", format!("The body has no {missing}.")),
        }
    }

    /// Whether whoever sent it knows the secret. Compared in constant time.
    fn is_genuine(&self, delivery: &Delivery) -> bool {
        let signature = delivery.header("x-hub-signature-256").and_then(|value| value.strip_prefix("sha256="));
        let secret = self.secret.expose_secret().as_bytes();
        signature.is_some_and(|signature| is_signed(secret, &[&delivery.body], signature))
    }

    /// Where an event says that something may have changed.
    fn place(&self, event: &str, body: Event) -> Result<Option<Where>, &'static str> {
        let is_ours = |repo: &Repo| repo.full_name.eq_ignore_ascii_case(&self.github.full_name);
        if !is_ours(body.repository.as_ref().ok_or("repository")?) {
            return Ok(None);
        }
        match event {
            "push" => {
                let name = body.name.ok_or("ref")?;
                Ok(name.strip_prefix("refs/heads/").map(|branch| match branch == self.github.base {
                    true => Where::Base,
                    false => Where::Branch(branch.to_owned()),
                }))
            }
            "issue_comment" => {
                let issue = body.issue.ok_or("issue")?;
                Ok(issue.pull_request.is_some().then_some(Where::Pull(issue.number)))
            }
            _ => {
                let pull = body.pull_request.ok_or("pull_request")?;
                let noise = body.action.as_deref().is_some_and(|action| NOISE.contains(&action));
                // A fork's branch may bear the name of one of kaas'.
                let from_here = pull.head.repo.as_ref().is_some_and(is_ours);
                Ok((from_here && !noise).then_some(Where::Branch(pull.head.name)))
            }
        }
    }

    /// Hands the hint on after the answer, or follows it where it is about the base branch. A branch that already waits to be looked at need not wait twice.
    fn hint(&self, place: Where) {
        let key = format!("{place:?}");
        {
            let mut waiting = self.waiting.lock().unwrap_or_else(PoisonError::into_inner);
            if waiting.len() >= WAITING_MAX || !waiting.insert(key.clone()) {
                return;
            }
        }
        let (github, hints, waiting) = (Arc::clone(&self.github), Arc::clone(&self.hints), Arc::clone(&self.waiting));
        tokio::spawn(async move {
            tokio::task::yield_now().await;
            // From here on something new may have changed that this look does not see.
            waiting.lock().unwrap_or_else(PoisonError::into_inner).remove(&key);
            match place {
                Where::Base => github.base_moved().await,
                Where::Branch(branch) => hints.branch(&branch).await,
                Where::Pull(number) => {
                    if let Some(branch) = github.branch_of(number).await {
                        hints.branch(&branch).await;
                    }
                }
            }
        });
    }
}

impl GitHub {
    /// The branch of one of our pull requests.
    async fn branch_of(&self, number: u64) -> Option<String> {
        match self.api.find::<PullShape>(&PULL, &format!("pulls/{number}")).await {
            Ok(pull) => pull.filter(|pull| self.is_ours(pull)).map(|pull| pull.head.name),
            Err(failure) => {
                tracing::warn!(pull = number, github.failure = %failure, "a commented pull request could not be read; the sweep will look");
                None
            }
        }
    }
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn ids_are_remembered_and_the_oldest_forgotten() {
        let mut seen = Seen::default();
        assert!(seen.add("0") && !seen.add("0"));
        for n in 1..=DELIVERIES_MAX {
            assert!(seen.add(&n.to_string()));
        }
        assert_eq!((seen.known.len(), seen.order.len()), (DELIVERIES_MAX, DELIVERIES_MAX));
        assert!(!seen.add("5") && seen.add("0"));
    }
}
