//! `kaas export`, `kaas import`, `kaas audit verify`: the data directory of a kaas that is stopped.

use std::fs::File;
use std::io::{BufReader, BufWriter, Write};
use std::path::{Path, PathBuf};

use anyhow::Context;
use clap::Subcommand;

use crate::store::archive;
use crate::store::sled::SledStore;

use super::{Exit, runtime};

/// Which data directory.
#[derive(Debug, Clone, clap::Args)]
pub struct DataDir {
    /// The data directory of a kaas that is stopped.
    #[arg(long, value_name = "DIR", default_value = ".kaas")]
    pub data_dir: PathBuf,
}

impl DataDir {
    /// Opens the store in it, which has to be there.
    ///
    /// # Errors
    /// There is none, or another kaas uses it.
    pub fn open(&self) -> anyhow::Result<SledStore> {
        let dir = self.data_dir.join("store");
        anyhow::ensure!(
            dir.is_dir(),
            "there is no kaas store in {}: name the --data-dir that kaas ran with",
            self.data_dir.display()
        );
        SledStore::open(&dir)
    }
}

/// Arguments of `kaas export`.
#[derive(Debug, clap::Args)]
pub struct Export {
    #[command(flatten)]
    data: DataDir,
    /// Where to write to; standard output where it is left out.
    #[arg(long, short, value_name = "FILE")]
    output: Option<PathBuf>,
}

/// Arguments of `kaas import`.
#[derive(Debug, clap::Args)]
pub struct Import {
    /// The data directory to fill. Its store has to be empty or missing.
    #[arg(long, value_name = "DIR", default_value = ".kaas")]
    data_dir: PathBuf,
    /// The export; standard input where it is left out.
    #[arg(value_name = "FILE")]
    input: Option<PathBuf>,
}

/// Arguments of `kaas audit`.
#[derive(Debug, clap::Args)]
pub struct Audit {
    #[command(subcommand)]
    what: AuditWhat,
}

#[derive(Debug, Subcommand)]
enum AuditWhat {
    /// Checks that no entry of any journal was altered, removed or put in.
    Verify {
        #[command(flatten)]
        data: DataDir,
        /// Prints JSON.
        #[arg(long)]
        json: bool,
    },
    /// Prints the journal of a cluster, one JSON line an entry.
    Show {
        #[command(flatten)]
        data: DataDir,
        /// The cluster's name.
        name: String,
    },
}

pub(super) fn export(args: &Export) -> anyhow::Result<Exit> {
    let store = args.data.open()?;
    let lives = match &args.output {
        Some(path) => {
            // Written beside and renamed, so that a cut-off export never looks like one.
            let beside = with_suffix(path, ".part");
            let mut out =
                BufWriter::new(File::create(&beside).with_context(|| format!("writing {}", beside.display()))?);
            let lives = runtime()?.block_on(archive::export(&store, &mut out))?;
            out.into_inner().context("writing the export")?.sync_all()?;
            std::fs::rename(&beside, path).with_context(|| format!("writing {}", path.display()))?;
            lives
        }
        None => runtime()?.block_on(archive::export(&store, &mut std::io::stdout()))?,
    };
    eprintln!("kaas: {lives} clusters exported");
    Ok(Exit::Done)
}

pub(super) fn import(args: &Import) -> anyhow::Result<Exit> {
    let store = SledStore::open(&args.data_dir.join("store"))?;
    let lives = match &args.input {
        Some(path) => {
            let file = File::open(path).with_context(|| format!("reading {}", path.display()))?;
            runtime()?.block_on(archive::import(&store, &mut BufReader::new(file)))?
        }
        None => runtime()?.block_on(archive::import(&store, &mut BufReader::new(std::io::stdin())))?,
    };
    eprintln!("kaas: {lives} clusters imported");
    Ok(Exit::Done)
}

pub(super) fn audit(args: &Audit) -> anyhow::Result<Exit> {
    match &args.what {
        AuditWhat::Verify { data, json } => {
            let store = data.open()?;
            let audit = runtime()?.block_on(archive::audit(&store))?;
            let mut out = std::io::stdout().lock();
            if *json {
                serde_json::to_writer(&mut out, &audit)?;
                writeln!(out)?;
            } else if audit.findings.is_empty() {
                writeln!(
                    out,
                    "the chain holds: {} entries of {} clusters, none altered, none missing",
                    audit.entries, audit.clusters
                )?;
            } else {
                for finding in &audit.findings {
                    writeln!(out, "{finding}")?;
                }
                writeln!(out, "the chain is broken in {} of {} clusters", audit.findings.len(), audit.clusters)?;
            }
            Ok(if audit.findings.is_empty() { Exit::Done } else { Exit::Failed })
        }
        AuditWhat::Show { data, name } => {
            let store = data.open()?;
            runtime()?.block_on(show(&store, name))
        }
    }
}

async fn show(store: &dyn crate::store::Store, name: &str) -> anyhow::Result<Exit> {
    let keys: Vec<_> =
        store.keys().await?.into_iter().filter(|key| key.name.as_str() == name || key.to_string() == name).collect();
    if keys.is_empty() {
        anyhow::bail!("there is no cluster {name} in this store");
    }
    let mut out = std::io::stdout().lock();
    for key in keys {
        for entry in store.journal(&key).await? {
            serde_json::to_writer(&mut out, &entry)?;
            writeln!(out)?;
        }
    }
    Ok(Exit::Done)
}

fn with_suffix(path: &Path, suffix: &str) -> PathBuf {
    let mut name = path.as_os_str().to_owned();
    name.push(suffix);
    name.into()
}
