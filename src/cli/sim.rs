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
    /// Writes a provider mirror that holds the stand-in for rancher/rancher2, and says where its CLI configuration is (runner.cli_config_file).
    Mirror {
        /// The folder for it.
        dir: PathBuf,
    },
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
        What::Mirror { dir } => {
            let config = crate::sim::provider::mirror::install_mirror(&dir, &std::env::current_exe()?, &[])?;
            println!("cli_config_file = {:?}", config.display().to_string());
            println!("pass_environment = [\"TF_DISABLE_PLUGIN_TLS\"]    # and start kaas with TF_DISABLE_PLUGIN_TLS=1");
            Ok(Exit::Done)
        }
        What::Provider => crate::sim::provider::run(),
        What::CheckSchema { file } => crate::sim::check_schema::run(&file),
    }
}
