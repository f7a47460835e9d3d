//! The control API does what the handle does.

use serde_json::{Value, json};

use super::client::Office;

#[tokio::test]
async fn a_person_with_curl_can_play_every_part() {
    let office = Office::open().await;
    office.slack.populate();
    let seen = office.connect().await.ack_all(Some(json!({ "text": "On it." })));
    let http = reqwest::Client::new();
    let control = async |verb: &str, args: Value| -> (u16, Value) {
        let url = format!("{}/control/{verb}", office.slack.url());
        let answer = http.post(url).body(args.to_string()).send().await.unwrap();
        (answer.status().as_u16(), answer.json().await.unwrap())
    };
    let (status, told) =
        control("slash", json!({ "user": "alice", "channel": "#clusters", "text": "/kaas list" })).await;
    assert_eq!((status, &told["acked"], &told["payload"]["text"]), (200, &json!(true), &json!("On it.")));
    office.say("card").await;
    let react = json!({ "user": "bob", "channel": "clusters", "ts": "last", "emoji": "+1" });
    assert_eq!(control("react", react.clone()).await.0, 200);
    let (status, told) = control("react", react).await;
    assert_eq!(status, 400);
    assert!(told["error"].as_str().unwrap().contains("already"), "{told}");
    assert_eq!(seen.lock().unwrap().len(), 2);
    assert_eq!(control("fail", json!({ "method": "chat.postMessage", "calls": 1, "fault": 502 })).await.0, 200);
    let post = json!({ "channel": office.channel, "text": "x" });
    assert_eq!(office.send("chat.postMessage", post).await.0, 502);
    let (_, made) = control("user", json!({ "name": "gina", "is_restricted": true })).await;
    assert!(office.slack.user(made["id"].as_str().unwrap()).unwrap().is_restricted);
    assert_eq!(control("dance", json!({})).await.0, 400);
    let transcript = http.get(format!("{}/control/transcript", office.slack.url())).send().await.unwrap();
    let transcript = transcript.text().await.unwrap();
    assert!(transcript.contains("card") && transcript.contains(":+1: bob"), "{transcript}");
    assert!(transcript.contains("only alice sees this"), "{transcript}");
}
