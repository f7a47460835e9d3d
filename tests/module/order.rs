//! The machines that kaas reads out of real plans of the module: made, grown, replaced, destroyed.

use kaas::lifecycle::cloud::{Order, PoolOrder};
use kaas::render::plan::{AllowList, Eyes, read};
use kaas::render::redact::Redactor;
use serde_json::{Value, json};

use super::bench::Bench;

fn order(plan: &Value) -> Order {
    let eyes = Eyes { allow: AllowList::default(), redactor: Redactor::new(["nothing"]) };
    read(plan.to_string().as_bytes(), &eyes).unwrap().order
}

/// Name, count, what stays and what is replaced, and the subnet of each.
fn shape(order: &Order) -> Vec<(&str, [u32; 3], &str)> {
    let one = |pool: &PoolOrder| [pool.count, pool.stays, pool.replaced];
    order.pools.iter().map(|pool| (pool.name.as_str(), one(pool), pool.subnet.as_deref().unwrap_or("?"))).collect()
}

#[test]
fn the_machines_of_a_plan_are_known_pool_by_pool() {
    let bench = Bench::new();
    let key = "arn:aws:kms:eu-west-1:123456789012:key/0a1b";
    let inputs = |more: Value| {
        let mut all =
            json!({ "control_plane_num": 1, "worker_num": 4, "kms_key": key, "instance_profile": "kaas-nodes" });
        all.as_object_mut().unwrap().extend(more.as_object().unwrap().clone());
        all
    };
    bench.write_root("teal-otter", inputs(json!({})));
    bench.ok(&["init", "-input=false"]);

    // Nothing is made, and no configuration has a name yet.
    let made = order(&bench.plan(&[]));
    let expected = [
        ("cp-a", [1, 0, 0], "subnet-1a"),
        ("worker-a", [2, 0, 0], "subnet-1a"),
        ("worker-b", [1, 0, 0], "subnet-1b"),
        ("worker-c", [1, 0, 0], "subnet-1c"),
    ];
    assert_eq!(shape(&made), expected);
    let worker = PoolOrder {
        name: "worker-b".to_owned(),
        count: 1,
        region: Some("eu-west-1".to_owned()),
        zone: Some("b".to_owned()),
        vpc: Some("vpc-0123456789abcdef0".to_owned()),
        subnet: Some("subnet-1b".to_owned()),
        image: Some("ami-0123456789abcdef0".to_owned()),
        instance_type: Some("m6i.large".to_owned()),
        groups: vec!["kaas-nodes".to_owned()],
        profile: Some("kaas-nodes".to_owned()),
        key: Some(key.to_owned()),
        encrypted: true,
        spot: false,
        tags: Some("kaas:cluster,teal-otter,kaas:owner,alice,kaas:request-id,42".to_owned()),
        ..PoolOrder::default()
    };
    assert_eq!(made.pools[2], worker);
    assert_eq!((&made.pools[0].profile, made.pools[0].added()), (&None, 1));
    bench.ok(&["apply", "-input=false", "plan.bin"]);

    // One more, and another type for all workers.
    bench.write_root("teal-otter", inputs(json!({ "worker_num": 5 })));
    let grown = order(&bench.plan(&[]));
    assert_eq!(shape(&grown)[1..3], [("worker-a", [2, 2, 0], "subnet-1a"), ("worker-b", [2, 1, 0], "subnet-1b")]);
    bench.write_root("teal-otter", inputs(json!({ "ami": "ami-0fedcba9876543210" })));
    let replaced = order(&bench.plan(&[]));
    assert_eq!(shape(&replaced)[1], ("worker-a", [2, 0, 2], "subnet-1a"));
    assert_eq!(replaced.pools[1].image.as_deref(), Some("ami-0fedcba9876543210"));

    // Of a destroy: what there is.
    let destroyed = order(&bench.plan(&["-destroy"]));
    let counts: Vec<_> = destroyed.pools.iter().map(|pool| (pool.name.as_str(), pool.count, pool.added())).collect();
    assert_eq!(counts, [("cp-a", 1, 0), ("worker-a", 2, 0), ("worker-b", 1, 0), ("worker-c", 1, 0)]);
    assert_eq!(destroyed.pools[3].subnet.as_deref(), Some("subnet-1c"));
}
