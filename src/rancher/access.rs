//! Who gets a way in: role bindings, made once, under names that kaas chooses so that a second attempt finds the first one's.
//!
//! A user and a group are bound through `/v3`. Somebody of an identity provider who may never have logged in is bound through `/v1`: `/v3` would ask the
//! identity provider of kaas' own user for them, which has none, and answer 500.

use serde_json::{Value, json};
use sha2::{Digest, Sha256};

use super::failure::{Failure, shown};
use super::{Rancher, known, lasting};
use crate::lifecycle::{Grant, Person};
use crate::ports::{Answer, Call, Granting, Subject, Trouble};

/// What the names of kaas' own bindings begin with: it removes no other.
const OURS: &str = "kaas-";
/// Bindings on `/v3`, and on `/v1`.
const BINDINGS: [&str; 2] = ["v3", "clusterroletemplatebindings"];
const STEVE_BINDINGS: [&str; 2] = ["v1", "management.cattle.io.clusterroletemplatebindings"];

/// A binding as it should be.
struct Wanted {
    /// Its name in the cluster's namespace, always the same for the same subject and role.
    name: String,
    role: String,
    subject: Subject,
    /// Who gets in, as people call them.
    to: String,
}

impl Wanted {
    fn new(subject: Subject, role: &str, to: &str) -> Self {
        let (field, value) = field_of(&subject);
        Self { name: binding_name(field, value, role), role: role.to_owned(), subject, to: to.to_owned() }
    }

    /// Whether a binding of Rancher's gives just this.
    fn is(&self, binding: &Value) -> bool {
        let same = match &self.subject {
            Subject::User(id) => binding["userId"] == **id || binding["userPrincipalId"] == format!("local://{id}"),
            Subject::Group(principal) => binding["groupPrincipalId"] == **principal,
            Subject::Principal(principal) => binding["userPrincipalId"] == **principal,
        };
        same && binding["roleTemplateId"] == self.role
    }
}

/// The name of a binding: it becomes part of its id, so that the same one cannot be made twice.
pub(super) fn binding_name(field: &str, value: &str, role: &str) -> String {
    let digest = Sha256::digest(format!("{field}\0{value}\0{role}"));
    let short: String = digest.iter().take(8).map(|b| format!("{b:02x}")).collect();
    format!("{OURS}{short}")
}

/// The id that the binding of a way in has where kaas made it.
pub(super) fn binding_id(cluster: &str, subject: &Subject, role: &str) -> String {
    format!("{cluster}:{}", Wanted::new(local(subject), role, "").name)
}

/// The subject as it is bound: a local user as one, whichever way they are called.
fn local(subject: &Subject) -> Subject {
    match subject {
        Subject::Principal(principal) => match principal.strip_prefix("local://") {
            Some(id) => Subject::User(id.to_owned()),
            None => subject.clone(),
        },
        Subject::User(_) | Subject::Group(_) => subject.clone(),
    }
}

/// Whether kaas made a binding: its name is a digest of what it gives, and what it gives can never be changed.
fn is_ours(binding: &Value) -> bool {
    let role = binding["roleTemplateId"].as_str().unwrap_or_default();
    ["userId", "groupPrincipalId", "userPrincipalId"].into_iter().any(|field| {
        let value = binding[field].as_str().filter(|value| !value.is_empty());
        value.is_some_and(|value| binding["name"] == binding_name(field, value, role))
    })
}

fn field_of(subject: &Subject) -> (&'static str, &str) {
    match subject {
        Subject::User(id) => ("userId", id),
        Subject::Group(principal) => ("groupPrincipalId", principal),
        Subject::Principal(principal) => ("userPrincipalId", principal),
    }
}

impl Rancher {
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
        let mut wanted = vec![Wanted::new(Subject::User(user), role, &person.name)];
        if let Some(team) = &self.settings.team {
            wanted.push(Wanted::new(Subject::Group(team.principal.clone()), &team.role, &team.principal));
        }
        self.give(call, cluster, wanted).await
    }

    /// Gives one way in.
    pub(super) async fn give_one(&self, call: &Call, cluster: &str, subject: &Subject, role: &str) -> Answer<Granting> {
        let subject = self.sound(subject).await?;
        let to = field_of(&subject).1.to_owned();
        let given = self.give(call, cluster, vec![Wanted::new(subject, role, &to)]).await?;
        if let Granting::Done(grants) = &given
            && let Some(strange) = grants.iter().find(|grant| !grant.binding.contains(&format!(":{OURS}")))
        {
            return Err(lasting(format!(
                "{} is {role} in this cluster already, by a binding that was made in Rancher and not by kaas ({}). kaas could never end it: a Rancher admin removes it, then it can be asked for again.",
                shown(&to),
                shown(&strange.binding)
            )));
        }
        Ok(given)
    }

    /// The binding by which a subject has a way in already that kaas did not make.
    pub(super) async fn made_by_others(&self, cluster: &str, subject: &Subject, role: &str) -> Answer<Option<String>> {
        let wanted = Wanted::new(local(subject), role, "");
        let there = self.bindings(cluster).await?;
        let strange = |binding: &&Value| wanted.is(binding) && binding["removed"].is_null() && !is_ours(binding);
        there.iter().find(strange).map(id_of).transpose()
    }

    /// The subject, if it can be bound at all: what Rancher would accept and never carry out is refused here.
    async fn sound(&self, subject: &Subject) -> Answer<Subject> {
        let subject = local(subject);
        match &subject {
            Subject::User(id) => match self.find_user(id).await? {
                Some(user) if user.enabled => {}
                Some(_) => {
                    return Err(lasting(format!(
                        "The Rancher user {id} is disabled: a Rancher admin has to enable it."
                    )));
                }
                None => return Err(lasting(format!("Rancher has no user {}: nobody was given anything.", shown(id)))),
            },
            Subject::Group(principal) | Subject::Principal(principal) => {
                let group = matches!(subject, Subject::Group(_));
                let parts = principal.split_once("://").filter(|(kind, id)| !kind.is_empty() && !id.is_empty());
                let Some((kind, _)) = parts else {
                    let line =
                        format!("{} is no principal of Rancher's, such as github_team://1234.", shown(principal));
                    return Err(lasting(line));
                };
                if kind.ends_with("_user") == group {
                    let is = if group { "a person and not a group" } else { "a group and not a person" };
                    return Err(lasting(format!("{} is {is}.", shown(principal))));
                }
            }
        }
        Ok(subject)
    }

    async fn give(&self, call: &Call, cluster: &str, wanted: Vec<Wanted>) -> Answer<Granting> {
        for wanted in &wanted {
            self.check_role(&wanted.role).await?;
        }
        let there = self.bindings(cluster).await?;
        let mut grants = Vec::new();
        for wanted in &wanted {
            if call.stop.is_cancelled() {
                return Err(Trouble::Stopped);
            }
            let equal = there.iter().find(|binding| wanted.is(binding));
            if equal.is_some_and(|binding| !binding["removed"].is_null()) {
                return Ok(Granting::Waiting);
            }
            let binding = match equal {
                Some(binding) => id_of(binding)?,
                None => match self.make(cluster, wanted).await? {
                    Some(binding) => binding,
                    None => return Ok(Granting::Waiting),
                },
            };
            grants.push(Grant {
                to: wanted.to.clone(),
                role: wanted.role.clone(),
                binding,
                subject: None,
                until: None,
            });
        }
        for (grant, wanted) in grants.iter().zip(&wanted) {
            if !self.is_in_force(&grant.binding, &wanted.subject).await? {
                return Ok(Granting::Waiting);
            }
        }
        Ok(Granting::Done(grants))
    }

    /// Refuses a role that Rancher has not, or would not bind: it would answer with an error of its own, or with a refusal that nobody understands.
    pub(super) async fn check_role(&self, role: &str) -> Answer<()> {
        let found = known(self.client.get(&["v3", "roletemplates", role], &[]).await)?;
        let Some(found) = found.filter(|found| found["id"] == role) else {
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
        let rows = self.client.list(&BINDINGS, &[("clusterId", cluster)]).await?;
        Ok(rows.into_iter().filter(|row| row["clusterId"] == cluster).collect())
    }

    /// Makes a binding; `None` if the cluster is not far enough for it.
    async fn make(&self, cluster: &str, wanted: &Wanted) -> Answer<Option<String>> {
        let (field, value) = field_of(&wanted.subject);
        let made = match &wanted.subject {
            Subject::User(_) | Subject::Group(_) => {
                let body = json!({
                    "type": "clusterRoleTemplateBinding", "name": wanted.name, "clusterId": cluster,
                    "roleTemplateId": wanted.role, field: value,
                });
                self.client.post(&BINDINGS, &body).await
            }
            Subject::Principal(principal) => {
                let body = json!({
                    "type": "management.cattle.io.clusterroletemplatebinding",
                    "metadata": {"name": wanted.name, "namespace": cluster,
                                 "annotations": {"auth.cattle.io/principal-display-name": principal}},
                    "clusterName": cluster, "roleTemplateName": wanted.role, "userPrincipalName": principal,
                });
                self.client.post(&STEVE_BINDINGS, &body).await
            }
        };
        match made {
            // `/v1` tells `namespace/name`, `/v3` tells `namespace:name`; both mean the same binding.
            Ok(binding) => Ok(Some(id_of(&binding)?.replacen('/', ":", 1))),
            // The cluster's namespace is not there yet.
            Err(failure) if failure.is_not_found() || is_too_early(&failure) => Ok(None),
            Err(failure) if failure.is_conflict() => self.in_the_way(cluster, wanted, failure).await,
            Err(failure) if is_role_gone(&failure) => Err(Trouble::lasting(
                format!(
                    "Rancher has no role `{}` any more: an operator has to correct kaas' configuration.",
                    wanted.role
                ),
                failure,
            )),
            Err(failure) => Err(failure.into()),
        }
    }

    /// What a binding that is there already means: success if it is equal.
    async fn in_the_way(&self, cluster: &str, wanted: &Wanted, failure: Failure) -> Answer<Option<String>> {
        let there = self.bindings(cluster).await?;
        let mut there = there.iter().filter(|binding| binding["removed"].is_null());
        match there.clone().find(|binding| wanted.is(binding)) {
            Some(binding) => Ok(Some(id_of(binding)?)),
            None if there.any(|binding| binding["name"] == wanted.name) => {
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

    /// Whether Rancher has carried a binding out, in its own cluster and in the other one.
    async fn is_in_force(&self, binding: &str, subject: &Subject) -> Answer<bool> {
        let (namespace, name) = parts_of(binding)?;
        let path = [STEVE_BINDINGS[0], STEVE_BINDINGS[1], namespace, name];
        let Some(binding) = known(self.client.get(&path, &[]).await)? else { return Ok(false) };
        let status = &binding["status"];
        let lost = status["localConditions"]
            .as_array()
            .and_then(|all| all.iter().find(|one| one["type"] == "SubjectExists" && one["status"] == "False"));
        if let (Subject::User(id), Some(lost)) = (subject, lost) {
            let why = lost["message"].as_str().map(shown).unwrap_or_default();
            return Err(lasting(format!("Rancher cannot give {id} a way in: \"{why}\". A Rancher admin has to look.")));
        }
        Ok(status["summary"] == "Completed")
    }

    /// Takes a way in back: whether it is gone.
    pub(super) async fn take_back(&self, call: &Call, binding: &str) -> Answer<bool> {
        let (_, name) = parts_of(binding)?;
        if !name.starts_with(OURS) {
            return Err(lasting(format!(
                "The way in {} was not made by kaas, so kaas does not take it away: a Rancher admin can.",
                shown(binding)
            )));
        }
        let path = [BINDINGS[0], BINDINGS[1], binding];
        match known(self.client.get(&path, &[]).await)? {
            None => return Ok(true),
            Some(there) if there["id"] != binding => return Err(lasting("Rancher answers with another binding.")),
            // What has the name and gives something else is not what kaas gave: that is gone.
            Some(there) if !is_ours(&there) => {
                tracing::warn!(
                    rancher.binding = binding,
                    "a binding with a name of kaas' gives something else; it stays"
                );
                return Ok(true);
            }
            // It is on its way out already.
            Some(there) if !there["removed"].is_null() => return Ok(false),
            Some(_) => {}
        }
        if call.stop.is_cancelled() {
            return Err(Trouble::Stopped);
        }
        match self.client.delete(&path).await {
            Ok(_) => {}
            Err(failure) if failure.is_not_found() => return Ok(true),
            Err(failure) if failure.is_conflict() => return Ok(false),
            Err(failure) => return Err(failure.into()),
        }
        Ok(known(self.client.get(&path, &[]).await)?.is_none())
    }
}

/// Namespace and name of a binding's id.
fn parts_of(binding: &str) -> Answer<(&str, &str)> {
    let parts = binding.split_once(':').filter(|(namespace, name)| !namespace.is_empty() && !name.is_empty());
    parts.ok_or_else(|| lasting(format!("{} is not the id of a binding.", shown(binding))))
}

/// The webhook's way to say that it does not see the cluster yet.
fn is_too_early(failure: &Failure) -> bool {
    matches!(failure, Failure::Status { status: 400, message, .. }
        if message.contains("cluster") && message.contains("not found") && !message.contains("role template"))
}

/// Two ways to say that there is no such role: `/v3` calls it a fault of its own, the webhook a bad request.
fn is_role_gone(failure: &Failure) -> bool {
    matches!(failure, Failure::Status { status: 400 | 500, message, .. }
        if message.contains("role template") && message.contains("not found"))
}

fn id_of(binding: &Value) -> Answer<String> {
    let id = binding["id"].as_str().filter(|id| !id.is_empty());
    id.map(str::to_owned).ok_or_else(|| lasting("Rancher tells a binding without an id."))
}
