//! Text for a terminal: cleaned of whatever could command it, measured in columns, wrapped, and coloured last of all.
//!
//! **Invariant:** text that came from outside passes [`clean`] before it becomes a [`Piece`]; escape sequences are added by [`Row::ansi`] alone.

use unicode_width::UnicodeWidthChar;

use crate::render::message::{Line, Message, Span};

/// How a piece looks.
#[derive(Debug, Clone, Copy, PartialEq, Eq)]
pub enum Ink {
    /// As the terminal writes by itself.
    Plain,
    /// To stand out.
    Strong,
    /// To be taken literally.
    Code,
    /// Somebody's name.
    Name,
    /// A link.
    Link,
    /// In the background: narration, file names, the lines that hold things together.
    Dim,
    /// A button.
    Button,
    /// The filled part of a progress bar.
    Bar,
}

impl Ink {
    /// The parameters of its SGR sequence; empty where there is none.
    fn sgr(self) -> &'static str {
        match self {
            Self::Plain => "",
            Self::Strong => "1",
            Self::Code => "36",
            Self::Name => "1;34",
            Self::Link => "4;36",
            Self::Dim => "2",
            Self::Button => "1;35",
            Self::Bar => "32",
        }
    }
}

/// A piece of a row, clean.
#[derive(Debug, Clone, PartialEq, Eq)]
pub struct Piece {
    ink: Ink,
    text: String,
}

/// The deepest indentation of what a wrapped row goes on with.
const HANG_MAX: usize = 7;

/// One row of pieces.
#[derive(Debug, Clone, Default, PartialEq, Eq)]
pub struct Row {
    pieces: Vec<Piece>,
    /// How far what it goes on with is indented, where it has to be wrapped.
    hang: usize,
}

impl Row {
    /// A row of one piece.
    pub fn of(ink: Ink, text: &str) -> Self {
        Self::default().with(ink, text)
    }

    /// The same row with another piece at its end; the text is cleaned.
    pub fn with(mut self, ink: Ink, text: &str) -> Self {
        let text = clean(text).replace('\n', " ");
        if !text.is_empty() {
            self.pieces.push(Piece { ink, text });
        }
        self
    }

    /// The same row behind `lead`, under which it goes on where it has to be wrapped.
    pub fn behind(self, lead: Self) -> Self {
        let hang = columns(&lead.plain()).min(HANG_MAX);
        let mut pieces = lead.pieces;
        pieces.extend(self.pieces);
        Self { pieces, hang }
    }

    /// The same row with its plain pieces strong.
    pub fn standing_out(mut self) -> Self {
        for piece in self.pieces.iter_mut().filter(|p| p.ink == Ink::Plain) {
            piece.ink = Ink::Strong;
        }
        self
    }

    /// The words alone.
    pub fn plain(&self) -> String {
        self.pieces.iter().map(|p| p.text.as_str()).collect()
    }

    /// As it goes to the terminal.
    pub fn ansi(&self, colours: bool) -> String {
        let mut out = String::new();
        for piece in &self.pieces {
            let sgr = piece.ink.sgr();
            if colours && !sgr.is_empty() {
                out.push_str(&format!("\u{1b}[{sgr}m{}\u{1b}[0m", piece.text));
            } else {
                out.push_str(&piece.text);
            }
        }
        out
    }

    /// Rows of at most `width` columns, broken at spaces where there are any.
    pub fn wrap(&self, width: usize) -> Vec<Self> {
        let width = width.max(2);
        let hang = if self.hang * 4 > width { 0 } else { self.hang };
        let mut rows = vec![Vec::<(Ink, char)>::new()];
        let mut used = 0;
        for (ink, c) in self.pieces.iter().flat_map(|p| p.text.chars().map(|c| (p.ink, c))) {
            let wide = c.width().unwrap_or(0);
            if used + wide > width {
                let full = rows.last_mut().expect("there is always a row");
                let carried = if c == ' ' { Vec::new() } else { split_last_word(full) };
                used = carried.iter().map(|(_, c)| c.width().unwrap_or(0)).sum();
                let hang = if used + wide + hang > width { 0 } else { hang };
                used += hang;
                let mut next = vec![(Ink::Plain, ' '); hang];
                next.extend(carried);
                rows.push(next);
                if c == ' ' {
                    continue;
                }
            }
            used += wide;
            rows.last_mut().expect("there is always a row").push((ink, c));
        }
        rows.into_iter().map(gather).collect()
    }
}

/// Takes the last word, which goes on, and the space before it; nothing where the row is one word, indented or not.
fn split_last_word(row: &mut Vec<(Ink, char)>) -> Vec<(Ink, char)> {
    match row.iter().rposition(|(_, c)| *c == ' ') {
        Some(at) if row[..at].iter().any(|(_, c)| *c != ' ') => {
            let word = row.split_off(at + 1);
            row.truncate(at);
            word
        }
        _ => Vec::new(),
    }
}

fn gather(cells: Vec<(Ink, char)>) -> Row {
    let mut pieces: Vec<Piece> = Vec::new();
    for (ink, c) in cells {
        match pieces.last_mut() {
            Some(last) if last.ink == ink => last.text.push(c),
            _ => pieces.push(Piece { ink, text: c.to_string() }),
        }
    }
    Row { pieces, hang: 0 }
}

/// How many columns a text takes.
pub fn columns(text: &str) -> usize {
    text.chars().map(|c| c.width().unwrap_or(0)).sum()
}

/// Without anything that a terminal would obey: control characters (escape among them) become `\u{fffd}`, tabs a space, and characters that turn the
/// direction of writing are left out. Line feeds stay.
pub fn clean(text: &str) -> String {
    text.chars()
        .filter_map(|c| match c {
            '\n' => Some('\n'),
            '\t' => Some(' '),
            '\r' | '\u{200e}' | '\u{200f}' | '\u{202a}'..='\u{202e}' | '\u{2066}'..='\u{2069}' | '\u{feff}' => None,
            '\u{2028}' | '\u{2029}' => Some(' '),
            c if c.is_control() => Some('\u{fffd}'),
            c => Some(c),
        })
        .collect()
}

/// The rows of a message: its lines and, where there are any, its buttons.
pub fn rows(message: &Message) -> Vec<Row> {
    let mut rows: Vec<Row> = message.lines.iter().flat_map(line_rows).collect();
    if !message.buttons.is_empty() {
        let buttons = message.buttons.iter().enumerate().fold(Row::default(), |row, (nth, button)| {
            let gap = if nth == 0 { "" } else { " " };
            row.with(Ink::Plain, gap).with(Ink::Button, &format!("[ {} ]", button.label))
        });
        rows.push(buttons);
    }
    rows
}

fn line_rows(line: &Line) -> Vec<Row> {
    let mut rows = vec![Row::default()];
    for span in &line.spans {
        let text = span.plain();
        for (nth, part) in text.split('\n').enumerate() {
            if nth > 0 {
                rows.push(Row::default());
            }
            let row = rows.pop().expect("there is always a row");
            rows.push(match span {
                Span::Text(_) => with_bars(row, part),
                Span::Strong(_) => row.with(Ink::Strong, part),
                Span::Code(_) => row.with(Ink::Code, part),
                Span::Mention(_) => row.with(Ink::Name, part),
                Span::Link { .. } => row.with(Ink::Link, part),
            });
        }
    }
    rows
}

/// Text in which a progress bar is inked as one.
fn with_bars(mut row: Row, text: &str) -> Row {
    let is_bar = |c: char| matches!(c, '▓' | '█');
    let mut rest = text;
    while let Some(first) = rest.chars().next() {
        let bar = is_bar(first);
        let end = rest.find(|c| is_bar(c) != bar).unwrap_or(rest.len());
        let (run, after) = rest.split_at(end);
        row = row.with(if bar { Ink::Bar } else { Ink::Plain }, run);
        rest = after;
    }
    row
}

#[cfg(test)]
mod tests {
    use proptest::prelude::*;

    use super::*;

    fn wrapped(text: &str, width: usize) -> Vec<String> {
        Row::of(Ink::Plain, text).wrap(width).iter().map(Row::plain).collect()
    }

    #[test]
    fn wraps_at_spaces_and_by_columns() {
        assert_eq!(wrapped("one two three", 7), ["one two", "three"]);
        assert_eq!(wrapped("one two three", 8), ["one two", "three"]);
        assert_eq!(wrapped("abcdefgh", 3), ["abc", "def", "gh"]);
        assert_eq!(wrapped("日本語日本語", 5), ["日本", "語日", "本語"]);
        assert_eq!(wrapped("    indented", 6), ["    in", "dented"]);
        assert_eq!(wrapped("", 5), [""]);
        let behind = Row::of(Ink::Plain, "one two three four five").behind(Row::of(Ink::Name, "bob> "));
        let rows: Vec<String> = behind.wrap(20).iter().map(Row::plain).collect();
        assert_eq!(rows, ["bob> one two three", "     four five"]);
    }

    #[test]
    fn nothing_that_a_terminal_obeys_is_left() {
        assert_eq!(clean("a\u{1b}[2Jb\u{7}\u{9b}c\td\r\u{202e}e\u{7f}"), "a\u{fffd}[2Jb\u{fffd}\u{fffd}c de\u{fffd}");
        assert_eq!(clean("grüße 👍🏽 日本\n"), "grüße 👍🏽 日本\n");
    }

    #[test]
    fn colours_only_when_asked_for() {
        let row = Row::of(Ink::Plain, "size ").with(Ink::Strong, "small");
        assert_eq!(row.ansi(false), "size small");
        assert_eq!(row.ansi(true), "size \u{1b}[1msmall\u{1b}[0m");
    }

    #[test]
    fn a_bar_is_inked() {
        let row = with_bars(Row::default(), "applying ▓▓░░ 2 of 4");
        assert_eq!(row.ansi(true), "applying \u{1b}[32m▓▓\u{1b}[0m░░ 2 of 4");
    }

    proptest! {
        #[test]
        fn no_row_is_too_wide_and_no_word_is_lost(text in "(?s).{0,60}", lead in " {0,9}", width in 2usize..30) {
            let row = Row::of(Ink::Plain, &text).behind(Row::of(Ink::Plain, &lead));
            let rows = row.wrap(width);
            prop_assert!(rows.iter().all(|r| columns(&r.plain()) <= width));
            let squeeze = |s: String| s.chars().filter(|c| *c != ' ').collect::<String>();
            prop_assert_eq!(squeeze(rows.iter().map(Row::plain).collect()), squeeze(row.plain()));
        }

        #[test]
        fn no_control_character_reaches_the_terminal(text in "(?s).{0,60}") {
            let out = Row::of(Ink::Plain, &text).ansi(false);
            prop_assert!(!out.chars().any(char::is_control));
        }
    }
}
