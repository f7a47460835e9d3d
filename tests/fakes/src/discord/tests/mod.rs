//! What Discord itself would do, held over the wire: serenity, which is what kaas speaks with, and a plain client that can do what serenity cannot.

mod client;
mod commands;
mod control;
mod gateway;
mod interactions;
mod limits;
mod rights;
mod serenity;
mod trouble;
