//! Answers in GitHub's shapes: results, refusals, pages with absolute `Link` headers.

use serde_json::{Value, json};

use super::ask::Ask;

/// How many items a page has unless asked otherwise, and at most.
const PER_PAGE: usize = 30;
const PER_PAGE_MAX: usize = 100;

/// What is answered.
#[derive(Debug, Clone)]
pub(super) struct Answer {
    pub(super) status: u16,
    pub(super) headers: Vec<(String, String)>,
    pub(super) body: Option<Value>,
}

/// A result, or a refusal.
pub(super) type Handled = Result<Answer, Answer>;

impl Answer {
    pub(super) fn new(status: u16, body: Value) -> Self {
        Self { status, headers: Vec::new(), body: Some(body) }
    }

    pub(super) fn with(mut self, name: &str, value: impl ToString) -> Self {
        self.headers.push((name.to_owned(), value.to_string()));
        self
    }

    /// The first words of the body, for those who act by hand.
    pub(super) fn words(&self) -> String {
        self.body.as_ref().map(Value::to_string).unwrap_or_default()
    }
}

pub(super) fn ok(body: Value) -> Handled {
    Ok(Answer::new(200, body))
}

pub(super) fn created(body: Value) -> Handled {
    Ok(Answer::new(201, body))
}

pub(super) fn no_content() -> Handled {
    Ok(Answer { status: 204, headers: Vec::new(), body: None })
}

/// A refusal with a message alone.
pub(super) fn refused(status: u16, message: &str) -> Answer {
    Answer::new(
        status,
        json!({"message": message, "documentation_url": "https://docs.github.com/rest", "status": status.to_string()}),
    )
}

pub(super) fn not_found() -> Answer {
    refused(404, "Not Found")
}

/// 422 `Validation Failed` about one field. `code` is `missing_field`, `invalid`, `custom`, …
pub(super) fn invalid(resource: &str, field: &str, code: &str) -> Answer {
    failed(json!([{"resource": resource, "field": field, "code": code}]))
}

/// 422 `Validation Failed` with words.
pub(super) fn invalid_because(resource: &str, field: Option<&str>, message: &str) -> Answer {
    let mut error = json!({"resource": resource, "code": "custom", "message": message});
    if let Some(field) = field {
        error["field"] = json!(field);
    }
    failed(json!([error]))
}

fn failed(errors: Value) -> Answer {
    Answer::new(
        422,
        json!({"message": "Validation Failed", "errors": errors, "documentation_url": "https://docs.github.com/rest", "status": "422"}),
    )
}

/// One page of a list, with absolute links to the others, by the repository's number as GitHub writes them.
pub(super) fn page(ask: &Ask, items: Vec<Value>) -> Handled {
    let (part, link) = cut(ask, items);
    let answer = Answer::new(200, Value::Array(part));
    Ok(match link {
        Some(link) => answer.with("link", link),
        None => answer,
    })
}

/// One page of a list that lies in an object: `{"total_count": 3, "check_runs": […]}`.
pub(super) fn page_in(ask: &Ask, mut around: Value, key: &str, items: Vec<Value>) -> Handled {
    around["total_count"] = json!(items.len());
    let (part, link) = cut(ask, items);
    around[key] = Value::Array(part);
    let answer = Answer::new(200, around);
    Ok(match link {
        Some(link) => answer.with("link", link),
        None => answer,
    })
}

fn cut(ask: &Ask, items: Vec<Value>) -> (Vec<Value>, Option<String>) {
    let number = |name: &str| ask.query(name).and_then(|text| text.parse::<usize>().ok());
    let size = number("per_page").filter(|size| *size > 0).unwrap_or(PER_PAGE).min(PER_PAGE_MAX);
    let at = number("page").unwrap_or(1).max(1);
    let last = items.len().div_ceil(size).max(1);
    let to = |page: usize, rel: &str| {
        let mut query: Vec<String> = ask
            .query
            .iter()
            .filter(|(name, _)| name != "page")
            .map(|(name, value)| format!("{name}={}", super::ask::encode(value)))
            .collect();
        query.push(format!("page={page}"));
        format!("<{}{}?{}>; rel=\"{rel}\"", ask.api_url, ask.numbered_path, query.join("&"))
    };
    let mut links = Vec::new();
    if at > 1 {
        links.push(to(at - 1, "prev"));
    }
    if at < last {
        links.push(to(at + 1, "next"));
        links.push(to(last, "last"));
    }
    if at > 1 {
        links.push(to(1, "first"));
    }
    let part = items.into_iter().skip((at - 1) * size).take(size).collect();
    (part, (!links.is_empty()).then(|| links.join(", ")))
}
