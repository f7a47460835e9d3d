//! From what arrived to what was meant: phones, editors and chat platforms alter what people type.
//!
//! Three steps. Slack's escapes and entities become text (Slack's dialect only). Look-alike characters become plain ones, invisible ones go. Then, word by
//! word, dashes at the start become flags again and formatting around a word goes. What stands in quotes keeps its dashes, spaces and formatting.
//! Nothing is ever refused here. Nothing here does I/O, reads a clock or draws a random number.

use crate::lifecycle::form::is_invisible;

use super::words::{Quote, closing};

/// How a line arrives.
#[derive(Debug, Clone, Copy, PartialEq, Eq, Hash)]
pub enum Dialect {
    /// As typed: a terminal, a web page, a platform that alters nothing but typography.
    Plain,
    /// As Slack sends it: `<…>` escapes and three HTML entities besides.
    Slack,
}

/// Tidies a line: single spaces between words, plain quotes and dashes, nothing invisible.
pub fn normalise(line: &str, dialect: Dialect) -> String {
    let text = match dialect {
        Dialect::Plain => line.to_owned(),
        Dialect::Slack => unescape(line),
    };
    let plain = fold(&text);
    let chars: Vec<char> = unwrap_line(unquote_line(plain.trim_matches(' '))).chars().collect();

    let mut out = String::with_capacity(chars.len());
    let mut at = 0;
    while at < chars.len() {
        if chars[at] == ' ' {
            at += 1;
            continue;
        }
        let end = word_end(&chars, at);
        if !out.is_empty() {
            out.push(' ');
        }
        out.push_str(&tidy_word(&chars[at..end]));
        at = end;
    }
    out
}

/// Replaces Slack's `<…>` escapes, then the entities around them. A `<` that a person typed arrives as `&lt;`, so a raw one always starts an escape.
fn unescape(text: &str) -> String {
    let mut out = String::with_capacity(text.len());
    let mut rest = text;
    while let Some((before, after)) = rest.split_once('<') {
        out.push_str(&entities(before));
        let Some((inside, behind)) = after.split_once('>') else {
            out.push('<');
            out.push_str(&entities(after));
            return out;
        };
        out.push_str(&escape_text(inside));
        rest = behind;
    }
    out.push_str(&entities(rest));
    out
}

/// What one escape stands for: ids of people, channels and groups, the address of a link, or the bare domain that Slack made a link of.
fn escape_text(inside: &str) -> String {
    let (target, label) = match inside.split_once('|') {
        Some((target, label)) => (target, Some(label)),
        None => (inside, None),
    };
    if target.starts_with(['@', '#']) {
        return target.to_owned();
    }
    if let Some(special) = target.strip_prefix('!') {
        return match special.split_once('^') {
            Some(("subteam", id)) => format!("&{id}"),
            Some(("date", _)) => entities(label.unwrap_or_default()),
            Some(_) | None => format!("@{special}"),
        };
    }
    if let Some(address) = target.strip_prefix("mailto:").or_else(|| target.strip_prefix("tel:")) {
        return entities(address);
    }
    let bare = |label: &&str| {
        let address = target.strip_prefix("https://").or_else(|| target.strip_prefix("http://"));
        address.is_some_and(|a| a.trim_end_matches('/') == label.trim_end_matches('/'))
    };
    entities(label.filter(bare).unwrap_or(target))
}

/// The three entities, once; `&amp;` last, so that `&amp;lt;` stays `&lt;`.
fn entities(text: &str) -> String {
    text.replace("&lt;", "<").replace("&gt;", ">").replace("&amp;", "&")
}

/// Makes look-alikes plain and removes what cannot be seen. Em and en dashes stay: only a word's start tells what they mean.
pub(super) fn fold(text: &str) -> String {
    let mut out = String::with_capacity(text.len());
    for c in text.chars() {
        match c {
            c if c.is_whitespace() => out.push(' '),
            c if c.is_control() || is_invisible(c) => {}
            '“' | '”' | '„' | '‟' | '«' | '»' | '″' | '＂' => out.push('"'),
            '‘' | '’' | '‚' | '‛' | '′' | '＇' => out.push('\''),
            '\u{2010}' | '\u{2011}' | '\u{2212}' | '\u{FE58}' | '\u{FE63}' | '\u{FF0D}' => out.push('-'),
            '…' => out.push_str("..."),
            c => out.push(c),
        }
    }
    out
}

/// Removes the `> ` of a quoted line.
fn unquote_line(mut line: &str) -> &str {
    while let Some(rest) = line.strip_prefix("> ") {
        line = rest.trim_start_matches(' ');
    }
    line
}

/// What chat platforms format with; the longest first.
const MARKS: [&str; 5] = ["```", "`", "*", "_", "~"];

/// Removes formatting around a whole line.
fn unwrap_line(line: &str) -> &str {
    let inside = MARKS
        .iter()
        .find_map(|mark| wrapped(line, mark).filter(|inside| !inside.contains(mark) && inside.contains(' ')));
    inside.map_or(line, |inside| inside.trim_matches(' '))
}

fn wrapped<'a>(text: &'a str, mark: &str) -> Option<&'a str> {
    text.strip_prefix(mark)?.strip_suffix(mark).filter(|inside| !inside.is_empty())
}

/// Where the word that starts at `start` ends.
fn word_end(chars: &[char], start: usize) -> usize {
    let mut at = start;
    while at < chars.len() && chars[at] != ' ' {
        at = match closing(chars, start, at) {
            Quote::Closed(end) => end + 1,
            Quote::None | Quote::Unclosed => at + 1,
        };
    }
    at
}

fn tidy_word(word: &[char]) -> String {
    let text: String = word.iter().collect();
    if text.starts_with(['"', '\'']) {
        return text;
    }
    let text = dashes(unwrap_word(&text));
    // A full-width equals sign separates as the plain one does, unless the value before it is in quotes.
    let text = match text.split_once('＝') {
        Some((key, value)) if !key.contains(['=', '"', '\'']) => format!("{key}={value}"),
        Some(_) | None => text,
    };
    match text.split_once('=') {
        Some((key, value)) if !key.is_empty() && !value.starts_with(['"', '\'']) => {
            format!("{key}={}", unwrap_word(value))
        }
        Some(_) | None => text,
    }
}

/// Removes formatting around one word or value, however often it is there.
fn unwrap_word(mut word: &str) -> &str {
    while let Some(inside) = MARKS.iter().find_map(|mark| wrapped(word, mark)) {
        word = inside;
    }
    word
}

/// Turns the dashes that a phone made of `--` and `-` at the start of a word back into those.
fn dashes(word: &str) -> String {
    let rest = word.trim_start_matches(['-', '–', '—', '―']);
    let run = &word[..word.len() - rest.len()];
    let name = rest.split(|c: char| !c.is_alphanumeric()).next().unwrap_or_default();
    let single = name.chars().count() == 1 || (!name.is_empty() && name.chars().all(|c| c.is_ascii_digit()));
    let flag = match run {
        "" => "",
        "-" => "-",
        "–" if single => "-",
        _ => "--",
    };
    format!("{flag}{rest}")
}

#[cfg(test)]
mod tests {
    use super::*;

    #[track_caller]
    fn check(dialect: Dialect, line: &str, expect: &str) {
        assert_eq!(normalise(line, dialect), expect, "{line:?}");
    }

    #[test]
    fn typography_of_phones_and_editors() {
        let check = |line: &str, expect: &str| check(Dialect::Plain, line, expect);
        check("request —workers 3", "request --workers 3");
        check("request –workers=3", "request --workers=3");
        check("request –w 3", "request -w 3");
        check("request –w=3", "request -w=3");
        check("request —-workers 3", "request --workers 3");
        check("request ---workers 3", "request --workers 3");
        check("request ―workers 3", "request --workers 3");
        check("request −w −3", "request -w -3");
        check("request –5", "request -5");
        check("request --name “my cluster”", "request --name \"my cluster\"");
        check("--reason=‘it works’", "--reason='it works'");
        check("reason=„so“ x=«y»", "reason=\"so\" x=\"y\"");
        check("list\u{a0}mine\u{202f}now", "list mine now");
        check("  list \t mine \r\n", "list mine");
        check("re\u{200b}quest de\u{2060}mo\u{feff}", "request demo");
        check("a\u{202e}b\u{ad}c\u{e0041}", "abc");
        check("reject x \"don’t touch – really\"", "reject x \"don't touch – really\"");
        check("reject x \"a  —  b\"", "reject x \"a  —  b\"");
        check("size 1–5", "size 1–5");
        check("reject x — too big", "reject x -- too big");
        check("teal‑otter", "teal-otter");
        check("dev’s box", "dev's box");
        check("size＝small", "size=small");
        check("so…", "so...");
        check("\u{0}\u{7}list", "list");
    }

    #[test]
    fn formatting_around_words_goes() {
        let check = |line: &str, expect: &str| check(Dialect::Plain, line, expect);
        check("show `teal-otter`", "show teal-otter");
        check("`/kaas show teal-otter`", "/kaas show teal-otter");
        check("```/kaas show teal-otter```", "/kaas show teal-otter");
        check("*approve teal-otter*", "approve teal-otter");
        check("show *teal-otter* size=_small_", "show teal-otter size=small");
        check("> approve x", "approve x");
        check("reason=\"*bold*\"", "reason=\"*bold*\"");
        check("a * b", "a * b");
        check("**", "**");
    }

    #[test]
    fn escapes_and_entities_of_slack() {
        let check = |line: &str, expect: &str| check(Dialect::Slack, line, expect);
        check("reason=\"&lt;1&gt; a&amp;b &amp;lt;\"", "reason=\"<1> a&b &lt;\"");
        check("<@U1|bob> <#C1|gen> <#C2|> <!subteam^S1|@ops>", "@U1 #C1 #C2 &S1");
        check("list owner=<@W1>", "list owner=@W1");
        check("request <http://demo.app|demo.app>", "request demo.app");
        check("request <https://eks.dev/|eks.dev>", "request eks.dev");
        check("<https://a.b/c?d=1&amp;e=2>", "https://a.b/c?d=1&e=2");
        check("<https://a.b|click here>", "https://a.b");
        check("<mailto:a@b.c|a@b.c> <tel:123|123>", "a@b.c 123");
        check("<!date^1700000000^{date}|Tuesday>", "Tuesday");
        check("<!channel> <!here>", "@channel @here");
        check("a &lt;b", "a <b");
        check("a <b &amp; c", "a <b & c");
        check("&gt; approve x", "approve x");
        check("request —size small", "request --size small");
    }

    #[test]
    fn a_terminal_has_no_entities() {
        check(Dialect::Plain, "reason=\"a&amp;b <c>\"", "reason=\"a&amp;b <c>\"");
    }
}
