//! Every sentence that kaas says to a person, as typed functions that make [`Message`](super::message::Message)s.
//!
//! Reading order: [`card`](mod@card) (the one message of a change that is edited in place), [`notice`](mod@notice) (thread posts and private messages),
//! [`refusal`](mod@refusal), [`lists`] (list, show, classes), [`answers`] (what a command is answered at once).
//!
//! The voice: the cluster first, then what happened, then what is next and who has to do something. Nobody is mentioned but approvers, when they are to
//! decide. Whatever came from outside is a span of its own, in one line, without control characters.
//!
//! Nothing here does I/O, reads a clock or draws a random number.

use jiff::tz::TimeZone;
use jiff::{SignedDuration, Timestamp};

pub mod answers;
pub mod card;
pub mod cloud;
pub mod form;
pub mod lists;
pub mod notice;
#[cfg(test)]
mod properties;
pub mod refusal;
#[cfg(test)]
pub(crate) mod sample;
mod ways;
mod words;

pub use answers::{classes, dry_run, help, mistakes, on_it, outdated_card, plan_file, trouble};
pub use card::{CardView, Progress, card};
pub use lists::{ListOf, Listing, list, show};
pub use notice::notice;
pub use refusal::{admins_only, refusal};
pub use ways::*;

/// What a command starts with.
pub const COMMAND: &str = "/kaas";

/// What sentences need to know besides what they are about.
#[derive(Debug, Clone, Copy)]
pub struct Context<'a> {
    /// The time now.
    pub now: Timestamp,
    /// The time zone of the readers.
    pub tz: &'a TimeZone,
    /// How long the step that starts now usually takes, from own history; `None` where that is not known.
    pub usually: Option<SignedDuration>,
    /// Where the change's card is, where the platform can link to it.
    pub card: Option<&'a str>,
}
