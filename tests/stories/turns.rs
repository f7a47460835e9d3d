//! When things turn: cancelled, drifted, pushed to, closed by hand.

use kaas::ports::{Standing, Verdict};

use crate::world::story;

#[test]
fn cancelled_while_planning() {
    let told = story(async |w| {
        w.says_briefly("alice", "/kaas request crucial-sandbox size=small").await;
        w.stands("crucial-sandbox", "planning");
        w.bob("/kaas approve crucial-sandbox").await;
        w.says_briefly("alice", "/kaas request teal-otter size=small").await;
        w.alice("press Cancel on teal-otter").await;
        w.stands("teal-otter", "cancelled by alice");
        w.dave("/kaas cancel crucial-sandbox").await;
        w.stands("crucial-sandbox", "cancelled by dave");
    });
    insta::assert_snapshot!(told, @"
    alice: /kaas request crucial-sandbox size=small
      card │ crucial-sandbox · new cluster · planning   change 1
           │ small: 1 + 3 nodes m6i.large, eu-west-1, RKE2 v1.33.5 · about $412 a month · until Sun 29 Nov (7 days)
           │ @alice asked for it
           │ [ Cancel ]
    bob: /kaas approve crucial-sandbox
      kaas → bob │ You can't approve crucial-sandbox now: its plan is still being made. It comes to the thread when it is there.
      card │ crucial-sandbox · new cluster · waiting for 2 approvals   change 1
           │ Plan 62c8a3  7 to add, 0 to change, 0 to destroy · green: touches nothing that exists
           │ Votes        none yet · two of bob, carol, dave
           │ Pull request #17 https://forge.example/acme/clusters/pull/17
           │ [ Approve ] [ Reject … ] [ Plan ] [ Cancel ]
      kaas │ crucial-sandbox: the plan is here. 7 to add, nothing existing is touched. @bob, @carol, @dave, two of you decide.   [plan-62c8a3.txt]
    alice: /kaas request teal-otter size=small
      card │ teal-otter · new cluster · planning   change 2
           │ small: 1 + 3 nodes m6i.large, eu-west-1, RKE2 v1.33.5 · about $412 a month · until Sun 29 Nov (7 days)
           │ @alice asked for it
           │ [ Cancel ]
    alice: press Cancel on teal-otter
      card │ teal-otter · new cluster · cancelled by alice   change 2
           │ small: 1 + 3 nodes m6i.large, eu-west-1, RKE2 v1.33.5 · about $412 a month
      kaas │ teal-otter: cancelled by alice. Nothing was made.
    dave: /kaas cancel crucial-sandbox
      card │ crucial-sandbox · new cluster · cancelled by dave   change 1
           │ small: 1 + 3 nodes m6i.large, eu-west-1, RKE2 v1.33.5 · about $412 a month
      kaas │ crucial-sandbox: cancelled by dave. Nothing was made.
      kaas → alice │ Your request for crucial-sandbox was cancelled by dave. Nothing was made. Ask again when you like: /kaas request crucial-sandbox
    ");
}

#[test]
fn not_cancelled_while_terraform_is_at_work() {
    let told = story(async |w| {
        w.has_applying("crucial-sandbox").await;
        w.says_briefly("alice", "/kaas cancel crucial-sandbox").await;
        w.says_briefly("alice", "/kaas retry crucial-sandbox").await;
        w.says_briefly("bob", "/kaas reject crucial-sandbox").await;
        w.passes("90s").await;
        w.stands("crucial-sandbox", "joining");
        w.says_briefly("alice", "/kaas cancel crucial-sandbox").await;
        w.rest().await;
        w.stands("crucial-sandbox", "ready");
    });
    insta::assert_snapshot!(told, @"
    (alice has asked for crucial-sandbox, and terraform is applying it)
    alice: /kaas cancel crucial-sandbox
      kaas → alice │ You can't cancel crucial-sandbox now: terraform is at work, and cutting it off would leave things half made. The card says when that has ended.
    alice: /kaas retry crucial-sandbox
      kaas → alice │ There is nothing to retry about crucial-sandbox: it is decided, and terraform is at work.
    bob: /kaas reject crucial-sandbox
      kaas → bob │ You can't reject crucial-sandbox now: it is decided, and terraform is at work. See /kaas show crucial-sandbox.
    (90s pass)
      card │ crucial-sandbox · new cluster · joining   change 1
    alice: /kaas cancel crucial-sandbox
      kaas → alice │ You can't cancel crucial-sandbox now: it is applied, and kaas waits for Rancher. The card says when that has ended.
      card │ crucial-sandbox · new cluster · ready until Sun 29 Nov   change 1
           │ small: 1 + 3 nodes m6i.large, eu-west-1, RKE2 v1.33.5 · about $412 a month · until Sun 29 Nov
      kaas │ crucial-sandbox is ready. alice has the way in.
      kaas → alice │ crucial-sandbox is ready until Sun 29 Nov.
                   │ Your kubeconfig, under your own name: https://rancher.example/dashboard/c/c-m-00000001/explorer   (Download KubeConfig)
                   │ or: rancher login https://rancher.example  then  rancher kubectl get nodes
                   │ 4 nodes, RKE2 v1.33.5, endpoint 10.20.0.15. Done early: /kaas destroy crucial-sandbox
    ");
}

#[test]
fn the_world_moves_between_approval_and_apply() {
    let told = story(async |w| {
        w.has_request("crucial-sandbox").await;
        let before = w.sees("crucial-sandbox");
        w.bob("press Approve").await;
        w.note("somebody changes something by hand, in EC2");
        w.terraform.world_moves(&w.key("crucial-sandbox"));
        w.carol("press Approve").await;
        w.stands("crucial-sandbox", "waiting for 2 approvals");
        assert_eq!(w.terraform.made(&w.key("crucial-sandbox")), 0);
        w.acts_on("dave", "press Approve", &before).await;
        w.carol("press Approve").await;
        w.bob("press Approve").await;
        w.stands("crucial-sandbox", "ready");
    });
    insta::assert_snapshot!(told, @"
    (alice has asked for crucial-sandbox, and its plan waits for approvals)
    bob: press Approve
      card │ crucial-sandbox · new cluster · waiting for 1 more approval   change 1
           │ Votes        bob approved · one more of carol, dave
    (somebody changes something by hand, in EC2)
    carol: press Approve
      card │ crucial-sandbox · new cluster · applying   change 1
           │ Votes        bob and carol approved
           │ [ Plan ]
      kaas │ crucial-sandbox: approved by bob and carol over plan 62c8a3. Applying now.
      card │ crucial-sandbox · new cluster · waiting for 2 approvals   change 1
           │ Plan cb4a07  7 to add, 0 to change, 1 to destroy · red: destroys or replaces what exists
           │              destroys rancher2_machine_config_v2.pool
           │ Votes        none yet · two of bob, carol, dave
           │ [ Approve ] [ Reject … ] [ Plan ] [ Cancel ]
      kaas │ crucial-sandbox: the world moved since the plan was approved. Then: 7 to add. Now: 7 to add, 1 to destroy (destroys rancher2_machine_config_v2.pool). Nothing was applied; it needs new votes. @bob, @carol, @dave, two of you decide.   [plan-cb4a07.txt]
    dave: press Approve   (on the card of change 1 as it was)
      kaas → dave │ That card was for plan 62c8a3. The plan is cb4a07 now, and it destroys 1 resource. Look at the card again before you decide.
    carol: press Approve
      card │ crucial-sandbox · new cluster · waiting for 1 more approval   change 1
           │ Votes        carol approved · one more of bob, dave
    bob: press Approve
      card │ crucial-sandbox · new cluster · applying   change 1
           │ Votes        carol and bob approved
           │ [ Plan ]
      kaas │ crucial-sandbox: approved by carol and bob over plan cb4a07. Applying now.
      card │ crucial-sandbox · new cluster · joining   change 1
      card │ crucial-sandbox · new cluster · ready until Sun 29 Nov   change 1
           │ small: 1 + 3 nodes m6i.large, eu-west-1, RKE2 v1.33.5 · about $412 a month · until Sun 29 Nov
      kaas │ crucial-sandbox is ready. alice has the way in.
      kaas → alice │ crucial-sandbox is ready until Sun 29 Nov.
                   │ Your kubeconfig, under your own name: https://rancher.example/dashboard/c/c-m-00000001/explorer   (Download KubeConfig)
                   │ or: rancher login https://rancher.example  then  rancher kubectl get nodes
                   │ 4 nodes, RKE2 v1.33.5, endpoint 10.20.0.15. Done early: /kaas destroy crucial-sandbox
    ");
}

#[test]
fn a_stranger_pushes() {
    let told = story(async |w| {
        w.has_request("crucial-sandbox").await;
        w.bob("press Approve").await;
        w.note("eve pushes two files to the branch");
        w.forge.push("crucial-sandbox", "eve", 2);
        w.passes("5m").await;
        w.stands("crucial-sandbox", "stuck");
        w.carol("press Approve").await;
        w.alice("press Retry").await;
        w.stands("crucial-sandbox", "waiting for 2 approvals");
        w.bob("press Approve").await;
        w.carol("press Approve").await;
        w.stands("crucial-sandbox", "ready");
    });
    insta::assert_snapshot!(told, @"
    (alice has asked for crucial-sandbox, and its plan waits for approvals)
    bob: press Approve
      card │ crucial-sandbox · new cluster · waiting for 1 more approval   change 1
           │ Votes        bob approved · one more of carol, dave
    (eve pushes two files to the branch)
    (5m pass)
      kaas │ crucial-sandbox: eve pushed to the branch (2 files). kaas applies only what it wrote, so bob's approval is void. /kaas retry crucial-sandbox writes it again.
      card │ crucial-sandbox · new cluster · stuck: eve pushed to the branch (2 files), retry or cancel   change 1
           │ [ Retry ] [ Cancel ]
    carol: press Approve
      kaas → carol │ You can't approve crucial-sandbox now: it is stuck. First /kaas retry crucial-sandbox.
    alice: press Retry
      card │ crucial-sandbox · new cluster · planning   change 1
           │ [ Cancel ]
      card │ crucial-sandbox · new cluster · waiting for 2 approvals   change 1
           │ Plan 62c8a3  7 to add, 0 to change, 0 to destroy · green: touches nothing that exists
           │ Votes        none yet · two of bob, carol, dave
           │ Pull request #17 https://forge.example/acme/clusters/pull/17
           │ [ Approve ] [ Reject … ] [ Plan ] [ Cancel ]
      kaas │ crucial-sandbox: the plan is here. 7 to add, nothing existing is touched. @bob, @carol, @dave, two of you decide.   [plan-62c8a3.txt]
    bob: press Approve
      card │ crucial-sandbox · new cluster · waiting for 1 more approval   change 1
           │ Votes        bob approved · one more of carol, dave
    carol: press Approve
      card │ crucial-sandbox · new cluster · applying   change 1
           │ Votes        bob and carol approved
           │ [ Plan ]
      kaas │ crucial-sandbox: approved by bob and carol over plan 62c8a3. Applying now.
      card │ crucial-sandbox · new cluster · joining   change 1
      card │ crucial-sandbox · new cluster · ready until Sun 29 Nov   change 1
           │ small: 1 + 3 nodes m6i.large, eu-west-1, RKE2 v1.33.5 · about $412 a month · until Sun 29 Nov
      kaas │ crucial-sandbox is ready. alice has the way in.
      kaas → alice │ crucial-sandbox is ready until Sun 29 Nov.
                   │ Your kubeconfig, under your own name: https://rancher.example/dashboard/c/c-m-00000001/explorer   (Download KubeConfig)
                   │ or: rancher login https://rancher.example  then  rancher kubectl get nodes
                   │ 4 nodes, RKE2 v1.33.5, endpoint 10.20.0.15. Done early: /kaas destroy crucial-sandbox
    ");
}

#[test]
fn a_stranger_pushes_before_anybody_voted() {
    let told = story(async |w| {
        w.has_request("crucial-sandbox").await;
        w.note("eve pushes a file to the branch");
        w.forge.push("crucial-sandbox", "eve", 1);
        w.passes("5m").await;
        w.alice("press Cancel").await;
        w.stands("crucial-sandbox", "cancelled by alice");
    });
    insta::assert_snapshot!(told, @"
    (alice has asked for crucial-sandbox, and its plan waits for approvals)
    (eve pushes a file to the branch)
    (5m pass)
      kaas │ crucial-sandbox is stuck. eve pushed to the branch (1 file), and kaas applies only what it wrote. Nothing was applied. /kaas retry crucial-sandbox writes it again, /kaas cancel crucial-sandbox ends it.
      card │ crucial-sandbox · new cluster · stuck: eve pushed to the branch (1 file), retry or cancel   change 1
           │ [ Retry ] [ Cancel ]
    alice: press Cancel
      card │ crucial-sandbox · new cluster · cancelled by alice   change 1
           │ small: 1 + 3 nodes m6i.large, eu-west-1, RKE2 v1.33.5 · about $412 a month
      kaas │ crucial-sandbox: cancelled by alice. Nothing was made.
    ");
}

#[test]
fn a_push_that_changes_nothing_costs_the_votes() {
    let told = story(async |w| {
        w.has_request("crucial-sandbox").await;
        w.bob("press Approve").await;
        w.note("eve rebases the branch");
        w.forge.push("crucial-sandbox", "eve", 0);
        w.passes("5m").await;
        w.stands("crucial-sandbox", "waiting for 2 approvals");
        w.bob("press Approve").await;
        w.carol("press Approve").await;
        w.stands("crucial-sandbox", "ready");
    });
    insta::assert_snapshot!(told, @"
    (alice has asked for crucial-sandbox, and its plan waits for approvals)
    bob: press Approve
      card │ crucial-sandbox · new cluster · waiting for 1 more approval   change 1
           │ Votes        bob approved · one more of carol, dave
    (eve rebases the branch)
    (5m pass)
      kaas │ crucial-sandbox: eve pushed to the branch. The files are the same, but a vote is for one commit, so bob's approval is void. Please decide again.
      card │ crucial-sandbox · new cluster · planning   change 1
           │ [ Cancel ]
      card │ crucial-sandbox · new cluster · waiting for 2 approvals   change 1
           │ Plan 62c8a3  7 to add, 0 to change, 0 to destroy · green: touches nothing that exists
           │ Votes        none yet · two of bob, carol, dave
           │ [ Approve ] [ Reject … ] [ Plan ] [ Cancel ]
      kaas │ crucial-sandbox: the plan is here. 7 to add, nothing existing is touched. @bob, @carol, @dave, two of you decide.   [plan-62c8a3.txt]
    bob: press Approve
      card │ crucial-sandbox · new cluster · waiting for 1 more approval   change 1
           │ Votes        bob approved · one more of carol, dave
    carol: press Approve
      card │ crucial-sandbox · new cluster · applying   change 1
           │ Votes        bob and carol approved
           │ [ Plan ]
      kaas │ crucial-sandbox: approved by bob and carol over plan 62c8a3. Applying now.
      card │ crucial-sandbox · new cluster · joining   change 1
      card │ crucial-sandbox · new cluster · ready until Sun 29 Nov   change 1
           │ small: 1 + 3 nodes m6i.large, eu-west-1, RKE2 v1.33.5 · about $412 a month · until Sun 29 Nov
      kaas │ crucial-sandbox is ready. alice has the way in.
      kaas → alice │ crucial-sandbox is ready until Sun 29 Nov.
                   │ Your kubeconfig, under your own name: https://rancher.example/dashboard/c/c-m-00000001/explorer   (Download KubeConfig)
                   │ or: rancher login https://rancher.example  then  rancher kubectl get nodes
                   │ 4 nodes, RKE2 v1.33.5, endpoint 10.20.0.15. Done early: /kaas destroy crucial-sandbox
    ");
}

#[test]
fn a_push_right_before_the_last_vote() {
    let told = story(async |w| {
        w.has_request("crucial-sandbox").await;
        w.bob("press Approve").await;
        w.note("eve pushes a file to the branch, and carol is faster than the sweep");
        w.forge.push("crucial-sandbox", "eve", 1);
        w.carol("press Approve").await;
        w.stands("crucial-sandbox", "stuck");
        assert_eq!(w.terraform.made(&w.key("crucial-sandbox")), 0);
        w.alice("/kaas retry crucial-sandbox").await;
        w.carol("press Approve").await;
        w.bob("press Approve").await;
        w.stands("crucial-sandbox", "ready");
    });
    insta::assert_snapshot!(told, @"
    (alice has asked for crucial-sandbox, and its plan waits for approvals)
    bob: press Approve
      card │ crucial-sandbox · new cluster · waiting for 1 more approval   change 1
           │ Votes        bob approved · one more of carol, dave
    (eve pushes a file to the branch, and carol is faster than the sweep)
    carol: press Approve
      card │ crucial-sandbox · new cluster · applying   change 1
           │ Votes        bob and carol approved
           │ [ Plan ]
      kaas │ crucial-sandbox: approved by bob and carol over plan 62c8a3. Applying now.
      kaas │ crucial-sandbox: eve pushed to the branch (1 file). kaas applies only what it wrote, so the approvals of bob and carol are void. /kaas retry crucial-sandbox writes it again.
      card │ crucial-sandbox · new cluster · stuck: eve pushed to the branch (1 file), retry or cancel   change 1
           │ [ Retry ] [ Cancel ]
    alice: /kaas retry crucial-sandbox
      card │ crucial-sandbox · new cluster · planning   change 1
           │ [ Cancel ]
      card │ crucial-sandbox · new cluster · waiting for 2 approvals   change 1
           │ Plan 62c8a3  7 to add, 0 to change, 0 to destroy · green: touches nothing that exists
           │ Votes        none yet · two of bob, carol, dave
           │ Pull request #17 https://forge.example/acme/clusters/pull/17
           │ [ Approve ] [ Reject … ] [ Plan ] [ Cancel ]
      kaas │ crucial-sandbox: the plan is here. 7 to add, nothing existing is touched. @bob, @carol, @dave, two of you decide.   [plan-62c8a3.txt]
    carol: press Approve
      card │ crucial-sandbox · new cluster · waiting for 1 more approval   change 1
           │ Votes        carol approved · one more of bob, dave
    bob: press Approve
      card │ crucial-sandbox · new cluster · applying   change 1
           │ Votes        carol and bob approved
           │ [ Plan ]
      kaas │ crucial-sandbox: approved by carol and bob over plan 62c8a3. Applying now.
      card │ crucial-sandbox · new cluster · joining   change 1
      card │ crucial-sandbox · new cluster · ready until Sun 29 Nov   change 1
           │ small: 1 + 3 nodes m6i.large, eu-west-1, RKE2 v1.33.5 · about $412 a month · until Sun 29 Nov
      kaas │ crucial-sandbox is ready. alice has the way in.
      kaas → alice │ crucial-sandbox is ready until Sun 29 Nov.
                   │ Your kubeconfig, under your own name: https://rancher.example/dashboard/c/c-m-00000001/explorer   (Download KubeConfig)
                   │ or: rancher login https://rancher.example  then  rancher kubectl get nodes
                   │ 4 nodes, RKE2 v1.33.5, endpoint 10.20.0.15. Done early: /kaas destroy crucial-sandbox
    ");
}

#[test]
fn a_push_while_terraform_is_at_work() {
    let told = story(async |w| {
        w.has_applying("crucial-sandbox").await;
        w.note("eve pushes a file to the branch");
        w.forge.push("crucial-sandbox", "eve", 1);
        w.rest().await;
        w.stands("crucial-sandbox", "ready");
    });
    insta::assert_snapshot!(told, @"
    (alice has asked for crucial-sandbox, and terraform is applying it)
    (eve pushes a file to the branch)
      card │ crucial-sandbox · new cluster · joining   change 1
      kaas │ crucial-sandbox: eve touched the pull request while it was being applied. kaas wrote it again: what is merged is what was applied.
      card │ crucial-sandbox · new cluster · ready until Sun 29 Nov   change 1
           │ small: 1 + 3 nodes m6i.large, eu-west-1, RKE2 v1.33.5 · about $412 a month · until Sun 29 Nov
      kaas │ crucial-sandbox is ready. alice has the way in.
      kaas → alice │ crucial-sandbox is ready until Sun 29 Nov.
                   │ Your kubeconfig, under your own name: https://rancher.example/dashboard/c/c-m-00000001/explorer   (Download KubeConfig)
                   │ or: rancher login https://rancher.example  then  rancher kubectl get nodes
                   │ 4 nodes, RKE2 v1.33.5, endpoint 10.20.0.15. Done early: /kaas destroy crucial-sandbox
    ");
}

#[test]
fn the_pull_request_is_closed_by_hand() {
    let told = story(async |w| {
        w.has_request("crucial-sandbox").await;
        w.bob("press Approve").await;
        w.note("eve closes the pull request");
        w.forge.close_by_hand("crucial-sandbox", "eve");
        w.passes("5m").await;
        w.stands("crucial-sandbox", "closed: eve closed the pull request");
    });
    insta::assert_snapshot!(told, @"
    (alice has asked for crucial-sandbox, and its plan waits for approvals)
    bob: press Approve
      card │ crucial-sandbox · new cluster · waiting for 1 more approval   change 1
           │ Votes        bob approved · one more of carol, dave
    (eve closes the pull request)
    (5m pass)
      card │ crucial-sandbox · new cluster · closed: eve closed the pull request   change 1
           │ small: 1 + 3 nodes m6i.large, eu-west-1, RKE2 v1.33.5 · about $412 a month
      kaas │ crucial-sandbox: closed, because eve closed its pull request. Nothing was made.
      kaas → alice │ Your request for crucial-sandbox was closed, because eve closed its pull request. Nothing was made. Ask again when you like: /kaas request crucial-sandbox
    ");
}

#[test]
fn the_pull_request_is_closed_while_terraform_is_at_work() {
    let told = story(async |w| {
        w.has_applying("crucial-sandbox").await;
        w.note("eve closes the pull request");
        w.forge.close_by_hand("crucial-sandbox", "eve");
        w.rest().await;
        w.stands("crucial-sandbox", "ready");
    });
    insta::assert_snapshot!(told, @"
    (alice has asked for crucial-sandbox, and terraform is applying it)
    (eve closes the pull request)
      card │ crucial-sandbox · new cluster · joining   change 1
      kaas │ crucial-sandbox: eve touched the pull request while it was being applied. kaas wrote it again: what is merged is what was applied.
      card │ crucial-sandbox · new cluster · ready until Sun 29 Nov   change 1
           │ small: 1 + 3 nodes m6i.large, eu-west-1, RKE2 v1.33.5 · about $412 a month · until Sun 29 Nov
           │ Pull request #18 https://forge.example/acme/clusters/pull/18
      kaas │ crucial-sandbox is ready. alice has the way in.
      kaas → alice │ crucial-sandbox is ready until Sun 29 Nov.
                   │ Your kubeconfig, under your own name: https://rancher.example/dashboard/c/c-m-00000001/explorer   (Download KubeConfig)
                   │ or: rancher login https://rancher.example  then  rancher kubectl get nodes
                   │ 4 nodes, RKE2 v1.33.5, endpoint 10.20.0.15. Done early: /kaas destroy crucial-sandbox
    ");
}

#[test]
fn what_is_said_after_somebody_merged_counts() {
    story(async |w| {
        w.has_request("crucial-sandbox").await;
        w.forge.merge_by_hand("crucial-sandbox");
        w.passes("10m").await;
        w.forge.review("crucial-sandbox", "bob", Verdict::Approved, "");
        w.passes("10m").await;
        w.stands("crucial-sandbox", "waiting for 1 more approval");
        w.forge.review("crucial-sandbox", "bob", Verdict::Dismissed, "");
        w.passes("10m").await;
        w.stands("crucial-sandbox", "waiting for 2 approvals");
        w.forge.review("crucial-sandbox", "bob", Verdict::Approved, "");
        w.reacts_unheard("carol", "+1", "crucial-sandbox", Standing::Member, true);
        w.passes("10m").await;
        w.stands("crucial-sandbox", "ready");
    });
    story(async |w| {
        w.has_request("crucial-sandbox").await;
        w.forge.merge_by_hand("crucial-sandbox");
        w.forge.review("crucial-sandbox", "carol", Verdict::Refused, "too large");
        w.passes("10m").await;
        w.stands("crucial-sandbox", "rejected by carol: too large");
        w.forge.revert_by_hand("crucial-sandbox");
    });
}

#[test]
fn somebody_merges_before_it_is_decided() {
    let told = story(async |w| {
        w.has_request("crucial-sandbox").await;
        w.note("eve merges the pull request by hand");
        w.forge.merge_by_hand("crucial-sandbox");
        w.passes("20m").await;
        w.stands("crucial-sandbox", "waiting for 2 approvals");
        w.bob("press Approve").await;
        w.carol("press Approve").await;
        w.stands("crucial-sandbox", "ready");
    });
    assert_eq!(told.matches("merged its pull request by hand").count(), 1);
    insta::assert_snapshot!(told, @"
    (alice has asked for crucial-sandbox, and its plan waits for approvals)
    (eve merges the pull request by hand)
    (20m pass)
      kaas │ crucial-sandbox: somebody merged its pull request by hand before this was decided. Nothing runs because of that: the votes still decide. If it is not to be, revert the merge.
    bob: press Approve
      card │ crucial-sandbox · new cluster · waiting for 1 more approval   change 1
           │ Votes        bob approved · one more of carol, dave
    carol: press Approve
      card │ crucial-sandbox · new cluster · applying   change 1
           │ Votes        bob and carol approved
           │ [ Plan ]
      kaas │ crucial-sandbox: approved by bob and carol over plan 62c8a3. Applying now.
      card │ crucial-sandbox · new cluster · joining   change 1
      card │ crucial-sandbox · new cluster · ready until Sun 29 Nov   change 1
           │ small: 1 + 3 nodes m6i.large, eu-west-1, RKE2 v1.33.5 · about $412 a month · until Sun 29 Nov
      kaas │ crucial-sandbox is ready. alice has the way in.
      kaas → alice │ crucial-sandbox is ready until Sun 29 Nov.
                   │ Your kubeconfig, under your own name: https://rancher.example/dashboard/c/c-m-00000001/explorer   (Download KubeConfig)
                   │ or: rancher login https://rancher.example  then  rancher kubectl get nodes
                   │ 4 nodes, RKE2 v1.33.5, endpoint 10.20.0.15. Done early: /kaas destroy crucial-sandbox
    ");
}
