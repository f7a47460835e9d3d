//! When the world fails: what is said, what is kept, and how it goes on.

use crate::world::story;

const AMI: &str = "terraform: \"InvalidAMIID.NotFound: ami-0abc\"";

#[test]
fn no_plan_can_be_made() {
    let told = story(async |w| {
        w.terraform.fails_planning(Some(AMI));
        w.alice("/kaas request crucial-sandbox size=small").await;
        w.stands("crucial-sandbox", "stuck");
        w.alice("press Retry").await;
        w.note("somebody mends the AMI");
        w.terraform.fails_planning(None);
        w.alice("press Retry").await;
        w.stands("crucial-sandbox", "waiting for 2 approvals");
        w.alice("press Cancel").await;
    });
    insta::assert_snapshot!(told, @r#"
    alice: /kaas request crucial-sandbox size=small
      card │ crucial-sandbox · new cluster · planning   change 1
           │ small: 1 + 3 nodes m6i.large, eu-west-1, RKE2 v1.33.5 · about $412 a month · until Sun 29 Nov (7 days)
           │ @alice asked for it
           │ [ Cancel ]
      kaas │ crucial-sandbox is stuck. terraform: "InvalidAMIID.NotFound: ami-0abc" (ref K-1). Nothing was applied. Mend it and /kaas retry crucial-sandbox, or /kaas cancel crucial-sandbox to end it.
      card │ crucial-sandbox · new cluster · stuck: terraform: "InvalidAMIID.NotFound: ami-0abc" (ref K-1), retry or cancel   change 1
           │ Pull request #17 https://forge.example/acme/clusters/pull/17
           │ [ Retry ] [ Cancel ]
    alice: press Retry
      card │ crucial-sandbox · new cluster · planning   change 1
           │ [ Cancel ]
      kaas │ crucial-sandbox is stuck. terraform: "InvalidAMIID.NotFound: ami-0abc" (ref K-2). Nothing was applied. Mend it and /kaas retry crucial-sandbox, or /kaas cancel crucial-sandbox to end it.
      card │ crucial-sandbox · new cluster · stuck: terraform: "InvalidAMIID.NotFound: ami-0abc" (ref K-2), retry or cancel   change 1
           │ Pull request #17 https://forge.example/acme/clusters/pull/17
           │ [ Retry ] [ Cancel ]
    (somebody mends the AMI)
    alice: press Retry
      card │ crucial-sandbox · new cluster · planning   change 1
           │ [ Cancel ]
      card │ crucial-sandbox · new cluster · waiting for 2 approvals   change 1
           │ Plan 62c8a3  7 to add, 0 to change, 0 to destroy · green: touches nothing that exists
           │ Votes        none yet · two of bob, carol, dave
           │ Pull request #17 https://forge.example/acme/clusters/pull/17
           │ [ Approve ] [ Reject … ] [ Plan ] [ Cancel ]
      kaas │ crucial-sandbox: the plan is here. 7 to add, nothing existing is touched. @bob, @carol, @dave, two of you decide.   [plan-62c8a3.txt]
    alice: press Cancel
      card │ crucial-sandbox · new cluster · cancelled by alice   change 1
           │ small: 1 + 3 nodes m6i.large, eu-west-1, RKE2 v1.33.5 · about $412 a month
      kaas │ crucial-sandbox: cancelled by alice. Nothing was made.
    "#);
}

#[test]
fn an_apply_fails_half_way_and_goes_on() {
    let told = story(async |w| {
        w.has_request("crucial-sandbox").await;
        w.terraform.fails_after(Some((4, AMI)));
        w.bob("press Approve").await;
        w.carol("press Approve").await;
        w.stands("crucial-sandbox", "stuck");
        assert_eq!(w.terraform.made(&w.key("crucial-sandbox")), 4);
        w.terraform.fails_after(None);
        w.note("somebody mends the AMI");
        w.alice("press Retry").await;
        w.stands("crucial-sandbox", "ready");
    });
    insta::assert_snapshot!(told, @r#"
    (alice has asked for crucial-sandbox, and its plan waits for approvals)
    bob: press Approve
      card │ crucial-sandbox · new cluster · waiting for 1 more approval   change 1
           │ Votes        bob approved · one more of carol, dave
    carol: press Approve
      card │ crucial-sandbox · new cluster · applying   change 1
           │ Votes        bob and carol approved
           │ [ Plan ]
      kaas │ crucial-sandbox: approved by bob and carol over plan 62c8a3. Applying now.
      kaas │ crucial-sandbox is stuck. terraform: "InvalidAMIID.NotFound: ami-0abc" (ref K-1). What was made so far stays in the state. Mend it and /kaas retry crucial-sandbox, or /kaas cancel crucial-sandbox to take it down again.
      card │ crucial-sandbox · new cluster · stuck: terraform: "InvalidAMIID.NotFound: ami-0abc" (ref K-1), retry or cancel   change 1
           │ [ Retry ] [ Plan ] [ Cancel ]
    (somebody mends the AMI)
    alice: press Retry
      card │ crucial-sandbox · new cluster · applying   change 1
           │ [ Plan ]
      card │ crucial-sandbox · new cluster · joining   change 1
      card │ crucial-sandbox · new cluster · ready until Sun 29 Nov   change 1
           │ small: 1 + 3 nodes m6i.large, eu-west-1, RKE2 v1.33.5 · about $412 a month · until Sun 29 Nov
      kaas │ crucial-sandbox is ready. alice has the way in.
      kaas → alice │ crucial-sandbox is ready until Sun 29 Nov.
                   │ Your kubeconfig, under your own name: https://rancher.example/dashboard/c/c-m-00000001/explorer   (Download KubeConfig)
                   │ or: rancher login https://rancher.example  then  rancher kubectl get nodes
                   │ 4 nodes, RKE2 v1.33.5, endpoint 10.20.0.15. Done early: /kaas destroy crucial-sandbox
    "#);
}

#[test]
fn an_apply_fails_half_way_and_is_taken_down() {
    let told = story(async |w| {
        w.has_request("crucial-sandbox").await;
        w.terraform.fails_after(Some((4, AMI)));
        w.bob("press Approve").await;
        w.carol("press Approve").await;
        w.terraform.fails_after(None);
        w.alice("press Cancel").await;
        w.stands("crucial-sandbox", "waiting for 2 approvals");
        w.alice("press Approve").await;
        w.bob("press Reject because I want to look at it first").await;
        w.stands("crucial-sandbox", "stuck");
        w.alice("/kaas retry crucial-sandbox").await;
        w.bob("press Approve").await;
        w.carol("press Approve").await;
        w.stands("crucial-sandbox", "taken down again");
        assert_eq!(w.terraform.made(&w.key("crucial-sandbox")), 0);
    });
    insta::assert_snapshot!(told, @r#"
    (alice has asked for crucial-sandbox, and its plan waits for approvals)
    bob: press Approve
      card │ crucial-sandbox · new cluster · waiting for 1 more approval   change 1
           │ Votes        bob approved · one more of carol, dave
    carol: press Approve
      card │ crucial-sandbox · new cluster · applying   change 1
           │ Votes        bob and carol approved
           │ [ Plan ]
      kaas │ crucial-sandbox: approved by bob and carol over plan 62c8a3. Applying now.
      kaas │ crucial-sandbox is stuck. terraform: "InvalidAMIID.NotFound: ami-0abc" (ref K-1). What was made so far stays in the state. Mend it and /kaas retry crucial-sandbox, or /kaas cancel crucial-sandbox to take it down again.
      card │ crucial-sandbox · new cluster · stuck: terraform: "InvalidAMIID.NotFound: ami-0abc" (ref K-1), retry or cancel   change 1
           │ [ Retry ] [ Plan ] [ Cancel ]
    alice: press Cancel
      kaas │ crucial-sandbox: alice took it back. What was made so far comes down again; as any other change, that needs a plan and approvals.
      card │ crucial-sandbox · clean-up · planning   change 1
           │ small: 1 + 3 nodes m6i.large, eu-west-1, RKE2 v1.33.5 · frees about $412 a month
           │ [ Cancel ]
      card │ crucial-sandbox · clean-up · waiting for 2 approvals   change 1
           │ Plan 2cc012  0 to add, 0 to change, 4 to destroy · red: destroys or replaces what exists
           │              destroys rancher2_cluster_v2.this
           │              destroys rancher2_machine_config_v2.pool
           │ Votes        none yet · two of bob, carol, dave
           │ Pull request #17 https://forge.example/acme/clusters/pull/17
           │ [ Approve ] [ Reject … ] [ Plan ] [ Cancel ]
      kaas │ crucial-sandbox: the plan to take down what was made is here. 4 to destroy (destroys rancher2_cluster_v2.this, and 1 more). @bob, @carol, @dave, two of you decide.   [plan-2cc012.txt]
    alice: press Approve
      kaas → alice │ You asked for crucial-sandbox, so somebody else has to approve it: two of bob, carol, dave. To take it back: /kaas cancel crucial-sandbox
    bob: press Reject because I want to look at it first
      kaas │ crucial-sandbox is stuck: what was made is still there, because bob rejected taking it down: I want to look at it first. /kaas retry crucial-sandbox asks for it again.
      card │ crucial-sandbox · clean-up · stuck: what was made is still there, because bob rejected taking it down: I want to look at it first, retry or cancel   change 1
           │ [ Retry ] [ Cancel ]
    alice: /kaas retry crucial-sandbox
      card │ crucial-sandbox · clean-up · planning   change 1
           │ [ Cancel ]
      card │ crucial-sandbox · clean-up · waiting for 2 approvals   change 1
           │ Plan 2cc012  0 to add, 0 to change, 4 to destroy · red: destroys or replaces what exists
           │              destroys rancher2_cluster_v2.this
           │              destroys rancher2_machine_config_v2.pool
           │ Votes        none yet · two of bob, carol, dave
           │ Pull request #17 https://forge.example/acme/clusters/pull/17
           │ [ Approve ] [ Reject … ] [ Plan ] [ Cancel ]
      kaas │ crucial-sandbox: the plan to take down what was made is here. 4 to destroy (destroys rancher2_cluster_v2.this, and 1 more). @bob, @carol, @dave, two of you decide.   [plan-2cc012.txt]
    bob: press Approve
      card │ crucial-sandbox · clean-up · waiting for 1 more approval   change 1
           │ Votes        bob approved · one more of carol, dave
    carol: press Approve
      card │ crucial-sandbox · clean-up · destroying   change 1
           │ Votes        bob and carol approved
           │ [ Plan ]
      kaas │ crucial-sandbox: approved by bob and carol over plan 2cc012. Destroying now.
      card │ crucial-sandbox · clean-up · making sure that it is gone   change 1
      card │ crucial-sandbox · clean-up · taken down again   change 1
      kaas │ crucial-sandbox is taken down again: 4 resources destroyed, and Rancher knows it no more.
    "#);
}

#[test]
fn a_destroy_fails_half_way() {
    let told = story(async |w| {
        w.has_cluster("crucial-sandbox").await;
        w.alice("/kaas destroy crucial-sandbox").await;
        w.terraform.fails_after(Some((2, "terraform: \"DependencyViolation: the network is in use\"")));
        w.bob("press Approve").await;
        w.carol("press Approve").await;
        w.stands("crucial-sandbox", "stuck");
        w.alice("/kaas cancel crucial-sandbox").await;
        w.terraform.fails_after(None);
        w.dave("press Retry").await;
        w.stands("crucial-sandbox", "gone");
    });
    insta::assert_snapshot!(told, @r#"
    (alice has crucial-sandbox, ready until Sun 29 Nov)
    alice: /kaas destroy crucial-sandbox
      card │ crucial-sandbox · destroy · planning   change 2
           │ small: 1 + 3 nodes m6i.large, eu-west-1, RKE2 v1.33.5 · frees about $412 a month
           │ @alice asked for it
           │ [ Cancel ]
      card │ crucial-sandbox · destroy · waiting for 2 approvals   change 2
           │ Plan 36c59a  0 to add, 0 to change, 7 to destroy · red: destroys or replaces what exists
           │              destroys rancher2_cluster_v2.this
           │              destroys rancher2_machine_config_v2.pool
           │ Votes        none yet · two of bob, carol, dave
           │ Pull request #18 https://forge.example/acme/clusters/pull/18
           │ [ Approve ] [ Reject … ] [ Plan ] [ Cancel ]
      kaas │ crucial-sandbox: the plan to destroy it is here. 7 to destroy (destroys rancher2_cluster_v2.this, and 1 more). @bob, @carol, @dave, two of you decide.   [plan-36c59a.txt]
    bob: press Approve
      card │ crucial-sandbox · destroy · waiting for 1 more approval   change 2
           │ Votes        bob approved · one more of carol, dave
    carol: press Approve
      card │ crucial-sandbox · destroy · destroying   change 2
           │ Votes        bob and carol approved
           │ [ Plan ]
      kaas │ crucial-sandbox: approved by bob and carol over plan 36c59a. Destroying now.
      kaas │ crucial-sandbox is stuck. terraform: "DependencyViolation: the network is in use" (ref K-1). What is left stays in the state. Mend it and /kaas retry crucial-sandbox.
      card │ crucial-sandbox · destroy · stuck: terraform: "DependencyViolation: the network is in use" (ref K-1), retry   change 2
           │ [ Retry ] [ Plan ]
      kaas → dave │ crucial-sandbox is stuck. terraform: "DependencyViolation: the network is in use" (ref K-1). What is left stays in the state. Mend it and /kaas retry crucial-sandbox.
    alice: /kaas cancel crucial-sandbox
      kaas → alice │ You can't cancel crucial-sandbox: some of it may be destroyed already. Once what is wrong is mended, go on with /kaas retry crucial-sandbox.
    dave: press Retry
      card │ crucial-sandbox · destroy · destroying   change 2
           │ [ Plan ]
      card │ crucial-sandbox · destroy · making sure that it is gone   change 2
      card │ crucial-sandbox · destroy · gone   change 2
      kaas │ crucial-sandbox is gone: 7 resources destroyed, and Rancher knows it no more.
    "#);
}

#[test]
fn kaas_is_killed_while_terraform_is_at_work() {
    let told = story(async |w| {
        w.has_applying("crucial-sandbox").await;
        w.restart().await;
        w.rest().await;
        w.stands("crucial-sandbox", "ready");
    });
    insta::assert_snapshot!(told, @"
    (alice has asked for crucial-sandbox, and terraform is applying it)
    (kaas is killed and started again)
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
fn rancher_does_not_know_the_person() {
    let told = story(async |w| {
        w.rancher.knows_nobody(Some("Rancher has no user for alice: sign in there once, then retry"));
        w.alice("/kaas request crucial-sandbox size=small").await;
        w.rancher.knows_nobody(None);
        w.alice("press Retry").await;
        w.stands("crucial-sandbox", "waiting for 2 approvals");
        w.alice("press Cancel").await;
    });
    insta::assert_snapshot!(told, @"
    alice: /kaas request crucial-sandbox size=small
      card │ crucial-sandbox · new cluster · planning   change 1
           │ small: 1 + 3 nodes m6i.large, eu-west-1, RKE2 v1.33.5 · about $412 a month · until Sun 29 Nov (7 days)
           │ @alice asked for it
           │ [ Cancel ]
      kaas │ crucial-sandbox is stuck. Rancher has no user for alice: sign in there once, then retry (ref K-1). Nothing was applied. Mend it and /kaas retry crucial-sandbox, or /kaas cancel crucial-sandbox to end it.
      card │ crucial-sandbox · new cluster · stuck: Rancher has no user for alice: sign in there once, then retry (ref K-1), retry or cancel   change 1
           │ [ Retry ] [ Cancel ]
    alice: press Retry
      card │ crucial-sandbox · new cluster · planning   change 1
           │ [ Cancel ]
      card │ crucial-sandbox · new cluster · waiting for 2 approvals   change 1
           │ Plan 62c8a3  7 to add, 0 to change, 0 to destroy · green: touches nothing that exists
           │ Votes        none yet · two of bob, carol, dave
           │ Pull request #17 https://forge.example/acme/clusters/pull/17
           │ [ Approve ] [ Reject … ] [ Plan ] [ Cancel ]
      kaas │ crucial-sandbox: the plan is here. 7 to add, nothing existing is touched. @bob, @carol, @dave, two of you decide.   [plan-62c8a3.txt]
    alice: press Cancel
      card │ crucial-sandbox · new cluster · cancelled by alice   change 1
           │ small: 1 + 3 nodes m6i.large, eu-west-1, RKE2 v1.33.5 · about $412 a month
      kaas │ crucial-sandbox: cancelled by alice. Nothing was made.
    ");
}
