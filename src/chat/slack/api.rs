//! Calls of Slack's Web API: one token, one address, every call bounded in time; whatever goes wrong is one of three things.
//!
//! Nothing is written a second time here, because whoever calls knows whether that is harmless; reading is repeated for whoever asks for it.

use std::time::Duration;

use anyhow::Context;
use hyper_util::client::legacy::connect::HttpConnector;
use jiff::SignedDuration;
use secrecy::{ExposeSecret, SecretString};
use serde_json::{Value, json};
use slack_morphism::errors::SlackClientError;
use slack_morphism::hyper_tokio::SlackClientHyperHttpsConnector;
use slack_morphism::{
    SlackApiToken, SlackApiTokenValue, SlackClient, SlackClientApiCallContext, SlackClientHttpConnector,
};
use url::Url;

use crate::clock::{LastHeard, SharedClock};

/// The longest wait for one answer.
pub(super) const CALL_MAX: Duration = Duration::from_secs(10);
/// The longest wait for a connection.
const CONNECT_MAX: Duration = Duration::from_secs(5);
/// The longest wait that Slack may ask for, in seconds.
const WAIT_MAX: u64 = 600;

/// Slack's client, as slack-morphism makes it.
type Client = SlackClient<SlackClientHyperHttpsConnector>;

/// Why a call did not do what it should.
#[derive(Debug, thiserror::Error)]
pub(super) enum Failure {
    /// Too many calls; after that long again.
    #[error("{method}: too many calls")]
    Limited {
        /// The method.
        method: String,
        /// How long to wait.
        wait: SignedDuration,
    },
    /// No answer, or one that says nothing. Whether the work was done is not known.
    #[error("{method}: {what}")]
    Silent {
        /// The method.
        method: String,
        /// What was seen.
        what: String,
    },
    /// Slack says no.
    #[error("{method}: {code}")]
    Refused {
        /// The method.
        method: String,
        /// Slack's word for it: `not_in_channel`.
        code: String,
        /// The scope that is missing, or what else Slack says of it.
        detail: Option<String>,
    },
}

impl Failure {
    /// Whether Slack refused with one of these words.
    pub fn is(&self, codes: &[&str]) -> bool {
        matches!(self, Self::Refused { code, .. } if codes.contains(&code.as_str()))
    }

    /// The same, for somebody else who waited for that call.
    pub fn again(&self) -> Self {
        match self {
            Self::Limited { method, wait } => Self::Limited { method: method.clone(), wait: *wait },
            Self::Silent { method, what } => Self::Silent { method: method.clone(), what: what.clone() },
            Self::Refused { method, code, detail } => {
                Self::Refused { method: method.clone(), code: code.clone(), detail: detail.clone() }
            }
        }
    }

    /// Its kind, for the metrics.
    fn kind(&self) -> &'static str {
        match self {
            Self::Limited { .. } => "limited",
            Self::Silent { .. } => "silent",
            Self::Refused { .. } => "refused",
        }
    }
}

/// The first and the longest pause between two tries of a call that is made patiently.
const PAUSE: (Duration, Duration) = (Duration::from_secs(1), Duration::from_secs(30));

/// The Web API.
pub(super) struct Api {
    client: Client,
    base: Url,
    token: SlackApiToken,
    clock: SharedClock,
    /// When Slack was last heard of.
    heard: LastHeard,
}

impl Api {
    /// # Errors
    /// The address is none, or this machine has no root certificates.
    pub fn new(api_url: &str, token: &SecretString, clock: SharedClock) -> anyhow::Result<Self> {
        let api_url = api_url.trim_end_matches('/');
        let base = Url::parse(api_url).context("Slack's address")?;
        anyhow::ensure!(
            matches!(base.scheme(), "http" | "https"),
            "Slack's address begins with neither http:// nor https://"
        );
        // Whoever was first wins; a second installation changes nothing. The sockets take the one that is installed.
        let _ = rustls::crypto::ring::default_provider().install_default();
        let mut http = HttpConnector::new();
        http.set_connect_timeout(Some(CONNECT_MAX));
        http.set_nodelay(true);
        http.enforce_http(false);
        let https = hyper_rustls::HttpsConnectorBuilder::new()
            .with_provider_and_native_roots(rustls::crypto::ring::default_provider())
            .context("the root certificates of this machine")?
            .https_or_http()
            .enable_http1()
            .wrap_connector(http);
        let connector = SlackClientHyperHttpsConnector::from(https).with_slack_api_url(api_url);
        Ok(Self { client: SlackClient::new(connector), base, token: secret(token), clock, heard: LastHeard::default() })
    }

    /// Reads, again and again for as long as that where Slack does not answer.
    pub async fn get_patiently(
        &self,
        method: &str,
        params: &[(&str, &str)],
        patience: Duration,
    ) -> Result<Value, Failure> {
        let (mut waited, mut pause) = (Duration::ZERO, PAUSE.0);
        loop {
            let failure = match self.get(method, params).await {
                Err(failure @ (Failure::Limited { .. } | Failure::Silent { .. })) if waited < patience => failure,
                answered => return answered,
            };
            let asked = match &failure {
                Failure::Limited { wait, .. } => Duration::try_from(*wait).unwrap_or(pause),
                Failure::Silent { .. } | Failure::Refused { .. } => pause,
            };
            tracing::warn!(slack.failure = %failure, "Slack does not answer; the next try is in {} s", asked.as_secs());
            tokio::time::sleep(asked).await;
            waited = waited.saturating_add(asked);
            pause = (pause * 2).min(PAUSE.1);
        }
    }

    /// Reads.
    pub async fn get(&self, method: &str, params: &[(&str, &str)]) -> Result<Value, Failure> {
        self.get_within(method, params, CALL_MAX).await
    }

    /// Reads, for whoever has less time.
    pub async fn get_within(&self, method: &str, params: &[(&str, &str)], limit: Duration) -> Result<Value, Failure> {
        let params: Vec<(&str, Option<&str>)> = params.iter().map(|(name, value)| (*name, Some(*value))).collect();
        let span = tracing::Span::none();
        let call = self.client.http_api.connector.http_get(method, &params, context(Some(&self.token), &span));
        self.finish(method, limit, call).await
    }

    /// Writes.
    pub async fn post(&self, method: &str, body: &Value) -> Result<Value, Failure> {
        self.post_as(&self.token, method, body).await
    }

    /// Writes with the app's own token.
    pub async fn post_as_app(&self, token: &SecretString, method: &str) -> Result<Value, Failure> {
        self.post_as(&secret(token), method, &json!({})).await
    }

    async fn post_as(&self, token: &SlackApiToken, method: &str, body: &Value) -> Result<Value, Failure> {
        let span = tracing::Span::none();
        let call = self.client.http_api.connector.http_post(method, body, context(Some(token), &span));
        self.finish(method, CALL_MAX, call).await
    }

    /// Answers on a `response_url`. Never done twice: an empty answer counts as a good one, because the message is there by then.
    pub async fn respond(&self, url: &str, body: &Value) -> Result<(), Failure> {
        let method = "response_url";
        let url = self.address(method, url)?;
        let span = tracing::Span::none();
        let call = self.client.http_api.connector.http_post_uri::<_, Value>(url, body, context(None, &span));
        let call = async {
            match call.await {
                Err(SlackClientError::ProtocolError(_)) => Ok(json!({ "ok": true })),
                other => other,
            }
        };
        self.finish(method, CALL_MAX, call).await.map(drop)
    }

    /// Sends a file's bytes to where Slack wants them.
    pub async fn upload(&self, url: &str, content: &[u8]) -> Result<(), Failure> {
        let method = "upload";
        let url = self.address(method, url)?;
        let span = tracing::Span::none();
        let kind = "application/octet-stream".to_owned();
        let call =
            self.client.http_api.connector.http_post_uri_binary::<Value>(url, kind, content, context(None, &span));
        let call = async {
            match call.await {
                Err(SlackClientError::ProtocolError(_)) => Ok(json!({ "ok": true })),
                other => other,
            }
        };
        self.finish(method, CALL_MAX, call).await.map(drop)
    }

    /// Something came from Slack.
    pub fn was_heard(&self) {
        self.heard.hear(self.clock.now());
    }

    /// How long ago something came from Slack, in seconds.
    pub fn heard_seconds_ago(&self) -> Option<u64> {
        self.heard.seconds_ago(self.clock.now())
    }

    /// An address that came from Slack: encrypted, or where Slack itself is.
    fn address(&self, method: &str, text: &str) -> Result<Url, Failure> {
        let ours = |url: &Url| url.scheme() == "https" || url.origin() == self.base.origin();
        Url::parse(text).ok().filter(ours).ok_or_else(|| Failure::Refused {
            method: method.to_owned(),
            code: "bad_address".to_owned(),
            detail: None,
        })
    }

    /// Where a socket is to be opened: encrypted, or in clear to a stand-in that is spoken to in clear anyway.
    pub fn socket(&self, text: &str) -> anyhow::Result<Url> {
        let url = Url::parse(text).context("Slack does not say where a socket is to be opened")?;
        let fits = url.scheme() == "wss" || (url.scheme() == "ws" && self.base.scheme() == "http");
        anyhow::ensure!(fits, "Slack wants a socket to be opened that is not encrypted");
        Ok(url)
    }

    async fn finish(
        &self,
        method: &str,
        limit: Duration,
        call: impl Future<Output = Result<Value, SlackClientError>>,
    ) -> Result<Value, Failure> {
        let answer = match tokio::time::timeout(limit, call).await {
            Err(_) => Err(Failure::Silent { method: method.to_owned(), what: "no answer in time".to_owned() }),
            Ok(Ok(value)) if value["ok"] == json!(false) => {
                Err(Failure::Refused { method: method.to_owned(), code: "unknown".to_owned(), detail: None })
            }
            Ok(Ok(value)) => Ok(value),
            Ok(Err(error)) => Err(failure(method, &error)),
        };
        if !matches!(answer, Err(Failure::Silent { .. })) {
            self.was_heard();
        }
        let result = answer.as_ref().map_or_else(Failure::kind, |_| "ok");
        tracing::debug!(slack.call = method, slack.result = result, "Slack was asked");
        metrics::counter!("kaas_slack_calls_total", "method" => method.to_owned(), "result" => result).increment(1);
        answer
    }
}

/// A token as slack-morphism takes it.
fn secret(token: &SecretString) -> SlackApiToken {
    SlackApiToken::new(SlackApiTokenValue(token.expose_secret().to_owned()))
}

fn context<'a>(token: Option<&'a SlackApiToken>, span: &'a tracing::Span) -> SlackClientApiCallContext<'a> {
    // Addresses that carry a secret themselves are not to be logged; those of methods are no secret, but their queries hold e-mail addresses.
    SlackClientApiCallContext { rate_control_params: None, token, tracing_span: span, is_sensitive_url: true }
}

/// What went wrong, without bodies: they hold what people wrote.
fn failure(method: &str, error: &SlackClientError) -> Failure {
    let method = method.to_owned();
    let silent = |what: String| Failure::Silent { method: method.clone(), what };
    match error {
        SlackClientError::ApiError(error) if BUSY.contains(&error.code.as_str()) => silent(error.code.clone()),
        SlackClientError::ApiError(error) if matches!(error.code.as_str(), "ratelimited" | "rate_limited") => {
            Failure::Limited { method, wait: SignedDuration::from_secs(1) }
        }
        SlackClientError::ApiError(error) => {
            let body = error.http_response_body.as_deref().and_then(|body| serde_json::from_str::<Value>(body).ok());
            let needed = body.as_ref().and_then(|body| body["needed"].as_str()).map(str::to_owned);
            let said = || error.errors.as_ref().map(|all| all.join("; "));
            Failure::Refused { method, code: error.code.clone(), detail: needed.or_else(said) }
        }
        SlackClientError::RateLimitError(error) => {
            let seconds = error.retry_after.map_or(1, |wait| wait.as_secs()).clamp(1, WAIT_MAX);
            Failure::Limited { method, wait: SignedDuration::from_secs(i64::try_from(seconds).unwrap_or(1)) }
        }
        SlackClientError::HttpError(error) => silent(format!("HTTP {}", error.status_code.as_u16())),
        SlackClientError::ProtocolError(error) => silent(format!("an answer that is no JSON: {}", error.json_error)),
        SlackClientError::HttpProtocolError(error) => silent(format!("no connection: {:?}", error.cause)),
        SlackClientError::SystemError(error) => silent(format!("no connection: {:?}", error.cause)),
        SlackClientError::EndOfStream(_) | SlackClientError::SocketModeProtocolError(_) => {
            silent("the connection ended".to_owned())
        }
    }
}

/// Refusals that mean: not now.
const BUSY: [&str; 6] =
    ["internal_error", "fatal_error", "service_unavailable", "request_timeout", "team_added_to_org", "accesslimited"];
