//! What the module does not take, and what it says.

use serde_json::{Value, json};

use super::bench::Bench;

/// Each input with a value that is refused and a piece of the module's sentence.
fn refusals() -> Vec<(&'static str, Value, &'static str)> {
    vec![
        ("name", json!("Crucial"), "name takes 2 to 42 lower-case letters"),
        ("name", json!("x".repeat(43)), "name takes 2 to 42 lower-case letters"),
        ("name", json!("a\nb"), "name takes 2 to 42 lower-case letters"),
        ("name", json!("c-abcde"), "name must not be one of Rancher's own"),
        ("kubernetes_version", json!("1.33"), "kubernetes_version takes a full version with its suffix"),
        ("machine_global_config", json!("cni: x"), "machine_global_config takes a map"),
        ("cni", json!("weave"), "cni takes cilium, calico, canal or none"),
        ("request_id", json!("a,b"), "request_id takes up to 63 letters"),
        ("owner", json!("alice,bob"), "no comma: Rancher joins all tags with commas"),
        ("tags", json!({ "team": "a,b" }), "tags must not hold a comma"),
        ("tags", json!({ "a,b": "team" }), "tags must not hold a comma"),
        ("tags", json!({ "kaas:owner": "mallory" }), "tags must not set Name nor begin with aws:"),
        ("tags", json!({ "team": "a\tb\u{7}" }), "tags take letters, digits, spaces"),
        ("region", json!("Ireland"), "region takes the name of an AWS region"),
        ("vpc_id", json!("main"), "vpc_id takes the id of a VPC"),
        ("private_subnet_ids", json!([]), "private_subnet_ids takes at least one id"),
        ("private_subnet_ids", json!(["subnet-1a", "subnet-1a"]), "must not name a subnet twice"),
        ("public_subnet_ids", json!(["here"]), "public_subnet_ids takes ids of subnets"),
        ("zones", json!(["a", "a", "b"]), "zones takes the letters of availability zones"),
        ("node_security_group_name", json!("sg-0123"), "takes the name of a security group, not its id"),
        ("node_security_group_name", json!("rancher-nodes"), "Rancher opens that group to the world"),
        ("cloud_credential_name", json!(""), "cloud_credential_name takes the name"),
        ("instance_type", json!("large"), "instance_type takes an EC2 instance type"),
        ("worker_num", json!(0), "worker_num takes a whole number from 1 to 200"),
        ("worker_num", json!(1.5), "worker_num takes a whole number from 1 to 200"),
        ("control_plane_num", json!(2), "control_plane_num takes 1 or 3"),
        ("control_plane_instance_type", json!("x"), "control_plane_instance_type takes an EC2 instance type"),
        ("ami", json!("ubuntu"), "ami takes the id of an image"),
        ("ssh_user", json!("Root!"), "ssh_user takes the name of a Linux user"),
        ("root_size", json!(8), "root_size takes a whole number of GiB"),
        ("control_plane_root_size", json!(8), "control_plane_root_size takes a whole number of GiB"),
        ("kms_key", json!("alias/x"), "kms_key takes the ARN of a KMS key"),
        ("instance_profile", json!("arn:aws:iam::1:instance-profile/x"), "instance_profile takes the name"),
        ("control_plane_instance_profile", json!("a b"), "control_plane_instance_profile takes the name"),
        ("etcd_snapshot_cron", json!("hourly"), "etcd_snapshot_cron takes five fields of cron"),
        ("etcd_snapshot_retention", json!(0), "etcd_snapshot_retention takes a whole number from 1"),
        ("etcd_s3_bucket", json!("No_Bucket"), "etcd_s3_bucket takes the name of an S3 bucket"),
    ]
}

#[test]
fn bad_inputs_get_the_modules_sentence() {
    let bench = Bench::new();
    bench.write_root("crucial-sandbox", json!({ "worker_num": 1 }));
    bench.ok(&["init", "-input=false"]);
    let mut left = refusals();
    // One run tells about all inputs at once, so the refusals of one input take turns.
    while !left.is_empty() {
        let mut inputs = json!({ "worker_num": 1 });
        let mut expected = Vec::new();
        left.retain(|(input, value, sentence)| {
            let mine = expected.iter().any(|(taken, _)| taken == input);
            if !mine {
                inputs[*input] = value.clone();
                expected.push((*input, *sentence));
            }
            mine
        });
        bench.write_root("crucial-sandbox", inputs);
        let said = bench.refused(&["validate", "-no-color"]);
        for (input, sentence) in expected {
            assert!(said.contains(sentence), "{input}: {sentence:?} is not in\n{said}");
        }
    }
    assert!(bench.rancher.requests().is_empty(), "a bad input reached Rancher");
}

#[test]
fn subnets_that_do_not_fit_are_refused_before_anything_is_made() {
    let bench = Bench::new();
    for (inputs, sentence) in [
        (json!({ "worker_num": 1, "zones": ["a"] }), "There are 3 private_subnet_ids and only 1 zones"),
        (json!({ "worker_num": 1, "public_subnet_ids": ["subnet-1b"] }), "nodes go into private ones only"),
        (json!({ "worker_num": 1, "cloud_credential_name": "nobody" }), "with name \"nobody\" not found"),
    ] {
        bench.write_root("crucial-sandbox", inputs);
        bench.ok(&["init", "-input=false"]);
        let said = bench.refused(&["plan", "-no-color", "-input=false"]);
        assert!(said.contains(sentence), "{sentence:?} is not in\n{said}");
    }
    assert!(bench.rancher.requests().iter().all(|seen| seen.method == "GET"));
}

#[test]
fn the_stand_in_refuses_what_the_real_provider_refuses() {
    let bench = Bench::new();
    let root = |body: Value| {
        let root = json!({
            "terraform": { "required_providers": { "rancher2": { "source": "rancher/rancher2" } } },
            "resource": body,
        });
        std::fs::write(bench.path("clusters/one/main.tf.json"), root.to_string()).unwrap();
    };
    let cluster = |more: Value| {
        let pool = json!({ "name": "a", "quantity": 0, "machine_config": { "kind": "k", "name": "n" } });
        let mut body = json!({ "name": "a", "kubernetes_version": "v1", "rke_config": { "machine_pools": [pool] } });
        body["rke_config"]["machine_global_config"] = more;
        json!({ "rancher2_cluster_v2": { "a": body } })
    };
    root(cluster(json!("- a list")));
    bench.ok(&["init", "-input=false"]);
    let said = bench.refused(&["validate", "-no-color"]);
    for sentence in
        ["quantity of pool \"a\" to be at least (1), got 0", "machine_global_config must be in YAML format and a map"]
    {
        assert!(said.contains(sentence), "{sentence:?} is not in\n{said}");
    }
    root(json!({ "rancher2_machine_config_v2": { "a": { "generate_name": "a", "timeouts": { "create": "soon" } } } }));
    let said = bench.refused(&["validate", "-no-color"]);
    for sentence in ["needs one driver's block", "create = \"soon\" is no duration"] {
        assert!(said.contains(sentence), "{sentence:?} is not in\n{said}");
    }
}
