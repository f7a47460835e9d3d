//! Lines put together from spans: what kaas says itself as text, what came from outside as spans of their own.
//!
//! Nothing here does I/O, reads a clock or draws a random number.

use crate::lifecycle::form::{ClusterName, is_invisible};
use crate::lifecycle::{Fault, Person, Plan};
use crate::render::message::{Line, Message, Span};

use super::COMMAND;

/// The longest piece of text from outside that is shown in one place, in characters.
const SAID_MAX: usize = 400;

/// The most people that are named one by one.
const PEOPLE_MAX: usize = 6;

/// A line that is being put together.
#[derive(Debug, Default)]
pub(super) struct Say(Vec<Span>);

impl Say {
    /// A line that starts with plain words.
    pub fn of(text: impl Into<String>) -> Self {
        Self::default().text(text)
    }

    /// A line that starts with a cluster's name.
    pub fn cluster(name: &ClusterName) -> Self {
        Self::default().strong(name.as_str())
    }

    /// Plain words of kaas' own.
    pub fn text(mut self, text: impl Into<String>) -> Self {
        let text = text.into();
        if !text.is_empty() {
            self.0.push(Span::Text(text));
        }
        self
    }

    /// Words to stand out.
    pub fn strong(mut self, text: impl Into<String>) -> Self {
        self.0.push(Span::Strong(text.into()));
        self
    }

    /// A command that can be sent: `retry crucial-sandbox`.
    pub fn command(mut self, rest: &str) -> Self {
        self.0.push(Span::Code(format!("{COMMAND} {rest}")));
        self
    }

    /// Text to be taken literally. May come from outside.
    pub fn code(mut self, text: &str) -> Self {
        if !text.is_empty() {
            self.0.push(Span::Code(clean(text)));
        }
        self
    }

    /// Text from outside.
    pub fn said(mut self, text: &str) -> Self {
        self.0.push(Span::Text(shorten(&clean(text))));
        self
    }

    /// A person, who is not notified.
    pub fn person(self, person: &Person) -> Self {
        self.said(&person.name)
    }

    /// A person, who is notified.
    pub fn mention(mut self, person: &Person) -> Self {
        self.0.push(Span::Mention(Person { id: person.id.clone(), name: shorten(&clean(&person.name)) }));
        self
    }

    /// A link; the address came from outside.
    pub fn link(mut self, text: &str, url: &str) -> Self {
        self.0.push(Span::Link { text: clean(text), url: clean(url) });
        self
    }

    /// People, not notified: `bob, carol and 3 more`, or with `last` = " and ": `bob and carol`.
    pub fn people(self, people: &[Person], last: &str) -> Self {
        self.names(people, last, Self::person)
    }

    /// People, notified every one: `@bob, @carol, @dave`.
    pub fn mentions(self, people: &[Person]) -> Self {
        people.iter().enumerate().fold(self, |say, (i, person)| {
            let say = if i > 0 { say.text(", ") } else { say };
            say.mention(person)
        })
    }

    fn names(self, people: &[Person], last: &str, name: impl Fn(Self, &Person) -> Self) -> Self {
        let shown = if people.len() > PEOPLE_MAX { PEOPLE_MAX - 1 } else { people.len() };
        let say = people[..shown].iter().enumerate().fold(self, |say, (i, person)| {
            let between = match i {
                0 => "",
                _ if i + 1 == people.len() => last,
                _ => ", ",
            };
            name(say.text(between), person)
        });
        if shown < people.len() { say.text(format!(" and {} more", people.len() - shown)) } else { say }
    }

    /// A fault: its line and its reference.
    pub fn fault(self, fault: &Fault) -> Self {
        // Whoever calls ends the sentence.
        self.said(fault.text.trim_end_matches('.')).text(" (ref ").said(&fault.reference).text(")")
    }

    /// The line.
    pub fn line(self) -> Line {
        Line { spans: self.0 }
    }

    /// A message of this line alone.
    pub fn message(self) -> Message {
        message([self])
    }
}

/// A message of these lines.
pub(super) fn message(lines: impl IntoIterator<Item = Say>) -> Message {
    Message { lines: lines.into_iter().map(Say::line).collect(), ..Message::default() }
}

/// One line without anything that is not seen: what breaks lines becomes a space, what controls or hides goes.
pub(super) fn clean(text: &str) -> String {
    let seen = text.chars().filter_map(|c| match c {
        '\n' | '\r' | '\t' | '\u{0B}' | '\u{0C}' | '\u{85}' | '\u{2028}' | '\u{2029}' => Some(' '),
        c if c.is_control() || is_invisible(c) => None,
        c => Some(c),
    });
    seen.collect()
}

fn shorten(text: &str) -> String {
    if text.chars().count() <= SAID_MAX {
        return text.to_owned();
    }
    let start: String = text.chars().take(SAID_MAX - 1).collect();
    format!("{start}…")
}

/// A number in words, up to ten.
pub(super) fn counted(number: u32) -> String {
    const WORDS: [&str; 11] = ["none", "one", "two", "three", "four", "five", "six", "seven", "eight", "nine", "ten"];
    let word = usize::try_from(number).ok().and_then(|number| WORDS.get(number));
    word.map_or_else(|| number.to_string(), |word| (*word).to_owned())
}

/// `1 file`, `2 files`.
pub(super) fn many(number: u32, what: &str) -> String {
    format!("{number} {what}{}", if number == 1 { "" } else { "s" })
}

/// What a plan does, without what it does not: `7 to add, 1 to destroy`.
pub(super) fn counts(plan: &Plan) -> String {
    let parts = [(plan.add, "add"), (plan.change, "change"), (plan.destroy, "destroy")];
    let parts: Vec<String> =
        parts.iter().filter(|(number, _)| *number > 0).map(|(number, what)| format!("{number} to {what}")).collect();
    if parts.is_empty() { "nothing to change".to_owned() } else { parts.join(", ") }
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn what_people_write_stays_one_line_and_hides_nothing() {
        assert_eq!(clean("a\nb\r\tc\u{202e}d\u{200b}\u{1b}[31me\u{2028}f"), "a b  cd[31me f");
        let line = Say::of("by ").said(&"ä".repeat(1_000)).line();
        assert_eq!(line.plain().chars().count(), 3 + SAID_MAX);
    }

    #[test]
    fn people_are_joined_as_one_says_it() {
        let people: Vec<Person> = ["ann", "bob", "carol", "dave", "erin", "frank", "gus"]
            .iter()
            .map(|name| Person { id: name.parse().unwrap(), name: (*name).to_owned() })
            .collect();
        let said = |count: usize, last: &str| Say::default().people(&people[..count], last).line().plain();
        assert_eq!(said(1, " and "), "ann");
        assert_eq!(said(2, " and "), "ann and bob");
        assert_eq!(said(3, ", "), "ann, bob, carol");
        assert_eq!(said(7, " and "), "ann, bob, carol, dave, erin and 2 more");
    }
}
