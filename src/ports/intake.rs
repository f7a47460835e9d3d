//! The intake: what reaches kaas over HTTP, such as webhooks. Whoever serves HTTP knows paths and sizes; what a delivery means, and whether it is
//! genuine, its adapter knows.

use async_trait::async_trait;
use hmac::{Hmac, Mac};
use sha2::Sha256;

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

/// Whether `hex` is the HMAC-SHA256, in 64 hex digits, of the parts one after the other under that secret. Compared in constant time; an empty secret signs
/// nothing.
pub fn is_signed(secret: &[u8], parts: &[&[u8]], hex: &str) -> bool {
    let (Some(signature), false) = (unhex(hex), secret.is_empty()) else { return false };
    let Ok(mut mac) = <Hmac<Sha256> as Mac>::new_from_slice(secret) else { return false };
    parts.iter().for_each(|part| mac.update(part));
    mac.verify_slice(&signature).is_ok()
}

/// 32 bytes out of 64 hex digits.
fn unhex(text: &str) -> Option<[u8; 32]> {
    let digits = text.as_bytes();
    if digits.len() != 64 {
        return None;
    }
    let mut bytes = [0; 32];
    for (byte, pair) in bytes.iter_mut().zip(digits.chunks_exact(2)) {
        let digit = |b: u8| char::from(b).to_digit(16);
        *byte = u8::try_from(digit(pair[0])? * 16 + digit(pair[1])?).ok()?;
    }
    Some(bytes)
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

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn a_signature_is_exactly_64_hex_digits() {
        assert_eq!(unhex(&"0f".repeat(32)), Some([15; 32]));
        for wrong in ["", &"0f".repeat(31), &"0f".repeat(33), &"0g".repeat(32), &"+f".repeat(32), &"ä".repeat(32)] {
            assert_eq!(unhex(wrong), None, "{wrong}");
        }
    }

    /// The example that GitHub publishes.
    #[test]
    fn parts_are_signed_as_one_and_by_their_secret_alone() {
        let hex = "757107ea0eb2509fc211221cce984b8a37570b6d7586c22c46f4379c8b043e17";
        let secret = b"It's a Secret to Everybody";
        assert!(is_signed(secret, &[b"Hello, World!"], hex) && is_signed(secret, &[b"Hello, ", b"", b"World!"], hex));
        assert!(!is_signed(b"another", &[b"Hello, World!"], hex) && !is_signed(secret, &[b"Hello, World"], hex));
        assert!(!is_signed(b"", &[b"Hello, World!"], hex));
    }
}
