//! Everything that was said, as text: what a person reads, and what a failed wait shows.

use std::fmt::Write as _;

use super::FakeSlack;
use super::read::texts_of;
use super::records::{Channel, Message};
use super::world::World;

impl FakeSlack {
    /// Every channel with its threads, direct messages and private answers, modals and homes.
    pub fn transcript(&self) -> String {
        self.inner.look(write)
    }
}

fn write(world: &World) -> String {
    let mut out = String::new();
    for channel in world.channels.values() {
        let roots = world.messages.iter().filter(|m| m.channel == channel.id && m.thread_ts.is_none());
        let mut roots = roots.peekable();
        if roots.peek().is_none() {
            continue;
        }
        let _ = writeln!(out, "== {}", title(world, channel));
        for root in roots {
            message(world, root, "", &mut out);
            let replies =
                world.messages.iter().filter(|m| m.channel == channel.id && m.thread_ts.as_ref() == Some(&root.ts));
            replies.for_each(|reply| message(world, reply, "    ", &mut out));
        }
    }
    for view in world.views.iter().filter(|view| view.open) {
        let kind = view.view["type"].as_str().unwrap_or_default();
        let _ = writeln!(out, "== {kind} {} of {}", view.id, name(world, &view.user));
        let title = view.view["title"]["text"].as_str();
        let texts = texts_of(view.view["blocks"].as_array().map(Vec::as_slice).unwrap_or_default());
        for text in title.map(ToString::to_string).into_iter().chain(texts) {
            let _ = writeln!(out, "    {}", text.replace('\n', "\n    "));
        }
        for (block, sentence) in &view.errors {
            let _ = writeln!(out, "    ! {block}: {sentence}");
        }
        let buttons = view.buttons();
        if !buttons.is_empty() {
            let _ = writeln!(out, "    [{}]", buttons.join("] ["));
        }
    }
    out
}

fn title(world: &World, channel: &Channel) -> String {
    if channel.is_im {
        let other = channel.members.iter().find(|user| *user != super::BOT_USER);
        return format!("{} direct message of {}", channel.id, other.map_or("nobody", |user| name(world, user)));
    }
    format!("{} #{}", channel.id, channel.name)
}

fn message(world: &World, message: &Message, indent: &str, out: &mut String) {
    let mut notes = Vec::new();
    if let Some(only) = &message.only_for {
        notes.push(format!("only {} sees this", name(world, only)));
    }
    if !message.edits.is_empty() {
        notes.push(format!("edited {} times", message.edits.len()));
    }
    if message.deleted {
        notes.push("deleted".to_string());
    }
    let notes = if notes.is_empty() { String::new() } else { format!(" ({})", notes.join(", ")) };
    let _ = writeln!(out, "{indent}{} {}{notes}:", message.ts, name(world, &message.user));
    let texts = message.block_texts();
    let lines = if texts.is_empty() { vec![message.text.clone()] } else { texts };
    for line in lines.iter().flat_map(|text| text.lines()) {
        let _ = writeln!(out, "{indent}    {line}");
    }
    let buttons = message.buttons();
    if !buttons.is_empty() {
        let _ = writeln!(out, "{indent}    [{}]", buttons.join("] ["));
    }
    for (emoji, users) in &message.reactions {
        let users: Vec<&str> = users.iter().map(|user| name(world, user)).collect();
        let _ = writeln!(out, "{indent}    :{emoji}: {}", users.join(", "));
    }
    for file in message.files.iter().filter_map(|id| world.files.get(&id.0)) {
        let _ = writeln!(out, "{indent}    file {} ({} bytes, {})", file.name, file.length, file.id);
    }
}

fn name<'a>(world: &'a World, user: &'a str) -> &'a str {
    world.users.get(user).map_or(user, |user| &user.name)
}
