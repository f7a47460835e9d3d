//! The chat as a whole: what is kept over a restart, what scripts can rely on, and what is shown.

use std::collections::BTreeSet;
use std::fs;
use std::path::Path;
use std::time::Duration;

use serde_json::Value;
use tokio_util::sync::CancellationToken;

use super::fake::{FakeDesk, call, card, message, people, person, place, plan};
use super::log::{Entry, Log};
use super::*;
use crate::clock::SystemClock;
use crate::render::message::Press;

/// A conversation in a folder, which can be opened again and again.
struct Room {
    dir: tempfile::TempDir,
    clock: SharedClock,
}

impl Room {
    fn new() -> Self {
        Self { dir: tempfile::tempdir().expect("a folder"), clock: SystemClock::shared() }
    }

    fn file(&self, name: &str) -> PathBuf {
        self.dir.path().join(name)
    }

    fn try_open(&self) -> anyhow::Result<TerminalChat> {
        TerminalChat::open(Setup {
            dir: self.file("chat"),
            transcript: Some(self.file("transcript.jsonl")),
            channel: place().channel,
            clock: Arc::clone(&self.clock),
        })
    }

    fn open(&self) -> TerminalChat {
        self.try_open().expect("opened")
    }

    fn transcript(&self) -> Vec<Value> {
        let text = fs::read_to_string(self.file("transcript.jsonl")).expect("a transcript");
        text.lines().map(|line| serde_json::from_str(line).expect("JSON")).collect()
    }

    /// The transcript in one line each: from, to, whether in a thread, whether an edit, text.
    fn story(&self) -> Vec<String> {
        let mark =
            |line: &Value, key: &str, mark: &str| if line[key].is_null() { String::new() } else { mark.to_owned() };
        let text = |line: &Value, key: &str| line[key].as_str().expect("text").to_owned();
        self.transcript()
            .iter()
            .map(|line| {
                let marks =
                    [mark(line, "thread", " thread"), mark(line, "edits", " edit"), mark(line, "file", " file")]
                        .concat();
                format!("{} -> {}{marks}: {}", text(line, "from"), text(line, "to"), text(line, "text"))
            })
            .collect()
    }
}

/// What was written to a plain surface.
#[derive(Clone, Default)]
struct Output(Arc<Mutex<Vec<u8>>>);

impl Write for Output {
    fn write(&mut self, bytes: &[u8]) -> io::Result<usize> {
        self.0.lock().expect("unpoisoned").extend_from_slice(bytes);
        Ok(bytes.len())
    }

    fn flush(&mut self) -> io::Result<()> {
        Ok(())
    }
}

impl Output {
    fn text(&self) -> String {
        String::from_utf8(self.0.lock().expect("unpoisoned").clone()).expect("UTF-8")
    }
}

async fn run(chat: &TerminalChat, desk: &FakeDesk, script: &str) -> Outcome {
    run_lines(script.as_bytes(), chat, desk, &people(), &CancellationToken::new()).await
}

/// A card, a post with a file, and a private message: what kaas says, as effects 1 to 3.
async fn say_all(chat: &TerminalChat, first_line: &str) -> String {
    let plan_file = Attachment { name: "plan-aaaaaa.txt".to_owned(), content: "7 to add".into() };
    let card = card("crucial-sandbox", 42, Some(plan('a')), first_line, &[Press::Approve, Press::Reject]);
    let id = chat.card(&call(1), &card).await.expect("a card");
    chat.post(&call(2), &place(), &card.key, Some(&id), &message("the plan is here", &[]), Some(&plan_file))
        .await
        .expect("posted");
    chat.tell(&call(3), &place(), &person("alice"), &message("only for you", &[]), None).await.expect("told");
    id
}

#[tokio::test]
async fn nothing_is_said_twice_not_even_after_a_restart() {
    let room = Room::new();
    let chat = room.open();
    let id = say_all(&chat, "waiting").await;
    assert_eq!(say_all(&chat, "waiting").await, id);
    drop(chat);
    let chat = room.open();
    assert_eq!(say_all(&chat, "waiting").await, id);
    assert_eq!(
        room.story(),
        [
            "kaas -> #clusters: waiting",
            "kaas -> #clusters thread file: the plan is here",
            "kaas -> @alice: only for you",
        ]
    );
    assert_eq!(room.transcript()[1]["thread"], id.as_str());
    assert_eq!(room.transcript()[1]["file"], "plan-aaaaaa.txt");
    assert_eq!(fs::read_to_string(room.file("chat/files/plan-aaaaaa.txt")).expect("kept"), "7 to add");
}

#[tokio::test]
async fn a_card_is_edited_only_where_it_says_something_else() {
    let room = Room::new();
    let chat = room.open();
    let id = say_all(&chat, "waiting").await;
    let now = card("crucial-sandbox", 42, Some(plan('b')), "ready", &[]);
    chat.progress(&now).await;
    assert_eq!(chat.card(&call(4), &now).await.expect("a card"), id);
    let replanned = card("crucial-sandbox", 42, Some(plan('c')), "ready", &[Press::Retry]);
    assert_eq!(chat.card(&call(6), &replanned).await.expect("a card"), id);
    let desk = FakeDesk::default();
    assert_eq!(run(&chat, &desk, "bob> press Retry").await, Outcome::Ended);
    assert_eq!(desk.words(), ["bob press crucial-sandbox 42 cccccc Retry"]);
    let other = card("grey-heron", 43, None, "planning", &[]);
    chat.progress(&other).await;
    assert_ne!(chat.card(&call(5), &other).await.expect("a card"), id);
    let story = room.story();
    assert_eq!(
        story[3..],
        [
            "kaas -> #clusters edit: ready",
            "kaas -> #clusters edit: ready",
            "bob -> #clusters thread: press Retry",
            "kaas -> #clusters: planning"
        ]
    );
    assert_eq!(room.transcript()[3]["edits"], id.as_str());
}

#[tokio::test]
async fn people_mean_the_card_that_they_see_also_after_a_restart() {
    let room = Room::new();
    let desk = FakeDesk::default();
    let chat = room.open();
    let script = "bob> +1\n";
    let none = Outcome::BadLine { line: 1, problem: "There is no card yet that this could be about.".to_owned() };
    assert_eq!(run(&chat, &desk, script).await, none);
    let buttons = [Press::Approve];
    chat.card(&call(1), &card("crucial-sandbox", 1, Some(plan('a')), "waiting", &buttons)).await.expect("a card");
    chat.card(&call(2), &card("grey-heron", 2, Some(plan('b')), "waiting", &buttons)).await.expect("a card");
    chat.card(&call(3), &card("teal-otter", 3, None, "ready", &[])).await.expect("a card");
    drop(chat);
    let chat = room.open();
    let script = "bob> +1\nbob> remove :+1: on crucial-sandbox\ncarol> press Reject because the budget is gone\n\
                  bob> press Approve on teal-otter\nbob>\npress Plan\n/kaas list\nBOB> thanks all\nerin> +1 crucial-sandbx\n";
    let outcome = run(&chat, &desk, script).await;
    let problem =
        "There is no card of crucial-sandbx here. There are cards of: crucial-sandbox, grey-heron, teal-otter.";
    assert_eq!(outcome, Outcome::BadLine { line: 9, problem: problem.to_owned() });
    assert_eq!(
        desk.words(),
        [
            "bob react grey-heron 2 bbbbbb +1 true",
            "bob react crucial-sandbox 1 aaaaaa +1 false",
            "carol press grey-heron 2 bbbbbb Reject because the budget is gone",
            "bob press teal-otter 3 - Approve",
            "bob press grey-heron 2 bbbbbb Plan",
            "bob command list",
        ]
    );
    assert_eq!(room.story().last().map(String::as_str), Some("bob -> #clusters: thanks all"));
    let ids: BTreeSet<String> = desk.heard.lock().expect("unpoisoned").iter().map(|(id, _)| id.clone()).collect();
    assert_eq!(ids.len(), 6);
}

/// The messages file without the lines that match, and so as `kill -9` can leave it.
fn forget(path: &Path, lost: impl Fn(&Entry) -> bool) {
    let mut kept = Vec::new();
    Log::read(path, |entry| {
        if !lost(&entry) {
            kept.push(entry);
        }
    })
    .expect("readable");
    fs::remove_file(path).expect("removed");
    let mut log = Log::open(path, |_| Ok(())).expect("opened");
    kept.iter().for_each(|entry| log.append(entry, true).expect("appended"));
}

#[tokio::test]
async fn what_kaas_died_over_comes_to_the_desk_again_and_is_answered_once() {
    let room = Room::new();
    let desk = FakeDesk { answer: Some("1 cluster".to_owned()), ..FakeDesk::default() };
    let messages = room.file("chat/messages.jsonl");
    let chat = room.open();
    say_all(&chat, "waiting").await;
    assert_eq!(run(&chat, &desk, "alice> /kaas list\n").await, Outcome::Ended);
    drop(chat);
    let whole = room.story();

    // Killed after the answer, before it was noted that there is one.
    forget(&messages, |entry| matches!(entry, Entry::Handled { .. }));
    assert_eq!(run(&room.open(), &desk, "").await, Outcome::Ended);
    assert_eq!(room.story(), whole);

    // Killed before the answer.
    forget(&messages, |entry| match entry {
        Entry::Handled { .. } => true,
        Entry::Said(said) => said.key.as_ref().is_some_and(|key| key.starts_with("reply/")),
    });
    fs::remove_file(room.file("transcript.jsonl")).expect("removed");
    assert_eq!(run(&room.open(), &desk, "").await, Outcome::Ended);
    assert_eq!(room.story(), whole);

    // Not killed at all.
    assert_eq!(run(&room.open(), &desk, "").await, Outcome::Ended);
    let heard = desk.heard.lock().expect("unpoisoned").clone();
    assert_eq!(heard.len(), 3);
    assert!(heard.iter().all(|h| *h == heard[0]), "the same id each time: {heard:?}");
}

#[tokio::test]
async fn what_was_stopped_half_way_comes_to_the_desk_again() {
    let room = Room::new();
    let (chat, stop) = (room.open(), CancellationToken::new());
    let slow = FakeDesk { hangs: true, ..FakeDesk::default() };
    let people = people();
    let lines = run_lines("alice> /kaas list\n".as_bytes(), &chat, &slow, &people, &stop);
    let stopping = async {
        for _ in 0..10_000 {
            if !slow.words().is_empty() {
                break;
            }
            tokio::time::sleep(Duration::from_millis(1)).await;
        }
        stop.cancel();
    };
    assert_eq!(tokio::join!(lines, stopping).0, Outcome::Stopped);
    let desk = FakeDesk::default();
    assert_eq!(run(&chat, &desk, "").await, Outcome::Ended);
    assert_eq!(*desk.heard.lock().expect("unpoisoned"), *slow.heard.lock().expect("unpoisoned"));
}

#[tokio::test]
async fn only_open_conversations_are_shown_again() {
    let room = Room::new();
    let (chat, desk) = (room.open(), FakeDesk { answer: Some("heard".to_owned()), ..FakeDesk::default() });
    say_all(&chat, "waiting").await;
    let ended = card("grey-heron", 43, None, "waiting", &[Press::Approve]);
    chat.card(&call(5), &ended).await.expect("a card");
    chat.post(&call(6), &place(), &ended.key, None, &message("over", &[]), None).await.expect("posted");
    chat.card(&call(7), &card("grey-heron", 43, None, "rejected", &[])).await.expect("a card");
    assert_eq!(run(&chat, &desk, "bob> +1\n").await, Outcome::Ended);
    chat.card(&call(8), &card("crucial-sandbox", 42, None, "one more", &[Press::Approve])).await.expect("a card");
    let shown = room.open().with(|book| book.open_conversations()).expect("read");
    let texts: Vec<&str> = shown.iter().map(|said| said.text.as_str()).collect();
    assert_eq!(texts, ["waiting", "the plan is here", "one more"]);
}

#[tokio::test]
async fn the_transcript_is_mended_wherever_it_was_cut() {
    let room = Room::new();
    say_all(&room.open(), "waiting").await;
    let path = room.file("transcript.jsonl");
    let whole = fs::read(&path).expect("read");
    for cut in (0..whole.len()).step_by(3).chain(whole.len() - 2..whole.len()) {
        fs::write(&path, &whole[..cut]).expect("written");
        drop(room.open());
        assert_eq!(fs::read(&path).expect("read"), whole, "cut at {cut}");
    }
    fs::write(&path, "my notes\n").expect("written");
    let fault = room.try_open().err().expect("refused");
    assert!(format!("{fault:#}").contains("is not a transcript"), "{fault:#}");
}

#[tokio::test]
async fn a_wait_finds_what_came_after_the_one_before() {
    let room = Room::new();
    let (chat, desk) = (room.open(), FakeDesk { answer: Some("one".to_owned()), ..FakeDesk::default() });
    assert_eq!(run(&chat, &desk, "alice> /kaas a\nalice> /kaas b\nwait 5s one\nwait 5s one\n").await, Outcome::Ended);
    let missed = run(&chat, &desk, "alice> /kaas c\nwait 5s one\nwait 5s one\nwait 5s one\nwait 20ms one\n").await;
    let limit = Duration::from_millis(20);
    let awaited = "one".to_owned();
    assert_eq!(missed, Outcome::WaitFailed { line: 5, awaited, limit, last: Vec::new() });
    // What was said before this start does not count, and neither does what people say.
    let chat = room.open();
    let missed = run(&chat, &desk, "alice> one\nwait 20ms one\n").await;
    assert!(matches!(missed, Outcome::WaitFailed { line: 2, .. }), "{missed}");
    let missed = run(&chat, &desk, "alice> /kaas d\nwait 20ms two\n").await;
    assert_eq!(missed.to_string(), "line 2: waited 20ms for `two`, and kaas did not say it. What it said last:\n  one");
}

#[tokio::test]
async fn a_wait_ends_when_the_message_comes_and_when_it_is_stopped() {
    let room = Room::new();
    let (chat, desk, stop) = (room.open(), FakeDesk::default(), CancellationToken::new());
    let people = people();
    let talk = async {
        say_all(&chat, "planning").await;
        tokio::time::sleep(Duration::from_millis(20)).await;
        chat.progress(&card("crucial-sandbox", 42, None, "applying 4 of 7", &[])).await;
    };
    let lines = run_lines("wait planning\nwait only for you\nwait 4 of 7\n".as_bytes(), &chat, &desk, &people, &stop);
    assert_eq!(tokio::join!(lines, talk).0, Outcome::Ended);
    let lines = run_lines("wait never\n".as_bytes(), &chat, &desk, &people, &stop);
    let stopping = async {
        tokio::time::sleep(Duration::from_millis(20)).await;
        stop.cancel();
    };
    assert_eq!(tokio::join!(lines, stopping).0, Outcome::Stopped);
}

#[tokio::test]
async fn a_bad_line_ends_a_script_with_its_number_and_a_sentence() {
    let room = Room::new();
    let (chat, desk) = (room.open(), FakeDesk::default());
    let long = format!("bob> {}\n", "x".repeat(70_000));
    let table = [
        ("\n# who\nzoe> +1\n", 3, "Nobody here is called zoe. In the channel: alice, erin, bob, carol, dave, mallory."),
        ("bob> hello\nhello\n", 2, "Who says `hello`? Begin the line with a name: alice> hello"),
        ("bob> press Aprove", 1, "There is no button `Aprove`. Buttons: Approve, Reject, Plan, Cancel, Retry."),
        (&long, 1, "The line is longer than 65536 bytes."),
    ];
    for (script, line, problem) in table {
        assert_eq!(run(&chat, &desk, script).await, Outcome::BadLine { line, problem: problem.to_owned() });
    }
    let outcome = run_lines(&b"bob> \xff\n"[..], &chat, &desk, &people(), &CancellationToken::new()).await;
    assert_eq!(outcome.to_string(), "line 1: The line is not UTF-8 text.");
}

#[tokio::test]
async fn a_person_without_a_rich_terminal_is_told_and_goes_on() {
    let room = Room::new();
    let (chat, desk, out) = (room.open(), FakeDesk::default(), Output::default());
    chat.show_plain(out.clone());
    let lines = "/kaas list\nzoe> hi\npress Foo\n+1\nbob>\n/kaas help\nwait for me\n";
    let outcome = converse_lines(lines.as_bytes(), &chat, &desk, &people(), &CancellationToken::new()).await;
    assert_eq!(outcome, Outcome::Ended);
    assert_eq!(desk.words(), ["alice command list", "bob command help"]);
    assert_eq!(
        out.text(),
        "alice> /kaas list\n\
         Nobody here is called zoe. In the channel: alice, erin, bob, carol, dave, mallory.\n\
         There is no button `Foo`. Buttons: Approve, Reject, Plan, Cancel, Retry.\n\
         There is no card yet that this could be about.\n\
         bob> /kaas help\nbob> wait for me\n"
    );
}

#[tokio::test]
async fn the_tour_plays_to_its_end_and_reads_as_a_conversation() {
    let room = Room::new();
    let (chat, out) = (room.open(), Output::default());
    chat.show_plain(out.clone());
    let desk = FakeDesk { tour: Some(chat.clone()), ..FakeDesk::default() };
    assert_eq!(run(&chat, &desk, TOUR).await, Outcome::Ended);
    let text = out.text();
    let (_, shown) = text.split_once("Two others").expect("that part of the tour");
    let (shown, _) = shown.split_once("\n— Only alice").expect("that part of the tour");
    assert_eq!(
        shown.lines().skip(1).filter(|line| !line.is_empty()).collect::<Vec<_>>(),
        [
            "bob> +1",
            "kaas> crucial-sandbox · waiting for 1 more approval",
            "carol> press Approve",
            "kaas> crucial-sandbox · applying ▓▓░░ 2 of 4",
            "  │ crucial-sandbox: approved by bob and carol over plan aaaaaa.",
            "kaas> crucial-sandbox · ended",
            "  │ crucial-sandbox is ready. alice has the way in.",
            "kaas> (only alice) Your kubeconfig: elsewhere",
            "— terraform applies what was approved. The cluster counts as ready once Rancher says that it is usable and alice has her way in.",
        ]
    );
    assert!(text.contains("  │ crucial-sandbox: the plan is here.\n  │ [plan-aaaaaa.txt]\n"), "{text}");
    assert!(!text.contains('\u{1b}'));
}

#[tokio::test]
async fn plain_lines_tell_changes_and_not_every_progress() {
    let room = Room::new();
    let (chat, out) = (room.open(), Output::default());
    chat.show_plain(out.clone());
    let text = |first: &str, votes: &str| format!("crucial-sandbox · {first}\nVotes  {votes}");
    let show = async |effect: Option<u64>, first: &str, votes: &str| {
        let card = card("crucial-sandbox", 1, None, &text(first, votes), &[Press::Approve, Press::Cancel]);
        match effect {
            Some(effect) => drop(chat.card(&call(effect), &card).await.expect("a card")),
            None => chat.progress(&card).await,
        }
    };
    show(Some(1), "waiting", "none").await;
    show(Some(2), "waiting", "bob approved").await;
    for n in 1..=5 {
        show(None, &format!("applying {n} of 7"), "bob approved").await;
    }
    show(Some(3), "ready \u{1b}[2J", "bob approved").await;
    assert_eq!(
        out.text(),
        "kaas> crucial-sandbox · waiting\n      Votes  none\n      [ Approve ] [ Cancel ]\n\
         kaas> crucial-sandbox · Votes  bob approved\n\
         kaas> crucial-sandbox · applying 1 of 7\n\
         kaas> crucial-sandbox · ready \u{fffd}[2J\n"
    );
}
