//! How long an ask takes until it is durable and answered, with 200 people at once; and how many inputs one node takes.

use std::sync::Arc;
use std::sync::atomic::{AtomicBool, AtomicU64, Ordering};
use std::time::Duration;

use kaas::lifecycle::{Ask, ChangeNumber, Input, Proof, What};
use kaas::record::Taken;
use tokio_util::sync::CancellationToken;

use crate::house::{House, runtime};
use crate::measure::{self, Times, command, folder, heading, line, ms, now};

/// How many people ask at once.
const PEOPLE: usize = 200;
/// How often all of them do.
const ROUNDS: usize = 15;
/// How long the store is kept as busy as it can be.
const BUSY: Duration = Duration::from_secs(4);
/// How many saves are made one by one.
const ONE_BY_ONE: usize = 200;

pub fn figures() {
    heading("asks: durable and answered");
    let runtime = runtime();
    let quiet = runtime.block_on(bursts());
    line("200 people ask at once, nothing else to do", quiet.spread());
    let busy = Terraforms::start();
    let while_busy = runtime.block_on(bursts());
    let plans = busy.stop();
    line("200 people ask at once, a terraform on each core", while_busy.spread());
    line("  terraform plans made meanwhile", plans);
    runtime.block_on(inputs());
}

/// Everybody asks for a cluster in the same moment, again and again; then everybody approves somebody else's.
async fn bursts() -> Times {
    let dir = folder();
    let house = Arc::new(House::open(dir.path(), PEOPLE, PEOPLE));
    let stop = CancellationToken::new();
    let running = tokio::spawn({
        let (engine, stop) = (Arc::clone(&house.engine), stop.clone());
        async move { engine.run(stop).await }
    });
    let mut times = Vec::new();
    for round in 0..ROUNDS {
        for approve in [false, true] {
            let ask = |person: usize| {
                let house = Arc::clone(&house);
                tokio::spawn(async move {
                    let text = match approve {
                        false => format!("request c{round}-{person} size=small"),
                        true => format!("approve c{round}-{}", (person + 1) % PEOPLE),
                    };
                    let begun = now();
                    let replies = house.says(person, &text).await;
                    let took = begun.elapsed();
                    assert!(replies.is_empty(), "it was taken: {:?}", replies.first().map(|r| r.message.plain()));
                    took
                })
            };
            let asked: Vec<_> = (0..PEOPLE).map(ask).collect();
            for asked in asked {
                times.push(asked.await.expect("asked"));
            }
            house.engine.rest().await.expect("rested");
        }
    }
    stop.cancel();
    running.await.expect("ran").expect("ran to its end");
    times.into_iter().collect()
}

async fn inputs() {
    let dir = folder();
    let house = Arc::new(House::open(dir.path(), PEOPLE, PEOPLE));
    // One by one, each flushed before the next begins; then as many as there are people, side by side.
    let begun = now();
    for nth in 0..ONE_BY_ONE {
        request(&house, nth, nth as u64).await;
    }
    let alone = ONE_BY_ONE as f64 / begun.elapsed().as_secs_f64();
    let together = everybody(&house, BUSY).await;
    line("durable inputs a second, one after the other", format!("{alone:.0}"));
    line("durable inputs a second, 200 people side by side", format!("{together:.0}"));
    line("  how many times as many: one flush for all that wait", format!("{:.1}", together / alone));
    drop(house);

    // The same with everything that follows from each: card, pull request, plan, posts.
    let dir = folder();
    let house = Arc::new(House::open(dir.path(), PEOPLE, PEOPLE));
    let stop = CancellationToken::new();
    let running = tokio::spawn({
        let (engine, stop) = (Arc::clone(&house.engine), stop.clone());
        async move { engine.run(stop).await }
    });
    let begun = now();
    let followed = everybody(&house, BUSY / 8).await;
    house.engine.rest().await.expect("rested");
    let done = house.outside.done.load(Ordering::Relaxed);
    line("the same while the engine performs what follows", format!("{followed:.0}"));
    line(
        "  effects performed and settled a second, to the last",
        format!("{:.0} (in {})", done as f64 / begun.elapsed().as_secs_f64(), ms(begun.elapsed())),
    );
    stop.cancel();
    running.await.expect("ran").expect("ran to its end");
}

/// Everybody asks for one cluster after the other for a while: how many were taken a second.
async fn everybody(house: &Arc<House>, time: Duration) -> f64 {
    let taken = Arc::new(AtomicU64::new(10_000));
    let begun = now();
    let ask = |person: usize| {
        let (house, taken) = (Arc::clone(house), Arc::clone(&taken));
        tokio::spawn(async move {
            while begun.elapsed() < time {
                let number = taken.fetch_add(1, Ordering::Relaxed);
                request(&house, person, number).await;
            }
        })
    };
    let asking: Vec<_> = (0..PEOPLE).map(ask).collect();
    for asking in asking {
        asking.await.expect("asked");
    }
    (taken.load(Ordering::Relaxed) - 10_000) as f64 / begun.elapsed().as_secs_f64()
}

/// One input for the engine: durable when it returns.
async fn request(house: &House, person: usize, number: u64) {
    let name = format!("n{number}");
    let form = form(house, &name);
    let input = Input {
        id: house.id(),
        at: house.clock.now(),
        what: What::Ask {
            by: house.people[person % PEOPLE].clone(),
            proof: Proof::Command,
            ask: Ask::Request { form, number: ChangeNumber(number), place: House::place(), owned: 0 },
        },
    };
    let taken = house.engine.take(&house.key(&name), &input).await.expect("taken");
    assert_eq!(taken, Taken::Changed);
}

fn form(house: &House, name: &str) -> kaas::lifecycle::form::Form {
    let catalogue = &house.engine.tenant(&house.tenant).expect("the tenant").catalogue;
    let text = format!("request {name} size=small");
    match kaas::command::parse(&text, kaas::command::Dialect::Plain, catalogue) {
        Ok(kaas::command::Command::Request { form, .. }) => form,
        other => panic!("a request: {other:?}"),
    }
}

/// As many terraforms as there are cores, each planning again and again: a busy runner.
struct Terraforms {
    stop: Arc<AtomicBool>,
    threads: Vec<std::thread::JoinHandle<u32>>,
}

impl Terraforms {
    fn start() -> Self {
        let stop = Arc::new(AtomicBool::new(false));
        let cores = std::thread::available_parallelism().map_or(1, usize::from);
        let plan = |_| {
            let stop = Arc::clone(&stop);
            std::thread::spawn(move || {
                let dir = folder();
                let text = "resource \"terraform_data\" \"a\" {\n  count = 20\n  input = count.index\n}\n";
                std::fs::write(dir.path().join("main.tf"), text).expect("written");
                let program = measure::terraform().expect("terraform or tofu is on the PATH");
                let run = |args: &[&str]| {
                    let out = command(&program).args(args).current_dir(dir.path()).output().expect("started");
                    assert!(out.status.success(), "{}", String::from_utf8_lossy(&out.stderr));
                };
                run(&["init", "-input=false"]);
                let mut plans = 0;
                while !stop.load(Ordering::Relaxed) {
                    run(&["plan", "-input=false"]);
                    plans += 1;
                }
                plans
            })
        };
        let threads = (0..cores).map(plan).collect();
        Self { stop, threads }
    }

    fn stop(self) -> u32 {
        self.stop.store(true, Ordering::Relaxed);
        self.threads.into_iter().map(|thread| thread.join().expect("planned")).sum()
    }
}
