//! The desk: where chats bring what people say, press, react with and fill in.

use async_trait::async_trait;
use jiff::Timestamp;

use super::{Attachment, CardKey};
use crate::lifecycle::{InputId, Person, Place, PlanDigest};
use crate::render::message::{Message, Press};

/// Something that a person said or did in a chat.
#[derive(Debug, Clone)]
pub struct Heard {
    /// The delivery's id: the same for a doubled delivery, another one for everything else.
    pub id: InputId,
    /// Who.
    pub by: Person,
    /// Where.
    pub place: Place,
    /// What the platform says of them.
    pub standing: Standing,
    /// When they did it, by the platform's clock, where it tells.
    pub when: Option<Timestamp>,
}

/// What a platform says of somebody, besides who they are. Only members decide anything.
#[derive(Debug, Clone, Copy, PartialEq, Eq)]
pub enum Standing {
    /// A full member of the workspace.
    Member,
    /// A guest of the workspace.
    Guest,
    /// Somebody from another workspace.
    Outside,
    /// A program.
    Bot,
    /// An account that was closed.
    Deactivated,
}

/// Who is in the groups of a platform whose members approve, as it is known now.
#[derive(Debug, Clone, Default, PartialEq, Eq)]
pub struct Members {
    /// The members, each once a group.
    pub people: Vec<Person>,
    /// The groups of which nobody knows who is in them: nobody counts for them.
    pub unknown: Vec<String>,
}

/// Groups of a platform whose members approve besides those whom the policy names.
pub trait Roster: Send + Sync {
    /// Who is in them. It asks nobody: whoever keeps the groups asks beforehand, and again and again.
    fn members(&self) -> Members;
}

/// A private answer, at once.
#[derive(Debug, Clone)]
pub struct Reply {
    /// What is said.
    pub message: Message,
    /// A file that goes with it.
    pub file: Option<Attachment>,
}

/// Where chats bring what people say. It is durable when it returns; the answers are for that person alone.
#[async_trait]
pub trait Desk: Send + Sync {
    /// A command line, with or without its leading `/kaas`.
    async fn command(&self, heard: &Heard, line: &str) -> Vec<Reply>;
    /// A button of a card that showed `plan`.
    async fn press(
        &self,
        heard: &Heard,
        card: &CardKey,
        plan: Option<&PlanDigest>,
        press: Press,
        reason: Option<&str>,
    ) -> Vec<Reply>;
    /// A reaction on a card that showed `plan`, given or taken back.
    async fn react(
        &self,
        heard: &Heard,
        card: &CardKey,
        plan: Option<&PlanDigest>,
        emoji: &str,
        given: bool,
    ) -> Vec<Reply>;
    /// The form for a new cluster, filled in with what it would be if nothing was chosen.
    async fn form(&self, heard: &Heard) -> RequestForm;
    /// A form that was filled in: what each field holds. Asked for, or what is wrong with which field.
    async fn submit(&self, heard: &Heard, filled: &[(Field, String)]) -> Result<Vec<Reply>, Vec<(Field, String)>>;
    /// Something may have been missed in the place: what stands there now is to be read again. Whatever was lost on the way is not brought.
    async fn missed(&self, _place: &Place) {}
    /// What a person's own page shows: sections, each with its title.
    async fn home(&self, heard: &Heard) -> Vec<(String, Message)>;
    /// What somebody may mean who is typing a value: at most [`SUGGESTIONS_MAX`], the best first. It decides nothing and writes nothing.
    async fn suggest(&self, _heard: &Heard, _what: &Suggest, _typed: &str) -> Vec<String> {
        Vec::new()
    }
}

/// How many suggestions are made at the most.
pub const SUGGESTIONS_MAX: usize = 25;

/// What is to be suggested.
#[derive(Debug, Clone, PartialEq, Eq)]
pub enum Suggest {
    /// Names of clusters; those that wait for a decision first, or else the asker's own.
    Clusters {
        /// Whether it is to be decided about.
        waiting: bool,
    },
    /// Classes of the catalogue.
    Classes,
    /// Sizes: of this class, or of all of them.
    Sizes(Option<String>),
    /// Kubernetes versions: of this class, or of all of them.
    Versions(Option<String>),
    /// Regions: of this class, or of all of them.
    Regions(Option<String>),
    /// People.
    People,
    /// Whoever can be given a way in: people, and groups as `group:name`.
    Receivers,
    /// Roles of a way in.
    Roles,
    /// Whose link is meant: people, and the words with which somebody answers what was said about them.
    Links,
}

/// A field of the form for a new cluster.
#[derive(Debug, Clone, Copy, PartialEq, Eq, PartialOrd, Ord, Hash)]
pub enum Field {
    /// The class.
    Class,
    /// The cluster's name.
    Name,
    /// The size.
    Size,
    /// How many workers.
    Workers,
    /// How long it is to live.
    Lifetime,
    /// Why.
    Reason,
    /// The ticket.
    Ticket,
}

impl Field {
    /// All of them, in the order in which a form shows them.
    pub const ALL: [Self; 7] =
        [Self::Class, Self::Name, Self::Size, Self::Workers, Self::Lifetime, Self::Reason, Self::Ticket];

    /// Its name on the wire: `size`.
    pub fn name(self) -> &'static str {
        match self {
            Self::Class => "class",
            Self::Name => "name",
            Self::Size => "size",
            Self::Workers => "workers",
            Self::Lifetime => "ttl",
            Self::Reason => "reason",
            Self::Ticket => "ticket",
        }
    }

    /// The field of that name on the wire.
    pub fn named(name: &str) -> Option<Self> {
        Self::ALL.into_iter().find(|field| field.name() == name)
    }
}

/// The form for a new cluster, in words: an adapter draws it in its platform's own way.
#[derive(Debug, Clone, PartialEq, Eq)]
pub struct RequestForm {
    /// Its title, at most 24 characters.
    pub title: String,
    /// What is on its button, at most 24 characters.
    pub submit: String,
    /// Its fields, in order.
    pub fields: Vec<FormField>,
}

/// One field of a form.
#[derive(Debug, Clone, PartialEq, Eq)]
pub struct FormField {
    /// Which one.
    pub field: Field,
    /// What it is called.
    pub label: String,
    /// What helps to fill it in.
    pub hint: Option<String>,
    /// Whether it may be left empty.
    pub optional: bool,
    /// What it takes.
    pub takes: Takes,
}

/// What a field takes.
#[derive(Debug, Clone, PartialEq, Eq)]
pub enum Takes {
    /// One of some: value and what people read. The first is chosen until they choose another.
    OneOf(Vec<(String, String)>),
    /// A line, filled in to begin with.
    Line(String),
    /// Some lines.
    Lines,
}
