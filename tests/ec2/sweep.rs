//! After a teardown: everything that is left is found, nothing of a neighbour is, and sure and suspect are told apart.

use std::collections::BTreeMap;

use aws_sdk_ec2::types::ResourceType;
use kaas::lifecycle::ClusterKey;
use kaas::lifecycle::cloud::{Certificate, Footprint, Leftover};
use kaas::ports::{Cloud as _, Traces};

use super::landscape::{seen, tags, traces};
use super::world::{REGION, World, tagged};

/// Kind and id of each.
fn listed(leftovers: &[Leftover]) -> BTreeMap<String, String> {
    leftovers.iter().map(|left| (left.id.clone(), left.kind.clone())).collect()
}

fn expected(all: &[(&str, &str)]) -> BTreeMap<String, String> {
    all.iter().map(|(id, kind)| ((*id).to_owned(), (*kind).to_owned())).collect()
}

fn one<'a>(leftovers: &'a [Leftover], id: &str) -> &'a Leftover {
    leftovers.iter().find(|left| left.id == id).unwrap_or_else(|| panic!("no {id}"))
}

#[tokio::test]
async fn of_three_clusters_that_begin_alike_each_leaves_its_own() {
    let world = World::new().await;
    for neighbour in ["teal-otter-2", "teal"] {
        world.living(neighbour).await;
    }
    // A group that everybody uses, made by hand; and machines of somebody else.
    world.group("acme-nodes", "nodes of all clusters", &[]).await;
    world.key("laptop").await;
    world.instance(Some("laptop"), &[("Name", "bastion")]).await;
    world.volume(None, &[("Name", "database")]).await;

    let ours = tags("teal-otter");
    let ours: Vec<(&str, &str)> = ours.iter().map(|(key, value)| (key.as_str(), value.as_str())).collect();

    // A create that was killed, of a machine that kaas saw: machine and key stay.
    let machine = seen("teal-otter");
    let killed_key = world.key(&format!("{machine}-AbCdE")).await;
    let killed = world.instance(Some(&format!("{machine}-AbCdE")), &[&ours[..], &[("Name", &machine)]].concat()).await;
    // An answer that was lost: a machine that nobody ever heard of.
    let lost_key_name = "teal-otter-worker-a-lllll-sssss-LoStA";
    let lost_key = world.key(lost_key_name).await;
    let lost = world.instance(Some(lost_key_name), &ours).await;
    // Spot: request, machine and key without any tag.
    let spot_key_name = "teal-otter-worker-a-ppppp-ttttt-SpOtS";
    let spot_key = world.key(spot_key_name).await;
    let (spot_request, spot) = world.spot(spot_key_name).await;
    // A key pair alone.
    let key_alone = world.key("teal-otter-cp-a-kkkkk-nnnnn-AlOnE").await;
    // Tags that a comma has shifted: only the name is left of them.
    let shifted =
        world.instance(None, &[("Name", "teal-otter-cp-a-ccccc-mmmmm"), ("kaas:cost", "4711,kaas:cluster")]).await;
    // A group of a mistyped name, and one without tags because the create was killed in between.
    let mistyped = world.group("acme-nodez", "Rancher Nodes", &[("rancher-nodes", "v2.14.4")]).await;
    let untagged_group = world.group("kaas-nodes-old", "Rancher Nodes", &[]).await;
    let user = world.interface(&[&mistyped], &[("Name", "somebody's")]).await;
    // Volumes: tagged, of the image without tags, and of a claim without the cluster's tag.
    let volume = world.volume(None, &ours).await;
    let bare = world.volume(Some(&world.image_snapshot), &[]).await;
    let claim = world.volume(None, &[("CSIVolumeName", "pvc-7"), ("ebs.csi.aws.com/cluster", "true")]).await;
    // By hand, with names that look so: EC2's own key, vowels, another pool.
    world.ec2.create_key_pair().key_name("teal-otter-cp-a-bcdfg-x4k2l-HaNdM").send().await.unwrap();
    for by_hand in [
        "teal-otter-cp-a-backup",
        "teal-otter-alice",
        "teal-otter-cp-b-bcdfg-x4k2l-HaNdM",
        "my-teal-otter-cp-a-bcdfg-x4k2l-HaNdM",
    ] {
        world.key(by_hand).await;
    }
    // What controllers in the cluster made.
    let interface = world.interface(&[], &ours).await;
    let snapshot = world.ec2.create_snapshot().volume_id(&volume);
    let snapshot = snapshot
        .set_tag_specifications(tagged(ResourceType::Snapshot, &ours))
        .send()
        .await
        .unwrap()
        .snapshot_id
        .unwrap();
    let address = world.ec2.allocate_address().send().await.unwrap().allocation_id.unwrap();
    world.tag(&address, &ours).await;
    let mut balancers = Vec::new();
    for (name, id) in [("a1", "c-m-aaaaaaaa"), ("b2", "c-m-bbbbbbbb")] {
        let form = "Action=CreateLoadBalancer&Version=2015-12-01&Type=application&Tags.member.1.Value=owned";
        let form = format!(
            "{form}&Name={name}&Subnets.member.1={}&Tags.member.1.Key=kubernetes.io%2Fcluster%2F{id}",
            world.subnet
        );
        let made = world.call("elasticloadbalancing", None, form).await;
        balancers.push(made.split_once("loadbalancer/").unwrap().1.split('<').next().unwrap().to_owned());
    }
    let balancer = format!("loadbalancer/{}", balancers[0]);

    let witness = world.witness();
    let neighbours = [traces(&world, "teal-otter-2"), traces(&world, "teal")];
    world.proxy.calls();
    let certificate = witness.sweep(&traces(&world, "teal-otter"), &neighbours).await.unwrap();
    assert_eq!(certificate.unread, [""; 0], "{:#?}", certificate.asked);
    let sure = [
        (&killed[..], "instance"),
        (&lost, "instance"),
        (&volume, "volume"),
        (&killed_key, "key pair"),
        (&mistyped, "security group"),
        (&interface, "network interface"),
        (&snapshot, "snapshot"),
        (&address, "address"),
        (&balancer, "load balancer"),
    ];
    assert_eq!(listed(&certificate.sure), expected(&sure), "{:#?}", certificate.sure);
    let suspect = [
        (&spot[..], "instance"),
        (&shifted, "instance"),
        (&lost_key, "key pair"),
        (&spot_key, "key pair"),
        (&key_alone, "key pair"),
        (&spot_request, "spot request"),
        (&bare, "volume"),
        (&claim, "volume"),
        (&untagged_group, "security group"),
    ];
    assert_eq!(listed(&certificate.suspect), expected(&suspect), "{:#?}", certificate.suspect);

    // How each is told.
    assert_eq!(
        one(&certificate.sure, &killed),
        &Leftover {
            kind: "instance".to_owned(),
            region: REGION.to_owned(),
            id: killed.clone(),
            name: Some(machine.clone()),
            why: "tag kaas:cluster=teal-otter".to_owned(),
            cents_a_month: Some(1_900),
            remove: format!("aws ec2 terminate-instances --region eu-west-1 --instance-ids {killed}"),
        }
    );
    assert_eq!(one(&certificate.sure, &killed_key).why, "its machine teal-otter-cp-a-bcdfg-x4k2l was seen");
    assert!(
        one(&certificate.sure, &mistyped).why.ends_with(&format!("; {user} uses it")),
        "{:?}",
        one(&certificate.sure, &mistyped)
    );
    assert_eq!(one(&certificate.sure, &volume).cents_a_month, Some(160));
    assert_eq!(one(&certificate.suspect, &spot).cents_a_month, None);
    let spot_why = "no tag of a cluster; named like a machine of its pool worker-a";
    assert_eq!(one(&certificate.suspect, &spot).why, spot_why);
    let balancer = one(&certificate.sure, &balancer);
    assert_eq!((balancer.name.as_deref(), balancer.cents_a_month), (Some("a1"), Some(1_642)));
    assert!(
        balancer.remove.starts_with("aws elbv2 delete-load-balancer --region eu-west-1 --load-balancer-arn arn:aws:"),
        "{balancer:?}"
    );

    // The two that live have everything they need, and what is asked about one of them is not told of another.
    for (gone, others) in [("teal", ["teal-otter", "teal-otter-2"]), ("teal-otter-2", ["teal-otter", "teal"])] {
        let others = others.map(|other| traces(&world, other));
        let told = witness.sweep(&traces(&world, gone), &others).await.unwrap();
        let foreign = |left: &&Leftover| {
            left.name.as_ref().is_some_and(|name| {
                name.starts_with("teal")
                    && name.strip_prefix(gone).is_none_or(|rest| rest.starts_with("-otter") || rest.starts_with("-2"))
            })
        };
        assert_eq!(told.sure.iter().chain(&told.suspect).find(foreign), None);
        assert_eq!(told.sure.iter().filter(|left| left.kind == "instance").count(), 2, "{:#?}", told.sure);
    }
    holds_as_evidence(&world, &certificate).await;
}

/// The certificate says what was asked, and its digest is of the answers: the same for the same things, another for others.
async fn holds_as_evidence(world: &World, certificate: &Certificate) {
    assert_eq!(certificate.at, "2026-11-23T10:00:00Z".parse().unwrap());
    let asked = &certificate.asked;
    let instances = format!("DescribeInstances eu-west-1 vpc-id={} instance-state-name=", world.vpc);
    assert!(asked.iter().any(|line| line.starts_with(&instances) && line.ends_with(" rows")), "{asked:#?}");
    assert!(
        asked.iter().any(|line| line == &format!("DescribeImages eu-west-1 image-id={}: 1 row", world.image)),
        "{asked:#?}"
    );
    let neighbours = [traces(world, "teal-otter-2"), traces(world, "teal")];
    let again = world.witness().sweep(&traces(world, "teal-otter"), &neighbours).await.unwrap();
    assert_eq!(&again, certificate);
    assert!(certificate.digest.len() == 64 && !certificate.is_clean());
    world.key("one-more").await;
    let changed = world.witness().sweep(&traces(world, "teal-otter"), &neighbours).await.unwrap();
    assert!(changed.digest != certificate.digest && changed.sure == certificate.sure);
}

#[tokio::test]
async fn a_cluster_that_left_nothing_has_a_clean_certificate() {
    let world = World::new().await;
    for neighbour in ["teal-otter-2", "teal"] {
        world.living(neighbour).await;
    }
    let ended = world.instance(None, &[("kaas:cluster", "teal-otter")]).await;
    world.ec2.terminate_instances().instance_ids(&ended).send().await.unwrap();
    let neighbours = [traces(&world, "teal-otter-2"), traces(&world, "teal")];
    let certificate = world.witness().sweep(&traces(&world, "teal-otter"), &neighbours).await.unwrap();
    assert!(certificate.is_clean(), "{certificate:#?}");
    // Nothing is known but the name: all regions, all networks, and kaas' own pools.
    let bare = Traces { name: "teal-otter".parse().unwrap(), footprint: Footprint::default() };
    let certificate = world.witness().sweep(&bare, &neighbours).await.unwrap();
    assert!(certificate.is_clean(), "{certificate:#?}");
}

#[tokio::test]
async fn more_than_a_thousand_machines_are_read_page_by_page() {
    let world = World::new().await;
    // moto's pages are of launches, and not of machines: twelve launches, five a page.
    for _ in 0..6 {
        world.instances(100, None, &[("kaas:cluster", "teal-otter")]).await;
        world.instances(100, None, &[("kaas:cluster", "teal-otter-2")]).await;
    }
    world.proxy.pages(false, Some(5));
    world.proxy.calls();
    let neighbours = [traces(&world, "teal-otter-2")];
    let certificate = world.witness().sweep(&traces(&world, "teal-otter"), &neighbours).await.unwrap();
    let pages = world.proxy.calls().into_iter().filter(|call| call == "ec2:DescribeInstances").count();
    assert_eq!((certificate.sure.len(), certificate.suspect.len(), pages), (600, 0, 3));
    assert!(
        certificate.asked.iter().any(|line| line.starts_with("DescribeInstances ") && line.ends_with(": 1200 rows"))
    );
    let machines = world.witness().machines(&traces(&world, "teal-otter-2")).await.unwrap();
    assert_eq!(machines.len(), 600);
}

#[tokio::test]
async fn every_list_is_read_to_its_last_page() {
    let world = World::new().await;
    world.living("teal-otter").await;
    world.proxy.pages(true, None);
    world.proxy.calls();
    let certificate = world.witness().sweep(&traces(&world, "teal-otter"), &[]).await.unwrap();
    assert!(certificate.unread.is_empty() && !certificate.sure.is_empty(), "{certificate:#?}");
    let mut counts: BTreeMap<String, usize> = BTreeMap::new();
    world.proxy.calls().into_iter().for_each(|call| *counts.entry(call).or_default() += 1);
    // A second look at who uses the keys makes another two; EC2 has no pages of key pairs and addresses.
    let call = |name: &str, times| (format!("ec2:Describe{name}"), times);
    let expected = [
        call("Addresses", 1),
        call("Images", 2),
        call("Instances", 4),
        call("KeyPairs", 1),
        call("NetworkInterfaces", 2),
        call("SecurityGroups", 2),
        call("Snapshots", 2),
        call("SpotInstanceRequests", 2),
        call("Volumes", 2),
        ("tagging:GetResources".to_owned(), 2),
    ];
    assert_eq!(counts, BTreeMap::from(expected));
}

#[tokio::test]
async fn a_cluster_s_machines_are_told_with_type_zone_and_age() {
    let world = World::new().await;
    for cluster in ["teal-otter", "teal-otter-2"] {
        world.living(cluster).await;
    }
    let machines = world.witness().machines(&traces(&world, "teal-otter")).await.unwrap();
    let names: Vec<_> = machines.iter().map(|machine| machine.name.clone().unwrap()).collect();
    assert_eq!(names, [seen("teal-otter"), "teal-otter-worker-a-kkkkk-zzzzz".to_owned()]);
    let first = &machines[0];
    assert_eq!((first.instance_type.as_str(), first.zone.as_str()), ("t3.small", "eu-west-1a"));
    assert_eq!((first.state.as_str(), first.cents_a_month), ("running", Some(1_900)));
    assert!(first.since.is_some() && first.id.starts_with("i-"));
}

#[tokio::test]
async fn orphans_are_what_belongs_to_no_cluster_of_the_fleet() {
    let world = World::new().await;
    for cluster in ["teal", "teal-otter"] {
        world.living(cluster).await;
    }
    world.group("acme-nodes", "nodes of all clusters", &[]).await;
    // Of a cluster that nobody knows any more, of an earlier one of the same name, of another Rancher, and of an EKS that is none of ours.
    let forgotten = world.instance(None, &[("kaas:cluster", "grey-heron")]).await;
    let earlier =
        world.volume(None, &[("kaas:cluster", "teal"), ("kubernetes.io/cluster/c-m-eeeeeeee", "owned")]).await;
    let ranchers = world.instance(None, &[("kubernetes.io/cluster/c-m-ffffffff", "owned")]).await;
    world.instance(None, &[("kubernetes.io/cluster/production", "owned")]).await;
    let key = world.key("grey-heron-cp-a-bcdfg-x4k2l-AbCdE").await;
    let group = world.group("rancher-nodes", "Rancher Nodes", &[("rancher-nodes", "v2.14.4")]).await;

    let fleet = ["teal", "teal-otter"].map(|name| {
        let key = ClusterKey { tenant: "acme".parse().unwrap(), name: name.parse().unwrap() };
        (key, traces(&world, name))
    });
    let certificate = world.witness().orphans(&fleet).await.unwrap();
    assert_eq!(listed(&certificate.sure), expected(&[(&forgotten, "instance")]), "{:#?}", certificate.sure);
    let suspect = [(&earlier[..], "volume"), (&ranchers, "instance"), (&key, "key pair"), (&group, "security group")];
    assert_eq!(listed(&certificate.suspect), expected(&suspect), "{:#?}", certificate.suspect);
    assert_eq!(one(&certificate.sure, &forgotten).why, "tag kaas:cluster=grey-heron, and there is no such cluster");
    assert!(one(&certificate.suspect, &key).why.contains("grey-heron"));
    assert!(certificate.unread.is_empty(), "{:?}", certificate.unread);
}
