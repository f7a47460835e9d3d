//! The desk's half of ways in and of what the cloud says: who is meant, who may, and what is answered at once.

use crate::command::{Give, Receiver};
use crate::lifecycle::form::ClusterName;
use crate::lifecycle::notice::{Refusal, Wanted};
use crate::lifecycle::{Ask, Person, PersonId, Proof, Subject};
use crate::ports::{Attachment, Heard, Reply};
use crate::record::{Record, Taken};
use crate::render::say;

use super::desk::{FrontDesk, one};
use super::ways::Whois;

/// Who is meant by a command.
enum Meant<'a> {
    Person(&'a Person, Whois),
    /// A group, by its principal.
    Group(&'a str),
}

impl Meant<'_> {
    /// Who that is for Rancher.
    fn subject(&self) -> Option<Subject> {
        match self {
            Self::Person(_, whois) => whois.user().map(|user| Subject::User(user.to_owned())),
            Self::Group(principal) => Some(Subject::Group((*principal).to_owned())),
        }
    }
}

impl FrontDesk {
    /// Who has a way in now.
    pub(super) async fn ways_in(&self, name: &ClusterName) -> anyhow::Result<Vec<Reply>> {
        let Some(record) = self.engine.store.load(&self.key(name)).await? else {
            return self.no_such_cluster(name).await;
        };
        let Some(live) = &record.cluster.live else {
            let state = record.cluster.change.state.name().to_owned();
            return Ok(one(self.refused(&Refusal::NotReady { state }, name)));
        };
        Ok(one(say::ways_in(name, &live.grants, self.engine.clock.now(), &self.tenant.time_zone)))
    }

    pub(super) async fn give(&self, heard: &Heard, name: &ClusterName, give: Give) -> anyhow::Result<Vec<Reply>> {
        let (to, whois) = match self.receiver(&give.to).await? {
            Ok(found) => found,
            Err(replies) => return Ok(replies),
        };
        let whois = match whois {
            // Only for somebody who gets in: a way in is taken back whatever an address leads to by then.
            Meant::Person(person, Whois::Unknown) => {
                Meant::Person(person, self.engine.whois(&self.tenant, person).await?)
            }
            whois => whois,
        };
        let subject = match &whois {
            Meant::Person(_, Whois::Unmatched { email, why }) => return Ok(one(say::unmatched(&to, email, why))),
            meant => meant.subject(),
        };
        let Some(subject) = subject else {
            return Ok(one(say::no_rancher_user(&to)));
        };
        // Rancher takes users that it does not know without a word: who is meant has to be there.
        if let Subject::User(id) = &subject {
            match self.tenant.fleet.user(id).await? {
                Some(user) if user.enabled => {}
                found => return Ok(one(say::not_usable(&to, id, found.is_some()))),
            }
        }
        let (by_hand, role) = (subject.clone(), give.role.clone());
        let ask =
            Ask::Access { to: to.clone(), subject, role: give.role, lasts: give.lasts.map(|lasts| lasts.duration()) };
        if let Some((role, binding)) = self.has_by_hand(heard, name, &ask, &by_hand, role).await? {
            return Ok(one(say::has_by_hand(&to, &role, name, &binding)));
        }
        self.ask(heard, name, Proof::Command, ask).await
    }

    /// The role and the binding of a way in that somebody made in Rancher, where the ask would be taken: kaas could neither end it nor make its own beside it.
    async fn has_by_hand(
        &self,
        heard: &Heard,
        name: &ClusterName,
        ask: &Ask,
        subject: &Subject,
        role: Option<String>,
    ) -> anyhow::Result<Option<(String, String)>> {
        let key = self.key(name);
        let Some(record) = self.engine.store.load(&key).await? else { return Ok(None) };
        let Some(live) = &record.cluster.live else { return Ok(None) };
        let policy = self.tenant.policy();
        let trial = self.input(heard, Proof::Command, ask.clone());
        if !matches!(Record::take(&policy, &key, Some(&record), &trial).1, Taken::Changed) {
            return Ok(None);
        }
        let Some(role) = role.or_else(|| policy.access.roles.first().cloned()) else { return Ok(None) };
        let binding = self.tenant.fleet.by_hand(&live.facts.id, subject, &role).await?;
        Ok(binding.map(|binding| (role, binding)))
    }

    pub(super) async fn revoke(&self, heard: &Heard, name: &ClusterName, to: &Receiver) -> anyhow::Result<Vec<Reply>> {
        let (to, meant) = match self.receiver(to).await? {
            Ok(found) => found,
            Err(replies) => return Ok(replies),
        };
        let subject = meant.subject();
        self.ask(heard, name, Proof::Command, Ask::Revoke { to, subject }).await
    }

    /// Whom a person means: the name that people use, and who that is for Rancher, where kaas knows it itself.
    async fn receiver(&self, to: &Receiver) -> anyhow::Result<Result<(String, Meant<'_>), Vec<Reply>>> {
        match to {
            Receiver::Person(name) => {
                let Some(person) = self.person(name) else { return Ok(Err(one(self.nobody("access", "to", name)))) };
                let whois = self.engine.known_as(&self.tenant, person).await?;
                Ok(Ok((person.name.clone(), Meant::Person(person, whois))))
            }
            Receiver::Group(name) => match self.tenant.groups.get(name) {
                Some(principal) => Ok(Ok((name.clone(), Meant::Group(principal)))),
                None => {
                    let known: Vec<&str> = self.tenant.groups.keys().map(String::as_str).collect();
                    Ok(Err(one(say::no_such_group(name, &known))))
                }
            },
        }
    }

    /// Somebody that the tenant knows: by what the platform calls them, by id, or by name in any case of letters.
    pub(super) fn person(&self, name: &str) -> Option<&Person> {
        let wanted = name.to_lowercase();
        let id = self.ids.get(name).map_or(name, PersonId::as_str);
        let by_id = self.people.iter().find(|p| p.id.as_str() == id);
        by_id.or_else(|| self.people.iter().find(|p| p.name.to_lowercase() == wanted))
    }

    /// What in the account belongs to no cluster: for admins.
    pub(super) async fn orphans(&self, heard: &Heard) -> anyhow::Result<Vec<Reply>> {
        if !self.tenant.policy.is_admin(&heard.by.id) {
            return Ok(one(say::admins_only(Wanted::Orphans, &self.tenant.policy.admins)));
        }
        let Some(found) = self.engine.orphans(&self.tenant).await? else { return Ok(one(say::no_cloud())) };
        let message = say::cloud::orphans(&found);
        let content = message.file.as_ref().map(|_| say::cloud::certificate_text(&found));
        let file =
            message.file.clone().zip(content).map(|(name, content)| Attachment { name, content: content.into() });
        Ok(vec![Reply { message, file }])
    }
}
