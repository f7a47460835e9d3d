//! The core's own tests: the table of the life-cycle, simulated lives, the record, and the stores' contract.
//!
//! `cargo test --no-default-features --test core` runs them in seconds. `LIVES=200000` simulates longer, `SEED=7` begins with that seed.

mod details;
mod people;
mod planted;
mod record;
mod simulation;
mod stores;
mod table;
