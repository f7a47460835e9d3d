//! What kaas does to a pull request: open it, comment it, merge it, close it.
//!
//! Each is a loop: look, decide, write objects (which nobody sees yet), swap the refs. Who loses the swap looks again.

use std::time::Duration;

use super::content::folder_digest;
use super::git::{AUTHOR, GitFault, one_id};
use super::look::{SOMEBODY, View, merge_base};
use super::objects::{Entry, FILE, FOLDER, Reader, Tree, TreeWriter, write_blob};
use super::record::{LAST, MAIN, PullRecord, PullState, branch_ref, head_ref, kept_ref, pull_ref};
use super::refs::{Old, Swap, Update};
use super::{LocalForge, head_sha, names};
use crate::lifecycle::{HeadSha, Pull};
use crate::ports::{Answer, Call, Merged, NewPull, PullStatus, Trouble};
use crate::render::module::{RenderedFile, content_digest};

/// How often a swap is tried before it is left to a later attempt.
const ROUNDS: u32 = 12;
/// How long the loser of the first swap waits; each further one waits this much longer.
const ROUND_WAIT: Duration = Duration::from_millis(4);
/// The marker of the comment with which a pull request is closed.
const CLOSING: &str = "closed";

/// A pull request found by its number.
struct Found {
    view: View,
    record: PullRecord,
    /// The blob of the record, and whether it is the one that counts for the branch.
    blob: String,
    newest: bool,
}

/// A file of the cluster's folder: its path below it, and its content.
type File<'a> = (&'a str, &'a str);

impl LocalForge {
    pub(super) async fn write_open(&self, call: &Call, new: &NewPull) -> Answer<Pull> {
        names::branch(&new.branch)?;
        names::folder(&new.folder)?;
        let mut files = Vec::new();
        for file in &new.files {
            let path = names::file(&file.path, &new.folder)?;
            files.extend(file.content.as_deref().map(|content| (path, content)));
        }
        let _turn = self.turn.lock().await;
        for round in 0..ROUNDS {
            pause(call, round).await?;
            if let Some(pull) = self.open_once(call, new, &files).await? {
                return Ok(pull);
            }
        }
        Err(busy())
    }

    /// One round; `None` if somebody was faster.
    async fn open_once(&self, call: &Call, new: &NewPull, files: &[File<'_>]) -> Answer<Option<Pull>> {
        let whole = files.iter().map(|(path, content)| {
            let path = format!("{}/{path}", new.folder);
            RenderedFile { path, content: (*content).to_owned() }
        });
        let content = content_digest(&whole.collect::<Vec<_>>());
        let mut view = self.view(&new.branch).await?;
        let known = view.record.clone();
        // The head that may stay, with the record that goes on.
        let (mut kept, mut goes_on) = (None, None);
        if let Some((_, record)) = &known {
            let now = self.now(&mut view, record, &new.folder).await?;
            let same = now.pull.content == content;
            match (&now.status, &record.state) {
                (PullStatus::Merged { .. }, _) if same => return Ok(Some(now.pull)),
                (PullStatus::Open, _) => {
                    kept = (same && now.strange_files == 0).then(|| now.pull.head.to_string());
                    goes_on = Some(record.clone());
                }
                // Its branch was deleted: it is made again.
                (PullStatus::Closed { .. }, PullState::Open) => goes_on = Some(record.clone()),
                (PullStatus::Merged { .. } | PullStatus::Closed { .. }, _) => {}
            }
        } else if let Some(head) = view.branch.clone() {
            // A branch without a pull request: an earlier attempt was killed, or somebody made it.
            kept = self.holds_exactly(&mut view, &head, new, &content).await?.then_some(head);
        }
        let (head, base) = match (kept, &goes_on) {
            (Some(head), Some(record)) if head == record.head => (head, record.base.clone()),
            (Some(head), _) => {
                let base = merge_base(&self.git, &mut view.reader, &view.main, &head).await?;
                (head, base.unwrap_or_else(|| view.main.clone()))
            }
            (None, _) => (self.commit(&mut view, &new.folder, files, &new.commit).await?, view.main.clone()),
        };
        let adding = goes_on.is_none();
        let mut record = match goes_on {
            Some(record) => record,
            None => PullRecord {
                number: self.highest(&mut view).await? + 1,
                branch: new.branch.clone(),
                folder: String::new(),
                title: String::new(),
                body: String::new(),
                head: String::new(),
                base: String::new(),
                by: AUTHOR.0.to_owned(),
                opened: self.clock.now(),
                state: PullState::Open,
                comments: Vec::new(),
            },
        };
        new.folder.clone_into(&mut record.folder);
        new.title.clone_into(&mut record.title);
        new.body.clone_into(&mut record.body);
        (record.head, record.base) = (head.clone(), base);
        let number = record.number;
        let pull = Pull { number, url: self.url(number), head: head_sha(&head)?, content };
        let same = known.as_ref().is_some_and(|(_, old)| *old == record) && view.branch.as_ref() == Some(&head);
        // An earlier attempt may have been killed between two refs, so a further one writes all of them.
        if same && call.attempt <= 1 {
            return Ok(Some(pull));
        }
        let blob = write_blob(&self.git, &record.bytes()?).await?;
        let mut updates = vec![Update::set(head_ref(&new.branch), &head, Old::read(view.branch.as_ref()))];
        if adding {
            // The number is taken before anything bears it.
            updates.push(Update::set(LAST, &blob, Old::read(view.last.as_ref())));
        }
        let old = known.map(|(id, _)| id);
        updates.push(Update::set(branch_ref(&new.branch), &blob, Old::read(old.as_ref())));
        updates.push(Update::set(pull_ref(number), &blob, Old::Any));
        updates.push(Update::set(kept_ref(number), &head, Old::Any));
        Ok((self.refs.change(&updates).await? == Swap::Done).then_some(pull))
    }

    /// Whether a branch holds what is wanted and nothing else differs.
    async fn holds_exactly(
        &self,
        view: &mut View,
        head: &str,
        new: &NewPull,
        content: &crate::lifecycle::ContentDigest,
    ) -> Answer<bool> {
        let Some(base) = merge_base(&self.git, &mut view.reader, &view.main, head).await?.filter(|base| base != head)
        else {
            return Ok(false);
        };
        let (tree, base) = (view.reader.commit(head).await?.tree, view.reader.commit(&base).await?.tree);
        let strange = super::content::strange_files(&mut view.reader, Some(&base), &tree, &new.folder).await?;
        Ok(strange == 0 && folder_digest(&mut view.reader, &tree, &new.folder).await? == *content)
    }

    async fn highest(&self, view: &mut View) -> Answer<u64> {
        match &view.last {
            Some(id) => Ok(PullRecord::parse(&view.reader.blob(id).await?)?.number),
            None => Ok(0),
        }
    }

    /// Writes a commit upon main in which the folder holds exactly these files.
    async fn commit(&self, view: &mut View, folder: &str, files: &[File<'_>], message: &str) -> Answer<String> {
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
        let mut folders = std::collections::BTreeMap::<&str, Tree>::new();
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

    pub(super) async fn write_comment(&self, call: &Call, number: u64, marker: &str, body: &str) -> Answer<()> {
        let _turn = self.turn.lock().await;
        for round in 0..ROUNDS {
            pause(call, round).await?;
            let Found { mut record, blob, newest, .. } = self.find(number).await?;
            if !record.say(marker, body, self.clock.now()) && call.attempt <= 1 {
                return Ok(());
            }
            let new = write_blob(&self.git, &record.bytes()?).await?;
            let updates = match newest {
                true => vec![
                    Update::set(branch_ref(&record.branch), &new, Old::Is(blob)),
                    Update::set(pull_ref(number), &new, Old::Any),
                ],
                false => vec![Update::set(pull_ref(number), &new, Old::Is(blob))],
            };
            if self.refs.change(&updates).await? == Swap::Done {
                return Ok(());
            }
        }
        Err(busy())
    }

    pub(super) async fn write_merge(&self, call: &Call, number: u64, head: &HeadSha, message: &str) -> Answer<Merged> {
        let _turn = self.turn.lock().await;
        for round in 0..ROUNDS {
            pause(call, round).await?;
            if let Some(merged) = self.merge_once(number, head.as_str(), message).await? {
                return Ok(merged);
            }
        }
        Err(busy())
    }

    /// One round; `None` if somebody was faster.
    async fn merge_once(&self, number: u64, head: &str, message: &str) -> Answer<Option<Merged>> {
        let Found { mut view, mut record, blob, newest } = self.find(number).await?;
        let folder = record.folder.clone();
        if let PullState::Merged { commit, .. } = &record.state
            && record.head == head
        {
            let yes = Merged::Yes(head_sha(commit)?);
            let leftover = view.branch.filter(|branch| newest && branch == head);
            return match leftover {
                Some(_) => self.swap(vec![Update::delete(head_ref(&record.branch), head)], yes).await,
                None => Ok(Some(yes)),
            };
        }
        if record.state != PullState::Open || !newest {
            return Ok(Some(Merged::Moved(self.now(&mut view, &record, &folder).await?)));
        }
        let live = view.branch.clone().unwrap_or_else(|| record.head.clone());
        let base = merge_base(&self.git, &mut view.reader, &view.main, &live).await?;
        let (commit, main) = match self.hand_merged(&view, &record, base.as_deref()).await? {
            Some(merged) if merged.head == head => (merged.commit, None),
            None if view.branch.as_deref() == Some(head) => {
                let commit = self.merge_commit(&mut view, head, &folder, message).await?;
                let main = Update::set(MAIN, &commit, Old::Is(view.main.clone()));
                (commit, Some(main))
            }
            Some(_) | None => return Ok(Some(Merged::Moved(self.now(&mut view, &record, &folder).await?))),
        };
        // An earlier attempt of kaas that was killed looks like a merge by hand, except for its committer.
        let by = view.reader.commit(&commit).await.map_or_else(|_| AUTHOR.0.to_owned(), |commit| commit.committer);
        let by = if by == AUTHOR.0 { by } else { SOMEBODY.to_owned() };
        record.state = PullState::Merged { commit: commit.clone(), by, at: self.clock.now() };
        head.clone_into(&mut record.head);
        let new = write_blob(&self.git, &record.bytes()?).await?;
        let mut updates: Vec<_> = main.into_iter().collect();
        updates.push(Update::set(kept_ref(number), head, Old::Any));
        updates.push(Update::set(branch_ref(&record.branch), &new, Old::Is(blob)));
        updates.push(Update::set(pull_ref(number), &new, Old::Any));
        if view.branch.as_deref() == Some(head) {
            updates.push(Update::delete(head_ref(&record.branch), head));
        }
        self.swap(updates, Merged::Yes(head_sha(&commit)?)).await
    }

    /// Writes the commit that merges a head into main.
    async fn merge_commit(&self, view: &mut View, head: &str, folder: &str, message: &str) -> Answer<String> {
        let args = ["merge-tree", "--write-tree", "--name-only", "--no-messages", &view.main, head];
        let output = self.git.try_run(&args, b"", None).await?;
        let text = String::from_utf8_lossy(&output.stdout).into_owned();
        let mut lines = text.lines();
        let failed = || GitFault::Failed { what: "merge-tree".into(), status: output.status, stderr: output.stderr.clone() };
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
                return Err(Trouble::lasting("The pull request does not merge: its branch has nothing in common with main.", failed()));
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

    pub(super) async fn write_close(&self, call: &Call, branch: &str, comment: &str) -> Answer<()> {
        names::branch(branch)?;
        let _turn = self.turn.lock().await;
        for round in 0..ROUNDS {
            pause(call, round).await?;
            if self.close_once(branch, comment).await?.is_some() {
                return Ok(());
            }
        }
        Err(busy())
    }

    /// One round; `None` if somebody was faster.
    async fn close_once(&self, branch: &str, comment: &str) -> Answer<Option<()>> {
        let mut view = self.view(branch).await?;
        let live = view.branch.clone();
        let gone = live.as_ref().map(|live| Update::delete(head_ref(branch), live));
        let Some((blob, mut record)) = view.record.clone() else {
            return self.swap(gone.into_iter().collect(), ()).await;
        };
        let now = match &record.state {
            PullState::Open => Some(self.now(&mut view, &record.clone(), &record.folder).await?),
            PullState::Merged { .. } => {
                let gone = gone.filter(|_| live.as_ref() == Some(&record.head));
                return self.swap(gone.into_iter().collect(), ()).await;
            }
            PullState::Closed { .. } => None,
        };
        let Some(now) = now else {
            return self.swap(gone.into_iter().collect(), ()).await;
        };
        let at = self.clock.now();
        record.head = now.pull.head.to_string();
        record.state = match now.status {
            PullStatus::Merged { commit } => PullState::Merged { commit: commit.to_string(), by: SOMEBODY.into(), at },
            PullStatus::Open | PullStatus::Closed { .. } => {
                record.say(CLOSING, comment, at);
                PullState::Closed { by: AUTHOR.0.to_owned(), at }
            }
        };
        let new = write_blob(&self.git, &record.bytes()?).await?;
        let mut updates = vec![
            Update::set(kept_ref(record.number), &record.head, Old::Any),
            Update::set(branch_ref(branch), &new, Old::Is(blob)),
            Update::set(pull_ref(record.number), &new, Old::Any),
        ];
        updates.extend(gone);
        self.swap(updates, ()).await
    }

    async fn swap<T>(&self, updates: Vec<Update>, then: T) -> Answer<Option<T>> {
        if updates.is_empty() {
            return Ok(Some(then));
        }
        Ok((self.refs.change(&updates).await? == Swap::Done).then_some(then))
    }

    /// Finds a pull request by its number, and what is true of its branch.
    async fn find(&self, number: u64) -> Answer<Found> {
        let name = pull_ref(number);
        let missing = || Trouble::Lasting { line: format!("The local forge has no pull request #{number}."), source: None };
        let blob = self.refs.read(&[&name]).await?.remove(&name).ok_or_else(missing)?;
        let record = PullRecord::parse(&Reader::start(&self.git)?.blob(&blob).await?)?;
        let view = self.view(&record.branch).await?;
        Ok(match view.record.clone() {
            Some((blob, record)) if record.number == number => Found { view, record, blob, newest: true },
            _ => Found { view, record, blob, newest: false },
        })
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

/// Waits a little before a further round, and ends where the work is not wanted any more.
async fn pause(call: &Call, round: u32) -> Answer<()> {
    if round > 0 {
        tokio::time::sleep(ROUND_WAIT * round).await;
    }
    if call.stop.is_cancelled() { Err(Trouble::Stopped) } else { Ok(()) }
}

fn with_newline(message: &str) -> String {
    format!("{}\n", message.trim_end())
}

fn busy() -> Trouble {
    Trouble::Passing { line: "The local forge's repository is busy.".to_owned(), wait: None, source: None }
}
