//! Where people talk, where pull requests live and where machines run: the chat, the forge and the AWS account of a tenant.

use std::collections::BTreeMap;
use std::path::{Path, PathBuf};

use super::finding::{Report, join};
use super::secret::SecretRef;
use super::tenant::below;
use super::{TenantConfig, raw, values};
use crate::lifecycle::catalogue::Catalogue;

/// Where people talk.
#[derive(Debug, Clone, PartialEq, Eq)]
pub enum ChatConfig {
    /// The terminal.
    Terminal {
        /// The channel that holds the cards: `#clusters`.
        channel: String,
    },
    /// Slack.
    Slack(SlackConfig),
    /// Discord.
    Discord(DiscordConfig),
}

impl ChatConfig {
    /// The word for its kind: `slack`.
    pub fn kind(&self) -> &'static str {
        match self {
            Self::Terminal { .. } => "terminal",
            Self::Slack(_) => "slack",
            Self::Discord(_) => "discord",
        }
    }

    /// The channel that holds the cards.
    pub fn channel(&self) -> &str {
        match self {
            Self::Terminal { channel } => channel,
            Self::Slack(slack) => &slack.channel,
            Self::Discord(discord) => &discord.channel,
        }
    }
}

/// Discord, as a chat.
#[derive(Debug, Clone, PartialEq, Eq)]
pub struct DiscordConfig {
    /// The server's id.
    pub server: String,
    /// The id of the channel that holds the cards.
    pub channel: String,
    /// The bot's token.
    pub bot_token: SecretRef,
    /// The roles whose members approve.
    pub approver_roles: Vec<String>,
    /// Discord.
    pub api_url: String,
}

/// Slack, as a chat.
#[derive(Debug, Clone, PartialEq, Eq)]
pub struct SlackConfig {
    /// The id of the channel that holds the cards.
    pub channel: String,
    /// The bot token.
    pub bot_token: SecretRef,
    /// The app-level token, for Socket Mode.
    pub app_token: Option<SecretRef>,
    /// The signing secret, for HTTP.
    pub signing_secret: Option<SecretRef>,
    /// How many Socket Mode connections are held.
    pub connections: u32,
    /// The user groups whose members approve.
    pub approver_groups: Vec<String>,
    /// Whether the channel may be shared with other workspaces.
    pub allow_shared: bool,
    /// Slack's Web API.
    pub api_url: String,
}

/// Where pull requests live.
#[derive(Debug, Clone, PartialEq, Eq)]
pub enum ForgeConfig {
    /// A bare repository on this machine.
    Local {
        /// Where it lies.
        path: PathBuf,
    },
    /// GitHub.
    GitHub(Box<GitHubConfig>),
}

/// GitHub, as a forge.
#[derive(Debug, Clone, PartialEq, Eq)]
pub struct GitHubConfig {
    /// The repository: `acme/clusters`.
    pub repository: String,
    /// The branch that says what exists.
    pub base: String,
    /// The App's id and its installation's; `None` where the credential is a token.
    pub app: Option<(u64, u64)>,
    /// The App's private key, or the token.
    pub credential: SecretRef,
    /// The webhook's secret.
    pub webhook_secret: Option<SecretRef>,
    /// Who is asked for a review.
    pub reviewers: Vec<String>,
    /// The labels of every pull request.
    pub labels: Vec<String>,
    /// GitHub's API.
    pub api_url: String,
    /// Where git fetches from; `None` is derived from the API's address.
    pub git_url: Option<String>,
}

/// The account of AWS that machines are made in.
#[derive(Debug, Clone, PartialEq, Eq)]
pub struct AwsConfig {
    /// The regions, each once. Never empty.
    pub regions: Vec<String>,
    /// The profile that says how to come to credentials; `None` is the standard chain.
    pub profile: Option<String>,
    /// Where profiles stand, if not in the usual files.
    pub profile_file: Option<PathBuf>,
    /// Where AWS is asked, if not at AWS.
    pub endpoint_url: Option<String>,
    /// What a machine costs a month, in US cents, by its type: what the classes say of their sizes.
    pub prices: BTreeMap<String, u64>,
}

pub(super) fn aws(
    raw: Option<&raw::Aws>,
    catalogue: &Catalogue,
    base: &Path,
    path: &str,
    report: &mut Report,
) -> Option<AwsConfig> {
    let raw = raw?;
    let classes = &catalogue.classes;
    let of_classes = || classes.iter().flat_map(|class| &class.regions).map(ToString::to_string).collect();
    let mut regions: Vec<String> = raw.regions.clone().unwrap_or_else(of_classes);
    regions.sort();
    regions.dedup();
    if raw.regions.as_ref().is_some_and(Vec::is_empty) {
        report.error(
            &join(path, "regions"),
            "is empty",
            "Name the regions, or leave it out: then they are those of the classes.",
        );
    }
    let sizes = classes.iter().flat_map(|class| &class.sizes);
    let prices = sizes.filter_map(|size| Some((size.instance_type.clone(), size.cents_a_node_month?))).collect();
    let endpoint_url = raw.endpoint_url.as_deref().map(|url| url.trim_end_matches('/').to_owned());
    if endpoint_url.as_deref().is_some_and(|url| url.starts_with("http://") && !values::is_loopback(url)) {
        let hint = "Use https://, so that nobody else can answer.";
        report.warning(&join(path, "endpoint_url"), "is not encrypted, and not on this machine", hint);
    }
    let profile_file = raw.profile_file.as_ref().map(|file| below(base, file));
    Some(AwsConfig { regions, profile: raw.profile.clone(), profile_file, endpoint_url, prices })
}

pub(super) fn chat(raw: &raw::Chat, base: &Path, path: &str, report: &mut Report) -> Option<ChatConfig> {
    match raw.kind.as_deref()? {
        "terminal" => {
            Some(ChatConfig::Terminal { channel: raw.channel.clone().unwrap_or_else(|| "#clusters".to_owned()) })
        }
        "slack" => {
            let (app_token, signing_secret) = (secret(&raw.app_token, base), secret(&raw.signing_secret, base));
            if app_token.is_none() && signing_secret.is_none() && report.clean(path) {
                let hint = "Give app_token for Socket Mode, or signing_secret for HTTP.";
                report.error(path, "says no way in which Slack brings what people say", hint);
            }
            Some(ChatConfig::Slack(SlackConfig {
                channel: raw.channel.clone()?,
                bot_token: secret(&raw.bot_token, base)?,
                app_token,
                signing_secret,
                connections: u32::try_from(raw.connections.unwrap_or(2)).ok()?,
                approver_groups: raw.approver_groups.clone(),
                allow_shared: raw.allow_shared.unwrap_or(false),
                api_url: api_url(raw.api_url.as_deref(), "https://slack.com/api", path, report),
            }))
        }
        "discord" => discord(
            raw.server.as_ref(),
            raw.channel.as_ref(),
            &raw.bot_token,
            &raw.approver_roles,
            raw.api_url.as_deref(),
            (base, path),
            report,
        ),
        _ => None,
    }
}

/// The second chat, which is of another kind than the first: a person is one and the same in both.
pub(super) fn second_chat(
    raw: Option<&raw::SecondChat>,
    first: Option<&ChatConfig>,
    base: &Path,
    path: &str,
    report: &mut Report,
) -> Option<ChatConfig> {
    let raw = raw?;
    if first.is_some_and(|first| first.kind() == "discord") {
        let hint =
            "Make Slack the first chat, or leave the second one out; for two channels of one server, make two tenants.";
        report.error(&join(path, "kind"), "is of the same kind as the first chat", hint);
    }
    let parts = (raw.server.as_ref(), raw.channel.as_ref());
    discord(parts.0, parts.1, &raw.bot_token, &raw.approver_roles, raw.api_url.as_deref(), (base, path), report)
}

fn discord(
    server: Option<&String>,
    channel: Option<&String>,
    bot_token: &raw::Secret,
    approver_roles: &[String],
    url: Option<&str>,
    (base, path): (&Path, &str),
    report: &mut Report,
) -> Option<ChatConfig> {
    Some(ChatConfig::Discord(DiscordConfig {
        server: server?.clone(),
        channel: channel?.clone(),
        bot_token: secret(bot_token, base)?,
        approver_roles: approver_roles.to_vec(),
        api_url: api_url(url, "https://discord.com", path, report),
    }))
}

pub(super) fn forge(raw: &raw::Forge, base: &Path, path: &str, report: &mut Report) -> Option<ForgeConfig> {
    match raw.kind.as_deref()? {
        "local" => Some(ForgeConfig::Local { path: below(base, raw.path.as_ref()?) }),
        "github" => {
            let app = match (raw.app_id, raw.installation_id) {
                (Some(app), Some(installation)) => Some((app, installation)),
                (None, None) => None,
                (id, _) => {
                    let (here, missing) =
                        if id.is_some() { ("app_id", "installation_id") } else { ("installation_id", "app_id") };
                    let hint = format!("Give {missing} as well, or leave both out and use a token.");
                    report.error(&join(path, here), format!("stands without {missing}"), hint);
                    None
                }
            };
            Some(ForgeConfig::GitHub(Box::new(GitHubConfig {
                repository: raw.repository.clone()?,
                base: raw.base.clone().unwrap_or_else(|| "main".to_owned()),
                app,
                credential: secret(&raw.credential, base)?,
                webhook_secret: secret(&raw.webhook_secret, base),
                reviewers: raw.reviewers.clone(),
                labels: raw.labels.clone(),
                api_url: api_url(raw.api_url.as_deref(), "https://api.github.com", path, report),
                git_url: raw.git_url.as_deref().map(|url| url.trim_end_matches('/').to_owned()),
            })))
        }
        _ => None,
    }
}

/// An address without the slash at its end; one that is not encrypted, and not this machine, is warned of.
fn api_url(given: Option<&str>, usual: &str, path: &str, report: &mut Report) -> String {
    let url = given.unwrap_or(usual).trim_end_matches('/');
    if url.starts_with("http://") && !values::is_loopback(url) {
        let hint = "Use https://, so that tokens are not sent in clear.";
        report.warning(&join(path, "api_url"), "is not encrypted, and not on this machine", hint);
    }
    url.to_owned()
}

/// Where a secret is; `None` where none is given.
pub(super) fn secret(raw: &raw::Secret, base: &Path) -> Option<SecretRef> {
    match (&raw.env, &raw.file) {
        (Some(name), None) => Some(SecretRef::Env(name.clone())),
        (None, Some(file)) => Some(SecretRef::File(below(base, file))),
        _ => None,
    }
}

/// Reports what waits for deliveries over HTTP where kaas listens nowhere.
pub(super) fn reachable(tenants: &[TenantConfig], listens: bool, report: &mut Report) {
    if listens {
        return;
    }
    for tenant in tenants {
        let at = |table: &str, key: &str| join(&join(&join("tenants", tenant.name.as_str()), table), key);
        let hint = "Add [web] with listen, or leave this out.";
        for (table, chat) in tenant.chat_tables() {
            if matches!(chat, ChatConfig::Slack(slack) if slack.app_token.is_none()) {
                report.error(&at(table, "signing_secret"), "waits for Slack over HTTP, and kaas listens nowhere", hint);
            }
        }
        if matches!(&tenant.forge, ForgeConfig::GitHub(github) if github.webhook_secret.is_some()) {
            report.error(&at("forge", "webhook_secret"), "waits for webhooks, and kaas listens nowhere", hint);
        }
    }
}
