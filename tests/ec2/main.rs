//! The witness in the cloud against moto, a stand-in for AWS that runs on this machine: what is left of a cluster, and what would go wrong with one.
//!
//! Nothing here was ever run on the real EC2. `moto.rs` starts the stand-in, `proxy.rs` stands before it: it gives every test an account of its own, writes
//! down what is asked, and makes trouble. `landscape.rs` is three clusters that begin alike, with everything that Rancher's driver was seen to leave.
#![cfg(all(feature = "aws", feature = "web"))]

mod landscape;
mod moto;
mod network;
mod preflight;
mod proxy;
mod rights;
mod sweep;
mod trouble;
mod world;
