//! Who is who: from Slack's users to kaas' people, with what Slack says of them, and back.
//!
//! A person is known by their user id or, failing that, by the e-mail address that Slack shows. Whoever is neither is a stranger under their own id.

use std::collections::HashMap;
use std::hash::Hash;
use std::sync::{Arc, Mutex, OnceLock, PoisonError};
use std::time::Duration;

use jiff::{SignedDuration, Timestamp};
use serde_json::Value;

use super::Known;
use super::api::{Api, Failure};
use super::draw::Names;
use crate::clock::SharedClock;
use crate::lifecycle::{Person, PersonId};
use crate::ports::Standing;
use crate::render::message::Message;

/// How long what Slack says of somebody is believed.
const BELIEVED: SignedDuration = SignedDuration::from_secs(60);
/// How long somebody's user id is remembered that was found by their address.
const FOUND: SignedDuration = SignedDuration::from_hours(1);
/// The longest wait for who somebody is: an acknowledgement has to leave within three seconds.
const ASK_MAX: Duration = Duration::from_secs(2);
/// How many are remembered at the most.
const REMEMBERED_MAX: usize = 10_000;
/// Slack's own bot, which Slack does not mark as one.
const SLACKBOT: &str = "USLACKBOT";

/// Somebody in Slack.
#[derive(Debug, Clone, PartialEq, Eq)]
pub(super) struct Who {
    pub person: Person,
    pub standing: Standing,
}

/// The workspace that kaas is installed in.
#[derive(Debug, Clone, Default)]
pub(super) struct Home {
    pub team: String,
    pub enterprise: Option<String>,
    /// kaas' own user.
    pub user: String,
    /// kaas' own bot.
    pub bot: String,
}

/// Everybody.
pub(super) struct People {
    api: Arc<Api>,
    home: OnceLock<Home>,
    clock: SharedClock,
    by_id: HashMap<String, Person>,
    by_email: HashMap<String, Person>,
    ids: HashMap<PersonId, String>,
    emails: HashMap<PersonId, String>,
    seen: Remembered<String, Who>,
    found: Remembered<PersonId, Option<String>>,
}

impl People {
    pub fn new(api: Arc<Api>, known: Vec<Known>, clock: SharedClock) -> Self {
        let mut people = Self {
            api,
            home: OnceLock::new(),
            clock,
            by_id: HashMap::new(),
            by_email: HashMap::new(),
            ids: HashMap::new(),
            emails: HashMap::new(),
            seen: Remembered::default(),
            found: Remembered::default(),
        };
        for Known { person, slack, email } in known {
            if let Some(id) = slack {
                people.ids.insert(person.id.clone(), id.clone());
                people.by_id.insert(id, person.clone());
            }
            if let Some(email) = email {
                people.emails.insert(person.id.clone(), email.clone());
                people.by_email.insert(email.to_lowercase(), person);
            }
        }
        people
    }

    /// It is known now where kaas is.
    pub fn is_at(&self, home: Home) {
        let _ = self.home.set(home);
    }

    /// Whether it is kaas itself.
    pub fn is_kaas(&self, user: &str) -> bool {
        user == self.own_id()
    }

    /// kaas' own user id.
    pub fn own_id(&self) -> &str {
        self.home.get().map_or("", |home| &home.user)
    }

    /// Whether kaas wrote this message.
    pub fn is_own(&self, message: &Value) -> bool {
        let Some(home) = self.home.get() else { return false };
        message["user"] == home.user || (!home.bot.is_empty() && message["bot_id"] == home.bot)
    }

    /// Who this user is, and what Slack says of them.
    ///
    /// # Errors
    /// Slack cannot be asked: then nobody may guess.
    pub async fn who(&self, user: &str) -> Result<Who, Failure> {
        let Some(home) = self.home.get() else {
            let what = "Slack has not answered yet".to_owned();
            return Err(Failure::Silent { method: "auth.test".to_owned(), what });
        };
        let now = self.clock.now();
        if let Some(who) = self.seen.get(&user.to_owned(), now, BELIEVED) {
            return Ok(who);
        }
        let who = match self.api.get_within("users.info", &[("user", user)], ASK_MAX).await {
            Ok(answer) => self.read(home, user, &answer["user"]),
            // Somebody whom kaas may not see is not of this workspace.
            Err(refused) if refused.is(&["user_not_found", "user_not_visible"]) => {
                Who { person: stranger(user, user), standing: Standing::Outside }
            }
            Err(failure) => return Err(failure),
        };
        self.seen.put(user.to_owned(), who.clone(), now);
        Ok(who)
    }

    /// Who a member of a group is; `None` for somebody who decides nothing. For a person's name an older answer will do.
    ///
    /// # Errors
    /// Slack cannot be asked.
    pub async fn member(&self, user: &str) -> Result<Option<Person>, Failure> {
        if let Some(person) = self.by_id.get(user) {
            return Ok(Some(person.clone()));
        }
        let who = match self.seen.get(&user.to_owned(), self.clock.now(), FOUND) {
            Some(who) => who,
            None => self.who(user).await?,
        };
        Ok(Some(who.person).filter(|_| who.standing == Standing::Member))
    }

    fn read(&self, home: &Home, user: &str, told: &Value) -> Who {
        let standing = standing(home, user, told);
        let profile = &told["profile"];
        let names = [&profile["display_name"], &profile["real_name"], &told["real_name"], &told["name"]];
        let name = names.into_iter().filter_map(Value::as_str).find(|name| !name.trim().is_empty()).unwrap_or(user);
        let by_email = || {
            // Whoever is of this workspace has an address that this workspace vouches for.
            let email = profile["email"].as_str().filter(|_| standing == Standing::Member)?;
            self.by_email.get(&email.to_lowercase())
        };
        let person = self.by_id.get(user).or_else(by_email).cloned().unwrap_or_else(|| stranger(user, name));
        Who { person, standing }
    }

    /// Whether a person is told of somebody in Slack.
    pub fn knows(&self, person: &PersonId) -> bool {
        self.ids.contains_key(person) || self.emails.contains_key(person) || person.as_str().starts_with(STRANGER)
    }

    /// A person's user id; `None` if nobody in Slack is known to be them.
    ///
    /// # Errors
    /// Slack cannot be asked.
    pub async fn user_of(&self, person: &PersonId) -> Result<Option<String>, Failure> {
        if let Some(id) = self.ids.get(person) {
            return Ok(Some(id.clone()));
        }
        if let Some(id) = person.as_str().strip_prefix(STRANGER) {
            return Ok(Some(id.to_owned()));
        }
        let Some(email) = self.emails.get(person) else { return Ok(None) };
        let now = self.clock.now();
        if let Some(found) = self.found.get(person, now, FOUND) {
            return Ok(found);
        }
        let found = match self.api.get("users.lookupByEmail", &[("email", email)]).await {
            Ok(answer) => answer["user"]["id"].as_str().map(str::to_owned),
            Err(refused) if refused.is(&["users_not_found"]) => None,
            Err(failure) => return Err(failure),
        };
        self.found.put(person.clone(), found.clone(), now);
        Ok(found)
    }

    /// The user ids of the people whom a message mentions. Whoever is not found is called by name.
    pub async fn names(&self, message: &Message) -> Names {
        let mut names = Names::new();
        for person in message.mentions() {
            match self.user_of(person).await {
                Ok(Some(id)) => drop(names.insert(person.clone(), id)),
                Ok(None) => {}
                Err(failure) => {
                    tracing::warn!(person.id = person.as_str(), slack.failure = %failure, "somebody is called by name, because Slack cannot be asked for their id");
                }
            }
        }
        names
    }
}

/// What Slack says of somebody.
fn standing(home: &Home, user: &str, told: &Value) -> Standing {
    let flag = |name: &str| told[name].as_bool().unwrap_or(false);
    let enterprise = |value: &Value| value.as_str().is_some_and(|id| Some(id) == home.enterprise.as_deref());
    let is_ours = told["team_id"] == home.team
        || enterprise(&told["team_id"])
        || enterprise(&told["enterprise_user"]["enterprise_id"]);
    if flag("deleted") {
        Standing::Deactivated
    } else if flag("is_bot") || flag("is_workflow_bot") || user == SLACKBOT {
        Standing::Bot
    } else if flag("is_stranger") || !is_ours {
        Standing::Outside
    } else if flag("is_restricted") || flag("is_ultra_restricted") {
        Standing::Guest
    } else {
        Standing::Member
    }
}

/// What the ids of strangers begin with.
const STRANGER: &str = "slack:";

/// Somebody whom kaas does not know, under their own user id.
fn stranger(user: &str, name: &str) -> Person {
    let user: String = user.chars().filter(char::is_ascii_alphanumeric).take(64).collect();
    let id = format!("{STRANGER}{user}").parse().expect("a person's id may be made of letters, digits and a colon");
    Person { id, name: name.to_owned() }
}

/// What was found out, and when.
struct Remembered<K, V>(Mutex<HashMap<K, (Timestamp, V)>>);

impl<K, V> Default for Remembered<K, V> {
    fn default() -> Self {
        Self(Mutex::new(HashMap::new()))
    }
}

impl<K: Eq + Hash, V: Clone> Remembered<K, V> {
    fn get(&self, key: &K, now: Timestamp, life: SignedDuration) -> Option<V> {
        let known = self.0.lock().unwrap_or_else(PoisonError::into_inner);
        known.get(key).filter(|(at, _)| now.duration_since(*at) < life).map(|(_, value)| value.clone())
    }

    fn put(&self, key: K, value: V, now: Timestamp) {
        let mut known = self.0.lock().unwrap_or_else(PoisonError::into_inner);
        if known.len() >= REMEMBERED_MAX {
            known.clear();
        }
        known.insert(key, (now, value));
    }
}
