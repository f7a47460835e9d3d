//! The Rancher client on the wire: against the simulated Rancher, and against answers that no simulator gives.

use std::sync::Arc;
use std::time::Duration;

use jiff::Timestamp;
use secrecy::ExposeSecret;
use tokio_util::sync::CancellationToken;

use super::*;
use crate::clock::ManualClock;
use crate::lifecycle::{ClusterKey, EffectKey};

mod odd;
mod proofs;
mod removal;
mod simulated;
mod standing;
mod ways;

fn clock() -> Arc<ManualClock> {
    ManualClock::at("2026-11-22T10:00:00Z".parse::<Timestamp>().expect("a time"))
}

/// Settings whose waits do not make a test slow.
fn settings(url: &str, token: &str) -> Settings {
    let patience = Patience { request: Duration::from_secs(20), wait: Duration::from_millis(1), ..Patience::default() };
    let mut settings = Settings { patience, ..Settings::new(url, token.to_owned().into()) };
    for (person, user) in [("alice", "u-alice"), ("erin", "u-erin"), ("ghost", "u-ghost")] {
        settings.people.insert(person.parse().expect("an id"), user.to_owned());
    }
    settings.roles = vec![OWNER.to_owned()];
    settings
}

/// The role of whoever asked.
const OWNER: &str = "cluster-owner";

fn person(id: &str) -> Person {
    Person { id: id.parse().expect("an id"), name: id.to_owned() }
}

fn name(text: &str) -> ClusterName {
    text.parse().expect("a name")
}

fn call() -> Call {
    let cluster = ClusterKey { tenant: "acme".parse().expect("a tenant"), name: name("crucial-sandbox") };
    Call { key: EffectKey { cluster, revision: 1, index: 0 }, attempt: 1, stop: CancellationToken::new() }
}

/// The line of a lasting trouble.
fn lasting_line<T: std::fmt::Debug>(answer: Answer<T>) -> String {
    match answer {
        Err(Trouble::Lasting { line, .. }) => line,
        other => panic!("no lasting trouble: {other:?}"),
    }
}

/// The line of a passing trouble, and the wait that it asks for.
fn passing_line<T: std::fmt::Debug>(answer: Answer<T>) -> (String, Option<jiff::SignedDuration>) {
    match answer {
        Err(Trouble::Passing { line, wait, .. }) => (line, wait),
        other => panic!("no passing trouble: {other:?}"),
    }
}

#[test]
fn an_address_with_more_than_scheme_host_and_port_is_refused() {
    for url in [
        "rancher.example.com",
        "ftp://rancher.example.com",
        "https://u:p@rancher.example.com",
        "https://rancher.example.com/v3",
        "https://rancher.example.com/?a=b",
    ] {
        assert!(Rancher::new(settings(url, "token-a:b"), clock()).is_err(), "{url}");
    }
    for url in ["https://rancher.example.com", "https://rancher.example.com:8443/", "http://127.0.0.1:80"] {
        assert!(Rancher::new(settings(url, "token-a:b"), clock()).is_ok(), "{url}");
    }
    let ca = Settings { ca: Some("no certificate".into()), ..settings("https://rancher.example.com", "token-a:b") };
    assert!(Rancher::new(ca, clock()).is_err());
}

#[test]
fn terraform_is_told_the_address_and_the_very_same_token() {
    let rancher = Rancher::new(settings("https://rancher.example.com/", "token-a:b"), clock()).expect("made");
    let told: Vec<_> =
        rancher.environment().into_iter().map(|(name, value)| (name, value.expose_secret().to_owned())).collect();
    let expected = [("RANCHER_URL", "https://rancher.example.com"), ("RANCHER_TOKEN_KEY", "token-a:b")];
    assert_eq!(told, expected.map(|(name, value)| (name.to_owned(), value.to_owned())));
}
