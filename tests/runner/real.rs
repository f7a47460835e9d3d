//! With the real terraform.

use std::collections::BTreeMap;

use kaas::lifecycle::ChangeNumber;
use kaas::ports::{Applied, Runner, Trouble};

use crate::support::*;

#[tokio::test]
async fn plan_then_apply_then_destroy() {
    if !has_terraform() {
        return;
    }
    let house = House::new();
    let runner = house.runner();
    let job = house.job("demo", "small");
    let plan = runner.plan(&call("demo", 1), &job, quiet()).await.unwrap().plan;
    assert_eq!((plan.add, plan.change, plan.destroy), (2, 0, 0));
    assert_eq!(plan.content, content());
    let text = runner.plan_text(&job.cluster, job.change, &plan.digest).await.unwrap();
    assert!(text.contains("module.demo.terraform_data.cluster"), "{text}");
    let (sink, heard) = heard();
    let applied = runner.apply(&call("demo", 1), &job, &plan.digest, sink).await.unwrap();
    assert_eq!(applied, Applied::Yes { outputs: vec![("cluster_id".into(), "c-m-demo".into())] });
    let done: Vec<_> = heard.lock().unwrap().iter().filter_map(|p| p.done).collect();
    assert_eq!(done.last(), Some(&(2, 2)), "{done:?}");
    assert!(house.state("demo").contains("module.demo"));
    // The effect is performed again, because kaas died before it recorded the answer.
    let again = runner.apply(&call("demo", 2), &job, &plan.digest, quiet()).await.unwrap();
    assert_eq!(again, applied);

    let mut job = job;
    job.destroy = true;
    job.change = ChangeNumber(8);
    let plan = runner.plan(&call("demo", 1), &job, quiet()).await.unwrap().plan;
    assert_eq!((plan.add, plan.change, plan.destroy), (0, 0, 2));
    let applied = runner.apply(&call("demo", 1), &job, &plan.digest, quiet()).await.unwrap();
    assert_eq!(applied, Applied::Yes { outputs: vec![] });
    assert!(!house.state("demo").contains("terraform_data"));
    let again = runner.apply(&call("demo", 2), &job, &plan.digest, quiet()).await.unwrap();
    assert_eq!(again, applied);
    runner.forget(&job.cluster).await;
    assert!(!house.workspace("demo").exists());
    assert_eq!(house.logs("apply").len(), 4, "the logs stay");
}

#[tokio::test]
async fn nothing_secret_is_kept_or_said() {
    if !has_terraform() {
        return;
    }
    let house = House::new();
    let runner = house.runner();
    let job = house.job_with("demo", "size = \"small\"\n  fail = true\n  password = \"given-pass-word\"");
    let plan = runner.plan(&call("demo", 1), &job, quiet()).await.unwrap().plan;
    let trouble = runner.apply(&call("demo", 1), &job, &plan.digest, quiet()).await.unwrap_err();
    let Trouble::Lasting { line, source } = &trouble else { panic!("{trouble:?}") };
    assert_eq!(line, "terraform: \"local-exec provisioner error\" at module.demo.terraform_data.cluster");
    let chain = format!("{:#}", source.as_ref().unwrap());
    assert!(chain.contains("exit status 3"), "{chain}");
    let mut all = house.kept();
    all.insert("chain".into(), format!("{trouble:?} {chain}"));
    for (path, text) in all {
        for mark in ["given-pass-word", "module-pass-word", "environment-secret"] {
            assert!(!text.contains(mark), "{mark} in {}: {text}", path.display());
        }
    }
    assert_eq!(std::fs::read_dir(house.workspace("demo").join("plan")).unwrap().count(), 0, "no plan file is left");
}

#[tokio::test]
async fn another_plan_than_the_approved_one_is_not_applied() {
    if !has_terraform() {
        return;
    }
    let house = House::new();
    let runner = house.runner();
    let small = runner.plan(&call("demo", 1), &house.job("demo", "small"), quiet()).await.unwrap().plan;
    let job = house.job("demo", "large");
    for attempt in [1, 2] {
        let applied = runner.apply(&call("demo", attempt), &job, &small.digest, quiet()).await.unwrap();
        let Applied::Drifted(plan) = applied else { panic!("{applied:?}") };
        assert_ne!(plan.digest, small.digest);
        runner.plan_text(&job.cluster, job.change, &plan.digest).await.expect("what it is now can be read");
    }
    assert_eq!(house.state("demo"), "");
}

#[tokio::test]
async fn the_rest_of_an_apply_that_was_cut_off_is_applied() {
    if !has_terraform() {
        return;
    }
    let house = House::new();
    let runner = house.runner();
    let job = house.job("demo", "small");
    let plan = runner.plan(&call("demo", 1), &job, quiet()).await.unwrap().plan;
    // Half of it exists already, as after an apply that was killed.
    let dir = house.workspace("demo").join("tree/clusters/demo");
    let half = ["apply", "-auto-approve", "-input=false", "-target=module.demo.terraform_data.machine"];
    command("terraform", half, Some(&dir));
    let first = runner.apply(&call("demo", 1), &job, &plan.digest, quiet()).await.unwrap();
    assert!(matches!(first, Applied::Drifted(_)), "no apply of kaas began, so somebody else did this: {first:?}");
    let second = runner.apply(&call("demo", 2), &job, &plan.digest, quiet()).await.unwrap();
    assert_eq!(second, Applied::Yes { outputs: vec![("cluster_id".into(), "c-m-demo".into())] });
}

#[tokio::test]
async fn a_workspace_stays_warm_until_something_changes() {
    if !has_terraform() {
        return;
    }
    let mut house = House::new();
    let runner = house.runner();
    let inits = |house: &House| house.logs("plan").iter().filter(|log| log.contains("$ terraform init")).count();
    runner.plan(&call("demo", 1), &house.job("demo", "small"), quiet()).await.unwrap();
    assert_eq!(inits(&house), 1);
    // Another size, another kaas: still warm.
    let runner_two = house.runner();
    runner_two.plan(&call("demo", 1), &house.job("demo", "large"), quiet()).await.unwrap();
    assert_eq!(inits(&house), 1);
    // Another base, the same modules.
    house.commit(&BTreeMap::from([("modules/box/main.tf", MODULE), ("README.md", "other")]));
    runner.plan(&call("demo", 1), &house.job("demo", "small"), quiet()).await.unwrap();
    assert_eq!(inits(&house), 1);
    // Another module.
    let module = format!("{MODULE}\nmodule \"inner\" {{ source = \"../inner\" }}");
    let files =
        [("modules/box/main.tf", module.as_str()), ("modules/inner/x.tf", "resource \"terraform_data\" \"x\" {}")];
    house.commit(&BTreeMap::from(files));
    let plan = runner.plan(&call("demo", 1), &house.job("demo", "small"), quiet()).await.unwrap().plan;
    assert_eq!((inits(&house), plan.add), (2, 3));
    // What terraform misses although nothing seems to have changed is mended.
    std::fs::remove_file(house.workspace("demo").join("tree/clusters/demo/.terraform/modules/modules.json")).unwrap();
    let mended = runner.plan(&call("demo", 1), &house.job("demo", "small"), quiet()).await.unwrap().plan;
    assert_eq!((inits(&house), mended.digest), (3, plan.digest));
}

#[tokio::test]
async fn a_state_lock_of_somebody_else_is_named() {
    if !has_terraform() {
        return;
    }
    let house = House::new();
    let runner = house.runner();
    let job = house.job("demo", "small");
    runner.plan(&call("demo", 1), &job, quiet()).await.unwrap();
    // Somebody else works on the same state from another place.
    let other = house.root().join("other");
    std::fs::create_dir_all(&other).unwrap();
    let state = house.root().join("state/demo.tfstate");
    let text = format!(
        "terraform {{\n backend \"local\" {{ path = {state:?} }}\n}}\nresource \"terraform_data\" \"x\" {{\n provisioner \"local-exec\" {{ command = \"touch {0}/busy; while [ ! -e {0}/done ]; do sleep 0.05; done\" }}\n}}",
        other.display()
    );
    std::fs::write(other.join("main.tf"), text).unwrap();
    command("terraform", ["init"], Some(&other));
    let busy = other.clone();
    let apply = std::thread::spawn(move || command("terraform", ["apply", "-auto-approve"], Some(&busy)));
    until("the other apply runs", || other.join("busy").exists()).await;
    let trouble = runner.plan(&call("demo", 1), &job, quiet()).await.unwrap_err();
    std::fs::write(other.join("done"), "").unwrap();
    apply.join().unwrap();
    let Trouble::Passing { line, .. } = &trouble else { panic!("{trouble:?}") };
    assert!(line.starts_with("terraform: the state is locked by ") && line.contains("(apply, lock "), "{line}");
}

#[tokio::test]
async fn mistakes_of_the_configuration_are_one_line() {
    if !has_terraform() {
        return;
    }
    let house = House::new();
    let runner = house.runner();
    let check = async |job: kaas::ports::Job, expect: &str| {
        let trouble = runner.plan(&call("demo", 1), &job, quiet()).await.unwrap_err();
        assert!(matches!(trouble, Trouble::Lasting { .. }), "{trouble:?}");
        assert_eq!(trouble.to_string(), expect);
    };
    check(house.job_with("demo", "size = \"small\"\n  colour = 3"), "terraform: \"Unsupported argument\"").await;
    check(house.job_with("demo", "size = "), "terraform: \"Invalid expression\"").await;
    let mut job = house.job("demo", "small");
    job.module = "nowhere".into();
    let short = &house.mirror.base.as_str()[..7];
    check(job, &format!("the repository has no modules/nowhere on its base branch ({short})")).await;
}

#[tokio::test]
async fn clusters_run_side_by_side() {
    if !has_terraform() {
        return;
    }
    let house = House::new();
    let mut settings = house.settings();
    settings.working = std::num::NonZeroUsize::new(2);
    let runner = kaas::runner::terraform::Terraform::new(settings, kaas::clock::SystemClock::shared());
    // Each waits for the other one's file: only two that run at once come to an end.
    let meet = |own: &str, other: &str| {
        let dir = house.root().display();
        let wait = format!(
            "touch {dir}/{own}.up; for i in $(seq 500); do [ -e {dir}/{other}.up ] && exit 0; sleep 0.02; done; exit 9"
        );
        let mut job = house.job(own, "small");
        let text = job.files[0].content.take().unwrap();
        let more = format!(
            "resource \"terraform_data\" \"meet\" {{\n provisioner \"local-exec\" {{ command = {wait:?} }}\n}}\n"
        );
        job.files[0].content = Some(text + &more.replace("$(", "$$("));
        job.files[0].content = job.files[0].content.take().map(|text| text.replace("$$(", "$("));
        job
    };
    let (one, two) = (meet("one-a", "two-b"), meet("two-b", "one-a"));
    let (call_one, call_two) = (call("one-a", 1), call("two-b", 1));
    let plans = tokio::join!(runner.plan(&call_one, &one, quiet()), runner.plan(&call_two, &two, quiet()));
    let (one_digest, two_digest) = (plans.0.unwrap().plan.digest, plans.1.unwrap().plan.digest);
    let applied = tokio::join!(
        runner.apply(&call_one, &one, &one_digest, quiet()),
        runner.apply(&call_two, &two, &two_digest, quiet())
    );
    assert!(matches!((applied.0.unwrap(), applied.1.unwrap()), (Applied::Yes { .. }, Applied::Yes { .. })));
}

#[tokio::test]
async fn an_apply_that_failed_half_way_goes_on_with_the_rest() {
    if !has_terraform() {
        return;
    }
    let house = House::new();
    let runner = house.runner();
    // Fails as long as a file is missing; what it depends on is made before.
    let mut job = house.job("demo", "small");
    let flag = house.root().join("flag");
    let text = job.files[0].content.take().unwrap();
    let more = format!(
        "resource \"terraform_data\" \"late\" {{\n input = module.demo.cluster_id\n}}\ndata \"terraform_remote_state\" \"flag\" {{\n backend = \"local\"\n config = {{ path = \"{}${{substr(terraform_data.late.id, 0, 0)}}\" }}\n}}\nresource \"terraform_data\" \"last\" {{\n input = keys(data.terraform_remote_state.flag.outputs)\n}}\n",
        flag.display()
    );
    job.files[0].content = Some(text + &more);
    let plan = runner.plan(&call("demo", 1), &job, quiet()).await.unwrap().plan;
    let trouble = runner.apply(&call("demo", 1), &job, &plan.digest, quiet()).await.unwrap_err();
    assert!(matches!(trouble, Trouble::Lasting { .. }), "{trouble:?}");
    std::fs::write(
        &flag,
        r#"{"version":4,"terraform_version":"1.5.0","serial":1,"lineage":"x","outputs":{},"resources":[]}"#,
    )
    .unwrap();
    // A person said `retry`: a new effect, so its first attempt; the marker knows that an apply began.
    let applied = runner.apply(&call("demo", 1), &job, &plan.digest, quiet()).await.unwrap();
    assert!(matches!(applied, Applied::Yes { .. }), "{applied:?}");
}

#[tokio::test]
async fn a_failed_create_leaves_a_taint_that_can_be_taken_away() {
    if !has_terraform() {
        return;
    }
    let house = House::new();
    let runner = house.runner();
    let job = house.job_with("demo", "size = \"small\"\n  fail = true");
    assert_eq!(runner.tainted(&call("demo", 1), &job).await.unwrap(), Vec::<String>::new(), "there is no state yet");
    let plan = runner.plan(&call("demo", 1), &job, quiet()).await.unwrap().plan;
    runner.apply(&call("demo", 1), &job, &plan.digest, quiet()).await.expect_err("its provisioner fails");
    let address = "module.demo.terraform_data.cluster".to_owned();
    assert_eq!(runner.tainted(&call("demo", 1), &job).await.unwrap(), std::slice::from_ref(&address));
    let again = runner.plan(&call("demo", 1), &job, quiet()).await.unwrap().plan;
    assert_eq!((again.add, again.destroy), (1, 1), "it would be destroyed and made anew");

    // What is not tainted, or is none, is left alone.
    let others = ["module.demo.terraform_data.machine".to_owned(), "-help".to_owned()];
    runner.untaint(&call("demo", 1), &job, &others).await.unwrap();
    assert_eq!(runner.tainted(&call("demo", 1), &job).await.unwrap(), std::slice::from_ref(&address));
    for attempt in [1, 2] {
        runner.untaint(&call("demo", attempt), &job, &[others[0].clone(), address.clone()]).await.unwrap();
    }
    assert_eq!(runner.tainted(&call("demo", 1), &job).await.unwrap(), Vec::<String>::new());
    let well = runner.plan(&call("demo", 1), &job, quiet()).await.unwrap().plan;
    assert_eq!((well.add, well.change, well.destroy), (0, 0, 0));
    for (path, text) in house.kept() {
        assert!(!text.contains("module-pass-word"), "{}", path.display());
    }
}
