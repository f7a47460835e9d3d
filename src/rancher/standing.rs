//! How kaas stands with Rancher: whose token it has, until when it is good, and whether anything may be begun with it.

use jiff::{SignedDuration, Timestamp};
use serde_json::Value;

use super::failure::Failure;
use super::token::{Form, Generation};
use super::{Rancher, lasting};
use crate::lifecycle::form::ClusterName;
use crate::ports::{Answer, FleetStanding, Trouble};

/// How long the token has to be good for before anything is begun with it: an apply and a destroy may take an hour each, and end with the token's rights.
const TOKEN_NEEDED: SignedDuration = SignedDuration::from_hours(2);

impl Rancher {
    /// Proves that the token can read clusters, and that it lasts.
    pub(super) async fn may_begin(&self, cluster: &ClusterName, exists: bool) -> Answer<()> {
        self.me().await?;
        match self.client.get(&self.provisioning(cluster), &[]).await {
            Ok(_) => {}
            Err(failure) if failure.is_not_found() && !exists => {}
            Err(failure) if failure.is_not_found() => {
                return Err(Trouble::lasting(
                    format!(
                        "Rancher does not know {cluster} any more, though kaas made it: it was removed by hand, or this is another Rancher. Nothing was run."
                    ),
                    failure,
                ));
            }
            Err(failure) if matches!(failure.status(), Some(403 | 404)) => {
                return Err(Trouble::lasting(
                    "kaas' token may not read clusters in Rancher, and terraform would take them all for gone. Nothing was run: an operator has to look at the rights of kaas' user.",
                    failure,
                ));
            }
            Err(failure) => return Err(failure.into()),
        }
        match self.token_ends().await {
            Ok(Some(end)) => self.lasts_until(end),
            Ok(None) => Ok(()),
            // It may use its token, and not read about it: that is no reason to refuse.
            Err(failure) if failure.is_hidden() || failure.is_not_found() => {
                tracing::warn!(error = %failure, "cannot read until when the token for Rancher is good");
                Ok(())
            }
            Err(failure) => Err(failure.into()),
        }
    }

    fn lasts_until(&self, end: Timestamp) -> Answer<()> {
        let left = end.duration_since(self.clock.now());
        if left >= TOKEN_NEEDED {
            return Ok(());
        }
        let left = left.as_mins().max(0);
        Err(lasting(format!(
            "kaas' token for Rancher ends in {left} min, which is too soon to begin anything with it. Nothing was run: an operator has to give kaas a new one (`kaas rancher setup --new-token`)."
        )))
    }

    /// The user whose token it is.
    pub(super) async fn me(&self) -> Answer<Value> {
        let me = self.client.list(&["v3", "users"], &[("me", "true")]).await?;
        let me = me.into_iter().find(|user| user["id"].as_str().is_some_and(|id| !id.is_empty()));
        me.ok_or_else(|| lasting("Rancher does not know whose token kaas has: an operator has to give it another one."))
    }

    /// Rancher's version: `v2.14.4`. It needs no token.
    pub(super) async fn version(&self) -> Result<String, Failure> {
        let told = self.client.get(&["rancherversion"], &[]).await?;
        let version = told["Version"].as_str().filter(|version| !version.is_empty());
        version.map(super::failure::shown).ok_or_else(|| Failure::Strange {
            method: "GET",
            path: "/rancherversion".to_owned(),
            what: "no version".to_owned(),
        })
    }

    /// When the token ends; `None` is never.
    pub(super) async fn token_ends(&self) -> Result<Option<Timestamp>, Failure> {
        let (path, pointer): (Vec<&str>, &str) = match &self.form {
            Form::Signed(end) => return Ok(*end),
            Form::Norman(name) => (vec!["v3", "tokens", name], "/expiresAt"),
            Form::Ext(name) => (ext_tokens(Some(name)), "/status/expiresAt"),
        };
        let token = self.client.get(&path, &[]).await?;
        let end = token.pointer(pointer).and_then(Value::as_str).filter(|end| !end.is_empty());
        let Some(end) = end else { return Ok(None) };
        end.parse().map(Some).map_err(|_| Failure::Strange {
            method: "GET",
            path: format!("/{}", path.join("/")),
            what: "an end that is no time".to_owned(),
        })
    }

    pub(super) async fn stands(&self) -> Answer<FleetStanding> {
        let version = self.version().await?;
        if matches!(self.form, Form::Ext(_)) && !Generation::of(&version).has_ext_tokens() {
            return Err(lasting(format!(
                "Rancher {version} does not know tokens that begin with ext/: an operator has to give kaas one that it knows."
            )));
        }
        match self.token_ends().await {
            Ok(token_ends) => Ok(FleetStanding { version, token_ends }),
            Err(failure) if failure.is_hidden() || failure.is_not_found() => Err(Trouble::lasting(
                "Rancher does not tell kaas until when its token is good: an operator has to look at the rights of kaas' user.",
                failure,
            )),
            Err(failure) => Err(failure.into()),
        }
    }
}

/// Where the new interface keeps tokens.
pub(super) fn ext_tokens(name: Option<&str>) -> Vec<&str> {
    ["ext", "apis", "ext.cattle.io", "v1", "tokens"].into_iter().chain(name).collect()
}
