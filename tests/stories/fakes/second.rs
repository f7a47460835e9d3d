//! A second chat of the same people. What is said there is kept beside the story, which tells the first one's.

use std::collections::{BTreeMap, BTreeSet};
use std::sync::{Arc, Mutex};

use async_trait::async_trait;
use kaas::lifecycle::{EffectKey, Person, Place, PlanDigest};
use kaas::ports::{Answer, Attachment, Call, Card, CardKey, Chat, Reacted, Standing};
use kaas::render::message::Message;

use super::{Common, Part};

pub struct SecondChat {
    common: Arc<Common>,
    held: Mutex<Held>,
}

#[derive(Default)]
struct Held {
    /// The cards: their first line, and the plan that they show.
    cards: BTreeMap<CardKey, (String, Option<PlanDigest>)>,
    posted: BTreeSet<EffectKey>,
    posts: Vec<String>,
    told: Vec<(String, String)>,
    reactions: BTreeMap<String, Vec<Reacted>>,
}

impl SecondChat {
    pub fn new(common: &Arc<Common>) -> Arc<Self> {
        Arc::new(Self { common: Arc::clone(common), held: Mutex::default() })
    }

    /// The first line of a change's card here.
    pub fn card(&self, key: &CardKey) -> Option<String> {
        self.held.lock().unwrap().cards.get(key).map(|(line, _)| line.clone())
    }

    /// What hangs on the cards here, in order.
    pub fn posts(&self) -> Vec<String> {
        self.held.lock().unwrap().posts.clone()
    }

    /// Who was told what here, in private.
    pub fn told(&self) -> Vec<(String, String)> {
        self.held.lock().unwrap().told.clone()
    }

    /// A reaction is put on a card here.
    pub fn react(&self, key: &CardKey, by: &Person, emoji: &str) {
        let reacted = Reacted { by: by.clone(), standing: Standing::Member, emoji: emoji.to_owned() };
        self.held.lock().unwrap().reactions.entry(id(key)).or_default().push(reacted);
    }
}

fn id(key: &CardKey) -> String {
    format!("second-{}", key.change)
}

#[async_trait]
impl Chat for SecondChat {
    async fn card(&self, call: &Call, card: &Card) -> Answer<String> {
        self.common.begins(Part::SecondChat, call)?;
        if card.known.as_ref().is_some_and(|known| *known != id(&card.key)) {
            self.common.wrong(format!("kaas takes {:?} for a card of the second chat", card.known));
        }
        let line = card.message.plain().lines().next().unwrap_or_default().to_owned();
        self.held.lock().unwrap().cards.insert(card.key.clone(), (line, card.plan.clone()));
        Ok(id(&card.key))
    }

    async fn progress(&self, card: &Card) {
        if card.known.is_none() {
            self.common.wrong("progress is shown on a card that was never posted");
        }
    }

    fn reaches(&self, person: &Person) -> bool {
        ["bob", "dave"].contains(&person.name.as_str())
    }

    async fn reactions(&self, _place: &Place, card: &str) -> Answer<Option<Vec<Reacted>>> {
        self.common.up(Part::SecondChat)?;
        Ok(Some(self.held.lock().unwrap().reactions.get(card).cloned().unwrap_or_default()))
    }

    async fn post(
        &self,
        call: &Call,
        _place: &Place,
        card: &CardKey,
        known: Option<&str>,
        message: &Message,
        _file: Option<&Attachment>,
    ) -> Answer<()> {
        self.common.begins(Part::SecondChat, call)?;
        let mut held = self.held.lock().unwrap();
        if !held.cards.contains_key(card) || known.is_some_and(|known| known != id(card)) {
            self.common.wrong(format!("a post hangs on {known:?} in the second chat: {}", message.plain()));
        }
        if held.posted.insert(call.key.clone()) {
            held.posts.push(message.plain());
        }
        Ok(())
    }

    async fn tell(
        &self,
        call: &Call,
        _place: &Place,
        person: &Person,
        message: &Message,
        _file: Option<&Attachment>,
    ) -> Answer<()> {
        self.common.begins(Part::SecondChat, call)?;
        let mut held = self.held.lock().unwrap();
        if held.posted.insert(call.key.clone()) {
            held.told.push((person.name.clone(), message.plain()));
        }
        Ok(())
    }
}
