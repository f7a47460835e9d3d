//! Help, made from the command table: lines of plain text, which `render/say` puts into a message.
//!
//! Nothing here does I/O, reads a clock or draws a random number.

use super::table::{Audience, COMMANDS, Entry, FlagEntry, Shape};
use super::{COMMAND, Topic};

/// The help on a topic, line by line; without one, the overview.
pub fn help(topic: Option<Topic>) -> Vec<String> {
    match topic {
        None => overview(),
        Some(Topic::Verb(verb)) => command(verb.entry()),
        Some(Topic::Writing) => lines(WRITING),
        Some(Topic::States) => lines(STATES),
    }
}

/// How values are written.
const WRITING: &[&str] = &[
    "Writing to kaas",
    "",
    "Values go any of these ways: size=small, --size small, --size=small, -s small.",
    "Several words go in quotes: reason=\"load test of billing\". Or say because, and then the rest of the line is the reason.",
    "A name is 2 to 40 characters: a-z, 0-9 and hyphens, starting with a letter.",
    "A lifetime is a number with h, d or w: ttl=8h, ttl=7d, ttl=2w.",
    "A Kubernetes version may be short: k8s=1.33 takes the newest 1.33 of the class.",
    "Capital letters, curly quotes and long dashes of phones are understood.",
];

/// What the words for a cluster's state mean.
const STATES: &[&str] = &[
    "What the words mean",
    "",
    "planning   kaas writes the files and terraform works out what would change.",
    "waiting    people decide. The number says how many approvals are there, and how many are needed.",
    "applying   terraform makes exactly what was approved.",
    "joining    the nodes come up and report to Rancher.",
    "ready      it can be used, and its people have their way in.",
    "stuck      something failed and somebody has to look: retry, or cancel.",
    "closed     the change ended without being made.",
    "gone       it was taken down, and Rancher knows it no more.",
];

fn lines(text: &[&str]) -> Vec<String> {
    text.iter().map(|line| (*line).to_owned()).collect()
}

fn overview() -> Vec<String> {
    let mut out =
        vec!["kaas makes Kubernetes clusters and takes them down again, with others agreeing first.".to_owned()];
    let width = COMMANDS.iter().map(|entry| entry.brief().len()).max().unwrap_or_default();
    for (audience, title) in [
        (Audience::Developers, "Your clusters"),
        (Audience::Approvers, "Deciding"),
        (Audience::Everybody, "Looking"),
        (Audience::Admins, "Admins"),
    ] {
        out.push(String::new());
        out.push(title.to_owned());
        let entries = COMMANDS.iter().filter(|entry| entry.audience == audience);
        out.extend(entries.map(|entry| format!("  {COMMAND} {:<width$}  {}", entry.brief(), entry.does)));
    }
    out.push(String::new());
    out.push(format!("Try this: {COMMAND} {}", COMMANDS[0].examples[0]));
    out.push(format!("More: {COMMAND} help request, {COMMAND} help writing, {COMMAND} help states"));
    out
}

fn command(entry: &Entry) -> Vec<String> {
    let mut out = vec![format!("{COMMAND} {}", entry.usage()), format!("kaas {}.", entry.does)];
    out.extend(entry.notes.iter().map(|note| (*note).to_owned()));
    let flags: Vec<(String, &FlagEntry)> = entry.takes.iter().map(|f| (written(f.entry()), f.entry())).collect();
    let width = flags.iter().map(|(written, _)| written.len()).max().unwrap_or_default();
    if !flags.is_empty() {
        out.push(String::new());
        out.extend(flags.iter().map(|(written, flag)| format!("  {written:<width$}  {}", flag.about)));
    }
    out.push(String::new());
    out.extend(entry.examples.iter().map(|example| format!("  {COMMAND} {example}")));
    let short: Vec<&str> = entry.aliases.iter().copied().filter(|alias| !alias.starts_with('-')).collect();
    if !short.is_empty() {
        out.push(String::new());
        out.push(format!("Also understood: {}", short.join(", ")));
    }
    out
}

fn written(flag: &FlagEntry) -> String {
    let short = flag.short.map(|short| format!(", -{short}")).unwrap_or_default();
    match flag.shape {
        Shape::Word | Shape::MaybeWord => flag.name.to_owned(),
        Shape::Value => format!("{}={}{short}", flag.name, flag.example),
        Shape::Switch => format!("--{}{short}", flag.name),
    }
}

#[cfg(test)]
mod tests {
    use super::super::Verb;
    use super::*;

    #[test]
    fn the_overview() {
        insta::assert_snapshot!(help(None).join("\n"), @"
        kaas makes Kubernetes clusters and takes them down again, with others agreeing first.

        Your clusters
          /kaas request <name>           asks for a new cluster
          /kaas destroy <name>           takes a cluster down
          /kaas access <name>            shows who has a way in, or gives somebody one
          /kaas revoke <name>            takes somebody's way in back
          /kaas cancel <name>            takes a change back
          /kaas retry <name>             does again what failed, or plans again

        Deciding
          /kaas approve <name>           says yes to the current plan
          /kaas reject <name>            says no, and ends the change
          /kaas withdraw <name>          takes your approval back, while it is undecided

        Looking
          /kaas list [mine|all|waiting]  lists clusters
          /kaas show <name>              shows one cluster
          /kaas classes                  shows what can be asked for, with prices
          /kaas whoami                   shows who you are for kaas and for Rancher
          /kaas help [topic]             explains a command or a topic

        Admins
          /kaas link <person>            says which user in Rancher somebody is
          /kaas orphans                  searches the cloud for what belongs to no cluster
          /kaas force-remove <name>      lets a machine go that cannot be removed

        Try this: /kaas request teal-otter size=small
        More: /kaas help request, /kaas help writing, /kaas help states
        ");
    }

    #[test]
    fn help_on_a_command() {
        insta::assert_snapshot!(help(Some(Topic::Verb(Verb::Request))).join("\n"), @r#"
        /kaas request <name> [class=] [size=] [workers=] [k8s=] [region=] [ttl=] [reason=] [ticket=] [--dry-run]
        kaas asks for a new cluster.
        What you leave out takes the default of the class: see /kaas classes.
        Others approve it before anything is made. You are told when it is ready.

          name                               the cluster's name: a-z, 0-9 and hyphens
          class=aws, -c                      the kind of cluster
          size=small, -s                     how big the nodes are
          workers=3, -w                      how many worker nodes
          k8s=1.33, -k                       the Kubernetes version, as exactly as you like
          region=eu-west-1, -r               where it runs
          ttl=7d, -t                         how long you want it: hours, days or weeks
          reason="load test of billing", -m  why, in a few words
          ticket=OPS-77                      the ticket it belongs to
          --dry-run, -n                      show what would be written, and ask for nothing

          /kaas request teal-otter size=small
          /kaas request teal-otter size=small workers=2 ttl=7d reason="load test of billing" ticket=OPS-77
          /kaas request teal-otter --dry-run

        Also understood: create, new, make, order, provision
        "#);
        insta::assert_snapshot!(help(Some(Topic::Verb(Verb::Reject))).join("\n"), @r#"
        /kaas reject <name> [reason=]
        kaas says no, and ends the change.
        Say why: whoever asked reads it.

          name                               the cluster's name: a-z, 0-9 and hyphens
          reason="load test of billing", -m  why, in a few words

          /kaas reject teal-otter because the budget is gone
          /kaas reject teal-otter reason="the budget is gone"

        Also understood: no, deny, decline, veto
        "#);
        insta::assert_snapshot!(help(Some(Topic::Verb(Verb::List))).join("\n"), @"
        /kaas list [mine|all|waiting] [owner=]
        kaas lists clusters.

          which            mine, all, or waiting for a decision
          owner=alice, -o  only this person's

          /kaas list
          /kaas list mine
          /kaas list waiting
          /kaas list owner=alice

        Also understood: ls, clusters
        ");
    }

    #[test]
    fn help_on_topics_and_every_command_fits_a_screen() {
        let topics = COMMANDS.iter().map(|e| Topic::Verb(e.verb)).chain([Topic::Writing, Topic::States]);
        for topic in topics {
            let lines = help(Some(topic));
            assert!(lines.len() <= 24, "{topic:?} has {} lines", lines.len());
            for line in lines {
                assert!(line.chars().count() <= 140 && line == line.trim_end(), "{line:?}");
            }
        }
    }
}
