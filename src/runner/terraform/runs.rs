//! What is kept of the runs of a change: `<data>/runs/<tenant>/<cluster>/<change>/`.
//!
//! `NNN-plan.log` (runner/log.rs), `plan-<short>.txt` (the plan as people read it), `plan-<digest>.changes.json` (what an approval covers, without a
//! secret in clear) and `applying-<digest>` (an apply of that plan began here). Whoever cleans up by age removes whole change folders.

use std::io;
use std::path::{Path, PathBuf};
use std::sync::Arc;

use super::reading::Reading;
use crate::lifecycle::{ChangeNumber, ClusterKey, PlanDigest};
use crate::ports::{Answer, Trouble};
use crate::render::plan::PlanChanges;
use crate::runner::log::{Durable, private_dir, private_file};

/// The folder of all runs.
#[derive(Debug, Clone)]
pub struct Runs(PathBuf);

impl Runs {
    /// The runs below the data directory.
    pub fn new(data: &Path) -> Self {
        Self(data.join("runs"))
    }

    /// The folder of one change.
    pub fn dir(&self, cluster: &ClusterKey, change: ChangeNumber) -> PathBuf {
        self.0.join(cluster.tenant.as_str()).join(cluster.name.as_str()).join(change.to_string())
    }

    /// Keeps a plan's text and changes.
    pub fn keep_plan(&self, cluster: &ClusterKey, change: ChangeNumber, reading: &Reading) -> io::Result<()> {
        let dir = self.dir(cluster, change);
        private_dir(&dir)?;
        let digest = &reading.plan.digest;
        private_file(&dir.join(changes_name(digest)), &serde_json::to_vec(&reading.changes)?, Durable::Soon)?;
        private_file(&dir.join(text_name(digest)), reading.text.as_bytes(), Durable::Soon)
    }

    /// What an approval of this plan covers, if the plan was made here and nobody touched the file since.
    pub fn changes(&self, cluster: &ClusterKey, change: ChangeNumber, digest: &PlanDigest) -> Option<PlanChanges> {
        let bytes = std::fs::read(self.dir(cluster, change).join(changes_name(digest))).ok()?;
        serde_json::from_slice(&bytes).ok().filter(|changes: &PlanChanges| changes.digest() == *digest)
    }

    /// The plan as people read it.
    pub fn plan_text(&self, cluster: &ClusterKey, change: ChangeNumber, digest: &PlanDigest) -> Answer<Arc<str>> {
        match std::fs::read_to_string(self.dir(cluster, change).join(text_name(digest))) {
            Ok(text) => Ok(text.into()),
            Err(e) if e.kind() == io::ErrorKind::NotFound => {
                Err(Trouble::lasting(format!("the text of plan {} is not kept any more", digest.short()), e))
            }
            Err(e) => Err(super::trouble::of_io("kaas", "read the text of the plan", e)),
        }
    }

    /// Notes, durably, that an apply of this plan begins, and what was approved, by which a later attempt knows the rest of it.
    pub fn begin_apply(
        &self,
        cluster: &ClusterKey,
        change: ChangeNumber,
        digest: &PlanDigest,
        reading: &Reading,
    ) -> io::Result<()> {
        let dir = self.dir(cluster, change);
        private_dir(&dir)?;
        if reading.plan.digest == *digest {
            private_file(&dir.join(changes_name(digest)), &serde_json::to_vec(&reading.changes)?, Durable::Now)?;
        }
        private_file(&dir.join(format!("applying-{digest}")), b"", Durable::Now)
    }

    /// Whether an apply of this plan ever began here.
    pub fn apply_began(&self, cluster: &ClusterKey, change: ChangeNumber, digest: &PlanDigest) -> bool {
        self.dir(cluster, change).join(format!("applying-{digest}")).exists()
    }
}

fn text_name(digest: &PlanDigest) -> String {
    format!("plan-{}.txt", digest.short())
}

fn changes_name(digest: &PlanDigest) -> String {
    format!("plan-{digest}.changes.json")
}
