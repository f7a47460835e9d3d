//! From a configuration to adapters: the only place that knows all of them.

use std::collections::BTreeMap;
use std::path::Path;
use std::sync::Arc;

use anyhow::Context;
use jiff::SignedDuration;
#[cfg(any(feature = "slack", feature = "discord", feature = "github"))]
use secrecy::ExposeSecret;
use secrecy::SecretString;

use crate::clock::SharedClock;
#[cfg(feature = "discord")]
use crate::config::DiscordConfig;
#[cfg(feature = "github")]
use crate::config::GitHubConfig;
#[cfg(any(feature = "slack", feature = "discord", feature = "github"))]
use crate::config::SecretRef;
#[cfg(feature = "slack")]
use crate::config::SlackConfig;
use crate::config::{ChatConfig, Config, Platform, TenantConfig};
use crate::engine::{Pace, Tenant};
use crate::forge::local::LocalForge;
use crate::lifecycle::policy::Policy;
use crate::lifecycle::{Person, Place};
use crate::ports::{Cloud, Forge};
use crate::rancher::{Rancher, Settings as RancherSettings, Team};
use crate::render::templates::Templates;
use crate::runner::terraform::{Limits, Settings as RunnerSettings, Terraform, passed_on};

/// The engine's pace, as configured.
pub fn pace(config: &Config) -> Pace {
    let engine = &config.engine;
    let signed = |duration| SignedDuration::try_from(duration).unwrap_or(SignedDuration::MAX);
    let poll = signed(engine.poll_every);
    Pace {
        lease: signed(engine.lease),
        poll,
        twice: poll,
        backoff: signed(engine.backoff_first),
        backoff_max: signed(engine.backoff_max),
        failures_max: engine.attempts,
        sweep: signed(engine.sweep_every),
        progress: poll.min(SignedDuration::from_secs(2)),
        grace: signed(engine.stop_grace),
    }
}

/// The runner's settings, as configured; `extra` is handed on to every terraform besides.
pub fn runner_settings(config: &Config, tenant: &TenantConfig, extra: Vec<(String, SecretString)>) -> RunnerSettings {
    let runner = &tenant.runner;
    let search_path = std::env::var("PATH").unwrap_or_default();
    let mut settings = RunnerSettings::new(&config.data_dir, search_path);
    settings.program.clone_from(&runner.program);
    settings.cli_config.clone_from(&runner.cli_config_file);
    settings.passed = passed_on(&runner.pass_environment, std::env::vars_os());
    settings.passed.extend(extra);
    settings.working = config.engine.runs_at_once;
    settings.applying = config.engine.applies_at_once;
    settings.shown = tenant.shown.clone();
    settings.limits = Limits {
        init: runner.init_time_limit,
        plan: runner.plan_time_limit,
        apply: runner.apply_time_limit,
        grace: config.engine.stop_grace,
        lock: runner.lock_wait,
        ..Limits::default()
    };
    #[cfg(feature = "fetch")]
    {
        settings.fetch = Some(crate::runner::fetch::Source::default());
    }
    settings
}

/// A repository on this machine.
///
/// # Errors
/// It cannot be opened.
pub async fn local_forge(path: &Path, clock: &SharedClock) -> anyhow::Result<Arc<dyn Forge>> {
    Ok(Arc::new(LocalForge::open(path, Arc::clone(clock)).await?))
}

/// A secret of kaas' own environment.
pub(crate) fn environment(name: &str) -> Option<String> {
    std::env::var(name).ok()
}

/// The cloud that a tenant's machines are made in, where it is looked at.
///
/// # Errors
/// This kaas was built without it, or what is configured makes no sense.
#[cfg_attr(not(feature = "aws"), expect(unused_variables, reason = "there is no adapter that would want the clock"))]
pub(super) fn cloud(tenant: &TenantConfig, clock: &SharedClock) -> anyhow::Result<Option<Arc<dyn Cloud>>> {
    let Some(aws) = &tenant.aws else { return Ok(None) };
    #[cfg(feature = "aws")]
    {
        use crate::cloud::ec2::{Ec2, Settings};
        let settings = Settings {
            regions: aws.regions.clone(),
            profile: aws.profile.clone(),
            profile_file: aws.profile_file.clone(),
            endpoint_url: aws.endpoint_url.clone(),
            prices: aws.prices.clone(),
            patience: crate::cloud::ec2::Patience::default(),
        };
        Ok(Some(Arc::new(Ec2::new(settings, Arc::clone(clock))?)))
    }
    #[cfg(not(feature = "aws"))]
    anyhow::bail!(
        "tenants.{}.aws: this kaas was built without AWS (the cargo feature `aws`): {}",
        tenant.name,
        aws.regions.join(", ")
    )
}

/// A tenant with its adapters.
///
/// # Errors
/// A secret or a file is missing, or a template is wrong.
pub fn tenant(
    tenant: &TenantConfig,
    forge: Arc<dyn Forge>,
    runner: Arc<Terraform>,
    clock: &SharedClock,
) -> anyhow::Result<Tenant> {
    Ok(Tenant {
        name: tenant.name.clone(),
        policy: Policy {
            certify: tenant.aws.is_some(),
            places: tenant.chats().map(|chat| place(tenant, chat)).collect(),
            ..tenant.policy.clone()
        },
        catalogue: tenant.catalogue.clone(),
        time_zone: tenant.time_zone.clone(),
        settings: tenant.render.clone(),
        templates: templates(tenant.templates_dir.as_deref())?,
        forge,
        reviewers: reviewers(tenant),
        runner,
        fleet: Arc::new(fleet(tenant, clock)?),
        users: tenant.people.links(Platform::Rancher),
        emails: tenant.rancher.emails.clone(),
        groups: tenant.rancher.groups.clone(),
        cloud: cloud(tenant, clock)?,
        rosters: Vec::new(),
    })
}

/// A tenant's Rancher.
///
/// # Errors
/// The token or a file is missing.
pub fn fleet(tenant: &TenantConfig, clock: &SharedClock) -> anyhow::Result<Rancher> {
    let rancher = &tenant.rancher;
    let mut settings = RancherSettings::new(&rancher.url, rancher.token.resolve(&environment)?);
    settings.ca = rancher.ca_file.as_deref().map(read_text).transpose()?;
    settings.people.clone_from(&rancher.links);
    settings.emails.clone_from(&rancher.emails);
    settings.roles = tenant.policy.roles.all();
    settings.roles.extend(tenant.policy.access.roles.iter().cloned());
    settings.team =
        rancher.team.as_ref().map(|team| Team { principal: team.principal.clone(), role: team.role.clone() });
    settings.credentials.clone_from(&rancher.cloud_credentials);
    Rancher::new(settings, Arc::clone(clock))
}

/// Where a tenant's changes are shown in a chat. Its name is that of the chat among all of this kaas.
pub fn place(tenant: &TenantConfig, chat: &ChatConfig) -> Place {
    let name = match chat {
        ChatConfig::Terminal { .. } => crate::chat::terminal::NAME.to_owned(),
        ChatConfig::Slack(_) | ChatConfig::Discord(_) => format!("{}:{}", chat.kind(), tenant.name),
    };
    Place { chat: name, channel: chat.channel().to_owned() }
}

/// Slack, as configured.
///
/// # Errors
/// A secret is missing, or only an example.
#[cfg(feature = "slack")]
pub fn slack_settings(tenant: &TenantConfig, slack: &SlackConfig) -> anyhow::Result<crate::chat::slack::Settings> {
    let (ids, mails) = (tenant.people.links(Platform::Slack), tenant.people.links(Platform::Email));
    let known = |person: &Person| crate::chat::slack::Known {
        slack: ids.get(&person.id).cloned(),
        email: mails.get(&person.id).cloned(),
        person: person.clone(),
    };
    Ok(crate::chat::slack::Settings {
        name: format!("slack:{}", tenant.name),
        api_url: slack.api_url.clone(),
        bot_token: secret(&slack.bot_token)?,
        app_token: slack.app_token.as_ref().map(secret).transpose()?,
        signing_secret: slack.signing_secret.as_ref().map(secret).transpose()?,
        channel: slack.channel.clone(),
        connections: slack.connections,
        reconnect: std::time::Duration::from_secs(5),
        patience: std::time::Duration::MAX,
        people: tenant.people.iter().map(known).collect(),
        groups: slack.approver_groups.clone(),
        allow_shared: slack.allow_shared,
        command: "/kaas".to_owned(),
    })
}

/// Discord, as configured.
///
/// # Errors
/// A secret is missing, or only an example.
#[cfg(feature = "discord")]
pub fn discord_settings(
    tenant: &TenantConfig,
    discord: &DiscordConfig,
) -> anyhow::Result<crate::chat::discord::Settings> {
    let ids = tenant.people.links(Platform::Discord);
    let known =
        |person: &Person| crate::chat::discord::Known { discord: ids.get(&person.id).cloned(), person: person.clone() };
    Ok(crate::chat::discord::Settings {
        name: format!("discord:{}", tenant.name),
        api_url: discord.api_url.clone(),
        patience: std::time::Duration::MAX,
        people: tenant.people.iter().map(known).collect(),
        roles: discord.approver_roles.clone(),
        ..crate::chat::discord::Settings::new(secret(&discord.bot_token)?, &discord.server, &discord.channel)
    })
}

/// What `/kaas` offers in a tenant's server.
#[cfg(feature = "discord")]
pub fn discord_definition(tenant: &TenantConfig) -> crate::chat::discord::Definition {
    crate::chat::discord::Definition {
        command: "kaas".to_owned(),
        catalogue: tenant.catalogue.clone(),
        roles: tenant.policy.access.roles.clone(),
    }
}

/// GitHub, as configured.
///
/// # Errors
/// A secret is missing, or only an example.
#[cfg(feature = "github")]
pub fn github_settings(
    config: &Config,
    tenant: &TenantConfig,
    github: &GitHubConfig,
) -> anyhow::Result<crate::forge::github::Settings> {
    use crate::forge::github::{Auth, Patience, Settings};
    let (owner, repo) = github.repository.split_once('/').unwrap_or_default();
    let auth = match github.app {
        Some((app_id, installation_id)) => {
            Auth::App { app_id, installation_id, key_pem: real(github.credential.resolve_lines(&environment)?)? }
        }
        None => Auth::Token(secret(&github.credential)?),
    };
    Ok(Settings {
        api_url: github.api_url.clone(),
        git_url: github.git_url.clone(),
        owner: owner.to_owned(),
        repo: repo.to_owned(),
        base: github.base.clone(),
        auth,
        webhook_secret: github.webhook_secret.as_ref().map(secret).transpose()?,
        reviewers: github.reviewers.clone(),
        labels: github.labels.clone(),
        mirror: config.data_dir.join("mirrors").join(format!("{}.git", tenant.name)),
        patience: Patience::default(),
    })
}

/// A secret on one line.
#[cfg(any(feature = "slack", feature = "discord", feature = "github"))]
fn secret(place: &SecretRef) -> anyhow::Result<SecretString> {
    real(place.resolve(&environment)?).with_context(|| format!("{place}"))
}

/// A secret that is not one of the examples.
#[cfg(any(feature = "slack", feature = "discord", feature = "github"))]
fn real(secret: SecretString) -> anyhow::Result<SecretString> {
    anyhow::ensure!(!is_example(secret.expose_secret()), "what is there is an example and no secret");
    Ok(secret)
}

/// Whether a secret is what stands in instructions in its place: `xoxb-xxxx-xxxx`, `ghp_XXXXXXXX`, `<token>`, `changeme`.
#[cfg(any(feature = "slack", feature = "discord", feature = "github"))]
fn is_example(secret: &str) -> bool {
    let text = secret.trim().to_lowercase();
    let words = ["changeme", "change-me", "change_me", "example", "your-", "your_", "...", "<"];
    // Of x alone, between separators: a key's own digits may hold a few of them by chance.
    let is_filling = |part: &str| part.len() >= 3 && part.bytes().all(|byte| byte == b'x');
    text.len() < 8 || words.iter().any(|word| text.contains(word)) || text.split(['-', '_']).any(is_filling)
}

/// Who is who in GitHub, by login: the links have it in lower case.
fn reviewers(tenant: &TenantConfig) -> BTreeMap<String, Person> {
    let logins = tenant.people.links(Platform::GitHub);
    let known = tenant.people.iter().filter_map(|person| Some((logins.get(&person.id)?.clone(), person.clone())));
    known.collect()
}

/// The templates that kaas brings, with those of a directory in their place.
fn templates(dir: Option<&Path>) -> anyhow::Result<Templates> {
    let Some(dir) = dir else { return Ok(Templates::default()) };
    let mut own = Vec::new();
    for entry in std::fs::read_dir(dir).with_context(|| format!("reading the templates in {}", dir.display()))? {
        let path = entry?.path();
        let name = path.file_name().and_then(|name| name.to_str()).unwrap_or_default();
        if name.ends_with(".hbs") {
            own.push((name.to_owned(), read_text(&path)?));
        }
    }
    Ok(Templates::with(own)?)
}

fn read_text(path: &Path) -> anyhow::Result<String> {
    std::fs::read_to_string(path).with_context(|| format!("reading {}", path.display()))
}

#[cfg(all(test, any(feature = "slack", feature = "discord", feature = "github")))]
mod tests {
    use super::*;

    #[test]
    fn examples_are_told_from_secrets() {
        for example in [
            "xoxb-xxxx-xxxx",
            "xapp-1-XXXX",
            "ghp_xxxxxxxxxxxx",
            "xoxb-your-token",
            "<token here>",
            "changeme",
            "x",
            "",
        ] {
            assert!(is_example(example), "{example}");
        }
        let key =
            "-----BEGIN RSA PRIVATE KEY-----\nMIIEpAIBAAKCAQEAxXXxYxxxx+gUxXxX/0aBcD\n-----END RSA PRIVATE KEY-----\n";
        for secret in [key, "xoxb-1234-5678-abcXXXXdef", "ghp_16C7e42F292c6912E7710c838347Ae178B4a"] {
            assert!(!is_example(secret), "{secret}");
        }
    }
}
