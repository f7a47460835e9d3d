//! Private answers: for one pair of eyes, wherever that person spoke; files go into their direct messages.
//!
//! They are said once and may be lost: whoever gets none asks again, and nothing is decided by them.

use serde_json::json;
use tokio_util::sync::CancellationToken;

use super::SlackChat;
use super::api::Failure;
use super::draw::{self, Drawn, Names};
use crate::ports::{Attachment, Reply};
use crate::render::message::{Line, Message, Span};

/// Messages of one answer at the most: a `response_url` takes five.
const SHEETS_MAX: usize = 4;
/// How much of a file is shown where it cannot be sent, in characters.
const SHOWN_MAX: usize = 6_000;

/// How somebody is answered.
#[derive(Debug, Clone, PartialEq, Eq)]
pub(super) enum Back {
    /// On the `response_url` of what they did.
    Url { url: String, user: String },
    /// In the channel (and thread) where they did it, for them alone.
    Channel { channel: String, thread: Option<String>, user: String },
    /// In their direct messages with kaas, where they wrote.
    Direct { channel: String, thread: Option<String>, user: String },
    /// In their direct messages, because there is no other place.
    Person { user: String },
}

impl Back {
    fn user(&self) -> &str {
        match self {
            Self::Url { user, .. } | Self::Channel { user, .. } | Self::Direct { user, .. } | Self::Person { user } => {
                user
            }
        }
    }
}

impl SlackChat {
    /// Gives the answers, one after the other.
    pub(super) async fn answer(&self, back: &Back, replies: &[Reply]) {
        for Reply { message, file } in replies {
            let sent = match file.as_ref().filter(|file| !file.content.is_empty()) {
                Some(file) => self.hand_over(back, message, file).await,
                None => Ok(false),
            };
            match sent {
                Ok(true) => {}
                Ok(false) => self.tell_back(back, message).await,
                Err((failure, instead)) => {
                    tracing::warn!(slack.failure = %failure, "a file could not be sent; its beginning is shown");
                    self.tell_back(back, &instead).await;
                }
            }
        }
    }

    /// Gives one answer, on as many messages as it takes.
    pub(super) async fn tell_back(&self, back: &Back, message: &Message) {
        for sheet in draw::several(message, SHEETS_MAX) {
            if let Err(failure) = self.tell_sheet(back, sheet).await {
                tracing::warn!(slack.user = back.user(), slack.failure = %failure, "a private answer could not be given");
                return;
            }
        }
    }

    async fn tell_sheet(&self, back: &Back, sheet: Drawn) -> Result<(), Failure> {
        match back {
            Back::Url { url, user } => match self.api.respond(url, &sheet.clone().private()).await {
                // The address is used up or too old.
                Err(Failure::Refused { .. }) => self.tell_directly(user, sheet).await,
                Err(Failure::Silent { what, .. }) if what.starts_with("HTTP 4") => {
                    self.tell_directly(user, sheet).await
                }
                other => other,
            },
            Back::Channel { channel, thread, user } => {
                let mut body = sheet.clone().put_into(json!({ "channel": channel, "user": user }));
                if let Some(thread) = thread {
                    body["thread_ts"] = json!(thread);
                }
                match self.api.post("chat.postEphemeral", &body).await {
                    // Nobody sees what is said to them where they are not.
                    Err(Failure::Refused { .. }) => self.tell_directly(user, sheet).await,
                    other => other.map(drop),
                }
            }
            Back::Direct { channel, thread, .. } => self.write_directly(channel, thread.as_deref(), sheet).await,
            Back::Person { user } => self.tell_directly(user, sheet).await,
        }
    }

    async fn tell_directly(&self, user: &str, sheet: Drawn) -> Result<(), Failure> {
        let channel = self.direct(user).await?;
        self.write_directly(&channel, None, sheet).await
    }

    async fn write_directly(&self, channel: &str, thread: Option<&str>, sheet: Drawn) -> Result<(), Failure> {
        let mut body = sheet.put_into(json!({}));
        if let Some(thread) = thread {
            body["thread_ts"] = json!(thread);
        }
        self.write(channel, body, &CancellationToken::new())
            .await
            .map(drop)
            .map_err(|trouble| Failure::Silent { method: "chat.postMessage".to_owned(), what: trouble.to_string() })
    }

    /// Sends a file into somebody's direct messages, and says there what it is. Answers whether everything is said by that; if it fails, what to show instead.
    async fn hand_over(&self, back: &Back, message: &Message, file: &Attachment) -> Result<bool, (Failure, Message)> {
        let comment = draw::comment(message, &Names::new());
        let (channel, thread) = match back {
            Back::Direct { channel, thread, .. } => (Ok(channel.clone()), thread.as_deref()),
            _ => (self.direct(back.user()).await, None),
        };
        let sent = match channel {
            Ok(channel) => self.share(&channel, thread, &comment, file).await,
            Err(failure) => Err(failure),
        };
        match (sent, back) {
            (Ok(()), Back::Direct { .. } | Back::Person { .. }) => Ok(true),
            (Ok(()), Back::Url { .. } | Back::Channel { .. }) => {
                self.tell_back(back, &pointing(message, file)).await;
                Ok(true)
            }
            (Err(failure), _) => Err((failure, with_content(message, file))),
        }
    }
}

/// What is said where somebody asked for a file: that it is in their direct messages.
fn pointing(message: &Message, file: &Attachment) -> Message {
    let mut said = Message { lines: message.lines.clone(), ..Message::default() };
    let spans = vec![Span::Code(file.name.clone()), Span::Text(" is in your messages with kaas.".to_owned())];
    said.lines.push(Line { spans });
    said
}

/// The message with the beginning of a file that could not be sent.
fn with_content(message: &Message, file: &Attachment) -> Message {
    let mut said = Message { lines: message.lines.clone(), ..Message::default() };
    let shown: String = file.content.chars().take(SHOWN_MAX).collect();
    said.lines.extend(shown.lines().map(|line| Line { spans: vec![Span::Code(line.to_owned())] }));
    if shown.len() < file.content.len() {
        said.lines.push(Line {
            spans: vec![Span::Text("… that was the beginning; Slack did not take the file.".to_owned())],
        });
    }
    said
}
