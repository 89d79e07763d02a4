//! What the sample program says over HTTP: `/` the newest rows, `/health` whether it can write.

use std::path::PathBuf;
use std::sync::{Arc, Mutex, PoisonError};

use axum::extract::State;
use axum::http::StatusCode;
use axum::routing::get;
use axum::{Json, Router};
use serde_json::{Value, json};
use tokio::net::TcpListener;

use super::writer::{self, Health};

/// Rows that `/` shows.
const ROWS: u32 = 10;

#[derive(Clone)]
struct App {
    database: PathBuf,
    health: Arc<Mutex<Health>>,
}

/// Answers until `ended` resolves.
pub(super) async fn serve(
    listener: TcpListener,
    database: PathBuf,
    health: Arc<Mutex<Health>>,
    ended: impl Future<Output = ()> + Send + 'static,
) -> std::io::Result<()> {
    let app = App { database, health };
    let router = Router::new().route("/", get(rows)).route("/health", get(health_of)).with_state(app);
    axum::serve(listener, router).with_graceful_shutdown(ended).await
}

async fn rows(State(app): State<App>) -> (StatusCode, Json<Value>) {
    let read = tokio::task::spawn_blocking(move || writer::latest(&app.database, ROWS)).await;
    match read {
        Ok(Ok((count, last))) => (StatusCode::OK, Json(json!({ "count": count, "last": last }))),
        Ok(Err(error)) => unavailable("cannot read", &error.to_string()),
        Err(error) => unavailable("cannot read", &error.to_string()),
    }
}

async fn health_of(State(app): State<App>) -> (StatusCode, Json<Value>) {
    let health = app.health.lock().unwrap_or_else(PoisonError::into_inner).clone();
    match (&health.trouble, health.written) {
        (Some(trouble), _) => unavailable("cannot write", trouble),
        (None, 0) => unavailable("cannot write", "nothing is written yet"),
        (None, _) => (StatusCode::OK, Json(json!({ "status": "ok", "written": health.written }))),
    }
}

fn unavailable(status: &str, why: &str) -> (StatusCode, Json<Value>) {
    (StatusCode::SERVICE_UNAVAILABLE, Json(json!({ "status": status, "why": why })))
}
