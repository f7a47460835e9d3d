//! A data directory, a repository, and a runner over them.

use std::collections::BTreeMap;
use std::ffi::OsStr;
use std::os::unix::fs::PermissionsExt;
use std::path::{Path, PathBuf};
use std::sync::{Arc, Mutex};
use std::time::Duration;

use kaas::clock::SystemClock;
use kaas::lifecycle::{ChangeNumber, ClusterKey, ContentDigest, EffectKey};
use kaas::ports::{Call, FileEdit, Job, Mirror, Progress, ProgressSink};
use kaas::runner::terraform::{Settings, Terraform};
use tokio_util::sync::CancellationToken;

/// A module that makes two things and tells two outputs, one of them a secret.
pub const MODULE: &str = r#"
variable "name" { type = string }
variable "size" { type = string }
variable "fail" {
  type    = bool
  default = false
}
variable "password" {
  type      = string
  sensitive = true
  default   = "module-pass-word"
}
resource "terraform_data" "machine" {
  input = var.size
}
resource "terraform_data" "cluster" {
  input = { name = var.name, machine = terraform_data.machine.output, password = var.password }
  provisioner "local-exec" {
    command = var.fail ? "echo oh ${var.password} >&2; exit 3" : "true"
  }
}
output "cluster_id" { value = "c-m-${terraform_data.cluster.input.name}" }
output "password" {
  value     = var.password
  sensitive = true
}
"#;

pub struct House {
    dir: Dir,
    pub mirror: Mirror,
}

/// Where a house stands: on ground of its own, or where another process built it.
enum Dir {
    Own(tempfile::TempDir),
    Shared(PathBuf),
}

impl House {
    /// A house whose repository holds these files beside the module `box`.
    pub fn with(files: &[(&str, &str)]) -> Self {
        let dir = tempfile::tempdir().unwrap();
        let mirror = Mirror { path: dir.path().join("forge.git"), base: "0".repeat(40).parse().unwrap() };
        let mut house = Self { dir: Dir::Own(dir), mirror };
        command("git", ["init", "-q", "--bare", "-b", "main"], Some(&house.mirror.path));
        let mut all = BTreeMap::from([("modules/box/main.tf", MODULE), ("README.md", "hello")]);
        all.extend(files.iter().copied());
        house.commit(&all);
        house
    }

    pub fn new() -> Self {
        Self::with(&[])
    }

    /// Makes the base branch hold exactly these files.
    pub fn commit(&mut self, files: &BTreeMap<&str, &str>) {
        let tree = self.root().join("checkout");
        let _ = std::fs::remove_dir_all(&tree);
        for (path, content) in files {
            let path = tree.join(path);
            std::fs::create_dir_all(path.parent().unwrap()).unwrap();
            std::fs::write(path, content).unwrap();
        }
        let git = |args: &[&str]| {
            let mut all = vec!["--git-dir", self.mirror.path.to_str().unwrap(), "--work-tree", tree.to_str().unwrap()];
            all.extend(["-c", "user.name=kaas", "-c", "user.email=kaas@example.org"]);
            all.extend(args);
            command("git", &all, None)
        };
        git(&["add", "-A"]);
        git(&["commit", "-q", "-m", "base"]);
        self.mirror.base = git(&["rev-parse", "main"]).trim().parse().unwrap();
    }

    /// A house that another process built.
    pub fn at(dir: PathBuf) -> Self {
        let path = dir.join("forge.git");
        let base = command("git", ["--git-dir", path.to_str().unwrap(), "rev-parse", "main"], None);
        Self { mirror: Mirror { path, base: base.trim().parse().unwrap() }, dir: Dir::Shared(dir) }
    }

    pub fn root(&self) -> &Path {
        match &self.dir {
            Dir::Own(dir) => dir.path(),
            Dir::Shared(dir) => dir,
        }
    }

    pub fn settings(&self) -> Settings {
        let mut settings = Settings::new(self.data(), search_path());
        settings.limits.grace = Duration::from_secs(20);
        settings.limits.lock = Duration::ZERO;
        settings
    }

    pub fn runner(&self) -> Terraform {
        Terraform::new(self.settings(), SystemClock::shared())
    }

    pub fn data(&self) -> PathBuf {
        self.root().join("data")
    }

    /// Where a cluster's terraform works.
    pub fn workspace(&self, name: &str) -> PathBuf {
        self.data().join("work/acme").join(name)
    }

    /// A job for a cluster with a local state outside its workspace.
    pub fn job(&self, name: &str, size: &str) -> Job {
        self.job_with(name, &format!("size = \"{size}\""))
    }

    pub fn job_with(&self, name: &str, arguments: &str) -> Job {
        let state = self.root().join("state").join(format!("{name}.tfstate"));
        let text = format!(
            "terraform {{\n  backend \"local\" {{ path = {state:?} }}\n}}\nmodule \"{name}\" {{\n  source = \"../../modules/box\"\n  name = \"{name}\"\n  {arguments}\n}}\noutput \"cluster_id\" {{ value = module.{name}.cluster_id }}\noutput \"password\" {{\n  value = module.{name}.password\n  sensitive = true\n}}\n"
        );
        Job {
            cluster: key(name),
            change: ChangeNumber(7),
            destroy: false,
            module: "box".into(),
            files: vec![FileEdit { path: format!("clusters/{name}/main.tf"), content: Some(text) }],
            content: content(),
            mirror: self.mirror.clone(),
            environment: vec![
                ("RANCHER_URL".into(), "https://rancher.example.org".into()),
                ("RANCHER_TOKEN_KEY".into(), "token-abcde:environment-secret".into()),
            ],
        }
    }

    /// Everything that was kept: the text of every file below the data directory that people or a backup may see, by path.
    pub fn kept(&self) -> BTreeMap<PathBuf, String> {
        let mut found = BTreeMap::new();
        gather(&self.data().join("runs"), &mut found);
        found
    }

    pub fn logs(&self, what: &str) -> Vec<String> {
        let end = format!("-{what}.log");
        self.kept()
            .into_iter()
            .filter(|(path, _)| path.to_string_lossy().ends_with(&end))
            .map(|(_, text)| text)
            .collect()
    }

    pub fn state(&self, name: &str) -> String {
        std::fs::read_to_string(self.root().join("state").join(format!("{name}.tfstate"))).unwrap_or_default()
    }

    /// A fake terraform that tells a version and otherwise does what `body` says, with `$1` the command.
    pub fn fake(&self, body: &str) -> Settings {
        let path = self.root().join("fake-terraform");
        let whole = format!(
            "#!/bin/sh\nif [ \"$1\" = version ]; then echo '{{\"terraform_version\":\"1.9.0\"}}'; exit 0; fi\n{body}\n"
        );
        let aside = path.with_extension("body");
        std::fs::write(&aside, whole).unwrap();
        // A child copies it, so that no other test's child can hold it open for writing.
        command("cp", [&aside, &path], None);
        std::fs::set_permissions(&path, std::fs::Permissions::from_mode(0o755)).unwrap();
        let mut settings = self.settings();
        settings.program = Some(path);
        settings
    }
}

pub fn key(name: &str) -> ClusterKey {
    ClusterKey { tenant: "acme".parse().unwrap(), name: name.parse().unwrap() }
}

pub fn content() -> ContentDigest {
    "c".repeat(64).parse().unwrap()
}

pub fn call(name: &str, attempt: u32) -> Call {
    Call { key: EffectKey { cluster: key(name), revision: 3, index: 0 }, attempt, stop: CancellationToken::new() }
}

pub fn quiet() -> ProgressSink {
    Arc::new(|_| ())
}

/// A sink that remembers.
pub fn heard() -> (ProgressSink, Arc<Mutex<Vec<Progress>>>) {
    let heard = Arc::new(Mutex::new(Vec::new()));
    let sink = heard.clone();
    (Arc::new(move |progress| sink.lock().unwrap().push(progress)), heard)
}

/// The search path of the tests: the one terraform and git are found on.
pub fn search_path() -> String {
    std::env::var("PATH").unwrap()
}

pub fn has_terraform() -> bool {
    let found = std::env::split_paths(&search_path()).any(|dir| dir.join("terraform").is_file());
    assert!(found || std::env::var_os("KAAS_TEST_WITHOUT_TERRAFORM").is_some(), "terraform is needed on PATH");
    found
}

pub fn command<S: AsRef<OsStr>>(program: &str, args: impl IntoIterator<Item = S>, dir: Option<&Path>) -> String {
    #[expect(clippy::disallowed_methods, reason = "a test's own helper")]
    let mut command = std::process::Command::new(program);
    command.args(args).env("GIT_CONFIG_GLOBAL", "/dev/null").env_remove("TF_CLI_CONFIG_FILE");
    if let Some(dir) = dir {
        std::fs::create_dir_all(dir).unwrap();
        command.current_dir(dir);
    }
    let out = command.output().unwrap();
    assert!(out.status.success(), "{program}: {}", String::from_utf8_lossy(&out.stderr));
    String::from_utf8(out.stdout).unwrap()
}

pub async fn until(what: &str, done: impl Fn() -> bool) {
    for _ in 0..3000 {
        if done() {
            return;
        }
        tokio::time::sleep(Duration::from_millis(10)).await;
    }
    panic!("never happened: {what}");
}

fn gather(dir: &Path, found: &mut BTreeMap<PathBuf, String>) {
    for entry in std::fs::read_dir(dir).into_iter().flatten().flatten() {
        let path = entry.path();
        if path.is_dir() {
            gather(&path, found);
        } else {
            let bytes = std::fs::read(&path).unwrap();
            found.insert(path, String::from_utf8_lossy(&bytes).into_owned());
        }
    }
}
