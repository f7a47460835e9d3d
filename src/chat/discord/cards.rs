//! Which message is the card of which change, what it showed, and which messages an earlier attempt has written: what this process did, and what Discord's
//! own history says of the rest.

use std::collections::{HashMap, HashSet};
use std::sync::{Mutex, MutexGuard, PoisonError};

use serde_json::Value;
use serenity::all::{ChannelId, MessageId};
use serenity::http::Route;
use sha2::{Digest, Sha256};

use super::DiscordChat;
use super::api::{Failure, Id, id_of};
use super::trouble::NO_MESSAGE;
use super::{draw, ids, marks};
use crate::chat::turning::Turning;
use crate::lifecycle::{ClusterKey, EffectKey, PlanDigest};
use crate::ports::CardKey;

/// How many cards are remembered; the history knows the others.
const CARDS_MAX: usize = 5_000;
/// Messages of one page of a history.
const PAGE: usize = 100;
/// Pages that are looked through: what is looked for was posted a moment ago.
const PAGES_MAX: usize = 6;
/// The longest nonce that Discord takes.
const NONCE_MAX: usize = 25;
/// What a mark is written with: characters that nobody sees.
const UNSEEN: [char; 4] = ['\u{200b}', '\u{200c}', '\u{200d}', '\u{2060}'];
/// The bytes of a mark.
const MARK_BYTES: usize = 6;

/// What a card's message shows.
#[derive(Debug, Clone, PartialEq, Eq)]
pub(super) struct Shown {
    pub card: CardKey,
    pub plan: Option<PlanDigest>,
    /// Whether there is something to press: then the change is open.
    pub is_open: bool,
}

/// The cards that are known to this process.
#[derive(Default)]
pub(super) struct Cards {
    known: Mutex<Known>,
    pub turning: Turning<Id>,
}

#[derive(Default)]
struct Known {
    by_message: HashMap<Id, Shown>,
    by_card: HashMap<CardKey, Id>,
    /// Whether the history was read: cards that an earlier process posted are known then.
    recalled: bool,
}

impl Cards {
    pub fn keep(&self, message: Id, shown: Shown) {
        let mut known = self.known();
        if known.by_message.len() >= CARDS_MAX && !known.by_message.contains_key(&message) {
            *known = Known::default();
        }
        known.by_card.insert(shown.card.clone(), message);
        known.by_message.insert(message, shown);
    }

    pub fn forget(&self, message: Id) {
        let mut known = self.known();
        if let Some(shown) = known.by_message.remove(&message) {
            known.by_card.remove(&shown.card);
        }
    }

    pub fn shown(&self, message: Id) -> Option<Shown> {
        self.known().by_message.get(&message).cloned()
    }

    fn message_of(&self, card: &CardKey) -> Option<Id> {
        self.known().by_card.get(card).copied()
    }

    /// The newest card of a cluster.
    fn newest_of(&self, cluster: &ClusterKey) -> Option<(CardKey, Id)> {
        let known = self.known();
        let own = known.by_card.iter().filter(|(card, _)| card.cluster == *cluster);
        own.max_by_key(|(card, _)| card.change).map(|(card, message)| (card.clone(), *message))
    }

    fn known(&self) -> MutexGuard<'_, Known> {
        self.known.lock().unwrap_or_else(PoisonError::into_inner)
    }
}

impl DiscordChat {
    /// The message of a card, as far as this process or the channel's recent history knows. `again` looks into the history in any case.
    pub(super) async fn message_of(&self, card: &CardKey, again: bool) -> Result<Option<Id>, Failure> {
        if let Some(message) = self.cards.message_of(card) {
            return Ok(Some(message));
        }
        if again || !self.cards.known().recalled {
            self.recall().await?;
        }
        Ok(self.cards.message_of(card))
    }

    /// The newest card of a cluster, for what belongs to no certain one.
    pub(super) async fn newest_card(&self, cluster: &ClusterKey) -> Result<Option<(CardKey, Id)>, Failure> {
        if !self.cards.known().recalled {
            self.recall().await?;
        }
        Ok(self.cards.newest_of(cluster))
    }

    async fn recall(&self) -> Result<(), Failure> {
        for message in self.history(self.channel).await? {
            let (Some(id), true) = (id_of(&message["id"]), self.is_own(&message)) else { continue };
            // The newest comes first, and of two cards of a change the newer one is edited.
            if let Some(shown) = read(&message)
                && self.cards.message_of(&shown.card).is_none()
            {
                self.cards.keep(id, shown);
            }
        }
        self.cards.known().recalled = true;
        Ok(())
    }

    /// The card that a message is; `None` if it is none of kaas' cards.
    pub(super) async fn card_at(&self, message: Id) -> Result<Option<Shown>, Failure> {
        self.cards.turning.settled(&message).await;
        if let Some(shown) = self.cards.shown(message) {
            return Ok(Some(shown));
        }
        let route =
            Route::ChannelMessage { channel_id: ChannelId::from(self.channel), message_id: MessageId::from(message) };
        let found = match self.api.get("read a message", route).await {
            Err(gone) if gone.is(&[NO_MESSAGE]) => return Ok(None),
            found => found?,
        };
        let shown = Some(&found).filter(|found| self.is_own(found)).and_then(read);
        if let Some(shown) = &shown {
            self.cards.keep(message, shown.clone());
        }
        Ok(shown)
    }

    /// The newest messages of a channel or a thread, the newest first.
    pub(super) async fn history(&self, channel: Id) -> Result<Vec<Value>, Failure> {
        let mut all: Vec<Value> = Vec::new();
        for _ in 0..PAGES_MAX {
            let mut params = vec![("limit", PAGE.to_string())];
            if let Some(last) = all.last().and_then(|message| id_of(&message["id"])) {
                params.push(("before", last.to_string()));
            }
            let route = Route::ChannelMessages { channel_id: ChannelId::from(channel) };
            let page = self.api.list("read messages", route, &params).await?;
            let is_last = page.len() < PAGE;
            all.extend(page);
            if is_last {
                break;
            }
        }
        Ok(all)
    }

    /// What kaas itself has written in a channel or a thread, to see whether an earlier attempt was done.
    pub(super) async fn own_history(&self, channel: Id) -> Result<Written, Failure> {
        let mut messages = self.history(channel).await?;
        messages.retain(|message| self.is_own(message));
        Ok(Written(messages.iter().filter_map(|message| message["content"].as_str().map(str::to_owned)).collect()))
    }

    /// Whether kaas wrote this message.
    pub(super) fn is_own(&self, message: &Value) -> bool {
        self.own_id().is_some_and(|own| id_of(&message["author"]["id"]) == Some(own))
    }
}

/// What a message of kaas shows, if it is a card.
fn read(message: &Value) -> Option<Shown> {
    let (card, plan) = ids::of_message(message)?;
    let is_open = message["components"].as_array().is_some_and(|rows| !rows.is_empty());
    Some(Shown { card, plan, is_open })
}

/// Contents that kaas wrote.
#[derive(Default)]
pub(super) struct Written(HashSet<String>);

impl Written {
    /// Whether this body was written: known by its mark, or, where no mark found room, by its whole content.
    pub fn holds(&self, body: &Value, key: &str) -> bool {
        let mark = mark(key);
        let content = body["content"].as_str().unwrap_or_default();
        self.0.iter().any(|known| known.ends_with(&mark) || known == content)
    }
}

/// What identifies one message of an effect: `part` counts where an effect takes several.
pub(super) fn key_of(effect: &EffectKey, part: &str) -> String {
    format!("{effect}/{part}")
}

/// A body as Discord takes it only once within some minutes, and as it can be found later: Discord forgets a nonce, so what is not drawn as an embed ends in
/// a mark that nobody sees.
pub(super) fn marked(mut body: Value, key: &str) -> Value {
    let digest: String = Sha256::digest(key).iter().map(|byte| format!("{byte:02x}")).collect();
    body["nonce"] = digest[..NONCE_MAX].into();
    body["enforce_nonce"] = true.into();
    if let Some(content) = body["content"].as_str().filter(|content| !content.is_empty()) {
        let content = format!("{content}{}", mark(key));
        if marks::long(&content) <= draw::CONTENT_MAX {
            body["content"] = content.into();
        }
    }
    body
}

fn mark(key: &str) -> String {
    let digest = Sha256::digest(key);
    let pairs = digest.iter().take(MARK_BYTES).flat_map(|byte| [byte >> 6, byte >> 4 & 3, byte >> 2 & 3, byte & 3]);
    pairs.map(|pair| UNSEEN[usize::from(pair)]).collect()
}

#[cfg(test)]
mod tests {
    use serde_json::json;

    use super::*;
    use crate::lifecycle::form::is_invisible;

    #[test]
    fn what_was_written_is_found_by_a_mark_that_nobody_sees() {
        let (body, other) = (json!({ "content": "Planning." }), json!({ "content": "Planning." }));
        let (first, second) = (marked(body.clone(), "a/1/0"), marked(other, "a/2/0"));
        let content = first["content"].as_str().expect("a content").to_owned();
        assert_eq!(content.chars().filter(|c| !is_invisible(*c)).collect::<String>(), "Planning.");
        assert_ne!(first["content"], second["content"]);
        assert_ne!(first["nonce"], second["nonce"]);
        assert_eq!(first["nonce"].as_str().map(str::len), Some(NONCE_MAX));
        let written = Written(HashSet::from([content]));
        assert!(written.holds(&first, "a/1/0") && !written.holds(&second, "a/2/0"));
    }

    #[test]
    fn a_full_message_takes_no_mark_and_is_known_by_its_words() {
        let body = json!({ "content": "x".repeat(draw::CONTENT_MAX - 3) });
        let full = marked(body.clone(), "a/1/0");
        assert_eq!(full["content"], body["content"]);
        let written = Written(HashSet::from([body["content"].as_str().expect("a content").to_owned()]));
        assert!(written.holds(&full, "a/1/0"));
        assert!(!written.holds(&json!({ "content": "y" }), "a/1/0"));
    }
}
