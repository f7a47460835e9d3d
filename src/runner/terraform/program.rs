//! Finding terraform: the configured program, then `terraform`, then `tofu` on the search path, each new enough.

use std::io::Read;
use std::os::unix::fs::MetadataExt;
use std::path::{Path, PathBuf};
use std::time::Duration;

use serde::{Deserialize, Serialize};
use tokio_util::sync::CancellationToken;

use crate::ports::Trouble;
use crate::runner::log::{Durable, private_file};
use crate::runner::process::{From, Spec, run_keeping};

/// The oldest terraform that works: the first with `plan -json` in the form read here and `import` blocks.
pub const TERRAFORM_MIN: Version = Version(1, 5, 0);

/// The oldest OpenTofu that works: its first release.
pub const TOFU_MIN: Version = Version(1, 6, 0);

/// How long a program may take to tell its version.
const VERSION_TIME: Duration = Duration::from_secs(30);

/// A version, such as `1.11.4`.
#[derive(Debug, Clone, Copy, PartialEq, Eq, PartialOrd, Ord, Hash, Serialize, Deserialize)]
pub struct Version(pub u32, pub u32, pub u32);

impl std::fmt::Display for Version {
    fn fmt(&self, f: &mut std::fmt::Formatter<'_>) -> std::fmt::Result {
        write!(f, "{}.{}.{}", self.0, self.1, self.2)
    }
}

impl Version {
    /// Reads `1.11.4`, `v1.11.4` or `1.12.0-beta1`.
    fn read(text: &str) -> Option<Self> {
        let mut parts = text.trim().trim_start_matches('v').split(['-', '+']).next()?.split('.').map(str::parse);
        Some(Self(parts.next()?.ok()?, parts.next()?.ok()?, parts.next().unwrap_or(Ok(0)).ok()?))
    }
}

/// A program that can be used.
#[derive(Debug, Clone, PartialEq, Eq)]
pub struct Program {
    /// Where it lies.
    pub path: PathBuf,
    /// What people call it: `terraform` or `tofu`.
    pub name: &'static str,
    /// Its version.
    pub version: Version,
    /// Which file it was, so that a replaced one is noticed.
    stamp: Option<Stamp>,
}

/// Which file it was: another one, or the same written again, differs in one of these.
#[derive(Debug, Clone, PartialEq, Eq, Serialize, Deserialize)]
struct Stamp {
    device: u64,
    inode: u64,
    size: u64,
    written: (i64, i64),
    changed: (i64, i64),
}

/// A program as it is remembered between starts.
#[derive(Debug, Serialize, Deserialize)]
struct Remembered {
    path: PathBuf,
    tofu: bool,
    version: Version,
    stamp: Stamp,
}

impl Program {
    /// Whether the file is still the one that was asked for its version.
    pub fn is_current(&self) -> bool {
        stamp(&self.path) == self.stamp
    }

    /// Finds the program. `configured` may be a path or a name on `path` (a search path as in `PATH`); `bin` is where kaas puts what it fetched.
    ///
    /// # Errors
    /// A sentence that names the remedy.
    pub async fn find(configured: Option<&Path>, path: &str, bin: &Path) -> Result<Self, Trouble> {
        let mut refused = Vec::new();
        for candidate in candidates(configured, path, bin) {
            match Self::ask(&candidate, path).await {
                Ok(program) => return Ok(program),
                Err(why) => refused.push(format!("{}: {why}", candidate.display())),
            }
        }
        let line = match (configured, refused.is_empty()) {
            (Some(program), true) => {
                format!(
                    "{} is configured as terraform, but it is not there; install it or correct the path",
                    program.display()
                )
            }
            (None, true) => {
                format!(
                    "neither terraform nor tofu is installed; install terraform {TERRAFORM_MIN} or tofu {TOFU_MIN} or newer, or name it in the configuration"
                )
            }
            (_, false) => format!(
                "no terraform that works here; terraform {TERRAFORM_MIN} or tofu {TOFU_MIN} or newer is needed ({})",
                refused.join("; ")
            ),
        };
        Err(Trouble::Lasting { line, source: None })
    }

    /// The same, but a program that `memory` knows is not asked again: telling its version takes terraform longer than all else takes kaas to start.
    ///
    /// # Errors
    /// A sentence that names the remedy.
    pub async fn find_or_recall(
        configured: Option<&Path>,
        path: &str,
        bin: &Path,
        memory: &Path,
    ) -> Result<Self, Trouble> {
        if let Some(first) = candidates(configured, path, bin).first()
            && let Some(known) = Self::recall(memory)
            && known.path == *first
            && known.is_current()
        {
            return Ok(known);
        }
        let found = Self::find(configured, path, bin).await?;
        found.remember(memory);
        Ok(found)
    }

    fn recall(memory: &Path) -> Option<Self> {
        let known: Remembered = serde_json::from_slice(&std::fs::read(memory).ok()?).ok()?;
        let name = if known.tofu { "tofu" } else { "terraform" };
        Some(Self { path: known.path, name, version: known.version, stamp: Some(known.stamp) })
    }

    /// Lost, it is only found out again. A script is not remembered: which version it starts is not in its own file.
    fn remember(&self, memory: &Path) {
        let Some(stamp) = self.stamp.clone().filter(|_| !is_script(&self.path)) else { return };
        let known = Remembered { path: self.path.clone(), tofu: self.name == "tofu", version: self.version, stamp };
        let kept = serde_json::to_vec(&known)
            .map_err(std::io::Error::from)
            .and_then(|bytes| private_file(memory, &bytes, Durable::Soon));
        if let Err(error) = kept {
            tracing::debug!(file = %memory.display(), %error, "the program's version is not remembered");
        }
    }

    async fn ask(program: &Path, path: &str) -> Result<Self, String> {
        let stamp = stamp(program);
        let mut said = String::new();
        let spec = Spec {
            program: program.to_path_buf(),
            args: vec!["version".into(), "-json".into()],
            environment: vec![
                ("PATH".into(), path.into()),
                ("HOME".into(), std::env::temp_dir().to_string_lossy().into_owned().into()),
                ("CHECKPOINT_DISABLE".into(), "1".into()),
                super::FASTER.map(|(name, value)| (name.to_owned(), value.into()))[0].clone(),
            ],
            dir: std::env::temp_dir(),
            stdin: None,
            time: VERSION_TIME,
            grace: Duration::from_secs(1),
            keep_max: 64 * 1024,
            output: None,
            watch: None,
        };
        let ended = run_keeping(spec, &CancellationToken::new(), &mut |from, line| {
            if from == From::Err && said.is_empty() {
                line.trim().chars().take(200).for_each(|c| said.push(c));
            }
        })
        .await
        .map_err(|e| format!("cannot be started: {e}"))?;
        if !ended.ok() {
            return Err(format!("does not tell its version ({}) {said}", ended.status).trim_end().to_owned());
        }
        let out = String::from_utf8_lossy(&ended.kept);
        let (version, product) = version_of(&out).ok_or("does not tell its version: it is not terraform")?;
        let file = program.file_name().unwrap_or_default().to_string_lossy();
        let tofu = product.map_or(file.contains("tofu"), |product| product.eq_ignore_ascii_case("opentofu"));
        let (name, least) = if tofu { ("tofu", TOFU_MIN) } else { ("terraform", TERRAFORM_MIN) };
        if version < least {
            return Err(format!("is {name} {version}, which is too old"));
        }
        Ok(Self { path: program.to_path_buf(), name, version, stamp })
    }
}

/// The version, and the product where it is named.
fn version_of(out: &str) -> Option<(Version, Option<&str>)> {
    #[derive(serde::Deserialize)]
    struct Said {
        terraform_version: String,
    }
    if let Ok(said) = serde_json::from_str::<Said>(out) {
        return Some((Version::read(&said.terraform_version)?, None));
    }
    let (product, version) = out.lines().next()?.trim().split_once(" v")?;
    matches!(product, "Terraform" | "OpenTofu").then_some((Version::read(version)?, Some(product)))
}

/// What may be used, best first.
fn candidates(configured: Option<&Path>, path: &str, bin: &Path) -> Vec<PathBuf> {
    let all = match configured {
        Some(program) if program.components().count() > 1 => vec![Some(program.to_path_buf())],
        Some(name) => vec![on_path(name, path)],
        None => vec![on_path(Path::new("terraform"), path), on_path(Path::new("tofu"), path), Some(bin.join("tofu"))],
    };
    all.into_iter().flatten().filter(|candidate| candidate.exists()).collect()
}

fn on_path(name: &Path, path: &str) -> Option<PathBuf> {
    std::env::split_paths(path).filter(|dir| dir.is_absolute()).map(|dir| dir.join(name)).find(|file| is_program(file))
}

fn is_program(file: &Path) -> bool {
    use std::os::unix::fs::PermissionsExt;
    std::fs::metadata(file).is_ok_and(|meta| meta.is_file() && meta.permissions().mode() & 0o111 != 0)
}

fn stamp(file: &Path) -> Option<Stamp> {
    let meta = std::fs::metadata(file).ok()?;
    Some(Stamp {
        device: meta.dev(),
        inode: meta.ino(),
        size: meta.size(),
        written: (meta.mtime(), meta.mtime_nsec()),
        changed: (meta.ctime(), meta.ctime_nsec()),
    })
}

fn is_script(file: &Path) -> bool {
    let mut start = [0; 2];
    std::fs::File::open(file).and_then(|mut file| file.read_exact(&mut start)).is_ok() && start == *b"#!"
}

#[cfg(test)]
mod tests {
    use super::*;
    use crate::runner::terraform::testing::script;

    async fn find(configured: Option<&Path>, dirs: &[&Path]) -> Result<Program, String> {
        let path = std::env::join_paths(dirs).unwrap().into_string().unwrap() + ":/usr/bin:/bin";
        Program::find(configured, &path, Path::new("/nowhere/bin")).await.map_err(|trouble| trouble.to_string())
    }

    fn fake(dir: &Path, name: &str, version: &str) -> PathBuf {
        script(&dir.join(name), &format!("echo '{{\"terraform_version\": \"{version}\"}}'"))
    }

    #[tokio::test]
    async fn terraform_is_taken_before_tofu_and_an_old_one_is_passed_over() {
        let dir = tempfile::tempdir().unwrap();
        let tofu = fake(dir.path(), "tofu", "1.6.2");
        let found = find(None, &[dir.path()]).await.unwrap();
        assert_eq!((&found.path, found.name, found.version), (&tofu, "tofu", Version(1, 6, 2)));
        fake(dir.path(), "terraform", "1.4.9");
        assert_eq!(find(None, &[dir.path()]).await.unwrap().path, tofu);
        let terraform = fake(dir.path(), "terraform", "1.12.0-beta1");
        let found = find(None, &[dir.path()]).await.unwrap();
        assert_eq!((&found.path, found.version), (&terraform, Version(1, 12, 0)));
        assert!(found.is_current());
        std::fs::remove_file(terraform).unwrap();
        assert!(!found.is_current());
    }

    #[tokio::test]
    async fn a_program_is_asked_once_and_again_when_it_was_replaced() {
        let dir = tempfile::tempdir().unwrap();
        let memory = dir.path().join("program.json");
        let recall = async |program: &Path| {
            let found = Program::find_or_recall(Some(program), "/usr/bin:/bin", Path::new("/nowhere"), &memory).await;
            found.map(|found| found.version).map_err(|trouble| trouble.to_string())
        };
        // Not a script, and as it is of no use: only what is remembered of it can tell its version.
        let program = dir.path().join("terraform");
        std::fs::write(&program, "no program at all").unwrap();
        assert!(recall(&program).await.is_err());
        let version = Version(1, 9, 0);
        let known = Program { path: program.clone(), name: "terraform", version, stamp: stamp(&program) };
        known.remember(&memory);
        assert_eq!(recall(&program).await, Ok(version));
        std::fs::write(&program, "another one of no use").unwrap();
        assert!(recall(&program).await.is_err());
        // A script stays the same file when what it starts is another one.
        let script = fake(dir.path(), "tofu", "1.8.0");
        std::fs::remove_file(&memory).unwrap();
        assert_eq!(recall(&script).await, Ok(Version(1, 8, 0)));
        assert!(!memory.exists());
    }

    #[tokio::test]
    async fn what_does_not_work_is_said_with_the_remedy() {
        let dir = tempfile::tempdir().unwrap();
        let none = find(None, &[dir.path()]).await.unwrap_err();
        assert!(none.starts_with("neither terraform nor tofu is installed; install terraform 1.5.0"), "{none}");
        let gone = find(Some(Path::new("/nowhere/terraform")), &[]).await.unwrap_err();
        assert!(gone.contains("/nowhere/terraform is configured as terraform, but"), "{gone}");
        let old = fake(dir.path(), "old-tofu", "1.5.7");
        let old = find(Some(&old), &[]).await.unwrap_err();
        assert!(old.contains("is tofu 1.5.7, which is too old"), "{old}");
        let odd = script(&dir.path().join("odd"), "echo hello");
        let odd = find(Some(&odd), &[]).await.unwrap_err();
        assert!(odd.contains("it is not terraform"), "{odd}");
        let bad = script(&dir.path().join("bad"), "echo 'no such flag' >&2; exit 4");
        let bad = find(Some(&bad), &[]).await.unwrap_err();
        assert!(bad.contains("no such flag"), "{bad}");
    }

    #[test]
    fn both_forms_of_a_version_are_read() {
        assert_eq!(version_of("OpenTofu v1.8.1\non linux_amd64\n"), Some((Version(1, 8, 1), Some("OpenTofu"))));
        assert_eq!(version_of("{\"terraform_version\":\"1.9.0-rc1\"}"), Some((Version(1, 9, 0), None)));
        assert_eq!(version_of("{}"), None);
        assert_eq!(version_of(""), None);
    }
}
