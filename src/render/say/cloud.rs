//! What was found in the cloud: before anybody is asked to approve, while a cluster lives, and after a teardown.
//!
//! Nothing here does I/O, reads a clock or draws a random number.

use std::collections::BTreeMap;

use jiff::Timestamp;

use crate::lifecycle::cloud::{Certificate, Finding, Leftover, Machine, Weight};
use crate::lifecycle::form::ClusterName;
use crate::render::message::{Line, Message};
use crate::render::when;

use super::Context;
use super::words::{Say, many, message};

/// The most leftovers that are named in a thread; the pull request and the ledger have all.
const NAMED_MAX: usize = 8;

/// What is wrong, in a few words, for a card: the first of it.
pub(super) fn in_short(say: Say, findings: &[Finding]) -> Say {
    let Some(first) = findings.first() else { return say.text("the cloud would refuse it") };
    let say = say.said(&first.what);
    match findings.len() - 1 {
        0 => say,
        more => say.text(format!(", and {more} more")),
    }
}

/// What is wrong, one after the other, each with what would work.
pub(super) fn in_full(say: Say, findings: &[Finding]) -> Say {
    let last = findings.len().saturating_sub(1);
    findings.iter().enumerate().fold(say, |say, (i, finding)| {
        let say = say.said(finding.what.trim_end_matches('.'));
        let say = match &finding.remedy {
            Some(remedy) => say.text(" (").said(remedy.trim_end_matches('.')).text(")"),
            None => say,
        };
        say.text(if i == last { ". " } else { "; " })
    })
}

/// What people should know before they decide: doubts, and what could not be looked at.
pub(super) fn doubts(say: Say, findings: &[Finding]) -> Say {
    let of = |weight: Weight| findings.iter().filter(|f| f.weight == weight).cloned().collect::<Vec<_>>();
    let (doubts, unread) = (of(Weight::Doubt), of(Weight::Unread));
    let say = if doubts.is_empty() { say } else { in_full(say.text(". Look at this first: "), &doubts) };
    if unread.is_empty() {
        return say;
    }
    let between = if doubts.is_empty() { ". Could not be looked at: " } else { "Could not be looked at: " };
    let what: Vec<&str> = unread.iter().map(|finding| finding.what.trim_end_matches('.')).collect();
    say.text(between).said(&what.join("; "))
}

/// What is left of a cluster that is gone.
pub(super) fn certificate(name: &ClusterName, round: u32, found: &Certificate, context: &Context<'_>) -> Message {
    let again = if round == 1 { " kaas looks once more in 30 min." } else { "" };
    let when = when::moment(found.at, context.now, context.tz);
    if found.is_clean() {
        let say = Say::cluster(name).text(format!(": 0 left in the cloud ({when}, {}, ", calls(found)));
        return say.code(short(&found.digest)).text(format!(").{again}")).message();
    }
    let (sure, suspect) = (&found.sure, &found.suspect);
    let mut lines = Vec::new();
    if sure.is_empty() && suspect.is_empty() {
        lines.push(Say::cluster(name).text(": nothing was found in the cloud, but not everything could be read."));
    } else {
        let all = sure.len() + suspect.len() + found.more as usize;
        let things = many(u32::try_from(all).unwrap_or(u32::MAX), "thing");
        let say = Say::cluster(name).text(format!(": {things} left in the cloud"));
        lines.push(say.text(cost(sure.iter().chain(suspect))).text(format!(". kaas removes nothing there.{again}")));
    }
    lines.extend(leftovers(sure, suspect));
    if let Some(more) = unnamed(found) {
        lines.push(Say::of(format!("and {more} more, on the pull request")));
    }
    lines.extend(unread(found));
    message(lines)
}

/// What belongs to no cluster of the fleet.
pub fn orphans(found: &Certificate) -> Message {
    let all = found.sure.len() + found.suspect.len() + found.more as usize;
    let mut lines = Vec::new();
    if all == 0 {
        lines.push(Say::of(format!("Nothing was found in the cloud that belongs to no cluster ({}).", calls(found))));
    } else {
        let things = many(u32::try_from(all).unwrap_or(u32::MAX), "thing");
        let belong = if all == 1 { "belongs" } else { "belong" };
        let cost = cost(found.sure.iter().chain(&found.suspect));
        lines.push(Say::of(format!("{things} in the cloud {belong} to no cluster{cost}. kaas removes nothing there.")));
    }
    lines.extend(leftovers(&found.sure, &found.suspect));
    if let Some(more) = unnamed(found) {
        lines.push(Say::of(format!("and {more} more, in the file")));
    }
    lines.extend(unread(found));
    let file = (all > 0).then(|| "orphans.txt".to_owned());
    Message { file, ..message(lines) }
}

/// A certificate as plain text, with everything in it: for a file or a comment.
pub fn certificate_text(found: &Certificate) -> String {
    let mut out = format!("at {}\ndigest {}\n", found.at, found.digest);
    for (title, list) in [("sure", &found.sure), ("suspect", &found.suspect)] {
        out.push_str(&format!("\n{title}: {}\n", list.len()));
        for one in list {
            let name = one.name.as_deref().map(|name| format!(" {name}")).unwrap_or_default();
            let cents = one.cents_a_month.map_or("price unknown".to_owned(), price);
            out.push_str(&format!(
                "- {} {}{name} in {}: {}; {cents}\n  {}\n",
                one.kind, one.id, one.region, one.why, one.remove
            ));
        }
    }
    if found.more > 0 {
        out.push_str(&format!("\nand {} more that are not listed\n", found.more));
    }
    for (title, list) in [("could not be read", &found.unread), ("asked", &found.asked)] {
        out.push_str(&format!("\n{title}: {}\n", list.len()));
        list.iter().for_each(|line| out.push_str(&format!("- {line}\n")));
    }
    out
}

/// The machines of a cluster that exists, by type, zone and state.
pub(super) fn machines(machines: &[Machine], now: Timestamp) -> Vec<Line> {
    let mut groups: BTreeMap<(&str, &str, &str), Vec<&Machine>> = BTreeMap::new();
    for one in machines {
        groups.entry((&one.instance_type, &one.zone, &one.state)).or_default().push(one);
    }
    let lines = groups.into_iter().enumerate().map(|(i, ((kind, zone, state), all))| {
        let count = u32::try_from(all.len()).unwrap_or(u32::MAX);
        let oldest = all.iter().filter_map(|one| one.since).min();
        let age =
            oldest.map(|since| format!(", up to {} old", when::length(now.duration_since(since)))).unwrap_or_default();
        let cents: Option<u64> = all.iter().map(|one| one.cents_a_month).sum();
        let cost = cents.map(|cents| format!(", {}", price(cents))).unwrap_or_default();
        Say::of(format!("{:<13}{count} × ", if i == 0 { "Nodes" } else { "" }))
            .said(kind)
            .text(" in ")
            .said(zone)
            .text(", ")
            .said(state)
            .text(format!("{age}{cost}"))
            .line()
    });
    lines.collect()
}

fn leftovers<'a>(sure: &'a [Leftover], suspect: &'a [Leftover]) -> impl Iterator<Item = Say> + use<'a> {
    let named = |list: &'a [Leftover], certain: &'static str| {
        list.iter().take(NAMED_MAX).map(move |one| {
            let say = Say::of(format!("{certain}: ")).said(&one.kind).text(" ").code(&one.id);
            let say = match &one.name {
                Some(name) => say.text(" ").said(name),
                None => say,
            };
            let cost = one.cents_a_month.map(|cents| format!(", {}", price(cents))).unwrap_or_default();
            say.text(" (").said(&one.why).text(format!("{cost}). ")).code(&one.remove)
        })
    };
    named(sure, "sure").chain(named(suspect, "perhaps"))
}

/// How many were found that no line names.
fn unnamed(found: &Certificate) -> Option<usize> {
    let over = |list: &[Leftover]| list.len().saturating_sub(NAMED_MAX);
    Some(over(&found.sure) + over(&found.suspect) + found.more as usize).filter(|more| *more > 0)
}

fn unread(found: &Certificate) -> Option<Say> {
    let why = found.unread.join("; ");
    (!why.is_empty()).then(|| Say::of("Could not be read, so it is not known: ").said(&why).text("."))
}

fn cost<'a>(all: impl Iterator<Item = &'a Leftover>) -> String {
    let cents: u64 = all.filter_map(|one| one.cents_a_month).sum();
    if cents == 0 { String::new() } else { format!(", {}", price(cents)) }
}

fn price(cents: u64) -> String {
    match u32::try_from(cents.div_ceil(100)) {
        Ok(dollars) => format!("about {} a month", when::dollars(dollars)),
        Err(_) => "a lot a month".to_owned(),
    }
}

fn calls(found: &Certificate) -> String {
    many(u32::try_from(found.asked.len()).unwrap_or(u32::MAX), "call")
}

fn short(digest: &str) -> &str {
    digest.get(..12).unwrap_or(digest)
}

#[cfg(test)]
#[path = "cloud_tests.rs"]
mod tests;
