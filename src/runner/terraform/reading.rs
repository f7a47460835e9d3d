//! A plan read for the runner: `render::plan` says what it would do, and what it marks as sensitive is learnt beside it.

use super::sensitive;
use crate::lifecycle::cloud::Order;
use crate::lifecycle::{ContentDigest, Plan};
use crate::ports::Trouble;
use crate::render::plan::{self, Eyes, PlanChanges};

/// A plan that was read.
pub struct Reading {
    /// In short.
    pub plan: Plan,
    /// The full text, redacted.
    pub text: String,
    /// What would be done, without any value in clear.
    pub changes: PlanChanges,
    /// The machines that there would be.
    pub order: Order,
    /// Every value that the plan marks as sensitive.
    pub secrets: Vec<String>,
}

/// Reads what `show -json` printed. `content` is what was planned, `eyes` what people may see of it.
///
/// # Errors
/// It is no plan, or one that must not be applied.
pub fn read(json: &[u8], content: ContentDigest, eyes: &Eyes) -> Result<Reading, Trouble> {
    let read = plan::read(json, eyes).map_err(|e| Trouble::lasting(e.to_string(), e))?;
    // Of the error only the place is told: its words may quote a value.
    let secrets = sensitive::values(json).map_err(|e| {
        let line = format!("terraform's plan cannot be read (line {}, column {})", e.line(), e.column());
        Trouble::Lasting { line, source: None }
    })?;
    Ok(Reading { plan: read.to_plan(content), text: read.text, changes: read.changes, order: read.order, secrets })
}
