//! deploy/foundation under the real terraform and the real schema of hashicorp/aws, against a mocked AWS: no account, no credentials.
//!
//! What is made is asserted in the `*.tftest.hcl` beside the configurations; here they are run, and what terraform cannot say of itself is held: the
//! sentences of bad inputs, the tables of the README, and that all outputs which classes of clusters read exist.
//!
//! The provider comes from a filesystem mirror: see [`bench::mirror`].

#[path = "foundation/bench.rs"]
mod bench;
#[path = "foundation/contract.rs"]
mod contract;
#[path = "foundation/files.rs"]
mod files;
mod finish;
#[path = "foundation/refused.rs"]
mod refused;

use bench::Bench;
use serde_json::json;

/// The configurations, from the repository's root.
const ROOTS: [&str; 2] = ["deploy/foundation", "deploy/foundation/state"];

/// Initialises, validates and tests a configuration; all of its runs have to take place.
fn holds(root: &str) {
    let bench = Bench::of(root);
    bench.ok(&["fmt", "-check", "-diff", "-recursive"]);
    bench.init();
    bench.ok(&["validate"]);
    let runs = files::runs(root);
    assert!(runs > 0, "{root} has no tests");
    let (passed, messages) = bench.test(&[]);
    let summary = messages.iter().find_map(|m| m.get("test_summary")).expect("terraform test ends with a summary");
    let told: Vec<_> = messages.iter().filter_map(|m| m.get("diagnostic")).collect();
    let expected = json!({ "status": "pass", "passed": runs, "failed": 0, "errored": 0, "skipped": 0 });
    assert!(passed && *summary == expected, "{summary}, where {expected} was expected\n{told:#?}");
}

#[test]
fn the_foundation_is_what_its_tests_say() {
    holds(ROOTS[0]);
}

#[test]
fn the_state_bucket_is_what_its_tests_say() {
    holds(ROOTS[1]);
}
