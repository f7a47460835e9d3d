//! Private answers to what somebody did: at once, or after saying that one is on its way; and where neither is possible any more, by direct message.
//!
//! Discord waits three seconds for the first word and takes others for fifteen minutes. A first word whose answer was lost is said once more: if it was
//! taken, Discord says so, and nothing is said twice.

use std::collections::VecDeque;
use std::sync::{Mutex, PoisonError};

use jiff::{SignedDuration, Timestamp};
use serde_json::{Value, json};
use serenity::all::{ApplicationId, InteractionId};
use serenity::http::{LightMethod, Route};
use tokio_util::sync::CancellationToken;

use super::DiscordChat;
use super::api::{Failure, Id};
use super::draw::{self, Names, Shape};
use super::trouble::{ACKNOWLEDGED, NO_DIRECT};
use super::wire::Doing;
use crate::ports::{Attachment, Reply};
use crate::render::message::Message;

/// The most messages of one private answer.
const SHEETS_MAX: usize = 5;
/// What only one person sees.
const PRIVATE: u64 = 64;
/// How long something can be answered; Discord takes a little more.
const ANSWERED: SignedDuration = SignedDuration::from_secs(14 * 60);
/// How many doings are remembered that can still be answered.
const RECENT_MAX: usize = 200;

/// The first words that Discord takes.
#[derive(Debug, Clone, Copy, PartialEq, Eq)]
pub(super) enum Word {
    /// A message.
    Message = 4,
    /// One is on its way.
    Later = 5,
    /// Nothing: what is there stays.
    Nothing = 6,
    /// What may be meant by what is being typed.
    Choices = 8,
    /// A form.
    Form = 9,
}

/// One message of a private answer.
#[derive(Debug, Clone)]
pub(super) struct Sheet {
    pub body: Value,
    pub file: Option<Attachment>,
}

impl Sheet {
    /// A body without a file.
    pub fn bare(body: Value) -> Self {
        Self { body, file: None }
    }

    /// A sentence.
    pub fn said(text: &str) -> Self {
        Self::bare(draw::message(&Message::text(text), &Names::new(), Shape::Private))
    }

    fn private(&self) -> Value {
        let mut body = self.body.clone();
        body["flags"] = json!(PRIVATE);
        body
    }

    /// All of an answer; a file goes with its last message.
    pub fn all(replies: &[Reply]) -> Vec<Self> {
        let mut sheets = Vec::new();
        for Reply { message, file } in replies {
            let bodies = draw::several(message, &Names::new(), Shape::Private, SHEETS_MAX);
            sheets.extend(bodies.into_iter().map(Self::bare));
            if let (Some(last), Some(file)) = (sheets.last_mut(), file) {
                last.file = Some(file.clone());
            }
        }
        sheets
    }
}

/// What became of a first word.
#[derive(Debug)]
pub(super) enum Acknowledged {
    /// It was said now.
    Yes,
    /// Something was said before: this delivery is another one's double.
    Before,
    /// It cannot be said any more.
    TooLate(Failure),
}

/// Something that can still be answered.
#[derive(Debug, Clone)]
struct Recent {
    user: Id,
    token: String,
    at: Timestamp,
    /// What was asked, and what was answered.
    words: String,
}

/// What was done lately, and can still be answered.
#[derive(Default)]
pub(super) struct Recents(Mutex<VecDeque<Recent>>);

impl Recents {
    fn add(&self, recent: Recent) {
        let mut all = self.0.lock().unwrap_or_else(PoisonError::into_inner);
        if all.len() >= RECENT_MAX {
            all.pop_front();
        }
        all.push_back(recent);
    }

    /// Takes those out that spoke of this, and can still be answered.
    fn take(&self, word: &str, now: Timestamp) -> Vec<Recent> {
        let mut all = self.0.lock().unwrap_or_else(PoisonError::into_inner);
        all.retain(|recent| now.duration_since(recent.at) < ANSWERED);
        let (spoke, others) = std::mem::take(&mut *all).into_iter().partition(|recent| speaks_of(&recent.words, word));
        *all = others;
        Vec::from(spoke)
    }

    /// What answers the last thing that this person did, if that can still be answered.
    fn last_of(&self, user: Id, now: Timestamp) -> Option<String> {
        let all = self.0.lock().unwrap_or_else(PoisonError::into_inner);
        let mut own = all.iter().rev().filter(|recent| recent.user == user && now.duration_since(recent.at) < ANSWERED);
        own.next().map(|recent| recent.token.clone())
    }
}

/// Whether a name stands in a text as a word of its own.
fn speaks_of(text: &str, name: &str) -> bool {
    text.split(|c: char| !c.is_ascii_alphanumeric() && c != '-').any(|word| word == name)
}

impl DiscordChat {
    /// Says the first word.
    pub(super) async fn acknowledge(
        &self,
        doing: &Doing,
        word: Word,
        data: &Value,
        file: Option<&Attachment>,
    ) -> Acknowledged {
        let body = match word {
            Word::Nothing => json!({ "type": word as u8 }),
            Word::Message | Word::Later | Word::Choices | Word::Form => json!({ "type": word as u8, "data": data }),
        };
        let route =
            || Route::InteractionResponse { interaction_id: InteractionId::from(doing.id), token: &doing.token };
        let once = || self.api.send("acknowledge", LightMethod::Post, route(), &body, file);
        match once().await {
            Ok(_) => Acknowledged::Yes,
            Err(failure) if failure.is(&[ACKNOWLEDGED]) => Acknowledged::Before,
            Err(Failure::Silent { .. } | Failure::Limited { .. }) => match once().await {
                Ok(_) => Acknowledged::Yes,
                // The first time it was heard after all.
                Err(failure) if failure.is(&[ACKNOWLEDGED]) => Acknowledged::Yes,
                Err(failure) => Acknowledged::TooLate(failure),
            },
            Err(failure) => Acknowledged::TooLate(failure),
        }
    }

    /// Says that an answer is on its way, for that person alone.
    pub(super) async fn defer(&self, doing: &Doing) -> Acknowledged {
        self.acknowledge(doing, Word::Later, &json!({ "flags": PRIVATE }), None).await
    }

    /// Answers at once.
    pub(super) async fn answer_now(&self, doing: &Doing, sheets: &[Sheet]) {
        let noted = [Sheet::said("Noted.")];
        let (first, rest) = match sheets.split_first() {
            Some(sheets) => sheets,
            // Nothing can be left as it is only where there is something.
            None if doing.message.is_object() => {
                let _ = self.acknowledge(doing, Word::Nothing, &Value::Null, None).await;
                return;
            }
            None => (&noted[0], &noted[1..]),
        };
        match self.acknowledge(doing, Word::Message, &first.private(), first.file.as_ref()).await {
            Acknowledged::Yes => self.follow_up(doing.user, &doing.token, rest).await,
            Acknowledged::Before => {}
            Acknowledged::TooLate(failure) => {
                tracing::info!(discord.failure = %failure, "an answer came too late for its first word; it is sent directly");
                self.tell_directly(doing.user, sheets).await;
            }
        }
    }

    /// Answers after saying that an answer is on its way.
    pub(super) async fn answer_later(&self, doing: &Doing, sheets: &[Sheet]) {
        let Some(application_id) = self.application() else { return self.tell_directly(doing.user, sheets).await };
        let route = Route::WebhookOriginalInteractionResponse { application_id, token: &doing.token };
        let Some((first, rest)) = sheets.split_first() else {
            if let Err(failure) = self.api.delete("take an answer back", route).await {
                tracing::debug!(discord.failure = %failure, "an answer that is on its way cannot be taken back");
            }
            return;
        };
        match self.api.send("answer", LightMethod::Patch, route, &first.body, first.file.as_ref()).await {
            Ok(_) => self.follow_up(doing.user, &doing.token, rest).await,
            Err(failure) => {
                tracing::info!(discord.failure = %failure, "an answer came too late; it is sent directly");
                self.tell_directly(doing.user, sheets).await;
            }
        }
    }

    /// Says more after the first word.
    async fn follow_up(&self, user: Id, token: &str, sheets: &[Sheet]) {
        for (nth, sheet) in sheets.iter().enumerate() {
            if let Err(failure) = self.say_more(token, sheet).await {
                tracing::info!(discord.failure = %failure, "an answer cannot be given where it was asked for; it is sent directly");
                return self.tell_directly(user, &sheets[nth..]).await;
            }
        }
    }

    async fn say_more(&self, token: &str, sheet: &Sheet) -> Result<(), Failure> {
        let application_id: ApplicationId =
            self.application().ok_or_else(|| Failure::lacks("answer", "an application"))?;
        let route = Route::WebhookFollowupMessages { application_id, token };
        self.api.send("answer", LightMethod::Post, route, &sheet.private(), sheet.file.as_ref()).await.map(drop)
    }

    /// Gives a private answer as direct messages. Whoever takes none is not answered: what is private is said nowhere else.
    pub(super) async fn tell_directly(&self, user: Id, sheets: &[Sheet]) {
        for sheet in sheets {
            let told = async {
                let channel = self.direct(user).await?;
                self.write(channel, &sheet.body, sheet.file.as_ref(), &CancellationToken::new()).await.map(drop)
            };
            match told.await {
                Ok(()) => {}
                Err(closed) if closed.is(&[NO_DIRECT]) => {
                    tracing::info!(discord.user = user, "a private answer was not given: they take no direct messages");
                    return;
                }
                Err(failure) => {
                    tracing::warn!(discord.user = user, discord.failure = %failure, "a private answer could not be given");
                    return;
                }
            }
        }
    }

    /// Remembers what can still be answered, with what was asked and answered.
    pub(super) fn remember(&self, doing: &Doing, asked: &str, sheets: &[Sheet]) {
        let answered = sheets.iter().filter_map(|sheet| sheet.body["content"].as_str());
        // A name is drawn with signs that keep it from being a format.
        let words = std::iter::once(asked).chain(answered).collect::<Vec<_>>().join(" ").replace('\\', "");
        self.recents.add(Recent { user: doing.user, token: doing.token.clone(), at: self.clock.now(), words });
    }

    /// Says something to somebody who takes no direct messages where they last did something, for them alone; whether it was said.
    pub(super) async fn tell_where_they_are(&self, user: Id, sheets: &[Sheet]) -> bool {
        let Some(token) = self.recents.last_of(user, self.clock.now()) else { return false };
        for sheet in sheets {
            if let Err(failure) = self.say_more(&token, sheet).await {
                tracing::info!(discord.failure = %failure, "somebody who takes no direct messages could not be told where they last did something");
                return false;
            }
        }
        true
    }

    /// Tells those who spoke of a cluster just now what keeps kaas from going on: where it cannot write, they would wait for nothing.
    pub(super) async fn tell_who_waits(&self, cluster: &str, line: &str) {
        for recent in self.recents.take(cluster, self.clock.now()) {
            self.follow_up(recent.user, &recent.token, &[Sheet::said(line)]).await;
        }
    }
}

#[cfg(test)]
mod tests {
    use super::*;
    use crate::chat::discord::api::id;

    #[test]
    fn who_spoke_of_a_cluster_lately_is_found_once() {
        let (recents, now) = (Recents::default(), Timestamp::from_second(1_000_000).expect("a moment"));
        let recent = |user: &str, words: &str, ago: i64| Recent {
            user: id(user).expect("an id"),
            token: "t".to_owned(),
            at: now - SignedDuration::from_secs(ago),
            words: words.to_owned(),
        };
        recents.add(recent("1", "/kaas request \"teal-otter\" On it.", 60));
        recents.add(recent("2", "/kaas request \"teal-otter-two\"", 60));
        recents.add(recent("3", "`teal-otter` is asked for", 15 * 60));
        let found: Vec<Id> = recents.take("teal-otter", now).iter().map(|recent| recent.user).collect();
        assert_eq!(found, [id("1").expect("an id")]);
        assert!(recents.take("teal-otter", now).is_empty(), "once");
        assert_eq!(recents.last_of(id("2").expect("an id"), now), Some("t".to_owned()));
        assert_eq!(recents.last_of(id("3").expect("an id"), now), None, "too long ago");
        assert_eq!(recents.take("teal-otter-two", now).len(), 1);
    }
}
