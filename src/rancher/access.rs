//! Who gets a way in: role bindings, made once, under names that kaas chooses so that a second attempt finds the first one's.

use serde_json::{Value, json};
use sha2::{Digest, Sha256};

use super::failure::Failure;
use super::{Rancher, known, lasting};
use crate::lifecycle::{Grant, Person};
use crate::ports::{Answer, Call, Granting, Trouble};

/// A binding as it should be.
struct Wanted {
    /// Its name in the cluster's namespace, always the same for the same subject and role.
    name: String,
    role: String,
    subject: Target,
    /// Who gets in, as people call them.
    to: String,
}

enum Target {
    User(String),
    Group(String),
}

impl Wanted {
    fn new(subject: Target, role: &str, to: &str) -> Self {
        let (field, value) = subject.field();
        Self { name: binding_name(field, value, role), role: role.to_owned(), subject, to: to.to_owned() }
    }

    /// Whether a binding of Rancher's gives just this.
    fn is(&self, binding: &Value) -> bool {
        let same = match &self.subject {
            Target::User(id) => binding["userId"] == **id || binding["userPrincipalId"] == format!("local://{id}"),
            Target::Group(principal) => binding["groupPrincipalId"] == **principal,
        };
        same && binding["roleTemplateId"] == self.role
    }
}

/// The name of a binding: it becomes part of its id, so that the same one cannot be made twice.
pub(super) fn binding_name(field: &str, value: &str, role: &str) -> String {
    let digest = Sha256::digest(format!("{field}\0{value}\0{role}"));
    let short: String = digest.iter().take(8).map(|b| format!("{b:02x}")).collect();
    format!("kaas-{short}")
}

impl Target {
    fn field(&self) -> (&'static str, &str) {
        match self {
            Self::User(id) => ("userId", id),
            Self::Group(principal) => ("groupPrincipalId", principal),
        }
    }
}

impl Rancher {
    /// The Rancher user of a person, or why there is none to be used, with the remedy.
    pub(super) async fn user_of(&self, person: &Person, user: Option<&str>) -> Answer<Result<String, String>> {
        let Some(id) = user.or(self.settings.people.get(&person.id).map(String::as_str)) else {
            return Ok(Err(format!(
                "kaas does not know which Rancher user {} is: log in to Rancher once, then ask an admin to link you.",
                person.name
            )));
        };
        Ok(match known(self.client.get(&["v3", "users", id], &[]).await)? {
            Some(user) if user["enabled"] == false => {
                Err(format!("The Rancher user {id} of {} is disabled: ask a Rancher admin to enable it.", person.name))
            }
            Some(_) => Ok(id.to_owned()),
            None => Err(format!(
                "Rancher has no user {id}, to whom {} is linked: log in to Rancher once, then ask an admin to link you again.",
                person.name
            )),
        })
    }

    pub(super) async fn give_access(
        &self,
        call: &Call,
        cluster: &str,
        person: &Person,
        user: Option<&str>,
        role: &str,
    ) -> Answer<Granting> {
        // Rancher takes unknown users without a word, and such a binding never comes into force.
        let user = self.user_of(person, user).await?.map_err(lasting)?;
        let mut wanted = vec![Wanted::new(Target::User(user), role, &person.name)];
        if let Some(team) = &self.settings.team {
            wanted.push(Wanted::new(Target::Group(team.principal.clone()), &team.role, &team.principal));
        }
        for wanted in &wanted {
            self.check_role(&wanted.role).await?;
        }
        let there = self.bindings(cluster).await?;
        let mut grants = Vec::new();
        for wanted in wanted {
            if call.stop.is_cancelled() {
                return Err(Trouble::Stopped);
            }
            let equal = there.iter().find(|binding| wanted.is(binding));
            if equal.is_some_and(|binding| !binding["removed"].is_null()) {
                return Ok(Granting::Waiting);
            }
            let binding = match equal {
                Some(binding) => id_of(binding)?,
                None => match self.bind(cluster, &wanted).await? {
                    Some(binding) => binding,
                    None => return Ok(Granting::Waiting),
                },
            };
            grants.push(Grant { to: wanted.to, role: wanted.role, binding, subject: None, until: None });
        }
        for grant in &grants {
            if !self.is_in_force(&grant.binding).await? {
                return Ok(Granting::Waiting);
            }
        }
        Ok(Granting::Done(grants))
    }

    async fn check_role(&self, role: &str) -> Answer<()> {
        let Some(found) = known(self.client.get(&["v3", "roletemplates", role], &[]).await)? else {
            return Err(lasting(format!(
                "Rancher has no role `{role}`: an operator has to correct kaas' configuration."
            )));
        };
        if found["context"] != "cluster" {
            return Err(lasting(format!(
                "Rancher's role `{role}` is not one for clusters: an operator has to correct kaas' configuration."
            )));
        }
        if found["locked"] == true {
            return Err(lasting(format!("Rancher's role `{role}` is locked: a Rancher admin has to unlock it.")));
        }
        Ok(())
    }

    async fn bindings(&self, cluster: &str) -> Result<Vec<Value>, Failure> {
        let rows = self.client.list(&["v3", "clusterroletemplatebindings"], &[("clusterId", cluster)]).await?;
        Ok(rows.into_iter().filter(|row| row["clusterId"] == cluster).collect())
    }

    /// Makes a binding; `None` if the cluster is not far enough for it.
    async fn bind(&self, cluster: &str, wanted: &Wanted) -> Answer<Option<String>> {
        let (field, value) = wanted.subject.field();
        let body = json!({
            "type": "clusterRoleTemplateBinding", "name": wanted.name, "clusterId": cluster,
            "roleTemplateId": wanted.role, field: value,
        });
        match self.client.post(&["v3", "clusterroletemplatebindings"], &body).await {
            Ok(binding) => Ok(Some(id_of(&binding)?)),
            // The cluster's namespace is not there yet.
            Err(failure) if failure.is_not_found() || is_too_early(&failure) => Ok(None),
            Err(failure) if failure.status() == Some(409) => {
                let there = self.bindings(cluster).await?;
                match there.iter().find(|binding| wanted.is(binding) && binding["removed"].is_null()) {
                    Some(binding) => Ok(Some(id_of(binding)?)),
                    None if there
                        .iter()
                        .any(|binding| binding["name"] == wanted.name && binding["removed"].is_null()) =>
                    {
                        let line = format!(
                            "Rancher has a binding {} already, which says something else: a Rancher admin has to remove it.",
                            wanted.name
                        );
                        Err(Trouble::lasting(line, failure))
                    }
                    // The one that is in the way is being removed, or does not show yet.
                    None => Ok(None),
                }
            }
            Err(failure) => Err(failure.into()),
        }
    }

    /// Whether Rancher has carried a binding out, in its own cluster and in the other one.
    async fn is_in_force(&self, binding: &str) -> Answer<bool> {
        let Some((namespace, name)) = binding.split_once(':') else {
            return Err(lasting("Rancher tells a binding without a namespace."));
        };
        let path = ["v1", "management.cattle.io.clusterroletemplatebindings", namespace, name];
        let binding = known(self.client.get(&path, &[]).await)?;
        Ok(binding.is_some_and(|binding| binding["status"]["summary"] == "Completed"))
    }
}

/// The webhook's way to say that it does not see the cluster yet.
fn is_too_early(failure: &Failure) -> bool {
    matches!(failure, Failure::Status { status: 400, message, .. } if message.contains("cluster") && message.contains("not found"))
}

fn id_of(binding: &Value) -> Answer<String> {
    let id = binding["id"].as_str().filter(|id| !id.is_empty());
    id.map(str::to_owned).ok_or_else(|| lasting("Rancher tells a binding without an id."))
}
