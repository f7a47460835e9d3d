//! The whole behaviour of kaas: `step(cluster, input) -> (cluster, effects)`. It decides everything and does nothing.
//!
//! Asks are refused with a reason; facts never are: one that is late, doubled or stale changes nothing. The effects of a state are those of entering it, and
//! entering a state retires the work that the old one asked for.
//!
//! Nothing here does I/O, reads a clock or draws a random number.
//!
//! Reading order: this file (what a turn is), `asks` and `facts` (what may be said to it), `enter` (what entering each state asks for), `access` (ways in, and what
//! is left after a teardown).

mod access;
mod asks;
mod enter;
mod facts;

pub use access::SECOND_LOOK;

use jiff::Timestamp;

use crate::lifecycle::cloud::Footprint;
use crate::lifecycle::form::Form;
use crate::lifecycle::notice::Refusal;
use crate::lifecycle::policy::Policy;
use crate::lifecycle::{
    Ask, Change, ChangeNumber, Cluster, ClusterKey, Effect, Input, Kind, Person, Place, Risk, State, Took, What,
};

/// How much later a lease's end is looked at again while another change is open.
pub const LEASE_RECHECK: jiff::SignedDuration = jiff::SignedDuration::from_hours(1);

/// Within this time of having been told of a plan, nobody is told again that it is open for decision.
const TOLD_LATELY: jiff::SignedDuration = jiff::SignedDuration::from_mins(1);

/// When the removal of a cluster whose lease is over is asked for again, where nobody let it go.
pub const LEASE_ASK_AGAIN: jiff::SignedDuration = jiff::SignedDuration::from_hours(24);

/// What an input led to.
#[derive(Debug, Clone, PartialEq, Eq)]
pub struct Step {
    /// The cluster afterwards.
    pub cluster: Cluster,
    /// What kaas now asks of the world, in order.
    pub effects: Vec<Effect>,
    /// Whether a state was entered, so that the work which the old one asked for is not wanted any more.
    pub entered: bool,
}

/// Decides what an input changes.
///
/// `Ok(None)` means that it changes nothing: a fact that is late, doubled or stale.
///
/// # Errors
/// An ask that the person may not make, or that makes no sense now, with the reason. Facts never err.
pub fn step(
    policy: &Policy,
    key: &ClusterKey,
    cluster: Option<&Cluster>,
    input: &Input,
) -> Result<Option<Step>, Refusal> {
    match (&input.what, cluster) {
        (What::Ask { by, ask: Ask::Request { form, number, place, owned }, .. }, _) => {
            request(policy, key, cluster, by, form, *number, place, *owned, input.at).map(Some)
        }
        (What::Ask { .. }, None) => Err(Refusal::NoSuchCluster { near: None }),
        (What::Ask { by, proof, ask }, Some(cluster)) => Turn::new(policy, cluster, input.at).ask(by, *proof, ask),
        (What::Fact(_), None) => Ok(None),
        (What::Fact(fact), Some(cluster)) => Ok(Turn::new(policy, cluster, input.at).fact(fact)),
    }
}

/// Whether the effect goes on when a state is entered: what is said is said, a pull request that is to be closed is closed whatever comes next, and the lease
/// belongs to the cluster and not to a change.
pub fn survives(effect: &Effect) -> bool {
    match effect {
        Effect::Card
        | Effect::Post(_)
        | Effect::Tell { .. }
        | Effect::CopyCard { .. }
        | Effect::CopyPost { .. }
        | Effect::ShowPlan { .. }
        | Effect::ClosePull
        | Effect::ShowCertificate { .. }
        | Effect::Bind { .. }
        | Effect::Unbind { .. }
        | Effect::AwaitAccessEnd { .. }
        | Effect::Sweep { .. }
        | Effect::AwaitLeaseEnd { .. } => true,
        Effect::OpenPull
        | Effect::MergePull { .. }
        | Effect::MakePlan
        | Effect::Apply { .. }
        | Effect::AwaitUsable { .. }
        | Effect::GrantAccess { .. }
        | Effect::AwaitGone { .. }
        | Effect::ForceRemove { .. }
        | Effect::AwaitDeadline { .. }
        | Effect::AwaitReminder { .. } => false,
    }
}

#[expect(clippy::too_many_arguments, reason = "they are the parts of one ask, named once")]
fn request(
    policy: &Policy,
    key: &ClusterKey,
    cluster: Option<&Cluster>,
    by: &Person,
    form: &Form,
    number: ChangeNumber,
    place: &Place,
    owned: u32,
    at: Timestamp,
) -> Result<Step, Refusal> {
    if !policy.may_request(&by.id) {
        return Err(Refusal::MayNotRequest { admins: policy.admins.clone() });
    }
    if let Some(cluster) = cluster {
        if let Some(open) = cluster.open() {
            return Err(change_open(open));
        }
        if cluster.live.is_some() {
            return Err(Refusal::Exists { owner: cluster.owner.clone() });
        }
    }
    may_start(policy, by, Kind::Create)?;
    if let Some(limit) = policy.clusters_a_person.filter(|limit| owned >= *limit) {
        return Err(Refusal::TooMany { have: owned, limit });
    }
    let change = Change {
        number,
        kind: Kind::Create,
        undo: false,
        by: by.clone(),
        place: place.clone(),
        reason: form.reason.clone(),
        ticket: form.ticket.clone(),
        lease_ended: false,
        asked: at,
        entered: at,
        state: State::Preparing { pull: None, plan: None },
        card: None,
        copies: policy.copies(place),
        took: Took::default(),
        reviews: 0,
        foretold: None,
        told: None,
        findings: Vec::new(),
        matched: None,
    };
    let cluster = Cluster {
        key: key.clone(),
        owner: by.clone(),
        form: form.clone(),
        written: number,
        live: None,
        footprint: Footprint::default(),
        change,
    };
    let mut turn = Turn::new(policy, &cluster, at);
    turn.prepare();
    Ok(turn.done())
}

/// What holds for every new change: nothing is frozen, and enough people could approve it.
fn may_start(policy: &Policy, by: &Person, kind: Kind) -> Result<(), Refusal> {
    if let Some(why) = &policy.frozen {
        return Err(Refusal::Frozen { why: why.clone() });
    }
    let quorum = policy.quorum.of(match kind {
        Kind::Create => Risk::Green,
        Kind::Destroy => Risk::Red,
    });
    let enough = policy.approvers.iter().filter(|p| p.id != by.id).nth((quorum as usize).saturating_sub(1)).is_some();
    if enough || quorum == 0 {
        return Ok(());
    }
    Err(Refusal::NobodyCouldApprove { quorum, approvers: policy.approvers_but(&by.id) })
}

fn change_open(open: &Change) -> Refusal {
    Refusal::ChangeOpen {
        change: open.number,
        kind: open.kind,
        by: open.by.clone(),
        since: open.asked,
        pull: open.state.pull().map(|p| p.url.clone()),
    }
}

/// One input being decided: the cluster as it becomes, and the effects so far.
struct Turn<'p> {
    policy: &'p Policy,
    at: Timestamp,
    cluster: Cluster,
    effects: Vec<Effect>,
    entered: bool,
}

impl<'p> Turn<'p> {
    fn new(policy: &'p Policy, cluster: &Cluster, at: Timestamp) -> Self {
        Self { policy, at, cluster: cluster.clone(), effects: Vec::new(), entered: false }
    }

    /// What everybody sees is shown in every chat of the tenant.
    fn done(mut self) -> Step {
        for copy in &self.cluster.change.copies {
            let copied: Vec<Effect> = self.effects.iter().filter_map(|one| one.copied(&copy.place.chat)).collect();
            self.effects.extend(copied);
        }
        Step { cluster: self.cluster, effects: self.effects, entered: self.entered }
    }
}
