//! The schemas that the stand-in knows, each with the place of its attributes in Rancher's JSON.
//!
//! `kaas sim check-schema` holds all of them against the real provider's schema.

mod agent;
mod cluster;
mod machine_config;
mod rke;
mod small;

use std::collections::BTreeMap;
use std::sync::LazyLock;

use super::schema::{Attribute, Block, Nested, Schema, Type};

/// The resource that is a cluster.
pub const CLUSTER: &str = "rancher2_cluster_v2";
/// The resource that says how the machines of a pool are made.
pub const MACHINE_CONFIG: &str = "rancher2_machine_config_v2";
/// The resource that gives somebody a role in a cluster.
pub const BINDING: &str = "rancher2_cluster_role_template_binding";
/// The data source that finds a cloud credential by its name.
pub const CLOUD_CREDENTIAL: &str = "rancher2_cloud_credential";

/// Everything the provider offers.
pub struct Tables {
    /// The provider's own configuration.
    pub provider: Schema,
    /// Its resources by name.
    pub resources: BTreeMap<&'static str, Schema>,
    /// Its data sources by name.
    pub data_sources: BTreeMap<&'static str, Schema>,
}

/// Everything the provider offers, built once.
pub static TABLES: LazyLock<Tables> = LazyLock::new(|| Tables {
    provider: Schema { version: 0, block: small::provider() },
    resources: BTreeMap::from([
        (CLUSTER, Schema { version: 1, block: cluster::block() }),
        (MACHINE_CONFIG, Schema { version: 0, block: machine_config::block() }),
        (BINDING, Schema { version: 0, block: small::binding() }),
    ]),
    data_sources: BTreeMap::from([(CLOUD_CREDENTIAL, Schema { version: 0, block: small::cloud_credential() })]),
});

/// Optional texts.
fn texts<const N: usize>(names: [&'static str; N]) -> Vec<Attribute> {
    names.map(|name| Attribute::optional(name, Type::String)).to_vec()
}

/// Optional flags, false by default.
fn flags<const N: usize>(names: [&'static str; N]) -> Vec<Attribute> {
    names.map(|name| Attribute::optional(name, Type::Bool)).to_vec()
}

/// The attribute `id`, and `annotations` and `labels` as every resource has them.
fn common() -> Vec<Attribute> {
    vec![
        Attribute::optional_computed("id", Type::String).elsewhere(),
        Attribute::optional_computed("annotations", Type::StringMap).elsewhere(),
        Attribute::optional_computed("labels", Type::StringMap).elsewhere(),
    ]
}

/// A block of several groups of attributes.
fn block(groups: Vec<Vec<Attribute>>) -> Block {
    Block::of(groups.into_iter().flatten().collect())
}

/// The label selector that machine selector configs and files share.
fn machine_label_selector() -> Nested {
    let expressions = block(vec![texts(["key", "operator"]), vec![Attribute::optional("values", Type::Strings)]]);
    Nested::one(
        "machine_label_selector",
        Block::of(vec![Attribute::optional("match_labels", Type::StringMap)])
            .with(vec![Nested::many("match_expressions", expressions)]),
    )
}
