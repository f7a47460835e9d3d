//! What is answered at once: help, lists, dry runs, and every mistake of a line together.

use crate::world::story;

#[test]
fn help() {
    let told = story(async |w| {
        w.alice("/kaas help").await;
        w.alice("/kaas help request").await;
        w.alice("/kaas help nonsense").await;
        w.alice("/kaas").await;
        w.alice("/kaas request").await;
    });
    insta::assert_snapshot!(told, @r#"
    alice: /kaas help
      kaas → alice │ kaas makes Kubernetes clusters and takes them down again, with others agreeing first.
                   │
                   │ Your clusters
                   │   /kaas request <name>           asks for a new cluster
                   │   /kaas destroy <name>           takes a cluster down
                   │   /kaas access <name>            shows who has a way in, or gives somebody one
                   │   /kaas revoke <name>            takes somebody's way in back
                   │   /kaas cancel <name>            takes a change back
                   │   /kaas retry <name>             does again what failed, or plans again
                   │
                   │ Deciding
                   │   /kaas approve <name>           says yes to the current plan
                   │   /kaas reject <name>            says no, and ends the change
                   │   /kaas withdraw <name>          takes your approval back, while it is undecided
                   │
                   │ Looking
                   │   /kaas list [mine|all|waiting]  lists clusters
                   │   /kaas show <name>              shows one cluster
                   │   /kaas classes                  shows what can be asked for, with prices
                   │   /kaas whoami                   shows who you are for kaas and for Rancher
                   │   /kaas help [topic]             explains a command or a topic
                   │
                   │ Admins
                   │   /kaas link <person>            says which user in Rancher somebody is
                   │   /kaas orphans                  searches the cloud for what belongs to no cluster
                   │   /kaas force-remove <name>      lets a machine go that cannot be removed
                   │
                   │ Try this: /kaas request teal-otter size=small
                   │ More: /kaas help request, /kaas help writing, /kaas help states
    alice: /kaas help request
      kaas → alice │ /kaas request <name> [class=] [size=] [workers=] [k8s=] [region=] [ttl=] [reason=] [ticket=] [--dry-run]
                   │ kaas asks for a new cluster.
                   │ What you leave out takes the default of the class: see /kaas classes.
                   │ Others approve it before anything is made. You are told when it is ready.
                   │
                   │   name                               the cluster's name: a-z, 0-9 and hyphens
                   │   class=aws, -c                      the kind of cluster
                   │   size=small, -s                     how big the nodes are
                   │   workers=3, -w                      how many worker nodes
                   │   k8s=1.33, -k                       the Kubernetes version, as exactly as you like
                   │   region=eu-west-1, -r               where it runs
                   │   ttl=7d, -t                         how long you want it: hours, days or weeks
                   │   reason="load test of billing", -m  why, in a few words
                   │   ticket=OPS-77                      the ticket it belongs to
                   │   --dry-run, -n                      show what would be written, and ask for nothing
                   │
                   │   /kaas request teal-otter size=small
                   │   /kaas request teal-otter size=small workers=2 ttl=7d reason="load test of billing" ticket=OPS-77
                   │   /kaas request teal-otter --dry-run
                   │
                   │ Also understood: create, new, make, order, provision
    alice: /kaas help nonsense
      kaas → alice │ I don't understand that yet:
                   │   nonsense  there is no help on that (any command, writing, states)
                   │ Send this instead: /kaas help
    alice: /kaas
      kaas → alice │ kaas makes Kubernetes clusters and takes them down again, with others agreeing first.
                   │
                   │ Your clusters
                   │   /kaas request <name>           asks for a new cluster
                   │   /kaas destroy <name>           takes a cluster down
                   │   /kaas access <name>            shows who has a way in, or gives somebody one
                   │   /kaas revoke <name>            takes somebody's way in back
                   │   /kaas cancel <name>            takes a change back
                   │   /kaas retry <name>             does again what failed, or plans again
                   │
                   │ Deciding
                   │   /kaas approve <name>           says yes to the current plan
                   │   /kaas reject <name>            says no, and ends the change
                   │   /kaas withdraw <name>          takes your approval back, while it is undecided
                   │
                   │ Looking
                   │   /kaas list [mine|all|waiting]  lists clusters
                   │   /kaas show <name>              shows one cluster
                   │   /kaas classes                  shows what can be asked for, with prices
                   │   /kaas whoami                   shows who you are for kaas and for Rancher
                   │   /kaas help [topic]             explains a command or a topic
                   │
                   │ Admins
                   │   /kaas link <person>            says which user in Rancher somebody is
                   │   /kaas orphans                  searches the cloud for what belongs to no cluster
                   │   /kaas force-remove <name>      lets a machine go that cannot be removed
                   │
                   │ Try this: /kaas request teal-otter size=small
                   │ More: /kaas help request, /kaas help writing, /kaas help states
    alice: /kaas request
      kaas → alice │ /kaas request <name> [class=] [size=] [workers=] [k8s=] [region=] [ttl=] [reason=] [ticket=] [--dry-run]
                   │ kaas asks for a new cluster.
                   │ What you leave out takes the default of the class: see /kaas classes.
                   │ Others approve it before anything is made. You are told when it is ready.
                   │
                   │   name                               the cluster's name: a-z, 0-9 and hyphens
                   │   class=aws, -c                      the kind of cluster
                   │   size=small, -s                     how big the nodes are
                   │   workers=3, -w                      how many worker nodes
                   │   k8s=1.33, -k                       the Kubernetes version, as exactly as you like
                   │   region=eu-west-1, -r               where it runs
                   │   ttl=7d, -t                         how long you want it: hours, days or weeks
                   │   reason="load test of billing", -m  why, in a few words
                   │   ticket=OPS-77                      the ticket it belongs to
                   │   --dry-run, -n                      show what would be written, and ask for nothing
                   │
                   │   /kaas request teal-otter size=small
                   │   /kaas request teal-otter size=small workers=2 ttl=7d reason="load test of billing" ticket=OPS-77
                   │   /kaas request teal-otter --dry-run
                   │
                   │ Also understood: create, new, make, order, provision
    "#);
}

#[test]
fn mistakes() {
    let told = story(async |w| {
        w.alice("/kaas reqest crucial-sandbox").await;
        w.alice("/kaas request crucial-sandbox size=smal workers=two").await;
        w.alice("/kaas request Crucial_Sandbox size=small workers=99 ttl=400d").await;
        w.alice("/kaas request ../../etc size=${var.x}").await;
        w.alice("/kaas approve").await;
        w.alice("/kaas list owner=alcie").await;
        w.alice("/kaas please make me a cluster").await;
    });
    insta::assert_snapshot!(told, @"
    alice: /kaas reqest crucial-sandbox
      kaas → alice │ I don't understand that yet:
                   │   reqest  there is no such command. Did you mean request?
                   │ Send this instead: /kaas request crucial-sandbox
    alice: /kaas request crucial-sandbox size=smal workers=two
      kaas → alice │ I can't request that cluster yet:
                   │   size=smal    there is no such size. Did you mean small? (small, medium, large)
                   │   workers=two  takes a number, 1 to 10 for small
                   │ Send this instead: /kaas request crucial-sandbox size=small workers=2
    alice: /kaas request Crucial_Sandbox size=small workers=99 ttl=400d
      kaas → alice │ I can't request that cluster yet:
                   │   Crucial_Sandbox  has capital letters. Did you mean crucial-sandbox?
                   │   workers=99       is out of range: small takes 1 to 10 workers
                   │   ttl=400d         is too long: aws allows at most 30 days
                   │ Send this instead: /kaas request crucial-sandbox size=small workers=10 ttl=30d
    alice: /kaas request ../../etc size=${var.x}
      kaas → alice │ I can't request that cluster yet:
                   │   ../../etc      has characters that a name cannot have. Did you mean etc?
                   │   size=${var.x}  there is no such size (small, medium, large)
                   │ Send this instead: /kaas request etc
    alice: /kaas approve
      kaas → alice │ I can't approve that yet:
                   │   name  is missing: which cluster? Such as /kaas approve teal-otter
    alice: /kaas list owner=alcie
      kaas → alice │ I don't understand that yet:
                   │   owner=alcie  nobody here is called that. Did you mean alice?
    alice: /kaas please make me a cluster
      kaas → alice │ I don't understand that yet:
                   │   please  the command comes first, then the name
    ");
}

#[test]
fn lists() {
    let told = story(async |w| {
        w.alice("/kaas list").await;
        w.alice("/kaas list mine").await;
        w.alice("/kaas list waiting").await;
        w.has_cluster("crucial-sandbox").await;
        w.erin("/kaas request grey-heron size=large reason=\"month end\"").await;
        w.bob("press Approve on grey-heron").await;
        w.bob("/kaas list").await;
        w.bob("/kaas list waiting").await;
        w.bob("/kaas list mine").await;
        w.bob("/kaas list owner=alice").await;
        w.bob("/kaas show crucial-sandbox").await;
        w.bob("/kaas show grey-heron").await;
        w.carol("press Plan on grey-heron").await;
        w.erin("press Cancel on grey-heron").await;
        w.bob("/kaas show grey-heron").await;
    });
    insta::assert_snapshot!(told, @r#"
    (alice has crucial-sandbox, ready until Sun 29 Nov)
    erin: /kaas request grey-heron size=large reason="month end"
      card │ grey-heron · new cluster · planning   change 2
           │ large: 3 + 5 nodes m6i.2xlarge, eu-west-1, RKE2 v1.33.5 · about $2,310 a month · until Sun 29 Nov (7 days)
           │ @erin: "month end"
           │ [ Cancel ]
      card │ grey-heron · new cluster · waiting for 2 approvals   change 2
           │ Plan 65c8c0  7 to add, 0 to change, 0 to destroy · green: touches nothing that exists
           │ Votes        none yet · two of bob, carol, dave
           │ Pull request #18 https://forge.example/acme/clusters/pull/18
           │ [ Approve ] [ Reject … ] [ Plan ] [ Cancel ]
      kaas │ grey-heron: the plan is here. 7 to add, nothing existing is touched. @bob, @carol, @dave, two of you decide.   [plan-65c8c0.txt]
    bob: press Approve on grey-heron
      card │ grey-heron · new cluster · waiting for 1 more approval   change 2
           │ Votes        bob approved · one more of carol, dave
    bob: /kaas list
      kaas → bob │ 2 clusters
                 │ NAME              STATE              OWNER   SIZE        A MONTH   ENDS
                 │ crucial-sandbox   ready              alice   small 1+3      $412   in 7 days
                 │ grey-heron        waiting (1 of 2)   erin    large 3+5    $2,310   –
    bob: /kaas list waiting
      kaas → bob │ 1 cluster
                 │ NAME         STATE              OWNER   SIZE        A MONTH   ENDS
                 │ grey-heron   waiting (1 of 2)   erin    large 3+5    $2,310   –
    bob: /kaas list mine
      kaas → bob │ You have no clusters. To ask for one: /kaas request teal-otter size=small
    bob: /kaas list owner=alice
      kaas → bob │ 1 cluster
                 │ NAME              STATE   OWNER   SIZE        A MONTH   ENDS
                 │ crucial-sandbox   ready   alice   small 1+3      $412   in 7 days
    bob: /kaas show crucial-sandbox
      kaas → bob │ crucial-sandbox · new cluster · ready until Sun 29 Nov   change 1
                 │ small: 1 + 3 nodes m6i.large, eu-west-1, RKE2 v1.33.5 · about $412 a month · until Sun 29 Nov
                 │ @alice asked for it
                 │ Plan 62c8a3  7 to add, 0 to change, 0 to destroy · green: touches nothing that exists
                 │ Votes        bob and carol approved
                 │ Pull request #17 https://forge.example/acme/clusters/pull/17
                 │ Asked        12:00, 2 min ago
                 │ Ready        since 12:02, until Sun 29 Nov 12:02 (in 7 days)
                 │ Rancher      c-m-00000001 https://rancher.example/dashboard/c/c-m-00000001/explorer
                 │ Ways in      alice (cluster-owner)
                 │ Nodes        1 × m6i.large in eu-west-1a, running, about $103 a month
                 │ To take it down: /kaas destroy crucial-sandbox
    bob: /kaas show grey-heron
      kaas → bob │ grey-heron · new cluster · waiting for 1 more approval   change 2
                 │ large: 3 + 5 nodes m6i.2xlarge, eu-west-1, RKE2 v1.33.5 · about $2,310 a month · until Sun 29 Nov (7 days)
                 │ @erin: "month end"
                 │ Plan 65c8c0  7 to add, 0 to change, 0 to destroy · green: touches nothing that exists
                 │ Votes        bob approved · one more of carol, dave
                 │ Pull request #18 https://forge.example/acme/clusters/pull/18
                 │ Asked        12:02, 15 s ago
    carol: press Plan on grey-heron
      kaas → carol │ grey-heron: plan 65c8c0 in full. Values that may be secret are left out.   [plan-65c8c0.txt]
    erin: press Cancel on grey-heron
      card │ grey-heron · new cluster · cancelled by erin   change 2
           │ large: 3 + 5 nodes m6i.2xlarge, eu-west-1, RKE2 v1.33.5 · about $2,310 a month
      kaas │ grey-heron: cancelled by erin. Nothing was made.
    bob: /kaas show grey-heron
      kaas → bob │ grey-heron · new cluster · cancelled by erin   change 2
                 │ large: 3 + 5 nodes m6i.2xlarge, eu-west-1, RKE2 v1.33.5 · about $2,310 a month
                 │ @erin: "month end"
                 │ Asked        12:02, 18 s ago
    "#);
}

#[test]
fn what_can_be_asked_for() {
    let told = story(async |w| {
        w.alice("/kaas classes").await;
        w.alice("/kaas request crucial-sandbox size=small ttl=2d --dry-run").await;
        assert!(w.forge.pulls().is_empty());
    });
    insta::assert_snapshot!(told, @r#"
    alice: /kaas classes
      kaas → alice │ aws: RKE2 on EC2, private nodes (the default)
                   │   small   m6i.large    1 + 3 nodes (1 to 10 workers)  about $412 a month
                   │   medium  m6i.xlarge   1 + 5 nodes (1 to 20 workers)  about $1,059 a month
                   │   large   m6i.2xlarge  3 + 5 nodes (3 to 40 workers)  about $2,310 a month
                   │   k8s     RKE2 v1.33.5, RKE2 v1.32.9
                   │   region  eu-west-1
                   │   ttl     7 days, at most 30 days
                   │
                   │ aws-k3s: K3s on EC2, for small things
                   │   small   t3a.large  1 + 1 nodes (1 to 5 workers)  about $137 a month
                   │   medium  m6i.large  1 + 3 nodes (1 to 10 workers)  about $412 a month
                   │   k8s     K3s v1.33.5, K3s v1.32.9
                   │   region  eu-west-1
                   │   ttl     3 days, at most 14 days
                   │
                   │ The first of each is what you get where you name none. To ask: /kaas request <name> size=small
    alice: /kaas request crucial-sandbox size=small ttl=2d --dry-run
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
                   │ To ask for it: /kaas request crucial-sandbox class=aws size=small workers=3 k8s=v1.33.5+rke2r1 region=eu-west-1 ttl=2d
    "#);
}

#[test]
fn the_page_shows_what_waits_for_ones_own_vote() {
    story(async |w| {
        w.has_request("crucial-sandbox").await;
        w.bob("/kaas request teal-otter size=small ttl=7d").await;
        let votes = async |who: &str| {
            let page = w.page(who).await;
            page.into_iter().find(|(title, _)| title == "Waiting for your vote").map(|(_, words)| words)
        };
        assert_eq!(votes("alice").await, None, "she is no approver");
        let bobs = votes("bob").await.unwrap();
        assert!(bobs.contains("crucial-sandbox") && !bobs.contains("teal-otter"), "{bobs}");
        w.bob("press Approve on crucial-sandbox").await;
        assert!(votes("bob").await.unwrap().starts_with("Nothing waits for a decision"));
        let carols = votes("carol").await.unwrap();
        assert!(carols.contains("crucial-sandbox") && carols.contains("teal-otter"), "{carols}");
    });
}
