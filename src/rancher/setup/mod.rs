//! Setting kaas up in a Rancher, once, with an administrator's token: its user, its rights, a role that only reads, and a token with an end.
//!
//! [`Setup::survey`] reads and says what would be done; [`Setup::carry_out`] does it. Both may be repeated: what is there already stays, and only what
//! differs is changed. Reading order: this file, [`wanted`] (the roles themselves), [`token`] (how kaas' user gets one without anybody learning a password).

use std::fmt;
use std::time::Duration;

use secrecy::SecretString;
use serde_json::{Value, json};

use self::wanted::{CREDENTIALS, differs, global_role, read_only_role};
use super::client::Client;
use super::failure::{Failure, shown};
use super::token::{Form, Generation};
use super::{Patience, known, lasting};
use crate::clock::SharedClock;
use crate::ports::{Answer, Trouble};

mod token;
mod wanted;

pub use token::Minted;
pub use wanted::Wanted;

/// The global role that every user of Rancher's has, and that kaas' user needs besides its own.
const BASE_ROLE: &str = "user";
/// The role of those who may do everything.
const ADMIN_ROLE: &str = "admin";
const GLOBAL_ROLE: [&str; 3] = ["rules", "inheritedClusterRoles", "namespacedRules"];
const ROLE_TEMPLATE: [&str; 2] = ["rules", "roleTemplateIds"];

/// An administrator's way into a Rancher.
pub struct Setup {
    client: Client,
    clock: SharedClock,
    /// How long to wait for Rancher to put a right into force, and how often.
    pause: Duration,
    tries: u32,
}

/// What there is, and what is to be done.
#[derive(Debug)]
pub struct Survey {
    /// Rancher's version.
    pub version: String,
    /// Whose token is used.
    pub admin: String,
    /// What is to be done, in this order; empty if everything is there.
    pub steps: Vec<Step>,
    /// What a person has to look at.
    pub remarks: Vec<String>,
    wanted: Wanted,
    generation: Generation,
    user: Option<String>,
    role: Option<String>,
    read_only: Option<String>,
    role_body: Value,
}

impl Survey {
    /// What its global role will allow, where it is made or changed: one line a rule.
    pub fn rights(&self) -> Vec<String> {
        let touched = |step: &Step| matches!(step, Step::MakeRole(_) | Step::ChangeRole(..));
        if !self.steps.iter().any(touched) {
            return Vec::new();
        }
        wanted::rights(&self.role_body)
    }

    /// The id of kaas' user, if there is one already.
    pub fn user_id(&self) -> Option<&str> {
        self.user.as_deref()
    }
}

/// One thing to do.
#[derive(Debug, Clone, PartialEq, Eq)]
pub enum Step {
    /// Make kaas' user.
    MakeUser(String),
    /// Let it log in again.
    EnableUser(String),
    /// Make its global role.
    MakeRole(String),
    /// Change its global role, where it differs.
    ChangeRole(String, Vec<&'static str>),
    /// Give it a global role.
    GiveRole(String, String),
    /// Make the role that only reads.
    MakeReadOnly(String),
    /// Change that role, where it differs.
    ChangeReadOnly(String, Vec<&'static str>),
}

impl fmt::Display for Step {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        match self {
            Self::MakeUser(name) => write!(f, "make the local user {name}, with a password that nobody learns"),
            Self::EnableUser(name) => write!(f, "enable the user {name}, which is disabled"),
            Self::MakeRole(name) => {
                write!(f, "make the global role {name}: no admin, and cluster-owner on every downstream cluster")
            }
            Self::ChangeRole(name, what) => write!(f, "change the global role {name}: {}", what.join(", ")),
            Self::GiveRole(user, role) => write!(f, "give {user} the global role {role}"),
            Self::MakeReadOnly(name) => {
                write!(f, "make the cluster role {name}, which reads everything but secrets")
            }
            Self::ChangeReadOnly(name, what) => write!(f, "change the cluster role {name}: {}", what.join(", ")),
        }
    }
}

/// What there is when everything is done.
#[derive(Debug)]
pub struct Done {
    /// The id of kaas' user.
    pub user: String,
    /// The id of the role that only reads: what a configuration names.
    pub read_only: Option<String>,
    login: String,
    /// The password, where the user was made just now.
    password: Option<SecretString>,
    generation: Generation,
}

impl Setup {
    /// Nothing is asked yet.
    ///
    /// # Errors
    /// The address, the CA or the token makes no sense.
    pub fn new(
        url: &str,
        token: SecretString,
        ca: Option<&str>,
        patience: Patience,
        clock: SharedClock,
    ) -> anyhow::Result<Self> {
        Form::of(&token)?;
        let client = Client::new(url, token, ca, patience, clock.clone())?;
        Ok(Self { client, clock, pause: Duration::from_secs(1), tries: 30 })
    }

    /// Asks more often, for tests.
    #[must_use]
    pub fn impatient(mut self, pause: Duration, tries: u32) -> Self {
        (self.pause, self.tries) = (pause, tries);
        self
    }

    /// Reads what there is. Nothing is written.
    ///
    /// # Errors
    /// The token is none of an administrator's, or something that is named is not there.
    pub async fn survey(&self, wanted: Wanted) -> Answer<Survey> {
        let version = self.client.get(&["rancherversion"], &[]).await?["Version"].as_str().map(shown);
        let version = version.ok_or_else(|| lasting("What answers at this address is not Rancher."))?;
        let generation = Generation::of(&version);
        let me = self.client.list(&["v3", "users"], &[("me", "true")]).await?;
        let me = me.first().and_then(|me| me["username"].as_str().or(me["id"].as_str())).map(shown).unwrap_or_default();
        let roles = self.client.list(&["v3", "globalroles"], &[]).await?;
        if !roles.iter().any(|role| role["id"] == ADMIN_ROLE) {
            return Err(lasting(format!(
                "{me} may not read Rancher's global roles: this needs the token of a Rancher administrator."
            )));
        }
        let (mut steps, mut remarks) = (Vec::new(), Vec::new());
        let users = self.client.list(&["v3", "users"], &[("username", &wanted.user)]).await?;
        let user = users.into_iter().find(|user| user["username"] == *wanted.user);
        match &user {
            None => steps.push(Step::MakeUser(wanted.user.clone())),
            Some(user) if user["enabled"] == false => steps.push(Step::EnableUser(wanted.user.clone())),
            Some(_) => {}
        }
        let secrets = self.secrets(&wanted.credentials).await?;
        let role_body = global_role(&wanted, &secrets);
        let role = one_named(&roles, &wanted.role, "global role")?;
        match &role {
            None => steps.push(Step::MakeRole(wanted.role.clone())),
            Some(role) => {
                let differs = differs(role, &role_body, &GLOBAL_ROLE);
                if !differs.is_empty() {
                    steps.push(Step::ChangeRole(wanted.role.clone(), differs));
                }
            }
        }
        let user = user.as_ref().and_then(|user| user["id"].as_str()).map(str::to_owned);
        let role = role.as_ref().and_then(|role| role["id"].as_str()).map(str::to_owned);
        let bound = self.global_roles_of(user.as_deref()).await?;
        let has = |id: Option<&str>| id.is_some_and(|id| bound.iter().any(|one| one == id));
        if has(Some(ADMIN_ROLE)) {
            remarks.push(format!("{} is an admin besides: take that role from it by hand.", wanted.user));
        }
        if !has(Some(BASE_ROLE)) {
            steps.push(Step::GiveRole(wanted.user.clone(), BASE_ROLE.to_owned()));
        }
        if !has(role.as_deref()) {
            steps.push(Step::GiveRole(wanted.user.clone(), wanted.role.clone()));
        }
        let mut read_only = None;
        if let Some(name) = &wanted.read_only {
            let rows = self.client.list(&["v3", "roletemplates"], &[("name", name)]).await?;
            let there = one_named(&rows, name, "role")?;
            match &there {
                None => steps.push(Step::MakeReadOnly(name.clone())),
                Some(there) if there["context"] != "cluster" => {
                    return Err(lasting(format!(
                        "The role {name} is there, and not one for clusters: name another one."
                    )));
                }
                Some(there) => {
                    let differs = differs(there, &read_only_role(name), &ROLE_TEMPLATE);
                    if !differs.is_empty() {
                        steps.push(Step::ChangeReadOnly(name.clone(), differs));
                    }
                }
            }
            read_only = there.as_ref().and_then(|there| there["id"].as_str()).map(str::to_owned);
        }
        Ok(Survey { version, admin: me, steps, remarks, wanted, generation, user, role, read_only, role_body })
    }

    /// The names of the secrets behind cloud credentials.
    async fn secrets(&self, credentials: &[String]) -> Answer<Vec<String>> {
        if credentials.is_empty() {
            return Ok(Vec::new());
        }
        let rows = self.client.list(&["v3", "cloudcredentials"], &[]).await?;
        let mut secrets = Vec::new();
        for wanted in credentials {
            let full = format!("{CREDENTIALS}:{wanted}");
            let named = |row: &&Value| row["name"] == **wanted || row["id"] == **wanted || row["id"] == full;
            let ids: Vec<&str> = rows.iter().filter(named).filter_map(|row| row["id"].as_str()).collect();
            match ids.as_slice() {
                [id] => secrets.push(id.rsplit_once(':').map_or(*id, |(_, secret)| secret).to_owned()),
                [] => {
                    let names: Vec<String> = rows.iter().filter_map(|row| row["name"].as_str()).map(shown).collect();
                    let there = match names.is_empty() {
                        true => "An administrator makes one under Cluster Management, Cloud Credentials.".to_owned(),
                        false => format!("There is: {}.", names.join(", ")),
                    };
                    return Err(lasting(format!("Rancher has no cloud credential {}. {there}", shown(wanted))));
                }
                _ => {
                    let line = format!("Rancher has more than one cloud credential {}: name its id.", shown(wanted));
                    return Err(lasting(line));
                }
            }
        }
        secrets.sort();
        secrets.dedup();
        Ok(secrets)
    }

    async fn global_roles_of(&self, user: Option<&str>) -> Result<Vec<String>, Failure> {
        let Some(user) = user else { return Ok(Vec::new()) };
        let rows = self.client.list(&["v3", "globalrolebindings"], &[("userId", user)]).await?;
        let mine = rows.iter().filter(|row| row["userId"] == *user);
        Ok(mine.filter_map(|row| row["globalRoleId"].as_str()).map(str::to_owned).collect())
    }

    /// Does what a survey found to be done.
    ///
    /// # Errors
    /// Rancher refuses something. What was done until then is found again by the next survey.
    pub async fn carry_out(&self, survey: Survey) -> Answer<Done> {
        let Survey { wanted, steps, generation, mut user, mut role, mut read_only, role_body, .. } = survey;
        let mut password = None;
        for step in steps {
            match step {
                Step::MakeUser(_) => {
                    let secret = token::password()?;
                    let made = self.client.post(&["v3", "users"], &token::user_body(&wanted.user, &secret)).await?;
                    user = Some(id_of(&made)?);
                    password = Some(secret);
                }
                Step::EnableUser(_) => {
                    let path = ["v3", "users", made(&user)?];
                    let mut there = self.client.get(&path, &[]).await?;
                    there["enabled"] = json!(true);
                    self.client.put(&path, &there).await?;
                }
                Step::MakeRole(_) => role = Some(id_of(&self.client.post(&["v3", "globalroles"], &role_body).await?)?),
                Step::ChangeRole(_, keys) => {
                    self.change(&["v3", "globalroles", made(&role)?], &role_body, &keys).await?;
                }
                Step::GiveRole(_, which) => {
                    let id = if which == wanted.role { made(&role)? } else { which.as_str() };
                    let body = json!({"type": "globalRoleBinding", "globalRoleId": id, "userId": made(&user)?});
                    self.client.post(&["v3", "globalrolebindings"], &body).await?;
                }
                Step::MakeReadOnly(name) => {
                    let made = self.client.post(&["v3", "roletemplates"], &read_only_role(&name)).await?;
                    read_only = Some(id_of(&made)?);
                }
                Step::ChangeReadOnly(name, keys) => {
                    self.change(&["v3", "roletemplates", made(&read_only)?], &read_only_role(&name), &keys).await?;
                }
            }
        }
        let user = made(&user)?.to_owned();
        Ok(Done { user, read_only, login: wanted.user, password, generation })
    }

    /// Changes the parts of an object that differ, and leaves the others as they are.
    async fn change(&self, path: &[&str], wanted: &Value, keys: &[&str]) -> Answer<()> {
        let Some(mut there) = known(self.client.get(path, &[]).await)? else {
            return Err(Trouble::Passing { line: "It was removed just now.".to_owned(), wait: None, source: None });
        };
        for key in keys {
            there[*key] = wanted[*key].clone();
        }
        self.client.put(path, &there).await?;
        Ok(())
    }
}

/// The one object of a name, among what Rancher did not bring along itself.
fn one_named(rows: &[Value], name: &str, what: &str) -> Answer<Option<Value>> {
    let named: Vec<&Value> = rows.iter().filter(|row| row["name"] == name || row["id"] == name).collect();
    match named.as_slice() {
        [] => Ok(None),
        [one] if one["builtin"] == true => {
            Err(lasting(format!("The {what} {name} is Rancher's own, and is not changed: name another one.")))
        }
        [one] => Ok(Some((*one).clone())),
        more => Err(lasting(format!("There are {} of the {what} {name}: rename or remove the others.", more.len()))),
    }
}

fn id_of(object: &Value) -> Answer<String> {
    let id = object["id"].as_str().filter(|id| !id.is_empty());
    id.map(str::to_owned).ok_or_else(|| lasting("Rancher tells an object without an id."))
}

fn made(id: &Option<String>) -> Answer<&str> {
    id.as_deref().ok_or_else(|| lasting("What has to be there first was not made."))
}
