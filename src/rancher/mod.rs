//! Rancher: the adapter of [`crate::ports::Fleet`].
//!
//! Reading order: this file (settings and the port), [`standing`] and [`token`] (with what kaas comes, and how long it is good), [`sight`] and [`machines`]
//! (how far a cluster is), [`people`] and [`access`] (who gets a way in), [`prove`] and [`setup`] (what kaas' user needs),
//! [`client`] and [`failure`] (HTTP, and what goes wrong with it).
//!
//! **Deliberately absent:** kubeconfigs and tokens for people. Rancher would make them in the name of kaas' own user; people download their own.

use std::collections::{BTreeMap, HashMap};
use std::sync::{Arc, Mutex, PoisonError};

use async_trait::async_trait;
use secrecy::SecretString;

use self::access::binding_id;
use self::client::Client;
use self::failure::Failure;
use self::token::Form;
use crate::clock::SharedClock;
use crate::lifecycle::form::ClusterName;
use crate::lifecycle::{Person, PersonId};
use crate::ports::{Answer, Call, Fleet, FleetStanding, FleetUser, Granting, Sight, Subject, Trouble};

mod access;
mod client;
mod failure;
mod machines;
mod people;
mod prove;
pub mod setup;
mod sight;
mod standing;
#[cfg(all(test, feature = "sim"))]
mod tests;
mod token;

pub use client::Patience;
pub use prove::{Proof, TOKEN_WARNED};

/// The workspace in which clusters are made, unless configured otherwise.
pub const WORKSPACE: &str = "fleet-default";
/// The role of the team, unless configured otherwise.
pub const TEAM_ROLE: &str = "cluster-member";

/// Which Rancher, and who gets which role in it.
#[derive(Clone)]
pub struct Settings {
    /// Rancher's address: `https://rancher.example.com`.
    pub url: String,
    /// The token of kaas' user; terraform gets the same.
    pub token: SecretString,
    /// The CA that signed Rancher's certificate, as PEM, where it is not one of the machine's.
    pub ca: Option<String>,
    /// The workspace in which clusters are made.
    pub workspace: String,
    /// Who is which Rancher user: `u-alice`.
    pub people: BTreeMap<PersonId, String>,
    /// The e-mail addresses by which people are looked up who are no Rancher user by configuration: only asked for when the configuration is checked.
    pub emails: BTreeMap<PersonId, String>,
    /// Every role that somebody may be given besides the team: only looked at when the configuration is checked.
    pub roles: Vec<String>,
    /// The group that gets into every cluster.
    pub team: Option<Team>,
    /// The cloud credentials that clusters are made with, by name: only looked at when the configuration is checked.
    pub credentials: Vec<String>,
    /// How patient to be.
    pub patience: Patience,
}

/// A group that gets into every cluster.
#[derive(Debug, Clone, PartialEq, Eq)]
pub struct Team {
    /// Its principal: `github_team://4711`.
    pub principal: String,
    /// Its role.
    pub role: String,
}

impl Settings {
    /// A Rancher with everything else as usual.
    pub fn new(url: impl Into<String>, token: SecretString) -> Self {
        Self {
            url: url.into(),
            token,
            ca: None,
            workspace: WORKSPACE.to_owned(),
            people: BTreeMap::new(),
            emails: BTreeMap::new(),
            roles: Vec::new(),
            team: None,
            credentials: Vec::new(),
            patience: Patience::default(),
        }
    }
}

/// The clusters of one Rancher.
pub struct Rancher {
    settings: Settings,
    client: Client,
    clock: SharedClock,
    /// What the token is.
    form: Form,
    /// Which machine could not be made and why, the last time that Rancher told: it tells for a few seconds only.
    failures: Mutex<HashMap<ClusterName, (String, String)>>,
}

impl Rancher {
    /// Makes the adapter; nothing is asked yet.
    ///
    /// # Errors
    /// The address, the CA or the token makes no sense.
    pub fn new(settings: Settings, clock: SharedClock) -> anyhow::Result<Self> {
        let ca = settings.ca.as_deref();
        let form = Form::of(&settings.token)?;
        let client = Client::new(&settings.url, settings.token.clone(), ca, settings.patience, Arc::clone(&clock))?;
        Ok(Self { settings, client, clock, form, failures: Mutex::default() })
    }

    /// The path of the object that terraform makes for a cluster.
    fn provisioning<'a>(&'a self, cluster: &'a ClusterName) -> [&'a str; 4] {
        ["v1", "provisioning.cattle.io.clusters", &self.settings.workspace, cluster.as_str()]
    }

    fn failures(&self) -> std::sync::MutexGuard<'_, HashMap<ClusterName, (String, String)>> {
        self.failures.lock().unwrap_or_else(PoisonError::into_inner)
    }
}

#[async_trait]
impl Fleet for Rancher {
    async fn preflight(&self, cluster: &ClusterName, exists: bool) -> Answer<()> {
        self.may_begin(cluster, exists).await
    }

    async fn look(&self, cluster: &ClusterName, id: Option<&str>) -> Answer<Sight> {
        self.sight(cluster, id).await
    }

    async fn grant(&self, call: &Call, id: &str, person: &Person, user: Option<&str>, role: &str) -> Answer<Granting> {
        self.give_access(call, id, person, user, role).await
    }

    async fn knows(&self, person: &Person, user: Option<&str>) -> Answer<Result<(), String>> {
        Ok(self.user_of(person, user).await?.map(drop))
    }

    async fn machines(&self, cluster: &ClusterName) -> Answer<Vec<String>> {
        self.machine_names(cluster).await
    }

    async fn bind(&self, call: &Call, id: &str, subject: &Subject, role: &str) -> Answer<Granting> {
        self.give_one(call, id, subject, role).await
    }

    fn binding(&self, id: &str, subject: &Subject, role: &str) -> String {
        binding_id(id, subject, role)
    }

    async fn by_hand(&self, id: &str, subject: &Subject, role: &str) -> Answer<Option<String>> {
        self.made_by_others(id, subject, role).await
    }

    async fn unbind(&self, call: &Call, binding: &str) -> Answer<bool> {
        self.take_back(call, binding).await
    }

    async fn users_by_email(&self, email: &str) -> Answer<Vec<FleetUser>> {
        Ok(self.find_by_email(email).await?)
    }

    async fn user(&self, id: &str) -> Answer<Option<FleetUser>> {
        Ok(self.find_user(id).await?)
    }

    async fn standing(&self) -> Answer<FleetStanding> {
        self.stands().await
    }

    async fn force_remove(&self, call: &Call, cluster: &ClusterName, machine: &str) -> Answer<()> {
        self.let_go(call, cluster, machine).await
    }

    fn environment(&self) -> Vec<(String, SecretString)> {
        let mut all = vec![
            ("RANCHER_URL".to_owned(), SecretString::from(self.client.base())),
            ("RANCHER_TOKEN_KEY".to_owned(), self.settings.token.clone()),
        ];
        all.extend(self.settings.ca.as_deref().map(|ca| ("RANCHER_CA_CERTS".to_owned(), SecretString::from(ca))));
        all
    }
}

/// An object, or nothing if Rancher says in so many words that there is none.
fn known<T>(answer: Result<T, Failure>) -> Result<Option<T>, Failure> {
    match answer {
        Ok(value) => Ok(Some(value)),
        Err(failure) if failure.is_not_found() => Ok(None),
        Err(failure) => Err(failure),
    }
}

fn lasting(line: impl Into<String>) -> Trouble {
    Trouble::Lasting { line: line.into(), source: None }
}
