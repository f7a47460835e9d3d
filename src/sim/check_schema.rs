//! `kaas sim check-schema`: the stand-in's schema held against the real provider's.

use std::path::Path;

use crate::cli::Exit;

/// Compares and prints the differences.
pub fn run(_file: &Path) -> anyhow::Result<Exit> {
    anyhow::bail!("not built yet")
}
