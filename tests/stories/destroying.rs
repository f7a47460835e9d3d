//! The end of clusters: by their owner, by an admin, by their lease; and several clusters side by side.

use crate::world::story;

#[test]
fn an_admin_destroys_what_belongs_to_others() {
    let told = story(async |w| {
        w.has_cluster("crucial-sandbox").await;
        w.bob("/kaas destroy crucial-sandbox").await;
        w.mallory("/kaas destroy crucial-sandbox").await;
        w.dave("/kaas destroy crucial-sandbox because it costs too much").await;
        w.dave("press Approve").await;
        w.alice("press Approve").await;
        w.bob("press Approve").await;
        w.carol("press Approve").await;
        w.stands("crucial-sandbox", "gone");
    });
    insta::assert_snapshot!(told, @r#"
    (alice has crucial-sandbox, ready until Sun 29 Nov)
    bob: /kaas destroy crucial-sandbox
      kaas → bob │ You can't destroy crucial-sandbox: it belongs to alice. Its owner or an admin can (dave).
    mallory: /kaas destroy crucial-sandbox
      kaas → mallory │ You can't destroy crucial-sandbox: it belongs to alice. Its owner or an admin can (dave).
    dave: /kaas destroy crucial-sandbox because it costs too much
      card │ crucial-sandbox · destroy · planning   change 2
           │ small: 1 + 3 nodes m6i.large, eu-west-1, RKE2 v1.33.5 · frees about $412 a month
           │ @dave: "it costs too much"
           │ [ Cancel ]
      kaas → alice │ crucial-sandbox: dave asks for your cluster to be destroyed: "it costs too much". Nothing is touched before that is approved. To stop it: /kaas cancel crucial-sandbox
      card │ crucial-sandbox · destroy · waiting for 2 approvals   change 2
           │ Plan 36c59a  0 to add, 0 to change, 7 to destroy · red: destroys or replaces what exists
           │              destroys rancher2_cluster_v2.this
           │              destroys rancher2_machine_config_v2.pool
           │ Votes        none yet · two of bob, carol
           │ Pull request #18 https://forge.example/acme/clusters/pull/18
           │ [ Approve ] [ Reject … ] [ Plan ] [ Cancel ]
      kaas │ crucial-sandbox: the plan to destroy it is here. 7 to destroy (destroys rancher2_cluster_v2.this, and 1 more). @bob, @carol, two of you decide.   [plan-36c59a.txt]
    dave: press Approve
      kaas → dave │ You asked for crucial-sandbox, so somebody else has to approve it: two of bob, carol. To take it back: /kaas cancel crucial-sandbox
    alice: press Approve
      kaas → alice │ You can't decide about crucial-sandbox: you are not one of its approvers (bob, carol).
    bob: press Approve
      card │ crucial-sandbox · destroy · waiting for 1 more approval   change 2
           │ Votes        bob approved · one more of carol
    carol: press Approve
      card │ crucial-sandbox · destroy · destroying   change 2
           │ Votes        bob and carol approved
           │ [ Plan ]
      kaas │ crucial-sandbox: approved by bob and carol over plan 36c59a. Destroying now.
      card │ crucial-sandbox · destroy · making sure that it is gone   change 2
      card │ crucial-sandbox · destroy · gone   change 2
      kaas │ crucial-sandbox is gone: 7 resources destroyed, and Rancher knows it no more.
    "#);
}

#[test]
fn a_rejected_destroy_leaves_the_cluster_as_it_is() {
    let told = story(async |w| {
        w.has_cluster("crucial-sandbox").await;
        w.dave("/kaas destroy crucial-sandbox").await;
        w.bob("press Reject because alice is in the middle of something").await;
        w.alice("/kaas show crucial-sandbox").await;
        assert_eq!(w.rancher.ways_in("crucial-sandbox"), ["alice"]);
    });
    insta::assert_snapshot!(told, @"
    (alice has crucial-sandbox, ready until Sun 29 Nov)
    dave: /kaas destroy crucial-sandbox
      card │ crucial-sandbox · destroy · planning   change 2
           │ small: 1 + 3 nodes m6i.large, eu-west-1, RKE2 v1.33.5 · frees about $412 a month
           │ @dave asked for it
           │ [ Cancel ]
      kaas → alice │ crucial-sandbox: dave asks for your cluster to be destroyed. Nothing is touched before that is approved. To stop it: /kaas cancel crucial-sandbox
      card │ crucial-sandbox · destroy · waiting for 2 approvals   change 2
           │ Plan 36c59a  0 to add, 0 to change, 7 to destroy · red: destroys or replaces what exists
           │              destroys rancher2_cluster_v2.this
           │              destroys rancher2_machine_config_v2.pool
           │ Votes        none yet · two of bob, carol
           │ Pull request #18 https://forge.example/acme/clusters/pull/18
           │ [ Approve ] [ Reject … ] [ Plan ] [ Cancel ]
      kaas │ crucial-sandbox: the plan to destroy it is here. 7 to destroy (destroys rancher2_cluster_v2.this, and 1 more). @bob, @carol, two of you decide.   [plan-36c59a.txt]
    bob: press Reject because alice is in the middle of something
      card │ crucial-sandbox · destroy · rejected by bob: alice is in the middle of something   change 2
      kaas │ crucial-sandbox: rejected by bob: alice is in the middle of something. The cluster stays as it is.
      kaas → dave │ Your request to destroy crucial-sandbox was rejected by bob: alice is in the middle of something. The cluster stays as it is. Ask again when you like: /kaas destroy crucial-sandbox
    alice: /kaas show crucial-sandbox
      kaas → alice │ crucial-sandbox · destroy · rejected by bob: alice is in the middle of something   change 2
                   │ small: 1 + 3 nodes m6i.large, eu-west-1, RKE2 v1.33.5 · frees about $412 a month
                   │ @dave asked for it
                   │ Asked        12:02, 10 s ago
                   │ Ready        since 12:02, until Sun 29 Nov 12:02 (in 7 days)
                   │ Rancher      c-m-00000001 https://rancher.example/dashboard/c/c-m-00000001/explorer
                   │ Ways in      alice (cluster-owner)
                   │ Nodes        1 × m6i.large in eu-west-1a, running, about $103 a month
                   │ To take it down: /kaas destroy crucial-sandbox
    ");
}

#[test]
fn a_lease_ends() {
    let told = story(async |w| {
        w.has_cluster("crucial-sandbox").await;
        w.passes("7d").await;
        w.rest().await;
        w.stands("crucial-sandbox", "waiting for 2 approvals");
        w.bob("press Approve").await;
        w.dave("press Approve").await;
        w.stands("crucial-sandbox", "gone");
    });
    insta::assert_snapshot!(told, @"
    (alice has crucial-sandbox, ready until Sun 29 Nov)
    (7d pass)
      card │ crucial-sandbox · destroy · planning   change 2
           │ small: 1 + 3 nodes m6i.large, eu-west-1, RKE2 v1.33.5 · frees about $412 a month
           │ kaas asks for it, because the time is over
           │ [ Cancel ]
      kaas │ crucial-sandbox: its 7 days are over, so kaas asks for it to be destroyed. Nothing is touched before that is approved.
      kaas → alice │ crucial-sandbox: its 7 days are over, so kaas asks for it to be destroyed. Nothing is touched before that is approved. To stop it: /kaas cancel crucial-sandbox
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
    dave: press Approve
      card │ crucial-sandbox · destroy · destroying   change 2
           │ Votes        bob and dave approved
           │ [ Plan ]
      kaas │ crucial-sandbox: approved by bob and dave over plan 36c59a. Destroying now.
      card │ crucial-sandbox · destroy · making sure that it is gone   change 2
      card │ crucial-sandbox · destroy · gone   change 2
      kaas │ crucial-sandbox is gone: 7 resources destroyed, and Rancher knows it no more.
    ");
}

#[test]
fn a_lease_ends_and_nobody_decides() {
    let told = story(async |w| {
        w.has_cluster("crucial-sandbox").await;
        w.passes("7d").await;
        w.rest().await;
        w.passes("25h").await;
        w.alice("/kaas list").await;
        w.passes("24h").await;
        w.rest().await;
        w.stands("crucial-sandbox", "waiting for 2 approvals");
        w.alice("/kaas cancel crucial-sandbox").await;
    });
    insta::assert_snapshot!(told, @"
    (alice has crucial-sandbox, ready until Sun 29 Nov)
    (7d pass)
      card │ crucial-sandbox · destroy · planning   change 2
           │ small: 1 + 3 nodes m6i.large, eu-west-1, RKE2 v1.33.5 · frees about $412 a month
           │ kaas asks for it, because the time is over
           │ [ Cancel ]
      kaas │ crucial-sandbox: its 7 days are over, so kaas asks for it to be destroyed. Nothing is touched before that is approved.
      kaas → alice │ crucial-sandbox: its 7 days are over, so kaas asks for it to be destroyed. Nothing is touched before that is approved. To stop it: /kaas cancel crucial-sandbox
      card │ crucial-sandbox · destroy · waiting for 2 approvals   change 2
           │ Plan 36c59a  0 to add, 0 to change, 7 to destroy · red: destroys or replaces what exists
           │              destroys rancher2_cluster_v2.this
           │              destroys rancher2_machine_config_v2.pool
           │ Votes        none yet · two of bob, carol, dave
           │ Pull request #18 https://forge.example/acme/clusters/pull/18
           │ [ Approve ] [ Reject … ] [ Plan ] [ Cancel ]
      kaas │ crucial-sandbox: the plan to destroy it is here. 7 to destroy (destroys rancher2_cluster_v2.this, and 1 more). @bob, @carol, @dave, two of you decide.   [plan-36c59a.txt]
    (25h pass)
      kaas │ crucial-sandbox still waits for two approvals. @bob, @carol, @dave: press Approve on the card, or send /kaas approve crucial-sandbox. It stays open until Mon 30 Nov 12:02.
      card │ crucial-sandbox · destroy · closed: nobody decided by Mon 30 Nov   change 2
      kaas │ crucial-sandbox: closed, because nobody decided by 12:02. The cluster stays as it is.
      kaas → alice │ The time of crucial-sandbox is over, so kaas asked for it to be destroyed. That was closed, because nobody decided by 12:02. The cluster stays as it is. kaas asks again in 24 h. When you are done with it: /kaas destroy crucial-sandbox
    alice: /kaas list
      kaas → alice │ 1 cluster
                   │ NAME              STATE   OWNER   SIZE        A MONTH   ENDS
                   │ crucial-sandbox   ready   alice   small 1+3      $412   now
    (24h pass)
      card │ crucial-sandbox · destroy · planning   change 3
           │ small: 1 + 3 nodes m6i.large, eu-west-1, RKE2 v1.33.5 · frees about $412 a month
           │ kaas asks for it, because the time is over
           │ [ Cancel ]
      kaas │ crucial-sandbox: its 7 days are over, so kaas asks for it to be destroyed. Nothing is touched before that is approved.
      kaas → alice │ crucial-sandbox: its 7 days are over, so kaas asks for it to be destroyed. Nothing is touched before that is approved. To stop it: /kaas cancel crucial-sandbox
      card │ crucial-sandbox · destroy · waiting for 2 approvals   change 3
           │ Plan 36c59a  0 to add, 0 to change, 7 to destroy · red: destroys or replaces what exists
           │              destroys rancher2_cluster_v2.this
           │              destroys rancher2_machine_config_v2.pool
           │ Votes        none yet · two of bob, carol, dave
           │ Pull request #19 https://forge.example/acme/clusters/pull/19
           │ [ Approve ] [ Reject … ] [ Plan ] [ Cancel ]
      kaas │ crucial-sandbox: the plan to destroy it is here. 7 to destroy (destroys rancher2_cluster_v2.this, and 1 more). @bob, @carol, @dave, two of you decide.   [plan-36c59a.txt]
    alice: /kaas cancel crucial-sandbox
      card │ crucial-sandbox · destroy · cancelled by alice   change 3
      kaas │ crucial-sandbox: cancelled by alice. The cluster stays as it is.
    ");
}

#[test]
fn a_lease_ends_while_a_destroy_is_open() {
    let told = story(async |w| {
        w.has_cluster("crucial-sandbox").await;
        w.passes("6d").await;
        w.passes("20h").await;
        w.alice("/kaas destroy crucial-sandbox").await;
        w.bob("press Approve").await;
        w.passes("6h").await;
        w.carol("press Approve").await;
        w.stands("crucial-sandbox", "gone");
    });
    insta::assert_snapshot!(told, @"
    (alice has crucial-sandbox, ready until Sun 29 Nov)
    (6d pass)
    (20h pass)
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
    (6h pass)
      kaas │ crucial-sandbox still waits for one approval. @carol, @dave: press Approve on the card, or send /kaas approve crucial-sandbox. It stays open until Mon 30 Nov 08:02.
    carol: press Approve
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
fn a_name_lives_again() {
    let told = story(async |w| {
        w.has_cluster("teal-otter").await;
        w.has_cluster("crucial-sandbox").await;
        w.alice("/kaas destroy crucial-sandbox").await;
        w.bob("press Approve").await;
        w.carol("press Approve").await;
        w.erin("/kaas request crucial-sandbox size=small ttl=2d").await;
        w.bob("press Approve").await;
        w.carol("press Approve").await;
        // What such a thing usually takes is known from what exists.
        w.stands("crucial-sandbox", "ready until Tue 24 Nov");
        assert_eq!(w.rancher.ways_in("crucial-sandbox"), ["erin"]);
    });
    insta::assert_snapshot!(told, @"
    (alice has crucial-sandbox, ready until Sun 29 Nov)
    alice: /kaas destroy crucial-sandbox
      card │ crucial-sandbox · destroy · planning   change 3
           │ small: 1 + 3 nodes m6i.large, eu-west-1, RKE2 v1.33.5 · frees about $412 a month
           │ @alice asked for it
           │ [ Cancel ]
      card │ crucial-sandbox · destroy · waiting for 2 approvals   change 3
           │ Plan 665b2a  0 to add, 0 to change, 7 to destroy · red: destroys or replaces what exists
           │              destroys rancher2_cluster_v2.this
           │              destroys rancher2_machine_config_v2.pool
           │ Votes        none yet · two of bob, carol, dave
           │ Pull request #19 https://forge.example/acme/clusters/pull/19
           │ [ Approve ] [ Reject … ] [ Plan ] [ Cancel ]
      kaas │ crucial-sandbox: the plan to destroy it is here. 7 to destroy (destroys rancher2_cluster_v2.this, and 1 more). @bob, @carol, @dave, two of you decide.   [plan-665b2a.txt]
    bob: press Approve
      card │ crucial-sandbox · destroy · waiting for 1 more approval   change 3
           │ Votes        bob approved · one more of carol, dave
    carol: press Approve
      card │ crucial-sandbox · destroy · destroying   change 3
           │ Votes        bob and carol approved
           │ [ Plan ]
      kaas │ crucial-sandbox: approved by bob and carol over plan 665b2a. Destroying now.
      card │ crucial-sandbox · destroy · making sure that it is gone   change 3
      card │ crucial-sandbox · destroy · gone   change 3
      kaas │ crucial-sandbox is gone: 7 resources destroyed, and Rancher knows it no more.
    erin: /kaas request crucial-sandbox size=small ttl=2d
      card │ crucial-sandbox · new cluster · planning   change 4
           │ small: 1 + 3 nodes m6i.large, eu-west-1, RKE2 v1.33.5 · about $412 a month · until Tue 24 Nov (2 days)
           │ @erin asked for it
           │ [ Cancel ]
      card │ crucial-sandbox · new cluster · waiting for 2 approvals   change 4
           │ Plan c3aa1a  7 to add, 0 to change, 0 to destroy · green: touches nothing that exists
           │ Votes        none yet · two of bob, carol, dave
           │ Pull request #20 https://forge.example/acme/clusters/pull/20
           │ [ Approve ] [ Reject … ] [ Plan ] [ Cancel ]
      kaas │ crucial-sandbox: the plan is here. 7 to add, nothing existing is touched. @bob, @carol, @dave, two of you decide.   [plan-c3aa1a.txt]
    bob: press Approve
      card │ crucial-sandbox · new cluster · waiting for 1 more approval   change 4
           │ Votes        bob approved · one more of carol, dave
    carol: press Approve
      card │ crucial-sandbox · new cluster · applying   change 4
           │ Votes        bob and carol approved
           │ [ Plan ]
      kaas │ crucial-sandbox: approved by bob and carol over plan c3aa1a. Applying now, usually 1 min.
      card │ crucial-sandbox · new cluster · joining   change 4
      card │ crucial-sandbox · new cluster · ready until Tue 24 Nov   change 4
           │ small: 1 + 3 nodes m6i.large, eu-west-1, RKE2 v1.33.5 · about $412 a month · until Tue 24 Nov
      kaas │ crucial-sandbox is ready. erin has the way in.
      kaas → erin │ crucial-sandbox is ready until Tue 24 Nov.
                  │ Your kubeconfig, under your own name: https://rancher.example/dashboard/c/c-m-00000003/explorer   (Download KubeConfig)
                  │ or: rancher login https://rancher.example  then  rancher kubectl get nodes
                  │ 4 nodes, RKE2 v1.33.5, endpoint 10.20.0.15. Done early: /kaas destroy crucial-sandbox
    ");
}

#[test]
fn two_clusters_side_by_side() {
    let told = story(async |w| {
        w.at_once(
            ("alice", "/kaas request crucial-sandbox size=small"),
            ("erin", "/kaas request teal-otter class=aws-k3s"),
        )
        .await;
        w.bob("press Approve on crucial-sandbox").await;
        w.bob("press Approve on teal-otter").await;
        w.at_once(("carol", "press Approve on teal-otter"), ("dave", "press Approve on crucial-sandbox")).await;
        w.stands("crucial-sandbox", "ready");
        w.stands("teal-otter", "ready");
        assert_eq!(w.rancher.ways_in("crucial-sandbox"), ["alice"]);
        assert_eq!(w.rancher.ways_in("teal-otter"), ["erin"]);
        w.bob("/kaas list").await;
    });
    insta::assert_snapshot!(told, @"
    alice: /kaas request crucial-sandbox size=small
    erin: /kaas request teal-otter class=aws-k3s
      card │ crucial-sandbox · new cluster · planning   change 1
           │ small: 1 + 3 nodes m6i.large, eu-west-1, RKE2 v1.33.5 · about $412 a month · until Sun 29 Nov (7 days)
           │ @alice asked for it
           │ [ Cancel ]
      card │ teal-otter · new cluster · planning   change 2
           │ small: 1 + 1 nodes t3a.large, eu-west-1, K3s v1.33.5 · about $137 a month · until Wed 25 Nov (3 days)
           │ @erin asked for it
           │ [ Cancel ]
      card │ crucial-sandbox · new cluster · waiting for 2 approvals   change 1
           │ Plan 62c8a3  7 to add, 0 to change, 0 to destroy · green: touches nothing that exists
           │ Votes        none yet · two of bob, carol, dave
           │ Pull request #17 https://forge.example/acme/clusters/pull/17
           │ [ Approve ] [ Reject … ] [ Plan ] [ Cancel ]
      kaas │ crucial-sandbox: the plan is here. 7 to add, nothing existing is touched. @bob, @carol, @dave, two of you decide.   [plan-62c8a3.txt]
      card │ teal-otter · new cluster · waiting for 2 approvals   change 2
           │ Plan 638b62  7 to add, 0 to change, 0 to destroy · green: touches nothing that exists
           │ Votes        none yet · two of bob, carol, dave
           │ Pull request #18 https://forge.example/acme/clusters/pull/18
           │ [ Approve ] [ Reject … ] [ Plan ] [ Cancel ]
      kaas │ teal-otter: the plan is here. 7 to add, nothing existing is touched. @bob, @carol, @dave, two of you decide.   [plan-638b62.txt]
    bob: press Approve on crucial-sandbox
      card │ crucial-sandbox · new cluster · waiting for 1 more approval   change 1
           │ Votes        bob approved · one more of carol, dave
    bob: press Approve on teal-otter
      card │ teal-otter · new cluster · waiting for 1 more approval   change 2
           │ Votes        bob approved · one more of carol, dave
    carol: press Approve on teal-otter
    dave: press Approve on crucial-sandbox
      card │ crucial-sandbox · new cluster · applying   change 1
           │ Votes        bob and dave approved
           │ [ Plan ]
      kaas │ crucial-sandbox: approved by bob and dave over plan 62c8a3. Applying now.
      card │ teal-otter · new cluster · applying   change 2
           │ Votes        bob and carol approved
           │ [ Plan ]
      kaas │ teal-otter: approved by bob and carol over plan 638b62. Applying now.
      card │ crucial-sandbox · new cluster · joining   change 1
      card │ teal-otter · new cluster · joining   change 2
      card │ crucial-sandbox · new cluster · ready until Sun 29 Nov   change 1
           │ small: 1 + 3 nodes m6i.large, eu-west-1, RKE2 v1.33.5 · about $412 a month · until Sun 29 Nov
      kaas │ crucial-sandbox is ready. alice has the way in.
      card │ teal-otter · new cluster · ready until Wed 25 Nov   change 2
           │ small: 1 + 1 nodes t3a.large, eu-west-1, K3s v1.33.5 · about $137 a month · until Wed 25 Nov
      kaas │ teal-otter is ready. erin has the way in.
      kaas → alice │ crucial-sandbox is ready until Sun 29 Nov.
                   │ Your kubeconfig, under your own name: https://rancher.example/dashboard/c/c-m-00000001/explorer   (Download KubeConfig)
                   │ or: rancher login https://rancher.example  then  rancher kubectl get nodes
                   │ 4 nodes, RKE2 v1.33.5, endpoint 10.20.0.15. Done early: /kaas destroy crucial-sandbox
      kaas → erin │ teal-otter is ready until Wed 25 Nov.
                  │ Your kubeconfig, under your own name: https://rancher.example/dashboard/c/c-m-00000002/explorer   (Download KubeConfig)
                  │ or: rancher login https://rancher.example  then  rancher kubectl get nodes
                  │ 4 nodes, RKE2 v1.33.5, endpoint 10.20.0.15. Done early: /kaas destroy teal-otter
    bob: /kaas list
      kaas → bob │ 2 clusters
                 │ NAME              STATE   OWNER   SIZE        A MONTH   ENDS
                 │ crucial-sandbox   ready   alice   small 1+3      $412   in 7 days
                 │ teal-otter        ready   erin    small 1+1      $137   in 3 days
    ");
}
