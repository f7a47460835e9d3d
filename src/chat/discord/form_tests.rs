//! Forms: what is shown of one, what is read of a sent one, and how what was filled in comes back.

use proptest::prelude::*;
use serde_json::{Value, json};

use super::form::{FIELDS_MAX, TITLE_MAX, again, filled, mistakes, modal, reason, reason_modal};
use super::ids::{self, Shown};
use super::reader;
use crate::lifecycle::{ChangeNumber, ClusterKey, PlanDigest};
use crate::ports::{CardKey, Field, FormField, RequestForm, Takes};

fn field(field: Field, optional: bool, takes: Takes) -> FormField {
    let label = match field {
        Field::Lifetime => "Lifetime".to_owned(),
        other => {
            let name = other.name();
            name[..1].to_uppercase() + &name[1..]
        }
    };
    FormField { field, label, hint: Some(format!("Hint at {}.", field.name())), optional, takes }
}

fn one_of(names: &[&str]) -> Takes {
    Takes::OneOf(names.iter().map(|name| ((*name).to_owned(), format!("{name}: some nodes"))).collect())
}

fn form(ticket_optional: bool) -> RequestForm {
    let fields = vec![
        field(Field::Class, false, one_of(&["aws", "bank"])),
        field(Field::Name, false, Takes::Line(String::new())),
        field(Field::Size, false, one_of(&["small", "medium", "large"])),
        field(Field::Workers, true, Takes::Line(String::new())),
        field(Field::Lifetime, true, Takes::Line(String::new())),
        field(Field::Reason, true, Takes::Lines),
        field(Field::Ticket, ticket_optional, Takes::Line(String::new())),
    ];
    RequestForm { title: "Request a cluster".to_owned(), submit: "Request".to_owned(), fields }
}

fn inputs(modal: &Value) -> Vec<&Value> {
    let rows = modal["components"].as_array().expect("rows");
    rows.iter().map(|row| &row["components"][0]).collect()
}

fn shown(modal: &Value) -> Vec<&str> {
    inputs(modal).iter().filter_map(|input| input["custom_id"].as_str()).collect()
}

/// What Discord sends when the form is sent: each input with what stands in it.
fn sent(modal: &Value) -> Value {
    let one = |input: &Value| json!({ "type": 4, "id": 2, "custom_id": input["custom_id"], "value": input["value"].as_str().unwrap_or("") });
    let rows: Vec<Value> = inputs(modal).iter().map(|input| json!({ "type": 1, "components": [one(input)] })).collect();
    json!({ "custom_id": modal["custom_id"], "components": rows })
}

#[test]
fn five_fields_are_shown_and_those_that_are_needed_first() {
    let drawn = modal(&form(true), &[]);
    assert_eq!(shown(&drawn), ["class", "name", "size", "ttl", "reason"]);
    assert_eq!(shown(&modal(&form(false), &[])), ["class", "name", "size", "ttl", "ticket"]);
    let mut one_class = form(true);
    one_class.fields.remove(0);
    assert_eq!(shown(&modal(&one_class, &[])), ["name", "size", "workers", "ttl", "reason"]);
    assert_eq!((&drawn["custom_id"], &drawn["title"]), (&json!(ids::FORM), &json!("Request a cluster")));
    let name = inputs(&drawn)[1];
    assert_eq!(
        (&name["required"], &name["style"], &name["placeholder"]),
        (&json!(true), &json!(1), &json!("Hint at name."))
    );
    assert_eq!(inputs(&drawn)[4]["style"], 2);
}

#[test]
fn a_list_stands_in_its_label_or_behind_its_empty_line() {
    let drawn = modal(&form(true), &[]);
    let size = inputs(&drawn)[2];
    assert_eq!((&size["label"], &size["value"]), (&json!("Size: small, medium, large"), &json!("small")));
    assert_eq!(size["required"], false, "left empty it is the first");
    let mut many = form(true);
    let names: Vec<String> = (0..20).map(|n| format!("size-{n}")).collect();
    many.fields[2] = field(Field::Size, false, one_of(&names.iter().map(String::as_str).collect::<Vec<_>>()));
    let drawn = modal(&many, &[]);
    let size = inputs(&drawn)[2];
    assert_eq!((&size["label"], &size["value"]), (&json!("Size"), &Value::Null));
    let hint = size["placeholder"].as_str().expect("a hint");
    assert!(hint.starts_with("Left empty: size-0. One of size-0, size-1") && hint.ends_with('…'), "{hint}");
}

#[test]
fn what_was_sent_is_read_and_filled_in_again() {
    let values = [(Field::Name, "Teal Otter"), (Field::Size, "smal"), (Field::Reason, "load `test`\nof ```billing```")];
    let values: Vec<(Field, String)> = values.map(|(field, value)| (field, value.to_owned())).into();
    let drawn = modal(&form(true), &values);
    let read = filled(&sent(&drawn));
    assert_eq!(read[1], (Field::Name, "Teal Otter".to_owned()));
    assert_eq!(read[2], (Field::Size, "smal".to_owned()));
    assert_eq!(read[4], (Field::Reason, "load `test` of ```billing```".to_owned()));
    assert_eq!(read[3], (Field::Lifetime, String::new()));
    let wrong = [
        (Field::Size, "there is no such size. Did you mean small?".to_owned()),
        (Field::Ticket, "is missing".to_owned()),
    ];
    let answer = mistakes(&form(true), &wrong, &read);
    let expect = "I can't request that cluster yet:\n**Size**  there is no such size. Did you mean small?\n**Ticket**  is missing";
    assert_eq!(answer["content"], expect);
    assert_eq!(answer["components"][0]["components"][0]["custom_id"], ids::AGAIN);
    assert_eq!(answer["allowed_mentions"]["parse"], json!([]));
    let back = again(&answer);
    assert_eq!(back.len(), 4, "empty fields need not travel: {back:?}");
    assert!(back.iter().all(|kept| read.contains(kept)), "{back:?}");
}

#[test]
fn a_form_of_nobody_holds_nothing() {
    for garbage in [
        json!({}),
        json!({ "components": [{ "components": [{ "custom_id": "colour", "value": "red" }] }] }),
        json!(null),
    ] {
        assert!(filled(&garbage).is_empty() && again(&garbage).is_empty());
        assert_eq!(reason(&garbage), None);
    }
    let twice = json!({ "components": [{ "components": [{ "custom_id": "size", "value": "small" }, { "custom_id": "size", "value": "large" }] }] });
    assert_eq!(filled(&twice), [(Field::Size, "small".to_owned())]);
    let labelled = json!({ "components": [{ "type": 18, "component": { "custom_id": "size", "value": "small" } }] });
    assert_eq!(filled(&labelled), [(Field::Size, "small".to_owned())]);
}

#[test]
fn a_reason_names_the_card_and_the_plan() {
    let cluster =
        ClusterKey { tenant: "acme".parse().expect("a tenant"), name: "crucial-sandbox".parse().expect("a name") };
    let card = CardKey { cluster, change: ChangeNumber(42) };
    let plan: PlanDigest = "ab".repeat(32).parse().expect("a digest");
    let drawn = reason_modal(&card, Some(&plan));
    assert_eq!(drawn["title"], "Reject crucial-sandbox");
    let mut back = sent(&drawn);
    assert_eq!(reason(&back), Some((card.clone(), Some(Shown::Whole(plan)), None)));
    back["components"][0]["components"][0]["value"] = json!(" the budget is gone ");
    assert_eq!(reason(&back).and_then(|(_, _, why)| why).as_deref(), Some("the budget is gone"));
    back["custom_id"] = json!(ids::FORM);
    assert_eq!(reason(&back), None);
    let long = ClusterKey { name: "n".repeat(40).parse().expect("a name"), ..card.cluster };
    let title = reason_modal(&CardKey { cluster: long, change: ChangeNumber(1) }, None)["title"].clone();
    assert_eq!(title.as_str().map(|title| title.chars().count()), Some(45));
}

proptest! {
    #![proptest_config(ProptestConfig { cases: 200, ..ProptestConfig::default() })]

    #[test]
    fn whatever_was_filled_in_comes_back_and_formats_nothing(value in "[-a-z`*_<>@\\\\ é🦀\n]{1,120}", words in "\\PC{0,900}") {
        let given = vec![(Field::Reason, value.clone()), (Field::Name, words.clone())];
        let answer = mistakes(&form(true), &[(Field::Name, words.clone()), (Field::Size, words.clone())], &given);
        let said = answer["content"].as_str().expect("content");
        prop_assert!(said.encode_utf16().count() <= 2_000);
        prop_assert!(reader::read(said).marks.iter().all(|mark| mark == "bold"), "{said}");
        for kept in answer["embeds"][0]["fields"].as_array().into_iter().flatten() {
            let held = kept["value"].as_str().expect("a value");
            prop_assert!((1..=1_024).contains(&held.encode_utf16().count()));
            prop_assert_eq!(reader::read(held).marks, vec!["block".to_owned()], "{}", held);
        }
        let flat = |text: &str| super::marks::seen(text).split_whitespace().collect::<Vec<_>>().join(" ");
        let back = again(&answer).into_iter().find(|(field, _)| *field == Field::Reason).map(|(_, value)| flat(&value));
        prop_assert_eq!(back.unwrap_or_default(), flat(&value));
    }

    #[test]
    fn every_form_is_within_the_limits(label in "\\PC{0,300}", hint in "\\PC{0,300}", value in "\\PC{0,3000}", optional in any::<bool>()) {
        let of = |field, takes| FormField { field, label: label.clone(), hint: Some(hint.clone()), optional, takes };
        let many = (0..40).map(|n| (format!("{n}{label}"), label.clone())).collect();
        let form = RequestForm {
            title: label.clone(),
            submit: String::new(),
            fields: vec![
                of(Field::Class, Takes::OneOf(Vec::new())),
                of(Field::Name, Takes::Line(value.clone())),
                of(Field::Size, Takes::OneOf(many)),
                of(Field::Workers, Takes::Line(String::new())),
                of(Field::Lifetime, Takes::Line(value.clone())),
                of(Field::Reason, Takes::Lines),
                of(Field::Ticket, Takes::Lines),
            ],
        };
        let drawn = modal(&form, &[(Field::Reason, value.clone())]);
        let long = |value: &Value| value.as_str().map_or(0, |text| text.encode_utf16().count());
        prop_assert!((1..=TITLE_MAX).contains(&long(&drawn["title"])));
        prop_assert!((1..=FIELDS_MAX).contains(&inputs(&drawn).len()));
        for input in inputs(&drawn) {
            prop_assert!((1..=TITLE_MAX).contains(&long(&input["label"])), "{input}");
            prop_assert!(long(&input["placeholder"]) <= 100);
            let most = input["max_length"].as_u64().expect("a limit") as usize;
            prop_assert!(long(&input["value"]) <= most && most <= 4_000, "{input}");
        }
    }
}
