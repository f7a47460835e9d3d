//! A command written out again, in full and in one way: what a person may check, copy and send.
//!
//! Nothing here does I/O, reads a clock or draws a random number.

use std::collections::BTreeMap;

use crate::lifecycle::form::{ClusterName, Form, Reason};

use super::read::line;
use super::request::ttl_text;
use super::table::{Flag, Verb};
use super::{Command, Give, LinkWhat, Topic, Which};

impl Command {
    /// Its line, with every value spelled out: `/kaas request teal-otter class=aws size=small …`. Reading it gives the command again.
    pub fn echo(&self) -> String {
        let mut values = BTreeMap::new();
        let verb = match self {
            Self::RequestForm => Verb::Request,
            Self::Request { form, dry_run } => {
                fill(&mut values, form);
                if *dry_run {
                    values.insert(Flag::DryRun, String::new());
                }
                Verb::Request
            }
            Self::List { which, owner } => {
                let which = match which {
                    Which::Few => None,
                    Which::Mine => Some("mine"),
                    Which::All => Some("all"),
                    Which::Waiting => Some("waiting"),
                };
                values.extend(which.map(|which| (Flag::Which, which.to_owned())));
                values.extend(owner.clone().map(|owner| (Flag::Owner, owner)));
                Verb::List
            }
            Self::Show(name) => named(&mut values, Verb::Show, name, None),
            Self::Approve(name) => named(&mut values, Verb::Approve, name, None),
            Self::Withdraw(name) => named(&mut values, Verb::Withdraw, name, None),
            Self::Reject { name, reason } => named(&mut values, Verb::Reject, name, reason.as_ref()),
            Self::Cancel(name) => named(&mut values, Verb::Cancel, name, None),
            Self::Retry(name) => named(&mut values, Verb::Retry, name, None),
            Self::Destroy { name, reason } => named(&mut values, Verb::Destroy, name, reason.as_ref()),
            Self::Access { name, give } => {
                if let Some(Give { to, role, lasts }) = give {
                    values.insert(Flag::To, to.written());
                    values.extend(role.clone().map(|role| (Flag::Role, role)));
                    values.extend(lasts.map(|lasts| (Flag::Lasts, ttl_text(Some(lasts)))));
                }
                named(&mut values, Verb::Access, name, None)
            }
            Self::Revoke { name, to } => {
                values.insert(Flag::To, to.written());
                named(&mut values, Verb::Revoke, name, None)
            }
            Self::Whoami => Verb::Whoami,
            Self::Link(what) => {
                let (person, user) = match what {
                    LinkWhat::Is { person, user } => {
                        (person.clone(), Some(user.clone().unwrap_or_else(|| "none".to_owned())))
                    }
                    LinkWhat::Confirm => ("confirm".to_owned(), None),
                    LinkWhat::Refuse => ("refuse".to_owned(), None),
                };
                values.insert(Flag::Person, person);
                values.extend(user.map(|user| (Flag::User, user)));
                Verb::Link
            }
            Self::Orphans => Verb::Orphans,
            Self::ForceRemove { name, machine } => {
                values.insert(Flag::Machine, machine.clone());
                named(&mut values, Verb::ForceRemove, name, None)
            }
            Self::Classes => Verb::Classes,
            Self::Help(topic) => {
                let topic = topic.map(|topic| match topic {
                    Topic::Verb(verb) => verb.name(),
                    Topic::Writing => "writing",
                    Topic::States => "states",
                });
                values.extend(topic.map(|topic| (Flag::Topic, topic.to_owned())));
                Verb::Help
            }
        };
        line(verb.entry(), &values)
    }
}

fn named(values: &mut BTreeMap<Flag, String>, verb: Verb, name: &ClusterName, reason: Option<&Reason>) -> Verb {
    values.insert(Flag::Name, name.to_string());
    values.extend(reason.map(|reason| (Flag::Reason, reason.to_string())));
    verb
}

fn fill(values: &mut BTreeMap<Flag, String>, form: &Form) {
    let Form { name, class, size, workers, kubernetes, region, ttl, reason, ticket, .. } = form;
    values.extend([
        (Flag::Name, name.to_string()),
        (Flag::Class, class.to_string()),
        (Flag::Size, size.to_string()),
        (Flag::Workers, workers.to_string()),
        (Flag::Kubernetes, kubernetes.to_string()),
        (Flag::Region, region.to_string()),
        (Flag::Ttl, ttl_text(*ttl)),
    ]);
    values.extend(reason.as_ref().map(|reason| (Flag::Reason, reason.to_string())));
    values.extend(ticket.as_ref().map(|ticket| (Flag::Ticket, ticket.to_string())));
}
