//! What must not be kept: the secret values that a run knows, taken out of every line before it is written or shown.
//!
//! Values come from the environment that terraform is given and from what a plan marks as sensitive; how they are found in text is `render::redact`'s.

use std::collections::BTreeSet;

use secrecy::{ExposeSecret, SecretString};

use crate::render::redact::Redactor;

/// Values shorter than this are not taken out: they would be found everywhere, and hide nothing.
pub const SECRET_MIN: usize = 6;

/// The secret values of a run. Neither printed nor serialised.
#[derive(Clone, Default)]
pub struct Scrub {
    values: BTreeSet<String>,
    redactor: Redactor,
}

impl Scrub {
    /// Knows the values of an environment, but for those that plainly are no secret: addresses without credentials, numbers, words such as `true`.
    pub fn of_environment<'a>(environment: impl IntoIterator<Item = &'a (String, SecretString)>) -> Self {
        let mut scrub = Self::default();
        scrub.learn(environment.into_iter().map(|(_, value)| value.expose_secret()).filter(|value| !is_plain(value)));
        scrub
    }

    /// Learns more values.
    pub fn learn<'a>(&mut self, values: impl IntoIterator<Item = &'a str>) {
        let known = self.values.len();
        self.values.extend(values.into_iter().filter(|value| value.len() >= SECRET_MIN).map(str::to_owned));
        if self.values.len() > known {
            self.redactor = Redactor::new(self.values.iter().map(String::as_str));
        }
    }

    /// The line without the secrets.
    pub fn line(&self, line: &str) -> String {
        self.redactor.redact(line)
    }

    /// What takes them out of other text.
    pub fn redactor(&self) -> &Redactor {
        &self.redactor
    }
}

impl std::fmt::Debug for Scrub {
    fn fmt(&self, f: &mut std::fmt::Formatter<'_>) -> std::fmt::Result {
        write!(f, "Scrub({} values)", self.values.len())
    }
}

fn is_plain(value: &str) -> bool {
    let address = (value.starts_with("https://") || value.starts_with("http://")) && !value.contains(['@', '?']);
    address || value.parse::<f64>().is_ok() || matches!(value, "false" | "disabled" | "enabled")
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn secrets_go_in_every_form_and_plain_values_stay() {
        let environment: Vec<(String, SecretString)> = [
            ("RANCHER_URL", "https://rancher.example.org"),
            ("RANCHER_TOKEN_KEY", "token-abcde:topsecret"),
            ("KEY", "-----BEGIN KEY-----\nMIIEabcdefghijklmnopqrstuvwxyz0123456789\n-----END KEY-----"),
            ("ODD", "a<b\"c>d&e"),
            ("FLAG", "true"),
        ]
        .map(|(name, value)| (name.to_owned(), value.into()))
        .into();
        let scrub = Scrub::of_environment(&environment);
        let check = |line: &str, expect: &str| assert_eq!(scrub.line(line), expect);
        check("Get https://rancher.example.org: true", "Get https://rancher.example.org: true");
        check("401 for token-abcde:topsecret!", "401 for (redacted)!");
        check("the line MIIEabcdefghijklmnopqrstuvwxyz0123456789 alone", "the line (redacted) alone");
        check(r#"{"x":"a<b\"c>d&e"}"#, r#"{"x":"(redacted)"}"#);
        check(r#"{"x":"a\u003cb\"c\u003ed\u0026e"}"#, r#"{"x":"(redacted)"}"#);
        assert_eq!(format!("{scrub:?}").find("topsecret"), None);
    }
}
