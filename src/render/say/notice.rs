//! What is posted into a change's thread, and what one person is told.
//!
//! Nothing here does I/O, reads a clock or draws a random number.

use crate::lifecycle::form::KubernetesVersion;
use crate::lifecycle::notice::{Notice, VoidWhy};
use crate::lifecycle::{Closed, Cluster, Grant, Kind, Live, Person, Plan, Risk, State, StuckWhy};
use crate::render::message::Message;
use crate::render::when;

use super::card::{can_cancel, takes_down};
use super::words::{Say, counted, counts, many, message};
use super::{Context, refusal};

/// The sentence for a notice about a cluster.
pub fn notice(notice: &Notice, cluster: &Cluster, context: &Context<'_>) -> Message {
    match notice {
        Notice::PlanReady { plan, quorum, approvers } => with_plan(plan, plan_ready(cluster, plan, *quorum, approvers)),
        Notice::StillWaiting { missing, approvers, deadline } => {
            let until = when::moment(*deadline, context.now, context.tz);
            let approvals = if *missing == 1 { "approval" } else { "approvals" };
            Say::cluster(name(cluster))
                .text(format!(" still waits for {} {approvals}. ", counted(*missing)))
                .mentions(approvers)
                .text(": press Approve on the card, or send ")
                .command(&format!("approve {}", name(cluster)))
                .text(format!(". It stays open until {until}."))
                .message()
        }
        Notice::Approved { by, plan } => {
            let usually = context.usually.map(|usually| format!(", usually {}", when::about(usually))).unwrap_or_default();
            let doing = if takes_down(&cluster.change) { "Destroying" } else { "Applying" };
            about(cluster)
                .text("approved by ")
                .people(by, " and ")
                .text(format!(" over plan {}. {doing} now{usually}.", plan.short()))
                .message()
        }
        Notice::VotesVoid { whose, why } => votes_void(cluster, whose, why),
        Notice::Drifted { then, now, quorum, approvers } => with_plan(now, drifted(cluster, then, now, *quorum, approvers)),
        Notice::Ended(closed) => {
            ended(about(cluster), closed, context).text(". ").text(what_stays(cluster)).message()
        }
        Notice::YoursEnded(closed) => yours_ended(cluster, closed, context),
        Notice::Stuck(why) => stuck(cluster, why),
        Notice::Ready { grants } => ready(cluster, grants),
        Notice::WayIn => way_in(cluster, context),
        Notice::Gone { destroyed } => {
            let what = if cluster.change.undo { " is taken down again: " } else { " is gone: " };
            let resources = many(*destroyed, "resource");
            Say::cluster(name(cluster))
                .text(format!("{what}{resources} destroyed, and Rancher knows it no more."))
                .message()
        }
        Notice::Undoing { by } => about(cluster)
            .person(by)
            .text(" took it back. What was made so far comes down again; as any other change, that needs a plan and approvals.")
            .message(),
        Notice::LeaseEnded => about(cluster)
            .text(format!("{}, so kaas asks for it to be destroyed. Nothing is touched before that is approved.", over(cluster)))
            .message(),
        Notice::YoursGoes { by } => yours_goes(cluster, by.as_ref()),
        Notice::MergedEarly => {
            let meanwhile = match cluster.change.state {
                State::Reviewing(_) => ": the votes still decide",
                State::Preparing { .. } | State::Stuck { .. } => ": it still needs a plan and approvals",
                State::Applying(_) | State::Joining(_) | State::Done(_) => ", and it was approved since",
                State::Closed(_) => "",
            };
            about(cluster)
                .text("somebody merged its pull request by hand before this was decided. Nothing runs because of that")
                .text(format!("{meanwhile}. If it is not to be, revert the merge."))
                .message()
        }
        Notice::Lingers { detail } => about(cluster)
            .text("Rancher has been removing it for half an hour and is not done: ")
            .said(detail)
            .text(". terraform goes on waiting. A machine that can never be removed an admin lets go: ")
            .command(&format!("force-remove {} machine=…", name(cluster)))
            .message(),
        Notice::Troubled { fault, again } => {
            let next = match again.duration_since(context.now) {
                wait if wait.as_secs() < 1 => "it is tried again now".to_owned(),
                wait => format!("next try in {}", when::length(wait)),
            };
            about(cluster).fault(fault).text(format!(". Nothing is lost; {next}.")).message()
        }
        Notice::NotTidied { fault } => about(cluster)
            .text("the change has ended, but not everything of it could be put away: ")
            .fault(fault)
            .text(". Somebody has to look at its pull request.")
            .message(),
        Notice::PullRestored { by } => about(cluster)
            .said(by)
            .text(" touched the pull request while it was being applied. kaas wrote it again: what is merged is what was applied.")
            .message(),
        Notice::AccessGiven { grant, by } => {
            let until = match grant.until {
                Some(until) => format!(" until {}", when::moment(until, context.now, context.tz)),
                None => String::new(),
            };
            about(cluster).person(by).text(" gave ").said(&grant.to).text(" a way in as ").code(&grant.role).text(until).text(".").message()
        }
        Notice::AccessTaken { grant, by } => {
            let say = about(cluster);
            match by {
                Some(by) => say.person(by).text(" took back the way in of ").said(&grant.to).text(" (").said(&grant.role).text(")."),
                None => say.text("the time of the way in of ").said(&grant.to).text(" (").said(&grant.role).text(") is over; it is taken back."),
            }
            .message()
        }
        Notice::AccessFailed { to, back, fault } => {
            let what = if *back { "could not be taken back, so they can still get in: " } else { "could not be given: " };
            about(cluster).text("the way in of ").said(to).text(format!(" {what}")).fault(fault).text(".").message()
        }
        Notice::ForceRemoved { machine, by, searched } => {
            let then = if *searched { "the search after the teardown says so" } else { "somebody has to look there" };
            about(cluster)
                .person(by)
                .text(" let the machine ")
                .code(machine)
                .text(" go. Rancher forgets it without asking the cloud, so it may still run there; ")
                .text(format!("{then}."))
                .message()
        }
        Notice::Certificate { round, certificate } => super::cloud::certificate(name(cluster), *round, certificate, context),
        Notice::Refused(refused) => refusal(refused, name(cluster), context),
    }
}

/// `its 7 days are over`
fn over(cluster: &Cluster) -> String {
    match cluster.form.ttl {
        Some(ttl) if ttl.to_string().starts_with("1 ") => format!("its {ttl} is over"),
        Some(ttl) => format!("its {ttl} are over"),
        None => "its time is over".to_owned(),
    }
}

/// To the owner, who did not ask for it.
fn yours_goes(cluster: &Cluster, by: Option<&Person>) -> Message {
    let say = about(cluster);
    let say = match (by, &cluster.change.reason) {
        (None, _) => say.text(over(cluster)).text(", so kaas asks for it to be destroyed. "),
        (Some(by), Some(reason)) => {
            say.person(by).text(" asks for your cluster to be destroyed: \"").said(reason.as_str()).text("\". ")
        }
        (Some(by), None) => say.person(by).text(" asks for your cluster to be destroyed. "),
    };
    say.text("Nothing is touched before that is approved. To stop it: ")
        .command(&format!("cancel {}", name(cluster)))
        .message()
}

fn name(cluster: &Cluster) -> &crate::lifecycle::form::ClusterName {
    &cluster.key.name
}

/// `crucial-sandbox: `
fn about(cluster: &Cluster) -> Say {
    Say::cluster(name(cluster)).text(": ")
}

/// The plan's full text goes with it, as a file.
fn with_plan(plan: &Plan, say: Say) -> Message {
    Message { file: Some(format!("plan-{}.txt", plan.digest.short())), ..say.message() }
}

fn plan_ready(cluster: &Cluster, plan: &Plan, quorum: u32, approvers: &[Person]) -> Say {
    let what = match (cluster.change.undo, cluster.change.kind) {
        (true, _) => "the plan to take down what was made is here. ",
        (false, Kind::Create) => "the plan is here. ",
        (false, Kind::Destroy) => "the plan to destroy it is here. ",
    };
    let say = about(cluster).text(what).text(counts(plan));
    let say = match plan.risk {
        Risk::Green => say.text(", nothing existing is touched"),
        Risk::Yellow | Risk::Red => highlights(say, plan),
    };
    let say = super::cloud::doubts(say, &cluster.change.findings);
    deciders(say.text(". "), quorum, approvers)
}

/// ` (destroys rancher2_cluster_v2.this, and 2 more)`
fn highlights(say: Say, plan: &Plan) -> Say {
    let Some(first) = plan.highlights.first() else { return say };
    let say = say.text(" (").said(first);
    match plan.highlights.len() - 1 {
        0 => say.text(")"),
        more => say.text(format!(", and {more} more)")),
    }
}

/// `@bob, @carol, @dave, two of you decide.`
fn deciders(say: Say, quorum: u32, approvers: &[Person]) -> Say {
    match approvers.len() {
        0 => say.text(format!("It needs {}, and nobody is there to give one.", many(quorum, "approval"))),
        1 => say.mentions(approvers).text(", you decide."),
        _ if quorum == 1 => say.mentions(approvers).text(", one of you decides."),
        _ => say.mentions(approvers).text(format!(", {} of you decide.", counted(quorum))),
    }
}

fn drifted(cluster: &Cluster, then: &Plan, now: &Plan, quorum: u32, approvers: &[Person]) -> Say {
    let say = about(cluster).text(format!(
        "the world moved since the plan was approved. Then: {}. Now: {}",
        counts(then),
        counts(now)
    ));
    let say = highlights(say, now).text(". Nothing was applied; it needs new votes. ");
    deciders(say, quorum, approvers)
}

fn votes_void(cluster: &Cluster, whose: &[Person], why: &VoidWhy) -> Message {
    let void = |say: Say| match whose {
        [] => say.text("votes start anew"),
        [one] => say.person(one).text("'s approval is void"),
        _ => say.text("the approvals of ").people(whose, " and ").text(" are void"),
    };
    let retry = format!("retry {}", name(cluster));
    match why {
        VoidWhy::Pushed { by, files: 0 } => {
            let say = about(cluster).said(by);
            void(say.text(" pushed to the branch. The files are the same, but a vote is for one commit, so "))
                .text(". Please decide again.")
                .message()
        }
        VoidWhy::Pushed { by, files } => {
            let pushed =
                format!(" pushed to the branch ({}). kaas applies only what it wrote, so ", many(*files, "file"));
            void(about(cluster).said(by).text(pushed)).text(". ").command(&retry).text(" writes it again.").message()
        }
        VoidWhy::Replanned { by } => {
            let say = about(cluster).person(by).text(" asked for a new plan, so ");
            void(say).text(". The new plan comes here when it is made.").message()
        }
    }
}

/// How a change ended without being made, in a few words.
fn ended(say: Say, closed: &Closed, context: &Context<'_>) -> Say {
    match closed {
        Closed::Rejected { by, reason } => {
            let say = say.text("rejected by ").person(by);
            match reason {
                Some(reason) => say.text(": ").said(reason.as_str()),
                None => say,
            }
        }
        Closed::Cancelled { by } => say.text("cancelled by ").person(by),
        Closed::PullClosed { by } => say.text("closed, because ").said(by).text(" closed its pull request"),
        Closed::NobodyDecided { deadline } => {
            say.text(format!("closed, because nobody decided by {}", when::moment(*deadline, context.now, context.tz)))
        }
    }
}

fn what_stays(cluster: &Cluster) -> &'static str {
    match (cluster.change.undo, cluster.change.kind) {
        (true, _) => "What was made so far stays.",
        (false, Kind::Create) => "Nothing was made.",
        (false, Kind::Destroy) => "The cluster stays as it is.",
    }
}

fn yours_ended(cluster: &Cluster, closed: &Closed, context: &Context<'_>) -> Message {
    if cluster.change.lease_ended {
        let say = Say::of("The time of ").strong(name(cluster).as_str());
        let say = ended(say.text(" is over, so kaas asked for it to be destroyed. That was "), closed, context);
        let say = say.text(". ").text(what_stays(cluster));
        let say = say.text(" kaas asks again in 24 h. When you are done with it: ");
        return say.command(&format!("destroy {}", name(cluster))).message();
    }
    let asked = match (cluster.change.undo, cluster.change.kind) {
        (true, _) => "The clean-up of ",
        (false, Kind::Create) => "Your request for ",
        (false, Kind::Destroy) => "Your request to destroy ",
    };
    let say = Say::of(asked).strong(name(cluster).as_str()).text(" was ");
    let say = ended(say, closed, context).text(". ").text(what_stays(cluster));
    match (cluster.change.undo, cluster.change.kind) {
        (false, Kind::Create) => say.text(" Ask again when you like: ").command(&format!("request {}", name(cluster))),
        (false, Kind::Destroy) => say.text(" Ask again when you like: ").command(&format!("destroy {}", name(cluster))),
        (true, _) => say.text(" See what there is: ").command(&format!("show {}", name(cluster))),
    }
    .message()
}

fn stuck(cluster: &Cluster, why: &StuckWhy) -> Message {
    let (retry, cancel) = (format!("retry {}", name(cluster)), format!("cancel {}", name(cluster)));
    let say = Say::cluster(name(cluster)).text(match why {
        StuckWhy::LeftBehind(_) => " is stuck: ",
        StuckWhy::WontWork(_) => " can't be made so: ",
        StuckWhy::Fault(_) | StuckWhy::Pushed { .. } | StuckWhy::Differs => " is stuck. ",
    });
    let say = match why {
        StuckWhy::Fault(fault) => say.fault(fault).text(". "),
        StuckWhy::Pushed { by, files } => say
            .said(by)
            .text(format!(" pushed to the branch ({}), and kaas applies only what it wrote. ", many(*files, "file"))),
        StuckWhy::Differs => {
            say.text("What was planned is not what the pull request holds, so nobody could vote on it. ")
        }
        StuckWhy::WontWork(findings) => super::cloud::in_full(say, findings),
        StuckWhy::LeftBehind(_) => super::card::stuck(say, why).text(". "),
    };
    // A post may be late: the change may have gone on meanwhile.
    let State::Stuck { was, .. } = &cluster.change.state else {
        return say.text("It has gone on since; see ").command(&format!("show {}", name(cluster))).text(".").message();
    };
    let begun = matches!(**was, State::Applying(_) | State::Joining(_));
    let say = match (begun, takes_down(&cluster.change), why) {
        (true, false, _) => say.text("What was made so far stays in the state. Mend it and "),
        (true, true, _) => say.text("What is left stays in the state. Mend it and "),
        (false, _, StuckWhy::Fault(_) | StuckWhy::WontWork(_)) => say.text("Nothing was applied. Mend it and "),
        (false, _, StuckWhy::Pushed { .. } | StuckWhy::Differs) => say.text("Nothing was applied. "),
        (false, _, StuckWhy::LeftBehind(_)) => say,
    };
    let say = say.command(&retry);
    let say = match why {
        StuckWhy::Fault(_) | StuckWhy::WontWork(_) => say,
        StuckWhy::Pushed { .. } | StuckWhy::Differs => say.text(" writes it again"),
        StuckWhy::LeftBehind(_) => return say.text(" asks for it again.").message(),
    };
    if !can_cancel(&cluster.change, was) {
        return say.text(".").message();
    }
    match why {
        StuckWhy::Fault(_) if begun => say.text(", or ").command(&cancel).text(" to take it down again."),
        StuckWhy::Fault(_) | StuckWhy::WontWork(_) => say.text(", or ").command(&cancel).text(" to end it."),
        StuckWhy::Pushed { .. } | StuckWhy::Differs if begun => {
            say.text(", ").command(&cancel).text(" takes it down again.")
        }
        StuckWhy::Pushed { .. } | StuckWhy::Differs | StuckWhy::LeftBehind(_) => {
            say.text(", ").command(&cancel).text(" ends it.")
        }
    }
    .message()
}

/// `crucial-sandbox is ready. alice has the way in; team billing can see it.`
fn ready(cluster: &Cluster, grants: &[Grant]) -> Message {
    let mut say = Say::cluster(name(cluster)).text(" is ready.");
    for (i, grant) in grants.iter().enumerate() {
        let can = match grant.role.as_str() {
            "cluster-owner" => " has the way in",
            "cluster-member" => " can work in it",
            _ => " can see it",
        };
        say = say.text(if i == 0 { " " } else { "; " }).said(&grant.to).text(can);
    }
    if grants.is_empty() { say } else { say.text(".") }.message()
}

/// Where the person gets their own kubeconfig. Never the kubeconfig itself, and no secret.
fn way_in(cluster: &Cluster, context: &Context<'_>) -> Message {
    let Some(Live { until, facts, .. }) = &cluster.live else {
        return Say::cluster(name(cluster)).text(" was ready, and is not there any more.").message();
    };
    let until = match until {
        Some(until) => format!(" is ready until {}.", when::day(*until, context.now, context.tz)),
        None => " is ready.".to_owned(),
    };
    let version = facts.version.parse::<KubernetesVersion>().map_or_else(|_| facts.version.clone(), |v| v.spoken());
    let say = Say::of(many(facts.nodes, "node")).text(", ").said(&version);
    let say = match &facts.endpoint {
        Some(endpoint) => say.text(", endpoint ").code(endpoint),
        None => say,
    };
    message([
        Say::cluster(name(cluster)).text(until),
        Say::of("Your kubeconfig, under your own name: ")
            .link(&facts.page, &facts.page)
            .text("   (Download KubeConfig)"),
        Say::of("or: ")
            .code(&format!("rancher login {}", facts.rancher))
            .text("  then  ")
            .code("rancher kubectl get nodes"),
        say.text(". Done early: ").command(&format!("destroy {}", name(cluster))),
    ])
}

#[cfg(test)]
#[path = "notice_tests.rs"]
mod tests;
