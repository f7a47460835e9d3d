//! Text out of values: the files that kaas writes, the pull request, the plan as people read it, and every sentence that kaas says.
//!
//! Nothing here does I/O, is async, reads a clock or draws a random number.

pub mod hcl;
pub mod markdown;
pub mod message;
pub mod module;
pub mod plan;
pub mod pull;
pub mod redact;
pub mod templates;

#[cfg(test)]
pub(crate) mod samples;

/// Bytes as lower-case hex.
fn hex(bytes: &[u8]) -> String {
    bytes.iter().flat_map(|b| [b >> 4, b & 15]).map(|d| char::from_digit(u32::from(d), 16).unwrap_or('0')).collect()
}
