//! The book of a tenant: which person is which user in Rancher, as admins said and the people confirmed. It is a chain of entries that are never rewritten;
//! what holds now is what they add up to.
//!
//! Nothing here does I/O, is async, reads a clock or draws a random number.

use std::collections::{BTreeMap, BTreeSet};

use jiff::Timestamp;
use serde::{Deserialize, Serialize};

use super::journal::hash_of;
use crate::lifecycle::form::TenantName;
use crate::lifecycle::{InputId, Person, PersonId};

/// One entry of a book.
#[derive(Debug, Clone, PartialEq, Eq, Serialize, Deserialize)]
pub struct BookEntry {
    /// What is hashed.
    #[serde(flatten)]
    pub body: BookBody,
    /// sha256 over the body as JSON, in hex.
    pub hash: String,
}

/// What an entry of a book says.
#[derive(Debug, Clone, PartialEq, Eq, Serialize, Deserialize)]
pub struct BookBody {
    /// Whose book.
    pub tenant: TenantName,
    /// Its place, from 1.
    pub number: u64,
    /// When.
    pub at: Timestamp,
    /// The hash of the entry before; empty for the first.
    pub before: String,
    /// The delivery that it came with: a second one of it changes nothing.
    pub input: InputId,
    /// What happened.
    pub event: BookEvent,
}

/// What happened to a link.
#[derive(Debug, Clone, PartialEq, Eq, Serialize, Deserialize)]
pub enum BookEvent {
    /// An admin said which user of Rancher's a person is.
    Proposed {
        /// Who.
        person: Person,
        /// The user's id.
        user: String,
        /// What the user is called in Rancher.
        name: String,
        /// Who said so.
        by: Person,
    },
    /// The person said that it is so.
    Confirmed {
        /// Who.
        person: Person,
        /// The user's id.
        user: String,
    },
    /// The person said that it is not so.
    Refused {
        /// Who.
        person: Person,
        /// The user's id.
        user: String,
    },
    /// An admin took the link away.
    Removed {
        /// Whose.
        person: Person,
        /// Who did.
        by: Person,
    },
}

/// A user of Rancher's that a person is, or is said to be.
#[derive(Debug, Clone, PartialEq, Eq)]
pub struct Link {
    /// The user's id.
    pub user: String,
    /// What the user is called in Rancher.
    pub name: String,
    /// Who said so.
    pub by: Person,
}

/// What a book adds up to.
#[derive(Debug, Clone, Default, PartialEq, Eq)]
pub struct Book {
    /// Who is who: confirmed.
    pub links: BTreeMap<PersonId, Link>,
    /// What the people have still to confirm.
    pub proposed: BTreeMap<PersonId, Link>,
    /// The deliveries that were taken.
    pub seen: BTreeSet<InputId>,
    /// How many entries there are.
    pub entries: u64,
    /// The hash of the last one.
    pub chain: String,
}

impl Book {
    /// Adds up the entries, oldest first.
    pub fn of(entries: &[BookEntry]) -> Self {
        let mut book = Self::default();
        for entry in entries {
            book.add(&entry.body.event);
            book.seen.insert(entry.body.input.clone());
            book.entries = entry.body.number;
            book.chain.clone_from(&entry.hash);
        }
        book
    }

    fn add(&mut self, event: &BookEvent) {
        match event {
            BookEvent::Proposed { person, user, name, by } => {
                let link = Link { user: user.clone(), name: name.clone(), by: by.clone() };
                self.proposed.insert(person.id.clone(), link);
            }
            BookEvent::Confirmed { person, user } => {
                // Only what was said is confirmed, whatever was said since.
                if self.proposed.get(&person.id).is_some_and(|link| link.user == *user)
                    && let Some(link) = self.proposed.remove(&person.id)
                {
                    self.links.insert(person.id.clone(), link);
                }
            }
            BookEvent::Refused { person, user } => {
                if self.proposed.get(&person.id).is_some_and(|link| link.user == *user) {
                    self.proposed.remove(&person.id);
                }
            }
            BookEvent::Removed { person, .. } => {
                self.proposed.remove(&person.id);
                self.links.remove(&person.id);
            }
        }
    }

    /// The entry that comes next.
    pub fn next(&self, tenant: &TenantName, at: Timestamp, input: &InputId, event: BookEvent) -> BookEntry {
        let (number, input) = (self.entries + 1, input.clone());
        let body = BookBody { tenant: tenant.clone(), number, at, before: self.chain.clone(), input, event };
        BookEntry { hash: hash_of(&body), body }
    }
}

/// Checks a book: every hash, and that each entry follows the one before.
///
/// # Errors
/// What is wrong, as a sentence that names the entry.
pub fn verify_book(tenant: &TenantName, entries: &[BookEntry]) -> Result<(), String> {
    let mut before = "";
    for (index, entry) in entries.iter().enumerate() {
        let body = &entry.body;
        let place = format!("the book of {tenant}: entry {}", index + 1);
        if body.tenant != *tenant {
            return Err(format!("{place} says that it is another tenant's"));
        }
        if body.number != index as u64 + 1 {
            return Err(format!("{place} says that it is entry {}: one is missing or was put in", body.number));
        }
        if body.before != before {
            return Err(format!("{place} does not follow the one before"));
        }
        if hash_of(body) != entry.hash {
            return Err(format!("{place} was altered: its hash does not fit its content"));
        }
        before = &entry.hash;
    }
    Ok(())
}

#[cfg(test)]
mod tests {
    use super::*;

    fn person(id: &str) -> Person {
        Person { id: id.parse().unwrap(), name: id.to_owned() }
    }

    fn said(user: &str) -> BookEvent {
        let (name, user) = (format!("name of {user}"), user.to_owned());
        BookEvent::Proposed { person: person("bob"), user, name, by: person("dave") }
    }

    fn written(events: impl IntoIterator<Item = BookEvent>) -> Vec<BookEntry> {
        let tenant = "acme".parse().unwrap();
        events.into_iter().fold(Vec::new(), |mut entries, event| {
            entries.push(Book::of(&entries).next(&tenant, Timestamp::UNIX_EPOCH, &InputId(String::new()), event));
            entries
        })
    }

    #[test]
    fn only_what_the_person_confirmed_holds() {
        let confirmed = |user: &str| BookEvent::Confirmed { person: person("bob"), user: user.to_owned() };
        let bob = "bob".parse().unwrap();
        let user = |entries: &[BookEntry]| Book::of(entries).links.get(&bob).map(|link| link.user.clone());
        assert_eq!(user(&written([said("u-1")])), None);
        assert_eq!(user(&written([said("u-1"), confirmed("u-1")])), Some("u-1".to_owned()));
        assert_eq!(user(&written([said("u-1"), said("u-2"), confirmed("u-1")])), None, "u-2 was said since");
        assert_eq!(user(&written([said("u-1"), confirmed("u-1"), said("u-2")])), Some("u-1".to_owned()));
        let refused = BookEvent::Refused { person: person("bob"), user: "u-1".to_owned() };
        assert_eq!(user(&written([said("u-1"), refused, confirmed("u-1")])), None);
        let removed = BookEvent::Removed { person: person("bob"), by: person("dave") };
        assert_eq!(user(&written([said("u-1"), confirmed("u-1"), removed])), None);
    }

    #[test]
    fn what_was_altered_is_noticed() {
        let tenant = "acme".parse().unwrap();
        let good = written([said("u-1"), said("u-2"), said("u-3")]);
        assert_eq!(verify_book(&tenant, &good), Ok(()));
        let mut altered = good.clone();
        altered[1].body.event = said("u-9");
        assert!(verify_book(&tenant, &altered).unwrap_err().contains("entry 2 was altered"));
        let cut: Vec<BookEntry> = good.iter().skip(1).cloned().collect();
        assert!(verify_book(&tenant, &cut).is_err());
        assert!(verify_book(&"lab".parse().unwrap(), &good).is_err());
    }
}
