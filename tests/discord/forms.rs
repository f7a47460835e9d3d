//! Forms: for a new cluster, for the reason of a rejection, and opened again with what was filled in.

use kaas::ports::Field;
use kaas::render::message::Press;
use kaas_fakes::discord::FaultKind;

use crate::support::{Office, until};

#[tokio::test]
async fn a_request_without_options_opens_the_form() {
    let office = Office::open().await.with_command().await;
    let outcome = office.discord.slash(office.alice, office.channel, "kaas request", &[]).await.expect("a command");
    assert_eq!(outcome.answer, Some(9), "{outcome:?}");
    assert_eq!(office.discord.modal(office.alice).expect("a form").texts()[0], "Request a cluster");
    office.desk.reply("teal-otter is asked for.");
    let sent = office.discord.submit(office.alice, &[("name", "teal-otter"), ("size", "large")]).await.expect("sent");
    assert!(sent.is_private() && sent.text() == "teal-otter is asked for.", "{sent:?}");
    let heard = office.heard(1).await;
    assert!(
        heard[0].what.contains("\"name\": \"teal-otter\"") && heard[0].what.contains("\"size\": \"large\""),
        "{heard:?}"
    );
}

#[tokio::test]
async fn a_form_with_a_mistake_is_opened_again_as_it_was_filled_in() {
    let office = Office::open().await.with_command().await;
    office.discord.slash(office.alice, office.channel, "kaas request", &[]).await.expect("a command");
    office.desk.wrong.lock().expect("what is wrong").push((Field::Name, "is taken".to_owned()));
    let sent = office.discord.submit(office.alice, &[("name", "teal-otter"), ("size", "large")]).await.expect("sent");
    assert!(sent.is_private() && sent.text().contains("is taken"), "{sent:?}");
    let told = office.discord.private_to(office.alice).pop().expect("an answer");
    let again = told.button("Open the form again").expect("a button");
    let opened = office.discord.press(office.alice, office.channel, told.id, &again).await.expect("a press");
    assert_eq!(opened.answer, Some(9), "{opened:?}");
    office.desk.wrong.lock().expect("what is wrong").clear();
    let modal = office.discord.modal(office.alice).expect("a form");
    let name = modal.fields().find(|field| field["custom_id"] == "name").expect("the field").clone();
    assert_eq!(name["value"], "teal-otter");
    office.discord.submit(office.alice, &[("name", "teal-otter-two")]).await.expect("sent");
    let heard = office.heard(2).await;
    assert!(heard[1].what.contains("teal-otter-two") && heard[1].what.contains("large"), "{heard:?}");
}

#[tokio::test]
async fn a_rejection_asks_for_its_reason() {
    let office = Office::open().await;
    let first = office.card().await;
    let reject = office.button(first, Press::Reject);
    let opened = office.discord.press(office.bob, office.channel, first, &reject).await.expect("a press");
    assert_eq!(opened.answer, Some(9), "{opened:?}");
    assert!(office.desk.words().is_empty(), "nothing is rejected yet");
    let sent = office.discord.submit(office.bob, &[("reason", "too large")]).await.expect("sent");
    assert!(sent.is_acked(), "{sent:?}");
    let heard = office.heard(1).await;
    assert_eq!(heard[0].what, "press Reject acme/crucial-sandbox 42 aaaaaa Some(\"too large\")");
    let opened = office.discord.press(office.bob, office.channel, first, &reject).await.expect("a press");
    assert_eq!(opened.answer, Some(9));
    office.discord.submit(office.bob, &[]).await.expect("sent");
    assert!(office.heard(2).await[1].what.ends_with("aaaaaa None"), "a reason is not asked for twice");
}

#[tokio::test]
async fn a_form_that_cannot_be_opened_is_told_of() {
    let office = Office::open().await.with_command().await;
    office.discord.fail("POST", "/interactions/*", None, FaultKind::Status(500));
    office.discord.set_options(|options| options.answer_within = std::time::Duration::from_millis(500));
    let outcome = office.discord.slash(office.alice, office.channel, "kaas request", &[]).await.expect("a command");
    assert!(!outcome.is_acked());
    until(|| office.private_to(office.alice).iter().any(|said| said.contains("could not be opened"))).await;
}
