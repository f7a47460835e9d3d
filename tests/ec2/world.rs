//! An account of its own behind a proxy of its own, with a network and an image, and kaas' witness that looks at it.

use std::collections::BTreeMap;
use std::sync::Arc;
use std::sync::atomic::{AtomicU32, Ordering};
use std::time::Duration;

use aws_sdk_ec2::Client;
use aws_sdk_ec2::config::{BehaviorVersion, Credentials, Region};
use aws_sdk_ec2::types::{InstanceType, ResourceType, Tag, TagSpecification};
use kaas::clock::{Clock, SystemClock, Timestamp};
use kaas::cloud::ec2::{Ec2, Patience, Settings};

use super::proxy::{Proxy, http};

/// The region of all tests.
pub const REGION: &str = "eu-west-1";
/// The image that moto has from the start, `images.json`.
const GIVEN: &str = "ami-03cf127a";
/// Patience for a stand-in on this machine, which is busy with other tests at times.
pub const PATIENCE: Patience = Patience {
    connect: Duration::from_secs(10),
    attempt: Duration::from_secs(60),
    call: Duration::from_secs(120),
    tries: 3,
    wait: Duration::from_millis(20),
};

/// A clock that stands still, with ids that were never drawn before.
struct StillClock;

impl Clock for StillClock {
    fn now(&self) -> Timestamp {
        "2026-11-23T10:00:00Z".parse().unwrap()
    }

    fn id(&self) -> String {
        SystemClock::default().id()
    }
}

/// An account.
pub struct World {
    pub proxy: Proxy,
    /// To make things; kaas itself makes nothing.
    pub ec2: Client,
    pub vpc: String,
    /// A subnet in zone a.
    pub subnet: String,
    pub image: String,
    /// The snapshot that the image is made of.
    pub image_snapshot: String,
    directory: tempfile::TempDir,
}

impl World {
    /// An empty account with a network.
    pub async fn new() -> Self {
        static ACCOUNTS: AtomicU32 = AtomicU32::new(1);
        let account = format!("{:012}", 100_000_000_000_u64 + u64::from(ACCOUNTS.fetch_add(1, Ordering::Relaxed)));
        let proxy = Proxy::start(account).await;
        let plain = aws_smithy_http_client::Builder::new().build_http();
        let config = aws_sdk_ec2::Config::builder()
            .behavior_version(BehaviorVersion::latest())
            .region(Region::new(REGION))
            .credentials_provider(Credentials::new("AKIATEST", "secret", None, None, "test"))
            .http_client(plain)
            .endpoint_url(&proxy.url)
            .build();
        let ec2 = Client::from_conf(config);
        let vpc = ec2.create_vpc().cidr_block("10.0.0.0/16").send().await.unwrap().vpc.unwrap().vpc_id.unwrap();
        let subnet = ec2.create_subnet().vpc_id(&vpc).cidr_block("10.0.0.0/20").availability_zone("eu-west-1a");
        let subnet = subnet.send().await.unwrap().subnet.unwrap().subnet_id.unwrap();
        // What is registered with moto is for no architecture; what is made of a machine is for its.
        let machine = ec2.run_instances().image_id(GIVEN).subnet_id(&subnet).min_count(1).max_count(1);
        let machine = machine.instance_type(InstanceType::T3Small).send().await.unwrap();
        let machine = machine.instances.unwrap().remove(0).instance_id.unwrap();
        let image = ec2.create_image().instance_id(&machine).name("nodes").send().await.unwrap().image_id.unwrap();
        ec2.terminate_instances().instance_ids(&machine).send().await.unwrap();
        let found = ec2.describe_images().image_ids(&image).send().await.unwrap().images.unwrap().remove(0);
        let disk = found.block_device_mappings.unwrap().remove(0).ebs.unwrap();
        let directory = tempfile::tempdir().unwrap();
        let profile = "[default]\naws_access_key_id = AKIATEST\naws_secret_access_key = secret\n";
        std::fs::write(directory.path().join("aws"), profile).unwrap();
        Self { proxy, ec2, vpc, subnet, image, image_snapshot: disk.snapshot_id.unwrap(), directory }
    }

    /// kaas' witness.
    pub fn witness(&self) -> Ec2 {
        self.witness_with(PATIENCE)
    }

    /// One that is less patient, perhaps.
    pub fn witness_with(&self, patience: Patience) -> Ec2 {
        self.witness_at(&self.proxy.url, patience)
    }

    /// One that asks elsewhere.
    pub fn witness_at(&self, url: &str, patience: Patience) -> Ec2 {
        self.witness_of(url, patience, "aws")
    }

    /// One whose profile says nothing.
    pub fn witness_without_credentials(&self) -> Ec2 {
        std::fs::write(self.directory.path().join("nothing"), "[default]\n").unwrap();
        self.witness_of(&self.proxy.url, PATIENCE, "nothing")
    }

    /// One whose profile names a role, as docs/aws.md does. STS is asked where the profile says.
    pub fn witness_in_a_role(&self) -> Ec2 {
        let keys = "[profile keys]\naws_access_key_id = AKIATEST\naws_secret_access_key = secret\n";
        let role = "role_arn = arn:aws:iam::123456789012:role/kaas-witness\nsource_profile = keys";
        let profiles = format!("[default]\n{role}\nendpoint_url = {}\n{keys}", self.proxy.url);
        std::fs::write(self.directory.path().join("role"), profiles).unwrap();
        self.witness_of(&self.proxy.url, PATIENCE, "role")
    }

    fn witness_of(&self, url: &str, patience: Patience, profile: &str) -> Ec2 {
        let settings = Settings {
            regions: vec![REGION.to_owned()],
            profile: None,
            profile_file: Some(self.directory.path().join(profile)),
            endpoint_url: Some(url.to_owned()),
            prices: BTreeMap::from([("t3.small".to_owned(), 1_900)]),
            patience,
        };
        Ec2::new(settings, Arc::new(StillClock)).unwrap()
    }

    /// A call to another service than EC2, as JSON or as a form.
    pub async fn call(&self, service: &str, target: Option<&str>, body: String) -> String {
        let scope = format!(
            "AWS4-HMAC-SHA256 Credential=AKIATEST/20261123/{REGION}/{service}/aws4_request, SignedHeaders=host, Signature=0"
        );
        let kind = if target.is_some() { "application/x-amz-json-1.1" } else { "application/x-www-form-urlencoded" };
        let request =
            http().post(&self.proxy.url).header("authorization", scope).header("content-type", kind).body(body);
        let request = target.into_iter().fold(request, |request, target| request.header("x-amz-target", target));
        let answer = request.send().await.unwrap();
        let status = answer.status();
        let text = answer.text().await.unwrap();
        assert!(status.is_success(), "{service}: {status} {text}");
        text
    }
}

/// Tags, for something that is made.
pub fn tagged(kind: ResourceType, tags: &[(&str, &str)]) -> Option<Vec<TagSpecification>> {
    let tags: Vec<Tag> = tags.iter().map(|(key, value)| Tag::builder().key(*key).value(*value).build()).collect();
    (!tags.is_empty()).then(|| vec![TagSpecification::builder().resource_type(kind).set_tags(Some(tags)).build()])
}
