//! What kaas says: cards that are edited in place, posts in their threads, private messages, files; each once, within every limit, calling nobody by accident.

use std::sync::Arc;
use std::time::Duration;

use kaas::chat::slack::SlackChat;
use kaas::clock::SystemClock;
use kaas::lifecycle::Person;
use kaas::ports::{Attachment, Chat, Standing, Trouble};
use kaas::render::message::{Line, Message, Span};
use kaas_fakes::slack::{BOT_USER, Fault, Options};

use serde_json::json;

use crate::support::{Office, call, card, card_key, person, settings};

fn file(content: &str) -> Attachment {
    Attachment { name: "plan-9f3ac1.txt".to_owned(), content: content.into() }
}

/// Posts of the channel, and of the thread of a card without the card.
fn posts(office: &Office, card: &str) -> Vec<String> {
    let thread = office.slack.thread(&office.channel, card);
    thread.iter().skip(1).map(|message| message.text.clone()).collect()
}

#[tokio::test]
async fn a_card_is_one_message_that_is_edited() {
    let office = Office::quiet(Options::default()).await;
    let first = office.card().await;
    let posted = office.slack.message(&office.channel, &first).expect("a card");
    assert_eq!(posted.text, "crucial-sandbox · new cluster · planning");
    assert_eq!(posted.buttons(), ["kaas/approve", "kaas/reject", "kaas/plan", "kaas/cancel", "kaas/retry"]);
    assert_eq!(posted.blocks[0]["block_id"], "acme/crucial-sandbox/1/0");
    let metadata = posted.metadata.expect("metadata");
    assert_eq!(metadata["event_payload"]["change"], "42");
    let known = office.chat.card(&call(2, 1), &card(&office, Some(&first), "waiting")).await.expect("an edit");
    let unknown = office.chat.card(&call(3, 1), &card(&office, None, "applying")).await.expect("an edit");
    assert_eq!((known.as_str(), unknown.as_str()), (first.as_str(), first.as_str()));
    let messages = office.slack.messages(&office.channel);
    assert_eq!(messages.len(), 1);
    assert!(messages[0].text.ends_with("applying") && messages[0].holds("crucial-sandbox"));
    let post = office.slack.calls().into_iter().find(|call| call.method == "chat.postMessage").expect("a post");
    assert_eq!(post.args["unfurl_links"], false);
}

#[tokio::test]
async fn what_there_is_to_read_is_said_before_its_file_is_there() {
    let office = Office::quiet(Options::default()).await;
    let first = office.card().await;
    let (place, key, plan) = (office.chat.place(), card_key(), file("Plan: 7 to add"));
    let message = Message::text("the plan is here");
    office.slack.fail_next("files.getUploadURLExternal", 1, Fault::Status(503));
    let failed = office.chat.post(&call(2, 1), &place, &key, Some(&first), &message, Some(&plan)).await;
    assert!(matches!(failed, Err(Trouble::Passing { .. })), "{failed:?}");
    assert_eq!(posts(&office, &first), ["the plan is here"], "it waits for no file");
    // The second attempt makes up for the file alone, and the third one for nothing.
    for attempt in [2, 3] {
        office.chat.post(&call(2, attempt), &place, &key, Some(&first), &message, Some(&plan)).await.expect("a file");
        assert_eq!(posts(&office, &first), ["the plan is here", ""]);
        assert_eq!(office.slack.files().len(), 1);
    }
    let calls: Vec<String> = office.slack.calls().into_iter().map(|call| call.method).collect();
    let at = |method: &str| calls.iter().position(|call| call == method).expect("a call");
    assert!(at("chat.postMessage") < at("files.completeUploadExternal"), "{calls:?}");
}

#[tokio::test]
async fn a_card_whose_answer_was_lost_is_not_posted_again() {
    let office = Office::quiet(Options::default()).await;
    office.slack.fail_next("chat.postMessage", 1, Fault::LostAnswer);
    let lost = office.chat.card(&call(1, 1), &card(&office, None, "planning")).await;
    assert!(matches!(lost, Err(Trouble::Passing { .. })), "{lost:?}");
    let found = office.chat.card(&call(1, 2), &card(&office, None, "waiting")).await.expect("the card");
    let messages = office.slack.messages(&office.channel);
    assert_eq!(messages.len(), 1, "one card");
    assert_eq!(*messages[0].ts, *found);
    assert!(messages[0].text.ends_with("waiting"));
}

#[tokio::test]
async fn a_card_of_an_earlier_process_is_found_again_also_by_another_effect() {
    let office = Office::quiet(Options::default()).await;
    let first = office.card().await;
    let settings = settings(&office.slack, &office.channel, &office.alice);
    let later = SlackChat::open(settings, SystemClock::shared()).await.expect("a chat");
    let same = later.card(&call(7, 1), &card(&office, None, "waiting")).await.expect("the card");
    assert_eq!(same, first);
    later.post(&call(8, 1), &later.place(), &card_key(), None, &Message::text("approved"), None).await.expect("a post");
    assert_eq!(posts(&office, &first), ["approved"]);
}

#[tokio::test]
async fn a_card_that_was_deleted_is_posted_anew() {
    let office = Office::quiet(Options::default()).await;
    let first = office.card().await;
    let delete = json!({ "channel": office.channel, "ts": first });
    let url = format!("{}/chat.delete", office.slack.api_url());
    let http = reqwest::Client::new();
    http.post(url).bearer_auth(office.slack.bot_token()).json(&delete).send().await.expect("an answer");
    let second = office.chat.card(&call(2, 1), &card(&office, Some(&first), "waiting")).await.expect("a card");
    assert_ne!(second, first);
    // What is said about the deleted one is still said.
    let place = office.chat.place();
    office
        .chat
        .post(&call(3, 1), &place, &card_key(), Some(&first), &Message::text("said"), None)
        .await
        .expect("a post");
    let plan = file("Plan: 7 to add");
    let with_plan = Message::text("the plan");
    office.chat.post(&call(4, 1), &place, &card_key(), Some(&first), &with_plan, Some(&plan)).await.expect("a post");
    for text in ["said", "the plan"] {
        assert!(office.slack.messages(&office.channel).iter().any(|message| message.text == text), "{text}");
    }
}

#[tokio::test]
async fn posts_hang_on_the_card_and_mention_by_id() {
    let office = Office::quiet(Options::default()).await;
    let first = office.card().await;
    let mut line = Line::default();
    for name in ["alice", "bob", "zoe", "nobody"] {
        line.spans.extend([Span::Mention(person(name)), Span::Text(" ".to_owned())]);
    }
    line.spans.push(Span::Text("<!channel> & co".to_owned()));
    let message = Message { lines: vec![line], ..Message::default() };
    office
        .chat
        .post(&call(2, 1), &office.chat.place(), &card_key(), Some(&first), &message, None)
        .await
        .expect("a post");
    let said = posts(&office, &first);
    let expect = format!("<@{}> <@{}> @zoe @nobody &lt;!channel&gt; &amp; co", office.alice, office.bob);
    assert_eq!(said, [expect]);
}

#[tokio::test]
async fn a_post_or_a_file_whose_answer_was_lost_is_not_said_again() {
    let office = Office::quiet(Options::default()).await;
    let first = office.card().await;
    let (place, key) = (office.chat.place(), card_key());
    let message = Message::text("the plan is here");
    for (revision, method, file) in
        [(2, "chat.postMessage", None), (3, "files.completeUploadExternal", Some(file("Plan: 7 to add")))]
    {
        office.slack.fail_next(method, 1, Fault::LostAnswer);
        let file = file.as_ref();
        let lost = office.chat.post(&call(revision, 1), &place, &key, Some(&first), &message, file).await;
        assert!(matches!(lost, Err(Trouble::Passing { .. })), "{lost:?}");
        office.chat.post(&call(revision, 2), &place, &key, Some(&first), &message, file).await.expect("it is there");
    }
    assert_eq!(posts(&office, &first), ["the plan is here", "the plan is here", ""]);
    let files = office.slack.files();
    assert_eq!(
        (files.len(), files[0].name.as_str(), files[0].text().as_str()),
        (1, "plan-9f3ac1.txt", "Plan: 7 to add")
    );
}

#[tokio::test]
async fn an_attempt_that_did_nothing_is_made_up_for() {
    let office = Office::quiet(Options::default()).await;
    let first = office.card().await;
    let (place, key, message) = (office.chat.place(), card_key(), Message::text("approved"));
    for fault in [Fault::Status(502), Fault::RateLimited(1)] {
        office.slack.fail_next("chat.postMessage", 1, fault);
        let failed = office.chat.post(&call(2, 1), &place, &key, Some(&first), &message, None).await;
        match (fault, failed) {
            (Fault::RateLimited(_), Err(Trouble::Passing { wait, .. })) => {
                assert_eq!(wait.map(|w| w.as_secs()), Some(1))
            }
            (_, Err(Trouble::Passing { wait, .. })) => assert_eq!(wait, None),
            (_, other) => panic!("{other:?}"),
        }
    }
    office.chat.post(&call(2, 3), &place, &key, Some(&first), &message, None).await.expect("a post");
    assert_eq!(posts(&office, &first), ["approved"]);
}

#[tokio::test]
async fn one_person_is_told_alone_and_once() {
    let office = Office::quiet(Options::default()).await;
    let place = office.chat.place();
    let message = Message::text("crucial-sandbox is ready");
    office.slack.fail_next("chat.postMessage", 1, Fault::LostAnswer);
    let lost = office.chat.tell(&call(5, 1), &place, &person("bob"), &message, None).await;
    assert!(matches!(lost, Err(Trouble::Passing { .. })), "{lost:?}");
    office.chat.tell(&call(5, 2), &place, &person("bob"), &message, None).await.expect("he is told");
    office
        .chat
        .tell(&call(6, 1), &place, &person("alice"), &message, Some(&file("the plan")))
        .await
        .expect("she is told");
    assert_eq!(office.slack.dms(&office.bob).len(), 1);
    let hers: Vec<usize> = office.slack.dms(&office.alice).iter().map(|message| message.files.len()).collect();
    assert_eq!(hers, [0, 1], "what there is to read, then the file");
    assert!(office.slack.messages(&office.channel).is_empty());
    // Strangers have their own id.
    let carol = office.slack.add_user("carol");
    let stranger = Person { id: format!("slack:{carol}").parse().expect("an id"), name: "carol".to_owned() };
    office.chat.tell(&call(7, 1), &place, &stranger, &message, None).await.expect("she is told");
    assert_eq!(office.slack.dms(&carol).len(), 1);
    for name in ["zoe", "nobody"] {
        let unknown = office.chat.tell(&call(8, 1), &place, &person(name), &message, None).await;
        let Err(Trouble::Lasting { line, .. }) = unknown else { panic!("{unknown:?}") };
        assert!(line.contains(name) && line.contains("e-mail address"), "{line}");
    }
}

#[tokio::test]
async fn huge_texts_are_cut_and_never_refused() {
    let office = Office::quiet(Options { burst: None, ..Options::default() }).await;
    let first = office.card().await;
    let spans = |text: String| vec![Span::Strong(text.clone()), Span::Code(text.clone()), Span::Text(text)];
    for (revision, text) in [(2, "<&>\"\\\n".repeat(9_000)), (3, "é🦀".repeat(30_000)), (4, "\u{1}".repeat(20_000))]
    {
        let mut huge = card(&office, Some(&first), "waiting");
        huge.message.lines = (0..40).map(|_| Line { spans: spans(text.clone()) }).collect();
        office.chat.card(&call(revision, 1), &huge).await.expect("it is cut");
        let message = Message { buttons: Vec::new(), ..huge.message };
        let (place, key, call) = (office.chat.place(), card_key(), call(revision, 1));
        for file in [None, Some(file(&text))] {
            let post = office.chat.post(&call, &place, &key, Some(&first), &message, file.as_ref());
            post.await.expect("it is cut");
        }
    }
    let shown = office.slack.message(&office.channel, &first).expect("the card");
    assert_eq!(shown.buttons().len(), 5, "a long card keeps its buttons");
    assert!(shown.text.chars().count() <= 4_000);
}

#[tokio::test]
async fn progress_is_shown_at_most_once_a_second_and_never_fails() {
    let office = Office::quiet(Options::default()).await;
    let first = office.card().await;
    for step in 0..20 {
        office.chat.progress(&card(&office, Some(&first), &format!("applying {step} of 20"))).await;
    }
    let edits = || office.slack.message(&office.channel, &first).expect("the card").edits.len();
    assert_eq!(edits(), 1, "what comes too soon is left out");
    office.chat.card(&call(2, 1), &card(&office, Some(&first), "ready")).await.expect("the card waits for its turn");
    assert_eq!(edits(), 2);
    office.slack.go_down();
    tokio::time::sleep(Duration::from_millis(1_050)).await;
    office.chat.progress(&card(&office, Some(&first), "applying")).await;
}

#[tokio::test]
async fn many_posts_at_once_are_paced_and_none_is_refused() {
    // kaas writes three at once and then one a second. The stand-in takes one more at once, for what the network shifts, and refuses what is faster.
    let office = Office::quiet(Options { burst: Some(4), ..Options::default() }).await;
    let chat = Arc::clone(&office.chat);
    let posts = (0..7).map(|n| {
        let chat = Arc::clone(&chat);
        tokio::spawn(async move {
            chat.post(&call(n, 1), &chat.place(), &card_key(), None, &Message::text(format!("post {n}")), None).await
        })
    });
    for post in posts.collect::<Vec<_>>() {
        post.await.expect("a task").expect("it is posted in its turn");
    }
    assert_eq!(office.slack.messages(&office.channel).len(), 7);
    assert!(office.slack.calls().iter().all(|call| call.status == 200));
}

#[tokio::test]
async fn reactions_that_stand_are_read_with_who_gave_them() {
    let office = Office::quiet(Options::default()).await;
    let first = office.card().await;
    let guest = office.slack.add_user("guest");
    office.slack.set_user(&guest, |user| user.is_restricted = true);
    office.slack.join(&office.channel, &guest);
    for (user, emoji) in [(&office.bob, "+1"), (&guest, "+1"), (&office.alice, "eyes")] {
        office.slack.react(user, &office.channel, &first, emoji).await.expect("a reaction");
    }
    let place = office.chat.place();
    let standing = office.chat.reactions(&place, &first).await.expect("reactions").expect("Slack can tell");
    let mut seen: Vec<_> = standing.iter().map(|r| (r.by.id.to_string(), r.emoji.as_str(), r.standing)).collect();
    seen.sort_by(|a, b| a.0.cmp(&b.0));
    let stranger = format!("slack:{guest}");
    assert_eq!(
        seen,
        [
            ("alice".to_owned(), "eyes", Standing::Member),
            ("bob".to_owned(), "+1", Standing::Member),
            (stranger, "+1", Standing::Guest)
        ]
    );
    assert_eq!(
        office.chat.reactions(&place, "1.000001").await.expect("an answer"),
        None,
        "nothing is known of what is gone"
    );
}

#[tokio::test]
async fn what_lasts_names_its_remedy() {
    let office = Office::quiet(Options::default()).await;
    let post = async || {
        let place = office.chat.place();
        office.chat.post(&call(2, 1), &place, &card_key(), None, &Message::text("x"), None).await
    };
    let line = |answer| match answer {
        Err(Trouble::Lasting { line, .. }) => line,
        other => panic!("{other:?}"),
    };
    office.slack.leave(&office.channel, BOT_USER);
    office.card_fails(&line).await;
    office.slack.join(&office.channel, BOT_USER);
    office.slack.set_channel(&office.channel, |channel| channel.is_archived = true);
    assert!(line(post().await).contains("#clusters is archived"));
    office.slack.set_channel(&office.channel, |channel| channel.is_archived = false);
    office.slack.without_scope("chat:write");
    assert!(line(post().await).contains("lacks chat:write"));
}

impl Office {
    async fn card_fails(&self, line: &impl Fn(Result<(), Trouble>) -> String) {
        let answer = self.chat.card(&call(1, 1), &card(self, None, "planning")).await.map(drop);
        assert_eq!(line(answer), "Slack: kaas is not in #clusters; invite it with /invite @kaas");
    }
}
