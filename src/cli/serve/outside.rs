//! A tenant's chat and forge: from their configuration to adapters.

use std::sync::Arc;

use anyhow::Context;
use tokio::io::BufReader;
use tokio::task::JoinSet;
use tokio_util::sync::CancellationToken;

use crate::chat::terminal::{self, Outcome, TerminalChat, converse_lines};
use crate::cli::wire;
use crate::clock::SharedClock;
use crate::command::Dialect;
use crate::config::{ChatConfig, Config, ForgeConfig, Platform, TenantConfig};
use crate::engine::Engine;
use crate::lifecycle::Person;
#[cfg(any(feature = "slack", feature = "github"))]
use crate::lifecycle::form::TenantName;
use crate::ports::{Chat, Desk, Forge, Intake, Roster, Vital};

/// A tenant's chat.
pub(super) enum ChatOf {
    /// This terminal.
    Terminal { chat: TerminalChat, people: Vec<Person> },
    /// Slack.
    #[cfg(feature = "slack")]
    Slack { chat: Arc<crate::chat::slack::SlackChat>, tenant: TenantName },
    /// Discord.
    #[cfg(feature = "discord")]
    Discord { chat: Arc<crate::chat::discord::DiscordChat>, definition: crate::chat::discord::Definition },
}

impl ChatOf {
    /// It asks nobody yet: a Slack that does not answer keeps nobody else waiting.
    pub(super) fn open(
        config: &Config,
        tenant: &TenantConfig,
        chat: &ChatConfig,
        clock: &SharedClock,
    ) -> anyhow::Result<Self> {
        match chat {
            ChatConfig::Terminal { channel } => {
                let dir = config.data_dir.join("chat").join(tenant.name.as_str());
                let (channel, clock) = (channel.clone(), Arc::clone(clock));
                let chat = TerminalChat::open(terminal::Setup { dir, transcript: None, channel, clock })?;
                chat.show_plain(std::io::stdout());
                Ok(Self::Terminal { chat, people: tenant.people.iter().cloned().collect() })
            }
            #[cfg(feature = "slack")]
            ChatConfig::Slack(slack) => {
                let settings = wire::slack_settings(tenant, slack)?;
                let chat = crate::chat::slack::SlackChat::new(settings, Arc::clone(clock))?;
                Ok(Self::Slack { chat, tenant: tenant.name.clone() })
            }
            #[cfg(not(feature = "slack"))]
            ChatConfig::Slack(_) => anyhow::bail!("this kaas was built without Slack (the cargo feature `slack`)"),
            #[cfg(feature = "discord")]
            ChatConfig::Discord(discord) => {
                let settings = wire::discord_settings(tenant, discord)?;
                let chat = crate::chat::discord::DiscordChat::new(settings, Arc::clone(clock))?;
                Ok(Self::Discord { chat, definition: wire::discord_definition(tenant) })
            }
            #[cfg(not(feature = "discord"))]
            ChatConfig::Discord(_) => {
                anyhow::bail!("this kaas was built without Discord (the cargo feature `discord`)")
            }
        }
    }

    /// The name under which the engine finds it.
    pub(super) fn name(&self) -> String {
        match self {
            Self::Terminal { .. } => terminal::NAME.to_owned(),
            #[cfg(feature = "slack")]
            Self::Slack { chat, .. } => chat.name().to_owned(),
            #[cfg(feature = "discord")]
            Self::Discord { chat, .. } => chat.name().to_owned(),
        }
    }

    /// What the engine talks to.
    pub(super) fn port(&self) -> Arc<dyn Chat> {
        match self {
            Self::Terminal { chat, .. } => Arc::new(chat.clone()),
            #[cfg(feature = "slack")]
            Self::Slack { chat, .. } => Arc::clone(chat) as Arc<dyn Chat>,
            #[cfg(feature = "discord")]
            Self::Discord { chat, .. } => Arc::clone(chat) as Arc<dyn Chat>,
        }
    }

    /// The groups whose members approve.
    pub(super) fn roster(&self) -> Option<Arc<dyn Roster>> {
        match self {
            Self::Terminal { .. } => None,
            #[cfg(feature = "slack")]
            Self::Slack { chat, .. } => Some(Arc::clone(chat) as Arc<dyn Roster>),
            #[cfg(feature = "discord")]
            Self::Discord { chat, .. } => Some(Arc::clone(chat) as Arc<dyn Roster>),
        }
    }

    /// How its lines are written.
    pub(super) fn dialect(&self) -> Dialect {
        match self {
            Self::Terminal { .. } => Dialect::Plain,
            #[cfg(feature = "slack")]
            Self::Slack { .. } => Dialect::Slack,
            #[cfg(feature = "discord")]
            Self::Discord { .. } => Dialect::Plain,
        }
    }

    /// Whose names a mention in a line carries.
    pub(super) fn platform(&self) -> Platform {
        match self {
            Self::Terminal { .. } => Platform::Terminal,
            #[cfg(feature = "slack")]
            Self::Slack { .. } => Platform::Slack,
            #[cfg(feature = "discord")]
            Self::Discord { .. } => Platform::Discord,
        }
    }

    /// Hears people until `stop`, and brings what they say to the desk.
    pub(super) fn listen(&self, tasks: &mut JoinSet<anyhow::Result<()>>, desk: Arc<dyn Desk>, stop: CancellationToken) {
        match self {
            Self::Terminal { chat, people } => {
                let (chat, people) = (chat.clone(), people.clone());
                tasks.spawn(async move {
                    let input = BufReader::new(tokio::io::stdin());
                    match converse_lines(input, &chat, desk.as_ref(), &people, &stop).await {
                        Outcome::Ended | Outcome::Stopped => Ok(()),
                        failed => anyhow::bail!("{failed}"),
                    }
                });
            }
            #[cfg(feature = "slack")]
            Self::Slack { chat, .. } => {
                let chat = Arc::clone(chat);
                tasks.spawn(async move { chat.listen(desk, stop).await });
            }
            #[cfg(feature = "discord")]
            Self::Discord { chat, definition } => {
                let (chat, definition) = (Arc::clone(chat), definition.clone());
                tasks.spawn(async move {
                    let (registrar, ending) = (Arc::clone(&chat), stop.clone());
                    tokio::spawn(async move { registrar.see_registered(&definition, &ending).await });
                    chat.listen(desk, stop).await
                });
            }
        }
    }

    /// Who takes what the chat brings over HTTP, with the path.
    pub(super) fn intake(&self, desk: &Arc<dyn Desk>) -> Option<(&'static str, String, Arc<dyn Intake>)> {
        match self {
            Self::Terminal { .. } => {
                let _ = desk;
                None
            }
            #[cfg(feature = "slack")]
            Self::Slack { chat, tenant } => {
                let intake = crate::chat::slack::SlackIntake::new(Arc::clone(chat), Arc::clone(desk)).ok()?;
                Some(("/slack", tenant.to_string(), Arc::new(intake)))
            }
            // Whatever Discord brings comes over its gateway.
            #[cfg(feature = "discord")]
            Self::Discord { .. } => None,
        }
    }

    /// How it is doing.
    pub(super) fn vital(&self) -> Option<Arc<dyn Vital>> {
        match self {
            Self::Terminal { .. } => None,
            #[cfg(feature = "slack")]
            Self::Slack { chat, .. } => Some(Arc::clone(chat) as Arc<dyn Vital>),
            #[cfg(feature = "discord")]
            Self::Discord { chat, .. } => Some(Arc::clone(chat) as Arc<dyn Vital>),
        }
    }
}

/// A tenant's forge.
pub(super) enum ForgeOf {
    /// A repository on this machine.
    Local(Arc<dyn Forge>),
    /// GitHub.
    #[cfg(feature = "github")]
    GitHub { forge: Arc<crate::forge::github::GitHub>, tenant: TenantName },
}

impl ForgeOf {
    pub(super) async fn open(config: &Config, tenant: &TenantConfig, clock: &SharedClock) -> anyhow::Result<Self> {
        match &tenant.forge {
            ForgeConfig::Local { path } => {
                Ok(Self::Local(wire::local_forge(path, clock).await.context("opening its repository")?))
            }
            #[cfg(feature = "github")]
            ForgeConfig::GitHub(github) => {
                let settings = wire::github_settings(config, tenant, github)?;
                let forge = crate::forge::github::GitHub::open(settings, Arc::clone(clock))?;
                Ok(Self::GitHub { forge, tenant: tenant.name.clone() })
            }
            #[cfg(not(feature = "github"))]
            ForgeConfig::GitHub(_) => {
                let _ = config;
                anyhow::bail!("this kaas was built without GitHub (the cargo feature `github`)")
            }
        }
    }

    /// What the engine works with.
    pub(super) fn port(&self) -> Arc<dyn Forge> {
        match self {
            Self::Local(forge) => Arc::clone(forge),
            #[cfg(feature = "github")]
            Self::GitHub { forge, .. } => Arc::clone(forge) as Arc<dyn Forge>,
        }
    }

    /// Who takes its webhooks, with the path.
    pub(super) fn intake(&self, engine: &Arc<Engine>) -> Option<(&'static str, String, Arc<dyn Intake>)> {
        match self {
            Self::Local(_) => {
                let _ = engine;
                None
            }
            #[cfg(feature = "github")]
            Self::GitHub { forge, tenant } => {
                let hints = crate::engine::sweep::TenantHints { engine: Arc::clone(engine), tenant: tenant.clone() };
                Some(("/webhook/github", tenant.to_string(), Arc::new(forge.webhooks(Arc::new(hints))?)))
            }
        }
    }

    /// How it is doing.
    pub(super) fn vital(&self) -> Option<Arc<dyn Vital>> {
        match self {
            Self::Local(_) => None,
            #[cfg(feature = "github")]
            Self::GitHub { forge, .. } => Some(Arc::clone(forge) as Arc<dyn Vital>),
        }
    }
}
