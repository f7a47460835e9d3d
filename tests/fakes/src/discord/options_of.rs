//! What a client makes of a command that a person typed, and of a form that they filled in: it sends nothing that the definition does not allow.

use anyhow::{Context, Result, bail, ensure};
use serde_json::{Map, Value, json};

use super::permissions;
use super::records::Id;
use super::shape;
use super::world::World;

/// The option that is being typed, and what of it is there.
#[derive(Debug, Clone, Copy)]
pub(crate) struct Typed<'a> {
    pub(crate) option: &'a str,
    pub(crate) text: &'a str,
}

/// The data of a command: `kaas request` and its options.
pub(crate) fn command(
    world: &World,
    user: Id,
    line: &str,
    options: &[(&str, Value)],
    typed: Option<Typed<'_>>,
) -> Result<Value> {
    let mut words = line.trim().trim_start_matches('/').split_whitespace();
    let name = words.next().context("a command has a name")?;
    let known = world.commands.iter().find(|one| one["name"].as_str() == Some(name));
    let known = known.with_context(|| format!("no command {name} is registered in the guild"))?;
    if let Some(needed) = known["default_member_permissions"].as_str().and_then(|bits| bits.parse::<u64>().ok()) {
        let may = permissions::in_guild(world, user);
        let is_admin = may & permissions::ADMINISTRATOR != 0;
        ensure!(is_admin || needed != 0 && may & needed == needed, "{user} is not shown /{name}");
    }
    if let Some(contexts) = known["contexts"].as_array() {
        ensure!(contexts.contains(&json!(0)), "/{name} is not for guilds");
    }
    let mut resolved = Map::new();
    let mut definition = known;
    let mut path = Vec::new();
    for word in words {
        let inner = definition["options"].as_array().into_iter().flatten();
        let found = inner.filter(|one| matches!(one["type"].as_u64(), Some(1 | 2)));
        let found = found.clone().find(|one| one["name"].as_str() == Some(word)).with_context(|| {
            let there: Vec<&str> = found.filter_map(|one| one["name"].as_str()).collect();
            format!("no sub-command {word} of /{name}: there are {}", there.join(", "))
        })?;
        path.push((word, found["type"].clone()));
        definition = found;
    }
    let wanted = definition["options"].as_array().map(Vec::as_slice).unwrap_or_default();
    ensure!(!wanted.iter().any(|one| matches!(one["type"].as_u64(), Some(1 | 2))), "/{line} needs a sub-command");
    let mut sent = Vec::new();
    for (option, value) in options {
        let one = wanted.iter().find(|one| one["name"].as_str() == Some(option));
        let one = one.with_context(|| {
            let there: Vec<&str> = wanted.iter().filter_map(|one| one["name"].as_str()).collect();
            format!("no option {option} of /{line}: there are {}", there.join(", "))
        })?;
        sent.push(
            json!({ "name": option, "type": one["type"], "value": typed_value(world, one, value, &mut resolved)? }),
        );
    }
    if let Some(typed) = typed {
        let one = wanted.iter().find(|one| one["name"].as_str() == Some(typed.option));
        let one = one.with_context(|| format!("no option {} of /{line}", typed.option))?;
        ensure!(one["autocomplete"] == true, "{} is not completed", typed.option);
        // What is being typed goes as text, whatever its type.
        sent.push(json!({ "name": typed.option, "type": one["type"], "value": typed.text, "focused": true }));
    } else {
        for one in wanted.iter().filter(|one| one["required"] == true) {
            let is_there = options.iter().any(|(option, _)| one["name"].as_str() == Some(option));
            ensure!(is_there, "{} is required", one["name"]);
        }
    }
    let mut inner = sent;
    for (word, kind) in path.into_iter().rev() {
        inner = vec![json!({ "name": word, "type": kind, "options": inner })];
    }
    let mut data = json!({ "id": known["id"], "name": name, "type": 1, "guild_id": world.guild });
    if !inner.is_empty() {
        data["options"] = json!(inner);
    }
    if !resolved.is_empty() {
        data["resolved"] = Value::Object(resolved);
    }
    Ok(data)
}

/// A value as its option's type wants it; who is named is described beside it.
fn typed_value(world: &World, option: &Value, value: &Value, resolved: &mut Map<String, Value>) -> Result<Value> {
    let name = &option["name"];
    let id = || -> Result<Id> {
        let id = value.as_str().and_then(|text| text.parse().ok());
        id.with_context(|| format!("{name} takes an id, not {value}"))
    };
    let mut describe = |kind: &str, id: Id, what: Value| {
        let place = resolved.entry(kind).or_insert_with(|| json!({}));
        place[id.to_string()] = what;
    };
    match option["type"].as_u64() {
        Some(3) => {
            let text = value.as_str().with_context(|| format!("{name} takes text, not {value}"))?;
            let length = text.chars().count() as u64;
            let (least, most) = (option["min_length"].as_u64(), option["max_length"].as_u64());
            ensure!(length >= least.unwrap_or(0), "{name} is too short");
            ensure!(length <= most.unwrap_or(6000), "{name} is too long");
        }
        Some(4) => ensure!(value.is_i64() || value.is_u64(), "{name} takes a whole number, not {value}"),
        Some(5) => ensure!(value.is_boolean(), "{name} takes true or false, not {value}"),
        Some(10) => ensure!(value.is_number(), "{name} takes a number, not {value}"),
        Some(6 | 9) if id().is_ok_and(|id| world.people.contains_key(&id)) => {
            let person = &world.people[&id()?];
            describe("users", person.id, shape::user(person));
            if !person.left {
                let mut member = shape::member(world, person);
                for key in ["user", "deaf", "mute"] {
                    member.as_object_mut().map(|fields| fields.remove(key));
                }
                member["permissions"] = json!(permissions::in_guild(world, person.id).to_string());
                describe("members", person.id, member);
            }
        }
        Some(8 | 9) => {
            let role = world.roles.get(&id()?).with_context(|| format!("no role {value}"))?;
            describe("roles", role.id, shape::role(role));
        }
        Some(7) => {
            let place = world.channels.get(&id()?).with_context(|| format!("no channel {value}"))?;
            describe("channels", place.id, shape::partial_channel(world, world.bot, place));
        }
        Some(6) => bail!("no user {value}"),
        other => bail!("{name} has a type that cannot be given: {other:?}"),
    }
    if let Some(number) = value.as_f64() {
        ensure!(option["min_value"].as_f64().is_none_or(|least| number >= least), "{name} is too small");
        ensure!(option["max_value"].as_f64().is_none_or(|most| number <= most), "{name} is too large");
    }
    let choices = option["choices"].as_array().map(Vec::as_slice).unwrap_or_default();
    let is_known = choices.is_empty() || choices.iter().any(|choice| choice["value"] == *value);
    ensure!(is_known, "{value} is none of the choices of {name}");
    Ok(value.clone())
}

/// The rows of a form that was filled in.
pub(crate) fn form(modal: &Value, values: &[(&str, &str)]) -> Result<Value> {
    let rows = modal["components"].as_array().map(Vec::as_slice).unwrap_or_default();
    let fields: Vec<&Value> = rows.iter().flat_map(|row| row["components"].as_array().into_iter().flatten()).collect();
    for (name, _) in values {
        let is_there = fields.iter().any(|field| field["custom_id"].as_str() == Some(name));
        ensure!(is_there, "no field {name} on the form");
    }
    let mut filled = Vec::new();
    for (index, field) in fields.iter().enumerate() {
        let id = field["custom_id"].as_str().unwrap_or_default();
        let given = values.iter().find(|(name, _)| *name == id).map(|(_, value)| *value);
        let value = given.or_else(|| field["value"].as_str()).unwrap_or_default();
        let length = value.chars().count() as u64;
        let is_required = field["required"] != false;
        ensure!(!(is_required && value.is_empty()), "{id} is required");
        let least = field["min_length"].as_u64().unwrap_or(0);
        ensure!(value.is_empty() || length >= least, "{id} is too short");
        ensure!(length <= field["max_length"].as_u64().unwrap_or(4000), "{id} is too long");
        let one = json!({ "type": 4, "id": 2 * index + 2, "custom_id": id, "value": value });
        filled.push(json!({ "type": 1, "id": 2 * index + 1, "components": [one] }));
    }
    Ok(json!(filled))
}
