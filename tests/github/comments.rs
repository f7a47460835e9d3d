//! Comments: one a marker, edited in place, cut where they are too long, and nobody else's.

use kaas::ports::Forge as _;

use crate::desk::{As, Desk, call, soon, wanted};

/// Who wrote the comments, and what.
fn comments(desk: &Desk) -> Vec<(String, String)> {
    let text = |value: &serde_json::Value| value.as_str().expect("text").to_owned();
    let pull = desk.pull();
    let all = pull["comment_list"].as_array().expect("comments");
    all.iter().map(|comment| (text(&comment["user"]["login"]), text(&comment["body"]))).collect()
}

#[tokio::test]
async fn one_comment_a_marker() {
    for who in [As::App, As::Token] {
        let desk = Desk::with(who, |_| {}).await;
        let number = soon(desk.github.open(&call(1), &wanted())).await.expect("opened").number;
        let say = |attempt, marker: &'static str, text: &'static str| {
            let github = desk.github.clone();
            async move { soon(github.comment(&call(attempt), number, marker, text)).await.expect("said") }
        };
        say(1, "kaas:plan", "first").await;
        say(1, "kaas:other", "aside").await;
        say(2, "kaas:plan", "first").await;
        assert_eq!(desk.count("PATCH", "/issues/comments/"), 0, "the same words are not written again");
        say(1, "kaas:plan", "second").await;
        let me = if who == As::App { desk.fake.bot() } else { "dora".to_owned() };
        assert_eq!(
            comments(&desk),
            [(me.clone(), "<!-- kaas:plan -->\nsecond\n".to_owned()), (me, "<!-- kaas:other -->\naside\n".to_owned())]
        );
    }
}

#[tokio::test]
async fn a_long_text_goes_on_and_shrinks_again() {
    let desk = Desk::new().await;
    let number = soon(desk.github.open(&call(1), &wanted())).await.expect("opened").number;
    let long = format!("head\n```diff\n{}```\nend\n", "+ a line of the plan with ä\n".repeat(6_000));
    soon(desk.github.comment(&call(1), number, "kaas:plan", &long)).await.expect("said");
    let parts = comments(&desk);
    assert_eq!(parts.len(), 3);
    for (index, (_, part)) in parts.iter().enumerate() {
        assert!(part.starts_with(&format!("<!-- kaas:plan ({}/3) -->\n", index + 1)), "{}", &part[..40]);
        assert_eq!(part.lines().filter(|line| line.starts_with("```")).count() % 2, 0);
        assert!(part.len() <= 65_536);
    }
    assert!(parts[2].1.ends_with("```\nend\n"));
    soon(desk.github.comment(&call(2), number, "kaas:plan", &long)).await.expect("said");
    assert_eq!(comments(&desk), parts, "said once");
    soon(desk.github.comment(&call(1), number, "kaas:plan", "short")).await.expect("said");
    assert_eq!(comments(&desk), [(desk.fake.bot(), "<!-- kaas:plan -->\nshort\n".to_owned())]);
}

#[tokio::test]
async fn a_strangers_comment_with_the_marker_is_left_alone() {
    let desk = Desk::new().await;
    let number = soon(desk.github.open(&call(1), &wanted())).await.expect("opened").number;
    let forged = "<!-- kaas:plan -->\nAll is well, approve at once.";
    desk.fake.comment("dora", number, forged).expect("commented");
    soon(desk.github.comment(&call(1), number, "kaas:plan", "the plan")).await.expect("said");
    assert_eq!(comments(&desk)[0], ("dora".to_owned(), forged.to_owned()));
    assert_eq!(comments(&desk)[1], (desk.fake.bot(), "<!-- kaas:plan -->\nthe plan\n".to_owned()));
}

#[tokio::test]
async fn what_two_writers_left_doubled_is_one_again() {
    let desk = Desk::new().await;
    let number = soon(desk.github.open(&call(1), &wanted())).await.expect("opened").number;
    let (one, two) = (desk.github.clone(), desk.another());
    let (a, b) = (call(1), call(1));
    let (first, second) =
        tokio::join!(one.comment(&a, number, "kaas:plan", "x"), two.comment(&b, number, "kaas:plan", "x"));
    first.and(second).expect("said");
    soon(one.comment(&call(2), number, "kaas:plan", "x")).await.expect("said");
    assert_eq!(comments(&desk).len(), 1);
}

#[tokio::test]
async fn kaas_own_comment_is_found_on_the_second_page() {
    let desk = Desk::new().await;
    let number = soon(desk.github.open(&call(1), &wanted())).await.expect("opened").number;
    for n in 0..130 {
        desk.fake.comment("dora", number, &format!("chat {n}")).expect("commented");
    }
    soon(desk.github.comment(&call(1), number, "kaas:plan", "first")).await.expect("said");
    // A kaas that remembers nothing has to read page two, and App tokens are sent there too.
    soon(desk.another().comment(&call(1), number, "kaas:plan", "second")).await.expect("said");
    let own: Vec<_> = comments(&desk).into_iter().filter(|(by, _)| *by == desk.fake.bot()).collect();
    assert_eq!(own, [(desk.fake.bot(), "<!-- kaas:plan -->\nsecond\n".to_owned())]);
    let second =
        desk.fake.calls().into_iter().filter(|call| call.path.contains("comments?") && call.path.contains("page=2"));
    let seen: Vec<_> = second.map(|call| (call.status, call.login)).collect();
    assert!(!seen.is_empty() && seen.iter().all(|(status, by)| *status == 200 && *by == desk.fake.bot()), "{seen:?}");
}
