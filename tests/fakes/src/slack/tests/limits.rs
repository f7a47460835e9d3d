//! What Slack refuses because it is too much or too long.

use serde_json::{Value, json};

use super::client::Office;
use crate::slack::Options;
use crate::slack::blocks::{Surface, check_blocks, check_view, size_of};

/// Makes a block with something of this length.
type Make = Box<dyn Fn(usize) -> Value>;

fn text(length: usize) -> Value {
    json!({ "type": "plain_text", "text": "x".repeat(length) })
}

fn section(length: usize) -> Value {
    json!({ "type": "section", "text": { "type": "mrkdwn", "text": "x".repeat(length) } })
}

fn button(change: impl FnOnce(&mut Value)) -> Value {
    let mut button = json!({ "type": "button", "action_id": "go", "text": text(4) });
    change(&mut button);
    json!({ "type": "actions", "elements": [button] })
}

fn modal(change: impl FnOnce(&mut Value)) -> Value {
    let input = json!({
        "type": "input", "label": text(4), "element": { "type": "plain_text_input", "action_id": "name" },
    });
    let mut view = json!({ "type": "modal", "title": text(24), "submit": text(24), "blocks": [input] });
    change(&mut view);
    view
}

#[test]
fn each_limit_of_a_block_takes_what_fits_and_refuses_one_more() {
    let buttons = |count: usize| {
        let all = (0..count).map(|n| json!({ "type": "button", "action_id": format!("b{n}"), "text": text(3) }));
        json!({ "type": "actions", "elements": all.collect::<Vec<_>>() })
    };
    let context = |count: usize| json!({ "type": "context", "elements": vec![text(3); count] });
    let options = |count: usize| {
        let all: Vec<Value> = (0..count).map(|n| json!({ "text": text(3), "value": n.to_string() })).collect();
        button(|b| *b = json!({ "type": "static_select", "action_id": "size", "options": all }))
    };
    // What is made with the greatest length that fits, where it is wrong with one more.
    let cases: Vec<(&str, usize, Make)> = vec![
        ("/text/text", 3000, Box::new(section)),
        ("/text/text", 150, Box::new(|n| json!({ "type": "header", "text": text(n) }))),
        ("/block_id", 255, Box::new(|n| json!({ "type": "divider", "block_id": "x".repeat(n) }))),
        ("/elements/0/action_id", 255, Box::new(|n| button(|b| b["action_id"] = json!("x".repeat(n))))),
        ("/elements/0/text/text", 75, Box::new(|n| button(|b| b["text"] = text(n)))),
        ("/elements/0/value", 2000, Box::new(|n| button(|b| b["value"] = json!("x".repeat(n))))),
        ("/elements/0/url", 3000, Box::new(|n| button(|b| b["url"] = json!("x".repeat(n))))),
        ("/elements", 25, Box::new(buttons)),
        ("/elements", 10, Box::new(context)),
        ("/elements/0/options", 100, Box::new(options)),
        ("/fields", 10, Box::new(|n| json!({ "type": "section", "fields": vec![text(3); n] }))),
        ("/fields/0/text", 2000, Box::new(|n| json!({ "type": "section", "fields": [text(n)] }))),
    ];
    for (at, most, make) in cases {
        assert_eq!(check_blocks(&[make(most)], Surface::Message), Vec::<String>::new(), "{at} {most}");
        let wrong = check_blocks(&[make(most + 1)], Surface::Message);
        assert_eq!(wrong.len(), 1, "{at} {most}: {wrong:?}");
        assert!(wrong[0].ends_with(&format!("[json-pointer:/blocks/0{at}]")), "{wrong:?}");
    }
}

#[test]
fn a_message_takes_fifty_blocks_and_a_view_a_hundred() {
    let dividers = |count: usize| vec![json!({ "type": "divider" }); count];
    assert!(check_blocks(&dividers(50), Surface::Message).is_empty());
    assert!(!check_blocks(&dividers(51), Surface::Message).is_empty());
    assert!(check_blocks(&dividers(100), Surface::Home).is_empty());
    assert!(!check_blocks(&dividers(101), Surface::Home).is_empty());
}

#[test]
fn an_id_twice_and_an_unknown_type_are_refused() {
    let twice = vec![json!({ "type": "divider", "block_id": "a" }); 2];
    assert!(check_blocks(&twice, Surface::Message)[0].contains("block_id a already exists"));
    let unknown = [json!({ "type": "marquee" })];
    assert!(check_blocks(&unknown, Surface::Message)[0].contains("unsupported type: marquee"));
    let empty = [json!({ "type": "section", "text": { "type": "mrkdwn", "text": "" } })];
    assert!(check_blocks(&empty, Surface::Message)[0].contains("more than 0"));
}

#[test]
fn a_modal_holds_its_own_limits() {
    assert_eq!(check_view(&modal(|_| ())), Vec::<String>::new());
    for (key, length) in [("title", 25), ("submit", 25), ("close", 25)] {
        assert!(check_view(&modal(|view| view[key] = text(length)))[0].contains(&format!("/view/{key}/text")));
    }
    assert!(!check_view(&modal(|view| view["private_metadata"] = json!("x".repeat(3001)))).is_empty());
    assert!(!check_view(&modal(|view| view["callback_id"] = json!("x".repeat(256)))).is_empty());
    let without_submit = modal(|view| {
        view.as_object_mut().unwrap().remove("submit");
    });
    assert!(check_view(&without_submit)[0].contains("missing required field: submit"));
}

#[tokio::test]
async fn messages_beyond_a_limit_are_refused_by_name() {
    let office = Office::open_with(Options { burst: None, ..Options::default() }).await;
    let post = async |more: Value| {
        let mut args = json!({ "channel": office.channel });
        args.as_object_mut().unwrap().extend(more.as_object().unwrap().clone());
        office.post("chat.postMessage", args).await
    };
    assert_eq!(post(json!({})).await["error"], "no_text");
    assert_eq!(post(json!({ "text": "x".repeat(40_001) })).await["error"], "msg_too_long");
    let refused = post(json!({ "text": "x", "blocks": [section(3001)] })).await;
    assert_eq!(refused["error"], "invalid_blocks");
    let messages = refused["response_metadata"]["messages"].to_string();
    assert!(messages.contains("must be less than 3001 characters [json-pointer:/blocks/0/text/text]"), "{refused}");

    // The undocumented total: 13,200 characters of all blocks together.
    let mut blocks = vec![section(3000); 4];
    blocks.push(section(1200));
    assert_eq!(size_of(&blocks), 13_200);
    assert_eq!(post(json!({ "text": "x", "blocks": blocks.clone() })).await["ok"], true);
    blocks.push(section(1));
    assert_eq!(post(json!({ "text": "x", "blocks": blocks })).await["error"], "msg_blocks_too_long");
}

#[tokio::test]
async fn a_channel_takes_a_short_burst_and_then_a_message_a_second() {
    let office = Office::open().await;
    let other = office.slack.add_channel("other", &[&office.alice]);
    for n in 0..5 {
        office.say(&format!("message {n}")).await;
    }
    let args = json!({ "channel": office.channel, "text": "one too many" });
    let (status, retry, answer) = office.send("chat.postMessage", args.clone()).await;
    assert_eq!((status, retry.as_deref(), &answer["error"]), (429, Some("1"), &json!("ratelimited")));
    // Another channel has a burst of its own.
    assert_eq!(office.post("chat.postMessage", json!({ "channel": other, "text": "x" })).await["ok"], true);
    office.slack.pass(std::time::Duration::from_secs(1));
    assert_eq!(office.post("chat.postMessage", args).await["ok"], true);
    assert_eq!(office.slack.messages(&office.channel).len(), 6);
}

#[tokio::test]
async fn edits_are_held_to_their_tier() {
    let office = Office::open_with(Options { updates_per_minute: Some(2), ..Options::default() }).await;
    let ts = office.say("first").await;
    let edit = |text: &str| json!({ "channel": office.channel, "ts": ts, "text": text });
    assert_eq!(office.post("chat.update", edit("second")).await["ok"], true);
    assert_eq!(office.post("chat.update", edit("third")).await["ok"], true);
    let (status, retry, _) = office.send("chat.update", edit("fourth")).await;
    assert_eq!(status, 429);
    let wait: u64 = retry.unwrap().parse().unwrap();
    assert!((1..=60).contains(&wait), "{wait}");
    office.slack.pass(std::time::Duration::from_secs(wait));
    assert_eq!(office.post("chat.update", edit("fifth")).await["ok"], true);
    let message = office.slack.message(&office.channel, &ts).unwrap();
    assert_eq!(message.text, "fifth");
    assert_eq!(message.edits.iter().map(|edit| edit.text.as_str()).collect::<Vec<_>>(), ["first", "second", "third"]);
}
