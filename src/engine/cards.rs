//! The status card: always drawn from the stored record, one drawing of a card at a time, so that an older picture never covers a newer one.

use std::collections::HashMap;
use std::sync::{Arc, Mutex, MutexGuard, PoisonError};

use jiff::SignedDuration;

use crate::lifecycle::{ChangeNumber, Cluster, Person, PersonId, Place, State};
use crate::ports::{Answer, Call, Card, CardKey, Chat, Progress, ProgressSink, Trouble};
use crate::render::say::{self, CardView};

use super::{Engine, Tenant, unsigned};

/// Who holds it draws a card in one of its chats.
type Pen = Arc<tokio::sync::Mutex<()>>;

/// Of how many people it is known where they were last heard.
const HEARD_MAX: usize = 10_000;

/// What is known about the cards that are being drawn, and about who looks at them. Only in memory: it may be lost.
#[derive(Default)]
pub(super) struct Cards {
    pens: Mutex<HashMap<(CardKey, String), Pen>>,
    progress: Mutex<HashMap<CardKey, Shown>>,
    /// In which chat each person was last heard.
    heard: Mutex<HashMap<PersonId, String>>,
}

struct Shown {
    progress: Progress,
    /// Whether a drawing of it is on its way.
    drawing: bool,
}

impl Cards {
    fn pen(&self, key: &CardKey, chat: &str) -> Pen {
        let mut pens = self.pens.lock().unwrap_or_else(PoisonError::into_inner);
        if pens.len() > 1000 {
            pens.retain(|_, pen| Arc::strong_count(pen) > 1);
        }
        Arc::clone(pens.entry((key.clone(), chat.to_owned())).or_default())
    }

    /// A person was heard in that chat.
    pub fn hears(&self, person: &PersonId, chat: &str) {
        let mut heard = self.heard.lock().unwrap_or_else(PoisonError::into_inner);
        if heard.len() >= HEARD_MAX {
            heard.clear();
        }
        heard.insert(person.clone(), chat.to_owned());
    }

    fn last_heard(&self, person: &PersonId) -> Option<String> {
        self.heard.lock().unwrap_or_else(PoisonError::into_inner).get(person).cloned()
    }

    fn shown(&self) -> MutexGuard<'_, HashMap<CardKey, Shown>> {
        self.progress.lock().unwrap_or_else(PoisonError::into_inner)
    }
}

impl Engine {
    pub(super) fn card_key(&self, cluster: &Cluster) -> CardKey {
        CardKey { cluster: cluster.key.clone(), change: cluster.change.number }
    }

    pub(super) fn chat(&self, place: &Place) -> Answer<&Arc<dyn Chat>> {
        let missing = || Trouble::Lasting { line: format!("the chat {} is not configured", place.chat), source: None };
        self.chats.get(&place.chat).ok_or_else(missing)
    }

    /// What the words need besides the cluster.
    pub(super) fn context<'a>(&self, tenant: &'a Tenant, cluster: &Cluster) -> say::Context<'a> {
        let usually = self.usual.of(&cluster.form.class, cluster.change.kind, |took| took.applying);
        say::Context { now: self.clock.now(), tz: &tenant.time_zone, usually, card: None }
    }

    /// A chat in which the person can be told something: their change's own one first, if they are there.
    pub(super) fn reach<'a>(
        &self,
        home: &'a Place,
        tenant: &'a Tenant,
        to: &Person,
    ) -> Answer<(&Arc<dyn Chat>, &'a Place)> {
        self.reach_by(home, tenant, to, |place| place.chat == home.chat)
    }

    /// The same for an answer to what they did: it is given where they were last heard.
    pub(super) fn reach_back<'a>(
        &self,
        home: &'a Place,
        tenant: &'a Tenant,
        to: &Person,
    ) -> Answer<(&Arc<dyn Chat>, &'a Place)> {
        let last = self.cards.last_heard(&to.id).unwrap_or_else(|| home.chat.clone());
        self.reach_by(home, tenant, to, |place| place.chat == last)
    }

    fn reach_by<'a>(
        &self,
        home: &'a Place,
        tenant: &'a Tenant,
        to: &Person,
        is_first: impl Fn(&Place) -> bool,
    ) -> Answer<(&Arc<dyn Chat>, &'a Place)> {
        let others = tenant.policy.places.iter().filter(|place| place.chat != home.chat);
        let mut places: Vec<&Place> = std::iter::once(home).chain(others).collect();
        places.sort_by_key(|place| !is_first(place));
        let mut known = places.into_iter().filter_map(|place| Some((self.chat(place).ok()?, place)));
        match known.find(|(chat, _)| chat.reaches(to)) {
            Some(found) => Ok(found),
            None => Ok((self.chat(home)?, home)),
        }
    }

    /// Draws the card in one of its chats as the record has it now. Answers the chat's own id of it, where that is news.
    pub(super) async fn draw_card(
        &self,
        tenant: &Tenant,
        call: &Call,
        chat: &str,
    ) -> Answer<Option<(ChangeNumber, String)>> {
        let key = &call.key.cluster;
        let Some(number) = self.change_of(key).await? else { return Ok(None) };
        let pen = self.cards.pen(&CardKey { cluster: key.clone(), change: number }, chat);
        let _drawing = pen.lock().await;
        let Some(cluster) = self.load_cluster(key).await? else { return Ok(None) };
        let Some(card) = self.card_of(tenant, &cluster, chat) else { return Ok(None) };
        let message = self.chat(&card.place)?.card(call, &card).await?;
        Ok((card.known.as_ref() != Some(&message)).then_some((card.key.change, message)))
    }

    /// The card as it is to be now; `None` where the change is not shown in that chat.
    fn card_of(&self, tenant: &Tenant, cluster: &Cluster, chat: &str) -> Option<Card> {
        let (place, known) = cluster.change.shown_in(chat)?;
        let key = self.card_key(cluster);
        let progress = {
            let mut shown = self.cards.shown();
            if cluster.change.state.is_over() {
                shown.remove(&key);
            }
            shown.get(&key).map(|s| s.progress.clone()).filter(|p| fits(p, cluster))
        };
        let now = self.clock.now();
        let usually = self.usually(cluster);
        let lasted = now.duration_since(cluster.change.entered);
        let left = usually.map(|usually| usually - lasted).filter(|left| left.is_positive());
        let progress = progress.map(|p| say::Progress { done: p.done, detail: p.detail, left });
        let tz = &tenant.time_zone;
        Some(Card {
            place: place.clone(),
            known: known.map(str::to_owned),
            plan: cluster.change.state.plan().map(|p| p.digest.clone()),
            message: say::card(&CardView {
                cluster,
                policy: &tenant.policy(),
                now,
                tz,
                progress: progress.as_ref(),
                usually,
            }),
            key,
        })
    }

    /// How long the step that the change is in usually takes.
    fn usually(&self, cluster: &Cluster) -> Option<SignedDuration> {
        let (class, kind) = (&cluster.form.class, cluster.change.kind);
        match &cluster.change.state {
            State::Applying(_) => self.usual.of(class, kind, |took| took.applying),
            State::Joining(_) => self.usual.of(class, kind, |took| took.joining),
            State::Preparing { .. } | State::Reviewing(_) | State::Done(_) | State::Closed(_) | State::Stuck { .. } => {
                None
            }
        }
    }

    /// Takes progress of a cluster's current change and shows it on the card, no more often than the pace allows.
    pub(super) fn sink(self: &Arc<Self>, tenant: &Arc<Tenant>, cluster: &Cluster) -> ProgressSink {
        let (engine, tenant, key) = (Arc::clone(self), Arc::clone(tenant), self.card_key(cluster));
        Arc::new(move |progress| {
            let mut all = engine.cards.shown();
            let shown = all.entry(key.clone()).or_insert_with(|| Shown { progress: progress.clone(), drawing: false });
            shown.progress = progress;
            if !std::mem::replace(&mut shown.drawing, true) {
                let (engine, tenant, key) = (Arc::clone(&engine), Arc::clone(&tenant), key.clone());
                tokio::spawn(engine.draw_progress(tenant, key));
            }
        })
    }

    async fn draw_progress(self: Arc<Self>, tenant: Arc<Tenant>, key: CardKey) {
        tokio::time::sleep(unsigned(self.pace.progress)).await;
        if let Some(shown) = self.cards.shown().get_mut(&key) {
            shown.drawing = false;
        }
        let Ok(Some(cluster)) = self.load_cluster(&key.cluster).await else { return };
        // Side by side: a chat that does not answer keeps no other waiting.
        for place in cluster.change.places() {
            let (engine, tenant, key) = (Arc::clone(&self), Arc::clone(&tenant), key.clone());
            let chat = place.chat.clone();
            tokio::spawn(async move { engine.draw_progress_in(&tenant, &key, &chat).await });
        }
    }

    async fn draw_progress_in(&self, tenant: &Tenant, key: &CardKey, chat: &str) {
        let pen = self.cards.pen(key, chat);
        let _drawing = pen.lock().await;
        let Ok(Some(cluster)) = self.load_cluster(&key.cluster).await else { return };
        if cluster.change.number != key.change || cluster.change.state.is_over() {
            return;
        }
        let Some(card) = self.card_of(tenant, &cluster, chat).filter(|card| card.known.is_some()) else { return };
        if let Ok(chat) = self.chat(&card.place) {
            chat.progress(&card).await;
        }
    }

    async fn load_cluster(&self, key: &crate::lifecycle::ClusterKey) -> Answer<Option<Cluster>> {
        let record =
            self.store.load(key).await.map_err(|fault| Trouble::passing("kaas cannot read its store", fault))?;
        Ok(record.map(|record| record.cluster))
    }

    async fn change_of(&self, key: &crate::lifecycle::ClusterKey) -> Answer<Option<ChangeNumber>> {
        Ok(self.load_cluster(key).await?.map(|cluster| cluster.change.number))
    }
}

/// Whether progress belongs to the state that the cluster is in.
fn fits(progress: &Progress, cluster: &Cluster) -> bool {
    match &cluster.change.state {
        State::Preparing { .. } => progress.step == "planning",
        State::Applying(_) => progress.step == "applying",
        State::Joining(_) => matches!(progress.step, "joining" | "leaving"),
        State::Reviewing(_) | State::Done(_) | State::Closed(_) | State::Stuck { .. } => false,
    }
}
