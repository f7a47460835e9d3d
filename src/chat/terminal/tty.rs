//! A person at a terminal: keys, the prompt, and a terminal that is given back as it was.

use std::ffi::OsStr;
use std::io::{self, IsTerminal as _, Write as _};
use std::sync::atomic::{AtomicBool, Ordering};
use std::sync::{Arc, Mutex, MutexGuard, Once, PoisonError};
use std::time::Duration;

use crossterm::event::{Event, KeyCode, KeyEvent, KeyModifiers};
use crossterm::terminal;
use tokio::signal::unix::{SignalKind, signal};
use tokio::sync::mpsc;
use tokio_util::sync::CancellationToken;

use super::editor::{Editor, Typed};
use super::line::{Line, Nonsense, Reader, Saying, parse};
use super::painter::{Painter, Prompt, SIZE_DEFAULT};
use super::script::{Manner, Outcome, play};
use super::surface::{Scene, Surface};
use super::{TerminalChat, person};
use crate::lifecycle::Person;
use crate::ports::Desk;

/// How often the thread that reads keys looks whether it is still wanted.
const KEYS_LOOK_EVERY: Duration = Duration::from_millis(100);

/// What the terminal can do.
#[derive(Debug, Clone, Copy, PartialEq, Eq)]
pub struct Look {
    /// Whether the cursor can be moved and keys can be read: a [`Tty`] makes sense.
    pub rich: bool,
    /// Whether colours are wanted.
    pub colours: bool,
}

impl Look {
    /// Of this process's terminal and environment.
    pub fn detect() -> Self {
        let terminal = io::stdin().is_terminal() && io::stdout().is_terminal();
        Self::of(terminal, std::env::var_os("NO_COLOR").as_deref(), std::env::var_os("TERM").as_deref())
    }

    /// `terminal`: whether both ends are one. `NO_COLOR` counts when it is not empty; see <https://no-color.org>.
    pub fn of(terminal: bool, no_color: Option<&OsStr>, term: Option<&OsStr>) -> Self {
        let rich = terminal && term.is_some_and(|t| !t.is_empty() && t != "dumb");
        Self { rich, colours: rich && no_color.is_none_or(OsStr::is_empty) }
    }
}

/// A terminal in raw mode that shows a conversation. Dropped, it is given back as it was, and the conversation goes on as plain lines.
pub struct Tty {
    chat: TerminalChat,
    painter: Shared,
    events: mpsc::UnboundedReceiver<Event>,
    unwanted: Arc<AtomicBool>,
    editor: Editor,
}

impl Tty {
    /// Takes the terminal over and shows the open conversations.
    ///
    /// # Errors
    /// It is not a terminal, or the conversation cannot be read.
    pub fn open(chat: &TerminalChat, look: Look) -> io::Result<Self> {
        let before = chat.with(|book| book.open_conversations())?;
        give_back_on_panic();
        terminal::enable_raw_mode()?;
        let size = terminal::size().unwrap_or(SIZE_DEFAULT);
        let painter = Shared(Arc::new(Mutex::new(Painter::new(Box::new(io::stdout()), look.colours, size))));
        painter.lock().restore(&before);
        chat.show_on(Box::new(painter.clone()));
        let unwanted = Arc::new(AtomicBool::new(false));
        let events = read_keys(Arc::clone(&unwanted));
        Ok(Self { chat: chat.clone(), painter, events, unwanted, editor: Editor::default() })
    }

    /// Plays a script at a pace that can be followed. ctrl-C stops it.
    pub async fn play(
        &mut self,
        script: &str,
        desk: &dyn Desk,
        people: &[Person],
        stop: &CancellationToken,
    ) -> Outcome {
        let (painter, events) = (&self.painter, &mut self.events);
        let watching = async {
            while let Some(event) = events.recv().await {
                match event {
                    Event::Resize(columns, rows) => painter.lock().resize((columns, rows)),
                    Event::Key(key) if is_ctrl_c(key) => return,
                    _ => {}
                }
            }
        };
        let outcome = tokio::select! {
            outcome = play(script.as_bytes(), &self.chat, desk, people, stop, Manner::WATCHED) => outcome,
            () = watching => Outcome::Stopped,
            () = ended_from_outside() => Outcome::Stopped,
        };
        self.painter.lock().prompt(Prompt::default());
        outcome
    }

    /// Lets a person type, as the first of `people` until another one is chosen. Ends when they leave.
    pub async fn converse(&mut self, desk: &dyn Desk, people: &[Person], stop: &CancellationToken) -> Outcome {
        let Some(first) = people.first() else {
            return Outcome::BadLine { line: 0, problem: "There is nobody in the channel.".to_owned() };
        };
        let (to_say, mut said) = mpsc::unbounded_channel::<(Person, String, Saying)>();
        let chat = self.chat.clone();
        let speaking = async {
            if let Err(fault) = chat.deliver_again(desk).await {
                chat.note(&format!("The chat's messages cannot be written: {fault}"));
            }
            while let Some((by, text, saying)) = said.recv().await {
                match chat.speak(desk, &by, &text, saying).await {
                    Ok(Ok(())) => {}
                    Ok(Err(Nonsense(problem))) => chat.note(&problem),
                    Err(fault) => chat.note(&format!("The chat's messages cannot be written: {fault}")),
                }
            }
        };
        let typing = self.type_lines(first.clone(), people, to_say);
        tokio::select! {
            _ = async { tokio::join!(typing, speaking) } => Outcome::Ended,
            () = stop.cancelled() => Outcome::Stopped,
            () = ended_from_outside() => Outcome::Stopped,
        }
    }

    async fn type_lines(
        &mut self,
        mut speaker: Person,
        people: &[Person],
        say: mpsc::UnboundedSender<(Person, String, Saying)>,
    ) {
        self.show_prompt(&speaker);
        while let Some(event) = self.events.recv().await {
            let typed = match event {
                Event::Resize(columns, rows) => {
                    self.painter.lock().resize((columns, rows));
                    continue;
                }
                Event::Key(key) => self.editor.key(key),
                _ => continue,
            };
            match typed {
                Typed::Nothing => continue,
                Typed::Changed => {}
                Typed::Leave => break,
                Typed::Interrupted => {
                    self.show_prompt(&speaker);
                    self.painter.lock().show(&Scene::Note("ctrl-C once more, or ctrl-D, to leave."));
                }
                Typed::Line(line) => {
                    self.show_prompt(&speaker);
                    match understood(&line, people, &mut speaker) {
                        // The receiver lives as long as this does.
                        Ok(Some(spoken)) => drop(say.send(spoken)),
                        Ok(None) => {}
                        Err(Nonsense(problem)) => self.painter.lock().show(&Scene::Note(&problem)),
                    }
                }
            }
            self.show_prompt(&speaker);
        }
        self.painter.lock().prompt(Prompt::default());
    }

    fn show_prompt(&self, speaker: &Person) {
        let (text, at) = self.editor.line();
        self.painter.lock().prompt(Prompt { label: speaker.name.clone(), text: text.to_vec(), at });
    }
}

impl Drop for Tty {
    fn drop(&mut self) {
        self.unwanted.store(true, Ordering::Relaxed);
        self.painter.lock().leave();
        give_back();
        self.chat.show_plain(io::stdout());
    }
}

/// What a typed line asks to be said; a change of the speaker is made at once.
fn understood(
    line: &str,
    people: &[Person],
    speaker: &mut Person,
) -> Result<Option<(Person, String, Saying)>, Nonsense> {
    match parse(line, Reader::Prompt)? {
        Line::Switch(name) => {
            *speaker = person(people, &name)?.clone();
            Ok(None)
        }
        Line::Speak { by, text, saying } => {
            let by = by.map_or_else(|| Ok(speaker.clone()), |name| person(people, &name).cloned())?;
            Ok(Some((by, text, saying)))
        }
        Line::Nothing | Line::Wait { .. } | Line::Sleep(_) | Line::Narrate(_) => Ok(None),
    }
}

fn is_ctrl_c(key: KeyEvent) -> bool {
    key.code == KeyCode::Char('c') && key.modifiers.contains(KeyModifiers::CONTROL)
}

/// Returns when somebody ends this process by a signal: the terminal is to be given back before that.
async fn ended_from_outside() {
    let kinds = [SignalKind::terminate(), SignalKind::hangup(), SignalKind::interrupt(), SignalKind::quit()];
    let mut signals: Vec<_> = kinds.into_iter().filter_map(|kind| signal(kind).ok()).collect();
    std::future::poll_fn(|context| {
        let any = signals.iter_mut().any(|s| s.poll_recv(context).is_ready());
        if any { std::task::Poll::Ready(()) } else { std::task::Poll::Pending }
    })
    .await;
}

/// Reads keys on a thread of its own: that they come cannot be waited for otherwise.
fn read_keys(unwanted: Arc<AtomicBool>) -> mpsc::UnboundedReceiver<Event> {
    let (send, events) = mpsc::unbounded_channel();
    std::thread::spawn(move || {
        while !unwanted.load(Ordering::Relaxed) {
            let event = match crossterm::event::poll(KEYS_LOOK_EVERY) {
                Ok(false) => continue,
                Ok(true) => crossterm::event::read(),
                Err(fault) => Err(fault),
            };
            // A terminal that went away ends the conversation: the sender is dropped.
            let Ok(event) = event else { return };
            if send.send(event).is_err() {
                return;
            }
        }
    });
    events
}

/// Gives the terminal back as it was; harmless when it was not taken.
fn give_back() {
    let _ = terminal::disable_raw_mode();
    let mut out = io::stdout();
    let _ = out.write_all(b"\x1b[?25h\x1b[0m").and_then(|()| out.flush());
}

fn give_back_on_panic() {
    static ONCE: Once = Once::new();
    ONCE.call_once(|| {
        let before = std::panic::take_hook();
        std::panic::set_hook(Box::new(move |panic| {
            if terminal::is_raw_mode_enabled().unwrap_or(false) {
                give_back();
            }
            before(panic);
        }));
    });
}

#[derive(Clone)]
struct Shared(Arc<Mutex<Painter>>);

impl Shared {
    fn lock(&self) -> MutexGuard<'_, Painter> {
        self.0.lock().unwrap_or_else(PoisonError::into_inner)
    }
}

impl Surface for Shared {
    fn show(&mut self, scene: &Scene<'_>) {
        self.lock().show(scene);
    }
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn colours_are_for_terminals_that_want_them() {
        let of = |terminal, no_color: Option<&str>, term: Option<&str>| {
            let look = Look::of(terminal, no_color.map(OsStr::new), term.map(OsStr::new));
            (look.rich, look.colours)
        };
        assert_eq!(of(true, None, Some("xterm-256color")), (true, true));
        assert_eq!(of(true, Some(""), Some("xterm")), (true, true));
        assert_eq!(of(true, Some("1"), Some("xterm")), (true, false));
        assert_eq!(of(true, None, Some("dumb")), (false, false));
        assert_eq!(of(true, None, None), (false, false));
        assert_eq!(of(false, None, Some("xterm")), (false, false));
    }
}
