//! Discord is away for a while, or for good: nothing hangs, nothing is lost that was acknowledged, and kaas is back when Discord is.

use std::time::Duration;

use kaas::chat::discord::{DiscordChat, Settings};
use kaas::clock::SystemClock;
use kaas::ports::{Chat, Trouble, Vital};
use kaas::render::message::Message;
use kaas_fakes::discord::{FakeDiscord, FaultKind, Options};
use tokio_util::sync::CancellationToken;

use crate::support::{Notes, Office, PATIENCE, call, card_key, settings, until};

#[tokio::test]
async fn kaas_is_not_ready_while_discord_is_down_and_back_when_it_is() {
    let office = Office::open().await.with_command().await;
    until(|| office.chat.is_ready()).await;
    office.discord.go_down();
    until(|| !office.chat.is_ready()).await;
    let place = office.chat.place();
    let answer = office.chat.post(&call(1, 1), &place, &card_key(), None, &Message::text("x"), None).await;
    assert!(matches!(answer, Err(Trouble::Passing { .. })), "{answer:?}");
    office.discord.heal();
    assert!(office.discord.connected(1, PATIENCE).await, "the gateway comes back by itself");
    until(|| office.chat.is_ready()).await;
    office.chat.post(&call(1, 2), &place, &card_key(), None, &Message::text("x"), None).await.expect("it is said");
    assert_eq!(office.discord.messages(office.channel).len(), 1);
    let outcome = office.discord.slash(office.alice, office.channel, "kaas list", &[]).await.expect("a command");
    assert!(outcome.is_acked());
    assert!(office.chat.heard_seconds_ago().is_some_and(|seconds| seconds < 60));
}

#[tokio::test]
async fn what_a_person_has_to_change_ends_listening_with_the_remedy() {
    for (code, word) in
        [(4004, "token"), (4010, "application of its own"), (4012, "update"), (4013, "update"), (4014, "intent")]
    {
        let office = Office::quiet(Options::hurried()).await;
        let (chat, desk) = (office.chat.clone(), office.desk.clone());
        let listening = tokio::spawn(async move { chat.listen(desk, CancellationToken::new()).await });
        assert!(office.discord.connected(1, PATIENCE).await);
        office.discord.close_all(code);
        let ended = tokio::time::timeout(PATIENCE, listening).await.expect("it ends").expect("no panic");
        let told = ended.expect_err("an error").to_string();
        assert!(told.contains(word) && told.contains(&code.to_string()), "{code}: {told}");
        assert!(!office.chat.is_ready(), "{code}");
    }
}

#[tokio::test]
async fn a_start_without_discord_waits_as_long_as_it_was_told_to() {
    let discord = FakeDiscord::start_with(Options::hurried()).await;
    let (channel, role) = (discord.add_channel("clusters"), discord.add_role("approvers"));
    discord.fail("GET", "/oauth2/applications/@me", Some(1), FaultKind::Status(503));
    let opened = DiscordChat::open(settings(&discord, channel, role, &[]), SystemClock::shared()).await;
    assert!(opened.err().expect("no patience").to_string().contains("does not answer"));
    discord.fail("GET", "/oauth2/applications/@me", Some(1), FaultKind::Status(503));
    let patient = Settings { patience: Duration::from_secs(30), ..settings(&discord, channel, role, &[]) };
    DiscordChat::open(patient, SystemClock::shared()).await.expect("it comes");
}

#[tokio::test]
async fn what_is_wrong_for_good_is_told_at_the_start() {
    let discord = FakeDiscord::start_with(Options::hurried()).await;
    let (channel, role) = (discord.add_channel("clusters"), discord.add_role("approvers"));
    let right = || settings(&discord, channel, role, &[]);
    for (wrong, word) in [
        (Settings { bot_token: "wrong".to_owned().into(), ..right() }, "reset it"),
        (Settings { channel: "5".to_owned(), ..right() }, "id of a text channel"),
        (Settings { channel: "#clusters".to_owned(), ..right() }, "developer mode"),
        (Settings { server: "5".to_owned(), ..right() }, "another server"),
        (Settings { roles: vec!["@approvers".to_owned()], ..right() }, "developer mode"),
        (Settings { api_url: "ftp://discord.example".to_owned(), ..right() }, "http"),
    ] {
        let told = match DiscordChat::new(wrong, SystemClock::shared()) {
            Err(told) => told,
            Ok(chat) => {
                let listening = chat.listen(std::sync::Arc::<Notes>::default(), CancellationToken::new());
                tokio::time::timeout(PATIENCE, listening).await.expect("it ends").expect_err("an error")
            }
        };
        assert!(format!("{told:#}").contains(word), "{word}: {told:#}");
    }
}

#[tokio::test]
async fn who_stops_waits_for_no_turn_and_says_goodbye() {
    let office = Office::quiet(Options::hurried()).await;
    let (chat, desk, stop) = (office.chat.clone(), office.desk.clone(), CancellationToken::new());
    let ending = stop.clone();
    let listening = tokio::spawn(async move { chat.listen(desk, ending).await });
    assert!(office.discord.connected(1, PATIENCE).await);
    let place = office.chat.place();
    for n in 0..3 {
        office.chat.post(&call(n, 1), &place, &card_key(), None, &Message::text("x"), None).await.expect("a post");
    }
    let last = call(4, 1);
    last.stop.cancel();
    let stopped = office.chat.post(&last, &place, &card_key(), None, &Message::text("x"), None).await;
    assert!(matches!(stopped, Err(Trouble::Stopped)), "{stopped:?}");
    stop.cancel();
    tokio::time::timeout(PATIENCE, listening).await.expect("it ends").expect("no panic").expect("in order");
    until(|| office.discord.sessions() == 0).await;
}
