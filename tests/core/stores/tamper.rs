//! Somebody with an editor and the data directory: `kaas audit verify` finds what they did.

use std::path::Path;
use std::sync::Arc;

use kaas::lifecycle::ClusterKey;
use kaas::record::Entry;
use kaas::store::archive::audit;
use kaas::store::sled::SledStore;
use kaas::store::{Life, Saved, Store};

use super::lives::{Kind, carded, grown, key_of, requested, reviewed, save};
use crate::people::{person, start};

/// Opens the store's files without the store.
/// The database below a store that was closed just now: sled lets go of its lock a moment later.
fn raw(dir: &Path) -> sled::Db {
    let config = sled::Config::new().path(dir).flush_every_ms(None);
    for _ in 0..100 {
        match config.open() {
            Ok(db) => return db,
            Err(_) => std::thread::sleep(std::time::Duration::from_millis(20)),
        }
    }
    config.open().unwrap()
}

fn entry_key(key: &ClusterKey, number: u64) -> Vec<u8> {
    [format!("j/{key}/").as_bytes(), &number.to_be_bytes()].concat()
}

fn record_key(key: &ClusterKey) -> String {
    format!("r/{key}")
}

/// A sled store with that many clusters of four entries each, closed again.
async fn lived(dir: &Path, clusters: usize) -> Vec<ClusterKey> {
    let store = Arc::new(SledStore::open(dir).unwrap());
    let keys: Vec<_> = (0..clusters).map(|n| key_of("acme", &format!("cluster-{n}"))).collect();
    let tasks = keys.iter().cloned().map(|key| {
        let store = Arc::clone(&store);
        async move {
            let first = requested(&key, "alice", start());
            let mut journal = vec![first.1.clone()];
            let mut record = first.0.clone();
            for (next, entry) in reviewed(&first.0, start()) {
                journal.push(entry);
                record = next;
            }
            let (record, entry) = carded(&record, "m1");
            journal.push(entry);
            assert_eq!(store.restore(&Life { record, journal }).await.unwrap(), Saved::Yes);
        }
    });
    let mut set = tokio::task::JoinSet::new();
    tasks.for_each(|task| drop(set.spawn(task)));
    set.join_all().await;
    assert_eq!(audit(&*store).await.unwrap().findings, Vec::<String>::new());
    keys
}

async fn findings(dir: &Path) -> Vec<String> {
    let store = SledStore::open(dir).unwrap();
    audit(&store).await.unwrap().findings
}

/// Every other byte of an entry, each in a cluster of its own: altered, removed, or with one more before it. The next run may look at the others.
#[tokio::test(flavor = "multi_thread")]
async fn any_altered_byte_of_an_entry_is_found() {
    let dir = tempfile::tempdir().unwrap();
    let longest = serde_json::to_vec(&requested(&key_of("acme", "cluster-1000"), "alice", start()).1).unwrap().len();
    let keys = lived(dir.path(), longest / 2).await;
    let seed = std::env::var("SEED").ok().and_then(|n| n.parse().ok()).unwrap_or_else(|| fastrand::u64(..));
    println!("SEED={seed}");
    let mut rng = fastrand::Rng::with_seed(seed);
    let odd = rng.usize(0..2);
    let db = raw(dir.path());
    for (place, key) in keys.iter().enumerate() {
        let at = entry_key(key, rng.u64(1..=4));
        let mut bytes = db.get(&at).unwrap().unwrap().to_vec();
        let place = (2 * place + odd) % bytes.len();
        match rng.u32(0..8) {
            0 => drop(bytes.remove(place)),
            1 => bytes.insert(place, b" 0,}\"x\n"[rng.usize(0..7)]),
            2 => bytes[place] ^= 0x20,
            _ => bytes[place] = bytes[place].wrapping_add(rng.u8(1..=255)),
        }
        db.insert(at, bytes).unwrap();
    }
    db.flush().unwrap();
    drop(db);
    let found = findings(dir.path()).await;
    let unnoticed: Vec<_> =
        keys.iter().filter(|key| !found.iter().any(|finding| finding.starts_with(&format!("{key}:")))).collect();
    assert!(unnoticed.is_empty(), "altered and not noticed: {unnoticed:?}");
    assert_eq!(found.len(), keys.len(), "one sentence a cluster");
}

#[tokio::test(flavor = "multi_thread")]
async fn what_was_done_to_a_journal_is_told() {
    let dir = tempfile::tempdir().unwrap();
    let keys = lived(dir.path(), 11).await;
    let [last, middle, all, swap, record, foreign, owner, back, rehashed, honest, extra] = &keys[..] else {
        panic!("one each")
    };
    let db = raw(dir.path());
    let remove = |at: Vec<u8>| assert!(db.remove(at).unwrap().is_some());
    let take = |at: Vec<u8>| db.get(at).unwrap().unwrap();

    remove(entry_key(last, 4));
    remove(entry_key(middle, 2));
    (1..=4).for_each(|number| remove(entry_key(all, number)));
    let (second, third) = (take(entry_key(swap, 2)), take(entry_key(swap, 3)));
    db.insert(entry_key(swap, 2), third).unwrap();
    db.insert(entry_key(swap, 3), second).unwrap();
    remove(record_key(record).into_bytes());
    db.insert(entry_key(foreign, 4), take(entry_key(honest, 4))).unwrap();
    db.insert(entry_key(extra, 5), take(entry_key(extra, 4))).unwrap();

    // Whoever knows how kaas works alters the record as well.
    let edit = |key: &ClusterKey, edit: &dyn Fn(&mut kaas::record::Record)| {
        let mut record = serde_json::from_slice(&take(record_key(key).into_bytes())).unwrap();
        edit(&mut record);
        db.insert(record_key(key), serde_json::to_vec(&record).unwrap()).unwrap();
    };
    edit(owner, &|record| record.cluster.owner = person("mallory"));
    let entry = |key: &ClusterKey, number| -> Entry { serde_json::from_slice(&take(entry_key(key, number))).unwrap() };
    let third = entry(back, 3);
    remove(entry_key(back, 4));
    edit(back, &|record| {
        record.entries = 3;
        record.chain.clone_from(&third.hash);
    });
    let mut altered = entry(rehashed, 2);
    altered.body.at += jiff::SignedDuration::from_hours(1);
    altered.hash = altered.body.hash();
    db.insert(entry_key(rehashed, 2), serde_json::to_vec(&altered).unwrap()).unwrap();
    db.flush().unwrap();
    drop(db);

    let expected = [
        (last, "the journal does not end where the record says: entries were cut off or added"),
        (middle, "entry 2 says that it is entry 3: one is missing or was put in"),
        (all, "the journal does not end where the record says: entries were cut off or added"),
        (swap, "entry 2 says that it is entry 3: one is missing or was put in"),
        (record, "there is a journal and no record: the record was removed"),
        (foreign, "entry 4 says that it is another cluster's"),
        (owner, "the record was altered: it is not the one that the journal led to"),
        (back, "the record was altered: it is not the one that the journal led to"),
        (rehashed, "entry 3 does not follow the one before"),
        (extra, "entry 5 says that it is entry 4: one is missing or was put in"),
    ];
    let found = findings(dir.path()).await;
    for (key, sentence) in expected {
        let told = found.iter().any(|finding| *finding == format!("{key}: {sentence}"));
        assert!(told, "{key}: {sentence}\n{found:#?}");
    }
    assert_eq!(found.len(), expected.len(), "{found:#?}");
}

/// A record that is not readable stops the start with a sentence, and not with a panic or an empty store.
#[tokio::test]
async fn a_record_that_cannot_be_read_is_named() {
    let dir = tempfile::tempdir().unwrap();
    let keys = lived(dir.path(), 2).await;
    let db = raw(dir.path());
    db.insert(record_key(&keys[1]), b"{}").unwrap();
    db.flush().unwrap();
    drop(db);
    let Err(fault) = SledStore::open(dir.path()) else { panic!("opened over it") };
    let said = format!("{fault:#}");
    assert!(said.contains(&keys[1].to_string()) && said.contains("cannot be read"), "{said}");
}

/// Nothing to find: long lives, empty stores, and lives that a save made and not a restore.
#[tokio::test]
async fn an_honest_store_has_no_findings() {
    for kind in [Kind::Memory, Kind::sled()] {
        let store = kind.open();
        assert_eq!(audit(&*store).await.unwrap().clusters, 0);
        let record = grown(&*store, &key_of("acme", "crucial-sandbox"), "alice", 40).await;
        save(&*store, &carded(&record, "the last")).await;
        let store = kind.again(store);
        let audit = audit(&*store).await.unwrap();
        assert_eq!((audit.clusters, audit.entries, audit.findings.len()), (1, 41, 0));
    }
}
