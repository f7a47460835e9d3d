//! What kaas says: cards that are edited in place, posts in their threads, direct messages, files; each once, within every limit, calling nobody by accident.

use std::sync::Arc;
use std::time::Duration;

use kaas::chat::discord::DiscordChat;
use kaas::clock::SystemClock;
use kaas::ports::{Attachment, Chat, Trouble};
use kaas::render::message::{Line, Message, Press, Span};
use kaas_fakes::discord::{FaultKind, Options, permissions};

use crate::support::{Office, call, card, card_key, person, seen, settings};

const POSTS: &str = "/channels/*/messages";

fn file(content: &str) -> Attachment {
    Attachment { name: "plan-9f3ac1.txt".to_owned(), content: content.into() }
}

/// The same chat after a restart: nothing is remembered.
async fn restarted(office: &Office) -> Arc<DiscordChat> {
    let known = [("alice", office.alice), ("bob", office.bob)];
    let settings = settings(&office.discord, office.channel, office.role, &known);
    DiscordChat::open(settings, SystemClock::shared()).await.expect("a chat")
}

#[tokio::test]
async fn a_card_is_one_message_that_is_edited() {
    let office = Office::quiet(Options::hurried()).await;
    let first = office.card().await;
    let posted = office.discord.message(office.channel, first).expect("a card");
    assert!(posted.embeds.len() == 1 && posted.content.is_empty() && posted.holds("crucial-sandbox"));
    assert_eq!(posted.labels(), ["Approve", "Reject", "Plan", "Cancel", "Retry"]);
    let known = office.chat.card(&call(2, 1), &card(&office, Some(first), "waiting")).await.expect("an edit");
    let unknown = office.chat.card(&call(3, 1), &card(&office, None, "applying")).await.expect("an edit");
    let after_restart = restarted(&office).await;
    let found = after_restart.card(&call(4, 1), &card(&office, None, "joining")).await.expect("an edit");
    assert_eq!([known, unknown, found], [first.to_string(), first.to_string(), first.to_string()]);
    let messages = office.discord.messages(office.channel);
    assert!(messages.len() == 1 && messages[0].holds("joining"));
}

#[tokio::test]
async fn a_card_whose_answer_was_lost_is_not_posted_again() {
    for kind in [FaultKind::LostDrop, FaultKind::LostStatus(502)] {
        for minutes in [0, 10] {
            let office = Office::quiet(Options::hurried()).await;
            office.discord.fail("POST", POSTS, Some(1), kind);
            let lost = office.chat.card(&call(1, 1), &card(&office, None, "planning")).await;
            assert!(matches!(lost, Err(Trouble::Passing { .. })), "{lost:?}");
            // A nonce is forgotten after some minutes, and kaas itself may have been started again.
            office.discord.pass(Duration::from_secs(minutes * 60));
            let chat = if minutes == 0 { Arc::clone(&office.chat) } else { restarted(&office).await };
            let found = chat.card(&call(1, 2), &card(&office, None, "waiting")).await.expect("the card");
            let messages = office.discord.messages(office.channel);
            assert_eq!(messages.len(), 1, "one card ({kind:?}, {minutes} min)");
            assert!(messages[0].id.to_string() == found && messages[0].holds("waiting"));
        }
    }
}

#[tokio::test]
async fn a_post_goes_into_the_cards_thread_once_with_its_file() {
    let office = Office::quiet(Options::hurried()).await;
    let first = office.card().await;
    let (place, known) = (office.chat.place(), first.to_string());
    let plan = file("Plan: 7 to add");
    for (revision, kind) in [(2, None), (3, Some(FaultKind::LostDrop)), (4, Some(FaultKind::LostStatus(502)))] {
        if let Some(kind) = kind {
            office.discord.fail("POST", &format!("/channels/{first}/messages"), Some(1), kind);
        }
        let message = Message::text(format!("the plan is here: {revision}"));
        let said = office.chat.post(&call(revision, 1), &place, &card_key(), Some(&known), &message, Some(&plan)).await;
        assert_eq!(said.is_err(), kind.is_some(), "{said:?}");
        office.discord.pass(Duration::from_secs(600));
        for attempt in [2, 3] {
            let call = call(revision, attempt);
            office.chat.post(&call, &place, &card_key(), None, &message, Some(&plan)).await.expect("a post");
        }
    }
    let said = office.said_in_thread(first);
    assert_eq!(said, ["the plan is here: 2", "the plan is here: 3", "the plan is here: 4"], "each once");
    let messages = office.discord.messages(first);
    assert!(messages.iter().all(|message| message.files.len() == 1 && message.files[0].text() == "Plan: 7 to add"));
    let thread = office.discord.thread(first).expect("a thread");
    assert_eq!((thread.name.as_str(), thread.auto_archive_minutes), ("crucial-sandbox · change 42", 10_080));
    assert_eq!(office.discord.messages(office.channel).len(), 1, "the card alone");
}

#[tokio::test]
async fn the_same_words_of_two_effects_are_two_messages() {
    let office = Office::quiet(Options::hurried()).await;
    let first = office.card().await.to_string();
    for revision in [2, 3] {
        for attempt in [1, 2] {
            let call = call(revision, attempt);
            let message = Message::text("Applying.");
            office
                .chat
                .post(&call, &office.chat.place(), &card_key(), Some(&first), &message, None)
                .await
                .expect("a post");
        }
    }
    assert_eq!(office.said_in_thread(first.parse().expect("an id")), ["Applying.", "Applying."]);
}

#[tokio::test]
async fn long_words_become_several_messages_each_once() {
    let office = Office::quiet(Options::hurried()).await;
    let first = office.card().await;
    let lines = (0..120).map(|n| Line {
        spans: vec![Span::Text(format!("line {n} of something that is long enough to need more room"))],
    });
    let message = Message { lines: lines.collect(), ..Message::default() };
    let posts = format!("/channels/{first}/messages");
    let known = first.to_string();
    // Begins the thread.
    office
        .chat
        .post(&call(2, 1), &office.chat.place(), &card_key(), Some(&known), &Message::text("first"), None)
        .await
        .expect("a post");
    let whole = office.chat.post(&call(3, 1), &office.chat.place(), &card_key(), Some(&known), &message, None).await;
    whole.expect("a post");
    let all = office.said_in_thread(first);
    assert!(all.len() > 3, "several messages: {}", all.len());
    office.discord.fail("POST", &posts, Some(1), FaultKind::Status(500));
    office.discord.pass(Duration::from_secs(600));
    office
        .chat
        .post(&call(3, 2), &office.chat.place(), &card_key(), Some(&known), &message, None)
        .await
        .expect("nothing to say");
    assert_eq!(office.said_in_thread(first), all, "nothing twice");
    assert!(office.discord.messages(first).iter().all(|message| message.content.encode_utf16().count() <= 2000));
}

#[tokio::test]
async fn an_archived_thread_is_opened_and_where_none_can_be_the_channel_is_told() {
    let office = Office::quiet(Options::hurried()).await;
    let first = office.card().await;
    let (place, known) = (office.chat.place(), first.to_string());
    let say = async |revision: u64, text: &str| {
        let message = Message::text(text);
        office.chat.post(&call(revision, 1), &place, &card_key(), Some(&known), &message, None).await
    };
    say(2, "one").await.expect("a post");
    office.discord.set_channel(first, |thread| thread.archived = true);
    say(3, "two").await.expect("a post");
    assert_eq!(office.said_in_thread(first), ["one", "two"]);
    assert!(!office.discord.thread(first).expect("a thread").archived);
    office.discord.set_channel(first, |thread| (thread.archived, thread.locked) = (true, true));
    say(4, "three").await.expect("a post");
    office.discord.set_channel(first, |thread| thread.deleted = true);
    say(5, "four").await.expect("a post");
    let channel = office.discord.messages(office.channel);
    let told: Vec<String> = channel.iter().skip(1).map(|message| seen(&message.content)).collect();
    assert_eq!(told, ["three", "four"]);
}

#[tokio::test]
async fn what_discord_does_not_take_now_is_said_later() {
    let office = Office::quiet(Options::hurried()).await;
    for (kind, wait) in [
        (FaultKind::TooMany { wait_ms: 1_500, global: false }, Some(1_500)),
        (FaultKind::Status(500), None),
        (FaultKind::Drop, None),
    ] {
        office.discord.fail("POST", POSTS, Some(1), kind);
        let answer = office.chat.card(&call(1, 1), &card(&office, None, "planning")).await;
        let Err(Trouble::Passing { wait: told, .. }) = answer else { panic!("{kind:?}: it passes") };
        assert_eq!(told.map(|told| told.as_millis()), wait, "{kind:?}");
    }
    office.chat.card(&call(1, 2), &card(&office, None, "planning")).await.expect("a card");
    assert_eq!(office.discord.messages(office.channel).len(), 1);
}

#[tokio::test]
async fn with_discords_own_rates_nothing_is_refused_that_is_said_in_turn() {
    let options = Options { rates: true, ..Options::hurried() };
    let office = Office::quiet(options).await;
    let first = office.card().await.to_string();
    for revision in 2..9 {
        let message = Message::text(format!("{revision}"));
        office
            .chat
            .post(&call(revision, 1), &office.chat.place(), &card_key(), Some(&first), &message, None)
            .await
            .expect("a post");
    }
    let limited = office.discord.calls().iter().filter(|call| call.status == 429).count();
    assert_eq!(limited, 0, "kaas keeps its own pace");
}

#[tokio::test]
async fn progress_gives_way_and_harms_nothing() {
    let office = Office::quiet(Options::hurried()).await;
    let first = office.card().await;
    for nth in 0..5 {
        office.chat.progress(&card(&office, Some(first), &format!("applying {nth}"))).await;
    }
    let edits = office.discord.message(office.channel, first).expect("the card").edits.len();
    assert_eq!(edits, 1, "at most one a second");
    office.discord.fail("PATCH", POSTS, None, FaultKind::Status(500));
    office.chat.progress(&card(&office, Some(first), "applying 6")).await;
}

#[tokio::test]
async fn a_deleted_card_is_posted_again() {
    let office = Office::quiet(Options::hurried()).await;
    let first = office.card().await;
    let route = format!("{}/api/v10/channels/{}/messages/{first}", office.discord.url(), office.channel);
    let gone =
        reqwest::Client::new().delete(route).header("authorization", format!("Bot {}", office.discord.token())).send();
    assert!(gone.await.expect("an answer").status().is_success());
    let again = office.chat.card(&call(2, 1), &card(&office, Some(first), "waiting")).await.expect("a card");
    assert_ne!(again, first.to_string());
    assert_eq!(office.discord.messages(office.channel).len(), 1);
}

#[tokio::test]
async fn only_those_who_are_meant_are_called() {
    let office = Office::quiet(Options::hurried()).await;
    let first = office.card().await.to_string();
    let text = format!("@everyone <@{}> <@&{}> look, ", office.carol, office.role);
    let spans = vec![Span::Text(text), Span::Mention(person("bob")), Span::Mention(person("zoe"))];
    let message = Message { lines: vec![Line { spans }], ..Message::default() };
    office
        .chat
        .post(&call(2, 1), &office.chat.place(), &card_key(), Some(&first), &message, None)
        .await
        .expect("a post");
    let posted = office.discord.last(first.parse().expect("an id")).expect("a post");
    assert_eq!(
        (posted.pings.as_slice(), posted.pings_roles.len(), posted.pings_everyone),
        (&[office.bob][..], 0, false)
    );
}

#[tokio::test]
async fn what_is_private_goes_by_direct_message() {
    let office = Office::quiet(Options::hurried()).await;
    let (place, secret) = (office.chat.place(), Message::text("your way in is at https://rancher.example"));
    office.discord.fail("POST", POSTS, Some(1), FaultKind::LostDrop);
    let lost = office.chat.tell(&call(2, 1), &place, &person("alice"), &secret, None).await;
    assert!(matches!(lost, Err(Trouble::Passing { .. })));
    office.discord.pass(Duration::from_secs(600));
    office.chat.tell(&call(2, 2), &place, &person("alice"), &secret, None).await.expect("it is told");
    assert_eq!(office.private_to(office.alice).len(), 1, "once");
    let stranger = office.chat.tell(&call(3, 1), &place, &person("zoe"), &secret, None).await;
    let Err(Trouble::Lasting { line, .. }) = stranger else { panic!("nobody is known to be zoe") };
    assert!(line.contains("add their Discord user id"), "{line}");
    assert!(office.chat.reaches(&person("bob")) && !office.chat.reaches(&person("zoe")));
}

#[tokio::test]
async fn who_takes_no_direct_messages_is_called_and_nothing_private_is_said() {
    let office = Office::quiet(Options::hurried()).await;
    let first = office.card().await;
    office.discord.set_person(office.bob, |bob| bob.dms_closed = true);
    let secret = Message::text("your way in is at https://rancher.example");
    for attempt in [1, 2] {
        office
            .chat
            .tell(&call(2, attempt), &office.chat.place(), &person("bob"), &secret, None)
            .await
            .expect("it is told");
    }
    let said = office.discord.messages(first);
    assert_eq!(said.len(), 1, "{}", office.discord.transcript());
    assert_eq!(said[0].pings, [office.bob]);
    assert!(seen(&said[0].content).contains("take no direct messages") && !said[0].holds("rancher"));
    assert!(office.discord.look(|now| now.find("rancher").is_none()), "nobody reads it");
    // Whoever brings it about again and again does not have the thread filled.
    for revision in 3..9 {
        let refusal = Message::text("you are not one of its approvers");
        let told = office.chat.tell(&call(revision, 1), &office.chat.place(), &person("bob"), &refusal, None).await;
        told.expect("it is told");
    }
    assert_eq!(office.discord.messages(first).len(), 1, "{}", office.discord.transcript());
}

#[tokio::test]
async fn who_takes_no_direct_messages_is_told_alone_where_they_just_did_something() {
    let office = Office::open().await;
    let first = office.card().await;
    office.discord.set_person(office.bob, |bob| bob.dms_closed = true);
    let approve = office.button(first, Press::Approve);
    office.discord.press(office.bob, office.channel, first, &approve).await.expect("a press");
    let refusal = Message::text("you asked for it, so somebody else has to approve it");
    office.chat.tell(&call(2, 1), &office.chat.place(), &person("bob"), &refusal, None).await.expect("it is told");
    let told = office.discord.private_to(office.bob);
    assert!(told.len() == 1 && told[0].holds("somebody else") && told[0].only_for == Some(office.bob), "{told:?}");
    assert!(office.discord.messages(first).is_empty(), "{}", office.discord.transcript());
}

#[tokio::test]
async fn a_right_that_is_missing_is_named() {
    let office = Office::quiet(Options::hurried()).await;
    for (right, name) in [
        (permissions::SEND_MESSAGES, "Send Messages"),
        (permissions::EMBED_LINKS, "Embed Links"),
        (permissions::VIEW_CHANNEL, "View Channel"),
    ] {
        office.discord.deny(office.channel, right);
        let answer = office.chat.card(&call(1, 1), &card(&office, None, "planning")).await;
        let Err(Trouble::Lasting { line, .. }) = answer else { panic!("{name}: it lasts") };
        assert!(line.contains(&format!("lacks {name} in #clusters")), "{line}");
        office.discord.allow(office.channel, right);
    }
    office.card().await;
}
