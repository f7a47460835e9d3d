//! The language of the terminal: one line, parsed. `bob> press Approve on crucial-sandbox` -> [`Line`].
//!
//! Pure. Whether the speaker exists and which card is meant is decided where the people and the cards are known.

use std::time::Duration;

use serde::{Deserialize, Serialize};

use crate::render::message::Press;

/// How long a `wait` without a limit of its own waits.
pub const WAIT_DEFAULT: Duration = Duration::from_secs(60);

/// The longest `wait` and `sleep`.
pub const PAUSE_MAX: Duration = Duration::from_secs(3600);

/// What one line is.
#[derive(Debug, Clone, PartialEq, Eq)]
pub enum Line {
    /// Nothing, or a comment.
    Nothing,
    /// `bob>` alone: from now on, lines without a name are bob's.
    Switch(String),
    /// Somebody says or does something.
    Speak {
        /// Who, where the line names somebody.
        by: Option<String>,
        /// The line without the name, as it was typed.
        text: String,
        /// What it means.
        saying: Saying,
    },
    /// Waits until a message of kaas contains the text.
    Wait {
        /// How long at most.
        limit: Duration,
        /// The text.
        text: String,
    },
    /// Waits.
    Sleep(Duration),
    /// The narrator speaks.
    Narrate(String),
}

/// What a person says or does.
#[derive(Debug, Clone, PartialEq, Eq)]
pub enum Saying {
    /// A command, without its `/kaas` or `@kaas`.
    Command(String),
    /// A reaction on a card.
    React {
        /// Its name or the sign itself, without colons.
        emoji: String,
        /// Whether it is given or taken back.
        given: bool,
        /// The cluster whose card is meant; `None` is the newest card.
        on: Option<String>,
    },
    /// A button of a card.
    Press {
        /// Which button.
        press: Press,
        /// The cluster whose card is meant; `None` is the newest card.
        on: Option<String>,
        /// Why.
        reason: Option<String>,
    },
    /// Anything else: shown, and ignored.
    Chatter,
}

/// Who reads the lines: a script may wait and narrate, and has to say who speaks.
#[derive(Debug, Clone, Copy, PartialEq, Eq, Serialize, Deserialize)]
pub enum Reader {
    /// A file, or a pipe.
    Script,
    /// A person at the prompt.
    Prompt,
}

/// A line that makes no sense, as a sentence.
#[derive(Debug, Clone, PartialEq, Eq, thiserror::Error)]
#[error("{0}")]
pub struct Nonsense(pub String);

/// The buttons that there are, in the order of a card.
const BUTTONS: [(&str, Press); 5] = [
    ("approve", Press::Approve),
    ("reject", Press::Reject),
    ("plan", Press::Plan),
    ("cancel", Press::Cancel),
    ("retry", Press::Retry),
];

/// Names of reactions that people type without colons. `:anything:` and the signs themselves are reactions as well.
const REACTIONS: [&str; 14] = [
    "+1",
    "-1",
    "thumbsup",
    "thumbsdown",
    "white_check_mark",
    "heavy_check_mark",
    "ballot_box_with_check",
    "ok_hand",
    "eyes",
    "rocket",
    "tada",
    "no_entry",
    "no_entry_sign",
    "negative_squared_cross_mark",
];

/// Parses one line.
///
/// # Errors
/// A sentence for whoever typed it.
pub fn parse(line: &str, reader: Reader) -> Result<Line, Nonsense> {
    let line = line.trim();
    if line.is_empty() || line.starts_with('#') {
        return Ok(Line::Nothing);
    }
    if let Some((name, text)) = speaker(line) {
        if text.is_empty() {
            return Ok(Line::Switch(name.to_owned()));
        }
        return Ok(Line::Speak { by: Some(name.to_owned()), text: text.to_owned(), saying: saying(text)? });
    }
    if reader == Reader::Script {
        let (word, rest) = first_word(line);
        match word {
            "wait" => return wait(rest),
            "sleep" => return sleep(rest),
            "say" => return Ok(Line::Narrate(rest.to_owned())),
            _ => {}
        }
    }
    Ok(Line::Speak { by: None, text: line.to_owned(), saying: saying(line)? })
}

/// `bob> +1` is `("bob", "+1")`.
fn speaker(line: &str) -> Option<(&str, &str)> {
    let (name, text) = line.split_once('>')?;
    let name_like = !name.is_empty() && name.chars().all(|c| c.is_alphanumeric() || matches!(c, '.' | '_' | '-'));
    name_like.then(|| (name, text.trim()))
}

fn first_word(text: &str) -> (&str, &str) {
    match text.split_once(char::is_whitespace) {
        Some((word, rest)) => (word, rest.trim()),
        None => (text, ""),
    }
}

fn wait(rest: &str) -> Result<Line, Nonsense> {
    let (first, after) = first_word(rest);
    let (limit, text) = match duration(first, false) {
        Some(limit) => (limit?, after),
        None => (WAIT_DEFAULT, rest),
    };
    if text.is_empty() {
        return Err(Nonsense("wait needs the text to wait for: wait 30s is ready".to_owned()));
    }
    Ok(Line::Wait { limit, text: text.to_owned() })
}

fn sleep(rest: &str) -> Result<Line, Nonsense> {
    match duration(rest, true) {
        Some(length) => Ok(Line::Sleep(length?)),
        None => Err(Nonsense(format!("sleep takes a time such as 2, 2s or 500ms, not `{rest}`."))),
    }
}

/// `500ms`, `2s`, `1.5s`, `2m`, and `2` where a bare number is seconds. `None`: not a time at all.
fn duration(text: &str, bare: bool) -> Option<Result<Duration, Nonsense>> {
    let digits = text.find(|c: char| !c.is_ascii_digit() && c != '.').unwrap_or(text.len());
    let (number, unit) = text.split_at(digits);
    let seconds_each = match unit {
        "ms" => 0.001,
        "s" => 1.0,
        "m" => 60.0,
        "" if bare => 1.0,
        _ => return None,
    };
    let seconds = number.parse::<f64>().ok()? * seconds_each;
    if seconds > PAUSE_MAX.as_secs_f64() {
        return Some(Err(Nonsense(format!("{text} is too long: an hour is the most."))));
    }
    Some(Duration::try_from_secs_f64(seconds).map_err(|_| Nonsense(format!("{text} is not a time."))))
}

fn saying(text: &str) -> Result<Saying, Nonsense> {
    let (word, rest) = first_word(text);
    if word.eq_ignore_ascii_case("/kaas") || word.trim_end_matches(':').eq_ignore_ascii_case("@kaas") {
        return Ok(Saying::Command(rest.to_owned()));
    }
    if word.eq_ignore_ascii_case("press") {
        return press(rest);
    }
    let (given, reaction) = match first_word(rest) {
        (emoji, on) if word == "remove" => (false, reaction(emoji).map(|emoji| (emoji, on))),
        _ => (true, reaction(word).map(|emoji| (emoji, rest))),
    };
    let Some((emoji, on)) = reaction else { return Ok(Saying::Chatter) };
    let on = on.strip_prefix("on ").map_or(on, str::trim);
    match on.split_whitespace().count() {
        0 => Ok(Saying::React { emoji, given, on: None }),
        1 => Ok(Saying::React { emoji, given, on: Some(on.to_owned()) }),
        // "+1 to what carol said" is talk.
        _ => Ok(Saying::Chatter),
    }
}

/// The reaction's name without colons, where the word is one.
fn reaction(word: &str) -> Option<String> {
    if let Some(name) = word.strip_prefix(':').and_then(|w| w.strip_suffix(':')) {
        let name_like = !name.is_empty() && name.bytes().all(|b| b.is_ascii_alphanumeric() || b"+-_".contains(&b));
        return name_like.then(|| name.to_owned());
    }
    let sign = !word.is_empty() && word.chars().all(|c| !c.is_ascii() && !c.is_alphanumeric() && !c.is_control());
    (sign || REACTIONS.contains(&word)).then(|| word.to_owned())
}

fn press(rest: &str) -> Result<Saying, Nonsense> {
    let (label, mut rest) = first_word(rest);
    let label = label.trim_end_matches(['…', '.']);
    let Some((_, press)) = BUTTONS.iter().find(|(name, _)| name.eq_ignore_ascii_case(label)) else {
        return Err(Nonsense(format!("There is no button `{label}`. Buttons: Approve, Reject, Plan, Cancel, Retry.")));
    };
    if rest == "…" || rest == "..." {
        rest = "";
    } else if let Some(after) = rest.strip_prefix("… ").or_else(|| rest.strip_prefix("... ")) {
        rest = after.trim_start();
    }
    let (mut on, mut reason) = (None, None);
    if let ("on", after) = first_word(rest) {
        let (name, after) = first_word(after);
        if name.is_empty() {
            return Err(Nonsense("`on` needs a cluster: press Approve on crucial-sandbox".to_owned()));
        }
        on = Some(name.to_owned());
        rest = after;
    }
    if let ("because", after) = first_word(rest) {
        reason = (!after.is_empty()).then(|| after.to_owned());
        rest = "";
    }
    if !rest.is_empty() {
        return Err(Nonsense(format!(
            "I don't understand `{rest}` after the button. It goes like this: press Reject on crucial-sandbox because the budget is gone"
        )));
    }
    Ok(Saying::Press { press: *press, on, reason })
}

#[cfg(test)]
mod tests {
    use proptest::prelude::*;

    use super::*;

    fn said(by: &str, text: &str, saying: Saying) -> Line {
        Line::Speak { by: Some(by.to_owned()), text: text.to_owned(), saying }
    }

    fn react(emoji: &str, given: bool, on: Option<&str>) -> Saying {
        Saying::React { emoji: emoji.to_owned(), given, on: on.map(str::to_owned) }
    }

    fn pressed(press: Press, on: Option<&str>, reason: Option<&str>) -> Saying {
        Saying::Press { press, on: on.map(str::to_owned), reason: reason.map(str::to_owned) }
    }

    #[test]
    fn what_people_say() {
        let table = [
            ("/kaas request a-b size=small", Saying::Command("request a-b size=small".to_owned())),
            ("@kaas list", Saying::Command("list".to_owned())),
            ("@kaas: list", Saying::Command("list".to_owned())),
            ("/KAAS  help", Saying::Command("help".to_owned())),
            ("/kaas", Saying::Command(String::new())),
            ("/kaasx", Saying::Chatter),
            ("+1", react("+1", true, None)),
            ("+1 crucial-sandbox", react("+1", true, Some("crucial-sandbox"))),
            ("+1 on crucial-sandbox", react("+1", true, Some("crucial-sandbox"))),
            ("remove +1", react("+1", false, None)),
            ("remove +1 grey-heron", react("+1", false, Some("grey-heron"))),
            ("remove the old one", Saying::Chatter),
            (":shipit:", react("shipit", true, None)),
            ("white_check_mark", react("white_check_mark", true, None)),
            ("👍", react("👍", true, None)),
            ("👍🏽 grey-heron", react("👍🏽", true, Some("grey-heron"))),
            ("+1 to what carol said", Saying::Chatter),
            ("über", Saying::Chatter),
            ("press Approve", pressed(Press::Approve, None, None)),
            ("press approve on grey-heron", pressed(Press::Approve, Some("grey-heron"), None)),
            ("press Reject because the budget is gone", pressed(Press::Reject, None, Some("the budget is gone"))),
            ("press Reject … because no", pressed(Press::Reject, None, Some("no"))),
            ("press Reject… on a-b because on call", pressed(Press::Reject, Some("a-b"), Some("on call"))),
            ("press Plan", pressed(Press::Plan, None, None)),
            ("press Cancel", pressed(Press::Cancel, None, None)),
            ("press Retry", pressed(Press::Retry, None, None)),
            ("wait for me", Saying::Chatter),
            ("a > b", Saying::Chatter),
        ];
        for (text, saying) in table {
            assert_eq!(parse(&format!("bob> {text}"), Reader::Script), Ok(said("bob", text, saying)), "{text}");
        }
    }

    #[test]
    fn what_scripts_do() {
        let seconds = Duration::from_secs;
        let table = [
            ("", Line::Nothing),
            ("   # who is who", Line::Nothing),
            ("bob>", Line::Switch("bob".to_owned())),
            ("wait is ready", Line::Wait { limit: seconds(60), text: "is ready".to_owned() }),
            ("wait 5s is ready", Line::Wait { limit: seconds(5), text: "is ready".to_owned() }),
            ("wait 2m  is ready ", Line::Wait { limit: seconds(120), text: "is ready".to_owned() }),
            ("wait 30 nodes", Line::Wait { limit: seconds(60), text: "30 nodes".to_owned() }),
            ("sleep 2", Line::Sleep(seconds(2))),
            ("sleep 500ms", Line::Sleep(Duration::from_millis(500))),
            ("sleep 1.5s", Line::Sleep(Duration::from_millis(1500))),
            ("say Meet alice.", Line::Narrate("Meet alice.".to_owned())),
        ];
        for (line, parsed) in table {
            assert_eq!(parse(line, Reader::Script), Ok(parsed), "{line}");
        }
        let at_prompt = parse("wait for me", Reader::Prompt);
        assert_eq!(at_prompt, Ok(Line::Speak { by: None, text: "wait for me".to_owned(), saying: Saying::Chatter }));
    }

    #[test]
    fn what_makes_no_sense() {
        let table = [
            ("wait", "wait needs the text"),
            ("wait 30s", "wait needs the text"),
            ("wait 2000m soon", "an hour is the most"),
            ("sleep", "sleep takes a time"),
            ("sleep soon", "sleep takes a time"),
            ("sleep 1.2.3", "sleep takes a time"),
            ("bob> press", "There is no button ``. Buttons: Approve, Reject, Plan, Cancel, Retry."),
            ("bob> press Aprove", "There is no button `Aprove`"),
            ("bob> press Approve on", "`on` needs a cluster"),
            ("bob> press Approve now", "I don't understand `now`"),
        ];
        for (line, expected) in table {
            let problem = parse(line, Reader::Script).expect_err(line).to_string();
            assert!(problem.contains(expected), "{line}: {problem}");
        }
    }

    proptest! {
        #[test]
        fn no_line_panics(line in "(?s).{0,80}") {
            let _ = parse(&line, Reader::Script);
            let _ = parse(&line, Reader::Prompt);
        }

        #[test]
        fn no_near_miss_panics(
            words in proptest::collection::vec(
                proptest::sample::select(vec!["bob>", "wait", "sleep", "press", "Reject", "on", "because", "+1", "remove", "9e99s", "1.s", ".ms", "…", ":+1:", "👍"]),
                0..7,
            ),
        ) {
            let _ = parse(&words.join(" "), Reader::Script);
        }
    }
}
