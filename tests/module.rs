//! modules/aws-rancher-cluster, unchanged, under the real terraform: with the stand-in for its provider and a simulated
//! Rancher behind it.
//!
//! `module/bench.rs` is the table it all stands on; `asked` is what Rancher is
//! asked and in which order, `refused` what the module does not take, `trouble` what happens when
//! Rancher or the person gets in the way.
#![cfg(feature = "sim")]

#[path = "module/asked.rs"]
mod asked;
#[path = "module/bench.rs"]
mod bench;
mod finish;
#[path = "module/order.rs"]
mod order;
#[path = "module/refused.rs"]
mod refused;
#[path = "module/trouble.rs"]
mod trouble;

use bench::{Bench, MODULE};
use serde_json::{Value, json};

/// The changes of a plan that are no reads and do something: address to actions.
fn changes(plan: &Value) -> Vec<(String, Vec<String>)> {
    let resources = plan["resource_changes"].as_array().expect("a plan has resource changes");
    let actions = |change: &Value| serde_json::from_value::<Vec<String>>(change["change"]["actions"].clone()).unwrap();
    resources
        .iter()
        .map(|change| (change["address"].as_str().unwrap().to_owned(), actions(change)))
        .filter(|(_, actions)| !["no-op", "read"].contains(&actions[0].as_str()))
        .collect()
}

/// The planned cluster.
fn cluster(plan: &Value) -> &Value {
    let resources = plan["resource_changes"].as_array().expect("a plan has resource changes");
    resources.iter().find(|change| change["type"] == "rancher2_cluster_v2").expect("the plan has the cluster")
}

/// Name, quantity and roles of the pools.
fn pools(cluster: &Value) -> Vec<(String, u64, &'static str)> {
    let pools = cluster["change"]["after"]["rke_config"][0]["machine_pools"].as_array().expect("there are pools");
    pools
        .iter()
        .map(|pool| {
            let role = match (&pool["control_plane_role"], &pool["etcd_role"], &pool["worker_role"]) {
                (Value::Bool(true), Value::Bool(true), Value::Null) => "control plane",
                (Value::Null, Value::Null, Value::Bool(true)) => "worker",
                other => panic!("odd roles: {other:?}"),
            };
            (pool["name"].as_str().unwrap().to_owned(), pool["quantity"].as_u64().unwrap(), role)
        })
        .collect()
}

#[test]
fn a_cluster_lives_from_plan_to_destroy() {
    let bench = Bench::new();
    bench.write_root("crucial-sandbox", json!({ "worker_num": 3 }));
    bench.ok(&["init", "-input=false"]);
    bench.ok(&["validate"]);

    // Plan: one control plane node in the first zone, one worker in each, nothing asked but what reading needs.
    let plan = bench.plan(&[]);
    let created = changes(&plan);
    assert_eq!(created.len(), 5, "{created:?}");
    assert!(created.iter().all(|(_, actions)| actions == &["create"]), "{created:?}");
    let planned = cluster(&plan);
    let expected =
        [("cp-a", 1, "control plane"), ("worker-a", 1, "worker"), ("worker-b", 1, "worker"), ("worker-c", 1, "worker")];
    assert_eq!(pools(planned), expected.map(|(name, nodes, role)| (name.to_owned(), nodes, role)));
    for hidden in ["kube_config", "cluster_registration_token"] {
        assert_eq!(planned["change"]["after_unknown"][hidden], true, "{hidden}");
        assert_eq!(planned["change"]["after_sensitive"][hidden], true, "{hidden}");
    }
    assert!(bench.rancher.requests().iter().all(|seen| seen.method == "GET"));

    // Apply, in the order of the real provider: machine configs, then the cluster, and nothing else is written.
    bench.ok(&["apply", "-input=false", "plan.bin"]);
    let written: Vec<String> =
        bench.rancher.requests().iter().filter(|s| s.method == "POST").map(|s| s.path.clone()).collect();
    let configs = "/v1/rke-machine-config.cattle.io.amazonec2configs";
    let count = written.iter().filter(|path| *path == configs).count();
    assert_eq!((count, &written[4]), (4, &"/v1/provisioning.cattle.io.clusters".to_owned()), "{written:?}");
    assert!(written[5].ends_with("?action=generateKubeconfig") && written.len() == 6, "{written:?}");
    let outputs: Value = serde_json::from_str(&bench.ok(&["output", "-json"])).unwrap();
    let id = outputs["cluster_id"]["value"].as_str().unwrap().to_owned();
    assert!(id.starts_with("c-m-") && id.len() == 12, "{id}");
    assert_eq!(outputs["cluster_name"]["value"], "crucial-sandbox");

    // Nothing drifts: not now, not on the next look, and no kubeconfig is made again.
    for _ in 0..2 {
        assert_eq!(changes(&bench.plan(&[])), []);
    }
    let made = bench.rancher.requests().iter().filter(|seen| seen.path.contains("generateKubeconfig")).count();
    assert_eq!(made, 1);

    // One worker more: the pool of the first zone grows, no machine config changes.
    bench.write_root("crucial-sandbox", json!({ "worker_num": 4 }));
    let plan = bench.plan(&[]);
    let address = "module.crucial-sandbox.rancher2_cluster_v2.this";
    assert_eq!(changes(&plan), [(address.to_owned(), vec!["update".to_owned()])]);
    assert_eq!(pools(cluster(&plan))[1], ("worker-a".to_owned(), 2, "worker"));
    bench.ok(&["apply", "-input=false", "plan.bin"]);
    assert_eq!(changes(&bench.plan(&[])), []);

    // Destroy, and Rancher knows it no more.
    let plan = bench.plan(&["-destroy"]);
    assert_eq!(changes(&plan).len(), 5);
    bench.ok(&["apply", "-input=false", "plan.bin"]);
    let last: Vec<_> = bench.rancher.requests().into_iter().filter(|seen| seen.path.ends_with(&id)).collect();
    assert_eq!(last.last().map(|seen| seen.status), Some(404));
    assert_eq!(bench.ok(&["state", "list"]).trim(), "");
    assert_eq!(bench.plugins(), 0, "a plugin outlived its terraform");
}

#[test]
fn k3s_with_three_control_plane_nodes_over_two_zones() {
    let bench = Bench::new();
    bench.write_root(
        "grey-heron",
        json!({
            "kubernetes_version": "v1.33.5+k3s1", "control_plane_num": 3, "worker_num": 1,
            "private_subnet_ids": ["subnet-1a", "subnet-1b"], "zones": ["b", "c"],
            "control_plane_instance_type": "m6i.xlarge", "tags": { "cost-centre": "4711" },
            "etcd_s3_bucket": "acme-etcd", "etcd_s3_credential_name": "simulated-aws",
            "machine_global_config": { "write-kubeconfig-mode": "0600" },
        }),
    );
    bench.ok(&["init", "-input=false"]);
    let plan = bench.plan(&[]);
    let planned = cluster(&plan);
    let expected = [("cp-b", 2, "control plane"), ("cp-c", 1, "control plane"), ("worker-b", 1, "worker")];
    assert_eq!(pools(planned), expected.map(|(name, nodes, role)| (name.to_owned(), nodes, role)));
    let rke = &planned["change"]["after"]["rke_config"][0];
    assert_eq!(rke["machine_global_config"], "\"disable\":\n- \"traefik\"\n\"write-kubeconfig-mode\": \"0600\"\n");
    let s3 = &rke["etcd"][0]["s3_config"][0];
    assert_eq!((&s3["endpoint"], &s3["folder"]), (&json!("s3.eu-west-1.amazonaws.com"), &json!("grey-heron")));
    assert_eq!(s3["cloud_credential_name"], bench.rancher.credential.as_str());

    let resources = plan["resource_changes"].as_array().unwrap();
    let at = |address: &str| {
        let found = resources.iter().find(|change| change["address"].as_str().unwrap().ends_with(address));
        &found.unwrap_or_else(|| panic!("no {address}"))["change"]["after"]["amazonec2_config"][0]
    };
    let (control, worker) = (at("control_plane[\"c\"]"), at("worker[\"b\"]"));
    assert_eq!((&control["subnet_id"], &control["zone"]), (&json!("subnet-1b"), &json!("c")));
    assert_eq!((&control["instance_type"], &worker["instance_type"]), (&json!("m6i.xlarge"), &json!("m6i.large")));
    for machine in [control, worker] {
        let tags = "cost-centre,4711,kaas:cluster,grey-heron,kaas:owner,alice,kaas:request-id,42";
        for (name, value) in [
            ("tags", json!(tags)),
            ("http_tokens", json!("required")),
            ("http_protocol_ipv6", json!("disabled")),
            ("private_address_only", json!(true)),
            ("use_private_address", json!(true)),
            ("security_group_readonly", json!(true)),
            ("encrypt_ebs_volume", json!(true)),
            ("volume_type", json!("gp3")),
            ("access_key", Value::Null),
        ] {
            assert_eq!(machine[name], value, "{name}");
        }
    }

    bench.ok(&["apply", "-input=false", "plan.bin"]);
    assert_eq!(changes(&bench.plan(&[])), []);
    // A new version is a change in place; a new name is another cluster.
    bench.write_root(
        "grey-heron",
        json!({ "kubernetes_version": "v1.34.1+k3s1", "control_plane_num": 3, "worker_num": 1 }),
    );
    let after = changes(&bench.plan(&[]));
    assert!(
        after.contains(&("module.grey-heron.rancher2_cluster_v2.this".to_owned(), vec!["update".to_owned()])),
        "{after:?}"
    );
}

#[test]
fn what_exists_can_be_imported() {
    let bench = Bench::new();
    let inputs = json!({ "worker_num": 1, "private_subnet_ids": ["subnet-1a"], "owner": "Jürgen Müller" });
    bench.write_root("teal-otter", inputs);
    bench.ok(&["init", "-input=false"]);
    bench.ok(&["apply", "-input=false", "-auto-approve"]);
    let address = "module.teal-otter.rancher2_cluster_v2.this";
    bench.ok(&["state", "rm", address]);
    bench.ok(&["import", "-input=false", address, "fleet-default/teal-otter"]);
    let left = changes(&bench.plan(&[]));
    assert!(left.iter().all(|(_, actions)| actions == &["update"]), "{left:?}");
    bench.ok(&["apply", "-input=false", "plan.bin"]);
    assert_eq!(changes(&bench.plan(&[])), []);
}

#[test]
fn terraform_sees_the_schema_that_check_schema_accepts() {
    let bench = Bench::new();
    bench.write_root("crucial-sandbox", json!({ "worker_num": 1 }));
    bench.ok(&["init", "-input=false"]);
    let file = bench.path("schema.json");
    std::fs::write(&file, bench.ok(&["providers", "schema", "-json"])).unwrap();
    let file = file.to_str().unwrap();
    let checked = bench.kaas(&["sim", "check-schema", file]);
    assert_eq!(checked.status.code(), Some(0), "{}", bench::text(&checked));

    let wrong = std::fs::read_to_string(file).unwrap().replacen("\"sensitive\":true", "\"sensitive\":false", 1);
    std::fs::write(file, wrong).unwrap();
    let checked = bench.kaas(&["sim", "check-schema", file]);
    assert_eq!(checked.status.code(), Some(1), "{}", bench::text(&checked));
    assert!(bench::text(&checked).contains("sensitive is true here and false there"), "{}", bench::text(&checked));

    std::fs::write(file, "{}").unwrap();
    let checked = bench.kaas(&["sim", "check-schema", file]);
    assert_eq!(checked.status.code(), Some(2), "{}", bench::text(&checked));
}

#[test]
fn the_module_is_formatted_and_its_readme_is_complete() {
    let bench = Bench::new();
    let formatted = bench.terraform(&["fmt", "-check", "-recursive", "-diff", MODULE]);
    assert!(formatted.status.success(), "{}", bench::text(&formatted));

    let read = |name: &str| std::fs::read_to_string(format!("{MODULE}/{name}")).unwrap();
    let readme = read("README.md");
    let mut named = 0;
    for (file, keyword) in [("variables.tf", "variable"), ("outputs.tf", "output")] {
        for line in read(file).lines() {
            if let Some(rest) = line.strip_prefix(&format!("{keyword} \"")) {
                let name = rest.split('"').next().unwrap();
                assert!(readme.contains(&format!("| `{name}` |")), "README.md has no row for {keyword} {name}");
                named += 1;
            }
        }
    }
    let rows = readme.lines().filter(|line| line.starts_with("| `")).count();
    assert_eq!(rows, named, "README.md has rows for what does not exist");
}
