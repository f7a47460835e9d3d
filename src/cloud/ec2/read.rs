//! The calls to EC2: every one pages to its end, and what it could not read it says.

use aws_sdk_ec2::Client;
use aws_sdk_ec2::types::{Filter, LocationType};
use serde::Serialize;
use sha2::{Digest, Sha256};

use super::fault::Fault;
use super::rows::{Address, Group, Image, Instance, Interface, Key, Kind, Offering, Snapshot, Spot, Subnet, Volume};

/// The most pages of one list: a hundred thousand machines.
pub(super) const PAGES_MAX: usize = 200;
/// The most values of one filter, which is EC2's own limit.
pub(super) const VALUES_MAX: usize = 200;

/// What is asked for: names and values of filters.
pub(super) type Filters<'a> = &'a [(&'a str, &'a [String])];

/// What was asked, and what came.
#[derive(Debug)]
pub(super) struct Asked<T> {
    /// The call, where and by what: `DescribeInstances eu-west-1 vpc-id=vpc-0a1`.
    pub call: String,
    /// What was asked for: `instances in eu-west-1`.
    pub what: String,
    /// What came, even if not all came.
    pub rows: Vec<T>,
    /// Why not all came.
    pub fault: Option<Fault>,
}

/// One region of EC2.
#[derive(Debug, Clone)]
pub(super) struct Region {
    /// Its name: `eu-west-1`.
    pub name: String,
    /// The SDK's client.
    pub client: Client,
}

macro_rules! paged {
    ($about:ident: $call:literal $what:literal, $filters:expr, $size:expr, $request:expr, |$page:ident| $rows:expr) => {{
        if nothing($filters) {
            return $about.asked($call, $what, $filters, Vec::new(), None);
        }
        let mut pages = $request.set_filters(filters($filters)).into_paginator().page_size($size).send();
        let (mut rows, mut fault, mut seen) = (Vec::new(), None, 0);
        while let Some(page) = pages.next().await {
            seen += 1;
            match page {
                Ok($page) => rows.extend($rows),
                Err(error) => {
                    fault = Some(Fault::of(&error));
                    break;
                }
            }
            if seen >= PAGES_MAX {
                fault = Some(Fault::endless());
                break;
            }
        }
        $about.asked($call, $what, $filters, rows, fault)
    }};
}

impl Region {
    /// Machines.
    pub async fn instances(&self, by: Filters<'_>) -> Asked<Instance> {
        paged!(self: "DescribeInstances" "instances", by, 1000, self.client.describe_instances(), |page| {
            let reservations = page.reservations.unwrap_or_default();
            reservations.into_iter().flat_map(|r| r.instances.unwrap_or_default()).map(Instance::from)
        })
    }

    /// Volumes.
    pub async fn volumes(&self, by: Filters<'_>) -> Asked<Volume> {
        paged!(self: "DescribeVolumes" "volumes", by, 500, self.client.describe_volumes(), |page| {
            page.volumes.unwrap_or_default().into_iter().map(Volume::from)
        })
    }

    /// Key pairs, all of them: EC2 has no pages for these.
    pub async fn keys(&self) -> Asked<Key> {
        let (rows, fault) = match self.client.describe_key_pairs().send().await {
            Ok(answer) => (answer.key_pairs.unwrap_or_default().into_iter().map(Key::from).collect(), None),
            Err(error) => (Vec::new(), Some(Fault::of(&error))),
        };
        self.asked("DescribeKeyPairs", "key pairs", &[], rows, fault)
    }

    /// Security groups.
    pub async fn groups(&self, by: Filters<'_>) -> Asked<Group> {
        paged!(self: "DescribeSecurityGroups" "security groups", by, 1000, self.client.describe_security_groups(), |page| {
            page.security_groups.unwrap_or_default().into_iter().map(Group::from)
        })
    }

    /// Network interfaces.
    pub async fn interfaces(&self, by: Filters<'_>) -> Asked<Interface> {
        paged!(self: "DescribeNetworkInterfaces" "network interfaces", by, 1000, self.client.describe_network_interfaces(), |page| {
            page.network_interfaces.unwrap_or_default().into_iter().map(Interface::from)
        })
    }

    /// Requests for spot machines.
    pub async fn spots(&self, by: Filters<'_>) -> Asked<Spot> {
        paged!(self: "DescribeSpotInstanceRequests" "spot requests", by, 1000, self.client.describe_spot_instance_requests(), |page| {
            page.spot_instance_requests.unwrap_or_default().into_iter().map(Spot::from)
        })
    }

    /// The account's own snapshots.
    pub async fn snapshots(&self, by: Filters<'_>) -> Asked<Snapshot> {
        paged!(self: "DescribeSnapshots" "snapshots", by, 1000, self.client.describe_snapshots().owner_ids("self"), |page| {
            page.snapshots.unwrap_or_default().into_iter().map(Snapshot::from)
        })
    }

    /// Addresses: EC2 has no pages for these.
    pub async fn addresses(&self, by: Filters<'_>) -> Asked<Address> {
        let (rows, fault) = match self.client.describe_addresses().set_filters(filters(by)).send().await {
            Ok(answer) => (answer.addresses.unwrap_or_default().into_iter().map(Address::from).collect(), None),
            Err(error) => (Vec::new(), Some(Fault::of(&error))),
        };
        self.asked("DescribeAddresses", "addresses", by, rows, fault)
    }

    /// Images that this account may use.
    pub async fn images(&self, by: Filters<'_>) -> Asked<Image> {
        paged!(self: "DescribeImages" "images", by, 1000, self.client.describe_images(), |page| {
            page.images.unwrap_or_default().into_iter().map(Image::from)
        })
    }

    /// Subnets.
    pub async fn subnets(&self, by: Filters<'_>) -> Asked<Subnet> {
        paged!(self: "DescribeSubnets" "subnets", by, 1000, self.client.describe_subnets(), |page| {
            page.subnets.unwrap_or_default().into_iter().map(Subnet::from)
        })
    }

    /// Machine types.
    pub async fn kinds(&self, by: Filters<'_>) -> Asked<Kind> {
        paged!(self: "DescribeInstanceTypes" "machine types", by, 100, self.client.describe_instance_types(), |page| {
            page.instance_types.unwrap_or_default().into_iter().map(Kind::from)
        })
    }

    /// Which machine types which zones offer.
    pub async fn offerings(&self, by: Filters<'_>) -> Asked<Offering> {
        let request = self.client.describe_instance_type_offerings().location_type(LocationType::AvailabilityZone);
        paged!(self: "DescribeInstanceTypeOfferings" "what the zones offer", by, 1000, request, |page| {
            page.instance_type_offerings.unwrap_or_default().into_iter().map(Offering::from)
        })
    }

    /// The key that volumes are encrypted with where nothing else is said.
    pub async fn default_key(&self) -> Result<Option<String>, Fault> {
        let answer = self.client.get_ebs_default_kms_key_id().send().await;
        answer.map(|answer| answer.kms_key_id).map_err(|error| Fault::of(&error))
    }

    fn asked<T>(&self, call: &str, what: &str, by: Filters<'_>, rows: Vec<T>, fault: Option<Fault>) -> Asked<T> {
        let mut words = vec![call.to_owned(), self.name.clone()];
        words.extend(by.iter().map(|(name, values)| format!("{name}={}", values.join(","))));
        Asked { call: words.join(" "), what: format!("{what} in {}", self.name), rows, fault }
    }
}

/// Whether nothing is asked for: EC2 takes a filter without values for none.
fn nothing(by: Filters<'_>) -> bool {
    by.iter().any(|(_, values)| values.is_empty())
}

fn filters(by: Filters<'_>) -> Option<Vec<Filter>> {
    let filter =
        |(name, values): &(&str, &[String])| Filter::builder().name(*name).set_values(Some(values.to_vec())).build();
    (!by.is_empty()).then(|| by.iter().map(filter).collect())
}

/// What was asked in all, and a digest over what came.
#[derive(Debug, Default)]
pub(super) struct Protocol {
    /// Call by call, with how many rows came.
    pub asked: Vec<String>,
    /// What could not be read.
    pub unread: Vec<String>,
    /// Call by call, the rows in a form that does not depend on their order.
    answers: Vec<String>,
}

impl Protocol {
    /// Takes down a call, and hands its rows on.
    pub fn take<T: Serialize>(&mut self, asked: Asked<T>) -> Vec<T> {
        let Asked { call, what, rows, fault } = asked;
        let number = match rows.len() {
            1 => "1 row".to_owned(),
            n => format!("{n} rows"),
        };
        let end = match &fault {
            Some(fault) => format!("{number}, then {}", fault.line),
            None => number,
        };
        self.unread.extend(fault.map(|fault| format!("{what}: {}", fault.line)));
        let mut lines: Vec<String> =
            rows.iter().map(|row| serde_json::to_string(row).unwrap_or_else(|fault| fault.to_string())).collect();
        lines.sort();
        self.answers.push(format!("{call}: {end}\n{}\n", lines.join("\n")));
        self.asked.push(format!("{call}: {end}"));
        rows
    }

    /// sha256 over all answers, in hex.
    pub fn digest(&self) -> String {
        let mut answers: Vec<&String> = self.answers.iter().collect();
        answers.sort();
        let hash = answers.into_iter().fold(Sha256::new(), |hash, answer| hash.chain_update(answer));
        format!("{:x}", hash.finalize())
    }
}
