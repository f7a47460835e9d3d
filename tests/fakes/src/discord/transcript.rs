//! Everything that was said, as text: what a person reads, and what a failed wait shows.

use std::fmt::Write as _;

use super::FakeDiscord;
use super::records::{Channel, Id, Message};
use super::world::{LOADING, World};

impl FakeDiscord {
    /// Every channel with its threads, direct messages and private answers, and the forms that are open.
    pub fn transcript(&self) -> String {
        self.inner.look(write)
    }
}

fn write(world: &World) -> String {
    let mut out = String::new();
    for channel in world.channels.values().filter(|channel| !channel.is_thread() && !channel.deleted) {
        let mut messages = said(world, channel.id).peekable();
        if messages.peek().is_none() {
            continue;
        }
        let _ = writeln!(out, "== {}", title(world, channel));
        for one in messages {
            message(world, one, "", &mut out);
            let Some(thread) = world.channels.get(&one.id).filter(|thread| thread.is_thread()) else { continue };
            let state = if thread.archived { " (archived)" } else { "" };
            let _ = writeln!(out, "    -- thread {}{state}", thread.name);
            said(world, thread.id).for_each(|reply| message(world, reply, "    ", &mut out));
        }
    }
    for modal in world.modals.iter().filter(|modal| modal.open) {
        let _ = writeln!(out, "== form of {}", name(world, modal.user));
        for text in modal.texts() {
            let _ = writeln!(out, "    {text}");
        }
    }
    out
}

fn said(world: &World, channel: Id) -> impl Iterator<Item = &Message> {
    world.messages.iter().filter(move |message| message.channel == channel && message.kind != 21)
}

fn title(world: &World, channel: &Channel) -> String {
    match channel.recipient {
        Some(user) => format!("{} direct message of {}", channel.id, name(world, user)),
        None => format!("{} #{}", channel.id, channel.name),
    }
}

fn message(world: &World, message: &Message, indent: &str, out: &mut String) {
    let mut notes = Vec::new();
    if let Some(only) = message.only_for {
        notes.push(format!("only {} sees this", name(world, only)));
    }
    if message.flags & LOADING != 0 {
        notes.push("thinking".to_string());
    }
    if !message.edits.is_empty() {
        notes.push(format!("edited {} times", message.edits.len()));
    }
    if message.deleted {
        notes.push("deleted".to_string());
    }
    let notes = if notes.is_empty() { String::new() } else { format!(" ({})", notes.join(", ")) };
    let author = if message.webhook.is_some() { "a webhook".to_string() } else { name(world, message.author) };
    let _ = writeln!(out, "{indent}{} {author}{notes}:", message.id);
    for line in message.texts().iter().flat_map(|text| text.lines()) {
        let _ = writeln!(out, "{indent}    {line}");
    }
    let labels = message.labels();
    if !labels.is_empty() {
        let _ = writeln!(out, "{indent}    [{}]", labels.join("] ["));
    }
    for (emoji, users) in &message.reactions {
        let users: Vec<String> = users.iter().map(|user| name(world, *user)).collect();
        let _ = writeln!(out, "{indent}    {emoji} {}", users.join(", "));
    }
    for file in &message.files {
        let _ = writeln!(out, "{indent}    file {} ({} bytes)", file.name, file.content.len());
    }
    let pings: Vec<String> = message.pings.iter().map(|user| name(world, *user)).collect();
    if !pings.is_empty() {
        let _ = writeln!(out, "{indent}    pings {}", pings.join(", "));
    }
}

fn name(world: &World, user: Id) -> String {
    world.people.get(&user).map_or_else(|| user.to_string(), |person| person.name.clone())
}
