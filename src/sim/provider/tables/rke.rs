//! `rke_config` of `rancher2_cluster_v2`: how RKE2 or K3s is set up, and the machine pools.

use super::super::schema::{Attribute, Block, Form, Nested, Shape, Type};
use super::{block, flags, machine_label_selector, texts};

fn optional(name: &'static str, ty: Type) -> Attribute {
    Attribute::optional(name, ty)
}

fn required(name: &'static str, ty: Type) -> Attribute {
    Attribute::required(name, ty)
}

/// The block `rke_config`.
pub fn rke_config() -> Nested {
    let own = Block::of(vec![
        optional("additional_manifest", Type::String),
        optional("chart_values", Type::String).form(Form::Yaml).always(),
        optional("machine_global_config", Type::String).form(Form::Yaml).always(),
    ]);
    let pool_defaults = Block::of(vec![optional("hostname_length_limit", Type::Number)]);
    let directories = block(vec![texts(["k8s_distro", "provisioning", "system_agent"])]);
    let selector = Block::of(vec![optional("config", Type::String).form(Form::Yaml)]);
    Nested::one(
        "rke_config",
        own.with(vec![
            Nested::many("data_directories", directories).shape(Shape::Object).always(),
            etcd(),
            Nested::one("etcd_snapshot_create", generation()),
            Nested::one("etcd_snapshot_restore", snapshot_restore()),
            // The provider's schema still has it; it has sent the one beside `rke_config` for years.
            local_auth_endpoint().shape(Shape::Elsewhere),
            Nested::many("machine_pool_defaults", pool_defaults).shape(Shape::Object).always(),
            machine_pools(),
            Nested::many("machine_selector_config", selector.with(vec![machine_label_selector()])),
            machine_selector_files(),
            Nested::one("networking", block(vec![texts(["stack_preference"])])),
            registries(),
            Nested::one(
                "rotate_certificates",
                block(vec![generation().attributes, vec![optional("services", Type::Strings)]]),
            ),
            upgrade_strategy(),
        ]),
    )
}

/// The block `local_auth_endpoint`.
pub fn local_auth_endpoint() -> Nested {
    let fields = vec![
        optional("ca_certs", Type::String),
        optional("enabled", Type::Bool).or_flag(false),
        optional("fqdn", Type::String),
    ];
    Nested::one("local_auth_endpoint", Block::of(fields))
}

fn generation() -> Block {
    Block::of(vec![required("generation", Type::Number)])
}

fn snapshot_restore() -> Block {
    block(vec![
        generation().attributes,
        vec![required("name", Type::String), optional("restore_rke_config", Type::String).field("restoreRKEConfig")],
    ])
}

fn etcd() -> Nested {
    let s3 = Block::of(vec![
        required("bucket", Type::String),
        required("endpoint", Type::String),
        optional("cloud_credential_name", Type::String),
        optional("endpoint_ca", Type::String).field("endpointCA"),
        optional("folder", Type::String),
        optional("region", Type::String),
        optional("skip_ssl_verify", Type::Bool).field("skipSSLVerify"),
    ]);
    let own = Block::of(vec![
        optional("disable_snapshots", Type::Bool),
        optional("snapshot_retention", Type::Number),
        optional("snapshot_schedule_cron", Type::String),
    ]);
    Nested::one("etcd", own.with(vec![Nested::one("s3_config", s3).field("s3")]))
}

fn machine_pools() -> Nested {
    let own = Block::of(vec![
        required("name", Type::String),
        optional("quantity", Type::Number).or_number(1).always(),
        optional("machine_os", Type::String).or_text("linux").field("machineOS"),
        optional("cloud_credential_secret_name", Type::String),
        optional("hostname_length_limit", Type::Number),
        optional("max_unhealthy", Type::String),
        optional("unhealthy_range", Type::String),
        optional("annotations", Type::StringMap).field("machineDeploymentAnnotations"),
        optional("labels", Type::StringMap).field("machineDeploymentLabels"),
        optional("machine_labels", Type::StringMap).field("labels"),
        optional("node_drain_timeout", Type::Number).form(Form::Seconds).field("drainBeforeDeleteTimeout"),
        optional("node_startup_timeout_seconds", Type::Number).form(Form::Seconds).field("nodeStartupTimeout"),
        optional("unhealthy_node_timeout_seconds", Type::Number).form(Form::Seconds).field("unhealthyNodeTimeout"),
    ]);
    let roles = flags(["control_plane_role", "drain_before_delete", "etcd_role", "paused", "worker_role"]);
    let config = Block::of(vec![
        required("kind", Type::String),
        required("name", Type::String),
        optional("api_version", Type::String),
    ]);
    let taint = Block::of(vec![
        required("key", Type::String),
        required("value", Type::String),
        optional("effect", Type::String).or_text("NoSchedule"),
    ]);
    Nested::many(
        "machine_pools",
        block(vec![own.attributes, roles]).with(vec![
            Nested::one("machine_config", config).required().field("machineConfigRef"),
            Nested::one("rolling_update", block(vec![texts(["max_surge", "max_unavailable"])])),
            Nested::many("taints", taint),
        ]),
    )
}

fn machine_selector_files() -> Nested {
    let source = || {
        let item = Block::of(vec![
            required("key", Type::String),
            required("path", Type::String),
            optional("dynamic", Type::Bool),
            optional("hash", Type::String),
            optional("permissions", Type::String),
        ]);
        Block::of(vec![required("name", Type::String), optional("default_permissions", Type::String)])
            .with(vec![Nested::many("items", item)])
    };
    let sources = Block::default()
        .with(vec![Nested::one("configmap", source()).field("configMap"), Nested::one("secret", source())]);
    Nested::many(
        "machine_selector_files",
        Block::default().with(vec![Nested::many("file_sources", sources), machine_label_selector()]),
    )
}

fn registries() -> Nested {
    let config = Block::of(vec![
        required("hostname", Type::String).elsewhere(),
        optional("auth_config_secret_name", Type::String),
        optional("tls_secret_name", Type::String),
        optional("ca_bundle", Type::String),
        optional("insecure", Type::Bool).field("insecureSkipVerify"),
    ]);
    let mirror = Block::of(vec![
        required("hostname", Type::String).elsewhere(),
        optional("endpoints", Type::Strings).field("endpoint"),
        optional("rewrites", Type::StringMap).field("rewrite"),
    ]);
    Nested::one(
        "registries",
        Block::default().with(vec![
            Nested::many("configs", config).shape(Shape::KeyedBy("hostname")),
            Nested::many("mirrors", mirror).shape(Shape::KeyedBy("hostname")),
        ]),
    )
}

fn upgrade_strategy() -> Nested {
    let drain = |name| {
        let seconds = ["grace_period", "timeout", "skip_wait_for_delete_timeout_seconds"]
            .map(|name| Attribute::optional_computed(name, Type::Number).always());
        let own = vec![
            optional("enabled", Type::Bool).or_flag(true).always(),
            optional("force", Type::Bool).or_flag(false).always(),
            optional("ignore_daemon_sets", Type::Bool).or_flag(true),
            optional("ignore_errors", Type::Bool).or_flag(false),
            optional("delete_empty_dir_data", Type::Bool).or_flag(false).always(),
            optional("disable_eviction", Type::Bool).or_flag(false).always(),
        ];
        Nested::one(name, block(vec![own, seconds.to_vec()])).always()
    };
    Nested::one(
        "upgrade_strategy",
        block(vec![texts(["control_plane_concurrency", "worker_concurrency"])])
            .with(vec![drain("control_plane_drain_options"), drain("worker_drain_options")]),
    )
    .always()
}
