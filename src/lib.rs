//! kaas: Kubernetes as a Service by chat.
//!
//! A **change** is one alteration of one cluster (create, destroy).
//! `step(cluster, input) -> (cluster, effects)` decides everything and does nothing.
//! The **engine** swaps records, performs effects, and turns what the world answers back into inputs.

pub mod chat;
pub mod cli;
pub mod clock;
#[cfg(feature = "aws")]
pub mod cloud;
pub mod command;
pub mod config;
pub mod engine;
pub mod exit;
pub mod forge;
pub mod lifecycle;
pub mod ports;
pub mod priority;
#[cfg(feature = "rancher")]
pub mod rancher;
pub mod record;
pub mod render;
pub mod runner;
#[cfg(feature = "sim")]
pub mod sim;
pub mod store;
#[cfg(feature = "web")]
pub mod web;
