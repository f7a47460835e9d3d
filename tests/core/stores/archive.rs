//! Export and import: what goes out comes in again, and whatever is wrong with a file is said before anything is changed.

use std::sync::Arc;

use kaas::record::{Book, BookEvent};
use kaas::store::archive::{audit, export, import};
use kaas::store::{Saved, Store};

use super::lives::{Kind, answers, carded, grown, key_of, peopled, save};

async fn exported(store: &dyn Store) -> String {
    let mut out = Vec::new();
    export(store, &mut out).await.unwrap();
    String::from_utf8(out).unwrap()
}

async fn sample() -> String {
    let store = Kind::Memory.open();
    peopled(&*store).await;
    exported(&*store).await
}

/// Imports into a new store, which has to be refused; answers the sentence. Nothing may have changed.
async fn refused(kind: &Kind, text: &[u8]) -> String {
    let store = kind.open();
    let before = answers(&*store).await;
    let fault = import(&*store, &mut &*text).await.expect_err("it was taken");
    assert_eq!(answers(&*store).await, before, "a refused import changed the store: {fault:#}");
    format!("{fault:#}")
}

#[tokio::test]
async fn what_goes_out_comes_in_again() {
    for (from, to) in [(Kind::Memory, Kind::sled()), (Kind::sled(), Kind::Memory), (Kind::sled(), Kind::sled())] {
        let first = from.open();
        peopled(&*first).await;
        let text = exported(&*first).await;
        assert_eq!(text.lines().count(), 1 + 2 + 5 + 1, "a first line, two tenants, five lives, a last line");
        let second = to.open();
        assert_eq!(import(&*second, &mut text.as_bytes()).await.unwrap(), 5);
        let second = to.again(second);
        assert_eq!(answers(&*second).await, answers(&*first).await, "{from:?} to {to:?}");
        assert_eq!(exported(&*second).await, text, "exported again it is the same, byte by byte");

        // And life goes on there.
        let record = second.load(&key_of("acme", "amber-ox")).await.unwrap().unwrap();
        assert_eq!(save(&*second, &carded(&record, "after the move")).await, Saved::Yes);
        assert_eq!(second.draw(&"acme".parse().unwrap()).await.unwrap().0, 4);
        assert_eq!(audit(&*second).await.unwrap().findings, Vec::<String>::new());
    }
}

#[tokio::test]
async fn an_empty_store_goes_out_and_in() {
    let (first, second) = (Kind::sled(), Kind::sled());
    let text = exported(&*first.open()).await;
    assert_eq!(import(&*second.open(), &mut text.as_bytes()).await.unwrap(), 0);
}

#[tokio::test]
async fn what_is_wrong_with_a_file_is_a_sentence() {
    let text = sample().await;
    let lines: Vec<&str> = text.lines().collect();
    let of = |lines: &[&str]| lines.iter().map(|line| format!("{line}\n")).collect::<String>();
    let without = |index: usize| {
        let mut lines = lines.clone();
        lines.remove(index);
        of(&lines)
    };
    let swapped = |a: usize, b: usize| {
        let mut lines = lines.clone();
        lines.swap(a, b);
        of(&lines)
    };
    let last = lines.len() - 1;
    let twice = of(&[&lines[..4], &lines[3..last], &[r#"{"end":{"lives":6}}"#]].concat());
    let after = format!("{text}{}\n", lines[3]);
    let newer = text.replace(r#""form":1"#, r#""form":2"#);
    let cases: Vec<(&str, Vec<u8>, &str)> = vec![
        ("nothing", vec![], "this is not a kaas export: it is empty"),
        ("garbage", b"\x89PNG\r\n\x1a\n".to_vec(), "reading line 1"),
        ("other text", b"hello\n".to_vec(), "line 1 is not a line of a kaas export"),
        ("other JSON", b"{\"name\":\"kaas\"}\n".to_vec(), "line 1 is not a line of a kaas export"),
        ("a newer form", newer.into_bytes(), "the export has form 2; this kaas reads form 1"),
        ("no first line", without(0).into_bytes(), "this is not a kaas export: its first line is missing"),
        ("no last line", without(last).into_bytes(), "the export is cut off: its last line is missing"),
        ("a line removed", without(5).into_bytes(), "holds 4 clusters and says that it held 5"),
        ("cut off within a line", text.as_bytes()[..text.len() * 2 / 3].to_vec(), "is not a line of a kaas export"),
        ("the last line early", swapped(last, last - 1).into_bytes(), "holds 4 clusters and says that it held 5"),
        ("more after the end", after.into_bytes(), "comes after the end of the export"),
        ("two exports", text.repeat(2).into_bytes(), "comes after the end of the export"),
        ("a cluster twice", twice.into_bytes(), "acme/amber-ox is there twice"),
        ("begins again", of(&[lines[0], lines[0], lines[last]]).into_bytes(), "an export begins a second time"),
    ];
    for (what, bytes, sentence) in cases {
        for kind in [Kind::Memory, Kind::sled()] {
            let said = refused(&kind, &bytes).await;
            assert!(said.contains(sentence), "{what}: {said}");
        }
    }
}

#[tokio::test]
async fn a_store_that_holds_something_is_left_alone() {
    let text = sample().await;
    for kind in [Kind::Memory, Kind::sled()] {
        let store = kind.open();
        grown(&*store, &key_of("acme", "amber-ox"), "erin", 4).await;
        let before = answers(&*store).await;
        let fault = import(&*store, &mut text.as_bytes()).await.unwrap_err();
        assert_eq!(fault.to_string(), "the store is not empty: import into a new --data-dir");
        assert_eq!(answers(&*store).await, before);
    }
}

/// Lives in another order are the same store: nothing depends on it.
#[tokio::test]
async fn the_order_of_lives_does_not_matter() {
    let text = sample().await;
    let mut lines: Vec<&str> = text.lines().collect();
    let last = lines.len() - 1;
    lines[1..last].reverse();
    let store = Kind::Memory.open();
    import(&*store, &mut lines.join("\n").as_bytes()).await.unwrap();
    assert_eq!(exported(&*store).await, text);
}

/// Any byte of an export changed: it is refused, or it reads the same, or it is in what no journal proves (the outbox, the numbers drawn).
#[tokio::test]
async fn an_altered_file_is_refused() {
    let text = sample().await;
    let bytes = text.as_bytes();
    let original = Kind::Memory.open();
    import(&*original, &mut text.as_bytes()).await.unwrap();
    let mut rng = fastrand::Rng::with_seed(std::env::var("SEED").ok().and_then(|n| n.parse().ok()).unwrap_or(11));
    let (mut taken, tries) = (0, 600);
    for _ in 0..tries {
        let at = rng.usize(0..bytes.len());
        let mut altered = bytes.to_vec();
        altered[at] = loop {
            let byte = rng.u8(32..127);
            if byte != bytes[at] {
                break byte;
            }
        };
        let store: Arc<dyn Store> = Kind::Memory.open();
        let Ok(_) = import(&*store, &mut &*altered).await else {
            assert!(store.keys().await.unwrap().is_empty() && store.drawn().await.unwrap().is_empty());
            continue;
        };
        taken += 1;
        for key in store.keys().await.unwrap() {
            let (now, then) = (store.load(&key).await.unwrap(), original.load(&key).await.unwrap());
            assert_eq!(
                now.as_ref().map(|r| (&r.cluster, r.entries, &r.chain)),
                then.as_ref().map(|r| (&r.cluster, r.entries, &r.chain)),
                "byte {at} was altered and {key} is another: {}",
                String::from_utf8_lossy(&altered[at.saturating_sub(60)..(at + 60).min(altered.len())])
            );
            assert_eq!(store.journal(&key).await.unwrap(), original.journal(&key).await.unwrap(), "byte {at}");
        }
    }
    println!("{tries} alterations, {taken} of what no journal proves");
    assert!(taken < tries / 2, "{taken} of {tries} alterations were taken");
}

#[tokio::test]
async fn books_go_out_and_come_in_and_are_checked() {
    let person = |id: &str| kaas::lifecycle::Person { id: id.parse().unwrap(), name: id.to_owned() };
    let first = Kind::Memory.open();
    peopled(&*first).await;
    let acme = "acme".parse().unwrap();
    for user in ["u-1", "u-2"] {
        let (user, name, by) = (user.to_owned(), "Bob".to_owned(), person("dave"));
        let event = BookEvent::Proposed { person: person("bob"), user, name, by };
        let entry = Book::of(&first.book(&acme).await.unwrap()).next(
            &acme,
            crate::people::start(),
            &kaas::lifecycle::InputId(String::new()),
            event,
        );
        assert_eq!(first.write_book(&entry).await.unwrap(), Saved::Yes);
    }
    let text = exported(&*first).await;
    let second = Kind::sled();
    let store = second.open();
    import(&*store, &mut text.as_bytes()).await.unwrap();
    assert_eq!(store.book(&acme).await.unwrap(), first.book(&acme).await.unwrap());
    assert_eq!(exported(&*store).await, text);
    assert_eq!(audit(&*store).await.unwrap().findings, Vec::<String>::new());
    let altered = text.replace("u-2", "u-9");
    let said = refused(&Kind::Memory, altered.as_bytes()).await;
    assert!(said.contains("the book of acme: entry 2 was altered"), "{said}");
}
