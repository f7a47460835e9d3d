//! `kaas check`: says everything that is wrong with a configuration, at once.

use std::io::Write;
use std::path::{Path, PathBuf};

use serde::Serialize;

use super::Exit;
use crate::config::{Config, Environment, Finding, LoadError, Severity};

/// Arguments of `kaas check`.
#[derive(Debug, clap::Args)]
pub struct Args {
    /// The configuration.
    #[arg(long, value_name = "FILE", default_value = "kaas.toml")]
    config: PathBuf,
    /// Look at the file alone, and ask neither Slack nor GitHub, Rancher or terraform.
    #[arg(long)]
    offline: bool,
    /// Print the findings as one JSON object.
    #[arg(long)]
    json: bool,
}

/// What `--json` prints.
#[derive(Debug, Serialize)]
struct Checked<'a> {
    config: String,
    ok: bool,
    errors: usize,
    warnings: usize,
    findings: &'a [Finding],
}

pub(super) fn run(args: &Args) -> anyhow::Result<Exit> {
    check(args, &|name| std::env::var(name).ok(), &mut std::io::stdout().lock())
}

/// Checks, and prints what was found. The exit status: done (the file is sound), failed (it has mistakes), misuse (there is no such file).
fn check(args: &Args, environment: Environment<'_>, out: &mut dyn Write) -> anyhow::Result<Exit> {
    let findings = match Config::load(&args.config) {
        Ok(config) => {
            let outside = config.inspect(environment);
            let asked = if args.offline { Vec::new() } else { ask(&config)? };
            config.warnings.into_iter().chain(outside).chain(asked).collect()
        }
        Err(LoadError::Invalid { findings, .. }) => findings.0,
        Err(LoadError::Unreadable { path, source }) => {
            let hint = "Name another file with --config, or begin with kaas.example.toml.".to_owned();
            let problem = format!("{} cannot be read: {source}", path.display());
            let findings = [Finding { severity: Severity::Error, path: String::new(), line: None, problem, hint }];
            print(args, &findings, out)?;
            return Ok(Exit::Misuse);
        }
    };
    let errors = print(args, &findings, out)?;
    Ok(if errors == 0 { Exit::Done } else { Exit::Failed })
}

/// What everybody says whom the configuration names; what is good is printed on standard error, because it is no finding.
#[cfg(feature = "rancher")]
fn ask(config: &Config) -> anyhow::Result<Vec<Finding>> {
    let mut findings = Vec::new();
    for looked in super::live::look(config)? {
        match looked.wrong {
            None => eprintln!("good: {}, {}", looked.tenant, looked.what),
            Some(wrong) => findings.push(Finding {
                severity: if looked.mild { Severity::Warning } else { Severity::Error },
                path: format!("tenants.{}", looked.tenant),
                line: None,
                problem: format!("not good: {}", looked.what),
                hint: wrong,
            }),
        }
    }
    Ok(findings)
}

#[cfg(not(feature = "rancher"))]
fn ask(_: &Config) -> anyhow::Result<Vec<Finding>> {
    Ok(Vec::new())
}

fn print(args: &Args, findings: &[Finding], out: &mut dyn Write) -> anyhow::Result<usize> {
    let of = |severity| findings.iter().filter(|f| f.severity == severity).count();
    let (errors, warnings) = (of(Severity::Error), of(Severity::Warning));
    let config = args.config.display().to_string();
    if args.json {
        let checked = Checked { config, ok: errors == 0, errors, warnings, findings };
        writeln!(out, "{}", serde_json::to_string_pretty(&checked)?)?;
        return Ok(errors);
    }
    for finding in findings {
        writeln!(out, "{}", text(&args.config, finding))?;
    }
    let counts: Vec<String> = [(errors, "error"), (warnings, "warning")]
        .into_iter()
        .filter(|(count, _)| *count > 0)
        .map(|(count, what)| format!(", {count} {what}{}", if count == 1 { "" } else { "s" }))
        .collect();
    let said = format!(
        "{}{}",
        match (errors, args.offline || findings.iter().any(|f| f.line.is_some())) {
            (0, true) => "the file is sound",
            (0, false) => "all is good",
            (_, true) => "the file has mistakes",
            (_, false) => "not all is good",
        },
        counts.concat()
    );
    writeln!(out, "{config}: {said}")?;
    Ok(errors)
}

fn text(config: &Path, finding: &Finding) -> String {
    let line = finding.line.map(|l| format!(":{l}")).unwrap_or_default();
    let word = match finding.severity {
        Severity::Error => "error",
        Severity::Warning => "warning",
    };
    let key = if finding.path.is_empty() { String::new() } else { format!("{}: ", finding.path) };
    format!("{}{line}: {word}: {key}{}\n    {}", config.display(), finding.problem, finding.hint)
}

#[cfg(test)]
mod tests {
    use super::*;

    fn checked(text: Option<&str>, json: bool) -> (Exit, String) {
        let dir = tempfile::tempdir().unwrap();
        let config = dir.path().join("kaas.toml");
        if let Some(text) = text {
            std::fs::write(&config, text).unwrap();
        }
        let mut out = Vec::new();
        let exit = check(&Args { config, json, offline: true }, &|_| None, &mut out).unwrap();
        let out = String::from_utf8(out).unwrap();
        (exit, out.replace(&dir.path().display().to_string(), "DIR"))
    }

    const EXAMPLE: &str = include_str!("../../kaas.example.toml");

    #[test]
    fn a_missing_file_is_misuse() {
        let (exit, out) = checked(None, false);
        assert_eq!(exit, Exit::Misuse);
        assert!(out.contains("DIR/kaas.toml cannot be read") && out.contains("kaas.example.toml"), "{out}");
        let (exit, out) = checked(None, true);
        assert_eq!(exit, Exit::Misuse);
        assert_eq!(serde_json::from_str::<serde_json::Value>(&out).unwrap()["ok"], false);
    }

    #[test]
    fn mistakes_are_told_with_their_lines() {
        let (exit, out) = checked(Some("[kaas]\ndata_dri = \"x\"\n[tenants.acme]\n"), false);
        assert_eq!(exit, Exit::Failed);
        assert!(
            out.starts_with("DIR/kaas.toml:1: error: kaas.data_dir: is missing\n    It takes a path.\nDIR/kaas.toml:2: error: kaas.data_dri: there is no such key here\n    Did you mean data_dir? There is: data_dir.\n"),
            "{out}"
        );
        assert!(out.contains("the file has mistakes, 9 errors"), "{out}");
    }

    #[test]
    fn what_is_sound_but_lacks_its_secret_is_done_with_a_warning() {
        let (exit, out) = checked(Some(EXAMPLE), true);
        assert_eq!(exit, Exit::Done, "{out}");
        let out: serde_json::Value = serde_json::from_str(&out).unwrap();
        assert_eq!((&out["ok"], &out["errors"]), (&true.into(), &0.into()));
        let findings = out["findings"].as_array().unwrap();
        let token = findings.iter().find(|f| f["path"] == "tenants.acme.rancher.token").unwrap();
        assert_eq!((&token["severity"], &token["line"]), (&"warning".into(), &serde_json::Value::Null));
        assert_eq!(token["problem"], "the environment variable ACME_RANCHER_TOKEN is not set");
    }
}
