//! The provider: what each call of the plugin protocol means.
//!
//! Nothing here knows about gRPC; `grpc` does. An error of any kind is a diagnostic, never a failed call, because terraform
//! shows diagnostics to people and failed calls to programmers.

use std::sync::{Arc, OnceLock};
use std::time::Duration;

use secrecy::SecretString;
use tokio::sync::watch;

use super::client::{Client, Settings};
use super::plan::{self, Planned};
use super::proto::{self, Diagnostic, Diagnostics, DynamicValue};
use super::resources::{Context, Outcome, binding, cloud_credential, cluster, machine_config};
use super::schema::{Block, Schema};
use super::tables::{BINDING, CLOUD_CREDENTIAL, CLUSTER, MACHINE_CONFIG, TABLES};
use super::validate;
use super::value::Value;
use super::wire;
use crate::clock::SharedClock;

/// How long an unreachable Rancher is tried again when the configuration says nothing.
const DEFAULT_PATIENCE: Duration = Duration::from_secs(120);

/// Reads an environment variable; handed in, so that tests have none.
pub type Environment = fn(&str) -> Option<String>;

/// One provider process.
pub struct Provider {
    clock: SharedClock,
    environment: Environment,
    stop: watch::Sender<bool>,
    client: OnceLock<Arc<Client>>,
}

impl Provider {
    /// A provider that is not configured yet.
    pub fn new(clock: SharedClock, environment: Environment) -> Self {
        Self { clock, environment, stop: watch::Sender::new(false), client: OnceLock::new() }
    }

    /// What this provider offers.
    pub fn schema(&self) -> proto::get_schema::Response {
        let all = |schemas: &std::collections::BTreeMap<&'static str, Schema>| {
            schemas.iter().map(|(name, schema)| ((*name).to_owned(), schema.to_proto())).collect()
        };
        proto::get_schema::Response {
            provider: Some(TABLES.provider.to_proto()),
            resource_schemas: all(&TABLES.resources),
            data_source_schemas: all(&TABLES.data_sources),
            diagnostics: Vec::new(),
            server_capabilities: Some(capabilities()),
        }
    }

    /// The names of what this provider offers.
    pub fn metadata(&self) -> proto::get_metadata::Response {
        let names = |schemas: &std::collections::BTreeMap<&'static str, Schema>| {
            schemas.keys().map(|name| proto::get_metadata::TypeName { type_name: (*name).to_owned() }).collect()
        };
        proto::get_metadata::Response {
            server_capabilities: Some(capabilities()),
            diagnostics: Vec::new(),
            data_sources: names(&TABLES.data_sources),
            resources: names(&TABLES.resources),
        }
    }

    /// Checks the provider block.
    pub fn prepare_config(&self, request: proto::prepare_config::Request) -> proto::prepare_config::Response {
        let diagnostics = match value(&request.config) {
            Err(error) => errors([error]),
            Ok(config) => match self.setting(&config, "api_url", "RANCHER_URL") {
                Some(_) => Vec::new(),
                None if *config.get("api_url") == Value::Unknown => Vec::new(),
                None => errors([
                    r#"The argument "api_url" is required, but no definition was found. Set it in the provider block or as RANCHER_URL."#,
                ]),
            },
        };
        proto::prepare_config::Response { prepared_config: request.config, diagnostics }
    }

    /// Takes the provider block; asks Rancher nothing yet.
    pub fn configure(&self, request: proto::configure::Request) -> Diagnostics {
        let done = value(&request.config).and_then(|config| {
            let settings = self.settings(&config)?;
            let client = Client::new(settings, self.stop.subscribe()).map_err(|error| format!("{error:#}"))?;
            // Configured twice, the first one stands: terraform configures a process once.
            let _ = self.client.set(Arc::new(client));
            Ok(())
        });
        Diagnostics { diagnostics: errors(done.err()) }
    }

    fn settings(&self, config: &Value) -> Result<Settings, String> {
        let setting = |name, variable| self.setting(config, name, variable);
        let url = setting("api_url", "RANCHER_URL").unwrap_or_default();
        let url = url.trim_end_matches('/').trim_end_matches("/v3").trim_end_matches('/').to_owned();
        let keys = setting("access_key", "RANCHER_ACCESS_KEY").zip(setting("secret_key", "RANCHER_SECRET_KEY"));
        let token =
            setting("token_key", "RANCHER_TOKEN_KEY").or(keys.map(|(access, secret)| format!("{access}:{secret}")));
        let Some(token) = token else {
            return Err("[ERROR] No token_key nor access_key and secret_key are provided".to_owned());
        };
        let flag = match config.get("insecure") {
            Value::Bool(flag) => *flag,
            _ => (self.environment)("RANCHER_INSECURE").is_some_and(|text| text == "true" || text == "1"),
        };
        let patience = match config.get("timeout").str() {
            "" => DEFAULT_PATIENCE,
            text => Duration::from_secs(
                wire::seconds_of_go(text)
                    .ok_or_else(|| format!("[ERROR] timeout must be in golang duration format, error: {text:?}"))?,
            ),
        };
        Ok(Settings {
            url,
            token: SecretString::from(token),
            ca_certs: setting("ca_certs", "RANCHER_CA_CERTS").unwrap_or_default(),
            insecure: flag,
            patience,
        })
    }

    fn setting(&self, config: &Value, name: &str, variable: &str) -> Option<String> {
        let configured = config.get(name).as_str().map(str::to_owned);
        configured.or_else(|| (self.environment)(variable)).filter(|text| !text.is_empty())
    }

    /// Checks a resource's configuration.
    pub fn validate_resource(&self, request: proto::validate::Request) -> Diagnostics {
        let found = value(&request.config).and_then(|config| {
            table(&request.type_name)?;
            Ok(validate::resource(&request.type_name, &config))
        });
        Diagnostics { diagnostics: found.unwrap_or_else(|error| errors([error])) }
    }

    /// Checks a data source's configuration.
    pub fn validate_data_source(&self, request: proto::validate::Request) -> Diagnostics {
        let known = TABLES.data_sources.contains_key(request.type_name.as_str());
        Diagnostics { diagnostics: errors((!known).then(|| unknown_type(&request.type_name))) }
    }

    /// Reads a state that may be of an older schema.
    pub fn upgrade(&self, request: proto::upgrade_state::Request) -> proto::upgrade_state::Response {
        let upgraded = table(&request.type_name).and_then(|block| {
            let raw = request.raw_state.unwrap_or_default().json;
            let json: serde_json::Value = serde_json::from_slice(&raw)
                .map_err(|error| format!("the state of this resource is no JSON: {error}"))?;
            Ok(block.conform(&Value::from_json(&json)))
        });
        match upgraded {
            Ok(state) => proto::upgrade_state::Response { upgraded_state: pack(&state), diagnostics: Vec::new() },
            Err(error) => proto::upgrade_state::Response { upgraded_state: None, diagnostics: errors([error]) },
        }
    }

    /// Says what a resource will be.
    pub fn plan(&self, request: proto::plan::Request) -> proto::plan::Response {
        let plan = || -> Result<Planned, String> {
            let block = table(&request.type_name)?;
            let (prior, proposed) = (value(&request.prior_state)?, value(&request.proposed_new_state)?);
            if proposed.is_null() {
                return Ok(Planned { state: Value::Null, replaced_by: Vec::new() });
            }
            Ok(plan::plan(block, &prior, &value(&request.config)?))
        };
        let (state, requires_replace, diagnostics) = match plan() {
            Ok(planned) => (pack(&planned.state), planned.replaced_by, Vec::new()),
            Err(error) => (None, Vec::new(), errors([error])),
        };
        proto::plan::Response {
            planned_state: state,
            requires_replace,
            planned_private: request.prior_private,
            diagnostics,
            legacy_type_system: true,
        }
    }

    /// Reads a resource.
    pub async fn read(&self, request: proto::read::Request) -> proto::read::Response {
        let read = async {
            let state = value(&request.current_state)?;
            let (client, block) = (self.client()?, table(&request.type_name)?);
            let context = Context { client: &client, clock: &self.clock, block };
            let read = match request.type_name.as_str() {
                CLUSTER => cluster::read(&context, &state).await,
                MACHINE_CONFIG => machine_config::read(&context, &state).await,
                BINDING => binding::read(&context, &state).await,
                other => return Err(unknown_type(other)),
            };
            let state = read.map_err(|error| error.to_string())?;
            Ok(state.map_or(Value::Null, |state| block.conform(&state)))
        };
        let (new_state, diagnostics) = match read.await {
            Ok(state) => (pack(&state), Vec::new()),
            Err(error) => (request.current_state, errors([error])),
        };
        proto::read::Response { new_state, diagnostics, private: request.private }
    }

    /// Creates, changes or deletes a resource.
    pub async fn apply(&self, request: proto::apply::Request) -> proto::apply::Response {
        let applied = async {
            let (prior, planned) = (value(&request.prior_state)?, value(&request.planned_state)?);
            let (client, block) = (self.client()?, table(&request.type_name)?);
            let context = Context { client: &client, clock: &self.clock, block };
            let outcome = change(&request.type_name, &context, &prior, &planned).await;
            Ok::<_, String>((block.conform(&outcome.state), outcome.error))
        };
        let (new_state, diagnostics) = match applied.await {
            Ok((state, error)) => (pack(&state), errors(error)),
            Err(error) => (request.prior_state, errors([error])),
        };
        proto::apply::Response { new_state, private: request.planned_private, diagnostics, legacy_type_system: true }
    }

    /// Begins with a resource that exists and of which only the id is known; terraform reads it next.
    pub fn import(&self, request: proto::import::Request) -> proto::import::Response {
        match table(&request.type_name) {
            Ok(block) => {
                let id = [("id".to_owned(), Value::text(&request.id))];
                let state = block.conform(&Value::Map(id.into()));
                let imported =
                    proto::import::Imported { type_name: request.type_name, state: pack(&state), private: Vec::new() };
                proto::import::Response { imported_resources: vec![imported], diagnostics: Vec::new() }
            }
            Err(error) => proto::import::Response { imported_resources: Vec::new(), diagnostics: errors([error]) },
        }
    }

    /// Reads a data source.
    pub async fn read_data(&self, request: proto::read_data::Request) -> proto::read_data::Response {
        let read = async {
            let config = value(&request.config)?;
            let schema = TABLES.data_sources.get(request.type_name.as_str());
            let block = &schema.ok_or_else(|| unknown_type(&request.type_name))?.block;
            let client = self.client()?;
            let context = Context { client: &client, clock: &self.clock, block };
            match request.type_name.as_str() {
                CLOUD_CREDENTIAL => cloud_credential::read(&context, &config).await,
                other => Err(unknown_type(other)),
            }
        };
        match read.await {
            Ok(state) => proto::read_data::Response { state: pack(&state), diagnostics: Vec::new() },
            Err(error) => proto::read_data::Response { state: None, diagnostics: errors([error]) },
        }
    }

    /// Ends all waits.
    pub fn stop(&self) -> proto::stop::Response {
        self.stop.send_replace(true);
        proto::stop::Response::default()
    }

    fn client(&self) -> Result<Arc<Client>, String> {
        self.client.get().cloned().ok_or_else(|| "the provider is not configured".to_owned())
    }
}

async fn change(name: &str, context: &Context<'_>, prior: &Value, planned: &Value) -> Outcome {
    if planned.is_null() {
        let deleted = match name {
            CLUSTER => cluster::delete(context, prior).await,
            MACHINE_CONFIG => machine_config::delete(context, prior).await,
            BINDING => binding::delete(context, prior).await,
            other => Err(unknown_type(other)),
        };
        return match deleted {
            Ok(()) => Outcome { state: Value::Null, error: None },
            Err(error) => Outcome { state: prior.clone(), error: Some(error) },
        };
    }
    match (name, prior.is_null()) {
        (CLUSTER, true) => cluster::create(context, planned).await,
        (CLUSTER, false) => cluster::update(context, prior, planned).await,
        (MACHINE_CONFIG, true) => machine_config::create(context, planned).await,
        (MACHINE_CONFIG, false) => machine_config::update(context, prior, planned).await,
        (BINDING, true) => binding::create(context, planned).await,
        (BINDING, false) => binding::update(context, prior, planned).await,
        (other, _) => Outcome { state: prior.clone(), error: Some(unknown_type(other)) },
    }
}

fn capabilities() -> proto::ServerCapabilities {
    proto::ServerCapabilities { plan_destroy: false, get_provider_schema_optional: true }
}

fn table(name: &str) -> Result<&'static Block, String> {
    TABLES.resources.get(name).map(|schema| &schema.block).ok_or_else(|| unknown_type(name))
}

fn unknown_type(name: &str) -> String {
    format!(
        "{name} is not part of kaas' stand-in for rancher/rancher2, which knows {CLUSTER}, {MACHINE_CONFIG}, {BINDING} and \
         the data source {CLOUD_CREDENTIAL}; use the real provider for it"
    )
}

fn value(packed: &Option<DynamicValue>) -> Result<Value, String> {
    let Some(packed) = packed else { return Ok(Value::Null) };
    let read = match packed.json.as_slice() {
        [] => Value::from_msgpack(&packed.msgpack),
        json => serde_json::from_slice(json).map(|json| Value::from_json(&json)).map_err(Into::into),
    };
    read.map_err(|error| format!("terraform sent a value that cannot be read: {error:#}"))
}

fn pack(value: &Value) -> Option<DynamicValue> {
    Some(DynamicValue { msgpack: value.to_msgpack(), json: Vec::new() })
}

/// The texts as errors.
pub(super) fn errors(texts: impl IntoIterator<Item = impl Into<String>>) -> Vec<Diagnostic> {
    let error = |text: String| Diagnostic {
        severity: proto::Severity::Error.into(),
        summary: text,
        detail: String::new(),
        attribute: None,
    };
    texts.into_iter().map(|text| error(text.into())).collect()
}
