//! Whether something of an earlier run still lives in a workspace, and bringing it to its end.
//!
//! kaas may be killed with SIGKILL while terraform runs. terraform then goes on, and a second one beside it would fight for the state. So every child's
//! standard input *is* the workspace's lock file, locked: the lock is a property of the open file, which children (and the providers that they start)
//! share, so it is held for exactly as long as one of them lives, whatever became of kaas. Standard input is the one descriptor that a child is given on
//! purpose, so no other child of kaas can inherit it by accident.
//!
//! Who finds the lock held looks for its holders: on Linux by their standard input, elsewhere by the process groups that were noted beside the lock.
//! Either way a process is only signalled while the lock proves that one of the run's processes lives. The note also says who was asked to end already,
//! because terraform takes a second SIGINT for "now, whatever is lost".

use std::collections::{BTreeMap, BTreeSet};
use std::fs::{File, OpenOptions, TryLockError};
use std::io;
use std::os::unix::fs::OpenOptionsExt;
use std::path::{Path, PathBuf};
use std::sync::{Arc, Mutex, PoisonError};
use std::time::Duration;

use nix::sys::signal::{Signal, killpg};
use nix::unistd::{Pid, getpgid};
use tokio::time::sleep;
use tokio_util::sync::CancellationToken;

use super::process::Watch;

/// How often a held lock is looked at.
const LOOK: Duration = Duration::from_millis(20);

/// How long a lock is waited for once everybody in it was killed.
const LAST_WAIT: Duration = Duration::from_secs(5);

/// A workspace that belongs to this run, and to nothing else that lives.
#[derive(Debug)]
pub struct Alive {
    lock: File,
    note: PathBuf,
    groups: Mutex<Groups>,
}

/// Process groups, and whether each was asked to end.
type Groups = BTreeMap<i32, bool>;

/// What an earlier run left behind, by process group.
#[derive(Debug, Clone, Copy)]
pub enum Orphans<'a> {
    /// It is waited for.
    GoOn(&'a BTreeSet<i32>),
    /// It is asked to end.
    End(&'a BTreeSet<i32>),
}

/// Why a workspace could not be taken.
#[derive(Debug, thiserror::Error)]
pub enum NotMine {
    /// It was not wanted any more.
    #[error("stopped")]
    Stopped,
    /// What holds it is not a child of an earlier run, or does not die.
    #[error("another process holds {}", .0.display())]
    Held(PathBuf),
    /// The lock file cannot be used.
    #[error("cannot use the lock file {}", .0.display())]
    Io(PathBuf, #[source] io::Error),
}

impl Alive {
    /// Takes the workspace `dir`. What an earlier run left behind there may go on for `patience`, then it gets SIGINT, `grace` to end in order, then
    /// SIGKILL; `told` hears of each once.
    ///
    /// # Errors
    /// See [`NotMine`].
    pub async fn take(
        dir: &Path,
        patience: Duration,
        grace: Duration,
        stop: &CancellationToken,
        mut told: impl FnMut(Orphans<'_>) + Send,
    ) -> Result<Arc<Self>, NotMine> {
        let path = dir.join("alive.lock");
        let note = dir.join("alive.pid");
        let io = |e| NotMine::Io(path.clone(), e);
        let lock = OpenOptions::new()
            .read(true)
            .write(true)
            .create(true)
            .truncate(false)
            .mode(0o600)
            .open(&path)
            .map_err(io)?;
        let mut waited = Duration::ZERO;
        let mut known = read_note(&note);
        let mut left_alone = Duration::ZERO;
        loop {
            match lock.try_lock() {
                Ok(()) => break,
                Err(TryLockError::WouldBlock) => {}
                Err(TryLockError::Error(e)) => return Err(io(e)),
            }
            if left_alone < patience {
                if left_alone.is_zero() {
                    told(Orphans::GoOn(&holders(&path, &known)));
                }
                tokio::select! {
                    () = stop.cancelled() => return Err(NotMine::Stopped),
                    () = sleep(LOOK) => left_alone += LOOK,
                }
                continue;
            }
            let groups = holders(&path, &known);
            if waited >= grace {
                signal(&groups, Signal::SIGKILL);
            } else {
                let fresh: BTreeSet<i32> =
                    groups.into_iter().filter(|group| known.insert(*group, true) != Some(true)).collect();
                if !fresh.is_empty() {
                    told(Orphans::End(&fresh));
                    write_note(&note, &known);
                    signal(&fresh, Signal::SIGINT);
                }
            }
            if waited >= grace + LAST_WAIT {
                return Err(NotMine::Held(path));
            }
            tokio::select! {
                () = stop.cancelled() => return Err(NotMine::Stopped),
                () = sleep(LOOK) => waited += LOOK,
            }
        }
        write_note(&note, &Groups::new());
        Ok(Arc::new(Self { lock, note, groups: Mutex::default() }))
    }

    /// What a child is to have as its standard input, so that it holds the workspace while it lives.
    ///
    /// # Errors
    /// No file descriptor is left.
    pub fn stdin(&self) -> io::Result<File> {
        self.lock.try_clone()
    }

    fn note(&self, edit: impl FnOnce(&mut Groups)) {
        let mut groups = self.groups.lock().unwrap_or_else(PoisonError::into_inner);
        edit(&mut groups);
        write_note(&self.note, &groups);
    }
}

impl Watch for Alive {
    fn begun(&self, group: i32) {
        self.note(|groups| {
            groups.insert(group, false);
        });
    }

    fn interrupting(&self, group: i32) {
        self.note(|groups| {
            groups.insert(group, true);
        });
    }

    fn ended(&self, group: i32) {
        self.note(|groups| {
            groups.remove(&group);
        });
    }
}

/// One group a line, and `interrupted` where it was asked to end.
fn read_note(note: &Path) -> Groups {
    let text = std::fs::read_to_string(note).unwrap_or_default();
    let group = |line: &str| {
        let mut words = line.split(' ');
        Some((words.next()?.parse().ok()?, words.next() == Some("interrupted")))
    };
    text.lines().filter_map(group).collect()
}

/// The lock, not the note, decides; so a failure to write the note is not one of the run.
fn write_note(note: &Path, groups: &Groups) {
    let line =
        |(group, interrupted): (&i32, &bool)| format!("{group}{}\n", if *interrupted { " interrupted" } else { "" });
    let _ = std::fs::write(note, groups.iter().map(line).collect::<String>());
}

fn signal(groups: &BTreeSet<i32>, signal: Signal) {
    for group in groups {
        let _ = killpg(Pid::from_raw(*group), signal);
    }
}

/// The process groups of those who have the lock file as their standard input.
fn holders(lock: &Path, known: &Groups) -> BTreeSet<i32> {
    let own = nix::unistd::getpgrp().as_raw();
    let groups: BTreeSet<i32> =
        match (std::fs::read_dir("/proc/self/fd"), std::fs::read_dir("/proc"), lock.canonicalize()) {
            (Ok(_), Ok(processes), Ok(lock)) => processes
                .flatten()
                .filter_map(|entry| entry.file_name().to_str()?.parse::<i32>().ok())
                .filter(|pid| std::fs::read_link(format!("/proc/{pid}/fd/0")).is_ok_and(|stdin| stdin == lock))
                .filter_map(|pid| getpgid(Some(Pid::from_raw(pid))).ok())
                .map(Pid::as_raw)
                .collect(),
            _ => known.keys().copied().collect(),
        };
    groups.into_iter().filter(|group| *group > 1 && *group != own).collect()
}

#[cfg(test)]
mod tests {
    use super::*;
    use crate::runner::process::{Spec, Why, run};

    fn child(dir: &Path, alive: &Arc<Alive>, script: &str) -> Spec {
        crate::runner::process::tests::catch_ignored_sigint();
        Spec {
            program: "/bin/sh".into(),
            args: vec!["-c".into(), script.into()],
            environment: vec![("PATH".into(), "/usr/bin:/bin".into())],
            dir: dir.into(),
            stdin: Some(alive.stdin().unwrap()),
            time: Duration::from_secs(60),
            grace: Duration::from_secs(30),
            keep_max: 0,
            output: None,
            watch: Some(alive.clone()),
        }
    }

    /// Leaves an orphan behind: its parent's side of the lock is closed, as when kaas was killed.
    async fn orphan(dir: &Path, script: &str) -> (tokio::task::JoinHandle<Why>, i32) {
        let alive = Alive::take(dir, Duration::ZERO, Duration::ZERO, &CancellationToken::new(), |_| ()).await.unwrap();
        let spec = child(dir, &alive, script);
        let (up, is_up) = tokio::sync::oneshot::channel();
        let task = tokio::spawn(async move {
            let mut up = Some(up);
            let mut on_line = |_, _: &str| {
                let _ = up.take().map(|up| up.send(()));
            };
            run(spec, &CancellationToken::new(), &mut on_line).await.unwrap().why
        });
        is_up.await.unwrap();
        let group = *holders(&dir.join("alive.lock"), &Groups::new()).first().expect("the orphan is found");
        drop(alive);
        (task, group)
    }

    #[tokio::test]
    async fn an_orphan_is_asked_to_end_and_waited_for() {
        let dir = tempfile::tempdir().unwrap();
        let mark = dir.path().join("freed");
        let script =
            format!("trap 'sleep 0.3; echo x > {}; exit' INT; echo up; while :; do sleep 0.02; done", mark.display());
        let (task, group) = orphan(dir.path(), &script).await;
        let mut told = Vec::new();
        let grace = Duration::from_secs(30);
        let alive =
            Alive::take(dir.path(), Duration::ZERO, grace, &CancellationToken::new(), |orphans| match orphans {
                Orphans::End(groups) => told.extend(groups.clone()),
                Orphans::GoOn(_) => panic!("without patience nothing goes on"),
            })
            .await
            .unwrap();
        assert!(mark.exists(), "the workspace is taken only after the orphan freed its lock");
        assert_eq!(told, [group]);
        task.await.unwrap();
        drop(alive);
    }

    #[tokio::test]
    async fn an_orphan_that_may_go_on_is_not_disturbed() {
        let dir = tempfile::tempdir().unwrap();
        let (mark, go) = (dir.path().join("interrupted"), dir.path().join("go"));
        let script = format!(
            "trap 'echo x > {}' INT; echo up; while [ ! -e {} ]; do sleep 0.02; done",
            mark.display(),
            go.display()
        );
        let (task, group) = orphan(dir.path(), &script).await;
        let mut told = Vec::new();
        let none = CancellationToken::new();
        let patience = Duration::from_secs(60);
        let alive = Alive::take(dir.path(), patience, Duration::ZERO, &none, |orphans| match orphans {
            Orphans::GoOn(groups) => {
                told.extend(groups.clone());
                std::fs::write(&go, "").unwrap();
            }
            Orphans::End(_) => panic!("it ends by itself"),
        });
        let alive = alive.await.unwrap();
        assert_eq!(told, [group]);
        assert!(!mark.exists(), "nobody interrupted it");
        task.await.unwrap();
        drop(alive);
    }

    #[tokio::test]
    async fn a_dropped_run_is_not_asked_to_end_twice() {
        let dir = tempfile::tempdir().unwrap();
        let count = dir.path().join("count");
        let script = format!(
            "trap 'echo x >> {}; n=1' INT; echo up; while [ -z \"$n\" ]; do sleep 0.02; done; sleep 0.3",
            count.display()
        );
        let (task, _) = orphan(dir.path(), &script).await;
        task.abort();
        assert!(task.await.unwrap_err().is_cancelled());
        let grace = Duration::from_secs(30);
        Alive::take(dir.path(), Duration::ZERO, grace, &CancellationToken::new(), |_| panic!("it was asked already"))
            .await
            .unwrap();
        assert_eq!(std::fs::read_to_string(count).unwrap(), "x\n");
    }

    #[tokio::test]
    async fn a_deaf_orphan_is_killed_with_its_children() {
        let dir = tempfile::tempdir().unwrap();
        let (task, _) = orphan(dir.path(), "trap '' INT; echo up; cat /dev/zero > /dev/null; sleep 1000").await;
        let alive =
            Alive::take(dir.path(), Duration::ZERO, Duration::from_millis(200), &CancellationToken::new(), |_| ())
                .await
                .unwrap();
        task.await.unwrap();
        drop(alive);
    }

    #[tokio::test]
    async fn a_lock_that_no_child_holds_is_left_alone() {
        let dir = tempfile::tempdir().unwrap();
        let first =
            Alive::take(dir.path(), Duration::ZERO, Duration::ZERO, &CancellationToken::new(), |_| ()).await.unwrap();
        let stop = CancellationToken::new();
        let second =
            Alive::take(dir.path(), Duration::ZERO, Duration::from_secs(60), &stop, |_| panic!("nobody to signal"));
        tokio::pin!(second);
        tokio::select! {
            _ = &mut second => panic!("it is held"),
            () = sleep(Duration::from_millis(200)) => stop.cancel(),
        }
        assert!(matches!(second.await, Err(NotMine::Stopped)));
        drop(first);
        Alive::take(dir.path(), Duration::ZERO, Duration::ZERO, &CancellationToken::new(), |_| ()).await.unwrap();
    }

    #[tokio::test]
    async fn the_lock_is_free_when_the_child_has_ended() {
        let dir = tempfile::tempdir().unwrap();
        let none = CancellationToken::new();
        for _ in 0..20 {
            let alive = Alive::take(dir.path(), Duration::ZERO, Duration::from_secs(5), &none, |_| panic!("no orphan"))
                .await
                .unwrap();
            let spec = child(dir.path(), &alive, "cat; echo read");
            assert!(run(spec, &none, &mut |_, line| assert_eq!(line, "read")).await.unwrap().ok());
        }
    }
}
