//! The language of the stories: people who type, press and react, time that passes, a world that fails, and what is true at the end.

use std::path::Path;
use std::sync::atomic::{AtomicU64, Ordering};
use std::sync::{Arc, Mutex};
use std::time::Duration;

use jiff::Timestamp;
use jiff::tz::TimeZone;
use kaas::clock::{Clock, SharedClock};
use kaas::command::Dialect;
use kaas::config::Config;
use kaas::engine::desk::FrontDesk;
use kaas::engine::{Engine, Pace, Tenant};
use kaas::lifecycle::policy::Policy;
use kaas::lifecycle::{Cluster, ClusterKey, InputId, Person, Place, PlanDigest};
use kaas::ports::{CardKey, Chat, Desk, Heard, Reply};
use kaas::record::{Event, Record, verify};
use kaas::render::message::Press;
use kaas::render::templates::Templates;
use kaas::store::Store;
use kaas::store::memory::MemoryStore;
use kaas::store::sled::SledStore;
use tokio::sync::Notify;
use tokio::time::Instant;
use tokio_util::sync::CancellationToken;

use crate::conversation::{What, lines};
use crate::fakes::{Common, FakeChat, FakeForge, FakeRancher, FakeTerraform, Part};
use crate::stores::{Blocking, Dying};

const CHAT: &str = "terminal";

/// How long kaas may work without a word or a new state before the next line of a story is played.
const QUIET: Duration = Duration::from_secs(180);

/// How a story is told.
#[derive(Debug, Clone, Copy, PartialEq, Eq)]
enum Telling {
    /// Over the memory store.
    Plain,
    /// kaas dies between doing and recording every effect, and every message is delivered twice.
    EverythingTwice,
    /// Over sled.
    Sled,
}

/// Tells a story in every way there is; answers the conversation, which is the same in all of them.
pub fn story(body: impl AsyncFn(&World)) -> String {
    story_with(|_| {}, body)
}

/// A story under another policy than the usual one.
pub fn story_with(policy: impl Fn(&mut Policy), body: impl AsyncFn(&World)) -> String {
    let told = |telling| {
        let runtime = tokio::runtime::Builder::new_current_thread().enable_time().start_paused(true).build().unwrap();
        runtime.block_on(tell(telling, &policy, &body))
    };
    let plain = told(Telling::Plain);
    for telling in [Telling::EverythingTwice, Telling::Sled] {
        let again = told(telling);
        if plain != again {
            let at = plain.lines().zip(again.lines()).take_while(|(a, b)| a == b).count();
            let from = |text: &str| text.lines().skip(at.saturating_sub(3)).take(12).collect::<Vec<_>>().join("\n");
            panic!(
                "told as {telling:?}, the story reads differently.\n--- plain\n{}\n--- {telling:?}\n{}\n",
                from(&plain),
                from(&again)
            );
        }
    }
    plain
}

async fn tell(telling: Telling, policy: &impl Fn(&mut Policy), body: &impl AsyncFn(&World)) -> String {
    let dir = tempfile::tempdir().unwrap();
    let world = World::open(telling, dir.path(), policy);
    let running = tokio::spawn(Arc::clone(&world.inner).run());
    tokio::time::sleep(Duration::from_millis(1)).await;
    body(&world).await;
    world.rest().await;
    let wrongs = world.leftovers().await;
    world.inner.stop.cancel();
    running.await.unwrap();
    assert!(wrongs.is_empty(), "told as {telling:?}:\n{}\n\n{}", wrongs.join("\n"), world.conversation());
    world.conversation()
}

/// Follows tokio's clock, which is paused and leaps to whatever is next.
struct StoryClock {
    origin: Timestamp,
    began: Instant,
    drawn: AtomicU64,
}

impl Clock for StoryClock {
    fn now(&self) -> Timestamp {
        self.origin + self.began.elapsed()
    }

    fn id(&self) -> String {
        format!("id{:011}", self.drawn.fetch_add(1, Ordering::Relaxed))
    }
}

/// kaas, and everything around it.
pub struct World {
    inner: Arc<Inner>,
    pub chat: Arc<FakeChat>,
    pub forge: Arc<FakeForge>,
    pub terraform: Arc<FakeTerraform>,
    pub rancher: Arc<FakeRancher>,
    common: Arc<Common>,
    heard: AtomicU64,
}

struct Inner {
    telling: Telling,
    config: Config,
    policy: Mutex<Policy>,
    /// The policy was another one before, so that the journal cannot be played again under this one.
    changed: Mutex<bool>,
    store: Arc<dyn Store>,
    clock: SharedClock,
    common: Arc<Common>,
    chat: Arc<FakeChat>,
    forge: Arc<FakeForge>,
    terraform: Arc<FakeTerraform>,
    rancher: Arc<FakeRancher>,
    death: Arc<Notify>,
    stop: CancellationToken,
    desk: Mutex<Option<Arc<FrontDesk>>>,
}

impl Inner {
    /// A kaas, as a process would start it: nothing is left of the one before but the store.
    fn start(&self) -> Arc<Engine> {
        let config = &self.config.tenants[0];
        let tenant = Tenant {
            name: config.name.clone(),
            policy: self.policy.lock().unwrap().clone(),
            catalogue: config.catalogue.clone(),
            time_zone: TimeZone::UTC,
            settings: config.render.clone(),
            templates: Templates::default(),
            forge: Arc::clone(&self.forge) as _,
            runner: Arc::clone(&self.terraform) as _,
            fleet: Arc::clone(&self.rancher) as _,
        };
        let chats = [(CHAT.to_owned(), Arc::clone(&self.chat) as Arc<dyn Chat>)];
        let engine =
            Engine::new(Arc::clone(&self.store), Arc::clone(&self.clock), Pace::default(), [tenant], chats);
        let people = config.people.iter().cloned().collect();
        let desk = FrontDesk::new(&engine, &config.name, people, Dialect::Plain).unwrap();
        *self.desk.lock().unwrap() = Some(Arc::new(desk));
        engine
    }

    /// Runs kaas, and starts it again whenever it dies.
    async fn run(self: Arc<Self>) {
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

/// A card as somebody sees it, which may be an old one by the time they press.
pub struct Seen {
    key: CardKey,
    plan: Option<PlanDigest>,
}

impl World {
    fn open(telling: Telling, dir: &Path, change: &impl Fn(&mut Policy)) -> Self {
        let origin = "2026-11-22T12:00:00Z".parse().unwrap();
        let clock: SharedClock = Arc::new(StoryClock { origin, began: Instant::now(), drawn: AtomicU64::new(0) });
        let common = Common::new(Arc::clone(&clock));
        let chat = FakeChat::new(&common);
        let forge = FakeForge::new(&common);
        let rancher = FakeRancher::new(&common);
        let terraform = FakeTerraform::new(&common, &rancher);
        let config = Config::demo(Path::new("/srv/kaas"), "https://rancher.example", Path::new("/srv/kaas/token")).unwrap();
        let mut policy = config.tenants[0].policy.clone();
        change(&mut policy);
        let death = Arc::new(Notify::new());
        let store: Arc<dyn Store> = match telling {
            Telling::Plain => Arc::new(MemoryStore::default()),
            Telling::EverythingTwice => {
                Arc::new(Dying::over(Arc::new(MemoryStore::default()), Arc::clone(&death)))
            }
            Telling::Sled => Arc::new(Blocking(Arc::new(SledStore::open(dir).unwrap()))),
        };
        let inner = Inner {
            telling,
            config,
            policy: Mutex::new(policy),
            changed: Mutex::new(false),
            store,
            clock,
            common: Arc::clone(&common),
            chat: Arc::clone(&chat),
            forge: Arc::clone(&forge),
            terraform: Arc::clone(&terraform),
            rancher: Arc::clone(&rancher),
            death,
            stop: CancellationToken::new(),
            desk: Mutex::default(),
        };
        Self { inner: Arc::new(inner), chat, forge, terraform, rancher, common, heard: AtomicU64::new(0) }
    }

    // ---- what people do ----

    pub async fn alice(&self, line: &str) {
        self.says("alice", line).await;
    }

    pub async fn bob(&self, line: &str) {
        self.says("bob", line).await;
    }

    pub async fn carol(&self, line: &str) {
        self.says("carol", line).await;
    }

    pub async fn dave(&self, line: &str) {
        self.says("dave", line).await;
    }

    pub async fn erin(&self, line: &str) {
        self.says("erin", line).await;
    }

    pub async fn mallory(&self, line: &str) {
        self.says("mallory", line).await;
    }

    /// Somebody types, presses or reacts, and kaas does what follows from it: `/kaas list`, `+1`, `remove +1`, `press Reject because …`, each `on
    /// crucial-sandbox` where several cards are there.
    pub async fn says(&self, who: &str, line: &str) {
        self.says_as(&person(who, who), line).await;
    }

    /// Somebody says something, and what follows from it has only just begun.
    pub async fn says_briefly(&self, who: &str, line: &str) {
        self.brings(&person(who, who), line).await;
        tokio::time::sleep(Duration::from_secs(2)).await;
    }

    /// Somebody under another of their names.
    pub async fn says_as(&self, by: &Person, line: &str) {
        self.brings(by, line).await;
        self.rest().await;
    }

    async fn brings(&self, by: &Person, line: &str) {
        self.note_person(&by.name, line);
        let heard = self.heard(by);
        if line.starts_with("/kaas") {
            self.deliver(by, async |desk| desk.command(&heard, line).await).await;
        } else {
            let (act, card) = self.card_meant(line);
            self.acts(&heard, by, act, &card).await;
        }
    }

    /// What a person sees of a cluster's newest card.
    pub fn sees(&self, cluster: &str) -> Seen {
        let (key, plan) = self.chat.card_of(cluster).unwrap_or_else(|| panic!("{cluster} has no card"));
        Seen { key, plan }
    }

    /// Somebody presses (or reacts) on a card that they saw before.
    pub async fn acts_on(&self, who: &str, line: &str, card: &Seen) {
        self.note_person(who, &format!("{line}   (on the card of change {} as it was)", card.key.change));
        let by = person(who, who);
        self.acts(&self.heard(&by), &by, line, card).await;
        self.rest().await;
    }

    /// Two things at once: neither waits for what follows from the other.
    pub async fn at_once(&self, first: (&str, &str), second: (&str, &str)) {
        for (who, line) in [first, second] {
            self.brings(&person(who, who), line).await;
        }
        self.rest().await;
    }

    async fn acts(&self, heard: &Heard, by: &Person, line: &str, card: &Seen) {
        let (key, plan) = (&card.key, card.plan.as_ref());
        let (act, reason) = line.split_once(" because ").map_or((line, None), |(act, why)| (act, Some(why)));
        let press = act.strip_prefix("press ").map(|button| match button {
            "Approve" => Press::Approve,
            "Reject" => Press::Reject,
            "Plan" => Press::Plan,
            "Cancel" => Press::Cancel,
            "Retry" => Press::Retry,
            other => panic!("there is no button {other}"),
        });
        match (press, act.strip_prefix("remove ")) {
            (Some(press), _) => {
                self.deliver(by, async |desk| desk.press(heard, key, plan, press, reason).await).await;
            }
            (None, Some(emoji)) => {
                self.deliver(by, async |desk| desk.react(heard, key, plan, emoji, false).await).await;
            }
            (None, None) => self.deliver(by, async |desk| desk.react(heard, key, plan, act, true).await).await,
        }
    }

    fn card_meant<'l>(&self, line: &'l str) -> (&'l str, Seen) {
        match line.split_once(" on ") {
            Some((act, cluster)) => (act, self.sees(cluster)),
            None => (line, self.sees(&self.chat.newest().expect("there is no card yet"))),
        }
    }

    async fn deliver(&self, by: &Person, bring: impl AsyncFn(&FrontDesk) -> Vec<Reply>) {
        let replies = bring(&self.desk()).await;
        for reply in &replies {
            let what = What::Answer { to: by.name.clone() };
            self.common.conversation().add(what, lines(&reply.message).join("\n"));
        }
        if self.inner.telling == Telling::EverythingTwice {
            let again = bring(&self.desk()).await;
            if !again.is_empty() && again.len() != replies.len() {
                self.common.wrong(format!("the second delivery is answered differently: {again:?}"));
            }
        }
    }

    fn desk(&self) -> Arc<FrontDesk> {
        Arc::clone(self.inner.desk.lock().unwrap().as_ref().expect("kaas has started"))
    }

    fn heard(&self, by: &Person) -> Heard {
        let number = self.heard.fetch_add(1, Ordering::Relaxed);
        let place = Place { chat: CHAT.to_owned(), channel: "#clusters".to_owned() };
        Heard { id: InputId(format!("heard/{number}")), by: by.clone(), place }
    }

    fn note_person(&self, who: &str, line: &str) {
        self.common.conversation().add(What::Person, format!("{who}: {line}"));
    }

    // ---- what was there before ----

    /// alice asked for a cluster, and its plan waits for two approvals.
    pub async fn has_request(&self, cluster: &str) {
        self.alice(&format!("/kaas request {cluster} size=small ttl=7d")).await;
        self.common.conversation().sum_up(&format!("alice has asked for {cluster}, and its plan waits for approvals"));
    }

    /// alice has a cluster.
    pub async fn has_cluster(&self, cluster: &str) {
        self.has_request(cluster).await;
        self.bob(&format!("press Approve on {cluster}")).await;
        self.carol(&format!("press Approve on {cluster}")).await;
        self.stands(cluster, "ready");
        self.common.conversation().sum_up(&format!("alice has {cluster}, ready until Sun 29 Nov"));
    }

    /// alice asked for a cluster, it was approved, and terraform is at work.
    pub async fn has_applying(&self, cluster: &str) {
        self.has_request(cluster).await;
        self.bob(&format!("press Approve on {cluster}")).await;
        self.says_briefly("carol", &format!("press Approve on {cluster}")).await;
        self.stands(cluster, "applying");
        self.common.conversation().sum_up(&format!("alice has asked for {cluster}, and terraform is applying it"));
    }

    // ---- what happens ----

    /// Time passes: `90s`, `20m`, `5h`, `7d`.
    pub async fn passes(&self, time: &str) {
        self.note(&format!("{time} pass"));
        let (number, unit) = time.split_at(time.len() - 1);
        let seconds = match unit {
            "s" => 1,
            "m" => 60,
            "h" => 3600,
            "d" => 86400,
            other => panic!("no unit of time: {other}"),
        };
        tokio::time::sleep(Duration::from_secs(number.parse::<u64>().unwrap() * seconds)).await;
    }

    /// A line of the story itself.
    pub fn note(&self, text: &str) {
        self.common.conversation().add(What::Note, format!("({text})"));
    }

    /// A part of the world does not answer any more.
    pub fn down(&self, part: Part, line: &'static str) {
        self.note(line);
        self.common.set_down(part, Some(line));
    }

    /// It answers again.
    pub fn up(&self, part: Part) {
        self.note(&format!("{part:?} is back"));
        self.common.set_down(part, None);
    }

    /// kaas is stopped, and started again with another policy.
    pub async fn policy(&self, note: &str, change: impl Fn(&mut Policy)) {
        self.note(note);
        change(&mut self.inner.policy.lock().unwrap());
        *self.inner.changed.lock().unwrap() = true;
        self.inner.death.notify_one();
        tokio::time::sleep(Duration::from_secs(61)).await;
    }

    /// kaas is stopped for good and started again.
    pub async fn restart(&self) {
        self.note("kaas is killed and started again");
        self.inner.death.notify_one();
        tokio::time::sleep(Duration::from_secs(61)).await;
    }

    /// Until nothing is under way any more but waiting for people and clocks, or nothing moves although something is.
    pub async fn rest(&self) {
        let mut seen = self.pulse().await;
        let mut quiet = Duration::ZERO;
        while quiet < QUIET {
            tokio::time::sleep(Duration::from_secs(1)).await;
            if self.inner.store.busy().await.unwrap() == 0 {
                return;
            }
            let now = self.pulse().await;
            quiet = if now == seen { quiet + Duration::from_secs(1) } else { Duration::ZERO };
            seen = now;
        }
    }

    async fn pulse(&self) -> (usize, Vec<&'static str>) {
        let mut states = Vec::new();
        for key in self.inner.store.keys().await.unwrap() {
            let record = self.inner.store.load(&key).await.unwrap();
            states.extend(record.map(|record| record.cluster.change.state.name()));
        }
        (self.common.conversation().said.len(), states)
    }

    // ---- what is true ----

    pub fn key(&self, cluster: &str) -> ClusterKey {
        ClusterKey { tenant: self.inner.config.tenants[0].name.clone(), name: cluster.parse().unwrap() }
    }

    /// The cluster, as kaas has it.
    pub async fn cluster(&self, name: &str) -> Cluster {
        self.inner.store.load(&self.key(name)).await.unwrap().expect("kaas knows it").cluster
    }

    /// The newest card of a cluster begins with these words, after its name and kind.
    pub fn stands(&self, cluster: &str, words: &str) {
        let (key, _) = self.chat.card_of(cluster).expect("it has a card");
        let card = self.common.conversation().card_now(&key).unwrap();
        let state = card.lines().next().unwrap().split(" · ").nth(2).unwrap().to_owned();
        assert!(state.starts_with(words), "{cluster} stands at `{state}` and not at `{words}`\n{}", self.conversation());
    }

    /// How many posts a change's thread has, the card among them.
    pub fn posts(&self, change: u64) -> usize {
        self.common.conversation().posts(change)
    }

    /// How often somebody was told something privately.
    pub fn told(&self, person: &str) -> usize {
        self.common.conversation().told(person)
    }

    pub fn conversation(&self) -> String {
        self.common.conversation().read()
    }

    /// What a story must not leave behind.
    async fn leftovers(&self) -> Vec<String> {
        let mut wrongs = self.common.wrongs();
        wrongs.extend(self.common.conversation().mentions_are_kind().err());
        let store = &self.inner.store;
        let mut open = Vec::new();
        for key in store.keys().await.unwrap() {
            let record = store.load(&key).await.unwrap().unwrap();
            for row in record.outbox.iter().filter(|row| row.effect.not_before().is_none()) {
                wrongs.push(format!("{key}: {} is still pending: {row:?}", row.effect.name()));
            }
            if record.cluster.open().is_some() {
                open.push(format!("kaas/{}/{}", key.name, record.cluster.change.number));
            } else if record.cluster.live.is_some() != self.rancher.has(&key.name) {
                wrongs.push(format!("{key}: kaas and Rancher do not agree whether it exists"));
            } else if record.cluster.live.is_some() != (self.terraform.made(&key) > 0) {
                wrongs.push(format!("{key}: kaas and terraform do not agree whether it exists"));
            } else if record.cluster.live.is_some()
                != self.forge.main().contains_key(&format!("clusters/{}/main.tf", key.name))
            {
                wrongs.push(format!("{key}: kaas and main do not agree whether it exists"));
            }
            wrongs.extend(self.broken_journal(&record).await);
        }
        for pull in self.forge.pulls().iter().filter(|pull| pull.is_open() && !open.contains(&pull.branch)) {
            wrongs.push(format!("the pull request #{} of {} is left open", pull.number, pull.branch));
        }
        wrongs
    }

    async fn broken_journal(&self, record: &Record) -> Option<String> {
        let entries = self.inner.store.journal(record.key()).await.unwrap();
        if let Err(why) = verify(&entries) {
            return Some(why);
        }
        if self.inner.telling == Telling::EverythingTwice {
            let once = entries
                .iter()
                .find(|entry| matches!(&entry.body.event, Event::Settled { attempt, .. } if *attempt < 2));
            if let Some(entry) = once {
                return Some(format!("an effect was performed only once: {entry:?}"));
            }
        }
        if *self.inner.changed.lock().unwrap() {
            return None;
        }
        let policy = self.inner.policy.lock().unwrap().clone();
        match Record::replay(&policy, &entries) {
            Ok(Some(replayed)) if replayed.is_same_life(record) => None,
            Ok(_) => Some(format!("{}: the journal leads to another record", record.key())),
            Err(number) => Some(format!("{}: the journal cannot be played again from entry {number}", record.key())),
        }
    }
}

/// A person of the demo, under that name.
pub fn person(id: &str, name: &str) -> Person {
    Person { id: id.parse().unwrap(), name: name.to_owned() }
}
