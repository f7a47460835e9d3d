//! A forge: pull requests by branch, comments by marker, merges by head.

use std::collections::BTreeMap;
use std::path::PathBuf;
use std::sync::{Arc, Mutex, MutexGuard};

use async_trait::async_trait;
use kaas::lifecycle::{ContentDigest, HeadSha, Pull};
use kaas::ports::{
    Answer, Call, FileEdit, Forge, Merged, Mirror, NewPull, PullNow, PullReview, PullStatus, Trouble, Verdict,
};
use kaas::record::hex;
use kaas::render::module::{RenderedFile, content_digest};
use sha2::{Digest, Sha256};

use super::{Common, Part};

pub struct FakeForge {
    common: Arc<Common>,
    held: Mutex<Held>,
}

#[derive(Default)]
struct Held {
    pulls: Vec<Standing>,
    main: BTreeMap<String, String>,
    commits: u32,
}

/// A pull request, as it stands.
#[derive(Debug, Clone)]
pub struct Standing {
    pub number: u64,
    pub branch: String,
    pub status: PullStatus,
    pub comments: BTreeMap<String, String>,
    folder: String,
    files: Vec<FileEdit>,
    head: HeadSha,
    head_by: String,
    strange: u32,
    reviews: Vec<PullReview>,
}

impl Standing {
    pub fn is_open(&self) -> bool {
        self.status == PullStatus::Open
    }

    fn content(&self) -> ContentDigest {
        content_of(&self.files)
    }

    fn pull(&self) -> Pull {
        let url = format!("https://forge.example/acme/clusters/pull/{}", self.number);
        Pull { number: self.number, url, head: self.head.clone(), content: self.content() }
    }

    fn now(&self) -> PullNow {
        PullNow {
            pull: self.pull(),
            status: self.status.clone(),
            head_by: self.head_by.clone(),
            changed_files: 0,
            strange_files: self.strange,
            reviews: self.reviews.clone(),
        }
    }
}

impl FakeForge {
    pub fn new(common: &Arc<Common>) -> Arc<Self> {
        Arc::new(Self { common: Arc::clone(common), held: Mutex::default() })
    }

    fn held(&self) -> MutexGuard<'_, Held> {
        self.held.lock().unwrap()
    }

    /// Every pull request there ever was.
    pub fn pulls(&self) -> Vec<Standing> {
        self.held().pulls.clone()
    }

    /// What main holds, by path.
    pub fn main(&self) -> BTreeMap<String, String> {
        self.held().main.clone()
    }

    /// Somebody pushes to the newest pull request of a cluster; with 0 files, a commit that changes nothing.
    pub fn push(&self, cluster: &str, by: &str, files: u32) {
        let mut held = self.held();
        let head = held.commit(&format!("push by {by}"));
        let pull = held.newest(cluster);
        pull.head = head;
        pull.head_by = by.to_owned();
        pull.strange += files;
    }

    /// Somebody reviews the newest pull request of a cluster, as it is now.
    pub fn review(&self, cluster: &str, by: &str, verdict: Verdict, words: &str) {
        let at = self.common.clock.now();
        let mut held = self.held();
        let pull = held.newest(cluster);
        let (id, head) = (format!("{}", pull.reviews.len() + 1), pull.head.clone());
        pull.reviews.retain(|review| review.by != by);
        pull.reviews.push(PullReview { id, by: by.to_owned(), verdict, head, at, words: words.to_owned() });
    }

    /// Somebody merges the newest pull request of a cluster.
    pub fn merge_by_hand(&self, cluster: &str) {
        let mut held = self.held();
        let commit = held.commit("merge by hand");
        let number = held.newest(cluster).number;
        held.merge(number, commit);
    }

    /// Somebody takes what the newest pull request of a cluster brought out of main again.
    pub fn revert_by_hand(&self, cluster: &str) {
        let mut held = self.held();
        let folder = format!("{}/", held.newest(cluster).folder);
        held.main.retain(|path, _| !path.starts_with(&folder));
    }

    /// Somebody closes the newest pull request of a cluster.
    pub fn close_by_hand(&self, cluster: &str, by: &str) {
        self.held().newest(cluster).status = PullStatus::Closed { by: by.to_owned() };
    }
}

impl Held {
    fn commit(&mut self, what: &str) -> HeadSha {
        self.commits += 1;
        let digest = hex(&Sha256::digest(format!("{}: {what}", self.commits)));
        digest[..40].parse().unwrap()
    }

    fn merge(&mut self, number: u64, commit: HeadSha) {
        let pull = self.numbered(number).unwrap();
        pull.status = PullStatus::Merged { commit };
        let (folder, files) = (format!("{}/", pull.folder), pull.files.clone());
        self.main.retain(|path, _| !path.starts_with(&folder));
        self.main.extend(files.into_iter().filter_map(|file| Some((file.path, file.content?))));
    }

    fn newest(&mut self, cluster: &str) -> &mut Standing {
        let start = format!("kaas/{cluster}/");
        let of = self.pulls.iter_mut().filter(|pull| pull.branch.starts_with(&start));
        of.last().unwrap_or_else(|| panic!("{cluster} has no pull request"))
    }

    fn numbered(&mut self, number: u64) -> Answer<&mut Standing> {
        let missing = || Trouble::Lasting { line: format!("there is no pull request #{number}"), source: None };
        self.pulls.iter_mut().find(|pull| pull.number == number).ok_or_else(missing)
    }

    fn of_branch(&mut self, branch: &str) -> Option<&mut Standing> {
        self.pulls.iter_mut().rfind(|pull| pull.branch == branch)
    }
}

fn content_of(files: &[FileEdit]) -> ContentDigest {
    let rendered = files.iter().filter_map(|file| {
        let content = file.content.clone()?;
        Some(RenderedFile { path: file.path.clone(), content })
    });
    content_digest(&rendered.collect::<Vec<_>>())
}

#[async_trait]
impl Forge for FakeForge {
    async fn open(&self, call: &Call, new: &NewPull) -> Answer<Pull> {
        self.common.begins(Part::Forge, call)?;
        if new.files.iter().any(|file| !file.path.starts_with(&format!("{}/", new.folder))) {
            self.common.wrong(format!("{} writes outside {}", new.branch, new.folder));
        }
        let mut held = self.held();
        let content = content_of(&new.files);
        let head = held.commit(&new.commit);
        if let Some(known) = held.of_branch(&new.branch) {
            match known.status {
                PullStatus::Merged { .. } if known.content() == content => return Ok(known.pull()),
                PullStatus::Open if known.content() == content && known.strange == 0 && known.head_by == "kaas" => {
                    return Ok(known.pull());
                }
                PullStatus::Open => {
                    known.files.clone_from(&new.files);
                    known.strange = 0;
                    known.head = head;
                    known.head_by = "kaas".to_owned();
                    return Ok(known.pull());
                }
                PullStatus::Merged { .. } | PullStatus::Closed { .. } => {}
            }
        }
        let pull = Standing {
            number: held.pulls.len() as u64 + 17,
            branch: new.branch.clone(),
            folder: new.folder.clone(),
            files: new.files.clone(),
            head,
            head_by: "kaas".to_owned(),
            status: PullStatus::Open,
            strange: 0,
            reviews: Vec::new(),
            comments: BTreeMap::new(),
        };
        held.pulls.push(pull.clone());
        Ok(pull.pull())
    }

    async fn read(&self, branch: &str, _folder: &str) -> Answer<Option<PullNow>> {
        self.common.up(Part::Forge)?;
        Ok(self.held().of_branch(branch).map(|pull| pull.now()))
    }

    async fn comment(&self, call: &Call, number: u64, marker: &str, body: &str) -> Answer<()> {
        self.common.begins(Part::Forge, call)?;
        self.held().numbered(number)?.comments.insert(marker.to_owned(), body.to_owned());
        Ok(())
    }

    async fn merge(&self, call: &Call, number: u64, head: &HeadSha, message: &str) -> Answer<Merged> {
        self.common.begins(Part::Forge, call)?;
        let mut held = self.held();
        let commit = held.commit(message);
        let pull = held.numbered(number)?;
        match &pull.status {
            PullStatus::Merged { commit } if pull.head == *head => return Ok(Merged::Yes(commit.clone())),
            PullStatus::Open if pull.head == *head && pull.strange == 0 => {}
            PullStatus::Open | PullStatus::Closed { .. } | PullStatus::Merged { .. } => {
                return Ok(Merged::Moved(pull.now()));
            }
        }
        held.merge(number, commit.clone());
        Ok(Merged::Yes(commit))
    }

    async fn close(&self, call: &Call, branch: &str, comment: &str) -> Answer<()> {
        self.common.begins(Part::Forge, call)?;
        if let Some(pull) = self.held().of_branch(branch).filter(|pull| pull.is_open()) {
            pull.status = PullStatus::Closed { by: "kaas".to_owned() };
            pull.comments.insert("closed".to_owned(), comment.to_owned());
        }
        Ok(())
    }

    async fn mirror(&self) -> Answer<Mirror> {
        self.common.up(Part::Forge)?;
        let base = hex(&Sha256::digest(b"base"))[..40].parse().unwrap();
        Ok(Mirror { path: PathBuf::from("forge.git"), base })
    }
}
