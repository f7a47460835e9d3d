//! What kaas serves over HTTP: deliveries of webhooks, health, metrics.
//!
//! It knows paths and sizes. Whether a delivery is genuine, and what it means, its [`Intake`] knows; an answer is given only when what was brought is
//! durable.
//!
//! | path | |
//! |---|---|
//! | `/healthz` | the process runs |
//! | `/readyz` | every adapter heard of its other side, and nothing waits for long; 503 where not |
//! | `/metrics` | Prometheus |
//! | as configured | webhooks |

use std::net::SocketAddr;
use std::sync::Arc;
use std::time::Duration;

use anyhow::Context;
use async_trait::async_trait;
use axum::Router;
use axum::body::{Body, to_bytes};
use axum::extract::{Request, State};
use axum::http::{HeaderValue, StatusCode, header};
use axum::response::{IntoResponse, Response};
use axum::routing::{get, post};
use http_body_util::LengthLimitError;
use metrics_exporter_prometheus::PrometheusHandle;
use serde::Serialize;
use tokio::net::TcpListener;
use tokio_util::sync::CancellationToken;

use crate::ports::{Delivered, Delivery, Intake, Vital};

#[cfg(test)]
mod tests;

/// The largest delivery, in bytes: GitHub's largest is 25 MB, and what kaas reads of it fits into far less.
pub const DELIVERY_MAX: usize = 1024 * 1024;

/// How long a delivery may take to come in.
const DELIVERY_TIME: Duration = Duration::from_secs(10);

/// How long something may wait to be done before kaas is not ready, in seconds.
pub const LAG_MAX: u64 = 300;

/// How far kaas is behind with what it has to do.
#[async_trait]
pub trait Lag: Send + Sync {
    /// How long the oldest thing that is due has waited, in seconds.
    async fn lag_seconds(&self) -> anyhow::Result<u64>;
}

/// What is served.
pub struct Served {
    /// Who takes deliveries of which path.
    pub intakes: Vec<(String, Arc<dyn Intake>)>,
    /// How the adapters are doing.
    pub vitals: Vec<Arc<dyn Vital>>,
    /// How far kaas is behind.
    pub lag: Arc<dyn Lag>,
    /// What is counted; `None` serves no metrics.
    pub metrics: Option<PrometheusHandle>,
}

/// Listens.
///
/// # Errors
/// The address cannot be listened on.
pub async fn listen(address: SocketAddr) -> anyhow::Result<TcpListener> {
    TcpListener::bind(address).await.with_context(|| format!("listening on {address}"))
}

/// Serves until `stop`, then finishes what came in.
///
/// # Errors
/// The listener fails.
pub async fn serve(listener: TcpListener, served: Served, stop: CancellationToken) -> anyhow::Result<()> {
    axum::serve(listener, router(served)).with_graceful_shutdown(stop.cancelled_owned()).await.context("serving HTTP")
}

/// All paths.
pub fn router(served: Served) -> Router {
    let intakes: Vec<_> = served.intakes.iter().map(|(path, intake)| (path.clone(), Arc::clone(intake))).collect();
    let served = Arc::new(served);
    let mut router = Router::new()
        .route("/healthz", get(|| async { "ok\n" }))
        .route("/readyz", get(ready))
        .route("/metrics", get(metrics_text))
        .with_state(served);
    for (path, intake) in intakes {
        router = router.route(&path, post(deliver).with_state(intake));
    }
    router
}

/// What `/readyz` answers.
#[derive(Debug, Serialize)]
struct Readiness {
    ready: bool,
    /// How long the oldest thing that is due has waited.
    lag_seconds: u64,
    parts: Vec<Part>,
}

#[derive(Debug, Serialize)]
struct Part {
    name: String,
    ready: bool,
    heard_seconds_ago: Option<u64>,
}

async fn ready(State(served): State<Arc<Served>>) -> Response {
    let parts: Vec<Part> = served
        .vitals
        .iter()
        .map(|vital| Part { name: vital.name(), ready: vital.is_ready(), heard_seconds_ago: vital.heard_seconds_ago() })
        .collect();
    let lag = served.lag.lag_seconds().await;
    let lag_seconds = *lag.as_ref().unwrap_or(&u64::MAX);
    let ready = lag_seconds <= LAG_MAX && parts.iter().all(|part| part.ready);
    let status = if ready { StatusCode::OK } else { StatusCode::SERVICE_UNAVAILABLE };
    (status, axum::Json(Readiness { ready, lag_seconds, parts })).into_response()
}

async fn metrics_text(State(served): State<Arc<Served>>) -> Response {
    let Some(handle) = &served.metrics else { return StatusCode::NOT_FOUND.into_response() };
    for vital in &served.vitals {
        let heard = vital.heard_seconds_ago().map_or(f64::INFINITY, |seconds| seconds as f64);
        metrics::gauge!("kaas_heard_seconds_ago", "part" => vital.name()).set(heard);
    }
    if let Ok(lag) = served.lag.lag_seconds().await {
        metrics::gauge!("kaas_lag_seconds").set(lag as f64);
    }
    ([(header::CONTENT_TYPE, "text/plain; version=0.0.4")], handle.render()).into_response()
}

async fn deliver(State(intake): State<Arc<dyn Intake>>, request: Request) -> Response {
    let path = request.uri().path().to_owned();
    let delivered = match read(&path, request).await {
        Ok(delivery) => intake.deliver(&delivery).await,
        Err(refused) => refused,
    };
    metrics::counter!("kaas_deliveries_total", "path" => path, "verdict" => delivered.verdict).increment(1);
    let status = StatusCode::from_u16(delivered.status).unwrap_or(StatusCode::INTERNAL_SERVER_ERROR);
    let mut response = Response::new(Body::from(delivered.body));
    *response.status_mut() = status;
    response.headers_mut().insert(header::CONTENT_TYPE, HeaderValue::from_static(delivered.content_type));
    response
}

/// The delivery as it came in, or what is answered to one that is too large, too slow, or broken off.
async fn read(path: &str, request: Request) -> Result<Delivery, Delivered> {
    let (head, body) = request.into_parts();
    let told = head.headers.get(header::CONTENT_LENGTH).and_then(|length| length.to_str().ok()?.parse::<usize>().ok());
    let too_large = || Delivered::text(413, "oversized", "too large\n");
    if told.is_some_and(|length| length > DELIVERY_MAX) {
        return Err(too_large());
    }
    let body = match tokio::time::timeout(DELIVERY_TIME, to_bytes(body, DELIVERY_MAX)).await {
        Err(_) => return Err(Delivered::text(408, "slow", "too slow\n")),
        Ok(Err(fault)) => {
            let limit = std::error::Error::source(&fault).is_some_and(|source| source.is::<LengthLimitError>());
            return Err(if limit { too_large() } else { Delivered::text(400, "cut", "cut off\n") });
        }
        Ok(Ok(body)) => body,
    };
    let header = |(name, value): (&header::HeaderName, &HeaderValue)| {
        Some((name.as_str().to_owned(), value.to_str().ok()?.to_owned()))
    };
    Ok(Delivery {
        path: path.to_owned(),
        headers: head.headers.iter().filter_map(header).collect(),
        body: body.to_vec(),
    })
}
