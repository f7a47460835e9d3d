//! Proves each right that kaas needs with a call that changes nothing, and names the remedy where one is missing.

use jiff::SignedDuration;
use serde_json::Value;

use super::failure::{Failure, shown};
use super::{Rancher, known};
use crate::lifecycle::Person;
use crate::ports::{Answer, Trouble};

/// How long before its end a token is complained about.
pub const TOKEN_WARNED: SignedDuration = SignedDuration::from_hours(14 * 24);

/// A cluster that nobody has: the name is too long for one that kaas would make.
const NOBODYS: &str = "kaas-check-that-a-cluster-which-is-not-there-is-told-so";
/// The same on the management side.
const NOBODYS_ID: &str = "c-m-kaascheck";

/// One thing that was proven, or not.
#[derive(Debug, Clone, PartialEq, Eq)]
pub struct Proof {
    /// What was looked at: `clusters can be read`.
    pub what: String,
    /// What is wrong, with the remedy.
    pub wrong: Option<String>,
    /// Whether kaas works all the same.
    pub mild: bool,
}

/// A type of `/v1`, a method that its collection has to take, and what for.
const MAKES: [(&str, &str); 3] = [
    ("provisioning.cattle.io.cluster", "clusters can be made"),
    ("rke-machine-config.cattle.io.amazonec2config", "machine configs can be made"),
    ("management.cattle.io.clusterroletemplatebinding", "ways into clusters can be given"),
];

impl Rancher {
    /// Proves everything; stops only where nothing more can be learnt, because there is no answer or the token is dead.
    pub async fn prove(&self) -> Vec<Proof> {
        let mut proofs = Vec::new();
        let me = match self.me().await {
            Ok(me) => me,
            Err(trouble) => return vec![proof("Rancher's token".to_owned(), Err(trouble.to_string()))],
        };
        let name = me["username"].as_str().or(me["name"].as_str()).map(shown).unwrap_or_default();
        let id = me["id"].as_str().map(shown).unwrap_or_default();
        let version = match self.version().await {
            Ok(version) => format!(", Rancher {version}"),
            Err(failure) => {
                tracing::debug!(error = %failure, "cannot read Rancher's version");
                String::new()
            }
        };
        proofs.push(proof(format!("the token is that of {name} ({id}){version}"), Ok(())));
        proofs.push(self.prove_end().await);
        proofs.push(self.prove_clusters().await);
        proofs.push(self.prove_machines().await);
        for (kind, what) in MAKES {
            proofs.push(proof(what.to_owned(), self.takes_posts(kind).await));
        }
        for role in self.roles() {
            let good = self.check_role(&role).await.map_err(|trouble| trouble.to_string());
            proofs.push(proof(format!("the role {role} can be given"), good));
        }
        for credential in &self.settings.credentials {
            proofs.push(self.prove_credential(credential).await);
        }
        for (person, user) in &self.settings.people {
            let person = Person { id: person.clone(), name: person.to_string() };
            let good = match self.user_of(&person, None).await {
                Ok(good) => good.map(drop),
                Err(trouble) => Err(trouble.to_string()),
            };
            proofs.push(proof(format!("{} is the Rancher user {user}", person.name), good));
        }
        for (person, email) in self.settings.emails.iter().filter(|(id, _)| !self.settings.people.contains_key(*id)) {
            proofs.push(self.prove_email(person.as_str(), email).await);
        }
        proofs.push(self.prove_modest().await);
        proofs
    }

    /// Whether somebody can be told by their address. That they cannot is no mistake of the configuration: they may never have logged in, or be linked by command.
    async fn prove_email(&self, person: &str, email: &str) -> Proof {
        let found = self.find_by_email(email).await.map_err(Trouble::from);
        let enabled = found.map(|users| users.into_iter().filter(|user| user.enabled).collect::<Vec<_>>());
        let what = |user: &str| format!("{person} is the Rancher user {user}, by {email}");
        match enabled.as_deref() {
            Ok([user]) => proof(what(&user.id), Ok(())),
            Ok(users) => {
                let wrong = match users.len() {
                    0 => "No user that may log in has that name for it. They log in to Rancher once, or an admin links them.".to_owned(),
                    more => format!("{more} users log in under that address: an admin has to say which one it is (`/kaas link`)."),
                };
                Proof { mild: true, ..proof(format!("{person} is a Rancher user, by {email}"), Err(wrong)) }
            }
            Err(trouble) => proof(format!("{person} is a Rancher user, by {email}"), Err(trouble.to_string())),
        }
    }

    async fn prove_end(&self) -> Proof {
        let end = match self.stands().await {
            Ok(standing) => standing.token_ends,
            Err(trouble) => return proof("until when the token is good".to_owned(), Err(trouble.to_string())),
        };
        let Some(end) = end else {
            let wrong =
                "A token without an end is a key for ever. `kaas rancher setup --new-token` makes one that ends.";
            return Proof { mild: true, ..proof("the token never ends".to_owned(), Err(wrong.to_owned())) };
        };
        let left = end.duration_since(self.clock.now());
        let what = format!("the token is good until {}", end.strftime("%Y-%m-%d %H:%M UTC"));
        if left >= TOKEN_WARNED {
            return proof(what, Ok(()));
        }
        let days = left.as_hours() / 24;
        let wrong = format!("It ends in {days} days. `kaas rancher setup --new-token` makes another one.");
        Proof { mild: true, ..proof(what, Err(wrong)) }
    }

    /// What is gone has to be told apart from what is forbidden, on both interfaces.
    async fn prove_clusters(&self) -> Proof {
        let workspace = self.settings.workspace.as_str();
        let paths: [&[&str]; 2] =
            [&["v1", "provisioning.cattle.io.clusters", workspace, NOBODYS], &["v3", "clusters", NOBODYS_ID]];
        let mut good = Ok(());
        for path in paths {
            good = good.and(match self.client.get(path, &[]).await {
                Err(failure) if failure.is_not_found() => Ok(()),
                Ok(_) => Err("Rancher answers for a cluster that cannot be there: is something in front of it?".to_owned()),
                Err(failure) if failure.is_hidden() => Err(format!(
                    "A cluster that is not there is answered with {} and not with 404, so kaas could never tell that one is gone. {RIGHTS}",
                    failure.status().unwrap_or_default()
                )),
                Err(failure) => Err(Trouble::from(failure).to_string()),
            });
        }
        proof("clusters can be read, and a missing one is told as missing".to_owned(), good)
    }

    async fn prove_machines(&self) -> Proof {
        let mut good = Ok(());
        for kind in ["cluster.x-k8s.io.machines", "rke-machine.cattle.io.amazonec2machines"] {
            good = good.and(match self.client.get(&["v1", kind], &[("pagesize", "1")]).await {
                Ok(_) => Ok(()),
                Err(failure) if failure.is_hidden() || failure.is_not_found() => Err(format!(
                    "kaas' user sees no {kind}, so nobody is told why a machine cannot be made or removed. {RIGHTS}"
                )),
                Err(failure) => Err(Trouble::from(failure).to_string()),
            });
        }
        proof("machines can be read".to_owned(), good)
    }

    /// Whether the schema says that the caller may make objects of a kind: nothing has to be made to learn it.
    async fn takes_posts(&self, kind: &str) -> Result<(), String> {
        match self.methods(kind).await {
            Ok(Some(methods)) if methods.iter().any(|method| method == "POST") => Ok(()),
            Ok(_) => Err(format!("The schema of {kind} does not offer POST to this token. {RIGHTS}")),
            Err(failure) => Err(Trouble::from(failure).to_string()),
        }
    }

    /// What the collection of a kind takes from the caller; nothing where the kind is hidden.
    async fn methods(&self, kind: &str) -> Result<Option<Vec<String>>, Failure> {
        let schema = match self.client.get(&["v1", "schemas", kind], &[]).await {
            Err(failure) if failure.is_hidden() => return Ok(None),
            answer => known(answer)?,
        };
        let methods = schema.as_ref().and_then(|schema| schema["collectionMethods"].as_array());
        Ok(methods.map(|methods| methods.iter().filter_map(Value::as_str).map(str::to_owned).collect()))
    }

    /// Every role that the configuration names, once.
    fn roles(&self) -> Vec<String> {
        let settings = &self.settings;
        let mut roles = settings.roles.clone();
        roles.extend(settings.team.iter().map(|team| team.role.clone()));
        roles.sort();
        roles.dedup();
        roles
    }

    /// Whether a cloud credential can be read by its name, as terraform's data source does.
    async fn prove_credential(&self, name: &str) -> Proof {
        let found: Answer<Vec<Value>> =
            self.client.list(&["v3", "cloudcredentials"], &[("name", name)]).await.map_err(Trouble::from);
        let good = match found.map(|rows| rows.iter().filter(|row| row["name"] == name).count()) {
            Ok(1) => Ok(()),
            Ok(0) => Err(format!(
                "kaas' user cannot read it, or there is none of that name. `kaas rancher setup --credential {name}` gives kaas that right."
            )),
            Ok(more) => Err(format!(
                "There are {more} of that name, and terraform would not know which to take: rename the others."
            )),
            Err(trouble) => Err(trouble.to_string()),
        };
        proof(format!("the cloud credential {} can be used", shown(name)), good)
    }

    /// kaas needs no right to give rights.
    async fn prove_modest(&self) -> Proof {
        let what = "kaas' user is no admin".to_owned();
        match self.methods("management.cattle.io.globalrole").await {
            Ok(Some(methods)) if methods.iter().any(|method| method == "POST") => {
                let wrong = "kaas' user may make global roles, so it may do everything. `kaas rancher setup` makes one that may do what kaas needs, and no more.";
                Proof { mild: true, ..proof(what, Err(wrong.to_owned())) }
            }
            Ok(_) => proof(what, Ok(())),
            Err(failure) => proof(what, Err(Trouble::from(failure).to_string())),
        }
    }
}

/// The remedy for a right that is missing.
const RIGHTS: &str = "`kaas rancher setup` gives kaas' user the rights that it needs.";

fn proof(what: String, good: Result<(), String>) -> Proof {
    Proof { what, wrong: good.err(), mild: false }
}
