//! Who people are in Rancher, and whether they can be given a way in.

use serde_json::{Value, json};

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
        Ok(found.filter(|user| user["id"] == id).map(|user| fleet_user(id, &user)))
    }

    /// The users that log in under an e-mail address: by their name for logging in, or because their identity provider calls them that. Display names are
    /// passed over, for people choose those themselves.
    pub(super) async fn find_by_email(&self, email: &str) -> Result<Vec<FleetUser>, Failure> {
        let email = email.to_lowercase();
        // Without an @ it would be a name like any other, and an empty one is everybody's.
        if !email.contains('@') {
            return Ok(Vec::new());
        }
        let principals = self.principals_of(&email).await?;
        let users = self.client.list(&["v3", "users"], &[]).await?;
        let is = |user: &&Value| {
            let same = |text: &Value| text.as_str().is_some_and(|text| text.to_lowercase() == email);
            let theirs = user["principalIds"].as_array().into_iter().flatten().filter_map(Value::as_str);
            same(&user["username"])
                || theirs.into_iter().any(|id| principals.iter().any(|one| one == id) || is_of(id, &email))
        };
        let found = users.iter().filter(is).filter_map(|user| Some(fleet_user(user["id"].as_str()?, user)));
        let mut found: Vec<FleetUser> = found.collect();
        found.sort_by(|a, b| a.id.cmp(&b.id));
        found.dedup_by(|a, b| a.id == b.id);
        Ok(found)
    }

    /// What the identity provider of kaas' own user calls whoever logs in with that address. Rancher asks no other provider; where kaas' user is a local one,
    /// these are local users.
    async fn principals_of(&self, email: &str) -> Result<Vec<String>, Failure> {
        let asked = json!({"name": email, "principalType": "user"});
        let mut answer = match self.client.act(&["v3", "principals"], "search", &asked).await {
            // A provider that cannot be searched, or not by kaas' user: what users say of themselves is left.
            Err(failure) if failure.is_hidden() || failure.is_not_found() => return Ok(Vec::new()),
            answer => answer?,
        };
        let Value::Array(rows) = answer["data"].take() else { return Ok(Vec::new()) };
        let theirs = rows.into_iter().filter(|row| {
            let login = row["loginName"].as_str().unwrap_or_default();
            row["principalType"] == "user" && login.to_lowercase() == email
        });
        Ok(theirs.filter_map(|row| row["id"].as_str().map(str::to_owned)).collect())
    }
}

/// Whether a principal is a person whom their identity provider calls by that address: `keycloakoidc_user://alice@example.com`.
fn is_of(principal: &str, email: &str) -> bool {
    let parts = principal.split_once("://");
    parts.is_some_and(|(kind, name)| kind.ends_with("_user") && name.to_lowercase() == email)
}

fn fleet_user(id: &str, user: &Value) -> FleetUser {
    FleetUser {
        id: id.to_owned(),
        name: name_of(user).unwrap_or_else(|| id.to_owned()),
        enabled: user["enabled"] != false,
    }
}

/// What a user logs in with, or else is called.
fn name_of(user: &Value) -> Option<String> {
    let of = |key: &str| user[key].as_str().map(shown).filter(|name| !name.is_empty());
    of("username").or_else(|| of("name"))
}
