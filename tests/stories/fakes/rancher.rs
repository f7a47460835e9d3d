//! Rancher: clusters that take their time to come and to go, and one binding a person.

use std::collections::BTreeMap;
use std::sync::{Arc, Mutex, MutexGuard};

use async_trait::async_trait;
use jiff::{SignedDuration, Timestamp};
use kaas::lifecycle::form::ClusterName;
use kaas::lifecycle::{ClusterFacts, Grant, Person};
use kaas::ports::{Answer, Call, Fleet, FleetStanding, FleetUser, Granting, Sight, Subject, Trouble};
use secrecy::SecretString;

use super::{Common, Part};

const PROVISIONING: SignedDuration = SignedDuration::from_secs(100);
const REMOVING: SignedDuration = SignedDuration::from_secs(30);
const IN_FORCE: SignedDuration = SignedDuration::from_secs(3);

/// How Rancher takes the next bindings.
#[derive(Debug, Clone, Copy, PartialEq, Eq, Default)]
pub enum Takes {
    /// As ever: made, and in force soon.
    #[default]
    Well,
    /// The cluster's namespace is not there yet: 404, and nothing is made.
    TooEarly,
    /// It is made, and the answer is lost; whoever asks again meets an equal one.
    AnswerLost,
    /// Something else has its name: 409.
    NameTaken,
    /// kaas' user may not: 403.
    Forbidden,
    /// It is made, and never comes into force.
    NeverInForce,
}

pub struct FakeRancher {
    common: Arc<Common>,
    held: Mutex<Held>,
}

#[derive(Default)]
struct Held {
    clusters: BTreeMap<ClusterName, Managed>,
    count: u32,
    /// Clusters never become usable, for this reason.
    hangs: Option<&'static str>,
    unknown: Option<&'static str>,
    /// Nothing is ever removed, until a machine is let go.
    sticks: bool,
    token_ends: Option<Timestamp>,
    takes: Takes,
    /// Ways in that somebody made in Rancher: the subject and the role.
    by_hand: Vec<(&'static str, &'static str)>,
    /// kaas' token has no rights: what exists answers 403.
    denied: bool,
    /// It has none whenever terraform comes to a cluster, whose provider takes a 403 for gone.
    unremovable: bool,
    /// Clusters lose their agent and find it again for so long after they were usable first.
    flaps: SignedDuration,
    /// Who logs in under an e-mail address.
    emails: BTreeMap<&'static str, Vec<FleetUser>>,
}

struct Managed {
    id: String,
    /// When it was looked at, and whether it was usable then.
    looks: Vec<(Timestamp, bool)>,
    since: Timestamp,
    removing: Option<Timestamp>,
    bindings: BTreeMap<String, Timestamp>,
}

impl FakeRancher {
    pub fn new(common: &Arc<Common>) -> Arc<Self> {
        Arc::new(Self { common: Arc::clone(common), held: Mutex::default() })
    }

    fn held(&self) -> MutexGuard<'_, Held> {
        self.held.lock().unwrap()
    }

    /// From now on no cluster becomes usable; `None` mends it.
    pub fn hangs(&self, why: Option<&'static str>) {
        self.held().hangs = why;
    }

    /// From now on bindings are taken like this.
    pub fn takes_bindings(&self, takes: Takes) {
        self.held().takes = takes;
    }

    /// Somebody gives (or takes) a way in in Rancher itself.
    pub fn has_by_hand(&self, ways: &[(&'static str, &'static str)]) {
        self.held().by_hand = ways.to_vec();
    }

    /// kaas' token loses its rights, or has them again.
    pub fn denies(&self, denied: bool) {
        self.held().denied = denied;
    }

    /// kaas' token has no rights just when terraform removes clusters, or has them then too.
    pub fn denies_removals(&self, denied: bool) {
        self.held().unremovable = denied;
    }

    /// New clusters flap for so long once they are there.
    pub fn flaps(&self, lasts: SignedDuration) {
        self.held().flaps = lasts;
    }

    /// How often a cluster was seen to be usable and then not.
    pub fn falls(&self, name: &str) -> usize {
        let held = self.held();
        let cluster = held.clusters.iter().find(|(known, _)| known.as_str() == name);
        let looks = cluster.map(|(_, cluster)| cluster.looks.as_slice()).unwrap_or_default();
        looks.windows(2).filter(|pair| pair[0].1 && !pair[1].1).count()
    }

    /// kaas' token ends then.
    pub fn token_ends(&self, ends: Timestamp) {
        self.held().token_ends = Some(ends);
    }

    /// From now on nothing is ever removed, until a machine is let go.
    pub fn removes_never(&self, sticks: bool) {
        self.held().sticks = sticks;
    }

    /// Whether it is removing a cluster, and not done.
    pub fn is_removing(&self, name: &ClusterName) -> bool {
        let (held, now) = (self.held(), self.common.clock.now());
        let since = held.clusters.get(name).and_then(|cluster| cluster.removing);
        since.is_some_and(|since| held.sticks || now.duration_since(since) < REMOVING)
    }

    /// From now on nobody can be given a way in, and that is the remedy.
    pub fn knows_nobody(&self, remedy: Option<&'static str>) {
        self.held().unknown = remedy;
    }

    /// From now on these users log in under that e-mail address: id, and whether it is enabled.
    pub fn logs_in(&self, email: &'static str, users: &[(&str, bool)]) {
        let user = |(id, enabled): &(&str, bool)| FleetUser {
            id: (*id).to_owned(),
            name: email.to_owned(),
            enabled: *enabled,
        };
        self.held().emails.insert(email, users.iter().map(user).collect());
    }

    pub fn provision(&self, name: &ClusterName) {
        let mut held = self.held();
        held.count += 1;
        let id = format!("c-m-{:08}", held.count);
        let new = Managed {
            id,
            looks: Vec::new(),
            since: self.common.clock.now(),
            removing: None,
            bindings: BTreeMap::new(),
        };
        if held.clusters.insert(name.clone(), new).is_some() {
            self.common.wrong(format!("Rancher is given a second {name}"));
        }
    }

    /// terraform asks for its removal; without rights its provider believes that it is gone, and asks for nothing.
    pub fn remove(&self, name: &ClusterName) {
        if !self.held().unremovable {
            self.remove_by_hand(name);
        }
    }

    /// Somebody removes it in Rancher itself.
    pub fn remove_by_hand(&self, name: &ClusterName) {
        let now = self.common.clock.now();
        if let Some(cluster) = self.held().clusters.get_mut(name) {
            cluster.removing = Some(now);
        }
    }

    pub fn id_of(&self, name: &ClusterName) -> Option<String> {
        self.held().clusters.get(name).map(|cluster| cluster.id.clone())
    }

    /// Who has a way in.
    pub fn ways_in(&self, name: &str) -> Vec<String> {
        let held = self.held();
        let cluster = held.clusters.iter().find(|(known, _)| known.as_str() == name);
        cluster.map(|(_, cluster)| cluster.bindings.keys().cloned().collect()).unwrap_or_default()
    }

    /// Whether it is there.
    pub fn has(&self, name: &ClusterName) -> bool {
        self.held().clusters.contains_key(name)
    }
}

/// What Rancher says to a token without rights.
const DENIED: &str =
    "Rancher does not let kaas do this: \"clusters is forbidden\". An operator has to look at the rights of kaas' user";

fn lasting(line: &str) -> Trouble {
    Trouble::Lasting { line: line.to_owned(), source: None }
}

impl FakeRancher {
    fn answers(&self) -> Answer<()> {
        self.common.up(Part::Rancher)?;
        if self.held().denied { Err(lasting(DENIED)) } else { Ok(()) }
    }

    /// Makes a binding, or finds the one that there is: whether it is in force.
    fn take_binding(&self, call: &Call, id: &str, who: &str) -> Answer<bool> {
        self.common.begins(Part::Rancher, call)?;
        self.answers()?;
        let now = self.common.clock.now();
        let mut held = self.held();
        let takes = held.takes;
        let Some(cluster) = held.clusters.values_mut().find(|cluster| cluster.id == id) else {
            return Err(lasting("Rancher has no such cluster"));
        };
        let since = cluster.bindings.get(who).copied();
        match (takes, since) {
            (Takes::TooEarly, None) => Ok(false),
            (Takes::NameTaken, None) => Err(lasting(
                "Rancher has a binding kaas-0123456789abcdef already, which says something else: a Rancher admin has to remove it",
            )),
            (Takes::Forbidden, None) => Err(lasting(
                "Rancher does not let kaas do this: \"clusterroletemplatebindings is forbidden\". An operator has to look at the rights of kaas' user",
            )),
            (Takes::AnswerLost, None) => {
                cluster.bindings.insert(who.to_owned(), now);
                Err(Trouble::Passing { line: "Rancher does not answer".to_owned(), wait: None, source: None })
            }
            (Takes::Well | Takes::NeverInForce, None) => {
                cluster.bindings.insert(who.to_owned(), now);
                Ok(false)
            }
            (Takes::NeverInForce, Some(_)) => Ok(false),
            (_, Some(since)) => Ok(now.duration_since(since) >= IN_FORCE),
        }
    }
}

impl Managed {
    /// Usable is what was so twice in a row, ten seconds apart.
    fn is_usable_twice(&self) -> bool {
        let row: Vec<Timestamp> =
            self.looks.iter().rev().take_while(|(_, usable)| *usable).map(|(at, _)| *at).collect();
        match (row.first(), row.last()) {
            (Some(last), Some(first)) => last.duration_since(*first) >= SignedDuration::from_secs(10),
            _ => false,
        }
    }
}

#[async_trait]
impl Fleet for FakeRancher {
    async fn preflight(&self, _cluster: &ClusterName, _exists: bool) -> Answer<()> {
        self.answers()
    }

    async fn look(&self, name: &ClusterName, id: Option<&str>) -> Answer<Sight> {
        self.answers()?;
        let now = self.common.clock.now();
        let mut held = self.held();
        let (hangs, sticks, flaps) = (held.hangs, held.sticks, held.flaps);
        let Some(cluster) = held.clusters.get_mut(name) else { return Ok(Sight::Gone) };
        if id.is_some_and(|id| id != cluster.id) {
            self.common.wrong(format!("kaas looks for {name} as {id:?}, which is {}", cluster.id));
        }
        if let Some(since) = cluster.removing {
            if now.duration_since(since) < REMOVING || sticks {
                return Ok(Sight::Removing { detail: "waiting for its nodes to go".to_owned() });
            }
            held.clusters.remove(name);
            return Ok(Sight::Gone);
        }
        let there = now.duration_since(cluster.since) - PROVISIONING;
        let connected = there >= flaps || (there.as_secs() / 10) % 2 == 0;
        let usable = hangs.is_none() && there >= SignedDuration::ZERO && connected;
        cluster.looks.push((now, usable));
        if !usable {
            let detail = match hangs {
                Some(why) => why,
                None if !connected => "Cluster agent is not connected",
                None => "2 of 4 nodes are up",
            };
            return Ok(Sight::Joining { nodes: Some((2, 4)), detail: detail.to_owned() });
        }
        Ok(Sight::Usable(ClusterFacts {
            id: cluster.id.clone(),
            nodes: 4,
            version: "v1.33.5+rke2r1".to_owned(),
            endpoint: Some("10.20.0.15".to_owned()),
            page: format!("https://rancher.example/dashboard/c/{}/explorer", cluster.id),
            rancher: "https://rancher.example".to_owned(),
        }))
    }

    async fn grant(&self, call: &Call, id: &str, person: &Person, user: Option<&str>, role: &str) -> Answer<Granting> {
        let early = self.held().clusters.values().any(|cluster| cluster.id == id && !cluster.is_usable_twice());
        if early {
            self.common.wrong(format!("a way into {id} is given, which was not usable twice in a row"));
        }
        // Under which id people get in is told where it is not the usual one.
        let usual = format!("u-{}", person.id);
        let who = user.filter(|user| *user != usual).unwrap_or(&person.name);
        if !self.take_binding(call, id, who)? {
            return Ok(Granting::Waiting);
        }
        let grant = Grant {
            to: person.name.clone(),
            role: role.to_owned(),
            binding: format!("crtb-{id}"),
            subject: None,
            until: None,
        };
        Ok(Granting::Done(vec![grant]))
    }

    async fn knows(&self, _person: &Person, _user: Option<&str>) -> Answer<Result<(), String>> {
        self.common.up(Part::Rancher)?;
        Ok(self.held().unknown.map_or(Ok(()), |remedy| Err(remedy.to_owned())))
    }

    async fn machines(&self, name: &ClusterName) -> Answer<Vec<String>> {
        self.answers()?;
        Ok(self.held().clusters.get(name).map(|_| format!("{name}-worker-a-b5wxk-7qz2m")).into_iter().collect())
    }

    async fn bind(&self, call: &Call, id: &str, subject: &Subject, role: &str) -> Answer<Granting> {
        let (Subject::User(to) | Subject::Group(to) | Subject::Principal(to)) = subject;
        if self.by_hand(id, subject, role).await?.is_some() {
            self.common.wrong(format!("kaas binds {to} beside a binding that was made by hand"));
        }
        if !self.take_binding(call, id, to)? {
            return Ok(Granting::Waiting);
        }
        let binding = self.binding(id, subject, role);
        Ok(Granting::Done(vec![Grant { to: to.clone(), role: role.to_owned(), binding, subject: None, until: None }]))
    }

    fn binding(&self, id: &str, subject: &Subject, _role: &str) -> String {
        let (Subject::User(to) | Subject::Group(to) | Subject::Principal(to)) = subject;
        format!("{id}:kaas-{to}")
    }

    async fn by_hand(&self, id: &str, subject: &Subject, role: &str) -> Answer<Option<String>> {
        self.answers()?;
        let (Subject::User(to) | Subject::Group(to) | Subject::Principal(to)) = subject;
        let there = self.held().by_hand.iter().any(|(who, what)| who == to && *what == role);
        Ok(there.then(|| format!("{id}:crtb-x7k2m")))
    }

    async fn unbind(&self, call: &Call, binding: &str) -> Answer<bool> {
        self.common.begins(Part::Rancher, call)?;
        self.answers()?;
        for cluster in self.held().clusters.values_mut() {
            let id = cluster.id.clone();
            cluster.bindings.retain(|to, _| binding != format!("{id}:kaas-{to}"));
        }
        Ok(true)
    }

    async fn user(&self, id: &str) -> Answer<Option<FleetUser>> {
        self.common.up(Part::Rancher)?;
        Ok(id.starts_with("u-").then(|| FleetUser { id: id.to_owned(), name: id.to_owned(), enabled: true }))
    }

    async fn users_by_email(&self, email: &str) -> Answer<Vec<FleetUser>> {
        self.common.up(Part::Rancher)?;
        Ok(self.held().emails.get(email).cloned().unwrap_or_default())
    }

    async fn standing(&self) -> Answer<FleetStanding> {
        self.common.up(Part::Rancher)?;
        Ok(FleetStanding { version: "v2.14.4".to_owned(), token_ends: self.held().token_ends })
    }

    async fn force_remove(&self, call: &Call, _cluster: &ClusterName, _machine: &str) -> Answer<()> {
        self.common.begins(Part::Rancher, call)?;
        self.held().sticks = false;
        Ok(())
    }

    fn environment(&self) -> Vec<(String, SecretString)> {
        Vec::new()
    }
}
