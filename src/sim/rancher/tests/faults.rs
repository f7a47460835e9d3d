//! The switches: each makes what it says, for as long as it is on.

use super::super::Fault;
use super::*;

async fn switch(sim: &Sim, body: Value) -> Answer {
    sim.ask(None, Method::POST, "/sim/fault", Some(body)).await
}

#[tokio::test]
async fn a_simulated_rancher_can_be_unavailable_for_a_while() {
    let sim = Sim::new().await;
    let on = switch(&sim, json!({"name": "unavailable", "on": true, "seconds": 5})).await;
    assert_eq!(on.status, 200, "{}", on.text);
    let answer = sim.get("/v3/users?me=true").await;
    assert_eq!((answer.status, answer.text.as_str()), (503, "API Aggregation not ready"));
    assert_eq!(sim.get("/ping").await.status, 200);
    sim.wait(5.1);
    assert_eq!(sim.get("/v3/users?me=true").await.status, 200, "it ends by itself");
}

#[tokio::test]
async fn simulated_tokens_can_be_dead() {
    let sim = Sim::new().await;
    sim.running.switch_on(Fault::TokenDead).unwrap();
    assert_eq!(sim.get("/v3/users?me=true").await.status, 401);
    sim.running.switch_off(Fault::TokenDead).unwrap();
    assert_eq!(sim.get("/v3/users?me=true").await.status, 200);
}

#[tokio::test]
async fn simulated_lost_rights_look_like_a_cluster_that_is_gone() {
    let sim = Sim::new().await;
    let id = sim.cluster("one").await;
    sim.wait(20.0);
    sim.running.switch_on(Fault::LostRights).unwrap();
    let steve = "/v1/provisioning.cattle.io.clusters/fleet-default/one";
    assert_eq!(sim.get(steve).await.error(), (403, "PermissionDenied".into(), "Method GET not supported".into()));
    assert_eq!(sim.get(&format!("/v3/clusters/{id}")).await.error().1, "Forbidden");
    assert_eq!(sim.delete(steve).await.status, 403);
    assert_eq!(sim.get("/v3/users?me=true").await.status, 200, "the token itself is alive");
    sim.running.switch_off(Fault::LostRights).unwrap();
    assert_eq!(sim.state(&id).await.0, "active", "nothing was deleted");
}

#[tokio::test]
async fn simulated_answers_can_be_slow() {
    let sim = Sim::new().await;
    sim.running.switch_on(Fault::Slow).unwrap();
    let hasty = reqwest::Client::builder().timeout(Duration::from_millis(60)).no_proxy().build().unwrap();
    let request = || hasty.get(format!("{}/ping", sim.running.url));
    assert!(request().send().await.is_err_and(|fault| fault.is_timeout()));
    assert_eq!(sim.get("/ping").await.text, "pong");
}

#[tokio::test]
async fn a_simulated_machine_is_refused_by_ec2_until_the_switch_is_off() {
    let sim = Sim::new().await;
    sim.running.switch_on(Fault::StuckMachine).unwrap();
    let id = sim.cluster("one").await;
    let (mut reasons, mut quiet) = (0, 0);
    for _ in 0..60 {
        sim.wait(1.0);
        let rows = sim.get("/v1/rke-machine.cattle.io.amazonec2machines").await.json()["data"].clone();
        let why =
            rows.as_array().unwrap().iter().find_map(|m| m["status"]["failureMessage"].as_str().map(str::to_owned));
        match why {
            Some(why) => {
                assert!(why.starts_with("VcpuLimitExceeded"), "{why}");
                reasons += 1;
            }
            None => quiet += 1,
        }
    }
    assert!(reasons > 10 && quiet > 10, "the reason comes and goes: {reasons} {quiet}");
    let (all, joined) = sim.machines("one").await;
    assert!(all == 4 && joined < 4 && joined > 0, "{joined} of {all}");
    assert_eq!(sim.condition("/v1/provisioning.cattle.io.clusters/fleet-default/one", "Updated").await, "Unknown");
    sim.running.switch_off(Fault::StuckMachine).unwrap();
    assert_eq!(sim.machines("one").await.1, joined, "it goes on from where it stood");
    sim.wait(3.0);
    assert_eq!(sim.state(&id).await.0, "waiting");
    sim.wait(2.0);
    assert_eq!((sim.state(&id).await.0.as_str(), sim.machines("one").await), ("active", (4, 4)));
}

#[tokio::test]
async fn a_simulated_cluster_cannot_go_while_a_create_job_is_pending() {
    let sim = Sim::new().await;
    sim.running.switch_on(Fault::StuckMachine).unwrap();
    let id = sim.cluster("one").await;
    sim.wait(30.0);
    sim.delete("/v1/provisioning.cattle.io.clusters/fleet-default/one").await;
    sim.wait(60.0);
    let (state, _, message) = sim.state(&id).await;
    assert_eq!(state, "removing");
    assert!(message.contains("because create job has not finished"), "{message}");
    sim.running.switch_off(Fault::StuckMachine).unwrap();
    assert_eq!(sim.get(&format!("/v3/clusters/{id}")).await.status, 404);
}

#[tokio::test]
async fn a_new_machine_of_a_simulated_active_cluster_is_refused_too() {
    let sim = Sim::new().await;
    let id = sim.cluster("one").await;
    sim.wait(20.0);
    sim.running.switch_on(Fault::StuckMachine).unwrap();
    assert_eq!(sim.state(&id).await.0, "active", "what is there is not touched");
    let path = "/v1/provisioning.cattle.io.clusters/fleet-default/one";
    let mut wanted = sim.get(path).await.json();
    wanted["spec"]["rkeConfig"]["machinePools"][1]["quantity"] = json!(4);
    sim.put(path, wanted).await;
    sim.wait(60.0);
    assert_eq!((sim.state(&id).await.0.as_str(), sim.machines("one").await), ("updating", (5, 4)));
    sim.running.switch_off(Fault::StuckMachine).unwrap();
    assert_eq!((sim.state(&id).await.0.as_str(), sim.machines("one").await), ("active", (5, 5)));
}

#[tokio::test]
async fn a_simulated_cluster_flaps_between_active_and_unavailable() {
    let sim = Sim::new().await;
    let id = sim.cluster("one").await;
    sim.wait(20.0);
    sim.running.switch_on(Fault::Flap).unwrap();
    let mut states = Vec::new();
    for _ in 0..12 {
        states.push(sim.state(&id).await.0);
        sim.wait(1.0);
    }
    let (away, back) = (["unavailable"; 3], ["active"; 3]);
    assert_eq!(states, [away, back, away, back].concat());
    assert_eq!(sim.condition(&format!("/v3/clusters/{id}"), "Ready").await, "False");
    assert_eq!(
        sim.get(&format!("/k8s/clusters/{id}/version")).await.text,
        "error trying to reach service: cluster agent disconnected"
    );
    let shown = sim.get("/v1/provisioning.cattle.io.clusters/fleet-default/one").await.json();
    assert_eq!(shown["status"]["ready"], true, "this never goes back to false");
}

#[tokio::test]
async fn a_simulated_removal_can_hang() {
    let sim = Sim::new().await;
    let id = sim.cluster("one").await;
    sim.wait(20.0);
    sim.running.switch_on(Fault::RemovalHangs).unwrap();
    sim.delete("/v1/provisioning.cattle.io.clusters/fleet-default/one").await;
    sim.wait(3600.0);
    assert_eq!((sim.state(&id).await.0.as_str(), sim.machines("one").await.0), ("removing", 1));
    sim.running.switch_off(Fault::RemovalHangs).unwrap();
    assert_eq!(sim.get(&format!("/v3/clusters/{id}")).await.status, 404);
}

#[tokio::test]
async fn a_simulated_create_fails_with_a_condition_that_stays_false() {
    let sim = Sim::new().await;
    sim.running.switch_on(Fault::CreateFails).unwrap();
    let id = sim.cluster("one").await;
    sim.wait(60.0);
    let shown = sim.get("/v1/provisioning.cattle.io.clusters/fleet-default/one").await.json();
    let updated =
        shown["status"]["conditions"].as_array().unwrap().iter().find(|c| c["type"] == "Updated").unwrap().clone();
    assert_eq!((&updated["status"], &updated["error"]), (&json!("False"), &json!(true)));
    assert!(updated["message"].as_str().unwrap().contains("quota exceeded"), "{updated}");
    let since: Timestamp = updated["lastUpdateTime"].as_str().unwrap().parse().unwrap();
    let now = crate::clock::Clock::now(&*sim.clock);
    assert!(now.duration_since(since).as_secs() > 120, "the provider gives up on what is False for so long");
    assert_eq!(sim.state(&id).await.1, "error");
    sim.running.switch_off(Fault::CreateFails).unwrap();
    sim.wait(8.1);
    assert_eq!(sim.state(&id).await.0, "active", "retried, it goes on");
}

#[tokio::test]
async fn a_simulated_fault_can_concern_one_cluster() {
    let sim = Sim::new().await;
    sim.running.switch_on_for(Fault::StuckMachine, "one").unwrap();
    let (one, two) = (sim.cluster("one").await, sim.cluster("two").await);
    sim.wait(20.0);
    assert_eq!((sim.state(&one).await.0.as_str(), sim.state(&two).await.0.as_str()), ("updating", "active"));
}

#[tokio::test]
async fn switching_a_simulated_fault_on_twice_moves_nothing() {
    let sim = Sim::new().await;
    sim.running.switch_on(Fault::StuckMachine).unwrap();
    sim.cluster("one").await;
    sim.wait(60.0);
    let before = sim.machines("one").await;
    sim.running.switch_on(Fault::StuckMachine).unwrap();
    sim.wait(60.0);
    assert_eq!(sim.machines("one").await, before);
}

#[tokio::test]
async fn the_simulators_control_route_lists_switches_and_requests() {
    let sim = Sim::new().await;
    let unknown = switch(&sim, json!({"name": "earthquake", "on": true})).await;
    assert_eq!(unknown.status, 422);
    assert!(unknown.text.contains("stuck-machine"), "it names those that exist: {}", unknown.text);
    assert_eq!(switch(&sim, json!({"name": "slow", "on": true, "seconds": 1e12})).await.status, 422);
    assert_eq!(switch(&sim, json!({"name": "slow", "on": true, "seconds": -1})).await.status, 422);
    switch(&sim, json!({"name": "flap", "on": true, "cluster": "one"})).await;
    let rows = sim.get("/sim/fault").await.json()["faults"].clone();
    let on: Vec<_> = rows.as_array().unwrap().iter().filter(|f| f["on"] == true).map(|f| f["name"].clone()).collect();
    assert_eq!(on, ["flap"]);
    sim.get("/v3/clusters?name=x").await;
    let seen = sim.get("/sim/requests").await.json();
    let last = seen["requests"].as_array().unwrap().last().unwrap().clone();
    assert_eq!(
        (&last["method"], &last["path"], &last["status"], &last["user"]),
        (&json!("GET"), &json!("/v3/clusters?name=x"), &json!(200), &json!("u-kaasbot"))
    );
    assert_eq!(sim.ask(None, Method::DELETE, "/sim/requests", None).await.status, 204);
    assert_eq!(sim.running.requests().len(), 1, "only the forgetting itself is left");
}

#[tokio::test]
async fn a_simulated_kubeconfig_is_made_for_the_caller_and_is_counted() {
    let sim = Sim::new().await;
    let id = sim.cluster("one").await;
    let path = format!("/v3/clusters/{id}?action=generateKubeconfig");
    let made = sim.ask(Some(&sim.bot), Method::POST, &path, None).await;
    assert_eq!(made.status, 200);
    let config = made.json()["config"].as_str().unwrap().to_owned();
    let token = config.lines().find_map(|l| l.trim().strip_prefix("token: ")).unwrap().trim_matches('"').to_owned();
    assert!(token.starts_with("kubeconfig-u-kaasbot"), "{token}");
    let me = sim.ask(Some(&token), Method::GET, "/v3/users?me=true", None).await;
    assert_eq!(me.json()["data"][0]["id"], "u-kaasbot", "the file holds the caller's own rights");
    let calls = sim.running.requests().iter().filter(|r| r.path.contains("generateKubeconfig")).count();
    assert_eq!(calls, 1);
    let gone = sim.post("/v3/clusters/c-m-nope1234?action=generateKubeconfig", json!({})).await;
    assert_eq!(gone.status, 404);
}
