//! Whether kaas can do its work in Discord, looked at from outside: token, application, server, channel, each right; and the registering of its command.

use serde_json::Value;
use serenity::all::{ChannelId, UserId};
use serenity::http::Route;
use tokio_util::sync::CancellationToken;

use super::api::{Failure, id_of};
use super::define::{self, Definition};
use super::rights::{self, RIGHTS, Right};
use super::trouble::{NO_ACCESS, NO_PERMISSION};
use super::wire::Home;
use super::{DiscordChat, PAUSE};
use crate::ports::{Answer, Trouble};

/// A text channel, and one whose messages others may follow.
const CHANNELS: [u64; 2] = [0, 5];

/// One thing that was looked at.
#[derive(Debug, Clone, PartialEq, Eq)]
pub struct Checked {
    /// What: `the token`, `Send Messages`.
    pub what: String,
    /// What it is, or what is wrong and what to do about it.
    pub found: Result<String, String>,
}

impl Checked {
    fn new(what: impl Into<String>, found: Result<String, String>) -> Self {
        Self { what: what.into(), found }
    }
}

/// What is wrong with the channel.
#[derive(Debug)]
pub(super) struct Wrong {
    /// What it is, and what to do about it.
    pub words: String,
    /// Whether it can get well while kaas runs.
    pub may_pass: bool,
}

/// What became of registering the command.
#[derive(Debug, Clone, Copy, PartialEq, Eq)]
pub enum Registered {
    /// It was registered like that already.
    Already,
    /// It is registered now.
    Now,
}

impl DiscordChat {
    /// Looks at everything that kaas needs in Discord; what cannot be looked at because something before it is wrong is left out.
    pub async fn check(&self) -> Vec<Checked> {
        let mut all = Vec::new();
        let told = |failure: &Failure| failure.remedy(&self.channel_name(), &[]);
        let home = match self.ask_home().await {
            Ok((home, name)) => {
                all.push(Checked::new("the token", Ok(format!("is taken; kaas is {name}"))));
                home
            }
            Err(failure) => {
                all.push(Checked::new("the token", Err(told(&failure))));
                return all;
            }
        };
        match self.api.get("look at the application", Route::Oauth2ApplicationCurrent).await {
            Ok(application) => {
                // With it, Discord brings nothing over the gateway.
                let elsewhere = application["interactions_endpoint_url"].as_str().filter(|url| !url.is_empty());
                all.push(Checked::new("the application", match elsewhere {
                    None => Ok(application["name"].as_str().unwrap_or_default().to_owned()),
                    Some(_) => Err("Discord: the application has an interactions endpoint, so that no command reaches kaas; take the address out in the developer portal".to_owned()),
                }));
            }
            Err(failure) => all.push(Checked::new("the application", Err(told(&failure)))),
        }
        let guild = match self.api.get("look at the server", Route::Guild { guild_id: self.guild_id() }).await {
            Ok(guild) => {
                all.push(Checked::new("the server", Ok(guild["name"].as_str().unwrap_or_default().to_owned())));
                guild
            }
            Err(failure) => {
                all.push(Checked::new("the server", Err(told(&failure))));
                return all;
            }
        };
        self.check_roles(&guild, &mut all);
        let channel = match self.look_at_channel().await {
            Ok(channel) => {
                all.push(Checked::new("the channel", Ok(self.channel_name())));
                channel
            }
            Err(wrong) => {
                all.push(Checked::new("the channel", Err(wrong.words)));
                return all;
            }
        };
        match self.own_member(home).await {
            Ok(member) => {
                let missing = rights::missing(rights::allowed(&guild, &channel, &member));
                for right in RIGHTS {
                    all.push(Checked::new(
                        right.name,
                        match missing.contains(&right) {
                            false => Ok(format!("for {}", right.why)),
                            true => Err(format!(
                                "Discord: kaas lacks {} in {}, which it needs for {}; give its role that there",
                                right.name,
                                self.channel_name(),
                                right.why
                            )),
                        },
                    ));
                }
            }
            Err(failure) => all.push(Checked::new("the rights", Err(told(&failure)))),
        }
        all
    }

    fn check_roles(&self, guild: &Value, all: &mut Vec<Checked>) {
        for wanted in self.roles.wanted() {
            let found = guild["roles"].as_array().into_iter().flatten().find(|role| role["id"] == wanted.as_str());
            all.push(Checked::new(
                format!("the role {wanted}"),
                match found.and_then(|role| role["name"].as_str()) {
                    // Its id is the server's: everybody has it.
                    Some(_) if guild["id"] == wanted.as_str() => {
                        Err("Discord: everybody in the server has that role; name one of people who decide".to_owned())
                    }
                    Some(name) => Ok(name.to_owned()),
                    None => Err(format!(
                        "Discord: the server has no role {wanted}; copy a role's id with developer mode on"
                    )),
                },
            ));
        }
    }

    /// Finds out who kaas is in Discord, and what it is called there.
    pub(super) async fn ask_home(&self) -> Result<(Home, String), Failure> {
        let application = self.api.get("look at the application", Route::Oauth2ApplicationCurrent).await?;
        let bot = &application["bot"];
        let lacks = || Failure::lacks("look at the application", "kaas' own user");
        let application = id_of(&application["id"]).ok_or_else(lacks)?;
        // An old application has another id than its user.
        let me = match id_of(&bot["id"]) {
            Some(_) => bot.clone(),
            None => self.api.get("ask who kaas is", Route::UserMe).await?,
        };
        let user = id_of(&me["id"]).ok_or_else(lacks)?;
        Ok((Home { application, user }, me["username"].as_str().unwrap_or("kaas").to_owned()))
    }

    /// Looks at the channel.
    pub(super) async fn look_at_channel(&self) -> Result<Value, Wrong> {
        let route = Route::Channel { channel_id: ChannelId::from(self.channel) };
        let channel = match self.api.get("look at the channel", route).await {
            Ok(channel) => channel,
            Err(failure) => {
                // A right can be given while kaas runs.
                let may_pass = !matches!(failure, Failure::Refused { .. }) || failure.is(&[NO_ACCESS, NO_PERMISSION]);
                return Err(Wrong { words: failure.remedy(&self.channel_name(), &[]), may_pass });
            }
        };
        let for_good = |words: &str| Err(Wrong { words: words.to_owned(), may_pass: false });
        if id_of(&channel["guild_id"]) != Some(self.guild) {
            return for_good(
                "Discord: the channel is of another server; give kaas the id of a text channel of its own",
            );
        }
        if !channel["type"].as_u64().is_some_and(|kind| CHANNELS.contains(&kind)) {
            return for_good("Discord: the channel is none for text; give kaas the id of a text channel");
        }
        if let Some(name) = channel["name"].as_str() {
            self.is_named(name);
        }
        Ok(channel)
    }

    async fn own_member(&self, home: Home) -> Result<Value, Failure> {
        let route = Route::GuildMember { guild_id: self.guild_id(), user_id: UserId::from(home.user) };
        self.api.get("look at kaas in the server", route).await
    }

    /// The rights that kaas lacks in its channel.
    pub(super) async fn missing_rights(&self) -> Result<Vec<Right>, Failure> {
        let home = match self.home() {
            Some(home) => home,
            None => self.ask_home().await?.0,
        };
        let channel = match self
            .api
            .get("look at the channel", Route::Channel { channel_id: ChannelId::from(self.channel) })
            .await
        {
            // Whoever does not see a channel may do nothing there, and is not told more.
            Err(unseen) if unseen.is(&[NO_ACCESS]) => return Ok(vec![RIGHTS[0]]),
            channel => channel?,
        };
        let guild = self.api.get("look at the server", Route::Guild { guild_id: self.guild_id() }).await?;
        Ok(rights::missing(rights::allowed(&guild, &channel, &self.own_member(home).await?)))
    }

    /// Registers the command in the server, if it is not registered like that.
    ///
    /// # Errors
    /// Discord does not answer, or refuses it: then the words say what to do.
    pub async fn register(&self, definition: &Definition) -> Answer<Registered> {
        match self.try_to_register(definition).await {
            Ok(done) => Ok(done),
            Err(refused) if refused.is(&[NO_ACCESS]) => {
                let line = "Discord: kaas may not register commands in the server; invite it again with the scope applications.commands".to_owned();
                Err(Trouble::lasting(line, refused))
            }
            Err(failure) => Err(self.trouble(failure).await),
        }
    }

    /// Registers the command as soon as Discord answers. Without it people still have buttons and reactions.
    pub async fn see_registered(&self, definition: &Definition, stop: &CancellationToken) {
        let mut pause = PAUSE.0;
        loop {
            match self.register(definition).await {
                Ok(_) | Err(Trouble::Stopped) => return,
                Err(Trouble::Passing { wait, .. }) => {
                    let wait = wait.and_then(|wait| wait.try_into().ok()).unwrap_or_default();
                    tokio::select! {
                        () = stop.cancelled() => return,
                        () = tokio::time::sleep(pause.max(wait)) => {}
                    }
                    pause = (pause * 2).min(PAUSE.1);
                }
                Err(trouble @ Trouble::Lasting { .. }) => {
                    tracing::error!(discord.trouble = %trouble, "/kaas is not registered; when that is mended: kaas discord register");
                    return;
                }
            }
        }
    }

    async fn try_to_register(&self, definition: &Definition) -> Result<Registered, Failure> {
        let home = match self.home() {
            Some(home) => home,
            None => self.ask_home().await?.0,
        };
        let route = || Route::GuildCommands { application_id: home.application.into(), guild_id: self.guild_id() };
        let wanted = define::commands(definition);
        let registered = self.api.get("look at the commands", route()).await?;
        if define::is_same(&registered, &wanted) {
            return Ok(Registered::Already);
        }
        self.api.put("register the command", route(), &wanted).await?;
        tracing::info!(discord.commands = define::hash(&wanted), "the command is registered in Discord");
        Ok(Registered::Now)
    }
}
