//! Three clusters whose names begin alike, and everything that Rancher's driver and a cluster's own controllers were seen to leave of one.

use std::collections::BTreeSet;

use aws_sdk_ec2::primitives::Blob;
use aws_sdk_ec2::types::{InstanceType, RequestSpotLaunchSpecification, ResourceType, VolumeType};
use kaas::lifecycle::cloud::Footprint;
use kaas::ports::Traces;

use super::world::{World, tagged};

/// A public key whose private half was thrown away.
const PUBLIC: &str = "ssh-rsa AAAAB3NzaC1yc2EAAAADAQABAAABAQDBNfQHr2TvCSdlcFSfdpPOHZT3FnoIuQMfXvQsfwGdOi3OeX2QMKvcnmKgI5mj06QMSYZ7XyK9C6rbRem36YxE45Aa1cgZ27gQs4/FaGZnnk/iTtDPYaUFyJX+d2KhTZiFDPV0SZr63EMmQ/jkAcQWZhLrZTIgXDR+aGPOVgT7nsAdI5oqUCNWd3Pq2jHVxzEQYBKKEuvZtxgjpHJDcfEPlmH9K2RiDMnIEu0jvJKNWYy4DA4VIE+yq3iMxPtef1f8PnmkFsUosxKVEaIXy13O/LHLsq0QZZAjG91ZnnuKoJ9dU2H0jBE0I5KaIBXhG+y73FMgdG/O0TV0nKhkEWwd";

/// The clusters, with the ids that Rancher gave them.
pub const CLUSTERS: [(&str, &str); 3] =
    [("teal-otter", "c-m-aaaaaaaa"), ("teal-otter-2", "c-m-bbbbbbbb"), ("teal", "c-m-cccccccc")];

/// What is known of a cluster: all of them use one network and one image.
pub fn traces(world: &World, name: &str) -> Traces {
    let id = CLUSTERS.iter().find(|(known, _)| *known == name).map(|(_, id)| (*id).to_owned());
    let set = |all: &[&str]| all.iter().map(|one| (*one).to_owned()).collect::<BTreeSet<_>>();
    Traces {
        name: name.parse().unwrap(),
        footprint: Footprint {
            regions: set(&[super::world::REGION]),
            vpcs: set(&[&world.vpc]),
            pools: set(&["cp-a", "worker-a"]),
            groups: set(&[if name == "teal-otter" { "acme-nodez" } else { "acme-nodes" }]),
            images: set(&[&world.image]),
            ids: id.into_iter().collect(),
            machines: BTreeSet::from([seen(name)]),
        },
    }
}

/// The machine of a cluster that kaas saw while it was made.
pub fn seen(cluster: &str) -> String {
    format!("{cluster}-cp-a-bcdfg-x4k2l")
}

/// The tags of everything that the driver makes.
pub fn tags(cluster: &str) -> Vec<(String, String)> {
    let id = CLUSTERS.iter().find(|(known, _)| *known == cluster).map_or("c-m-dddddddd", |(_, id)| id);
    vec![
        ("kaas:cluster".to_owned(), cluster.to_owned()),
        ("kaas:owner".to_owned(), "alice".to_owned()),
        (format!("kubernetes.io/cluster/{id}"), "owned".to_owned()),
    ]
}

impl World {
    /// A machine in the network. Its id.
    pub async fn instance(&self, key: Option<&str>, all: &[(&str, &str)]) -> String {
        self.instances(1, key, all).await.remove(0)
    }

    /// Many machines of one kind.
    pub async fn instances(&self, count: i32, key: Option<&str>, all: &[(&str, &str)]) -> Vec<String> {
        let request = self.ec2.run_instances().image_id(&self.image).instance_type(InstanceType::T3Small);
        let request = request.subnet_id(&self.subnet).min_count(count).max_count(count);
        let request = request.set_key_name(key.map(str::to_owned));
        let request = request.set_tag_specifications(tagged(ResourceType::Instance, all));
        let made = request.send().await.unwrap().instances.unwrap();
        made.into_iter().map(|instance| instance.instance_id.unwrap()).collect()
    }

    /// A key pair as the driver makes it: brought, without tags.
    pub async fn key(&self, name: &str) -> String {
        let request = self.ec2.import_key_pair().key_name(name).public_key_material(Blob::new(PUBLIC));
        request.send().await.unwrap().key_pair_id.unwrap()
    }

    /// A volume that nothing uses.
    pub async fn volume(&self, snapshot: Option<&str>, all: &[(&str, &str)]) -> String {
        let request = self.ec2.create_volume().availability_zone("eu-west-1a").size(20).volume_type(VolumeType::Gp3);
        let request = request.set_snapshot_id(snapshot.map(str::to_owned));
        let request = request.set_tag_specifications(tagged(ResourceType::Volume, all));
        request.send().await.unwrap().volume_id.unwrap()
    }

    /// A security group.
    pub async fn group(&self, name: &str, description: &str, all: &[(&str, &str)]) -> String {
        let request = self.ec2.create_security_group().vpc_id(&self.vpc).group_name(name).description(description);
        let request = request.set_tag_specifications(tagged(ResourceType::SecurityGroup, all));
        request.send().await.unwrap().group_id.unwrap()
    }

    /// A network interface that nothing uses.
    pub async fn interface(&self, groups: &[&str], all: &[(&str, &str)]) -> String {
        let request = self.ec2.create_network_interface().subnet_id(&self.subnet);
        let request = request.set_groups(Some(groups.iter().map(|group| (*group).to_owned()).collect()));
        let request = request.set_tag_specifications(tagged(ResourceType::NetworkInterface, all));
        let id = request.send().await.unwrap().network_interface.unwrap().network_interface_id.unwrap();
        // moto does not take the tags of an interface with the call that makes it.
        self.tag(&id, all).await;
        id
    }

    /// Tags something that is there.
    pub async fn tag(&self, id: &str, all: &[(&str, &str)]) {
        let tags = tagged(ResourceType::Instance, all).and_then(|mut specs| specs.remove(0).tags);
        if tags.is_some() {
            self.ec2.create_tags().resources(id).set_tags(tags).send().await.unwrap();
        }
    }

    /// A spot machine: it passes no tags at launch. The ids of the request and of the machine.
    pub async fn spot(&self, key: &str) -> (String, String) {
        let launch = RequestSpotLaunchSpecification::builder()
            .image_id(&self.image)
            .instance_type(InstanceType::T3Small)
            .subnet_id(&self.subnet)
            .key_name(key)
            .build();
        let request =
            self.ec2.request_spot_instances().spot_price("0.1").instance_count(1).launch_specification(launch);
        let made = request.send().await.unwrap().spot_instance_requests.unwrap().remove(0);
        (made.spot_instance_request_id.unwrap(), made.instance_id.unwrap_or_default())
    }

    /// What a cluster of this name has while it lives: machines, keys, volumes, storage, a load balancer.
    pub async fn living(&self, cluster: &str) {
        let tags = tags(cluster);
        let tags: Vec<(&str, &str)> = tags.iter().map(|(key, value)| (key.as_str(), value.as_str())).collect();
        for machine in [seen(cluster), format!("{cluster}-worker-a-kkkkk-zzzzz")] {
            let key = format!("{machine}-QwErT");
            self.key(&key).await;
            self.instance(Some(&key), &[&tags[..], &[("Name", &machine)]].concat()).await;
        }
        self.volume(None, &[&tags[..], &[("CSIVolumeName", "pvc-1"), ("ebs.csi.aws.com/cluster", "true")]].concat())
            .await;
        self.interface(&[], &tags).await;
        let address = self.ec2.allocate_address().send().await.unwrap().allocation_id.unwrap();
        self.tag(&address, &tags).await;
    }
}
