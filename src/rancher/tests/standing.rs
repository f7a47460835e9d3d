//! The token: its forms, until when it is good, and what may be begun with it.

use base64::Engine as _;
use base64::engine::general_purpose::URL_SAFE_NO_PAD;
use serde_json::json;

use super::odd::{Odd, error, me, not_found, nothing, ok};
use super::simulated::Desk;
use super::*;
use crate::clock::Clock as _;

const DAY: Duration = Duration::from_secs(24 * 60 * 60);

impl Desk {
    fn with_token(&self, token: &str) -> Rancher {
        Rancher::new(settings(&self.sim.url, token), self.clock.clone()).expect("made")
    }
}

#[tokio::test]
async fn a_simulated_rancher_tells_its_version_and_when_the_token_ends() {
    let desk = Desk::new().await;
    let standing = desk.rancher.standing().await.expect("asked");
    assert_eq!((standing.version.as_str(), standing.token_ends), ("v2.14.4", None), "this one never ends");
    let now = desk.clock.now();
    let token = desk.sim.token_that_lasts("u-kaasbot", 20 * DAY).expect("a token");
    let ends = desk.with_token(&token).standing().await.expect("asked").token_ends;
    assert_eq!(ends, Some(now + 20 * DAY));
    // One of the new interface.
    let body = json!({"apiVersion": "ext.cattle.io/v1", "kind": "Token", "spec": {"ttl": 3_600_000}});
    let (status, made) = desk.http("POST", "/ext/apis/ext.cattle.io/v1/tokens", body).await;
    assert_eq!(status, 201, "{made}");
    let token = made["status"]["bearerToken"].as_str().expect("a token");
    let ends = desk.with_token(token).standing().await.expect("asked").token_ends;
    assert_eq!(ends, Some(now + Duration::from_secs(3600)));
    let asked = desk.sim.requests();
    assert!(asked.iter().any(|seen| seen.path.starts_with("/ext/apis/ext.cattle.io/v1/tokens/token-")));
}

#[tokio::test]
async fn nothing_is_begun_with_a_simulated_token_that_ends_within_two_hours() {
    let desk = Desk::new().await;
    let cluster = name("crucial-sandbox");
    let token = desk.sim.token_that_lasts("u-kaasbot", DAY).expect("a token");
    let rancher = desk.with_token(&token);
    rancher.preflight(&cluster, false).await.expect("a day is enough");
    desk.clock.advance(DAY - Duration::from_secs(2 * 3600));
    rancher.preflight(&cluster, false).await.expect("two hours are enough");
    desk.clock.advance(Duration::from_secs(60));
    let line = lasting_line(rancher.preflight(&cluster, false).await);
    assert!(line.contains("ends in 119 min") && line.contains("Nothing was run"), "{line}");
    desk.clock.advance(Duration::from_secs(3 * 3600));
    let line = lasting_line(rancher.preflight(&cluster, false).await);
    assert!(line.contains("Rancher refuses kaas' token"), "{line}");
}

#[test]
fn what_is_no_token_makes_no_client_and_is_not_repeated() {
    for token in ["hunter2", "hunter2:", "two words:hunter2", "Bearer token-a:hunter2"] {
        let fault = Rancher::new(settings("https://rancher.example.com", token), clock()).err().expect("refused");
        assert!(!format!("{fault:?}").contains("hunter2"), "{fault:?}");
    }
    let signed = format!("e30.{}.c2ln", URL_SAFE_NO_PAD.encode(r#"{"exp":1800000000}"#));
    for token in ["token-a:b", "ext/token-a:b", &signed] {
        assert!(Rancher::new(settings("https://rancher.example.com", token), clock()).is_ok(), "{token}");
    }
}

#[tokio::test]
async fn a_signed_token_says_itself_when_it_ends() {
    let desk = Desk::new().await;
    let signed = format!("e30.{}.c2ln", URL_SAFE_NO_PAD.encode(r#"{"exp":1800000000}"#));
    // The simulator has no identity provider; the version needs no token.
    let ends = desk.with_token(&signed).standing().await.expect("asked").token_ends;
    assert_eq!(ends, Timestamp::from_second(1_800_000_000).ok());
}

#[tokio::test]
async fn a_token_that_nobody_may_read_about_is_told_and_does_not_stop_work() {
    let answers = [
        not_found as fn() -> axum::response::Response,
        || error(403, &json!({"type": "error", "code": "Forbidden", "message": "no", "status": 403})),
        nothing,
    ];
    for answer in answers {
        let odd = Odd::new(move |_, path| match path {
            "/rancherversion" => ok(&json!({"Version": "v2.12.3"})),
            "/v3/users" => me(),
            path if path.starts_with("/v3/tokens/") => answer(),
            _ => not_found(),
        })
        .await;
        let line = lasting_line(odd.rancher().standing().await);
        assert!(line.contains("does not tell kaas until when its token is good"), "{line}");
        odd.rancher().preflight(&name("crucial-sandbox"), false).await.expect("work goes on");
    }
}

#[tokio::test]
async fn an_old_rancher_does_not_know_tokens_of_the_new_interface() {
    let odd = Odd::new(|_, _| ok(&json!({"Version": "v2.12.3"}))).await;
    let rancher = Rancher::new(settings(&odd.url, "ext/token-a:s3cret"), clock()).expect("made");
    let line = lasting_line(rancher.standing().await);
    assert!(line.contains("v2.12.3 does not know tokens that begin with ext/"), "{line}");
    let odd = Odd::new(|_, _| ok(&json!({"nothing": true}))).await;
    assert!(lasting_line(odd.rancher().standing().await).contains("not Rancher"));
}
