//! Ways into clusters by command, and what the cloud says before and after.

use kaas::lifecycle::cloud::{Finding, Leftover, Weight};

use crate::fakes::Part;
use crate::world::{story, story_with};

#[test]
fn a_way_in_for_eight_hours_ends_by_itself_across_a_restart() {
    let told = story(async |w| {
        w.has_cluster("crucial-sandbox").await;
        w.alice("/kaas access crucial-sandbox @bob for 8h").await;
        w.alice("/kaas access crucial-sandbox @bob for 2h").await;
        w.bob("/kaas access crucial-sandbox").await;
        assert_eq!(w.rancher.ways_in("crucial-sandbox"), ["alice", "u-bob"]);
        w.passes("5h").await;
        w.restart().await;
        w.passes("4h").await;
        assert_eq!(w.rancher.ways_in("crucial-sandbox"), ["alice"]);
    });
    insta::assert_snapshot!(told);
}

#[test]
fn who_may_let_whom_in() {
    let told = story(async |w| {
        w.alice("/kaas access crucial-sandbox @bob").await;
        w.has_cluster("crucial-sandbox").await;
        w.erin("/kaas access crucial-sandbox @erin").await;
        w.alice("/kaas access crucial-sandbox @nobody").await;
        w.alice("/kaas access crucial-sandbox @bob cluster-owner").await;
        w.alice("/kaas access crucial-sandbox @bob for ever").await;
        w.alice("/kaas access crucial-sandbox group marketing").await;
        w.alice("/kaas access crucial-sandbox group billing").await;
        w.dave("/kaas access crucial-sandbox @erin as cluster-member").await;
        w.erin("/kaas revoke crucial-sandbox group billing").await;
        w.alice("/kaas revoke crucial-sandbox group:billing").await;
        w.alice("/kaas revoke crucial-sandbox @carol").await;
        w.alice("/kaas revoke crucial-sandbox").await;
        w.alice("/kaas show crucial-sandbox").await;
        assert_eq!(w.rancher.ways_in("crucial-sandbox"), ["alice", "u-erin"]);
    });
    insta::assert_snapshot!(told);
}

#[test]
fn a_way_in_is_taken_back_however_long_rancher_is_down() {
    let told = story(async |w| {
        w.has_cluster("crucial-sandbox").await;
        w.alice("/kaas access crucial-sandbox @bob").await;
        w.down(Part::Rancher, "Rancher does not answer");
        w.alice("/kaas revoke crucial-sandbox @bob").await;
        w.passes("5h").await;
        w.up(Part::Rancher);
        w.passes("1h").await;
        assert_eq!(w.rancher.ways_in("crucial-sandbox"), ["alice"]);
    });
    insta::assert_snapshot!(told);
}

fn finding(weight: Weight, what: &str, remedy: Option<&str>) -> Finding {
    Finding { weight, what: what.to_owned(), remedy: remedy.map(str::to_owned) }
}

#[test]
fn what_the_cloud_would_refuse_is_said_before_anybody_is_asked() {
    let told = story(async |w| {
        w.cloud.finds(vec![
            finding(Weight::Fails, "m6i.large is not offered in eu-west-1c", Some("m6a.large is")),
            finding(Weight::Fails, "there is no security group acme-kaas-nodez in vpc-0a1", Some("acme-kaas-nodes?")),
        ]);
        w.alice("/kaas request crucial-sandbox size=small reason=\"load test\"").await;
        w.cloud.finds(vec![
            finding(Weight::Doubt, "subnet-0a1 has room for 3 more addresses, and 3 are needed", None),
            finding(Weight::Unread, "the vCPU quota could not be read (no right)", None),
        ]);
        w.alice("/kaas retry crucial-sandbox").await;
    });
    insta::assert_snapshot!(told);
}

#[test]
fn a_cloud_that_does_not_answer_stops_nobody() {
    let told = story(async |w| {
        w.down(Part::Cloud, "EC2 does not answer");
        w.alice("/kaas request crucial-sandbox size=small reason=\"load test\"").await;
    });
    insta::assert_snapshot!(told);
}

fn leftover(id: &str, why: &str) -> Leftover {
    Leftover {
        kind: "instance".to_owned(),
        region: "eu-west-1".to_owned(),
        id: id.to_owned(),
        name: Some("crucial-sandbox-worker-a-b5wxk-7qz2m".to_owned()),
        why: why.to_owned(),
        cents_a_month: Some(10_300),
        remove: format!("aws ec2 terminate-instances --region eu-west-1 --instance-ids {id}"),
    }
}

#[test]
fn what_a_teardown_leaves_is_told_twice_and_kept() {
    let told = story_with(
        |policy| policy.certify = true,
        async |w| {
            w.has_cluster("crucial-sandbox").await;
            w.cloud.leaves(vec![leftover("i-0abc", "tag kaas:cluster=crucial-sandbox")]);
            w.alice("/kaas destroy crucial-sandbox").await;
            w.bob("press Approve").await;
            w.carol("press Approve").await;
            w.cloud.leaves(Vec::new());
            w.passes("20m").await;
            w.restart().await;
            w.passes("20m").await;
            for traces in w.cloud.swept() {
                assert!(traces.footprint.machines.contains("crucial-sandbox-worker-a-b5wxk-7qz2m"), "{traces:?}");
                assert!(traces.footprint.ids.contains("c-m-00000001"), "{traces:?}");
            }
            assert!(w.cloud.swept().len() >= 2, "{:?}", w.cloud.swept());
        },
    );
    insta::assert_snapshot!(told);
}

#[test]
fn orphans_are_for_admins() {
    let told = story(async |w| {
        w.alice("/kaas orphans").await;
        w.dave("/kaas orphans").await;
        w.cloud.leaves(vec![leftover("i-0abc", "tag kaas:cluster=long-gone, which is no cluster here")]);
        w.dave("/kaas orphans").await;
    });
    insta::assert_snapshot!(told);
}

#[test]
fn a_machine_that_hangs_is_let_go_by_an_admin_who_types_its_name() {
    let told = story(async |w| {
        w.has_cluster("crucial-sandbox").await;
        w.dave("/kaas force-remove crucial-sandbox machine=crucial-sandbox-worker-a-b5wxk-7qz2m").await;
        w.alice("/kaas destroy crucial-sandbox").await;
        w.bob("press Approve").await;
        w.rancher.removes_never(true);
        w.carol("press Approve").await;
        w.passes("40m").await;
        w.alice("/kaas force-remove crucial-sandbox machine=crucial-sandbox-worker-a-b5wxk-7qz2m").await;
        w.dave("/kaas force-remove crucial-sandbox").await;
        w.dave("/kaas force-remove crucial-sandbox machine=crucial-sandbox-worker-a-b5wxk-7qz2m").await;
        w.alice("/kaas retry crucial-sandbox").await;
        w.stands("crucial-sandbox", "gone");
    });
    insta::assert_snapshot!(told);
}

#[test]
fn a_link_holds_once_the_person_confirms_it() {
    let told = story(async |w| {
        w.has_cluster("crucial-sandbox").await;
        w.erin("/kaas whoami").await;
        w.erin("/kaas link @erin u-x9").await;
        w.erin("/kaas link confirm").await;
        w.dave("/kaas link @erin x9").await;
        w.dave("/kaas link @erin user-gone").await;
        w.dave("/kaas link @nobody u-x9").await;
        w.dave("/kaas link @erin u-bob").await;
        w.dave("/kaas link @erin u-x9").await;
        w.erin("/kaas whoami").await;
        w.erin("/kaas link refuse").await;
        w.dave("/kaas link @erin u-x9").await;
        w.restart().await;
        w.erin("/kaas link confirm").await;
        w.erin("/kaas link confirm").await;
        w.erin("/kaas whoami").await;
        w.alice("/kaas access crucial-sandbox @erin").await;
        assert_eq!(w.rancher.ways_in("crucial-sandbox"), ["alice", "u-x9"]);
        w.dave("/kaas link @erin none").await;
        w.dave("/kaas whoami").await;
    });
    insta::assert_snapshot!(told);
}

#[test]
fn admins_are_warned_before_the_token_ends() {
    let told = story(async |w| {
        w.has_cluster("crucial-sandbox").await;
        w.rancher.token_ends("2026-12-05T12:00:00Z".parse().unwrap());
        w.passes("25h").await;
    });
    insta::assert_snapshot!(told);
}

#[test]
fn whoever_is_known_by_their_e_mail_alone_gets_in_as_approvers_were_shown() {
    let told = story(async |w| {
        w.is_known_by_email("alice").await;
        w.alice("/kaas whoami").await;
        w.alice("/kaas request crucial-sandbox size=small").await;
        w.note("two users of Rancher log in under alice@example.com");
        w.rancher.logs_in("alice@example.com", &[("u-x9", true), ("u-y7", true)]);
        w.alice("press Retry").await;
        w.note("one of them is disabled");
        w.rancher.logs_in("alice@example.com", &[("u-x9", true), ("u-y7", false)]);
        w.alice("/kaas whoami").await;
        w.alice("press Retry").await;
        w.bob("press Approve").await;
        w.note("the address moves on to somebody else");
        w.rancher.logs_in("alice@example.com", &[("u-z1", true)]);
        w.carol("press Approve").await;
        w.stands("crucial-sandbox", "stuck");
        assert!(w.rancher.ways_in("crucial-sandbox").is_empty());
        w.dave("/kaas link @alice u-x9").await;
        w.alice("/kaas link confirm").await;
        w.alice("press Retry").await;
        w.alice("/kaas whoami").await;
        assert_eq!(w.rancher.ways_in("crucial-sandbox"), ["u-x9"]);
    });
    insta::assert_snapshot!(told);
}

#[test]
fn an_e_mail_lets_nobody_in_as_somebody_else_and_is_not_needed_to_take_a_way_in_back() {
    let told = story(async |w| {
        w.has_cluster("crucial-sandbox").await;
        w.is_known_by_email("bob").await;
        w.alice("/kaas access crucial-sandbox @bob").await;
        w.rancher.logs_in("bob@example.com", &[("u-alice", true)]);
        w.alice("/kaas access crucial-sandbox @bob").await;
        w.rancher.logs_in("bob@example.com", &[("u-x9", false)]);
        w.alice("/kaas access crucial-sandbox @bob").await;
        w.rancher.logs_in("bob@example.com", &[("u-x9", true)]);
        w.alice("/kaas access crucial-sandbox @bob").await;
        assert_eq!(w.rancher.ways_in("crucial-sandbox"), ["alice", "u-x9"]);
        w.down(Part::Rancher, "Rancher does not answer");
        w.bob("/kaas whoami").await;
        w.up(Part::Rancher);
        w.rancher.logs_in("bob@example.com", &[]);
        w.alice("/kaas revoke crucial-sandbox @bob").await;
        assert_eq!(w.rancher.ways_in("crucial-sandbox"), ["alice"]);
    });
    insta::assert_snapshot!(told);
}

#[test]
fn who_gets_which_role_is_shown_to_approvers_where_it_is_not_the_usual_one() {
    let told = story_with(
        |policy| {
            policy.roles.classes.insert("aws-k3s".parse().unwrap(), "cluster-member".to_owned());
            policy.roles.people.insert("erin".parse().unwrap(), "kaas-read-only".to_owned());
        },
        async |w| {
            for (who, class, name) in [("alice", "aws-k3s", "teal-otter"), ("erin", "aws-k3s", "calm-heron")] {
                w.says(who, &format!("/kaas request {name} class={class} --dry-run")).await;
                w.says(who, &format!("/kaas request {name} class={class}")).await;
                w.bob(&format!("press Approve on {name}")).await;
                w.carol(&format!("press Approve on {name}")).await;
            }
            w.erin("/kaas access calm-heron").await;
        },
    );
    insta::assert_snapshot!(told);
}
