//! The language of the stories: people who type, press and react, time that passes, a world that fails, and what is true at the end.

use std::path::Path;
use std::sync::atomic::{AtomicU64, Ordering};
use std::sync::{Arc, Mutex};
use std::time::Duration;

use kaas::clock::SharedClock;
use kaas::config::Config;
use kaas::engine::desk::FrontDesk;
use kaas::lifecycle::policy::Policy;
use kaas::lifecycle::{ClusterKey, InputId, Person, Place, PlanDigest};
use kaas::ports::{CardKey, Desk, Heard, Reply, Standing, Suggest};
use kaas::render::message::Press;
use kaas::store::Store;
use kaas::store::memory::MemoryStore;
use kaas::store::sled::SledStore;
use tokio::sync::Notify;
use tokio::time::Instant;
use tokio_util::sync::CancellationToken;

use crate::conversation::{What, lines};
use crate::fakes::{Common, FakeChat, FakeCloud, FakeForge, FakeRancher, FakeTerraform, Part, SecondChat};
use crate::process::{CHAT, Inner, StoryClock, Telling};
use crate::stores::{Blocking, Dying};

/// How long kaas may work without a word or a new state before the next line of a story is played.
const QUIET: Duration = Duration::from_secs(180);

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

/// kaas, and everything around it.
pub struct World {
    pub inner: Arc<Inner>,
    pub chat: Arc<FakeChat>,
    pub second: Arc<SecondChat>,
    pub forge: Arc<FakeForge>,
    pub terraform: Arc<FakeTerraform>,
    pub rancher: Arc<FakeRancher>,
    pub cloud: Arc<FakeCloud>,
    pub common: Arc<Common>,
    heard: AtomicU64,
}

/// A card as somebody sees it, which may be an old one by the time they press.
pub struct Seen {
    key: CardKey,
    plan: Option<PlanDigest>,
}

impl Seen {
    /// Which card it is.
    pub fn key(&self) -> &CardKey {
        &self.key
    }
}

impl World {
    fn open(telling: Telling, dir: &Path, change: &impl Fn(&mut Policy)) -> Self {
        let origin = "2026-11-22T12:00:00Z".parse().unwrap();
        let clock: SharedClock = Arc::new(StoryClock { origin, began: Instant::now(), drawn: AtomicU64::new(0) });
        let common = Common::new(Arc::clone(&clock));
        let chat = FakeChat::new(&common);
        let second = SecondChat::new(&common);
        let forge = FakeForge::new(&common);
        let rancher = FakeRancher::new(&common);
        let cloud = FakeCloud::new(&common);
        let terraform = FakeTerraform::new(&common, &rancher);
        let config =
            Config::demo(Path::new("/srv/kaas"), "https://rancher.example", Path::new("/srv/kaas/token")).unwrap();
        let mut policy = config.tenants[0].policy.clone();
        change(&mut policy);
        let death = Arc::new(Notify::new());
        let store: Arc<dyn Store> = match telling {
            Telling::Plain => Arc::new(MemoryStore::default()),
            Telling::EverythingTwice => Arc::new(Dying::over(Arc::new(MemoryStore::default()), Arc::clone(&death))),
            Telling::Sled => Arc::new(Blocking(Arc::new(SledStore::open(dir).unwrap()))),
        };
        let inner = Inner {
            telling,
            config,
            policy: Mutex::new(policy),
            changed: Mutex::new(false),
            unlinked: Mutex::default(),
            emails: Mutex::default(),
            store,
            clock,
            common: Arc::clone(&common),
            chat: Arc::clone(&chat),
            second: Arc::clone(&second),
            forge: Arc::clone(&forge),
            terraform: Arc::clone(&terraform),
            rancher: Arc::clone(&rancher),
            cloud: Arc::clone(&cloud),
            death,
            stop: CancellationToken::new(),
            desk: Mutex::default(),
        };
        Self {
            inner: Arc::new(inner),
            chat,
            second,
            forge,
            terraform,
            rancher,
            cloud,
            common,
            heard: AtomicU64::new(0),
        }
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

    /// Somebody reacts on a cluster's newest card (or takes it back) and kaas does not hear it; the platform keeps it.
    pub fn reacts_unheard(&self, who: &str, emoji: &str, cluster: &str, standing: Standing, given: bool) {
        let verb = if given { "reacts with" } else { "takes back" };
        self.note(&format!("{who} {verb} {emoji} on {cluster}, and kaas does not hear it"));
        self.chat.react(&self.sees(cluster).key, &person(who, who), emoji, standing, given);
    }

    /// Somebody who is no full member says something.
    pub async fn says_standing(&self, who: &str, standing: Standing, line: &str) {
        let by = person(who, who);
        self.note_person(who, line);
        let heard = Heard { standing, ..self.heard(&by) };
        if line.starts_with("/kaas") {
            self.deliver(&by, async |desk| desk.command(&heard, line).await).await;
        } else {
            let (act, card) = self.card_meant(line);
            self.acts(&heard, &by, act, &card).await;
        }
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
                self.chat.react(key, by, emoji, heard.standing, false);
                self.deliver(by, async |desk| desk.react(heard, key, plan, emoji, false).await).await;
            }
            (None, None) => {
                self.chat.react(key, by, act, heard.standing, true);
                self.deliver(by, async |desk| desk.react(heard, key, plan, act, true).await).await;
            }
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

    /// What is suggested to somebody who is typing.
    pub async fn suggested(&self, who: &str, standing: Standing, what: &Suggest, typed: &str) -> Vec<String> {
        let heard = Heard { standing, ..self.heard(&person(who, who)) };
        self.desk().suggest(&heard, what, typed).await
    }

    fn desk(&self) -> Arc<FrontDesk> {
        Arc::clone(self.inner.desk.lock().unwrap().as_ref().expect("kaas has started"))
    }

    fn heard(&self, by: &Person) -> Heard {
        let number = self.heard.fetch_add(1, Ordering::Relaxed);
        let place = Place { chat: CHAT.to_owned(), channel: "#clusters".to_owned() };
        Heard { id: InputId(format!("heard/{number}")), by: by.clone(), place, standing: Standing::Member, when: None }
    }

    /// What a person's own page shows: a title and its words.
    pub async fn page(&self, who: &str) -> Vec<(String, String)> {
        let sections = self.desk().home(&self.heard(&person(who, who))).await;
        sections.into_iter().map(|(title, message)| (title, message.plain())).collect()
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

    /// Somebody is not linked to a user of Rancher, and is looked up there by their e-mail address.
    pub async fn is_known_by_email(&self, who: &'static str) {
        self.note(&format!(
            "the configuration says of {who} only {who}@example.com, and that people are looked up by that"
        ));
        self.inner.unlinked.lock().unwrap().push(who);
        self.inner.emails.lock().unwrap().insert(who.parse().unwrap(), format!("{who}@example.com"));
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

    /// The newest card of a cluster begins with these words, after its name and kind.
    pub fn stands(&self, cluster: &str, words: &str) {
        let (key, _) = self.chat.card_of(cluster).expect("it has a card");
        let card = self.common.conversation().card_now(&key).unwrap();
        let state = card.lines().next().unwrap().split(" · ").nth(2).unwrap().to_owned();
        assert!(
            state.starts_with(words),
            "{cluster} stands at `{state}` and not at `{words}`\n{}",
            self.conversation()
        );
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
}

/// A person of the demo, under that name.
pub fn person(id: &str, name: &str) -> Person {
    Person { id: id.parse().unwrap(), name: name.to_owned() }
}
