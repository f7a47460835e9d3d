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
    /// Who logs in under an e-mail address.
    emails: BTreeMap<&'static str, Vec<FleetUser>>,
}

struct Managed {
    id: String,
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

    /// kaas' token ends then.
    pub fn token_ends(&self, ends: Timestamp) {
        self.held().token_ends = Some(ends);
    }

    /// From now on nothing is ever removed, until a machine is let go.
    pub fn removes_never(&self, sticks: bool) {
        self.held().sticks = sticks;
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
        let new = Managed { id, since: self.common.clock.now(), removing: None, bindings: BTreeMap::new() };
        if held.clusters.insert(name.clone(), new).is_some() {
            self.common.wrong(format!("Rancher is given a second {name}"));
        }
    }

    pub fn remove(&self, name: &ClusterName) {
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

#[async_trait]
impl Fleet for FakeRancher {
    async fn preflight(&self, _cluster: &ClusterName, _exists: bool) -> Answer<()> {
        self.common.up(Part::Rancher)
    }

    async fn look(&self, name: &ClusterName, id: Option<&str>) -> Answer<Sight> {
        self.common.up(Part::Rancher)?;
        let now = self.common.clock.now();
        let mut held = self.held();
        let (hangs, sticks) = (held.hangs, held.sticks);
        let Some(cluster) = held.clusters.get(name) else { return Ok(Sight::Gone) };
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
        if let Some(why) = hangs {
            return Ok(Sight::Joining { nodes: Some((2, 4)), detail: why.to_owned() });
        }
        if now.duration_since(cluster.since) < PROVISIONING {
            return Ok(Sight::Joining { nodes: Some((2, 4)), detail: "2 of 4 nodes are up".to_owned() });
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
        self.common.begins(Part::Rancher, call)?;
        let now = self.common.clock.now();
        let mut held = self.held();
        let Some(cluster) = held.clusters.values_mut().find(|cluster| cluster.id == id) else {
            self.common.wrong(format!("a way into {id} is given, which is not there"));
            return Ok(Granting::Waiting);
        };
        // Under which id people get in is told where it is not the usual one.
        let usual = format!("u-{}", person.id);
        let who = user.filter(|user| *user != usual).unwrap_or(&person.name).to_owned();
        let since = *cluster.bindings.entry(who).or_insert(now);
        if now.duration_since(since) < IN_FORCE {
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
        self.common.up(Part::Rancher)?;
        Ok(self.held().clusters.get(name).map(|_| format!("{name}-worker-a-b5wxk-7qz2m")).into_iter().collect())
    }

    async fn bind(&self, call: &Call, id: &str, subject: &Subject, role: &str) -> Answer<Granting> {
        self.common.begins(Part::Rancher, call)?;
        let now = self.common.clock.now();
        let mut held = self.held();
        let Some(cluster) = held.clusters.values_mut().find(|cluster| cluster.id == id) else {
            return Err(Trouble::Lasting { line: "Rancher has no such cluster".to_owned(), source: None });
        };
        let (Subject::User(to) | Subject::Group(to) | Subject::Principal(to)) = subject;
        let since = *cluster.bindings.entry(to.clone()).or_insert(now);
        if now.duration_since(since) < IN_FORCE {
            return Ok(Granting::Waiting);
        }
        let binding = format!("{id}:kaas-{to}");
        Ok(Granting::Done(vec![Grant { to: to.clone(), role: role.to_owned(), binding, subject: None, until: None }]))
    }

    async fn unbind(&self, call: &Call, binding: &str) -> Answer<bool> {
        self.common.begins(Part::Rancher, call)?;
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
