//! Whether what one person sees takes longer when there are many clusters.

use std::time::Duration;

use crate::house::{House, runtime};
use crate::measure::{Times, folder, heading, line, mb, ms, now, ratio, status_kb};

/// How many clusters are known.
const KNOWN: [usize; 3] = [10, 1_000, 10_000];
/// How many of them each person owns: so a list of one's own has as many rows everywhere.
const OWNED: usize = 5;
/// With fewer people than the quorum needs, nothing could ever be approved, and nothing is taken.
const PEOPLE_MIN: usize = 5;
/// How often each is measured, in turns.
const ROUNDS: usize = 400;

pub fn figures() {
    heading("what one person sees, at 10, 1,000 and 10,000 known clusters");
    runtime().block_on(measured());
}

async fn measured() {
    let dirs = KNOWN.map(|_| folder());
    let mut houses = Vec::new();
    for (known, dir) in KNOWN.into_iter().zip(&dirs) {
        let house = std::sync::Arc::new(House::open(dir.path(), (known / OWNED).max(PEOPLE_MIN), PEOPLE_MIN));
        let numbers: Vec<usize> = (0..known).collect();
        for some in numbers.chunks(250) {
            let asking = some.iter().map(|nth| {
                let (house, nth) = (std::sync::Arc::clone(&house), *nth);
                tokio::spawn(async move { house.says(nth / OWNED, &format!("request c{nth} size=small")).await })
            });
            for asked in asking.collect::<Vec<_>>() {
                assert!(asked.await.expect("asked").is_empty(), "it was taken");
            }
        }
        houses.push(house);
    }
    line("resident with all three stores open", status_kb(std::process::id(), "VmRSS").map_or(String::new(), mb));
    for (what, text) in
        [("list mine (5 rows)", "list mine"), ("show (one card)", "show c7"), ("list (10, 20, 20 rows)", "list")]
    {
        let mut times = vec![Times::default(); KNOWN.len()];
        for _ in 0..ROUNDS {
            for (house, times) in houses.iter().zip(&mut times) {
                let begun = now();
                let replies = house.says(1, text).await;
                times.push(begun.elapsed());
                assert_eq!(replies.len(), 1);
            }
        }
        tell(what, &times);
    }
    let mut times = vec![Times::default(); KNOWN.len()];
    for round in 0..ROUNDS {
        for (house, times) in houses.iter().zip(&mut times) {
            let begun = now();
            let replies = house.says(1, &format!("request more-{round} size=small")).await;
            times.push(begun.elapsed());
            assert!(replies.is_empty(), "it was taken");
        }
    }
    tell("request (one durable ask)", &times);
}

fn tell(what: &str, times: &[Times]) {
    let medians: Vec<Duration> = times.iter().map(Times::median).collect();
    let each: Vec<String> = medians.iter().map(|median| ms(*median)).collect();
    let ratios: Vec<String> = medians.iter().map(|median| format!("{:.2}", ratio(*median, medians[0]))).collect();
    line(what, format!("{}; as ratios {}", each.join(", "), ratios.join(", ")));
}
