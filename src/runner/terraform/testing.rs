//! Small helps for the runner's tests.

use std::os::unix::fs::PermissionsExt;
use std::path::{Path, PathBuf};

/// Writes a shell script that can be started. A child writes it: a file that this process has open for writing, and that a child of another test inherits
/// for a moment, could not be started ("text file busy").
pub fn script(path: &Path, body: &str) -> PathBuf {
    let aside = path.with_extension("body");
    std::fs::write(&aside, format!("#!/bin/sh\n{body}\n")).unwrap();
    #[expect(clippy::disallowed_methods, reason = "a test's own helper")]
    let copied = std::process::Command::new("cp").arg(&aside).arg(path).status().unwrap();
    assert!(copied.success());
    std::fs::remove_file(aside).unwrap();
    std::fs::set_permissions(path, std::fs::Permissions::from_mode(0o755)).unwrap();
    path.to_path_buf()
}
