//! git's objects as kaas reads and writes them: one `cat-file` for all reads of an operation, one `mktree` for all its trees.
//!
//! Objects are only ever asked for by their full id. A name would be looked up in several places, and a stranger can push a tag called
//! `refs/heads/main`.

use async_trait::async_trait;
use tokio::io::{AsyncBufReadExt, AsyncReadExt, AsyncWriteExt, BufReader};
use tokio::process::{Child, ChildStdin, ChildStdout};

use crate::forge::content::{Entry, FOLDER, Objects, Tree};
use crate::forge::git::{Git, GitFault, TIME_LIMIT, is_id, one_id};

/// The largest object that is read into memory, in bytes: a tree of many thousand clusters, or a pull request with its comments.
const OBJECT_MAX: u64 = 32 << 20;

/// What complaints call the processes of this file.
const TALKED_WITH: &str = "cat-file or mktree";

/// A `cat-file` that is talked with.
pub(super) struct Reader {
    _child: Child,
    to: ChildStdin,
    from: BufReader<ChildStdout>,
}

/// A commit, as far as kaas looks at it.
#[derive(Debug, Clone)]
pub(super) struct Commit {
    pub tree: String,
    pub parents: Vec<String>,
    pub committer: String,
}

impl Reader {
    pub fn start(git: &Git) -> Result<Self, GitFault> {
        let mut child = git.start(&["cat-file", "--batch-command"])?;
        match (child.stdin.take(), child.stdout.take()) {
            (Some(to), Some(from)) => Ok(Self { _child: child, to, from: BufReader::new(from) }),
            _ => Err(GitFault::Garbled("cat-file without pipes".to_owned())),
        }
    }

    pub async fn commit(&mut self, id: &str) -> Result<Commit, GitFault> {
        let text = String::from_utf8_lossy(&self.content(id, "commit").await?).into_owned();
        let head = text.split("\n\n").next().unwrap_or_default();
        let all = |key: &str| {
            let values = head.lines().filter_map(|line| line.strip_prefix(key)?.strip_prefix(' '));
            values.map(str::to_owned).collect::<Vec<_>>()
        };
        let tree = all("tree").pop().filter(|tree| is_id(tree));
        let tree = tree.ok_or_else(|| GitFault::Garbled(format!("commit {id} without a tree")))?;
        let name = all("committer").pop().unwrap_or_default();
        let committer = name.split(" <").next().unwrap_or_default().to_owned();
        Ok(Commit { tree, parents: all("parent"), committer })
    }

    async fn content(&mut self, id: &str, wanted: &str) -> Result<Vec<u8>, GitFault> {
        // `info` first: an object that is too large is never read.
        match self.ask("info", id).await? {
            Some((kind, size)) if kind == wanted && size <= OBJECT_MAX => {}
            Some((kind, size)) => {
                return Err(GitFault::Garbled(format!("{id} is a {kind} of {size} bytes, no {wanted}")));
            }
            None => return Err(GitFault::Garbled(format!("{wanted} {id} is missing"))),
        }
        let (_, size) = self.ask("contents", id).await?.ok_or_else(|| GitFault::Garbled(format!("{id} is missing")))?;
        let mut bytes = vec![0; usize::try_from(size).unwrap_or(0) + 1];
        in_time(self.from.read_exact(&mut bytes)).await?;
        bytes.pop();
        Ok(bytes)
    }

    /// Asks, and reads the answer's first line: kind and size.
    async fn ask(&mut self, verb: &str, id: &str) -> Result<Option<(String, u64)>, GitFault> {
        if !is_id(id) {
            return Err(GitFault::Garbled(format!("not an object's id: {id}")));
        }
        in_time(self.to.write_all(format!("{verb} {id}\n").as_bytes())).await?;
        let line = answer(&mut self.from).await?;
        let mut words = line.split_whitespace();
        match (words.next(), words.next(), words.next().map(str::parse)) {
            (Some(_), Some("missing"), None) => Ok(None),
            (Some(_), Some(kind), Some(Ok(size))) => Ok(Some((kind.to_owned(), size))),
            _ => Err(GitFault::Garbled(line.trim().to_owned())),
        }
    }
}

#[async_trait]
impl Objects for Reader {
    type Fault = GitFault;

    async fn tree(&mut self, id: &str) -> Result<Tree, GitFault> {
        let bytes = self.content(id, "tree").await?;
        let broken = || GitFault::Garbled(format!("tree {id} is damaged"));
        let (mut tree, mut rest) = (Tree::new(), bytes.as_slice());
        let width = id.len() / 2;
        while !rest.is_empty() {
            let space = rest.iter().position(|b| *b == b' ').ok_or_else(broken)?;
            let end = rest.iter().position(|b| *b == 0).filter(|end| *end > space).ok_or_else(broken)?;
            let raw = rest.get(end + 1..end + 1 + width).ok_or_else(broken)?;
            let mode = String::from_utf8_lossy(&rest[..space]).into_owned();
            let id = raw.iter().map(|b| format!("{b:02x}")).collect();
            tree.insert(rest[space + 1..end].to_owned(), Entry { mode, id });
            rest = &rest[end + 1 + width..];
        }
        Ok(tree)
    }

    async fn blob(&mut self, id: &str) -> Result<Vec<u8>, GitFault> {
        self.content(id, "blob").await
    }

    async fn blob_size(&mut self, id: &str) -> Result<Option<u64>, GitFault> {
        Ok(self.ask("info", id).await?.and_then(|(kind, size)| (kind == "blob").then_some(size)))
    }
}

/// Writes a blob.
pub(super) async fn write_blob(git: &Git, content: &[u8]) -> Result<String, GitFault> {
    one_id(&git.run(&["hash-object", "-w", "--stdin"], content).await?)
}

/// A `mktree` that is talked with.
pub(super) struct TreeWriter {
    _child: Child,
    to: ChildStdin,
    from: BufReader<ChildStdout>,
}

impl TreeWriter {
    pub fn start(git: &Git) -> Result<Self, GitFault> {
        // `--missing`: what a tree names is there already, and looking each of thousands up takes its time.
        let mut child = git.start(&["mktree", "--batch", "-z", "--missing"])?;
        match (child.stdin.take(), child.stdout.take()) {
            (Some(to), Some(from)) => Ok(Self { _child: child, to, from: BufReader::new(from) }),
            _ => Err(GitFault::Garbled("mktree without pipes".to_owned())),
        }
    }

    pub async fn write(&mut self, tree: &Tree) -> Result<String, GitFault> {
        let mut text = Vec::with_capacity(tree.len() * 96);
        for (name, entry) in tree {
            let kind = match entry.mode.as_str() {
                FOLDER => "tree",
                "160000" => "commit",
                _ => "blob",
            };
            text.extend_from_slice(format!("{} {kind} {}\t", entry.mode, entry.id).as_bytes());
            text.extend_from_slice(name);
            text.push(0);
        }
        text.push(0);
        in_time(self.to.write_all(&text)).await?;
        let line = answer(&mut self.from).await?;
        one_id(line.as_bytes())
    }
}

/// One line of a git that is talked with. A git that has ended says nothing.
async fn answer(from: &mut BufReader<ChildStdout>) -> Result<String, GitFault> {
    let mut line = String::new();
    in_time(from.read_line(&mut line)).await?;
    if line.ends_with('\n') { Ok(line) } else { Err(io(std::io::ErrorKind::UnexpectedEof.into())) }
}

async fn in_time<T>(work: impl Future<Output = std::io::Result<T>>) -> Result<T, GitFault> {
    match tokio::time::timeout(TIME_LIMIT, work).await {
        Ok(done) => done.map_err(io),
        Err(_) => Err(GitFault::Slow { what: TALKED_WITH.to_owned(), limit: TIME_LIMIT }),
    }
}

fn io(source: std::io::Error) -> GitFault {
    GitFault::Io { what: TALKED_WITH.to_owned(), source }
}
