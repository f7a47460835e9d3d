//! What kaas does to a pull request: open it, comment it, merge it, close it.
//!
//! Each is a loop: look, decide, write objects (which nobody sees yet), swap the refs. Who loses the swap looks again.

use std::time::Duration;

use super::commits::File;
use super::look::{SOMEBODY, View, merge_base};
use super::objects::{Reader, write_blob};
use super::record::{LAST, MAIN, PullRecord, PullState, branch_ref, head_ref, kept_ref, pull_ref};
use super::refs::{Old, Swap, Update};
use super::{LocalForge, head_sha};
use crate::forge::content::{Objects, folder_digest};
use crate::forge::git::AUTHOR;
use crate::forge::names;
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
        let strange = crate::forge::content::strange_files(&mut view.reader, Some(&base), &tree, &new.folder).await?;
        Ok(strange == 0 && folder_digest(&mut view.reader, &tree, &new.folder).await? == *content)
    }

    async fn highest(&self, view: &mut View) -> Answer<u64> {
        match &view.last {
            Some(id) => Ok(PullRecord::parse(&view.reader.blob(id).await?)?.number),
            None => Ok(0),
        }
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
        let missing =
            || Trouble::Lasting { line: format!("The local forge has no pull request #{number}."), source: None };
        let blob = self.refs.read(&[&name]).await?.remove(&name).ok_or_else(missing)?;
        let record = PullRecord::parse(&Reader::start(&self.git)?.blob(&blob).await?)?;
        let view = self.view(&record.branch).await?;
        Ok(match view.record.clone() {
            Some((blob, record)) if record.number == number => Found { view, record, blob, newest: true },
            _ => Found { view, record, blob, newest: false },
        })
    }
}

/// Waits a little before a further round, and ends where the work is not wanted any more.
async fn pause(call: &Call, round: u32) -> Answer<()> {
    if round > 0 {
        tokio::time::sleep(ROUND_WAIT * round).await;
    }
    if call.stop.is_cancelled() { Err(Trouble::Stopped) } else { Ok(()) }
}

fn busy() -> Trouble {
    Trouble::Passing { line: "The local forge's repository is busy.".to_owned(), wait: None, source: None }
}
