//! Discord on the wire: the real client against a strict stand-in. What is heard reaches the desk once and whole, what is said is there once, within every
//! limit, and what cannot be trusted gets nowhere.
#![cfg(feature = "discord")]

mod checking;
mod forged;
mod forms;
mod hearing;
mod outages;
mod people;
mod speaking;
mod support;
