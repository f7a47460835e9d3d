//! What somebody chose and typed as one line for the desk, and what they are typing just now.
//!
//! Every value goes in quotes, so that nothing in it is taken for another option, a flag or a verb. What is sent here is believed in nothing: names of
//! options that the command does not have become mistakes that the person reads.

use serde_json::{Value, json};

use super::define::{CHOICES_MAX, TEXT_MAX, suggests};
use crate::command::table::{Entry, Flag, Shape};
use crate::command::{COMMAND, Verb, quoted};
use crate::ports::Suggest;

/// An option that is a person; the same as a person or a role.
const USER: u64 = 6;
const ANYBODY: u64 = 9;

/// The line of a command: `/kaas request "teal-otter" size="small"`.
pub(super) fn line(data: &Value) -> String {
    let Some((verb, options)) = subcommand(data) else { return format!("{COMMAND} help") };
    let mut line = format!("{COMMAND} {}", word(verb));
    let entry = Verb::named(verb).map(Verb::entry);
    for option in options {
        let Some(name) = option["name"].as_str() else { continue };
        if let Some(part) = part(entry, name, option) {
            line.push(' ');
            line.push_str(&part);
        }
    }
    line
}

/// Whether it is a request for a cluster of which nothing is said yet: then the form is opened.
pub(super) fn is_form(data: &Value) -> bool {
    subcommand(data).is_some_and(|(verb, options)| Verb::named(verb) == Some(Verb::Request) && options.is_empty())
}

/// What is being typed just now, and how far it is typed; `None` where nothing can be suggested.
pub(super) fn focused(data: &Value) -> Option<(Suggest, String)> {
    let (verb, options) = subcommand(data)?;
    let verb = Verb::named(verb)?;
    let typed = options.iter().find(|option| option["focused"] == true)?;
    let flag = verb.entry().takes.iter().find(|flag| typed["name"] == flag.name())?;
    let class = options.iter().find(|option| option["name"] == Flag::Class.name());
    let class = class.and_then(|option| option["value"].as_str()).map(str::to_owned);
    let what = suggests(verb, *flag, class)?;
    Some((what, text(&typed["value"])?))
}

/// The answer to whoever is typing: names to choose from. One that is too long for a choice would refuse all of them.
pub(super) fn choices(suggested: &[String]) -> Value {
    let fits = |name: &&String| (1..=TEXT_MAX).contains(&name.chars().count());
    let choices = suggested.iter().filter(fits).take(CHOICES_MAX).map(|name| json!({ "name": name, "value": name }));
    json!({ "choices": choices.collect::<Vec<_>>() })
}

fn subcommand(data: &Value) -> Option<(&str, &[Value])> {
    let first = data["options"].as_array()?.first()?;
    let options = first["options"].as_array().map(Vec::as_slice).unwrap_or_default();
    Some((first["name"].as_str()?, options))
}

fn part(entry: Option<&Entry>, name: &str, option: &Value) -> Option<String> {
    let flag = entry.and_then(|entry| entry.takes.iter().map(|flag| flag.entry()).find(|flag| flag.name == name));
    let Some(flag) = flag else {
        // Of an older definition, or made up: the desk says that there is no such flag.
        let value = text(&option["value"])?;
        return Some(format!("--{}={}", key(name), quoted(&value)));
    };
    if flag.shape == Shape::Switch {
        return (option["value"] == true).then(|| format!("--{name}"));
    }
    let mut value = text(&option["value"])?;
    if matches!(flag.flag, Flag::Owner | Flag::To | Flag::Person) {
        value = person(&value, option["type"].as_u64());
    }
    Some(match flag.shape {
        Shape::Word | Shape::MaybeWord => quoted(&value),
        Shape::Value | Shape::Switch => format!("{name}={}", quoted(&value)),
    })
}

fn text(value: &Value) -> Option<String> {
    match value {
        Value::String(text) => Some(text.clone()),
        Value::Number(number) => Some(number.to_string()),
        Value::Bool(yes) => Some(yes.to_string()),
        Value::Null | Value::Array(_) | Value::Object(_) => None,
    }
}

/// A person as the desk takes one: `@` and the id, where Discord says the id, in its own option or as a mention in a text.
fn person(value: &str, kind: Option<u64>) -> String {
    let mention = value.trim().strip_prefix("<@").and_then(|rest| rest.strip_suffix('>'));
    let id = match kind {
        Some(USER | ANYBODY) => Some(value),
        _ => mention.map(|id| id.strip_prefix('!').unwrap_or(id)),
    };
    match id.filter(|id| !id.is_empty() && id.bytes().all(|byte| byte.is_ascii_digit())) {
        Some(id) => format!("@{id}"),
        None => value.to_owned(),
    }
}

/// A verb; what is none is shown as what it is, in quotes.
fn word(name: &str) -> String {
    if !name.is_empty() && name.chars().all(fits) { name.to_owned() } else { quoted(name) }
}

/// The name of an option; what is none stays one word, and none that a command takes.
fn key(name: &str) -> String {
    name.chars().map(|c| if fits(c) { c } else { '?' }).collect()
}

fn fits(c: char) -> bool {
    c.is_ascii_lowercase() || c.is_ascii_digit() || c == '-'
}
