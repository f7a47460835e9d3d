//! What people say and see, in the same words on every platform: commands, buttons, reactions; cards, threads, private answers.

use std::time::Duration;

use kaas::lifecycle::form::is_invisible;
use kaas_fakes::discord::Id;
use serde_json::{Value, json};

use super::house::{House, PATIENCE, now};

/// Where people talk.
#[derive(Debug, Clone, Copy, PartialEq, Eq)]
pub enum Platform {
    Slack,
    Discord,
}

/// A message, as whoever sees it reads it.
#[derive(Debug, Clone, PartialEq)]
pub struct Post {
    pub id: String,
    /// All of its words.
    pub words: Vec<String>,
    /// What its buttons do, and by which id they are pressed.
    pub buttons: Vec<(String, String)>,
    /// The names of its files.
    pub files: Vec<String>,
}

impl Post {
    pub fn holds(&self, words: &str) -> bool {
        self.words.iter().any(|own| own.contains(words))
    }

    /// The id of the button that does this: `approve`.
    pub fn button(&self, does: &str) -> Option<&str> {
        self.buttons.iter().find(|(own, _)| own.contains(does)).map(|(_, id)| id.as_str())
    }
}

/// What people do and see on one platform.
#[derive(Clone, Copy)]
pub struct Talk<'a> {
    pub house: &'a House,
    pub platform: Platform,
}

impl Talk<'_> {
    // ---- what people do ----

    /// Types a command in #clusters. What the person was shown, if nobody took it.
    pub async fn say(&self, who: &str, line: &str) -> Option<String> {
        self.say_timed(who, line).await.0
    }

    /// The same, with the time until it was acknowledged.
    pub async fn say_timed(&self, who: &str, line: &str) -> (Option<String>, Duration) {
        let House { slack, discord, .. } = self.house;
        match self.platform {
            Platform::Slack => {
                let outcome = slack.slash(&self.house.id(who), &self.house.channel, line).await.unwrap();
                (outcome.failed, Duration::from_secs_f64(outcome.ms / 1000.0))
            }
            Platform::Discord => {
                let (command, options) = options(line);
                let options: Vec<(&str, Value)> =
                    options.iter().map(|(name, value)| (name.as_str(), value.clone())).collect();
                let (user, channel) = (self.user(who), self.house.discord_channel);
                let outcome = discord.slash(user, channel, &command, &options).await.unwrap();
                (outcome.failed, Duration::from_millis(outcome.ms))
            }
        }
    }

    /// The same, until it is taken: what was acknowledged is never said again.
    pub async fn say_until_heard(&self, who: &str, line: &str) {
        let deadline = now() + PATIENCE;
        while self.say(who, line).await.is_some() {
            assert!(now() < deadline, "kaas never hears\n{}", self.house.report());
            tokio::time::sleep(Duration::from_millis(200)).await;
        }
    }

    /// Presses a button of a message. What the person was shown, if nobody took it; an error where there is no such button.
    pub async fn press(&self, who: &str, post: &Post, id: &str) -> anyhow::Result<Option<String>> {
        let House { slack, discord, .. } = self.house;
        Ok(match self.platform {
            Platform::Slack => slack.click(&self.house.id(who), &self.house.channel, &post.id, id).await?.failed,
            Platform::Discord => {
                discord.press(self.user(who), self.house.discord_channel, post.id.parse()?, id).await?.failed
            }
        })
    }

    /// Presses the button of a cluster's newest card that does this.
    pub async fn click(&self, who: &str, cluster: &str, does: &str) {
        let card = self.newest(cluster);
        let id = card.button(does).unwrap_or_else(|| panic!("no button {does} on {:?}", card.buttons));
        self.press(who, &card, id).await.unwrap();
    }

    /// The same, until no error is shown, or the button is gone because a press was taken.
    pub async fn click_until_heard(&self, who: &str, cluster: &str, does: &str) {
        let deadline = now() + PATIENCE;
        loop {
            let card = self.newest(cluster);
            let Some(id) = card.button(does) else { return };
            // An error: the card was drawn anew in between.
            let Ok(Some(_)) = self.press(who, &card, id).await else { return };
            assert!(now() < deadline, "kaas never hears\n{}", self.house.report());
            tokio::time::sleep(Duration::from_millis(200)).await;
        }
    }

    /// Reacts to a cluster's newest card.
    pub async fn react(&self, who: &str, cluster: &str, emoji: &str) {
        self.react_on(who, &self.newest(cluster), emoji).await;
    }

    /// Reacts to a message.
    pub async fn react_on(&self, who: &str, post: &Post, emoji: &str) {
        let House { slack, discord, .. } = self.house;
        match self.platform {
            Platform::Slack => {
                slack.react(&self.house.id(who), &self.house.channel, &post.id, emoji).await.unwrap();
            }
            Platform::Discord => {
                let emoji = match emoji {
                    "+1" => "👍",
                    "+1::skin-tone-3" => "👍🏼",
                    "white_check_mark" => "✅",
                    other => panic!("{other} is written how in Discord?"),
                };
                let message = post.id.parse().unwrap();
                discord.react(self.user(who), self.house.discord_channel, message, emoji).unwrap();
            }
        }
    }

    // ---- what people see ----

    /// The cards, the oldest first: what stands in the channel itself.
    pub fn cards(&self) -> Vec<Post> {
        let House { slack, discord, .. } = self.house;
        match self.platform {
            Platform::Slack => {
                let all = slack.messages(&self.house.channel).into_iter();
                all.filter(|message| message.thread_ts.is_none()).map(|message| self.slack_post(&message)).collect()
            }
            Platform::Discord => discord.messages(self.house.discord_channel).iter().map(discord_post).collect(),
        }
    }

    /// The newest card of a cluster: it begins with its name.
    pub fn card(&self, cluster: &str) -> Option<Post> {
        self.cards().into_iter().rfind(|card| card.words.first().is_some_and(|first| first.starts_with(cluster)))
    }

    fn newest(&self, cluster: &str) -> Post {
        self.card(cluster).unwrap_or_else(|| panic!("no card of {cluster}\n{}", self.house.report()))
    }

    /// What hangs on a card.
    pub fn thread_of(&self, card: &Post) -> Vec<Post> {
        let House { slack, discord, .. } = self.house;
        match self.platform {
            Platform::Slack => {
                let all = slack.thread(&self.house.channel, &card.id).into_iter();
                all.filter(|message| *message.ts != *card.id).map(|message| self.slack_post(&message)).collect()
            }
            Platform::Discord => discord.messages(card.id.parse().unwrap()).iter().map(discord_post).collect(),
        }
    }

    /// What hangs on a cluster's newest card.
    pub fn thread(&self, cluster: &str) -> Vec<Post> {
        self.card(cluster).map(|card| self.thread_of(&card)).unwrap_or_default()
    }

    /// What only this person sees, direct messages among it.
    pub fn private_to(&self, who: &str) -> Vec<Post> {
        let House { slack, discord, .. } = self.house;
        match self.platform {
            Platform::Slack => {
                let id = self.house.id(who);
                slack.private_to(&id).iter().map(|message| self.slack_post(message)).collect()
            }
            Platform::Discord => discord.private_to(self.user(who)).iter().map(discord_post).collect(),
        }
    }

    // ---- waiting ----

    /// Waits until a cluster's card says so.
    pub async fn card_says(&self, cluster: &str, words: &str) {
        let what = format!("the card of {cluster} in {:?} to say {words}", self.platform);
        self.house.until(&what, || self.card(cluster).is_some_and(|card| card.holds(words))).await;
    }

    /// Waits until a person was told so, in private.
    pub async fn told(&self, who: &str, words: &str) {
        let what = format!("{who} to be told {words} in {:?}", self.platform);
        self.house.until(&what, || self.private_to(who).iter().any(|message| message.holds(words))).await;
    }

    /// Waits until the log of a change that went well is whole: three posts, and the plan as a file.
    pub async fn thread_is_whole(&self, cluster: &str) {
        self.house
            .until("three posts and a file", || {
                let thread = self.thread(cluster);
                let posts = thread.iter().filter(|post| post.words.iter().any(|words| !words.is_empty())).count();
                (posts, thread.iter().map(|post| post.files.len()).sum::<usize>()) == (3, 1)
            })
            .await;
    }

    // ---- the platform ----

    /// Whether it reaches kaas.
    pub fn is_connected(&self) -> bool {
        match self.platform {
            Platform::Slack => self.house.slack.sockets() > 0,
            Platform::Discord => self.house.discord.sessions() > 0 && !self.house.discord.commands().is_empty(),
        }
    }

    /// It answers nobody, and nothing that happens there is heard.
    pub fn goes_down(&self) {
        match self.platform {
            Platform::Slack => self.house.slack.go_down(),
            Platform::Discord => self.house.discord.go_down(),
        }
    }

    /// It is well again.
    pub fn heals(&self) {
        match self.platform {
            Platform::Slack => self.house.slack.heal(),
            Platform::Discord => self.house.discord.heal(),
        }
    }

    /// Everything that happens is told to kaas twice from now on.
    pub fn tells_twice(&self) {
        match self.platform {
            Platform::Slack => self.house.slack.deliver(kaas_fakes::slack::Doubling::OtherEnvelope),
            Platform::Discord => self.house.discord.deliver(|delivery| delivery.doubled = true),
        }
    }

    /// The next so many writes are refused because there were too many.
    pub fn has_enough(&self, times: u32) {
        match self.platform {
            Platform::Slack => {
                for method in ["chat.postMessage", "chat.update"] {
                    self.house.slack.fail_next(method, times, kaas_fakes::slack::Fault::RateLimited(1));
                }
            }
            Platform::Discord => {
                let limited = kaas_fakes::discord::FaultKind::TooMany { wait_ms: 1_000, global: false };
                for (method, path) in [("POST", "/channels/*/messages"), ("PATCH", "/channels/*/messages/*")] {
                    self.house.discord.fail(method, path, Some(times), limited);
                }
            }
        }
    }

    fn user(&self, who: &str) -> Id {
        self.house.discord.person(who).unwrap_or_else(|| panic!("nobody is called {who}")).id
    }

    fn slack_post(&self, message: &kaas_fakes::slack::Message) -> Post {
        let files = self.house.slack.files().into_iter().filter(|file| message.files.contains(&file.id));
        Post {
            id: message.ts.to_string(),
            words: [vec![message.text.clone()], message.block_texts()].concat(),
            buttons: message.buttons().iter().map(|id| (id.to_lowercase(), (*id).to_owned())).collect(),
            files: files.map(|file| file.name).collect(),
        }
    }
}

fn discord_post(message: &kaas_fakes::discord::Message) -> Post {
    // Without what nobody sees, and without the signs that keep characters from being formats.
    let seen = |text: &String| text.chars().filter(|c| !is_invisible(*c) && *c != '\\').collect::<String>();
    let buttons = message.labels().into_iter().map(str::to_owned).collect::<Vec<_>>();
    Post {
        id: message.id.to_string(),
        words: message.texts().iter().map(seen).collect(),
        buttons: buttons.iter().filter_map(|label| Some((label.to_lowercase(), message.button(label)?))).collect(),
        files: message.files.iter().map(|file| file.name.clone()).collect(),
    }
}

/// A line as somebody fills it into Discord's command: `/kaas request demo size=small` becomes the subcommand `kaas request` with two options.
fn options(line: &str) -> (String, Vec<(String, Value)>) {
    let words = line.strip_prefix("/kaas ").expect("a command of kaas");
    let (verb, rest) = words.split_once(' ').unwrap_or((words, ""));
    let (rest, because) = match rest.split_once(" because ") {
        Some((rest, reason)) => (rest, vec![("reason".to_owned(), json!(reason))]),
        None => (rest, Vec::new()),
    };
    let mut options = Vec::new();
    let (mut word, mut is_quoted) = (String::new(), false);
    for c in rest.chars().chain([' ']) {
        match c {
            '"' => is_quoted = !is_quoted,
            ' ' if !is_quoted => {
                match word.split_once('=') {
                    Some((name, value)) if name == "workers" => {
                        options.push((name.to_owned(), json!(value.parse::<u32>().expect("a number"))));
                    }
                    Some((name, value)) => options.push((name.to_owned(), json!(value))),
                    None if word.is_empty() => {}
                    None => options.push(("name".to_owned(), json!(word))),
                }
                word.clear();
            }
            c => word.push(c),
        }
    }
    options.extend(because);
    (format!("kaas {verb}"), options)
}
