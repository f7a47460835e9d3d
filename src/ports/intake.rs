//! The intake: what reaches kaas over HTTP, such as webhooks. Whoever serves HTTP knows paths and sizes; what a delivery means, and whether it is
//! genuine, its adapter knows.

use async_trait::async_trait;

/// A request, as it came in: nothing of it is trusted.
#[derive(Debug, Clone)]
pub struct Delivery {
    /// Its path: `/webhook/github`.
    pub path: String,
    /// Its headers, names in lower case.
    pub headers: Vec<(String, String)>,
    /// Its body, byte for byte: what a signature is over.
    pub body: Vec<u8>,
}

impl Delivery {
    /// The value of a header, by its name in lower case; `None` where it is not there, or there twice.
    pub fn header(&self, name: &str) -> Option<&str> {
        let mut found = self.headers.iter().filter(|(known, _)| known == name).map(|(_, value)| value.as_str());
        let first = found.next()?;
        found.next().is_none().then_some(first)
    }
}

/// What is answered.
#[derive(Debug, Clone, PartialEq, Eq)]
pub struct Delivered {
    /// The HTTP status.
    pub status: u16,
    /// The answer's type: `application/json`.
    pub content_type: &'static str,
    /// The answer.
    pub body: String,
    /// What became of it, in a word, for the metrics: `taken`, `forged`, `stale`, `garbled`, `ignored`.
    pub verdict: &'static str,
}

impl Delivered {
    /// An answer of plain text.
    pub fn text(status: u16, verdict: &'static str, body: impl Into<String>) -> Self {
        Self { status, content_type: "text/plain; charset=utf-8", body: body.into(), verdict }
    }

    /// An answer of JSON.
    pub fn json(status: u16, verdict: &'static str, body: impl Into<String>) -> Self {
        Self { status, content_type: "application/json", body: body.into(), verdict }
    }
}

/// Whoever takes deliveries of one path.
#[async_trait]
pub trait Intake: Send + Sync {
    /// Checks that it is genuine, and takes it: durably, before it is answered.
    async fn deliver(&self, delivery: &Delivery) -> Delivered;
}

/// Where a forge's webhooks say that something may have changed. What did, kaas reads from the forge itself.
#[async_trait]
pub trait Hints: Send + Sync {
    /// Something may have changed about the pull request of this branch: `kaas/crucial-sandbox/42`. Branches that are not kaas' own are passed over.
    async fn branch(&self, branch: &str);
}

/// How an adapter is doing, for health checks.
pub trait Vital: Send + Sync {
    /// What it is: `slack`, `github`.
    fn name(&self) -> String;
    /// How long ago the other side was last heard of, in seconds; `None` if never.
    fn heard_seconds_ago(&self) -> Option<u64>;
    /// Whether it can do its work.
    fn is_ready(&self) -> bool;
}
