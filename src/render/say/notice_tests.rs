//! Every thread post and private message, as it reads.

use super::super::sample::*;
use super::*;
use crate::lifecycle::notice::Refusal;
use crate::lifecycle::{Fault, PlanDigest};

fn message(what: Notice, cluster: &Cluster) -> Message {
    with_context(|context| notice(&what, cluster, context))
}

fn said(what: Notice, cluster: &Cluster) -> String {
    read(&message(what, cluster))
}

fn deciders() -> Vec<Person> {
    people(&["bob", "carol", "dave"])
}

fn digest() -> PlanDigest {
    plan().digest
}

#[test]
fn a_plan_is_here() {
    let create = cluster(reviewing(&[]));
    let ready =
        |plan: Plan, quorum: u32, approvers: &[&str]| Notice::PlanReady { plan, quorum, approvers: people(approvers) };
    insta::assert_snapshot!(said(ready(plan(), 2, &["bob", "carol", "dave"]), &create), @"crucial-sandbox: the plan is here. 7 to add, nothing existing is touched. @bob, @carol, @dave, two of you decide.   [plan-9f3ac1.txt]");
    insta::assert_snapshot!(said(ready(red_plan(), 1, &["bob", "carol"]), &create), @"crucial-sandbox: the plan is here. 7 to add, 1 to destroy (destroys rancher2_cluster_v2.this). @bob, @carol, one of you decides.   [plan-b7e210.txt]");
    insta::assert_snapshot!(said(ready(plan(), 1, &["bob"]), &create), @"crucial-sandbox: the plan is here. 7 to add, nothing existing is touched. @bob, you decide.   [plan-9f3ac1.txt]");
    let destroy = Plan { add: 0, destroy: 7, ..red_plan() };
    insta::assert_snapshot!(said(ready(destroy.clone(), 2, &["bob", "carol"]), &destroying(reviewing(&[]))), @"crucial-sandbox: the plan to destroy it is here. 7 to destroy (destroys rancher2_cluster_v2.this). @bob, @carol, two of you decide.   [plan-b7e210.txt]");
    insta::assert_snapshot!(said(ready(destroy, 2, &["bob", "carol"]), &undoing(reviewing(&[]))), @"crucial-sandbox: the plan to take down what was made is here. 7 to destroy (destroys rancher2_cluster_v2.this). @bob, @carol, two of you decide.   [plan-b7e210.txt]");
    let names: Vec<_> =
        message(ready(plan(), 2, &["bob", "carol"]), &create).mentions().map(ToString::to_string).collect();
    assert_eq!(names, ["bob", "carol"]);
}

#[test]
fn people_decide() {
    let create = cluster(reviewing(&["bob"]));
    let waiting = Notice::StillWaiting { missing: 1, approvers: people(&["carol", "dave"]), deadline: after("44h") };
    insta::assert_snapshot!(said(waiting, &create), @"crucial-sandbox still waits for one approval. @carol, @dave: press Approve on the card, or send /kaas approve crucial-sandbox. It stays open until Tue 24 Nov 10:02.");
    let decided = || Notice::Approved { by: people(&["bob", "carol"]), plan: digest() };
    insta::assert_snapshot!(said(decided(), &cluster(State::Applying(approved()))), @"crucial-sandbox: approved by bob and carol over plan 9f3ac1. Applying now, usually 9 min.");
    insta::assert_snapshot!(said(decided(), &destroying(State::Applying(approved()))), @"crucial-sandbox: approved by bob and carol over plan 9f3ac1. Destroying now, usually 9 min.");
}

#[test]
fn votes_are_void() {
    let create = cluster(reviewing(&[]));
    let void = |whose: &[&str], why: VoidWhy| Notice::VotesVoid { whose: people(whose), why };
    let pushed = |files: u32| VoidWhy::Pushed { by: "eve".to_owned(), files };
    insta::assert_snapshot!(said(void(&["bob"], pushed(2)), &create), @"crucial-sandbox: eve pushed to the branch (2 files). kaas applies only what it wrote, so bob's approval is void. /kaas retry crucial-sandbox writes it again.");
    insta::assert_snapshot!(said(void(&["bob", "carol"], pushed(0)), &create), @"crucial-sandbox: eve pushed to the branch. The files are the same, but a vote is for one commit, so the approvals of bob and carol are void. Please decide again.");
    insta::assert_snapshot!(said(void(&[], pushed(1)), &create), @"crucial-sandbox: eve pushed to the branch (1 file). kaas applies only what it wrote, so votes start anew. /kaas retry crucial-sandbox writes it again.");
    insta::assert_snapshot!(said(void(&["bob"], VoidWhy::Replanned { by: person("alice") }), &create), @"crucial-sandbox: alice asked for a new plan, so bob's approval is void. The new plan comes here when it is made.");
    let now = Plan { digest: red_plan().digest, ..red_plan() };
    let drifted = Notice::Drifted { then: plan(), now, quorum: 2, approvers: deciders() };
    insta::assert_snapshot!(said(drifted, &create), @"crucial-sandbox: the world moved since the plan was approved. Then: 7 to add. Now: 7 to add, 1 to destroy (destroys rancher2_cluster_v2.this). Nothing was applied; it needs new votes. @bob, @carol, @dave, two of you decide.   [plan-b7e210.txt]");
}

#[test]
fn a_change_ends() {
    let create = cluster(State::Closed(rejected()));
    insta::assert_snapshot!(said(Notice::Ended(rejected()), &create), @"crucial-sandbox: rejected by carol: the budget is gone. Nothing was made.");
    insta::assert_snapshot!(said(Notice::Ended(Closed::Cancelled { by: person("alice") }), &create), @"crucial-sandbox: cancelled by alice. Nothing was made.");
    insta::assert_snapshot!(said(Notice::Ended(Closed::PullClosed { by: "eve".to_owned() }), &create), @"crucial-sandbox: closed, because eve closed its pull request. Nothing was made.");
    insta::assert_snapshot!(said(Notice::Ended(Closed::NobodyDecided { deadline: after("-1m") }), &create), @"crucial-sandbox: closed, because nobody decided by 14:01. Nothing was made.");
    let destroy = destroying(State::Closed(rejected()));
    insta::assert_snapshot!(said(Notice::Ended(rejected()), &destroy), @"crucial-sandbox: rejected by carol: the budget is gone. The cluster stays as it is.");
    insta::assert_snapshot!(said(Notice::Ended(rejected()), &undoing(State::Closed(rejected()))), @"crucial-sandbox: rejected by carol: the budget is gone. What was made so far stays.");
    insta::assert_snapshot!(said(Notice::YoursEnded(rejected()), &create), @"Your request for crucial-sandbox was rejected by carol: the budget is gone. Nothing was made. Ask again when you like: /kaas request crucial-sandbox");
    insta::assert_snapshot!(said(Notice::YoursEnded(Closed::NobodyDecided { deadline: after("-1m") }), &create), @"Your request for crucial-sandbox was closed, because nobody decided by 14:01. Nothing was made. Ask again when you like: /kaas request crucial-sandbox");
    insta::assert_snapshot!(said(Notice::YoursEnded(Closed::PullClosed { by: "eve".to_owned() }), &destroy), @"Your request to destroy crucial-sandbox was closed, because eve closed its pull request. The cluster stays as it is. Ask again when you like: /kaas destroy crucial-sandbox");
    insta::assert_snapshot!(said(Notice::YoursEnded(rejected()), &undoing(State::Closed(rejected()))), @"The clean-up of crucial-sandbox was rejected by carol: the budget is gone. What was made so far stays. See what there is: /kaas show crucial-sandbox");
}

#[test]
fn a_change_is_stuck() {
    let preparing = || State::Preparing { pull: None, plan: None };
    insta::assert_snapshot!(said(Notice::Stuck(fault()), &cluster(stuck_in(State::Applying(approved())))), @r#"crucial-sandbox is stuck. terraform: "InvalidAMIID.NotFound: ami-0abc" (ref K-91TD). What was made so far stays in the state. Mend it and /kaas retry crucial-sandbox, or /kaas cancel crucial-sandbox to take it down again."#);
    insta::assert_snapshot!(said(Notice::Stuck(fault()), &cluster(stuck_in(preparing()))), @r#"crucial-sandbox is stuck. terraform: "InvalidAMIID.NotFound: ami-0abc" (ref K-91TD). Nothing was applied. Mend it and /kaas retry crucial-sandbox, or /kaas cancel crucial-sandbox to end it."#);
    insta::assert_snapshot!(said(Notice::Stuck(fault()), &destroying(stuck_in(joining()))), @r#"crucial-sandbox is stuck. terraform: "InvalidAMIID.NotFound: ami-0abc" (ref K-91TD). What is left stays in the state. Mend it and /kaas retry crucial-sandbox."#);
    let pushed = Notice::Stuck(StuckWhy::Pushed { by: "eve".to_owned(), files: 2 });
    insta::assert_snapshot!(said(pushed, &cluster(stuck_in(preparing()))), @"crucial-sandbox is stuck. eve pushed to the branch (2 files), and kaas applies only what it wrote. Nothing was applied. /kaas retry crucial-sandbox writes it again, /kaas cancel crucial-sandbox ends it.");
    insta::assert_snapshot!(said(Notice::Stuck(StuckWhy::Differs), &cluster(stuck_in(preparing()))), @"crucial-sandbox is stuck. What was planned is not what the pull request holds, so nobody could vote on it. Nothing was applied. /kaas retry crucial-sandbox writes it again, /kaas cancel crucial-sandbox ends it.");
    insta::assert_snapshot!(said(Notice::Stuck(fault()), &cluster(preparing())), @r#"crucial-sandbox is stuck. terraform: "InvalidAMIID.NotFound: ami-0abc" (ref K-91TD). It has gone on since; see /kaas show crucial-sandbox."#);
}

#[test]
fn a_cluster_is_there() {
    let ready = Cluster { live: Some(live()), ..cluster(State::Done(approved())) };
    insta::assert_snapshot!(said(Notice::Ready { grants: grants() }, &ready), @"crucial-sandbox is ready. alice has the way in; team billing can see it.");
    insta::assert_snapshot!(said(Notice::Ready { grants: Vec::new() }, &ready), @"crucial-sandbox is ready.");
    insta::assert_snapshot!(said(Notice::WayIn, &ready), @"
    crucial-sandbox is ready until Sun 29 Nov.
    Your kubeconfig, under your own name: https://rancher.example.com/dashboard/c/c-m-abc12345   (Download KubeConfig)
    or: rancher login https://rancher.example.com  then  rancher kubectl get nodes
    4 nodes, RKE2 v1.33.5, endpoint 10.20.0.15. Done early: /kaas destroy crucial-sandbox
    ");
    let mut endless = ready;
    if let Some(live) = &mut endless.live {
        live.until = None;
        live.facts.endpoint = None;
        live.facts.version = "v1.34.0-custom".to_owned();
    }
    insta::assert_snapshot!(said(Notice::WayIn, &endless), @"
    crucial-sandbox is ready.
    Your kubeconfig, under your own name: https://rancher.example.com/dashboard/c/c-m-abc12345   (Download KubeConfig)
    or: rancher login https://rancher.example.com  then  rancher kubectl get nodes
    4 nodes, v1.34.0-custom. Done early: /kaas destroy crucial-sandbox
    ");
    insta::assert_snapshot!(said(Notice::WayIn, &cluster(State::Done(approved()))), @"crucial-sandbox was ready, and is not there any more.");
}

#[test]
fn a_cluster_goes() {
    insta::assert_snapshot!(said(Notice::Gone { destroyed: 9 }, &destroying(State::Done(approved()))), @"crucial-sandbox is gone: 9 resources destroyed, and Rancher knows it no more.");
    insta::assert_snapshot!(said(Notice::Gone { destroyed: 1 }, &undoing(State::Done(approved()))), @"crucial-sandbox is taken down again: 1 resource destroyed, and Rancher knows it no more.");
    let undo = undoing(State::Preparing { pull: None, plan: None });
    insta::assert_snapshot!(said(Notice::Undoing { by: person("alice") }, &undo), @"crucial-sandbox: alice took it back. What was made so far comes down again; as any other change, that needs a plan and approvals.");
    let mut over = destroying(State::Preparing { pull: None, plan: None });
    insta::assert_snapshot!(said(Notice::YoursGoes { by: None }, &over), @"crucial-sandbox: its 7 days are over, so kaas asks for it to be destroyed. Nothing is touched before that is approved. To stop it: /kaas cancel crucial-sandbox");
    insta::assert_snapshot!(said(Notice::YoursGoes { by: Some(person("dave")) }, &over), @r#"crucial-sandbox: dave asks for your cluster to be destroyed: "the load test is over". Nothing is touched before that is approved. To stop it: /kaas cancel crucial-sandbox"#);
    insta::assert_snapshot!(said(Notice::MergedEarly, &cluster(reviewing(&[]))), @"crucial-sandbox: somebody merged its pull request by hand before this was decided. Nothing runs because of that: the votes still decide. If it is not to be, revert the merge.");
    insta::assert_snapshot!(said(Notice::LeaseEnded, &over), @"crucial-sandbox: its 7 days are over, so kaas asks for it to be destroyed. Nothing is touched before that is approved.");
    over.form.ttl = Some("1d".parse().unwrap());
    insta::assert_snapshot!(said(Notice::LeaseEnded, &over), @"crucial-sandbox: its 1 day is over, so kaas asks for it to be destroyed. Nothing is touched before that is approved.");
}

#[test]
fn the_outside_makes_trouble() {
    let applying = cluster(State::Applying(approved()));
    let fault = Fault { reference: "K-7F3Q".to_owned(), text: "Rancher does not answer".to_owned() };
    insta::assert_snapshot!(said(Notice::Troubled { fault: fault.clone(), again: after("40s") }, &applying), @"crucial-sandbox: Rancher does not answer (ref K-7F3Q). Nothing is lost; next try in 40 s.");
    insta::assert_snapshot!(said(Notice::Troubled { fault, again: now() }, &applying), @"crucial-sandbox: Rancher does not answer (ref K-7F3Q). Nothing is lost; it is tried again now.");
    insta::assert_snapshot!(said(Notice::PullRestored { by: "eve".to_owned() }, &applying), @"crucial-sandbox: eve touched the pull request while it was being applied. kaas wrote it again: what is merged is what was applied.");
}

#[test]
fn a_refusal_is_said_as_a_refusal() {
    insta::assert_snapshot!(said(Notice::Refused(Refusal::NoVote), &cluster(reviewing(&[]))), @"You have not approved crucial-sandbox, so there is nothing to take back.");
}

#[test]
fn approvers_are_mentioned_when_they_are_to_decide_and_nobody_else_ever() {
    let create = cluster(reviewing(&[]));
    let quiet = [
        Notice::Approved { by: deciders(), plan: digest() },
        Notice::VotesVoid { whose: deciders(), why: VoidWhy::Replanned { by: person("alice") } },
        Notice::Ended(rejected()),
        Notice::YoursEnded(rejected()),
        Notice::Stuck(fault()),
        Notice::Ready { grants: grants() },
        Notice::WayIn,
        Notice::Gone { destroyed: 9 },
        Notice::Undoing { by: person("alice") },
        Notice::LeaseEnded,
        Notice::YoursGoes { by: Some(person("dave")) },
        Notice::MergedEarly,
        Notice::PullRestored { by: "eve".to_owned() },
        Notice::Refused(Refusal::OwnChange { quorum: 2, approvers: deciders() }),
    ];
    for what in quiet {
        assert_eq!(message(what.clone(), &create).mentions().count(), 0, "{what:?}");
    }
    let asked = [
        Notice::PlanReady { plan: plan(), quorum: 2, approvers: deciders() },
        Notice::StillWaiting { missing: 1, approvers: deciders(), deadline: after("1h") },
        Notice::Drifted { then: plan(), now: red_plan(), quorum: 2, approvers: deciders() },
    ];
    for what in asked {
        assert_eq!(message(what.clone(), &create).mentions().count(), 3, "{what:?}");
    }
}

#[test]
fn what_was_made_is_left_behind() {
    let left = |why: Closed| {
        let was = Box::new(State::Preparing { pull: None, plan: None });
        let why = StuckWhy::LeftBehind(why);
        let cluster = undoing(State::Stuck { was, why: why.clone() });
        said(Notice::Stuck(why), &cluster)
    };
    insta::assert_snapshot!(left(rejected()), @"crucial-sandbox is stuck: what was made is still there, because carol rejected taking it down: the budget is gone. /kaas retry crucial-sandbox asks for it again.");
    insta::assert_snapshot!(left(Closed::Cancelled { by: person("alice") }), @"crucial-sandbox is stuck: what was made is still there, because alice stopped taking it down. /kaas retry crucial-sandbox asks for it again.");
    insta::assert_snapshot!(left(Closed::NobodyDecided { deadline: now() }), @"crucial-sandbox is stuck: what was made is still there, because nobody decided in time. /kaas retry crucial-sandbox asks for it again.");
    insta::assert_snapshot!(left(Closed::PullClosed { by: "eve".to_owned() }), @"crucial-sandbox is stuck: what was made is still there, because eve closed the pull request. /kaas retry crucial-sandbox asks for it again.");
}

#[test]
fn what_could_not_be_put_away() {
    let StuckWhy::Fault(fault) = fault() else { panic!("a fault") };
    let ended = cluster(State::Closed(rejected()));
    insta::assert_snapshot!(said(Notice::NotTidied { fault }, &ended), @r#"crucial-sandbox: the change has ended, but not everything of it could be put away: terraform: "InvalidAMIID.NotFound: ami-0abc" (ref K-91TD). Somebody has to look at its pull request."#);
}
