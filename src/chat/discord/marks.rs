//! Text in Discord's Markdown: what came from outside is shown as it is, whatever it holds.
//!
//! A backslash before any sign that could begin a format, a mention, a link or an emoji shows that sign alone. What means something only where a line
//! starts is looked for there. `@everyone` and `@here` are broken by a space of no width besides, because Discord looks for them before it reads Markdown.

use crate::lifecycle::form::is_invisible;

/// A space of no width: it breaks what would otherwise be read as one.
const BREAK: char = '\u{200b}';
/// The longest piece that is drawn as one, in Discord's characters.
const PIECE_MAX: usize = 900;
/// The longest address of a link, and the longest text of one.
const URL_MAX: usize = 780;
const LINK_MAX: usize = 120;

/// How long Discord takes a text to be: it counts what stands outside the basic plane twice, at the most.
pub(super) fn long(text: &str) -> usize {
    text.encode_utf16().count()
}

/// A text of at most so many characters and of at least one, for places that take no Markdown: names, labels, footers.
pub(super) fn cut(text: &str, most: usize) -> String {
    let text = seen(text);
    let text = if text.trim().is_empty() { "–" } else { text.trim() };
    if long(text) <= most {
        return text.to_owned();
    }
    let (mut out, mut left) = (String::new(), most.saturating_sub(1));
    for c in text.chars() {
        match left.checked_sub(c.len_utf16()) {
            Some(rest) => left = rest,
            None => break,
        }
        out.push(c);
    }
    out.push('…');
    out
}

/// A text that shows as it is, in pieces that may stand alone.
pub(super) fn literal(text: &str) -> Vec<String> {
    joined(atoms(text))
}

/// A text that stands out, in pieces that may stand alone.
pub(super) fn strong(text: &str) -> Vec<String> {
    // Marks beside a space are no marks.
    let inside = text.trim();
    if inside.is_empty() {
        return literal(text);
    }
    let (before, after) = (&text[..text.len() - text.trim_start().len()], &text[text.trim_end().len()..]);
    let mut pieces: Vec<String> = joined(atoms(inside)).into_iter().map(|piece| bold(&piece)).collect();
    if let Some(first) = pieces.first_mut() {
        *first = format!("{}{first}", seen(before));
    }
    if let Some(last) = pieces.last_mut() {
        last.push_str(&seen(after));
    }
    pieces
}

fn bold(piece: &str) -> String {
    // A piece of a long text may begin or end with a space.
    let inside = piece.trim_matches(' ');
    if inside.is_empty() {
        return piece.to_owned();
    }
    let (before, after) = (piece.len() - piece.trim_start_matches(' ').len(), piece.trim_end_matches(' ').len());
    format!("{}**{inside}**{}", &piece[..before], &piece[after..])
}

/// A text taken literally within a line, in pieces that may stand alone.
pub(super) fn code(text: &str) -> Vec<String> {
    let unbroken = unbroken(&seen(text));
    chunks(&unbroken).into_iter().map(|part| inline(&part)).collect()
}

fn inline(text: &str) -> String {
    if text.trim().is_empty() {
        return text.to_owned();
    }
    if !text.contains('`') {
        return format!("`{text}`");
    }
    // Between double marks a single one is a character; no two of them stand side by side, and none touches the marks.
    format!("`` {text} ``")
}

/// A row of a block of code, in as many rows as it takes.
pub(super) fn row(text: &str) -> Vec<String> {
    chunks(&unbroken(&seen(text)))
}

/// Rows as a block of code.
pub(super) fn fence(rows: &[String]) -> String {
    format!("```\n{}\n```", rows.join("\n"))
}

/// What a block of code adds to its rows.
pub(super) const FENCE: usize = 8;

/// A link, where it leads to the web and fits.
pub(super) fn link(text: &str, url: &str) -> Option<String> {
    let web = url.starts_with("https://") || url.starts_with("http://");
    let breaks = |c: char| c.is_whitespace() || c.is_control() || is_invisible(c);
    if !web || url.contains(breaks) {
        return None;
    }
    let url = address(url);
    if long(&url) > URL_MAX {
        return None;
    }
    let shown = seen(text);
    // Discord makes no link of an address that stands for another one.
    if shown.trim().is_empty() || shown.contains("://") || shown.to_lowercase().contains("www.") {
        return (address(&shown) == url).then(|| format!("<{url}>"));
    }
    let shown: String = atoms(&shown).into_iter().collect();
    (long(&shown) <= LINK_MAX).then(|| format!("[{}](<{url}>)", shown.trim()))
}

/// An address that ends where it should.
fn address(url: &str) -> String {
    let encoded = |c: char| match c {
        '<' | '>' | '(' | ')' | '[' | ']' | '\\' | '"' | '`' | '|' | '*' | '@' => format!("%{:02X}", u32::from(c)),
        c => c.to_string(),
    };
    url.chars().map(encoded).collect()
}

/// Takes from a drawn line what would mean something because a line starts with it: headings, lists, quotes.
pub(super) fn guarded(line: &str) -> String {
    let rest = line.trim_start();
    let spaces = &line[..line.len() - rest.len()];
    let digits = rest.len() - rest.trim_start_matches(|c: char| c.is_ascii_digit()).len();
    if rest.starts_with(['#', '>', '-', '+']) {
        return format!("{spaces}\\{rest}");
    }
    match rest[digits..].chars().next() {
        Some('.' | ')') if digits > 0 => format!("{spaces}{}\\{}", &rest[..digits], &rest[digits..]),
        _ => line.to_owned(),
    }
}

/// A text without what cannot be seen; what breaks lines becomes a space.
pub(super) fn seen(text: &str) -> String {
    let seen = |c: char| match c {
        '\u{2028}' | '\u{2029}' => Some(' '),
        c if is_invisible(c) => None,
        c if c.is_control() => Some(' '),
        c => Some(c),
    };
    text.chars().filter_map(seen).collect()
}

/// The characters of a text, each with what makes it mean nothing but itself.
fn atoms(text: &str) -> Vec<String> {
    let chars: Vec<char> = seen(text).chars().collect();
    let is_dark = |at: Option<usize>| at.and_then(|at| chars.get(at)).is_some_and(|c| !c.is_whitespace());
    let mut out = Vec::with_capacity(chars.len());
    for (at, c) in chars.iter().copied().enumerate() {
        let (before, after) = (is_dark(at.checked_sub(1)), is_dark(Some(at + 1)));
        out.push(match c {
            '@' if calls(&chars[at + 1..]) => format!("\\@{BREAK}"),
            '\\' | '`' | '*' | '_' | '~' | '|' | '<' | '[' | ']' | '@' => format!("\\{c}"),
            // An emoji's name, the start of an address.
            ':' if after => format!("\\{c}"),
            // An invitation is found without its scheme.
            '/' if before && after => format!("\\{c}"),
            c => c.to_string(),
        });
    }
    out
}

/// Whether what follows an `@` calls everybody.
fn calls(rest: &[char]) -> bool {
    let begins = |word: &str| {
        let letters = rest.iter().flat_map(|c| c.to_lowercase());
        letters.take(word.len()).eq(word.chars())
    };
    begins("everyone") || begins("here")
}

/// Code that ends nowhere but at its end, and calls nobody.
fn unbroken(text: &str) -> String {
    let chars: Vec<char> = text.chars().collect();
    let mut out = String::with_capacity(text.len());
    for (at, c) in chars.iter().copied().enumerate() {
        out.push(c);
        let rest = &chars[at + 1..];
        if c == '`' && rest.first() == Some(&'`') || c == '@' && calls(rest) {
            out.push(BREAK);
        }
    }
    out
}

fn joined(atoms: Vec<String>) -> Vec<String> {
    let mut pieces: Vec<String> = Vec::new();
    let mut left = 0;
    for atom in atoms {
        let more = long(&atom);
        match pieces.last_mut().filter(|_| more <= left) {
            Some(piece) => piece.push_str(&atom),
            None => {
                left = PIECE_MAX;
                pieces.push(atom);
            }
        }
        left -= more;
    }
    pieces
}

fn chunks(text: &str) -> Vec<String> {
    joined(text.chars().map(String::from).collect())
}
