//! The simulator, asked over HTTP with a real client. Time stands still until a test moves it.

mod bindings;
mod contract;
mod faults;
mod lifecycle;
mod provider;
mod recorded;
mod restart;

use std::path::PathBuf;
use std::sync::Arc;
use std::time::Duration;

use jiff::Timestamp;
use reqwest::Method;
use serde_json::{Value, json};

use super::{Options, Running, SimUser, start};
use crate::clock::ManualClock;

/// How long a cluster takes in these tests: a percent is a tenth of a second.
const PROVISIONING: Duration = Duration::from_secs(10);
const REMOVING: Duration = Duration::from_secs(3);

/// A simulator, its clock and a client.
struct Sim {
    running: Running,
    clock: Arc<ManualClock>,
    http: reqwest::Client,
    bot: String,
    alice: String,
}

/// An answer, read to its end.
struct Answer {
    status: u16,
    headers: reqwest::header::HeaderMap,
    text: String,
}

impl Answer {
    #[track_caller]
    fn json(&self) -> Value {
        serde_json::from_str(&self.text).unwrap_or_else(|fault| panic!("{fault} in {}", self.text))
    }

    fn header(&self, name: &str) -> &str {
        self.headers.get(name).and_then(|v| v.to_str().ok()).unwrap_or_default()
    }

    /// Status, code and message of an error of norman or Steve.
    #[track_caller]
    fn error(&self) -> (u16, String, String) {
        let body = self.json();
        let text = |key: &str| body[key].as_str().unwrap_or_default().to_owned();
        (self.status, text("code"), text("message"))
    }
}

fn options(clock: &Arc<ManualClock>) -> Options {
    let user = |id: &str, name: &str| SimUser { id: format!("u-{id}"), username: id.to_owned(), name: name.to_owned() };
    Options {
        provisioning: PROVISIONING,
        removing: REMOVING,
        slowness: Duration::from_millis(300),
        users: vec![user("alice", "Alice A"), user("bob", "Bob B")],
        clock: clock.clone(),
        ..Options::default()
    }
}

impl Sim {
    async fn new() -> Self {
        Self::with(|options| options).await
    }

    async fn with(change: impl FnOnce(Options) -> Options) -> Self {
        let clock = ManualClock::at(Timestamp::from_second(1_800_000_000).unwrap());
        Self::on(clock.clone(), change(options(&clock))).await
    }

    async fn kept(clock: &Arc<ManualClock>, file: PathBuf) -> Self {
        Self::on(clock.clone(), Options { state_file: Some(file), ..options(clock) }).await
    }

    async fn on(clock: Arc<ManualClock>, options: Options) -> Self {
        let _ = rustls::crypto::ring::default_provider().install_default();
        let running = start(options).await.unwrap();
        let alice = running.token_for("u-alice").unwrap();
        let bot = running.bot_token.clone();
        let http =
            reqwest::Client::builder().timeout(Duration::from_secs(20)).no_proxy().tls_certs_only([]).build().unwrap();
        Self { running, clock, http, bot, alice }
    }

    /// Asks with a token, or with none.
    async fn ask(&self, token: Option<&str>, method: Method, path: &str, body: Option<Value>) -> Answer {
        let mut request = self.http.request(method, format!("{}{path}", self.running.url));
        if let Some(token) = token {
            request = request.bearer_auth(token);
        }
        if let Some(body) = body {
            request = request.json(&body);
        }
        read(request).await
    }

    async fn get(&self, path: &str) -> Answer {
        self.ask(Some(&self.bot), Method::GET, path, None).await
    }

    async fn post(&self, path: &str, body: Value) -> Answer {
        self.ask(Some(&self.bot), Method::POST, path, Some(body)).await
    }

    async fn put(&self, path: &str, body: Value) -> Answer {
        self.ask(Some(&self.bot), Method::PUT, path, Some(body)).await
    }

    async fn delete(&self, path: &str) -> Answer {
        self.ask(Some(&self.bot), Method::DELETE, path, None).await
    }

    fn wait(&self, seconds: f64) {
        self.clock.advance(Duration::from_secs_f64(seconds));
    }

    /// Asks for a cluster with one control plane and three workers, and gives its management id.
    async fn cluster(&self, name: &str) -> String {
        let config = self.machine_config(&format!("nc-{name}")).await;
        let answer = self.post("/v1/provisioning.cattle.io.clusters", wish(name, &config, 3)).await;
        assert_eq!(answer.status, 201, "{}", answer.text);
        self.wait(0.5);
        let shown = self.get(&format!("/v1/provisioning.cattle.io.clusters/fleet-default/{name}")).await.json();
        shown["status"]["clusterName"].as_str().expect("a management id").to_owned()
    }

    async fn machine_config(&self, name: &str) -> String {
        let body = json!({"kind": "Amazonec2Config", "apiVersion": "rke-machine-config.cattle.io/v1",
            "metadata": {"generateName": format!("{name}-"), "namespace": "fleet-default"}, "ami": "ami-1", "zone": "a",
            "tags": "kaas:cluster,one"});
        let answer = self.post("/v1/rke-machine-config.cattle.io.amazonec2configs", body).await;
        assert_eq!(answer.status, 201, "{}", answer.text);
        answer.json()["metadata"]["name"].as_str().unwrap().to_owned()
    }

    /// State, transitioning and message of a cluster, as `/v3` tells them.
    async fn state(&self, id: &str) -> (String, String, String) {
        let shown = self.get(&format!("/v3/clusters/{id}")).await.json();
        let text = |key: &str| shown[key].as_str().unwrap_or_default().to_owned();
        (text("state"), text("transitioning"), text("transitioningMessage"))
    }

    /// A condition's status, on either API; empty if it is not there.
    async fn condition(&self, path: &str, kind: &str) -> String {
        let shown = self.get(path).await.json();
        let of = |at: &str| shown.pointer(at).and_then(Value::as_array).cloned();
        let conditions = of("/conditions").or_else(|| of("/status/conditions")).unwrap_or_default();
        let found = conditions.iter().find(|c| c["type"] == kind);
        found.map_or_else(String::new, |c| c["status"].as_str().unwrap_or_default().to_owned())
    }

    /// How many machines there are, and how many have registered.
    async fn machines(&self, name: &str) -> (usize, usize) {
        let filter =
            format!("/v1/cluster.x-k8s.io.machines?filter=metadata.labels[cluster.x-k8s.io/cluster-name]={name}");
        let rows = self.get(&filter).await.json()["data"].as_array().cloned().unwrap_or_default();
        (rows.len(), rows.iter().filter(|m| m["status"]["nodeRef"].is_object()).count())
    }
}

async fn read(request: reqwest::RequestBuilder) -> Answer {
    let response = request.send().await.unwrap();
    let (status, headers) = (response.status().as_u16(), response.headers().clone());
    Answer { status, headers, text: response.text().await.unwrap() }
}

/// The body that asks for a cluster.
fn wish(name: &str, config: &str, workers: u64) -> Value {
    let reference = json!({"kind": "Amazonec2Config", "name": config});
    json!({"kind": "Cluster", "apiVersion": "provisioning.cattle.io/v1",
        "metadata": {"name": name, "namespace": "fleet-default", "labels": {"kaas.request-id": "r-1"},
                     "annotations": {"field.cattle.io/no-creator-rbac": "true", "field.cattle.io/description": "a test"}},
        "spec": {"kubernetesVersion": "v1.34.2+rke2r1", "localClusterAuthEndpoint": {}, "rkeConfig": {"machinePools": [
            {"name": "cp", "controlPlaneRole": true, "etcdRole": true, "quantity": 1, "machineConfigRef": reference},
            {"name": "worker", "workerRole": true, "quantity": workers, "machineConfigRef": reference}]}}})
}
