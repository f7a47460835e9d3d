//! What Slack itself would do, held over the wire: a plain HTTP client and a plain socket client stand for the app.

mod calls;
mod client;
mod control;
mod http;
mod limits;
mod people;
mod sockets;
