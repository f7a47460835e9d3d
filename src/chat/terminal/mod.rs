//! A chat in the terminal: several people at one keyboard (or in one script), a channel, cards and their threads.
//!
//! It behaves as a chat platform does: what was said is kept, is found again after `kill -9`, and nothing is said twice. Reading order: [`line`](mod@line)
//! (the language), `log` and `book` (what was said), `surface`, `painter` and `text` (what is seen), `script` (one line after the other), `editor` and `tty` (a person
//! at the prompt), `tour.txt` (the guided tour, in the same language).

use std::io::{self, Write};
use std::path::PathBuf;
use std::sync::{Arc, Mutex, PoisonError};

use async_trait::async_trait;
use tokio::sync::watch;

use crate::clock::SharedClock;
use crate::lifecycle::{InputId, Person, Place};
use crate::ports::{Answer, Attachment, Call, Card, CardKey, Chat, Desk, Heard, Reply, Standing, Trouble};
use crate::render::message::Message;

mod book;
mod editor;
pub mod line;
mod log;
mod painter;
mod script;
mod surface;
mod text;
mod tty;

#[cfg(test)]
mod fake;
#[cfg(test)]
mod tests;

use book::{Book, Saying};
use line::{Nonsense, Saying as Line};
use log::{Act, Said, Shown, Wish};
use surface::{Plain, Scene, Surface};

pub use script::{Outcome, converse_lines, run_lines};
pub use tty::{Look, Tty};

/// The chat adapter's name in a [`Place`].
pub const NAME: &str = "terminal";

/// The guided tour, as a script for [`run_lines`] and [`Tty::play`].
pub const TOUR: &str = include_str!("tour.txt");

/// The people whom the tour needs: developers (alice, erin), approvers (bob, carol, dave; dave is an admin as well), and mallory, who has no rights.
pub const TOUR_PEOPLE: [&str; 6] = ["alice", "erin", "bob", "carol", "dave", "mallory"];

/// What a terminal chat is made of.
pub struct Setup {
    /// The folder that keeps what was said: `messages.jsonl` and `files/`.
    pub dir: PathBuf,
    /// Where every message is appended as a JSON line, if that is wanted.
    pub transcript: Option<PathBuf>,
    /// The channel: `#clusters`.
    pub channel: String,
    /// Tells the time and draws the messages' ids.
    pub clock: SharedClock,
}

/// The chat in the terminal. Clones are the same chat.
#[derive(Clone)]
pub struct TerminalChat {
    inner: Arc<Inner>,
}

struct Inner {
    book: Mutex<Book>,
    place: Place,
    /// The number of the newest message of kaas.
    news: watch::Sender<u64>,
}

impl TerminalChat {
    /// Opens the conversation that is kept in the folder, or begins one. Nothing is shown yet.
    ///
    /// # Errors
    /// The folder or the transcript cannot be read or written.
    pub fn open(setup: Setup) -> anyhow::Result<Self> {
        let book = Book::open(&setup.dir, setup.transcript.as_deref(), setup.clock)?;
        let place = Place { chat: NAME.to_owned(), channel: setup.channel };
        let inner = Inner { book: Mutex::new(book), place, news: watch::Sender::new(0) };
        Ok(Self { inner: Arc::new(inner) })
    }

    /// From now on shows what is said as plain lines.
    pub fn show_plain(&self, out: impl Write + Send + 'static) {
        self.show_on(Box::new(Plain::new(out)));
    }

    /// A line of the narrator. It is shown, and not part of the conversation.
    pub fn narrate(&self, text: &str) {
        self.with(|book| book.surface.show(&Scene::Narration(text)));
    }

    /// A line of the terminal itself for the one who types: a hint, or what was not understood. It is shown, and not part of the conversation.
    pub fn note(&self, text: &str) {
        self.with(|book| book.surface.show(&Scene::Note(text)));
    }

    fn show_on(&self, surface: Box<dyn Surface>) {
        self.with(|book| book.surface = surface);
    }

    fn with<R>(&self, work: impl FnOnce(&mut Book) -> R) -> R {
        work(&mut self.inner.book.lock().unwrap_or_else(PoisonError::into_inner))
    }

    /// Works on the book where waiting for the disk stops nobody.
    async fn write<R: Send + 'static>(
        &self,
        work: impl FnOnce(&mut Book) -> io::Result<R> + Send + 'static,
    ) -> io::Result<R> {
        let chat = self.clone();
        let done = tokio::task::spawn_blocking(move || {
            let (done, count) = chat.with(|book| (work(book), book.count()));
            chat.inner.news.send_if_modified(|news| std::mem::replace(news, count) != count);
            done
        });
        match done.await {
            Ok(done) => done,
            Err(fault) if fault.is_panic() => std::panic::resume_unwind(fault.into_panic()),
            Err(_) => Err(io::Error::other("the program is stopping")),
        }
    }

    /// A person says or does something: it is heard, brought to the desk, and answered.
    async fn speak(&self, desk: &dyn Desk, by: &Person, text: &str, saying: Line) -> io::Result<Result<(), Nonsense>> {
        let (act, thread) = match self.with(|book| resolve(book, saying)) {
            Ok(found) => found,
            Err(nonsense) => return Ok(Err(nonsense)),
        };
        let wish = act.map(|act| Wish { by: by.clone(), act });
        let (name, channel, text) = (by.name.clone(), self.inner.place.channel.clone(), text.to_owned());
        let said = self.write(move |book| book.hear(&name, &channel, &text, thread, wish)).await?;
        self.deliver(desk, said).await?;
        Ok(Ok(()))
    }

    /// Brings to the desk again what kaas may have died over. The desk knows by its id what it had already.
    async fn deliver_again(&self, desk: &dyn Desk) -> io::Result<()> {
        for said in self.with(|book| book.unhandled()) {
            self.deliver(desk, said).await?;
        }
        Ok(())
    }

    async fn deliver(&self, desk: &dyn Desk, said: Said) -> io::Result<()> {
        let Some(wish) = said.wish else { return Ok(()) };
        let place = Place { chat: NAME.to_owned(), channel: said.to };
        let heard =
            Heard { id: InputId(said.id.clone()), by: wish.by.clone(), place, standing: Standing::Member, when: None };
        let replies = match wish.act {
            Act::Command { line } => desk.command(&heard, &line).await,
            Act::Press { cluster, change, plan, press, reason } => {
                desk.press(&heard, &CardKey { cluster, change }, plan.as_ref(), press, reason.as_deref()).await
            }
            Act::React { cluster, change, plan, emoji, given } => {
                desk.react(&heard, &CardKey { cluster, change }, plan.as_ref(), &emoji, given).await
            }
        };
        self.write(move |book| {
            for (nth, Reply { message, file }) in replies.iter().enumerate() {
                let key = format!("reply/{}/{nth}", said.id);
                let to = format!("@{}", wish.by.name);
                book.say(Saying { to, thread: None, message, file: file.as_ref(), key })?;
            }
            book.handled(&said.id)
        })
        .await
    }
}

/// The person who speaks under that name.
fn person<'a>(people: &'a [Person], name: &str) -> Result<&'a Person, Nonsense> {
    let exactly = people.iter().find(|p| p.name == name);
    exactly.or_else(|| people.iter().find(|p| p.name.eq_ignore_ascii_case(name))).ok_or_else(|| {
        let names: Vec<&str> = people.iter().map(|p| p.name.as_str()).collect();
        Nonsense(format!("Nobody here is called {name}. In the channel: {}.", names.join(", ")))
    })
}

/// What a person means, with the card that they mean; and the thread that it belongs to.
fn resolve(book: &Book, saying: Line) -> Result<(Option<Act>, Option<String>), Nonsense> {
    let card = |on: Option<&str>| {
        book.newest(on).ok_or_else(|| match (on, book.clusters()) {
            (Some(name), there) if !there.is_empty() => {
                Nonsense(format!("There is no card of {name} here. There are cards of: {}.", there.join(", ")))
            }
            _ => Nonsense("There is no card yet that this could be about.".to_owned()),
        })
    };
    match saying {
        Line::Chatter => Ok((None, None)),
        Line::Command(line) => Ok((Some(Act::Command { line }), None)),
        Line::React { emoji, given, on } => {
            let card = card(on.as_deref())?;
            let Shown { cluster, change, plan, .. } = card.shown.clone();
            Ok((Some(Act::React { cluster, change, plan, emoji, given }), Some(card.id.clone())))
        }
        Line::Press { press, on, reason } => {
            let card = card(on.as_deref())?;
            let Shown { cluster, change, plan, .. } = card.shown.clone();
            Ok((Some(Act::Press { cluster, change, plan, press, reason }), Some(card.id.clone())))
        }
    }
}

fn trouble(fault: io::Error) -> Trouble {
    Trouble::passing("The chat's messages cannot be written", fault)
}

fn shown(card: &Card) -> Shown {
    Shown {
        cluster: card.key.cluster.clone(),
        change: card.key.change,
        plan: card.plan.clone(),
        message: card.message.clone(),
    }
}

#[async_trait]
impl Chat for TerminalChat {
    async fn card(&self, call: &Call, card: &Card) -> Answer<String> {
        let (key, card) = (call.key.to_string(), card.clone());
        self.write(move |book| book.card(&card.place.channel, card.known.as_deref(), &shown(&card), key))
            .await
            .map_err(trouble)
    }

    async fn progress(&self, card: &Card) {
        let card = card.clone();
        let edited =
            self.write(move |book| book.progress(&card.place.channel, card.known.as_deref(), &shown(&card))).await;
        if let Err(fault) = edited {
            tracing::debug!(%fault, "progress was not shown");
        }
    }

    async fn post(
        &self,
        call: &Call,
        place: &Place,
        card: &CardKey,
        known: Option<&str>,
        message: &Message,
        file: Option<&Attachment>,
    ) -> Answer<()> {
        let (key, to, card, known) =
            (call.key.to_string(), place.channel.clone(), card.clone(), known.map(str::to_owned));
        let (message, file) = (message.clone(), file.cloned());
        self.write(move |book| {
            let thread = book.card_id(&card, known.as_deref());
            book.say(Saying { to, thread, message: &message, file: file.as_ref(), key })
        })
        .await
        .map_err(trouble)
    }

    async fn tell(
        &self,
        call: &Call,
        _: &Place,
        person: &Person,
        message: &Message,
        file: Option<&Attachment>,
    ) -> Answer<()> {
        let (key, to) = (call.key.to_string(), format!("@{}", person.name));
        let (message, file) = (message.clone(), file.cloned());
        self.write(move |book| book.say(Saying { to, thread: None, message: &message, file: file.as_ref(), key }))
            .await
            .map_err(trouble)
    }
}
