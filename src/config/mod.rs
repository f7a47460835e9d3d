//! `kaas.toml`: read once, checked as a whole, and handed on as types that need no further check.
//!
//! Reading order: [`mod@reference`] (every key, what it takes, its default), `shape` (every key is known and holds what it takes), `raw` (serde types),
//! then what is held against what: `tenant`, [`people`], [`policy`], [`catalogue`]. Everything that is wrong is reported at once ([`Finding`]).
//!
//! Nothing here reads a secret before [`SecretRef::resolve`] is asked for it, and no type here holds one.

use std::net::SocketAddr;
use std::num::NonZeroUsize;
use std::path::{Path, PathBuf};
use std::time::Duration;

pub mod catalogue;
mod demo;
mod finding;
mod inspect;
mod outside;
pub mod people;
pub mod policy;
mod raw;
pub mod reference;
mod secret;
mod shape;
mod tenant;
pub mod values;

#[cfg(test)]
mod findings_tests;
#[cfg(test)]
mod keys_tests;
#[cfg(test)]
mod tests;

pub use finding::{Finding, Findings, Severity};
pub use outside::{AwsConfig, ChatConfig, DiscordConfig, ForgeConfig, GitHubConfig, SlackConfig};
pub use people::{People, Platform};
pub use secret::{Environment, SecretError, SecretRef};
pub use tenant::{RancherConfig, RunnerConfig, Team, TenantConfig};

use finding::Report;

/// The whole configuration.
#[derive(Debug, Clone, PartialEq)]
pub struct Config {
    /// Where kaas keeps everything.
    pub data_dir: PathBuf,
    /// How work is done, tried again and looked after.
    pub engine: EngineConfig,
    /// What is logged.
    pub log: LogConfig,
    /// Where kaas listens for HTTP; `None` is nowhere.
    pub web: Option<SocketAddr>,
    /// The tenants, in the order of the file. Never empty.
    pub tenants: Vec<TenantConfig>,
    /// What somebody should look at.
    pub warnings: Vec<Finding>,
}

/// How work is done, tried again and looked after.
#[derive(Debug, Clone, PartialEq, Eq)]
pub struct EngineConfig {
    /// How long a piece of work belongs to whoever took it.
    pub lease: Duration,
    /// How often everything open is compared with the world.
    pub sweep_every: Duration,
    /// How often Rancher is asked while a cluster joins or is removed.
    pub poll_every: Duration,
    /// How often work that fails for now is tried before a person has to look.
    pub attempts: u32,
    /// The wait before the second attempt; it doubles with each further one.
    pub backoff_first: Duration,
    /// The longest wait between two attempts.
    pub backoff_max: Duration,
    /// How many inits and plans go on at once, over all tenants; `None` is one a processor core.
    pub runs_at_once: Option<NonZeroUsize>,
    /// How many applies go on at once, over all tenants; `None` is four a processor core.
    pub applies_at_once: Option<NonZeroUsize>,
    /// How long a stopping kaas, or a stopped terraform, is given to end in order.
    pub stop_grace: Duration,
}

/// What is logged.
#[derive(Debug, Clone, Copy, PartialEq, Eq)]
pub struct LogConfig {
    /// How much.
    pub level: tracing::Level,
    /// In which form.
    pub format: LogFormat,
}

/// The form of the log.
#[derive(Debug, Clone, Copy, PartialEq, Eq)]
pub enum LogFormat {
    /// For people.
    Text,
    /// One JSON object a line.
    Json,
}

/// Why a configuration could not be loaded.
#[derive(Debug, thiserror::Error)]
pub enum LoadError {
    /// The file could not be read.
    #[error("{} cannot be read", path.display())]
    Unreadable {
        /// The file.
        path: PathBuf,
        /// Why.
        #[source]
        source: std::io::Error,
    },
    /// The file is wrong.
    #[error("{} holds mistakes:\n{findings}", path.display())]
    Invalid {
        /// The file.
        path: PathBuf,
        /// All of them.
        findings: Findings,
    },
}

impl Config {
    /// Reads a file. Relative paths in it start at its folder.
    ///
    /// # Errors
    /// The file cannot be read, or holds mistakes: all of them.
    pub fn load(path: &Path) -> Result<Self, LoadError> {
        let unreadable = |source| LoadError::Unreadable { path: path.to_owned(), source };
        let text = std::fs::read_to_string(path).map_err(unreadable)?;
        let base = std::path::absolute(path).map_err(unreadable)?;
        let base = base.parent().unwrap_or(Path::new("/"));
        Self::parse(&text, base).map_err(|findings| LoadError::Invalid { path: path.to_owned(), findings })
    }

    /// Reads a text. Relative paths in it start at `base`. Touches no file.
    ///
    /// # Errors
    /// All mistakes (and warnings), in the order of the text.
    pub fn parse(text: &str, base: &Path) -> Result<Self, Findings> {
        let mut report = Report::default();
        let config = read(text, base, &mut report);
        let errors = report.errors();
        let findings = report.finish();
        match config {
            Some(config) if errors == 0 => Ok(Self { warnings: findings.0, ..config }),
            _ => Err(findings),
        }
    }

    /// The tenant of that name.
    pub fn tenant(&self, name: &str) -> Option<&TenantConfig> {
        self.tenants.iter().find(|t| t.name.as_str() == name)
    }
}

fn read(text: &str, base: &Path, report: &mut Report) -> Option<Config> {
    let table = shape::read(text, report)?;
    let raw: raw::Raw = match table.try_into() {
        Ok(raw) => raw,
        Err(_) => {
            // Cannot happen while the reference and the raw types agree, which a test holds. The error could quote a secret, so it stays here.
            report.error(
                "",
                "has a shape that kaas does not know",
                "Please report it, with the keys that the file holds.",
            );
            return None;
        }
    };
    let engine = engine(&raw.engine, report);
    let mut names: Vec<&String> = raw.tenants.keys().collect();
    names.sort_by_key(|name| report.spots.offset(&finding::join("tenants", name)));
    let tenants: Vec<Option<TenantConfig>> =
        names.iter().map(|name| tenant::tenant(name, &raw.tenants[*name], base, report)).collect();
    if report.errors() == 0 && tenants.iter().any(Option::is_none) {
        // Whatever makes a tenant incomplete says so itself; should one not, kaas must still not start without that tenant.
        report.error(
            "tenants",
            "holds a tenant that cannot be built",
            "Please report it, with the keys that the file holds.",
        );
    }
    let tenants: Vec<TenantConfig> = tenants.into_iter().flatten().collect();
    tenant::apart(&tenants, report);
    outside::reachable(&tenants, raw.web.is_some(), report);
    Some(Config {
        data_dir: tenant::below(base, raw.kaas.data_dir?),
        engine: engine?,
        log: log(&raw.log),
        web: raw.web.as_ref().and_then(|web| web.listen.as_ref()?.parse().ok()),
        tenants,
        warnings: Vec::new(),
    })
}

fn engine(raw: &raw::Engine, report: &mut Report) -> Option<EngineConfig> {
    let length = |text: &Option<String>, default| values::duration(text.as_deref().unwrap_or(default)).ok();
    let count = |n: Option<u64>| n.and_then(|n| usize::try_from(n).ok()).and_then(NonZeroUsize::new);
    let engine = EngineConfig {
        lease: length(&raw.lease, "1m")?,
        sweep_every: length(&raw.sweep_every, "5m")?,
        poll_every: length(&raw.poll_every, "15s")?,
        attempts: raw.attempts.map_or(Some(30), |n| u32::try_from(n).ok())?,
        backoff_first: length(&raw.backoff_first, "5s")?,
        backoff_max: length(&raw.backoff_max, "5m")?,
        runs_at_once: count(raw.runs_at_once),
        applies_at_once: count(raw.applies_at_once),
        stop_grace: length(&raw.stop_grace, "1m")?,
    };
    if engine.backoff_first > engine.backoff_max {
        let hint = "Make it at most backoff_max, or backoff_max longer.";
        report.error("engine.backoff_first", "is longer than backoff_max", hint);
    }
    Some(engine)
}

fn log(raw: &raw::Log) -> LogConfig {
    let level = raw.level.as_deref().and_then(|level| level.parse().ok()).unwrap_or(tracing::Level::INFO);
    let format = if raw.format.as_deref() == Some("json") { LogFormat::Json } else { LogFormat::Text };
    LogConfig { level, format }
}
