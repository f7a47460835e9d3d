//! A platform-neutral message: what kaas says, before an adapter puts it into a platform's own form.
//!
//! Every piece of text that came from outside is a span of its own, so that an adapter can escape it; no span holds mark-up.

use serde::{Deserialize, Serialize};

use crate::lifecycle::{Person, PersonId};

/// A message.
#[derive(Debug, Clone, Default, PartialEq, Eq, Serialize, Deserialize)]
pub struct Message {
    /// Its lines.
    pub lines: Vec<Line>,
    /// Its buttons; empty where nothing can be pressed now.
    pub buttons: Vec<Button>,
    /// A file that goes with it, by name; its content is handed over beside the message.
    pub file: Option<String>,
    /// How it stands, for a platform that shows it besides the words: as a colour, which never says anything alone.
    #[serde(default, skip_serializing_if = "Tone::is_plain")]
    pub tone: Tone,
}

/// How a message stands.
#[derive(Debug, Clone, Copy, Default, PartialEq, Eq, Serialize, Deserialize)]
pub enum Tone {
    /// Nothing is to be shown besides the words.
    #[default]
    Plain,
    /// People have to decide.
    Waiting,
    /// kaas is at work.
    Working,
    /// It is done.
    Good,
    /// It ended without being done.
    Over,
    /// It failed; somebody has to look.
    Bad,
}

impl Tone {
    fn is_plain(&self) -> bool {
        *self == Self::Plain
    }
}

/// How wide the labels of lines in two columns are, in characters: a line whose first piece is a text of this width, ending in a space, has its label there.
pub const LABEL: usize = 13;

/// One line.
#[derive(Debug, Clone, Default, PartialEq, Eq, Serialize, Deserialize)]
pub struct Line {
    /// Its pieces.
    pub spans: Vec<Span>,
}

/// A piece of a line.
#[derive(Debug, Clone, PartialEq, Eq, Serialize, Deserialize)]
pub enum Span {
    /// Plain text.
    Text(String),
    /// Text to stand out.
    Strong(String),
    /// Text to be taken literally: a command, an id.
    Code(String),
    /// A person, who is notified.
    Mention(Person),
    /// A link.
    Link {
        /// What is shown.
        text: String,
        /// Where it leads.
        url: String,
    },
}

/// A button.
#[derive(Debug, Clone, PartialEq, Eq, Serialize, Deserialize)]
pub struct Button {
    /// What is on it.
    pub label: String,
    /// What pressing it does.
    pub press: Press,
}

/// What pressing a button does.
#[derive(Debug, Clone, Copy, PartialEq, Eq, PartialOrd, Ord, Serialize, Deserialize)]
pub enum Press {
    /// Approves the plan that the card shows.
    Approve,
    /// Rejects the change, with a reason.
    Reject,
    /// Shows the full plan.
    Plan,
    /// Cancels the change.
    Cancel,
    /// Does again what failed.
    Retry,
}

impl Message {
    /// A message of one line of plain text.
    pub fn text(text: impl Into<String>) -> Self {
        Self { lines: vec![Line { spans: vec![Span::Text(text.into())] }], ..Self::default() }
    }

    /// The people who are mentioned.
    pub fn mentions(&self) -> impl Iterator<Item = &PersonId> {
        self.lines.iter().flat_map(|l| &l.spans).filter_map(|s| match s {
            Span::Mention(person) => Some(&person.id),
            Span::Text(_) | Span::Strong(_) | Span::Code(_) | Span::Link { .. } => None,
        })
    }

    /// The words alone, line by line; buttons and file left out.
    pub fn plain(&self) -> String {
        let lines: Vec<String> = self.lines.iter().map(Line::plain).collect();
        lines.join("\n")
    }
}

impl Line {
    /// The words alone.
    pub fn plain(&self) -> String {
        self.spans.iter().map(Span::plain).collect()
    }
}

impl Span {
    /// The words alone: a mention as `@name`, a link as its text, with the address where the text is not the address.
    pub fn plain(&self) -> String {
        match self {
            Self::Text(text) | Self::Strong(text) | Self::Code(text) => text.clone(),
            Self::Mention(person) => format!("@{}", person.name),
            Self::Link { text, url } if text == url => url.clone(),
            Self::Link { text, url } => format!("{text} {url}"),
        }
    }
}
