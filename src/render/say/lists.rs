//! Clusters in rows, one cluster in full.
//!
//! Nothing here does I/O, reads a clock or draws a random number.

use jiff::Timestamp;
use jiff::tz::TimeZone;
use unicode_width::UnicodeWidthChar;

use crate::lifecycle::cloud::Machine;
use crate::lifecycle::policy::Quorum;
use crate::lifecycle::summary::{ClusterSummary, Phase};
use crate::lifecycle::{Cluster, Kind};
use crate::render::message::{Line, Message, Span};
use crate::render::when;

use super::card::{CardView, card};
use super::words::{Say, clean, many};

/// The widest that a column of text from outside becomes, in cells.
const CELL_MAX: usize = 24;

/// A list, and what is needed to show it.
#[derive(Debug, Clone, Copy)]
pub struct Listing<'a> {
    /// The clusters to show, in order.
    pub rows: &'a [ClusterSummary],
    /// How many there are besides.
    pub more: usize,
    /// How many approvals a plan needs.
    pub quorum: Quorum,
    /// The time now.
    pub now: Timestamp,
    /// What the list is of, for an empty one.
    pub of: ListOf,
}

/// What a list is of.
#[derive(Debug, Clone, Copy, PartialEq, Eq)]
pub enum ListOf {
    /// Every cluster.
    All,
    /// The asker's own.
    Mine,
    /// Somebody else's.
    Theirs,
    /// Those that wait for a decision.
    Waiting,
}

const HEADINGS: [&str; 6] = ["NAME", "STATE", "OWNER", "SIZE", "A MONTH", "ENDS"];

/// The column that is set to the right.
const MONEY: usize = 4;

/// The clusters in rows: literal text, in columns.
pub fn list(listing: &Listing<'_>) -> Message {
    if listing.rows.is_empty() && listing.more == 0 {
        return nothing(listing.of);
    }
    let rows: Vec<[String; 6]> = listing.rows.iter().map(|row| cells(row, listing)).collect();
    let widths: Vec<usize> = HEADINGS
        .iter()
        .enumerate()
        .map(|(i, heading)| rows.iter().map(|row| width(&row[i])).chain([width(heading)]).max().unwrap_or_default())
        .collect();

    let count = u32::try_from(listing.rows.len() + listing.more).unwrap_or(u32::MAX);
    let mut lines = vec![Say::default().strong(many(count, "cluster")).line()];
    lines.push(columns(&HEADINGS.map(str::to_owned), &widths));
    lines.extend(rows.iter().map(|row| columns(row, &widths)));
    if listing.more > 0 {
        lines.push(Say::of(format!("and {} more: ", listing.more)).command("list all").line());
    }
    Message { lines, ..Message::default() }
}

fn nothing(of: ListOf) -> Message {
    let request = "request teal-otter size=small";
    match of {
        ListOf::All => Say::of("There are no clusters yet. The first one: ").command(request),
        ListOf::Mine => Say::of("You have no clusters. To ask for one: ").command(request),
        ListOf::Theirs => Say::of("They have no clusters. Everybody's: ").command("list all"),
        ListOf::Waiting => Say::of("Nothing waits for a decision. All clusters: ").command("list all"),
    }
    .message()
}

fn cells(row: &ClusterSummary, listing: &Listing<'_>) -> [String; 6] {
    let dash = || "–".to_owned();
    [
        row.key.name.to_string(),
        state(row, listing.quorum),
        cut(&clean(&row.owner.name), CELL_MAX),
        format!("{} {}+{}", row.size, row.control_planes, row.workers),
        row.dollars_a_month.map_or_else(dash, when::dollars),
        row.until.map_or_else(dash, |until| when::ahead(until, listing.now)),
    ]
}

/// A cluster's state in a word or two: what exists comes first, then what is under way.
fn state(row: &ClusterSummary, quorum: Quorum) -> String {
    let takes_down = row.undo || row.kind == Kind::Destroy;
    let under_way = match row.phase {
        Phase::Preparing => "planning".to_owned(),
        Phase::Reviewing { votes, risk } => format!("waiting ({votes} of {})", quorum.of(risk)),
        Phase::Applying if takes_down => "destroying".to_owned(),
        Phase::Applying => "applying".to_owned(),
        Phase::Joining if takes_down => "leaving".to_owned(),
        Phase::Joining => "joining".to_owned(),
        Phase::Stuck => "stuck".to_owned(),
        Phase::Done | Phase::Closed if row.since.is_some() => return "ready".to_owned(),
        Phase::Done if takes_down => return "gone".to_owned(),
        Phase::Done | Phase::Closed => return "closed".to_owned(),
    };
    match (row.phase, takes_down) {
        (Phase::Preparing | Phase::Reviewing { .. } | Phase::Stuck, true) => format!("destroy {under_way}"),
        (Phase::Preparing | Phase::Reviewing { .. } | Phase::Stuck, false)
        | (Phase::Applying | Phase::Joining | Phase::Done | Phase::Closed, _) => under_way,
    }
}

/// One row; every cell is a span of its own.
fn columns(cells: &[String; 6], widths: &[usize]) -> Line {
    let mut spans = Vec::with_capacity(cells.len());
    for (i, (cell, width)) in cells.iter().zip(widths).enumerate() {
        let space = " ".repeat(width.saturating_sub(self::width(cell)));
        let last = i + 1 == cells.len();
        spans.push(Span::Code(match (i == MONEY, last) {
            (true, _) => format!("{space}{cell}   "),
            (false, true) => cell.clone(),
            (false, false) => format!("{cell}{space}   "),
        }));
    }
    Line { spans }
}

fn width(text: &str) -> usize {
    text.chars().map(|c| c.width().unwrap_or_default()).sum()
}

fn cut(text: &str, cells: usize) -> String {
    if width(text) <= cells {
        return text.to_owned();
    }
    let mut left = cells - 1;
    let fits = |c: &char| {
        let fits = c.width().unwrap_or_default() <= left;
        left = left.saturating_sub(c.width().unwrap_or_default());
        fits
    };
    text.chars().take_while(fits).chain(['…']).collect()
}

/// One cluster in full: its card, and what the card has no room for. `machines` are those that the cloud has of it, where it was asked.
pub fn show(view: &CardView<'_>, machines: &[Machine]) -> Message {
    let Cluster { key, live, change, .. } = view.cluster;
    let moment = |at: Timestamp, tz: &TimeZone| when::moment(at, view.now, tz);
    let mut message = card(view);
    message.buttons.clear();
    let asked = format!("{:<13}{}, {}", "Asked", moment(change.asked, view.tz), when::ago(change.asked, view.now));
    message.lines.push(Say::of(asked).line());
    let Some(live) = live else { return message };
    let lease = match live.until {
        Some(until) => format!(", until {} ({})", moment(until, view.tz), when::ahead(until, view.now)),
        None => ", without an end".to_owned(),
    };
    let since = format!("{:<13}since {}{lease}", "Ready", moment(live.since, view.tz));
    message.lines.push(Say::of(since).line());
    message.lines.push(Say::of(format!("{:<13}", "Rancher")).link(&live.facts.id, &live.facts.page).line());
    if !live.grants.is_empty() {
        let ways = live.grants.iter().enumerate().fold(Say::of(format!("{:<13}", "Ways in")), |say, (i, grant)| {
            let say = if i > 0 { say.text(", ") } else { say };
            say.said(&grant.to).text(" (").said(&grant.role).text(")")
        });
        message.lines.push(ways.line());
    }
    message.lines.extend(super::cloud::machines(machines, view.now));
    if change.state.is_over() {
        message.lines.push(Say::of("To take it down: ").command(&format!("destroy {}", key.name)).line());
    }
    message
}

#[cfg(test)]
#[path = "lists_tests.rs"]
mod tests;
