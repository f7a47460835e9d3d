//! Forms: asked for by a verb alone, a shortcut or the button of one's own page; what is wrong stands at its field; reasons for a rejection.

use std::time::Duration;

use kaas::ports::Field;
use kaas_fakes::slack::{Doubling, Fault, UserId, View};
use serde_json::json;

use crate::support::{Office, PATIENCE, until};

async fn modal(office: &Office, user: &UserId) -> View {
    let found = office.slack.wait_for(|now| now.views(user).last().map(|view| (*view).clone()), PATIENCE).await;
    found.expect("a modal")
}

#[tokio::test]
async fn the_form_opens_by_a_verb_alone_a_shortcut_and_the_button_of_ones_own_page() {
    let office = Office::open().await;
    let alice = &office.alice;
    let outcome = office.slack.slash(alice, &office.channel, "/kaas request").await.expect("a command");
    assert!(outcome.is_acked() && outcome.payload.is_none_or(|payload| payload["text"].is_null()));
    let view = modal(&office, alice).await;
    assert_eq!(
        (view.view["callback_id"].as_str(), view.view["title"]["text"].as_str()),
        (Some("kaas_request"), Some("Request a cluster"))
    );
    office.slack.close_view(alice, &view.id).await.expect("it closes");

    office.slack.shortcut(alice, "kaas_request").await.expect("a shortcut");
    let view = modal(&office, alice).await;
    office.slack.close_view(alice, &view.id).await.expect("it closes");

    office.slack.open_home(alice).await.expect("a page");
    let home = office.slack.wait_for(|now| now.home(alice).cloned(), PATIENCE).await.expect("a page");
    assert!(home.texts().iter().any(|text| text == "You have no clusters."), "{:?}", home.texts());
    office.slack.click_home(alice, "kaas/request").await.expect("a click");
    modal(&office, alice).await;
    assert_eq!(office.desk.words(), ["home"], "an open form asks for nothing yet");
}

#[tokio::test]
async fn a_form_that_is_filled_in_reaches_the_desk_and_closes() {
    let office = Office::open().await;
    office.slack.shortcut(&office.alice, "kaas_request").await.expect("a shortcut");
    let view = modal(&office, &office.alice).await;
    let filled = json!({ "name": "teal-otter", "size": "large", "reason": "load test" });
    let outcome = office.slack.submit_view(&office.alice, &view.id, &filled).await.expect("a form");
    assert!(outcome.is_acked());
    let note = &office.desk.all()[0];
    assert_eq!(note.what, r#"submit {"name": "teal-otter", "reason": "load test", "size": "large"}"#);
    assert!(note.id.starts_with(&format!("slack/form/{}/", view.id)), "{}", note.id);
    assert!(office.slack.views(&office.alice).is_empty(), "it is closed");
}

#[tokio::test]
async fn what_is_wrong_stands_at_its_field_and_the_corrected_form_is_another_ask() {
    let office = Office::open().await;
    office.slack.shortcut(&office.alice, "kaas_request").await.expect("a shortcut");
    let view = modal(&office, &office.alice).await;
    let wrong =
        vec![(Field::Name, "crucial-sandbox is taken.".to_owned()), (Field::Class, "No such class.".to_owned())];
    *office.desk.wrong.lock().expect("what is wrong") = wrong;
    let fill = async |name: &str| {
        let filled = json!({ "name": name, "size": "small" });
        office.slack.submit_view(&office.alice, &view.id, &filled).await.expect("a form")
    };
    fill("crucial-sandbox").await;
    let shown = modal(&office, &office.alice).await;
    assert_eq!(shown.errors.get("name").map(String::as_str), Some("crucial-sandbox is taken. No such class."));
    office.desk.wrong.lock().expect("what is wrong").clear();
    fill("teal-otter").await;
    let ids = office.desk.ids();
    assert_eq!(ids.len(), 2);
    assert_ne!(ids[0], ids[1]);
}

#[tokio::test]
async fn a_refused_form_shows_why_in_its_place() {
    let office = Office::open().await;
    office.desk.reply("You may not ask for clusters. An admin can (dave).");
    office.slack.shortcut(&office.bob, "kaas_request").await.expect("a shortcut");
    let view = modal(&office, &office.bob).await;
    let filled = json!({ "name": "teal-otter", "size": "small" });
    office.slack.submit_view(&office.bob, &view.id, &filled).await.expect("a form");
    let shown = modal(&office, &office.bob).await;
    assert!(shown.texts().iter().any(|text| text.contains("An admin can (dave).")), "{:?}", shown.texts());
}

#[tokio::test]
async fn a_rejection_asks_for_its_reason_first() {
    let office = Office::open().await;
    let card = office.card().await;
    office.slack.click(&office.bob, &office.channel, &card, "kaas/reject").await.expect("a click");
    let view = modal(&office, &office.bob).await;
    assert!(office.desk.all().is_empty(), "nothing is decided yet");
    assert!(view.texts().iter().any(|text| text.contains("crucial-sandbox, change 42")), "{:?}", view.texts());
    let filled = json!({ "reason": " the budget is <gone> " });
    office.slack.submit_view(&office.bob, &view.id, &filled).await.expect("a form");
    let note = &office.desk.all()[0];
    assert_eq!(
        note.what,
        format!("press Reject acme/crucial-sandbox 42 {} Some(\"the budget is <gone>\")", "a".repeat(6))
    );
    assert!(office.slack.views(&office.bob).is_empty(), "it is closed");
}

#[tokio::test]
async fn a_form_that_comes_too_late_becomes_help() {
    let office = Office::open().await;
    office.desk.reply("How to ask for a cluster: …");
    // Slack takes so long to say who alice is that her trigger is void by then.
    office.slack.set_faults(|faults| faults.latency = Duration::from_millis(100));
    office.slack.set_options(|options| options.trigger_life = Duration::from_millis(50));
    office.slack.slash(&office.alice, &office.channel, "/kaas request").await.expect("a command");
    until(|| office.slack.private_to(&office.alice).iter().any(|m| m.text.starts_with("How to ask"))).await;
    assert_eq!(office.desk.words(), ["command request"]);
}

#[tokio::test]
async fn a_form_that_is_asked_for_twice_by_one_delivery_opens_once_and_says_nothing_else() {
    let office = Office::open().await;
    office.desk.reply("How to ask for a cluster: …");
    office.slack.deliver(Doubling::OtherEnvelope);
    office.slack.slash(&office.alice, &office.channel, "/kaas request").await.expect("a command");
    let tried = || office.slack.calls().iter().filter(|call| call.method == "views.open").count();
    until(|| tried() == 2).await;
    tokio::time::sleep(Duration::from_millis(200)).await;
    assert_eq!(office.slack.views(&office.alice).len(), 1);
    assert!(office.desk.all().is_empty() && office.slack.private_to(&office.alice).is_empty());
}

#[tokio::test]
async fn a_form_for_a_reason_that_does_not_open_is_said() {
    let office = Office::open().await;
    let card = office.card().await;
    office.slack.fail_next("views.open", 1, Fault::Status(502));
    office.slack.click(&office.bob, &office.channel, &card, "kaas/reject").await.expect("a click");
    until(|| office.slack.private_to(&office.bob).iter().any(|m| m.text.contains("/kaas reject"))).await;
}
