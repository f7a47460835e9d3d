//! What is counted, for whoever watches kaas. The names stand in docs/operations.md.

use crate::lifecycle::{Ask, Input, What};
use crate::record::{Outcome, Taken};

/// An input was taken, or was not.
pub(super) fn taken(input: &Input, taken: &Taken) {
    let What::Ask { ask, .. } = &input.what else { return };
    let ask = match ask {
        Ask::Request { .. } => "request",
        Ask::Approve { .. } => "approve",
        Ask::Withdraw => "withdraw",
        Ask::Reject { .. } => "reject",
        Ask::Cancel => "cancel",
        Ask::Retry => "retry",
        Ask::Destroy { .. } => "destroy",
        Ask::Access { .. } => "access",
        Ask::Revoke { .. } => "revoke",
        Ask::ForceRemove { .. } => "force-remove",
    };
    let outcome = match taken {
        Taken::Changed => "changed",
        Taken::Refused { .. } => "refused",
        Taken::Doubled => "doubled",
        Taken::Stale => "stale",
    };
    metrics::counter!("kaas_asks_total", "ask" => ask, "outcome" => outcome).increment(1);
}

/// An effect was performed.
pub(super) fn settled(effect: &'static str, outcome: &Outcome) {
    let outcome = match outcome {
        Outcome::Done | Outcome::Fact(_) => "done",
        Outcome::Later { .. } => "later",
        Outcome::Failed { .. } => "failed",
        Outcome::Broken(_) => "broken",
    };
    metrics::counter!("kaas_effects_total", "effect" => effect, "outcome" => outcome).increment(1);
}
