//! Calls to GitHub's REST interface: octocrab for authentication and transport, own small structs for what comes back.
//!
//! What reads is tried again, what writes is not: a write that was not answered is looked at by whoever made it. No call is made while GitHub asks for
//! silence.

use std::sync::Mutex;
use std::sync::atomic::{AtomicU32, Ordering};
use std::time::Duration;

use anyhow::{Context, anyhow};
use http::{HeaderMap, Method, Uri, header};
use http_body_util::{BodyExt, Limited};
use jiff::{SignedDuration, Timestamp};
use octocrab::Octocrab;
use octocrab::models::{AppId, InstallationId};
use secrecy::{ExposeSecret, SecretString};
use serde::de::DeserializeOwned;
use serde_json::Value;

use super::failure::{Endpoint, Failure};
use super::{Auth, Patience};
use crate::clock::{LastHeard, SharedClock};

/// The largest answer that is read, in bytes.
const BODY_MAX: usize = 32 << 20;
/// The most pages of one list, of a hundred entries each.
const PAGES_MAX: usize = 50;
/// How many calls in a row may fail before kaas calls itself not ready.
const FAILURES_MAX: u32 = 3;
/// How long a token for git has to be good for, so that it outlives the fetch.
const TOKEN_BUFFER: chrono::Duration = chrono::Duration::minutes(5);

/// How long a token has to be good for when a call is made with it. octocrab renews one that has 30 s left, for each call by itself.
const CALL_BUFFER: chrono::Duration = chrono::Duration::minutes(1);

/// The exchange of an App's key for a token.
pub(super) const TOKEN: Endpoint =
    Endpoint { name: "app/token", does: "act as the App's installation", needs: "an installation of the App" };

/// GitHub, as one App's installation or one token sees it.
pub(super) struct Api {
    crab: Octocrab,
    /// The App itself, which may read who it is.
    app: Option<(Octocrab, u64)>,
    /// The token, where it is not one of an installation.
    token: Option<SecretString>,
    /// Whoever needs a token while one is made waits for that.
    minting: tokio::sync::Mutex<()>,
    repository: String,
    patience: Patience,
    clock: SharedClock,
    /// When GitHub was last heard of.
    heard: LastHeard,
    /// How many calls in a row had no good answer.
    failures: AtomicU32,
    /// Until when GitHub wants no calls.
    silence: Mutex<Option<Timestamp>>,
}

/// A successful answer.
struct Reply {
    headers: HeaderMap,
    body: Vec<u8>,
}

impl Api {
    /// # Errors
    /// The address is none, or the key no RSA key.
    pub fn new(
        url: &str,
        (owner, repository): (&str, &str),
        auth: &Auth,
        patience: Patience,
        clock: SharedClock,
    ) -> anyhow::Result<Self> {
        // Whoever was first wins; a second installation changes nothing.
        let _ = rustls::crypto::ring::default_provider().install_default();
        let url = url.trim_end_matches('/');
        let builder = Octocrab::builder()
            .base_uri(url)
            .and_then(|builder| builder.upload_uri(url))
            .with_context(|| format!("GitHub's address {url}"))?
            .set_connect_timeout(Some(patience.connect))
            .set_read_timeout(Some(patience.request))
            .set_write_timeout(Some(patience.request))
            .add_header(header::ACCEPT, "application/vnd.github+json".to_owned());
        let (crab, app, token) = match auth {
            Auth::App { app_id, installation_id, key_pem } => {
                let app = builder
                    .app_from_rsa_pem(AppId(*app_id), key_pem.expose_secret())
                    .map_err(|_| anyhow!("the GitHub App's private key is no RSA key in PEM"))?
                    .build()?;
                let crab = app
                    .installation_builder(InstallationId(*installation_id))
                    .repositories(vec![repository.to_owned()])
                    .build()?;
                (crab, Some((app, *installation_id)), None)
            }
            Auth::Token(token) => {
                let text = token.expose_secret();
                let plain = !text.is_empty() && text.bytes().all(|b| b.is_ascii_graphic());
                anyhow::ensure!(plain, "the GitHub token holds characters that no token has");
                (builder.build()?.user_access_token(token.clone())?, None, Some(token.clone()))
            }
        };
        Ok(Self {
            crab,
            app,
            token,
            minting: tokio::sync::Mutex::default(),
            repository: format!("/repos/{owner}/{repository}"),
            patience,
            clock,
            heard: LastHeard::default(),
            failures: AtomicU32::new(0),
            silence: Mutex::new(None),
        })
    }

    /// A token for git, good for some minutes.
    pub async fn git_token(&self) -> Result<SecretString, Failure> {
        if let Some(token) = &self.token {
            return Ok(token.clone());
        }
        self.minted(TOKEN_BUFFER).await
    }

    /// The installation's token, good for so long: the one that is there, or a new one.
    async fn minted(&self, buffer: chrono::Duration) -> Result<SecretString, Failure> {
        let _turn = self.minting.lock().await;
        self.in_silence(&TOKEN)?;
        let minted = self.crab.installation_token_with_buffer(buffer);
        match tokio::time::timeout(self.patience.request, minted).await {
            Ok(Ok(token)) => Ok(token),
            Ok(Err(error)) => Err(self.noted(&TOKEN, Failure::of_client(&TOKEN, false, error, self.clock.now()))),
            Err(slow) => {
                Err(self.noted(&TOKEN, Failure::Silent { endpoint: &TOKEN, write: false, source: slow.into() }))
            }
        }
    }

    /// The installation's number, where kaas is an App.
    pub fn installation(&self) -> Option<u64> {
        self.app.as_ref().map(|(_, installation)| *installation)
    }

    /// How long ago GitHub was last heard of.
    pub fn heard_ago(&self) -> Option<u64> {
        self.heard.seconds_ago(self.clock.now())
    }

    /// Whether the last calls were answered.
    pub fn is_ready(&self) -> bool {
        self.failures.load(Ordering::Relaxed) < FAILURES_MAX && self.silence_left().is_none()
    }

    /// Reads one thing. A path that begins with a slash is not one of the repository's.
    pub async fn get<T: DeserializeOwned>(&self, endpoint: &'static Endpoint, path: &str) -> Result<T, Failure> {
        let reply = self.read(&self.crab, endpoint, path).await?;
        parsed(endpoint, false, &reply.body)
    }

    /// Reads one thing that need not be there.
    pub async fn find<T: DeserializeOwned>(
        &self,
        endpoint: &'static Endpoint,
        path: &str,
    ) -> Result<Option<T>, Failure> {
        match self.get(endpoint, path).await {
            Ok(found) => Ok(Some(found)),
            Err(failure) if matches!(failure.refused(), Some((404, _))) => Ok(None),
            Err(failure) => Err(failure),
        }
    }

    /// Reads one thing as the App itself.
    pub async fn get_as_app<T: DeserializeOwned>(&self, endpoint: &'static Endpoint, path: &str) -> Result<T, Failure> {
        let crab = self.app.as_ref().map_or(&self.crab, |(app, _)| app);
        let reply = self.read(crab, endpoint, path).await?;
        parsed(endpoint, false, &reply.body)
    }

    /// Reads a whole list, page by page. The next page's host is not asked for: octocrab would send it no credentials.
    pub async fn list<T: DeserializeOwned>(&self, endpoint: &'static Endpoint, path: &str) -> Result<Vec<T>, Failure> {
        let (mut all, mut next) = (Vec::new(), Some(path.to_owned()));
        for _ in 0..PAGES_MAX {
            let Some(path) = next.take() else { return Ok(all) };
            let reply = self.read(&self.crab, endpoint, &path).await?;
            let page: Vec<T> = parsed(endpoint, false, &reply.body)?;
            all.extend(page);
            next = next_page(&reply.headers);
        }
        match next {
            None => Ok(all),
            Some(_) => Err(Failure::Strange { endpoint, write: false, what: format!("more than {PAGES_MAX} pages") }),
        }
    }

    /// Writes, once.
    pub async fn write<T: DeserializeOwned>(
        &self,
        endpoint: &'static Endpoint,
        method: Method,
        path: &str,
        body: &Value,
    ) -> Result<T, Failure> {
        let body = (!body.is_null()).then_some(body);
        let reply = self.once(&self.crab, endpoint, method, path, body).await?;
        parsed(endpoint, true, &reply.body)
    }

    /// Reads, and tries again where that may help.
    async fn read(&self, crab: &Octocrab, endpoint: &'static Endpoint, path: &str) -> Result<Reply, Failure> {
        let mut wait = self.patience.wait;
        for _ in 1..self.patience.tries {
            match self.once(crab, endpoint, Method::GET, path, None).await {
                Err(failure) if failure.is_hiccup() => tokio::time::sleep(wait).await,
                answer => return answer,
            }
            wait *= 2;
        }
        self.once(crab, endpoint, Method::GET, path, None).await
    }

    async fn once(
        &self,
        crab: &Octocrab,
        endpoint: &'static Endpoint,
        method: Method,
        path: &str,
        body: Option<&Value>,
    ) -> Result<Reply, Failure> {
        self.in_silence(endpoint)?;
        if self.app.is_some() && std::ptr::eq(crab, &self.crab) {
            self.minted(CALL_BUFFER).await?;
        }
        let write = method != Method::GET;
        let path = if path.starts_with('/') { path.to_owned() } else { format!("{}/{path}", self.repository) };
        let path = path.trim_end_matches('/');
        let asked = async {
            let request = crab.build_request(http::Request::builder().method(method).uri(path), body)?;
            crab.execute(request).await
        };
        let limit = tokio::time::sleep(self.patience.request);
        tokio::pin!(limit);
        let answer = tokio::select! {
            answer = asked => answer.map_err(|error| Failure::of_client(endpoint, write, error, self.clock.now())),
            () = &mut limit => Err(slow(endpoint, write, self.patience.request)),
        };
        let response = answer.map_err(|failure| self.noted(endpoint, failure))?;
        let (head, body) = response.into_parts();
        let silent = |source: anyhow::Error| Failure::Silent { endpoint, write, source };
        let read = tokio::select! {
            read = Limited::new(body, BODY_MAX).collect() => read.map_err(|fault| silent(anyhow!(fault))),
            () = &mut limit => Err(slow(endpoint, write, self.patience.request)),
        };
        let body = read.map_err(|failure| self.noted(endpoint, failure))?.to_bytes().to_vec();
        if head.status.is_success() {
            self.heard(endpoint, "ok");
            return Ok(Reply { headers: head.headers, body });
        }
        let header = |name: &str| head.headers.get(name).and_then(|value| value.to_str().ok()).map(str::to_owned);
        let failure = Failure::of_answer(endpoint, write, head.status.as_u16(), &header, &body, self.clock.now());
        Err(self.noted(endpoint, failure))
    }

    /// Refuses a call that GitHub has asked kaas not to make yet.
    fn in_silence(&self, endpoint: &'static Endpoint) -> Result<(), Failure> {
        match self.silence_left() {
            Some(wait) => Err(Failure::Limited { endpoint, wait, words: "not asked: GitHub wants silence".to_owned() }),
            None => Ok(()),
        }
    }

    fn silence_left(&self) -> Option<SignedDuration> {
        let until = *self.silence.lock().unwrap_or_else(std::sync::PoisonError::into_inner);
        let left = until?.duration_since(self.clock.now());
        (left > SignedDuration::ZERO).then_some(left)
    }

    /// Notes a failure for health and metrics.
    fn noted(&self, endpoint: &Endpoint, failure: Failure) -> Failure {
        let result = match &failure {
            Failure::Refused { status: 401, .. } => "unauthorised",
            Failure::Refused { .. } => {
                self.heard(endpoint, "refused");
                return failure;
            }
            Failure::Limited { wait, .. } => {
                let until = self.clock.now().saturating_add(*wait).unwrap_or(Timestamp::MAX);
                *self.silence.lock().unwrap_or_else(std::sync::PoisonError::into_inner) = Some(until);
                "limited"
            }
            Failure::Broken { .. } => "broken",
            Failure::Silent { .. } => "silent",
            Failure::Strange { .. } => "strange",
        };
        self.failures.fetch_add(1, Ordering::Relaxed);
        counted(endpoint, result);
        failure
    }

    fn heard(&self, endpoint: &Endpoint, result: &'static str) {
        self.heard.hear(self.clock.now());
        self.failures.store(0, Ordering::Relaxed);
        counted(endpoint, result);
    }
}

fn counted(endpoint: &Endpoint, result: &'static str) {
    tracing::debug!(github.call = endpoint.name, github.result = result, "GitHub was asked");
    metrics::counter!("kaas_github_calls_total", "endpoint" => endpoint.name, "result" => result).increment(1);
}

fn slow(endpoint: &'static Endpoint, write: bool, limit: Duration) -> Failure {
    Failure::Silent { endpoint, write, source: anyhow!("nothing within {} s", limit.as_secs()) }
}

fn parsed<T: DeserializeOwned>(endpoint: &'static Endpoint, write: bool, body: &[u8]) -> Result<T, Failure> {
    let body = if body.trim_ascii().is_empty() { b"null" } else { body };
    serde_json::from_slice(body).map_err(|fault| Failure::Strange { endpoint, write, what: fault.to_string() })
}

/// Path and query of the next page, out of the header `Link`.
fn next_page(headers: &HeaderMap) -> Option<String> {
    let links = headers.get_all(header::LINK).iter().filter_map(|value| value.to_str().ok());
    let next = links.flat_map(|value| value.split(',')).find(|link| {
        let mut params = link.split(';').skip(1).map(str::trim);
        params.any(|param| matches!(param, "rel=\"next\"" | "rel=next"))
    })?;
    let url: Uri = next.split_once('<')?.1.split_once('>')?.0.parse().ok()?;
    url.path_and_query().map(|path| path.as_str().to_owned())
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn the_next_page_is_a_path() {
        let page = |link: &str| {
            let mut headers = HeaderMap::new();
            headers.insert(header::LINK, link.parse().expect("a header"));
            next_page(&headers)
        };
        let both = r#"<https://ghe.example/api/v3/repositories/1/pulls?page=1>; rel="prev", <https://ghe.example/api/v3/repositories/1/pulls?per_page=100&page=3>; rel="next""#;
        assert_eq!(page(both).as_deref(), Some("/api/v3/repositories/1/pulls?per_page=100&page=3"));
        assert_eq!(page(r#"<https://ghe.example/x?page=1>; rel="last""#), None);
        assert_eq!(page("nonsense; rel=\"next\""), None);
        assert_eq!(next_page(&HeaderMap::new()), None);
    }
}
