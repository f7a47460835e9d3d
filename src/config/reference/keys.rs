//! The table of keys. The order is the order of the reference.

use super::Need::{Default, Optional, Required};
use super::{Check, Key, Need, Section, Takes, classes, outside};
use crate::config::values as v;
use crate::lifecycle::PersonId;
use crate::lifecycle::form::{Invalid, Reason, Region, TenantName};

pub(super) const fn key(name: &'static str, takes: Takes, need: Need, about: &'static str) -> Key {
    Key { name, takes, need, of: None, about }
}

pub(super) const fn key_of(
    kind: &'static str,
    name: &'static str,
    takes: Takes,
    need: Need,
    about: &'static str,
) -> Key {
    Key { name, takes, need, of: Some(kind), about }
}

pub(super) const fn section(path: &'static str, required: bool, about: &'static str, keys: &'static [Key]) -> Section {
    Section { path, required, about, names: anything, keys }
}

pub(super) const fn named(path: &'static str, names: Check, about: &'static str, keys: &'static [Key]) -> Section {
    Section { path, required: true, about, names, keys }
}

fn anything(_: &str) -> Result<(), Invalid> {
    Ok(())
}

pub(super) fn parsed<T: std::str::FromStr<Err = Invalid>>(text: &str) -> Result<(), Invalid> {
    text.parse::<T>().map(drop)
}

pub(super) const LINE: Takes = Takes::Text("one line of text", v::one_line);
pub(super) const PATH: Takes = Takes::Text("a path", v::path);
const PERSON: &str = "the id of one of the tenant's people";
const EXTRA: &str = "Further arguments as terraform names them, such as encrypt, kms_key_id or assume_role. Credentials are refused: they belong into terraform's environment.";

/// All sections of the file.
pub const SECTIONS: &[Section] = &[
    section(
        "kaas",
        true,
        "The process.",
        &[key("data_dir", PATH, Required, "Where kaas keeps its records, run logs, workspaces and plan texts.")],
    ),
    section(
        "engine",
        false,
        "How work is done, tried again and looked after.",
        &[
            key(
                "lease",
                Takes::Duration("5s", "10m"),
                Default("\"1m\""),
                "How long a piece of work belongs to whoever took it. Long work renews it; after a crash it is taken up again when it is over.",
            ),
            key(
                "sweep_every",
                Takes::Duration("1s", "1h"),
                Default("\"5m\""),
                "How often everything open is compared with the forge, the chat and Rancher, so that nothing that was missed stays missed.",
            ),
            key(
                "poll_every",
                Takes::Duration("100ms", "5m"),
                Default("\"15s\""),
                "How often Rancher is asked while a cluster joins or is removed.",
            ),
            key(
                "attempts",
                Takes::Count(1, 100),
                Default("30"),
                "How often work that fails for now is tried before the change is stuck and a person has to look.",
            ),
            key(
                "backoff_first",
                Takes::Duration("100ms", "10m"),
                Default("\"5s\""),
                "The wait before the second attempt; it doubles with each further one.",
            ),
            key(
                "backoff_max",
                Takes::Duration("1s", "1h"),
                Default("\"5m\""),
                "The longest wait between two attempts.",
            ),
            key(
                "runs_at_once",
                Takes::Count(1, 256),
                Optional("one a processor core"),
                "How many inits and plans go on at once, over all tenants, dealt fairly among them.",
            ),
            key(
                "applies_at_once",
                Takes::Count(1, 1_024),
                Optional("four a processor core"),
                "How many applies go on at once, over all tenants. An apply mostly waits for Rancher, so there may be more of them.",
            ),
            key(
                "stop_grace",
                Takes::Duration("1s", "10m"),
                Default("\"1m\""),
                "How long a stopping kaas, or a stopped terraform, is given to end in order.",
            ),
        ],
    ),
    section(
        "log",
        false,
        "What kaas writes to its log, on standard error.",
        &[
            key("level", Takes::Choice(&["error", "warn", "info", "debug", "trace"]), Default("\"info\""), "How much."),
            key(
                "format",
                Takes::Choice(&["text", "json"]),
                Default("\"text\""),
                "For people, or one JSON object a line.",
            ),
        ],
    ),
    section(
        "web",
        false,
        "What kaas serves over HTTP: webhooks, /healthz, /readyz and /metrics. Without it, kaas listens nowhere.",
        &[key(
            "listen",
            Takes::Text("an IP address and a port, such as 127.0.0.1:3000", v::listen),
            Required,
            "Where it listens. In clear: whatever makes it reachable from outside adds TLS.",
        )],
    ),
    named(
        "tenants.*",
        parsed::<TenantName>,
        "A tenant: one team's or company's kaas. At least one.",
        &[key(
            "time_zone",
            Takes::Text("the name of a time zone, such as Europe/Berlin", v::time_zone),
            Default("\"UTC\""),
            "In which times are shown.",
        )],
    ),
    section("tenants.*.chat", true, "Where people talk to kaas.", outside::CHAT),
    section(
        "tenants.*.second_chat",
        false,
        "Discord besides Slack: every change is asked for, shown and decided in both.",
        outside::SECOND_CHAT,
    ),
    section("tenants.*.forge", true, "Where pull requests live.", outside::FORGE),
    section(
        "tenants.*.runner",
        false,
        "How terraform is run.",
        &[
            key(
                "program",
                PATH,
                Optional("terraform, or else tofu, on the PATH"),
                "The terraform (1.5 or later) or tofu (1.6 or later) to run. A bare name is looked for on the PATH.",
            ),
            key(
                "init_time_limit",
                Takes::Duration("10s", "4h"),
                Default("\"10m\""),
                "How long an init may take before it is stopped. It may have to download providers.",
            ),
            key(
                "plan_time_limit",
                Takes::Duration("10s", "4h"),
                Default("\"15m\""),
                "How long a plan may take before it is stopped.",
            ),
            key(
                "apply_time_limit",
                Takes::Duration("1m", "12h"),
                Default("\"90m\""),
                "How long an apply may take before it is stopped. Longer than the module's own timeouts of 60 minutes, so that terraform can say what was slow.",
            ),
            key(
                "lock_wait",
                Takes::Duration("1s", "1h"),
                Default("\"10s\""),
                "How long terraform waits for a state lock that somebody else holds. kaas tries again later, too.",
            ),
            key(
                "pass_environment",
                Takes::Texts(
                    "the name of an environment variable, or its beginning with a * behind it",
                    v::pass_environment,
                ),
                Default("[]"),
                "Which of kaas' own environment variables terraform sees, such as AWS_PROFILE or AWS_*. It sees no others.",
            ),
            key(
                "cli_config_file",
                PATH,
                Optional("none"),
                "terraform's CLI configuration, such as one that names a provider mirror.",
            ),
        ],
    ),
    section(
        "tenants.*.rancher",
        true,
        "The Rancher that makes the clusters.",
        &[
            key(
                "url",
                Takes::Text("the address of Rancher, such as https://rancher.example.com", v::url),
                Required,
                "Its address, without /v3 or /dashboard.",
            ),
            key(
                "token",
                Takes::Secret,
                Required,
                "The token of kaas' own user in Rancher: of kaas itself and of terraform.",
            ),
            key(
                "ca_file",
                PATH,
                Optional("the machine's own authorities"),
                "The authority that signed Rancher's certificate, as PEM.",
            ),
            key(
                "requester_role",
                Takes::Text("the id of a role template of Rancher", v::role),
                Default("\"cluster-owner\""),
                "The role that whoever asked for a cluster is given in it; a class may say otherwise, and a person's entry comes before both.",
            ),
            key(
                "match_email",
                Takes::Flag,
                Default("false"),
                "Whether people are looked up in Rancher by people.*.email who have no people.*.rancher and confirmed no link. Only a single user that may log in counts, by the name it logs in with, never by its display name; turn it on where whoever makes users in Rancher vouches for those names.",
            ),
            key(
                "cloud_credentials",
                Takes::Texts("the name of a cloud credential in Rancher", v::credential),
                Default("[]"),
                "The cloud credentials that the classes name. kaas rancher setup lets kaas' user read them, and kaas check says whether it can.",
            ),
            key(
                "groups",
                Takes::TextMap("the id of a group principal of Rancher, such as github_team://1234", v::principal),
                Default("{}"),
                "Groups that can be given ways in by command, by the name that people use: `/kaas access teal-otter group:billing`.",
            ),
        ],
    ),
    section(
        "tenants.*.rancher.team",
        false,
        "A group that is given a way into every cluster as well.",
        &[
            key(
                "principal",
                Takes::Text("the id of a group principal of Rancher, such as github_team://1234", v::principal),
                Required,
                "The group.",
            ),
            key(
                "role",
                Takes::Text("the id of a role template of Rancher", v::role),
                Default("\"cluster-member\""),
                "The role it is given.",
            ),
        ],
    ),
    section("tenants.*.aws", false, outside::AWS_ABOUT, outside::AWS),
    section(
        "tenants.*.render",
        true,
        "The terraform files that kaas writes.",
        &[
            key(
                "templates_dir",
                PATH,
                Optional("the templates that kaas brings"),
                "A folder of handlebars templates that stand in for kaas' own of the same name.",
            ),
            key(
                "required_version",
                Takes::Text("version constraints, such as >= 1.5", v::version),
                Default("\">= 1.5\""),
                "Which terraform may run the files.",
            ),
            key(
                "shown",
                Takes::Lists("the path of an attribute, such as tags.* or network.name", v::attribute),
                Default("{}"),
                "Attributes whose values people see in a plan, by resource type, besides those that kaas knows. All others are shown as (hidden), and what may carry a credential always is.",
            ),
            key(
                "provider_version",
                Takes::Text("version constraints, such as ~> 14.1", v::version),
                Default("\"~> 14.1\""),
                "Which rancher/rancher2 provider they use.",
            ),
        ],
    ),
    section(
        "tenants.*.render.backend",
        true,
        "Where the clusters' terraform states live: one state a cluster.",
        &[
            key("kind", Takes::Choice(&["s3", "local"]), Required, "In a bucket, or in a folder of this machine."),
            key_of("s3", "bucket", LINE, Required, "The bucket."),
            key_of(
                "s3",
                "region",
                Takes::Text("a region, such as eu-west-1", parsed::<Region>),
                Required,
                "Its region.",
            ),
            key_of(
                "s3",
                "prefix",
                Takes::Text("the beginning of a key, ending in /", v::prefix),
                Default("\"clusters/\""),
                "What comes before <cluster>.tfstate in the key.",
            ),
            key_of(
                "s3",
                "lockfile",
                Takes::Flag,
                Default("true"),
                "Whether terraform locks a state with a file beside it (terraform 1.10 or later).",
            ),
            key_of("s3", "extra", Takes::Values, Default("{}"), EXTRA),
            key_of("local", "dir", PATH, Required, "The folder. It belongs to one tenant alone."),
        ],
    ),
    section(
        "tenants.*.render.foundation",
        false,
        "Where the state of the tenant's foundation lives (network and the like), for classes that take inputs from its outputs.",
        &[
            key("kind", Takes::Choice(&["s3", "local"]), Required, "In a bucket, or in a file of this machine."),
            key_of("s3", "bucket", LINE, Required, "The bucket."),
            key_of(
                "s3",
                "region",
                Takes::Text("a region, such as eu-west-1", parsed::<Region>),
                Required,
                "Its region.",
            ),
            key_of("s3", "key", LINE, Required, "The state's key."),
            key_of("s3", "extra", Takes::Values, Default("{}"), EXTRA),
            key_of("local", "path", PATH, Required, "The state file."),
        ],
    ),
    section(
        "tenants.*.policy",
        true,
        "Who may ask, who decides, and for how long. Nobody ever approves what they asked for.",
        &[
            key(
                "requesters",
                Takes::Texts(PERSON, parsed::<PersonId>),
                Optional("all of the tenant's people"),
                "Who may ask for clusters. Admins always may.",
            ),
            key("approvers", Takes::Texts(PERSON, parsed::<PersonId>), Required, "Who may approve and reject."),
            key(
                "admins",
                Takes::Texts(PERSON, parsed::<PersonId>),
                Default("[]"),
                "Who may cancel, retry and destroy what belongs to others.",
            ),
            key(
                "reactions_up_to",
                Takes::Choice(&["green", "yellow", "red"]),
                Default("\"yellow\""),
                "The most dangerous plan that a reaction such as +1 approves. Above it, it takes a button or a command.",
            ),
            key(
                "review",
                Takes::Duration("10m", "60d"),
                Default("\"24h\""),
                "How long a review may take before the change is closed.",
            ),
            key(
                "remind_after",
                Takes::Duration("1m", "60d"),
                Default("\"4h\""),
                "How long approvers are waited for before they are asked once more.",
            ),
            key(
                "clusters_a_person",
                Takes::Count(1, 10_000),
                Optional("no limit"),
                "How many clusters and open requests one person may have.",
            ),
            key(
                "frozen",
                Takes::Text("one line of text", parsed::<Reason>),
                Optional("not frozen"),
                "Stops new changes for now; what people are told as the reason.",
            ),
        ],
    ),
    section(
        "tenants.*.policy.access",
        false,
        "Which ways into a cluster its owner, or an admin, may give to others by command.",
        &[
            key(
                "roles",
                Takes::Texts("the id of a role template of Rancher", v::role),
                Default("[\"cluster-member\"]"),
                "The roles that can be given; the first is the usual one. An empty list: nobody gives any.",
            ),
            key(
                "longest",
                Takes::Duration("1h", "730d"),
                Optional("as long as the cluster lives"),
                "The longest time for which one is given.",
            ),
        ],
    ),
    section(
        "tenants.*.policy.quorum",
        false,
        "How many people have to approve, by how dangerous the plan is.",
        &[
            key("green", Takes::Count(1, 20), Default("2"), "For a plan that touches nothing that exists."),
            key("yellow", Takes::Count(1, 20), Default("2"), "For a plan that changes something in place."),
            key("red", Takes::Count(1, 20), Default("2"), "For a plan that destroys or replaces something."),
        ],
    ),
    named(
        "tenants.*.people.*",
        parsed::<PersonId>,
        "A person, by an id that never changes. In the terminal chat the id is the name they speak under. At least one.",
        &[
            key(
                "name",
                Takes::Text("a name of at most 64 characters", v::person_name),
                Optional("the id"),
                "How others know them.",
            ),
            key(
                "slack",
                Takes::Text("a Slack user id, such as U024BE7LH", v::slack),
                Optional("not in Slack"),
                "Their Slack user id.",
            ),
            key(
                "discord",
                Takes::Text("a Discord user id, such as 175928847299117063", v::discord),
                Optional("not in Discord"),
                "Their Discord user id.",
            ),
            key("github", Takes::Text("a GitHub login", v::github), Optional("not in GitHub"), "Their GitHub login."),
            key("email", Takes::Text("an e-mail address", v::email), Optional("none"), "Their e-mail address."),
            key(
                "rancher",
                Takes::Text("a Rancher user id, such as u-abc12", v::rancher_user),
                Optional("gets no way in"),
                "Their user in Rancher, which is given the way into the clusters they ask for.",
            ),
            key(
                "requester_role",
                Takes::Text("the id of a role template of Rancher", v::role),
                Optional("what the class says, or else the tenant"),
                "The role that they are given in the clusters they ask for, of whichever class: it comes before those of the class and of the tenant.",
            ),
        ],
    ),
    classes::CLASS,
    classes::TTL,
    classes::SIZE,
    classes::WORKERS,
];
