//! Ways in that people give each other, and what is left in the cloud after a teardown.
//!
//! Both belong to the cluster and not to a change: they go on while changes come and go.
//!
//! Nothing here does I/O, reads a clock or draws a random number.

use jiff::{SignedDuration, Timestamp};

use crate::lifecycle::cloud::{Certificate, Finding, Order};
use crate::lifecycle::notice::{Notice, Refusal, Wanted};
use crate::lifecycle::{ChangeNumber, Effect, Fault, Grant, Live, Matched, Person, State, Subject};

use super::Turn;

/// How long after a teardown the cloud is searched once more: what was terminated stays visible for a while, and what was being made may still come up.
pub const SECOND_LOOK: SignedDuration = SignedDuration::from_mins(30);

/// A way in is not given for less than this.
const SHORTEST: SignedDuration = SignedDuration::from_mins(1);

impl Turn<'_> {
    pub(super) fn give_access(
        &mut self,
        by: &Person,
        to: &str,
        subject: &Subject,
        role: Option<&str>,
        lasts: Option<SignedDuration>,
    ) -> Result<(), Refusal> {
        self.steerable(by, Wanted::Access)?;
        let live = self.live()?;
        if self.cluster.change.leaving() {
            return Err(Refusal::NotReady { state: "leaving".to_owned() });
        }
        let policy = &self.policy.access;
        let role = role.or(policy.roles.first().map(String::as_str)).unwrap_or_default().to_owned();
        if !policy.roles.contains(&role) {
            return Err(Refusal::RoleNotGiven { role, roles: policy.roles.clone() });
        }
        if let Some(longest) = policy.longest
            && lasts.is_none_or(|lasts| lasts > longest)
        {
            return Err(Refusal::TooLong { longest });
        }
        let until = lasts.and_then(|lasts| self.at.saturating_add(lasts.max(SHORTEST)).ok());
        let same = live.grants.iter().position(|grant| grant.is_of(to, Some(subject)) && grant.role == role);
        let cluster_id = live.facts.id.clone();
        if let Some(same) = same {
            return self.lengthen(by, same, until);
        }
        self.effects.push(Effect::Bind {
            cluster_id,
            to: to.to_owned(),
            subject: subject.clone(),
            role,
            until,
            by: by.clone(),
        });
        Ok(())
    }

    /// A way in that is there already: it may last longer than it did. One for as long as the cluster lives is not made shorter by the way.
    fn lengthen(&mut self, by: &Person, index: usize, until: Option<Timestamp>) -> Result<(), Refusal> {
        let Some(grant) = self.cluster.live.as_mut().and_then(|live| live.grants.get_mut(index)) else { return Ok(()) };
        let longer = match (grant.until, until) {
            (None, _) => false,
            (Some(_), None) => true,
            (Some(had), Some(now)) => now > had,
        };
        if !longer {
            let (to, role) = (grant.to.clone(), grant.role.clone());
            return Err(Refusal::HasAccess { to, role, until: grant.until });
        }
        grant.until = until;
        let grant = grant.clone();
        self.end_later(&grant);
        self.effects.push(Effect::Post(Notice::AccessGiven { grant, by: by.clone() }));
        Ok(())
    }

    pub(super) fn revoke(&mut self, by: &Person, to: &str, subject: Option<&Subject>) -> Result<(), Refusal> {
        self.steerable(by, Wanted::Revoke)?;
        let live = self.live()?;
        let theirs: Vec<Grant> = live.grants.iter().filter(|grant| grant.is_of(to, subject)).cloned().collect();
        if theirs.is_empty() {
            let have = live.grants.iter().map(|grant| grant.to.clone()).collect();
            return Err(Refusal::NoAccess { to: to.to_owned(), have });
        }
        for grant in theirs {
            self.effects.push(Effect::Unbind { binding: grant.binding, to: grant.to, by: Some(by.clone()) });
        }
        Ok(())
    }

    pub(super) fn force_remove(&mut self, by: &Person, machine: &str) -> Result<(), Refusal> {
        if !self.policy.is_admin(&by.id) {
            let admins = self.policy.admins.clone();
            return Err(Refusal::AdminsOnly { wanted: Wanted::ForceRemove, admins });
        }
        if !self.open(Wanted::ForceRemove)?.leaving() {
            return Err(Refusal::NothingStuck);
        }
        self.effects.push(Effect::ForceRemove { machine: machine.to_owned(), by: by.clone() });
        Ok(())
    }

    pub(super) fn bound(&mut self, grant: &Grant, by: &Person) -> bool {
        let Some(live) = &mut self.cluster.live else { return false };
        if let Some(index) = live.grants.iter().position(|known| known.binding == grant.binding) {
            return self.lengthen(by, index, grant.until).is_ok();
        }
        live.grants.push(grant.clone());
        self.cluster.change.told = None;
        self.end_later(grant);
        self.effects.push(Effect::Post(Notice::AccessGiven { grant: grant.clone(), by: by.clone() }));
        true
    }

    pub(super) fn unbound(&mut self, binding: &str, by: Option<&Person>) -> bool {
        let Some(live) = &mut self.cluster.live else { return false };
        let Some(index) = live.grants.iter().position(|grant| grant.binding == binding) else { return false };
        let grant = live.grants.remove(index);
        self.cluster.change.told = None;
        self.effects.push(Effect::Post(Notice::AccessTaken { grant, by: by.cloned() }));
        true
    }

    pub(super) fn access_ended(&mut self, binding: &str, at: Timestamp) -> bool {
        let Some(live) = &self.cluster.live else { return false };
        // One that was lengthened meanwhile ends later.
        let ended = live.grants.iter().find(|grant| grant.binding == binding && grant.until == Some(at));
        let Some(grant) = ended.cloned() else { return false };
        self.effects.push(Effect::Unbind { binding: grant.binding, to: grant.to, by: None });
        true
    }

    /// A way in that was not given must not come into force later, unknown to everybody: what there may be of it is taken back.
    pub(super) fn access_failed(
        &mut self,
        (to, back): (&str, bool),
        fault: &Fault,
        binding: Option<&str>,
        by: Option<&Person>,
    ) -> bool {
        let Some(live) = &self.cluster.live else { return false };
        let known = |binding: &&str| live.grants.iter().any(|grant| grant.binding == **binding);
        if let Some(binding) = binding.filter(|binding| !known(binding)) {
            self.effects.push(Effect::Unbind { binding: binding.to_owned(), to: to.to_owned(), by: None });
        }
        let notice = Notice::AccessFailed { to: to.to_owned(), back, fault: fault.clone() };
        self.effects.push(Effect::Post(notice.clone()));
        let admins = self.policy.admins.iter().filter(|admin| by.is_none_or(|by| by.id != admin.id));
        for to in by.into_iter().chain(admins) {
            self.effects.push(Effect::Tell { to: to.clone(), notice: notice.clone() });
        }
        true
    }

    pub(super) fn force_removed(&mut self, machine: &str, by: &Person) -> bool {
        self.cluster.footprint.saw([machine.to_owned()]);
        let (machine, by, searched) = (machine.to_owned(), by.clone(), self.policy.certify);
        self.effects.push(Effect::Post(Notice::ForceRemoved { machine, by, searched }));
        true
    }

    /// What approvers are to see: as whom the owner is let in.
    pub(super) fn owner_matched(&mut self, matched: &Matched) -> bool {
        let change = &mut self.cluster.change;
        let State::Preparing { .. } = change.state else { return false };
        change.matched.replace(matched.clone()).as_ref() != Some(matched)
    }

    pub(super) fn surveyed(&mut self, findings: &[Finding], order: &Order) -> bool {
        let State::Preparing { plan: None, .. } = self.cluster.change.state else { return false };
        self.cluster.footprint.learn(order);
        self.cluster.change.findings = findings.to_vec();
        true
    }

    /// The cluster is gone: the cloud is searched for what is left, now and once more later.
    pub(super) fn certify(&mut self) {
        let footprint = &self.cluster.footprint;
        if !self.policy.certify || footprint.is_empty() {
            return;
        }
        let later = self.at.saturating_add(SECOND_LOOK).unwrap_or(Timestamp::MAX);
        for (round, at) in [(1, self.at), (2, later)] {
            self.effects.push(Effect::Sweep { at, round, footprint: footprint.clone() });
        }
    }

    pub(super) fn swept(&mut self, change: ChangeNumber, round: u32, certificate: &Certificate) -> bool {
        let current = &self.cluster.change;
        // Where the next life of the name has begun, its thread is not the place; the ledger has it all the same.
        if current.number != change {
            return true;
        }
        let certificate = certificate.clone();
        if let Some(pull) = current.state.pull().map(|pull| pull.number) {
            self.effects.push(Effect::ShowCertificate { pull, round, certificate: certificate.clone() });
        }
        self.effects.push(Effect::Post(Notice::Certificate { round, certificate }));
        true
    }

    fn live(&self) -> Result<&Live, Refusal> {
        let state = self.cluster.change.state.name().to_owned();
        self.cluster.live.as_ref().ok_or(Refusal::NotReady { state })
    }

    fn end_later(&mut self, grant: &Grant) {
        if let Some(at) = grant.until {
            self.effects.push(Effect::AwaitAccessEnd { binding: grant.binding.clone(), at });
        }
    }
}

impl Grant {
    /// Whether it is that person's or group's: by what Rancher calls them where that is known, or else by name.
    pub fn is_of(&self, to: &str, subject: Option<&Subject>) -> bool {
        match (&self.subject, subject) {
            (Some(mine), Some(theirs)) => mine == theirs,
            _ => self.to == to,
        }
    }
}
