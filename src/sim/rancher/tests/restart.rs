//! What survives: everything that was answered, and the way that a cluster has come.

use super::super::Fault;
use super::*;

/// Kills a simulator without any farewell.
fn kill(sim: Sim) -> Arc<ManualClock> {
    let clock = sim.clock.clone();
    drop(sim);
    clock
}

#[tokio::test]
async fn a_killed_simulated_rancher_goes_on_where_the_clock_says() {
    let dir = tempfile::tempdir().unwrap();
    let file = dir.path().join("rancher.json");
    let clock = ManualClock::at(Timestamp::from_second(1_800_000_000).unwrap());
    let sim = Sim::kept(&clock, file.clone()).await;
    let (bot, admin) = (sim.bot.clone(), sim.running.admin_token.clone());
    let id = sim.cluster("one").await;
    let bind = json!({"clusterId": id, "roleTemplateId": "cluster-member", "userId": "u-alice", "name": "kaas"});
    sim.post("/v3/clusterroletemplatebindings", bind).await;
    sim.wait(4.0);
    let before = (sim.state(&id).await, sim.machines("one").await);
    let clock = kill(sim);

    let sim = Sim::kept(&clock, file.clone()).await;
    assert_eq!((&sim.bot, &sim.running.admin_token), (&bot, &admin), "tokens stay valid");
    assert_eq!((sim.state(&id).await, sim.machines("one").await), before);
    assert_eq!(sim.get(&format!("/v3/clusterroletemplatebindings/{id}:kaas")).await.status, 200);
    let clock = kill(sim);
    clock.advance(Duration::from_secs(6));

    let sim = Sim::kept(&clock, file.clone()).await;
    assert_eq!(sim.state(&id).await.0, "active", "it came up while nobody looked");
    sim.delete("/v1/provisioning.cattle.io.clusters/fleet-default/one").await;
    let clock = kill(sim);
    let sim = Sim::kept(&clock, file).await;
    assert_eq!(sim.state(&id).await.0, "removing");
    sim.wait(3.1);
    assert_eq!(sim.get(&format!("/v3/clusters/{id}")).await.status, 404);
}

#[tokio::test]
async fn a_simulated_fault_and_what_it_held_survive() {
    let dir = tempfile::tempdir().unwrap();
    let file = dir.path().join("rancher.json");
    let clock = ManualClock::at(Timestamp::from_second(1_800_000_000).unwrap());
    let sim = Sim::kept(&clock, file.clone()).await;
    sim.running.switch_on(Fault::StuckMachine).unwrap();
    let id = sim.cluster("one").await;
    sim.wait(60.0);
    let before = sim.machines("one").await;
    let clock = kill(sim);
    let sim = Sim::kept(&clock, file.clone()).await;
    sim.wait(60.0);
    assert_eq!(sim.machines("one").await, before);
    sim.running.switch_off(Fault::StuckMachine).unwrap();
    let clock = kill(sim);
    let sim = Sim::kept(&clock, file).await;
    assert_eq!(sim.state(&id).await.0, "updating");
    sim.wait(5.0);
    assert_eq!(sim.state(&id).await.0, "active");
}

#[tokio::test]
async fn a_simulated_write_that_cannot_be_saved_is_refused_and_undone() {
    let dir = tempfile::tempdir().unwrap();
    let sim = Sim::with(|o| Options { state_file: Some(dir.path().join("state/rancher.json")), ..o });
    std::fs::create_dir(dir.path().join("state")).unwrap();
    let sim = sim.await;
    std::fs::remove_dir_all(dir.path().join("state")).unwrap();
    let body = json!({"metadata": {"name": "one", "namespace": "fleet-default"}, "spec": {}});
    let answer = sim.post("/v1/provisioning.cattle.io.clusters", body.clone()).await;
    assert_eq!(answer.status, 500, "{}", answer.text);
    assert_eq!(sim.get("/v1/provisioning.cattle.io.clusters/fleet-default/one").await.status, 404);
    std::fs::create_dir(dir.path().join("state")).unwrap();
    assert_eq!(sim.post("/v1/provisioning.cattle.io.clusters", body).await.status, 201);
}

#[tokio::test]
async fn a_simulated_state_file_is_private_and_a_strange_one_is_refused() {
    use std::os::unix::fs::PermissionsExt;
    let dir = tempfile::tempdir().unwrap();
    let file = dir.path().join("rancher.json");
    let clock = ManualClock::at(Timestamp::from_second(1_800_000_000).unwrap());
    let sim = Sim::kept(&clock, file.clone()).await;
    assert_eq!(std::fs::metadata(&file).unwrap().permissions().mode() & 0o077, 0, "it holds tokens");
    drop(sim);
    std::fs::write(&file, "{\"simulator\":\"x\",\"version\":99,\"world\":{}}").unwrap();
    let refused = start(Options { state_file: Some(file), ..options(&clock) }).await;
    assert!(refused.is_err());
}

#[tokio::test]
async fn a_simulated_rancher_stops_in_order() {
    let sim = Sim::new().await;
    let url = sim.running.url.clone();
    sim.get("/ping").await;
    sim.running.shutdown().await;
    assert!(reqwest::get(format!("{url}/ping")).await.is_err());
}

#[tokio::test]
async fn a_simulated_rancher_comes_back_where_it_was_if_it_can() {
    let dir = tempfile::tempdir().unwrap();
    let file = dir.path().join("rancher.json");
    let clock = ManualClock::at(Timestamp::from_second(1_800_000_000).unwrap());
    // Another program may take the port in between, so once in a few tries is enough.
    let mut held = None;
    for _ in 0..5 {
        let first = Sim::kept(&clock, file.clone()).await;
        let url = first.running.url.clone();
        first.running.shutdown().await;
        let second = Sim::kept(&clock, file.clone()).await;
        if second.running.url == url {
            held = Some(second);
            break;
        }
    }
    let second = held.expect("it never came back to its port");
    let url = second.running.url.clone();
    let third = Sim::kept(&clock, file).await;
    assert_ne!(third.running.url, url, "where the port is taken, another will do");
}

#[tokio::test]
async fn simulated_writes_at_once_are_all_kept() {
    let dir = tempfile::tempdir().unwrap();
    let file = dir.path().join("rancher.json");
    let clock = ManualClock::at(Timestamp::from_second(1_800_000_000).unwrap());
    let sim = Arc::new(Sim::kept(&clock, file.clone()).await);
    let writers: Vec<_> = (0..40)
        .map(|n| {
            let sim = sim.clone();
            tokio::spawn(async move {
                let body = json!({"metadata": {"name": format!("team-{n}"), "namespace": "fleet-default"}, "spec": {}});
                sim.post("/v1/provisioning.cattle.io.clusters", body).await.status
            })
        })
        .collect();
    for writer in writers {
        assert_eq!(writer.await.unwrap(), 201);
    }
    drop(sim);
    let sim = Sim::kept(&clock, file).await;
    assert_eq!(sim.get("/v1/provisioning.cattle.io.clusters").await.json()["count"], 40);
}

#[tokio::test]
async fn a_simulated_rancher_without_patience_is_active_at_once() {
    let sim = Sim::with(|o| Options { provisioning: Duration::ZERO, removing: Duration::ZERO, ..o }).await;
    let id = sim.cluster("one").await;
    assert_eq!((sim.state(&id).await.0.as_str(), sim.machines("one").await), ("active", (4, 4)));
    assert_eq!(sim.delete("/v1/provisioning.cattle.io.clusters/fleet-default/one").await.status, 200);
    assert_eq!(sim.get(&format!("/v3/clusters/{id}")).await.status, 404);
}
