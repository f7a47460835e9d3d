//! Each kind of hearing reaches the desk, is answered privately, and keeps its id however often it is delivered.

use std::sync::Arc;
use std::time::Duration;

use kaas::chat::slack::SlackChat;
use kaas::clock::SystemClock;
use kaas::ports::{Attachment, Reply, Standing, Vital};
use kaas::render::message::{Line, Message, Span};
use kaas_fakes::slack::{Doubling, Fault, Options};

use serde_json::json;
use tokio_util::sync::CancellationToken;

use crate::support::{Office, PATIENCE, settings, until};

#[tokio::test]
async fn a_command_is_answered_with_its_acknowledgement() {
    let office = Office::open().await;
    office.desk.reply("You have no clusters & <none>.");
    let outcome = office.slack.slash(&office.alice, &office.channel, "/kaas list mine <x>").await.expect("a command");
    assert!(outcome.is_acked(), "{outcome:?}");
    assert_eq!(outcome.text(), "You have no clusters &amp; &lt;none&gt;.");
    let note = &office.desk.all()[0];
    assert_eq!((note.what.as_str(), note.by.as_str()), ("command list mine &lt;x&gt;", "alice"));
    assert_eq!(note.standing, Standing::Member);
    assert_eq!((note.place.chat.as_str(), note.place.channel.as_str()), ("slack", &*office.channel));
    assert!(note.id.starts_with("slack/command/"));
    assert_eq!(office.slack.messages(&office.channel).len(), 0, "nobody else sees it");
}

#[tokio::test]
async fn a_long_answer_follows_on_the_response_url_and_loses_nothing() {
    let office = Office::open().await;
    let rows: Vec<String> =
        (0..120).map(|n| format!("cluster-{n:04}  ready  alice  small 1+3  about $412 a month")).collect();
    let line = |text: &String| Line { spans: vec![Span::Code(text.clone())] };
    let message = Message { lines: rows.iter().map(line).collect(), ..Message::default() };
    office.desk.answer(Reply { message, file: None });
    let outcome = office.slack.slash(&office.alice, &office.channel, "/kaas list all").await.expect("a command");
    assert!(outcome.is_acked());
    let said = || office.slack.private_to(&office.alice).iter().map(|m| m.text.clone()).collect::<Vec<_>>().join("\n");
    until(|| said().contains("cluster-0119")).await;
    assert!(rows.iter().all(|row| said().contains(row)), "a row is missing");
}

#[tokio::test]
async fn speaking_to_kaas_is_a_command_in_threads_and_directly() {
    let office = Office::open().await;
    let card = office.card().await;
    office.desk.reply("Noted.");
    let alice = &office.alice;
    let outcome = office.slack.mention(alice, &office.channel, Some(&card), "<@U0KAAS> approve crucial-sandbox").await;
    assert!(outcome.expect("a mention").is_acked());
    assert!(office.slack.dm(alice, "list mine").await.expect("a message").is_acked());
    let notes = office.heard(2).await;
    assert_eq!(office.desk.words(), ["command approve crucial-sandbox", "command list mine"]);
    assert!(notes.iter().all(|note| note.id.starts_with("slack/event/Ev") && note.when.is_some()));
    assert!(notes.iter().all(|note| note.place == office.chat.place()), "cards go into the channel, wherever one asks");
    // In the channel for her alone; directly as a message.
    until(|| office.slack.private_to(alice).iter().filter(|m| m.text == "Noted.").count() == 2).await;
    let thread = office.slack.thread(&office.channel, &card);
    assert!(thread.iter().all(|message| message.text != "Noted."), "nobody else sees it");
}

#[tokio::test]
async fn a_reaction_is_a_vote_for_the_plan_that_the_card_shows() {
    let office = Office::open().await;
    let card = office.card().await;
    office.slack.react(&office.bob, &office.channel, &card, "+1::skin-tone-3").await.expect("a reaction");
    office.slack.unreact(&office.bob, &office.channel, &card, "+1::skin-tone-3").await.expect("a reaction");
    let other = office.slack.say(&office.alice, &office.channel, None, "hello").expect("a message");
    office.slack.react(&office.bob, &office.channel, &other, "+1").await.expect("a reaction");
    let notes = office.heard(2).await;
    let plan = &"a".repeat(64)[..6];
    assert_eq!(
        office.desk.words(),
        [
            format!("react +1::skin-tone-3 given acme/crucial-sandbox 42 {plan}"),
            format!("react +1::skin-tone-3 taken back acme/crucial-sandbox 42 {plan}")
        ]
    );
    assert!(notes.iter().all(|note| note.by == "bob" && note.when.is_some()));
    assert_ne!(notes[0].id, notes[1].id);
}

#[tokio::test]
async fn a_reaction_on_a_card_of_an_earlier_process_finds_its_plan_in_slack() {
    let office = Office::quiet(Options::default()).await;
    let card = office.card().await;
    let slack = office.slack.clone();
    let settings = settings(&slack, &office.channel, &office.alice);
    let chat = SlackChat::open(settings, SystemClock::shared()).await.expect("a chat");
    let (desk, stop) = (Arc::clone(&office.desk), CancellationToken::new());
    let listening = tokio::spawn({
        let stop = stop.clone();
        async move { chat.listen(desk, stop).await }
    });
    assert!(slack.connected(2, PATIENCE).await);
    slack.react(&office.bob, &office.channel, &card, "white_check_mark").await.expect("a reaction");
    office.heard(1).await;
    assert_eq!(
        office.desk.words(),
        [format!("react white_check_mark given acme/crucial-sandbox 42 {}", &"a".repeat(6))]
    );
    stop.cancel();
    listening.await.expect("a task").expect("it stops in order");
}

#[tokio::test]
async fn many_people_are_heard_side_by_side_and_each_of_them_in_order() {
    let office = Office::open().await;
    let card = office.card().await;
    *office.desk.slow.lock().expect("the pace") = Duration::from_millis(300);
    let people: Vec<_> = (0..20).map(|nth| office.slack.add_user(&format!("p{nth}"))).collect();
    for user in &people {
        office.slack.join(&office.channel, user);
    }
    let begun = tokio::time::Instant::now();
    let mut asking = tokio::task::JoinSet::new();
    for user in people {
        let (slack, channel, card) = (office.slack.clone(), office.channel.clone(), card.clone());
        asking.spawn(async move {
            // Given and taken back before the first of the two was taken: they are on their way together, on whichever socket.
            let (given, back) = tokio::join!(slack.react(&user, &channel, &card, "+1"), async {
                tokio::time::sleep(Duration::from_millis(100)).await;
                slack.unreact(&user, &channel, &card, "+1").await
            });
            given.expect("a reaction").is_acked() && back.expect("a reaction").is_acked()
        });
    }
    while let Some(acked) = asking.join_next().await {
        assert!(acked.expect("a task"), "each is acknowledged in time");
    }
    // One after the other on two sockets they would take 40 × 0.3 s / 2 = 6 s.
    assert!(begun.elapsed() < Duration::from_secs(4), "{:?}", begun.elapsed());
    let notes = office.heard(40).await;
    for by in notes.iter().map(|note| &note.by) {
        let theirs: Vec<&str> = notes.iter().filter(|note| note.by == *by).map(|note| note.what.as_str()).collect();
        assert!(
            theirs.len() == 2 && theirs[0].contains("given") && theirs[1].contains("taken back"),
            "{by}: {theirs:?}"
        );
    }
}

#[tokio::test]
async fn buttons_say_which_card_and_plan_they_were_on() {
    let office = Office::open().await;
    let card = office.card().await;
    office.desk.reply("You asked for it, so somebody else has to approve it.");
    let outcome = office.slack.click(&office.alice, &office.channel, &card, "kaas/approve").await.expect("a click");
    assert!(outcome.is_acked());
    let notes = office.heard(1).await;
    assert_eq!(notes[0].what, format!("press Approve acme/crucial-sandbox 42 {} None", "a".repeat(6)));
    assert!(notes[0].id.starts_with(&format!("slack/press/{card}/")), "{}", notes[0].id);
    assert!(notes[0].id.ends_with(&format!("/{}/kaas/approve", office.alice)), "{}", notes[0].id);
    assert!(notes[0].when.is_some());
    until(|| office.slack.private_to(&office.alice).iter().any(|m| m.text.starts_with("You asked for it"))).await;
    assert!(office.slack.message(&office.channel, &card).expect("the card").edits.is_empty(), "the card stays");
}

#[tokio::test]
async fn a_file_for_one_person_goes_into_their_messages() {
    let office = Office::open().await;
    let card = office.card().await;
    let file = Attachment { name: "plan-9f3ac1.txt".to_owned(), content: "Plan: 7 to add".into() };
    office.desk.answer(Reply { message: Message::text("The plan in full."), file: Some(file) });
    office.slack.click(&office.bob, &office.channel, &card, "kaas/plan").await.expect("a click");
    until(|| office.slack.dms(&office.bob).iter().any(|m| !m.files.is_empty())).await;
    assert_eq!(office.slack.files()[0].text(), "Plan: 7 to add");
    until(|| {
        office.slack.private_to(&office.bob).iter().any(|m| m.text.contains("plan-9f3ac1.txt is in your messages"))
    })
    .await;
}

#[tokio::test]
async fn a_file_that_slack_does_not_take_is_shown() {
    let office = Office::open().await;
    let card = office.card().await;
    let file = Attachment { name: "plan.txt".to_owned(), content: "Plan: 7 to add\n+ a node".into() };
    office.desk.answer(Reply { message: Message::text("The plan in full."), file: Some(file) });
    office.slack.without_scope("files:write");
    office.slack.click(&office.bob, &office.channel, &card, "kaas/plan").await.expect("a click");
    until(|| office.slack.private_to(&office.bob).iter().any(|m| m.text.contains("+ a node"))).await;
}

#[tokio::test]
async fn a_doubled_delivery_keeps_its_id() {
    let office = Office::open().await;
    let card = office.card().await;
    for doubling in [Doubling::SameEnvelope, Doubling::OtherEnvelope] {
        office.slack.deliver(doubling);
        let before = office.desk.all().len();
        office.slack.slash(&office.alice, &office.channel, "/kaas list").await.expect("a command");
        office.slack.mention(&office.alice, &office.channel, None, "<@U0KAAS> list").await.expect("a mention");
        office.slack.react(&office.bob, &office.channel, &card, "+1").await.expect("a reaction");
        office.slack.click(&office.bob, &office.channel, &card, "kaas/approve").await.expect("a click");
        office.slack.unreact(&office.bob, &office.channel, &card, "+1").await.expect("a reaction");
        office.heard(before + 10).await;
        let mut ids = office.desk.ids()[before..].to_vec();
        ids.sort();
        let pairs: Vec<bool> = ids.chunks(2).map(|pair| pair[0] == pair[1]).collect();
        assert_eq!(pairs, [true; 5], "{ids:?}");
        ids.dedup();
        assert_eq!(ids.len(), 5, "{ids:?}");
    }
}

#[tokio::test]
async fn a_socket_that_breaks_mid_envelope_loses_nothing() {
    // Slack repeats after a minute and after five; here after 1.2 s and 6 s.
    let office = Office::open_with(Options { retry_scale: 0.02, ..Options::default() }).await;
    let card = office.card().await;
    // The desk has it, the acknowledgement is lost with the socket, and Slack delivers it again.
    *office.desk.slow.lock().expect("the pace") = Duration::from_millis(400);
    let (slack, bob, channel) = (office.slack.clone(), office.bob.clone(), office.channel.clone());
    let on = card.clone();
    let reacting = tokio::spawn(async move { slack.react(&bob, &channel, &on, "+1").await });
    tokio::time::sleep(Duration::from_millis(150)).await;
    office.slack.drop_all_sockets();
    reacting.await.expect("a task").expect("a reaction");
    let notes = office.heard(2).await;
    assert!(notes.iter().all(|note| note.id == notes[0].id), "{notes:?}");
    assert!(office.slack.connected(2, PATIENCE).await, "the sockets are opened again");
}

#[tokio::test]
async fn sockets_that_slack_renews_stay_open() {
    let office = Office::open().await;
    let opened = || office.slack.calls().iter().filter(|call| call.method == "apps.connections.open").count();
    let before = opened();
    office.slack.disconnect_all();
    until(|| opened() == before + 2 && office.slack.sockets() == 2 && office.chat.is_ready()).await;
    // What was sent to the old ones would be lost to the person, as in Slack: they are given the time to close.
    tokio::time::sleep(Duration::from_millis(300)).await;
    for n in 0..3 {
        let outcome = office.slack.slash(&office.alice, &office.channel, &format!("/kaas list {n}")).await;
        assert!(outcome.expect("a command").is_acked());
    }
    assert_eq!(office.desk.all().len(), 3);
    assert!(office.chat.heard_seconds_ago().is_some_and(|seconds| seconds < 5));
}

#[tokio::test]
async fn whom_slack_cannot_name_is_told_to_try_again_and_decides_nothing() {
    let office = Office::open().await;
    let card = office.card().await;
    office.slack.set_faults(|faults| {
        faults.method_down.insert("users.info".to_owned(), Fault::Status(503));
    });
    let outcome = office.slack.slash(&office.bob, &office.channel, "/kaas list").await.expect("a command");
    assert!(outcome.text().starts_with("Slack could not be asked who you are"), "{outcome:?}");
    office.slack.click(&office.bob, &office.channel, &card, "kaas/approve").await.expect("a click");
    office.slack.react(&office.bob, &office.channel, &card, "+1").await.expect("a reaction");
    let told = || office.slack.private_to(&office.bob).iter().filter(|m| m.text.starts_with("Slack could not")).count();
    until(|| told() == 3).await;
    assert!(office.desk.all().is_empty(), "{:?}", office.desk.all());
    office.slack.heal();
    office.slack.click(&office.bob, &office.channel, &card, "kaas/approve").await.expect("a click");
    office.heard(1).await;
}

#[tokio::test]
async fn what_is_no_card_and_nobodys_word_is_left_alone() {
    let office = Office::open().await;
    let card = office.card().await;
    let own = "U0KAAS";
    for event in [
        json!({ "type": "message", "channel_type": "im", "channel": "D1", "user": own, "text": "hello", "ts": "1.1" }),
        json!({ "type": "message", "channel_type": "im", "channel": "D1", "user": office.alice, "bot_id": "B1", "text": "x", "ts": "1.1" }),
        json!({ "type": "message", "subtype": "message_changed", "channel_type": "im", "channel": "D1", "ts": "1.1" }),
        json!({ "type": "reaction_added", "user": own, "reaction": "+1", "item": { "type": "message", "channel": office.channel, "ts": card }, "event_ts": "1.1" }),
        json!({ "type": "reaction_added", "user": office.bob, "reaction": "+1", "item": { "type": "file", "file": "F1" }, "event_ts": "1.1" }),
        json!({ "type": "reaction_added", "user": office.bob, "reaction": "+1", "item": { "type": "message", "channel": "C9", "ts": card }, "event_ts": "1.1" }),
        json!({ "type": "reaction_added", "user": office.bob, "reaction": "+1", "item": { "type": "message", "channel": office.channel, "ts": "9.9" }, "event_ts": "1.1" }),
        json!({ "type": "app_uninstalled" }),
        json!({ "type": "something_new", "of": [1, 2] }),
        json!({ "type": "reaction_added" }),
    ] {
        let name = event["type"].as_str().unwrap_or_default().to_owned();
        office.slack.set_options(|options| {
            options.events.insert(name.clone());
            options.events.insert("message".to_owned());
        });
        assert!(office.slack.send_event(event.clone()).await.is_acked(), "{event}");
    }
    assert!(office.desk.all().is_empty(), "{:?}", office.desk.all());
}
