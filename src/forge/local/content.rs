//! What a commit holds: the cluster's folder, and what differs outside of it.

use sha2::{Digest, Sha256};

use super::git::GitFault;
use super::objects::{Entry, FILE, FOLDER, Reader, Tree};
use crate::lifecycle::ContentDigest;
use crate::render::module::{RenderedFile, content_digest};

/// The most files that a folder written by kaas has; one with more is not one of kaas'.
const FILES_MAX: usize = 64;
/// The largest file that kaas writes, in bytes; a larger one is not read.
const FILE_MAX: u64 = 1 << 20;
/// Where counting strange files ends.
pub(super) const STRANGE_MAX: u32 = 10_000;

/// The digest of a folder: that of its files if all of them are what kaas writes (regular files with mode 0644 and UTF-8 text), and otherwise one
/// that no such files have.
pub(super) async fn folder_digest(reader: &mut Reader, root: &str, folder: &str) -> Result<ContentDigest, GitFault> {
    let Some(entry) = reader.entry(root, folder).await? else {
        return Ok(content_digest(&[]));
    };
    match regular_files(reader, &entry, folder).await? {
        Some(files) => Ok(content_digest(&files)),
        None => Ok(digest(Sha256::new_with_prefix(format!("not written by kaas: {} {}", entry.mode, entry.id)))),
    }
}

/// The files below a folder, or `None` as soon as one is not what kaas writes.
async fn regular_files(
    reader: &mut Reader,
    entry: &Entry,
    folder: &str,
) -> Result<Option<Vec<RenderedFile>>, GitFault> {
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
pub(super) async fn changed_files(
    reader: &mut Reader,
    before: &str,
    after: &str,
    folder: &str,
) -> Result<u32, GitFault> {
    let (before, after) = (reader.entry(before, folder).await?, reader.entry(after, folder).await?);
    let tree = |entry: Option<Entry>| entry.filter(|entry| entry.mode == FOLDER).map(|entry| entry.id);
    differing(reader, tree(before), tree(after), None).await
}

/// How many files outside the folder differ between two trees; counting ends at [`STRANGE_MAX`].
pub(super) async fn strange_files(
    reader: &mut Reader,
    base: Option<&str>,
    head: &str,
    folder: &str,
) -> Result<u32, GitFault> {
    differing(reader, base.map(str::to_owned), Some(head.to_owned()), Some(folder)).await
}

/// How many files differ between two trees, without those in the folder to skip.
async fn differing(
    reader: &mut Reader,
    base: Option<String>,
    head: Option<String>,
    skip: Option<&str>,
) -> Result<u32, GitFault> {
    let mut strange = 0;
    let mut open = vec![(Vec::new(), base, head)];
    while let Some((path, base, head)) = open.pop() {
        if base == head {
            continue;
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

async fn read(reader: &mut Reader, tree: Option<String>) -> Result<Tree, GitFault> {
    match tree {
        Some(id) => reader.tree(&id).await,
        None => Ok(Tree::new()),
    }
}

fn digest(hash: Sha256) -> ContentDigest {
    let hex: String = hash.finalize().iter().map(|b| format!("{b:02x}")).collect();
    hex.parse().unwrap_or_else(|_| unreachable!("a sha256 has 64 hex digits"))
}
