//! What terraform's failure means: one neutral line for people, whether it may pass by itself, and the whole redacted chain for the log.

use anyhow::anyhow;

use super::stream::Diagnostic;
use crate::ports::Trouble;
use crate::runner::scrub::Scrub;

/// The longest line that people are shown.
const LINE_MAX: usize = 300;

/// Words (lower case) of errors that may pass by themselves: the other side is away, slow, busy or limiting.
const PASSING: &[&str] = &[
    "connection refused",
    "connection reset",
    "no such host",
    "temporary failure in name resolution",
    "server misbehaving",
    "network is unreachable",
    "no route to host",
    "i/o timeout",
    "tls handshake timeout",
    "client.timeout exceeded",
    "context deadline exceeded",
    "unexpected eof",
    "could not connect to",
    "failed to query available provider packages",
    "bad gateway",
    "service unavailable",
    "gateway timeout",
    "internal server error",
    "internalerror",
    "too many requests",
    "throttl",
    "requestlimitexceeded",
    "slowdown",
    "rate exceeded",
    "rate limit",
    "status code: 5",
    "status code 5",
    "status: 5",
    "statuscode: 5",
];

/// Words of errors that do not pass although they hold some of [`PASSING`].
const LASTING: &[&str] =
    &["while waiting for state to become", "has no available releases", "no available releases match"];

/// Words of a full disk.
const FULL: &[&str] = &["no space left on device", "disk quota exceeded"];

/// Errors that only say that `.terraform` does not fit the configuration any more, which a new `init` mends.
const NEEDS_INIT: &[&str] = &[
    "initialization required",
    "module not installed",
    "module source has changed",
    "module version requirements have changed",
    "required plugins are not installed",
    "missing required provider",
    "inconsistent dependency lock file",
    "backend configuration changed",
    "failed to load plugin schemas",
    "could not load plugin",
    "failed to instantiate provider",
];

/// Whether a new `init` may mend it.
pub fn needs_init(errors: &[Diagnostic]) -> bool {
    errors.iter().any(|error| {
        let summary = error.summary.to_lowercase();
        NEEDS_INIT.iter().any(|words| summary.contains(words))
    })
}

/// What terraform's errors mean. `name` is what people call the program, `chain` what the log is to hold.
pub fn of_errors(name: &str, errors: &[Diagnostic], scrub: &Scrub, chain: String) -> Option<Trouble> {
    // `init` says first that there are errors, and then which.
    let says_something = |error: &&Diagnostic| !error.summary.contains("encountered problems during initiali");
    let first = errors.iter().find(says_something).or(errors.first())?;
    let source = Some(anyhow!(scrub.line(&chain)));
    let of = |words: &[&str]| {
        errors.iter().any(|error| {
            let text = format!("{}\n{}", error.summary, error.detail).to_lowercase();
            words.iter().any(|words| text.contains(words))
        })
    };
    if let Some(lock) = errors.iter().find_map(LockInfo::of) {
        return Some(Trouble::Passing { line: neutral(scrub, &lock.line(name)), wait: None, source });
    }
    if of(FULL) {
        return Some(Trouble::Passing { line: disk_full(name), wait: None, source });
    }
    if first.summary == "Saved plan is stale" {
        let line = format!("{name}: the state was changed by somebody between plan and apply");
        return Some(Trouble::Passing { line, wait: None, source });
    }
    let at = first.address.as_ref().map_or(String::new(), |address| format!(" at {address}"));
    let line = neutral(scrub, &format!("{name}: \"{}\"{at}", first.summary.lines().next().unwrap_or_default().trim()));
    Some(if of(PASSING) && !of(LASTING) {
        Trouble::Passing { line, wait: None, source }
    } else {
        Trouble::Lasting { line, source }
    })
}

/// Whether these words are about a full disk.
pub fn is_full(words: &str) -> bool {
    let words = words.to_lowercase();
    FULL.iter().any(|full| words.contains(full))
}

/// A full disk, in one line.
pub fn disk_full(name: &str) -> String {
    format!("the disk of the machine that runs {name} is full")
}

/// What a failure of kaas' own file work means.
pub fn of_io(name: &str, what: &str, error: std::io::Error) -> Trouble {
    use std::io::ErrorKind::{QuotaExceeded, ReadOnlyFilesystem, StorageFull};
    let line = match error.kind() {
        StorageFull | QuotaExceeded => disk_full(name),
        ReadOnlyFilesystem => format!("the data directory on the machine that runs {name} cannot be written"),
        _ => format!("kaas cannot {what}"),
    };
    Trouble::passing(line, anyhow::Error::new(error).context(what.to_owned()))
}

/// One line without secrets, control characters and overlength.
pub fn neutral(scrub: &Scrub, line: &str) -> String {
    let line = scrub.line(line).replace(char::is_control, " ");
    match line.char_indices().nth(LINE_MAX) {
        Some((end, _)) => format!("{}…", &line[..end]),
        None => line,
    }
}

/// Who holds a state lock.
#[derive(Debug, Default)]
struct LockInfo<'a> {
    id: &'a str,
    who: &'a str,
    operation: &'a str,
    created: &'a str,
}

impl<'a> LockInfo<'a> {
    fn of(error: &'a Diagnostic) -> Option<Self> {
        if !error.summary.to_lowercase().contains("state lock") {
            return None;
        }
        let mut info = Self::default();
        let (_, rest) = error.detail.split_once("Lock Info:")?;
        for (key, value) in rest.lines().filter_map(|line| line.split_once(':')) {
            let field = match key.trim() {
                "ID" => &mut info.id,
                "Who" => &mut info.who,
                "Operation" => &mut info.operation,
                "Created" => &mut info.created,
                _ => continue,
            };
            *field = value.trim();
        }
        (!info.id.is_empty()).then_some(info)
    }

    fn line(&self, name: &str) -> String {
        let doing = self.operation.strip_prefix("OperationType").unwrap_or(self.operation).to_lowercase();
        let since = self.created.split(['.', '+']).next().unwrap_or_default().trim_end();
        format!("{name}: the state is locked by {} since {since} UTC ({doing}, lock {})", self.who, self.id)
    }
}

#[cfg(test)]
mod tests {
    use super::*;

    fn check(summary: &str, detail: &str, expect: &str) {
        let mut scrub = Scrub::default();
        scrub.learn(["hunter22"]);
        let error = Diagnostic {
            summary: summary.into(),
            detail: detail.into(),
            address: Some("x.y".into()),
            ..Default::default()
        };
        let said = match of_errors("terraform", &[error], &scrub, "chain hunter22".into()).unwrap() {
            Trouble::Passing { line, source, .. } => {
                assert_eq!(source.unwrap().to_string(), "chain (redacted)");
                format!("passing: {line}")
            }
            Trouble::Lasting { line, .. } => format!("lasting: {line}"),
            Trouble::Stopped => "stopped".into(),
        };
        assert_eq!(said, expect);
    }

    #[test]
    fn failures_are_told_apart() {
        check("InvalidAMIID.NotFound: ami-0abc", "", "lasting: terraform: \"InvalidAMIID.NotFound: ami-0abc\" at x.y");
        check("bad hunter22\nmore", "", "lasting: terraform: \"bad (redacted)\" at x.y");
        check(
            "Post https://r: dial tcp: i/o timeout",
            "",
            "passing: terraform: \"Post https://r: dial tcp: i/o timeout\" at x.y",
        );
        check("creating", "status code: 503, request id", "passing: terraform: \"creating\" at x.y");
        check("creating", "status code: 403, AccessDenied", "lasting: terraform: \"creating\" at x.y");
        check(
            "timeout while waiting for state to become 'active'",
            "internal server error",
            "lasting: terraform: \"timeout while waiting for state to become 'active'\" at x.y",
        );
        check(
            "Failed to save state",
            "write x: no space left on device",
            "passing: the disk of the machine that runs terraform is full",
        );
        check(
            "Saved plan is stale",
            "…",
            "passing: terraform: the state was changed by somebody between plan and apply",
        );
        check(
            "Error acquiring the state lock",
            "Error message: x\nLock Info:\n  ID:        924c\n  Path:      x.tfstate\n  Operation: OperationTypeApply\n  Who:       bo@host\n  Version:   1.11.4\n  Created:   2026-11-22 18:37:29.931990226 +0000 UTC\n  Info:      \n\n\nTerraform acquires",
            "passing: terraform: the state is locked by bo@host since 2026-11-22 18:37:29 UTC (apply, lock 924c)",
        );
        check(
            "Error acquiring the state lock",
            "AccessDenied: 403",
            "lasting: terraform: \"Error acquiring the state lock\" at x.y",
        );
    }

    #[test]
    fn kaas_own_full_disk_passes_too() {
        let full = of_io("tofu", "write the plan", std::io::ErrorKind::StorageFull.into());
        assert!(
            matches!(full, Trouble::Passing { line, .. } if line == "the disk of the machine that runs tofu is full")
        );
        let other = of_io("tofu", "write the plan", std::io::ErrorKind::PermissionDenied.into());
        assert_eq!(other.to_string(), "kaas cannot write the plan");
    }

    #[test]
    fn a_new_init_is_known_to_help() {
        let of = |summary: &str| needs_init(&[Diagnostic { summary: summary.into(), ..Default::default() }]);
        assert!(of("Backend initialization required, please run \"terraform init\""));
        assert!(of("Module not installed"));
        assert!(!of("Unsupported argument"));
    }
}
