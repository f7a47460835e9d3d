//! Messages in Slack's form: what is escaped, what is cut, what stays a column, and that nothing exceeds a limit.

use proptest::prelude::*;
use serde_json::{Value, json};

use super::draw::{self, BLOCKS_MAX, Drawn, Names, TEXT_MAX};
use crate::lifecycle::Person;
use crate::render::message::{Button, Line, Message, Press, Span};

fn person(id: &str) -> Person {
    Person { id: id.parse().expect("an id"), name: id.to_owned() }
}

fn names() -> Names {
    [("bob".parse().expect("an id"), "U1BOB".to_owned())].into()
}

fn line(spans: Vec<Span>) -> Line {
    Line { spans }
}

fn message(lines: Vec<Line>) -> Message {
    Message { lines, ..Message::default() }
}

fn text(text: &str) -> Span {
    Span::Text(text.to_owned())
}

fn size(drawn: &Drawn) -> (usize, usize) {
    (drawn.text.chars().count(), Value::from(drawn.blocks.clone()).to_string().chars().count())
}

#[test]
fn what_came_from_outside_calls_nobody_and_links_nowhere() {
    let hostile = "<!channel> & <@U1EVE> <https://evil.example|here> `x` *y*";
    let drawn = draw::one(&message(vec![line(vec![text(hostile)])]), &names(), None, None);
    assert!(!drawn.text.contains(['<', '>']), "{}", drawn.text);
    assert!(drawn.text.contains("&lt;!channel&gt; &amp; "));
    let element = &drawn.blocks[0]["elements"][0]["elements"][0];
    assert_eq!(element, &json!({ "type": "text", "text": hostile }), "rich text takes it literally");
}

#[test]
fn people_are_mentioned_by_id_or_else_called_by_name() {
    let spans = vec![Span::Mention(person("bob")), text(" and "), Span::Mention(person("erin"))];
    let drawn = draw::one(&message(vec![line(spans)]), &names(), None, None);
    assert_eq!(drawn.text, "<@U1BOB> and @erin");
    let elements = &drawn.blocks[0]["elements"][0]["elements"];
    assert_eq!(elements[0], json!({ "type": "user", "user_id": "U1BOB" }));
    assert_eq!(elements[1]["text"], " and @erin");
}

#[test]
fn links_lead_only_to_the_web() {
    let link = |text: &str, url: &str| Span::Link { text: text.to_owned(), url: url.to_owned() };
    let spans = vec![link("#17", "https://git.example/17?a=1&b=<2>|3"), link("x", "javascript:alert(1)")];
    let drawn = draw::one(&message(vec![line(spans)]), &names(), None, None);
    assert_eq!(drawn.text, "<https://git.example/17?a=1&amp;b=%3C2%3E%7C3|#17>x javascript:alert(1)");
    let elements = &drawn.blocks[0]["elements"][0]["elements"];
    assert_eq!(elements[0]["type"], "link");
    assert_eq!(elements[1], json!({ "type": "text", "text": "x javascript:alert(1)" }));
}

#[test]
fn lines_of_code_stand_together_and_keep_their_columns() {
    let code = |text: &str| Span::Code(text.to_owned());
    let lines = vec![
        line(vec![Span::Strong("2 clusters".to_owned())]),
        line(vec![code("NAME       "), code("STATE")]),
        line(vec![code("teal-otter "), code("ready")]),
        line(vec![text("and "), code("more")]),
    ];
    let drawn = draw::one(&message(lines), &names(), Some("acme/x/1/0"), None);
    let parts = drawn.blocks[0]["elements"].as_array().expect("parts");
    let kinds: Vec<&str> = parts.iter().filter_map(|part| part["type"].as_str()).collect();
    assert_eq!(kinds, ["rich_text_section", "rich_text_preformatted", "rich_text_section"]);
    assert_eq!(parts[1]["elements"][0]["text"], "NAME       STATE\nteal-otter ready");
    assert_eq!(drawn.blocks[0]["block_id"], "acme/x/1/0");
    assert_eq!(drawn.text, "2 clusters\nNAME       STATE\nteal-otter ready\nand more");
}

#[test]
fn a_list_of_everything_goes_on_several_messages_without_losing_a_row() {
    let rows = (0..150).map(|n| line(vec![Span::Code(format!("cluster-{n:04}  ready  alice  small 1+3  $412"))]));
    let sheets = draw::several(&message(rows.collect()), 10);
    assert!(sheets.len() > 1);
    let all: Vec<&str> = sheets.iter().flat_map(|sheet| sheet.text.lines()).collect();
    assert_eq!(all.len(), 150);
    assert!(all.iter().enumerate().all(|(n, row)| row.starts_with(&format!("cluster-{n:04}"))));
    let few = draw::several(&message(vec![line(vec![text(&"x".repeat(30_000))])]), 2);
    assert_eq!(few.len(), 2);
    assert!(few[1].text.ends_with("the rest is cut off here."));
}

#[test]
fn buttons_say_what_they_do_and_carry_the_card() {
    let button = |label: &str, press| Button { label: label.to_owned(), press };
    let mut card = message(vec![line(vec![text("teal-otter")])]);
    card.buttons = vec![button("Approve", Press::Approve), button(&"Reject …".repeat(40), Press::Reject)];
    let drawn = draw::one(&card, &names(), Some("k"), Some("{\"change\":1}"));
    assert_eq!(drawn.blocks.len(), 2);
    let elements = drawn.blocks[1]["elements"].as_array().expect("buttons");
    assert_eq!(elements[0]["action_id"], "kaas/approve");
    assert_eq!(draw::press("kaas/reject"), Some(Press::Reject));
    assert_eq!(draw::press("kaas/other"), None);
    assert!(elements.iter().all(|button| button["value"] == "{\"change\":1}"));
    assert!(elements[1]["text"]["text"].as_str().is_some_and(|label| label.chars().count() == 75));
    let bare = draw::one(&card, &names(), Some("k"), None);
    assert_eq!(bare.blocks.len(), 1, "a message that is no card has no buttons");
}

#[test]
fn nothing_to_say_is_still_a_message() {
    for empty in [Message::default(), message(vec![Line::default()]), message(vec![line(vec![text("")])])] {
        let drawn = draw::one(&empty, &names(), None, None);
        assert_eq!(drawn.text, "–");
        assert_eq!(drawn.blocks[0]["elements"][0]["elements"][0]["text"], "–");
    }
}

fn spans() -> impl Strategy<Value = Span> {
    let words = prop_oneof![
        "[a-zé<>&\"\\\\\n🦀 ]{0,40}",
        "[a-z<&\"\\\\]{0,9}".prop_map(|part| part.repeat(900)),
        Just("\u{1}".repeat(5_000)),
    ];
    (0..5u8, words).prop_map(|(kind, text)| match kind {
        0 => Span::Text(text),
        1 => Span::Strong(text),
        2 => Span::Code(text),
        3 => Span::Mention(Person { id: "bob".parse().expect("an id"), name: text }),
        _ => Span::Link { url: format!("https://example.com/{}", text.len()), text },
    })
}

proptest! {
    #![proptest_config(ProptestConfig { cases: 64, ..ProptestConfig::default() })]

    #[test]
    fn no_message_exceeds_a_limit(lines in prop::collection::vec(prop::collection::vec(spans(), 0..6), 0..60), buttons in 0..8usize) {
        let press = [Press::Approve, Press::Reject, Press::Plan, Press::Cancel, Press::Retry];
        let message = Message {
            lines: lines.into_iter().map(line).collect(),
            buttons: (0..buttons.min(5)).map(|n| Button { label: "x".repeat(n * 60), press: press[n] }).collect(),
            ..Message::default()
        };
        let drawn = draw::one(&message, &names(), Some(&"k".repeat(400)), Some(&"v".repeat(300)));
        let mut all = draw::several(&message, 4);
        all.push(drawn);
        for drawn in all {
            let (text, blocks) = size(&drawn);
            prop_assert!(text <= TEXT_MAX && text > 0, "{text} characters of text");
            prop_assert!(blocks <= BLOCKS_MAX, "{blocks} characters of blocks");
            let mut empty = Vec::new();
            texts(&Value::from(drawn.blocks.clone()), &mut empty);
            prop_assert!(empty.iter().all(|text| !text.is_empty()), "an empty text is refused");
        }
    }
}

fn texts(value: &Value, out: &mut Vec<String>) {
    match value {
        Value::Object(fields) => {
            out.extend(fields.get("text").and_then(Value::as_str).map(str::to_owned));
            fields.values().for_each(|field| texts(field, out));
        }
        Value::Array(items) => items.iter().for_each(|item| texts(item, out)),
        _ => {}
    }
}
