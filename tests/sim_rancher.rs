//! `kaas sim rancher` as a process: it says where it is, survives SIGKILL, and ends in order on SIGTERM.
#![cfg(feature = "sim")]

use std::io::{BufRead, BufReader, Read, Write};
use std::net::TcpStream;
use std::path::Path;
use std::process::{Child, Command, Stdio};

/// A simulator in a process of its own, killed when it is dropped.
struct Process {
    child: Child,
    address: String,
    token: String,
}

impl Process {
    fn start(dir: &Path, more: &[&str]) -> Self {
        #[expect(clippy::disallowed_methods, reason = "the test runs the binary as a person would")]
        let mut command = Command::new(env!("CARGO_BIN_EXE_kaas"));
        command.args(["sim", "rancher", "--speed", "600", "--dir"]).arg(dir).args(more).stdout(Stdio::piped());
        let mut child = command.spawn().unwrap();
        let mut line = String::new();
        BufReader::new(child.stdout.take().unwrap()).read_line(&mut line).unwrap();
        let (_, rest) = line.split_once("simulated Rancher at http://").unwrap_or_else(|| panic!("said `{line}`"));
        let (address, rest) = rest.split_once(" (admin token ").unwrap();
        let token = rest.trim_end().trim_end_matches(')').to_owned();
        Self { child, address: address.to_owned(), token }
    }

    /// Status and whole text of one answer.
    fn ask(&self, method: &str, path: &str, body: &str) -> (u16, String) {
        let mut stream = TcpStream::connect(&self.address).unwrap();
        let head = format!(
            "{method} {path} HTTP/1.1\r\nHost: {}\r\nAuthorization: Bearer {}\r\nContent-Length: {}\r\nConnection: close\r\n\r\n",
            self.address,
            self.token,
            body.len()
        );
        stream.write_all(head.as_bytes()).unwrap();
        stream.write_all(body.as_bytes()).unwrap();
        let mut text = String::new();
        stream.read_to_string(&mut text).unwrap();
        (text[9..12].parse().unwrap(), text)
    }
}

impl Drop for Process {
    fn drop(&mut self) {
        let _ = self.child.kill();
        let _ = self.child.wait();
    }
}

const CLUSTERS: &str = "/v1/provisioning.cattle.io.clusters";

#[test]
fn a_simulated_rancher_survives_sigkill_and_ends_on_sigterm() {
    let dir = tempfile::tempdir().unwrap();
    let first = Process::start(dir.path(), &[]);
    let body = r#"{"metadata":{"name":"one","namespace":"fleet-default"},"spec":{"kubernetesVersion":"v1.34.2+rke2r1","rkeConfig":{}}}"#;
    for _ in 0..20 {
        let (status, text) = first.ask("POST", CLUSTERS, body);
        assert!(status == 201 || status == 409, "{text}");
    }
    assert_eq!(first.ask("GET", &format!("{CLUSTERS}/fleet-default/one"), "").0, 200);
    let token = first.token.clone();
    drop(first);

    let mut second = Process::start(dir.path(), &["--fault", "token-dead"]);
    assert_eq!(second.token, token, "whoever holds the token can go on");
    assert_eq!(second.ask("GET", &format!("{CLUSTERS}/fleet-default/one"), "").0, 401, "the fault is on");
    let (status, _) = second.ask("POST", "/sim/fault", r#"{"name":"token-dead","on":false}"#);
    assert_eq!(status, 200);
    let (status, text) = second.ask("GET", &format!("{CLUSTERS}/fleet-default/one"), "");
    assert_eq!(status, 200, "{text}");
    assert!(text.contains("server: kaas-simulated-rancher"), "{text}");

    let pid = nix::unistd::Pid::from_raw(i32::try_from(second.child.id()).unwrap());
    nix::sys::signal::kill(pid, nix::sys::signal::Signal::SIGTERM).unwrap();
    assert!(second.child.wait().unwrap().success());
}

#[test]
fn setting_up_a_simulated_rancher_needs_an_administrator_says_what_it_does_and_prints_no_token() {
    let dir = tempfile::tempdir().unwrap();
    let rancher = Process::start(dir.path(), &[]);
    let file = dir.path().join("token");
    let run = |admin: Option<&str>, more: &[&str]| {
        #[expect(clippy::disallowed_methods, reason = "the test runs the binary as a person would")]
        let mut command = Command::new(env!("CARGO_BIN_EXE_kaas"));
        command.args(["rancher", "setup", "--url", &format!("http://{}", rancher.address)]).args(more);
        command.args(["--user", "kaas-made", "--role", "kaas-made", "--credential", "simulated-aws", "--token-file"]);
        command.arg(&file).env_remove("RANCHER_ADMIN_TOKEN").envs(admin.map(|admin| ("RANCHER_ADMIN_TOKEN", admin)));
        let output = command.output().unwrap();
        let said = [output.stdout, output.stderr].concat();
        (output.status.code(), String::from_utf8(said).unwrap())
    };
    let (code, said) = run(None, &[]);
    assert_eq!(code, Some(2), "{said}");
    assert!(said.contains("an administrator's token is needed"), "{said}");
    let (code, said) = run(Some(&rancher.token), &[]);
    assert!(code == Some(0) && said.contains("Nothing was done") && !file.exists(), "{said}");
    assert!(said.contains("cluster-owner of every downstream cluster"), "{said}");
    let (code, said) = run(Some(&rancher.token), &["--yes"]);
    assert_eq!(code, Some(0), "{said}");
    assert!(said.contains("good: ways into clusters can be given") && !said.contains("not good"), "{said}");
    let token = std::fs::read_to_string(&file).unwrap();
    for secret in [token.trim(), &rancher.token] {
        assert!(!said.contains(secret.rsplit(':').next().unwrap()), "{said}");
    }
    let (code, said) = run(Some(&rancher.token), &["--yes"]);
    assert!(code == Some(0) && said.contains("everything is there"), "{said}");
    assert_eq!(std::fs::read_to_string(&file).unwrap(), token);
}

#[test]
fn a_simulated_rancher_refuses_unknown_faults_and_absurd_speeds() {
    for arguments in [["--fault", "earthquake"], ["--speed", "-1"], ["--speed", "1e30"], ["--speed", "soon"]] {
        #[expect(clippy::disallowed_methods, reason = "the test runs the binary as a person would")]
        let output =
            Command::new(env!("CARGO_BIN_EXE_kaas")).args(["sim", "rancher"]).args(arguments).output().unwrap();
        assert_eq!(output.status.code(), Some(2), "{arguments:?}");
    }
}
