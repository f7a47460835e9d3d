//! `rancher2_machine_config_v2` with `amazonec2_config`: how the machines of a pool are made in EC2.

use super::super::schema::{Attribute, Block, Nested, Shape, Type};
use super::{block as join, common, flags, texts};

/// The resource.
pub fn block() -> Block {
    let own = vec![
        Attribute::required("generate_name", Type::String).force_new().elsewhere(),
        Attribute::optional("fleet_namespace", Type::String).force_new().or_text("fleet-default").elsewhere(),
        Attribute::computed("kind", Type::String),
        Attribute::computed("name", Type::String),
        Attribute::computed("resource_version", Type::String),
    ];
    join(vec![common(), own])
        .with(vec![Nested::one("amazonec2_config", amazonec2()).shape(Shape::Inline), Nested::timeouts()])
}

fn amazonec2() -> Block {
    let required = ["ami", "region", "subnet_id", "vpc_id", "zone"];
    let with_default = [
        ("block_duration_minutes", "0"),
        ("instance_type", "t3a.medium"),
        ("ipv6_address_count", "0"),
        ("retries", "5"),
        ("root_size", "16"),
        ("spot_price", "0.50"),
        ("ssh_user", "ubuntu"),
        ("volume_type", "gp2"),
    ];
    let secret = ["access_key", "secret_key", "session_token", "ssh_key_contents"];
    join(vec![
        required.map(|name| Attribute::required(name, Type::String)).to_vec(),
        vec![Attribute::required("security_group", Type::Strings), Attribute::optional("open_port", Type::Strings)],
        with_default.map(|(name, default)| Attribute::optional(name, Type::String).or_text(default)).to_vec(),
        secret.map(|name| Attribute::optional(name, Type::String).sensitive()).to_vec(),
        texts([
            "device_name",
            "endpoint",
            "http_endpoint",
            "http_protocol_ipv6",
            "http_tokens",
            "iam_instance_profile",
            "kms_key",
            "tags",
            "userdata",
        ]),
        flags([
            "enable_primary_ipv6",
            "encrypt_ebs_volume",
            "insecure_transport",
            "ipv6_address_only",
            "monitoring",
            "private_address_only",
            "request_spot_instance",
            "security_group_readonly",
            "use_ebs_optimized_instance",
            "use_private_address",
        ]),
    ])
}
