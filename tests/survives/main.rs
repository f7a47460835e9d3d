//! What kaas survives, through the real demo: processes that are killed, people who mean harm, a world that fails, and secrets that must not be told.
//!
//! Real git, the real terraform and sled; a simulated Rancher that outlives kaas, as a real one does. Every test has a house of its own.

#![cfg(all(feature = "sim", feature = "rancher"))]

mod harm;
mod house;
mod kills;
mod outside;
mod secrets;
