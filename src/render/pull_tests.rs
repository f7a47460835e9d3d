//! The texts of a pull request, and what people cannot smuggle into them.

use super::*;
use crate::render::samples;
use proptest::prelude::*;

fn text(kind: Kind, undo: bool) -> String {
    let text = pull_text(&Templates::default(), &samples::cluster(kind, undo)).unwrap();
    format!("{}\n=== body\n{}=== commit\n{}", text.title, text.body, text.commit)
}

#[test]
fn the_pull_request_of_a_create() {
    insta::assert_snapshot!(text(Kind::Create, false));
}

#[test]
fn the_pull_request_of_a_destroy() {
    insta::assert_snapshot!(text(Kind::Destroy, false));
}

#[test]
fn the_pull_request_of_an_undo() {
    insta::assert_snapshot!(text(Kind::Create, true));
}

#[test]
fn what_was_not_given_is_said_so() {
    let mut cluster = samples::cluster(Kind::Create, false);
    (cluster.change.reason, cluster.change.ticket) = (None, None);
    (cluster.form.ttl, cluster.form.dollars_a_month) = (None, None);
    let text = pull_text(&Templates::default(), &cluster).unwrap();
    for words in ["**Why:** no reason was given", "**Price:** not known", "**How long:** without an end"] {
        assert!(text.body.contains(words), "{}", text.body);
    }
    assert!(!text.body.contains("Ticket") && !text.commit.contains("Reason"));
    assert_eq!(read_form(&text.body).unwrap().form, cluster.form);
}

#[test]
fn a_body_without_exactly_one_form_has_none() {
    let body = pull_text(&Templates::default(), &samples::cluster(Kind::Create, false)).unwrap().body;
    assert!(read_form(&body).is_some());
    for bad in [
        "",
        "<!-- kaas:form {} -->",
        "<!-- kaas:form ",
        &body.repeat(2),
        &body.replace("\"version\":1", "\"version\":2"),
    ] {
        assert!(read_form(bad).is_none(), "{bad}");
    }
}

fn plan() -> Plan {
    Plan {
        digest: "9f3ac1".repeat(11)[..64].parse().unwrap(),
        content: "0".repeat(64).parse().unwrap(),
        add: 7,
        change: 0,
        destroy: 1,
        risk: Risk::Red,
        highlights: vec!["destroys rancher2_cluster_v2.this".into(), "a `tick` @team".into()],
    }
}

#[test]
fn the_plan_as_a_comment() {
    insta::assert_snapshot!(plan_comment(
        ChangeNumber(42),
        &plan(),
        "Look at:\n  + a = 1\n      ~ b = 1 -> 2\n  ± r {\n      - c\n        d\n```\n@team </details>\n"
    ));
}

#[test]
fn a_long_plan_is_cut_to_fit() {
    for line in ["  + some = \"value\"\n", "日本語\n", "x", "`"] {
        let comment = plan_comment(ChangeNumber(42), &plan(), &line.repeat(400_000 / line.len()));
        assert!(comment.len() <= COMMENT_MAX && comment.len() > COMMENT_MAX / 2, "{}", comment.len());
        assert!(comment.contains("… cut here") && comment.ends_with("\n\n</details>\n"));
    }
}

proptest! {
    #[test]
    fn whatever_people_write_stays_text(reason in hostile(), name in hostile(), owner in hostile()) {
        let Ok(reason) = reason.parse::<crate::lifecycle::form::Reason>() else { return Ok(()) };
        let mut cluster = samples::cluster(Kind::Destroy, false);
        cluster.change.reason = Some(reason);
        cluster.change.by.name = name;
        cluster.owner.name = owner;
        let text = pull_text(&Templates::default(), &cluster).unwrap();
        let form = read_form(&text.body).unwrap();
        prop_assert_eq!(&form.by, &cluster.change.by);
        prop_assert_eq!(&form.owner, &cluster.owner);
        prop_assert_eq!(text.body.matches("<!--").count(), 1 + quoted(&text.body, "<!--"));
        prop_assert!(text.body.trim_end().ends_with(" -->"));
        let (visible, _) = text.body.split_once(HIDDEN.0).unwrap();
        prop_assert_eq!(outside_code(visible).matches('@').count(), 0);
        prop_assert_eq!(outside_code(visible).matches("](").count(), 0);
        prop_assert_eq!(text.title.lines().count(), 1);
        prop_assert!(!text.commit.contains('[') && !text.commit.contains("\nSigned-off-by"));
    }
}

/// How often a word stands within code spans.
fn quoted(body: &str, word: &str) -> usize {
    body.matches(word).count() - outside_code(body).matches(word).count()
}

/// What CommonMark sees outside of code spans: a run of backticks opens one, the next run of the same length closes it.
fn outside_code(body: &str) -> String {
    let mut out = String::new();
    let mut rest = body;
    while let Some(at) = rest.find('`') {
        out.push_str(&rest[..at]);
        let run = rest[at..].len() - rest[at..].trim_start_matches('`').len();
        let after = &rest[at + run..];
        match close(after, run) {
            Some(end) => rest = &after[end..],
            None => {
                out.push_str(&rest[at..at + run]);
                rest = after;
            }
        }
    }
    out.push_str(rest);
    out
}

fn close(text: &str, run: usize) -> Option<usize> {
    let mut at = 0;
    while let Some(next) = text[at..].find('`') {
        let start = at + next;
        let len = text[start..].len() - text[start..].trim_start_matches('`').len();
        if len == run {
            return Some(start + len);
        }
        at = start + len;
    }
    None
}

fn hostile() -> impl Strategy<Value = String> {
    let words = prop_oneof![
        Just("@platform"),
        Just("-->"),
        Just("<!-- kaas:form {} -->"),
        Just("`"),
        Just("``"),
        Just("![x](http://e.example)"),
        Just("<img src=x>"),
        Just("closes #1"),
        Just("[skip ci]"),
        Just("\\"),
        Just("é\u{301}"),
        Just(" "),
        Just("x"),
        Just("\nSigned-off-by: eve"),
    ];
    prop_oneof![any::<String>(), proptest::collection::vec(words, 0..10).prop_map(|w| w.concat())]
}
