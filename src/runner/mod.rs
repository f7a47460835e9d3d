//! What runs terraform: plan, apply, destroy; workspaces; logs.
//!
//! Reading order: [`terraform`] (the port's implementation, top down), [`process`] (the one way to start a child), [`alive`] (finding what an earlier
//! kaas left running), [`queue`] (how many run at once, and whose turn it is), [`log`] (what is kept of a run), [`scrub`] (what must not be kept),
//! `fetch` (OpenTofu for a machine that has nothing).
//!
//! **Invariant:** a child sees only the environment that it is given, never kaas' own; it never goes through a shell.

pub mod alive;
#[cfg(feature = "fetch")]
pub mod fetch;
pub mod log;
pub mod process;
pub mod queue;
pub mod scrub;
pub mod terraform;
