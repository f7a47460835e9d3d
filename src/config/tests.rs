//! What a sound configuration becomes.

use std::path::{Path, PathBuf};
use std::time::Duration;

use super::{ChatConfig, Config, ForgeConfig, LogFormat, Platform, SecretRef, values};
use crate::lifecycle::catalogue::{Class, Size, Value};
use crate::lifecycle::form::{Form, Ttl};
use crate::lifecycle::{ChangeNumber, Risk};
use crate::render::module::{Backend, StateAt, cluster_files};
use crate::render::templates::Templates;

const EXAMPLE: &str = include_str!("../../kaas.example.toml");

fn example() -> Config {
    Config::parse(EXAMPLE, Path::new("/etc/kaas")).unwrap()
}

fn demo() -> Config {
    Config::demo(Path::new("/tmp/kaas-demo"), "http://127.0.0.1:34567", Path::new("/tmp/kaas-demo/rancher/token"))
        .unwrap()
}

#[test]
fn the_example_means_what_it_says() {
    let config = example();
    assert_eq!(config.data_dir, PathBuf::from("/var/lib/kaas"));
    assert_eq!(config.engine.lease, Duration::from_secs(60));
    assert_eq!((config.log.level, config.log.format), (tracing::Level::INFO, LogFormat::Json));
    let names: Vec<_> = config.tenants.iter().map(|t| t.name.as_str()).collect();
    assert_eq!(names, ["acme", "lab", "studio"]);
    let acme = config.tenant("acme").unwrap();
    assert_eq!(acme.time_zone.iana_name(), Some("Europe/Berlin"));
    let ChatConfig::Slack(slack) = &acme.chat else { panic!("{:?}", acme.chat) };
    assert_eq!((slack.channel.as_str(), slack.connections), ("C024BE91L", 2));
    let ForgeConfig::GitHub(github) = &acme.forge else { panic!("{:?}", acme.forge) };
    assert_eq!((github.repository.as_str(), github.app), ("acme/clusters", Some((123_456, 7_654_321))));
    assert_eq!(config.web, Some("127.0.0.1:3000".parse().unwrap()));
    assert_eq!(config.tenant("lab").unwrap().chat, ChatConfig::Terminal { channel: "#lab".to_owned() });
    let Some(ChatConfig::Discord(discord)) = &acme.second_chat else { panic!("{:?}", acme.second_chat) };
    assert_eq!((discord.server.as_str(), discord.channel.as_str()), ("197038439483310086", "290926798999357250"));
    let kinds: Vec<_> = acme.chats().map(ChatConfig::kind).collect();
    assert_eq!(kinds, ["slack", "discord"]);
    assert_eq!(acme.rancher.token, SecretRef::Env("ACME_RANCHER_TOKEN".to_owned()));
    assert_eq!(acme.policy.roles.of(&"bob".parse().unwrap(), &acme.catalogue.classes[0].name), "cluster-member");
    assert_eq!(acme.policy.roles.of(&"alice".parse().unwrap(), &acme.catalogue.classes[0].name), "cluster-owner");
    assert_eq!(acme.policy.roles.all(), ["cluster-member", "cluster-owner"]);
    let aws = acme.aws.as_ref().unwrap();
    assert_eq!((&aws.regions[..], aws.profile.as_deref()), (&["eu-west-1".to_owned()][..], Some("acme")));
    assert_eq!((aws.prices.get("m6i.large"), config.tenant("lab").unwrap().aws.as_ref()), (Some(&10_300), None));
    assert_eq!(acme.runner.program, Some(PathBuf::from("terraform")));
    assert_eq!(acme.policy.frozen.as_ref().unwrap().as_str(), "year-end freeze until 7 January");
    assert_eq!(acme.policy.reactions_up_to, Risk::Yellow);
    let tags = &acme.catalogue.classes[0].values["tags"];
    assert!(matches!(tags, Value::Map(map) if map["cost-centre"] == "4711"), "{tags:?}");
    let Backend::S3 { bucket, extra, lockfile, .. } = &acme.render.backend else { panic!("{:?}", acme.render.backend) };
    assert_eq!((bucket.as_str(), *lockfile, &extra["encrypt"]), ("acme-kaas-state", true, &Value::Flag(true)));
    let lab = config.tenant("lab").unwrap();
    assert_eq!(lab.policy.roles.of(&"alice".parse().unwrap(), &lab.catalogue.classes[0].name), "cluster-owner");
    assert!(config.tenant("elsewhere").is_none());
}

#[test]
fn people_are_one_whatever_platform_they_speak_from() {
    let config = example();
    let people = &config.tenants[0].people;
    let alice = people.get("alice").unwrap();
    assert_eq!(alice.name, "Alice Ahlberg");
    for (platform, identity) in [
        (Platform::Terminal, "alice"),
        (Platform::Slack, "U024BE7LH"),
        (Platform::Discord, "175928847299117063"),
        (Platform::GitHub, "ALICE-a"),
        (Platform::Email, "Alice@Example.com"),
        (Platform::Rancher, "u-k7x2m"),
    ] {
        assert_eq!(people.on(platform, identity), Some(alice), "{platform:?}");
    }
    assert_eq!(people.on(Platform::Slack, "u024be7lh"), None);
    assert_eq!(people.on(Platform::GitHub, "alice"), None);
    assert_eq!(people.named("@alice ahlberg"), Some(alice));
    assert_eq!(people.named("mallory"), None);
    assert_eq!(people.identity(&alice.id, Platform::Rancher), Some("u-k7x2m"));
    assert_eq!(config.tenants[0].rancher.links.len(), 4);
}

#[test]
fn the_order_of_the_file_is_the_order_that_people_see() {
    let moved = EXAMPLE.replace("lab.classes.k3s]", "lab.classes.zz]\ndescription = \"Z\"\nmodule = \"z\"\nkubernetes = [\"v1.33.5+k3s1\"]\nregions = [\"eu-west-1\"]\nsizes = [{ name = \"only\", instance_type = \"m6i.large\", workers = { default = 1, max = 1 } }]\n\n[tenants.lab.classes.aa]");
    let config = Config::parse(&moved, Path::new("/")).unwrap();
    let classes: Vec<_> = config.tenants[1].catalogue.classes.iter().map(|c| c.name.as_str()).collect();
    assert_eq!(classes, ["zz", "aa"]);
    let turned = EXAMPLE.replace("tenants.acme", "tenants.zebra");
    assert_eq!(Config::parse(&turned, Path::new("/")).unwrap().tenants[0].name.as_str(), "zebra");
}

#[test]
fn paths_start_at_the_folder_of_the_file() {
    let dir = tempfile::tempdir().unwrap();
    let file = dir.path().join("kaas.toml");
    std::fs::write(&file, EXAMPLE.replace("\"/etc/kaas/", "\"").replace("\"/var/lib/kaas/", "\"./var/")).unwrap();
    let config = Config::load(&file).unwrap();
    let acme = &config.tenants[0];
    assert_eq!(config.tenants[1].forge, ForgeConfig::Local { path: dir.path().join("var/lab.git") });
    assert_eq!(acme.templates_dir, Some(dir.path().join("templates")));
    assert_eq!(acme.rancher.ca_file, Some(dir.path().join("rancher-ca.pem")));
    let states = dir.path().join("var/lab-states").to_str().unwrap().to_owned();
    assert_eq!(config.tenants[1].render.backend, Backend::Local { dir: states });
    assert_eq!(config.tenants[1].rancher.token, SecretRef::File(dir.path().join("lab-rancher-token")));
    let missing = Config::load(&dir.path().join("none.toml")).unwrap_err().to_string();
    assert!(missing.ends_with("none.toml cannot be read"), "{missing}");

    let odd = <std::ffi::OsStr as std::os::unix::ffi::OsStrExt>::from_bytes(b"/\xff");
    let told = Config::parse(&EXAMPLE.replace("dir = \"/", "dir = \""), Path::new(odd)).unwrap_err().to_string();
    assert!(told.contains("tenants.lab.render.backend.dir") && told.contains("not UTF-8"), "{told}");
}

#[test]
fn what_the_machine_lacks_is_warned_of() {
    let dir = tempfile::tempdir().unwrap();
    let file = dir.path().join("kaas.toml");
    std::fs::write(&file, EXAMPLE.replace("\"/etc/kaas/", "\"")).unwrap();
    let config = Config::load(&file).unwrap();
    let paths = |environment: &dyn Fn(&str) -> Option<String>| -> Vec<String> {
        config.inspect(environment).into_iter().map(|f| f.path.replace("tenants.", "")).collect()
    };
    let all = [
        "acme.rancher.token",
        "acme.rancher.ca_file",
        "acme.runner.cli_config_file",
        "acme.aws.profile_file",
        "acme.render.templates_dir",
    ];
    assert_eq!(
        paths(&|_| None),
        [&all[..], &["acme.runner.program", "lab.rancher.token", "studio.rancher.token"]].concat()
    );

    std::fs::write(dir.path().join("rancher-ca.pem"), "pem").unwrap();
    std::fs::write(dir.path().join("terraform.rc"), "").unwrap();
    std::fs::write(dir.path().join("aws"), "").unwrap();
    std::fs::create_dir(dir.path().join("templates")).unwrap();
    std::fs::write(dir.path().join("terraform"), "").unwrap();
    let environment = |name: &str| match name {
        "ACME_RANCHER_TOKEN" => Some("token-abc:x".to_owned()),
        "PATH" => Some(format!("/nowhere:{}", dir.path().display())),
        _ => None,
    };
    assert_eq!(
        paths(&environment),
        ["acme.runner.program", "lab.rancher.token", "studio.rancher.token"],
        "a file that cannot be run is no program"
    );
    use std::os::unix::fs::PermissionsExt as _;
    std::fs::set_permissions(dir.path().join("terraform"), std::fs::Permissions::from_mode(0o755)).unwrap();
    assert_eq!(paths(&environment), ["lab.rancher.token", "studio.rancher.token"]);
}

#[test]
fn the_demo_is_the_conversation() {
    let config = demo();
    assert_eq!(config.data_dir, PathBuf::from("/tmp/kaas-demo/."));
    assert_eq!(config.warnings, []);
    let tenant = &config.tenants[0];
    assert_eq!(tenant.rancher.url, "http://127.0.0.1:34567");
    assert_eq!(tenant.rancher.token, SecretRef::File(PathBuf::from("/tmp/kaas-demo/rancher/token")));
    assert_eq!(tenant.forge, ForgeConfig::Local { path: PathBuf::from("/tmp/kaas-demo/forge.git") });
    assert_eq!(tenant.render.backend, Backend::Local { dir: "/tmp/kaas-demo/states".to_owned() });
    let foundation = StateAt::Local { path: "/tmp/kaas-demo/foundation.tfstate".to_owned() };
    assert_eq!(tenant.render.foundation, Some(foundation));
    let people: Vec<_> = tenant.people.iter().map(|p| p.name.as_str()).collect();
    assert_eq!(people, ["alice", "bob", "carol", "dave", "erin", "mallory"]);
    let policy = &tenant.policy;
    let who = |may: &dyn Fn(&crate::lifecycle::PersonId) -> bool| -> Vec<&str> {
        tenant.people.iter().filter(|p| may(&p.id)).map(|p| p.name.as_str()).collect()
    };
    assert_eq!(who(&|p| policy.is_approver(p)), ["bob", "carol", "dave"]);
    assert_eq!(who(&|p| policy.is_admin(p)), ["dave"]);
    assert_eq!(who(&|p| !policy.may_request(p)), ["mallory"]);
    assert_eq!((policy.quorum.green, policy.quorum.red, policy.reactions_up_to), (2, 2, Risk::Red));

    let catalogue = &tenant.catalogue;
    let aws = catalogue.default_class().unwrap();
    let small = &aws.sizes[0];
    assert_eq!((aws.name.as_str(), small.name.as_str()), ("aws", "small"));
    assert_eq!((small.control_planes, small.workers_default, small.instance_type.as_str()), (1, 3, "m6i.large"));
    assert_eq!((small.workers_min, small.workers_max), (1, 10));
    assert_eq!(aws.kubernetes[0].spoken(), "RKE2 v1.33.5");
    assert_eq!((small.dollars_a_month(3), small.dollars_a_month(2)), (Some(412), Some(309)));
    assert_eq!(aws.size("large").unwrap().dollars_a_month(5), Some(2310));
    assert_eq!((aws.ttl_default, aws.ttl_max), ("7d".parse::<Ttl>().ok(), "30d".parse::<Ttl>().ok()));
    assert_eq!(catalogue.class("aws-k3s").unwrap().kubernetes[0].spoken(), "K3s v1.33.5");
}

#[test]
fn the_demo_cannot_be_bent_by_its_arguments() {
    let hostile = Config::demo(Path::new("/tmp"), "http://127.0.0.1:1\"\n[x]\ny = \"", Path::new("t"));
    assert!(hostile.unwrap_err().to_string().contains("tenants.demo.rancher.url"));
    let odd = Config::demo(Path::new("/tmp/a \"b\""), "http://127.0.0.1:1", Path::new("/tmp/a \"b\"/t")).unwrap();
    assert_eq!(odd.tenants[0].rancher.token, SecretRef::File(PathBuf::from("/tmp/a \"b\"/t")));
}

fn form(class: &Class, size: &Size) -> Form {
    Form {
        name: "crucial-sandbox".parse().unwrap(),
        class: class.name.clone(),
        size: size.name.clone(),
        workers: size.workers_default,
        control_planes: size.control_planes,
        instance_type: size.instance_type.clone(),
        kubernetes: class.kubernetes[0].clone(),
        region: class.regions[0].clone(),
        ttl: class.ttl_default,
        reason: None,
        ticket: None,
        dollars_a_month: size.dollars_a_month(size.workers_default),
    }
}

/// What the configuration takes, the renderer takes too: no input twice, no name that terraform does not know.
#[test]
fn every_size_of_every_class_renders() {
    let mut rendered = 0;
    for tenant in example().tenants.iter().chain(&demo().tenants) {
        let by = tenant.people.iter().next().unwrap();
        for class in &tenant.catalogue.classes {
            for size in &class.sizes {
                let form = form(class, size);
                let files = cluster_files(&tenant.render, &Templates::default(), class, &form, ChangeNumber(1), by, by)
                    .unwrap();
                assert!(files[0].content.contains(&size.instance_type));
                rendered += 1;
            }
        }
    }
    assert_eq!(rendered, 9);
}

#[test]
fn what_kaas_sets_itself_is_never_passed_on() {
    for kept in
        ["TF_LOG", "TF_CLI_ARGS", "*", "T*", "TF*", "RANCHER_TOKEN_KEY", "PATH", "LD_PRELOAD", "L*", "A B", "1A", "A*B"]
    {
        assert!(values::pass_environment(kept).is_err(), "{kept}");
    }
    for fine in ["AWS_*", "AZURE_CLIENT_ID", "https_proxy", "PATHS", "HOMER"] {
        assert!(values::pass_environment(fine).is_ok(), "{fine}");
    }
}

#[test]
fn single_values() {
    let check = |check: fn(&str) -> Result<(), crate::lifecycle::form::Invalid>, good: &[&str], bad: &[&str]| {
        good.iter().for_each(|text| assert_eq!(check(text), Ok(()), "{text}"));
        bad.iter().for_each(|text| assert!(check(text).is_err(), "{text}"));
    };
    check(
        values::url,
        &[
            "https://rancher.example.com",
            "https://r.example.com:8443/",
            "http://127.0.0.1:80",
            "https://[::1]:443",
            "https://x.y/rancher",
        ],
        &[
            "rancher.example.com",
            "ftp://x",
            "https://",
            "https://u:p@x",
            "https://x/v3",
            "https://x/dashboard/",
            "https://x?y",
            "https://x y",
            "https://x:99999",
            "https://[zz]",
        ],
    );
    check(
        values::version,
        &["1.5", ">= 1.5", "~> 14.1", ">= 1.6, < 2.0", "= 14.1.1-rc1"],
        &["", ">=", "latest", ">= 1.5,", "=>> 1", "1 || 2"],
    );
    check(
        values::principal,
        &["github_team://1", "activedirectory_group://CN=x,DC=y", "keycloak_group://a b"],
        &["github_user://1", "local://u-1", "x", "github_team://"],
    );
    check(values::module, &["aws-rancher-cluster", "aws_2.0"], &["", "../x", "a/b", ".hidden", "a..b"]);
    check(values::prefix, &["", "clusters/", "a/b/"], &["clusters", "/a/", "a/../b/"]);
    check(values::email, &["a@b.example"], &["a", "@b.c", "a@b", "a b@c.d", "a@b.c\n"]);
    check(
        values::attribute,
        &["name", "tags.*", "rke_config.**", "a-b.c_d"],
        &["", ".", "a.", "**", "a.**.b", "a b", "*x"],
    );
    check(values::channel, &["#clusters"], &["clusters", "#", "#a b"]);
    assert!(values::is_loopback("http://localhost:80") && values::is_loopback("http://[::1]:80/x"));
    assert!(!values::is_loopback("http://localhost.example.com") && !values::is_loopback("http://10.0.0.1"));

    assert_eq!(values::duration("500ms"), Ok(Duration::from_millis(500)));
    assert_eq!(values::duration("2w"), Ok(Duration::from_secs(14 * 86_400)));
    for bad in ["", "5", "s", "1.5h", "-1s", "5 m", "99999999999999999999s", "18446744073709551615w", "9999999w"] {
        assert!(values::duration(bad).is_err(), "{bad}");
    }
    let cents = |text: &str| values::cents(&format!("x = {text}").parse::<toml::Table>().unwrap()["x"]);
    for (text, expected) in
        [("103", 10_300), ("288.75", 28_875), ("0.1", 10), ("\"70.08\"", 7_008), ("1000000", 100_000_000)]
    {
        assert_eq!(cents(text), Ok(expected), "{text}");
    }
    for bad in ["1.005", "-1", "nan", "inf", "1e30", "\"\"", "\"1,5\"", "1000000.01", "true", "\"1.\""] {
        assert!(cents(bad).is_err(), "{bad}");
    }
}
