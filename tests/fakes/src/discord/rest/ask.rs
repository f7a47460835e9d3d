//! What a call asks: its method, the parts of its path, its query, its JSON, and the files beside it.

use std::collections::BTreeMap;

use axum::extract::{FromRequest, Multipart, Request};
use axum::http::HeaderMap;
use serde_json::{Value, json};

use super::super::records::Id;
use super::super::refusal::{Refusal, Wrong, refuse};
use crate::wire::{decode, pairs};

/// The longest body, in bytes.
const BODY_BYTES: usize = 25 * 1024 * 1024;

/// The longest file, in bytes.
const FILE_BYTES: usize = 10 * 1024 * 1024;

/// A file as it came.
#[derive(Debug, Clone)]
pub(crate) struct Upload {
    pub(crate) name: String,
    pub(crate) content_type: String,
    pub(crate) content: Vec<u8>,
}

/// What a call asks.
#[derive(Debug, Clone)]
pub(crate) struct Ask {
    pub(crate) method: String,
    /// The path without `/api/v10`, without its query.
    pub(crate) path: String,
    /// The same with its query.
    pub(crate) whole: String,
    /// The parts of the path; for a route, those that stand for `{}`.
    pub(crate) parts: Vec<String>,
    pub(crate) query: Vec<(String, String)>,
    pub(crate) body: Value,
    pub(crate) files: BTreeMap<u64, Upload>,
}

impl Ask {
    /// The id at this place of the path.
    pub(crate) fn id(&self, at: usize) -> Id {
        self.parts.get(at).and_then(|part| part.parse().ok()).unwrap_or(Id(0))
    }

    /// What the query says.
    pub(crate) fn query(&self, name: &str) -> Option<&str> {
        self.query.iter().find(|(known, _)| known == name).map(|(_, value)| value.as_str())
    }

    /// A number of the query within its bounds.
    pub(crate) fn limit(&self, most: u64, default: u64) -> Result<usize, Refusal> {
        let Some(text) = self.query("limit") else { return Ok(usize::try_from(default).unwrap_or(usize::MAX)) };
        let wrong = |code: &str, message: String| Wrong::one(&["limit"], code, &message);
        let number: u64 =
            text.parse().map_err(|_| wrong("NUMBER_TYPE_COERCE", format!("Value \"{text}\" is not int.")))?;
        if number == 0 {
            return Err(wrong("NUMBER_TYPE_MIN", "int value should be greater than or equal to 1.".to_string()));
        }
        if number > most {
            return Err(wrong("NUMBER_TYPE_MAX", format!("int value should be less than or equal to {most}.")));
        }
        Ok(usize::try_from(number).unwrap_or(usize::MAX))
    }

    /// An id of the query.
    pub(crate) fn query_id(&self, name: &str) -> Result<Option<Id>, Refusal> {
        let Some(text) = self.query(name) else { return Ok(None) };
        let message = format!("Value \"{text}\" is not snowflake.");
        text.parse().map(Some).map_err(|_| Wrong::one(&[name], "NUMBER_TYPE_COERCE", &message))
    }
}

/// Reads a request whole.
pub(crate) async fn read(request: Request) -> Result<(Ask, HeaderMap), Refusal> {
    let headers = request.headers().clone();
    let method = request.method().as_str().to_string();
    let path = request.uri().path().strip_prefix("/api/v10").unwrap_or_default().to_string();
    let query = request.uri().query().unwrap_or_default().to_string();
    let whole = if query.is_empty() { path.clone() } else { format!("{path}?{query}") };
    let parts = path.split('/').skip(1).map(|part| decode(part, false)).collect();
    let content_type = headers.get("content-type").and_then(|value| value.to_str().ok()).unwrap_or_default();
    let (body, files) = if content_type.starts_with("multipart/form-data") {
        form(request).await?
    } else {
        let bytes = axum::body::to_bytes(request.into_body(), BODY_BYTES).await.map_err(|_| too_large())?;
        let body = match &*bytes {
            b"" => Value::Null,
            some if content_type.starts_with("application/json") => {
                serde_json::from_slice(some).map_err(|_| unreadable())?
            }
            _ => return Err(unreadable()),
        };
        (body, BTreeMap::new())
    };
    Ok((Ask { method, path, whole, parts, query: pairs(&query), body, files }, headers))
}

async fn form(request: Request) -> Result<(Value, BTreeMap<u64, Upload>), Refusal> {
    let mut parts = Multipart::from_request(request, &()).await.map_err(|_| unreadable())?;
    let (mut body, mut files) = (json!({}), BTreeMap::new());
    while let Some(part) = parts.next_field().await.map_err(|_| too_large())? {
        let name = part.name().unwrap_or_default().to_string();
        let file = part.file_name().map(ToString::to_string);
        let content_type = part.content_type().unwrap_or("application/octet-stream").to_string();
        let content = part.bytes().await.map_err(|_| too_large())?;
        if name == "payload_json" {
            body = serde_json::from_slice(&content).map_err(|_| unreadable())?;
            continue;
        }
        let number = name.strip_prefix("files[").and_then(|rest| rest.strip_suffix(']')?.parse().ok());
        let (Some(number), Some(file)) = (number, file) else {
            return Err(Wrong::one(&[&name], "UNKNOWN_PART", "Neither payload_json nor files[n] with a name."));
        };
        if content.len() > FILE_BYTES {
            return Err(too_large());
        }
        files.insert(number, Upload { name: file, content_type, content: content.to_vec() });
    }
    Ok((body, files))
}

fn unreadable() -> Refusal {
    refuse(400, 50109, "The request body contains invalid JSON.")
}

fn too_large() -> Refusal {
    refuse(413, 40005, "Request entity too large")
}
