//! What EC2 has, as rows: the part of its answers that kaas judges by, in a form that is the same for the same things.

use std::collections::BTreeMap;

use aws_sdk_ec2::types as sdk;
use jiff::Timestamp;
use serde::Serialize;

/// Tags.
pub(super) type Tags = BTreeMap<String, String>;

macro_rules! row {
    ($(#[$doc:meta])* $name:ident { $($field:ident: $type:ty),* $(,)? }) => {
        $(#[$doc])*
        #[derive(Debug, Clone, Default, PartialEq, Serialize)]
        pub(super) struct $name {
            $(pub $field: $type,)*
        }
    };
}

row!(
    /// A machine.
    Instance {
        id: String,
        kind: String,
        zone: String,
        state: String,
        key: Option<String>,
        vpc: Option<String>,
        since: Option<Timestamp>,
        spot: bool,
        tags: Tags,
    }
);
row!(
    /// A volume.
    Volume { id: String, zone: String, state: String, gib: u64, kind: String, snapshot: Option<String>, tags: Tags }
);
row!(
    /// A key pair.
    Key { id: String, name: String, fingerprint: String, tags: Tags }
);
row!(
    /// A security group.
    Group { id: String, name: String, description: String, vpc: Option<String>, tags: Tags }
);
row!(
    /// A network interface.
    Interface { id: String, status: String, vpc: Option<String>, groups: Vec<String>, instance: Option<String>, tags: Tags }
);
row!(
    /// A request for a spot machine.
    Spot { id: String, state: String, key: Option<String>, instance: Option<String>, tags: Tags }
);
row!(
    /// A snapshot.
    Snapshot { id: String, gib: u64, tags: Tags }
);
row!(
    /// An address.
    Address { id: String, ip: String, tags: Tags }
);
row!(
    /// A load balancer, or what belongs to one.
    Balancer { arn: String, tags: Tags }
);
row!(
    /// An image.
    Image { id: String, state: String, architecture: String, snapshots: Vec<String> }
);
row!(
    /// A subnet.
    Subnet { id: String, zone: String, vpc: String, free: u32, name: Option<String> }
);
row!(
    /// A machine type.
    Kind { name: String, architectures: Vec<String>, vcpus: u32 }
);
row!(
    /// A machine type that a zone offers.
    Offering { kind: String, zone: String }
);

/// The tag that kaas' module puts on everything.
pub(super) const CLUSTER: &str = "kaas:cluster";

fn text(value: Option<String>) -> String {
    value.unwrap_or_default()
}

fn gib(value: Option<i32>) -> u64 {
    value.and_then(|gib| u64::try_from(gib).ok()).unwrap_or_default()
}

pub(super) fn tags(all: Option<Vec<sdk::Tag>>) -> Tags {
    all.unwrap_or_default().into_iter().filter_map(|tag| Some((tag.key?, tag.value.unwrap_or_default()))).collect()
}

impl From<sdk::Instance> for Instance {
    fn from(row: sdk::Instance) -> Self {
        Self {
            id: text(row.instance_id),
            kind: row.instance_type.map(|kind| kind.as_str().to_owned()).unwrap_or_default(),
            zone: text(row.placement.and_then(|placement| placement.availability_zone)),
            state: row.state.and_then(|s| s.name).map(|name| name.as_str().to_owned()).unwrap_or_default(),
            key: row.key_name.filter(|name| !name.is_empty()),
            vpc: row.vpc_id,
            since: row.launch_time.and_then(|time| Timestamp::from_second(time.secs()).ok()),
            spot: row.instance_lifecycle == Some(sdk::InstanceLifecycleType::Spot)
                || row.spot_instance_request_id.is_some_and(|id| !id.is_empty()),
            tags: tags(row.tags),
        }
    }
}

impl From<sdk::Volume> for Volume {
    fn from(row: sdk::Volume) -> Self {
        Self {
            id: text(row.volume_id),
            zone: text(row.availability_zone),
            state: row.state.map(|state| state.as_str().to_owned()).unwrap_or_default(),
            gib: gib(row.size),
            kind: row.volume_type.map(|kind| kind.as_str().to_owned()).unwrap_or_default(),
            snapshot: row.snapshot_id.filter(|id| !id.is_empty()),
            tags: tags(row.tags),
        }
    }
}

impl From<sdk::KeyPairInfo> for Key {
    fn from(row: sdk::KeyPairInfo) -> Self {
        Self {
            id: text(row.key_pair_id),
            name: text(row.key_name),
            fingerprint: text(row.key_fingerprint),
            tags: tags(row.tags),
        }
    }
}

impl From<sdk::SecurityGroup> for Group {
    fn from(row: sdk::SecurityGroup) -> Self {
        Self {
            id: text(row.group_id),
            name: text(row.group_name),
            description: text(row.description),
            vpc: row.vpc_id,
            tags: tags(row.tags),
        }
    }
}

impl From<sdk::NetworkInterface> for Interface {
    fn from(row: sdk::NetworkInterface) -> Self {
        let mut groups: Vec<String> =
            row.groups.unwrap_or_default().into_iter().filter_map(|group| group.group_id).collect();
        groups.sort();
        Self {
            id: text(row.network_interface_id),
            status: row.status.map(|status| status.as_str().to_owned()).unwrap_or_default(),
            vpc: row.vpc_id,
            groups,
            instance: row.attachment.and_then(|attachment| attachment.instance_id).filter(|id| !id.is_empty()),
            tags: tags(row.tag_set),
        }
    }
}

impl From<sdk::SpotInstanceRequest> for Spot {
    fn from(row: sdk::SpotInstanceRequest) -> Self {
        let launch = row.launch_specification;
        Self {
            id: text(row.spot_instance_request_id),
            state: row.state.map(|state| state.as_str().to_owned()).unwrap_or_default(),
            key: launch.and_then(|launch| launch.key_name).filter(|name| !name.is_empty()),
            instance: row.instance_id.filter(|id| !id.is_empty()),
            tags: tags(row.tags),
        }
    }
}

impl From<sdk::Snapshot> for Snapshot {
    fn from(row: sdk::Snapshot) -> Self {
        Self { id: text(row.snapshot_id), gib: gib(row.volume_size), tags: tags(row.tags) }
    }
}

impl From<sdk::Address> for Address {
    fn from(row: sdk::Address) -> Self {
        Self { id: text(row.allocation_id), ip: text(row.public_ip), tags: tags(row.tags) }
    }
}

impl From<sdk::Image> for Image {
    fn from(row: sdk::Image) -> Self {
        let disks = row.block_device_mappings.unwrap_or_default();
        Self {
            id: text(row.image_id),
            state: row.state.map(|state| state.as_str().to_owned()).unwrap_or_default(),
            architecture: row.architecture.map(|a| a.as_str().to_owned()).unwrap_or_default(),
            snapshots: disks.into_iter().filter_map(|disk| disk.ebs?.snapshot_id).collect(),
        }
    }
}

impl From<sdk::Subnet> for Subnet {
    fn from(row: sdk::Subnet) -> Self {
        Self {
            id: text(row.subnet_id),
            zone: text(row.availability_zone),
            vpc: text(row.vpc_id),
            free: row.available_ip_address_count.and_then(|n| u32::try_from(n).ok()).unwrap_or_default(),
            name: tags(row.tags).remove("Name"),
        }
    }
}

impl From<sdk::InstanceTypeInfo> for Kind {
    fn from(row: sdk::InstanceTypeInfo) -> Self {
        let architectures = row.processor_info.and_then(|info| info.supported_architectures).unwrap_or_default();
        Self {
            name: row.instance_type.map(|kind| kind.as_str().to_owned()).unwrap_or_default(),
            architectures: architectures.into_iter().map(|a| a.as_str().to_owned()).collect(),
            vcpus: row
                .v_cpu_info
                .and_then(|info| info.default_v_cpus)
                .and_then(|n| u32::try_from(n).ok())
                .unwrap_or_default(),
        }
    }
}

impl From<sdk::InstanceTypeOffering> for Offering {
    fn from(row: sdk::InstanceTypeOffering) -> Self {
        Self {
            kind: row.instance_type.map(|kind| kind.as_str().to_owned()).unwrap_or_default(),
            zone: text(row.location),
        }
    }
}
