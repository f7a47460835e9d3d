//! The machines of plans that the module does not write: other names, missing names, pools without a configuration.

use serde_json::{Value, json};

use super::super::{AllowList, Eyes, read};
use crate::lifecycle::cloud::{Order, PoolOrder};
use crate::render::redact::Redactor;

fn order(resources: &[Value]) -> Order {
    let plan = json!({ "format_version": "1.2", "resource_changes": resources, "complete": true });
    let eyes = Eyes { allow: AllowList::default(), redactor: Redactor::new(["nothing"]) };
    read(plan.to_string().as_bytes(), &eyes).unwrap().order
}

fn change(kind: &str, address: &str, action: &str, before: Value, after: Value) -> Value {
    json!({ "address": format!("module.x.{address}"), "mode": "managed", "type": kind,
            "name": address.split(['.', '[']).nth(1).unwrap(),
            "change": { "actions": [action], "before": before, "after": after, "after_unknown": {} } })
}

/// A machine configuration: its address, what its name begins with, its name.
fn config(address: &str, prefix: Option<&str>, name: Option<&str>, ami: &str) -> Value {
    json!({ "address": address, "config": { "generate_name": prefix, "name": name,
            "amazonec2_config": [{ "ami": ami, "region": "eu-west-1", "zone": "a", "secret_key": "hush" }] } })
}

fn made(config: &Value) -> Value {
    let address = format!("rancher2_machine_config_v2.{}", config["address"].as_str().unwrap());
    change("rancher2_machine_config_v2", &address, "create", Value::Null, config["config"].clone())
}

fn cluster(action: &str, before: &[Value], after: &[Value]) -> Value {
    let of = |pools: &[Value]| match pools {
        [] => Value::Null,
        pools => json!({ "name": "teal", "rke_config": [{ "machine_pools": pools }] }),
    };
    change("rancher2_cluster_v2", "rancher2_cluster_v2.this", action, of(before), of(after))
}

fn pool(name: &str, quantity: u32, config: Option<&str>) -> Value {
    json!({ "name": name, "quantity": quantity, "machine_config": [{ "kind": "Amazonec2Config", "name": config }] })
}

/// Name, count and image of each.
fn shape(order: &Order) -> Vec<(&str, u32, Option<&str>)> {
    order.pools.iter().map(|pool| (pool.name.as_str(), pool.count, pool.image.as_deref())).collect()
}

#[test]
fn a_pool_finds_its_configuration_by_name_prefix_key_or_by_being_the_last() {
    let order = order(&[
        made(&config("any", None, Some("nc-known"), "ami-1")),
        made(&config("other", Some("teal-blue"), None, "ami-2")),
        made(&config("worker[\"c\"]", Some("somehow"), None, "ami-3")),
        made(&config("last", None, None, "ami-4")),
        cluster(
            "create",
            &[],
            &[
                pool("red", 1, Some("nc-known")),
                pool("blue", 2, None),
                pool("worker-c", 3, None),
                pool("green", 4, None),
            ],
        ),
    ]);
    let expected = [
        ("red", 1, Some("ami-1")),
        ("blue", 2, Some("ami-2")),
        ("worker-c", 3, Some("ami-3")),
        ("green", 4, Some("ami-4")),
    ];
    assert_eq!(shape(&order), expected);
    assert!(!serde_json::to_string(&order).unwrap().contains("hush"));
}

#[test]
fn what_cannot_be_told_stands_by_itself() {
    let two = [made(&config("one", Some("teal-x"), None, "ami-1")), made(&config("two", None, None, "ami-2"))];
    let order = order(&[&two[..], &[cluster("create", &[], &[pool("red", 3, None), pool("blue", 2, None)])]].concat());
    assert_eq!(
        shape(&order),
        [("red", 3, None), ("blue", 2, None), ("x", 0, Some("ami-1")), ("two", 0, Some("ami-2"))]
    );
    // A name that is known, and of nothing in this plan, is no reason to take what is left.
    let order = self::order(&[two[0].clone(), cluster("create", &[], &[pool("red", 3, Some("nc-elsewhere"))])]);
    assert_eq!(shape(&order), [("red", 3, None), ("x", 0, Some("ami-1"))]);
}

#[test]
fn what_is_there_stays_or_is_replaced() {
    let kept = |action: &str, before: &str, after: &str| {
        let (before, after) = (config("w", None, Some("nc-w"), before), config("w", None, Some("nc-w"), after));
        let address = "rancher2_machine_config_v2.w";
        change("rancher2_machine_config_v2", address, action, before["config"].clone(), after["config"].clone())
    };
    let grown = cluster("update", &[pool("w", 3, Some("nc-w"))], &[pool("w", 5, Some("nc-w"))]);
    let of = |order: Order| {
        let PoolOrder { count, stays, replaced, .. } = order.pools[0];
        (count, stays, replaced, order.pools[0].added())
    };
    assert_eq!(of(order(&[kept("no-op", "ami-1", "ami-1"), grown.clone()])), (5, 3, 0, 2));
    assert_eq!(of(order(&[kept("update", "ami-1", "ami-2"), grown])), (5, 0, 3, 2));
    let fewer = cluster("update", &[pool("w", 3, Some("nc-w"))], &[pool("w", 1, Some("nc-w"))]);
    assert_eq!(of(order(&[kept("no-op", "ami-1", "ami-1"), fewer])), (1, 1, 0, 0));
}

#[test]
fn of_a_destroy_it_is_what_there_is_and_of_a_change_what_goes_is_no_part() {
    let gone = |address: &str, name: &str, ami: &str| {
        let config = config(address, None, Some(name), ami);
        let address = format!("rancher2_machine_config_v2.{address}");
        change("rancher2_machine_config_v2", &address, "delete", config["config"].clone(), Value::Null)
    };
    let pools = [pool("w", 3, Some("nc-w")), pool("v", 1, Some("nc-v"))];
    let destroyed = order(&[gone("w", "nc-w", "ami-1"), gone("v", "nc-v", "ami-2"), cluster("delete", &pools, &[])]);
    assert_eq!(shape(&destroyed), [("w", 3, Some("ami-1")), ("v", 1, Some("ami-2"))]);
    assert!(destroyed.pools.iter().all(|pool| pool.stays == pool.count && pool.added() == 0));
    let shrunk = order(&[gone("v", "nc-v", "ami-2"), cluster("update", &pools, &pools[..1])]);
    assert_eq!(shape(&shrunk), [("w", 3, None)]);
    // The rest of a destroy that was cut off: the cluster is gone already.
    assert_eq!(shape(&order(&[gone("v", "nc-v", "ami-2")])), [("nc-v", 0, Some("ami-2"))]);
    assert_eq!(order(&[]), Order::default());
}
