//! Before anybody is asked: each row of what would fail late, in a loop or never, good and bad.

use aws_sdk_ec2::types::InstanceType;
use kaas::lifecycle::cloud::{Finding, Order, PoolOrder, Weight};
use kaas::ports::Cloud as _;
use serde_json::{Value, json};

use super::proxy::Trouble;
use super::world::{REGION, World};

/// An account in which the order fails nowhere, and the order: two pools in zone a.
async fn sound() -> (World, Order) {
    let world = World::new().await;
    world.group("acme-kaas-nodes", "nodes of all clusters", &[]).await;
    world.proxy.trouble("GetServiceQuota", quota(64.0), None);
    world.proxy.trouble("GetEbsDefaultKmsKeyId", default_key(), None);
    for body in [
        "Action=CreateInstanceProfile&Version=2010-05-08&InstanceProfileName=kaas-nodes",
        "Action=CreateRole&Version=2010-05-08&RoleName=kaas-nodes&AssumeRolePolicyDocument=%7B%7D",
        "Action=AddRoleToInstanceProfile&Version=2010-05-08&InstanceProfileName=kaas-nodes&RoleName=kaas-nodes",
    ] {
        world.call("iam", None, body.to_owned()).await;
    }
    let pool = PoolOrder {
        name: "cp-a".to_owned(),
        count: 1,
        region: Some(REGION.to_owned()),
        zone: Some("a".to_owned()),
        vpc: Some(world.vpc.clone()),
        subnet: Some(world.subnet.clone()),
        image: Some(world.image.clone()),
        instance_type: Some("m6i.large".to_owned()),
        groups: vec!["acme-kaas-nodes".to_owned()],
        profile: Some("kaas-nodes".to_owned()),
        key: Some(key(&world).await),
        encrypted: true,
        tags: Some("kaas:cluster,teal-otter,kaas:owner,alice".to_owned()),
        ..PoolOrder::default()
    };
    let worker = PoolOrder { name: "worker-a".to_owned(), count: 3, ..pool.clone() };
    (world, Order { pools: vec![pool, worker] })
}

/// moto does not know this call.
fn default_key() -> Trouble {
    let of = "xmlns=\"http://ec2.amazonaws.com/doc/2016-11-15/\"";
    let body = format!(
        "<GetEbsDefaultKmsKeyIdResponse {of}><kmsKeyId>alias/aws/ebs</kmsKeyId></GetEbsDefaultKmsKeyIdResponse>"
    );
    Trouble::Answer(200, "text/xml", body)
}

fn quota(value: f64) -> Trouble {
    Trouble::json(200, &json!({ "Quota": { "QuotaCode": "L-1216C47A", "Value": value } }))
}

/// A KMS key, by ARN.
async fn key(world: &World) -> String {
    let made = world.call("kms", Some("TrentService.CreateKey"), "{}".to_owned()).await;
    serde_json::from_str::<Value>(&made).unwrap()["KeyMetadata"]["Arn"].as_str().unwrap().to_owned()
}

/// An id of the kind in place of the one that a test cannot know.
fn told(world: &World, findings: &[Finding]) -> Vec<String> {
    let line = |finding: &Finding| {
        let remedy = finding.remedy.as_ref().map(|remedy| format!(" -> {remedy}")).unwrap_or_default();
        let line = format!("{:?}: {}{remedy}", finding.weight, finding.what);
        line.replace(&world.vpc, "VPC").replace(&world.subnet, "SUBNET").replace(&world.image, "IMAGE")
    };
    findings.iter().map(line).collect()
}

/// What is found when both pools are changed so.
async fn found(world: &World, order: &Order, change: impl Fn(&mut PoolOrder)) -> Vec<String> {
    let mut order = order.clone();
    order.pools.iter_mut().for_each(change);
    told(world, &world.witness().preflight(&order).await.unwrap())
}

#[tokio::test]
async fn a_sound_order_has_no_finding() {
    let (world, order) = sound().await;
    assert_eq!(found(&world, &order, |_| {}).await, [""; 0]);
    // The account's own key, which AWS makes when it is first needed; and no key at all.
    assert_eq!(found(&world, &order, |pool| pool.key = None).await, [""; 0]);
    assert_eq!(found(&world, &order, |pool| (pool.key, pool.encrypted) = (None, false)).await, [""; 0]);
}

#[tokio::test]
async fn images_and_machine_types() {
    let (world, order) = sound().await;
    let missing = found(&world, &order, |pool| pool.image = Some("ami-0123456789abcdef0".to_owned())).await;
    let expected = "Fails: the image ami-0123456789abcdef0 is not in eu-west-1, or not for this account -> copy it there, or share it with the account";
    assert_eq!(missing, [expected]);

    // The image is for x86_64.
    let arm = found(&world, &order, |pool| pool.instance_type = Some("m6g.large".to_owned())).await;
    let (what, remedy) = arm[0].split_once(" -> ").unwrap();
    assert_eq!(what, "Fails: the image IMAGE is for x86_64, which m6g.large does not run");
    assert!(remedy.contains("m6i.large") && !remedy.contains("m6gd.large") && arm.len() == 1, "{arm:?}");

    let nowhere = found(&world, &order, |pool| pool.instance_type = Some("m66i.large".to_owned())).await;
    assert!(nowhere[0].starts_with("Fails: eu-west-1 has no machine type m66i.large -> m6"), "{nowhere:?}");
    let elsewhere = found(&world, &order, |pool| pool.instance_type = Some("m8id.large".to_owned())).await;
    assert!(elsewhere[0].starts_with("Fails: m8id.large is not offered in eu-west-1a -> m8i"), "{elsewhere:?}");
    // What is told works: it is offered there.
    let instead = elsewhere[0].rsplit(' ').next().unwrap().to_owned();
    assert_eq!(found(&world, &order, |pool| pool.instance_type = Some(instead.clone())).await, [""; 0]);
}

#[tokio::test]
async fn subnets_with_room_in_the_right_zone_and_network() {
    let (world, order) = sound().await;
    let make = |vpc: String, cidr: &'static str, zone: &'static str| {
        let request = world.ec2.create_subnet().vpc_id(vpc).cidr_block(cidr).availability_zone(zone);
        async { request.send().await.unwrap().subnet.unwrap().subnet_id.unwrap() }
    };
    // EC2 keeps 5 of the 16 addresses.
    let small = make(world.vpc.clone(), "10.0.16.0/28", "eu-west-1a").await;
    let in_b = make(world.vpc.clone(), "10.0.32.0/20", "eu-west-1b").await;
    let other = world.ec2.create_vpc().cidr_block("10.9.0.0/16").send().await.unwrap().vpc.unwrap().vpc_id.unwrap();
    let foreign = make(other.clone(), "10.9.0.0/20", "eu-west-1a").await;

    let full = found(&world, &order, |pool| (pool.subnet, pool.count) = (Some(small.clone()), 6)).await;
    let expected = format!(
        "Fails: the subnet {small} has 11 free addresses, and cp-a, worker-a would take 12 -> SUBNET (eu-west-1a, 4090 free) or {in_b} (eu-west-1b, 4091 free)"
    );
    assert_eq!(full, [expected]);
    let tight = found(&world, &order, |pool| (pool.subnet, pool.count) = (Some(small.clone()), 5)).await;
    assert!(
        tight[0].starts_with(&format!("Doubt: the subnet {small} has 11 free addresses: enough for 10 more machines")),
        "{tight:?}"
    );
    // Machines that are there take no address again.
    let grown = found(&world, &order, |pool| (pool.subnet, pool.count, pool.stays) = (Some(small.clone()), 6, 5)).await;
    assert_eq!(grown, [""; 0]);

    let zone = found(&world, &order, |pool| pool.subnet = Some(in_b.clone())).await;
    let expected = format!(
        "Fails: the subnet {in_b} lies in eu-west-1b, and pool cp-a asks for eu-west-1a -> SUBNET (eu-west-1a, 4090 free) or {small} (eu-west-1a, 11 free)"
    );
    assert_eq!((zone.len(), &zone[0]), (2, &expected));
    let network = found(&world, &order, |pool| pool.subnet = Some(foreign.clone())).await;
    assert!(
        network[0].starts_with(&format!(
            "Fails: the subnet {foreign} belongs to {other}, and pool cp-a asks for VPC -> SUBNET"
        )),
        "{network:?}"
    );
    let gone = found(&world, &order, |pool| pool.subnet = Some("subnet-0123456789abcdef0".to_owned())).await;
    assert!(
        gone[0].starts_with("Fails: the subnet subnet-0123456789abcdef0 of pool cp-a is not in eu-west-1 -> SUBNET"),
        "{gone:?}"
    );
}

#[tokio::test]
async fn the_group_s_name_is_there_exactly_once() {
    let (world, order) = sound().await;
    let id = world.group("acme-kaas-nodes-2", "others", &[]).await;
    world.group("rancher-nodes", "Rancher Nodes", &[]).await;
    world.group("acme-made", "Rancher Nodes", &[]).await;
    let of = |name: &'static str| {
        let (world, order) = (&world, &order);
        async move { found(world, order, |pool| pool.groups = vec![name.to_owned()]).await }
    };
    let mistyped = "Fails: there is no security group acme-kaas-nodez in VPC: Rancher's driver would make one, and nobody would remove it -> acme-kaas-nodes or acme-kaas-nodes-2";
    assert_eq!(of("acme-kaas-nodez").await, [mistyped]);
    // EC2 takes * and ? in filters for anything: here they are letters.
    assert!(of("acme-kaas-node?").await[0].starts_with("Fails: there is no security group acme-kaas-node? in VPC"));
    assert!(of("Acme-kaas-nodes").await[0].contains("-> acme-kaas-nodes"));
    let world_open = "Fails: the security group rancher-nodes is the one that Rancher's driver opens to the world";
    assert!(of("rancher-nodes").await[0].starts_with(world_open));
    assert!(
        of("acme-made").await[0].starts_with("Doubt: the security group acme-made in VPC was made by Rancher's driver")
    );
    let by_id = found(&world, &order, |pool| pool.groups = vec![id.clone()]).await;
    let expected =
        format!("Fails: {id} is the id of a security group, and Rancher's driver takes names -> acme-kaas-nodes-2");
    assert_eq!(by_id, [expected]);
}

#[tokio::test]
async fn profiles_and_keys() {
    let (world, order) = sound().await;
    let gone = found(&world, &order, |pool| pool.profile = Some("kaas-node".to_owned())).await;
    assert!(gone[0].starts_with("Fails: there is no instance profile kaas-node -> make it"), "{gone:?}");
    world
        .call("iam", None, "Action=CreateInstanceProfile&Version=2010-05-08&InstanceProfileName=empty".to_owned())
        .await;
    let empty = found(&world, &order, |pool| pool.profile = Some("empty".to_owned())).await;
    assert_eq!(empty, ["Doubt: the instance profile empty has no role -> give it one"]);

    let dying = key(&world).await;
    let id = dying.rsplit('/').next().unwrap().to_owned();
    let ask = json!({ "KeyId": id, "PendingWindowInDays": 7 }).to_string();
    world.call("kms", Some("TrentService.ScheduleKeyDeletion"), ask).await;
    let instead = "another key, or none: then it is the account's own";
    let pending = found(&world, &order, |pool| pool.key = Some(dying.clone())).await;
    assert_eq!(pending, [format!("Fails: the KMS key key/{id} is pending deletion -> {instead}")]);
    let away = dying.replace(REGION, "us-east-1");
    let region = found(&world, &order, |pool| pool.key = Some(away.clone())).await;
    assert_eq!(
        region,
        [format!("Fails: the KMS key key/{id} is in us-east-1, and the machines would be in eu-west-1 -> {instead}")]
    );
    let nowhere = found(&world, &order, |pool| pool.key = Some("alias/nowhere".to_owned())).await;
    assert_eq!(nowhere, [format!("Fails: the KMS key alias/nowhere is not in eu-west-1 -> {instead}")]);
    let signing = json!({ "KeySpec": "RSA_2048", "KeyUsage": "SIGN_VERIFY" }).to_string();
    let made = world.call("kms", Some("TrentService.CreateKey"), signing).await;
    let made = serde_json::from_str::<Value>(&made).unwrap()["KeyMetadata"]["Arn"].as_str().unwrap().to_owned();
    let asymmetric = found(&world, &order, |pool| pool.key = Some(made.clone())).await;
    assert!(asymmetric[0].contains("is asymmetric, and volumes take symmetric ones"), "{asymmetric:?}");
}

#[tokio::test]
async fn the_quota_counts_what_runs_and_what_would() {
    let (world, order) = sound().await;
    // Four machines of 2 virtual processors; 3 machines of 2 run, and a graphics card counts elsewhere.
    world.instances(3, None, &[]).await;
    let card = world.ec2.run_instances().image_id(&world.image).subnet_id(&world.subnet).min_count(1).max_count(1);
    card.instance_type(InstanceType::G4dnXlarge).send().await.unwrap();
    for (value, fits) in [(14.0, true), (13.0, false), (0.0, false)] {
        world.proxy.calm();
        world.proxy.trouble("GetServiceQuota", quota(value), None);
        let told = found(&world, &order, |_| {}).await;
        let expected = format!(
            "Fails: the quota of on-demand processors in eu-west-1 is {value}, 6 run, and this takes 8 more -> ask AWS to raise L-1216C47A, or take fewer or smaller machines"
        );
        assert_eq!(told, if fits { Vec::new() } else { vec![expected] });
    }
    // Spot machines have a quota of their own, of which nothing is used.
    assert_eq!(found(&world, &order, |pool| pool.spot = true).await[0].split(',').nth(1), Some(" 0 run"));
    // Never raised: what AWS gives everybody.
    world.proxy.calm();
    let none = json!({ "__type": "NoSuchResourceException", "Message": "x" });
    world.proxy.trouble("GetServiceQuota", Trouble::json(400, &none), None);
    world.proxy.trouble("GetAWSDefaultServiceQuota", quota(5.0), None);
    assert!(found(&world, &order, |_| {}).await[0].contains("is 5, 6 run"));
    // moto itself has no quotas of EC2: not known is not fine.
    world.proxy.calm();
    let unread = found(&world, &order, |_| {}).await;
    assert!(
        unread.len() == 1
            && unread[0].starts_with("Unread: the quota of on-demand processors in eu-west-1 could not be read: "),
        "{unread:?}"
    );
}

#[tokio::test]
async fn tags_come_in_pairs() {
    let (world, order) = sound().await;
    let of = |tags: &'static str| {
        let (world, order) = (&world, &order);
        async move { found(world, order, |pool| (pool.tags, pool.name) = (Some(tags.to_owned()), "cp-a".to_owned())).await }
    };
    let odd = "Fails: the tags of pool cp-a do not come in pairs of key and value: a comma stands in one of them -> take the comma out";
    assert_eq!(of("cost,4711,a,kaas:cluster,teal").await, [odd]);
    assert_eq!(of("cost,4711,a,b,c,kaas:cluster").await, [odd]);
    assert_eq!(of("kaas:cluster,teal,,x").await, [odd]);
    assert_eq!(of("a,1,a,2,kaas:cluster,teal").await, [odd]);
    assert!(
        of("team,platform").await[0].starts_with("Doubt: the machines of pool cp-a would carry no tag kaas:cluster")
    );
}

#[tokio::test]
async fn what_is_wrong_with_machines_that_stay_stops_nobody() {
    let (world, order) = sound().await;
    let gone = |pool: &mut PoolOrder| {
        pool.image = Some("ami-0123456789abcdef0".to_owned());
        pool.stays = pool.count;
    };
    assert!(
        found(&world, &order, gone).await[0].starts_with("Doubt: the image ami-0123456789abcdef0 is not in eu-west-1")
    );
    let replaced = |pool: &mut PoolOrder| {
        pool.image = Some("ami-0123456789abcdef0".to_owned());
        pool.replaced = pool.count;
    };
    assert!(found(&world, &order, replaced).await[0].starts_with("Fails: "));
}

#[tokio::test]
async fn what_cannot_be_read_is_said_row_by_row() {
    let (world, order) = sound().await;
    let calls = [
        ("DescribeImages", "images in eu-west-1"),
        ("DescribeInstanceTypes", "machine types in eu-west-1"),
        ("DescribeInstanceTypeOfferings", "what the zones offer in eu-west-1"),
        ("DescribeSubnets", "subnets in eu-west-1"),
        ("DescribeSecurityGroups", "security groups in eu-west-1"),
        ("GetInstanceProfile", "the instance profile kaas-nodes"),
        ("DescribeKey", "the KMS key key/"),
        ("GetServiceQuota", "the quota of on-demand processors in eu-west-1"),
    ];
    for (call, what) in calls {
        world.proxy.calm();
        let (denied, code) = match call {
            "GetInstanceProfile" => (Trouble::xml(403, "AccessDenied"), "AccessDenied"),
            "DescribeKey" | "GetServiceQuota" => (
                Trouble::json(400, &json!({ "__type": "AccessDeniedException", "Message": "arn:aws:x" })),
                "AccessDeniedException",
            ),
            _ => (Trouble::denied(), "UnauthorizedOperation"),
        };
        world.proxy.trouble(call, denied, None);
        world.proxy.trouble("GetServiceQuota", quota(64.0), None);
        let findings = world.witness().preflight(&order).await.unwrap();
        let unread: Vec<&Finding> = findings.iter().filter(|finding| finding.what.starts_with(what)).collect();
        assert_eq!(unread.len(), 1, "{call}: {findings:?}");
        assert!(
            unread[0].weight == Weight::Unread && unread[0].what.ends_with(&format!("could not be read: {code}")),
            "{findings:?}"
        );
        assert!(findings.iter().all(|finding| finding.weight == Weight::Unread), "{call}: {findings:?}");
    }
    // What the plan does not know yet is not known here either.
    world.proxy.calm();
    world.proxy.trouble("GetServiceQuota", quota(64.0), None);
    let unknown = found(&world, &order, |pool| pool.region = None).await;
    assert_eq!(unknown[0], "Unread: pool cp-a could not be read: its region is not known before the apply");
}
