//! A simulated Rancher.

use crate::cli::Exit;

/// Arguments of `kaas sim rancher`.
#[derive(Debug, clap::Args)]
pub struct Args {
    /// Where to listen.
    #[arg(long, default_value = "127.0.0.1:0")]
    pub listen: std::net::SocketAddr,
}

/// Serves until interrupted.
pub fn run(_args: Args) -> anyhow::Result<Exit> {
    anyhow::bail!("not built yet")
}
