//! Measures kaas on this machine: `cargo bench`, or `cargo bench --bench load -- asks lists` for some of it.
//!
//! Nothing here passes or fails. What it prints is what docs/performance.md quotes, with how each figure is meant. Whatever is compared is measured in turns
//! within one run, so that the comparison holds on a machine that is busy with other things too.
//!
//! Reading order: [`measure`] (stopwatch and tables), [`house`] (an engine over sled with a quick outside), [`asks`], [`lists`] and [`restart`] over it;
//! [`demo`] (the real program as a child), [`commands`], [`idle`] and [`tour`] over that; [`served`] (`kaas serve` between stand-ins for Slack and GitHub).

mod asks;
mod commands;
mod demo;
mod house;
mod idle;
mod lists;
mod measure;
mod restart;
mod served;
mod served_house;
mod tour;

const ALL: [&str; 7] = ["asks", "lists", "restart", "commands", "idle", "tour", "served"];

fn main() {
    let _ = rustls::crypto::ring::default_provider().install_default();
    // Cargo hands `--bench` over, besides whatever stands behind its `--`.
    let wanted: Vec<String> = std::env::args().skip(1).filter(|arg| !arg.starts_with('-')).collect();
    if let Some(unknown) = wanted.iter().find(|name| !ALL.contains(&name.as_str())) {
        eprintln!("no figures are called {unknown}; there are: {}", ALL.join(", "));
        std::process::exit(2);
    }
    measure::machine();
    for name in ALL.into_iter().filter(|name| wanted.is_empty() || wanted.iter().any(|wanted| wanted == name)) {
        match name {
            "asks" => asks::figures(),
            "lists" => lists::figures(),
            "restart" => restart::figures(),
            "commands" => commands::figures(),
            "idle" => idle::figures(),
            "served" => served::figures(),
            _ => tour::figures(),
        }
    }
}
