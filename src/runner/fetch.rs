//! Fetching OpenTofu where neither terraform nor tofu is installed: one pinned release, checked, into the data directory.
//!
//! The version is pinned here. The release's own list of sha256 sums comes over https from the same place as the archive, so what is proven is that the
//! archive is the one which that place lists, not who built it: an operator who needs more installs terraform or tofu by their own means, or points
//! `base` at a mirror of their own.

use std::fs::{self, File, OpenOptions};
use std::io::{self, Read, Write};
use std::os::unix::fs::OpenOptionsExt;
use std::path::{Path, PathBuf};
use std::time::Duration;

use anyhow::{Context, anyhow, bail, ensure};
use sha2::{Digest, Sha256};

use super::log::private_dir;
use super::terraform::program::{TERRAFORM_MIN, TOFU_MIN};
use crate::ports::{Answer, Trouble};

/// The release that is fetched.
pub const TOFU_VERSION: &str = "1.9.1";

/// Where releases lie: `<base>/v<version>/tofu_<version>_<os>_<arch>.zip` and `…_SHA256SUMS`.
pub const BASE: &str = "https://github.com/opentofu/opentofu/releases/download";

/// The most bytes of an archive, and of the program in it.
const ARCHIVE_MAX: u64 = 256 * 1024 * 1024;
const PROGRAM_MAX: u64 = 512 * 1024 * 1024;

/// The most bytes of the list of sums.
const SUMS_MAX: usize = 64 * 1024;

/// How long connecting, and the whole download, may take.
const CONNECT_TIME: Duration = Duration::from_secs(10);
const FETCH_TIME: Duration = Duration::from_secs(15 * 60);

/// Where a release is fetched from.
#[derive(Debug, Clone, PartialEq, Eq)]
pub struct Source {
    /// As [`BASE`].
    pub base: String,
    /// As [`TOFU_VERSION`].
    pub version: String,
}

impl Default for Source {
    fn default() -> Self {
        Self { base: BASE.into(), version: TOFU_VERSION.into() }
    }
}

/// Fetches the release for this machine and installs it as `<bin>/tofu`. `id` makes the name of the unfinished file its own.
///
/// # Errors
/// A sentence that names the remedy; nothing is installed then.
pub async fn fetch(source: &Source, bin: &Path, id: &str) -> Answer<PathBuf> {
    tracing::info!(version = source.version, from = source.base, "fetches OpenTofu");
    install(source, bin, id).await.map_err(|error| {
        let line = format!(
            "neither terraform nor tofu is installed, and OpenTofu {} cannot be fetched; install terraform {TERRAFORM_MIN} or tofu {TOFU_MIN} or newer, or put a tofu into {}",
            source.version,
            bin.display()
        );
        Trouble::Passing { line, wait: None, source: Some(error) }
    })
}

async fn install(source: &Source, bin: &Path, id: &str) -> anyhow::Result<PathBuf> {
    let url = reqwest::Url::parse(&source.base).context("the base address is none")?;
    let loopback = matches!(url.host_str(), Some("127.0.0.1" | "[::1]" | "localhost"));
    ensure!(url.scheme() == "https" || loopback, "{url} is not https");
    let mut client = reqwest::Client::builder().connect_timeout(CONNECT_TIME).timeout(FETCH_TIME);
    if loopback {
        client = client.no_proxy();
    }
    let client = client.build()?;
    let release = format!("{}/v{}", source.base.trim_end_matches('/'), source.version);
    let name = format!("tofu_{}_{}.zip", source.version, platform()?);
    let sums = format!("{release}/tofu_{}_SHA256SUMS", source.version);
    let sum = sum_of(&get_text(&client, &sums).await?, &name)?;

    private_dir(bin)?;
    let scratch = Scratch([bin.join(format!(".{name}.{id}")), bin.join(format!(".tofu.{id}"))]);
    let [archive, program] = &scratch.0;
    let found = download(&client, &format!("{release}/{name}"), archive).await?;
    ensure!(found == sum, "{name} has the sha256 {found}, and the release lists {sum}");
    let installed = bin.join("tofu");
    let (archive, program, to) = (archive.clone(), program.clone(), installed.clone());
    tokio::task::spawn_blocking(move || -> anyhow::Result<()> {
        unpack(&archive, &program)?;
        fs::rename(&program, &to)?;
        Ok(())
    })
    .await??;
    Ok(installed)
}

/// Unfinished files, gone when it is dropped.
struct Scratch([PathBuf; 2]);

impl Drop for Scratch {
    fn drop(&mut self) {
        for path in &self.0 {
            let _ = fs::remove_file(path);
        }
    }
}

async fn get_text(client: &reqwest::Client, url: &str) -> anyhow::Result<String> {
    let mut response = client.get(url).send().await?.error_for_status()?;
    let mut bytes = Vec::new();
    while let Some(chunk) = response.chunk().await? {
        bytes.extend_from_slice(&chunk);
        ensure!(bytes.len() <= SUMS_MAX, "{url} is too large");
    }
    String::from_utf8(bytes).context("the list of sums is no text")
}

async fn download(client: &reqwest::Client, url: &str, to: &Path) -> anyhow::Result<String> {
    let mut response = client.get(url).send().await?.error_for_status()?;
    let mut file = File::create(to)?;
    let (mut hash, mut size) = (Sha256::new(), 0);
    while let Some(chunk) = response.chunk().await? {
        size += chunk.len() as u64;
        ensure!(size <= ARCHIVE_MAX, "{url} is too large");
        hash.update(&chunk);
        file.write_all(&chunk)?;
    }
    Ok(hash.finalize().iter().map(|byte| format!("{byte:02x}")).collect())
}

/// The sum of a file in a list as `sha256sum` writes it.
fn sum_of(sums: &str, name: &str) -> anyhow::Result<String> {
    let line = |line: &str| {
        let (sum, file) = line.split_once(char::is_whitespace)?;
        let is_sum = sum.len() == 64 && sum.bytes().all(|b| b.is_ascii_hexdigit());
        (is_sum && file.trim().trim_start_matches('*') == name).then(|| sum.to_ascii_lowercase())
    };
    sums.lines().find_map(line).ok_or_else(|| anyhow!("the release does not list {name}"))
}

fn unpack(archive: &Path, to: &Path) -> anyhow::Result<()> {
    let mut zip = zip::ZipArchive::new(File::open(archive)?)?;
    let entry = zip.by_name("tofu").context("the archive holds no tofu")?;
    let mut file = OpenOptions::new().write(true).create_new(true).mode(0o700).open(to)?;
    let size = io::copy(&mut entry.take(PROGRAM_MAX + 1), &mut file)?;
    ensure!(size <= PROGRAM_MAX, "the program in the archive is too large");
    file.sync_all()?;
    Ok(())
}

/// As releases name it: `linux_amd64`.
fn platform() -> anyhow::Result<String> {
    let os = match std::env::consts::OS {
        "macos" => "darwin",
        os @ ("linux" | "freebsd" | "openbsd") => os,
        os => bail!("there is no release for {os}"),
    };
    let arch = match std::env::consts::ARCH {
        "x86_64" => "amd64",
        "aarch64" => "arm64",
        "x86" => "386",
        arch => bail!("there is no release for {arch}"),
    };
    Ok(format!("{os}_{arch}"))
}

#[cfg(test)]
mod tests {
    use super::*;
    use std::collections::HashMap;
    use tokio::io::{AsyncReadExt, AsyncWriteExt};

    /// Serves these files on a free port of the loopback interface.
    async fn serve(files: HashMap<String, Vec<u8>>) -> String {
        let listener = tokio::net::TcpListener::bind("127.0.0.1:0").await.unwrap();
        let address = listener.local_addr().unwrap();
        tokio::spawn(async move {
            while let Ok((mut socket, _)) = listener.accept().await {
                let mut request = vec![0; 4096];
                let n = socket.read(&mut request).await.unwrap();
                let request = String::from_utf8_lossy(&request[..n]).into_owned();
                let path = request.split(' ').nth(1).unwrap_or_default();
                let (status, body) = files.get(path).map_or(("404 Not Found", &[][..]), |body| ("200 OK", body));
                let head = format!("HTTP/1.1 {status}\r\ncontent-length: {}\r\nconnection: close\r\n\r\n", body.len());
                socket.write_all(head.as_bytes()).await.unwrap();
                socket.write_all(body).await.unwrap();
            }
        });
        format!("http://{address}")
    }

    fn archive(entry: &str) -> Vec<u8> {
        let mut zip = zip::ZipWriter::new(io::Cursor::new(Vec::new()));
        zip.start_file(entry, zip::write::SimpleFileOptions::default()).unwrap();
        zip.write_all(b"#!/bin/sh\necho '{\"terraform_version\":\"1.9.1\"}'\n").unwrap();
        zip.finish().unwrap().into_inner()
    }

    async fn fetched(archive: Vec<u8>, sum: &str, listed: &str) -> (tempfile::TempDir, Answer<PathBuf>) {
        let _ = rustls::crypto::ring::default_provider().install_default();
        let name = format!("tofu_1.9.1_{}.zip", platform().unwrap());
        let sums = format!("{}  other.zip\n{sum}  {}\n", "0".repeat(64), listed.replace("NAME", &name));
        let files = HashMap::from([
            (format!("/v1.9.1/{name}"), archive),
            ("/v1.9.1/tofu_1.9.1_SHA256SUMS".to_owned(), sums.into_bytes()),
        ]);
        let source = Source { base: serve(files).await, version: "1.9.1".into() };
        let bin = tempfile::tempdir().unwrap();
        let answer = fetch(&source, &bin.path().join("bin"), "id").await;
        (bin, answer)
    }

    fn sum(bytes: &[u8]) -> String {
        Sha256::digest(bytes).iter().map(|byte| format!("{byte:02x}")).collect()
    }

    #[tokio::test]
    async fn a_release_is_fetched_checked_and_found() {
        let zip = archive("tofu");
        let (bin, answer) = fetched(zip.clone(), &sum(&zip), "NAME").await;
        let tofu = answer.unwrap();
        let bin = bin.path().join("bin");
        assert_eq!(tofu, bin.join("tofu"));
        let names: Vec<_> = fs::read_dir(&bin).unwrap().map(|entry| entry.unwrap().file_name()).collect();
        assert_eq!(names, ["tofu"]);
        let found = crate::runner::terraform::program::Program::find(None, "/nowhere", &bin).await.unwrap();
        assert_eq!((found.path, found.name), (tofu, "tofu"));
    }

    #[tokio::test]
    async fn whatever_is_wrong_installs_nothing_and_names_the_remedy() {
        let zip = archive("tofu");
        let other = archive("terraform");
        let cases = [
            (zip.clone(), sum(b"other"), "NAME", "has the sha256"),
            (zip.clone(), sum(&zip), "another.zip", "does not list"),
            (zip.clone(), "short".to_owned(), "NAME", "does not list"),
            (other.clone(), sum(&other), "NAME", "holds no tofu"),
            (b"no zip".to_vec(), sum(b"no zip"), "NAME", "archive"),
        ];
        for (zip, sum, listed, why) in cases {
            let (bin, answer) = fetched(zip, &sum, listed).await;
            let Err(Trouble::Passing { line, source, .. }) = answer else { panic!("{why}: {answer:?}") };
            assert!(line.contains("install terraform 1.5.0 or tofu 1.6.0 or newer, or put a tofu into"), "{line}");
            let chain = format!("{:#}", source.unwrap());
            assert!(chain.to_lowercase().contains(why), "{why}: {chain}");
            let left = fs::read_dir(bin.path().join("bin")).map_or(0, Iterator::count);
            assert_eq!(left, 0, "{why}");
        }
    }

    #[tokio::test]
    async fn nothing_is_fetched_over_plain_http_and_offline_is_said() {
        let _ = rustls::crypto::ring::default_provider().install_default();
        let bin = tempfile::tempdir().unwrap();
        for (base, why) in [("http://releases.example.org", "is not https"), ("http://127.0.0.1:1", "error sending")] {
            let source = Source { base: base.into(), ..Source::default() };
            let Err(Trouble::Passing { line, source, .. }) = fetch(&source, bin.path(), "id").await else { panic!() };
            assert!(
                line.starts_with("neither terraform nor tofu is installed, and OpenTofu 1.9.1 cannot be"),
                "{line}"
            );
            let chain = format!("{:#}", source.unwrap());
            assert!(chain.contains(why), "{chain}");
        }
    }
}
