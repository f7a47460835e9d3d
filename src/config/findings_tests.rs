//! What people are told about their mistakes.

use std::path::Path;

use proptest::prelude::*;

use super::{Config, Findings, Severity};

const EXAMPLE: &str = include_str!("../../kaas.example.toml");

fn findings(text: &str) -> Findings {
    match Config::parse(text, Path::new("/etc/kaas")) {
        Ok(config) => Findings(config.warnings),
        Err(findings) => findings,
    }
}

/// The example with replacements, each of which has to meet something.
fn edited(edits: &[(&str, &str)]) -> String {
    edits.iter().fold(EXAMPLE.to_owned(), |text, (from, to)| {
        assert!(text.contains(from), "the example does not hold {from}");
        text.replacen(from, to, 1)
    })
}

/// The findings without their lines, which move with the example.
fn told(text: &str) -> String {
    let mut findings = findings(text);
    findings.0.iter_mut().for_each(|f| f.line = None);
    findings.to_string()
}

#[test]
fn the_example_has_no_findings() {
    assert_eq!(findings(EXAMPLE).to_string(), "");
}

#[test]
fn all_mistakes_of_the_shape_at_once() {
    let text = edited(&[
        ("sweep_every = \"5m\"", "sweep_evry = \"5m\""),
        ("lease = \"1m\"", "lease = 60"),
        ("attempts = 30", "attempts = 0"),
        ("backoff_max = \"5m\"", "backoff_max = \"2 hours\""),
        ("level = \"info\"", "level = \"inof\""),
        ("time_zone = \"Europe/Berlin\"", "time_zone = \"Europe/Berln\""),
        ("kind = \"slack\"", "kind = \"teams\""),
        ("pass_environment = [\"AWS_*\"", "pass_environment = [\"TF_LOG\", \"*\""),
        ("url = \"https://rancher.example.com\"", "url = \"https://kaas:hunter2@rancher.example.com\""),
        ("principal = \"github_team://1234567\"", "principal = \"local://u-1\""),
        ("lockfile = true", "lockfile = \"yes\""),
        ("[tenants.acme.people.alice]", "[tenants.acme.people.\"alice smith\"]"),
        ("kubernetes = [\"v1.33.5+rke2r1\"", "kubernetes = [\"1.33\""),
        ("workers = { min = 1, default = 3, max = 10 }", "workers = 3"),
        ("dollars_a_node_month = 103.00", "dollars_a_node_month = 103.005"),
        ("instance_type = \"m6i.large\"", ""),
    ]);
    insta::assert_snapshot!(told(&text), @r#"
    engine.lease: is a number. It takes a length of time, such as "30s" or "4h", from 5s to 10m.
    engine.sweep_evry: there is no such key here. Did you mean sweep_every? There is: lease, sweep_every, poll_every, attempts, backoff_first, backoff_max, runs_at_once, applies_at_once, stop_grace.
    engine.attempts: is too small. It takes a whole number from 1 to 100.
    engine.backoff_max: is not a length of time. A number with ms, s, m, h, d or w, such as "30s" or "4h".
    log.level: is none of the words that it takes. Did you mean info? There is: error, warn, info, debug, trace.
    tenants.acme.time_zone: is not a time zone. A name of the IANA database, such as Europe/Berlin or UTC.
    tenants.acme.chat.kind: is none of the words that it takes. There is: terminal, slack, discord.
    tenants.acme.runner.pass_environment.0: is set by kaas alone. Variables of the cloud and the network, such as AWS_PROFILE, AWS_* or HTTPS_PROXY.
    tenants.acme.runner.pass_environment.1: is not the name of an environment variable. Letters, digits and _, such as ACME_RANCHER_TOKEN.
    tenants.acme.rancher.url: has credentials in it. The address alone; secrets have keys of their own.
    tenants.acme.rancher.team.principal: is a person and not a group. A group's principal, such as github_team://1234.
    tenants.acme.render.backend.lockfile: is text. It takes true or false.
    tenants.acme.policy.requesters.0: alice is none of the tenant's people. There is: bob, carol, dave, erin.
    tenants.acme.people."alice smith": is not a person's id. Letters, digits and . _ : @ -.
    tenants.acme.classes.aws.kubernetes.0: is not a Kubernetes version. Such as v1.33.5+rke2r1 or v1.33.5+k3s1.
    tenants.acme.classes.aws.sizes.small.instance_type: is missing. It takes a machine type, such as m6i.large.
    tenants.acme.classes.aws.sizes.small.workers: is a number. It takes a table.
    tenants.acme.classes.aws.sizes.small.dollars_a_node_month: is not an amount of US dollars. At most two decimals and 1,000,000, such as 103 or 288.75.
    "#);
}

#[test]
fn all_mistakes_of_the_sense_at_once() {
    let text = edited(&[
        ("backoff_first = \"5s\"", "backoff_first = \"10m\""),
        ("approvers = [\"bob\", \"carol\", \"dave\"]", "approvers = [\"bob\", \"carlo\", \"bob\"]"),
        ("slack = \"U0R7JM3FS\", github = \"bob-brandt\"", "slack = \"U024BE7LH\", github = \"Alice-A\""),
        ("name = \"Carol Cziz\"", "name = \"bob\""),
        ("default = \"7d\", max = \"30d\"", "default = \"60d\", max = \"30d\""),
        ("[\"v1.33.5+rke2r1\", \"v1.32.9+rke2r1\"]", "[\"v1.33.5+rke2r1\", \"v1.33.5+rke2r1\"]"),
        ("workers = { min = 1, default = 3, max = 10 }", "workers = { min = 1, default = 30, max = 10 }"),
        ("name = \"large\"", "name = \"small\""),
        ("control_planes = 3", "control_planes = 2"),
        ("vpc_id = \"vpc_id\", public", "owner = \"owner\", public"),
        ("extra = { encrypt = true", "extra = { secret_key = \"x\", key = \"y\""),
        (
            "{ kind = \"local\", path = \"/var/lib/kaas/lab.git\" }",
            "{ kind = \"github\", repository = \"acme/clusters\", installation_id = 7, credential = { env = \"T\" } }",
        ),
        ("app_token = { env = \"ACME_SLACK_APP_TOKEN\" }", ""),
        ("signing_secret = { env = \"ACME_SLACK_SIGNING_SECRET\" }", ""),
        ("foundation = { kind = \"local\", path = \"/var/lib/kaas/lab-foundation.tfstate\" }", ""),
        ("ami-0d1e2f3a4b5c6d7e8", "AKIAIOSFODNN7EXAMPLE"),
    ]);
    insta::assert_snapshot!(told(&text), @"
    engine.backoff_first: is longer than backoff_max. Make it at most backoff_max, or backoff_max longer.
    tenants.acme.chat: says no way in which Slack brings what people say. Give app_token for Socket Mode, or signing_secret for HTTP.
    tenants.acme.render.backend.extra.key: is given by a key of its own. Leave it out here.
    tenants.acme.render.backend.extra.secret_key: is a credential, and would be written into the repository. Leave it out and pass the credential on through terraform's environment (runner.pass_environment).
    tenants.acme.policy.approvers.1: carlo is none of the tenant's people. Did you mean carol? There is: alice, bob, carol, dave, erin.
    tenants.acme.policy.approvers.2: bob is named twice. Name everybody once.
    tenants.acme.people.bob.slack: bob and alice have the same identity. Two entries of one human being could approve twice: make them one entry, or mend the identity.
    tenants.acme.people.bob.github: bob and alice have the same identity. Two entries of one human being could approve twice: make them one entry, or mend the identity.
    tenants.acme.people.carol.name: carol and bob are called the same. Whoever votes has to be told apart: give one of them another name.
    tenants.acme.classes.aws.kubernetes.1: v1.33.5+rke2r1 is there twice. Name each once.
    tenants.acme.classes.aws.ttl.default: is longer than max. Make it at most 30 days, or max at least 60 days.
    tenants.acme.classes.aws.foundation.owner: is an input that kaas fills in itself. Leave it out; kaas gives name, instance_type, worker_num, region, kubernetes_version, control_plane_num, request_id, owner.
    tenants.acme.classes.aws.values.ami: looks like a secret in clear. It would be written into the repository: leave it out, make a new one, and let Rancher or terraform's environment hold it.
    tenants.acme.classes.aws.sizes.small.workers.default: is not between min and max. Make it 1 to 10.
    tenants.acme.classes.aws.sizes.1.name: small is there twice. Give every size of a class its own name.
    tenants.acme.classes.aws.sizes.1.control_planes: is an even number. Make it 1, 3, 5 or 7: etcd decides by majority, and an even number only adds a node that can fail.
    tenants.lab.forge.installation_id: stands without app_id. Give app_id as well, or leave both out and use a token.
    tenants.lab.forge.repository: is the repository of the tenant acme. Clusters of two tenants may have the same name: give each tenant its own.
    tenants.lab.render.foundation: is missing, although the class k3s takes inputs from it. Say where the state of the foundation lives.
    ");
}

#[test]
fn a_policy_that_nobody_could_satisfy() {
    let lab = ("approvers = [\"frank\", \"grace\"]\n", "approvers = [\"frank\"]\n");
    insta::assert_snapshot!(told(&edited(&[lab])), @r#"tenants.lab.policy.quorum: warning: asks for 1 approval, which a request of frank could not get. Name one more approver, or ask for fewer; whoever asks does not count."#);
    insta::assert_snapshot!(told(&edited(&[lab, ("green = 1, yellow = 1, red = 1", "red = 2")])), @r#"tenants.lab.policy.quorum: asks for 2 approvals, which nobody's request could get. Name more approvers, or ask for fewer; whoever asks does not count. There is: frank."#);
    let nobody = ("approvers = [\"frank\", \"grace\"]\n", "approvers = []\nrequesters = []\n");
    insta::assert_snapshot!(told(&edited(&[nobody])), @r#"
    tenants.lab.policy.approvers: names nobody, so no request could ever be approved. Name who decides. There is: frank, grace.
    tenants.lab.policy.requesters: names nobody, and there is no admin, so nobody could ask for a cluster. Name who may ask, or leave the key out so that all of the tenant's people may.
    "#);
    let nowhere = ("slack = \"U0R7JM3FV\", rancher = \"u-p2h6v\"", "slack = \"U0R7JM3FV\"");
    let shared = (
        "{ kind = \"terminal\", channel = \"#lab\" }",
        "{ kind = \"slack\", channel = \"C024BE91L\", bot_token = { env = \"ACME_SLACK_BOT_TOKEN\" }, signing_secret = { env = \"S\" } }",
    );
    insta::assert_snapshot!(told(&edited(&[nowhere, shared])), @"
    tenants.acme.people.erin.rancher: warning: is missing, so they could ask for clusters, and get no way in. Name their user in Rancher, or leave them out of requesters and admins.
    tenants.lab.chat.bot_token: is the Slack app of the tenant acme. Slack gives each delivery to one connection of an app, whoever opened it: give each tenant an app of its own.
    tenants.lab.chat.channel: is the channel of the tenant acme. Clusters of two tenants may have the same name: give each tenant its own.
    ");
    let late = ("remind_after = \"4h\"", "remind_after = \"24h\"");
    let clear = ("url = \"https://rancher.example.com\"", "url = \"http://rancher.example.com\"");
    insta::assert_snapshot!(told(&edited(&[late, clear])), @r#"
    tenants.acme.rancher.url: warning: is not encrypted, and not on this machine. Use https://, so that the token is not sent in clear.
    tenants.acme.policy.remind_after: warning: is not shorter than review, so nobody is ever reminded. Make it shorter than review, so that approvers are asked once more before it is too late.
    "#);
}

#[test]
fn a_bot_and_a_channel_belong_to_one_tenant() {
    let bot = ("STUDIO_DISCORD_BOT_TOKEN", "ACME_DISCORD_BOT_TOKEN");
    let channel = ("697138785317814292", "290926798999357250");
    insta::assert_snapshot!(told(&edited(&[bot, channel])), @"
    tenants.studio.chat.bot_token: is the Discord bot of the tenant acme. Discord tells everybody who is connected as a bot all that it hears: give each tenant a bot of its own.
    tenants.studio.chat.channel: is the channel of the tenant acme. Clusters of two tenants may have the same name: give each tenant its own.
    ");
    let first = (
        "kind = \"terminal\", channel = \"#lab\" }\n",
        "kind = \"discord\", server = \"613425648685547542\", channel = \"697138785317814293\", bot_token = { env = \"LAB\" } }\nsecond_chat = { kind = \"discord\", server = \"6\", channel = \"general\", bot_token = { env = \"LAB2\" }, approver_roles = [\"@admins\"] }\n",
    );
    insta::assert_snapshot!(told(&edited(&[first])), @r#"
    tenants.lab.second_chat.server: is not the id of a Discord server. The number that "Copy Server ID" gives, in quotes, such as "197038439483310086".
    tenants.lab.second_chat.channel: is not the id of a Discord channel. The number that "Copy Channel ID" gives, in quotes, such as "290926798999357250".
    tenants.lab.second_chat.approver_roles.0: is not the id of a Discord role. The number that "Copy Role ID" gives, in quotes, such as "417719834231439360".
    tenants.lab.second_chat.kind: is of the same kind as the first chat. Make Slack the first chat, or leave the second one out; for two channels of one server, make two tenants.
    "#);
}

#[test]
fn whoever_waits_for_http_needs_it() {
    let nowhere = ("[web]\n", "");
    let listen = ("listen = \"127.0.0.1:3000\"\n", "");
    let http = ("app_token = { env = \"ACME_SLACK_APP_TOKEN\" }\n", "");
    insta::assert_snapshot!(told(&edited(&[nowhere, listen, http])), @"
    tenants.acme.chat.signing_secret: waits for Slack over HTTP, and kaas listens nowhere. Add [web] with listen, or leave this out.
    tenants.acme.forge.webhook_secret: waits for webhooks, and kaas listens nowhere. Add [web] with listen, or leave this out.
    ");
}

#[test]
fn what_is_missing_altogether() {
    insta::assert_snapshot!(told(""), @r#"
    kaas: is missing. The process. It needs data_dir.
    tenants: is missing. A tenant: one team's or company's kaas. At least one.
    "#);
    insta::assert_snapshot!(told("[tenants.acme]\n[tenants.acme.render.backend]\nkind = \"local\"\nbucket = \"b\""), @r#"
    tenants.acme.chat: is missing. Where people talk to kaas. It needs kind.
    tenants.acme.forge: is missing. Where pull requests live. It needs kind.
    tenants.acme.rancher: is missing. The Rancher that makes the clusters. It needs url, token.
    tenants.acme.policy: is missing. Who may ask, who decides, and for how long. Nobody ever approves what they asked for. It needs approvers.
    tenants.acme.people: is missing. A person, by an id that never changes. In the terminal chat the id is the name they speak under. At least one.
    tenants.acme.classes: is missing. A class of clusters: a module, and what a person may choose about it. At least one. It needs description, module, kubernetes, regions.
    tenants.acme.render.backend.dir: is missing. It takes a path.
    tenants.acme.render.backend.bucket: belongs to kind "s3". Leave it out, or write kind = "s3".
    kaas: is missing. The process. It needs data_dir.
    "#);
}

#[test]
fn findings_carry_the_line() {
    let text = "[kaas]\ndata_dir = \"x\"\n\n[engine]\nlease = \"1s\"\n[tenants]\n";
    let lines: Vec<_> = findings(text).0.into_iter().map(|f| (f.path, f.line, f.severity)).collect();
    let expected = [("engine.lease", Some(5), Severity::Error), ("tenants", Some(6), Severity::Error)];
    assert_eq!(lines, expected.map(|(path, line, severity)| (path.to_owned(), line, severity)));
    assert_eq!(findings("[kaas]\ndata_dir = \"x\n").0[0].line, Some(2));
}

/// Wherever a secret was put by mistake, no finding repeats it.
#[test]
fn no_finding_repeats_a_secret() {
    const SECRET: &str = "token-x7k2p:hunter2hunter2hunter2";
    for wrong in [
        format!("\"{SECRET}\""),
        format!("\"{SECRET}"),
        format!("[\"{SECRET}\"]"),
        format!("{{ env = \"{SECRET}\" }}"),
        format!("{{ value = \"{SECRET}\" }}"),
        format!("{{ env = \"A\", file = \"{SECRET}\" }}"),
        SECRET.to_owned(),
    ] {
        let text = edited(&[("token = { env = \"ACME_RANCHER_TOKEN\" }", &format!("token = {wrong}"))]);
        let told = format!("{:?}{}", findings(&text), findings(&text));
        assert!(told.contains("tenants.acme.rancher.token") || told.contains("is not TOML"), "{wrong}: {told}");
        assert!(!told.contains("hunter2"), "{told}");
    }
    for (key, value) in
        [("ca_file = ", "1 # "), ("url = ", ""), ("requester_role = ", ""), ("tokn = 1\nca_file = ", "")]
    {
        let text =
            edited(&[(&format!("\n{}\"", key.rsplit('\n').next().unwrap()), &format!("\n{key}{value}\"{SECRET} "))]);
        assert!(!findings(&text).to_string().contains("hunter2"), "{key}");
    }
    let in_clear = told(&edited(&[("{ env = \"ACME_RANCHER_TOKEN\" }", &format!("\"{SECRET}\""))]));
    insta::assert_snapshot!(in_clear, @r#"tenants.acme.rancher.token: holds a secret in clear, or something else that is no reference. Put it into the environment or into a file of mode 0600, and refer to it: { env = "NAME" } or { file = "path" }. A secret that stood here is known to whoever read the file: make a new one."#);
}

proptest! {
    /// Whatever stands in a file, there are findings and no panic; and a file with findings is never taken.
    #[test]
    fn damage_is_reported_and_never_panics(at in 0usize..EXAMPLE.len(), gone in 0usize..40, junk in "\\PC{0,12}|[\\[\\]{}=.\"'\n0-9a-z-]{0,12}") {
        let cut = |mut i: usize| { while !EXAMPLE.is_char_boundary(i) { i -= 1 } i };
        let (start, end) = (cut(at), cut((at + gone).min(EXAMPLE.len())));
        let text = format!("{}{junk}{}", &EXAMPLE[..start], &EXAMPLE[end..]);
        match Config::parse(&text, Path::new("/etc/kaas")) {
            Ok(config) => prop_assert!(config.warnings.iter().all(|w| w.severity == Severity::Warning)),
            Err(findings) => {
                prop_assert!(findings.count(Severity::Error) > 0);
                prop_assert!(findings.0.iter().all(|f| !f.problem.is_empty() && !f.hint.is_empty()));
            }
        }
    }
}

#[test]
fn people_are_looked_up_by_addresses_only_where_there_are_some() {
    assert_eq!(
        findings(&edited(&[("email = \"alice@example.com\"\n", ""), ("match_email = true\n", "")])).to_string(),
        ""
    );
    let told = told(&edited(&[("email = \"alice@example.com\"\n", "")]));
    assert_eq!(
        told.trim(),
        "tenants.acme.rancher.match_email: warning: finds nobody, because nobody has an e-mail address here. Give people.*.email, or leave it out."
    );
}
