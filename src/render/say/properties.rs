//! What holds for whatever people and platforms write: it stays in spans of its own, in one line, and hides nothing. `PROPTEST_CASES` raises the number.

use proptest::prelude::*;

use super::sample::*;
use super::{Progress, card, notice, refusal, show};
use crate::lifecycle::cloud::{Certificate, Finding, Leftover, Weight};
use crate::lifecycle::form::{Reason, is_invisible};
use crate::lifecycle::notice::{Notice, Refusal, VoidWhy, Wanted};
use crate::lifecycle::{Closed, Fault, Grant, Kind, Person, Risk, State, StuckWhy};
use crate::render::message::{Message, Span};

/// Stands at both ends of every hostile text, so that it is found again.
const MARK: char = '◈';

/// A text from outside is a span of its own: nothing but `@` before it, nothing behind it.
fn check(message: &Message) {
    for line in &message.lines {
        for span in &line.spans {
            let (text, extra) = match span {
                Span::Text(text) | Span::Strong(text) | Span::Code(text) => (text, ""),
                Span::Mention(person) => (&person.name, ""),
                Span::Link { text, url } => (text, url.as_str()),
            };
            for text in [text.as_str(), extra] {
                assert!(!text.chars().any(|c| c.is_control() || is_invisible(c)), "{text:?}");
                if text.contains(MARK) {
                    let own = text.strip_prefix('@').unwrap_or(text);
                    assert!(own.starts_with(MARK) && own.ends_with([MARK, '…']), "{text:?}");
                }
            }
        }
    }
}

fn all_notices(nasty: &str, by: &Person) -> Vec<Notice> {
    let fault = Fault { reference: nasty.to_owned(), text: nasty.to_owned() };
    let reason = nasty.parse::<Reason>().ok();
    let mut plan = red_plan();
    plan.highlights = vec![nasty.to_owned(); 3];
    let closed = [
        Closed::Rejected { by: by.clone(), reason: reason.clone() },
        Closed::Cancelled { by: by.clone() },
        Closed::PullClosed { by: nasty.to_owned() },
    ];
    let people = vec![by.clone(); 8];
    let mut notices = vec![
        Notice::PlanReady { plan: plan.clone(), quorum: 2, approvers: people.clone() },
        Notice::StillWaiting { missing: 1, approvers: people.clone(), deadline: now() },
        Notice::Approved { by: people.clone(), plan: plan.digest.clone() },
        Notice::VotesVoid { whose: people.clone(), why: VoidWhy::Pushed { by: nasty.to_owned(), files: 2 } },
        Notice::VotesVoid { whose: vec![by.clone()], why: VoidWhy::Replanned { by: by.clone() } },
        Notice::Drifted { then: plan.clone(), now: plan.clone(), quorum: 2, approvers: people.clone() },
        Notice::Stuck(StuckWhy::Fault(fault.clone())),
        Notice::Stuck(StuckWhy::Pushed { by: nasty.to_owned(), files: 2 }),
        Notice::Ready { grants: vec![grant(nasty)] },
        Notice::WayIn,
        Notice::Undoing { by: by.clone() },
        Notice::Lingers { detail: nasty.to_owned() },
        Notice::Troubled { fault, again: now() },
        Notice::PullRestored { by: nasty.to_owned() },
        Notice::AccessGiven { grant: grant(nasty), by: by.clone() },
        Notice::AccessTaken { grant: grant(nasty), by: Some(by.clone()) },
        Notice::AccessFailed { to: nasty.to_owned(), back: true, fault: outside_fault(nasty) },
        Notice::ForceRemoved { machine: nasty.to_owned(), by: by.clone(), searched: true },
        Notice::Certificate { round: 1, certificate: certificate(nasty) },
        Notice::Stuck(StuckWhy::WontWork(vec![finding(nasty), finding(nasty)])),
    ];
    notices.extend(closed.iter().cloned().map(Notice::Ended));
    notices.extend(closed.iter().cloned().map(Notice::YoursEnded));
    let mut refusals = vec![
        Refusal::MayNotRequest { admins: people.clone() },
        Refusal::NotAnApprover { approvers: people.clone() },
        Refusal::OwnChange { quorum: 2, approvers: people.clone() },
        Refusal::NotInReview { wanted: Wanted::Approve, state: nasty.to_owned() },
        Refusal::Exists { owner: by.clone() },
        Refusal::NoSuchCluster { near: Some(nasty.to_owned()) },
        Refusal::NotYours { wanted: Wanted::Destroy, owner: by.clone(), admins: people.clone() },
        Refusal::AtWork { wanted: Wanted::Cancel, state: nasty.to_owned() },
        Refusal::NobodyCouldApprove { quorum: 2, approvers: people },
        Refusal::RoleNotGiven { role: nasty.to_owned(), roles: vec![nasty.to_owned()] },
        Refusal::HasAccess { to: nasty.to_owned(), role: nasty.to_owned(), until: None },
        Refusal::NoAccess { to: nasty.to_owned(), have: vec![nasty.to_owned(); 2] },
        Refusal::ReactionTooWeak { risk: Risk::Red },
        Refusal::ChangeOpen {
            change: crate::lifecycle::ChangeNumber(1),
            kind: Kind::Create,
            by: by.clone(),
            since: now(),
            pull: Some(nasty.to_owned()),
        },
    ];
    refusals.extend(reason.map(|why| Refusal::Frozen { why }));
    notices.extend(refusals.into_iter().map(Notice::Refused));
    notices
}

fn grant(nasty: &str) -> Grant {
    Grant { to: nasty.to_owned(), role: nasty.to_owned(), binding: String::new(), subject: None, until: Some(now()) }
}

fn outside_fault(nasty: &str) -> Fault {
    Fault { reference: "K-7F3Q".to_owned(), text: nasty.to_owned() }
}

fn finding(nasty: &str) -> Finding {
    Finding { weight: Weight::Fails, what: nasty.to_owned(), remedy: Some(nasty.to_owned()) }
}

fn certificate(nasty: &str) -> Certificate {
    let leftover = Leftover {
        kind: nasty.to_owned(),
        region: nasty.to_owned(),
        id: nasty.to_owned(),
        name: Some(nasty.to_owned()),
        why: nasty.to_owned(),
        cents_a_month: Some(100),
        remove: nasty.to_owned(),
    };
    Certificate {
        at: now(),
        asked: vec![nasty.to_owned()],
        digest: "c0ffee".repeat(10),
        unread: vec![nasty.to_owned()],
        sure: vec![leftover.clone()],
        suspect: vec![leftover],
        more: 3,
    }
}

proptest! {
    #[test]
    fn text_from_outside_stays_by_itself(inside in any::<String>()) {
        let nasty = format!("{MARK}{}{MARK}", inside.replace([MARK, '…'], ""));
        let by = Person { id: "eve".parse().unwrap(), name: nasty.clone() };
        let mut cluster = destroying(State::Stuck { was: Box::new(reviewing(&[])), why: fault() });
        cluster.owner = by.clone();
        cluster.change.by = by.clone();
        cluster.form.instance_type.clone_from(&nasty);
        if let Ok(reason) = nasty.parse::<Reason>() {
            cluster.change.reason = Some(reason);
        }
        if let Some(live) = &mut cluster.live {
            live.facts.id.clone_from(&nasty);
            live.facts.version.clone_from(&nasty);
            live.facts.endpoint = Some(nasty.clone());
            live.facts.page.clone_from(&nasty);
            live.grants = vec![Grant { to: nasty.clone(), role: nasty.clone(), binding: nasty.clone(), subject: None, until: None }];
        }
        let progress = Progress { done: Some((1, 2)), detail: Some(nasty.clone()), left: None };
        for state in [cluster.change.state.clone(), State::Applying(approved()), State::Closed(Closed::PullClosed { by: nasty.clone() })] {
            cluster.change.state = state;
            with_view(&cluster, Some(&progress), None, |view| {
                check(&card(view));
                check(&show(view, &[]));
            });
        }
        with_context(|context| {
            for what in all_notices(&nasty, &by) {
                check(&notice(&what, &cluster, context));
                if let Notice::Refused(refused) = &what {
                    check(&refusal(refused, &cluster.key.name, context));
                }
            }
        });
    }
}
