//! What goes wrong on purpose, and what is refused because it is too much: rates, faults, lost answers; and reading back page by page.

use std::time::Duration;

use serde_json::{Value, json};

use super::client::{Office, id};
use crate::discord::{FaultKind, Options};

#[tokio::test]
async fn a_bucket_tells_of_itself_and_is_empty_after_five() {
    let office = Office::open_with(Options::default()).await;
    let path = format!("/channels/{}/messages", office.channel);
    for left in (0..5).rev() {
        let answer = office.request("POST", &path, json!({ "content": "x" })).await;
        let header = |name: &str| answer.headers().get(name).map(|value| value.to_str().unwrap().to_string());
        assert_eq!(header("x-ratelimit-limit").as_deref(), Some("5"));
        assert_eq!(header("x-ratelimit-remaining"), Some(left.to_string()));
        assert!(header("x-ratelimit-bucket").is_some() && header("x-ratelimit-reset-after").is_some());
    }
    let answer = office.request("POST", &path, json!({ "content": "x" })).await;
    assert_eq!(answer.status(), 429);
    assert!(answer.headers().contains_key("retry-after") && answer.headers()["x-ratelimit-scope"] == "user");
    let told: Value = answer.json().await.unwrap();
    assert!(told["global"] == false && told["retry_after"].as_f64().unwrap() <= 5.0);
    let other = office.discord.add_channel("other");
    assert_eq!(office.call("POST", &format!("/channels/{other}/messages"), json!({ "content": "x" })).await.0, 200);
    office.discord.pass(Duration::from_secs(5));
    assert_eq!(office.call("POST", &path, json!({ "content": "x" })).await.0, 200);
    assert_eq!(office.discord.invalid_calls(), 1);
}

#[tokio::test]
async fn all_routes_together_have_a_rate_and_who_is_refused_too_often_is_shut_out() {
    let options = Options { global_a_second: 3, invalid_in_ten_minutes: 2, ..Options::default() };
    let office = Office::open_with(options).await;
    let path = format!("/channels/{}", office.channel);
    office.discord.pass(Duration::from_secs(2));
    let mut last = (0, Value::Null);
    for _ in 0..4 {
        last = office.call("GET", &path, Value::Null).await;
    }
    assert_eq!((last.0, &last.1["global"]), (429, &json!(true)));
    office.discord.pass(Duration::from_secs(2));
    let url = format!("{}/api/v10/users/@me", office.discord.url());
    let nobody = office.http.get(&url).send().await.unwrap();
    assert_eq!((nobody.status().as_u16(), office.discord.invalid_calls()), (401, 2));
    assert_eq!(office.call("GET", &path, Value::Null).await.0, 429);
    office.discord.pass(Duration::from_secs(601));
    assert_eq!(office.call("GET", &path, Value::Null).await.0, 200);
}

#[tokio::test]
async fn faults_come_as_often_as_they_were_ordered() {
    let office = Office::open().await;
    let path = format!("/channels/{}/messages", office.channel);
    let said = json!({ "content": "x" });
    let limited = FaultKind::TooMany { wait_ms: 1500, global: true };
    office.discord.fail("POST", "/channels/*/messages", Some(1), limited);
    let answer = office.request("POST", &path, said.clone()).await;
    assert_eq!((answer.status().as_u16(), answer.headers()["retry-after"].to_str().unwrap()), (429, "2"));
    let told = answer.json::<Value>().await.unwrap();
    assert!(told["global"] == true && told["retry_after"] == 1.5);
    office.discord.fail("*", "*", Some(1), FaultKind::Status(500));
    assert_eq!(office.call("POST", &path, said.clone()).await.0, 500);
    assert!(office.discord.messages(office.channel).is_empty());
    office.discord.latency(Duration::from_millis(100));
    let began = tokio::time::Instant::now();
    assert_eq!(office.call("POST", &path, said.clone()).await.0, 200);
    assert!(began.elapsed() >= Duration::from_millis(100));
    office.discord.heal();
    // Done, and the answer lost: the same nonce gives the same message back, for some minutes.
    office.discord.fail("POST", "*", Some(1), FaultKind::LostDrop);
    let nonce = json!({ "content": "once", "nonce": "n1", "enforce_nonce": true });
    let url = format!("{}/api/v10{path}", office.discord.url());
    let token = format!("Bot {}", office.discord.token());
    let lost = office.http.post(&url).header("authorization", &token).json(&nonce).send().await;
    assert!(lost.is_err());
    let (_, again) = office.call("POST", &path, nonce.clone()).await;
    assert_eq!(id(&again["id"]), office.discord.last(office.channel).unwrap().id);
    assert_eq!(office.discord.messages(office.channel).len(), 2);
    let lost = office.discord.calls().into_iter().filter(|call| call.lost).count();
    assert_eq!(lost, 1);
    office.discord.pass(Duration::from_secs(600));
    office.call("POST", &path, nonce).await;
    assert_eq!(office.discord.messages(office.channel).len(), 3);
    office.discord.fail("POST", "*", Some(1), FaultKind::LostStatus(502));
    assert_eq!(office.call("POST", &path, said.clone()).await.0, 502);
    assert_eq!(office.discord.messages(office.channel).len(), 4);
    office.discord.fail("POST", "*", Some(1), FaultKind::Drop);
    assert!(office.http.post(&url).header("authorization", &token).json(&said).send().await.is_err());
    assert_eq!(office.discord.messages(office.channel).len(), 4);
}

#[tokio::test]
async fn only_the_token_opens_and_only_known_routes_are_there() {
    let office = Office::open().await;
    let url = |path: &str| format!("{}/api/v10{path}", office.discord.url());
    for token in ["Bot nonsense", "Bearer x", ""] {
        let answer = office.http.get(url("/users/@me")).header("authorization", token).send().await.unwrap();
        assert_eq!(answer.status(), 401, "{token}");
    }
    assert_eq!(office.http.get(url("/gateway")).send().await.unwrap().status(), 200);
    assert_eq!(office.refused("GET", "/nowhere", Value::Null).await, (404, 0));
    assert_eq!(office.refused("PUT", "/users/@me", Value::Null).await, (405, 0));
    assert_eq!(office.refused("GET", "/channels/abc", Value::Null).await, (400, 50035));
    assert_eq!(office.refused("GET", "/channels/1", Value::Null).await, (404, 10003));
    let garbage = office.http.post(url(&format!("/channels/{}/messages", office.channel)));
    let garbage = garbage.header("authorization", format!("Bot {}", office.discord.token()));
    let answer = garbage.header("content-type", "application/json").body("{").send().await.unwrap();
    assert_eq!(answer.json::<Value>().await.unwrap()["code"], 50109);
}

#[tokio::test]
async fn messages_and_reactions_are_read_page_by_page() {
    let office = Office::open().await;
    let mut said = Vec::new();
    for n in 0..7 {
        said.push(office.say(json!({ "content": n.to_string() })).await);
    }
    let read = async |query: &str| {
        let path = format!("/channels/{}/messages?{query}", office.channel);
        let (_, answer) = office.call("GET", &path, Value::Null).await;
        let all = answer.as_array().unwrap().iter().map(|message| message["content"].as_str().unwrap().to_string());
        all.collect::<Vec<_>>().join("")
    };
    assert_eq!(read("").await, "6543210");
    assert_eq!(read("limit=2").await, "65");
    assert_eq!(read(&format!("limit=2&before={}", said[5])).await, "43");
    assert_eq!(read(&format!("limit=2&after={}", said[1])).await, "32");
    assert_eq!(read(&format!("limit=3&around={}", said[3])).await, "432");
    let path = format!("/channels/{}/messages", office.channel);
    for limit in ["0", "101", "x"] {
        assert_eq!(office.refused("GET", &format!("{path}?limit={limit}"), Value::Null).await, (400, 50035));
    }
    let mut people = Vec::new();
    for n in 0..5 {
        people.push(office.discord.add_user(&format!("p{n}")));
        office.discord.react(people[n], office.channel, said[0], "✅").unwrap();
    }
    let reactions = format!("{}/reactions/%E2%9C%85", office.path(said[0]));
    let (_, first) = office.call("GET", &format!("{reactions}?limit=3"), Value::Null).await;
    let last = id(&first[2]["id"]);
    assert_eq!(last, people[2]);
    let (_, rest) = office.call("GET", &format!("{reactions}?limit=3&after={last}"), Value::Null).await;
    assert_eq!(rest.as_array().unwrap().len(), 2);
    assert_eq!(office.refused("GET", &format!("{reactions}?limit=101"), Value::Null).await, (400, 50035));
    let named = format!("{}/reactions/party", office.path(said[0]));
    assert_eq!(office.refused("PUT", &format!("{named}/@me"), Value::Null).await, (404, 10014));
    let (_, message) = office.call("GET", &office.path(said[0]), Value::Null).await;
    assert_eq!(message["reactions"][0]["count"], 5);
}
