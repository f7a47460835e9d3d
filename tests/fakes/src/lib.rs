//! Strict stand-ins for the platforms that kaas talks to. They enforce what the real ones do and refuse what the real ones refuse.

pub mod github;
