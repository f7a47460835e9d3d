//! What was said, in order, as a person scrolling back would read it: one text a story.

use std::collections::BTreeMap;
use std::fmt::Write as _;

use jiff::{SignedDuration, Timestamp};
use kaas::lifecycle::PersonId;
use kaas::ports::CardKey;
use kaas::render::message::Message;

/// How long approvers are left alone before they are mentioned again.
const MENTION_AGAIN: SignedDuration = SignedDuration::from_hours(4);

#[derive(Debug)]
pub struct Said {
    pub what: What,
    pub text: String,
}

#[derive(Debug, Clone, PartialEq, Eq)]
pub enum What {
    /// A person typed, pressed or reacted.
    Person,
    /// Told by the story.
    Note,
    /// The card, when it is posted and whenever its words change.
    Card { key: CardKey, first: bool },
    /// A post in a card's thread.
    Post { key: CardKey, mentions: Vec<PersonId>, file: bool, at: Timestamp },
    /// Private, to one person.
    Told { to: String },
    /// Answered at once, to the person alone.
    Answer { to: String },
}

/// Everything said so far.
#[derive(Debug, Default)]
pub struct Conversation {
    pub said: Vec<Said>,
    /// Where reading begins: what came before is known to the reader.
    from: usize,
    cards: BTreeMap<CardKey, Vec<String>>,
}

impl Conversation {
    pub fn add(&mut self, what: What, text: String) {
        self.said.push(Said { what, text });
    }

    /// What was said so far is told in one line.
    pub fn sum_up(&mut self, text: &str) {
        self.from = self.said.len();
        self.add(What::Note, format!("({text})"));
    }

    /// The card's lines that were not there before; nothing where it says the same.
    pub fn card(&mut self, key: &CardKey, message: &Message) {
        let mut lines = lines(message);
        if let Some(head) = lines.first_mut() {
            *head = without_progress(head);
        }
        let before = self.cards.insert(key.clone(), lines.clone());
        let first = before.is_none();
        let news: Vec<String> = match before {
            Some(before) => lines.into_iter().filter(|line| !before.contains(line)).collect(),
            None => lines,
        };
        if !news.is_empty() {
            self.add(What::Card { key: key.clone(), first }, news.join("\n"));
        }
    }

    /// The card as it is now.
    pub fn card_now(&self, key: &CardKey) -> Option<String> {
        self.cards.get(key).map(|lines| lines.join("\n"))
    }

    /// How many posts the thread of a change has, its card among them.
    pub fn posts(&self, change: u64) -> usize {
        let of = |what: &What| match what {
            What::Card { key, first } => *first && key.change.0 == change,
            What::Post { key, .. } => key.change.0 == change,
            What::Person | What::Note | What::Told { .. } | What::Answer { .. } => false,
        };
        self.said.iter().filter(|said| of(&said.what)).count()
    }

    /// How often a person was told something privately that they had not just asked for.
    pub fn told(&self, person: &str) -> usize {
        self.said.iter().filter(|said| matches!(&said.what, What::Told { to } if to == person)).count()
    }

    /// Nobody is mentioned twice for the same thing: a plan is announced once, and asked about once more after four hours.
    pub fn mentions_are_kind(&self) -> Result<(), String> {
        let mut last: BTreeMap<CardKey, (Timestamp, u32)> = BTreeMap::new();
        for said in &self.said {
            let What::Post { key, mentions, file, at } = &said.what else { continue };
            let mut once = mentions.clone();
            once.sort();
            once.dedup();
            if once.len() != mentions.len() {
                return Err(format!("one post mentions somebody twice: {}", said.text));
            }
            match (mentions.is_empty(), file, last.get_mut(key)) {
                (true, ..) => {}
                (false, true, _) => {
                    last.insert(key.clone(), (*at, 0));
                }
                (false, false, Some((since, reminders)))
                    if *reminders == 0 && at.duration_since(*since) >= MENTION_AGAIN =>
                {
                    *reminders += 1;
                }
                (false, false, _) => return Err(format!("people are mentioned again for the same: {}", said.text)),
            }
        }
        Ok(())
    }

    /// The whole of it. References are numbered as they come, because they are random; changes too, because a kaas that dies leaves gaps between numbers.
    pub fn read(&self) -> String {
        let mut out = String::new();
        for said in &self.said[self.from..] {
            let head = match &said.what {
                What::Person | What::Note => String::new(),
                What::Card { .. } => "  card │ ".to_owned(),
                What::Post { .. } => "  kaas │ ".to_owned(),
                What::Told { to } | What::Answer { to } => format!("  kaas → {to} │ "),
            };
            let width = head.chars().count();
            for (i, line) in said.text.lines().enumerate() {
                let lead = if i == 0 { head.clone() } else { format!("{}│ ", " ".repeat(width.saturating_sub(2))) };
                let lead = if width == 0 { String::new() } else { lead };
                let _ = writeln!(out, "{}", format!("{lead}{line}").trim_end());
            }
        }
        let all: Vec<&str> = self.said.iter().map(|said| said.text.as_str()).collect();
        let out = numbered(&out, &all, "change ", |c| c.is_ascii_digit());
        numbered(&out, &all, "ref K-", |c| c.is_ascii_alphanumeric())
    }
}

/// A message's lines, with its buttons as a line and its file behind the last one.
pub fn lines(message: &Message) -> Vec<String> {
    let mut lines: Vec<String> = message.lines.iter().map(|line| line.plain()).collect();
    if let (Some(file), Some(last)) = (&message.file, lines.last_mut()) {
        let _ = write!(last, "   [{file}]");
    }
    if !message.buttons.is_empty() {
        let buttons: Vec<String> = message.buttons.iter().map(|button| format!("[ {} ]", button.label)).collect();
        lines.push(buttons.join(" "));
    }
    lines
}

/// A card's first line without how far the work is: that is only in memory, and a kaas that was started again knows less of it.
fn without_progress(head: &str) -> String {
    let Some((before, change)) = head.rsplit_once("   change ") else { return head.to_owned() };
    let working = ["planning", "applying", "destroying", "joining", "making sure that it is gone"];
    let ends =
        working.iter().find_map(|state| before.find(&format!(" · {state}")).map(|at| at + " · ".len() + state.len()));
    format!("{}   change {change}", &before[..ends.unwrap_or(before.len())])
}

/// Replaces what follows `mark` by its number in the order in which `all` speaks of it.
fn numbered(text: &str, all: &[&str], mark: &str, part: impl Fn(char) -> bool) -> String {
    let word = |after: &str| after.chars().take_while(|c| part(*c)).collect::<String>();
    let mut known: Vec<String> = Vec::new();
    for after in all.iter().flat_map(|text| text.split(mark).skip(1)) {
        let word = word(after);
        if !word.is_empty() && !known.contains(&word) {
            known.push(word);
        }
    }
    let mut pieces = text.split(mark);
    let mut out = pieces.next().unwrap_or_default().to_owned();
    for after in pieces {
        let word = word(after);
        match known.iter().position(|k| *k == word) {
            Some(at) => {
                let _ = write!(out, "{mark}{}{}", at + 1, &after[word.len()..]);
            }
            None => out.push_str(&format!("{mark}{after}")),
        }
    }
    out
}
