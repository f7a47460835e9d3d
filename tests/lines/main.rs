//! Lines as people, phones and enemies write them, by the thousand: no panic, no command that says something else than it means, and no file that holds
//! anything but the one module call.
//!
//! `LINES=1000000 cargo test --release --no-default-features --test lines` reads a million. `SEED=7` begins with that seed; what fails names its line.

mod generate;
mod one_call;

use std::collections::BTreeMap;

use kaas::command::{Command, Dialect, LINE_MAX, normalise, parse};
use kaas::lifecycle::form::Form;
use kaas::lifecycle::{ChangeNumber, Person};
use kaas::render::module::{Settings, cluster_files};
use kaas::render::templates::Templates;

use generate::{Generator, catalogue};

/// How many lines an everyday run reads.
const LINES: u64 = 5_000;

/// The longest a line of help about one piece may be, in characters: it is shown in a chat.
const PROBLEM_MAX: usize = 1_200;

/// What the lines came to.
#[derive(Debug, Default)]
struct Tally {
    understood: u64,
    mistaken: u64,
    proposals: u64,
    rendered: u64,
    verbs: BTreeMap<&'static str, u64>,
}

#[test]
fn every_line_is_understood_or_told_what_is_wrong() {
    let lines: u64 = std::env::var("LINES").ok().and_then(|n| n.parse().ok()).unwrap_or(LINES);
    let seed = std::env::var("SEED").ok().and_then(|n| n.parse().ok()).unwrap_or_else(|| fastrand::u64(..1 << 32));
    println!("SEED={seed} LINES={lines}");
    let world = World::new();
    let mut tally = Tally::default();
    for number in 0..lines {
        // Each line has a seed of its own, so that the one that fails can be read alone.
        let line = Generator::new(seed + number).line();
        let judged = std::panic::catch_unwind(std::panic::AssertUnwindSafe(|| world.judge(&line, number, &mut tally)));
        match judged {
            Ok(Ok(())) => {}
            Ok(Err(why)) => panic!("{why}\nSEED={} LINES=1\n{line:?}", seed + number),
            Err(_) => panic!("a line makes kaas panic: SEED={} LINES=1\n{line:?}", seed + number),
        }
    }
    println!("{tally:?}");
    if lines >= LINES {
        assert!(
            tally.understood > lines / 20 && tally.mistaken > lines / 20,
            "the lines are all of one kind: {tally:?}"
        );
        assert!(tally.rendered > 20, "hardly anything was rendered: {tally:?}");
        assert!(tally.verbs.len() > 9, "not every command was reached: {tally:?}");
    }
}

struct World {
    catalogue: kaas::lifecycle::catalogue::Catalogue,
    settings: Settings,
    templates: Templates,
}

impl World {
    fn new() -> Self {
        Self { catalogue: catalogue(), settings: generate::settings(), templates: Templates::default() }
    }

    fn judge(&self, line: &str, number: u64, tally: &mut Tally) -> Result<(), String> {
        for dialect in [Dialect::Plain, Dialect::Slack] {
            let tidy = normalise(line, dialect);
            if let Some(c) = tidy.chars().find(|c| c.is_control()) {
                return Err(format!("{dialect:?}: what is tidy holds {c:?}: {tidy:?}"));
            }
            match parse(line, dialect, &self.catalogue) {
                Ok(command) => {
                    tally.understood += 1;
                    *tally.verbs.entry(verb(&command)).or_default() += 1;
                    self.understood(&command, number, tally)?;
                }
                Err(wrong) => {
                    tally.mistaken += 1;
                    if wrong.mistakes.is_empty() {
                        return Err(format!("{dialect:?}: refused, and nothing is wrong with it"));
                    }
                    for mistake in &wrong.mistakes {
                        shown(&mistake.what)?;
                        shown(&mistake.problem)?;
                    }
                    if let Some(instead) = &wrong.instead {
                        tally.proposals += 1;
                        parse(instead, Dialect::Plain, &self.catalogue)
                            .map_err(|again| format!("{dialect:?}: {instead:?} is proposed and is wrong: {again:?}"))?;
                    }
                }
            }
        }
        Ok(())
    }

    fn understood(&self, command: &Command, number: u64, tally: &mut Tally) -> Result<(), String> {
        let echo = command.echo();
        let again = parse(&echo, Dialect::Plain, &self.catalogue);
        if again.as_ref() != Ok(command) {
            return Err(format!("{command:?} is echoed as {echo:?}, which is {again:?}"));
        }
        let Command::Request { form, .. } = command else { return Ok(()) };
        self.allowed(form)?;
        // A file takes as long as fifty lines; each is as good as the other.
        if number.is_multiple_of(4) {
            tally.rendered += 1;
            self.render(form)?;
        }
        Ok(())
    }

    /// What was asked for is in the catalogue.
    fn allowed(&self, form: &Form) -> Result<(), String> {
        let class = self.catalogue.class_of(form).ok_or("a class that there is not")?;
        let size = class.size(form.size.as_str()).ok_or("a size that there is not")?;
        let within = (size.workers_min..=size.workers_max).contains(&form.workers)
            && form.instance_type == size.instance_type
            && form.control_planes == size.control_planes
            && class.kubernetes.contains(&form.kubernetes)
            && class.regions.contains(&form.region)
            && class.ttl_max.is_none_or(|max| form.ttl.is_some_and(|ttl| ttl <= max))
            && !(class.reason_required && form.reason.is_none())
            && !(class.ticket_required && form.ticket.is_none());
        if within { Ok(()) } else { Err(format!("more than the catalogue offers: {form:?}")) }
    }

    fn render(&self, form: &Form) -> Result<(), String> {
        let class = self.catalogue.class_of(form).ok_or("a class that there is not")?;
        let by = Person { id: "alice".parse().unwrap(), name: "alice \"*/ } ${x}\n# %{if}".to_owned() };
        let files = cluster_files(&self.settings, &self.templates, class, form, ChangeNumber(42), &by, &by)
            .map_err(|error| format!("a form that was understood cannot be rendered: {error}"))?;
        one_call::check(&files, form)
    }
}

/// What is wrong with a text that people see in a chat, if anything.
fn shown(text: &str) -> Result<(), String> {
    if text.is_empty() || text.chars().count() > PROBLEM_MAX {
        return Err(format!("a text of {} characters is shown", text.chars().count()));
    }
    match text.chars().find(|c| c.is_control() || kaas::lifecycle::form::is_invisible(*c)) {
        Some(c) => Err(format!("{c:?} is shown: {text:?}")),
        None => Ok(()),
    }
}

fn verb(command: &Command) -> &'static str {
    match command {
        Command::RequestForm => "request form",
        Command::Request { .. } => "request",
        Command::List { .. } => "list",
        Command::Show(_) => "show",
        Command::Approve(_) => "approve",
        Command::Withdraw(_) => "withdraw",
        Command::Reject { .. } => "reject",
        Command::Cancel(_) => "cancel",
        Command::Retry(_) => "retry",
        Command::Destroy { .. } => "destroy",
        Command::Access { .. } => "access",
        Command::Revoke { .. } => "revoke",
        Command::Whoami => "whoami",
        Command::Link(_) => "link",
        Command::Orphans => "orphans",
        Command::ForceRemove { .. } => "force-remove",
        Command::Classes => "classes",
        Command::Help(_) => "help",
    }
}

/// A line longer than any platform takes is answered as quickly as another.
#[test]
fn a_line_of_a_megabyte_is_no_trouble() {
    let world = World::new();
    for piece in ["a", "\u{200b}", "size=", "\"", "“", "—", "<", "&amp;", "🦀 ", "${x}", " \n"] {
        let line = format!("request {}", piece.repeat(1_000_000 / piece.len()));
        assert!(line.chars().count() > LINE_MAX);
        world.judge(&line, 1, &mut Tally::default()).unwrap();
    }
}

/// Lines that something was once wrong with.
#[test]
fn lines_that_went_wrong_before() {
    let world = World::new();
    for line in [
        "reject a\n\"",
        "request crucial-\u{13} sare=\"\r\r\r\r\u{c}\r\rason=\"\r\r\r\r\r\r\"",
        "request a-b size=small \"\"",
        "request \"  \"",
        "show \"",
        "list owner=\"\"",
        "\"\"",
        "  new\n--reason <!channel> for",
        "request a-b --reason \"look, @here\"",
    ] {
        world.judge(line, 0, &mut Tally::default()).unwrap_or_else(|why| panic!("{line:?}: {why}"));
    }
}

/// No way of giving a reason calls everybody in the channel.
#[test]
fn nobody_is_called_by_a_reason() {
    let world = World::new();
    for line in [
        "request a-b reason=@channel",
        "request a-b --reason @here",
        "request a-b --reason \"look, @everyone\"",
        "request a-b because <!channel> said so",
        "reject a-b --reason <!here>",
        "destroy a-b for @channel",
    ] {
        // As Slack writes it, which is where such a call would be heard.
        let wrong = parse(line, Dialect::Slack, &world.catalogue).expect_err(line);
        assert!(wrong.mistakes.iter().any(|m| m.problem.contains("would call everybody")), "{line}: {wrong:?}");
    }
}
