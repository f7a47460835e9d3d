//! A stand-in for the terraform provider rancher/rancher2, speaking plugin protocol 5.
//!
//! It lets the unchanged production module run under the real terraform without a download, and does its work by asking
//! Rancher over HTTP what the real provider would ask. It is a stand-in and no replacement: it knows only what kaas' modules
//! use.
//!
//! To read: [`tables`] (what it offers) on [`schema`], [`plan`] (what will be), [`resources`] (what it does) through
//! [`wire`] and [`client`], [`service`] (the calls), `grpc` and this file (how terraform reaches it), [`mirror`] (how
//! terraform finds it).

pub mod client;
mod grpc;
pub mod mirror;
pub mod plan;
mod poll;
#[expect(missing_docs, reason = "the names are those of the plugin protocol, which documents them")]
pub mod proto;
pub mod resources;
pub mod schema;
pub mod service;
pub mod tables;
mod validate;
pub mod value;
pub mod wire;

use std::io::Write;
use std::os::unix::fs::DirBuilderExt;
use std::path::{Path, PathBuf};
use std::sync::Arc;
use std::time::Duration;

use anyhow::Context;
use tokio::net::UnixListener;
use tokio::signal::unix::{SignalKind, signal};
use tokio::sync::watch;
use tokio_stream::wrappers::UnixListenerStream;

use crate::clock::SystemClock;
use crate::exit::Exit;

/// What terraform puts into the environment of its plugins, so that people who start one by hand can be told.
const MAGIC_COOKIE: (&str, &str) =
    ("TF_PLUGIN_MAGIC_COOKIE", "d602bf8f470bc67ca7faa0386276bbdd4330efaf76d1a219cb4d6991ca9872b2");
/// Said when terraform wants TLS.
const NO_TLS: &str = "kaas' stand-in for rancher/rancher2 speaks to terraform without TLS: run terraform with \
                      TF_DISABLE_PLUGIN_TLS=1 in its environment.";
/// How often to look whether terraform still lives: a killed one cannot say goodbye.
const PARENT_CHECK: Duration = Duration::from_secs(1);
/// The longest path of a socket that every system takes.
const SOCKET_PATH_LIMIT_BYTES: usize = 100;

/// Serves the plugin until terraform closes it.
///
/// # Errors
/// The socket cannot be made, or serving it failed.
pub fn run() -> anyhow::Result<Exit> {
    let (name, cookie) = MAGIC_COOKIE;
    if std::env::var(name).is_ok_and(|value| value == cookie) {
        // go-plugin asks for TLS by handing over its own certificate.
        if std::env::var_os("PLUGIN_CLIENT_CERT").is_some_and(|cert| !cert.is_empty()) {
            eprintln!("{NO_TLS}");
            // terraform keeps a plugin's stderr to itself, but shows a first line that is no handshake.
            println!("{NO_TLS}");
            return Ok(Exit::Failed);
        }
        let runtime = tokio::runtime::Builder::new_current_thread().enable_all().build()?;
        return runtime.block_on(serve());
    }
    eprintln!(
        "This is kaas' stand-in for the terraform provider rancher/rancher2. terraform starts it by itself; by hand there is \
         nothing to do here. `kaas demo` shows it at work."
    );
    Ok(Exit::Misuse)
}

async fn serve() -> anyhow::Result<Exit> {
    let clock = SystemClock::shared();
    let socket = Socket::make(&std::env::temp_dir(), &clock.id())?;
    let listener =
        UnixListener::bind(&socket.path).with_context(|| format!("listening on {}", socket.path.display()))?;
    let provider = Arc::new(service::Provider::new(clock, |name| std::env::var(name).ok()));
    let end = watch::Sender::new(false);
    let server = tonic::transport::Server::builder()
        .add_service(grpc::ProviderServer(Arc::clone(&provider)))
        .add_service(grpc::Controller(end.clone()))
        .serve_with_incoming(UnixListenerStream::new(listener));

    let mut stdout = std::io::stdout();
    writeln!(stdout, "1|5|unix|{}|grpc", socket.path.display())?;
    stdout.flush()?;

    // Ctrl-C reaches the whole process group; terraform then says Stop, and waits for the answer.
    let mut interrupts = signal(SignalKind::interrupt())?;
    let mut terminate = signal(SignalKind::terminate())?;
    let ignore = async move { while interrupts.recv().await.is_some() {} };
    let mut ended = end.subscribe();
    tokio::select! {
        served = server => served.context("serving terraform")?,
        _ = ended.wait_for(|end| *end) => {
            // The answer to Shutdown leaves first.
            tokio::time::sleep(Duration::from_millis(5)).await;
        }
        () = orphaned() => { provider.stop(); }
        _ = terminate.recv() => { provider.stop(); }
        () = ignore => {}
    }
    Ok(Exit::Done)
}

/// Returns when the process that started this one is gone.
async fn orphaned() {
    let parent = std::os::unix::process::parent_id();
    while std::os::unix::process::parent_id() == parent {
        tokio::time::sleep(PARENT_CHECK).await;
    }
}

/// A socket in a directory that only this user can enter; removed when dropped.
struct Socket {
    directory: PathBuf,
    path: PathBuf,
}

impl Socket {
    fn make(temporary: &Path, id: &str) -> anyhow::Result<Self> {
        let name = format!("kaas-plugin-{id}");
        let mut directory = temporary.join(&name);
        if directory.as_os_str().len() + "/s".len() > SOCKET_PATH_LIMIT_BYTES {
            directory = Path::new("/tmp").join(name);
        }
        std::fs::DirBuilder::new()
            .mode(0o700)
            .create(&directory)
            .with_context(|| format!("making {}", directory.display()))?;
        Ok(Self { path: directory.join("s"), directory })
    }
}

impl Drop for Socket {
    fn drop(&mut self) {
        // Nothing depends on it: a leftover is an empty directory in the temporary one.
        let _ = std::fs::remove_file(&self.path);
        let _ = std::fs::remove_dir(&self.directory);
    }
}
