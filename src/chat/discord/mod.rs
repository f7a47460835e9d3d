//! Discord as a chat: what is drawn there, and what people type, press and fill in.
//!
//! Reading order: `draw` and `marks` (messages), `ids` (what buttons carry), `define` and `options` (the command), `form` (modals).

mod define;
mod draw;
mod form;
mod ids;
mod marks;
mod options;

#[cfg(test)]
mod draw_tests;
