//! Parses the arguments, wires the adapters and runs.

use clap::Parser;

fn main() -> std::process::ExitCode {
    #[cfg(any(feature = "sim", feature = "rancher", feature = "fetch"))]
    let _ = rustls::crypto::ring::default_provider().install_default();
    match kaas::cli::run(kaas::cli::Cli::parse()) {
        Ok(exit) => exit.into(),
        Err(fault) => {
            eprintln!("kaas: {fault:#}");
            std::process::ExitCode::FAILURE
        }
    }
}
