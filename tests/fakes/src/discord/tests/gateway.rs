//! The gateway: who may in, what is missed and sent again, what is lost, who is told what.

use std::time::Duration;

use serde_json::json;

use super::client::{INTENTS, Office, PATIENCE, Socket, text};
use crate::discord::{Options, intents};

/// What a socket is closed with after it said this.
async fn closed(mut socket: Socket) -> u16 {
    loop {
        if let Err(code) = socket.read_or_code().await {
            return code;
        }
    }
}

#[tokio::test]
async fn who_does_not_say_who_they_are_rightly_is_closed_out() {
    let office = Office::open().await;
    let token = office.discord.token().to_string();
    let properties = json!({ "os": "a", "browser": "b", "device": "c" });
    let identify = |change: serde_json::Value| {
        let mut data = json!({ "token": token, "intents": INTENTS, "properties": properties });
        data.as_object_mut().unwrap().extend(change.as_object().unwrap().clone());
        json!({ "op": 2, "d": data })
    };
    for (what, frame, code) in [
        ("no token", identify(json!({ "token": "nonsense" })), 4004),
        ("an intent that is none", identify(json!({ "intents": 1_u64 << 40 })), 4013),
        ("a privileged intent", identify(json!({ "intents": INTENTS | intents::MESSAGE_CONTENT })), 4014),
        ("a shard beyond", identify(json!({ "shard": [1, 1] })), 4010),
        ("no properties", identify(json!({ "properties": {} })), 4002),
        ("something before", json!({ "op": 3, "d": {} }), 4003),
        ("an unknown opcode", json!({ "op": 77, "d": {} }), 4001),
    ] {
        let mut socket = office.dial().await;
        socket.send(frame).await;
        assert_eq!(closed(socket).await, code, "{what}");
    }
    let (mut socket, _) = office.connect().await;
    socket.identify(&token, INTENTS).await;
    assert_eq!(closed(socket).await, 4005);
    let (mut socket, _) = office.connect().await;
    for _ in 0..130 {
        socket.send(json!({ "op": 1, "d": null })).await;
    }
    assert_eq!(closed(socket).await, 4008);
    office.discord.set_options(|options| options.privileged = intents::MESSAGE_CONTENT);
    let mut socket = office.dial().await;
    socket.identify(&token, INTENTS | intents::MESSAGE_CONTENT).await;
    assert_eq!(socket.read().await.unwrap()["t"], "READY");
}

#[tokio::test]
async fn an_identify_too_soon_is_an_invalid_session() {
    let office = Office::open_with(Options::default()).await;
    let (_first, _) = office.connect().await;
    let mut second = office.dial().await;
    second.identify(office.discord.token(), INTENTS).await;
    let frame = second.read().await.unwrap();
    assert_eq!((&frame["op"], &frame["d"]), (&json!(9), &json!(false)));
    office.discord.pass(Duration::from_secs(6));
    second.identify(office.discord.token(), INTENTS).await;
    assert_eq!(second.read().await.unwrap()["t"], "READY");
}

#[tokio::test]
async fn what_was_missed_comes_again_in_order() {
    let office = Office::open().await;
    let card = office.say(json!({ "content": "card" })).await;
    let (mut socket, ready) = office.connect().await;
    office.discord.react(office.alice, office.channel, card, "✅").unwrap();
    let seen = socket.event("MESSAGE_REACTION_ADD").await["s"].as_u64().unwrap();
    office.discord.cut_all();
    assert!(socket.read().await.is_none());
    office.discord.react(office.bob, office.channel, card, "✅").unwrap();
    office.discord.unreact(office.alice, office.channel, card, "✅").unwrap();
    let mut socket = office.dial().await;
    let session = text(&ready["d"]["session_id"]);
    let resume = json!({ "op": 6, "d": { "token": office.discord.token(), "session_id": session, "seq": seen } });
    socket.send(resume.clone()).await;
    for (number, name) in ["MESSAGE_REACTION_ADD", "MESSAGE_REACTION_REMOVE", "RESUMED"].into_iter().enumerate() {
        let frame = socket.read().await.unwrap();
        assert_eq!((&frame["t"], frame["s"].as_u64()), (&json!(name), Some(seen + 1 + number as u64)));
    }
    assert_eq!(office.discord.resumes(), 1);
    // A session that is forgotten, or was lost for too long, is not taken up again.
    office.discord.cut_all();
    assert!(socket.read().await.is_none());
    office.discord.pass(Duration::from_secs(600));
    let mut socket = office.dial().await;
    socket.send(resume).await;
    let frame = socket.read().await.unwrap();
    assert_eq!((&frame["op"], &frame["d"]), (&json!(9), &json!(false)));
}

#[tokio::test]
async fn a_resume_is_refused_on_command_and_a_goodbye_ends_the_session() {
    let office = Office::open().await;
    let (mut first, ready) = office.connect().await;
    let session = text(&ready["d"]["session_id"]);
    let resume = json!({ "op": 6, "d": { "token": office.discord.token(), "session_id": session, "seq": 1 } });
    first.0.close(None).await.unwrap();
    office.discord.refuse_next_resume(true);
    let mut socket = office.dial().await;
    socket.send(resume.clone()).await;
    assert_eq!(socket.read().await.unwrap()["d"], true);
    socket.send(resume.clone()).await;
    socket.event("RESUMED").await;
    let close = tokio_tungstenite::tungstenite::protocol::CloseFrame { code: 1000.into(), reason: "bye".into() };
    socket.0.close(Some(close)).await.unwrap();
    assert!(socket.read().await.is_none());
    let mut socket = office.dial().await;
    socket.send(resume).await;
    assert_eq!(socket.read().await.unwrap()["d"], false);
}

#[tokio::test]
async fn heartbeats_are_answered_unless_by_a_zombie_and_who_sends_none_is_closed() {
    let options = Options { heartbeat: Duration::from_millis(50), ..Options::hurried() };
    let office = Office::open_with(options).await;
    let (mut socket, _) = office.connect().await;
    socket.send(json!({ "op": 1, "d": 1 })).await;
    assert_eq!(socket.read().await.unwrap()["op"], 11);
    assert_eq!(socket.read_or_code().await, Err(4009));
    let card = office.say(json!({ "content": "card" })).await;
    let (mut socket, _) = office.connect().await;
    office.discord.zombie(true);
    socket.send(json!({ "op": 1, "d": 1 })).await;
    office.discord.react(office.alice, office.channel, card, "✅").unwrap();
    let nothing = tokio::time::timeout(Duration::from_millis(300), socket.read()).await;
    assert!(nothing.is_err(), "{nothing:?}");
    assert!(office.discord.connected(1, PATIENCE).await && office.discord.heartbeats() == 2);
}

#[tokio::test]
async fn orders_reach_every_connection() {
    let office = Office::open().await;
    let (mut socket, _) = office.connect().await;
    office.discord.reconnect_all();
    assert_eq!(socket.read().await.unwrap()["op"], 7);
    office.discord.invalidate_all(true);
    assert_eq!(socket.read().await.unwrap()["d"], true);
    office.discord.close_all(4014);
    assert_eq!(socket.read_or_code().await, Err(4014));
    office.discord.go_down();
    let url = office.discord.url().replacen("http", "ws", 1) + "/gateway?v=10";
    assert!(tokio_tungstenite::connect_async(url).await.is_err());
    assert_eq!(office.call("GET", "/gateway", serde_json::Value::Null).await.0, 503);
    office.discord.heal();
    office.connect().await;
}

#[tokio::test]
async fn only_what_was_subscribed_to_is_told_twice_or_late_if_so_wanted() {
    let office = Office::open().await;
    let (mut all, _) = office.connect().await;
    let mut guilds = office.dial().await;
    guilds.identify(office.discord.token(), intents::GUILDS).await;
    guilds.event("GUILD_CREATE").await;
    let card = office.say(json!({ "content": "card" })).await;
    office.discord.react(office.alice, office.channel, card, "✅").unwrap();
    let added = all.read().await.unwrap();
    assert_eq!(added["t"], "MESSAGE_REACTION_ADD", "a message is not told without its intent");
    assert_eq!(added["d"]["member"]["user"]["username"], "alice");
    office.discord.unreact(office.alice, office.channel, card, "✅").unwrap();
    let removed = all.read().await.unwrap();
    assert!(removed["t"] == "MESSAGE_REACTION_REMOVE" && removed["d"].get("member").is_none());
    office.discord.deliver(|delivery| delivery.doubled = true);
    office.discord.react(office.alice, office.channel, card, "✅").unwrap();
    let (one, two) = (all.read().await.unwrap(), all.read().await.unwrap());
    assert!(one["d"] == two["d"] && one["s"] != two["s"]);
    office.discord.deliver(|delivery| {
        delivery.doubled = false;
        delivery.late = Duration::from_millis(50);
    });
    office.discord.react(office.bob, office.channel, card, "✅").unwrap();
    assert_eq!(all.read().await.unwrap()["d"]["user_id"], office.bob.to_string());
    // The other one heard of nothing of this, and is told of a thread.
    office.discord.heal();
    let path = format!("{}/threads", office.path(card));
    assert_eq!(office.call("POST", &path, json!({ "name": "demo" })).await.0, 201);
    assert_eq!(guilds.read().await.unwrap()["t"], "THREAD_CREATE");
    // Where the bot does not look, nothing is told.
    office.discord.deny(office.channel, crate::discord::permissions::VIEW_CHANNEL);
    office.discord.unreact(office.bob, office.channel, card, "✅").unwrap();
    office.discord.allow(office.channel, crate::discord::permissions::VIEW_CHANNEL);
    loop {
        let frame = all.read().await.unwrap();
        assert_ne!(frame["t"], "MESSAGE_REACTION_REMOVE");
        if frame["t"] == "CHANNEL_UPDATE" {
            break;
        }
    }
}
