//! How long the guided tour takes.

use std::process::Stdio;

use crate::measure::{command, folder, heading, line, ms, now};

pub fn figures() {
    heading("the guided tour");
    let folder = folder();
    let begun = now();
    let status = command(env!("CARGO_BIN_EXE_kaas"))
        .args(["demo", "--data-dir"])
        .arg(folder.path().join("demo"))
        .stdin(Stdio::null())
        .stdout(Stdio::null())
        .status()
        .expect("kaas starts");
    assert!(status.success(), "the tour ended with {status}");
    line("from its start to its end", ms(begun.elapsed()));
}
