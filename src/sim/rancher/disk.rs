//! The state file: the whole world as JSON, replaced by rename before a change is answered.
//!
//! It holds the values of tokens, so only its owner may read it. It survives the process being killed; it is not flushed
//! to the platter, because a simulation need not survive a power cut.

use std::io::Write;
use std::path::Path;

use anyhow::Context;

use super::world::World;

/// What the file begins with; another version is refused rather than misread.
const VERSION: u64 = 1;

#[derive(serde::Serialize, serde::Deserialize)]
struct File<W> {
    simulator: String,
    version: u64,
    world: W,
}

/// Reads the world, if there is one.
pub(super) fn load(path: &Path) -> anyhow::Result<Option<World>> {
    let text = match std::fs::read(path) {
        Ok(text) => text,
        Err(fault) if fault.kind() == std::io::ErrorKind::NotFound => return Ok(None),
        Err(fault) => return Err(fault).with_context(|| format!("cannot read {}", path.display())),
    };
    let file: File<World> = serde_json::from_slice(&text)
        .with_context(|| format!("{} is not the state of a simulated Rancher", path.display()))?;
    anyhow::ensure!(
        file.version == VERSION,
        "{} was written by another version of the simulator ({}, this is {VERSION})",
        path.display(),
        file.version
    );
    Ok(Some(file.world))
}

/// Writes the world: beside the old file, then in its place.
pub(super) fn save(path: &Path, world: &World) -> anyhow::Result<()> {
    let file = File { simulator: "kaas-simulated-rancher".to_owned(), version: VERSION, world };
    let text = serde_json::to_vec(&file).context("cannot write the world as JSON")?;
    let fresh = path.with_extension("new");
    let write = || -> std::io::Result<()> {
        let mut options = std::fs::OpenOptions::new();
        options.write(true).create(true).truncate(true);
        #[cfg(unix)]
        std::os::unix::fs::OpenOptionsExt::mode(&mut options, 0o600);
        options.open(&fresh)?.write_all(&text)?;
        std::fs::rename(&fresh, path)
    };
    write().with_context(|| format!("cannot write {}", path.display()))
}
