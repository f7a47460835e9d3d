//! Rancher and the cloud as witnesses: which machines there are, what a plan would meet, and what a teardown left.

use std::collections::BTreeSet;

use jiff::{SignedDuration, Timestamp};
use tokio_util::sync::CancellationToken;

use crate::lifecycle::cloud::{Certificate, Finding, Footprint, Order, Weight};
use crate::lifecycle::{Cluster, ClusterKey, EffectKey, Fact, Input, InputId, Person, State, What};
use crate::ports::{Answer, Call, Machine, Progress, Sight, Traces, Trouble};
use crate::record::Outcome;
use crate::render::{pull, say};
use crate::store::Filter;

use super::perform::Scene;
use super::work::GONE_LIMIT;
use super::{Engine, Tenant};

/// How long before its end kaas warns of its token in Rancher.
const TOKEN_WARNING: SignedDuration = SignedDuration::from_hours(14 * 24);

/// How long the card shows what terraform says of an apply, before it shows what Rancher says.
const TERRAFORM_SPEAKS: SignedDuration = SignedDuration::from_secs(60);

/// How long `show` waits for the cloud before it answers without it.
const SHOW_PATIENCE: std::time::Duration = std::time::Duration::from_secs(2);

impl Engine {
    /// Tells the core something that no effect asked for.
    pub(super) async fn learn(&self, key: &ClusterKey, id: String, fact: Fact) -> anyhow::Result<()> {
        let input = Input { id: InputId(id), at: self.clock.now(), what: What::Fact(fact) };
        self.take(key, &input).await.map(drop)
    }

    /// The traces of every cluster of every tenant that exists or is being worked at, but of one.
    async fn fleet(&self, but: Option<&ClusterKey>) -> anyhow::Result<Vec<(ClusterKey, Traces)>> {
        let mut all = Vec::new();
        for key in self.store.keys().await? {
            if Some(&key) == but {
                continue;
            }
            let Some(record) = self.store.load(&key).await? else { continue };
            let cluster = record.cluster;
            if cluster.live.is_some() || cluster.open().is_some() {
                all.push((key, traces(&cluster)));
            }
        }
        Ok(all)
    }

    /// What in the account belongs to no cluster; `None` where the tenant has no cloud that is looked at.
    pub(super) async fn orphans(&self, tenant: &Tenant) -> anyhow::Result<Option<Certificate>> {
        let Some(cloud) = &tenant.cloud else { return Ok(None) };
        let fleet = self.fleet(None).await?;
        Ok(Some(cloud.orphans(&fleet).await?))
    }

    /// The machines of a cluster that exists, where they can be had at once.
    pub(super) async fn machines_of(&self, tenant: &Tenant, cluster: &Cluster) -> Option<Vec<Machine>> {
        let cloud = tenant.cloud.as_ref()?;
        if cluster.footprint.is_empty() || cluster.live.is_none() {
            return None;
        }
        let looked = tokio::time::timeout(SHOW_PATIENCE, cloud.machines(&traces(cluster))).await.ok()?;
        looked
            .inspect_err(|trouble| tracing::warn!(cluster = %cluster.key, cloud.trouble = %trouble, "the machines could not be read"))
            .ok()
    }
}

impl Engine {
    /// Asks every tenant's Rancher how long kaas' token is good, and warns in time: without it nothing is applied and nothing can be taken down.
    pub(super) async fn watch_tokens(&self) -> anyhow::Result<()> {
        for tenant in self.tenants.values() {
            let standing = match tenant.fleet.standing().await {
                Ok(standing) => standing,
                Err(trouble) => {
                    tracing::warn!(tenant = %tenant.name, rancher.trouble = %trouble, "Rancher does not say how long kaas' token is good");
                    continue;
                }
            };
            let Some(ends) = standing.token_ends else { continue };
            let left = ends.duration_since(self.clock.now());
            #[expect(clippy::cast_precision_loss, reason = "seconds, for a gauge")]
            metrics::gauge!("kaas_rancher_token_seconds", "tenant" => tenant.name.to_string())
                .set(left.as_secs() as f64);
            if left <= TOKEN_WARNING {
                tracing::warn!(tenant = %tenant.name, rancher.token_ends = %ends, "kaas' token in Rancher ends soon: kaas rancher setup --new-token makes another");
                self.tell_admins(tenant, ends).await?;
            }
        }
        Ok(())
    }

    /// Tells the admins, where kaas has spoken before.
    async fn tell_admins(&self, tenant: &Tenant, ends: Timestamp) -> anyhow::Result<()> {
        let filter = Filter { tenant: tenant.name.clone(), owner: None, waiting: false, limit: 1 };
        let Some(row) = self.store.list(&filter).await?.rows.into_iter().next() else { return Ok(()) };
        let Some(record) = self.store.load(&row.key).await? else { return Ok(()) };
        let place = &record.cluster.change.place;
        let Ok(chat) = self.chat(place) else { return Ok(()) };
        let message = say::token_ends(ends, self.clock.now(), &tenant.time_zone);
        // One a day and admin, however often kaas starts.
        let day = u64::try_from(self.clock.now().as_second() / 86_400).unwrap_or_default();
        for (index, admin) in tenant.policy.admins.iter().enumerate() {
            let index = u32::MAX - 1 - u32::try_from(index).unwrap_or_default();
            let key = EffectKey { cluster: row.key.clone(), revision: day, index };
            let call = Call { key, attempt: 2, stop: CancellationToken::new() };
            if let Err(trouble) = chat.tell(&call, place, admin, &message, None).await {
                tracing::warn!(person = %admin.id, chat.trouble = %trouble, "an admin could not be told that kaas' token ends");
            }
        }
        Ok(())
    }
}

impl Scene<'_> {
    /// Remembers the names of the machines that there are now: they are what a sweep goes by.
    pub(super) async fn note_machines(&self) -> Answer<()> {
        let machines = self.tenant.fleet.machines(&self.cluster.key.name).await?;
        self.remember(machines).await
    }

    async fn remember(&self, mut machines: Vec<String>) -> Answer<()> {
        machines.sort();
        let known = &self.cluster.footprint.machines;
        machines.retain(|machine| !known.contains(machine));
        if machines.is_empty() {
            return Ok(());
        }
        let id = format!("machines/{}/{}", self.call.key, machines.join("/"));
        let fact = Fact::MachinesSeen { machines };
        let learnt = self.engine.learn(&self.cluster.key, id, fact).await;
        learnt.map_err(|fault| Trouble::passing("kaas cannot write its store", fault))
    }

    /// While terraform applies it waits for Rancher, and Rancher makes machines: which ones, and why one cannot be made, is told for seconds only. Never
    /// returns.
    pub(super) async fn watch_machines(&self) -> std::convert::Infallible {
        let mut seen: BTreeSet<String> = self.cluster.footprint.machines.clone();
        let mut told = false;
        loop {
            tokio::time::sleep(super::unsigned(self.engine.pace.poll)).await;
            let machines = self.tenant.fleet.machines(&self.cluster.key.name).await.unwrap_or_default();
            let news: Vec<String> = machines.into_iter().filter(|machine| !seen.contains(machine)).collect();
            if !news.is_empty() {
                seen.extend(news.iter().cloned());
                if let Err(trouble) = self.remember(news).await {
                    tracing::warn!(cluster = %self.cluster.key, engine.trouble = %trouble, "machines could not be noted; they are read again");
                    seen.clone_from(&self.cluster.footprint.machines);
                }
            }
            // At first what terraform says is news; later it only waits for Rancher.
            let waited = self.engine.clock.now().duration_since(self.now);
            if waited <= TERRAFORM_SPEAKS {
                continue;
            }
            let Ok(sight) = self.tenant.fleet.look(&self.cluster.key.name, None).await else { continue };
            if let Sight::Removing { detail } = &sight
                && waited > GONE_LIMIT
                && !told
            {
                let fact = Fact::Lingers { detail: detail.clone() };
                let id = format!("lingers/{}/{}", self.call.key, self.call.attempt);
                told = self.engine.learn(&self.cluster.key, id, fact).await.is_ok();
            }
            if let Sight::Joining { detail, .. } | Sight::Removing { detail } = sight {
                self.show(Progress { step: "applying", done: None, detail: Some(detail) });
            }
        }
    }

    /// Looks at the cloud for a plan, and has the core know what was found before the plan itself.
    pub(super) async fn survey(&self, order: Order) -> Answer<()> {
        let findings = match &self.tenant.cloud {
            Some(cloud) if !order.pools.is_empty() && self.cluster.live.is_none() && !self.cluster.change.undo => {
                match cloud.preflight(&order).await {
                    Ok(findings) => findings,
                    Err(Trouble::Stopped) => return Err(Trouble::Stopped),
                    Err(trouble) => {
                        vec![Finding { weight: Weight::Unread, what: trouble.to_string(), remedy: None }]
                    }
                }
            }
            _ => Vec::new(),
        };
        if findings.is_empty() && order.pools.is_empty() {
            return Ok(());
        }
        let id = format!("survey/{}/{}", self.call.key, self.call.attempt);
        let learnt = self.engine.learn(&self.cluster.key, id, Fact::Surveyed { findings, order }).await;
        learnt.map_err(|fault| Trouble::passing("kaas cannot write its store", fault))
    }

    /// Searches the cloud for what a teardown left.
    pub(super) async fn sweep_up(&self, round: u32, footprint: &Footprint) -> Answer<Outcome> {
        let Some(cloud) = &self.tenant.cloud else { return Ok(Outcome::Done) };
        let store = |fault: anyhow::Error| Trouble::passing("kaas cannot read its store", fault);
        // A new life of the same name is a neighbour, too, and known by its own id.
        let reborn = self.cluster.change.number != self.change || self.cluster.live.is_some();
        let but = (!reborn).then_some(&self.cluster.key);
        let neighbours: Vec<Traces> =
            self.engine.fleet(but).await.map_err(store)?.into_iter().map(|(_, traces)| traces).collect();
        let gone = Traces { name: self.cluster.key.name.clone(), footprint: footprint.clone() };
        let mut certificate = cloud.sweep(&gone, &neighbours).await?;
        certificate.shorten();
        Ok(Outcome::Fact(Fact::Swept { change: self.change, round, certificate }))
    }

    pub(super) async fn show_certificate(&self, number: u64, round: u32, found: &Certificate) -> Answer<Outcome> {
        let body = pull::certificate_comment(self.change, round, found, &say::cloud::certificate_text(found));
        self.tenant.forge.comment(&self.call, number, "kaas:certificate", &body).await?;
        Ok(Outcome::Done)
    }

    pub(super) async fn force_remove(&self, machine: &str, by: &Person) -> Answer<Outcome> {
        self.tenant.fleet.force_remove(&self.call, &self.cluster.key.name, machine).await?;
        Ok(Outcome::Fact(Fact::ForceRemoved { machine: machine.to_owned(), by: by.clone() }))
    }

    /// What a create that failed left tainted would be destroyed by going on. Where the cluster got well after all, the taint is taken away; otherwise a
    /// person has to say what becomes of it.
    pub(super) async fn heal(&self, job: &crate::ports::Job) -> Answer<()> {
        if job.destroy {
            return Ok(());
        }
        let tainted = self.tenant.runner.tainted(&self.call, job).await?;
        if tainted.is_empty() {
            return Ok(());
        }
        let line = match self.tenant.fleet.look(&self.cluster.key.name, None).await? {
            Sight::Usable(_) => {
                tracing::info!(cluster = %self.cluster.key, ?tainted, "got well after its apply had failed: the taint is taken away");
                return self.tenant.runner.untaint(&self.call, job, &tainted).await;
            }
            Sight::Joining { detail, .. } => format!(
                "Rancher is still at it ({detail}), and applying again now would destroy what it has made so far. Wait until it is done, then retry; or cancel"
            ),
            Sight::Removing { detail } => {
                format!("Rancher is removing it ({detail}). Wait until it is gone, then retry")
            }
            Sight::Gone => return Ok(()),
        };
        Err(Trouble::Lasting { line, source: None })
    }
}

/// What is known of a cluster's traces.
fn traces(cluster: &Cluster) -> Traces {
    let mut footprint = cluster.footprint.clone();
    footprint.ids.extend(cluster.live.iter().map(|live| live.facts.id.clone()));
    if let State::Joining(joining) = &cluster.change.state {
        footprint.ids.extend(joining.cluster_id.clone());
    }
    Traces { name: cluster.key.name.clone(), footprint }
}
