//! User groups whose members approve: who is in them, by handle and by id, and what holds when Slack does not say.

use std::sync::Arc;
use std::time::Duration;

use kaas::chat::slack::{Settings, SlackChat};
use kaas::clock::{ManualClock, SharedClock};
use kaas::ports::{Members, Roster};
use kaas_fakes::slack::{Fault, Options};

use crate::support::{Office, person, settings};

/// A chat with these groups, and its clock.
async fn chat(office: &Office, groups: &[&str]) -> (Arc<SlackChat>, Arc<ManualClock>) {
    let clock = ManualClock::at("2026-11-22T12:00:00Z".parse().expect("a time"));
    let settings = Settings {
        groups: groups.iter().map(|group| (*group).to_owned()).collect(),
        ..settings(&office.slack, &office.channel, &office.alice)
    };
    let chat = SlackChat::open(settings, Arc::clone(&clock) as SharedClock).await.expect("a chat");
    (chat, clock)
}

fn names(members: &Members) -> Vec<&str> {
    members.people.iter().map(|person| person.id.as_str()).collect()
}

#[tokio::test]
async fn members_are_known_by_handle_and_by_id_and_guests_are_none() {
    let office = Office::quiet(Options::default()).await;
    let (stranger, guest) = (office.slack.add_user("newcomer"), office.slack.add_user("guest"));
    office.slack.set_user(&guest, |user| user.is_restricted = true);
    office.slack.add_group("platform", &[&office.bob, &stranger, &guest]);
    let other = office.slack.add_group("security", &[&office.alice]);
    let (chat, _) = chat(&office, &["@platform", &other]).await;
    let before = chat.members();
    assert_eq!((names(&before), before.unknown.len()), (vec![], 2), "nobody, before Slack was asked");
    let checked = chat.check_groups().await;
    assert_eq!(checked, [("@platform".to_owned(), Ok(2)), (other.to_string(), Ok(1))]);
    let members = chat.members();
    assert_eq!(members.unknown, Vec::<String>::new());
    // bob is known by his address; whom the configuration does not name is a member under their own id.
    assert_eq!(members.people[0], person("bob"));
    assert_eq!(names(&members), ["bob", &format!("slack:{stranger}"), "alice"]);
    // Whoever is taken out is out, and a mention of a newcomer reaches them.
    office.slack.set_group(&other, &[]);
    chat.check_groups().await;
    assert_eq!(names(&chat.members()), ["bob", &format!("slack:{stranger}")]);
}

#[tokio::test]
async fn what_slack_said_holds_for_an_hour_and_then_nobody_counts() {
    let office = Office::quiet(Options::default()).await;
    office.slack.add_group("platform", &[&office.bob]);
    let (chat, clock) = chat(&office, &["@platform"]).await;
    chat.check_groups().await;
    office.slack.set_faults(|faults| {
        faults.method_down.insert("usergroups.users.list".to_owned(), Fault::Status(503));
    });
    clock.advance(Duration::from_secs(59 * 60));
    let checked = chat.check_groups().await;
    assert!(checked[0].1.is_err(), "{checked:?}");
    assert_eq!(names(&chat.members()), ["bob"], "what is known holds for a while");
    clock.advance(Duration::from_secs(61));
    assert_eq!(chat.members(), Members { people: Vec::new(), unknown: vec!["@platform".to_owned()] });
    office.slack.heal();
    chat.check_groups().await;
    assert_eq!(names(&chat.members()), ["bob"]);
}

#[tokio::test]
async fn a_group_that_is_not_there_is_named_with_a_remedy_and_counts_for_nobody() {
    let office = Office::quiet(Options::default()).await;
    let (chat, _) = chat(&office, &["@plattform"]).await;
    let checked = chat.check_groups().await;
    let why = checked[0].1.as_ref().expect_err("there is none");
    assert_eq!(why, "Slack has no user group @plattform; name one by its handle (@platform) or its id (S…)");
    office.slack.without_scope("usergroups:read");
    let checked = chat.check_groups().await;
    let why = checked[0].1.as_ref().expect_err("it may not look");
    assert!(why.contains("usergroups:read"), "{why}");
    assert_eq!(chat.members().unknown, ["@plattform"]);
}
