//! Who decides: by user id and by role, as Discord says at that moment; and who does not.

use std::time::Duration;

use kaas::clock::{ManualClock, SystemClock};
use kaas::ports::{Chat, Roster, Standing};
use kaas::render::message::Press;
use kaas_fakes::discord::{FaultKind, Id, Options};
use serde_json::json;

use crate::support::{Office, until};

fn roster(office: &Office) -> Vec<String> {
    office.chat.members().people.into_iter().map(|person| person.id.to_string()).collect()
}

#[tokio::test]
async fn who_is_known_and_has_the_role_counts_from_the_start_and_until_it_is_taken() {
    let office = Office::quiet(Options::hurried()).await;
    office.discord.grant(office.bob, office.role);
    assert_eq!(office.chat.members().unknown, [format!("the role {}", office.role)], "nobody is known to have it yet");
    office.listen().await;
    until(|| roster(&office) == ["bob"]).await;
    assert!(office.chat.members().unknown.is_empty());
    let first = office.card().await;
    office.discord.revoke(office.bob, office.role);
    office.discord.react(office.bob, office.channel, first, "👍").expect("a reaction");
    let heard = office.heard(1).await;
    assert!(heard[0].roster.is_empty(), "what comes with the vote says that he has it no more: {heard:?}");
}

#[tokio::test]
async fn a_stranger_with_the_role_counts_when_they_vote() {
    let office = Office::open().await;
    office.discord.grant(office.carol, office.role);
    let first = office.card().await;
    let carol = format!("discord:{}", office.carol);
    assert!(roster(&office).is_empty());
    office.discord.react(office.carol, office.channel, first, "👍").expect("a reaction");
    assert_eq!(office.heard(1).await[0].roster, std::slice::from_ref(&carol));
    office.discord.revoke(office.carol, office.role);
    let approve = office.button(first, Press::Approve);
    office.discord.press(office.carol, office.channel, first, &approve).await.expect("a press");
    assert!(office.heard(2).await[1].roster.is_empty());
    office.discord.grant(office.carol, office.role);
    // Discord says nothing of who takes a reaction back: they are asked about.
    office.discord.unreact(office.carol, office.channel, first, "👍").expect("taken back");
    assert_eq!(office.heard(3).await[2].roster, [carol]);
}

#[tokio::test]
async fn who_left_or_was_timed_out_counts_no_more() {
    let office = Office::open().await;
    let first = office.card().await;
    for user in [office.bob, office.carol] {
        office.discord.grant(user, office.role);
        office.discord.react(user, office.channel, first, "👍").expect("a reaction");
    }
    office.heard(2).await;
    until(|| roster(&office).len() == 2).await;
    office.discord.time_out(office.bob, Duration::from_secs(600));
    office.discord.leave(office.carol);
    let standing = office.chat.reactions(&office.chat.place(), &first.to_string()).await.expect("an answer");
    let standing: Vec<(String, Standing)> =
        standing.expect("reactions").into_iter().map(|one| (one.by.id.to_string(), one.standing)).collect();
    let gone = format!("discord:{}", office.carol);
    assert_eq!(standing, [("bob".to_owned(), Standing::Deactivated), (gone, Standing::Outside)]);
    assert!(roster(&office).is_empty(), "that was seen");
}

#[tokio::test]
async fn who_lost_the_role_completes_no_vote_where_discord_does_not_answer_for_another() {
    let clock = ManualClock::at(SystemClock::shared().now());
    let office = Office::timed(Options::hurried(), clock.clone()).await;
    office.listen().await;
    let first = office.card().await;
    let holders: Vec<Id> = (0..12).map(|nth| office.discord.add_user(&format!("member-{nth}"))).collect();
    for user in &holders {
        office.discord.grant(*user, office.role);
        office.discord.react(*user, office.channel, first, "👍").expect("a reaction");
    }
    office.heard(12).await;
    until(|| roster(&office).len() == 12).await;
    clock.advance(Duration::from_secs(31));
    for user in &holders[..6] {
        office.discord.revoke(*user, office.role);
    }
    office.discord.fail("GET", "/guilds/*/members/*", Some(1), FaultKind::Status(500));
    office.discord.grant(office.carol, office.role);
    office.discord.react(office.carol, office.channel, first, "👍").expect("a reaction");
    let counted = office.heard(13).await[12].roster.clone();
    let id = |user: &Id| format!("discord:{user}");
    assert!(!holders[..6].iter().any(|user| counted.contains(&id(user))), "they have the role no more: {counted:?}");
    let kept = holders[6..].iter().filter(|user| counted.contains(&id(user))).count();
    assert!(kept >= 5 && counted.contains(&id(&office.carol)), "whoever was answered for counts: {counted:?}");
}

#[tokio::test]
async fn programs_decide_nothing_and_kaas_hears_not_itself() {
    let office = Office::open().await;
    let first = office.card().await;
    let robot = office.discord.add_bot("robot");
    office.discord.grant(robot, office.role);
    office.discord.react(robot, office.channel, first, "👍").expect("a reaction");
    assert_eq!(office.heard(1).await[0].standing, Standing::Bot);
    assert!(roster(&office).is_empty());
    // What comes without a member is nobody's of this server, such as a webhook's.
    let hook = office.discord.add_user("hook");
    let add = json!({ "user_id": hook.to_string(), "channel_id": office.channel.to_string(), "message_id": first.to_string(),
        "guild_id": office.discord.guild().to_string(), "emoji": { "id": null, "name": "👍" }, "burst": false, "type": 0 });
    office.discord.send_event("MESSAGE_REACTION_ADD", &add);
    assert_eq!(office.heard(2).await[1].standing, Standing::Outside);
    let mut own = add;
    own["user_id"] = json!(office.discord.bot().to_string());
    office.discord.send_event("MESSAGE_REACTION_ADD", &own);
    office.discord.react(office.alice, office.channel, first, "👍").expect("a reaction");
    assert_eq!(office.heard(3).await[2].by, "alice", "kaas' own is not heard");
}

#[tokio::test]
async fn who_reacts_is_read_page_by_page() {
    let office = Office::quiet(Options::hurried()).await;
    let first = office.card().await;
    for nth in 0..120 {
        let user = office.discord.add_user(&format!("member-{nth}"));
        office.discord.react(user, office.channel, first, "👍").expect("a reaction");
    }
    let all =
        office.chat.reactions(&office.chat.place(), &first.to_string()).await.expect("an answer").expect("reactions");
    assert_eq!(all.len(), 120);
    office.discord.fail("GET", "/guilds/*/members/*", Some(1), FaultKind::Status(500));
    let failed = office.chat.reactions(&office.chat.place(), &first.to_string()).await;
    assert!(failed.is_err(), "half of an answer is none");
    assert_eq!(office.chat.reactions(&office.chat.place(), "7").await.expect("an answer"), None, "no such card");
}
