//! What is heard: each kind of delivery is brought to the desk, and is acknowledged when the desk has it.
//!
//! Nothing that must not be lost happens after the acknowledgement: only private answers, forms that open, and a person's own page.

use std::sync::Arc;

use jiff::Timestamp;
use serde_json::{Value, json};

use super::SlackChat;
use super::answer::Back;
use super::api::Failure;
use super::people::Who;
use super::tag::Tag;
use super::wire::{Garbled, Hearing};
use super::{draw, form};
use crate::chat::order::Place;
use crate::lifecycle::InputId;
use crate::ports::{Desk, Field, Heard, Reply};
use crate::render::message::{Message, Press};

/// What somebody is told whom Slack does not let kaas look up just now.
const UNASKED: &str = "Slack could not be asked who you are, so nothing was done. Try again in a moment.";

/// What became of a delivery.
#[derive(Debug, Clone, PartialEq)]
pub(super) struct Taken {
    /// In a word, for the metrics.
    pub verdict: &'static str,
    /// What goes back with the acknowledgement.
    pub answer: Option<Value>,
}

impl Taken {
    fn bare(verdict: &'static str) -> Self {
        Self { verdict, answer: None }
    }

    fn with(answer: Option<Value>) -> Self {
        Self { verdict: "taken", answer }
    }
}

/// Hears for one desk. Clones are the same ear.
#[derive(Clone)]
pub(super) struct Ear {
    pub chat: Arc<SlackChat>,
    pub desk: Arc<dyn Desk>,
}

impl Ear {
    /// A place in the row of whoever did it, to be taken as soon as the delivery is there.
    pub fn enter(&self, read: &Result<Hearing, Garbled>) -> Option<Place> {
        let user = read.as_ref().ok().and_then(Hearing::user)?;
        Some(self.chat.rows.enter(user))
    }

    /// Brings a delivery to the desk, when it is its turn.
    pub async fn hear(&self, read: Result<Hearing, Garbled>, mut place: Option<Place>) -> Taken {
        if let Some(place) = &mut place {
            place.turn().await;
        }
        let (kind, taken) = match read {
            Ok(hearing) => (kind(&hearing), self.take(hearing).await),
            Err(Garbled(what)) => {
                tracing::warn!(slack.missing = what, "a delivery of Slack cannot be read");
                ("unknown", Taken::bare("garbled"))
            }
        };
        count(kind, taken.verdict);
        taken
    }

    async fn take(&self, hearing: Hearing) -> Taken {
        match hearing {
            Hearing::Command { user, text, trigger, response_url } => {
                self.command(&user, &text, trigger, response_url).await
            }
            Hearing::Speech { id, user, text, channel, thread, direct, when } => {
                if self.chat.people.is_kaas(&user) {
                    return Taken::bare("ignored");
                }
                let back = match direct {
                    true => Back::Direct { channel, thread, user: user.clone() },
                    false => Back::Channel { channel, thread, user: user.clone() },
                };
                self.speech(format!("slack/event/{id}"), user, &text, back, when).await
            }
            Hearing::Reaction { id, user, emoji, given, channel, message, when, on } => {
                let not_ours = on.is_some_and(|on| !self.chat.people.is_kaas(&on)) || channel != self.chat.channel;
                if not_ours || self.chat.people.is_kaas(&user) {
                    return Taken::bare("ignored");
                }
                self.reaction(format!("slack/event/{id}"), user, &emoji, given, &message, when).await
            }
            Hearing::Home { user } => {
                let ear = self.clone();
                self.chat.later.run(async move { ear.show_home(&user).await });
                Taken::with(None)
            }
            Hearing::Press { user, press, value, message, at, trigger, response_url } => {
                let id = format!("slack/press/{message}/{at}/{user}/{}", draw::action(press));
                let Some(tag) = Tag::read(&value) else { return Taken::bare("garbled") };
                let back = match response_url {
                    Some(url) => Back::Url { url, user: user.clone() },
                    None => Back::Person { user: user.clone() },
                };
                if press == Press::Reject {
                    let ear = self.clone();
                    self.chat.later.run(async move { ear.open(&trigger, form::rejection(&tag), back).await });
                    return Taken::with(None);
                }
                self.press(id, user, tag, press, back, super::wire::moment(&at)).await
            }
            Hearing::Form { id, user, trigger } => {
                let ear = self.clone();
                let back = Back::Person { user: user.clone() };
                self.chat.later.run(async move { ear.open_form(id, &user, &trigger, back).await });
                Taken::with(None)
            }
            Hearing::Filled { id, user, fields } => self.filled(id, &user, &fields).await,
            Hearing::Rejection { id, user, value, reason } => self.rejection(id, &user, &value, &reason).await,
            Hearing::Challenge(challenge) => {
                Taken { verdict: "taken", answer: Some(json!({ "challenge": challenge })) }
            }
            Hearing::Gone(what) => {
                tracing::error!(slack.event = what, "kaas was taken out of Slack: install the app again");
                Taken::bare("taken")
            }
            Hearing::Nothing("app_rate_limited") => {
                tracing::warn!(
                    "Slack holds events back because there are too many; reactions are read again by the sweep"
                );
                Taken::bare("ignored")
            }
            Hearing::Nothing(_) => Taken::bare("ignored"),
        }
    }

    async fn command(&self, user: &str, text: &str, trigger: String, response_url: String) -> Taken {
        let back = Back::Url { url: response_url, user: user.to_owned() };
        let id = format!("slack/command/{trigger}");
        if wants_form(text) {
            let (ear, user) = (self.clone(), user.to_owned());
            self.chat.later.run(async move { ear.open_form(id, &user, &trigger, back).await });
            return Taken::with(None);
        }
        let Some(heard) = self.heard(id, user, None).await else {
            return Taken { verdict: "unasked", answer: Some(said(UNASKED)) };
        };
        let mut replies = self.desk.command(&heard, text).await;
        // What is short goes back with the acknowledgement; files and the rest follow.
        let now = match replies.first() {
            Some(first) if first.file.is_none() => {
                let mut sheets = draw::several(&first.message, 2);
                (sheets.len() == 1).then(|| sheets.remove(0).private())
            }
            _ => None,
        };
        if now.is_some() {
            replies.remove(0);
        }
        self.answer(back, replies);
        Taken::with(now)
    }

    async fn speech(&self, id: String, user: String, text: &str, back: Back, when: Option<Timestamp>) -> Taken {
        let Some(heard) = self.heard(id, &user, when).await else { return self.unasked(back) };
        let line = without_mention(text, self.chat.people.own_id());
        let replies = self.desk.command(&heard, line).await;
        self.answer(back, replies);
        Taken::with(None)
    }

    async fn reaction(
        &self,
        id: String,
        user: String,
        emoji: &str,
        given: bool,
        message: &str,
        when: Option<Timestamp>,
    ) -> Taken {
        let back =
            Back::Channel { channel: self.chat.channel.clone(), thread: Some(message.to_owned()), user: user.clone() };
        let tag = match self.chat.card_at(message).await {
            Ok(Some(tag)) => tag,
            Ok(None) => return Taken::bare("ignored"),
            Err(failure) => {
                tracing::warn!(slack.failure = %failure, "a reaction came on a message that cannot be looked up; the sweep reads it again");
                return self.unasked(back);
            }
        };
        let Some(heard) = self.heard(id, &user, when).await else { return self.unasked(back) };
        let replies = self.desk.react(&heard, &tag.card(), tag.plan.as_ref(), emoji, given).await;
        self.answer(back, replies);
        Taken::with(None)
    }

    async fn press(
        &self,
        id: String,
        user: String,
        tag: Tag,
        press: Press,
        back: Back,
        when: Option<Timestamp>,
    ) -> Taken {
        let Some(heard) = self.heard(id, &user, when).await else { return self.unasked(back) };
        let replies = self.desk.press(&heard, &tag.card(), tag.plan.as_ref(), press, None).await;
        self.answer(back, replies);
        Taken::with(None)
    }

    async fn rejection(&self, id: String, user: &str, value: &str, reason: &str) -> Taken {
        let Some(tag) = Tag::read(value) else { return Taken::bare("garbled") };
        let Some(heard) = self.heard(id, user, None).await else { return unasked_in_view() };
        let reason = Some(reason.trim()).filter(|reason| !reason.is_empty());
        let replies = self.desk.press(&heard, &tag.card(), tag.plan.as_ref(), Press::Reject, reason).await;
        Taken::with(form::shown_instead(&replies))
    }

    async fn filled(&self, id: String, user: &str, fields: &[(Field, String)]) -> Taken {
        let Some(heard) = self.heard(id, user, None).await else { return unasked_in_view() };
        match self.desk.submit(&heard, fields).await {
            Ok(replies) => Taken::with(form::shown_instead(&replies)),
            Err(wrong) => {
                let there: Vec<Field> = fields.iter().map(|(field, _)| *field).collect();
                Taken::with(Some(form::errors(&wrong, &there)))
            }
        }
    }

    // ---- after the acknowledgement ----

    async fn open_form(&self, id: String, user: &str, trigger: &str, back: Back) {
        let Some(heard) = self.heard(id, user, None).await else {
            return self.chat.tell_back(&back, &Message::text(UNASKED)).await;
        };
        let view = form::request(&self.desk.form(&heard).await);
        if let Err(failure) = self.open_view(trigger, &view).await {
            tracing::info!(slack.failure = %failure, "the form could not be opened; the help goes out instead");
            let replies = self.desk.command(&heard, "request").await;
            self.chat.answer(&back, &replies).await;
        }
    }

    async fn open(&self, trigger: &str, view: Value, back: Back) {
        if let Err(failure) = self.open_view(trigger, &view).await {
            tracing::info!(slack.failure = %failure, "the form for a reason could not be opened");
            let line = format!(
                "Slack did not open the form. Press the button again, or send: {} reject NAME reason=\"…\"",
                self.chat.command
            );
            self.chat.tell_back(&back, &Message::text(line)).await;
        }
    }

    /// Opens a view. A trigger that was used opened one already: the delivery came twice.
    async fn open_view(&self, trigger: &str, view: &Value) -> Result<(), Failure> {
        match self.chat.api.post("views.open", &json!({ "trigger_id": trigger, "view": view })).await {
            Err(used) if used.is(&["exchanged_trigger_id"]) => Ok(()),
            opened => opened.map(drop),
        }
    }

    async fn show_home(&self, user: &str) {
        let id = format!("slack/home/{user}");
        let sections = match self.heard(id, user, None).await {
            Some(heard) => self.desk.home(&heard).await,
            None => vec![("kaas".to_owned(), Message::text(UNASKED))],
        };
        let body = json!({ "user_id": user, "view": form::home(&sections) });
        if let Err(failure) = self.chat.api.post("views.publish", &body).await {
            tracing::warn!(slack.failure = %failure, "a person's own page could not be shown");
        }
    }

    /// Who did it, where and when; `None` if Slack cannot be asked who they are.
    async fn heard(&self, id: String, user: &str, when: Option<Timestamp>) -> Option<Heard> {
        match self.chat.people.who(user).await {
            Ok(Who { person, standing }) => {
                Some(Heard { id: InputId(id), by: person, place: self.chat.place(), standing, when })
            }
            Err(failure) => {
                tracing::warn!(slack.user = user, slack.failure = %failure, "Slack cannot be asked who somebody is; what they did is not taken");
                None
            }
        }
    }

    fn unasked(&self, back: Back) -> Taken {
        self.answer(back, vec![Reply { message: Message::text(UNASKED), file: None }]);
        Taken::bare("unasked")
    }

    fn answer(&self, back: Back, replies: Vec<Reply>) {
        if !replies.is_empty() {
            let chat = Arc::clone(&self.chat);
            self.chat.later.run(async move { chat.answer(&back, &replies).await });
        }
    }
}

/// A delivery, counted.
pub(super) fn count(kind: &'static str, verdict: &'static str) {
    metrics::counter!("kaas_slack_deliveries_total", "kind" => kind, "verdict" => verdict).increment(1);
}

fn kind(hearing: &Hearing) -> &'static str {
    match hearing {
        Hearing::Command { .. } => "command",
        Hearing::Speech { .. } => "speech",
        Hearing::Reaction { .. } => "reaction",
        Hearing::Home { .. } => "home",
        Hearing::Press { .. } => "press",
        Hearing::Form { .. } => "form",
        Hearing::Filled { .. } => "filled",
        Hearing::Rejection { .. } => "rejection",
        Hearing::Challenge(_) => "challenge",
        Hearing::Gone(_) => "gone",
        Hearing::Nothing(_) => "other",
    }
}

/// A line that is nothing but the wish to ask for a cluster: then the form says what is missing.
fn wants_form(text: &str) -> bool {
    ["request", "new"].contains(&text.trim().to_lowercase().as_str())
}

/// The line without the mention of kaas that it begins with.
fn without_mention<'a>(text: &'a str, own: &str) -> &'a str {
    let text = text.trim();
    let inside = text.strip_prefix("<@").and_then(|rest| rest.split_once('>'));
    match inside {
        Some((mention, rest)) if mention.split('|').next() == Some(own) => rest.trim_start(),
        _ => text,
    }
}

fn said(text: &str) -> Value {
    draw::one(&Message::text(text), &draw::Names::new(), None, None).private()
}

fn unasked_in_view() -> Taken {
    let replies = [Reply { message: Message::text(UNASKED), file: None }];
    Taken { verdict: "unasked", answer: form::shown_instead(&replies) }
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn the_form_is_wanted_by_a_verb_alone() {
        for text in ["request", " Request ", "new", "NEW"] {
            assert!(wants_form(text), "{text}");
        }
        for text in ["", "request teal-otter", "renew", "help request"] {
            assert!(!wants_form(text), "{text}");
        }
    }

    #[test]
    fn the_mention_of_kaas_goes_and_others_stay() {
        for (text, expect) in [
            ("<@U0KAAS> approve teal-otter", "approve teal-otter"),
            (" <@U0KAAS|kaas>  list ", "list"),
            ("<@U1BO> list", "<@U1BO> list"),
            ("list <@U0KAAS>", "list <@U0KAAS>"),
            ("<@U0KAAS", "<@U0KAAS"),
        ] {
            assert_eq!(without_mention(text, "U0KAAS"), expect);
        }
    }
}
