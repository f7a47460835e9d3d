//! What is found out at the start: tokens, the channel, who else sees it. Every refusal says what to do.

use kaas::chat::slack::{Settings, SlackChat};
use kaas::clock::SystemClock;
use kaas::ports::Vital;
use kaas_fakes::slack::{BOT_USER, FakeSlack, Fault, Options};

use crate::support::{Office, settings, workspace};

async fn refused(slack: &FakeSlack, channel: &str, change: impl FnOnce(&mut Settings)) -> String {
    let mut settings = settings(slack, channel, "U1");
    change(&mut settings);
    match SlackChat::open(settings, SystemClock::shared()).await {
        Ok(_) => panic!("it opened"),
        Err(chain) => format!("{chain:#}"),
    }
}

#[tokio::test]
async fn a_channel_is_found_by_its_id_also_a_private_one() {
    let office = Office::quiet(Options::default()).await;
    let private = office.slack.add_private_channel("secret-clusters", &[]);
    for id in [&office.channel, &private] {
        let chat = SlackChat::open(settings(&office.slack, id, "U1"), SystemClock::shared()).await.expect("a chat");
        assert_eq!(chat.place().channel, **id);
    }
    assert_eq!(office.chat.name(), "slack");
    assert!(office.chat.heard_seconds_ago().is_some_and(|seconds| seconds < 5));
}

#[tokio::test]
async fn what_is_wrong_is_said_with_what_to_do() {
    let slack = workspace(Options::default()).await;
    let channel = slack.add_channel("clusters", &[]);
    for (what, expect, answer) in [
        (
            "a bot token",
            "install the app again",
            refused(&slack, &channel, |s| s.bot_token = "xoxb-other".to_owned().into()).await,
        ),
        (
            "an app token",
            "xapp-",
            refused(&slack, &channel, |s| s.app_token = Some("xapp-other".to_owned().into())).await,
        ),
        (
            "no way to hear",
            "signing secret",
            refused(&slack, &channel, |s| (s.app_token, s.signing_secret) = (None, None)).await,
        ),
        ("no channel id", "/invite @kaas", refused(&slack, "C404", |_| {}).await),
        ("an address", "http", refused(&slack, &channel, |s| s.api_url = "ftp://slack".to_owned()).await),
        (
            "nobody there",
            "does not answer",
            refused(&slack, &channel, |s| s.api_url = "http://127.0.0.1:9/api".to_owned()).await,
        ),
    ] {
        assert!(answer.contains(expect), "{what}: {answer}");
        assert!(!answer.contains("xoxb-other") && !answer.contains("xapp-other"), "a token is shown: {answer}");
    }
    slack.set_channel(&channel, |channel| channel.is_archived = true);
    assert!(refused(&slack, &channel, |_| {}).await.contains("archived"));
    slack.set_channel(&channel, |channel| channel.is_archived = false);
    slack.leave(&channel, BOT_USER);
    assert!(refused(&slack, &channel, |_| {}).await.contains("/invite @kaas"));
    slack.join(&channel, BOT_USER);
    slack.without_scope("channels:read");
    slack.without_scope("groups:read");
    assert!(refused(&slack, &channel, |_| {}).await.contains("lacks"));
}

#[tokio::test]
async fn a_channel_that_others_see_is_refused_unless_it_is_allowed() {
    let slack = workspace(Options::default()).await;
    let channel = slack.add_channel("clusters", &[]);
    slack.set_channel(&channel, |channel| channel.is_ext_shared = true);
    assert!(refused(&slack, &channel, |_| {}).await.contains("shared with another organisation"));
    let mut settings = settings(&slack, &channel, "U1");
    settings.allow_shared = true;
    SlackChat::open(settings, SystemClock::shared()).await.expect("it is allowed");
}

#[tokio::test]
async fn a_slack_that_is_slow_to_start_with_is_no_hang() {
    let slack = workspace(Options::default()).await;
    let channel = slack.add_channel("clusters", &[]);
    slack.fail_next("auth.test", 1, Fault::Hang);
    let began = tokio::time::Instant::now();
    assert!(refused(&slack, &channel, |_| {}).await.contains("does not answer"));
    assert!(began.elapsed().as_secs() < 15);
}
