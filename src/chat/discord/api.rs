//! Calls of Discord's REST API: one token, one address, every call bounded in time; whatever goes wrong is one of three things.
//!
//! serenity makes the requests and, with Discord itself, keeps to Discord's limits. With any other address its limiter is off, because serenity asks only
//! Discord itself while it is on; then a limit is told here by its status. Nothing is written a second time here: whoever calls knows whether that is
//! harmless. What serenity would log of a request is not logged, because it holds what people wrote and the tokens of what they did.

use std::num::NonZeroU64;
use std::time::Duration;

use anyhow::Context;
use jiff::SignedDuration;
use reqwest_of_serenity as reqwest;
use secrecy::{ExposeSecret, SecretString};
use serde_json::Value;
use serenity::all::CreateAttachment;
use serenity::http::{Http, HttpBuilder, HttpError, LightMethod, Multipart, MultipartUpload, Request, Route};
use tracing::Dispatch;
use tracing::instrument::WithSubscriber;
use url::Url;

use crate::clock::{LastHeard, SharedClock};
use crate::ports::Attachment;

/// The longest wait for one answer, the limiter's own wait included.
const CALL_MAX: Duration = Duration::from_secs(15);
/// The longest wait for a connection.
const CONNECT_MAX: Duration = Duration::from_secs(5);
/// How long to wait where Discord says that there were too many calls, and not for how long.
const LIMITED: f64 = 5.0;
/// The longest wait that Discord may ask for, in seconds.
const LIMITED_MAX: f64 = 600.0;
/// The longest name of a file.
const FILE_NAME_MAX: usize = 200;

/// An id of Discord's: of a person, a channel, a message.
pub(super) type Id = NonZeroU64;

/// Reads an id.
pub(super) fn id(text: &str) -> Option<Id> {
    let digits = !text.is_empty() && text.bytes().all(|byte| byte.is_ascii_digit());
    text.parse().ok().filter(|_| digits)
}

/// An id of some JSON.
pub(super) fn id_of(value: &Value) -> Option<Id> {
    value.as_str().and_then(id)
}

/// Why a call did not do what it should.
#[derive(Debug, Clone, thiserror::Error)]
pub(super) enum Failure {
    /// Too many calls; after that long again.
    #[error("{call}: too many calls")]
    Limited {
        /// What was called.
        call: &'static str,
        /// How long to wait.
        wait: SignedDuration,
    },
    /// No answer, or one that says nothing. Whether the work was done is not known.
    #[error("{call}: {what}")]
    Silent {
        /// What was called.
        call: &'static str,
        /// What was seen.
        what: String,
    },
    /// Discord says no.
    #[error("{call}: {status}/{code} {said}")]
    Refused {
        /// What was called.
        call: &'static str,
        /// The HTTP status.
        status: u16,
        /// Discord's own code for it: 50013.
        code: i64,
        /// What Discord says.
        said: String,
    },
}

impl Failure {
    /// Whether Discord refused with one of these codes of its own.
    pub fn is(&self, codes: &[i64]) -> bool {
        matches!(self, Self::Refused { code, .. } if codes.contains(code))
    }

    /// An answer that lacks what it should say.
    pub fn lacks(call: &'static str, what: &str) -> Self {
        Self::Silent { call, what: format!("an answer without {what}") }
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

/// The REST API.
pub(super) struct Api {
    http: Http,
    client: reqwest::Client,
    /// Where it is, where that is not Discord's own address.
    elsewhere: Option<Url>,
    token: SecretString,
    clock: SharedClock,
    /// When Discord was last heard of.
    heard: LastHeard,
}

impl Api {
    /// # Errors
    /// The address is none, or this machine has no root certificates.
    pub fn new(api_url: &str, token: &SecretString, clock: SharedClock) -> anyhow::Result<Self> {
        let api_url = api_url.trim_end_matches('/');
        let url = Url::parse(api_url).context("Discord's address")?;
        anyhow::ensure!(
            matches!(url.scheme(), "http" | "https") && url.has_host(),
            "Discord's address begins with neither http:// nor https://"
        );
        // Whoever was first wins; a second installation changes nothing. The gateway and the client take the one that is installed.
        let _ = rustls::crypto::ring::default_provider().install_default();
        let client = reqwest::Client::builder()
            .use_rustls_tls()
            .connect_timeout(CONNECT_MAX)
            .timeout(CALL_MAX)
            .redirect(reqwest::redirect::Policy::none())
            .build()
            .context("a client for Discord")?;
        let elsewhere = (api_url != super::API_URL).then_some(url);
        let http = HttpBuilder::new(token.expose_secret()).client(client.clone());
        let http = match &elsewhere {
            // The limiter sends everything to Discord itself.
            Some(_) => http.proxy(api_url).ratelimiter_disabled(true),
            None => http,
        };
        let token = SecretString::from(token.expose_secret().trim().trim_start_matches("Bot ").to_owned());
        Ok(Self { http: http.build(), client, elsewhere, token, clock, heard: LastHeard::default() })
    }

    /// The token, bare.
    pub fn token(&self) -> &str {
        self.token.expose_secret()
    }

    /// Reads.
    pub async fn get(&self, call: &'static str, route: Route<'_>) -> Result<Value, Failure> {
        self.call(call, Request::new(route, LightMethod::Get), CALL_MAX).await
    }

    /// Reads some of a list.
    pub async fn list(
        &self,
        call: &'static str,
        route: Route<'_>,
        params: &[(&'static str, String)],
    ) -> Result<Vec<Value>, Failure> {
        let request = Request::new(route, LightMethod::Get).params(Some(params.to_vec()));
        match self.call(call, request, CALL_MAX).await? {
            Value::Array(all) => Ok(all),
            _ => Err(Failure::lacks(call, "a list")),
        }
    }

    /// Reads, for whoever has less time.
    pub async fn get_within(&self, call: &'static str, route: Route<'_>, limit: Duration) -> Result<Value, Failure> {
        self.call(call, Request::new(route, LightMethod::Get), limit).await
    }

    /// Makes something.
    pub async fn post(&self, call: &'static str, route: Route<'_>, body: &Value) -> Result<Value, Failure> {
        self.send(call, LightMethod::Post, route, body, None).await
    }

    /// Changes something.
    pub async fn patch(&self, call: &'static str, route: Route<'_>, body: &Value) -> Result<Value, Failure> {
        self.send(call, LightMethod::Patch, route, body, None).await
    }

    /// Puts something in place of what was there.
    pub async fn put(&self, call: &'static str, route: Route<'_>, body: &Value) -> Result<Value, Failure> {
        self.send(call, LightMethod::Put, route, body, None).await
    }

    /// Takes something away.
    pub async fn delete(&self, call: &'static str, route: Route<'_>) -> Result<Value, Failure> {
        self.call(call, Request::new(route, LightMethod::Delete), CALL_MAX).await
    }

    /// Writes, with a file or not.
    pub async fn send(
        &self,
        call: &'static str,
        method: LightMethod,
        route: Route<'_>,
        body: &Value,
        file: Option<&Attachment>,
    ) -> Result<Value, Failure> {
        let request = Request::new(route, method);
        let request = match file.filter(|file| !file.content.is_empty()) {
            None => request.body(Some(body.to_string().into_bytes())),
            Some(file) => {
                let upload = CreateAttachment::bytes(file.content.as_bytes(), file_name(file));
                request.multipart(Some(Multipart {
                    upload: MultipartUpload::Attachments(vec![upload]),
                    fields: Vec::new(),
                    payload_json: Some(body.to_string()),
                }))
            }
        };
        self.call(call, request, CALL_MAX).await
    }

    /// Something came from Discord.
    pub fn was_heard(&self) {
        self.heard.hear(self.clock.now());
    }

    /// How long ago something came from Discord, in seconds.
    pub fn heard_seconds_ago(&self) -> Option<u64> {
        self.heard.seconds_ago(self.clock.now())
    }

    /// Where the gateway is: encrypted, or in clear to a stand-in that is spoken to in clear anyway.
    pub fn gateway(&self, text: &str) -> anyhow::Result<Url> {
        let mut url = Url::parse(text).context("Discord does not say where its gateway is")?;
        let clear = self.elsewhere.as_ref().is_some_and(|url| url.scheme() == "http");
        let fits = url.scheme() == "wss" || (url.scheme() == "ws" && clear);
        anyhow::ensure!(fits, "Discord wants a gateway to be opened that is not encrypted");
        url.set_query(Some("v=10&encoding=json"));
        Ok(url)
    }

    async fn call(&self, call: &'static str, request: Request<'_>, limit: Duration) -> Result<Value, Failure> {
        // serenity shows requests in its spans.
        let asked = self.ask(call, request).with_subscriber(Dispatch::none());
        let answer = match tokio::time::timeout(limit, asked).await {
            Err(_) => Err(Failure::Silent { call, what: "no answer in time".to_owned() }),
            Ok(answer) => answer,
        };
        if !matches!(answer, Err(Failure::Silent { .. })) {
            self.was_heard();
        }
        let result = answer.as_ref().map_or_else(Failure::kind, |_| "ok");
        tracing::debug!(discord.call = call, discord.result = result, "Discord was asked");
        metrics::counter!("kaas_discord_calls_total", "method" => call, "result" => result).increment(1);
        answer
    }

    async fn ask(&self, call: &'static str, request: Request<'_>) -> Result<Value, Failure> {
        let silent = |what: String| Failure::Silent { call, what };
        let answer = match &self.elsewhere {
            Some(url) => {
                let token = format!("Bot {}", self.token());
                let built = request.build(&self.client, &token, Some(url.as_str()));
                let built = built.map_err(|error| silent(format!("no request: {error}")))?;
                built.send().await.map_err(|error| silent(unsent(&error)))?
            }
            None => match self.http.request(request).await {
                Ok(answer) => answer,
                Err(serenity::Error::Http(HttpError::UnsuccessfulRequest(told))) => {
                    let (code, said) = (i64::try_from(told.error.code).unwrap_or(0), told.error.message);
                    return Err(refusal(call, told.status_code.as_u16(), code, &said, None));
                }
                Err(serenity::Error::Http(HttpError::Request(error))) => return Err(silent(unsent(&error))),
                Err(error) => return Err(silent(error.to_string())),
            },
        };
        let status = answer.status();
        let header = answer.headers().get("retry-after").and_then(|value| value.to_str().ok()?.parse::<f64>().ok());
        let text = answer.text().await.map_err(|error| silent(unsent(&error)))?;
        if status.is_success() && text.is_empty() {
            return Ok(Value::Null);
        }
        let body: Option<Value> = serde_json::from_str(&text).ok();
        if status.is_success() {
            return body.ok_or_else(|| silent("an answer that is no JSON".to_owned()));
        }
        let body = body.unwrap_or_default();
        let said = body["message"].as_str().unwrap_or_default();
        let wait = body["retry_after"].as_f64().or(header);
        Err(refusal(call, status.as_u16(), body["code"].as_i64().unwrap_or(0), said, wait))
    }
}

/// What an answer means that is none of success.
fn refusal(call: &'static str, status: u16, code: i64, said: &str, wait: Option<f64>) -> Failure {
    match status {
        429 => {
            let seconds = wait.filter(|wait| wait.is_finite()).unwrap_or(LIMITED).clamp(0.05, LIMITED_MAX);
            let wait = SignedDuration::try_from_secs_f64(seconds).unwrap_or(SignedDuration::from_secs(5));
            Failure::Limited { call, wait }
        }
        400..=499 if !matches!(status, 408 | 425) => {
            let said = said.chars().filter(|c| !c.is_control()).take(200).collect();
            Failure::Refused { call, status, code, said }
        }
        _ => Failure::Silent { call, what: format!("HTTP {status}") },
    }
}

/// Why nothing came back, without the address: it may hold the token of what somebody did.
fn unsent(error: &reqwest::Error) -> String {
    let what = match error {
        error if error.is_timeout() => "no answer in time",
        error if error.is_connect() => "no connection",
        _ => "the connection ended",
    };
    what.to_owned()
}

/// The name under which a file is sent.
pub(super) fn file_name(file: &Attachment) -> String {
    let name: String = file.name.chars().take(FILE_NAME_MAX).collect();
    if name.is_empty() { "file.txt".to_owned() } else { name }
}
