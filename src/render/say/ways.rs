//! Ways into a cluster, as they are told to the person who asks about them.
//!
//! Nothing here does I/O, reads a clock or draws a random number.

use jiff::Timestamp;
use jiff::tz::TimeZone;

use crate::lifecycle::Grant;
use crate::lifecycle::form::ClusterName;
use crate::render::message::Message;
use crate::render::when;

use super::words::{Say, message};

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

/// Somebody whose Rancher user is disabled, or is not there.
pub fn not_usable(who: &str, user: &str, there: bool) -> Message {
    let say = Say::of("The Rancher user ").code(user).text(", to whom ").said(who);
    match there {
        true => say.text(" is linked, is disabled: a Rancher admin can enable it."),
        false => say.text(" is linked, is not there: they log in to Rancher once, then an admin links them again."),
    }
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

/// A search where no cloud is looked at.
pub fn no_cloud() -> Message {
    Say::of("No cloud is looked at here. An operator can have kaas read EC2: see docs/aws.md.").message()
}
