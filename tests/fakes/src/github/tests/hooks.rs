//! Webhooks: signed, named, and wrong on demand.

use super::*;

fn header<'a>(got: &'a Got, name: &str) -> &'a str {
    got.0.get(name).and_then(|value| value.to_str().ok()).unwrap_or_default()
}

#[test]
fn the_signature_is_githubs() {
    let documented = "sha256=757107ea0eb2509fc211221cce984b8a37570b6d7586c22c46f4379c8b043e17";
    assert_eq!(sign("It's a Secret to Everybody", b"Hello, World!"), documented);
}

#[tokio::test]
async fn events_come_signed_in_order_and_can_be_sent_again() {
    let (fake, _, number) = with_pull().await;
    let (url, got) = receiver().await;
    fake.webhook(&url, "secret");
    fake.review("bob-b", number, "APPROVE", "yes").expect("a review");
    fake.push("ccziz", "kaas/one/1", "x", Some("y")).expect("a push");
    fake.close_pull("bob-b", number).expect("it closes");
    let seen = wait_for(&got, 5).await;
    let names: Vec<&str> = seen.iter().map(|one| header(one, "x-github-event")).collect();
    assert_eq!(names, ["ping", "pull_request_review", "push", "pull_request", "pull_request"]);
    for one in &seen {
        assert_eq!(header(one, "x-hub-signature-256"), sign("secret", &one.1));
    }
    let body: Value = serde_json::from_slice(&seen[1].1).expect("JSON");
    assert_eq!((&body["review"]["state"], &body["sender"]["login"]), (&json!("approved"), &json!("bob-b")));
    let guid = header(&seen[1], "x-github-delivery").to_owned();
    assert!(fake.redeliver(&guid));
    let seen = wait_for(&got, 6).await;
    assert_eq!(header(&seen[5], "x-github-delivery"), guid);
    assert_eq!(seen[5].1, seen[1].1);
    assert!(!fake.redeliver("nothing"));
}

#[tokio::test]
async fn deliveries_go_wrong_on_demand() {
    let (fake, _, number) = with_pull().await;
    let (url, got) = receiver().await;
    fake.webhook(&url, "secret");
    wait_for(&got, 1).await;

    fake.deliver(DeliveryMode { doubled: true, ..DeliveryMode::default() });
    fake.comment("bob-b", number, "one").expect("a comment");
    let seen = wait_for(&got, 3).await;
    assert_eq!(header(&seen[1], "x-github-delivery"), header(&seen[2], "x-github-delivery"));

    fake.deliver(DeliveryMode { forged: true, ..DeliveryMode::default() });
    fake.comment("bob-b", number, "two").expect("a comment");
    let seen = wait_for(&got, 4).await;
    assert_ne!(header(&seen[3], "x-hub-signature-256"), sign("secret", &seen[3].1));

    fake.deliver(DeliveryMode { lost: true, ..DeliveryMode::default() });
    fake.comment("bob-b", number, "lost").expect("a comment");

    fake.deliver(DeliveryMode { shuffled: true, ..DeliveryMode::default() });
    fake.comment("bob-b", number, "three").expect("a comment");
    fake.comment("bob-b", number, "four").expect("a comment");
    let seen = wait_for(&got, 6).await;
    let said = |one: &Got| serde_json::from_slice::<Value>(&one.1).expect("JSON")["comment"]["body"].clone();
    assert_eq!((said(&seen[4]), said(&seen[5])), (json!("four"), json!("three")));

    let lost = fake.deliveries().into_iter().find(|one| one.payload["comment"]["body"] == "lost").expect("it is known");
    assert!(lost.statuses.is_empty());

    fake.deliver(DeliveryMode::default());
    fake.webhook("http://127.0.0.1:1/nobody", "secret");
    for _ in 0..200 {
        let failed = fake.deliveries().last().is_some_and(|one| one.statuses == [0]);
        if failed {
            return;
        }
        tokio::time::sleep(Duration::from_millis(25)).await;
    }
    panic!("a receiver that is not there was not noted");
}
