//! The status card: the one message of a change that is edited in place.
//!
//! Nothing here does I/O, reads a clock or draws a random number.

use jiff::tz::TimeZone;
use jiff::{SignedDuration, Timestamp};

use crate::lifecycle::policy::Policy;
use crate::lifecycle::{Change, Closed, Cluster, Kind, Plan, Review, Risk, State, StuckWhy};
use crate::render::message::{Button, LABEL, Message, Press, Tone};
use crate::render::when;

use super::words::{Say, counted, many, message};

/// How many cells a progress bar has.
const BAR_CELLS: u32 = 10;

/// What a card shows.
#[derive(Debug, Clone, Copy)]
pub struct CardView<'a> {
    /// The cluster, and its change.
    pub cluster: &'a Cluster,
    /// Who decides.
    pub policy: &'a Policy,
    /// The time now.
    pub now: Timestamp,
    /// The time zone of the readers.
    pub tz: &'a TimeZone,
    /// How far the work is, while there is work.
    pub progress: Option<&'a Progress>,
    /// How long the present step usually takes, from own history; `None` where that is not known.
    pub usually: Option<SignedDuration>,
}

/// How far the work of a state is.
#[derive(Debug, Clone, Default, PartialEq, Eq)]
pub struct Progress {
    /// How many of how many are done.
    pub done: Option<(u32, u32)>,
    /// What is going on: "2 of 4 nodes are up, etcd is starting". Untrusted.
    pub detail: Option<String>,
    /// About how long it still takes, where that is known.
    pub left: Option<SignedDuration>,
}

/// The card of a cluster's change, as it is now.
pub fn card(view: &CardView<'_>) -> Message {
    let mut lines = vec![head(view), what(view)];
    lines.extend(asked(&view.cluster.change));
    lines.extend(way_in(view));
    lines.extend(decision(view));
    Message { buttons: buttons(view.cluster), tone: tone(&view.cluster.change.state), ..message(lines) }
}

fn tone(state: &State) -> Tone {
    match state {
        State::Preparing { .. } | State::Applying(_) | State::Joining(_) => Tone::Working,
        State::Reviewing(_) => Tone::Waiting,
        State::Done(_) => Tone::Good,
        State::Closed(_) => Tone::Over,
        State::Stuck { .. } => Tone::Bad,
    }
}

/// `crucial-sandbox · new cluster · waiting for 2 approvals   change 42`
fn head(view: &CardView<'_>) -> Say {
    let Change { kind, undo, number, .. } = &view.cluster.change;
    let what = match (kind, undo) {
        (_, true) => "clean-up",
        (Kind::Create, false) => "new cluster",
        (Kind::Destroy, false) => "destroy",
    };
    let say = Say::cluster(&view.cluster.key.name).text(format!(" · {what} · "));
    state(say, view).text(format!("   change {number}"))
}

/// Where the change stands, in words.
fn state(say: Say, view: &CardView<'_>) -> Say {
    let change = &view.cluster.change;
    match &change.state {
        State::Preparing { pull: None, plan: Some(_) } => say.text("opening the pull request"),
        State::Preparing { .. } => {
            let say = say.text("planning");
            match view.progress {
                Some(progress) => {
                    let so_far = when::length(view.now.duration_since(change.entered));
                    progress_words(say.text(format!(" ({so_far})")), progress, ": ")
                }
                None => say,
            }
        }
        State::Reviewing(review) => say.text(waiting(view.policy, review)),
        State::Applying(_) => {
            let say = say.text(if takes_down(change) { "destroying" } else { "applying" });
            working(say, view, "  ")
        }
        State::Joining(_) => {
            let say = say.text(if takes_down(change) { "making sure that it is gone" } else { "joining" });
            working(say, view, ": ")
        }
        State::Done(_) => say.text(done(view)),
        State::Closed(closed) => ended(say, closed, view),
        State::Stuck { was, why } => {
            let say = stuck(say.text("stuck: "), why);
            say.text(if can_cancel(change, was) { ", retry or cancel" } else { ", retry" })
        }
    }
}

fn waiting(policy: &Policy, review: &Review) -> String {
    let votes = u32::try_from(policy.counting(review).len()).unwrap_or(u32::MAX);
    match (policy.quorum.of(review.plan.risk).saturating_sub(votes), votes) {
        (missing, 0) => format!("waiting for {}", many(missing, "approval")),
        (missing, _) => format!("waiting for {missing} more approval{}", if missing == 1 { "" } else { "s" }),
    }
}

/// How far the work is; where that is not known, how long it usually takes.
fn working(say: Say, view: &CardView<'_>, before: &str) -> Say {
    match (view.progress, view.usually) {
        (Some(progress), _) => progress_words(say, progress, before),
        (None, Some(usually)) => say.text(format!(", usually {}", when::about(usually))),
        (None, None) => say,
    }
}

/// `▓▓▓▓▓░░░░░ 4 of 7, about 6 min left`, `2 of 4 nodes are up, about 3 min left`
fn progress_words(say: Say, progress: &Progress, before: &str) -> Say {
    let mut between = before;
    let mut say = say;
    if let Some((done, total)) = progress.done.filter(|(_, total)| *total > 0) {
        let cells = u64::from(done.min(total)) * u64::from(BAR_CELLS) / u64::from(total);
        let bar: String = (0..u64::from(BAR_CELLS)).map(|cell| if cell < cells { '▓' } else { '░' }).collect();
        say = say.text(format!("  {bar} {done} of {total}"));
        between = ", ";
    }
    if let Some(detail) = &progress.detail {
        say = say.text(between).said(detail);
        between = ", ";
    }
    match progress.left {
        Some(left) => {
            say.text(format!("{}about {} left", if between == before { ", " } else { between }, when::about(left)))
        }
        None => say,
    }
}

fn done(view: &CardView<'_>) -> String {
    let until = view.cluster.live.as_ref().and_then(|live| live.until);
    match (view.cluster.change.undo, view.cluster.change.kind, until) {
        (true, _, _) => "taken down again".to_owned(),
        (false, Kind::Destroy, _) => "gone".to_owned(),
        (false, Kind::Create, Some(until)) => format!("ready until {}", when::day(until, view.now, view.tz)),
        (false, Kind::Create, None) => "ready".to_owned(),
    }
}

fn ended(say: Say, closed: &Closed, view: &CardView<'_>) -> Say {
    match closed {
        Closed::Rejected { by, reason } => {
            let say = say.text("rejected by ").person(by);
            match reason {
                Some(reason) => say.text(": ").said(reason.as_str()),
                None => say,
            }
        }
        Closed::Cancelled { by } => say.text("cancelled by ").person(by),
        Closed::PullClosed { by } => say.text("closed: ").said(by).text(" closed the pull request"),
        Closed::NobodyDecided { deadline } => {
            say.text(format!("closed: nobody decided by {}", when::day(*deadline, view.now, view.tz)))
        }
    }
}

/// Why a change is stuck, in a few words.
pub(super) fn stuck(say: Say, why: &StuckWhy) -> Say {
    match why {
        StuckWhy::Fault(fault) => say.fault(fault),
        StuckWhy::Pushed { by, files } => {
            say.said(by).text(format!(" pushed to the branch ({})", many(*files, "file")))
        }
        StuckWhy::Differs => say.text("the plan and the pull request did not match"),
        StuckWhy::WontWork(findings) => super::cloud::in_short(say, findings),
        StuckWhy::LeftBehind(Closed::Rejected { by, reason }) => {
            let say = say.text("what was made is still there, because ").person(by).text(" rejected taking it down");
            match reason {
                Some(reason) => say.text(": ").said(reason.as_str()),
                None => say,
            }
        }
        StuckWhy::LeftBehind(Closed::Cancelled { by }) => {
            say.text("what was made is still there, because ").person(by).text(" stopped taking it down")
        }
        StuckWhy::LeftBehind(Closed::PullClosed { by }) => {
            say.text("what was made is still there, because ").said(by).text(" closed the pull request")
        }
        StuckWhy::LeftBehind(Closed::NobodyDecided { .. }) => {
            say.text("what was made is still there, because nobody decided in time")
        }
    }
}

/// `small: 1 + 3 nodes m6i.large, eu-west-1, RKE2 v1.33.5 · about $412 a month · until Sun 29 Nov (7 days)`
pub(super) fn what(view: &CardView<'_>) -> Say {
    let Cluster { form, live, change, .. } = view.cluster;
    let nodes = format!("{}: {} + {} nodes ", form.size, form.control_planes, form.workers);
    let place = format!(", {}, {}", form.region, form.kubernetes.spoken());
    let mut say = Say::of(nodes).said(&form.instance_type).text(place);
    if let Some(dollars) = form.dollars_a_month {
        let verb = if takes_down(change) { "frees about" } else { "about" };
        say = say.text(format!(" · {verb} {} a month", when::dollars(dollars)));
    }
    if takes_down(change) || change.state.is_over() && live.is_none() {
        return say;
    }
    match (form.ttl, live) {
        (_, Some(live)) => match live.until {
            Some(until) => say.text(format!(" · until {}", when::day(until, view.now, view.tz))),
            None => say.text(" · without an end"),
        },
        (Some(ttl), None) => {
            // Counted from where the change stands now: the lease itself starts when the cluster is ready.
            let until = change.entered.saturating_add(ttl.duration()).unwrap_or(Timestamp::MAX);
            say.text(format!(" · until {} ({ttl})", when::day(until, view.now, view.tz)))
        }
        (None, None) => say.text(" · without an end"),
    }
}

/// `@alice: "load test of billing" (OPS-77)`. It names the person and does not notify them: they have just asked for it.
pub(super) fn asked(change: &Change) -> Option<Say> {
    if change.lease_ended {
        return Some(Say::of("kaas asks for it, because the time is over"));
    }
    let say = Say::default().said(&format!("@{}", change.by.name));
    let say = match &change.reason {
        Some(reason) => say.text(": \"").said(reason.as_str()).text("\""),
        None => say.text(" asked for it"),
    };
    Some(match &change.ticket {
        Some(ticket) => say.text(" (").said(ticket.as_str()).text(")"),
        None => say,
    })
}

/// `Way in       alice as cluster-member, in Rancher u-k7x2m (alice.a), found by the e-mail address alice@example.com`. What is as usual is not said.
fn way_in(view: &CardView<'_>) -> Option<Say> {
    let Cluster { owner, form, change, .. } = view.cluster;
    let shows = !takes_down(change) && change.state.plan().is_some();
    let shows = shows && !matches!(change.state, State::Preparing { .. } | State::Done(_));
    let roles = &view.policy.roles;
    let role = roles.of(&owner.id, &form.class);
    if !shows || (role == roles.usual && change.matched.is_none()) {
        return None;
    }
    let say = label("Way in").person(owner).text(" as ").code(role);
    let Some(matched) = &change.matched else { return Some(say) };
    let say = say.text(", in Rancher ").code(&matched.user);
    let say = match matched.name.eq_ignore_ascii_case(&matched.email) {
        true => say,
        false => say.text(" (").said(&matched.name).text(")"),
    };
    Some(say.text(", found by the e-mail address ").said(&matched.email))
}

/// What is decided upon, and how far the decision is.
fn decision(view: &CardView<'_>) -> Vec<Say> {
    let state = &view.cluster.change.state;
    let mut lines = Vec::new();
    if let Some(plan) = state.plan() {
        lines.push(plan_line(plan));
        if plan.risk > Risk::Green {
            lines.extend(plan.highlights.iter().map(|highlight| Say::of(" ".repeat(LABEL)).said(highlight)));
        }
    }
    lines.extend(votes(view));
    if let Some(pull) = state.pull() {
        lines.push(label("Pull request").link(&format!("#{}", pull.number), &pull.url));
    }
    lines
}

fn label(text: &str) -> Say {
    Say::of(format!("{text:<LABEL$}"))
}

/// `Plan 9f3ac1  7 to add, 0 to change, 0 to destroy · green: touches nothing that exists`
fn plan_line(plan: &Plan) -> Say {
    let Plan { add, change, destroy, .. } = plan;
    let risk = match plan.risk {
        Risk::Green => "green: touches nothing that exists",
        Risk::Yellow => "yellow: changes what exists, in place",
        Risk::Red => "red: destroys or replaces what exists",
    };
    label(&format!("Plan {}", plan.digest.short()))
        .text(format!("{add} to add, {change} to change, {destroy} to destroy · {risk}"))
}

/// `Votes        bob approved · one more of carol, dave`
fn votes(view: &CardView<'_>) -> Option<Say> {
    let change = &view.cluster.change;
    let say = label("Votes");
    match &change.state {
        State::Reviewing(review) => {
            let voted: Vec<_> = view.policy.counting(review).into_iter().map(|vote| vote.by).collect();
            let say =
                if voted.is_empty() { say.text("none yet") } else { say.people(&voted, " and ").text(" approved") };
            let mut others = view.policy.approvers_but(&change.by.id);
            others.retain(|person| voted.iter().all(|voter| voter.id != person.id));
            let missing =
                view.policy.quorum.of(review.plan.risk).saturating_sub(u32::try_from(voted.len()).unwrap_or(u32::MAX));
            if missing == 0 {
                return Some(say);
            }
            let more = if voted.is_empty() { "" } else { " more" };
            if others.is_empty() {
                return Some(say.text(format!(" · {}{more} needed, and nobody is left to give one", counted(missing))));
            }
            Some(say.text(format!(" · {}{more} of ", counted(missing))).people(&others, ", "))
        }
        State::Preparing { .. } | State::Applying(_) | State::Joining(_) | State::Done(_) | State::Stuck { .. } => {
            let approved = change.state.approved()?;
            let voted: Vec<_> = approved.receipt.votes.iter().map(|vote| vote.by.clone()).collect();
            Some(say.people(&voted, " and ").text(" approved"))
        }
        State::Closed(_) => None,
    }
}

/// The buttons that mean something now.
fn buttons(cluster: &Cluster) -> Vec<Button> {
    let change = &cluster.change;
    let has_plan = change.state.plan().is_some();
    let presses: &[Press] = match &change.state {
        State::Preparing { .. } => &[Press::Cancel],
        State::Reviewing(_) => &[Press::Approve, Press::Reject, Press::Plan, Press::Cancel],
        State::Applying(_) | State::Joining(_) => &[Press::Plan],
        State::Stuck { was, .. } if can_cancel(change, was) && has_plan => &[Press::Retry, Press::Plan, Press::Cancel],
        State::Stuck { was, .. } if can_cancel(change, was) => &[Press::Retry, Press::Cancel],
        State::Stuck { .. } => &[Press::Retry, Press::Plan],
        State::Done(_) | State::Closed(_) => &[],
    };
    presses.iter().map(|press| Button { label: button(*press).to_owned(), press: *press }).collect()
}

fn button(press: Press) -> &'static str {
    match press {
        Press::Approve => "Approve",
        Press::Reject => "Reject …",
        Press::Plan => "Plan",
        Press::Cancel => "Cancel",
        Press::Retry => "Retry",
    }
}

/// Whether a stuck change can be taken back: before the apply always, afterwards only a create, whose half is then taken down.
pub(super) fn can_cancel(change: &Change, was: &State) -> bool {
    match was {
        State::Preparing { .. } | State::Reviewing(_) => true,
        State::Applying(_) | State::Joining(_) => !takes_down(change),
        State::Done(_) | State::Closed(_) => false,
        State::Stuck { was, .. } => can_cancel(change, was),
    }
}

/// Whether a change takes something down: a destroy, or what an unfinished create left behind.
pub(super) fn takes_down(change: &Change) -> bool {
    change.undo || change.kind == Kind::Destroy
}

#[cfg(test)]
#[path = "card_tests.rs"]
mod tests;
