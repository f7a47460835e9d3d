//! What the real provider refuses before it asks Rancher anything, beyond what terraform checks by the schema.

use super::proto::Diagnostic;
use super::service::errors;
use super::tables::{CLUSTER, MACHINE_CONFIG};
use super::value::Value;
use super::wire;

/// What is wrong with a resource's configuration.
pub fn resource(name: &str, config: &Value) -> Vec<Diagnostic> {
    let mut found = Vec::new();
    match name {
        CLUSTER => cluster(config, &mut found),
        MACHINE_CONFIG => machine_config(config, &mut found),
        _ => {}
    }
    for operation in ["create", "update", "delete"] {
        if let Value::String(text) = config.get("timeouts").get(operation)
            && wire::seconds_of_go(text).is_none()
        {
            found.push(format!("timeouts: {operation} = {text:?} is no duration; write it like \"60m\""));
        }
    }
    errors(found)
}

fn cluster(config: &Value, found: &mut Vec<String>) {
    for rke in config.get("rke_config").items() {
        for name in ["chart_values", "machine_global_config"] {
            if let Value::String(text) = rke.get(name)
                && !text.trim().is_empty()
                && !matches!(wire::document(text), Some(serde_json::Value::Object(_)))
            {
                found.push(format!("{name} must be in YAML format and a map"));
            }
        }
        for pool in rke.get("machine_pools").items() {
            if let Value::Number(quantity) = pool.get("quantity")
                && *quantity < 1.0
            {
                found.push(format!(
                    "expected quantity of pool {:?} to be at least (1), got {quantity}",
                    pool.get("name").str()
                ));
            }
            if let Value::Number(limit) = pool.get("hostname_length_limit")
                && !(10.0..=63.0).contains(limit)
            {
                found.push(format!("expected hostname_length_limit to be in the range (10 - 63), got {limit}"));
            }
        }
        for networking in rke.get("networking").items() {
            if let Value::String(stack) = networking.get("stack_preference")
                && !["", "ipv4", "ipv6", "dual"].contains(&stack.as_str())
            {
                found.push(format!("expected stack_preference to be one of [ipv4 ipv6 dual], got {stack}"));
            }
        }
    }
}

fn machine_config(config: &Value, found: &mut Vec<String>) {
    if matches!(config.get("amazonec2_config"), Value::List(items) if items.is_empty()) {
        found.push("a machine config needs one driver's block; this stand-in knows amazonec2_config".to_owned());
    }
}
