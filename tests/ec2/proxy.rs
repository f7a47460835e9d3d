//! Stands before moto: gives a test an account of its own, writes down every call, and makes the trouble that is asked for.

use std::sync::{Arc, Mutex};
use std::time::Duration;

use axum::Router;
use axum::body::{Body, to_bytes};
use axum::extract::{Request, State};
use axum::http::{HeaderMap, StatusCode};
use axum::response::{IntoResponse as _, Response};

/// Trouble.
#[derive(Debug, Clone)]
pub enum Trouble {
    /// Another answer: status, content type, body.
    Answer(u16, &'static str, String),
    /// No answer for so long.
    Silence(Duration),
}

impl Trouble {
    /// The right is missing, as EC2 says it.
    pub fn denied() -> Self {
        Self::xml(403, "UnauthorizedOperation")
    }

    /// Too many calls, as EC2 says it.
    pub fn throttled() -> Self {
        Self::xml(503, "RequestLimitExceeded")
    }

    /// A page for people.
    pub fn html() -> Self {
        Self::Answer(500, "text/html", "<html><body><h1>Internal Server Error</h1></body></html>".to_owned())
    }

    /// An error of EC2.
    pub fn xml(status: u16, code: &str) -> Self {
        let arn = "arn:aws:iam::123456789012:user/secret-name";
        let error = format!("<Error><Code>{code}</Code><Message>{arn} may not</Message></Error>");
        let body =
            format!("<?xml version=\"1.0\"?><Response><Errors>{error}</Errors><RequestID>r</RequestID></Response>");
        Self::Answer(status, "text/xml", body)
    }

    /// An answer in JSON.
    pub fn json(status: u16, body: &serde_json::Value) -> Self {
        Self::Answer(status, "application/x-amz-json-1.1", body.to_string())
    }
}

struct Rule {
    call: &'static str,
    trouble: Trouble,
    /// How many calls pass before.
    after: u32,
    /// How often yet; `None` is always.
    times: Option<u32>,
}

struct Inner {
    http: reqwest::Client,
    account: String,
    rules: Mutex<Vec<Rule>>,
    calls: Mutex<Vec<String>>,
    /// Whether every list has two pages, and how many rows a page has at most.
    paging: Mutex<(bool, Option<u32>)>,
}

/// The proxy.
#[derive(Clone)]
pub struct Proxy {
    inner: Arc<Inner>,
    /// Its address: `http://127.0.0.1:4711`.
    pub url: String,
}

impl Proxy {
    /// Starts one for an account of twelve digits.
    pub async fn start(account: String) -> Self {
        let inner = Arc::new(Inner {
            http: http(),
            account,
            rules: Mutex::default(),
            calls: Mutex::default(),
            paging: Mutex::default(),
        });
        let listener = tokio::net::TcpListener::bind("127.0.0.1:0").await.unwrap();
        let url = format!("http://{}", listener.local_addr().unwrap());
        let app = Router::new().fallback(pass).with_state(inner.clone());
        tokio::spawn(async move { axum::serve(listener, app).await });
        Self { inner, url }
    }

    /// Makes trouble for a call from now on; `times` is how often.
    pub fn trouble(&self, call: &'static str, trouble: Trouble, times: Option<u32>) {
        self.inner.rules.lock().unwrap().push(Rule { call, trouble, after: 0, times });
    }

    /// Makes trouble for a call once so many have passed.
    pub fn trouble_after(&self, call: &'static str, after: u32, trouble: Trouble) {
        self.inner.rules.lock().unwrap().push(Rule { call, trouble, after, times: None });
    }

    /// Whether every list has two equal pages from now on, and how many rows a page of moto has at most.
    pub fn pages(&self, twofold: bool, rows: Option<u32>) {
        *self.inner.paging.lock().unwrap() = (twofold, rows);
    }

    /// No trouble any more.
    pub fn calm(&self) {
        self.inner.rules.lock().unwrap().clear();
    }

    /// What was asked since the last time: `ec2:DescribeInstances`.
    pub fn calls(&self) -> Vec<String> {
        std::mem::take(&mut *self.inner.calls.lock().unwrap())
    }
}

/// A client for this machine alone.
pub fn http() -> reqwest::Client {
    // Whoever was first wins; a second installation changes nothing.
    let _ = rustls::crypto::ring::default_provider().install_default();
    reqwest::Client::builder().no_proxy().tls_certs_only([]).build().unwrap()
}

async fn pass(State(proxy): State<Arc<Inner>>, request: Request) -> Response {
    let (head, body) = request.into_parts();
    let body = to_bytes(body, 64 << 20).await.unwrap();
    let text = String::from_utf8_lossy(&body).into_owned();
    let call = call(&head.headers, &text);
    proxy.calls.lock().unwrap().push(format!("{}:{call}", service(&head.headers)));
    let trouble = {
        let mut rules = proxy.rules.lock().unwrap();
        let rule = rules.iter_mut().find(|rule| (rule.call == call || rule.call == "*") && rule.times != Some(0));
        rule.and_then(|rule| {
            if rule.after > 0 {
                rule.after -= 1;
                return None;
            }
            rule.times = rule.times.map(|times| times - 1);
            Some(rule.trouble.clone())
        })
    };
    match trouble {
        Some(Trouble::Silence(wait)) => tokio::time::sleep(wait).await,
        Some(Trouble::Answer(status, kind, body)) => {
            return (StatusCode::from_u16(status).unwrap(), [("content-type", kind)], body).into_response();
        }
        None => {}
    }
    let (twofold, pages) = *proxy.paging.lock().unwrap();
    let second = text.contains("page-two");
    let text =
        text.replace("&NextToken=page-two", "").replace("\"PaginationToken\":\"page-two\"", "\"PaginationToken\":\"\"");
    let body = for_moto(&call, text, pages);
    let url = format!("http://{}{}", super::moto::address(), head.uri);
    let mut onward = proxy.http.request(head.method, url).header("x-moto-account-id", &proxy.account).body(body);
    for (name, value) in head.headers.iter().filter(|(name, _)| !["content-length", "host"].contains(&name.as_str())) {
        onward = onward.header(name, value);
    }
    let answer = onward.send().await.unwrap();
    let (status, headers) = (answer.status(), answer.headers().clone());
    let bytes = answer.bytes().await.unwrap();
    let kind = headers.get("content-type").and_then(|kind| kind.to_str().ok()).unwrap_or_default();
    let kind = if call == "GetResources" { "json" } else { kind };
    let bytes = match twofold && status.is_success() {
        true => twice(kind, std::str::from_utf8(&bytes).unwrap(), second).into(),
        false => bytes,
    };
    let mut response = Response::new(Body::from(bytes));
    *response.status_mut() = status;
    let kept = headers
        .iter()
        .filter(|(name, _)| !["content-length", "transfer-encoding", "connection"].contains(&name.as_str()));
    kept.for_each(|(name, value)| _ = response.headers_mut().insert(name, value.clone()));
    response
}

/// `DescribeInstances`, of a form; `GetResources`, of `X-Amz-Target`.
fn call(headers: &HeaderMap, body: &str) -> String {
    let target = headers.get("x-amz-target").and_then(|target| target.to_str().ok());
    let form = body.split('&').find_map(|pair| pair.strip_prefix("Action="));
    target.and_then(|target| target.rsplit('.').next()).or(form).unwrap_or_default().to_owned()
}

/// The service that a call is signed for.
fn service(headers: &HeaderMap) -> String {
    let signed = headers.get("authorization").and_then(|value| value.to_str().ok()).unwrap_or_default();
    signed.split('/').nth(3).unwrap_or_default().to_owned()
}

/// Filters that moto does not know (HTTP 500), or takes for something else than EC2 does: `tag-key` has to hold all of a row's tags, or all of the filter's.
/// kaas looks at each row besides, so that without them the answer is longer and the outcome the same.
const UNKNOWN: [(&str, &str); 2] = [("DescribeNetworkInterfaces", "status"), ("DescribeSnapshots", "tag-key")];

fn for_moto(call: &str, form: String, pages: Option<u32>) -> String {
    let mut pairs: Vec<String> = form.split('&').map(str::to_owned).collect();
    for (_, filter) in UNKNOWN.iter().filter(|(of, _)| *of == call) {
        let number =
            pairs.iter().find_map(|pair| pair.strip_suffix(&format!(".Name={filter}"))).map(|n| format!("{n}."));
        pairs.retain(|pair| number.as_ref().is_none_or(|number| !pair.starts_with(number.as_str())));
    }
    if let Some(rows) = pages {
        pairs
            .iter_mut()
            .filter(|pair| pair.starts_with("MaxResults="))
            .for_each(|pair| *pair = format!("MaxResults={rows}"));
    }
    pairs.join("&")
}

/// The second page of everything is the first one once more: the answer to the first call gets a token, and the second call loses it.
fn twice(kind: &str, body: &str, second: bool) -> String {
    if second {
        return body.to_owned();
    }
    if kind.contains("json") {
        let mut answer: serde_json::Value = serde_json::from_str(body).unwrap();
        answer["PaginationToken"] = "page-two".into();
        return answer.to_string();
    }
    let end = body.rfind("</").unwrap();
    format!("{}<nextToken>page-two</nextToken>{}", &body[..end], &body[end..])
}
