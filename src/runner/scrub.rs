//! What must not be kept: the secret values that a run knows, taken out of every line before it is written or shown.
//!
//! Values come from the environment that terraform is given and from what a plan marks as sensitive. Each is found as it is, as JSON and Go write it, and
//! line by line where it has several lines.

use std::borrow::Cow;
use std::collections::BTreeSet;

use secrecy::{ExposeSecret, SecretString};

/// Values shorter than this are not taken out: they would be found everywhere, and hide nothing.
pub const SECRET_MIN: usize = 6;

/// What stands where a secret stood.
pub const REDACTED: &str = "(redacted)";

/// The secret values of a run. Neither printed nor serialised.
#[derive(Clone, Default)]
pub struct Scrub {
    /// Longest first, so that no piece of a longer one is left over.
    values: Vec<String>,
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
        let mut all: BTreeSet<String> = std::mem::take(&mut self.values).into_iter().collect();
        for value in values {
            for form in std::iter::once(value).chain(value.lines()).map(str::trim) {
                if form.len() >= SECRET_MIN {
                    all.insert(form.to_owned());
                    let quoted = serde_json::Value::from(form).to_string();
                    all.insert(quoted[1..quoted.len() - 1].to_owned());
                    all.insert(
                        quoted[1..quoted.len() - 1]
                            .replace('<', "\\u003c")
                            .replace('>', "\\u003e")
                            .replace('&', "\\u0026"),
                    );
                }
            }
        }
        self.values = all.into_iter().collect();
        self.values.sort_by_key(|value| std::cmp::Reverse(value.len()));
    }

    /// The line without the secrets.
    pub fn line<'a>(&self, line: &'a str) -> Cow<'a, str> {
        let mut line = Cow::Borrowed(line);
        for value in &self.values {
            if line.contains(value.as_str()) {
                line = Cow::Owned(line.replace(value.as_str(), REDACTED));
            }
        }
        line
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
            ("KEY", "-----BEGIN KEY-----\nMIIEabcdef\n-----END KEY-----"),
            ("ODD", "a<b\"c>d&e"),
            ("FLAG", "true"),
        ]
        .map(|(name, value)| (name.to_owned(), value.into()))
        .into();
        let scrub = Scrub::of_environment(&environment);
        let check = |line: &str, expect: &str| assert_eq!(scrub.line(line), expect);
        check("Get https://rancher.example.org: true", "Get https://rancher.example.org: true");
        check("401 for token-abcde:topsecret!", "401 for (redacted)!");
        check("the line MIIEabcdef alone", "the line (redacted) alone");
        check(r#"{"x":"a<b\"c>d&e"}"#, r#"{"x":"(redacted)"}"#);
        check(r#"{"x":"a\u003cb\"c\u003ed\u0026e"}"#, r#"{"x":"(redacted)"}"#);
        assert_eq!(format!("{scrub:?}").find("topsecret"), None);
    }
}
