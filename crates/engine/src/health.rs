//! `GET /health`: one word for a monitor, on an address of its own that the owner may open to others.
//!
//! 200 means: what a person entered is as safe as this host was set up to make it, and nobody has to run. 503 means:
//! new changes are not being kept, or nobody knows. So `protected`, `local-only`, `catching-up`, `attention` and
//! `fenced` (a standby doing its duty) are 200; `not-protected`, `contested` and `paused` are 503, and so is an engine
//! that can't say in time or has not looked for a minute. The answer tells no version, no names and no reasons.

use std::future::Future;
use std::io;
use std::net::SocketAddr;
use std::time::Duration;

use axum::Router;
use axum::http::{StatusCode, header};
use axum::middleware::from_fn;
use axum::response::{IntoResponse, Response};
use axum::routing::get;
use jiff::{SignedDuration, Timestamp};
use sqlite_replicate_api::Overall;
use tokio::net::TcpListener;
use tokio::sync::watch;

use crate::control::accept;
use crate::handle::Handle;

/// How long the engine may take to say how it is.
const PATIENCE: Duration = Duration::from_secs(3);

/// How old a status may be: the engine looks every second, or takes half a minute where it waits for a program.
const STALE: SignedDuration = SignedDuration::from_secs(60);

/// How long a client may take, from connecting to having read the answer.
const WHOLE: Duration = Duration::from_secs(10);

/// How many clients are served at a time; more wait.
const CONNECTIONS: usize = 32;

/// What `/health` tells.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub enum Health {
    /// As safe as it was set up to be.
    Good,
    /// New changes are not being kept, or nobody knows.
    Bad,
}

impl Health {
    /// What a host in this state tells.
    pub fn of(overall: Overall) -> Self {
        match overall {
            Overall::Protected
            | Overall::LocalOnly
            | Overall::CatchingUp
            | Overall::Attention
            | Overall::Fenced => Self::Good,
            Overall::NotProtected | Overall::Contested | Overall::Paused => Self::Bad,
        }
    }
}

/// Why `/health` can't be served now.
#[derive(Debug, thiserror::Error)]
pub enum CannotListen {
    /// Another program listens there, or Windows keeps the port for itself.
    #[error("another program uses {address}")]
    PortTaken {
        /// Where.
        address: SocketAddr,
    },
    /// Anything else: an address that this PC does not have, a port that needs more rights.
    #[error("`/health` can't be served at {address}")]
    Refused {
        /// Where.
        address: SocketAddr,
        /// What the system said.
        source: io::Error,
    },
}

impl CannotListen {
    /// How long to wait before trying again: briefly for a port that may come free, longer for what a person must mend.
    pub fn retry_after(&self) -> Duration {
        match self {
            Self::PortTaken { .. } => Duration::from_secs(5),
            Self::Refused { .. } => Duration::from_secs(30),
        }
    }
}

/// Takes the address for `/health`.
///
/// # Errors
/// [`CannotListen`], to be shown as the condition `health-port-taken`, and to be tried again after
/// [`CannotListen::retry_after`].
pub async fn listen(address: SocketAddr) -> Result<TcpListener, CannotListen> {
    TcpListener::bind(address).await.map_err(|source| match source.kind() {
        io::ErrorKind::AddrInUse => CannotListen::PortTaken { address },
        // How Windows says that a port is reserved (by Hyper-V, say).
        io::ErrorKind::PermissionDenied if cfg!(windows) => CannotListen::PortTaken { address },
        _ => CannotListen::Refused { address, source },
    })
}

/// Serves `/health` and nothing else until `shutdown` is done.
pub async fn serve(handle: Handle, listener: TcpListener, shutdown: impl Future<Output = ()>) {
    let app = router(move || {
        let handle = handle.clone();
        async move { ask(&handle).await }
    });
    let (ending, _) = watch::channel(false);
    accept::serve(listener, app, accept::Limits::brisk(CONNECTIONS, WHOLE), &ending, shutdown).await;
}

fn router<F, A>(ask: F) -> Router
where
    F: Fn() -> A + Clone + Send + Sync + 'static,
    A: Future<Output = Health> + Send + 'static,
{
    let health = get(move || async move { answer(ask().await) });
    Router::new()
        .route("/health", health)
        .fallback(|| async { StatusCode::NOT_FOUND })
        .layer(from_fn(crate::control::guarded))
}

/// How the engine is; bad when it can't say in time, or last looked too long ago.
pub(crate) async fn ask(handle: &Handle) -> Health {
    match tokio::time::timeout(PATIENCE, handle.status()).await {
        Ok(Ok(status)) => of_status(status.overall, status.at, Timestamp::now()),
        Ok(Err(_)) | Err(_) => Health::Bad,
    }
}

fn of_status(overall: Overall, at: Timestamp, now: Timestamp) -> Health {
    // A clock that was set back makes a status of the future; the next look mends that.
    if now.duration_since(at) > STALE { Health::Bad } else { Health::of(overall) }
}

/// The answer to `GET /health`.
pub(crate) fn answer(health: Health) -> Response {
    let (status, body) = match health {
        Health::Good => (StatusCode::OK, r#"{"status":"ok"}"#),
        Health::Bad => (StatusCode::SERVICE_UNAVAILABLE, r#"{"status":"failing"}"#),
    };
    (status, [(header::CONTENT_TYPE, "application/json")], body).into_response()
}

#[cfg(test)]
mod tests;
