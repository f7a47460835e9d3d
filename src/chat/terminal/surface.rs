//! What people look at: a [`Surface`] is shown one [`Scene`] after the other. Here is the one for files and pipes; the one for a terminal is the painter's.

use std::io::Write;
use std::path::Path;

use jiff::{SignedDuration, Timestamp};

use super::log::{Said, Shown};
use super::text::{clean, rows};
use crate::render::message::Message;

/// How often a plain surface tells the progress of one card.
const PLAIN_PROGRESS_EVERY: SignedDuration = SignedDuration::from_secs(3);

/// Something to show.
pub enum Scene<'a> {
    /// A person said something.
    Person {
        /// What.
        said: &'a Said,
    },
    /// kaas posted a card.
    Card {
        /// The message.
        said: &'a Said,
        /// What it shows.
        shown: &'a Shown,
    },
    /// kaas edited a card.
    Edit {
        /// The edit.
        said: &'a Said,
        /// The card's id.
        card: &'a str,
        /// What it showed.
        before: &'a Shown,
        /// What it shows now.
        shown: &'a Shown,
        /// Whether it only tells how far the work is.
        progress: bool,
    },
    /// kaas said something: in a thread, in the channel, or to one person.
    Kaas {
        /// The message.
        said: &'a Said,
        /// Its words with their marks.
        message: &'a Message,
        /// Where the file that goes with it is kept.
        kept: Option<&'a Path>,
    },
    /// The narrator of the tour speaks.
    Narration(&'a str),
    /// The terminal itself tells the one who types something.
    Note(&'a str),
    /// Somebody is typing; empty is: not any more.
    Typing {
        /// Who.
        name: &'a str,
        /// What is there so far.
        text: &'a str,
    },
}

/// What people look at.
pub trait Surface: Send {
    /// Shows a scene. What cannot be shown is lost: the conversation itself is kept elsewhere.
    fn show(&mut self, scene: &Scene<'_>);
}

/// Nobody looks.
pub struct Nobody;

impl Surface for Nobody {
    fn show(&mut self, _: &Scene<'_>) {}
}

/// Plain lines, one after the other, for files and pipes and terminals that cannot do more.
pub struct Plain<W> {
    out: W,
    /// Which card's progress was told when.
    told: Vec<(String, Timestamp)>,
}

impl<W: Write + Send> Plain<W> {
    /// Writes to `out`.
    pub fn new(out: W) -> Self {
        Self { out, told: Vec::new() }
    }

    fn lines(&mut self, first: &str, other: &str, lines: impl IntoIterator<Item = String>) {
        let mut text = String::new();
        for (nth, line) in lines.into_iter().enumerate() {
            text.push_str(if nth == 0 { first } else { other });
            text.push_str(line.trim_end());
            text.push('\n');
        }
        // A closed pipe is no reason to stop the conversation.
        let _ = self.out.write_all(text.as_bytes()).and_then(|()| self.out.flush());
    }

    /// Whether it is time to tell the card's progress again.
    fn due(&mut self, card: &str, now: Timestamp) -> bool {
        match self.told.iter_mut().find(|(id, _)| id == card) {
            Some((_, at)) if now.duration_since(*at) < PLAIN_PROGRESS_EVERY => false,
            Some((_, at)) => {
                *at = now;
                true
            }
            None => {
                self.told.push((card.to_owned(), now));
                true
            }
        }
    }
}

impl<W: Write + Send> Surface for Plain<W> {
    fn show(&mut self, scene: &Scene<'_>) {
        match scene {
            Scene::Person { said } => {
                let (from, text) = (clean(&said.from), clean(&said.text));
                self.lines(&format!("{from}> "), "  ", text.split('\n').map(str::to_owned));
            }
            Scene::Card { shown, .. } => self.lines("kaas> ", "      ", message_lines(&shown.message)),
            Scene::Edit { said, card, before, shown, progress } => {
                if *progress && !self.due(card, said.at) {
                    return;
                }
                self.lines("kaas> ", "", first_change(&before.message, &shown.message));
            }
            Scene::Kaas { said, message, kept } => {
                let mut lines = message_lines(message);
                let private = said.to.strip_prefix('@').map(clean);
                if let Some(name) = &said.file {
                    lines.push(file_line(name, kept.filter(|_| private.is_some())));
                }
                match private {
                    Some(name) => self.lines(&format!("kaas> (only {name}) "), "      ", lines),
                    None if said.thread.is_some() => self.lines("  │ ", "  │ ", lines),
                    None => self.lines("kaas> ", "      ", lines),
                }
            }
            Scene::Narration(text) => self.lines("\n— ", "  ", clean(text).split('\n').map(str::to_owned)),
            Scene::Note(text) => self.lines("", "", clean(text).split('\n').map(str::to_owned)),
            Scene::Typing { .. } => {}
        }
    }
}

/// The rows of a message as plain lines.
fn message_lines(message: &Message) -> Vec<String> {
    rows(message).iter().map(super::text::Row::plain).collect()
}

/// The card's first line where that changed, or else the first line that did, behind the name that the card begins with.
fn first_change(before: &Message, now: &Message) -> Option<String> {
    let (before, now) = (message_lines(before), message_lines(now));
    let head = now.first()?;
    if before.first() != Some(head) {
        return Some(head.clone());
    }
    let changed = now.iter().find(|line| !before.contains(line))?;
    let name = head.split(" · ").next().unwrap_or_default();
    Some(format!("{name} · {}", changed.trim_start()))
}

/// `[plan-9f3ac1.txt]`; with where it is kept for the person who asked for it.
pub fn file_line(name: &str, kept: Option<&Path>) -> String {
    match kept {
        Some(path) => format!("[{}] {}", clean(name), path.display()),
        None => format!("[{}]", clean(name)),
    }
}
