//! The loop: take inputs, claim effects, perform them, settle what they led to.
//!
//! It decides nothing (the core does) and knows no platform (the ports do). Reading order: this file, `inbox` (what people and webhooks bring), [`perform`] (effect by effect), [`desk`] (what people
//! type), [`sweep`] (what webhooks missed), `ways` (ways into clusters), `witness` (machines, and what
//! the cloud says), [`cards`] (the status card and its progress).
//!
//! **Invariant:** every effect is performed at least once and recorded exactly once. A lease saves work; correctness never needs it.

use std::borrow::Cow;
use std::collections::{BTreeMap, HashMap};
use std::sync::{Arc, Mutex, MutexGuard, OnceLock, PoisonError};
use std::time::Duration;

use anyhow::Context;
use jiff::tz::TimeZone;
use jiff::{SignedDuration, Timestamp};
use tokio::sync::watch;
use tokio::task::JoinSet;
use tokio_util::sync::CancellationToken;

use crate::clock::SharedClock;
use crate::lifecycle::catalogue::Catalogue;
use crate::lifecycle::form::TenantName;
use crate::lifecycle::policy::Policy;
use crate::lifecycle::{ClusterKey, Effect, EffectKey, Person, PersonId};
use crate::ports::{Chat, Cloud, Fleet, Forge, Roster, Runner};
use crate::record::{Claimed, Record};
use crate::render::module::Settings;
use crate::render::templates::Templates;
use crate::store::{Saved, Store};

pub use pace::Pace;

use boundary::Boundary;
use places::{Parked, Slot};

pub mod boundary;
pub mod cards;
mod count;
pub mod desk;
mod desk_links;
mod desk_ways;
mod forms;
mod inbox;
pub mod pace;
pub mod perform;
mod places;
mod suggest;
pub mod sweep;
pub mod usual;
mod ways;
mod witness;
mod work;

/// How far the clocks of a platform and of this machine may be apart.
pub(crate) const CLOCKS_APART: SignedDuration = SignedDuration::from_secs(5);

/// How often a save is tried anew when somebody else was faster.
const SAVE_TRIES: u32 = 64;

/// How often Rancher is asked how long kaas' token is good.
const TOKENS_EVERY: Duration = Duration::from_secs(24 * 60 * 60);

/// How many clusters are looked at in one pass over what is due: their saves share a flush.
const PASS_MAX: usize = 256;

/// One tenant, wired up.
pub struct Tenant {
    /// Its name.
    pub name: TenantName,
    /// Who may, as configured. What is decided goes by [`Tenant::policy`].
    pub policy: Policy,
    /// What may be asked for.
    pub catalogue: Catalogue,
    /// The time zone in which people read times.
    pub time_zone: TimeZone,
    /// How files are written.
    pub settings: Settings,
    /// With which templates.
    pub templates: Templates,
    /// Where pull requests live.
    pub forge: Arc<dyn Forge>,
    /// Who is who there, by their name in lower case: whose reviews count.
    pub reviewers: BTreeMap<String, Person>,
    /// What runs terraform.
    pub runner: Arc<dyn Runner>,
    /// Rancher.
    pub fleet: Arc<dyn Fleet>,
    /// Who is which user in Rancher, as configured.
    pub users: BTreeMap<PersonId, String>,
    /// By which e-mail addresses people are looked up in Rancher who are no user there by configuration or confirmation; none where that is not configured.
    pub emails: BTreeMap<PersonId, String>,
    /// Groups that can be given ways in, by the name that people use.
    pub groups: BTreeMap<String, String>,
    /// The cloud that machines are made in, where it is looked at.
    pub cloud: Option<Arc<dyn Cloud>>,
    /// Groups whose members approve as well.
    pub rosters: Vec<Arc<dyn Roster>>,
}

impl Tenant {
    /// The policy as it is now: whoever is in a group that approves is an approver.
    pub fn policy(&self) -> Cow<'_, Policy> {
        let members = self.rosters.iter().flat_map(|roster| roster.members().people).collect();
        self.policy.with_approvers(members)
    }
}

/// The engine.
pub struct Engine {
    store: Arc<dyn Store>,
    clock: SharedClock,
    pace: Pace,
    /// Drawn at start: whose leases are ours.
    worker: String,
    tenants: BTreeMap<TenantName, Arc<Tenant>>,
    chats: BTreeMap<String, Arc<dyn Chat>>,
    /// Something was saved, or a place became free.
    stirred: watch::Sender<u64>,
    /// Clusters whose due work found no free place.
    parked: Mutex<Parked>,
    /// What is being performed now.
    running: Mutex<HashMap<(EffectKey, u32), Running>>,
    inbox: inbox::Inbox,
    cards: cards::Cards,
    usual: usual::Usual,
    observer: OnceLock<boundary::Observer>,
}

struct Running {
    stop: CancellationToken,
    slot: Slot,
    applies: bool,
}

impl Engine {
    /// An engine over a store, with its tenants and chats (by name).
    pub fn new(
        store: Arc<dyn Store>,
        clock: SharedClock,
        pace: Pace,
        tenants: impl IntoIterator<Item = Tenant>,
        chats: impl IntoIterator<Item = (String, Arc<dyn Chat>)>,
    ) -> Arc<Self> {
        let worker = clock.id();
        Arc::new(Self {
            store,
            worker,
            pace,
            tenants: tenants.into_iter().map(|t| (t.name.clone(), Arc::new(t))).collect(),
            chats: chats.into_iter().collect(),
            stirred: watch::Sender::new(0),
            parked: Mutex::default(),
            running: Mutex::default(),
            inbox: inbox::Inbox::default(),
            cards: cards::Cards::default(),
            usual: usual::Usual::default(),
            observer: OnceLock::new(),
            clock,
        })
    }

    /// The tenant of that name.
    ///
    /// # Errors
    /// It is not configured (any more).
    pub fn tenant(&self, name: &TenantName) -> anyhow::Result<&Arc<Tenant>> {
        self.tenants.get(name).with_context(|| format!("the tenant {name} is not configured"))
    }

    /// Runs until `stop`, then lets go of everything in order: children are interrupted, what is said is said to its end.
    ///
    /// # Errors
    /// The store cannot be read or written.
    pub async fn run(self: &Arc<Self>, stop: CancellationToken) -> anyhow::Result<()> {
        self.learn_usual().await?;
        self.take_over().await?;
        let mut tasks = JoinSet::new();
        let mut stirred = self.stirred.subscribe();
        let mut sweeping: Option<tokio::task::AbortHandle> = None;
        let mut sweep = tokio::time::interval(unsigned(self.pace.sweep));
        sweep.set_missed_tick_behavior(tokio::time::MissedTickBehavior::Delay);
        let mut tokens = tokio::time::interval(TOKENS_EVERY);
        tokens.set_missed_tick_behavior(tokio::time::MissedTickBehavior::Delay);
        let ended = loop {
            if self.parked().is_crowded() {
                tokio::time::sleep(places::CROWDED_WAIT).await;
            }
            stirred.borrow_and_update();
            match self.pass(&mut tasks).await {
                Ok(()) => {}
                Err(fault) => break Err(fault),
            }
            let wait = match self.wait().await {
                Ok(wait) => wait,
                Err(fault) => break Err(fault),
            };
            tokio::select! {
                () = stop.cancelled() => break Ok(()),
                _ = stirred.changed() => {}
                () = tokio::time::sleep(wait) => {}
                Some(done) = tasks.join_next(), if !tasks.is_empty() => {
                    match done {
                        Ok(Ok(())) => {}
                        Ok(Err(fault)) => break Err(fault),
                        Err(panic) => tracing::error!(engine.panic = %panic, "an effect panicked; its lease will run out and it is performed again"),
                    }
                }
                _ = tokens.tick() => {
                    let engine = Arc::clone(self);
                    tasks.spawn(async move { engine.watch_tokens().await });
                }
                _ = sweep.tick() => {
                    // A sweep that takes longer than its interval is not overtaken by the next.
                    if sweeping.as_ref().is_none_or(tokio::task::AbortHandle::is_finished) {
                        let engine = Arc::clone(self);
                        sweeping = Some(tasks.spawn(async move { engine.sweep().await }));
                    }
                }
            }
        };
        self.stop_running(false);
        let patience = tokio::time::sleep(unsigned(self.pace.grace));
        tokio::pin!(patience);
        let mut patient = true;
        loop {
            tokio::select! {
                done = tasks.join_next() => match done {
                    Some(Ok(Err(fault))) => tracing::warn!(engine.fault = format!("{fault:#}"), "while stopping"),
                    Some(_) => {}
                    None => break,
                },
                () = &mut patience, if patient => {
                    patient = false;
                    self.stop_running(true);
                }
            }
        }
        ended
    }

    /// Returns when nothing is under way any more: all that is pending waits for a person or a clock.
    ///
    /// # Errors
    /// The store cannot be read.
    pub async fn rest(&self) -> anyhow::Result<()> {
        let mut stirred = self.stirred.subscribe();
        loop {
            stirred.borrow_and_update();
            if self.store.busy().await? == 0 && self.running().is_empty() {
                return Ok(());
            }
            tokio::select! {
                _ = stirred.changed() => {}
                () = tokio::time::sleep(Duration::from_millis(200)) => {}
            }
        }
    }

    /// Whether anything is under way.
    ///
    /// # Errors
    /// The store cannot be read.
    pub async fn is_busy(&self) -> anyhow::Result<bool> {
        Ok(self.store.busy().await? > 0)
    }

    /// How long the oldest thing that is due has waited.
    ///
    /// # Errors
    /// The store cannot be read.
    pub async fn lag(&self) -> anyhow::Result<SignedDuration> {
        let now = self.clock.now();
        let oldest = self.store.next_due().await?.map_or(SignedDuration::ZERO, |due| now.duration_since(due));
        Ok(oldest.max(SignedDuration::ZERO))
    }

    fn stir(&self) {
        self.stirred.send_modify(|times| *times += 1);
    }

    fn parked(&self) -> MutexGuard<'_, Parked> {
        self.parked.lock().unwrap_or_else(PoisonError::into_inner)
    }

    fn running(&self) -> MutexGuard<'_, HashMap<(EffectKey, u32), Running>> {
        self.running.lock().unwrap_or_else(PoisonError::into_inner)
    }

    /// A store that only one process can open: whoever held a lease is dead.
    async fn take_over(&self) -> anyhow::Result<()> {
        if !self.store.is_exclusive() {
            return Ok(());
        }
        // Side by side, because saves that wait together share one flush.
        for keys in self.store.keys().await?.chunks(PASS_MAX) {
            let mut saves = JoinSet::new();
            for key in keys {
                let record = self.store.load(key).await?;
                if let Some(next) = record.and_then(|record| record.free_leases(&self.worker)) {
                    let store = Arc::clone(&self.store);
                    saves.spawn(async move { store.save(&next, None).await });
                }
            }
            while let Some(saved) = saves.join_next().await {
                saved.context("a save panicked")??;
            }
        }
        Ok(())
    }

    /// Asks what works for long to end; applies only with `applies`. What is being said or written into the forge is done in a moment anyway.
    fn stop_running(&self, applies: bool) {
        for running in self.running().values() {
            if matches!(running.slot, Slot::Run(_) | Slot::Work) && (applies || !running.applies) {
                running.stop.cancel();
            }
        }
    }

    /// Claims and starts what is due. All claims of a pass are saved side by side, because saves that wait together share one flush.
    async fn pass(self: &Arc<Self>, tasks: &mut JoinSet<anyhow::Result<()>>) -> anyhow::Result<()> {
        let now = self.clock.now();
        let parked = self.parked().clusters();
        let due = self.store.due(now, PASS_MAX, &parked).await?;
        drop(parked);
        let mut saves = JoinSet::new();
        for key in due {
            let Some((next, started)) = self.claim(&key, now).await? else { continue };
            let store = Arc::clone(&self.store);
            saves.spawn(async move { (store.save(&next, None).await, started) });
        }
        while let Some(done) = saves.join_next().await {
            let (saved, started) = done.context("a save panicked")?;
            if saved? == Saved::Conflict {
                // Somebody was faster; what they saved stirs the next pass.
                started.iter().for_each(|(claimed, _)| self.forget(&(claimed.key.clone(), claimed.attempt)));
                self.stir();
                continue;
            }
            for (claimed, stop) in started {
                let engine = Arc::clone(self);
                tasks.spawn(async move { engine.work(claimed, stop).await });
            }
        }
        Ok(())
    }

    /// What of a cluster's due work finds a free place. It counts as running from here on, so that nobody else takes the place while the claim is saved.
    async fn claim(
        &self,
        key: &ClusterKey,
        now: Timestamp,
    ) -> anyhow::Result<Option<(Record, Vec<(Claimed, CancellationToken)>)>> {
        if self.tenant(&key.tenant).is_err() {
            return Ok(None);
        }
        let Some(record) = self.store.load(key).await? else { return Ok(None) };
        let mut taken: Vec<Slot> = Vec::new();
        let allow = |effect: &Effect| {
            let slot = Slot::of(&key.tenant, effect);
            // Held until the cluster is parked: a place that becomes free after the count must find it there.
            let running = self.running();
            let used = running.values().filter(|r| r.slot == slot).count()
                + taken.iter().filter(|taken| **taken == slot).count();
            let free = used < slot.max() as usize;
            if free {
                taken.push(slot);
            } else {
                self.parked().park(key, slot);
            }
            free
        };
        let Some((next, claimed)) = record.claim(&self.worker, now, self.pace.lease, allow) else { return Ok(None) };
        let mut running = self.running();
        let start = |claimed: Claimed| {
            let stop = CancellationToken::new();
            let slot = Slot::of(&key.tenant, &claimed.effect);
            let applies = matches!(claimed.effect, Effect::Apply { .. });
            running.insert((claimed.key.clone(), claimed.attempt), Running { stop: stop.clone(), slot, applies });
            (claimed, stop)
        };
        Ok(Some((next, claimed.into_iter().map(start).collect())))
    }

    /// An effect is not performed any more: its place is free.
    fn forget(&self, id: &(EffectKey, u32)) {
        let mut running = self.running();
        if let Some(done) = running.remove(id) {
            self.parked().freed(&done.slot);
        }
    }

    /// Performs one effect and settles it, while its lease is renewed.
    async fn work(self: Arc<Self>, claimed: Claimed, stop: CancellationToken) -> anyhow::Result<()> {
        let id = (claimed.key.clone(), claimed.attempt);
        let name = claimed.effect.name();
        let _place = Place { engine: &self, id };
        self.reached(Boundary::Claimed, name);
        let performing = self.perform(&claimed, &stop);
        let renewing = self.renew(&claimed, &stop);
        let outcome = tokio::select! {
            outcome = performing => outcome,
            never = renewing => match never {},
        };
        self.reached(Boundary::Performed, name);
        let settled = self.settle(&claimed, &outcome).await;
        self.reached(Boundary::Settled, name);
        settled
    }

    async fn settle(&self, claimed: &Claimed, outcome: &crate::record::Outcome) -> anyhow::Result<()> {
        let key = &claimed.key.cluster;
        let policy = &self.tenant(&key.tenant)?.policy();
        for _ in 0..SAVE_TRIES {
            let Some(record) = self.store.load(key).await? else { return Ok(()) };
            let Some((next, entry)) = record.settle(policy, &claimed.key, claimed.attempt, outcome, self.clock.now())
            else {
                tracing::info!(effect.key = %claimed.key, effect.attempt = claimed.attempt, "an answer came too late and changes nothing");
                return Ok(());
            };
            if self.store.save(&next, entry.as_ref()).await? == Saved::Yes {
                count::settled(claimed.effect.name(), outcome);
                self.note_usual(&record, &next);
                self.saved(&next);
                return Ok(());
            }
        }
        anyhow::bail!("{key} is changed by too many at once")
    }

    /// Lengthens the lease again and again; stops the work when it is not ours any more. Never returns.
    async fn renew(&self, claimed: &Claimed, stop: &CancellationToken) -> std::convert::Infallible {
        let every = unsigned(self.pace.lease) / 3;
        loop {
            tokio::time::sleep(every).await;
            match self.renew_once(claimed).await {
                Ok(true) => {}
                Ok(false) => stop.cancel(),
                Err(fault) => {
                    tracing::warn!(effect.key = %claimed.key, engine.fault = format!("{fault:#}"), "a lease could not be renewed")
                }
            }
        }
    }

    async fn renew_once(&self, claimed: &Claimed) -> anyhow::Result<bool> {
        for _ in 0..SAVE_TRIES {
            let until = self.clock.now().saturating_add(self.pace.lease).unwrap_or(Timestamp::MAX);
            let record = self.store.load(&claimed.key.cluster).await?;
            let Some(next) = record.and_then(|record| record.renew(&claimed.key, claimed.attempt, until)) else {
                return Ok(false);
            };
            if self.store.save(&next, None).await? == Saved::Yes {
                return Ok(true);
            }
        }
        Ok(true)
    }

    /// After a save: what is not wanted any more is stopped, and the loop looks again.
    fn saved(&self, record: &Record) {
        for ((key, attempt), running) in self.running().iter() {
            if key.cluster == *record.key() && !record.wants(key, *attempt) {
                running.stop.cancel();
            }
        }
        self.parked().leave(record.key());
        self.stir();
    }

    /// How long until something is due.
    async fn wait(&self) -> anyhow::Result<Duration> {
        /// Nothing due: look again now and then all the same, because clocks are set.
        const LONGEST: Duration = Duration::from_secs(60);
        /// What is due but could not be claimed waits for a place, which stirs the loop.
        const SHORTEST: Duration = Duration::from_millis(20);
        let now = self.clock.now();
        let wait = self.store.next_due().await?.map_or(LONGEST, |due| unsigned(due.duration_since(now)));
        Ok(if wait.is_zero() { SHORTEST.max(unsigned(self.pace.lease) / 100) } else { wait.min(LONGEST) })
    }
}

/// The place of an effect that is being performed. Dropped, also by a panic, it is free for the next.
struct Place<'a> {
    engine: &'a Engine,
    id: (EffectKey, u32),
}

impl Drop for Place<'_> {
    fn drop(&mut self) {
        self.engine.forget(&self.id);
        self.engine.stir();
    }
}

/// A wait as tokio wants it; what lies in the past is no wait.
fn unsigned(duration: SignedDuration) -> Duration {
    Duration::try_from(duration).unwrap_or(Duration::ZERO)
}
