//! What kaas says in Slack: cards, posts in their threads, private messages, files; and the reactions that stand on a card.
//!
//! Every call may be a second attempt whose first one was done and not answered. A second attempt looks for the first one's key before it writes.

use std::collections::HashMap;
use std::sync::atomic::Ordering;

use async_trait::async_trait;
use serde_json::{Value, json};
use tokio_util::sync::CancellationToken;

use super::SlackChat;
use super::api::Failure;
use super::cards::{has_block, has_file};
use super::draw::{self, Drawn, cut};
use super::tag::Tag;
use crate::lifecycle::{Person, Place};
use crate::ports::{Answer, Attachment, Call, Card, CardKey, Chat, Reacted, Trouble, Vital};
use crate::render::message::Message;

/// Slack's words for a thread that is not there.
const NO_THREAD: [&str; 3] = ["thread_not_found", "cannot_reply_to_message", "invalid_thread_ts"];

/// The longest name of a file.
const FILE_NAME_MAX: usize = 200;

#[async_trait]
impl Chat for SlackChat {
    async fn card(&self, call: &Call, card: &Card) -> Answer<String> {
        self.touched().await?;
        let key = call.key.to_string();
        let known = match &card.known {
            Some(known) => Some(known.clone()),
            None => {
                let looked = self.message_of(&card.key, Some(&key), call.attempt > 1).await;
                looked.map_err(|failure| self.trouble(failure))?
            }
        };
        if let Some(message) = known {
            self.pace.edit(&message, &call.stop).await?;
            match self.edit(&message, card, Some(&key)).await {
                Ok(()) => return Ok(message),
                // Somebody deleted it: the change needs a card all the same.
                Err(gone) if gone.is(&["message_not_found"]) => self.cards.forget(&message),
                Err(failure) => return Err(self.limited(&message, failure)),
            }
        }
        let tag = Tag::new(&card.key, card.plan.as_ref());
        let names = self.people.names(&card.message).await;
        let drawn = draw::one(&card.message, &names, Some(&key), Some(&tag.value()));
        let body = drawn.put_into(json!({ "metadata": tag.metadata() }));
        let message = self.write(&self.channel, body, &call.stop).await?;
        self.cards.keep(&message, tag);
        Ok(message)
    }

    async fn progress(&self, card: &Card) {
        let Some(message) = card.known.as_ref().filter(|_| self.is_in_touch()) else { return };
        if !self.pace.may_edit(message) {
            return;
        }
        if let Err(failure) = self.edit(message, card, None).await {
            tracing::debug!(slack.failure = %failure, "progress was not shown");
            let _ = self.limited(message, failure);
        }
    }

    async fn post(
        &self,
        call: &Call,
        _: &Place,
        card: &CardKey,
        known: Option<&str>,
        message: &Message,
        file: Option<&Attachment>,
    ) -> Answer<()> {
        self.touched().await?;
        let thread = match known {
            Some(known) => Some(known.to_owned()),
            None => self.message_of(card, None, false).await.map_err(|failure| self.trouble(failure))?,
        };
        self.say(call, &self.channel, thread.as_deref(), message, file).await
    }

    async fn tell(
        &self,
        call: &Call,
        _: &Place,
        person: &Person,
        message: &Message,
        file: Option<&Attachment>,
    ) -> Answer<()> {
        self.touched().await?;
        let user = self.people.user_of(&person.id).await.map_err(|failure| self.trouble(failure))?;
        let Some(user) = user else {
            let line = format!(
                "Slack: nobody there is known to be {}; add their Slack user id or e-mail address",
                person.name
            );
            return Err(Trouble::Lasting { line, source: None });
        };
        let channel = self.direct(&user).await.map_err(|failure| self.trouble(failure))?;
        self.say(call, &channel, None, message, file).await
    }

    fn reaches(&self, person: &Person) -> bool {
        self.people.knows(&person.id)
    }

    async fn reactions(&self, _: &Place, card: &str) -> Answer<Option<Vec<Reacted>>> {
        self.touched().await?;
        let params = [("channel", self.channel.as_str()), ("timestamp", card), ("full", "true")];
        let answer = match self.api.get("reactions.get", &params).await {
            Ok(answer) => answer,
            // Nothing stands on a card that is gone, and nothing is to be concluded from that.
            Err(gone) if gone.is(&["message_not_found"]) => return Ok(None),
            Err(failure) => return Err(self.trouble(failure)),
        };
        let mut all = Vec::new();
        for reaction in answer["message"]["reactions"].as_array().into_iter().flatten() {
            let emoji = reaction["name"].as_str().unwrap_or_default();
            let users = reaction["users"].as_array().into_iter().flatten().filter_map(Value::as_str);
            for user in users.filter(|user| !self.people.is_kaas(user)) {
                let who = self.people.who(user).await.map_err(|failure| self.trouble(failure))?;
                all.push(Reacted { by: who.person, standing: who.standing, emoji: emoji.to_owned() });
            }
        }
        Ok(Some(all))
    }
}

impl SlackChat {
    /// Edits a card's message.
    async fn edit(&self, message: &str, card: &Card, key: Option<&str>) -> Result<(), Failure> {
        let tag = Tag::new(&card.key, card.plan.as_ref());
        let names = self.people.names(&card.message).await;
        let drawn = draw::one(&card.message, &names, key, Some(&tag.value()));
        let body = json!({ "channel": self.channel, "ts": message, "metadata": tag.metadata() });
        let is_turned = self.cards.tag_of(message).is_none_or(|known| known.plan != tag.plan);
        let _turn = is_turned.then(|| {
            self.cards.keep(message, Tag { plan: None, ..tag.clone() });
            self.cards.turning.begin(message.to_owned())
        });
        self.api.post("chat.update", &drawn.put_into(body)).await?;
        self.cards.keep(message, tag);
        Ok(())
    }

    /// Says something in a channel, in a thread of it or not. What there is to read is said at once; a file that goes with it follows as a message of its own,
    /// and is on its way to Slack meanwhile.
    async fn say(
        &self,
        call: &Call,
        channel: &str,
        thread: Option<&str>,
        message: &Message,
        file: Option<&Attachment>,
    ) -> Answer<()> {
        let key = call.key.to_string();
        let file = file.filter(|file| !file.content.is_empty());
        let there = match call.attempt > 1 {
            true => self.what_is_there(channel, thread).await.map_err(|failure| self.trouble(failure))?,
            false => Vec::new(),
        };
        let write = async {
            if there.iter().any(|message| has_block(message, &key)) {
                return Ok(());
            }
            let names = self.people.names(message).await;
            let drawn = draw::one(message, &names, Some(&key), None);
            self.write(channel, in_thread(drawn, thread), &call.stop).await.map(drop)
        };
        // A file is known by its name, which tells the plan.
        let file = file.filter(|file| !there.iter().any(|message| has_file(message, &file_name(file))));
        let Some(file) = file else { return write.await };
        let (written, sent) = tokio::join!(write, self.send(file));
        written?;
        let id = sent.map_err(|failure| self.trouble(failure))?;
        self.pace.message(channel, &call.stop).await?;
        self.show_file(channel, thread, None, (&id, file)).await.map_err(|failure| self.limited(channel, failure))
    }

    /// kaas' own messages where an earlier attempt may have said something.
    async fn what_is_there(&self, channel: &str, thread: Option<&str>) -> Result<Vec<Value>, Failure> {
        let mut messages = match thread {
            Some(thread) => match self.thread(channel, thread).await {
                Err(gone) if gone.is(&["thread_not_found", "message_not_found"]) => Vec::new(),
                looked => looked?,
            },
            None => self.history(channel).await?,
        };
        messages.retain(|message| self.people.is_own(message));
        Ok(messages)
    }

    /// Writes a message when it is its turn. Answers the message's id.
    pub(super) async fn write(&self, channel: &str, mut body: Value, stop: &CancellationToken) -> Answer<String> {
        self.pace.message(channel, stop).await?;
        body["channel"] = json!(channel);
        body["unfurl_links"] = json!(false);
        body["unfurl_media"] = json!(false);
        let mut answer = self.api.post("chat.postMessage", &body).await;
        if answer.as_ref().is_err_and(|failure| failure.is(&NO_THREAD)) {
            // The card was deleted: what there is to say is said in the channel.
            body["thread_ts"] = Value::Null;
            answer = self.api.post("chat.postMessage", &body).await;
        }
        let answer = answer.map_err(|failure| self.limited(channel, failure))?;
        answer["ts"].as_str().map(str::to_owned).ok_or_else(|| {
            Trouble::passing(
                "Slack does not say which message it posted",
                anyhow::anyhow!("chat.postMessage without a ts"),
            )
        })
    }

    /// Shares a file, with what is said about it, as one message.
    pub(super) async fn share(
        &self,
        channel: &str,
        thread: Option<&str>,
        comment: &str,
        file: &Attachment,
    ) -> Result<(), Failure> {
        let id = self.send(file).await?;
        self.show_file(channel, thread, Some(comment), (&id, file)).await
    }

    /// Sends a file to Slack, where nobody sees it yet. Answers Slack's id of it.
    async fn send(&self, file: &Attachment) -> Result<String, Failure> {
        let (name, length) = (file_name(file), file.content.len().to_string());
        let params = [("filename", name.as_str()), ("length", length.as_str())];
        let place = self.api.get("files.getUploadURLExternal", &params).await?;
        let missing =
            |what: &str| Failure::Silent { method: "files.getUploadURLExternal".to_owned(), what: what.to_owned() };
        let url = place["upload_url"].as_str().ok_or_else(|| missing("no upload_url"))?;
        let id = place["file_id"].as_str().ok_or_else(|| missing("no file_id"))?;
        self.api.upload(url, file.content.as_bytes()).await?;
        Ok(id.to_owned())
    }

    /// Shows a file that Slack has, as a message.
    async fn show_file(
        &self,
        channel: &str,
        thread: Option<&str>,
        comment: Option<&str>,
        (id, file): (&str, &Attachment),
    ) -> Result<(), Failure> {
        let mut body = json!({ "files": [{ "id": id, "title": file_name(file) }], "channel_id": channel });
        if let Some(comment) = comment {
            body["initial_comment"] = json!(comment);
        }
        if let Some(thread) = thread {
            body["thread_ts"] = json!(thread);
        }
        let method = "files.completeUploadExternal";
        match self.api.post(method, &body).await {
            // The card was deleted: what there is to say is said in the channel.
            Err(gone) if thread.is_some() && gone.is(&NO_THREAD) => {
                body["thread_ts"] = Value::Null;
                self.api.post(method, &body).await.map(drop)
            }
            other => other.map(drop),
        }
    }

    /// The channel of the direct messages with somebody.
    pub(super) async fn direct(&self, user: &str) -> Result<String, Failure> {
        if let Some(known) = self.directs().get(user) {
            return Ok(known.clone());
        }
        let answer = self.api.post("conversations.open", &json!({ "users": user })).await?;
        let channel = answer["channel"]["id"].as_str().map(str::to_owned).ok_or_else(|| Failure::Silent {
            method: "conversations.open".to_owned(),
            what: "no channel".to_owned(),
        })?;
        self.directs().insert(user.to_owned(), channel.clone());
        Ok(channel)
    }

    fn directs(&self) -> std::sync::MutexGuard<'_, HashMap<String, String>> {
        self.directs.lock().unwrap_or_else(std::sync::PoisonError::into_inner)
    }

    pub(super) fn trouble(&self, failure: Failure) -> Trouble {
        failure.trouble(self.channel_name())
    }

    /// As [`Self::trouble`]; where Slack asked for silence, nobody else writes there until it is over.
    pub(super) fn limited(&self, place: &str, failure: Failure) -> Trouble {
        if let Failure::Limited { wait, .. } = &failure {
            self.pace.hush(place, (*wait).try_into().unwrap_or_default());
        }
        self.trouble(failure)
    }
}

impl Vital for SlackChat {
    fn name(&self) -> String {
        self.name.clone()
    }

    fn heard_seconds_ago(&self) -> Option<u64> {
        self.api.heard_seconds_ago()
    }

    fn is_ready(&self) -> bool {
        self.is_in_touch() && (!self.listens.load(Ordering::Relaxed) || !self.sockets().is_empty())
    }
}

fn in_thread(drawn: Drawn, thread: Option<&str>) -> Value {
    let body = drawn.put_into(json!({}));
    match thread {
        Some(thread) => {
            let mut body = body;
            body["thread_ts"] = json!(thread);
            body
        }
        None => body,
    }
}

fn file_name(file: &Attachment) -> String {
    cut(&file.name, FILE_NAME_MAX)
}
