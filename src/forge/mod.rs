//! Where pull requests live: adapters of [`crate::ports::Forge`].
//!
//! [`local`] keeps them in a bare git repository on this machine.

pub mod local;
