//! What holds for every line: no panic, a proposal that works, and no harm from phones. `PROPTEST_CASES` raises the number of lines.

use proptest::prelude::*;

use super::normalise::fold;
use super::parse::tests::{catalogue, plain};
use super::table::COMMANDS;
use super::{Command, Dialect, normalise, parse};
use crate::lifecycle::form::{Form, REASON_MAX, Ttl};

fn reasons_given() -> impl Strategy<Value = Option<String>> {
    // As they are once they were tidied: no look-alikes, nothing invisible, no spaces at the ends.
    let tidy = "[^\\p{C}\\p{Z}“”„‟«»″＂‘’‚‛′＇\u{2010}\u{2011}\u{2212}\u{FE58}\u{FE63}\u{FF0D}…@]";
    proptest::option::of(proptest::string::string_regex(&format!("{tidy}([ ]?{tidy}){{0,60}}")).unwrap())
        .prop_map(|reason| reason.filter(|r| r.chars().count() <= REASON_MAX && fold(r) == *r))
}

prop_compose! {
    fn forms()(
        name in "[a-z][a-z0-9]{1,8}(-[a-z0-9]{2,6}){0,3}",
        class in 0..2_usize,
        size in 0..3_usize,
        workers in 0..50_u32,
        version in 0..4_usize,
        region in 0..2_usize,
        hours in 1..720_u32,
        reason in reasons_given(),
        ticket in proptest::option::of("[A-Z]{2,5}-[0-9]{1,5}"),
    ) -> Form {
        let class = catalogue().classes.swap_remove(class);
        let size = class.sizes[size % class.sizes.len()].clone();
        let workers = size.workers_min + workers % (size.workers_max - size.workers_min + 1);
        Form {
            name: name.parse().unwrap_or_else(|_| "teal-otter".parse().unwrap()),
            size: size.name.clone(),
            workers,
            control_planes: size.control_planes,
            instance_type: size.instance_type.clone(),
            kubernetes: class.kubernetes[version].clone(),
            region: class.regions[region].clone(),
            ttl: Some(Ttl::hours(hours).unwrap()),
            reason: reason.or_else(|| class.reason_required.then(|| "audit".to_owned())).map(|r| r.parse().unwrap()),
            ticket: ticket.or_else(|| class.ticket_required.then(|| "OPS-1".to_owned())).map(|t| t.parse().unwrap()),
            dollars_a_month: size.dollars_a_month(workers),
            class: class.name,
        }
    }
}

/// What phones, editors and Slack make of a line, by a few dice.
fn mangle(line: &str, dice: &[u8], slack: bool) -> String {
    let mut dice = dice.iter().copied().cycle();
    let mut roll = move |sides: u8| dice.next().unwrap_or(0) % sides;
    let mut out = String::new();
    let mut quoted = false;
    let chars: Vec<char> = line.chars().collect();
    for (i, &c) in chars.iter().enumerate() {
        let escaped = i > 0 && chars[i - 1] == '\\';
        match c {
            '"' => {
                quoted = quoted == escaped;
                out.push(['"', '“', '”', '„', '＂'][usize::from(roll(5))]);
            }
            '\'' => out.push(['\'', '’', '‘'][usize::from(roll(3))]),
            ' ' if quoted => out.push([' ', '\u{a0}', '\u{202f}'][usize::from(roll(3))]),
            ' ' => out.push_str([" ", "  ", "\u{a0}", "\t", " \u{3000}"][usize::from(roll(5))]),
            '-' if !quoted && chars.get(i + 1) == Some(&'-') => {}
            '-' if !quoted && i > 0 && chars[i - 1] == '-' => {
                out.push_str(["--", "—", "–", "—-"][usize::from(roll(4))])
            }
            '-' => out.push(['-', '‑', '−'][usize::from(roll(3))]),
            '&' if slack => out.push_str("&amp;"),
            '<' if slack => out.push_str("&lt;"),
            '>' if slack => out.push_str("&gt;"),
            c => out.push(c),
        }
        if roll(8) == 0 {
            out.push(['\u{200b}', '\u{feff}', '\u{2060}'][usize::from(roll(3))]);
        }
    }
    out
}

proptest! {
    #[test]
    fn no_line_is_too_strange(line in any::<String>(), verb in prop::sample::select(vec!["", "request ", "reject a-b ", "list "])) {
        let line = format!("{verb}{line}");
        for dialect in [Dialect::Plain, Dialect::Slack] {
            let _ = parse(&line, dialect, &catalogue());
        }
    }

    #[test]
    fn no_line_of_known_pieces_is_too_strange_and_what_is_proposed_works(
        verb in prop::sample::select(COMMANDS.iter().map(|e| e.name).collect::<Vec<_>>()),
        pieces in prop::collection::vec(prop::sample::select(vec![
            "teal-otter", "Teal_Otter", "size=smal", "size=", "=small", "--size", "—workers", "two", "-w3", "-w", "workers=99",
            "ttl=90d", "ttl=5", "k8s=1", "k8s=1.33", "class=bank", "clas=aws", "because", "“", "\"", "'", "\\", "--", "-", "<!here>", "<@U1|x>", "<",
            "reason=\"a b\"", "reason=‘it", "OPS-1", "ticket=OPS-1", ":+1:", "*x*", "`", "&amp;", "mine", "owner=", "--dry-run=maybe", "${x}", "\u{202e}",
        ]), 0..9),
    ) {
        let line = format!("{verb} {}", pieces.join(" "));
        for dialect in [Dialect::Plain, Dialect::Slack] {
            if let Err(wrong) = parse(&line, dialect, &catalogue()) {
                prop_assert!(!wrong.mistakes.is_empty());
                if let Some(instead) = wrong.instead {
                    let again = plain(&instead);
                    prop_assert!(again.is_ok(), "{line:?} -> {instead:?} -> {again:?}");
                }
            }
        }
    }

    #[test]
    fn what_is_echoed_reads_back(form in forms(), dry_run: bool) {
        let command = Command::Request { form, dry_run };
        let line = command.echo();
        prop_assert_eq!(plain(&line), Ok(command), "{}", line);
    }

    #[test]
    fn what_phones_and_platforms_did_is_undone(form in forms(), dry_run: bool, dice in prop::collection::vec(any::<u8>(), 8..64)) {
        let command = Command::Request { form, dry_run };
        let line = command.echo();
        prop_assert_eq!(normalise(&mangle(&line, &dice, false), Dialect::Plain), line.clone());
        prop_assert_eq!(normalise(&mangle(&line, &dice, true), Dialect::Slack), line.clone());
    }
}
