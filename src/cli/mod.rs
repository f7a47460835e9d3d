//! The command line: one file a subcommand.

use clap::{Parser, Subcommand};

pub use crate::exit::Exit;

#[cfg(all(feature = "github", feature = "rancher"))]
pub mod adopt;
pub mod check;
pub mod data;
#[cfg(all(feature = "sim", feature = "rancher"))]
pub mod demo;
#[cfg(feature = "discord")]
pub mod discord;
pub mod list;
#[cfg(feature = "rancher")]
mod live;
#[cfg(feature = "rancher")]
pub mod rancher;
#[cfg(all(test, feature = "sim", feature = "rancher"))]
mod rancher_tests;
#[cfg(all(feature = "web", feature = "rancher"))]
pub mod serve;
#[cfg(feature = "sim")]
pub mod sim;
#[cfg(feature = "slack")]
pub mod slack;
#[cfg(feature = "rancher")]
pub mod wire;

/// Kubernetes as a Service by chat.
#[derive(Debug, Parser)]
#[command(name = "kaas", version, about, disable_help_subcommand = true)]
pub struct Cli {
    #[command(subcommand)]
    command: Command,
}

#[derive(Debug, Subcommand)]
enum Command {
    /// Plays the guided tour, then gives you the channel: the whole of kaas on one machine.
    #[cfg(all(feature = "sim", feature = "rancher"))]
    Demo(demo::Args),
    /// Serves the tenants of a configuration, until it is asked to end.
    #[cfg(all(feature = "web", feature = "rancher"))]
    Serve(serve::Args),
    /// Asks again for the changes of open pull requests, where the store was lost.
    #[cfg(all(feature = "github", feature = "rancher"))]
    Adopt(adopt::Args),
    /// What Rancher has to be told of kaas.
    #[cfg(feature = "rancher")]
    Rancher(rancher::Args),
    /// What Discord has to be told of kaas.
    #[cfg(feature = "discord")]
    Discord(discord::Args),
    /// What Slack has to be told of kaas.
    #[cfg(feature = "slack")]
    Slack(slack::Args),
    /// Lists the clusters of a data directory whose kaas is stopped.
    List(list::Args),
    /// Writes everything that the store holds as JSON lines.
    Export(data::Export),
    /// Reads an export into an empty store.
    Import(data::Import),
    /// The audit ledger: who did what, over which plan, unaltered.
    Audit(data::Audit),
    /// Checks a configuration and says everything that is wrong with it.
    Check(check::Args),
    /// Simulated outside: a Rancher, and a stand-in for its terraform provider.
    #[cfg(feature = "sim")]
    Sim(sim::Args),
}

/// Runs one command line to its end.
///
/// # Errors
/// A fault as an error chain; the caller prints it once.
pub fn run(cli: Cli) -> anyhow::Result<Exit> {
    match cli.command {
        #[cfg(all(feature = "sim", feature = "rancher"))]
        Command::Demo(args) => demo::run(args),
        #[cfg(all(feature = "web", feature = "rancher"))]
        Command::Serve(args) => serve::run(&args),
        #[cfg(all(feature = "github", feature = "rancher"))]
        Command::Adopt(args) => adopt::run(&args),
        #[cfg(feature = "rancher")]
        Command::Rancher(args) => rancher::run(&args),
        #[cfg(feature = "discord")]
        Command::Discord(args) => discord::run(&args),
        #[cfg(feature = "slack")]
        Command::Slack(args) => slack::run(&args),
        Command::List(args) => list::run(&args),
        Command::Export(args) => data::export(&args),
        Command::Import(args) => data::import(&args),
        Command::Audit(args) => data::audit(&args),
        Command::Check(args) => check::run(&args),
        #[cfg(feature = "sim")]
        Command::Sim(args) => sim::run(args),
    }
}

/// Cancels `stop` on SIGTERM and ctrl-C; what a second one does, `again` says.
#[cfg(feature = "rancher")]
pub(crate) fn stop_on_signals(
    stop: tokio_util::sync::CancellationToken,
    again: impl FnOnce() + Send + 'static,
) -> anyhow::Result<tokio::task::JoinHandle<()>> {
    use tokio::signal::unix::{SignalKind, signal};
    let (mut term, mut int) = (signal(SignalKind::terminate())?, signal(SignalKind::interrupt())?);
    Ok(tokio::spawn(async move {
        for last in [false, true] {
            tokio::select! {
                _ = term.recv() => {}
                _ = int.recv() => {}
            }
            if last {
                return again();
            }
            stop.cancel();
        }
    }))
}

/// A runtime for one command: small, because kaas is idle most of the time.
pub(crate) fn runtime() -> anyhow::Result<tokio::runtime::Runtime> {
    Ok(tokio::runtime::Builder::new_multi_thread().worker_threads(2).enable_all().build()?)
}
