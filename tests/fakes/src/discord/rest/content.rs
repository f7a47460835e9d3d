//! What a message says: checked beyond what the published API's shapes hold, then put together. Lengths and counts of single fields are there;
//! here is what holds over several: all embeds together, rows and their buttons, files and their numbers, who is pinged.

use std::collections::BTreeSet;

use serde_json::{Value, json};

use super::super::permissions;
use super::super::records::{Channel, File, Id, Message};
use super::super::refusal::{Refusal, Wrong, refuse};
use super::super::world::{EPHEMERAL, World};
use super::Ask;

/// Characters over all embeds of a message.
const EMBEDS_TOTAL: usize = 6000;

/// What a modal is called at most, and the same for what a field of it is called.
const MODAL_TEXT: usize = 45;

fn at(path: &[String], more: &[&str]) -> Vec<String> {
    path.iter().cloned().chain(more.iter().map(ToString::to_string)).collect()
}

/// Checks the content of a message at this place of the body.
pub(crate) fn check(body: &Value, path: &[String]) -> Result<(), Refusal> {
    let mut wrong = Wrong::default();
    let embeds = body["embeds"].as_array().map(Vec::as_slice).unwrap_or_default();
    if embeds.iter().map(length).sum::<usize>() > EMBEDS_TOTAL {
        wrong.add(
            &at(path, &["embeds"]),
            "MAX_EMBED_SIZE_EXCEEDED",
            format!("Embed size exceeds maximum size of {EMBEDS_TOTAL}"),
        );
    }
    for (index, embed) in embeds.iter().enumerate() {
        let url = embed["url"].as_str().or_else(|| embed["author"]["url"].as_str());
        if url.is_some_and(|url| !url.starts_with("http://") && !url.starts_with("https://")) {
            let place = at(path, &["embeds", &index.to_string(), "url"]);
            wrong.add(&place, "URL_TYPE_INVALID_SCHEME", "Scheme must be one of ('http', 'https').");
        }
    }
    components(&body["components"], &at(path, &["components"]), false, &mut wrong);
    mentions(&body["allowed_mentions"], &at(path, &["allowed_mentions"]), &mut wrong);
    wrong.finish()
}

/// The characters of an embed that count.
fn length(embed: &Value) -> usize {
    let count = |value: &Value| value.as_str().map_or(0, |text| text.chars().count());
    let fields = embed["fields"].as_array().into_iter().flatten();
    let fields: usize = fields.map(|field| count(&field["name"]) + count(&field["value"])).sum();
    let own = [&embed["title"], &embed["description"], &embed["footer"]["text"], &embed["author"]["name"]];
    own.into_iter().map(count).sum::<usize>() + fields
}

/// Rows of buttons and menus, or of a modal's fields.
fn components(rows: &Value, path: &[String], is_modal: bool, wrong: &mut Wrong) {
    let mut seen = BTreeSet::new();
    for (index, row) in rows.as_array().into_iter().flatten().enumerate() {
        let inner = row["components"].as_array().map(Vec::as_slice).unwrap_or_default();
        let place = at(path, &[&index.to_string(), "components"]);
        let width: usize = inner.iter().map(|one| if one["type"] == 2 { 1 } else { 5 }).sum();
        if width > 5 {
            let message = "The specified component exceeds the maximum width";
            wrong.add(&place, "COMPONENT_LAYOUT_WIDTH_EXCEEDED", message);
        }
        for (number, one) in inner.iter().enumerate() {
            let here = at(&place, &[&number.to_string()]);
            let is_field = one["type"] == 4;
            if is_field != is_modal {
                let message = if is_modal { "A modal holds text fields." } else { "A message holds no text fields." };
                wrong.add(&at(&here, &["type"]), "COMPONENT_TYPE_INVALID", message);
            }
            if let Some(id) = one["custom_id"].as_str()
                && !seen.insert(id.to_string())
            {
                let message = "Component custom id cannot be duplicated";
                wrong.add(&at(&here, &["custom_id"]), "COMPONENT_CUSTOM_ID_DUPLICATED", message);
            }
            match one["type"].as_u64() {
                Some(2) => button(one, &here, wrong),
                Some(3) => select(one, &here, wrong),
                Some(4) => field(one, &here, wrong),
                _ => {}
            }
        }
    }
}

fn required(path: &[String], name: &str, wrong: &mut Wrong) {
    wrong.add(&at(path, &[name]), "BASE_TYPE_REQUIRED", "This field is required");
}

fn button(one: &Value, path: &[String], wrong: &mut Wrong) {
    let is_link = one["style"] == 5;
    if is_link && one["url"].is_null() {
        required(path, "url", wrong);
    }
    if !is_link && one["custom_id"].is_null() {
        required(path, "custom_id", wrong);
    }
    if is_link && !one["custom_id"].is_null() || !is_link && !one["url"].is_null() {
        let message = "A custom id and url cannot both be specified";
        wrong.add(&at(path, &["custom_id"]), "BUTTON_COMPONENT_CUSTOM_ID_URL_MUTUALLY_EXCLUSIVE", message);
    }
    if one["label"].as_str().is_none_or(str::is_empty) && one["emoji"].is_null() {
        let message = "A button requires a label or an emoji";
        wrong.add(path, "BUTTON_COMPONENT_INVALID", message);
    }
}

fn select(one: &Value, path: &[String], wrong: &mut Wrong) {
    let options = one["options"].as_array().map(Vec::as_slice).unwrap_or_default();
    let values: BTreeSet<&str> = options.iter().filter_map(|option| option["value"].as_str()).collect();
    if values.len() < options.len() {
        let message = "The specified option value is already used";
        wrong.add(&at(path, &["options"]), "SELECT_COMPONENT_OPTION_VALUE_DUPLICATED", message);
    }
}

fn field(one: &Value, path: &[String], wrong: &mut Wrong) {
    let text = |name: &str| one[name].as_str().map(|text| text.chars().count() as u64);
    if text("label").is_none() {
        required(path, "label", wrong);
    }
    let (least, most) = (one["min_length"].as_u64(), one["max_length"].as_u64());
    if least.unwrap_or(0) > most.unwrap_or(4000) {
        let message = "The minimum is above the maximum.";
        wrong.add(&at(path, &["min_length"]), "TEXT_INPUT_INVALID_LENGTH", message);
    }
    if text("value").is_some_and(|length| length > most.unwrap_or(4000)) {
        wrong.add(&at(path, &["value"]), "BASE_TYPE_MAX_LENGTH", "The value is longer than the field takes.");
    }
}

/// A modal.
pub(crate) fn check_modal(data: &Value) -> Result<(), Refusal> {
    let mut wrong = Wrong::default();
    let path = ["data".to_string()];
    for (name, most) in [("title", MODAL_TEXT), ("custom_id", 100)] {
        match data[name].as_str().map(|text| text.chars().count()) {
            None | Some(0) => required(&path, name, &mut wrong),
            Some(length) if length > most => {
                let message = format!("Must be {most} or fewer in length.");
                wrong.add(&at(&path, &[name]), "BASE_TYPE_MAX_LENGTH", message);
            }
            Some(_) => {}
        }
    }
    let rows = data["components"].as_array().map(Vec::as_slice).unwrap_or_default();
    if rows.is_empty() || rows.len() > 5 {
        wrong.add(&at(&path, &["components"]), "BASE_TYPE_BAD_LENGTH", "Must be between 1 and 5 in length.");
    }
    components(&data["components"], &at(&path, &["components"]), true, &mut wrong);
    wrong.finish()
}

fn mentions(allowed: &Value, path: &[String], wrong: &mut Wrong) {
    let parse = allowed["parse"].as_array().map(Vec::as_slice).unwrap_or_default();
    for kind in ["users", "roles"] {
        let named = allowed[kind].as_array().map(Vec::as_slice).unwrap_or_default();
        if !named.is_empty() && parse.iter().any(|one| one == kind) {
            let message = format!("parse:[\"{kind}\"] and {kind}: [ids...] are mutually exclusive.");
            wrong.add(path, "MESSAGE_ALLOWED_MENTIONS_PARSE_EXCLUSIVE", message);
        }
    }
}

/// Puts what a body says into a message: what is not in it stays as it is.
pub(crate) fn fill(world: &mut World, message: &mut Message, body: &Value, ask: &Ask) -> Result<(), Refusal> {
    if let Some(content) = body.get("content") {
        message.content = content.as_str().unwrap_or_default().to_string();
    }
    let list = |name: &str| body[name].as_array().cloned().unwrap_or_default();
    if body.get("embeds").is_some() {
        message.embeds = list("embeds");
    }
    if body.get("components").is_some() {
        message.components = list("components");
    }
    let mut wanted = list("attachments");
    if body.get("attachments").is_none() {
        // Files that nothing is said of are attached as they are; files that were there stay.
        wanted = ask.files.keys().map(|number| json!({ "id": number })).collect();
        wanted.extend(message.files.iter().map(|file| json!({ "id": file.id })));
    }
    let mut files = Vec::new();
    for (index, one) in wanted.iter().enumerate() {
        let number = one["id"].as_u64().or_else(|| one["id"].as_str()?.parse().ok()).unwrap_or(u64::MAX);
        if let Some(upload) = ask.files.get(&number) {
            let name = one["filename"].as_str().unwrap_or(&upload.name).to_string();
            let (content, content_type) = (upload.content.clone(), upload.content_type.clone());
            files.push(File { id: world.next_id(), name, content_type, content });
        } else if let Some(kept) = message.files.iter().find(|file| file.id.0 == number) {
            files.push(kept.clone());
        } else {
            let place = ["attachments".to_string(), index.to_string()].map(|part| part);
            let path: Vec<&str> = place.iter().map(String::as_str).collect();
            return Err(Wrong::one(&path, "ATTACHMENT_NOT_FOUND", "No such file was sent or is there."));
        }
    }
    if files.len() > 10 {
        return Err(refuse(400, 30015, "Maximum number of attachments in a message reached (10)"));
    }
    message.files = files;
    if let Some(allowed) = body.get("allowed_mentions") {
        message.allowed_mentions = Some(allowed.clone());
    }
    pinged(world, message);
    let is_blank = message.content.trim().is_empty();
    if is_blank && message.embeds.is_empty() && message.files.is_empty() && message.components.is_empty() {
        return Err(refuse(400, 50006, "Cannot send an empty message"));
    }
    Ok(())
}

/// Whom a message pings: those mentioned in its text, as far as it is allowed.
pub(crate) fn pinged(world: &World, message: &mut Message) {
    let allowed = message.allowed_mentions.clone().unwrap_or(Value::Null);
    let everything = allowed.is_null();
    let parses =
        |kind: &str| everything || allowed["parse"].as_array().is_some_and(|parse| parse.iter().any(|one| one == kind));
    let names = |kind: &str, id: Id| {
        let named = allowed[kind].as_array().map(Vec::as_slice).unwrap_or_default();
        parses(kind) || named.iter().any(|one| one.as_str() == Some(&id.to_string()) || one.as_u64() == Some(id.0))
    };
    let (mut users, mut roles) = (Vec::new(), Vec::new());
    for part in message.content.split('<').skip(1) {
        let Some((inner, _)) = part.split_once('>') else { continue };
        let role = inner.strip_prefix("@&").and_then(|id| id.parse::<Id>().ok());
        let user = inner.strip_prefix("@!").or_else(|| inner.strip_prefix('@')).and_then(|id| id.parse::<Id>().ok());
        if let Some(role) = role.filter(|role| world.roles.contains_key(role) && names("roles", *role)) {
            roles.push(role);
        } else if let Some(user) = user.filter(|user| world.people.contains_key(user) && names("users", *user)) {
            users.push(user);
        }
    }
    for list in [&mut users, &mut roles] {
        list.sort_unstable();
        list.dedup();
    }
    let may = world.channels.get(&message.channel).is_some_and(|place| {
        permissions::in_channel(world, message.author, place) & permissions::MENTION_EVERYONE != 0
    });
    let says = message.content.contains("@everyone") || message.content.contains("@here");
    message.pings_everyone = may && says && parses("everyone");
    message.pings = users;
    message.pings_roles = roles;
}

/// Whether the bot may write this in a channel.
pub(crate) fn may_write(world: &World, channel: &Channel, body: &Value, ask: &Ask) -> Result<(), Refusal> {
    let may = permissions::in_channel(world, world.bot, channel);
    if may & permissions::VIEW_CHANNEL == 0 {
        return Err(Refusal::no_access());
    }
    let write = if channel.is_thread() { permissions::SEND_MESSAGES_IN_THREADS } else { permissions::SEND_MESSAGES };
    let mut needed = write;
    if body["embeds"].as_array().is_some_and(|embeds| !embeds.is_empty()) {
        needed |= permissions::EMBED_LINKS;
    }
    if !ask.files.is_empty() {
        needed |= permissions::ATTACH_FILES;
    }
    if may & needed != needed {
        return Err(Refusal::no_permission());
    }
    Ok(())
}

/// The flags that an answer to an interaction may have.
pub(crate) fn flags_of(body: &Value) -> u64 {
    body["flags"].as_u64().unwrap_or(0) & (EPHEMERAL | 4 | 4096)
}
