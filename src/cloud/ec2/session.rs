//! How kaas comes to AWS: credentials, one HTTP stack for each of the two ways to call, retries and time limits.
//!
//! EC2 is asked through its SDK. IAM, KMS, Service Quotas and the tagging API are asked one question each, which does not pay for four more SDKs: their
//! calls are signed here ([`super::signed`]).

use std::collections::HashMap;
use std::path::PathBuf;
use std::sync::{Mutex, PoisonError};
use std::time::{Duration, SystemTime};

use aws_config::profile::ProfileFileCredentialsProvider;
use aws_config::retry::RetryConfig;
use aws_config::timeout::TimeoutConfig;
use aws_config::{BehaviorVersion, SdkConfig};
use aws_credential_types::Credentials;
use aws_credential_types::provider::ProvideCredentials;
use aws_runtime::env_config::file::{EnvConfigFileKind, EnvConfigFiles};
use aws_sdk_ec2::config::retry::RetryPartition;
use aws_sdk_ec2::config::{Region as RegionName, SharedHttpClient};
use aws_smithy_http_client::proxy::ProxyConfig;
use aws_smithy_http_client::tls::{Provider, rustls_provider::CryptoMode};
use aws_smithy_http_client::{Builder, Connector};
use tokio::sync::OnceCell;

use super::fault::Fault;
use super::read::Region;
use crate::clock::SharedClock;

/// Credentials that end sooner than that are asked for again.
const FRESH: Duration = Duration::from_secs(300);

/// How patient kaas is with AWS.
#[derive(Debug, Clone, Copy, PartialEq, Eq)]
pub struct Patience {
    /// For a connection.
    pub connect: Duration,
    /// For one try of a call.
    pub attempt: Duration,
    /// For a call with all its tries.
    pub call: Duration,
    /// How often a call is tried in all.
    pub tries: u32,
    /// The longest wait before the second try; it doubles with each further one.
    pub wait: Duration,
}

impl Default for Patience {
    fn default() -> Self {
        Self {
            connect: Duration::from_secs(4),
            attempt: Duration::from_secs(15),
            call: Duration::from_secs(45),
            tries: 4,
            wait: Duration::from_millis(500),
        }
    }
}

/// Where credentials come from, and where AWS is.
#[derive(Debug, Clone, Default)]
pub(super) struct Way {
    pub profile: Option<String>,
    pub profile_file: Option<PathBuf>,
    pub endpoint_url: Option<String>,
    /// Where a role is taken that a profile names: STS has an address in every region, and none without.
    pub region: Option<String>,
    pub patience: Patience,
}

/// kaas' standing with AWS: made when it is first needed.
pub(super) struct Session {
    pub way: Way,
    pub clock: SharedClock,
    /// For the signed calls.
    pub http: reqwest::Client,
    /// The SDK stops repeating calls when too many of a partition have failed; by default that is all of a process, so one tenant's trouble would be another's.
    partition: String,
    sdk: OnceCell<SdkConfig>,
    regions: Mutex<HashMap<String, Region>>,
    credentials: Mutex<Option<Credentials>>,
}

impl Session {
    /// # Errors
    /// The machine's certificates cannot be read.
    pub fn new(way: Way, clock: SharedClock) -> anyhow::Result<Self> {
        // Whoever was first wins; a second installation changes nothing.
        let _ = rustls::crypto::ring::default_provider().install_default();
        let builder = reqwest::Client::builder()
            .user_agent(concat!("kaas/", env!("CARGO_PKG_VERSION")))
            .connect_timeout(way.patience.connect)
            .timeout(way.patience.attempt)
            .redirect(reqwest::redirect::Policy::none());
        let builder = if way.is_plain() { builder.tls_certs_only([]) } else { builder };
        Ok(Self {
            http: builder.build()?,
            way,
            partition: format!("kaas-{}", clock.id()),
            clock,
            sdk: OnceCell::new(),
            regions: Mutex::default(),
            credentials: Mutex::default(),
        })
    }

    /// A region of EC2.
    pub async fn region(&self, name: &str) -> Region {
        let sdk = self.sdk().await;
        let mut regions = self.regions.lock().unwrap_or_else(PoisonError::into_inner);
        let fresh = || {
            let config = aws_sdk_ec2::config::Builder::from(sdk)
                .region(RegionName::new(name.to_owned()))
                .retry_partition(RetryPartition::new(self.partition.clone()))
                .build();
            Region { name: name.to_owned(), client: aws_sdk_ec2::Client::from_conf(config) }
        };
        regions.entry(name.to_owned()).or_insert_with(fresh).clone()
    }

    /// Credentials that hold for a while.
    pub async fn credentials(&self) -> Result<Credentials, Fault> {
        let lacking = || Fault::lacking("kaas has no credentials for AWS");
        let held = self.credentials.lock().unwrap_or_else(PoisonError::into_inner).clone();
        let now = SystemTime::from(self.clock.now());
        if let Some(held) = held.filter(|held| held.expiry().is_none_or(|end| end > now + FRESH)) {
            return Ok(held);
        }
        let provider = self.sdk().await.credentials_provider().ok_or_else(lacking)?;
        let fresh = tokio::time::timeout(self.way.patience.call, provider.provide_credentials());
        let fresh = fresh.await.map_err(|_| Fault::late())?.map_err(|_| lacking())?;
        *self.credentials.lock().unwrap_or_else(PoisonError::into_inner) = Some(fresh.clone());
        Ok(fresh)
    }

    async fn sdk(&self) -> &SdkConfig {
        self.sdk.get_or_init(|| self.way.load()).await
    }
}

impl Way {
    /// Whether everything goes over HTTP in clear, as to a stand-in on this machine.
    fn is_plain(&self) -> bool {
        self.endpoint_url.as_deref().is_some_and(|url| url.starts_with("http://"))
    }

    async fn load(&self) -> SdkConfig {
        let patience = self.patience;
        let timeouts = TimeoutConfig::builder()
            .connect_timeout(patience.connect)
            .operation_attempt_timeout(patience.attempt)
            .operation_timeout(patience.call)
            .build();
        let retries = RetryConfig::standard()
            .with_max_attempts(patience.tries)
            .with_initial_backoff(patience.wait)
            .with_max_backoff(patience.wait.saturating_mul(16));
        let mut loader = aws_config::defaults(BehaviorVersion::latest())
            .http_client(self.http())
            .timeout_config(timeouts)
            .retry_config(retries);
        if let Some(url) = &self.endpoint_url {
            loader = loader.endpoint_url(url);
        }
        if let Some(files) = self.profile_files() {
            loader = loader.profile_files(files);
        }
        if self.profile.is_some() || self.profile_file.is_some() {
            // A profile that is named wins over what lies in the environment, which is another tenant's perhaps.
            let around = aws_config::provider_config::ProviderConfig::default()
                .with_region(self.region.clone().map(RegionName::new))
                .with_http_client(self.http());
            let mut provider = ProfileFileCredentialsProvider::builder().configure(&around);
            if let Some(name) = &self.profile {
                provider = provider.profile_name(name);
                loader = loader.profile_name(name);
            }
            if let Some(files) = self.profile_files() {
                provider = provider.profile_files(files);
            }
            loader = loader.credentials_provider(provider.build());
        }
        loader.load().await
    }

    fn profile_files(&self) -> Option<EnvConfigFiles> {
        let file = self.profile_file.as_ref()?;
        let files = EnvConfigFiles::builder()
            .with_file(EnvConfigFileKind::Credentials, file)
            .with_file(EnvConfigFileKind::Config, file);
        Some(files.build())
    }

    /// rustls with ring, through the proxy of the environment where there is one.
    fn http(&self) -> SharedHttpClient {
        if self.is_plain() {
            return Builder::new().build_http();
        }
        Builder::new().build_with_connector_fn(|settings, components| {
            let mut connector = Connector::builder().proxy_config(ProxyConfig::from_env());
            connector.set_connector_settings(settings.cloned());
            connector.set_sleep_impl(components.and_then(|components| components.sleep_impl()));
            connector.tls_provider(Provider::Rustls(CryptoMode::Ring)).build()
        })
    }
}
