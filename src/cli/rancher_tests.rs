//! `kaas rancher setup` against the simulated Rancher.

use std::os::unix::fs::PermissionsExt as _;
use std::path::PathBuf;
use std::sync::Arc;
use std::time::Duration;

use clap::Parser;
use serde_json::{Value, json};

use super::Exit;
use super::rancher::*;
use crate::clock::ManualClock;
use crate::sim::rancher::{Options, Running, start};

#[derive(Debug, Parser)]
struct Line {
    #[command(flatten)]
    args: Args,
}

struct House {
    sim: Running,
    clock: Arc<ManualClock>,
    dir: tempfile::TempDir,
}

impl House {
    async fn new() -> Self {
        let clock = ManualClock::at("2026-11-22T10:00:00Z".parse().expect("a time"));
        let sim = start(Options { clock: clock.clone(), ..Options::default() }).await.expect("started");
        Self { sim, clock, dir: tempfile::tempdir().expect("a folder") }
    }

    fn file(&self) -> PathBuf {
        self.dir.path().join("token")
    }

    fn token(&self) -> String {
        std::fs::read_to_string(self.file()).expect("the token file").trim().to_owned()
    }

    fn parsed(&self, more: &[&str]) -> SetupArgs {
        let file = self.file().display().to_string();
        let mut line = vec!["kaas", "setup", "--url", &self.sim.url, "--token-file", &file];
        // The simulated Rancher has a user and a role of the usual name from the start.
        line.extend(["--user", "kaas-made"]);
        if !more.contains(&"--role") {
            line.extend(["--role", "kaas-made"]);
        }
        let Command::Setup(args) = Line::try_parse_from(line.iter().chain(more)).expect("parsed").args.command;
        args
    }

    async fn run(&self, more: &[&str]) -> (Exit, String) {
        let admin = self.sim.admin_token.clone();
        self.run_as(&admin, more).await
    }

    async fn run_as(&self, admin: &str, more: &[&str]) -> (Exit, String) {
        let args = self.parsed(more);
        let place = place(&args, &|_| Some(admin.to_owned())).expect("a place");
        let waits = Waits { pause: Duration::from_millis(1), tries: 3 };
        let mut out = Vec::new();
        let exit = set_up(&args, place, self.clock.clone(), waits, &mut out).await.expect("ran");
        let said = String::from_utf8(out).expect("text");
        for secret in [admin.to_owned(), std::fs::read_to_string(self.file()).unwrap_or_default()] {
            let secret = secret.trim().rsplit(':').next().unwrap_or_default().to_owned();
            assert!(secret.is_empty() || !said.contains(&secret), "a token is said: {said}");
        }
        let said = said.replace(&self.dir.path().display().to_string(), "DIR");
        (exit, said.replace(&self.sim.url, "RANCHER"))
    }

    async fn http(&self, token: &str, method: &str, path: &str, body: Value) -> (u16, Value) {
        let client = reqwest::Client::builder().no_proxy().tls_certs_only([]).build().expect("a client");
        let request = client.request(method.parse().expect("a method"), format!("{}{path}", self.sim.url));
        let answer = request.bearer_auth(token).json(&body).send().await.expect("answered");
        (answer.status().as_u16(), answer.json().await.unwrap_or_default())
    }

    fn writes(&self) -> Vec<String> {
        let seen = self.sim.requests();
        let writes = seen.iter().filter(|seen| seen.method != "GET");
        writes.map(|seen| format!("{} {} {}", seen.method, seen.path, seen.status)).collect()
    }
}

const CREDENTIAL: [&str; 2] = ["--credential", "simulated-aws"];

#[tokio::test]
async fn a_simulated_setup_says_what_it_would_do_and_then_does_it_once() {
    let house = House::new().await;
    let (exit, said) = house.run(&CREDENTIAL).await;
    assert_eq!(exit, Exit::Done);
    insta::assert_snapshot!(said, @"
    Rancher v2.14.4 at RANCHER, as admin
      - make the local user kaas-made, with a password that nobody learns
      - make the global role kaas-made: no admin, and cluster-owner on every downstream cluster
          cluster-owner of every downstream cluster
          clusters of provisioning.cattle.io: get, list, watch, create, update, patch, delete
          machines, machinedeployments, machinesets of cluster.x-k8s.io: get, list, watch
          everything of rke-machine.cattle.io: get, list, watch
          everything of rke-machine-config.cattle.io: everything
          users, clusters of management.cattle.io: get, list, watch
          clusterroletemplatebindings of management.cattle.io: everything
          secrets (cc-simul) in cattle-global-data: get
      - give kaas-made the global role user
      - give kaas-made the global role kaas-made
      - make the cluster role kaas-read-only, which reads everything but secrets
      - make a token for kaas-made, good for 90 days, and write it to DIR/token, which only its owner may read

    Nothing was done. --yes does it.
    ");
    assert_eq!((house.writes(), house.file().exists()), (Vec::<String>::new(), false), "nothing was written");

    let (exit, said) = house.run(&[&CREDENTIAL[..], &["--yes"]].concat()).await;
    let said = said.replace(|c: char| c.is_ascii_digit(), "0");
    assert_eq!(exit, Exit::Done, "{said}");
    assert!(said.contains("The token is in DIR/token and good until 0000-00-00"), "{said}");
    assert!(!said.contains("not good") && !said.contains("look:"), "{said}");
    let mode = std::fs::metadata(house.file()).expect("the file").permissions().mode();
    assert_eq!(mode & 0o777, 0o600);
    assert!(house.token().starts_with("ext/token-"), "a Rancher from 2.13 makes tokens through the new interface");
    let writes: Vec<String> = house
        .writes()
        .iter()
        .map(|write| {
            let write = write.rsplit_once("/token-").map_or(write.clone(), |(start, _)| format!("{start}/token-x"));
            write.replace(&house.sim.url, "")
        })
        .collect();
    insta::assert_snapshot!(writes.join("\n"), @"
    POST /v3/users 201
    POST /v3/globalroles 201
    POST /v3/globalrolebindings 201
    POST /v3/globalrolebindings 201
    POST /v3/roletemplates 201
    POST /v1-public/login 201
    POST /ext/apis/ext.cattle.io/v1/tokens 201
    DELETE /v3/tokens/token-x
    ");

    let before = house.writes().len();
    let token = house.token();
    for more in [&CREDENTIAL[..], &[&CREDENTIAL[..], &["--yes"]].concat()] {
        let (exit, said) = house.run(more).await;
        assert_eq!(exit, Exit::Done, "{said}");
        assert!(said.contains("everything is there; the token in DIR/token is good"), "{said}");
    }
    assert_eq!((house.writes().len(), house.token()), (before, token.clone()), "nothing is done a second time");

    let (exit, said) = house.run(&[&CREDENTIAL[..], &["--yes", "--new-token"]].concat()).await;
    assert_eq!(exit, Exit::Done, "{said}");
    assert_ne!(house.token(), token);
    assert_eq!(house.sim.kubeconfigs_asked_for(), 0);
}

#[tokio::test]
async fn what_a_simulated_setup_made_may_do_what_kaas_needs_and_no_more() {
    let house = House::new().await;
    house.run(&[&CREDENTIAL[..], &["--yes"]].concat()).await;
    let token = house.token();
    let ask = async |method: &str, path: &str, body: Value| house.http(&token, method, path, body).await.0;
    for (path, status) in [
        ("/v1/provisioning.cattle.io.clusters/fleet-default/never", 404),
        ("/v3/clusters/c-m-never", 404),
        ("/v1/cluster.x-k8s.io.machines", 200),
        ("/v1/rke-machine.cattle.io.amazonec2machines", 200),
        ("/v3/users/user-admin", 200),
        ("/v3/cloudcredentials/cattle-global-data:cc-simul", 200),
        ("/v3/cloudcredentials/cattle-global-data:cc-other", 403),
    ] {
        assert_eq!(ask("GET", path, Value::Null).await, status, "{path}");
    }
    for (method, path) in [
        ("POST", "/v3/users/user-admin?action=setpassword"),
        ("POST", "/v3/users"),
        ("POST", "/v3/globalroles"),
        ("POST", "/v3/globalrolebindings"),
        ("POST", "/v3/roletemplates"),
        ("PUT", "/v3/settings/auth-token-max-ttl-minutes"),
    ] {
        let body = json!({"newPassword": "a-long-enough-one", "username": "x", "name": "x", "value": "1"});
        assert_eq!(ask(method, path, body).await, 403, "{method} {path}");
    }
    let (_, tokens) = house.http(&token, "GET", "/v3/tokens", Value::Null).await;
    assert_eq!(tokens["data"], json!([]), "the session of the one login is over");
}

#[tokio::test]
async fn a_simulated_setup_mends_what_somebody_changed_and_nothing_else() {
    let house = House::new().await;
    house.run(&[&CREDENTIAL[..], &["--yes"]].concat()).await;
    let admin = house.sim.admin_token.clone();
    let (_, roles) = house.http(&admin, "GET", "/v3/globalroles?name=kaas-made", Value::Null).await;
    let id = roles["data"][0]["id"].as_str().expect("a role").to_owned();
    let path = format!("/v3/globalroles/{id}");
    house.http(&admin, "PUT", &path, json!({"rules": [], "description": "ours"})).await;
    let (_, users) = house.http(&admin, "GET", "/v3/users?username=kaas-made", Value::Null).await;
    let user = format!("/v3/users/{}", users["data"][0]["id"].as_str().expect("a user"));
    house.http(&admin, "PUT", &user, json!({"enabled": false})).await;

    let (exit, said) = house.run(&["--allow-force-remove", "--yes"]).await;
    assert!(said.contains("  - enable the user kaas-made, which is disabled\n"), "{said}");
    assert!(said.contains("  - change the global role kaas-made: rules\n"), "{said}");
    assert!(said.contains("because what is in DIR/token is not good any more"), "{said}");
    assert_eq!(exit, Exit::Done, "{said}");
    let (_, role) = house.http(&admin, "GET", &path, Value::Null).await;
    assert_eq!(role["description"], "ours", "what does not differ in what matters stays");
    assert!(role["namespacedRules"]["cattle-global-data"].is_array(), "credentials that nobody named stay");
    assert!(role["rules"].to_string().contains("\"update\"]"), "{role}");
}

#[tokio::test]
async fn a_simulated_setup_without_an_administrator_or_over_somebody_elses_token_stops() {
    let house = House::new().await;
    let bot = house.sim.bot_token.clone();
    let (exit, said) = house.run_as("token-dead:dead", &["--yes"]).await;
    assert!(exit == Exit::Failed && said.contains("Rancher refuses"), "{said}");
    std::fs::write(house.file(), &bot).expect("written");
    let (exit, said) = house.run(&["--yes"]).await;
    assert!(exit == Exit::Failed && said.contains("is that of somebody else"), "{said}");
    assert_eq!(house.token(), bot, "it is still there");
    let (exit, said) = house.run(&["--yes", "--credential", "nowhere"]).await;
    assert!(
        exit == Exit::Failed
            && said.contains("no cloud credential nowhere. There is: simulated-aws.")
            && said.contains("Nothing was done."),
        "{said}"
    );
    let (exit, said) = house.run(&["--yes", "--role", "user"]).await;
    assert!(exit == Exit::Failed && said.contains("Rancher's own"), "{said}");
    assert!(house.writes().is_empty(), "{:?}", house.writes());
    let before = std::fs::read_dir(house.dir.path()).expect("a folder").count();
    assert_eq!(before, 1, "no half a file is left");
}

#[tokio::test]
async fn a_standard_user_of_a_simulated_rancher_sets_nothing_up() {
    let clock = ManualClock::at("2026-11-22T10:00:00Z".parse().expect("a time"));
    let users = vec![crate::sim::rancher::SimUser { id: "u-al".into(), username: "al".into(), name: "Al".into() }];
    let sim = start(Options { clock: clock.clone(), users, ..Options::default() }).await.expect("started");
    let house = House { sim, clock, dir: tempfile::tempdir().expect("a folder") };
    let token = house.sim.token_for("u-al").expect("a token");
    let (exit, said) = house.run_as(&token, &["--yes"]).await;
    assert!(exit == Exit::Failed && said.contains("needs the token of a Rancher administrator"), "{said}");
}

#[test]
fn an_administrators_token_is_sent_in_clear_to_this_machine_alone() {
    let line = ["kaas", "setup", "--url", "http://rancher.example.com", "--token-file", "t"];
    let Command::Setup(args) = Line::try_parse_from(line).expect("parsed").args.command;
    let fault = place(&args, &|_| Some("token-a:b".to_owned())).err().expect("refused");
    assert!(fault.to_string().contains("https://"), "{fault}");
    let line = ["kaas", "setup", "--url", "https://rancher.example.com"];
    let Command::Setup(args) = Line::try_parse_from(line).expect("parsed").args.command;
    assert!(place(&args, &|_| None).is_err(), "no administrator's token");
    let fault = place(&args, &|_| Some("token-a:b".to_owned())).err().expect("refused");
    assert!(fault.to_string().contains("--token-file"), "{fault}");
}

#[test]
fn the_configuration_says_where_rancher_is_and_where_the_token_goes() {
    let dir = tempfile::tempdir().expect("a folder");
    let text = include_str!("../../kaas.example.toml");
    let config = dir.path().join("kaas.toml");
    std::fs::write(&config, text.replace("ca_file = ", "# ca_file = ")).expect("written");
    let path = config.display().to_string();
    let ask = |more: &[&str]| {
        let line = ["kaas", "setup", "--config", &path];
        let Command::Setup(args) = Line::try_parse_from(line.iter().chain(more)).expect("parsed").args.command;
        place(&args, &|_| Some("token-a:b".to_owned()))
    };
    assert!(ask(&[]).err().expect("two tenants").to_string().contains("--tenant"));
    assert!(ask(&["--tenant", "nobody"]).err().expect("no such").to_string().contains("no tenant nobody"));
    assert!(ask(&["--tenant", "acme"]).err().expect("a variable").to_string().contains("ACME_RANCHER_TOKEN"));
    let acme = ask(&["--tenant", "acme", "--token-file", "t"]).expect("a place");
    assert_eq!((acme.url.as_str(), acme.credentials), ("https://rancher.example.com", vec!["acme-aws".to_owned()]));
    let lab = ask(&["--tenant", "lab", "--credential", "other"]).expect("a place");
    assert_eq!(
        (lab.token_file, lab.credentials),
        (PathBuf::from("/etc/kaas/lab-rancher-token"), vec!["other".to_owned()])
    );
}
