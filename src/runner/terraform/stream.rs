//! What terraform says while it works: the lines of its `-json` stream, and the boxed errors of commands that have none.

use std::collections::BTreeMap;

use serde::Deserialize;

use crate::ports::Progress;

/// The most errors of one run that are kept.
const ERRORS_MAX: usize = 20;

/// An error that terraform reported.
#[derive(Debug, Clone, Default, PartialEq, Eq, Deserialize)]
pub struct Diagnostic {
    /// `error` or `warning`.
    #[serde(default)]
    pub severity: String,
    /// What went wrong, in one sentence.
    #[serde(default)]
    pub summary: String,
    /// More words, possibly many.
    #[serde(default)]
    pub detail: String,
    /// The resource that it is about.
    #[serde(default)]
    pub address: Option<String>,
}

/// What was learnt from a run's lines so far.
#[derive(Debug, Default)]
pub struct Heard {
    /// The errors, in the order in which they came.
    pub errors: Vec<Diagnostic>,
    /// The plan's summary came by, which is said once the plan file is written.
    pub summary: bool,
    /// The outputs that an apply told: those that are strings and not sensitive.
    pub outputs: Option<Vec<(String, String)>>,
    /// How many resources were planned, read again or finished.
    planned: u32,
    refreshed: u32,
    finished: u32,
    /// The last line that was no JSON: what a wrapper or a crash says.
    pub last_words: Option<String>,
    /// The error box that is being read.
    boxed: Option<Diagnostic>,
}

#[derive(Deserialize)]
struct Message {
    #[serde(rename = "@message", default)]
    text: String,
    #[serde(rename = "@level", default)]
    level: String,
    #[serde(rename = "type", default)]
    kind: String,
    diagnostic: Option<Diagnostic>,
    hook: Option<Hook>,
    changes: Option<Changes>,
    outputs: Option<BTreeMap<String, Output>>,
}

#[derive(Deserialize)]
struct Hook {
    resource: Resource,
    #[serde(default)]
    action: String,
    #[serde(default)]
    elapsed_seconds: f64,
}

#[derive(Deserialize)]
struct Resource {
    #[serde(default)]
    addr: String,
}

#[derive(Deserialize)]
struct Changes {
    #[serde(default)]
    operation: String,
}

/// An output, as `apply -json` and `output -json` tell it.
#[derive(Deserialize)]
pub struct Output {
    #[serde(default)]
    sensitive: bool,
    #[serde(default)]
    value: serde_json::Value,
}

/// The outputs that are strings and not sensitive.
pub fn plain_outputs(outputs: BTreeMap<String, Output>) -> Vec<(String, String)> {
    let plain = |(name, output): (String, Output)| match output.value {
        serde_json::Value::String(value) if !output.sensitive => Some((name, value)),
        _ => None,
    };
    outputs.into_iter().filter_map(plain).collect()
}

/// What one line means for those who look on: what the log says, and how far the run is.
#[derive(Debug, Default, PartialEq, Eq)]
pub struct Line {
    /// For the log.
    pub text: String,
    /// For the card.
    pub progress: Option<Progress>,
}

impl Heard {
    /// Hears one line of a `-json` stream. `total` is how many resources an apply is to touch.
    pub fn json(&mut self, line: &str, total: Option<u32>) -> Line {
        let Ok(message) = serde_json::from_str::<Message>(line) else {
            self.plain(line);
            return Line { text: line.to_owned(), progress: None };
        };
        let mut text = format!("[{}] {}", message.level, message.text);
        if let Some(diagnostic) = message.diagnostic {
            if let Some(address) = &diagnostic.address {
                text.push_str(&format!(" (at {address})"));
            }
            if !diagnostic.detail.is_empty() {
                text.push('\n');
                text.push_str(&diagnostic.detail);
            }
            if diagnostic.severity == "error" {
                self.add(diagnostic);
            }
        }
        let addr = message.hook.as_ref().map_or("", |hook| hook.resource.addr.as_str());
        let progress = match message.kind.as_str() {
            "refresh_complete" => {
                self.refreshed += 1;
                Some(planning(format!("{} read again", count(self.refreshed, "resource"))))
            }
            "planned_change" => {
                self.planned += 1;
                Some(planning(format!("{} to change", count(self.planned, "resource"))))
            }
            "change_summary" => {
                self.summary |= message.changes.is_some_and(|changes| changes.operation == "plan");
                None
            }
            "outputs" => {
                if let Some(outputs) = message.outputs {
                    self.outputs = Some(plain_outputs(outputs));
                }
                None
            }
            "apply_start" | "apply_progress" => message.hook.as_ref().map(|hook| {
                let doing = match hook.action.as_str() {
                    "create" => "making",
                    "delete" => "destroying",
                    "update" => "changing",
                    _ => "working on",
                };
                self.applying(total, format!("{doing} {addr}{}", elapsed(hook.elapsed_seconds)))
            }),
            "apply_complete" => {
                self.finished += 1;
                Some(self.applying(total, format!("{addr} is done")))
            }
            _ => None,
        };
        Line { text, progress }
    }

    /// Hears one line of a command that speaks to people.
    pub fn plain(&mut self, line: &str) {
        let line = line.trim_start_matches(['│', '╷', '╵', ' ']).trim_end();
        if let Some(summary) = line.strip_prefix("Error: ") {
            self.close();
            self.boxed = Some(Diagnostic { severity: "error".into(), summary: summary.into(), ..Default::default() });
        } else if let Some(open) = &mut self.boxed {
            if open.detail.len() < 16 * 1024 {
                open.detail.push_str(line);
                open.detail.push('\n');
            }
            if let Some(address) = line.strip_prefix("with ").and_then(|rest| rest.strip_suffix(',')) {
                open.address = Some(address.to_owned());
            }
        } else if !line.is_empty() {
            self.last_words = Some(line.chars().take(300).collect());
        }
    }

    /// Ends the error box that is being read.
    pub fn close(&mut self) {
        if let Some(mut open) = self.boxed.take() {
            open.detail = open.detail.trim().to_owned();
            self.add(open);
        }
    }

    fn add(&mut self, error: Diagnostic) {
        if self.errors.len() < ERRORS_MAX {
            self.errors.push(error);
        }
    }

    fn applying(&self, total: Option<u32>, detail: String) -> Progress {
        let done = total.map(|total| (self.finished.min(total), total));
        Progress { step: "applying", done, detail: Some(detail) }
    }
}

fn planning(detail: String) -> Progress {
    Progress { step: "planning", done: None, detail: Some(detail) }
}

fn count(number: u32, noun: &str) -> String {
    format!("{number} {noun}{}", if number == 1 { "" } else { "s" })
}

fn elapsed(seconds: f64) -> String {
    match seconds as u64 {
        0 => String::new(),
        s @ 1..60 => format!(" ({s}s)"),
        s => format!(" ({}m{:02}s)", s / 60, s % 60),
    }
}

#[cfg(test)]
mod tests {
    use super::*;

    fn apply_line(kind: &str, seconds: u32) -> String {
        format!(
            r#"{{"@level":"info","@message":"m","type":"{kind}","hook":{{"resource":{{"addr":"terraform_data.a"}},"action":"create","elapsed_seconds":{seconds}}}}}"#
        )
    }

    #[test]
    fn progress_counts_what_is_done_of_what_was_planned() {
        let mut heard = Heard::default();
        let mut say = |line: &str| heard.json(line, Some(2)).progress.map(|p| (p.done, p.detail.unwrap()));
        assert_eq!(say(&apply_line("apply_start", 0)), Some((Some((0, 2)), "making terraform_data.a".into())));
        assert_eq!(
            say(&apply_line("apply_progress", 130)),
            Some((Some((0, 2)), "making terraform_data.a (2m10s)".into()))
        );
        assert_eq!(say(&apply_line("apply_complete", 131)), Some((Some((1, 2)), "terraform_data.a is done".into())));
        assert_eq!(say("garbage"), None);
        assert_eq!(say("{}"), None);
        assert_eq!(say("{\"type\":\"apply_start\"}"), None);
    }

    #[test]
    fn errors_are_kept_and_warnings_are_not() {
        let mut heard = Heard::default();
        for severity in ["warning", "error"] {
            let line = format!(
                r#"{{"@level":"{severity}","@message":"Error: x","type":"diagnostic","diagnostic":{{"severity":"{severity}","summary":"x","detail":"long\nstory","address":"a.b"}}}}"#
            );
            assert_eq!(heard.json(&line, None).text, format!("[{severity}] Error: x (at a.b)\nlong\nstory"));
        }
        assert_eq!(heard.errors.len(), 1);
        assert_eq!(heard.errors[0].address.as_deref(), Some("a.b"));
    }

    #[test]
    fn boxes_are_read_like_errors() {
        let mut heard = Heard::default();
        for line in "Initializing...\n╷\n│ Error: Module not installed\n│ \n│   with module.x,\n│   on main.tf line 1:\n│ not there\n╵\n\nError: Second\n\nmore".lines() {
            heard.plain(line);
        }
        heard.close();
        assert_eq!(heard.errors.len(), 2);
        assert_eq!(heard.errors[0].summary, "Module not installed");
        assert_eq!(heard.errors[0].address.as_deref(), Some("module.x"));
        assert_eq!((heard.errors[1].summary.as_str(), heard.errors[1].detail.as_str()), ("Second", "more"));
        assert_eq!(heard.last_words.as_deref(), Some("Initializing..."));
    }

    #[test]
    fn only_plain_strings_are_told_as_outputs() {
        let line = r#"{"type":"outputs","outputs":{"id":{"sensitive":false,"type":"string","value":"c-1"},"k":{"sensitive":true,"value":"s3cret"},"n":{"value":3}}}"#;
        let mut heard = Heard::default();
        heard.json(line, None);
        assert_eq!(heard.outputs, Some(vec![("id".to_owned(), "c-1".to_owned())]));
    }
}
