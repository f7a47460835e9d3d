//! One moto for all tests of this binary, which ends with it.

use std::io::{BufRead as _, BufReader};
use std::net::TcpListener;
use std::path::Path;
use std::process::{Child, Command, Stdio};
use std::sync::OnceLock;
use std::time::Duration;

/// How long moto may take to answer: Python loads a lot first.
const PATIENCE: Duration = Duration::from_secs(60);
const LOOK: Duration = Duration::from_millis(50);

/// moto, with an eye on its standard input: when that closes, because the tests have ended in whichever way, it ends too.
const PROGRAM: &str = "
import os, sys, threading
def watch():
    sys.stdin.read()
    os._exit(0)
threading.Thread(target=watch, daemon=True).start()
from moto.server import main
main(['-H', '127.0.0.1', '-p', sys.argv[1]])
";

struct Moto {
    address: String,
    // Holds its standard input open.
    _child: Child,
}

/// Where moto is.
///
/// # Panics
/// It cannot be installed or started; says what would help.
pub fn address() -> &'static str {
    static MOTO: OnceLock<Moto> = OnceLock::new();
    &MOTO.get_or_init(start).address
}

fn start() -> Moto {
    let python = python();
    let port = TcpListener::bind("127.0.0.1:0").unwrap().local_addr().unwrap().port();
    #[expect(clippy::disallowed_methods, reason = "a test starts moto")]
    let mut command = Command::new(&python);
    let mut child = command
        .args(["-c", PROGRAM, &port.to_string()])
        .env_clear()
        .env("PATH", std::env::var_os("PATH").unwrap_or_default())
        // One image in place of a thousand, each with a volume and a snapshot, in every account.
        .env("MOTO_AMIS_PATH", Path::new(env!("CARGO_MANIFEST_DIR")).join("tests/ec2/images.json"))
        .env("MOTO_ENABLE_AMI_VALIDATION", "true")
        .env("MOTO_EC2_ENABLE_INSTANCE_TYPE_VALIDATION", "true")
        .env("MOTO_ENABLE_KEYPAIR_VALIDATION", "true")
        .stdin(Stdio::piped())
        .stdout(Stdio::null())
        .stderr(Stdio::piped())
        .spawn()
        .unwrap_or_else(|fault| panic!("{python} does not start: {fault}"));
    // It writes down every request; a pipe that nobody reads would stop it.
    let words = BufReader::new(child.stderr.take().unwrap());
    std::thread::spawn(move || words.lines().map_while(Result::ok).for_each(drop));
    let address = format!("127.0.0.1:{port}");
    for _ in 0..PATIENCE.as_millis() / LOOK.as_millis() {
        if std::net::TcpStream::connect(&address).is_ok() {
            return Moto { address, _child: child };
        }
        let ended = child.try_wait().unwrap();
        assert!(ended.is_none(), "moto ended while it started: {ended:?}; `rm -r target/tools/moto` and try again");
        std::thread::sleep(LOOK);
    }
    panic!("moto does not answer within {PATIENCE:?}");
}

/// The Python that has moto; installed when it is not there yet.
fn python() -> String {
    #[expect(clippy::disallowed_methods, reason = "a test asks the script that installs moto")]
    let mut command = Command::new("sh");
    let script = Path::new(env!("CARGO_MANIFEST_DIR")).join("scripts/moto");
    let output = command.arg(script).stdin(Stdio::null()).output().expect("sh runs");
    let told = String::from_utf8_lossy(&output.stderr);
    assert!(output.status.success(), "moto is not there, and these tests stand on it.\n{told}");
    String::from_utf8(output.stdout).unwrap().trim().to_owned()
}
