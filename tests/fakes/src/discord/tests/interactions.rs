//! Answers to interactions: once, in time, of a type that fits; what follows them, and for how long.

use std::time::Duration;

use serde_json::{Value, json};

use super::client::{Office, Socket, text};
use crate::discord::{Id, Outcome, permissions};

/// An interaction that came: where it is answered, and where its follow-ups go.
struct Came {
    callback: String,
    hook: String,
}

impl Came {
    async fn next(office: &Office, socket: &mut Socket) -> Self {
        let data = socket.event("INTERACTION_CREATE").await["d"].clone();
        let (id, token) = (text(&data["id"]), text(&data["token"]));
        Self {
            callback: format!("/interactions/{id}/{token}/callback"),
            hook: format!("/webhooks/{}/{token}", office.discord.application()),
        }
    }
}

/// Somebody uses `/kaas list`; it is not waited for.
fn typed(office: &Office) -> tokio::task::JoinHandle<anyhow::Result<Outcome>> {
    let (discord, alice, channel) = (office.discord.clone(), office.alice, office.channel);
    tokio::spawn(async move { discord.slash(alice, channel, "kaas list", &[]).await })
}

/// Somebody presses a button; it is not waited for.
fn pressed(office: &Office, card: Id) -> tokio::task::JoinHandle<anyhow::Result<Outcome>> {
    let (discord, bob, channel) = (office.discord.clone(), office.bob, office.channel);
    tokio::spawn(async move { discord.press(bob, channel, card, "kaas:approve").await })
}

fn card() -> Value {
    let button = json!({ "type": 2, "style": 3, "label": "Approve", "custom_id": "kaas:approve" });
    json!({ "content": "card", "components": [{ "type": 1, "components": [button] }] })
}

fn form() -> Value {
    let field = json!({ "type": 4, "style": 1, "label": "Reason", "custom_id": "reason", "min_length": 3 });
    json!({ "custom_id": "kaas:why", "title": "Why", "components": [{ "type": 1, "components": [field] }] })
}

#[tokio::test]
async fn an_interaction_is_answered_once_and_within_three_seconds() {
    let office = Office::open().await;
    let (mut socket, _) = office.connect().await;
    let doing = typed(&office);
    let came = Came::next(&office, &mut socket).await;
    // Before the answer there is nothing to follow up on.
    let said = json!({ "content": "x" });
    assert_eq!(office.refused("POST", &came.hook, said.clone()).await, (404, 10015));
    let answer = json!({ "type": 4, "data": { "content": "x", "flags": 64 } });
    assert_eq!(office.call("POST", &came.callback, answer.clone()).await, (204, Value::Null));
    assert_eq!(office.refused("POST", &came.callback, answer.clone()).await, (400, 40060));
    assert!(doing.await.unwrap().unwrap().is_private());
    let doing = typed(&office);
    let came = Came::next(&office, &mut socket).await;
    office.discord.pass(Duration::from_secs(4));
    assert_eq!(office.refused("POST", &came.callback, answer.clone()).await, (404, 10062));
    office.discord.set_options(|options| options.answer_within = Duration::from_millis(50));
    assert_eq!(doing.await.unwrap().unwrap().failed.as_deref(), Some("The application did not respond"));
    let unknown = "/interactions/1/nonsense/callback";
    assert_eq!(office.refused("POST", unknown, answer).await, (404, 10062));
}

#[tokio::test]
async fn the_first_follow_up_is_what_was_waited_for_and_as_private_as_that() {
    let office = Office::open().await;
    let (mut socket, _) = office.connect().await;
    let doing = typed(&office);
    let came = Came::next(&office, &mut socket).await;
    office.call("POST", &came.callback, json!({ "type": 5, "data": { "flags": 64 } })).await;
    assert!(doing.await.unwrap().unwrap().is_private());
    assert!(office.discord.private_to(office.alice).is_empty(), "it is still being thought about");
    let (_, first) = office.call("POST", &came.hook, json!({ "content": "one" })).await;
    assert_eq!(first["flags"], 64);
    let (_, second) = office.call("POST", &came.hook, json!({ "content": "two" })).await;
    assert_eq!((&second["flags"], second["id"] == first["id"]), (&json!(0), false));
    let original = format!("{}/messages/@original", came.hook);
    assert_eq!(office.call("GET", &original, Value::Null).await.1["content"], "one");
    assert_eq!(office.call("PATCH", &original, json!({ "content": "one more" })).await.0, 200);
    assert_eq!(office.discord.private_to(office.alice)[0].content, "one more");
    // For the bot's token there is no private answer.
    let path = office.path(office.discord.private_to(office.alice)[0].id);
    assert_eq!(office.refused("GET", &path, Value::Null).await, (404, 10008));
    assert_eq!(office.refused("PATCH", &path, json!({ "content": "x" })).await, (404, 10008));
    let listed = format!("/channels/{}/messages", office.channel);
    let (_, seen) = office.call("GET", &listed, Value::Null).await;
    assert_eq!(seen.as_array().unwrap().len(), 1, "only what is not private: {seen}");
    let of_another = format!("{}/messages/{}", came.hook, office.say(json!({ "content": "x" })).await);
    assert_eq!(office.refused("PATCH", &of_another, json!({ "content": "x" })).await, (404, 10008));
    office.discord.pass(Duration::from_secs(15 * 60 + 1));
    assert_eq!(office.refused("PATCH", &original, json!({ "content": "late" })).await, (401, 50027));
    assert_eq!(office.refused("POST", &came.hook, json!({ "content": "late" })).await, (401, 50027));
}

#[tokio::test]
async fn each_doing_takes_the_answers_that_fit_it() {
    let office = Office::open().await;
    let (mut socket, _) = office.connect().await;
    let body = |kind: u8| match kind {
        4 | 7 => json!({ "type": kind, "data": { "content": "x", "components": [] } }),
        8 => json!({ "type": 8, "data": { "choices": [] } }),
        9 => json!({ "type": 9, "data": form() }),
        kind => json!({ "type": kind }),
    };
    let doing = typed(&office);
    let came = Came::next(&office, &mut socket).await;
    for kind in [1, 6, 7, 8] {
        assert_eq!(office.refused("POST", &came.callback, body(kind)).await, (400, 50035), "command and {kind}");
    }
    assert_eq!(office.refused("POST", &came.callback, json!({ "type": 3 })).await, (400, 50035));
    assert_eq!(office.call("POST", &came.callback, body(9)).await.0, 204);
    doing.await.unwrap().unwrap();
    // A form that a command opened has nothing to update: what is deferred so cannot be edited.
    let discord = office.discord.clone();
    let alice = office.alice;
    assert!(discord.submit(alice, &[("reason", "no")]).await.unwrap_err().to_string().contains("too short"));
    let sent = tokio::spawn(async move { discord.submit(alice, &[("reason", "because")]).await });
    let came = Came::next(&office, &mut socket).await;
    for kind in [7, 8, 9] {
        assert_eq!(office.refused("POST", &came.callback, body(kind)).await, (400, 50035), "form and {kind}");
    }
    assert_eq!(office.call("POST", &came.callback, body(6)).await.0, 204);
    let original = format!("{}/messages/@original", came.hook);
    assert_eq!(office.refused("PATCH", &original, json!({ "content": "x" })).await, (404, 10008));
    assert!(sent.await.unwrap().unwrap().is_acked());
    let card = office.say(card()).await;
    let doing = pressed(&office, card);
    let came = Came::next(&office, &mut socket).await;
    assert_eq!(office.refused("POST", &came.callback, body(8)).await, (400, 50035));
    let (status, told) = office.call("POST", &format!("{}?with_response=true", came.callback), body(7)).await;
    assert_eq!((status, &told["resource"]["message"]["id"]), (200, &json!(card.to_string())));
    assert_eq!(doing.await.unwrap().unwrap().answer, Some(7));
    assert!(office.discord.message(office.channel, card).unwrap().buttons().is_empty());
    // A button that is gone cannot be pressed, but a changed client may say that it was.
    assert!(office.discord.press(office.bob, office.channel, card, "kaas:approve").await.is_err());
    let (discord, bob, channel) = (office.discord.clone(), office.bob, office.channel);
    let forged = tokio::spawn(async move { discord.press_forged(bob, channel, card, "kaas:approve:other").await });
    let came = Came::next(&office, &mut socket).await;
    assert_eq!(office.call("POST", &came.callback, body(5)).await.0, 204);
    assert!(forged.await.unwrap().unwrap().is_acked());
}

#[tokio::test]
async fn a_form_holds_its_own_limits() {
    let office = Office::open().await;
    let (mut socket, _) = office.connect().await;
    let doing = typed(&office);
    let came = Came::next(&office, &mut socket).await;
    let changed = |change: &dyn Fn(&mut Value)| {
        let mut data = form();
        change(&mut data);
        json!({ "type": 9, "data": data })
    };
    let field = |key: &str, value: Value| changed(&|f| f["components"][0]["components"][0][key] = value.clone());
    for (what, body) in [
        ("a title of 46", changed(&|f| f["title"] = json!("x".repeat(46)))),
        ("no title", changed(&|f| f["title"] = json!(""))),
        ("a custom id of 101", changed(&|f| f["custom_id"] = json!("x".repeat(101)))),
        ("no rows", changed(&|f| f["components"] = json!([]))),
        ("six rows", changed(&|f| f["components"] = json!(vec![f["components"][0].clone(); 6]))),
        ("two fields of one name", changed(&|f| f["components"] = json!(vec![f["components"][0].clone(); 2]))),
        ("a label of 46", field("label", json!("x".repeat(46)))),
        ("no label", field("label", Value::Null)),
        ("a placeholder of 101", field("placeholder", json!("x".repeat(101)))),
        ("a value of 4001", field("value", json!("x".repeat(4001)))),
        ("a length of 4001", field("max_length", json!(4001))),
        ("a length upside down", field("max_length", json!(2))),
        ("a button", changed(&|f| f["components"] = card()["components"].clone())),
    ] {
        assert_eq!(office.refused("POST", &came.callback, body).await, (400, 50035), "{what}");
    }
    assert_eq!(office.call("POST", &came.callback, changed(&|_| ())).await.0, 204);
    doing.await.unwrap().unwrap();
    assert_eq!(office.discord.modal(office.alice).unwrap().texts(), ["Why", "Reason"]);
    office.discord.dismiss(office.alice);
    assert!(office.discord.submit(office.alice, &[]).await.is_err());
}

#[tokio::test]
async fn what_is_typed_is_completed_with_twenty_five_choices_at_most() {
    let office = Office::open().await;
    let (mut socket, _) = office.connect().await;
    let (discord, alice, channel) = (office.discord.clone(), office.alice, office.channel);
    let typing = tokio::spawn(async move {
        discord.autocomplete(alice, channel, "kaas request", &[("name", json!("a"))], ("region", "eu")).await
    });
    let came = Came::next(&office, &mut socket).await;
    let choices = |count: usize| {
        let all: Vec<Value> =
            (0..count).map(|n| json!({ "name": format!("eu-{n}"), "value": format!("eu-{n}") })).collect();
        json!({ "type": 8, "data": { "choices": all } })
    };
    assert_eq!(office.refused("POST", &came.callback, choices(26)).await, (400, 50035));
    assert_eq!(office.refused("POST", &came.callback, json!({ "type": 4 })).await, (400, 50035));
    assert_eq!(office.call("POST", &came.callback, choices(25)).await.0, 204);
    assert_eq!(typing.await.unwrap().unwrap().len(), 25);
    let data = office.discord.interactions().pop().unwrap();
    assert_eq!((data.kind, data.answer), (4, Some(8)));
}

#[tokio::test]
async fn the_same_interaction_may_come_twice() {
    let office = Office::open().await;
    let (mut socket, _) = office.connect().await;
    let doing = typed(&office);
    let first = socket.event("INTERACTION_CREATE").await;
    let path = |data: &Value| format!("/interactions/{}/{}/callback", text(&data["id"]), text(&data["token"]));
    let answer = json!({ "type": 5, "data": { "flags": 64 } });
    assert_eq!(office.call("POST", &path(&first["d"]), answer.clone()).await.0, 204);
    doing.await.unwrap().unwrap();
    assert_eq!(office.discord.redeliver_last_interaction(), 1);
    let second = socket.event("INTERACTION_CREATE").await;
    assert!(second["d"] == first["d"] && second["s"] != first["s"]);
    assert_eq!(office.refused("POST", &path(&second["d"]), answer).await, (400, 40060));
    let data = json!({ "custom_id": "x", "component_type": 2, "id": 1 });
    office.discord.set_options(|options| options.answer_within = Duration::from_millis(50));
    let forged = office.discord.forge(3, office.bob, office.channel, None, data, |sent| sent["guild_id"] = json!("1"));
    assert_eq!(forged.await.failed.as_deref(), Some("This interaction failed"));
    assert_eq!(socket.event("INTERACTION_CREATE").await["d"]["guild_id"], "1");
}

#[tokio::test]
async fn a_command_works_where_the_bot_neither_sees_nor_writes() {
    let office = Office::open().await;
    let (mut socket, _) = office.connect().await;
    office.discord.deny(office.channel, permissions::VIEW_CHANNEL);
    let doing = typed(&office);
    let data = socket.event("INTERACTION_CREATE").await["d"].clone();
    assert_eq!(data["app_permissions"], "0");
    let (id, token) = (text(&data["id"]), text(&data["token"]));
    let callback = format!("/interactions/{id}/{token}/callback");
    let answer = json!({ "type": 4, "data": { "content": "Here is what is missing.", "flags": 64 } });
    assert_eq!(office.call("POST", &callback, answer).await.0, 204);
    assert!(doing.await.unwrap().unwrap().is_private());
    assert_eq!(office.discord.private_to(office.alice)[0].content, "Here is what is missing.");
    let posts = format!("/channels/{}/messages", office.channel);
    assert_eq!(office.refused("POST", &posts, json!({ "content": "card" })).await, (403, 50001));
}
