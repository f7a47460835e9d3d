//! Bindings of roles, and every refusal that is written down.

use super::*;

const PATH: &str = "/v3/clusterroletemplatebindings";
const STEVE: &str = "/v1/management.cattle.io.clusterroletemplatebindings";

fn bind(cluster: &str, role: &str, user: &str) -> Value {
    json!({"type": "clusterRoleTemplateBinding", "clusterId": cluster, "roleTemplateId": role, "userId": user})
}

#[tokio::test]
async fn a_simulated_binding_is_named_read_and_removed() {
    let sim = Sim::new().await;
    let id = sim.cluster("one").await;
    let mut wish = bind(&id, "cluster-member", "u-alice");
    wish["name"] = json!("kaas-requester");
    let made = sim.post(PATH, wish.clone()).await;
    assert_eq!((made.status, made.json()["id"].as_str()), (201, Some(format!("{id}:kaas-requester").as_str())));
    let again = sim.post(PATH, wish).await;
    assert_eq!(again.error().1, "AlreadyExists", "the name is the idempotency key");
    let one = format!("{PATH}/{id}:kaas-requester");
    let put = sim.put(&one, json!({"roleTemplateId": "cluster-owner"})).await;
    assert_eq!(
        (put.status, put.json()["roleTemplateId"].as_str()),
        (200, Some("cluster-member")),
        "PUT changes nothing"
    );
    let listed = sim.get(&format!("{PATH}?clusterId={id}&userId=u-alice")).await.json();
    assert_eq!(listed["data"].as_array().map(Vec::len), Some(1));
    // The provider follows the link to itself, which Rancher spells with capitals.
    let link =
        listed["data"][0]["links"]["remove"].as_str().unwrap().strip_prefix(&sim.running.url).unwrap().to_owned();
    assert!(link.starts_with("/v3/clusterRoleTemplateBindings/"), "{link}");
    let removed = sim.delete(&link).await;
    assert_eq!(removed.status, 200);
    assert!(removed.json()["removed"].is_string());
    assert_eq!(sim.get(&one).await.status, 200, "it is seen for a moment longer");
    sim.wait(1.0);
    assert_eq!(
        sim.get(&one).await.error().2,
        "clusterroletemplatebindings.management.cattle.io \"kaas-requester\" not found"
    );
}

#[tokio::test]
async fn a_simulated_duplicate_is_409_and_a_free_name_is_drawn() {
    let sim = Sim::new().await;
    let id = sim.cluster("one").await;
    let first = sim.post(PATH, bind(&id, "cluster-member", "u-alice")).await.json();
    assert!(first["id"].as_str().unwrap().starts_with(&format!("{id}:crtb-")), "{first}");
    let second = sim.post(PATH, bind(&id, "cluster-member", "u-alice")).await;
    let (status, code, message) = second.error();
    assert_eq!((status, code.as_str()), (409, "Conflict"));
    assert!(message.ends_with("denied the request: duplicate crtb not allowed"), "{message}");
    assert_eq!(sim.post(PATH, bind(&id, "cluster-owner", "u-alice")).await.status, 201, "another role is no duplicate");
}

#[tokio::test]
async fn simulated_bindings_are_refused_as_norman_does() {
    let sim = Sim::new().await;
    let id = sim.cluster("one").await;
    let with = |changes: Value| {
        let mut wish = bind(&id, "cluster-member", "u-alice");
        for (key, value) in changes.as_object().unwrap() {
            wish[key] = value.clone();
        }
        wish
    };
    let cases = [
        (with(json!({"clusterId": null})), 422, "MissingRequired", ""),
        (with(json!({"roleTemplateId": null})), 422, "MissingRequired", ""),
        (with(json!({"userId": null})), 422, "InvalidBodyContent", "must target a user"),
        (with(json!({"groupPrincipalId": "github_team://9"})), 422, "InvalidBodyContent", "must target a user"),
        (with(json!({"roleTemplateId": "nope"})), 500, "ServerError", "Error getting role template"),
        (with(json!({"roleTemplateId": "read-only"})), 422, "InvalidBodyContent", "Cannot reference context [project]"),
        (
            with(json!({"userId": null, "userPrincipalId": "github_user://1234"})),
            500,
            "ServerError",
            "\"1234\" not found",
        ),
        (with(json!({"clusterId": "c-m-nope1234"})), 404, "NotFound", "namespaces \"c-m-nope1234\" not found"),
    ];
    for (wish, status, code, part) in cases {
        let answer = sim.post(PATH, wish.clone()).await;
        let (found, found_code, message) = answer.error();
        assert_eq!((found, found_code.as_str()), (status, code), "{wish}: {message}");
        assert!(message.contains(part), "{message}");
    }
    let stranger = sim.ask(Some(&sim.alice), Method::POST, PATH, Some(bind(&id, "cluster-member", "u-bob"))).await;
    assert_eq!((stranger.status, stranger.error().1.as_str()), (403, "Forbidden"));
}

#[tokio::test]
async fn a_simulated_binding_before_its_namespace_is_404() {
    let sim = Sim::new().await;
    let config = sim.machine_config("nc").await;
    sim.post("/v1/provisioning.cattle.io.clusters", wish("early", &config, 1)).await;
    sim.wait(0.2);
    let shown = sim.get("/v1/provisioning.cattle.io.clusters/fleet-default/early").await.json();
    let id = shown["status"]["clusterName"].as_str().unwrap().to_owned();
    assert_eq!(sim.post(PATH, bind(&id, "cluster-member", "u-alice")).await.status, 404);
    sim.wait(0.2);
    assert_eq!(sim.post(PATH, bind(&id, "cluster-member", "u-alice")).await.status, 201);
}

#[tokio::test]
async fn a_simulated_binding_completes_once_the_cluster_is_connected() {
    let sim = Sim::new().await;
    let id = sim.cluster("one").await;
    let made = sim.post(PATH, bind(&id, "cluster-member", "u-alice")).await.json();
    let path = format!("{STEVE}/{}", made["id"].as_str().unwrap().replace(':', "/"));
    assert!(sim.get(&path).await.json().get("status").is_none(), "no controller has seen it yet");
    sim.wait(0.5);
    let local = sim.get(&path).await.json();
    assert_eq!(local["status"]["summaryLocal"], "Completed");
    assert_eq!(local["userPrincipalName"], "local://u-alice");
    assert!(local["status"].get("summary").is_none(), "the other half waits for the agent: {local}");
    sim.wait(8.0);
    assert_eq!(sim.get(&path).await.json()["status"]["summary"], "Completed");
}

#[tokio::test]
async fn a_simulated_binding_of_an_unknown_user_is_taken_and_never_completes() {
    let sim = Sim::new().await;
    let id = sim.cluster("one").await;
    sim.wait(20.0);
    let made = sim.post(PATH, bind(&id, "cluster-member", "u-nope1")).await;
    assert_eq!(made.status, 201);
    sim.wait(600.0);
    let status = sim.get(&format!("{PATH}/{}", made.json()["id"].as_str().unwrap())).await.json()["status"].clone();
    assert_eq!(status["summaryLocal"], "Error");
    assert!(status.get("summary").is_none());
    assert_eq!(status["localConditions"][0]["reason"], "FailedToGetUser");
}

#[tokio::test]
async fn a_simulated_group_is_bound_without_being_known() {
    let sim = Sim::new().await;
    let id = sim.cluster("one").await;
    let wish = json!({"clusterId": id, "roleTemplateId": "cluster-member", "groupPrincipalId": "github_team://99"});
    let made = sim.post(PATH, wish).await;
    assert_eq!(made.status, 201);
    sim.wait(20.0);
    let shown = sim.get(&format!("{PATH}/{}", made.json()["id"].as_str().unwrap())).await.json();
    assert_eq!(shown["status"]["summary"], "Completed");
}

#[tokio::test]
async fn simulated_steve_binds_an_external_principal_and_makes_its_user() {
    let sim = Sim::new().await;
    let id = sim.cluster("one").await;
    let body = json!({"metadata": {"generateName": "crtb-", "namespace": id,
            "annotations": {"auth.cattle.io/principal-display-name": "Octo"}},
        "clusterName": id, "roleTemplateName": "cluster-member", "userPrincipalName": "github_user://1234"});
    let made = sim.post(STEVE, body).await;
    assert_eq!(made.status, 201, "{}", made.text);
    assert_eq!(made.json()["metadata"]["generateName"], "crtb-");
    sim.wait(0.5);
    let shown = sim.get(&format!("{STEVE}/{}", made.json()["id"].as_str().unwrap())).await.json();
    assert_eq!(shown["userName"], "u-6vf4mrvv7e");
    let user = sim.get("/v3/users/u-6vf4mrvv7e").await.json();
    assert_eq!((user["name"].as_str(), &user["principalIds"][0]), (Some("Octo"), &json!("github_user://1234")));
    let label = "metadata.labels[CTKN8Q3LC9FNASR5E8T2UBPH68PJ8]=hashed-principal-name";
    let found = sim.get(&format!("/v1/management.cattle.io.users?filter={label}")).await.json();
    assert_eq!(found["data"][0]["id"], "u-6vf4mrvv7e");
}

#[tokio::test]
async fn simulated_steve_refuses_with_the_webhooks_words() {
    let sim = Sim::new().await;
    let id = sim.cluster("one").await;
    let body = |changes: Value| {
        let mut wish = json!({"metadata": {"generateName": "crtb-", "namespace": id}, "clusterName": id,
            "roleTemplateName": "cluster-member", "userName": "u-alice"});
        for (key, value) in changes.as_object().unwrap() {
            wish[key] = value.clone();
        }
        wish
    };
    let cases = [
        (json!({"roleTemplateName": "nope"}), 400, "the referenced role template was not found"),
        (json!({"roleTemplateName": "read-only"}), 400, "Unsupported value: \"project\""),
        (json!({"userName": null}), 400, "binding must target either a user"),
        (json!({"clusterName": "local"}), 400, "clusterName and namespace must be the same value"),
        (json!({"metadata": {"namespace": "c-m-nope1234"}, "clusterName": "c-m-nope1234"}), 404, "namespaces"),
    ];
    for (changes, status, part) in cases {
        let answer = sim.post(STEVE, body(changes)).await;
        assert_eq!(answer.status, status, "{}", answer.text);
        assert!(answer.error().2.contains(part), "{}", answer.text);
    }
    assert_eq!(sim.post(STEVE, body(json!({}))).await.status, 201);
    assert_eq!(sim.post(STEVE, body(json!({}))).await.status, 409);
}

#[tokio::test]
async fn a_simulated_binding_lets_its_person_see_the_cluster_and_its_removal_ends_that() {
    let sim = Sim::new().await;
    let id = sim.cluster("one").await;
    let path = format!("/v3/clusters/{id}");
    let made = sim.post(PATH, bind(&id, "cluster-member", "u-alice")).await.json();
    assert_eq!(sim.ask(Some(&sim.alice), Method::GET, &path, None).await.status, 200);
    let binding = format!("{PATH}/{}", made["id"].as_str().unwrap());
    let delete = sim.ask(Some(&sim.alice), Method::DELETE, &path, None).await;
    assert_eq!(delete.status, 403, "a member may look and not touch");
    sim.delete(&binding).await;
    assert_eq!(sim.ask(Some(&sim.alice), Method::GET, &path, None).await.status, 403);
}

#[tokio::test]
async fn a_simulated_creator_owns_the_cluster_unless_the_annotation_says_no() {
    let sim = Sim::new().await;
    let body = |name: &str, annotations: Value| {
        json!({"metadata": {"name": name, "namespace": "fleet-default", "annotations": annotations},
            "spec": {"kubernetesVersion": "v1.34.2+rke2r1", "rkeConfig": {}}})
    };
    let path = "/v1/provisioning.cattle.io.clusters";
    let none = json!({"field.cattle.io/no-creator-rbac": "true"});
    for (name, annotations, status) in [("mine", json!({}), 200), ("nobodys", none, 403)] {
        let made = sim.ask(Some(&sim.alice), Method::POST, path, Some(body(name, annotations))).await;
        assert_eq!(made.status, 201);
        let read = sim.ask(Some(&sim.alice), Method::GET, &format!("{path}/fleet-default/{name}"), None).await;
        assert_eq!(read.status, status, "{name}");
    }
    sim.wait(1.0);
    let owned = sim.get(&format!("{PATH}?userId=u-alice")).await.json();
    assert_eq!(owned["data"].as_array().map(Vec::len), Some(1));
    assert_eq!(owned["data"][0]["name"], "creator-cluster-owner");
}
