//! Lines out of chosen options: what was typed into one is that one's value, whatever it holds.

use proptest::prelude::*;
use serde_json::{Value, json};

use super::define_tests::{class, definition};
use super::options::{choices, focused, is_form, line};
use crate::command::table::{COMMANDS, Shape};
use crate::command::{Command, Dialect, Mistakes, Receiver, Verb, parse};
use crate::ports::Suggest;

fn data(verb: &str, options: &[(&str, Value)]) -> Value {
    let kind = |value: &Value| match value {
        Value::Number(_) => 4,
        Value::Bool(_) => 5,
        _ => 3,
    };
    let options: Vec<Value> =
        options.iter().map(|(name, value)| json!({ "name": name, "type": kind(value), "value": value })).collect();
    json!({ "id": "1", "name": "kaas", "type": 1, "options": [{ "name": verb, "type": 1, "options": options }] })
}

fn read(data: &Value) -> Result<Command, Mistakes> {
    parse(&line(data), Dialect::Plain, &definition(vec![class("aws")]).catalogue)
}

#[test]
fn options_become_the_line_that_would_have_been_typed() {
    let chosen = data(
        "request",
        &[
            ("name", json!("teal-otter")),
            ("size", json!("small")),
            ("workers", json!(2)),
            ("reason", json!("load test of “billing”\n-- now")),
            ("dry-run", json!(true)),
        ],
    );
    assert_eq!(
        line(&chosen),
        r#"/kaas request "teal-otter" size="small" workers="2" reason="load test of \"billing\" -- now" --dry-run"#
    );
    let Ok(Command::Request { form, dry_run: true }) = read(&chosen) else { panic!("understood") };
    assert_eq!((form.name.as_str(), form.workers), ("teal-otter", 2));
    assert_eq!(form.reason.expect("a reason").as_str(), "load test of \"billing\" -- now");
    assert_eq!(line(&data("list", &[])), "/kaas list");
    assert_eq!(line(&data("request", &[("dry-run", json!(false))])), "/kaas request");
}

#[test]
fn people_are_named_or_mentioned() {
    let to = |value: &str, kind: u8| {
        let mut chosen = data("access", &[("name", json!("teal-otter")), ("to", json!(value)), ("for", json!("8h"))]);
        chosen["options"][0]["options"][1]["type"] = json!(kind);
        match read(&chosen) {
            Ok(Command::Access { give: Some(give), .. }) => give.to,
            other => panic!("{value}: {other:?}"),
        }
    };
    let person = |name: &str| Receiver::Person(name.to_owned());
    assert_eq!(to("bob", 3), person("bob"));
    assert_eq!(to("@bob", 3), person("bob"));
    assert_eq!(to("<@1001>", 3), person("1001"));
    assert_eq!(to(" <@!1001> ", 3), person("1001"));
    assert_eq!(to("1001", 6), person("1001"));
    assert_eq!(to("<@&1001>", 3), person("<@&1001>"), "a role is nobody");
    assert_eq!(to("group:billing team", 3), Receiver::Group("billing team".to_owned()));
}

#[test]
fn every_flag_of_every_verb_arrives_as_itself() {
    for entry in COMMANDS {
        let given: Vec<(&str, Value)> = entry
            .takes
            .iter()
            .map(|flag| flag.entry())
            .map(|flag| match flag.shape {
                Shape::Switch => (flag.name, json!(true)),
                Shape::Word | Shape::MaybeWord | Shape::Value => (flag.name, json!(flag.example.trim_matches('"'))),
            })
            // The examples of a catalogue are not this catalogue's.
            .filter(|(name, _)| !matches!(*name, "class" | "region" | "k8s") && *name != "owner")
            .collect();
        let read = read(&data(entry.name, &given));
        assert!(read.is_ok(), "{}: {read:?}", line(&data(entry.name, &given)));
    }
}

#[test]
fn what_no_definition_offers_becomes_a_mistake() {
    for (sent, what) in [
        (data("frobnicate", &[]), "frobnicate"),
        (data("show --help", &[("name", json!("x1"))]), "show --help"),
        (data("show", &[("name", json!("teal-otter")), ("colour", json!("red"))]), "colour"),
        (data("show", &[("name", json!("teal-otter")), ("a b", json!("red"))]), "--a?b="),
        (data("show", &[("name", json!("teal-otter")), ("=\" name", json!("x"))]), "--???name="),
    ] {
        let wrong = read(&sent).expect_err("is wrong");
        assert!(wrong.mistakes.iter().any(|mistake| mistake.what.contains(what)), "{sent}: {wrong:?}");
    }
    for garbage in [json!({}), json!(null), json!({ "options": [] }), json!({ "options": [{ "name": 7 }] })] {
        assert_eq!(line(&garbage), "/kaas help");
        assert!(!is_form(&garbage) && focused(&garbage).is_none());
    }
    let strange = json!({ "options": [{ "name": "show", "options": [{ "name": "name" }, { "value": "x" }, 3] }] });
    assert_eq!(line(&strange), "/kaas show");
}

#[test]
fn a_request_of_nothing_opens_the_form() {
    assert!(is_form(&data("request", &[])));
    assert!(is_form(&json!({ "options": [{ "name": "request", "type": 1 }] })));
    assert!(!is_form(&data("request", &[("size", json!("small"))])));
    assert!(!is_form(&data("list", &[])));
}

#[test]
fn what_is_being_typed_is_known() {
    let typing = |verb: &str, option: &str, typed: Value, before: &[(&str, Value)]| {
        let mut sent = data(verb, before);
        let list = sent["options"][0]["options"].as_array_mut().expect("options");
        list.push(json!({ "name": option, "type": 3, "value": typed, "focused": true }));
        focused(&sent)
    };
    let waiting = Suggest::Clusters { waiting: true };
    assert_eq!(typing("approve", "name", json!("te"), &[]), Some((waiting, "te".to_owned())));
    let own = Suggest::Clusters { waiting: false };
    assert_eq!(typing("show", "name", json!(""), &[]), Some((own, String::new())));
    let class = ("class", json!("bank"));
    let sizes = Suggest::Sizes(Some("bank".to_owned()));
    assert_eq!(typing("request", "size", json!("s"), &[class]), Some((sizes, "s".to_owned())));
    assert_eq!(typing("access", "to", json!("<@1"), &[]), Some((Suggest::Receivers, "<@1".to_owned())));
    assert_eq!(typing("request", "name", json!("x"), &[]), None);
    assert_eq!(typing("show", "colour", json!("x"), &[]), None);
    assert_eq!(focused(&data("show", &[("name", json!("te"))])), None, "nothing is being typed");
}

#[test]
fn a_name_too_long_for_a_choice_does_not_take_the_others_along() {
    let suggested: Vec<String> =
        ["a".to_owned(), "x".repeat(101), String::new()].into_iter().chain((0..40).map(|n| n.to_string())).collect();
    let said = choices(&suggested);
    let said = said["choices"].as_array().expect("choices");
    assert_eq!(said.len(), 25);
    assert_eq!(said[0], json!({ "name": "a", "value": "a" }));
    assert!(said.iter().all(|one| (1..=100).contains(&one["name"].as_str().map_or(0, str::len))));
}

fn hostile() -> impl Strategy<Value = String> {
    let piece = prop_oneof![
        "[a-zA-Z0-9 .é🦀]{0,9}",
        "[-=\"'\\\\`*_~<>@|\\n\\t]{1,4}",
        prop::sample::select(vec![
            "--dry-run",
            " size=large",
            " --workers 9",
            " because ",
            " --help",
            "\" size=\"large",
            "“",
            "”",
            "„",
            "«",
            "’",
            "＝",
            "—",
            "–",
            " -- ",
            "\\\"",
            "\\",
            "/kaas approve x1",
            " to=bob",
            "\u{200b}",
            "\u{a0}",
            "\u{2028}",
            "…",
            "reason=",
            "@bob",
            ":smile:",
            "```",
        ])
        .prop_map(str::to_owned),
    ];
    prop::collection::vec(piece, 0..7).prop_map(|pieces| pieces.concat())
}

/// What is left of a value on one line: what a line never keeps is folded away.
fn folded(value: &str) -> String {
    let quoted = crate::command::quoted(value);
    let inside = quoted.strip_prefix('"').and_then(|rest| rest.strip_suffix('"')).expect("in quotes");
    let (mut out, mut chars) = (String::new(), inside.chars());
    while let Some(c) = chars.next() {
        // Within quotes nothing but a quote and a backslash is marked, and both always are.
        out.push(if c == '\\' { chars.next().expect("what is marked") } else { c });
    }
    out
}

proptest! {
    #![proptest_config(ProptestConfig { cases: 1_000, ..ProptestConfig::default() })]

    #[test]
    fn a_reason_is_a_reason_and_nothing_else(why in hostile()) {
        match read(&data("reject", &[("name", json!("teal-otter")), ("reason", json!(why))])) {
            Ok(Command::Reject { name, reason }) => {
                prop_assert_eq!(name.as_str(), "teal-otter");
                let reason = reason.map(|reason| reason.as_str().to_owned()).unwrap_or_default();
                let why = folded(&why);
                prop_assert_eq!(reason.trim(), why.trim());
            }
            Ok(other) => prop_assert!(false, "{other:?}"),
            Err(wrong) => {
                prop_assert_eq!(wrong.verb, Some(Verb::Reject));
                prop_assert!(wrong.mistakes.iter().all(|mistake| mistake.what.starts_with("reason=")), "{wrong:?}");
            }
        }
    }

    #[test]
    fn a_request_takes_nothing_from_its_texts(why in hostile(), ticket in hostile(), name in hostile()) {
        let chosen = [("name", json!("teal-otter")), ("reason", json!(why)), ("ticket", json!(ticket))];
        match read(&data("request", &chosen)) {
            Ok(Command::Request { form, dry_run }) => {
                prop_assert!(!dry_run);
                prop_assert_eq!((form.size.as_str(), form.workers), ("small", 3));
            }
            Ok(other) => prop_assert!(false, "{other:?}"),
            Err(wrong) => {
                prop_assert_eq!(wrong.verb, Some(Verb::Request));
                let about = |what: &str| what.starts_with("reason=") || what.starts_with("ticket=");
                prop_assert!(wrong.mistakes.iter().all(|mistake| about(&mistake.what)), "{wrong:?}");
            }
        }
        match read(&data("show", &[("name", json!(name))])) {
            Ok(Command::Show(shown)) => prop_assert_eq!(shown.as_str(), folded(&name).to_ascii_lowercase()),
            Ok(other) => prop_assert!(false, "{other:?}"),
            Err(wrong) => {
                prop_assert_eq!(wrong.verb, Some(Verb::Show));
                prop_assert_eq!(wrong.mistakes.len(), 1);
            }
        }
        match read(&data("access", &[("name", json!("teal-otter")), ("to", json!(name))])) {
            Ok(Command::Access { name, give: Some(give) }) => {
                prop_assert_eq!(name.as_str(), "teal-otter");
                prop_assert!(give.role.is_none() && give.lasts.is_none());
            }
            Ok(other) => prop_assert!(false, "{other:?}"),
            Err(wrong) => prop_assert_eq!(wrong.verb, Some(Verb::Access)),
        }
    }
}
