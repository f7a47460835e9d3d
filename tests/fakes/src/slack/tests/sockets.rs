//! Socket Mode: acknowledged, redelivered, shared among sockets, lost while nobody is there.

use std::time::Duration;

use serde_json::{Value, json};

use super::client::{Office, PATIENCE};
use crate::slack::{Doubling, Options};

/// A workspace whose patience and redeliveries are short.
fn hurried() -> Options {
    Options { ack_within: Duration::from_millis(150), retry_scale: 0.001, ..Options::default() }
}

#[tokio::test]
async fn a_command_arrives_as_slack_sends_it_and_its_answer_is_private() {
    let office = Office::open().await;
    let seen = office.connect().await.ack_all(Some(json!({ "text": "On it." })));
    let line = "/kaas request demo —size small <b> & @bob #clusters";
    let outcome = office.slack.slash(&office.alice, &office.channel, line).await.unwrap();
    assert_eq!(outcome.text(), "On it.");
    let envelope = seen.lock().unwrap()[0].clone();
    assert_eq!((&envelope["type"], &envelope["accepts_response_payload"]), (&json!("slash_commands"), &json!(true)));
    let payload = &envelope["payload"];
    assert_eq!(payload["command"], "/kaas");
    let expected =
        format!("request demo —size small &lt;b&gt; &amp; <@{}|bob> <#{}|clusters>", office.bob, office.channel);
    assert_eq!(payload["text"], expected);
    for key in ["team_id", "channel_id", "user_id", "response_url", "trigger_id", "team_domain", "channel_name"] {
        assert!(payload[key].is_string(), "{key}");
    }
    assert_eq!(office.slack.private_to(&office.alice)[0].text, "On it.");
    assert!(office.slack.messages(&office.channel).is_empty() && office.slack.private_to(&office.bob).is_empty());
    assert_eq!(office.slack.acks().len(), 1);
    assert!(office.slack.acks()[0].ms > 0.0 && office.slack.acks()[0].ms < 3000.0);
}

#[tokio::test]
async fn a_command_fails_before_the_person_when_nobody_is_connected_or_answers() {
    let office = Office::open_with(hurried()).await;
    let outcome = office.slack.slash(&office.alice, &office.channel, "/kaas list").await.unwrap();
    assert_eq!(outcome.failed.as_deref(), Some("dispatch_failed"));
    assert!(office.slack.private_to(&office.alice)[0].text.contains("dispatch_failed"));
    let mut socket = office.connect().await;
    let outcome = office.slack.slash(&office.alice, &office.channel, "/kaas list").await.unwrap();
    assert_eq!(outcome.failed.as_deref(), Some("operation_timeout"));
    assert_eq!(socket.read().await.unwrap()["payload"]["text"], "list");
    assert!(office.slack.acks().is_empty());
}

#[tokio::test]
async fn an_event_that_is_not_acknowledged_comes_again_as_the_same_event() {
    let office = Office::open_with(hurried()).await;
    let ts = office.say("card").await;
    let mut socket = office.connect().await;
    let outcome = office.slack.react(&office.bob, &office.channel, &ts, "+1").await.unwrap();
    assert_eq!(outcome.failed.as_deref(), Some("operation_timeout"));
    let first = socket.read().await.unwrap();
    let second = socket.read().await.unwrap();
    assert_eq!((&first["retry_attempt"], &second["retry_attempt"]), (&json!(0), &json!(1)));
    assert_eq!(second["retry_reason"], "http_timeout");
    assert_eq!(first["payload"], second["payload"]);
    assert!(first["payload"]["event_id"].is_string());
    socket.ack(&second, None).await;
    let acked = office.slack.wait_for(|now| now.acks().last().cloned(), PATIENCE).await.unwrap();
    assert_eq!((acked.attempt, acked.kind.as_str()), (1, "events_api"));
    let event = &first["payload"]["event"];
    assert_eq!((&event["reaction"], &event["item"]["ts"]), (&json!("+1"), &json!(ts)));
}

#[tokio::test]
async fn an_event_that_is_never_acknowledged_is_given_up_after_three_redeliveries() {
    let office = Office::open_with(hurried()).await;
    let mut socket = office.connect().await;
    office.slack.dm(&office.bob, "approve 42").await.unwrap();
    let attempts = [socket.read().await, socket.read().await, socket.read().await, socket.read().await];
    let attempts: Vec<u64> = attempts.iter().map(|e| e.as_ref().unwrap()["retry_attempt"].as_u64().unwrap()).collect();
    assert_eq!(attempts, [0, 1, 2, 3]);
    let slack = &office.slack;
    for _ in 0..2000 {
        if !slack.lost_events().is_empty() {
            break;
        }
        tokio::time::sleep(Duration::from_millis(10)).await;
    }
    assert_eq!(slack.lost_events()[0]["event"]["text"], "approve 42");
}

#[tokio::test]
async fn a_socket_that_breaks_in_the_middle_leaves_its_event_to_the_next_one() {
    let office = Office::open_with(Options { retry_scale: 0.001, ..Options::default() }).await;
    let ts = office.say("card").await;
    let mut first = office.connect().await;
    let (slack, bob, channel) = (office.slack.clone(), office.bob.clone(), office.channel.clone());
    let reacting = tokio::spawn(async move { slack.react(&bob, &channel, &ts, "+1").await.unwrap() });
    let cut = first.read().await.unwrap();
    // The second one is there before the first breaks, as two sockets overlap.
    let mut second = office.connect().await;
    drop(first);
    assert!(!reacting.await.unwrap().is_acked());
    let again = second.read().await.unwrap();
    assert_eq!(again["payload"]["event_id"], cut["payload"]["event_id"]);
    assert_ne!(again["envelope_id"], cut["envelope_id"]);
    second.ack(&again, None).await;
}

#[tokio::test]
async fn several_sockets_share_the_envelopes() {
    let office = Office::open().await;
    let one = office.connect().await.ack_all(None);
    let two = office.connect().await.ack_all(None);
    assert_eq!(office.slack.sockets(), 2);
    for n in 0..40 {
        assert!(office.slack.dm(&office.alice, &format!("line {n}")).await.unwrap().is_acked());
    }
    let (one, two) = (one.lock().unwrap().len(), two.lock().unwrap().len());
    assert_eq!(one + two, 40);
    assert!(one > 0 && two > 0, "{one} and {two}");
}

#[tokio::test]
async fn events_are_lost_while_nobody_is_connected_unless_they_are_to_wait() {
    let office = Office::open_with(hurried()).await;
    office.slack.dm(&office.alice, "lost").await.unwrap();
    assert_eq!(office.slack.lost_events().len(), 1);
    office.slack.set_options(|options| options.lose_events_when_offline = false);
    office.slack.dm(&office.alice, "kept").await.unwrap();
    let mut socket = office.connect().await;
    assert_eq!(socket.read().await.unwrap()["payload"]["event"]["text"], "kept");
    assert_eq!(office.slack.lost_events().len(), 1);
}

#[tokio::test]
async fn a_socket_is_told_to_reconnect_and_a_ticket_opens_one_socket() {
    let office = Office::open().await;
    let mut socket = office.connect().await;
    assert!(office.slack.connected(1, PATIENCE).await);
    office.slack.disconnect_all();
    let goodbye = socket.read().await.unwrap();
    assert_eq!((&goodbye["type"], &goodbye["reason"]), (&json!("disconnect"), &json!("refresh_requested")));
    assert!(socket.read().await.is_none());
    let forged = format!("{}/link?ticket=0", office.slack.url().replacen("http", "ws", 1));
    assert!(tokio_tungstenite::connect_async(forged).await.is_err());
}

#[tokio::test]
async fn doings_are_doubled_with_the_same_and_with_another_envelope() {
    let office = Office::open().await;
    let seen = office.connect().await.ack_all(None);
    for how in [Doubling::SameEnvelope, Doubling::OtherEnvelope] {
        seen.lock().unwrap().clear();
        office.slack.deliver(how);
        office.slack.dm(&office.alice, "twice").await.unwrap();
        let seen: Vec<Value> = seen.lock().unwrap().clone();
        assert_eq!(seen.len(), 2);
        assert_eq!(seen[0]["payload"], seen[1]["payload"]);
        assert_eq!(seen[0]["envelope_id"] == seen[1]["envelope_id"], how == Doubling::SameEnvelope);
    }
    office.slack.heal();
    seen.lock().unwrap().clear();
    assert!(office.slack.redeliver_last_event().await.unwrap().is_acked());
    assert_eq!(seen.lock().unwrap()[0]["retry_attempt"], 1);
}
