//! Text out of values: the files that kaas writes, the pull request, the plan as people read it, and every sentence that kaas says.
//!
//! Nothing here does I/O, is async, reads a clock or draws a random number.

pub mod message;
pub mod say;
pub mod when;
