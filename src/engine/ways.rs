//! Ways into clusters: who somebody is for Rancher, and giving and taking back what people ask for by command.

use anyhow::anyhow;
use jiff::Timestamp;

use crate::lifecycle::{Fact, Fault, Grant, Person, Subject};
use crate::ports::{Answer, Granting, Trouble};
use crate::record::Outcome;

use super::perform::Scene;
use super::{Engine, Tenant};

impl Engine {
    /// The Rancher user of a person, where kaas knows one.
    pub(super) async fn rancher_user(&self, tenant: &Tenant, person: &Person) -> anyhow::Result<Option<String>> {
        Ok(tenant.users.get(&person.id).cloned())
    }
}

impl Scene<'_> {
    /// The owner's Rancher user, where they were linked to one.
    pub(super) async fn owners_user(&self) -> Answer<Option<String>> {
        let user = self.engine.rancher_user(self.tenant, &self.cluster.owner).await;
        user.map_err(|fault| Trouble::passing("kaas cannot read its store", fault))
    }

    pub(super) async fn bind(
        &self,
        id: &str,
        (to, subject): (&str, &Subject),
        role: &str,
        until: Option<Timestamp>,
        by: &Person,
    ) -> Answer<Outcome> {
        // Taken down meanwhile, or over before it began: there is nothing to be let into.
        let lives = self.cluster.live.as_ref().is_some_and(|live| live.facts.id == id);
        if !lives || until.is_some_and(|until| until <= self.now) {
            return Ok(Outcome::Done);
        }
        let answer = self.tenant.fleet.bind(&self.call, id, subject, role).await;
        let grants = match answer {
            Ok(Granting::Done(grants)) => grants,
            Ok(Granting::Waiting) => return Ok(Outcome::Later { at: self.soon(), note: None }),
            Err(trouble) => return self.not_given(to, false, trouble),
        };
        let Some(grant) = grants.into_iter().next() else {
            let why = anyhow!("no binding for {role} in {id}");
            return self.not_given(to, false, Trouble::lasting("Rancher did not say which way in it gave", why));
        };
        let grant = Grant { to: to.to_owned(), subject: Some(subject.clone()), until, ..grant };
        Ok(Outcome::Fact(Fact::Bound { grant, by: by.clone() }))
    }

    /// Tried for as long as it takes: a way in that does not end is worse than one that is late.
    pub(super) async fn unbind(&self, binding: &str, to: &str, by: Option<&Person>) -> Answer<Outcome> {
        if self.cluster.live.is_none() {
            return Ok(Outcome::Done);
        }
        match self.tenant.fleet.unbind(&self.call, binding).await {
            Ok(true) => Ok(Outcome::Fact(Fact::Unbound { binding: binding.to_owned(), by: by.cloned() })),
            Ok(false) => Ok(Outcome::Later { at: self.soon(), note: None }),
            Err(trouble) => self.not_given(to, true, trouble),
        }
    }

    /// What people read where a way in could not be given, or not be taken back; what passes is tried again.
    fn not_given(&self, to: &str, back: bool, trouble: Trouble) -> Answer<Outcome> {
        match trouble {
            Trouble::Lasting { line, source } => {
                let fault = Fault { reference: self.engine.reference(), text: line };
                let chain = source.map(|source| format!("{source:#}")).unwrap_or_default();
                tracing::warn!(fault.reference = fault.reference, cluster = %self.cluster.key, rancher.chain = chain, "a way in: {}", fault.text);
                Ok(Outcome::Fact(Fact::AccessFailed { to: to.to_owned(), back, fault }))
            }
            passing => Err(passing),
        }
    }
}
