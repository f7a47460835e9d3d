//! What cannot be trusted: buttons that a card does not have, cards that are none, other servers, channels and applications.

use std::time::Duration;

use kaas::render::message::Press;
use serde_json::{Value, json};

use crate::support::Office;

/// What a changed client does to what it sends.
type Change = fn(&mut Value);

/// Nothing reached the desk.
async fn nothing_heard(office: &Office, what: &str) {
    tokio::time::sleep(Duration::from_millis(100)).await;
    assert_eq!(office.desk.words(), Vec::<String>::new(), "{what}");
}

#[tokio::test]
async fn a_button_that_the_card_does_not_have_does_nothing() {
    let office = Office::open().await;
    let first = office.card().await;
    let approve = office.button(first, Press::Approve);
    let other_plan = {
        let (head, _) = approve.rsplit_once(':').expect("a plan");
        format!("{head}:{}", "B".repeat(43))
    };
    for id in [
        approve.replace("crucial-sandbox", "other-sandbox"),
        approve.replace("acme", "bank"),
        approve.replace("/42", "/43"),
        approve.replacen("k1", "k2", 1),
        other_plan,
        "k1:form".to_owned(),
        "k1:again".to_owned(),
        "garbage".to_owned(),
    ] {
        let outcome = office.discord.press_forged(office.bob, office.channel, first, &id).await.expect("a press");
        let is_form = id == "k1:again";
        assert!(outcome.is_acked(), "{id}: {outcome:?}");
        assert!(
            is_form || (outcome.is_private() && outcome.text().contains("no button of a card")),
            "{id}: {outcome:?}"
        );
        nothing_heard(&office, &id).await;
    }
}

#[tokio::test]
async fn a_card_that_somebody_else_made_is_none() {
    let office = Office::open().await;
    let first = office.card().await;
    let approve = office.button(first, Press::Approve);
    let data = json!({ "custom_id": approve, "component_type": 2, "id": 2 });
    let changes: [(&str, Change); 4] = [
        ("another's message", |payload| payload["message"]["author"]["id"] = json!("5")),
        ("another channel", |payload| payload["message"]["channel_id"] = json!("5")),
        ("no buttons", |payload| payload["message"]["components"] = json!([])),
        ("no message", |payload| payload["message"] = Value::Null),
    ];
    for (what, change) in changes {
        let outcome = office.discord.forge(3, office.bob, office.channel, Some(first), data.clone(), change).await;
        assert!(outcome.text().contains("no button of a card"), "{what}: {outcome:?}");
        nothing_heard(&office, what).await;
    }
    let reason = json!({ "custom_id": approve.replacen(":a:", ":w:", 1), "components": [] });
    let strange: Change = |payload| payload["message"] = Value::Null;
    let outcome = office.discord.forge(5, office.bob, office.channel, Some(first), reason, strange).await;
    assert!(outcome.text().contains("no button of a card"), "a form that kaas opened for nobody: {outcome:?}");
    nothing_heard(&office, "a form").await;
}

#[tokio::test]
async fn what_is_of_another_server_or_application_is_ignored() {
    let office = Office::open().await;
    let first = office.card().await;
    let data = json!({ "custom_id": office.button(first, Press::Approve), "component_type": 2, "id": 2 });
    let changes: [(&str, Change); 6] = [
        ("another server", |payload| payload["guild_id"] = json!("5")),
        ("no server", |payload| payload["guild_id"] = Value::Null),
        ("another application", |payload| payload["application_id"] = json!("5")),
        ("no member", |payload| payload["member"] = Value::Null),
        ("an unknown type", |payload| payload["type"] = json!(77)),
        ("no token", |payload| payload["token"] = Value::Null),
    ];
    office.discord.set_options(|options| options.answer_within = Duration::from_millis(200));
    for (what, change) in changes {
        let outcome = office.discord.forge(3, office.bob, office.channel, Some(first), data.clone(), change).await;
        assert!(!outcome.is_acked(), "{what}");
        nothing_heard(&office, what).await;
    }
}

#[tokio::test]
async fn reactions_on_other_messages_mean_nothing() {
    let office = Office::open().await;
    let first = office.card().await;
    let theirs = office.discord.say(office.alice, office.channel, "acme/crucial-sandbox/42").expect("a message");
    office.discord.react(office.bob, office.channel, theirs, "👍").expect("a reaction");
    let hooks = office.discord.say_as_webhook(office.channel, "acme/crucial-sandbox/42");
    office.discord.react(office.bob, office.channel, hooks, "👍").expect("a reaction");
    let elsewhere = office.discord.add_channel("elsewhere");
    let other = office.discord.say(office.alice, elsewhere, "x").expect("a message");
    office.discord.react(office.bob, elsewhere, other, "👍").expect("a reaction");
    let add = |with: Value| {
        let mut data = json!({ "user_id": office.bob.to_string(), "channel_id": office.channel.to_string(),
            "message_id": first.to_string(), "guild_id": office.discord.guild().to_string(),
            "emoji": { "id": null, "name": "👍" }, "burst": false, "type": 0, "member": { "user": { "id": office.bob.to_string() } } });
        data.as_object_mut().expect("an object").extend(with.as_object().expect("an object").clone());
        office.discord.send_event("MESSAGE_REACTION_ADD", &data);
    };
    add(json!({ "guild_id": "5" }));
    add(json!({ "channel_id": elsewhere.to_string() }));
    add(json!({ "message_id": "5" }));
    add(json!({ "message_id": null }));
    nothing_heard(&office, "none of these").await;
    // An emoji of the server's own may be called like one that means yes.
    add(json!({ "emoji": { "id": "55", "name": "👍" } }));
    assert!(office.heard(1).await[0].what.starts_with("react 55 given"));
}
