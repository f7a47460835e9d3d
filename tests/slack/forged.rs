//! Deliveries over HTTP: Slack's own are taken, whatever is forged, stale, replayed, oversized or garbled is refused with its status and counted under its
//! name, and none of it reaches the desk.

use std::collections::BTreeMap;
use std::net::SocketAddr;
use std::sync::Arc;
use std::time::Duration;

use axum::Router;
use axum::body::Bytes;
use axum::extract::State;
use axum::http::{HeaderMap, HeaderValue, StatusCode};
use axum::response::{IntoResponse, Response};
use axum::routing::post;
use jiff::Timestamp;
use kaas::chat::slack::{SlackChat, SlackIntake};
use kaas::clock::{Clock, ManualClock};
use kaas::ports::{Delivered, Delivery, Intake};
use kaas_fakes::slack::{Delivery as Way, Doubling, FakeSlack, Options, RequestUrls, sign};
use metrics_exporter_prometheus::PrometheusBuilder;
use serde_json::json;

use crate::support::{Notes, Office, settings, until, workspace};

const NOW: i64 = 1_800_000_000;
const FORM: &str = "application/x-www-form-urlencoded";
const JSON: &str = "application/json; charset=utf-8";

/// An intake whose clock stands still, and what it knows.
struct Door {
    intake: SlackIntake,
    desk: Arc<Notes>,
    clock: Arc<ManualClock>,
    secret: String,
    user: String,
    _slack: FakeSlack,
}

impl Door {
    async fn open() -> Self {
        let slack = workspace(Options::default()).await;
        let user = slack.add_user("alice");
        let channel = slack.add_channel("clusters", &[&user]);
        let clock = ManualClock::at(Timestamp::from_second(NOW).expect("a moment"));
        let shared: Arc<dyn Clock> = clock.clone();
        let chat = SlackChat::open(settings(&slack, &channel, &user), shared).await.expect("a chat");
        let desk: Arc<Notes> = Arc::default();
        desk.reply("private");
        let intake = SlackIntake::new(chat, desk.clone()).expect("an intake");
        Self { intake, desk, clock, secret: slack.signing_secret().to_owned(), user: user.to_string(), _slack: slack }
    }

    fn command(&self, text: &str) -> String {
        let user = &self.user;
        format!(
            "command=%2Fkaas&text={text}&user_id={user}&trigger_id=1.2.abc&response_url=https%3A%2F%2Fhooks.slack.com%2Fc%2F1"
        )
    }

    /// A genuine delivery.
    fn signed(&self, kind: &str, body: &[u8]) -> Delivery {
        self.signed_at(kind, body, &NOW.to_string(), &self.secret)
    }

    fn signed_at(&self, kind: &str, body: &[u8], timestamp: &str, secret: &str) -> Delivery {
        let headers = [
            ("content-type", kind.to_owned()),
            ("x-slack-request-timestamp", timestamp.to_owned()),
            ("x-slack-signature", sign(secret, timestamp, body)),
        ];
        Delivery {
            path: "/webhook/slack".to_owned(),
            headers: headers.map(|(name, value)| (name.to_owned(), value)).to_vec(),
            body: body.to_vec(),
        }
    }

    async fn take(&self, delivery: &Delivery) -> Delivered {
        self.intake.deliver(delivery).await
    }
}

fn set(mut delivery: Delivery, name: &str, value: Option<&str>) -> Delivery {
    delivery.headers.retain(|(known, _)| known != name);
    delivery.headers.extend(value.map(|value| (name.to_owned(), value.to_owned())));
    delivery
}

#[tokio::test]
async fn nothing_but_slacks_own_deliveries_passes() {
    // Of this thread alone, in which the whole test runs.
    let recorder = PrometheusBuilder::new().build_recorder();
    let figures = recorder.handle();
    let _recording = metrics::set_default_local_recorder(&recorder);
    let door = Door::open().await;
    let body = door.command("list");
    let good = || door.signed(FORM, body.as_bytes());
    let at = |seconds: i64| door.signed_at(FORM, body.as_bytes(), &(NOW + seconds).to_string(), &door.secret);
    let signature = good().header("x-slack-signature").expect("a signature").to_owned();
    let (stamp, sig) = ("x-slack-request-timestamp", "x-slack-signature");
    let twice = |name: &str| {
        let mut delivery = good();
        let value = delivery.header(name).expect("it is there").to_owned();
        delivery.headers.push((name.to_owned(), value));
        delivery
    };
    let altered = |change: fn(&mut Vec<u8>)| {
        let mut delivery = good();
        change(&mut delivery.body);
        delivery
    };
    let json = |value: serde_json::Value| door.signed(JSON, value.to_string().as_bytes());
    let event = |event: serde_json::Value| json(json!({ "type": "event_callback", "event_id": "Ev1", "event": event }));
    let payload = |value: serde_json::Value| {
        let form = format!("payload={}", url_encoded(&value.to_string()));
        door.signed(FORM, form.as_bytes())
    };
    let user = door.user.as_str();
    let big = "x".repeat((1 << 20) + 1);
    let cases: Vec<(&str, Delivery, u16, &str)> = vec![
        ("no signature", set(good(), sig, None), 401, "forged"),
        ("no timestamp", set(good(), stamp, None), 401, "forged"),
        ("an empty signature", set(good(), sig, Some("")), 401, "forged"),
        ("two signatures", twice(sig), 401, "forged"),
        ("two timestamps", twice(stamp), 401, "forged"),
        ("another scheme", set(good(), sig, Some(&signature.replace("v0=", "v1="))), 401, "forged"),
        ("half a signature", set(good(), sig, Some(&signature[..30])), 401, "forged"),
        ("a longer signature", set(good(), sig, Some(&format!("{signature}0"))), 401, "forged"),
        ("a signature of zeros", set(good(), sig, Some(&format!("v0={}", "0".repeat(64)))), 401, "forged"),
        ("no hex", set(good(), sig, Some(&format!("v0={}", "é".repeat(32)))), 401, "forged"),
        ("another secret", door.signed_at(FORM, body.as_bytes(), &NOW.to_string(), "0123456789abcdef"), 401, "forged"),
        ("an empty secret", door.signed_at(FORM, body.as_bytes(), &NOW.to_string(), ""), 401, "forged"),
        ("another time than was signed", set(good(), stamp, Some(&(NOW + 1).to_string())), 401, "forged"),
        ("a time with a sign", set(good(), stamp, Some(&format!("+{NOW}"))), 401, "forged"),
        ("a time that is none", set(good(), stamp, Some("now")), 401, "forged"),
        ("a time of a thousand digits", set(good(), stamp, Some(&"9".repeat(1_000))), 401, "forged"),
        ("a body with a byte more", altered(|body| body.push(b' ')), 401, "forged"),
        ("a body with a byte less", altered(|body| body.truncate(body.len() - 1)), 401, "forged"),
        ("an empty body", altered(Vec::clear), 401, "forged"),
        ("a body with another command", altered(|body| body.extend_from_slice(b"&text=destroy")), 401, "forged"),
        ("a delivery of six minutes ago", at(-360), 401, "stale"),
        ("a delivery of in six minutes", at(360), 401, "stale"),
        ("a delivery of last year", at(-31_536_000), 401, "stale"),
        ("a delivery of 1970", door.signed_at(FORM, body.as_bytes(), "0", &door.secret), 401, "stale"),
        ("far too much", door.signed(FORM, big.as_bytes()), 413, "oversized"),
        ("no kind", set(good(), "content-type", None), 400, "garbled"),
        ("another kind", set(good(), "content-type", Some("text/xml")), 400, "garbled"),
        ("a form that is called JSON", set(good(), "content-type", Some(JSON)), 400, "garbled"),
        ("JSON that breaks off", door.signed(JSON, b"{\"type\":\"event_"), 400, "garbled"),
        ("JSON of a thousand depths", door.signed(JSON, "[".repeat(100_000).as_bytes()), 400, "garbled"),
        ("no UTF-8", door.signed(JSON, b"{\"type\":\"\xff\xfe\"}"), 400, "garbled"),
        ("JSON that is no object", json(json!([1, 2, 3])), 400, "garbled"),
        (
            "an event without an id",
            json(json!({ "type": "event_callback", "event": { "type": "app_mention" } })),
            400,
            "garbled",
        ),
        ("a mention by nobody", event(json!({ "type": "app_mention", "user": "", "channel": "C1" })), 400, "garbled"),
        ("a user who is a path", event(json!({ "type": "app_home_opened", "user": "../U1" })), 400, "garbled"),
        (
            "a reaction on nothing",
            event(json!({ "type": "reaction_added", "user": user, "reaction": "+1", "item": { "type": "message" } })),
            400,
            "garbled",
        ),
        (
            "a command without a trigger",
            door.signed(FORM, format!("command=%2Fkaas&user_id={user}&text=x").as_bytes()),
            400,
            "garbled",
        ),
        ("a command with two texts", door.signed(FORM, format!("{body}&text=destroy").as_bytes()), 400, "garbled"),
        ("a payload that is no JSON", door.signed(FORM, b"payload=%7Boops"), 400, "garbled"),
        (
            "a payload that presses nothing",
            payload(json!({ "type": "block_actions", "user": { "id": user }, "actions": [] })),
            400,
            "garbled",
        ),
        (
            "a button of another card",
            payload(json!({ "type": "block_actions", "user": { "id": user }, "trigger_id": "1",
            "container": { "message_ts": "1.1" },
            "actions": [{ "action_id": "kaas/approve", "action_ts": "2.2", "value": "{\"tenant\":\"../etc\",\"cluster\":\"x\",\"change\":1}" }] })),
            400,
            "garbled",
        ),
    ];
    assert!(cases.len() >= 40, "{}", cases.len());
    let mut counts: BTreeMap<&str, usize> = BTreeMap::new();
    for (what, delivery, status, verdict) in cases {
        *counts.entry(verdict).or_default() += 1;
        let answer = door.take(&delivery).await;
        assert_eq!((answer.status, answer.verdict), (status, verdict), "{what}");
        assert!(!answer.body.contains("private"), "{what}: {}", answer.body);
    }
    assert!(door.desk.all().is_empty(), "{:?}", door.desk.all());
    let figures = figures.render();
    for (verdict, count) in counts {
        let of = format!("verdict=\"{verdict}\"");
        let lines =
            figures.lines().filter(|line| line.starts_with("kaas_slack_deliveries_total") && line.contains(&of));
        let counted: usize = lines.filter_map(|line| line.rsplit(' ').next()?.parse::<usize>().ok()).sum();
        assert_eq!(counted, count, "{verdict}: {figures}");
    }
    let taken = door.take(&good()).await;
    assert_eq!((taken.status, taken.verdict), (200, "taken"));
    assert_eq!(door.desk.words(), ["command list"]);
}

/// A text as a form has it.
fn url_encoded(text: &str) -> String {
    let plain = |byte: u8| byte.is_ascii_alphanumeric();
    text.bytes().map(|byte| if plain(byte) { char::from(byte).to_string() } else { format!("%{byte:02X}") }).collect()
}

#[tokio::test]
async fn a_delivery_that_is_played_again_learns_nothing_and_does_nothing() {
    let door = Door::open().await;
    let body = door.command("list");
    let delivery = door.signed(FORM, body.as_bytes());
    let first = door.take(&delivery).await;
    assert!(first.body.contains("private"), "{}", first.body);
    let upper = set(
        delivery.clone(),
        "x-slack-signature",
        Some(
            &delivery
                .header("x-slack-signature")
                .expect("one")
                .replace("v0=", "V0=")
                .to_uppercase()
                .replace("V0=", "v0="),
        ),
    );
    for replayed in [&delivery, &upper] {
        let again = door.take(replayed).await;
        assert_eq!((again.status, again.verdict, again.body.as_str()), (200, "replayed", ""));
    }
    door.clock.advance(Duration::from_secs(301));
    let late = door.take(&delivery).await;
    assert_eq!((late.status, late.verdict), (401, "stale"));
    assert_eq!(door.desk.all().len(), 1);
}

#[tokio::test]
async fn slack_may_ask_whether_somebody_is_here_only_with_its_signature() {
    let door = Door::open().await;
    let body = json!({ "type": "url_verification", "challenge": "abc" }).to_string();
    let answer = door.take(&door.signed(JSON, body.as_bytes())).await;
    assert_eq!((answer.status, answer.body.as_str()), (200, r#"{"challenge":"abc"}"#));
    let forged = set(door.signed(JSON, body.as_bytes()), "x-slack-signature", Some("v0=00"));
    assert_eq!(door.take(&forged).await.status, 401);
    let check = door.take(&door.signed(FORM, b"ssl_check=1&token=x")).await;
    assert_eq!((check.status, check.verdict), (200, "ignored"));
}

#[tokio::test]
async fn without_a_signing_secret_nothing_is_taken_over_http() {
    let slack = workspace(Options::default()).await;
    let channel = slack.add_channel("clusters", &[]);
    for secret in [None, Some(String::new().into())] {
        let mut settings = settings(&slack, &channel, "U1");
        settings.signing_secret = secret;
        let chat = SlackChat::open(settings, kaas::clock::SystemClock::shared()).await.expect("a chat");
        assert!(SlackIntake::new(chat, Arc::<Notes>::default()).is_err());
    }
}

// ---- Slack itself, over HTTP ----

async fn deliver(State(intake): State<Arc<SlackIntake>>, headers: HeaderMap, body: Bytes) -> Response {
    let text = |value: &HeaderValue| value.to_str().unwrap_or_default().to_owned();
    let headers = headers.iter().map(|(name, value)| (name.as_str().to_owned(), text(value))).collect();
    let answer = intake.deliver(&Delivery { path: "/webhook/slack".to_owned(), headers, body: body.to_vec() }).await;
    let status = StatusCode::from_u16(answer.status).expect("a status");
    (status, [("content-type", answer.content_type)], answer.body).into_response()
}

/// A workspace that delivers over HTTP.
async fn office() -> Office {
    let office = Office::quiet(Options::default()).await;
    let intake = SlackIntake::new(Arc::clone(&office.chat), office.desk.clone()).expect("an intake");
    let router = Router::new().route("/webhook/slack", post(deliver)).with_state(Arc::new(intake));
    let listener = tokio::net::TcpListener::bind(SocketAddr::from(([127, 0, 0, 1], 0))).await.expect("a port");
    let address = listener.local_addr().expect("an address");
    tokio::spawn(async move { axum::serve(listener, router).await });
    let urls = RequestUrls::all(&format!("http://{address}/webhook/slack"));
    office.slack.deliver_over(Way::Http(urls));
    office
}

#[tokio::test]
async fn everything_that_sockets_bring_comes_over_http_as_well() {
    let office = office().await;
    let card = office.card().await;
    assert!(office.slack.verify_events_url().await);
    office.desk.reply("Noted.");
    let outcome = office.slack.slash(&office.alice, &office.channel, "/kaas list mine").await.expect("a command");
    assert_eq!(outcome.text(), "Noted.", "{outcome:?}");
    let (slack, channel) = (&office.slack, &office.channel);
    assert!(slack.mention(&office.alice, channel, Some(&card), "<@U0KAAS> list").await.expect("a mention").is_acked());
    assert!(slack.react(&office.bob, channel, &card, "+1").await.expect("a reaction").is_acked());
    assert!(slack.click(&office.bob, channel, &card, "kaas/approve").await.expect("a click").is_acked());
    office.slack.shortcut(&office.alice, "kaas_request").await.expect("a shortcut");
    until(|| !office.slack.views(&office.alice).is_empty()).await;
    let view = office.slack.views(&office.alice).remove(0);
    *office.desk.wrong.lock().expect("what is wrong") = vec![(kaas::ports::Field::Name, "taken".to_owned())];
    let filled = json!({ "name": "teal-otter", "size": "small" });
    office.slack.submit_view(&office.alice, &view.id, &filled).await.expect("a form");
    assert_eq!(office.slack.views(&office.alice)[0].errors.get("name").map(String::as_str), Some("taken"));
    let kinds: Vec<String> =
        office.desk.words().iter().map(|words| words.split(' ').next().unwrap_or_default().to_owned()).collect();
    assert_eq!(kinds, ["command", "command", "react", "press", "submit"]);
}

#[tokio::test]
async fn a_delivery_that_slack_repeats_keeps_its_id() {
    let office = office().await;
    office.slack.deliver(Doubling::OtherEnvelope);
    office.slack.mention(&office.alice, &office.channel, None, "<@U0KAAS> list").await.expect("a mention");
    until(|| !office.desk.all().is_empty()).await;
    // A second later it is signed anew.
    tokio::time::sleep(Duration::from_millis(1_100)).await;
    office.slack.redeliver_last_event().await.expect("an event");
    let ids = office.desk.ids();
    assert!(ids.len() >= 2 && ids.iter().all(|id| *id == ids[0]), "{ids:?}");
}
