//! A workspace with a channel and people, kaas' Slack chat in it, and a desk that writes down what it hears.

use std::collections::BTreeMap;
use std::sync::{Arc, Mutex};
use std::time::Duration;

use async_trait::async_trait;
use jiff::Timestamp;
use kaas::chat::slack::{Known, Settings, SlackChat};
use kaas::clock::SystemClock;
use kaas::lifecycle::{ChangeNumber, ClusterKey, EffectKey, Person, Place, PlanDigest};
use kaas::ports::{Call, Card, CardKey, Desk, Field, FormField, Heard, Reply, RequestForm, Standing, Takes};
use kaas::render::message::{Button, Line, Message, Press, Span};
use kaas_fakes::slack::{ChannelId, FakeSlack, Options, UserId};
use tokio_util::sync::CancellationToken;

/// The longest wait for anything.
pub const PATIENCE: Duration = Duration::from_secs(15);

/// What the desk heard.
#[derive(Debug, Clone, PartialEq)]
pub struct Note {
    pub what: String,
    pub id: String,
    pub by: String,
    pub standing: Standing,
    pub place: Place,
    pub when: Option<Timestamp>,
}

/// A desk that writes down what it hears, and answers what it was told to.
#[derive(Default)]
pub struct Notes {
    pub notes: Mutex<Vec<Note>>,
    pub replies: Mutex<Vec<Reply>>,
    pub wrong: Mutex<Vec<(Field, String)>>,
    /// How long it takes.
    pub slow: Mutex<Duration>,
}

impl Notes {
    pub fn all(&self) -> Vec<Note> {
        self.notes.lock().expect("the notes").clone()
    }

    pub fn words(&self) -> Vec<String> {
        self.all().into_iter().map(|note| note.what).collect()
    }

    pub fn ids(&self) -> Vec<String> {
        self.all().into_iter().map(|note| note.id).collect()
    }

    pub fn reply(&self, text: &str) {
        self.answer(Reply { message: Message::text(text), file: None });
    }

    pub fn answer(&self, reply: Reply) {
        self.replies.lock().expect("the replies").push(reply);
    }

    async fn note(&self, heard: &Heard, what: String) -> Vec<Reply> {
        let slow = *self.slow.lock().expect("the pace");
        tokio::time::sleep(slow).await;
        self.notes.lock().expect("the notes").push(Note {
            what,
            id: heard.id.0.clone(),
            by: heard.by.id.to_string(),
            standing: heard.standing,
            place: heard.place.clone(),
            when: heard.when,
        });
        self.replies.lock().expect("the replies").clone()
    }
}

#[async_trait]
impl Desk for Notes {
    async fn command(&self, heard: &Heard, line: &str) -> Vec<Reply> {
        self.note(heard, format!("command {line}")).await
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
        self.note(heard, format!("press {press:?} {} {} {plan} {reason:?}", card.cluster, card.change)).await
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
        let word = if given { "given" } else { "taken back" };
        self.note(heard, format!("react {emoji} {word} {} {} {plan}", card.cluster, card.change)).await
    }

    async fn form(&self, _: &Heard) -> RequestForm {
        let field = |field, label: &str, optional, takes| FormField {
            field,
            label: label.to_owned(),
            hint: Some("a hint".to_owned()),
            optional,
            takes,
        };
        let sizes = [("small", "small: 1 + 3 nodes"), ("large", "large: 3 + 5 nodes")];
        let sizes = sizes.map(|(value, text)| (value.to_owned(), text.to_owned())).to_vec();
        RequestForm {
            title: "Request a cluster".to_owned(),
            submit: "Request".to_owned(),
            fields: vec![
                field(Field::Name, "Name", false, Takes::Line(String::new())),
                field(Field::Size, "Size", false, Takes::OneOf(sizes)),
                field(Field::Reason, "Reason", true, Takes::Lines),
            ],
        }
    }

    async fn submit(&self, heard: &Heard, filled: &[(Field, String)]) -> Result<Vec<Reply>, Vec<(Field, String)>> {
        let filled: BTreeMap<&str, &str> = filled.iter().map(|(field, value)| (field.name(), value.as_str())).collect();
        let replies = self.note(heard, format!("submit {filled:?}")).await;
        let wrong = self.wrong.lock().expect("what is wrong").clone();
        if wrong.is_empty() { Ok(replies) } else { Err(wrong) }
    }

    async fn home(&self, heard: &Heard) -> Vec<(String, Message)> {
        self.note(heard, "home".to_owned()).await;
        vec![("My clusters".to_owned(), Message::text("You have no clusters."))]
    }
}

/// The workspace, kaas in it, and its desk.
pub struct Office {
    pub slack: FakeSlack,
    pub chat: Arc<SlackChat>,
    pub desk: Arc<Notes>,
    pub channel: ChannelId,
    pub alice: UserId,
    pub bob: UserId,
    stop: CancellationToken,
}

impl Drop for Office {
    fn drop(&mut self) {
        self.stop.cancel();
    }
}

impl Office {
    /// With sockets open.
    pub async fn open() -> Self {
        Self::open_with(Options::default()).await
    }

    pub async fn open_with(options: Options) -> Self {
        let office = Self::quiet(options).await;
        let (chat, desk, stop) = (Arc::clone(&office.chat), Arc::clone(&office.desk), office.stop.clone());
        tokio::spawn(async move { chat.listen(desk, stop).await.expect("it listens") });
        assert!(office.slack.connected(2, PATIENCE).await, "no sockets");
        office
    }

    /// Without listening.
    pub async fn quiet(options: Options) -> Self {
        let slack = workspace(options).await;
        let (alice, bob) = (slack.add_user("alice"), slack.add_user("bob"));
        let channel = slack.add_channel("clusters", &[&alice, &bob]);
        let chat = SlackChat::open(settings(&slack, &channel, &alice), SystemClock::shared()).await.expect("a chat");
        Self { slack, chat, desk: Arc::default(), channel, alice, bob, stop: CancellationToken::new() }
    }

    /// The card of change 42, as it is posted. Answers its message.
    pub async fn card(&self) -> String {
        use kaas::ports::Chat;
        self.chat.card(&call(1, 1), &card(self, None, "planning")).await.expect("a card")
    }

    /// Waits until the desk has heard so many things.
    pub async fn heard(&self, count: usize) -> Vec<Note> {
        until(|| self.desk.all().len() >= count).await;
        self.desk.all()
    }
}

/// A workspace without anybody.
pub async fn workspace(options: Options) -> FakeSlack {
    // Two providers of TLS are in the program; whichever client comes first needs to know the one to use.
    let _ = rustls::crypto::ring::default_provider().install_default();
    FakeSlack::start_with(options).await
}

/// The settings of a chat: alice is known by her id, bob by his address.
pub fn settings(slack: &FakeSlack, channel: &str, alice: &str) -> Settings {
    let known = |name: &str, id: Option<&str>, email: Option<&str>| Known {
        person: person(name),
        slack: id.map(str::to_owned),
        email: email.map(str::to_owned),
    };
    Settings {
        api_url: slack.api_url(),
        app_token: Some(slack.app_token().to_owned().into()),
        signing_secret: Some(slack.signing_secret().to_owned().into()),
        connections: 2,
        reconnect: Duration::from_secs(1),
        people: vec![
            known("alice", Some(alice), None),
            known("bob", None, Some("Bob@bank.example")),
            known("zoe", None, Some("zoe@bank.example")),
        ],
        ..Settings::new(slack.bot_token().to_owned().into(), channel)
    }
}

pub fn person(name: &str) -> Person {
    Person { id: name.parse().expect("a person's id"), name: name.to_owned() }
}

pub fn cluster() -> ClusterKey {
    ClusterKey { tenant: "acme".parse().expect("a tenant"), name: "crucial-sandbox".parse().expect("a name") }
}

pub fn card_key() -> CardKey {
    CardKey { cluster: cluster(), change: ChangeNumber(42) }
}

pub fn plan(digit: &str) -> PlanDigest {
    digit.repeat(64).parse().expect("a digest")
}

/// A call of the effect of that revision.
pub fn call(revision: u64, attempt: u32) -> Call {
    Call { key: EffectKey { cluster: cluster(), revision, index: 0 }, attempt, stop: CancellationToken::new() }
}

/// A card with every button, whose first line says the state.
pub fn card(office: &Office, known: Option<&str>, state: &str) -> Card {
    let press = [Press::Approve, Press::Reject, Press::Plan, Press::Cancel, Press::Retry];
    let spans = vec![Span::Strong("crucial-sandbox".to_owned()), Span::Text(format!(" · new cluster · {state}"))];
    Card {
        key: card_key(),
        place: office.chat.place(),
        known: known.map(str::to_owned),
        plan: Some(plan("a")),
        message: Message {
            lines: vec![Line { spans }],
            buttons: press.map(|press| Button { label: format!("{press:?}"), press }).to_vec(),
            ..Message::default()
        },
    }
}

/// Waits until it holds.
pub async fn until(holds: impl Fn() -> bool) {
    for _ in 0..PATIENCE.as_millis() / 20 {
        if holds() {
            return;
        }
        tokio::time::sleep(Duration::from_millis(20)).await;
    }
    panic!("it does not come to pass");
}
