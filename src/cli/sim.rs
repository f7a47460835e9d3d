//! `kaas sim …`: the simulated outside, alone.

use std::path::PathBuf;

use clap::Subcommand;

use super::Exit;

/// Arguments of `kaas sim`.
#[derive(Debug, clap::Args)]
pub struct Args {
    #[command(subcommand)]
    what: What,
}

#[derive(Debug, Subcommand)]
enum What {
    /// Runs the simulated Rancher until it is interrupted.
    Rancher(crate::sim::rancher::Args),
    /// Speaks terraform's plugin protocol, as the provider rancher/rancher2 does. Started by terraform, not by people.
    #[command(hide = true)]
    Provider,
    /// Holds the stand-in's schema against what `terraform providers schema -json` prints for the real provider.
    CheckSchema {
        /// The real provider's schema, as JSON.
        file: PathBuf,
    },
}

pub(super) fn run(args: Args) -> anyhow::Result<Exit> {
    match args.what {
        What::Rancher(args) => super::runtime()?.block_on(crate::sim::rancher::run(args)),
        What::Provider => crate::sim::provider::run(),
        What::CheckSchema { file } => crate::sim::check_schema::run(&file),
    }
}
