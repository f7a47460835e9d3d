//! Waiting for a process that a test started: to its end and no longer than its time, while all that it prints is read.

use std::io::Read;
use std::process::{Child, Output};
use std::thread::JoinHandle;
use std::time::Duration;

/// Looks for the end of a process that often.
pub const LOOK: Duration = Duration::from_millis(20);

/// Waits for a process whose output is piped, and kills it when it takes longer than it may.
pub fn finish(mut child: Child, patience: Duration, what: &str) -> Output {
    let stdout = drain(child.stdout.take().unwrap());
    let stderr = drain(child.stderr.take().unwrap());
    let mut status = None;
    for _ in 0..patience.as_millis() / LOOK.as_millis() {
        status = child.try_wait().unwrap();
        if status.is_some() {
            break;
        }
        std::thread::sleep(LOOK);
    }
    let status = status.unwrap_or_else(|| {
        child.kill().unwrap();
        child.wait().unwrap();
        panic!("{what} took longer than {patience:?}");
    });
    Output { status, stdout: stdout.join().unwrap(), stderr: stderr.join().unwrap() }
}

/// Everything a process printed.
pub fn text(output: &Output) -> String {
    format!("{}{}", String::from_utf8_lossy(&output.stdout), String::from_utf8_lossy(&output.stderr))
}

/// Reads on a thread of its own, so that no process waits for room in its pipe.
fn drain(mut from: impl Read + Send + 'static) -> JoinHandle<Vec<u8>> {
    std::thread::spawn(move || {
        let mut bytes = Vec::new();
        from.read_to_end(&mut bytes).expect("what a process prints can be read");
        bytes
    })
}
