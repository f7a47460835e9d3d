//! What a running Rancher 2.14.4 answered, against what the simulator answers to the same: status, code, kind of content, message, and the fields that kaas
//! or the terraform provider read.
//!
//! `recorded.json` holds the facts of 245 recordings. What is left out says why, there or in [`DIFFERS`]; what is reproduced may not be listed there.

use std::fmt::Write as _;

use serde::Deserialize;

use super::*;
use crate::sim::rancher::Fault;

const RECORDED: &str = include_str!("recorded.json");

/// Recordings that the simulator answers otherwise, and why that is left as it is.
const DIFFERS: &[(&str, &str)] = &[
    (
        "cluster-noversion",
        "the webhook quotes the whole request in its message; the simulator says only what it is about",
    ),
    (
        "v1-prov-delete",
        "Steve shows the state from before the deletion for a moment; the simulator shows the removal at once",
    ),
];

#[derive(Debug, Deserialize)]
#[serde(deny_unknown_fields)]
struct Recording {
    name: String,
    #[serde(default)]
    left_out: Option<String>,
    #[serde(default)]
    who: String,
    #[serde(default)]
    phase: String,
    #[serde(default)]
    method: String,
    #[serde(default)]
    path: String,
    #[serde(default)]
    body: Option<Value>,
    #[serde(default)]
    given: Vec<Given>,
    #[serde(default)]
    status: u16,
    #[serde(default)]
    content: String,
    #[serde(default)]
    code: Option<String>,
    #[serde(default)]
    message: Option<String>,
    #[serde(default)]
    text: Option<String>,
    #[serde(default)]
    fields: serde_json::Map<String, Value>,
    #[serde(default)]
    conditions: serde_json::Map<String, Value>,
    /// The recording is one row of the list that is asked for.
    #[serde(default)]
    row: Option<String>,
}

/// What comes before.
#[derive(Debug, Deserialize)]
#[serde(deny_unknown_fields)]
struct Given {
    #[serde(default)]
    wait: Option<f64>,
    #[serde(default)]
    who: String,
    #[serde(default)]
    method: String,
    #[serde(default)]
    path: String,
    #[serde(default)]
    body: Option<Value>,
}

/// The Rancher of the recordings: its people, and three clusters under the ids that they had.
struct Stage {
    sim: Sim,
    kaasbot: String,
    stranger: String,
    /// The id of what was made last.
    last: String,
}

const TOTAL: f64 = 600.0;

impl Stage {
    async fn set(phase: &str) -> Self {
        let user =
            |id: &str, login: &str, name: &str| SimUser { id: id.into(), username: login.into(), name: name.into() };
        let sim = Sim::with(|options| Options {
            provisioning: Duration::from_secs_f64(TOTAL),
            removing: Duration::from_secs(60),
            flap: Duration::from_secs(3600),
            users: vec![
                user("u-alice", "alice-of-the-tests", "Alice"),
                user("u-d2brj", "alice", "Alice A"),
                user("u-w9xtp", "stranger", "Stranger"),
                user("u-zzcjd", "kaasbot", "KaaS Bot"),
            ],
            ..options
        })
        .await;
        let kaasbot = sim.running.token_for("u-zzcjd").unwrap();
        let stranger = sim.running.token_for("u-w9xtp").unwrap();
        let mut stage = Self { sim, kaasbot, stranger, last: String::new() };
        stage.sim.alice = stage.sim.running.token_for("u-d2brj").unwrap();
        if phase == "refused" {
            stage.sim.running.switch_on(Fault::StuckMachine).unwrap();
        }
        let config = stage.sim.machine_config("nc").await;
        let pools = json!({"machinePools": [{"name": "cp-a", "controlPlaneRole": true, "etcdRole": true, "workerRole": true,
            "quantity": 1, "machineConfigRef": {"kind": "Amazonec2Config", "name": config}}]});
        for (name, id, rke) in [
            ("kaas-one", "c-m-jr8pmhs4", pools.clone()),
            ("kaas-two", "c-m-qhvwv6jk", json!({})),
            ("imported-one", "c-m-xw4bmjs8", pools),
        ] {
            let body = json!({"metadata": {"name": name, "namespace": "fleet-default", "annotations": {
                    "field.cattle.io/no-creator-rbac": "true", "provisioning.cattle.io/management-cluster-name": id}},
                "spec": {"kubernetesVersion": "v1.34.2+rke2r1", "rkeConfig": rke}});
            let made = stage.sim.ask(Some(&stage.sim.running.admin_token), Method::POST, PROV, Some(body)).await;
            assert_eq!(made.status, 201, "{}", made.text);
        }
        stage.sim.wait(TOTAL * 0.16);
        match phase {
            "provisioning" | "lost" => {}
            "refused" => stage.sim.wait(TOTAL),
            "removing" => {
                let gone = format!("{PROV}/fleet-default/kaas-one");
                stage.sim.ask(Some(&stage.sim.running.admin_token), Method::DELETE, &gone, None).await;
                stage.sim.wait(1.0);
            }
            "active" | "away" | "exec" => {
                stage.sim.wait(TOTAL);
                if phase == "away" {
                    stage.sim.running.switch_on(Fault::Flap).unwrap();
                    stage.sim.wait(1.0);
                }
                if phase == "exec" {
                    let setting = "/v3/settings/kubeconfig-generate-token";
                    let token = stage.sim.running.admin_token.clone();
                    stage.sim.ask(Some(&token), Method::PUT, setting, Some(json!({"value": "false"}))).await;
                }
            }
            other => panic!("no phase {other}"),
        }
        stage
    }

    async fn send(&mut self, who: &str, method: &str, path: &str, body: Option<&Value>) -> Answer {
        let admin = self.sim.running.admin_token.clone();
        let token = match who {
            "none" => None,
            "admin" | "impersonating" => Some(admin.clone()),
            "alice" | "denied" => Some(self.sim.alice.clone()),
            "stranger" => Some(self.stranger.clone()),
            "kaasbot" => Some(self.kaasbot.clone()),
            "bot2" => Some(self.sim.bot.clone()),
            "dead" => Some("token-dead:dead".to_owned()),
            "scoped" | "scoped-elsewhere" => {
                let mut wish = json!({"type": "token", "description": "scoped", "ttl": 3600000, "clusterId": "local"});
                if who != "scoped" {
                    wish["clusterId"] = json!("c-m-jr8pmhs4");
                }
                let made = self.sim.ask(Some(&self.kaasbot), Method::POST, "/v3/tokens", Some(wish)).await.json();
                made["token"].as_str().map(str::to_owned)
            }
            "ext" | "noprefix" => {
                let made =
                    self.sim.ask(Some(&self.sim.alice), Method::POST, EXT, Some(json!({"spec": {}}))).await.json();
                let token = made["status"]["bearerToken"].as_str().expect("a token").to_owned();
                Some(if who == "ext" { token } else { token.trim_start_matches("ext/").to_owned() })
            }
            "disabled" => {
                let body = Some(json!({"enabled": false}));
                self.sim.ask(Some(&admin), Method::PUT, "/v3/users/u-d2brj", body).await;
                Some(self.sim.alice.clone())
            }
            other => panic!("nobody is {other}"),
        };
        let own = token.as_deref().unwrap_or_default().split(':').next().unwrap_or_default().to_owned();
        let path = path.replace("{last}", &self.last).replace("{own}", &own);
        let method = Method::from_bytes(method.as_bytes()).unwrap();
        let mut request = self.sim.http.request(method, format!("{}{path}", self.sim.running.url));
        if let Some(token) = token {
            request = request.bearer_auth(token);
        }
        match who {
            "impersonating" => request = request.header("impersonate-user", "u-d2brj"),
            "denied" => request = request.header("impersonate-user", "user-admin"),
            _ => {}
        }
        if let Some(body) = body {
            request = request.json(body);
        }
        let answer = read(request).await;
        if let Ok(value) = serde_json::from_str::<Value>(&answer.text) {
            let id = value["id"].as_str().filter(|id| !id.contains('/')).or(value["metadata"]["name"].as_str());
            let name = id.and_then(|id| id.rsplit(':').next());
            self.last = name.map_or(self.last.clone(), str::to_owned);
        }
        answer
    }

    async fn play(&mut self, recording: &Recording) -> Vec<String> {
        for given in &recording.given {
            match given.wait {
                Some(seconds) => self.sim.wait(seconds),
                None => {
                    let sent = self.send(&given.who, &given.method, &given.path, given.body.as_ref()).await;
                    assert!(
                        sent.status < 300,
                        "{}: given {} {}: {}",
                        recording.name,
                        given.method,
                        given.path,
                        sent.text
                    );
                }
            }
        }
        let who = if recording.name == "impersonate-denied" { "denied" } else { &recording.who };
        let answer = self.send(who, &recording.method, &recording.path, recording.body.as_ref()).await;
        self.compare(recording, &answer)
    }

    fn compare(&self, recording: &Recording, answer: &Answer) -> Vec<String> {
        let mut differences = Vec::new();
        let mut same = |what: &str, theirs: &Value, ours: &Value| {
            if theirs != ours {
                differences.push(format!("{what} is {ours} and not {theirs}"));
            }
        };
        let text = answer.text.replace(&self.sim.running.url, "BASE");
        let ours: Value = serde_json::from_str(&text).unwrap_or_default();
        let ours = if recording.row.is_some() { ours["data"][0].clone() } else { ours };
        same("status", &json!(recording.status), &json!(answer.status));
        let content = answer.header("content-type").split(';').next().unwrap_or_default();
        same("content", &json!(recording.content), &json!(if content.is_empty() { "none" } else { content }));
        let code = ours["code"].as_str().or(ours["Code"]["Code"].as_str()).or(ours["reason"].as_str());
        if recording.status >= 400 {
            same("code", &json!(recording.code), &json!(code));
        }
        if let Some(message) = &recording.message {
            let told = ours["message"].as_str().or(ours["Message"].as_str()).unwrap_or_default();
            same("message", &json!(message.replace("{last}", &self.last)), &json!(told));
        }
        if let Some(theirs) = &recording.text {
            same("text", &json!(theirs), &json!(text));
        }
        for (pointer, theirs) in &recording.fields {
            let found = ours.pointer(pointer).cloned().unwrap_or_else(|| json!("ABSENT"));
            match theirs.as_str() {
                Some("ANY") => {
                    same(pointer, &json!(true), &json!(found.as_str().is_some_and(|id| id.starts_with("c-"))))
                }
                _ => same(pointer, theirs, &found),
            }
        }
        let conditions = ours["conditions"].as_array().or(ours["status"]["conditions"].as_array());
        for (kind, status) in &recording.conditions {
            let found = conditions.and_then(|all| all.iter().find(|one| one["type"] == **kind));
            same(kind, status, found.map_or(&Value::Null, |one| &one["status"]));
        }
        differences
    }
}

const PROV: &str = "/v1/provisioning.cattle.io.clusters";
const EXT: &str = "/ext/apis/ext.cattle.io/v1/tokens";

#[tokio::test]
async fn the_simulator_answers_as_the_recorded_rancher_did() {
    let recordings: Vec<Recording> = serde_json::from_str(RECORDED).unwrap();
    assert_eq!(recordings.len(), 245);
    let (mut table, mut wrong) = (String::new(), Vec::new());
    let mut counts = [0; 3];
    for recording in &recordings {
        let name = &recording.name;
        let listed = DIFFERS.iter().find(|(listed, _)| listed == name).map(|(_, why)| *why);
        let (count, verdict) = match (&recording.left_out, listed) {
            (Some(why), _) => (2, format!("left out: {why}")),
            (None, listed) => {
                let differences = Stage::set(&recording.phase).await.play(recording).await;
                match (differences.is_empty(), listed) {
                    (true, None) => (0, "same".to_owned()),
                    (true, Some(_)) => {
                        wrong.push(format!("{name} is reproduced: take it out of DIFFERS"));
                        (0, "same".to_owned())
                    }
                    (false, Some(why)) => (1, format!("differs: {why}")),
                    (false, None) => {
                        wrong.push(format!("{name}: {}", differences.join("; ")));
                        (1, "differs".to_owned())
                    }
                }
            }
        };
        counts[count] += 1;
        let asked = if recording.status == 0 {
            String::new()
        } else {
            let code = recording.code.as_deref().unwrap_or_default();
            format!("{} {} {code}", recording.method, recording.status).trim_end().to_owned()
        };
        writeln!(table, "{name:<48} {asked:<28} {verdict}").unwrap();
    }
    assert!(wrong.is_empty(), "{} answers are not the recorded ones:\n{}", wrong.len(), wrong.join("\n"));
    let [same, differs, left] = counts;
    let head = format!("same {same}, differs {differs}, left out {left}\n\n");
    insta::assert_snapshot!("recorded", head + &table);
}

#[test]
fn the_recordings_hold_no_secret() {
    for line in RECORDED.lines() {
        let long = line.split(|c: char| !c.is_ascii_alphanumeric()).filter(|word| word.len() >= 40);
        let odd: Vec<&str> = long.filter(|word| !word.trim_end_matches(['x', 'p']).is_empty()).collect();
        assert!(odd.is_empty(), "{odd:?}");
        assert!(!line.contains("AKIA") && !line.contains("BEGIN "), "{line}");
    }
}
