//! How soon due work runs again after a crash with 10,000 open changes.

use std::sync::Arc;
use std::sync::atomic::Ordering;
use std::time::Duration;

use jiff::SignedDuration;
use kaas::store::{Saved, Store};
use tokio_util::sync::CancellationToken;

use crate::house::{House, runtime};
use crate::measure::{folder, heading, line, mb, ms, now, status_kb};

/// How many changes are open.
const OPEN: usize = 10_000;
/// How many people asked for them.
const PEOPLE: usize = 1_000;

pub fn figures() {
    heading("restart with 10,000 open changes, all of them in the hands of a kaas that died");
    let runtime = runtime();
    let dir = folder();
    runtime.block_on(crashed(dir.path()));
    let bytes = size(&dir.path().join("store"));
    line("the store on the disk", mb(bytes / 1024));
    let begun = now();
    let house = House::open(dir.path(), PEOPLE, PEOPLE);
    line("opening the store, and its index", ms(begun.elapsed()));
    runtime.block_on(async {
        let stop = CancellationToken::new();
        let running = tokio::spawn({
            let (engine, stop) = (Arc::clone(&house.engine), stop.clone());
            async move { engine.run(stop).await }
        });
        let performed = |wanted: u64| {
            let outside = Arc::clone(&house.outside);
            async move {
                while outside.done.load(Ordering::Relaxed) < wanted {
                    tokio::time::sleep(Duration::from_millis(2)).await;
                }
                begun.elapsed()
            }
        };
        performed(1).await;
        let first = house.outside.first.lock().expect("not poisoned").map_or(Duration::ZERO, |at| at - begun);
        line("from the start to the first due effect, performed", ms(first));
        line("  to the 1,000th", ms(performed(1_000).await));
        line("  to the 30,000th (a card, a pull request and a plan each)", ms(performed(30_000).await));
        house.engine.rest().await.expect("rested");
        let done = house.outside.done.load(Ordering::Relaxed);
        line("  until everything that follows is done, too", format!("{} ({done} effects)", ms(begun.elapsed())));
        stop.cancel();
        running.await.expect("ran").expect("ran to its end");
    });
    line("resident at the end", status_kb(std::process::id(), "VmRSS").map_or(String::new(), mb));
}

/// Everybody asks for their clusters; then all that is due is claimed by somebody who is never heard of again.
async fn crashed(dir: &std::path::Path) {
    let house = Arc::new(House::open(dir, PEOPLE, PEOPLE));
    let numbers: Vec<usize> = (0..OPEN).collect();
    for some in numbers.chunks(250) {
        let asking = some.iter().map(|nth| {
            let (house, nth) = (Arc::clone(&house), *nth);
            tokio::spawn(async move {
                let replies = house.says(nth % PEOPLE, &format!("request c{nth} size=small")).await;
                assert!(replies.is_empty(), "it was taken");
                let record = house.store.load(&house.key(&format!("c{nth}"))).await.expect("read").expect("there");
                let (lease, now) = (SignedDuration::from_mins(60), house.clock.now());
                let (next, claimed) = record.claim("the dead", now, lease, |_| true).expect("something is due");
                assert!(claimed.len() > 1);
                assert_eq!(house.store.save(&next, None).await.expect("saved"), Saved::Yes);
            })
        });
        for asked in asking.collect::<Vec<_>>() {
            asked.await.expect("asked");
        }
    }
}

fn size(dir: &std::path::Path) -> u64 {
    let entries = std::fs::read_dir(dir).into_iter().flatten().flatten();
    entries
        .map(|entry| match entry.metadata() {
            Ok(meta) if meta.is_dir() => size(&entry.path()),
            Ok(meta) => meta.len(),
            Err(_) => 0,
        })
        .sum()
}
