//! A copy of a configuration, and a terraform that sees nothing of this machine but a mirror of providers.

use std::collections::BTreeMap;
use std::path::{Path, PathBuf};
use std::process::{Command, Output, Stdio};
use std::time::Duration;

use serde_json::Value;

use crate::finish::{finish, text};

/// Names a folder that holds `registry.terraform.io/hashicorp/aws`.
const MIRROR: &str = "KAAS_PROVIDER_MIRROR";
/// What a mirror holds.
const PROVIDER: &str = "registry.terraform.io/hashicorp/aws";
/// How long one terraform may take; generous, because the provider alone takes half a minute to start on a busy machine, and may have to be fetched.
const PATIENCE: Duration = Duration::from_secs(900);
/// The oldest terraform with `mock_provider`.
const LEAST: (u32, u32) = (1, 7);

/// A folder with a copy of a configuration.
pub struct Bench {
    directory: tempfile::TempDir,
    mirrored: bool,
}

impl Bench {
    /// A copy of the configuration `root`, a folder of the repository, with its tests and without what is below it.
    pub fn of(root: &str) -> Self {
        let directory = tempfile::tempdir().unwrap();
        for (path, text) in super::files::all(root) {
            let to = directory.path().join("root").join(path);
            std::fs::create_dir_all(to.parent().unwrap()).unwrap();
            std::fs::write(to, text).unwrap();
        }
        std::fs::create_dir(directory.path().join("home")).unwrap();
        let from = mirror();
        let installation = match &from {
            Some(path) => {
                format!("provider_installation {{\n  filesystem_mirror {{\n    path = {path:?}\n  }}\n}}\n")
            }
            None => String::new(),
        };
        std::fs::write(directory.path().join("terraform.rc"), format!("disable_checkpoint = true\n{installation}"))
            .unwrap();
        let bench = Self { directory, mirrored: from.is_some() };
        bench.is_new_enough();
        bench
    }

    /// Writes a file of the copy.
    pub fn write(&self, path: &str, text: &str) {
        std::fs::write(self.directory.path().join("root").join(path), text).unwrap();
    }

    /// Runs terraform to its end, which it has to reach in time.
    pub fn terraform(&self, arguments: &[&str]) -> Output {
        #[expect(clippy::disallowed_methods, reason = "a test starts terraform")]
        let mut command = Command::new("terraform");
        let passed: BTreeMap<_, _> =
            std::env::vars_os().filter(|(name, _)| self.passes(&name.to_string_lossy())).collect();
        let child = command
            .args(arguments)
            .current_dir(self.directory.path().join("root"))
            .env_clear()
            .envs(passed)
            .env("HOME", self.directory.path().join("home"))
            .env("TF_CLI_CONFIG_FILE", self.directory.path().join("terraform.rc"))
            .env("TF_IN_AUTOMATION", "1")
            // Whatever asks AWS after all finds no credentials, and does not look for those of a machine.
            .env("AWS_EC2_METADATA_DISABLED", "true")
            .stdin(Stdio::null())
            .stdout(Stdio::piped())
            .stderr(Stdio::piped())
            .spawn()
            .expect("terraform is on the PATH: these tests need terraform >= 1.7");
        finish(child, PATIENCE, &format!("terraform {arguments:?}"))
    }

    /// Runs terraform, which has to succeed; what it printed.
    pub fn ok(&self, arguments: &[&str]) -> String {
        let ended = self.terraform(arguments);
        assert!(ended.status.success(), "terraform {arguments:?}:\n{}", text(&ended));
        String::from_utf8_lossy(&ended.stdout).into_owned()
    }

    /// Gets the provider, and says what to do where there is none.
    pub fn init(&self) {
        let ended = self.terraform(&["init", "-backend=false", "-input=false", "-no-color"]);
        let remedy = if self.mirrored {
            "the mirror that was found has no version of hashicorp/aws that deploy/foundation takes"
        } else {
            "there is no mirror with hashicorp/aws here, and it could not be fetched"
        };
        let said = text(&ended);
        assert!(ended.status.success(), "{remedy}: set {MIRROR} to a folder that holds {PROVIDER}\n{said}");
    }

    /// Runs the tests: whether all passed, and the messages.
    pub fn test(&self, arguments: &[&str]) -> (bool, Vec<Value>) {
        let ended = self.terraform(&[&["test", "-json"], arguments].concat());
        let lines = String::from_utf8_lossy(&ended.stdout);
        let messages: Vec<Value> = lines.lines().filter_map(|line| serde_json::from_str(line).ok()).collect();
        assert!(!messages.is_empty(), "terraform test said nothing that can be read:\n{}", text(&ended));
        (ended.status.success(), messages)
    }

    /// Whether terraform sees this variable: the way to a registry only where it is needed.
    fn passes(&self, name: &str) -> bool {
        let network = ["HTTP_PROXY", "HTTPS_PROXY", "NO_PROXY", "SSL_CERT_FILE", "SSL_CERT_DIR"];
        matches!(name, "PATH" | "TMPDIR") || !self.mirrored && network.contains(&name.to_uppercase().as_str())
    }

    fn is_new_enough(&self) {
        let said: Value = serde_json::from_str(&self.ok(&["version", "-json"])).expect("terraform tells its version");
        let version = said["terraform_version"].as_str().expect("terraform tells its version").to_owned();
        let mut parts = version.split('.').map(|part| part.parse::<u32>().unwrap_or(0));
        let found = (parts.next().unwrap_or(0), parts.next().unwrap_or(0));
        assert!(found >= LEAST, "terraform {version} cannot mock a provider: these tests need 1.7 or newer");
    }
}

/// The mirror with hashicorp/aws: what `KAAS_PROVIDER_MIRROR` names, or else the first folder of the usual places that holds it. `None`: terraform fetches it.
pub fn mirror() -> Option<PathBuf> {
    let holds = |folder: &Path| folder.join(PROVIDER).is_dir();
    if let Some(named) = std::env::var_os(MIRROR) {
        let named = PathBuf::from(named);
        assert!(holds(&named), "{MIRROR} is {}, which holds no {PROVIDER}", named.display());
        return Some(named);
    }
    let mut places: Vec<PathBuf> = ["/opt", "/usr/local/share", "/usr/share/terraform"].map(PathBuf::from).into();
    if let Some(home) = std::env::var_os("HOME").map(PathBuf::from) {
        places.extend([".terraform.d/plugins", ".local/share/terraform/plugins"].map(|place| home.join(place)));
    }
    places.into_iter().flat_map(|place| below(&place, 2)).find(|folder| holds(folder))
}

/// A folder and those below it, to that depth.
fn below(folder: &Path, depth: usize) -> Vec<PathBuf> {
    let mut all = vec![folder.to_path_buf()];
    if depth > 0 {
        let entries = std::fs::read_dir(folder).into_iter().flatten().flatten();
        let mut folders: Vec<_> = entries.map(|entry| entry.path()).filter(|path| path.is_dir()).collect();
        folders.sort();
        all.extend(folders.iter().flat_map(|folder| below(folder, depth - 1)));
    }
    all
}
