//! Whole lives of clusters in the simulated Rancher, with a clock that is moved by hand.

use serde_json::{Value, json};

use super::*;
use crate::sim::rancher::{Fault, Options, Running, SimUser, start};

pub(super) const WHOLE: Duration = Duration::from_secs(100);
pub(super) const CLUSTER: &str = "crucial-sandbox";

pub(super) struct Desk {
    pub sim: Running,
    pub clock: Arc<ManualClock>,
    pub rancher: Rancher,
}

impl Desk {
    pub async fn new() -> Self {
        Self::with(|_| {}).await
    }

    pub async fn with(change: impl FnOnce(&mut Settings)) -> Self {
        let clock = clock();
        let user = |id: &str| SimUser { id: format!("u-{id}"), username: id.into(), name: id.into() };
        let users = vec![user("alice"), user("erin")];
        let options =
            Options { provisioning: WHOLE, removing: WHOLE, users, clock: clock.clone(), ..Options::default() };
        let sim = start(options).await.expect("started");
        let mut settings = settings(&sim.url, &sim.bot_token);
        change(&mut settings);
        let rancher = Rancher::new(settings, clock.clone()).expect("made");
        Self { sim, clock, rancher }
    }

    /// What terraform does.
    pub async fn http(&self, method: &str, path: &str, body: Value) -> (u16, Value) {
        self.http_as(&self.sim.bot_token, method, path, body).await
    }

    pub async fn http_as(&self, token: &str, method: &str, path: &str, body: Value) -> (u16, Value) {
        let client = reqwest::Client::builder().no_proxy().tls_certs_only([]).build().expect("a client");
        let method = method.parse().expect("a method");
        let request = client.request(method, format!("{}{path}", self.sim.url)).bearer_auth(token);
        let answer = request.json(&body).send().await.expect("answered");
        let status = answer.status().as_u16();
        (status, answer.json().await.unwrap_or_default())
    }

    /// Asks for a cluster, and answers its id once it is known.
    pub async fn made(&self) -> String {
        let kind = "/v1/rke-machine-config.cattle.io.amazonec2configs";
        let config = json!({"metadata": {"name": "nc-x", "namespace": "fleet-default"}, "region": "eu-central-1"});
        let (status, config) = self.http("POST", kind, config).await;
        assert_eq!(status, 201, "{config}");
        let config = config["metadata"]["name"].clone();
        let pool = |name: &str, main: bool, quantity: u32| {
            json!({"name": name, "quantity": quantity, "controlPlaneRole": main, "etcdRole": main, "workerRole": !main,
                   "machineConfigRef": {"kind": "Amazonec2Config", "name": config}})
        };
        let spec = json!({"kubernetesVersion": "v1.34.2+rke2r1", "cloudCredentialSecretName": self.sim.credential,
                          "rkeConfig": {"machinePools": [pool("cp-a", true, 1), pool("worker-a", false, 3)]}});
        let body = json!({"type": "provisioning.cattle.io.cluster", "spec": spec,
                          "metadata": {"name": CLUSTER, "namespace": "fleet-default"}});
        let (status, answer) = self.http("POST", "/v1/provisioning.cattle.io.clusters", body).await;
        assert_eq!(status, 201, "{answer}");
        self.clock.advance(Duration::from_secs(1));
        let path = format!("/v1/provisioning.cattle.io.clusters/fleet-default/{CLUSTER}");
        let (_, answer) = self.http("GET", &path, Value::Null).await;
        answer["status"]["clusterName"].as_str().expect("an id").to_owned()
    }

    pub async fn look(&self, id: Option<&str>) -> Sight {
        self.rancher.look(&name(CLUSTER), id).await.expect("looked")
    }

    pub fn asked(&self, method: &str, part: &str) -> usize {
        self.sim.requests().iter().filter(|seen| seen.method == method && seen.path.contains(part)).count()
    }
}

#[tokio::test]
async fn a_simulated_cluster_is_seen_from_its_request_until_it_is_gone() {
    let desk = Desk::new().await;
    desk.rancher.preflight(&name(CLUSTER), false).await.expect("may be made");
    assert_eq!(desk.look(None).await, Sight::Gone);
    let id = desk.made().await;
    let (mut usable_at, mut ups, mut seen) = (None, Vec::new(), Vec::new());
    for second in (2..=110).step_by(4) {
        match desk.look(Some(&id)).await {
            Sight::Joining { nodes, detail } => {
                assert_eq!(usable_at, None, "usable, and then not any more");
                ups.extend(nodes.map(|(up, all)| {
                    assert_eq!(all, 4);
                    up
                }));
                seen.push(detail);
            }
            Sight::Usable(facts) => {
                usable_at.get_or_insert(second);
                let page = format!("{}/dashboard/c/{id}/explorer", desk.sim.url);
                assert_eq!(
                    (facts.id.as_str(), facts.nodes, facts.page, &facts.rancher),
                    (&*id, 4, page, &desk.sim.url)
                );
                assert!(facts.version.starts_with("v1.34.2"), "{}", facts.version);
            }
            other => panic!("second {second}: {other:?}"),
        }
        desk.clock.advance(Duration::from_secs(4));
    }
    assert!((95..=106).contains(&usable_at.expect("usable at last")), "{usable_at:?}");
    assert!(ups.is_sorted() && ups.contains(&0) && ups.contains(&4) && ups.len() > 3, "{ups:?}");
    for words in [
        "0 of 4 nodes registered, etcd waiting for bootstrap data to be available",
        "etcd waiting for probes: etcd, kube-apiserver",
        "waiting for cluster agent to connect",
    ] {
        assert!(seen.iter().any(|line| line.contains(words)), "{words}: {seen:#?}");
    }
    assert!(matches!(desk.look(None).await, Sight::Usable(_)), "also without the id");
    desk.rancher.preflight(&name(CLUSTER), true).await.expect("may be destroyed");

    let path = format!("/v1/provisioning.cattle.io.clusters/fleet-default/{CLUSTER}");
    desk.http("DELETE", &path, Value::Null).await;
    let mut removing = Vec::new();
    for _ in 0..40 {
        match desk.look(Some(&id)).await {
            Sight::Removing { detail } => removing.push(detail),
            Sight::Gone => break,
            other => panic!("{other:?}"),
        }
        desk.clock.advance(Duration::from_secs(4));
    }
    assert_eq!(desk.look(Some(&id)).await, Sight::Gone);
    assert!(removing.len() > 5 && removing[0].contains("4 machines are being removed"), "{removing:#?}");
    assert_eq!(desk.asked("POST", "generateKubeconfig"), 0);
    let written = desk.sim.requests().iter().filter(|seen| seen.method != "GET").count();
    assert_eq!(written, 3, "the machine config, the cluster and its deletion; kaas itself wrote nothing");
}

#[tokio::test]
async fn a_simulated_machine_that_ec2_refuses_is_told_in_its_own_words() {
    let desk = Desk::new().await;
    desk.sim.switch_on(Fault::StuckMachine).expect("switched");
    let id = desk.made().await;
    let mut told = Vec::new();
    for _ in 0..60 {
        desk.clock.advance(Duration::from_secs(3));
        let Sight::Joining { detail, .. } = desk.look(Some(&id)).await else { panic!("usable without its machine") };
        told.push(detail.split_once("; last failure: ").map(|(_, words)| words.to_owned()));
    }
    let first = told.iter().position(Option::is_some).expect("a failure was told");
    assert!(told[first..].iter().all(Option::is_some), "the words stay when Rancher has forgotten them");
    let words = told[first].clone().expect("words");
    assert!(words.starts_with(&format!("{CLUSTER}-")) && words.len() > CLUSTER.len() + 20, "{words}");
    desk.sim.switch_off(Fault::StuckMachine).expect("switched");
    desk.clock.advance(Duration::from_secs(200));
    assert!(matches!(desk.look(Some(&id)).await, Sight::Usable(_)));
}

#[tokio::test]
async fn lost_rights_in_a_simulated_rancher_are_never_gone() {
    let desk = Desk::new().await;
    let id = desk.made().await;
    desk.sim.switch_on(Fault::LostRights).expect("switched");
    for exists in [true, false] {
        let line = lasting_line(desk.rancher.preflight(&name(CLUSTER), exists).await);
        assert!(line.contains("may not read clusters") && line.contains("Nothing was run"), "{line}");
    }
    for id in [Some(id.as_str()), None] {
        let line = lasting_line(desk.rancher.look(&name(CLUSTER), id).await);
        assert!(line.contains("rights of kaas' user"), "{line}");
    }
}

#[tokio::test]
async fn a_simulated_cluster_that_should_be_there_and_is_not_stops_everything() {
    let desk = Desk::new().await;
    let line = lasting_line(desk.rancher.preflight(&name(CLUSTER), true).await);
    assert!(line.contains("does not know crucial-sandbox any more"), "{line}");
}

#[tokio::test]
async fn a_dead_token_of_a_simulated_rancher_needs_an_operator_and_an_outage_only_time() {
    let desk = Desk::new().await;
    desk.sim.switch_on(Fault::TokenDead).expect("switched");
    let line = lasting_line(desk.rancher.preflight(&name(CLUSTER), false).await);
    assert!(line.contains("Rancher refuses kaas' token"), "{line}");
    desk.sim.switch_off(Fault::TokenDead).expect("switched");
    desk.sim.switch_on(Fault::Unavailable).expect("switched");
    let before = desk.sim.requests().len();
    let (line, _) = passing_line(desk.rancher.look(&name(CLUSTER), None).await);
    assert!(line.contains("503"), "{line}");
    assert_eq!(desk.sim.requests().len() - before, 3, "a read is tried three times");
}

#[tokio::test]
async fn a_flapping_simulated_cluster_is_not_usable_while_it_is_away() {
    let desk = Desk::new().await;
    let id = desk.made().await;
    desk.clock.advance(WHOLE);
    assert!(matches!(desk.look(Some(&id)).await, Sight::Usable(_)));
    desk.sim.switch_on(Fault::Flap).expect("switched");
    let mut away = 0;
    for _ in 0..12 {
        desk.clock.advance(Duration::from_secs(1));
        if let Sight::Joining { detail, .. } = desk.look(Some(&id)).await {
            away += 1;
            assert!(detail.to_lowercase().contains("not connected"), "{detail}");
        }
    }
    assert!((1..12).contains(&away), "{away}");
}

#[tokio::test]
async fn access_to_a_simulated_cluster_is_given_once_and_told_when_it_is_in_force() {
    let team = Team { principal: "github_team://7".into(), role: TEAM_ROLE.into() };
    let desk = Desk::with(|settings| settings.team = Some(team)).await;
    let alice = person("alice");
    assert_eq!(desk.rancher.knows(&alice, None).await.expect("asked"), Ok(()));
    assert_eq!(
        desk.rancher.grant(&call(), "c-m-notthere", &alice, None, OWNER).await.expect("asked"),
        Granting::Waiting
    );
    let id = desk.made().await;
    desk.clock.advance(Duration::from_secs(40));
    assert_eq!(
        desk.rancher.grant(&call(), &id, &alice, None, OWNER).await.expect("asked"),
        Granting::Waiting,
        "not connected yet"
    );
    desk.clock.advance(WHOLE);
    let Granting::Done(grants) = desk.rancher.grant(&call(), &id, &alice, None, OWNER).await.expect("asked") else {
        panic!("not in force")
    };
    let told: Vec<_> = grants.iter().map(|grant| (grant.to.as_str(), grant.role.as_str())).collect();
    assert_eq!(told, [("alice", "cluster-owner"), ("github_team://7", "cluster-member")]);
    assert!(grants.iter().all(|grant| grant.binding.starts_with(&format!("{id}:kaas-"))), "{grants:?}");
    let again = desk.rancher.grant(&call(), &id, &alice, None, OWNER).await.expect("asked");
    assert_eq!(again, Granting::Done(grants));
    let made = desk
        .sim
        .requests()
        .iter()
        .filter(|r| r.method == "POST" && r.path.contains("bindings") && r.status == 201)
        .count();
    assert_eq!(made, 2);
    assert_eq!(desk.asked("POST", "generateKubeconfig"), 0);
    assert_eq!(desk.asked("GET", "kubeconfig") + desk.asked("POST", "token"), 0);
}

#[tokio::test]
async fn an_equal_binding_under_another_name_in_a_simulated_rancher_is_taken() {
    let desk = Desk::new().await;
    let id = desk.made().await;
    desk.clock.advance(WHOLE);
    let body = json!({"type": "clusterRoleTemplateBinding", "name": "by-hand", "clusterId": id,
                      "roleTemplateId": "cluster-owner", "userId": "u-alice"});
    assert_eq!(desk.http("POST", "/v3/clusterroletemplatebindings", body).await.0, 201);
    desk.clock.advance(Duration::from_secs(10));
    let Granting::Done(grants) = desk.rancher.grant(&call(), &id, &person("alice"), None, OWNER).await.expect("asked")
    else {
        panic!("not in force")
    };
    assert_eq!(grants[0].binding, format!("{id}:by-hand"));
}

#[tokio::test]
async fn people_whom_a_simulated_rancher_does_not_know_are_told_what_to_do_and_nothing_is_sent() {
    let desk = Desk::new().await;
    let id = desk.made().await;
    desk.clock.advance(WHOLE);
    let before = desk.asked("POST", "bindings");
    for (who, words) in [("bob", "which Rancher user bob is"), ("ghost", "Rancher has no user u-ghost")] {
        let remedy = desk.rancher.knows(&person(who), None).await.expect("asked").expect_err("not known");
        assert!(remedy.contains(words) && remedy.contains("log in to Rancher once"), "{remedy}");
        assert_eq!(lasting_line(desk.rancher.grant(&call(), &id, &person(who), None, OWNER).await), remedy);
    }
    for (role, words) in [("no-such-role", "has no role"), ("read-only", "not one for clusters")] {
        let line = lasting_line(desk.rancher.grant(&call(), &id, &person("alice"), None, role).await);
        assert!(line.contains(words) && line.contains(role), "{line}");
    }
    assert_eq!(desk.asked("POST", "bindings"), before);
}

#[tokio::test]
async fn a_simulated_users_token_that_may_not_grant_needs_an_operator() {
    let desk = Desk::new().await;
    let id = desk.made().await;
    desk.clock.advance(WHOLE);
    let token = desk.sim.token_for("u-erin").expect("a token");
    let rancher = Rancher::new(settings(&desk.sim.url, &token), desk.clock.clone()).expect("made");
    let line = lasting_line(rancher.grant(&call(), &id, &person("alice"), None, OWNER).await);
    assert!(line.contains("rights of kaas' user") || line.contains("hides this"), "{line}");
    let line = lasting_line(rancher.preflight(&name(CLUSTER), true).await);
    assert!(line.contains("may not read clusters"), "{line}");
}
