//! The command language: `/kaas request teal-otter size=small` becomes a [`Command`], or all that is wrong with it at once.
//!
//! Reading order: [`table`] (which commands there are), [`normalise`](mod@normalise) (what phones and platforms do to a line), [`parse`](mod@parse), [`help`].
//!
//! **Invariant:** nothing in this folder does I/O, reads a clock or draws a random number, and of kaas it uses `lifecycle` alone.

use crate::lifecycle::form::{ClusterName, Form, Reason, Ttl};

mod access;
mod echo;
pub mod filled;
pub mod flags;
pub mod help;
mod nearest;
pub mod normalise;
pub mod parse;
#[cfg(test)]
mod properties;
mod read;
mod request;
pub mod table;
mod words;

pub use filled::filled;
pub use normalise::{Dialect, normalise};
pub use parse::parse;
pub use table::Verb;
pub use words::quoted;

/// What a line starts with, where the platform has it there.
pub const COMMAND: &str = "/kaas";

/// The longest line that is read, in characters. Slack's own limit.
pub const LINE_MAX: usize = 4_000;

/// What a person wants kaas to do.
#[derive(Debug, Clone, PartialEq, Eq)]
pub enum Command {
    /// To be asked for a cluster's values one by one, where the platform has forms.
    RequestForm,
    /// A new cluster.
    Request {
        /// Filled in and checked against the catalogue.
        form: Form,
        /// Whether to show only what would be written.
        dry_run: bool,
    },
    /// The clusters.
    List {
        /// Which of them.
        which: Which,
        /// Only this person's: a name, or a platform's id, without `@`.
        owner: Option<String>,
    },
    /// All about one cluster.
    Show(ClusterName),
    /// Yes to the plan.
    Approve(ClusterName),
    /// Takes an own yes back.
    Withdraw(ClusterName),
    /// No to the change.
    Reject {
        /// Whose.
        name: ClusterName,
        /// Why.
        reason: Option<Reason>,
    },
    /// Takes the change back.
    Cancel(ClusterName),
    /// Does again what failed.
    Retry(ClusterName),
    /// Takes the cluster down.
    Destroy {
        /// Which.
        name: ClusterName,
        /// Why.
        reason: Option<Reason>,
    },
    /// Who has a way in; with `give`, one more.
    Access {
        /// Into which cluster.
        name: ClusterName,
        /// Whom to give one.
        give: Option<Give>,
    },
    /// Takes a way in back.
    Revoke {
        /// Into which cluster.
        name: ClusterName,
        /// Whose.
        to: Receiver,
    },
    /// Who the asker is.
    Whoami,
    /// Which user in Rancher somebody is.
    Link(LinkWhat),
    /// What belongs to no cluster.
    Orphans,
    /// Lets a machine go.
    ForceRemove {
        /// Of which cluster.
        name: ClusterName,
        /// Which, by its whole name.
        machine: String,
    },
    /// What can be asked for.
    Classes,
    /// How to talk to kaas.
    Help(Option<Topic>),
}

/// A way in that somebody is to get.
#[derive(Debug, Clone, PartialEq, Eq)]
pub struct Give {
    /// Who.
    pub to: Receiver,
    /// The role; `None` is the usual one.
    pub role: Option<String>,
    /// For how long; `None` is as long as the cluster lives.
    pub lasts: Option<Ttl>,
}

/// What is said about a link to a user of Rancher's.
#[derive(Debug, Clone, PartialEq, Eq)]
pub enum LinkWhat {
    /// An admin says that the person is that user; `None` takes the link away.
    Is {
        /// Who: a name, or a platform's id, without `@`.
        person: String,
        /// The user's id.
        user: Option<String>,
    },
    /// The asker says that what an admin said of them is so.
    Confirm,
    /// The asker says that it is not so.
    Refuse,
}

/// Whom a way in is for.
#[derive(Debug, Clone, PartialEq, Eq)]
pub enum Receiver {
    /// A person: a name, or a platform's id, without `@`.
    Person(String),
    /// A group of the tenant's configuration, by name.
    Group(String),
}

/// Which clusters to list.
#[derive(Debug, Clone, Copy, Default, PartialEq, Eq, PartialOrd, Ord, Hash)]
pub enum Which {
    /// As many as are read at a glance.
    #[default]
    Few,
    /// The asker's own.
    Mine,
    /// Every one.
    All,
    /// Those that wait for a decision.
    Waiting,
}

/// What help is about.
#[derive(Debug, Clone, Copy, PartialEq, Eq, PartialOrd, Ord, Hash)]
pub enum Topic {
    /// One command.
    Verb(Verb),
    /// How values are written.
    Writing,
    /// What the words for a cluster's state mean.
    States,
}

/// All that is wrong with a line.
#[derive(Debug, Clone, PartialEq, Eq)]
pub struct Mistakes {
    /// The command it was, where that is known.
    pub verb: Option<Verb>,
    /// What is wrong, in the order of the line; what is missing comes last. Never empty.
    pub mistakes: Vec<Mistake>,
    /// A whole line that would be understood.
    pub instead: Option<String>,
}

/// One thing that is wrong with a line.
#[derive(Debug, Clone, PartialEq, Eq)]
pub struct Mistake {
    /// The piece of the line: `size=smal`. Untrusted, and cut to a readable length.
    pub what: String,
    /// What is wrong with it and what would work: "there is no such size. Did you mean small? (small, medium, large)".
    pub problem: String,
}
