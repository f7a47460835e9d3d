//! REST: tokens, git data, pull requests, rules, pages, lost answers.

use super::*;

#[tokio::test]
async fn a_jwt_is_refused_when_anything_about_it_is_wrong() {
    let fake = FakeGitHub::start().await;
    let now = clock::Clock::default().now().as_second();
    let url = format!("{}/app", fake.api_url());
    for (changes, status) in [
        (json!({}), 200),
        (json!({"exp": now + 700}), 401),
        (json!({"exp": now - 1}), 401),
        (json!({"iat": now + 300}), 401),
        (json!({"iss": "99"}), 404),
        (json!({"iss": null}), 401),
        (json!({"iss": 12}), 200),
    ] {
        let reply = Client::new(&fake, &jwt(&fake, changes.clone())).get(&url).await;
        assert_eq!(reply.status, status, "{changes}: {}", reply.body);
    }
    let mut broken = jwt(&fake, json!({}));
    let end = broken.len() - 20;
    broken.replace_range(end..end + 1, if &broken[end..=end] == "A" { "B" } else { "A" });
    assert_eq!(Client::new(&fake, &broken).get(&url).await.status, 401);
    assert_eq!(Client::new(&fake, &fake.token("bob-b")).get(&url).await.status, 401);
    assert_eq!(Client::new(&fake, &jwt(&fake, json!({}))).get("").await.status, 403);
}

#[tokio::test]
async fn tokens_expire_and_hold_only_what_was_granted() {
    let fake = FakeGitHub::start().await;
    fake.token_life(Duration::from_secs(60));
    let client = installed(&fake).await;
    assert_eq!(client.get("").await.status, 200);
    assert_eq!(client.get(&format!("{}/user", fake.api_url())).await.status, 403);
    fake.grant("statuses", "read");
    let head = fake.head("main").expect("main");
    let status = json!({"state": "success", "context": "kaas/plan"});
    let reply = client.post(&format!("/statuses/{head}"), status.clone()).await;
    assert_eq!((reply.status, &reply.body["message"]), (403, &json!("Resource not accessible by integration")));
    fake.grant("statuses", "write");
    assert_eq!(client.post(&format!("/statuses/{head}"), status).await.status, 201);
    fake.grant("administration", "none");
    assert_eq!(client.get("/branches/main/protection").await.status, 403);
    fake.advance(Duration::from_secs(61));
    let reply = client.get("").await;
    assert_eq!((reply.status, &reply.body["message"]), (401, &json!("Bad credentials")));
    assert_eq!(Client::new(&fake, "").get("").await.status, 404);
    assert_eq!(Client::new(&fake, "ghp_wrong").get("").await.status, 401);
    fake.person("eve", Rank::None);
    assert_eq!(Client::new(&fake, &fake.token("eve")).get("").await.status, 404);
}

#[tokio::test]
async fn a_commit_is_made_of_trees_and_may_take_files_away() {
    let fake = FakeGitHub::start().await;
    let client = installed(&fake).await;
    let main = fake.head("main").expect("main");
    let base = client.get(&format!("/git/commits/{main}")).await.body["tree"]["sha"].clone();
    let entries = json!([
        {"path": "clusters/a/main.tf", "mode": "100644", "type": "blob", "content": "a\n"},
        {"path": "README.md", "mode": "100644", "type": "blob", "sha": null},
    ]);
    let tree = client.post("/git/trees", json!({"base_tree": base, "tree": entries})).await;
    assert_eq!(tree.status, 201, "{}", tree.body);
    let commit = json!({"message": "Add a", "tree": tree.body["sha"], "parents": [main]});
    let commit = client.post("/git/commits", commit).await;
    assert_eq!(commit.status, 201, "{}", commit.body);
    let new = json!({"ref": "refs/heads/kaas/a/1", "sha": commit.body["sha"]});
    assert_eq!(client.post("/git/refs", new.clone()).await.status, 201);
    let again = client.post("/git/refs", new).await;
    assert_eq!((again.status, &again.body["message"]), (422, &json!("Reference already exists")));
    assert_eq!(fake.file("kaas/a/1", "clusters/a/main.tf").as_deref(), Some("a\n"));
    assert_eq!(fake.file("kaas/a/1", "README.md"), None);
    let found = client.get("/git/ref/heads%2Fkaas%2Fa%2F1").await;
    assert_eq!(found.body["object"]["sha"], commit.body["sha"]);
    let compared = client.get("/compare/main...kaas/a/1").await.body;
    assert_eq!((&compared["ahead_by"], compared["files"].as_array().map(Vec::len)), (&json!(1), Some(2)));
    // A folder takes the place of the one that is there, whole.
    let folder = json!([{"path": "sub/b.tf", "mode": "100644", "type": "blob", "content": "b\n"}]);
    let folder = client.post("/git/trees", json!({"tree": folder})).await.body["sha"].clone();
    let entry = json!([{"path": "clusters/a", "mode": "040000", "type": "tree", "sha": folder}]);
    let whole = client.post("/git/trees", json!({"base_tree": tree.body["sha"], "tree": entry})).await.body;
    let below = client.get(&format!("/git/trees/{}?recursive=1", whole["sha"].as_str().expect("an id"))).await.body;
    let files = below["tree"].as_array().expect("entries").iter().filter(|entry| entry["type"] == "blob");
    assert_eq!(files.map(|entry| &entry["path"]).collect::<Vec<_>>(), ["clusters/a/sub/b.tf"]);
    let back = client.call("PATCH", "/git/refs/heads/kaas/a/1", json!({"sha": main})).await;
    assert_eq!((back.status, &back.body["message"]), (422, &json!("Update is not a fast forward")));
    let forced = client.call("PATCH", "/git/refs/heads/kaas/a/1", json!({"sha": main, "force": true})).await;
    assert_eq!(forced.status, 200);
    assert_eq!(client.call("DELETE", "/git/refs/heads/kaas/a/1", Value::Null).await.status, 204);
    assert_eq!(client.call("DELETE", "/git/refs/heads/kaas/a/1", Value::Null).await.status, 422);
}

#[tokio::test]
async fn a_pull_request_is_one_a_branch_and_needs_commits_and_a_base() {
    let (fake, client, number) = with_pull().await;
    let again = client.post("/pulls", json!({"title": "One", "head": "kaas/one/1", "base": "main"})).await;
    assert_eq!(again.status, 422);
    assert_eq!(again.body["errors"][0]["message"], "A pull request already exists for acme:kaas/one/1.");
    let none = client.post("/pulls", json!({"title": "One", "head": "main", "base": "main"})).await;
    assert_eq!(none.body["errors"][0]["message"], "No commits between main and main");
    let base = client.post("/pulls", json!({"title": "One", "head": "kaas/one/1", "base": "gone"})).await;
    assert_eq!(base.body["errors"][0]["field"], "base");
    let found = client.get("/pulls?head=acme:kaas/one/1&state=all").await.body;
    assert_eq!(found[0]["number"], number);
    assert!(found[0].get("mergeable").is_none(), "lists do not say whether it can be merged");
    assert_eq!(client.get("/pulls?head=acme:other&state=all").await.body, json!([]));
    let path = format!("/pulls/{number}");
    assert_eq!(client.get(&path).await.body["mergeable"], Value::Null);
    assert_eq!(client.get(&path).await.body["mergeable"], true);
    let long = client.call("PATCH", &path, json!({"body": "x".repeat(65_537)})).await;
    assert_eq!(long.status, 422);
    fake.delete_branch("bob-b", "kaas/one/1").expect("it goes");
    assert_eq!(client.get(&path).await.body["state"], "closed");
    assert!(fake.reopen_pull("bob-b", number).is_err(), "its branch is gone");
}

#[tokio::test]
async fn a_merge_needs_the_head_that_was_meant_and_what_the_rules_ask_for() {
    let (fake, client, number) = with_pull().await;
    let stale = fake.head("kaas/one/1").expect("a head");
    let review = fake.review("bob-b", number, "APPROVE", "").expect("a review");
    let head = fake.push("ccziz", "kaas/one/1", "clusters/one/extra.tf", Some("x")).expect("a push");
    let reviews = client.get(&format!("/pulls/{number}/reviews")).await.body;
    assert_eq!((&reviews[0]["id"], &reviews[0]["commit_id"]), (&json!(review), &json!(stale)));
    let path = format!("/pulls/{number}/merge");
    let refused = client.call("PUT", &path, json!({"sha": stale})).await;
    assert_eq!(refused.status, 409, "{}", refused.body);
    let rules = Protection { reviews: 2, checks: vec!["ci".to_owned()], ..Protection::default() };
    fake.protect("main", Some(rules));
    let refused = client.call("PUT", &path, json!({"sha": head})).await;
    assert_eq!(refused.status, 405);
    assert!(refused.body["message"].as_str().is_some_and(|words| words.starts_with("At least 2 approving")));
    fake.review("dora", number, "APPROVE", "fine").expect("a review");
    let refused = client.call("PUT", &path, json!({"sha": head})).await;
    assert_eq!(refused.body["message"], "Required status check \"ci\" is expected.");
    client.post(&format!("/statuses/{head}"), json!({"state": "success", "context": "ci"})).await;
    let merged = client.call("PUT", &path, json!({"sha": head})).await;
    assert_eq!((merged.status, &merged.body["merged"]), (200, &json!(true)), "{}", merged.body);
    assert_eq!(json!(fake.head("main")), merged.body["sha"]);
    assert_eq!(client.call("PUT", &path, json!({"sha": head})).await.status, 405);
    assert_eq!(client.get(&format!("/pulls/{number}")).await.body["merged"], true);
    assert!(fake.push("bob-b", "main", "a", Some("b")).is_err(), "main asks for a pull request");
}

#[tokio::test]
async fn what_is_in_conflict_is_not_merged() {
    let (fake, client, number) = with_pull().await;
    fake.push("bob-b", "main", "clusters/one/main.tf", Some("other\n")).expect("a push");
    client.get(&format!("/pulls/{number}")).await;
    assert_eq!(client.get(&format!("/pulls/{number}")).await.body["mergeable"], false);
    assert_eq!(client.call("PUT", &format!("/pulls/{number}/merge"), json!({})).await.status, 405);
}

#[tokio::test]
async fn every_page_needs_its_token_and_links_are_absolute() {
    let (fake, client, number) = with_pull().await;
    for index in 0..5 {
        client.post(&format!("/issues/{number}/comments"), json!({"body": format!("c{index}")})).await;
    }
    let mut url = format!("/issues/{number}/comments?per_page=2");
    let mut seen = Vec::new();
    for page in 0..10 {
        let reply = client.get(&url).await;
        seen.extend(reply.body.as_array().expect("a list").iter().map(|comment| comment["body"].clone()));
        let next = reply.link.as_deref().unwrap_or_default().split(", ").find(|link| link.contains("rel=\"next\""));
        let Some(next) = next else { break };
        url = next.trim_start_matches('<').split('>').next().expect("an address").to_owned();
        assert!(url.starts_with(&format!("{}/repositories/", fake.api_url())), "{url}");
        assert_eq!(Client::new(&fake, "").get(&url).await.status, 404, "page {page} without a token");
    }
    assert_eq!(json!(seen), json!(["c0", "c1", "c2", "c3", "c4"]));
}

#[tokio::test]
async fn an_answer_may_be_lost_after_the_work_was_done() {
    let (fake, client, number) = with_pull().await;
    let path = format!("/issues/{number}/comments");
    fake.fault("POST", "*/comments", 1, FaultKind::LostStatus(502));
    assert_eq!(client.post(&path, json!({"body": "one"})).await.status, 502);
    fake.fault("POST", "*/comments", 1, FaultKind::LostDrop);
    assert!(client.try_call("POST", &path, json!({"body": "two"})).await.is_err());
    fake.fault("POST", "*/comments", 1, FaultKind::Status(502));
    assert_eq!(client.post(&path, json!({"body": "never"})).await.status, 502);
    fake.fault("POST", "*/comments", 1, FaultKind::Drop);
    assert!(client.try_call("POST", &path, json!({"body": "never"})).await.is_err());
    let bodies: Vec<Value> = client
        .get(&path)
        .await
        .body
        .as_array()
        .expect("a list")
        .iter()
        .map(|comment| comment["body"].clone())
        .collect();
    assert_eq!(json!(bodies), json!(["one", "two"]));
    fake.fault("GET", "*/comments", 1, FaultKind::Secondary(None));
    let limited = client.get(&path).await;
    assert_eq!(limited.status, 403);
    assert!(limited.body["message"].as_str().is_some_and(|words| words.contains("secondary rate limit")));
    assert_eq!(client.get(&path).await.status, 200);
    assert_eq!(fake.calls().iter().filter(|call| call.lost).count(), 2);
    fake.down(Some(FaultKind::Drop));
    assert!(client.try_call("GET", "", Value::Null).await.is_err());
    fake.heal();
    fake.rate_limit(0);
    assert_eq!(client.get("").await.status, 403);
}

#[tokio::test]
async fn statuses_and_checks_keep_their_limits() {
    let (fake, client, _) = with_pull().await;
    let head = fake.head("kaas/one/1").expect("a head");
    let status = |text: String| json!({"state": "pending", "context": "kaas/plan", "description": text});
    assert_eq!(client.post(&format!("/statuses/{head}"), status("é".repeat(141))).await.status, 422);
    assert_eq!(client.post(&format!("/statuses/{head}"), status("é".repeat(140))).await.status, 201);
    let combined = client.get(&format!("/commits/{head}/status")).await.body;
    assert_eq!((&combined["state"], &combined["total_count"]), (&json!("pending"), &json!(1)));
    let run = json!({"name": "kaas", "head_sha": head, "status": "in_progress"});
    let person = Client::new(&fake, &fake.token("bob-b"));
    assert_eq!(person.post("/check-runs", run.clone()).await.status, 403);
    let run = client.post("/check-runs", run).await;
    assert_eq!(run.status, 201, "{}", run.body);
    let path = format!("/check-runs/{}", run.body["id"]);
    let done = client.call("PATCH", &path, json!({"conclusion": "success"})).await;
    assert_eq!(done.body["status"], "completed");
}

#[tokio::test]
async fn the_rules_of_a_branch_are_seen_where_github_shows_them() {
    let (fake, client, _) = with_pull().await;
    assert_eq!(client.get("/branches/main/protection").await.body["message"], "Branch not protected");
    fake.protect("main", Some(Protection { reviews: 1, ..Protection::default() }));
    let shown = client.get("/branches/main/protection").await.body;
    assert_eq!(shown["required_pull_request_reviews"]["required_approving_review_count"], 1);
    assert_eq!(client.get("/rules/branches/main").await.body, json!([]), "classic protection is not shown there");
    fake.protect("main", Some(Protection { reviews: 1, ruleset: true, ..Protection::default() }));
    assert_eq!(client.get("/branches/main/protection").await.status, 404);
    assert_eq!(client.get("/rules/branches/main").await.body[0]["type"], "pull_request");
    let person = Client::new(&fake, &fake.token("bob-b"));
    assert_eq!(person.get("/branches/main/protection").await.status, 404, "administrators only");
}

#[tokio::test]
async fn nobody_approves_their_own_and_the_control_api_obeys_the_same_rules() {
    let (fake, client, number) = with_pull().await;
    let own = client.post(&format!("/pulls/{number}/reviews"), json!({"event": "APPROVE"})).await;
    assert_eq!(own.status, 422);
    let control = |action: &str| format!("{}/{action}", fake.control_url());
    let review = json!({"login": "ccziz", "number": number, "event": "APPROVE", "body": "ok"});
    assert_eq!(client.post(&control("review"), review).await.status, 200);
    let review = json!({"login": "ccziz", "number": number, "event": "REQUEST_CHANGES"});
    assert_eq!(client.post(&control("review"), review).await.status, 422);
    let pulls = client.get(&control("pulls")).await.body;
    assert_eq!(pulls[0]["review_list"][0]["state"], "APPROVED");
    assert_eq!(client.post(&control("nonsense"), json!({})).await.status, 422);
    let about = client.get(&control("about")).await.body;
    assert_eq!(about["git_url"], json!(fake.git_url()));
    // What the list names is there, and asks for what the list says.
    for line in super::super::control::LIST.lines() {
        let (path, keys) = line
            .split_once("/control/")
            .and_then(|(_, rest)| rest.split_once(' ').or(Some((rest, ""))))
            .expect("a path");
        if line.starts_with("GET ") {
            assert_eq!(client.get(&control(path)).await.status, 200, "{line}");
            continue;
        }
        let needed = keys.split(' ').filter(|key| !key.is_empty() && !key.ends_with('?')).count();
        let answer = client.post(&control(path), json!({})).await;
        let words = answer.body["message"].as_str().unwrap_or_default().to_owned();
        assert_eq!(
            (answer.status, words.is_empty()),
            if needed > 0 { (422, false) } else { (200, true) },
            "{line}: {words}"
        );
        assert!(!words.contains("no such action"), "{line}");
    }
}
