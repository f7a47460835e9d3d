//! What was said, on disk: `messages.jsonl`, the transcript that is derived from it, and the files that went with messages.
//!
//! `messages.jsonl` is the truth. A line that was acknowledged is whole and on the disk; a line that `kill -9` tore was not acknowledged, and is cut off when
//! the file is opened again.

use std::collections::HashSet;
use std::fs::{self, File, OpenOptions};
use std::io::{self, BufRead, BufReader, Read, Seek, SeekFrom, Write};
use std::path::{Path, PathBuf};

use jiff::Timestamp;
use serde::{Deserialize, Serialize};

use crate::lifecycle::{ChangeNumber, ClusterKey, Person, PlanDigest};
use crate::ports::{Attachment, CardKey};
use crate::render::message::{Message, Press};

/// The longest name of a kept file.
const FILE_NAME_MAX: usize = 100;

/// One line of `messages.jsonl`.
#[derive(Debug, Clone, Serialize, Deserialize)]
#[serde(tag = "kind", rename_all = "snake_case")]
pub enum Entry {
    /// Somebody said something, or edited it.
    Said(Box<Said>),
    /// What a person said is with the desk, and answered.
    Handled {
        /// The id of what was said.
        id: String,
    },
}

/// A message, or an edit of one.
#[derive(Debug, Clone, Serialize, Deserialize)]
pub struct Said {
    /// Its id.
    pub id: String,
    /// When.
    pub at: Timestamp,
    /// Who: a person's name, or `kaas`.
    pub from: String,
    /// `#channel`, or `@person` when private.
    pub to: String,
    /// The id of the card whose thread it is in.
    pub thread: Option<String>,
    /// The words.
    pub text: String,
    /// The id of the message that it replaces.
    pub edits: Option<String>,
    /// The name of the file that goes with it.
    pub file: Option<String>,
    /// What kaas said it for: an effect's key, or a reply's. Nothing is said twice for one key.
    #[serde(default, skip_serializing_if = "Option::is_none")]
    pub key: Option<String>,
    /// The card, where it is one.
    #[serde(default, skip_serializing_if = "Option::is_none")]
    pub card: Option<Shown>,
    /// What a person wants of kaas with it.
    #[serde(default, skip_serializing_if = "Option::is_none")]
    pub wish: Option<Wish>,
}

/// A card, as it is shown.
#[derive(Debug, Clone, PartialEq, Eq, Serialize, Deserialize)]
pub struct Shown {
    /// The cluster.
    pub cluster: ClusterKey,
    /// The change.
    pub change: ChangeNumber,
    /// The plan that it shows.
    pub plan: Option<PlanDigest>,
    /// What it says.
    pub message: Message,
}

impl Shown {
    /// Which card it is.
    pub fn key(&self) -> CardKey {
        CardKey { cluster: self.cluster.clone(), change: self.change }
    }
}

/// What a person wants of kaas: kept until the desk has it.
#[derive(Debug, Clone, PartialEq, Eq, Serialize, Deserialize)]
pub struct Wish {
    /// Who.
    pub by: Person,
    /// What.
    pub act: Act,
}

/// What a person does, with everything that the desk has to know.
#[derive(Debug, Clone, PartialEq, Eq, Serialize, Deserialize)]
#[serde(tag = "act", rename_all = "snake_case")]
pub enum Act {
    /// A command.
    Command {
        /// Without its `/kaas`.
        line: String,
    },
    /// A button.
    Press {
        /// The card.
        cluster: ClusterKey,
        /// The card.
        change: ChangeNumber,
        /// The plan that the card showed then.
        plan: Option<PlanDigest>,
        /// Which button.
        press: Press,
        /// Why.
        reason: Option<String>,
    },
    /// A reaction.
    React {
        /// The card.
        cluster: ClusterKey,
        /// The card.
        change: ChangeNumber,
        /// The plan that the card showed then.
        plan: Option<PlanDigest>,
        /// Which reaction.
        emoji: String,
        /// Whether it is given or taken back.
        given: bool,
    },
}

/// An open `messages.jsonl`.
#[derive(Debug)]
pub struct Log {
    file: File,
    length: u64,
    /// Whether there may be half a line behind `length`.
    torn: bool,
}

impl Log {
    /// Opens it, hands over every entry that it holds, and cuts a torn end off.
    ///
    /// # Errors
    /// It cannot be read or written, or a line before the last one is not an entry.
    pub fn open(path: &Path, mut each: impl FnMut(Entry) -> io::Result<()>) -> io::Result<Self> {
        let file = OpenOptions::new().read(true).append(true).create(true).open(path)?;
        let length = whole_lines(&file, |number, line| match serde_json::from_slice(line) {
            Ok(entry) => each(entry).map(|()| true),
            Err(fault) => torn_or(path, number, &fault),
        })?;
        file.set_len(length)?;
        file.sync_all()?;
        Ok(Self { file, length, torn: false })
    }

    /// Reads what is in it now.
    ///
    /// # Errors
    /// It cannot be read.
    pub fn read(path: &Path, mut each: impl FnMut(Entry)) -> io::Result<()> {
        let file = File::open(path)?;
        whole_lines(&file, |number, line| match serde_json::from_slice(line) {
            Ok(entry) => {
                each(entry);
                Ok(true)
            }
            Err(fault) => torn_or(path, number, &fault),
        })?;
        Ok(())
    }

    /// Appends one entry; with `durable` it is on the disk when this returns. After an error the file is as it was, at
    /// the latest when the next entry is appended.
    ///
    /// # Errors
    /// It cannot be written.
    pub fn append(&mut self, entry: &Entry, durable: bool) -> io::Result<()> {
        let line = json_line(entry)?;
        if self.torn {
            self.file.set_len(self.length)?;
        }
        self.torn = true;
        let written = self.file.write_all(&line).and_then(|()| if durable { self.file.sync_data() } else { Ok(()) });
        if let Err(fault) = written {
            self.torn = self.file.set_len(self.length).is_err();
            return Err(fault);
        }
        self.torn = false;
        self.length += line.len() as u64;
        Ok(())
    }
}

/// Hands over each line that ends in a line feed, until one is refused, and answers where the last one that was taken ends.
fn whole_lines(file: &File, mut take: impl FnMut(usize, &[u8]) -> io::Result<bool>) -> io::Result<u64> {
    let mut reader = BufReader::new(file);
    let (mut line, mut number, mut end) = (Vec::new(), 0, 0);
    let mut refused = None;
    loop {
        line.clear();
        let read = reader.read_until(b'\n', &mut line)?;
        if read == 0 || line.last() != Some(&b'\n') {
            return Ok(end);
        }
        number += 1;
        if let Some(number) = refused {
            return Err(io::Error::new(io::ErrorKind::InvalidData, format!("line {number} is damaged")));
        }
        if take(number, &line)? {
            end += read as u64;
        } else {
            refused = Some(number);
        }
    }
}

/// A line that is no entry ends the file: whether more follows is found out by reading on.
fn torn_or(path: &Path, line: usize, fault: &serde_json::Error) -> io::Result<bool> {
    tracing::warn!(path = %path.display(), line, %fault, "a line of the chat's messages is damaged");
    Ok(false)
}

fn json_line(value: &impl Serialize) -> io::Result<Vec<u8>> {
    let mut line = serde_json::to_vec(value)?;
    line.push(b'\n');
    Ok(line)
}

/// One line of the transcript: what other programs may rely on.
#[derive(Serialize)]
struct TranscriptLine<'a> {
    at: Timestamp,
    from: &'a str,
    to: &'a str,
    thread: Option<&'a str>,
    text: &'a str,
    id: &'a str,
    edits: Option<&'a str>,
    file: Option<&'a str>,
}

/// The transcript: every message, one JSON line each.
#[derive(Debug)]
pub struct Transcript {
    file: File,
}

impl Transcript {
    /// Opens it, cuts a torn end off, and answers the ids that it holds.
    ///
    /// # Errors
    /// It cannot be read or written, or holds something else than a transcript.
    pub fn open(path: &Path) -> io::Result<(Self, HashSet<String>)> {
        #[derive(Deserialize)]
        struct Id {
            id: String,
        }
        if let Some(folder) = path.parent().filter(|p| !p.as_os_str().is_empty()) {
            fs::create_dir_all(folder)?;
        }
        let mut file = OpenOptions::new().read(true).append(true).create(true).open(path)?;
        let mut ids = HashSet::new();
        let end = whole_lines(&file, |number, line| match serde_json::from_slice::<Id>(line) {
            Ok(line) => {
                ids.insert(line.id);
                Ok(true)
            }
            Err(fault) => Err(io::Error::new(
                io::ErrorKind::InvalidData,
                format!("{}, line {number}, is not a transcript: {fault}", path.display()),
            )),
        })?;
        // Only a line that kaas began is cut: a file without one whole line that begins otherwise is somebody else's.
        let mut tail = Vec::new();
        file.seek(SeekFrom::Start(end))?;
        (&file).take(8).read_to_end(&mut tail)?;
        if !b"{\"at\":\"".starts_with(&tail[..tail.len().min(7)]) {
            return Err(io::Error::new(io::ErrorKind::InvalidData, format!("{} is not a transcript", path.display())));
        }
        file.set_len(end)?;
        Ok((Self { file }, ids))
    }

    /// Appends one message.
    ///
    /// # Errors
    /// It cannot be written.
    pub fn append(&mut self, said: &Said) -> io::Result<()> {
        let line = json_line(&TranscriptLine {
            at: said.at,
            from: &said.from,
            to: &said.to,
            thread: said.thread.as_deref(),
            text: &said.text,
            id: &said.id,
            edits: said.edits.as_deref(),
            file: said.file.as_deref(),
        })?;
        let before = self.file.metadata()?.len();
        if let Err(fault) = self.file.write_all(&line) {
            self.file.set_len(before)?;
            return Err(fault);
        }
        Ok(())
    }
}

/// Keeps a file's content under `folder`, on the disk when this returns, and answers where. The same name with another content gets `id` into its name.
///
/// # Errors
/// It cannot be written.
pub fn keep_file(folder: &Path, file: &Attachment, id: &str) -> io::Result<PathBuf> {
    let name = safe_name(&file.name);
    let mut path = folder.join(&name);
    match fs::read(&path) {
        Ok(content) if content == file.content.as_bytes() => return Ok(path),
        Ok(_) => path = folder.join(format!("{id}-{name}")),
        Err(fault) if fault.kind() == io::ErrorKind::NotFound => {}
        Err(fault) => return Err(fault),
    }
    let unfinished = folder.join(format!(".{id}.part"));
    let mut out = File::create(&unfinished)?;
    out.write_all(file.content.as_bytes())?;
    out.sync_all()?;
    fs::rename(&unfinished, &path)?;
    File::open(folder)?.sync_all()?;
    Ok(path)
}

fn safe_name(name: &str) -> String {
    let kept = |c: char| if c.is_ascii_alphanumeric() || matches!(c, '-' | '_' | '.') { c } else { '_' };
    let name: String = name.chars().take(FILE_NAME_MAX).map(kept).collect();
    let name = name.trim_start_matches('.');
    if name.is_empty() { "file".to_owned() } else { name.to_owned() }
}

#[cfg(test)]
mod tests {
    use super::*;

    fn handled(id: &str) -> Entry {
        Entry::Handled { id: id.to_owned() }
    }

    fn ids(path: &Path) -> Vec<String> {
        let mut ids = Vec::new();
        Log::read(path, |entry| {
            if let Entry::Handled { id } = entry {
                ids.push(id);
            }
        })
        .expect("readable");
        ids
    }

    #[test]
    fn a_torn_end_is_cut_off_and_written_over() {
        let dir = tempfile::tempdir().expect("a folder");
        let path = dir.path().join("messages.jsonl");
        let mut log = Log::open(&path, |_| Ok(())).expect("opened");
        log.append(&handled("a"), true).expect("appended");
        log.append(&handled("b"), true).expect("appended");
        let whole = fs::read(&path).expect("read");
        let last = whole.len() - json_line(&handled("b")).expect("json").len();
        for cut in last..whole.len() {
            fs::write(&path, &whole[..cut]).expect("written");
            let mut log = Log::open(&path, |_| Ok(())).expect("opened");
            assert_eq!(ids(&path), ["a"], "cut at {cut}");
            log.append(&handled("c"), true).expect("appended");
            assert_eq!(ids(&path), ["a", "c"], "cut at {cut}");
        }
    }

    #[test]
    fn damage_before_the_end_is_no_torn_line() {
        let dir = tempfile::tempdir().expect("a folder");
        let path = dir.path().join("messages.jsonl");
        fs::write(&path, "{\"kind\":\"handled\",\"id\":\"a\"}\n{\"kind\":\n{\"kind\":\"handled\",\"id\":\"b\"}\n")
            .expect("written");
        let fault = Log::open(&path, |_| Ok(())).expect_err("damaged");
        assert!(fault.to_string().contains("line 2 is damaged"), "{fault}");
    }

    #[test]
    fn a_foreign_file_is_no_transcript() {
        let dir = tempfile::tempdir().expect("a folder");
        let path = dir.path().join("notes.txt");
        for content in ["buy milk\n", "buy milk", "{\"a\":1}\n"] {
            fs::write(&path, content).expect("written");
            Transcript::open(&path).expect_err(content);
            assert_eq!(fs::read_to_string(&path).expect("read"), content);
        }
    }

    #[test]
    fn files_stay_in_their_folder_and_are_kept_once() {
        let dir = tempfile::tempdir().expect("a folder");
        let file = |name: &str, content: &str| Attachment { name: name.to_owned(), content: content.into() };
        let keep = |name, content, id| keep_file(dir.path(), &file(name, content), id).expect("kept");
        assert_eq!(keep("plan.txt", "one", "1"), dir.path().join("plan.txt"));
        assert_eq!(keep("plan.txt", "one", "2"), dir.path().join("plan.txt"));
        assert_eq!(keep("plan.txt", "two", "3"), dir.path().join("3-plan.txt"));
        assert_eq!(keep("../../etc/x y", "three", "4"), dir.path().join("_.._etc_x_y"));
        assert_eq!(keep("..", "four", "5"), dir.path().join("file"));
        assert_eq!(fs::read_to_string(dir.path().join("3-plan.txt")).expect("read"), "two");
    }
}
