//! Where people talk: one folder a platform. Each implements [`crate::ports::Chat`] and brings what it hears to a [`crate::ports::Desk`].
//!
//! An adapter knows its platform and the ports; it decides nothing, and it knows no other adapter.

#[cfg(feature = "discord")]
pub mod discord;
#[cfg(any(feature = "slack", feature = "discord"))]
mod later;
#[cfg(any(feature = "slack", feature = "discord"))]
mod order;
#[cfg(any(feature = "slack", feature = "discord"))]
mod pace;
#[cfg(feature = "slack")]
pub mod slack;
pub mod terminal;
#[cfg(any(feature = "slack", feature = "discord"))]
mod turning;
