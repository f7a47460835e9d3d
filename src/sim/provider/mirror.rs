//! How terraform and OpenTofu find the stand-in: a filesystem mirror and the CLI configuration that names it.
//!
//! Unpacked layout, so that `init` has nothing to unzip:
//! `<dir>/mirror/<registry>/rancher/rancher2/<version>/<os>_<arch>/terraform-provider-rancher2_v<version>`, a script that
//! starts `<dir>/kaas`, a link to the binary. The link is there because terraform locks providers by what is in their
//! files: a script that named the binary would break every lock as soon as kaas is installed elsewhere.

use std::fmt::Write as _;
use std::fs;
use std::io;
use std::os::unix::fs::PermissionsExt;
use std::path::{Path, PathBuf};

/// The version of the real provider that the stand-in stands for.
pub const VERSION: &str = "14.1.1";
/// The default registries of terraform and of OpenTofu.
const REGISTRIES: [&str; 2] = ["registry.terraform.io", "registry.opentofu.org"];

/// Writes the mirror and a CLI configuration file into `dir` and says where the file is.
///
/// Providers of `others`, directories of the same layout, are found too; nothing is ever downloaded. Done again, it changes
/// nothing, and running terraforms are not disturbed.
///
/// # Errors
/// A file cannot be written.
pub fn install_mirror(dir: &Path, kaas_binary: &Path, others: &[&Path]) -> io::Result<PathBuf> {
    let (dir, kaas_binary) = (std::path::absolute(dir)?, std::path::absolute(kaas_binary)?);
    let mirror = dir.join("mirror");
    fs::create_dir_all(&dir)?;
    let link = dir.join("kaas");
    link_if_other(&link, &kaas_binary)?;
    let script = format!("#!/bin/sh\nexec {} sim provider\n", shell_quoted(&link)?);
    for registry in REGISTRIES {
        let place = mirror.join(registry).join("rancher/rancher2").join(VERSION).join(platform());
        fs::create_dir_all(&place)?;
        let executable = place.join(format!("terraform-provider-rancher2_v{VERSION}"));
        write_if_other(&executable, &script, 0o755)?;
    }

    let mut config = String::from("# Written by kaas. Providers come from these directories and from nowhere else.\n");
    config.push_str("disable_checkpoint = true\nprovider_installation {\n");
    for directory in [mirror.as_path()].iter().chain(others) {
        let directory = std::path::absolute(directory)?;
        let _ = writeln!(config, "  filesystem_mirror {{\n    path = {}\n  }}", hcl_quoted(&directory)?);
    }
    config.push_str("}\n");
    let file = dir.join("terraform.rc");
    write_if_other(&file, &config, 0o644)?;
    Ok(file)
}

/// The platform as terraform names it.
fn platform() -> String {
    let os = if std::env::consts::OS == "macos" { "darwin" } else { std::env::consts::OS };
    let arch = match std::env::consts::ARCH {
        "x86_64" => "amd64",
        "aarch64" => "arm64",
        other => other,
    };
    format!("{os}_{arch}")
}

/// Points the link somewhere else, in one step.
fn link_if_other(link: &Path, target: &Path) -> io::Result<()> {
    if fs::read_link(link).is_ok_and(|now| now == target) {
        return Ok(());
    }
    let fresh = link.with_extension(format!("new-{}", std::process::id()));
    // Left over from a process with this id that was killed.
    let _ = fs::remove_file(&fresh);
    std::os::unix::fs::symlink(target, &fresh)?;
    fs::rename(&fresh, link)
}

/// Replaces the file in one step, and only when it says something else.
fn write_if_other(path: &Path, text: &str, mode: u32) -> io::Result<()> {
    if fs::read_to_string(path).is_ok_and(|now| now == text) {
        return Ok(());
    }
    let fresh = path.with_extension(format!("new-{}", std::process::id()));
    fs::write(&fresh, text)?;
    fs::set_permissions(&fresh, fs::Permissions::from_mode(mode))?;
    fs::rename(&fresh, path)
}

fn text(path: &Path) -> io::Result<&str> {
    let plain = |text: &&str| !text.contains(['\n', '\r']);
    path.to_str().filter(plain).ok_or_else(|| {
        io::Error::new(io::ErrorKind::InvalidInput, format!("{} is no path that terraform can read", path.display()))
    })
}

fn shell_quoted(path: &Path) -> io::Result<String> {
    Ok(format!("'{}'", text(path)?.replace('\'', r"'\''")))
}

/// Quoted for terraform's CLI configuration, which is HCL 1 and has no templates beyond `${`.
fn hcl_quoted(path: &Path) -> io::Result<String> {
    Ok(format!("\"{}\"", text(path)?.replace('\\', "\\\\").replace('"', "\\\"").replace("${", "$${")))
}

#[cfg(test)]
mod tests {
    use super::*;

    fn script(dir: &Path, registry: &str) -> PathBuf {
        let place = dir.join("mirror").join(registry).join("rancher/rancher2/14.1.1").join(platform());
        place.join("terraform-provider-rancher2_v14.1.1")
    }

    #[test]
    fn it_is_written_once_and_only_the_link_follows_the_binary() {
        let dir = tempfile::Builder::new().prefix("o'kaas").tempdir().unwrap();
        let file = install_mirror(dir.path(), Path::new("/opt/kaas"), &[Path::new("/srv/mirror")]).unwrap();
        let config = fs::read_to_string(&file).unwrap();
        assert!(config.contains("path = \"/srv/mirror\""), "{config}");
        for registry in ["registry.terraform.io", "registry.opentofu.org"] {
            let script = script(dir.path(), registry);
            let quoted = dir.path().join("kaas").to_str().unwrap().replace('\'', r"'\''");
            assert_eq!(fs::read_to_string(&script).unwrap(), format!("#!/bin/sh\nexec '{quoted}' sim provider\n"));
            assert_eq!(fs::metadata(&script).unwrap().permissions().mode() & 0o777, 0o755);
        }
        assert_eq!(fs::read_link(dir.path().join("kaas")).unwrap(), Path::new("/opt/kaas"));

        let script = script(dir.path(), "registry.terraform.io");
        let before = fs::metadata(&script).unwrap().modified().unwrap();
        install_mirror(dir.path(), Path::new("/usr/bin/kaas"), &[Path::new("/srv/mirror")]).unwrap();
        assert_eq!(fs::metadata(&script).unwrap().modified().unwrap(), before);
        assert_eq!(fs::read_link(dir.path().join("kaas")).unwrap(), Path::new("/usr/bin/kaas"));
    }

    #[test]
    fn a_path_with_a_line_break_is_refused() {
        let dir = tempfile::tempdir().unwrap();
        assert!(install_mirror(&dir.path().join("a\nb"), Path::new("/opt/kaas"), &[]).is_err());
        assert!(install_mirror(dir.path(), Path::new("/opt/kaas"), &[Path::new("/a\nb")]).is_err());
    }
}
