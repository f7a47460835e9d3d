//! The card in every state, as it reads.

use super::super::sample::*;
use super::*;
use crate::lifecycle::Fault;
use crate::render::message::Span;

fn said(cluster: &Cluster) -> String {
    with_view(cluster, None, None, |view| read(&card(view)))
}

/// The card's first line, with progress.
fn first(cluster: &Cluster, progress: Option<Progress>, usually: Option<i64>) -> String {
    let usually = usually.map(SignedDuration::from_secs);
    with_view(cluster, progress.as_ref(), usually, |view| card(view).lines[0].plain())
}

fn progress(done: Option<(u32, u32)>, detail: Option<&str>, left: Option<i64>) -> Option<Progress> {
    Some(Progress { done, detail: detail.map(str::to_owned), left: left.map(SignedDuration::from_secs) })
}

#[test]
fn a_new_cluster_in_every_state() {
    let preparing = State::Preparing { pull: None, plan: None };
    insta::assert_snapshot!(said(&cluster(preparing.clone())), @r#"
    crucial-sandbox · new cluster · planning   change 42
    small: 1 + 3 nodes m6i.large, eu-west-1, RKE2 v1.33.5 · about $412 a month · until Sun 29 Nov (7 days)
    @alice: "load test of billing" (OPS-77)
    [ Cancel ]
    "#);
    insta::assert_snapshot!(said(&cluster(State::Preparing { pull: Some(pull()), plan: Some(plan()) })), @r#"
    crucial-sandbox · new cluster · planning   change 42
    small: 1 + 3 nodes m6i.large, eu-west-1, RKE2 v1.33.5 · about $412 a month · until Sun 29 Nov (7 days)
    @alice: "load test of billing" (OPS-77)
    Plan 9f3ac1  7 to add, 0 to change, 0 to destroy · green: touches nothing that exists
    Pull request #17 https://git.example.com/acme/clusters/pull/17
    [ Cancel ]
    "#);
    insta::assert_snapshot!(said(&cluster(State::Preparing { pull: None, plan: Some(plan()) })), @r#"
    crucial-sandbox · new cluster · opening the pull request   change 42
    small: 1 + 3 nodes m6i.large, eu-west-1, RKE2 v1.33.5 · about $412 a month · until Sun 29 Nov (7 days)
    @alice: "load test of billing" (OPS-77)
    Plan 9f3ac1  7 to add, 0 to change, 0 to destroy · green: touches nothing that exists
    [ Cancel ]
    "#);
    insta::assert_snapshot!(said(&cluster(reviewing(&[]))), @r#"
    crucial-sandbox · new cluster · waiting for 2 approvals   change 42
    small: 1 + 3 nodes m6i.large, eu-west-1, RKE2 v1.33.5 · about $412 a month · until Sun 29 Nov (7 days)
    @alice: "load test of billing" (OPS-77)
    Plan 9f3ac1  7 to add, 0 to change, 0 to destroy · green: touches nothing that exists
    Votes        none yet · two of bob, carol, dave
    Pull request #17 https://git.example.com/acme/clusters/pull/17
    [ Approve ] [ Reject … ] [ Plan ] [ Cancel ]
    "#);
    insta::assert_snapshot!(said(&cluster(reviewing(&["bob"]))), @r#"
    crucial-sandbox · new cluster · waiting for 1 more approval   change 42
    small: 1 + 3 nodes m6i.large, eu-west-1, RKE2 v1.33.5 · about $412 a month · until Sun 29 Nov (7 days)
    @alice: "load test of billing" (OPS-77)
    Plan 9f3ac1  7 to add, 0 to change, 0 to destroy · green: touches nothing that exists
    Votes        bob approved · one more of carol, dave
    Pull request #17 https://git.example.com/acme/clusters/pull/17
    [ Approve ] [ Reject … ] [ Plan ] [ Cancel ]
    "#);
    insta::assert_snapshot!(said(&cluster(State::Applying(approved()))), @r#"
    crucial-sandbox · new cluster · applying   change 42
    small: 1 + 3 nodes m6i.large, eu-west-1, RKE2 v1.33.5 · about $412 a month · until Sun 29 Nov (7 days)
    @alice: "load test of billing" (OPS-77)
    Plan 9f3ac1  7 to add, 0 to change, 0 to destroy · green: touches nothing that exists
    Votes        bob and carol approved
    Pull request #17 https://git.example.com/acme/clusters/pull/17
    [ Plan ]
    "#);
    insta::assert_snapshot!(said(&cluster(joining())), @r#"
    crucial-sandbox · new cluster · joining   change 42
    small: 1 + 3 nodes m6i.large, eu-west-1, RKE2 v1.33.5 · about $412 a month · until Sun 29 Nov (7 days)
    @alice: "load test of billing" (OPS-77)
    Plan 9f3ac1  7 to add, 0 to change, 0 to destroy · green: touches nothing that exists
    Votes        bob and carol approved
    Pull request #17 https://git.example.com/acme/clusters/pull/17
    [ Plan ]
    "#);
    let ready = Cluster { live: Some(live()), ..cluster(State::Done(approved())) };
    insta::assert_snapshot!(said(&ready), @r#"
    crucial-sandbox · new cluster · ready until Sun 29 Nov   change 42
    small: 1 + 3 nodes m6i.large, eu-west-1, RKE2 v1.33.5 · about $412 a month · until Sun 29 Nov
    @alice: "load test of billing" (OPS-77)
    Plan 9f3ac1  7 to add, 0 to change, 0 to destroy · green: touches nothing that exists
    Votes        bob and carol approved
    Pull request #17 https://git.example.com/acme/clusters/pull/17
    "#);
    insta::assert_snapshot!(said(&cluster(stuck_in(preparing))), @r#"
    crucial-sandbox · new cluster · stuck: terraform: "InvalidAMIID.NotFound: ami-0abc" (ref K-91TD), retry or cancel   change 42
    small: 1 + 3 nodes m6i.large, eu-west-1, RKE2 v1.33.5 · about $412 a month · until Sun 29 Nov (7 days)
    @alice: "load test of billing" (OPS-77)
    [ Retry ] [ Cancel ]
    "#);
    insta::assert_snapshot!(said(&cluster(stuck_in(State::Applying(approved())))), @r#"
    crucial-sandbox · new cluster · stuck: terraform: "InvalidAMIID.NotFound: ami-0abc" (ref K-91TD), retry or cancel   change 42
    small: 1 + 3 nodes m6i.large, eu-west-1, RKE2 v1.33.5 · about $412 a month · until Sun 29 Nov (7 days)
    @alice: "load test of billing" (OPS-77)
    Plan 9f3ac1  7 to add, 0 to change, 0 to destroy · green: touches nothing that exists
    Votes        bob and carol approved
    Pull request #17 https://git.example.com/acme/clusters/pull/17
    [ Retry ] [ Plan ] [ Cancel ]
    "#);
}

#[test]
fn ends_without_being_made() {
    insta::assert_snapshot!(said(&cluster(State::Closed(rejected()))), @r#"
    crucial-sandbox · new cluster · rejected by carol: the budget is gone   change 42
    small: 1 + 3 nodes m6i.large, eu-west-1, RKE2 v1.33.5 · about $412 a month
    @alice: "load test of billing" (OPS-77)
    "#);
    let head = |closed: Closed| first(&cluster(State::Closed(closed)), None, None);
    insta::assert_snapshot!(head(Closed::Rejected { by: person("carol"), reason: None }), @"crucial-sandbox · new cluster · rejected by carol   change 42");
    insta::assert_snapshot!(head(Closed::Cancelled { by: person("alice") }), @"crucial-sandbox · new cluster · cancelled by alice   change 42");
    insta::assert_snapshot!(head(Closed::PullClosed { by: "eve".to_owned() }), @"crucial-sandbox · new cluster · closed: eve closed the pull request   change 42");
    insta::assert_snapshot!(head(Closed::NobodyDecided { deadline: after("48h") }), @"crucial-sandbox · new cluster · closed: nobody decided by Tue 24 Nov   change 42");
}

#[test]
fn a_destroy_in_every_state() {
    let mut review = reviewing(&[]);
    if let State::Reviewing(review) = &mut review {
        review.plan = Plan { add: 0, destroy: 7, ..red_plan() };
    }
    insta::assert_snapshot!(said(&destroying(State::Preparing { pull: None, plan: None })), @r#"
    crucial-sandbox · destroy · planning   change 57
    small: 1 + 3 nodes m6i.large, eu-west-1, RKE2 v1.33.5 · frees about $412 a month
    @alice: "the load test is over"
    [ Cancel ]
    "#);
    insta::assert_snapshot!(said(&destroying(review)), @r#"
    crucial-sandbox · destroy · waiting for 2 approvals   change 57
    small: 1 + 3 nodes m6i.large, eu-west-1, RKE2 v1.33.5 · frees about $412 a month
    @alice: "the load test is over"
    Plan b7e210  0 to add, 0 to change, 7 to destroy · red: destroys or replaces what exists
                 destroys rancher2_cluster_v2.this
    Votes        none yet · two of bob, carol, dave
    Pull request #17 https://git.example.com/acme/clusters/pull/17
    [ Approve ] [ Reject … ] [ Plan ] [ Cancel ]
    "#);
    insta::assert_snapshot!(said(&destroying(State::Applying(approved()))), @r#"
    crucial-sandbox · destroy · destroying   change 57
    small: 1 + 3 nodes m6i.large, eu-west-1, RKE2 v1.33.5 · frees about $412 a month
    @alice: "the load test is over"
    Plan 9f3ac1  7 to add, 0 to change, 0 to destroy · green: touches nothing that exists
    Votes        bob and carol approved
    Pull request #17 https://git.example.com/acme/clusters/pull/17
    [ Plan ]
    "#);
    insta::assert_snapshot!(said(&destroying(joining())), @r#"
    crucial-sandbox · destroy · making sure that it is gone   change 57
    small: 1 + 3 nodes m6i.large, eu-west-1, RKE2 v1.33.5 · frees about $412 a month
    @alice: "the load test is over"
    Plan 9f3ac1  7 to add, 0 to change, 0 to destroy · green: touches nothing that exists
    Votes        bob and carol approved
    Pull request #17 https://git.example.com/acme/clusters/pull/17
    [ Plan ]
    "#);
    let gone = Cluster { live: None, ..destroying(State::Done(approved())) };
    insta::assert_snapshot!(said(&gone), @r#"
    crucial-sandbox · destroy · gone   change 57
    small: 1 + 3 nodes m6i.large, eu-west-1, RKE2 v1.33.5 · frees about $412 a month
    @alice: "the load test is over"
    Plan 9f3ac1  7 to add, 0 to change, 0 to destroy · green: touches nothing that exists
    Votes        bob and carol approved
    Pull request #17 https://git.example.com/acme/clusters/pull/17
    "#);
    insta::assert_snapshot!(said(&destroying(State::Closed(rejected()))), @r#"
    crucial-sandbox · destroy · rejected by carol: the budget is gone   change 57
    small: 1 + 3 nodes m6i.large, eu-west-1, RKE2 v1.33.5 · frees about $412 a month
    @alice: "the load test is over"
    "#);
    insta::assert_snapshot!(said(&destroying(stuck_in(State::Applying(approved())))), @r#"
    crucial-sandbox · destroy · stuck: terraform: "InvalidAMIID.NotFound: ami-0abc" (ref K-91TD), retry   change 57
    small: 1 + 3 nodes m6i.large, eu-west-1, RKE2 v1.33.5 · frees about $412 a month
    @alice: "the load test is over"
    Plan 9f3ac1  7 to add, 0 to change, 0 to destroy · green: touches nothing that exists
    Votes        bob and carol approved
    Pull request #17 https://git.example.com/acme/clusters/pull/17
    [ Retry ] [ Plan ]
    "#);
}

#[test]
fn what_is_taken_back_in_every_state() {
    insta::assert_snapshot!(said(&undoing(State::Preparing { pull: Some(pull()), plan: None })), @r#"
    crucial-sandbox · clean-up · planning   change 42
    small: 1 + 3 nodes m6i.large, eu-west-1, RKE2 v1.33.5 · frees about $412 a month
    @alice: "load test of billing" (OPS-77)
    Pull request #17 https://git.example.com/acme/clusters/pull/17
    [ Cancel ]
    "#);
    insta::assert_snapshot!(said(&undoing(reviewing(&["carol"]))), @r#"
    crucial-sandbox · clean-up · waiting for 1 more approval   change 42
    small: 1 + 3 nodes m6i.large, eu-west-1, RKE2 v1.33.5 · frees about $412 a month
    @alice: "load test of billing" (OPS-77)
    Plan 9f3ac1  7 to add, 0 to change, 0 to destroy · green: touches nothing that exists
    Votes        carol approved · one more of bob, dave
    Pull request #17 https://git.example.com/acme/clusters/pull/17
    [ Approve ] [ Reject … ] [ Plan ] [ Cancel ]
    "#);
    insta::assert_snapshot!(said(&undoing(State::Done(approved()))), @r#"
    crucial-sandbox · clean-up · taken down again   change 42
    small: 1 + 3 nodes m6i.large, eu-west-1, RKE2 v1.33.5 · frees about $412 a month
    @alice: "load test of billing" (OPS-77)
    Plan 9f3ac1  7 to add, 0 to change, 0 to destroy · green: touches nothing that exists
    Votes        bob and carol approved
    Pull request #17 https://git.example.com/acme/clusters/pull/17
    "#);
    insta::assert_snapshot!(first(&undoing(stuck_in(joining())), None, None), @r#"crucial-sandbox · clean-up · stuck: terraform: "InvalidAMIID.NotFound: ami-0abc" (ref K-91TD), retry   change 42"#);
}

#[test]
fn the_first_line_through_a_life() {
    let preparing = cluster(State::Preparing { pull: None, plan: None });
    insta::assert_snapshot!(first(&preparing, progress(None, None, None), None), @"crucial-sandbox · new cluster · planning (12 s)   change 42");
    insta::assert_snapshot!(first(&preparing, progress(None, Some("terraform init"), None), None), @"crucial-sandbox · new cluster · planning (12 s): terraform init   change 42");
    let applying = cluster(State::Applying(approved()));
    insta::assert_snapshot!(first(&applying, progress(Some((4, 7)), None, Some(350)), None), @"crucial-sandbox · new cluster · applying  ▓▓▓▓▓░░░░░ 4 of 7, about 6 min left   change 42");
    insta::assert_snapshot!(first(&applying, progress(Some((0, 7)), None, None), None), @"crucial-sandbox · new cluster · applying  ░░░░░░░░░░ 0 of 7   change 42");
    insta::assert_snapshot!(first(&applying, progress(None, None, Some(350)), None), @"crucial-sandbox · new cluster · applying, about 6 min left   change 42");
    insta::assert_snapshot!(first(&applying, None, Some(530)), @"crucial-sandbox · new cluster · applying, usually 9 min   change 42");
    let joining_now = progress(None, Some("2 of 4 nodes are up, etcd is starting"), Some(170));
    insta::assert_snapshot!(first(&cluster(joining()), joining_now, None), @"crucial-sandbox · new cluster · joining: 2 of 4 nodes are up, etcd is starting, about 3 min left   change 42");
    let destroy = destroying(State::Applying(approved()));
    insta::assert_snapshot!(first(&destroy, progress(Some((9, 9)), None, None), None), @"crucial-sandbox · destroy · destroying  ▓▓▓▓▓▓▓▓▓▓ 9 of 9   change 57");
    let too_much = first(&applying, progress(Some((u32::MAX, 7)), None, None), None);
    assert!(too_much.contains("▓▓▓▓▓▓▓▓▓▓ "), "{too_much}");
    assert!(!first(&applying, progress(Some((1, 0)), None, None), None).contains('▓'));
}

#[test]
fn stuck_for_other_reasons() {
    let head = |why: StuckWhy| {
        let was = Box::new(State::Preparing { pull: None, plan: None });
        first(&cluster(State::Stuck { was, why }), None, None)
    };
    insta::assert_snapshot!(head(StuckWhy::Pushed { by: "eve".to_owned(), files: 1 }), @"crucial-sandbox · new cluster · stuck: eve pushed to the branch (1 file), retry or cancel   change 42");
    insta::assert_snapshot!(head(StuckWhy::Differs), @"crucial-sandbox · new cluster · stuck: the plan and the pull request did not match, retry or cancel   change 42");
}

#[test]
fn what_is_not_known_is_left_out() {
    let mut plain = cluster(reviewing(&[]));
    plain.form.ttl = None;
    plain.form.dollars_a_month = None;
    plain.change.reason = None;
    insta::assert_snapshot!(said(&plain), @"
    crucial-sandbox · new cluster · waiting for 2 approvals   change 42
    small: 1 + 3 nodes m6i.large, eu-west-1, RKE2 v1.33.5 · without an end
    @alice asked for it (OPS-77)
    Plan 9f3ac1  7 to add, 0 to change, 0 to destroy · green: touches nothing that exists
    Votes        none yet · two of bob, carol, dave
    Pull request #17 https://git.example.com/acme/clusters/pull/17
    [ Approve ] [ Reject … ] [ Plan ] [ Cancel ]
    ");
}

#[test]
fn nobody_is_notified_by_a_card_and_text_from_outside_stands_alone() {
    let nasty = "eve\u{202e}\n<!channel> *x*";
    let mut cluster = cluster(State::Stuck {
        was: Box::new(reviewing(&[])),
        why: StuckWhy::Fault(Fault { reference: "K-1".to_owned(), text: nasty.to_owned() }),
    });
    cluster.change.by.name = nasty.to_owned();
    let message = with_view(&cluster, None, None, card);
    assert_eq!(message.mentions().count(), 0);
    let clean = "eve <!channel> *x*";
    let spans: Vec<&Span> = message.lines.iter().flat_map(|line| &line.spans).collect();
    assert!(spans.contains(&&Span::Text(clean.to_owned())));
    assert!(spans.contains(&&Span::Text(format!("@{clean}"))));
    let mixed =
        |span: &&&Span| matches!(span, Span::Text(text) if text.contains("channel") && text.len() > clean.len() + 1);
    assert_eq!(spans.iter().find(mixed), None);
}

#[test]
fn how_a_card_stands_is_known_besides_its_words() {
    let tones: Vec<(&str, Tone)> = every_card().into_iter().map(|(what, card)| (what, card.tone)).collect();
    let of = |wanted: Tone| -> Vec<&str> {
        tones.iter().filter(|(_, tone)| *tone == wanted).map(|(what, _)| *what).collect()
    };
    assert_eq!(of(Tone::Working), ["planning", "applying", "joining", "a clean-up"]);
    let waiting =
        ["waiting for two", "waiting for one more", "waiting, and something is destroyed", "a destroy that waits"];
    assert_eq!(of(Tone::Waiting), waiting);
    assert_eq!(of(Tone::Good), ["ready", "gone"]);
    assert_eq!(of(Tone::Over), ["rejected", "nobody decided"]);
    assert_eq!(of(Tone::Bad), ["stuck"]);
    assert_eq!(of(Tone::Plain), Vec::<&str>::new());
}
