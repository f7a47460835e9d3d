//! Who is who: from Discord's members to kaas' people, with what Discord says of them, and back.
//!
//! A person is known by their user id alone, because Discord tells no e-mail addresses. Whoever is not known is a stranger under their own id.

use std::collections::HashMap;
use std::time::Duration;

use jiff::Timestamp;
use serde_json::Value;
use serenity::all::{GuildId, UserId};
use serenity::http::Route;

use super::Known;
use super::api::{Api, Failure, Id, id, id_of};
use super::draw::Names;
use super::trouble::{NO_MEMBER, NO_USER};
use crate::lifecycle::{Person, PersonId};
use crate::ports::Standing;
use crate::render::message::Message;

/// The longest wait for who somebody is: an acknowledgement has to leave within three seconds.
pub(super) const ASK_MAX: Duration = Duration::from_secs(2);
/// What the ids of strangers begin with.
const STRANGER: &str = "discord:";

/// Somebody in the server.
#[derive(Debug, Clone, PartialEq, Eq)]
pub(super) struct Who {
    pub user: Id,
    pub person: Person,
    pub standing: Standing,
    /// The ids of their roles.
    pub roles: Vec<String>,
}

/// Everybody.
pub(super) struct People {
    by_id: HashMap<Id, Person>,
    ids: HashMap<PersonId, Id>,
}

impl People {
    /// # Errors
    /// Somebody's id is none.
    pub fn new(known: Vec<Known>) -> anyhow::Result<Self> {
        let mut people = Self { by_id: HashMap::new(), ids: HashMap::new() };
        for Known { person, discord } in known {
            let Some(text) = discord else { continue };
            let user = id(&text).ok_or_else(|| {
                anyhow::anyhow!("Discord: {text} is no user id of {}; copy the id with developer mode on", person.name)
            })?;
            people.ids.insert(person.id.clone(), user);
            people.by_id.insert(user, person);
        }
        Ok(people)
    }

    /// Those who are known in Discord.
    pub fn known(&self) -> impl Iterator<Item = Id> + '_ {
        self.by_id.keys().copied()
    }

    /// Who a member is, as Discord says with what they did. Without a member it is nobody of this server.
    pub fn read(&self, user: Id, member: Option<&Value>, now: Timestamp) -> Who {
        let Some(member) = member.filter(|member| member.is_object()) else {
            return Who { user, person: self.person(user, None), standing: Standing::Outside, roles: Vec::new() };
        };
        let names = [&member["nick"], &member["user"]["global_name"], &member["user"]["username"]];
        let name = names.into_iter().filter_map(Value::as_str).find(|name| !name.trim().is_empty());
        let roles = member["roles"].as_array().into_iter().flatten().filter_map(Value::as_str).map(str::to_owned);
        Who { user, person: self.person(user, name), standing: standing(member, now), roles: roles.collect() }
    }

    /// Asks Discord who a member is now.
    ///
    /// # Errors
    /// Discord cannot be asked: then nobody may guess.
    pub async fn ask(
        &self,
        api: &Api,
        guild: GuildId,
        user: Id,
        clock: &dyn crate::clock::Clock,
    ) -> Result<Who, Failure> {
        let route = Route::GuildMember { guild_id: guild, user_id: UserId::from(user) };
        match api.get_within("ask who a member is", route, ASK_MAX).await {
            Ok(member) if id_of(&member["user"]["id"]) == Some(user) => Ok(self.read(user, Some(&member), clock.now())),
            Ok(_) => Err(Failure::lacks("ask who a member is", "the member")),
            // Who left is nobody of this server.
            Err(gone) if gone.is(&[NO_MEMBER, NO_USER]) => Ok(self.read(user, None, clock.now())),
            Err(failure) => Err(failure),
        }
    }

    fn person(&self, user: Id, name: Option<&str>) -> Person {
        self.by_id.get(&user).cloned().unwrap_or_else(|| stranger(user, name))
    }

    /// A person's user id; `None` if nobody in Discord is known to be them.
    pub fn user_of(&self, person: &PersonId) -> Option<Id> {
        self.ids.get(person).copied().or_else(|| id(person.as_str().strip_prefix(STRANGER)?))
    }

    /// The user ids of the people whom a message mentions. Whoever is not known is called by name.
    pub fn names(&self, message: &Message) -> Names {
        message.mentions().filter_map(|person| Some((person.clone(), self.user_of(person)?.to_string()))).collect()
    }
}

/// What Discord says of a member.
fn standing(member: &Value, now: Timestamp) -> Standing {
    let until = member["communication_disabled_until"].as_str();
    // A time that cannot be read is one that is not over.
    let is_out = until.is_some_and(|until| until.parse::<Timestamp>().map_or(true, |until| until > now));
    if member["user"]["bot"] == true || member["user"]["system"] == true {
        Standing::Bot
    } else if is_out {
        Standing::Deactivated
    } else if member["pending"] == true {
        Standing::Guest
    } else {
        Standing::Member
    }
}

/// Somebody whom kaas does not know, under their own user id.
fn stranger(user: Id, name: Option<&str>) -> Person {
    let id = format!("{STRANGER}{user}").parse().expect("a person's id may be made of letters, digits and a colon");
    Person { id, name: name.map_or_else(|| user.to_string(), str::to_owned) }
}

#[cfg(test)]
mod tests {
    use serde_json::json;

    use super::*;

    fn people() -> People {
        let alice = Person { id: "alice".parse().expect("an id"), name: "Alice".to_owned() };
        People::new(vec![Known { person: alice, discord: Some("7".to_owned()) }]).expect("people")
    }

    #[test]
    fn what_discord_says_of_a_member_decides_what_they_are() {
        let now: Timestamp = "2026-05-01T12:00:00Z".parse().expect("a time");
        let member = |with: Value| {
            let mut member = json!({ "user": { "id": "7", "username": "al" }, "roles": ["3"], "pending": false });
            member.as_object_mut().expect("an object").extend(with.as_object().expect("an object").clone());
            people().read(id("7").expect("an id"), Some(&member), now)
        };
        assert_eq!((member(json!({})).standing, member(json!({})).roles), (Standing::Member, vec!["3".to_owned()]));
        let out = |until: &str| member(json!({ "communication_disabled_until": until })).standing;
        assert_eq!(out("2026-05-01T12:00:01.000000+00:00"), Standing::Deactivated);
        assert_eq!(out("2026-05-01T11:59:59.000000+00:00"), Standing::Member, "it is over");
        assert_eq!(out("soon"), Standing::Deactivated, "what cannot be read is not over");
        assert_eq!(member(json!({ "pending": true })).standing, Standing::Guest);
        assert_eq!(member(json!({ "user": { "id": "7", "bot": true } })).standing, Standing::Bot);
        assert_eq!(people().read(id("7").expect("an id"), None, now).standing, Standing::Outside);
    }

    #[test]
    fn who_is_not_known_is_a_stranger_under_their_id_and_found_by_it() {
        let (people, user) = (people(), id("99").expect("an id"));
        let member = json!({ "user": { "id": "99", "username": "zed", "global_name": "Zed" }, "nick": " " });
        let who = people.read(user, Some(&member), Timestamp::UNIX_EPOCH);
        assert_eq!((who.person.id.as_str(), who.person.name.as_str()), ("discord:99", "Zed"));
        assert_eq!(people.user_of(&who.person.id), Some(user));
        assert_eq!(people.user_of(&"alice".parse().expect("an id")), id("7"));
        assert_eq!(people.user_of(&"slack:U1".parse().expect("an id")), None);
    }

    #[test]
    fn an_id_that_is_none_is_told() {
        let bo = Person { id: "bo".parse().expect("an id"), name: "Bo".to_owned() };
        for text in ["", "@bo", "0", "-7", "+7", "7 "] {
            let known = Known { person: bo.clone(), discord: Some(text.to_owned()) };
            assert!(People::new(vec![known]).is_err(), "{text}");
        }
    }
}
