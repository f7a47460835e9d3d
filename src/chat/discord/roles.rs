//! Roles whose members approve: who has them, as Discord said a moment ago.
//!
//! Without a privileged intent Discord lists no members, but it says of everybody who does something which roles they have then, and answers for a single
//! one. So kaas knows of those whom it can know of: whoever is configured with a user id is asked about every two minutes, and so is every stranger who was
//! seen with the role. What is known of somebody has an age:
//!
//! - what comes with a doing is as old as the doing: whoever votes counts by the roles that they have then;
//! - before a vote is brought to the desk, everybody whose role was seen more than half a minute ago is asked about again, because votes that they gave
//!   earlier may complete it now. Whoever Discord does not answer for in time counts for nothing until it does;
//! - where nobody votes in Discord (a review in a forge, another chat), what was last said holds for five minutes.
//!
//! Who lost the role, left, or is timed out counts no more from the moment that is seen.

use std::collections::{BTreeSet, HashMap};
use std::sync::{Mutex, MutexGuard, PoisonError};
use std::time::Duration;

use futures_util::StreamExt;
use futures_util::stream;
use jiff::{SignedDuration, Timestamp};
use tokio_util::sync::CancellationToken;

use super::DiscordChat;
use super::api::Id;
use super::people::Who;
use crate::lifecycle::Person;
use crate::ports::{Members, Roster, Standing};

/// How often everybody is asked about.
const REFRESH: Duration = Duration::from_secs(120);
/// How soon again where Discord did not answer.
const AGAIN: Duration = Duration::from_secs(20);
/// How long what Discord said holds.
const HELD: SignedDuration = SignedDuration::from_secs(300);
/// How old it may be when a vote is brought.
const FRESH: SignedDuration = SignedDuration::from_secs(30);
/// The longest wait for who has the role before a vote is brought. Whoever has done something waits no longer than that.
const CONFIRM_MAX: Duration = Duration::from_millis(2_500);
/// How many are asked about at once.
const AT_ONCE: usize = 8;
/// The most people who count by a role: each of them is mentioned when a plan waits for a decision.
const HOLDERS_MAX: usize = 100;

/// The roles whose members approve, and who is known to have one.
pub(super) struct Roles {
    /// Their ids.
    wanted: Vec<String>,
    holders: Mutex<HashMap<Id, Holder>>,
}

/// Somebody who was seen with a role.
#[derive(Debug, Clone)]
struct Holder {
    person: Person,
    roles: BTreeSet<String>,
    /// When Discord said so.
    at: Timestamp,
    /// Discord was asked since, and did not answer.
    unsure: bool,
}

impl Roles {
    pub fn new(wanted: Vec<String>) -> Self {
        Self { wanted, holders: Mutex::default() }
    }

    /// Whether there are any.
    pub fn is_empty(&self) -> bool {
        self.wanted.is_empty()
    }

    /// Their ids.
    pub fn wanted(&self) -> &[String] {
        &self.wanted
    }

    /// Discord has just said who somebody is.
    pub fn saw(&self, who: &Who, now: Timestamp) {
        if self.is_empty() {
            return;
        }
        let roles: BTreeSet<String> = who.roles.iter().filter(|role| self.wanted.contains(role)).cloned().collect();
        let mut holders = self.holders();
        if who.standing != Standing::Member || roles.is_empty() {
            holders.remove(&who.user);
            return;
        }
        if holders.len() >= HOLDERS_MAX && !holders.contains_key(&who.user) {
            tracing::warn!("more than {HOLDERS_MAX} people have a role that approves; the others do not count");
            return;
        }
        holders.insert(who.user, Holder { person: who.person.clone(), roles, at: now, unsure: false });
    }

    /// Discord was asked about somebody, and did not answer.
    fn missed(&self, user: Id) {
        if let Some(holder) = self.holders().get_mut(&user) {
            holder.unsure = true;
        }
    }

    /// Those who were seen with a role more than that long ago, or of whom nothing is sure.
    fn older_than(&self, age: SignedDuration, now: Timestamp) -> Vec<Id> {
        let holders = self.holders();
        let old = holders.iter().filter(|(_, holder)| holder.unsure || now.duration_since(holder.at) > age);
        old.map(|(user, _)| *user).collect()
    }

    fn members(&self, now: Timestamp) -> Members {
        let holders = self.holders();
        let counts = |holder: &&Holder| !holder.unsure && now.duration_since(holder.at) < HELD;
        let mut counting: Vec<&Holder> = holders.values().filter(counts).collect();
        counting.sort_by(|a, b| a.person.id.cmp(&b.person.id));
        let nobody = |role: &&String| !counting.iter().any(|holder| holder.roles.contains(*role));
        Members {
            people: counting.iter().map(|holder| holder.person.clone()).collect(),
            unknown: self.wanted.iter().filter(nobody).map(|role| format!("the role {role}")).collect(),
        }
    }

    fn holders(&self) -> MutexGuard<'_, HashMap<Id, Holder>> {
        self.holders.lock().unwrap_or_else(PoisonError::into_inner)
    }
}

impl Roster for DiscordChat {
    fn members(&self) -> Members {
        self.roles.members(self.clock.now())
    }
}

impl DiscordChat {
    /// Keeps what is known of the roles fresh, until it is stopped.
    pub(super) async fn follow_roles(&self, stop: &CancellationToken) {
        if self.roles.is_empty() {
            return stop.cancelled().await;
        }
        loop {
            let mut all: BTreeSet<Id> = self.people.known().collect();
            all.extend(self.roles.holders().keys().copied());
            let answered = tokio::select! {
                () = stop.cancelled() => return,
                answered = self.ask_about(all.into_iter().collect()) => answered,
            };
            let wait = if answered { REFRESH } else { AGAIN };
            tokio::select! {
                () = stop.cancelled() => return,
                () = tokio::time::sleep(wait) => {}
            }
        }
    }

    /// Makes sure of everybody who has a role, before a vote is brought that may be completed by theirs.
    pub(super) async fn confirm_roles(&self) {
        let old = self.roles.older_than(FRESH, self.clock.now());
        if old.is_empty() {
            return;
        }
        let _ = tokio::time::timeout(CONFIRM_MAX, self.ask_about(old.clone())).await;
        // Whoever was not seen now, for whatever reason, counts for nothing.
        let mut unseen = self.roles.older_than(FRESH, self.clock.now());
        unseen.retain(|user| old.contains(user));
        if !unseen.is_empty() {
            tracing::warn!(
                discord.unseen = unseen.len(),
                "Discord does not say in time who still has a role that approves; they do not count until it does"
            );
        }
        for user in unseen {
            self.roles.missed(user);
        }
    }

    /// Asks about all of them; whether Discord answered for each.
    async fn ask_about(&self, users: Vec<Id>) -> bool {
        let asked = stream::iter(users).map(|user| async move {
            match self.ask_who(user).await {
                Ok(_) => true,
                Err(failure) => {
                    tracing::warn!(discord.user = user, discord.failure = %failure, "whether somebody has a role that approves is not known");
                    self.roles.missed(user);
                    false
                }
            }
        });
        // To the end: one who is not answered for says nothing of the others.
        asked.buffer_unordered(AT_ONCE).fold(true, |all, answered| std::future::ready(all && answered)).await
    }
}

#[cfg(test)]
mod tests {
    use super::*;
    use crate::chat::discord::api::id;

    fn who(user: &str, roles: &[&str], standing: Standing) -> Who {
        let person = Person { id: format!("discord:{user}").parse().expect("an id"), name: user.to_owned() };
        let roles = roles.iter().map(|role| (*role).to_owned()).collect();
        Who { user: id(user).expect("an id"), person, standing, roles }
    }

    fn at(seconds: i64) -> Timestamp {
        Timestamp::from_second(1_000_000 + seconds).expect("a moment")
    }

    fn names(roles: &Roles, seconds: i64) -> Vec<String> {
        roles.members(at(seconds)).people.into_iter().map(|person| person.name).collect()
    }

    #[test]
    fn who_has_the_role_counts_until_it_is_seen_that_they_do_not_or_it_is_too_long_ago() {
        let roles = Roles::new(vec!["5".to_owned(), "6".to_owned()]);
        roles.saw(&who("1", &["5", "9"], Standing::Member), at(0));
        roles.saw(&who("2", &["9"], Standing::Member), at(0));
        for (user, standing) in [("3", Standing::Bot), ("4", Standing::Deactivated), ("5", Standing::Outside)] {
            roles.saw(&who(user, &["5"], standing), at(0));
        }
        assert_eq!((names(&roles, 0), names(&roles, 299)), (vec!["1".to_owned()], vec!["1".to_owned()]));
        assert_eq!(roles.members(at(0)).unknown, ["the role 6"], "nobody is known to have it");
        assert!(names(&roles, 300).is_empty(), "too long ago");
        roles.saw(&who("1", &["9"], Standing::Member), at(10));
        assert!(names(&roles, 10).is_empty(), "taken away");
    }

    #[test]
    fn who_cannot_be_confirmed_counts_for_nothing_until_they_are_seen_again() {
        let roles = Roles::new(vec!["5".to_owned()]);
        roles.saw(&who("1", &["5"], Standing::Member), at(0));
        assert!(roles.older_than(FRESH, at(30)).is_empty());
        assert_eq!(roles.older_than(FRESH, at(31)), [id("1").expect("an id")]);
        roles.missed(id("1").expect("an id"));
        assert!(names(&roles, 31).is_empty());
        assert_eq!(roles.older_than(FRESH, at(0)).len(), 1, "they are asked about again at once");
        roles.saw(&who("1", &["5"], Standing::Member), at(40));
        assert_eq!(names(&roles, 40), ["1"]);
    }
}
