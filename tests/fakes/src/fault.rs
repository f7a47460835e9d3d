//! Trouble on demand: calls that fail, are slow, or whose answers are lost.

use std::time::Duration;

/// What goes wrong.
#[derive(Debug, Clone, Copy, PartialEq, Eq, serde::Serialize, serde::Deserialize)]
#[serde(rename_all = "snake_case")]
pub enum FaultKind {
    /// Nothing is done; the answer is this status with the platform's usual page or words: 500, 502, 503, 401.
    Status(u16),
    /// Nothing is done; 403 for too many calls in a short time, with `Retry-After` in seconds or without.
    Secondary(Option<u64>),
    /// Nothing is done; 429 for so many milliseconds, for this route alone or for everything.
    TooMany {
        /// How long to wait.
        wait_ms: u64,
        /// Whether everything has to wait.
        global: bool,
    },
    /// Nothing is done; the connection is dropped.
    Drop,
    /// The work is done; then the connection is dropped.
    LostDrop,
    /// The work is done; then the answer is this status instead: 502.
    LostStatus(u16),
}

/// The next calls of a method and a path go wrong.
#[derive(Debug, Clone, serde::Serialize, serde::Deserialize)]
pub struct Fault {
    /// `POST`; `*` for any.
    pub method: String,
    /// The path without the base path; `*` stands for anything: `/repos/acme/clusters/pulls*`.
    pub path: String,
    /// How many calls; `None` until it is taken back.
    pub times: Option<u32>,
    /// What goes wrong.
    pub kind: FaultKind,
}

/// All the trouble there is.
#[derive(Debug, Default)]
pub(crate) struct Faults {
    pub(crate) list: Vec<Fault>,
    pub(crate) down: Option<FaultKind>,
    pub(crate) latency: Duration,
}

impl Faults {
    /// What happens to this call, and counts it.
    pub(crate) fn take(&mut self, method: &str, path: &str) -> Option<FaultKind> {
        if self.down.is_some() {
            return self.down;
        }
        let fits = |fault: &Fault| {
            fault.times != Some(0)
                && (fault.method == "*" || fault.method.eq_ignore_ascii_case(method))
                && glob(&fault.path, path)
        };
        let fault = self.list.iter_mut().find(|fault| fits(fault))?;
        if let Some(times) = &mut fault.times {
            *times -= 1;
        }
        let kind = fault.kind;
        self.list.retain(|fault| fault.times != Some(0));
        Some(kind)
    }
}

fn glob(pattern: &str, text: &str) -> bool {
    let Some((start, rest)) = pattern.split_once('*') else { return pattern == text };
    let Some(text) = text.strip_prefix(start) else { return false };
    (0..=text.len()).filter(|at| text.is_char_boundary(*at)).any(|at| glob(rest, &text[at..]))
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn patterns_fit_as_people_expect() {
        for (pattern, text, fits) in [
            ("*", "/user", true),
            ("/user", "/user", true),
            ("/user", "/users", false),
            ("/repos/*/pulls", "/repos/acme/clusters/pulls", true),
            ("/repos/*/pulls", "/repos/acme/clusters/pulls/1", false),
            ("*/merge", "/repos/acme/clusters/pulls/1/merge", true),
            ("/repos/*/issues/*/comments", "/repos/a/b/issues/7/comments", true),
        ] {
            assert_eq!(glob(pattern, text), fits, "{pattern} and {text}");
        }
    }

    #[test]
    fn a_fault_is_over_after_its_times() {
        let mut faults = Faults::default();
        let kind = FaultKind::Status(502);
        faults.list.push(Fault { method: "POST".into(), path: "*".into(), times: Some(2), kind });
        let seen: Vec<bool> = (0..4).map(|_| faults.take("POST", "/a").is_some()).collect();
        assert_eq!(seen, [true, true, false, false]);
        assert!(faults.take("GET", "/a").is_none());
    }
}
