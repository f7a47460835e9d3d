//! The world outside kaas, as the simulation plays it: a forge, terraform, Rancher, and strangers. A second performance of an effect changes nothing.

use super::*;

impl World {
    pub(super) fn push(&mut self) {
        self.heads += 1;
        let (head, content) = (head_of(self.heads), content_of("strange", self.heads));
        let same = self.rng.u32(0..4) == 0;
        if let Some(pull) = self.pulls.values_mut().rfind(|p| p.open) {
            pull.head = head;
            pull.by = "eve";
            if !same {
                pull.content = content;
            }
        }
    }

    pub(super) fn close_pull(&mut self) {
        if let Some(pull) = self.pulls.values_mut().rfind(|p| p.open) {
            pull.open = false;
            pull.by = "eve";
        }
    }

    pub(super) fn sweep(&mut self) {
        let Some(known) = self.record.as_ref().and_then(|r| r.cluster.change.state.pull().cloned()) else { return };
        if let Some(fact) = self.difference(&known) {
            self.deliver(What::Fact(fact));
        }
    }

    pub(super) fn difference(&self, known: &Pull) -> Option<Fact> {
        let pull = self.pulls.get(&known.number)?;
        if !pull.open && !pull.merged {
            return Some(Fact::PullClosed { pull: known.number, by: pull.by.to_owned() });
        }
        (pull.head != known.head).then(|| Fact::PullPushed {
            pull: known.number,
            head: pull.head.clone(),
            content: pull.content.clone(),
            by: pull.by.to_owned(),
            files: u32::from(pull.content != known.content),
        })
    }

    /// Does what the adapters do: a second performance changes nothing.
    pub(super) fn perform(&mut self, one: &Claimed) -> Outcome {
        let record = self.record.clone().expect("an effect belongs to a record");
        let (cluster, change) = (&record.cluster, &record.cluster.change);
        let content = match (change.kind, change.undo) {
            (Kind::Destroy, false) => content_of("nothing", 0),
            _ => content_of("written", cluster.written.0),
        };
        match &one.effect {
            Effect::Card => {
                Outcome::Fact(Fact::CardPosted { change: change.number, message: format!("m{}", change.number) })
            }
            Effect::Post(notice) => {
                if self.said.insert(one.key.clone())
                    && let Notice::Approved { plan, .. } = notice
                {
                    *self.approvals_said.entry((one.change, plan.clone())).or_default() += 1;
                }
                Outcome::Done
            }
            Effect::CopyCard { chat } => {
                let message = format!("c{}", change.number);
                Outcome::Fact(Fact::CopyPosted { change: change.number, chat: chat.clone(), message })
            }
            Effect::CopyPost { .. } => {
                self.said_there.insert(one.key.clone());
                Outcome::Done
            }
            Effect::Tell { .. } | Effect::ShowPlan { .. } => Outcome::Done,
            Effect::OpenPull => {
                let number = change.number;
                let merged = self.pulls.iter().find(|(_, p)| p.change == number && p.merged);
                if let (State::Joining(_), Some((id, pull))) = (&change.state, merged) {
                    return Outcome::Fact(Fact::PullMerged { pull: *id, commit: pull.head.clone() });
                }
                let open = self.pulls.iter().rfind(|(_, p)| p.change == number && p.open).map(|(n, _)| *n);
                let id = open.unwrap_or_else(|| self.pulls.len() as u64 + 1);
                let fresh = self.pulls.get(&id).is_none_or(|p| p.content != content);
                if fresh {
                    self.heads += 1;
                }
                let head = if fresh { head_of(self.heads) } else { self.pulls[&id].head.clone() };
                self.pulls.insert(
                    id,
                    ForgePull {
                        change: number,
                        head: head.clone(),
                        content: content.clone(),
                        open: true,
                        merged: false,
                        by: "kaas",
                    },
                );
                Outcome::Fact(Fact::PullOpened { pull: Pull { number: id, url: String::new(), head, content } })
            }
            Effect::MergePull { head, .. } if change.state.pull().is_some_and(|now| now.head != *head) => Outcome::Done,
            Effect::MergePull { pull, head } => {
                let Some(now) = self.pulls.get_mut(pull) else { return Outcome::Done };
                if (now.open || now.merged) && now.head == *head {
                    assert_eq!(
                        Some(&now.content),
                        self.applied_content.get(&change.number),
                        "what is merged is not what was applied"
                    );
                    now.merged = true;
                    now.open = false;
                    return Outcome::Fact(Fact::PullMerged { pull: *pull, commit: head.clone() });
                }
                let known = change.state.pull().cloned();
                match known.and_then(|known| self.difference(&known)) {
                    Some(fact) => Outcome::Fact(fact),
                    None => Outcome::Later { at: self.now + SignedDuration::from_secs(5), note: None },
                }
            }
            Effect::ClosePull => {
                for pull in self.pulls.values_mut().filter(|p| p.change == one.change && !p.merged) {
                    pull.open = false;
                }
                Outcome::Fact(Fact::PullWithdrawn { change: one.change })
            }
            Effect::MakePlan if self.rng.bool() => {
                let pool = PoolOrder { name: "worker-a".to_owned(), ..PoolOrder::default() };
                let order = Order { pools: vec![pool] };
                self.deliver(What::Fact(Fact::Surveyed { findings: Vec::new(), order }));
                Outcome::Fact(Fact::PlanReady { plan: self.plan(&record, content) })
            }
            Effect::MakePlan => Outcome::Fact(Fact::PlanReady { plan: self.plan(&record, content) }),
            Effect::Apply { plan, head } => self.apply(one, &record, plan, head, content),
            Effect::AwaitUsable { .. } if self.rng.u32(0..3) > 0 => self.later(),
            Effect::AwaitUsable { .. } if self.exists => Outcome::Fact(Fact::Usable { facts: facts() }),
            Effect::AwaitUsable { .. } => panic!("kaas waits for a cluster that was never made"),
            Effect::GrantAccess { .. } => {
                let grant = Grant {
                    to: "alice".to_owned(),
                    role: "cluster-owner".to_owned(),
                    binding: "b".to_owned(),
                    subject: None,
                    until: None,
                };
                Outcome::Fact(Fact::Granted { grants: vec![grant] })
            }
            Effect::AwaitGone { .. } if self.rng.u32(0..3) > 0 => self.later(),
            Effect::AwaitGone { .. } => {
                assert!(!self.exists, "kaas proves that something is gone which is there");
                Outcome::Fact(Fact::Gone)
            }
            Effect::Bind { cluster_id, to, subject, role, until, by } => {
                if record.cluster.live.is_none() || (one.attempt == 1 && until.is_some_and(|until| until <= self.now)) {
                    return Outcome::Done;
                }
                let binding = format!("{cluster_id}:{to}:{role}");
                self.ways.insert(binding.clone());
                // It is there and never comes into force, or nobody could tell whether it does.
                if self.rng.u32(0..6) == 0 {
                    let fault = Fault { reference: "K-1".to_owned(), text: "not in force".to_owned() };
                    let (binding, by) = (Some(binding), Some(by.clone()));
                    return Outcome::Fact(Fact::AccessFailed { to: to.clone(), back: false, fault, binding, by });
                }
                let (to, role, subject, until) = (to.clone(), role.clone(), Some(subject.clone()), *until);
                Outcome::Fact(Fact::Bound { grant: Grant { to, role, binding, subject, until }, by: by.clone() })
            }
            Effect::Unbind { binding, by, .. } => {
                let lasts =
                    |grant: &Grant| grant.binding == *binding && grant.until.is_none_or(|until| until > self.now);
                let live = record.cluster.live.as_ref();
                if live.is_none() || (by.is_none() && live.is_some_and(|live| live.grants.iter().any(lasts))) {
                    return Outcome::Done;
                }
                self.ways.remove(binding);
                Outcome::Fact(Fact::Unbound { binding: binding.clone(), by: by.clone() })
            }
            Effect::ForceRemove { machine, by } => {
                Outcome::Fact(Fact::ForceRemoved { machine: machine.clone(), by: by.clone() })
            }
            Effect::ShowCertificate { .. } => Outcome::Done,
            Effect::Sweep { round, footprint, .. } => {
                assert!(!footprint.is_empty(), "a sweep that knows nothing");
                *self.sweeps.entry((one.change, *round)).or_default() += 1;
                let certificate = Certificate {
                    at: self.now,
                    asked: Vec::new(),
                    digest: String::new(),
                    unread: Vec::new(),
                    sure: Vec::new(),
                    suspect: Vec::new(),
                    more: 0,
                };
                Outcome::Fact(Fact::Swept { change: one.change, round: *round, certificate })
            }
            Effect::AwaitAccessEnd { binding, at } => {
                Outcome::Fact(Fact::AccessEnded { binding: binding.clone(), at: *at })
            }
            Effect::AwaitDeadline { at } => Outcome::Fact(Fact::DeadlinePassed { deadline: *at }),
            Effect::AwaitReminder { .. } => Outcome::Fact(Fact::ReminderDue),
            Effect::AwaitLeaseEnd { .. } => Outcome::Fact(Fact::LeaseEnded { number: self.draw() }),
        }
    }

    pub(super) fn later(&self) -> Outcome {
        Outcome::Later { at: self.now + SignedDuration::from_secs(10), note: None }
    }

    pub(super) fn plan(&self, record: &Record, content: ContentDigest) -> Plan {
        let change = &record.cluster.change;
        let destroy = change.kind == Kind::Destroy;
        Plan {
            digest: digest_of(if destroy { "destroy" } else { "create" }, self.drift * 1000 + change.number.0),
            content,
            add: if destroy { 0 } else { 7 },
            change: 0,
            destroy: if destroy { 7 } else { 0 },
            risk: if destroy { Risk::Red } else { Risk::Green },
            highlights: Vec::new(),
        }
    }

    pub(super) fn apply(
        &mut self,
        one: &Claimed,
        record: &Record,
        approved: &PlanDigest,
        head: &HeadSha,
        content: ContentDigest,
    ) -> Outcome {
        let change = &record.cluster.change;
        let phase = (change.number, change.undo);
        if self.applies.contains_key(&phase) {
            // An earlier attempt applied it: the plan is empty.
            return Outcome::Fact(Fact::Applied { cluster_id: None });
        }
        if one.attempt == 1
            && let Some(known) = change.state.pull()
            && let Some(fact) = self.difference(known)
        {
            return Outcome::Fact(match fact {
                Fact::PullPushed { pull, head, content, by, files } => {
                    Fact::HeldBack { pull: Some(Pull { number: pull, url: String::new(), head, content }), by, files }
                }
                _ => Fact::HeldBack { pull: None, by: "eve".to_owned(), files: 0 },
            });
        }
        let plan = self.plan(record, content.clone());
        if plan.digest != *approved {
            return Outcome::Fact(Fact::Drifted { plan });
        }
        if !record.wants(&one.key, one.attempt) {
            // Not the worker's any more: it was stopped.
            return Outcome::Done;
        }
        let allowed = ["bob", "carol", "dave"];
        let voters: BTreeSet<&str> = self
            .votes
            .iter()
            .filter(|v| {
                v.change == change.number && v.plan == *approved && v.head == *head && allowed.contains(&v.by.as_str())
            })
            .map(|v| v.by.as_str())
            .filter(|by| *by != change.by.name)
            .collect();
        if !self.exists {
            self.ways.clear();
        }
        assert!(voters.len() >= 2, "applied {approved} with the votes of {voters:?}; asked by {}", change.by.name);
        *self.applies.entry(phase).or_default() += 1;
        self.exists = change.kind == Kind::Create;
        self.applied_content.insert(change.number, content);
        Outcome::Fact(Fact::Applied { cluster_id: None })
    }
}
