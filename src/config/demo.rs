//! The configuration of `kaas demo`: embedded, and like any other except for where it lies.

use std::path::Path;

use super::{Config, Findings};

const DEMO: &str = include_str!("demo.toml");

impl Config {
    /// The demo's configuration: everything lies below `dir`, and Rancher answers at `rancher_url` to the token in `token_file`.
    ///
    /// # Errors
    /// The address is not one, or the directory is not named in UTF-8.
    pub fn demo(dir: &Path, rancher_url: &str, token_file: &Path) -> Result<Self, Findings> {
        let file = std::path::absolute(token_file).unwrap_or_else(|_| token_file.to_owned());
        let base = std::path::absolute(dir).unwrap_or_else(|_| dir.to_owned());
        let quoted = |text: &str| toml::Value::String(text.to_owned()).to_string();
        let text = DEMO
            .replace("\"http://127.0.0.1:8444\"", &quoted(rancher_url))
            .replace("\"rancher-token\"", &quoted(&file.to_string_lossy()));
        Self::parse(&text, &base)
    }
}
