//! EC2: what would go wrong there, what runs there, and what is left there. Every call reads; kaas never makes, changes or removes anything.
//!
//! Reading order: this file (settings and the port), [`look`] (a region, looked at and judged), [`judge`] and [`names`] (whose something is), [`shape`] and
//! [`prices`] (how it is told), [`preflight`] (what would go wrong), then [`read`], [`signed`] and [`session`] (the calls), [`rows`] and [`fault`] (what
//! comes).
//!
//! **Deliberately absent:** anything that removes. A certificate holds the commands, and a person runs them.

use std::collections::{BTreeMap, BTreeSet};
use std::path::PathBuf;

use async_trait::async_trait;

use self::judge::{Fleet, Gone, Judge, Verdict};
use self::look::{Found, Scope, instance_verdict};
use self::prices::Prices;
use self::read::Protocol;
use self::rows::Instance;
use self::session::{Session, Way};
use crate::clock::SharedClock;
use crate::lifecycle::ClusterKey;
use crate::lifecycle::cloud::{Certificate, Finding, Order};
use crate::ports::{Answer, Cloud, Machine, Traces};

mod fault;
mod judge;
mod look;
mod names;
mod preflight;
mod prices;
mod read;
mod rows;
mod session;
mod shape;
mod signed;

pub use session::Patience;

/// Which account of AWS, and what its machines cost.
#[derive(Debug, Clone, Default)]
pub struct Settings {
    /// The regions that clusters are made in. Orphans are looked for in all of them.
    pub regions: Vec<String>,
    /// The profile of AWS' configuration files that says how to come to credentials; `None` is the standard chain.
    pub profile: Option<String>,
    /// Where profiles stand, if not in the usual files.
    pub profile_file: Option<PathBuf>,
    /// Where all of AWS is asked, if not at AWS: something that stands in for it.
    pub endpoint_url: Option<String>,
    /// What a machine costs a month, in US cents, by its type.
    pub prices: BTreeMap<String, u64>,
    /// How patient to be.
    pub patience: Patience,
}

/// EC2, as a witness.
pub struct Ec2 {
    session: Session,
    regions: Vec<String>,
    prices: Prices,
    clock: SharedClock,
}

impl Ec2 {
    /// Makes the adapter; nothing is asked yet.
    ///
    /// # Errors
    /// No region is named, or the machine's certificates cannot be read.
    pub fn new(settings: Settings, clock: SharedClock) -> anyhow::Result<Self> {
        let Settings { regions, profile, profile_file, endpoint_url, prices, patience } = settings;
        anyhow::ensure!(!regions.is_empty(), "no region of AWS is named");
        let way = Way { profile, profile_file, endpoint_url, region: regions.first().cloned(), patience };
        Ok(Self { session: Session::new(way, clock.clone())?, regions, prices: Prices(prices), clock })
    }

    /// Where a cluster's traces are looked for: where its machines were made, else everywhere.
    fn regions_of<'a>(&'a self, traces: &'a Traces) -> Vec<&'a str> {
        let known = &traces.footprint.regions;
        let all: BTreeSet<&str> =
            if known.is_empty() { &self.regions[..] } else { &[] }.iter().chain(known).map(String::as_str).collect();
        all.into_iter().collect()
    }

    async fn certify(&self, regions: Vec<&str>, scope: &Scope, judge: &(dyn Judge + Sync)) -> Certificate {
        let at = self.clock.now();
        let (mut protocol, mut found) = (Protocol::default(), Found::default());
        for name in regions {
            let region = self.session.region(name).await;
            look::look(&self.session, &region, scope, judge, &self.prices, &mut protocol, &mut found).await;
        }
        let lost = scope.images.iter().filter(|id| !found.images.contains(*id));
        protocol.unread.extend(
            lost.map(|id| {
                format!("volumes without tags: the image {id}, whose snapshot would tell them, is not there")
            }),
        );
        let digest = protocol.digest();
        let suspect = found.suspect.into_iter().collect();
        Certificate {
            at,
            asked: protocol.asked,
            digest,
            unread: protocol.unread,
            sure: found.sure.into_iter().collect(),
            suspect,
            more: 0,
        }
    }

    fn machine(&self, row: Instance) -> Machine {
        Machine {
            cents_a_month: self.prices.instance(&row),
            name: row.tags.get("Name").cloned(),
            id: row.id,
            instance_type: row.kind,
            zone: row.zone,
            state: row.state,
            since: row.since,
        }
    }
}

#[async_trait]
impl Cloud for Ec2 {
    async fn preflight(&self, order: &Order) -> Answer<Vec<Finding>> {
        Ok(preflight::preflight(&self.session, order).await)
    }

    async fn sweep(&self, gone: &Traces, neighbours: &[Traces]) -> Answer<Certificate> {
        let list = |set: &BTreeSet<String>| set.iter().cloned().collect();
        let scope = Scope { vpcs: list(&gone.footprint.vpcs), images: list(&gone.footprint.images) };
        Ok(self.certify(self.regions_of(gone), &scope, &Gone { gone, neighbours }).await)
    }

    async fn machines(&self, cluster: &Traces) -> Answer<Vec<Machine>> {
        let judge = Gone { gone: cluster, neighbours: &[] };
        let name = [cluster.name.to_string()];
        let ids: Vec<String> = cluster.footprint.ids.iter().map(|id| format!("kubernetes.io/cluster/{id}")).collect();
        let states = ["pending", "running", "shutting-down", "stopping", "stopped"].map(str::to_owned);
        let states = ("instance-state-name", &states[..]);
        let mut all: BTreeMap<String, Instance> = BTreeMap::new();
        for region in self.regions_of(cluster) {
            let region = self.session.region(region).await;
            let mut asked = vec![region.instances(&[("tag:kaas:cluster", &name), states]).await];
            if !ids.is_empty() {
                asked.push(region.instances(&[("tag-key", &ids), states]).await);
            }
            for asked in asked {
                if let Some(fault) = asked.fault {
                    return Err(fault.trouble(&asked.what));
                }
                all.extend(asked.rows.into_iter().map(|row| (row.id.clone(), row)));
            }
        }
        let ours = |row: &Instance| matches!(instance_verdict(&judge, row), Verdict::Sure(_));
        let mut machines: Vec<Machine> = all.into_values().filter(ours).map(|row| self.machine(row)).collect();
        machines.sort_by(|a, b| (&a.name, &a.id).cmp(&(&b.name, &b.id)));
        Ok(machines)
    }

    async fn orphans(&self, fleet: &[(ClusterKey, Traces)]) -> Answer<Certificate> {
        let images: BTreeSet<&String> = fleet.iter().flat_map(|(_, traces)| &traces.footprint.images).collect();
        let scope = Scope { vpcs: Vec::new(), images: images.into_iter().cloned().collect() };
        let regions: BTreeSet<&str> = self.regions.iter().map(String::as_str).collect();
        Ok(self.certify(regions.into_iter().collect(), &scope, &Fleet { fleet }).await)
    }
}
