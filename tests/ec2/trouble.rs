//! What AWS, and whatever stands between, does to whoever asks: it limits, breaks, is slow, and denies. It is survived, or told; it is never taken for
//! "nothing there".

use std::time::Duration;

use kaas::cloud::ec2::Patience;
use kaas::lifecycle::cloud::{Certificate, Order, PoolOrder, Weight};
use kaas::ports::{Cloud as _, Trouble as PortTrouble};

use super::landscape::traces;
use super::proxy::Trouble;
use super::world::{PATIENCE, REGION, World};

/// An account in which a cluster left a machine, a volume and a key pair.
async fn left() -> World {
    let world = World::new().await;
    world.living("teal-otter").await;
    world
}

async fn sweep(world: &World, patience: Patience) -> Certificate {
    world.witness_with(patience).sweep(&traces(world, "teal-otter"), &[]).await.unwrap()
}

/// All calls of a sweep, and what each is called when it could not be read.
const CALLS: [(&str, &str); 10] = [
    ("DescribeInstances", "instances"),
    ("DescribeVolumes", "volumes"),
    ("DescribeKeyPairs", "key pairs"),
    ("DescribeSecurityGroups", "security groups"),
    ("DescribeNetworkInterfaces", "network interfaces"),
    ("DescribeSpotInstanceRequests", "spot requests"),
    ("DescribeSnapshots", "snapshots"),
    ("DescribeAddresses", "addresses"),
    ("GetResources", "load balancers"),
    ("DescribeImages", "images"),
];

#[tokio::test]
async fn a_missing_right_is_told_call_by_call_without_a_name_of_anything() {
    let world = left().await;
    for (call, what) in CALLS {
        world.proxy.calm();
        let denied =
            serde_json::json!({ "__type": "AccessDeniedException", "Message": "arn:aws:iam::1:user/secret-name" });
        let is_json = call == "GetResources";
        world.proxy.trouble(call, if is_json { Trouble::json(400, &denied) } else { Trouble::denied() }, None);
        let certificate = sweep(&world, PATIENCE).await;
        let code = if is_json { "AccessDeniedException" } else { "UnauthorizedOperation" };
        let told = format!("{what} in eu-west-1: {code}");
        assert!(certificate.unread.contains(&told) && !certificate.is_clean(), "{call}: {:?}", certificate.unread);
        let asked = certificate.asked.iter().filter(|line| line.starts_with(call));
        assert!(
            asked.into_iter().all(|line| line.ends_with(&format!("0 rows, then {code}"))),
            "{:?}",
            certificate.asked
        );
        let all = format!("{certificate:?}");
        assert!(!all.contains("secret-name") && !all.contains("arn:aws:iam"), "{all}");
    }
}

#[tokio::test]
async fn throttling_and_broken_answers_are_survived_when_they_pass() {
    let world = left().await;
    let calm = sweep(&world, PATIENCE).await;
    for trouble in [Trouble::throttled(), Trouble::html(), Trouble::xml(503, "Unavailable")] {
        world.proxy.calm();
        CALLS.iter().for_each(|(call, _)| world.proxy.trouble(call, trouble.clone(), Some(2)));
        let certificate = sweep(&world, PATIENCE).await;
        assert_eq!(certificate, calm, "{trouble:?}");
    }
}

#[tokio::test]
async fn what_does_not_pass_is_not_known() {
    let world = left().await;
    for (trouble, line) in [
        (Trouble::throttled(), "RequestLimitExceeded"),
        (Trouble::html(), "HTTP 500 without a word that kaas can read"),
        (
            Trouble::Answer(200, "text/html", "<html>Please log in</html>".to_owned()),
            "HTTP 200 without a word that kaas can read",
        ),
        (Trouble::Answer(200, "text/xml", "not even".to_owned()), "HTTP 200 without a word that kaas can read"),
        (
            Trouble::Answer(407, "text/html", "<html>Proxy</html>".to_owned()),
            "HTTP 407 without a word that kaas can read",
        ),
    ] {
        world.proxy.calm();
        world.proxy.trouble("*", trouble, None);
        let certificate = sweep(&world, PATIENCE).await;
        let expected: Vec<String> = CALLS.iter().map(|(_, what)| format!("{what} in eu-west-1: {line}")).collect();
        let mut unread = certificate.unread.clone();
        let image = unread.pop().unwrap();
        assert!(image.starts_with("volumes without tags: the image "), "{image}");
        unread.sort();
        let mut expected = expected;
        expected.sort();
        assert_eq!(unread, expected);
        assert!(certificate.sure.is_empty() && certificate.suspect.is_empty());
        let machines = world.witness().machines(&traces(&world, "teal-otter")).await;
        assert!(machines.is_err(), "{machines:?}");
    }
}

#[tokio::test]
async fn an_answer_that_never_comes_is_not_waited_for() {
    let world = left().await;
    let hasty = Patience { attempt: Duration::from_millis(400), call: Duration::from_secs(2), tries: 2, ..PATIENCE };
    world.proxy.trouble("DescribeVolumes", Trouble::Silence(Duration::from_secs(60)), None);
    world.proxy.trouble("GetResources", Trouble::Silence(Duration::from_secs(60)), None);
    let patient = Patience { attempt: Duration::from_secs(3), call: Duration::from_secs(8), ..hasty };
    let certificate = sweep(&world, patient).await;
    let mut unread = certificate.unread.clone();
    unread.sort();
    assert_eq!(unread, ["load balancers in eu-west-1: no answer in time", "volumes in eu-west-1: no answer in time"]);
    assert!(certificate.sure.iter().any(|left| left.kind == "instance"));
    world.proxy.calm();
    world.proxy.trouble("*", Trouble::Silence(Duration::from_secs(60)), None);
    let machines = world.witness_with(hasty).machines(&traces(&world, "teal-otter")).await;
    let Err(PortTrouble::Passing { line, .. }) = machines else { panic!("{machines:?}") };
    assert_eq!(line, "EC2 did not tell kaas about instances in eu-west-1: no answer in time");
}

#[tokio::test]
async fn the_pages_that_came_count_when_the_next_one_does_not() {
    let world = World::new().await;
    for _ in 0..8 {
        world.instance(None, &[("kaas:cluster", "teal-otter")]).await;
    }
    world.proxy.pages(false, Some(5));
    // The first page passes, then the right is gone.
    world.proxy.trouble_after("DescribeInstances", 1, Trouble::denied());
    let certificate = sweep(&world, PATIENCE).await;
    assert_eq!(certificate.unread, ["instances in eu-west-1: UnauthorizedOperation"]);
    assert_eq!(certificate.sure.len(), 5, "{certificate:#?}");
    assert!(
        certificate.asked[0].ends_with("5 rows, then UnauthorizedOperation")
            || certificate.asked[1].ends_with("5 rows, then UnauthorizedOperation")
    );
}

#[tokio::test]
async fn nobody_there_and_no_credentials_are_told_apart() {
    let world = World::new().await;
    let order = Order {
        pools: vec![PoolOrder {
            name: "cp-a".to_owned(),
            count: 1,
            region: Some(REGION.to_owned()),
            image: Some(world.image.clone()),
            profile: Some("kaas-nodes".to_owned()),
            ..PoolOrder::default()
        }],
    };
    let nobody = world.witness_at("http://127.0.0.1:1", PATIENCE);
    let lost = world.witness_without_credentials();
    for (witness, line) in [(nobody, "it cannot be reached"), (lost, "kaas has no credentials for AWS")] {
        let findings = witness.preflight(&order).await.unwrap();
        for what in ["images in eu-west-1", "the instance profile kaas-nodes"] {
            let told = format!("{what} could not be read: {line}");
            let found = findings.iter().any(|finding| finding.weight == Weight::Unread && finding.what == told);
            assert!(found, "{told}: {findings:#?}");
        }
        let certificate = witness.sweep(&traces(&world, "teal-otter"), &[]).await.unwrap();
        assert_eq!(certificate.unread.len(), CALLS.len() + 1, "{:#?}", certificate.unread);
    }
}

/// STS has an address in each region, and none without one: a role that a profile names needs it, whatever the profile leaves out.
#[tokio::test]
async fn a_role_that_a_profile_names_is_taken() {
    let world = World::new().await;
    let certificate = world.witness_in_a_role().sweep(&traces(&world, "teal-otter"), &[]).await.unwrap();
    let lacking: Vec<_> = certificate.unread.iter().filter(|line| line.contains("credentials")).collect();
    assert!(lacking.is_empty(), "{lacking:?}");
    assert!(certificate.asked.iter().any(|line| line.starts_with("DescribeInstances")), "{:?}", certificate.asked);
}
