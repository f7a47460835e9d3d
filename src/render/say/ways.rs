//! Ways into a cluster, as they are told to the person who asks about them.
//!
//! Nothing here does I/O, reads a clock or draws a random number.

use jiff::Timestamp;
use jiff::tz::TimeZone;

use crate::lifecycle::form::ClusterName;
use crate::lifecycle::{Grant, Person};
use crate::render::message::Message;
use crate::render::when;

use super::words::{Say, many, message};

/// Who has a way into a cluster.
pub fn ways_in(name: &ClusterName, grants: &[Grant], now: Timestamp, tz: &TimeZone) -> Message {
    if grants.is_empty() {
        return Say::of("Nobody was given a way into ").strong(name.as_str()).text(" by kaas.").message();
    }
    let mut lines = vec![Say::of("Ways into ").strong(name.as_str()).text(":")];
    lines.extend(grants.iter().map(|grant| {
        let until = match grant.until {
            Some(until) => format!(", until {} ({})", when::moment(until, now, tz), when::ahead(until, now)),
            None => String::new(),
        };
        Say::of("  ").said(&grant.to).text(" as ").code(&grant.role).text(until)
    }));
    lines.push(Say::of("To give another: ").command(&format!("access {name} @bob for 8h")));
    message(lines)
}

/// Somebody who cannot be given a way in, because kaas does not know who they are in Rancher.
pub fn no_rancher_user(who: &str) -> Message {
    Say::of("kaas does not know which Rancher user ")
        .said(who)
        .text(" is. They log in to Rancher once, then an admin links them: ")
        .command(&format!("link @{who} u-…"))
        .message()
}

/// Why somebody is not found in Rancher by their e-mail address.
#[derive(Debug, Clone, PartialEq, Eq)]
pub enum Unmatched {
    /// No user logs in under it.
    Nobody,
    /// The users that do may not log in now.
    Disabled(String),
    /// Several do.
    Several(usize),
    /// The one that does is somebody else here.
    Another {
        /// The user's id.
        user: String,
        /// Who that is.
        is: String,
    },
    /// Rancher does not answer now.
    Unread,
}

/// Somebody who is not found in Rancher by their e-mail address.
pub fn unmatched(who: &str, email: &str, why: &Unmatched) -> Message {
    not_found_by(who, email, why).message()
}

fn not_found_by(who: &str, email: &str, why: &Unmatched) -> Say {
    let begin = Say::of("kaas looks for ").said(who).text(" in Rancher by the e-mail address ").said(email);
    let link = format!("link @{who} u-…");
    match why {
        Unmatched::Nobody => begin
            .text(", and no user there logs in under it: log in to Rancher once with it, or have an admin say who they are: ")
            .command(&link),
        Unmatched::Disabled(user) => begin
            .text(", and the user that logs in under it, ")
            .code(user)
            .text(", is disabled: a Rancher admin can enable it."),
        Unmatched::Several(count) => begin
            .text(format!(", and {count} users there log in under it. An admin has to say which one it is: "))
            .command(&link),
        Unmatched::Another { user, is } => begin
            .text(", and the user that logs in under it, ")
            .code(user)
            .text(", is ")
            .said(is)
            .text(" here. An admin has to say who is who: ")
            .command(&link),
        Unmatched::Unread => begin.text(", and Rancher does not answer just now."),
    }
}

/// Somebody whose Rancher user is disabled, or is not there.
pub fn not_usable(who: &str, user: &str, there: bool) -> Message {
    let say = Say::of("The Rancher user ").code(user).text(", to whom ").said(who);
    match there {
        true => say.text(" is linked, is disabled: a Rancher admin can enable it."),
        false => say.text(" is linked, is not there: they log in to Rancher once, then an admin links them again."),
    }
    .message()
}

/// Somebody who has a way in that was made in Rancher: kaas records no way in that it could not end.
pub fn has_by_hand(who: &str, role: &str, cluster: &ClusterName, binding: &str) -> Message {
    Say::default()
        .said(who)
        .text(" is ")
        .code(role)
        .text(" in ")
        .strong(cluster.as_str())
        .text(" already, by a binding that was made in Rancher and not by kaas (")
        .code(binding)
        .text("). kaas could never end it, and Rancher takes no second one, so nothing was changed. To have kaas keep it: a Rancher admin removes that binding, then ask again.")
        .message()
}

/// A group that the configuration does not name.
pub fn no_such_group(name: &str, known: &[&str]) -> Message {
    let say = Say::of("There is no group ").code(name).text(" here. ");
    match known {
        [] => say.text("An operator can name groups (rancher.groups)."),
        known => say.text("There is: ").said(&known.join(", ")).text("."),
    }
    .message()
}

/// How kaas knows which user in Rancher somebody is.
#[derive(Debug, Clone, Copy)]
pub enum Source<'a> {
    /// They confirmed what an admin said.
    Confirmed {
        /// Which admin.
        by: &'a str,
    },
    /// The configuration says so.
    Configured,
    /// That user, and no other, logs in under their e-mail address.
    Email(&'a str),
    /// Their e-mail address does not tell.
    Unmatched(&'a str, &'a Unmatched),
    /// Nothing tells.
    Nothing,
}

/// Who somebody is for kaas and for Rancher.
#[derive(Debug)]
pub struct Whoami<'a> {
    /// How others know them.
    pub name: &'a str,
    /// Whether they may ask for clusters.
    pub may_request: bool,
    /// Whether they may approve.
    pub approver: bool,
    /// Whether they are an admin.
    pub admin: bool,
    /// How many clusters and open requests they have.
    pub owned: u32,
    /// Their user in Rancher.
    pub user: Option<&'a str>,
    /// How kaas comes to that.
    pub source: Source<'a>,
    /// What that user is called there, where Rancher told.
    pub user_name: Option<&'a str>,
    /// Whether that user may log in, where Rancher told.
    pub enabled: Option<bool>,
    /// What an admin said and they have still to confirm: the user's id and name, and who said it.
    pub proposed: Option<(&'a str, &'a str, &'a str)>,
}

/// Who somebody is for kaas and for Rancher.
pub fn whoami(who: &Whoami<'_>) -> Message {
    let rights = [(who.may_request, "ask for clusters"), (who.approver, "approve"), (who.admin, "administer")];
    let rights: Vec<&str> = rights.into_iter().filter(|(has, _)| *has).map(|(_, what)| what).collect();
    let can = if rights.is_empty() { "You may look.".to_owned() } else { format!("You may {}.", rights.join(", ")) };
    let mut lines =
        vec![Say::of("You are ").said(who.name).text(format!(". {can} You have {}.", many(who.owned, "cluster")))];
    lines.push(in_rancher(who));
    lines.extend(who.proposed.map(|(user, name, by)| confirm(by, user, name)));
    message(lines)
}

/// `In Rancher you are u-bob (bob), as the configuration says.`
fn in_rancher(who: &Whoami<'_>) -> Say {
    let Some(user) = who.user else {
        return match who.source {
            Source::Unmatched(email, why) => not_found_by(who.name, email, why),
            Source::Confirmed { .. } | Source::Configured | Source::Email(_) | Source::Nothing => {
                Say::of("kaas does not know your user in Rancher: log in there once, then an admin links you.")
            }
        };
    };
    let say = Say::of("In Rancher you are ").code(user);
    let say = match who.user_name {
        Some(name) => say.text(" (").said(name).text(")"),
        None => say,
    };
    let say = match who.source {
        Source::Confirmed { by } => say.text(", as ").said(by).text(" said and you confirmed"),
        Source::Configured => say.text(", as the configuration says"),
        Source::Email(email) => say.text(", because that user logs in under ").said(email),
        Source::Unmatched(..) | Source::Nothing => say,
    };
    match who.enabled {
        Some(false) => say.text(". It is disabled: a Rancher admin can enable it."),
        Some(true) | None => say.text("."),
    }
}

/// `dave says that in Rancher you are u-4tq9z (bob). If so: /kaas link confirm   If not: /kaas link refuse`
fn confirm(by: &str, user: &str, name: &str) -> Say {
    Say::default()
        .said(by)
        .text(" says that in Rancher you are ")
        .code(user)
        .text(" (")
        .said(name)
        .text("). If so: ")
        .command("link confirm")
        .text("   If not: ")
        .command("link refuse")
}

/// To the person about whom an admin said something.
pub fn please_confirm(user: &str, name: &str, by: &str) -> Message {
    confirm(by, user, name).message()
}

/// To the admin: it was said, and waits for the person.
pub fn link_proposed(person: &Person, user: &str, name: &str) -> Message {
    Say::default()
        .person(person)
        .text(" is asked whether they are ")
        .code(user)
        .text(" (")
        .said(name)
        .text(") in Rancher. It holds once they confirm it.")
        .message()
}

/// To the person: what they answered is written down.
pub fn link_answered(user: &str, name: &str, yes: bool) -> Message {
    let say = Say::of(if yes { "In Rancher you are " } else { "You are not " });
    let say = say.code(user).text(" (").said(name);
    say.text(if yes { "). kaas gives you your ways in under that name." } else { "). Nothing was changed." }).message()
}

/// To a person about whom nobody said anything.
pub fn nothing_to_confirm() -> Message {
    Say::of("There is nothing to confirm. What kaas knows of you: ").command("whoami").message()
}

/// To the admin: Rancher has no such user, or it is disabled.
pub fn link_to_nobody(user: &str, there: bool) -> Message {
    let say = Say::of("Rancher's user ").code(user);
    match there {
        true => say.text(" is disabled: a Rancher admin can enable it. Nothing was changed."),
        false => say.text(" is not there. They log in to Rancher once, and then have one. Nothing was changed."),
    }
    .message()
}

/// To the admin: that user is somebody else already.
pub fn linked_to_another(user: &str, other: &str) -> Message {
    Say::of("Rancher's user ").code(user).text(" is ").said(other).text(" already. Nothing was changed.").message()
}

/// To the admin: the link is taken away.
pub fn unlinked(person: &Person, done: bool, configured: Option<&str>) -> Message {
    let say = Say::default().person(person);
    let say = if done { say.text(" is linked no more.") } else { say.text(" was not linked by command.") };
    match configured {
        Some(user) => say.text(" The configuration says ").code(user).text("."),
        None => say,
    }
    .message()
}

/// To an admin: the token by which kaas works ends soon.
pub fn token_ends(ends: Timestamp, now: Timestamp, tz: &TimeZone) -> Message {
    let left = if ends <= now { "has ended".to_owned() } else { format!("ends {}", when::ahead(ends, now)) };
    Say::of(format!("kaas' token in Rancher {left} ({}). ", when::moment(ends, now, tz)))
        .text("Without it nothing is applied, and nothing can be taken down. An operator makes another with ")
        .code("kaas rancher setup --new-token")
        .text(".")
        .message()
}

/// A search where no cloud is looked at.
pub fn no_cloud() -> Message {
    Say::of("No cloud is looked at here. An operator can have kaas read EC2: see docs/aws.md.").message()
}
