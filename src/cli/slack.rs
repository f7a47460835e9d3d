//! `kaas slack manifest`: what an administrator of Slack pastes to make the app.

use clap::Subcommand;

use super::Exit;
use crate::chat::slack::manifest;

/// Arguments of `kaas slack`.
#[derive(Debug, clap::Args)]
pub struct Args {
    #[command(subcommand)]
    command: Command,
}

#[derive(Debug, Subcommand)]
enum Command {
    /// Prints the app's manifest, as YAML.
    Manifest {
        /// Where Slack reaches kaas over HTTP, such as `https://kaas.example.com/slack`. Without it, the app uses Socket Mode.
        #[arg(long, value_name = "URL")]
        http: Option<String>,
    },
}

pub(super) fn run(args: &Args) -> anyhow::Result<Exit> {
    let Command::Manifest { http } = &args.command;
    print!("{}", manifest(http.as_deref()));
    Ok(Exit::Done)
}
