//! Makes the bare repository with its first commit: built aside and renamed, so that a kill leaves all of it or nothing.

use std::path::{Path, PathBuf};

use nix::fcntl::{Flock, FlockArg};

use crate::clock::SharedClock;
use crate::forge::git::{AUTHOR, Git, GitFault};
use crate::forge::names;
use crate::ports::{FileEdit, Trouble};

/// The settings of the repository: pushed objects are checked, and what was acknowledged survives a power cut.
const SETTINGS: [(&str, &str); 7] = [
    ("receive.fsckObjects", "true"),
    ("core.fsync", "loose-object,pack,reference"),
    ("core.logAllRefUpdates", "false"),
    ("gc.auto", "0"),
    ("core.symlinks", "false"),
    // What kaas keeps for itself cannot be pushed to; it can still be fetched.
    ("receive.hideRefs", "refs/kaas"),
    ("receive.hideRefs", "refs/pull"),
];

/// What the name of a folder that is being built ends with, before an id.
const ASIDE: &str = ".new-";

/// Makes the repository `dir` with a first commit of `files` on main, if it is not there.
///
/// # Errors
/// A `Trouble` if git is missing or too old, or the folder cannot be written.
pub async fn seed(dir: &Path, files: &[FileEdit], clock: &SharedClock) -> Result<(), Trouble> {
    let parent = match dir.parent() {
        Some(parent) if !parent.as_os_str().is_empty() => parent.to_owned(),
        _ => PathBuf::from("."),
    };
    let unwritable =
        |fault: std::io::Error| Trouble::lasting("The folder of the local forge cannot be written.", fault);
    std::fs::create_dir_all(&parent).map_err(unwritable)?;
    // Held until the end, so that two that begin at once do not build in each other's way.
    let folder = std::fs::File::open(&parent).map_err(unwritable)?;
    let lock = tokio::task::spawn_blocking(move || Flock::lock(folder, FlockArg::LockExclusive)).await;
    let _lock = lock.map_err(|fault| Trouble::passing("The local forge failed.", fault))?;
    if dir.join("HEAD").exists() {
        return Ok(());
    }
    // A git of a process that was killed may still be at work in its folder, so each attempt has one of its own.
    sweep(dir, &parent);
    let mut aside = dir.as_os_str().to_owned();
    aside.push(format!("{ASIDE}{}", clock.id()));
    let aside = PathBuf::from(aside);
    let git = Git::new("git", &aside);
    super::faults::check(&git).await?;
    git.run(&["init", "--bare", "--quiet", "--template=", "--initial-branch=main"], b"").await?;
    for (name, value) in SETTINGS {
        git.run(&["config", "--add", name, value], b"").await?;
    }
    git.run(&["fast-import", "--quiet", "--done"], &first_commit(files, clock)?).await?;
    std::fs::rename(&aside, dir).map_err(unwritable)?;
    Ok(())
}

/// Removes what attempts that were killed left behind, as far as that is possible now.
fn sweep(dir: &Path, parent: &Path) {
    let Some(name) = dir.file_name() else { return };
    let begins = format!("{}{ASIDE}", name.to_string_lossy());
    let entries = std::fs::read_dir(parent).into_iter().flatten().flatten();
    for entry in entries.filter(|entry| entry.file_name().to_string_lossy().starts_with(&begins)) {
        let _ = std::fs::remove_dir_all(entry.path());
    }
}

/// The first commit in the language of `git fast-import`.
fn first_commit(files: &[FileEdit], clock: &SharedClock) -> Result<Vec<u8>, Trouble> {
    let (name, mail) = AUTHOR;
    let message = "Begin\n";
    let mut text = format!(
        "feature done\ncommit refs/heads/main\ncommitter {name} <{mail}> {} +0000\ndata {}\n{message}",
        clock.now().as_second(),
        message.len()
    )
    .into_bytes();
    for file in files {
        // Hidden files such as .gitignore may be part of a seed; what leads out of the repository, or into git's own folder, may not.
        let dotless: Vec<_> = file.path.split('/').map(|part| part.strip_prefix('.').unwrap_or(part)).collect();
        if !names::plain(&dotless.join("/")) || file.path.split('/').any(|part| part.eq_ignore_ascii_case(".git")) {
            return Err(GitFault::Garbled(format!("a seed's path: {:?}", file.path)).into());
        }
        if let Some(content) = &file.content {
            text.extend_from_slice(format!("M 100644 inline {}\ndata {}\n", file.path, content.len()).as_bytes());
            text.extend_from_slice(content.as_bytes());
            text.push(b'\n');
        }
    }
    text.extend_from_slice(b"done\n");
    Ok(text)
}
