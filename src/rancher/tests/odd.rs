//! Answers that no simulator gives: proxies, web pages, lists without end, half a page, somebody else's links.

use std::sync::Mutex as StdMutex;

use axum::http::{HeaderMap, StatusCode, Uri, header};
use axum::response::{IntoResponse, Response};
use serde_json::{Value, json};

use super::*;

/// Answers for everything, and keeps what was asked: path with query, and authorization.
pub(super) struct Odd {
    pub url: String,
    asked: Arc<StdMutex<Vec<(String, String)>>>,
    task: tokio::task::JoinHandle<()>,
}

impl Drop for Odd {
    fn drop(&mut self) {
        self.task.abort();
    }
}

impl Odd {
    pub async fn new(answer: impl Fn(usize, &str) -> Response + Send + Sync + 'static) -> Self {
        let listener = tokio::net::TcpListener::bind("127.0.0.1:0").await.expect("a port");
        let url = format!("http://{}", listener.local_addr().expect("an address"));
        let asked = Arc::new(StdMutex::new(Vec::new()));
        let (answer, log) = (Arc::new(answer), asked.clone());
        let app = axum::Router::new().fallback(move |uri: Uri, headers: HeaderMap| {
            let (answer, log) = (answer.clone(), log.clone());
            async move {
                let token =
                    headers.get(header::AUTHORIZATION).and_then(|v| v.to_str().ok()).unwrap_or_default().to_owned();
                let count = {
                    let mut log = log.lock().expect("the log");
                    log.push((uri.to_string(), token));
                    log.len()
                };
                answer(count, uri.path())
            }
        });
        let task = tokio::spawn(async move {
            let _ = axum::serve(listener, app).await;
        });
        Self { url, asked, task }
    }

    pub fn rancher(&self) -> Rancher {
        Rancher::new(settings(&self.url, "token-a:s3cret"), clock()).expect("made")
    }

    pub fn asked(&self) -> Vec<(String, String)> {
        self.asked.lock().expect("the log").clone()
    }
}

pub(super) fn error(status: u16, body: &Value) -> Response {
    (StatusCode::from_u16(status).expect("a status"), axum::Json(body.clone())).into_response()
}

pub(super) fn ok(body: &Value) -> Response {
    error(200, body)
}

pub(super) fn me() -> Response {
    ok(&json!({"type": "collection", "data": [{"id": "u-kaas"}]}))
}

pub(super) fn not_found() -> Response {
    error(404, &json!({"type": "error", "code": "NotFound", "message": "not found", "status": 404}))
}

/// What a user without the right to see a type is told.
pub(super) fn nothing() -> Response {
    StatusCode::NOT_FOUND.into_response()
}

const NAME: &str = "crucial-sandbox";

async fn preflight_with(answer: impl Fn() -> Response + Send + Sync + 'static) -> (Answer<()>, usize) {
    let odd = Odd::new(move |_, path| if path == "/v3/users" { me() } else { answer() }).await;
    let answer = odd.rancher().preflight(&name(NAME), false).await;
    (answer, odd.asked().len() - 1)
}

#[tokio::test]
async fn only_a_404_with_rancher_s_words_lets_a_create_go_on() {
    preflight_with(not_found).await.0.expect("known to be absent");
    let line = lasting_line(preflight_with(|| StatusCode::NOT_FOUND.into_response()).await.0);
    assert!(line.contains("may not read clusters"), "{line}");
    let line = lasting_line(
        preflight_with(|| error(403, &json!({"code": "PermissionDenied", "message": "Method GET not supported"})))
            .await
            .0,
    );
    assert!(line.contains("may not read clusters"), "{line}");
}

#[tokio::test]
async fn a_token_is_dead_in_three_ways_and_a_webhooks_denial_is_none() {
    let dead = [
        error(401, &json!({"type": "error", "status": "401", "message": "Unauthorized 401: must authenticate"})),
        (StatusCode::UNAUTHORIZED, "").into_response(),
        (StatusCode::FORBIDDEN, "User \"system:cattle:error\" cannot get path").into_response(),
    ];
    for answer in dead {
        let answer = StdMutex::new(Some(answer));
        let odd = Odd::new(move |_, _| answer.lock().expect("it").take().unwrap_or_else(not_found)).await;
        let line = lasting_line(odd.rancher().look(&name(NAME), None).await);
        assert!(line.contains("Rancher refuses kaas' token"), "{line}");
        assert_eq!(odd.asked().len(), 1, "not tried again");
    }
    let denied = json!({"type": "error", "code": "Unauthorized", "message": "admission webhook \"x\" denied the request: Unauthorized", "status": 401});
    let odd = Odd::new(move |_, _| error(401, &denied)).await;
    let line = lasting_line(odd.rancher().look(&name(NAME), None).await);
    assert!(!line.contains("token") && line.contains("use this cloud credential"), "{line}");
    let denied = json!({"type": "error", "code": "Unauthorized", "message": "admission webhook \"x\" denied the request: no", "status": 401});
    let odd = Odd::new(move |_, _| error(401, &denied)).await;
    let line = lasting_line(odd.rancher().look(&name(NAME), None).await);
    assert!(!line.contains("token") && line.contains("denied the request: no"), "{line}");
}

#[tokio::test]
async fn a_read_is_tried_again_and_a_hint_to_wait_is_passed_on() {
    let odd =
        Odd::new(|count, _| if count < 3 { (StatusCode::BAD_GATEWAY, "<html>").into_response() } else { not_found() })
            .await;
    let client =
        Client::new(&odd.url, "token-a:b".to_owned().into(), None, settings("", "").patience, clock()).expect("made");
    assert!(client.get(&["v3", "x"], &[]).await.expect_err("404").is_not_found());
    assert_eq!(odd.asked().len(), 3);
    let odd = Odd::new(|_, _| (StatusCode::TOO_MANY_REQUESTS, [(header::RETRY_AFTER, "7")]).into_response()).await;
    let (_, wait) = passing_line(odd.rancher().look(&name(NAME), None).await);
    assert_eq!((wait, odd.asked().len()), (Some(jiff::SignedDuration::from_secs(7)), 1));
}

#[tokio::test]
async fn a_write_is_never_repeated() {
    let odd = Odd::new(|_, path| match path {
        "/v3/users/u-alice" => ok(&json!({"id": "u-alice", "enabled": true})),
        "/v3/roletemplates/cluster-owner" => ok(&json!({"id": "cluster-owner", "context": "cluster"})),
        _ => StatusCode::SERVICE_UNAVAILABLE.into_response(),
    })
    .await;
    let client =
        Client::new(&odd.url, "token-a:b".to_owned().into(), None, settings("", "").patience, clock()).expect("made");
    let failure = client.post(&["v3", "clusterroletemplatebindings"], &json!({})).await.expect_err("503");
    assert_eq!((failure.status(), odd.asked().len()), (Some(503), 1));
}

#[tokio::test]
async fn nobody_there_is_passing_and_a_page_instead_of_json_is_lasting() {
    let gone = Odd::new(|_, _| not_found()).await;
    let rancher = gone.rancher();
    gone.task.abort();
    let _ = tokio::time::timeout(Duration::from_secs(5), async {
        while !gone.task.is_finished() {
            tokio::task::yield_now().await
        }
    })
    .await;
    let (line, _) = passing_line(rancher.look(&name(NAME), None).await);
    assert!(line.contains("does not answer"), "{line}");
    let odd = Odd::new(|_, _| (StatusCode::OK, "<!doctype html><title>Log in</title>").into_response()).await;
    let line = lasting_line(odd.rancher().look(&name(NAME), None).await);
    assert!(line.contains("not Rancher"), "{line}");
    let odd =
        Odd::new(|_, _| (StatusCode::FOUND, [(header::LOCATION, "https://other.example.com/")]).into_response()).await;
    let line = lasting_line(odd.rancher().look(&name(NAME), None).await);
    assert!(line.contains("leads elsewhere"), "{line}");
    assert_eq!(odd.asked().len(), 1, "the token follows no redirect");
}

#[tokio::test]
async fn an_endless_answer_is_cut_off() {
    let odd = Odd::new(|_, _| (StatusCode::OK, vec![b' '; 40 << 20]).into_response()).await;
    let line = lasting_line(odd.rancher().look(&name(NAME), None).await);
    assert!(line.contains("not Rancher"), "{line}");
}

#[tokio::test]
async fn lists_are_read_page_by_page_and_the_token_stays_at_home() {
    let stranger = Odd::new(|_, _| me()).await;
    let elsewhere = stranger.url.clone();
    let odd = Odd::new(move |count, path| {
        if path.starts_with("/v1/") {
            return not_found();
        }
        // Four requests in all: the object, and three pages.
        let row = |workspace: &str, id: &str| json!({"id": id, "name": NAME, "fleetWorkspaceName": workspace});
        let next = format!("{elsewhere}/v3/clusters?marker=m{count}&name={NAME}");
        match count {
            2 => ok(&json!({"data": [row("other", "c-m-other")], "pagination": {"partial": true, "next": next}})),
            3 => ok(&json!({"data": [], "pagination": {"partial": true, "next": next}})),
            _ => ok(&json!({"data": [row(WORKSPACE, "c-m-mine")], "pagination": {"limit": 1000}})),
        }
    })
    .await;
    let sight = odd.rancher().look(&name(NAME), None).await;
    // The provisioning object is gone while the management object is still there: on its way out.
    assert!(matches!(sight, Ok(Sight::Removing { .. })), "{sight:?}");
    let paths: Vec<_> = odd.asked().into_iter().map(|(path, _)| path).collect();
    let pages: Vec<_> = paths.iter().filter(|path| path.starts_with("/v3/clusters")).collect();
    assert_eq!(
        pages,
        [
            &format!("/v3/clusters?name={NAME}"),
            &format!("/v3/clusters?marker=m2&name={NAME}"),
            &format!("/v3/clusters?marker=m3&name={NAME}")
        ]
    );
    assert!(odd.asked().iter().all(|(_, token)| token == "Bearer token-a:s3cret"));
    assert_eq!(stranger.asked(), []);
}

#[tokio::test]
async fn a_list_that_never_ends_is_not_read_for_ever() {
    let odd = Odd::new(|_, path| match path.starts_with("/v1/") {
        true => not_found(),
        false => ok(&json!({"data": [], "pagination": {"partial": true, "next": "http://x/v3/clusters?marker=again"}})),
    })
    .await;
    assert!(lasting_line(odd.rancher().look(&name(NAME), None).await).contains("not Rancher"));
    assert!(odd.asked().len() < 200);
}

/// A cluster that is usable, but for one thing.
fn cluster(change: impl Fn(&mut Value)) -> Value {
    let mut cluster = json!({
        "id": "c-m-7k2x9q4d", "name": NAME, "fleetWorkspaceName": WORKSPACE, "state": "active", "transitioning": "no", "nodeCount": 3,
        "removed": null, "version": {"gitVersion": "v1.34.2+rke2r1"}, "transitioningMessage": "",
        "conditions": [{"type": "Ready", "status": "True"}, {"type": "Connected", "status": "True"}],
    });
    change(&mut cluster);
    cluster
}

async fn look_at(managed: Value, made: Value) -> Answer<Sight> {
    let odd = Odd::new(move |_, path| match path {
        "/v3/clusters/c-m-7k2x9q4d" => ok(&managed),
        path if path.starts_with("/v1/provisioning") => ok(&made),
        _ => StatusCode::NOT_FOUND.into_response(),
    })
    .await;
    odd.rancher().look(&name(NAME), Some("c-m-7k2x9q4d")).await
}

#[tokio::test]
async fn usable_needs_every_single_condition() {
    let made = json!({"metadata": {}, "status": {"clusterName": "c-m-7k2x9q4d", "ready": true}});
    let good = look_at(cluster(|_| {}), made.clone()).await;
    assert!(matches!(&good, Ok(Sight::Usable(facts)) if facts.nodes == 3 && facts.endpoint.is_none()), "{good:?}");
    let ways: [fn(&mut Value); 7] = [
        |c| c["state"] = json!("unavailable"),
        |c| c["transitioning"] = json!("yes"),
        |c| c["transitioning"] = json!("error"),
        |c| c["conditions"][0]["status"] = json!("Unknown"),
        |c| c["conditions"][1]["status"] = json!("False"),
        |c| c["conditions"] = json!([]),
        |c| c["conditions"] = Value::Null,
    ];
    for (number, way) in ways.into_iter().enumerate() {
        let sight = look_at(cluster(way), made.clone()).await;
        assert!(matches!(sight, Ok(Sight::Joining { nodes: None, .. })), "way {number}: {sight:?}");
    }
    let removed = look_at(cluster(|c| c["removed"] = json!("2026-11-22T16:21:43Z")), made.clone()).await;
    assert!(matches!(removed, Ok(Sight::Removing { .. })), "{removed:?}");
    let deleted =
        json!({"metadata": {"deletionTimestamp": "2026-11-22T16:21:43Z"}, "status": {"clusterName": "c-m-7k2x9q4d"}});
    let removed = look_at(cluster(|_| {}), deleted).await;
    assert!(matches!(removed, Ok(Sight::Removing { .. })), "{removed:?}");
}

#[tokio::test]
async fn another_cluster_of_the_same_name_is_neither_usable_nor_gone() {
    let made = json!({"metadata": {}, "status": {"clusterName": "c-m-another1"}});
    let line = lasting_line(look_at(cluster(|_| {}), made).await);
    assert!(line.contains("another cluster of the name crucial-sandbox: c-m-another1"), "{line}");
}

#[tokio::test]
async fn a_403_on_one_side_is_never_gone() {
    for forbidden in ["/v1/", "/v3/"] {
        let odd = Odd::new(move |_, path| match path.starts_with(forbidden) {
            true => error(403, &json!({"code": "Forbidden", "message": "no"})),
            false => not_found(),
        })
        .await;
        let line = lasting_line(odd.rancher().look(&name(NAME), Some("c-m-7k2x9q4d")).await);
        assert!(line.contains("rights of kaas' user"), "{line}");
    }
}

/// Grants with a Rancher whose POST is answered like this, and whose list holds these bindings the second time.
async fn grant_with(status: u16, body: Value, then: Value) -> Answer<Granting> {
    let lists = StdMutex::new(0);
    let odd = Odd::new(move |_, path| match path {
        "/v3/users/u-alice" => ok(&json!({"id": "u-alice", "enabled": true})),
        "/v3/roletemplates/cluster-owner" => ok(&json!({"id": "cluster-owner", "context": "cluster", "locked": false})),
        "/v3/clusterroletemplatebindings" => {
            let mut lists = lists.lock().expect("a count");
            *lists += 1;
            match *lists {
                1 => ok(&json!({"data": []})),
                2 => error(status, &body),
                _ => ok(&json!({"data": then})),
            }
        }
        _ => ok(&json!({"status": {"summary": "Completed"}})),
    })
    .await;
    odd.rancher().grant(&call(), "c-m-1", &person("alice"), None, OWNER).await
}

#[tokio::test]
async fn a_conflict_is_success_if_an_equal_binding_exists() {
    let conflict = json!({"code": "AlreadyExists", "message": "already exists"});
    let equal = json!([{"id": "c-m-1:kaas-x", "name": "kaas-x", "clusterId": "c-m-1", "roleTemplateId": "cluster-owner", "userId": "u-alice"}]);
    let answer = grant_with(409, conflict.clone(), equal).await;
    assert!(matches!(&answer, Ok(Granting::Done(grants)) if grants[0].binding == "c-m-1:kaas-x"), "{answer:?}");
    let own = access::binding_name("userId", "u-alice", "cluster-owner");
    let other = json!([{"id": format!("c-m-1:{own}"), "name": own, "clusterId": "c-m-1", "roleTemplateId": "cluster-owner", "userId": "u-mallory"}]);
    assert!(lasting_line(grant_with(409, conflict.clone(), other).await).contains("says something else"));
    assert!(matches!(grant_with(409, conflict, json!([])).await, Ok(Granting::Waiting)));
}

#[tokio::test]
async fn a_cluster_that_is_not_far_enough_is_waited_for_and_a_refusal_is_not() {
    let early = [
        (404, json!({"code": "NotFound", "message": "namespaces \"c-m-1\" not found"})),
        (
            400,
            json!({"code": "BadRequest", "message": "admission webhook denied the request: cluster c-m-1 not found"}),
        ),
    ];
    for (status, body) in early {
        let answer = grant_with(status, body, json!([])).await;
        assert!(matches!(answer, Ok(Granting::Waiting)), "{answer:?}");
    }
    let line = lasting_line(grant_with(403, json!({"code": "Forbidden", "message": "escalation"}), json!([])).await);
    assert!(line.contains("escalation") && line.contains("operator"), "{line}");
    let line =
        lasting_line(grant_with(422, json!({"code": "InvalidBodyContent", "message": "wrong"}), json!([])).await);
    assert!(line.contains("wrong"), "{line}");
}

#[tokio::test]
async fn a_disabled_user_gets_no_way_in() {
    let odd = Odd::new(|_, _| ok(&json!({"id": "u-alice", "enabled": false}))).await;
    let remedy = odd.rancher().knows(&person("alice"), None).await.expect("asked").expect_err("disabled");
    assert!(remedy.contains("is disabled"), "{remedy}");
}

#[tokio::test]
async fn the_token_is_in_no_complaint() {
    let odd = Odd::new(|_, _| (StatusCode::IM_A_TEAPOT, "you sent Bearer token-a:s3cret").into_response()).await;
    let fault = odd.rancher().look(&name(NAME), None).await.expect_err("a teapot");
    let Trouble::Lasting { line, source: Some(source) } = &fault else { panic!("{fault:?}") };
    for text in [line.clone(), format!("{source:#}"), format!("{source:?}"), format!("{fault:?}")] {
        assert!(!text.contains("s3cret"), "{text}");
    }
    assert!(line.contains("•••"), "{line}");
}
