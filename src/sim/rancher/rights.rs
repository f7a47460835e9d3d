//! What users may do: global roles, their bindings, and roles that somebody added. Only the rules that kaas needs are weighed.

use std::collections::BTreeMap;

use jiff::Timestamp;
use serde::{Deserialize, Serialize};
use serde_json::Value;

use super::call::Call;
use super::v3::{ROLES, RoleTemplate};
use super::world::{Role, World};

/// Some rights.
#[derive(Debug, Clone, Default, PartialEq, Eq, Serialize, Deserialize)]
#[serde(rename_all = "camelCase", default)]
pub(super) struct Rule {
    pub api_groups: Vec<String>,
    pub resources: Vec<String>,
    #[serde(skip_serializing_if = "Vec::is_empty")]
    pub resource_names: Vec<String>,
    pub verbs: Vec<String>,
}

impl Rule {
    fn allows(&self, verb: &str, group: &str, resource: &str, name: &str) -> bool {
        let holds = |list: &[String], wanted: &str| list.iter().any(|one| one == "*" || one == wanted);
        holds(&self.verbs, verb)
            && holds(&self.api_groups, group)
            && holds(&self.resources, resource)
            && (self.resource_names.is_empty() || self.resource_names.iter().any(|one| one == name))
    }
}

/// A global role that somebody made.
#[derive(Debug, Clone, Serialize, Deserialize)]
pub(super) struct GlobalRole {
    /// `gr-xxxxx`.
    pub id: String,
    pub name: String,
    pub description: String,
    pub inherited: Vec<String>,
    pub rules: Vec<Rule>,
    pub namespaced: BTreeMap<String, Vec<Rule>>,
    pub created: Timestamp,
    pub creator: Option<String>,
}

/// Who has a global role.
#[derive(Debug, Clone, Serialize, Deserialize)]
pub(super) struct GlobalBinding {
    /// `grb-xxxxx`.
    pub id: String,
    pub role: String,
    pub user: String,
    pub created: Timestamp,
    pub creator: String,
}

/// A role for clusters or projects that somebody added.
#[derive(Debug, Clone, Serialize, Deserialize)]
pub(super) struct AddedRole {
    /// `rt-xxxxx`.
    pub id: String,
    pub name: String,
    pub context: String,
    pub description: String,
    pub locked: bool,
    pub rules: Vec<Rule>,
    pub inherits: Vec<String>,
    pub created: Timestamp,
    pub creator: Option<String>,
}

/// Global roles that Rancher brings along: id and name.
pub(super) const GLOBAL_ROLES: [(&str, &str); 13] = [
    ("admin", "Admin"),
    ("authn-manage", "Manage Authentication"),
    ("clusters-create", "Create Clusters"),
    ("features-manage", "Manage Features"),
    ("kontainerdrivers-manage", "Manage Cluster Drivers"),
    ("nodedrivers-manage", "Manage Node Drivers"),
    ("proxy-endpoints-manage", "Manage Rancher Proxy Endpoints"),
    ("roles-manage", "Manage Roles"),
    ("settings-manage", "Manage Settings"),
    ("user", "User"),
    ("user-base", "User Base"),
    ("users-manage", "Manage Users"),
    ("view-rancher-metrics", "View Rancher Metrics"),
];

/// What matters of a role when it is bound: its context, and whether it is locked.
pub(super) struct Bindable {
    pub context: String,
    pub locked: bool,
}

impl World {
    /// The roles that a user has through bindings.
    fn global_roles_of(&self, user: &str) -> impl Iterator<Item = &GlobalRole> {
        let bound = self.global_bindings.iter().filter(move |binding| binding.user == user);
        bound.filter_map(|binding| self.global_roles.iter().find(|role| role.id == binding.role))
    }

    /// What a user is, coarsely: as they were made, or by the global roles that they were given.
    pub fn standing_of(&self, id: &str) -> Role {
        match self.user(id).map_or(Role::Standard, |user| user.role) {
            Role::Standard => {}
            made => return made,
        }
        if self.global_bindings.iter().any(|binding| binding.user == id && binding.role == "admin") {
            return Role::Admin;
        }
        let owns = self.global_roles_of(id).any(|role| role.inherited.iter().any(|one| one == "cluster-owner"));
        let reads = self
            .global_roles_of(id)
            .any(|role| role.rules.iter().any(|rule| rule.allows("get", "provisioning.cattle.io", "clusters", "")));
        if owns && reads { Role::Bot } else { Role::Standard }
    }

    /// Whether a role that can be bound has this id.
    pub fn bindable(&self, id: &str) -> Option<Bindable> {
        let brought = ROLES.iter().find(|role| role.id == id);
        let brought = brought.map(|role: &RoleTemplate| Bindable { context: role.context.to_owned(), locked: false });
        brought.or_else(|| {
            let added = self.added_roles.iter().find(|role| role.id == id)?;
            Some(Bindable { context: added.context.clone(), locked: added.locked })
        })
    }
}

impl Call<'_> {
    /// Whether the caller has a right everywhere. The administrator and the bot that is there from the start have all that is asked for.
    pub fn may(&self, verb: &str, group: &str, resource: &str) -> bool {
        match self.caller.role {
            Role::Admin => true,
            Role::Standard => false,
            Role::Bot if self.is_built_in() => !resource.starts_with("globalrole"),
            Role::Bot => {
                let mut roles = self.world.global_roles_of(&self.caller.id);
                roles.any(|role| role.rules.iter().any(|rule| rule.allows(verb, group, resource, "")))
            }
        }
    }

    /// Whether the caller may read one secret of a namespace.
    pub fn may_read_secret(&self, namespace: &str, name: &str) -> bool {
        let mut roles = self.world.global_roles_of(&self.caller.id);
        roles.any(|role| {
            let rules = role.namespaced.get(namespace).into_iter().flatten();
            rules.into_iter().any(|rule| rule.allows("get", "", "secrets", name))
        })
    }

    /// Whether the caller has their standing from the start, and not by a global role.
    pub fn is_built_in(&self) -> bool {
        self.world.user(&self.caller.id).is_some_and(|user| user.role == self.caller.role)
    }
}

/// The rules of a body, as they were sent.
pub(super) fn rules(body: &Value) -> Vec<Rule> {
    serde_json::from_value(body.clone()).unwrap_or_default()
}

/// Rules as Rancher shows them.
pub(super) fn shown_rules(rules: &[Rule]) -> Value {
    let shown = rules.iter().map(|rule| {
        let mut value = serde_json::to_value(rule).unwrap_or_default();
        value["type"] = Value::from("/v3/schemas/policyRule");
        value
    });
    Value::Array(shown.collect())
}
