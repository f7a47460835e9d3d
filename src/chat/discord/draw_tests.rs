//! Messages in Discord's form: how cards read in every state, what is escaped, what is cut, and that nothing exceeds a limit.

use std::fmt::Write as _;

use proptest::prelude::*;
use serde_json::{Value, json};

use super::draw::{self, CONTENT_MAX, EMBEDS_MAX, Names, Shape};
use super::reader::{Read, read};
use super::{ids, marks};
use crate::lifecycle::{ChangeNumber, ClusterKey, Person, PlanDigest};
use crate::ports::CardKey;
use crate::render::message::{Button, Line, Message, Press, Span, Tone};
use crate::render::say::sample;

fn key() -> CardKey {
    let cluster =
        ClusterKey { tenant: "acme".parse().expect("a tenant"), name: "crucial-sandbox".parse().expect("a name") };
    CardKey { cluster, change: ChangeNumber(42) }
}

fn plan() -> PlanDigest {
    format!("9f3ac1{}", "0".repeat(58)).parse().expect("a digest")
}

fn person(id: &str) -> Person {
    Person { id: id.parse().expect("an id"), name: id.to_owned() }
}

fn names() -> Names {
    [("bob", "1001"), ("mallory", "1002> @everyone")].map(|(id, known)| (person(id).id, known.to_owned())).into()
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

fn card(message: &Message) -> Value {
    draw::message(message, &names(), Shape::Card { key: &key(), plan: Some(&plan()) })
}

fn content(message: &Message, shape: Shape<'_>) -> String {
    draw::message(message, &names(), shape)["content"].as_str().expect("content").to_owned()
}

/// A card's body, to be read.
fn shown(body: &Value) -> String {
    let embed = &body["embeds"][0];
    let part = |value: &Value| value.as_str().unwrap_or("(none)").to_owned();
    let mut out = format!("#{:06x} {}\n", embed["color"].as_u64().unwrap_or(0), part(&embed["title"]));
    if !embed["description"].is_null() {
        writeln!(out, "{}", part(&embed["description"])).expect("a text");
    }
    for field in embed["fields"].as_array().into_iter().flatten() {
        let value = part(&field["value"]).replace('\n', "\n    ");
        writeln!(out, "  {}: {value}", part(&field["name"])).expect("a text");
    }
    writeln!(out, "  ({})", part(&embed["footer"]["text"])).expect("a text");
    for row in body["components"].as_array().into_iter().flatten() {
        let buttons = row["components"].as_array().into_iter().flatten();
        let buttons: Vec<String> = buttons.map(|one| format!("[{} {}]", part(&one["label"]), one["style"])).collect();
        writeln!(out, "  {}", buttons.join(" ")).expect("a text");
    }
    out
}

#[test]
fn the_card_in_every_state() {
    let cards = sample::every_card();
    let shown: Vec<String> = cards.iter().map(|(what, said)| format!("== {what}\n{}", shown(&card(said)))).collect();
    insta::assert_snapshot!(shown.join("\n"));
}

#[test]
fn a_card_says_everything_that_the_words_say() {
    for (what, said) in sample::every_card() {
        let body = card(&said);
        let embed = &body["embeds"][0];
        let mut drawn: String = [&embed["title"], &embed["description"], &embed["footer"]["text"]]
            .iter()
            .map(|part| format!("{} ", read(part.as_str().unwrap_or_default()).plain))
            .collect();
        for field in embed["fields"].as_array().into_iter().flatten() {
            let part = |name: &str| read(field[name].as_str().expect("a text")).plain;
            drawn.push_str(&format!("{} {} ", part("name"), part("value")));
        }
        // A link shows its text; its address is behind it.
        for word in said.plain().split_whitespace().filter(|word| !word.starts_with("https://")) {
            assert!(drawn.contains(word), "{what} lacks {word}: {drawn}");
        }
        let buttons = body["components"][0]["components"].as_array().map_or(0, Vec::len);
        assert_eq!(buttons, said.buttons.len(), "{what}");
        assert_eq!(ids::of_message(&body).map(|(card, _)| card), Some(key()), "{what}");
    }
}

#[test]
fn a_first_line_too_long_for_a_title_stands_below_it() {
    let why = "the machine type is not sold in eu-west-1c; ".repeat(9);
    let head = vec![Span::Strong("teal-otter".to_owned()), text(" · stuck: "), text(&why), text("   change 7")];
    let body = card(&Message { tone: Tone::Bad, ..message(vec![line(head)]) });
    let embed = &body["embeds"][0];
    assert_eq!(embed["title"], "teal-otter");
    let described = embed["description"].as_str().expect("a description");
    assert!(described.starts_with("**teal-otter** · stuck: the machine"), "{described}");
    assert!(!described.contains("change 7"));
    assert_eq!(embed["footer"]["text"], "change 7 · acme/crucial-sandbox/42");
}

#[test]
fn only_whom_a_post_mentions_is_called() {
    let spans = vec![
        Span::Mention(person("bob")),
        text(" and "),
        Span::Mention(person("erin")),
        text(" and <@1003> "),
        Span::Mention(person("mallory")),
    ];
    let said = message(vec![line(spans)]);
    let body = draw::message(&said, &names(), Shape::Post);
    assert_eq!(body["content"], r"<@1001> and \@erin and \<\@1003> \@mallory");
    assert_eq!(body["allowed_mentions"], json!({ "parse": [], "users": ["1001"], "replied_user": false }));
    let nobody = json!({ "parse": [], "users": [], "replied_user": false });
    assert_eq!(draw::message(&said, &names(), Shape::Private)["allowed_mentions"], nobody);
    assert_eq!(card(&said)["allowed_mentions"], nobody, "a card is edited again and again");
    assert_eq!(draw::plain("x", &std::collections::BTreeSet::new())["allowed_mentions"], nobody);
}

#[test]
fn links_lead_only_to_the_web_and_say_where() {
    let link = |text: &str, url: &str| Span::Link { text: text.to_owned(), url: url.to_owned() };
    for (span, expect) in [
        (link("#17", "https://git.example/17?a=1&b=(2)"), "[#17](<https://git.example/17?a=1&b=%282%29>)"),
        (link("https://git.example/17", "https://git.example/17"), "<https://git.example/17>"),
        (link("https://bank.example", "https://evil.example"), r"https\:\/\/bank.example https\:\/\/evil.example"),
        (link("x", "javascript:alert(1)"), r"x javascript\:alert(1)"),
        (link("x", "https://a b"), r"x https\:\/\/a b"),
        (link("](https://evil.example)", "https://git.example"), r"\](https\:\/\/evil.example) https\:\/\/git.example"),
        (link("a]b*c", "https://git.example/)>"), r"[a\]b\*c](<https://git.example/%29%3E>)"),
    ] {
        let drawn = content(&message(vec![line(vec![text("see "), span])]), Shape::Post);
        assert_eq!(drawn, format!("see {expect}"));
    }
}

#[test]
fn lines_of_code_stand_together_and_keep_their_columns() {
    let code = |text: &str| Span::Code(text.to_owned());
    let lines = vec![
        line(vec![Span::Strong("2 clusters".to_owned())]),
        line(vec![code("NAME       "), code("STATE")]),
        line(vec![code("teal-otter "), code("ready```")]),
        line(vec![text("and "), code("more `of` it`"), text(", "), code("```")]),
    ];
    let drawn = content(&message(lines), Shape::Private);
    let expect = "**2 clusters**\n```\nNAME       STATE\nteal-otter ready`\u{200b}`\u{200b}`\n```\nand `` more `of` it` ``, `` `\u{200b}`\u{200b}` ``";
    assert_eq!(drawn, expect);
    let read = read(&drawn);
    assert_eq!(read.plain, "2 clusters\nNAME       STATE\nteal-otter ready```\nand more `of` it`, ```");
}

#[test]
fn a_list_of_everything_goes_on_several_messages_without_losing_a_row() {
    let rows = (0..150).map(|n| line(vec![Span::Code(format!("cluster-{n:04}  ready  alice  small 1+3  $412"))]));
    let bodies = draw::several(&message(rows.collect()), &names(), Shape::Private, 10);
    assert!(bodies.len() > 1);
    let texts: Vec<&str> = bodies.iter().filter_map(|body| body["content"].as_str()).collect();
    let all: Vec<&str> = texts.iter().flat_map(|text| text.lines()).filter(|row| !row.starts_with("```")).collect();
    assert_eq!(all.len(), 150);
    assert!(all.iter().enumerate().all(|(n, row)| row.starts_with(&format!("cluster-{n:04}"))));
    let few = draw::several(&message(vec![line(vec![text(&"x".repeat(30_000))])]), &names(), Shape::Post, 2);
    assert_eq!(few.len(), 2);
    assert!(few[1]["content"].as_str().is_some_and(|text| text.ends_with("the rest is cut off here.")));
    let one = content(&message(vec![line(vec![text(&"x ".repeat(3_000))])]), Shape::Post);
    assert!(one.ends_with("the rest is cut off here."));
}

#[test]
fn buttons_say_what_they_do_and_carry_the_card() {
    let button = |label: &str, press| Button { label: label.to_owned(), press };
    let mut said = message(vec![line(vec![text("teal-otter")])]);
    said.buttons = vec![
        button("Approve", Press::Approve),
        button(&"Reject …".repeat(40), Press::Reject),
        button("", Press::Plan),
        button("Approve", Press::Approve),
    ];
    let body = card(&said);
    let buttons = body["components"][0]["components"].as_array().expect("buttons");
    assert_eq!(buttons.len(), 3, "one id twice is refused with the whole message");
    assert!(buttons[1]["label"].as_str().is_some_and(|label| marks::long(label) == 80));
    assert_eq!(buttons[2]["label"], "–");
    let meant = buttons[0]["custom_id"].as_str().and_then(ids::read);
    let plan = Some(ids::Shown::Whole(plan()));
    assert_eq!(meant, Some(ids::Meant::Press { card: key(), plan, press: Press::Approve }));
    assert_eq!(draw::message(&said, &names(), Shape::Post)["components"], json!([]), "a post has no buttons");
    let bare = card(&message(vec![line(vec![text("teal-otter")])]));
    assert_eq!(bare["components"], json!([]), "an edit takes the buttons away");
}

#[test]
fn nothing_to_say_is_still_a_message() {
    for empty in [Message::default(), message(vec![Line::default()]), message(vec![line(vec![text("")])])] {
        assert_eq!(content(&empty, Shape::Post), "–");
        assert_eq!(card(&empty)["embeds"][0]["title"], "–");
    }
}

#[tokio::test]
async fn the_stand_in_for_discord_takes_every_body() {
    let discord = kaas_fakes::discord::FakeDiscord::start_with(kaas_fakes::discord::Options::hurried()).await;
    let channel = discord.add_channel("clusters");
    let place = format!("{}/api/v10/channels/{channel}/messages", discord.url());
    let client = reqwest::Client::new();
    let mut bodies: Vec<Value> = sample::every_card().iter().map(|(_, said)| card(said)).collect();
    let long = message(vec![line(vec![text(&"so it goes, ".repeat(900))])]);
    bodies.push(card(&Message { buttons: sample::every_card()[1].1.buttons.clone(), ..long.clone() }));
    bodies.extend(draw::several(&long, &names(), Shape::Post, 9));
    bodies.push(draw::message(&message(vec![line(vec![Span::Mention(person("bob"))])]), &names(), Shape::Private));
    for body in bodies {
        let token = format!("Bot {}", discord.token());
        let sent = client.post(&place).header("Authorization", token).json(&body).send().await.expect("an answer");
        let status = sent.status();
        assert_eq!(status, 200, "{body}\n{}", sent.text().await.expect("a text"));
    }
    let card = &discord.messages(channel)[1];
    let known = json!({ "components": card.components, "embeds": card.embeds });
    assert_eq!(ids::of_message(&known), Some((key(), Some(plan()))), "a card is known by what Discord gives back");
}

// ---- whatever it is that people and programs write ----

fn hostile() -> impl Strategy<Value = String> {
    let piece = prop_oneof![
        "[a-z0-9 .é🦀]{0,9}",
        "[-*_~|`<>@#\\[\\]()\\\\:/!+=&\\n\\t ]{1,5}",
        prop::sample::select(vec![
            "@everyone",
            "@here",
            "@Everyone",
            "<@1001>",
            "<@!1001>",
            "<@&5>",
            "<#7>",
            "<t:1700000000:R>",
            "<:e:12>",
            "<a:e:12>",
            "</kaas:12>",
            "<id:guide>",
            "https://evil.example",
            "http://",
            "discord.gg/evil",
            ":smile:",
            "[x](https://evil.example)",
            "# ",
            "-# ",
            "> ",
            ">>> ",
            "- ",
            "1. ",
            "12) ",
            "**",
            "__",
            "~~",
            "||",
            "```",
            "``",
            "`",
            "\\",
            "\n",
            "\u{200b}",
            "\u{202e}",
            "\u{a0}",
            "\u{2028}",
        ])
        .prop_map(str::to_owned),
    ];
    prop::collection::vec(piece, 0..8).prop_map(|pieces| pieces.concat())
}

fn spans() -> impl Strategy<Value = Span> {
    (0..3u8, hostile()).prop_map(|(kind, text)| match kind {
        0 => Span::Text(text),
        1 => Span::Strong(text),
        _ => Span::Code(text),
    })
}

proptest! {
    #![proptest_config(ProptestConfig { cases: 800, ..ProptestConfig::default() })]

    #[test]
    fn what_came_from_outside_is_shown_as_it_is(lines in prop::collection::vec(prop::collection::vec(spans(), 0..4), 1..4)) {
        let said = message(lines.into_iter().map(line).collect());
        let drawn = content(&said, Shape::Post);
        let lower = drawn.to_lowercase();
        prop_assert!(!lower.contains("@everyone") && !lower.contains("@here"), "{drawn}");
        let Read { plain, marks } = read(&drawn);
        let ours = ["bold", "code", "block"];
        prop_assert!(marks.iter().all(|mark| ours.contains(&mark.as_str())), "{drawn}\n{marks:?}");
        let has = |kind: fn(&Span) -> bool| said.lines.iter().flat_map(|line| &line.spans).any(kind);
        if !has(|span| matches!(span, Span::Strong(_))) {
            prop_assert!(!marks.iter().any(|mark| mark == "bold"), "{drawn}");
        }
        if !has(|span| matches!(span, Span::Code(_))) {
            prop_assert!(!marks.iter().any(|mark| mark == "code" || mark == "block"), "{drawn}");
        }
        let expect = marks::seen(&said.plain().replace('\n', "\u{1}"));
        // Line ends are the message's own; everything else that breaks a line has become a space.
        let flat = |text: &str| text.split_whitespace().collect::<Vec<_>>().join(" ");
        let expect = if expect.trim().is_empty() { "–".to_owned() } else { flat(&expect) };
        prop_assert_eq!(flat(&plain), expect, "{}", drawn);
    }

    #[test]
    fn a_card_formats_nothing_either(title in hostile(), label in hostile(), value in hostile()) {
        let label = format!("{:<13}", marks::seen(&label).chars().take(12).collect::<String>());
        let body = card(&message(vec![line(vec![text(&title)]), line(vec![text(&label), text(&value)])]));
        let embed = &body["embeds"][0];
        let field = &embed["fields"][0];
        for part in [&embed["title"], &embed["description"], &field["name"], &field["value"]] {
            let part = part.as_str().unwrap_or_default();
            prop_assert!(read(part).marks.is_empty(), "{part}: {:?}", read(part).marks);
        }
    }
}

fn long_spans() -> impl Strategy<Value = Span> {
    let words = prop_oneof![
        "[a-zé<>@*`&\"\\\\\n🦀 ]{0,40}",
        "[a-z<*`\\\\]{0,9}".prop_map(|part| part.repeat(400)),
        Just("@here".repeat(500)),
        Just("\u{1}".repeat(3_000)),
        Just("🦀".repeat(1_500)),
    ];
    (0..6u8, words).prop_map(|(kind, text)| match kind {
        0 => Span::Text(text),
        1 => Span::Strong(text),
        2 => Span::Code(text),
        3 => Span::Mention(Person { id: person("bob").id, name: text }),
        // A line in two columns.
        4 => Span::Text("Votes        ".to_owned()),
        _ => Span::Link { url: format!("https://example.com/{}", "a*".repeat(text.len() % 600)), text },
    })
}

proptest! {
    #![proptest_config(ProptestConfig { cases: 96, ..ProptestConfig::default() })]

    #[test]
    fn no_message_exceeds_a_limit(lines in prop::collection::vec(prop::collection::vec(long_spans(), 0..6), 0..40), buttons in 0..6usize) {
        let press = [Press::Approve, Press::Reject, Press::Plan, Press::Cancel, Press::Retry];
        let said = Message {
            lines: lines.into_iter().map(line).collect(),
            buttons: (0..buttons.min(5)).map(|n| Button { label: "🦀".repeat(n * 30), press: press[n] }).collect(),
            tone: Tone::Waiting,
            file: None,
        };
        let mut bodies = draw::several(&said, &names(), Shape::Post, 4);
        bodies.push(draw::message(&said, &names(), Shape::Private));
        for body in bodies {
            let long = marks::long(body["content"].as_str().expect("content"));
            prop_assert!((1..=CONTENT_MAX).contains(&long), "{long} characters");
        }
        let body = card(&said);
        let embed = &body["embeds"][0];
        let long = |value: &Value| value.as_str().map_or(0, marks::long);
        let fields = embed["fields"].as_array().map(Vec::as_slice).unwrap_or_default();
        prop_assert!(fields.len() <= 25);
        let mut all = long(&embed["title"]) + long(&embed["description"]) + long(&embed["footer"]["text"]);
        for field in fields {
            prop_assert!((1..=256).contains(&long(&field["name"])) && (1..=1024).contains(&long(&field["value"])));
            all += long(&field["name"]) + long(&field["value"]);
        }
        prop_assert!((1..=256).contains(&long(&embed["title"])), "{}", embed["title"]);
        prop_assert!(long(&embed["description"]) <= 4096 && long(&embed["footer"]["text"]) <= 2048);
        prop_assert!(all <= EMBEDS_MAX, "{all} characters over the embed");
        let rows = body["components"].as_array().expect("rows");
        prop_assert!(rows.len() <= 5);
        for button in rows.iter().flat_map(|row| row["components"].as_array().expect("buttons")) {
            prop_assert!((1..=80).contains(&long(&button["label"])) && (1..=100).contains(&long(&button["custom_id"])));
        }
    }
}
