//! `kaas sim check-schema`: the stand-in's schema held against the real provider's.
//!
//! Everything that the stand-in offers must exist there with the same type, marks and nesting. What exists only there is no
//! difference: the stand-in knows what kaas' modules use and no more.

use std::path::Path;

use serde_json::{Value as Json, json};

use super::provider::schema::{Attribute, Block, Given, Nested, Schema};
use super::provider::tables::TABLES;
use crate::exit::Exit;

/// The provider's name at the end of its registry address.
const PROVIDER: &str = "/rancher/rancher2";

/// Compares and prints the differences.
///
/// # Errors
/// Nothing can be printed.
pub fn run(file: &Path) -> anyhow::Result<Exit> {
    let real = match std::fs::read_to_string(file).map_err(|error| error.to_string()).and_then(|text| provider(&text)) {
        Ok(real) => real,
        Err(why) => {
            eprintln!(
                "{}: {why}\nIt should be what `terraform providers schema -json` prints where the real rancher/rancher2 is used.",
                file.display()
            );
            return Ok(Exit::Misuse);
        }
    };
    let compared = compare(&real);
    for difference in &compared.differences {
        println!("{difference}");
    }
    if compared.differences.is_empty() {
        println!("The stand-in agrees with it: {} attributes and {} blocks.", compared.attributes, compared.blocks);
        return Ok(Exit::Done);
    }
    Ok(Exit::Failed)
}

/// The schema of rancher/rancher2 in the text, which is a whole document or only that provider's part.
fn provider(text: &str) -> Result<Json, String> {
    let document: Json = serde_json::from_str(text).map_err(|error| format!("this is no JSON: {error}"))?;
    if document["resource_schemas"].is_object() {
        return Ok(document);
    }
    let Some(providers) = document["provider_schemas"].as_object() else {
        return Err("there is neither provider_schemas nor resource_schemas in it".to_owned());
    };
    let found = providers.iter().find(|(name, _)| name.ends_with(PROVIDER));
    found.map(|(_, schema)| schema.clone()).ok_or_else(|| {
        let names: Vec<_> = providers.keys().map(String::as_str).collect();
        format!("rancher/rancher2 is not among its providers ({})", names.join(", "))
    })
}

#[derive(Debug, Default)]
struct Compared {
    differences: Vec<String>,
    attributes: usize,
    blocks: usize,
}

fn compare(real: &Json) -> Compared {
    let mut compared = Compared::default();
    // A provider's own configuration is at `provider` in the document.
    let config = if real["provider_config"].is_object() { &real["provider_config"] } else { &real["provider"] };
    compared.schema("provider", &TABLES.provider, config);
    for (schemas, group) in [(&TABLES.resources, "resource_schemas"), (&TABLES.data_sources, "data_source_schemas")] {
        for (name, schema) in schemas {
            let place = if group == "resource_schemas" { (*name).to_owned() } else { format!("data.{name}") };
            compared.schema(&place, schema, &real[group][*name]);
        }
    }
    compared
}

impl Compared {
    fn schema(&mut self, place: &str, ours: &Schema, real: &Json) {
        if !real.is_object() {
            self.differences.push(format!("{place}: does not exist there"));
            return;
        }
        self.same(place, "version", &json!(ours.version), &real["version"], &json!(0));
        self.block(place, &ours.block, &real["block"]);
    }

    fn block(&mut self, place: &str, ours: &Block, real: &Json) {
        for attribute in &ours.attributes {
            self.attribute(&format!("{place}.{}", attribute.name), attribute, &real["attributes"][attribute.name]);
        }
        for nested in &ours.blocks {
            self.nested(&format!("{place}.{}", nested.name), nested, &real["block_types"][nested.name]);
        }
    }

    fn attribute(&mut self, place: &str, ours: &Attribute, real: &Json) {
        self.attributes += 1;
        if !real.is_object() {
            self.differences.push(format!("{place}: does not exist there"));
            return;
        }
        let no = json!(false);
        self.same(place, "type", &ours.ty.json(), &real["type"], &Json::Null);
        self.same(place, "required", &json!(ours.given == Given::Required), &real["required"], &no);
        self.same(place, "optional", &json!(ours.is_optional()), &real["optional"], &no);
        self.same(place, "computed", &json!(ours.is_computed()), &real["computed"], &no);
        self.same(place, "sensitive", &json!(ours.sensitive), &real["sensitive"], &no);
    }

    fn nested(&mut self, place: &str, ours: &Nested, real: &Json) {
        self.blocks += 1;
        if !real.is_object() {
            self.differences.push(format!("{place}: does not exist there"));
            return;
        }
        let mode = if ours.single { "single" } else { "list" };
        self.same(place, "nesting_mode", &json!(mode), &real["nesting_mode"], &Json::Null);
        self.same(place, "min_items", &json!(ours.min), &real["min_items"], &json!(0));
        self.same(place, "max_items", &json!(ours.max), &real["max_items"], &json!(0));
        self.block(place, &ours.block, &real["block"]);
    }

    /// terraform leaves out what is false or zero: `absent` stands for it.
    fn same(&mut self, place: &str, what: &str, ours: &Json, real: &Json, absent: &Json) {
        let real = if real.is_null() { absent } else { real };
        if ours != real {
            self.differences.push(format!("{place}: {what} is {ours} here and {real} there"));
        }
    }
}

#[cfg(test)]
mod tests {
    use super::*;

    /// The stand-in's own schema in terraform's form.
    fn own() -> Json {
        fn block(ours: &Block) -> Json {
            let attributes: serde_json::Map<_, _> = ours
                .attributes
                .iter()
                .map(|a| {
                    let mut json = json!({ "type": a.ty.json() });
                    for (name, mark) in [
                        ("required", a.given == Given::Required),
                        ("optional", a.is_optional()),
                        ("computed", a.is_computed()),
                        ("sensitive", a.sensitive),
                    ] {
                        if mark {
                            json[name] = json!(true);
                        }
                    }
                    (a.name.to_owned(), json)
                })
                .collect();
            let blocks: serde_json::Map<_, _> = ours
                .blocks
                .iter()
                .map(|n| {
                    let mode = if n.single { "single" } else { "list" };
                    let mut json = json!({ "nesting_mode": mode, "block": block(&n.block) });
                    for (name, count) in [("min_items", n.min), ("max_items", n.max)] {
                        if count > 0 {
                            json[name] = json!(count);
                        }
                    }
                    (n.name.to_owned(), json)
                })
                .collect();
            json!({ "attributes": attributes, "block_types": blocks })
        }
        let schema = |schema: &Schema| json!({ "version": schema.version, "block": block(&schema.block) });
        let all = |schemas: &std::collections::BTreeMap<&str, Schema>| -> Json {
            schemas
                .iter()
                .map(|(name, ours)| ((*name).to_owned(), schema(ours)))
                .collect::<serde_json::Map<_, _>>()
                .into()
        };
        json!({
            "provider": schema(&TABLES.provider),
            "resource_schemas": all(&TABLES.resources),
            "data_source_schemas": all(&TABLES.data_sources),
        })
    }

    #[test]
    fn agreement_is_silent_and_more_there_is_no_difference() {
        let mut real = own();
        real["resource_schemas"]["rancher2_user"] = json!({ "version": 0, "block": {} });
        let compared = compare(&real);
        assert_eq!(compared.differences, Vec::<String>::new());
        assert!(compared.attributes > 200, "{}", compared.attributes);
    }

    #[test]
    fn every_kind_of_difference_is_told() {
        let mut real = own();
        let cluster = &mut real["resource_schemas"]["rancher2_cluster_v2"];
        cluster["version"] = json!(2);
        cluster["block"]["attributes"]["kube_config"]["sensitive"] = json!(false);
        cluster["block"]["attributes"]["name"] = json!({ "type": "number", "optional": true });
        cluster["block"]["block_types"]["rke_config"]["max_items"] = json!(2);
        cluster["block"]["block_types"]["rke_config"]["block"]["block_types"]["machine_pools"]["nesting_mode"] =
            json!("set");
        real["data_source_schemas"] = json!({});
        assert_eq!(
            compare(&real).differences,
            [
                "rancher2_cluster_v2: version is 1 here and 2 there",
                "rancher2_cluster_v2.name: type is \"string\" here and \"number\" there",
                "rancher2_cluster_v2.name: required is true here and false there",
                "rancher2_cluster_v2.name: optional is false here and true there",
                "rancher2_cluster_v2.kube_config: sensitive is true here and false there",
                "rancher2_cluster_v2.rke_config: max_items is 1 here and 2 there",
                "rancher2_cluster_v2.rke_config.machine_pools: nesting_mode is \"list\" here and \"set\" there",
                "data.rancher2_cloud_credential: does not exist there",
            ]
        );
    }

    #[test]
    fn what_is_no_schema_is_said_to_be_none() {
        assert!(provider("{").unwrap_err().starts_with("this is no JSON"));
        assert!(provider("{}").unwrap_err().contains("neither"));
        let other = r#"{"provider_schemas":{"registry.terraform.io/hashicorp/aws":{}}}"#;
        assert!(provider(other).unwrap_err().contains("hashicorp/aws"));
        let whole = json!({ "provider_schemas": { "registry.terraform.io/rancher/rancher2": own() } }).to_string();
        assert_eq!(compare(&provider(&whole).unwrap()).differences, Vec::<String>::new());
    }
}
