//! The command as Discord takes it: every verb and every flag, within the limits, and known again when Discord gives it back.

use std::collections::BTreeMap;

use serde_json::{Value, json};

use super::define::{COMMAND_MAX, Definition, commands, hash, is_same, size, suggests};
use crate::command::table::{COMMANDS, Shape};
use crate::command::{Verb, parse};
use crate::lifecycle::catalogue::{Catalogue, Class, Size};

fn size_of(name: &str, instance_type: &str, most: u32) -> Size {
    Size {
        name: name.parse().expect("a size"),
        instance_type: instance_type.to_owned(),
        control_planes: 1,
        workers_min: 1,
        workers_default: 3,
        workers_max: most,
        cents_a_node_month: Some(10_300),
    }
}

pub(super) fn class(name: &str) -> Class {
    Class {
        name: name.parse().expect("a class"),
        description: "RKE2 on EC2, private nodes".to_owned(),
        module: "aws-rancher-cluster".to_owned(),
        template: "cluster".to_owned(),
        sizes: vec![size_of("small", "m6i.large", 10), size_of("large", "m6i.2xlarge", 50)],
        kubernetes: vec!["v1.33.5+rke2r1".parse().expect("a version")],
        regions: vec!["eu-west-1".parse().expect("a region"), "eu-central-1".parse().expect("a region")],
        ttl_default: Some("7d".parse().expect("a lifetime")),
        ttl_max: Some("30d".parse().expect("a lifetime")),
        reason_required: false,
        ticket_required: false,
        foundation: BTreeMap::new(),
        values: BTreeMap::new(),
    }
}

pub(super) fn definition(classes: Vec<Class>) -> Definition {
    let roles = ["cluster-member", "read-only"].map(str::to_owned).into();
    Definition { command: "kaas".to_owned(), catalogue: Catalogue { classes }, roles }
}

fn subcommands(all: &Value) -> &[Value] {
    all[0]["options"].as_array().expect("subcommands")
}

fn options<'a>(all: &'a Value, verb: &str) -> &'a [Value] {
    let found = subcommands(all).iter().find(|one| one["name"] == verb).expect("the verb");
    found["options"].as_array().map(Vec::as_slice).unwrap_or_default()
}

/// What Discord gives back for what was put: ids and versions, names in other languages, and nothing that says nothing.
fn registered(wanted: &Value) -> Value {
    let mut all = wanted.clone();
    for command in all.as_array_mut().expect("commands") {
        dress(command);
        let more = json!({ "id": "11", "application_id": "12", "guild_id": "13", "version": "14", "dm_permission": true,
            "default_member_permissions": null, "contexts": null, "integration_types": [0], "nsfw": false });
        command.as_object_mut().expect("a command").extend(more.as_object().expect("fields").clone());
    }
    all
}

fn dress(one: &mut Value) {
    let fields = one.as_object_mut().expect("an object");
    fields.insert("name_localizations".to_owned(), Value::Null);
    fields.retain(|key, value| key == "name_localizations" || *value != json!(false) && *value != json!([]));
    if fields.contains_key("description") {
        fields.insert("description_localizations".to_owned(), Value::Null);
    }
    if let Some(least) = fields.get("min_value").and_then(Value::as_f64) {
        fields.insert("min_value".to_owned(), json!(least));
    }
    for list in ["options", "choices"] {
        fields.get_mut(list).and_then(Value::as_array_mut).into_iter().flatten().for_each(dress);
    }
}

#[test]
fn the_whole_command() {
    let mut out = String::new();
    for one in subcommands(&commands(&definition(vec![class("aws")]))) {
        out.push_str(&format!("{}: {}\n", one["name"], one["description"]));
        for option in one["options"].as_array().into_iter().flatten() {
            let mut option = option.clone();
            let fields = option.as_object_mut().expect("an option");
            let name = fields.remove("name").expect("a name");
            let choices = fields.remove("choices");
            let choices = choices.iter().filter_map(Value::as_array).flatten();
            let choices: Vec<String> = choices.map(|one| format!("{} ({})", one["value"], one["name"])).collect();
            out.push_str(&format!("    {name} {}{}\n", json!(fields), choices.concat()));
        }
    }
    insta::assert_snapshot!(out);
}

#[test]
fn every_verb_and_every_flag_is_offered() {
    let all = commands(&definition(vec![class("aws"), class("bank")]));
    let names: Vec<&Value> = subcommands(&all).iter().map(|one| &one["name"]).collect();
    let table: Vec<&str> = COMMANDS.iter().map(|entry| entry.name).collect();
    assert_eq!(names, table);
    for entry in COMMANDS {
        let offered = options(&all, entry.name);
        assert_eq!(offered.len(), entry.takes.len(), "{}", entry.name);
        for flag in entry.takes {
            let option = offered.iter().find(|one| one["name"] == flag.name()).expect("the flag");
            let needed = flag.entry().shape == Shape::Word && entry.verb != Verb::Request;
            assert_eq!(option["required"] == true, needed, "{} {}", entry.name, flag.name());
            let completed = option["autocomplete"] == true;
            assert!(!completed || suggests(entry.verb, *flag, None).is_some(), "{} {}", entry.name, flag.name());
            assert!(!completed || option["choices"].is_null());
        }
    }
}

#[test]
fn what_depends_on_the_class_is_completed_where_there_are_several() {
    let (one, two) = (definition(vec![class("aws")]), definition(vec![class("aws"), class("bank")]));
    let option = |definition: &Definition, name: &str| {
        let all = commands(definition);
        options(&all, "request").iter().find(|one| one["name"] == name).expect("the option").clone()
    };
    assert_eq!(option(&one, "size")["choices"][0], json!({ "name": "small: 1 + 3 nodes m6i.large", "value": "small" }));
    assert_eq!(option(&two, "size")["autocomplete"], true);
    assert_eq!(option(&two, "class")["choices"].as_array().map(Vec::len), Some(2));
    let workers = option(&one, "workers");
    assert_eq!((&workers["type"], &workers["min_value"], &workers["max_value"]), (&json!(4), &json!(1), &json!(50)));
    assert_eq!(option(&one, "dry-run")["type"], 5);
    assert!(option(&one, "name")["autocomplete"].is_null(), "a new name is nobody's");
}

#[test]
fn the_largest_catalogue_is_within_the_limits() {
    let long = "é".repeat(300);
    let many = |n: usize| -> Vec<Class> {
        (0..n).map(|n| Class { description: long.clone(), ..class(&format!("class-{n}")) }).collect()
    };
    let mut only = class("aws");
    only.sizes = (0..25).map(|n| size_of(&format!("size-number-{n}"), &"x".repeat(90), 3)).collect();
    only.kubernetes = (0..25).map(|n| format!("v1.33.{n}+rke2r1").parse().expect("a version")).collect();
    only.regions = (0..25).map(|n| format!("eu-west-{n}").parse().expect("a region")).collect();
    let mut roles = definition(vec![only]);
    roles.roles = (0..25).map(|n| format!("a-rather-long-name-of-a-role-{n}")).collect();
    for definition in [definition(many(25)), definition(many(26)), roles, definition(Vec::new())] {
        let all = commands(&definition);
        assert!(size(&all[0]) <= COMMAND_MAX, "{} characters", size(&all[0]));
        assert!(subcommands(&all).len() <= 25);
        for option in subcommands(&all).iter().flat_map(|one| options(&all, one["name"].as_str().expect("a name"))) {
            assert!(option["choices"].as_array().is_none_or(|choices| (1..=25).contains(&choices.len())));
            let about = option["description"].as_str().map(|text| text.chars().count());
            assert!(about.is_some_and(|long| (1..=100).contains(&long)));
        }
    }
    let all = commands(&definition(many(26)));
    let class = options(&all, "request").iter().find(|one| one["name"] == "class").expect("the class");
    assert_eq!((&class["autocomplete"], &class["choices"]), (&json!(true), &Value::Null));
}

#[test]
fn what_discord_gives_back_is_known_again_and_a_change_is_seen() {
    let wanted = commands(&definition(vec![class("aws")]));
    let back = registered(&wanted);
    assert!(is_same(&back, &wanted));
    assert_eq!(hash(&back), hash(&wanted));
    let other = commands(&definition(vec![class("aws"), class("bank")]));
    assert!(!is_same(&back, &other));
    assert_ne!(hash(&other), hash(&wanted));
    for (place, value) in [
        ("/0/description", json!("x")),
        ("/0/options/0/options/0/description", json!("x")),
        ("/0/options/1/options/0/required", json!(false)),
        ("/0/options/0/options/2/choices/0/value", json!("tiny")),
        ("/0/options/0/options/3/max_value", json!(51)),
        ("/0/default_member_permissions", json!("0")),
    ] {
        let mut changed = back.clone();
        *changed.pointer_mut(place).expect("a place") = value;
        assert!(!is_same(&changed, &wanted), "{place}");
    }
    assert!(!is_same(&json!([]), &wanted));
    assert!(!is_same(&json!([wanted[0], { "name": "old", "description": "x" }]), &wanted), "an old command goes");
}

#[tokio::test]
async fn the_stand_in_for_discord_takes_it_and_gives_it_back() {
    let discord = kaas_fakes::discord::FakeDiscord::start().await;
    let client = reqwest::Client::new();
    let place =
        format!("{}/api/v10/applications/{}/guilds/{}/commands", discord.url(), discord.application(), discord.guild());
    let token = format!("Bot {}", discord.token());
    for classes in
        [vec![class("aws")], vec![class("aws"), class("bank")], (0..30).map(|n| class(&format!("c{n}"))).collect()]
    {
        let wanted = commands(&definition(classes));
        let put = client.put(&place).header("Authorization", &token).json(&wanted).send().await.expect("an answer");
        let status = put.status();
        let said: Value = put.json().await.expect("JSON");
        assert_eq!(status, 200, "{said}");
        assert!(is_same(&said, &wanted), "{said}");
        let got = client.get(&place).header("Authorization", &token).send().await.expect("an answer");
        assert!(is_same(&got.json::<Value>().await.expect("JSON"), &wanted));
    }
}

#[test]
fn help_is_there_for_every_choice_of_a_topic() {
    let definition = definition(vec![class("aws")]);
    let all = commands(&definition);
    let topics = options(&all, "help")[0]["choices"].as_array().expect("topics");
    for topic in topics {
        let line = format!("/kaas help {}", topic["value"].as_str().expect("a value"));
        assert!(parse(&line, crate::command::Dialect::Plain, &definition.catalogue).is_ok(), "{line}");
    }
}
