//! Slack as a chat: a channel with its cards and threads, private messages, buttons, reactions, forms, and a page of one's own.
//!
//! What is said goes through the Web API, what is heard comes over sockets (Socket Mode) or as signed HTTP, and both ways of hearing meet in one piece of
//! code. Reading order: this file (settings, what is checked at the start), `api` and `trouble` (calls, and what their failures mean), `draw` (messages in
//! Slack's form), `tag` and `cards` (which message is which card), `speak` (what is said), `people` (who is who), `groups` (whose members approve), `wire` (what arrives),
//! `hear` (what it means), `form` (modals and the page), `answer` (private answers), `socket`, `sign` and `http` (the two ways in), `manifest`.
//!
//! Nothing is decided here: a delivery is brought to the desk, and it is acknowledged when the desk has it.

use std::collections::{BTreeSet, HashMap};
use std::sync::atomic::AtomicBool;
use std::sync::{Arc, Mutex, MutexGuard, OnceLock, PoisonError};
use std::time::Duration;

use secrecy::SecretString;
use serde_json::Value;
use tokio::sync::watch;

use super::later::Later;
use super::order::Rows;
use super::pace::Pace;
use crate::clock::SharedClock;
use crate::lifecycle::{Person, Place};
use crate::ports::{Answer, Trouble};

mod answer;
mod api;
mod cards;
mod draw;
mod form;
mod groups;
mod hear;
mod http;
mod manifest;
mod people;
mod sign;
mod socket;
mod speak;
mod tag;
mod trouble;
mod wire;

#[cfg(test)]
mod draw_tests;

use api::{Api, Failure};
use cards::Cards;
use groups::Groups;
use people::{Home, People};

pub use http::SlackIntake;
pub use manifest::manifest;

/// The chat adapter's name in a [`Place`].
pub const NAME: &str = "slack";

/// Where Slack's Web API is.
pub const API_URL: &str = "https://slack.com/api";

/// The most sockets that Slack lets an app open.
pub const CONNECTIONS_MAX: u32 = 10;

/// The time between two messages of a channel, in the long run. Slack's own limit.
const MESSAGE_EVERY: Duration = Duration::from_secs(1);
/// Messages that may follow each other at once.
const BURST: u32 = 3;

/// How long something that is to be said waits for a Slack that has not answered since the start.
const TOUCH_MAX: Duration = Duration::from_secs(10);

/// What a Slack chat is made of.
pub struct Settings {
    /// Its name among the chats of this kaas: [`NAME`], where there is one Slack.
    pub name: String,
    /// Where the Web API is: [`API_URL`], or a stand-in.
    pub api_url: String,
    /// The bot's token: `xoxb-…`.
    pub bot_token: SecretString,
    /// The app's own token, `xapp-…`: with it kaas listens on sockets.
    pub app_token: Option<SecretString>,
    /// The app's signing secret: with it kaas takes signed HTTP.
    pub signing_secret: Option<SecretString>,
    /// The channel where cards are posted: its id.
    pub channel: String,
    /// How many sockets to keep open, so that nothing is missed while one is opened again.
    pub connections: u32,
    /// How long to wait before a socket that could not be opened is tried again.
    pub reconnect: Duration,
    /// How long a Slack that does not answer is waited for at the start.
    pub patience: Duration,
    /// The people whom kaas knows.
    pub people: Vec<Known>,
    /// The user groups whose members approve: `@platform`, or the id.
    pub groups: Vec<String>,
    /// Whether the channel may be shared with other organisations.
    pub allow_shared: bool,
    /// The slash command: `/kaas`.
    pub command: String,
}

impl Settings {
    /// Settings with everything else as usual.
    pub fn new(bot_token: SecretString, channel: impl Into<String>) -> Self {
        Self {
            name: NAME.to_owned(),
            api_url: API_URL.to_owned(),
            bot_token,
            app_token: None,
            signing_secret: None,
            channel: channel.into(),
            connections: 2,
            reconnect: Duration::from_secs(15),
            patience: Duration::ZERO,
            people: Vec::new(),
            groups: Vec::new(),
            allow_shared: false,
            command: "/kaas".to_owned(),
        }
    }
}

/// Somebody whom kaas knows, and who they are in Slack.
#[derive(Debug, Clone)]
pub struct Known {
    /// The person.
    pub person: Person,
    /// Their Slack user id: the strongest proof.
    pub slack: Option<String>,
    /// Their e-mail address, by which they are found where the id is not known.
    pub email: Option<String>,
}

/// The chat in Slack.
pub struct SlackChat {
    name: String,
    api: Arc<Api>,
    people: People,
    groups: Groups,
    pace: Pace,
    rows: Rows,
    cards: Cards,
    /// The channel's id.
    channel: String,
    /// What people call it, once it is known.
    channel_name: OnceLock<String>,
    /// Channels of direct messages, by user id.
    directs: Mutex<HashMap<String, String>>,
    app_token: Option<SecretString>,
    signing_secret: Option<SecretString>,
    connections: u32,
    reconnect: Duration,
    patience: Duration,
    allow_shared: bool,
    command: String,
    clock: SharedClock,
    /// Whether Slack has answered since the start.
    in_touch: watch::Sender<bool>,
    /// Whether it is to have sockets open.
    listens: AtomicBool,
    /// The sockets that are open.
    sockets: Mutex<BTreeSet<String>>,
    /// Answers that are on their way.
    later: Later,
}

impl SlackChat {
    /// A chat that has not been in touch with Slack yet: [`Self::listen`] sees to that, and what is to be said waits for it.
    ///
    /// # Errors
    /// A token is missing, or Slack's address is none.
    pub fn new(settings: Settings, clock: SharedClock) -> anyhow::Result<Arc<Self>> {
        anyhow::ensure!(
            settings.app_token.is_some() || settings.signing_secret.is_some(),
            "Slack: give kaas the app's own token (xapp-…) for Socket Mode, or its signing secret for HTTP"
        );
        let api = Arc::new(Api::new(&settings.api_url, &settings.bot_token, Arc::clone(&clock))?);
        Ok(Arc::new(Self {
            name: settings.name,
            people: People::new(Arc::clone(&api), settings.people, Arc::clone(&clock)),
            groups: Groups::new(settings.groups),
            api,
            pace: Pace::of("Slack", MESSAGE_EVERY, BURST),
            rows: Rows::default(),
            cards: Cards::default(),
            channel: settings.channel,
            channel_name: OnceLock::new(),
            directs: Mutex::default(),
            app_token: settings.app_token,
            signing_secret: settings.signing_secret,
            connections: settings.connections.clamp(1, CONNECTIONS_MAX),
            reconnect: settings.reconnect,
            patience: settings.patience,
            allow_shared: settings.allow_shared,
            command: settings.command,
            clock,
            in_touch: watch::Sender::new(false),
            listens: AtomicBool::new(false),
            sockets: Mutex::default(),
            later: Later::default(),
        }))
    }

    /// The same, in touch with Slack: it is known who kaas is there, and that it can work in the channel.
    ///
    /// # Errors
    /// A token is wrong, the channel is not there, kaas is not in it, it is shared with others, or Slack does not answer. The words say what to do.
    pub async fn open(settings: Settings, clock: SharedClock) -> anyhow::Result<Arc<Self>> {
        let chat = Self::new(settings, clock)?;
        chat.get_in_touch().await?;
        Ok(chat)
    }

    /// Finds out who kaas is in Slack and whether it can work in the channel, as patiently as it was told to.
    async fn get_in_touch(&self) -> anyhow::Result<()> {
        let (api, patience) = (&self.api, self.patience);
        let told = |failure: &Failure| anyhow::anyhow!(failure.remedy(&self.channel));
        let auth = api.get_patiently("auth.test", &[], patience).await.map_err(|failure| told(&failure))?;
        if let Some(token) = &self.app_token {
            match api.post_as_app(token, "apps.connections.open").await {
                Ok(_) => {}
                Err(failure @ Failure::Refused { .. }) => {
                    return Err(told(&failure).context("Slack does not take the app's own token (xapp-…)"));
                }
                // Whoever listens tries again.
                Err(failure) => tracing::warn!(slack.failure = %failure, "the app's own token could not be tried"),
            }
        }
        let answer = api.get_patiently("conversations.info", &[("channel", &self.channel)], patience).await;
        let channel = answer.map_err(|failure| told(&failure))?["channel"].take();
        check_channel(&channel, &self.channel, self.allow_shared)?;
        let text = |name: &str| auth[name].as_str().unwrap_or_default().to_owned();
        let home = Home {
            team: text("team_id"),
            enterprise: auth["enterprise_id"].as_str().map(str::to_owned),
            user: text("user_id"),
            bot: text("bot_id"),
        };
        tracing::info!(slack.team = home.team, slack.channel = self.channel, "kaas is in Slack");
        if let Some(name) = channel["name"].as_str() {
            let _ = self.channel_name.set(format!("#{name}"));
        }
        self.people.is_at(home);
        self.in_touch.send_replace(true);
        Ok(())
    }

    /// What people call the channel.
    fn channel_name(&self) -> &str {
        self.channel_name.get().unwrap_or(&self.channel)
    }

    /// Whether Slack has answered at all since the start.
    fn is_in_touch(&self) -> bool {
        *self.in_touch.borrow()
    }

    /// Waits a moment for Slack where kaas has only just started: without knowing who it is there, kaas would not know its own messages.
    async fn touched(&self) -> Answer<()> {
        let mut in_touch = self.in_touch.subscribe();
        match tokio::time::timeout(TOUCH_MAX, in_touch.wait_for(|is_it| *is_it)).await {
            Ok(Ok(_)) => Ok(()),
            _ => Err(Trouble::Passing { line: "Slack has not answered yet".to_owned(), wait: None, source: None }),
        }
    }

    /// Where its cards are posted.
    pub fn place(&self) -> Place {
        Place { chat: self.name.clone(), channel: self.channel.clone() }
    }

    /// Its name among the chats of this kaas.
    pub fn name(&self) -> &str {
        &self.name
    }

    fn sockets(&self) -> MutexGuard<'_, BTreeSet<String>> {
        self.sockets.lock().unwrap_or_else(PoisonError::into_inner)
    }
}

/// Whether kaas can and may work there.
fn check_channel(channel: &Value, name: &str, allow_shared: bool) -> anyhow::Result<()> {
    let flag = |name: &str| channel[name].as_bool();
    anyhow::ensure!(flag("is_member") != Some(false), "Slack: kaas is not in {name}; invite it with /invite @kaas");
    anyhow::ensure!(
        flag("is_archived") != Some(true),
        "Slack: {name} is archived; unarchive it, or give kaas another channel"
    );
    let shared = flag("is_ext_shared") == Some(true) || flag("is_pending_ext_shared") == Some(true);
    anyhow::ensure!(
        !shared || allow_shared,
        "Slack: {name} is shared with another organisation, whose people would see every plan; take another channel, or set allow_shared"
    );
    Ok(())
}
