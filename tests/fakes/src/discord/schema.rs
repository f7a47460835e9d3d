//! What Discord's published API knows of the calls that are used here: a slice of it, kept by hand in `published.json`, and the checking of
//! requests and answers against it.
//!
//! How the fixture is written. A type is an object of fields; `!` after a field's name means that it is always there. A field's type is
//! `string`, `integer`, `number`, `boolean`, `any`, `snowflake`, `time`, the name of another type, `[T]` for a list, `{T}` for an object whose keys are
//! free, or `=1|2` for one of these numbers. After it: `<=N` or `A..B` for a length, a count or a value; `?` where null is known; then `~null`,
//! `~number`, `~empty` for what is tolerated although it is not known: the fixture's `tolerated` says whose deviation that is.

use std::collections::BTreeMap;
use std::sync::LazyLock;

use serde_json::{Map, Value};

use super::refusal::{Refusal, Wrong};

/// The fixture.
const PUBLISHED: &str = include_str!("published.json");

/// The fixture, read.
struct Published {
    types: BTreeMap<String, Shape>,
    operations: BTreeMap<String, Operation>,
}

/// What a call takes and gives.
struct Operation {
    request: Option<Kind>,
    answers: BTreeMap<u16, Option<Kind>>,
}

/// A named type.
enum Shape {
    Fields(Vec<Field>),
    /// One of several types, by what a field says.
    By(String, BTreeMap<String, String>),
}

struct Field {
    name: String,
    required: bool,
    kind: Kind,
}

/// The type of a value.
#[derive(Debug, Clone, PartialEq)]
struct Kind {
    base: Base,
    least: Option<u64>,
    most: Option<u64>,
    nullable: bool,
    tolerated: Vec<String>,
}

#[derive(Debug, Clone, PartialEq)]
enum Base {
    String,
    Integer,
    Number,
    Boolean,
    Any,
    Snowflake,
    Time,
    OneOf(Vec<i64>),
    List(Box<Kind>),
    Map(Box<Kind>),
    Named(String),
}

static KNOWN: LazyLock<Published> = LazyLock::new(|| {
    let fixture: Value = serde_json::from_str(PUBLISHED).expect("the fixture is JSON");
    let object = |value: &Value| value.as_object().cloned().unwrap_or_default();
    let types = object(&fixture["types"]).iter().map(|(name, shape)| (name.clone(), shape_of(shape))).collect();
    let operations = object(&fixture["operations"]);
    let operations = operations.iter().map(|(name, said)| {
        let kind = |value: &Value| value.as_str().map(kind_of);
        let answers = object(&said["answers"])
            .iter()
            .map(|(status, said)| (status.parse().expect("an answer is of a status"), kind(said)))
            .collect();
        (name.clone(), Operation { request: kind(&said["request"]), answers })
    });
    Published { types, operations: operations.collect() }
});

fn shape_of(said: &Value) -> Shape {
    let fields = said.as_object().cloned().unwrap_or_else(Map::new);
    if let Some((key, Value::Object(choices))) = fields.iter().find(|(key, _)| key.starts_with("by ")) {
        let text = |value: &Value| value.as_str().unwrap_or_default().to_string();
        let choices = choices.iter().map(|(value, name)| (value.clone(), text(name))).collect();
        return Shape::By(key.trim_start_matches("by ").to_string(), choices);
    }
    Shape::Fields(
        fields
            .iter()
            .map(|(name, kind)| {
                let kind = kind_of(kind.as_str().unwrap_or_else(|| panic!("{name} has a type")));
                Field { name: name.trim_end_matches('!').to_string(), required: name.ends_with('!'), kind }
            })
            .collect(),
    )
}

/// `[Embed]<=10?~null`
fn kind_of(said: &str) -> Kind {
    let bracket = said.rfind([']', '}']).map_or(0, |at| at + 1);
    let (core, marks) = match said[bracket..].split_once('~') {
        Some((before, marks)) => (&said[..bracket + before.len()], marks),
        None => (said, ""),
    };
    let tolerated = marks.split('~').map(str::trim).filter(|mark| !mark.is_empty()).map(ToString::to_string).collect();
    let mut core = core.trim();
    let nullable = core.ends_with('?');
    core = core.trim_end_matches('?');
    let (mut least, mut most) = (None, None);
    let closing = core.rfind([']', '}']).map_or(0, |at| at + 1);
    if let Some((before, bound)) = core[closing..].split_once("<=") {
        most = Some(bound.parse().expect("a bound is a number"));
        core = &core[..closing + before.len()];
    } else if let Some((before, bounds)) = core[closing..].split_once(' ') {
        let (low, high) = bounds.split_once("..").expect("bounds are A..B");
        least = Some(low.parse().expect("a bound is a number"));
        most = Some(high.parse().expect("a bound is a number"));
        core = &core[..closing + before.len()];
    }
    let inner = |text: &str| Box::new(kind_of(&text[1..text.len() - 1]));
    let base = match core {
        "string" => Base::String,
        "integer" => Base::Integer,
        "number" => Base::Number,
        "boolean" => Base::Boolean,
        "any" => Base::Any,
        "snowflake" => Base::Snowflake,
        "time" => Base::Time,
        list if list.starts_with('[') => Base::List(inner(list)),
        map if map.starts_with('{') => Base::Map(inner(map)),
        one if one.starts_with('=') => {
            Base::OneOf(one[1..].split('|').map(|number| number.parse().expect("a choice is a number")).collect())
        }
        name => Base::Named(name.to_string()),
    };
    Kind { base, least, most, nullable, tolerated }
}

/// Whether a request is one that Discord's published API knows.
pub(crate) fn request(operation: &str, body: &Value) -> Result<(), Refusal> {
    let known = KNOWN.operations.get(operation).unwrap_or_else(|| panic!("the fixture knows no {operation}"));
    let mut wrong = Wrong::default();
    match &known.request {
        None if body.is_null() => {}
        None if *body == Value::Object(Map::new()) => {}
        None => wrong.add(&[], "UNKNOWN_BODY", "This call takes no body."),
        Some(kind) => check(kind, body, &mut Vec::new(), &mut wrong),
    }
    wrong.finish()
}

/// What an answer has that Discord's published API does not know, or the other way round.
pub(crate) fn answer(operation: &str, status: u16, body: &Value) -> Vec<String> {
    let known = KNOWN.operations.get(operation).unwrap_or_else(|| panic!("the fixture knows no {operation}"));
    let mut wrong = Wrong::default();
    match known.answers.get(&status) {
        None => wrong.add(&[], "UNKNOWN_STATUS", format!("{status} is no answer to this call.")),
        Some(None) if body.is_null() => {}
        Some(None) => wrong.add(&[], "UNKNOWN_BODY", "This answer has no body."),
        Some(Some(kind)) => check(kind, body, &mut Vec::new(), &mut wrong),
    }
    wrong.lines()
}

/// What an event of the gateway has that is not known, or the other way round; nothing for an event that the fixture does not describe.
pub(crate) fn event(name: &str, data: &Value) -> Vec<String> {
    let mut wrong = Wrong::default();
    if KNOWN.types.contains_key(name) {
        check(&kind_of(name), data, &mut Vec::new(), &mut wrong);
    }
    wrong.lines()
}

fn check(kind: &Kind, value: &Value, path: &mut Vec<String>, wrong: &mut Wrong) {
    let tolerates = |what: &str| kind.tolerated.iter().any(|one| one == what);
    if value.is_null() {
        if !kind.nullable && !tolerates("null") && kind.base != Base::Any {
            wrong.add(path, "BASE_TYPE_REQUIRED", "This field is required");
        }
        return;
    }
    let is_empty = value.as_array().is_some_and(Vec::is_empty) || value.as_object().is_some_and(Map::is_empty);
    if is_empty && tolerates("empty") {
        return;
    }
    match &kind.base {
        Base::Any => {}
        Base::String => match value.as_str() {
            Some(text) => length(kind, text.chars().count() as u64, text.is_empty(), path, wrong),
            None if value.is_number() && tolerates("number") => {}
            None => wrong.add(path, "STRING_TYPE_CONVERT", format!("Could not interpret \"{value}\" as string.")),
        },
        Base::Integer => match value.as_i64() {
            Some(number) => bounds(kind, number, path, wrong),
            None if value.is_u64() => {}
            None => wrong.add(path, "NUMBER_TYPE_COERCE", format!("Value \"{value}\" is not int.")),
        },
        Base::Number if value.is_number() => {}
        Base::Number => wrong.add(path, "NUMBER_TYPE_COERCE", format!("Value \"{value}\" is not float.")),
        Base::Boolean if value.is_boolean() => {}
        Base::Boolean => wrong.add(path, "BOOLEAN_TYPE_CONVERT", "Must be either true or false."),
        Base::Snowflake => {
            let is_id = value.as_str().is_some_and(|text| text.parse::<u64>().is_ok());
            let is_number = value.is_u64() && tolerates("number");
            if !is_id && !is_number {
                wrong.add(path, "NUMBER_TYPE_COERCE", format!("Value \"{value}\" is not snowflake."));
            }
        }
        Base::Time => {
            if value.as_str().is_none_or(|text| text.parse::<jiff::Timestamp>().is_err()) {
                wrong.add(path, "DATETIME_TYPE_INVALID", format!("Could not parse {value}. Should be ISO8601."));
            }
        }
        Base::OneOf(choices) => {
            if !value.as_i64().is_some_and(|number| choices.contains(&number)) {
                let all: Vec<String> = choices.iter().map(ToString::to_string).collect();
                wrong.add(path, "BASE_TYPE_CHOICES", format!("Value must be one of {{{}}}.", all.join(", ")));
            }
        }
        Base::List(inner) => match value.as_array() {
            Some(items) => {
                length(kind, items.len() as u64, false, path, wrong);
                for (index, item) in items.iter().enumerate() {
                    path.push(index.to_string());
                    check(inner, item, path, wrong);
                    path.pop();
                }
            }
            None => wrong.add(path, "LIST_TYPE_CONVERT", "Only iterables may be used in a ListType"),
        },
        Base::Map(inner) => match value.as_object() {
            Some(fields) => {
                for (name, field) in fields {
                    path.push(name.clone());
                    check(inner, field, path, wrong);
                    path.pop();
                }
            }
            None => wrong.add(path, "DICT_TYPE_CONVERT", "Only dictionaries may be used in a DictType"),
        },
        Base::Named(name) => named(name, value, path, wrong),
    }
}

fn named(name: &str, value: &Value, path: &mut Vec<String>, wrong: &mut Wrong) {
    let shape = KNOWN.types.get(name).unwrap_or_else(|| panic!("the fixture knows no type {name}"));
    let Some(given) = value.as_object() else {
        return wrong.add(path, "DICT_TYPE_CONVERT", "Only dictionaries may be used in a DictType");
    };
    let fields = match shape {
        Shape::By(field, choices) => {
            let said = match given.get(field) {
                Some(Value::String(text)) => text.clone(),
                Some(other) => other.to_string(),
                None => String::new(),
            };
            return match choices.get(&said) {
                Some(choice) => named(choice, value, path, wrong),
                None => {
                    path.push(field.clone());
                    let all: Vec<&str> = choices.keys().map(String::as_str).collect();
                    wrong.add(path, "BASE_TYPE_CHOICES", format!("Value must be one of {{{}}}.", all.join(", ")));
                    path.pop();
                }
            };
        }
        Shape::Fields(fields) => fields,
    };
    for field in fields {
        path.push(field.name.clone());
        match given.get(&field.name) {
            Some(value) => check(&field.kind, value, path, wrong),
            None if field.required => wrong.add(path, "BASE_TYPE_REQUIRED", "This field is required"),
            None => {}
        }
        path.pop();
    }
    for unknown in given.keys().filter(|name| !fields.iter().any(|field| field.name == **name)) {
        path.push(unknown.clone());
        wrong.add(path, "UNKNOWN_FIELD", "Discord's published API does not know this field.");
        path.pop();
    }
}

fn length(kind: &Kind, length: u64, is_blank: bool, path: &[String], wrong: &mut Wrong) {
    let (least, most) = (kind.least.unwrap_or(0), kind.most.unwrap_or(u64::MAX));
    if (least..=most).contains(&length) {
        return;
    }
    if is_blank {
        wrong.add(path, "BASE_TYPE_REQUIRED", "This field is required");
    } else if kind.least.is_some() {
        wrong.add(path, "BASE_TYPE_BAD_LENGTH", format!("Must be between {least} and {most} in length."));
    } else {
        wrong.add(path, "BASE_TYPE_MAX_LENGTH", format!("Must be {most} or fewer in length."));
    }
}

fn bounds(kind: &Kind, number: i64, path: &[String], wrong: &mut Wrong) {
    let said = |bound: Option<u64>| bound.and_then(|bound| i64::try_from(bound).ok());
    if let Some(least) = said(kind.least).filter(|least| number < *least) {
        wrong.add(path, "NUMBER_TYPE_MIN", format!("int value should be greater than or equal to {least}."));
    }
    if let Some(most) = said(kind.most).filter(|most| number > *most) {
        wrong.add(path, "NUMBER_TYPE_MAX", format!("int value should be less than or equal to {most}."));
    }
}

/// Every call that the fixture describes.
#[cfg(test)]
pub(crate) fn operations() -> Vec<&'static str> {
    KNOWN.operations.keys().map(String::as_str).collect()
}

#[cfg(test)]
mod tests {
    use serde_json::json;

    use super::*;

    #[test]
    fn types_are_read_as_they_are_written() {
        let kind = kind_of("[snowflake~number]<=100?~empty");
        assert!(kind.nullable && kind.most == Some(100) && kind.tolerated == ["empty"]);
        let Base::List(inner) = kind.base else { panic!("a list") };
        assert_eq!((inner.base, inner.tolerated), (Base::Snowflake, vec!["number".to_string()]));
        let kind = kind_of("integer 1..25?~null");
        assert_eq!((kind.base, kind.least, kind.most, kind.nullable), (Base::Integer, Some(1), Some(25), true));
        assert_eq!(kind_of("=1|2").base, Base::OneOf(vec![1, 2]));
    }

    #[test]
    fn an_answer_that_discord_would_not_give_is_found() {
        let operation = "POST /users/@me/channels";
        let good = json!({ "id": "1", "type": 1, "last_message_id": null, "flags": 0, "recipients": [] });
        assert_eq!(answer(operation, 200, &good), Vec::<String>::new());
        for (what, key, value) in [
            ("an unknown field", "colour", json!("red")),
            ("another type", "id", json!(1)),
            ("a null", "flags", Value::Null),
            ("another choice", "type", json!(0)),
            ("something inside", "recipients", json!([{ "id": "1" }])),
        ] {
            let mut bad = good.clone();
            bad[key] = value;
            assert!(!answer(operation, 200, &bad).is_empty(), "{what}");
        }
        let mut bad = good.clone();
        bad.as_object_mut().unwrap().remove("recipients");
        assert_eq!(answer(operation, 200, &bad), ["recipients: BASE_TYPE_REQUIRED: This field is required"]);
        assert!(!answer(operation, 201, &good).is_empty() && !answer(operation, 200, &Value::Null).is_empty());
        assert!(request("DELETE /channels/{}/messages/{}", &json!({ "reason": "x" })).is_err());
    }

    #[test]
    fn every_name_in_the_fixture_is_defined_and_every_tolerance_has_its_reason() {
        fn names(kind: &Kind, found: &mut Vec<String>) {
            match &kind.base {
                Base::List(inner) | Base::Map(inner) => names(inner, found),
                Base::Named(name) => found.push(name.clone()),
                _ => {}
            }
        }
        let mut found = Vec::new();
        for shape in KNOWN.types.values() {
            match shape {
                Shape::Fields(fields) => fields.iter().for_each(|field| names(&field.kind, &mut found)),
                Shape::By(_, choices) => found.extend(choices.values().cloned()),
            }
        }
        for operation in KNOWN.operations.values() {
            operation
                .request
                .iter()
                .chain(operation.answers.values().flatten())
                .for_each(|kind| names(kind, &mut found));
        }
        for name in &found {
            assert!(KNOWN.types.contains_key(name), "{name}");
        }
        for name in KNOWN.types.keys().filter(|name| **name != name.to_uppercase()) {
            assert!(found.contains(name), "{name} is used nowhere");
        }
        let fixture: Value = serde_json::from_str(PUBLISHED).unwrap();
        let reasons = fixture["tolerated"].to_string();
        assert!(["~null", "~number", "~empty"].iter().all(|mark| reasons.contains(mark)));
    }
}
