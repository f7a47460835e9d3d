//! What the fake does and refuses, seen over the wire: real HTTP, real git.

mod contract;
mod git;
mod hooks;
mod rest;

use std::sync::{Arc, Mutex};

use axum::body::Bytes;
use axum::extract::State;
use axum::http::HeaderMap;
use jsonwebtoken::{Algorithm, EncodingKey, Header};
use serde_json::{Value, json};

use super::*;

/// A client with one token.
struct Client {
    http: reqwest::Client,
    api: String,
    token: String,
}

/// A status, its `Link`, and the body.
struct Reply {
    status: u16,
    link: Option<String>,
    body: Value,
}

impl Client {
    fn new(fake: &FakeGitHub, token: &str) -> Self {
        let http = reqwest::Client::builder().no_proxy().user_agent("test").build().expect("a client");
        Self { http, api: format!("{}/repos/acme/clusters", fake.api_url()), token: token.to_owned() }
    }

    async fn call(&self, method: &str, path: &str, body: Value) -> Reply {
        self.try_call(method, path, body).await.expect("an answer")
    }

    async fn try_call(&self, method: &str, path: &str, body: Value) -> reqwest::Result<Reply> {
        let url = if path.starts_with("http") { path.to_owned() } else { format!("{}{path}", self.api) };
        let mut request = self.http.request(method.parse().expect("a method"), url);
        if !self.token.is_empty() {
            request = request.bearer_auth(&self.token);
        }
        if !body.is_null() {
            request = request.json(&body);
        }
        let response = request.send().await?;
        let link = response.headers().get("link").and_then(|link| link.to_str().ok()).map(str::to_owned);
        let status = response.status().as_u16();
        let text = response.text().await?;
        Ok(Reply { status, link, body: serde_json::from_str(&text).unwrap_or(Value::Null) })
    }

    async fn get(&self, path: &str) -> Reply {
        self.call("GET", path, Value::Null).await
    }

    async fn post(&self, path: &str, body: Value) -> Reply {
        self.call("POST", path, body).await
    }
}

/// A JWT with these claims changed.
fn jwt(fake: &FakeGitHub, changes: Value) -> String {
    let now = clock::Clock::default().now().as_second();
    let mut claims = json!({"iat": now - 60, "exp": now + 540, "iss": fake.app_id().to_string()});
    for (key, value) in changes.as_object().into_iter().flatten() {
        claims[key] = value.clone();
    }
    let key = EncodingKey::from_rsa_pem(fake.app_key().as_bytes()).expect("the test key");
    jsonwebtoken::encode(&Header::new(Algorithm::RS256), &claims, &key).expect("a JWT")
}

/// A client with a token of the installation.
async fn installed(fake: &FakeGitHub) -> Client {
    let app = Client::new(fake, &jwt(fake, json!({})));
    let url = format!("{}/app/installations/{}/access_tokens", fake.api_url(), fake.installation_id());
    let reply = app.post(&url, json!({})).await;
    assert_eq!(reply.status, 201, "{}", reply.body);
    Client::new(fake, reply.body["token"].as_str().expect("a token"))
}

/// A request that a receiver got: its headers and its bytes.
type Got = (HeaderMap, Bytes);

/// A receiver of webhooks, and what it got.
async fn receiver() -> (String, Arc<Mutex<Vec<Got>>>) {
    let got: Arc<Mutex<Vec<Got>>> = Arc::default();
    let listener = tokio::net::TcpListener::bind("127.0.0.1:0").await.expect("a port");
    let url = format!("http://{}/webhook/github", listener.local_addr().expect("an address"));
    let take = |State(got): State<Arc<Mutex<Vec<Got>>>>, headers: HeaderMap, body: Bytes| async move {
        got.lock().expect("the list").push((headers, body));
    };
    let router = axum::Router::new().fallback(take).with_state(got.clone());
    tokio::spawn(async move { axum::serve(listener, router).await });
    (url, got)
}

/// Waits until that many requests have come.
async fn wait_for(got: &Mutex<Vec<Got>>, count: usize) -> Vec<Got> {
    for _ in 0..400 {
        let now = got.lock().expect("the list").clone();
        if now.len() >= count {
            return now;
        }
        tokio::time::sleep(Duration::from_millis(25)).await;
    }
    panic!("{count} deliveries were expected, {} came", got.lock().expect("the list").len());
}

/// A fake with a branch and a pull request of the App.
async fn with_pull() -> (FakeGitHub, Client, u64) {
    let fake = FakeGitHub::start().await;
    fake.push("bob-b", "kaas/one/1", "clusters/one/main.tf", Some("module {}\n")).expect("a push");
    let client = installed(&fake).await;
    let reply = client.post("/pulls", json!({"title": "One", "head": "kaas/one/1", "base": "main", "body": "b"})).await;
    assert_eq!(reply.status, 201, "{}", reply.body);
    (fake, client, reply.body["number"].as_u64().expect("a number"))
}
