//! A command's words sorted by what they are for, with every mistake on the way, and a draft of the line that should have been sent.
//!
//! Nothing here does I/O, reads a clock or draws a random number.

use std::collections::BTreeMap;

use crate::lifecycle::form::{ClusterName, Reason};

use super::nearest::nearest;
use super::table::{Entry, Flag, FlagEntry, Shape, keyword};
use super::words::{Word, quote};
use super::{COMMAND, Command, Mistake, Mistakes};

/// The longest piece of a line that a mistake repeats, in characters.
const WHAT_MAX: usize = 60;

/// A place behind every word: where what is missing is told.
const MISSING: usize = usize::MAX;

/// A value that was given.
#[derive(Debug, Clone)]
pub(super) struct Given {
    /// The value.
    pub value: String,
    /// How it was written: `size=small`.
    pub what: String,
    /// Which word of the line it was.
    pub at: usize,
}

/// A command that is being read.
#[derive(Debug)]
pub(super) struct Reading {
    entry: &'static Entry,
    given: BTreeMap<Flag, Given>,
    /// Words on their own that nothing was found for yet.
    pub loose: Vec<Given>,
    mistakes: Vec<(usize, Mistake)>,
    draft: BTreeMap<Flag, String>,
    mendable: bool,
}

impl Reading {
    /// Sorts the words behind a verb.
    pub fn of(entry: &'static Entry, words: &[Word]) -> Self {
        let mut reading = Self {
            entry,
            given: BTreeMap::new(),
            loose: Vec::new(),
            mistakes: Vec::new(),
            draft: BTreeMap::new(),
            mendable: true,
        };
        reading.sort(words);
        reading.fill_word();
        reading
    }

    fn sort(&mut self, words: &[Word]) {
        let mut flags_ended = false;
        let mut at = 0;
        while at < words.len() {
            let word = &words[at];
            at += 1;
            if calls_everybody(&word.text) {
                self.mendable &= word.equals.is_none() && !word.quoted;
                self.wrong(at, &word.raw, "would call everybody here. Leave it out");
            } else if word.quoted || flags_ended {
                self.loose.push(Given { value: word.text.clone(), what: word.raw.clone(), at });
            } else if word.text == "--" {
                flags_ended = true;
            } else if is_dashed(&word.text) {
                at += self.dashed(word, words.get(at), at);
            } else if let Some(equals) = word.equals.filter(|e| *e > 0) {
                self.pair(word, &word.text[..equals], &word.text[equals + 1..], at);
            } else if keyword(&word.text) == "because" && self.entry.takes.contains(&Flag::Reason) {
                at += self.because(&words[at..], at);
            } else if !is_emoji(&word.text) {
                self.loose.push(Given { value: word.text.clone(), what: word.raw.clone(), at });
            }
        }
    }

    /// `--size small`, `--size=small`, `-s small`, `-w3`, `--dry-run`. Answers how many words behind it belong to it.
    fn dashed(&mut self, word: &Word, next: Option<&Word>, at: usize) -> usize {
        let skip = word.text.len() - word.text.trim_start_matches('-').len();
        let (key, value) = match word.equals {
            Some(equals) => (&word.text[skip.min(equals)..equals], Some(&word.text[equals + 1..])),
            None => (&word.text[skip..], None),
        };
        if let Some(flag) = self.entry.flag(key) {
            if flag.shape == Shape::Switch {
                self.switch(flag, word, value.unwrap_or("yes"), at);
                return 0;
            }
            if let Some(value) = value {
                self.give(flag, value, &word.raw, at);
                return 0;
            }
            match next.filter(|next| next.quoted || !self.is_flag(next)) {
                Some(next) => {
                    self.give(flag, &next.text, &format!("{} {}", word.raw, next.raw), at);
                    return 1;
                }
                None => {
                    let problem = format!("needs a value, such as --{} {}", flag.name, flag.example);
                    self.wrong(at, &word.raw, problem);
                    return 0;
                }
            }
        }
        let stuck_together = key.char_indices().nth(1).filter(|(_, c)| skip == 1 && c.is_ascii_digit());
        if let (Some((rest, _)), None) = (stuck_together, value)
            && let Some(flag) = self.entry.flag(&key[..rest])
        {
            self.give(flag, &key[rest..], &word.raw, at);
            return 0;
        }
        let takes_next = value.is_none() && next.is_some_and(|next| next.quoted || !self.is_flag(next));
        self.unknown_flag(word, key, value.or(next.filter(|_| takes_next).map(|n| n.text.as_str())), at);
        // The next word is the flag's value and no word on its own: if a flag with a value was meant, or else if the name is there already.
        let is_value = self.near_flag(key).map_or(!self.loose.is_empty(), |flag| flag.shape != Shape::Switch);
        usize::from(takes_next && is_value)
    }

    /// `size=small`.
    fn pair(&mut self, word: &Word, key: &str, value: &str, at: usize) {
        match self.entry.flag(key) {
            Some(flag) if flag.shape == Shape::Switch => self.switch(flag, word, value, at),
            Some(flag) => self.give(flag, value, &word.raw, at),
            None => self.unknown_flag(word, key, Some(value), at),
        }
    }

    /// `because the budget is gone`: up to the end of the line, or to the next flag. Answers how many words belong to it.
    fn because(&mut self, rest: &[Word], at: usize) -> usize {
        let ends = |word: &Word| {
            let key = word.equals.map_or(word.text.as_str(), |e| &word.text[..e]);
            let marked = word.text.starts_with("--") || word.equals.is_some();
            !word.quoted && marked && self.entry.flag(key.trim_start_matches('-')).is_some()
        };
        let count = rest.iter().position(ends).unwrap_or(rest.len());
        let text: Vec<&str> = rest[..count].iter().map(|w| w.text.as_str()).collect();
        let text = text.join(" ");
        let what = format!("because {text}");
        let shown = what.trim_end();
        self.give(Flag::Reason.entry(), &text, shown, at);
        count
    }

    fn switch(&mut self, flag: &'static FlagEntry, word: &Word, value: &str, at: usize) {
        match keyword(value).as_str() {
            "yes" | "true" | "on" | "1" => self.give(flag, "yes", &word.raw, at),
            "no" | "false" | "off" | "0" => {}
            _ => {
                let problem = format!("takes no value: --{} alone is enough", flag.name);
                self.mend(flag.flag, Some("yes".to_owned()));
                self.wrong(at, &word.raw, problem);
            }
        }
    }

    fn give(&mut self, flag: &'static FlagEntry, value: &str, what: &str, at: usize) {
        // Also where the value is a word of its own behind its flag: `--reason @channel`.
        if calls_everybody(value) {
            self.mendable = false;
            self.wrong(at, what, "would call everybody here. Leave it out");
            return;
        }
        let given = Given { value: value.to_owned(), what: what.to_owned(), at };
        match self.given.get(&flag.flag) {
            None => {
                self.given.insert(flag.flag, given);
            }
            Some(first) => {
                self.mendable &= first.value == value;
                let both = format!("{}, {}", first.what, what);
                self.wrong(at, &both, format!("{} is given twice: which one is meant?", flag.name));
            }
        }
    }

    fn unknown_flag(&mut self, word: &Word, key: &str, value: Option<&str>, at: usize) {
        let near = self.near_flag(key);
        let problem = match near {
            Some(flag) => format!("there is no such flag. Did you mean {}?", flag.name),
            None => {
                let flags: Vec<&str> = self.flags().map(|flag| flag.name).collect();
                let verb = self.entry.name;
                let known = if flags.is_empty() { String::new() } else { format!(" ({})", flags.join(", ")) };
                format!("{verb} has no such flag{known}")
            }
        };
        if let Some(flag) = near {
            let value = if flag.shape == Shape::Switch { Some("yes") } else { value };
            match value {
                Some(value) if !self.given.contains_key(&flag.flag) => {
                    let given = Given { value: value.to_owned(), what: word.raw.clone(), at };
                    self.given.insert(flag.flag, given);
                }
                Some(_) | None => self.mendable = false,
            }
        }
        self.wrong(at, &word.raw, problem);
    }

    fn near_flag(&self, key: &str) -> Option<&'static FlagEntry> {
        let names = self.flags().flat_map(|flag| std::iter::once(&flag.name).chain(flag.aliases).copied());
        nearest(key, names).and_then(|name| self.entry.flag(name))
    }

    fn flags(&self) -> impl Iterator<Item = &'static FlagEntry> + use<> {
        let takes = self.entry.takes;
        takes.iter().map(|flag| flag.entry()).filter(|flag| matches!(flag.shape, Shape::Value | Shape::Switch))
    }

    fn is_flag(&self, word: &Word) -> bool {
        let known = word.equals.is_some_and(|e| self.entry.flag(&word.text[..e]).is_some());
        known || is_dashed(&word.text) || word.text == "--"
    }

    /// The first word on its own is the name (or whatever the command takes there).
    fn fill_word(&mut self) {
        let words = self.entry.takes.iter().map(|flag| flag.entry());
        let word = words.into_iter().find(|flag| matches!(flag.shape, Shape::Word | Shape::MaybeWord));
        if let Some(flag) = word
            && !self.given.contains_key(&flag.flag)
            && !self.loose.is_empty()
        {
            let first = self.loose.remove(0);
            self.given.insert(flag.flag, first);
        }
    }

    /// Takes what was given for a flag.
    pub fn take(&mut self, flag: Flag) -> Option<Given> {
        self.given.remove(&flag)
    }

    /// Whether a flag was given.
    pub fn has(&self, flag: Flag) -> bool {
        self.given.contains_key(&flag)
    }

    /// Takes a word for the value of a flag that was not given.
    pub fn assume(&mut self, flag: Flag, given: Given) {
        self.given.entry(flag).or_insert(given);
    }

    /// Notes a mistake.
    pub fn wrong(&mut self, at: usize, what: &str, problem: impl Into<String>) {
        self.mistakes.push((at, Mistake { what: shorten(what), problem: problem.into() }));
    }

    /// Notes that something only the person knows is missing.
    pub fn missing(&mut self, what: &str, problem: impl Into<String>) {
        self.mendable = false;
        self.wrong(MISSING, what, problem);
    }

    /// Puts a value (or, with `None`, nothing) for a flag into the line to send instead.
    pub fn mend(&mut self, flag: Flag, value: Option<String>) {
        match value {
            Some(value) => self.draft.insert(flag, value),
            None => self.draft.remove(&flag),
        };
    }

    /// No line to send instead can be made.
    pub fn unmendable(&mut self) {
        self.mendable = false;
    }

    /// The cluster's name. `new`: it is being chosen here; otherwise it can only mean an existing one, and capitals are a phone's.
    pub fn name(&mut self, new: bool) -> Option<ClusterName> {
        let Some(given) = self.take(Flag::Name) else {
            let line = self.entry.examples.first().copied().unwrap_or(self.entry.name);
            self.missing("name", format!("is missing: which cluster? Such as {COMMAND} {line}"));
            return None;
        };
        let text = if new { given.value.clone() } else { given.value.to_ascii_lowercase() };
        match text.parse::<ClusterName>() {
            Ok(name) => {
                self.mend(Flag::Name, Some(text));
                Some(name)
            }
            Err(invalid) => {
                let mended = mended_name(&text);
                let problem = match &mended {
                    Some(name) => format!("{}. Did you mean {name}?", invalid.problem),
                    None => invalid.to_string(),
                };
                self.mendable &= mended.is_some();
                self.mend(Flag::Name, mended);
                self.wrong(given.at, &given.what, problem);
                None
            }
        }
    }

    /// The reason, where one was given.
    pub fn reason(&mut self) -> Option<Reason> {
        let given = self.take(Flag::Reason)?;
        match given.value.trim().parse::<Reason>() {
            Ok(reason) => {
                self.mend(Flag::Reason, Some(reason.as_str().to_owned()));
                Some(reason)
            }
            Err(invalid) => {
                self.mendable = false;
                self.wrong(given.at, &given.what, invalid.to_string());
                None
            }
        }
    }

    /// Words on their own that are left: a reason without `because`, or too many.
    pub fn refuse_loose(&mut self) {
        let loose = std::mem::take(&mut self.loose);
        let Some(first) = loose.first() else { return };
        let text: Vec<&str> = loose.iter().map(|word| word.value.as_str()).collect();
        let text = text.join(" ");
        if self.entry.takes.contains(&Flag::Reason) && !self.draft.contains_key(&Flag::Reason) {
            let problem = format!("a reason starts with because, or goes in quotes: reason={}", quote(&shorten(&text)));
            self.mend(Flag::Reason, Some(text.clone()));
            self.wrong(first.at, &text, problem);
        } else {
            let words = if loose.len() == 1 { "one word" } else { "some words" };
            let problem = match self.entry.takes.first() {
                Some(Flag::Name) => format!("{words} too many: {} takes one name", self.entry.name),
                Some(_) | None => format!("{words} too many: {COMMAND} {}", self.entry.usage()),
            };
            self.wrong(first.at, &text, problem);
        }
    }

    /// The command, or all that is wrong. A line to send instead is a proposal: the caller tries it.
    pub fn finish(mut self, command: Option<Command>) -> Result<Command, Mistakes> {
        match command {
            Some(command) if self.mistakes.is_empty() => Ok(command),
            Some(_) | None => {
                self.mistakes.sort_by_key(|(at, _)| *at);
                let instead = self.mendable.then(|| line(self.entry, &self.draft));
                let mistakes = self.mistakes.into_iter().map(|(_, mistake)| mistake).collect();
                Err(Mistakes { verb: Some(self.entry.verb), mistakes, instead })
            }
        }
    }
}

/// Writes a command's line out of its values.
pub(super) fn line(entry: &Entry, values: &BTreeMap<Flag, String>) -> String {
    let mut line = format!("{COMMAND} {}", entry.name);
    for flag in entry.takes.iter().map(|flag| flag.entry()) {
        let Some(value) = values.get(&flag.flag) else { continue };
        line.push(' ');
        match flag.shape {
            Shape::Word | Shape::MaybeWord => line.push_str(&quote(value)),
            Shape::Value => {
                line.push_str(flag.name);
                line.push('=');
                line.push_str(&quote(&super::normalise::fold(value)));
            }
            Shape::Switch => {
                line.push_str("--");
                line.push_str(flag.name);
            }
        }
    }
    line
}

/// A piece of a line, cut to a readable length.
pub(super) fn shorten(text: &str) -> String {
    if text.trim().is_empty() {
        // A quoted nothing, as it was typed.
        return "\"\"".to_owned();
    }
    if text.chars().count() <= WHAT_MAX {
        return text.to_owned();
    }
    let start: String = text.chars().take(WHAT_MAX - 1).collect();
    format!("{start}…")
}

/// Whether it has a flag's dash: not a lone dash, not a number.
fn is_dashed(text: &str) -> bool {
    let rest = text.trim_start_matches('-');
    rest.len() < text.len() && !rest.is_empty() && !rest.starts_with(|c: char| c.is_ascii_digit())
}

fn is_emoji(text: &str) -> bool {
    let name = text.strip_prefix(':').and_then(|rest| rest.strip_suffix(':')).unwrap_or_default();
    !name.is_empty() && name.chars().all(|c| c.is_ascii_alphanumeric() || "_+-:".contains(c))
}

/// Whether it holds a word that platforms turn into a call to everybody.
fn calls_everybody(text: &str) -> bool {
    let words = text.split(|c: char| !c.is_alphanumeric() && c != '@');
    words.into_iter().any(|word| matches!(word, "@here" | "@channel" | "@everyone"))
}

/// The name that was probably meant.
fn mended_name(text: &str) -> Option<String> {
    let plain: String =
        keyword(text).chars().map(|c| if c.is_ascii_lowercase() || c.is_ascii_digit() { c } else { '-' }).collect();
    let parts: Vec<&str> = plain.split('-').filter(|part| !part.is_empty()).collect();
    let name = parts.join("-");
    let name = name.trim_start_matches(|c: char| !c.is_ascii_lowercase());
    let kept = name.chars().filter(|c| *c != '-').count();
    let had = text.chars().filter(|c| c.is_alphanumeric()).count();
    // Only where nothing but case and punctuation has to go: a look-alike letter is not guessed at.
    (kept == had && name.parse::<ClusterName>().is_ok()).then(|| name.to_owned())
}
