//! The calls of the real terraform provider, in its order: create, read, change, destroy.

use super::*;

/// Follows the collection link of a schema, as the provider does, and gives its path.
async fn collection(sim: &Sim, schemas: &str, kind: &str) -> String {
    let listed = sim.get(schemas).await.json();
    let schema = listed["data"]
        .as_array()
        .unwrap()
        .iter()
        .find(|s| s["id"] == kind)
        .unwrap_or_else(|| panic!("no {kind}"))
        .clone();
    for key in ["pluralName", "collectionMethods", "resourceMethods"] {
        assert!(!schema[key].is_null(), "{kind} without {key}");
    }
    schema["links"]["collection"].as_str().unwrap().strip_prefix(&sim.running.url).unwrap().to_owned()
}

#[tokio::test]
async fn the_provider_finds_its_way_in_the_simulated_schemas() {
    let sim = Sim::new().await;
    assert_eq!(sim.get("/ping").await.text, "pong");
    let root = sim.get("/v3").await;
    assert_eq!(root.header("x-api-schemas"), format!("{}/v3/schemas", sim.running.url));
    let local = sim.get("/k8s/clusters/local/v1").await;
    assert_eq!(local.header("x-api-schemas"), format!("{}/v1/schemas", sim.running.url));
    for kind in
        ["setting", "cloudCredential", "cluster", "clusterRoleTemplateBinding", "roleTemplate", "nodeDriver", "token"]
    {
        let path = collection(&sim, "/v3/schemas", kind).await;
        assert_eq!(sim.get(&path).await.status, 200, "{path}");
    }
    for schemas in ["/v1/schemas", "/k8s/clusters/local/v1/schemas"] {
        for kind in ["provisioning.cattle.io.cluster", "rke-machine-config.cattle.io.amazonec2config"] {
            let path = collection(&sim, schemas, kind).await;
            assert_eq!(sim.get(&path).await.status, 200, "{path}");
        }
    }
    assert_eq!(sim.get("/v3/settings/k8s-version").await.json()["value"], "");
    assert_eq!(sim.get("/v3/nodedrivers/amazonec2").await.json()["state"], "active");
}

#[tokio::test]
async fn a_simulated_credential_keeps_no_secret_and_makes_no_diff() {
    let sim = Sim::new().await;
    let config = json!({"accessKey": "AKIA1", "secretKey": "mark-of-a-secret", "defaultRegion": "eu-west-1"});
    let body =
        json!({"links": null, "actions": null, "name": "aws", "description": "d", "amazonec2credentialConfig": config});
    let made = sim.post("/v3/cloudcredentials", body.clone()).await;
    assert_eq!(made.status, 201);
    assert!(!made.text.contains("mark-of-a-secret"));
    let made = made.json();
    assert_eq!(made["annotations"], json!({}), "without this the provider sees a change for ever");
    let path = format!("/v3/cloudcredentials/{}", made["id"].as_str().unwrap());
    assert!(path.contains("cattle-global-data:cc-"));
    let mut changed = body;
    changed["description"] = json!("other");
    assert_eq!(sim.put(&path, changed).await.json()["description"], "other");
    assert_eq!(sim.ask(Some(&sim.alice), Method::GET, &path, None).await.status, 403);
    assert_eq!(sim.delete(&path).await.status, 204);
    assert_eq!(sim.get(&path).await.status, 403, "the bot reads named secrets only, so gone looks forbidden");
    let admin = sim.running.admin_token.clone();
    assert_eq!(sim.ask(Some(&admin), Method::GET, &path, None).await.status, 404);
    let none = sim.post("/v3/cloudcredentials", json!({"name": "bad"})).await;
    assert_eq!(none.error(), (422, "MissingRequired".into(), "a Config field must be set".into()));
}

#[tokio::test]
async fn a_simulated_machine_config_is_filled_with_ranchers_defaults() {
    let sim = Sim::new().await;
    let name = sim.machine_config("nc-one-cp").await;
    let path = format!("/v1/rke-machine-config.cattle.io.amazonec2configs/fleet-default/{name}");
    let shown = sim.get(&path).await.json();
    assert!(name.starts_with("nc-one-cp-") && name.len() == 15, "{name}");
    assert_eq!(shown["httpProtocolIpv6"], "disabled", "unset it is a diff for ever");
    assert_eq!((&shown["volumeType"], &shown["securityGroupReadonly"]), (&json!("gp2"), &json!(false)));
    assert_eq!(shown["kind"], "Amazonec2Config");
    let mut wanted = shown.clone();
    wanted["instanceType"] = json!("m6i.large");
    let put = sim.put(&path, wanted.clone()).await;
    assert_eq!((put.status, put.json()["instanceType"].as_str()), (200, Some("m6i.large")));
    assert_eq!(sim.put(&path, wanted).await.status, 409, "the object has moved on");
    let unversioned = sim.put(&path, json!({"metadata": {"name": name}})).await;
    assert_eq!(unversioned.status, 422);
    assert_eq!(sim.delete(&path).await.status, 204);
    assert_eq!(sim.delete(&path).await.status, 404);
}

#[tokio::test]
async fn the_provider_creates_reads_and_destroys_a_simulated_cluster() {
    let sim = Sim::new().await;
    let config = sim.machine_config("nc-one").await;
    let made = sim.post("/v1/provisioning.cattle.io.clusters", wish("one", &config, 1)).await.json();
    let itself = made["links"]["self"].as_str().unwrap().strip_prefix(&sim.running.url).unwrap().to_owned();
    assert_eq!(made["id"], "fleet-default/one");
    // It polls every five seconds, first for Created, then for Updated.
    let mut polls = 0;
    while sim.condition(&itself, "Created").await != "True" || sim.condition(&itself, "Updated").await != "True" {
        sim.wait(5.0);
        polls += 1;
        assert!(polls < 10, "the apply would never return");
    }
    let read = sim.get(&itself).await.json();
    assert_eq!(read["spec"], wish("one", &config, 1)["spec"], "what is read is what was written, so a plan is empty");
    assert_eq!(read["metadata"]["labels"], json!({"kaas.request-id": "r-1"}));
    let updated =
        read["status"]["conditions"].as_array().unwrap().iter().find(|c| c["type"] == "Updated").unwrap().clone();
    assert!(updated["lastUpdateTime"].as_str().unwrap().parse::<Timestamp>().is_ok(), "{updated}");
    let id = read["status"]["clusterName"].as_str().unwrap().to_owned();
    assert_eq!(sim.get(&format!("/v3/clusters/{id}")).await.json()["id"], json!(id));
    let token = sim.get(&format!("/v3/clusterregistrationtokens/{id}:default-token")).await.json();
    assert_eq!(token["clusterId"], json!(id));
    assert!(token["command"].as_str().unwrap().contains("kubectl apply"));
    let again = sim.get(&format!("/v3/clusterregistrationtokens/{id}:default-token")).await.json();
    assert_eq!(token, again, "a token that changes would be a diff");
    let binding = json!({"links": null, "clusterId": id, "name": "kaas-requester", "roleTemplateId": "cluster-member", "userId": "u-alice"});
    assert_eq!(sim.post("/v3/clusterroletemplatebindings", binding).await.status, 201);
    let binding = format!("/v3/clusterRoleTemplateBindings/{id}:kaas-requester");
    assert_eq!(sim.delete(&binding).await.status, 200);
    sim.wait(1.0);
    assert_eq!(sim.get(&binding).await.status, 404);
    assert_eq!(sim.delete(&itself).await.status, 200);
    let mut waits = [1.0, 3.0, 6.0, 10.0].into_iter();
    while sim.get(&itself).await.status != 404 {
        sim.wait(waits.next().expect("the destroy would never return"));
    }
    assert_eq!(sim.get(&format!("/v3/clusters/{id}")).await.status, 404);
}
