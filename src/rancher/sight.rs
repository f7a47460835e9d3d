//! How far a cluster is: usable, on its way, being removed, or gone.
//!
//! Usable is more than `active`: a cluster reads `active` for its first second too, and `Ready` may come before its agent. So every condition is asked
//! for, and the engine wants all of them twice in a row.

use std::collections::BTreeSet;

use serde_json::Value;

use super::failure::{Failure, shown};
use super::{Rancher, known, lasting};
use crate::lifecycle::ClusterFacts;
use crate::lifecycle::form::ClusterName;
use crate::ports::{Answer, Sight};

/// The label by which Cluster API's machines name their cluster.
const CLUSTER_LABEL: &str = "cluster.x-k8s.io/cluster-name";

/// What is known of a cluster's machines.
#[derive(Debug, Default)]
struct Machines {
    up: u32,
    all: u32,
    /// Those that are being deleted.
    leaving: Vec<String>,
}

impl Rancher {
    pub(super) async fn sight(&self, cluster: &ClusterName, id: Option<&str>) -> Answer<Sight> {
        let made = known(self.client.get(&self.provisioning(cluster), &[]).await)?;
        let told = made.as_ref().and_then(|made| made["status"]["clusterName"].as_str()).map(str::to_owned);
        if let (Some(id), Some(told)) = (id, &told)
            && id != told
        {
            return Err(lasting(format!(
                "Rancher has another cluster of the name {cluster}: {}, not {}.",
                shown(told),
                shown(id)
            )));
        }
        let managed = match id.or(told.as_deref()) {
            Some(id) => known(self.client.get(&["v3", "clusters", id], &[]).await)?,
            None => self.by_name(cluster).await?,
        };
        let leaving = made.as_ref().is_some_and(|made| !made["metadata"]["deletionTimestamp"].is_null())
            || managed.as_ref().is_some_and(|managed| !managed["removed"].is_null());
        match (made, managed) {
            (None, None) => {
                self.failures().remove(cluster);
                Ok(Sight::Gone)
            }
            // What is left of one of the two while the other is gone is on its way out, too.
            (made, managed) if leaving || made.is_none() => {
                let detail = self.removal(cluster, made.as_ref(), managed.as_ref()).await?;
                Ok(Sight::Removing { detail })
            }
            (Some(made), Some(managed)) if is_usable(&managed) => {
                self.failures().remove(cluster);
                Ok(Sight::Usable(self.facts(cluster, &made, &managed).await?))
            }
            (made, managed) => self.progress(cluster, made.as_ref(), managed.as_ref()).await,
        }
    }

    /// The management object of that name. Names are unique only within a workspace.
    async fn by_name(&self, cluster: &ClusterName) -> Result<Option<Value>, Failure> {
        let rows = self.client.list(&["v3", "clusters"], &[("name", cluster.as_str())]).await?;
        Ok(rows.into_iter().find(|row| {
            row["name"] == cluster.as_str() && row["fleetWorkspaceName"] == self.settings.workspace.as_str()
        }))
    }

    async fn facts(&self, cluster: &ClusterName, made: &Value, managed: &Value) -> Answer<ClusterFacts> {
        let text = |value: &Value| value.as_str().filter(|text| !text.is_empty()).map(shown);
        let id = text(&managed["id"]).ok_or_else(|| lasting("Rancher tells a cluster without an id."))?;
        let counted =
            managed["nodeCount"].as_u64().and_then(|count| u32::try_from(count).ok()).filter(|count| *count > 0);
        let nodes = match counted {
            Some(count) => count,
            None => self.machines(cluster).await?.map_or(0, |machines| machines.up),
        };
        let version = text(&managed["version"]["gitVersion"]).or_else(|| text(&made["spec"]["kubernetesVersion"]));
        let rancher = self.client.base().to_owned();
        Ok(ClusterFacts {
            nodes,
            version: version.unwrap_or_else(|| "unknown".to_owned()),
            endpoint: text(&managed["apiEndpoint"]),
            page: format!("{rancher}/dashboard/c/{id}/explorer"),
            rancher,
            id,
        })
    }

    async fn progress(&self, cluster: &ClusterName, made: Option<&Value>, managed: Option<&Value>) -> Answer<Sight> {
        let machines = self.machines(cluster).await?;
        let nodes = machines.as_ref().filter(|machines| machines.all > 0).map(|machines| (machines.up, machines.all));
        let mut words = Vec::new();
        if let Some((up, all)) = nodes {
            words.push(format!("{up} of {all} nodes are up"));
        }
        words.push(words_of(made, managed).unwrap_or_else(|| "waiting for Rancher".to_owned()));
        let mut detail = words.join(", ");
        if let Some(failure) = self.failures().get(cluster) {
            detail = format!("{detail}; last failure: {failure}");
        }
        Ok(Sight::Joining { nodes, detail })
    }

    async fn removal(&self, cluster: &ClusterName, made: Option<&Value>, managed: Option<&Value>) -> Answer<String> {
        let leaving = self.machines(cluster).await?.map(|machines| machines.leaving).unwrap_or_default();
        let words = words_of(made, managed);
        Ok(match (leaving.as_slice(), words) {
            ([], None) => "Rancher is removing it".to_owned(),
            ([], Some(words)) => words,
            ([one], _) => format!("1 machine is being removed: {one}"),
            (more, _) => format!("{} machines are being removed: {}", more.len(), shown(&more.join(", "))),
        })
    }

    /// The cluster's machines, and why one could not be made; `None` where kaas' user may not see machines.
    async fn machines(&self, cluster: &ClusterName) -> Result<Option<Machines>, Failure> {
        let filter = format!("metadata.labels[{CLUSTER_LABEL}]={cluster}");
        let rows = match self.client.list(&["v1", "cluster.x-k8s.io.machines"], &[("filter", &filter)]).await {
            Ok(rows) => rows,
            Err(failure) if matches!(failure.status(), Some(403 | 404 | 422)) => return Ok(None),
            Err(failure) => return Err(failure),
        };
        let (mut machines, mut waiting) = (Machines::default(), BTreeSet::new());
        // Filters match parts of values in some versions, and are ignored in others.
        for row in rows.iter().filter(|row| self.belongs(row, cluster)) {
            let name = shown(row["metadata"]["name"].as_str().unwrap_or_default());
            if !row["metadata"]["deletionTimestamp"].is_null() {
                machines.leaving.push(name);
                continue;
            }
            machines.all += 1;
            if row["status"]["phase"] == "Running" || !row["status"]["nodeRef"].is_null() {
                machines.up += 1;
            } else {
                waiting.extend(row["spec"]["infrastructureRef"]["kind"].as_str().map(str::to_ascii_lowercase));
            }
        }
        for kind in waiting.iter().filter(|kind| kind.bytes().all(|b| b.is_ascii_alphanumeric())) {
            self.note_failures(cluster, kind).await?;
        }
        Ok(Some(machines))
    }

    /// Keeps the words in which the infrastructure refused a machine.
    async fn note_failures(&self, cluster: &ClusterName, kind: &str) -> Result<(), Failure> {
        let filter = format!("metadata.labels[{CLUSTER_LABEL}]={cluster}");
        let kind = format!("rke-machine.cattle.io.{kind}s");
        let rows = match self.client.list(&["v1", &kind], &[("filter", &filter)]).await {
            Ok(rows) => rows,
            Err(failure) if matches!(failure.status(), Some(403 | 404 | 422)) => return Ok(()),
            Err(failure) => return Err(failure),
        };
        let refusals = rows.iter().filter(|row| self.belongs(row, cluster)).filter_map(|row| {
            let why = row["status"]["failureMessage"].as_str().filter(|why| !why.is_empty())?;
            Some(format!("{}: {}", shown(row["metadata"]["name"].as_str().unwrap_or("a machine")), shown(why)))
        });
        if let Some(last) = refusals.last() {
            self.failures().insert(cluster.clone(), last);
        }
        Ok(())
    }

    fn belongs(&self, row: &Value, cluster: &ClusterName) -> bool {
        let metadata = &row["metadata"];
        metadata["labels"][CLUSTER_LABEL] == cluster.as_str()
            && metadata["namespace"] == self.settings.workspace.as_str()
    }
}

/// Usable by every condition.
fn is_usable(managed: &Value) -> bool {
    let is_true = |kind: &str| {
        let conditions = managed["conditions"].as_array();
        conditions.is_some_and(|all| all.iter().any(|one| one["type"] == kind && one["status"] == "True"))
    };
    managed["state"] == "active" && managed["transitioning"] == "no" && is_true("Ready") && is_true("Connected")
}

/// What Rancher says is going on: the management object knows more as soon as it says anything.
fn words_of(made: Option<&Value>, managed: Option<&Value>) -> Option<String> {
    let managed = managed.and_then(|managed| managed["transitioningMessage"].as_str());
    let made = made.and_then(|made| made["metadata"]["state"]["message"].as_str());
    managed.into_iter().chain(made).map(shown).find(|words| !words.is_empty())
}
