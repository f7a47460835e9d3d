//! HTTP to Rancher: one token, one address, bounded answers; what reads is tried again, what writes is not.

use std::sync::Arc;
use std::time::Duration;

use jiff::SignedDuration;
use reqwest::header::{ACCEPT, LOCATION, RETRY_AFTER};
use reqwest::{Method, Response, Url};
use secrecy::{ExposeSecret, SecretString};
use serde_json::Value;

use super::failure::{Failure, shown, words_of};
use crate::clock::SharedClock;

/// The largest answer that is read, in bytes: a page of a thousand clusters is about ten times smaller.
const BODY_MAX: usize = 32 << 20;
/// The most pages of one list.
const PAGES_MAX: usize = 100;
/// The longest wait that an answer may ask for.
const WAIT_MAX: i64 = 600;

/// How patient the client is.
#[derive(Debug, Clone, Copy)]
pub struct Patience {
    /// For a connection.
    pub connect: Duration,
    /// For a whole request.
    pub request: Duration,
    /// How often a read is tried in all.
    pub tries: u32,
    /// The wait before the second try; it doubles, and up to as much again is added by chance.
    pub wait: Duration,
}

impl Default for Patience {
    fn default() -> Self {
        Self {
            connect: Duration::from_secs(5),
            request: Duration::from_secs(30),
            tries: 3,
            wait: Duration::from_millis(200),
        }
    }
}

/// Rancher's HTTP interface.
pub(super) struct Client {
    http: reqwest::Client,
    base: Url,
    token: SecretString,
    patience: Patience,
    clock: SharedClock,
}

/// A request that may change something.
struct Write<'a> {
    method: Method,
    body: Option<&'a Value>,
    /// Whether it goes without the token: a login.
    open: bool,
}

impl Client {
    /// # Errors
    /// The address is none, or the CA is no certificate.
    pub fn new(
        url: &str,
        token: SecretString,
        ca: Option<&str>,
        patience: Patience,
        clock: SharedClock,
    ) -> anyhow::Result<Self> {
        let base = Url::parse(url).map_err(|fault| anyhow::anyhow!("Rancher's address: {fault}"))?;
        anyhow::ensure!(
            matches!(base.scheme(), "http" | "https"),
            "Rancher's address begins with neither http:// nor https://"
        );
        anyhow::ensure!(
            base.host().is_some() && base.username().is_empty() && base.password().is_none(),
            "Rancher's address is scheme, host and port alone"
        );
        anyhow::ensure!(
            base.path() == "/" && base.query().is_none() && base.fragment().is_none(),
            "Rancher's address is scheme, host and port alone"
        );
        // Whoever was first wins; a second installation changes nothing.
        let _ = rustls::crypto::ring::default_provider().install_default();
        let builder = reqwest::Client::builder()
            .user_agent(concat!("kaas/", env!("CARGO_PKG_VERSION")))
            .connect_timeout(patience.connect)
            .timeout(patience.request)
            .redirect(reqwest::redirect::Policy::none())
            .no_proxy();
        let builder = match ca {
            Some(pem) => {
                let certificates = reqwest::Certificate::from_pem_bundle(pem.as_bytes())?;
                anyhow::ensure!(!certificates.is_empty(), "Rancher's CA holds no certificate");
                builder.tls_certs_only(certificates)
            }
            // Without TLS the machine's certificates need not be loaded.
            None if base.scheme() == "http" => builder.tls_certs_only([]),
            None => builder,
        };
        Ok(Self { http: builder.build()?, base, token, patience, clock })
    }

    /// The address without a slash at its end.
    pub fn base(&self) -> &str {
        self.base.as_str().trim_end_matches('/')
    }

    /// Reads one object.
    pub async fn get(&self, path: &[&str], query: &[(&str, &str)]) -> Result<Value, Failure> {
        self.read(self.url(path, query)).await
    }

    /// Reads a whole list, page by page.
    pub async fn list(&self, path: &[&str], query: &[(&str, &str)]) -> Result<Vec<Value>, Failure> {
        let mut url = self.url(path, query);
        let mut all = Vec::new();
        for _ in 0..PAGES_MAX {
            let shown = url.path().to_owned();
            let mut page = self.read(url).await?;
            let strange = |what: &str| Failure::Strange { method: "GET", path: shown.clone(), what: what.to_owned() };
            match page["data"].take() {
                Value::Array(rows) => all.extend(rows),
                _ => return Err(strange("a list without rows")),
            }
            let paging = &page["pagination"];
            let Some(next) = paging["next"].as_str().filter(|_| paging["partial"] == true) else { return Ok(all) };
            let next = Url::parse(next).map_err(|_| strange("a next page without an address"))?;
            // Rancher writes its own idea of its address into links. The token goes only to the configured one.
            url = self.base.clone();
            url.set_path(next.path());
            url.set_query(next.query());
        }
        Err(Failure::Strange {
            method: "GET",
            path: self.url(path, &[]).path().to_owned(),
            what: "a list without end".to_owned(),
        })
    }

    /// Creates an object; never repeated here, for the first request may have arrived.
    pub async fn post(&self, path: &[&str], body: &Value) -> Result<Value, Failure> {
        self.once(self.url(path, &[]), Write { method: Method::POST, body: Some(body), open: false }).await
    }

    /// Does what Rancher calls an action of an object; never repeated.
    pub async fn act(&self, path: &[&str], action: &str, body: &Value) -> Result<Value, Failure> {
        self.once(self.url(path, &[("action", action)]), Write { method: Method::POST, body: Some(body), open: false })
            .await
    }

    /// Posts without a token.
    pub async fn post_open(&self, path: &[&str], body: &Value) -> Result<Value, Failure> {
        self.once(self.url(path, &[]), Write { method: Method::POST, body: Some(body), open: true }).await
    }

    /// Replaces an object; never repeated here.
    pub async fn put(&self, path: &[&str], body: &Value) -> Result<Value, Failure> {
        self.once(self.url(path, &[]), Write { method: Method::PUT, body: Some(body), open: false }).await
    }

    /// Deletes an object; never repeated here.
    pub async fn delete(&self, path: &[&str]) -> Result<Value, Failure> {
        self.once(self.url(path, &[]), Write { method: Method::DELETE, body: None, open: false }).await
    }

    /// The same Rancher, asked with another token.
    pub fn with_token(&self, token: SecretString) -> Self {
        let (http, base, clock) = (self.http.clone(), self.base.clone(), Arc::clone(&self.clock));
        Self { http, base, token, patience: self.patience, clock }
    }

    fn url(&self, path: &[&str], query: &[(&str, &str)]) -> Url {
        let mut url = self.base.clone();
        if let Ok(mut segments) = url.path_segments_mut() {
            segments.clear().extend(path);
        }
        if !query.is_empty() {
            url.query_pairs_mut().extend_pairs(query);
        }
        url
    }

    async fn read(&self, url: Url) -> Result<Value, Failure> {
        let mut wait = self.patience.wait;
        for _ in 1..self.patience.tries {
            match self.once(url.clone(), Write { method: Method::GET, body: None, open: false }).await {
                Err(failure) if failure.is_fleeting() => {
                    let by_chance = self.clock.id().bytes().fold(0u8, |sum, b| sum.wrapping_mul(31).wrapping_add(b));
                    tokio::time::sleep(wait + wait * u32::from(by_chance) / 256).await;
                    wait *= 2;
                }
                answer => return answer,
            }
        }
        self.once(url, Write { method: Method::GET, body: None, open: false }).await
    }

    async fn once(&self, url: Url, write: Write<'_>) -> Result<Value, Failure> {
        let path = url.path().to_owned();
        let method = match write.method {
            Method::POST => "POST",
            Method::PUT => "PUT",
            Method::DELETE => "DELETE",
            _ => "GET",
        };
        let silence =
            |source: reqwest::Error| Failure::Silence { method, path: path.clone(), source: source.without_url() };
        let mut request = self.http.request(write.method, url).header(ACCEPT, "application/json");
        if !write.open {
            request = request.bearer_auth(self.token.expose_secret());
        }
        if let Some(body) = write.body {
            request = request.json(body);
        }
        let mut response = request.send().await.map_err(silence)?;
        let status = response.status().as_u16();
        let wait = wait_of(&response);
        let strange = |what: String| Failure::Strange { method, path: path.clone(), what };
        let mut bytes = Vec::new();
        while let Some(chunk) = response.chunk().await.map_err(silence)? {
            if bytes.len() + chunk.len() > BODY_MAX {
                return Err(strange(format!("more than {BODY_MAX} bytes")));
            }
            bytes.extend_from_slice(&chunk);
        }
        if !(200..300).contains(&status) {
            let (code, message) = words_of(&bytes);
            let to = response.headers().get(LOCATION).and_then(|to| to.to_str().ok());
            let message = to.map_or(message, |to| format!("see {}", shown(to)));
            let message = self.without_token(&message);
            return Err(Failure::Status { method, path, status, code, message, wait });
        }
        if bytes.is_empty() && method != "GET" {
            return Ok(Value::Null);
        }
        serde_json::from_slice(&bytes).map_err(|_| strange(format!("something else than JSON: {}", words_of(&bytes).1)))
    }

    /// What may be shown: a proxy may repeat the request in its answer.
    fn without_token(&self, text: &str) -> String {
        let token = self.token.expose_secret();
        let secret = token.split_once(':').map_or(token, |(_, secret)| secret);
        if secret.is_empty() { text.to_owned() } else { text.replace(secret, "•••") }
    }
}

/// The wait that an answer asks for in seconds.
fn wait_of(response: &Response) -> Option<SignedDuration> {
    let seconds = response.headers().get(RETRY_AFTER)?.to_str().ok()?.trim().parse::<i64>().ok()?;
    (0..=WAIT_MAX).contains(&seconds).then(|| SignedDuration::from_secs(seconds))
}
