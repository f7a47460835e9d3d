//! Discord as a chat: a channel with its cards and threads, direct messages, buttons, reactions, forms, a command with typed options.
//!
//! What is said goes through the REST API, what is heard comes over the gateway. Reading order: this file (settings, what is checked at the start), `api` and
//! `trouble` (calls, and what their failures mean), `rights` (what kaas may do), `draw` and `marks` (messages), `ids` (what buttons carry), `define` and
//! `options` (the command), `form` (modals), `cards` (which message is which card), `threads` and `speak` (what is said), `people` (who is who), `roles` (whose
//! members approve), `gateway` and `wire` (what arrives), `hear` (what it means), `answer` (private answers), `check`.
//!
//! Nothing is decided here: a doing is brought to the desk, and it is acknowledged when the desk has it.

use std::collections::{HashMap, HashSet};
use std::sync::atomic::{AtomicBool, Ordering};
use std::sync::{Arc, Mutex, MutexGuard, PoisonError};
use std::time::Duration;

use anyhow::Context;
use jiff::Timestamp;
use secrecy::SecretString;
use serenity::all::{ApplicationId, GuildId};
use tokio::sync::watch;
use tokio_util::sync::CancellationToken;

use super::later::Later;
use super::order::Rows;
use super::pace::Pace;
use crate::clock::SharedClock;
use crate::lifecycle::{ClusterKey, Person, Place};
use crate::ports::{Answer, Desk, Trouble};

mod answer;
mod api;
mod cards;
mod check;
mod define;
mod draw;
mod form;
mod gateway;
mod hear;
mod ids;
mod marks;
mod options;
mod people;
mod rights;
mod roles;
mod speak;
mod threads;
mod trouble;
mod wire;

#[cfg(test)]
mod define_tests;
#[cfg(test)]
mod draw_tests;
#[cfg(test)]
mod form_tests;
#[cfg(test)]
mod options_tests;
#[cfg(test)]
mod reader;

use answer::Recents;
use api::{Api, Failure, Id};
use cards::Cards;
use gateway::Gateway;
use hear::Ear;
use people::{People, Who};
use roles::Roles;
use wire::Home;

pub use check::{Checked, Registered};
pub use define::Definition;

/// The chat adapter's name in a [`Place`].
pub const NAME: &str = "discord";

/// Where Discord is.
pub const API_URL: &str = "https://discord.com";

/// The time between two messages of a channel, in the long run: with the burst at most five in five seconds, which Discord takes.
const MESSAGE_EVERY: Duration = Duration::from_millis(1_500);
/// Messages that may follow each other at once.
const BURST: u32 = 2;
/// How long something that is to be said waits for a Discord that has not answered since the start.
const TOUCH_MAX: Duration = Duration::from_secs(10);
/// The first and the longest pause before a Discord that does not answer at the start is asked again.
const PAUSE: (Duration, Duration) = (Duration::from_secs(1), Duration::from_secs(30));
/// How long answers that are on their way may take when kaas stops.
const LAST_WORDS: Duration = Duration::from_secs(3);

/// What a Discord chat is made of.
pub struct Settings {
    /// Its name among the chats of this kaas: [`NAME`], where there is one Discord.
    pub name: String,
    /// Where Discord is: [`API_URL`], or a stand-in, without `/api`.
    pub api_url: String,
    /// The bot's token.
    pub bot_token: SecretString,
    /// The server: its id.
    pub server: String,
    /// The channel where cards are posted: its id.
    pub channel: String,
    /// How long to wait before a gateway that could not be opened is tried again, the first time; longer each time.
    pub reconnect: Duration,
    /// How long a Discord that does not answer is waited for at the start.
    pub patience: Duration,
    /// The people whom kaas knows.
    pub people: Vec<Known>,
    /// The roles whose members approve: their ids.
    pub roles: Vec<String>,
}

impl Settings {
    /// Settings with everything else as usual.
    pub fn new(bot_token: SecretString, server: impl Into<String>, channel: impl Into<String>) -> Self {
        Self {
            name: NAME.to_owned(),
            api_url: API_URL.to_owned(),
            bot_token,
            server: server.into(),
            channel: channel.into(),
            reconnect: Duration::from_secs(1),
            patience: Duration::ZERO,
            people: Vec::new(),
            roles: Vec::new(),
        }
    }
}

/// Somebody whom kaas knows, and who they are in Discord.
#[derive(Debug, Clone)]
pub struct Known {
    /// The person.
    pub person: Person,
    /// Their Discord user id.
    pub discord: Option<String>,
}

/// The chat in Discord.
pub struct DiscordChat {
    name: String,
    api: Api,
    people: People,
    roles: Roles,
    pace: Pace,
    rows: Rows,
    cards: Cards,
    /// Threads that are there, by the message that they began at.
    threads: Mutex<HashSet<Id>>,
    recents: Recents,
    /// Who takes no direct messages and was called in the thread of a cluster, and when.
    called: Mutex<HashMap<(Id, ClusterKey), Timestamp>>,
    /// The server.
    guild: Id,
    /// The channel.
    channel: Id,
    /// What people call it, once it is known.
    channel_name: Mutex<Option<String>>,
    /// Who kaas is, once it is known.
    home: Mutex<Option<Home>>,
    /// Channels of direct messages, by user id.
    directs: Mutex<HashMap<Id, Id>>,
    reconnect: Duration,
    patience: Duration,
    clock: SharedClock,
    /// Whether Discord has answered since the start.
    in_touch: watch::Sender<bool>,
    /// Whether it is to have a gateway open.
    listens: AtomicBool,
    /// Whether it has one.
    connected: AtomicBool,
    /// What is on its way.
    later: Later,
}

impl DiscordChat {
    /// A chat that has not been in touch with Discord yet: [`Self::listen`] sees to that, and what is to be said waits for it.
    ///
    /// # Errors
    /// An id is none, or Discord's address.
    pub fn new(settings: Settings, clock: SharedClock) -> anyhow::Result<Arc<Self>> {
        let number = |what: &str, text: &str| {
            let hint = "turn developer mode on in Discord's settings, then copy it from the menu";
            api::id(text).with_context(|| format!("Discord: {text} is no id of a {what}; {hint}"))
        };
        for role in &settings.roles {
            number("role", role)?;
        }
        Ok(Arc::new(Self {
            guild: number("server", &settings.server)?,
            channel: number("channel", &settings.channel)?,
            name: settings.name,
            api: Api::new(&settings.api_url, &settings.bot_token, Arc::clone(&clock))?,
            people: People::new(settings.people)?,
            roles: Roles::new(settings.roles),
            pace: Pace::of("Discord", MESSAGE_EVERY, BURST),
            rows: Rows::default(),
            cards: Cards::default(),
            threads: Mutex::default(),
            recents: Recents::default(),
            called: Mutex::default(),
            channel_name: Mutex::default(),
            home: Mutex::default(),
            directs: Mutex::default(),
            reconnect: settings.reconnect,
            patience: settings.patience,
            clock,
            in_touch: watch::Sender::new(false),
            listens: AtomicBool::new(false),
            connected: AtomicBool::new(false),
            later: Later::default(),
        }))
    }

    /// The same, in touch with Discord: it is known who kaas is there, and that it sees the channel.
    ///
    /// # Errors
    /// The token is wrong, the server or the channel is not there, or Discord does not answer. The words say what to do.
    pub async fn open(settings: Settings, clock: SharedClock) -> anyhow::Result<Arc<Self>> {
        let chat = Self::new(settings, clock)?;
        chat.get_in_touch().await?;
        Ok(chat)
    }

    /// Listens until it is stopped, and brings what is heard to the desk.
    ///
    /// # Errors
    /// Discord does not let kaas in, in words that say what to do.
    pub async fn listen(self: Arc<Self>, desk: Arc<dyn Desk>, stop: CancellationToken) -> anyhow::Result<()> {
        if !self.is_in_touch() {
            tokio::select! {
                () = stop.cancelled() => return Ok(()),
                touched = self.get_in_touch() => touched?,
            }
        }
        self.listens.store(true, Ordering::Relaxed);
        let ear = Ear::new(Arc::clone(&self), desk);
        let ending = stop.child_token();
        let gateway = Gateway { api: &self.api, ear: &ear, reconnect: self.reconnect, stop: ending.clone() };
        let (ended, ()) = tokio::join!(
            async {
                let ended = gateway.keep().await;
                ending.cancel();
                ended
            },
            self.follow_roles(&ending),
        );
        self.connected.store(false, Ordering::Relaxed);
        // Who was let out for good is not ready; who stops has nothing to be ready for.
        self.listens.store(ended.is_err(), Ordering::Relaxed);
        self.later.finish(LAST_WORDS).await;
        ended
    }

    /// Its name among the chats of this kaas.
    pub fn name(&self) -> &str {
        &self.name
    }

    /// Where its cards are posted.
    pub fn place(&self) -> Place {
        Place { chat: self.name.clone(), channel: self.channel.to_string() }
    }

    /// Finds out who kaas is in Discord and whether it sees the channel, as patiently as it was told to.
    async fn get_in_touch(&self) -> anyhow::Result<()> {
        let (mut waited, mut pause) = (Duration::ZERO, PAUSE.0);
        let (home, name) = loop {
            let failure = match self.ask_home().await {
                Ok(found) => break found,
                Err(failure @ (Failure::Limited { .. } | Failure::Silent { .. })) if waited < self.patience => failure,
                Err(failure) => anyhow::bail!(failure.remedy(&self.channel_name(), &[])),
            };
            tracing::warn!(discord.failure = %failure, "Discord does not answer; the next try is in {} s", pause.as_secs());
            tokio::time::sleep(pause).await;
            waited = waited.saturating_add(pause);
            pause = (pause * 2).min(PAUSE.1);
        };
        self.is_at(home);
        if let Err(wrong) = self.look_at_channel().await {
            // Whoever uses a command is told that a right is missing; a wrong id does not get well.
            anyhow::ensure!(wrong.may_pass, wrong.words);
            tracing::error!("{}", wrong.words);
        }
        tracing::info!(discord.user = name, discord.channel = self.channel, "kaas is in Discord");
        self.in_touch.send_replace(true);
        Ok(())
    }

    /// It is known now who kaas is.
    fn is_at(&self, home: Home) {
        *self.home.lock().unwrap_or_else(PoisonError::into_inner) = Some(home);
    }

    fn home(&self) -> Option<Home> {
        *self.home.lock().unwrap_or_else(PoisonError::into_inner)
    }

    /// kaas' own user id.
    fn own_id(&self) -> Option<Id> {
        self.home().map(|home| home.user)
    }

    fn application(&self) -> Option<ApplicationId> {
        self.home().map(|home| ApplicationId::from(home.application))
    }

    fn guild_id(&self) -> GuildId {
        GuildId::from(self.guild)
    }

    /// It is known now what people call the channel.
    fn is_named(&self, name: &str) {
        *self.channel_name.lock().unwrap_or_else(PoisonError::into_inner) = Some(format!("#{name}"));
    }

    /// What people call the channel.
    fn channel_name(&self) -> String {
        let name = self.channel_name.lock().unwrap_or_else(PoisonError::into_inner).clone();
        name.unwrap_or_else(|| format!("the channel {}", self.channel))
    }

    /// Who a member is, as Discord has just said; what that says of roles is taken over.
    fn who(&self, user: Id, member: Option<&serde_json::Value>) -> Who {
        let now = self.clock.now();
        let who = self.people.read(user, member, now);
        self.roles.saw(&who, now);
        who
    }

    /// The same, asked for now.
    async fn ask_who(&self, user: Id) -> Result<Who, Failure> {
        let who = self.people.ask(&self.api, self.guild_id(), user, &*self.clock).await?;
        self.roles.saw(&who, self.clock.now());
        Ok(who)
    }

    /// Whether Discord has answered at all since the start.
    fn is_in_touch(&self) -> bool {
        *self.in_touch.borrow()
    }

    /// Waits a moment for Discord where kaas has only just started: without knowing who it is there, kaas would not know its own messages.
    async fn touched(&self) -> Answer<()> {
        let mut in_touch = self.in_touch.subscribe();
        match tokio::time::timeout(TOUCH_MAX, in_touch.wait_for(|is_it| *is_it)).await {
            Ok(Ok(_)) => Ok(()),
            _ => Err(Trouble::Passing { line: "Discord has not answered yet".to_owned(), wait: None, source: None }),
        }
    }

    fn directs(&self) -> MutexGuard<'_, HashMap<Id, Id>> {
        self.directs.lock().unwrap_or_else(PoisonError::into_inner)
    }
}
