//! Plans, of terraform itself and made up: what they say, how dangerous they are, and what an approval of them covers.

use super::*;
use proptest::prelude::*;
use serde_json::{Value, json};

fn eyes() -> Eyes {
    Eyes { allow: AllowList::default(), redactor: crate::render::redact::Redactor::new(["MARKED-secret-value"]) }
}

fn plan(resources: Vec<Value>) -> Value {
    json!({ "format_version": "1.2", "terraform_version": "1.11.4", "resource_changes": resources, "errored": false,
            "complete": true, "timestamp": "2026-11-22T10:00:00Z", "prior_state": { "values": {} }, "configuration": {} })
}

fn reading(plan: &Value) -> PlanReading {
    read(plan.to_string().as_bytes(), &eyes()).unwrap()
}

fn change(kind: &str, name: &str, actions: &[&str], before: Value, after: Value, unknown: Value) -> Value {
    json!({
        "address": format!("module.crucial-sandbox.{kind}.{name}"),
        "module_address": "module.crucial-sandbox",
        "mode": "managed", "type": kind, "name": name,
        "provider_name": "registry.terraform.io/rancher/rancher2",
        "change": { "actions": actions, "before": before, "after": after, "after_unknown": unknown,
                    "before_sensitive": sensitive(&before, kind), "after_sensitive": sensitive(&after, kind) },
    })
}

fn sensitive(value: &Value, kind: &str) -> Value {
    match (value, kind) {
        (Value::Null, _) => json!(false),
        (_, risk::CLUSTER) => json!({ "kube_config": true, "cluster_registration_token": true, "rke_config": [{}] }),
        _ => json!({}),
    }
}

fn machine(ami: &str) -> Value {
    json!({ "generate_name": "crucial-sandbox-worker-a", "fleet_namespace": "fleet-default", "id": "fleet-default/nc-x",
            "annotations": { "owner": "MARKED-secret-value" }, "labels": {}, "resource_version": "41",
            "amazonec2_config": [{ "ami": ami, "region": "eu-west-1", "userdata": "#cloud-config MARKED-secret-value",
              "tags": "kaas:owner,alice", "secret_key": "MARKED-secret-value", "zone": "a", "security_group": ["nodes", "extra"] }] })
}

fn pool(name: &str, quantity: u32) -> Value {
    json!({ "name": name, "quantity": quantity, "worker_role": true, "etcd_role": false, "drain_before_delete": true,
            "machine_config": [{ "kind": "Amazonec2Config", "name": "nc-x" }] })
}

fn cluster(version: &str, pools: Value) -> Value {
    json!({ "name": "crucial-sandbox", "id": "fleet-default/crucial-sandbox", "kubernetes_version": version,
            "kube_config": "MARKED-secret-value", "cluster_registration_token": [{ "token": "MARKED-secret-value" }],
            "resource_version": "77", "labels": { "kaas.request-id": "42" }, "cluster_v1_id": "c-m-7k2x9q4d",
            "rke_config": [{ "machine_pools": pools, "machine_global_config": "cni: MARKED-secret-value",
                             "upgrade_strategy": [{ "worker_concurrency": "10%" }] }] })
}

fn create() -> Value {
    let mut new = cluster(
        "v1.33.5+rke2r1",
        json!([{ "name": "worker-a", "quantity": 3, "machine_config": [{ "kind": "Amazonec2Config" }] }]),
    );
    for computed in ["id", "kube_config", "cluster_registration_token", "resource_version", "cluster_v1_id"] {
        new.as_object_mut().unwrap().remove(computed);
    }
    let unknown = json!({ "id": true, "kube_config": true, "cluster_registration_token": true, "cluster_v1_id": true,
        "resource_version": true, "rke_config": [{ "machine_pools": [{ "machine_config": [{ "name": true }] }] }] });
    let mut machines = machine("ami-1");
    machines.as_object_mut().unwrap().remove("id");
    let mut plan = plan(vec![
        change(risk::CLUSTER, "this", &["create"], Value::Null, new, unknown),
        change(risk::MACHINE_CONFIG, "worker", &["create"], Value::Null, machines, json!({ "id": true })),
        json!({ "address": "data.terraform_remote_state.main", "mode": "data", "type": "terraform_remote_state", "name": "main",
                "change": { "actions": ["read"], "before": null, "after": {}, "after_unknown": {} } }),
    ]);
    plan["output_changes"] = json!({
        "cluster_id": { "actions": ["create"], "before": null, "after_unknown": true, "after_sensitive": false, "before_sensitive": false },
        "kube": { "actions": ["create"], "before": null, "after": "MARKED-secret-value", "after_unknown": false },
    });
    plan
}

fn update(before: Value, after: Value) -> Value {
    plan(vec![change(risk::CLUSTER, "this", &["update"], before, after, json!({ "resource_version": true }))])
}

fn summary(reading: &PlanReading) -> String {
    format!("{:?}: {}", reading.risk, reading.highlights.join("; "))
}

#[test]
fn the_text_of_a_create() {
    let reading = reading(&create());
    assert_eq!((reading.add, reading.change, reading.destroy, reading.risk), (2, 0, 0, Risk::Green));
    insta::assert_snapshot!(reading.text);
}

#[test]
fn the_text_of_an_upgrade_with_another_pool() {
    let before = cluster("v1.33.5+rke2r1", json!([pool("worker-a", 3), pool("worker-b", 2)]));
    let mut after = cluster("v1.33.6+rke2r1", json!([pool("worker-a", 5), pool("worker-c", 1)]));
    after["labels"]["${x}\u{1b}[31m@team"] = json!("a\nb");
    after["rke_config"][0]["machine_global_config"] = json!("cni: other");
    insta::assert_snapshot!(reading(&update(before, after)).text);
}

#[test]
fn the_text_of_a_replacement_and_a_destroy() {
    let old = cluster("v1.33.5+rke2r1", json!([pool("worker-a", 3)]));
    let mut long = machine("ami-2");
    long["amazonec2_config"][0]["ami"] =
        json!("token-abcde:0123456789abcdef0123456789 ".to_owned() + &"x".repeat(5000));
    let plan = plan(vec![
        change(risk::CLUSTER, "this", &["delete"], old, Value::Null, json!({})),
        change(
            risk::MACHINE_CONFIG,
            "worker[\"a\"]",
            &["delete", "create"],
            machine("ami-1"),
            long,
            json!({ "id": true }),
        ),
        change("aws_thing", "odd", &["explode"], json!({ "a": "MARKED-secret-value" }), json!({ "a": 1 }), json!({})),
        change("aws_thing", "kept", &["forget"], json!({ "a": 1 }), Value::Null, json!({})),
    ]);
    insta::assert_snapshot!(reading(&plan).text);
}

#[test]
fn how_dangerous_a_plan_is() {
    let two = || json!([pool("a", 3), pool("b", 3)]);
    let base = || cluster("v1.33.5+rke2r1", two());
    let pools = |change: &dyn Fn(&mut Value)| {
        let mut after = base();
        change(&mut after);
        summary(&reading(&update(base(), after)))
    };
    let pool_set = |key: &str, value: Value| pools(&|c| c["rke_config"][0]["machine_pools"][0][key] = value.clone());
    let rke_set = |key: &str, value: Value| pools(&|c| c["rke_config"][0][key] = value.clone());
    let lines = [
        summary(&reading(&create())),
        pool_set("quantity", json!(5)),
        pool_set("quantity", json!(2)),
        pool_set("name", json!("z")),
        pool_set("name", json!("b")),
        pool_set("machine_config", json!([{ "kind": "Amazonec2Config", "name": "other" }])),
        pool_set("etcd_role", json!(true)),
        pool_set("drain_before_delete", json!(false)),
        pool_set("something_new", json!(1)),
        pools(&|c| c["rke_config"][0]["machine_pools"].as_array_mut().unwrap().reverse()),
        pools(&|c| c["rke_config"][0]["machine_pools"].as_array_mut().unwrap().push(pool("c", 1))),
        pools(&|c| c["rke_config"] = json!([])),
        pools(&|c| c["kubernetes_version"] = json!("v1.34.1+rke2r2")),
        pools(&|c| c["kubernetes_version"] = json!("v1.33.4+rke2r1")),
        pools(&|c| c["kubernetes_version"] = json!("v1.33.6+k3s1")),
        pools(&|c| c["labels"]["x"] = json!("y")),
        pools(&|c| c["something_new"] = json!("y")),
        rke_set("machine_global_config", json!("cni: x")),
        rke_set("etcd_snapshot_restore", json!([{ "name": "x" }])),
        summary(&reading(&plan(vec![change(
            risk::MACHINE_CONFIG,
            "w",
            &["update"],
            machine("ami-1"),
            machine("ami-2"),
            json!({}),
        )]))),
        summary(&reading(&plan(vec![change(
            "aws_thing",
            "x",
            &["update"],
            json!({ "a": 1 }),
            json!({ "a": 2 }),
            json!({}),
        )]))),
        summary(&reading(&plan(vec![change(
            "aws_thing",
            "x",
            &["create", "delete"],
            json!({}),
            json!({}),
            json!({}),
        )]))),
        summary(&reading(&plan(vec![change(
            "aws_thing",
            "x",
            &["create", "forget"],
            json!({}),
            json!({}),
            json!({}),
        )]))),
        summary(&reading(&plan(
            (0..9)
                .map(|n| change("aws_thing", &n.to_string(), &["delete"], json!({}), Value::Null, json!({})))
                .collect(),
        ))),
    ];
    insta::assert_snapshot!(lines.join("\n"));
}

#[test]
fn moves_imports_and_actions_of_a_provider_are_seen() {
    let mut moved = change("aws_thing", "new", &["no-op"], json!({ "a": 1 }), json!({ "a": 1 }), json!({}));
    moved["previous_address"] = json!("module.crucial-sandbox.aws_thing.old");
    let mut imported = change("aws_thing", "there", &["no-op"], json!({ "a": 1 }), json!({ "a": 1 }), json!({}));
    imported["change"]["importing"] = json!({ "id": "i-1" });
    let nothing = plan(vec![change("aws_thing", "x", &["no-op"], json!({ "a": 1 }), json!({ "a": 1 }), json!({}))]);
    assert!(reading(&nothing).changes.is_empty());
    let mut invoking = nothing.clone();
    invoking["action_invocations"] = json!([{ "address": "action.x" }]);
    for (plan, risk) in [(plan(vec![moved]), Risk::Yellow), (plan(vec![imported]), Risk::Yellow), (invoking, Risk::Red)]
    {
        let seen = reading(&plan);
        assert_eq!(seen.risk, risk);
        assert_ne!(seen.digest, reading(&nothing).digest);
        assert!(!seen.changes.is_rest_of(&reading(&nothing).changes) && !seen.changes.is_empty());
    }
}

#[test]
fn nonsense_is_a_sentence() {
    let say = |text: &[u8]| read(text, &eyes()).unwrap_err().to_string();
    let with = |key: &str, value: Value| {
        let mut plan = plan(vec![]);
        plan[key] = value;
        say(plan.to_string().as_bytes())
    };
    let twice = change("t", "x", &["create"], Value::Null, json!({}), json!({}));
    let mut deep = create().to_string();
    let nested = format!("{}1{}", "[".repeat(100_000), "]".repeat(100_000));
    deep = deep.replacen("\"ami-1\"", &nested, 1);
    insta::assert_snapshot!(
        [
            say(b""),
            say(b"\xff"),
            say(b"Error: terraform crashed"),
            say(b"{"),
            say(b"[]"),
            say(b"{}"),
            say(br#"{"format_version":"1.2","resource_changes":[{"address":"MARKED-secret-value"}]}"#),
            say(br#"{"format_version":"1.2","resource_changes":"MARKED-secret-value"}"#),
            with("format_version", json!("2.0\n@team")),
            with("format_version", json!("0.2")),
            with("errored", json!(true)),
            with("complete", json!(false)),
            with("deferred_changes", json!([{}])),
            with("resource_changes", json!([twice.clone(), twice])),
            say(deep.as_bytes()),
        ]
        .join("\n")
    );
    assert_eq!(reading(&json!({ "format_version": "1.0" })).text.lines().last(), Some("Nothing would be changed."));
}

#[test]
fn a_marked_secret_is_in_no_text_and_no_file() {
    let old = cluster("v1.33.5+rke2r1", json!([pool("worker-a", 3)]));
    let destroy = plan(vec![change(risk::CLUSTER, "this", &["delete"], old.clone(), Value::Null, json!({}))]);
    let changed = update(old, cluster("v1.33.6+rke2r1", json!([pool("MARKED-secret-value", 3)])));
    for plan in [create(), destroy, changed] {
        let reading = reading(&plan);
        let plan = format!("{:?}", reading.to_plan("0".repeat(64).parse().unwrap()));
        for text in [&reading.text, &plan, &serde_json::to_string(&reading.changes).unwrap()] {
            assert!(!text.contains("MARKED"), "{text}");
        }
    }
}

#[test]
fn the_digest_sees_every_value_and_no_noise() {
    let base = reading(&create()).digest;
    let pretty = serde_json::to_string_pretty(&create()).unwrap();
    assert_eq!(read(pretty.as_bytes(), &eyes()).unwrap().digest, base);
    let altered = |alter: &dyn Fn(&mut Value)| {
        let mut plan = create();
        alter(&mut plan);
        assert_ne!(plan, create());
        reading(&plan).digest
    };
    for noise in [
        altered(&|p| p["timestamp"] = json!("later")),
        altered(&|p| p["terraform_version"] = json!("1.15.0")),
        altered(&|p| p["prior_state"] = json!([1])),
        altered(&|p| p["resource_changes"].as_array_mut().unwrap().reverse()),
        altered(&|p| p["resource_changes"][2]["change"]["after"] = json!({ "outputs": 1 })),
        altered(&|p| p["resource_changes"][1]["change"]["after"]["resource_version"] = json!("42")),
    ] {
        assert_eq!(noise, base);
    }
    for seen in [
        altered(&|p| p["resource_changes"][0]["change"]["after"]["name"] = json!("other")),
        altered(&|p| p["resource_changes"][0]["change"]["after_unknown"]["cluster_v1_id"] = json!(false)),
        altered(&|p| {
            p["resource_changes"][0]["change"]["after"]["rke_config"][0]["machine_pools"][0]["quantity"] = json!(4)
        }),
        altered(&|p| p["resource_changes"][0]["address"] = json!("other.address")),
        altered(&|p| p["resource_changes"][0]["deposed"] = json!("00aa")),
        altered(&|p| p["resource_changes"][0]["type"] = json!("other")),
        altered(&|p| p["resource_changes"][0]["mode"] = json!("other")),
        altered(&|p| p["resource_changes"][0]["provider_name"] = json!("evil/rancher2")),
        altered(&|p| p["resource_changes"][0]["change"]["actions"] = json!(["update"])),
        altered(&|p| p["resource_changes"][0]["change"]["replace_paths"] = json!([["name"]])),
        altered(&|p| p["resource_changes"][1]["change"]["after"]["amazonec2_config"][0]["userdata"] = json!("other")),
        altered(&|p| _ = p["resource_changes"].as_array_mut().unwrap().remove(1)),
        altered(&|p| p["output_changes"]["kube"]["after"] = json!("other")),
        altered(&|p| _ = p["output_changes"].as_object_mut().unwrap().remove("kube")),
    ] {
        assert_ne!(seen, base);
    }
}

#[test]
fn a_plan_that_goes_on_after_a_cut_off_apply() {
    let approved = reading(&create()).changes;
    let kept: PlanChanges = serde_json::from_str(&serde_json::to_string(&approved).unwrap()).unwrap();
    assert_eq!(kept.digest(), approved.digest());
    let rest = |alter: &dyn Fn(&mut Value)| {
        let mut plan = create();
        // The machine config is made; what was unknown of it is known now.
        plan["resource_changes"].as_array_mut().unwrap().remove(1);
        let pool = &mut plan["resource_changes"][0]["change"];
        pool["after"]["rke_config"][0]["machine_pools"][0]["machine_config"][0]["name"] = json!("nc-x");
        pool["after_unknown"]["rke_config"] = json!([{}]);
        alter(&mut plan);
        reading(&plan).changes.is_rest_of(&kept)
    };
    let first = "resource_changes";
    assert!(rest(&|_| {}));
    assert!(rest(&|p| p[first] = json!([])));
    assert!(rest(&|p| *p = json!({ "format_version": "1.2" })));
    assert!(rest(&|p| p["output_changes"]["cluster_id"] =
        json!({ "actions": ["update"], "before": "", "after": "c-m-1", "after_unknown": false })));
    assert!(!rest(&|p| p[first][0]["change"]["actions"] = json!(["delete", "create"])));
    assert!(!rest(&|p| p[first][0]["change"]["after"]["name"] = json!("other")));
    assert!(!rest(&|p| p[first][0]["change"]["after"]["rke_config"][0]["machine_pools"][0]["quantity"] = json!(4)));
    assert!(!rest(&|p| p[first][0]["change"]["after"]["extra"] = json!(4)));
    assert!(!rest(&|p| p[first][0]["change"]["after_unknown"]["name"] = json!(true)));
    assert!(!rest(&|p| p[first][0]["provider_name"] = json!("evil/rancher2")));
    assert!(!rest(&|p| p[first].as_array_mut().unwrap().push(change(
        "t",
        "more",
        &["create"],
        Value::Null,
        json!({}),
        json!({})
    ))));
    assert!(!rest(&|p| p["output_changes"]["kube"]["after"] = json!("other")));
    assert!(!rest(&|p| p["output_changes"]["more"] = json!({ "actions": ["create"], "before": null, "after": "x" })));
    assert!(
        PlanChanges::default().is_rest_of(&PlanChanges::default()) && !approved.is_rest_of(&PlanChanges::default())
    );
}

#[test]
fn the_rest_of_a_destroy_is_known_by_its_ids() {
    let destroy =
        |cluster: Value| plan(vec![change(risk::CLUSTER, "this", &["delete"], cluster, Value::Null, json!({}))]);
    let old = cluster("v1.33.5+rke2r1", json!([pool("a", 3)]));
    let approved = reading(&destroy(old.clone())).changes;
    let mut touched = old.clone();
    touched["annotations"] = json!({ "field.cattle.io/removing": "true" });
    assert!(reading(&destroy(touched)).changes.is_rest_of(&approved));
    let mut other = old.clone();
    other["id"] = json!("fleet-default/other");
    assert!(!reading(&destroy(other)).changes.is_rest_of(&approved));
    let mut newer = old;
    newer["resource_version"] = json!("78");
    assert_eq!(reading(&destroy(newer)).digest, approved.digest());
}

#[test]
fn a_plan_of_fifty_megabytes() {
    let full = !cfg!(debug_assertions) || std::env::var_os("KAAS_FULL_SIZE").is_some();
    let size = if full { 50_000_000 } else { 3_000_000 };
    let one = change(risk::MACHINE_CONFIG, "worker", &["create"], Value::Null, machine("ami-1"), json!({ "id": true }))
        .to_string();
    let count = size / one.len();
    let many: Vec<String> = (0..count).map(|n| one.replace(".worker\"", &format!(".worker{n}\""))).collect();
    let long =
        change("t", "long", &["delete"], json!({ "a": "x".repeat(size / 4) }), Value::Null, json!({})).to_string();
    let whole = format!(
        "{{\"prior_state\":[{}],\"format_version\":\"1.2\",\"resource_changes\":[{},{long}]}}",
        many.join(","),
        many.join(",")
    );
    let reading = read(whole.as_bytes(), &eyes()).unwrap();
    assert_eq!((reading.add as usize, reading.destroy), (count, 1));
    assert!(reading.text.len() <= TEXT_MAX + 1024 && reading.text.contains("more resources"));
    assert!(reading.text.contains("t.long will be destroyed"), "what is red is shown before anything else");
    let kept = serde_json::to_string(&reading.changes).unwrap();
    assert_eq!(serde_json::from_str::<PlanChanges>(&kept).unwrap().digest(), reading.digest);
    let (again, other) = (reading.changes.clone(), create());
    assert!(again.is_rest_of(&reading.changes) && !self::reading(&other).changes.is_rest_of(&reading.changes));
}

/// What the real terraform says about resources that need no provider download.
#[test]
fn a_plan_of_the_real_terraform() {
    let dir = tempfile::tempdir().unwrap();
    let config = |inputs: &str| {
        format!(
            "resource \"terraform_data\" \"a\" {{\n  input = {inputs}\n}}\nresource \"terraform_data\" \"b\" {{\n  triggers_replace = terraform_data.a.output.n\n  input = sensitive(\"MARKED-secret-value\")\n}}\noutput \"a\" {{\n  value = terraform_data.a.output\n}}\n"
        )
    };
    let run = |args: &[&str]| -> Option<Vec<u8>> {
        #[expect(clippy::disallowed_methods, reason = "the test asks terraform for a real plan")]
        let out = std::process::Command::new("terraform")
            .args(args)
            .current_dir(dir.path())
            .env("CHECKPOINT_DISABLE", "1")
            .output()
            .ok()?;
        assert!(out.status.success(), "{}", String::from_utf8_lossy(&out.stderr));
        Some(out.stdout)
    };
    let plan = |destroy: bool| -> Option<PlanReading> {
        run(if destroy { &["plan", "-destroy", "-out=p"] } else { &["plan", "-out=p"] })?;
        let allow = AllowList::nothing()
            .with([("terraform_data", ["id", "input.**", "output.**"].as_slice()), ("output", ["a.n"].as_slice())]);
        Some(read(&run(&["show", "-json", "p"])?, &Eyes { allow, redactor: Default::default() }).unwrap())
    };
    std::fs::write(dir.path().join("main.tf"), config("{ n = 1, free = \"x\" }")).unwrap();
    if run(&["init"]).is_none() {
        return;
    }
    let (first, again) = (plan(false).unwrap(), plan(false).unwrap());
    assert_eq!((first.add, first.risk, &first.digest), (2, Risk::Green, &again.digest));
    assert!(!first.text.contains("MARKED"), "{}", first.text);
    run(&["apply", "-target=terraform_data.a", "-auto-approve"]);
    let rest = plan(false).unwrap();
    assert_eq!(rest.add, 1);
    assert!(rest.changes.is_rest_of(&first.changes) && rest.digest != first.digest);
    run(&["apply", "-auto-approve"]);
    assert!(plan(false).unwrap().changes.is_empty());
    std::fs::write(dir.path().join("main.tf"), config("{ n = 2, free = \"x\" }")).unwrap();
    let changed = plan(false).unwrap();
    assert_eq!((changed.add, changed.change, changed.destroy, changed.risk), (1, 1, 1, Risk::Red));
    assert_eq!(
        changed.highlights,
        ["destroys terraform_data.b and makes it anew", "changes terraform_data.a: input, output"]
    );
    run(&["taint", "terraform_data.a"]);
    let tainted = plan(false).unwrap();
    assert!(!tainted.changes.is_rest_of(&changed.changes) && !tainted.changes.is_rest_of(&first.changes));
    let gone = plan(true).unwrap();
    assert_eq!((gone.add, gone.destroy, gone.risk), (0, 2, Risk::Red));
    let ids = regex::Regex::new("[0-9a-f]{8}-[0-9a-f-]{27}|Plan [0-9a-f]{6}").unwrap();
    let texts = [&first, &changed, &gone].map(|r| ids.replace_all(&r.text, "ID").into_owned());
    insta::assert_snapshot!(texts.join("\n----\n"));
}

proptest! {
    #[test]
    fn bytes_are_read_or_refused(bytes in proptest::collection::vec(any::<u8>(), 0..200), at in any::<prop::sample::Index>()) {
        let _ = read(&bytes, &eyes());
        let mut plan = create().to_string().into_bytes();
        let at = at.index(plan.len());
        plan.splice(at..(at + 3).min(plan.len()), bytes);
        let _ = read(&plan, &eyes());
    }

    #[test]
    fn a_part_of_a_plan_is_its_rest_and_a_changed_part_is_not(names in proptest::collection::btree_set("[a-z]{1,4}", 1..6), skip in any::<u8>(), value in any::<i32>()) {
        let of = |n: usize, name: &String, value: i64| change("t", name, &["create"], Value::Null, json!({ "n": n, "v": value }), json!({ "id": true }));
        let all: Vec<Value> = names.iter().enumerate().map(|(n, name)| of(n, name, 0)).collect();
        let approved = reading(&plan(all.clone())).changes;
        let part: Vec<Value> = all.iter().enumerate().filter(|(n, _)| skip >> n & 1 == 0).map(|(_, c)| c.clone()).collect();
        prop_assert!(reading(&plan(part)).changes.is_rest_of(&approved));
        let mut other = all;
        other[0] = of(0, names.first().unwrap(), i64::from(value) + i64::from(value >= 0));
        prop_assert!(!reading(&plan(other)).changes.is_rest_of(&approved));
    }
}
