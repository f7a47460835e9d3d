//! Discord's Markdown as its clients read it, as far as a text could format, call or link anything. For tests: it knows nothing of how texts are escaped.

use std::sync::LazyLock;

use regex::Regex;

/// What a text shows, and what in it is more than text.
#[derive(Debug, Default, PartialEq, Eq)]
pub(super) struct Read {
    /// The characters that people see, without those of no width.
    pub plain: String,
    /// Formats, mentions, links and emoji, in order.
    pub marks: Vec<String>,
}

static AT_START: LazyLock<[(&str, Regex); 3]> = LazyLock::new(|| {
    [
        ("heading", regex(r"^(?:#{1,3}|-#)\s")),
        ("quote", regex(r"^(?:>>>|>)\s")),
        ("list", regex(r"^(?:[-*+]|\d+[.)])\s")),
    ]
});

static ANYWHERE: LazyLock<[(&str, Regex); 10]> = LazyLock::new(|| {
    [
        ("mention", regex(r"^<@!?\d+>")),
        ("role", regex(r"^<@&\d+>")),
        ("channel", regex(r"^<#\d+>")),
        ("emoji", regex(r"^<a?:\w+:\d+>")),
        ("command", regex(r"^</[^>]+:\d+>")),
        ("time", regex(r"^<t:-?\d+(?::[a-zA-Z])?>")),
        ("guide", regex(r"^<id:\w+>")),
        ("link", regex(r"^<https?://[^\s>]+>")),
        ("link", regex(r"^(?:https?://|discord\.gg/|discord(?:app)?\.com/invite/)[^\s<]+")),
        ("emoji", regex(r"^:[a-zA-Z0-9_+-]+:")),
    ]
});

static MASKED: LazyLock<Regex> = LazyLock::new(|| regex(r"^\[((?:\\.|[^\]\\])*)\]\(<?([^\s<>]*)>?\)"));

fn regex(pattern: &str) -> Regex {
    Regex::new(pattern).expect("a pattern")
}

/// Reads a text.
pub(super) fn read(text: &str) -> Read {
    let mut out = Read::default();
    let (mut rest, mut at_start) = (text, true);
    while let Some(c) = rest.chars().next() {
        if at_start {
            let found = AT_START.iter().find(|(_, pattern)| pattern.is_match(rest.trim_start()));
            out.marks.extend(found.map(|(name, _)| (*name).to_owned()));
        }
        at_start = c == '\n';
        rest = step(rest, c, &mut out);
    }
    out.plain.retain(|c| c != '\u{200b}');
    out
}

/// Reads what the rest begins with, and answers what is behind it.
fn step<'a>(rest: &'a str, c: char, out: &mut Read) -> &'a str {
    let behind = &rest[c.len_utf8()..];
    let next = behind.chars().next();
    if let ('\\', Some(next)) = (c, next)
        && !next.is_alphanumeric()
        && !next.is_whitespace()
    {
        out.plain.push(next);
        return &behind[next.len_utf8()..];
    }
    if let Some(behind) = rest.strip_prefix("```")
        && let Some((inside, after)) = behind.split_once("```")
    {
        out.marks.push("block".to_owned());
        out.plain.push_str(inside.strip_prefix('\n').unwrap_or(inside).strip_suffix('\n').unwrap_or(inside));
        return after;
    }
    if c == '`' {
        let run = rest.len() - rest.trim_start_matches('`').len();
        if let Some((inside, after)) = closed(&rest[run..], run) {
            out.marks.push("code".to_owned());
            // One space on either side belongs to the marks.
            let bare = inside.strip_prefix(' ').and_then(|rest| rest.strip_suffix(' '));
            out.plain.push_str(bare.filter(|_| run > 1).unwrap_or(inside));
            return after;
        }
    }
    if let Some(found) = MASKED.captures(rest) {
        out.marks.push(format!("link {}", &found[2]));
        out.plain.push_str(&read(&found[1]).plain);
        return &rest[found[0].len()..];
    }
    for (name, pattern) in ANYWHERE.iter() {
        if let Some(found) = pattern.find(rest) {
            out.marks.push(format!("{name} {}", found.as_str()));
            return &rest[found.end()..];
        }
    }
    for (name, mark) in
        [("bold", "**"), ("underline", "__"), ("strike", "~~"), ("spoiler", "||"), ("italic", "*"), ("italic", "_")]
    {
        if let Some(after) = rest.strip_prefix(mark) {
            out.marks.push(name.to_owned());
            return after;
        }
    }
    let lower = rest.to_lowercase();
    if lower.starts_with("@everyone") || lower.starts_with("@here") {
        out.marks.push("everybody".to_owned());
    }
    out.plain.push(c);
    behind
}

/// What stands before a closing run of exactly so many marks, and what behind it.
fn closed(text: &str, run: usize) -> Option<(&str, &str)> {
    let mut at = 0;
    while let Some(found) = text[at..].find('`') {
        let start = at + found;
        let length = text[start..].len() - text[start..].trim_start_matches('`').len();
        if length == run && start > 0 {
            return Some((&text[..start], &text[start + length..]));
        }
        at = start + length;
    }
    None
}

#[test]
fn the_reader_sees_what_discord_would() {
    for (text, mark) in [
        ("**a**", "bold"),
        ("a _b_", "italic"),
        ("# a", "heading"),
        ("x\n> a", "quote"),
        ("1. a", "list"),
        ("<@12>", "mention <@12>"),
        ("see [a](https://evil.example)", "link https://evil.example"),
        ("https://evil.example", "link https://evil.example"),
        ("discord.gg/evil", "link discord.gg/evil"),
        (":smile:", "emoji :smile:"),
        ("<t:1:R>", "time <t:1:R>"),
        ("||a||", "spoiler"),
        ("`a`", "code"),
        ("```\na\n```", "block"),
        ("hi @Everyone", "everybody"),
    ] {
        assert!(read(text).marks.iter().any(|found| found == mark), "{text}: {:?}", read(text));
    }
    assert_eq!(read(r"\*\*a\*\* \<@12> \# a").marks, Vec::<String>::new());
    assert_eq!(read(r"\*\*a\*\*").plain, "**a**");
}
