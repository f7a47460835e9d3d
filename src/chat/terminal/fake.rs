//! Test doubles: a desk that plays the conversation of the tour, and messages to show.

use std::sync::Mutex;

use async_trait::async_trait;
use tokio_util::sync::CancellationToken;

use super::log::{Said, Shown};
use super::{NAME, TerminalChat};
use crate::lifecycle::{ChangeNumber, ClusterKey, EffectKey, Person, Place, PlanDigest};
use crate::ports::{Attachment, Call, Card, CardKey, Chat as _, Desk, Field, Heard, Reply, RequestForm};
use crate::render::message::{Button, Message, Press};

pub fn person(name: &str) -> Person {
    Person { id: format!("demo:{name}").parse().expect("an id"), name: name.to_owned() }
}

pub fn people() -> Vec<Person> {
    super::TOUR_PEOPLE.iter().map(|name| person(name)).collect()
}

pub fn place() -> Place {
    Place { chat: NAME.to_owned(), channel: "#clusters".to_owned() }
}

pub fn cluster(name: &str) -> ClusterKey {
    ClusterKey { tenant: "demo".parse().expect("a tenant"), name: name.parse().expect("a name") }
}

pub fn plan(digit: char) -> PlanDigest {
    digit.to_string().repeat(64).parse().expect("a digest")
}

pub fn message(text: &str, buttons: &[Press]) -> Message {
    let lines = text.split('\n').flat_map(|line| Message::text(line).lines).collect();
    let buttons = buttons.iter().map(|press| Button { label: format!("{press:?}"), press: *press }).collect();
    Message { lines, buttons, ..Message::default() }
}

pub fn card_of(name: &str, change: u64, text: &str, buttons: &[Press]) -> Shown {
    Shown { cluster: cluster(name), change: ChangeNumber(change), plan: None, message: message(text, buttons) }
}

pub fn said_by(name: &str, text: &str) -> Said {
    Said {
        id: "m1".to_owned(),
        at: "2026-11-22T10:00:00Z".parse().expect("a time"),
        from: name.to_owned(),
        to: "#clusters".to_owned(),
        thread: None,
        text: text.to_owned(),
        edits: None,
        file: None,
        key: None,
        card: None,
        wish: None,
    }
}

pub fn card(name: &str, change: u64, plan: Option<PlanDigest>, text: &str, buttons: &[Press]) -> Card {
    Card {
        key: CardKey { cluster: cluster(name), change: ChangeNumber(change) },
        place: place(),
        known: None,
        plan,
        message: message(text, buttons),
    }
}

pub fn call(revision: u64) -> Call {
    let key = EffectKey { cluster: cluster("crucial-sandbox"), revision, index: 0 };
    Call { key, attempt: 1, stop: CancellationToken::new() }
}

/// A desk that notes what it hears, and lets `acts` answer and talk.
#[derive(Default)]
pub struct FakeDesk {
    /// What was heard: the input's id, and the words of it.
    pub heard: Mutex<Vec<(String, String)>>,
    /// What every command, press or reaction is answered with.
    pub answer: Option<String>,
    /// Whether it never answers.
    pub hangs: bool,
    /// The chat to talk in, for the conversation of the tour.
    pub tour: Option<TerminalChat>,
}

impl FakeDesk {
    pub fn words(&self) -> Vec<String> {
        self.heard.lock().expect("unpoisoned").iter().map(|(_, words)| words.clone()).collect()
    }

    async fn hear(&self, heard: &Heard, words: String) -> Vec<Reply> {
        assert_eq!(heard.place, place());
        let words = format!("{} {words}", heard.by.name);
        self.heard.lock().expect("unpoisoned").push((heard.id.0.clone(), words.clone()));
        if self.hangs {
            std::future::pending::<()>().await;
        }
        if let Some(chat) = &self.tour {
            return self.play_tour(chat, &words).await;
        }
        self.answer.iter().map(|text| Reply { message: Message::text(text.clone()), file: None }).collect()
    }

    /// What kaas says in the tour, in few words.
    async fn play_tour(&self, chat: &TerminalChat, words: &str) -> Vec<Reply> {
        let step = self.heard.lock().expect("unpoisoned").len() as u64 * 10;
        let edit = async |nth: u64, text: &str, buttons: &[Press]| {
            let change = if step < 70 { 1 } else { 2 };
            let card = card("crucial-sandbox", change, Some(plan('a')), &format!("crucial-sandbox · {text}"), buttons);
            chat.card(&call(step + nth), &card).await.expect("a card");
            card.key
        };
        let post = async |nth: u64, card: &CardKey, text: &str| {
            let file = Attachment { name: "plan-aaaaaa.txt".to_owned(), content: "a plan".into() };
            let file = text.contains("plan is here").then_some(&file);
            let text = message(&format!("crucial-sandbox{text}"), &[]);
            chat.post(&call(step + nth), &place(), card, None, &text, file).await.expect("posted");
        };
        let both = [Press::Approve, Press::Cancel];
        let votes = |by: &str| format!("waiting for 1 more approval\nVotes {by} approved");
        let reply = |text: &str| vec![Reply { message: message(text, &[]), file: None }];
        let decided = async |by: &str, end: &str| {
            let key = edit(1, "applying ▓▓░░ 2 of 4", &[]).await;
            post(2, &key, &format!(": approved by {by} over plan aaaaaa.")).await;
            edit(3, "ended", &[]).await;
            post(4, &key, end).await;
        };
        match words {
            "alice command request crucial-sandbox size=smal" => {
                return reply("size=smal: Did you mean small? (small, medium)");
            }
            "alice react crucial-sandbox 1 aaaaaa +1 true" => {
                return reply("You asked for it, so somebody else has to approve it.");
            }
            "erin command list" => return reply("1 cluster\nNAME  STATE\ncrucial-sandbox  ready"),
            "bob react crucial-sandbox 1 aaaaaa +1 true" => drop(edit(1, &votes("bob"), &both).await),
            "bob press crucial-sandbox 2 aaaaaa Approve" => drop(edit(1, &votes("bob"), &both).await),
            "carol press crucial-sandbox 1 aaaaaa Approve" => {
                decided("bob and carol", " is ready. alice has the way in.").await;
                let way_in = message("Your kubeconfig: elsewhere", &[]);
                chat.tell(&call(step + 5), &place(), &person("alice"), &way_in, None).await.expect("told");
            }
            "dave press crucial-sandbox 2 aaaaaa Approve" => decided("bob and dave", " is gone: 7 destroyed").await,
            _ if words.starts_with("alice command request") || words == "alice command destroy crucial-sandbox" => {
                edit(1, "planning", &[]).await;
                let key = edit(2, "waiting for 2 approvals", &both).await;
                post(3, &key, ": the plan is here.").await;
            }
            other => panic!("the tour does not say {other}"),
        }
        Vec::new()
    }
}

#[async_trait]
impl Desk for FakeDesk {
    async fn command(&self, heard: &Heard, line: &str) -> Vec<Reply> {
        self.hear(heard, format!("command {line}")).await
    }

    async fn press(
        &self,
        heard: &Heard,
        card: &CardKey,
        plan: Option<&PlanDigest>,
        press: Press,
        reason: Option<&str>,
    ) -> Vec<Reply> {
        let plan = plan.map_or("-", PlanDigest::short);
        let because = reason.map(|r| format!(" because {r}")).unwrap_or_default();
        self.hear(heard, format!("press {} {} {plan} {press:?}{because}", card.cluster.name, card.change)).await
    }

    async fn react(
        &self,
        heard: &Heard,
        card: &CardKey,
        plan: Option<&PlanDigest>,
        emoji: &str,
        given: bool,
    ) -> Vec<Reply> {
        let plan = plan.map_or("-", PlanDigest::short);
        self.hear(heard, format!("react {} {} {plan} {emoji} {given}", card.cluster.name, card.change)).await
    }

    async fn form(&self, _: &Heard) -> RequestForm {
        RequestForm { title: "A form".to_owned(), submit: "Send".to_owned(), fields: Vec::new() }
    }

    async fn submit(&self, heard: &Heard, filled: &[(Field, String)]) -> Result<Vec<Reply>, Vec<(Field, String)>> {
        Ok(self.hear(heard, format!("submit {filled:?}")).await)
    }

    async fn home(&self, _: &Heard) -> Vec<(String, Message)> {
        Vec::new()
    }
}
