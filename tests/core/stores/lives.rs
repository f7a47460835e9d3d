//! Lives to put into stores: real ones, made by the core, of any length.

use std::sync::Arc;

use jiff::{SignedDuration, Timestamp};
use kaas::lifecycle::{Ask, ChangeNumber, ClusterKey, Fact, Input, InputId, Plan, Proof, Pull, State, What};
use kaas::record::{Entry, Record};
use kaas::store::memory::MemoryStore;
use kaas::store::sled::SledStore;
use kaas::store::{Filter, Saved, Store};

use crate::people::{form, person, place, plan, policy, pull, start};

/// Which store, and where it keeps what it keeps.
#[derive(Debug)]
pub enum Kind {
    Memory,
    Sled(tempfile::TempDir),
}

impl Kind {
    pub fn sled() -> Self {
        Self::Sled(tempfile::tempdir().unwrap())
    }

    /// The store, for the first time.
    pub fn open(&self) -> Arc<dyn Store> {
        match self {
            Self::Memory => Arc::new(MemoryStore::default()),
            Self::Sled(dir) => Arc::new(SledStore::open(dir.path()).unwrap()),
        }
    }

    /// The store as the next process finds it. Memory has no next process.
    pub fn again(&self, store: Arc<dyn Store>) -> Arc<dyn Store> {
        match self {
            Self::Memory => store,
            Self::Sled(_) => {
                drop(store);
                self.open()
            }
        }
    }
}

pub fn key_of(tenant: &str, name: &str) -> ClusterKey {
    ClusterKey { tenant: tenant.parse().unwrap(), name: name.parse().unwrap() }
}

/// The clusters of `acme`.
pub fn acme(owner: Option<&str>, waiting: bool, limit: usize) -> Filter {
    Filter { tenant: "acme".parse().unwrap(), owner: owner.map(|name| person(name).id), waiting, limit }
}

/// The first revision of a cluster.
pub fn requested(key: &ClusterKey, by: &str, at: Timestamp) -> (Record, Entry) {
    let ask = Ask::Request { form: form(), number: ChangeNumber(42), place: place(), owned: 0 };
    take(key, None, at, What::Ask { by: person(by), proof: Proof::Command, ask })
}

/// The next revision, with its entry: the card was posted again, as `message`.
pub fn carded(record: &Record, message: &str) -> (Record, Entry) {
    let fact = Fact::CardPosted { change: record.cluster.change.number, message: message.to_owned() };
    take(record.key(), Some(record), start(), What::Fact(fact))
}

/// The revisions that lead to a review.
pub fn reviewed(record: &Record, at: Timestamp) -> Vec<(Record, Entry)> {
    let opened = take(record.key(), Some(record), at, What::Fact(Fact::PullOpened { pull: pull() }));
    let planned = take(record.key(), Some(&opened.0), at, What::Fact(Fact::PlanReady { plan: plan() }));
    assert!(matches!(planned.0.cluster.change.state, State::Reviewing(_)));
    vec![opened, planned]
}

/// The revision after a person said something.
pub fn asked(record: &Record, by: &str, ask: Ask) -> (Record, Entry) {
    take(record.key(), Some(record), start(), What::Ask { by: person(by), proof: Proof::Button, ask })
}

pub fn take(key: &ClusterKey, record: Option<&Record>, at: Timestamp, what: What) -> (Record, Entry) {
    // The same id for the same thing, so that lives are the same in every run.
    let id = InputId(format!("{}/{what:?}", record.map_or(0, |r| r.revision)));
    Record::take(&policy(), key, record, &Input { id, at, what }).0.expect("the life goes on")
}

pub async fn save(store: &dyn Store, (record, entry): &(Record, Entry)) -> Saved {
    store.save(record, Some(entry)).await.unwrap()
}

/// Puts a cluster with `entries` journal entries into the store, and answers its record.
pub async fn grown(store: &dyn Store, key: &ClusterKey, by: &str, entries: u64) -> Record {
    let mut now = requested(key, by, start());
    assert_eq!(save(store, &now).await, Saved::Yes);
    while now.0.entries < entries {
        now = carded(&now.0, &format!("message {}", now.0.entries));
        assert_eq!(save(store, &now).await, Saved::Yes);
    }
    now.0
}

/// A store with a few clusters, in several states, of two tenants.
pub async fn peopled(store: &dyn Store) {
    let at = |minutes: i64| start() + SignedDuration::from_mins(minutes);
    for (index, (name, by)) in
        [("amber-ox", "alice"), ("blue-crab", "erin"), ("calm-newt", "alice"), ("dark-yak", "bob")]
            .into_iter()
            .enumerate()
    {
        let minutes = i64::try_from(index).unwrap();
        let mut lines = vec![requested(&key_of("acme", name), by, at(minutes))];
        if index < 2 {
            lines.extend(reviewed(&lines[0].0, at(minutes)));
        }
        if index == 3 {
            lines.push(asked(&lines[0].0, by, Ask::Cancel));
        }
        for line in &lines {
            assert_eq!(save(store, line).await, Saved::Yes);
        }
    }
    grown(store, &key_of("beta", "amber-ox"), "alice", 3).await;
    for _ in 0..3 {
        store.draw(&"acme".parse().unwrap()).await.unwrap();
    }
    store.draw(&"beta".parse().unwrap()).await.unwrap();
}

/// Everything that a store can be asked, answered.
pub async fn answers(store: &dyn Store) -> String {
    let mut out = String::new();
    let mut tell = |text: String| {
        out.push_str(&text);
        out.push('\n');
    };
    let keys = store.keys().await.unwrap();
    for key in &keys {
        tell(format!("{key}: {:?}", store.load(key).await.unwrap()));
        tell(format!("{key}: {:?}", store.journal(key).await.unwrap()));
    }
    let far = start() + SignedDuration::from_hours(24 * 400);
    for now in [start(), start() + SignedDuration::from_mins(2), far] {
        for limit in [1, 3, 100] {
            tell(format!("due {:?}", store.due(now, limit, &keys.iter().take(1).cloned().collect()).await.unwrap()));
        }
    }
    tell(format!("next {:?}, busy {:?}", store.next_due().await.unwrap(), store.busy().await.unwrap()));
    for who in [None, Some("alice"), Some("bob"), Some("mallory")] {
        for waiting in [false, true] {
            tell(format!("{who:?} {waiting} {:?}", store.list(&acme(who, waiting, 2)).await.unwrap()));
        }
    }
    for who in ["alice", "erin", "bob", "mallory"] {
        tell(format!("{who} owns {}", store.owned(&"acme".parse().unwrap(), &person(who).id).await.unwrap()));
    }
    tell(format!("drawn {:?}", store.drawn().await.unwrap()));
    out
}

/// The pull request and plan of a review, with values as long as real ones get.
pub fn long_winded() -> (Pull, Plan) {
    let mut plan = plan();
    plan.highlights = (0..kaas::lifecycle::HIGHLIGHTS_MAX)
        .map(|n| format!("replaces rancher2_machine_config_v2.workers[\"eu-west-1{n}\"] because of amazonec2_config.instance_type"))
        .collect();
    let url = "https://github.example-bank.com/platform-engineering/kaas-clusters-production/pull/4711".to_owned();
    (Pull { number: 4711, url, ..pull() }, plan)
}
