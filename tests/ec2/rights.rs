//! docs/aws.md gives kaas exactly the rights of the calls that it makes: what the proxy sees is held against the policy that stands there.

use std::collections::BTreeSet;

use kaas::lifecycle::cloud::{Order, PoolOrder};
use kaas::ports::Cloud as _;
use serde_json::{Value, json};

use super::landscape::traces;
use super::proxy::Trouble;
use super::world::{REGION, World};

const DOCUMENT: &str = include_str!("../../docs/aws.md");

/// The policies of the document, in its order.
fn policies() -> Vec<Value> {
    DOCUMENT
        .split("```json\n")
        .skip(1)
        .map(|rest| serde_json::from_str(rest.split("```").next().unwrap()).unwrap())
        .collect()
}

fn actions(policy: &Value) -> BTreeSet<String> {
    let statements = policy["Statement"].as_array().unwrap();
    let actions = statements.iter().flat_map(|statement| statement["Action"].as_array().unwrap());
    actions.map(|action| action.as_str().unwrap().to_owned()).collect()
}

#[tokio::test]
async fn the_policy_is_what_is_called_and_no_more() {
    let world = World::new().await;
    world.living("teal-otter").await;
    world.group("acme-nodez", "Rancher Nodes", &[]).await;
    let none = json!({ "__type": "NoSuchResourceException", "Message": "x" });
    world.proxy.trouble("GetServiceQuota", Trouble::json(400, &none), None);
    let quota = json!({ "Quota": { "Value": 64.0 } });
    world.proxy.trouble("GetAWSDefaultServiceQuota", Trouble::json(200, &quota), None);
    let of = "xmlns=\"http://ec2.amazonaws.com/doc/2016-11-15/\"";
    let body = format!(
        "<GetEbsDefaultKmsKeyIdResponse {of}><kmsKeyId>alias/aws/ebs</kmsKeyId></GetEbsDefaultKmsKeyIdResponse>"
    );
    world.proxy.trouble("GetEbsDefaultKmsKeyId", Trouble::Answer(200, "text/xml", body), None);
    let pool = PoolOrder {
        name: "cp-a".to_owned(),
        count: 1,
        region: Some(REGION.to_owned()),
        zone: Some("a".to_owned()),
        vpc: Some(world.vpc.clone()),
        subnet: Some(world.subnet.clone()),
        image: Some(world.image.clone()),
        instance_type: Some("m6i.large".to_owned()),
        groups: vec!["acme-nodez".to_owned()],
        profile: Some("kaas-nodes".to_owned()),
        encrypted: true,
        ..PoolOrder::default()
    };
    world.proxy.calls();
    let witness = world.witness();
    witness.preflight(&Order { pools: vec![pool] }).await.unwrap();
    witness.sweep(&traces(&world, "teal-otter"), &[]).await.unwrap();
    witness.machines(&traces(&world, "teal-otter")).await.unwrap();
    witness.orphans(&[]).await.unwrap();
    let prefix = |call: String| match call.split_once(':') {
        // The tagging API's actions are called `tag:`.
        Some(("tagging", call)) => format!("tag:{call}"),
        _ => call,
    };
    let called: BTreeSet<String> = world.proxy.calls().into_iter().map(prefix).collect();
    let policies = policies();
    assert_eq!(called, actions(&policies[0]), "the calls (left) are not the rights of docs/aws.md");
    let reads =
        |action: &String| ["Describe", "Get"].iter().any(|verb| action.split(':').nth(1).unwrap().starts_with(verb));
    assert!(called.iter().all(reads), "{called:?}");
}

#[test]
fn rancher_s_credential_is_denied_to_make_groups() {
    let denied = &policies()[1]["Statement"][0];
    assert_eq!((&denied["Effect"], &denied["Action"]), (&json!("Deny"), &json!(["ec2:CreateSecurityGroup"])));
}
