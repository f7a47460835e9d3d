//! Why something was not done, told to the person alone: what, why, and what would work.
//!
//! Nothing here does I/O, reads a clock or draws a random number.

use crate::lifecycle::form::ClusterName;
use crate::lifecycle::notice::{Refusal, Wanted};
use crate::lifecycle::{Kind, Person, Proof, Risk};
use crate::render::message::Message;
use crate::render::when;

use super::Context;
use super::words::{Say, counted, counts, many};

/// The sentence for a refusal; `name` is the cluster that the person named, whether it exists or not.
pub fn refusal(refusal: &Refusal, name: &ClusterName, context: &Context<'_>) -> Message {
    let named = |text: &str| Say::of(text).strong(name.as_str());
    match refusal {
        Refusal::MayNotRequest { admins } => match admins.as_slice() {
            [] => Say::of("You can't ask for clusters here. Whoever runs kaas can change that."),
            admins => {
                Say::of("You can't ask for clusters here. An admin can change that: ").people(admins, ", ").text(".")
            }
        },
        Refusal::NotAnApprover { approvers } => {
            let say = named("You can't decide about ").text(": you are not one of its approvers");
            if approvers.is_empty() { say.text(".") } else { say.text(" (").people(approvers, ", ").text(").") }
        }
        Refusal::OwnChange { quorum, approvers } => named("You asked for ")
            .text(format!(", so somebody else has to approve it: {} of ", counted(*quorum)))
            .people(approvers, ", ")
            .text(". To take it back: ")
            .command(&format!("cancel {name}")),
        Refusal::AlreadyVoted { missing } => {
            let say = named("Your approval of ").text(" counts already");
            match missing {
                0 => say.text("."),
                1 => say.text("; one more is needed."),
                more => say.text(format!("; {} more are needed.", counted(*more))),
            }
        }
        Refusal::NoVote => named("You have not approved ").text(", so there is nothing to take back."),
        Refusal::OtherPlan { seen, now } => {
            let does = match now.destroy {
                0 => format!(": {}", counts(now)),
                destroys => format!(", and it destroys {}", many(destroys, "resource")),
            };
            let say = Say::of(format!(
                "That card was for plan {}. The plan is {} now{does}. ",
                seen.short(),
                now.digest.short()
            ));
            match context.card {
                Some(card) => say.text("Look at the new card before you decide: ").link(card, card),
                None => say.text("Look at the card again before you decide."),
            }
        }
        Refusal::ReactionTooWeak { risk } => {
            let does = match risk {
                Risk::Green => "is one that people here approve in words",
                Risk::Yellow => "changes what exists",
                Risk::Red => "destroys or replaces what exists",
            };
            named("A reaction is not enough for ")
                .text(format!(": its plan {does}. Press Approve on the card, or send "))
                .command(&format!("approve {name}"))
        }
        Refusal::NotInReview { wanted, state } => {
            let say = named(&format!("You can't {} ", verb(*wanted))).text(format!(" now: {}.", standing(state)));
            hint(say, state, name)
        }
        Refusal::NothingOpen { wanted, live } => nothing_open(*wanted, *live, name),
        Refusal::ChangeOpen { change, kind, by, since, pull } => {
            let what = match kind {
                Kind::Create => "open",
                Kind::Destroy => "open, to destroy it",
            };
            let since = when::ago(*since, context.now);
            let say = named("")
                .text(format!(" already has change {change} {what}, asked by "))
                .person(by)
                .text(format!(" {since}. It has to end first"));
            match pull {
                Some(pull) => say.text(": ").link(pull, pull),
                None => say.text(": ").command(&format!("show {name}")),
            }
        }
        Refusal::Exists { owner } => named("")
            .text(" is taken: it belongs to ")
            .person(owner)
            .text(". Choose another name, or look at that one: ")
            .command(&format!("show {name}")),
        Refusal::NoSuchCluster { near } => {
            let say = named("There is no cluster ").text(".");
            match near {
                Some(near) => say.text(" Did you mean ").said(near).text("? To see all: ").command("list all"),
                None => say.text(" To see all: ").command("list all"),
            }
        }
        Refusal::NotYours { wanted, owner, admins } => {
            let say = named(&format!("You can't {} ", verb(*wanted)));
            let say = say.text(": it belongs to ").person(owner).text(". Its owner or an admin can");
            if admins.is_empty() { say.text(".") } else { say.text(" (").people(admins, ", ").text(").") }
        }
        Refusal::AtWork { wanted, state } => {
            let say = named(&format!("You can't {} ", verb(*wanted)));
            if state == "stuck" {
                let say = say.text(": some of it may be destroyed already. Once what is wrong is mended, go on with ");
                return say.command(&format!("retry {name}")).text(".").message();
            }
            let say = match state.as_str() {
                "joining" => say.text(" now: it is applied, and kaas waits for Rancher."),
                _ => say.text(" now: terraform is at work, and cutting it off would leave things half made."),
            };
            say.text(" The card says when that has ended.")
        }
        Refusal::NothingToRetry { state } => {
            named("There is nothing to retry about ").text(format!(": {}.", standing(state)))
        }
        Refusal::NobodyCouldApprove { quorum, approvers } => {
            let say = named("kaas does not start ").text(format!(": it needs {}, and ", many(*quorum, "approval")));
            match approvers.as_slice() {
                [] => say.text("nobody but you could give one. An admin can name more approvers."),
                some => {
                    say.text("only ").people(some, " and ").text(" could give one. An admin can name more approvers.")
                }
            }
        }
        Refusal::TooMany { have, limit } => Say::of(format!(
            "You have {} (open requests count), and {limit} is the most for one person. ",
            many(*have, "cluster")
        ))
        .text("Which ones: ")
        .command("list mine")
        .text(". To give one back: ")
        .command("destroy <name>"),
        Refusal::Frozen { why } => {
            Say::of("New changes are stopped for now: ").said(why.as_str()).text(". What is under way goes on.")
        }
        Refusal::NotReady { state } => named("There is no way into ")
            .text(format!(" now: {}. See ", standing(state)))
            .command(&format!("show {name}"))
            .text("."),
        Refusal::RoleNotGiven { role, roles } => match roles.as_slice() {
            [] => Say::of(
                "Ways in are not given by command here. An operator can name roles that may be (policy.access).",
            ),
            roles => Say::of("The role ")
                .code(role)
                .text(" is not given by command here. These are: ")
                .said(&roles.join(", "))
                .text("."),
        },
        Refusal::TooLong { longest } => Say::of(format!("The longest is {}. Such as ", when::length(*longest)))
            .command(&format!("access {name} @bob for {}h", longest.as_hours().max(1)))
            .text("."),
        Refusal::HasAccess { to, role, until } => {
            let until = match until {
                Some(until) => format!(" until {}", when::moment(*until, context.now, context.tz)),
                None => ", for as long as it lives".to_owned(),
            };
            Say::default()
                .said(to)
                .text(" has that way into ")
                .strong(name.as_str())
                .text(" already: ")
                .code(role)
                .text(until)
                .text(".")
        }
        Refusal::NoAccess { to, have } => {
            let say = Say::default().said(to).text(" has no way into ").strong(name.as_str()).text(".");
            if have.is_empty() { say } else { say.text(" These have: ").said(&have.join(", ")).text(".") }
        }
        Refusal::AdminsOnly { wanted, admins } => return admins_only(*wanted, admins),
        Refusal::NothingStuck => named("")
            .text(" is not being taken down, so no machine of it is let go. First ")
            .command(&format!("destroy {name}"))
            .text("."),
        Refusal::NotThisWay { wanted, proof } => {
            let how = match proof {
                Proof::Command => "A command",
                Proof::Button => "A button",
                Proof::Reaction => "A reaction",
                Proof::Review => "A review of the pull request",
            };
            let rest = match wanted {
                Wanted::Reject => format!("reject {name} because …"),
                Wanted::Request
                | Wanted::Approve
                | Wanted::Withdraw
                | Wanted::Cancel
                | Wanted::Retry
                | Wanted::Destroy
                | Wanted::Access
                | Wanted::Revoke
                | Wanted::ForceRemove
                | Wanted::Orphans
                | Wanted::Link => format!("{} {name}", command(*wanted)),
            };
            named(&format!("{how} can't {} ", verb(*wanted))).text(". This can: ").command(&rest)
        }
    }
    .message()
}

/// What only admins can; no cluster needs to be named.
pub fn admins_only(wanted: Wanted, admins: &[Person]) -> Message {
    let what = match wanted {
        Wanted::ForceRemove => "let a machine go",
        other => verb(other),
    };
    let say = Say::of(format!("Only an admin can {what}"));
    if admins.is_empty() { say.text(".") } else { say.text(" (").people(admins, ", ").text(").") }.message()
}

fn nothing_open(wanted: Wanted, live: bool, name: &ClusterName) -> Say {
    let named = |text: &str| Say::of(text).strong(name.as_str());
    match (wanted, live) {
        (Wanted::Destroy, false) => named("There is nothing to destroy: ").text(" does not exist."),
        (Wanted::Cancel, true) => named("There is nothing to cancel: ")
            .text(" is there, and no change of it is open. To take it down: ")
            .command(&format!("destroy {name}")),
        (_, true) => {
            named(&format!("There is nothing to {}: ", command(wanted))).text(" is there, and no change of it is open.")
        }
        (_, false) => named(&format!("There is nothing to {}: ", command(wanted))).text(" has no open change."),
    }
}

/// What a person wanted, after "You can't".
fn verb(wanted: Wanted) -> &'static str {
    match wanted {
        Wanted::Request => "request",
        Wanted::Approve => "approve",
        Wanted::Withdraw => "take back your approval of",
        Wanted::Reject => "reject",
        Wanted::Cancel => "cancel",
        Wanted::Retry => "retry",
        Wanted::Destroy => "destroy",
        Wanted::Access => "give a way into",
        Wanted::Revoke => "take back a way into",
        Wanted::ForceRemove => "let a machine go of",
        Wanted::Orphans => "search the account",
        Wanted::Link => "link people",
    }
}

fn command(wanted: Wanted) -> &'static str {
    match wanted {
        Wanted::Withdraw => "withdraw",
        Wanted::Access => "access",
        Wanted::Revoke => "revoke",
        Wanted::ForceRemove => "force-remove",
        Wanted::Orphans => "orphans",
        Wanted::Link => "link",
        Wanted::Request | Wanted::Approve | Wanted::Reject | Wanted::Cancel | Wanted::Retry | Wanted::Destroy => {
            verb(wanted)
        }
    }
}

/// What a state's name means, as a clause. The names are those of `State::name`, and `leaving` for what `Change::leaving` says.
fn standing(state: &str) -> &'static str {
    match state {
        "preparing" => "its plan is still being made",
        "planned" => "its plan is there, but its pull request is not open yet",
        "reviewing" => "people are deciding about it",
        "applying" => "it is decided, and terraform is at work",
        "joining" => "it is applied already",
        "done" => "its last change is complete",
        "closed" => "its last change has ended",
        "stuck" => "it is stuck",
        "leaving" => "it is being destroyed",
        _ => "it is at another point",
    }
}

fn hint(say: Say, state: &str, name: &ClusterName) -> Say {
    match state {
        "preparing" => say.text(" It comes to the thread when it is there."),
        "planned" => say.text(" The card asks for approvals as soon as it is."),
        "stuck" => say.text(" First ").command(&format!("retry {name}")).text("."),
        _ => say.text(" See ").command(&format!("show {name}")).text("."),
    }
}

#[cfg(test)]
#[path = "refusal_tests.rs"]
mod tests;
