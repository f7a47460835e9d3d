//! The surface for a terminal: the whole conversation as lines in a buffer, of which only what changed is drawn again.
//!
//! On a change, the first line that differs decides. If it is still on the screen, the cursor goes up to it, the screen is cleared from there, and the rest
//! is printed again. If it has scrolled away, the card is printed anew at the end, and the lines up there stay what they were.
//!
//! **Invariant:** after each paint the cursor is in the prompt's row, which is the row below the last line.

use std::io::Write;

use super::log::{Said, Shown};
use super::surface::{Scene, Surface, file_line};
use super::text::{Ink, Row, clean, columns, rows};

/// How many lines the buffer keeps; what is older is on the terminal only.
const LINES_MAX: usize = 4_000;

/// The narrowest width in columns at which threads are indented.
const INDENT_FROM: usize = 16;

/// The size of a terminal that does not tell its size.
pub const SIZE_DEFAULT: (u16, u16) = (80, 24);

/// The row at the bottom, where a person types.
#[derive(Debug, Clone, Default, PartialEq, Eq)]
pub struct Prompt {
    /// Whose turn it is; empty shows an empty row.
    pub label: String,
    /// What is typed.
    pub text: Vec<char>,
    /// Where in it the cursor is.
    pub at: usize,
}

/// Lines that belong together: a message, or a card with its thread.
struct Block {
    /// The card's id, as long as the block is where the card is shown.
    card: Option<String>,
    /// Whether it is a card, shown here or not any more.
    bar: bool,
    body: Vec<Row>,
    thread: Vec<Row>,
    /// As they were drawn last.
    lines: Vec<String>,
}

/// How the lines of a block are drawn.
#[derive(Clone, Copy)]
struct Look {
    width: usize,
    colours: bool,
    bar: bool,
}

/// Draws the conversation.
pub struct Painter {
    out: Box<dyn Write + Send>,
    colours: bool,
    columns: usize,
    height: usize,
    blocks: Vec<Block>,
    prompt: Prompt,
    /// How many of the last lines are on the screen. Fewer than fit after a card has become shorter: what scrolled away does not come back.
    visible: usize,
    /// While it is held, changes are collected and nothing is drawn.
    held: bool,
}

impl Painter {
    /// Draws to `out`, a terminal of that many columns and rows.
    pub fn new(out: Box<dyn Write + Send>, colours: bool, size: (u16, u16)) -> Self {
        let mut painter = Self {
            out,
            colours,
            columns: 0,
            height: 0,
            blocks: Vec::new(),
            prompt: Prompt::default(),
            visible: 0,
            held: false,
        };
        painter.set_size(size);
        painter
    }

    fn set_size(&mut self, (columns, rows): (u16, u16)) {
        let columns = if columns == 0 { SIZE_DEFAULT.0 } else { columns };
        let rows = if rows == 0 { SIZE_DEFAULT.1 } else { rows };
        self.columns = usize::from(columns);
        self.height = usize::from(rows);
    }

    /// Shows another prompt.
    pub fn prompt(&mut self, prompt: Prompt) {
        self.prompt = prompt;
        self.repaint(0, &[]);
    }

    /// Draws everything again for another size.
    pub fn resize(&mut self, size: (u16, u16)) {
        self.set_size(size);
        let look = self.look(false);
        for block in &mut self.blocks {
            block.lines = drawn(&block.body, &block.thread, Look { bar: block.bar, ..look });
        }
        let lines: Vec<String> = self.blocks.iter().flat_map(|b| &b.lines).cloned().collect();
        self.visible = lines.len().min(self.height.saturating_sub(1));
        let on_screen = joined(&lines[lines.len() - self.visible..]);
        self.write(&format!("\u{1b}[H\u{1b}[2J{on_screen}{}", self.prompt_row()));
    }

    /// Shows what was said before, without drawing in between.
    pub fn restore(&mut self, conversation: &[Said]) {
        self.held = true;
        for said in conversation {
            match (&said.card, &said.edits) {
                (Some(shown), Some(card)) => self.edit(card, shown),
                (Some(shown), None) => self.card(&said.id, shown),
                (None, _) => self.kaas(said, plain_rows(&said.text, Ink::Plain), None),
            }
        }
        self.held = false;
        let lines: Vec<String> = self.blocks.iter().flat_map(|b| &b.lines).cloned().collect();
        self.repaint(0, &lines);
    }

    /// Leaves the prompt's row for good: what is written next begins on a row of its own.
    pub fn leave(&mut self) {
        self.prompt(Prompt::default());
    }

    /// One column stays free, so that no terminal wraps by itself.
    fn width(&self) -> usize {
        self.columns.saturating_sub(1).max(2)
    }

    fn look(&self, bar: bool) -> Look {
        Look { width: self.width(), colours: self.colours, bar }
    }

    fn total(&self) -> usize {
        self.blocks.iter().map(|b| b.lines.len()).sum()
    }

    fn push(&mut self, card: Option<String>, body: Vec<Row>, thread: Vec<Row>) {
        let bar = card.is_some();
        let lines = drawn(&body, &thread, self.look(bar));
        self.blocks.push(Block { card, bar, body, thread, lines: lines.clone() });
        self.repaint(0, &lines);
        let mut spare = self.total().saturating_sub(LINES_MAX);
        while self.blocks.first().is_some_and(|b| b.lines.len() <= spare) {
            spare -= self.blocks.remove(0).lines.len();
        }
    }

    fn card(&mut self, id: &str, shown: &Shown) {
        self.push(Some(id.to_owned()), card_rows(shown), Vec::new());
    }

    fn edit(&mut self, id: &str, shown: &Shown) {
        let body = card_rows(shown);
        match self.blocks.iter().position(|b| b.card.as_deref() == Some(id)) {
            Some(nth) => self.alter(nth, |block| block.body = body.clone(), |_| (body.clone(), Vec::new())),
            None => self.push(Some(id.to_owned()), body, Vec::new()),
        }
    }

    fn kaas(&mut self, said: &Said, mut message: Vec<Row>, kept: Option<&std::path::Path>) {
        let private = said.to.strip_prefix('@').map(clean);
        if let Some(name) = &said.file {
            message.push(Row::of(Ink::Dim, &file_line(name, kept.filter(|_| private.is_some()))));
        }
        if let Some(name) = private {
            let lead = Row::of(Ink::Name, "kaas").with(Ink::Dim, &format!(" (only {name}) "));
            return self.push(None, behind(message, &lead, &Row::of(Ink::Plain, "     ")), Vec::new());
        }
        match self.blocks.iter().position(|b| b.card.is_some() && b.card == said.thread) {
            Some(nth) => self.alter(
                nth,
                |block| block.thread.extend(message.clone()),
                |block| (block.body.clone(), message.clone()),
            ),
            None => self.push(
                None,
                behind(message, &Row::of(Ink::Name, "kaas "), &Row::of(Ink::Plain, "     ")),
                Vec::new(),
            ),
        }
    }

    /// Alters a block in place where its first changed line is still on the screen; otherwise shows it anew below, made of what `anew` says.
    fn alter(
        &mut self,
        nth: usize,
        change: impl FnOnce(&mut Block),
        anew: impl FnOnce(&Block) -> (Vec<Row>, Vec<Row>),
    ) {
        let (look, total) = (self.look(true), self.total());
        let start: usize = self.blocks[..nth].iter().map(|b| b.lines.len()).sum();
        let block = &mut self.blocks[nth];
        let (body, thread) = (block.body.clone(), block.thread.clone());
        change(block);
        let lines = drawn(&block.body, &block.thread, look);
        let same = lines.iter().zip(&block.lines).take_while(|(new, old)| new == old).count();
        if same == lines.len() && same == block.lines.len() {
            return;
        }
        let from = start + same;
        if self.held || total - from <= self.visible {
            block.lines = lines;
            let rest: Vec<String> = self.blocks.iter().flat_map(|b| &b.lines).skip(from).cloned().collect();
            return self.repaint(total - from, &rest);
        }
        let (new_body, new_thread) = anew(block);
        (block.body, block.thread) = (body, thread);
        let card = block.card.take();
        self.push(card, new_body, new_thread);
    }

    /// Goes `up` lines, clears the rest of the screen, and writes lines and prompt.
    fn repaint(&mut self, up: usize, lines: &[String]) {
        if self.held {
            return;
        }
        self.visible = (self.visible.saturating_sub(up) + lines.len()).min(self.height.saturating_sub(1));
        let up = if up == 0 { String::new() } else { format!("\u{1b}[{up}A") };
        self.write(&format!("\u{1b}[?25l\r{up}\u{1b}[J{}{}\u{1b}[?25h", joined(lines), self.prompt_row()));
    }

    /// The prompt's row, with the cursor where the person types; a text that is too long is shown around the cursor.
    fn prompt_row(&self) -> String {
        if self.prompt.label.is_empty() {
            return String::new();
        }
        let label = clean(&format!("{}> ", self.prompt.label)).replace('\n', " ");
        let shown: Vec<String> = self.prompt.text.iter().map(|c| clean(&c.to_string()).replace('\n', " ")).collect();
        let room = self.width().saturating_sub(columns(&label) + 1);
        let at = self.prompt.at.min(shown.len());
        let wide = |range: &[String]| range.iter().map(|c| columns(c)).sum::<usize>();
        let mut first = 0;
        while first < at && wide(&shown[first..at]) > room {
            first += 1;
        }
        let mut end = at;
        while end < shown.len() && wide(&shown[first..=end]) <= room {
            end += 1;
        }
        let label_columns = columns(&label).min(self.width());
        let label =
            Row::of(Ink::Name, &label).wrap(self.width()).first().map(|r| r.ansi(self.colours)).unwrap_or_default();
        // A label that ends in a space loses it in the wrap; the cursor is set by column, which does not care.
        let cursor = label_columns + wide(&shown[first..at]);
        format!("{label}\u{1b}[{}G{}\u{1b}[{}G", label_columns + 1, shown[first..end].concat(), cursor + 1)
    }

    fn write(&mut self, text: &str) {
        // A terminal that went away is noticed by whoever reads from it.
        let _ = self.out.write_all(text.as_bytes()).and_then(|()| self.out.flush());
    }
}

impl Surface for Painter {
    fn show(&mut self, scene: &Scene<'_>) {
        match scene {
            Scene::Person { said } => {
                let lead = Row::of(Ink::Name, &said.from).with(Ink::Dim, "> ");
                self.push(
                    None,
                    behind(plain_rows(&said.text, Ink::Plain), &lead, &Row::of(Ink::Plain, "  ")),
                    Vec::new(),
                );
            }
            Scene::Card { said, shown } => self.card(&said.id, shown),
            Scene::Edit { card, shown, .. } => self.edit(card, shown),
            Scene::Kaas { said, message, kept } => self.kaas(said, rows(message), *kept),
            Scene::Narration(text) => {
                let lead = Row::of(Ink::Dim, "— ");
                let mut lines = vec![Row::default()];
                lines.extend(behind(plain_rows(text, Ink::Dim), &lead, &Row::of(Ink::Plain, "  ")));
                self.push(None, lines, Vec::new());
            }
            Scene::Note(text) => self.push(None, plain_rows(text, Ink::Dim), Vec::new()),
            Scene::Typing { name, text } => {
                let text: Vec<char> = text.chars().collect();
                self.prompt(Prompt { label: (*name).to_owned(), at: text.len(), text });
            }
        }
    }
}

fn plain_rows(text: &str, ink: Ink) -> Vec<Row> {
    text.split('\n').map(|line| Row::of(ink, line)).collect()
}

fn behind(rows: Vec<Row>, first: &Row, other: &Row) -> Vec<Row> {
    let lead = |nth| if nth == 0 { first } else { other };
    rows.into_iter().enumerate().map(|(nth, row)| row.behind(lead(nth).clone())).collect()
}

/// A card's first line stands out.
fn card_rows(shown: &Shown) -> Vec<Row> {
    let mut rows = rows(&shown.message);
    if let Some(first) = rows.first_mut() {
        *first = std::mem::take(first).standing_out();
    }
    rows
}

/// The lines of a block: a card behind a bar, and its thread indented under it, where there is room for that.
fn drawn(body: &[Row], thread: &[Row], look: Look) -> Vec<String> {
    let lead = |ink, text: &str| if look.width < INDENT_FROM { Row::default() } else { Row::of(ink, text) };
    let body_lead = if look.bar { lead(Ink::Name, "▌ ") } else { Row::default() };
    let thread_lead = lead(Ink::Dim, "  │ ");
    let indented = |rows: &[Row], lead: Row| -> Vec<String> {
        let room = look.width - columns(&lead.plain());
        let rows = rows.iter().flat_map(|row| row.wrap(room));
        rows.map(|row| row.behind(lead.clone()).ansi(look.colours)).collect()
    };
    let mut lines = indented(body, body_lead);
    lines.extend(indented(thread, thread_lead));
    lines
}

/// Each line, and the way to the next row.
fn joined(lines: &[String]) -> String {
    lines.iter().map(|line| format!("{line}\r\n")).collect()
}

#[cfg(test)]
#[path = "painter_tests.rs"]
mod tests;
