//! What kaas does not start, and what it says instead.

use kaas::lifecycle::form::Reason;

use crate::world::{story, story_with};

fn frozen() -> Option<Reason> {
    Some("the network is being moved until Monday".parse().unwrap())
}

#[test]
fn nothing_new_while_frozen() {
    let told = story_with(
        |policy| policy.frozen = frozen(),
        async |w| {
            w.alice("/kaas request crucial-sandbox size=small").await;
            w.alice("/kaas request crucial-sandbox size=small --dry-run").await;
        },
    );
    insta::assert_snapshot!(told, @r#"
    alice: /kaas request crucial-sandbox size=small
      kaas → alice │ New changes are stopped for now: the network is being moved until Monday. What is under way goes on.
    alice: /kaas request crucial-sandbox size=small --dry-run
      kaas → alice │ crucial-sandbox would be small: 1 + 3 nodes m6i.large, eu-west-1, RKE2 v1.33.5, about $412 a month. You would get in as cluster-owner. Nothing was asked for. kaas would write:
                   │ # Written by kaas for change 1, asked by alice. Ask kaas to alter it: a hand edit voids its approvals.
                   │ terraform {
                   │   required_version = ">= 1.5"
                   │   required_providers {
                   │     rancher2 = {
                   │       source  = "rancher/rancher2"
                   │       version = "~> 14.1"
                   │     }
                   │   }
                   │   backend "local" {
                   │     path = "/srv/kaas/states/crucial-sandbox.tfstate"
                   │   }
                   │ }
                   │
                   │ data "terraform_remote_state" "main" {
                   │   backend = "local"
                   │   config = {
                   │     path = "/srv/kaas/foundation.tfstate"
                   │   }
                   │ }
                   │
                   │ module "crucial-sandbox" {
                   │   source                   = "../../modules/aws-rancher-cluster"
                   │   name                     = "crucial-sandbox"
                   │   vpc_id                   = data.terraform_remote_state.main.outputs.vpc_id
                   │   public_subnet_ids        = data.terraform_remote_state.main.outputs.public_subnet_ids
                   │   private_subnet_ids       = data.terraform_remote_state.main.outputs.private_subnet_ids
                   │   instance_type            = "m6i.large"
                   │   worker_num               = 3
                   │   ami                      = "ami-0d1e2f3a4b5c6d7e8"
                   │   cloud_credential_name    = "simulated-aws"
                   │   node_security_group_name = "kaas-nodes"
                   │   region                   = "eu-west-1"
                   │   kubernetes_version       = "v1.33.5+rke2r1"
                   │   control_plane_num        = 1
                   │   request_id               = "0"
                   │   owner                    = "alice"
                   │ }
                   │
                   │ output "cluster_id" {
                   │   value = module.crucial-sandbox.cluster_id
                   │ }
                   │
                   │ output "cluster_name" {
                   │   value = module.crucial-sandbox.cluster_name
                   │ }
                   │ To ask for it: /kaas request crucial-sandbox class=aws size=small workers=3 k8s=v1.33.5+rke2r1 region=eu-west-1 ttl=7d
    "#);
}

#[test]
fn what_is_under_way_goes_on_while_frozen() {
    let told = story(async |w| {
        w.has_request("crucial-sandbox").await;
        w.policy("new changes are stopped", |policy| policy.frozen = frozen()).await;
        w.bob("+1").await;
        w.carol("+1").await;
        w.stands("crucial-sandbox", "ready");
        w.alice("/kaas destroy crucial-sandbox").await;
    });
    insta::assert_snapshot!(told, @"
    (alice has asked for crucial-sandbox, and its plan waits for approvals)
    (new changes are stopped)
    bob: +1
      card │ crucial-sandbox · new cluster · waiting for 1 more approval   change 1
           │ Votes        bob approved · one more of carol, dave
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
    alice: /kaas destroy crucial-sandbox
      kaas → alice │ New changes are stopped for now: the network is being moved until Monday. What is under way goes on.
    ");
}

#[test]
fn too_many() {
    let told = story_with(
        |policy| policy.clusters_a_person = Some(1),
        async |w| {
            w.has_cluster("crucial-sandbox").await;
            w.alice("/kaas request teal-otter size=small").await;
            w.erin("/kaas request teal-otter size=small").await;
            w.alice("/kaas list mine").await;
            w.erin("press Cancel on teal-otter").await;
        },
    );
    insta::assert_snapshot!(told, @"
    (alice has crucial-sandbox, ready until Sun 29 Nov)
    alice: /kaas request teal-otter size=small
      kaas → alice │ You have 1 cluster (open requests count), and 1 is the most for one person. Which ones: /kaas list mine. To give one back: /kaas destroy <name>
    erin: /kaas request teal-otter size=small
      card │ teal-otter · new cluster · planning   change 2
           │ small: 1 + 3 nodes m6i.large, eu-west-1, RKE2 v1.33.5 · about $412 a month · until Sun 29 Nov (7 days)
           │ @erin asked for it
           │ [ Cancel ]
      card │ teal-otter · new cluster · waiting for 2 approvals   change 2
           │ Plan 555dad  7 to add, 0 to change, 0 to destroy · green: touches nothing that exists
           │ Votes        none yet · two of bob, carol, dave
           │ Pull request #18 https://forge.example/acme/clusters/pull/18
           │ [ Approve ] [ Reject … ] [ Plan ] [ Cancel ]
      kaas │ teal-otter: the plan is here. 7 to add, nothing existing is touched. @bob, @carol, @dave, two of you decide.   [plan-555dad.txt]
    alice: /kaas list mine
      kaas → alice │ 1 cluster
                   │ NAME              STATE   OWNER   SIZE        A MONTH   ENDS
                   │ crucial-sandbox   ready   alice   small 1+3      $412   in 7 days
    erin: press Cancel on teal-otter
      card │ teal-otter · new cluster · cancelled by erin   change 2
           │ small: 1 + 3 nodes m6i.large, eu-west-1, RKE2 v1.33.5 · about $412 a month
      kaas │ teal-otter: cancelled by erin. Nothing was made.
    ");
}

#[test]
fn nobody_could_approve() {
    let told = story_with(
        |policy| policy.approvers.retain(|p| p.name == "bob"),
        async |w| {
            w.alice("/kaas request crucial-sandbox size=small").await;
            w.bob("/kaas request crucial-sandbox size=small").await;
        },
    );
    insta::assert_snapshot!(told, @"
    alice: /kaas request crucial-sandbox size=small
      kaas → alice │ kaas does not start crucial-sandbox: it needs 2 approvals, and only bob could give one. An admin can name more approvers.
    bob: /kaas request crucial-sandbox size=small
      kaas → bob │ kaas does not start crucial-sandbox: it needs 2 approvals, and nobody but you could give one. An admin can name more approvers.
    ");
}

#[test]
fn one_change_at_a_time() {
    let told = story(async |w| {
        w.has_request("crucial-sandbox").await;
        w.passes("10m").await;
        w.erin("/kaas request crucial-sandbox size=large").await;
        w.alice("/kaas destroy crucial-sandbox").await;
        w.bob("press Approve").await;
        w.carol("press Approve").await;
        w.erin("/kaas request crucial-sandbox size=large").await;
        w.stands("crucial-sandbox", "ready");
        w.alice("/kaas cancel crucial-sandbox").await;
        w.alice("/kaas retry crucial-sandbox").await;
        w.bob("/kaas approve crucial-sandbox").await;
    });
    insta::assert_snapshot!(told, @"
    (alice has asked for crucial-sandbox, and its plan waits for approvals)
    (10m pass)
    erin: /kaas request crucial-sandbox size=large
      kaas → erin │ crucial-sandbox already has change 1 open, asked by alice 10 min ago. It has to end first: https://forge.example/acme/clusters/pull/17
    alice: /kaas destroy crucial-sandbox
      kaas → alice │ crucial-sandbox already has change 1 open, asked by alice 10 min ago. It has to end first: https://forge.example/acme/clusters/pull/17
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
    erin: /kaas request crucial-sandbox size=large
      kaas → erin │ crucial-sandbox is taken: it belongs to alice. Choose another name, or look at that one: /kaas show crucial-sandbox
    alice: /kaas cancel crucial-sandbox
      kaas → alice │ There is nothing to cancel: crucial-sandbox is there, and no change of it is open. To take it down: /kaas destroy crucial-sandbox
    alice: /kaas retry crucial-sandbox
      kaas → alice │ There is nothing to retry: crucial-sandbox is there, and no change of it is open.
    bob: /kaas approve crucial-sandbox
      kaas → bob │ There is nothing to approve: crucial-sandbox is there, and no change of it is open.
    ");
}

#[test]
fn rights() {
    let told = story(async |w| {
        w.mallory("/kaas request crucial-sandbox size=small").await;
        w.mallory("/kaas request crucial-sandbox size=small --dry-run").await;
        w.has_request("crucial-sandbox").await;
        w.bob("/kaas cancel crucial-sandbox").await;
        w.erin("press Cancel").await;
        w.erin("/kaas retry crucial-sandbox").await;
        w.dave("/kaas cancel crucial-sandbox").await;
        w.alice("/kaas cancel crucial-sandbox").await;
        w.alice("/kaas destroy crucial-sandbox").await;
        w.alice("/kaas approve crucial-sandbox").await;
    });
    insta::assert_snapshot!(told, @"
    (alice has asked for crucial-sandbox, and its plan waits for approvals)
    bob: /kaas cancel crucial-sandbox
      kaas → bob │ You can't cancel crucial-sandbox: it belongs to alice. Its owner or an admin can (dave).
    erin: press Cancel
      kaas → erin │ You can't cancel crucial-sandbox: it belongs to alice. Its owner or an admin can (dave).
    erin: /kaas retry crucial-sandbox
      kaas → erin │ You can't retry crucial-sandbox: it belongs to alice. Its owner or an admin can (dave).
    dave: /kaas cancel crucial-sandbox
      card │ crucial-sandbox · new cluster · cancelled by dave   change 1
           │ small: 1 + 3 nodes m6i.large, eu-west-1, RKE2 v1.33.5 · about $412 a month
      kaas │ crucial-sandbox: cancelled by dave. Nothing was made.
      kaas → alice │ Your request for crucial-sandbox was cancelled by dave. Nothing was made. Ask again when you like: /kaas request crucial-sandbox
    alice: /kaas cancel crucial-sandbox
      kaas → alice │ There is nothing to cancel: crucial-sandbox has no open change.
    alice: /kaas destroy crucial-sandbox
      kaas → alice │ There is nothing to destroy: crucial-sandbox does not exist.
    alice: /kaas approve crucial-sandbox
      kaas → alice │ There is nothing to approve: crucial-sandbox has no open change.
    ");
}

#[test]
fn no_such_cluster() {
    let told = story(async |w| {
        w.bob("/kaas show crucial-sandbox").await;
        w.has_request("crucial-sandbox").await;
        w.bob("/kaas approve crucial-sandbx").await;
        w.bob("/kaas destroy grey-heron").await;
        w.bob("/kaas show crucial-sanbox").await;
        w.alice("press Cancel").await;
    });
    insta::assert_snapshot!(told, @"
    (alice has asked for crucial-sandbox, and its plan waits for approvals)
    bob: /kaas approve crucial-sandbx
      kaas → bob │ There is no cluster crucial-sandbx. Did you mean crucial-sandbox? To see all: /kaas list all
    bob: /kaas destroy grey-heron
      kaas → bob │ There is no cluster grey-heron. To see all: /kaas list all
    bob: /kaas show crucial-sanbox
      kaas → bob │ There is no cluster crucial-sanbox. Did you mean crucial-sandbox? To see all: /kaas list all
    alice: press Cancel
      card │ crucial-sandbox · new cluster · cancelled by alice   change 1
           │ small: 1 + 3 nodes m6i.large, eu-west-1, RKE2 v1.33.5 · about $412 a month
      kaas │ crucial-sandbox: cancelled by alice. Nothing was made.
    ");
}
