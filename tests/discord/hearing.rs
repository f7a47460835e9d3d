//! What is heard: once, in order, acknowledged in time, whatever happens to the connection.

use std::time::Duration;

use kaas::ports::{Attachment, Card, Chat, Reply, Standing};
use kaas::render::message::{Message, Press};
use kaas_fakes::discord::{FaultKind, Options};
use serde_json::json;

use crate::support::{Office, PATIENCE, call, card, plan, until};

const CALLBACKS: &str = "/interactions/*";

#[tokio::test]
async fn a_command_is_brought_and_answered_to_one_person() {
    let office = Office::open().await.with_command().await;
    office.desk.reply("You have no clusters.");
    let outcome = office.discord.slash(office.alice, office.channel, "kaas list", &[]).await.expect("a command");
    assert!(outcome.is_acked() && outcome.is_private() && outcome.text() == "You have no clusters.", "{outcome:?}");
    let heard = office.heard(1).await;
    assert_eq!((heard[0].what.as_str(), heard[0].by.as_str()), ("command /kaas list", "alice"));
    assert_eq!(heard[0].id, format!("discord/interaction/{}", outcome.interaction));
    assert_eq!((heard[0].standing, &heard[0].place), (Standing::Member, &office.chat.place()));
    let stranger = office.discord.slash(office.carol, office.channel, "kaas list", &[]).await.expect("a command");
    assert!(stranger.is_acked());
    assert_eq!(office.heard(2).await[1].by, format!("discord:{}", office.carol));
}

#[tokio::test]
async fn a_slow_desk_is_waited_for_after_a_word() {
    let office = Office::open().await.with_command().await;
    office.desk.takes(Duration::from_millis(3_500));
    office.desk.reply("Here it is.");
    let outcome = office.discord.slash(office.alice, office.channel, "kaas list", &[]).await.expect("a command");
    assert_eq!((outcome.answer, outcome.is_private()), (Some(5), true), "{outcome:?}");
    assert!(outcome.ms < 2_900, "{} ms", outcome.ms);
    until(|| office.private_to(office.alice) == ["Here it is."]).await;
    let nobody_else = office.discord.messages(office.channel);
    assert!(nobody_else.is_empty());
}

#[tokio::test]
async fn what_is_ready_after_a_quarter_of_an_hour_is_sent_directly() {
    let office = Office::open().await.with_command().await;
    office.desk.takes(Duration::from_millis(2_500));
    office.desk.reply("Here it is.");
    let outcome = office.discord.slash(office.alice, office.channel, "kaas list", &[]).await.expect("a command");
    assert_eq!(outcome.answer, Some(5));
    office.discord.pass(Duration::from_secs(16 * 60));
    until(|| !office.discord.dms(office.alice).is_empty()).await;
    assert_eq!(office.private_to(office.alice), ["Here it is."]);
}

#[tokio::test]
async fn what_is_long_or_a_file_follows() {
    let office = Office::open().await.with_command().await;
    let lines = (0..60).map(|n| format!("line {n} of what there is to read here, which is long")).collect::<Vec<_>>();
    let file = Attachment { name: "plan.txt".to_owned(), content: "Plan: 7 to add".into() };
    office.desk.answer(Reply { message: Message::text(lines.join("\n")), file: None });
    office.desk.answer(Reply { message: Message::text("The whole plan:"), file: Some(file) });
    office.discord.slash(office.alice, office.channel, "kaas list", &[]).await.expect("a command");
    until(|| office.discord.private_to(office.alice).last().is_some_and(|last| !last.files.is_empty())).await;
    let all = office.discord.private_to(office.alice);
    assert!(all.len() >= 2 && all.iter().all(|message| message.only_for == Some(office.alice)));
    assert_eq!(all.last().expect("the last").files[0].text(), "Plan: 7 to add");
}

#[tokio::test]
async fn doubled_deliveries_are_heard_once() {
    let office = Office::open().await.with_command().await;
    office.desk.reply("Noted.");
    office.discord.deliver(|delivery| delivery.doubled = true);
    let outcome = office.discord.slash(office.alice, office.channel, "kaas list", &[]).await.expect("a command");
    assert!(outcome.is_acked());
    office.discord.redeliver_last_interaction();
    tokio::time::sleep(Duration::from_millis(300)).await;
    assert_eq!(office.desk.words(), ["command /kaas list"]);
    assert_eq!(office.private_to(office.alice), ["Noted."], "and answered once");
}

#[tokio::test]
async fn a_first_word_whose_answer_was_lost_was_said() {
    let office = Office::open().await.with_command().await;
    office.desk.reply("Noted.");
    let mut asked = 0;
    for kind in [FaultKind::LostDrop, FaultKind::LostStatus(502), FaultKind::Drop, FaultKind::Status(500)] {
        office.discord.fail("POST", CALLBACKS, Some(1), kind);
        let outcome = office.discord.slash(office.alice, office.channel, "kaas list", &[]).await.expect("a command");
        assert!(outcome.is_acked() && outcome.text() == "Noted.", "{kind:?}: {outcome:?}");
        // The second try is made before the next fault waits for it.
        asked += 2;
        until(|| office.discord.calls().iter().filter(|call| call.path.contains("/callback")).count() == asked).await;
    }
    tokio::time::sleep(Duration::from_millis(200)).await;
    assert_eq!(office.private_to(office.alice), ["Noted."; 4], "each once");
}

#[tokio::test]
async fn who_cannot_be_answered_in_time_is_told_directly() {
    let office = Office::open().await.with_command().await;
    office.desk.reply("Noted.");
    office.discord.fail("POST", CALLBACKS, None, FaultKind::Status(500));
    let outcome = office.discord.slash(office.alice, office.channel, "kaas list", &[]).await.expect("a command");
    assert!(!outcome.is_acked());
    until(|| !office.discord.dms(office.alice).is_empty()).await;
    assert_eq!(office.private_to(office.alice), ["Noted."]);
}

#[tokio::test]
async fn buttons_and_reactions_mean_the_plan_that_was_shown() {
    let office = Office::open().await;
    let first = office.card().await;
    office.desk.reply("Noted.");
    let approve = office.button(first, Press::Approve);
    let pressed = office.discord.press(office.bob, office.channel, first, &approve).await.expect("a press");
    assert!(pressed.is_acked() && pressed.is_private());
    office.discord.react(office.bob, office.channel, first, "👍").expect("a reaction");
    office.heard(2).await;
    office.discord.unreact(office.bob, office.channel, first, "👍").expect("taken back");
    let heard: Vec<String> =
        office.heard(3).await.into_iter().map(|note| format!("{} {}", note.by, note.what)).collect();
    assert_eq!(
        heard,
        [
            "bob press Approve acme/crucial-sandbox 42 aaaaaa None",
            "bob react 👍 given acme/crucial-sandbox 42 aaaaaa",
            "bob react 👍 taken back acme/crucial-sandbox 42 aaaaaa",
        ]
    );
}

#[tokio::test]
async fn what_one_person_does_is_taken_in_its_order_and_nobody_else_waits() {
    let office = Office::open().await;
    let first = office.card().await;
    office.desk.takes(Duration::from_millis(200));
    for _ in 0..3 {
        office.discord.react(office.bob, office.channel, first, "👍").expect("a reaction");
        office.discord.unreact(office.bob, office.channel, first, "👍").expect("taken back");
    }
    office.discord.react(office.alice, office.channel, first, "👍").expect("a reaction");
    let heard = office.heard(7).await;
    let bobs: Vec<bool> =
        heard.iter().filter(|note| note.by == "bob").map(|note| note.what.contains("given")).collect();
    assert_eq!(bobs, [true, false, true, false, true, false]);
    let alices = heard.iter().position(|note| note.by == "alice").expect("alice");
    assert!(alices < 3, "she waits for nobody: {alices}");
}

#[tokio::test]
async fn what_is_typed_is_completed() {
    let office = Office::open().await.with_command().await;
    let typed = ("name", "teal");
    let choices = office.discord.autocomplete(office.alice, office.channel, "kaas show", &[], typed).await;
    let names: Vec<String> = choices.expect("choices").into_iter().map(|(name, _)| name).collect();
    assert_eq!(names, ["teal-one", "teal-two"]);
    assert_eq!(office.heard(1).await[0].what, "suggest Clusters { waiting: false } teal");
}

#[tokio::test]
async fn a_connection_that_breaks_is_taken_up_where_it_was() {
    let office = Office::open().await.with_command().await;
    let first = office.card().await;
    for (nth, (what, harm)) in [
        ("RECONNECT", (|office: &Office| office.discord.reconnect_all()) as fn(&Office)),
        ("a cut", |office| office.discord.cut_all()),
        ("close 4000", |office| office.discord.close_all(4000)),
        ("INVALID_SESSION, resumable", |office| office.discord.invalidate_all(true)),
    ]
    .into_iter()
    .enumerate()
    {
        let (missed, resumes) = (office.desk.missed(), office.discord.resumes());
        harm(&office);
        until(|| office.discord.resumes() > resumes).await;
        until(|| office.desk.missed() > missed).await;
        assert_eq!(office.discord.identifies(), 1, "{what}");
        let outcome = office.discord.slash(office.alice, office.channel, "kaas list", &[]).await.expect("a command");
        assert!(outcome.is_acked(), "{what}");
        office.heard(nth + 1).await;
    }
    assert!(office.discord.message(office.channel, first).is_some());
}

#[tokio::test]
async fn a_session_is_taken_up_elsewhere_where_nobody_listens_at_its_own_address() {
    let office = Office::quiet(Options::hurried()).await.with_command().await;
    office.discord.deliver(|delivery| delivery.resume_away = true);
    office.listen().await;
    let missed = office.desk.missed();
    office.discord.cut_all();
    until(|| office.discord.resumes() == 1).await;
    until(|| office.desk.missed() > missed).await;
    assert_eq!(office.discord.identifies(), 1, "what came meanwhile comes again");
    let outcome = office.discord.slash(office.alice, office.channel, "kaas list", &[]).await.expect("a command");
    assert!(outcome.is_acked());
}

#[tokio::test]
async fn who_reacts_on_a_card_of_which_nobody_knows_what_it_shows_votes_for_no_plan() {
    let office = Office::open().await;
    let first = office.card().await;
    let other = Card { plan: Some(plan("b")), ..card(&office, Some(first), "planned again") };
    office.discord.fail("PATCH", "/channels/*/messages/*", Some(1), FaultKind::Status(500));
    office.chat.card(&call(2, 1), &other).await.expect_err("it cannot be edited");
    office.discord.react(office.bob, office.channel, first, "👍").expect("a reaction");
    let heard = office.heard(1).await;
    assert!(heard[0].what.ends_with(" -"), "people see the plan before: {heard:?}");
    office.chat.card(&call(2, 2), &other).await.expect("it is edited");
    office.discord.react(office.alice, office.channel, first, "👍").expect("a reaction");
    assert!(office.heard(2).await[1].what.ends_with(plan("b").short()), "now they see this one");
}

#[tokio::test]
async fn a_session_that_is_lost_begins_anew_and_everything_is_read_again() {
    for harm in [
        (|office: &Office| office.discord.invalidate_all(false)) as fn(&Office),
        |office| {
            office.discord.refuse_next_resume(false);
            office.discord.cut_all();
        },
        |office| office.discord.close_all(4009),
    ] {
        let office = Office::open().await.with_command().await;
        let missed = office.desk.missed();
        harm(&office);
        until(|| office.discord.identifies() == 2).await;
        until(|| office.desk.missed() > missed).await;
        assert!(office.discord.connected(1, PATIENCE).await);
        let outcome = office.discord.slash(office.alice, office.channel, "kaas list", &[]).await.expect("a command");
        assert!(outcome.is_acked());
    }
}

#[tokio::test]
async fn a_zombie_is_noticed_and_left() {
    let office = Office::open_with(Options { heartbeat: Duration::from_millis(300), ..Options::hurried() }).await;
    until(|| office.discord.heartbeats() > 1).await;
    office.discord.zombie(true);
    let (first, missed) = (office.card().await, office.desk.missed());
    office.discord.react(office.bob, office.channel, first, "👍").expect("a reaction");
    tokio::time::sleep(Duration::from_millis(900)).await;
    office.discord.zombie(false);
    until(|| office.desk.missed() > missed).await;
    assert!(office.desk.words().is_empty(), "it may have been meant for another plan: it is read again instead");
    let standing = office.chat.reactions(&office.chat.place(), &first.to_string()).await.expect("an answer");
    assert_eq!(standing.expect("reactions").len(), 1);
    office.discord.unreact(office.bob, office.channel, first, "👍").expect("taken back");
    office.heard(1).await;
}

#[tokio::test]
async fn the_thread_of_an_open_change_is_kept_open() {
    let office = Office::open().await;
    let first = office.card().await;
    let (place, known) = (office.chat.place(), first.to_string());
    let message = Message::text("Planning.");
    let key = crate::support::card_key();
    office.chat.post(&call(2, 1), &place, &key, Some(&known), &message, None).await.expect("a post");
    office.discord.set_channel(first, |thread| thread.archived = true);
    until(|| office.discord.thread(first).is_some_and(|thread| !thread.archived)).await;
    // The same where it was archived while kaas was away: whoever reacts is read again then.
    office.discord.go_down();
    office.discord.set_channel(first, |thread| thread.archived = true);
    office.discord.heal();
    office.chat.reactions(&place, &known).await.expect("an answer");
    until(|| office.discord.thread(first).is_some_and(|thread| !thread.archived)).await;
    let mut over = card(&office, Some(first), "done");
    over.message.buttons.clear();
    office.chat.card(&call(3, 1), &over).await.expect("an edit");
    office.discord.set_channel(first, |thread| thread.archived = true);
    tokio::time::sleep(Duration::from_millis(300)).await;
    assert!(office.discord.thread(first).expect("the thread").archived, "a change that is over needs none");
}

#[tokio::test]
async fn a_command_where_kaas_may_not_write_says_what_is_missing() {
    let office = Office::open().await.with_command().await;
    office.desk.reply("crucial-sandbox is asked for.");
    office.discord.deny(office.channel, kaas_fakes::discord::permissions::SEND_MESSAGES);
    let options = [("name", json!("crucial-sandbox"))];
    let outcome =
        office.discord.slash(office.alice, office.channel, "kaas request", &options).await.expect("a command");
    assert!(outcome.is_acked());
    until(|| {
        let told = office.private_to(office.alice);
        told.iter().any(|said| said.contains("lacks Send Messages") && said.contains("in #clusters"))
    })
    .await;
    // The same where the command was given elsewhere: then the card fails, and whoever asked for it is told.
    let elsewhere = office.discord.add_channel("elsewhere");
    office.discord.slash(office.bob, elsewhere, "kaas request", &options).await.expect("a command");
    office.heard(2).await;
    until(|| office.private_to(office.bob).len() == 1).await;
    office.chat.card(&call(1, 1), &card(&office, None, "planning")).await.expect_err("no card");
    until(|| office.private_to(office.bob).iter().any(|said| said.contains("lacks Send Messages"))).await;
}
