//! A cluster from its request to the last 404.

use super::*;

const CLUSTERS: &str = "/v1/provisioning.cattle.io.clusters";

fn steve(name: &str) -> String {
    format!("{CLUSTERS}/fleet-default/{name}")
}

#[tokio::test]
async fn a_simulated_cluster_is_applied_before_it_is_usable() {
    let sim = Sim::new().await;
    let id = sim.cluster("one").await;
    let v3 = format!("/v3/clusters/{id}");
    assert_eq!(sim.condition(&steve("one"), "Created").await, "");
    sim.wait(2.0); // 25 %
    assert_eq!(sim.condition(&steve("one"), "Created").await, "True");
    assert_eq!(sim.condition(&steve("one"), "Updated").await, "Unknown");
    sim.wait(4.0); // 65 %
    assert_eq!(sim.condition(&steve("one"), "Updated").await, "True");
    assert_eq!(sim.condition(&v3, "Connected").await, "False");
    assert_eq!(sim.state(&id).await, ("updating".into(), "yes".into(), "waiting for cluster agent to connect".into()));
    sim.wait(2.0); // 85 %
    assert_eq!(sim.condition(&v3, "Connected").await, "True");
    assert_eq!(sim.condition(&v3, "Ready").await, "False");
    assert_eq!(sim.state(&id).await.0, "waiting");
    sim.wait(2.0); // done
    assert_eq!(sim.state(&id).await, ("active".into(), "no".into(), String::new()));
    assert_eq!(sim.condition(&v3, "Ready").await, "True");
    let shown = sim.get(&steve("one")).await.json();
    assert_eq!((&shown["status"]["ready"], &shown["metadata"]["state"]["name"]), (&json!(true), &json!("active")));
    let shown = sim.get(&v3).await.json();
    assert_eq!((&shown["version"]["gitVersion"], &shown["nodeCount"]), (&json!("v1.34.2+rke2r1"), &json!(4)));
}

#[tokio::test]
async fn a_brand_new_simulated_cluster_reads_active_for_a_moment() {
    let sim = Sim::new().await;
    let id = sim.cluster("one").await;
    assert_eq!(sim.state(&id).await.0, "active");
    assert_eq!(sim.condition(&format!("/v3/clusters/{id}"), "Ready").await, "", "only the conditions tell");
    sim.wait(0.4);
    assert_eq!(sim.state(&id).await, ("updating".into(), "yes".into(), "waiting for viable init node".into()));
}

#[tokio::test]
async fn simulated_nodes_register_one_by_one_with_messages() {
    let sim = Sim::new().await;
    let id = sim.cluster("one").await;
    let mut counts = Vec::new();
    let mut messages = Vec::new();
    for _ in 0..100 {
        sim.wait(0.1);
        let (all, joined) = sim.machines("one").await;
        if all > 0 && counts.last() != Some(&joined) {
            counts.push(joined);
        }
        let message = sim.state(&id).await.2;
        if messages.last() != Some(&message) {
            messages.push(message);
        }
    }
    assert_eq!(counts, [0, 1, 2, 3, 4]);
    let has = |part: &str| assert!(messages.iter().any(|m| m.contains(part)), "no `{part}` in {messages:#?}");
    has("waiting for viable init node");
    has("configuring bootstrap node(s) one-cp-");
    has("waiting for agent to check in");
    has("waiting for probes: etcd");
    has("waiting for cluster agent to connect");
    has("Waiting for API to be available");
}

#[tokio::test]
async fn a_simulated_machine_goes_through_its_phases() {
    let sim = Sim::new().await;
    sim.cluster("one").await;
    let mut phases: Vec<String> = Vec::new();
    for _ in 0..60 {
        sim.wait(0.1);
        let rows = sim.get("/v1/cluster.x-k8s.io.machines").await.json();
        let first = rows["data"]
            .as_array()
            .unwrap()
            .iter()
            .find(|m| m["metadata"]["labels"]["rke.cattle.io/control-plane-role"] == "true");
        let Some(machine) = first else { continue };
        let phase = machine["status"]["phase"].as_str().unwrap().to_owned();
        if phase == "Provisioning" {
            let message = machine["metadata"]["state"]["message"].as_str().unwrap();
            assert!(message.starts_with("creating server [fleet-default/one-cp-"), "{message}");
        }
        if phases.last() != Some(&phase) {
            phases.push(phase);
        }
    }
    assert_eq!(phases, ["Pending", "Provisioning", "Provisioned", "Running"]);
    let behind = sim.get("/v1/rke-machine.cattle.io.amazonec2machines").await.json();
    let tags = behind["data"][0]["spec"]["tags"].as_str().unwrap();
    assert!(tags.starts_with("kaas:cluster,one,kubernetes.io/cluster/c-m-") && tags.ends_with(",owned"), "{tags}");
}

#[tokio::test]
async fn a_removed_simulated_cluster_lingers_and_takes_everything_along() {
    let sim = Sim::new().await;
    let id = sim.cluster("one").await;
    sim.wait(20.0);
    let bind = json!({"clusterId": id, "roleTemplateId": "cluster-member", "userId": "u-alice", "name": "kaas"});
    sim.post("/v3/clusterroletemplatebindings", bind).await;
    let deleted = sim.delete(&steve("one")).await;
    assert_eq!(deleted.status, 200);
    assert!(deleted.json()["metadata"]["deletionTimestamp"].is_string());
    sim.wait(0.5);
    let (state, _, message) = sim.state(&id).await;
    assert_eq!(state, "removing");
    assert!(message.starts_with("waiting for machine [fleet-default/one-"), "{message}");
    let shown = sim.get(&steve("one")).await.json();
    assert_eq!(shown["metadata"]["state"]["name"], "reconciling", "Steve has another word for it");
    assert_eq!(sim.condition(&steve("one"), "Updated").await, "True", "the conditions lie while it goes");
    assert!(sim.get(&format!("/v3/clusters/{id}")).await.json()["removed"].is_string());
    sim.wait(1.5);
    assert!(sim.machines("one").await.0 < 4, "machines go before the cluster");
    sim.wait(1.0);
    for path in [steve("one"), format!("/v3/clusters/{id}"), format!("/v3/clusterroletemplatebindings/{id}:kaas")] {
        assert_eq!(sim.get(&path).await.status, 404, "{path}");
    }
    let configs = "/v1/rke-machine-config.cattle.io.amazonec2configs";
    assert_eq!(sim.get(configs).await.json()["count"], 1, "the garbage collector comes a little later");
    sim.wait(1.1);
    assert_eq!(sim.get(configs).await.json()["data"], json!([]));
    assert_eq!(sim.machines("one").await, (0, 0));
}

#[tokio::test]
async fn a_simulated_person_sees_403_after_the_last_removal() {
    let sim = Sim::new().await;
    let body = json!({"metadata": {"name": "mine", "namespace": "fleet-default"},
        "spec": {"kubernetesVersion": "v1.34.2+rke2r1", "rkeConfig": {}}});
    sim.ask(Some(&sim.alice), Method::POST, CLUSTERS, Some(body)).await;
    sim.wait(1.0);
    assert_eq!(sim.ask(Some(&sim.alice), Method::DELETE, &steve("mine"), None).await.status, 200);
    sim.wait(4.0);
    assert_eq!(sim.ask(Some(&sim.alice), Method::GET, &steve("mine"), None).await.status, 403);
    assert_eq!(sim.get(&steve("mine")).await.status, 404);
}

#[tokio::test]
async fn simulated_names_are_refused_by_kubernetes_and_by_the_webhook() {
    let sim = Sim::new().await;
    let config = sim.machine_config("nc").await;
    let kubernetes = "a lowercase RFC 1123 subdomain";
    let webhook = "cluster name must be between 2 and 63 characters";
    let long = "x".repeat(64);
    let cases = [
        ("A-Upper", kubernetes),
        ("under_score", kubernetes),
        ("-lead", kubernetes),
        ("trail-", kubernetes),
        ("", kubernetes),
        ("a", webhook),
        ("local", webhook),
        ("c-abcde", webhook),
        ("with.dot", webhook),
        (&long, webhook),
    ];
    for (name, part) in cases {
        let answer = sim.post(CLUSTERS, wish(name, &config, 1)).await;
        let (status, code, message) = answer.error();
        assert_eq!((status, code.as_str()), (422, "Invalid"), "{name}");
        assert!(message.contains(part), "{name}: {message}");
    }
    assert_eq!(sim.post(CLUSTERS, wish("c-m-abcdefgh", &config, 1)).await.status, 201, "this form is allowed");
    let twice = sim.post(CLUSTERS, wish("c-m-abcdefgh", &config, 1)).await;
    assert_eq!(
        twice.error(),
        (409, "AlreadyExists".into(), "clusters.provisioning.cattle.io \"c-m-abcdefgh\" already exists".into())
    );
}

#[tokio::test]
async fn other_simulated_wishes_are_refused_too() {
    let sim = Sim::new().await;
    let config = sim.machine_config("nc").await;
    let mut elsewhere = wish("one", &config, 1);
    elsewhere["metadata"]["namespace"] = json!("nope-ns");
    assert_eq!(
        sim.post(CLUSTERS, elsewhere).await.error(),
        (404, "NotFound".into(), "namespaces \"nope-ns\" not found".into())
    );
    let mut unversioned = wish("one", &config, 1);
    unversioned["spec"]["kubernetesVersion"] = json!(null);
    assert_eq!(sim.post(CLUSTERS, unversioned).await.status, 500);
    let mut doubled = wish("one", &config, 1);
    doubled["spec"]["rkeConfig"]["machinePools"][1]["name"] = json!("cp");
    assert!(sim.post(CLUSTERS, doubled).await.error().2.contains("machinePools[1]: Duplicate value"));
    let mut long = wish("one", &config, 1);
    long["spec"]["rkeConfig"]["machinePools"][1]["name"] = json!("p".repeat(64));
    assert_eq!(sim.post(CLUSTERS, long).await.status, 422);
    let mut odd = wish("one", &config, 1);
    odd["spec"]["kubernetesVersion"] = json!("v1.99.0+rke2r1");
    assert_eq!(sim.post(CLUSTERS, odd).await.status, 201, "the version itself is not checked");
    let broken = sim.http.post(format!("{}{CLUSTERS}", sim.running.url)).bearer_auth(&sim.bot).body("{");
    assert_eq!(read(broken).await.status, 422);
}

#[tokio::test]
async fn a_simulated_cluster_may_only_use_a_credential_that_its_maker_can_read() {
    let sim = Sim::new().await;
    let config = sim.machine_config("nc").await;
    let mut with = wish("one", &config, 1);
    with["spec"]["cloudCredentialSecretName"] = json!("cattle-global-data:cc-other");
    let answer = sim.post(CLUSTERS, with.clone()).await;
    let (status, code, message) = answer.error();
    assert_eq!((status, code.as_str()), (401, "Unauthorized"));
    assert!(message.ends_with("denied the request: Unauthorized"), "this 401 is no dead token: {message}");
    with["spec"]["cloudCredentialSecretName"] = json!(sim.running.credential);
    assert_eq!(sim.post(CLUSTERS, with).await.status, 201);
    let used = format!("/v3/cloudcredentials/{}", sim.running.credential);
    let admin = sim.running.admin_token.clone();
    assert_eq!(sim.ask(Some(&admin), Method::DELETE, &used, None).await.status, 422, "it is in use");
    assert_eq!(sim.ask(Some(&sim.alice), Method::GET, &used, None).await.status, 403);
}

#[tokio::test]
async fn the_simulated_management_id_can_be_chosen() {
    let sim = Sim::new().await;
    let config = sim.machine_config("nc").await;
    let mut fixed = wish("one", &config, 1);
    fixed["metadata"]["annotations"]["provisioning.cattle.io/management-cluster-name"] = json!("c-m-kaasfix1");
    sim.post(CLUSTERS, fixed).await;
    let id = sim.cluster("two").await;
    assert_eq!(sim.get("/v3/clusters/c-m-kaasfix1").await.json()["name"], "one");
    assert!(id.starts_with("c-m-") && id.len() == 12, "{id}");
    assert_eq!(sim.get("/v3/clusters?name=two").await.json()["data"][0]["id"], json!(id));
}

#[tokio::test]
async fn a_simulated_pool_with_an_unknown_machine_config_is_an_error() {
    let sim = Sim::new().await;
    sim.post(CLUSTERS, wish("bad", "nope", 1)).await;
    sim.wait(30.0);
    let state = sim.get(&steve("bad")).await.json()["metadata"]["state"].clone();
    let message = "Amazonec2Config.rke-machine-config.cattle.io \"fleet-default/nope\" not found";
    assert_eq!(state, json!({"name": "error", "error": true, "transitioning": false, "message": message}));
    assert_eq!(sim.condition(&steve("bad"), "RKECluster").await, "False");
    assert_ne!(sim.condition(&steve("bad"), "Updated").await, "True");
}

#[tokio::test]
async fn a_simulated_cluster_without_pools_waits_for_ever() {
    let sim = Sim::new().await;
    let body = json!({"metadata": {"name": "custom", "namespace": "fleet-default"},
        "spec": {"kubernetesVersion": "v1.34.2+rke2r1", "rkeConfig": {}}});
    sim.post(CLUSTERS, body).await;
    sim.wait(600.0);
    assert_eq!(sim.condition(&steve("custom"), "Created").await, "True", "terraform's apply returns");
    assert_ne!(sim.condition(&steve("custom"), "Ready").await, "True");
    let state = sim.get(&steve("custom")).await.json()["metadata"]["state"].clone();
    assert_eq!(state["message"], "waiting for at least one control plane, etcd, and worker node to be registered");
}

#[tokio::test]
async fn a_simulated_cluster_is_scaled_and_upgraded() {
    let sim = Sim::new().await;
    let id = sim.cluster("one").await;
    sim.wait(20.0);
    let mut wanted = sim.get(&steve("one")).await.json();
    wanted["spec"]["rkeConfig"]["machinePools"][1]["quantity"] = json!(5);
    wanted["spec"]["kubernetesVersion"] = json!("v1.35.0+rke2r1");
    let version = wanted["metadata"]["resourceVersion"].clone();
    let put = sim.put(&steve("one"), wanted.clone()).await;
    assert_eq!(put.status, 200, "{}", put.text);
    assert_ne!(put.json()["metadata"]["resourceVersion"], version);
    assert_eq!(sim.condition(&steve("one"), "Updated").await, "Unknown", "the provider waits for it to be True again");
    assert_eq!(sim.state(&id).await.0, "updating");
    assert_eq!(sim.machines("one").await, (6, 4));
    let running = |v: Value| v["version"]["gitVersion"].clone();
    assert_eq!(running(sim.get(&format!("/v3/clusters/{id}")).await.json()), "v1.34.2+rke2r1");
    sim.wait(6.0);
    assert_eq!(sim.condition(&steve("one"), "Updated").await, "True");
    assert_eq!((sim.state(&id).await.0.as_str(), sim.machines("one").await), ("active", (6, 6)));
    assert_eq!(running(sim.get(&format!("/v3/clusters/{id}")).await.json()), "v1.35.0+rke2r1");
    let stale = sim.put(&steve("one"), wanted.clone()).await;
    assert_eq!(stale.error().1, "Conflict", "it was written on an older object");
    wanted["metadata"]["resourceVersion"] = put.json()["metadata"]["resourceVersion"].clone();
    wanted["spec"]["rkeConfig"]["machinePools"][1]["quantity"] = json!(1);
    assert_eq!(sim.put(&steve("one"), wanted).await.status, 200);
    sim.wait(6.0);
    assert_eq!(sim.machines("one").await, (2, 2));
}

#[tokio::test]
async fn another_simulated_machine_config_replaces_the_machines_of_its_pool() {
    let sim = Sim::new().await;
    sim.cluster("one").await;
    sim.wait(20.0);
    let names = |rows: Value| -> Vec<String> {
        rows["data"].as_array().unwrap().iter().map(|m| m["metadata"]["name"].as_str().unwrap().to_owned()).collect()
    };
    let before = names(sim.get("/v1/cluster.x-k8s.io.machines").await.json());
    let other = sim.machine_config("nc-other").await;
    let mut wanted = sim.get(&steve("one")).await.json();
    let old = wanted["spec"]["rkeConfig"]["machinePools"][1]["machineConfigRef"]["name"].as_str().unwrap().to_owned();
    for pool in 0..2 {
        wanted["spec"]["rkeConfig"]["machinePools"][pool]["machineConfigRef"]["name"] = json!(other);
    }
    assert_eq!(sim.put(&steve("one"), wanted).await.status, 200);
    let gone = sim.delete(&format!("/v1/rke-machine-config.cattle.io.amazonec2configs/fleet-default/{old}")).await;
    assert_eq!(gone.status, 204);
    sim.wait(6.0);
    let after = names(sim.get("/v1/cluster.x-k8s.io.machines").await.json());
    assert_eq!(after.len(), 4);
    assert!(after.iter().all(|name| !before.contains(name)), "{before:?} {after:?}");
    assert_eq!(sim.condition(&steve("one"), "Updated").await, "True");
}

#[tokio::test]
async fn the_simulated_version_behind_a_cluster_answers_once_its_agent_is_there() {
    let sim = Sim::new().await;
    let id = sim.cluster("one").await;
    let path = format!("/k8s/clusters/{id}/version");
    let early = sim.get(&path).await;
    assert_eq!(early.status, 500);
    assert!(early.text.contains("ClusterUnavailable 503"), "{}", early.text);
    assert_eq!(sim.get(&format!("/v3/clusters/{id}/namespaces")).await.error().1, "ClusterUnavailable");
    sim.wait(20.0);
    let version = sim.ask(None, Method::GET, &path, None).await;
    assert_eq!((version.status, version.json()["gitVersion"].as_str()), (200, Some("v1.34.2+rke2r1")));
    assert_eq!(sim.ask(None, Method::GET, &format!("/k8s/clusters/{id}/api/v1/namespaces"), None).await.status, 403);
}

#[tokio::test]
async fn many_simulated_clusters_go_side_by_side() {
    let sim = Sim::new().await;
    let mut ids = Vec::new();
    for n in 0..5 {
        ids.push(sim.cluster(&format!("team-{n}")).await);
        sim.wait(1.5);
    }
    assert_eq!(sim.state(&ids[0]).await.0, "active", "ten seconds are over");
    assert_eq!(sim.state(&ids[4]).await.0, "updating");
    ids.sort();
    ids.dedup();
    assert_eq!(ids.len(), 5);
}
