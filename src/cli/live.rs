//! `kaas check`, beyond the file: what Slack, GitHub, Rancher and terraform say of it now. Nothing is written anywhere.

use super::wire;
use crate::clock::SystemClock;
use crate::config::{ChatConfig, Config, ForgeConfig, TenantConfig};
use crate::rancher::Proof;
use crate::runner::terraform::Terraform;

/// One thing that was looked at, and what is wrong with it, with the remedy.
pub(super) struct Looked {
    pub tenant: String,
    pub what: String,
    pub wrong: Option<String>,
    /// Whether kaas works all the same.
    pub mild: bool,
}

/// Asks everybody.
pub(super) fn look(config: &Config) -> anyhow::Result<Vec<Looked>> {
    let _ = rustls::crypto::ring::default_provider().install_default();
    super::runtime()?.block_on(async {
        let mut all = Vec::new();
        for tenant in &config.tenants {
            let mut found = Vec::new();
            found.push(("terraform".to_owned(), terraform(config, tenant).await));
            found.extend(chat(tenant).await);
            found.extend(forge(config, tenant).await);
            let named = |(what, good): (String, Result<(), String>)| Looked {
                tenant: tenant.name.to_string(),
                what,
                wrong: good.err(),
                mild: false,
            };
            all.extend(found.into_iter().map(named));
            all.extend(rancher(tenant).await);
        }
        Ok(all)
    })
}

async fn terraform(config: &Config, tenant: &TenantConfig) -> Result<(), String> {
    let runner = Terraform::new(wire::runner_settings(config, tenant, Vec::new()), SystemClock::shared());
    runner.program().await.map(drop).map_err(|trouble| trouble.to_string())
}

/// Each right that kaas needs in Rancher, and the people who are linked there.
async fn rancher(tenant: &TenantConfig) -> Vec<Looked> {
    let proofs = match wire::fleet(tenant, &SystemClock::shared()) {
        Ok(fleet) => fleet.prove().await,
        Err(fault) => vec![Proof { what: "its token".to_owned(), wrong: Some(format!("{fault:#}")), mild: false }],
    };
    let named = |Proof { what, wrong, mild }| Looked {
        tenant: tenant.name.to_string(),
        what: format!("Rancher, {what}"),
        wrong,
        mild,
    };
    proofs.into_iter().map(named).collect()
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
            let good = opened.await.map(drop).map_err(|fault: anyhow::Error| format!("{fault:#}"));
            vec![(format!("Slack, channel {}", slack.channel), good)]
        }
        #[cfg(not(feature = "slack"))]
        ChatConfig::Slack(_) => vec![("Slack".to_owned(), Err("this kaas was built without it".to_owned()))],
    }
}

async fn forge(config: &Config, tenant: &TenantConfig) -> Vec<(String, Result<(), String>)> {
    #[cfg(not(feature = "github"))]
    let _ = config;
    match &tenant.forge {
        ForgeConfig::Local { path } => {
            let opened = wire::local_forge(path, &SystemClock::shared()).await;
            vec![("repository".to_owned(), opened.map(drop).map_err(|fault| format!("{fault:#}")))]
        }
        #[cfg(feature = "github")]
        ForgeConfig::GitHub(github) => {
            let opened = wire::github_settings(config, tenant, github)
                .and_then(|settings| crate::forge::github::GitHub::open(settings, SystemClock::shared()));
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
