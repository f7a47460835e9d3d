//! The command as Discord offers it: a subcommand a verb, with an option for each of its flags, made from the one table of commands.
//!
//! What is the same for everybody is a list of choices; what depends on who is typing, or on another option, is completed while it is typed. Nothing
//! here does I/O. What Discord gives back says more and less than what was put: [`is_same`] compares what means something.

use serde_json::{Map, Value, json};
use sha2::{Digest, Sha256};

use super::marks;
use crate::command::Verb;
use crate::command::table::{COMMANDS, Entry, Flag, Shape};
use crate::lifecycle::catalogue::{Catalogue, Class};
use crate::lifecycle::form::{CLUSTER_NAME_MAX, REASON_MAX};
use crate::ports::Suggest;

/// Characters of a whole command: names, descriptions and values together.
pub(super) const COMMAND_MAX: usize = 8_000;
/// Choices of an option.
pub(super) const CHOICES_MAX: usize = 25;
/// A description, and a choice's name and value.
pub(super) const TEXT_MAX: usize = 100;
/// What is typed into an option that has no limit of its own.
const TYPED_MAX: usize = 128;
/// What is typed for a lifetime.
const TTL_MAX: usize = 32;
/// A ticket.
const TICKET_MAX: usize = 64;

/// The types of options that are used here.
const SUBCOMMAND: u8 = 1;
const STRING: u8 = 3;
const INTEGER: u8 = 4;
const BOOLEAN: u8 = 5;

/// What the command is made of.
#[derive(Debug, Clone, PartialEq, Eq)]
pub struct Definition {
    /// What it is called, without `/`: `kaas`.
    pub command: String,
    /// What may be asked for.
    pub catalogue: Catalogue,
    /// The roles that a way in may have.
    pub roles: Vec<String>,
}

/// The commands of a guild: all that are put at once.
pub(super) fn commands(definition: &Definition) -> Value {
    let mut options: Vec<Value> = COMMANDS.iter().map(|entry| subcommand(entry, definition)).collect();
    let whole = |options: &[Value]| {
        json!({
            "type": 1, "name": definition.command, "description": "Kubernetes clusters: ask, decide, look", "contexts": [0],
            "options": options,
        })
    };
    while size(&whole(&options)) > COMMAND_MAX && complete_the_longest(&mut options) {}
    json!([whole(&options)])
}

/// What identifies a definition: the same for whatever [`is_same`] takes for the same.
pub(super) fn hash(commands: &Value) -> String {
    let digest = Sha256::digest(plain_list(commands).to_string());
    digest.iter().map(|byte| format!("{byte:02x}")).collect()
}

/// Whether what is registered is what is wanted: Discord adds ids, names in other languages and empty values, and leaves out what says nothing.
pub(super) fn is_same(registered: &Value, wanted: &Value) -> bool {
    plain_list(registered) == plain_list(wanted)
}

/// What completes an option while it is typed; `None` for what only the person knows.
pub(super) fn suggests(verb: Verb, flag: Flag, class: Option<String>) -> Option<Suggest> {
    match flag {
        // A new name is the person's own choice.
        Flag::Name if verb == Verb::Request => None,
        Flag::Name => {
            let waiting = matches!(verb, Verb::Approve | Verb::Reject | Verb::Withdraw);
            Some(Suggest::Clusters { waiting })
        }
        Flag::Class => Some(Suggest::Classes),
        Flag::Size => Some(Suggest::Sizes(class)),
        Flag::Kubernetes => Some(Suggest::Versions(class)),
        Flag::Region => Some(Suggest::Regions(class)),
        Flag::Owner => Some(Suggest::People),
        Flag::To => Some(Suggest::Receivers),
        Flag::Person => Some(Suggest::Links),
        Flag::Role => Some(Suggest::Roles),
        // A machine's name has to be typed as kaas told it; the others are free.
        Flag::Machine
        | Flag::User
        | Flag::Workers
        | Flag::Ttl
        | Flag::Lasts
        | Flag::Reason
        | Flag::Ticket
        | Flag::DryRun
        | Flag::Which
        | Flag::Topic => None,
    }
}

// ---- options ----

fn subcommand(entry: &Entry, definition: &Definition) -> Value {
    let mut options: Vec<Value> = entry.takes.iter().map(|flag| option(entry.verb, *flag, definition)).collect();
    // Discord wants what is required first; the order is kept besides.
    options.sort_by_key(|option| option["required"] != true);
    let mut drawn = json!({ "type": SUBCOMMAND, "name": entry.name, "description": sentence(entry.does) });
    if !options.is_empty() {
        drawn["options"] = json!(options);
    }
    drawn
}

fn option(verb: Verb, flag: Flag, definition: &Definition) -> Value {
    let entry = flag.entry();
    let mut drawn = json!({ "type": kind(flag), "name": entry.name, "description": sentence(entry.about) });
    // A request without its name opens the form.
    if entry.shape == Shape::Word && verb != Verb::Request {
        drawn["required"] = json!(true);
    }
    if let Some((least, most)) = bounds(flag, &definition.catalogue) {
        drawn["min_value"] = json!(least);
        drawn["max_value"] = json!(most);
    }
    if let Some(most) = longest(flag) {
        drawn["max_length"] = json!(most);
    }
    let choices = choices(flag, definition).filter(|choices| (1..=CHOICES_MAX).contains(&choices.len()));
    match choices {
        Some(choices) => {
            // What is chosen from a list needs no other limit.
            drawn.as_object_mut().map(|fields| fields.remove("max_length"));
            drawn["choices"] = json!(choices);
        }
        None if suggests(verb, flag, None).is_some() => drawn["autocomplete"] = json!(true),
        None => {}
    }
    drawn
}

fn kind(flag: Flag) -> u8 {
    match flag {
        Flag::Workers => INTEGER,
        Flag::DryRun => BOOLEAN,
        Flag::Name
        | Flag::Which
        | Flag::Topic
        | Flag::Owner
        | Flag::Class
        | Flag::Size
        | Flag::Kubernetes
        | Flag::Region
        | Flag::Ttl
        | Flag::Reason
        | Flag::Ticket
        | Flag::To
        | Flag::Role
        | Flag::Lasts
        | Flag::Machine
        | Flag::Person
        | Flag::User => STRING,
    }
}

fn longest(flag: Flag) -> Option<usize> {
    match flag {
        Flag::Workers | Flag::DryRun => None,
        Flag::Name => Some(CLUSTER_NAME_MAX),
        Flag::Reason => Some(REASON_MAX),
        Flag::Ticket => Some(TICKET_MAX),
        Flag::Ttl | Flag::Lasts => Some(TTL_MAX),
        Flag::Which
        | Flag::Topic
        | Flag::Owner
        | Flag::Class
        | Flag::Size
        | Flag::Kubernetes
        | Flag::Region
        | Flag::To
        | Flag::Role
        | Flag::Machine
        | Flag::Person
        | Flag::User => Some(TYPED_MAX),
    }
}

/// The fewest and the most workers of any size: what a size takes is said when it is sent.
fn bounds(flag: Flag, catalogue: &Catalogue) -> Option<(u32, u32)> {
    if flag != Flag::Workers {
        return None;
    }
    let sizes = || catalogue.classes.iter().flat_map(|class| &class.sizes);
    let least = sizes().map(|size| size.workers_min).min()?;
    Some((least, sizes().map(|size| size.workers_max).max()?))
}

/// What an option may be, where that is the same for everybody and depends on no other option.
fn choices(flag: Flag, definition: &Definition) -> Option<Vec<Value>> {
    let classes = &definition.catalogue.classes;
    let only = || classes.first().filter(|_| classes.len() == 1);
    let same = |values: Vec<&str>| values.into_iter().map(|value| choice(value, value)).collect();
    match flag {
        Flag::Which => Some(same(vec!["mine", "all", "waiting"])),
        Flag::Topic => Some(same(COMMANDS.iter().map(|entry| entry.name).chain(["writing", "states"]).collect())),
        Flag::Class => Some(classes.iter().map(|class| choice(&described(class), class.name.as_str())).collect()),
        Flag::Size => Some(sizes(only()?)),
        Flag::Kubernetes => Some(same(only()?.kubernetes.iter().map(|version| version.as_str()).collect())),
        Flag::Region => Some(same(only()?.regions.iter().map(|region| region.as_str()).collect())),
        Flag::Role => Some(same(definition.roles.iter().map(String::as_str).collect())),
        Flag::Name
        | Flag::Owner
        | Flag::Workers
        | Flag::Ttl
        | Flag::Reason
        | Flag::Ticket
        | Flag::DryRun
        | Flag::To
        | Flag::Lasts
        | Flag::Machine
        | Flag::Person
        | Flag::User => None,
    }
}

fn sizes(class: &Class) -> Vec<Value> {
    let text = |size: &crate::lifecycle::catalogue::Size| {
        format!("{}: {} + {} nodes {}", size.name, size.control_planes, size.workers_default, size.instance_type)
    };
    class.sizes.iter().map(|size| choice(&text(size), size.name.as_str())).collect()
}

fn described(class: &Class) -> String {
    if class.description.is_empty() { class.name.to_string() } else { format!("{}: {}", class.name, class.description) }
}

fn choice(name: &str, value: &str) -> Value {
    json!({ "name": marks::cut(name, TEXT_MAX), "value": value })
}

/// A description: it starts with a capital letter, as Discord's own do.
fn sentence(text: &str) -> String {
    let mut chars = text.chars();
    let first: String = chars.next().into_iter().flat_map(char::to_uppercase).collect();
    marks::cut(&(first + chars.as_str()), TEXT_MAX)
}

/// Completes while it is typed what has the longest list of choices. Whether there was one that can be.
fn complete_the_longest(subcommands: &mut [Value]) -> bool {
    let of_catalogue = |option: &Value| {
        let flag = COMMANDS.iter().flat_map(|entry| entry.takes).find(|flag| option["name"] == flag.name());
        flag.is_some_and(|flag| suggests(Verb::Request, *flag, None).is_some())
    };
    let options = subcommands.iter_mut().filter_map(|one| one["options"].as_array_mut()).flatten();
    let longest = options
        .filter(|option| !option["choices"].is_null() && of_catalogue(option))
        .max_by_key(|option| size(&json!({ "choices": option["choices"] })));
    let Some(option) = longest.and_then(Value::as_object_mut) else { return false };
    option.remove("choices");
    option.insert("autocomplete".to_owned(), json!(true));
    true
}

/// The characters of a command that Discord counts.
pub(super) fn size(value: &Value) -> usize {
    let count = |name: &str| value[name].as_str().map_or(0, |text| text.chars().count());
    let inner = |name: &str| value[name].as_array().into_iter().flatten().map(size).sum::<usize>();
    count("name") + count("description") + count("value") + inner("options") + inner("choices")
}

// ---- what means something ----

/// What a definition says, in one form: without ids, names in other languages and values that say nothing; sorted by name.
fn plain_list(commands: &Value) -> Value {
    let mut list: Vec<Value> = commands.as_array().into_iter().flatten().map(plain).collect();
    list.sort_by_key(|command| command["name"].to_string());
    Value::Array(list)
}

/// What is compared of a command, an option or a choice. A guild's commands are used in that guild anyway, so where they may be used is not compared:
/// Discord keeps `contexts` only of commands for all guilds.
const COMPARED: [&str; 13] = [
    "name",
    "description",
    "required",
    "autocomplete",
    "min_value",
    "max_value",
    "min_length",
    "max_length",
    "default_member_permissions",
    "nsfw",
    "value",
    "options",
    "choices",
];

fn plain(one: &Value) -> Value {
    let mut out = Map::new();
    for key in COMPARED {
        let value = match &one[key] {
            Value::Null | Value::Bool(false) => continue,
            Value::Array(list) if list.is_empty() => continue,
            Value::Array(list) => Value::Array(list.iter().map(plain).collect()),
            // A bound may come back as 1 or as 1.0.
            Value::Number(number) if key != "value" => json!(number.as_f64()),
            value => value.clone(),
        };
        out.insert(key.to_owned(), value);
    }
    // A command without a type is one that is typed; a choice has none.
    let kind = one["type"].as_u64().filter(|kind| *kind > 1);
    out.extend(kind.map(|kind| ("type".to_owned(), json!(kind))));
    Value::Object(out)
}
