//! Any line: no panic; a command reads back from its echo; a line that is proposed is understood.

#![no_main]

use std::sync::LazyLock;

use kaas::command::{Dialect, parse};
use kaas::lifecycle::catalogue::Catalogue;
use libfuzzer_sys::fuzz_target;

#[path = "../../tests/lines/generate.rs"]
#[expect(dead_code, reason = "only the catalogue is used")]
mod generate;

static CATALOGUE: LazyLock<Catalogue> = LazyLock::new(generate::catalogue);

fuzz_target!(|line: &str| {
    for dialect in [Dialect::Plain, Dialect::Slack] {
        match parse(line, dialect, &CATALOGUE) {
            Ok(command) => {
                let echo = command.echo();
                assert_eq!(parse(&echo, Dialect::Plain, &CATALOGUE).as_ref(), Ok(&command), "{echo:?}");
            }
            Err(wrong) => {
                assert!(!wrong.mistakes.is_empty());
                assert!(wrong.mistakes.iter().all(|m| !m.what.is_empty() && !m.problem.is_empty()));
                if let Some(instead) = wrong.instead {
                    assert!(parse(&instead, Dialect::Plain, &CATALOGUE).is_ok(), "{instead:?}");
                }
            }
        }
    }
});
