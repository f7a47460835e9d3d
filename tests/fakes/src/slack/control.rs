//! The same over HTTP, for a person with curl.
use std::sync::Arc;

use axum::Router;

use super::Inner;

pub(crate) fn routes() -> Router<Arc<Inner>> {
    Router::new()
}
