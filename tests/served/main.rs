//! `kaas serve` as a process, between strict stand-ins for the platforms and a simulated Rancher, with real git and the real terraform.

#![cfg(all(
    feature = "sim",
    feature = "rancher",
    feature = "slack",
    feature = "discord",
    feature = "github",
    feature = "web"
))]

mod discord;
mod furnish;
mod github;
mod house;
mod kills;
mod starts;
mod stories;
mod talk;
