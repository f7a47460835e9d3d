//! The bare repository behind the fake: objects, references, differences and merges, all by `git`.

use std::collections::BTreeMap;
use std::io::Write as _;
use std::path::{Path, PathBuf};
use std::process::{Command, Stdio};

use anyhow::{Context as _, bail};
use tempfile::TempDir;

/// A bare repository in a temporary folder, which goes with it.
#[derive(Debug)]
pub(super) struct Bare {
    root: TempDir,
    dir: PathBuf,
}

/// What a commit says.
#[derive(Debug, Clone)]
pub(super) struct Commit {
    pub(super) sha: String,
    pub(super) tree: String,
    pub(super) parents: Vec<String>,
    pub(super) author: Signature,
    pub(super) committer: Signature,
    pub(super) message: String,
}

/// Who, and when.
#[derive(Debug, Clone)]
pub(super) struct Signature {
    pub(super) name: String,
    pub(super) email: String,
    pub(super) at: jiff::Timestamp,
}

/// An entry of a tree.
#[derive(Debug, Clone)]
pub(super) struct Entry {
    pub(super) mode: String,
    pub(super) kind: String,
    pub(super) sha: String,
    pub(super) size: Option<u64>,
    pub(super) path: String,
}

/// A file that differs.
#[derive(Debug, Clone)]
pub(super) struct Changed {
    pub(super) status: &'static str,
    pub(super) path: String,
    pub(super) before: Option<String>,
    pub(super) sha: String,
    pub(super) additions: u64,
    pub(super) deletions: u64,
}

/// Refuses what the protection of a branch forbids; the list comes from the environment, one name after another.
const UPDATE_HOOK: &str = r#"#!/bin/sh
for name in $FAKE_PROTECTED; do
  if [ "$1" = "refs/heads/$name" ]; then
    echo "GH006: Protected branch update failed for $1." >&2
    echo "Changes must be made through a pull request." >&2
    exit 1
  fi
done
"#;

impl Bare {
    /// A new repository under `owner/name.git`.
    pub(super) fn create(owner: &str, name: &str) -> anyhow::Result<Self> {
        let root = tempfile::Builder::new().prefix("kaas-fake-github-").tempdir().context("a temporary folder")?;
        let dir = root.path().join(owner).join(format!("{name}.git"));
        std::fs::create_dir_all(&dir)?;
        let bare = Self { root, dir };
        bare.git(&["init", "--quiet", "--bare", "--initial-branch=main", "."])?;
        for (key, value) in [("http.receivepack", "true"), ("gc.auto", "0"), ("receive.denyDeleteCurrent", "ignore")] {
            bare.git(&["config", key, value])?;
        }
        let hook = bare.dir.join("hooks").join("update");
        std::fs::create_dir_all(bare.dir.join("hooks"))?;
        std::fs::write(&hook, UPDATE_HOOK)?;
        #[cfg(unix)]
        std::fs::set_permissions(&hook, std::os::unix::fs::PermissionsExt::from_mode(0o755))?;
        Ok(bare)
    }

    /// The folder above the owners.
    pub(super) fn root(&self) -> &Path {
        self.root.path()
    }

    /// The repository's own folder.
    pub(super) fn dir(&self) -> &Path {
        &self.dir
    }

    /// Every branch and tag: `refs/heads/main` and its commit.
    pub(super) fn refs(&self) -> anyhow::Result<BTreeMap<String, String>> {
        let out = self.git(&["for-each-ref", "--format=%(refname) %(objectname)", "refs/heads", "refs/tags"])?;
        Ok(out.lines().filter_map(|l| l.split_once(' ')).map(|(n, s)| (n.to_owned(), s.to_owned())).collect())
    }

    /// The commit that a name or an id means.
    pub(super) fn commit_of(&self, name: &str) -> Option<String> {
        let rev = format!("{name}^{{commit}}");
        self.git(&["rev-parse", "--verify", "--quiet", "--end-of-options", &rev]).ok().map(|out| out.trim().to_owned())
    }

    /// What kind of object an id is.
    pub(super) fn kind(&self, sha: &str) -> Option<String> {
        if sha.len() != 40 || !sha.bytes().all(|byte| byte.is_ascii_hexdigit()) {
            return None;
        }
        self.git(&["cat-file", "-t", sha]).ok().map(|out| out.trim().to_owned())
    }

    /// Whether a reference may be called that.
    pub(super) fn is_name(&self, reference: &str) -> bool {
        reference.starts_with("refs/") && self.git(&["check-ref-format", reference]).is_ok()
    }

    /// Sets a reference if it still is what it was (empty: not there).
    pub(super) fn set_ref(&self, reference: &str, to: &str, was: &str) -> anyhow::Result<()> {
        let was = if was.is_empty() { "0000000000000000000000000000000000000000" } else { was };
        self.git(&["update-ref", reference, to, was]).map(drop)
    }

    pub(super) fn delete_ref(&self, reference: &str) -> anyhow::Result<()> {
        self.git(&["update-ref", "-d", reference]).map(drop)
    }

    pub(super) fn is_ancestor(&self, old: &str, new: &str) -> bool {
        self.git(&["merge-base", "--is-ancestor", old, new]).is_ok()
    }

    pub(super) fn merge_base(&self, one: &str, other: &str) -> Option<String> {
        self.git(&["merge-base", one, other]).ok().map(|out| out.trim().to_owned())
    }

    /// The commits that `to` has and `from` has not, newest first.
    pub(super) fn between(&self, from: &str, to: &str) -> anyhow::Result<Vec<String>> {
        let out = self.git(&["rev-list", "--topo-order", to, &format!("^{from}")])?;
        Ok(out.lines().map(str::to_owned).collect())
    }

    /// The history of a commit, newest first, of one path if one is given.
    pub(super) fn log(&self, from: &str, path: Option<&str>) -> anyhow::Result<Vec<String>> {
        let mut args = vec!["rev-list", from, "--"];
        args.extend(path);
        Ok(self.git(&args)?.lines().map(str::to_owned).collect())
    }

    pub(super) fn commit(&self, sha: &str) -> anyhow::Result<Commit> {
        let text = self.git(&["cat-file", "commit", sha])?;
        let (head, message) = text.split_once("\n\n").unwrap_or((text.as_str(), ""));
        let one = |key: &str| head.lines().find_map(|line| line.strip_prefix(key));
        Ok(Commit {
            sha: sha.to_owned(),
            tree: one("tree ").context("a tree")?.to_owned(),
            parents: head.lines().filter_map(|line| line.strip_prefix("parent ")).map(str::to_owned).collect(),
            author: signature(one("author ").context("an author")?)?,
            committer: signature(one("committer ").context("a committer")?)?,
            message: message.trim_end_matches('\n').to_owned(),
        })
    }

    pub(super) fn write_blob(&self, content: &[u8]) -> anyhow::Result<String> {
        let out = self.with_input(&["hash-object", "-w", "--stdin"], content, &[])?;
        Ok(String::from_utf8(out)?.trim().to_owned())
    }

    pub(super) fn read_blob(&self, sha: &str) -> anyhow::Result<Vec<u8>> {
        self.with_input(&["cat-file", "blob", sha], b"", &[])
    }

    /// The entries of a tree, or of everything below it.
    pub(super) fn entries(&self, tree: &str, recursive: bool) -> anyhow::Result<Vec<Entry>> {
        let mut args = vec!["ls-tree", "-z", "-l"];
        if recursive {
            args.extend(["-r", "-t"]);
        }
        args.push(tree);
        let out = self.git(&args)?;
        out.split('\0')
            .filter(|line| !line.is_empty())
            .map(|line| {
                let (meta, path) = line.split_once('\t').context("a path")?;
                let meta: Vec<&str> = meta.split_whitespace().collect();
                let [mode, kind, sha, size] = meta.as_slice() else { bail!("an entry of a tree: {line}") };
                Ok(Entry {
                    mode: (*mode).to_owned(),
                    kind: (*kind).to_owned(),
                    sha: (*sha).to_owned(),
                    size: size.parse().ok(),
                    path: path.to_owned(),
                })
            })
            .collect()
    }

    /// A tree made of another (or of nothing) and of entries: mode, id and path; without an id the path goes, and what lies below it. A folder takes the place
    /// of one that is there.
    pub(super) fn write_tree(
        &self,
        base: Option<&str>,
        entries: &[(String, Option<String>, String)],
    ) -> anyhow::Result<String> {
        let scratch = tempfile::tempdir()?;
        let index = scratch.path().join("index").display().to_string();
        let env = [("GIT_INDEX_FILE", index.as_str())];
        match base {
            Some(base) => self.with_input(&["read-tree", base], b"", &env)?,
            None => self.with_input(&["read-tree", "--empty"], b"", &env)?,
        };
        for (mode, sha, path) in entries {
            if sha.is_none() || mode == "040000" {
                let below = self.with_input(&["ls-files", "-z", "--", path], b"", &env)?;
                let gone: Vec<u8> = below
                    .split(|byte| *byte == 0)
                    .filter(|name| !name.is_empty())
                    .flat_map(|name| [b"0 0000000000000000000000000000000000000000\t", name, b"\0"].concat())
                    .collect();
                self.with_input(&["update-index", "-z", "--index-info"], &gone, &env)?;
            }
            let Some(sha) = sha else { continue };
            let lines: String = if mode == "040000" {
                let below = self.entries(sha, true)?.into_iter().filter(|entry| entry.kind != "tree");
                below.map(|entry| format!("{} {}\t{path}/{}\0", entry.mode, entry.sha, entry.path)).collect()
            } else {
                format!("{mode} {sha}\t{path}\0")
            };
            self.with_input(&["update-index", "-z", "--index-info"], lines.as_bytes(), &env)?;
        }
        Ok(String::from_utf8(self.with_input(&["write-tree"], b"", &env)?)?.trim().to_owned())
    }

    pub(super) fn write_commit(
        &self,
        tree: &str,
        parents: &[String],
        message: &str,
        author: &Signature,
        committer: &Signature,
    ) -> anyhow::Result<String> {
        let mut args = vec!["commit-tree", tree];
        for parent in parents {
            args.extend(["-p", parent.as_str()]);
        }
        let (wrote, put) = (format!("{} +0000", author.at.as_second()), format!("{} +0000", committer.at.as_second()));
        let env = [
            ("GIT_AUTHOR_NAME", author.name.as_str()),
            ("GIT_AUTHOR_EMAIL", author.email.as_str()),
            ("GIT_AUTHOR_DATE", wrote.as_str()),
            ("GIT_COMMITTER_NAME", committer.name.as_str()),
            ("GIT_COMMITTER_EMAIL", committer.email.as_str()),
            ("GIT_COMMITTER_DATE", put.as_str()),
        ];
        let out = self.with_input(&args, message.as_bytes(), &env)?;
        Ok(String::from_utf8(out)?.trim().to_owned())
    }

    /// The tree of a merge, or nothing where there is a conflict.
    pub(super) fn merge(&self, base: &str, head: &str) -> Option<String> {
        let out = self.git(&["merge-tree", "--write-tree", "--no-messages", base, head]).ok()?;
        out.lines().next().map(str::to_owned)
    }

    /// What differs between two commits.
    pub(super) fn diff(&self, from: &str, to: &str) -> anyhow::Result<Vec<Changed>> {
        let raw = self.git(&["diff-tree", "-r", "-M", "-z", "--raw", from, to])?;
        let mut words = raw.split('\0').filter(|word| !word.is_empty());
        let mut changed = Vec::new();
        while let Some(meta) = words.next() {
            let meta: Vec<&str> = meta.trim_start_matches(':').split(' ').collect();
            let [_, _, old, new, status] = meta.as_slice() else { bail!("a raw difference: {meta:?}") };
            let first = words.next().context("a path")?.to_owned();
            let (status, path, before) = match status.as_bytes().first() {
                Some(b'A') => ("added", first, None),
                Some(b'D') => ("removed", first, None),
                Some(b'R') => ("renamed", words.next().context("a new path")?.to_owned(), Some(first)),
                Some(b'C') => ("copied", words.next().context("a new path")?.to_owned(), Some(first)),
                Some(b'T') => ("changed", first, None),
                _ => ("modified", first, None),
            };
            let sha = if status == "removed" { old } else { new };
            changed.push(Changed { status, path, before, sha: (*sha).to_owned(), additions: 0, deletions: 0 });
        }
        let counts = self.git(&["diff-tree", "-r", "-z", "-M", "--numstat", from, to])?;
        let mut words = counts.split('\0').filter(|word| !word.is_empty());
        for file in &mut changed {
            let Some(line) = words.next() else { break };
            let mut numbers = line.split('\t');
            file.additions = numbers.next().and_then(|n| n.parse().ok()).unwrap_or(0);
            file.deletions = numbers.next().and_then(|n| n.parse().ok()).unwrap_or(0);
            if file.before.is_some() {
                words.nth(1);
            }
        }
        Ok(changed)
    }

    /// A command that sees nothing of the user's own configuration.
    #[expect(clippy::disallowed_methods, reason = "the fake runs git on its own, apart from kaas and its rules")]
    pub(super) fn command(&self) -> Command {
        let mut command = Command::new("git");
        command.env_clear().env("HOME", self.root.path()).env("GIT_CONFIG_NOSYSTEM", "1").env("LC_ALL", "C");
        if let Some(path) = std::env::var_os("PATH") {
            command.env("PATH", path);
        }
        command.current_dir(&self.dir).stdin(Stdio::piped()).stdout(Stdio::piped()).stderr(Stdio::piped());
        command
    }

    fn git(&self, args: &[&str]) -> anyhow::Result<String> {
        let out = self.with_input(args, b"", &[])?;
        Ok(String::from_utf8_lossy(&out).into_owned())
    }

    fn with_input(&self, args: &[&str], input: &[u8], env: &[(&str, &str)]) -> anyhow::Result<Vec<u8>> {
        let mut command = self.command();
        command.args(args).envs(env.iter().copied());
        run(command, input)
    }
}

/// Runs a command with this input and gives what it wrote.
pub(super) fn run(mut command: Command, input: &[u8]) -> anyhow::Result<Vec<u8>> {
    let mut child = command.spawn().context("git is needed")?;
    let mut stdin = child.stdin.take().context("its input")?;
    let input = input.to_vec();
    // On a thread of its own, so that a long input and a long output do not wait for each other.
    let writer = std::thread::spawn(move || stdin.write_all(&input));
    let out = child.wait_with_output()?;
    // git may close its input early, which is its own business.
    let _ = writer.join();
    if !out.status.success() {
        bail!("git: {}", String::from_utf8_lossy(&out.stderr).trim());
    }
    Ok(out.stdout)
}

fn signature(line: &str) -> anyhow::Result<Signature> {
    let (who, when) = line.rsplit_once("> ").context("a signature")?;
    let (name, email) = who.split_once(" <").context("an address")?;
    let seconds: i64 = when.split(' ').next().context("a time")?.parse()?;
    Ok(Signature { name: name.to_owned(), email: email.to_owned(), at: jiff::Timestamp::from_second(seconds)? })
}
