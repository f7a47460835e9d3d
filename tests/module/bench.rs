//! A directory as kaas lays it out, a simulated Rancher, and a terraform that sees nothing of this machine.

use std::path::{Path, PathBuf};
use std::process::{Child, Command, Output, Stdio};
use std::time::Duration;

use kaas::sim::provider::mirror::install_mirror;
use kaas::sim::rancher::{Options, Running};
use serde_json::{Value, json};

pub use crate::finish::text;
use crate::finish::{LOOK, finish};

/// The module under test.
pub const MODULE: &str = concat!(env!("CARGO_MANIFEST_DIR"), "/modules/aws-rancher-cluster");
/// How long one terraform may take; generous, because machines of CI are slow.
const PATIENCE: Duration = Duration::from_secs(120);

/// Everything a test needs; gone with it.
pub struct Bench {
    directory: tempfile::TempDir,
    config: PathBuf,
    // Serves the simulated Rancher as long as the bench stands.
    _runtime: tokio::runtime::Runtime,
    token: std::cell::RefCell<String>,
    tls: std::cell::Cell<bool>,
    /// The simulated Rancher.
    pub rancher: Running,
}

impl Bench {
    /// A bench with a Rancher that makes a cluster in a second.
    pub fn new() -> Self {
        Self::with(Options::default())
    }

    /// A bench with that Rancher, made faster unless it says otherwise.
    pub fn with(options: Options) -> Self {
        let slow = options.provisioning > Options::default().provisioning;
        let provisioning = if slow { options.provisioning } else { Duration::from_secs(1) };
        let options = Options { provisioning, removing: Duration::from_millis(600), ..options };
        let runtime = tokio::runtime::Builder::new_multi_thread().worker_threads(1).enable_all().build().unwrap();
        let rancher = runtime.block_on(kaas::sim::rancher::start(options)).expect("the simulated Rancher starts");
        let directory = tempfile::tempdir().unwrap();
        let config = install_mirror(directory.path(), Path::new(env!("CARGO_BIN_EXE_kaas")), &[]).unwrap();
        let module = directory.path().join("modules/aws-rancher-cluster");
        std::fs::create_dir_all(&module).unwrap();
        for entry in std::fs::read_dir(MODULE).unwrap() {
            let entry = entry.unwrap();
            std::fs::copy(entry.path(), module.join(entry.file_name())).unwrap();
        }
        for name in ["home", "tmp", "clusters/one"] {
            std::fs::create_dir_all(directory.path().join(name)).unwrap();
        }
        let token = std::cell::RefCell::new(rancher.bot_token.clone());
        Self { directory, config, _runtime: runtime, token, tls: std::cell::Cell::new(false), rancher }
    }

    /// Uses another token from now on.
    pub fn use_token(&self, token: &str) {
        token.clone_into(&mut self.token.borrow_mut());
    }

    /// Lets terraform ask its plugins for TLS from now on.
    pub fn with_tls(&self) {
        self.tls.set(true);
    }

    /// A path in the bench's directory.
    pub fn path(&self, name: &str) -> PathBuf {
        self.directory.path().join(name)
    }

    /// Writes the root module: one call of the module with ordinary inputs and these.
    pub fn write_root(&self, name: &str, inputs: Value) {
        let mut all = json!({
            "source": "../../modules/aws-rancher-cluster",
            "name": name,
            "vpc_id": "vpc-0123456789abcdef0",
            "public_subnet_ids": ["subnet-0a", "subnet-0b", "subnet-0c"],
            "private_subnet_ids": ["subnet-1a", "subnet-1b", "subnet-1c"],
            "instance_type": "m6i.large",
            "region": "eu-west-1",
            "ami": "ami-0123456789abcdef0",
            "node_security_group_name": "kaas-nodes",
            "kubernetes_version": "v1.33.5+rke2r1",
            "cloud_credential_name": "simulated-aws",
            "request_id": "42",
            "owner": "alice",
        });
        for (input, value) in inputs.as_object().expect("inputs are an object") {
            all[input] = value.clone();
        }
        let output = |name: &str, of: &str| (name.to_owned(), json!({ "value": format!("${{module.{of}.{name}}}") }));
        let root = json!({
            "terraform": { "required_providers": { "rancher2": { "source": "rancher/rancher2", "version": "~> 14.1" } } },
            "module": { name: all },
            "output": serde_json::Map::from_iter([output("cluster_id", name), output("cluster_name", name)]),
        });
        std::fs::write(self.path("clusters/one/main.tf.json"), root.to_string()).unwrap();
    }

    /// Starts terraform in the root module.
    pub fn start(&self, arguments: &[&str]) -> Child {
        #[expect(clippy::disallowed_methods, reason = "a test starts terraform as kaas' runner does")]
        let mut command = Command::new("terraform");
        command
            .args(arguments)
            .current_dir(self.path("clusters/one"))
            .env_clear()
            .env("PATH", std::env::var_os("PATH").expect("there is a PATH"))
            .env("HOME", self.path("home"))
            .env("TMPDIR", self.path("tmp"))
            .env("TF_CLI_CONFIG_FILE", &self.config)
            .env("RANCHER_URL", &self.rancher.url)
            .env("RANCHER_TOKEN_KEY", &*self.token.borrow())
            .env("CHECKPOINT_DISABLE", "1")
            .env("TF_IN_AUTOMATION", "1")
            .stdin(Stdio::null())
            .stdout(Stdio::piped())
            .stderr(Stdio::piped());
        if !self.tls.get() {
            command.env("TF_DISABLE_PLUGIN_TLS", "1");
        }
        command.spawn().expect("terraform is on the PATH: these tests need terraform >= 1.5")
    }

    /// Runs terraform to its end.
    pub fn terraform(&self, arguments: &[&str]) -> Output {
        self.finish(self.start(arguments))
    }

    /// Waits for a process, and kills it when it takes too long.
    pub fn finish(&self, child: Child) -> Output {
        finish(child, PATIENCE, "a process")
    }

    /// Runs terraform, which has to succeed; what it printed.
    pub fn ok(&self, arguments: &[&str]) -> String {
        let output = self.terraform(arguments);
        assert!(output.status.success(), "terraform {arguments:?}:\n{}", text(&output));
        let token = self.token.borrow();
        let secret = token.split_once(':').expect("a token has two parts").1;
        assert!(!text(&output).contains(secret), "terraform {arguments:?} printed the token");
        String::from_utf8(output.stdout).unwrap()
    }

    /// Runs terraform, which has to fail; what it printed, in one line and without its frames.
    pub fn refused(&self, arguments: &[&str]) -> String {
        let output = self.terraform(arguments);
        assert!(!output.status.success(), "terraform {arguments:?} succeeded:\n{}", text(&output));
        let token = self.token.borrow();
        assert!(
            !text(&output).contains(token.rsplit(':').next().unwrap()),
            "terraform {arguments:?} printed the token"
        );
        let words = text(&output).replace(['│', '╷', '╵'], " ");
        words.split_whitespace().collect::<Vec<_>>().join(" ")
    }

    /// Plans into `plan.bin`; the plan as JSON.
    pub fn plan(&self, arguments: &[&str]) -> Value {
        self.ok(&[&["plan", "-input=false", "-out=plan.bin"], arguments].concat());
        serde_json::from_str(&self.ok(&["show", "-json", "plan.bin"])).expect("terraform prints JSON")
    }

    /// Runs kaas to its end.
    pub fn kaas(&self, arguments: &[&str]) -> Output {
        #[expect(clippy::disallowed_methods, reason = "a test starts the binary under test")]
        let mut command = Command::new(env!("CARGO_BIN_EXE_kaas"));
        command.args(arguments).env_clear().stdin(Stdio::null()).stdout(Stdio::piped()).stderr(Stdio::piped());
        self.finish(command.spawn().unwrap())
    }

    /// The sockets of plugins that still run; each removes its own when it ends.
    pub fn plugins(&self) -> usize {
        let names = std::fs::read_dir(self.path("tmp")).unwrap().map(|entry| entry.unwrap().file_name());
        names.filter(|name| name.to_string_lossy().starts_with("kaas-plugin-")).count()
    }

    /// Waits until Rancher has been asked for something that matches.
    pub fn until_asked(&self, what: impl Fn(&kaas::sim::rancher::Seen) -> bool) {
        for _ in 0..PATIENCE.as_millis() / LOOK.as_millis() {
            if self.rancher.requests().iter().any(&what) {
                return;
            }
            std::thread::sleep(LOOK);
        }
        panic!("Rancher was never asked");
    }
}
