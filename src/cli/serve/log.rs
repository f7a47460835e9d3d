//! What is logged: on standard error, for people or for machines.

use tracing_subscriber::EnvFilter;

use crate::config::{LogConfig, LogFormat};

/// Starts the log. `KAAS_LOG` overrides the level of the configuration, in the form of tracing's directives.
pub(super) fn start(config: LogConfig) -> anyhow::Result<()> {
    let usual = || EnvFilter::new(format!("{},hyper=warn,h2=warn,tower=warn,rustls=warn", config.level));
    let filter = EnvFilter::try_from_env("KAAS_LOG").unwrap_or_else(|_| usual());
    let log = tracing_subscriber::fmt().with_env_filter(filter).with_writer(std::io::stderr);
    let started = match config.format {
        LogFormat::Json => log.json().flatten_event(true).try_init(),
        LogFormat::Text => log.with_ansi(std::io::IsTerminal::is_terminal(&std::io::stderr())).try_init(),
    };
    started.map_err(|fault| anyhow::anyhow!("the log cannot be started: {fault}"))
}
