//! Statuses of a head.

use kaas::ports::{Forge as _, StatusState};

use crate::desk::{Desk, call, soon, wanted};

#[tokio::test]
async fn what_stands_already_is_not_set_again() {
    let desk = Desk::new().await;
    let head = soon(desk.github.open(&call(1), &wanted())).await.expect("opened").head;
    let long = "1 of 2 approvals ".repeat(20);
    for (context, state, words) in [
        ("kaas/plan", StatusState::Pending, "planning"),
        ("kaas/plan", StatusState::Pending, "planning"),
        ("kaas/plan", StatusState::Success, "7 to add"),
        ("kaas/approval", StatusState::Pending, &long),
        ("kaas/approval", StatusState::Pending, &long),
        ("kaas/plan", StatusState::Success, "7 to add"),
        ("kaas/approval", StatusState::Failure, "rejected"),
    ] {
        soon(desk.github.status(&call(1), &head, context, state, words)).await.expect("set");
    }
    let pull = desk.pull();
    let short = |status: &serde_json::Value| {
        let text = |key: &str| status[key].as_str().expect("text").to_owned();
        format!("{} {} {}", text("context"), text("state"), text("description").chars().count())
    };
    let all: Vec<_> = pull["status_list"].as_array().expect("statuses").iter().map(short).collect();
    assert_eq!(
        all,
        ["kaas/plan pending 8", "kaas/plan success 8", "kaas/approval pending 140", "kaas/approval failure 8"]
    );
}
