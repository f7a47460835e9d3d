//! What kaas says in Discord: cards, posts in their threads, direct messages, files; and the reactions that stand on a card.
//!
//! Every call may be a second attempt whose first one was done and not answered. Discord takes a nonce only once for some minutes; a second attempt looks,
//! besides, for what the first one wrote.

use std::sync::PoisonError;
use std::sync::atomic::Ordering;

use async_trait::async_trait;
use futures_util::stream;
use futures_util::{StreamExt, TryStreamExt};
use jiff::SignedDuration;
use serde_json::{Value, json};
use serenity::all::{ChannelId, MessageId};
use serenity::http::{LightMethod, Route};
use tokio_util::sync::CancellationToken;

use super::DiscordChat;
use super::answer::Sheet;
use super::api::{Failure, Id, id, id_of};
use super::cards::{Shown, Written, key_of, marked};
use super::draw::{self, Shape};
use super::trouble::{NO_ACCESS, NO_CHANNEL, NO_DIRECT, NO_MESSAGE, NO_PERMISSION};
use crate::lifecycle::{Person, Place};
use crate::ports::{Answer, Attachment, Call, Card, CardKey, Chat, Reacted, Reply, Trouble, Vital};
use crate::render::message::{Line, Message, Span};

/// The most messages that one post becomes.
const SHEETS_MAX: usize = 4;
/// People of one page of a reaction.
const REACTORS: usize = 100;
/// About how many of them Discord is asked at once.
const ASKED_AT_ONCE: usize = 8;
/// The most people whose reactions are read, over all emoji of a card.
const REACTORS_MAX: usize = 500;
/// How often somebody who takes no direct messages is called because of a cluster.
const CALLED_EVERY: SignedDuration = SignedDuration::from_hours(1);

/// Where something is said.
#[derive(Debug, Clone)]
pub(super) enum Where {
    /// In a channel, or in direct messages.
    Channel(Id),
    /// In the thread of a card, by the card's message: it has the same id.
    Thread { card: CardKey, message: Id },
}

#[async_trait]
impl Chat for DiscordChat {
    async fn card(&self, call: &Call, card: &Card) -> Answer<String> {
        self.touched().await?;
        let known = match card.known.as_deref().and_then(id) {
            Some(known) => Some(known),
            None => match self.message_of(&card.key, call.attempt > 1).await {
                Ok(known) => known,
                Err(failure) => return Err(self.trouble_of(card, failure).await),
            },
        };
        if let Some(message) = known {
            self.turn_to_edit(message, &call.stop).await?;
            match self.edit(message, card).await {
                Ok(()) => return Ok(message.to_string()),
                // Somebody deleted it: the change needs a card all the same.
                Err(gone) if gone.is(&[NO_MESSAGE]) => self.cards.forget(message),
                Err(failure) => return Err(self.trouble_of(card, failure).await),
            }
        }
        let body = marked(self.drawn(card), &key_of(&call.key, "card"));
        self.pace.message(&self.channel.to_string(), &call.stop).await?;
        match self.put(self.channel, &body, None).await {
            Ok(message) => {
                self.cards.keep(message, shown(card));
                Ok(message.to_string())
            }
            Err(failure) => Err(self.trouble_of(card, failure).await),
        }
    }

    async fn progress(&self, card: &Card) {
        let Some(message) = card.known.as_deref().and_then(id).filter(|_| self.is_in_touch()) else { return };
        if !self.pace.may_edit(&message.to_string()) || !self.pace.may_write(&self.edits()) {
            return;
        }
        if let Err(failure) = self.edit(message, card).await {
            tracing::debug!(discord.failure = %failure, "progress was not shown");
            self.hushed(&message.to_string(), &failure);
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
        let place = match known.and_then(id) {
            Some(known) => Some(known),
            None => match self.message_of(card, false).await {
                Ok(found) => found,
                Err(failure) => return Err(self.trouble(failure).await),
            },
        };
        let place = match place {
            Some(message) => Where::Thread { card: card.clone(), message },
            None => Where::Channel(self.channel),
        };
        self.say(call, &place, "post", message, file).await
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
        let Some(user) = self.people.user_of(&person.id) else {
            let line = format!("Discord: nobody there is known to be {}; add their Discord user id", person.name);
            return Err(Trouble::Lasting { line, source: None });
        };
        let told = match self.direct(user).await {
            Ok(channel) => self.try_to_say(call, &Where::Channel(channel), "tell", message, file).await?,
            Err(failure) => Err(failure),
        };
        match told {
            Ok(()) => Ok(()),
            Err(closed) if closed.is(&[NO_DIRECT]) => {
                let sheets = Sheet::all(&[Reply { message: message.clone(), file: file.cloned() }]);
                if self.tell_where_they_are(user, &sheets).await {
                    return Ok(());
                }
                self.call_for(call, person, user).await
            }
            Err(failure) => Err(self.trouble(failure).await),
        }
    }

    fn reaches(&self, person: &Person) -> bool {
        self.people.user_of(&person.id).is_some()
    }

    async fn reactions(&self, _: &Place, card: &str) -> Answer<Option<Vec<Reacted>>> {
        self.touched().await?;
        let Some(message) = id(card) else { return Ok(None) };
        match self.who_reacted(message).await {
            Ok(all) => Ok(Some(all)),
            // Nothing stands on a card that is gone, and nothing is to be concluded from that.
            Err(gone) if gone.is(&[NO_MESSAGE, NO_CHANNEL]) => Ok(None),
            Err(failure) => Err(self.trouble(failure).await),
        }
    }
}

impl DiscordChat {
    fn drawn(&self, card: &Card) -> Value {
        let names = self.people.names(&card.message);
        draw::message(&card.message, &names, Shape::Card { key: &card.key, plan: card.plan.as_ref() })
    }

    /// Edits a card's message.
    async fn edit(&self, message: Id, card: &Card) -> Result<(), Failure> {
        let shown = shown(card);
        let is_turned = self.cards.shown(message).is_none_or(|known| known.plan != shown.plan);
        let _turn = is_turned.then(|| {
            self.cards.keep(message, Shown { plan: None, ..shown.clone() });
            self.cards.turning.begin(message)
        });
        let route = message_route(self.channel, message);
        self.api.patch("edit a message", route, &self.drawn(card)).await?;
        self.cards.keep(message, shown);
        Ok(())
    }

    /// Waits for a turn to edit: Discord counts the edits of a channel together.
    async fn turn_to_edit(&self, message: Id, stop: &CancellationToken) -> Answer<()> {
        self.pace.edit(&message.to_string(), stop).await?;
        self.pace.message(&self.edits(), stop).await
    }

    /// What the pace calls all edits of the channel.
    fn edits(&self) -> String {
        format!("edits of {}", self.channel)
    }

    /// Says something, on as many messages as it takes; a file goes with the last.
    pub(super) async fn say(
        &self,
        call: &Call,
        place: &Where,
        part: &str,
        message: &Message,
        file: Option<&Attachment>,
    ) -> Answer<()> {
        match self.try_to_say(call, place, part, message, file).await? {
            Ok(()) => Ok(()),
            Err(failure) => Err(self.trouble(failure).await),
        }
    }

    /// The same; what Discord refuses is for whoever asked.
    async fn try_to_say(
        &self,
        call: &Call,
        place: &Where,
        part: &str,
        message: &Message,
        file: Option<&Attachment>,
    ) -> Answer<Result<(), Failure>> {
        let names = self.people.names(message);
        let bodies = draw::several(message, &names, Shape::Post, SHEETS_MAX);
        let there = match call.attempt > 1 {
            true => match self.what_is_there(place).await {
                Ok(there) => there,
                Err(failure) => return Ok(Err(failure)),
            },
            false => Written::default(),
        };
        let last = bodies.len().saturating_sub(1);
        for (nth, body) in bodies.into_iter().enumerate() {
            let key = key_of(&call.key, &format!("{part}/{nth}"));
            let body = marked(body, &key);
            if there.holds(&body, &key) {
                continue;
            }
            let channel = match place {
                Where::Channel(channel) => *channel,
                Where::Thread { message, .. } => *message,
            };
            self.pace.message(&channel.to_string(), &call.stop).await?;
            let file = file.filter(|file| nth == last && !file.content.is_empty());
            let put = match place {
                Where::Channel(channel) => self.put(*channel, &body, file).await.map(drop),
                Where::Thread { card, message } => self.put_in_thread(card, *message, &body, file).await,
            };
            if let Err(failure) = put {
                self.hushed(&channel.to_string(), &failure);
                return Ok(Err(failure));
            }
        }
        Ok(Ok(()))
    }

    /// What kaas wrote where an earlier attempt may have said something.
    async fn what_is_there(&self, place: &Where) -> Result<Written, Failure> {
        match place {
            Where::Channel(channel) => self.own_history(*channel).await,
            Where::Thread { message, .. } => match self.own_history(*message).await {
                // There is no thread, or none any more: then it was said in the channel, if at all.
                Err(gone) if gone.is(&[NO_CHANNEL]) => self.own_history(self.channel).await,
                found => found,
            },
        }
    }

    /// Writes a message. Answers its id.
    pub(super) async fn put(&self, channel: Id, body: &Value, file: Option<&Attachment>) -> Result<Id, Failure> {
        let route = Route::ChannelMessages { channel_id: ChannelId::from(channel) };
        let answer = self.api.send("write", LightMethod::Post, route, body, file).await?;
        id_of(&answer["id"]).ok_or_else(|| Failure::lacks("write", "the message"))
    }

    /// Writes a message when it is its turn.
    pub(super) async fn write(
        &self,
        channel: Id,
        body: &Value,
        file: Option<&Attachment>,
        stop: &CancellationToken,
    ) -> Result<Id, Failure> {
        let turn = self.pace.message(&channel.to_string(), stop).await;
        turn.map_err(|trouble| Failure::Silent { call: "write", what: trouble.to_string() })?;
        self.put(channel, body, file).await
    }

    /// The channel of the direct messages with somebody.
    pub(super) async fn direct(&self, user: Id) -> Result<Id, Failure> {
        if let Some(known) = self.directs().get(&user) {
            return Ok(*known);
        }
        let body = json!({ "recipient_id": user.to_string() });
        let answer = self.api.post("open direct messages", Route::UserMeDmChannels, &body).await?;
        let channel = id_of(&answer["id"]).ok_or_else(|| Failure::lacks("open direct messages", "a channel"))?;
        self.directs().insert(user, channel);
        Ok(channel)
    }

    /// Calls somebody who takes no direct messages, where the change is: nothing of what they were to be told is said there. Once in a while only, because
    /// whoever reacts again and again is told each time why it does not count.
    async fn call_for(&self, call: &Call, person: &Person, user: Id) -> Answer<()> {
        let (cluster, now) = (&call.key.cluster, self.clock.now());
        let called = (user, cluster.clone());
        let is_called = {
            let mut all = self.called.lock().unwrap_or_else(PoisonError::into_inner);
            all.retain(|_, at| now.duration_since(*at) < CALLED_EVERY);
            all.contains_key(&called)
        };
        if is_called {
            tracing::info!(discord.user = user, cluster = %cluster, "they take no direct messages, and were called not long ago");
            return Ok(());
        }
        let place = match self.newest_card(cluster).await {
            Ok(Some((card, message))) => Where::Thread { card, message },
            Ok(None) => Where::Channel(self.channel),
            Err(failure) => return Err(self.trouble(failure).await),
        };
        let spans = vec![
            Span::Mention(person.clone()),
            Span::Text(", there is news of ".to_owned()),
            Span::Code(cluster.name.to_string()),
            Span::Text(" that is for you alone, and you take no direct messages from this server. Allow them in its privacy settings, and send ".to_owned()),
            Span::Code(format!("/kaas show {}", cluster.name)),
            Span::Text(" to see how it stands.".to_owned()),
        ];
        let message = Message { lines: vec![Line { spans }], ..Message::default() };
        self.say(call, &place, "call", &message, None).await?;
        self.called.lock().unwrap_or_else(PoisonError::into_inner).insert(called, now);
        Ok(())
    }

    /// Everybody who reacts on a card, with what Discord says of them now.
    async fn who_reacted(&self, message: Id) -> Result<Vec<Reacted>, Failure> {
        let card = self.api.get("read a message", message_route(self.channel, message)).await?;
        if card["thread"]["thread_metadata"]["archived"] == true
            && self.cards.shown(message).is_none_or(|shown| shown.is_open)
        {
            self.reopen(message).await;
        }
        let mut given = Vec::new();
        for reaction in card["reactions"].as_array().into_iter().flatten() {
            // An emoji of the server's own means nothing.
            let (None, Some(emoji)) = (reaction["emoji"]["id"].as_str(), reaction["emoji"]["name"].as_str()) else {
                continue;
            };
            given.extend(self.reactors(message, emoji).await?.into_iter().map(|user| (user, emoji.to_owned())));
        }
        if given.len() > REACTORS_MAX {
            tracing::warn!("more than {REACTORS_MAX} people react on one card; the others are not read");
            given.truncate(REACTORS_MAX);
        }
        let asked = stream::iter(given).map(|(user, emoji)| async move {
            let who = self.ask_who(user).await?;
            Ok(Reacted { by: who.person, standing: who.standing, emoji })
        });
        asked.buffered(ASKED_AT_ONCE).try_collect().await
    }

    async fn reactors(&self, message: Id, emoji: &str) -> Result<Vec<Id>, Failure> {
        // An emoji in an address.
        let reaction: String = emoji.bytes().map(|byte| format!("%{byte:02X}")).collect();
        let (mut all, mut after): (Vec<Id>, Option<Id>) = (Vec::new(), None);
        while all.len() < REACTORS_MAX {
            let mut params = vec![("limit", REACTORS.to_string())];
            params.extend(after.map(|after| ("after", after.to_string())));
            let (channel_id, message_id) = (ChannelId::from(self.channel), MessageId::from(message));
            let route = Route::ChannelMessageReactionEmoji { channel_id, message_id, reaction: &reaction };
            let page = self.api.list("read reactions", route, &params).await?;
            let own = self.own_id();
            let users = page.iter().filter(|user| user["bot"] != true).filter_map(|user| id_of(&user["id"]));
            all.extend(users.filter(|user| Some(*user) != own));
            after = page.last().and_then(|user| id_of(&user["id"]));
            if page.len() < REACTORS || after.is_none() {
                break;
            }
        }
        Ok(all)
    }

    /// As trouble of a port, with the rights that are missing by name.
    pub(super) async fn trouble(&self, failure: Failure) -> Trouble {
        let missing = match failure.is(&[NO_ACCESS, NO_PERMISSION]) {
            true => self.missing_rights().await.unwrap_or_default(),
            false => Vec::new(),
        };
        failure.trouble(&self.channel_name(), &missing)
    }

    /// The same, of a card: whoever waits for it is told what is missing, because they see no card.
    async fn trouble_of(&self, card: &Card, failure: Failure) -> Trouble {
        self.hushed(&self.channel.to_string(), &failure);
        let is_lasting = matches!(failure, Failure::Refused { .. });
        let trouble = self.trouble(failure).await;
        if is_lasting {
            self.tell_who_waits(card.key.cluster.name.as_str(), &trouble.to_string()).await;
        }
        trouble
    }

    /// Where Discord asked for silence, nobody else writes there until it is over.
    fn hushed(&self, place: &str, failure: &Failure) {
        if let Failure::Limited { wait, .. } = failure {
            self.pace.hush(place, (*wait).try_into().unwrap_or_default());
        }
    }
}

impl Vital for DiscordChat {
    fn name(&self) -> String {
        self.name.clone()
    }

    fn heard_seconds_ago(&self) -> Option<u64> {
        self.api.heard_seconds_ago()
    }

    fn is_ready(&self) -> bool {
        self.is_in_touch() && (!self.listens.load(Ordering::Relaxed) || self.connected.load(Ordering::Relaxed))
    }
}

fn shown(card: &Card) -> Shown {
    Shown { card: card.key.clone(), plan: card.plan.clone(), is_open: !card.message.buttons.is_empty() }
}

pub(super) fn message_route(channel: Id, message: Id) -> Route<'static> {
    Route::ChannelMessage { channel_id: ChannelId::from(channel), message_id: MessageId::from(message) }
}
