//! When a part of the world does not answer: what is said, and that nothing is lost.

use crate::fakes::Part;
use crate::world::story;

#[test]
fn rancher_is_down_while_joining_and_comes_back() {
    let told = story(async |w| {
        w.has_applying("crucial-sandbox").await;
        w.passes("80s").await;
        w.stands("crucial-sandbox", "joining");
        w.down(Part::Rancher, "Rancher does not answer");
        w.passes("3m").await;
        w.up(Part::Rancher);
        w.rest().await;
        w.stands("crucial-sandbox", "ready");
    });
    assert_eq!(told.matches("Nothing is lost").count(), 1);
    insta::assert_snapshot!(told, @"
    (alice has asked for crucial-sandbox, and terraform is applying it)
    (80s pass)
      card │ crucial-sandbox · new cluster · joining   change 1
    (Rancher does not answer)
    (3m pass)
      kaas │ crucial-sandbox: Rancher does not answer (ref K-1). Nothing is lost; next try in 4 s.
    (Rancher is back)
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
fn rancher_stays_down() {
    let told = story(async |w| {
        w.has_applying("crucial-sandbox").await;
        w.passes("80s").await;
        w.down(Part::Rancher, "Rancher does not answer");
        w.passes("3h").await;
        w.stands("crucial-sandbox", "stuck");
        w.up(Part::Rancher);
        w.alice("press Retry").await;
        w.stands("crucial-sandbox", "ready");
    });
    insta::assert_snapshot!(told, @"
    (alice has asked for crucial-sandbox, and terraform is applying it)
    (80s pass)
      card │ crucial-sandbox · new cluster · joining   change 1
    (Rancher does not answer)
    (3h pass)
      kaas │ crucial-sandbox: Rancher does not answer (ref K-1). Nothing is lost; next try in 4 s.
      kaas │ crucial-sandbox is stuck. Rancher does not answer (ref K-2). What was made so far stays in the state. Mend it and /kaas retry crucial-sandbox, or /kaas cancel crucial-sandbox to take it down again.
      card │ crucial-sandbox · new cluster · stuck: Rancher does not answer (ref K-2), retry or cancel   change 1
           │ [ Retry ] [ Plan ] [ Cancel ]
    (Rancher is back)
    alice: press Retry
      card │ crucial-sandbox · new cluster · joining   change 1
           │ [ Plan ]
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
fn a_cluster_never_becomes_usable() {
    let told = story(async |w| {
        w.rancher.hangs(Some("2 of 4 nodes are up, etcd is starting"));
        w.has_applying("crucial-sandbox").await;
        w.passes("65m").await;
        w.stands("crucial-sandbox", "stuck");
        w.rancher.hangs(None);
        w.note("somebody opens a port");
        w.alice("press Retry").await;
        w.stands("crucial-sandbox", "ready");
    });
    insta::assert_snapshot!(told, @"
    (alice has asked for crucial-sandbox, and terraform is applying it)
    (65m pass)
      card │ crucial-sandbox · new cluster · joining   change 1
      kaas │ crucial-sandbox is stuck. Rancher is not done after 60 min: 2 of 4 nodes are up, etcd is starting (ref K-1). What was made so far stays in the state. Mend it and /kaas retry crucial-sandbox, or /kaas cancel crucial-sandbox to take it down again.
      card │ crucial-sandbox · new cluster · stuck: Rancher is not done after 60 min: 2 of 4 nodes are up, etcd is starting (ref K-1), retry or cancel   change 1
           │ [ Retry ] [ Plan ] [ Cancel ]
    (somebody opens a port)
    alice: press Retry
      card │ crucial-sandbox · new cluster · joining   change 1
           │ [ Plan ]
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
fn the_forge_is_down_for_an_hour() {
    let told = story(async |w| {
        w.down(Part::Forge, "GitHub does not answer");
        w.says_briefly("alice", "/kaas request crucial-sandbox size=small").await;
        w.passes("1h").await;
        w.up(Part::Forge);
        w.rest().await;
        w.stands("crucial-sandbox", "waiting for 2 approvals");
        w.bob("press Approve").await;
        w.carol("press Approve").await;
        w.stands("crucial-sandbox", "ready");
    });
    insta::assert_snapshot!(told, @"
    (GitHub does not answer)
    alice: /kaas request crucial-sandbox size=small
      card │ crucial-sandbox · new cluster · planning   change 1
           │ small: 1 + 3 nodes m6i.large, eu-west-1, RKE2 v1.33.5 · about $412 a month · until Sun 29 Nov (7 days)
           │ @alice asked for it
           │ [ Cancel ]
    (1h pass)
      kaas │ crucial-sandbox: GitHub does not answer (ref K-1). Nothing is lost; next try in 4 s.
    (Forge is back)
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
fn the_forge_is_down_for_a_minute() {
    let told = story(async |w| {
        w.down(Part::Forge, "GitHub does not answer");
        w.says_briefly("alice", "/kaas request crucial-sandbox size=small").await;
        w.passes("60s").await;
        w.up(Part::Forge);
        w.rest().await;
        w.stands("crucial-sandbox", "waiting for 2 approvals");
        w.alice("press Cancel").await;
    });
    insta::assert_snapshot!(told, @"
    (GitHub does not answer)
    alice: /kaas request crucial-sandbox size=small
      card │ crucial-sandbox · new cluster · planning   change 1
           │ small: 1 + 3 nodes m6i.large, eu-west-1, RKE2 v1.33.5 · about $412 a month · until Sun 29 Nov (7 days)
           │ @alice asked for it
           │ [ Cancel ]
    (60s pass)
      kaas │ crucial-sandbox: GitHub does not answer (ref K-1). Nothing is lost; next try in 4 s.
    (Forge is back)
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

#[test]
fn the_chat_is_down_for_an_hour() {
    let told = story(async |w| {
        w.has_request("crucial-sandbox").await;
        w.bob("press Approve").await;
        w.down(Part::Chat, "the chat does not take messages");
        w.says_briefly("carol", "/kaas approve crucial-sandbox").await;
        w.passes("1h").await;
        w.up(Part::Chat);
        w.rest().await;
        w.stands("crucial-sandbox", "ready");
        assert_eq!((w.posts(1), w.told("alice")), (4, 1));
    });
    insta::assert_snapshot!(told, @"
    (alice has asked for crucial-sandbox, and its plan waits for approvals)
    bob: press Approve
      card │ crucial-sandbox · new cluster · waiting for 1 more approval   change 1
           │ Votes        bob approved · one more of carol, dave
    (the chat does not take messages)
    carol: /kaas approve crucial-sandbox
    (1h pass)
    (Chat is back)
      card │ crucial-sandbox · new cluster · ready until Sun 29 Nov   change 1
           │ small: 1 + 3 nodes m6i.large, eu-west-1, RKE2 v1.33.5 · about $412 a month · until Sun 29 Nov
           │ Votes        bob and carol approved
      kaas │ crucial-sandbox: approved by bob and carol over plan 62c8a3. Applying now, usually 1 min.
      kaas │ crucial-sandbox is ready. alice has the way in.
      kaas → alice │ crucial-sandbox is ready until Sun 29 Nov.
                   │ Your kubeconfig, under your own name: https://rancher.example/dashboard/c/c-m-00000001/explorer   (Download KubeConfig)
                   │ or: rancher login https://rancher.example  then  rancher kubectl get nodes
                   │ 4 nodes, RKE2 v1.33.5, endpoint 10.20.0.15. Done early: /kaas destroy crucial-sandbox
    ");
}
