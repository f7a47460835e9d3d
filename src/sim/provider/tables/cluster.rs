//! `rancher2_cluster_v2`: what stands beside `rke_config`.

use super::super::schema::{Attribute, Block, Nested, Type};
use super::{agent, common, rke, texts};

const REGISTRATION_TOKEN: &[(&str, Type)] = &[
    ("annotations", Type::StringMap),
    ("cluster_id", Type::String),
    ("command", Type::String),
    ("id", Type::String),
    ("insecure_command", Type::String),
    ("insecure_node_command", Type::String),
    ("insecure_windows_node_command", Type::String),
    ("labels", Type::StringMap),
    ("manifest_url", Type::String),
    ("name", Type::String),
    ("node_command", Type::String),
    ("token", Type::String),
    ("windows_node_command", Type::String),
];

/// The resource; the fields of its JSON are those of `spec`.
pub fn block() -> Block {
    let own = vec![
        Attribute::required("name", Type::String).force_new().elsewhere(),
        Attribute::optional("fleet_namespace", Type::String).force_new().or_text("fleet-default").elsewhere(),
        Attribute::required("kubernetes_version", Type::String),
        Attribute::optional_computed("enable_network_policy", Type::Bool).always(),
        Attribute::computed("cluster_registration_token", Type::Objects(REGISTRATION_TOKEN)).sensitive(),
        Attribute::computed("cluster_v1_id", Type::String),
        Attribute::computed("kube_config", Type::String).sensitive(),
        Attribute::computed("resource_version", Type::String),
    ];
    let more = texts([
        "cloud_credential_secret_name",
        "default_cluster_role_for_project_members",
        "default_pod_security_admission_configuration_template_name",
    ]);
    let variable = Block::of(["name", "value"].map(|name| Attribute::required(name, Type::String)).to_vec());
    super::block(vec![common(), own, more]).with(vec![
        Nested::many("agent_env_vars", variable),
        agent::customization("cluster_agent_deployment_customization"),
        agent::customization("fleet_agent_deployment_customization"),
        rke::local_auth_endpoint().field("localClusterAuthEndpoint").always(),
        rke::rke_config().always(),
        Nested::timeouts(),
    ])
}
