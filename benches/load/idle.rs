//! What kaas takes while nobody wants anything: memory, and the time from its start to its first answer.

use std::time::Duration;

use crate::demo::Demo;
use crate::measure::{Times, folder, heading, line, mb, status_kb};

/// How often it is started.
const ROUNDS: usize = 15;

pub fn figures() {
    heading("idle: kaas demo on a directory that it knows");
    let folder = folder();
    let dir = folder.path();
    let mut demo = Demo::start(dir, "alice> /kaas request idle-one size=small");
    demo.hears("the plan is here");
    demo.end();
    let (mut ready, mut resident, mut own) = (Times::default(), Vec::new(), Vec::new());
    for _ in 0..ROUNDS {
        let mut demo = Demo::start(dir, "alice> /kaas list");
        // Its answer to what was asked before it was there: from here on it works.
        ready.push(demo.hears("kaas> (only alice)") - demo.begun);
        std::thread::sleep(Duration::from_millis(700));
        resident.extend(status_kb(demo.id(), "VmRSS"));
        own.extend(status_kb(demo.id(), "RssAnon"));
        demo.end();
    }
    resident.sort_unstable();
    own.sort_unstable();
    let median = |of: &[u64]| of.get(of.len() / 2).copied().map_or(String::new(), mb);
    line("from its start to its first answer", ready.spread());
    line("resident, with the simulated Rancher in the same process", median(&resident));
    line("  of which its own, not the program's file", median(&own));
}
