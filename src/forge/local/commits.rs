//! The commits that kaas writes: one upon main that changes a folder, and one that merges it. Objects only, which nobody sees before the refs are
//! swapped.

use std::collections::BTreeMap;

use super::LocalForge;
use super::look::View;
use super::objects::{Reader, TreeWriter, write_blob};
use crate::forge::content::{Entry, FILE, FOLDER, Objects, Tree};
use crate::forge::git::{GitFault, one_id};
use crate::forge::names;
use crate::ports::{Answer, Trouble};

/// A file of the cluster's folder: its path below it, and its content.
pub(super) type File<'a> = (&'a str, &'a str);

impl LocalForge {
    /// Writes a commit upon main in which the folder holds exactly these files.
    pub(super) async fn commit(
        &self,
        view: &mut View,
        folder: &str,
        files: &[File<'_>],
        message: &str,
    ) -> Answer<String> {
        let root = view.reader.commit(&view.main).await?.tree;
        let mut above = folders_above(&mut view.reader, &root, folder).await?;
        let mut writer = TreeWriter::start(&self.git)?;
        let mut below = self.folder(&mut writer, files).await?;
        for name in folder.rsplit('/') {
            let Some(mut tree) = above.pop() else { break };
            match below.take() {
                Some(entry) => tree.insert(name.into(), entry),
                None => tree.remove(name.as_bytes()),
            };
            // git has no empty folders, except for the repository's own.
            if !tree.is_empty() || above.is_empty() {
                below = Some(Entry { mode: FOLDER.to_owned(), id: writer.write(&tree).await? });
            }
        }
        let tree = below.map_or(root, |entry| entry.id);
        let args = ["commit-tree", &tree, "-p", &view.main];
        Ok(one_id(&self.git.run_at(&args, with_newline(message).as_bytes(), self.clock.now()).await?)?)
    }

    /// Writes the files and their folder; `None` without files.
    async fn folder(&self, writer: &mut TreeWriter, files: &[File<'_>]) -> Answer<Option<Entry>> {
        let mut folders = BTreeMap::<&str, Tree>::new();
        for (path, content) in files {
            let (folder, name) = path.rsplit_once('/').unwrap_or(("", path));
            let entry = Entry { mode: FILE.to_owned(), id: write_blob(&self.git, content.as_bytes()).await? };
            folders.entry(folder).or_default().insert(name.into(), entry);
            let mut at = folder;
            while let Some((up, _)) = at.rsplit_once('/').or_else(|| (!at.is_empty()).then_some(("", at))) {
                folders.entry(up).or_default();
                at = up;
            }
        }
        // What is inside comes after what it is in, so the way is backwards.
        while let Some((path, tree)) = folders.pop_last() {
            let entry = Entry { mode: FOLDER.to_owned(), id: writer.write(&tree).await? };
            if path.is_empty() {
                return Ok(Some(entry));
            }
            let (up, name) = path.rsplit_once('/').unwrap_or(("", path));
            folders.entry(up).or_default().insert(name.into(), entry);
        }
        Ok(None)
    }

    /// Writes the commit that merges a head into main.
    pub(super) async fn merge_commit(
        &self,
        view: &mut View,
        head: &str,
        folder: &str,
        message: &str,
    ) -> Answer<String> {
        let args = ["merge-tree", "--write-tree", "--name-only", "--no-messages", &view.main, head];
        let output = self.git.try_run(&args, b"", None).await?;
        let text = String::from_utf8_lossy(&output.stdout).into_owned();
        let mut lines = text.lines();
        let failed =
            || GitFault::Failed { what: "merge-tree".into(), status: output.status, stderr: output.stderr.clone() };
        match output.status.code() {
            Some(0) => {}
            Some(1) => {
                let names: Vec<_> = lines.skip(1).filter(|name| !name.is_empty()).take(3).map(names::shown).collect();
                return Err(Trouble::lasting(
                    format!("The pull request does not merge: main has other changes in {}.", names.join(", ")),
                    failed(),
                ));
            }
            _ if output.stderr.contains("unrelated histories") => {
                return Err(Trouble::lasting(
                    "The pull request does not merge: its branch has nothing in common with main.",
                    failed(),
                ));
            }
            _ => return Err(failed().into()),
        }
        let tree = one_id(lines.next().unwrap_or_default().as_bytes())?;
        // What was approved is what main is to hold, whatever else a merge made of it.
        let root = view.reader.commit(head).await?.tree;
        if view.reader.entry(&tree, folder).await? != view.reader.entry(&root, folder).await? {
            return Err(Trouble::Lasting {
                line: format!("The pull request does not merge: main has other changes in {folder}."),
                source: None,
            });
        }
        let args = ["commit-tree", &tree, "-p", &view.main, "-p", head];
        Ok(one_id(&self.git.run_at(&args, with_newline(message).as_bytes(), self.clock.now()).await?)?)
    }
}

/// The trees from the repository's root down to the one that the folder is in. Those that are not there are empty.
async fn folders_above(reader: &mut Reader, root: &str, folder: &str) -> Answer<Vec<Tree>> {
    let mut trees = vec![reader.tree(root).await?];
    let names: Vec<_> = folder.split('/').collect();
    for name in &names[..names.len() - 1] {
        let entry = trees.last().and_then(|tree| tree.get(name.as_bytes())).cloned();
        trees.push(match entry {
            Some(entry) if entry.mode == FOLDER => reader.tree(&entry.id).await?,
            Some(_) => return Err(GitFault::Garbled(format!("`{name}` on main is no folder")).into()),
            None => Tree::new(),
        });
    }
    Ok(trees)
}

fn with_newline(message: &str) -> String {
    format!("{}\n", message.trim_end())
}
