//! Which message is the card of which change: what this process posted, and what Slack's own history says of the rest.

use std::collections::HashMap;
use std::sync::{Mutex, MutexGuard, PoisonError};

use serde_json::Value;

use super::SlackChat;
use super::api::Failure;
use super::draw::block_id;
use super::tag::Tag;
use crate::chat::turning::Turning;
use crate::ports::CardKey;

/// How many cards are remembered; the history knows the others.
const CARDS_MAX: usize = 5_000;
/// Messages of one page of a history.
const PAGE: &str = "200";
/// Pages that are looked through: what is looked for was posted a moment ago.
const PAGES_MAX: usize = 3;

/// The cards that are known to this process.
#[derive(Default)]
pub(super) struct Cards {
    known: Mutex<Known>,
    pub turning: Turning<String>,
}

#[derive(Default)]
struct Known {
    by_message: HashMap<String, Tag>,
    by_card: HashMap<CardKey, String>,
    /// Whether the history was read: cards that an earlier process posted are known then.
    recalled: bool,
}

impl Cards {
    pub fn keep(&self, message: &str, tag: Tag) {
        let mut known = self.known();
        if known.by_message.len() >= CARDS_MAX && !known.by_message.contains_key(message) {
            known.by_message.clear();
            known.by_card.clear();
        }
        known.by_card.insert(tag.card(), message.to_owned());
        known.by_message.insert(message.to_owned(), tag);
    }

    pub fn forget(&self, message: &str) {
        let mut known = self.known();
        if let Some(tag) = known.by_message.remove(message) {
            known.by_card.remove(&tag.card());
        }
    }

    fn message_of(&self, card: &CardKey) -> Option<String> {
        self.known().by_card.get(card).cloned()
    }

    pub fn tag_of(&self, message: &str) -> Option<Tag> {
        self.known().by_message.get(message).cloned()
    }

    fn known(&self) -> MutexGuard<'_, Known> {
        self.known.lock().unwrap_or_else(PoisonError::into_inner)
    }
}

impl SlackChat {
    /// The message of a card, as far as this process or the channel's recent history knows. `again` looks into the history in any case.
    pub(super) async fn message_of(
        &self,
        card: &CardKey,
        key: Option<&str>,
        again: bool,
    ) -> Result<Option<String>, Failure> {
        if let Some(message) = self.cards.message_of(card) {
            return Ok(Some(message));
        }
        if self.cards.known().recalled && !again {
            return Ok(None);
        }
        let mut found = None;
        for message in self.history(&self.channel).await? {
            let (Some(ts), true) = (message["ts"].as_str(), self.people.is_own(&message)) else { continue };
            if key.is_some_and(|key| has_block(&message, key)) {
                found.get_or_insert_with(|| ts.to_owned());
            }
            // The newest comes first, and of two cards of a change the newer one is edited.
            if let Some(tag) = Tag::of_message(&message)
                && self.cards.message_of(&tag.card()).is_none()
            {
                self.cards.keep(ts, tag);
            }
        }
        self.cards.known().recalled = true;
        Ok(self.cards.message_of(card).or(found))
    }

    /// The card that a message is; `None` if it is none of kaas' cards.
    pub(super) async fn card_at(&self, message: &str) -> Result<Option<Tag>, Failure> {
        self.cards.turning.settled(&message.to_owned()).await;
        if let Some(tag) = self.cards.tag_of(message) {
            return Ok(Some(tag));
        }
        let span =
            [("channel", self.channel.as_str()), ("oldest", message), ("latest", message), ("inclusive", "true")];
        let params = [&span[..], &[("limit", "1"), ("include_all_metadata", "true")]].concat();
        let answer = self.api.get("conversations.history", &params).await?;
        let found = answer["messages"].as_array().into_iter().flatten().find(|found| found["ts"] == message);
        let tag = found.filter(|found| self.people.is_own(found)).and_then(Tag::of_message);
        if let Some(tag) = &tag {
            self.cards.keep(message, tag.clone());
        }
        Ok(tag)
    }

    /// The newest messages of a channel, the newest first.
    pub(super) async fn history(&self, channel: &str) -> Result<Vec<Value>, Failure> {
        let params = [("channel", channel), ("limit", PAGE), ("include_all_metadata", "true")];
        self.pages("conversations.history", &params, PAGES_MAX).await
    }

    /// The messages of a thread, the oldest first.
    pub(super) async fn thread(&self, channel: &str, message: &str) -> Result<Vec<Value>, Failure> {
        let params = [("channel", channel), ("ts", message), ("limit", PAGE)];
        self.pages("conversations.replies", &params, PAGES_MAX * 2).await
    }

    async fn pages(&self, method: &str, params: &[(&str, &str)], most: usize) -> Result<Vec<Value>, Failure> {
        let (mut all, mut cursor) = (Vec::new(), String::new());
        for _ in 0..most {
            let mut params = params.to_vec();
            if !cursor.is_empty() {
                params.push(("cursor", &cursor));
            }
            let answer = self.api.get(method, &params).await?;
            all.extend(answer["messages"].as_array().into_iter().flatten().cloned());
            let next = answer["response_metadata"]["next_cursor"].as_str().unwrap_or_default().to_owned();
            if next.is_empty() {
                break;
            }
            cursor = next;
        }
        Ok(all)
    }
}

/// Whether a message is the one that was posted under that key.
pub(super) fn has_block(message: &Value, key: &str) -> bool {
    let key = block_id(key);
    message["blocks"].as_array().into_iter().flatten().any(|block| block["block_id"] == key)
}

/// Whether a message holds a file of that name.
pub(super) fn has_file(message: &Value, name: &str) -> bool {
    message["files"].as_array().into_iter().flatten().any(|file| file["name"] == name)
}
