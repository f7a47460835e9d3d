//! The GitHub forge on the wire: the real octocrab and the real git against a strict stand-in of GitHub, with lost answers, limits, strangers and
//! expired tokens.
#![cfg(feature = "github")]

mod checks;
mod comments;
mod desk;
mod limits;
mod lost;
mod mirror;
mod pulls;
mod statuses;
mod strangers;
mod webhooks;
