//! How Rancher fails, out of five error shapes, plain text, web pages and silence; and what that means for kaas.
//!
//! The status is that of the HTTP line; bodies are optional and their `status` may be a number or a text. What is said to people never holds the token.

use jiff::SignedDuration;
use serde_json::Value;

use crate::ports::Trouble;

/// The most of Rancher's words that is repeated to people, in characters.
const WORDS_MAX: usize = 300;

/// A request that did not get what it asked for.
#[derive(Debug, thiserror::Error)]
pub(super) enum Failure {
    /// Rancher, or something in front of it, answered with another status than success.
    #[error("{method} {path} was answered with {status} {} {message}", code.as_deref().unwrap_or("(no code)"))]
    Status {
        method: &'static str,
        path: String,
        status: u16,
        /// `NotFound`, where the body told one.
        code: Option<String>,
        message: String,
        /// How long to wait, where the answer told.
        wait: Option<SignedDuration>,
    },
    /// There was no answer.
    #[error("{method} {path} was not answered")]
    Silence {
        method: &'static str,
        path: String,
        #[source]
        source: reqwest::Error,
    },
    /// The answer was a success, but not what Rancher would say.
    #[error("{method} {path} was answered with {what}")]
    Strange { method: &'static str, path: String, what: String },
}

/// Kubernetes-like codes that a body may carry, whichever of the five shapes it has.
pub(super) fn words_of(body: &[u8]) -> (Option<String>, String) {
    let Ok(value) = serde_json::from_slice::<Value>(body) else {
        let text = String::from_utf8_lossy(body);
        let page = text.trim_start().get(..1) == Some("<");
        return (None, if page { "a web page".to_owned() } else { shown(&text) });
    };
    let text = |key: &str| value.get(key).and_then(Value::as_str);
    // Norman and Steve: `code` is a text. The cluster router: `Code.Code`. Kubernetes: `reason`, for its `code` is a number.
    let code = text("code").or_else(|| value["Code"]["Code"].as_str()).or_else(|| text("reason"));
    let message = text("message").or_else(|| text("Message")).filter(|words| !words.trim().is_empty());
    // Norman may name the field alone.
    let field = || text("fieldName").or_else(|| text("FieldName")).filter(|field| !field.is_empty());
    let message = message.map(shown).or_else(|| field().map(|field| format!("the field {}", shown(field))));
    (code.map(str::to_owned), message.unwrap_or_default())
}

/// Rancher's words, fit to be repeated: one line of bounded length.
pub(super) fn shown(text: &str) -> String {
    let clean: String = text.chars().map(|c| if c.is_control() { ' ' } else { c }).collect();
    let line = clean.split_whitespace().collect::<Vec<_>>().join(" ");
    match line.char_indices().nth(WORDS_MAX) {
        Some((end, _)) => format!("{}…", &line[..end]),
        None => line,
    }
}

impl Failure {
    /// Whether Rancher says that there is no such object. A 404 without these words only says that the token may not see its kind.
    pub fn is_not_found(&self) -> bool {
        matches!(self, Self::Status { status: 404, code: Some(code), .. } if code == "NotFound")
    }

    /// The status, where there was one.
    pub fn status(&self) -> Option<u16> {
        match self {
            Self::Status { status, .. } => Some(*status),
            Self::Silence { .. } | Self::Strange { .. } => None,
        }
    }

    /// Whether asking the same again at once makes sense: nothing answered, or only what stands in front of Rancher.
    pub fn is_fleeting(&self) -> bool {
        match self {
            Self::Status { status, .. } => matches!(status, 502..=504),
            Self::Silence { source, .. } => source.is_connect() && !untrusted(source),
            Self::Strange { .. } => false,
        }
    }

    /// Whether the webhook says, with a 401, that one may not use a cloud credential.
    fn is_denied_credential(&self) -> bool {
        matches!(self, Self::Status { status: 401, message, .. } if message.contains("denied the request: Unauthorized"))
    }

    /// Whether the object was changed since it was read, or is there already.
    pub fn is_conflict(&self) -> bool {
        self.status() == Some(409)
    }

    /// Whether the token may not do this, or may not see that there is such a thing.
    pub fn is_hidden(&self) -> bool {
        !self.is_dead_token() && !self.is_not_found() && matches!(self.status(), Some(401 | 403 | 404 | 405 | 422))
    }

    /// Whether the token itself is refused, and not what was asked with it.
    fn is_dead_token(&self) -> bool {
        match self {
            Self::Status { status: 401, message, .. } => !message.contains("denied the request"),
            Self::Status { status: 403, message, .. } => {
                message.contains("system:unauthenticated") || message.contains("system:cattle:error")
            }
            _ => false,
        }
    }
}

/// Whether the other side's certificate is the problem.
fn untrusted(fault: &reqwest::Error) -> bool {
    let chain = std::iter::successors(Some(fault as &dyn std::error::Error), |fault| fault.source());
    chain.map(ToString::to_string).any(|text| text.contains("certificate") || text.contains("UnknownIssuer"))
}

impl From<Failure> for Trouble {
    fn from(failure: Failure) -> Self {
        if failure.is_dead_token() {
            let line = "Rancher refuses kaas' token: it is wrong or has expired, or its user is disabled. An operator has to give kaas a new one.";
            return Self::lasting(line, failure);
        }
        if failure.is_denied_credential() {
            let line = "Rancher does not let kaas use this cloud credential: an operator has to give kaas' user the right to read it.";
            return Self::lasting(line, failure);
        }
        match &failure {
            Failure::Silence { source, .. } if untrusted(source) => Self::lasting(
                "Rancher's certificate is not trusted: an operator has to give kaas the CA that signed it.",
                failure,
            ),
            Failure::Silence { .. } => Self::passing("Rancher does not answer.", failure),
            Failure::Strange { .. } => Self::lasting(
                "What answers at Rancher's address is not Rancher: an operator has to check the address.",
                failure,
            ),
            Failure::Status { status: now @ (429 | 500 | 502..=504), wait, .. } => Self::Passing {
                line: format!("Rancher has trouble of its own (it answers {now})."),
                wait: *wait,
                source: Some(failure.into()),
            },
            Failure::Status { status: 300..=399, .. } => {
                Self::lasting("Rancher's address leads elsewhere: an operator has to configure the final one.", failure)
            }
            Failure::Status { status: 401 | 403, message, .. } => Self::lasting(
                format!(
                    "Rancher does not let kaas do this: \"{message}\". An operator has to look at the rights of kaas' user."
                ),
                failure,
            ),
            Failure::Status { status: 404, code: None, .. } => Self::lasting(
                "Rancher hides this from kaas (404 without a word): an operator has to look at the rights of kaas' user.",
                failure,
            ),
            Failure::Status { status, message, .. } => {
                Self::lasting(format!("Rancher refuses this ({status}): \"{message}\"."), failure)
            }
        }
    }
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn all_five_shapes_of_error_are_understood() {
        let shapes: [(&str, Option<&str>, &str); 10] = [
            (
                r#"{"baseType":"error","type":"error","code":"MissingRequired","fieldName":"clusterId","message":"","status":422}"#,
                Some("MissingRequired"),
                "the field clusterId",
            ),
            (
                r#"{"code":"PermissionDenied","status":403,"type":"error","baseType":"error"}"#,
                Some("PermissionDenied"),
                "",
            ),
            (
                r#"{"baseType":"error","type":"error","code":"NotFound","message":"x not found","status":404}"#,
                Some("NotFound"),
                "x not found",
            ),
            (r#"{"type":"error","status":"401","message":"must authenticate"}"#, None, "must authenticate"),
            (r#"{"type":"error","code":"NotFound","message":"y","status":404}"#, Some("NotFound"), "y"),
            (
                r#"{"Code":{"Code":"NotFound","Status":404},"Message":"No cluster available","Cause":null,"FieldName":""}"#,
                Some("NotFound"),
                "No cluster available",
            ),
            (
                r#"{"kind":"Status","apiVersion":"v1","status":"Failure","reason":"Forbidden","code":403,"message":"z"}"#,
                Some("Forbidden"),
                "z",
            ),
            ("API Aggregation not ready\n", None, "API Aggregation not ready"),
            ("<html><body>502</body></html>", None, "a web page"),
            ("", None, ""),
        ];
        for (body, code, message) in shapes {
            assert_eq!(words_of(body.as_bytes()), (code.map(str::to_owned), message.to_owned()), "{body}");
        }
    }

    #[test]
    fn words_are_one_line_of_bounded_length() {
        assert_eq!(shown("a\n\u{1b}[31m b"), "a [31m b");
        assert_eq!(shown(&"ä".repeat(1000)).chars().count(), WORDS_MAX + 1);
    }
}
