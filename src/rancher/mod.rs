//! Rancher: the adapter of [`crate::ports::Fleet`].
//!
//! Reading order: this file (settings and the port), [`sight`] (how far a cluster is), [`access`] (who gets a way in), [`client`] and [`failure`]
//! (HTTP, and what goes wrong with it).
//!
//! **Deliberately absent:** kubeconfigs and tokens for people. Rancher would make them in the name of kaas' own user; people download their own.

use std::collections::{BTreeMap, HashMap};
use std::sync::{Mutex, PoisonError};

use async_trait::async_trait;
use secrecy::SecretString;

use self::client::Client;
use self::failure::Failure;
use crate::clock::SharedClock;
use crate::lifecycle::form::{ClassName, ClusterName};
use crate::lifecycle::{Person, PersonId};
use crate::ports::{Answer, Call, Fleet, FleetStanding, FleetUser, Granting, Sight, Subject, Trouble};

mod access;
mod client;
mod failure;
mod sight;
#[cfg(all(test, feature = "sim"))]
mod tests;

pub use client::Patience;

/// The workspace in which clusters are made, unless configured otherwise.
pub const WORKSPACE: &str = "fleet-default";
/// The role of whoever asked for a cluster, unless configured otherwise.
pub const REQUESTER_ROLE: &str = "cluster-owner";
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
    /// The role of whoever asked for a cluster.
    pub requester_role: String,
    /// Their role in the clusters of a class, where it is another one.
    pub requester_roles: BTreeMap<ClassName, String>,
    /// The group that gets into every cluster.
    pub team: Option<Team>,
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
            requester_role: REQUESTER_ROLE.to_owned(),
            requester_roles: BTreeMap::new(),
            team: None,
            patience: Patience::default(),
        }
    }
}

/// The clusters of one Rancher.
pub struct Rancher {
    settings: Settings,
    client: Client,
    /// Why a machine could not be made, the last time that Rancher told: it tells for a few seconds only.
    failures: Mutex<HashMap<ClusterName, String>>,
}

impl Rancher {
    /// Makes the adapter; nothing is asked yet.
    ///
    /// # Errors
    /// The address or the CA makes no sense.
    pub fn new(settings: Settings, clock: SharedClock) -> anyhow::Result<Self> {
        let ca = settings.ca.as_deref();
        let client = Client::new(&settings.url, settings.token.clone(), ca, settings.patience, clock)?;
        Ok(Self { settings, client, failures: Mutex::default() })
    }

    /// The path of the object that terraform makes for a cluster.
    fn provisioning<'a>(&'a self, cluster: &'a ClusterName) -> [&'a str; 4] {
        ["v1", "provisioning.cattle.io.clusters", &self.settings.workspace, cluster.as_str()]
    }

    fn failures(&self) -> std::sync::MutexGuard<'_, HashMap<ClusterName, String>> {
        self.failures.lock().unwrap_or_else(PoisonError::into_inner)
    }
}

#[async_trait]
impl Fleet for Rancher {
    async fn preflight(&self, cluster: &ClusterName, exists: bool) -> Answer<()> {
        let me = self.client.list(&["v3", "users"], &[("me", "true")]).await?;
        if me.is_empty() {
            return Err(lasting("Rancher does not know whose token kaas has: an operator has to give it another one."));
        }
        match self.client.get(&self.provisioning(cluster), &[]).await {
            Ok(_) => Ok(()),
            Err(failure) if failure.is_not_found() && !exists => Ok(()),
            Err(failure) if failure.is_not_found() => Err(Trouble::lasting(
                format!(
                    "Rancher does not know {cluster} any more, though kaas made it: it was removed by hand, or this is another Rancher. Nothing was run."
                ),
                failure,
            )),
            Err(failure) if matches!(failure.status(), Some(403 | 404)) => Err(Trouble::lasting(
                "kaas' token may not read clusters in Rancher, and terraform would take them all for gone. Nothing was run: an operator has to look at the rights of kaas' user.",
                failure,
            )),
            Err(failure) => Err(failure.into()),
        }
    }

    async fn look(&self, cluster: &ClusterName, id: Option<&str>) -> Answer<Sight> {
        self.sight(cluster, id).await
    }

    async fn grant(
        &self,
        call: &Call,
        id: &str,
        person: &Person,
        user: Option<&str>,
        class: &ClassName,
    ) -> Answer<Granting> {
        let role = self.settings.requester_roles.get(class).unwrap_or(&self.settings.requester_role);
        self.give_access(call, id, person, user, role).await
    }

    async fn knows(&self, person: &Person, user: Option<&str>) -> Answer<Result<(), String>> {
        Ok(self.user_of(person, user).await?.map(drop))
    }

    async fn machines(&self, _: &ClusterName) -> Answer<Vec<String>> {
        Err(lasting("not built"))
    }

    async fn bind(&self, _: &Call, _: &str, _: &Subject, _: &str) -> Answer<Granting> {
        Err(lasting("not built"))
    }

    async fn unbind(&self, _: &Call, _: &str) -> Answer<bool> {
        Err(lasting("not built"))
    }

    async fn user(&self, _: &str) -> Answer<Option<FleetUser>> {
        Err(lasting("not built"))
    }

    async fn standing(&self) -> Answer<FleetStanding> {
        Err(lasting("not built"))
    }

    async fn force_remove(&self, _: &Call, _: &ClusterName, _: &str) -> Answer<()> {
        Err(lasting("not built"))
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
