//! An engine over sled, as `kaas` has it, with an outside that answers at once: so that what is measured is kaas.

use std::collections::BTreeMap;
use std::path::Path;
use std::sync::atomic::{AtomicU64, Ordering};
use std::sync::{Arc, Mutex};
use std::time::Instant;

use async_trait::async_trait;
use kaas::clock::{SharedClock, SystemClock};
use kaas::command::Dialect;
use kaas::config::Config;
use kaas::engine::desk::FrontDesk;
use kaas::engine::{Engine, Pace, Tenant};
use kaas::lifecycle::cloud::Order;
use kaas::lifecycle::form::ClusterName;
use kaas::lifecycle::{ChangeNumber, ClusterKey, HeadSha, InputId, Person, Place, Plan, PlanDigest, Pull, Risk};
use kaas::ports::{
    Answer, Applied, Attachment, Call, Card, CardKey, Chat, Desk, Fleet, FleetStanding, FleetUser, Forge, Granting,
    Heard, Job, Merged, Mirror, NewPull, Planned, ProgressSink, PullNow, Reply, Runner, Sight, Standing, Subject,
};
use kaas::render::message::Message;
use kaas::render::module::{RenderedFile, content_digest};
use kaas::render::templates::Templates;
use kaas::store::Store;
use kaas::store::sled::SledStore;
use secrecy::SecretString;

use crate::measure;

/// The channel.
pub const CHAT: &str = "terminal";

/// A kaas with as many people as are wanted.
pub struct House {
    pub engine: Arc<Engine>,
    pub store: Arc<SledStore>,
    pub desk: Arc<FrontDesk>,
    pub people: Vec<Person>,
    pub outside: Arc<Outside>,
    pub clock: SharedClock,
    pub tenant: kaas::lifecycle::form::TenantName,
    heard: AtomicU64,
}

/// What kaas did outside.
#[derive(Default)]
pub struct Outside {
    /// How many effects were performed.
    pub done: AtomicU64,
    /// When the first one was.
    pub first: Mutex<Option<Instant>>,
    numbers: AtomicU64,
}

impl Outside {
    fn note(&self) {
        if self.done.fetch_add(1, Ordering::Relaxed) == 0 {
            *self.first.lock().expect("not poisoned") = Some(measure::now());
        }
    }
}

impl House {
    /// Opens the store in `dir`. The people are `p0`, `p1`, …; all of them may ask, and the first `approvers` approve.
    pub fn open(dir: &Path, people: usize, approvers: usize) -> Self {
        let clock = SystemClock::shared();
        let store = Arc::new(SledStore::open(&dir.join("store")).expect("a store"));
        let config = Config::demo(dir, "http://127.0.0.1:1", &dir.join("token")).expect("the demo's configuration");
        let tenant = config.tenants.first().expect("a tenant");
        let people: Vec<Person> = (0..people)
            .map(|nth| Person { id: format!("p{nth}").parse().expect("an id"), name: format!("p{nth}") })
            .collect();
        let mut policy = tenant.policy.clone();
        policy.requesters = None;
        policy.approvers = people.iter().take(approvers).cloned().collect();
        policy.clusters_a_person = None;
        let outside = Arc::new(Outside::default());
        let ports = Arc::new(Quick { outside: Arc::clone(&outside), repository: dir.join("forge.git") });
        let wired = Tenant {
            name: tenant.name.clone(),
            policy,
            catalogue: tenant.catalogue.clone(),
            time_zone: tenant.time_zone.clone(),
            settings: tenant.render.clone(),
            templates: Templates::default(),
            forge: Arc::clone(&ports) as Arc<dyn Forge>,
            reviewers: BTreeMap::new(),
            runner: Arc::clone(&ports) as Arc<dyn Runner>,
            fleet: Arc::clone(&ports) as Arc<dyn Fleet>,
            users: BTreeMap::new(),
            emails: BTreeMap::new(),
            groups: BTreeMap::new(),
            cloud: None,
            rosters: Vec::new(),
        };
        let chats = [(CHAT.to_owned(), ports as Arc<dyn Chat>)];
        let store_port = Arc::clone(&store) as Arc<dyn Store>;
        let engine = Engine::new(store_port, Arc::clone(&clock), Pace::default(), [wired], chats);
        let desk = FrontDesk::new(&engine, &tenant.name, people.clone(), Dialect::Plain).expect("a desk");
        Self {
            engine,
            store,
            desk: Arc::new(desk),
            people,
            outside,
            clock,
            tenant: tenant.name.clone(),
            heard: AtomicU64::new(0),
        }
    }

    pub fn key(&self, name: &str) -> ClusterKey {
        ClusterKey { tenant: self.tenant.clone(), name: name.parse().expect("a name") }
    }

    pub fn place() -> Place {
        Place { chat: CHAT.to_owned(), channel: "#clusters".to_owned() }
    }

    /// An id that nothing had before.
    pub fn id(&self) -> InputId {
        InputId(format!("load/{}/{}", self.clock.id(), self.heard.fetch_add(1, Ordering::Relaxed)))
    }

    /// What a person types. It is durable and answered when this returns.
    pub async fn says(&self, person: usize, line: &str) -> Vec<Reply> {
        let by = self.people[person % self.people.len()].clone();
        self.desk
            .command(&Heard { id: self.id(), by, place: Self::place(), standing: Standing::Member, when: None }, line)
            .await
    }
}

struct Quick {
    outside: Arc<Outside>,
    repository: std::path::PathBuf,
}

fn plan() -> Plan {
    Plan {
        digest: "9".repeat(64).parse().expect("a digest"),
        content: "c".repeat(64).parse().expect("a digest"),
        add: 7,
        change: 0,
        destroy: 0,
        risk: Risk::Green,
        highlights: Vec::new(),
    }
}

fn commit() -> HeadSha {
    "a".repeat(40).parse().expect("a commit")
}

#[async_trait]
impl Chat for Quick {
    async fn card(&self, _: &Call, card: &Card) -> Answer<String> {
        self.outside.note();
        Ok(format!("card-{}", card.key.change))
    }

    async fn progress(&self, _: &Card) {}

    async fn post(
        &self,
        _: &Call,
        _: &Place,
        _: &CardKey,
        _: Option<&str>,
        _: &Message,
        _: Option<&Attachment>,
    ) -> Answer<()> {
        self.outside.note();
        Ok(())
    }

    async fn tell(&self, _: &Call, _: &Place, _: &Person, _: &Message, _: Option<&Attachment>) -> Answer<()> {
        self.outside.note();
        Ok(())
    }
}

#[async_trait]
impl Forge for Quick {
    async fn open(&self, _: &Call, new: &NewPull) -> Answer<Pull> {
        self.outside.note();
        let rendered = |file: &kaas::ports::FileEdit| {
            Some(RenderedFile { path: file.path.clone(), content: file.content.clone()? })
        };
        let files: Vec<RenderedFile> = new.files.iter().filter_map(rendered).collect();
        let number = 1 + self.outside.numbers.fetch_add(1, Ordering::Relaxed);
        Ok(Pull { number, url: format!("forge/{number}"), head: commit(), content: content_digest(&files) })
    }

    async fn read(&self, _: &str, _: &str) -> Answer<Option<PullNow>> {
        Ok(None)
    }

    async fn comment(&self, _: &Call, _: u64, _: &str, _: &str) -> Answer<()> {
        self.outside.note();
        Ok(())
    }

    async fn merge(&self, _: &Call, _: u64, _: &HeadSha, _: &str) -> Answer<Merged> {
        self.outside.note();
        Ok(Merged::Yes(commit()))
    }

    async fn close(&self, _: &Call, _: &str, _: &str) -> Answer<()> {
        self.outside.note();
        Ok(())
    }

    async fn mirror(&self) -> Answer<Mirror> {
        Ok(Mirror { path: self.repository.clone(), base: commit() })
    }
}

#[async_trait]
impl Runner for Quick {
    async fn plan(&self, _: &Call, _: &Job, _: ProgressSink) -> Answer<Planned> {
        self.outside.note();
        Ok(Planned { plan: plan(), order: Order::default() })
    }

    async fn apply(&self, _: &Call, _: &Job, _: &PlanDigest, _: ProgressSink) -> Answer<Applied> {
        self.outside.note();
        Ok(Applied::Yes { outputs: Vec::new() })
    }

    async fn began(&self, _: &ClusterKey, _: ChangeNumber, _: &PlanDigest) -> bool {
        false
    }

    async fn plan_text(&self, _: &ClusterKey, _: ChangeNumber, _: &PlanDigest) -> Answer<Arc<str>> {
        Ok("the plan".into())
    }

    async fn forget(&self, _: &ClusterKey) {}
}

#[async_trait]
impl Fleet for Quick {
    async fn preflight(&self, _: &ClusterName, _: bool) -> Answer<()> {
        Ok(())
    }

    async fn look(&self, _: &ClusterName, _: Option<&str>) -> Answer<Sight> {
        Ok(Sight::Joining { nodes: None, detail: "joining".to_owned() })
    }

    async fn grant(&self, _: &Call, _: &str, _: &Person, _: Option<&str>, _: &str) -> Answer<Granting> {
        Ok(Granting::Waiting)
    }

    async fn knows(&self, _: &Person, _: Option<&str>) -> Answer<Result<(), String>> {
        Ok(Ok(()))
    }

    async fn machines(&self, _: &ClusterName) -> Answer<Vec<String>> {
        Ok(Vec::new())
    }

    async fn bind(&self, _: &Call, _: &str, _: &Subject, _: &str) -> Answer<Granting> {
        Ok(Granting::Waiting)
    }

    fn binding(&self, id: &str, _: &Subject, role: &str) -> String {
        format!("{id}:{role}")
    }

    async fn by_hand(&self, _: &str, _: &Subject, _: &str) -> Answer<Option<String>> {
        Ok(None)
    }

    async fn unbind(&self, _: &Call, _: &str) -> Answer<bool> {
        Ok(true)
    }

    async fn users_by_email(&self, _: &str) -> Answer<Vec<FleetUser>> {
        Ok(Vec::new())
    }

    async fn user(&self, _: &str) -> Answer<Option<FleetUser>> {
        Ok(None)
    }

    async fn standing(&self) -> Answer<FleetStanding> {
        Ok(FleetStanding { version: "v2.14.4".to_owned(), token_ends: None })
    }

    async fn force_remove(&self, _: &Call, _: &ClusterName, _: &str) -> Answer<()> {
        Ok(())
    }

    fn environment(&self) -> Vec<(String, SecretString)> {
        Vec::new()
    }
}

/// A runtime as `kaas` has one.
pub fn runtime() -> tokio::runtime::Runtime {
    tokio::runtime::Builder::new_multi_thread().worker_threads(2).enable_all().build().expect("a runtime")
}
