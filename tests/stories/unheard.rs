//! What kaas did not hear when it was said, and what it hears elsewhere: reactions that stand on a card, reviews in the forge, guests.

use kaas::ports::{Standing, Verdict};

use crate::world::story;

#[test]
fn reactions_given_while_kaas_was_down_count() {
    let told = story(async |w| {
        w.has_request("crucial-sandbox").await;
        w.reacts_unheard("bob", "+1", "crucial-sandbox", Standing::Member, true);
        w.reacts_unheard("alice", "+1", "crucial-sandbox", Standing::Member, true);
        w.reacts_unheard("mallory", "+1", "crucial-sandbox", Standing::Member, true);
        w.reacts_unheard("carol", "eyes", "crucial-sandbox", Standing::Member, true);
        w.reacts_unheard("dave", "+1", "crucial-sandbox", Standing::Guest, true);
        w.passes("10m").await;
        w.stands("crucial-sandbox", "waiting for 1 more approval");
        w.reacts_unheard("bob", "+1", "crucial-sandbox", Standing::Member, false);
        w.passes("10m").await;
        w.stands("crucial-sandbox", "waiting for 2 approvals");
        w.reacts_unheard("bob", "+1::skin-tone-3", "crucial-sandbox", Standing::Member, true);
        w.reacts_unheard("carol", "white_check_mark", "crucial-sandbox", Standing::Member, true);
        w.passes("10m").await;
        w.stands("crucial-sandbox", "ready");
    });
    insta::assert_snapshot!(told, @"
    (alice has asked for crucial-sandbox, and its plan waits for approvals)
    (bob reacts with +1 on crucial-sandbox, and kaas does not hear it)
    (alice reacts with +1 on crucial-sandbox, and kaas does not hear it)
    (mallory reacts with +1 on crucial-sandbox, and kaas does not hear it)
    (carol reacts with eyes on crucial-sandbox, and kaas does not hear it)
    (dave reacts with +1 on crucial-sandbox, and kaas does not hear it)
    (10m pass)
      card │ crucial-sandbox · new cluster · waiting for 1 more approval   change 1
           │ Votes        bob approved · one more of carol, dave
    (bob takes back +1 on crucial-sandbox, and kaas does not hear it)
    (10m pass)
      card │ crucial-sandbox · new cluster · waiting for 2 approvals   change 1
           │ Votes        none yet · two of bob, carol, dave
    (bob reacts with +1::skin-tone-3 on crucial-sandbox, and kaas does not hear it)
    (carol reacts with white_check_mark on crucial-sandbox, and kaas does not hear it)
    (10m pass)
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
fn a_reaction_on_the_card_of_an_earlier_plan_is_not_counted_later() {
    story(async |w| {
        w.has_request("crucial-sandbox").await;
        w.reacts_unheard("bob", "+1", "crucial-sandbox", Standing::Member, true);
        w.alice("/kaas retry crucial-sandbox").await;
        w.passes("20m").await;
        w.stands("crucial-sandbox", "waiting for 2 approvals");
    });
}

#[test]
fn reviews_in_the_forge_are_votes() {
    let told = story(async |w| {
        w.has_request("crucial-sandbox").await;
        w.note("bob approves the pull request; so does alice, who asked for it, and mallory");
        w.forge.review("crucial-sandbox", "bob", Verdict::Approved, "");
        w.forge.review("crucial-sandbox", "alice", Verdict::Approved, "");
        w.forge.review("crucial-sandbox", "mallory", Verdict::Approved, "");
        w.forge.review("crucial-sandbox", "somebody-else", Verdict::Approved, "");
        w.passes("20m").await;
        w.stands("crucial-sandbox", "waiting for 1 more approval");
        w.note("bob's review is dismissed");
        w.forge.review("crucial-sandbox", "bob", Verdict::Dismissed, "");
        w.passes("5m").await;
        w.stands("crucial-sandbox", "waiting for 2 approvals");
        w.note("carol requests changes");
        w.forge.review("crucial-sandbox", "carol", Verdict::Refused, "too large,\nask for less");
        w.passes("5m").await;
    });
    insta::assert_snapshot!(told, @"
    (alice has asked for crucial-sandbox, and its plan waits for approvals)
    (bob approves the pull request; so does alice, who asked for it, and mallory)
    (20m pass)
      card │ crucial-sandbox · new cluster · waiting for 1 more approval   change 1
           │ Votes        bob approved · one more of carol, dave
      kaas → alice │ You asked for crucial-sandbox, so somebody else has to approve it: two of bob, carol, dave. To take it back: /kaas cancel crucial-sandbox
      kaas → mallory │ You can't decide about crucial-sandbox: you are not one of its approvers (bob, carol, dave).
    (bob's review is dismissed)
    (5m pass)
      card │ crucial-sandbox · new cluster · waiting for 2 approvals   change 1
           │ Votes        none yet · two of bob, carol, dave
    (carol requests changes)
    (5m pass)
      card │ crucial-sandbox · new cluster · rejected by carol: too large, ask for less   change 1
           │ small: 1 + 3 nodes m6i.large, eu-west-1, RKE2 v1.33.5 · about $412 a month
      kaas │ crucial-sandbox: rejected by carol: too large, ask for less. Nothing was made.
      kaas → alice │ Your request for crucial-sandbox was rejected by carol: too large, ask for less. Nothing was made. Ask again when you like: /kaas request crucial-sandbox
    ");
}

#[test]
fn an_early_review_says_nothing_about_a_later_plan() {
    story(async |w| {
        w.has_request("crucial-sandbox").await;
        w.passes("5m").await;
        w.forge.review("crucial-sandbox", "bob", Verdict::Approved, "");
        w.passes("5m").await;
        w.stands("crucial-sandbox", "waiting for 1 more approval");
        w.passes("5m").await;
        w.alice("/kaas retry crucial-sandbox").await;
        w.passes("20m").await;
        w.stands("crucial-sandbox", "waiting for 2 approvals");
    });
}

#[test]
fn guests_and_strangers_decide_nothing() {
    let told = story(async |w| {
        w.has_request("crucial-sandbox").await;
        w.says_standing("bob", Standing::Guest, "press Approve").await;
        w.says_standing("bob", Standing::Outside, "+1").await;
        w.says_standing("carol", Standing::Bot, "/kaas approve crucial-sandbox").await;
        w.stands("crucial-sandbox", "waiting for 2 approvals");
        w.alice("press Cancel").await;
    });
    insta::assert_snapshot!(told, @"
    (alice has asked for crucial-sandbox, and its plan waits for approvals)
    bob: press Approve
      kaas → bob │ That was not done: kaas listens to full members only, and you are a guest. Ask a colleague who is one.
    bob: +1
      kaas → bob │ That was not done: kaas listens to full members only, and you are from elsewhere. Ask a colleague who is one.
    carol: /kaas approve crucial-sandbox
      kaas → carol │ That was not done: kaas listens to full members only, and you are a program. Ask a colleague who is one.
    alice: press Cancel
      card │ crucial-sandbox · new cluster · cancelled by alice   change 1
           │ small: 1 + 3 nodes m6i.large, eu-west-1, RKE2 v1.33.5 · about $412 a month
      kaas │ crucial-sandbox: cancelled by alice. Nothing was made.
    ");
}
