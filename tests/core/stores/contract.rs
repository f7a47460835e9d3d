//! The contract of a store: one function, run against each of them.

use std::collections::{BTreeMap, BTreeSet, HashSet};
use std::sync::Arc;

use jiff::SignedDuration;
use kaas::lifecycle::Ask;
use kaas::record::{Book, BookEvent, verify, verify_book};
use kaas::store::archive::check;
use kaas::store::sled::SledStore;
use kaas::store::{Life, Saved, Store};

use super::lives::{
    Kind, acme, answers, asked, carded, grown, key_of, long_winded, peopled, requested, reviewed, save, take,
};
use crate::people::{person, start};

#[tokio::test(flavor = "multi_thread")]
async fn memory_keeps_the_contract() {
    contract(|| Kind::Memory).await;
}

#[tokio::test(flavor = "multi_thread")]
async fn sled_keeps_the_contract() {
    contract(Kind::sled).await;
}

async fn contract(kind: impl Fn() -> Kind) {
    swaps(&kind()).await;
    chains(&kind()).await;
    races(&kind()).await;
    dues(&kind()).await;
    lists(&kind()).await;
    draws(&kind()).await;
    restores(&kind()).await;
    journals(&kind()).await;
    books(&kind()).await;
}

/// A save replaces exactly the revision before; a conflict leaves nothing behind, neither of the record nor of the entry.
async fn swaps(kind: &Kind) {
    let store = kind.open();
    let key = key_of("acme", "crucial-sandbox");
    assert_eq!(store.load(&key).await.unwrap(), None);
    let first = requested(&key, "alice", start());
    let second = carded(&first.0, "m1");
    assert_eq!(save(&*store, &second).await, Saved::Conflict, "the first revision was never saved");
    assert_eq!((store.keys().await.unwrap(), store.journal(&key).await.unwrap()), (vec![], vec![]));

    assert_eq!(save(&*store, &first).await, Saved::Yes);
    assert_eq!(save(&*store, &first).await, Saved::Conflict, "saved a second time");
    assert_eq!(save(&*store, &second).await, Saved::Yes);
    assert_eq!(save(&*store, &carded(&first.0, "another")).await, Saved::Conflict, "somebody was faster");
    let skipping = carded(&carded(&second.0, "m2").0, "m3");
    assert_eq!(save(&*store, &skipping).await, Saved::Conflict, "a revision is skipped");

    // A claim is a revision without an entry.
    let (claimed, work) =
        second.0.claim("worker", start(), SignedDuration::from_secs(60), |_| true).expect("there is work");
    assert!(!work.is_empty());
    assert_eq!(store.save(&claimed, None).await.unwrap(), Saved::Yes);
    assert_eq!(store.save(&claimed, None).await.unwrap(), Saved::Conflict);

    let store = kind.again(store);
    assert_eq!(store.load(&key).await.unwrap().as_ref(), Some(&claimed));
    assert_eq!(store.journal(&key).await.unwrap(), vec![first.1, second.1]);
    assert_eq!(store.load(&key_of("acme", "crucial")).await.unwrap(), None, "the beginning of a name is another name");
    assert_eq!(store.load(&key_of("beta", "crucial-sandbox")).await.unwrap(), None);
}

/// A chain of revisions is one save: all of them with all entries, or nothing.
async fn chains(kind: &Kind) {
    let store = kind.open();
    let key = key_of("acme", "crucial-sandbox");
    let first = requested(&key, "alice", start());
    let second = carded(&first.0, "m1");
    let third = carded(&second.0, "m2");
    assert_eq!(store.save_chain(&[]).await.unwrap(), Saved::Yes, "nothing is saved at once");
    for wrong in [&[second.clone(), third.clone()], &[first.clone(), third.clone()]] {
        assert_eq!(store.save_chain(wrong).await.unwrap(), Saved::Conflict);
        assert_eq!((store.keys().await.unwrap(), store.journal(&key).await.unwrap()), (vec![], vec![]));
    }
    assert_eq!(store.save_chain(&[first.clone(), second.clone()]).await.unwrap(), Saved::Yes);
    assert_eq!(store.save_chain(&[first.clone(), second.clone()]).await.unwrap(), Saved::Conflict, "a second time");
    assert_eq!(save(&*store, &third).await, Saved::Yes);
    let late = carded(&second.0, "another");
    let later = carded(&late.0, "and one more");
    assert_eq!(store.save_chain(&[late, later]).await.unwrap(), Saved::Conflict, "somebody was faster");

    let store = kind.again(store);
    assert_eq!(store.load(&key).await.unwrap().as_ref(), Some(&third.0));
    assert_eq!(store.journal(&key).await.unwrap(), vec![first.1, second.1, third.1]);
}

/// Many at once on one key: one Yes a revision, and the journal is what was acknowledged.
async fn races(kind: &Kind) {
    const TASKS: usize = 8;
    const SAVES: usize = 12;
    let store = kind.open();
    let key = key_of("acme", "crucial-sandbox");
    let first = requested(&key, "alice", start());
    let firsts = (0..TASKS).map(|_| {
        let (store, first) = (Arc::clone(&store), first.clone());
        tokio::spawn(async move { save(&*store, &first).await })
    });
    let firsts = joined(firsts.collect()).await;
    assert_eq!(firsts.iter().filter(|saved| **saved == Saved::Yes).count(), 1, "one of many makes the cluster");

    let tasks = (0..TASKS).map(|task| {
        let (store, key) = (Arc::clone(&store), key.clone());
        tokio::spawn(async move {
            let mut acknowledged = Vec::new();
            while acknowledged.len() < SAVES {
                let record = store.load(&key).await.unwrap().unwrap();
                let next = carded(&record, &format!("{task}/{}", acknowledged.len()));
                match save(&*store, &next).await {
                    Saved::Yes => acknowledged.push((next.0.revision, next.1.hash)),
                    Saved::Conflict => tokio::task::yield_now().await,
                }
            }
            acknowledged
        })
    });
    let acknowledged: Vec<(u64, String)> = joined(tasks.collect()).await.into_iter().flatten().collect();
    let one_each: BTreeMap<u64, String> = acknowledged.iter().cloned().collect();
    assert_eq!(one_each.len(), TASKS * SAVES, "a revision was acknowledged twice: {acknowledged:?}");

    let store = kind.again(store);
    let record = store.load(&key).await.unwrap().unwrap();
    let journal = store.journal(&key).await.unwrap();
    assert_eq!(record.revision, 1 + (TASKS * SAVES) as u64);
    let kept: BTreeMap<u64, String> =
        journal.iter().skip(1).map(|entry| (entry.body.revision, entry.hash.clone())).collect();
    assert_eq!(kept, one_each, "the journal is not what was acknowledged");
    check(&Life { record, journal }).unwrap();
}

async fn joined<T: 'static>(tasks: Vec<tokio::task::JoinHandle<T>>) -> Vec<T> {
    let mut all = Vec::with_capacity(tasks.len());
    for task in tasks {
        all.push(task.await.unwrap());
    }
    all
}

/// Who is due: the longest overdue first, without those to skip, no more than asked for.
async fn dues(kind: &Kind) {
    let store = kind.open();
    assert_eq!((store.next_due().await.unwrap(), store.busy().await.unwrap()), (None, 0));
    let at = |minutes: i64| start() + SignedDuration::from_mins(minutes);
    let names = ["late-ant", "mid-bee", "old-cat"];
    for (name, minutes) in names.into_iter().zip([30, 20, 10]) {
        save(&*store, &requested(&key_of("acme", name), "alice", at(minutes))).await;
    }
    let keys: Vec<_> = names.iter().rev().map(|name| key_of("acme", name)).collect();
    let nobody = HashSet::new();
    assert_eq!(store.next_due().await.unwrap(), Some(at(10)));
    assert_eq!(store.due(at(9), 9, &nobody).await.unwrap(), vec![]);
    assert_eq!(store.due(at(20), 9, &nobody).await.unwrap(), keys[..2], "due at this very moment is due");
    assert_eq!(store.due(at(60), 9, &nobody).await.unwrap(), keys);
    assert_eq!(store.due(at(60), 2, &nobody).await.unwrap(), keys[..2]);
    assert_eq!(store.due(at(60), 0, &nobody).await.unwrap(), vec![]);
    let skip = HashSet::from([keys[0].clone()]);
    assert_eq!(store.due(at(60), 1, &skip).await.unwrap(), keys[1..2], "a skipped one takes no place");
    assert_eq!(store.busy().await.unwrap(), 3);

    // What is claimed is due when its lease is over.
    let oldest = store.load(&keys[0]).await.unwrap().unwrap();
    let (claimed, work) = oldest.claim("w", at(10), SignedDuration::from_mins(15), |_| true).unwrap();
    store.save(&claimed, None).await.unwrap();
    let store = kind.again(store);
    assert_eq!(store.next_due().await.unwrap(), Some(at(20)));
    assert_eq!(store.due(at(60), 9, &nobody).await.unwrap()[1], keys[0], "leased until minute 25");

    // A cluster that rests is neither due nor busy.
    let mut record = asked(&claimed, "alice", Ask::Cancel).0;
    store.save(&record, None).await.unwrap();
    for _ in 0..20 {
        let rest = record.claim("w", at(99), SignedDuration::from_mins(1), |_| true);
        let Some((next, work)) = rest else { break };
        store.save(&next, None).await.unwrap();
        record = next;
        for one in work {
            let done = kaas::record::Outcome::Done;
            let (next, _) = record.settle(&crate::people::policy(), &one.key, one.attempt, &done, at(99)).unwrap();
            store.save(&next, None).await.unwrap();
            record = next;
        }
    }
    assert!(record.outbox.is_empty() && !work.is_empty());
    assert_eq!(store.busy().await.unwrap(), 2);
    assert_eq!(store.due(at(999), 9, &nobody).await.unwrap(), keys[1..]);
    assert_eq!(store.list(&acme(None, false, 9)).await.unwrap().total, 2, "nor is it listed");
}

/// Lists hold what exists or is open; the total counts what the limit hides.
async fn lists(kind: &Kind) {
    let store = kind.open();
    peopled(&*store).await;
    for _ in 0..2 {
        let names = |listing: kaas::store::Listing| -> (Vec<String>, usize) {
            (listing.rows.iter().map(|row| row.key.name.to_string()).collect(), listing.total)
        };
        let list = |who, waiting, limit| {
            let store = Arc::clone(&store);
            async move { names(store.list(&acme(who, waiting, limit)).await.unwrap()) }
        };
        let of = |names: &[&str], total| (names.iter().map(|n| (*n).to_owned()).collect::<Vec<_>>(), total);
        assert_eq!(
            list(None, false, 9).await,
            of(&["amber-ox", "blue-crab", "calm-newt"], 3),
            "a cancelled one is gone"
        );
        assert_eq!(list(None, false, 2).await, of(&["amber-ox", "blue-crab"], 3));
        assert_eq!(list(None, false, 0).await, of(&[], 3));
        assert_eq!(list(None, true, 9).await, of(&["amber-ox", "blue-crab"], 2));
        assert_eq!(list(Some("alice"), false, 9).await, of(&["amber-ox", "calm-newt"], 2));
        assert_eq!(list(Some("alice"), false, 1).await, of(&["amber-ox"], 2));
        assert_eq!(list(Some("alice"), true, 1).await, of(&["amber-ox"], 1));
        assert_eq!(list(Some("bob"), false, 9).await, of(&[], 0));
        for (who, owns) in [("alice", 2), ("erin", 1), ("bob", 0), ("mallory", 0)] {
            let owned = store.owned(&"acme".parse().unwrap(), &person(who).id).await.unwrap();
            assert_eq!(owned, owns, "{who}");
        }
        assert_eq!(store.owned(&"beta".parse().unwrap(), &person("alice").id).await.unwrap(), 1, "tenants are apart");
        let keys: Vec<String> = store.keys().await.unwrap().iter().map(ToString::to_string).collect();
        assert_eq!(keys, ["acme/amber-ox", "acme/blue-crab", "acme/calm-newt", "acme/dark-yak", "beta/amber-ox"]);

        // A second look at the same, after something moved there and back again.
        let record = store.load(&key_of("acme", "amber-ox")).await.unwrap().unwrap();
        let retried = asked(&record, "alice", Ask::Retry);
        assert_eq!(save(&*store, &retried).await, Saved::Yes);
        assert_eq!(list(None, true, 9).await, of(&["blue-crab"], 1), "what is planned again waits for nobody");
        for line in reviewed(&retried.0, start()) {
            assert_eq!(save(&*store, &line).await, Saved::Yes);
        }
    }
}

/// Numbers are drawn once: by many at once, and after the store was opened again.
async fn draws(kind: &Kind) {
    let mut store = kind.open();
    let tenant = || "acme".parse().unwrap();
    let mut drawn = BTreeSet::new();
    for _ in 0..3 {
        let tasks = (0..20).map(|_| {
            let store = Arc::clone(&store);
            tokio::spawn(async move { store.draw(&tenant()).await.unwrap().0 })
        });
        for number in joined(tasks.collect()).await {
            assert!(drawn.insert(number), "{number} was drawn twice");
        }
        store = kind.again(store);
    }
    assert_eq!(drawn, (1..=60).collect(), "no number is left out");
    assert_eq!(store.draw(&"beta".parse().unwrap()).await.unwrap().0, 1, "tenants count for themselves");
    store.restore_drawn(&tenant(), 20).await.unwrap();
    assert_eq!(store.draw(&tenant()).await.unwrap().0, 61, "a lower number does not count back");
    store.restore_drawn(&tenant(), 100).await.unwrap();
    let store = kind.again(store);
    assert_eq!(store.draw(&tenant()).await.unwrap().0, 101);
    assert_eq!(store.drawn().await.unwrap(), vec![(tenant(), 101), ("beta".parse().unwrap(), 1)]);
}

/// A restored life is there as if it had been lived, and never over another.
async fn restores(kind: &Kind) {
    let first = Kind::Memory.open();
    let key = key_of("acme", "crucial-sandbox");
    let record = grown(&*first, &key, "alice", 20).await;
    let life = Life { record: record.clone(), journal: first.journal(&key).await.unwrap() };
    let store = kind.open();
    assert_eq!(store.restore(&life).await.unwrap(), Saved::Yes);
    assert_eq!(store.restore(&life).await.unwrap(), Saved::Conflict);
    let store = kind.again(store);
    assert_eq!(answers(&*store).await, answers(&*first).await);
    assert_eq!(save(&*store, &carded(&record, "and on it goes")).await, Saved::Yes);
    assert_eq!(store.journal(&key).await.unwrap().len(), 21);
}

/// A book is written entry by entry, each durable, and only one of two who write the same place wins.
async fn books(kind: &Kind) {
    let store = kind.open();
    let (acme, beta) = ("acme".parse().unwrap(), "acme-2".parse().unwrap());
    let said = |book: &Book, tenant: &kaas::lifecycle::form::TenantName, user: &str| {
        let event = BookEvent::Confirmed { person: person("bob"), user: user.to_owned() };
        book.next(tenant, start(), &kaas::lifecycle::InputId(user.to_owned()), event)
    };
    for number in 0..300 {
        let book = Book::of(&store.book(&acme).await.unwrap());
        let (one, other) = (said(&book, &acme, &format!("u-{number}")), said(&book, &acme, "u-late"));
        let (first, second) = tokio::join!(store.write_book(&one), store.write_book(&other));
        assert_eq!((first.unwrap(), second.unwrap()), (Saved::Yes, Saved::Conflict), "entry {number}");
    }
    assert_eq!(store.write_book(&said(&Book::default(), &beta, "u-1")).await.unwrap(), Saved::Yes);
    let store = kind.again(store);
    let entries = store.book(&acme).await.unwrap();
    assert_eq!((entries.len(), store.book(&beta).await.unwrap().len()), (300, 1));
    verify_book(&acme, &entries).unwrap();
    assert_eq!(store.books().await.unwrap(), [acme.clone(), beta]);
    assert_eq!(store.write_book(&said(&Book::default(), &acme, "u-1")).await.unwrap(), Saved::Conflict);
    assert_eq!(store.write_book(&said(&Book::of(&entries), &acme, "u-1")).await.unwrap(), Saved::Yes);
}

/// Long journals keep their order, and clusters keep theirs apart.
async fn journals(kind: &Kind) {
    const ENTRIES: u64 = 320;
    let store = kind.open();
    let keys = [key_of("acme", "ab"), key_of("acme", "ab-c"), key_of("acme", "abc")];
    for key in &keys {
        grown(&*store, key, "alice", if *key == keys[1] { ENTRIES } else { 5 }).await;
    }
    let store = kind.again(store);
    for key in &keys {
        let journal = store.journal(key).await.unwrap();
        assert_eq!(journal.len() as u64, if *key == keys[1] { ENTRIES } else { 5 });
        assert!(journal.iter().all(|entry| entry.body.cluster == *key), "entries of another cluster in {key}");
        verify(&journal).unwrap();
    }
    assert!(store.journal(&key_of("acme", "a1")).await.unwrap().is_empty());
}

/// Random operations on memory and sled side by side: whatever is asked, both answer the same, also after sled was opened again.
#[tokio::test(flavor = "multi_thread")]
async fn sled_answers_what_memory_answers() {
    let seed = std::env::var("SEED").ok().and_then(|n| n.parse().ok()).unwrap_or_else(|| fastrand::u64(..));
    println!("SEED={seed}");
    let mut rng = fastrand::Rng::with_seed(seed);
    let memory = Kind::Memory.open();
    let kind = Kind::sled();
    let mut sled = kind.open();
    let names = ["amber-ox", "blue-crab", "calm-newt"];
    for round in 0..120 {
        let key = key_of(["acme", "beta"][rng.usize(0..2)], names[rng.usize(0..3)]);
        let by = ["alice", "erin", "bob"][rng.usize(0..3)];
        let next = match memory.load(&key).await.unwrap() {
            None => requested(&key, by, start() + SignedDuration::from_secs(round)),
            Some(record) => match rng.u32(0..6) {
                0 => asked(&record, "dave", Ask::Cancel),
                1 if record.cluster.open().is_none() => {
                    let form = crate::people::form();
                    let number = kaas::lifecycle::ChangeNumber(round as u64 + 100);
                    asked(&record, by, Ask::Request { form, number, place: crate::people::place(), owned: 0 })
                }
                2 if record.cluster.change.state.plan().is_none() && record.cluster.open().is_some() => {
                    let (pull, plan) = long_winded();
                    let opened = kaas::lifecycle::What::Fact(kaas::lifecycle::Fact::PullOpened { pull });
                    let opened = take(&key, Some(&record), start(), opened);
                    for store in [&memory, &sled] {
                        save(&**store, &opened).await;
                    }
                    let planned = kaas::lifecycle::What::Fact(kaas::lifecycle::Fact::PlanReady { plan });
                    take(&key, Some(&opened.0), start(), planned)
                }
                _ => carded(&record, &format!("round {round}")),
            },
        };
        assert_eq!(save(&*memory, &next).await, save(&*sled, &next).await);
        if rng.u32(0..4) == 0 {
            assert_eq!(save(&*memory, &next).await, save(&*sled, &next).await);
            assert_eq!(memory.draw(&key.tenant).await.unwrap(), sled.draw(&key.tenant).await.unwrap());
        }
        if rng.u32(0..20) == 0 {
            sled = kind.again(sled);
        }
        if rng.u32(0..8) == 0 {
            assert_eq!(answers(&*memory).await, answers(&*sled).await, "round {round} of SEED={seed}");
        }
    }
    let sled = kind.again(sled);
    assert_eq!(answers(&*memory).await, answers(&*sled).await, "the end of SEED={seed}");
}

/// Two hundred people at once share flushes: without that, each would wait for all the others.
#[tokio::test(flavor = "multi_thread")]
async fn saves_that_come_together_are_flushed_together() {
    const PEOPLE: usize = 200;
    let dir = tempfile::tempdir().unwrap();
    let store = Arc::new(SledStore::open(dir.path()).unwrap());
    let before = store.flushes();
    let barrier = Arc::new(tokio::sync::Barrier::new(PEOPLE));
    let tasks = (0..PEOPLE).map(|n| {
        let (store, barrier) = (Arc::clone(&store), Arc::clone(&barrier));
        tokio::spawn(async move {
            let first = requested(&key_of("acme", &format!("cluster-{n}")), "alice", start());
            barrier.wait().await;
            save(&*store, &first).await
        })
    });
    let saved = joined(tasks.collect()).await;
    assert!(saved.iter().all(|saved| *saved == Saved::Yes));
    let flushes = store.flushes() - before;
    println!("{PEOPLE} saves, {flushes} flushes");
    assert!(flushes >= 1 && flushes <= PEOPLE as u64 / 2, "{PEOPLE} saves took {flushes} flushes");

    // One after the other there is nothing to share: every one is durable before it is answered.
    let before = store.flushes();
    grown(&*store, &key_of("acme", "alone"), "alice", 5).await;
    assert_eq!(store.flushes() - before, 5);
}

/// The directory belongs to one process at a time, and says so.
#[test]
fn a_second_kaas_is_told_what_to_do() {
    let dir = tempfile::tempdir().unwrap();
    let first = SledStore::open(dir.path()).unwrap();
    assert!(first.is_exclusive());
    let Err(refused) = SledStore::open(dir.path()) else { panic!("opened twice") };
    let said = format!("{refused:#}");
    assert!(said.contains("another kaas uses") && said.contains("--data-dir"), "{said}");
    drop(first);
    SledStore::open(dir.path()).unwrap();
}
