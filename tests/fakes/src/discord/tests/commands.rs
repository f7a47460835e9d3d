//! Commands: registered all at once, kept as Discord keeps them, sent as a client sends what a person typed.

use serde_json::{Value, json};

use super::client::{Office, definition};

#[tokio::test]
async fn what_is_put_is_what_there_is_and_a_version_changes_with_the_definition() {
    let office = Office::open().await;
    let path = office.commands_path();
    let before = office.discord.commands();
    let (_, same) = office.call("PUT", &path, definition()).await;
    assert_eq!(same, json!(before));
    let mut changed = definition();
    changed[0]["description"] = json!("Clusters");
    let (_, after) = office.call("PUT", &path, changed).await;
    assert_eq!(after[0]["id"], before[0]["id"]);
    assert_ne!(after[0]["version"], before[0]["version"]);
    assert_eq!(office.call("GET", &path, Value::Null).await.1, after);
    assert_eq!(office.call("PUT", &path, json!([])).await, (200, json!([])));
    let foreign = format!("/applications/{}/guilds/1/commands", office.discord.application());
    assert_eq!(office.refused("PUT", &foreign, definition()).await, (403, 50001));
    let foreign = format!("/applications/1/guilds/{}/commands", office.discord.guild());
    assert_eq!(office.refused("PUT", &foreign, definition()).await, (404, 10002));
}

#[tokio::test]
async fn a_client_sends_only_what_the_definition_allows() {
    let office = Office::open().await;
    let (socket, _) = office.connect().await;
    office.answer_all(socket, json!({ "type": 5, "data": { "flags": 64 } }));
    let slash = async |command: &str, options: &[(&str, Value)]| {
        let done = office.discord.slash(office.alice, office.channel, command, options).await;
        done.map(|outcome| outcome.is_acked()).map_err(|error| error.to_string())
    };
    let name = ("name", json!("demo"));
    assert_eq!(slash("/kaas request", &[name.clone(), ("workers", json!(50))]).await, Ok(true));
    for (command, options, why) in [
        ("kaa list", vec![], "no command kaa"),
        ("kaas lst", vec![], "no sub-command lst"),
        ("kaas", vec![], "needs a sub-command"),
        ("kaas request", vec![], "is required"),
        ("kaas request", vec![("name", json!("x".repeat(41)))], "too long"),
        ("kaas request", vec![name.clone(), ("size", json!("huge"))], "none of the choices"),
        ("kaas request", vec![name.clone(), ("workers", json!(51))], "too large"),
        ("kaas request", vec![name.clone(), ("workers", json!("3"))], "whole number"),
        ("kaas request", vec![name.clone(), ("owner", json!("1"))], "no user"),
        ("kaas request", vec![name.clone(), ("colour", json!("red"))], "no option colour"),
    ] {
        let refused = slash(command, &options).await.unwrap_err();
        assert!(refused.contains(why), "{command} {options:?}: {refused}");
    }
    let robot = office.discord.add_bot("robot");
    assert!(office.discord.slash(robot, office.channel, "kaas list", &[]).await.is_err());
    office.discord.leave(office.alice);
    assert!(slash("kaas list", &[]).await.unwrap_err().contains("left"));
}

#[tokio::test]
async fn a_command_arrives_as_discord_sends_it() {
    let office = Office::open().await;
    let role = office.discord.add_role("platform");
    office.discord.grant(office.bob, role);
    let (mut socket, _) = office.connect().await;
    let options =
        [("name", json!("demo")), ("owner", json!(office.bob.to_string())), ("team", json!(role.to_string()))];
    let (discord, bob, channel) = (office.discord.clone(), office.bob, office.channel);
    let typed = tokio::spawn(async move { discord.slash(bob, channel, "kaas request", &options).await });
    let data = socket.event("INTERACTION_CREATE").await["d"].clone();
    assert_eq!((&data["type"], &data["data"]["name"]), (&json!(2), &json!("kaas")));
    assert_eq!(data["data"]["options"][0]["options"][0], json!({ "name": "name", "type": 3, "value": "demo" }));
    assert_eq!(data["member"]["roles"], json!([role]));
    let resolved = &data["data"]["resolved"];
    assert_eq!(resolved["users"][bob.to_string()]["username"], "bob");
    assert_eq!(resolved["members"][bob.to_string()]["roles"], json!([role]));
    assert_eq!(resolved["roles"][role.to_string()]["name"], "platform");
    for key in ["app_permissions", "locale", "guild_locale", "channel", "guild_id", "attachment_size_limit"] {
        assert!(!data[key].is_null(), "{key}");
    }
    let path = format!("/interactions/{}/{}/callback", data["id"].as_str().unwrap(), data["token"].as_str().unwrap());
    assert_eq!(office.call("POST", &path, json!({ "type": 4, "data": { "content": "hi" } })).await.0, 204);
    let outcome = typed.await.unwrap().unwrap();
    assert!(outcome.text() == "hi" && !outcome.is_private() && outcome.answer == Some(4));
    assert_eq!(office.discord.last(channel).unwrap().content, "hi");
}
