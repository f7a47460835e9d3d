//! A stand-in for the terraform provider rancher/rancher2, speaking plugin protocol 5.

use crate::cli::Exit;

/// Serves the plugin until terraform closes it.
pub fn run() -> anyhow::Result<Exit> {
    anyhow::bail!("not built yet")
}
