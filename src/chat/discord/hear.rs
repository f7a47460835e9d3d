//! What is heard: each doing is brought to the desk, and is acknowledged when the desk has it, or after a moment in which it does not answer.
//!
//! What one person does is taken in the order in which it came; different people wait for nobody, as far as there is room. A form has to be the first word,
//! so it is opened without waiting for what the person did before. Nothing that must not be lost happens after the desk has answered: only private answers.

use std::collections::{HashSet, VecDeque};
use std::sync::atomic::Ordering;
use std::sync::{Arc, Mutex, PoisonError};
use std::time::Duration;

use serde_json::Value;
use tokio::sync::Semaphore;
use tokio::time::Instant;

use super::DiscordChat;
use super::answer::{Acknowledged, Sheet, Word};
use super::api::{Id, id_of};
use super::gateway::Hears;
use super::ids::{self, Meant};
use super::people::Who;
use super::wire::{self, Doing, Event, Garbled, Hearing, Home, Kind, Reaction};
use super::{form, options, rights, trouble};
use crate::chat::order;
use crate::command::{COMMAND, Verb};
use crate::lifecycle::{InputId, PlanDigest};
use crate::ports::{CardKey, Desk, Heard};
use crate::render::message::Press;

/// How long the desk may take before Discord is told that an answer is on its way; it waits three seconds.
const PATIENCE: Duration = Duration::from_millis(1_500);
/// How long a form, or a suggestion, may take to be made.
const FORM_MAX: Duration = Duration::from_secs(2);
/// How many doings are with the desk at once. As many saves share a flush of the store.
const ROOM: usize = 256;
/// How many doings wait at the most; more than that are not taken, and what they wanted is seen by whoever did it.
const WAITING_MAX: usize = 4_096;
/// How many doings are known again that come twice.
const SEEN_MAX: usize = 2_000;

/// What somebody is told whose button or form kaas did not make, or not like that.
const FORGED: &str =
    "That is no button of a card that stands now, so nothing was done. Use the buttons of the newest card.";
/// What somebody is told whose form could not be opened in time.
const UNOPENED: &str = "The form could not be opened in time. Try again in a moment.";

/// Hears for one desk. Clones are the same ear.
#[derive(Clone)]
pub(super) struct Ear {
    pub chat: Arc<DiscordChat>,
    pub desk: Arc<dyn Desk>,
    room: Arc<Semaphore>,
    seen: Arc<Mutex<Seen>>,
}

/// Doings that came, the oldest first.
#[derive(Default)]
struct Seen(HashSet<Id>, VecDeque<Id>);

impl Seen {
    /// Whether it came before.
    fn comes_again(&mut self, id: Id) -> bool {
        if !self.0.insert(id) {
            return true;
        }
        self.1.push_back(id);
        if self.1.len() > SEEN_MAX
            && let Some(oldest) = self.1.pop_front()
        {
            self.0.remove(&oldest);
        }
        false
    }
}

impl Hears for Ear {
    fn is_connected(&self, connected: bool) {
        self.chat.connected.store(connected, Ordering::Relaxed);
    }

    fn event(&self, event: Event) {
        match wire::read(&event, self.chat.home(), self.chat.guild, self.chat.channel) {
            Ok(Hearing::Nothing("other")) => {}
            Ok(hearing) => self.hear(hearing, &event),
            Err(Garbled(what)) => {
                tracing::warn!(
                    discord.event = event.name,
                    discord.missing = what,
                    "something of Discord's cannot be read"
                );
                count("unknown", "garbled");
            }
        }
    }
}

impl Ear {
    pub fn new(chat: Arc<DiscordChat>, desk: Arc<dyn Desk>) -> Self {
        Self { chat, desk, room: Arc::new(Semaphore::new(ROOM)), seen: Arc::default() }
    }

    /// Takes what came: at once what changes no order, and the rest beside the others, its place in the row being taken now.
    fn hear(&self, hearing: Hearing, event: &Event) {
        let kind = hearing.kind();
        let place = hearing.user().map(|user| self.chat.rows.enter(&user.to_string()));
        match hearing {
            Hearing::Ready { session } => {
                tracing::info!(discord.session = session, "kaas listens to Discord");
                self.ready(&event.data);
                count(kind, "taken");
            }
            Hearing::Resumed | Hearing::Swept => {
                self.missed();
                count(kind, "taken");
            }
            Hearing::Deleted { message } => self.chat.cards.forget(message),
            Hearing::Archived { thread } => {
                let chat = Arc::clone(&self.chat);
                self.chat.later.run(async move {
                    // A thread has the id of the message that it began at.
                    if let Ok(Some(shown)) = chat.card_at(thread).await
                        && shown.is_open
                    {
                        chat.reopen(thread).await;
                    }
                });
            }
            Hearing::Named { channel } => self.chat.is_named(&channel),
            Hearing::Gone => tracing::error!("kaas was taken out of the Discord server: invite it again"),
            Hearing::Nothing(verdict) => count(kind, verdict),
            // What was said while there was no connection may have been meant for another plan than the one that the card shows now: it is read again.
            Hearing::Reaction(reaction) if event.is_late && reaction.given => count(kind, "late"),
            Hearing::Reaction(reaction) => self.beside(kind, async move |ear| ear.reaction(reaction, place).await),
            Hearing::Doing(doing) => {
                if self.seen.lock().unwrap_or_else(PoisonError::into_inner).comes_again(doing.id) {
                    return count(kind, "doubled");
                }
                let came = Instant::now();
                self.beside(kind, async move |ear| ear.doing(*doing, place, came).await);
            }
        }
    }

    /// Does something beside the others.
    fn beside<F>(&self, kind: &'static str, work: impl FnOnce(Self) -> F)
    where
        F: Future<Output = &'static str> + Send + 'static,
    {
        if self.chat.later.count() >= WAITING_MAX {
            tracing::error!("too much comes from Discord at once; some of it is not taken");
            return count(kind, "crowded");
        }
        let work = work(self.clone());
        self.chat.later.run(async move { count(kind, work.await) });
    }

    /// A session began: whatever was said since the last one is lost, so what stands is read again.
    fn ready(&self, data: &Value) {
        if let (Some(application), Some(user)) = (id_of(&data["application"]["id"]), id_of(&data["user"]["id"])) {
            self.chat.is_at(Home { application, user });
        }
        let there =
            data["guilds"].as_array().into_iter().flatten().any(|one| id_of(&one["id"]) == Some(self.chat.guild));
        if !there {
            tracing::error!(
                discord.server = self.chat.guild,
                "kaas is not in the Discord server that it is configured for: invite it"
            );
        }
        self.missed();
    }

    fn missed(&self) {
        let (chat, desk) = (Arc::clone(&self.chat), Arc::clone(&self.desk));
        self.chat.later.run(async move { desk.missed(&chat.place()).await });
    }

    // ---- reactions ----

    async fn reaction(&self, reaction: Reaction, place: Option<order::Place>) -> &'static str {
        let Reaction { id, user, member, emoji, given, message } = reaction;
        let shown = match self.chat.card_at(message).await {
            Ok(Some(shown)) => shown,
            Ok(None) => return "ignored",
            Err(failure) => {
                tracing::warn!(discord.failure = %failure, "a reaction came on a message that cannot be looked up; it is read again");
                return "unasked";
            }
        };
        let who = match member {
            Some(member) => self.chat.who(user, Some(&member)),
            // Discord says nothing of who took a reaction back.
            None => match self.chat.ask_who(user).await {
                Ok(who) => who,
                Err(failure) => {
                    tracing::warn!(discord.failure = %failure, "Discord cannot be asked who somebody is; what they did is read again");
                    return "unasked";
                }
            },
        };
        let mut place = place;
        if let Some(place) = &mut place {
            place.turn().await;
        }
        let replies = {
            let _room = self.room.acquire().await;
            if given {
                self.chat.confirm_roles().await;
            }
            let heard = self.heard(id, &who);
            self.desk.react(&heard, &shown.card, shown.plan.as_ref(), &emoji, given).await
        };
        drop(place);
        self.chat.tell_directly(user, &Sheet::all(&replies)).await;
        "taken"
    }

    // ---- what waits for an answer ----

    async fn doing(&self, doing: Doing, place: Option<order::Place>, came: Instant) -> &'static str {
        let who = self.chat.who(doing.user, Some(&doing.member));
        let heard = self.heard(format!("discord/interaction/{}", doing.id), &who);
        match doing.kind {
            Kind::Typing => return self.typing(&doing, &heard).await,
            Kind::Command if options::is_form(&doing.data) => return self.open_form(&doing, &heard, &[]).await,
            Kind::Command => {
                let line = options::line(&doing.data);
                let lacks = self.lacks(&doing);
                let work = async {
                    if decides(&line) {
                        self.chat.confirm_roles().await;
                    }
                    let mut sheets = Sheet::all(&self.desk.command(&heard, &line).await);
                    sheets.extend(lacks);
                    sheets
                };
                self.answer(&doing, place, came, &line, work).await;
            }
            Kind::Button => return self.button(&doing, &heard, place, came).await,
            Kind::Form => return self.form(&doing, &heard, place, came).await,
        }
        "taken"
    }

    async fn button(&self, doing: &Doing, heard: &Heard, place: Option<order::Place>, came: Instant) -> &'static str {
        let Some((card, plan, press)) = self.pressed(doing) else {
            let meant = doing.data["custom_id"].as_str().and_then(ids::read);
            if meant == Some(Meant::Again) && self.chat.is_own(&doing.message) {
                return self.open_form(doing, heard, &form::again(&doing.message)).await;
            }
            self.chat.answer_now(doing, &[Sheet::said(FORGED)]).await;
            return "forged";
        };
        if press == Press::Reject {
            let view = form::reason_modal(&card, plan.as_ref());
            return self.open(doing, &view).await;
        }
        let work = async {
            if press == Press::Approve {
                self.chat.confirm_roles().await;
            }
            Sheet::all(&self.desk.press(heard, &card, plan.as_ref(), press, None).await)
        };
        self.answer(doing, place, came, "", work).await;
        "taken"
    }

    /// Which button of which card was pressed; `None` where that card does not have it: a changed client can send anything.
    fn pressed(&self, doing: &Doing) -> Option<(CardKey, Option<PlanDigest>, Press)> {
        let id = doing.data["custom_id"].as_str()?;
        let Meant::Press { card, plan, press } = ids::read(id)? else { return None };
        let rows = doing.message["components"].as_array().into_iter().flatten();
        let mut parts = rows.flat_map(|row| row["components"].as_array().into_iter().flatten());
        if !self.is_card(doing, &card) || !parts.any(|part| part["custom_id"] == id) {
            return None;
        }
        let plan = match plan {
            Some(shown) => Some(shown.whole(&doing.message)?),
            None => None,
        };
        Some((card, plan, press))
    }

    /// Whether it was done on that card, as kaas posted it in its channel.
    fn is_card(&self, doing: &Doing, card: &CardKey) -> bool {
        let here = id_of(&doing.message["channel_id"]) == Some(self.chat.channel) && self.chat.is_own(&doing.message);
        here && ids::of_message(&doing.message).is_some_and(|(shown, _)| shown == *card)
    }

    async fn form(&self, doing: &Doing, heard: &Heard, place: Option<order::Place>, came: Instant) -> &'static str {
        match doing.data["custom_id"].as_str().and_then(ids::read) {
            Some(Meant::Form) => {
                let filled = form::filled(&doing.data);
                let asked: Vec<&str> = filled.iter().map(|(_, value)| value.as_str()).collect();
                let work = async {
                    match self.desk.submit(heard, &filled).await {
                        Ok(replies) => Sheet::all(&replies),
                        Err(wrong) => {
                            let form = self.desk.form(heard).await;
                            vec![Sheet::bare(form::mistakes(&form, &wrong, &filled))]
                        }
                    }
                };
                self.answer(doing, place, came, &asked.join(" "), work).await;
                "taken"
            }
            Some(Meant::Reason { .. }) => {
                let Some((card, plan, why)) = form::reason(&doing.data) else { return "garbled" };
                let plan = match plan {
                    Some(shown) => shown.whole(&doing.message).map(Some),
                    None => Some(None),
                };
                let Some(plan) = plan.filter(|_| self.is_card(doing, &card)) else {
                    self.chat.answer_now(doing, &[Sheet::said(FORGED)]).await;
                    return "forged";
                };
                let work = async {
                    Sheet::all(&self.desk.press(heard, &card, plan.as_ref(), Press::Reject, why.as_deref()).await)
                };
                self.answer(doing, place, came, "", work).await;
                "taken"
            }
            Some(Meant::Press { .. } | Meant::Again) | None => {
                self.chat.answer_now(doing, &[Sheet::said(FORGED)]).await;
                "forged"
            }
        }
    }

    async fn typing(&self, doing: &Doing, heard: &Heard) -> &'static str {
        let suggested = async {
            let (what, typed) = options::focused(&doing.data)?;
            tokio::time::timeout(FORM_MAX, self.desk.suggest(heard, &what, &typed)).await.ok()
        };
        let choices = options::choices(&suggested.await.unwrap_or_default());
        let _ = self.chat.acknowledge(doing, Word::Choices, &choices, None).await;
        "taken"
    }

    async fn open_form(&self, doing: &Doing, heard: &Heard, filled: &[(crate::ports::Field, String)]) -> &'static str {
        match tokio::time::timeout(FORM_MAX, self.desk.form(heard)).await {
            Ok(asked) => self.open(doing, &form::modal(&asked, filled)).await,
            Err(_) => {
                self.chat.answer_now(doing, &[Sheet::said(UNOPENED)]).await;
                "unasked"
            }
        }
    }

    async fn open(&self, doing: &Doing, view: &Value) -> &'static str {
        if let Acknowledged::TooLate(failure) = self.chat.acknowledge(doing, Word::Form, view, None).await {
            tracing::info!(discord.failure = %failure, "a form could not be opened");
            self.chat.tell_directly(doing.user, &[Sheet::said(UNOPENED)]).await;
        }
        "taken"
    }

    /// Does the work when it is its turn, and answers: at once, or after saying that an answer is on its way.
    async fn answer(
        &self,
        doing: &Doing,
        place: Option<order::Place>,
        came: Instant,
        asked: &str,
        work: impl Future<Output = Vec<Sheet>>,
    ) {
        let work = async {
            let mut place = place;
            if let Some(place) = &mut place {
                place.turn().await;
            }
            let _room = self.room.acquire().await;
            work.await
        };
        tokio::pin!(work);
        let (sheets, deferred) = match tokio::time::timeout(PATIENCE.saturating_sub(came.elapsed()), &mut work).await {
            Ok(sheets) => (sheets, None),
            Err(_) => {
                // The desk goes on meanwhile.
                let (deferred, sheets) = tokio::join!(self.chat.defer(doing), work);
                (sheets, Some(deferred))
            }
        };
        self.chat.remember(doing, asked, &sheets);
        match deferred {
            None => self.chat.answer_now(doing, &sheets).await,
            Some(Acknowledged::Yes) => self.chat.answer_later(doing, &sheets).await,
            Some(Acknowledged::Before) => {}
            Some(Acknowledged::TooLate(failure)) => {
                tracing::info!(discord.failure = %failure, "Discord did not hear in time that an answer is on its way; it is sent directly");
                self.chat.tell_directly(doing.user, &sheets).await;
            }
        }
    }

    /// What kaas lacks where somebody uses a command: a command works also where kaas can neither see nor write.
    fn lacks(&self, doing: &Doing) -> Option<Sheet> {
        let missing = rights::missing(doing.allowed.filter(|_| doing.channel == Some(self.chat.channel))?);
        let line = trouble::lacking(&self.chat.channel_name(), &missing);
        (!missing.is_empty()).then(|| Sheet::said(&line))
    }

    fn heard(&self, id: String, who: &Who) -> Heard {
        Heard { id: InputId(id), by: who.person.clone(), place: self.chat.place(), standing: who.standing, when: None }
    }
}

/// Whether a line is a vote, which may complete others.
fn decides(line: &str) -> bool {
    line.strip_prefix(COMMAND).and_then(|rest| rest.split_whitespace().next()).and_then(Verb::named)
        == Some(Verb::Approve)
}

/// A delivery, counted.
pub(super) fn count(kind: &'static str, verdict: &'static str) {
    metrics::counter!("kaas_discord_deliveries_total", "kind" => kind, "verdict" => verdict).increment(1);
}

#[cfg(test)]
mod tests {
    use super::*;
    use crate::chat::discord::api::id;

    #[test]
    fn what_comes_twice_is_known_again_for_a_while() {
        let mut seen = Seen::default();
        let number = |n: usize| id(&n.to_string()).expect("an id");
        assert!(!seen.comes_again(number(1)));
        assert!(seen.comes_again(number(1)));
        for n in 2..=SEEN_MAX + 1 {
            assert!(!seen.comes_again(number(n)));
        }
        assert!(!seen.comes_again(number(1)), "forgotten by now");
        assert_eq!(seen.0.len(), SEEN_MAX);
    }

    #[test]
    fn only_a_yes_completes_others() {
        assert!(decides("/kaas approve \"teal-otter\""));
        assert!(!decides("/kaas show \"approve\"") && !decides("/kaas") && !decides("approve"));
    }
}
