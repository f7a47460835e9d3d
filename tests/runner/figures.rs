//! How much kaas adds to terraform: `cargo test --release --test runner figures -- --ignored --nocapture`.

use std::time::Duration;

use kaas::ports::Runner;

use crate::support::*;

/// How often each is measured.
const ROUNDS: usize = 15;

/// Bare `init && plan` beside kaas, in turns, with the same files, each round a cluster that was never seen (cold) and then the same again (warm).
#[tokio::test(flavor = "multi_thread", worker_threads = 2)]
#[ignore = "measures, and takes a while"]
async fn figures() {
    let house = House::new();
    let runner = house.runner();
    // What is paid once a process: finding terraform.
    let found = timed(async { drop(runner.program().await.unwrap()) }).await;
    let (mut bare_cold, mut bare_warm, mut cold, mut warm) = (vec![], vec![], vec![], vec![]);
    for round in 0..ROUNDS {
        let name = format!("demo-{round}");
        let job = house.job(&name, "small");
        let kaas = async || drop(runner.plan(&call(&name, 1), &job, quiet()).await.unwrap());
        let dir = house.root().join("bare").join(&name);
        let files = dir.join("clusters").join(&name);
        std::fs::create_dir_all(dir.join("modules/box")).unwrap();
        std::fs::create_dir_all(&files).unwrap();
        std::fs::write(dir.join("modules/box/main.tf"), MODULE).unwrap();
        std::fs::write(files.join("main.tf"), job.files[0].content.as_ref().unwrap()).unwrap();
        let bare = async || {
            let dir = files.clone();
            let run = move || {
                command("terraform", ["init", "-input=false"], Some(&dir));
                command("terraform", ["plan", "-input=false", "-out=tfplan"], Some(&dir));
            };
            tokio::task::spawn_blocking(run).await.unwrap();
        };
        bare_cold.push(timed(bare()).await);
        cold.push(timed(kaas()).await);
        bare_warm.push(timed(bare()).await);
        warm.push(timed(kaas()).await);
    }
    println!("finding terraform, once: {found:?}");
    for (what, of) in [("bare cold", bare_cold), ("kaas cold", cold), ("bare warm", bare_warm), ("kaas warm", warm)] {
        let mut of = of;
        of.sort_unstable();
        println!("{what}: median {:?}, least {:?}, most {:?}", of[of.len() / 2], of[0], of[of.len() - 1]);
    }
}

async fn timed(what: impl Future<Output = ()>) -> Duration {
    #[expect(clippy::disallowed_methods, reason = "it measures")]
    let begun = std::time::Instant::now();
    what.await;
    begun.elapsed()
}
