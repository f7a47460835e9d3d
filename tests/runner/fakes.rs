//! With programs that are no good terraform.

use std::time::Duration;

use kaas::clock::SystemClock;
use kaas::lifecycle::Plan;
use kaas::ports::{Answer, Applied, Runner, Trouble};
use kaas::runner::terraform::{Settings, Terraform};

use crate::support::*;

/// A plan that makes one thing, as `show -json` tells it.
const PLAN: &str = r#"{"format_version":"1.2","terraform_version":"1.9.0","resource_changes":[{"address":"terraform_data.a","mode":"managed","type":"terraform_data","name":"a","provider_name":"terraform.io/builtin/terraform","change":{"actions":["create"],"before":null,"after":{"input":"one"},"after_unknown":{"id":true},"before_sensitive":false,"after_sensitive":{}}}],"output_changes":{},"applyable":true,"complete":true,"errored":false}"#;

/// What a good terraform would do, to stand behind the one thing that goes wrong. `$HOUSE` is set to the house's directory.
const GOOD: &str = r#"
case "$1" in
  init) mkdir -p .terraform;;
  plan) for arg; do case "$arg" in -out=*) echo plan > "${arg#-out=}";; esac; done
    echo '{"type":"change_summary","@level":"info","@message":"Plan: 1 to add","changes":{"add":1,"operation":"plan"}}';;
  show) cat "$HOUSE/plan.json";;
  output) echo '{}';;
esac
"#;

fn house() -> House {
    let house = House::new();
    std::fs::write(house.root().join("plan.json"), PLAN).unwrap();
    house
}

fn settings(house: &House, body: &str) -> Settings {
    house.fake(&format!("HOUSE='{}'\n{body}\n{GOOD}", house.root().display()))
}

fn runner(settings: Settings) -> Terraform {
    Terraform::new(settings, SystemClock::shared())
}

async fn plan_with(house: &House, settings: Settings) -> Answer<Plan> {
    runner(settings).plan(&call("demo", 1), &house.job("demo", "small"), quiet()).await.map(|planned| planned.plan)
}

fn said<T: std::fmt::Debug>(answer: Answer<T>) -> String {
    match answer {
        Ok(value) => format!("ok: {value:?}"),
        Err(Trouble::Passing { line, .. }) => format!("passing: {line}"),
        Err(Trouble::Lasting { line, .. }) => format!("lasting: {line}"),
        Err(Trouble::Stopped) => "stopped".into(),
    }
}

#[tokio::test]
async fn every_failure_has_its_sentence() {
    let check = async |body: &str, expect: &str| {
        let house = house();
        let said = said(plan_with(&house, settings(&house, body)).await);
        assert!(said.starts_with(expect), "{body}: {said}");
        said
    };
    check("[ $1 = plan ] && echo boom >&2 && exit 2", "lasting: terraform plan failed (exit status 2): \"boom\"").await;
    check("[ $1 = init ] && exit 2", "lasting: terraform init failed (exit status 2): \"it said nothing\"").await;
    check("[ $1 = plan ] && exit 0", "lasting: terraform plan reported success, but wrote no plan").await;
    check("[ $1 = show ] && echo '{]' && exit 0", "lasting: terraform's plan cannot be read").await;
    check("[ $1 = show ] && exit 0", "lasting: terraform's plan cannot be read").await;
    check("[ $1 = show ] && echo 'Error: no such plan' >&2 && exit 1", "lasting: terraform: \"no such plan\"").await;
    check("[ $1 = plan ] && kill -9 $$", "passing: terraform plan was killed (signal 9)").await;
    let full = "{ echo 'Error: write /x: no space left on device' >&2; exit 1; }";
    check(&format!("[ $1 = init ] && {full}"), "passing: the disk of the machine that runs terraform is full").await;
    let limit = r#"{ echo '{"type":"diagnostic","diagnostic":{"severity":"error","summary":"429 Too Many Requests"}}'; exit 1; }"#;
    check(&format!("[ $1 = plan ] && {limit}"), "passing: terraform: \"429 Too Many Requests\"").await;
    let garbage = check(
        "[ $1 = plan ] && head -c 3000000 /dev/urandom && exit 1",
        "lasting: terraform plan failed (exit status 1): \"",
    )
    .await;
    assert!(garbage.chars().count() < 500 && !garbage.contains(char::is_control), "{garbage}");
}

#[tokio::test]
async fn a_plan_is_read_with_much_noise_around_it() {
    let house = house();
    let noisy = "[ $1 = plan ] && head -c 20000000 /dev/zero | tr '\\0' x && echo && seq 1 200000";
    let plan = plan_with(&house, settings(&house, &format!("{noisy}\n true"))).await.unwrap();
    assert_eq!(plan.add, 1);
    assert!(house.logs("plan")[0].len() < 10_000_000);
}

#[tokio::test]
async fn a_plan_without_bounds_is_refused() {
    let house = house();
    let mut settings = settings(&house, "[ $1 = show ] && while :; do echo 01234567890123456789; done");
    settings.limits.plan_bytes = 1_000_000;
    settings.limits.grace = Duration::from_millis(200);
    assert_eq!(said(plan_with(&house, settings).await), "lasting: what terraform show wrote is too large");
}

#[tokio::test]
async fn hanging_is_ended_and_stopping_is_heeded() {
    let house = house();
    let hang = "[ $1 = plan ] && trap '' INT && touch $HOUSE/hangs && while :; do sleep 0.05; done";
    let mut settings = settings(&house, hang);
    settings.limits.grace = Duration::from_millis(300);
    settings.limits.plan = Duration::from_millis(300);
    assert_eq!(
        said(plan_with(&house, settings.clone()).await),
        "passing: terraform plan took too long and was stopped"
    );
    std::fs::remove_file(house.root().join("hangs")).unwrap();
    settings.limits.plan = Duration::from_secs(600);
    let runner = runner(settings);
    let (call, job) = (call("demo", 1), house.job("demo", "small"));
    let stopping = async {
        until("it hangs", || house.root().join("hangs").exists()).await;
        call.stop.cancel();
    };
    let within = tokio::time::timeout(Duration::from_secs(30), async {
        tokio::join!(runner.plan(&call, &job, quiet()), stopping)
    });
    assert_eq!(said(within.await.expect("it ends within the grace period").0), "stopped");
    assert_eq!(
        said(runner.plan(&call, &job, quiet()).await),
        "stopped",
        "a call that is stopped already starts nothing"
    );
}

#[tokio::test]
async fn a_missing_program_is_said_with_the_remedy() {
    let house = house();
    let mut settings = house.settings();
    settings.search_path = "/usr/bin:/bin".into();
    let none = said(plan_with(&house, settings.clone()).await);
    assert!(none.starts_with("lasting: neither terraform nor tofu is installed; install"), "{none}");
    settings.program = Some("/nowhere/terraform".into());
    let gone = said(plan_with(&house, settings).await);
    assert!(gone.starts_with("lasting: /nowhere/terraform is configured as terraform, but it is not there"), "{gone}");
}

#[tokio::test]
async fn the_environment_is_exactly_what_is_meant() {
    let house = house();
    let mut settings = settings(&house, "[ $1 = plan ] && /usr/bin/env > $HOUSE/env");
    settings.passed = vec![("AWS_REGION".into(), "eu-west-1".into())];
    settings.cli_config = Some("/etc/terraform.rc".into());
    plan_with(&house, settings).await.unwrap();
    let text = std::fs::read_to_string(house.root().join("env")).unwrap();
    let own = ["HOUSE", "PWD", "OLDPWD", "SHLVL", "_"];
    let mut names: Vec<&str> =
        text.lines().filter_map(|line| Some(line.split_once('=')?.0)).filter(|name| !own.contains(name)).collect();
    names.sort_unstable();
    let expect = [
        "AWS_REGION",
        "CHECKPOINT_DISABLE",
        "GOGC",
        "GOMEMLIMIT",
        "HOME",
        "PATH",
        "RANCHER_TOKEN_KEY",
        "RANCHER_URL",
        "TF_CLI_CONFIG_FILE",
        "TF_INPUT",
        "TF_IN_AUTOMATION",
        "TMPDIR",
    ];
    assert_eq!(names, expect);
}

#[tokio::test]
async fn secrets_in_terraforms_own_words_are_taken_out() {
    let house = house();
    let tell = r#"[ $1 = plan ] && echo "plain $RANCHER_TOKEN_KEY" && echo "{\"type\":\"diagnostic\",\"@message\":\"$RANCHER_TOKEN_KEY\",\"diagnostic\":{\"severity\":\"error\",\"summary\":\"401 for $RANCHER_TOKEN_KEY\",\"detail\":\"$RANCHER_TOKEN_KEY\"}}" && echo "$RANCHER_TOKEN_KEY" >&2 && exit 1"#;
    let trouble = plan_with(&house, settings(&house, tell)).await.unwrap_err();
    let Trouble::Lasting { line, source } = &trouble else { panic!("{trouble:?}") };
    assert_eq!(line, "terraform: \"401 for (redacted)\"");
    let chain = format!("{:?}", source.as_ref().unwrap());
    assert!(chain.contains("plain (redacted)") && !chain.contains("environment-secret"), "{chain}");
    for (path, text) in house.kept() {
        assert!(!text.contains("environment-secret"), "{}: {text}", path.display());
    }
}

#[tokio::test]
async fn a_state_that_could_not_be_saved_is_kept_and_saved_with_the_next_attempt() {
    let house = house();
    let body = r#"
        case "$1" in
          apply) echo precious > errored.tfstate; echo 'Error: Failed to save state' >&2; exit 1;;
          state) shift 3; cp "$1" "$HOUSE/pushed";;
        esac"#;
    let runner = runner(settings(&house, body));
    let job = house.job("demo", "small");
    let plan = runner.plan(&call("demo", 1), &job, quiet()).await.unwrap().plan;
    let first = said(runner.apply(&call("demo", 1), &job, &plan.digest, quiet()).await);
    assert_eq!(first, "passing: terraform could not save the state; kaas kept it and saves it with the next attempt");
    runner.forget(&job.cluster).await;
    assert!(house.workspace("demo").exists(), "nothing removes a state that was not saved");
    std::fs::write(house.root().join("plan.json"), r#"{"format_version":"1.2"}"#).unwrap();
    let second = runner.apply(&call("demo", 2), &job, &plan.digest, quiet()).await.unwrap();
    assert_eq!(second, Applied::Yes { outputs: vec![] });
    assert_eq!(std::fs::read_to_string(house.root().join("pushed")).unwrap(), "precious\n");
    assert!(!house.workspace("demo").join("tree/clusters/demo/errored.tfstate").exists());
    let again = runner.apply(&call("demo", 3), &job, &plan.digest, quiet()).await.unwrap();
    assert_eq!(again, second);
}

#[tokio::test]
async fn the_repositorys_lock_file_is_used_and_not_changed() {
    let house = House::with(&[("modules/box/.terraform.lock.hcl", "# pinned\n")]);
    std::fs::write(house.root().join("plan.json"), PLAN).unwrap();
    let body = "[ $1 = init ] && cat .terraform.lock.hcl > $HOUSE/lock && echo \"$@\" > $HOUSE/init";
    plan_with(&house, settings(&house, body)).await.unwrap();
    assert_eq!(std::fs::read_to_string(house.root().join("lock")).unwrap(), "# pinned\n");
    let init = std::fs::read_to_string(house.root().join("init")).unwrap();
    assert_eq!(init, "init -input=false -no-color -reconfigure -lockfile=readonly\n");
}

#[tokio::test]
async fn the_next_cluster_of_a_class_needs_no_git() {
    let house = house();
    let runner = runner(settings(&house, ""));
    runner.plan(&call("one-a", 1), &house.job("one-a", "small"), quiet()).await.unwrap();
    std::fs::rename(&house.mirror.path, house.root().join("away.git")).unwrap();
    runner.plan(&call("two-b", 1), &house.job("two-b", "small"), quiet()).await.unwrap();
    let module = house.workspace("two-b").join("tree/modules/box/main.tf");
    assert_eq!(std::fs::read_to_string(module).unwrap(), MODULE);
    let mut moved = house.job("two-b", "small");
    moved.mirror.base = "1".repeat(40).parse().unwrap();
    let said = said(runner.plan(&call("two-b", 1), &moved, quiet()).await);
    assert!(said.starts_with("passing: the mirror of the repository cannot be read"), "{said}");
}
