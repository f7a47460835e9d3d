//! git's objects on GitHub: read by id and remembered, because what has an id never changes; written as one tree and one commit.

use std::collections::{BTreeMap, HashMap};
use std::sync::{Arc, Mutex, PoisonError};

use async_trait::async_trait;
use base64::Engine as _;
use base64::engine::general_purpose::STANDARD;
use http::Method;
use serde_json::{Value, json};

use super::api::Api;
use super::failure::{Endpoint, Failure};
use super::shapes::{Blob, Comparison, GitCommit, Object, RepoCommit, TreeShape};
use crate::forge::content::{Entry, FILE, FOLDER, Objects, Tree, entry_digest};
use crate::forge::names;
use crate::lifecycle::ContentDigest;

/// How many things of each kind are remembered; then all of them are forgotten.
const REMEMBERED_MAX: usize = 2_000;
/// How many tree entries are remembered over all trees.
const ENTRIES_MAX: usize = 200_000;
/// How many files of a folder kaas replaces; a cluster's folder holds a handful.
const REPLACED_MAX: usize = 1_000;

const TREE: Endpoint = Endpoint { name: "git/tree", does: "read the repository", needs: "contents=read" };
const BLOB: Endpoint = Endpoint { name: "git/blob", does: "read the repository", needs: "contents=read" };
const COMMIT: Endpoint = Endpoint { name: "git/commit", does: "read the repository", needs: "contents=read" };
const WHO: Endpoint = Endpoint { name: "commits/get", does: "read the repository", needs: "contents=read" };
const COMPARE: Endpoint = Endpoint { name: "compare", does: "read the repository", needs: "contents=read" };
const WRITE_TREE: Endpoint = Endpoint { name: "git/tree/create", does: "write commits", needs: "contents=write" };
const WRITE_COMMIT: Endpoint = Endpoint { name: "git/commit/create", does: "write commits", needs: "contents=write" };

/// A commit, as far as kaas looks at it.
#[derive(Debug, Clone)]
pub(super) struct Commit {
    pub tree: String,
    pub parents: Vec<String>,
}

/// What was read of objects, by their ids.
#[derive(Default)]
pub(super) struct Memory(Mutex<Remembered>);

#[derive(Default)]
struct Remembered {
    trees: HashMap<String, Arc<Tree>>,
    entries: usize,
    sizes: HashMap<String, u64>,
    commits: HashMap<String, Commit>,
    /// Who pushed a commit.
    people: HashMap<String, String>,
    /// The digest of a folder, by its entry's id and mode and its path.
    digests: HashMap<(String, String, String), ContentDigest>,
    merge_bases: HashMap<(String, String), String>,
}

/// The objects of the repository.
#[derive(Clone, Copy)]
pub(super) struct Repository<'a> {
    pub api: &'a Api,
    pub memory: &'a Memory,
}

impl Memory {
    fn with<T>(&self, f: impl FnOnce(&mut Remembered) -> T) -> T {
        let mut remembered = self.0.lock().unwrap_or_else(PoisonError::into_inner);
        if remembered.entries > ENTRIES_MAX || remembered.is_full() {
            *remembered = Remembered::default();
        }
        f(&mut remembered)
    }

    /// Remembers a commit.
    pub fn keep_commit(&self, id: &str, commit: Commit) {
        self.with(|all| all.commits.insert(id.to_owned(), commit));
    }
}

impl Remembered {
    fn is_full(&self) -> bool {
        let largest =
            [self.trees.len(), self.commits.len(), self.people.len(), self.digests.len(), self.merge_bases.len()];
        largest.into_iter().any(|len| len > REMEMBERED_MAX) || self.sizes.len() > ENTRIES_MAX
    }
}

#[async_trait]
impl Objects for Repository<'_> {
    const FOLDERS_MAX: usize = 40;
    type Fault = Failure;

    async fn tree(&mut self, id: &str) -> Result<Tree, Failure> {
        if let Some(known) = self.memory.with(|all| all.trees.get(id).cloned()) {
            return Ok((*known).clone());
        }
        let shape: TreeShape = self.api.get(&TREE, &format!("git/trees/{id}")).await?;
        if shape.truncated {
            return Err(Failure::Strange {
                endpoint: &TREE,
                write: false,
                what: "a folder that is too large".to_owned(),
            });
        }
        let (mut tree, mut sizes) = (Tree::new(), Vec::new());
        for entry in shape.tree {
            sizes.extend(entry.size.map(|size| (entry.sha.clone(), size)));
            let mode = entry.mode.trim_start_matches('0').to_owned();
            tree.insert(entry.path.into_bytes(), Entry { mode, id: entry.sha });
        }
        let kept = Arc::new(tree.clone());
        self.memory.with(|all| {
            all.entries += kept.len();
            all.sizes.extend(sizes);
            all.trees.insert(id.to_owned(), kept);
        });
        Ok(tree)
    }

    async fn blob(&mut self, id: &str) -> Result<Vec<u8>, Failure> {
        let blob: Blob = self.api.get(&BLOB, &format!("git/blobs/{id}")).await?;
        let strange = |what: String| Failure::Strange { endpoint: &BLOB, write: false, what };
        match blob.encoding.as_str() {
            "base64" => {
                let text: String = blob.content.split_ascii_whitespace().collect();
                STANDARD.decode(text).map_err(|fault| strange(fault.to_string()))
            }
            "utf-8" => Ok(blob.content.into_bytes()),
            other => Err(strange(format!("a blob in {other}"))),
        }
    }

    async fn blob_size(&mut self, id: &str) -> Result<Option<u64>, Failure> {
        Ok(self.memory.with(|all| all.sizes.get(id).copied()))
    }
}

impl Repository<'_> {
    /// A commit, by its id.
    pub async fn commit(&self, id: &str) -> Result<Commit, Failure> {
        if let Some(known) = self.memory.with(|all| all.commits.get(id).cloned()) {
            return Ok(known);
        }
        let shape: GitCommit = self.api.get(&COMMIT, &format!("git/commits/{id}")).await?;
        let commit = Commit { tree: shape.tree.sha, parents: shape.parents.into_iter().map(|p| p.sha).collect() };
        self.memory.with(|all| all.commits.insert(id.to_owned(), commit.clone()));
        Ok(commit)
    }

    /// A commit, and who pushed it: by GitHub's name, or by their own where GitHub does not know them.
    pub async fn commit_and_who(&self, id: &str) -> Result<(Commit, String), Failure> {
        let known = self.memory.with(|all| Some((all.commits.get(id)?.clone(), all.people.get(id)?.clone())));
        if let Some(known) = known {
            return Ok(known);
        }
        let shape: RepoCommit = self.api.get(&WHO, &format!("commits/{id}?per_page=1")).await?;
        let login = |user: Option<super::shapes::MaybeUser>| user.and_then(|user| user.login);
        // Whoever edits on the web pushes nothing: GitHub commits in their name.
        let committer = login(shape.committer).filter(|login| login != "web-flow");
        let own = shape.commit.committer.and_then(|signature| signature.name);
        let who = names::shown(&committer.or_else(|| login(shape.author)).or(own).unwrap_or_default());
        let commit =
            Commit { tree: shape.commit.tree.sha, parents: shape.parents.into_iter().map(|p| p.sha).collect() };
        self.memory.with(|all| {
            all.commits.insert(id.to_owned(), commit.clone());
            all.people.insert(id.to_owned(), who.clone());
        });
        Ok((commit, who))
    }

    /// The commit that a branch (or commit) and a head have in common; `None` if they have none.
    pub async fn merge_base(&self, base: &str, head: &str) -> Result<Option<String>, Failure> {
        let key = (base.to_owned(), head.to_owned());
        if let Some(known) = self.memory.with(|all| all.merge_bases.get(&key).cloned()) {
            return Ok(Some(known));
        }
        let found: Option<Comparison> = self.api.find(&COMPARE, &format!("compare/{base}...{head}?per_page=1")).await?;
        let found = found.map(|comparison| comparison.merge_base_commit.sha);
        if let Some(found) = &found {
            self.memory.with(|all| all.merge_bases.insert(key, found.clone()));
        }
        Ok(found)
    }

    /// The digest of a folder below a root tree.
    pub async fn digest(&mut self, root: &str, folder: &str) -> Result<ContentDigest, Failure> {
        let Some(entry) = self.entry(root, folder).await? else {
            return crate::forge::content::folder_digest(self, root, folder).await;
        };
        let key = (entry.id.clone(), entry.mode.clone(), folder.to_owned());
        if let Some(known) = self.memory.with(|all| all.digests.get(&key).cloned()) {
            return Ok(known);
        }
        let digest = entry_digest(self, &entry, folder).await?;
        self.memory.with(|all| all.digests.insert(key, digest.clone()));
        Ok(digest)
    }

    /// Whether all that lies at a path in a commit is remembered, as far as it takes to say which files are there.
    pub fn knows_below(&self, commit: &str, path: &str) -> bool {
        self.memory.with(|all| {
            let Some(root) = all.commits.get(commit).map(|commit| commit.tree.clone()) else { return false };
            let mut open = vec![root];
            for name in path.split('/') {
                let Some(tree) = open.pop().and_then(|id| all.trees.get(&id)) else { return false };
                match tree.get(name.as_bytes()) {
                    Some(entry) if entry.mode == FOLDER => open.push(entry.id.clone()),
                    _ => return true,
                }
            }
            while let Some(id) = open.pop() {
                let Some(tree) = all.trees.get(&id) else { return false };
                open.extend(tree.values().filter(|entry| entry.mode == FOLDER).map(|entry| entry.id.clone()));
            }
            true
        })
    }

    /// Writes a folder that holds these files, apart from everything; `None` where there are none, because git knows no empty folder.
    pub async fn write_folder(&self, files: &[(&str, &str)]) -> Result<Option<String>, Failure> {
        if files.is_empty() {
            return Ok(None);
        }
        let entries: Vec<_> = files.iter().map(|(path, content)| file_entry(path, content)).collect();
        self.write_tree(&json!({ "tree": entries })).await.map(Some)
    }

    /// Writes a commit upon another in which a folder holds exactly these files. Where the folder was written already it takes the place of what is there;
    /// otherwise what is there is read, and taken away file by file.
    pub async fn write_upon(
        mut self,
        base: &str,
        folder: &str,
        files: &[(&str, &str)],
        written: Option<String>,
        message: &str,
    ) -> Result<String, Failure> {
        let root = self.commit(base).await?.tree;
        let mut entries: BTreeMap<String, Value> = BTreeMap::new();
        if let Some(written) = written {
            let entry = json!({ "path": folder, "mode": "040000", "type": "tree", "sha": written });
            entries.insert(folder.to_owned(), entry);
        } else {
            for (path, mode, kind) in self.files_below(&root, folder).await? {
                entries.insert(path.clone(), json!({ "path": path, "mode": mode, "type": kind, "sha": null }));
            }
            for (path, content) in files {
                let path = format!("{folder}/{path}");
                entries.insert(path.clone(), file_entry(&path, content));
            }
        }
        let tree = if entries.is_empty() {
            root
        } else {
            self.write_tree(&json!({ "base_tree": root, "tree": entries.into_values().collect::<Vec<_>>() })).await?
        };
        // Without an author it is kaas' own App or user, and GitHub signs what its Apps write.
        let body = json!({ "message": format!("{}\n", message.trim_end()), "tree": tree, "parents": [base] });
        let commit = self.api.write::<Object>(&WRITE_COMMIT, Method::POST, "git/commits", &body).await?.sha;
        self.memory.keep_commit(&commit, Commit { tree, parents: vec![base.to_owned()] });
        Ok(commit)
    }

    async fn write_tree(&self, body: &Value) -> Result<String, Failure> {
        Ok(self.api.write::<Object>(&WRITE_TREE, Method::POST, "git/trees", body).await?.sha)
    }

    /// All files below a folder: path from the root, mode, kind.
    async fn files_below(&mut self, root: &str, folder: &str) -> Result<Vec<(String, String, &'static str)>, Failure> {
        let mut files = Vec::new();
        let mut open: Vec<_> =
            self.entry(root, folder).await?.map(|entry| (folder.to_owned(), entry)).into_iter().collect();
        while let Some((path, entry)) = open.pop() {
            match entry.mode.as_str() {
                FOLDER => {
                    for (name, entry) in self.tree(&entry.id).await? {
                        open.push((format!("{path}/{}", String::from_utf8_lossy(&name)), entry));
                    }
                }
                "160000" => files.push((path, entry.mode, "commit")),
                _ => files.push((path, entry.mode, "blob")),
            }
            if files.len() + open.len() > REPLACED_MAX {
                let what = format!("{folder} holds more than {REPLACED_MAX} files");
                return Err(Failure::Strange { endpoint: &TREE, write: false, what });
            }
        }
        Ok(files)
    }
}

/// A file, as an entry of a tree that is to be written.
fn file_entry(path: &str, content: &str) -> Value {
    json!({ "path": path, "mode": FILE, "type": "blob", "content": content })
}
