//! The app's side of the tests: calls of the Web API, a socket that acknowledges or does not, a small web server that answers as told.

use std::collections::VecDeque;
use std::sync::{Arc, Mutex};
use std::time::Duration;

use axum::Router;
use axum::body::Bytes;
use axum::extract::State;
use axum::http::{HeaderMap, StatusCode};
use axum::routing::post;
use futures_util::{SinkExt, StreamExt};
use serde_json::{Value, json};
use tokio::net::{TcpListener, TcpStream};
use tokio_tungstenite::tungstenite::Message;
use tokio_tungstenite::{MaybeTlsStream, WebSocketStream};

use crate::slack::{ChannelId, FakeSlack, Options, UserId};

/// Longer than anything here takes on a slow machine.
pub(super) const PATIENCE: Duration = Duration::from_secs(20);

/// A workspace with alice and bob in #clusters.
pub(super) struct Office {
    pub(super) slack: FakeSlack,
    pub(super) alice: UserId,
    pub(super) bob: UserId,
    pub(super) channel: ChannelId,
    http: reqwest::Client,
}

impl Office {
    pub(super) async fn open() -> Self {
        Self::open_with(Options::default()).await
    }

    pub(super) async fn open_with(options: Options) -> Self {
        let slack = FakeSlack::start_with(options).await;
        let (alice, bob) = (slack.add_user("alice"), slack.add_user("bob"));
        let channel = slack.add_channel("clusters", &[&alice, &bob]);
        let http = reqwest::Client::builder().timeout(PATIENCE).build().unwrap();
        Self { slack, alice, bob, channel, http }
    }

    /// POST JSON with the bot's token: the status, `Retry-After`, and the answer.
    pub(super) async fn send(&self, method: &str, args: Value) -> (u16, Option<String>, Value) {
        let url = format!("{}/{method}", self.slack.api_url());
        let answer = self.http.post(url).bearer_auth(self.slack.bot_token()).json(&args).send().await.unwrap();
        let retry = answer.headers().get("retry-after").map(|value| value.to_str().unwrap().to_string());
        (answer.status().as_u16(), retry, answer.json().await.unwrap_or(Value::Null))
    }

    /// POST JSON: the answer.
    pub(super) async fn post(&self, method: &str, args: Value) -> Value {
        self.send(method, args).await.2
    }

    /// GET: the answer.
    pub(super) async fn get(&self, method: &str, query: &[(&str, &str)]) -> Value {
        let query: String = form_urlencoded::Serializer::new(String::new()).extend_pairs(query).finish();
        let url = format!("{}/{method}?{query}", self.slack.api_url());
        self.http.get(url).bearer_auth(self.slack.bot_token()).send().await.unwrap().json().await.unwrap()
    }

    /// POST to any url, without a token: the status and the text.
    pub(super) async fn raw(&self, url: &str, body: impl Into<reqwest::Body>) -> (u16, String) {
        let answer = self.http.post(url).body(body).send().await.unwrap();
        (answer.status().as_u16(), answer.text().await.unwrap())
    }

    /// Says something in the channel: its time stamp.
    pub(super) async fn say(&self, text: &str) -> String {
        let answer = self.post("chat.postMessage", json!({ "channel": self.channel, "text": text })).await;
        assert_eq!(answer["ok"], true, "{answer}");
        answer["ts"].as_str().unwrap().to_string()
    }

    /// Opens a socket and reads its hello.
    pub(super) async fn connect(&self) -> Socket {
        let url = format!("{}/apps.connections.open", self.slack.api_url());
        let answer = self.http.post(url).bearer_auth(self.slack.app_token()).send().await.unwrap();
        let answer: Value = answer.json().await.unwrap();
        assert_eq!(answer["ok"], true, "{answer}");
        let (stream, _) = tokio_tungstenite::connect_async(answer["url"].as_str().unwrap()).await.unwrap();
        let mut socket = Socket(stream);
        assert_eq!(socket.read().await.unwrap()["type"], "hello");
        socket
    }
}

/// The app's end of a socket.
pub(super) struct Socket(WebSocketStream<MaybeTlsStream<TcpStream>>);

impl Socket {
    /// The next frame of text; `None` when the socket is closed.
    pub(super) async fn read(&mut self) -> Option<Value> {
        loop {
            let frame = tokio::time::timeout(PATIENCE, self.0.next()).await.expect("a frame, or the end");
            match frame {
                Some(Ok(Message::Text(text))) => return Some(serde_json::from_str(&text).unwrap()),
                Some(Ok(Message::Close(_)) | Err(_)) | None => return None,
                Some(Ok(_)) => {}
            }
        }
    }

    /// Acknowledges an envelope.
    pub(super) async fn ack(&mut self, envelope: &Value, payload: Option<Value>) {
        let mut frame = json!({ "envelope_id": envelope["envelope_id"] });
        if let Some(payload) = payload {
            frame["payload"] = payload;
        }
        self.0.send(Message::Text(frame.to_string().into())).await.unwrap();
    }

    /// Acknowledges every envelope from now on with the same payload; hands them all over in the end.
    pub(super) fn ack_all(mut self, payload: Option<Value>) -> Arc<Mutex<Vec<Value>>> {
        let seen = Arc::new(Mutex::new(Vec::new()));
        let all = seen.clone();
        tokio::spawn(async move {
            while let Some(Ok(frame)) = self.0.next().await {
                let Message::Text(text) = frame else { continue };
                let envelope: Value = serde_json::from_str(&text).unwrap();
                all.lock().unwrap().push(envelope.clone());
                self.ack(&envelope, payload.clone()).await;
            }
        });
        seen
    }
}

/// What the app's web server got.
#[derive(Debug, Clone)]
pub(super) struct Got {
    pub(super) headers: HeaderMap,
    pub(super) body: Vec<u8>,
}

impl Got {
    pub(super) fn header(&self, name: &str) -> &str {
        self.headers.get(name).map(|value| value.to_str().unwrap()).unwrap_or_default()
    }
}

/// What it answers next: a status, a header, a body; 200 when nothing is left.
type Planned = (u16, Option<(&'static str, &'static str)>, String);

/// The app's web server.
#[derive(Clone, Default)]
pub(super) struct App {
    pub(super) got: Arc<Mutex<Vec<Got>>>,
    planned: Arc<Mutex<VecDeque<Planned>>>,
}

impl App {
    /// Starts it: itself, and its url.
    pub(super) async fn start() -> (Self, String) {
        let app = Self::default();
        let listener = TcpListener::bind("127.0.0.1:0").await.unwrap();
        let url = format!("http://{}/slack", listener.local_addr().unwrap());
        let router = Router::new().route("/slack", post(take)).with_state(app.clone());
        tokio::spawn(async move { axum::serve(listener, router).await });
        (app, url)
    }

    /// What it answers after everything planned before.
    pub(super) fn then(&self, status: u16, header: Option<(&'static str, &'static str)>, body: &str) {
        self.planned.lock().unwrap().push_back((status, header, body.to_string()));
    }

    /// Waits until it got so many requests.
    pub(super) async fn wait(&self, count: usize) -> Vec<Got> {
        for _ in 0..2000 {
            let got = self.got.lock().unwrap().clone();
            if got.len() >= count {
                return got;
            }
            tokio::time::sleep(Duration::from_millis(10)).await;
        }
        panic!("{} requests, not {count}", self.got.lock().unwrap().len());
    }
}

async fn take(State(app): State<App>, headers: HeaderMap, body: Bytes) -> (StatusCode, HeaderMap, String) {
    app.got.lock().unwrap().push(Got { headers, body: body.to_vec() });
    let (status, header, mut text) = app.planned.lock().unwrap().pop_front().unwrap_or((200, None, String::new()));
    if let Ok(asked) = serde_json::from_slice::<Value>(&body)
        && asked["type"] == "url_verification"
    {
        text = asked["challenge"].as_str().unwrap().to_string();
    }
    let mut headers = HeaderMap::new();
    if let Some((name, value)) = header {
        headers.insert(name, value.parse().unwrap());
    }
    (StatusCode::from_u16(status).unwrap(), headers, text)
}
