//! The cloud: it finds before a plan, and after a teardown, what a story put there.

use std::sync::{Arc, Mutex, MutexGuard};

use async_trait::async_trait;
use kaas::lifecycle::ClusterKey;
use kaas::lifecycle::cloud::{Certificate, Finding, Leftover, Order};
use kaas::ports::{Answer, Cloud, Machine, Traces};

use super::{Common, Part};

pub struct FakeCloud {
    common: Arc<Common>,
    held: Mutex<Held>,
}

#[derive(Default)]
struct Held {
    findings: Vec<Finding>,
    sure: Vec<Leftover>,
    /// What every sweep went by.
    swept: Vec<Traces>,
}

impl FakeCloud {
    pub fn new(common: &Arc<Common>) -> Arc<Self> {
        Arc::new(Self { common: Arc::clone(common), held: Mutex::default() })
    }

    fn held(&self) -> MutexGuard<'_, Held> {
        self.held.lock().unwrap()
    }

    /// From now on this is found before every plan.
    pub fn finds(&self, findings: Vec<Finding>) {
        self.held().findings = findings;
    }

    /// From now on this is left after a teardown.
    pub fn leaves(&self, sure: Vec<Leftover>) {
        self.held().sure = sure;
    }

    /// What every sweep went by.
    pub fn swept(&self) -> Vec<Traces> {
        self.held().swept.clone()
    }

    fn certificate(&self) -> Certificate {
        Certificate {
            at: self.common.clock.now(),
            asked: vec![
                "DescribeInstances eu-west-1: 0 rows".to_owned(),
                "DescribeVolumes eu-west-1: 0 rows".to_owned(),
            ],
            digest: "c0ffee".repeat(10) + "c0ff",
            unread: Vec::new(),
            sure: self.held().sure.clone(),
            suspect: Vec::new(),
            more: 0,
        }
    }
}

#[async_trait]
impl Cloud for FakeCloud {
    async fn preflight(&self, _order: &Order) -> Answer<Vec<Finding>> {
        self.common.up(Part::Cloud)?;
        Ok(self.held().findings.clone())
    }

    async fn sweep(&self, gone: &Traces, _neighbours: &[Traces]) -> Answer<Certificate> {
        self.common.up(Part::Cloud)?;
        self.held().swept.push(gone.clone());
        Ok(self.certificate())
    }

    async fn machines(&self, cluster: &Traces) -> Answer<Vec<Machine>> {
        self.common.up(Part::Cloud)?;
        let machine = |name: &String| Machine {
            id: "i-0abc".to_owned(),
            name: Some(name.clone()),
            instance_type: "m6i.large".to_owned(),
            zone: "eu-west-1a".to_owned(),
            state: "running".to_owned(),
            since: None,
            cents_a_month: Some(10_300),
        };
        Ok(cluster.footprint.machines.iter().map(machine).collect())
    }

    async fn orphans(&self, _fleet: &[(ClusterKey, Traces)]) -> Answer<Certificate> {
        self.common.up(Part::Cloud)?;
        Ok(self.certificate())
    }
}
