//! A call as the handlers see it: who asks, for which path, with which query and body.

use crate::wire::decode;
use serde_json::Value;

use super::answer::{Answer, invalid, invalid_because, refused};
use super::auth::Actor;

/// The most characters of a body of a pull request, comment or review.
const BODY_MAX: usize = 65_536;

/// One call.
#[derive(Debug, Clone)]
pub(super) struct Ask {
    pub(super) method: String,
    /// The path's parts without the base path, decoded: `["repos", "acme", "clusters"]`.
    pub(super) parts: Vec<String>,
    /// The path with the repository by its number: `/repositories/1/pulls`.
    pub(super) numbered_path: String,
    pub(super) query: Vec<(String, String)>,
    pub(super) body: Value,
    pub(super) actor: Actor,
    /// Where the API is, for absolute links.
    pub(super) api_url: String,
}

impl Ask {
    /// A value of the query.
    pub(super) fn query(&self, name: &str) -> Option<&str> {
        self.query.iter().find(|(key, _)| key == name).map(|(_, value)| value.as_str())
    }

    /// A text of the body, if it is there.
    pub(super) fn text(&self, name: &str) -> Option<&str> {
        self.body.get(name).and_then(Value::as_str)
    }

    /// A text that must be there and not empty.
    pub(super) fn need(&self, resource: &str, name: &str) -> Result<String, Answer> {
        match self.body.get(name) {
            None | Some(Value::Null) => Err(invalid(resource, name, "missing_field")),
            Some(Value::String(text)) if text.trim().is_empty() => Err(invalid(resource, name, "missing_field")),
            Some(Value::String(text)) => Ok(text.clone()),
            Some(other) => {
                Err(refused(422, &format!("Invalid request.\n\nFor 'properties/{name}', {other} is not a string.")))
            }
        }
    }

    /// The list of texts, if it is there.
    pub(super) fn texts(&self, name: &str) -> Option<Vec<String>> {
        let list = self.body.get(name)?.as_array()?;
        Some(list.iter().filter_map(Value::as_str).map(str::to_owned).collect())
    }

    /// Refuses a text that is too long, by characters.
    pub(super) fn fits(resource: &str, text: &str) -> Result<(), Answer> {
        if text.chars().count() > BODY_MAX {
            let words = format!("body is too long (maximum is {BODY_MAX} characters)");
            return Err(invalid_because(resource, Some("body"), &words));
        }
        Ok(())
    }
}

/// The parts of a path, decoded.
pub(super) fn parts(path: &str) -> Vec<String> {
    path.split('/').filter(|part| !part.is_empty()).flat_map(|part| split(&decode(part, false))).collect()
}

// An encoded slash (`heads%2Fmain`) means the same as a plain one.
fn split(part: &str) -> Vec<String> {
    part.split('/').map(str::to_owned).collect()
}

/// Encodes what is not plain in a query.
pub(super) fn encode(text: &str) -> String {
    text.bytes()
        .map(|byte| match byte {
            b'A'..=b'Z' | b'a'..=b'z' | b'0'..=b'9' | b'-' | b'_' | b'.' | b'~' => char::from(byte).to_string(),
            _ => format!("%{byte:02X}"),
        })
        .collect()
}
