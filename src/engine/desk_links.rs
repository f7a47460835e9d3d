//! Who is who in Rancher: what admins say, what people confirm, and what kaas answers to "who am I".

use crate::command::LinkWhat;
use crate::lifecycle::notice::Wanted;
use crate::lifecycle::{ClusterKey, EffectKey, Person};
use crate::ports::{Call, Heard, Reply, Trouble};
use crate::record::{Book, BookEvent};
use crate::render::message::Message;
use crate::render::say::{self, Source, Unmatched};
use crate::store::Saved;

use super::desk::{FrontDesk, one};
use super::ways::Whois;

/// How often an entry is written anew when somebody else was faster.
const TRIES: u32 = 16;

impl FrontDesk {
    pub(super) async fn whoami(&self, heard: &Heard) -> anyhow::Result<Vec<Reply>> {
        let (policy, by) = (&self.tenant.policy, &heard.by);
        let book = self.book().await?;
        // Rancher may be down: then kaas says what it knows itself.
        let whois = match self.engine.whois(&self.tenant, by).await {
            Ok(whois) => whois,
            Err(fault) if fault.is::<Trouble>() => match self.tenant.emails.get(&by.id) {
                Some(email) => Whois::Unmatched { email: email.clone(), why: Unmatched::Unread },
                None => Whois::Unknown,
            },
            Err(fault) => return Err(fault),
        };
        let user = whois.user();
        let known = match user {
            Some(id) => self.tenant.fleet.user(id).await.ok().flatten(),
            None => None,
        };
        let proposed = book.proposed.get(&by.id);
        Ok(one(say::whoami(&say::Whoami {
            name: &by.name,
            may_request: policy.may_request(&by.id),
            approver: policy.is_approver(&by.id),
            admin: policy.is_admin(&by.id),
            owned: self.engine.store.owned(&self.tenant.name, &by.id).await?,
            user,
            source: match &whois {
                Whois::Confirmed { by, .. } => Source::Confirmed { by: &by.name },
                Whois::Configured(_) => Source::Configured,
                Whois::Email { email, .. } => Source::Email(email),
                Whois::Unmatched { email, why } => Source::Unmatched(email, why),
                Whois::Unknown => Source::Nothing,
            },
            user_name: known.as_ref().map(|user| user.name.as_str()),
            enabled: known.as_ref().map(|user| user.enabled),
            proposed: proposed.map(|link| (link.user.as_str(), link.name.as_str(), link.by.name.as_str())),
        })))
    }

    pub(super) async fn link(&self, heard: &Heard, what: LinkWhat) -> anyhow::Result<Vec<Reply>> {
        match what {
            LinkWhat::Confirm => self.answer_link(heard, true).await,
            LinkWhat::Refuse => self.answer_link(heard, false).await,
            LinkWhat::Is { person, user } => {
                if !self.tenant.policy.is_admin(&heard.by.id) {
                    return Ok(one(say::admins_only(Wanted::Link, &self.tenant.policy.admins)));
                }
                let Some(person) = self.person(&person).cloned() else {
                    return Ok(one(self.nobody("link", "person", &person)));
                };
                match user {
                    Some(user) => self.propose(heard, person, &user).await,
                    None => self.unlink(heard, person).await,
                }
            }
        }
    }

    async fn propose(&self, heard: &Heard, person: Person, user: &str) -> anyhow::Result<Vec<Reply>> {
        let found = match self.tenant.fleet.user(user).await? {
            Some(found) if found.enabled => found,
            found => return Ok(one(say::link_to_nobody(user, found.is_some()))),
        };
        let book = self.book().await?;
        if book.seen.contains(&heard.id) {
            return Ok(Vec::new());
        }
        let linked = book.links.iter().chain(&book.proposed).map(|(id, link)| (id, &link.user));
        let other = linked.chain(&self.tenant.users).find(|(id, known)| **id != person.id && *known == user);
        if let Some((other, _)) = other {
            let name = self.people.iter().find(|p| p.id == *other).map_or(other.as_str(), |p| p.name.as_str());
            return Ok(one(say::linked_to_another(user, name)));
        }
        let (by, id, name) = (&heard.by, found.id, found.name);
        let said = |_: &Book| {
            let (person, user, name) = (person.clone(), id.clone(), name.clone());
            Some(BookEvent::Proposed { person, user, name, by: by.clone() })
        };
        let number = self.write(heard, said).await?;
        self.ask_to_confirm(heard, &person, number, &say::please_confirm(&id, &name, &by.name)).await;
        Ok(one(say::link_proposed(&person, &id, &name)))
    }

    async fn unlink(&self, heard: &Heard, person: Person) -> anyhow::Result<Vec<Reply>> {
        let by = &heard.by;
        let had = |book: &Book| book.links.contains_key(&person.id) || book.proposed.contains_key(&person.id);
        let removed = |book: &Book| had(book).then(|| BookEvent::Removed { person: person.clone(), by: by.clone() });
        if self.book().await?.seen.contains(&heard.id) {
            return Ok(Vec::new());
        }
        let done = self.write(heard, removed).await?.is_some();
        Ok(one(say::unlinked(&person, done, self.tenant.users.get(&person.id).map(String::as_str))))
    }

    async fn answer_link(&self, heard: &Heard, yes: bool) -> anyhow::Result<Vec<Reply>> {
        let person = &heard.by;
        let book = self.book().await?;
        if book.seen.contains(&heard.id) {
            return Ok(Vec::new());
        }
        let Some(said) = book.proposed.get(&person.id).cloned() else {
            return Ok(one(say::nothing_to_confirm()));
        };
        // Only what the person read is answered: something else may have been said since.
        let event = |book: &Book| {
            let link = book.proposed.get(&person.id).filter(|link| link.user == said.user)?;
            let (person, user) = (person.clone(), link.user.clone());
            Some(if yes { BookEvent::Confirmed { person, user } } else { BookEvent::Refused { person, user } })
        };
        Ok(one(match self.write(heard, event).await? {
            Some(_) => say::link_answered(&said.user, &said.name, yes),
            None => say::nothing_to_confirm(),
        }))
    }

    async fn book(&self) -> anyhow::Result<Book> {
        Ok(Book::of(&self.engine.store.book(&self.tenant.name).await?))
    }

    /// Writes what `event` says of the book as it is now; answers the entry's number, or `None` where there is nothing to write.
    async fn write(&self, heard: &Heard, event: impl Fn(&Book) -> Option<BookEvent>) -> anyhow::Result<Option<u64>> {
        for _ in 0..TRIES {
            let book = self.book().await?;
            let Some(event) = event(&book).filter(|_| !book.seen.contains(&heard.id)) else { return Ok(None) };
            let entry = book.next(&self.tenant.name, self.engine.clock.now(), &heard.id, event);
            if self.engine.store.write_book(&entry).await? == Saved::Yes {
                tracing::info!(tenant = %self.tenant.name, book.entry = entry.body.number, "a link was written");
                return Ok(Some(entry.body.number));
            }
        }
        anyhow::bail!("the book is written by too many at once")
    }

    /// Asks the person, privately. Where that does not work, `whoami` says it too.
    async fn ask_to_confirm(&self, heard: &Heard, person: &Person, number: Option<u64>, message: &Message) {
        let (Some(number), Ok(name)) = (number, "people".parse()) else { return };
        let cluster = ClusterKey { tenant: self.tenant.name.clone(), name };
        // No cluster's effect has this place.
        let key = EffectKey { cluster, revision: number, index: u32::MAX };
        let call = Call { key, attempt: 1, stop: tokio_util::sync::CancellationToken::new() };
        let Ok((chat, place)) = self.engine.reach(&heard.place, &self.tenant, person) else { return };
        if let Err(trouble) = chat.tell(&call, place, person, message, None).await {
            tracing::warn!(person = %person.id, chat.trouble = %trouble, "could not be asked to confirm a link; whoami says it");
        }
    }
}
