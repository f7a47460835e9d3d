//! Anything that terraform might print: no panic, the text keeps its limits, and what is read again is the same.

#![no_main]

use std::sync::LazyLock;

use kaas::lifecycle::HIGHLIGHTS_MAX;
use kaas::render::plan::{AllowList, Eyes, TEXT_MAX, read};
use kaas::render::redact::Redactor;
use libfuzzer_sys::fuzz_target;

const SECRET: &str = "hunter2-hunter2-hunter2";

static EYES: LazyLock<Eyes> = LazyLock::new(|| Eyes { allow: AllowList::default(), redactor: Redactor::new([SECRET]) });

fuzz_target!(|json: &[u8]| {
    if let Ok(plan) = read(json, &EYES) {
        assert!(plan.text.len() <= TEXT_MAX && plan.highlights.len() <= HIGHLIGHTS_MAX);
        assert!(!plan.text.contains(SECRET) && plan.highlights.iter().all(|line| !line.contains(SECRET)));
        let again = read(json, &EYES).expect("it was read before");
        assert_eq!((again.digest, again.text), (plan.digest, plan.text));
    }
});
