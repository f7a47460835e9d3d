//! The whole behaviour of kaas.
