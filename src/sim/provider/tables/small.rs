//! The provider's own configuration, the binding and the cloud credential.

use super::super::schema::{Attribute, Block, Nested, Type};
use super::{block, common};

/// The `provider "rancher2"` block.
pub fn provider() -> Block {
    let plain = |name| Attribute::optional(name, Type::String).elsewhere();
    let flag = |name| Attribute::optional(name, Type::Bool).elsewhere();
    Block::of(vec![
        plain("access_key").sensitive(),
        plain("api_url"),
        flag("bootstrap"),
        plain("ca_certs"),
        flag("insecure"),
        plain("secret_key").sensitive(),
        plain("timeout"),
        plain("token_key").sensitive(),
    ])
}

/// `rancher2_cluster_role_template_binding`.
pub fn binding() -> Block {
    let required = ["cluster_id", "name", "role_template_id"];
    let who = ["group_id", "group_principal_id", "user_id", "user_principal_id"];
    block(vec![
        common(),
        required.map(|name| Attribute::required(name, Type::String).force_new()).to_vec(),
        who.map(|name| Attribute::optional_computed(name, Type::String).force_new()).to_vec(),
    ])
    .with(vec![Nested::timeouts()])
}

/// The data source `rancher2_cloud_credential`.
pub fn cloud_credential() -> Block {
    Block::of(vec![
        Attribute::optional_computed("id", Type::String).elsewhere(),
        Attribute::required("name", Type::String).elsewhere(),
        Attribute::computed("annotations", Type::StringMap),
        Attribute::computed("labels", Type::StringMap),
    ])
}
