//! The values that a plan marks as sensitive, so that an apply of it can keep them out of its log and its errors.
//!
//! They are held in memory for as long as the run takes, and nowhere else.

use std::collections::BTreeMap;

use serde::Deserialize;
use serde_json::Value;

use crate::runner::scrub::SECRET_MIN;

#[derive(Deserialize)]
struct Plan {
    #[serde(default)]
    resource_changes: Vec<Resource>,
    #[serde(default)]
    output_changes: BTreeMap<String, Change>,
    #[serde(default)]
    variables: BTreeMap<String, Variable>,
    #[serde(default)]
    configuration: Configuration,
}

#[derive(Deserialize)]
struct Resource {
    change: Change,
}

#[derive(Deserialize)]
struct Change {
    #[serde(default)]
    before: Value,
    #[serde(default)]
    after: Value,
    #[serde(default)]
    before_sensitive: Value,
    #[serde(default)]
    after_sensitive: Value,
}

#[derive(Deserialize)]
struct Variable {
    #[serde(default)]
    value: Value,
}

#[derive(Deserialize, Default)]
struct Configuration {
    #[serde(default)]
    root_module: Root,
}

#[derive(Deserialize, Default)]
struct Root {
    #[serde(default)]
    variables: BTreeMap<String, Declared>,
}

#[derive(Deserialize)]
struct Declared {
    #[serde(default)]
    sensitive: bool,
}

/// Every text of the plan that is marked as sensitive and long enough to be a secret.
///
/// # Errors
/// It is no plan.
pub fn values(json: &[u8]) -> serde_json::Result<Vec<String>> {
    let plan: Plan = serde_json::from_slice(json)?;
    let mut found = Vec::new();
    for change in plan.resource_changes.iter().map(|resource| &resource.change).chain(plan.output_changes.values()) {
        marked(&change.before, &change.before_sensitive, &mut found);
        marked(&change.after, &change.after_sensitive, &mut found);
    }
    for (name, declared) in &plan.configuration.root_module.variables {
        if let (true, Some(variable)) = (declared.sensitive, plan.variables.get(name)) {
            all(&variable.value, &mut found);
        }
    }
    found.sort_unstable();
    found.dedup();
    Ok(found)
}

/// Walks a value along its marks: `true` marks everything below.
fn marked(value: &Value, marks: &Value, found: &mut Vec<String>) {
    match (value, marks) {
        (value, Value::Bool(true)) => all(value, found),
        (Value::Object(values), Value::Object(marks)) => {
            for (key, mark) in marks {
                if let Some(value) = values.get(key) {
                    marked(value, mark, found);
                }
            }
        }
        (Value::Array(values), Value::Array(marks)) => {
            values.iter().zip(marks).for_each(|(value, mark)| marked(value, mark, found));
        }
        _ => {}
    }
}

fn all(value: &Value, found: &mut Vec<String>) {
    match value {
        Value::String(text) if text.len() >= SECRET_MIN => found.push(text.clone()),
        Value::Array(values) => values.iter().for_each(|value| all(value, found)),
        Value::Object(values) => values.values().for_each(|value| all(value, found)),
        Value::Null | Value::Bool(_) | Value::Number(_) | Value::String(_) => {}
    }
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn marks_are_followed_into_the_depth() {
        let plan = serde_json::json!({
            "resource_changes": [{"change": {
                "before": {"old": "before-secret", "plain": "plain-value"},
                "before_sensitive": {"old": true},
                "after": {"list": [{"k": "first-secret"}, {"k": "not-secret"}], "map": {"a": {"b": "deep-secret"}}, "short": "abc"},
                "after_sensitive": {"list": [{"k": true}, {}], "map": true, "short": true, "absent": true},
            }}],
            "output_changes": {"o": {"after": "output-secret", "after_sensitive": true}},
            "variables": {"v": {"value": "variable-secret"}, "w": {"value": "variable-plain"}},
            "configuration": {"root_module": {"variables": {"v": {"sensitive": true}, "w": {}}}},
        });
        let found = values(plan.to_string().as_bytes()).unwrap();
        let expect = ["before-secret", "deep-secret", "first-secret", "output-secret", "variable-secret"];
        assert_eq!(found, expect);
        assert_eq!(values(b"{}").unwrap(), Vec::<String>::new());
        assert!(values(b"nonsense").is_err());
    }
}
