//! A simulated Rancher: what kaas and the terraform provider `rancher/rancher2` ask of a Rancher 2.14.4, over plain HTTP.
//!
//! It has no Kubernetes behind it. Reading order: `world` is what is kept; `life` computes how far a cluster has come;
//! `faults` are the switches; `server` takes requests apart; `v3` and `steve` answer them, with a file for each type
//! that needs one; `reply` has the five shapes of error. Nothing here ticks: an idle simulator does nothing.
//!
//! Every answer carries `Server: kaas-simulated-rancher`. docs/simulator.md says what is and what is not simulated.

mod bindings;
mod bindings_steve;
mod call;
mod clusters;
mod conditions;
mod configs;
mod control;
mod credentials;
mod disk;
mod ext;
mod faults;
mod life;
mod login;
mod machines;
mod nodes;
mod norman;
mod pages;
mod provisioning;
mod proxy;
mod removal;
mod reply;
mod rights;
mod roles;
mod server;
mod start;
mod steve;
#[cfg(all(test, feature = "rancher"))]
mod tests;
mod tokens;
mod users;
mod v3;
mod world;

use std::io::Write;
use std::net::SocketAddr;
use std::path::PathBuf;
use std::time::Duration;

use anyhow::Context;

pub use faults::{FAULTS, Fault};
pub use server::{SERVER, Seen};
pub use start::{Options, Running, SimUser, start};

use crate::exit::Exit;

/// Arguments of `kaas sim rancher`.
#[derive(Debug, clap::Args)]
pub struct Args {
    /// Where to listen.
    #[arg(long, value_name = "ADDR", default_value = "127.0.0.1:0")]
    pub listen: SocketAddr,
    /// Keeps the state in DIR/rancher.json, so that it survives a restart.
    #[arg(long, value_name = "DIR")]
    pub dir: Option<PathBuf>,
    /// How long a cluster takes until it is active.
    #[arg(long, value_name = "SECONDS", default_value = "8", value_parser = seconds)]
    pub speed: Duration,
    /// Switches a fault on: unavailable, token-dead, lost-rights, slow, stuck-machine, flap, removal-hangs, create-fails.
    #[arg(long = "fault", value_name = "NAME")]
    pub faults: Vec<Fault>,
    /// A person whom this Rancher knows, as the user u-NAME; may be given more than once.
    #[arg(long = "user", value_name = "NAME")]
    pub users: Vec<String>,
}

fn seconds(text: &str) -> Result<Duration, String> {
    let seconds: f64 = text.parse().map_err(|_| format!("`{text}` is no number of seconds"))?;
    let duration = Duration::try_from_secs_f64(seconds).map_err(|fault| fault.to_string())?;
    if duration > LONGEST { Err(format!("at most {} seconds", LONGEST.as_secs())) } else { Ok(duration) }
}

/// The longest time that a cluster may be made to take.
const LONGEST: Duration = Duration::from_secs(86_400);
/// The file of the state inside the directory.
const STATE_FILE: &str = "rancher.json";

/// Serves until it is interrupted or told to end.
pub async fn run(args: Args) -> anyhow::Result<Exit> {
    let user = |name: &String| SimUser { id: format!("u-{name}"), username: name.clone(), name: name.clone() };
    let users = args.users.iter().map(user).collect();
    let mut options = Options { listen: args.listen, provisioning: args.speed, users, ..Options::default() };
    if let Some(dir) = args.dir {
        std::fs::create_dir_all(&dir).with_context(|| format!("cannot make {}", dir.display()))?;
        options.state_file = Some(dir.join(STATE_FILE));
    }
    let mut end = tokio::signal::unix::signal(tokio::signal::unix::SignalKind::terminate())?;
    let running = start(options).await?;
    for fault in args.faults {
        running.switch_on(fault)?;
    }
    let mut out = std::io::stdout();
    // In one piece: whoever reads only the first line may have gone before the second.
    let told = format!(
        "simulated Rancher at {} (admin token {})\nkaas' own token: {}\n",
        running.url, running.admin_token, running.bot_token
    );
    out.write_all(told.as_bytes())?;
    out.flush()?;
    tokio::select! {
        outcome = tokio::signal::ctrl_c() => outcome?,
        _ = end.recv() => {}
    }
    running.shutdown().await;
    Ok(Exit::Done)
}
