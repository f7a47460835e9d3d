//! The machines of a cluster: Cluster API's side (which node is it, has it registered) and the infrastructure's (what the cloud said of it).
//!
//! The cloud's refusals stand there for some seconds only, so they are read on every look. A user without the right to see machines sees none, and is told
//! less; that is no error.

use std::collections::{BTreeMap, BTreeSet};

use serde_json::{Value, json};

use super::failure::{Failure, shown};
use super::{Rancher, known, lasting};
use crate::lifecycle::form::ClusterName;
use crate::ports::{Answer, Call, Trouble};

/// The label by which machines name their cluster.
const CLUSTER_LABEL: &str = "cluster.x-k8s.io/cluster-name";
/// What lets a machine go without asking the cloud.
const FORCE: &str = "provisioning.cattle.io/force-machine-remove";
/// How often a write is tried anew that somebody else's write came before.
const CONFLICTS_MAX: u32 = 5;

/// One machine.
#[derive(Debug, Clone, Default, PartialEq, Eq)]
pub(super) struct Machine {
    pub name: String,
    /// The kind of its infrastructure, in lower case: `amazonec2machine`.
    kind: Option<String>,
    up: bool,
    /// Whether it is being deleted.
    pub leaving: bool,
    etcd: bool,
    control_plane: bool,
    /// What it waits for, in Rancher's own words.
    message: String,
    /// Why the cloud refused it.
    failure: Option<String>,
}

/// The machines of a cluster, by name.
#[derive(Debug, Clone, Default)]
pub(super) struct Machines(BTreeMap<String, Machine>);

impl Machines {
    /// Those that are not being deleted.
    pub fn staying(&self) -> impl Iterator<Item = &Machine> {
        self.0.values().filter(|machine| !machine.leaving)
    }

    pub fn leaving(&self) -> impl Iterator<Item = &Machine> {
        self.0.values().filter(|machine| machine.leaving)
    }

    /// How many have registered.
    pub fn up(&self) -> usize {
        self.staying().filter(|machine| machine.up).count()
    }

    pub fn is_up(&self, name: &str) -> bool {
        self.0.get(name).is_some_and(|machine| machine.up)
    }

    /// A machine that the cloud refused just now, and why.
    pub fn failed(&self) -> Option<(String, String)> {
        self.staying().find_map(|machine| Some((machine.name.clone(), machine.failure.clone()?)))
    }

    /// What the next machine waits for: etcd comes first, then the control plane.
    pub fn next_step(&self) -> Option<String> {
        let next = self.staying().filter(|machine| !machine.up && !machine.message.is_empty());
        let next = next.min_by_key(|machine| (!machine.etcd, !machine.control_plane))?;
        let role = match next {
            Machine { etcd: true, .. } => "etcd",
            Machine { control_plane: true, .. } => "control plane",
            _ => "worker",
        };
        Some(format!("{role} {}", plain(&next.message)))
    }
}

impl Machine {
    /// Name, and what it waits for.
    pub fn leaving_line(&self) -> String {
        let why = self.failure.clone().unwrap_or_else(|| plain(&self.message));
        if why.is_empty() { self.name.clone() } else { format!("{} ({why})", self.name) }
    }
}

/// Rancher's words about a machine, without the names that it repeats in them.
fn plain(message: &str) -> String {
    let of_server = |verb: &str| message.starts_with(&format!("{verb} server ["));
    if of_server("creating") {
        "waiting for its server to be made".to_owned()
    } else if of_server("deleting") {
        "waiting for its server to be deleted".to_owned()
    } else if let Some((_, why)) = message.split_once(" in infrastructure provider: ") {
        why.to_owned()
    } else {
        message.to_owned()
    }
}

impl Rancher {
    /// The cluster's machines; `None` where kaas' user may not see machines.
    pub(super) async fn machines_of(
        &self,
        cluster: &ClusterName,
        made: Option<&Value>,
    ) -> Result<Option<Machines>, Failure> {
        let Some(rows) = self.rows("cluster.x-k8s.io.machine", cluster).await? else { return Ok(None) };
        let mut machines = Machines::default();
        for row in &rows {
            let machine = read(row);
            machines.0.insert(machine.name.clone(), machine);
        }
        // The infrastructure outlives its machine while it is removed, and is there before it is named.
        let pools = made.and_then(|made| made.pointer("/spec/rkeConfig/machinePools")).and_then(Value::as_array);
        let pools = pools.into_iter().flatten().filter_map(|pool| pool["machineConfigRef"]["kind"].as_str());
        let pools =
            pools.filter_map(|kind| Some(format!("{}machine", kind.strip_suffix("Config")?.to_ascii_lowercase())));
        let kinds: BTreeSet<String> =
            machines.0.values().filter_map(|machine| machine.kind.clone()).chain(pools).collect();
        for kind in kinds.iter().filter(|kind| kind.bytes().all(|b| b.is_ascii_alphanumeric())) {
            for row in self.rows(&format!("rke-machine.cattle.io.{kind}"), cluster).await?.unwrap_or_default() {
                let name = name_of(&row);
                let new = || Machine { name: name.clone(), kind: Some(kind.clone()), ..read(&row) };
                let machine = machines.0.entry(name.clone()).or_insert_with(new);
                machine.kind = Some(kind.clone());
                machine.failure = row["status"]["failureMessage"].as_str().map(shown).filter(|why| !why.is_empty());
                if machine.leaving && machine.message.is_empty() {
                    machine.message = message_of(&row);
                }
            }
        }
        Ok(Some(machines))
    }

    /// The rows of a kind that belong to a cluster; `None` where kaas' user may not see that kind.
    async fn rows(&self, kind: &str, cluster: &ClusterName) -> Result<Option<Vec<Value>>, Failure> {
        let filter = format!("metadata.labels[{CLUSTER_LABEL}]={cluster}");
        match self.client.list(&["v1", &format!("{kind}s")], &[("filter", &filter)]).await {
            // Filters match parts of values in some versions, and are ignored in others.
            Ok(rows) => Ok(Some(rows.into_iter().filter(|row| self.belongs(row, cluster)).collect())),
            Err(failure) if matches!(failure.status(), Some(403 | 404 | 422)) && failure.is_hidden() => Ok(None),
            Err(failure) if failure.is_not_found() => Ok(None),
            Err(failure) => Err(failure),
        }
    }

    fn belongs(&self, row: &Value, cluster: &ClusterName) -> bool {
        let metadata = &row["metadata"];
        metadata["labels"][CLUSTER_LABEL] == cluster.as_str()
            && metadata["namespace"] == self.settings.workspace.as_str()
    }

    /// The names of all machines, also of those that are being made or removed.
    pub(super) async fn machine_names(&self, cluster: &ClusterName) -> Answer<Vec<String>> {
        let made = known(self.client.get(&self.provisioning(cluster), &[]).await)?;
        let machines = self.machines_of(cluster, made.as_ref()).await?.unwrap_or_default();
        Ok(machines.0.into_keys().collect())
    }

    /// Lets a machine go that cannot be removed.
    pub(super) async fn let_go(&self, call: &Call, cluster: &ClusterName, machine: &str) -> Answer<()> {
        let made = known(self.client.get(&self.provisioning(cluster), &[]).await)?;
        let Some(machines) = self.machines_of(cluster, made.as_ref()).await? else {
            return Err(lasting(
                "Rancher does not show machines to kaas: an operator has to look at the rights of kaas' user.",
            ));
        };
        let Some(Machine { kind: Some(kind), leaving, .. }) = machines.0.get(machine) else {
            // An earlier attempt may have let it go.
            return if call.attempt > 1 {
                Ok(())
            } else {
                Err(lasting(format!("{cluster} has no machine {}.", shown(machine))))
            };
        };
        if !leaving {
            let line =
                format!("{machine} is not being removed, so it is not let go: destroy {cluster}, or resize it, first.");
            return Err(lasting(line));
        }
        let kind = format!("rke-machine.cattle.io.{kind}s");
        let path = ["v1", kind.as_str(), &self.settings.workspace, machine];
        for _ in 0..CONFLICTS_MAX {
            if call.stop.is_cancelled() {
                return Err(Trouble::Stopped);
            }
            // The infrastructure is gone: what is left of the machine goes by itself.
            let Some(mut object) = known(self.client.get(&path, &[]).await)? else { return Ok(()) };
            if !self.belongs(&object, cluster) || !object["metadata"].is_object() {
                return Err(lasting(format!("Rancher answers with another machine than {machine} of {cluster}.")));
            }
            if object["metadata"]["annotations"][FORCE] == "true" {
                return Ok(());
            }
            object["metadata"]["annotations"][FORCE] = json!("true");
            match self.client.put(&path, &object).await {
                Ok(_) => return Ok(()),
                Err(failure) if failure.is_not_found() => return Ok(()),
                Err(failure) if failure.is_conflict() => {}
                Err(failure) if failure.status() == Some(403) => {
                    return Err(Trouble::lasting(
                        format!(
                            "kaas' user may not let {machine} go: a Rancher admin has to set the annotation {FORCE} on it, or give kaas that right."
                        ),
                        failure,
                    ));
                }
                Err(failure) => return Err(failure.into()),
            }
        }
        Err(Trouble::Passing { line: format!("Rancher keeps changing {machine}."), wait: None, source: None })
    }
}

fn name_of(row: &Value) -> String {
    shown(row["metadata"]["name"].as_str().unwrap_or_default())
}

fn message_of(row: &Value) -> String {
    row["metadata"]["state"]["message"].as_str().map(shown).unwrap_or_default()
}

fn read(row: &Value) -> Machine {
    let labels = &row["metadata"]["labels"];
    let kind = row["spec"]["infrastructureRef"]["kind"].as_str().map(str::to_ascii_lowercase);
    Machine {
        name: name_of(row),
        kind,
        up: row["status"]["phase"] == "Running" || !row["status"]["nodeRef"].is_null(),
        leaving: !row["metadata"]["deletionTimestamp"].is_null(),
        etcd: labels["rke.cattle.io/etcd-role"] == "true",
        control_plane: labels["rke.cattle.io/control-plane-role"] == "true",
        message: message_of(row),
        failure: None,
    }
}
