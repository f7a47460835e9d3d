//! What the configurations do not take, and what they say.

use std::collections::BTreeSet;

use serde_json::{Value, json};

use super::bench::Bench;
use super::{ROOTS, files};

/// An input, a value that is refused, and a piece of the sentence.
type Refusal = (&'static str, Value, &'static str);

#[test]
fn the_foundation_refuses_bad_inputs_in_its_own_words() {
    let refusals = vec![
        ("name", json!("Kaas"), "name takes 2 to 32 lower-case letters"),
        ("name", json!("kaas-"), "does not end with a hyphen"),
        ("tags", json!({ "Name": "x" }), "tags must not set Name"),
        ("tags", json!({ "kubernetes.io/role/elb": "0" }), "nor begin with aws: or kubernetes.io/"),
        ("region", json!("Ireland"), "region takes the name of an AWS region"),
        ("zones", json!([]), "zones takes one to three zones"),
        ("zones", json!(["a", "b", "c", "d"]), "zones takes one to three zones"),
        ("zones", json!(["a", "a"]), "from a to f, each once"),
        ("zones", json!(["eu-west-1a"]), "zones takes the letters of availability zones"),
        ("cidr", json!("10.64.0.0/24"), "cidr takes a block of IPv4 addresses from /16 to /20"),
        ("cidr", json!("10.64.0.300/16"), "cidr takes a block of IPv4 addresses"),
        ("cidr", json!("52.0.0.0/16"), "cidr takes private addresses"),
        ("cidr", json!("172.32.0.0/16"), "cidr takes private addresses"),
        ("cidr", json!("10.64.1.0/16"), "cidr takes the first address of its block"),
        ("cidr", json!("10.42.0.0/16"), "clusters use them for pods and services"),
        ("cidr", json!("10.43.16.0/20"), "clusters use them for pods and services"),
        ("nat_gateways", json!("two"), "nat_gateways takes one or per-zone"),
        ("node_egress_cidrs", json!([]), "a node that reaches no Rancher never joins"),
        ("node_egress_cidrs", json!(["::/0"]), "node_egress_cidrs takes at least one block"),
        ("node_egress_ports", json!([80]), "443 has to be one of them"),
        ("node_egress_ports", json!([443, 70000]), "takes ports from 1 to 65535"),
        ("node_security_group_name", json!("naïve"), "node_security_group_name takes 1 to 255 letters"),
        ("node_security_group_name", json!("sg-0123"), "must not begin with sg-"),
        ("node_security_group_name", json!("rancher-nodes"), "Rancher opens that group to the world"),
        ("rancher_cidrs", json!([]), "without it no node is ever set up"),
        ("rancher_cidrs", json!(["rancher.example.com"]), "rancher_cidrs takes at least one block"),
        ("rancher_cidrs", json!(["10.20.0.0/24", "0.0.0.0/0"]), "rancher_cidrs must not be wider than /16"),
        ("cnis", json!([]), "cnis takes one or more of"),
        ("cnis", json!(["weave"]), "cnis takes one or more of cilium, calico, canal and flannel"),
        ("more_node_ports", json!({ "x": 0 }), "more_node_ports takes ports from 1 to 65535"),
        ("flow_log_bucket_arn", json!("acme-flow-logs"), "flow_log_bucket_arn takes the ARN of an S3 bucket"),
    ];
    refuses(ROOTS[0], &json!({ "region": "eu-west-1", "rancher_cidrs": ["10.20.0.0/24"] }), refusals);
}

#[test]
fn the_state_bucket_refuses_bad_inputs_in_its_own_words() {
    let refusals = vec![
        ("bucket", json!("Acme_State"), "bucket takes 3 to 63 lower-case letters"),
        ("bucket", json!("acme.state"), "bucket takes 3 to 63 lower-case letters"),
        ("region", json!("Ireland"), "region takes the name of an AWS region"),
        ("tags", json!({ "aws:x": "y" }), "tags must not begin with aws:"),
        ("clusters_prefix", json!(""), "clusters_prefix takes a path"),
        ("clusters_prefix", json!("clusters"), "that ends with a slash"),
        ("clusters_prefix", json!("*/"), "clusters_prefix takes a path"),
        ("clusters_prefix", json!("env:/"), "clusters_prefix takes a path"),
        ("foundation_key", json!("main"), "foundation_key takes the key of a state"),
        ("foundation_key", json!("*.tfstate"), "foundation_key takes the key of a state"),
        ("kms_key_arn", json!("alias/kaas"), "kms_key_arn takes the ARN of a KMS key, not of an alias"),
        ("keep_versions_days", json!(1), "a whole number of days from 7 to 3650"),
        ("keep_versions_days", json!(7.5), "a whole number of days from 7 to 3650"),
        ("access_log_bucket", json!("arn:aws:s3:::x"), "access_log_bucket takes the name of an S3 bucket"),
    ];
    refuses(ROOTS[1], &json!({ "bucket": "acme-kaas-state", "region": "eu-west-1" }), refusals);
}

/// Each refusal is told in its words, and each rule of the configuration refuses something here.
fn refuses(root: &str, good: &Value, refusals: Vec<Refusal>) {
    let bench = Bench::of(root);
    // One plan tells about all inputs at once, so the refusals of one input take turns: a file, and in it a run, each.
    let mut turns: Vec<Vec<Refusal>> = Vec::new();
    for refusal in refusals {
        match turns.iter_mut().find(|turn| turn.iter().all(|(input, ..)| *input != refusal.0)) {
            Some(turn) => turn.push(refusal),
            None => turns.push(vec![refusal]),
        }
    }
    let file = |turn: usize| format!("tests/refused-{turn}.tftest.hcl");
    let mut arguments = Vec::new();
    for (turn, refusals) in turns.iter().enumerate() {
        let mut inputs = good.clone();
        for (input, value, _) in refusals {
            inputs[*input] = value.clone();
        }
        let inputs: String = inputs.as_object().unwrap().iter().map(|(k, v)| format!("  {k} = {v}\n")).collect();
        let run = "run \"refused\" {\n  command = plan\n}\n";
        bench.write(&file(turn), &format!("mock_provider \"aws\" {{}}\n\nvariables {{\n{inputs}}}\n\n{run}"));
        arguments.push(format!("-filter={}", file(turn)));
    }
    bench.init();
    let (passed, messages) = bench.test(&arguments.iter().map(String::as_str).collect::<Vec<_>>());
    assert!(!passed, "{root} takes everything");
    let mut heard = BTreeSet::new();
    for (turn, refusals) in turns.iter().enumerate() {
        let said: Vec<&str> = messages
            .iter()
            .filter(|message| message["@testfile"] == file(turn).as_str())
            .filter_map(|message| message["diagnostic"]["detail"].as_str())
            .collect();
        for (input, value, sentence) in refusals {
            let told = said.iter().any(|detail| detail.contains(sentence));
            assert!(told, "{root}: {input} = {value} was not refused with {sentence:?}, but {said:#?}");
        }
        heard.extend(said.iter().map(|detail| detail.split("\n\nThis was checked").next().unwrap().to_owned()));
    }
    for variable in files::blocks(root, "variables.tf", "variable") {
        for rule in variable.body.get_blocks("validation") {
            let sentence = files::text(rule, "error_message").expect("a rule has its sentence");
            assert!(heard.contains(&sentence), "{root}: nothing here is refused with {sentence:?}");
        }
    }
}
