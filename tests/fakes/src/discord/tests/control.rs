//! The control API: what a person with curl does.

use serde_json::{Value, json};

use super::client::Office;

#[tokio::test]
async fn everything_can_be_done_by_name_over_http() {
    let office = Office::open().await;
    let (socket, _) = office.connect().await;
    office.answer_all(socket, json!({ "type": 4, "data": { "content": "On it.", "flags": 64 } }));
    let url = |what: &str| format!("{}/control/{what}", office.discord.url());
    let post = async |verb: &str, body: Value| {
        let answer = office.http.post(url(verb)).json(&body).send().await.unwrap();
        answer.json::<Value>().await.unwrap()
    };
    let done = post("slash", json!({ "user": "alice", "channel": "#clusters", "command": "/kaas list" })).await;
    assert_eq!((&done["acked"], &done["data"]["content"]), (&json!(true), &json!("On it.")));
    let card = json!({ "type": 2, "style": 3, "label": "Approve", "custom_id": "a" });
    office.say(json!({ "content": "card", "components": [{ "type": 1, "components": [card] }] })).await;
    let place = |more: Value| {
        let mut body = json!({ "user": "bob", "channel": "clusters", "message": "last" });
        body.as_object_mut().unwrap().extend(more.as_object().unwrap().clone());
        body
    };
    assert_eq!(post("react", place(json!({ "emoji": "✅" }))).await["ok"], true);
    assert_eq!(post("press", place(json!({ "button": "Approve" }))).await["answer"], 4);
    assert_eq!(post("role", json!({ "name": "platform" })).await["ok"], true);
    let bob = json!({ "name": "bob", "roles": ["platform"], "timed_out_seconds": 60 });
    assert_eq!(post("user", bob).await["ok"], true);
    assert_eq!(office.discord.person("bob").unwrap().roles.len(), 1);
    assert_eq!(post("deny", json!({ "channel": "clusters", "permissions": ["SEND_MESSAGES"] })).await["ok"], true);
    let fault = json!({ "method": "*", "path": "*", "times": 1, "kind": { "status": 500 } });
    assert_eq!(post("fault", fault).await["ok"], true);
    assert_eq!(office.call("GET", "/gateway", Value::Null).await.0, 500);
    let refused = post("press", place(json!({ "button": "Nothing" }))).await;
    assert!(refused["ok"] == false && refused["error"].as_str().unwrap().contains("Nothing"), "{refused}");
    assert_eq!(post("juggle", json!({})).await["ok"], false);
    let read = async |what: &str| office.http.get(url(what)).send().await.unwrap().text().await.unwrap();
    let transcript = read("transcript").await;
    for part in ["#clusters", "On it.", "only alice sees this", "[Approve]", "✅ bob"] {
        assert!(transcript.contains(part), "{part}: {transcript}");
    }
    for what in ["state", "calls", "interactions", "commands", "about"] {
        assert!(serde_json::from_str::<Value>(&read(what).await).is_ok(), "{what}");
    }
    let help = office.http.get(format!("{}/control", office.discord.url())).send().await.unwrap().text().await.unwrap();
    for (verb, _) in crate::discord::control::VERBS {
        assert!(help.contains(verb));
    }
}
