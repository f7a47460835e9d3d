//! What `kaas demo` stands on: a simulated Rancher, and a stand-in for its terraform provider.
//!
//! Everything here is a simulation and says so wherever a person can see it.

pub mod check_schema;
pub mod provider;
pub mod rancher;
