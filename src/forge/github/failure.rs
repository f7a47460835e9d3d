//! How a call to GitHub fails, and what that means: later again, or a person has to change something.

use jiff::{SignedDuration, Timestamp};
use octocrab::Error;
use serde::Deserialize;

use crate::forge::names;
use crate::ports::Trouble;

/// How long kaas keeps silent when GitHub slows it down without saying for how long: what GitHub asks for in its documentation.
const WAIT_UNSAID: SignedDuration = SignedDuration::from_secs(60);
/// The longest wait that an answer may ask for: the primary limit is one of an hour.
const WAIT_MAX: SignedDuration = SignedDuration::from_secs(3600);
/// The longest piece of GitHub's own words that people are shown, in characters.
const WORDS_MAX: usize = 240;

/// One kind of call.
#[derive(Debug, PartialEq, Eq)]
pub(super) struct Endpoint {
    /// Its name, in metrics and in the log: `pulls/create`.
    pub name: &'static str,
    /// What it does, after "kaas may not": `open pull requests`.
    pub does: &'static str,
    /// The permission that it needs, as GitHub names it.
    pub needs: &'static str,
}

/// How a call failed.
#[derive(Debug, thiserror::Error)]
pub(super) enum Failure {
    /// GitHub said no.
    #[error("GitHub answered {status} to {}: {words}", endpoint.name)]
    Refused {
        endpoint: &'static Endpoint,
        status: u16,
        /// GitHub's own words, made fit to be shown.
        words: String,
        /// The permissions that would have done, where GitHub says so.
        accepted: Option<String>,
    },
    /// GitHub slows kaas down.
    #[error("GitHub limits {} for {} s: {words}", endpoint.name, wait.as_secs())]
    Limited { endpoint: &'static Endpoint, wait: SignedDuration, words: String },
    /// GitHub failed. It may have done the work.
    #[error("GitHub answered {status} to {}: {words}", endpoint.name)]
    Broken { endpoint: &'static Endpoint, write: bool, status: u16, words: String },
    /// No answer came, or only a part of one. GitHub may have done the work.
    #[error("no answer to {}", endpoint.name)]
    Silent {
        endpoint: &'static Endpoint,
        write: bool,
        #[source]
        source: anyhow::Error,
    },
    /// The answer is not what GitHub documents. It may have done the work.
    #[error("a strange answer to {}: {what}", endpoint.name)]
    Strange { endpoint: &'static Endpoint, write: bool, what: String },
}

/// What GitHub's errors look like.
#[derive(Debug, Default, Deserialize)]
struct Words {
    #[serde(default)]
    message: String,
    #[serde(default)]
    errors: serde_json::Value,
}

impl Failure {
    /// Reads an answer that is no success.
    pub fn of_answer(
        endpoint: &'static Endpoint,
        write: bool,
        status: u16,
        header: &dyn Fn(&str) -> Option<String>,
        body: &[u8],
        now: Timestamp,
    ) -> Self {
        let words = words_of(body);
        if let Some(wait) = limit(status, header, &words, now) {
            return Self::Limited { endpoint, wait, words };
        }
        match status {
            500.. => Self::Broken { endpoint, write, status, words },
            // Whoever followed all redirects and still is redirected asked nobody.
            ..400 => Self::Strange { endpoint, write, what: format!("status {status}") },
            _ => {
                Self::Refused { endpoint, status, words, accepted: header("x-accepted-github-permissions").map(shown) }
            }
        }
    }

    /// Reads what octocrab failed with: no answer, or no token.
    pub fn of_client(endpoint: &'static Endpoint, write: bool, error: Error, now: Timestamp) -> Self {
        match error {
            // Only the exchange of the App's key for a token comes this way: the call itself was not made.
            Error::GitHub { source, .. } => {
                let header = |name: &str| {
                    let value = source.headers.as_ref()?.get(name)?;
                    value.to_str().ok().map(str::to_owned)
                };
                let body = serde_json::json!({ "message": source.message }).to_string();
                Self::of_answer(&super::api::TOKEN, false, source.status_code.as_u16(), &header, body.as_bytes(), now)
            }
            Error::Json { .. } | Error::Serde { .. } | Error::InvalidUtf8 { .. } => {
                Self::Strange { endpoint, write, what: shown(error.to_string()) }
            }
            error => Self::Silent { endpoint, write, source: error.into() },
        }
    }

    /// Whether a write may have been done all the same: it has to be looked at before it is done again.
    pub fn is_uncertain(&self) -> bool {
        match self {
            Self::Broken { write, .. } | Self::Silent { write, .. } | Self::Strange { write, .. } => *write,
            Self::Refused { .. } | Self::Limited { .. } => false,
        }
    }

    /// Whether trying the same read again at once may help.
    pub fn is_hiccup(&self) -> bool {
        matches!(self, Self::Broken { .. } | Self::Silent { .. })
    }

    /// What could not be done, after "kaas may not".
    pub fn does(&self) -> &'static str {
        match self {
            Self::Refused { endpoint, .. }
            | Self::Limited { endpoint, .. }
            | Self::Broken { endpoint, .. }
            | Self::Silent { endpoint, .. }
            | Self::Strange { endpoint, .. } => endpoint.does,
        }
    }

    /// The status of a refusal.
    pub fn refused(&self) -> Option<(u16, &str)> {
        match self {
            Self::Refused { status, words, .. } => Some((*status, words)),
            _ => None,
        }
    }

    /// Whether what was to be made is there already, or what was to be changed is not there: somebody was faster.
    pub fn is_overtaken(&self) -> bool {
        self.refused().is_some_and(|(status, words)| {
            let words = words.to_lowercase();
            matches!(status, 409 | 422)
                && ["already exists", "does not exist", "cannot be updated"].iter().any(|known| words.contains(known))
        })
    }

    /// What a person has to change.
    pub fn remedy(&self) -> String {
        match self {
            Self::Limited { wait, .. } => format!("GitHub asks kaas to slow down for {} s", wait.as_secs()),
            Self::Broken { .. } | Self::Silent { .. } => "GitHub does not answer".to_owned(),
            Self::Strange { .. } => "GitHub's answer is not one of GitHub's: is api_url right?".to_owned(),
            Self::Refused { status: 401, .. } => {
                "GitHub does not accept kaas' credentials: check the App's id and private key, or the token".to_owned()
            }
            Self::Refused { endpoint, status: 403, words, accepted } => {
                let needs = accepted.as_deref().unwrap_or(endpoint.needs);
                format!("kaas may not {} in GitHub: it needs the permission {needs} ({words})", endpoint.does)
            }
            Self::Refused { endpoint, status: 404, .. } => format!(
                "kaas may not {} in GitHub: there is no such repository, or kaas' App or token has no access to it ({})",
                endpoint.does, endpoint.needs
            ),
            Self::Refused { endpoint, words, .. } => {
                format!("GitHub does not let kaas {}: {words}", endpoint.does)
            }
        }
    }
}

impl From<Failure> for Trouble {
    fn from(failure: Failure) -> Self {
        let line = failure.remedy();
        match &failure {
            Failure::Limited { wait, .. } => Self::Passing {
                line: "GitHub asks kaas to slow down".to_owned(),
                wait: Some(*wait),
                source: Some(failure.into()),
            },
            Failure::Broken { .. } | Failure::Silent { .. } | Failure::Strange { .. } => Self::passing(line, failure),
            Failure::Refused { .. } => Self::lasting(line, failure),
        }
    }
}

/// How long GitHub wants kaas to be silent, if that is what an answer says.
fn limit(status: u16, header: &dyn Fn(&str) -> Option<String>, words: &str, now: Timestamp) -> Option<SignedDuration> {
    if !matches!(status, 403 | 429) {
        return None;
    }
    let number = |name: &str| header(name).and_then(|value| value.trim().parse::<i64>().ok());
    let said = number("retry-after").map(SignedDuration::from_secs);
    let reset = (number("x-ratelimit-remaining") == Some(0)).then(|| number("x-ratelimit-reset")).flatten();
    let until = reset.map(|at| SignedDuration::from_secs(at.saturating_sub(now.as_second())));
    let unsaid = || {
        let words = words.to_lowercase();
        let named = words.contains("rate limit") || words.contains("abuse detection");
        (status == 429 || named).then_some(WAIT_UNSAID)
    };
    let wait = said.or(until).or_else(unsaid)?;
    Some(wait.clamp(SignedDuration::from_secs(1), WAIT_MAX))
}

/// GitHub's words in the body of an error, fit to be shown.
fn words_of(body: &[u8]) -> String {
    let words: Words = serde_json::from_slice(body).unwrap_or_default();
    let mut all = vec![words.message];
    for error in words.errors.as_array().into_iter().flatten() {
        let text = |key: &str| error[key].as_str().unwrap_or_default().to_owned();
        let said = error.as_str().map(str::to_owned).unwrap_or_else(|| text("message"));
        let code = [text("resource"), text("field"), text("code")].join(" ");
        all.push(if said.is_empty() { code } else { said });
    }
    let all: Vec<_> =
        all.iter().map(|part| part.trim().trim_end_matches('.')).filter(|part| !part.is_empty()).collect();
    if all.is_empty() { "without a word".to_owned() } else { shown(all.join("; ")) }
}

fn shown(text: impl AsRef<str>) -> String {
    names::tamed(text.as_ref(), WORDS_MAX)
}

#[cfg(test)]
mod tests {
    use super::*;

    const ENDPOINT: Endpoint =
        Endpoint { name: "pulls/create", does: "open pull requests", needs: "pull_requests=write" };

    fn of(status: u16, headers: &[(&str, &str)], body: &str) -> Trouble {
        static PULLS: Endpoint = ENDPOINT;
        let header = |name: &str| headers.iter().find(|(key, _)| *key == name).map(|(_, value)| (*value).to_owned());
        let now = Timestamp::from_second(1_000).expect("a time");
        Failure::of_answer(&PULLS, true, status, &header, body.as_bytes(), now).into()
    }

    fn waits(trouble: Trouble) -> Option<i64> {
        match trouble {
            Trouble::Passing { wait, .. } => wait.map(|wait| wait.as_secs()),
            other => panic!("not passing: {other:?}"),
        }
    }

    #[test]
    fn limits_are_passing_and_say_how_long() {
        let secondary = r#"{"message":"You have exceeded a secondary rate limit. Please wait."}"#;
        assert_eq!(waits(of(403, &[("retry-after", "17")], secondary)), Some(17));
        assert_eq!(waits(of(403, &[], secondary)), Some(60));
        assert_eq!(waits(of(429, &[], "")), Some(60));
        let primary = [("x-ratelimit-remaining", "0"), ("x-ratelimit-reset", "1090")];
        assert_eq!(waits(of(403, &primary, "{}")), Some(90));
        assert_eq!(waits(of(429, &[("retry-after", "99999999")], "")), Some(3600), "nobody silences kaas for a day");
        assert_eq!(waits(of(429, &[("retry-after", "-5")], "")), Some(1));
        assert_eq!(waits(of(502, &[], "<html>")), None);
    }

    #[test]
    fn refusals_name_the_remedy() {
        let line = |status, headers: &[(&str, &str)], body| match of(status, headers, body) {
            Trouble::Lasting { line, .. } => line,
            other => panic!("not lasting: {other:?}"),
        };
        let denied = r#"{"message":"Resource not accessible by integration"}"#;
        assert_eq!(
            line(403, &[("x-ratelimit-remaining", "4990")], denied),
            "kaas may not open pull requests in GitHub: it needs the permission pull_requests=write (Resource not accessible by integration)"
        );
        assert!(
            line(403, &[("x-accepted-github-permissions", "contents=write")], denied)
                .contains("permission contents=write")
        );
        assert!(line(401, &[], "{}").contains("credentials"));
        assert!(line(404, &[], "{}").contains("no access"));
        let invalid = r#"{"message":"Validation Failed","errors":[{"resource":"PullRequest","field":"base","code":"invalid"},"and\u202e that"]}"#;
        assert_eq!(
            line(422, &[], invalid),
            "GitHub does not let kaas open pull requests: Validation Failed; PullRequest base invalid; and that"
        );
    }
}
