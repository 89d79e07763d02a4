//! Takes HTTP connections with bounds: so many at a time, so long for a request's head, and an end that waits for no
//! client. (`axum::serve` has none of these.)

use std::future::Future;
use std::sync::Arc;
use std::time::Duration;

use axum::Router;
use hyper::server::conn::http1;
use hyper_util::rt::{TokioIo, TokioTimer};
use hyper_util::service::TowerToHyperService;
use tokio::net::{TcpListener, TcpStream};
use tokio::sync::{OwnedSemaphorePermit, Semaphore, watch};
use tokio::task::JoinSet;

/// How long answers that are under way may take to finish once the server ends.
const GRACE: Duration = Duration::from_secs(3);

/// How long to wait after the system refused to give a connection (no file handles left).
const BREATH: Duration = Duration::from_millis(500);

/// What clients may take.
#[derive(Clone, Copy)]
pub(crate) struct Limits {
    /// Connections at a time.
    pub(super) connections: usize,
    /// For a request's head to arrive.
    pub(super) head: Duration,
    /// For a whole connection; none means that it may stay.
    pub(super) whole: Option<Duration>,
}

impl Limits {
    /// For clients that stay and follow streams.
    pub(crate) fn patient(connections: usize) -> Self {
        Self { connections, head: Duration::from_secs(10), whole: None }
    }

    /// For clients that ask once and go.
    pub(crate) fn brisk(connections: usize, whole: Duration) -> Self {
        Self { connections, head: whole, whole: Some(whole) }
    }
}

/// Serves `app` until `shutdown` is done; then sets `ending`, lets answers finish for a moment, and cuts the rest.
pub(crate) async fn serve(
    listener: TcpListener,
    app: Router,
    limits: Limits,
    ending: &watch::Sender<bool>,
    shutdown: impl Future<Output = ()>,
) {
    let slots = Arc::new(Semaphore::new(limits.connections));
    let mut connections = JoinSet::new();
    tokio::pin!(shutdown);
    loop {
        tokio::select! {
            () = &mut shutdown => break,
            Some((stream, slot)) = next(&listener, &slots) => {
                connections.spawn(converse(stream, slot, app.clone(), limits, ending.subscribe()));
            }
            Some(ended) = connections.join_next() => note(ended),
        }
    }
    drop(listener);
    ending.send_replace(true);
    let all = async {
        while let Some(ended) = connections.join_next().await {
            note(ended);
        }
    };
    if tokio::time::timeout(GRACE, all).await.is_err() {
        tracing::warn!("connections were still open at the end of the server and were cut");
    }
}

/// The next connection and its slot; none when the system refused (after a breath, so that the loop doesn't spin).
async fn next(listener: &TcpListener, slots: &Arc<Semaphore>) -> Option<(TcpStream, OwnedSemaphorePermit)> {
    // The semaphore is never closed, so this only waits.
    let slot = Arc::clone(slots).acquire_owned().await.ok()?;
    match listener.accept().await {
        Ok((stream, _)) => Some((stream, slot)),
        Err(error) => {
            tracing::warn!(%error, "no connection could be accepted");
            tokio::time::sleep(BREATH).await;
            None
        }
    }
}

async fn converse(
    stream: TcpStream,
    slot: OwnedSemaphorePermit,
    app: Router,
    limits: Limits,
    mut ending: watch::Receiver<bool>,
) {
    let mut server = http1::Builder::new();
    server.timer(TokioTimer::new()).header_read_timeout(limits.head).keep_alive(limits.whole.is_none());
    let connection = server.serve_connection(TokioIo::new(stream), TowerToHyperService::new(app));
    tokio::pin!(connection);
    let whole = async {
        match limits.whole {
            Some(whole) => tokio::time::sleep(whole).await,
            None => std::future::pending().await,
        }
    };
    tokio::pin!(whole);
    let mut told = false;
    let ended = loop {
        tokio::select! {
            ended = connection.as_mut() => break ended,
            () = &mut whole => break Ok(()),
            _ = ending.wait_for(|ending| *ending), if !told => {
                connection.as_mut().graceful_shutdown();
                told = true;
            }
        }
    };
    if let Err(error) = ended {
        tracing::debug!(%error, "a connection broke off");
    }
    drop(slot);
}

fn note(ended: Result<(), tokio::task::JoinError>) {
    if let Err(error) = ended {
        tracing::error!(%error, "a connection ended by a defect");
    }
}
