//! The cloud, as a witness: what would go wrong, what runs, and what is left. kaas only reads it.

use async_trait::async_trait;

use super::Answer;
use crate::lifecycle::ClusterKey;
use crate::lifecycle::cloud::{Certificate, Finding, Footprint, Order};
use crate::lifecycle::form::ClusterName;

pub use crate::lifecycle::cloud::Machine;

/// Whose traces, and what is known of them.
#[derive(Debug, Clone, PartialEq, Eq)]
pub struct Traces {
    /// The cluster's name: what its machines' names begin with, and what its tags say.
    pub name: ClusterName,
    /// What is known.
    pub footprint: Footprint,
}

/// The cloud that machines are made in, read and never written.
#[async_trait]
pub trait Cloud: Send + Sync {
    /// What would fail late, in a loop, or never. What could not be read is a finding too; an error is only a `Stopped`.
    async fn preflight(&self, order: &Order) -> Answer<Vec<Finding>>;
    /// Looks for everything of a cluster that is gone. `neighbours` exist: what is theirs is never told.
    async fn sweep(&self, gone: &Traces, neighbours: &[Traces]) -> Answer<Certificate>;
    /// The machines of a cluster that exists.
    async fn machines(&self, cluster: &Traces) -> Answer<Vec<Machine>>;
    /// Looks for everything in the account's regions that kaas made, or that looks so, and that belongs to no cluster of the fleet. With the cluster's name
    /// where it can be told.
    async fn orphans(&self, fleet: &[(ClusterKey, Traces)]) -> Answer<Certificate>;
}
