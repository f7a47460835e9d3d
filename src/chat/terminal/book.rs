//! The conversation as the platform keeps it: an index in memory over what [`super::log`] keeps on disk.
//!
//! Says everything once: a key that was said before finds its message, now or after a restart.

use std::collections::{HashMap, VecDeque};
use std::fs;
use std::io;
use std::path::{Path, PathBuf};

use anyhow::Context as _;

use super::log::{Entry, Log, Said, Shown, Transcript, Wish, keep_file};
use super::surface::{Scene, Surface};
use crate::clock::SharedClock;
use crate::ports::{Attachment, CardKey};
use crate::render::message::Message;

/// The name under which kaas speaks.
pub const KAAS: &str = "kaas";

/// How many messages of kaas a later `wait` can still find.
const RECENT_MAX: usize = 10_000;

/// A card that is in the channel.
#[derive(Debug, Clone)]
pub struct CardState {
    /// Its message's id.
    pub id: String,
    /// What it shows now.
    pub shown: Shown,
}

/// A message of kaas that a `wait` may look for.
#[derive(Debug, Clone)]
pub struct Recent {
    /// Counts the messages of kaas since the chat was opened, from 1.
    pub number: u64,
    /// Its words.
    pub text: String,
}

/// What kaas is about to say.
pub struct Saying<'a> {
    /// `#channel`, or `@person`.
    pub to: String,
    /// The id of the card whose thread it is in.
    pub thread: Option<String>,
    /// The words.
    pub message: &'a Message,
    /// A file that goes with it.
    pub file: Option<&'a Attachment>,
    /// What it is said for.
    pub key: String,
}

/// The conversation.
pub struct Book {
    path: PathBuf,
    files: PathBuf,
    log: Log,
    transcript: Option<Transcript>,
    clock: SharedClock,
    cards: Vec<CardState>,
    /// What was said for which key: the message's id.
    said: HashMap<String, String>,
    unhandled: Vec<Said>,
    recent: VecDeque<Recent>,
    count: u64,
    /// What people look at.
    pub surface: Box<dyn Surface>,
}

impl Book {
    /// Opens what is kept in `dir`, and brings the transcript up to date.
    ///
    /// # Errors
    /// The folder or the transcript cannot be read or written.
    pub fn open(dir: &Path, transcript: Option<&Path>, clock: SharedClock) -> anyhow::Result<Self> {
        let (path, files) = (dir.join("messages.jsonl"), dir.join("files"));
        fs::create_dir_all(&files).with_context(|| format!("making {}", files.display()))?;
        let mut transcript = match transcript {
            Some(at) => Some(Transcript::open(at).with_context(|| format!("opening the transcript {}", at.display()))?),
            None => None,
        };
        let mut index = Index::default();
        let log = Log::open(&path, |entry| {
            if let (Entry::Said(said), Some((transcript, there))) = (&entry, &mut transcript)
                && !there.contains(&said.id)
            {
                transcript.append(said)?;
            }
            index.add(entry);
            Ok(())
        })
        .with_context(|| format!("opening {}", path.display()))?;
        fs::File::open(dir).and_then(|d| d.sync_all()).with_context(|| format!("opening {}", dir.display()))?;
        Ok(Self {
            path,
            files,
            log,
            transcript: transcript.map(|(transcript, _)| transcript),
            clock,
            cards: index.cards,
            said: index.said,
            unhandled: index.unhandled,
            recent: VecDeque::new(),
            count: 0,
            surface: Box::new(super::surface::Nobody),
        })
    }

    /// Posts a card, or edits it where it says something else. Answers its id.
    ///
    /// # Errors
    /// It cannot be written; then nothing was said.
    pub fn card(&mut self, channel: &str, known: Option<&str>, shown: &Shown, key: String) -> io::Result<String> {
        if let Some(nth) = self.find(&shown.key(), known) {
            return self.edit(nth, channel, shown, Some(key));
        }
        let mut said = self.new_said(KAAS, channel.to_owned(), shown.message.plain());
        said.key = Some(key);
        said.card = Some(shown.clone());
        self.write(&said, true)?;
        self.cards.push(CardState { id: said.id.clone(), shown: shown.clone() });
        self.surface.show(&Scene::Card { said: &said, shown });
        Ok(said.id)
    }

    /// Edits a card that is there, without waiting for the disk: a crash may lose it.
    ///
    /// # Errors
    /// It cannot be written; then nothing was said.
    pub fn progress(&mut self, channel: &str, known: Option<&str>, shown: &Shown) -> io::Result<()> {
        match self.find(&shown.key(), known) {
            Some(nth) => self.edit(nth, channel, shown, None).map(drop),
            None => Ok(()),
        }
    }

    fn edit(&mut self, nth: usize, channel: &str, shown: &Shown, key: Option<String>) -> io::Result<String> {
        let CardState { id, shown: before } = self.cards[nth].clone();
        let same_words = before.message.plain() == shown.message.plain();
        if same_words && before.plan == shown.plan && before.message.buttons == shown.message.buttons {
            return Ok(id);
        }
        let progress = key.is_none();
        let mut said = self.new_said(KAAS, channel.to_owned(), shown.message.plain());
        said.edits = Some(id.clone());
        said.card = Some(shown.clone());
        said.key = key;
        self.write(&said, !progress)?;
        self.cards[nth].shown = shown.clone();
        self.surface.show(&Scene::Edit { said: &said, card: &id, before: &before, shown, progress });
        Ok(id)
    }

    /// Says something, once for its key.
    ///
    /// # Errors
    /// It cannot be written; then nothing was said.
    pub fn say(&mut self, saying: Saying<'_>) -> io::Result<()> {
        if self.said.contains_key(&saying.key) {
            return Ok(());
        }
        let mut said = self.new_said(KAAS, saying.to, saying.message.plain());
        said.thread = saying.thread;
        said.key = Some(saying.key);
        said.file = saying.file.map(|f| f.name.clone()).or_else(|| saying.message.file.clone());
        let kept = match saying.file {
            Some(file) => Some(keep_file(&self.files, file, &said.id)?),
            None => None,
        };
        self.write(&said, true)?;
        self.surface.show(&Scene::Kaas { said: &said, message: saying.message, kept: kept.as_deref() });
        Ok(())
    }

    /// Hears a person. Answers the message's id.
    ///
    /// # Errors
    /// It cannot be written; then nothing was heard.
    pub fn hear(
        &mut self,
        name: &str,
        channel: &str,
        text: &str,
        thread: Option<String>,
        wish: Option<Wish>,
    ) -> io::Result<Said> {
        let mut said = self.new_said(name, channel.to_owned(), text.to_owned());
        said.thread = thread;
        said.wish = wish;
        self.write(&said, true)?;
        if said.wish.is_some() {
            self.unhandled.push(said.clone());
        }
        self.surface.show(&Scene::Person { said: &said });
        Ok(said)
    }

    /// Notes that the desk has what was said and that the answers are given. Lost, it is only asked for again.
    ///
    /// # Errors
    /// It cannot be written.
    pub fn handled(&mut self, id: &str) -> io::Result<()> {
        self.unhandled.retain(|said| said.id != id);
        self.log.append(&Entry::Handled { id: id.to_owned() }, false)
    }

    /// What people said that the desk may not have: kaas was killed in between.
    pub fn unhandled(&self) -> Vec<Said> {
        self.unhandled.clone()
    }

    /// The newest card (of that cluster) that has buttons, or else the newest.
    pub fn newest(&self, cluster: Option<&str>) -> Option<&CardState> {
        let of = || self.cards.iter().rev().filter(|c| cluster.is_none_or(|n| c.shown.cluster.name.as_str() == n));
        of().find(|c| !c.shown.message.buttons.is_empty()).or_else(|| of().next())
    }

    /// The clusters that have a card, without doubles.
    pub fn clusters(&self) -> Vec<String> {
        let mut names: Vec<String> = self.cards.iter().map(|c| c.shown.cluster.name.to_string()).collect();
        names.sort();
        names.dedup();
        names
    }

    /// The id of a card, by its key, or by the id that the caller knows.
    pub fn card_id(&self, key: &CardKey, known: Option<&str>) -> Option<String> {
        self.find(key, known).map(|nth| self.cards[nth].id.clone())
    }

    /// The messages of kaas after `number`, oldest first.
    pub fn recent_after(&self, number: u64) -> impl Iterator<Item = &Recent> {
        self.recent.iter().filter(move |r| r.number > number)
    }

    /// The number of the newest message of kaas.
    pub fn count(&self) -> u64 {
        self.count
    }

    /// Reads again what was said about the cards that still have buttons, in the order in which it was said.
    ///
    /// # Errors
    /// It cannot be read.
    pub fn open_conversations(&self) -> io::Result<Vec<Said>> {
        let open = |id: &str| self.cards.iter().any(|c| c.id == id && !c.shown.message.buttons.is_empty());
        let mut found = Vec::new();
        Log::read(&self.path, |entry| {
            if let Entry::Said(said) = entry
                && said.from == KAAS
                && [&Some(said.id.clone()), &said.thread, &said.edits].into_iter().flatten().any(|id| open(id))
            {
                found.push(*said);
            }
        })?;
        Ok(found)
    }

    fn find(&self, key: &CardKey, known: Option<&str>) -> Option<usize> {
        let by_key = self.cards.iter().rposition(|c| c.shown.cluster == key.cluster && c.shown.change == key.change);
        by_key.or_else(|| self.cards.iter().rposition(|c| Some(c.id.as_str()) == known))
    }

    fn new_said(&self, from: &str, to: String, text: String) -> Said {
        Said {
            id: self.clock.id(),
            at: self.clock.now(),
            from: from.to_owned(),
            to,
            thread: None,
            text,
            edits: None,
            file: None,
            key: None,
            card: None,
            wish: None,
        }
    }

    fn write(&mut self, said: &Said, durable: bool) -> io::Result<()> {
        self.log.append(&Entry::Said(Box::new(said.clone())), durable)?;
        // From here on it is said. A transcript that lacks it is mended at the next start.
        if let Some(transcript) = &mut self.transcript
            && let Err(fault) = transcript.append(said)
        {
            tracing::warn!(%fault, message = said.id, "the transcript lacks a message");
        }
        if let Some(key) = &said.key {
            self.said.insert(key.clone(), said.id.clone());
        }
        if said.key.is_some() || said.card.is_some() {
            self.count += 1;
            self.recent.push_back(Recent { number: self.count, text: said.text.clone() });
            if self.recent.len() > RECENT_MAX {
                self.recent.pop_front();
            }
        }
        Ok(())
    }
}

/// What is read at the start.
#[derive(Default)]
struct Index {
    cards: Vec<CardState>,
    said: HashMap<String, String>,
    unhandled: Vec<Said>,
}

impl Index {
    fn add(&mut self, entry: Entry) {
        let said = match entry {
            Entry::Handled { id } => return self.unhandled.retain(|said| said.id != id),
            Entry::Said(said) => *said,
        };
        if let Some(key) = &said.key {
            self.said.insert(key.clone(), said.id.clone());
        }
        if let Some(shown) = &said.card {
            match &said.edits {
                None => self.cards.push(CardState { id: said.id.clone(), shown: shown.clone() }),
                Some(id) => {
                    if let Some(card) = self.cards.iter_mut().rfind(|c| c.id == *id) {
                        card.shown = shown.clone();
                    }
                }
            }
        }
        if said.wish.is_some() {
            self.unhandled.push(said);
        }
    }
}
