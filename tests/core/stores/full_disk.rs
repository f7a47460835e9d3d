//! A disk that is full: the write is answered with a sentence, everything acknowledged is still there, and after room is made it goes on.
//!
//! The disk is a limit on the size of files (`ulimit -f`) that a process of its own lives under.

use std::path::Path;
use std::process::Output;

use kaas::store::archive::{audit, check};
use kaas::store::sled::SledStore;
use kaas::store::{Life, Saved, Store};

use super::lives::{carded, key_of, requested, save};
use crate::people::start;

/// Where the process under the limit works; unset in the one that looks at what it left.
const DIR: &str = "KAAS_TEST_FULL_DISK_DIR";
/// In blocks of `ulimit -f`: 512 or 1024 bytes, by the shell.
const LIMIT_BLOCKS: u32 = 2048;
/// How long a message is, so that a few hundred saves fill the disk.
const MESSAGE_BYTES: usize = 16 * 1024;
const SAVES_MAX: u64 = 2_000;

/// Not a test of its own: what runs under the limit.
#[tokio::test]
async fn writes_until_the_disk_is_full() {
    let Some(dir) = std::env::var_os(DIR) else { return };
    let store = SledStore::open(Path::new(&dir)).unwrap();
    let key = key_of("acme", "crucial-sandbox");
    let mut now = requested(&key, "alice", start());
    assert_eq!(save(&store, &now).await, Saved::Yes);
    for _ in 0..SAVES_MAX {
        // Not a text that could be packed.
        let message: String = std::iter::repeat_with(fastrand::alphanumeric).take(MESSAGE_BYTES).collect();
        let next = carded(&now.0, &message);
        match store.save(&next.0, Some(&next.1)).await {
            Ok(saved) => {
                assert_eq!(saved, Saved::Yes);
                println!("saved {}", next.0.revision);
                now = next;
            }
            Err(fault) => {
                println!("fault {fault:#}");
                // From now on nothing is taken, whatever its size: what is in memory may not be what is on the disk.
                let small = requested(&key_of("acme", "amber-ox"), "alice", start());
                println!("again {:#}", store.save(&small.0, Some(&small.1)).await.unwrap_err());
                println!("draw {:#}", store.draw(&key.tenant).await.unwrap_err());
                drop(store);
                println!("stopped");
                return;
            }
        }
    }
    println!("never full");
}

#[tokio::test]
async fn a_full_disk_is_said_and_loses_nothing() {
    let dir = tempfile::tempdir().unwrap();
    let output = under_a_limit(dir.path());
    let said = String::from_utf8_lossy(&output.stdout).into_owned();
    let lines = |start: &str| said.lines().filter_map(|l| l.strip_prefix(start)).map(str::to_owned).collect::<Vec<_>>();
    let acknowledged: Vec<u64> = lines("saved ").iter().map(|n| n.parse().unwrap()).collect();
    let told = format!("{said}\n{}", String::from_utf8_lossy(&output.stderr));
    assert!(acknowledged.len() > 5, "{told}");
    for kind in ["fault ", "again ", "draw "] {
        let [sentence] = &lines(kind)[..] else { panic!("{kind} is not said once:\n{told}") };
        assert!(sentence.contains("the store cannot be written"), "{sentence}");
        assert!(sentence.contains("Make room and start kaas again"), "{sentence}");
    }
    assert!(output.status.success() && said.contains("stopped"), "{}\n{told}", output.status);

    // Room is made, and kaas is started again.
    let store = SledStore::open(dir.path()).unwrap();
    let key = key_of("acme", "crucial-sandbox");
    let record = store.load(&key).await.unwrap().expect("it was acknowledged");
    let last = *acknowledged.last().unwrap();
    assert!(record.revision >= last, "revision {last} was acknowledged; {} is there", record.revision);
    assert!(record.revision <= last + 1, "more is there than was ever asked for");
    let journal = store.journal(&key).await.unwrap();
    check(&Life { record: record.clone(), journal }).unwrap();
    assert_eq!(store.load(&key_of("acme", "amber-ox")).await.unwrap(), None, "it was refused and is there");
    assert_eq!(save(&store, &carded(&record, "there is room again")).await, Saved::Yes);
    assert_eq!(store.draw(&key.tenant).await.unwrap().0, 1);
    assert_eq!(audit(&store).await.unwrap().findings, Vec::<String>::new());
}

/// Runs the writer where no file may grow beyond the limit, and without the signal that would end it there.
fn under_a_limit(dir: &Path) -> Output {
    #[expect(clippy::disallowed_methods, reason = "the test starts itself under a limit")]
    let mut command = std::process::Command::new("sh");
    command
        .args(["-c", &format!("trap '' XFSZ; ulimit -f {LIMIT_BLOCKS}; exec \"$0\" \"$@\"")])
        .arg(std::env::current_exe().unwrap())
        .args(["--exact", "stores::full_disk::writes_until_the_disk_is_full", "--nocapture", "--test-threads=1"])
        .env(DIR, dir);
    command.output().unwrap()
}
