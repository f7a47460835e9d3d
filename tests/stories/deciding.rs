//! How people decide: votes, their limits, rejections, silence.

use kaas::lifecycle::Risk;

use crate::world::{person, story, story_with};

#[test]
fn a_rejection_has_its_reason() {
    let told = story(async |w| {
        w.alice("/kaas request crucial-sandbox size=small").await;
        w.bob("+1").await;
        w.carol("press Reject because the budget is gone").await;
        w.stands("crucial-sandbox", "rejected by carol");
        // The name is free again.
        w.alice("/kaas request crucial-sandbox size=small").await;
        w.dave("/kaas reject crucial-sandbox").await;
    });
    insta::assert_snapshot!(told, @"
    alice: /kaas request crucial-sandbox size=small
      card │ crucial-sandbox · new cluster · planning   change 1
           │ small: 1 + 3 nodes m6i.large, eu-west-1, RKE2 v1.33.5 · about $412 a month · until Sun 29 Nov (7 days)
           │ @alice asked for it
           │ [ Cancel ]
      card │ crucial-sandbox · new cluster · waiting for 2 approvals   change 1
           │ Plan 62c8a3  7 to add, 0 to change, 0 to destroy · green: touches nothing that exists
           │ Votes        none yet · two of bob, carol, dave
           │ Pull request #17 https://forge.example/acme/clusters/pull/17
           │ [ Approve ] [ Reject … ] [ Plan ] [ Cancel ]
      kaas │ crucial-sandbox: the plan is here. 7 to add, nothing existing is touched. @bob, @carol, @dave, two of you decide.   [plan-62c8a3.txt]
    bob: +1
      card │ crucial-sandbox · new cluster · waiting for 1 more approval   change 1
           │ Votes        bob approved · one more of carol, dave
    carol: press Reject because the budget is gone
      card │ crucial-sandbox · new cluster · rejected by carol: the budget is gone   change 1
           │ small: 1 + 3 nodes m6i.large, eu-west-1, RKE2 v1.33.5 · about $412 a month
      kaas │ crucial-sandbox: rejected by carol: the budget is gone. Nothing was made.
      kaas → alice │ Your request for crucial-sandbox was rejected by carol: the budget is gone. Nothing was made. Ask again when you like: /kaas request crucial-sandbox
    alice: /kaas request crucial-sandbox size=small
      card │ crucial-sandbox · new cluster · planning   change 2
           │ small: 1 + 3 nodes m6i.large, eu-west-1, RKE2 v1.33.5 · about $412 a month · until Sun 29 Nov (7 days)
           │ @alice asked for it
           │ [ Cancel ]
      card │ crucial-sandbox · new cluster · waiting for 2 approvals   change 2
           │ Plan 2130a8  7 to add, 0 to change, 0 to destroy · green: touches nothing that exists
           │ Votes        none yet · two of bob, carol, dave
           │ Pull request #18 https://forge.example/acme/clusters/pull/18
           │ [ Approve ] [ Reject … ] [ Plan ] [ Cancel ]
      kaas │ crucial-sandbox: the plan is here. 7 to add, nothing existing is touched. @bob, @carol, @dave, two of you decide.   [plan-2130a8.txt]
    dave: /kaas reject crucial-sandbox
      card │ crucial-sandbox · new cluster · rejected by dave   change 2
           │ small: 1 + 3 nodes m6i.large, eu-west-1, RKE2 v1.33.5 · about $412 a month
      kaas │ crucial-sandbox: rejected by dave. Nothing was made.
      kaas → alice │ Your request for crucial-sandbox was rejected by dave. Nothing was made. Ask again when you like: /kaas request crucial-sandbox
    ");
}

#[test]
fn nobody_decides() {
    let told = story(async |w| {
        w.has_request("crucial-sandbox").await;
        w.bob("+1").await;
        w.passes("3h").await;
        w.passes("20h").await;
        w.passes("2h").await;
        w.stands("crucial-sandbox", "closed: nobody decided");
    });
    assert_eq!(told.matches("still waits").count(), 1);
    insta::assert_snapshot!(told, @"
    (alice has asked for crucial-sandbox, and its plan waits for approvals)
    bob: +1
      card │ crucial-sandbox · new cluster · waiting for 1 more approval   change 1
           │ Votes        bob approved · one more of carol, dave
    (3h pass)
    (20h pass)
      kaas │ crucial-sandbox still waits for one approval. @carol, @dave: press Approve on the card, or send /kaas approve crucial-sandbox. It stays open until Mon 23 Nov 12:00.
    (2h pass)
      card │ crucial-sandbox · new cluster · closed: nobody decided by Mon 23 Nov   change 1
           │ small: 1 + 3 nodes m6i.large, eu-west-1, RKE2 v1.33.5 · about $412 a month
      kaas │ crucial-sandbox: closed, because nobody decided by 12:00. Nothing was made.
      kaas → alice │ Your request for crucial-sandbox was closed, because nobody decided by 12:00. Nothing was made. Ask again when you like: /kaas request crucial-sandbox
    ");
}

#[test]
fn who_may_decide() {
    let told = story(async |w| {
        w.has_request("crucial-sandbox").await;
        w.alice("+1").await;
        w.alice("press Reject because I changed my mind").await;
        w.mallory("press Approve").await;
        w.erin("/kaas approve crucial-sandbox").await;
        w.bob("👀").await;
        w.bob("-1").await;
        w.bob("👍🏽").await;
        w.bob("press Approve").await;
        w.alice("/kaas cancel crucial-sandbox").await;
    });
    insta::assert_snapshot!(told, @"
    (alice has asked for crucial-sandbox, and its plan waits for approvals)
    alice: +1
      kaas → alice │ You asked for crucial-sandbox, so somebody else has to approve it: two of bob, carol, dave. To take it back: /kaas cancel crucial-sandbox
    alice: press Reject because I changed my mind
      kaas → alice │ You asked for crucial-sandbox, so somebody else has to approve it: two of bob, carol, dave. To take it back: /kaas cancel crucial-sandbox
    mallory: press Approve
      kaas → mallory │ You can't decide about crucial-sandbox: you are not one of its approvers (bob, carol, dave).
    erin: /kaas approve crucial-sandbox
      kaas → erin │ You can't decide about crucial-sandbox: you are not one of its approvers (bob, carol, dave).
    bob: 👀
    bob: -1
      kaas → bob │ A reaction can't reject crucial-sandbox. This can: /kaas reject crucial-sandbox because …
    bob: 👍🏽
      card │ crucial-sandbox · new cluster · waiting for 1 more approval   change 1
           │ Votes        bob approved · one more of carol, dave
    bob: press Approve
      kaas → bob │ Your approval of crucial-sandbox counts already; one more is needed.
    alice: /kaas cancel crucial-sandbox
      card │ crucial-sandbox · new cluster · cancelled by alice   change 1
           │ small: 1 + 3 nodes m6i.large, eu-west-1, RKE2 v1.33.5 · about $412 a month
      kaas │ crucial-sandbox: cancelled by alice. Nothing was made.
    ");
}

#[test]
fn two_people_at_once() {
    let told = story(async |w| {
        w.has_request("crucial-sandbox").await;
        w.at_once(("bob", "+1"), ("carol", "+1")).await;
        w.dave("press Approve").await;
    });
    insta::assert_snapshot!(told, @"
    (alice has asked for crucial-sandbox, and its plan waits for approvals)
    bob: +1
    carol: +1
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
    dave: press Approve
      kaas → dave │ There is nothing to approve: crucial-sandbox is there, and no change of it is open.
    ");
}

#[test]
fn one_person_under_two_names_counts_once() {
    let told = story(async |w| {
        w.has_request("crucial-sandbox").await;
        w.bob("press Approve").await;
        w.says_as(&person("bob", "Bobby"), "press Approve").await;
        w.says_as(&person("alice", "Alice of the other chat"), "press Approve").await;
        w.stands("crucial-sandbox", "waiting for 1 more approval");
        w.dave("/kaas approve crucial-sandbox").await;
        w.stands("crucial-sandbox", "ready");
    });
    insta::assert_snapshot!(told, @"
    (alice has asked for crucial-sandbox, and its plan waits for approvals)
    bob: press Approve
      card │ crucial-sandbox · new cluster · waiting for 1 more approval   change 1
           │ Votes        bob approved · one more of carol, dave
    Bobby: press Approve
      kaas → Bobby │ Your approval of crucial-sandbox counts already; one more is needed.
    Alice of the other chat: press Approve
      kaas → Alice of the other chat │ You asked for crucial-sandbox, so somebody else has to approve it: two of bob, carol, dave. To take it back: /kaas cancel crucial-sandbox
    dave: /kaas approve crucial-sandbox
      card │ crucial-sandbox · new cluster · applying   change 1
           │ Votes        bob and dave approved
           │ [ Plan ]
      kaas │ crucial-sandbox: approved by bob and dave over plan 62c8a3. Applying now.
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
fn an_approver_is_removed_before_the_decision() {
    let told = story(async |w| {
        w.has_request("crucial-sandbox").await;
        w.bob("press Approve").await;
        w.policy("bob is no approver any more", |policy| policy.approvers.retain(|p| p.name != "bob")).await;
        w.alice("/kaas show crucial-sandbox").await;
        w.carol("press Approve").await;
        w.stands("crucial-sandbox", "waiting for 1 more approval");
        w.dave("press Approve").await;
        w.stands("crucial-sandbox", "ready");
    });
    insta::assert_snapshot!(told, @"
    (alice has asked for crucial-sandbox, and its plan waits for approvals)
    bob: press Approve
      card │ crucial-sandbox · new cluster · waiting for 1 more approval   change 1
           │ Votes        bob approved · one more of carol, dave
    (bob is no approver any more)
    alice: /kaas show crucial-sandbox
      kaas → alice │ crucial-sandbox · new cluster · waiting for 2 approvals   change 1
                   │ small: 1 + 3 nodes m6i.large, eu-west-1, RKE2 v1.33.5 · about $412 a month · until Sun 29 Nov (7 days)
                   │ @alice asked for it
                   │ Plan 62c8a3  7 to add, 0 to change, 0 to destroy · green: touches nothing that exists
                   │ Votes        none yet · two of carol, dave
                   │ Pull request #17 https://forge.example/acme/clusters/pull/17
                   │ Asked        12:00, 1 min ago
    carol: press Approve
      card │ Votes        carol approved · one more of dave
    dave: press Approve
      card │ crucial-sandbox · new cluster · applying   change 1
           │ Votes        carol and dave approved
           │ [ Plan ]
      kaas │ crucial-sandbox: approved by carol and dave over plan 62c8a3. Applying now.
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
fn one_approval_is_enough_where_the_policy_says_so() {
    let told = story_with(
        |policy| policy.quorum.green = 1,
        async |w| {
            w.alice("/kaas request crucial-sandbox size=small").await;
            w.bob("+1").await;
            w.stands("crucial-sandbox", "ready");
            w.carol("+1").await;
        },
    );
    insta::assert_snapshot!(told, @"
    alice: /kaas request crucial-sandbox size=small
      card │ crucial-sandbox · new cluster · planning   change 1
           │ small: 1 + 3 nodes m6i.large, eu-west-1, RKE2 v1.33.5 · about $412 a month · until Sun 29 Nov (7 days)
           │ @alice asked for it
           │ [ Cancel ]
      card │ crucial-sandbox · new cluster · waiting for 1 approval   change 1
           │ Plan 62c8a3  7 to add, 0 to change, 0 to destroy · green: touches nothing that exists
           │ Votes        none yet · one of bob, carol, dave
           │ Pull request #17 https://forge.example/acme/clusters/pull/17
           │ [ Approve ] [ Reject … ] [ Plan ] [ Cancel ]
      kaas │ crucial-sandbox: the plan is here. 7 to add, nothing existing is touched. @bob, @carol, @dave, one of you decides.   [plan-62c8a3.txt]
    bob: +1
      card │ crucial-sandbox · new cluster · applying   change 1
           │ Votes        bob approved
           │ [ Plan ]
      kaas │ crucial-sandbox: approved by bob over plan 62c8a3. Applying now.
      card │ crucial-sandbox · new cluster · joining   change 1
      card │ crucial-sandbox · new cluster · ready until Sun 29 Nov   change 1
           │ small: 1 + 3 nodes m6i.large, eu-west-1, RKE2 v1.33.5 · about $412 a month · until Sun 29 Nov
      kaas │ crucial-sandbox is ready. alice has the way in.
      kaas → alice │ crucial-sandbox is ready until Sun 29 Nov.
                   │ Your kubeconfig, under your own name: https://rancher.example/dashboard/c/c-m-00000001/explorer   (Download KubeConfig)
                   │ or: rancher login https://rancher.example  then  rancher kubectl get nodes
                   │ 4 nodes, RKE2 v1.33.5, endpoint 10.20.0.15. Done early: /kaas destroy crucial-sandbox
    carol: +1
      kaas → carol │ There is nothing to approve: crucial-sandbox is there, and no change of it is open.
    ");
}

#[test]
fn a_reaction_is_too_weak_for_a_dangerous_plan() {
    let told = story_with(
        |policy| policy.reactions_up_to = Risk::Green,
        async |w| {
            w.has_cluster("crucial-sandbox").await;
            w.alice("/kaas destroy crucial-sandbox").await;
            w.bob("+1").await;
            w.bob("press Approve").await;
            w.carol("/kaas approve crucial-sandbox").await;
            w.stands("crucial-sandbox", "gone");
        },
    );
    insta::assert_snapshot!(told, @"
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
    bob: +1
      kaas → bob │ A reaction is not enough for crucial-sandbox: its plan destroys or replaces what exists. Press Approve on the card, or send /kaas approve crucial-sandbox
    bob: press Approve
      card │ crucial-sandbox · destroy · waiting for 1 more approval   change 2
           │ Votes        bob approved · one more of carol, dave
    carol: /kaas approve crucial-sandbox
      card │ crucial-sandbox · destroy · destroying   change 2
           │ Votes        bob and carol approved
           │ [ Plan ]
      kaas │ crucial-sandbox: approved by bob and carol over plan 36c59a. Destroying now.
      card │ crucial-sandbox · destroy · making sure that it is gone   change 2
      card │ crucial-sandbox · destroy · gone   change 2
      kaas │ crucial-sandbox is gone: 7 resources destroyed, and Rancher knows it no more.
    ");
}

#[test]
fn an_approval_is_taken_back() {
    let told = story(async |w| {
        w.has_request("crucial-sandbox").await;
        w.bob("/kaas withdraw crucial-sandbox").await;
        w.bob("+1").await;
        w.bob("remove +1").await;
        w.stands("crucial-sandbox", "waiting for 2 approvals");
        // A reaction takes back only what a reaction gave.
        w.bob("press Approve").await;
        w.bob("remove +1").await;
        w.stands("crucial-sandbox", "waiting for 1 more approval");
        w.bob("/kaas withdraw crucial-sandbox").await;
        w.stands("crucial-sandbox", "waiting for 2 approvals");
        w.bob("+1").await;
        w.says_briefly("carol", "+1").await;
        // Decided is decided.
        w.bob("remove +1").await;
        w.carol("/kaas withdraw crucial-sandbox").await;
        w.stands("crucial-sandbox", "ready");
    });
    insta::assert_snapshot!(told, @"
    (alice has asked for crucial-sandbox, and its plan waits for approvals)
    bob: /kaas withdraw crucial-sandbox
      kaas → bob │ You have not approved crucial-sandbox, so there is nothing to take back.
    bob: +1
      card │ crucial-sandbox · new cluster · waiting for 1 more approval   change 1
           │ Votes        bob approved · one more of carol, dave
    bob: remove +1
      card │ crucial-sandbox · new cluster · waiting for 2 approvals   change 1
           │ Votes        none yet · two of bob, carol, dave
    bob: press Approve
      card │ crucial-sandbox · new cluster · waiting for 1 more approval   change 1
           │ Votes        bob approved · one more of carol, dave
    bob: remove +1
    bob: /kaas withdraw crucial-sandbox
      card │ crucial-sandbox · new cluster · waiting for 2 approvals   change 1
           │ Votes        none yet · two of bob, carol, dave
    bob: +1
      card │ crucial-sandbox · new cluster · waiting for 1 more approval   change 1
           │ Votes        bob approved · one more of carol, dave
    carol: +1
      card │ crucial-sandbox · new cluster · applying   change 1
           │ Votes        bob and carol approved
           │ [ Plan ]
      kaas │ crucial-sandbox: approved by bob and carol over plan 62c8a3. Applying now.
    bob: remove +1
      kaas → bob │ You can't take back your approval of crucial-sandbox now: it is decided, and terraform is at work. See /kaas show crucial-sandbox.
      card │ crucial-sandbox · new cluster · joining   change 1
      card │ crucial-sandbox · new cluster · ready until Sun 29 Nov   change 1
           │ small: 1 + 3 nodes m6i.large, eu-west-1, RKE2 v1.33.5 · about $412 a month · until Sun 29 Nov
      kaas │ crucial-sandbox is ready. alice has the way in.
      kaas → alice │ crucial-sandbox is ready until Sun 29 Nov.
                   │ Your kubeconfig, under your own name: https://rancher.example/dashboard/c/c-m-00000001/explorer   (Download KubeConfig)
                   │ or: rancher login https://rancher.example  then  rancher kubectl get nodes
                   │ 4 nodes, RKE2 v1.33.5, endpoint 10.20.0.15. Done early: /kaas destroy crucial-sandbox
    carol: /kaas withdraw crucial-sandbox
      kaas → carol │ You can't take back your approval of crucial-sandbox now: its last change is complete. See /kaas show crucial-sandbox.
    ");
}

#[test]
fn a_card_that_is_not_true_any_more() {
    let told = story(async |w| {
        w.has_request("crucial-sandbox").await;
        let before = w.sees("crucial-sandbox");
        w.terraform.world_moves(&w.key("crucial-sandbox"));
        w.alice("/kaas retry crucial-sandbox").await;
        w.acts_on("bob", "press Approve", &before).await;
        w.acts_on("bob", "press Reject because I don't like it", &before).await;
        w.alice("press Cancel").await;
        // A card of a change that has ended decides nothing about the next one.
        w.alice("/kaas request crucial-sandbox size=small").await;
        w.acts_on("bob", "press Approve", &before).await;
        w.acts_on("carol", "+1", &before).await;
        w.acts_on("alice", "press Cancel", &before).await;
        w.stands("crucial-sandbox", "waiting for 2 approvals");
    });
    insta::assert_snapshot!(told, @"
    (alice has asked for crucial-sandbox, and its plan waits for approvals)
    alice: /kaas retry crucial-sandbox
      card │ crucial-sandbox · new cluster · planning   change 1
           │ [ Cancel ]
      card │ crucial-sandbox · new cluster · waiting for 2 approvals   change 1
           │ Plan cb4a07  7 to add, 0 to change, 1 to destroy · red: destroys or replaces what exists
           │              destroys rancher2_machine_config_v2.pool
           │ Votes        none yet · two of bob, carol, dave
           │ Pull request #17 https://forge.example/acme/clusters/pull/17
           │ [ Approve ] [ Reject … ] [ Plan ] [ Cancel ]
      kaas │ crucial-sandbox: the plan is here. 7 to add, 1 to destroy (destroys rancher2_machine_config_v2.pool). @bob, @carol, @dave, two of you decide.   [plan-cb4a07.txt]
    bob: press Approve   (on the card of change 1 as it was)
      kaas → bob │ That card was for plan 62c8a3. The plan is cb4a07 now, and it destroys 1 resource. Look at the card again before you decide.
    bob: press Reject because I don't like it   (on the card of change 1 as it was)
      kaas → bob │ That card was for plan 62c8a3. The plan is cb4a07 now, and it destroys 1 resource. Look at the card again before you decide.
    alice: press Cancel
      card │ crucial-sandbox · new cluster · cancelled by alice   change 1
           │ small: 1 + 3 nodes m6i.large, eu-west-1, RKE2 v1.33.5 · about $412 a month
      kaas │ crucial-sandbox: cancelled by alice. Nothing was made.
    alice: /kaas request crucial-sandbox size=small
      card │ crucial-sandbox · new cluster · planning   change 2
           │ small: 1 + 3 nodes m6i.large, eu-west-1, RKE2 v1.33.5 · about $412 a month · until Sun 29 Nov (7 days)
           │ @alice asked for it
           │ [ Cancel ]
      card │ crucial-sandbox · new cluster · waiting for 2 approvals   change 2
           │ Plan 66988b  7 to add, 0 to change, 1 to destroy · red: destroys or replaces what exists
           │              destroys rancher2_machine_config_v2.pool
           │ Votes        none yet · two of bob, carol, dave
           │ Pull request #18 https://forge.example/acme/clusters/pull/18
           │ [ Approve ] [ Reject … ] [ Plan ] [ Cancel ]
      kaas │ crucial-sandbox: the plan is here. 7 to add, 1 to destroy (destroys rancher2_machine_config_v2.pool). @bob, @carol, @dave, two of you decide.   [plan-66988b.txt]
    bob: press Approve   (on the card of change 1 as it was)
      kaas → bob │ That card is of change 1, which has ended. How things are now: /kaas show crucial-sandbox
    carol: +1   (on the card of change 1 as it was)
      kaas → carol │ That card is of change 1, which has ended. How things are now: /kaas show crucial-sandbox
    alice: press Cancel   (on the card of change 1 as it was)
      kaas → alice │ That card is of change 1, which has ended. How things are now: /kaas show crucial-sandbox
    ");
}
