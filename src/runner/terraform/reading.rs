//! The seam to `render::plan`: terraform's plan as JSON in, what kaas works with out.

use anyhow::Context;
use serde::{Deserialize, Serialize};
use serde_json::Value;
use sha2::{Digest, Sha256};

use crate::lifecycle::{ContentDigest, Plan, PlanDigest, Risk};

/// A plan that was read.
pub struct Reading {
    /// In short.
    pub plan: Plan,
    /// The full text, redacted.
    pub text: String,
    /// The canonical changes, without any secret in clear.
    pub changes: Changes,
    /// Every value that the plan marks as sensitive.
    pub secrets: Vec<String>,
}

/// The canonical changes of a plan.
#[derive(Debug, Clone, PartialEq, Eq, Serialize, Deserialize)]
pub struct Changes(Vec<(String, String)>);

impl Changes {
    /// Whether there is nothing to do.
    pub fn is_empty(&self) -> bool {
        self.0.is_empty()
    }

    /// Whether everything in it was approved with `approved`.
    pub fn is_rest_of(&self, approved: &Self) -> bool {
        self.0.iter().all(|change| approved.0.contains(change))
    }
}

/// Reads a plan.
///
/// # Errors
/// It is no plan.
pub fn read(json: &[u8], content: &ContentDigest) -> anyhow::Result<Reading> {
    let plan: Value = serde_json::from_slice(json).context("it is no JSON")?;
    let changes = plan["resource_changes"].as_array().cloned().unwrap_or_default();
    anyhow::ensure!(plan["format_version"].is_string(), "it has no format version");
    let mut kept = Vec::new();
    for change in &changes {
        let actions = change["change"]["actions"].to_string();
        if actions != "[\"no-op\"]" && actions != "[\"read\"]" {
            kept.push((change["address"].to_string(), hex(&change["change"].to_string())));
        }
    }
    let count =
        |word: &str| changes.iter().filter(|c| c["change"]["actions"].to_string().contains(word)).count() as u32;
    let digest = hex(&serde_json::to_string(&kept)?);
    let digest: PlanDigest = digest.parse()?;
    let secrets = super::sensitive::values(json)?;
    Ok(Reading {
        plan: Plan {
            digest,
            content: content.clone(),
            add: count("create"),
            change: count("update"),
            destroy: count("delete"),
            risk: Risk::Green,
            highlights: Vec::new(),
        },
        text: kept.iter().map(|(address, _)| format!("{address}\n")).collect(),
        changes: Changes(kept),
        secrets,
    })
}

fn hex(text: &str) -> String {
    Sha256::digest(text).iter().map(|byte| format!("{byte:02x}")).collect()
}
