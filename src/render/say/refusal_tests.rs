//! Every refusal, as it reads.

use super::super::sample::*;
use super::*;
use crate::lifecycle::ChangeNumber;

fn said(what: Refusal) -> String {
    with_context(|context| read(&refusal(&what, &"crucial-sandbox".parse().unwrap(), context)))
}

#[test]
fn who_may_not() {
    insta::assert_snapshot!(said(Refusal::MayNotRequest { admins: people(&["dave"]) }), @"You can't ask for clusters here. An admin can change that: dave.");
    insta::assert_snapshot!(said(Refusal::MayNotRequest { admins: Vec::new() }), @"You can't ask for clusters here. Whoever runs kaas can change that.");
    insta::assert_snapshot!(said(Refusal::NotAnApprover { approvers: people(&["bob", "carol", "dave"]) }), @"You can't decide about crucial-sandbox: you are not one of its approvers (bob, carol, dave).");
    insta::assert_snapshot!(said(Refusal::OwnChange { quorum: 2, approvers: people(&["bob", "carol", "dave"]) }), @"You asked for crucial-sandbox, so somebody else has to approve it: two of bob, carol, dave. To take it back: /kaas cancel crucial-sandbox");
    let not_yours = |wanted: Wanted| Refusal::NotYours { wanted, owner: person("alice"), admins: people(&["dave"]) };
    insta::assert_snapshot!(said(not_yours(Wanted::Destroy)), @"You can't destroy crucial-sandbox: it belongs to alice. Its owner or an admin can (dave).");
    insta::assert_snapshot!(said(not_yours(Wanted::Cancel)), @"You can't cancel crucial-sandbox: it belongs to alice. Its owner or an admin can (dave).");
    insta::assert_snapshot!(said(Refusal::TooMany { have: 3, limit: 3 }), @"You have 3 clusters (open requests count), and 3 is the most for one person. Which ones: /kaas list mine. To give one back: /kaas destroy <name>");
    insta::assert_snapshot!(said(Refusal::NobodyCouldApprove { quorum: 2, approvers: people(&["bob"]) }), @"kaas does not start crucial-sandbox: it needs 2 approvals, and only bob could give one. An admin can name more approvers.");
    insta::assert_snapshot!(said(Refusal::NobodyCouldApprove { quorum: 2, approvers: Vec::new() }), @"kaas does not start crucial-sandbox: it needs 2 approvals, and nobody but you could give one. An admin can name more approvers.");
    insta::assert_snapshot!(said(Refusal::Frozen { why: "quarter end, until Tue 1 Dec".parse().unwrap() }), @"New changes are stopped for now: quarter end, until Tue 1 Dec. What is under way goes on.");
}

#[test]
fn about_votes() {
    insta::assert_snapshot!(said(Refusal::AlreadyVoted { missing: 1 }), @"Your approval of crucial-sandbox counts already; one more is needed.");
    insta::assert_snapshot!(said(Refusal::AlreadyVoted { missing: 2 }), @"Your approval of crucial-sandbox counts already; two more are needed.");
    insta::assert_snapshot!(said(Refusal::NoVote), @"You have not approved crucial-sandbox, so there is nothing to take back.");
    insta::assert_snapshot!(said(Refusal::OtherPlan { seen: plan().digest, now: red_plan() }), @"That card was for plan 9f3ac1. The plan is b7e210 now, and it destroys 1 resource. Look at the new card before you decide: https://chat.example.com/c/42");
    insta::assert_snapshot!(said(Refusal::OtherPlan { seen: red_plan().digest, now: plan() }), @"That card was for plan b7e210. The plan is 9f3ac1 now: 7 to add. Look at the new card before you decide: https://chat.example.com/c/42");
    insta::assert_snapshot!(said(Refusal::ReactionTooWeak { risk: Risk::Red }), @"A reaction is not enough for crucial-sandbox: its plan destroys or replaces what exists. Press Approve on the card, or send /kaas approve crucial-sandbox");
    insta::assert_snapshot!(said(Refusal::ReactionTooWeak { risk: Risk::Yellow }), @"A reaction is not enough for crucial-sandbox: its plan changes what exists. Press Approve on the card, or send /kaas approve crucial-sandbox");
    insta::assert_snapshot!(said(Refusal::NotThisWay { wanted: Wanted::Reject, proof: Proof::Reaction }), @"A reaction can't reject crucial-sandbox. This can: /kaas reject crucial-sandbox because …");
    insta::assert_snapshot!(said(Refusal::NotThisWay { wanted: Wanted::Destroy, proof: Proof::Button }), @"A button can't destroy crucial-sandbox. This can: /kaas destroy crucial-sandbox");
}

#[test]
fn about_where_it_stands() {
    for state in ["preparing", "planned", "applying", "closed", "stuck"] {
        let say = said(Refusal::NotInReview { wanted: Wanted::Approve, state: state.to_owned() });
        assert!(say.starts_with("You can't approve crucial-sandbox now: it"), "{say}");
    }
    let not_now = |state: &str| Refusal::NotInReview { wanted: Wanted::Reject, state: state.to_owned() };
    insta::assert_snapshot!(said(not_now("preparing")), @"You can't reject crucial-sandbox now: its plan is still being made. It comes to the thread when it is there.");
    insta::assert_snapshot!(said(not_now("planned")), @"You can't reject crucial-sandbox now: its plan is there, but its pull request is not open yet. The card asks for approvals as soon as it is.");
    insta::assert_snapshot!(said(not_now("stuck")), @"You can't reject crucial-sandbox now: it is stuck. First /kaas retry crucial-sandbox.");
    insta::assert_snapshot!(said(not_now("applying")), @"You can't reject crucial-sandbox now: it is decided, and terraform is at work. See /kaas show crucial-sandbox.");
    insta::assert_snapshot!(said(Refusal::NotReady { state: "leaving".to_owned() }), @"There is no way into crucial-sandbox now: it is being destroyed. See /kaas show crucial-sandbox.");
    insta::assert_snapshot!(said(Refusal::AtWork { wanted: Wanted::Cancel, state: "applying".to_owned() }), @"You can't cancel crucial-sandbox now: terraform is at work, and cutting it off would leave things half made. The card says when that has ended.");
    insta::assert_snapshot!(said(Refusal::AtWork { wanted: Wanted::Cancel, state: "stuck".to_owned() }), @"You can't cancel crucial-sandbox: some of it may be destroyed already. Once what is wrong is mended, go on with /kaas retry crucial-sandbox.");
    insta::assert_snapshot!(said(Refusal::AtWork { wanted: Wanted::Cancel, state: "joining".to_owned() }), @"You can't cancel crucial-sandbox now: it is applied, and kaas waits for Rancher. The card says when that has ended.");
    insta::assert_snapshot!(said(Refusal::NothingToRetry { state: "joining".to_owned() }), @"There is nothing to retry about crucial-sandbox: it is applied already.");
    insta::assert_snapshot!(said(Refusal::NothingOpen { wanted: Wanted::Approve, live: true }), @"There is nothing to approve: crucial-sandbox is there, and no change of it is open.");
    insta::assert_snapshot!(said(Refusal::NothingOpen { wanted: Wanted::Cancel, live: true }), @"There is nothing to cancel: crucial-sandbox is there, and no change of it is open. To take it down: /kaas destroy crucial-sandbox");
    insta::assert_snapshot!(said(Refusal::NothingOpen { wanted: Wanted::Withdraw, live: false }), @"There is nothing to withdraw: crucial-sandbox has no open change.");
    insta::assert_snapshot!(said(Refusal::NothingOpen { wanted: Wanted::Destroy, live: false }), @"There is nothing to destroy: crucial-sandbox does not exist.");
}

#[test]
fn about_what_there_is() {
    let open = |kind: Kind, pull: Option<&str>| Refusal::ChangeOpen {
        change: ChangeNumber(42),
        kind,
        by: person("bob"),
        since: after("-10m"),
        pull: pull.map(str::to_owned),
    };
    insta::assert_snapshot!(said(open(Kind::Create, Some("https://git.example.com/pull/17"))), @"crucial-sandbox already has change 42 open, asked by bob 10 min ago. It has to end first: https://git.example.com/pull/17");
    insta::assert_snapshot!(said(open(Kind::Destroy, None)), @"crucial-sandbox already has change 42 open, to destroy it, asked by bob 10 min ago. It has to end first: /kaas show crucial-sandbox");
    insta::assert_snapshot!(said(Refusal::Exists { owner: person("alice") }), @"crucial-sandbox is taken: it belongs to alice. Choose another name, or look at that one: /kaas show crucial-sandbox");
    insta::assert_snapshot!(said(Refusal::NoSuchCluster { near: Some("crucial-sandbox-2".to_owned()) }), @"There is no cluster crucial-sandbox. Did you mean crucial-sandbox-2? To see all: /kaas list all");
    insta::assert_snapshot!(said(Refusal::NoSuchCluster { near: None }), @"There is no cluster crucial-sandbox. To see all: /kaas list all");
}
