//! What the simulator knows: the part that outlives the process.
//!
//! Only what was asked for is kept, with the time of asking. How far a cluster has come is never stored: it is computed
//! from these times (life.rs), so that a simulator that was killed goes on where the clock says it should be.

use std::collections::BTreeMap;

use jiff::Timestamp;
use serde::{Deserialize, Serialize};
use serde_json::{Map, Value};
use sha2::{Digest, Sha256};

use super::faults::{Fault, Switch};
use super::rights::{AddedRole, GlobalBinding, GlobalRole};
use crate::clock::Clock;

/// The workspace in which clusters live.
pub(super) const WORKSPACE: &str = "fleet-default";

/// Everything that is kept.
#[derive(Debug, Clone, Serialize, Deserialize)]
pub(super) struct World {
    /// When this Rancher was first started.
    pub started: Timestamp,
    /// The port that it listened on last, to be found there again.
    #[serde(default)]
    pub port: Option<u16>,
    /// Counts writes; objects carry it as their `resourceVersion`.
    pub revision: u64,
    pub users: Vec<User>,
    pub tokens: Vec<Token>,
    pub clusters: Vec<Cluster>,
    pub bindings: Vec<Binding>,
    pub credentials: Vec<Credential>,
    pub machine_configs: Vec<MachineConfig>,
    /// Settings that were changed: name to value.
    pub settings: BTreeMap<String, String>,
    pub faults: BTreeMap<Fault, Switch>,
    /// What somebody added to the roles that Rancher brings along.
    #[serde(default)]
    pub global_roles: Vec<GlobalRole>,
    #[serde(default)]
    pub global_bindings: Vec<GlobalBinding>,
    #[serde(default)]
    pub added_roles: Vec<AddedRole>,
}

/// What a user may do, coarsely.
#[derive(Debug, Clone, Copy, PartialEq, Eq, Serialize, Deserialize)]
#[serde(rename_all = "kebab-case")]
pub(super) enum Role {
    /// Everything.
    Admin,
    /// The global role that kaas' bot should have: owner of every downstream cluster, true 404s, sees machines.
    Bot,
    /// A person: sees what is bound to them, and 403 for everything else.
    Standard,
}

#[derive(Debug, Clone, Serialize, Deserialize)]
pub(super) struct User {
    pub id: String,
    pub username: Option<String>,
    pub name: String,
    pub role: Role,
    pub enabled: bool,
    pub created: Timestamp,
    /// Principals beside `local://<id>`.
    pub principals: Vec<String>,
    /// A digest of the password, if they have one.
    #[serde(default)]
    pub password: Option<String>,
}

#[derive(Debug, Clone, Serialize, Deserialize)]
pub(super) struct Token {
    /// `token-xxxxx`.
    pub name: String,
    pub secret: String,
    pub user: String,
    pub description: String,
    /// The cluster that it is limited to.
    pub cluster: Option<String>,
    pub created: Timestamp,
    /// Milliseconds; 0 is for ever.
    pub ttl: i64,
    /// A token of the ext API wants the prefix `ext/`.
    pub ext: bool,
    /// Made by a login.
    #[serde(default)]
    pub session: bool,
}

#[derive(Debug, Clone, Serialize, Deserialize)]
pub(super) struct Cluster {
    pub name: String,
    /// `c-m-xxxxxxxx`, the id in the management API.
    pub id: String,
    pub created: Timestamp,
    pub creator: String,
    pub labels: Map<String, Value>,
    pub annotations: Map<String, Value>,
    pub spec: Value,
    pub generation: u64,
    pub revision: u64,
    pub machines: Vec<Machine>,
    /// When its last change of specification was asked for.
    pub rollout: Option<Timestamp>,
    /// The Kubernetes version before that change.
    pub version_before: Option<String>,
    pub removed: Option<Timestamp>,
    /// Times in which it stood still because of a fault that is over.
    pub holds: Vec<Hold>,
}

/// A time in which a cluster stood still.
#[derive(Debug, Clone, Copy, Serialize, Deserialize)]
pub(super) struct Hold {
    /// How far it had come, in seconds of progress.
    pub at: f64,
    /// For how many seconds it stood.
    pub length: f64,
}

#[derive(Debug, Clone, Serialize, Deserialize)]
pub(super) struct Machine {
    /// `<cluster>-<pool>-xxxxx-xxxxx`.
    pub name: String,
    pub pool: String,
    pub control_plane: bool,
    pub etcd: bool,
    pub worker: bool,
    pub config_kind: String,
    pub config: String,
    pub credential: Option<String>,
    /// When it was asked for. The machines of the first rollout are as old as their cluster.
    pub created: Timestamp,
    /// When it registers, as a share of the provisioning time after `created`.
    pub joins: f64,
    /// When it was scaled away.
    pub removed: Option<Timestamp>,
    /// Somebody let it go without asking the cloud.
    #[serde(default)]
    pub forced: bool,
}

#[derive(Debug, Clone, Serialize, Deserialize)]
pub(super) struct Binding {
    pub cluster: String,
    pub name: String,
    pub generate_name: bool,
    pub role: String,
    pub user: Option<String>,
    pub user_principal: Option<String>,
    pub group: Option<String>,
    pub group_principal: Option<String>,
    pub annotations: Map<String, Value>,
    pub labels: Map<String, Value>,
    pub creator: Option<String>,
    pub created: Timestamp,
    pub revision: u64,
    pub removed: Option<Timestamp>,
}

#[derive(Debug, Clone, Serialize, Deserialize)]
pub(super) struct Credential {
    /// `cc-xxxxx`.
    pub name: String,
    pub title: String,
    pub description: Option<String>,
    pub created: Timestamp,
    pub creator: String,
    /// An administrator's credential that the bot may use.
    pub shared: bool,
    /// `amazonec2credentialConfig`.
    pub field: String,
    /// Its configuration, without what is secret.
    pub config: Value,
    pub annotations: Map<String, Value>,
    pub labels: Map<String, Value>,
}

#[derive(Debug, Clone, Serialize, Deserialize)]
pub(super) struct MachineConfig {
    pub name: String,
    /// `amazonec2config`.
    pub kind: String,
    /// The whole object as it was sent, with defaults.
    pub object: Map<String, Value>,
    pub created: Timestamp,
    pub creator: String,
    pub generation: u64,
    pub revision: u64,
    /// When the garbage collector takes it, after its cluster is gone.
    pub doomed: Option<Timestamp>,
}

impl World {
    /// A Rancher without users.
    pub fn new(started: Timestamp) -> Self {
        Self {
            started,
            port: None,
            revision: 1000,
            users: Vec::new(),
            tokens: Vec::new(),
            clusters: Vec::new(),
            bindings: Vec::new(),
            credentials: Vec::new(),
            machine_configs: Vec::new(),
            settings: BTreeMap::new(),
            faults: BTreeMap::new(),
            global_roles: Vec::new(),
            global_bindings: Vec::new(),
            added_roles: Vec::new(),
        }
    }

    /// Counts a write and gives it its number.
    pub fn touch(&mut self) -> u64 {
        self.revision += 1;
        self.revision
    }

    pub fn user(&self, id: &str) -> Option<&User> {
        self.users.iter().find(|u| u.id == id)
    }

    /// The user that a principal belongs to.
    pub fn user_of(&self, principal: &str) -> Option<&User> {
        match principal.strip_prefix("local://") {
            Some(id) => self.user(id),
            None => self.users.iter().find(|u| u.principals.iter().any(|p| p == principal)),
        }
    }

    pub fn cluster(&self, id: &str) -> Option<&Cluster> {
        self.clusters.iter().find(|c| c.id == id)
    }

    pub fn cluster_named(&self, name: &str) -> Option<&Cluster> {
        self.clusters.iter().find(|c| c.name == name)
    }

    /// Whether a binding lets `user` see `cluster`, and as its owner.
    pub fn bound(&self, user: &str, cluster: &str) -> Option<bool> {
        let principal = format!("local://{user}");
        let mut mine = self.bindings.iter().filter(|b| {
            b.cluster == cluster
                && b.removed.is_none()
                && (b.user.as_deref() == Some(user) || b.user_principal.as_deref() == Some(&principal))
        });
        let first = mine.next()?;
        Some(first.role == "cluster-owner" || mine.any(|b| b.role == "cluster-owner"))
    }
}

/// The letters of names that Kubernetes draws.
const DRAWN: &[u8; 27] = b"bcdfghjklmnpqrstvwxz2456789";

/// Draws `length` letters such that `taken` is false for them.
pub(super) fn draw(clock: &dyn Clock, length: usize, taken: impl Fn(&str) -> bool) -> String {
    loop {
        let id = clock.id();
        let start = id.len().saturating_sub(length);
        let drawn: String =
            id.bytes().skip(start).map(|b| char::from(DRAWN[usize::from(place(b)) % DRAWN.len()])).collect();
        if !taken(&drawn) {
            return drawn;
        }
    }
}

fn place(letter: u8) -> u8 {
    match letter {
        b'0'..=b'9' => letter - b'0',
        b'a'..=b'z' => letter - b'a' + 10,
        _ => 0,
    }
}

/// An UUID that always belongs to the same thing.
pub(super) fn uuid(kind: &str, name: &str, since: Timestamp) -> String {
    let digest = Sha256::digest(format!("{kind}\0{name}\0{}", since.as_nanosecond()));
    let hex: String = digest.iter().take(16).map(|b| format!("{b:02x}")).collect();
    format!("{}-{}-4{}-a{}-{}", &hex[..8], &hex[8..12], &hex[13..16], &hex[17..20], &hex[20..32])
}

/// The id of the user that Rancher makes for an external principal: `u-` and ten letters of its digest.
pub(super) fn user_id_of(principal: &str) -> String {
    let digest = Sha256::digest(principal.as_bytes());
    format!("u-{}", &base32(&digest, b"abcdefghijklmnopqrstuvwxyz234567")[..10])
}

/// The label by which Rancher finds a user's principal: base32hex without padding, at most 63 letters.
pub(super) fn principal_label(principal: &str) -> String {
    let mut label = base32(principal.as_bytes(), b"0123456789ABCDEFGHIJKLMNOPQRSTUV");
    label.truncate(63);
    label
}

fn base32(bytes: &[u8], alphabet: &[u8; 32]) -> String {
    let mut out = String::new();
    let (mut held, mut bits) = (0u32, 0u32);
    for byte in bytes {
        held = (held << 8) | u32::from(*byte);
        bits += 8;
        while bits >= 5 {
            bits -= 5;
            out.push(char::from(alphabet[((held >> bits) & 31) as usize]));
        }
        held &= (1 << bits) - 1;
    }
    if bits > 0 {
        out.push(char::from(alphabet[((held << (5 - bits)) & 31) as usize]));
    }
    out
}

/// A time as Rancher writes it: whole seconds.
pub(super) fn stamp(at: Timestamp) -> String {
    let text = at.strftime("%Y-%m-%dT%H:%M:%SZ");
    text.to_string()
}

/// A time as milliseconds, cut to whole seconds as Rancher does.
pub(super) fn stamp_ms(at: Timestamp) -> i64 {
    at.as_second() * 1000
}

#[cfg(test)]
mod tests {
    use super::*;
    use crate::clock::ManualClock;

    #[test]
    fn a_simulated_user_of_an_external_principal_has_the_id_that_rancher_computes() {
        assert_eq!(user_id_of("github_user://1234"), "u-6vf4mrvv7e");
        assert_eq!(principal_label("github_user://1234"), "CTKN8Q3LC9FNASR5E8T2UBPH68PJ8");
    }

    #[test]
    fn drawn_names_use_the_letters_of_kubernetes_and_are_not_taken() {
        let clock = ManualClock::at(Timestamp::UNIX_EPOCH);
        let first = draw(&*clock, 8, |_| false);
        assert_eq!(first.len(), 8);
        assert!(first.bytes().all(|b| DRAWN.contains(&b)), "{first}");
        let second = draw(&*clock, 8, |name| name == first);
        assert_ne!(first, second);
    }
}
