//! Who may what: tokens, permissions of the bot, threads that are archived, messages of others, people who are not there.

use std::time::Duration;

use serde_json::{Value, json};

use super::client::{Office, id};
use crate::discord::{intents, permissions};

#[tokio::test]
async fn each_permission_that_is_missing_is_refused_by_its_code() {
    let office = Office::open().await;
    let card = office.say(json!({ "content": "card" })).await;
    let posts = format!("/channels/{}/messages", office.channel);
    let embed = json!({ "embeds": [{ "title": "x" }] });
    let said = json!({ "content": "x" });
    let threads = format!("{}/threads", office.path(card));
    let reacts = format!("{}/reactions/%E2%9C%85/@me", office.path(card));
    let reads = office.path(card);
    for (permission, method, path, body, refused) in [
        (permissions::VIEW_CHANNEL, "POST", &posts, said.clone(), (403, 50001)),
        (permissions::VIEW_CHANNEL, "GET", &reads, Value::Null, (403, 50001)),
        (permissions::SEND_MESSAGES, "POST", &posts, said.clone(), (403, 50013)),
        (permissions::EMBED_LINKS, "POST", &posts, embed, (403, 50013)),
        (permissions::READ_MESSAGE_HISTORY, "GET", &reads, Value::Null, (403, 50013)),
        (permissions::ADD_REACTIONS, "PUT", &reacts, Value::Null, (403, 50013)),
        (permissions::CREATE_PUBLIC_THREADS, "POST", &threads, json!({ "name": "x" }), (403, 50013)),
    ] {
        office.discord.deny(office.channel, permission);
        assert!(!office.discord.bot_may(office.channel, permission));
        assert_eq!(office.refused(method, path, body.clone()).await, refused, "{method} {path} without {permission}");
        office.discord.allow(office.channel, permission);
        let (status, answer) = office.call(method, path, body).await;
        assert!(status < 300, "{method} {path}: {status} {answer}");
    }
    office.discord.deny(office.channel, permissions::READ_MESSAGE_HISTORY);
    assert_eq!(office.call("GET", &posts, Value::Null).await, (200, json!([])));
    let private = office.discord.add_private_channel("hidden", &[office.alice]);
    assert_eq!(office.refused("GET", &format!("/channels/{private}"), Value::Null).await, (403, 50001));
    assert!(
        office.discord.say(office.bob, private, "x").is_err() && office.discord.say(office.alice, private, "x").is_ok()
    );
}

#[tokio::test]
async fn roles_and_channels_permit_as_discord_computes_it() {
    let office = Office::open().await;
    let (discord, everyone) = (&office.discord, office.discord.guild());
    let posts = format!("/channels/{}/messages", office.channel);
    let may = async || office.call("POST", &posts, json!({ "content": "x" })).await.0 == 200;
    // What everyone is denied in a channel, a role's own exception gives again.
    discord.set_channel(office.channel, |channel| {
        let deny = permissions::SEND_MESSAGES;
        channel.overwrites.push(crate::discord::Overwrite { id: everyone, is_role: true, allow: 0, deny });
    });
    assert!(!may().await);
    let role = discord.bot_role();
    discord.set_channel(office.channel, |channel| {
        let allow = permissions::SEND_MESSAGES;
        channel.overwrites.push(crate::discord::Overwrite { id: role, is_role: true, allow, deny: 0 });
    });
    assert!(may().await);
    discord.set_channel(office.channel, |channel| channel.overwrites.clear());
    // Without its role's permissions and everyone's, the bot may nothing; as administrator, everything.
    discord.set_role(role, |role| role.permissions = 0);
    discord.set_role(everyone, |role| role.permissions = permissions::VIEW_CHANNEL);
    assert!(!may().await);
    discord.set_role(role, |role| role.permissions = permissions::ADMINISTRATOR);
    discord.deny(office.channel, permissions::SEND_MESSAGES);
    assert!(may().await);
}

#[tokio::test]
async fn a_thread_is_archived_when_it_is_quiet_and_opened_by_what_is_said() {
    let office = Office::open().await;
    let card = office.say(json!({ "content": "card" })).await;
    let begin = format!("{}/threads", office.path(card));
    assert_eq!(office.refused("POST", &begin, json!({ "name": "" })).await, (400, 50035));
    assert_eq!(office.refused("POST", &begin, json!({ "name": "x", "auto_archive_duration": 90 })).await, (400, 50035));
    let (_, thread) = office.call("POST", &begin, json!({ "name": "demo", "auto_archive_duration": 10080 })).await;
    assert_eq!((id(&thread["id"]), &thread["thread_metadata"]["auto_archive_duration"]), (card, &json!(10080)));
    assert_eq!(office.refused("POST", &begin, json!({ "name": "demo" })).await, (400, 160_004));
    let posts = format!("/channels/{card}/messages");
    let (_, said) = office.call("POST", &posts, json!({ "content": "x" })).await;
    let said = format!("{posts}/{}", id(&said["id"]));
    office.discord.pass(Duration::from_secs(8 * 86_400));
    assert!(office.discord.thread(card).unwrap().archived);
    assert_eq!(office.refused("PATCH", &said, json!({ "content": "y" })).await, (400, 50083));
    assert_eq!(office.refused("PUT", &format!("{said}/reactions/%E2%9C%85/@me"), Value::Null).await, (400, 50083));
    assert!(office.discord.react(office.alice, card, id(&thread["id"]), "✅").is_err());
    assert!(office.discord.slash(office.alice, card, "kaas list", &[]).await.is_err());
    assert_eq!(office.call("POST", &posts, json!({ "content": "z" })).await.0, 200);
    assert!(!office.discord.thread(card).unwrap().archived);
    let change = format!("/channels/{card}");
    assert_eq!(office.refused("PATCH", &change, json!({ "locked": true })).await, (403, 50013));
    assert_eq!(office.call("PATCH", &change, json!({ "archived": true })).await.0, 200);
    assert_eq!(office.refused("PATCH", &change, json!({ "name": "other" })).await, (400, 50083));
    assert_eq!(office.call("PATCH", &change, json!({ "archived": false })).await.0, 200);
    office.discord.set_channel(card, |thread| {
        thread.locked = true;
        thread.archived = true;
    });
    assert_eq!(office.refused("POST", &posts, json!({ "content": "z" })).await, (400, 50083));
    assert_eq!(office.refused("PATCH", &change, json!({ "archived": false })).await, (403, 50013));
    let active = format!("/guilds/{}/threads/active", office.discord.guild());
    assert_eq!(office.call("GET", &active, Value::Null).await.1["threads"], json!([]));
    office.discord.deny(office.channel, permissions::SEND_MESSAGES_IN_THREADS);
    assert_eq!(office.refused("POST", &posts, json!({ "content": "z" })).await, (403, 50013));
}

#[tokio::test]
async fn what_others_wrote_is_theirs_and_shows_only_to_who_may_read_it() {
    let office = Office::open().await;
    let said = office.discord.say(office.alice, office.channel, "a secret").unwrap();
    let path = office.path(said);
    assert_eq!(office.call("GET", &path, Value::Null).await.1["content"], "");
    assert_eq!(office.refused("PATCH", &path, json!({ "content": "x" })).await, (403, 50005));
    assert_eq!(office.refused("DELETE", &path, Value::Null).await, (403, 50013));
    office.discord.set_options(|options| options.privileged = intents::MESSAGE_CONTENT);
    assert_eq!(office.call("GET", &path, Value::Null).await.1["content"], "a secret");
    let hook = office.discord.say_as_webhook(office.channel, "hello");
    let (_, told) = office.call("GET", &office.path(hook), Value::Null).await;
    assert!(told["webhook_id"].is_string() && told["author"]["bot"] == true);
    let own = office.say(json!({ "content": "x" })).await;
    assert_eq!(office.call("DELETE", &office.path(own), Value::Null).await.0, 204);
    assert_eq!(office.refused("GET", &office.path(own), Value::Null).await, (404, 10008));
}

#[tokio::test]
async fn people_who_left_are_no_members_and_closed_doors_stay_closed() {
    let office = Office::open().await;
    let guild = office.discord.guild();
    let member = format!("/guilds/{guild}/members/{}", office.bob);
    office.discord.time_out(office.bob, Duration::from_secs(60));
    let (_, told) = office.call("GET", &member, Value::Null).await;
    assert!(told["communication_disabled_until"].is_string());
    office.discord.leave(office.bob);
    assert_eq!(office.refused("GET", &member, Value::Null).await, (404, 10007));
    assert_eq!(office.refused("GET", &format!("/guilds/{guild}/members/1"), Value::Null).await, (404, 10013));
    assert_eq!(office.refused("GET", "/guilds/1", Value::Null).await, (404, 10004));
    assert_eq!(office.refused("GET", &format!("/guilds/{guild}/members"), Value::Null).await, (403, 50001));
    let open = json!({ "recipient_id": office.alice.to_string() });
    let (_, dm) = office.call("POST", "/users/@me/channels", open.clone()).await;
    assert_eq!(office.call("POST", "/users/@me/channels", open).await.1["id"], dm["id"]);
    let posts = format!("/channels/{}/messages", dm["id"].as_str().unwrap());
    assert_eq!(office.call("POST", &posts, json!({ "content": "hello" })).await.0, 200);
    office.discord.set_person(office.alice, |alice| alice.dms_closed = true);
    assert_eq!(office.refused("POST", &posts, json!({ "content": "hello" })).await, (403, 50007));
    assert_eq!(office.discord.dms(office.alice).len(), 1);
}

#[tokio::test]
async fn nobody_is_pinged_who_was_not_to_be() {
    let office = Office::open().await;
    let role = office.discord.add_role("platform");
    let content = format!("<@{}> <@{}> <@&{role}> @everyone", office.alice, office.bob);
    for (allowed, users, roles) in [
        (Value::Null, vec![office.alice, office.bob], vec![role]),
        (json!({ "parse": [] }), vec![], vec![]),
        (json!({ "parse": [], "users": [office.bob.to_string()] }), vec![office.bob], vec![]),
        (json!({ "parse": ["roles"] }), vec![], vec![role]),
    ] {
        let said = office.say(json!({ "content": content, "allowed_mentions": allowed })).await;
        let message = office.discord.message(office.channel, said).unwrap();
        assert_eq!((message.pings, message.pings_roles, message.pings_everyone), (users, roles, false), "{allowed}");
    }
}
