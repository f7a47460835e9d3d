//! `kaas check`, beyond the file: what Slack, GitHub, Rancher and terraform say of it now. Nothing is written anywhere.

use std::sync::Arc;

use super::wire;
use crate::clock::SystemClock;
use crate::config::{ChatConfig, Config, ForgeConfig, TenantConfig};
use crate::ports::Fleet as _;
use crate::runner::terraform::Terraform;

/// One thing that was looked at, and what is wrong with it, with the remedy.
pub(super) struct Looked {
    pub tenant: String,
    pub what: String,
    pub wrong: Option<String>,
}

/// Asks everybody.
pub(super) fn look(config: &Config) -> anyhow::Result<Vec<Looked>> {
    super::runtime()?.block_on(async {
        let mut all = Vec::new();
        for tenant in &config.tenants {
            let mut found = Vec::new();
            found.push(("terraform".to_owned(), terraform(config, tenant).await));
            found.push(("Rancher".to_owned(), rancher(config, tenant).await));
            found.extend(chat(tenant).await);
            found.extend(forge(config, tenant).await);
            let named = |(what, good): (String, Result<(), String>)| Looked {
                tenant: tenant.name.to_string(),
                what,
                wrong: good.err(),
            };
            all.extend(found.into_iter().map(named));
        }
        Ok(all)
    })
}

async fn terraform(config: &Config, tenant: &TenantConfig) -> Result<(), String> {
    let runner = Terraform::new(wire::runner_settings(config, tenant, Vec::new()), SystemClock::shared());
    runner.program().await.map(drop).map_err(|trouble| trouble.to_string())
}

async fn rancher(config: &Config, tenant: &TenantConfig) -> Result<(), String> {
    // Any name will do: what is asked is whether the token may look.
    let name = "kaas-check".parse().map_err(|_| "the name for the check is wrong".to_owned())?;
    let _ = config;
    let fleet = wire::fleet(tenant, &SystemClock::shared()).map_err(|fault| format!("{fault:#}"))?;
    fleet.preflight(&name, false).await.map_err(|trouble| trouble.to_string())
}

async fn chat(tenant: &TenantConfig) -> Vec<(String, Result<(), String>)> {
    match &tenant.chat {
        ChatConfig::Terminal { .. } => Vec::new(),
        #[cfg(feature = "slack")]
        ChatConfig::Slack(slack) => {
            let opened = async {
                let settings = wire::slack_settings(tenant, slack)?;
                let settings = crate::chat::slack::Settings { patience: std::time::Duration::ZERO, ..settings };
                crate::chat::slack::SlackChat::open(settings, SystemClock::shared()).await
            };
            let channel = format!("Slack, channel {}", slack.channel);
            let chat = match opened.await {
                Ok(chat) => chat,
                Err(fault) => return vec![(channel, Err(format!("{fault:#}")))],
            };
            let mut all = vec![(channel, Ok(()))];
            for (group, asked) in chat.check_groups().await {
                let good = match asked {
                    Ok(0) => Err(format!("nobody is in {group}, so nobody could approve for it; put people in")),
                    Ok(_) => Ok(()),
                    Err(why) => Err(why),
                };
                all.push((format!("Slack, user group {group}"), good));
            }
            all
        }
        #[cfg(not(feature = "slack"))]
        ChatConfig::Slack(_) => vec![("Slack".to_owned(), Err("this kaas was built without it".to_owned()))],
    }
}

async fn forge(config: &Config, tenant: &TenantConfig) -> Vec<(String, Result<(), String>)> {
    match &tenant.forge {
        ForgeConfig::Local { path } => {
            let opened = wire::local_forge(path, &SystemClock::shared()).await;
            vec![("repository".to_owned(), opened.map(drop).map_err(|fault| format!("{fault:#}")))]
        }
        #[cfg(feature = "github")]
        ForgeConfig::GitHub(github) => {
            let opened = wire::github_settings(config, tenant, github)
                .and_then(|settings| crate::forge::github::GitHub::open(settings, Arc::clone(&SystemClock::shared())));
            match opened {
                Ok(forge) => {
                    let named = |(what, good)| (format!("GitHub, {what}"), good);
                    forge.check().await.into_iter().map(named).collect()
                }
                Err(fault) => vec![("GitHub".to_owned(), Err(format!("{fault:#}")))],
            }
        }
        #[cfg(not(feature = "github"))]
        ForgeConfig::GitHub(_) => vec![("GitHub".to_owned(), Err("this kaas was built without it".to_owned()))],
    }
}
