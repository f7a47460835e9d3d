//! Delivery over HTTP: signed as Slack's own example is, and again when it fails.

use std::time::Duration;

use serde_json::{Value, json};

use super::client::{App, Office};
use crate::slack::{Delivery, Options, RequestUrls, sign};

async fn office(retry_scale: f64) -> (Office, App) {
    let (app, url) = App::start().await;
    let delivery = Delivery::Http(RequestUrls::all(&url));
    let options = Options { delivery, retry_scale, ack_within: Duration::from_secs(2), ..Options::default() };
    (Office::open_with(options).await, app)
}

/// Slack's own example, from its page on verifying requests.
#[test]
fn the_published_vector_is_signed_as_published() {
    let body = "token=xyzz0WbapA4vBCDEFasx0q6G&team_id=T1DC2JH3J&team_domain=testteamnow&channel_id=G8PSS9T3V&channel_name=foobar&user_id=U2CERLKJA&user_name=roadrunner&command=%2Fwebhook-collect&text=&response_url=https%3A%2F%2Fhooks.slack.com%2Fcommands%2FT1DC2JH3J%2F397700885554%2F96rGlfmibIGlgcZRskXaIFfN&trigger_id=398738663015.47445629121.803a0bc887a14d10d2c447fce8b6703c";
    let signature = sign("8f742231b10e8888abcd99yyyzzz85a5", "1531420618", body.as_bytes());
    assert_eq!(signature, "v0=a2114d57b48eac39b9ad189dd8316235a7b4a8d21a10bd27519666489c69b503");
    assert_ne!(sign("8f742231b10e8888abcd99yyyzzz85a6", "1531420618", body.as_bytes()), signature);
}

#[tokio::test]
async fn a_command_is_a_signed_form_and_its_answer_shows() {
    let (office, app) = office(1.0).await;
    app.then(200, Some(("content-type", "application/json")), r#"{"response_type":"in_channel","text":"hello"}"#);
    let outcome = office.slack.slash(&office.alice, &office.channel, "/kaas list").await.unwrap();
    assert_eq!(outcome.text(), "hello");
    assert_eq!(office.slack.messages(&office.channel)[0].text, "hello");
    let got = app.wait(1).await.remove(0);
    let expected = sign(office.slack.signing_secret(), got.header("x-slack-request-timestamp"), &got.body);
    assert_eq!(got.header("x-slack-signature"), expected);
    assert_eq!(got.header("content-type"), "application/x-www-form-urlencoded");
    let fields: Vec<(String, String)> = form_urlencoded::parse(&got.body).into_owned().collect();
    assert!(fields.contains(&("command".to_string(), "/kaas".to_string())), "{fields:?}");
}

#[tokio::test]
async fn an_event_is_sent_again_at_once_after_a_minute_and_after_five() {
    // A minute is 60 ms here.
    let (office, app) = office(0.001).await;
    app.then(500, None, "");
    app.then(503, None, "");
    app.then(404, None, "");
    office.slack.dm(&office.bob, "approve 42").await.unwrap();
    let began = tokio::time::Instant::now();
    let got = app.wait(4).await;
    assert!(began.elapsed() >= Duration::from_millis(355), "{:?}", began.elapsed());
    let numbers: Vec<&str> = got.iter().map(|got| got.header("x-slack-retry-num")).collect();
    assert_eq!(numbers, ["", "1", "2", "3"]);
    let reasons: Vec<&str> = got.iter().map(|got| got.header("x-slack-retry-reason")).collect();
    assert_eq!(reasons, ["", "http_error", "http_error", "http_error_404"]);
    let ids: Vec<Value> = got.iter().map(|got| serde_json::from_slice::<Value>(&got.body).unwrap()).collect();
    assert!(ids.iter().all(|id| id["event_id"] == ids[0]["event_id"]));
    for got in &got {
        let expected = sign(office.slack.signing_secret(), got.header("x-slack-request-timestamp"), &got.body);
        assert_eq!(got.header("x-slack-signature"), expected);
    }
}

#[tokio::test]
async fn an_app_can_ask_not_to_be_sent_it_again_and_commands_never_are() {
    let (office, app) = office(0.0).await;
    app.then(500, Some(("x-slack-no-retry", "1")), "");
    office.slack.dm(&office.bob, "approve 42").await.unwrap();
    app.then(500, None, "");
    let outcome = office.slack.slash(&office.alice, &office.channel, "/kaas list").await.unwrap();
    assert_eq!(outcome.failed.as_deref(), Some("http_service_error_500"));
    tokio::time::sleep(Duration::from_millis(200)).await;
    assert_eq!(app.got.lock().unwrap().len(), 2);
}

#[tokio::test]
async fn the_events_url_is_verified_by_its_echo() {
    let (office, _app) = office(1.0).await;
    assert!(office.slack.verify_events_url().await);
    let nowhere = Delivery::Http(RequestUrls::all("http://127.0.0.1:9/slack"));
    office.slack.deliver_over(nowhere);
    assert!(!office.slack.verify_events_url().await);
}

#[tokio::test]
async fn an_interaction_is_a_form_with_one_payload() {
    let (office, app) = office(1.0).await;
    office.slack.shortcut(&office.alice, "kaas_request").await.unwrap();
    let got = app.wait(1).await.remove(0);
    let fields: Vec<(String, String)> = form_urlencoded::parse(&got.body).into_owned().collect();
    assert_eq!(fields.len(), 1);
    let payload: Value = serde_json::from_str(&fields[0].1).unwrap();
    assert_eq!((&payload["type"], &payload["callback_id"]), (&json!("shortcut"), &json!("kaas_request")));
}
