//! `kill -9` at random moments, again and again: what was acknowledged is there, the chains hold, and nothing is half. `HAMMER=300` strikes as often.

use std::io::{BufRead, BufReader, Write as _};
use std::path::Path;
use std::process::{Child, Stdio};
use std::sync::Arc;
use std::time::Duration;

use kaas::store::archive::{audit, check};
use kaas::store::sled::SledStore;
use kaas::store::{Life, Saved, Store};

use super::lives::{carded, key_of, requested, save};
use crate::people::start;

/// Where the process that is to be killed works; unset in the one that kills.
const DIR: &str = "KAAS_TEST_HAMMER_DIR";
const STRIKES: u64 = 16;
/// How many strikes one directory takes.
const STRIKES_A_STORE: u64 = 8;
/// How many saves a process does at the most, so that it ends if nobody kills it.
const SAVES_MAX: u64 = 20_000;
const CLUSTERS: [&str; 3] = ["amber-ox", "blue-crab", "calm-newt"];

/// Not a test of its own: what the hammer strikes.
#[test]
fn works_until_it_is_killed() {
    let Some(dir) = std::env::var_os(DIR) else { return };
    let runtime = tokio::runtime::Builder::new_multi_thread().worker_threads(2).enable_all().build().unwrap();
    runtime.block_on(async {
        let store = Arc::new(SledStore::open(Path::new(&dir)).unwrap());
        let tasks = CLUSTERS.map(|name| tokio::spawn(work(Arc::clone(&store), name)));
        for task in tasks {
            task.await.unwrap();
        }
    });
}

async fn work(store: Arc<SledStore>, name: &'static str) {
    let key = key_of("acme", name);
    for n in 0..SAVES_MAX / CLUSTERS.len() as u64 {
        let next = match store.load(&key).await.unwrap() {
            None => requested(&key, "alice", start()),
            Some(record) => carded(&record, &format!("{}", record.revision)),
        };
        assert_eq!(save(&*store, &next).await, Saved::Yes);
        // One write, so that a line is whole or missing.
        let line = format!("saved {name} {} {}\n", next.0.revision, next.1.hash);
        std::io::stdout().lock().write_all(line.as_bytes()).unwrap();
        if n % 5 == 0 {
            let number = store.draw(&key.tenant).await.unwrap();
            std::io::stdout().lock().write_all(format!("drew {number}\n").as_bytes()).unwrap();
        }
    }
}

/// What a killed process had acknowledged.
#[derive(Debug, Default)]
struct Acknowledged {
    /// Name, revision and the hash of the entry.
    saves: Vec<(String, u64, String)>,
    drawn: Vec<u64>,
}

impl Acknowledged {
    /// Takes a line in; answers whether it was an acknowledgement.
    fn read(&mut self, line: &str) -> bool {
        let words: Vec<&str> = line.split_whitespace().collect();
        match words[..] {
            ["saved", name, revision, hash] if hash.len() == 64 => {
                self.saves.push((name.to_owned(), revision.parse().unwrap(), hash.to_owned()));
            }
            ["drew", number] => self.drawn.push(number.parse().unwrap()),
            _ => return false,
        }
        true
    }
}

#[tokio::test]
async fn what_was_acknowledged_outlives_a_kill() {
    let strikes = std::env::var("HAMMER").ok().and_then(|n| n.parse().ok()).unwrap_or(STRIKES);
    let mut dir = tempfile::tempdir().unwrap();
    let mut highest = 0;
    let (mut saves, mut amid) = (0, 0);
    for strike in 0..strikes {
        if strike % STRIKES_A_STORE == 0 {
            dir = tempfile::tempdir().unwrap();
            highest = 0;
        }
        // Every fourth is killed while it opens the store and recovers.
        let after = if strike % 4 == 3 { 0 } else { fastrand::usize(1..150) };
        let acknowledged = killed_after(dir.path(), after);
        saves += acknowledged.saves.len();
        let store = SledStore::open(dir.path()).unwrap();
        amid += u64::from(all_is_there(&store, &acknowledged).await);
        let mut drawn = acknowledged.drawn;
        drawn.sort_unstable();
        for number in drawn {
            assert!(number > highest, "{number} was drawn twice");
            highest = number;
        }
        assert_eq!(audit(&store).await.unwrap().findings, Vec::<String>::new());
    }
    println!("{strikes} kills, {saves} acknowledged saves, {amid} times more was kept than had been acknowledged");
    assert!(saves > 0, "the hammer never struck while something was saved");
}

/// Whether more was kept than was acknowledged, which is allowed; less is not.
async fn all_is_there(store: &dyn Store, acknowledged: &Acknowledged) -> bool {
    let mut more = false;
    for name in CLUSTERS {
        let key = key_of("acme", name);
        let mine: Vec<_> = acknowledged.saves.iter().filter(|(of, ..)| of == name).collect();
        let Some(record) = store.load(&key).await.unwrap() else {
            assert!(mine.is_empty(), "{key} was acknowledged and is not there");
            assert!(
                store.journal(&key).await.unwrap().is_empty(),
                "{key} has half of a save: entries without a record"
            );
            continue;
        };
        let journal = store.journal(&key).await.unwrap();
        for (_, revision, hash) in &mine {
            assert!(record.revision >= *revision, "{key}: revision {revision} was acknowledged and is lost");
            assert!(
                journal.iter().any(|entry| entry.body.revision == *revision && entry.hash == *hash),
                "{key}: the entry of revision {revision} was acknowledged and is lost"
            );
        }
        more |= mine.last().is_some_and(|(_, revision, _)| record.revision > *revision);
        check(&Life { record, journal }).unwrap();
    }
    more
}

/// Starts a process, and kills it when it has acknowledged that much and a moment more.
fn killed_after(dir: &Path, acknowledgements: usize) -> Acknowledged {
    let mut child = child_in(dir);
    let mut lines = BufReader::new(child.stdout.take().unwrap()).lines();
    let mut acknowledged = Acknowledged::default();
    let mut seen = 0;
    while seen < acknowledgements
        && let Some(line) = lines.next()
    {
        seen += usize::from(acknowledged.read(&line.unwrap()));
    }
    let moment = if acknowledgements == 0 { 20_000 } else { 2_000 };
    std::thread::sleep(Duration::from_micros(fastrand::u64(0..moment)));
    child.kill().unwrap();
    child.wait().unwrap();
    // What it said before it died counts too.
    for line in lines.map_while(Result::ok) {
        acknowledged.read(&line);
    }
    acknowledged
}

fn child_in(dir: &Path) -> Child {
    #[expect(clippy::disallowed_methods, reason = "the test starts itself, to be killed")]
    let mut command = std::process::Command::new(std::env::current_exe().unwrap());
    command
        .args(["--exact", "stores::hammer::works_until_it_is_killed", "--nocapture", "--test-threads=1"])
        .env(DIR, dir)
        .stdout(Stdio::piped())
        .stderr(Stdio::inherit())
        .stdin(Stdio::null());
    command.spawn().unwrap()
}
