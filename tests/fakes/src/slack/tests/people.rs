//! What people do with buttons, modals and homes, and how long what they start is good for.

use std::time::Duration;

use serde_json::{Value, json};

use super::client::{Office, Socket};

fn card() -> Value {
    json!([
        { "type": "section", "block_id": "kaas:bank/demo/7", "text": { "type": "mrkdwn", "text": "*demo*" } },
        { "type": "actions", "block_id": "votes", "elements": [{
            "type": "button", "action_id": "approve", "value": "42:abc", "text": { "type": "plain_text", "text": "Approve" },
        }] },
    ])
}

fn form() -> Value {
    let options = json!([
        { "text": { "type": "plain_text", "text": "Small" }, "value": "small" },
        { "text": { "type": "plain_text", "text": "Large" }, "value": "large" },
    ]);
    json!({
        "type": "modal", "callback_id": "kaas_form", "private_metadata": "C1",
        "title": { "type": "plain_text", "text": "Request" }, "submit": { "type": "plain_text", "text": "Request" },
        "blocks": [
            { "type": "input", "block_id": "name", "label": { "type": "plain_text", "text": "Name" },
              "element": { "type": "plain_text_input", "action_id": "name", "max_length": 10 } },
            { "type": "input", "block_id": "size", "label": { "type": "plain_text", "text": "Size" },
              "element": { "type": "static_select", "action_id": "size", "options": options } },
            { "type": "input", "block_id": "why", "optional": true, "label": { "type": "plain_text", "text": "Why" },
              "element": { "type": "plain_text_input", "action_id": "why", "multiline": true } },
        ],
    })
}

/// Uses the shortcut: the trigger that it gives.
async fn trigger(office: &Office, socket: &mut Socket) -> String {
    let (slack, alice) = (office.slack.clone(), office.alice.clone());
    let using = tokio::spawn(async move { slack.shortcut(&alice, "kaas_request").await.unwrap() });
    let envelope = socket.read().await.unwrap();
    socket.ack(&envelope, None).await;
    assert!(using.await.unwrap().is_acked());
    envelope["payload"]["trigger_id"].as_str().unwrap().to_string()
}

#[tokio::test]
async fn a_click_carries_the_message_its_metadata_and_the_value() {
    let office = Office::open().await;
    let seen = office.connect().await.ack_all(None);
    let metadata = json!({ "event_type": "kaas", "event_payload": { "change": "42" } });
    let args = json!({ "channel": office.channel, "text": "demo", "blocks": card(), "metadata": metadata });
    let ts = office.post("chat.postMessage", args).await["ts"].as_str().unwrap().to_string();
    office.slack.click(&office.bob, &office.channel, &ts, "approve").await.unwrap();
    let payload = seen.lock().unwrap()[0]["payload"].clone();
    assert_eq!(payload["type"], "block_actions");
    assert_eq!(payload["user"]["id"], json!(office.bob));
    assert_eq!(payload["actions"][0]["value"], "42:abc");
    assert_eq!(payload["actions"][0]["block_id"], "votes");
    assert_eq!(payload["message"]["metadata"], metadata);
    assert_eq!(payload["container"]["message_ts"], json!(ts));
    let missing = office.slack.click(&office.bob, &office.channel, &ts, "reject").await.unwrap_err();
    assert!(missing.to_string().contains("approve"), "{missing}");
    // A button that is gone cannot be clicked any more.
    let edit = json!({ "channel": office.channel, "ts": ts, "text": "approved", "blocks": [] });
    assert_eq!(office.post("chat.update", edit).await["ok"], true);
    assert!(office.slack.click(&office.bob, &office.channel, &ts, "approve").await.is_err());
}

#[tokio::test]
async fn a_response_url_takes_five_posts_within_half_an_hour() {
    let office = Office::open().await;
    let seen = office.connect().await.ack_all(None);
    office.slack.slash(&office.alice, &office.channel, "/kaas list").await.unwrap();
    office.slack.slash(&office.alice, &office.channel, "/kaas list").await.unwrap();
    let urls: Vec<String> = seen
        .lock()
        .unwrap()
        .iter()
        .map(|envelope| envelope["payload"]["response_url"].as_str().unwrap().to_string())
        .collect();
    for n in 0..5 {
        let (status, text) = office.raw(&urls[0], json!({ "text": format!("answer {n}") }).to_string()).await;
        assert_eq!((status, text.as_str()), (200, "ok"));
    }
    let (status, text) = office.raw(&urls[0], json!({ "text": "one too many" }).to_string()).await;
    assert_eq!(status, 404);
    assert!(text.contains("used_url"), "{text}");
    assert_eq!(office.slack.private_to(&office.alice).len(), 5);
    assert!(office.slack.messages(&office.channel).is_empty());
    let public = json!({ "response_type": "in_channel", "text": "for all" }).to_string();
    assert_eq!(office.raw(&urls[1], public.clone()).await.0, 200);
    assert_eq!(office.slack.messages(&office.channel).len(), 1);
    office.slack.pass(Duration::from_secs(30 * 60 + 1));
    let (status, text) = office.raw(&urls[1], public).await;
    assert!(status == 404 && text.contains("expired_url"), "{status} {text}");
}

#[tokio::test]
async fn a_private_card_is_replaced_and_deleted_by_its_response_url() {
    let office = Office::open().await;
    let seen = office.connect().await.ack_all(None);
    let args = json!({ "channel": office.channel, "user": office.bob, "text": "demo", "blocks": card() });
    let ts = office.post("chat.postEphemeral", args).await["message_ts"].as_str().unwrap().to_string();
    assert!(office.slack.click(&office.alice, &office.channel, &ts, "approve").await.is_err());
    office.slack.click(&office.bob, &office.channel, &ts, "approve").await.unwrap();
    let payload = seen.lock().unwrap()[0]["payload"].clone();
    assert_eq!(payload["container"]["is_ephemeral"], true);
    assert!(payload["message"].is_null());
    let url = payload["response_url"].as_str().unwrap().to_string();
    let replace = json!({ "replace_original": true, "text": "done" }).to_string();
    assert_eq!(office.raw(&url, replace).await.0, 200);
    assert_eq!(office.slack.private_to(&office.bob)[0].text, "done");
    assert_eq!(office.raw(&url, json!({ "delete_original": true }).to_string()).await.0, 200);
    assert!(office.slack.private_to(&office.bob).is_empty());
}

#[tokio::test]
async fn a_trigger_opens_one_modal_within_three_seconds() {
    let office = Office::open().await;
    let mut socket = office.connect().await;
    let first = trigger(&office, &mut socket).await;
    let open = |trigger: &str| json!({ "trigger_id": trigger, "view": form() });
    assert_eq!(office.post("views.open", open(&first)).await["ok"], true);
    assert_eq!(office.post("views.open", open(&first)).await["error"], "exchanged_trigger_id");
    let second = trigger(&office, &mut socket).await;
    office.slack.pass(Duration::from_millis(3100));
    assert_eq!(office.post("views.open", open(&second)).await["error"], "expired_trigger_id");
    assert_eq!(office.post("views.open", open("1.2.3")).await["error"], "invalid_trigger_id");
}

#[tokio::test]
async fn a_form_is_held_to_its_fields_and_shows_the_errors_of_the_app() {
    let office = Office::open().await;
    let mut socket = office.connect().await;
    let id = trigger(&office, &mut socket).await;
    let opened = office.post("views.open", json!({ "trigger_id": id, "view": form() })).await;
    let view = office.slack.views(&office.alice)[0].clone();
    assert_eq!(opened["view"]["id"], json!(view.id));
    // What Slack's window itself does not let through.
    for (values, wrong) in [
        (json!({ "size": "small" }), "Name"),
        (json!({ "name": "a-very-long-name", "size": "small" }), "10"),
        (json!({ "name": "demo", "size": "huge" }), "small, large"),
        (json!({ "name": "demo", "size": "small", "colour": "red" }), "colour"),
    ] {
        let refused = office.slack.submit_view(&office.alice, &view.id, &values).await.unwrap_err();
        assert!(format!("{refused:#}").contains(wrong), "{refused:#}");
    }
    let submit = |values: Value| {
        let (slack, alice, id) = (office.slack.clone(), office.alice.clone(), view.id.clone());
        tokio::spawn(async move { slack.submit_view(&alice, &id, &values).await.unwrap() })
    };
    let submitting = submit(json!({ "name": "demo", "size": "small" }));
    let envelope = socket.read().await.unwrap();
    let values = &envelope["payload"]["view"]["state"]["values"];
    assert_eq!(values["name"]["name"]["value"], "demo");
    assert_eq!(values["size"]["size"]["selected_option"]["value"], "small");
    assert_eq!(envelope["payload"]["view"]["private_metadata"], "C1");
    let errors = json!({ "response_action": "errors", "errors": { "name": "demo is taken" } });
    socket.ack(&envelope, Some(errors)).await;
    submitting.await.unwrap();
    assert_eq!(office.slack.views(&office.alice)[0].errors["name"], "demo is taken");

    let submitting = submit(json!({ "name": "other", "size": "large" }));
    let envelope = socket.read().await.unwrap();
    socket.ack(&envelope, None).await;
    submitting.await.unwrap();
    assert!(office.slack.views(&office.alice).is_empty());
    let late = json!({ "view_id": view.id, "view": form() });
    assert_eq!(office.post("views.update", late).await["error"], "not_found");
}

#[tokio::test]
async fn a_view_is_updated_only_with_the_hash_that_is_known() {
    let office = Office::open().await;
    let mut socket = office.connect().await;
    let id = trigger(&office, &mut socket).await;
    let opened = office.post("views.open", json!({ "trigger_id": id, "view": form() })).await;
    let update = json!({ "view_id": opened["view"]["id"], "hash": opened["view"]["hash"], "view": form() });
    assert_eq!(office.post("views.update", update.clone()).await["ok"], true);
    assert_eq!(office.post("views.update", update).await["error"], "hash_conflict");
}

#[tokio::test]
async fn a_home_is_published_and_its_buttons_work() {
    let office = Office::open().await;
    let seen = office.connect().await.ack_all(None);
    office.slack.open_home(&office.alice).await.unwrap();
    assert_eq!(seen.lock().unwrap()[0]["payload"]["event"]["type"], "app_home_opened");
    let home = json!({ "user_id": office.alice, "view": { "type": "home", "blocks": card() } });
    assert_eq!(office.post("views.publish", home).await["ok"], true);
    assert_eq!(office.slack.home(&office.alice).unwrap().buttons(), ["approve"]);
    office.slack.click_home(&office.alice, "approve").await.unwrap();
    let payload = seen.lock().unwrap()[1]["payload"].clone();
    assert_eq!(payload["container"]["type"], "view");
    assert_eq!(payload["view"]["type"], "home");
    // A modal is no home.
    let modal = json!({ "user_id": office.alice, "view": form() });
    assert_eq!(office.post("views.publish", modal).await["error"], "invalid_arguments");
}

#[tokio::test]
async fn reactions_can_be_read_again_and_taken_back() {
    let office = Office::open().await;
    let seen = office.connect().await.ack_all(None);
    let ts = office.say("card").await;
    office.slack.react(&office.bob, &office.channel, &ts, "+1::skin-tone-3").await.unwrap();
    assert!(office.slack.react(&office.bob, &office.channel, &ts, "+1::skin-tone-3").await.is_err());
    let query = [("channel", &*office.channel), ("timestamp", ts.as_str()), ("full", "true")];
    let read = office.get("reactions.get", &query).await;
    assert_eq!(read["message"]["reactions"], json!([{ "name": "+1::skin-tone-3", "count": 1, "users": [office.bob] }]));
    office.slack.unreact(&office.bob, &office.channel, &ts, "+1::skin-tone-3").await.unwrap();
    let kinds: Vec<Value> =
        seen.lock().unwrap().iter().map(|envelope| envelope["payload"]["event"]["type"].clone()).collect();
    assert_eq!(kinds, ["reaction_added", "reaction_removed"]);
    assert!(office.get("reactions.get", &query).await["message"]["reactions"].is_null());
}

#[tokio::test]
async fn the_app_hears_only_what_it_may() {
    let office = Office::open().await;
    let seen = office.connect().await.ack_all(None);
    let ts = office.say("card").await;
    office.slack.mention(&office.alice, &office.channel, Some(&ts), "approve").await.unwrap();
    assert_eq!(seen.lock().unwrap()[0]["payload"]["event"]["thread_ts"], json!(ts));
    office.slack.without_scope("reactions:read");
    let outcome = office.slack.react(&office.bob, &office.channel, &ts, "+1").await.unwrap();
    assert_eq!(outcome.failed.as_deref(), Some("not_subscribed"));
    assert_eq!(seen.lock().unwrap().len(), 1);
    let outsider = office.slack.add_user("outsider");
    assert!(office.slack.mention(&outsider, &office.channel, None, "hello").await.is_err());
}
