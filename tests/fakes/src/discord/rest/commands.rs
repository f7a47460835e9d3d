//! The commands of the guild: put all at once, checked as Discord checks a definition, and counted.

use std::collections::BTreeSet;

use serde_json::{Value, json};

use super::super::refusal::{Answer, Done, Refusal, Wrong};
use super::super::world::World;
use super::{Ask, Event};

/// Characters of a whole command: names, descriptions and values together.
const COMMAND_TOTAL: usize = 8000;

/// Commands of a guild.
const COMMANDS: usize = 100;

fn own(world: &World, ask: &Ask) -> Result<(), Refusal> {
    if ask.id(0) != world.application {
        return Err(Refusal::unknown("Application"));
    }
    if ask.id(1) != world.guild {
        return Err(Refusal::no_access());
    }
    Ok(())
}

/// `GET /applications/{}/guilds/{}/commands`
pub(super) fn list(world: &mut World, ask: &Ask, _: &mut Vec<Event>) -> Answer {
    own(world, ask)?;
    Ok(Done::with(json!(world.commands)))
}

/// `PUT /applications/{}/guilds/{}/commands`
pub(super) fn replace(world: &mut World, ask: &Ask, _: &mut Vec<Event>) -> Answer {
    own(world, ask)?;
    let wanted = ask.body.as_array().map(Vec::as_slice).unwrap_or_default();
    let mut wrong = Wrong::default();
    if wanted.len() > COMMANDS {
        wrong.add(&[], "BASE_TYPE_MAX_LENGTH", format!("Must be {COMMANDS} or fewer in length."));
    }
    let mut names = BTreeSet::new();
    for (index, command) in wanted.iter().enumerate() {
        let path = [index.to_string()];
        if !names.insert(command["name"].as_str().unwrap_or_default()) {
            let message = "Application command names must be unique";
            wrong.add(&path, "APPLICATION_COMMANDS_DUPLICATE_NAME", message);
        }
        name(&command["name"], &path, &mut wrong);
        options(&command["options"], &[index.to_string(), "options".to_string()], 0, &mut wrong);
        if size(command) > COMMAND_TOTAL {
            let message = format!("Command exceeds maximum size ({COMMAND_TOTAL})");
            wrong.add(&path, "APPLICATION_COMMAND_TOO_LARGE", message);
        }
    }
    wrong.finish()?;
    let now_ms = world.now_ms();
    world.creates.retain(|at| at + 86_400_000 > now_ms);
    let known = |command: &Value| world.commands.iter().find(|one| one["name"] == command["name"]).cloned();
    let new = wanted.iter().filter(|command| known(command).is_none()).count();
    let a_day = world.options.command_creates_a_day;
    if world.creates.len() + new > a_day as usize {
        let message = format!("Max number of daily application command creates has been reached ({a_day})");
        let after_ms = world.creates.first().map_or(1, |at| (at + 86_400_000).saturating_sub(now_ms));
        return Err(Refusal { code: 30034, message, ..Refusal::limited(after_ms, false) });
    }
    let olds: Vec<Option<Value>> = wanted.iter().map(known).collect();
    world.creates.extend(std::iter::repeat_n(now_ms, new));
    let mut commands = Vec::new();
    for (command, old) in wanted.iter().zip(olds) {
        let mut shown = json!({
            "id": old.as_ref().map_or_else(|| json!(world.next_id()), |old| old["id"].clone()),
            "application_id": world.application, "guild_id": world.guild, "type": command["type"].as_u64().unwrap_or(1),
            "name": command["name"], "name_localizations": null, "description": command["description"],
            "description_localizations": null, "dm_permission": true,
            "default_member_permissions": command["default_member_permissions"],
            "contexts": command["contexts"], "integration_types": [0], "nsfw": command["nsfw"] == true,
        });
        let options = stored(&command["options"]);
        if options.as_array().is_some_and(|options| !options.is_empty()) {
            shown["options"] = options;
        }
        // The version changes with the definition, and with nothing else.
        let is_same = |old: &&Value| {
            let mut old = (*old).clone();
            old.as_object_mut().map(|fields| fields.remove("version"));
            old == shown
        };
        let version = old.as_ref().filter(is_same).map(|old| old["version"].clone());
        shown["version"] = version.unwrap_or_else(|| json!(world.next_id()));
        commands.push(shown);
    }
    world.commands = commands;
    Ok(Done::with(json!(world.commands)))
}

/// Options as Discord keeps them: what says nothing is left out.
fn stored(options: &Value) -> Value {
    let kept = options.as_array().into_iter().flatten().map(|option| {
        let mut option = option.clone();
        option["options"] = stored(&option["options"]);
        if let Some(fields) = option.as_object_mut() {
            fields.retain(|_, value| {
                !value.is_null() && *value != json!([]) && *value != json!(false) && *value != json!({})
            });
        }
        option
    });
    Value::Array(kept.collect())
}

fn at(path: &[String], more: &str) -> Vec<String> {
    path.iter().cloned().chain([more.to_string()]).collect()
}

/// `^[-_'\p{L}\p{N}]{1,32}$`, and nothing that has a lower case is in upper case.
fn name(value: &Value, path: &[String], wrong: &mut Wrong) {
    let text = value.as_str().unwrap_or_default();
    let fits = |c: char| c == '-' || c == '_' || c == '\'' || c.is_alphanumeric();
    if !(1..=32).contains(&text.chars().count()) || !text.chars().all(fits) || text.to_lowercase() != text {
        let message = "Command name is invalid";
        wrong.add(&at(path, "name"), "APPLICATION_COMMAND_INVALID_NAME", message);
    }
}

fn options(list: &Value, path: &[String], depth: u32, wrong: &mut Wrong) {
    let list = list.as_array().map(Vec::as_slice).unwrap_or_default();
    let (mut names, mut was_optional) = (BTreeSet::new(), false);
    let is_sub = |option: &Value| matches!(option["type"].as_u64(), Some(1 | 2));
    if list.iter().any(is_sub) && !list.iter().all(is_sub) {
        let message = "Sub-commands and ordinary options cannot be mixed";
        wrong.add(path, "APPLICATION_COMMAND_OPTIONS_TYPE_INVALID", message);
    }
    for (index, option) in list.iter().enumerate() {
        let path = at(path, &index.to_string());
        name(&option["name"], &path, wrong);
        if !names.insert(option["name"].as_str().unwrap_or_default()) {
            let message = "Option names must be unique";
            wrong.add(&path, "APPLICATION_COMMAND_OPTIONS_NAME_ALREADY_EXISTS", message);
        }
        let kind = option["type"].as_u64().unwrap_or(0);
        if kind == 2 && depth > 0 || kind == 1 && depth > 1 {
            let message = "Sub-commands may be nested one level deep";
            wrong.add(&at(&path, "type"), "APPLICATION_COMMAND_OPTIONS_TYPE_INVALID", message);
        }
        let is_empty = |name: &str| option[name].as_array().is_none_or(Vec::is_empty);
        if kind > 2 && !is_empty("options") {
            let message = "Only sub-commands have options";
            wrong.add(&at(&path, "options"), "APPLICATION_COMMAND_OPTIONS_TYPE_INVALID", message);
        }
        if !is_sub(option) {
            if option["required"] == true && was_optional {
                let message = "Required options must be placed before non-required options";
                wrong.add(&at(&path, "required"), "APPLICATION_COMMAND_OPTIONS_REQUIRED_INVALID", message);
            }
            was_optional |= option["required"] != true;
        }
        choices(option, kind, &path, wrong);
        options(&option["options"], &at(&path, "options"), depth + 1, wrong);
    }
}

fn choices(option: &Value, kind: u64, path: &[String], wrong: &mut Wrong) {
    let list = option["choices"].as_array().map(Vec::as_slice).unwrap_or_default();
    let takes = matches!(kind, 3 | 4 | 10);
    if !list.is_empty() && !takes {
        wrong.add(&at(path, "choices"), "APPLICATION_COMMAND_CHOICES_INVALID", "This type has no choices");
    }
    if option["autocomplete"] == true && (!takes || !list.is_empty()) {
        let message = "Choices and autocomplete exclude each other";
        wrong.add(&at(path, "autocomplete"), "APPLICATION_COMMAND_AUTOCOMPLETE_INVALID", message);
    }
    let mut names = BTreeSet::new();
    for (index, choice) in list.iter().enumerate() {
        let path = at(&at(path, "choices"), &index.to_string());
        let fits = match kind {
            3 => choice["value"].as_str().is_some_and(|text| (1..=100).contains(&text.chars().count())),
            4 => choice["value"].is_i64() || choice["value"].is_u64(),
            10 => choice["value"].is_number(),
            _ => true,
        };
        if !fits {
            let message = "The value does not fit the option's type";
            wrong.add(&at(&path, "value"), "APPLICATION_COMMAND_CHOICE_VALUE_INVALID", message);
        }
        if !names.insert(choice["name"].as_str().unwrap_or_default()) {
            let message = "Choice names must be unique";
            wrong.add(&at(&path, "name"), "APPLICATION_COMMAND_OPTIONS_CHOICE_NAME_ALREADY_EXISTS", message);
        }
    }
    for (names, fits) in
        [(["min_value", "max_value"], matches!(kind, 4 | 10)), (["min_length", "max_length"], kind == 3)]
    {
        let [least, most] = names.map(|name| option[name].as_f64());
        let is_said = least.is_some() || most.is_some();
        if is_said && !fits || least.zip(most).is_some_and(|(least, most)| least > most) {
            wrong.add(&at(path, names[0]), "APPLICATION_COMMAND_BOUNDS_INVALID", "These bounds do not fit");
        }
    }
}

/// The characters of a command that count.
fn size(value: &Value) -> usize {
    let count = |name: &str| value[name].as_str().map_or(0, |text| text.chars().count());
    let inner = |name: &str| value[name].as_array().into_iter().flatten().map(size).sum::<usize>();
    count("name") + count("description") + count("value") + inner("options") + inner("choices")
}
