//! The file as it is written: serde types, before anything is checked against anything else.
//!
//! Every key is optional here: [`super::shape`] has said already which ones are missing, and a configuration with findings is never built.

use std::collections::BTreeMap;

use serde::Deserialize;

macro_rules! raw {
    ($(#[$doc:meta])* $name:ident { $($field:ident: $type:ty),* $(,)? }) => {
        $(#[$doc])*
        #[derive(Debug, Clone, Default, Deserialize)]
        #[serde(deny_unknown_fields, default)]
        pub(super) struct $name {
            $(pub(super) $field: $type,)*
        }
    };
}

type Text = Option<String>;
type Count = Option<u64>;

raw!(
    /// The whole file.
    Raw { kaas: Kaas, engine: Engine, log: Log, web: Option<Web>, tenants: BTreeMap<String, Tenant> }
);
raw!(
    /// `[kaas]`.
    Kaas { data_dir: Text }
);
raw!(
    /// `[engine]`.
    Engine {
        lease: Text,
        sweep_every: Text,
        poll_every: Text,
        attempts: Count,
        backoff_first: Text,
        backoff_max: Text,
        runs_at_once: Count,
        applies_at_once: Count,
        stop_grace: Text,
    }
);
raw!(
    /// `[web]`.
    Web { listen: Text }
);
raw!(
    /// `[log]`.
    Log { level: Text, format: Text }
);
raw!(
    /// `[tenants.<name>]`.
    Tenant {
        time_zone: Text,
        chat: Chat,
        second_chat: Option<SecondChat>,
        forge: Forge,
        runner: Runner,
        rancher: Rancher,
        aws: Option<Aws>,
        render: Render,
        policy: Policy,
        people: BTreeMap<String, Person>,
        classes: BTreeMap<String, Class>,
    }
);
raw!(
    /// `[tenants.<name>.chat]`.
    Chat {
        kind: Text,
        server: Text,
        channel: Text,
        bot_token: Secret,
        app_token: Secret,
        signing_secret: Secret,
        connections: Count,
        approver_groups: Vec<String>,
        approver_roles: Vec<String>,
        allow_shared: Option<bool>,
        api_url: Text,
    }
);
raw!(
    /// `[tenants.<name>.second_chat]`.
    SecondChat {
        kind: Text,
        server: Text,
        channel: Text,
        bot_token: Secret,
        approver_roles: Vec<String>,
        api_url: Text,
    }
);
raw!(
    /// `[tenants.<name>.forge]`.
    Forge {
        kind: Text,
        path: Text,
        repository: Text,
        base: Text,
        app_id: Count,
        installation_id: Count,
        credential: Secret,
        webhook_secret: Secret,
        reviewers: Vec<String>,
        labels: Vec<String>,
        api_url: Text,
        git_url: Text,
    }
);
raw!(
    /// `[tenants.<name>.runner]`.
    Runner {
        program: Text,
        init_time_limit: Text,
        plan_time_limit: Text,
        apply_time_limit: Text,
        lock_wait: Text,
        pass_environment: Vec<String>,
        cli_config_file: Text,
    }
);
raw!(
    /// `[tenants.<name>.rancher]`.
    Rancher {
        url: Text,
        token: Secret,
        ca_file: Text,
        requester_role: Text,
        match_email: Option<bool>,
        cloud_credentials: Vec<String>,
        team: Option<Team>,
        groups: BTreeMap<String, String>,
    }
);
raw!(
    /// `[tenants.<name>.aws]`.
    Aws { regions: Option<Vec<String>>, profile: Text, profile_file: Text, endpoint_url: Text }
);
raw!(
    /// A reference to a secret.
    Secret { env: Text, file: Text }
);
raw!(
    /// `[tenants.<name>.rancher.team]`.
    Team { principal: Text, role: Text }
);
raw!(
    /// `[tenants.<name>.render]`.
    Render {
        templates_dir: Text,
        required_version: Text,
        provider_version: Text,
        shown: BTreeMap<String, Vec<String>>,
        backend: Backend,
        foundation: Option<Foundation>,
    }
);
raw!(
    /// `[tenants.<name>.render.backend]`.
    Backend {
        kind: Text,
        bucket: Text,
        region: Text,
        prefix: Text,
        lockfile: Option<bool>,
        extra: BTreeMap<String, toml::Value>,
        dir: Text,
    }
);
raw!(
    /// `[tenants.<name>.render.foundation]`.
    Foundation { kind: Text, bucket: Text, region: Text, key: Text, extra: BTreeMap<String, toml::Value>, path: Text }
);
raw!(
    /// `[tenants.<name>.policy]`.
    Policy {
        requesters: Option<Vec<String>>,
        approvers: Vec<String>,
        admins: Vec<String>,
        quorum: Quorum,
        reactions_up_to: Text,
        review: Text,
        remind_after: Text,
        clusters_a_person: Count,
        frozen: Text,
        access: Access,
    }
);
raw!(
    /// `[tenants.<name>.policy.access]`.
    Access { roles: Option<Vec<String>>, longest: Text }
);
raw!(
    /// `[tenants.<name>.policy.quorum]`.
    Quorum { green: Count, yellow: Count, red: Count }
);
raw!(
    /// `[tenants.<name>.people.<id>]`.
    Person {
        name: Text,
        slack: Text,
        discord: Text,
        github: Text,
        email: Text,
        rancher: Text,
        requester_role: Text,
    }
);
raw!(
    /// `[tenants.<name>.classes.<name>]`.
    Class {
        description: Text,
        module: Text,
        template: Text,
        kubernetes: Vec<String>,
        regions: Vec<String>,
        ttl: Lifetimes,
        reason_required: Option<bool>,
        ticket_required: Option<bool>,
        requester_role: Text,
        foundation: BTreeMap<String, String>,
        values: BTreeMap<String, toml::Value>,
        sizes: Vec<Size>,
    }
);
raw!(
    /// `[tenants.<name>.classes.<name>.ttl]`.
    Lifetimes { default: Text, max: Text }
);
raw!(
    /// `[[tenants.<name>.classes.<name>.sizes]]`.
    Size {
        name: Text,
        instance_type: Text,
        control_planes: Count,
        workers: Workers,
        dollars_a_node_month: Option<toml::Value>,
    }
);
raw!(
    /// The workers of a size.
    Workers { min: Count, default: Count, max: Count }
);
