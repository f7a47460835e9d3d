//! Who may ask, who may approve, how many have to, and for how long.
//!
//! Nothing here does I/O, reads a clock or draws a random number.

use std::borrow::Cow;
use std::collections::{BTreeMap, BTreeSet};

use jiff::SignedDuration;
use serde::{Deserialize, Serialize};

use super::form::{ClassName, Reason};
use super::{CardCopy, Cluster, Person, PersonId, Place, Proof, Review, Risk, Vote};

/// A tenant's policy.
#[derive(Debug, Clone, PartialEq, Eq)]
pub struct Policy {
    /// Who may ask for clusters; `None` is everybody that the tenant knows.
    pub requesters: Option<Vec<Person>>,
    /// Who may approve.
    pub approvers: Vec<Person>,
    /// Who may cancel, retry and destroy what belongs to others.
    pub admins: Vec<Person>,
    /// How many have to approve.
    pub quorum: Quorum,
    /// The most dangerous plan that a reaction may approve; above it, a button or a command.
    pub reactions_up_to: Risk,
    /// How long a review may take.
    pub review: SignedDuration,
    /// How long approvers are waited for before they are asked again.
    pub remind_after: SignedDuration,
    /// How many clusters and open requests one person may have.
    pub clusters_a_person: Option<u32>,
    /// Why new changes are stopped for now.
    pub frozen: Option<Reason>,
    /// Which role whoever asked for a cluster gets in it.
    pub roles: RequesterRoles,
    /// Which ways in people may give each other.
    pub access: AccessPolicy,
    /// Whether the cloud is searched after a teardown.
    pub certify: bool,
    /// The tenant's places, one a chat: a change is shown in all of them.
    pub places: Vec<Place>,
}

/// Which role in Rancher whoever asked for a cluster gets in it.
#[derive(Debug, Clone, Default, PartialEq, Eq)]
pub struct RequesterRoles {
    /// Where nothing else is said.
    pub usual: String,
    /// In the clusters of a class.
    pub classes: BTreeMap<ClassName, String>,
    /// A person's, in clusters of every class.
    pub people: BTreeMap<PersonId, String>,
}

impl RequesterRoles {
    /// The role of a person in the clusters of a class that they ask for: their own before the class's before the usual one.
    pub fn of(&self, person: &PersonId, class: &ClassName) -> &str {
        self.people.get(person).or_else(|| self.classes.get(class)).unwrap_or(&self.usual)
    }

    /// Every role that somebody may get, once.
    pub fn all(&self) -> Vec<String> {
        let all: BTreeSet<&String> =
            [&self.usual].into_iter().chain(self.classes.values()).chain(self.people.values()).collect();
        all.into_iter().cloned().collect()
    }
}

/// Which ways in the owner of a cluster, or an admin, may give to others.
#[derive(Debug, Clone, Default, PartialEq, Eq)]
pub struct AccessPolicy {
    /// The roles that can be given; the first is the usual one. None: nobody gives any.
    pub roles: Vec<String>,
    /// The longest time for which one is given; `None` also gives for as long as the cluster lives.
    pub longest: Option<SignedDuration>,
}

/// How many approvals a plan needs, by how dangerous it is. None is ever less than one.
#[derive(Debug, Clone, Copy, PartialEq, Eq, Serialize, Deserialize)]
#[serde(deny_unknown_fields)]
pub struct Quorum {
    /// For a plan that touches nothing that exists.
    pub green: u32,
    /// For a plan that changes something in place.
    pub yellow: u32,
    /// For a plan that destroys or replaces something.
    pub red: u32,
}

impl Quorum {
    /// How many approvals a plan of that risk needs; at least one.
    pub fn of(&self, risk: Risk) -> u32 {
        match risk {
            Risk::Green => self.green,
            Risk::Yellow => self.yellow,
            Risk::Red => self.red,
        }
        .max(1)
    }
}

impl Policy {
    /// Where a change is shown besides the place where it was asked for.
    pub fn copies(&self, home: &Place) -> Vec<CardCopy> {
        let others = self.places.iter().filter(|place| place.chat != home.chat);
        others.map(|place| CardCopy { place: place.clone(), card: None }).collect()
    }

    /// The policy with these approvers besides.
    pub fn with_approvers(&self, more: Vec<Person>) -> Cow<'_, Self> {
        if more.iter().all(|person| self.is_approver(&person.id)) {
            return Cow::Borrowed(self);
        }
        let mut policy = self.clone();
        for person in more {
            if !policy.is_approver(&person.id) {
                policy.approvers.push(person);
            }
        }
        Cow::Owned(policy)
    }

    /// Whether the person may ask for clusters.
    pub fn may_request(&self, person: &PersonId) -> bool {
        self.requesters.as_ref().is_none_or(|people| has(people, person)) || self.is_admin(person)
    }

    /// Whether the person is an approver.
    pub fn is_approver(&self, person: &PersonId) -> bool {
        has(&self.approvers, person)
    }

    /// Whether the person is an admin.
    pub fn is_admin(&self, person: &PersonId) -> bool {
        has(&self.admins, person)
    }

    /// Whether a plan of that risk can be approved in that way.
    pub fn accepts(&self, proof: Proof, risk: Risk) -> bool {
        match proof {
            Proof::Reaction => risk <= self.reactions_up_to,
            Proof::Command | Proof::Button | Proof::Review => true,
        }
    }

    /// The votes that count: those of people who are approvers now.
    pub fn counting(&self, review: &Review) -> Vec<Vote> {
        review.votes.iter().filter(|vote| self.is_approver(&vote.by.id)).cloned().collect()
    }

    /// The approvers who are not `requester`.
    pub fn approvers_but(&self, requester: &PersonId) -> Vec<Person> {
        self.approvers.iter().filter(|p| p.id != *requester).cloned().collect()
    }

    /// Whether the person may cancel, retry or destroy: the owner, whoever asked for the open change, or an admin.
    pub fn may_steer(&self, person: &PersonId, cluster: &Cluster) -> bool {
        cluster.owner.id == *person || cluster.open().is_some_and(|c| c.by.id == *person) || self.is_admin(person)
    }
}

fn has(people: &[Person], person: &PersonId) -> bool {
    people.iter().any(|p| p.id == *person)
}
