//! Ways into clusters: who somebody is for Rancher, and giving and taking back what people ask for by command.

use anyhow::anyhow;
use jiff::Timestamp;

use crate::lifecycle::{Fact, Grant, Person, Subject};
use crate::ports::{Answer, Granting, Trouble};
use crate::record::{Book, Outcome};

use super::perform::Scene;
use super::{Engine, Tenant};

impl Engine {
    /// The Rancher user of a person, where kaas knows one: what they confirmed, or else what the configuration says.
    pub(super) async fn rancher_user(&self, tenant: &Tenant, person: &Person) -> anyhow::Result<Option<String>> {
        let book = Book::of(&self.store.book(&tenant.name).await?);
        let linked = book.links.get(&person.id).map(|link| link.user.clone());
        Ok(linked.or_else(|| tenant.users.get(&person.id).cloned()))
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
        // Taken down meanwhile, or over before it began: there is nothing to be let into. What an earlier attempt may have given is given again, so that its
        // end is waited for.
        let lives = self.cluster.live.as_ref().is_some_and(|live| live.facts.id == id);
        let over = self.call.attempt == 1 && until.is_some_and(|until| until <= self.now);
        if !lives || over {
            return Ok(Outcome::Done);
        }
        let grants = match self.tenant.fleet.bind(&self.call, id, subject, role).await? {
            Granting::Done(grants) => grants,
            Granting::Waiting => return Ok(Outcome::Later { at: self.soon(), note: None }),
        };
        let Some(grant) = grants.into_iter().next() else {
            let why = anyhow!("no binding for {role} in {id}");
            return Err(Trouble::lasting("Rancher did not say which way in it gave", why));
        };
        let grant = Grant { to: to.to_owned(), subject: Some(subject.clone()), until, ..grant };
        Ok(Outcome::Fact(Fact::Bound { grant, by: by.clone() }))
    }

    /// Tried for as long as it takes: a way in that does not end is worse than one that is late.
    pub(super) async fn unbind(&self, binding: &str, by: Option<&Person>) -> Answer<Outcome> {
        if self.cluster.live.is_none() {
            return Ok(Outcome::Done);
        }
        if self.tenant.fleet.unbind(&self.call, binding).await? {
            Ok(Outcome::Fact(Fact::Unbound { binding: binding.to_owned(), by: by.cloned() }))
        } else {
            Ok(Outcome::Later { at: self.soon(), note: None })
        }
    }
}
