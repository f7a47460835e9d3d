//! When Rancher or the person gets in the way.

use std::sync::Arc;
use std::time::Duration;

use kaas::clock::{Clock, SystemClock, Timestamp};
use kaas::sim::rancher::{Fault, Options};
use nix::sys::signal::{Signal, kill};
use nix::unistd::Pid;
use serde_json::json;

use super::bench::{Bench, text};
use super::changes;

/// A clock that is late, so that what just happened seems to stand for a while.
struct Late(SystemClock);

impl Clock for Late {
    fn now(&self) -> Timestamp {
        self.0.now() - Duration::from_secs(600)
    }

    fn id(&self) -> String {
        self.0.id()
    }
}

fn ready(bench: &Bench) {
    bench.write_root("crucial-sandbox", json!({ "worker_num": 1, "private_subnet_ids": ["subnet-1a"] }));
    bench.ok(&["init", "-input=false"]);
}

#[test]
fn a_cluster_that_fails_is_kept_in_the_state_and_can_be_destroyed() {
    let bench = Bench::with(Options { clock: Arc::new(Late(SystemClock::default())), ..Options::default() });
    ready(&bench);
    bench.rancher.switch_on(Fault::CreateFails).unwrap();
    let said = bench.refused(&["apply", "-no-color", "-input=false", "-auto-approve"]);
    assert!(said.contains("Cluster V2 ID fleet-default/crucial-sandbox: "), "{said}");
    // It exists, so terraform would replace it rather than forget it.
    let left = changes(&bench.plan(&[]));
    assert_eq!(
        left,
        [("module.crucial-sandbox.rancher2_cluster_v2.this".to_owned(), vec!["delete".into(), "create".into()])]
    );
    bench.ok(&["apply", "-input=false", "-destroy", "-auto-approve"]);
    assert_eq!(bench.ok(&["state", "list"]).trim(), "");
}

#[test]
fn an_interrupt_ends_the_wait_and_loses_nothing() {
    let bench = Bench::with(Options { provisioning: Duration::from_secs(3600), ..Options::default() });
    ready(&bench);
    let child = bench.start(&["apply", "-no-color", "-input=false", "-auto-approve"]);
    bench.until_asked(|seen| seen.method == "POST" && seen.path.ends_with("provisioning.cattle.io.clusters"));
    bench.until_asked(|seen| seen.path.ends_with("provisioning.cattle.io.clusters/fleet-default/crucial-sandbox"));
    kill(Pid::from_raw(i32::try_from(child.id()).unwrap()), Signal::SIGINT).unwrap();
    let output = bench.finish(child);
    assert!(!output.status.success());
    assert!(text(&output).contains("interrupted"), "{}", text(&output));
    assert!(bench.ok(&["state", "list"]).contains("rancher2_cluster_v2.this"));
}

#[test]
fn a_dead_token_is_told_without_being_told() {
    let bench = Bench::new();
    ready(&bench);
    bench.use_token("token-abcde:averysecretsecret");
    let said = bench.refused(&["plan", "-no-color", "-input=false"]);
    assert!(said.contains("401") && said.contains("must authenticate"), "{said}");
}

#[test]
fn a_forbidden_cluster_counts_as_gone_as_it_does_for_the_real_provider() {
    let bench = Bench::new();
    let root = json!({
        "terraform": { "required_providers": { "rancher2": { "source": "rancher/rancher2" } } },
        "resource": { "rancher2_cluster_v2": { "a": { "name": "custom", "kubernetes_version": "v1.33.5+rke2r1" } } },
    });
    std::fs::write(bench.path("clusters/one/main.tf.json"), root.to_string()).unwrap();
    bench.ok(&["init", "-input=false"]);
    bench.ok(&["apply", "-input=false", "-auto-approve"]);
    assert_eq!(changes(&bench.plan(&[])), []);
    bench.rancher.switch_on(Fault::LostRights).unwrap();
    assert_eq!(changes(&bench.plan(&[])), [("rancher2_cluster_v2.a".to_owned(), vec!["create".to_owned()])]);
    bench.rancher.switch_off(Fault::LostRights).unwrap();
    assert_eq!(changes(&bench.plan(&[])), []);
}

#[test]
fn the_module_notices_lost_rights_by_its_credential_and_plans_nothing() {
    let bench = Bench::new();
    ready(&bench);
    bench.ok(&["apply", "-input=false", "-auto-approve"]);
    bench.rancher.switch_on(Fault::LostRights).unwrap();
    let said = bench.refused(&["plan", "-no-color", "-input=false"]);
    assert!(said.contains("with name \"simulated-aws\" not found"), "{said}");
}

#[test]
fn a_person_who_starts_the_stand_in_is_told_what_it_is() {
    let bench = Bench::new();
    let output = bench.kaas(&["sim", "provider"]);
    assert_eq!((output.status.code(), output.stdout.as_slice()), (Some(2), &b""[..]));
    assert!(text(&output).contains("terraform starts it by itself"), "{}", text(&output));
}

#[test]
fn a_terraform_that_wants_tls_is_told_what_to_do() {
    let bench = Bench::new();
    ready(&bench);
    bench.with_tls();
    let said = bench.refused(&["plan", "-no-color", "-input=false"]);
    assert!(said.contains("run terraform with TF_DISABLE_PLUGIN_TLS=1"), "{said}");
}

#[test]
fn no_plugin_outlives_its_terraform() {
    let bench = Bench::with(Options { provisioning: Duration::from_secs(3600), ..Options::default() });
    ready(&bench);
    let mut child = bench.start(&["apply", "-no-color", "-input=false", "-auto-approve"]);
    bench.until_asked(|seen| seen.path.ends_with("provisioning.cattle.io.clusters/fleet-default/crucial-sandbox"));
    assert_eq!(bench.plugins(), 1);
    child.kill().unwrap();
    bench.finish(child);
    for _ in 0..200 {
        if bench.plugins() == 0 {
            return;
        }
        std::thread::sleep(Duration::from_millis(100));
    }
    panic!("a plugin still runs 20 s after its terraform was killed");
}
