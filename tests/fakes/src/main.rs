//! The stand-ins as a program: prints where they are and what opens them, and serves until ctrl-C. What people do there, `curl` does.

use std::net::SocketAddr;
use std::path::PathBuf;

use clap::{Parser, ValueEnum};
use kaas_fakes::discord::{self, FakeDiscord};
use kaas_fakes::github::{FakeGitHub, Options as GitHubOptions};
use kaas_fakes::slack::{Delivery, FakeSlack, Options, PEOPLE, RequestUrls};

/// Strict stand-ins for the platforms that kaas talks to, on loopback.
#[derive(Debug, Parser)]
#[command(name = "kaas-fakes")]
struct Args {
    /// Which ones to start.
    #[arg(required = true, value_enum)]
    services: Vec<Service>,
    /// The port of the first one, the next ones taking those after it; free ones if not given.
    #[arg(long, default_value_t = 0)]
    port: u16,
    /// Deliver Slack's events, commands and interactions signed to this url, instead of over Socket Mode.
    #[arg(long, value_name = "URL")]
    slack_request_url: Option<String>,
    /// A folder that GitHub's main branch begins with: one that holds modules/.
    #[arg(long, value_name = "DIR")]
    github_seed: Option<PathBuf>,
    /// Where GitHub brings its webhooks; they are signed with the secret that is printed.
    #[arg(long, value_name = "URL")]
    github_webhook: Option<String>,
}

#[derive(Debug, Clone, Copy, PartialEq, Eq, ValueEnum)]
enum Service {
    /// A workspace with people in #clusters.
    Slack,
    /// The repository acme/clusters, and an App in it.
    Github,
    /// A guild with people in #clusters.
    Discord,
}

#[tokio::main]
async fn main() -> anyhow::Result<()> {
    let args = Args::parse();
    let (mut slacks, mut githubs, mut discords) = (Vec::new(), Vec::new(), Vec::new());
    for (index, service) in args.services.iter().enumerate() {
        let port = if args.port == 0 { 0 } else { args.port + u16::try_from(index)? };
        match service {
            Service::Github => {
                githubs.push(start_github(port, args.github_seed.clone(), args.github_webhook.as_deref()).await?)
            }
            Service::Discord => discords.push(start_discord(port).await),
            Service::Slack => slacks.push(start_slack(port, args.slack_request_url.as_deref()).await),
        }
    }
    tokio::signal::ctrl_c().await?;
    Ok(())
}

async fn start_github(port: u16, seed: Option<PathBuf>, webhook: Option<&str>) -> anyhow::Result<FakeGitHub> {
    const WEBHOOK_SECRET: &str = "the-webhooks-own-secret";
    let listen = SocketAddr::from(([127, 0, 0, 1], port));
    let github = FakeGitHub::start_with(GitHubOptions { listen, seed, ..GitHubOptions::default() }).await?;
    if let Some(url) = webhook {
        github.webhook(url, WEBHOOK_SECRET);
    }
    let key = std::env::temp_dir().join(format!("kaas-fakes-{}.pem", github.app_id()));
    std::fs::write(&key, github.app_key())?;
    println!("GITHUB_API_URL={}", github.api_url());
    println!("GITHUB_GIT_URL={}", github.git_url());
    println!("GITHUB_APP_ID={}", github.app_id());
    println!("GITHUB_INSTALLATION_ID={}", github.installation_id());
    println!("GITHUB_APP_KEY={}", key.display());
    println!("GITHUB_WEBHOOK_SECRET={WEBHOOK_SECRET}");
    println!("# curl {}/pulls", github.control_url());
    Ok(github)
}

async fn start_slack(port: u16, request_url: Option<&str>) -> FakeSlack {
    let delivery = request_url.map_or(Delivery::Socket, |url| Delivery::Http(RequestUrls::all(url)));
    let slack = FakeSlack::start_with(Options { port, delivery, ..Options::default() }).await;
    let channel = slack.populate();
    println!("SLACK_API_URL={}", slack.api_url());
    println!("SLACK_BOT_TOKEN={}", slack.bot_token());
    println!("SLACK_APP_TOKEN={}", slack.app_token());
    println!("SLACK_SIGNING_SECRET={}", slack.signing_secret());
    println!("SLACK_CHANNEL={channel}");
    for name in PEOPLE {
        if let Some(user) = slack.user(name) {
            println!("# user {name} {}", user.id);
        }
    }
    println!("# channel #clusters {channel}");
    println!("# curl {}/control/transcript", slack.url());
    println!(
        r##"# curl {}/control/slash -d '{{"user":"alice","channel":"#clusters","text":"/kaas help"}}'"##,
        slack.url()
    );
    slack
}

async fn start_discord(port: u16) -> FakeDiscord {
    let discord = FakeDiscord::start_with(discord::Options { port, ..discord::Options::default() }).await;
    let channel = discord.populate();
    println!("DISCORD_API_URL={}", discord.url());
    println!("DISCORD_BOT_TOKEN={}", discord.token());
    println!("DISCORD_APPLICATION_ID={}", discord.application());
    println!("DISCORD_GUILD={}", discord.guild());
    println!("DISCORD_CHANNEL={channel}");
    for name in discord::PEOPLE {
        if let Some(person) = discord.person(name) {
            println!("# user {name} {}", person.id);
        }
    }
    if let Some(role) = discord.role("platform") {
        println!("# role platform {}", role.id);
    }
    println!("# channel #clusters {channel}");
    println!("# curl {}/control/transcript", discord.url());
    println!(
        r##"# curl {}/control/slash -d '{{"user":"alice","channel":"#clusters","command":"kaas list"}}'"##,
        discord.url()
    );
    discord
}
