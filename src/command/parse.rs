//! From a line to a [`Command`], or to all of its mistakes at once.
//!
//! Nothing here does I/O, reads a clock or draws a random number.

use crate::lifecycle::catalogue::Catalogue;

use super::nearest::nearest;
use super::read::{Reading, shorten};
use super::table::{COMMANDS, Flag, Verb, keyword};
use super::words::{Word, quote, split};
use super::{COMMAND, Command, Dialect, LINE_MAX, Mistake, Mistakes, Topic, Which, access, normalise, request};

/// Reads a line, with or without the leading `/kaas`.
///
/// An empty line is a call for help. Values are checked against the catalogue, and every mistake of the line is told at once; a line that is proposed
/// instead was read itself and is understood.
pub fn parse(line: &str, dialect: Dialect, catalogue: &Catalogue) -> Result<Command, Mistakes> {
    let length = line.chars().count();
    if length > LINE_MAX {
        let problem = format!("is too long: {length} characters, of at most {LINE_MAX}");
        // Its beginning is shown, so that is tidied as every line is.
        let start: String = line.chars().take(LINE_MAX).collect();
        let start = normalise(&start, dialect);
        return Err(one(None, if start.is_empty() { "the line" } else { &start }, problem, None));
    }
    understand(&normalise(line, dialect), catalogue).map_err(|mut wrong| {
        let works = |line: &String| understand(&normalise(line, Dialect::Plain), catalogue).is_ok();
        wrong.instead = wrong.instead.filter(works);
        wrong
    })
}

/// Reads a tidied line. The line that it proposes instead was not tried yet.
fn understand(line: &str, catalogue: &Catalogue) -> Result<Command, Mistakes> {
    let cut = split(line);
    if let Some(rest) = cut.unclosed {
        return Err(unclosed(line, &rest, catalogue));
    }
    let words = after_lead(&cut.words);
    let Some((first, rest)) = words.split_first() else { return Ok(Command::Help(None)) };
    let Some(verb) =
        Verb::named(&first.text).or_else(|| Verb::named(first.text.trim_end_matches(['.', ',', ':', ';', '!'])))
    else {
        return Err(unknown_verb(first, rest));
    };
    if rest.iter().any(|word| !word.quoted && matches!(word.text.as_str(), "--help" | "-h")) {
        return Ok(Command::Help(Some(Topic::Verb(verb))));
    }
    if verb == Verb::Request && rest.is_empty() {
        return Ok(Command::RequestForm);
    }
    let mut reading = Reading::of(verb.entry(), rest);
    let command = match verb {
        Verb::Request => request::read(&mut reading, catalogue),
        Verb::List => Some(list(&mut reading)),
        Verb::Show => reading.name(false).map(Command::Show),
        Verb::Approve => reading.name(false).map(Command::Approve),
        Verb::Withdraw => reading.name(false).map(Command::Withdraw),
        Verb::Cancel => reading.name(false).map(Command::Cancel),
        Verb::Retry => reading.name(false).map(Command::Retry),
        Verb::Reject => {
            let (name, reason) = (reading.name(false), reading.reason());
            name.map(|name| Command::Reject { name, reason })
        }
        Verb::Destroy => {
            let (name, reason) = (reading.name(false), reading.reason());
            name.map(|name| Command::Destroy { name, reason })
        }
        Verb::Access => access::access(&mut reading),
        Verb::Revoke => access::revoke(&mut reading),
        Verb::ForceRemove => access::force_remove(&mut reading),
        Verb::Whoami => Some(Command::Whoami),
        Verb::Link => access::link(&mut reading),
        Verb::Orphans => Some(Command::Orphans),
        Verb::Classes => Some(Command::Classes),
        Verb::Help => help(&mut reading),
    };
    reading.refuse_loose();
    reading.finish(command)
}

fn list(reading: &mut Reading) -> Command {
    let mut which = Which::Few;
    if let Some(given) = reading.take(Flag::Which) {
        match keyword(&given.value).as_str() {
            "mine" | "my" | "me" => which = Which::Mine,
            "all" | "everything" => which = Which::All,
            "waiting" | "pending" | "open" => which = Which::Waiting,
            word => match nearest(word, ["mine", "all", "waiting"]) {
                Some(near) => {
                    let problem = format!("there is no such list. Did you mean {near}? (mine, all, waiting)");
                    reading.wrong(given.at, &given.what, problem);
                    reading.mend(Flag::Which, Some(near.to_owned()));
                }
                None => {
                    let owner = given.value.trim_start_matches('@').to_owned();
                    let problem = format!(
                        "there is no such list (mine, all, waiting). For one person's clusters: owner={}",
                        quote(&shorten(&owner))
                    );
                    reading.wrong(given.at, &given.what, problem);
                    reading.mend(Flag::Owner, Some(owner));
                }
            },
        }
    }
    let mut owner = None;
    if let Some(given) = reading.take(Flag::Owner) {
        let name = given.value.trim().trim_start_matches('@');
        if name.is_empty() {
            reading.wrong(given.at, &given.what, "needs a name, such as owner=alice");
        } else if name.eq_ignore_ascii_case("me") {
            which = Which::Mine;
        } else {
            reading.mend(Flag::Owner, Some(name.to_owned()));
            owner = Some(name.to_owned());
        }
    }
    Command::List { which, owner }
}

fn help(reading: &mut Reading) -> Option<Command> {
    let Some(given) = reading.take(Flag::Topic) else { return Some(Command::Help(None)) };
    let topic = match keyword(&given.value).as_str() {
        "writing" | "flags" | "syntax" | "quotes" | "values" => Some(Topic::Writing),
        "states" | "state" | "words" => Some(Topic::States),
        word => Verb::named(word).map(Topic::Verb),
    };
    if topic.is_none() {
        let topics = COMMANDS.iter().map(|e| e.name).chain(["writing", "states"]);
        let near = nearest(&given.value, topics);
        let meant = near.map(|near| format!(". Did you mean {near}?")).unwrap_or_default();
        let problem = format!("there is no help on that{meant} (any command, writing, states)");
        reading.wrong(given.at, &given.what, problem);
        reading.mend(Flag::Topic, near.map(str::to_owned));
    }
    topic.map(|topic| Command::Help(Some(topic)))
}

/// The words behind whatever addresses kaas: `/kaas`, `kaas:`, `@kaas`, the id that Slack puts there for it.
fn after_lead(words: &[Word]) -> &[Word] {
    let is_lead = |word: &Word| {
        let text = word.text.trim_end_matches([':', ',']).to_lowercase();
        let call = text.strip_prefix('@').unwrap_or_default();
        matches!(text.as_str(), "/kaas" | "kaas")
            || (!call.is_empty() && !matches!(call, "here" | "channel" | "everyone"))
    };
    let count = words.iter().take_while(|word| !word.quoted && is_lead(word)).count();
    &words[count..]
}

fn unknown_verb(first: &Word, rest: &[Word]) -> Mistakes {
    let raw = |words: &[Word]| words.iter().map(|w| format!(" {}", w.raw)).collect::<String>();
    let names = COMMANDS.iter().flat_map(|e| std::iter::once(&e.name).chain(e.aliases).copied());
    if let Some(near) = nearest(&first.text, names) {
        let problem = format!("there is no such command. Did you mean {near}?");
        return one(None, &first.raw, problem, Some(format!("{COMMAND} {near}{}", raw(rest))));
    }
    if let Some((second, rest)) = rest.split_first()
        && let Some(verb) = Verb::named(&second.text)
    {
        let instead = format!("{COMMAND} {} {}{}", verb.name(), first.raw, raw(rest));
        return one(None, &first.raw, "the command comes first, then the name".to_owned(), Some(instead));
    }
    let known: Vec<&str> = COMMANDS.iter().map(|e| e.name).collect();
    let problem = format!("there is no such command ({})", known.join(", "));
    one(None, &first.raw, problem, Some(format!("{COMMAND} help")))
}

/// The mistakes of a line with a quote that is never closed: what would be wrong if it were, and the quote.
fn unclosed(line: &str, rest: &str, catalogue: &Catalogue) -> Mistakes {
    // A quote at the very end has nothing behind it.
    let rest = if rest.trim().is_empty() { "\"" } else { rest };
    let quote = || "has a quote that is never closed".to_owned();
    let closed = format!("{line}\"");
    if split(&closed).unclosed.is_some() {
        return one(None, rest, quote(), None);
    }
    match understand(&closed, catalogue) {
        Ok(_) => {
            let words = split(&closed).words;
            let words = after_lead(&words);
            let instead: Vec<&str> = words.iter().map(|word| word.raw.as_str()).collect();
            let verb = words.first().and_then(|word| Verb::named(&word.text));
            one(verb, rest, quote(), Some(format!("{COMMAND} {}", instead.join(" "))))
        }
        Err(mut wrong) => {
            wrong.mistakes.insert(0, Mistake { what: shorten(rest), problem: quote() });
            wrong
        }
    }
}

fn one(verb: Option<Verb>, what: &str, problem: String, instead: Option<String>) -> Mistakes {
    Mistakes { verb, mistakes: vec![Mistake { what: shorten(what), problem }], instead }
}

#[cfg(test)]
#[path = "parse_tests.rs"]
pub(super) mod tests;
