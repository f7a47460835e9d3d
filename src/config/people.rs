//! The tenant's people: one entry a human being, whatever platform they speak from.

use std::collections::BTreeMap;

use super::finding::{Report, did_you_mean, join};
use super::raw;
use crate::lifecycle::{Person, PersonId};

/// A platform on which people have a name of their own.
#[derive(Debug, Clone, Copy, PartialEq, Eq, PartialOrd, Ord, Hash)]
pub enum Platform {
    /// The terminal chat: the person's id.
    Terminal,
    /// Slack: the user id.
    Slack,
    /// Discord: the user id.
    Discord,
    /// GitHub: the login, in any case.
    GitHub,
    /// E-mail: the address, in any case.
    Email,
    /// Rancher: the user id.
    Rancher,
}

impl Platform {
    /// The identity in the one form in which it is compared.
    fn canonical(self, identity: &str) -> String {
        match self {
            Self::GitHub | Self::Email => identity.to_lowercase(),
            Self::Terminal | Self::Slack | Self::Discord | Self::Rancher => identity.to_owned(),
        }
    }
}

/// The people of a tenant, and who they are elsewhere. No identity belongs to two of them, and no two have the same name.
#[derive(Debug, Clone, Default, PartialEq, Eq)]
pub struct People {
    people: BTreeMap<PersonId, Person>,
    identities: BTreeMap<(Platform, String), PersonId>,
}

impl People {
    /// All of them, by id.
    pub fn iter(&self) -> impl Iterator<Item = &Person> {
        self.people.values()
    }

    /// The person of that id.
    pub fn get(&self, id: &str) -> Option<&Person> {
        self.people.get(&id.parse::<PersonId>().ok()?)
    }

    /// The person who is called that on a platform.
    pub fn on(&self, platform: Platform, identity: &str) -> Option<&Person> {
        let id = self.identities.get(&(platform, platform.canonical(identity)))?;
        self.people.get(id)
    }

    /// The person of that id or, in any case, that name; with or without a leading `@`.
    pub fn named(&self, name: &str) -> Option<&Person> {
        let name = name.strip_prefix('@').unwrap_or(name);
        let wanted = name.to_lowercase();
        self.get(name).or_else(|| self.people.values().find(|p| p.name.to_lowercase() == wanted))
    }

    /// What a person is called on a platform.
    pub fn identity(&self, id: &PersonId, platform: Platform) -> Option<&str> {
        let mut known = self.identities.iter();
        known.find(|((on, _), who)| *on == platform && *who == id).map(|((_, identity), _)| identity.as_str())
    }

    /// Who is who on a platform: the links that an adapter is given.
    pub fn links(&self, platform: Platform) -> BTreeMap<PersonId, String> {
        let on = self.identities.iter().filter(|((on, _), _)| *on == platform);
        on.map(|((_, identity), id)| (id.clone(), identity.clone())).collect()
    }

    /// The people that a list of the file names; who is nobody is reported.
    pub(super) fn listed(&self, ids: &[String], path: &str, report: &mut Report) -> Vec<Person> {
        let mut out: Vec<Person> = Vec::new();
        for (index, id) in ids.iter().enumerate() {
            let at = join(path, &index.to_string());
            match self.get(id) {
                None => {
                    let known = self.people.keys().map(PersonId::as_str);
                    report.error(&at, format!("{id} is none of the tenant's people"), did_you_mean(id, known));
                }
                Some(person) if out.contains(person) => {
                    report.error(&at, format!("{id} is named twice"), "Name everybody once.");
                }
                Some(person) => out.push(person.clone()),
            }
        }
        out
    }
}

/// Builds the people of a tenant.
pub(super) fn people(raw: &BTreeMap<String, raw::Person>, path: &str, report: &mut Report) -> People {
    let mut out = People::default();
    let mut names: BTreeMap<String, &str> = BTreeMap::new();
    for (id, raw) in raw {
        let at = join(path, id);
        let Ok(person_id) = id.parse::<PersonId>() else { continue };
        let name = raw.name.clone().unwrap_or_else(|| id.clone());
        // An id is typed where a name is typed, so the two must never point at different people.
        let called = [name.to_lowercase(), id.to_lowercase()];
        for (index, word) in called.iter().enumerate().filter(|(i, w)| *i == 0 || **w != called[0]) {
            if let Some(other) = names.insert(word.clone(), id) {
                let at = if index == 0 && raw.name.is_some() { join(&at, "name") } else { at.clone() };
                let hint = "Whoever votes has to be told apart: give one of them another name.";
                report.error(&at, format!("{id} and {other} are called the same"), hint);
            }
        }
        let identities = [
            (Platform::Terminal, "id", Some(id)),
            (Platform::Slack, "slack", raw.slack.as_ref()),
            (Platform::Discord, "discord", raw.discord.as_ref()),
            (Platform::GitHub, "github", raw.github.as_ref()),
            (Platform::Email, "email", raw.email.as_ref()),
            (Platform::Rancher, "rancher", raw.rancher.as_ref()),
        ];
        for (platform, key, identity) in identities {
            let Some(identity) = identity else { continue };
            let taken = out.identities.insert((platform, platform.canonical(identity)), person_id.clone());
            if let Some(other) = taken {
                let problem = format!("{id} and {other} have the same identity");
                let hint =
                    "Two entries of one human being could approve twice: make them one entry, or mend the identity.";
                report.error(&join(&at, key), problem, hint);
            }
        }
        out.people.insert(person_id.clone(), Person { id: person_id, name });
    }
    out
}
