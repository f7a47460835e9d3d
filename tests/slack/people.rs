//! Who somebody is: by id, by address, or nobody; and what Slack says of them, before anything they do counts.

use kaas::ports::Standing;
use kaas_fakes::slack::{OTHER_TEAM, User};

use crate::support::Office;

/// What makes somebody another kind of person.
type Change = fn(&mut User);

#[tokio::test]
async fn people_are_known_by_id_or_by_address_and_others_are_strangers() {
    let office = Office::open().await;
    let mallory = office.slack.add_user("mallory");
    office.slack.join(&office.channel, &mallory);
    for user in [&office.alice, &office.bob, &mallory] {
        office.slack.slash(user, &office.channel, "/kaas list").await.expect("a command");
    }
    let stranger = format!("slack:{mallory}");
    let by: Vec<String> = office.desk.all().into_iter().map(|note| note.by).collect();
    assert_eq!(by, ["alice", "bob", stranger.as_str()]);
}

#[tokio::test]
async fn guests_strangers_bots_and_closed_accounts_are_told_apart() {
    let office = Office::open().await;
    let card = office.card().await;
    let mut expected = Vec::new();
    let changes: [(&str, Change, Standing); 6] = [
        ("multi", |user| user.is_restricted = true, Standing::Guest),
        ("single", |user| user.is_ultra_restricted = true, Standing::Guest),
        ("stranger", |user| user.is_stranger = true, Standing::Outside),
        ("foreign", |user| user.team = OTHER_TEAM.to_owned(), Standing::Outside),
        ("robot", |user| user.is_bot = true, Standing::Bot),
        ("member", |_| {}, Standing::Member),
    ];
    for (name, change, standing) in changes {
        let user = office.slack.add_user(name);
        office.slack.set_user(&user, change);
        office.slack.join(&office.channel, &user);
        office.slack.react(&user, &office.channel, &card, "+1").await.expect("a reaction");
        expected.push((format!("slack:{user}"), standing));
    }
    // Whoever was deactivated a moment ago may still have a delivery on its way.
    let gone = office.slack.add_user("gone");
    let payload = serde_json::json!({ "type": "reaction_added", "user": gone, "reaction": "+1", "item_user": "U0KAAS",
        "item": { "type": "message", "channel": office.channel, "ts": card }, "event_ts": "1700000000.000001" });
    office.slack.set_user(&gone, |user| user.deleted = true);
    assert!(office.slack.send_event(payload).await.is_acked());
    expected.push((format!("slack:{gone}"), Standing::Deactivated));
    let seen: Vec<(String, Standing)> = office.desk.all().into_iter().map(|note| (note.by, note.standing)).collect();
    assert_eq!(seen, expected);
}

#[tokio::test]
async fn an_address_of_another_workspace_proves_nothing() {
    let office = Office::open().await;
    let impostor = office.slack.add_user("impostor");
    office.slack.set_user(&impostor, |user| {
        user.email = Some("bob@bank.example".to_owned());
        user.team = OTHER_TEAM.to_owned();
    });
    let guest = office.slack.add_user("guest");
    office.slack.set_user(&guest, |user| {
        user.email = Some("bob@bank.example".to_owned());
        user.is_restricted = true;
    });
    for user in [&impostor, &guest] {
        office.slack.join(&office.channel, user);
        office.slack.slash(user, &office.channel, "/kaas list").await.expect("a command");
    }
    let by: Vec<String> = office.desk.all().into_iter().map(|note| note.by).collect();
    assert_eq!(by, [format!("slack:{impostor}"), format!("slack:{guest}")]);
}

#[tokio::test]
async fn what_slack_says_of_somebody_is_asked_once_a_minute() {
    let office = Office::open().await;
    for _ in 0..5 {
        office.slack.slash(&office.bob, &office.channel, "/kaas list").await.expect("a command");
    }
    let asked = office.slack.calls().iter().filter(|call| call.method == "users.info").count();
    assert_eq!((asked, office.desk.all().len()), (1, 5));
}
