//! A chat: cards by change, posts by effect key.

use std::collections::{BTreeMap, BTreeSet};
use std::sync::{Arc, Mutex};

use async_trait::async_trait;
use kaas::lifecycle::{EffectKey, Person, Place, PlanDigest};
use kaas::ports::{Answer, Attachment, Call, Card, CardKey, Chat, Reacted, Standing};
use kaas::render::message::Message;

use crate::conversation::{What, lines};

use super::{Common, Part};

pub struct FakeChat {
    common: Arc<Common>,
    held: Mutex<Held>,
}

#[derive(Default)]
struct Held {
    cards: BTreeMap<CardKey, (String, Option<PlanDigest>)>,
    posted: BTreeSet<EffectKey>,
    /// What stands on each card: who, and the reaction.
    reactions: BTreeMap<String, Vec<Reacted>>,
}

impl FakeChat {
    pub fn new(common: &Arc<Common>) -> Arc<Self> {
        Arc::new(Self { common: Arc::clone(common), held: Mutex::default() })
    }

    /// The newest card of a cluster, with the plan that it shows now.
    pub fn card_of(&self, cluster: &str) -> Option<(CardKey, Option<PlanDigest>)> {
        let held = self.held.lock().unwrap();
        let of = held.cards.iter().filter(|(key, _)| key.cluster.name.as_str() == cluster);
        of.max_by_key(|(key, _)| key.change).map(|(key, (_, plan))| (key.clone(), plan.clone()))
    }

    /// The newest card of all.
    pub fn newest(&self) -> Option<String> {
        let held = self.held.lock().unwrap();
        held.cards.keys().max_by_key(|key| key.change).map(|key| key.cluster.name.to_string())
    }

    /// A reaction is put on a card, or taken off it.
    pub fn react(&self, key: &CardKey, by: &Person, emoji: &str, standing: Standing, given: bool) {
        let mut held = self.held.lock().unwrap();
        let Some((id, _)) = held.cards.get(key).cloned() else { return };
        let on_it = held.reactions.entry(id).or_default();
        on_it.retain(|reacted| reacted.by.id != by.id || reacted.emoji != emoji);
        if given {
            on_it.push(Reacted { by: by.clone(), standing, emoji: emoji.to_owned() });
        }
    }

    /// Whether it is news, or was posted before.
    fn is_news(&self, call: &Call) -> bool {
        self.held.lock().unwrap().posted.insert(call.key.clone())
    }

    fn file_is_there(&self, message: &Message, file: Option<&Attachment>) {
        if message.file.as_deref() != file.map(|file| file.name.as_str()) {
            self.common.wrong(format!("a post speaks of the file {:?} and brings {file:?}", message.file));
        }
    }
}

#[async_trait]
impl Chat for FakeChat {
    async fn card(&self, call: &Call, card: &Card) -> Answer<String> {
        self.common.begins(Part::Chat, call)?;
        let mut held = self.held.lock().unwrap();
        let id = match held.cards.get(&card.key) {
            Some((id, _)) => id.clone(),
            None => format!("card-{}", card.key.change),
        };
        if card.known.as_ref().is_some_and(|known| *known != id) {
            self.common.wrong(format!("kaas takes {:?} for the card {id}", card.known));
        }
        held.cards.insert(card.key.clone(), (id.clone(), card.plan.clone()));
        self.common.conversation().card(&card.key, &card.message);
        Ok(id)
    }

    async fn reactions(&self, _place: &Place, card: &str) -> Answer<Option<Vec<Reacted>>> {
        self.common.up(Part::Chat)?;
        Ok(Some(self.held.lock().unwrap().reactions.get(card).cloned().unwrap_or_default()))
    }

    async fn progress(&self, card: &Card) {
        let held = self.held.lock().unwrap();
        if !held.cards.contains_key(&card.key) {
            self.common.wrong(format!("progress is shown on a card that was never posted: {:?}", card.key));
        }
    }

    async fn post(
        &self,
        call: &Call,
        _place: &Place,
        card: &CardKey,
        _known: Option<&str>,
        message: &Message,
        file: Option<&Attachment>,
    ) -> Answer<()> {
        self.common.begins(Part::Chat, call)?;
        if !self.held.lock().unwrap().cards.contains_key(card) {
            self.common.wrong(format!("a post has no card to hang on: {}", message.plain()));
        }
        if self.is_news(call) {
            self.file_is_there(message, file);
            let what = What::Post {
                key: card.clone(),
                mentions: message.mentions().cloned().collect(),
                file: file.is_some(),
                at: self.common.clock.now(),
            };
            self.common.conversation().add(what, lines(message).join("\n"));
        }
        Ok(())
    }

    async fn tell(
        &self,
        call: &Call,
        _place: &Place,
        person: &Person,
        message: &Message,
        file: Option<&Attachment>,
    ) -> Answer<()> {
        self.common.begins(Part::Chat, call)?;
        if self.is_news(call) {
            self.file_is_there(message, file);
            let what = What::Told { to: person.name.clone() };
            self.common.conversation().add(what, lines(message).join("\n"));
        }
        Ok(())
    }
}
