//! Ways into clusters: who somebody is for Rancher, and giving and taking back what people ask for by command.

use anyhow::anyhow;
use jiff::{SignedDuration, Timestamp};

use crate::lifecycle::{Fact, Grant, Matched, Person, Subject};
use crate::ports::{Answer, FleetUser, Granting, Trouble};
use crate::record::{Book, Outcome};
use crate::render::say::{self, Unmatched};

use super::perform::Scene;
use super::{Engine, Tenant};

/// How long Rancher may take to put a way in in force: it takes a second where the cluster is connected.
pub(super) const WAY_IN_LIMIT: SignedDuration = SignedDuration::from_mins(10);

/// Who somebody is in Rancher, and how kaas knows.
#[derive(Debug, Clone, PartialEq, Eq)]
pub(super) enum Whois {
    /// They confirmed it.
    Confirmed { user: String, by: Person },
    /// The configuration says so.
    Configured(String),
    /// One user, and no other, logs in under their e-mail address.
    Email { email: String, user: FleetUser },
    /// Their e-mail address does not tell.
    Unmatched { email: String, why: Unmatched },
    /// Nothing tells.
    Unknown,
}

impl Whois {
    /// The user's id.
    pub fn user(&self) -> Option<&str> {
        match self {
            Self::Confirmed { user, .. } | Self::Configured(user) => Some(user),
            Self::Email { user, .. } => Some(&user.id),
            Self::Unmatched { .. } | Self::Unknown => None,
        }
    }
}

impl Engine {
    /// Who a person is in Rancher, by what kaas knows itself: what they confirmed, or else what the configuration says.
    pub(super) async fn known_as(&self, tenant: &Tenant, person: &Person) -> anyhow::Result<Whois> {
        let book = Book::of(&self.store.book(&tenant.name).await?);
        Ok(Self::in_book(&book, tenant, person))
    }

    fn in_book(book: &Book, tenant: &Tenant, person: &Person) -> Whois {
        let linked = book.links.get(&person.id);
        let linked = linked.map(|link| Whois::Confirmed { user: link.user.clone(), by: link.by.clone() });
        let configured = || tenant.users.get(&person.id).cloned().map(Whois::Configured);
        linked.or_else(configured).unwrap_or(Whois::Unknown)
    }

    /// Who a person is in Rancher: by what kaas knows itself, or else, where that is configured, by their e-mail address.
    pub(super) async fn whois(&self, tenant: &Tenant, person: &Person) -> anyhow::Result<Whois> {
        let book = Book::of(&self.store.book(&tenant.name).await?);
        let known = Self::in_book(&book, tenant, person);
        let (Whois::Unknown, Some(email)) = (&known, tenant.emails.get(&person.id)) else { return Ok(known) };
        let unmatched = |why| Whois::Unmatched { email: email.clone(), why };
        let found = tenant.fleet.users_by_email(email).await?;
        let enabled: Vec<&FleetUser> = found.iter().filter(|user| user.enabled).collect();
        let user = match (enabled.as_slice(), found.first()) {
            ([user], _) => *user,
            ([], None) => return Ok(unmatched(Unmatched::Nobody)),
            ([], Some(disabled)) => return Ok(unmatched(Unmatched::Disabled(disabled.id.clone()))),
            (several, _) => return Ok(unmatched(Unmatched::Several(several.len()))),
        };
        // An address is weaker than what was said of somebody: nobody gets in as somebody else.
        let linked = book.links.iter().map(|(id, link)| (id, &link.user));
        let another = linked.chain(&tenant.users).find(|(id, known)| **id != person.id && **known == user.id);
        Ok(match another {
            Some((other, _)) => unmatched(Unmatched::Another { user: user.id.clone(), is: other.as_str().to_owned() }),
            None => Whois::Email { email: email.clone(), user: user.clone() },
        })
    }
}

impl Scene<'_> {
    /// Proves that the owner can be given their way in, before a pull request is opened. Where nothing but their e-mail address says who they are, approvers
    /// are to see as whom they get in.
    pub(super) async fn prove_owner(&self) -> Answer<()> {
        let whois = self.owner().await?;
        if let Err(remedy) = self.tenant.fleet.knows(&self.cluster.owner, whois.user()).await? {
            return Err(Trouble::Lasting { line: remedy, source: None });
        }
        let Whois::Email { email, user } = whois else { return Ok(()) };
        let id = format!("matched/{}/{}/{}", self.call.key, self.call.attempt, user.id);
        let fact = Fact::OwnerMatched { matched: Matched { user: user.id, name: user.name, email } };
        let learnt = self.engine.learn(&self.cluster.key, id, fact).await;
        learnt.map_err(|fault| Trouble::passing("kaas cannot write its store", fault))
    }

    /// The owner's Rancher user, where there is one besides what the adapter itself knows. Nobody else than approvers saw gets in because an address moved on.
    pub(super) async fn owners_user(&self) -> Answer<Option<String>> {
        let whois = self.owner().await?;
        if let (Whois::Email { user, email }, Some(seen)) = (&whois, &self.cluster.change.matched)
            && user.id != seen.user
        {
            let line = format!(
                "{} was {} in Rancher by {email} when this was approved, and is {} now: an admin has to say which (/kaas link)",
                self.cluster.owner.name, seen.user, user.id
            );
            return Err(Trouble::Lasting { line, source: None });
        }
        Ok(whois.user().map(str::to_owned))
    }

    async fn owner(&self) -> Answer<Whois> {
        let owner = &self.cluster.owner;
        let whois = match self.engine.whois(self.tenant, owner).await {
            Ok(whois) => whois,
            Err(fault) => {
                return Err(match fault.downcast::<Trouble>() {
                    Ok(trouble) => trouble,
                    Err(fault) => Trouble::passing("kaas cannot read its store", fault),
                });
            }
        };
        match &whois {
            Whois::Unmatched { email, why } => {
                let line = say::unmatched(&owner.name, email, why).plain();
                Err(Trouble::Lasting { line, source: None })
            }
            _ => Ok(whois),
        }
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
            Granting::Waiting => return self.wait_for_way_in(),
        };
        let Some(grant) = grants.into_iter().next() else {
            let why = anyhow!("no binding for {role} in {id}");
            return Err(Trouble::lasting("Rancher did not say which way in it gave", why));
        };
        let grant = Grant { to: to.to_owned(), subject: Some(subject.clone()), until, ..grant };
        Ok(Outcome::Fact(Fact::Bound { grant, by: by.clone() }))
    }

    /// Polls again, until it has taken too long. Since when it is waited for stands in the note.
    fn wait_for_way_in(&self) -> Answer<Outcome> {
        let since = self.note.and_then(|note| note.parse::<Timestamp>().ok()).unwrap_or(self.now);
        let lasted = self.now.duration_since(since);
        if lasted <= WAY_IN_LIMIT {
            return Ok(Outcome::Later { at: self.soon(), note: Some(since.to_string()) });
        }
        let line = format!(
            "Rancher has not put it in force for {} min, so it is not waited for any longer and taken back. Is the cluster connected to Rancher? Once it is, ask again",
            lasted.as_mins()
        );
        Err(Trouble::Lasting { line, source: None })
    }

    /// Tried for as long as it takes: a way in that does not end is worse than one that is late.
    pub(super) async fn unbind(&self, binding: &str, by: Option<&Person>) -> Answer<Outcome> {
        let Some(live) = &self.cluster.live else { return Ok(Outcome::Done) };
        // Nobody asked for its end but the clock, or an attempt that was given up, and it was given (for longer) since.
        let lasts = |grant: &Grant| grant.binding == binding && grant.until.is_none_or(|until| until > self.now);
        if by.is_none() && live.grants.iter().any(lasts) {
            return Ok(Outcome::Done);
        }
        if self.tenant.fleet.unbind(&self.call, binding).await? {
            Ok(Outcome::Fact(Fact::Unbound { binding: binding.to_owned(), by: by.cloned() }))
        } else {
            Ok(Outcome::Later { at: self.soon(), note: None })
        }
    }
}
