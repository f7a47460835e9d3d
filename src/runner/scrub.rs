//! What must not be kept: the secret values that a run knows, taken out of every line before it is written or shown.

use secrecy::{ExposeSecret, SecretString};

/// Values shorter than this are not taken out: they would be found everywhere, and hide nothing.
const SECRET_MIN: usize = 6;

/// What stands where a secret stood.
pub const REDACTED: &str = "(redacted)";
