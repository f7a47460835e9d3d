//! Where pull requests live: adapters of [`crate::ports::Forge`].
//!
//! [`local`] keeps them in a bare git repository on this machine, [`github`] on GitHub. Beside them is what both need: [`content`] (what a commit
//! holds, as a digest and in counts), [`names`] (which branches and paths are taken) and [`git`] (the only place that starts it).

mod content;
mod git;
#[cfg(feature = "github")]
pub mod github;
pub mod local;
mod names;
