//! `kaas discord register`: tells Discord of `/kaas`, with its options, in each tenant's server.

use std::path::PathBuf;

use clap::Subcommand;

use super::{Exit, runtime, wire};
use crate::chat::discord::{DiscordChat, Registered};
use crate::clock::SystemClock;
use crate::config::{ChatConfig, Config};

/// Arguments of `kaas discord`.
#[derive(Debug, clap::Args)]
pub struct Args {
    #[command(subcommand)]
    command: Command,
}

#[derive(Debug, Subcommand)]
enum Command {
    /// Registers /kaas in the server of every tenant that is in Discord, where it is not registered like that already. `kaas serve` does it as well.
    Register {
        /// The configuration.
        #[arg(long, value_name = "FILE", default_value = "kaas.toml")]
        config: PathBuf,
    },
}

pub(super) fn run(args: &Args) -> anyhow::Result<Exit> {
    let Command::Register { config: file } = &args.command;
    let config = match Config::load(file) {
        Ok(config) => config,
        Err(fault) => {
            eprintln!("kaas: {:#}", anyhow::Error::new(fault));
            eprintln!("All about it: kaas check --config {}", file.display());
            return Ok(Exit::Misuse);
        }
    };
    runtime()?.block_on(register(&config))
}

async fn register(config: &Config) -> anyhow::Result<Exit> {
    let (mut found, mut failed) = (false, false);
    for tenant in &config.tenants {
        for chat in tenant.chats() {
            let ChatConfig::Discord(discord) = chat else { continue };
            found = true;
            let done = async {
                let chat = DiscordChat::new(wire::discord_settings(tenant, discord)?, SystemClock::shared())?;
                anyhow::Ok(chat.register(&wire::discord_definition(tenant)).await?)
            };
            match done.await {
                Ok(Registered::Now) => {
                    println!("{}: /kaas is registered in the server {}", tenant.name, discord.server)
                }
                Ok(Registered::Already) => {
                    println!(
                        "{}: /kaas was registered like that in the server {} already",
                        tenant.name, discord.server
                    );
                }
                Err(fault) => {
                    failed = true;
                    eprintln!("{}: {fault:#}", tenant.name);
                }
            }
        }
    }
    anyhow::ensure!(found, "no tenant of the configuration is in Discord");
    Ok(if failed { Exit::Failed } else { Exit::Done })
}
