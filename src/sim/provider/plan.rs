//! What terraform is told a resource will be: the rules of the old plugin SDK, on which the real provider is built.
//!
//! - Nothing configured and a default: the default. Nothing configured and computed: as it was, or known after apply.
//! - Nothing configured and merely optional: unset, where empty text, zero and false count as unset.
//! - YAML and JSON that mean the same are the same.
//! - A change of an attribute that forces a new resource is reported as such.

use std::collections::BTreeMap;

use super::proto::{AttributePath, Selector, Step};
use super::schema::{Attribute, Block, Form, Nested, Type};
use super::value::{NULL, Value};
use super::wire;

/// The planned state and the paths whose change replaces the resource.
#[derive(Debug, PartialEq)]
pub struct Planned {
    /// The state after apply, as far as it is known.
    pub state: Value,
    /// What forces a replacement.
    pub replaced_by: Vec<AttributePath>,
}

/// Plans one resource. `prior` is null for a new one; `config` is never null.
pub fn plan(block: &Block, prior: &Value, config: &Value) -> Planned {
    let mut planner = Planner { replaced_by: Vec::new(), path: Vec::new(), exists: !prior.is_null() };
    let state = planner.block(block, prior, config);
    Planned { state, replaced_by: planner.replaced_by }
}

struct Planner {
    replaced_by: Vec<AttributePath>,
    path: Vec<Selector>,
    exists: bool,
}

impl Planner {
    fn block(&mut self, block: &Block, prior: &Value, config: &Value) -> Value {
        let mut out = BTreeMap::new();
        for attribute in &block.attributes {
            let (was, wanted) = (prior.get(attribute.name), config.get(attribute.name));
            let value = planned_attribute(attribute, was, wanted);
            if attribute.force_new && self.exists && value != *was && !(value.is_unset() && was.is_unset()) {
                self.report(attribute.name);
            }
            out.insert(attribute.name.to_owned(), value);
        }
        for nested in &block.blocks {
            let value = self.nested(nested, prior.get(nested.name), config.get(nested.name));
            out.insert(nested.name.to_owned(), value);
        }
        Value::Map(out)
    }

    fn nested(&mut self, nested: &Nested, prior: &Value, config: &Value) -> Value {
        if nested.single {
            return nested.block.conform(config);
        }
        match config {
            Value::Unknown => Value::Unknown,
            Value::List(items) => {
                self.path.push(Selector::AttributeName(nested.name.to_owned()));
                let planned = items.iter().enumerate().map(|(index, item)| {
                    self.path.push(Selector::ElementKeyInt(index as i64));
                    let value = self.block(&nested.block, prior.items().get(index).unwrap_or(&NULL), item);
                    self.path.pop();
                    value
                });
                let planned = planned.collect();
                self.path.pop();
                Value::List(planned)
            }
            _ => Value::List(Vec::new()),
        }
    }

    fn report(&mut self, attribute: &str) {
        let last = Selector::AttributeName(attribute.to_owned());
        let steps = self.path.iter().cloned().chain([last]).map(|s| Step { selector: Some(s) }).collect();
        self.replaced_by.push(AttributePath { steps });
    }
}

fn planned_attribute(attribute: &Attribute, prior: &Value, config: &Value) -> Value {
    match config {
        Value::Unknown => Value::Unknown,
        Value::Null => match &attribute.default {
            Some(default) => default.clone(),
            None if attribute.is_computed() && prior.is_null() => Value::Unknown,
            None if attribute.is_computed() || prior.is_unset() => prior.clone(),
            None => Value::Null,
        },
        // Rancher adds annotations and labels of its own; they are nobody's change.
        Value::Map(wanted) if attribute.ty == Type::StringMap && attribute.is_computed() => {
            let mut merged = wanted.clone();
            if let Value::Map(prior) = prior {
                for (key, value) in prior.iter().filter(|(key, _)| is_ranchers_own(key)) {
                    merged.entry(key.clone()).or_insert_with(|| value.clone());
                }
            }
            Value::Map(merged)
        }
        Value::String(text) if matches!(attribute.form, Form::Yaml | Form::Json) => {
            if wire::same_document(text, prior.str()) { prior.clone() } else { config.clone() }
        }
        _ => config.clone(),
    }
}

/// Whether Rancher keeps books under this annotation or label.
fn is_ranchers_own(key: &str) -> bool {
    key.contains("cattle.io/") || key.contains("rancher.io/")
}

#[cfg(test)]
mod tests {
    use serde_json::json;

    use super::super::tables::{CLUSTER, MACHINE_CONFIG, TABLES};
    use super::*;

    fn cluster(json: serde_json::Value) -> Value {
        TABLES.resources[CLUSTER].block.conform(&Value::from_json(&json))
    }

    fn plan_cluster(prior: &Value, config: &Value) -> Planned {
        plan(&TABLES.resources[CLUSTER].block, prior, config)
    }

    fn names(planned: &Planned) -> Vec<String> {
        let name = |path: &AttributePath| match path.steps.last()?.selector.clone()? {
            Selector::AttributeName(name) => Some(name),
            _ => None,
        };
        planned.replaced_by.iter().filter_map(name).collect()
    }

    #[test]
    fn a_new_cluster_has_defaults_and_unknowns() {
        let config = cluster(json!({
            "name": "demo", "kubernetes_version": "v1.33.5+rke2r1",
            "rke_config": [{ "machine_pools": [{ "name": "cp-a", "machine_config": [{ "kind": "K", "name": "n" }] }] }],
        }));
        let planned = plan_cluster(&Value::Null, &config);
        assert_eq!(planned.replaced_by, []);
        assert_eq!(planned.state.get("fleet_namespace"), &Value::text("fleet-default"));
        for computed in ["id", "kube_config", "cluster_v1_id", "resource_version", "labels", "enable_network_policy"] {
            assert_eq!(planned.state.get(computed), &Value::Unknown, "{computed}");
        }
        assert_eq!(planned.state.get("cloud_credential_secret_name"), &Value::Null);
        let pool = &planned.state.get("rke_config").items()[0].get("machine_pools").items()[0];
        assert_eq!(pool.get("quantity"), &Value::Number(1.0));
        assert_eq!(pool.get("machine_os"), &Value::text("linux"));
    }

    #[test]
    fn nothing_changed_plans_the_state_itself() {
        let prior = cluster(json!({
            "id": "fleet-default/demo", "name": "demo", "fleet_namespace": "fleet-default",
            "kubernetes_version": "v1.33.5+rke2r1", "cluster_v1_id": "c-m-abc", "kube_config": "secret",
            "annotations": { "field.cattle.io/creatorId": "u-1", "mine": "1" }, "labels": {},
            "cluster_registration_token": [], "resource_version": "7", "enable_network_policy": false,
            "cloud_credential_secret_name": "",
            "rke_config": [{ "machine_global_config": "cni: cilium\nb: 1\n" }],
        }));
        let config = cluster(json!({
            "name": "demo", "kubernetes_version": "v1.33.5+rke2r1", "annotations": { "mine": "1" },
            "rke_config": [{ "machine_global_config": "\"b\": 1\n\"cni\": \"cilium\"\n" }],
        }));
        assert_eq!(plan_cluster(&prior, &config), Planned { state: prior, replaced_by: vec![] });
    }

    #[test]
    fn an_annotation_of_ours_that_is_taken_out_goes() {
        let prior =
            cluster(json!({ "name": "demo", "annotations": { "a.cattle.io/x": "1", "mine": "1", "old": "1" } }));
        let config = cluster(json!({ "name": "demo", "annotations": { "mine": "2" } }));
        let planned = plan_cluster(&prior, &config).state;
        assert_eq!(planned.get("annotations").to_json(), json!({ "a.cattle.io/x": "1", "mine": "2" }));
    }

    #[test]
    fn a_new_name_replaces_and_a_new_version_does_not() {
        let prior = cluster(json!({ "name": "a", "fleet_namespace": "fleet-default", "kubernetes_version": "v1" }));
        let renamed = cluster(json!({ "name": "b", "kubernetes_version": "v2" }));
        assert_eq!(names(&plan_cluster(&prior, &renamed)), ["name"]);
        let upgraded = cluster(json!({ "name": "a", "kubernetes_version": "v2" }));
        assert_eq!(names(&plan_cluster(&prior, &upgraded)), Vec::<String>::new());
    }

    #[test]
    fn taking_out_an_optional_text_unsets_it() {
        let table = &TABLES.resources[MACHINE_CONFIG].block;
        let of = |json| table.conform(&Value::from_json(&json));
        let prior = of(json!({ "generate_name": "a", "amazonec2_config": [{ "kms_key": "k", "root_size": "80" }] }));
        let config = of(json!({ "generate_name": "a", "amazonec2_config": [{ "ami": "ami-1" }] }));
        let planned = plan(table, &prior, &config).state;
        let ec2 = &planned.get("amazonec2_config").items()[0];
        assert_eq!(ec2.get("kms_key"), &Value::Null);
        assert_eq!(ec2.get("root_size"), &Value::text("16"));
    }
}
