//! Authentication, the five shapes of error, collections: what every client of Rancher meets first.

use super::*;

#[tokio::test]
async fn every_simulated_answer_names_itself() {
    let sim = Sim::new().await;
    for path in ["/ping", "/rancherversion", "/v3", "/v1/schemas", "/nowhere", "/dashboard/c/c-m-x/explorer", "/sim"] {
        let answer = sim.get(path).await;
        assert_eq!(answer.header("server"), "kaas-simulated-rancher", "{path}");
    }
    let page = sim.get("/dashboard/c/<script>/explorer").await;
    assert!(page.text.contains("This is a simulation") && !page.text.contains("<script>"), "{}", page.text);
}

#[tokio::test]
async fn simulated_ping_and_version_need_no_token() {
    let sim = Sim::new().await;
    assert_eq!(sim.ask(None, Method::GET, "/ping", None).await.text, "pong");
    let version = sim.ask(None, Method::GET, "/rancherversion", None).await;
    assert_eq!(version.json()["Version"], "v2.14.4");
    assert!(version.header("content-type").starts_with("text/plain"));
}

#[tokio::test]
async fn a_simulated_token_comes_as_bearer_basic_or_cookie() {
    let sim = Sim::new().await;
    let me = format!("{}/v3/users?me=true", sim.running.url);
    let (name, secret) = sim.bot.split_once(':').unwrap();
    let forms = [
        sim.http.get(&me).bearer_auth(&sim.bot),
        sim.http.get(&me).basic_auth(name, Some(secret)),
        sim.http.get(&me).header("cookie", format!("CSRF=1; R_SESS={}", sim.bot)),
    ];
    for form in forms {
        let answer = read(form).await;
        assert_eq!(answer.status, 200, "{}", answer.text);
        assert_eq!(answer.json()["data"][0]["id"], "u-kaasbot");
        assert_eq!(answer.header("x-api-cattle-auth"), "true");
    }
    let wrong = read(sim.http.get(&me).bearer_auth(format!("{name}:wrong"))).await;
    assert_eq!(wrong.status, 401);
    let as_ext = read(sim.http.get(&me).bearer_auth(format!("ext/{}", sim.bot))).await;
    assert_eq!(as_ext.status, 401, "a token of the old API does not take the prefix of the new one");
}

#[tokio::test]
async fn a_simulated_401_has_a_string_for_its_status_and_no_code() {
    let sim = Sim::new().await;
    for path in ["/v3/settings/server-version", "/v1/provisioning.cattle.io.clusters", "/k8s/clusters/local/v1/pods"] {
        let answer = sim.ask(None, Method::GET, path, None).await;
        let expected = json!({"type": "error", "status": "401", "message": "Unauthorized 401: must authenticate"});
        assert_eq!((answer.status, answer.json()), (401, expected), "{path}");
        assert_eq!(answer.header("x-api-cattle-auth"), "false");
    }
    let plain = sim.ask(None, Method::GET, "/k8s/clusters/local/api/v1/namespaces", None).await;
    assert_eq!((plain.status, plain.text.as_str()), (401, "not authorized\n"));
    let status = sim.ask(Some("token-x:dead"), Method::GET, "/k8s/clusters/local/version", None).await;
    assert_eq!((status.status, status.json()["kind"].as_str()), (401, Some("Status")));
    let dead = sim.ask(Some("token-x:dead"), Method::GET, "/k8s/clusters/c-m-nope1234/version", None).await;
    assert_eq!(dead.status, 403, "a dead token is no 401 behind the cluster router");
    assert!(dead.text.contains("system:unauthenticated"), "{}", dead.text);
}

#[tokio::test]
async fn the_five_simulated_shapes_of_not_found() {
    let sim = Sim::new().await;
    let norman = sim.get("/v3/clusters/c-m-nope1234").await.json();
    assert_eq!((norman["baseType"].as_str(), norman["status"].as_u64()), (Some("error"), Some(404)));
    assert_eq!(norman["message"], "clusters.management.cattle.io \"c-m-nope1234\" not found");
    let steve = sim.get("/v1/provisioning.cattle.io.clusters/fleet-default/never").await.json();
    assert!(steve.get("baseType").is_none() && steve["links"].is_object());
    assert_eq!(steve["message"], "clusters.provisioning.cattle.io \"never\" not found");
    let router = sim.get("/k8s/clusters/c-m-nope1234/version").await;
    assert_eq!(router.json()["Code"], json!({"Code": "NotFound", "Status": 404}));
    assert!(router.header("content-type").starts_with("text/plain"), "the cluster router forgets that it is JSON");
    let kubernetes = sim.get("/k8s/clusters/local/api/v1/pods").await.json();
    assert_eq!((kubernetes["kind"].as_str(), kubernetes["reason"].as_str()), (Some("Status"), Some("NotFound")));
    let unknown = sim.get("/v1/no.such.type").await;
    assert_eq!((unknown.status, unknown.text.as_str(), unknown.header("content-type")), (404, "", ""));
    assert_eq!(sim.get("/v3/nope").await.error().2, "failed to find schema nope");
}

#[tokio::test]
async fn a_simulated_person_is_told_403_where_the_bot_is_told_404() {
    let sim = Sim::new().await;
    let id = sim.cluster("one").await;
    for path in [
        "/v3/clusters/c-m-nope1234".to_owned(),
        format!("/v3/clusters/{id}"),
        "/v1/provisioning.cattle.io.clusters/fleet-default/never".to_owned(),
        "/v1/provisioning.cattle.io.clusters/fleet-default/one".to_owned(),
        format!("/k8s/clusters/{id}/v1/namespaces"),
    ] {
        assert_eq!(sim.ask(Some(&sim.alice), Method::GET, &path, None).await.status, 403, "{path}");
    }
    let machines = sim.ask(Some(&sim.alice), Method::GET, "/v1/cluster.x-k8s.io.machines", None).await;
    assert_eq!((machines.status, machines.text.as_str()), (404, ""), "a type that one may not see is a bare 404");
    let mine = sim.ask(Some(&sim.alice), Method::GET, "/v3/clusters", None).await.json();
    assert_eq!(mine["data"], json!([]));
    let users = sim.ask(Some(&sim.alice), Method::GET, "/v3/users", None).await.json();
    assert_eq!(users["data"].as_array().map(Vec::len), Some(1), "a person sees no other person");
}

#[tokio::test]
async fn simulated_methods_and_actions_are_refused_in_ranchers_spelling() {
    let sim = Sim::new().await;
    let patch = sim.ask(Some(&sim.bot), Method::PATCH, "/v3/users/u-alice", Some(json!({"name": "x"}))).await;
    assert_eq!(patch.error(), (405, "MethodNotAllow".into(), "Method PATCH not supported".into()));
    let action = sim.post("/v3/clusters/local?action=nope", json!({})).await;
    assert_eq!(action.error(), (422, "InvalidAction".into(), "Invalid action: nope".into()));
    let nothing = sim.ask(Some(&sim.bot), Method::POST, "/v3/settings", None).await;
    assert_eq!(nothing.error(), (422, "InvalidBodyContent".into(), "Failed to parse body: EOF".into()));
    let local = sim.delete("/v3/clusters/local").await;
    assert_eq!((local.status, local.error().1.as_str()), (400, "BadRequest"));
}

#[tokio::test]
async fn simulated_settings_say_where_they_come_from() {
    let sim = Sim::new().await;
    let version = sim.get("/v3/settings/server-version").await.json();
    assert_eq!((version["value"].as_str(), version["source"].as_str()), (Some("v2.14.4"), Some("env")));
    assert_eq!(sim.get("/v3/settings/cacerts").await.json()["value"], "");
    assert_eq!(sim.get("/v3/settings/no-such").await.status, 404);
    let admin = sim.running.admin_token.clone();
    let put = |name: &str, token: String| {
        let (path, sim) = (format!("/v3/settings/{name}"), &sim);
        async move { sim.ask(Some(&token), Method::PUT, &path, Some(json!({"value": "acme"}))).await }
    };
    assert_eq!(put("server-url", admin.clone()).await.error().0, 405);
    assert_eq!(put("ui-pl", sim.alice.clone()).await.status, 403);
    let changed = put("ui-pl", admin).await.json();
    assert_eq!((changed["value"].as_str(), changed["customized"].as_bool()), (Some("acme"), Some(true)));
}

#[tokio::test]
async fn simulated_collections_are_filtered_and_paged() {
    let sim = Sim::new().await;
    let by_name = sim.get("/v3/users?username=alice").await.json();
    assert_eq!(by_name["data"][0]["id"], "u-alice");
    assert_eq!(by_name["filters"]["username"], json!([{"modifier": "eq", "value": "alice"}]));
    let mut path = "/v3/settings?limit=4".to_owned();
    let mut seen = Vec::new();
    for _ in 0..10 {
        let page = sim.get(&path).await.json();
        seen.extend(page["data"].as_array().unwrap().iter().map(|s| s["id"].as_str().unwrap().to_owned()));
        let Some(next) = page["pagination"]["next"].as_str() else { break };
        path = next.strip_prefix(&sim.running.url).expect("links point to this server").to_owned();
    }
    let whole = sim.get("/v3/settings").await.json();
    let all: Vec<_> = whole["data"].as_array().unwrap().iter().map(|s| s["id"].as_str().unwrap().to_owned()).collect();
    assert!(seen.len() > 8);
    assert_eq!(seen, all);
    let roles = sim.get("/v3/roletemplates?context=cluster").await.json();
    assert!(roles["data"].as_array().unwrap().iter().all(|r| r["context"] == "cluster" && r["id"] != "read-only"));
    assert_eq!(sim.get("/v3/roletemplates?name_ne=Cluster Member&id=cluster-member").await.json()["data"], json!([]));
}

#[tokio::test]
async fn simulated_steve_ignores_label_selectors_but_not_filters() {
    let sim = Sim::new().await;
    sim.cluster("one").await;
    sim.cluster("two").await;
    sim.wait(1.0);
    let count = |answer: Answer| answer.json()["data"].as_array().map(Vec::len);
    let base = "/v1/cluster.x-k8s.io.machines";
    assert_eq!(
        count(sim.get(&format!("{base}?filter=metadata.labels[cluster.x-k8s.io/cluster-name]=one")).await),
        Some(4)
    );
    assert_eq!(
        count(sim.get(&format!("{base}?labelSelector=cluster.x-k8s.io/cluster-name=one&limit=1")).await),
        Some(8)
    );
    assert_eq!(count(sim.get(&format!("{base}?pagesize=3&page=3")).await), Some(2));
    assert_eq!(count(sim.get("/v1/provisioning.cattle.io.clusters?filter=metadata.name=two").await), Some(1));
    let unknown = sim.get(&format!("{base}?filter=spec.nothing=1")).await;
    assert_eq!(unknown.status, 422);
}

#[tokio::test]
async fn a_simulated_token_belongs_to_its_maker_and_tells_its_value_once() {
    let sim = Sim::new().await;
    let wish = json!({"type": "token", "description": "kaas", "ttl": 60_000, "userId": "u-bob"});
    let made = sim.ask(Some(&sim.alice), Method::POST, "/v3/tokens", Some(wish)).await.json();
    assert_eq!((made["userId"].as_str(), made["expiresAt"].as_str()), (Some("u-alice"), Some("")));
    let value = made["token"].as_str().unwrap();
    let path = format!("/v3/tokens/{}", made["id"].as_str().unwrap());
    let read = sim.ask(Some(&sim.alice), Method::GET, &path, None).await.json();
    assert!(read.get("token").is_none() && read["expiresAt"] != "", "{read}");
    assert_eq!(sim.get(&path).await.status, 404, "another's token cannot be read");
    let own = sim.ask(Some(value), Method::DELETE, &path, None).await;
    assert_eq!(own.status, 400, "a session cannot delete its own token");
    assert_eq!(sim.ask(Some(value), Method::GET, "/v3/users?me=true", None).await.status, 200);
    sim.wait(61.0);
    assert_eq!(sim.ask(Some(value), Method::GET, "/v3/users?me=true", None).await.status, 401);
    assert_eq!(sim.ask(Some(&sim.alice), Method::DELETE, &path, None).await.status, 204);
    assert_eq!(sim.ask(Some(&sim.alice), Method::GET, &path, None).await.status, 404);
}

#[tokio::test]
async fn a_simulated_token_for_one_cluster_is_refused_elsewhere() {
    let sim = Sim::new().await;
    let wish = json!({"type": "token", "clusterId": "c-m-nope1234"});
    let made = sim.post("/v3/tokens", wish).await;
    assert_eq!(made.status, 201, "an unknown cluster is accepted");
    let token = made.json()["token"].as_str().unwrap().to_owned();
    assert_eq!(sim.ask(Some(&token), Method::GET, "/v3/clusters", None).await.status, 401);
    assert_eq!(sim.ask(Some(&token), Method::GET, "/k8s/clusters/local/version", None).await.status, 401);
    assert_eq!(sim.ask(Some(&token), Method::GET, "/v3/clusters/c-m-nope1234", None).await.status, 404);
}

#[tokio::test]
async fn simulated_impersonation_works_on_v3_and_is_ignored_on_v1() {
    let sim = Sim::new().await;
    let as_alice = |token: &str, path: &str| {
        let request = sim.http.get(format!("{}{path}", sim.running.url)).bearer_auth(token);
        read(request.header("impersonate-user", "u-alice"))
    };
    let admin = sim.running.admin_token.clone();
    assert_eq!(as_alice(&admin, "/v3/users?me=true").await.json()["data"][0]["id"], "u-alice");
    let refused = as_alice(&sim.bot, "/v3/users?me=true").await;
    assert_eq!((refused.status, refused.text.as_str()), (403, "not allowed to impersonate user"));
    assert_eq!(as_alice(&admin, "/v1/management.cattle.io.users").await.status, 200, "alice herself would get 404");
}

#[tokio::test]
async fn a_disabled_simulated_user_is_401() {
    let sim = Sim::new().await;
    let admin = sim.running.admin_token.clone();
    let off = sim.ask(Some(&admin), Method::PUT, "/v3/users/u-alice", Some(json!({"enabled": false}))).await;
    assert_eq!(off.json()["enabled"], false);
    assert_eq!(sim.ask(Some(&sim.alice), Method::GET, "/v3/users?me=true", None).await.status, 401);
    assert_eq!(sim.get("/v3/users/u-alice").await.json()["enabled"], false);
}

#[tokio::test]
async fn simulated_principals_are_local_users_only() {
    let sim = Sim::new().await;
    let found = sim.get("/v3/principals/local%3A%2F%2Fu-alice").await.json();
    assert_eq!((found["id"].as_str(), found["loginName"].as_str()), (Some("local://u-alice"), Some("alice")));
    let github = sim.get("/v3/principals/github_user%3A%2F%2F1").await;
    assert_eq!(github.error().2, "users.management.cattle.io \"1\" not found");
    let search = sim.post("/v3/principals?action=search", json!({"name": "ali", "principalType": "user"})).await.json();
    assert_eq!(search["data"].as_array().map(Vec::len), Some(1));
}

#[tokio::test]
async fn simulated_users_are_unique_and_have_long_passwords() {
    let sim = Sim::new().await;
    let admin = sim.running.admin_token.clone();
    let make = |body: Value| sim.ask(Some(&admin), Method::POST, "/v3/users", Some(body));
    let twice = make(json!({"username": "alice", "password": "long-enough-for-it"})).await;
    assert_eq!((twice.status, twice.json()["fieldName"].as_str()), (422, Some("username")));
    assert_eq!(make(json!({"username": "zoe", "password": "short"})).await.error().1, "InvalidBodyContent");
    assert_eq!(make(json!({})).await.error().0, 500);
    let zoe = make(json!({"username": "zoe", "password": "long-enough-for-it"})).await;
    assert_eq!(zoe.status, 201);
    assert_eq!(sim.post("/v3/users", json!({"username": "x", "password": "long-enough-for-it"})).await.status, 403);
}

#[tokio::test]
async fn a_simulated_ext_token_needs_its_prefix_and_is_for_oneself() {
    let sim = Sim::new().await;
    let path = "/ext/apis/ext.cattle.io/v1/tokens";
    let body = |spec: Value| Some(json!({"apiVersion": "ext.cattle.io/v1", "kind": "Token", "spec": spec}));
    let made = sim.ask(Some(&sim.alice), Method::POST, path, body(json!({"ttl": 60_000}))).await;
    assert_eq!(made.status, 201, "{}", made.text);
    let bearer = made.json()["status"]["bearerToken"].as_str().unwrap().to_owned();
    let me = sim.ask(Some(&bearer), Method::GET, "/v3/users?me=true", None).await;
    assert_eq!(me.json()["data"][0]["id"], "u-alice");
    let bare = bearer.strip_prefix("ext/").unwrap();
    assert_eq!(sim.ask(Some(bare), Method::GET, "/v3/users?me=true", None).await.status, 401);
    let other = sim.ask(Some(&sim.alice), Method::POST, path, body(json!({"userID": "u-bob"}))).await;
    assert_eq!((other.status, other.json()["message"].as_str()), (400, Some("unable to create token for other user")));
    let one = format!("{path}/{}", made.json()["metadata"]["name"].as_str().unwrap());
    let read = sim.ask(Some(&sim.alice), Method::GET, &one, None).await;
    assert_eq!(read.status, 200);
    assert!(!read.text.contains(bare.split_once(':').unwrap().1), "its value is told once");
    assert_eq!(sim.get(&one).await.status, 404, "another's");
    let none = sim.ask(None, Method::GET, path, None).await;
    assert_eq!(none.status, 403);
    assert!(none.json()["message"].as_str().unwrap().contains("system:cattle:error"), "{}", none.text);
    assert_eq!(sim.ask(Some(&sim.alice), Method::DELETE, &one, None).await.status, 200);
    assert_eq!(sim.ask(Some(&bearer), Method::GET, "/v3/users?me=true", None).await.status, 401);
}

#[tokio::test]
async fn strange_requests_do_not_break_the_simulated_rancher() {
    let sim = Sim::new().await;
    let id = sim.cluster("one").await;
    let paths = [
        "/v3/clusterroletemplatebindings".to_owned(),
        "/v3/tokens".to_owned(),
        "/v3/users".to_owned(),
        "/v3/users/u-alice".to_owned(),
        "/v3/settings/ui-pl".to_owned(),
        "/v3/cloudcredentials".to_owned(),
        format!("/v3/cloudcredentials/{}", sim.running.credential),
        "/v3/principals?action=search".to_owned(),
        format!("/v3/clusters/{id}?action=generateKubeconfig"),
        "/v1/provisioning.cattle.io.clusters".to_owned(),
        "/v1/provisioning.cattle.io.clusters/fleet-default/one".to_owned(),
        "/v1/rke-machine-config.cattle.io.amazonec2configs".to_owned(),
        "/v1/management.cattle.io.clusterroletemplatebindings".to_owned(),
        "/ext/apis/ext.cattle.io/v1/tokens".to_owned(),
        "/sim/fault".to_owned(),
        "/%ff%00/..//%2e%2e?&=&%=&limit=-9&marker=%&page=0&pagesize=99999999999999999999".to_owned(),
        "/v3/settings?limit=99999999999999999999&marker=zzz&sort=&order=desc".to_owned(),
        "/v1/cluster.x-k8s.io.machines?sort=-&page=18446744073709551615&pagesize=2".to_owned(),
        "/v1/cluster.x-k8s.io.machines?filter=metadata.labels[&filter=]=".to_owned(),
    ];
    let bodies = [
        "",
        "{",
        "[]",
        "null",
        "1",
        "\"x\"",
        "{}",
        r#"{"metadata":"x","spec":[1],"name":{},"ttl":"x"}"#,
        r#"{"metadata":{"name":"é","namespace":"fleet-default"},"spec":{"rkeConfig":{"machinePools":{"a":1}}}}"#,
        r#"{"metadata":{"name":"odd","namespace":"fleet-default","resourceVersion":7},"spec":{"kubernetesVersion":[],
            "rkeConfig":{"machinePools":[1,null,{"quantity":-3,"machineConfigRef":"x"}]}}}"#,
        r#"{"username":5,"password":[],"ttl":9223372036854775807,"xcredentialConfig":{},"clusterId":{},"roleTemplateId":[]}"#,
        r#"{"name":"slow","on":true,"seconds":null,"cluster":"none","more":1}"#,
    ];
    let admin = sim.running.admin_token.clone();
    for path in &paths {
        for method in [Method::GET, Method::POST, Method::PUT, Method::DELETE, Method::PATCH, Method::OPTIONS] {
            if method == Method::DELETE && !path.contains('?') && path.ends_with("one") {
                continue;
            }
            for body in bodies {
                let url = format!("{}{path}", sim.running.url);
                let answer = read(sim.http.request(method.clone(), url).bearer_auth(&admin).body(body)).await;
                assert!((200..=500).contains(&answer.status), "{method} {path} {body}: {}", answer.status);
            }
        }
    }
    sim.wait(20.0);
    assert_eq!(sim.get("/v3/users?me=true").await.status, 200, "{:?}", sim.running.requests().last());
    assert_eq!(sim.get("/v1/cluster.x-k8s.io.machines").await.status, 200);
    assert_eq!(sim.get("/v1/provisioning.cattle.io.clusters").await.status, 200);
    assert_eq!(sim.get("/v3/clusters").await.status, 200);
}
