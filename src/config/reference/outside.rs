//! The keys of a tenant's chat, its forge and its account of AWS.

use super::Need::{Default, Optional, Required};
use super::keys::{LINE, PATH, key, key_of, parsed};
use super::{Key, Takes};
use crate::config::values as v;
use crate::lifecycle::form::Region;

pub(super) const CHAT: &[Key] = &[
    key("kind", Takes::Choice(&["terminal", "slack", "discord"]), Required, "Which chat."),
    key_of(
        "terminal",
        "channel",
        Takes::Text("a channel, such as #clusters", v::channel),
        Default("\"#clusters\""),
        "The channel that holds the cards.",
    ),
    key_of(
        "slack",
        "channel",
        Takes::Text("the id of a channel, such as C024BE91L", v::slack_channel),
        Required,
        "The channel that holds the cards. kaas has to be a member of it.",
    ),
    key_of("slack", "bot_token", Takes::Secret, Required, "The app's bot token (xoxb-…)."),
    key_of(
        "slack",
        "app_token",
        Takes::Secret,
        Optional("Slack has to reach kaas over HTTP"),
        "The app-level token (xapp-…) for Socket Mode, in which kaas needs no public address.",
    ),
    key_of(
        "slack",
        "signing_secret",
        Takes::Secret,
        Optional("Socket Mode"),
        "The app's signing secret, where Slack brings events over HTTP to /slack of web.listen.",
    ),
    key_of(
        "slack",
        "connections",
        Takes::Count(1, 10),
        Default("2"),
        "How many Socket Mode connections are held: while one is opened again, the others hear.",
    ),
    key_of(
        "slack",
        "approver_groups",
        Takes::Texts("a user group, such as @platform or S0614TZR7", v::slack_group),
        Default("[]"),
        "User groups whose members may approve and reject, besides policy.approvers. Who is in them is asked every two minutes, and holds for an hour where Slack does not answer.",
    ),
    key_of(
        "slack",
        "allow_shared",
        Takes::Flag,
        Default("false"),
        "Whether the channel may be shared with other workspaces.",
    ),
    key_of(
        "slack",
        "api_url",
        Takes::Text("the address of Slack's Web API", v::api),
        Default("\"https://slack.com/api\""),
        "Slack's Web API, or something that stands in for it.",
    ),
    SERVER,
    DISCORD_CHANNEL,
    BOT_TOKEN,
    APPROVER_ROLES,
    DISCORD,
];

const SERVER: Key = key_of(
    "discord",
    "server",
    Takes::Text("the id of a Discord server, such as 197038439483310086", v::discord_server),
    Required,
    "The Discord server (in Discord's own words: the guild) that kaas is in.",
);
const DISCORD_CHANNEL: Key = key_of(
    "discord",
    "channel",
    Takes::Text("the id of a channel, such as 290926798999357250", v::discord_channel),
    Required,
    "The channel that holds the cards. kaas has to be allowed to see it, to write there and to make threads.",
);
const BOT_TOKEN: Key = key_of("discord", "bot_token", Takes::Secret, Required, "The bot's token.");
const APPROVER_ROLES: Key = key_of(
    "discord",
    "approver_roles",
    Takes::Texts("the id of a role, such as 417719834231439360", v::discord_role),
    Default("[]"),
    "Roles whose members may approve and reject, besides policy.approvers. Looked at again for every vote.",
);
const DISCORD: Key = key_of(
    "discord",
    "api_url",
    Takes::Text("the address of Discord", v::api),
    Default("\"https://discord.com\""),
    "Discord, or something that stands in for it.",
);

pub(super) const SECOND_CHAT: &[Key] = &[
    key("kind", Takes::Choice(&["discord"]), Required, "Which chat."),
    SERVER,
    DISCORD_CHANNEL,
    BOT_TOKEN,
    APPROVER_ROLES,
    DISCORD,
];

pub(super) const FORGE: &[Key] = &[
    key(
        "kind",
        Takes::Choice(&["local", "github"]),
        Required,
        "Which forge. \"local\" is a bare git repository on this machine.",
    ),
    key_of("local", "path", PATH, Required, "The bare repository. It belongs to one tenant alone."),
    key_of(
        "github",
        "repository",
        Takes::Text("a repository, such as acme/clusters", v::repository),
        Required,
        "The repository. It belongs to one tenant alone.",
    ),
    key_of(
        "github",
        "base",
        Takes::Text("a branch, such as main", v::branch),
        Default("\"main\""),
        "The branch that says what exists.",
    ),
    key_of(
        "github",
        "app_id",
        Takes::Count(1, u64::MAX),
        Optional("the credential is a token"),
        "The id of the GitHub App that kaas is.",
    ),
    key_of(
        "github",
        "installation_id",
        Takes::Count(1, u64::MAX),
        Optional("the credential is a token"),
        "The id of the App's installation in the organisation.",
    ),
    key_of(
        "github",
        "credential",
        Takes::Secret,
        Required,
        "With app_id the App's private key, as PEM; without it a token that may write contents, pull requests and statuses.",
    ),
    key_of(
        "github",
        "webhook_secret",
        Takes::Secret,
        Optional("no webhooks: kaas looks every sweep_every"),
        "The webhook's secret, where GitHub brings events to /webhook/github of web.listen.",
    ),
    key_of(
        "github",
        "reviewers",
        Takes::Texts("a login, or a team such as acme/platform", v::reviewer),
        Default("[]"),
        "Who is asked for a review of every pull request.",
    ),
    key_of(
        "github",
        "labels",
        Takes::Texts("a label", v::label),
        Default("[]"),
        "The labels that every pull request is given.",
    ),
    key_of(
        "github",
        "api_url",
        Takes::Text("the address of GitHub's API", v::api),
        Default("\"https://api.github.com\""),
        "GitHub's API: of an Enterprise Server https://HOST/api/v3.",
    ),
    key_of(
        "github",
        "git_url",
        Takes::Text("the address that git fetches from", v::api),
        Optional("derived from api_url"),
        "Where git fetches the repository from.",
    ),
];

pub(super) const AWS_ABOUT: &str = "The account of AWS that the machines are made in, which kaas only reads: what would go wrong, what runs, and what is left. Without it, none of that is looked at.";

pub(super) const AWS: &[Key] = &[
    key(
        "regions",
        Takes::Texts("a region, such as eu-west-1", parsed::<Region>),
        Optional("those of the classes"),
        "The regions in which what belongs to no cluster is looked for.",
    ),
    key(
        "profile",
        LINE,
        Optional("AWS' standard chain: environment, shared files, web identity, containers, instance metadata"),
        "The profile of AWS' configuration files that says how to come to credentials. It wins over the environment.",
    ),
    key("profile_file", PATH, Optional("AWS' usual files"), "The file that holds the profile."),
    key(
        "endpoint_url",
        Takes::Text("the address of something that stands in for AWS", v::api),
        Optional("AWS itself"),
        "Where all of AWS is asked, such as a stand-in.",
    ),
];
