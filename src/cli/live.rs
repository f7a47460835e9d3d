//! `kaas check`, beyond the file: what Slack, GitHub, Rancher and terraform say of it now. Nothing is written anywhere.

use super::wire;
use crate::clock::SystemClock;
use crate::config::{ChatConfig, Config, ForgeConfig, TenantConfig};
use crate::rancher::Proof;
use crate::runner::terraform::BIN;
use crate::runner::terraform::program::Program;

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
    super::runtime()?.block_on(async {
        let mut all = Vec::new();
        for tenant in &config.tenants {
            let mut found = Vec::new();
            found.push(terraform(config, tenant).await);
            for one in tenant.chats() {
                found.extend(chat(tenant, one).await);
            }
            found.extend(forge(config, tenant).await);
            let named = |(what, good): (String, Result<(), String>)| Looked {
                tenant: tenant.name.to_string(),
                what,
                wrong: good.err(),
                mild: false,
            };
            all.extend(found.into_iter().map(named));
            all.extend(rancher(tenant).await);
            all.extend(aws(tenant).await);
        }
        Ok(all)
    })
}

/// The program that would run. The runner itself is not asked: it would fetch one where there is none, and remember which one it found.
async fn terraform(config: &Config, tenant: &TenantConfig) -> (String, Result<(), String>) {
    let settings = wire::runner_settings(config, tenant, Vec::new());
    let found = Program::find(settings.program.as_deref(), &settings.search_path, &settings.data.join(BIN)).await;
    #[cfg(feature = "fetch")]
    if let (Err(_), None, Some(source)) = (&found, &settings.program, &settings.fetch) {
        return (format!("terraform: none that works here, so kaas will fetch OpenTofu {}", source.version), Ok(()));
    }
    ("terraform".to_owned(), found.map(drop).map_err(|trouble| trouble.to_string()))
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

/// Each right that kaas needs in AWS: everything is asked that a search of the account asks, and what could not be read is told.
async fn aws(tenant: &TenantConfig) -> Vec<Looked> {
    let named = |what: &str, wrong: Option<String>| Looked {
        tenant: tenant.name.to_string(),
        what: what.to_owned(),
        wrong,
        // Without it clusters are made all the same, and people read that it was not looked.
        mild: true,
    };
    let cloud = match wire::cloud(tenant, &SystemClock::shared()) {
        Ok(Some(cloud)) => cloud,
        Ok(None) => return Vec::new(),
        Err(fault) => return vec![named("AWS", Some(format!("{fault:#}")))],
    };
    match cloud.orphans(&[]).await {
        Ok(found) if found.unread.is_empty() => vec![named("AWS, what a search reads", None)],
        Ok(found) => by_reason(&found.unread).into_iter().map(|line| named("AWS", Some(line))).collect(),
        Err(trouble) => vec![named("AWS", Some(trouble.to_string()))],
    }
}

/// What could not be read, a line a reason: one that holds for everything is told once.
fn by_reason(unread: &[String]) -> Vec<String> {
    let mut reasons: Vec<(&str, Vec<&str>)> = Vec::new();
    for line in unread {
        let (what, why) = line.split_once(": ").unwrap_or((line, ""));
        match reasons.iter_mut().find(|(known, _)| *known == why) {
            Some((_, all)) => all.push(what),
            None => reasons.push((why, vec![what])),
        }
    }
    let told = |(why, what): (&str, Vec<&str>)| match why {
        "" => what.join(", "),
        why => format!("{}: {why}", what.join(", ")),
    };
    reasons.into_iter().map(told).collect()
}

async fn chat(tenant: &TenantConfig, chat: &ChatConfig) -> Vec<(String, Result<(), String>)> {
    match chat {
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
        #[cfg(feature = "discord")]
        ChatConfig::Discord(discord) => {
            let made = wire::discord_settings(tenant, discord).and_then(|settings| {
                let settings = crate::chat::discord::Settings { patience: std::time::Duration::ZERO, ..settings };
                crate::chat::discord::DiscordChat::new(settings, SystemClock::shared())
            });
            match made {
                Ok(chat) => {
                    let all = chat.check().await.into_iter();
                    all.map(|one| (format!("Discord, {}", one.what), one.found.map(drop))).collect()
                }
                Err(fault) => vec![("Discord".to_owned(), Err(format!("{fault:#}")))],
            }
        }
        #[cfg(not(feature = "discord"))]
        ChatConfig::Discord(_) => vec![("Discord".to_owned(), Err("this kaas was built without it".to_owned()))],
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

#[cfg(test)]
mod tests {
    use super::by_reason;

    #[test]
    fn what_holds_for_everything_is_told_once() {
        let unread = [
            "instances in eu-west-1: kaas has no credentials for AWS",
            "snapshots",
            "volumes in eu-west-1: kaas has no credentials for AWS",
            "addresses in eu-west-1: no right (ec2:DescribeAddresses)",
        ];
        assert_eq!(
            by_reason(&unread.map(str::to_owned)),
            [
                "instances in eu-west-1, volumes in eu-west-1: kaas has no credentials for AWS",
                "snapshots",
                "addresses in eu-west-1: no right (ec2:DescribeAddresses)",
            ]
        );
        assert!(by_reason(&[]).is_empty());
    }
}
