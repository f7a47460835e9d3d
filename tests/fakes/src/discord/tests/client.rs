//! The app's side of the tests: a plain REST client, and a plain socket that says what it is told to.

use std::time::Duration;

use futures_util::{SinkExt, StreamExt};
use serde_json::{Value, json};
use tokio::net::TcpStream;
use tokio_tungstenite::tungstenite::Message;
use tokio_tungstenite::{MaybeTlsStream, WebSocketStream};

use crate::discord::{FakeDiscord, Id, Options, intents};

/// Longer than anything here takes on a slow machine.
pub(super) const PATIENCE: Duration = Duration::from_secs(20);

/// What kaas subscribes to.
pub(super) const INTENTS: u64 = intents::GUILDS | intents::GUILD_MESSAGE_REACTIONS;

/// A guild with alice and bob in #clusters, and `/kaas` registered.
pub(super) struct Office {
    pub(super) discord: FakeDiscord,
    pub(super) alice: Id,
    pub(super) bob: Id,
    pub(super) channel: Id,
    pub(super) http: reqwest::Client,
}

impl Office {
    pub(super) async fn open() -> Self {
        Self::open_with(Options::hurried()).await
    }

    pub(super) async fn open_with(options: Options) -> Self {
        let discord = FakeDiscord::start_with(options).await;
        let (alice, bob) = (discord.add_user("alice"), discord.add_user("bob"));
        let channel = discord.add_channel("clusters");
        let http = reqwest::Client::builder().timeout(PATIENCE).build().unwrap();
        let office = Self { discord, alice, bob, channel, http };
        let (status, answer) = office.call("PUT", &office.commands_path(), definition()).await;
        assert_eq!(status, 200, "{answer}");
        office
    }

    pub(super) fn commands_path(&self) -> String {
        format!("/applications/{}/guilds/{}/commands", self.discord.application(), self.discord.guild())
    }

    /// A call with the bot's token: the status and the answer.
    pub(super) async fn call(&self, method: &str, path: &str, body: Value) -> (u16, Value) {
        let answer = self.request(method, path, body).await;
        let status = answer.status().as_u16();
        (status, answer.json().await.unwrap_or(Value::Null))
    }

    /// A call with the bot's token: all of the answer.
    pub(super) async fn request(&self, method: &str, path: &str, body: Value) -> reqwest::Response {
        let url = format!("{}/api/v10{path}", self.discord.url());
        let mut request = self.http.request(method.parse().unwrap(), url);
        request = request.header("authorization", format!("Bot {}", self.discord.token()));
        if !body.is_null() {
            request = request.json(&body);
        }
        request.send().await.unwrap()
    }

    /// What a call is refused with: status and code.
    pub(super) async fn refused(&self, method: &str, path: &str, body: Value) -> (u16, u64) {
        let (status, answer) = self.call(method, path, body).await;
        (status, answer["code"].as_u64().unwrap_or_default())
    }

    /// Says something in the channel: its id.
    pub(super) async fn say(&self, body: Value) -> Id {
        let (status, answer) = self.call("POST", &format!("/channels/{}/messages", self.channel), body).await;
        assert_eq!(status, 200, "{answer}");
        id(&answer["id"])
    }

    /// The path of a message in the channel.
    pub(super) fn path(&self, message: Id) -> String {
        format!("/channels/{}/messages/{message}", self.channel)
    }

    /// Opens a socket and reads its hello.
    pub(super) async fn dial(&self) -> Socket {
        let url = format!("{}/gateway/?v=10&encoding=json", self.discord.url().replacen("http", "ws", 1));
        let (stream, _) = tokio_tungstenite::connect_async(url).await.unwrap();
        let mut socket = Socket(stream);
        assert_eq!(socket.read().await.unwrap()["op"], 10);
        socket
    }

    /// Opens a socket and identifies with kaas' intents: the socket and its READY.
    pub(super) async fn connect(&self) -> (Socket, Value) {
        let mut socket = self.dial().await;
        socket.identify(self.discord.token(), INTENTS).await;
        let ready = socket.read().await.unwrap();
        assert_eq!(ready["t"], "READY");
        assert_eq!(socket.read().await.unwrap()["t"], "GUILD_CREATE");
        (socket, ready)
    }

    /// Answers every interaction that comes on this socket from now on with the same callback.
    pub(super) fn answer_all(&self, mut socket: Socket, callback: Value) {
        let (http, url) = (self.http.clone(), format!("{}/api/v10", self.discord.url()));
        tokio::spawn(async move {
            while let Some(frame) = socket.read().await {
                if frame["t"] == "INTERACTION_CREATE" {
                    let (id, token) = (text(&frame["d"]["id"]), text(&frame["d"]["token"]));
                    let url = format!("{url}/interactions/{id}/{token}/callback");
                    http.post(url).json(&callback).send().await.unwrap();
                }
            }
        });
    }
}

/// `/kaas` with a few sub-commands.
pub(super) fn definition() -> Value {
    json!([{
        "name": "kaas", "description": "Kubernetes clusters", "type": 1, "contexts": [0],
        "options": [
            { "type": 1, "name": "list", "description": "Clusters" },
            { "type": 1, "name": "request", "description": "A cluster", "options": [
                { "type": 3, "name": "name", "description": "Its name", "required": true, "max_length": 40 },
                { "type": 3, "name": "size", "description": "Its size", "choices": [
                    { "name": "small", "value": "small" }, { "name": "large", "value": "large" },
                ] },
                { "type": 4, "name": "workers", "description": "Nodes", "min_value": 1, "max_value": 50 },
                { "type": 3, "name": "region", "description": "Where", "autocomplete": true },
                { "type": 6, "name": "owner", "description": "Whose" },
                { "type": 8, "name": "team", "description": "Which role" },
            ] },
        ],
    }])
}

/// An id out of JSON.
pub(super) fn id(value: &Value) -> Id {
    value.as_str().and_then(|text| text.parse().ok()).unwrap_or_else(|| panic!("{value} is an id"))
}

/// A text out of JSON.
pub(super) fn text(value: &Value) -> String {
    value.as_str().unwrap_or_else(|| panic!("{value} is a text")).to_string()
}

/// The app's end of a socket.
pub(super) struct Socket(pub(super) WebSocketStream<MaybeTlsStream<TcpStream>>);

impl Socket {
    /// The next frame of text; `None` when the socket is closed.
    pub(super) async fn read(&mut self) -> Option<Value> {
        self.read_or_code().await.ok()
    }

    /// The next frame of text, or the code with which the socket was closed; 0 if without one.
    pub(super) async fn read_or_code(&mut self) -> Result<Value, u16> {
        loop {
            let frame = tokio::time::timeout(PATIENCE, self.0.next()).await.expect("a frame, or the end");
            match frame {
                Some(Ok(Message::Text(text))) => return Ok(serde_json::from_str(&text).unwrap()),
                Some(Ok(Message::Close(close))) => return Err(close.map_or(0, |close| close.code.into())),
                Some(Err(_)) | None => return Err(0),
                Some(Ok(_)) => {}
            }
        }
    }

    /// The next event of this name; those before it are skipped.
    pub(super) async fn event(&mut self, name: &str) -> Value {
        loop {
            let frame = self.read().await.expect("an event");
            if frame["t"] == name {
                return frame;
            }
        }
    }

    /// Says something.
    pub(super) async fn send(&mut self, frame: Value) {
        self.0.send(Message::Text(frame.to_string().into())).await.unwrap();
    }

    /// IDENTIFY.
    pub(super) async fn identify(&mut self, token: &str, intents: u64) {
        let properties = json!({ "os": "linux", "browser": "test", "device": "test" });
        self.send(json!({ "op": 2, "d": { "token": token, "intents": intents, "properties": properties } })).await;
    }
}
