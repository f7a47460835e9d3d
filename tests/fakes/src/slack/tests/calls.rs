//! Who may call what, where the bot may write, what a lost answer leaves behind.

use std::time::Duration;

use serde_json::{Value, json};

use super::client::{Office, PATIENCE};
use crate::slack::{BOT_USER, Fault};

#[tokio::test]
async fn tokens_methods_and_scopes_are_checked_in_this_order() {
    let office = Office::open().await;
    let url = |method: &str| format!("{}/{method}", office.slack.api_url());
    let http = reqwest::Client::new();
    let ask = async |method: &str, token: Option<&str>| -> Value {
        let request = http.post(url(method)).json(&json!({}));
        let request = match token {
            Some(token) => request.bearer_auth(token),
            None => request,
        };
        request.send().await.unwrap().json().await.unwrap()
    };
    let bot = office.slack.bot_token();
    assert_eq!(ask("chat.postMessage", None).await["error"], "not_authed");
    assert_eq!(ask("chat.postMessage", Some("xoxb-forged")).await["error"], "invalid_auth");
    assert_eq!(ask("chat.postMessage", Some(office.slack.app_token())).await["error"], "not_allowed_token_type");
    assert_eq!(ask("apps.connections.open", Some(bot)).await["error"], "not_allowed_token_type");
    assert_eq!(ask("chat.shout", Some(bot)).await["error"], "unknown_method");
    assert_eq!(office.get("chat.postMessage", &[]).await["error"], "unknown_method");
    // JSON is read by the methods that write, and by no other.
    assert_eq!(ask("users.info", Some(bot)).await["error"], "invalid_arguments");
    assert_eq!(office.get("auth.test", &[]).await["user_id"], BOT_USER);

    office.slack.without_scope("chat:write");
    let refused = ask("chat.postMessage", Some(bot)).await;
    assert_eq!((&refused["error"], &refused["needed"]), (&json!("missing_scope"), &json!("chat:write")));
    assert!(refused["provided"].as_str().unwrap().contains("reactions:read"));
}

#[tokio::test]
async fn the_bot_writes_only_where_it_is() {
    let office = Office::open().await;
    let outside = office.slack.add_channel("outside", &[&office.alice]);
    office.slack.leave(&outside, BOT_USER);
    let secret = office.slack.add_private_channel("secret", &[&office.alice]);
    office.slack.leave(&secret, BOT_USER);
    let old = office.slack.add_channel("old", &[]);
    office.slack.set_channel(&old, |channel| channel.is_archived = true);
    for (channel, error) in [
        (&*outside, "not_in_channel"),
        (&*secret, "channel_not_found"),
        (&*old, "is_archived"),
        ("C404", "channel_not_found"),
    ] {
        let answer = office.post("chat.postMessage", json!({ "channel": channel, "text": "x" })).await;
        assert_eq!(answer["error"], error, "{channel}");
    }
    let stray = json!({ "channel": office.channel, "text": "x", "thread_ts": "1.000001" });
    assert_eq!(office.post("chat.postMessage", stray).await["error"], "thread_not_found");

    let ephemeral = |user: &str| json!({ "channel": office.channel, "user": user, "text": "only you" });
    let stranger = office.slack.add_user("stranger");
    assert_eq!(office.post("chat.postEphemeral", ephemeral(&stranger)).await["error"], "user_not_in_channel");
    let shown = office.post("chat.postEphemeral", ephemeral(&office.bob)).await;
    assert_eq!(office.slack.private_to(&office.bob).len(), 1);
    assert!(office.slack.private_to(&office.alice).is_empty());
    assert!(office.slack.messages(&office.channel).is_empty());
    // What only one person sees cannot be edited.
    let edit = json!({ "channel": office.channel, "ts": shown["message_ts"], "text": "x" });
    assert_eq!(office.post("chat.update", edit).await["error"], "message_not_found");
}

#[tokio::test]
async fn only_own_messages_can_be_edited() {
    let office = Office::open().await;
    let theirs = office.slack.say(&office.alice, &office.channel, None, "hello").unwrap();
    let edit = |ts: &str| json!({ "channel": office.channel, "ts": ts, "text": "changed" });
    assert_eq!(office.post("chat.update", edit(&theirs)).await["error"], "cant_update_message");
    assert_eq!(office.post("chat.update", edit("1.000001")).await["error"], "message_not_found");
}

#[tokio::test]
async fn a_lost_answer_has_done_its_work_and_can_be_found_again() {
    let office = Office::open().await;
    let parent = office.say("card").await;
    office.slack.fail_next("chat.postMessage", 1, Fault::LostAnswer);
    let args = json!({
        "channel": office.channel, "text": "reply", "thread_ts": parent,
        "metadata": { "event_type": "kaas", "event_payload": { "key": "bank/demo/7/0" } },
    });
    let url = format!("{}/chat.postMessage", office.slack.api_url());
    let lost = reqwest::Client::new().post(url).bearer_auth(office.slack.bot_token()).json(&args).send().await;
    let lost = match lost {
        Ok(answer) => answer.bytes().await.map(|_| ()),
        Err(error) => Err(error),
    };
    assert!(lost.is_err(), "the answer came");
    assert!(office.slack.calls().last().unwrap().lost);
    let query = [("channel", &*office.channel), ("ts", parent.as_str()), ("include_all_metadata", "true")];
    let thread = office.get("conversations.replies", &query).await;
    assert_eq!(thread["messages"].as_array().unwrap().len(), 2, "{thread}");
    assert_eq!(thread["messages"][1]["metadata"]["event_payload"]["key"], "bank/demo/7/0");
    // Without being asked for, metadata does not show.
    let plain = office.get("conversations.replies", &query[..2]).await;
    assert!(plain["messages"][1]["metadata"].is_null());
    assert_eq!(office.post("chat.postMessage", args).await["ok"], true);
    assert_eq!(office.slack.thread(&office.channel, &parent).len(), 3, "a blind repetition posts twice");
}

#[tokio::test]
async fn faults_strike_as_often_as_they_are_told_to() {
    let office = Office::open().await;
    let args = json!({ "channel": office.channel, "text": "x" });
    office.slack.fail_next("chat.postMessage", 1, Fault::RateLimited(7));
    office.slack.fail_next("chat.postMessage", 1, Fault::Status(502));
    let (status, retry, _) = office.send("chat.postMessage", args.clone()).await;
    assert_eq!((status, retry.as_deref()), (429, Some("7")));
    assert_eq!(office.send("chat.postMessage", args.clone()).await.0, 502);
    assert_eq!(office.send("chat.postMessage", args.clone()).await.0, 200);
    assert_eq!(office.slack.messages(&office.channel).len(), 1);

    office.slack.go_down();
    assert_eq!(office.send("chat.postMessage", args.clone()).await.0, 503);
    office.slack.set_faults(|faults| faults.down = Some(Fault::Hang));
    let hung = tokio::time::timeout(Duration::from_millis(200), office.send("chat.postMessage", args.clone())).await;
    assert!(hung.is_err());
    office.slack.heal();
    office.slack.set_faults(|faults| faults.latency = Duration::from_millis(80));
    let began = tokio::time::Instant::now();
    assert_eq!(office.send("chat.postMessage", args).await.0, 200);
    assert!(began.elapsed() >= Duration::from_millis(80));
}

#[tokio::test]
async fn a_file_goes_up_in_three_steps_and_shows_in_its_thread() {
    let office = Office::open().await;
    let parent = office.say("card").await;
    let place = office.get("files.getUploadURLExternal", &[("filename", "plan.txt"), ("length", "10")]).await;
    let (url, id) = (place["upload_url"].as_str().unwrap(), place["file_id"].clone());
    let finish = json!({ "files": [{ "id": id, "title": "Plan" }], "channel_id": office.channel, "thread_ts": parent });
    assert_eq!(office.post("files.completeUploadExternal", finish.clone()).await["error"], "upload_not_found");
    assert_eq!(office.raw(url, "too short").await.0, 400);
    assert_eq!(office.raw(url, "0123456789").await, (200, "OK - 10".to_string()));
    assert_eq!(office.post("files.completeUploadExternal", finish.clone()).await["ok"], true);
    assert_eq!(office.post("files.completeUploadExternal", finish).await["error"], "file_update_failed");
    let thread = office.slack.thread(&office.channel, &parent);
    assert_eq!(thread[1].files.len(), 1);
    assert_eq!(office.slack.files()[0].text(), "0123456789");
}

#[tokio::test]
async fn histories_come_in_pages_and_people_with_their_flags() {
    let office = Office::open().await;
    for n in 0..5 {
        office.say(&format!("message {n}")).await;
    }
    let mut seen = Vec::new();
    let mut cursor = String::new();
    for _ in 0..5 {
        let query = [("channel", &*office.channel), ("limit", "2"), ("cursor", cursor.as_str())];
        let page = office.get("conversations.history", &query).await;
        seen.extend(page["messages"].as_array().unwrap().iter().map(|m| m["text"].as_str().unwrap().to_string()));
        cursor = page["response_metadata"]["next_cursor"].as_str().unwrap().to_string();
        if cursor.is_empty() {
            break;
        }
    }
    assert_eq!(seen, ["message 4", "message 3", "message 2", "message 1", "message 0"]);

    office.slack.set_user(&office.bob, |user| user.is_ultra_restricted = true);
    let bob = office.get("users.info", &[("user", &*office.bob)]).await;
    assert_eq!(bob["user"]["is_ultra_restricted"], true);
    assert_eq!(bob["user"]["profile"]["email"], "bob@bank.example");
    office.slack.without_scope("users:read.email");
    let bob = office.get("users.info", &[("user", &*office.bob)]).await;
    assert!(bob["user"]["profile"]["email"].is_null());
    assert_eq!(office.get("users.info", &[("user", "U404")]).await["error"], "user_not_found");
    let group = office.slack.add_group("platform", &[&office.alice, &office.bob]);
    let users = office.get("usergroups.users.list", &[("usergroup", &*group)]).await;
    assert_eq!(users["users"], json!([office.alice, office.bob]));
    let shown = office.post("conversations.open", json!({ "users": office.alice })).await;
    let im = shown["channel"]["id"].as_str().unwrap();
    assert_eq!(office.post("chat.postMessage", json!({ "channel": im, "text": "psst" })).await["ok"], true);
    let seen = office.slack.wait_for(|now| now.dms(&office.alice).first().map(|m| m.text.clone()), PATIENCE).await;
    assert_eq!(seen.unwrap(), "psst");
    assert!(office.slack.private_to(&office.bob).is_empty());
}
