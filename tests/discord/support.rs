//! A server with a channel and people, kaas' Discord chat in it, and a desk that writes down what it hears.

use std::collections::BTreeMap;
use std::sync::{Arc, Mutex};
use std::time::Duration;

use async_trait::async_trait;
use kaas::chat::discord::{Definition, DiscordChat, Known, Settings};
use kaas::clock::{SharedClock, SystemClock};
use kaas::lifecycle::catalogue::{Catalogue, Class, Size};
use kaas::lifecycle::form::is_invisible;
use kaas::lifecycle::{ChangeNumber, ClusterKey, EffectKey, Person, Place, PlanDigest};
use kaas::ports::{
    Call, Card, CardKey, Chat, Desk, Field, FormField, Heard, Reply, RequestForm, Roster, Standing, Suggest, Takes,
};
use kaas::render::message::{Button, Line, Message, Press, Span};
use kaas_fakes::discord::{FakeDiscord, Id, Options};
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
    /// Who counted by a role at that moment.
    pub roster: Vec<String>,
}

/// A desk that writes down what it hears, and answers what it was told to.
#[derive(Default)]
pub struct Notes {
    pub notes: Mutex<Vec<Note>>,
    pub replies: Mutex<Vec<Reply>>,
    pub wrong: Mutex<Vec<(Field, String)>>,
    /// How long it takes.
    pub slow: Mutex<Duration>,
    pub roster: Mutex<Option<Arc<DiscordChat>>>,
}

impl Notes {
    /// What people did, without being told again to look.
    pub fn all(&self) -> Vec<Note> {
        self.notes.lock().expect("the notes").iter().filter(|note| note.what != "missed").cloned().collect()
    }

    pub fn words(&self) -> Vec<String> {
        self.all().into_iter().map(|note| note.what).collect()
    }

    /// How often it was told that something may have been missed.
    pub fn missed(&self) -> usize {
        self.notes.lock().expect("the notes").iter().filter(|note| note.what == "missed").count()
    }

    pub fn reply(&self, text: &str) {
        self.answer(Reply { message: Message::text(text), file: None });
    }

    pub fn answer(&self, reply: Reply) {
        self.replies.lock().expect("the replies").push(reply);
    }

    pub fn takes(&self, time: Duration) {
        *self.slow.lock().expect("the pace") = time;
    }

    async fn note(&self, heard: &Heard, what: String) -> Vec<Reply> {
        let slow = *self.slow.lock().expect("the pace");
        tokio::time::sleep(slow).await;
        let chat = self.roster.lock().expect("the chat").clone();
        let roster = chat.map(|chat| chat.members().people).unwrap_or_default();
        self.notes.lock().expect("the notes").push(Note {
            what,
            id: heard.id.0.clone(),
            by: heard.by.id.to_string(),
            standing: heard.standing,
            place: heard.place.clone(),
            roster: roster.into_iter().map(|person| person.id.to_string()).collect(),
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

    async fn home(&self, _: &Heard) -> Vec<(String, Message)> {
        Vec::new()
    }

    async fn suggest(&self, heard: &Heard, what: &Suggest, typed: &str) -> Vec<String> {
        self.note(heard, format!("suggest {what:?} {typed}")).await;
        vec![format!("{typed}-one"), format!("{typed}-two")]
    }

    async fn missed(&self, place: &Place) {
        let by = person("nobody");
        let heard = Heard {
            id: kaas::lifecycle::InputId(String::new()),
            by,
            place: place.clone(),
            standing: Standing::Member,
            when: None,
        };
        self.note(&heard, "missed".to_owned()).await;
    }
}

/// The server, kaas in it, and its desk.
pub struct Office {
    pub discord: FakeDiscord,
    pub chat: Arc<DiscordChat>,
    pub desk: Arc<Notes>,
    pub channel: Id,
    pub role: Id,
    pub alice: Id,
    pub bob: Id,
    /// Whom kaas does not know.
    pub carol: Id,
    stop: CancellationToken,
}

impl Drop for Office {
    fn drop(&mut self) {
        self.stop.cancel();
    }
}

impl Office {
    /// Listening.
    pub async fn open() -> Self {
        Self::open_with(Options::hurried()).await
    }

    pub async fn open_with(options: Options) -> Self {
        let office = Self::quiet(options).await;
        office.listen().await;
        office
    }

    /// Begins to listen.
    pub async fn listen(&self) {
        let (chat, desk, stop) = (Arc::clone(&self.chat), Arc::clone(&self.desk), self.stop.clone());
        tokio::spawn(async move { chat.listen(desk, stop).await.expect("it listens") });
        assert!(self.discord.connected(1, PATIENCE).await, "no gateway");
        until(|| self.desk.missed() > 0).await;
    }

    /// Without listening.
    pub async fn quiet(options: Options) -> Self {
        Self::timed(options, SystemClock::shared()).await
    }

    /// Without listening, on that clock.
    pub async fn timed(options: Options, clock: SharedClock) -> Self {
        let discord = FakeDiscord::start_with(options).await;
        let role = discord.add_role("approvers");
        let (alice, bob, carol) = (discord.add_user("alice"), discord.add_user("bob"), discord.add_user("carol"));
        let channel = discord.add_channel("clusters");
        let settings = settings(&discord, channel, role, &[("alice", alice), ("bob", bob)]);
        let chat = DiscordChat::open(settings, clock).await.expect("a chat");
        let desk: Arc<Notes> = Arc::default();
        *desk.roster.lock().expect("the chat") = Some(Arc::clone(&chat));
        Self { discord, chat, desk, channel, role, alice, bob, carol, stop: CancellationToken::new() }
    }

    /// The command, registered.
    pub async fn with_command(self) -> Self {
        self.chat.register(&definition()).await.expect("it is registered");
        self
    }

    /// The card of change 42, as it is posted. Answers its message.
    pub async fn card(&self) -> Id {
        let posted = self.chat.card(&call(1, 1), &card(self, None, "planning")).await.expect("a card");
        posted.parse().expect("an id")
    }

    /// The custom id of a button of a message.
    pub fn button(&self, message: Id, press: Press) -> String {
        let message = self.discord.message(self.channel, message).expect("the message");
        message.button(&format!("{press:?}")).expect("the button")
    }

    /// Waits until the desk has heard so many things.
    pub async fn heard(&self, count: usize) -> Vec<Note> {
        until(|| self.desk.all().len() >= count).await;
        self.desk.all()
    }

    /// What is said in the thread of a card, without what nobody sees.
    pub fn said_in_thread(&self, card: Id) -> Vec<String> {
        self.discord.messages(card).iter().map(|message| seen(&message.content)).collect()
    }

    /// What only this person sees.
    pub fn private_to(&self, user: Id) -> Vec<String> {
        self.discord.private_to(user).iter().map(|message| seen(&message.content)).collect()
    }
}

/// The settings of a chat: those people are known by their ids.
pub fn settings(discord: &FakeDiscord, channel: Id, role: Id, known: &[(&str, Id)]) -> Settings {
    let known = known.iter().map(|(name, id)| Known { person: person(name), discord: Some(id.to_string()) });
    Settings {
        api_url: discord.url().to_owned(),
        reconnect: Duration::from_millis(50),
        people: known.chain([Known { person: person("zoe"), discord: None }]).collect(),
        roles: vec![role.to_string()],
        ..Settings::new(discord.token().to_owned().into(), discord.guild().to_string(), channel.to_string())
    }
}

/// What the command is made of.
pub fn definition() -> Definition {
    let size = Size {
        name: "small".parse().expect("a size"),
        instance_type: "m6i.large".to_owned(),
        control_planes: 1,
        workers_min: 1,
        workers_default: 3,
        workers_max: 10,
        cents_a_node_month: None,
    };
    let class = Class {
        name: "aws".parse().expect("a class"),
        description: "RKE2 on EC2, private nodes".to_owned(),
        module: "aws-rancher-cluster".to_owned(),
        template: "cluster".to_owned(),
        sizes: vec![size],
        kubernetes: vec!["v1.33.5+rke2r1".parse().expect("a version")],
        regions: vec!["eu-west-1".parse().expect("a region")],
        ttl_default: None,
        ttl_max: None,
        reason_required: false,
        ticket_required: false,
        foundation: BTreeMap::new(),
        values: BTreeMap::new(),
    };
    let catalogue = Catalogue { classes: vec![class] };
    Definition { command: "kaas".to_owned(), catalogue, roles: vec!["cluster-member".to_owned()] }
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
pub fn card(office: &Office, known: Option<Id>, state: &str) -> Card {
    let press = [Press::Approve, Press::Reject, Press::Plan, Press::Cancel, Press::Retry];
    let spans = vec![Span::Strong("crucial-sandbox".to_owned()), Span::Text(format!(" · new cluster · {state}"))];
    Card {
        key: card_key(),
        place: office.chat.place(),
        known: known.map(|known| known.to_string()),
        plan: Some(plan("a")),
        message: Message {
            lines: vec![Line { spans }],
            buttons: press.map(|press| Button { label: format!("{press:?}"), press }).to_vec(),
            ..Message::default()
        },
    }
}

/// A text without what nobody sees, and without the signs that keep its characters from being formats.
pub fn seen(text: &str) -> String {
    text.chars().filter(|c| !is_invisible(*c) && *c != '\\').collect()
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
