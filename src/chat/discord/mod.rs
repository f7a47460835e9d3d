//! Discord as a chat: what is drawn there, and what people type, press and fill in.
//!
//! Reading order: `draw` and `marks` (messages), `ids` (what buttons carry), `define` and `options` (the command), `form` (modals).

mod define;
mod draw;
mod form;
mod ids;
mod marks;
mod options;

pub use define::Definition;

#[cfg(test)]
mod define_tests;
#[cfg(test)]
mod draw_tests;
#[cfg(test)]
mod form_tests;
#[cfg(test)]
mod options_tests;
#[cfg(test)]
mod reader;
