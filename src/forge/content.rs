//! What a commit holds: the cluster's folder, and what differs outside of it. One code for all forges, so that the same content has the same digest
//! wherever it lies; where trees and blobs come from is [`Objects`].

use std::collections::BTreeMap;

use async_trait::async_trait;
use sha2::{Digest, Sha256};

use crate::lifecycle::ContentDigest;
use crate::render::module::{RenderedFile, content_digest};

/// The mode of a regular file, the only one that kaas writes.
pub(super) const FILE: &str = "100644";
/// The mode of a folder, as it stands in a tree object.
pub(super) const FOLDER: &str = "40000";

/// The most files that a folder written by kaas has; one with more is not one of kaas'.
const FILES_MAX: usize = 64;
/// The largest file that kaas writes, in bytes; a larger one is not read.
const FILE_MAX: u64 = 1 << 20;
/// Where counting strange files ends.
pub(super) const STRANGE_MAX: u32 = 10_000;

/// One entry of a tree.
#[derive(Debug, Clone, PartialEq, Eq)]
pub(super) struct Entry {
    pub mode: String,
    pub id: String,
}

/// A tree: names are bytes, because a stranger may have written them.
pub(super) type Tree = BTreeMap<Vec<u8>, Entry>;

/// Where git's objects are read from.
#[async_trait]
pub(super) trait Objects: Send {
    /// How many folders are read at most to count what differs; a count that ends there is at least one.
    const FOLDERS_MAX: usize = usize::MAX;
    /// How reading fails.
    type Fault: Send;

    /// A tree, by its full id.
    async fn tree(&mut self, id: &str) -> Result<Tree, Self::Fault>;
    /// A blob's content.
    async fn blob(&mut self, id: &str) -> Result<Vec<u8>, Self::Fault>;
    /// The size in bytes of a blob of a tree that was read, without reading the blob; `None` if it is not there or no blob.
    async fn blob_size(&mut self, id: &str) -> Result<Option<u64>, Self::Fault>;

    /// The entry at a path below a tree.
    async fn entry(&mut self, tree: &str, path: &str) -> Result<Option<Entry>, Self::Fault> {
        let mut at = Entry { mode: FOLDER.to_owned(), id: tree.to_owned() };
        for name in path.split('/') {
            if at.mode != FOLDER {
                return Ok(None);
            }
            match self.tree(&at.id).await?.remove(name.as_bytes()) {
                Some(entry) => at = entry,
                None => return Ok(None),
            }
        }
        Ok(Some(at))
    }
}

/// The digest of a folder: that of its files if all of them are what kaas writes (regular files with mode 0644 and UTF-8 text), and otherwise one
/// that no such files have.
pub(super) async fn folder_digest<R: Objects>(
    reader: &mut R,
    root: &str,
    folder: &str,
) -> Result<ContentDigest, R::Fault> {
    match reader.entry(root, folder).await? {
        Some(entry) => entry_digest(reader, &entry, folder).await,
        None => Ok(content_digest(&[])),
    }
}

/// The same for a folder whose entry is known.
pub(super) async fn entry_digest<R: Objects>(
    reader: &mut R,
    entry: &Entry,
    folder: &str,
) -> Result<ContentDigest, R::Fault> {
    match regular_files(reader, entry, folder).await? {
        Some(files) => Ok(content_digest(&files)),
        None => Ok(digest(Sha256::new_with_prefix(format!("not written by kaas: {} {}", entry.mode, entry.id)))),
    }
}

/// The files below a folder, or `None` as soon as one is not what kaas writes.
async fn regular_files<R: Objects>(
    reader: &mut R,
    entry: &Entry,
    folder: &str,
) -> Result<Option<Vec<RenderedFile>>, R::Fault> {
    if entry.mode != FOLDER {
        return Ok(None);
    }
    let (mut files, mut folders) = (Vec::new(), vec![(folder.to_owned(), entry.id.clone())]);
    while let Some((path, id)) = folders.pop() {
        let tree = reader.tree(&id).await?;
        if tree.is_empty() || files.len() + folders.len() + tree.len() > FILES_MAX {
            return Ok(None);
        }
        for (name, entry) in tree {
            let Ok(name) = String::from_utf8(name) else { return Ok(None) };
            let path = format!("{path}/{name}");
            match entry.mode.as_str() {
                FOLDER => folders.push((path, entry.id)),
                FILE if reader.blob_size(&entry.id).await?.is_some_and(|size| size <= FILE_MAX) => {
                    let Ok(content) = String::from_utf8(reader.blob(&entry.id).await?) else { return Ok(None) };
                    files.push(RenderedFile { path, content });
                }
                _ => return Ok(None),
            }
        }
    }
    Ok(Some(files))
}

/// How many files of the folder differ between two trees; counting ends at [`STRANGE_MAX`].
pub(super) async fn changed_files<R: Objects>(
    reader: &mut R,
    before: &str,
    after: &str,
    folder: &str,
) -> Result<u32, R::Fault> {
    let (before, after) = (reader.entry(before, folder).await?, reader.entry(after, folder).await?);
    let tree = |entry: Option<Entry>| entry.filter(|entry| entry.mode == FOLDER).map(|entry| entry.id);
    differing(reader, tree(before), tree(after), None).await
}

/// How many files outside the folder differ between two trees; counting ends at [`STRANGE_MAX`].
pub(super) async fn strange_files<R: Objects>(
    reader: &mut R,
    base: Option<&str>,
    head: &str,
    folder: &str,
) -> Result<u32, R::Fault> {
    differing(reader, base.map(str::to_owned), Some(head.to_owned()), Some(folder)).await
}

/// How many files differ between two trees, without those in the folder to skip.
async fn differing<R: Objects>(
    reader: &mut R,
    base: Option<String>,
    head: Option<String>,
    skip: Option<&str>,
) -> Result<u32, R::Fault> {
    let (mut strange, mut folders) = (0_u32, 0);
    let mut open = vec![(Vec::new(), base, head)];
    while let Some((path, base, head)) = open.pop() {
        if base == head {
            continue;
        }
        folders += 1;
        if folders > R::FOLDERS_MAX {
            return Ok(strange.max(1));
        }
        let (before, after) = (read(reader, base).await?, read(reader, head).await?);
        let names: std::collections::BTreeSet<_> = before.keys().chain(after.keys()).collect();
        for name in names {
            let (old, new) = (before.get(name), after.get(name));
            let full = if path.is_empty() { name.clone() } else { [&path[..], b"/", name].concat() };
            if old == new || skip.is_some_and(|folder| full == folder.as_bytes()) {
                continue;
            }
            let file = |entry: Option<&Entry>| entry.is_some_and(|entry| entry.mode != FOLDER);
            let tree = |entry: Option<&Entry>| entry.filter(|entry| entry.mode == FOLDER).map(|entry| entry.id.clone());
            strange += u32::from(file(old) || file(new));
            if strange >= STRANGE_MAX {
                return Ok(STRANGE_MAX);
            }
            if tree(old).is_some() || tree(new).is_some() {
                open.push((full, tree(old), tree(new)));
            }
        }
    }
    Ok(strange)
}

async fn read<R: Objects>(reader: &mut R, tree: Option<String>) -> Result<Tree, R::Fault> {
    match tree {
        Some(id) => reader.tree(&id).await,
        None => Ok(Tree::new()),
    }
}

fn digest(hash: Sha256) -> ContentDigest {
    let hex: String = hash.finalize().iter().map(|b| format!("{b:02x}")).collect();
    hex.parse().unwrap_or_else(|_| unreachable!("a sha256 has 64 hex digits"))
}
