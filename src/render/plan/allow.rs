//! Which attributes of a plan people see. What is not named here is shown as `(hidden)`, whatever terraform thinks of it.

use std::collections::BTreeMap;

/// The attributes that may be shown, by resource type; `output` stands for the outputs.
///
/// A path is the names on the way to a value, joined by dots, list indexes left out: `rke_config.machine_pools.quantity`. `*` stands for any one name; `**` at
/// the end for everything below.
#[derive(Debug, Clone, PartialEq, Eq)]
pub struct AllowList {
    types: BTreeMap<String, Vec<Vec<String>>>,
}

/// How much of a value may be shown.
#[derive(Debug, Clone, Copy, PartialEq, Eq)]
pub(super) enum Allowed {
    /// The value, if it is a plain one or a list of plain ones.
    Shown,
    /// Some of what is in it.
    Within,
    /// Nothing.
    Hidden,
}

/// Names of what is never shown, even where a configuration allows it.
const NEVER: [&str; 14] = [
    "access_key",
    "client_secret",
    "cloud_config",
    "cloudinit",
    "custom_data",
    "kube_config",
    "kubeconfig",
    "password",
    "private_key",
    "secret_key",
    "ssh_key_contents",
    "token",
    "user_data",
    "userdata",
];

/// Ends of names of what is never shown.
const NEVER_ENDS: [&str; 4] = ["_password", "_token", "_secret_key", "_private_key"];

/// What the modules of kaas use, and what of it holds no secret by its nature. YAML, scripts and free maps of annotations are left out on purpose.
const DEFAULT: [(&str, &[&str]); 5] = [
    (
        "rancher2_cluster_v2",
        &[
            "id",
            "name",
            "cluster_v1_id",
            "kubernetes_version",
            "fleet_namespace",
            "cloud_credential_secret_name",
            "default_cluster_role_for_project_members",
            "default_pod_security_admission_configuration_template_name",
            "enable_network_policy",
            "labels.*",
            "local_auth_endpoint.enabled",
            "local_auth_endpoint.fqdn",
            "rke_config.data_directories.*",
            "rke_config.etcd.disable_snapshots",
            "rke_config.etcd.snapshot_retention",
            "rke_config.etcd.snapshot_schedule_cron",
            "rke_config.etcd.s3_config.bucket",
            "rke_config.etcd.s3_config.endpoint",
            "rke_config.etcd.s3_config.folder",
            "rke_config.etcd.s3_config.region",
            "rke_config.machine_pool_defaults.*",
            "rke_config.machine_pools.cloud_credential_secret_name",
            "rke_config.machine_pools.control_plane_role",
            "rke_config.machine_pools.drain_before_delete",
            "rke_config.machine_pools.etcd_role",
            "rke_config.machine_pools.hostname_length_limit",
            "rke_config.machine_pools.labels.*",
            "rke_config.machine_pools.machine_config.*",
            "rke_config.machine_pools.machine_labels.*",
            "rke_config.machine_pools.machine_os",
            "rke_config.machine_pools.max_unhealthy",
            "rke_config.machine_pools.name",
            "rke_config.machine_pools.node_drain_timeout",
            "rke_config.machine_pools.node_startup_timeout_seconds",
            "rke_config.machine_pools.paused",
            "rke_config.machine_pools.quantity",
            "rke_config.machine_pools.rolling_update.*",
            "rke_config.machine_pools.taints.*",
            "rke_config.machine_pools.unhealthy_node_timeout_seconds",
            "rke_config.machine_pools.unhealthy_range",
            "rke_config.machine_pools.worker_role",
            "rke_config.networking.*",
            "rke_config.upgrade_strategy.**",
            "timeouts.*",
        ],
    ),
    (
        "rancher2_machine_config_v2",
        &[
            "id",
            "name",
            "kind",
            "generate_name",
            "fleet_namespace",
            "labels.*",
            "timeouts.*",
            "amazonec2_config.ami",
            "amazonec2_config.device_name",
            "amazonec2_config.encrypt_ebs_volume",
            "amazonec2_config.http_endpoint",
            "amazonec2_config.http_protocol_ipv6",
            "amazonec2_config.http_tokens",
            "amazonec2_config.iam_instance_profile",
            "amazonec2_config.instance_type",
            "amazonec2_config.kms_key",
            "amazonec2_config.monitoring",
            "amazonec2_config.open_port",
            "amazonec2_config.private_address_only",
            "amazonec2_config.region",
            "amazonec2_config.request_spot_instance",
            "amazonec2_config.root_size",
            "amazonec2_config.security_group",
            "amazonec2_config.security_group_readonly",
            "amazonec2_config.spot_price",
            "amazonec2_config.ssh_user",
            "amazonec2_config.subnet_id",
            "amazonec2_config.tags",
            "amazonec2_config.use_ebs_optimized_instance",
            "amazonec2_config.use_private_address",
            "amazonec2_config.volume_type",
            "amazonec2_config.vpc_id",
            "amazonec2_config.zone",
        ],
    ),
    (
        "rancher2_cluster_role_template_binding",
        &["id", "name", "cluster_id", "role_template_id", "user_id", "user_principal_id", "group_principal_id"],
    ),
    ("terraform_data", &["id"]),
    ("output", &["cluster_id", "cluster_name"]),
];

impl Default for AllowList {
    fn default() -> Self {
        Self { types: BTreeMap::new() }.with(DEFAULT.iter().map(|(kind, paths)| (*kind, *paths)))
    }
}

impl AllowList {
    /// Nothing is shown but names and actions.
    pub fn nothing() -> Self {
        Self { types: BTreeMap::new() }
    }

    /// These paths as well, by resource type.
    pub fn with<'a>(mut self, more: impl IntoIterator<Item = (&'a str, &'a [&'a str])>) -> Self {
        for (kind, paths) in more {
            let known = self.types.entry(kind.to_owned()).or_default();
            known.extend(paths.iter().map(|path| path.split('.').map(str::to_owned).collect::<Vec<_>>()));
        }
        self
    }

    /// How much of the value at a path may be shown.
    pub(super) fn allows(&self, kind: &str, path: &[&str]) -> Allowed {
        let never = |name: &&str| NEVER.contains(name) || NEVER_ENDS.iter().any(|end| name.ends_with(end));
        let Some(paths) = self.types.get(kind).filter(|_| !path.iter().any(never)) else { return Allowed::Hidden };
        let mut best = Allowed::Hidden;
        for allowed in paths {
            let everything = allowed.last().is_some_and(|last| last == "**");
            let names = &allowed[..allowed.len() - usize::from(everything)];
            let common = names.iter().zip(path).all(|(name, at)| name == "*" || name == at);
            match common {
                true if path.len() == names.len() && !everything => return Allowed::Shown,
                true if path.len() > names.len() && everything => return Allowed::Shown,
                true if path.len() < allowed.len() => best = Allowed::Within,
                _ => {}
            }
        }
        best
    }
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn paths() {
        let list = AllowList::nothing().with([("t", ["name", "labels.*", "a.b.c", "deep.**"].as_slice())]);
        for (path, allowed) in [
            ("name", Allowed::Shown),
            ("name.x", Allowed::Hidden),
            ("labels", Allowed::Within),
            ("labels.x", Allowed::Shown),
            ("labels.x.y", Allowed::Hidden),
            ("a", Allowed::Within),
            ("a.b", Allowed::Within),
            ("a.b.c", Allowed::Shown),
            ("a.b.d", Allowed::Hidden),
            ("deep", Allowed::Within),
            ("deep.x.y.z", Allowed::Shown),
            ("userdata", Allowed::Hidden),
        ] {
            assert_eq!(list.allows("t", &path.split('.').collect::<Vec<_>>()), allowed, "{path}");
        }
        assert_eq!(list.allows("other", &["name"]), Allowed::Hidden);
    }

    #[test]
    fn what_carries_credentials_is_not_shown_even_where_it_is_allowed() {
        let careless = ["kube_config", "userdata", "a.admin_password", "b.**", "http_tokens"];
        let list = AllowList::nothing().with([("t", careless.as_slice())]);
        for path in ["kube_config", "userdata", "a.admin_password", "b.token", "b.token.value"] {
            assert_eq!(list.allows("t", &path.split('.').collect::<Vec<_>>()), Allowed::Hidden, "{path}");
        }
        assert_eq!(list.allows("t", &["http_tokens"]), Allowed::Shown);
    }

    #[test]
    fn what_may_carry_credentials_is_not_on_the_list() {
        let list = AllowList::default();
        for (kind, path) in [
            ("rancher2_cluster_v2", "kube_config"),
            ("rancher2_cluster_v2", "cluster_registration_token.token"),
            ("rancher2_cluster_v2", "annotations.x"),
            ("rancher2_cluster_v2", "agent_env_vars.value"),
            ("rancher2_cluster_v2", "rke_config.machine_global_config"),
            ("rancher2_cluster_v2", "rke_config.registries.configs.auth_config_secret_name"),
            ("rancher2_machine_config_v2", "amazonec2_config.userdata"),
            ("rancher2_machine_config_v2", "amazonec2_config.secret_key"),
            ("rancher2_machine_config_v2", "amazonec2_config.ssh_key_contents"),
            ("output", "kube_config"),
        ] {
            assert_eq!(list.allows(kind, &path.split('.').collect::<Vec<_>>()), Allowed::Hidden, "{kind} {path}");
        }
    }
}
