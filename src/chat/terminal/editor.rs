//! The line that a person types: keys in, text out. Pure.

use crossterm::event::{KeyCode, KeyEvent, KeyEventKind, KeyModifiers};

/// How many lines are remembered.
const HISTORY_MAX: usize = 500;

/// The longest line, in characters.
const LINE_MAX: usize = 4_000;

/// What a key led to.
#[derive(Debug, Clone, PartialEq, Eq)]
pub enum Typed {
    /// Nothing to see.
    Nothing,
    /// The line, or the place in it, is another one.
    Changed,
    /// The line is finished.
    Line(String),
    /// ctrl-C: the line is given up. The second one in a row, on an empty line, leaves.
    Interrupted,
    /// The person leaves.
    Leave,
}

/// A line being typed, and those before it.
#[derive(Debug, Default)]
pub struct Editor {
    text: Vec<char>,
    at: usize,
    history: Vec<String>,
    /// Which line of the history is shown, and what was typed before.
    recalled: Option<(usize, Vec<char>)>,
    interrupted: bool,
}

impl Editor {
    /// What is typed so far, and where in it the cursor is.
    pub fn line(&self) -> (&[char], usize) {
        (&self.text, self.at)
    }

    /// Takes a key.
    pub fn key(&mut self, key: KeyEvent) -> Typed {
        if key.kind == KeyEventKind::Release {
            return Typed::Nothing;
        }
        let control = key.modifiers.contains(KeyModifiers::CONTROL);
        let again = std::mem::take(&mut self.interrupted);
        match key.code {
            KeyCode::Char('c') if control => {
                if again && self.text.is_empty() {
                    return Typed::Leave;
                }
                self.set(Vec::new());
                self.interrupted = true;
                return Typed::Interrupted;
            }
            KeyCode::Char('d') if control && self.text.is_empty() => return Typed::Leave,
            // A pasted line feed arrives as ctrl-J.
            KeyCode::Enter => return self.finish(),
            KeyCode::Char('j' | 'm') if control => return self.finish(),
            KeyCode::Char('a') if control => self.at = 0,
            KeyCode::Char('e') if control => self.at = self.text.len(),
            KeyCode::Char('b') if control => self.at = self.at.saturating_sub(1),
            KeyCode::Char('f') if control => self.at = (self.at + 1).min(self.text.len()),
            KeyCode::Char('k') if control => self.text.truncate(self.at),
            KeyCode::Char('u') if control => {
                self.text.drain(..self.at);
                self.at = 0;
            }
            KeyCode::Char('w') if control => self.rub_word(),
            KeyCode::Char('h') if control => self.rub(),
            KeyCode::Char('d') if control => self.delete(),
            KeyCode::Char('p') if control => self.older(),
            KeyCode::Char('n') if control => self.newer(),
            KeyCode::Char(c) if !control && !key.modifiers.contains(KeyModifiers::ALT) && !c.is_control() => {
                if self.text.len() >= LINE_MAX {
                    return Typed::Nothing;
                }
                self.text.insert(self.at, c);
                self.at += 1;
            }
            KeyCode::Backspace => self.rub(),
            KeyCode::Delete => self.delete(),
            KeyCode::Left => self.at = self.at.saturating_sub(1),
            KeyCode::Right => self.at = (self.at + 1).min(self.text.len()),
            KeyCode::Home => self.at = 0,
            KeyCode::End => self.at = self.text.len(),
            KeyCode::Up => self.older(),
            KeyCode::Down => self.newer(),
            _ => return Typed::Nothing,
        }
        Typed::Changed
    }

    fn set(&mut self, text: Vec<char>) {
        self.at = text.len();
        self.text = text;
        self.recalled = None;
    }

    fn finish(&mut self) -> Typed {
        let line: String = self.text.iter().collect();
        self.set(Vec::new());
        if !line.trim().is_empty() && self.history.last() != Some(&line) {
            self.history.push(line.clone());
            if self.history.len() > HISTORY_MAX {
                self.history.remove(0);
            }
        }
        Typed::Line(line)
    }

    fn rub(&mut self) {
        if self.at > 0 {
            self.at -= 1;
            self.text.remove(self.at);
        }
    }

    fn delete(&mut self) {
        if self.at < self.text.len() {
            self.text.remove(self.at);
        }
    }

    fn rub_word(&mut self) {
        let is_space = |c: &char| c.is_whitespace();
        let before = &self.text[..self.at];
        let word_end = before.iter().rposition(|c| !is_space(c)).map_or(0, |p| p + 1);
        let start = before[..word_end].iter().rposition(is_space).map_or(0, |p| p + 1);
        self.text.drain(start..self.at);
        self.at = start;
    }

    fn older(&mut self) {
        let (next, typed) = match self.recalled.take() {
            Some((0, typed)) => (0, typed),
            Some((nth, typed)) => (nth - 1, typed),
            None if self.history.is_empty() => return,
            None => (self.history.len() - 1, std::mem::take(&mut self.text)),
        };
        self.set(self.history[next].chars().collect());
        self.recalled = Some((next, typed));
    }

    fn newer(&mut self) {
        let Some((nth, typed)) = self.recalled.take() else { return };
        match self.history.get(nth + 1) {
            Some(line) => {
                self.set(line.chars().collect());
                self.recalled = Some((nth + 1, typed));
            }
            None => self.set(typed),
        }
    }
}

#[cfg(test)]
mod tests {
    use proptest::prelude::*;

    use super::*;

    fn press(editor: &mut Editor, code: KeyCode) -> Typed {
        editor.key(KeyEvent::new(code, KeyModifiers::NONE))
    }

    fn control(editor: &mut Editor, c: char) -> Typed {
        editor.key(KeyEvent::new(KeyCode::Char(c), KeyModifiers::CONTROL))
    }

    fn write(editor: &mut Editor, text: &str) {
        text.chars().for_each(|c| assert_eq!(press(editor, KeyCode::Char(c)), Typed::Changed));
    }

    fn shown(editor: &Editor) -> String {
        let (text, at) = editor.line();
        text[..at].iter().chain(&['|']).chain(&text[at..]).collect()
    }

    #[test]
    fn edits_in_the_middle() {
        let mut editor = Editor::default();
        write(&mut editor, "prss Approve");
        (0..10).for_each(|_| drop(press(&mut editor, KeyCode::Left)));
        write(&mut editor, "e");
        assert_eq!(shown(&editor), "pre|ss Approve");
        press(&mut editor, KeyCode::Backspace);
        press(&mut editor, KeyCode::Delete);
        assert_eq!(shown(&editor), "pr|s Approve");
        press(&mut editor, KeyCode::End);
        control(&mut editor, 'w');
        assert_eq!(shown(&editor), "prs |");
        control(&mut editor, 'w');
        assert_eq!(shown(&editor), "|");
        write(&mut editor, "grüße");
        control(&mut editor, 'a');
        control(&mut editor, 'k');
        assert_eq!(press(&mut editor, KeyCode::Enter), Typed::Line(String::new()));
    }

    #[test]
    fn history_gives_back_what_was_being_typed() {
        let mut editor = Editor::default();
        for line in ["+1", "list", "list"] {
            write(&mut editor, line);
            assert_eq!(press(&mut editor, KeyCode::Enter), Typed::Line(line.to_owned()));
        }
        write(&mut editor, "sho");
        let seen: Vec<String> = [KeyCode::Up, KeyCode::Up, KeyCode::Up, KeyCode::Down, KeyCode::Down, KeyCode::Down]
            .map(|code| {
                press(&mut editor, code);
                shown(&editor)
            })
            .into();
        assert_eq!(seen, ["list|", "+1|", "+1|", "list|", "sho|", "sho|"]);
    }

    #[test]
    fn leaves_by_two_interrupts_or_by_ctrl_d_on_an_empty_line() {
        let mut editor = Editor::default();
        write(&mut editor, "x");
        assert_eq!(control(&mut editor, 'd'), Typed::Changed);
        assert_eq!(control(&mut editor, 'c'), Typed::Interrupted);
        assert_eq!(shown(&editor), "|");
        write(&mut editor, "y");
        assert_eq!(control(&mut editor, 'c'), Typed::Interrupted);
        assert_eq!(control(&mut editor, 'c'), Typed::Leave);
        assert_eq!(control(&mut editor, 'd'), Typed::Leave);
    }

    proptest! {
        #[test]
        fn any_keys_keep_the_cursor_in_the_line(keys in proptest::collection::vec((0usize..16, any::<char>()), 0..60)) {
            let codes = [
                KeyCode::Enter, KeyCode::Backspace, KeyCode::Delete, KeyCode::Left, KeyCode::Right, KeyCode::Up,
                KeyCode::Down, KeyCode::Home, KeyCode::End, KeyCode::Tab, KeyCode::Esc,
            ];
            let mut editor = Editor::default();
            for (nth, c) in keys {
                match codes.get(nth) {
                    Some(code) => drop(press(&mut editor, *code)),
                    None if nth % 2 == 0 => drop(control(&mut editor, c)),
                    None => drop(press(&mut editor, KeyCode::Char(c))),
                }
                let (text, at) = editor.line();
                prop_assert!(at <= text.len());
                prop_assert!(!text.iter().any(|c| c.is_control()));
            }
        }
    }
}
