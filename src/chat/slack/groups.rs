//! User groups whose members approve: who is in them, as Slack said a moment ago.
//!
//! A vote waits for no call of Slack, so who is in a group is asked for beforehand, again and again. What was last said holds for an hour; after that nobody
//! counts as a member until Slack answers. Whether somebody may vote at all is looked at when they do: a guest in a group is still a guest.

use std::collections::HashMap;
use std::sync::{Mutex, MutexGuard, PoisonError};
use std::time::Duration;

use jiff::{SignedDuration, Timestamp};
use serde_json::Value;
use tokio_util::sync::CancellationToken;

use super::SlackChat;
use super::api::Failure;
use crate::lifecycle::Person;
use crate::ports::{Members, Roster};

/// How often Slack is asked who is in the groups.
const REFRESH: Duration = Duration::from_secs(120);
/// How soon it is asked again where it did not answer.
const AGAIN: Duration = Duration::from_secs(20);
/// How long what it said holds.
const HELD: SignedDuration = SignedDuration::from_hours(1);
/// The most members of a group: each of them is mentioned when a plan waits for a decision.
const MEMBERS_MAX: usize = 100;

/// Why nobody knows who is in a group.
#[derive(Debug, thiserror::Error)]
pub(super) enum Unknown {
    /// Slack does not say.
    #[error(transparent)]
    Failed(#[from] Failure),
    /// There is no such group, or not any more.
    #[error("Slack has no user group {0}; name one by its handle (@platform) or its id (S…)")]
    Missing(String),
    /// More than kaas takes.
    #[error("{0} has more than {MEMBERS_MAX} members; name a smaller group of people who decide")]
    Crowded(String),
}

/// The groups whose members approve.
pub(super) struct Groups {
    /// As they are configured: `@platform`, or the id.
    wanted: Vec<String>,
    known: Mutex<HashMap<String, (Timestamp, Vec<Person>)>>,
}

impl Groups {
    pub fn new(wanted: Vec<String>) -> Self {
        Self { wanted, known: Mutex::default() }
    }

    fn known(&self) -> MutexGuard<'_, HashMap<String, (Timestamp, Vec<Person>)>> {
        self.known.lock().unwrap_or_else(PoisonError::into_inner)
    }

    fn members(&self, now: Timestamp) -> Members {
        let (mut members, known) = (Members::default(), self.known());
        for group in &self.wanted {
            match known.get(group).filter(|(at, _)| now.duration_since(*at) < HELD) {
                Some((_, people)) => members.people.extend(people.iter().cloned()),
                None => members.unknown.push(group.clone()),
            }
        }
        members
    }
}

impl Roster for SlackChat {
    fn members(&self) -> Members {
        self.groups.members(self.clock.now())
    }
}

impl SlackChat {
    /// Asks who is in each group: how many they are, or why nobody knows.
    pub async fn check_groups(&self) -> Vec<(String, Result<usize, String>)> {
        let mut all = Vec::new();
        for (group, asked) in self.ask_groups().await {
            all.push((group, asked.map_err(|why| self.why_unknown(&why))));
        }
        all
    }

    fn why_unknown(&self, why: &Unknown) -> String {
        match why {
            Unknown::Failed(failure) => failure.remedy(self.channel_name()),
            Unknown::Missing(_) | Unknown::Crowded(_) => why.to_string(),
        }
    }

    /// Keeps what is known of the groups fresh, until it is stopped.
    pub(super) async fn follow_groups(&self, stop: &CancellationToken) {
        if self.groups.wanted.is_empty() {
            return stop.cancelled().await;
        }
        loop {
            let mut wait = REFRESH;
            for (group, asked) in self.ask_groups().await {
                if let Err(why) = asked {
                    wait = AGAIN;
                    let why = self.why_unknown(&why);
                    tracing::warn!(slack.group = group, "who is in a group that approves is not known: {why}");
                }
            }
            tokio::select! {
                () = stop.cancelled() => return,
                () = tokio::time::sleep(wait) => {}
            }
        }
    }

    async fn ask_groups(&self) -> Vec<(String, Result<usize, Unknown>)> {
        let mut all = Vec::new();
        let listed = self.api.get("usergroups.list", &[]).await;
        for group in &self.groups.wanted {
            let asked = match &listed {
                Ok(listed) => self.ask_group(group, listed).await,
                Err(failure) => Err(failure.again().into()),
            };
            match &asked {
                Ok(people) => {
                    self.groups.known().insert(group.clone(), (self.clock.now(), people.clone()));
                }
                // Who is in a group that was taken away is known: nobody.
                Err(Unknown::Missing(_) | Unknown::Crowded(_)) => drop(self.groups.known().remove(group)),
                Err(Unknown::Failed(_)) => {}
            }
            all.push((group.clone(), asked.map(|people| people.len())));
        }
        all
    }

    async fn ask_group(&self, wanted: &str, listed: &Value) -> Result<Vec<Person>, Unknown> {
        let missing = || Unknown::Missing(wanted.to_owned());
        let handle = wanted.strip_prefix('@');
        let is_it = |group: &&Value| match handle {
            Some(handle) => group["handle"] == handle,
            None => group["id"] == wanted,
        };
        let found = listed["usergroups"].as_array().into_iter().flatten().find(is_it).ok_or_else(missing)?;
        let id = found["id"].as_str().ok_or_else(missing)?;
        if found["date_delete"].as_i64().unwrap_or(0) != 0 || found["is_external"] == true {
            return Err(missing());
        }
        let answer = match self.api.get("usergroups.users.list", &[("usergroup", id)]).await {
            Err(gone) if gone.is(&["no_such_subteam", "subteam_not_found"]) => return Err(missing()),
            answer => answer?,
        };
        let users: Vec<&str> = answer["users"].as_array().into_iter().flatten().filter_map(Value::as_str).collect();
        if users.len() > MEMBERS_MAX {
            return Err(Unknown::Crowded(wanted.to_owned()));
        }
        let mut people: Vec<Person> = Vec::new();
        for user in users.into_iter().filter(|user| !self.people.is_kaas(user)) {
            if let Some(person) = self.people.member(user).await?
                && !people.iter().any(|known| known.id == person.id)
            {
                people.push(person);
            }
        }
        Ok(people)
    }
}
