//! kaas is gone, terraform is not: kaas is killed while terraform applies, and started again.

use std::time::Duration;

use kaas::clock::SystemClock;
use kaas::ports::{Applied, Runner, Trouble};
use kaas::runner::terraform::Terraform;

use crate::support::*;

/// Set in the child that plays the kaas that is killed: the house that it works in.
const VICTIM: &str = "KAAS_TEST_VICTIM";

/// Runs an apply and is killed by the test. Does nothing in an ordinary test run.
#[tokio::test]
async fn victim() {
    let Ok(told) = std::env::var(VICTIM) else { return };
    let (dir, digest) = told.split_once(' ').unwrap();
    let house = House::at(dir.into());
    let job = slow_job(&house);
    let _ = house.runner().apply(&call("demo", 1), &job, &digest.parse().unwrap(), quiet()).await;
}

/// Its cluster takes until a file is there, and its machine is there at once.
fn slow_job(house: &House) -> kaas::ports::Job {
    let mut job = house.job("demo", "small");
    let dir = house.root();
    let text = job.files[0].content.take().unwrap();
    let more = format!(
        "resource \"terraform_data\" \"slow\" {{\n  depends_on = [module.demo]\n  provisioner \"local-exec\" {{\n    command = \"echo x >> {0}/began; while [ ! -e {0}/go ]; do sleep 0.02; done\"\n  }}\n}}\nresource \"terraform_data\" \"after\" {{\n  depends_on = [terraform_data.slow]\n}}\n",
        dir.display()
    );
    job.files[0].content = Some(text + &more);
    job
}

/// A kaas that plans, and is killed while its terraform applies. The apply has come as far as the slow resource.
async fn killed(house: &House) -> (Terraform, kaas::ports::Job, kaas::lifecycle::PlanDigest) {
    let mut settings = house.settings();
    settings.limits.grace = Duration::from_secs(60);
    let runner = Terraform::new(settings, SystemClock::shared());
    let job = slow_job(house);
    let plan = runner.plan(&call("demo", 1), &job, quiet()).await.unwrap().plan;
    assert_eq!(plan.add, 4);
    #[expect(clippy::disallowed_methods, reason = "a test plays the kaas that is killed")]
    let mut victim = std::process::Command::new(std::env::current_exe().unwrap())
        .args(["--exact", "orphans::victim", "--nocapture"])
        .env(VICTIM, format!("{} {}", house.root().display(), plan.digest))
        .spawn()
        .unwrap();
    let began = house.root().join("began");
    until("terraform applies", || began.exists()).await;
    victim.kill().unwrap();
    victim.wait().unwrap();
    (runner, job, plan.digest)
}

#[tokio::test]
async fn an_apply_outlives_kaas_and_is_not_repeated() {
    if !has_terraform() {
        return;
    }
    let house = House::new();
    let (runner, job, digest) = killed(&house).await;
    std::fs::write(house.root().join("go"), "").unwrap();
    until("the orphan makes the rest", || house.state("demo").contains("\"after\"")).await;
    let applied = runner.apply(&call("demo", 2), &job, &digest, quiet()).await.unwrap();
    assert_eq!(applied, Applied::Yes { outputs: vec![("cluster_id".into(), "c-m-demo".into())] });
    assert_eq!(std::fs::read_to_string(house.root().join("began")).unwrap(), "x\n", "nothing was made twice");
    let log = house.logs("apply").concat();
    assert!(log.contains("| [info] Apply complete!"), "what the orphan said is in the log: {log}");
}

#[tokio::test]
async fn an_orphan_that_applies_is_waited_for_and_not_disturbed() {
    if !has_terraform() {
        return;
    }
    let house = House::new();
    let (runner, job, digest) = killed(&house).await;
    let call = call("demo", 2);
    let applying = runner.apply(&call, &job, &digest, quiet());
    let waited = || house.logs("apply").concat().contains("an earlier apply still goes on");
    let releasing = async {
        until("it is waited for", waited).await;
        std::fs::write(house.root().join("go"), "").unwrap();
    };
    let (applied, ()) = tokio::join!(applying, releasing);
    assert_eq!(applied.unwrap(), Applied::Yes { outputs: vec![("cluster_id".into(), "c-m-demo".into())] });
    assert_eq!(std::fs::read_to_string(house.root().join("began")).unwrap(), "x\n", "nothing was made twice");
    assert!(!house.state("demo").contains("\"tainted\""), "nothing is half made: {}", house.state("demo"));
}

#[tokio::test]
async fn whoever_waits_for_an_orphan_can_be_stopped_and_the_orphan_goes_on() {
    if !has_terraform() {
        return;
    }
    let house = House::new();
    let (runner, job, digest) = killed(&house).await;
    let call = call("demo", 2);
    let applying = runner.apply(&call, &job, &digest, quiet());
    let waited = || house.logs("apply").concat().contains("an earlier apply still goes on");
    let stopping = async {
        until("it is waited for", waited).await;
        call.stop.cancel();
    };
    let (stopped, ()) = tokio::join!(applying, stopping);
    assert!(matches!(stopped, Err(Trouble::Stopped)), "{stopped:?}");
    std::fs::write(house.root().join("go"), "").unwrap();
    until("the orphan makes the rest", || house.state("demo").contains("\"after\"")).await;
}

#[tokio::test]
async fn an_orphan_that_takes_too_long_frees_its_lock_before_the_next_run_begins() {
    if !has_terraform() {
        return;
    }
    let house = House::new();
    let (_, job, digest) = killed(&house).await;
    let mut settings = house.settings();
    settings.limits.grace = Duration::from_secs(60);
    settings.limits.apply = Duration::from_millis(200);
    let runner = Terraform::new(settings, SystemClock::shared());
    let applied = runner.apply(&call("demo", 2), &job, &digest, quiet()).await.unwrap();
    let log = house.logs("apply").concat();
    assert!(log.contains("an earlier run still lives"), "{log}");
    // What was under way when it was interrupted is half made, so it would be made again: nobody approved that.
    let Applied::Drifted(plan) = applied else { panic!("{applied:?}\n{log}") };
    assert_eq!((plan.add, plan.destroy), (2, 1), "{plan:?}");
    assert!(house.state("demo").contains("\"tainted\""), "the orphan saved its state: {}", house.state("demo"));
    assert_eq!(std::fs::read_to_string(house.root().join("began")).unwrap(), "x\n", "nothing was made twice");
}
