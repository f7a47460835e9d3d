//! Rancher over HTTP, asked in the order in which the real provider asks.
//!
//! Nothing is asked before the first resource needs it. Then `/ping`, the schemas of `/v3` and a setting; before the first
//! object of `/v1` the schemas found through `/k8s/clusters/local/v1`. The links in the schemas say where objects live.
//! The token is in no error text: what Rancher says is scrubbed of it.

use std::collections::BTreeMap;
use std::time::Duration;

use reqwest::{Method, StatusCode};
use secrecy::{ExposeSecret, SecretString};
use serde_json::Value as Json;
use tokio::sync::{Mutex, OnceCell, watch};

use super::poll::Poll;

/// How long one answer may take.
const REQUEST_TIMEOUT: Duration = Duration::from_secs(60);

/// How long a type of /v1 may be missing: the schemas of a standard user lag behind the first object of a type.
const SCHEMA_LAG: Duration = Duration::from_secs(10);

/// What the provider block and the environment say.
#[derive(Debug, Clone)]
pub struct Settings {
    /// Rancher's address, without a slash at its end.
    pub url: String,
    /// The bearer token.
    pub token: SecretString,
    /// Extra certificate authorities, PEM.
    pub ca_certs: String,
    /// Whether any certificate will do.
    pub insecure: bool,
    /// How long an unreachable Rancher is tried again.
    pub patience: Duration,
}

/// An answer that is no success, or none at all.
#[derive(Debug, thiserror::Error)]
pub enum Error {
    /// Rancher refused.
    #[error("Bad response statusCode [{}]. Status [{status}]. Body: [message={message}] from [{url}]", status.as_u16())]
    Status {
        /// The HTTP status.
        status: StatusCode,
        /// What Rancher said.
        message: String,
        /// Where.
        url: String,
    },
    /// Rancher was not reached.
    #[error("{url}: {text}")]
    Unreachable {
        /// Where.
        url: String,
        /// Why.
        text: String,
    },
    /// Rancher does not know the type, or does not show it to this token.
    #[error("Unknown schema type [{0}]")]
    UnknownType(String),
    /// terraform was interrupted.
    #[error("interrupted")]
    Stopped,
}

impl Error {
    fn is(&self, wanted: StatusCode) -> bool {
        matches!(self, Self::Status { status, .. } if *status == wanted)
    }

    /// Whether the object is gone. A forbidden one counts, as it does for the real provider: Rancher answers 403 for objects
    /// that are no more to everybody but an administrator.
    pub fn is_gone(&self) -> bool {
        self.is(StatusCode::NOT_FOUND) || self.is(StatusCode::FORBIDDEN)
    }

    /// Whether somebody else wrote in between.
    pub fn is_conflict(&self) -> bool {
        self.is(StatusCode::CONFLICT)
    }

    fn is_passing(&self) -> bool {
        match self {
            Self::Status { status, .. } => status.is_server_error(),
            Self::Unreachable { .. } => true,
            Self::UnknownType(_) | Self::Stopped => false,
        }
    }
}

/// An answer.
pub type Answer<T = Json> = Result<T, Error>;

/// Collection links by type.
type Links = BTreeMap<String, String>;

/// Rancher, as one provider process sees it.
pub struct Client {
    http: reqwest::Client,
    settings: Settings,
    stop: watch::Receiver<bool>,
    v3: OnceCell<Links>,
    v1: Mutex<Option<Links>>,
}

impl Client {
    /// A client that has not asked anything yet.
    ///
    /// # Errors
    /// Certificates that are none.
    pub fn new(settings: Settings, stop: watch::Receiver<bool>) -> anyhow::Result<Self> {
        let mut http = reqwest::Client::builder().timeout(REQUEST_TIMEOUT);
        if !settings.url.starts_with("https:") {
            // Reading the system's certificates takes longer than a whole plan over plain http.
            http = http.tls_certs_only([]);
        }
        if is_loopback(&settings.url) {
            // As the real provider: a proxy is never asked for this machine.
            http = http.no_proxy();
        }
        if !settings.ca_certs.is_empty() {
            let pem = settings.ca_certs.replace("\\n", "\n");
            http = http.tls_certs_merge(reqwest::Certificate::from_pem_bundle(pem.as_bytes())?);
        }
        if settings.insecure {
            http = http.tls_danger_accept_invalid_certs(true);
        }
        Ok(Self { http: http.build()?, settings, stop, v3: OnceCell::new(), v1: Mutex::new(None) })
    }

    /// A wait that ends when terraform is interrupted.
    pub fn poll(&self, limit: Duration) -> Poll {
        Poll::new(limit, self.stop.clone())
    }

    /// The address of a collection of `/v3`, such as `cluster`.
    pub async fn v3(&self, kind: &str) -> Answer<String> {
        let links = self.v3.get_or_try_init(|| self.preamble()).await?;
        links.get(&kind.to_lowercase()).cloned().ok_or_else(|| Error::UnknownType(kind.to_owned()))
    }

    /// The address of a collection of `/v1`, such as `provisioning.cattle.io.cluster`.
    pub async fn v1(&self, kind: &str) -> Answer<String> {
        self.v3.get_or_try_init(|| self.preamble()).await?;
        let mut poll = self.poll(SCHEMA_LAG);
        loop {
            let mut links = self.v1.lock().await;
            if links.is_none() {
                *links = Some(self.steve().await?);
            }
            if let Some(link) = links.as_ref().and_then(|links| links.get(kind)) {
                return Ok(link.clone());
            }
            *links = None;
            drop(links);
            if !poll.again().await? {
                return Err(Error::UnknownType(kind.to_owned()));
            }
        }
    }

    async fn preamble(&self) -> Answer<Links> {
        let base = &self.settings.url;
        self.ping().await?;
        let schemas = self.schemas(&format!("{base}/v3")).await?;
        if let Some(settings) = schemas.get("setting") {
            self.get(&format!("{settings}/k8s-version")).await?;
        }
        Ok(schemas)
    }

    async fn steve(&self) -> Answer<Links> {
        self.ping().await?;
        self.schemas(&format!("{}/k8s/clusters/local/v1", self.settings.url)).await
    }

    async fn ping(&self) -> Answer<()> {
        let url = format!("{}/ping", self.settings.url);
        let (_, body) = self.patiently(Method::GET, &url, None).await?;
        if body.trim_ascii() == b"pong" {
            return Ok(());
        }
        Err(Error::Unreachable { url, text: "what answers there is not Rancher: it does not say pong".to_owned() })
    }

    async fn schemas(&self, root: &str) -> Answer<Links> {
        let (headers, _) = self.patiently(Method::GET, root, None).await?;
        let from = headers.get("X-API-Schemas").and_then(|value| value.to_str().ok()).map(str::to_owned);
        let from = from.unwrap_or_else(|| format!("{root}/schemas"));
        let schemas = self.get(&from).await?;
        let link = |schema: &Json| {
            Some((schema["id"].as_str()?.to_owned(), schema["links"]["collection"].as_str()?.to_owned()))
        };
        let links = schemas["data"].as_array().map(Vec::as_slice).unwrap_or_default().iter().filter_map(link);
        // Types of /v3 are camel-cased in one answer and lower-cased in the other.
        Ok(links.map(|(id, link)| (id.to_lowercase(), link)).collect())
    }

    /// Reads an object.
    pub async fn get(&self, url: &str) -> Answer {
        let (_, body) = self.patiently(Method::GET, url, None).await?;
        parsed(url, &body)
    }

    /// Creates an object, or does an action. Never repeated: Rancher may have done it although no answer came.
    pub async fn post(&self, url: &str, body: &Json) -> Answer {
        let (_, body) = self.once(Method::POST, url, Some(body)).await?;
        parsed(url, &body)
    }

    /// Replaces an object.
    pub async fn put(&self, url: &str, body: &Json) -> Answer {
        let (_, body) = self.patiently(Method::PUT, url, Some(body)).await?;
        parsed(url, &body)
    }

    /// Deletes an object.
    pub async fn delete(&self, url: &str) -> Answer<()> {
        self.patiently(Method::DELETE, url, None).await.map(drop)
    }

    /// Whether something answers there with success.
    pub async fn probe(&self, url: &str) -> bool {
        self.once(Method::GET, url, None).await.is_ok()
    }

    async fn patiently(
        &self,
        method: Method,
        url: &str,
        body: Option<&Json>,
    ) -> Answer<(reqwest::header::HeaderMap, Vec<u8>)> {
        let mut poll = self.poll(self.settings.patience);
        loop {
            match self.once(method.clone(), url, body).await {
                Err(error) if error.is_passing() => {
                    if !poll.again().await? {
                        return Err(error);
                    }
                }
                answer => return answer,
            }
        }
    }

    async fn once(
        &self,
        method: Method,
        url: &str,
        body: Option<&Json>,
    ) -> Answer<(reqwest::header::HeaderMap, Vec<u8>)> {
        let only_asks = method == Method::GET;
        let mut request = self.http.request(method, url).bearer_auth(self.settings.token.expose_secret());
        if let Some(body) = body {
            request = request.json(body);
        }
        let mut stop = self.stop.clone();
        let answer = tokio::select! {
            answer = request.send() => answer,
            // A question may go unanswered; what changes something is waited for, else nobody knew what exists.
            _ = stop.wait_for(|stop| *stop), if only_asks => return Err(Error::Stopped),
        };
        let unreachable = |error: reqwest::Error| {
            let text = self.scrub(&chain(&error.without_url()));
            Error::Unreachable { url: url.to_owned(), text }
        };
        let answer = answer.map_err(unreachable)?;
        let (status, headers) = (answer.status(), answer.headers().clone());
        let bytes = answer.bytes().await.map_err(unreachable)?.to_vec();
        if status.is_success() {
            return Ok((headers, bytes));
        }
        let said = serde_json::from_slice::<Json>(&bytes).unwrap_or_default();
        let message = said["message"]
            .as_str()
            .or(said["detail"].as_str())
            .map_or_else(|| String::from_utf8_lossy(&bytes[..bytes.len().min(500)]).into_owned(), str::to_owned);
        Err(Error::Status { status, message: self.scrub(&message), url: url.to_owned() })
    }

    /// The text without the token and without its secret half.
    fn scrub(&self, text: &str) -> String {
        let token = self.settings.token.expose_secret();
        let secret = token.split_once(':').map_or(token, |(_, secret)| secret);
        [token, secret]
            .iter()
            .filter(|part| part.len() > 3)
            .fold(text.to_owned(), |text, part| text.replace(part, "***"))
    }
}

fn parsed(url: &str, body: &[u8]) -> Answer {
    if body.trim_ascii().is_empty() {
        return Ok(Json::Null);
    }
    serde_json::from_slice(body)
        .map_err(|error| Error::Unreachable { url: url.to_owned(), text: format!("the answer is no JSON: {error}") })
}

fn is_loopback(url: &str) -> bool {
    let Ok(url) = reqwest::Url::parse(url) else { return false };
    let host = url.host_str().unwrap_or_default().trim_matches(['[', ']']);
    host == "localhost" || host.parse::<std::net::IpAddr>().is_ok_and(|address| address.is_loopback())
}

fn chain(error: &dyn std::error::Error) -> String {
    let mut text = error.to_string();
    let mut source = error.source();
    while let Some(error) = source {
        text = format!("{text}: {error}");
        source = error.source();
    }
    text
}

#[cfg(test)]
mod tests {
    use std::sync::atomic::{AtomicUsize, Ordering};

    use axum::Router;
    use axum::http::HeaderMap;
    use axum::routing::any;
    use serde_json::json;

    use super::*;

    const TOKEN: &str = "token-abcde:secretsecret";

    async fn served(router: Router) -> (Client, String, watch::Sender<bool>) {
        // main does this for the binary; an earlier test may have done it here.
        let _ = rustls::crypto::ring::default_provider().install_default();
        let listener = tokio::net::TcpListener::bind("127.0.0.1:0").await.unwrap();
        let url = format!("http://{}", listener.local_addr().unwrap());
        tokio::spawn(async move { axum::serve(listener, router).await.unwrap() });
        let settings = Settings {
            url: url.clone(),
            token: SecretString::from(TOKEN),
            ca_certs: String::new(),
            insecure: false,
            patience: Duration::from_secs(20),
        };
        let (stopper, stop) = watch::channel(false);
        (Client::new(settings, stop).unwrap(), url, stopper)
    }

    #[tokio::test]
    async fn an_answer_that_repeats_the_token_is_scrubbed() {
        let echo = |headers: HeaderMap| async move {
            let told = headers["authorization"].to_str().unwrap().to_owned();
            (StatusCode::FORBIDDEN, axum::Json(json!({ "message": format!("no: {told}") })))
        };
        let (client, url, _stopper) = served(Router::new().fallback(any(echo))).await;
        let error = client.get(&url).await.unwrap_err();
        assert!(error.is_gone());
        assert!(error.to_string().contains("no: Bearer ***"), "{error}");
        assert!(!error.to_string().contains("secretsecret"), "{error}");
    }

    #[tokio::test]
    async fn a_question_is_asked_again_and_a_creation_is_not() {
        static ASKED: AtomicUsize = AtomicUsize::new(0);
        let shaky = || async {
            match ASKED.fetch_add(1, Ordering::SeqCst) {
                0 | 1 => Err(StatusCode::SERVICE_UNAVAILABLE),
                _ => Ok(axum::Json(json!({ "id": "x" }))),
            }
        };
        let (client, url, _stopper) = served(Router::new().fallback(any(shaky))).await;
        assert_eq!(client.get(&url).await.unwrap()["id"], "x");
        assert_eq!(ASKED.load(Ordering::SeqCst), 3);
        ASKED.store(0, Ordering::SeqCst);
        assert!(client.post(&url, &json!({})).await.is_err());
        assert_eq!(ASKED.load(Ordering::SeqCst), 1);
    }

    #[tokio::test]
    async fn a_type_that_is_not_shown_yet_is_looked_for_again() {
        static LOOKED: AtomicUsize = AtomicUsize::new(0);
        let schemas = || async {
            let shown = LOOKED.fetch_add(1, Ordering::SeqCst) > 1;
            let schema = json!({ "id": "a.type", "links": { "collection": "http://there/v1/a.types" } });
            axum::Json(json!({ "data": if shown { vec![schema] } else { vec![] } }))
        };
        let router = Router::new()
            .route("/ping", any(|| async { "pong" }))
            .route("/k8s/clusters/local/v1/schemas", any(schemas))
            .fallback(any(|| async { axum::Json(json!({})) }));
        let (client, _url, _stopper) = served(router).await;
        assert_eq!(client.v1("a.type").await.unwrap(), "http://there/v1/a.types");
        assert_eq!(LOOKED.load(Ordering::SeqCst), 3);
        // From then on it is known.
        client.v1("a.type").await.unwrap();
        assert_eq!(LOOKED.load(Ordering::SeqCst), 3);
    }

    #[tokio::test]
    async fn an_interrupt_ends_questions_and_lets_creations_finish() {
        let slow = || async {
            tokio::time::sleep(Duration::from_millis(500)).await;
            axum::Json(json!({ "id": "made" }))
        };
        let (client, url, stopper) = served(Router::new().fallback(any(slow))).await;
        stopper.send(true).unwrap();
        assert!(matches!(client.get(&url).await, Err(Error::Stopped)));
        assert_eq!(client.post(&url, &json!({})).await.unwrap()["id"], "made");
    }

    #[test]
    fn only_this_machine_is_asked_without_a_proxy() {
        for here in ["http://127.0.0.1:80", "http://localhost", "http://[::1]:8080/x"] {
            assert!(is_loopback(here), "{here}");
        }
        for elsewhere in ["https://rancher.example.com", "http://127.example.com", "nonsense"] {
            assert!(!is_loopback(elsewhere), "{elsewhere}");
        }
    }
}
