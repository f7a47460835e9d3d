//! A tenant: its adapters' settings, its people, its policy and its catalogue.

use std::collections::BTreeMap;
use std::path::{Path, PathBuf};
use std::time::Duration;

use jiff::tz::TimeZone;

use super::finding::{Report, join};
use super::outside::{self, AwsConfig, ChatConfig, ForgeConfig, secret};
use super::people::{People, Platform};
use super::secret::SecretRef;
use super::{catalogue, people, policy, raw, values};
use crate::lifecycle::PersonId;
use crate::lifecycle::catalogue::{Catalogue, Value};
use crate::lifecycle::form::TenantName;
use crate::lifecycle::policy::{Policy, RequesterRoles};
use crate::render::module::{Backend, Settings, StateAt};
use crate::render::plan::AllowList;

/// The role of whoever asks, where the file says nothing.
const REQUESTER_ROLE: &str = "cluster-owner";

/// A tenant.
#[derive(Debug, Clone, PartialEq)]
pub struct TenantConfig {
    /// Its name.
    pub name: TenantName,
    /// In which times are shown.
    pub time_zone: TimeZone,
    /// Where people talk.
    pub chat: ChatConfig,
    /// Where else they talk, about the same changes.
    pub second_chat: Option<ChatConfig>,
    /// Where pull requests live.
    pub forge: ForgeConfig,
    /// How terraform is run.
    pub runner: RunnerConfig,
    /// The Rancher that makes the clusters.
    pub rancher: RancherConfig,
    /// The account of AWS that the machines are made in, where kaas may look at it.
    pub aws: Option<AwsConfig>,
    /// What the files say that kaas writes.
    pub render: Settings,
    /// The attributes whose values people see in a plan.
    pub shown: AllowList,
    /// The folder of the tenant's own templates.
    pub templates_dir: Option<PathBuf>,
    /// Who may ask, who decides, and for how long.
    pub policy: Policy,
    /// Who is who.
    pub people: People,
    /// What people may choose from.
    pub catalogue: Catalogue,
}

/// How terraform is run.
#[derive(Debug, Clone, PartialEq, Eq)]
pub struct RunnerConfig {
    /// The program: a path, or a bare name to be looked for on the PATH; `None` is the first of terraform and tofu.
    pub program: Option<PathBuf>,
    /// How long an init may take.
    pub init_time_limit: Duration,
    /// How long a plan may take.
    pub plan_time_limit: Duration,
    /// How long an apply may take.
    pub apply_time_limit: Duration,
    /// How long terraform waits for a state lock.
    pub lock_wait: Duration,
    /// Which environment variables are passed on: names, and beginnings with a `*` behind them.
    pub pass_environment: Vec<String>,
    /// terraform's CLI configuration.
    pub cli_config_file: Option<PathBuf>,
}

/// The Rancher that makes the clusters.
#[derive(Debug, Clone, PartialEq, Eq)]
pub struct RancherConfig {
    /// Its address, without a slash at the end.
    pub url: String,
    /// The token of kaas' own user.
    pub token: SecretRef,
    /// The authority that signed its certificate, as PEM.
    pub ca_file: Option<PathBuf>,
    /// The e-mail addresses by which people are looked up who are not linked; none where that is not configured.
    pub emails: BTreeMap<PersonId, String>,
    /// The cloud credentials that clusters are made with, by name.
    pub cloud_credentials: Vec<String>,
    /// A group that is given a way in as well.
    pub team: Option<Team>,
    /// Groups that can be given ways in by command, by the name that people use.
    pub groups: BTreeMap<String, String>,
    /// Who is who in Rancher.
    pub links: BTreeMap<PersonId, String>,
}

/// A group of Rancher that is given a way into every cluster.
#[derive(Debug, Clone, PartialEq, Eq)]
pub struct Team {
    /// The group's principal.
    pub principal: String,
    /// The role it is given.
    pub role: String,
}

impl TenantConfig {
    /// Where people talk: one chat, or two of different kinds.
    pub fn chats(&self) -> impl Iterator<Item = &ChatConfig> {
        self.chat_tables().map(|(_, chat)| chat)
    }

    /// The chats, each with the name of its table.
    pub(super) fn chat_tables(&self) -> impl Iterator<Item = (&'static str, &ChatConfig)> {
        std::iter::once(("chat", &self.chat)).chain(self.second_chat.iter().map(|chat| ("second_chat", chat)))
    }
}

/// Builds a tenant. `None` where a part is missing, which has been reported then.
pub(super) fn tenant(name: &str, raw: &raw::Tenant, base: &Path, report: &mut Report) -> Option<TenantConfig> {
    let path = join("tenants", name);
    // Everything is looked at before anything is given up, so that all mistakes are told at once.
    let people = people::people(&raw.people, &join(&path, "people"), report);
    let approving = raw.second_chat.as_ref().map_or(&[][..], |chat| &chat.approver_roles);
    let has_groups = ![&raw.chat.approver_groups[..], &raw.chat.approver_roles, approving].concat().is_empty();
    let roles = requester_roles(raw);
    let asked = (has_groups, raw.rancher.match_email == Some(true));
    let policy = policy::policy(&raw.policy, &people, asked, &path, report);
    let catalogue = catalogue::catalogue(&raw.classes, &join(&path, "classes"), report);
    let rancher = rancher(raw, &people, base, (&join(&path, "rancher"), &join(&path, "people")), report);
    let aws = outside::aws(raw.aws.as_ref(), &catalogue, base, &join(&path, "aws"), report);
    let render = render(raw, base, &join(&path, "render"), report);
    let chat = outside::chat(&raw.chat, base, &join(&path, "chat"), report);
    let second = join(&path, "second_chat");
    let second_chat = outside::second_chat(raw.second_chat.as_ref(), chat.as_ref(), base, &second, report);
    let forge = outside::forge(&raw.forge, base, &join(&path, "forge"), report);
    Some(TenantConfig {
        name: name.parse().ok()?,
        time_zone: TimeZone::get(raw.time_zone.as_deref().unwrap_or("UTC")).ok()?,
        chat: chat?,
        second_chat,
        forge: forge?,
        runner: runner(&raw.runner, base)?,
        rancher: rancher?,
        aws,
        render: render?,
        shown: shown(&raw.render.shown),
        templates_dir: raw.render.templates_dir.as_ref().map(|dir| below(base, dir)),
        policy: Policy { roles, ..policy? },
        people,
        catalogue,
    })
}

fn runner(raw: &raw::Runner, base: &Path) -> Option<RunnerConfig> {
    // A bare name is looked for on the PATH; whatever has a slash is a path like all others.
    let program = |text: &String| if text.contains('/') { below(base, text) } else { PathBuf::from(text) };
    let length = |text: &Option<String>, default| values::duration(text.as_deref().unwrap_or(default)).ok();
    Some(RunnerConfig {
        program: raw.program.as_ref().map(program),
        init_time_limit: length(&raw.init_time_limit, "10m")?,
        plan_time_limit: length(&raw.plan_time_limit, "15m")?,
        apply_time_limit: length(&raw.apply_time_limit, "90m")?,
        lock_wait: length(&raw.lock_wait, "10s")?,
        pass_environment: raw.pass_environment.clone(),
        cli_config_file: raw.cli_config_file.as_ref().map(|file| below(base, file)),
    })
}

fn rancher(
    raw: &raw::Tenant,
    people: &People,
    base: &Path,
    (path, people_path): (&str, &str),
    report: &mut Report,
) -> Option<RancherConfig> {
    let raw = &raw.rancher;
    let url = raw.url.as_deref()?.trim_end_matches('/').to_owned();
    if url.starts_with("http://") && !values::is_loopback(&url) {
        let hint = "Use https://, so that the token is not sent in clear.";
        report.warning(&join(path, "url"), "is not encrypted, and not on this machine", hint);
    }
    let token = secret(&raw.token, base)?;
    let emails = if raw.match_email == Some(true) { people.links(Platform::Email) } else { BTreeMap::new() };
    if raw.match_email == Some(true) && emails.is_empty() && report.clean(people_path) {
        let hint = "Give people.*.email, or leave it out.";
        report.warning(&join(path, "match_email"), "finds nobody, because nobody has an e-mail address here", hint);
    }
    Some(RancherConfig {
        url,
        token,
        ca_file: raw.ca_file.as_ref().map(|file| below(base, file)),
        emails,
        cloud_credentials: raw.cloud_credentials.clone(),
        team: match &raw.team {
            None => None,
            Some(team) => Some(Team {
                principal: team.principal.clone()?,
                role: team.role.clone().unwrap_or_else(|| "cluster-member".to_owned()),
            }),
        },
        groups: raw.groups.clone(),
        links: people.links(Platform::Rancher),
    })
}

/// Which role whoever asks is given.
fn requester_roles(raw: &raw::Tenant) -> RequesterRoles {
    let of = |(id, person): (&String, &raw::Person)| Some((id.parse().ok()?, person.requester_role.clone()?));
    RequesterRoles {
        usual: raw.rancher.requester_role.clone().unwrap_or_else(|| REQUESTER_ROLE.to_owned()),
        classes: catalogue::roles(&raw.classes),
        people: raw.people.iter().filter_map(of).collect(),
    }
}

/// What kaas shows anyhow, and the tenant's own.
fn shown(raw: &BTreeMap<String, Vec<String>>) -> AllowList {
    raw.iter().fold(AllowList::default(), |list, (kind, paths)| {
        let paths: Vec<&str> = paths.iter().map(String::as_str).collect();
        list.with([(kind.as_str(), &paths[..])])
    })
}

/// A path of the file: a relative one starts at the folder of the file.
pub(super) fn below(base: &Path, path: impl AsRef<Path>) -> PathBuf {
    base.join(path).components().collect()
}

/// Backend arguments that carry a credential.
const CREDENTIALS: [&str; 6] =
    ["access_key", "secret_key", "token", "session_token", "sse_customer_key", "web_identity_token"];

fn render(tenant: &raw::Tenant, base: &Path, path: &str, report: &mut Report) -> Option<Settings> {
    let raw = &tenant.render;
    let (at_render, at) = (path, join(path, "backend"));
    let known = ["bucket", "key", "region", "use_lockfile", "path"];
    let backend = &raw.backend;
    let backend_extra = extra(&backend.extra, &known, &at, report);
    let foundation = raw.foundation.as_ref().map(|f| (f, extra(&f.extra, &known, &join(path, "foundation"), report)));
    if foundation.is_none() && report.clean(&join(path, "foundation")) {
        for (name, _) in tenant.classes.iter().filter(|(_, c)| !c.foundation.is_empty()) {
            let problem = format!("is missing, although the class {name} takes inputs from it");
            report.error(&join(path, "foundation"), problem, "Say where the state of the foundation lives.");
        }
    }
    // terraform's files are UTF-8, and so are the paths in them.
    let mut text = |key: &str, path: &String| {
        let path = below(base, path).to_str().map(str::to_owned);
        if path.is_none() {
            let hint = "Write a whole path, or move the file to a folder whose name is UTF-8.";
            report.error(&format!("{at_render}.{key}"), "starts at a folder whose name is not UTF-8", hint);
        }
        path
    };
    let backend = match backend.kind.as_deref()? {
        "s3" => Backend::S3 {
            bucket: backend.bucket.clone()?,
            region: backend.region.clone()?,
            prefix: backend.prefix.clone().unwrap_or_else(|| "clusters/".to_owned()),
            lockfile: backend.lockfile.unwrap_or(true),
            extra: backend_extra,
        },
        "local" => Backend::Local { dir: text("backend.dir", backend.dir.as_ref()?)? },
        _ => return None,
    };
    let foundation = match foundation {
        None => None,
        Some((raw, extra)) => Some(match raw.kind.as_deref()? {
            "s3" => {
                StateAt::S3 { bucket: raw.bucket.clone()?, region: raw.region.clone()?, key: raw.key.clone()?, extra }
            }
            "local" => StateAt::Local { path: text("foundation.path", raw.path.as_ref()?)? },
            _ => return None,
        }),
    };
    let mut settings = Settings::new(backend, foundation);
    if let Some(version) = &raw.required_version {
        settings.required_version.clone_from(version);
    }
    if let (Some(version), Some(provider)) = (&raw.provider_version, settings.providers.get_mut("rancher2")) {
        provider.version.clone_from(version);
    }
    Some(settings)
}

fn extra(
    raw: &BTreeMap<String, toml::Value>,
    known: &[&str],
    path: &str,
    report: &mut Report,
) -> BTreeMap<String, Value> {
    for name in raw.keys() {
        let at = join(&join(path, "extra"), name);
        if CREDENTIALS.contains(&name.as_str()) {
            let hint =
                "Leave it out and pass the credential on through terraform's environment (runner.pass_environment).";
            report.error(&at, "is a credential, and would be written into the repository", hint);
        } else if known.contains(&name.as_str()) {
            report.error(&at, "is given by a key of its own", "Leave it out here.");
        } else if raw[name].as_str().is_some_and(values::looks_secret) {
            report.error(
                &at,
                "looks like a secret in clear",
                "It would be written into the repository: leave it out, and make a new one.",
            );
        }
    }
    raw.iter().filter_map(|(k, v)| Some((k.clone(), values::value(v).ok()?))).collect()
}

const SHARED: &str = "Clusters of two tenants may have the same name: give each tenant its own.";

/// Reports what two tenants share that only one may have.
pub(super) fn apart(tenants: &[TenantConfig], report: &mut Report) {
    let mut owners: BTreeMap<(&str, String), &TenantName> = BTreeMap::new();
    let mut apps: BTreeMap<String, &TenantName> = BTreeMap::new();
    for tenant in tenants {
        let (forge_key, repository) = match &tenant.forge {
            ForgeConfig::Local { path } => ("path", path.display().to_string()),
            ForgeConfig::GitHub(github) => ("repository", format!("{} {}", github.api_url, github.repository)),
        };
        let at = |table: &str, key: &str| join(&join(&join("tenants", tenant.name.as_str()), table), key);
        for (table, chat) in tenant.chat_tables() {
            let (platform, token, place) = match chat {
                ChatConfig::Terminal { channel } => ("the terminal", None, channel.clone()),
                ChatConfig::Slack(slack) => {
                    ("the Slack app", Some(&slack.bot_token), format!("{} {}", slack.api_url, slack.channel))
                }
                ChatConfig::Discord(discord) => {
                    ("the Discord bot", Some(&discord.bot_token), format!("{} {}", discord.api_url, discord.channel))
                }
            };
            if let Some(other) = token.and_then(|token| apps.insert(token.to_string(), &tenant.name)) {
                let hint = match chat {
                    ChatConfig::Discord(_) => {
                        "Discord tells everybody who is connected as a bot all that it hears: give each tenant a bot of its own."
                    }
                    _ => {
                        "Slack gives each delivery to one connection of an app, whoever opened it: give each tenant an app of its own."
                    }
                };
                report.error(&at(table, "bot_token"), format!("is {platform} of the tenant {other}"), hint);
            }
            if let Some(other) = owners.insert(("chat", place), &tenant.name) {
                report.error(&at(table, "channel"), format!("is the channel of the tenant {other}"), SHARED);
            }
        }
        let states = match &tenant.render.backend {
            Backend::S3 { bucket, prefix, .. } => format!("{bucket}/{prefix}"),
            Backend::Local { dir } => dir.clone(),
        };
        let shared = [
            ("forge", forge_key, repository, "repository"),
            ("render", "backend", states, "place for terraform states"),
        ];
        for (table, key, place, what) in shared {
            if let Some(other) = owners.insert((table, place), &tenant.name) {
                report.error(&at(table, key), format!("is the {what} of the tenant {other}"), SHARED);
            }
        }
    }
}
