//! What the demo stands on: a repository, a foundation, a simulated Rancher and a stand-in for its terraform provider, all in one directory.

use std::fs;
use std::os::unix::fs::{OpenOptionsExt, PermissionsExt};
use std::path::{Path, PathBuf};
use std::sync::Arc;
use std::time::Duration;

use anyhow::Context;
use secrecy::SecretString;
use serde_json::json;

use crate::chat::terminal::{NAME, Setup, TerminalChat};
use crate::cli::wire;
use crate::clock::SharedClock;
use crate::command::Dialect;
use crate::config::Config;
use crate::engine::Engine;
use crate::engine::desk::FrontDesk;
use crate::forge::local::seed;
use crate::lifecycle::Person;
use crate::ports::{Chat, FileEdit};
use crate::runner::terraform::Terraform;
use crate::sim::provider::mirror::{VERSION, install_mirror};
use crate::sim::rancher::{Options, Running, SimUser, start};
use crate::store::sled::SledStore;

/// The repository's first content: the production module, and a word about who writes what.
const SEED: [(&str, &str); 6] = [
    (
        "README.md",
        "# Clusters\n\nkaas writes `clusters/`, one folder a cluster, through pull requests. `modules/` is what they are made of.\n",
    ),
    ("modules/aws-rancher-cluster/README.md", include_str!("../../../modules/aws-rancher-cluster/README.md")),
    ("modules/aws-rancher-cluster/main.tf", include_str!("../../../modules/aws-rancher-cluster/main.tf")),
    ("modules/aws-rancher-cluster/outputs.tf", include_str!("../../../modules/aws-rancher-cluster/outputs.tf")),
    ("modules/aws-rancher-cluster/variables.tf", include_str!("../../../modules/aws-rancher-cluster/variables.tf")),
    ("modules/aws-rancher-cluster/versions.tf", include_str!("../../../modules/aws-rancher-cluster/versions.tf")),
];

/// The demo, wired up and not yet running.
pub struct World {
    /// The engine.
    pub engine: Arc<Engine>,
    /// The conversation.
    pub chat: TerminalChat,
    /// Where lines are brought.
    pub desk: FrontDesk,
    /// The people in the channel.
    pub people: Vec<Person>,
    /// Which terraform is used: `terraform 1.11.4`.
    pub program: String,
    /// Where Rancher answers.
    url: String,
    /// The simulated Rancher, where it is this process's own.
    rancher: Option<Running>,
}

/// Where the demo's parts lie.
pub struct Places<'a> {
    /// The data directory.
    pub dir: &'a Path,
    /// Where messages are appended as JSON lines.
    pub transcript: Option<PathBuf>,
    /// A real provider's binary, instead of the stand-in.
    pub provider: Option<&'a Path>,
    /// How long a simulated cluster takes to become active; it goes three times as fast.
    pub provisioning: Duration,
    /// The most that terraform may take for anything, where that is not the configuration's business.
    pub patience: Option<Duration>,
    /// The address of a simulated Rancher that runs already, and the file that holds its token.
    pub rancher: Option<(String, PathBuf)>,
}

impl World {
    /// Makes what is missing in the directory, and wires everything.
    ///
    /// # Errors
    /// Another kaas uses the directory; something cannot be written; no terraform can be had.
    pub async fn open(places: Places<'_>, clock: SharedClock) -> anyhow::Result<Self> {
        let dir = std::path::absolute(places.dir)?;
        private_dir(&dir)?;
        // First, because its lock says whether another kaas is at work here.
        let store = Arc::new(SledStore::open(&dir.join("store"))?);
        write_foundation(&dir.join("foundation.tfstate"))?;
        let (rancher, url, token_file) = match places.rancher {
            Some((url, token_file)) => (None, url, token_file),
            None => {
                let rancher = simulated(&dir.join("rancher"), places.provisioning, &clock).await?;
                let token_file = dir.join("rancher/token");
                write_private(&token_file, &rancher.bot_token)?;
                let url = rancher.url.clone();
                (Some(rancher), url, token_file)
            }
        };

        let mut config = Config::demo(&dir, &url, &token_file).map_err(|findings| anyhow::anyhow!("{findings}"))?;
        let cli_config = match places.provider {
            Some(binary) => real_mirror(&dir.join("providers"), binary)?,
            None => install_mirror(&dir.join("providers"), &std::env::current_exe()?, &[])?,
        };
        for tenant in &mut config.tenants {
            let runner = &mut tenant.runner;
            runner.cli_config_file = Some(cli_config.clone());
            if let Some(patience) = places.patience {
                runner.init_time_limit = patience;
                runner.plan_time_limit = patience;
                runner.apply_time_limit = patience;
                runner.lock_wait = runner.lock_wait.min(patience / 2);
            }
        }
        let tenant = config.tenants.first().context("the demo has a tenant")?;
        let files: Vec<FileEdit> = SEED
            .iter()
            .map(|(path, text)| FileEdit { path: (*path).to_owned(), content: Some((*text).to_owned()) })
            .collect();
        seed(&dir.join("forge.git"), &files, &clock).await?;

        // The stand-in speaks without TLS, which spares the certificates between two processes of one machine.
        let extra = vec![("TF_DISABLE_PLUGIN_TLS".to_owned(), SecretString::from("1"))];
        let runner = Arc::new(Terraform::new(wire::runner_settings(&config, tenant, extra), Arc::clone(&clock)));
        let program = runner.program().await?;
        let chat = TerminalChat::open(Setup {
            dir: dir.join("chat"),
            transcript: places.transcript,
            channel: "#clusters".to_owned(),
            clock: Arc::clone(&clock),
        })?;
        let forge = wire::local_forge(&dir.join("forge.git"), &clock).await?;
        let wired = wire::tenant(tenant, forge, runner, &clock)?;
        let chats = [(NAME.to_owned(), Arc::new(chat.clone()) as Arc<dyn Chat>)];
        let engine = Engine::new(store, clock, wire::pace(&config), [wired], chats);
        let people: Vec<Person> = tenant.people.iter().cloned().collect();
        let desk = FrontDesk::new(&engine, &tenant.name, people.clone(), Dialect::Plain)?;
        Ok(Self { engine, chat, desk, people, program: format!("{} {}", program.name, program.version), url, rancher })
    }

    /// Where the simulated Rancher answers.
    pub fn rancher_url(&self) -> &str {
        &self.url
    }

    /// Stops the simulated Rancher. The rest ends when it is dropped.
    pub async fn close(self) {
        if let Some(rancher) = self.rancher {
            rancher.shutdown().await;
        }
    }
}

/// The simulated Rancher, as it was left in that directory.
async fn simulated(dir: &Path, provisioning: Duration, clock: &SharedClock) -> anyhow::Result<Running> {
    private_dir(dir)?;
    let users = ["alice", "bob", "carol", "dave", "erin", "mallory"];
    start(Options {
        state_file: Some(dir.join("rancher.json")),
        provisioning,
        removing: provisioning / 3,
        users: users.map(sim_user).to_vec(),
        clock: Arc::clone(clock),
        ..Options::default()
    })
    .await
    .context("starting the simulated Rancher")
}

/// The foundation belongs to another team: what is there is left as it is.
fn write_foundation(path: &Path) -> anyhow::Result<()> {
    if path.exists() { Ok(()) } else { write_private(path, &foundation()) }
}

fn sim_user(name: &str) -> SimUser {
    let mut shown = name.to_owned();
    shown[..1].make_ascii_uppercase();
    SimUser { id: format!("u-{name}"), username: name.to_owned(), name: shown }
}

/// The state of the foundation, as the team that owns the network would have it.
fn foundation() -> String {
    let output = |value: serde_json::Value, kind: serde_json::Value| json!({ "value": value, "type": kind });
    let subnets = |ids: [&str; 3]| output(json!(ids), json!(["list", "string"]));
    let state = json!({
        "version": 4,
        "terraform_version": "1.5.0",
        "serial": 1,
        "lineage": "6f1d1c6e-8f0e-4c62-9d2b-6a1d1f0c3b7a",
        "outputs": {
            "vpc_id": output(json!("vpc-0a1b2c3d4e5f60718"), json!("string")),
            "public_subnet_ids": subnets(["subnet-0a00000000000000a", "subnet-0b00000000000000b", "subnet-0c00000000000000c"]),
            "node_security_group_name": output(json!("kaas-nodes"), json!("string")),
            "region": output(json!("eu-west-1"), json!("string")),
            "zones": output(json!(["a", "b", "c"]), json!(["list", "string"])),
            "availability_zones": output(json!(["eu-west-1a", "eu-west-1b", "eu-west-1c"]), json!(["list", "string"])),
            "private_subnet_ids": subnets(["subnet-0d00000000000000d", "subnet-0e00000000000000e", "subnet-0f00000000000000f"]),
        },
        "resources": [],
        "check_results": null,
    });
    format!("{state:#}\n")
}

/// A filesystem mirror that holds the real provider's binary.
fn real_mirror(dir: &Path, binary: &Path) -> anyhow::Result<PathBuf> {
    let binary =
        fs::canonicalize(binary).with_context(|| format!("there is no provider binary {}", binary.display()))?;
    let name = binary.file_name().and_then(|name| name.to_str()).unwrap_or_default();
    let version = name.rsplit_once("_v").map_or(VERSION, |(_, version)| version.split('_').next().unwrap_or(VERSION));
    // The layout is the stand-in's; only the executable is another one.
    let config = install_mirror(&dir.join("real"), &binary, &[])?;
    for registry in ["registry.terraform.io", "registry.opentofu.org"] {
        let versions = dir.join("real/mirror").join(registry).join("rancher/rancher2");
        let platform = fs::read_dir(versions.join(VERSION))?.next().context("the mirror has a platform")??.file_name();
        let place = versions.join(version).join(&platform);
        fs::create_dir_all(&place)?;
        let executable = place.join(format!("terraform-provider-rancher2_v{version}"));
        let _ = fs::remove_file(&executable);
        std::os::unix::fs::symlink(&binary, &executable)?;
        if version != VERSION {
            fs::remove_dir_all(versions.join(VERSION))?;
        }
    }
    Ok(config)
}

fn private_dir(dir: &Path) -> anyhow::Result<()> {
    fs::create_dir_all(dir).with_context(|| format!("making {}", dir.display()))?;
    fs::set_permissions(dir, fs::Permissions::from_mode(0o700))
        .with_context(|| format!("making {} private", dir.display()))
}

/// Writes a file that only its owner reads, in one step, where it says something else.
fn write_private(path: &Path, text: &str) -> anyhow::Result<()> {
    use std::io::Write as _;
    if fs::read_to_string(path).is_ok_and(|now| now == text) {
        return Ok(());
    }
    let fresh = path.with_extension("new");
    let _ = fs::remove_file(&fresh);
    let write = || -> std::io::Result<()> {
        let mut file = fs::OpenOptions::new().write(true).create_new(true).mode(0o600).open(&fresh)?;
        file.write_all(text.as_bytes())?;
        file.sync_all()?;
        fs::rename(&fresh, path)
    };
    write().with_context(|| format!("writing {}", path.display()))
}
