//! How Discord refuses: a status, a code, a sentence, and for a form what is wrong where.

use serde_json::{Map, Value, json};

/// What a call that is done answers.
#[derive(Debug, Clone)]
pub(crate) struct Done {
    pub(crate) status: u16,
    pub(crate) body: Value,
}

impl Done {
    /// 200 with a body.
    pub(crate) fn with(body: Value) -> Self {
        Self { status: 200, body }
    }

    /// 201 with a body.
    pub(crate) fn made(body: Value) -> Self {
        Self { status: 201, body }
    }

    /// 204.
    pub(crate) fn nothing() -> Self {
        Self { status: 204, body: Value::Null }
    }
}

/// What a refused call answers.
#[derive(Debug, Clone)]
pub(crate) struct Refusal {
    pub(crate) status: u16,
    pub(crate) code: u64,
    pub(crate) message: String,
    pub(crate) errors: Option<Value>,
    pub(crate) retry: Option<Retry>,
}

/// How long to wait, and for what.
#[derive(Debug, Clone, Copy)]
pub(crate) struct Retry {
    pub(crate) after_ms: u64,
    pub(crate) global: bool,
}

pub(crate) type Answer = Result<Done, Refusal>;

/// A refusal of this status, code and sentence.
pub(crate) fn refuse(status: u16, code: u64, message: &str) -> Refusal {
    Refusal { status, code, message: message.to_string(), errors: None, retry: None }
}

impl Refusal {
    pub(crate) fn limited(after_ms: u64, global: bool) -> Self {
        Self { retry: Some(Retry { after_ms, global }), ..refuse(429, 0, "You are being rate limited.") }
    }

    pub(crate) fn unauthorized() -> Self {
        refuse(401, 0, "401: Unauthorized")
    }

    pub(crate) fn not_found() -> Self {
        refuse(404, 0, "404: Not Found")
    }

    pub(crate) fn unknown(what: &str) -> Self {
        let code = match what {
            "Channel" => 10003,
            "Guild" => 10004,
            "Application" => 10002,
            "Member" => 10007,
            "Message" => 10008,
            "User" => 10013,
            "Emoji" => 10014,
            "Webhook" => 10015,
            "interaction" => 10062,
            "application command" => 10063,
            _ => 0,
        };
        refuse(404, code, &format!("Unknown {what}"))
    }

    pub(crate) fn no_access() -> Self {
        refuse(403, 50001, "Missing Access")
    }

    pub(crate) fn no_permission() -> Self {
        refuse(403, 50013, "Missing Permissions")
    }

    /// The body of the answer.
    pub(crate) fn body(&self) -> Value {
        let mut body = Map::new();
        body.insert("message".into(), json!(self.message));
        if let Some(retry) = self.retry {
            #[expect(clippy::cast_precision_loss, reason = "waits are short")]
            let seconds = retry.after_ms as f64 / 1000.0;
            body.insert("retry_after".into(), json!(seconds));
            body.insert("global".into(), json!(retry.global));
        }
        if self.retry.is_none() || self.code != 0 {
            body.insert("code".into(), json!(self.code));
        }
        if let Some(errors) = &self.errors {
            body.insert("errors".into(), errors.clone());
        }
        Value::Object(body)
    }
}

/// What is wrong with a form, and where.
#[derive(Debug, Default)]
pub(crate) struct Wrong {
    found: Vec<(Vec<String>, String, String)>,
}

impl Wrong {
    /// Notes that this is wrong there.
    pub(crate) fn add(&mut self, path: &[String], code: &str, message: impl Into<String>) {
        self.found.push((path.to_vec(), code.to_string(), message.into()));
    }

    /// The places and sentences, one a line, for people.
    pub(crate) fn lines(&self) -> Vec<String> {
        self.found.iter().map(|(path, code, message)| format!("{}: {code}: {message}", path.join("."))).collect()
    }

    /// A refusal in Discord's shape, if anything is wrong.
    pub(crate) fn finish(self) -> Result<(), Refusal> {
        if self.found.is_empty() {
            return Ok(());
        }
        let mut errors = json!({});
        for (path, code, message) in self.found {
            let mut at = &mut errors;
            for part in &path {
                at = &mut at[part.as_str()];
            }
            let wrong = json!({ "code": code, "message": message });
            match at["_errors"].as_array_mut() {
                Some(list) => list.push(wrong),
                None => at["_errors"] = json!([wrong]),
            }
        }
        Err(Refusal { errors: Some(errors), ..refuse(400, 50035, "Invalid Form Body") })
    }

    /// A refusal for one thing that is wrong.
    pub(crate) fn one(path: &[&str], code: &str, message: &str) -> Refusal {
        let mut wrong = Self::default();
        wrong.add(&path.iter().map(ToString::to_string).collect::<Vec<_>>(), code, message);
        match wrong.finish() {
            Err(refusal) => refusal,
            Ok(()) => refuse(400, 50035, "Invalid Form Body"),
        }
    }
}
