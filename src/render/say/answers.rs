//! What a command is answered at once, to the person alone.
//!
//! Nothing here does I/O, reads a clock or draws a random number.

use crate::lifecycle::catalogue::{Catalogue, Class, Size};
use crate::lifecycle::form::{ClusterName, Form, KubernetesVersion, Region};
use crate::lifecycle::{ChangeNumber, Fault, PlanDigest};
use crate::render::message::Message;
use crate::render::when;

use super::words::{Say, many, message};

/// All that is wrong with a line. `verb` is the command, where it is known; `wrong` is each piece with its problem; `instead` is a line that works.
pub fn mistakes(verb: Option<&str>, wrong: &[(&str, &str)], instead: Option<&str>) -> Message {
    let first = match verb {
        Some("request") => "I can't request that cluster yet:".to_owned(),
        Some("list" | "classes" | "help") | None => "I don't understand that yet:".to_owned(),
        Some("access" | "revoke" | "orphans" | "force-remove" | "link" | "whoami") => "I can't do that yet:".to_owned(),
        Some(verb) => format!("I can't {verb} that yet:"),
    };
    let width =
        wrong.iter().map(|(what, _)| what.chars().count()).filter(|width| *width <= 20).max().unwrap_or_default();
    let mut lines = vec![Say::of(first)];
    for (what, problem) in wrong {
        let space = " ".repeat(width.saturating_sub(what.chars().count()) + 2);
        lines.push(Say::of("  ").code(what).text(space).said(problem));
    }
    lines.extend(instead.map(|line| Say::of("Send this instead: ").code(line)));
    message(lines)
}

/// The command is taken: what it is about, before anything has come of it.
pub fn on_it(name: &ClusterName) -> Message {
    Say::cluster(name).text(": on it. The card shows how it goes.").message()
}

/// The full plan, for the person who asked to see it; the file goes with it.
pub fn plan_file(name: &ClusterName, plan: &PlanDigest) -> Message {
    Say::cluster(name)
        .text(format!(": plan {} in full. Values that may be secret are left out.", plan.short()))
        .message()
}

/// A button or a reaction on the card of a change that is not the current one.
pub fn outdated_card(name: &ClusterName, change: ChangeNumber) -> Message {
    Say::of(format!("That card is of change {change}, which has ended. How things are now: "))
        .command(&format!("show {name}"))
        .message()
}

/// Something failed on kaas' own side, and nothing came of the command.
pub fn trouble(fault: &Fault) -> Message {
    Say::of("That was not done: ").fault(fault).text(". Please try again in a moment.").message()
}

/// What a request would write, without asking for it. `role` is the role of whoever asks, `rendered` is the file, `line` is the command without `--dry-run`.
pub fn dry_run(form: &Form, role: &str, rendered: &str, line: &str) -> Message {
    let cost =
        form.dollars_a_month.map(|dollars| format!(", about {} a month", when::dollars(dollars))).unwrap_or_default();
    let nodes = format!(" would be {}: {} + {} nodes ", form.size, form.control_planes, form.workers);
    let mut lines = vec![
        Say::cluster(&form.name)
            .text(nodes)
            .said(&form.instance_type)
            .text(format!(", {}, {}{cost}. ", form.region, form.kubernetes.spoken()))
            .text("You would get in as ")
            .code(role)
            .text(". Nothing was asked for. kaas would write:"),
    ];
    lines.extend(rendered.lines().map(|line| Say::default().code(line)));
    lines.push(Say::of("To ask for it: ").code(line));
    message(lines)
}

/// Help, line by line.
pub fn help(lines: &[String]) -> Message {
    message(lines.iter().map(|line| Say::default().code(line)))
}

/// What can be asked for.
pub fn classes(catalogue: &Catalogue) -> Message {
    let mut lines = Vec::new();
    for (i, class) in catalogue.classes.iter().enumerate() {
        if i > 0 {
            lines.push(Say::default());
        }
        lines.extend(class_lines(class, i == 0));
    }
    if lines.is_empty() {
        lines.push(Say::of("There is nothing to ask for yet: an operator has to add a class to the catalogue."));
    } else {
        lines.push(Say::default());
        lines.push(
            Say::of("The first of each is what you get where you name none. To ask: ")
                .command("request <name> size=small"),
        );
    }
    message(lines)
}

fn class_lines(class: &Class, default: bool) -> Vec<Say> {
    let mut lines = vec![Say::default().strong(class.name.as_str()).text(": ").said(&class.description)];
    if default {
        lines[0] = std::mem::take(&mut lines[0]).text(" (the default)");
    }
    let name = class.sizes.iter().map(|size| size.name.as_str().len()).max().unwrap_or_default();
    let machine = class.sizes.iter().map(|size| size.instance_type.chars().count()).max().unwrap_or_default();
    lines.extend(class.sizes.iter().map(|size| Say::default().code(&size_line(size, name, machine))));
    let versions: Vec<String> = class.kubernetes.iter().map(KubernetesVersion::spoken).collect();
    let regions: Vec<&str> = class.regions.iter().map(Region::as_str).collect();
    let ttl = match (class.ttl_default, class.ttl_max) {
        (Some(default), Some(max)) => format!("{default}, at most {max}"),
        (Some(default), None) => format!("{default}, longer if you ask"),
        (None, Some(max)) => format!("at most {max}"),
        (None, None) => "without an end, unless you ask for one".to_owned(),
    };
    lines.push(Say::default().code(&format!("  k8s     {}", versions.join(", "))));
    lines.push(Say::default().code(&format!("  region  {}", regions.join(", "))));
    lines.push(Say::default().code(&format!("  ttl     {ttl}")));
    match (class.reason_required, class.ticket_required) {
        (true, true) => lines.push(Say::of("  It wants a reason and a ticket.")),
        (true, false) => lines.push(Say::of("  It wants a reason.")),
        (false, true) => lines.push(Say::of("  It wants a ticket.")),
        (false, false) => {}
    }
    lines
}

/// `  small   m6i.large   1 + 3 nodes (1 to 10 workers)  about $412 a month`
fn size_line(size: &Size, name: usize, machine: usize) -> String {
    let Size { workers_min: min, workers_max: max, workers_default, control_planes, .. } = size;
    let range = if min == max { many(*min, "worker") } else { format!("{min} to {max} workers") };
    let cost =
        size.dollars_a_month(*workers_default).map(|dollars| format!("  about {} a month", when::dollars(dollars)));
    format!(
        "  {:<name$}  {:<machine$}  {control_planes} + {workers_default} nodes ({range}){}",
        size.name.as_str(),
        size.instance_type,
        cost.unwrap_or_default()
    )
}

#[cfg(test)]
#[path = "answers_tests.rs"]
mod tests;
