//! What git's failures mean for people who use the local forge, and which git it needs.

use crate::forge::git::{Git, GitFault};
use crate::ports::Trouble;

/// The oldest git that has `merge-tree --write-tree` and `cat-file --batch-command`.
const OLDEST: (u32, u32) = (2, 38);

/// Checks that git is there and new enough.
pub(super) async fn check(git: &Git) -> Result<(), Trouble> {
    match git.version().await? {
        (_, Some(numbers)) if numbers >= OLDEST => Ok(()),
        (_, Some((major, minor))) => Err(Trouble::Lasting {
            line: format!("git is {major}.{minor}, and the local forge needs {}.{} or newer.", OLDEST.0, OLDEST.1),
            source: None,
        }),
        (text, None) => Err(GitFault::Garbled(text).into()),
    }
}

/// For `?` in the local forge; other forges say what a failure means in words of their own.
impl From<GitFault> for Trouble {
    fn from(fault: GitFault) -> Self {
        let full = matches!(&fault, GitFault::Failed { stderr, .. } if stderr.contains("No space left on device"));
        let denied = matches!(&fault, GitFault::Failed { stderr, .. } if stderr.contains("Permission denied"));
        match &fault {
            _ if full => Self::passing("The local forge cannot write: the disk is full.", fault),
            _ if denied => {
                Self::lasting("The local forge may not write into its repository: permission denied.", fault)
            }
            GitFault::Start(source) if source.kind() == std::io::ErrorKind::NotFound => {
                Self::lasting("git is not installed, and the local forge needs it (2.38 or newer).", fault)
            }
            GitFault::Start(_) => Self::passing("git cannot be started.", fault),
            GitFault::Slow { .. } => Self::passing("git does not come to an end.", fault),
            GitFault::Io { .. } | GitFault::Failed { .. } => Self::passing("The local forge failed.", fault),
            GitFault::Garbled(_) => Self::lasting("The local forge's repository holds something unexpected.", fault),
        }
    }
}

#[cfg(test)]
mod tests {
    use std::os::unix::fs::PermissionsExt;
    use std::time::Duration;

    use super::*;

    /// A program in git's place.
    async fn checked(script: &str) -> Result<(), Trouble> {
        let folder = tempfile::tempdir().expect("a folder");
        let program = folder.path().join("git");
        std::fs::write(&program, format!("#!/bin/sh\n{script}\n")).expect("written");
        std::fs::set_permissions(&program, std::fs::Permissions::from_mode(0o755)).expect("set");
        // Another test's child may hold the file for a moment, because it was forked while this one wrote it.
        for _ in 0..50 {
            match check(&Git::new(&program, folder.path())).await {
                Err(Trouble::Passing { line, .. }) if line.contains("cannot be started") => {
                    tokio::time::sleep(Duration::from_millis(20)).await;
                }
                answer => return answer,
            }
        }
        panic!("the program cannot be started")
    }

    fn line(answer: Result<(), Trouble>) -> String {
        match answer {
            Err(Trouble::Lasting { line, .. }) => format!("lasting: {line}"),
            Err(Trouble::Passing { line, .. }) => format!("passing: {line}"),
            other => panic!("{other:?}"),
        }
    }

    #[tokio::test]
    async fn a_missing_old_or_failing_git_is_a_sentence() {
        let folder = tempfile::tempdir().expect("a folder");
        let missing = check(&Git::new(folder.path().join("no-git"), folder.path())).await;
        assert!(line(missing).starts_with("lasting: git is not installed"));
        assert!(checked("echo git version 2.39.5").await.is_ok());
        assert!(checked("echo 'git version 3.1 (somebody)'").await.is_ok());
        assert_eq!(
            line(checked("echo git version 2.30.1").await),
            "lasting: git is 2.30, and the local forge needs 2.38 or newer."
        );
        assert!(line(checked("echo hello").await).starts_with("lasting: "));
        let full = checked("echo 'fatal: x: No space left on device' >&2; exit 128").await;
        assert_eq!(line(full), "passing: The local forge cannot write: the disk is full.");
        assert!(line(checked("kill -9 $$").await).starts_with("passing: "));
    }
}
