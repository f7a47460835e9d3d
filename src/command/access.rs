//! Ways in: `access teal-otter @bob for 8h`, `revoke teal-otter @bob`, and `force-remove teal-otter machine=…`.
//!
//! Nothing here does I/O, reads a clock or draws a random number.

use crate::lifecycle::form::Ttl;

use super::read::{Given, Reading};
use super::table::{Flag, keyword};
use super::{COMMAND, Command, Give, LinkWhat, Receiver};

/// The longest name of a person, group, role or machine that is taken, in characters.
const NAME_MAX: usize = 128;

impl Receiver {
    /// As it is written in a line.
    pub fn written(&self) -> String {
        match self {
            Self::Person(name) => name.clone(),
            Self::Group(name) => format!("group:{name}"),
        }
    }
}

/// `access <name> [@person|group:name] [role] [for 8h]`
pub(super) fn access(reading: &mut Reading) -> Option<Command> {
    let name = reading.name(false);
    sort(reading, true);
    let to = receiver(reading);
    let role = role(reading);
    let lasts = lasts(reading);
    let given = role.is_some() || lasts.is_some();
    match to {
        Some(to) => Some(Command::Access { name: name?, give: Some(Give { to, role, lasts }) }),
        None if given => {
            reading.missing("to", format!("is missing: whom? Such as {COMMAND} access teal-otter @bob for 8h"));
            None
        }
        None => Some(Command::Access { name: name?, give: None }),
    }
}

/// `revoke <name> @person|group:name`
pub(super) fn revoke(reading: &mut Reading) -> Option<Command> {
    let name = reading.name(false);
    sort(reading, false);
    match receiver(reading) {
        Some(to) => Some(Command::Revoke { name: name?, to }),
        None => {
            reading.missing("to", format!("is missing: whose? Such as {COMMAND} revoke teal-otter @bob"));
            None
        }
    }
}

/// `force-remove <name> machine=<name>`: the whole name has to be typed.
pub(super) fn force_remove(reading: &mut Reading) -> Option<Command> {
    let name = reading.name(false);
    let Some(given) = reading.take(Flag::Machine) else {
        reading.missing("machine", "is missing: type the machine's whole name, as kaas told it");
        return None;
    };
    let machine = given.value.trim().to_owned();
    let fits = |c: char| c.is_ascii_lowercase() || c.is_ascii_digit() || c == '-';
    if machine.is_empty() || machine.len() > NAME_MAX || !machine.chars().all(fits) {
        reading.wrong(given.at, &given.what, "is not a machine's name (a-z, 0-9 and hyphens)");
        reading.unmendable();
        return None;
    }
    reading.mend(Flag::Machine, Some(machine.clone()));
    Some(Command::ForceRemove { name: name?, machine })
}

/// `link @bob u-4tq9z`, `link confirm`
pub(super) fn link(reading: &mut Reading) -> Option<Command> {
    let Some(given) = reading.take(Flag::Person) else {
        reading.missing("person", format!("is missing: who? Such as {COMMAND} link @bob u-4tq9z"));
        return None;
    };
    if !reading.has(Flag::User) && !reading.loose.is_empty() {
        let first = reading.loose.remove(0);
        reading.assume(Flag::User, first);
    }
    let who = given.value.trim();
    let user = reading.take(Flag::User);
    match (keyword(who).as_str(), user) {
        ("confirm" | "yes", None) => Some(Command::Link(LinkWhat::Confirm)),
        ("refuse" | "no", None) => Some(Command::Link(LinkWhat::Refuse)),
        (_, None) => {
            reading.missing("user", "is missing: the id of their user in Rancher, such as u-4tq9z");
            None
        }
        (_, Some(user)) => {
            let person = who.trim_start_matches('@').to_owned();
            if person.is_empty() || person.chars().count() > NAME_MAX {
                reading.wrong(given.at, &given.what, "needs a name, such as @bob");
                reading.unmendable();
                return None;
            }
            reading.mend(Flag::Person, Some(person.clone()));
            let id = user.value.trim().to_owned();
            let fits = |c: char| c.is_ascii_lowercase() || c.is_ascii_digit() || c == '-';
            if keyword(&id) == "none" {
                return Some(Command::Link(LinkWhat::Is { person, user: None }));
            }
            // Rancher's user ids: u-…, and user-… of local users in older versions.
            if !(id.starts_with("u-") || id.starts_with("user-")) || id.len() > NAME_MAX || !id.chars().all(fits) {
                reading.wrong(user.at, &user.what, "is not the id of a user in Rancher, such as u-4tq9z");
                reading.unmendable();
                return None;
            }
            reading.mend(Flag::User, Some(id.clone()));
            Some(Command::Link(LinkWhat::Is { person, user: Some(id) }))
        }
    }
}

/// Words on their own, in the order in which people say them: whom, the role, for how long.
fn sort(reading: &mut Reading, gives: bool) {
    let mut words = std::mem::take(&mut reading.loose).into_iter();
    let mut rest = Vec::new();
    while let Some(word) = words.next() {
        let said = keyword(&word.value);
        let joined =
            |next: Given, value: String| Given { value, what: format!("{} {}", word.what, next.what), at: word.at };
        match said.as_str() {
            "to" | "from" | "as" if !word.value.starts_with('@') => {}
            "group" if !reading.has(Flag::To) => match words.next() {
                Some(next) => {
                    let value = format!("group:{}", next.value);
                    let given = joined(next, value);
                    reading.assume(Flag::To, given);
                }
                None => rest.push(word),
            },
            "for" if gives => match words.next() {
                Some(next) => {
                    let value = next.value.clone();
                    let given = joined(next, value);
                    reading.assume(Flag::Lasts, given);
                }
                None => rest.push(word),
            },
            _ if !reading.has(Flag::To) => reading.assume(Flag::To, word),
            _ if gives && !reading.has(Flag::Role) => reading.assume(Flag::Role, word),
            _ => rest.push(word),
        }
    }
    reading.loose = rest;
}

fn receiver(reading: &mut Reading) -> Option<Receiver> {
    let given = reading.take(Flag::To)?;
    let text = given.value.trim();
    let receiver = match text.split_once(':') {
        Some((kind, name)) if keyword(kind) == "group" => Receiver::Group(name.trim().to_owned()),
        _ => Receiver::Person(text.trim_start_matches('@').to_owned()),
    };
    let (Receiver::Person(name) | Receiver::Group(name)) = &receiver;
    if name.is_empty() || name.chars().count() > NAME_MAX {
        reading.wrong(given.at, &given.what, "needs a name, such as @bob or group:billing");
        reading.unmendable();
        return None;
    }
    reading.mend(Flag::To, Some(receiver.written()));
    Some(receiver)
}

fn role(reading: &mut Reading) -> Option<String> {
    let given = reading.take(Flag::Role)?;
    let role = keyword(given.value.trim());
    if role.is_empty() || role.len() > NAME_MAX || !role.bytes().all(|b| b.is_ascii_alphanumeric() || b == b'-') {
        reading.wrong(given.at, &given.what, "is not a role, such as cluster-member");
        reading.mend(Flag::Role, None);
        return None;
    }
    reading.mend(Flag::Role, Some(role.clone()));
    Some(role)
}

fn lasts(reading: &mut Reading) -> Option<Ttl> {
    let given = reading.take(Flag::Lasts)?;
    match given.value.trim().parse::<Ttl>() {
        Ok(lasts) => {
            reading.mend(Flag::Lasts, Some(given.value.trim().to_owned()));
            Some(lasts)
        }
        Err(invalid) => {
            reading.wrong(given.at, &given.what, invalid.to_string());
            // A line without an end would ask for more than was meant.
            reading.unmendable();
            None
        }
    }
}
