//! The happy life, from request to teardown, and what it costs in words.

use crate::world::story;

#[test]
fn a_whole_life() {
    let told = story(async |w| {
        w.alice("/kaas request crucial-sandbox size=small ttl=7d reason=\"load test of billing\" ticket=OPS-77").await;
        w.bob("+1").await;
        w.carol("press Approve").await;
        w.stands("crucial-sandbox", "ready until Sun 29 Nov");
        // Four posts with the card, one private message.
        assert_eq!((w.posts(1), w.told("alice")), (4, 1));
        assert_eq!(w.rancher.ways_in("crucial-sandbox"), ["alice"]);
        w.passes("2d").await;
        w.alice("/kaas destroy crucial-sandbox because the test is over").await;
        w.bob("press Approve").await;
        w.dave("press Approve").await;
        w.stands("crucial-sandbox", "gone");
        assert_eq!((w.posts(2), w.told("alice")), (4, 1));
        assert!(w.forge.main().is_empty());
    });
    insta::assert_snapshot!(told, @r#"
    alice: /kaas request crucial-sandbox size=small ttl=7d reason="load test of billing" ticket=OPS-77
      card │ crucial-sandbox · new cluster · planning   change 1
           │ small: 1 + 3 nodes m6i.large, eu-west-1, RKE2 v1.33.5 · about $412 a month · until Sun 29 Nov (7 days)
           │ @alice: "load test of billing" (OPS-77)
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
    (2d pass)
    alice: /kaas destroy crucial-sandbox because the test is over
      card │ crucial-sandbox · destroy · planning   change 2
           │ small: 1 + 3 nodes m6i.large, eu-west-1, RKE2 v1.33.5 · frees about $412 a month
           │ @alice: "the test is over"
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
    dave: press Approve
      card │ crucial-sandbox · destroy · destroying   change 2
           │ Votes        bob and dave approved
           │ [ Plan ]
      kaas │ crucial-sandbox: approved by bob and dave over plan 36c59a. Destroying now.
      card │ crucial-sandbox · destroy · making sure that it is gone   change 2
      card │ crucial-sandbox · destroy · gone   change 2
      kaas │ crucial-sandbox is gone: 7 resources destroyed, and Rancher knows it no more.
    "#);
}
