//! The painter against a small virtual screen, which obeys exactly the sequences that the painter is meant to write and panics at any other.

use std::sync::{Arc, Mutex};

use proptest::prelude::*;
use unicode_width::UnicodeWidthChar as _;

use super::*;
use crate::chat::terminal::fake::{card_of, said_by};
use crate::render::message::Message;

/// A terminal: what scrolled away, the rows on the screen, and the cursor.
struct Screen {
    columns: usize,
    height: usize,
    gone: Vec<String>,
    rows: Vec<Vec<char>>,
    row: usize,
    column: usize,
    hidden: bool,
}

/// The second column of a wide character.
const WIDE: char = '\0';

impl Screen {
    fn new(columns: usize, height: usize) -> Self {
        let rows = vec![Vec::new(); height];
        Self { columns, height, gone: Vec::new(), rows, row: 0, column: 0, hidden: false }
    }

    fn obey(&mut self, text: &str) {
        let mut chars = text.chars();
        while let Some(c) = chars.next() {
            match c {
                '\r' => self.column = 0,
                '\n' if self.row + 1 < self.height => self.row += 1,
                '\n' => {
                    let first = self.rows.remove(0);
                    self.gone.push(words(&first));
                    self.rows.push(Vec::new());
                }
                '\u{1b}' => {
                    assert_eq!(chars.next(), Some('['), "only CSI sequences are written");
                    let mut parameters = String::new();
                    let end = loop {
                        match chars.next().expect("a whole sequence") {
                            c @ ('0'..='9' | ';' | '?') => parameters.push(c),
                            c => break c,
                        }
                    };
                    self.sequence(&parameters, end);
                }
                c => {
                    assert!(!c.is_control(), "a control character was written: {c:?}");
                    self.put(c);
                }
            }
        }
    }

    fn sequence(&mut self, parameters: &str, end: char) {
        let number = || parameters.parse::<usize>().expect("one number");
        match (parameters, end) {
            ("", 'H') => (self.row, self.column) = (0, 0),
            ("2", 'J') => self.rows = vec![Vec::new(); self.height],
            ("", 'J') => {
                let column = self.column;
                self.rows[self.row].truncate(column);
                self.rows.iter_mut().skip(self.row + 1).for_each(Vec::clear);
            }
            (_, 'A') => {
                assert!(number() <= self.row, "the cursor would have to leave the screen");
                self.row -= number();
            }
            (_, 'G') => self.column = number() - 1,
            ("?25", 'l' | 'h') => self.hidden = end == 'l',
            (_, 'm') => {}
            other => panic!("the painter does not write {other:?}"),
        }
    }

    fn put(&mut self, c: char) {
        let wide = c.width().unwrap_or(0);
        let row = &mut self.rows[self.row];
        if wide == 0 {
            return;
        }
        assert!(self.column + wide < self.columns, "{c:?} at column {} of {}", self.column, self.columns);
        row.resize(row.len().max(self.column + wide), ' ');
        row[self.column] = c;
        row[self.column + 1..self.column + wide].fill(WIDE);
        self.column += wide;
    }

    fn lines(&self) -> Vec<String> {
        self.rows[..=self.row].iter().map(|row| words(row)).collect()
    }
}

fn words(row: &[char]) -> String {
    row.iter().filter(|c| **c != WIDE).collect::<String>().trim_end().to_owned()
}

/// A painter and the screen that it paints on.
struct Pair {
    painter: Painter,
    screen: Screen,
    written: Arc<Mutex<Vec<u8>>>,
}

struct Tube(Arc<Mutex<Vec<u8>>>);

impl Write for Tube {
    fn write(&mut self, bytes: &[u8]) -> std::io::Result<usize> {
        self.0.lock().expect("unpoisoned").extend_from_slice(bytes);
        Ok(bytes.len())
    }

    fn flush(&mut self) -> std::io::Result<()> {
        Ok(())
    }
}

impl Pair {
    fn new(columns: u16, height: u16, colours: bool) -> Self {
        let written = Arc::new(Mutex::new(Vec::new()));
        let painter = Painter::new(Box::new(Tube(Arc::clone(&written))), colours, (columns, height));
        Self { painter, screen: Screen::new(columns.into(), height.into()), written }
    }

    fn paint(&mut self, work: impl FnOnce(&mut Painter)) {
        work(&mut self.painter);
        let bytes = std::mem::take(&mut *self.written.lock().expect("unpoisoned"));
        self.screen.obey(&String::from_utf8(bytes).expect("UTF-8"));
        assert!(!self.screen.hidden);
    }

    fn person(&mut self, name: &str, text: &str) {
        let said = said_by(name, text);
        self.paint(|p| p.show(&Scene::Person { said: &said }));
    }

    fn card(&mut self, id: &str, text: &str) {
        let (mut said, shown) = (said_by("kaas", text), card_of("crucial-sandbox", 1, text, &[]));
        said.id = id.to_owned();
        self.paint(|p| p.show(&Scene::Card { said: &said, shown: &shown }));
    }

    fn edit(&mut self, id: &str, text: &str) {
        let (said, shown) = (said_by("kaas", text), card_of("crucial-sandbox", 1, text, &[]));
        self.paint(|p| p.show(&Scene::Edit { said: &said, card: id, before: &shown, shown: &shown, progress: false }));
    }

    fn post(&mut self, card: &str, text: &str) {
        let mut said = said_by("kaas", text);
        said.thread = Some(card.to_owned());
        let message = Message::text(text);
        self.paint(|p| p.show(&Scene::Kaas { said: &said, message: &message, kept: None }));
    }

    fn prompt(&mut self, label: &str, text: &str, at: usize) {
        let prompt = Prompt { label: label.to_owned(), text: text.chars().collect(), at };
        self.paint(|p| p.prompt(prompt));
    }

    fn buffer(&self) -> Vec<String> {
        let lines = self.painter.blocks.iter().flat_map(|b| &b.lines);
        lines.map(|l| l.chars().filter(|c| c.width() != Some(0)).collect::<String>().trim_end().to_owned()).collect()
    }
}

#[test]
fn a_card_is_redrawn_in_place_and_its_thread_hangs_under_it() {
    let mut pair = Pair::new(40, 12, true);
    pair.person("alice", "/kaas request crucial-sandbox");
    pair.card("c1", "crucial-sandbox · planning\nsmall: 1 + 3 nodes");
    pair.person("erin", "morning");
    pair.prompt("alice", "+1", 1);
    pair.edit("c1", "crucial-sandbox · waiting for 2 approvals\nsmall: 1 + 3 nodes\nVotes none");
    pair.post("c1", "the plan is here");
    pair.edit("c1", "crucial-sandbox · ready\nsmall: 1 + 3 nodes");
    assert_eq!(
        pair.screen.lines(),
        [
            "alice> /kaas request crucial-sandbox",
            "▌ crucial-sandbox · ready",
            "▌ small: 1 + 3 nodes",
            "  │ the plan is here",
            "erin> morning",
            "alice> +1",
        ]
    );
    assert_eq!(pair.screen.column, "alice> +".len());
    assert!(pair.screen.gone.is_empty());
}

#[test]
fn a_card_that_scrolled_away_is_printed_anew_once() {
    let mut pair = Pair::new(40, 6, false);
    pair.card("c1", "crucial-sandbox · planning");
    (0..6).for_each(|n| pair.person("erin", &format!("line {n}")));
    pair.prompt("alice", "", 0);
    pair.edit("c1", "crucial-sandbox · applying 1 of 7");
    pair.edit("c1", "crucial-sandbox · applying 2 of 7");
    pair.post("c1", "approved");
    assert_eq!(pair.screen.gone, ["▌ crucial-sandbox · planning", "erin> line 0", "erin> line 1", "erin> line 2"]);
    assert_eq!(
        pair.screen.lines(),
        [
            "erin> line 3",
            "erin> line 4",
            "erin> line 5",
            "▌ crucial-sandbox · applying 2 of 7",
            "  │ approved",
            "alice>"
        ]
    );
}

#[test]
fn long_lines_keep_the_width_and_a_long_input_shows_its_cursor() {
    let mut pair = Pair::new(20, 10, true);
    pair.card("c1", "crucial-sandbox · waiting for 2 approvals");
    pair.post("c1", "日本語日本語日本語日本語");
    pair.prompt("alice", "/kaas request crucial-sandbox", 29);
    assert_eq!(
        pair.screen.lines(),
        [
            "▌ crucial-sandbox ·",
            "▌ waiting for 2",
            "▌ approvals",
            "  │ 日本語日本語日",
            "  │ 本語日本語",
            "alice> ial-sandbox",
        ]
    );
    assert_eq!(pair.screen.column, 18);
    pair.prompt("alice", "/kaas request crucial-sandbox", 0);
    assert_eq!(pair.screen.lines().last().map(String::as_str), Some("alice> /kaas reque"));
    assert_eq!(pair.screen.column, 7);
}

#[test]
fn what_was_said_before_is_shown_again() {
    let mut pair = Pair::new(60, 10, false);
    let shown = |text| card_of("crucial-sandbox", 1, text, &[]);
    let mut card = said_by("kaas", "planning");
    card.card = Some(shown("planning"));
    let mut post = said_by("kaas", "the plan is here");
    (post.thread, post.file) = (Some(card.id.clone()), Some("plan.txt".to_owned()));
    let mut edit = said_by("kaas", "ready");
    (edit.edits, edit.card) = (Some(card.id.clone()), Some(shown("ready")));
    pair.paint(|p| p.restore(&[card, post, edit]));
    assert_eq!(pair.screen.lines(), ["▌ ready", "  │ the plan is here", "  │ [plan.txt]", ""]);
}

#[test]
fn other_peoples_text_commands_nothing() {
    let evil = "hi\u{1b}[2J\u{1b}]0;title\u{7}\u{9b}31m\rcaught\u{202e}";
    let mut pair = Pair::new(60, 10, true);
    pair.person("mallory\u{1b}[1m", evil);
    pair.card("c1", evil);
    pair.post("c1", evil);
    pair.prompt("mal\u{1b}[5m", evil, 3);
    pair.paint(|p| p.show(&Scene::Note(evil)));
    pair.paint(|p| p.show(&Scene::Narration(evil)));
    pair.paint(|p| p.show(&Scene::Typing { name: "m", text: evil }));
    assert_eq!(pair.screen.lines()[0], "mallory\u{fffd}[1m> hi\u{fffd}[2J\u{fffd}]0;title\u{fffd}\u{fffd}31mcaught");
}

#[derive(Debug, Clone)]
enum Step {
    Person(String),
    Card(u8, u8),
    Edit(u8, u8, String),
    Post(u8, String),
    Prompt(String, usize),
    Resize(u16, u16),
}

fn steps(resizes: bool) -> impl Strategy<Value = Vec<Step>> {
    let text = || "[a-z日 ]{0,40}";
    let step = prop_oneof![
        text().prop_map(Step::Person),
        (0u8..3, 1u8..5).prop_map(|(card, lines)| Step::Card(card, lines)),
        (0u8..3, 1u8..5, text()).prop_map(|(card, lines, text)| Step::Edit(card, lines, text)),
        (0u8..3, text()).prop_map(|(card, text)| Step::Post(card, text)),
        (text(), 0usize..40).prop_map(|(text, at)| Step::Prompt(text, at)),
        (4u16..40, 1u16..12).prop_map(|(columns, rows)| Step::Resize(columns, rows)),
    ];
    let wanted = move |step: &Step| resizes || !matches!(step, Step::Resize(..));
    proptest::collection::vec(step.prop_filter("resizes are tried apart", wanted), 0..40)
}

fn take(pair: &mut Pair, step: Step) {
    let body = |lines: u8, text: &str| (0..lines).map(|n| format!("{n} {text}")).collect::<Vec<_>>().join("\n");
    match step {
        Step::Person(text) => pair.person("bob", &text),
        Step::Card(card, lines) => pair.card(&format!("c{card}"), &body(lines, "new")),
        Step::Edit(card, lines, text) => pair.edit(&format!("c{card}"), &body(lines, &text)),
        Step::Post(card, text) => pair.post(&format!("c{card}"), &text),
        Step::Prompt(text, at) => pair.prompt("bob", &text, at),
        Step::Resize(columns, rows) => {
            pair.screen = Screen::new(columns.into(), rows.into());
            pair.paint(|p| p.resize((columns, rows)));
        }
    }
}

proptest! {
    #![proptest_config(ProptestConfig::with_cases(80))]

    /// What scrolled away and what is on the screen are, together, exactly the buffer: nothing is overwritten, lost or doubled.
    #[test]
    fn the_terminal_holds_exactly_the_buffer(height in 1u16..14, columns in 8u16..50, steps in steps(false)) {
        let mut pair = Pair::new(columns, height, false);
        for step in steps {
            take(&mut pair, step);
            let mut there = pair.screen.gone.clone();
            there.extend(pair.screen.lines());
            there.pop();
            prop_assert_eq!(there, pair.buffer());
        }
    }

    /// After any resize the screen shows the end of the buffer, and the painter knows how much of it.
    #[test]
    fn a_resized_screen_shows_the_end_of_the_buffer(steps in steps(true)) {
        let mut pair = Pair::new(30, 10, false);
        for step in steps {
            take(&mut pair, step);
            let mut lines = pair.screen.lines();
            lines.pop();
            let buffer = pair.buffer();
            let visible = pair.painter.visible;
            prop_assert!(visible <= lines.len());
            prop_assert_eq!(&lines[lines.len() - visible..], &buffer[buffer.len() - visible..]);
        }
    }
}
