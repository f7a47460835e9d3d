//! Lines one after the other, each done before the next is read: of a script, with `wait`, `sleep`, `say` and comments; or of a person whose terminal
//! cannot do more than lines.

use std::fmt;
use std::io;
use std::time::Duration;

use tokio::io::{AsyncBufRead, AsyncBufReadExt as _};
use tokio_util::sync::CancellationToken;

use super::line::{Line, Nonsense, Reader, parse};
use super::surface::Scene;
use super::{TerminalChat, person};
use crate::lifecycle::Person;
use crate::ports::Desk;

/// The longest line.
const LINE_MAX_BYTES: usize = 64 * 1024;

/// How many messages a failed `wait` shows.
const LAST_SHOWN: usize = 6;

/// How reading lines ended.
#[derive(Debug, Clone, PartialEq, Eq)]
pub enum Outcome {
    /// All lines are read and done.
    Ended,
    /// A `wait` waited for nothing.
    WaitFailed {
        /// The line's number.
        line: usize,
        /// What was awaited.
        awaited: String,
        /// For how long.
        limit: Duration,
        /// What kaas said last.
        last: Vec<String>,
    },
    /// A line makes no sense.
    BadLine {
        /// The line's number.
        line: usize,
        /// What is wrong with it, as a sentence.
        problem: String,
    },
    /// It was stopped, or the person left.
    Stopped,
}

impl fmt::Display for Outcome {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        match self {
            Self::Ended => f.write_str("all lines are done"),
            Self::Stopped => f.write_str("stopped"),
            Self::BadLine { line, problem } => write!(f, "line {line}: {problem}"),
            Self::WaitFailed { line, awaited, limit, last } => {
                write!(f, "line {line}: waited {limit:?} for `{awaited}`, and kaas did not say it.")?;
                if last.is_empty() {
                    return f.write_str(" It said nothing in that time.");
                }
                f.write_str(" What it said last:")?;
                last.iter().try_for_each(|text| write!(f, "\n  {}", text.replace('\n', "\n    ")))
            }
        }
    }
}

/// How lines are read.
#[derive(Debug, Clone, Copy)]
pub(super) struct Manner {
    /// Who reads them. At a prompt, a line that makes no sense does not end it.
    reader: Reader,
    /// A pause after each character that somebody types.
    key: Duration,
    /// The longest that typing one line takes.
    line_max: Duration,
    /// A pause after each line of the narrator.
    narration: Duration,
}

impl Manner {
    /// A script, without a pause.
    const SCRIPT: Self =
        Self { reader: Reader::Script, key: Duration::ZERO, line_max: Duration::ZERO, narration: Duration::ZERO };
    /// A script that somebody watches: as one reads and types.
    pub const WATCHED: Self = Self {
        reader: Reader::Script,
        key: Duration::from_millis(14),
        line_max: Duration::from_millis(600),
        narration: Duration::from_millis(900),
    };
}

/// Reads lines to their end, each done before the next is read. What they set going may still be under way then.
pub async fn run_lines(
    input: impl AsyncBufRead + Unpin + Send,
    chat: &TerminalChat,
    desk: &dyn Desk,
    people: &[Person],
    stop: &CancellationToken,
) -> Outcome {
    play(input, chat, desk, people, stop, Manner::SCRIPT).await
}

/// Reads what a person types, as the first of `people` until another one is chosen. What makes no sense is said, and it goes on.
pub async fn converse_lines(
    input: impl AsyncBufRead + Unpin + Send,
    chat: &TerminalChat,
    desk: &dyn Desk,
    people: &[Person],
    stop: &CancellationToken,
) -> Outcome {
    play(input, chat, desk, people, stop, Manner { reader: Reader::Prompt, ..Manner::SCRIPT }).await
}

/// Reads lines in some manner.
pub(super) async fn play(
    mut input: impl AsyncBufRead + Unpin + Send,
    chat: &TerminalChat,
    desk: &dyn Desk,
    people: &[Person],
    stop: &CancellationToken,
    manner: Manner,
) -> Outcome {
    let speaker = people.first().filter(|_| manner.reader == Reader::Prompt).cloned();
    let mut player = Player { chat, desk, people, manner, speaker, waited: 0 };
    let reading = async {
        if let Err(fault) = chat.deliver_again(desk).await {
            return Outcome::BadLine { line: 0, problem: unwritten(&fault) };
        }
        let mut number = 0;
        loop {
            number += 1;
            let line = match next_line(&mut input).await {
                Ok(Some(line)) => line,
                Ok(None) => return Outcome::Ended,
                Err(fault) => return Outcome::BadLine { line: number, problem: fault.to_string() },
            };
            match player.run(&line).await {
                Ok(None) => {}
                Ok(Some(Missed { awaited, limit, last })) => {
                    return Outcome::WaitFailed { line: number, awaited, limit, last };
                }
                Err(Nonsense(problem)) if manner.reader == Reader::Prompt => chat.note(&problem),
                Err(Nonsense(problem)) => return Outcome::BadLine { line: number, problem },
            }
        }
    };
    tokio::select! {
        biased;
        () = stop.cancelled() => Outcome::Stopped,
        outcome = reading => outcome,
    }
}

fn unwritten(fault: &io::Error) -> String {
    format!("The chat's messages cannot be written: {fault}")
}

/// The next line without its end, `None` after the last one.
async fn next_line(input: &mut (impl AsyncBufRead + Unpin)) -> io::Result<Option<String>> {
    let mut line = Vec::new();
    loop {
        let there = input.fill_buf().await?;
        if there.is_empty() {
            return if line.is_empty() { Ok(None) } else { text(line).map(Some) };
        }
        let end = there.iter().position(|b| *b == b'\n');
        let taken = end.unwrap_or(there.len());
        line.extend_from_slice(&there[..taken]);
        input.consume(taken + usize::from(end.is_some()));
        if line.len() > LINE_MAX_BYTES {
            return Err(io::Error::other(format!("The line is longer than {LINE_MAX_BYTES} bytes.")));
        }
        if end.is_some() {
            return text(line).map(Some);
        }
    }
}

fn text(line: Vec<u8>) -> io::Result<String> {
    String::from_utf8(line).map_err(|_| io::Error::other("The line is not UTF-8 text."))
}

/// A `wait` that waited for nothing.
struct Missed {
    awaited: String,
    limit: Duration,
    last: Vec<String>,
}

struct Player<'a> {
    chat: &'a TerminalChat,
    desk: &'a dyn Desk,
    people: &'a [Person],
    manner: Manner,
    speaker: Option<Person>,
    /// The number of the message that the last `wait` found.
    waited: u64,
}

impl Player<'_> {
    async fn run(&mut self, line: &str) -> Result<Option<Missed>, Nonsense> {
        match parse(line, self.manner.reader)? {
            Line::Nothing => {}
            Line::Switch(name) => self.speaker = Some(person(self.people, &name)?.clone()),
            Line::Speak { by, text, saying } => {
                let by = match by {
                    Some(name) => person(self.people, &name)?.clone(),
                    None => self.speaker.clone().ok_or_else(|| {
                        Nonsense(format!("Who says `{text}`? Begin the line with a name: alice> {text}"))
                    })?,
                };
                self.type_out(&by.name, &text).await;
                self.chat.speak(self.desk, &by, &text, saying).await.map_err(|fault| Nonsense(unwritten(&fault)))??;
            }
            Line::Wait { limit, text } => return Ok(self.wait(limit, text).await),
            Line::Sleep(length) => tokio::time::sleep(length).await,
            Line::Narrate(text) => {
                self.chat.narrate(&text);
                tokio::time::sleep(self.manner.narration).await;
            }
        }
        Ok(None)
    }

    /// Shows somebody typing, where somebody watches.
    async fn type_out(&self, name: &str, text: &str) {
        let length = u32::try_from(text.chars().count()).unwrap_or(u32::MAX).max(1);
        let each = self.manner.key.min(self.manner.line_max / length);
        if each.is_zero() {
            return;
        }
        for (at, c) in text.char_indices() {
            let so_far = &text[..at + c.len_utf8()];
            self.chat.with(|book| book.surface.show(&Scene::Typing { name, text: so_far }));
            tokio::time::sleep(each).await;
        }
        self.chat.with(|book| book.surface.show(&Scene::Typing { name: "", text: "" }));
    }

    async fn wait(&mut self, limit: Duration, awaited: String) -> Option<Missed> {
        let mut news = self.chat.inner.news.subscribe();
        let found = tokio::time::timeout(limit, async {
            loop {
                news.borrow_and_update();
                let found = self
                    .chat
                    .with(|book| book.recent_after(self.waited).find(|m| m.text.contains(&awaited)).map(|m| m.number));
                if let Some(number) = found {
                    return number;
                }
                // The sender lives as long as the chat, which is borrowed here.
                let _ = news.changed().await;
            }
        });
        match found.await {
            Ok(number) => {
                self.waited = number;
                None
            }
            Err(_) => {
                let said: Vec<String> =
                    self.chat.with(|book| book.recent_after(self.waited).map(|m| m.text.clone()).collect());
                let last = said[said.len().saturating_sub(LAST_SHOWN)..].to_vec();
                Some(Missed { awaited, limit, last })
            }
        }
    }
}
