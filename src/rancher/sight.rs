//! How far a cluster is: usable, on its way, being removed, or gone.
//!
//! Usable is more than `active`: a cluster reads `active` for its first second too, and `Ready` may come before its agent. So every condition is asked
//! for, and the engine wants all of them twice in a row.

use serde_json::Value;

use super::failure::{Failure, shown};
use super::machines::{Machine, Machines};
use super::{Rancher, known, lasting};
use crate::lifecycle::ClusterFacts;
use crate::lifecycle::form::ClusterName;
use crate::ports::{Answer, Sight};

/// How many machines that are being removed are named.
const LEAVING_SHOWN: usize = 5;
/// What Rancher says of a cluster while no machine of it is there: its machines say more.
const NO_MACHINE_YET: &str = "waiting for viable init node";

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
            None => {
                let machines = self.machines_of(cluster, Some(made)).await?;
                machines.map_or(0, |machines| u32::try_from(machines.up()).unwrap_or(u32::MAX))
            }
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
        let machines = self.machines_of(cluster, made).await?;
        self.note_failures(cluster, machines.as_ref());
        let count = |many: usize| u32::try_from(many).unwrap_or(u32::MAX);
        let nodes = machines.as_ref().map(|all| (count(all.up()), count(all.staying().count())));
        let nodes = nodes.filter(|(_, all)| *all > 0);
        let mut words: Vec<String> =
            nodes.map(|(up, all)| format!("{up} of {all} nodes registered")).into_iter().collect();
        words.push(going_on(words_of(made, managed), machines.as_ref()));
        let mut detail = words.join(", ");
        if let Some((machine, why)) = self.failures().get(cluster) {
            detail = format!("{detail}; last failure: {machine}: {why}");
        }
        Ok(Sight::Joining { nodes, detail })
    }

    async fn removal(&self, cluster: &ClusterName, made: Option<&Value>, managed: Option<&Value>) -> Answer<String> {
        let machines = self.machines_of(cluster, made).await?.unwrap_or_default();
        let leaving: Vec<String> = machines.leaving().take(LEAVING_SHOWN).map(Machine::leaving_line).collect();
        let more = machines.leaving().count() - leaving.len();
        Ok(match (leaving.as_slice(), words_of(made, managed)) {
            ([], None) => "Rancher is removing it".to_owned(),
            ([], Some(words)) => words,
            ([one], _) => format!("1 machine is being removed: {one}"),
            (shown, _) => {
                let rest = if more > 0 { format!(" and {more} more") } else { String::new() };
                format!("{} machines are being removed: {}{rest}", shown.len() + more, shown.join(", "))
            }
        })
    }

    /// Keeps the words in which the infrastructure refused a machine, until that machine is there.
    fn note_failures(&self, cluster: &ClusterName, machines: Option<&Machines>) {
        let Some(machines) = machines else { return };
        let mut failures = self.failures();
        if failures.get(cluster).is_some_and(|(machine, _)| machines.is_up(machine)) {
            failures.remove(cluster);
        }
        if let Some(failed) = machines.failed() {
            failures.insert(cluster.clone(), failed);
        }
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

/// What is waited for, of what Rancher says of the cluster and of its machines.
fn going_on(words: Option<String>, machines: Option<&Machines>) -> String {
    let of_machine = || machines.and_then(Machines::next_step);
    match words {
        None => of_machine().unwrap_or_else(|| "waiting for Rancher".to_owned()),
        Some(words) if words == NO_MACHINE_YET => of_machine().unwrap_or(words),
        Some(words) => without_names(&words).unwrap_or(words),
    }
}

/// `configuring bootstrap node(s) crucial-sandbox-cp-a-x7k2m: waiting for probes: etcd` says `etcd waiting for probes: etcd`: the names are long, and of
/// the first node it is etcd that everything waits for.
fn without_names(words: &str) -> Option<String> {
    let (role, rest) = words.strip_prefix("configuring ")?.split_once(" node(s) ")?;
    let (_, step) = rest.split_once(": ")?;
    let role = if role == "bootstrap" { "etcd" } else { role };
    Some(format!("{role} {step}"))
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn the_names_of_nodes_are_left_out_of_what_is_told() {
        for (told, short) in [
            (
                "configuring bootstrap node(s) a-x-1: waiting for probes: etcd, kubelet",
                "etcd waiting for probes: etcd, kubelet",
            ),
            (
                "configuring worker node(s) a-x-1 and 3 more: waiting for plan to be applied",
                "worker waiting for plan to be applied",
            ),
            ("configuring control plane node(s) a-x-2: waiting for kubelet", "control plane waiting for kubelet"),
            ("waiting for cluster agent to connect", "waiting for cluster agent to connect"),
            ("configuring etcd node(s) x", "configuring etcd node(s) x"),
        ] {
            assert_eq!(going_on(Some(told.to_owned()), None), short);
        }
        assert_eq!(going_on(None, None), "waiting for Rancher");
        assert_eq!(going_on(Some(NO_MACHINE_YET.to_owned()), None), NO_MACHINE_YET);
    }
}
