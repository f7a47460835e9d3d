//! What is wrong with a configuration: every finding with its place, the problem, and what would work.
//!
//! Nothing here quotes a value that could be a secret: callers pass on keys, kinds and harmless values only.

use std::collections::BTreeMap;
use std::fmt;

use serde::Serialize;

use crate::lifecycle::form::Invalid;

/// How bad a finding is.
#[derive(Debug, Clone, Copy, PartialEq, Eq, PartialOrd, Ord, Serialize)]
#[serde(rename_all = "lowercase")]
pub enum Severity {
    /// kaas does not start with it.
    Error,
    /// kaas starts, and somebody should look.
    Warning,
}

/// One thing that is wrong with a configuration.
#[derive(Debug, Clone, PartialEq, Eq, Serialize)]
pub struct Finding {
    /// How bad it is.
    pub severity: Severity,
    /// The key: `tenants.acme.classes.aws.sizes.small.workers`; empty where the whole file is meant.
    pub path: String,
    /// The line of the file, from 1, where it is known.
    pub line: Option<usize>,
    /// What is wrong.
    pub problem: String,
    /// What would work.
    pub hint: String,
}

impl fmt::Display for Finding {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        let place = if self.path.is_empty() { "the file" } else { &self.path };
        let line = self.line.map(|line| format!(" (line {line})")).unwrap_or_default();
        let word = if self.severity == Severity::Warning { "warning: " } else { "" };
        write!(f, "{place}{line}: {word}{}. {}", self.problem, self.hint)
    }
}

/// All that is wrong with a configuration, in the order of the file.
#[derive(Debug, Clone, Default, PartialEq, Eq)]
pub struct Findings(pub Vec<Finding>);

impl fmt::Display for Findings {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        let lines: Vec<String> = self.0.iter().map(ToString::to_string).collect();
        f.write_str(&lines.join("\n"))
    }
}

impl std::error::Error for Findings {}

impl Findings {
    /// How many findings are of that severity.
    pub fn count(&self, severity: Severity) -> usize {
        self.0.iter().filter(|f| f.severity == severity).count()
    }
}

/// Where the keys of a file stand.
#[derive(Debug, Default)]
pub(super) struct Spots {
    /// By path: the byte offset.
    offsets: BTreeMap<String, usize>,
    /// The offsets of all line breaks.
    breaks: Vec<usize>,
}

impl Spots {
    /// No keys yet, of this text.
    pub(super) fn of(text: &str) -> Self {
        let breaks = text.bytes().enumerate().filter(|(_, b)| *b == b'\n').map(|(offset, _)| offset).collect();
        Self { offsets: BTreeMap::new(), breaks }
    }

    /// Notes where a key stands.
    pub(super) fn note(&mut self, path: &str, offset: usize) {
        self.offsets.entry(path.to_owned()).or_insert(offset);
    }

    /// The place of a key in the order of the file.
    pub(super) fn offset(&self, path: &str) -> usize {
        self.offsets.get(path).copied().unwrap_or(usize::MAX)
    }

    /// The line of a byte offset, from 1.
    pub(super) fn line(&self, offset: usize) -> usize {
        self.breaks.partition_point(|b| *b < offset) + 1
    }

    /// The line of a key, or else of the table that it belongs to.
    fn line_of(&self, path: &str) -> Option<usize> {
        let mut path = path;
        loop {
            if let Some(offset) = self.offsets.get(path) {
                return Some(self.line(*offset));
            }
            path = path.rsplit_once('.')?.0;
        }
    }
}

/// Collects findings while a file is read.
#[derive(Debug, Default)]
pub(super) struct Report {
    findings: Vec<Finding>,
    /// Where the keys stand.
    pub(super) spots: Spots,
}

impl Report {
    /// Something that kaas does not start with.
    pub(super) fn error(&mut self, path: &str, problem: impl Into<String>, hint: impl Into<String>) {
        self.add(Severity::Error, path, problem.into(), hint.into());
    }

    /// Something that somebody should look at.
    pub(super) fn warning(&mut self, path: &str, problem: impl Into<String>, hint: impl Into<String>) {
        self.add(Severity::Warning, path, problem.into(), hint.into());
    }

    /// A value that a checked type refuses.
    pub(super) fn invalid(&mut self, path: &str, invalid: &Invalid) {
        self.error(path, invalid.problem.clone(), sentence(&invalid.hint));
    }

    /// A finding whose line is known already.
    pub(super) fn push(&mut self, finding: Finding) {
        self.findings.push(finding);
    }

    fn add(&mut self, severity: Severity, path: &str, problem: String, hint: String) {
        let line = self.spots.line_of(path);
        self.findings.push(Finding { severity, path: path.to_owned(), line, problem, hint });
    }

    /// How many errors there are so far.
    pub(super) fn errors(&self) -> usize {
        self.findings.iter().filter(|f| f.severity == Severity::Error).count()
    }

    /// Whether nothing is wrong with a key, nor with anything under it.
    pub(super) fn clean(&self, path: &str) -> bool {
        let under =
            |f: &&Finding| f.path.strip_prefix(path).is_some_and(|rest| rest.is_empty() || rest.starts_with('.'));
        !self.findings.iter().filter(|f| f.severity == Severity::Error).any(|f| under(&f))
    }

    /// All findings, in the order of the file.
    pub(super) fn finish(self) -> Findings {
        let mut findings = self.findings;
        findings.sort_by_key(|f| (f.line.unwrap_or(usize::MAX), f.severity));
        findings.dedup();
        Findings(findings)
    }
}

/// A hint as a sentence: "Takes …."
pub(super) fn sentence(hint: &str) -> String {
    let mut letters = hint.chars();
    let first: String = letters.next().map(|c| c.to_uppercase().collect()).unwrap_or_default();
    let stop = if hint.ends_with(['.', '?']) { "" } else { "." };
    format!("{first}{}{stop}", letters.as_str())
}

/// "Did you mean `small`? There is: small, medium, large."
pub(super) fn did_you_mean<'a>(typed: &str, known: impl IntoIterator<Item = &'a str>) -> String {
    let known: Vec<&str> = known.into_iter().collect();
    if known.is_empty() {
        return "There is none yet.".to_owned();
    }
    let far = (typed.chars().count() / 3).max(1);
    let near = known
        .iter()
        .map(|k| (strsim::damerau_levenshtein(typed, k), *k))
        .filter(|(distance, _)| *distance <= far)
        .min()
        .map(|(_, k)| format!("Did you mean {k}? "))
        .unwrap_or_default();
    format!("{near}There is: {}.", known.join(", "))
}

/// A table's key, put behind the path of the table.
pub(super) fn join(path: &str, key: &str) -> String {
    let bare = !key.is_empty() && key.bytes().all(|b| b.is_ascii_alphanumeric() || b == b'-' || b == b'_');
    let key = if bare { key.to_owned() } else { format!("{key:?}") };
    if path.is_empty() { key } else { format!("{path}.{key}") }
}
