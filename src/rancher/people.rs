//! Who people are in Rancher, and whether they can be given a way in.

use serde_json::Value;

use super::failure::{Failure, shown};
use super::{Rancher, known};
use crate::lifecycle::Person;
use crate::ports::{Answer, FleetUser};

impl Rancher {
    /// The Rancher user of a person, or why there is none to be used, with the remedy.
    pub(super) async fn user_of(&self, person: &Person, user: Option<&str>) -> Answer<Result<String, String>> {
        let Some(id) = user.or(self.settings.people.get(&person.id).map(String::as_str)) else {
            return Ok(Err(format!(
                "kaas does not know which Rancher user {} is: log in to Rancher once, then ask an admin to link you.",
                person.name
            )));
        };
        Ok(match self.find_user(id).await? {
            Some(user) if !user.enabled => {
                Err(format!("The Rancher user {id} of {} is disabled: ask a Rancher admin to enable it.", person.name))
            }
            Some(_) => Ok(id.to_owned()),
            None => Err(format!(
                "Rancher has no user {id}, to whom {} is linked: log in to Rancher once, then ask an admin to link you again.",
                person.name
            )),
        })
    }

    /// A user, by id.
    pub(super) async fn find_user(&self, id: &str) -> Result<Option<FleetUser>, Failure> {
        // An empty id, or one of dots, would ask for the list.
        if !id.bytes().any(|b| b.is_ascii_alphanumeric()) {
            return Ok(None);
        }
        let found = known(self.client.get(&["v3", "users", id], &[]).await)?;
        Ok(found.filter(|user| user["id"] == id).map(|user| FleetUser {
            id: id.to_owned(),
            name: name_of(&user).unwrap_or_else(|| id.to_owned()),
            enabled: user["enabled"] != false,
        }))
    }
}

/// What a user logs in with, or else is called.
fn name_of(user: &Value) -> Option<String> {
    let of = |key: &str| user[key].as_str().map(shown).filter(|name| !name.is_empty());
    of("username").or_else(|| of("name"))
}
