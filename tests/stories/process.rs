//! kaas as a process: started over a store and a world, killed, started again; and the virtual clock that it reads.

use std::collections::BTreeMap;
use std::sync::atomic::{AtomicU64, Ordering};
use std::sync::{Arc, Mutex};

use jiff::Timestamp;
use jiff::tz::TimeZone;
use kaas::clock::{Clock, SharedClock};
use kaas::command::Dialect;
use kaas::config::Config;
use kaas::engine::desk::FrontDesk;
use kaas::engine::{Engine, Pace, Tenant};
use kaas::lifecycle::PersonId;
use kaas::lifecycle::policy::Policy;
use kaas::ports::Chat;
use kaas::render::templates::Templates;
use kaas::store::Store;
use tokio::sync::Notify;
use tokio::time::Instant;
use tokio_util::sync::CancellationToken;

use crate::fakes::{Common, FakeChat, FakeCloud, FakeForge, FakeRancher, FakeTerraform, SecondChat};

/// The name of the chat, as places have it.
pub const CHAT: &str = "terminal";

/// The name of the second one, which nobody uses where the policy does not name it.
pub const SECOND: &str = "second";

/// How a story is told.
#[derive(Debug, Clone, Copy, PartialEq, Eq)]
pub enum Telling {
    /// Over the memory store.
    Plain,
    /// kaas dies between doing and recording every effect, and every message is delivered twice.
    EverythingTwice,
    /// Over sled.
    Sled,
}

/// Follows tokio's clock, which is paused and leaps to whatever is next.
pub struct StoryClock {
    pub origin: Timestamp,
    pub began: Instant,
    pub drawn: AtomicU64,
}

impl Clock for StoryClock {
    fn now(&self) -> Timestamp {
        self.origin + self.began.elapsed()
    }

    fn id(&self) -> String {
        format!("id{:011}", self.drawn.fetch_add(1, Ordering::Relaxed))
    }
}

/// kaas, with all that outlives a process of it.
pub struct Inner {
    pub telling: Telling,
    pub config: Config,
    pub policy: Mutex<Policy>,
    /// The policy was another one before, so that the journal cannot be played again under this one.
    pub changed: Mutex<bool>,
    /// Whom the configuration does not link to a user of Rancher.
    pub unlinked: Mutex<Vec<&'static str>>,
    /// By which e-mail addresses people are looked up.
    pub emails: Mutex<BTreeMap<PersonId, String>>,
    pub store: Arc<dyn Store>,
    pub clock: SharedClock,
    pub common: Arc<Common>,
    pub chat: Arc<FakeChat>,
    pub second: Arc<SecondChat>,
    pub forge: Arc<FakeForge>,
    pub terraform: Arc<FakeTerraform>,
    pub rancher: Arc<FakeRancher>,
    pub cloud: Arc<FakeCloud>,
    pub death: Arc<Notify>,
    pub stop: CancellationToken,
    pub desk: Mutex<Option<Arc<FrontDesk>>>,
}

impl Inner {
    fn linked(&self) -> BTreeMap<PersonId, String> {
        let unlinked = self.unlinked.lock().unwrap();
        let people = self.config.tenants[0].people.iter();
        let linked = people.filter(|person| !unlinked.contains(&person.name.as_str()));
        linked.map(|person| (person.id.clone(), format!("u-{}", person.id))).collect()
    }

    /// A kaas, as a process would start it: nothing is left of the one before but the store.
    pub fn start(&self) -> Arc<Engine> {
        let config = &self.config.tenants[0];
        let tenant = Tenant {
            name: config.name.clone(),
            policy: self.policy.lock().unwrap().clone(),
            catalogue: config.catalogue.clone(),
            time_zone: TimeZone::UTC,
            settings: config.render.clone(),
            templates: Templates::default(),
            forge: Arc::clone(&self.forge) as _,
            reviewers: config.people.iter().map(|person| (person.name.to_lowercase(), person.clone())).collect(),
            runner: Arc::clone(&self.terraform) as _,
            fleet: Arc::clone(&self.rancher) as _,
            users: self.linked(),
            emails: self.emails.lock().unwrap().clone(),
            groups: [("billing".to_owned(), "github_team://7654321".to_owned())].into(),
            cloud: Some(Arc::clone(&self.cloud) as _),
            rosters: Vec::new(),
        };
        let second = Arc::clone(&self.second) as Arc<dyn Chat>;
        let chats = [(CHAT.to_owned(), Arc::clone(&self.chat) as Arc<dyn Chat>), (SECOND.to_owned(), second)];
        let engine = Engine::new(Arc::clone(&self.store), Arc::clone(&self.clock), Pace::default(), [tenant], chats);
        let people = config.people.iter().cloned().collect();
        let desk = FrontDesk::new(&engine, &config.name, people, Dialect::Plain).unwrap();
        *self.desk.lock().unwrap() = Some(Arc::new(desk));
        engine
    }

    /// Runs kaas, and starts it again whenever it dies.
    pub async fn run(self: Arc<Self>) {
        loop {
            let engine = self.start();
            let stop = self.stop.clone();
            let mut running = tokio::spawn(async move { engine.run(stop).await });
            tokio::select! {
                biased;
                () = self.death.notified() => {
                    running.abort();
                    let _ = running.await;
                }
                ended = &mut running => {
                    if !matches!(ended, Ok(Ok(()))) {
                        self.common.wrong(format!("kaas ended by itself: {ended:?}"));
                    }
                    return;
                }
            }
        }
    }
}
